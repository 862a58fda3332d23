//! `ltvd connector inspect`: a manifest in plain words.

use serde_json::json;

use super::super::failure::Failure;
use super::super::output::{self, plain, plain_lines};
use super::list::{doors, size};
use crate::connector::Connector;
use crate::model::manifest::{
    Column, ColumnContent, CsvFormat, Host, Manifest, Polling, SettingDescription, SettingKind, WebhookDescription,
};

pub(super) fn inspect(connector: &Connector, json: bool) -> Result<(), Failure> {
    if json {
        return output::print_json(&json!({
            "manifest": connector.manifest,
            "file": connector.path,
            "size": connector.size,
            "sha256": connector.sha256,
            "contract": connector.contract,
            "imports": connector.imports,
            "exports": connector.exports,
        }));
    }
    output::print(&plain_lines(&text(connector)))
}

fn text(connector: &Connector) -> String {
    let Connector { manifest, path, sha256, contract, imports, exports, .. } = connector;
    let mut text = format!("{} ({}) {}\n\n", manifest.name, manifest.id, manifest.version);
    text.push_str(&format!("file      {}, {}\n", path.display(), size(connector.size)));
    text.push_str(&format!("sha256    {sha256}\n"));
    text.push_str(&format!("contract  ltv:connector@{contract}\n"));
    text.push_str(&format!("reads     {}\n", doors(connector.interfaces).join(", ")));
    text.push_str(&format!("asks      {}\n", reach(manifest)));
    text.push_str(&format!("secrets   {}\n", secrets(manifest)));
    text.push_str(&format!("imports   {}\n", permissions(imports)));
    text.push_str(&format!("exports   {}\n", exports.join(", ")));
    text.push_str(&format!(
        "\nTo use this very file and no other, write into its integration\n  connector = \"{}\"\n  sha256 = \"{sha256}\"\n",
        manifest.id
    ));
    text.push_str(&described(manifest));
    text
}

/// Which hosts the daemon asks on its behalf.
fn reach(manifest: &Manifest) -> String {
    if manifest.hosts.is_empty() {
        return "nobody: it names no host, so no request is sent for it".to_owned();
    }
    let host = |host: &Host| match host {
        Host::Exact(host) => host.clone(),
        Host::Subdomains(domain) => format!("every host below {domain}"),
        Host::Setting(setting) => format!("the host of the setting {setting}"),
    };
    let hosts: Vec<String> = manifest.hosts.iter().map(host).collect();
    format!("{}; ltvd sends the requests, and `hosts` of the integration narrows this", hosts.join(", "))
}

/// Which secrets it may have sent, and to whom they are told.
fn secrets(manifest: &Manifest) -> String {
    let is_secret = |kind: &SettingKind| matches!(kind, SettingKind::Secret | SettingKind::GeneratedSecret);
    let names: Vec<&str> =
        manifest.settings.iter().filter(|one| is_secret(&one.kind)).map(|one| one.name.as_str()).collect();
    match names.as_slice() {
        [] => "none".to_owned(),
        names => {
            format!("{}; it knows their names, and ltvd puts the values into requests to those hosts", names.join(", "))
        }
    }
}

/// What it may do is what it imports.
fn permissions(imports: &[String]) -> String {
    let only_log = imports.iter().all(|import| import.starts_with("ltv:connector/log"));
    match imports {
        [] => "nothing, so all it can do is answer".to_owned(),
        _ if only_log => format!("{}, so all it can do is log and answer", imports.join(", ")),
        _ => format!("{} (WASI is there and does nothing: no files, no network)", imports.join(", ")),
    }
}

fn described(manifest: &Manifest) -> String {
    let mut text = String::new();
    text.push_str("\nSettings\n");
    if manifest.settings.is_empty() {
        text.push_str("  none\n");
    }
    manifest.settings.iter().for_each(|setting| text.push_str(&described_setting(setting)));
    if let Some(polling) = &manifest.polling {
        text.push_str(&described_polling(polling));
    }
    if let Some(webhook) = &manifest.webhook {
        text.push_str(&described_webhook(webhook));
    }
    manifest.csv_formats.iter().for_each(|format| text.push_str(&described_format(format)));
    text
}

