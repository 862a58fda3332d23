//! What is being read at this moment, in a small file, so that the next start knows what the process died of.
//!
//! A connector cannot end the process, and a panic is caught; but a delivery may still make the daemon run out of memory, or
//! find a fault that aborts. It would be read first again after each start, and nothing behind it ever would. So what is read
//! is named in the file as long as it is read. Whatever is still named there at a start has seen the process die: it waits
//! until the rest has been read, longer each time, and goes to quarantine when that has happened often enough in a row.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::limits::supervise::SUSPECT_PAUSES;

const FILE: &str = "attempts.json";

/// Reads that are on their way, and those that ended with the process.
#[derive(Debug, Clone)]
pub struct Attempts(Arc<Mutex<Notebook>>);

#[derive(Debug)]
struct Notebook {
    book: Book,
    /// None if it cannot be written; then nothing is found out.
    file: Option<File>,
    /// What the file held last, bytes.
    length: usize,
    /// When this process began.
    opened: Instant,
    /// The process is about to end because it was told to.
    ending: bool,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Book {
    under_way: BTreeSet<String>,
    /// How often in a row the process died while this was read.
    deaths: BTreeMap<String, u32>,
}

/// One read. It is over when this is dropped.
#[derive(Debug)]
pub struct Attempt {
    of: Attempts,
    what: String,
}

impl Attempts {
    /// Looks at what the last process left. Call it once in a process, when no other has the folder.
    pub fn open(data_dir: &Path) -> Self {
        let path = data_dir.join(FILE);
        // A file that is missing or damaged only forgets.
        let mut book: Book =
            std::fs::read(&path).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
        for what in std::mem::take(&mut book.under_way) {
            let deaths = book.deaths.entry(what).or_default();
            *deaths = deaths.saturating_add(1);
        }
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
        let file = file.inspect_err(|error| {
            tracing::warn!(path = %path.display(), %error, "a delivery that ends ltvd would not be found out");
        });
        let length = std::fs::metadata(&path).map_or(0, |data| usize::try_from(data.len()).unwrap_or(0));
        let mut notebook = Notebook { book, file: file.ok(), length, opened: Instant::now(), ending: false };
        notebook.write();
        Self(Arc::new(Mutex::new(notebook)))
    }

    /// How often in a row the process died while this was read.
    pub fn deaths(&self, what: &str) -> u32 {
        self.notebook().book.deaths.get(what).copied().unwrap_or(0)
    }

    /// How long this has still to wait, if it was being read when the process died.
    pub fn waits(&self, what: &str) -> Option<Duration> {
        let notebook = self.notebook();
        let deaths = notebook.book.deaths.get(what).copied().unwrap_or(0);
        let pause = usize::try_from(deaths).ok()?.checked_sub(1).and_then(|place| SUSPECT_PAUSES.get(place))?;
        pause.checked_sub(notebook.opened.elapsed()).filter(|left| !left.is_zero())
    }

    /// Begins to read this.
    pub fn begin(&self, what: String) -> Attempt {
        let mut notebook = self.notebook();
        if !notebook.ending {
            notebook.book.under_way.insert(what.clone());
            notebook.write();
        }
        Attempt { of: self.clone(), what }
    }

    /// This is not tried any more.
    pub fn forget(&self, what: &str) {
        let mut notebook = self.notebook();
        if notebook.book.deaths.remove(what).is_some() {
            notebook.write();
        }
    }

    /// The process ends because it was told to: what is still being read has no part in that.
    pub fn end(&self) {
        let mut notebook = self.notebook();
        notebook.ending = true;
        notebook.book.under_way.clear();
        notebook.write();
    }

    fn notebook(&self) -> std::sync::MutexGuard<'_, Notebook> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        let mut notebook = self.of.notebook();
        notebook.book.under_way.remove(&self.what);
        notebook.book.deaths.remove(&self.what);
        notebook.write();
    }
}

impl Notebook {
    /// One write, without waiting for the disk: it must outlive the process, not the machine. What was longer before is
    /// overwritten with spaces, so that no moment finds half of two.
    fn write(&mut self) {
        let Some(file) = &self.file else { return };
        let mut text = serde_json::to_vec(&self.book).unwrap_or_default();
        let length = text.len();
        text.resize(length.max(self.length), b' ');
        self.length = length;
        if let Err(error) = file.write_all_at(&text, 0) {
            tracing::warn!(%error, "a delivery that ends ltvd would not be found out");
            self.file = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a start after a crash finds: nothing was dropped in order.
    fn crash(attempts: &Attempts, dir: &Path) -> Attempts {
        let left = std::fs::read(dir.join(FILE)).unwrap();
        drop(attempts.clone());
        std::fs::write(dir.join(FILE), left).unwrap();
        Attempts::open(dir)
    }

    #[test]
    fn what_was_read_when_the_process_died_is_counted() {
        let dir = tempfile::tempdir().unwrap();
        let mut attempts = Attempts::open(dir.path());
        for deaths in 0..3 {
            assert_eq!(attempts.deaths("delivery 7"), deaths);
            // The second time it waits long enough for this to be seen on a slow machine.
            assert!(deaths == 1 || attempts.waits("delivery 7").is_some() == (deaths == 2));
            drop(attempts.begin("delivery 6".to_owned()));
            let begun = attempts.begin("delivery 7".to_owned());
            let next = crash(&attempts, dir.path());
            std::mem::forget(begun);
            attempts = next;
        }
        assert_eq!((attempts.deaths("delivery 7"), attempts.deaths("delivery 6")), (3, 0));
        // One good end, and it begins anew.
        drop(attempts.begin("delivery 7".to_owned()));
        assert_eq!(crash(&attempts, dir.path()).deaths("delivery 7"), 0);
    }

    #[test]
    fn an_end_in_order_is_nobodys_fault() {
        let dir = tempfile::tempdir().unwrap();
        let attempts = Attempts::open(dir.path());
        std::mem::forget(attempts.begin("delivery 1".to_owned()));
        attempts.end();
        assert_eq!(crash(&attempts, dir.path()).deaths("delivery 1"), 0);
    }

    #[test]
    fn a_damaged_file_only_forgets() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(FILE), "{\"under_way\": [\"delivery").unwrap();
        let attempts = Attempts::open(dir.path());
        assert_eq!(attempts.deaths("delivery 1"), 0);
        std::mem::forget(attempts.begin("delivery 1".to_owned()));
        assert_eq!(crash(&attempts, dir.path()).deaths("delivery 1"), 1);
    }
}
