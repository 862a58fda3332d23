//! One delivery on its way into the ledger.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Instant;

use redb::{Durability, ReadableTable, ReadableTableMetadata, WriteTransaction};
use serde::Serialize;

use crate::book::{Counts, Draft, Effect, Place, entries_in};
use crate::clock::now_ms;
use crate::limits::book::SNAPSHOT_EVERY;
use crate::limits::ledger as limits;
use crate::model::{Change, Door};

use super::tables::{
    BLOCKS, CURSORS, Commit, Cursor, DELIVERIES, Delivery, Exchange, IMPORTS, INBOX, Import, LOG, MARKS, MEMORY, Marks,
    QUARANTINE, Quarantined, State,
};
use super::{Aliases, Ledger, LedgerError, Next, blocks, read_log, responses};

/// Works out changes against the book and commits them as one. Dropped without [`Ingest::finish`], it leaves no trace.
///
/// While it lives, no other delivery changes the ledger; the inbox still takes deliveries in.
#[derive(Debug)]
pub struct Ingest<'l> {
    ledger: &'l Ledger,
    aliases: Arc<Aliases>,
    next: MutexGuard<'l, Next>,
    draft: Draft,
    integration: String,
    door: Door,
    filling: Vec<Change>,
    filling_entries: usize,
    /// Encoded, not handed to redb yet.
    ahead: Vec<Vec<u8>>,
    /// Handed to redb without a commit that names them.
    written_ahead: u32,
}

/// What is committed together with the changes.
#[derive(Debug)]
pub struct Finish {
    /// When, milliseconds since 1970-01-01T00:00:00Z.
    pub at_ms: i64,
    /// The delivery that the changes came of.
    pub delivery: u64,
    /// Its record, if it is not stored yet: a file.
    pub record: Option<Delivery>,
    /// What became of it.
    pub state: State,
    /// What could not be read, by line; line 0 is the delivery as a whole. Replaces what was there of the delivery.
    pub quarantine: Vec<(u64, Quarantined)>,
    /// The record of a file.
    pub import: Option<(String, Import)>,
    /// Marks to set; `None`s leave what is there, and a mark never moves back.
    pub marks: Marks,
    /// What the connector wants to remember, with the hash of its file.
    pub memory: Option<(String, Vec<u8>)>,
    /// What was asked of the platform since the last step, and the number of the first of it.
    pub exchanges: (u32, Vec<Exchange>),
    /// How far polling has come.
    pub cursor: Option<Cursor>,
    /// Ids of objects that a poll has read now: what waits in quarantine because an earlier poll could not read them is
    /// settled.
    pub settles: HashSet<String>,
    /// The delivery is done with and leaves the inbox. False between the steps of a conversation.
    pub concludes: bool,
    /// Whether it can be done again from what is kept. Then nobody waits for the disk: it lasts when the next commit does, or
    /// [`Ledger::make_durable`] says so.
    pub repeatable: bool,
}

impl Finish {
    /// Nothing but the end of a delivery.
    pub fn new(at_ms: i64, delivery: u64, state: State) -> Self {
        Self {
            at_ms,
            delivery,
            record: None,
            state,
            quarantine: Vec::new(),
            import: None,
            marks: Marks::default(),
            memory: None,
            exchanges: (0, Vec::new()),
            cursor: None,
            settles: HashSet::new(),
            concludes: true,
            repeatable: false,
        }
    }
}

/// A delivery counts as waiting until the book has it: whoever hears that nothing waits finds everything there.
struct Leaving<'c>(&'c AtomicU64);

impl<'c> Leaving<'c> {
    fn one(count: &'c AtomicU64) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Ledger {
    /// Starts on a delivery. Waits for one that is on its way.
    ///
    /// # Errors
    /// If the book is full, or the disk.
    pub fn ingest(&self, integration: &str, door: Door) -> Result<Ingest<'_>, LedgerError> {
        self.room.must_have(0)?;
        let next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let draft = Draft::new(&self.book(), integration, door)?;
        Ok(Ingest {
            ledger: self,
            aliases: self.aliases(),
            next,
            draft,
            integration: integration.to_owned(),
            door,
            filling: Vec::new(),
            filling_entries: 0,
            ahead: Vec::new(),
            written_ahead: 0,
        })
    }

    /// Waits until everything so far is on the disk.
    ///
    /// # Errors
    /// If the storage fails.
    pub fn make_durable(&self) -> Result<(), LedgerError> {
        self.db.begin_write()?.commit()?;
        Ok(())
    }

    /// A number for a delivery that is committed with its changes.
    pub fn new_delivery(&self) -> u64 {
        self.number_delivery()
    }
}

