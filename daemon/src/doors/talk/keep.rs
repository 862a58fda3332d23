//! What becomes of the steps of a conversation.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use crate::app::App;
use crate::book::Counts;
use crate::clock::now_ms;
use crate::config::Integration;
use crate::connector::{Connector, Outcome, Progress, StoredEntry, StoredOrder};
use crate::ledger::{Cursor, Delivery, Exchange, Finish, LedgerError, Marks, Quarantined, State};
use crate::limits::ledger::QUARANTINED_ROWS;
use crate::model::{Change, Door};

use super::Kept;

/// Takes in what a conversation brings.
pub(in crate::doors) trait Keeper: Send + Sized {
    /// Stores a step. Blocks.
    fn keep(&mut self, kept: Kept) -> Result<(), LedgerError>;

    /// What is known of an order, after everything kept so far.
    fn order(&self, id: &str) -> Result<StoredOrder, LedgerError>;

    /// Whose turn it is to change what this keeps; nobody else does by default.
    fn turns(&self) -> Arc<Mutex<()>> {
        Arc::default()
    }

    /// What came and could not be read: it is archived with the failure.
    fn unread(&mut self, exchanges: Vec<Exchange>) {
        drop(exchanges);
    }

    /// How much the conversation has used up.
    fn sent(&mut self, requests: u64, bytes: u64);

    /// Gives itself away for a while; what stays behind is replaced when it comes back.
    fn lend(&mut self) -> Self;
}

/// What is committed with the last step of a conversation.
pub(in crate::doors) type AtEnd = Arc<dyn Fn(&Outcome) -> (Marks, Option<Cursor>) + Send + Sync>;
/// Tells people who wait.
pub(in crate::doors) type Tell = Arc<dyn Fn(Told) + Send + Sync>;

/// What people who wait are told.
#[derive(Debug, Clone, Copy)]
pub(in crate::doors) enum Told {
    /// The connector's own count.
    Progress(Progress),
    /// What changed in the ledger since this was last told.
    Counts(Counts),
    /// Requests and bytes of this conversation so far.
    Sent { requests: u64, bytes: u64 },
}

/// Keeps everything in the ledger: each step is one commit.
#[derive(Clone)]
pub(in crate::doors) struct LedgerKeeper {
    pub(in crate::doors) app: Arc<App>,
    pub(in crate::doors) integration: Arc<Integration>,
    pub(in crate::doors) connector: Arc<Connector>,
    pub(in crate::doors) door: Door,
    /// Its number.
    pub(in crate::doors) delivery: u64,
    /// Its record, if it is not stored yet.
    pub(in crate::doors) record: Option<Delivery>,
    /// When the delivery arrived, if it is a webhook.
    pub(in crate::doors) received_ms: Option<i64>,
    pub(in crate::doors) at_end: Option<AtEnd>,
    pub(in crate::doors) tell: Option<Tell>,
    /// What it asks is in the archive already.
    pub(in crate::doors) archived: bool,
    /// As [`Finish::repeatable`].
    pub(in crate::doors) repeatable: bool,
    /// What earlier steps have done.
    pub(in crate::doors) done: Done,
}

/// What the steps so far have done.
#[derive(Debug, Clone, Default)]
pub(in crate::doors) struct Done {
    pub(in crate::doors) counts: Counts,
    quarantine: Vec<(u64, Quarantined)>,
    exchanges: u32,
    /// Orders that a change named, by their number in the book.
    pub(in crate::doors) met: HashSet<u32>,
    /// Ids of entries and of whole orders that were read, whose earlier rejections are settled.
    read: HashSet<String>,
    /// What came and could not be read.
    unread: Vec<Exchange>,
    /// Rejects beyond those that are kept one by one.
    rejected_more: u64,
    /// Objects that could not be read.
    pub(in crate::doors) rejected: u64,
}

