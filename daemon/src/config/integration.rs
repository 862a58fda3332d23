//! `[integrations.NAME]`: the daemon's own keys, and the settings of the connector beside them.

use std::collections::BTreeMap;
use std::path::Path;

use toml::Spanned;
use toml::de::DeValue;

use super::problem::quote;
use super::read::{Fault, Reader, Section, Value};
use super::secret::{self, Env, Vault};
use super::types::{BadRows, DecimalMark, Integration};
use super::{parse, polling, schema, suggest};
use crate::limits::config::NAME_CHARS;
use crate::model::manifest::{DateOrder, Manifest, SettingDescription, SettingKind, SettingValue};

/// What an integration is read against.
pub(super) struct Surroundings<'a> {
    pub(super) manifests: &'a BTreeMap<String, Manifest>,
    /// Why a connector file was refused, by the stem of its name.
    pub(super) broken: &'a BTreeMap<String, String>,
    /// SHA-256 of the connectors' files by id.
    pub(super) hashes: &'a BTreeMap<String, String>,
    pub(super) env: &'a dyn Env,
    /// Folder of the configuration file.
    pub(super) folder: &'a Path,
    /// `drop.bad_rows`
    pub(super) bad_rows: BadRows,
}

/// The choices of `bad_rows`.
pub(super) const BAD_ROWS: [(&str, BadRows); 2] =
    [("quarantine", BadRows::Quarantine), ("reject-file", BadRows::RejectFile)];

/// Reads all of them. What is wrong was noted; an integration that is wrong is left out.
pub(super) fn read_all(
    reader: &mut Reader<'_>,
    mut section: Section<'_>,
    surroundings: &Surroundings<'_>,
) -> BTreeMap<String, Integration> {
    let mut integrations = BTreeMap::new();
    for name in section.names() {
        let Some((site, value)) = section.take(name) else { continue };
        if let Err(fault) = check_name(name) {
            reader.error(site.clone(), fault);
        }
        let Some(table) = reader.table(site, value, &format!("integrations.{name}")) else { continue };
        if let Some(integration) = read_one(reader, name, table, surroundings) {
            integrations.insert(name.to_owned(), integration);
        }
    }
    integrations
}

/// The name stands in addresses and is a folder, so it is plain.
fn check_name(name: &str) -> Result<(), Fault> {
    let plain = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    // One that begins with a hyphen would be an option on the command line.
    if name.is_empty() || name.len() > NAME_CHARS || !plain || name.starts_with('-') {
        let message = format!("{} cannot be the name of an integration", quote(name));
        return Err(Fault::new(message)
            .help(format!("use 1 to {NAME_CHARS} lower case letters, digits and hyphens, for example `main-store`")));
    }
    if matches!(name, "done" | "failed") {
        let message = format!("{} cannot be the name of an integration", quote(name));
        return Err(Fault::new(message).help("the drop folder has a folder of this name for files that were read"));
    }
    Ok(())
}

