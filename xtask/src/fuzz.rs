//! `cargo xtask fuzz`: every reader of foreign bytes on mutated input, for a bounded time.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use serde_json::{Map, json};

use crate::workspace::{Workspace, output, status};

/// The version that the crate `fuzz` is tried with.
const VERSION: &str = "0.13.2";
/// Longest input, bytes.
const INPUT_BYTES: usize = 16 << 10;
/// Time for one input, seconds; more is a finding.
const INPUT_S: u32 = 10;
/// Memory of a target, MiB; more is a finding.
const MEMORY_MIB: u32 = 2_048;

#[derive(Args)]
pub(crate) struct Options {
    /// Seconds for each target.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    seconds: u32,
    /// Only these targets.
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,
}

/// A target, and files of this repository that its inputs begin with: (folder or file, what stands before the bytes).
struct Target {
    name: &'static str,
    seeds: &'static [(&'static str, &'static [u8])],
}

const TARGETS: [Target; 10] = [
    Target { name: "config", seeds: &[("config.example.toml", b"")] },
    Target {
        name: "csv_reading",
        seeds: &[
            ("plugins/thrivecart/fixtures/csv", b"\0"),
            ("plugins/samcart/fixtures/orders-2016.csv", b"\0"),
            ("tests/fixtures/worked-example/events.csv", b"\0"),
        ],
    },
    Target { name: "webhook", seeds: &[("plugins/thrivecart/fixtures/sample", b"\x09demo-word")] },
    Target { name: "wit_outputs", seeds: &[("config.example.toml", b"")] },
    Target {
        name: "decoder_clickfunnels",
        seeds: &[
            ("plugins/clickfunnels/cases/paid.json", b"\0\0"),
            ("plugins/clickfunnels/cases/classic-updated.json", b"\0\0"),
            ("plugins/clickfunnels/cases/events-1.json", b"\x01"),
        ],
    },
    Target { name: "decoder_generic", seeds: &[("tests/fixtures/worked-example/events.csv", b"")] },
    Target {
        name: "decoder_konnektive",
        seeds: &[
            ("plugins/konnektive/fixtures/transactions.json", b"\x01"),
            ("plugins/konnektive/fixtures/transaction-details.csv", b"\0"),
        ],
    },
    Target {
        name: "decoder_samcart",
        seeds: &[("plugins/samcart/fixtures/sample", b"\x01\0"), ("plugins/samcart/fixtures/sale.json", b"\x01\0")],
    },
    Target {
        name: "decoder_thrivecart",
        seeds: &[("plugins/thrivecart/fixtures/sample", b"\x01\x01"), ("plugins/thrivecart/fixtures/csv", b"\0")],
    },
    Target { name: "decoder_woocommerce", seeds: &[("plugins/samcart/fixtures/sale.json", b"\0\0")] },
];

/// What one target did.
struct Outcome {
    executions: u64,
    /// The input that it failed on.
    failure: Option<PathBuf>,
}

pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    if let Some(unknown) = options.targets.iter().find(|name| !TARGETS.iter().any(|target| target.name == **name)) {
        bail!("there is no target `{unknown}`; there are {}", TARGETS.map(|target| target.name).join(", "));
    }
    let tool = find_or_install(workspace)?;
    let mut executions = Map::new();
    let mut failures = 0;
    for target in &TARGETS {
        if !options.targets.is_empty() && !options.targets.iter().any(|name| name == target.name) {
            continue;
        }
        let outcome = fuzz(workspace, &tool, target, options.seconds)?;
        if let Some(input) = &outcome.failure {
            eprintln!("{} fails on {}", target.name, input.display());
            failures += 1;
        }
        executions.insert(target.name.to_owned(), outcome.executions.into());
    }
    println!("{}", json!({ "fuzz": executions, "seconds_each": options.seconds, "failures": failures }));
    ensure!(failures == 0, "{failures} targets failed");
    Ok(())
}

