//! Programs from PyPI, each in a Python environment of its own under the target folder.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::workspace::{Workspace, output, status};

/// One package in one version.
pub(crate) struct Package {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    /// Further requirements, as pip takes them.
    pub(crate) with: &'static [&'static str],
}

/// The folder with the package's programs, and `python`. Made on the first call.
///
/// # Errors
/// If there is no Python with venv, or no way to PyPI.
pub(crate) fn install(workspace: &Workspace, package: &Package) -> Result<PathBuf> {
    let Package { name, version, with } = package;
    let environment = workspace.target.join(format!("tools/{name}-venv"));
    let programs = environment.join("bin");
    let mut installed = Command::new(programs.join("python"));
    installed.args(["-c", "import importlib.metadata, sys; print(importlib.metadata.version(sys.argv[1]))", name]);
    if output(&mut installed).is_ok_and(|found| found.trim() == *version) {
        return Ok(programs);
    }
    let advice = || format!("{name} needs python3 with venv, and PyPI");
    eprintln!("Installing {name} {version} into {}; once.", environment.display());
    status(Command::new("python3").args(["-m", "venv"]).arg(&environment)).with_context(advice)?;
    let wanted = format!("{name}=={version}");
    status(Command::new(programs.join("python")).args(["-m", "pip", "install", "--quiet", &wanted]).args(*with))
        .with_context(advice)?;
    Ok(programs)
}
