//! Reading the rows of files.

use std::sync::Arc;

use super::answer::{AnswerReader, Checked, at_most, rejects};
use super::ask::failure;
use super::bindings::{csv, types as wit};
use super::calls::wit_context;
use super::error::{CallError, CallSite};
use super::host::Connector;
use super::instance::{Budget, Instance, Occasion};
use super::log::{LogLine, cut};
use super::types::{Batch, CallContext};
use crate::limits::connector::{ANSWER_BYTES, BATCH_ANSWER_BYTES, CHANGES, NOTES, READ_BATCH, REJECTS};
use crate::limits::files::BATCH_ROWS;
use crate::model::Rows;

/// Reads the rows of a file. Each thread that works on a file has one of its own.
pub struct Reader {
    connector: Arc<Connector>,
    format: String,
    others: Vec<String>,
    context: wit::Context,
    integration: String,
    now_ms: i64,
    /// Made for the first batch, and anew after an error.
    running: Option<(Instance, csv::Guest)>,
    log: Vec<LogLine>,
}

impl Reader {
    pub(super) fn new(connector: Arc<Connector>, format: &str, others: Vec<String>, context: &CallContext) -> Self {
        Self {
            connector,
            format: format.to_owned(),
            others,
            context: wit_context(context),
            integration: context.integration.clone(),
            now_ms: context.now_ms,
            running: None,
            log: Vec::new(),
        }
    }

    /// Reads a batch.
    ///
    /// # Errors
    /// If the call gives no answer. The next batch starts with a fresh instance.
    pub fn read(&mut self, rows: &Rows) -> Result<Batch, CallError> {
        let site = self.connector.site("csv.read");
        let shares = rows.len().div_ceil(BATCH_ROWS).max(1);
        let budget =
            Budget { time: READ_BATCH, answer_bytes: ANSWER_BYTES.saturating_mul(shares).min(BATCH_ANSWER_BYTES) };
        let occasion = Occasion { integration: &self.integration, now_ms: self.now_ms };
        let (mut instance, guest) = match self.running.take() {
            Some(running) => running,
            None => start(&self.connector, &site, occasion, budget)?,
        };
        let given = wit_rows(rows);
        let (format, others, context) = (&self.format, &self.others, &self.context);
        let answered = instance
            .call(&site, occasion, budget, |store, _, _| guest.call_read(store, format, others, &given, context));
        self.log.append(&mut instance.take_log());
        let said = answered?.map_err(|said| CallError::Failure { site: site.clone(), failure: failure(said) })?;
        let batch = batch(said, rows.len(), shares).map_err(|what| CallError::Absurd { site, what })?;
        self.running = Some((instance, guest));
        Ok(batch)
    }

    /// What the connector has logged since this was last called.
    pub fn take_log(&mut self) -> Vec<LogLine> {
        std::mem::take(&mut self.log)
    }
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader")
            .field("connector", &self.connector)
            .field("format", &self.format)
            .finish_non_exhaustive()
    }
}

fn start(
    connector: &Connector,
    site: &CallSite,
    occasion: Occasion<'_>,
    budget: Budget,
) -> Result<(Instance, csv::Guest), CallError> {
    let unsupported = || CallError::Unsupported { site: site.clone() };
    let mut instance = Instance::new(&connector.prepared, site, occasion, budget)?;
    let guest = instance.call(site, occasion, budget, |store, it, indices| {
        indices.csv.as_ref().map(|csv| csv.load(store, it)).transpose()
    })?;
    Ok((instance, guest.ok_or_else(unsupported)?))
}

fn batch(said: csv::Batch, rows: usize, shares: usize) -> Checked<Batch> {
    let mut reader = AnswerReader::new(None);
    let changes = reader.changes(said.changes, CHANGES.saturating_mul(shares))?;
    let rejects = rejects(said.rejects, REJECTS.saturating_mul(shares), rows)?;
    at_most(said.notes.len(), NOTES, "notes")?;
    if usize::try_from(said.ignored).is_ok_and(|ignored| ignored > rows) {
        return Err(format!("it ignored {} rows of {rows}", said.ignored));
    }
    Ok(Batch {
        changes,
        rejects,
        ignored: said.ignored,
        notes: said.notes.into_iter().map(cut).collect(),
        rounded: reader.rounded,
        parts_mismatch: reader.parts_mismatch,
    })
}

fn wit_rows(rows: &Rows) -> csv::Rows {
    csv::Rows {
        width: rows.width,
        text: rows.text.clone(),
        ends: rows.ends.clone(),
        lines: rows.lines.clone(),
        twins: rows.twins.clone(),
    }
}
