//! What is under way at this moment, for people who wait. Nothing of it outlives the process.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use tokio::sync::Notify;

use crate::book::Counts;

/// The polling of all integrations.
#[derive(Debug, Default)]
pub struct Polls(Mutex<BTreeMap<String, Arc<Live>>>);

/// The polling of one integration.
#[derive(Debug, Default)]
pub struct Live {
    /// Whoever asks the platform holds it: one pass at a time.
    pub turn: tokio::sync::Mutex<()>,
    /// Held from a look-up in the ledger until the step that follows from it is stored, and for every other change: whatever
    /// is reckoned from what is stored is stored before it changes again.
    pub steps: Arc<Mutex<()>>,
    /// Begins the next pass at once.
    pub wake: Notify,
    now: Mutex<Now>,
}

/// A pass on its way, and when the next one begins.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Now {
    /// A pass is on its way.
    pub running: bool,
    /// Since when, milliseconds since 1970-01-01T00:00:00Z.
    pub since_ms: i64,
    /// Why it reads what it reads.
    pub purpose: Option<&'static str>,
    /// Windows read in this stretch.
    pub windows_done: u32,
    /// Windows of this stretch.
    pub windows: u32,
    /// First day of the window that is read, in the zone of the account.
    pub day: Option<String>,
    /// Objects read in this window.
    pub objects_done: u64,
    /// Objects of this window, if the platform says so.
    pub objects: Option<u64>,
    /// Requests sent in this pass, attempts included.
    pub requests: u64,
    /// Bytes received in this pass.
    pub bytes: u64,
    /// Effect on the ledger so far.
    pub counts: Counts,
    /// Why it waits, if it does.
    pub note: Option<String>,
    /// Milliseconds that the rest of this stretch may take, by how long the first part took.
    pub eta_ms: Option<i64>,
    /// When the next pass begins by itself, milliseconds since 1970-01-01T00:00:00Z.
    pub next_ms: Option<i64>,
    /// A test call of the platform has come to its webhook address at this time.
    pub test_call_ms: Option<i64>,
}

impl Polls {
    /// The one of this integration.
    pub fn of(&self, name: &str) -> Arc<Live> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(all.entry(name.to_owned()).or_default())
    }
}

impl Live {
    /// As it stands.
    pub fn now(&self) -> Now {
        self.now.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes what stands there.
    pub fn set(&self, change: impl FnOnce(&mut Now)) {
        change(&mut self.now.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
