//! How long monthly cohorts at six horizons take over the running daemon's API, next to DuckDB and to a bare scan.

mod cells;
mod scan;

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::BufWriter;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde_json::{Value, json};

use self::cells::Cells;
use self::scan::Columns;
use super::measure::{measure, median};
use super::peer::Peer;
use super::server::{Server, free_address};
use super::shop::{self, Plan};
use super::tally::Tally;
use crate::connectors::{self, Set};
use crate::workspace::{Profile, Workspace};

const QUESTION: &str = "/v1/ltv?group=month&horizons=30,60,90,180,365,720";
/// Rows that come in while the daemon is asked, and into how many files they are divided.
const FURTHER_ROWS: u64 = 50_000;
const FURTHER_FILES: u64 = 10;

#[derive(Args)]
pub(crate) struct Options {
    /// Entries of the shop.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1_000..=100_000_000))]
    entries: u64,
    /// Runs of each program after one that does not count; medians are compared.
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u8).range(1..=99))]
    runs: u8,
    /// Import the shop again, even if that was done before.
    #[arg(long)]
    fresh: bool,
    /// Measure this binary instead of building one.
    #[arg(long, value_name = "FILE")]
    ltvd: Option<PathBuf>,
}

/// The shop, imported once, and a copy of it for each benchmark.
struct Bench {
    plan: Plan,
    runs: u8,
    folder: PathBuf,
    binary: PathBuf,
    api: String,
}

/// All that is reported.
struct Figures {
    ready_s: f64,
    first_answer_s: f64,
    api_ms: f64,
    rss: u64,
    peak: u64,
    under_ingest: UnderIngest,
    scan_ms: f64,
    best: (String, f64),
    plain_ms: f64,
    version: String,
    cells: usize,
}

/// Answers that came while files came in.
struct UnderIngest {
    /// Median of those that were the first to hold more than the one before: what it takes to take new rows in.
    api_ms: f64,
    /// How many those are.
    answers: usize,
    slowest_ms: f64,
    rows_per_s: f64,
    peak: u64,
}

pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let peer = Peer::install(workspace)?;
    let binary = match &options.ltvd {
        Some(file) => file.canonicalize().with_context(|| format!("there is no {}", file.display()))?,
        None => workspace.build_daemon(Profile::Shipped)?,
    };
    let plan = Plan { rows: options.entries, customers_per_million: 310_000, dollars_only: true };
    let base = workspace.target.join("bench/ltv");
    let connectors = base.join("connectors");
    connectors::install(workspace, Set::Shipped, &connectors)?;
    let folder = base.join(format!("{}-{:016x}", plan.rows, key(workspace, &connectors)?));
    let bench = Bench { plan, runs: options.runs, folder, binary, api: free_address()? };
    bench.import(&connectors, options.fresh)?;
    bench.report(&bench.figures(&peer, &connectors)?);
    Ok(())
}

/// Of everything that decides what is in the imported shop.
fn key(workspace: &Workspace, connectors: &Path) -> Result<u64> {
    let mut hash = DefaultHasher::new();
    include_str!("shop.rs").hash(&mut hash);
    workspace.version()?.hash(&mut hash);
    fs::read(connectors.join("generic.wasm")).context("there is no connector `generic`")?.hash(&mut hash);
    Ok(hash.finish())
}

impl Bench {
    fn file(&self) -> PathBuf {
        self.folder.join("shop.csv")
    }

    /// The configuration of a daemon with this data folder.
    fn config(&self, name: &str, data: &Path, connectors: &Path) -> Result<PathBuf> {
        // A JSON string is a TOML string too.
        let quoted = |path: &Path| Ok::<_, anyhow::Error>(json!(path.to_str().context("a path is not UTF-8")?));
        let text = format!(
            "data_dir = {}\ndrop_dir = {}\nconnectors_dir = {}\n\n[api]\nlisten = \"{}\"\n\n[webhooks]\n\
             listen = \"{}\"\n\n[drop]\nenabled = false\n\n[integrations.bench]\nconnector = \"generic\"\n",
            quoted(data)?,
            quoted(&self.folder.join("drop"))?,
            quoted(connectors)?,
            self.api,
            free_address()?,
        );
        let file = self.folder.join(name);
        fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
        Ok(file)
    }

    fn import_command(&self, file: &Path, config: &Path) -> Command {
        let mut import = Command::new(&self.binary);
        import.arg("import").arg(file).args(["--integration", "bench", "--json", "--config"]).arg(config);
        import
    }

