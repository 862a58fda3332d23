//! Everything that is wrong with a configuration and its connectors, at once: what `ltvd check` tells, and what keeps a
//! change from taking effect while the daemon runs.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use super::{App, Setup};
use crate::config::{self, Config, Paths, Problem, ProcessEnv};
use crate::connector::{LoadError, Registry};
use crate::doors::poll;
use crate::platform::Courier;

/// What was found.
#[derive(Debug)]
pub struct Looked {
    /// The configuration, if it could be read.
    pub config: Option<Config>,
    /// What works but should be looked at.
    pub warnings: Vec<Problem>,
    /// What does not work.
    pub wrong: Vec<String>,
}

/// Reads the configuration with these connectors.
pub fn look(path: &Path, paths: &Paths, registry: &Registry) -> Looked {
    let manifests: BTreeMap<_, _> =
        registry.connectors.iter().map(|(id, connector)| (id.clone(), connector.manifest.clone())).collect();
    let broken: BTreeMap<_, _> = registry.broken.iter().filter_map(broken_by_stem).collect();
    let mut wrong: Vec<String> = match connectors_dir_at_fault(&paths.connectors_dir) {
        Some(fault) => vec![fault],
        None => registry.broken.iter().map(ToString::to_string).collect(),
    };
    let (config, warnings) = match config::load(path, &manifests, &broken, &registry.hashes(), &ProcessEnv) {
        Ok(config::Loaded { config, warnings }) => {
            wrong.extend(settings_at_fault(path, &config, registry));
            (Some(config), warnings)
        }
        Err(problems) => {
            // One message each: those of the file come first, since they mostly explain the others.
            let of_file: Vec<_> = problems.0.iter().map(ToString::to_string).collect();
            wrong.retain(|fault| !of_file.iter().any(|problem| problem.contains(fault.as_str())));
            wrong.splice(0..0, of_file);
            (None, Vec::new())
        }
    };
    wrong.extend(data_dir_at_fault(&paths.data_dir));
    Looked { config, warnings, wrong }
}

impl App {
    /// The same daemon with what configuration and connectors say now. Nothing changes if anything is wrong that was not wrong
    /// before. Reads files, and compiles connectors.
    ///
    /// # Errors
    /// Everything that is wrong, as `ltvd check` tells it, and what cannot change while the daemon runs.
    pub fn look_again(&self) -> Result<(Arc<Self>, Vec<Problem>), Vec<String>> {
        let path = &self.config.file;
        let told = |problems: &config::Problems| problems.0.iter().map(ToString::to_string).collect::<Vec<_>>();
        let paths = config::locate(path).map_err(|problems| told(&problems))?;
        let fixed = |what: &str, now: String, then: String| {
            format!(
                "{}: `{what}` is {now} and would be {then}; that cannot change while ltvd runs: restart it",
                path.display()
            )
        };
        if paths.data_dir != self.config.paths.data_dir {
            let [now, then] = [&self.config.paths, &paths].map(|paths| paths.data_dir.display().to_string());
            return Err(vec![fixed("data_dir", now, then)]);
        }
        let registry = self.host.load_dir_again(&paths.connectors_dir, &self.registry);
        let Looked { config, warnings, mut wrong } = look(path, &paths, &registry);
        // What was accepted, or could not be helped, at the start must not keep everything else from changing.
        let known: HashSet<String> = self.registry.broken.iter().map(ToString::to_string).collect();
        wrong.retain(|fault| !known.contains(fault));
        if !wrong.is_empty() {
            let before: HashSet<_> = settings_at_fault(path, &self.config, &self.registry).into_iter().collect();
            wrong.retain(|fault| !before.contains(fault));
        }
        if let Some(config) = &config {
            let listen =
                |config: &Config| [("api.listen", config.api.listen), ("webhooks.listen", config.webhooks.listen)];
            for ((what, now), (_, then)) in listen(&self.config).into_iter().zip(listen(config)) {
                if now != then {
                    wrong.push(fixed(what, now.to_string(), then.to_string()));
                }
            }
        }
        let config = match config {
            Some(config) if wrong.is_empty() => config,
            _ => return Err(wrong),
        };
        let setup = Setup { config, warnings: Vec::new(), registry, host: Arc::clone(&self.host) };
        let setup = setup.complete().map_err(|error| vec![error.to_string()])?;
        let app = self.succeeded_by(setup).map_err(|error| vec![error.to_string()])?;
        Ok((app, warnings))
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

/// What to do about a folder that is not there or holds nothing. Integrations whose connector is missing only follow from
/// that.
pub fn connectors_dir_at_fault(folder: &Path) -> Option<String> {
    let what = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => "there is no such folder".to_owned(),
        Err(error) => return Some(format!("{}: cannot be read: {error}", folder.display())),
        Ok(mut files) => {
            let is_wasm =
                |file: std::fs::DirEntry| file.path().extension().is_some_and(|end| end.eq_ignore_ascii_case("wasm"));
            if files.any(|file| file.is_ok_and(is_wasm)) {
                return None;
            }
            "no connectors are in this folder".to_owned()
        }
    };
    Some(format!(
        "{}: {what}; it is `connectors_dir` of the configuration. Copy connectors (*.wasm) there; in the source of ltvd, \
         `cargo xtask connectors` builds them",
        folder.display()
    ))
}

pub(super) fn broken_by_stem(error: &LoadError) -> Option<(String, String)> {
    let stem = error.path()?.file_stem()?.to_str()?.to_owned();
    Some((stem, error.to_string()))
}
