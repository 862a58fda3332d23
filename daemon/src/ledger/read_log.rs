//! Reading the log back when the ledger is opened.

use std::sync::PoisonError;
use std::sync::mpsc::{SyncSender, sync_channel};

use redb::{Database, ReadableDatabase, ReadableTable};

use crate::book::{Book, Stamp};
use crate::limits::book::SNAPSHOT_EVERY;
use crate::limits::ledger::BLOCKS_READ_AHEAD;
use crate::model::{Change, Door};

use super::tables::{BLOCKS, Commit, DELIVERIES, LOG};
use super::{Ledger, LedgerError, Next, blocks};

/// A piece of the log on its way from the thread that decodes it.
enum Piece {
    Commit { integration: String, door: Door, stamp: Stamp },
    Block { number: u32, changes: Vec<Change> },
}

impl Ledger {
    /// Makes the book: from its snapshot, as far as that goes, and from the log.
    pub(super) fn read_log(&mut self) -> Result<(), LedgerError> {
        let key = self.hash_key;
        let read = self.db.begin_read()?;
        let log = read.open_table(LOG)?;
        let is_in_log = |stamp: &Stamp| {
            let record = log.get(stamp.commit).ok().flatten();
            record.is_some_and(|record| key.digest(record.value()) == stamp.record)
        };
        let last_delivery = read.open_table(DELIVERIES)?.last()?.map_or(0, |(number, _)| number.value());
        *self.next_delivery.get_mut() = last_delivery + 1;
        let (book, next, entries) = self.read_book(self.snapshots.load(key, is_in_log))?;
        *self.book.write().unwrap_or_else(PoisonError::into_inner) = book;
        *self.next.get_mut().unwrap_or_else(PoisonError::into_inner) = next;
        self.snapshots.more(entries, SNAPSHOT_EVERY);
        Ok(())
    }

    /// Makes a book of the log, or of what came after an earlier one. Gives what comes next, and how many entries were read.
    pub(super) fn read_book(&self, earlier: Option<Book>) -> Result<(Book, Next, u64), LedgerError> {
        let key = self.hash_key;
        let mut next = Next { commit: 0, block: 0 };
        let mut book = Book::new(key);
        if let Some(loaded) = earlier {
            book = loaded;
            let stamp = book.stamp();
            next = Next { commit: stamp.commit.saturating_add(1), block: stamp.next_block };
        }
        let mut entries = 0_u64;
        let (send, pieces) = sync_channel(BLOCKS_READ_AHEAD);
        let (db, first) = (&self.db, next.commit);
        std::thread::scope(|scope| {
            // Decoding takes as long as working out what the entries change.
            let decoder = scope.spawn(move || decode(db, first, key, &send));
            let mut replay = book.replay(new_entries(&self.db.begin_read()?.open_table(LOG)?, next.commit)?);
            let mut last = None;
            let applied = pieces.iter().try_for_each(|piece| match piece {
                Piece::Commit { integration, door, stamp } => {
                    next = Next { commit: stamp.commit + 1, block: stamp.next_block };
                    last = Some(stamp);
                    replay.commit(&integration, door)
                }
                Piece::Block { number, changes } => {
                    entries += changes.iter().map(|change| u64::from(crate::book::entries_in(change))).sum::<u64>();
                    replay.block(&book, number, &changes)
                }
            });
            // The decoder must not wait for room that nobody makes.
            drop(pieces);
            let decoded = decoder.join().unwrap_or_else(|_| Err(Fault::What("the log cannot be decoded".into())));
            applied?;
            decoded.map_err(|fault| match fault {
                Fault::What(what) => self.damaged(what),
                Fault::Storage(error) => error,
            })?;
            book.finish(replay);
            if let Some(stamp) = last {
                book.set_stamp(stamp);
            }
            Ok::<(), LedgerError>(())
        })?;
        Ok((book, next, entries))
    }
}

/// Entries that the commits from this one on have added.
fn new_entries(log: &impl ReadableTable<u64, &'static [u8]>, first: u64) -> Result<usize, LedgerError> {
    let mut entries = 0_u64;
    for item in log.range(first..)? {
        // One that cannot be read is met again when the log is decoded.
        entries += postcard::from_bytes::<Commit>(item?.1.value()).map_or(0, |commit| commit.counts.new);
    }
    Ok(usize::try_from(entries).unwrap_or(0))
}

enum Fault {
    /// The log is damaged.
    What(String),
    Storage(LedgerError),
}

impl<E> From<E> for Fault
where
    LedgerError: From<E>,
{
    fn from(error: E) -> Self {
        Self::Storage(error.into())
    }
}

/// Sends the log from a commit on, piece by piece.
fn decode(db: &Database, first: u64, key: crate::book::HashKey, send: &SyncSender<Piece>) -> Result<(), Fault> {
    let read = db.begin_read()?;
    let (log, blocks) = (read.open_table(LOG)?, read.open_table(BLOCKS)?);
    for item in log.range(first..)? {
        let (number, value) = item?;
        let commit: Commit = postcard::from_bytes(value.value())
            .map_err(|error| Fault::What(format!("commit {}: {error}", number.value())))?;
        let end = commit.first_block.saturating_add(commit.blocks);
        let stamp = stamp(key, number.value(), value.value(), end);
        if send.send(Piece::Commit { integration: commit.integration, door: commit.door, stamp }).is_err() {
            return Ok(());
        }
        for number in commit.first_block..end {
            let raw = blocks.get(number)?.ok_or_else(|| Fault::What(format!("block {number} is missing")))?;
            let changes = blocks::decode(raw.value()).map_err(Fault::What)?;
            if send.send(Piece::Block { number, changes }).is_err() {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// What a book shows that has this commit in it as the last one.
pub(super) fn stamp(key: crate::book::HashKey, commit: u64, record: &[u8], next_block: u32) -> Stamp {
    Stamp { ledger: key.ledger_id(), commit, record: key.digest(record), next_block }
}
