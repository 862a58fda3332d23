//! The manifest is all that an operator sees before trusting a connector.

use super::super::play::ADDRESS_ONLY;
use super::{Law, Played};
use crate::connector::Connector;
use crate::model::manifest::{Manifest, SettingKind};

/// Shortest help that can say where a value is found, characters.
const HELP_CHARS_MIN: usize = 10;

pub(super) fn complete(connector: &Connector, played: &[Played<'_>]) -> Law {
    let mut law = Law::new("the manifest is complete and its help texts are there");
    law.tried = 1;
    gaps(&connector.manifest).into_iter().for_each(|gap| law.violated("", gap));
    if let Some(webhook) = &connector.manifest.webhook {
        let mut proofs = played.iter().flat_map(|played| &played.told).filter_map(|told| told.proof.as_deref());
        let unproven = proofs.any(|proof| proof == ADDRESS_ONLY);
        if webhook.provable && unproven {
            law.notes.push(
                "the manifest says that deliveries can be proven, and one of the cases is believed for its address alone".to_owned(),
            );
        }
    }
    law
}

/// What an operator would miss.
fn gaps(manifest: &Manifest) -> Vec<String> {
    let mut gaps = Vec::new();
    let mut gap = |missing: bool, what: String| {
        if missing {
            gaps.push(what);
        }
    };
    let blank = |text: &str| text.trim().is_empty();
    gap(blank(&manifest.name), "the connector has no name".to_owned());
    for setting in &manifest.settings {
        let name = &setting.name;
        gap(blank(&setting.label), format!("the setting `{name}` has no label"));
        let short = setting.help.trim().chars().count() < HELP_CHARS_MIN;
        gap(short, format!("the help of the setting `{name}` does not say where to find its value"));
        if let SettingKind::Choice(choices) = &setting.kind {
            let bare = choices.iter().any(|choice| blank(&choice.label));
            gap(bare, format!("a choice of the setting `{name}` has no label"));
        }
    }
    let hosts = manifest.polling.is_some() && manifest.hosts.is_empty();
    gap(hosts, "it polls and names no host, so no request would be sent".to_owned());
    if let Some(webhook) = &manifest.webhook {
        let subscribes = manifest.polling.as_ref().is_some_and(|polling| polling.subscribes);
        let by_hand = webhook.manual_setup.as_deref().is_some_and(|steps| !blank(steps));
        gap(!subscribes && !by_hand, "nothing says how to set up its webhooks by hand".to_owned());
    }
    for format in &manifest.csv_formats {
        gap(blank(&format.name), format!("the format `{}` has no name", format.id));
        let anything = format.refused.is_none()
            && !format.columns.iter().any(|column| column.required || column.named_by.is_some());
        gap(anything, format!("the format `{}` has no required column, so any file would be of it", format.id));
    }
    let reads = manifest.polling.is_some() || manifest.webhook.is_some() || !manifest.csv_formats.is_empty();
    gap(!reads, "it reads nothing: no polling, no webhook, no files".to_owned());
    gaps
}
