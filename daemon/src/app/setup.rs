//! Configuration and connectors, before anything is open.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::look::{broken_by_stem, data_dir_at_fault};
use crate::config::{self, Config, Problem, Problems, ProcessEnv, SecretsFile, SecretsFileError};
use crate::connector::{Host, LoadError, Registry};
use crate::redact;

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
    pub host: Arc<Host>,
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
        let config::Loaded { config, warnings } =
            config::load(config_path, &manifests, &broken, &registry.hashes(), &ProcessEnv)?;
        Ok(Self { config, warnings, registry, host: Arc::new(host) }.complete()?)
    }

    /// Adds the secrets that the daemon makes itself, and sees to it that none is ever shown.
    pub(super) fn complete(mut self) -> Result<Self, SecretsFileError> {
        SecretsFile::new(&self.config.paths.data_dir).complete(&mut self.config)?;
        let own = self.config.api.token.iter();
        let others = self.config.integrations.values().flat_map(|i| i.secrets.values().chain(&i.webhook_token));
        redact::everywhere(own.chain(others));
        Ok(self)
    }
}