    /// Makes the file and imports it, unless that was done before.
    fn import(&self, connectors: &Path, fresh: bool) -> Result<()> {
        let done = self.folder.join("imported");
        if fresh && self.folder.exists() {
            fs::remove_dir_all(&self.folder).with_context(|| format!("cannot empty {}", self.folder.display()))?;
        }
        if done.exists() {
            eprintln!("Using {}", self.folder.display());
            return Ok(());
        }
        let data = self.folder.join("data");
        if data.exists() {
            fs::remove_dir_all(&data).context("cannot empty the data folder")?;
        }
        fs::create_dir_all(&self.folder).with_context(|| format!("cannot make {}", self.folder.display()))?;
        let config = self.config("import.toml", &data, connectors)?;
        let truth = self.write(&self.file(), 0..self.plan.rows)?;
        let run = measure(&mut self.import_command(&self.file(), &config))?;
        truth.must_equal(&Tally::read(&run.report)?, "ltvd")?;
        eprintln!("{}: {} rows, imported in {:.1} s", self.file().display(), self.plan.rows, run.wall_s);
        File::create(done)?;
        Ok(())
    }

    fn write(&self, file: &Path, rows: Range<u64>) -> Result<Tally> {
        let out = File::create(file).with_context(|| format!("cannot write {}", file.display()))?;
        let mut out = BufWriter::with_capacity(1 << 20, out);
        let tally = shop::write(self.plan, rows, &mut out).context("cannot write the file")?;
        out.into_inner().context("cannot write the file")?.sync_all()?;
        Ok(tally)
    }

    fn figures(&self, peer: &Peer, connectors: &Path) -> Result<Figures> {
        let data = self.folder.join("run");
        if data.exists() {
            fs::remove_dir_all(&data).with_context(|| format!("cannot empty {}", data.display()))?;
        }
        copy_folder(&self.folder.join("data"), &data)?;
        let config = self.config("ltvd.toml", &data, connectors)?;

        let start = Instant::now();
        let server = Server::start(&self.binary, &config, &self.api, &self.folder.join("ltvd.log"))?;
        let answer = server.ask_json(QUESTION)?;
        let first_answer_s = start.elapsed().as_secs_f64();
        let ours = Cells::of_answer(&answer)?;
        let mut times = Vec::new();
        for _ in 0..self.runs {
            times.push(server.ask(QUESTION)?.0);
        }
        let memory = server.memory()?;
        let under_ingest = self.under_ingest(&server, &config)?;
        let ready_s = server.ready_s;
        drop(server);

        let as_of = answer["definition"]["as_of"]["day"].as_str().context("the answer tells no as-of day")?;
        let their = peer.ltv(&self.file(), &self.folder, as_of, self.runs)?.report;
        let plain_ms = their["plain"]["ms"].as_f64().context("the peer tells no time")?;
        ours.must_equal(&Cells::of_rows(&their["plain"]["cells"])?, "DuckDB, plain table,")?;
        let mut best: Option<(String, f64)> = None;
        for (name, one) in their["best"].as_object().context("the peer has no best layout")? {
            ours.must_equal(&Cells::of_rows(&one["cells"])?, &format!("DuckDB, {name},"))?;
            let ms = one["ms"].as_f64().context("the peer tells no time")?;
            eprintln!("DuckDB, {name}: {ms:.2} ms");
            if best.as_ref().is_none_or(|(_, fastest)| ms < *fastest) {
                best = Some((name.clone(), ms));
            }
        }

        let columns = Columns::read(&self.file(), as_of)?;
        ours.must_equal(&columns.cells(&columns.scan()), "the scan")?;
        let scan = |_| {
            let start = Instant::now();
            std::hint::black_box(std::hint::black_box(&columns).scan());
            start.elapsed().as_secs_f64() * 1000.0
        };
        Ok(Figures {
            ready_s,
            first_answer_s,
            api_ms: median(times),
            rss: memory.now,
            peak: memory.peak,
            under_ingest,
            scan_ms: median((0..self.runs).map(scan).collect()),
            best: best.context("the peer has no best layout")?,
            plain_ms,
            version: their["version"].as_str().unwrap_or("?").to_owned(),
            cells: ours.len(),
        })
    }

