//! The ledger: an append-only log of changes in redb, the archive of what arrived, and the book read from the log.
//!
//! Every commit of the log is one redb transaction together with what it came of: the state of the delivery, the record of
//! the file, the marks, the quarantine. Blocks of a large file are written ahead and count only once their commit
//! names them, so the inbox never waits for a long import. After an I/O error of redb nothing is known about the disk: the error is
//! fatal and the process ends.

mod archive;
mod backup;
mod blocks;
mod disk;
mod error;
mod forget;
mod inbox;
mod ingest;
mod place;
#[cfg(test)]
mod poll_tests;
mod polls;
mod read_log;
mod responses;
mod schema;
mod snapshot;
#[cfg(test)]
mod snapshot_tests;
mod tables;
#[cfg(test)]
mod tests;
mod witness;

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use redb::backends::FileBackend;
use redb::{Database, DatabaseError, ReadableDatabase, StorageBackend};

use crate::book::{Book, HashKey};
use crate::limits::book::SNAPSHOT_AT_END;
use crate::limits::ledger as limits;
use crate::model::Door;

pub use archive::ArchiveWriter;
pub use backup::{BackupError, BackupReport, Progress};
use disk::Room;
pub(crate) use disk::is_full;
pub use disk::{Disk, Output, RealDisk};
pub use error::LedgerError;
use forget::Aliases;
pub use forget::{Forgotten, copies};
pub use inbox::{NewDelivery, Outcome};
pub use ingest::{Finish, Ingest};
use place::Place;
use snapshot::Snapshots;
use tables::BLOCKS;
pub use tables::{
    Came, Cursor, Delivery, Exchange, Import, Load, Marks, Pass, PollTask, Quarantined, State, Stop, Tally, Total, What,
};
use witness::{FirstError, Witness};

/// The database's file in the data folder.
const DATABASE: &str = "ledger.redb";
/// The folder of archived files in the data folder.
const ARCHIVE: &str = "archive";
/// The folder of files that do not outlive a process.
const TMP: &str = "tmp";

