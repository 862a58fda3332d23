//! The middle of an import: splitter, connector and ledger side by side, with the batches in the order of the file.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crate::connector::{Batch, CallContext, Connector};
use crate::files::Plan;
use crate::ledger::{LedgerError, Total};
use crate::limits::{doors as limits, files::BATCH_ROWS, ledger::QUARANTINED_ROWS};
use crate::model::{Change, Entry, Rows};

use super::import::{ImportError, Phase};
use super::import_report::RefusedRow;
use super::in_order::in_order;

/// What the connector made of all rows.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) ignored: u64,
    pub(super) refused: Vec<RefusedRow>,
    pub(super) refused_total: u64,
    pub(super) notes: BTreeMap<String, u64>,
    pub(super) rounded: u64,
    pub(super) parts_mismatch: u64,
    pub(super) totals: BTreeMap<String, Total>,
    pub(super) span_ms: Option<(i64, i64)>,
}

/// One batch, read and summed up by a worker.
struct Answer {
    batch: Batch,
    lines: Vec<u32>,
    totals: BTreeMap<String, Total>,
    span_ms: Option<(i64, i64)>,
}

/// Takes the changes of a batch, in the order of the file.
pub(super) type Sink<'s> = &'s mut dyn FnMut(Vec<Change>) -> Result<(), LedgerError>;

/// Splitter, readers and ledger work side by side; batches reach the ledger in the order of the file.
pub(super) fn read_rows(
    connector: &Arc<Connector>,
    context: &CallContext,
    plan: &Plan,
    sink: Sink<'_>,
    progress: &mut dyn FnMut(Phase, u64, Option<u64>),
) -> Result<Outcome, ImportError> {
    let readers = thread::available_parallelism().map_or(1, usize::from).min(limits::READERS);
    let recognised = plan.recognised();
    let reader = || {
        let mut reader = connector.reader(&recognised.format_id, recognised.other_headings(), context);
        move |rows: Rows| match &mut reader {
            Ok(reader) => Ok(sum_up(reader.read(&rows)?, rows.lines, context)),
            Err(error) => Err(ImportError::from(error.clone())),
        }
    };
    let (name, rows) = (connector.manifest.id_and_version(), plan.rows());
    let (mut outcome, mut done) = (Outcome::default(), 0);
    let began = Instant::now();
    let mut take = |answer: Answer| {
        done += answer.lines.len() as u64;
        outcome.add(&answer);
        sink(answer.batch.changes)?;
        progress(Phase::Read, done, Some(rows));
        in_time(&name, done, rows, began.elapsed())
    };
    let mut batches = plan.batches();
    let mut pieces = batches.by_ref().map(|rows| rows.map_err(ImportError::from));
    in_order(readers, readers * limits::BATCHES_AT_ONCE, &mut pieces, &reader, &mut take)?;
    // Rows that were held back because a row that belongs to them is bad.
    let (held_back, total) = batches.held_back();
    outcome.refused_total += total;
    outcome.refused.extend(held_back.iter().map(RefusedRow::from));
    Ok(outcome)
}

fn sum_up(batch: Batch, lines: Vec<u32>, context: &CallContext) -> Answer {
    let mut totals: BTreeMap<String, Total> = BTreeMap::new();
    let mut by_kind: Vec<((crate::model::Currency, crate::model::Kind), Total)> = Vec::new();
    let mut span_ms: Option<(i64, i64)> = None;
    for entry in batch.changes.iter().flat_map(entries_of) {
        let what = (entry.currency, entry.key.kind);
        let at = match by_kind.iter_mut().find(|(known, _)| *known == what) {
            Some((_, total)) => total,
            None => {
                by_kind.push((what, Total::default()));
                let Some((_, total)) = by_kind.last_mut() else { continue };
                total
            }
        };
        at.entries += 1;
        at.minor = at.minor.saturating_add(entry.amounts.total);
        let ms = entry.at.resolve(context.zone).unix_ms;
        span_ms = Some(span_ms.map_or((ms, ms), |(first, last)| (first.min(ms), last.max(ms))));
    }
    for ((currency, kind), total) in by_kind {
        totals.insert(format!("{currency} {}", kind.as_str()), total);
    }
    Answer { batch, lines, totals, span_ms }
}

fn entries_of(change: &Change) -> &[Entry] {
    match change {
        Change::Put(entry) => std::slice::from_ref(entry),
        Change::ReplaceOrder(order) => &order.entries,
        Change::Withdraw(_) => &[],
    }
}

/// Refuses a file whose rows take too long.
fn in_time(connector: &str, done: u64, rows: u64, took: Duration) -> Result<(), ImportError> {
    let batches = u32::try_from(rows.div_ceil(BATCH_ROWS as u64)).unwrap_or(u32::MAX);
    let allowed = limits::FILE_TIME.saturating_add(limits::FILE_TIME_A_BATCH.saturating_mul(batches));
    match done < rows && took > allowed {
        true => Err(ImportError::TooSlow { connector: connector.to_owned(), done, rows, took }),
        false => Ok(()),
    }
}

impl Outcome {
    fn add(&mut self, answer: &Answer) {
        let batch = &answer.batch;
        self.ignored += u64::from(batch.ignored);
        self.rounded += batch.rounded;
        self.parts_mismatch += batch.parts_mismatch;
        for note in &batch.notes {
            *self.notes.entry(note.clone()).or_default() += 1;
        }
        for (what, total) in &answer.totals {
            let sum = self.totals.entry(what.clone()).or_default();
            sum.entries += total.entries;
            sum.minor = sum.minor.saturating_add(total.minor);
        }
        if let Some((first, last)) = answer.span_ms {
            let span = self.span_ms.unwrap_or((first, last));
            self.span_ms = Some((span.0.min(first), span.1.max(last)));
        }
        self.refused_total += batch.rejects.len() as u64;
        for reject in &batch.rejects {
            if self.refused.len() >= QUARANTINED_ROWS {
                break;
            }
            let line = usize::try_from(reject.index).ok().and_then(|index| answer.lines.get(index)).copied();
            self.refused.push(RefusedRow {
                line: line.unwrap_or(0),
                column: reject.field.clone(),
                id: reject.id.clone(),
                reason: reject.reason.clone(),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_keeps_everything_else_waiting_for_too_long_is_refused() {
        let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
        let try_it = |done, took| in_time("slow 0.1.0", done, 1_000_000, took);
        assert!(try_it(900_000, minutes(19)).is_ok());
        let refused = try_it(900_000, minutes(20)).unwrap_err();
        assert!(!refused.is_temporary(), "it would only take as long again");
        insta::assert_snapshot!(refused, @"after 20 minutes the connector slow 0.1.0 has read 900000 of 1000000 rows, and nothing else can be stored meanwhile; export the file in parts, for example one year at a time, and tell the connector's author");
        // What has taken its time already is not thrown away in the end.
        assert!(try_it(1_000_000, minutes(60)).is_ok());
        assert!(in_time("slow 0.1.0", 1, 2, minutes(16)).is_err());
    }
}
