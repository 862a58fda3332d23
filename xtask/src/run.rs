//! `cargo xtask run`: the daemon and its connectors, built and started.

use std::env;
use std::fs;
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::connectors::{self, Set};
use crate::sample;
use crate::workspace::{Profile, Workspace};

/// Where the example configuration has the report API and the webhooks.
pub(crate) const API: &str = "127.0.0.1:8380";
pub(crate) const WEBHOOKS: &str = "127.0.0.1:8381";

/// The configuration that is shipped, and the name of one's own.
const EXAMPLE: &str = "config.example.toml";
const OWN: &str = "ltvd.toml";

#[derive(Args)]
pub(crate) struct Options {
    /// Start in a throw-away folder, run/sample, and feed it the connectors' sample files and webhooks.
    #[arg(long, conflicts_with = "config")]
    sample: bool,
    /// Configuration [default: ltvd.toml if there is one, else config.example.toml].
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Optimised daemon, the default.
    #[arg(long, conflicts_with = "debug")]
    release: bool,
    /// Unoptimised daemon, quicker to build.
    #[arg(long)]
    debug: bool,
}

/// Becomes the daemon, so that Ctrl-C, signals and the exit code are the daemon's own. Returns only if that fails.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let profile = if options.debug { Profile::Debug } else { Profile::Release };
    if options.sample {
        return run_sample(workspace, profile);
    }
    let config = match &options.config {
        Some(file) => {
            file.canonicalize().with_context(|| format!("cannot read the configuration {}", file.display()))?
        }
        None => [OWN, EXAMPLE]
            .map(|name| workspace.root.join(name))
            .into_iter()
            .find(|file| file.exists())
            .with_context(|| format!("there is neither {OWN} nor {EXAMPLE}"))?,
    };
    connectors::install(workspace, Set::Shipped, &workspace.connectors_folder(Set::Shipped))?;
    let binary = workspace.build_daemon(profile)?;
    eprintln!("Starting ltvd with {}; Ctrl-C stops it.", config.display());
    become_daemon(&binary, &config, &workspace.root)
}

/// The sample lives in a folder of its own, made anew each time, so that it never mixes with a real shop's figures.
fn run_sample(workspace: &Workspace, profile: Profile) -> Result<()> {
    for (address, what) in [(API, "report API"), (WEBHOOKS, "webhooks")] {
        TcpListener::bind(address).with_context(|| {
            format!("{address} is taken, which the {what} of the sample needs; is another ltvd running? Stop it first")
        })?;
    }
    let folder = workspace.root.join("run/sample");
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot empty {}", folder.display()))?;
    }
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    connectors::install(workspace, Set::Shipped, &folder.join("connectors"))?;
    let config = folder.join(OWN);
    fs::copy(workspace.root.join(EXAMPLE), &config).with_context(|| format!("cannot copy {EXAMPLE}"))?;
    let binary = workspace.build_daemon(profile)?;

    // This process becomes the daemon; a child feeds it, and gives up when its parent has gone.
    let this = env::current_exe().context("cannot tell the path of this program")?;
    Command::new(this)
        .arg("feed-sample")
        .args(sample::Options::arguments(&binary, &config, std::process::id()))
        .current_dir(&folder)
        .spawn()
        .context("cannot start the feeder of the sample")?;
    eprintln!("Starting ltvd in {}; Ctrl-C stops it.", folder.display());
    become_daemon(&binary, &config, &folder)
}

fn become_daemon(binary: &Path, config: &Path, folder: &Path) -> Result<()> {
    // Returns only when the program could not be started.
    let error = Command::new(binary).arg("run").arg("--config").arg(config).current_dir(folder).exec();
    bail!("{} cannot be started: {error}", binary.display());
}
