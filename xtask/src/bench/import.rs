//! How long a large CSV file takes until it is durable.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde_json::json;

use super::measure::{Run, measure, median};
use super::peer::Peer;
use super::shop::{self, Plan};
use super::tally::Tally;
use crate::connectors::{self, Set};
use crate::workspace::{Profile, Workspace, output};

/// Of the shop whose file is imported.
const CUSTOMERS_PER_MILLION: u64 = 300_000;

#[derive(Args)]
pub(crate) struct Options {
    /// Rows of the file.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    rows: u64,
    /// Runs of each program, by turns; medians are compared.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=99))]
    runs: u8,
    /// Measure this binary instead of building one.
    #[arg(long, value_name = "FILE")]
    ltvd: Option<PathBuf>,
}

/// Everything lies in one folder, which the next benchmark empties.
struct Bench {
    folder: PathBuf,
    binary: PathBuf,
    file: PathBuf,
    config: PathBuf,
}

pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let peer = Peer::install(workspace)?;
    let binary = match &options.ltvd {
        Some(file) => file.canonicalize().with_context(|| format!("there is no {}", file.display()))?,
        None => workspace.build_daemon(Profile::Shipped)?,
    };
    let folder = workspace.target.join("bench/import");
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot empty {}", folder.display()))?;
    }
    connectors::install(workspace, Set::Shipped, &folder.join("connectors"))?;
    let bench = Bench { binary, file: folder.join("shop.csv"), config: folder.join("ltvd.toml"), folder };
    fs::write(&bench.config, config(&bench.folder)?).context("cannot write the configuration")?;

    // Written just before, so the file is in memory for both.
    let truth = bench.write_file(options.rows)?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for run in 1..=options.runs {
        let our = bench.ltvd()?;
        truth.must_equal(&Tally::read(&our.report)?, "ltvd")?;
        let their = bench.peer(&peer)?;
        truth.must_equal(&Tally::read(&their.report)?, "DuckDB")?;
        eprintln!("run {run} of {}: ltvd {:.2} s, DuckDB {:.2} s", options.runs, our.wall_s, peer_seconds(&their)?);
        ours.push(our);
        theirs.push(their);
    }
    report(options.rows, &ours, &theirs)
}

/// The configuration: absolute folders, so that it does not matter where it is read from.
fn config(folder: &Path) -> Result<String> {
    let folder = folder.to_str().context("the target folder's path is not UTF-8")?;
    // A JSON string is a TOML string too.
    let path = |name: &str| json!(format!("{folder}/{name}")).to_string();
    Ok(format!(
        "data_dir = {}\ndrop_dir = {}\nconnectors_dir = {}\n\n[integrations.bench]\nconnector = \"generic\"\n",
        path("data"),
        path("drop"),
        path("connectors")
    ))
}

impl Bench {
    fn write_file(&self, rows: u64) -> Result<Tally> {
        let file = File::create(&self.file).with_context(|| format!("cannot write {}", self.file.display()))?;
        let mut out = BufWriter::with_capacity(1 << 20, file);
        let plan = Plan { rows, customers_per_million: CUSTOMERS_PER_MILLION, dollars_only: false };
        let tally = shop::write(plan, 0..rows, &mut out).context("cannot write the file")?;
        let file = out.into_inner().context("cannot write the file")?;
        file.sync_all()?;
        eprintln!("{}: {rows} rows, {} MB", self.file.display(), file.metadata()?.len() / 1_000_000);
        Ok(tally)
    }

    /// One import into an empty database; the connector has been compiled before, as it is on all days but the first.
    fn ltvd(&self) -> Result<Run> {
        let data = self.folder.join("data");
        if data.exists() {
            fs::remove_dir_all(&data).context("cannot empty the data folder")?;
        }
        output(Command::new(&self.binary).arg("status").arg("--config").arg(&self.config))?;
        let mut import = Command::new(&self.binary);
        import.arg("import").arg(&self.file).args(["--integration", "bench", "--json", "--config"]).arg(&self.config);
        measure(&mut import)
    }

    fn peer(&self, peer: &Peer) -> Result<Run> {
        let database = self.folder.join("peer.duckdb");
        if database.exists() {
            fs::remove_file(&database).context("cannot remove the peer's database")?;
        }
        peer.import(&self.file, &database)
    }
}

/// The peer's own time, without the start of its interpreter.
fn peer_seconds(run: &Run) -> Result<f64> {
    run.report["seconds"].as_f64().context("the peer tells no time")
}

fn report(rows: u64, ours: &[Run], theirs: &[Run]) -> Result<()> {
    let our_s = median(ours.iter().map(|run| run.wall_s).collect());
    let their_s = median(theirs.iter().map(peer_seconds).collect::<Result<_>>()?);
    let peak = |runs: &[Run]| runs.iter().map(|run| run.peak_mib).max().unwrap_or(0);
    let version = theirs.first().and_then(|run| run.report["version"].as_str()).unwrap_or("?");
    ensure!(our_s > 0.0, "nothing was measured");
    println!("Import of {rows} rows until durable, median of {} runs; equal counts and sums", ours.len());
    println!("{:<16}{:>9}{:>12}{:>11}", "", "seconds", "rows/s", "peak MiB");
    for (name, seconds, peak) in [("ltvd", our_s, peak(ours)), (&format!("DuckDB {version}"), their_s, peak(theirs))] {
        println!("{name:<16}{seconds:>9.2}{:>12.0}{peak:>11}", rows as f64 / seconds);
    }
    // For machines, in one line.
    println!(
        "{{\"bench\":\"import\",\"rows\":{rows},\"ltvd_s\":{our_s:.3},\"peer_s\":{their_s:.3},\"ratio\":{:.3},\"peak_mb\":{}}}",
        their_s / our_s,
        peak(ours),
    );
    Ok(())
}
