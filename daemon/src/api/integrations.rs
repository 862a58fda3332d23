//! What is known of each integration, for the status and for the list of integrations.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Serialize;

use super::problem::Problem;
use super::schema::{Date, Instant, ZoneName};
use super::syncs::{self, SyncState};
use super::time;
use crate::app::App;
use crate::config::Integration;
use crate::connector::Connector;
use crate::model::{Zone, day_of, local_day};
use crate::report::MarkOrigin;

/// One integration.
#[derive(Serialize, JsonSchema)]
pub(super) struct IntegrationAnswer {
    /// Its name in the configuration.
    name: String,
    /// The id of its connector; `null` if it is not in the configuration any more.
    connector: Option<String>,
    /// `null` if the connector is not loaded.
    connector_version: Option<String>,
    /// It takes deliveries.
    enabled: bool,
    /// Zone of the account.
    #[schemars(with = "ZoneName")]
    zone: &'static str,
    /// Entries in the ledger.
    entries: u64,
    /// The last day that is whole; `null` if nobody knows.
    #[schemars(with = "Option<Date>")]
    complete_through: Option<String>,
    /// Who says so.
    complete_through_by: Option<MarkOrigin>,
    /// When the last webhook delivery that was read had arrived.
    #[schemars(with = "Option<Instant>")]
    last_webhook: Option<String>,
    /// The last file.
    last_import: Option<LastImport>,
    /// Deliveries that wait to be read.
    pending: u64,
    /// Deliveries and rows that could not be read.
    quarantined: u64,
    /// The asking of its platform; `null` if it is not asked.
    sync: Option<SyncState>,
    /// What a person should see to.
    problems: Vec<String>,
}

/// A file that was imported.
#[derive(Serialize, JsonSchema)]
struct LastImport {
    /// Its name.
    file: String,
    /// When.
    #[schemars(with = "Option<Instant>")]
    at: Option<String>,
}

/// All integrations: those of the configuration, and those that left it and have entries.
pub(super) fn describe(app: &App) -> Result<Vec<IntegrationAnswer>, Problem> {
    let marked = app.marked()?;
    let mut entries = vec![0_u64; marked.len()];
    for entry in app.ledger.book().live() {
        if let Some(count) = entries.get_mut(usize::from(entry.integration)) {
            *count += 1;
        }
    }
    let quarantined = app.ledger.quarantine_counts()?;
    let pending = app.ledger.pending_counts()?;
    let imports = app.ledger.imports()?;
    let names = app.config.integrations.keys().cloned().chain(marked.iter().map(|known| known.name.clone()));
    let names: BTreeSet<String> = names.collect();
    names
        .into_iter()
        .map(|name| {
            let configured = app.config.integrations.get(&name);
            let connector = configured.and_then(|i| app.registry.connectors.get(&i.connector));
            let known = marked.iter().position(|known| known.name == name);
            let mark = known.and_then(|at| marked.get(at)).and_then(|known| known.complete_through);
            let marks = app.ledger.marks(&name)?;
            let zone = configured.map_or(Zone::UTC, |integration| integration.zone);
            let last_import = imports
                .iter()
                .filter(|(integration, ..)| *integration == name)
                .max_by_key(|(_, _, import)| import.at_ms);
            Ok(IntegrationAnswer {
                connector: configured.map(|integration| integration.connector.to_string()),
                connector_version: connector.map(|connector| connector.manifest.version.to_string()),
                enabled: configured.is_some_and(|integration| integration.enabled),
                zone: zone.name(),
                entries: known.and_then(|at| entries.get(at)).copied().unwrap_or(0),
                // A mark is the first instant that may be missing; people want the last day that is whole.
                complete_through: mark.map(|mark| day_of(local_day(mark.unix_ms.saturating_sub(1), zone)).to_string()),
                complete_through_by: mark.map(|mark| mark.origin),
                last_webhook: marks.webhook_last_ms.and_then(time),
                last_import: last_import
                    .map(|(_, _, import)| LastImport { file: import.name.clone(), at: time(import.at_ms) }),
                pending: pending.get(&name).copied().unwrap_or(0),
                quarantined: quarantined.get(&name).copied().unwrap_or(0),
                sync: syncs::state(app, &name)?,
                problems: problems(configured, connector.map(AsRef::as_ref)),
                name,
            })
        })
        .collect()
}

fn problems(configured: Option<&Integration>, connector: Option<&Connector>) -> Vec<String> {
    let Some(integration) = configured else {
        return vec!["it is not in the configuration any more; its entries still count".to_owned()];
    };
    let Some(connector) = connector else {
        return vec![format!("its connector `{}` is not loaded", integration.connector)];
    };
    if !connector.manifest.webhook.as_ref().is_some_and(|webhook| webhook.provable) {
        return Vec::new();
    }
    let told = |secret| format!("`{secret}` is not set, so its webhooks are refused");
    integration.ungiven_secrets.iter().map(told).collect()
}
