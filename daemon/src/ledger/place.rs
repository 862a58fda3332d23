//! The database's file is there, and is the one that was opened.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::{ARCHIVE, LedgerError};

/// What lies in a data folder once a ledger was used.
const TRACES: [&str; 2] = ["book.snapshot", "attempts.json"];

/// Which file was opened. None: it is no file.
#[derive(Debug, Clone)]
pub(super) struct Place(Option<(PathBuf, u64, u64)>);

impl Place {
    pub(super) const fn nowhere() -> Self {
        Self(None)
    }

    pub(super) fn of(path: &Path) -> Self {
        Self(fs::metadata(path).ok().map(|data| (path.to_owned(), data.dev(), data.ino())))
    }

    /// Whoever deletes or replaces the file under a running process leaves it writing into a file without a name: what it
    /// acknowledges then is lost with it.
    ///
    /// # Errors
    /// If another file is there now, or none.
    pub(super) fn must_be_the_same(&self) -> Result<(), LedgerError> {
        let Some((path, dev, ino)) = &self.0 else { return Ok(()) };
        match fs::metadata(path) {
            Ok(data) if (data.dev(), data.ino()) == (*dev, *ino) => Ok(()),
            Ok(_) => Err(LedgerError::Replaced(path.clone())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(LedgerError::Replaced(path.clone())),
            // Looking may fail where writing does not; that is the storage's to tell.
            Err(_) => Ok(()),
        }
    }
}

/// Whether a ledger may be made here.
///
/// # Errors
/// If one was here before: beginning anew would throw away what is left of it.
pub(super) fn may_begin(dir: &Path, path: &Path) -> Result<(), LedgerError> {
    let archived = fs::read_dir(dir.join(ARCHIVE)).into_iter().flatten().flatten().next().map(|file| file.path());
    let trace = TRACES.iter().map(|name| dir.join(name)).find(|trace| trace.exists()).or(archived);
    match trace {
        Some(trace) => Err(LedgerError::Missing { path: path.to_owned(), trace }),
        None => Ok(()),
    }
}
