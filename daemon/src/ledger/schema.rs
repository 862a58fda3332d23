//! The version of the tables: of a new file, an older one, a newer one.

use std::path::Path;

use redb::{Database, ReadTransaction, ReadableDatabase, ReadableTable, TableDefinition, TableError, WriteTransaction};

use super::LedgerError;
use super::tables::{
    CURSORS, DELIVERIES, Delivery, EXCHANGES, FORGOTTEN, INBOX, META, PASSES, RESPONSES, SCHEMA, every_table,
};
use crate::book::HashKey;

const VERSION: &str = "schema";
const HASH_KEY: &str = "hash-key";
/// The ltvd that made the tables what they are.
const WRITTEN_BY: &str = "written-by";

/// Turns the tables of one version into those of the next. Until the commit nothing of it is seen.
type Step = fn(&WriteTransaction, &Path) -> Result<(), LedgerError>;

/// The first leads from version 1 to 2. A version without its step does not compile.
const STEPS: [Step; SCHEMA as usize - 1] = [polling, forgetting, fair_inbox];

/// Version 2 has tables for polling, and more kinds of deliveries; what version 1 wrote is read as it is.
fn polling(write: &WriteTransaction, _: &Path) -> Result<(), LedgerError> {
    write.open_table(CURSORS)?;
    write.open_table(EXCHANGES)?;
    write.open_table(RESPONSES)?;
    write.open_table(PASSES)?;
    Ok(())
}

/// Version 3 knows who was forgotten, and deliveries that were emptied; what version 2 wrote is read as it is.
fn forgetting(write: &WriteTransaction, _: &Path) -> Result<(), LedgerError> {
    write.open_table(FORGOTTEN)?;
    Ok(())
}

/// Version 4 has an inbox by integration; before, it was one line for all.
fn fair_inbox(write: &WriteTransaction, path: &Path) -> Result<(), LedgerError> {
    const ONE_LINE: TableDefinition<'_, u64, ()> = TableDefinition::new("inbox");
    {
        let (line, heads) = (write.open_table(ONE_LINE)?, write.open_table(DELIVERIES)?);
        let mut inbox = write.open_table(INBOX)?;
        for item in line.iter()? {
            let number = item?.0.value();
            let Some(head) = heads.get(number)? else { continue };
            let damaged =
                |error| LedgerError::Damaged { path: path.to_owned(), what: format!("delivery {number}: {error}") };
            let delivery: Delivery = serde_json::from_slice(head.value()).map_err(damaged)?;
            inbox.insert((delivery.integration.as_str(), number), ())?;
        }
    }
    write.delete_table(ONE_LINE)?;
    Ok(())
}

/// Makes the tables of a new file, or those of an old one new, in one transaction; a file that is as it should be is only
/// read, since the disk may be full. Gives the secret of the book's hashes, which stays the same for the life of a ledger,
/// so that ties are decided the same way after each start.
pub(super) fn prepare(db: &Database, path: &Path) -> Result<HashKey, LedgerError> {
    let known = Known::of(&db.begin_read()?, path)?;
    if let Known { schema: Some(SCHEMA), hash_key: Some(key) } = known {
        return Ok(key_of(key));
    }
    let key = match known.hash_key {
        Some(key) => key,
        None => {
            let mut key = [0; 16];
            getrandom::fill(&mut key).map_err(|error| LedgerError::Encode(error.to_string()))?;
            key
        }
    };
    let write = db.begin_write()?;
    {
        let due = known.schema.and_then(|found| STEPS.get(found as usize - 1..)).unwrap_or_default();
        for step in due {
            step(&write, path)?;
        }
        macro_rules! make {
            ($($table:ident)*) => {$( write.open_table(super::tables::$table)?; )*};
        }
        every_table!(make);
        let mut meta = write.open_table(META)?;
        meta.insert(HASH_KEY, key.as_slice())?;
        meta.insert(VERSION, SCHEMA.to_le_bytes().as_slice())?;
        meta.insert(WRITTEN_BY, env!("CARGO_PKG_VERSION").as_bytes())?;
    }
    write.commit()?;
    if let Some(found) = known.schema.filter(|found| *found < SCHEMA) {
        tracing::info!(ledger = %path.display(), from = found, to = SCHEMA, "the ledger was brought to this version");
    }
    Ok(key_of(key))
}

fn key_of(bytes: [u8; 16]) -> HashKey {
    let number = u128::from_le_bytes(bytes);
    HashKey((number >> 64) as u64, number as u64)
}

/// What a file says of itself. Nothing, if it is new.
#[derive(Default)]
struct Known {
    /// From 1 to `SCHEMA`.
    schema: Option<u32>,
    hash_key: Option<[u8; 16]>,
}

impl Known {
    fn of(read: &ReadTransaction, path: &Path) -> Result<Self, LedgerError> {
        let meta = match read.open_table(META) {
            Ok(meta) => meta,
            Err(TableError::TableDoesNotExist(_)) => return Ok(Self::default()),
            Err(error) => return Err(error.into()),
        };
        let hash_key = meta.get(HASH_KEY)?.and_then(|value| value.value().try_into().ok());
        let Some(version) = meta.get(VERSION)? else { return Ok(Self { schema: None, hash_key }) };
        let damaged = || LedgerError::Damaged { path: path.to_owned(), what: "its schema is not a number".into() };
        let found = version.value().try_into().map(u32::from_le_bytes).ok().filter(|found| *found > 0);
        let found = found.ok_or_else(damaged)?;
        if found > SCHEMA {
            let by = meta.get(WRITTEN_BY)?.map(|by| String::from_utf8_lossy(by.value()).into_owned());
            return Err(LedgerError::TooNew { path: path.to_owned(), found, known: SCHEMA, by });
        }
        Ok(Self { schema: Some(found), hash_key })
    }
}
