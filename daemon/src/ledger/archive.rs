//! Files as they arrived, compressed, by the hash of their raw bytes.
//!
//! They lie beside the database: a file is synced and in place before the commit that names it, so a crash leaves at most a
//! file that nothing names, and the next start sets it aside.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use redb::{ReadableDatabase, ReadableTable};

use crate::limits::ledger as limits;

use super::disk::{Disk, Output, Watched};
use super::tables::IMPORTS;
use super::{ARCHIVE, Ledger, LedgerError, make_private_dir};

/// Folder in the archive for files that the ledger does not know.
const UNKNOWN: &str = "unknown";

/// A file on its way into the archive, compressed by a thread of its own. Dropped without [`ArchiveWriter::keep`], it is
/// gone.
pub struct ArchiveWriter {
    pieces: Option<SyncSender<Vec<u8>>>,
    compressor: Option<JoinHandle<io::Result<Box<dyn Output>>>>,
    disk: Arc<dyn Disk>,
    tmp: PathBuf,
    dir: PathBuf,
    /// It lies where it belongs.
    kept: bool,
}

impl std::fmt::Debug for ArchiveWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ArchiveWriter").field("tmp", &self.tmp).finish_non_exhaustive()
    }
}

impl Ledger {
    /// Starts to archive a file.
    ///
    /// # Errors
    /// If no file can be made in the data folder.
    pub fn archive(&self) -> Result<ArchiveWriter, LedgerError> {
        self.room.must_have(0)?;
        let tmp = self.tmp_dir().join(format!("archive-{}", self.number_delivery()));
        let file = self.disk.create(&tmp);
        let file = file.map_err(|source| LedgerError::Io { what: "make the file", path: tmp.clone(), source })?;
        let file = Watched::new(file, self.room.clone());
        let (pieces, arriving) = sync_channel(limits::PIECES_WAITING);
        let compressor = thread::Builder::new()
            .name("archive".into())
            .spawn(move || compress(file, &arriving))
            .map_err(|source| LedgerError::Io { what: "start a thread for", path: tmp.clone(), source })?;
        Ok(ArchiveWriter {
            pieces: Some(pieces),
            compressor: Some(compressor),
            disk: Arc::clone(&self.disk),
            tmp,
            dir: self.dir.join(ARCHIVE),
            kept: false,
        })
    }

    /// The raw bytes of an archived file.
    ///
    /// # Errors
    /// If it is not there or cannot be read.
    pub fn archived(&self, sha256: &str) -> Result<impl Read + use<>, LedgerError> {
        let path = archive_path(&self.dir.join(ARCHIVE), sha256);
        File::open(&path).and_then(zstd::Decoder::new).map_err(|source| LedgerError::Io {
            what: "read the archived file",
            path,
            source,
        })
    }

    pub(super) fn sweep_archive(&self) -> Result<(), LedgerError> {
        let table = self.db.begin_read()?.open_table(IMPORTS)?;
        let mut named = HashSet::new();
        for item in table.iter()? {
            let (key, _) = item?;
            named.insert(format!("{}.zst", key.value().1));
        }
        let unknown = self.dir.join(ARCHIVE).join(UNKNOWN);
        let mut set_aside = 0_usize;
        for file in fs::read_dir(self.dir.join(ARCHIVE)).into_iter().flatten().flatten() {
            let name = file.file_name();
            if !name.to_str().is_some_and(|name| name.ends_with(".zst") && !named.contains(name)) {
                continue;
            }
            // An import that a crash kept from its commit, or all that came after the backup that was put back: who can tell.
            make_private_dir(&unknown)?;
            match fs::rename(file.path(), unknown.join(name)) {
                Ok(()) => set_aside += 1,
                Err(error) => {
                    tracing::warn!(path = %file.path().display(), %error, "an unknown file stays in the archive")
                }
            }
        }
        if set_aside > 0 {
            tracing::warn!(
                files = set_aside,
                folder = %unknown.display(),
                "the archive has files that the ledger does not know, as after a crash in the middle of an import or with an older \
                 ledger put back; they are set aside. `zstd -d` shows them; import again what is missing, and delete the rest"
            );
        }
        Ok(())
    }

    /// Deletes what was set aside: nobody knows whom it names.
    pub(super) fn delete_unknown(&self) -> Result<(), LedgerError> {
        let path = self.dir.join(ARCHIVE).join(UNKNOWN);
        match fs::remove_dir_all(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(LedgerError::Io { what: "delete", path, source })
            }
            _ => Ok(()),
        }
    }
}

impl ArchiveWriter {
    /// Puts the file in its place, synced. The same file again is kept once.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn keep(mut self, sha256: &str) -> Result<(), LedgerError> {
        let path = archive_path(&self.dir, sha256);
        let io = |what, source| LedgerError::Io { what, path: path.clone(), source };
        let mut file = self.compressed().map_err(|error| io("compress into", error))?;
        file.sync().map_err(|error| io("sync", error))?;
        self.disk.rename(&self.tmp, &path).map_err(|error| io("move into the archive", error))?;
        self.kept = true;
        // A copy that a crash kept from its commit is of no use any more.
        if let Some(name) = path.file_name() {
            let _ = fs::remove_file(self.dir.join(UNKNOWN).join(name));
        }
        self.disk.sync_folder(&self.dir).map_err(|error| io("sync the folder of", error))
    }
}

impl ArchiveWriter {
    /// Ends the stream and waits for the thread.
    fn compressed(&mut self) -> io::Result<Box<dyn Output>> {
        drop(self.pieces.take());
        let gone = || io::Error::other("the compressing thread is gone");
        self.compressor.take().ok_or_else(gone)?.join().map_err(|_| gone())?
    }
}

fn compress(file: Watched, arriving: &Receiver<Vec<u8>>) -> io::Result<Box<dyn Output>> {
    let mut encoder = zstd::Encoder::new(file, 1)?;
    for piece in arriving {
        encoder.write_all(&piece)?;
    }
    Ok(encoder.finish()?.output)
}

impl Write for ArchiveWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let sent = self.pieces.as_ref().is_some_and(|pieces| pieces.send(bytes.to_vec()).is_ok());
        if sent {
            return Ok(bytes.len());
        }
        // The thread has met an error and ended: that error is the answer.
        Err(self.compressed().err().unwrap_or_else(|| io::Error::other("the archive takes no more bytes")))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for ArchiveWriter {
    fn drop(&mut self) {
        if self.compressor.is_some() {
            // Nothing of it is kept, whatever the thread says.
            let _ = self.compressed();
        }
        if !self.kept {
            // A disk that is full must not stay so because of it; the next start tries again.
            let _ = fs::remove_file(&self.tmp);
        }
    }
}

pub(super) fn archive_path(dir: &Path, sha256: &str) -> PathBuf {
    dir.join(format!("{sha256}.zst"))
}
