//! The middle of an import: splitter, connector and ledger side by side, with the batches in the order of the file.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::connector::{Batch, CallContext, Connector};
use crate::files::{BadRow, Plan};
use crate::ledger::{LedgerError, Total};
use crate::limits::{doors as limits, files::BATCH_ROWS, ledger::QUARANTINED_ROWS};
use crate::model::{Change, Entry, Rows};

use super::import::{ImportError, Phase};
use super::import_report::RefusedRow;

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

type Numbered<T> = (usize, T);
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
    let (to_readers, batches) = sync_channel::<Numbered<Rows>>(readers * limits::BATCHES_AHEAD);
    let (to_ledger, answers) = sync_channel::<Numbered<Result<Answer, ImportError>>>(readers * limits::BATCHES_AHEAD);
    let batches = Arc::new(Mutex::new(batches));
    thread::scope(|scope| {
        for _ in 0..readers {
            let (batches, to_ledger) = (Arc::clone(&batches), to_ledger.clone());
            scope.spawn(move || reader(connector, context, plan, &batches, &to_ledger));
        }
        // Only the readers keep the receiving end: when they are gone the splitter must not wait for them.
        drop(batches);
        let splitter = scope.spawn(move || splitter(plan, &to_readers, &to_ledger));
        // The receiving end goes along: after an error nobody waits to send to it.
        let mut outcome = collect(answers, &connector.manifest.id_and_version(), plan.rows(), sink, progress)?;
        // A splitter that failed has not handed over all rows: half a file must not be taken for a whole one.
        let (held_back, total) = splitter.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        outcome.refused_total += total;
        outcome.refused.extend(held_back.iter().map(RefusedRow::from));
        Ok(outcome)
    })
}

/// Gives the rows that were held back because a row that belongs to them is bad.
fn splitter(
    plan: &Plan,
    to_readers: &SyncSender<Numbered<Rows>>,
    to_ledger: &SyncSender<Numbered<Result<Answer, ImportError>>>,
) -> (Vec<BadRow>, u64) {
    let mut batches = plan.batches();
    for (number, rows) in batches.by_ref().enumerate() {
        // A closed channel: the collector has met an error and is gone.
        let sent = match rows {
            Ok(rows) => to_readers.send((number, rows)).is_ok(),
            Err(error) => {
                let _ = to_ledger.send((number, Err(error.into())));
                false
            }
        };
        if !sent {
            break;
        }
    }
    batches.held_back()
}

fn reader(
    connector: &Arc<Connector>,
    context: &CallContext,
    plan: &Plan,
    batches: &Mutex<Receiver<Numbered<Rows>>>,
    to_ledger: &SyncSender<Numbered<Result<Answer, ImportError>>>,
) {
    let recognised = plan.recognised();
    let mut reader = connector.reader(&recognised.format_id, recognised.other_headings(), context);
    loop {
        let next = batches.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((number, rows)) = next else { return };
        let answer = match &mut reader {
            Ok(reader) => reader.read(&rows).map(|batch| sum_up(batch, rows.lines, context)),
            Err(error) => Err(error.clone()),
        };
        if to_ledger.send((number, answer.map_err(Into::into))).is_err() {
            return;
        }
    }
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

fn collect(
    answers: Receiver<Numbered<Result<Answer, ImportError>>>,
    connector: &str,
    rows: u64,
    sink: Sink<'_>,
    progress: &mut dyn FnMut(Phase, u64, Option<u64>),
) -> Result<Outcome, ImportError> {
    let mut read = Outcome::default();
    let mut early: BTreeMap<usize, Result<Answer, ImportError>> = BTreeMap::new();
    let (mut next, mut done) = (0, 0_u64);
    let began = Instant::now();
    for (number, answer) in answers {
        early.insert(number, answer);
        while let Some(answer) = early.remove(&next) {
            next += 1;
            let answer = answer?;
            done += answer.lines.len() as u64;
            read.add(&answer);
            sink(answer.batch.changes)?;
            progress(Phase::Read, done, Some(rows));
            in_time(connector, done, rows, began.elapsed())?;
        }
    }
    Ok(read)
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
