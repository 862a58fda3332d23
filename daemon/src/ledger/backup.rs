//! A backup of a ledger that is in use: one state of it, in a folder that can take the place of the data folder.
//!
//! A read transaction is one state of all tables, however long it is read and whatever is committed meanwhile. Its records
//! go into a new database, which is smaller than the old one as well; archived files never change, so those that it names
//! are copied. What was written is read back before the folder gets its name.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, BufReader, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::TryLockError;

use redb::backends::FileBackend;
use redb::{
    Database, Key, ReadTransaction, ReadableDatabase, ReadableTable, ReadableTableMetadata, TableDefinition,
    TableHandle, Value, WriteTransaction,
};
use sha2::{Digest, Sha256};

use super::archive::archive_path;
use super::disk::is_full;
use super::tables::{DELIVERIES, IMPORTS, LOG, every_table};
use super::{ARCHIVE, DATABASE, Ledger, LedgerError, make_private_dir};
use crate::limits::ledger::{BACKUP_PIECE_BYTES, BACKUP_TOLD_BYTES, CACHE_BYTES};

/// What is in a backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupReport {
    /// Where it is.
    pub folder: PathBuf,
    /// The ledger's revision that it shows.
    pub revision: u64,
    /// Deliveries.
    pub deliveries: u64,
    /// Archived files.
    pub files: u64,
    /// Archived files that the ledger names and the archive does not have.
    pub files_missing: u64,
    /// Size of all of it, bytes.
    pub bytes: u64,
}

/// Why there is no backup. Nothing is left of one that failed.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The place will not do.
    #[error("{0}")]
    Place(String),
    /// Another one is on its way.
    #[error("another backup is being made; wait for its end")]
    Busy,
    /// Too little is free where it is to go.
    #[error(
        "the disk of {folder} has {} MiB free, and the backup may need {} MiB; free some space, or name a folder on another disk",
        free >> 20,
        wanted.div_ceil(1 << 20)
    )]
    NoRoom {
        /// Where it is to go.
        folder: PathBuf,
        /// Bytes.
        free: u64,
        /// Bytes.
        wanted: u64,
    },
    /// The place refused.
    #[error("the backup cannot be written: {what} {path}: {source}{}", if is_full(source) { "; the disk is full" } else { "" })]
    Io {
        /// What was tried.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The new database refused.
    #[error("the backup cannot be written: {0}")]
    Database(redb::Error),
    /// What was read back is not what was written.
    #[error("{0} is not what was written when it is read back; do not trust that disk")]
    Differs(PathBuf),
    /// The ledger itself failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl BackupError {
    /// True if the place has no room.
    pub fn is_disk_full(&self) -> bool {
        match self {
            Self::NoRoom { .. } => true,
            Self::Io { source, .. } | Self::Database(redb::Error::Io(source)) => is_full(source),
            _ => false,
        }
    }
}

