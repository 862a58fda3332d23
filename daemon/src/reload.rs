//! Takes over changes of configuration and connectors while the daemon runs: all or nothing.
//!
//! Folders are watched, and looked at regularly as well, since network file systems send no events. A change is read when it
//! has settled. Whatever is wrong with it leaves in force what was.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use notify::{Event, RecursiveMode, Watcher};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Mutex, Notify, mpsc, oneshot};
use tokio::time::{Instant, sleep};

use crate::app::{App, InForce};
use crate::doors::{drop_folder::matters, inbox};
use crate::limits::reload as limits;
use crate::service;
use crate::supervise::{TaskError, blocking};

/// Somebody wants configuration and connectors to be read again, and to hear what is wrong.
#[derive(Debug)]
pub struct Asked {
    /// Hears what is in force now, or why that is still what it was.
    pub answer: oneshot::Sender<Result<Arc<App>, Vec<String>>>,
}

/// Where wishes arrive. It outlives the task that takes them.
pub type Wishes = Arc<Mutex<mpsc::Receiver<Asked>>>;

/// Makes the daemon take wishes for a reload.
pub fn wishes(app: &App) -> Wishes {
    let (wish, wishes) = mpsc::channel(limits::WISHES);
    // There is one daemon in a process.
    let _ = app.process.reload.set(wish);
    Arc::new(Mutex::new(wishes))
}

/// How every file that counts looks: length, time of change, and which file it is.
type Look = BTreeMap<PathBuf, Option<(u64, Option<SystemTime>, u64)>>;

/// Follows changes until the daemon ends.
///
/// # Errors
/// If signals cannot be received.
pub async fn run(in_force: InForce, wishes: Wishes) -> Result<(), TaskError> {
    let mut wishes = wishes.lock().await;
    let mut hangup = signal(SignalKind::hangup())?;
    let changed = Arc::new(Notify::new());
    let mut watching = Watching::of(&in_force.now(), &changed);
    let mut seen = look(&in_force).await?;
    let mut failed = None;
    loop {
        let why = next(&mut wishes, &mut hangup, &changed).await;
        let now = look(&in_force).await?;
        let worth_another_try = failed.is_some_and(|since: Instant| since.elapsed() >= limits::RETRY);
        let answer = match why {
            Why::Asked(asked) => Some(asked.answer),
            Why::Signal => None,
            Why::Looked if now == seen && !worth_another_try => continue,
            Why::Looked => None,
        };
        seen = settled(&in_force, now).await?;
        let problems = reload(&in_force).await;
        failed = (!problems.is_empty()).then(Instant::now);
        if let Some(answer) = answer {
            // Who asked may have gone.
            let _ = answer.send(if problems.is_empty() { Ok(in_force.now()) } else { Err(problems) });
        }
        watching.follow(&in_force.now(), &changed);
        // Other files may count now than did before.
        let now = look(&in_force).await?;
        seen.retain(|path, _| now.contains_key(path));
        for (path, look) in now {
            seen.entry(path).or_insert(look);
        }
    }
}

/// Why configuration and connectors may have to be read again.
enum Why {
    Asked(Asked),
    Signal,
    Looked,
}

async fn next(wishes: &mut mpsc::Receiver<Asked>, hangup: &mut Signal, changed: &Notify) -> Why {
    tokio::select! {
        Some(asked) = wishes.recv() => Why::Asked(asked),
        Some(()) = hangup.recv() => Why::Signal,
        () = changed.notified() => Why::Looked,
        () = sleep(limits::LOOK) => Why::Looked,
    }
}

/// Waits until the files stay as they are, or until that has taken too long.
async fn settled(in_force: &InForce, mut seen: Look) -> Result<Look, TaskError> {
    for _ in 0..limits::SETTLE_LOOKS {
        sleep(limits::SETTLE).await;
        let again = look(in_force).await?;
        if again == seen {
            break;
        }
        seen = again;
    }
    Ok(seen)
}

