//! `cargo xtask schemathesis`: the running daemon against its own description, with requests that a program thinks up.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use serde_json::{Value, json};

use crate::connectors::{self, Set};
use crate::http;
use crate::python::{self, Package};
use crate::workspace::{Profile, Workspace};

const SCHEMATHESIS: Package = Package { name: "schemathesis", version: "4.32.5", with: &[] };
/// What is expected of answers, beyond the description.
const EXPECTED: &str = include_str!("schemathesis.toml");
/// Time for the daemon to be ready; its first start compiles the connectors.
const READY: Duration = Duration::from_secs(120);

/// A small shop, with something in every corner: rebills, refunds, a chargeback, coupons, a row that cannot be read.
const FILE: &str = "\
id,order,date,email,amount,kind,product,coupon
1,A,2026-01-10 10:00:00,ada@example.org,100.00,sale,Tea,SPRING
2,A,2026-01-20 10:00:00,ada@example.org,40.00,refund,,
3,B,2026-02-11 10:00:00,bo@example.org,50.00,sale,=Cup,
4,B,2026-03-11 10:00:00,bo@example.org,50.00,rebill,=Cup,
5,C,2026-03-12 10:00:00,,20.00,sale,\"Pot, large\",
6,D,2026-03-13 10:00:00,cleo@example.org,20.00,sale,Tea,
7,D,2026-04-13 10:00:00,cleo@example.org,20.00,chargeback,,
";

#[derive(Args)]
pub(crate) struct Options {
    /// Seconds of trying, at most.
    #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    max_time_s: u32,
    /// Requests of each kind to each route, at most.
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    max_examples: u32,
    /// Where it starts to think; the same number thinks up the same requests.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// A daemon in a folder of its own. It is killed when this is dropped.
struct Daemon {
    child: Child,
    api: String,
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Fails if an answer is not as described. The last line is JSON.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let programs = python::install(workspace, &SCHEMATHESIS)?;
    let folder = workspace.target.join("schemathesis");
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot empty {}", folder.display()))?;
    }
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    connectors::install(workspace, Set::Shipped, &folder.join("connectors"))?;
    let binary = workspace.build_daemon(Profile::Debug)?;
    let daemon = start(&binary, &folder)?;
    fill(&daemon)?;

    let expected = folder.join("schemathesis.toml");
    fs::write(&expected, EXPECTED).context("cannot write what is expected")?;
    let report = folder.join("report.json");
    let begin = Instant::now();
    let mut command = Command::new(programs.join("schemathesis"));
    command.current_dir(&folder).arg("--config-file").arg(&expected);
    command.args(["run", &format!("{}/openapi.json", daemon.api), "--checks", "all"]);
    command.args(["--phases", "examples,coverage,fuzzing", "--continue-on-failure", "--workers", "1"]);
    command.args(["--max-examples", &options.max_examples.to_string()]);
    command.args(["--max-time", &options.max_time_s.to_string()]);
    command.args(["--seed", &options.seed.to_string()]);
    command.args(["--report", "json", "--report-json-path"]).arg(&report);
    let status = command.status().context("schemathesis could not be started")?;
    ensure!(http::get(&format!("{}/readyz", daemon.api))?.status == 200, "the daemon is not ready any more");
    println!("{}", told(&report, status.success(), begin.elapsed()));
    ensure!(status.success(), "answers are not as described; {} has all of it", report.display());
    Ok(())
}

fn told(report: &Path, passed: bool, time: Duration) -> Value {
    let report: Option<Value> = fs::read(report).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let part = |pointer: &str| report.as_ref().and_then(|report| report.pointer(pointer)).cloned().unwrap_or_default();
    json!({
        "schemathesis": SCHEMATHESIS.version,
        "passed": passed,
        "seconds": time.as_secs(),
        "seed": part("/seed"),
        "operations": part("/operations/tested"),
        "requests": part("/test_cases/generated"),
        "failures": part("/failures"),
    })
}

fn start(binary: &Path, folder: &Path) -> Result<Daemon> {
    let (api, webhooks) = (free_port()?, free_port()?);
    let config: PathBuf = folder.join("ltvd.toml");
    let text = format!(
        "[api]\nlisten = \"127.0.0.1:{api}\"\n\n[webhooks]\nlisten = \"127.0.0.1:{webhooks}\"\n\n\
         [report]\ncurrency = \"USD\"\n\n[integrations.files]\nconnector = \"generic\"\ncurrency = \"USD\"\n"
    );
    fs::write(&config, text).with_context(|| format!("cannot write {}", config.display()))?;
    let log = File::create(folder.join("stderr.log")).context("cannot write the log")?;
    let mut run = Command::new(binary);
    run.arg("run").arg("--config").arg(&config).current_dir(folder).stdout(Stdio::null()).stderr(log);
    let child = run.spawn().context("ltvd cannot be started")?;
    let mut daemon = Daemon { child, api: format!("http://127.0.0.1:{api}") };
    let begin = Instant::now();
    while !http::get(&format!("{}/readyz", daemon.api)).is_ok_and(|answer| answer.status == 200) {
        if let Some(status) = daemon.child.try_wait().context("ltvd cannot be waited for")? {
            bail!("ltvd ended with {status}; {} says why", folder.join("stderr.log").display());
        }
        ensure!(begin.elapsed() < READY, "ltvd does not become ready");
        sleep(Duration::from_millis(100));
    }
    Ok(daemon)
}

/// Puts the shop in.
fn fill(daemon: &Daemon) -> Result<()> {
    let url = format!("{}/v1/imports?integration=files&name=shop.csv&complete_through=2026-06-30", daemon.api);
    let answer = http::post(&url, "text/csv", FILE.as_bytes())?;
    ensure!(answer.status == 200 && answer.body.contains("\"report\""), "the sample was refused: {}", answer.body);
    Ok(())
}

fn free_port() -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").context("no port is free")?;
    Ok(listener.local_addr().context("a port without number")?.port())
}
