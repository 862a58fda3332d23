//! Answers of lines: progress while the work goes on, and what came of it.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::body::{Body, Bytes};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use schemars::JsonSchema;
use serde::Serialize;
use tokio::sync::mpsc;

use super::problem::Problem;
use crate::app::App;
use crate::limits::api::{LINES_WAITING, TOLD_EVERY};
use crate::live::Now;

/// A line of an answer. The last one is the report or the error.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "LineOf{T}")]
pub(super) enum Line<T> {
    /// How far the work is.
    Progress {
        /// How far the work is.
        progress: Progress,
    },
    /// What came of it.
    Report {
        /// What came of it.
        report: T,
    },
    /// Nothing came of it, or not all.
    Failure(Failure),
}

/// Why nothing came of it, or not all.
#[derive(Serialize, JsonSchema)]
pub(super) struct Failure {
    /// As other answers tell it by their status.
    error: Problem,
}

impl From<Problem> for Failure {
    fn from(error: Problem) -> Self {
        Self { error }
    }
}

/// How far the work is.
#[derive(Default, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) struct Progress {
    /// What is being done.
    pub(super) phase: &'static str,
    /// So much of it: bytes, rows or windows.
    pub(super) done: u64,
    /// Of so much; `null` if that is not known.
    pub(super) total: Option<u64>,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) note: Option<String>,
}

/// A line as it is sent.
pub(super) fn line(value: &impl Serialize) -> Bytes {
    let mut text = serde_json::to_vec(value).unwrap_or_else(|error| {
        tracing::error!(%error, "an answer cannot be written");
        b"{\"error\":{\"type\":\"/problems/internal\",\"title\":\"Internal error\",\"status\":500,\"detail\":\"\"}}"
            .to_vec()
    });
    text.push(b'\n');
    Bytes::from(text)
}

/// An answer of whatever lines come.
pub(super) fn response(lines: mpsc::Receiver<Result<Bytes, Infallible>>) -> Response {
    ([(header::CONTENT_TYPE, "application/x-ndjson")], stream(lines)).into_response()
}

/// A body of whatever pieces come. After an error it is broken off.
pub(super) fn stream<E: Into<axum::BoxError> + Send + 'static>(pieces: mpsc::Receiver<Result<Bytes, E>>) -> Body {
    Body::from_stream(futures_util::stream::unfold(pieces, |mut pieces| async { Some((pieces.recv().await?, pieces)) }))
}

/// Works for an integration, and tells how far the asking of its platform is.
pub(super) fn told<T: Serialize + Send + 'static>(
    app: &Arc<App>,
    name: &str,
    work: impl Future<Output = Result<T, Problem>> + Send + 'static,
) -> Response {
    let (app, live) = (Arc::clone(app), app.process.polls.of(name));
    let (lines, answer) = mpsc::channel(LINES_WAITING);
    let mut work = tokio::spawn(work);
    tokio::spawn(async move {
        let mut last = Progress::default();
        let done = loop {
            tokio::select! {
                done = &mut work => break done,
                () = tokio::time::sleep(TOLD_EVERY) => {}
            }
            if app.process.stopping.load(Ordering::Relaxed) {
                break Ok(Err(Problem::stopping(
                    "ltvd is stopping; what was read so far is kept, and the next pass goes on from there",
                )));
            }
            let progress = progress(&live.now());
            if progress != last {
                // Who asked may have gone; the work goes on all the same.
                let _ = lines.try_send(Ok(line(&serde_json::json!({ "progress": progress }))));
                last = progress;
            }
        };
        let last = match done {
            Ok(Ok(report)) => Line::Report { report },
            Ok(Err(problem)) => Line::Failure(problem.into()),
            Err(panic) => {
                tracing::error!(%panic, "a request failed");
                Line::Failure(Problem::internal().into())
            }
        };
        let _ = lines.send(Ok(line(&last))).await;
    });
    response(answer)
}

fn progress(now: &Now) -> Progress {
    let mut note = Vec::new();
    if now.running {
        note.extend(now.day.as_ref().map(|day| format!("from {day}")));
        if now.objects_done > 0 {
            let all = now.objects.map(|all| format!(" of {all}")).unwrap_or_default();
            note.push(format!("{}{all} read", now.objects_done));
        }
        note.push(format!("{} requests", now.requests));
        note.extend(now.eta_ms.filter(|ms| *ms > 2_000).map(|ms| format!("about {} left", duration(ms / 1_000))));
        note.extend(now.note.as_ref().map(|why| format!("waits: {why}")));
    }
    Progress {
        phase: now.purpose.unwrap_or("waiting for its turn"),
        done: now.windows_done.into(),
        total: Some(now.windows.into()),
        note: Some(note.join(", ")),
    }
}

fn duration(seconds: i64) -> String {
    match seconds {
        0..90 => format!("{seconds} s"),
        90..5_400 => format!("{} min", (seconds + 30) / 60),
        _ => format!("{} h", (seconds + 1_800) / 3_600),
    }
}
