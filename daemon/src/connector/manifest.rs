//! Manifests: from the contract's types to the model's, and whether they make sense.

use std::collections::BTreeSet;

use semver::Version;

use super::bindings::connector as wit;
use super::bindings::types as wit_types;
use super::host::Interfaces;
use super::time::quoted;
use crate::limits::connector::{MANIFEST_ITEMS, TEXT_BYTES};
use crate::limits::files::COLUMNS;
use crate::model::Currency;
use crate::model::manifest::{
    Axis, Choice, Column, ColumnContent, CsvFormat, DateOrder, Granularity, Host, Manifest, Polling,
    SettingDescription, SettingKind, WebhookDescription,
};

/// Names that every integration has, so that no connector may use them for a setting.
pub const RESERVED_SETTINGS: [&str; 20] = [
    "allow_private_addresses",
    "bad_rows",
    "ca_file",
    "complete_through",
    "concurrent_requests",
    "connect_to",
    "connector",
    "date_order",
    "decimal_mark",
    "enabled",
    "every",
    "from",
    "hosts",
    "keep_responses_days",
    "recheck_days",
    "requests_per_minute",
    "sha256",
    "to",
    "webhooks_complete",
    "zone",
];

/// Longest id or name of a setting, bytes: they become file names and keys of configuration.
const NAME_BYTES: usize = 64;

/// Turns a manifest into the model's.
///
/// # Errors
/// All that is wrong with it.
pub(super) fn from_wit(said: wit::Manifest, exported: Interfaces) -> Result<Manifest, Vec<String>> {
    let manifest = Manifest {
        id: said.id,
        name: said.name,
        version: said.version,
        settings: said.settings.into_iter().map(setting).collect(),
        hosts: said.hosts.into_iter().map(host).collect(),
        polling: said.polling.map(polling),
        webhook: said.webhook.map(webhook),
        csv_formats: said.csv_formats.into_iter().map(format).collect(),
    };
    let problems = problems(&manifest, exported);
    if problems.is_empty() { Ok(manifest) } else { Err(problems) }
}

fn setting(said: wit::SettingDescription) -> SettingDescription {
    SettingDescription {
        name: said.name,
        label: said.label,
        help: said.help,
        kind: match said.kind {
            wit::SettingKind::Text => SettingKind::Text,
            wit::SettingKind::Secret => SettingKind::Secret,
            wit::SettingKind::GeneratedSecret => SettingKind::GeneratedSecret,
            wit::SettingKind::Url => SettingKind::Url,
            wit::SettingKind::Zone => SettingKind::Zone,
            wit::SettingKind::Currency => SettingKind::Currency,
            wit::SettingKind::Integer => SettingKind::Integer,
            wit::SettingKind::Boolean => SettingKind::Boolean,
            wit::SettingKind::Choice(choices) => SettingKind::Choice(
                choices.into_iter().map(|choice| Choice { value: choice.value, label: choice.label }).collect(),
            ),
            wit::SettingKind::TextList => SettingKind::TextList,
        },
        required: said.required,
        default: said.default,
    }
}

fn host(said: wit::Host) -> Host {
    match said {
        wit::Host::Exact(name) => Host::Exact(name),
        wit::Host::Subdomains(name) => Host::Subdomains(name),
        wit::Host::Setting(name) => Host::Setting(name),
    }
}

pub(super) const fn axis(said: wit_types::Axis) -> Axis {
    match said {
        wit_types::Axis::Modified => Axis::Modified,
        wit_types::Axis::Created => Axis::Created,
    }
}

fn polling(said: wit::Polling) -> Polling {
    Polling {
        axes: said.axes.into_iter().map(axis).collect(),
        granularity: match said.granularity {
            wit::Granularity::Second => Granularity::Second,
            wit::Granularity::Day => Granularity::Day,
        },
        window_days_max: said.window_days_max,
        overlap_s: said.overlap_s,
        recheck_days: said.recheck_days,
        interval_min_s: said.interval_min_s,
        concurrent_requests_max: said.concurrent_requests_max,
        requests_per_minute_max: said.requests_per_minute_max,
        request_timeout_ms: said.request_timeout_ms,
        refreshes: said.refreshes,
        subscribes: said.subscribes,
    }
}

