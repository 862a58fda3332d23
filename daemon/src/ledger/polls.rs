//! How far polling has come, and what its passes did.

use redb::{ReadableDatabase, ReadableTable};

use super::ingest::{json, move_marks};
use super::tables::{CURSORS, Cursor, DELIVERIES, Delivery, Marks, PASSES, Pass, PollTask, State, What};
use super::{Ledger, LedgerError};
use crate::limits::ledger::PASSES_KEPT;

impl Ledger {
    /// How far the polling of an integration has come.
    ///
    /// # Errors
    /// If the storage fails.
    pub fn cursor(&self, integration: &str) -> Result<Cursor, LedgerError> {
        let table = self.db.begin_read()?.open_table(CURSORS)?;
        let found = table.get(integration)?;
        Ok(found.map(|bytes| self.parse(bytes.value())).transpose()?.unwrap_or_default())
    }

    /// Changes the cursor, and marks, apart from any entry. Whoever moves them with entries uses [`Finish`](super::Finish).
    ///
    /// # Errors
    /// If the storage fails.
    pub fn set_cursor(
        &self,
        integration: &str,
        marks: Marks,
        change: impl FnOnce(&mut Cursor),
    ) -> Result<(), LedgerError> {
        let write = self.db.begin_write()?;
        {
            let mut table = write.open_table(CURSORS)?;
            let stored = table.get(integration)?.map(|bytes| bytes.value().to_vec());
            let mut cursor: Cursor = stored.map(|bytes| self.parse(&bytes)).transpose()?.unwrap_or_default();
            change(&mut cursor);
            table.insert(integration, json(&cursor)?.as_slice())?;
        }
        move_marks(&write, integration, &marks)?;
        write.commit()?;
        Ok(())
    }

    /// Keeps what a pass did, and forgets the oldest of many.
    ///
    /// # Errors
    /// If the storage fails.
    pub fn keep_pass(&self, integration: &str, pass: &Pass) -> Result<(), LedgerError> {
        let write = self.db.begin_write()?;
        {
            let mut table = write.open_table(PASSES)?;
            table.insert((integration, pass.began_ms), json(pass)?.as_slice())?;
            let kept: Vec<i64> = table
                .range((integration, i64::MIN)..=(integration, i64::MAX))?
                .map(|item| Ok(item?.0.value().1))
                .collect::<Result<_, redb::StorageError>>()?;
            for began_ms in kept.iter().rev().skip(PASSES_KEPT) {
                table.remove((integration, *began_ms))?;
            }
        }
        write.commit()?;
        Ok(())
    }

    /// The last passes of an integration, the latest first.
    ///
    /// # Errors
    /// If the storage fails.
    pub fn passes(&self, integration: &str, limit: usize) -> Result<Vec<Pass>, LedgerError> {
        let table = self.db.begin_read()?.open_table(PASSES)?;
        let range = table.range((integration, i64::MIN)..=(integration, i64::MAX))?;
        range.rev().take(limit).map(|item| self.parse(item?.1.value())).collect()
    }

    /// Conversations of an integration that came to their end and brought entries, oldest first.
    ///
    /// # Errors
    /// If the storage fails.
    pub fn conversations_of(&self, integration: &str) -> Result<Vec<(u64, Delivery)>, LedgerError> {
        let table = self.db.begin_read()?.open_table(DELIVERIES)?;
        let mut found = Vec::new();
        for item in table.iter()? {
            let (number, head) = item?;
            let delivery: Delivery = self.parse(head.value())?;
            let entries =
                matches!(delivery.what, What::Poll { task: PollTask::Sync { .. } | PollTask::Refresh { .. }, .. });
            if entries && delivery.integration == integration && delivery.state != State::Unfinished {
                found.push((number.value(), delivery));
            }
        }
        Ok(found)
    }
}
