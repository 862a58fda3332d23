//! Rows of a file that cannot be read: how many may be, and what is kept of them.

use std::collections::BTreeMap;

use crate::app::App;
use crate::config::{BadRows, Integration};
use crate::connector::Connector;
use crate::files::Plan;
use crate::ledger::Quarantined;
use crate::limits::ledger::QUARANTINED_ROWS;
use crate::model::Door;

use super::super::import_report::{ImportReport, RefusedRow};
use super::super::pipeline::Outcome;
use super::ImportError;

/// Refuses a file with more of them than the operator wants.
pub(super) fn check(
    app: &App,
    integration: &Integration,
    plan: &Plan,
    read: &Outcome,
    report: &ImportReport,
) -> Result<(), ImportError> {
    let bad = report.rows_refused;
    let percent = u64::from(app.config.drop.bad_rows_max_percent);
    let listed = plan.bad_rows().len().max(read.refused.len()) as u64;
    let summary = match integration.bad_rows {
        BadRows::RejectFile if bad > 0 => format!(
            "{bad} of {} rows cannot be read, and `bad_rows = \"reject-file\"` wants none; mend them and drop the file again",
            report.rows
        ),
        BadRows::Quarantine if bad > 0 && bad == report.rows => {
            let rows = if bad == 1 { "the only row".to_owned() } else { format!("not one of {bad} rows") };
            let can = if bad == 1 { "cannot" } else { "can" };
            format!("{rows} {can} be read; see the reasons, and whether this is the right file")
        }
        // One bad row of a short file says nothing about the file.
        BadRows::Quarantine if bad > 1 && bad * 100 > report.rows * percent => format!(
            "{bad} of {} rows cannot be read, more than `bad_rows_max_percent = {percent}` allows: is this the right file?",
            report.rows
        ),
        BadRows::Quarantine
            if bad > QUARANTINED_ROWS as u64 || listed < bad && bad > listed + QUARANTINED_ROWS as u64 =>
        {
            format!(
                "{bad} of {} rows cannot be read, more than the {QUARANTINED_ROWS} that are kept one by one",
                report.rows
            )
        }
        _ => return Ok(()),
    };
    Err(ImportError::BadRows { summary, refused: report.refused.clone() })
}

/// What goes to quarantine, by line.
pub(super) fn quarantine(
    integration: &Integration,
    connector: &Connector,
    refused: &[RefusedRow],
    plan: &Plan,
    now: i64,
) -> Result<Vec<(u64, Quarantined)>, ImportError> {
    let all: BTreeMap<u32, RefusedRow> = plan
        .bad_rows()
        .iter()
        .map(RefusedRow::from)
        .chain(refused.iter().cloned())
        .map(|row| (row.line, row))
        .collect();
    if all.is_empty() {
        return Ok(Vec::new());
    }
    let lines: Vec<u32> = all.keys().copied().collect();
    let mut raw: BTreeMap<u32, String> = plan.raw_rows(&lines)?.into_iter().map(|row| (row.line, row.text)).collect();
    Ok(all
        .into_iter()
        .map(|(line, row)| {
            let quarantined = Quarantined {
                integration: integration.name.clone(),
                door: Door::File,
                since_ms: now,
                field: row.column,
                id: row.id,
                reason: row.reason,
                raw: raw.remove(&line).unwrap_or_default(),
                connector: connector.manifest.id_and_version(),
            };
            (u64::from(line), quarantined)
        })
        .collect())
}
