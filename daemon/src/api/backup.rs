//! `/v1/backup`: a copy of everything that is kept, while deliveries come in.

use std::path::PathBuf;

use axum::response::Response;
use schemars::JsonSchema;
use serde::Serialize;
use tokio::sync::mpsc;

use super::call::Call;
use super::lines::{self, Line, Progress};
use super::parameter::{Text, parameters};
use super::problem::Problem;
use crate::config::SECRETS_FILE;
use crate::ledger::{BackupError, BackupReport};
use crate::limits::api::LINES_WAITING;

parameters! {
    /// Of `/v1/backup`.
    pub(crate) struct BackupParameters {
        /// Full path of a folder that is not there yet, on the machine of the daemon
        to: Option<String> = Text,
    }
}

/// What is in a backup.
#[derive(Serialize, JsonSchema)]
pub(super) struct BackedUp {
    /// Where it is.
    folder: String,
    /// The ledger's revision that it shows.
    revision: u64,
    /// Deliveries.
    deliveries: u64,
    /// Archived files.
    files: u64,
    /// Archived files that the ledger names and the archive does not have.
    files_missing: u64,
    /// Size of all of it, bytes.
    bytes: u64,
    /// The report for people.
    text: String,
}

impl From<BackupReport> for BackedUp {
    fn from(report: BackupReport) -> Self {
        let BackupReport { folder, revision, deliveries, files, files_missing, bytes } = report;
        let folder = folder.display().to_string();
        let mut text = format!(
            "{folder}: {deliveries} deliveries and {files} files, {} KiB, read back and found equal\n",
            bytes.div_ceil(1 << 10)
        );
        if files_missing > 0 {
            text.push_str(&format!(
                "{files_missing} files that were imported are not in the archive, and so not in the backup; their entries are\n"
            ));
        }
        text.push_str("to restore it, stop ltvd and put this folder, or a copy, where `data_dir` is\n");
        Self { folder, revision, deliveries, files, files_missing, bytes, text }
    }
}

/// Makes a backup and tells its progress line by line; the last line is the report or the problem.
pub(super) async fn backup(call: Call<BackupParameters>) -> Result<Response, Problem> {
    let Call { app, asked: BackupParameters { to }, .. } = call;
    let Some(to) = to.map(PathBuf::from).filter(|to| to.is_absolute()) else {
        return Err(Problem::question(
            "`to` is the full path of a folder that is not there yet, such as /backups/2026-11-22",
        ));
    };
    let (lines, answer) = mpsc::channel(LINES_WAITING);
    tokio::task::spawn_blocking(move || {
        let mut progress = |phase, done, total| {
            let progress = Progress { phase, done, total: Some(total), note: None };
            // Who asked may have gone; the backup is made all the same.
            let _ = lines.try_send(Ok(lines::line(&Line::<BackedUp>::Progress { progress })));
        };
        let last = match app.ledger.back_up(&to, &[SECRETS_FILE], &mut progress) {
            Ok(report) => {
                tracing::info!(folder = %to.display(), bytes = report.bytes, "a backup was made");
                Line::Report { report: BackedUp::from(report) }
            }
            Err(error) => {
                // What is wrong with the place concerns nobody but the asker.
                if !matches!(error, BackupError::Place(_)) {
                    tracing::error!(folder = %to.display(), %error, "there is no backup");
                }
                if let BackupError::Ledger(error) = &error {
                    app.check_fatal(error);
                }
                Line::Failure(Problem::from(error).into())
            }
        };
        // The last line must arrive, so this one waits for room.
        let _ = lines.blocking_send(Ok(lines::line(&last)));
    });
    Ok(lines::response(answer))
}

impl From<BackupError> for Problem {
    fn from(error: BackupError) -> Self {
        let detail = error.to_string();
        match error {
            BackupError::Ledger(error) => error.into(),
            error if error.is_disk_full() => Self::disk_full(detail),
            BackupError::Busy => Self::unready(detail),
            _ => Self::question(detail),
        }
    }
}