fn webhook(said: wit::WebhookDescription) -> WebhookDescription {
    WebhookDescription { topics: said.topics, manual_setup: said.manual_setup, provable: said.provable }
}

fn format(said: wit::CsvFormat) -> CsvFormat {
    CsvFormat {
        id: said.id,
        name: said.name,
        columns: said
            .columns
            .into_iter()
            .map(|column| Column {
                name: column.name,
                aliases: column.aliases,
                named_by: column.named_by,
                content: match column.content {
                    wit::ColumnContent::Text => ColumnContent::Text,
                    wit::ColumnContent::Amount => ColumnContent::Amount,
                    wit::ColumnContent::Date => ColumnContent::Date,
                    wit::ColumnContent::Time => ColumnContent::Time,
                },
                required: column.required,
            })
            .collect(),
        other_columns: said.other_columns,
        group_by: said.group_by,
        date_order: said.date_order.map(|order| match order {
            wit::DateOrder::MonthFirst => DateOrder::MonthFirst,
            wit::DateOrder::DayFirst => DateOrder::DayFirst,
        }),
        refused: said.refused,
    }
}

/// Everything that is wrong with a manifest.
fn problems(manifest: &Manifest, exported: Interfaces) -> Vec<String> {
    let mut wrong = Vec::new();
    if !is_id(&manifest.id) {
        wrong.push(format!(
            "the id {} is not lower-case letters, digits and hyphens, beginning with a letter, at most {NAME_BYTES}",
            quoted(&manifest.id)
        ));
    }
    if !is_label(&manifest.name) {
        wrong.push("the name is empty, too long or has control characters".to_owned());
    }
    if Version::parse(&manifest.version).is_err() {
        wrong.push(format!("the version {} is not Semantic Versioning 2.0.0, like 1.2.3", quoted(&manifest.version)));
    }
    for (what, count) in [
        ("settings", manifest.settings.len()),
        ("hosts", manifest.hosts.len()),
        ("webhook topics", manifest.webhook.as_ref().map_or(0, |webhook| webhook.topics.len())),
        ("CSV formats", manifest.csv_formats.len()),
    ] {
        if count > MANIFEST_ITEMS {
            wrong.push(format!("it has {count} {what}, and {MANIFEST_ITEMS} are allowed"));
        }
    }
    for (interface, declared, exported) in [
        ("poll", manifest.polling.is_some(), exported.poll),
        ("webhook", manifest.webhook.is_some(), exported.webhook),
        ("csv", !manifest.csv_formats.is_empty(), exported.csv),
    ] {
        match (declared, exported) {
            (true, false) => wrong.push(format!("it describes `{interface}`, which the connector does not export")),
            (false, true) => wrong.push(format!("the connector exports `{interface}`, which it does not describe")),
            _ => {}
        }
    }
    check_settings(manifest, &mut wrong);
    check_hosts(manifest, &mut wrong);
    if let Some(polling) = &manifest.polling {
        check_polling(polling, &mut wrong);
    }
    check_formats(manifest, &mut wrong);
    wrong
}

fn check_settings(manifest: &Manifest, wrong: &mut Vec<String>) {
    let mut names = BTreeSet::new();
    for setting in &manifest.settings {
        let name = quoted(&setting.name);
        if !is_setting_name(&setting.name) {
            wrong.push(format!("the setting {name} is not lower-case letters, digits and underscores"));
        }
        // A connector may say of the zone that nothing works without it.
        let zone = setting.name == "zone" && setting.kind == SettingKind::Zone;
        if RESERVED_SETTINGS.contains(&setting.name.as_str()) && !zone {
            wrong.push(format!("the setting {name} has a name that every integration has already"));
        }
        if !names.insert(&setting.name) {
            wrong.push(format!("the setting {name} is there twice"));
        }
        match &setting.kind {
            SettingKind::Choice(choices) if choices.is_empty() || choices.len() > MANIFEST_ITEMS => {
                wrong.push(format!(
                    "the setting {name} has {} choices, and 1 to {MANIFEST_ITEMS} are allowed",
                    choices.len()
                ));
            }
            _ => {}
        }
        if let Some(default) = &setting.default
            && !is_default(&setting.kind, default)
        {
            wrong.push(format!("the default {} of the setting {name} does not fit its kind", quoted(default)));
        }
    }
}