fn described_setting(setting: &SettingDescription) -> String {
    let kind = match &setting.kind {
        SettingKind::Text => "text".to_owned(),
        SettingKind::Secret => "secret".to_owned(),
        SettingKind::GeneratedSecret => "secret, made by ltvd if none is given".to_owned(),
        SettingKind::Url => "address".to_owned(),
        SettingKind::Zone => "time zone".to_owned(),
        SettingKind::Currency => "currency".to_owned(),
        SettingKind::Integer => "whole number".to_owned(),
        SettingKind::Boolean => "true or false".to_owned(),
        SettingKind::Choice(choices) => {
            choices.iter().map(|choice| format!("\"{}\"", choice.value)).collect::<Vec<_>>().join(" or ")
        }
        SettingKind::TextList => "list of texts".to_owned(),
    };
    let needed = match (&setting.default, setting.required) {
        (Some(default), _) => format!(", default {default}"),
        (None, true) => ", required".to_owned(),
        (None, false) => String::new(),
    };
    let mut text = format!("  {} ({kind}{needed})\n", setting.name);
    for line in [&setting.label, &setting.help].into_iter().filter(|line| !line.trim().is_empty()) {
        text.push_str(&format!("      {}\n", plain(line.trim())));
    }
    text
}

fn described_polling(polling: &Polling) -> String {
    let per_minute = polling.requests_per_minute_max.map_or_else(String::new, |max| format!(", {max} a minute"));
    let again = match polling.recheck_days {
        0 => String::new(),
        1 => "reads the last day again daily; ".to_owned(),
        days => format!("reads the last {days} days again daily; "),
    };
    let yes = |able: bool| if able { "yes" } else { "no" };
    format!(
        "\nPolling\n  every {} s at most, {} days at a time, {} requests at once{per_minute}\n  {again}single orders: {}; sets up \
         its webhooks: {}\n",
        polling.interval_min_s,
        polling.window_days_max,
        polling.concurrent_requests_max,
        yes(polling.refreshes),
        yes(polling.subscribes),
    )
}

fn described_webhook(webhook: &WebhookDescription) -> String {
    let proof = if webhook.provable {
        "deliveries are checked by a signature or a shared word"
    } else {
        "deliveries are not signed: the address is the only proof"
    };
    let mut text = format!("\nWebhooks\n  {proof}\n");
    if !webhook.topics.is_empty() {
        text.push_str(&format!("  events: {}\n", webhook.topics.join(", ")));
    }
    for line in webhook.manual_setup.iter().flat_map(|setup| setup.lines()) {
        text.push_str(&format!("  {line}\n"));
    }
    text
}

fn described_format(format: &CsvFormat) -> String {
    let mut text = format!("\nFile: {} ({})\n", format.name, format.id);
    if let Some(reason) = &format.refused {
        text.push_str(&format!("  always refused: {reason}\n"));
        return text;
    }
    if !format.group_by.is_empty() {
        text.push_str(&format!("  rows with equal {} are read together\n", format.group_by.join(" and ")));
    }
    let row = |column: &Column| {
        let mut names = column.aliases.clone();
        names.extend(column.named_by.iter().map(|setting| format!("(the setting {setting})")));
        let content = match column.content {
            ColumnContent::Text => "text",
            ColumnContent::Amount => "amount",
            ColumnContent::Date => "date",
            ColumnContent::Time => "time",
        };
        let required = if column.required { "yes" } else { "" };
        vec![column.name.clone(), content.to_owned(), required.to_owned(), names.join(", ")]
    };
    text.push_str(&output::table(&["column", "holds", "required", "also called"], format.columns.iter().map(row)));
    if format.other_columns {
        text.push_str("  and all other columns of the file\n");
    }
    text
}