    /// Asks without pause while files come in, one after the other.
    fn under_ingest(&self, server: &Server, config: &Path) -> Result<UnderIngest> {
        let size = FURTHER_ROWS / FURTHER_FILES;
        let mut files = Vec::new();
        for number in 0..FURTHER_FILES {
            let file = self.folder.join(format!("further-{number}.csv"));
            let from = self.plan.rows + number * size;
            files.push((self.write(&file, from..from + size)?, file));
        }
        let ended = AtomicBool::new(false);
        let import = || {
            let start = Instant::now();
            for (truth, file) in &files {
                truth.must_equal(&Tally::read(&measure(&mut self.import_command(file, config))?.report)?, "ltvd")?;
            }
            Ok::<f64, anyhow::Error>(start.elapsed().as_secs_f64())
        };
        let mut times = Vec::new();
        let mut revision = server.ask_json(QUESTION)?["definition"]["ledger_revision"].as_u64();
        let seconds = thread::scope(|scope| {
            let importing = scope.spawn(|| {
                let seconds = import();
                ended.store(true, Ordering::Relaxed);
                seconds
            });
            while !ended.load(Ordering::Relaxed) {
                let (took, answer) = server.ask(QUESTION)?;
                let answer: Value = serde_json::from_str(&answer).context("an answer is not JSON")?;
                let seen = answer["definition"]["ledger_revision"].as_u64();
                if seen != revision {
                    times.push(took);
                    revision = seen;
                }
            }
            importing.join().unwrap_or_else(|_| Err(anyhow::anyhow!("the import was lost")))
        })?;
        ensure!(!times.is_empty(), "no answer saw new rows while the files came in");
        Ok(UnderIngest {
            slowest_ms: times.iter().copied().fold(0.0, f64::max),
            answers: times.len(),
            api_ms: median(times),
            rows_per_s: FURTHER_ROWS as f64 / seconds,
            peak: server.memory()?.peak,
        })
    }

    fn report(&self, figures: &Figures) {
        let Figures { under_ingest, best, .. } = figures;
        let entries = self.plan.rows;
        let bytes = |bytes: u64| bytes as f64 / entries as f64;
        eprintln!(
            "\nLifetime value of monthly cohorts at six horizons, {entries} entries; medians of {} runs; {} equal cells",
            self.runs, figures.cells
        );
        let row = |name: &str, ms: f64, note: &str| eprintln!("{name:<34}{ms:>10.2} ms  {note}");
        row("ltvd, over its API", figures.api_ms, "");
        row(
            "ltvd, while files come in",
            under_ingest.api_ms,
            &format!(
                "{} answers with new rows, the slowest {:.0} ms; {:.0} rows/s",
                under_ingest.answers, under_ingest.slowest_ms, under_ingest.rows_per_s
            ),
        );
        row("a bare scan on one thread", figures.scan_ms, "");
        row(&format!("DuckDB {}, best layout", figures.version), best.1, &best.0);
        row(&format!("DuckDB {}, plain table", figures.version), figures.plain_ms, "");
        eprintln!(
            "start: ready after {:.2} s, first answer after {:.2} s\nmemory: {:.0} bytes an entry, {:.0} at the peak; {:.0} \
             at the peak of the ingest",
            figures.ready_s,
            figures.first_answer_s,
            bytes(figures.rss),
            bytes(figures.peak),
            bytes(under_ingest.peak),
        );
        // For machines, in one line.
        println!(
            "{{\"bench\":\"ltv\",\"entries\":{entries},\"api_ms\":{:.3},\"scan_ms\":{:.3},\"best_ms\":{:.3},\
             \"plain_ms\":{:.3},\"ratio_best\":{:.3},\"ratio_plain\":{:.3},\"rss_bytes_per_entry\":{:.1},\
             \"peak_bytes_per_entry\":{:.1},\"start_s\":{:.3},\"api_ms_under_ingest\":{:.3},\"first_answer_s\":{:.3},\
             \"ingest_rows_per_s\":{:.0}}}",
            figures.api_ms,
            figures.scan_ms,
            best.1,
            figures.plain_ms,
            best.1 / figures.api_ms,
            figures.plain_ms / figures.api_ms,
            bytes(figures.rss),
            bytes(figures.peak),
            figures.ready_s,
            under_ingest.api_ms,
            figures.first_answer_s,
            under_ingest.rows_per_s,
        );
    }
}

/// Files and folders; what else lies there, such as a socket, stays.
fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("cannot make {}", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot list {}", from.display()))? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        let kind = entry.file_type()?;
        if kind.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else if kind.is_file() {
            fs::copy(entry.path(), &target).with_context(|| format!("cannot copy to {}", target.display()))?;
        }
    }
    Ok(())
}
