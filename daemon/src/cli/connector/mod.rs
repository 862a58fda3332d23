//! `ltvd connector`: what connectors are, and what they make of a delivery. Needs neither daemon nor ledger.

mod entries;
mod inspect;
mod list;
mod new;
mod read;
mod settings;
mod test;
mod trial;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::failure::Failure;
pub(super) use crate::app::connectors_dir_at_fault as folder_at_fault;
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
    /// Write the project of a new connector, which builds and passes its tests as written
    New(new::Args),
    /// Hold a connector against its cases, and against what every connector must satisfy
    Test(test::Args),
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
        Command::New(args) => new::new(&args),
        Command::Test(args) => test::test(&args),
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
/// If WebAssembly does not work here.
pub(super) fn load_registry(paths: &Paths) -> Result<(Registry, Host), Failure> {
    let cache = paths.data_dir.join("cache");
    let host = Host::new(cache.is_dir().then_some(cache.as_path()))?;
    let registry = host.load_dir(&paths.connectors_dir);
    Ok((registry, host))
}

/// A connector by its file, or by its id in the configured folder. The host must live as long as it is used.
fn find(config: &Path, name: &str) -> Result<(Arc<Connector>, Host), Failure> {
    let path = Path::new(name);
    if name.contains(['/', '\\']) || path.extension().is_some() {
        let host = Host::new(None)?;
        return Ok((Arc::new(host.load_file(path)?), host));
    }
    let paths = config::locate(config)?;
    if let Some(fault) = folder_at_fault(&paths.connectors_dir) {
        return Err(Failure::Config(fault));
    }
    let (registry, host) = load_registry(&paths)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_without_connectors_is_told_with_its_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder_at_fault(&folder.path().join("none")).unwrap();
        assert!(missing.contains("no such folder") && missing.contains("cargo xtask connectors"), "{missing}");
        std::fs::write(folder.path().join("notes.txt"), "").unwrap();
        assert!(folder_at_fault(folder.path()).unwrap().contains("no connectors"));
        std::fs::write(folder.path().join("shop.wasm"), "").unwrap();
        assert_eq!(folder_at_fault(folder.path()), None);
    }
}
