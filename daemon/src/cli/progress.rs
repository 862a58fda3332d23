//! Answers that tell their progress line by line, and end with a report or a problem.

use std::io::IsTerminal as _;

use axum::body::Body;
use futures_util::StreamExt as _;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::client::{Problem, broken_off};
use super::failure::Failure;
use super::output;
use crate::limits::cli::LINE_BYTES;

/// A line of the answer.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Progress {
        phase: String,
        done: u64,
        total: Option<u64>,
        #[serde(default)]
        note: String,
    },
    Report(Map<String, Value>),
    Error(Problem),
}

/// Shows the progress and prints the report: its text, or all of it as one line of JSON. `size` is that of what is sent,
/// bytes. Gives the report without its text.
pub(super) async fn report(answer: Body, size: Option<u64>, as_json: bool) -> Result<Map<String, Value>, Failure> {
    let bar = Bar::new(size);
    let result = follow(answer, &bar).await;
    bar.shown.finish_and_clear();
    let mut report = result?;
    match report.remove("text") {
        Some(Value::String(text)) if !as_json => output::print(&output::plain_lines(&text))?,
        _ => output::print(&Value::Object(report.clone()).to_string())?,
    }
    Ok(report)
}

/// Shows the progress, until the report.
async fn follow(answer: Body, bar: &Bar) -> Result<Map<String, Value>, Failure> {
    let mut pieces = answer.into_data_stream();
    let mut lines = Lines::default();
    while let Some(piece) = pieces.next().await {
        lines.buffer.extend_from_slice(&piece.map_err(broken_off)?);
        while let Some(line) = lines.next() {
            if let Some(report) = take_in(&line, bar)? {
                return Ok(report);
            }
        }
        if lines.buffer.len() > LINE_BYTES {
            return Err(Failure::Failed(format!("the daemon answers with a line of more than {LINE_BYTES} bytes")));
        }
    }
    if let Some(report) = take_in(&lines.buffer, bar)? {
        return Ok(report);
    }
    Err(Failure::Temporary(
        "the daemon ended before the report; try again: what is in already is not added twice".to_owned(),
    ))
}

fn take_in(line: &[u8], bar: &Bar) -> Result<Option<Map<String, Value>>, Failure> {
    if line.trim_ascii().is_empty() {
        return Ok(None);
    }
    let line = serde_json::from_slice(line)
        .map_err(|error| Failure::Failed(format!("the daemon answers what this ltvd does not know: {error}")))?;
    match line {
        Line::Progress { phase, done, total, note } => {
            bar.show(&phase, done, total, &note);
            Ok(None)
        }
        Line::Report(report) => Ok(Some(report)),
        Line::Error(problem) => Err(problem.into()),
    }
}

/// Lines out of pieces that end anywhere.
#[derive(Debug, Default)]
struct Lines {
    buffer: Vec<u8>,
}

impl Lines {
    fn next(&mut self) -> Option<Vec<u8>> {
        let end = self.buffer.iter().position(|byte| *byte == b'\n')?;
        let rest = self.buffer.split_off(end + 1);
        Some(std::mem::replace(&mut self.buffer, rest))
    }
}

/// What people see while they wait.
struct Bar {
    shown: ProgressBar,
    /// Of the file, bytes.
    size: Option<u64>,
}

impl Bar {
    fn new(size: Option<u64>) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let target = if terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let shown = ProgressBar::with_draw_target(None, target);
        // Nothing is shown before the first phase is known.
        let shown = ProgressStyle::with_template("{msg}").map_or(shown.clone(), |style| shown.with_style(style));
        Self { shown, size }
    }

    fn show(&self, phase: &str, done: u64, total: Option<u64>, note: &str) {
        // The daemon does not know how much will come; whoever sends the file does.
        let total = total.or(self.size.filter(|_| phase == "copy"));
        if self.shown.message() != phase {
            let template = match total {
                Some(_) => "{msg:8} [{bar:40}] {percent:>3} %, {elapsed} {prefix}",
                None => "{msg:8} {human_pos}, {elapsed} {prefix}",
            };
            if let Ok(style) = ProgressStyle::with_template(template) {
                self.shown.set_style(style.progress_chars("=> "));
            }
            self.shown.set_message(output::plain(phase));
            self.shown.reset();
        }
        match total {
            Some(total) => self.shown.set_length(total),
            None => self.shown.unset_length(),
        }
        self.shown.set_prefix(output::plain(note));
        self.shown.set_position(done);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_where_they_end() {
        let mut lines = Lines { buffer: b"one\ntw".to_vec() };
        assert_eq!(lines.next().as_deref(), Some(&b"one\n"[..]));
        assert_eq!(lines.next(), None);
        lines.buffer.extend_from_slice(b"o\n\n");
        assert_eq!(lines.next().as_deref(), Some(&b"two\n"[..]));
        assert_eq!(lines.next().as_deref(), Some(&b"\n"[..]));
        assert_eq!(lines.buffer, b"");
    }

    #[test]
    fn an_answer_is_progress_then_a_report_or_an_error() {
        let bar = Bar { shown: ProgressBar::hidden(), size: Some(8) };
        let shown = || (bar.shown.position(), bar.shown.length(), bar.shown.message());
        let progress = br#"{"progress":{"phase":"scan","done":3,"total":10}}"#;
        assert!(take_in(progress, &bar).unwrap().is_none());
        assert_eq!(shown(), (3, Some(10), "scan".to_owned()));
        assert!(take_in(br#"{"progress":{"phase":"copy","done":4,"total":null}}"#, &bar).unwrap().is_none());
        assert_eq!(shown(), (4, Some(8), "copy".to_owned()));
        assert!(take_in(br#"{"progress":{"phase":"read","done":5,"total":null}}"#, &bar).unwrap().is_none());
        assert_eq!(shown(), (5, None, "read".to_owned()));
        let report = take_in(br#"{"report":{"text":"done","rows":2}}"#, &bar).unwrap().unwrap();
        assert_eq!(report.get("rows"), Some(&Value::from(2)));
        let failure = take_in(br#"{"error":{"status":422,"detail":"no such layout"}}"#, &bar).unwrap_err();
        assert!(matches!(failure, Failure::Failed(text) if text == "no such layout"));
        assert!(take_in(b"<html>", &bar).is_err());
    }

    #[tokio::test]
    async fn an_answer_without_end_is_no_success() {
        let bar = Bar { shown: ProgressBar::hidden(), size: None };
        let failure = follow(Body::from("{\"progress\":{\"phase\":\"read\",\"done\":1}}\n"), &bar);
        assert!(matches!(failure.await, Err(Failure::Temporary(_))));
        let report = follow(Body::from("\n{\"report\":{}}"), &bar).await;
        assert!(report.unwrap().is_empty());
    }
}
