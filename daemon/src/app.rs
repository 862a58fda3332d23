//! What a running daemon consists of: configuration, connectors, ledger, and the views that reports are answered from.
//!
//! Configuration and connectors may be replaced while the daemon runs. So an [`App`] never changes: a reload makes another
//! one that shares the ledger and the [`Process`], and [`InForce`] says which of them counts. Whoever begins something (a
//! request, a delivery, a file, a pass) takes the one in force, and works with it to the end.

mod in_force;
mod look;
mod process;
mod setup;
mod source;
mod views;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};

use sha2::{Digest, Sha256};

use crate::clock::now_ms;
use crate::config::{Config, Integration};
use crate::connector::{CallContext, Connector, Host, Registry};
use crate::ledger::{Ledger, LedgerError};
use crate::model::{Zone, day_number};
use crate::platform::Courier;
use crate::report::{BadRate, IntegrationFacts, Mark, MarkOrigin, Rates};

pub use in_force::InForce;
pub use look::{Looked, connectors_dir_at_fault, data_dir_at_fault, look};
pub use process::{LastReload, Process};
pub use setup::{Setup, SetupError};
pub use source::Reading;
use views::Views;
pub use views::{Lens, Seeing};

/// A daemon with an open ledger, as one configuration and its connectors have it.
#[derive(Debug)]
pub struct App {
    /// The configuration.
    pub config: Config,
    /// The connectors in use.
    pub registry: Registry,
    /// All that is kept.
    pub ledger: Arc<Ledger>,
    /// What lasts though configuration and connectors change.
    pub process: Arc<Process>,
    /// Since when this is in force, milliseconds since 1970-01-01T00:00:00Z.
    pub in_force_ms: i64,
    /// Names the text of the configuration and the files of the connectors, lower-case hexadecimal.
    pub hash: String,
    /// Who asks the platform of each integration, or why nobody can.
    couriers: BTreeMap<String, Result<Arc<Courier>, String>>,
    rates: Rates,
    views: Arc<Views>,
    host: Arc<Host>,
}

/// The daemon cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The ledger cannot be opened.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A configured exchange rate cannot be used.
    #[error(transparent)]
    Rate(#[from] BadRate),
}

impl App {
    /// Opens the ledger.
    ///
    /// # Errors
    /// If another process has it, or it cannot be read.
    pub fn open(setup: Setup) -> Result<Arc<Self>, OpenError> {
        Self::open_by(setup, Ledger::open)
    }

    /// As [`App::open`], with a ledger that is opened in another way.
    ///
    /// # Errors
    /// As [`App::open`].
    pub fn open_by(
        setup: Setup,
        open: impl FnOnce(&Path) -> Result<Ledger, LedgerError>,
    ) -> Result<Arc<Self>, OpenError> {
        let Setup { config, registry, host, .. } = setup;
        let rates = rates(&config)?;
        let ledger = open(&config.paths.data_dir)?;
        let process = Arc::new(Process::new(&config.paths.data_dir));
        let counter = Arc::clone(&process);
        ledger.observe(move |committed| counter.metrics.committed(committed));
        let couriers = couriers(&config, &registry, &BTreeMap::new());
        Ok(Arc::new(Self {
            process,
            hash: hash(&config, &registry),
            config,
            registry,
            ledger: Arc::new(ledger),
            in_force_ms: now_ms(),
            couriers,
            rates,
            views: Arc::default(),
            host,
        }))
    }

    /// The same daemon with another configuration and other connectors.
    ///
    /// # Errors
    /// If a configured exchange rate cannot be used.
    pub fn succeeded_by(&self, setup: Setup) -> Result<Arc<Self>, BadRate> {
        let Setup { config, registry, host, .. } = setup;
        let rates = rates(&config)?;
        let couriers = couriers(&config, &registry, &self.couriers);
        // Every view holds what these say.
        let as_before = self.rates == rates && seen_by(&self.config) == seen_by(&config);
        Ok(Arc::new(Self {
            hash: hash(&config, &registry),
            views: if as_before { Arc::clone(&self.views) } else { Arc::default() },
            config,
            registry,
            ledger: Arc::clone(&self.ledger),
            process: Arc::clone(&self.process),
            in_force_ms: now_ms(),
            couriers,
            rates,
            host,
        }))
    }

    /// An enabled integration and its connector.
    pub fn integration(&self, name: &str) -> Option<(&Integration, &Arc<Connector>)> {
        let integration = self.config.integrations.get(name).filter(|integration| integration.enabled)?;
        Some((integration, self.registry.connectors.get(&integration.connector)?))
    }

    /// Who asks the platform of an integration.
    ///
    /// # Errors
    /// Why nobody can.
    pub fn courier(&self, name: &str) -> Result<Arc<Courier>, String> {
        let none = || Err(format!("the connector of `{name}` does not ask its platform"));
        self.couriers.get(name).cloned().unwrap_or_else(none)
    }

    /// Every file whose content counts, besides what is in the folder of connectors.
    pub fn files(&self) -> impl Iterator<Item = &PathBuf> {
        std::iter::once(&self.config.file).chain(&self.config.more_files)
    }

    /// What a connector is told about a call.
    pub fn call_context(
        &self,
        integration: &Integration,
        connector: &Connector,
        now_ms: i64,
    ) -> Result<CallContext, LedgerError> {
        Ok(CallContext {
            now_ms,
            zone: integration.zone,
            settings: integration.settings.clone(),
            secrets: integration.secrets.keys().cloned().collect(),
            memory: self.ledger.memory(&integration.name, &connector.sha256)?,
            integration: integration.name.clone(),
        })
    }

