//! `cargo xtask dist`: one archive with everything a shop owner needs.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result};

use crate::connectors::{self, Set};
use crate::workspace::{Profile, Workspace, output, status};

/// Files of the checkout that go along.
const FILES: [&str; 5] = ["config.example.toml", "README.md", "CHANGELOG.md", "LICENSE-MIT", "LICENSE-APACHE"];

/// Writes target/dist/ltvd-VERSION-TRIPLE.tar.gz.
pub(crate) fn dist(workspace: &Workspace) -> Result<()> {
    let name = format!("ltvd-{}-{}", workspace.version()?, host_triple()?);
    let dist = workspace.target.join("dist");
    let folder = dist.join(&name);
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot empty {}", folder.display()))?;
    }
    connectors::install(workspace, Set::Shipped, &folder.join("connectors"))?;
    let binary = workspace.build_daemon(Profile::Release)?;
    fs::copy(&binary, folder.join("ltvd")).with_context(|| format!("cannot copy {}", binary.display()))?;
    for file in FILES {
        let from = workspace.root.join(file);
        if from.exists() {
            fs::copy(&from, folder.join(file)).with_context(|| format!("cannot copy {file}"))?;
        }
    }
    let archive = format!("{name}.tar.gz");
    status(Command::new("tar").current_dir(&dist).args(["--create", "--gzip", "--file", &archive, &name]))?;
    println!("{}", dist.join(archive).display());
    Ok(())
}

fn host_triple() -> Result<String> {
    let version = output(Command::new("rustc").arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("rustc does not tell its host")
}
