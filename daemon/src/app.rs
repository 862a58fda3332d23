//! What a running daemon consists of: configuration, connectors, ledger, and the views that reports are answered from.

mod source;
mod views;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio::sync::Notify;

use crate::clock::now_ms;
use crate::config::{self, Config, Integration, Problem, Problems, ProcessEnv, SecretsFile, SecretsFileError};
use crate::connector::{CallContext, Connector, Host, LoadError, Registry};
use crate::ledger::{Ledger, LedgerError};
use crate::live::Polls;
use crate::model::{Zone, day_number};
use crate::platform::Courier;
use crate::redact::{self, Redactor};
use crate::report::{BadRate, IntegrationFacts, Mark, MarkOrigin, Rates};

pub use source::Reading;
use views::Views;
pub use views::{Lens, Seeing};

/// Configuration and connectors, checked against each other. Nothing is open yet.
#[derive(Debug)]
pub struct Setup {
    /// The configuration, with all secrets that the daemon makes itself.
    pub config: Config,
    /// What an operator should look at.
    pub warnings: Vec<Problem>,
    /// The connectors.
    pub registry: Registry,
    /// Keeps the engine alive.
    pub host: Host,
}

/// Why there is no setup.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] Problems),
    /// The secrets that the daemon made cannot be read or kept.
    #[error(transparent)]
    Secrets(#[from] SecretsFileError),
    /// The folder for data cannot be used.
    #[error("{0}")]
    DataDir(String),
    /// WebAssembly does not work here.
    #[error(transparent)]
    Host(#[from] LoadError),
}

impl Setup {
    /// Reads the configuration, loads the connectors, and holds one against the other.
    ///
    /// # Errors
    /// All problems at once.
    pub fn load(config_path: &Path) -> Result<Self, SetupError> {
        let paths = config::locate(config_path)?;
        if let Some(fault) = data_dir_at_fault(&paths.data_dir) {
            return Err(SetupError::DataDir(fault));
        }
        // Compiled code is only a cache: where the folder cannot be made, connectors are compiled at each start.
        let cache = paths.data_dir.join("cache");
        let cached =
            crate::ledger::make_private_dir(&paths.data_dir).is_ok() && crate::ledger::make_private_dir(&cache).is_ok();
        let host = Host::new(cached.then_some(cache.as_path()))?;
        let registry = host.load_dir(&paths.connectors_dir);
        let manifests: BTreeMap<_, _> =
            registry.connectors.iter().map(|(id, connector)| (id.clone(), connector.manifest.clone())).collect();
        let broken: BTreeMap<_, _> = registry.broken.iter().filter_map(broken_by_stem).collect();
        let config::Loaded { mut config, warnings } = config::load(config_path, &manifests, &broken, &ProcessEnv)?;
        SecretsFile::new(&config.paths.data_dir).complete(&mut config)?;
        redact::everywhere(redactor(&config));
        Ok(Self { config, warnings, registry, host })
    }
}

/// Why the folder for data cannot be used, if it cannot. Where it is missing it must be possible to make it.
pub fn data_dir_at_fault(data_dir: &Path) -> Option<String> {
    let existing = data_dir.ancestors().find(|folder| folder.exists())?;
    // Nothing of this file is ever seen.
    let error = tempfile::tempfile_in(existing).err()?;
    let what = if existing == data_dir { "nothing can be written there" } else { "it cannot be made" };
    // The error names a temporary file, which would only confuse.
    let why =
        error.get_ref().and_then(std::error::Error::source).map_or_else(|| error.to_string(), ToString::to_string);
    Some(format!(
        "{}: {what}: {why}; it is `data_dir` of the configuration. It must be a folder that the user who runs ltvd may write",
        data_dir.display()
    ))
}

fn broken_by_stem(error: &LoadError) -> Option<(String, String)> {
    let stem = error.path()?.file_stem()?.to_str()?.to_owned();
    Some((stem, error.to_string()))
}

/// A daemon with an open ledger.
#[derive(Debug)]
pub struct App {
    /// The configuration in force.
    pub config: Config,
    /// The connectors in use.
    pub registry: Registry,
    /// All that is kept.
    pub ledger: Ledger,
    /// Wakes the reader of the inbox.
    pub inbox: Notify,
    /// The daemon is about to end: whoever waits for something long is told so.
    pub stopping: AtomicBool,
    /// What is asked of platforms at this moment.
    pub polls: Polls,
    /// Who asks the platform of each integration, or why nobody can.
    couriers: BTreeMap<String, Result<Arc<Courier>, String>>,
    /// When this was opened.
    pub started: Instant,
    /// The same on the clock, milliseconds since 1970-01-01T00:00:00Z.
    pub started_ms: i64,
    /// What the drop folder did last, by path, for people who look at the status.
    pub drop_notes: Mutex<BTreeMap<String, String>>,
    rates: Rates,
    views: Views,
    fatal: Mutex<Option<String>>,
    /// Woken when the daemon must end.
    pub ended: Notify,
    _host: Host,
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
        let couriers = couriers(&config, &registry);
        Ok(Arc::new(Self {
            config,
            registry,
            ledger,
            inbox: Notify::new(),
            stopping: AtomicBool::new(false),
            polls: Polls::default(),
            couriers,
            started: Instant::now(),
            started_ms: now_ms(),
            drop_notes: Mutex::default(),
            rates,
            views: Views::default(),
            fatal: Mutex::default(),
            ended: Notify::new(),
            _host: host,
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
        self.fatal.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(message);
        self.ended.notify_one();
    }

    /// Why the daemon had to end, if it had to.
    pub fn fatal(&self) -> Option<String> {
        self.fatal.lock().unwrap_or_else(PoisonError::into_inner).clone()
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

/// One for each integration whose connector asks its platform.
fn couriers(config: &Config, registry: &Registry) -> BTreeMap<String, Result<Arc<Courier>, String>> {
    let asks = config.integrations.values().filter(|integration| integration.enabled).filter_map(|integration| {
        let connector = registry.connectors.get(&integration.connector)?;
        connector.manifest.polling.as_ref()?;
        let courier = Courier::new(integration, &connector.manifest).map(Arc::new).map_err(|error| error.to_string());
        Some((integration.name.clone(), courier))
    });
    asks.collect()
}

/// Every secret of a configuration.
fn redactor(config: &Config) -> Redactor {
    let own = config.api.token.iter();
    let others = config.integrations.values().flat_map(|i| i.secrets.values().chain(&i.webhook_token));
    Redactor::new(own.chain(others))
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
