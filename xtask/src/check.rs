//! `cargo xtask ci` and `cargo xtask test`: what must hold before a change is taken.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::connectors::{self, Set};
use crate::deny::{self, Deny};
use crate::reference;
use crate::toolchain::{TARGET, Toolchain};
use crate::workspace::{Workspace, status};

/// Tells the tests where the connectors are.
pub(crate) const TEST_CONNECTORS: &str = "LTVD_TEST_CONNECTORS";

/// Builds the connectors and runs every test. Cargo builds the daemon's binary for the end-to-end tests itself.
pub(crate) fn test(workspace: &Workspace, args: &[String]) -> Result<()> {
    let folder = workspace.connectors_folder(Set::WithEvil);
    connectors::install(workspace, Set::WithEvil, &folder)?;
    status(workspace.cargo().args(["test", "--workspace"]).args(args).env(TEST_CONNECTORS, folder))
}

/// Every check but the tests. Stops at the first that fails.
pub(crate) fn ci(workspace: &Workspace) -> Result<()> {
    let mut steps = Steps::default();
    steps.run("formatting", || status(workspace.cargo().args(["fmt", "--all", "--check"])))?;
    steps.run("reference of the contract", || reference::check(workspace))?;
    steps.run("lints", || {
        status(workspace.cargo().args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))
    })?;
    if Toolchain::ships_target() {
        steps.run("lints for WebAssembly", || wasm_lints(workspace))?;
    } else {
        steps.note("lints for WebAssembly: left out, the compiler has no ready library for it");
    }
    steps.run("documentation", || {
        let mut command = workspace.cargo();
        status(command.args(["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"))
    })?;
    match steps.run("cargo-deny", || deny::find_or_install(workspace))? {
        Deny::At(path) => {
            let left_out = steps.run("licences, advisories", || deny::check(workspace, &path))?;
            if let Some(reason) = left_out {
                steps.note(format!("advisories: NOT CHECKED, {reason}"));
            }
        }
        Deny::Unavailable(reason) => steps.note(format!("licences, advisories: NOT CHECKED, {reason}")),
    }
    steps.summary();
    Ok(())
}

/// What only compiles for the connectors' own target.
fn wasm_lints(workspace: &Workspace) -> Result<()> {
    let mut command = workspace.cargo();
    command.args(["clippy", "--target", TARGET, "--lib"]);
    for package in connectors::packages(workspace, Set::WithEvil)? {
        command.args(["--package", &package.package]);
    }
    status(command.args(["--", "-D", "warnings"]))
}

/// The steps that were run, for the summary.
#[derive(Default)]
struct Steps {
    done: Vec<(&'static str, Duration)>,
    notes: Vec<String>,
}

impl Steps {
    fn run<T>(&mut self, name: &'static str, step: impl FnOnce() -> Result<T>) -> Result<T> {
        eprintln!("== {name}");
        let start = Instant::now();
        let result = step().with_context(|| name)?;
        self.done.push((name, start.elapsed()));
        Ok(result)
    }

    fn note(&mut self, note: impl Into<String>) {
        let note = note.into();
        eprintln!("== {note}");
        self.notes.push(note);
    }

    fn summary(&self) {
        eprintln!("== summary");
        for (name, time) in &self.done {
            eprintln!("{:>8.1} s  {name}", time.as_secs_f64());
        }
        let total: Duration = self.done.iter().map(|(_, time)| *time).sum();
        eprintln!("{:>8.1} s  in all", total.as_secs_f64());
        for note in &self.notes {
            eprintln!("    note: {note}");
        }
    }
}
