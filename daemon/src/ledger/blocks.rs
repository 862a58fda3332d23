//! Lists of changes as they lie in the log: postcard, compressed together.

use std::sync::{Arc, Mutex, PoisonError};

use redb::{ReadableDatabase, ReadableTable};

use crate::book::Place;
use crate::model::{Change, Entry};

use super::tables::{BLOCKS, Commit, LOG};
use super::{Ledger, LedgerError};

/// zstd level: at 1, entries shrink to about 32 bytes each and a million take 0.2 s.
const LEVEL: i32 = 1;

pub(super) fn encode(changes: &[Change]) -> Result<Vec<u8>, LedgerError> {
    let plain = postcard::to_stdvec(changes).map_err(|error| LedgerError::Encode(error.to_string()))?;
    zstd::bulk::compress(&plain, LEVEL).map_err(|error| LedgerError::Encode(error.to_string()))
}

pub(super) fn decode(block: &[u8]) -> Result<Vec<Change>, String> {
    let plain = zstd::stream::decode_all(block).map_err(|error| format!("a block cannot be decompressed: {error}"))?;
    postcard::from_bytes(&plain).map_err(|error| format!("a block cannot be decoded: {error}"))
}

/// The block that was read last, since drill-downs walk neighbours.
#[derive(Debug, Default)]
pub(super) struct LastBlock(Mutex<Option<(u32, Arc<Vec<Change>>)>>);

impl LastBlock {
    /// Its block may have changed.
    pub(super) fn clear(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Ledger {
    /// The whole entry that lies at a place of the log.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub fn entry(&self, place: Place) -> Result<Option<Entry>, LedgerError> {
        let changes = self.block(place.block)?;
        let entries = changes.iter().flat_map(|change| match change {
            Change::Put(entry) => std::slice::from_ref(entry),
            Change::ReplaceOrder(order) => order.entries.as_slice(),
            Change::Withdraw(_) => &[],
        });
        Ok(entries.into_iter().nth(usize::from(place.index)).cloned())
    }

    /// The delivery that brought an entry, as it is now. `None` if the log does not say.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub fn delivery_of(&self, place: Place) -> Result<Option<u64>, LedgerError> {
        let read = self.db.begin_read()?;
        let log = read.open_table(LOG)?;
        let commit = |number: u64| -> Result<Option<Commit>, LedgerError> {
            let Some(bytes) = log.get(number)? else { return Ok(None) };
            let commit = postcard::from_bytes(bytes.value());
            commit.map(Some).map_err(|error| self.damaged(format!("commit {number}: {error}")))
        };
        // Commits have running numbers, and so have their blocks: the last one that begins at the block or before has it.
        let (mut low, mut high) = (0, log.last()?.map_or(0, |(number, _)| number.value() + 1));
        while low + 1 < high {
            let middle = low + (high - low) / 2;
            if commit(middle)?.is_some_and(|commit| commit.first_block <= place.block) {
                low = middle
            } else {
                high = middle
            }
        }
        let found = commit(low)?.filter(|commit| place.block.wrapping_sub(commit.first_block) < commit.blocks);
        Ok(found.map(|commit| commit.delivery))
    }

    fn block(&self, number: u32) -> Result<Arc<Vec<Change>>, LedgerError> {
        let mut last = self.last_block.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, changes)) = &*last
            && *known == number
        {
            return Ok(Arc::clone(changes));
        }
        let read = self.db.begin_read()?;
        let table = read.open_table(BLOCKS)?;
        let Some(block) = table.get(number)? else {
            return Err(self.damaged(format!("block {number} is missing")));
        };
        let changes = Arc::new(decode(block.value()).map_err(|what| self.damaged(what))?);
        *last = Some((number, Arc::clone(&changes)));
        Ok(changes)
    }
}
