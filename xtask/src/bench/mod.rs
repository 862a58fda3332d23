//! `cargo xtask bench`: the same work done by ltvd and by a peer, on one machine in one run.

mod import;
mod measure;
mod peer;
mod shop;
mod tally;

use anyhow::Result;
use clap::Subcommand;

use crate::workspace::Workspace;

#[derive(Subcommand)]
pub(crate) enum Bench {
    /// A CSV file until it is durable: ltvd against DuckDB's merge on a primary key.
    Import(import::Options),
}

pub(crate) fn run(workspace: &Workspace, bench: &Bench) -> Result<()> {
    match bench {
        Bench::Import(options) => import::run(workspace, options),
    }
}
