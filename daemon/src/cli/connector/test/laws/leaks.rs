//! What a connector says must not tell what it was trusted with.

use std::collections::BTreeSet;

use super::super::case::Case;
use super::super::play::{Stage, Told};
use super::{Law, Played};
use crate::model::manifest::{SettingKind, SettingValue};
use crate::platform::is_user_name;

/// Shortest text of a setting that is looked for, bytes: shorter ones are in any text by chance.
const SETTING_BYTES_MIN: usize = 6;

/// Collects what leaked.
#[derive(Debug, Default)]
pub(super) struct Ears {
    tried: u64,
    heard: BTreeSet<(String, String)>,
}

/// Looks at the stories as they were told, and at what was heard while they were damaged.
pub(super) fn kept(stages: &[(Stage, &Played<'_>)], mut ears: Ears) -> Law {
    for (stage, played) in stages {
        played.told.iter().for_each(|told| ears.listen(stage, played.case, told));
    }
    let mut law = Law::new("no setting or secret leaks into entries or logs, and no address into logs");
    law.tried = ears.tried;
    ears.heard.into_iter().for_each(|(case, what)| law.violated(&case, what));
    law
}

impl Ears {
    pub(super) fn listen(&mut self, stage: &Stage, case: &Case, told: &Told) {
        self.tried += 1;
        let log: Vec<&str> = told.log.iter().map(|line| line.message.as_str()).collect();
        let entries = format!("{:?}", told.changes);
        let said = format!("{:?} {:?} {:?} {:?}", told.rejects, told.notes, told.outcome, told.end);
        let kept: Vec<String> = told.kept.iter().map(|bytes| String::from_utf8_lossy(bytes).into_owned()).collect();
        let mut leak = |what: &str, place: &str| {
            self.heard.insert((case.name.clone(), format!("{what} stands in {place}")));
        };
        for (name, word) in &stage.given.secrets {
            if is_user_name(name) {
                continue;
            }
            let places = [("an entry", &entries), ("a message", &said)];
            for (place, _) in places.iter().filter(|(_, text)| text.contains(word)) {
                leak(&format!("the secret `{name}`"), place);
            }
            if log.iter().any(|line| line.contains(word)) {
                leak(&format!("the secret `{name}`"), "the log");
            }
            if told.asked.iter().any(|request| request.contains(word)) {
                leak(&format!("the secret `{name}`"), "a request, as text instead of by its name");
            }
            if kept.iter().any(|text| text.contains(word)) {
                leak(&format!("the secret `{name}`"), "a state or memory");
            }
        }
        for setting in &stage.connector.manifest.settings {
            // A currency or zone belongs into entries; a list names what is in the data anyway.
            if !matches!(setting.kind, SettingKind::Text | SettingKind::Url) {
                continue;
            }
            let Some(SettingValue::Text(value)) = stage.given.values.get(&setting.name) else { continue };
            if value.len() < SETTING_BYTES_MIN {
                continue;
            }
            if entries.contains(value.as_str()) {
                leak(&format!("the setting `{}`", setting.name), "an entry");
            }
            if log.iter().any(|line| line.contains(value.as_str())) {
                leak(&format!("the setting `{}`", setting.name), "the log");
            }
        }
        let mails = told.changes.iter().flat_map(addresses);
        for mail in mails.filter(|mail| mail.contains('@')) {
            if log.iter().any(|line| line.contains(mail)) {
                leak("a customer's address", "the log");
            }
        }
    }
}

fn addresses(change: &crate::model::Change) -> Vec<&str> {
    use crate::model::Change;
    let entries = match change {
        Change::Put(entry) => std::slice::from_ref(entry),
        Change::ReplaceOrder(order) => order.entries.as_slice(),
        Change::Withdraw(_) => &[],
    };
    entries.iter().filter_map(|entry| entry.customer.email.as_deref()).collect()
}
