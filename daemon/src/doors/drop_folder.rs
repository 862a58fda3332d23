//! The drop folder: a file that has settled is imported, then moved to `done/` or `failed/` beside where it lay, with a report.
//!
//! The folder is looked at regularly as well as on events, since network file systems send none. A file that cannot be
//! read for a passing reason stays where it is.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecursiveMode, Watcher};
use tokio::sync::Notify;

use crate::app::App;
use crate::limits::doors as limits;

use super::import::{self, ImportError, Request};
use super::import_report::write_refused;

/// Names that programs give to files which are still being written.
const UNFINISHED: [&str; 5] = [".tmp", ".part", ".partial", ".crdownload", ".download"];
const DONE: &str = "done";
const FAILED: &str = "failed";

/// How a file looked, to see whether it has settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Look {
    bytes: u64,
    modified: Option<SystemTime>,
}

#[derive(Debug, Clone, Copy)]
struct Seen {
    look: Look,
    since: Instant,
}

/// A file in the folder, and the integration whose folder it lies in.
#[derive(Debug, Clone)]
struct Found {
    path: PathBuf,
    integration: Option<String>,
    look: Look,
}

/// Watches the folder until the daemon ends.
pub async fn run(app: Arc<App>) {
    let dir = app.config.paths.drop_dir.clone();
    while let Err(error) = make_folders(&app) {
        tracing::error!(dir = %dir.display(), %error, "the drop folder cannot be made");
        tokio::time::sleep(limits::RETRY).await;
    }
    let changed = Arc::new(Notify::new());
    let _watcher = watch(&dir, Arc::clone(&changed));
    let mut seen: HashMap<PathBuf, Seen> = HashMap::new();
    loop {
        let worker = Arc::clone(&app);
        let looked = tokio::task::spawn_blocking(move || {
            let unsettled = look(&worker, &mut seen);
            (seen, unsettled)
        })
        .await;
        let unsettled = match looked {
            Ok((kept, unsettled)) => {
                seen = kept;
                unsettled
            }
            Err(panic) => {
                tracing::error!(%panic, "reading the drop folder failed; it goes on");
                seen = HashMap::new();
                tokio::time::sleep(limits::RETRY).await;
                true
            }
        };
        if unsettled {
            // Files are on their way: look again as soon as they may have settled.
            tokio::time::sleep(app.config.drop.settle.max(Duration::from_millis(50))).await;
        } else {
            let _ = tokio::time::timeout(app.config.drop.scan, changed.notified()).await;
        }
    }
}

