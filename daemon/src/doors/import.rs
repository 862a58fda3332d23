//! A file on its way in: kept, understood, read by its connector in parallel, and committed whole or not at all.

mod again;
mod bad_rows;

use std::io::{Read, Write};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use chrono::NaiveDate;
use sha2::{Digest as _, Sha256};

use crate::app::App;
use crate::book::Counts;
use crate::clock::now_ms;
use crate::config::Integration;
use crate::connector::{CallError, Connector};
use crate::files::{self, Candidate, FileError, Plan};
use crate::ledger::{Delivery, Finish, Import, Ingest, LedgerError, Marks, State, What};
use crate::limits::doors as limits;
use crate::model::{Door, day_number};

use super::import_report::{ImportReport, RefusedRow};
use super::pipeline::{Outcome, read_rows};

pub use self::again::read_again;

/// How far an import is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Taking the bytes in.
    Copy,
    /// Deciding how the file is written.
    Scan,
    /// The connector reads rows.
    Read,
    /// Making it durable.
    Commit,
}

impl Phase {
    /// The name in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Copy => "copy",
            Self::Scan => "scan",
            Self::Read => "read",
            Self::Commit => "commit",
        }
    }
}

/// A file that is to be imported.
#[derive(Debug)]
pub struct Request<'a> {
    /// Its name, for reports.
    pub name: &'a str,
    /// The integration it is for; `None` if the header may decide.
    pub integration: Option<&'a str>,
    /// Work everything out, and store nothing.
    pub dry_run: bool,
    /// The last day that the file has whole, if the operator says so.
    pub complete_through: Option<NaiveDate>,
    /// Its size, if that is known beforehand.
    pub bytes: Option<u64>,
}

/// Why a file was not imported. Nothing of it is stored.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// No integration has this name, or it cannot read files.
    #[error("{0}")]
    Integration(String),
    /// The file cannot be understood.
    #[error(transparent)]
    File(#[from] FileError),
    /// The connector gave no answer.
    #[error(transparent)]
    Connector(#[from] CallError),
    /// It takes too long: everything else waits for it.
    #[error(
        "after {} minutes the connector {connector} has read {done} of {rows} rows, and nothing else can be stored meanwhile; export the \
         file in parts, for example one year at a time, and tell the connector's author",
        took.as_secs() / 60
    )]
    TooSlow {
        /// The connector and its version.
        connector: String,
        /// Rows that it has read.
        done: u64,
        /// Rows of the file.
        rows: u64,
        /// In this time.
        took: Duration,
    },
    /// Too many rows cannot be read, or any if the operator wants none.
    #[error("{summary}")]
    BadRows {
        /// How many of how many, and what to do.
        summary: String,
        /// The first of them.
        refused: Vec<RefusedRow>,
    },
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl ImportError {
    /// True if the same file may well succeed later, so that it should be left where it is.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::File(error) => error.is_temporary(),
            Self::Ledger(_) => true,
            Self::Integration(_) | Self::Connector(_) | Self::TooSlow { .. } | Self::BadRows { .. } => false,
        }
    }

    /// True if it is for a person to free some of the disk.
    pub fn is_disk_full(&self) -> bool {
        match self {
            Self::File(error) => error.is_disk_full(),
            Self::Ledger(error) => error.is_disk_full(),
            Self::Integration(_) | Self::Connector(_) | Self::TooSlow { .. } | Self::BadRows { .. } => false,
        }
    }
}

/// Imports a file. `progress` is told the phase, how much is done and how much there is: bytes, or rows for
/// [`Phase::Read`].
///
/// # Errors
/// If the file was refused; then nothing of it is stored.
pub fn import(
    app: &App,
    request: &Request<'_>,
    source: impl Read,
    progress: &mut dyn FnMut(Phase, u64, Option<u64>),
) -> Result<ImportReport, ImportError> {
    import_as(app, request, None, source, progress)
}

