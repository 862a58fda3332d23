//! `cargo xtask bench`: the same work done by ltvd and by a peer, on one machine in one run; and what connectors cost.

mod connector;
mod import;
mod ltv;
mod measure;
mod peer;
mod server;
mod shop;
mod tally;
mod webhooks;

use anyhow::Result;
use clap::Subcommand;

use crate::workspace::Workspace;

#[derive(Subcommand)]
pub(crate) enum Bench {
    /// What connectors cost in the sandbox: to load, for a row, for a webhook.
    Connector(connector::Options),
    /// A CSV file until it is durable: ltvd against DuckDB's merge on a primary key.
    Import(import::Options),
    /// Lifetime value of monthly cohorts over the running daemon's API: against DuckDB, and against a bare scan.
    Ltv(ltv::Options),
    /// Webhooks until they are durable: ltvd against uvicorn and SQLite; with --overload, at twice what it can take.
    Webhooks(webhooks::Options),
}

pub(crate) fn run(workspace: &Workspace, bench: &Bench) -> Result<()> {
    match bench {
        Bench::Connector(options) => connector::run(workspace, options),
        Bench::Import(options) => import::run(workspace, options),
        Bench::Ltv(options) => ltv::run(workspace, options),
        Bench::Webhooks(options) => webhooks::run(workspace, options),
    }
}
