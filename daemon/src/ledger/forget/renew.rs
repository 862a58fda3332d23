//! Writes the database anew, so that free pages keep nothing of what was deleted.
//!
//! redb reuses pages and can move them together, but overwrites nothing for its own sake. A copy of what the tables hold is the
//! one file of which it is known what is not in it.

use std::path::Path;

use redb::{Database, Key, ReadableDatabase, ReadableTable, TableDefinition, Value, WriteTransaction};

use super::RENEW;
use crate::ledger::tables::{META, every_table};
use crate::ledger::{Disk, LedgerError, Opened, create};
use crate::limits::ledger::ROOM_BYTES;

/// The same database, or a copy in its place if something was deleted from it. Takes as long as reading and writing all of it, and
/// its size on disk again until it is done. Where that cannot be, the old one stays, and the next start tries again.
///
/// # Errors
/// If the database cannot be read.
pub(in crate::ledger) fn renew(old: Opened, path: &Path, disk: &dyn Disk) -> Result<Opened, LedgerError> {
    if old.db.begin_read()?.open_table(META)?.get(RENEW)?.is_none() {
        return Ok(old);
    }
    tracing::info!("the ledger is written anew, so that nothing of who was forgotten is left in its file");
    match copy_beside(&old.db, path, disk) {
        Ok(renewed) => Ok(renewed),
        Err(error) => {
            tracing::warn!(%error, "the ledger cannot be written anew; its free pages may still name who was forgotten, and the next start tries again");
            // Only space.
            let _ = std::fs::remove_file(path.with_extension("renewed"));
            Ok(old)
        }
    }
}

fn copy_beside(old: &Database, path: &Path, disk: &dyn Disk) -> Result<Opened, LedgerError> {
    let beside = path.with_extension("renewed");
    let io = |what| {
        let path = beside.clone();
        move |source| LedgerError::Io { what, path, source }
    };
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    let wanted = std::fs::metadata(path).map_err(io("look at the size of"))?.len().saturating_add(ROOM_BYTES);
    if let Ok(free) = disk.free_bytes(folder)
        && free < wanted
    {
        return Err(LedgerError::NoRoom { folder: folder.to_owned(), free, wanted });
    }
    match std::fs::remove_file(&beside) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(io("remove")(error)),
        _ => {}
    }
    let renewed = create(&beside)?;
    copy_all(old, &renewed.db)?;
    disk.rename(&beside, path).map_err(io("rename"))?;
    // The new file is in place. Should the name be lost again, the old one with its mark comes back.
    if let Err(error) = disk.sync_folder(folder) {
        tracing::warn!(%error, "the folder of the ledger cannot be synced");
    }
    Ok(renewed)
}

fn copy_all(old: &Database, new: &Database) -> Result<(), LedgerError> {
    let write = new.begin_write()?;
    macro_rules! copy {
        ($($table:ident)*) => {$( copy(old, &write, crate::ledger::tables::$table)?; )*};
    }
    every_table!(copy);
    write.open_table(META)?.remove(RENEW)?;
    write.commit()?;
    Ok(())
}

fn copy<K: Key + 'static, V: Value + 'static>(
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
