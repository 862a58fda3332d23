//! Writes the database anew, so that free pages keep nothing of what was deleted.
//!
//! redb reuses pages and can move them together, but overwrites nothing for its own sake. A copy of what the tables hold is the
//! one file of which it is known what is not in it.

use std::path::Path;

use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition, WriteTransaction};

use super::RENEW;
use crate::ledger::tables::{
    BLOCKS, BODIES, CURSORS, DELIVERIES, EXCHANGES, FORGOTTEN, IMPORTS, INBOX, LOG, MARKS, MEMORY, META, PASSES,
    QUARANTINE, RESPONSES,
};
use crate::ledger::{LedgerError, create};

/// The same database, or a copy in its place if something was deleted from it. Takes as long as reading and writing all of it, and
/// its size on disk again until it is done. A crash leaves the old one, and the next start tries again.
///
/// # Errors
/// If the copy cannot be made: the old one stays.
pub(in crate::ledger) fn renew(old: Database, path: &Path) -> Result<Database, LedgerError> {
    if old.begin_read()?.open_table(META)?.get(RENEW)?.is_none() {
        return Ok(old);
    }
    let beside = path.with_extension("renewed");
    let io = |what| {
        let path = beside.clone();
        move |source| LedgerError::Io { what, path, source }
    };
    match std::fs::remove_file(&beside) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(io("remove")(error)),
        _ => {}
    }
    tracing::info!("the ledger is written anew, so that nothing of who was forgotten is left in its file");
    let renewed = create(&beside)?;
    copy_all(&old, &renewed)?;
    std::fs::rename(&beside, path).map_err(io("rename"))?;
    if let Some(folder) = path.parent() {
        std::fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(io("sync the folder of"))?;
    }
    Ok(renewed)
}

fn copy_all(old: &Database, new: &Database) -> Result<(), LedgerError> {
    let write = new.begin_write()?;
    macro_rules! copy {
        ($($table:expr),* $(,)?) => {$( copy(old, &write, $table)?; )*};
    }
    copy!(
        META, LOG, BLOCKS, DELIVERIES, BODIES, INBOX, QUARANTINE, IMPORTS, MARKS, MEMORY, CURSORS, EXCHANGES,
        RESPONSES, PASSES, FORGOTTEN,
    );
    write.open_table(META)?.remove(RENEW)?;
    write.commit()?;
    Ok(())
}

fn copy<K: redb::Key + 'static, V: redb::Value + 'static>(
    old: &Database,
    write: &WriteTransaction,
    table: TableDefinition<'_, K, V>,
) -> Result<(), LedgerError> {
    let from = old.begin_read()?.open_table(table)?;
    let mut to = write.open_table(table)?;
    for item in from.iter()? {
        let (key, value) = item?;
        to.insert(key.value(), value.value())?;
    }
    Ok(())
}
