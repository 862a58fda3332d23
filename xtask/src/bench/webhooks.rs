//! How many webhooks a second are checked, made durable and acknowledged; and what happens beyond that.

mod kept;
mod load;
mod receiver;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde_json::json;

use self::kept::Kept;
use self::load::{Load, Outcome, WORD};
use self::receiver::{Receiver, Tuning};
use super::measure::median;
use super::server::{Server, free_address};
use crate::connectors::{self, Set};
use crate::workspace::{Profile, Workspace, output};

/// Before what counts: code is compiled, connections are made, files have grown.
const WARM_UP: Duration = Duration::from_secs(2);
/// Connections of an overload: so many that the rate is kept up while answers take long.
const OVERLOAD_CONNECTIONS: usize = 1_024;
/// The rate of an overload, in sustainable ones.
const OVERLOAD: f64 = 2.0;

#[derive(Args)]
pub(crate) struct Options {
    /// Connections, each with one request at a time.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=1024))]
    connections: u16,
    /// Seconds of one run, after a warm-up.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// Runs of each program, by turns; medians are compared.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=99))]
    runs: u8,
    /// Send twice as many as ltvd can take instead, and see what it sheds and keeps.
    #[arg(long)]
    overload: bool,
    /// Measure this binary instead of building one.
    #[arg(long, value_name = "FILE")]
    ltvd: Option<PathBuf>,
}

/// Everything lies in one folder, which the next benchmark empties.
struct Bench {
    folder: PathBuf,
    binary: PathBuf,
    connections: usize,
    time: Duration,
}

/// One run of ltvd.
struct Run {
    outcome: Outcome,
    kept: Kept,
    peak_mib: u64,
    /// Processor time of the daemon for one acknowledged delivery, microseconds.
    cpu_us: f64,
}

pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let binary = match &options.ltvd {
        Some(file) => file.canonicalize().with_context(|| format!("there is no {}", file.display()))?,
        None => workspace.build_daemon(Profile::Shipped)?,
    };
    let folder = workspace.target.join("bench/webhooks");
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot empty {}", folder.display()))?;
    }
    connectors::install(workspace, Set::Shipped, &folder.join("connectors"))?;
    let time = Duration::from_secs(options.seconds);
    let bench = Bench { folder, binary, connections: usize::from(options.connections), time };
    if options.overload { bench.overload() } else { bench.compare(workspace, options.runs) }
}

impl Bench {
    fn load<'a>(&self, address: &'a str, path: &'a str) -> Load<'a> {
        Load { address, path, connections: self.connections, rate: None, warm_up: WARM_UP, time: self.time }
    }

    fn compare(&self, workspace: &Workspace, runs: u8) -> Result<()> {
        let receiver = Receiver::install(workspace)?;
        let (mut ours, mut plain, mut native) = (Vec::new(), Vec::new(), Vec::new());
        for run in 1..=runs {
            let our = self.ltvd(|address, path| Ok(self.load(address, path)))?;
            our.kept.must_be_exact()?;
            let their = self.peer(&receiver, Tuning::Plain)?;
            let tuned = self.peer(&receiver, Tuning::Native)?;
            eprintln!(
                "run {run} of {runs}: ltvd {:.0}/s, p99 {:.1} ms, {:.0} us of processor time each, {} of {} not read yet at the end; \
                 uvicorn {:.0}/s, p99 {:.1} ms; with httptools and uvloop {:.0}/s, p99 {:.1} ms",
                our.outcome.per_s(),
                our.outcome.quantile_ms(0.99),
                our.cpu_us,
                our.kept.waiting,
                our.kept.acknowledged,
                their.per_s(),
                their.quantile_ms(0.99),
                tuned.per_s(),
                tuned.quantile_ms(0.99),
            );
            ours.push(our);
            plain.push(their);
            native.push(tuned);
        }
        report(self.connections, &ours, &plain, &native);
        Ok(())
    }

