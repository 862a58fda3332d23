//! A compiler for `wasm32-unknown-unknown`: rustup's, or Debian's where rustup cannot add the target.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::workspace::{Workspace, output, status};

/// The target of every connector: no system interface at all, so its import list is its permission list.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

/// Debian's compiler with its library's source, cargo and linker.
const DEBIAN_PACKAGES: [&str; 4] = ["rustc-web", "cargo-web", "rust-web-src", "lld-22"];
const DEBIAN_CARGO: &str = "/usr/bin/cargo";
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_LINKER: &str = "wasm-ld-22";

/// What connectors are compiled with.
pub(crate) enum Toolchain {
    /// The toolchain that runs this program has the target.
    Own,
    /// Debian's, which ships no compiled library for the target: it is built from source each time it changes.
    Debian,
}

impl Toolchain {
    /// Finds one, or installs what is missing.
    pub(crate) fn find() -> Result<Self> {
        if own_has_target() {
            return Ok(Self::Own);
        }
        eprintln!("The target {TARGET} is missing; adding it with rustup.");
        let added = Command::new("rustup").args(["target", "add", TARGET]).status();
        if added.is_ok_and(|status| status.success()) && own_has_target() {
            return Ok(Self::Own);
        }
        eprintln!("rustup cannot add {TARGET} here; falling back on Debian's compiler.");
        if !debian_is_installed() {
            install_debian()?;
        }
        Ok(Self::Debian)
    }

    /// Whether lints for the target are cheap: no standard library has to be built for them.
    pub(crate) fn ships_target() -> bool {
        own_has_target()
    }

    /// `cargo build` for the target.
    pub(crate) fn build(&self, workspace: &Workspace) -> Command {
        let mut command = match self {
            Self::Own => workspace.cargo(),
            Self::Debian => debian_cargo(workspace),
        };
        command.args(["build", "--target", TARGET]);
        if matches!(self, Self::Debian) {
            command.arg("-Zbuild-std=std,panic_abort");
        }
        command
    }
}

fn debian_cargo(workspace: &Workspace) -> Command {
    let mut command = Command::new(DEBIAN_CARGO);
    command
        .current_dir(&workspace.root)
        .env("RUSTC", DEBIAN_RUSTC)
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", DEBIAN_LINKER)
        // Another compiler's artefacts and libraries, which would only be rebuilt by turns or loaded by mistake.
        .env("CARGO_TARGET_DIR", debian_target(workspace))
        .env_remove("LD_LIBRARY_PATH")
        .env_remove("RUSTUP_TOOLCHAIN");
    command
}

fn debian_target(workspace: &Workspace) -> PathBuf {
    workspace.target.join("debian")
}

impl Toolchain {
    /// The target folder that `build` writes to.
    pub(crate) fn target_folder(&self, workspace: &Workspace) -> PathBuf {
        let base = match self {
            Self::Own => workspace.target.clone(),
            Self::Debian => debian_target(workspace),
        };
        base.join(TARGET)
    }
}

/// Whether the compiler that cargo would use has the target's core library.
fn own_has_target() -> bool {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let mut command = Command::new(rustc);
    command.args(["--print", "target-libdir", "--target", TARGET]);
    let Ok(answer) = output(&mut command) else {
        return false;
    };
    let Ok(files) = fs::read_dir(answer.trim()) else {
        return false;
    };
    files.flatten().any(|file| file.file_name().to_string_lossy().starts_with("libcore-"))
}

fn debian_is_installed() -> bool {
    let library = || -> Result<bool> {
        let sysroot = output(Command::new(DEBIAN_RUSTC).args(["--print", "sysroot"]).env_remove("LD_LIBRARY_PATH"))?;
        Ok(Path::new(sysroot.trim()).join("lib/rustlib/src/rust/library/Cargo.lock").exists())
    };
    let linker = || Command::new(DEBIAN_LINKER).arg("--version").stdout(Stdio::null()).status();
    Path::new(DEBIAN_CARGO).exists()
        && Path::new(DEBIAN_RUSTC).exists()
        && library().unwrap_or(false)
        && linker().is_ok_and(|status| status.success())
}

fn install_debian() -> Result<()> {
    let by_hand = format!("apt-get update && apt-get install --no-install-recommends {}", DEBIAN_PACKAGES.join(" "));
    let is_root = output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    if !is_root || !Path::new("/usr/bin/apt-get").exists() {
        bail!(
            "no compiler for {TARGET}: let `rustup target add {TARGET}` succeed, or on Debian run as root `{by_hand}`"
        );
    }
    let advice = || format!("try by hand: {by_hand}");
    status(Command::new("apt-get").arg("update")).with_context(advice)?;
    let mut install = Command::new("apt-get");
    install.args(["install", "--yes", "--no-install-recommends"]).args(DEBIAN_PACKAGES);
    status(install.env("DEBIAN_FRONTEND", "noninteractive")).with_context(advice)?;
    if !debian_is_installed() {
        bail!("the packages {} are installed, yet the compiler is not complete", DEBIAN_PACKAGES.join(", "));
    }
    Ok(())
}
