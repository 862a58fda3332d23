//! `ltvd connector`: what connectors are, and what they make of a delivery. Needs neither daemon nor ledger.

mod entries;
mod inspect;
mod list;
mod read;
mod settings;
mod trial;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::failure::Failure;
use crate::config::{self, Paths};
use crate::connector::{Connector, Host, LoadError, Registry};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List the connectors of the connectors' folder, and the files there that cannot be used
    List {
        /// Another folder than that of the configuration
        #[arg(long, value_name = "FOLDER")]
        dir: Option<PathBuf>,
    },
    /// Show what a connector is: its permissions, settings, webhooks and files
    Inspect {
        /// Its file, or its id if it lies in the connectors' folder
        connector: String,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Let a connector read one delivery, and show what it makes of it; nothing is stored or sent
    Read(Box<read::Args>),
}

pub(super) fn connector(config: &Path, command: Command) -> Result<(), Failure> {
    match command {
        Command::List { dir } => list::list(config, dir),
        Command::Inspect { connector, json } => {
            let (connector, _host) = find(config, &connector)?;
            inspect::inspect(&connector, json)
        }
        Command::Read(args) => {
            let (connector, _host) = find(config, &args.connector)?;
            read::read(&connector, &args)
        }
    }
}

impl From<LoadError> for Failure {
    fn from(error: LoadError) -> Self {
        Self::Failed(error.to_string())
    }
}

/// Loads the connectors of the configured folder. Keeps what it compiled only where the daemon has its folder already:
/// looking must not make anything.
///
/// # Errors
/// If there is no such folder, or WebAssembly does not work here.
pub(super) fn load_registry(paths: &Paths) -> Result<(Registry, Host), Failure> {
    let cache = paths.data_dir.join("cache");
    let host = Host::new(cache.is_dir().then_some(cache.as_path()))?;
    let registry = load_folder(&host, &paths.connectors_dir)?;
    Ok((registry, host))
}

fn load_folder(host: &Host, folder: &Path) -> Result<Registry, Failure> {
    if !folder.is_dir() {
        return Err(Failure::Config(format!(
            "{}: there is no such folder; it is `connectors_dir` of the configuration. Make it and copy connectors (*.wasm) \
             into it; where ltvd is built from source, `cargo xtask connectors` builds them",
            folder.display()
        )));
    }
    Ok(host.load_dir(folder))
}

/// A connector by its file, or by its id in the configured folder. The host must live as long as it is used.
fn find(config: &Path, name: &str) -> Result<(Arc<Connector>, Host), Failure> {
    let path = Path::new(name);
    if name.contains(['/', '\\']) || path.extension().is_some() {
        let host = Host::new(None)?;
        return Ok((Arc::new(host.load_file(path)?), host));
    }
    let (registry, host) = load_registry(&config::locate(config)?)?;
    if let Some(connector) = registry.connectors.get(name) {
        return Ok((Arc::clone(connector), host));
    }
    let stem = |error: &&LoadError| error.path().and_then(Path::file_stem).is_some_and(|stem| stem == name);
    Err(Failure::Failed(match registry.broken.iter().find(stem) {
        Some(error) => error.to_string(),
        None => {
            let ids: Vec<_> = registry.connectors.keys().map(String::as_str).collect();
            let there = if ids.is_empty() { "none".to_owned() } else { ids.join(", ") };
            format!(
                "there is no connector `{name}` (there: {there}); a file is named with its folder, like ./{name}.wasm"
            )
        }
    }))
}