/// As [`import`]; `archived` is the hash of a file that comes from the archive, whose bytes may be others than those that arrived.
fn import_as(
    app: &App,
    request: &Request<'_>,
    archived: Option<&str>,
    source: impl Read,
    progress: &mut dyn FnMut(Phase, u64, Option<u64>),
) -> Result<ImportReport, ImportError> {
    let mut archive = if request.dry_run || archived.is_some() { None } else { Some(app.ledger.archive()?) };
    let kept = archive.as_mut().map(|writer| writer as &mut dyn Write);
    let Understood { integration, connector, plan, bytes, sha256 } = understand(app, request, source, kept, progress)?;
    let sha256 = archived.map_or(sha256, str::to_owned);

    let turns = Arc::clone(&app.process.polls.of(&integration.name).steps);
    let _turn = turns.lock().unwrap_or_else(PoisonError::into_inner);
    let mut ingest = app.ledger.ingest(&integration.name, Door::File)?;
    // Not before it is this file's turn: files are read again in the order of these times, which is that of their commits.
    let now = now_ms();
    let context = app.call_context(integration, connector, now)?;
    let known_before = app.ledger.import(&integration.name, &sha256)?;
    let read_as = read_as(integration, connector);
    // What came since knows better than a file that was read then. Whoever reads the archive again wants it read.
    if archived.is_none()
        && let Some(known) = known_before.as_ref().filter(|known| known.read_as.as_ref() == Some(&read_as))
    {
        drop(ingest);
        return taken_in(app, request, integration, &plan, sha256, known);
    }
    let read = read_rows(connector, &context, &plan, &mut |changes| ingest.apply(changes), progress)?;
    let mut report = report(request, integration, connector, &plan, &read, &ingest);
    report.sha256.clone_from(&sha256);
    report.bytes = bytes;
    report.imported_before = known_before.is_some();
    let policy = bad_rows::check(app, integration, &plan, &read, &report);
    if request.dry_run {
        report.would_refuse = policy.err().map(|error| error.to_string());
        return Ok(report);
    }
    policy?;
    progress(Phase::Commit, 0, None);
    let struck = known_before.as_ref().is_some_and(|import| import.struck);
    // Reading it again leaves it in its place among the others, so that what broke off can be done again.
    let at_ms = known_before.as_ref().filter(|_| archived.is_some()).map_or(now, |import| import.at_ms);
    // The same bytes are the same delivery: what they left in quarantine is replaced.
    let delivery = known_before.map_or_else(|| app.ledger.new_delivery(), |import| import.delivery);
    let counts = ingest.counts();
    let quarantine = bad_rows::quarantine(integration, connector, &read.refused, &plan, now)?;
    // The copy that is there lacks people who were deleted; this one may have them.
    if let Some(archive) = archive.filter(|_| !struck) {
        archive.keep(&sha256)?;
    }
    let record = Delivery {
        integration: integration.name.clone(),
        door: Door::File,
        received_ms: now,
        what: What::File { name: request.name.to_owned(), sha256: sha256.clone(), bytes },
        state: State::Pending,
        attempts: 0,
        from_archive: false,
    };
    let marks = Marks { file_last_ms: read.span_ms.map(|(_, last)| last), ..declared(request) };
    let finish = Finish {
        record: Some(record),
        quarantine,
        import: Some((
            sha256,
            Import { struck, read_as: Some(read_as), ..import_record(&report, delivery, at_ms, &read, counts) },
        )),
        marks,
        ..Finish::new(now, delivery, State::Read { counts })
    };
    ingest.finish(finish)?;
    Ok(report)
}

/// What the operator says about how far the data is complete.
fn declared(request: &Request<'_>) -> Marks {
    let day = request.complete_through.map(|day| day_number(day).saturating_add(1));
    Marks { declared_day: day, ..Marks::default() }
}

