//! DuckDB in a Python environment of its own under the target folder.

use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::measure::{Run, measure};
use crate::python::{self, Package};
use crate::workspace::Workspace;

/// What is measured against.
const DUCKDB: Package = Package { name: "duckdb", version: "2.0.0", with: &[] };
const SCRIPTS: [(&str, &str); 2] =
    [("duckdb_import.py", include_str!("duckdb_import.py")), ("duckdb_ltv.py", include_str!("duckdb_ltv.py"))];

/// DuckDB, installed.
pub(crate) struct Peer {
    python: PathBuf,
    folder: PathBuf,
}

impl Peer {
    /// Makes the environment on the first call.
    pub(crate) fn install(workspace: &Workspace) -> Result<Self> {
        let python = python::install(workspace, &DUCKDB)?.join("python");
        let folder = workspace.target.join("tools");
        for (name, text) in SCRIPTS {
            let script = folder.join(name);
            fs::write(&script, text).with_context(|| format!("cannot write {}", script.display()))?;
        }
        Ok(Self { python, folder })
    }

    fn command(&self, script: &str) -> Command {
        let mut command = Command::new(&self.python);
        command.arg(self.folder.join(script));
        command
    }

    /// One import into a database that does not exist yet.
    pub(crate) fn import(&self, file: &Path, database: &Path) -> Result<Run> {
        measure(self.command("duckdb_import.py").arg(file).arg(database))
    }

    /// Lifetime value by monthly cohort, up to the as-of day; from a database in this folder that the first call makes.
    pub(crate) fn ltv(&self, file: &Path, folder: &Path, as_of: &str, runs: u8) -> Result<Run> {
        let mut hash = DefaultHasher::new();
        SCRIPTS.hash(&mut hash);
        let database = folder.join(format!("peer-{:016x}.duckdb", hash.finish()));
        let runs = runs.to_string();
        measure(self.command("duckdb_ltv.py").arg(file).arg(database).args([as_of, &runs]))
    }
}
