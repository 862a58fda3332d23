//! A ledger in memory: the daemon's own book, with the entries behind it.

use crate::book::{Book, BookError, Draft, Effect, HashKey, Place};
use crate::connector::{StoredEntry, StoredOrder};
use crate::model::{Change, Door, Entry, Zone};

/// Name of the only integration.
const INTEGRATION: &str = "case";

/// What would be stored.
#[derive(Debug)]
pub(super) struct Ledger {
    book: Book,
    /// Every change that was written, as a block of its own.
    log: Vec<Change>,
    zone: Zone,
}

impl Ledger {
    pub(super) fn new(zone: Zone) -> Self {
        // A fixed key: equal runs give equal ledgers.
        Self { book: Book::new(HashKey(1, 2)), log: Vec::new(), zone }
    }

    /// Stores the changes of one step.
    ///
    /// # Errors
    /// If the book is full.
    pub(super) fn keep(&mut self, door: Door, changes: &[Change]) -> Result<(), BookError> {
        let mut draft = Draft::new(&self.book, INTEGRATION, door)?;
        for change in changes {
            let place = Place { block: u32::try_from(self.log.len()).map_err(|_| BookError::Full)?, index: 0 };
            if draft.apply(&self.book, change, place)? == Effect::Write {
                self.log.push(change.clone());
            }
        }
        self.book.absorb(draft)
    }

    /// What is known of an order.
    pub(super) fn order(&self, id: &str) -> StoredOrder {
        let Some((revision, rows)) = self.book.order(INTEGRATION, id) else {
            return StoredOrder { id: id.to_owned(), revision: 0, entries: Vec::new() };
        };
        let stored = rows.into_iter().filter_map(|row| {
            let entry = self.entry(row.entry.place)?;
            Some(StoredEntry {
                key: entry.key.clone(),
                revision: row.revision,
                unix_ms: row.entry.at.resolve(self.zone).unix_ms,
                currency: entry.currency,
                total: row.entry.total,
                product_ids: entry.lines.iter().filter_map(|line| line.product_id.clone()).collect(),
            })
        });
        StoredOrder { id: id.to_owned(), revision, entries: stored.collect() }
    }

    /// All entries that are not withdrawn, by order, moment and key.
    pub(super) fn entries(&self) -> Vec<Entry> {
        let live = self.book.live().filter_map(|listed| {
            // A moment of receipt is that of the first delivery, whichever was stored last.
            Some(Entry { at: listed.at, ..self.entry(listed.place)?.clone() })
        });
        let mut entries: Vec<Entry> = live.collect();
        entries.sort_by(|a, b| (&a.order_id, &a.key).cmp(&(&b.order_id, &b.key)));
        entries
    }

    fn entry(&self, place: Place) -> Option<&Entry> {
        match self.log.get(usize::try_from(place.block).ok()?)? {
            Change::Put(entry) => Some(entry),
            Change::ReplaceOrder(order) => order.entries.get(usize::from(place.index)),
            Change::Withdraw(_) => None,
        }
    }
}
