//! `ltvd check`: everything that is wrong, at once, without touching anything.

use std::path::Path;

use super::connector::load_registry;
use super::failure::Failure;
use super::output::{self, count};
use crate::app::{Looked, look};
use crate::config::{self, Config, SecretsFile};
use crate::connector::Registry;
use crate::doors::poll;

/// Arguments of `ltvd check`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Ask the platforms as well: whether addresses, credentials and permissions are good
    #[arg(long)]
    online: bool,
}

pub(super) fn check(path: &Path, args: &Args) -> Result<(), Failure> {
    let paths = config::locate(path)?;
    let (registry, _host) = load_registry(&paths)?;
    let Looked { config, warnings, wrong } = look(path, &paths, &registry);
    warnings.iter().for_each(|warning| output::warn(&format!("{warning}\n")));
    match config {
        Some(mut config) if wrong.is_empty() => {
            if args.online {
                online(&mut config, &registry)?;
            }
            let enabled = config.integrations.values().filter(|integration| integration.enabled).count() as u64;
            output::print(&format!(
                "{}: nothing is wrong{}; {}, {}",
                path.display(),
                match warnings.len() as u64 {
                    0 => String::new(),
                    number => format!(", {}", count(number, "warning", "warnings")),
                },
                count(enabled, "integration", "integrations"),
                count(registry.connectors.len() as u64, "connector", "connectors"),
            ))
        }
        _ => Err(Failure::Config(format!(
            "{}\n\n{}",
            count(wrong.len() as u64, "problem", "problems"),
            wrong.join("\n\n")
        ))),
    }
}

/// Asks every platform that can be asked, and shows what it says.
fn online(config: &mut Config, registry: &Registry) -> Result<(), Failure> {
    SecretsFile::new(&config.paths.data_dir).complete(config).map_err(|error| Failure::Failed(error.to_string()))?;
    let asked: Vec<_> = config
        .integrations
        .values()
        .filter(|integration| integration.enabled)
        .filter_map(|integration| Some((integration, registry.connectors.get(&integration.connector)?)))
        .filter(|(integration, connector)| poll::is_polled(integration, connector))
        .collect();
    if asked.is_empty() {
        output::say(
            "no integration asks its platform: that needs a connector with polling, and `from` in the integration",
        );
    }
    let runtime = super::runtime()?;
    let mut wrong = 0;
    for (integration, connector) in asked {
        let name = &integration.name;
        match runtime.block_on(poll::check(integration, connector)) {
            Ok(lines) => {
                output::print(&format!("{name}: {} answers", connector.manifest.name))?;
                for line in lines {
                    output::print(&format!("    {}", output::plain(&line)))?;
                }
            }
            Err(text) => {
                wrong += 1;
                output::print(&format!("{name}: {}", output::plain_lines(&text)))?;
            }
        }
    }
    match wrong {
        0 => Ok(()),
        wrong => Err(Failure::Failed(format!("{} to be mended", count(wrong, "integration has", "integrations have")))),
    }
}
