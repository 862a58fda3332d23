//! The ledger: an append-only log of changes in redb, the archive of what arrived, and the book read from the log.
//!
//! Every commit of the log is one redb transaction together with what it came of: the state of the delivery, the record of
//! the file, the marks, the quarantine. Blocks of a large file are written ahead and count only once their commit
//! names them, so the inbox never waits for a long import. After an I/O error of redb nothing is known about the disk: the error is
//! fatal and the process ends.

mod archive;
mod blocks;
mod error;
mod forget;
mod inbox;
mod ingest;
#[cfg(test)]
mod poll_tests;
mod polls;
mod read_log;
mod responses;
mod snapshot;
#[cfg(test)]
mod snapshot_tests;
mod tables;
#[cfg(test)]
mod tests;

use std::fs::{self, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use redb::backends::FileBackend;
use redb::{Database, DatabaseError, ReadableDatabase, ReadableTable, StorageBackend};

use crate::book::{Book, HashKey};
use crate::limits::book::SNAPSHOT_AT_END;
use crate::limits::ledger as limits;
use crate::model::Door;

pub use archive::ArchiveWriter;
pub use error::LedgerError;
use forget::Aliases;
pub use forget::Forgotten;
pub use inbox::{NewDelivery, Outcome};
pub use ingest::{Finish, Ingest};
use snapshot::Snapshots;
use tables::{
    BLOCKS, BODIES, CURSORS, DELIVERIES, EXCHANGES, FORGOTTEN, IMPORTS, INBOX, LOG, MARKS, MEMORY, META, PASSES,
    QUARANTINE, RESPONSES, SCHEMA,
};
pub use tables::{
    Came, Cursor, Delivery, Exchange, Import, Load, Marks, Pass, PollTask, Quarantined, State, Stop, Tally, Total, What,
};

/// All that is kept, in `data_dir`.
#[derive(Debug)]
pub struct Ledger {
    db: Database,
    path: PathBuf,
    dir: PathBuf,
    hash_key: HashKey,
    book: Arc<RwLock<Book>>,
    snapshots: Arc<Snapshots>,
    /// One delivery at a time changes the ledger. Holds the numbers that come next.
    next: Mutex<Next>,
    next_delivery: AtomicU64,
    last_block: blocks::LastBlock,
    /// Hears of commits.
    observer: OnceLock<Observer>,
    /// Who was forgotten, so that they do not come back.
    aliases: RwLock<Arc<Aliases>>,
}

/// What a commit was about, for those who count.
#[derive(Debug, Clone)]
pub struct Committed {
    /// How long it took to make it durable.
    pub took: Duration,
    /// Deliveries by door and what became of them, for example `received` or `read`, and how many.
    pub deliveries: Vec<(Door, &'static str, u64)>,
}

struct Observer(Box<dyn Fn(&Committed) + Send + Sync>);

impl std::fmt::Debug for Observer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Observer")
    }
}

#[derive(Debug)]
struct Next {
    commit: u64,
    block: u32,
}

impl Ledger {
    /// Opens the ledger in this folder, or makes one, and reads the book from its log.
    ///
    /// # Errors
    /// If another process has it, if it is of a newer version, or if it cannot be read.
    pub fn open(dir: &Path) -> Result<Self, LedgerError> {
        make_private_dir(dir)?;
        let path = dir.join("ledger.redb");
        let io = |what, source| LedgerError::Io { what, path: path.clone(), source };
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(|error| io("open", error))?;
        let backend = FileBackend::new(file).map_err(|error| opening(&path, error))?;
        Self::open_on(backend, dir, path)
    }

    /// Like [`Ledger::open`], over storage of the caller's choice: the seam at which faults are injected.
    ///
    /// # Errors
    /// As [`Ledger::open`].
    pub fn open_on(backend: impl StorageBackend, dir: &Path, path: PathBuf) -> Result<Self, LedgerError> {
        let mut db = Database::builder()
            .set_cache_size(limits::CACHE_BYTES)
            .create_with_backend(backend)
            .map_err(|error| opening(&path, error))?;
        let hash_key = prepare(&db, &path)?;
        forget::compact(&mut db)?;
        let aliases = Aliases::load(&db, hash_key)?;
        make_private_dir(&dir.join("archive"))?;
        make_private_dir(&dir.join("tmp"))?;
        let book = Arc::new(RwLock::new(Book::new(hash_key)));
        let mut ledger = Self {
            db,
            path,
            dir: dir.to_owned(),
            hash_key,
            snapshots: Arc::new(Snapshots::new(dir, Arc::clone(&book))),
            book,
            next: Mutex::new(Next { commit: 0, block: 0 }),
            next_delivery: AtomicU64::new(1),
            last_block: blocks::LastBlock::default(),
            observer: OnceLock::new(),
            aliases: RwLock::new(Arc::new(aliases)),
        };
        ledger.sweep_tmp();
        ledger.read_log()?;
        ledger.sweep()?;
        Ok(ledger)
    }

