//! What can go wrong with the ledger, and who must act.

use std::io;
use std::path::PathBuf;

use super::is_full;
use crate::book::BookError;
use crate::limits::ledger::ROOM_BYTES;

/// Why the ledger cannot be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// Another process has it.
    #[error("the ledger {0} is in use by another ltvd; stop it, or leave the work to it")]
    InUse(PathBuf),
    /// Written by a newer version.
    #[error(
        "the ledger {path} was written by {}: it has schema {found}, but this ltvd {} knows schemas up to {known}; install the \
         newer ltvd again, or restore a backup that was made before it. Nothing was changed",
        by.as_ref().map_or_else(|| "a newer ltvd".to_owned(), |by| format!("the newer ltvd {by}")),
        env!("CARGO_PKG_VERSION")
    )]
    TooNew {
        /// Of the database.
        path: PathBuf,
        /// In the file.
        found: u32,
        /// By this program.
        known: u32,
        /// Version of the ltvd that wrote it, if the file says.
        by: Option<String>,
    },
    /// The file is no ledger, or a damaged one.
    #[error("the ledger {path} is damaged: {what}; restore a backup, and keep the damaged file")]
    Damaged {
        /// Of the database.
        path: PathBuf,
        /// What does not fit.
        what: String,
    },
    /// It belongs to another user.
    #[error("{0}")]
    NotOurs(String),
    /// The ledger is gone, and what belongs to it is still here.
    #[error(
        "there is no ledger {path}, but there was one: {} is still there. If it was moved away, put it back; if it is lost, restore a \
         backup. To begin anew, move the whole folder away first. Nothing was changed",
        trace.display()
    )]
    Missing {
        /// Of the database.
        path: PathBuf,
        /// What an earlier ledger has left.
        trace: PathBuf,
    },
    /// Somebody deleted or replaced the file under the running process.
    #[error(
        "the ledger {0} was deleted or replaced while ltvd ran; ltvd stops, since nothing that it wrote from now on would last. Put \
         the file back or restore a backup, with ltvd stopped, and start it again"
    )]
    Replaced(PathBuf),
    /// Little is left on the disk, so nothing new is taken in. Nothing has failed.
    #[error(
        "the disk of {folder} {}: {} MiB are free, and {} MiB must be{}. Free some space; it goes on by itself then, and nothing was \
         lost",
        if wanted > &ROOM_BYTES { "has too little room" } else { "is almost full" },
        free >> 20,
        wanted.div_ceil(1 << 20),
        if wanted > &ROOM_BYTES { " for this, a reserve included" } else { " before ltvd takes anything in" }
    )]
    NoRoom {
        /// The data folder.
        folder: PathBuf,
        /// Bytes.
        free: u64,
        /// Bytes that must be free.
        wanted: u64,
    },
    /// The file system refused.
    #[error("cannot {what} {path}: {source}{}", if is_full(source) { "; the disk is full, free some space" } else { "" })]
    Io {
        /// What was tried.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// redb refused. After this the process must end: nothing is known about what reached the disk.
    #[error("{}", of_database(.0))]
    Storage(#[source] redb::Error),
    /// A durable commit could not be taken into the book.
    #[error("the book could not follow the log: {0}; ltvd stops, and reads the log anew at the next start")]
    Behind(#[source] BookError),
    /// The book refused.
    #[error(transparent)]
    Book(#[from] BookError),
    /// What is asked for cannot be done now; later it can.
    #[error("{0}")]
    NotNow(String),
    /// A record could not be encoded.
    #[error("a record could not be encoded: {0}")]
    Encode(String),
}

impl LedgerError {
    /// True if the process must end: the state on disk is not known any more.
    pub fn is_fatal(&self) -> bool {
        matches!(self, Self::Storage(_) | Self::Damaged { .. } | Self::Replaced(_) | Self::Behind(_))
    }

    /// True if the disk has no room: it is for a person to free some.
    pub fn is_disk_full(&self) -> bool {
        match self {
            Self::NoRoom { .. } => true,
            Self::Io { source, .. } | Self::Storage(redb::Error::Io(source)) => is_full(source),
            _ => false,
        }
    }
}

fn of_database(error: &redb::Error) -> String {
    match error {
        redb::Error::Io(cause) => of_storage(cause),
        other => failed(other),
    }
}

/// For people: what a failure of the storage means.
pub(super) fn of_storage(cause: &io::Error) -> String {
    if is_full(cause) {
        return format!(
            "the disk is full: the ledger cannot be written ({cause}). ltvd stops, and has acknowledged nothing that is not on \
             the disk; free some space and start it again"
        );
    }
    failed(cause)
}

fn failed(cause: &dyn std::error::Error) -> String {
    format!(
        "the ledger's storage failed: {cause}; ltvd stops, and has acknowledged nothing that is not on the disk; check the disk \
         and start it again"
    )
}

macro_rules! storage {
    ($($error:ty),*) => {$(
        impl From<$error> for LedgerError {
            fn from(error: $error) -> Self {
                Self::Storage(error.into())
            }
        }
    )*};
}

storage!(
    redb::Error,
    redb::StorageError,
    redb::TableError,
    redb::TransactionError,
    redb::CommitError,
    redb::SetDurabilityError
);