/// Reads everything again and swaps it, or says why not.
async fn reload(in_force: &InForce) -> Vec<String> {
    service::reloading();
    let app = in_force.now();
    let looker = Arc::clone(&app);
    let looked = blocking(move || Ok::<_, TaskError>(looker.look_again())).await;
    let looked = looked.unwrap_or_else(|error| Err(vec![format!("ltvd failed while it read the change: {error}")]));
    let problems = match looked {
        Ok((new, warnings)) => {
            for warning in warnings {
                tracing::warn!("{warning}");
            }
            tracing::info!(
                integrations = new.config.integrations.len(),
                connectors = new.registry.connectors.len(),
                hash = new.hash,
                "configuration and connectors were read again and are in force"
            );
            in_force.replace(new);
            Vec::new()
        }
        Err(problems) => {
            // Told once, not at each look.
            let known = app.process.last_reload().is_some_and(|last| last.problems == problems);
            if !known {
                tracing::error!(
                    "a change of configuration or connectors was not taken over; what was in force still is\n\n{}",
                    problems.join("\n\n")
                );
            }
            problems
        }
    };
    app.process.reloaded(problems.clone());
    service::ready(if problems.is_empty() {
        "in force"
    } else {
        "a changed configuration was refused; see `ltvd status`"
    });
    problems
}

async fn look(in_force: &InForce) -> Result<Look, TaskError> {
    let app = in_force.now();
    blocking(move || Ok::<_, TaskError>(look_at_all(&app))).await
}

fn look_at_all(app: &App) -> Look {
    let connectors = std::fs::read_dir(&app.config.paths.connectors_dir).into_iter().flatten().flatten();
    let connectors = connectors
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("wasm")));
    app.files().cloned().chain(connectors).map(|path| (path.clone(), look_at(&path))).collect()
}

fn look_at(path: &Path) -> Option<(u64, Option<SystemTime>, u64)> {
    use std::os::unix::fs::MetadataExt as _;
    let data = std::fs::metadata(path).ok()?;
    Some((data.len(), data.modified().ok(), data.ino()))
}

/// Events from the folders where changes happen.
struct Watching {
    folders: Vec<PathBuf>,
    _watcher: Option<notify::RecommendedWatcher>,
}

impl Watching {
    fn of(app: &App, changed: &Arc<Notify>) -> Self {
        let folders = folders(app);
        let changed = Arc::clone(changed);
        let told = move |event: notify::Result<Event>| {
            if event.is_ok_and(|event| matters(event.kind)) {
                changed.notify_one();
            }
        };
        let made = notify::recommended_watcher(told).and_then(|mut watcher| {
            // Folders, since editors write another file and rename it.
            folders.iter().try_for_each(|folder| watcher.watch(folder, RecursiveMode::NonRecursive))?;
            Ok(watcher)
        });
        let made = made.inspect_err(|error| {
            tracing::info!(%error, "no events from the folders of configuration and connectors; they are looked at regularly");
        });
        Self { folders, _watcher: made.ok() }
    }

    fn follow(&mut self, app: &App, changed: &Arc<Notify>) {
        if self.folders != folders(app) {
            *self = Self::of(app, changed);
        }
    }
}

fn folders(app: &App) -> Vec<PathBuf> {
    let mut folders: Vec<_> = app.files().filter_map(|file| file.parent()).map(Path::to_owned).collect();
    folders.push(app.config.paths.connectors_dir.clone());
    folders.sort();
    folders.dedup();
    folders.retain(|folder| folder.is_dir());
    folders
}

/// What is to be done whenever something else is in force, and at the start: deliveries that an older connector could not
/// read are read again, and the view that most questions ask for is made.
///
/// # Errors
/// If the ledger fails.
pub async fn upkeep(in_force: InForce) -> Result<(), TaskError> {
    let mut changes = in_force.changes();
    loop {
        let app = Arc::clone(&changes.borrow_and_update());
        let upgraded = Arc::clone(&app);
        let retried =
            blocking(move || inbox::retry_after_upgrade(&upgraded).inspect_err(|error| upgraded.check_fatal(error)));
        let deliveries = retried.await?;
        if deliveries > 0 {
            tracing::info!(deliveries, "deliveries in quarantine were read again: their connector has changed");
        }
        blocking(move || {
            app.warm();
            Ok::<_, TaskError>(())
        })
        .await?;
        changes.changed().await?;
    }
}
