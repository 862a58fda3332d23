//! Where things are, and how other programs are called.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::connectors::Set;

/// The checkout that this binary was started in.
pub(crate) struct Workspace {
    /// The folder of the root Cargo.toml.
    pub(crate) root: PathBuf,
    /// Cargo's target folder.
    pub(crate) target: PathBuf,
    /// What `cargo metadata` says, without dependencies.
    metadata: Value,
}

/// How the daemon is compiled.
#[derive(Clone, Copy)]
pub(crate) enum Profile {
    Debug,
    Release,
    /// Slower to build than that and faster.
    Shipped,
}

/// A package that compiles to a connector.
pub(crate) struct ConnectorPackage {
    /// Name in Cargo.toml, `ltv-connector-samcart`.
    pub(crate) package: String,
    /// Id of the connector and stem of its file, `samcart`.
    pub(crate) id: String,
}

impl Workspace {
    /// Asks cargo, so that a CARGO_TARGET_DIR or a configured target folder is honoured.
    pub(crate) fn find() -> Result<Self> {
        // Cargo says at run time where this package is. What was compiled in may be another clone that shares the target
        // folder.
        let package =
            std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
        let manifest = package.join("../Cargo.toml");
        let answer = output(
            Command::new(cargo())
                .args(["metadata", "--no-deps", "--format-version", "1", "--manifest-path"])
                .arg(manifest),
        )?;
        let metadata: Value = serde_json::from_str(&answer).context("cargo metadata is not JSON")?;
        let path =
            |name: &str| metadata[name].as_str().map(PathBuf::from).with_context(|| format!("cargo tells no {name}"));
        Ok(Self { root: path("workspace_root")?, target: path("target_directory")?, metadata })
    }

    /// Cargo, started at the root.
    pub(crate) fn cargo(&self) -> Command {
        let mut command = Command::new(cargo());
        command.current_dir(&self.root);
        command
    }

    /// Where the daemon, or its tests, look for connectors.
    pub(crate) fn connectors_folder(&self, set: Set) -> PathBuf {
        match set {
            Set::Shipped => self.root.join("connectors"),
            Set::WithEvil => self.target.join("test-connectors"),
        }
    }

    /// Every package under `folder` that compiles to a `cdylib`, by name.
    pub(crate) fn connector_packages(&self, folder: &str) -> Result<Vec<ConnectorPackage>> {
        let folder = self.root.join(folder);
        let packages = self.metadata["packages"].as_array().context("cargo tells no packages")?;
        let mut found = Vec::new();
        for package in packages {
            let manifest = Path::new(package["manifest_path"].as_str().unwrap_or_default());
            if !manifest.starts_with(&folder) || !is_cdylib(package) {
                continue;
            }
            let name = package["name"].as_str().unwrap_or_default();
            let Some(id) = name.strip_prefix("ltv-connector-") else {
                bail!("{} compiles to a cdylib, so call it ltv-connector-<id>, not {name}", manifest.display());
            };
            found.push(ConnectorPackage { package: name.to_owned(), id: id.to_owned() });
        }
        found.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(found)
    }

    /// Version of the workspace's daemon.
    pub(crate) fn version(&self) -> Result<&str> {
        let packages = self.metadata["packages"].as_array().context("cargo tells no packages")?;
        let daemon = packages.iter().find(|package| package["name"] == "ltvd").context("there is no package ltvd")?;
        daemon["version"].as_str().context("ltvd has no version")
    }

    /// Builds the daemon and returns the path of its binary.
    pub(crate) fn build_daemon(&self, profile: Profile) -> Result<PathBuf> {
        let mut command = self.cargo();
        command.args(["build", "--package", "ltvd", "--bin", "ltvd"]);
        let folder = match profile {
            Profile::Debug => "debug",
            Profile::Release => {
                command.arg("--release");
                "release"
            }
            Profile::Shipped => {
                command.args(["--profile", "shipped"]);
                "shipped"
            }
        };
        status(&mut command)?;
        Ok(self.target.join(folder).join(format!("ltvd{}", env::consts::EXE_SUFFIX)))
    }
}

fn is_cdylib(package: &Value) -> bool {
    let targets = package["targets"].as_array().map(Vec::as_slice).unwrap_or_default();
    targets
        .iter()
        .filter_map(|target| target["crate_types"].as_array())
        .any(|types| types.iter().any(|kind| kind == "cdylib"))
}

/// The cargo that runs this program.
fn cargo() -> OsString {
    env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// Runs a program whose output is meant for the person at the terminal; an exit code other than 0 is an error.
pub(crate) fn status(command: &mut Command) -> Result<()> {
    let shown = show(command);
    let status = command.status().with_context(|| format!("{shown} could not be started"))?;
    if !status.success() {
        bail!("{shown} failed: {status}");
    }
    Ok(())
}

/// Runs a program and returns what it printed; an exit code other than 0 is an error.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let shown = show(command);
    let output = command.output().with_context(|| format!("{shown} could not be started"))?;
    if !output.status.success() {
        bail!("{shown} failed: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr).trim_end());
    }
    String::from_utf8(output.stdout).with_context(|| format!("{shown} printed something that is not UTF-8"))
}

/// The command as one would type it.
pub(crate) fn show(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let mut shown = program.file_name().unwrap_or(program.as_os_str()).to_string_lossy().into_owned();
    for argument in command.get_args() {
        shown.push(' ');
        shown.push_str(&argument.to_string_lossy());
    }
    shown
}
