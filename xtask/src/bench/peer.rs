//! DuckDB in a Python environment of its own under the target folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::measure::{Run, measure};
use crate::python::{self, Package};
use crate::workspace::Workspace;

/// What is measured against.
const DUCKDB: Package = Package { name: "duckdb", version: "2.0.0" };
const SCRIPT: &str = include_str!("duckdb_import.py");

/// DuckDB, installed.
pub(crate) struct Peer {
    python: PathBuf,
    script: PathBuf,
}

impl Peer {
    /// Makes the environment on the first call.
    pub(crate) fn install(workspace: &Workspace) -> Result<Self> {
        let python = python::install(workspace, &DUCKDB)?.join("python");
        let script = workspace.target.join("tools/duckdb_import.py");
        fs::write(&script, SCRIPT).with_context(|| format!("cannot write {}", script.display()))?;
        Ok(Self { python, script })
    }

    /// One import into a database that does not exist yet.
    pub(crate) fn import(&self, file: &Path, database: &Path) -> Result<Run> {
        measure(Command::new(&self.python).arg(&self.script).arg(file).arg(database))
    }
}
