//! cargo-deny: found, or installed into the target folder, and run.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::workspace::{Workspace, output, status};

/// The version that deny.toml is written for, and the beginning of those that will do.
const VERSION: &str = "0.20.2";
const FITTING: &str = "0.20.";

/// Time for the advisory database to arrive. It is a few megabytes; without a network git may wait for minutes.
const FETCH: Duration = Duration::from_secs(90);

/// Where cargo-deny is.
pub(crate) enum Deny {
    At(PathBuf),
    /// It can neither be found nor installed.
    Unavailable(String),
}

/// Takes the one in target/tools or on PATH, if its version fits, else installs it into target/tools.
pub(crate) fn find_or_install(workspace: &Workspace) -> Result<Deny> {
    let tools = workspace.target.join("tools");
    let own = tools.join("bin/cargo-deny");
    for candidate in [own.as_path(), Path::new("cargo-deny")] {
        if fits(candidate) {
            return Ok(Deny::At(candidate.to_owned()));
        }
    }
    eprintln!("Installing cargo-deny {VERSION} into {}; once.", tools.display());
    // Unoptimised: it runs for seconds, optimising it would take minutes.
    let mut install = workspace.cargo();
    install
        .args(["install", "cargo-deny", "--version", VERSION, "--locked", "--debug", "--root"])
        .arg(&tools)
        .env("CARGO_TARGET_DIR", tools.join("build"))
        .env("CARGO_PROFILE_DEV_DEBUG", "false");
    if let Err(error) = status(&mut install) {
        return Ok(Deny::Unavailable(format!("cargo-deny cannot be installed here ({error:#})")));
    }
    Ok(Deny::At(own))
}

fn fits(binary: &Path) -> bool {
    let Ok(answer) = output(Command::new(binary).arg("--version")) else { return false };
    answer.split_whitespace().nth(1).is_some_and(|version| version.starts_with(FITTING))
}

/// Checks the dependency tree. Some(reason) if the advisory database could not be had, so that only licences, bans and
/// sources were checked.
pub(crate) fn check(workspace: &Workspace, binary: &Path) -> Result<Option<String>> {
    let deny = || {
        let mut command = Command::new(binary);
        command.current_dir(&workspace.root);
        command
    };
    let fetched = fetch(deny().args(["fetch", "db"]))?;
    let mut check = deny();
    check.arg("check");
    if fetched {
        check.args(["--disable-fetch", "advisories"]);
    }
    status(check.args(["licenses", "bans", "sources"]))?;
    Ok((!fetched).then(|| "the advisory database cannot be fetched here".to_owned()))
}

/// Whether the command succeeded in time.
fn fetch(command: &mut Command) -> Result<bool> {
    let mut child = command.stdin(Stdio::null()).spawn().context("cargo-deny cannot be started")?;
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status.success());
        }
        if start.elapsed() > FETCH {
            child.kill()?;
            child.wait()?;
            return Ok(false);
        }
        sleep(Duration::from_millis(100));
    }
}
