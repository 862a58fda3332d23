//! The book's snapshot, `book.snapshot`, beside the ledger: only a cache of what the log says.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Instant;

use super::disk::Room;
use crate::book::{Book, HashKey, Stamp};

/// Writes the snapshot when it is worth it.
#[derive(Debug)]
pub(super) struct Snapshots {
    path: PathBuf,
    tmp: PathBuf,
    book: Arc<RwLock<Book>>,
    room: Room,
    /// Entries written to the log, or read from it, since the last snapshot.
    entries: AtomicU64,
    /// Held by who writes one.
    writing: Mutex<()>,
}

impl Snapshots {
    pub(super) fn new(dir: &Path, book: Arc<RwLock<Book>>, room: Room) -> Self {
        Self {
            path: dir.join("book.snapshot"),
            tmp: dir.join("tmp").join("book.snapshot"),
            book,
            room,
            entries: AtomicU64::new(0),
            writing: Mutex::new(()),
        }
    }

    /// The book as it was written last, if that is a state that the log went through: `is_in_log` says. Whatever is wrong with the
    /// file, the log is read instead.
    pub(super) fn load(&self, key: HashKey, is_in_log: impl FnOnce(&Stamp) -> bool) -> Option<Book> {
        let began = Instant::now();
        let loaded = (|| {
            let file = File::open(&self.path)?;
            let stamp = Stamp::of(&file)?;
            if stamp.ledger != key.ledger_id() {
                return Err(io::Error::other("it is of another ledger"));
            }
            if !is_in_log(&stamp) {
                return Err(io::Error::other(
                    "it shows a state that this ledger was never in, maybe because a backup was restored",
                ));
            }
            Book::load(&file, key)
        })();
        match loaded {
            Ok(book) => {
                tracing::info!(
                    entries = book.len(),
                    ms = began.elapsed().as_millis(),
                    "the book was read from its snapshot"
                );
                Some(book)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                tracing::info!(%error, "the snapshot of the book is not used; the whole log is read instead");
                None
            }
        }
    }

    /// So many entries more stand in the log than in the last snapshot. Writes one in the background after `every`.
    pub(super) fn more(self: &Arc<Self>, entries: u64, every: u64) {
        let before = self.entries.fetch_add(entries, Ordering::Relaxed);
        // One step over the mark, one thread.
        if before < every && before + entries >= every {
            let own = Arc::clone(self);
            let spawned = std::thread::Builder::new().name("snapshot".into()).spawn(move || own.write());
            if let Err(error) = spawned {
                tracing::warn!(%error, "no thread for a snapshot of the book");
            }
        }
    }

    /// Writes one if there are this many entries to spare the next start. Waits for one that is being written.
    pub(super) fn write_if(&self, entries: u64) {
        let wait = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        drop(wait);
        if self.entries.load(Ordering::Relaxed) > entries {
            self.write();
        }
    }

    /// Removes the snapshot. None is written as long as the guard is held.
    pub(super) fn remove(&self) -> io::Result<MutexGuard<'_, ()>> {
        let guard = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(guard),
        }
    }

    fn write(&self) {
        let _one_at_a_time = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let began = Instant::now();
        match self.replace() {
            Ok(bytes) => tracing::info!(bytes, ms = began.elapsed().as_millis(), "a snapshot of the book was written"),
            Err(error) => {
                // A full disk must not stay full because of a cache.
                let _ = fs::remove_file(&self.tmp);
                tracing::warn!(%error, "a snapshot of the book could not be written; the next start reads more of the log");
            }
        }
    }

    fn replace(&self) -> io::Result<u64> {
        // What it takes is guessed from the last one: a cache must not be what fills the disk.
        let bytes = fs::metadata(&self.path).map_or(0, |data| data.len());
        self.room.must_have(bytes).map_err(|error| io::Error::new(io::ErrorKind::StorageFull, error))?;
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&self.tmp)?;
        {
            let book = self.book.read().unwrap_or_else(PoisonError::into_inner);
            self.entries.store(0, Ordering::Relaxed);
            book.save(&file)?;
        }
        file.sync_all()?;
        fs::rename(&self.tmp, &self.path)?;
        if let Some(dir) = self.path.parent() {
            File::open(dir)?.sync_all()?;
        }
        Ok(file.metadata()?.len())
    }
}
