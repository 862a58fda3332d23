//! The binary: as a daemon, and as a command that ends.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::Duration;

use super::http;
use super::wait::{BOUND, wait_until};

/// A command of the real binary.
pub(super) fn command(dir: &Path) -> Command {
    with_plain_environment(Command::new(env!("CARGO_BIN_EXE_ltvd")), dir)
}

/// Nothing of the environment decides what it does.
fn with_plain_environment(mut command: Command, dir: &Path) -> Command {
    command
        .current_dir(dir)
        .env_remove("LTVD_CONFIG")
        .env_remove("LTVD_LOG")
        .env_remove("CARGO_TARGET_DIR")
        .env("NO_COLOR", "1")
        .stdin(Stdio::null());
    command
}

/// What a command left.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Output {
    pub(super) fn of(mut command: Command) -> Self {
        let output = command.output().expect("the binary can be run");
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("stdout is text"),
            stderr: String::from_utf8(output.stderr).expect("stderr is text"),
        }
    }

    /// What it wrote, if all went well.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        self.stdout
    }
}

/// A running daemon. It is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Daemon {
    child: Child,
    log: PathBuf,
}

impl Daemon {
    /// Starts it and waits until it is ready.
    ///
    /// # Errors
    /// What it wrote, if it ends instead, and how it ended.
    pub(super) fn start(dir: &Path, api: u16) -> Result<Self, (ExitStatus, String)> {
        let mut run = command(dir);
        run.arg("run");
        Self::start_by(run, dir, api)
    }

    /// As [`Self::start`], with these variables in its environment.
    pub(super) fn start_with(dir: &Path, api: u16, env: &[(&str, &str)]) -> Result<Self, (ExitStatus, String)> {
        let mut run = command(dir);
        run.arg("run").envs(env.iter().copied());
        Self::start_by(run, dir, api)
    }

    /// As [`Self::start`], by a shell that does something before.
    pub(super) fn start_after(before: &str, dir: &Path, api: u16) -> Result<Self, (ExitStatus, String)> {
        let mut run = Command::new("sh");
        run.arg("-c").arg(format!("{before}; exec \"$0\" run")).arg(env!("CARGO_BIN_EXE_ltvd"));
        Self::start_by(with_plain_environment(run, dir), dir, api)
    }

    /// Starts it and kills it after this time, wherever it is then.
    pub(super) fn start_and_kill(dir: &Path, after: Duration) {
        let mut run = command(dir);
        run.arg("run");
        let mut daemon = Self::spawn(run, dir);
        sleep(after);
        daemon.kill();
    }

    fn spawn(mut run: Command, dir: &Path) -> Self {
        let log = dir.join("stderr.log");
        let stderr = OpenOptions::new().create(true).append(true).open(&log).expect("the log can be written");
        let child = run.stdout(Stdio::null()).stderr(stderr).spawn().expect("the binary starts");
        Self { child, log }
    }

    fn start_by(run: Command, dir: &Path, api: u16) -> Result<Self, (ExitStatus, String)> {
        let start = fs::metadata(dir.join("stderr.log")).map_or(0, |data| data.len());
        let mut daemon = Self::spawn(run, dir);
        let ended = wait_until("the daemon is ready", BOUND, || {
            if let Some(status) = daemon.child.try_wait().expect("the daemon can be waited for") {
                return Some(Some(status));
            }
            (http::is_ready(api) && daemon.said(start, "ltvd is ready")).then_some(None)
        });
        match ended {
            None => Ok(daemon),
            Some(status) => Err((status, daemon.stderr().split_off(usize::try_from(start).expect("a short log")))),
        }
    }

    /// Everything that this shop's daemons wrote to standard error so far.
    pub(crate) fn stderr(&self) -> String {
        fs::read_to_string(&self.log).expect("the log is text")
    }

    fn said(&self, after: u64, text: &str) -> bool {
        let after = usize::try_from(after).expect("a short log");
        self.stderr().get(after..).is_some_and(|log| log.contains(text))
    }

    /// As a power cut would.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("the daemon can be killed");
        self.child.wait().expect("the daemon ends");
    }

    /// Sends SIGTERM.
    pub(crate) fn terminate(&self) {
        // The standard library sends SIGKILL only; a shell has the others.
        let sent = Command::new("sh").arg("-c").arg(format!("kill -TERM {}", self.child.id())).status();
        assert!(sent.expect("there is a shell").success());
    }

    /// Waits for its end and gives the exit code; None after a signal.
    #[track_caller]
    pub(crate) fn exit_code(mut self) -> Option<i32> {
        wait_until("the daemon ends", BOUND, || self.child.try_wait().expect("the daemon can be waited for")).code()
    }

    /// Ends it in order.
    #[track_caller]
    pub(crate) fn stop(self) {
        self.terminate();
        assert_eq!(self.exit_code(), Some(0));
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- the daemon said\n{}", fs::read_to_string(&self.log).unwrap_or_default());
        }
    }
}