/// All that is kept, in `data_dir`.
#[derive(Debug)]
pub struct Ledger {
    db: Database,
    first_error: FirstError,
    place: Place,
    path: PathBuf,
    dir: PathBuf,
    disk: Arc<dyn Disk>,
    room: Room,
    hash_key: HashKey,
    book: Arc<RwLock<Book>>,
    snapshots: Arc<Snapshots>,
    /// One delivery at a time changes the ledger. Holds the numbers that come next.
    next: Mutex<Next>,
    next_delivery: AtomicU64,
    last_block: blocks::LastBlock,
    /// Deliveries that may have left the inbox while the book does not have them yet.
    leaving: AtomicU64,
    /// How much waits in quarantine, by integration; `None` until it is counted.
    quarantined: Mutex<Option<Arc<BTreeMap<String, u64>>>>,
    /// Hears of commits.
    observer: OnceLock<Observer>,
    /// Who was forgotten, so that they do not come back.
    aliases: RwLock<Arc<Aliases>>,
    /// Held by who makes a backup.
    backup: Mutex<()>,
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
        let path = dir.join(DATABASE);
        crate::owner::must_be_ours(&path).map_err(LedgerError::NotOurs)?;
        match fs::metadata(&path) {
            // redb would take it for a new one.
            Ok(data) if data.len() == 0 => return Err(LedgerError::Damaged { path, what: "it is empty".to_owned() }),
            Ok(_) => {}
            Err(_) => {
                place::may_begin(dir, &path)?;
                make_database(dir, &path)?;
            }
        }
        let opened = create(&path)?;
        let hash_key = schema::prepare(&opened.db, &path)?;
        let opened = forget::renew(opened, &path, &RealDisk)?;
        let mut ledger = Self::open_database(opened, hash_key, Arc::new(RealDisk), dir)?;
        ledger.place = Place::of(&path);
        Ok(ledger)
    }

    /// Like [`Ledger::open`], over storage of the caller's choice: the seam at which faults are injected. The database is in
    /// `backend`, everything beside it in `dir` by way of `disk`.
    ///
    /// # Errors
    /// As [`Ledger::open`].
    pub fn open_on(backend: impl StorageBackend, disk: Arc<dyn Disk>, dir: &Path) -> Result<Self, LedgerError> {
        let path = dir.join(DATABASE);
        let opened = create_on(backend, &path)?;
        let hash_key = schema::prepare(&opened.db, &path)?;
        Self::open_database(opened, hash_key, disk, dir)
    }

    fn open_database(opened: Opened, hash_key: HashKey, disk: Arc<dyn Disk>, dir: &Path) -> Result<Self, LedgerError> {
        let Opened { db, first_error } = opened;
        let path = dir.join(DATABASE);
        let aliases = Aliases::load(&db, hash_key)?;
        make_private_dir(&dir.join(ARCHIVE))?;
        make_private_dir(&dir.join(TMP))?;
        let book = Arc::new(RwLock::new(Book::new(hash_key)));
        let room = Room::new(Arc::clone(&disk), dir);
        let mut ledger = Self {
            db,
            first_error,
            place: Place::nowhere(),
            path,
            dir: dir.to_owned(),
            hash_key,
            disk,
            snapshots: Arc::new(Snapshots::new(dir, Arc::clone(&book), room.clone())),
            room,
            book,
            next: Mutex::new(Next { commit: 0, block: 0 }),
            next_delivery: AtomicU64::new(1),
            last_block: blocks::LastBlock::default(),
            leaving: AtomicU64::new(0),
            quarantined: Mutex::default(),
            observer: OnceLock::new(),
            aliases: RwLock::new(Arc::new(aliases)),
            backup: Mutex::default(),
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

    /// Whether the disk has room for what may come.
    ///
    /// # Errors
    /// If too little is free: then no delivery is taken in, and what is here can still be read.
    pub fn room(&self) -> Result<(), LedgerError> {
        self.room_for(0)
    }

    /// Whether the disk has room for so many bytes and what may come.
    ///
    /// # Errors
    /// If too little is free.
    pub fn room_for(&self, bytes: u64) -> Result<(), LedgerError> {
        self.room.must_have(bytes)
    }

    /// As [`Self::room`], for those who are writing a file.
    ///
    /// # Errors
    /// If too little is free: then what they have written must go.
    pub fn room_lasts(&self) -> io::Result<()> {
        self.room.must_last()
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

    /// What the storage met first, if it failed: later errors only say that there was one.
    pub fn first_error(&self) -> Option<String> {
        self.first_error.message()
    }

    /// Folder for files that do not outlive the process.
    pub fn tmp_dir(&self) -> PathBuf {
        self.dir.join(TMP)
    }

    /// Removes blocks and files that were written ahead of a commit that never came.
    fn sweep(&mut self) -> Result<(), LedgerError> {
        let next = self.next.get_mut().unwrap_or_else(PoisonError::into_inner).block;
        let orphans = self.db.begin_read()?.open_table(BLOCKS)?.range(next..)?.next().is_some();
        // On a full disk they stay until a later start: what is committed next takes their numbers.
        if orphans && self.room.must_have(0).is_ok() {
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

/// A database, and what its storage will have met first.
struct Opened {
    db: Database,
    first_error: FirstError,
}

/// Opens a database, or makes one that only its owner may read.
fn create(path: &Path) -> Result<Opened, LedgerError> {
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path);
    let file = file.map_err(|source| LedgerError::Io { what: "open", path: path.to_owned(), source })?;
    create_on(FileBackend::new(file).map_err(|error| opening(path, error))?, path)
}

fn create_on(storage: impl StorageBackend, path: &Path) -> Result<Opened, LedgerError> {
    let first_error = FirstError::default();
    let db = Database::builder()
        .set_cache_size(limits::CACHE_BYTES)
        .create_with_backend(Witness { storage, first: first_error.clone() })
        .map_err(|error| opening(path, error))?;
    Ok(Opened { db, first_error })
}

/// Makes an empty database, which gets its name once it is whole: half of one could not be told from a damaged one.
fn make_database(dir: &Path, path: &Path) -> Result<(), LedgerError> {
    let io = |source| LedgerError::Io { what: "make", path: path.to_owned(), source };
    let tmp = dir.join(TMP);
    make_private_dir(&tmp)?;
    // Only its owner may read it.
    let unfinished = tempfile::Builder::new().prefix("ledger-").tempfile_in(&tmp).map_err(io)?;
    {
        let backend = unfinished.reopen().map(FileBackend::new).map_err(io)?;
        let made = backend.and_then(|backend| Database::builder().create_with_backend(backend));
        schema::prepare(&made.map_err(|error| opening(path, error))?, path)?;
    }
    unfinished.as_file().sync_all().map_err(io)?;
    match unfinished.persist_noclobber(path) {
        Ok(_) => File::open(dir).and_then(|dir| dir.sync_all()).map_err(io),
        // Another process was quicker, and has removed what it did not know.
        Err(_) if path.exists() => Ok(()),
        Err(error) => Err(io(error.error)),
    }
}

fn opening(path: &Path, error: DatabaseError) -> LedgerError {
    match error {
        DatabaseError::DatabaseAlreadyOpen => LedgerError::InUse(path.to_owned()),
        DatabaseError::Storage(redb::StorageError::Corrupted(what)) => {
            LedgerError::Damaged { path: path.to_owned(), what }
        }
        DatabaseError::Storage(redb::StorageError::Io(source))
            if matches!(source.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof) =>
        {
            LedgerError::Damaged { path: path.to_owned(), what: source.to_string() }
        }
        other => LedgerError::Storage(other.into()),
    }
}

/// Makes a folder that only its owner may enter.
pub(crate) fn make_private_dir(dir: &Path) -> Result<(), LedgerError> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(|source| LedgerError::Io {
        what: "make the folder",
        path: dir.to_owned(),
        source,
    })
}
