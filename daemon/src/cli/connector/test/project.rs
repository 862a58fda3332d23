//! Where a project has its connector and its cases. `connector.toml` says it:
//!
//! ```toml
//! file = "target/wasm32-unknown-unknown/release/kiosk.wasm"
//! cases = "cases"
//! ```

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// Where things are.
pub(super) struct Project {
    /// The connector's file.
    pub(super) file: PathBuf,
    /// The folder of its cases.
    pub(super) cases: PathBuf,
}

const NAME: &str = "connector.toml";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProjectToml {
    file: PathBuf,
    #[serde(default = "cases")]
    cases: PathBuf,
    /// For people and editors: how it is built.
    #[serde(default)]
    build: String,
}

fn cases() -> PathBuf {
    PathBuf::from("cases")
}

/// Where the file is: what cargo builds into `target` may be told to be elsewhere.
fn built(path: &Path, file: &Path) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").filter(|target| !target.is_empty());
    match (target, file.strip_prefix("target")) {
        (Some(target), Ok(below)) => path.join(target).join(below),
        _ => path.join(file),
    }
}

/// A project by its folder, or a connector by its file.
pub(super) fn find(path: &Path, given_cases: Option<PathBuf>) -> Result<Project, String> {
    if !path.is_dir() {
        let beside = || path.parent().unwrap_or(Path::new("")).join("cases");
        return Ok(Project { file: path.to_owned(), cases: given_cases.unwrap_or_else(beside) });
    }
    let described = path.join(NAME);
    let text = fs::read_to_string(&described).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            format!("{}: there is no {NAME} in it; name the connector's file instead", path.display())
        }
        _ => format!("{}: cannot be read: {error}", described.display()),
    })?;
    let told: ProjectToml = toml::from_str(&text).map_err(|error| format!("{}: {error}", described.display()))?;
    let file = built(path, &told.file);
    if !file.is_file() {
        let how =
            if told.build.is_empty() { String::new() } else { format!(": run `{}` in {}", told.build, path.display()) };
        return Err(format!(
            "{} is not built yet{how}; what is built elsewhere is named with its file, and `--cases {}`",
            file.display(),
            path.join(&told.cases).display()
        ));
    }
    Ok(Project { file, cases: given_cases.unwrap_or_else(|| path.join(told.cases)) })
}