impl LedgerKeeper {
    pub(in crate::doors) fn new(
        app: &Arc<App>,
        integration: &Integration,
        connector: &Arc<Connector>,
        door: Door,
        delivery: u64,
    ) -> Self {
        Self {
            app: Arc::clone(app),
            integration: Arc::new(integration.clone()),
            connector: Arc::clone(connector),
            door,
            delivery,
            record: None,
            received_ms: None,
            at_end: None,
            tell: None,
            archived: false,
            repeatable: false,
            done: Done::default(),
        }
    }

    /// Puts the delivery as a whole into quarantine.
    pub(in crate::doors) fn quarantine(&self, reason: String) -> Result<(), LedgerError> {
        let now = now_ms();
        let quarantined = self.quarantined(now, None, None, reason);
        let finish = Finish {
            record: self.record.clone(),
            quarantine: vec![(0, quarantined)],
            exchanges: self.unread_exchanges(),
            repeatable: self.repeatable,
            ..Finish::new(now, self.delivery, State::Quarantined)
        };
        self.app.ledger.ingest(&self.integration.name, self.door)?.finish(finish)?;
        Ok(())
    }

    /// Notes that the conversation failed. What it had stored stays.
    pub(in crate::doors) fn fail(&self, reason: String) -> Result<(), LedgerError> {
        let state = State::Failed { reason };
        let finish = Finish {
            record: self.record.clone(),
            exchanges: self.unread_exchanges(),
            ..Finish::new(now_ms(), self.delivery, state)
        };
        self.app.ledger.ingest(&self.integration.name, self.door)?.finish(finish)?;
        Ok(())
    }

    fn unread_exchanges(&self) -> (u32, Vec<Exchange>) {
        (self.done.exchanges, if self.archived { Vec::new() } else { self.done.unread.clone() })
    }

    fn quarantined(&self, since_ms: i64, field: Option<String>, id: Option<String>, reason: String) -> Quarantined {
        Quarantined {
            integration: self.integration.name.clone(),
            door: self.door,
            since_ms,
            field,
            id,
            reason,
            raw: String::new(),
            connector: self.connector.manifest.id_and_version(),
        }
    }
}

/// What changes name: orders, and the ids by which rejections go, which are those of entries or of whole orders.
fn named(changes: &[Change]) -> (Vec<String>, Vec<String>) {
    let (mut orders, mut ids) = (Vec::new(), Vec::new());
    for change in changes {
        match change {
            Change::Put(entry) => {
                orders.push(entry.order_id.clone());
                ids.push(entry.key.id.clone());
            }
            Change::ReplaceOrder(order) => {
                orders.push(order.id.clone());
                ids.push(order.id.clone());
                ids.extend(order.entries.iter().map(|entry| entry.key.id.clone()));
            }
            Change::Withdraw(withdrawal) => ids.push(withdrawal.key.id.clone()),
        }
    }
    (orders, ids)
}

