//! The drop folder: a file that has settled is imported, then moved to `done/` or `failed/` beside where it lay, with a report.
//!
//! The folder is looked at regularly as well as on events, since network file systems send none. A file that cannot be
//! read for a passing reason stays where it is.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecursiveMode, Watcher};
use tokio::sync::Notify;

use crate::app::{App, InForce};
use crate::limits::doors as limits;
use crate::limits::supervise::DEATHS;
use crate::supervise::{TaskError, blocking};

use super::import::{self, ImportError, Request};
use super::import_report::write_refused;

/// Names that programs give to files which are still being written.
const UNFINISHED: [&str; 5] = [".tmp", ".part", ".partial", ".crdownload", ".download"];
/// Longest parts of a name that a file keeps when it is moved, bytes, so that a number and the report's ending find room.
const STEM_BYTES: usize = 200;
const ENDING_BYTES: usize = 16;
const DONE: &str = "done";
const FAILED: &str = "failed";

/// How a file looked, to see whether it has settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Look {
    bytes: u64,
    modified: Option<SystemTime>,
}

#[derive(Debug)]
struct Seen {
    look: Look,
    /// When it may be taken.
    ready: Instant,
    /// It was read already and could not be moved. It is not read again: it would win over what came in since.
    verdict: Option<Verdict>,
}

/// What became of a file: the folder it belongs into, and its report.
#[derive(Debug)]
struct Verdict {
    folder: &'static str,
    report: String,
}

/// A file in the folder, and the integration whose folder it lies in.
#[derive(Debug, Clone)]
struct Found {
    path: PathBuf,
    integration: Option<String>,
    look: Look,
}

/// The name of the task.
pub const TASK: &str = "drop folder";

/// Watches the folder that is configured now until the daemon ends.
///
/// # Errors
/// If the folder cannot be made or read.
pub async fn run(in_force: InForce) -> Result<(), TaskError> {
    let mut changes = in_force.changes();
    let mut app = Arc::clone(&changes.borrow_and_update());
    make_folders(&app)?;
    let dir = app.config.paths.drop_dir.clone();
    let changed = Arc::new(Notify::new());
    let _watcher = watch(&dir, Arc::clone(&changed));
    let mut seen: HashMap<PathBuf, Seen> = HashMap::new();
    loop {
        let worker = Arc::clone(&app);
        let (kept, unsettled) = blocking(move || {
            // What was begun for another configuration may still be under way.
            let _turn = worker.process.drop_turn.lock().unwrap_or_else(PoisonError::into_inner);
            let unsettled = look(&worker, &mut seen)?;
            Ok::<_, io::Error>((seen, unsettled))
        })
        .await?;
        seen = kept;
        // Files on their way are looked at as soon as they may have settled.
        let pause =
            if unsettled { app.config.drop.settle.max(Duration::from_millis(50)) } else { app.config.drop.scan };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = changed.notified(), if !unsettled => {}
            _ = changes.changed() => {
                let now = Arc::clone(&changes.borrow_and_update());
                // Who keeps this task ends it when the folder is another one, or none.
                if now.config.paths.drop_dir == dir {
                    app = now;
                    make_folders(&app)?;
                }
            }
        }
    }
}

/// Makes the folder and one for each enabled integration, so that people see where files go.
fn make_folders(app: &App) -> Result<(), TaskError> {
    let dir = &app.config.paths.drop_dir;
    let folders = app.config.integrations.iter().filter(|(_, integration)| integration.enabled);
    for folder in std::iter::once(dir.clone()).chain(folders.map(|(name, _)| dir.join(name))) {
        fs::create_dir_all(&folder)
            .map_err(|error| format!("{}: the folder cannot be made: {error}", folder.display()))?;
    }
    Ok(())
}

fn watch(dir: &Path, changed: Arc<Notify>) -> Option<notify::RecommendedWatcher> {
    let told = move |event: notify::Result<Event>| {
        // Looking at the folder is an event as well: waking up for it would never end.
        if event.is_ok_and(|event| matters(event.kind)) {
            changed.notify_one();
        }
    };
    let made = notify::recommended_watcher(told).and_then(|mut watcher| {
        watcher.watch(dir, RecursiveMode::Recursive)?;
        Ok(watcher)
    });
    made.inspect_err(|error| tracing::info!(%error, "no events from the drop folder; it is looked at regularly")).ok()
}

/// Whether an event can mean that there is something new.
pub(crate) fn matters(kind: EventKind) -> bool {
    !kind.is_access() || kind == EventKind::Access(AccessKind::Close(AccessMode::Write))
}

