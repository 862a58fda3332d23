//! `ltvd check`: everything that is wrong, at once, without touching anything.

use std::collections::BTreeMap;
use std::path::Path;

use super::connector::{folder_at_fault, load_registry};
use super::failure::Failure;
use super::output::{self, count};
use crate::app::data_dir_at_fault;
use crate::config::{self, Config, ProcessEnv, SecretsFile};
use crate::connector::Registry;
use crate::doors::poll;
use crate::platform::Courier;

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
    let manifests: BTreeMap<_, _> =
        registry.connectors.iter().map(|(id, connector)| (id.clone(), connector.manifest.clone())).collect();
    let broken: BTreeMap<_, _> = registry
        .broken
        .iter()
        .filter_map(|error| Some((error.path()?.file_stem()?.to_str()?.to_owned(), error.to_string())))
        .collect();
    let mut wrong: Vec<String> = match folder_at_fault(&paths.connectors_dir) {
        Some(fault) => vec![fault],
        None => registry.broken.iter().map(ToString::to_string).collect(),
    };
    let config = match config::load(path, &manifests, &broken, &registry.hashes(), &ProcessEnv) {
        Ok(config::Loaded { config, warnings }) => {
            warnings.iter().for_each(|warning| output::warn(&format!("{warning}\n")));
            wrong.extend(settings_at_fault(path, &config, &registry));
            Some(config)
        }
        Err(problems) => {
            // One message each: those of the file come first, since they mostly explain the others.
            let of_file: Vec<_> = problems.0.iter().map(ToString::to_string).collect();
            wrong.retain(|fault| !of_file.iter().any(|problem| problem.contains(fault.as_str())));
            wrong.splice(0..0, of_file);
            None
        }
    };
    wrong.extend(data_dir_at_fault(&paths.data_dir));
    match config {
        Some(mut config) if wrong.is_empty() => {
            if args.online {
                online(&mut config, &registry)?;
            }
            let enabled = config.integrations.values().filter(|integration| integration.enabled).count() as u64;
            output::print(&format!(
                "{}: nothing is wrong; {}, {}",
                path.display(),
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

/// What connectors find in their settings, beyond what their manifests say.
fn settings_at_fault(path: &Path, config: &Config, registry: &Registry) -> Vec<String> {
    let mut wrong = Vec::new();
    for integration in config.integrations.values().filter(|integration| integration.enabled) {
        let Some(connector) = registry.connectors.get(&integration.connector) else { continue };
        let place = format!("{}: integrations.{}", path.display(), integration.name);
        if poll::is_polled(integration, connector)
            && let Err(error) = Courier::new(integration, &connector.manifest)
        {
            wrong.push(format!("{place}: {error}"));
        }
        match connector.validate(&integration.settings) {
            Ok(problems) => wrong.extend(problems.into_iter().map(|problem| match problem.setting {
                Some(setting) => format!("{place}.{setting}: {}", problem.message),
                None => format!("{place}: {}", problem.message),
            })),
            Err(error) => wrong.push(format!("{place}: {error}")),
        }
    }
    wrong
}