impl Ingest<'_> {
    /// Works out changes, in their order. Nothing becomes visible before [`Ingest::finish`].
    ///
    /// # Errors
    /// If the book is full or the storage fails.
    pub fn apply(&mut self, changes: Vec<Change>) -> Result<(), LedgerError> {
        let book = self.ledger.book();
        for mut change in changes {
            if !self.aliases.is_empty() {
                self.aliases.rename(&book, &self.integration, &mut change);
            }
            let entries = usize::from(entries_in(&change));
            if !self.filling.is_empty() && self.filling_entries + entries > limits::BLOCK_ENTRIES {
                self.encode_block()?;
            }
            let place =
                Place { block: self.block_number(), index: u16::try_from(self.filling_entries).unwrap_or(u16::MAX) };
            if self.draft.apply(&book, &change, place)? == Effect::Write {
                self.filling_entries += entries;
                self.filling.push(change);
            }
        }
        drop(book);
        if self.ahead.len() >= limits::BLOCKS_AHEAD {
            self.write_ahead()?;
        }
        Ok(())
    }

    /// What the changes amount to so far.
    pub fn counts(&self) -> Counts {
        self.draft.counts()
    }

    /// Makes everything durable at once, then visible; what is repeatable becomes visible first.
    ///
    /// # Errors
    /// If the storage fails; then nothing of it was stored, or the process must end (see [`LedgerError::is_fatal`]).
    pub fn finish(mut self, finish: Finish) -> Result<Counts, LedgerError> {
        self.encode_block()?;
        let counts = self.draft.counts();
        let first_block = self.next.block;
        let blocks = self.written_ahead + u32::try_from(self.ahead.len()).unwrap_or(u32::MAX);
        let began = Instant::now();
        self.ledger.place.must_be_the_same()?;
        let _leaving = (finish.concludes && self.door == Door::Webhook).then(|| Leaving::one(&self.ledger.leaving));
        let mut write = self.ledger.db.begin_write()?;
        if finish.repeatable {
            write.set_durability(Durability::None)?;
        }
        self.insert_blocks(&write)?;
        let mut stamp = None;
        if blocks > 0 {
            let commit = Commit {
                at_ms: finish.at_ms,
                integration: self.integration.clone(),
                door: self.door,
                delivery: finish.delivery,
                first_block,
                blocks,
                counts,
            };
            let bytes = postcard::to_stdvec(&commit).map_err(|error| LedgerError::Encode(error.to_string()))?;
            write.open_table(LOG)?.insert(self.next.commit, bytes.as_slice())?;
            stamp = Some(read_log::stamp(self.ledger.hash_key, self.next.commit, &bytes, first_block + blocks));
        }
        let quarantine_changed = conclude(&write, &self.integration, &finish)?;
        write.commit()?;
        if quarantine_changed {
            self.ledger.quarantine_changed();
        }
        let concluded = if finish.concludes { vec![(self.door, finish.state.name(), 1)] } else { Vec::new() };
        self.ledger.committed(began.elapsed(), concluded);
        // From here on it is durable: the book must follow, or the process must end.
        if let Some(stamp) = stamp {
            self.next.commit += 1;
            self.next.block = first_block + blocks;
            self.written_ahead = 0;
            let spent = Draft::unaddressed(&self.ledger.book());
            let draft = std::mem::replace(&mut self.draft, spent);
            {
                let mut book = self.ledger.book.write().unwrap_or_else(PoisonError::into_inner);
                book.absorb(draft).map_err(LedgerError::Behind)?;
                book.set_stamp(stamp);
            }
            self.ledger.snapshots.more(counts.written(), SNAPSHOT_EVERY);
        }
        Ok(counts)
    }

    fn block_number(&self) -> u32 {
        let ahead = u32::try_from(self.ahead.len()).unwrap_or(u32::MAX);
        self.next.block.saturating_add(self.written_ahead).saturating_add(ahead)
    }

    fn encode_block(&mut self) -> Result<(), LedgerError> {
        if !self.filling.is_empty() {
            self.ahead.push(blocks::encode(&self.filling)?);
            self.filling.clear();
            self.filling_entries = 0;
        }
        Ok(())
    }

    fn write_ahead(&mut self) -> Result<(), LedgerError> {
        self.ledger.room.must_have(0)?;
        let mut write = self.ledger.db.begin_write()?;
        // Durable with the commit that names the blocks; until then they may as well be lost.
        write.set_durability(Durability::None)?;
        self.insert_blocks(&write)?;
        write.commit()?;
        self.written_ahead += u32::try_from(self.ahead.len()).unwrap_or(u32::MAX);
        self.ahead.clear();
        Ok(())
    }

    fn insert_blocks(&self, write: &WriteTransaction) -> Result<(), LedgerError> {
        let mut table = write.open_table(BLOCKS)?;
        for (number, block) in (self.next.block.saturating_add(self.written_ahead)..).zip(&self.ahead) {
            table.insert(number, block.as_slice())?;
        }
        Ok(())
    }

    fn forget_ahead(&self) -> Result<(), LedgerError> {
        let mut write = self.ledger.db.begin_write()?;
        write.set_durability(Durability::None)?;
        write.open_table(BLOCKS)?.retain_in(self.next.block.., |_, _| false)?;
        write.commit()?;
        Ok(())
    }
}