/// Imports what has settled. True if something has not settled yet.
fn look(app: &App, seen: &mut HashMap<PathBuf, Seen>) -> io::Result<bool> {
    let dir = &app.config.paths.drop_dir;
    let found = list(app)
        .map_err(|error| io::Error::other(format!("{}: the folder cannot be read: {error}", dir.display())))?;
    let there: HashSet<&Path> = found.iter().map(|file| file.path.as_path()).collect();
    seen.retain(|path, _| there.contains(path.as_path()));
    forget_gone(app);
    let mut unsettled = false;
    for mut file in found {
        // Reading the files before it may have taken long.
        let Some(look) = look_at(&file.path) else { continue };
        file.look = look;
        let now = Instant::now();
        if app.process.attempts.waits(&attempt_at(&file)).is_some() {
            unsettled = true;
            continue;
        }
        let verdict = match seen.get_mut(&file.path) {
            Some(before) if before.look == look => {
                if now < before.ready {
                    unsettled = true;
                    continue;
                }
                before.verdict.take()
            }
            _ => {
                seen.insert(file.path, Seen { look, ready: now + app.config.drop.settle, verdict: None });
                unsettled = true;
                continue;
            }
        };
        match take(app, &file, verdict) {
            Taken::Away => {
                seen.remove(&file.path);
            }
            Taken::Stays(verdict) => {
                seen.insert(file.path, Seen { look, ready: Instant::now() + limits::RETRY, verdict });
            }
        }
    }
    Ok(unsettled)
}

fn list(app: &App) -> io::Result<Vec<Found>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(&app.config.paths.drop_dir)? {
        let path = entry?.path();
        let Some(name) = path.file_name().map(|name| name.to_string_lossy().into_owned()) else { continue };
        if path.is_dir() {
            if name == DONE || name == FAILED || name.starts_with('.') {
                continue;
            }
            if app.config.integrations.contains_key(&name) {
                match fs::read_dir(&path).and_then(Iterator::collect::<io::Result<Vec<_>>>) {
                    Ok(entries) => found.extend(entries.iter().filter_map(|entry| as_file(entry.path(), Some(&name)))),
                    // The other folders are read all the same.
                    Err(error) => {
                        let text = format!("it cannot be read: {error}");
                        if note(app, &path, &text) {
                            tracing::warn!(folder = %path.display(), "{text}");
                        }
                    }
                }
            } else {
                const UNKNOWN: &str = "no integration has the name of this folder; its files are not read";
                if note(app, &path, UNKNOWN) {
                    tracing::warn!(folder = %path.display(), "{UNKNOWN}");
                }
            }
        } else {
            found.extend(as_file(path, None));
        }
    }
    found.sort_by(|a, b| (a.look.modified, &a.path).cmp(&(b.look.modified, &b.path)));
    Ok(found)
}

fn as_file(path: PathBuf, integration: Option<&str>) -> Option<Found> {
    let name = path.file_name()?.to_string_lossy().to_ascii_lowercase();
    let hidden = name.starts_with('.') || name.starts_with('~');
    if hidden || UNFINISHED.iter().any(|ending| name.ends_with(ending)) {
        return None;
    }
    let look = look_at(&path)?;
    Some(Found { path, integration: integration.map(str::to_owned), look })
}

/// How a file looks now. Links are not followed: they could lead anywhere.
fn look_at(path: &Path) -> Option<Look> {
    let data = fs::symlink_metadata(path).ok().filter(fs::Metadata::is_file)?;
    Some(Look { bytes: data.len(), modified: data.modified().ok() })
}

/// Where a file is after it was taken.
enum Taken {
    /// Not here any more.
    Away,
    /// Still here. With a verdict it only has to be moved.
    Stays(Option<Verdict>),
}

/// Imports one file, unless that is done, and moves it.
fn take(app: &App, file: &Found, verdict: Option<Verdict>) -> Taken {
    let Some(verdict) = verdict.or_else(|| read(app, file)) else { return Taken::Stays(None) };
    let name = file.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    match look_at(&file.path) {
        Some(look) if look == file.look => {}
        // What lies there now was not read, and must not be put away as if it had been.
        Some(_) => {
            tracing::warn!(file = name, "a file changed while it was read; it is read again");
            return Taken::Stays(None);
        }
        None => {
            tracing::warn!(file = name, "a file went away while it was read");
            return Taken::Away;
        }
    }
    match put_away(&file.path, verdict.folder, &verdict.report) {
        Ok(path) => {
            let what = if verdict.folder == DONE { "imported" } else { "refused; see the report beside it" };
            note(app, &path, what);
            Taken::Away
        }
        Err(error) => {
            let text = format!("read, but it cannot be moved: {error}");
            if note(app, &file.path, &text) {
                tracing::error!(file = name, %error, "a file was read but cannot be moved; check the folder's permissions");
            }
            Taken::Stays(Some(verdict))
        }
    }
}