fn read_one(
    reader: &mut Reader<'_>,
    name: &str,
    mut table: Section<'_>,
    around: &Surroundings<'_>,
) -> Option<Integration> {
    let connector_site = table.site_of(schema::CONNECTOR.name);
    let has_connector = table.has(&schema::CONNECTOR);
    let connector = reader.read(&mut table, &schema::CONNECTOR, parse::text);
    let enabled = reader.read(&mut table, &schema::ENABLED, parse::boolean);
    let zone_site = table.site_of(schema::ZONE.name);
    let zone_given = table.has(&schema::ZONE);
    let zone = reader.read(&mut table, &schema::ZONE, parse::zone);
    let complete_through = reader.read(&mut table, &schema::COMPLETE_THROUGH, parse::date);
    let webhooks_complete = reader.read(&mut table, &schema::WEBHOOKS_COMPLETE, parse::boolean);
    let bad_rows = reader.read(&mut table, &schema::INTEGRATION_BAD_ROWS, |value| parse::choice(value, &BAD_ROWS));
    let date_order = reader.read(&mut table, &schema::DATE_ORDER, |v| {
        parse::choice(v, &[("month-first", DateOrder::MonthFirst), ("day-first", DateOrder::DayFirst)])
    });
    let decimal_mark = reader.read(&mut table, &schema::DECIMAL_MARK, |v| {
        parse::choice(v, &[(".", DecimalMark::Point), (",", DecimalMark::Comma)])
    });

    let pin_site = table.site_of(schema::SHA256.name);
    let pin = reader.read(&mut table, &schema::SHA256, parse::sha256);
    let from_site = table.site_of(schema::FROM.name);
    let polling = polling::read(reader, &mut table, around);

    if !has_connector {
        let message = "missing; it says which platform this is";
        reader.error(connector_site.clone(), Fault::new(message).help(available(around.manifests)));
    }
    let connector = connector?;
    if let (Some(pin), Some(hash)) = (&pin, around.hashes.get(&connector))
        && pin != hash
    {
        reader.error(pin_site, other_file(&connector, hash));
    }
    let enabled = enabled.unwrap_or(true);
    let mut found = Settings::default();
    if let Some(manifest) = around.manifests.get(&connector) {
        let vault = Vault { env: around.env, folder: around.folder, required: enabled };
        for setting in &manifest.settings {
            if setting.name == schema::ZONE.name && setting.kind == SettingKind::Zone {
                // The daemon's own key, which this connector cannot do without.
                if setting.required && enabled && !zone_given {
                    reader.error(zone_site.clone(), missing(setting));
                }
                continue;
            }
            read_setting(reader, &mut table, manifest, setting, &vault, &mut found);
        }
        // Credentials for asking, as far as the manifest tells: what nothing works without, or an optional `api_key`. Other
        // secrets are for webhooks.
        let for_asking = |setting: &&SettingDescription| {
            setting.kind == SettingKind::Secret && (setting.required || setting.name == "api_key")
        };
        let has_key = manifest.settings.iter().filter(for_asking).any(|key| found.secrets.contains_key(&key.name));
        let fault = polling.as_ref().and_then(|polling| polling::question(manifest, polling, has_key));
        if let Some(fault) = fault.filter(|_| enabled) {
            reader.warn(from_site, fault);
        }
        let own = schema::INTEGRATION.keys.iter().map(|key| key.name);
        let known: Vec<_> = own.chain(manifest.settings.iter().map(|setting| setting.name.as_str())).collect();
        reader.finish(table, &known);
    } else {
        // Without its description nothing can be said about its settings: they stay unread.
        let fault = no_connector(&connector, around);
        if enabled { reader.error(connector_site, fault) } else { reader.warn(connector_site, fault) }
    }
    Some(Integration {
        name: name.to_owned(),
        connector,
        enabled,
        zone: zone?,
        settings: found.values,
        secrets: found.secrets,
        ungiven_secrets: found.ungiven,
        webhook_token: None,
        complete_through,
        webhooks_complete: webhooks_complete?,
        bad_rows: bad_rows.unwrap_or(around.bad_rows),
        date_order,
        decimal_mark,
        polling: polling?,
    })
}

fn available(manifests: &BTreeMap<String, Manifest>) -> String {
    if manifests.is_empty() {
        return "there is no connector in `connectors_dir`".to_owned();
    }
    let ids: Vec<_> = manifests.keys().map(String::as_str).collect();
    format!("available: {}", ids.join(", "))
}

/// The file is not the one that the operator looked at.
fn other_file(id: &str, hash: &str) -> Fault {
    let message = format!("the file of the connector {} is another one: its SHA-256 is {hash}", quote(id));
    Fault::new(message).help(format!(
        "`ltvd connector inspect {id}` tells what it may do; if you changed it yourself and trust it, write this hash here"
    ))
}

fn no_connector(id: &str, around: &Surroundings<'_>) -> Fault {
    if let Some(reason) = around.broken.get(id) {
        return Fault::new(format!("the connector {} could not be loaded: {reason}", quote(id)));
    }
    let ids = around.manifests.keys().chain(around.broken.keys()).map(String::as_str);
    let meant = suggest::closest(id, ids).map(|meant| format!("; did you mean `{meant}`?")).unwrap_or_default();
    Fault::new(format!("there is no connector {}{meant}", quote(id))).help(available(around.manifests))
}