impl Drop for Ingest<'_> {
    fn drop(&mut self) {
        if self.written_ahead > 0
            && let Err(error) = self.forget_ahead()
        {
            tracing::warn!(%error, "blocks written ahead were not removed; the next start does it");
        }
    }
}

/// Everything that ends a delivery besides its changes. True if something came into quarantine or left it.
fn conclude(write: &WriteTransaction, integration: &str, finish: &Finish) -> Result<bool, LedgerError> {
    let delivery = finish.delivery;
    let quarantine_changed;
    if finish.concludes {
        write.open_table(INBOX)?.remove((integration, delivery))?;
    }
    if finish.concludes || finish.record.is_some() {
        let mut table = write.open_table(DELIVERIES)?;
        let stored = table.get(delivery)?.and_then(|bytes| serde_json::from_slice::<Delivery>(bytes.value()).ok());
        if let Some(mut record) = finish.record.clone().or(stored) {
            record.state = finish.state.clone();
            record.attempts = record.attempts.saturating_add(1);
            table.insert(delivery, json(&record)?.as_slice())?;
        }
    }
    {
        let mut table = write.open_table(QUARANTINE)?;
        let before = table.len()?;
        // Between the steps of a conversation nothing is known yet about what it could not read before.
        if finish.concludes {
            table.retain_in((delivery, 0)..=(delivery, u64::MAX), |_, _| false)?;
        }
        settle(&mut table, integration, finish)?;
        for (line, quarantined) in &finish.quarantine {
            table.insert((delivery, *line), json(quarantined)?.as_slice())?;
        }
        quarantine_changed = !finish.quarantine.is_empty() || table.len()? != before;
    }
    if let Some((sha256, import)) = &finish.import {
        write.open_table(IMPORTS)?.insert((integration, sha256.as_str()), json(import)?.as_slice())?;
    }
    move_marks(write, integration, &finish.marks)?;
    if let Some((sha256, memory)) = &finish.memory {
        let mut bytes = sha256.as_bytes().to_vec();
        bytes.push(b'\n');
        bytes.extend_from_slice(memory);
        write.open_table(MEMORY)?.insert(integration, bytes.as_slice())?;
    }
    if let Some(cursor) = &finish.cursor {
        write.open_table(CURSORS)?.insert(integration, json(cursor)?.as_slice())?;
    }
    responses::keep(write, delivery, &finish.exchanges)?;
    Ok(quarantine_changed)
}

/// A day in milliseconds.
const DAY_MS: i64 = 86_400_000;

/// Moves the marks that are given, and none of them back.
pub(super) fn move_marks(write: &WriteTransaction, integration: &str, marks: &Marks) -> Result<(), LedgerError> {
    if *marks == Marks::default() {
        return Ok(());
    }
    let mut table = write.open_table(MARKS)?;
    let stored = table.get(integration)?.and_then(|bytes| serde_json::from_slice::<Marks>(bytes.value()).ok());
    let stored = stored.unwrap_or_default();
    let moved = Marks {
        file_last_ms: stored.file_last_ms.max(marks.file_last_ms),
        declared_day: stored.declared_day.max(marks.declared_day),
        webhook_last_ms: stored.webhook_last_ms.max(marks.webhook_last_ms),
        // A clock that was ahead for a while must not hold the mark for ever.
        synced_ms: stored.synced_ms.filter(|at| *at <= now_ms().saturating_add(DAY_MS)).max(marks.synced_ms),
    };
    table.insert(integration, json(&moved)?.as_slice())?;
    Ok(())
}

/// Takes out of quarantine what a poll could not read before: it has read it now, or has put it there again.
fn settle(
    table: &mut redb::Table<'_, (u64, u64), &'static [u8]>,
    integration: &str,
    finish: &Finish,
) -> Result<(), LedgerError> {
    let again: Vec<&Quarantined> =
        finish.quarantine.iter().map(|(_, again)| again).filter(|again| again.door == Door::Poll).collect();
    if again.is_empty() && finish.settles.is_empty() {
        return Ok(());
    }
    // A window that was read whole has settled what kept an earlier one from being read at all.
    let whole = finish.concludes && finish.cursor.is_some();
    table.retain(|(_, line), value| {
        let Ok(known) = serde_json::from_slice::<Quarantined>(value) else { return true };
        if known.door != Door::Poll || known.integration != integration {
            return true;
        }
        let settled = known.id.as_deref().is_some_and(|id| finish.settles.contains(id)) || (line == 0 && whole);
        let same = |again: &&&Quarantined| match (&again.id, &known.id) {
            (Some(again), Some(known)) => again == known,
            (None, None) => (&again.field, &again.reason) == (&known.field, &known.reason),
            _ => false,
        };
        !settled && !again.iter().any(|again| same(&again))
    })?;
    Ok(())
}

pub(super) fn json(value: &impl Serialize) -> Result<Vec<u8>, LedgerError> {
    serde_json::to_vec(value).map_err(|error| LedgerError::Encode(error.to_string()))
}