/// By what a file is read: the same bytes read by the same say the same. A hash, since settings may be long.
fn read_as(integration: &Integration, connector: &Connector) -> String {
    let Integration { zone, settings, date_order, decimal_mark, .. } = integration;
    let text = format!("{} {} {date_order:?} {decimal_mark:?} {settings:?}", connector.sha256, zone.name());
    hex::encode(Sha256::digest(text.as_bytes()))
}

/// The report of a file that was taken in before and is not read again.
fn taken_in(
    app: &App,
    request: &Request<'_>,
    integration: &Integration,
    plan: &Plan,
    sha256: String,
    known: &Import,
) -> Result<ImportReport, ImportError> {
    if !request.dry_run && request.complete_through.is_some() {
        app.ledger.set_cursor(&integration.name, declared(request), |_| {})?;
    }
    let mut refused: Vec<RefusedRow> = app
        .ledger
        .quarantine_of(known.delivery)?
        .into_iter()
        .filter_map(|(line, row)| {
            let line = u32::try_from(line).ok()?;
            Some(RefusedRow { line, column: row.field, id: row.id, reason: row.reason })
        })
        .collect();
    refused.truncate(limits::REPORTED_ROWS);
    let unchanged = known.totals.values().map(|total| total.entries).sum();
    Ok(ImportReport {
        file: request.name.to_owned(),
        integration: integration.name.clone(),
        connector: known.connector.clone(),
        format: known.format.clone(),
        dry_run: request.dry_run,
        sha256,
        bytes: known.bytes,
        imported_before: true,
        taken_in_ms: Some(known.at_ms),
        rows: known.rows,
        rows_ignored: known.rows_ignored,
        rows_refused: known.rows_refused,
        rows_read: known.rows_read,
        counts: Counts { unchanged, ..Counts::default() },
        totals: known.totals.clone(),
        span_ms: known.span_ms,
        zone: integration.zone,
        notes: known.notes.clone(),
        rounded: known.rounded,
        parts_mismatch: known.parts_mismatch,
        summary: plan.summary(),
        refused,
        would_refuse: None,
    })
}

/// A file that is known for what it is.
pub(super) struct Understood<'a> {
    pub(super) integration: &'a Integration,
    pub(super) connector: &'a Arc<Connector>,
    pub(super) plan: Plan,
    bytes: u64,
    sha256: String,
}

/// Finds out whose file it is and how it is written.
pub(super) fn understand<'a>(
    app: &'a App,
    request: &Request<'_>,
    source: impl Read,
    archive: Option<&mut dyn Write>,
    progress: &mut dyn FnMut(Phase, u64, Option<u64>),
) -> Result<Understood<'a>, ImportError> {
    let candidates = candidates(app, request.integration)?;
    // The working copy alone needs as much. What does not fit is not begun: it would fill the disk anew with each try.
    app.ledger.room_for(request.bytes.unwrap_or(0))?;
    let mut work = tempfile::tempfile_in(app.ledger.tmp_dir()).map_err(|source| LedgerError::Io {
        what: "make a working copy in",
        path: app.ledger.tmp_dir(),
        source,
    })?;
    let mut room = || app.ledger.room_lasts();
    let mut copied = |bytes| progress(Phase::Copy, bytes, None);
    let prepared = files::prepare(source, &mut work, archive, &mut room, &mut copied)?;
    let (bytes, sha256) = (prepared.bytes, hex::encode(prepared.sha256));
    let known: Vec<Candidate<'_>> = candidates
        .iter()
        .map(|(integration, connector)| Candidate {
            integration: &integration.name,
            connector: &connector.manifest.id,
            formats: &connector.manifest.csv_formats,
            settings: &integration.settings,
        })
        .collect();
    let recognised = files::recognise(&prepared, &work, &known)?;
    let Some((integration, connector)) = candidates.get(recognised.candidate).copied() else {
        return Err(ImportError::Integration("the file belongs to no integration".into()));
    };
    let options = files::Options { date_order: integration.date_order, decimal_mark: integration.decimal_mark };
    let plan = Plan::scan(work, prepared, recognised, &options, &mut |done| progress(Phase::Scan, done, Some(bytes)))?;

    Ok(Understood { integration, connector, plan, bytes, sha256 })
}