    /// First the rate that can be kept up, then twice that.
    fn overload(&self) -> Result<()> {
        let sustained = self.ltvd(|address, path| Ok(self.load(address, path)))?;
        sustained.kept.must_be_exact()?;
        let rate = sustained.outcome.per_s() * OVERLOAD;
        let over = self.ltvd(|address, path| {
            let load = self.load(address, path);
            Ok(Load { connections: OVERLOAD_CONNECTIONS, rate: Some(rate), ..load })
        })?;
        over.kept.must_be_exact()?;
        let Run { outcome, kept, peak_mib, .. } = &over;
        ensure!(
            outcome.without_retry_after == 0,
            "{} answers do not say when to come back",
            outcome.without_retry_after
        );
        let count = |status: u16| outcome.statuses.get(&status).copied().unwrap_or(0);
        let answered: u64 = outcome.statuses.values().sum();
        ensure!(answered == count(200) + count(503), "there were other answers: {:?}", outcome.statuses);
        println!(
            "Twice the sustainable rate, {rate:.0} requests/s over {OVERLOAD_CONNECTIONS} connections for {} s:\n\
             acknowledged {}/s (p99 {:.1} ms), shed with 503 and Retry-After {:.0}/s, unanswered {}; \
             peak {peak_mib} MiB, {} MiB at the sustainable rate",
            self.time.as_secs(),
            outcome.per_s().round(),
            outcome.quantile_ms(0.99),
            count(503) as f64 / outcome.seconds,
            outcome.unanswered.len(),
            sustained.peak_mib,
        );
        let line = json!({
            "bench": "webhooks-overload",
            "sent_per_s": (answered as f64 / outcome.seconds).round(),
            "acknowledged_per_s": outcome.per_s().round(),
            "shed_per_s": (count(503) as f64 / outcome.seconds).round(),
            "p99_ms": rounded(outcome.quantile_ms(0.99)),
            "deliveries": kept.acknowledged,
            "lost": kept.lost,
            "doubled": kept.doubled,
            "peak_mb": peak_mib,
        });
        println!("{line}");
        Ok(())
    }

    /// One run on an empty database; the connectors have been compiled before, as they are on all days but the first.
    fn ltvd<'l>(&self, load: impl FnOnce(&'static str, &'static str) -> Result<Load<'l>>) -> Result<Run> {
        let data = self.folder.join("data");
        if data.exists() {
            fs::remove_dir_all(&data).context("cannot empty the data folder")?;
        }
        let (api, hooks) = (free_address()?, free_address()?);
        let config = self.folder.join("ltvd.toml");
        fs::write(&config, configuration(&self.folder, &api, &hooks)?).context("cannot write the configuration")?;
        let url = output(Command::new(&self.binary).args(["webhook", "url", "bench", "--config"]).arg(&config))?;
        let path = url.find("/hooks/").and_then(|at| url.get(at..)).context("there is no webhook address")?.trim();
        let server = Server::start(&self.binary, &config, &api, &self.folder.join("ltvd.log"))?;
        // Kept for the life of the program, some tens of bytes a run.
        let (hooks, path): (&'static str, &'static str) = (hooks.leak(), path.to_owned().leak());
        let before = server.cpu_s()?;
        let outcome = load::deliver(&load(hooks, path)?, &AtomicU64::new(0))?;
        let cpu_us = (server.cpu_s()? - before) * 1e6 / outcome.acknowledged.len().max(1) as f64;
        let peak_mib = server.memory()?.peak >> 20;
        let kept = Kept::check(&server, &outcome)?;
        Ok(Run { outcome, kept, peak_mib, cpu_us })
    }

    fn peer(&self, receiver: &Receiver, tuning: Tuning) -> Result<Outcome> {
        let address = free_address()?;
        let running = receiver.start(tuning, &self.folder, &address, WORD)?;
        let outcome = load::deliver(&self.load(&address, "/hooks"), &AtomicU64::new(0))?;
        let kept = running.kept()?;
        let (acknowledged, unanswered) = (outcome.acknowledged.len() as u64, outcome.unanswered.len() as u64);
        ensure!(
            (acknowledged..=acknowledged + unanswered).contains(&kept),
            "the peer kept {kept} of {acknowledged} acknowledged deliveries"
        );
        Ok(outcome)
    }
}