impl Keeper for LedgerKeeper {
    fn keep(&mut self, kept: Kept) -> Result<(), LedgerError> {
        let now = now_ms();
        let Kept { step, outcome, exchanges } = kept;
        let exchanges = if self.archived { Vec::new() } else { exchanges };
        // What was remembered since is newer than what an old conversation has learnt.
        let memory = step.memory.filter(|_| !self.archived);
        self.done.rejected += step.rejects.len() as u64;
        for reject in step.rejects {
            if self.done.quarantine.len() >= QUARANTINED_ROWS {
                self.done.rejected_more += 1;
                continue;
            }
            let line = self.done.quarantine.len() as u64 + 1;
            let quarantined = self.quarantined(now, reject.field, reject.id, reject.reason);
            self.done.quarantine.push((line, quarantined));
        }
        let (orders, ids) = if self.door == Door::Poll { named(&step.changes) } else { Default::default() };
        let mut ingest = self.app.ledger.ingest(&self.integration.name, self.door)?;
        ingest.apply(step.changes)?;
        let counts = ingest.counts();
        self.done.counts = sum(self.done.counts, counts);
        let state = match &outcome {
            None if self.door == Door::Poll => State::Unfinished,
            None => State::Pending,
            Some(_) if !self.done.quarantine.is_empty() => State::Quarantined,
            Some(Outcome::Ignored(reason)) => State::Ignored { reason: reason.clone() },
            Some(_) => State::Read { counts: self.done.counts },
        };
        let (mut marks, cursor) = match (&outcome, &self.at_end) {
            (Some(outcome), Some(at_end)) => at_end(outcome),
            _ => (Marks::default(), None),
        };
        marks.webhook_last_ms = marks.webhook_last_ms.max(self.received_ms);
        let ended = outcome.is_some();
        if ended && self.done.rejected_more > 0 {
            let reason =
                format!("{} more could not be read; mend what these have in common first", self.done.rejected_more);
            let line = self.done.quarantine.len() as u64 + 1;
            let more = self.quarantined(now, None, None, reason);
            self.done.quarantine.push((line, more));
        }
        self.done.read.extend(ids);
        let first = self.done.exchanges;
        self.done.exchanges = first.saturating_add(u32::try_from(exchanges.len()).unwrap_or(u32::MAX));
        let finish = Finish {
            // The first commit of a conversation brings its record, so that nothing else gets its number.
            record: self.record.take(),
            quarantine: if ended { std::mem::take(&mut self.done.quarantine) } else { Vec::new() },
            marks,
            memory: memory.map(|memory| (self.connector.sha256.clone(), memory)),
            exchanges: (first, exchanges),
            cursor,
            concludes: ended,
            repeatable: self.repeatable,
            settles: if ended { std::mem::take(&mut self.done.read) } else { HashSet::new() },
            ..Finish::new(now, self.delivery, state)
        };
        ingest.finish(finish)?;
        {
            let book = self.app.ledger.book();
            for id in &orders {
                self.done.met.extend(book.order_number(&self.integration.name, id));
            }
        }
        if let Some(tell) = &self.tell {
            tell(Told::Counts(counts));
            step.progress.into_iter().for_each(|progress| tell(Told::Progress(progress)));
        }
        Ok(())
    }

    fn turns(&self) -> Arc<Mutex<()>> {
        Arc::clone(&self.app.process.polls.of(&self.integration.name).steps)
    }

    fn order(&self, id: &str) -> Result<StoredOrder, LedgerError> {
        stored_order(&self.app, &self.integration, id)
    }

    fn unread(&mut self, exchanges: Vec<Exchange>) {
        self.done.unread = exchanges;
    }

    fn sent(&mut self, requests: u64, bytes: u64) {
        if let Some(tell) = &self.tell {
            tell(Told::Sent { requests, bytes });
        }
    }

    fn lend(&mut self) -> Self {
        let done = std::mem::take(&mut self.done);
        Self { record: self.record.take(), done, ..self.clone() }
    }
}

/// What the ledger holds of an order, for the connector that asked.
fn stored_order(app: &App, integration: &Integration, id: &str) -> Result<StoredOrder, LedgerError> {
    let found = app.ledger.book().order(&integration.name, id);
    let Some((revision, rows)) = found else {
        return Ok(StoredOrder { id: id.to_owned(), revision: 0, entries: Vec::new() });
    };
    let mut entries = Vec::with_capacity(rows.len());
    for row in rows {
        let Some(entry) = app.ledger.entry(row.entry.place)? else { continue };
        entries.push(StoredEntry {
            key: entry.key,
            revision: row.revision,
            unix_ms: row.entry.at.resolve(integration.zone).unix_ms,
            currency: entry.currency,
            total: row.entry.total,
            product_ids: entry.lines.into_iter().filter_map(|line| line.product_id).collect(),
        });
    }
    Ok(StoredOrder { id: id.to_owned(), revision, entries })
}

pub(in crate::doors) fn sum(left: Counts, right: Counts) -> Counts {
    Counts {
        new: left.new + right.new,
        changed: left.changed + right.changed,
        unchanged: left.unchanged + right.unchanged,
        outranked: left.outranked + right.outranked,
        withdrawn: left.withdrawn + right.withdrawn,
        matched: left.matched + right.matched,
    }
}