/// Whether the text of a default can stand for a setting of this kind.
fn is_default(kind: &SettingKind, text: &str) -> bool {
    match kind {
        SettingKind::Text | SettingKind::TextList => true,
        SettingKind::Secret | SettingKind::GeneratedSecret => false,
        SettingKind::Url => text.starts_with("https://") || text.starts_with("http://"),
        SettingKind::Zone => text.parse::<crate::model::Zone>().is_ok(),
        SettingKind::Currency => text.parse::<Currency>().is_ok(),
        SettingKind::Integer => text.parse::<i64>().is_ok(),
        SettingKind::Boolean => matches!(text, "true" | "false"),
        SettingKind::Choice(choices) => choices.iter().any(|choice| choice.value == text),
    }
}

fn check_hosts(manifest: &Manifest, wrong: &mut Vec<String>) {
    for host in &manifest.hosts {
        match host {
            Host::Exact(name) | Host::Subdomains(name) if !is_host(name) => {
                wrong.push(format!("the host {} is no lower-case host name", quoted(name)));
            }
            Host::Setting(name) if !has_setting(manifest, name, &SettingKind::Url) => {
                wrong.push(format!("a host is taken from the setting {}, which is no url setting", quoted(name)));
            }
            _ => {}
        }
    }
}

fn check_polling(polling: &Polling, wrong: &mut Vec<String>) {
    if polling.axes.is_empty() {
        wrong.push("polling has no axis".to_owned());
    }
    for (what, value) in [
        ("window-days-max", Some(polling.window_days_max)),
        ("concurrent-requests-max", Some(polling.concurrent_requests_max)),
        ("requests-per-minute-max", polling.requests_per_minute_max),
        ("request-timeout-ms", Some(polling.request_timeout_ms)),
    ] {
        if value == Some(0) {
            wrong.push(format!("polling has {what} 0"));
        }
    }
}

fn check_formats(manifest: &Manifest, wrong: &mut Vec<String>) {
    let mut ids = BTreeSet::new();
    for format in &manifest.csv_formats {
        let id = quoted(&format.id);
        if !is_label(&format.id) || !is_label(&format.name) {
            wrong.push(format!(
                "the CSV format {id} has an id or name that is empty, too long or has control characters"
            ));
        }
        if !ids.insert(&format.id) {
            wrong.push(format!("the CSV format {id} is there twice"));
        }
        if format.columns.is_empty() || format.columns.len() > COLUMNS {
            wrong.push(format!(
                "the CSV format {id} has {} columns, and 1 to {COLUMNS} are allowed",
                format.columns.len()
            ));
        }
        let mut columns = BTreeSet::new();
        for column in &format.columns {
            if !is_label(&column.name) {
                wrong.push(format!(
                    "a column of the CSV format {id} has a name that is empty, too long or has control characters"
                ));
            }
            if !columns.insert(&column.name) {
                wrong.push(format!("the column {} of the CSV format {id} is there twice", quoted(&column.name)));
            }
            if let Some(setting) = &column.named_by
                && !has_setting(manifest, setting, &SettingKind::Text)
            {
                wrong.push(format!(
                    "the column {} of the CSV format {id} is named by the setting {}, which is no text setting",
                    quoted(&column.name),
                    quoted(setting)
                ));
            }
        }
        for name in format.group_by.iter().filter(|name| !columns.contains(name)) {
            wrong.push(format!("the CSV format {id} is grouped by {}, which is none of its columns", quoted(name)));
        }
    }
}

fn has_setting(manifest: &Manifest, name: &str, kind: &SettingKind) -> bool {
    manifest.settings.iter().any(|setting| setting.name == name && setting.kind == *kind)
}