/// Is told what is being done, how much of it is done and how much there is: bytes. More may come than was thought.
pub type Progress<'p> = &'p mut dyn FnMut(&'static str, u64, u64);

/// How the names of backups begin that are not whole yet.
const UNFINISHED: &str = ".ltvd-backup-";

/// What a backup has left that ended with its process. Only space; the next backup tries again.
fn remove_unfinished(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let unfinished = entry.file_name().as_encoded_bytes().starts_with(UNFINISHED.as_bytes());
        // Another ltvd that is at it holds its folder.
        let is_left = || File::open(entry.path()).is_ok_and(|folder| folder.try_lock().is_ok());
        if unfinished && entry.file_type().is_ok_and(|kind| kind.is_dir()) && is_left() {
            tracing::info!(path = %entry.path().display(), "a backup that was not finished is removed");
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

impl Ledger {
    /// Copies one state of the ledger, and the files of the data folder that are named in `beside`, into a new folder.
    /// Deliveries are taken in all the while.
    ///
    /// # Errors
    /// If the folder is there already, lies inside the data folder, or cannot be written; if the ledger cannot be read.
    pub fn back_up(&self, to: &Path, beside: &[&str], progress: Progress<'_>) -> Result<BackupReport, BackupError> {
        let _only_one = self.backup.try_lock().or_else(|error| match error {
            TryLockError::WouldBlock => Err(BackupError::Busy),
            TryLockError::Poisoned(lock) => Ok(lock.into_inner()),
        })?;
        let parent = self.may_go(to)?;
        let read = self.db.begin_read().map_err(LedgerError::from)?;
        let files = archived(&read)?;
        let size = |path: &Path| fs::metadata(path).map_or(0, |data| data.len());
        let archive = self.dir.join(ARCHIVE);
        let files_bytes = files.iter().map(|sha256| size(&archive_path(&archive, sha256))).sum::<u64>();
        let wanted = size(&self.path) + files_bytes;
        if let Ok(free) = self.disk.free_bytes(parent)
            && free < wanted
        {
            return Err(BackupError::NoRoom { folder: parent.to_owned(), free, wanted });
        }

        remove_unfinished(parent);
        // Under another name until it is whole; removed again if anything fails.
        let unfinished =
            tempfile::Builder::new().prefix(UNFINISHED).permissions(Permissions::from_mode(0o700)).tempdir_in(parent);
        let unfinished = unfinished.map_err(io_in("make a folder in", parent))?;
        let held = File::open(unfinished.path()).map_err(io_in("open the folder", unfinished.path()))?;
        held.lock().map_err(io_in("hold the folder", unfinished.path()))?;
        let target = unfinished.path().join(DATABASE);
        let mut told = Told { progress, what: "ledger", done: 0, next: 0, all: size(&self.path) };
        copy_database(&read, &target, &mut told)?;
        let mut report = BackupReport {
            folder: to.to_owned(),
            revision: read.open_table(LOG).map_err(LedgerError::from)?.len().map_err(LedgerError::from)?,
            deliveries: read.open_table(DELIVERIES).map_err(LedgerError::from)?.len().map_err(LedgerError::from)?,
            files: 0,
            files_missing: 0,
            bytes: size(&target),
        };
        drop(read);

        told.begin("files", files_bytes);
        let target = unfinished.path().join(ARCHIVE);
        make_private_dir(&target)?;
        for sha256 in &files {
            match copy_file(&archive_path(&archive, sha256), &archive_path(&target, sha256), &mut told)? {
                Some(bytes) => (report.files, report.bytes) = (report.files + 1, report.bytes + bytes),
                None => report.files_missing += 1,
            }
        }
        sync_folder(&target)?;
        for name in beside {
            let copied = copy_file(&self.dir.join(name), &unfinished.path().join(name), &mut told)?;
            report.bytes += copied.unwrap_or(0);
        }
        sync_folder(unfinished.path())?;
        // An empty folder that was made meanwhile may be replaced, nothing else.
        fs::rename(unfinished.path(), to).map_err(io_in("give its name to", to))?;
        let _ = unfinished.keep();
        sync_folder(parent)?;
        Ok(report)
    }

    /// The folder in which the backup's is made, if it may be.
    fn may_go<'p>(&self, to: &'p Path) -> Result<&'p Path, BackupError> {
        let place = |text: String| Err(BackupError::Place(text));
        let Some(parent) = to.parent().filter(|_| to.is_absolute() && to.file_name().is_some()) else {
            return place(format!("{}: name the backup's folder by its full path", to.display()));
        };
        if to.symlink_metadata().is_ok() {
            return place(format!(
                "{} is there already; name a new folder, so that no backup overwrites another",
                to.display()
            ));
        }
        let data = fs::canonicalize(&self.dir).map_err(io_in("find", &self.dir))?;
        let found = match fs::canonicalize(parent) {
            Ok(found) => found,
            Err(error) => return place(format!("{} cannot be made: {}: {error}", to.display(), parent.display())),
        };
        if found.starts_with(&data) {
            return place(format!(
                "{} is inside the data folder and would be lost with it; name a folder outside, best on another disk",
                to.display()
            ));
        }
        Ok(parent)
    }
}

fn io_in(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> BackupError {
    let path = path.to_owned();
    move |source| BackupError::Io { what, path, source }
}

/// Tells the progress now and then.
struct Told<'p> {
    progress: Progress<'p>,
    what: &'static str,
    done: u64,
    /// When to tell again.
    next: u64,
    all: u64,
}

impl Told<'_> {
    fn begin(&mut self, what: &'static str, all: u64) {
        (self.what, self.done, self.next, self.all) = (what, 0, 0, all);
    }

    fn more(&mut self, bytes: usize) {
        self.done += bytes as u64;
        if self.done >= self.next {
            self.next = self.done + BACKUP_TOLD_BYTES;
            (self.progress)(self.what, self.done, self.all.max(self.done));
        }
    }
}

/// SHA-256 sums of the archived files that a state of the ledger names.
fn archived(read: &ReadTransaction) -> Result<BTreeSet<String>, LedgerError> {
    let table = read.open_table(IMPORTS)?;
    table.iter()?.map(|item| Ok(item?.0.value().1.to_owned())).collect()
}

