//! What can go wrong with the ledger, and who must act.

use std::path::PathBuf;

use crate::book::BookError;

/// Why the ledger cannot be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// Another process has it.
    #[error("the ledger {0} is in use by another ltvd; stop it, or leave the work to it")]
    InUse(PathBuf),
    /// Written by a newer version.
    #[error("the ledger {path} has schema {found}, but this ltvd knows schemas up to {known}; install a newer ltvd")]
    TooNew {
        /// Of the database.
        path: PathBuf,
        /// In the file.
        found: u32,
        /// By this program.
        known: u32,
    },
    /// The file is no ledger, or a damaged one.
    #[error("the ledger {path} is damaged: {what}; restore a backup, and keep the damaged file")]
    Damaged {
        /// Of the database.
        path: PathBuf,
        /// What does not fit.
        what: String,
    },
    /// The file system refused.
    #[error("cannot {what} {path}: {source}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// redb refused. After this the process must end: nothing is known about what reached the disk.
    #[error(
        "the ledger's storage failed: {0}; ltvd stops so that nothing is lost, check the disk (is it full?) and start it again"
    )]
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
        matches!(self, Self::Storage(_) | Self::Damaged { .. } | Self::Behind(_))
    }
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
