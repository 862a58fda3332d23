//! `ltvd connector list`

use std::path::{Path, PathBuf};

use super::super::failure::Failure;
use super::super::output;
use super::{folder_at_fault, load_registry};
use crate::config::{self, Paths};
use crate::connector::{Connector, Interfaces};

pub(super) fn list(config: &Path, dir: Option<PathBuf>) -> Result<(), Failure> {
    let paths = match dir {
        // Without a data folder there is no cache to look for.
        Some(dir) => Paths { data_dir: PathBuf::new(), drop_dir: PathBuf::new(), connectors_dir: dir },
        None => config::locate(config)?,
    };
    if let Some(fault) = folder_at_fault(&paths.connectors_dir) {
        return Err(Failure::Config(fault));
    }
    let (registry, _host) = load_registry(&paths)?;
    if registry.connectors.is_empty() {
        output::say("there is no connector that can be used");
    } else {
        const HEAD: [&str; 6] = ["id", "version", "reads", "file", "size", "sha256"];
        output::print(&output::table(&HEAD, registry.connectors.values().map(|connector| row(connector))))?;
    }
    if registry.broken.is_empty() {
        return Ok(());
    }
    let broken: Vec<String> = registry.broken.iter().map(ToString::to_string).collect();
    Err(Failure::Failed(broken.join("\n\n")))
}

fn row(connector: &Connector) -> Vec<String> {
    // Enough to tell builds apart.
    const HASH_CHARS: usize = 12;
    vec![
        connector.manifest.id.clone(),
        connector.manifest.version.clone(),
        doors(connector.interfaces).join(", "),
        connector.path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        size(connector.size),
        connector.sha256.chars().take(HASH_CHARS).collect(),
    ]
}

/// What it can read, in words.
pub(super) fn doors(interfaces: Interfaces) -> Vec<&'static str> {
    let Interfaces { poll, webhook, csv } = interfaces;
    let all = [(poll, "API"), (webhook, "webhooks"), (csv, "files")];
    all.into_iter().filter_map(|(able, name)| able.then_some(name)).collect()
}

pub(super) fn size(bytes: u64) -> String {
    format!("{} KiB", bytes.div_ceil(1024))
}
