//! `cargo xtask dist`: one archive with everything a shop owner needs.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result};

use crate::connectors::{self, Set};
use crate::workspace::{Profile, Workspace, output, status};

/// Files of the checkout that go along.
const FILES: [&str; 6] =
    ["config.example.toml", "README.md", "CHANGELOG.md", "docs/operating.md", "LICENSE-MIT", "LICENSE-APACHE"];

/// Files of packaging/systemd that go along; docs/operating.md says where to.
const UNITS: [&str; 2] = ["ltvd.service", "ltvd.sysusers.conf"];

/// Writes target/dist/ltvd-VERSION-TRIPLE.tar.gz.
pub(crate) fn dist(workspace: &Workspace) -> Result<()> {
    let name = format!("ltvd-{}-{}", workspace.version()?, host_triple()?);
    let dist = workspace.target.join("dist");
    let folder = dist.join(&name);
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot empty {}", folder.display()))?;
    }
    connectors::install(workspace, Set::Shipped, &folder.join("connectors"))?;
    let binary = workspace.build_daemon(Profile::Shipped)?;
    fs::copy(&binary, folder.join("ltvd")).with_context(|| format!("cannot copy {}", binary.display()))?;
    for file in FILES {
        let from = workspace.root.join(file);
        if from.exists() {
            let to = folder.join(file);
            fs::create_dir_all(to.parent().unwrap_or(&folder))
                .with_context(|| format!("cannot make room for {file}"))?;
            fs::copy(&from, to).with_context(|| format!("cannot copy {file}"))?;
        }
    }
    let units = folder.join("systemd");
    fs::create_dir_all(&units).with_context(|| format!("cannot make {}", units.display()))?;
    for file in UNITS {
        fs::copy(workspace.root.join("packaging/systemd").join(file), units.join(file))
            .with_context(|| format!("cannot copy {file}"))?;
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