    /// The book, for reading. Commits wait as long as it is held.
    pub fn book(&self) -> RwLockReadGuard<'_, Book> {
        self.book.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on, this hears of each commit of deliveries. The first one stays.
    pub fn observe(&self, hears: impl Fn(&Committed) + Send + Sync + 'static) {
        let _ = self.observer.set(Observer(Box::new(hears)));
    }

    fn committed(&self, took: Duration, deliveries: Vec<(Door, &'static str, u64)>) {
        if let Some(Observer(hears)) = self.observer.get() {
            hears(&Committed { took, deliveries });
        }
    }

    /// Folder for files that do not outlive the process.
    pub fn tmp_dir(&self) -> PathBuf {
        self.dir.join("tmp")
    }

    /// Removes blocks and files that were written ahead of a commit that never came.
    fn sweep(&mut self) -> Result<(), LedgerError> {
        let next = self.next.get_mut().unwrap_or_else(PoisonError::into_inner).block;
        let orphans = self.db.begin_read()?.open_table(BLOCKS)?.range(next..)?.next().is_some();
        if orphans {
            let write = self.db.begin_write()?;
            write.open_table(BLOCKS)?.retain_in(next.., |_, _| false)?;
            write.commit()?;
        }
        self.sweep_archive()
    }

    /// Removes files that do not outlive a process. Before anything is read, since a snapshot may be written right after.
    fn sweep_tmp(&self) {
        for leftover in fs::read_dir(self.tmp_dir()).into_iter().flatten().flatten() {
            // A file that cannot be removed is only space; the next start tries again.
            let _ = fs::remove_file(leftover.path());
        }
    }

    /// Spares the next start most of the log, if it has grown since the last time. Waits for the disk.
    pub fn save_book(&self) {
        self.snapshots.write_if(SNAPSHOT_AT_END);
    }

    fn damaged(&self, what: String) -> LedgerError {
        LedgerError::Damaged { path: self.path.clone(), what }
    }

    fn number_delivery(&self) -> u64 {
        self.next_delivery.fetch_add(1, Ordering::Relaxed)
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.save_book();
        }
    }
}

fn opening(path: &Path, error: DatabaseError) -> LedgerError {
    match error {
        DatabaseError::DatabaseAlreadyOpen => LedgerError::InUse(path.to_owned()),
        DatabaseError::Storage(redb::StorageError::Corrupted(what)) => {
            LedgerError::Damaged { path: path.to_owned(), what }
        }
        DatabaseError::Storage(redb::StorageError::Io(source)) if source.kind() == std::io::ErrorKind::InvalidData => {
            LedgerError::Damaged { path: path.to_owned(), what: source.to_string() }
        }
        other => LedgerError::Storage(other.into()),
    }
}

/// Makes the tables of a new file, and checks the version of an old one. Gives the secret of the book's hashes, which stays
/// the same for the life of a ledger, so that ties are decided the same way after each start.
fn prepare(db: &Database, path: &Path) -> Result<HashKey, LedgerError> {
    let write = db.begin_write()?;
    let hash_key;
    {
        let mut meta = write.open_table(META)?;
        let stored = meta.get("hash-key")?.and_then(|value| <[u8; 16]>::try_from(value.value()).ok());
        let key = match stored {
            Some(key) => key,
            None => {
                let mut key = [0; 16];
                getrandom::fill(&mut key).map_err(|error| LedgerError::Encode(error.to_string()))?;
                meta.insert("hash-key", key.as_slice())?;
                key
            }
        };
        let number = u128::from_le_bytes(key);
        hash_key = HashKey((number >> 64) as u64, number as u64);
        let found = meta.get("schema")?.map(|value| value.value().to_vec());
        match found {
            None => {
                meta.insert("schema", SCHEMA.to_le_bytes().as_slice())?;
            }
            Some(bytes) => {
                let found = <[u8; 4]>::try_from(bytes.as_slice()).map(u32::from_le_bytes).map_err(|_| {
                    LedgerError::Damaged { path: path.to_owned(), what: "its schema is not a number".into() }
                })?;
                if found > SCHEMA {
                    return Err(LedgerError::TooNew { path: path.to_owned(), found, known: SCHEMA });
                }
                // Versions 2 and 3 have more tables and more kinds of deliveries; what earlier ones wrote is read as it is.
                if found < SCHEMA {
                    meta.insert("schema", SCHEMA.to_le_bytes().as_slice())?;
                }
            }
        }
        write.open_table(LOG)?;
        write.open_table(BLOCKS)?;
        write.open_table(DELIVERIES)?;
        write.open_table(BODIES)?;
        write.open_table(INBOX)?;
        write.open_table(QUARANTINE)?;
        write.open_table(IMPORTS)?;
        write.open_table(MARKS)?;
        write.open_table(MEMORY)?;
        write.open_table(CURSORS)?;
        write.open_table(EXCHANGES)?;
        write.open_table(RESPONSES)?;
        write.open_table(PASSES)?;
        write.open_table(FORGOTTEN)?;
    }
    write.commit()?;
    Ok(hash_key)
}

/// Makes a folder that only its owner may enter.
pub(crate) fn make_private_dir(dir: &Path) -> Result<(), LedgerError> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(|source| LedgerError::Io {
        what: "make the folder",
        path: dir.to_owned(),
        source,
    })
}
