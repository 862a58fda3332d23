//! What connectors cost: to load, for a row of a file, for a webhook. `ltvd connector test --time` measures it, in the sandbox of
//! the daemon, with the deliveries of the connector's cases.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde_json::{Value, json};

use crate::connectors::{self, Set};
use crate::workspace::{Profile, Workspace, output};

#[derive(Args)]
pub(crate) struct Options {
    /// Projects or files of other connectors, measured after those of this repository; cases lie in `cases` beside a file.
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Measure with this binary instead of building one.
    #[arg(long, value_name = "FILE")]
    ltvd: Option<PathBuf>,
}

pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let binary = match &options.ltvd {
        Some(file) => file.canonicalize().with_context(|| format!("there is no {}", file.display()))?,
        None => workspace.build_daemon(Profile::Shipped)?,
    };
    let folder = workspace.target.join("bench/connector");
    connectors::install(workspace, Set::Shipped, &folder)?;
    let mut found = Vec::new();
    for package in workspace.connector_packages("plugins")? {
        let id = &package.id;
        let mut measured = Command::new(&binary);
        measured.args(["connector", "test", "--time"]).arg(folder.join(format!("{id}.wasm")));
        found.push(read(measured.arg("--cases").arg(workspace.root.join(format!("plugins/{id}/cases"))))?);
    }
    for path in &options.paths {
        found.push(read(Command::new(&binary).args(["connector", "test", "--time"]).arg(path))?);
    }
    ensure!(!found.is_empty(), "there is no connector");
    report(&found);
    Ok(())
}

fn read(command: &mut Command) -> Result<Value> {
    let line = output(command)?;
    serde_json::from_str(line.trim()).with_context(|| format!("no line of JSON came: {line}"))
}

fn report(found: &[Value]) {
    println!("Connectors in the sandbox, on one core; medians, with the deliveries of their cases");
    println!("{:<16}{:>9}{:>14}{:>14}{:>12}{:>14}", "", "KiB", "load cold ms", "cached ms", "rows/s", "webhook us");
    for one in found {
        let number = |name: &str, decimals: usize| match one[name].as_f64() {
            Some(number) => format!("{number:.decimals$}"),
            None => "-".to_owned(),
        };
        println!(
            "{:<16}{:>9}{:>14}{:>14}{:>12}{:>14}",
            one["connector"].as_str().unwrap_or("?"),
            one["bytes"].as_u64().unwrap_or(0).div_ceil(1024),
            number("load_cold_ms", 0),
            number("load_cached_ms", 1),
            number("rows_per_s", 0),
            number("webhook_us", 1),
        );
    }
    // For machines, in one line.
    println!("{}", json!({ "bench": "connector", "connectors": found }));
}
