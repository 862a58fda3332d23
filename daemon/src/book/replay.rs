//! Reading a log back.

use crate::limits::book::REPLAYED_ROWS;
use crate::model::{Change, Door};

use super::{Book, BookError, Draft, Place};

/// A log that is being read back, commit by commit.
#[derive(Debug)]
pub struct Replay {
    draft: Draft,
    commits: u64,
}

impl Book {
    /// Starts to read a log back: from its first commit for an empty book, else from the one after the last that the book has.
    pub fn replay(&self) -> Replay {
        Replay { draft: Draft::unaddressed(self), commits: 0 }
    }

    /// Ends the reading of a log.
    ///
    /// # Errors
    /// If the book was changed otherwise in the meantime.
    pub fn finish(&mut self, replay: Replay) -> Result<(), BookError> {
        self.take_in(replay.draft)?;
        self.revision += replay.commits;
        self.journal.forget();
        Ok(())
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
    /// If the book is full, or was changed otherwise in the meantime.
    pub fn block(&mut self, book: &mut Book, block: u32, changes: &[Change]) -> Result<(), BookError> {
        let mut place = Place { block, index: 0 };
        for change in changes {
            self.draft.apply(book, change, place)?;
            place.index = place.index.saturating_add(entries_in(change));
        }
        // A draft of the whole log would take as much memory again as the book.
        if self.draft.weight() >= REPLAYED_ROWS {
            let full = std::mem::replace(&mut self.draft, Draft::unaddressed(book));
            let address = full.address();
            book.take_in(full)?;
            self.draft = Draft::unaddressed(book);
            self.draft.readdress(address);
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
