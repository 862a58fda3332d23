//! `cargo xtask connectors`: from crates to the `.wasm` files that the daemon loads.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::toolchain::Toolchain;
use crate::workspace::{ConnectorPackage, Workspace, status};

/// Which connectors are wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Set {
    /// Those under plugins/.
    Shipped,
    /// Those, and the misbehaving ones of the tests.
    WithEvil,
}

/// Builds the set and copies it into `into`, which is made if need be. Files that did not change are left alone, so a
/// running daemon reloads nothing without reason.
pub(crate) fn install(workspace: &Workspace, set: Set, into: &Path) -> Result<()> {
    let packages = packages(workspace, set)?;
    let toolchain = Toolchain::find()?;
    let mut build = toolchain.build(workspace);
    build.args(["--profile", "connector", "--lib"]);
    for package in &packages {
        build.args(["--package", &package.package]);
    }
    status(&mut build)?;

    fs::create_dir_all(into).with_context(|| format!("cannot make the folder {}", into.display()))?;
    let built = toolchain.target_folder(workspace).join("connector");
    for package in &packages {
        let module = built.join(format!("{}.wasm", package.package.replace('-', "_")));
        let file = into.join(format!("{}.wasm", package.id));
        let bytes = fs::read(&module).with_context(|| format!("{} was not built", module.display()))?;
        let word = if replace_if_changed(&file, &bytes)? { "new" } else { "unchanged" };
        eprintln!("{:>9} {} ({} KiB)", word, file.display(), bytes.len().div_ceil(1024));
    }
    Ok(())
}

/// The packages of a set; an empty one is an error.
pub(crate) fn packages(workspace: &Workspace, set: Set) -> Result<Vec<ConnectorPackage>> {
    let mut packages = workspace.connector_packages("plugins")?;
    if set == Set::WithEvil {
        packages.extend(workspace.connector_packages("tests")?);
    }
    if packages.is_empty() {
        bail!("no package under plugins/ has the crate-type cdylib");
    }
    Ok(packages)
}

/// Writes the file beside its place and renames it in, so that a reader sees the old or the new one and never a part.
fn replace_if_changed(file: &Path, bytes: &[u8]) -> Result<bool> {
    match fs::read(file) {
        Ok(old) if old == bytes => return Ok(false),
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", file.display())),
    }
    // Not named .wasm, so that nothing takes it for a connector.
    let part = file.with_extension(format!("part-{}", std::process::id()));
    fs::write(&part, bytes).with_context(|| format!("cannot write {}", part.display()))?;
    fs::rename(&part, file).with_context(|| format!("cannot put {} in place", file.display()))?;
    Ok(true)
}
