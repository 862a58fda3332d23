//! The engine, and the connectors that a folder holds.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};

use wasmtime::{Cache, CacheConfig, Config, EngineWeak, Strategy};

use super::error::LoadError;
use super::instance::causes;
use super::load;
use super::prepared::{Ground, Prepared};
use crate::limits::connector::TICK;
use crate::model::manifest::Manifest;

/// Loads connectors.
pub struct Host {
    pub(super) ground: Ground,
    /// For short calls.
    pub(super) pool: Option<Ground>,
    pub(super) ticker: Arc<Ticker>,
}

impl Host {
    /// Sets up the engine. `cache_dir` keeps compiled connectors between starts: without it a large one takes seconds
    /// to compile each time.
    ///
    /// # Errors
    /// If the runtime does not work on this machine, or the folder cannot be used.
    pub fn new(cache_dir: Option<&Path>) -> Result<Self, LoadError> {
        let runtime = |error: wasmtime::Error| LoadError::Runtime(causes(&error));
        let mut config = Config::new();
        config
            .strategy(Strategy::Cranelift)
            .epoch_interruption(true)
            // Equal calls give equal answers, whatever the machine.
            .cranelift_nan_canonicalization(true)
            .relaxed_simd_deterministic(true);
        if let Some(dir) = cache_dir {
            let mut cache = CacheConfig::new();
            cache.with_directory(
                std::path::absolute(dir).map_err(|source| LoadError::Read { path: dir.into(), source })?,
            );
            config.cache(Some(Cache::new(cache).map_err(runtime)?));
        }
        let ground = Ground::new(&config).map_err(runtime)?;
        let pool = Ground::pooled(&config);
        let engines = [Some(&ground), pool.as_ref()].into_iter().flatten().map(|ground| ground.engine.weak()).collect();
        let ticker = Arc::new(Ticker::start(engines)?);
        Ok(Self { ground, pool, ticker })
    }

    /// Loads one connector: a component, or a core module that says which world it is made for.
    ///
    /// # Errors
    /// Whatever keeps it from being used; see [`LoadError`].
    pub fn load_file(&self, path: &Path) -> Result<Connector, LoadError> {
        load::load(self, path)
    }

    /// Loads every `*.wasm` of a folder. What is broken does not keep the others from being used.
    pub fn load_dir(&self, dir: &Path) -> Registry {
        self.load_dir_again(dir, &Registry::default())
    }

    /// As [`Host::load_dir`]. A file that has not changed since stays the connector that it was.
    pub fn load_dir_again(&self, dir: &Path, before: &Registry) -> Registry {
        let mut registry = Registry::default();
        let paths = match wasm_files(dir) {
            Ok(paths) => paths,
            Err(source) => {
                registry.broken.push(LoadError::Read { path: dir.to_owned(), source });
                return registry;
            }
        };
        let mut twins = Vec::new();
        for path in paths {
            let unchanged =
                before.connectors.values().find(|connector| connector.path == path && connector.is_unchanged());
            let loaded = match unchanged {
                Some(connector) => Ok(Arc::clone(connector)),
                None => self.load_file(&path).map(Arc::new),
            };
            match loaded {
                Ok(connector) => match registry.connectors.entry(connector.manifest.id.clone()) {
                    Entry::Vacant(place) => {
                        place.insert(connector);
                    }
                    Entry::Occupied(other) => {
                        let id = connector.manifest.id.clone();
                        registry.broken.push(LoadError::Twin { id, first: other.get().path.clone(), second: path });
                        twins.push(connector.manifest.id.clone());
                    }
                },
                Err(error) => registry.broken.push(error),
            }
        }
        // Which of them is meant is not ours to guess.
        for id in twins {
            registry.connectors.remove(&id);
        }
        registry
    }
}

/// The `*.wasm` files of a folder, by name.
fn wasm_files(dir: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("wasm")) && path.is_file() {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// The connectors of a folder.
#[derive(Debug, Default)]
pub struct Registry {
    /// By id.
    pub connectors: BTreeMap<String, Arc<Connector>>,
    /// Files that are not used, and why.
    pub broken: Vec<LoadError>,
}

impl Registry {
    /// SHA-256 of every connector's file, by id.
    #[must_use]
    pub fn hashes(&self) -> BTreeMap<String, String> {
        self.connectors.iter().map(|(id, connector)| (id.clone(), connector.sha256.clone())).collect()
    }
}

/// Which optional interfaces a connector has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Interfaces {
    /// It can be polled.
    pub poll: bool,
    /// It reads webhooks.
    pub webhook: bool,
    /// It reads files.
    pub csv: bool,
}

/// A connector that fits. Everything public is what `inspect` shows.
pub struct Connector {
    /// What it says of itself, checked.
    pub manifest: Manifest,
    /// Where it was loaded from.
    pub path: PathBuf,
    /// SHA-256 of the file, lower-case hexadecimal. State and memory belong to this very file.
    pub sha256: String,
    /// Size of the file, bytes.
    pub size: u64,
    /// Version of the contract that it was made for, for example `0.1.0`.
    pub contract: String,
    /// Interfaces with functions that it imports: its permissions.
    pub imports: Vec<String>,
    /// Interfaces that it exports.
    pub exports: Vec<String>,
    /// Which optional interfaces it has.
    pub interfaces: Interfaces,
    pub(super) prepared: Arc<Prepared>,
    /// The same for short calls, if it fits.
    pub(super) pooled: Option<Arc<Prepared>>,
    /// Deadlines need the clock to run for as long as the connector is used.
    pub(super) _ticker: Arc<Ticker>,
}

impl Connector {
    /// Whether its file still holds what was loaded from it.
    fn is_unchanged(&self) -> bool {
        load::read(&self.path).is_ok_and(|bytes| load::sha256(&bytes) == self.sha256)
    }
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connector")
            .field("id", &self.manifest.id)
            .field("version", &self.manifest.version)
            .field("path", &self.path)
            .field("sha256", &self.sha256)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Host").finish_non_exhaustive()
    }
}

/// The clock that deadlines are counted in: a thread that moves the epoch on. It ends with the last of its users.
pub(super) struct Ticker {
    /// Never sent on: the thread ends when it is dropped.
    _alive: Sender<()>,
}

impl Ticker {
    fn start(engines: Vec<EngineWeak>) -> Result<Self, LoadError> {
        let (alive, ended) = channel();
        std::thread::Builder::new()
            .name("connector-clock".to_owned())
            .spawn(move || tick(&engines, &ended))
            .map_err(|error| LoadError::Runtime(format!("no thread for the clock: {error}")))?;
        Ok(Self { _alive: alive })
    }
}

fn tick(engines: &[EngineWeak], ended: &Receiver<()>) {
    while let Err(RecvTimeoutError::Timeout) = ended.recv_timeout(TICK) {
        for engine in engines.iter().filter_map(EngineWeak::upgrade) {
            engine.increment_epoch();
        }
    }
}
