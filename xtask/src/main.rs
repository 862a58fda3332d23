//! The scripts of this repository: `cargo xtask --help`.

mod bench;
mod check;
mod connectors;
mod deny;
mod dist;
mod fuzz;
mod http;
mod python;
mod reference;
mod run;
mod sample;
mod schemathesis;
mod soak;
mod toolchain;
mod workspace;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::workspace::Workspace;

/// Builds, runs, tests and measures ltvd.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build the connectors to WebAssembly and copy them where the daemon looks for them.
    Connectors {
        /// Folder to copy them to [default: connectors, with --test target/test-connectors].
        #[arg(long, value_name = "DIR")]
        into: Option<PathBuf>,
        /// Build the misbehaving connectors of the tests too.
        #[arg(long)]
        test: bool,
    },
    /// Build everything and run the daemon until Ctrl-C.
    Run(run::Options),
    /// Run every test; what follows `--` goes to cargo test.
    Test {
        /// Arguments of cargo test, for example a filter.
        #[arg(last = true, value_name = "ARGS")]
        args: Vec<String>,
    },
    /// Every check but the tests: formatting, lints, documentation, licences and advisories.
    Ci,
    /// Measure against a peer.
    Bench {
        #[command(subcommand)]
        bench: bench::Bench,
    },
    /// Try the API with requests that Schemathesis thinks up; needs python3 with venv, and PyPI.
    Schemathesis(schemathesis::Options),
    /// Kill the daemon at random moments while all doors are busy; nothing may be lost or counted twice.
    Soak(soak::Options),
    /// Try every reader of foreign bytes with mutated input, for a bounded time.
    Fuzz(fuzz::Options),
    /// Write the authors' reference anew from the comments of the contract.
    WitReference,
    /// Pack the release binary, the connectors and the example configuration.
    Dist,
    /// Hand the sample to a daemon that is starting; `run --sample` uses it.
    #[command(hide = true)]
    FeedSample(sample::Options),
}

fn main() -> ExitCode {
    match run(Cli::parse().task) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> anyhow::Result<ExitCode> {
    let workspace = Workspace::find()?;
    match task {
        Task::Connectors { into, test } => {
            let set = if test { connectors::Set::WithEvil } else { connectors::Set::Shipped };
            let into = into.unwrap_or_else(|| workspace.connectors_folder(set));
            connectors::install(&workspace, set, &into)?;
        }
        Task::Run(options) => run::run(&workspace, &options)?,
        Task::Test { args } => check::test(&workspace, &args)?,
        Task::Ci => check::ci(&workspace)?,
        Task::Bench { bench } => bench::run(&workspace, &bench)?,
        Task::Schemathesis(options) => schemathesis::run(&workspace, &options)?,
        Task::Soak(options) => soak::run(&workspace, &options)?,
        Task::Fuzz(options) => fuzz::run(&workspace, &options)?,
        Task::WitReference => reference::write(&workspace)?,
        Task::Dist => dist::dist(&workspace)?,
        Task::FeedSample(options) => sample::feed(&workspace, &options)?,
    }
    Ok(ExitCode::SUCCESS)
}
