//! The daemon while it is measured.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::http;

/// Longest wait for it to become ready, and for one answer.
const PATIENCE: Duration = Duration::from_secs(300);
/// Pause between looks whether it is ready.
const LOOK: Duration = Duration::from_millis(2);

/// A port of this machine that was free a moment ago.
pub(crate) fn free_address() -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").context("this machine has no free port")?;
    Ok(listener.local_addr()?.to_string())
}

/// A running daemon. It is killed when this is dropped.
pub(crate) struct Server {
    child: Child,
    /// Host and port of its API.
    api: String,
    /// From its start until it was ready, seconds.
    pub(crate) ready_s: f64,
}

/// Memory of a process, bytes.
pub(crate) struct Memory {
    pub(crate) now: u64,
    pub(crate) peak: u64,
}

impl Server {
    /// Starts it and waits until it is ready.
    pub(crate) fn start(binary: &Path, config: &Path, api: &str, log: &Path) -> Result<Self> {
        let stderr = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
        let start = Instant::now();
        let mut run = Command::new(binary);
        run.arg("run").arg("--config").arg(config).stdin(Stdio::null()).stdout(Stdio::null()).stderr(stderr);
        let child = run.spawn().context("the daemon cannot be started")?;
        let mut server = Self { child, api: api.to_owned(), ready_s: 0.0 };
        loop {
            if http::get(&server.url("/readyz")).is_ok_and(|answer| answer.status == 200) {
                server.ready_s = start.elapsed().as_secs_f64();
                return Ok(server);
            }
            if let Some(status) = server.child.try_wait()? {
                bail!("the daemon ended with {status}; see {}", log.display());
            }
            ensure!(start.elapsed() < PATIENCE, "the daemon is not ready; see {}", log.display());
            sleep(LOOK);
        }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.api)
    }

    /// Milliseconds from the connection to the last byte of an answer, and the answer.
    pub(crate) fn ask(&self, path: &str) -> Result<(f64, String)> {
        let start = Instant::now();
        let answer = http::get_within(&self.url(path), PATIENCE)?;
        let took = start.elapsed().as_secs_f64() * 1000.0;
        ensure!(answer.status == 200, "{path} is answered {}: {}", answer.status, answer.body.trim());
        Ok((took, answer.body))
    }

    /// The status of an answer.
    pub(crate) fn status_of(&self, path: &str) -> Result<u16> {
        Ok(http::get_within(&self.url(path), PATIENCE)?.status)
    }

    /// An answer as JSON.
    pub(crate) fn ask_json(&self, path: &str) -> Result<Value> {
        serde_json::from_str(&self.ask(path)?.1).with_context(|| format!("{path} does not answer in JSON"))
    }

    /// Processor time that it has used so far, seconds. An error where there is no /proc.
    pub(crate) fn cpu_s(&self) -> Result<f64> {
        /// Parts of a second in which Linux counts it (USER_HZ).
        const TICKS: f64 = 100.0;
        let file = format!("/proc/{}/stat", self.child.id());
        let stat = fs::read_to_string(&file).with_context(|| format!("cannot read {file}"))?;
        // The name of the program, in brackets, may hold anything.
        let fields = stat.rsplit_once(')').map(|(_, rest)| rest.split_whitespace().collect::<Vec<_>>());
        let ticks = |place: usize| fields.as_ref()?.get(place)?.parse::<f64>().ok();
        let used = ticks(11).zip(ticks(12)).map(|(user, system)| (user + system) / TICKS);
        used.with_context(|| format!("{file} tells no processor time"))
    }

    /// What the kernel says. An error where there is no /proc.
    pub(crate) fn memory(&self) -> Result<Memory> {
        let file = format!("/proc/{}/status", self.child.id());
        let status = fs::read_to_string(&file).with_context(|| format!("cannot read {file}"))?;
        let bytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            Some(line.trim_start_matches(':').split_whitespace().next()?.parse::<u64>().ok()? * 1024)
        };
        let known = bytes("VmRSS").zip(bytes("VmHWM"));
        known.map(|(now, peak)| Memory { now, peak }).with_context(|| format!("{file} tells no memory"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
