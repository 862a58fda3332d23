//! `ltvd import`

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use axum::body::{Body, Bytes};
use futures_util::{StreamExt as _, stream};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Deserialize;
use serde_json::{Map, Value};
use tokio::io::{AsyncRead, AsyncReadExt as _};

use super::call::Call;
use super::client::{Client, Problem, broken_off};
use super::failure::Failure;
use super::output;
use crate::limits::cli::{LINE_BYTES, PIECE_BYTES};

/// Arguments of `ltvd import`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The exported file; - for standard input
    file: PathBuf,
    /// Where it belongs, if its header leaves several possibilities
    #[arg(long, value_name = "NAME")]
    integration: Option<String>,
    /// Read it and tell what would happen, and store nothing
    #[arg(long)]
    dry_run: bool,
    /// Your word that everything through this day is in, for example because the export was complete
    #[arg(long, value_name = "YYYY-MM-DD")]
    complete_through: Option<String>,
    /// The report as one line of JSON
    #[arg(long)]
    json: bool,
}

/// A line of the answer.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Progress { phase: String, done: u64, total: Option<u64> },
    Report(Map<String, Value>),
    Error(Problem),
}

pub(super) async fn import(client: Client, args: Args) -> Result<(), Failure> {
    let (name, source) = open(&args.file).await?;
    let call = Call::post(&["v1", "imports"])
        .with("integration", args.integration)
        .with("name", Some(name))
        .with("dry_run", Some(args.dry_run))
        .with("complete_through", args.complete_through)
        .body(body(source));
    let answer = client.send(call).await?.into_body();
    let bar = bar();
    let result = follow(answer, &bar).await;
    bar.finish_and_clear();
    let mut report = result?;
    let text = report.remove("text");
    match text {
        Some(Value::String(text)) if !args.json => output::print(&output::plain_lines(&text)),
        _ => output::print(&Value::Object(report).to_string()),
    }
}

type Source = Box<dyn AsyncRead + Send + Unpin>;

async fn open(path: &Path) -> Result<(String, Source), Failure> {
    if path == Path::new("-") {
        return Ok(("standard input".to_owned(), Box::new(tokio::io::stdin())));
    }
    let failed = |what: String| Failure::Failed(format!("{}: {what}", path.display()));
    let file = tokio::fs::File::open(path).await.map_err(|error| failed(format!("cannot be read: {error}")))?;
    if file.metadata().await.is_ok_and(|metadata| metadata.is_dir()) {
        return Err(failed("this is a folder; name one file, or put its files into the drop folder".to_owned()));
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok((name, Box::new(file)))
}

fn body(source: Source) -> Body {
    Body::from_stream(stream::try_unfold(source, async |mut source| {
        let mut piece = Vec::with_capacity(PIECE_BYTES);
        // `read_buf` fills what is reserved, and returns as soon as there is something.
        let read = source.read_buf(&mut piece).await?;
        Ok::<_, std::io::Error>((read > 0).then(|| (Bytes::from(piece), source)))
    }))
}

/// Shows the progress, until the report.
async fn follow(answer: Body, bar: &ProgressBar) -> Result<Map<String, Value>, Failure> {
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
        "the daemon ended before the report; import the file again: what is in already is not added twice".to_owned(),
    ))
}

fn take_in(line: &[u8], bar: &ProgressBar) -> Result<Option<Map<String, Value>>, Failure> {
    if line.trim_ascii().is_empty() {
        return Ok(None);
    }
    let line = serde_json::from_slice(line)
        .map_err(|error| Failure::Failed(format!("the daemon answers what this ltvd does not know: {error}")))?;
    match line {
        Line::Progress { phase, done, total } => {
            if bar.message() != phase {
                bar.reset_elapsed();
                bar.set_message(output::plain(&phase));
            }
            match total {
                Some(total) => bar.set_length(total),
                None => bar.unset_length(),
            }
            bar.set_position(done);
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

fn bar() -> ProgressBar {
    let shown = std::io::stderr().is_terminal();
    let bar = ProgressBar::with_draw_target(
        None,
        if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() },
    );
    match ProgressStyle::with_template("{msg:8} [{bar:40}] {human_pos} of {human_len}, {elapsed}") {
        Ok(style) => bar.with_style(style.progress_chars("=> ")),
        Err(_) => bar,
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
        let bar = ProgressBar::hidden();
        let progress = br#"{"progress":{"phase":"scan","done":3,"total":10}}"#;
        assert!(take_in(progress, &bar).unwrap().is_none());
        assert_eq!((bar.position(), bar.length(), bar.message().as_str()), (3, Some(10), "scan"));
        assert!(take_in(br#"{"progress":{"phase":"copy","done":4,"total":null}}"#, &bar).unwrap().is_none());
        assert_eq!(bar.length(), None);
        let report = take_in(br#"{"report":{"text":"done","rows":2}}"#, &bar).unwrap().unwrap();
        assert_eq!(report.get("rows"), Some(&Value::from(2)));
        let failure = take_in(br#"{"error":{"status":422,"detail":"no such layout"}}"#, &bar).unwrap_err();
        assert!(matches!(failure, Failure::Failed(text) if text == "no such layout"));
        assert!(take_in(b"<html>", &bar).is_err());
    }

    #[tokio::test]
    async fn an_answer_without_end_is_no_success() {
        let failure = follow(Body::from("{\"progress\":{\"phase\":\"read\",\"done\":1}}\n"), &ProgressBar::hidden());
        assert!(matches!(failure.await, Err(Failure::Temporary(_))));
        let report = follow(Body::from("\n{\"report\":{}}"), &ProgressBar::hidden()).await;
        assert!(report.unwrap().is_empty());
    }
}
