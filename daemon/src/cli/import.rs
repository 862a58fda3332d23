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
    let File { name, size, source } = open(&args.file).await?;
    let call = Call::post(&["v1", "imports"])
        .with("integration", args.integration)
        .with("name", Some(name))
        .with("dry_run", Some(args.dry_run))
        .with("complete_through", args.complete_through)
        .body(body(source));
    let answer = client.send(call).await?.into_body();
    let bar = Bar::new(size);
    let result = follow(answer, &bar).await;
    bar.shown.finish_and_clear();
    let mut report = result?;
    let text = report.remove("text");
    match text {
        Some(Value::String(text)) if !args.json => output::print(&output::plain_lines(&text)),
        _ => output::print(&Value::Object(report).to_string()),
    }
}

type Source = Box<dyn AsyncRead + Send + Unpin>;

struct File {
    name: String,
    /// Bytes, where that is known.
    size: Option<u64>,
    source: Source,
}

async fn open(path: &Path) -> Result<File, Failure> {
    if path == Path::new("-") {
        return Ok(File { name: "standard input".to_owned(), size: None, source: Box::new(tokio::io::stdin()) });
    }
    let failed = |what: String| Failure::Failed(format!("{}: {what}", path.display()));
    let file = tokio::fs::File::open(path).await.map_err(|error| failed(format!("cannot be read: {error}")))?;
    let metadata = file.metadata().await.ok();
    if metadata.as_ref().is_some_and(|metadata| metadata.is_dir()) {
        return Err(failed("this is a folder; name one file, or put its files into the drop folder".to_owned()));
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let size = metadata.filter(|metadata| metadata.is_file()).map(|metadata| metadata.len());
    Ok(File { name, size, source: Box::new(file) })
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
        "the daemon ended before the report; import the file again: what is in already is not added twice".to_owned(),
    ))
}

fn take_in(line: &[u8], bar: &Bar) -> Result<Option<Map<String, Value>>, Failure> {
    if line.trim_ascii().is_empty() {
        return Ok(None);
    }
    let line = serde_json::from_slice(line)
        .map_err(|error| Failure::Failed(format!("the daemon answers what this ltvd does not know: {error}")))?;
    match line {
        Line::Progress { phase, done, total } => {
            bar.show(&phase, done, total);
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

    fn show(&self, phase: &str, done: u64, total: Option<u64>) {
        // The daemon does not know how much will come; whoever sends the file does.
        let total = total.or(self.size.filter(|_| phase == "copy"));
        if self.shown.message() != phase {
            let template = match total {
                Some(_) => "{msg:8} [{bar:40}] {percent:>3} %, {elapsed}",
                None => "{msg:8} {human_pos}, {elapsed}",
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
