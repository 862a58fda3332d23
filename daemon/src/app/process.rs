//! What lasts as long as the process, whatever configuration and connectors are in force.

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use tokio::sync::{Notify, Semaphore, mpsc};

use crate::clock::now_ms;
use crate::doors::attempts::Attempts;
use crate::doors::drop_folder::Notes;
use crate::limits::api::UPLOADS;
use crate::limits::doors::RUSH_SEEN;
use crate::live::Polls;
use crate::metrics::Metrics;
use crate::reload::Asked;
use crate::supervise::Supervisor;

/// What a daemon keeps in mind while it runs.
#[derive(Debug)]
pub struct Process {
    /// Wakes the reader of the inbox.
    pub inbox: Notify,
    /// Whether webhooks come faster than one by one.
    pub rush: Rush,
    /// The daemon is about to end: whoever waits for something long is told so.
    pub stopping: AtomicBool,
    /// What is asked of platforms at this moment.
    pub polls: Polls,
    /// When it began.
    pub started: Instant,
    /// What the drop folder did last, by path, for people who look at the status.
    pub drop_notes: Mutex<Notes>,
    /// Whoever reads the drop folder holds it.
    pub drop_turn: Mutex<()>,
    /// For each file that may still be uploaded.
    pub uploads: Arc<Semaphore>,
    /// Its long tasks.
    pub tasks: Supervisor,
    /// What it counts.
    pub metrics: Metrics,
    /// What is being read, so that whatever kills the process is found out.
    pub attempts: Attempts,
    /// Takes wishes to read configuration and connectors again; empty where no daemon runs.
    pub reload: OnceLock<mpsc::Sender<Asked>>,
    /// What became of the last look at a changed configuration.
    pub last_reload: Mutex<Option<LastReload>>,
    pub(super) fatal: Mutex<Option<String>>,
    /// Woken when the daemon must end.
    pub ended: Notify,
}

/// Remembers when webhooks last came faster than one by one.
#[derive(Debug, Default)]
pub struct Rush(Mutex<Option<Instant>>);

impl Rush {
    /// They do now.
    pub fn goes_on(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// True if they did a moment ago.
    pub fn is_on(&self) -> bool {
        let seen = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.is_some_and(|seen| seen.elapsed() < RUSH_SEEN)
    }
}

/// What became of reading configuration and connectors again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastReload {
    /// When, milliseconds since 1970-01-01T00:00:00Z.
    pub at_ms: i64,
    /// Why what was in force before still is; empty where the new one is.
    pub problems: Vec<String>,
}

impl Process {
    pub(super) fn new(data_dir: &Path) -> Self {
        Self {
            inbox: Notify::new(),
            rush: Rush::default(),
            stopping: AtomicBool::new(false),
            polls: Polls::default(),
            started: Instant::now(),
            drop_notes: Mutex::default(),
            drop_turn: Mutex::default(),
            uploads: Arc::new(Semaphore::new(UPLOADS)),
            tasks: Supervisor::default(),
            metrics: Metrics::new(),
            attempts: Attempts::open(data_dir),
            reload: OnceLock::new(),
            last_reload: Mutex::default(),
            fatal: Mutex::default(),
            ended: Notify::new(),
        }
    }

    /// What became of the last look at a changed configuration, if there was one.
    pub fn last_reload(&self) -> Option<LastReload> {
        self.last_reload.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Keeps what became of it.
    pub fn reloaded(&self, problems: Vec<String>) {
        let last = LastReload { at_ms: now_ms(), problems };
        *self.last_reload.lock().unwrap_or_else(PoisonError::into_inner) = Some(last);
    }
}
