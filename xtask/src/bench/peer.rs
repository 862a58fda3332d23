//! DuckDB in a Python environment of its own under the target folder.

use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::measure::{Run, measure};
use crate::workspace::{Workspace, output, status};

/// The version that is measured against.
const VERSION: &str = "2.0.0";
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
        let environment = workspace.target.join("tools/duckdb-venv");
        let python = environment.join("bin/python");
        if !has_duckdb(&python) {
            let advice = "the peer needs python3 with venv, and PyPI";
            eprintln!("Installing DuckDB {VERSION} into {}; once.", environment.display());
            status(Command::new("python3").args(["-m", "venv"]).arg(&environment)).context(advice)?;
            let package = format!("duckdb=={VERSION}");
            status(Command::new(&python).args(["-m", "pip", "install", "--quiet", &package])).context(advice)?;
        }
        for (name, text) in SCRIPTS {
            let script = environment.join(name);
            fs::write(&script, text).with_context(|| format!("cannot write {}", script.display()))?;
        }
        Ok(Self { python, folder: environment })
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

fn has_duckdb(python: &Path) -> bool {
    let mut command = Command::new(python);
    command.args(["-c", "import duckdb; print(duckdb.__version__)"]);
    output(&mut command).is_ok_and(|version| version.trim() == VERSION)
}
