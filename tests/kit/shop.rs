//! A shop: configuration, connectors and data in a folder of their own.

use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use super::connectors::connector_file;
use super::daemon::{self, Daemon, Output};
use super::http::{self, Response};
use super::wait::{BOUND, wait_until};

/// Those that every shop has.
const CONNECTORS: [&str; 5] = ["generic", "konnektive", "samcart", "thrivecart", "woocommerce"];

/// Where everything of one test is. The folder goes with it.
#[derive(Debug)]
pub(crate) struct Shop {
    dir: TempDir,
    /// Port of the report API.
    pub(crate) api: u16,
    /// Port of the webhook listener.
    pub(crate) hooks: u16,
    /// Paths of webhook addresses by integration.
    addresses: Mutex<BTreeMap<String, String>>,
}

/// For a shell: a disk on which no file can grow beyond this.
fn small_disk(file_kib_max: u32) -> String {
    // The limit is in blocks of 512 bytes (POSIX). The signal that goes with it would end the process unheard.
    format!("trap '' XFSZ; ulimit -f {}", file_kib_max * 2)
}

/// What became of a dropped file.
#[derive(Debug)]
pub(crate) struct Report {
    /// In `done/`, not in `failed/`.
    pub(crate) done: bool,
    /// The report beside the file.
    pub(crate) text: String,
}

impl Report {
    /// The report, if the file was taken.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert!(self.done, "{}", self.text);
        self.text
    }
}

impl Shop {
    /// A shop whose configuration consists of ports, a quick drop folder, and `tables`.
    pub(crate) fn new(tables: &str) -> Self {
        let shop = Self::empty();
        shop.configure(tables);
        shop
    }