/// Makes the folder and one for each enabled integration, so that people see where files go.
fn make_folders(app: &App) -> io::Result<()> {
    let dir = &app.config.paths.drop_dir;
    fs::create_dir_all(dir)?;
    for (name, integration) in &app.config.integrations {
        if integration.enabled {
            fs::create_dir_all(dir.join(name))?;
        }
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

fn matters(kind: EventKind) -> bool {
    !kind.is_access() || kind == EventKind::Access(AccessKind::Close(AccessMode::Write))
}

/// Imports what has settled. True if something has not settled yet.
fn look(app: &App, seen: &mut HashMap<PathBuf, Seen>) -> bool {
    let found = match list(app) {
        Ok(found) => found,
        Err(error) => {
            tracing::warn!(%error, "the drop folder cannot be read");
            return false;
        }
    };
    seen.retain(|path, _| found.iter().any(|file| file.path == *path));
    forget_gone(app);
    let mut unsettled = false;
    for file in found {
        let now = Instant::now();
        match seen.get(&file.path) {
            Some(before) if before.look == file.look => {
                if now.duration_since(before.since) < app.config.drop.settle {
                    unsettled = true;
                    continue;
                }
            }
            _ => {
                seen.insert(file.path.clone(), Seen { look: file.look, since: now });
                unsettled = true;
                continue;
            }
        }
        if take(app, &file) {
            seen.remove(&file.path);
        } else {
            // It stays; look at it as a new one after a while.
            seen.insert(file.path.clone(), Seen { look: file.look, since: now + limits::RETRY });
        }
    }
    unsettled
}

fn list(app: &App) -> io::Result<Vec<Found>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(&app.config.paths.drop_dir)? {
        let path = entry?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        if path.is_dir() {
            if name == DONE || name == FAILED || name.starts_with('.') {
                continue;
            }
            if app.config.integrations.contains_key(name) {
                for entry in fs::read_dir(&path)? {
                    found.extend(as_file(entry?.path(), Some(name)));
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
    let name = path.file_name()?.to_str()?.to_ascii_lowercase();
    let hidden = name.starts_with('.') || name.starts_with('~');
    if hidden || UNFINISHED.iter().any(|ending| name.ends_with(ending)) {
        return None;
    }
    // Links are not followed: they could lead anywhere.
    let data = fs::symlink_metadata(&path).ok().filter(fs::Metadata::is_file)?;
    let look = Look { bytes: data.len(), modified: data.modified().ok() };
    Some(Found { path, integration: integration.map(str::to_owned), look })
}

/// Imports one file and moves it. False if it stays where it is.
fn take(app: &App, file: &Found) -> bool {
    let name = file.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let request =
        Request { name: &name, integration: file.integration.as_deref(), dry_run: false, complete_through: None };
    let imported = import::open(&file.path).and_then(|source| import::import(app, &request, source, &mut |_, _, _| {}));
    let (folder, text) = match imported {
        Ok(report) => {
            tracing::info!(
                file = name,
                integration = report.integration,
                rows = report.rows,
                new = report.counts.new,
                refused = report.rows_refused,
                "a file was imported"
            );
            (DONE, report.to_string())
        }
        Err(error) => {
            if let ImportError::Ledger(error) = &error {
                app.check_fatal(error);
            }
            if error.is_temporary() {
                tracing::warn!(file = name, %error, "a file cannot be read now; it stays and is tried again");
                note(app, &file.path, &error.to_string());
                return false;
            }
            tracing::warn!(file = name, %error, "a file was refused");
            (FAILED, refusal(&name, &error))
        }
    };
    match put_away(&file.path, folder, &text) {
        Ok(path) => {
            let what = if folder == DONE { "imported" } else { "refused; see the report beside it" };
            note(app, &path, what);
            true
        }
        Err(error) => {
            // It was imported, and importing it again adds nothing.
            tracing::error!(file = name, %error, "a file was read but cannot be moved; check the folder's permissions");
            note(app, &file.path, &format!("read, but it cannot be moved: {error}"));
            false
        }
    }
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
    let (stem, ending) = name.rsplit_once('.').unwrap_or((&name, ""));
    let dot = if ending.is_empty() { "" } else { "." };
    let target = (1..)
        .map(|number| if number == 1 { name.clone() } else { format!("{stem}-{number}{dot}{ending}") })
        .map(|name| dir.join(name))
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
    let mut notes = app.drop_notes.lock().unwrap_or_else(PoisonError::into_inner);
    notes.retain(|path, _| app.config.paths.drop_dir.join(path).symlink_metadata().is_ok());
}

/// Keeps what people should see. True if that is news.
fn note(app: &App, path: &Path, text: &str) -> bool {
    let mut notes = app.drop_notes.lock().unwrap_or_else(PoisonError::into_inner);
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
    fn looking_at_the_folder_wakes_nobody() {
        assert!(!matters(EventKind::Access(AccessKind::Open(AccessMode::Any))));
        assert!(!matters(EventKind::Access(AccessKind::Close(AccessMode::Read))));
        assert!(matters(EventKind::Access(AccessKind::Close(AccessMode::Write))));
        assert!(matters(EventKind::Create(notify::event::CreateKind::File)));
    }
}