    /// Ends the daemon if an error leaves the state of the disk unknown: it is crash-only.
    pub fn check_fatal(&self, error: &LedgerError) {
        if error.is_fatal() {
            self.end(error.to_string());
        }
    }

    /// Ends the daemon with this message about its ledger, or with what its storage met first.
    pub fn end(&self, message: String) {
        let message = self.ledger.first_error().unwrap_or(message);
        let message = format!("{}: {message}", self.config.paths.data_dir.display());
        self.process.fatal.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(message);
        self.process.ended.notify_one();
    }

    /// Why the daemon had to end, if it had to.
    pub fn fatal(&self) -> Option<String> {
        self.process.fatal.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Up to when each integration of the book is complete.
    ///
    /// # Errors
    /// If the marks cannot be read.
    pub fn marked(&self) -> Result<Vec<IntegrationFacts>, LedgerError> {
        let names: Vec<String> = self.ledger.book().integrations().iter().map(|name| name.to_string()).collect();
        self.marks_of(names)
    }

    fn marks_of(&self, names: Vec<String>) -> Result<Vec<IntegrationFacts>, LedgerError> {
        names.into_iter().map(|name| Ok(IntegrationFacts { complete_through: self.mark(&name)?, name })).collect()
    }

    fn mark(&self, name: &str) -> Result<Option<Mark>, LedgerError> {
        let marks = self.ledger.marks(name)?;
        let integration = self.config.integrations.get(name);
        let zone = self.zone_of(name);
        let midnight = |day| crate::model::Moment::Local(i64::from(day) * 86_400_000).resolve(zone).unix_ms;
        // The day of the last row may have gone on after the export, so only what lies before it is complete.
        let before_day_of = |unix_ms: i64| midnight(crate::model::local_day(unix_ms, zone));
        // One wrong date in a file, or a clock that was wrong for a while, must not make the future complete.
        let now = now_ms();
        // "Through" a day: the first day that is not complete is the next.
        let configured = integration.and_then(|i| i.complete_through).map(|day| day_number(day).saturating_add(1));
        let declared = configured.max(marks.declared_day);
        // As long as the platform is being loaded, one file says nothing about what is still to come.
        let loading = self.ledger.cursor(name)?.load.is_some();
        let webhooks = integration.is_some_and(|i| i.webhooks_complete).then_some(marks.webhook_last_ms).flatten();
        // An integration that is gone from the configuration brings nothing more, and must not hold up the others.
        let retired = integration.is_none().then(|| Mark { unix_ms: before_day_of(now), origin: MarkOrigin::Retired });
        let candidates = [
            retired,
            declared.map(|day| Mark { unix_ms: midnight(day), origin: MarkOrigin::Declared }),
            marks
                .file_last_ms
                .filter(|_| !loading)
                .map(|ms| Mark { unix_ms: before_day_of(ms.min(now)), origin: MarkOrigin::File }),
            // One that a clock set ahead has left tells nothing.
            marks.synced_ms.filter(|ms| *ms <= now).map(|unix_ms| Mark { unix_ms, origin: MarkOrigin::Sync }),
            webhooks.map(|ms| Mark { unix_ms: before_day_of(ms.min(now)), origin: MarkOrigin::Webhooks }),
        ];
        Ok(candidates.into_iter().flatten().max_by_key(|mark| mark.unix_ms))
    }

    fn zone_of(&self, integration: &str) -> Zone {
        self.config.integrations.get(integration).map_or(Zone::UTC, |integration| integration.zone)
    }
}

/// One for each integration whose connector asks its platform. A platform that wants silence still wants it from the next.
fn couriers(
    config: &Config,
    registry: &Registry,
    before: &BTreeMap<String, Result<Arc<Courier>, String>>,
) -> BTreeMap<String, Result<Arc<Courier>, String>> {
    let asks = config.integrations.values().filter(|integration| integration.enabled).filter_map(|integration| {
        let connector = registry.connectors.get(&integration.connector)?;
        connector.manifest.polling.as_ref()?;
        let mut courier = Courier::new(integration, &connector.manifest).map_err(|error| error.to_string());
        if let (Ok(courier), Some(Ok(before))) = (&mut courier, before.get(&integration.name)) {
            courier.goes_on_from(before);
        }
        Some((integration.name.clone(), courier.map(Arc::new)))
    });
    asks.collect()
}

fn hash(config: &Config, registry: &Registry) -> String {
    let connectors = registry.connectors.values().map(|connector| connector.sha256.as_str());
    let parts: Vec<&str> = std::iter::once(config.sha256.as_str()).chain(connectors).collect();
    hex::encode(Sha256::digest(parts.concat()))
}

/// What every view depends on besides the rates and what its question says.
fn seen_by(config: &Config) -> (&crate::config::Report, Vec<(&String, Zone)>) {
    (&config.report, config.integrations.iter().map(|(name, integration)| (name, integration.zone)).collect())
}

fn rates(config: &Config) -> Result<Rates, BadRate> {
    let mut rates = Rates::new(config.report.currency);
    for (currency, rate) in &config.rates.fixed {
        rates.set_constant(*currency, (*rate).try_into()?);
    }
    for (currency, days) in &config.rates.daily {
        for (day, rate) in days {
            rates.set(*currency, day_number(*day), (*rate).try_into()?);
        }
    }
    Ok(rates)
}