/// Absolute folders, so that it does not matter where it is read from.
fn configuration(folder: &Path, api: &str, hooks: &str) -> Result<String> {
    let folder = folder.to_str().context("the target folder's path is not UTF-8")?;
    // A JSON string is a TOML string too.
    let path = |name: &str| json!(format!("{folder}/{name}")).to_string();
    Ok(format!(
        "data_dir = {}\ndrop_dir = {}\nconnectors_dir = {}\n\n[api]\nlisten = \"{api}\"\n\n[webhooks]\nlisten = \"{hooks}\"\n\n\
         [drop]\nenabled = false\n\n[integrations.bench]\nconnector = \"thrivecart\"\nsecret = \"{WORD}\"\n",
        path("data"),
        path("drop"),
        path("connectors")
    ))
}

fn rounded(ms: f64) -> f64 {
    (ms * 100.0).round() / 100.0
}

/// Requests a second, and milliseconds that a half and 99 of 100 of them stay under: each the median of the runs.
struct Figures {
    per_s: f64,
    p50_ms: f64,
    p99_ms: f64,
}

impl Figures {
    fn of<'a>(runs: impl Iterator<Item = &'a Outcome> + Clone) -> Self {
        Self {
            per_s: median(runs.clone().map(Outcome::per_s).collect()),
            p50_ms: median(runs.clone().map(|run| run.quantile_ms(0.5)).collect()),
            p99_ms: median(runs.map(|run| run.quantile_ms(0.99)).collect()),
        }
    }
}

fn report(connections: usize, ours: &[Run], plain: &[Outcome], native: &[Outcome]) {
    let our = Figures::of(ours.iter().map(|run| &run.outcome));
    let (plain, native) = (Figures::of(plain.iter()), Figures::of(native.iter()));
    let peak_mib = ours.iter().map(|run| run.peak_mib).max().unwrap_or(0);
    let sum = |of: fn(&Kept) -> u64| ours.iter().map(|run| of(&run.kept)).sum::<u64>();
    println!(
        "Webhooks at {connections} connections, checked and durable before the answer, median of {} runs; each of {} \
         acknowledged deliveries is in the ledger exactly once",
        ours.len(),
        sum(|kept| kept.acknowledged)
    );
    println!("{:<40}{:>12}{:>10}{:>10}", "", "requests/s", "p50 ms", "p99 ms");
    for (name, Figures { per_s, p50_ms, p99_ms }) in
        [("ltvd", &our), ("uvicorn, SQLite", &plain), ("uvicorn, httptools and uvloop, SQLite", &native)]
    {
        println!("{name:<40}{per_s:>12.0}{p50_ms:>10.1}{p99_ms:>10.1}");
    }
    let line = json!({
        "bench": "webhooks",
        "per_s": our.per_s.round(),
        "p99_ms": rounded(our.p99_ms),
        "ratio": rounded(our.per_s / plain.per_s),
        "peer_per_s": plain.per_s.round(),
        "peer_p99_ms": rounded(plain.p99_ms),
        "ratio_native": rounded(our.per_s / native.per_s),
        "native_per_s": native.per_s.round(),
        "native_p99_ms": rounded(native.p99_ms),
        "deliveries": sum(|kept| kept.acknowledged),
        "lost": sum(|kept| kept.lost),
        "doubled": sum(|kept| kept.doubled),
        "cpu_us": median(ours.iter().map(|run| run.cpu_us).collect()).round(),
        "peak_mb": peak_mib,
    });
    println!("{line}");
}