/// Imports one file. `None` if that may go better later.
fn read(app: &App, file: &Found) -> Option<Verdict> {
    let name = file.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let request =
        Request { name: &name, integration: file.integration.as_deref(), dry_run: false, complete_through: None };
    let attempts = &app.process.attempts;
    let what = attempt_at(file);
    if attempts.deaths(&what) >= DEATHS {
        tracing::error!(file = name, "ltvd died each time it read a file; it is put aside");
        attempts.forget(&what);
        let report =
            format!("{name}: ltvd ended {DEATHS} times in a row while it read this file; nothing was imported\n");
        return Some(Verdict { folder: FAILED, report });
    }
    let _attempt = attempts.begin(what);
    // A file that makes ltvd itself fail must not keep all others waiting.
    let imported = catch_unwind(AssertUnwindSafe(|| {
        import::open(&file.path).and_then(|source| import::import(app, &request, source, &mut |_, _, _| {}))
    }));
    let Ok(imported) = imported else {
        tracing::error!(file = name, "ltvd failed on a file; it is put aside");
        let report = format!("{name}: ltvd failed while it read this file; its log says more\n");
        return Some(Verdict { folder: FAILED, report });
    };
    match imported {
        Ok(report) => {
            tracing::info!(
                file = name,
                integration = report.integration,
                rows = report.rows,
                new = report.counts.new,
                refused = report.rows_refused,
                "a file was imported"
            );
            Some(Verdict { folder: DONE, report: report.to_string() })
        }
        Err(error) => {
            if let ImportError::Ledger(error) = &error {
                app.check_fatal(error);
            }
            if error.is_temporary() {
                tracing::warn!(file = name, %error, "a file cannot be read now; it stays and is tried again");
                note(app, &file.path, &error.to_string());
                return None;
            }
            tracing::warn!(file = name, %error, "a file was refused");
            Some(Verdict { folder: FAILED, report: refusal(&name, &error) })
        }
    }
}

/// The name of a file among [`super::attempts::Attempts`].
fn attempt_at(file: &Found) -> String {
    format!("file {} {} {:?}", file.path.display(), file.look.bytes, file.look.modified)
}

/// What stands in the report of a file that was refused.
pub fn refusal(name: &str, error: &ImportError) -> String {
    let mut text = format!("{name}: refused, nothing was imported\n\n{error}\n");
    if let ImportError::BadRows { refused, .. } = error {
        // Writing to a String cannot fail.
        let _ = write_refused(&mut text, refused, refused.len() as u64);
    }
    text
}

/// Moves a file and writes its report beside it. The report comes first: a file in `done/` always has one.
fn put_away(path: &Path, folder: &str, report: &str) -> io::Result<PathBuf> {
    let missing = || io::Error::other("the file has no name");
    let dir = path.parent().ok_or_else(missing)?.join(folder);
    fs::create_dir_all(&dir)?;
    let name = path.file_name().ok_or_else(missing)?.to_string_lossy().into_owned();
    let (stem, ending) =
        name.rsplit_once('.').filter(|(_, ending)| ending.len() <= ENDING_BYTES).unwrap_or((&name, ""));
    let stem = stem.get(..stem.floor_char_boundary(STEM_BYTES)).unwrap_or(stem);
    let dot = if ending.is_empty() { "" } else { "." };
    let target = (1..)
        .map(|number| if number == 1 { String::new() } else { format!("-{number}") })
        .map(|number| dir.join(format!("{stem}{number}{dot}{ending}")))
        .find(|target| !target.exists())
        .ok_or_else(missing)?;
    let mut beside = target.clone().into_os_string();
    beside.push(".report.txt");
    fs::write(beside, report)?;
    fs::rename(path, &target)?;
    Ok(target)
}

/// What was said of files and folders that are not there any more is of no interest.
fn forget_gone(app: &App) {
    let mut notes = app.process.drop_notes.lock().unwrap_or_else(PoisonError::into_inner);
    notes.retain(|path, _| app.config.paths.drop_dir.join(path).symlink_metadata().is_ok());
}

/// Keeps what people should see. True if that is news.
fn note(app: &App, path: &Path, text: &str) -> bool {
    let mut notes = app.process.drop_notes.lock().unwrap_or_else(PoisonError::into_inner);
    let shown = path.strip_prefix(&app.config.paths.drop_dir).unwrap_or(path);
    let before = notes.insert(shown.to_string_lossy().into_owned(), text.to_owned());
    // Only what happened lately is of interest; the reports have the rest.
    while notes.len() > limits::REPORTED_ROWS {
        notes.pop_first();
    }
    before.is_none_or(|before| before != text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_leaves_room_for_the_report() {
        let dir = tempfile::tempdir().unwrap();
        for name in [format!("{}.csv", "ü".repeat(125)), "x".repeat(255)] {
            let path = dir.path().join(name);
            fs::write(&path, "a").unwrap();
            let moved = put_away(&path, DONE, "report").unwrap();
            assert!(moved.exists() && !path.exists());
        }
    }

    #[test]
    fn looking_at_the_folder_wakes_nobody() {
        assert!(!matters(EventKind::Access(AccessKind::Open(AccessMode::Any))));
        assert!(!matters(EventKind::Access(AccessKind::Close(AccessMode::Read))));
        assert!(matters(EventKind::Access(AccessKind::Close(AccessMode::Write))));
        assert!(matters(EventKind::Create(notify::event::CreateKind::File)));
    }
}
