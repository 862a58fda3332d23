//! The peer: uvicorn and SQLite, in a Python environment of its own under the target folder.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::http;
use crate::python::{self, Package};
use crate::workspace::Workspace;

/// What is measured against, and the parser and the loop that make it fast.
const UVICORN: Package = Package { name: "uvicorn", version: "0.54.0", with: &["httptools==0.9.0", "uvloop==0.23.0"] };
const SCRIPT: &str = include_str!("receiver.py");
/// Longest wait until it answers.
const PATIENCE: Duration = Duration::from_secs(30);
/// Pause between looks.
const LOOK: Duration = Duration::from_millis(10);

/// How uvicorn runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tuning {
    /// As `pip install uvicorn` gives it.
    Plain,
    /// With a parser and a loop in C.
    Native,
}

impl Tuning {
    fn options(self) -> [&'static str; 4] {
        match self {
            Self::Plain => ["--http", "h11", "--loop", "asyncio"],
            Self::Native => ["--http", "httptools", "--loop", "uvloop"],
        }
    }
}

/// uvicorn, installed.
pub(super) struct Receiver {
    program: PathBuf,
}

/// A running one. It is killed when this is dropped.
pub(super) struct Running {
    child: Child,
    address: String,
}

impl Receiver {
    /// Makes the environment on the first call.
    pub(super) fn install(workspace: &Workspace) -> Result<Self> {
        Ok(Self { program: python::install(workspace, &UVICORN)?.join("uvicorn") })
    }

    /// Starts it on an empty database.
    pub(super) fn start(&self, tuning: Tuning, folder: &Path, address: &str, key: &str) -> Result<Running> {
        for name in ["peer.sqlite", "peer.sqlite-wal", "peer.sqlite-shm"] {
            // None is there the first time.
            let _ = fs::remove_file(folder.join(name));
        }
        fs::write(folder.join("receiver.py"), SCRIPT).context("cannot write the receiver")?;
        let log = File::create(folder.join("peer.log")).context("cannot write the receiver's log")?;
        let (host, port) = address.split_once(':').context("the address has no port")?;
        let mut command = Command::new(&self.program);
        command.args(["receiver:app", "--host", host, "--port", port]);
        command.args(tuning.options()).args(["--no-access-log", "--log-level", "warning"]);
        command.env("WEBHOOK_KEY", key).env("WEBHOOK_DATABASE", folder.join("peer.sqlite")).current_dir(folder);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn();
        let running = Running { child: child.context("uvicorn cannot be started")?, address: address.to_owned() };
        let start = Instant::now();
        while running.kept().is_err() {
            ensure!(start.elapsed() < PATIENCE, "uvicorn is not ready; see {}", folder.join("peer.log").display());
            sleep(LOOK);
        }
        Ok(running)
    }
}

impl Running {
    /// How many deliveries it has.
    pub(super) fn kept(&self) -> Result<u64> {
        let answer = http::get(&format!("http://{}/", self.address))?;
        answer.body.trim().parse().context("it does not tell a number")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
