//! Reading a log back.

use crate::model::{Change, Door};

use super::{Book, BookError, Draft, Place};

/// A log that is being read back, commit by commit.
#[derive(Debug)]
pub struct Replay {
    /// Works on the tables of the book themselves: a log is durable already, and a tail of millions of rows would take as much memory
    /// again and as much time.
    draft: Draft,
    commits: u64,
}

impl Book {
    /// Starts to read a log back: from its first commit for an empty book, else from the one after the last that the book has. About so
    /// many new entries will come. The book is empty until [`Book::finish`].
    pub fn replay(&mut self, entries: usize) -> Replay {
        let mut store = std::mem::take(&mut self.store);
        store.reserve(entries);
        Replay { draft: Draft::on_whole(store), commits: 0 }
    }

    /// Ends the reading of a log.
    pub fn finish(&mut self, replay: Replay) {
        let Draft { tail, moved, .. } = replay.draft;
        self.store = tail;
        self.store.settle(&moved);
        self.revision += replay.commits;
        self.journal.forget();
    }
}

impl Replay {
    /// The next commit: its blocks follow.
    ///
    /// # Errors
    /// If the book is full.
    pub fn commit(&mut self, integration: &str, door: Door) -> Result<(), BookError> {
        self.commits += 1;
        self.draft.switch(integration, door)
    }

    /// The changes of one block, in their order.
    ///
    /// # Errors
    /// If the book is full.
    pub fn block(&mut self, book: &Book, block: u32, changes: &[Change]) -> Result<(), BookError> {
        let mut place = Place { block, index: 0 };
        for change in changes {
            self.draft.apply(book, change, place)?;
            place.index = place.index.saturating_add(entries_in(change));
        }
        Ok(())
    }
}

/// How many entries a change carries; places in a block count them.
pub fn entries_in(change: &Change) -> u16 {
    match change {
        Change::Put(_) => 1,
        Change::ReplaceOrder(order) => u16::try_from(order.entries.len()).unwrap_or(u16::MAX),
        Change::Withdraw(_) => 0,
    }
}
