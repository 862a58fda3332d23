//! `ltvd connector test`: a connector in the real sandbox, held against its cases and against what every connector must
//! satisfy. Needs neither daemon nor ledger, sends nothing and stores nothing but what `--bless` writes.

mod case;
mod laws;
mod ledger;
mod play;
mod project;
mod script;
mod time;
mod told;
mod words;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use similar::TextDiff;

use super::super::failure::Failure;
use super::super::output::{self, count, plain_lines};
use crate::connector::Host;
use laws::{Law, Played};
use play::{End, Stage};

/// Arguments of `ltvd connector test`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// The connector: its project's folder, or its file
    #[arg(value_name = "PATH", default_value = ".")]
    path: PathBuf,
    /// Folder of the cases [default: `cases` in the project's folder, or beside the file]
    #[arg(long, value_name = "FOLDER")]
    cases: Option<PathBuf>,
    /// Only cases whose name holds this
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Tell of each case how its deliveries ended and what the ledger holds, a line each
    #[arg(long)]
    summary: bool,
    /// Measure instead: time to load, rows a second, a webhook; as one line of JSON
    #[arg(long, conflicts_with_all = ["bless", "summary"])]
    time: bool,
    /// Write what came of the cases as what is expected from now on
    #[arg(long)]
    bless: bool,
}

pub(super) fn test(args: &Args) -> Result<(), Failure> {
    let project = project::find(&args.path, args.cases.clone()).map_err(Failure::Failed)?;
    let host = Host::new(None)?;
    let connector = Arc::new(host.load_file(&project.file)?);
    let again = host.load_file(&project.file)?;
    let mut cases = case::load_all(&project.cases, &connector).map_err(Failure::Failed)?;
    cases.retain(|case| args.only.as_deref().is_none_or(|part| case.name.contains(part)));
    if cases.is_empty() {
        let cases = project.cases.display();
        return Err(Failure::Failed(format!(
            "there is no case in {cases}; a case is a .toml file, see plugins/docs/testing.md"
        )));
    }
    if args.time {
        return output::print(&time::measure(&project, &connector, &cases)?.to_string());
    }
    let manifest = &connector.manifest;
    let head = format!("{} {}, {}\n\n", manifest.id, manifest.version, count(cases.len() as u64, "case", "cases"));
    output::print(&head)?;

    let mut failed = 0;
    let mut played = Vec::new();
    for case in &cases {
        let (told, ledger) = Stage::new(&connector, case).play(&case.deliveries);
        let story = told::story(case, &told, &ledger);
        let one = Played { case, told, ledger };
        let verdict = judge(&one, &story, args.bless).map_err(Failure::Failed)?;
        failed += usize::from(verdict.is_bad);
        output::print(&plain_lines(&verdict.text))?;
        if args.summary {
            output::print(&plain_lines(&indented(&told::summary(case, &one.told, &one.ledger))))?;
        }
        played.push(one);
    }
    output::print("\n")?;
    for law in laws::try_all(&connector, &again, &played) {
        failed += usize::from(!law.violations.is_empty());
        output::print(&plain_lines(&told_law(&law)))?;
    }
    match failed {
        0 => Ok(()),
        failed => Err(Failure::Failed(format!("{} failed", count(failed as u64, "case or law", "cases or laws")))),
    }
}

/// How a case went.
struct Verdict {
    is_bad: bool,
    text: String,
}

/// Holds what came against what was expected, or writes it down.
fn judge(played: &Played<'_>, story: &str, bless: bool) -> Result<Verdict, String> {
    let case = played.case;
    let title = if case.about.is_empty() { case.name.clone() } else { format!("{}: {}", case.name, case.about) };
    let faults = faults(played);
    if !faults.is_empty() {
        return Ok(Verdict { is_bad: true, text: format!("FAIL  {title}\n{}", indented(&faults.join("\n"))) });
    }
    let expected = match fs::read_to_string(&case.expected) {
        Ok(text) => Some(text.replace("\r\n", "\n")),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(format!("{}: cannot be read: {error}", case.expected.display())),
    };
    if expected.as_deref() == Some(story) {
        return Ok(Verdict { is_bad: false, text: format!("ok    {title}\n") });
    }
    if bless {
        fs::write(&case.expected, story)
            .map_err(|error| format!("{}: cannot be written: {error}", case.expected.display()))?;
        return Ok(Verdict { is_bad: false, text: format!("new   {title}\n") });
    }
    let text = match expected {
        Some(expected) => difference(&expected, story),
        None => format!("nothing is expected of it yet; look at this, and write it down with --bless\n{story}"),
    };
    Ok(Verdict { is_bad: true, text: format!("FAIL  {title}\n{}", indented(&text)) })
}

/// What no expectation can make good.
fn faults(played: &Played<'_>) -> Vec<String> {
    let mut faults = Vec::new();
    for (delivery, told) in played.case.deliveries.iter().zip(&played.told) {
        match &told.end {
            Some(end @ (End::Fault(_) | End::Unscripted(_) | End::Endless)) => {
                faults.push(format!("{}: {end}", delivery.title));
            }
            _ => {
                let left = told.left.iter().map(|request| format!("{}: never asks for {request}", delivery.title));
                faults.extend(left);
            }
        }
    }
    faults
}

/// Lines that differ, with some around them.
fn difference(expected: &str, found: &str) -> String {
    let diff = TextDiff::from_lines(expected, found);
    diff.unified_diff().context_radius(3).header("expected", "found").to_string()
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("      {line}\n")).collect()
}

fn told_law(law: &Law) -> String {
    let Law { law, tried, violations, more, left_out, notes } = law;
    let mark = match (violations.is_empty(), tried) {
        (false, _) => "FAIL",
        (true, 0) => "-   ",
        (true, _) => "ok  ",
    };
    let tried = count(*tried, "try", "tries");
    let mut text = format!("{mark}  {law} ({tried})\n");
    for violation in violations {
        text.push_str(&indented(violation));
    }
    if *more > 0 {
        text.push_str(&indented(&format!("and {more} more")));
    }
    for note in notes {
        text.push_str(&indented(&format!("note: {note}")));
    }
    for case in left_out {
        text.push_str(&indented(&format!("left out: {case}")));
    }
    text
}
