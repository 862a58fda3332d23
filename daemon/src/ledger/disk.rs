//! What the ledger asks of the disk beside its database: the seam at which tests let it fail, as
//! [`redb::StorageBackend`] is for the database.

use std::fmt::Debug;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::LedgerError;
use crate::limits::ledger::{ROOM_BYTES, ROOM_LOOK_BYTES};

/// The disk that holds the data folder.
pub trait Disk: Debug + Send + Sync + 'static {
    /// Begins a new file that only its owner may read.
    ///
    /// # Errors
    /// If there is one already, or the disk refuses.
    fn create(&self, path: &Path) -> io::Result<Box<dyn Output>>;

    /// Renames a file, over another one if there is one.
    ///
    /// # Errors
    /// If the disk refuses.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Makes durable which files a folder has.
    ///
    /// # Errors
    /// If the disk refuses.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;

    /// Bytes that can still be written beneath this folder.
    ///
    /// # Errors
    /// If the disk does not say.
    fn free_bytes(&self, folder: &Path) -> io::Result<u64>;
}

/// A file that is being written.
pub trait Output: Write + Send {
    /// Makes durable what was written.
    ///
    /// # Errors
    /// If the disk refuses; then nothing is known about what is on it.
    fn sync(&mut self) -> io::Result<()>;
}

/// The disk itself.
#[derive(Debug)]
pub struct RealDisk;

impl Disk for RealDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn Output>> {
        Ok(Box::new(OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        File::open(folder)?.sync_all()
    }

    fn free_bytes(&self, folder: &Path) -> io::Result<u64> {
        let disk = rustix::fs::statvfs(folder)?;
        Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
    }
}

impl Output for File {
    fn sync(&mut self) -> io::Result<()> {
        self.sync_all()
    }
}

/// Whether the disk has no place left, or none for this user or this file.
pub(crate) fn is_full(error: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge)
}

/// Watches that something is left: a database that meets the end of the disk in a commit takes the process with it, so
/// nothing new is taken in shortly before.
#[derive(Debug, Clone)]
pub(super) struct Room {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
}

impl Room {
    pub(super) fn new(disk: Arc<dyn Disk>, folder: &Path) -> Self {
        Self { disk, folder: folder.to_owned() }
    }

    /// Fails unless the reserve and so many bytes are free. A disk that does not say is trusted.
    pub(super) fn must_have(&self, bytes: u64) -> Result<(), LedgerError> {
        match self.disk.free_bytes(&self.folder) {
            Ok(free) if free < ROOM_BYTES.saturating_add(bytes) => {
                Err(LedgerError::NoRoom { folder: self.folder.clone(), free, wanted: ROOM_BYTES.saturating_add(bytes) })
            }
            _ => Ok(()),
        }
    }

    /// As [`Self::must_have`] without any bytes, for those who write a file.
    pub(super) fn must_last(&self) -> io::Result<()> {
        self.must_have(0).map_err(|error| io::Error::new(io::ErrorKind::StorageFull, error))
    }
}

/// A writer that looks now and then whether there is still room.
pub(super) struct Watched {
    pub(super) output: Box<dyn Output>,
    room: Room,
    /// Bytes until the next look.
    left: usize,
}

impl Watched {
    pub(super) fn new(output: Box<dyn Output>, room: Room) -> Self {
        Self { output, room, left: ROOM_LOOK_BYTES }
    }
}

impl Write for Watched {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.output.write(bytes)?;
        self.left = match self.left.checked_sub(written) {
            Some(left) => left,
            None => {
                self.room.must_last()?;
                ROOM_LOOK_BYTES
            }
        };
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}
