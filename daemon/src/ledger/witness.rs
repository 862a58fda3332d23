//! Why a database's storage failed. redb tells the cause to the one who met it, and to everybody else only that there was
//! one; whoever comes first with that must not keep the cause from people.

use std::io;
use std::ops::Bound;
use std::sync::{Arc, OnceLock};

use redb::{BackendError, StorageBackend};

use super::error::of_storage;

/// The first error of a storage, as a message for people.
#[derive(Debug, Clone, Default)]
pub(super) struct FirstError(Arc<OnceLock<String>>);

impl FirstError {
    pub(super) fn message(&self) -> Option<String> {
        self.0.get().cloned()
    }

    fn keep<T>(&self, result: io::Result<T>) -> io::Result<T> {
        result.inspect_err(|error| {
            self.0.get_or_init(|| of_storage(error));
        })
    }
}

/// A storage whose first error is remembered. Whatever redb wants of it is handed on.
#[derive(Debug)]
pub(super) struct Witness<B> {
    pub(super) storage: B,
    pub(super) first: FirstError,
}

impl<B: StorageBackend> StorageBackend for Witness<B> {
    fn len(&self) -> io::Result<u64> {
        self.first.keep(self.storage.len())
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.first.keep(self.storage.read(offset, out))
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.first.keep(self.storage.set_len(len))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.first.keep(self.storage.sync_data())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.first.keep(self.storage.write(offset, data))
    }

    fn close(&self) -> io::Result<()> {
        self.storage.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.storage.try_lock_range(start, end)
    }

    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.storage.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.storage.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.storage.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.storage.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.storage.query_lock_range(start, end)
    }
}