fn fuzz(workspace: &Workspace, tool: &Path, target: &Target, seconds: u32) -> Result<Outcome> {
    let folder = workspace.target.join("fuzz").join(target.name);
    let (corpus, artifacts) = (folder.join("corpus"), folder.join("artifacts"));
    for folder in [&corpus, &artifacts] {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    sow(workspace, target, &corpus)?;
    let known: Vec<_> = files(&artifacts)?;
    eprintln!("== {} for {seconds} s", target.name);
    let mut command = Command::new(tool);
    command.args(["fuzz", "run", "--sanitizer", "none", "--fuzz-dir"]).arg(workspace.root.join("fuzz"));
    command.arg("--target-dir").arg(workspace.target.join("fuzz/build")).arg(target.name).arg(&corpus).arg("--");
    command.arg(format!("-max_total_time={seconds}")).arg(format!("-max_len={INPUT_BYTES}"));
    command.arg(format!("-timeout={INPUT_S}")).arg(format!("-rss_limit_mb={MEMORY_MIB}"));
    command.arg("-print_final_stats=1").arg(format!("-artifact_prefix={}/", artifacts.display()));
    // Coverage counters are an unstable option of the compiler that builds everything else.
    command.env("RUSTC_BOOTSTRAP", "1").current_dir(&workspace.root);
    // Where intermediate files of other builds are is nothing to this one.
    command.env_remove("CARGO_BUILD_BUILD_DIR").env_remove("CARGO_TARGET_DIR");
    let done = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).output();
    let done = done.context("cargo-fuzz cannot be started")?;
    let said = String::from_utf8_lossy(&done.stderr);
    let failure = files(&artifacts)?.into_iter().find(|file| !known.contains(file));
    if !done.status.success() && failure.is_none() {
        bail!("{} could not be run: {}", target.name, last_lines(&said));
    }
    if failure.is_some() {
        eprintln!("{}", last_lines(&said));
    }
    let executions = said.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units:"));
    Ok(Outcome { executions: executions.and_then(|count| count.trim().parse().ok()).unwrap_or(0), failure })
}

/// Puts what the repository has into the corpus.
fn sow(workspace: &Workspace, target: &Target, corpus: &Path) -> Result<()> {
    for (seed, before) in target.seeds {
        let path = workspace.root.join(seed);
        let sources = if path.is_dir() { files(&path)? } else { vec![path] };
        for source in sources {
            let bytes = fs::read(&source).with_context(|| format!("cannot read {}", source.display()))?;
            let name = source.file_name().context("a seed without name")?;
            let bytes: Vec<u8> = before.iter().chain(&bytes).copied().take(INPUT_BYTES).collect();
            fs::write(corpus.join(name), bytes).context("cannot write a seed")?;
        }
    }
    Ok(())
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut files: Vec<PathBuf> =
        entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_file()).collect();
    files.sort();
    Ok(files)
}

fn last_lines(text: &str) -> String {
    const LINES: usize = 30;
    let lines: Vec<&str> = text.lines().collect();
    lines.get(lines.len().saturating_sub(LINES)..).unwrap_or_default().join("\n")
}

fn find_or_install(workspace: &Workspace) -> Result<PathBuf> {
    let tools = workspace.target.join("tools");
    let own = tools.join("bin/cargo-fuzz");
    for candidate in [own.as_path(), Path::new("cargo-fuzz")] {
        if output(Command::new(candidate).arg("--version")).is_ok() {
            return Ok(candidate.to_owned());
        }
    }
    eprintln!("Installing cargo-fuzz {VERSION} into {}; once.", tools.display());
    let mut install = workspace.cargo();
    install.args(["install", "cargo-fuzz", "--version", VERSION, "--locked", "--debug", "--root"]).arg(&tools);
    install.env("CARGO_TARGET_DIR", tools.join("build")).env_remove("CARGO_BUILD_BUILD_DIR");
    status(&mut install).context("cargo-fuzz cannot be installed here")?;
    Ok(own)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_of_the_crate_is_run_and_has_seeds() {
        let workspace = Workspace::find().unwrap();
        let manifest = fs::read_to_string(workspace.root.join("fuzz/Cargo.toml")).unwrap();
        let mut built: Vec<&str> = manifest
            .split("[[bin]]")
            .skip(1)
            .filter_map(|bin| bin.split("name = \"").nth(1)?.split('"').next())
            .collect();
        built.sort_unstable();
        let mut run = TARGETS.map(|target| target.name);
        run.sort_unstable();
        assert_eq!(built, run);
        for target in &TARGETS {
            assert!(!target.seeds.is_empty());
            for (seed, _) in target.seeds {
                assert!(workspace.root.join(seed).exists(), "{seed}");
            }
        }
    }
}
