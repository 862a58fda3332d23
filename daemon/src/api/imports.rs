//! `/v1/imports`: files that were imported, and the import of another one.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant as Stopwatch;

use axum::response::{IntoResponse as _, Response};
use schemars::JsonSchema;
use serde::Serialize;
use tokio::sync::mpsc;

use super::call::Call;
use super::lines::{self, Line, Progress};
use super::page::PageParameters;
use super::parameter::{Day, Text, Words, parameters};
use super::problem::Problem;
use super::schema::Instant;
use super::upload::Pieces;
use super::{blocking, time};
use crate::book::Counts;
use crate::doors::{self, ImportReport, Phase};
use crate::ledger;
use crate::limits::api::{LINES_WAITING, PROGRESS_EVERY};
use crate::model::day_of;

parameters! {
    /// Of the list.
    pub(crate) struct ImportsParameters {
        ..page: PageParameters,
    }
}

parameters! {
    /// Of an import.
    pub(crate) struct ImportParameters {
        /// Where the file belongs, if its header leaves several possibilities
        integration: Option<String> = Text,
        /// What the file is called, for its report
        name: Option<String> = Text,
        /// Read it and tell what would happen, and store nothing
        dry_run: bool = Words { words: &[("true", true), ("false", false)], default: "false" },
        /// Your word that everything through this day is in
        complete_through: Option<i32> = Day,
    }
}

/// Files that were imported.
#[derive(Serialize, JsonSchema)]
pub(super) struct Imports {
    /// The latest first.
    imports: Vec<Import>,
    /// Where the list goes on: the parameter `cursor` of the next request. `null` at its end.
    next: Option<String>,
}

/// A file that was imported.
#[derive(Serialize, JsonSchema)]
struct Import {
    /// Where it went to.
    integration: String,
    /// Its name.
    file: String,
    /// Of its bytes.
    sha256: String,
    /// When it was taken in. Reading it again from the archive leaves that.
    #[schemars(with = "Option<Instant>")]
    at: Option<String>,
    /// Connector and version that read it.
    connector: String,
    /// The layout that was recognised, by the connector's name for it.
    layout: String,
    /// Its size.
    bytes: u64,
    /// Rows of data.
    rows: u64,
    /// Rows that became entries, alone or with others.
    rows_read: u64,
    /// Rows left out on purpose.
    rows_ignored: u64,
    /// Rows that could not be read.
    rows_refused: u64,
    /// What it did to the ledger.
    counts: Counts,
    /// What the connector says about it, each with how often.
    notes: BTreeMap<String, u64>,
    /// Number of its delivery.
    delivery: u64,
}

impl Import {
    fn new(integration: String, sha256: String, import: ledger::Import) -> Self {
        Self {
            integration,
            file: import.name,
            sha256,
            at: time(import.at_ms),
            connector: import.connector,
            layout: import.format,
            bytes: import.bytes,
            rows: import.rows,
            rows_read: import.rows_read,
            rows_ignored: import.rows_ignored,
            rows_refused: import.rows_refused,
            counts: import.counts,
            notes: import.notes,
            delivery: import.delivery,
        }
    }
}

pub(super) async fn imports(call: Call<ImportsParameters>) -> Result<Response, Problem> {
    let Call { app, asked: ImportsParameters { page }, .. } = call;
    blocking(move || {
        type Place = (Reverse<i64>, u64);
        let after: Option<Place> = page.after()?;
        let revision = app.ledger.book().revision();
        let place = |import: &ledger::Import| (Reverse(import.at_ms), import.delivery);
        let mut imports = app.ledger.imports()?;
        imports.sort_by_key(|(_, _, import)| place(import));
        let rest = imports.into_iter().filter(|(_, _, import)| after.is_none_or(|after| place(import) > after));
        let (imports, next) = page.cut(revision, rest, |(_, _, import)| place(import))?;
        let imports = imports.into_iter().map(|(name, sha256, import)| Import::new(name, sha256, import)).collect();
        Ok(axum::Json(Imports { imports, next }).into_response())
    })
    .await
}

/// What became of a file.
#[derive(Serialize, JsonSchema)]
pub(super) struct Imported {
    #[serde(flatten)]
    report: ImportReport,
    /// The report for people.
    text: String,
}

/// Takes a file and tells its progress line by line; the last line is the report or the problem.
pub(super) async fn import(call: Call<ImportParameters>) -> Result<Response, Problem> {
    let Call { app, asked, body, .. } = call;
    let ImportParameters { integration, name, dry_run, complete_through } = asked;
    let name = name.unwrap_or_else(|| "upload.csv".to_owned());
    let complete_through = complete_through.map(day_of);
    let place = Arc::clone(&app.process.uploads).try_acquire_owned();
    let place = place.map_err(|_| Problem::busy("other files are being uploaded; try again when they are through"))?;
    let (lines, answer) = mpsc::channel(LINES_WAITING);
    let mut pieces = Pieces::of(body);
    tokio::task::spawn_blocking(move || {
        let mut told = Stopwatch::now();
        let mut phase_told = None;
        let integration = integration.as_deref();
        let request = doors::Request { name: &name, integration, dry_run, complete_through, bytes: None };
        let mut progress = |phase: Phase, done: u64, total: Option<u64>| {
            if phase_told != Some(phase) || told.elapsed() > PROGRESS_EVERY {
                (phase_told, told) = (Some(phase), Stopwatch::now());
                let progress = Progress { phase: phase.as_str(), done, total, note: None };
                // Who asked may have gone; the import goes on all the same.
                let _ = lines.try_send(Ok(lines::line(&Line::<Imported>::Progress { progress })));
            }
        };
        let imported = doors::import(&app, &request, &mut pieces, &mut progress);
        let last = match imported {
            Ok(report) => Line::Report { report: Imported { text: report.to_string(), report } },
            Err(error) => {
                if let doors::ImportError::Ledger(error) = &error {
                    app.check_fatal(error);
                }
                let mut problem = Problem::from(&error);
                problem.more.insert("text".into(), doors::drop_folder::refusal(&name, &error).into());
                Line::Failure(problem.into())
            }
        };
        drop(place);
        // The last line must arrive, so this one waits for room.
        let _ = lines.blocking_send(Ok(lines::line(&last)));
    });
    Ok(lines::response(answer))
}