fn candidates<'a>(
    app: &'a App,
    wanted: Option<&str>,
) -> Result<Vec<(&'a Integration, &'a Arc<Connector>)>, ImportError> {
    if let Some(name) = wanted {
        let Some(found) = app.integration(name) else {
            let known: Vec<&str> = app.config.integrations.keys().map(String::as_str).collect();
            let text = match app.config.integrations.get(name) {
                Some(integration) if !integration.enabled => {
                    format!("integration `{name}` is disabled; set `enabled = true` under [integrations.{name}]")
                }
                Some(integration) => format!(
                    "integration `{name}` cannot be used: its connector `{}` is not loaded; see `ltvd check`",
                    integration.connector
                ),
                None => format!(
                    "there is no integration `{name}`; the configuration has {}",
                    if known.is_empty() { "none".to_owned() } else { known.join(", ") }
                ),
            };
            return Err(ImportError::Integration(text));
        };
        if found.1.manifest.csv_formats.is_empty() {
            return Err(ImportError::Integration(format!(
                "the connector of `{name}` reads no files; see `ltvd connector list`"
            )));
        }
        return Ok(vec![found]);
    }
    let all: Vec<_> = app
        .config
        .integrations
        .keys()
        .filter_map(|name| app.integration(name))
        .filter(|(_, connector)| !connector.manifest.csv_formats.is_empty())
        .collect();
    if all.is_empty() {
        return Err(ImportError::Integration(
            "no enabled integration reads files; add one to the configuration, for example [integrations.shop]".into(),
        ));
    }
    Ok(all)
}

fn report(
    request: &Request<'_>,
    integration: &Integration,
    connector: &Connector,
    plan: &Plan,
    read: &Outcome,
    ingest: &Ingest<'_>,
) -> ImportReport {
    let format = connector.manifest.csv_formats.get(plan.recognised().format);
    let mut refused: Vec<RefusedRow> =
        plan.bad_rows().iter().map(RefusedRow::from).chain(read.refused.clone()).collect();
    refused.sort_by_key(|row| row.line);
    refused.truncate(limits::REPORTED_ROWS);
    let rows = plan.rows() + plan.bad_rows_total();
    let rows_refused = plan.bad_rows_total() + read.refused_total;
    ImportReport {
        file: request.name.to_owned(),
        integration: integration.name.clone(),
        connector: connector.manifest.id_and_version(),
        format: format.map_or_else(String::new, |format| format.name.clone()),
        dry_run: request.dry_run,
        sha256: String::new(),
        bytes: 0,
        imported_before: false,
        taken_in_ms: None,
        rows,
        rows_ignored: read.ignored,
        rows_refused,
        rows_read: rows.saturating_sub(read.ignored).saturating_sub(rows_refused),
        counts: ingest.counts(),
        totals: read.totals.clone(),
        span_ms: read.span_ms,
        zone: integration.zone,
        notes: read.notes.clone(),
        rounded: read.rounded,
        parts_mismatch: read.parts_mismatch,
        summary: plan.summary(),
        refused,
        would_refuse: None,
    }
}

fn import_record(report: &ImportReport, delivery: u64, at_ms: i64, read: &Outcome, counts: Counts) -> Import {
    Import {
        delivery,
        name: report.file.clone(),
        at_ms,
        bytes: report.bytes,
        format: report.format.clone(),
        connector: report.connector.clone(),
        rows: report.rows,
        rows_read: report.rows_read,
        rows_ignored: report.rows_ignored,
        rows_refused: report.rows_refused,
        counts,
        totals: read.totals.clone(),
        span_ms: read.span_ms,
        notes: read.notes.clone(),
        rounded: read.rounded,
        parts_mismatch: read.parts_mismatch,
        struck: false,
        read_as: None,
    }
}
