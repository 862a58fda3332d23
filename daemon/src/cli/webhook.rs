//! `ltvd webhook`

use std::path::Path;

use secrecy::ExposeSecret as _;
use serde_json::Value;

use super::call::Call;
use super::client::Client;
use super::failure::Failure;
use super::output::{self, cell};
use crate::app::Setup;
use crate::config::{Config, Integration};
use crate::connector::Connector;
use crate::model::manifest::SettingKind;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Print the address that the platform must be given, and say what to do with it
    Url {
        /// The integration; may be left out where only one takes webhooks
        integration: Option<String>,
    },
    /// Have the platform deliver its webhooks here, where it lets itself be told; the daemon looks after them daily
    Subscribe {
        /// The integration
        integration: String,
    },
    /// Remove the webhooks that the platform delivers here
    Unsubscribe {
        /// The integration
        integration: String,
    },
}

/// `ltvd webhook subscribe` and `unsubscribe`.
pub(super) async fn at_platform(client: Client, command: Command) -> Result<(), Failure> {
    match command {
        Command::Url { .. } => Ok(()),
        Command::Subscribe { integration } => subscribe(&client, &integration).await,
        Command::Unsubscribe { integration } => {
            let answer = client.json(Call::post(&["v1", "integrations", &integration, "unsubscribe"])).await?;
            let removed = answer.get("removed").and_then(Value::as_u64).unwrap_or_default();
            output::print(&format!("{} removed at the platform", output::count(removed, "webhook", "webhooks")))
        }
    }
}

async fn subscribe(client: &Client, integration: &str) -> Result<(), Failure> {
    if !client.is_daemon() {
        output::warn("no daemon is running, so nothing answers the platform's test call: start it with `ltvd run`");
    }
    let answer = client.json(Call::post(&["v1", "integrations", integration, "subscribe"])).await?;
    let webhooks = answer.get("webhooks").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let lines: String = webhooks
        .iter()
        .map(|webhook| {
            format!("{}: {} (webhook {})\n", cell(webhook, "topic"), cell(webhook, "action"), cell(webhook, "id"))
        })
        .collect();
    output::print(&output::plain_lines(lines.trim_end()))?;
    match answer.get("reached").and_then(Value::as_bool) {
        Some(true) => output::say("the platform's test call has arrived"),
        Some(false) => {
            let advice = answer.get("advice").and_then(Value::as_str).unwrap_or_default();
            output::warn(&output::plain(advice));
        }
        None => {}
    }
    Ok(())
}

/// `ltvd webhook url`
pub(super) fn url(config: &Path, integration: Option<&str>) -> Result<(), Failure> {
    let setup = super::setup(config)?;
    let (integration, connector) = choose(&setup, integration)?;
    let token = integration.webhook_token.as_ref().map(|token| token.expose_secret());
    let token = token.ok_or_else(|| Failure::Failed("the address has no random part".to_owned()))?;
    explain(&setup.config, integration, connector);
    output::print(&format!("{}/hooks/{}/{token}", setup.config.webhooks.public_url, integration.name))
}

/// An integration that takes webhooks.
fn choose<'s>(setup: &'s Setup, name: Option<&str>) -> Result<(&'s Integration, &'s Connector), Failure> {
    let able = |integration: &'s Integration| {
        let connector = setup.registry.connectors.get(&integration.connector)?;
        connector.interfaces.webhook.then_some((integration, &**connector))
    };
    let all: Vec<_> = setup.config.integrations.values().filter_map(able).collect();
    let names = || all.iter().map(|(integration, _)| integration.name.as_str()).collect::<Vec<_>>().join(", ");
    let Some(name) = name else {
        return match all.as_slice() {
            [only] => Ok(*only),
            [] => {
                Err(Failure::Config("no integration of the configuration has a connector that takes webhooks".into()))
            }
            _ => Err(Failure::Usage(format!("which integration? One of: {}", names()))),
        };
    };
    if let Some(found) = all.iter().find(|(integration, _)| integration.name == name) {
        return Ok(*found);
    }
    Err(Failure::Failed(match setup.config.integrations.get(name) {
        Some(integration) => format!("the connector `{}` of `{name}` takes no webhooks", integration.connector),
        None if all.is_empty() => format!("there is no integration `{name}`"),
        None => format!("there is no integration `{name}`; those that take webhooks: {}", names()),
    }))
}

fn explain(config: &Config, integration: &Integration, connector: &Connector) {
    let manifest = &connector.manifest;
    if let Some(described) = &manifest.webhook {
        if let Some(setup) = &described.manual_setup {
            output::say(setup);
        }
        if !described.topics.is_empty() {
            output::say(&format!("events: {}", described.topics.join(", ")));
        }
        if !described.provable {
            output::say(&format!(
                "{} does not sign its webhooks: whoever knows the address can send sales, so treat it like a password",
                manifest.name
            ));
        }
    }
    let is_signed = manifest.webhook.as_ref().is_some_and(|described| described.provable);
    let secrets = manifest.settings.iter().filter(|setting| {
        is_signed
            && matches!(setting.kind, SettingKind::Secret | SettingKind::GeneratedSecret)
            && !integration.secrets.contains_key(&setting.name)
    });
    for secret in secrets {
        let hint = [&secret.label, &secret.help].map(|text| text.trim()).join(": ");
        output::warn(&format!(
            "integrations.{}.{} is not set; webhooks that are signed with it, if any, are refused. {}",
            integration.name,
            secret.name,
            hint.trim_matches([':', ' '])
        ));
    }
    if !integration.enabled {
        output::warn("the integration is disabled, so nothing is taken at this address");
    }
    let local = ["://127.", "://localhost", "://[::1]"];
    if local.iter().any(|part| config.webhooks.public_url.contains(part)) {
        output::warn(
            "`webhooks.public_url` names this machine, which no platform reaches; write that of your proxy or tunnel",
        );
    }
}