/// Copies all tables, and reads them back.
fn copy_database(read: &ReadTransaction, target: &Path, told: &mut Told<'_>) -> Result<(), BackupError> {
    let mut tables = BTreeSet::new();
    let mut sum = Sha256::new();
    let to = |error: redb::Error| BackupError::Database(error);
    {
        let db = new_database(target)?;
        let write = db.begin_write().map_err(|error| to(error.into()))?;
        macro_rules! copy {
            ($($table:ident)*) => {$(
                tables.insert(super::tables::$table.name().to_owned());
                copy_table(read, &write, super::tables::$table, &mut sum, told)?;
            )*};
        }
        every_table!(copy);
        write.commit().map_err(|error| to(error.into()))?;
    }
    let all = read.list_tables().map_err(LedgerError::from)?;
    if let Some(other) = all.map(|table| table.name().to_owned()).find(|name| !tables.contains(name)) {
        return Err(BackupError::Place(format!(
            "this ltvd does not know the ledger's table `{other}`, so it makes no backup"
        )));
    }
    told.begin("check", told.done);
    let db = new_database(target)?;
    let copy = db.begin_read().map_err(|error| to(error.into()))?;
    let mut again = Sha256::new();
    macro_rules! check {
        ($($table:ident)*) => {$( sum_table(&copy, super::tables::$table, &mut again, told).map_err(to)?; )*};
    }
    every_table!(check);
    if sum.finalize() != again.finalize() {
        return Err(BackupError::Differs(target.to_owned()));
    }
    Ok(())
}

/// A database in this file, which only its owner may read.
fn new_database(path: &Path) -> Result<Database, BackupError> {
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path);
    let backend = FileBackend::new(file.map_err(io_in("make", path))?);
    let opened =
        backend.and_then(|backend| Database::builder().set_cache_size(CACHE_BYTES).create_with_backend(backend));
    opened.map_err(|error| BackupError::Database(error.into()))
}

fn copy_table<K: Key + 'static, V: Value + 'static>(
    read: &ReadTransaction,
    write: &WriteTransaction,
    table: TableDefinition<'_, K, V>,
    sum: &mut Sha256,
    told: &mut Told<'_>,
) -> Result<(), BackupError> {
    let from = read.open_table(table).map_err(LedgerError::from)?;
    let mut to = write.open_table(table).map_err(|error| BackupError::Database(error.into()))?;
    for item in from.iter().map_err(LedgerError::from)? {
        let (key, value) = item.map_err(LedgerError::from)?;
        let (key, value) = (key.value(), value.value());
        told.more(add::<K, V>(sum, &key, &value));
        to.insert(&key, &value).map_err(|error| BackupError::Database(error.into()))?;
    }
    Ok(())
}

fn sum_table<K: Key + 'static, V: Value + 'static>(
    read: &ReadTransaction,
    table: TableDefinition<'_, K, V>,
    sum: &mut Sha256,
    told: &mut Told<'_>,
) -> Result<(), redb::Error> {
    for item in read.open_table(table)?.iter()? {
        let (key, value) = item?;
        told.more(add::<K, V>(sum, &key.value(), &value.value()));
    }
    Ok(())
}

/// Adds a record to a sum, and gives its size in bytes.
fn add<K: Key, V: Value>(sum: &mut Sha256, key: &K::SelfType<'_>, value: &V::SelfType<'_>) -> usize {
    let (key, value) = (K::as_bytes(key), V::as_bytes(value));
    let (key, value) = (key.as_ref(), value.as_ref());
    sum.update((key.len() as u64).to_le_bytes());
    sum.update(key);
    sum.update((value.len() as u64).to_le_bytes());
    sum.update(value);
    key.len() + value.len()
}

/// Copies a file and reads it back. Gives its size in bytes; `None` if there is no such file.
fn copy_file(from: &Path, to: &Path, told: &mut Told<'_>) -> Result<Option<u64>, BackupError> {
    let mut source = match File::open(from) {
        Ok(source) => source,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io_in("read", from)(error)),
    };
    let mut target = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to).map_err(io_in("make", to))?;
    let (mut bytes, mut sum) = (0, Sha256::new());
    let mut piece = vec![0; BACKUP_PIECE_BYTES];
    loop {
        let read = source.read(&mut piece).map_err(io_in("read", from))?;
        let Some(read) = piece.get(..read).filter(|read| !read.is_empty()) else { break };
        target.write_all(read).map_err(io_in("write", to))?;
        sum.update(read);
        bytes += read.len() as u64;
        told.more(read.len());
    }
    target.sync_all().map_err(io_in("sync", to))?;
    let mut again = Sha256::new();
    let mut copy = BufReader::with_capacity(BACKUP_PIECE_BYTES, File::open(to).map_err(io_in("read", to))?);
    io::copy(&mut copy, &mut HashWriter(&mut again)).map_err(io_in("read", to))?;
    if sum.finalize() != again.finalize() {
        return Err(BackupError::Differs(to.to_owned()));
    }
    Ok(Some(bytes))
}

/// Takes bytes into a sum.
struct HashWriter<'s>(&'s mut Sha256);

impl Write for HashWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn sync_folder(folder: &Path) -> Result<(), BackupError> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(io_in("sync", folder))
}