#[derive(Default)]
struct Settings {
    values: BTreeMap<String, SettingValue>,
    secrets: BTreeMap<String, secrecy::SecretString>,
    ungiven: Vec<String>,
}

fn read_setting(
    reader: &mut Reader<'_>,
    table: &mut Section<'_>,
    manifest: &Manifest,
    setting: &SettingDescription,
    vault: &Vault<'_>,
    found: &mut Settings,
) {
    let name = &setting.name;
    let site = table.site_of(name);
    if schema::INTEGRATION.has(name) {
        let message = format!("connector {} has a setting with the name of a key of the daemon", quote(&manifest.id));
        reader.error(site, Fault::new(message).help("whoever wrote the connector must rename the setting"));
        return;
    }
    let is_secret = matches!(setting.kind, SettingKind::Secret | SettingKind::GeneratedSecret);
    match table.take(name) {
        Some((site, value)) if is_secret => {
            if let Some(secret) = secret::read(reader, &site, value, vault) {
                found.secrets.insert(name.clone(), secret);
            }
        }
        Some((site, value)) => {
            if let Some(value) = reader.parse(site, value, |value| parse_setting(&setting.kind, value)) {
                found.values.insert(name.clone(), value);
            }
        }
        None if setting.kind == SettingKind::GeneratedSecret => found.ungiven.push(name.clone()),
        None => match &setting.default {
            Some(default) if !is_secret => match parse_default(&setting.kind, default) {
                Ok(value) => {
                    found.values.insert(name.clone(), value);
                }
                Err(fault) => {
                    let message = format!("the default of connector {} is wrong: ", quote(&manifest.id));
                    reader.error(site, Fault { message: message + &fault.message, help: fault.help, at: None });
                }
            },
            _ if setting.required && vault.required => reader.error(site, missing(setting)),
            _ => {}
        },
    }
}

fn missing(setting: &SettingDescription) -> Fault {
    let help = [setting.label.trim(), setting.help.trim()].into_iter().filter(|text| !text.is_empty());
    Fault::new("missing; nothing works without it").help(help.collect::<Vec<_>>().join(": "))
}

fn parse_setting(kind: &SettingKind, value: &Value<'_>) -> Result<SettingValue, Fault> {
    Ok(match kind {
        SettingKind::Text | SettingKind::Secret | SettingKind::GeneratedSecret => {
            SettingValue::Text(parse::text(value)?)
        }
        SettingKind::Url => SettingValue::Text(parse::url(value)?),
        SettingKind::Zone => SettingValue::Text(parse::zone(value)?.name().to_owned()),
        SettingKind::Currency => SettingValue::Text(parse::currency(value)?.as_str().to_owned()),
        SettingKind::Integer => SettingValue::Integer(parse::integer(value)?),
        SettingKind::Boolean => SettingValue::Boolean(parse::boolean(value)?),
        SettingKind::TextList => SettingValue::Texts(parse::texts(value)?),
        SettingKind::Choice(choices) => {
            let choices: Vec<_> = choices.iter().map(|c| (c.value.as_str(), c.value.as_str())).collect();
            SettingValue::Text(parse::choice(value, &choices)?.to_owned())
        }
    })
}

/// A default is "as in the configuration file", but for the quotes, and a list may be a plain row of words.
fn parse_default(kind: &SettingKind, default: &str) -> Result<SettingValue, Fault> {
    match kind {
        SettingKind::TextList if !default.trim_start().starts_with('[') => {
            let words = default.split(',').map(str::trim).filter(|word| !word.is_empty());
            Ok(SettingValue::Texts(words.map(str::to_owned).collect()))
        }
        SettingKind::Integer | SettingKind::Boolean | SettingKind::TextList => {
            let value = DeValue::parse(default).map_err(|error| Fault::new(error.message()))?;
            parse_setting(kind, &value)
        }
        _ => parse_setting(kind, &Spanned::new(0..0, DeValue::String(default.into()))),
    }
}