fn is_id(id: &str) -> bool {
    id.len() <= NAME_BYTES
        && id.starts_with(|c: char| c.is_ascii_lowercase())
        && !id.ends_with('-')
        && id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

fn is_setting_name(name: &str) -> bool {
    name.len() <= NAME_BYTES
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

fn is_label(text: &str) -> bool {
    !text.trim().is_empty() && text.len() <= TEXT_BYTES && !text.chars().any(char::is_control)
}

fn is_host(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 253
        && name.split('.').all(|label| {
            !label.is_empty()
                && label.len() <= 63
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Manifest {
        let setting = |name: &str, kind| SettingDescription {
            name: name.into(),
            label: "l".into(),
            help: String::new(),
            kind,
            required: false,
            default: None,
        };
        Manifest {
            id: "shop-2".into(),
            name: "Shop".into(),
            version: "1.2.3-rc.1+7".into(),
            settings: vec![setting("store_url", SettingKind::Url), setting("heading", SettingKind::Text)],
            hosts: vec![Host::Exact("api.example.com".into()), Host::Setting("store_url".into())],
            polling: None,
            webhook: None,
            csv_formats: vec![CsvFormat {
                id: "orders".into(),
                name: "Orders".into(),
                columns: vec![Column {
                    name: "id".into(),
                    aliases: vec![],
                    named_by: Some("heading".into()),
                    content: ColumnContent::Text,
                    required: true,
                }],
                other_columns: false,
                group_by: vec!["id".into()],
                date_order: None,
                refused: None,
            }],
        }
    }

    fn found(change: impl FnOnce(&mut Manifest)) -> Vec<String> {
        let mut manifest = good();
        change(&mut manifest);
        problems(&manifest, Interfaces { csv: true, ..Interfaces::default() })
    }

    #[test]
    fn a_good_manifest_passes() {
        assert_eq!(found(|_| ()), Vec::<String>::new());
    }

    #[test]
    fn each_fault_is_named_once() {
        type Change = fn(&mut Manifest);
        let faults: [(Change, &str); 15] = [
            (|m| m.id = "Shop".into(), "the id `Shop`"),
            (|m| m.id = "../evil".into(), "the id `../evil`"),
            (|m| m.name = "\u{1b}[2J".into(), "the name"),
            (|m| m.version = "1.2".into(), "the version `1.2`"),
            (|m| m.version = "01.2.3".into(), "the version `01.2.3`"),
            (|m| m.settings[1].name = "Heading".into(), "the setting `Heading`"),
            (|m| m.settings.push(m.settings[0].clone()), "twice"),
            (|m| m.settings[0].default = Some("shop".into()), "the default `shop`"),
            (|m| m.hosts[0] = Host::Exact("https://x".into()), "the host `https://x`"),
            (|m| m.hosts[1] = Host::Setting("heading".into()), "which is no url setting"),
            (
                |m| m.webhook = Some(WebhookDescription { topics: vec![], manual_setup: None, provable: true }),
                "does not export",
            ),
            (|m| m.csv_formats.clear(), "does not describe"),
            (|m| m.csv_formats[0].group_by[0] = "order".into(), "none of its columns"),
            (|m| m.csv_formats[0].columns[0].named_by = Some("store_url".into()), "no text setting"),
            (|m| m.csv_formats.push(m.csv_formats[0].clone()), "twice"),
        ];
        for (change, text) in faults {
            let found = found(change);
            assert!(found.iter().any(|problem| problem.contains(text)), "{text}: {found:?}");
        }
        assert!(found(|m| m.settings[0].name = "zone".into()).iter().any(|p| p.contains("already")));
    }

    #[test]
    fn secrets_have_no_default() {
        assert!(!is_default(&SettingKind::Secret, "x"));
        assert!(is_default(&SettingKind::Integer, "-5") && !is_default(&SettingKind::Integer, "5.0"));
        assert!(is_default(&SettingKind::Zone, "Europe/Berlin") && !is_default(&SettingKind::Zone, "Berlin"));
    }
}
