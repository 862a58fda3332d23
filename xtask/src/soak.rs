//! `cargo xtask soak`: the end-to-end test that kills the daemon, for as long as one likes.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use clap::Args;

use crate::check::TEST_CONNECTORS;
use crate::connectors::{self, Set};
use crate::workspace::{Workspace, show};

/// How the line with the result begins.
const RESULT: &str = "{\"bench\":\"soak\"";

#[derive(Args)]
pub(crate) struct Options {
    /// How often the daemon is killed while it works.
    #[arg(long, default_value_t = 200)]
    rounds: usize,
    /// Seconds of a round, at most.
    #[arg(long, default_value_t = 3.0)]
    seconds_per_round: f64,
    /// Decides about moments and sizes; told at the start of a run without one.
    #[arg(long)]
    seed: Option<u64>,
}

pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let folder = workspace.connectors_folder(Set::WithEvil);
    connectors::install(workspace, Set::WithEvil, &folder)?;
    let mut command = workspace.cargo();
    command
        .args(["test", "--workspace", "--test", "e2e", "--", "--exact", "soak::long", "--ignored", "--nocapture"])
        .env(TEST_CONNECTORS, folder)
        .env("LTVD_SOAK_ROUNDS", options.rounds.to_string())
        .env("LTVD_SOAK_ROUND_MS", format!("{:.0}", options.seconds_per_round * 1_000.0))
        .stdout(Stdio::piped());
    if let Some(seed) = options.seed {
        command.env("LTVD_TEST_SEED", seed.to_string());
    }
    let shown = show(&command);
    let mut child = command.spawn().with_context(|| format!("{shown} could not be started"))?;
    let mut result = None;
    for line in BufReader::new(child.stdout.take().context("its output is lost")?).lines() {
        let line = line?;
        // The test's own line may stand behind libtest's.
        match line.find(RESULT) {
            Some(at) => result = line.get(at..).map(str::to_owned),
            None => println!("{line}"),
        }
    }
    let status = child.wait()?;
    // The last line, whatever came of it.
    if let Some(result) = &result {
        println!("{result}");
    }
    ensure!(status.success() && result.is_some(), "{shown}: {status}");
    Ok(())
}