    /// A shop with connectors and without configuration file.
    pub(crate) fn empty() -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let (api, hooks) = (free_port(), free_port());
        let shop = Self { dir, api, hooks, addresses: Mutex::default() };
        fs::create_dir(shop.path("connectors")).expect("a folder for connectors");
        for id in CONNECTORS {
            shop.add_connector(id);
        }
        // What the daemon compiles is shared by all shops, and by later runs of the tests.
        fs::create_dir(shop.path("data")).expect("a folder for data");
        symlink(compiled(), shop.path("data/cache")).expect("a link to the cache");
        shop
    }

    /// Writes the configuration. `tables` has no keys outside of tables, and neither `[api]`, `[webhooks]` nor `[drop]`.
    pub(crate) fn configure(&self, tables: &str) {
        self.configure_with("settle_s = 0\nscan_s = 1", tables);
    }

    /// As [`Self::configure`], with the keys of `[drop]`.
    pub(crate) fn configure_with(&self, drop: &str, tables: &str) {
        let Self { api, hooks, .. } = self;
        self.write_config(&format!(
            "[api]\nlisten = \"127.0.0.1:{api}\"\n\n[webhooks]\nlisten = \"127.0.0.1:{hooks}\"\n\n[drop]\n{drop}\n\n{tables}"
        ));
    }

    /// Writes the whole configuration file.
    pub(crate) fn write_config(&self, text: &str) {
        fs::write(self.path("ltvd.toml"), text).expect("the configuration can be written");
    }

    /// A path in the folder.
    pub(crate) fn path(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.dir.path().join(relative)
    }

    /// Puts one more connector into the folder of connectors.
    pub(crate) fn add_connector(&self, id: &str) {
        let file = connector_file(id).canonicalize().expect("the connector is there");
        symlink(file, self.path(format!("connectors/{id}.wasm"))).expect("a link to the connector");
    }

    /// Starts the daemon.
    #[track_caller]
    pub(crate) fn start(&self) -> Daemon {
        warm_up();
        self.try_start().unwrap_or_else(|(status, stderr)| panic!("the daemon ended with {status}:\n{stderr}"))
    }

    /// Starts the daemon with these variables in its environment.
    #[track_caller]
    pub(crate) fn start_with(&self, env: &[(&str, &str)]) -> Daemon {
        warm_up();
        Daemon::start_with(self.dir.path(), self.api, env)
            .unwrap_or_else(|(status, stderr)| panic!("the daemon ended with {status}:\n{stderr}"))
    }

    /// Starts the daemon, if it starts; otherwise how it ended and what it said.
    pub(crate) fn try_start(&self) -> Result<Daemon, (ExitStatus, String)> {
        Daemon::start(self.dir.path(), self.api)
    }

    /// Starts the daemon on a disk on which no file can grow beyond this.
    #[track_caller]
    pub(crate) fn start_on_small_disk(&self, file_kib_max: u32) -> Daemon {
        self.start_after(&small_disk(file_kib_max))
    }

    /// Starts the daemon by a shell that does something before.
    #[track_caller]
    pub(crate) fn start_after(&self, before: &str) -> Daemon {
        warm_up();
        Daemon::start_after(before, self.dir.path(), self.api)
            .unwrap_or_else(|(status, stderr)| panic!("the daemon ended with {status}:\n{stderr}"))
    }

    /// As [`Self::start_on_small_disk`], if it starts there; otherwise how it ended and what it said.
    pub(crate) fn try_start_on_small_disk(&self, file_kib_max: u32) -> Result<Daemon, (ExitStatus, String)> {
        Daemon::start_after(&small_disk(file_kib_max), self.dir.path(), self.api)
    }

    /// Starts the daemon and kills it after this time, wherever it is then.
    pub(crate) fn start_and_kill(&self, after: Duration) {
        Daemon::start_and_kill(self.dir.path(), after);
    }

    /// Runs a command of the command line in the folder.
    pub(crate) fn cli<S: AsRef<std::ffi::OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Output {
        let mut command = daemon::command(self.dir.path());
        command.args(args);
        Output::of(command)
    }

    /// Asks the report API.
    #[track_caller]
    pub(crate) fn get(&self, target: &str) -> Response {
        http::send(self.api, "GET", target, &[], &[])
    }

    /// Asks the report API to do something.
    #[track_caller]
    pub(crate) fn post(&self, target: &str, body: &[u8]) -> Response {
        http::send(self.api, "POST", target, &[], body)
    }

    /// The answer of `/v1/ltv`, which must be one.
    #[track_caller]
    pub(crate) fn ltv(&self, query: &str) -> Value {
        self.get(&format!("/v1/ltv?{query}")).ok().json()
    }

    /// The answer of `/v1/revenue`, which must be one.
    #[track_caller]
    pub(crate) fn revenue(&self, query: &str) -> Value {
        self.get(&format!("/v1/revenue?{query}")).ok().json()
    }

    /// The answer of `/v1/status`.
    #[track_caller]
    pub(crate) fn status(&self) -> Value {
        self.get("/v1/status").ok().json()
    }

    /// Waits until no webhook delivery waits to be read.
    #[track_caller]
    pub(crate) fn wait_for_inbox(&self) {
        let pending = || self.status()["pending"].as_u64().expect("a number");
        let mut left = pending();
        // Where much waits, whatever is read is a sign that the rest will be.
        while left > 0 {
            left = wait_until("the inbox is read", BOUND, || Some(pending()).filter(|now| *now < left));
        }
    }

    /// Path of the webhook address, as `ltvd webhook url` tells it.
    #[track_caller]
    pub(crate) fn webhook_path(&self, integration: &str) -> String {
        let mut addresses = self.addresses.lock().expect("no test panicked with the lock");
        let known = addresses.entry(integration.to_owned()).or_insert_with(|| {
            let address = self.cli(["webhook", "url", integration]).ok();
            let path = address.trim().find("/hooks/").and_then(|at| address.trim().get(at..).map(str::to_owned));
            path.unwrap_or_else(|| panic!("this is no webhook address: {address}"))
        });
        known.clone()
    }

    /// Sends a webhook as a platform would.
    #[track_caller]
    pub(crate) fn post_webhook(&self, integration: &str, content_type: &str, body: &[u8]) -> Response {
        let path = self.webhook_path(integration);
        http::send(self.hooks, "POST", &path, &[("Content-Type", content_type)], body)
    }

    /// Sends a webhook, which must be taken, and waits until it is read.
    #[track_caller]
    pub(crate) fn deliver(&self, integration: &str, content_type: &str, body: &[u8]) {
        self.post_webhook(integration, content_type, body).ok();
        self.wait_for_inbox();
    }

    /// Puts a file into the drop folder of an integration: written under a name that is not taken, then renamed.
    pub(crate) fn drop_file(&self, integration: &str, name: &str, bytes: &[u8]) {
        let folder = self.path("drop").join(integration);
        fs::create_dir_all(&folder).expect("the drop folder can be made");
        let unfinished = folder.join(format!("{name}.part"));
        fs::write(&unfinished, bytes).expect("the drop folder can be written to");
        fs::rename(unfinished, folder.join(name)).expect("the file can be renamed");
    }

    /// Waits until a dropped file was put away. Names must differ within a test.
    #[track_caller]
    pub(crate) fn wait_for_report(&self, integration: &str, name: &str) -> Report {
        let folder = self.path("drop").join(integration);
        let done = wait_until(&format!("{integration}/{name} is put away"), BOUND, || {
            let lies_in = |place: &str| folder.join(place).join(name).is_file();
            if lies_in("done") { Some(true) } else { lies_in("failed").then_some(false) }
        });
        let report = folder.join(if done { "done" } else { "failed" }).join(format!("{name}.report.txt"));
        Report { done, text: fs::read_to_string(report).expect("a file that was put away has a report") }
    }

    /// Drops a file and waits for its report.
    #[track_caller]
    pub(crate) fn import(&self, integration: &str, name: &str, bytes: &[u8]) -> Report {
        self.drop_file(integration, name, bytes);
        self.wait_for_report(integration, name)
    }

    /// Files below a folder in which these bytes occur. Links are not followed.
    pub(crate) fn files_with(&self, relative: &str, wanted: &[u8]) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut folders = vec![self.path(relative)];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).expect("the folder can be read") {
                let entry = entry.expect("the folder can be read");
                let kind = entry.file_type().expect("the file is there");
                if kind.is_dir() {
                    folders.push(entry.path());
                } else if kind.is_file() {
                    let bytes = fs::read(entry.path()).expect("the file can be read");
                    if bytes.windows(wanted.len()).any(|window| window == wanted) {
                        found.push(entry.path());
                    }
                }
            }
        }
        found
    }
}

/// The folder of compiled connectors, which outlives the run. The daemon's build is part of the keys in it.
fn compiled() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compiled-connectors");
    fs::create_dir_all(&folder).expect("a folder for compiled connectors");
    folder
}

/// Compiles the connectors once, before many daemons would all do it at the same time.
fn warm_up() {
    static WARM: OnceLock<()> = OnceLock::new();
    WARM.get_or_init(|| {
        let shop = Shop::new("");
        shop.cli(["status"]).ok();
    });
}

/// A port that nobody listens on. Not from the range of which outgoing connections take theirs, so that it stays free
/// while a daemon is restarted.
fn free_port() -> u16 {
    const FIRST: u16 = 10_000;
    const COUNT: u16 = 20_000;
    static NEXT: OnceLock<AtomicU16> = OnceLock::new();
    // Test processes that run at the same time begin at different places.
    let next = NEXT.get_or_init(|| AtomicU16::new((std::process::id().wrapping_mul(797) % u32::from(COUNT)) as u16));
    loop {
        let port = FIRST + next.fetch_add(1, Ordering::Relaxed) % COUNT;
        // Not tried by listening: a process that is being started elsewhere would keep the port for a moment.
        if TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            return port;
        }
    }
}
