//! The drop folder: a file that has settled is imported, then moved to `done/` or `failed/` beside where it lay, with a report.
//!
//! The folder is looked at regularly as well as on events, since network file systems send none. A file that cannot be
//! read for a passing reason stays where it is.
//!
//! Others write there, and not all of them need be trusted: nothing is done by a path that they could lead elsewhere
//! (`folder`).

mod folder;
mod late;
mod notes;
mod tail;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecursiveMode, Watcher};
use tokio::sync::Notify;

use crate::app::{App, InForce};
use crate::limits::doors as limits;
use crate::limits::supervise::DEATHS;
use crate::supervise::{TaskError, blocking};

use self::folder::{Folder, Look};
use self::late::Late;
use self::notes::Kind;
pub use self::notes::Notes;
use super::import::{self, ImportError, Request};
use super::import_report::write_refused;

/// Names that programs give to files which are still being written.
const UNFINISHED: [&str; 5] = [".tmp", ".part", ".partial", ".crdownload", ".download"];
const DONE: &str = "done";
const FAILED: &str = "failed";

/// What is kept in mind from one look to the next, and when the task fails and is begun again.
#[derive(Debug, Default)]
pub struct Watch(Mutex<Watched>);

#[derive(Debug, Default)]
struct Watched {
    /// Files that lie there.
    seen: HashMap<PathBuf, Seen>,
    /// Files that were put away, and may be written to all the same.
    late: Vec<Late>,
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
    /// These very bytes were taken in before.
    known: bool,
}

impl Verdict {
    fn refused(report: String) -> Self {
        Self { folder: FAILED, report, known: false }
    }
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
pub async fn run(in_force: InForce, watch: Arc<Watch>) -> Result<(), TaskError> {
    let mut changes = in_force.changes();
    let mut app = Arc::clone(&changes.borrow_and_update());
    make_folders(&app)?;
    let dir = app.config.paths.drop_dir.clone();
    let changed = Arc::new(Notify::new());
    let _watcher = listen(&dir, Arc::clone(&changed));
    loop {
        let (worker, watch) = (Arc::clone(&app), Arc::clone(&watch));
        let unsettled = blocking(move || {
            // What was begun for another configuration may still be under way.
            let _turn = worker.process.drop_turn.lock().unwrap_or_else(PoisonError::into_inner);
            look(&worker, &mut watch.0.lock().unwrap_or_else(PoisonError::into_inner))
        })
        .await?;
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
    let root = fs::create_dir_all(dir)
        .and_then(|()| Folder::open(dir))
        .map_err(|error| format!("{}: the folder cannot be made: {error}", dir.display()))?;
    for (name, _) in app.config.integrations.iter().filter(|(_, integration)| integration.enabled) {
        // The other folders are read all the same.
        if let Err(error) = root.make(name) {
            tell(app, &dir.join(name), &format!("the folder cannot be made: {error}"));
        }
    }
    Ok(())
}

fn listen(dir: &Path, changed: Arc<Notify>) -> Option<notify::RecommendedWatcher> {
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
fn look(app: &App, Watched { seen, late }: &mut Watched) -> io::Result<bool> {
    let dir = &app.config.paths.drop_dir;
    let unreadable = |error| io::Error::other(format!("{}: the folder cannot be read: {error}", dir.display()));
    let found = list(app).map_err(unreadable)?;
    let root = Folder::open(dir).map_err(unreadable)?;
    let there: HashSet<&Path> = found.iter().map(|file| file.path.as_path()).collect();
    seen.retain(|path, _| there.contains(path.as_path()));
    forget_gone(app);
    let mut unsettled = late::look(app, &root, late);
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
                let wait = wait(app, &root, &file);
                seen.insert(file.path, Seen { look, ready: now + wait, verdict: None });
                unsettled = true;
                continue;
            }
        };
        let began = Instant::now();
        match take(app, &root, &file, verdict) {
            Taken::Away(moved) => {
                seen.remove(&file.path);
                late::add(late, moved);
            }
            Taken::Stays(verdict) => {
                // One that only waits to be moved costs nothing.
                let took = if verdict.is_some() { Duration::ZERO } else { began.elapsed() };
                seen.insert(file.path, Seen { look, ready: Instant::now() + again_after(took), verdict });
            }
        }
    }
    Ok(unsettled)
}

/// How long this file must stay as it is before it is read. Whoever wonders why it takes long finds it in the status.
fn wait(app: &App, root: &Folder, file: &Found) -> Duration {
    let ends_a_line = match open(root, file) {
        Ok((_, Some(source))) => tail::ends_a_line(&source, file.look.bytes).unwrap_or(true),
        // Told when it is taken.
        Ok((_, None)) | Err(_) => true,
    };
    let settle = app.config.drop.settle;
    let wait = tail::patience(settle, ends_a_line);
    if wait == settle {
        hush(app, &file.path);
    } else {
        let text = format!(
            "it does not end with a line break, so it may still be on its way; it is read when it has not changed for {} s",
            wait.as_secs()
        );
        if note(app, &file.path, Kind::Stands, &text) {
            tracing::info!(file = %file.path.display(), "{text}");
        }
    }
    wait
}

/// How long a file waits that could not be dealt with, after a try that took so long.
fn again_after(took: Duration) -> Duration {
    took.saturating_mul(limits::RETRY_SHARE).clamp(limits::RETRY, limits::RETRY_MAX)
}

/// Opens a file, and the folder of its integration if it lies in one. No file if it is another one by now, or gone.
fn open(root: &Folder, file: &Found) -> io::Result<(Option<Folder>, Option<File>)> {
    let inner = file.integration.as_deref().map(|integration| root.inner(integration)).transpose()?;
    let name = file.path.file_name().unwrap_or_default();
    let source = inner.as_ref().unwrap_or(root).file(name, &file.look)?;
    Ok((inner, source))
}

fn list(app: &App) -> io::Result<Vec<Found>> {
    const UNKNOWN: &str = "no integration has the name of this folder; its files are not read";
    const LINK: &str = "this is a link, and links are not followed here; make it a folder";
    let mut found = Vec::new();
    for entry in fs::read_dir(&app.config.paths.drop_dir)? {
        let path = entry?.path();
        let Some(name) = path.file_name().map(|name| name.to_string_lossy().into_owned()) else { continue };
        let Ok(data) = fs::symlink_metadata(&path) else { continue };
        let known = app.config.integrations.contains_key(&name);
        if data.is_symlink() && known {
            tell(app, &path, LINK);
        } else if !data.is_dir() {
            found.extend(as_file(path, None));
        } else if name == DONE || name == FAILED || name.starts_with('.') {
        } else if known {
            // The other folders are read all the same.
            match list_folder(app, &path, &name, &mut found) {
                Ok(()) => hush(app, &path),
                Err(error) => tell(app, &path, &format!("it cannot be read: {error}")),
            }
        } else {
            tell(app, &path, UNKNOWN);
        }
    }
    found.sort_by(|a, b| (a.look.modified, &a.path).cmp(&(b.look.modified, &b.path)));
    Ok(found)
}

/// The files in the folder of an integration.
fn list_folder(app: &App, path: &Path, integration: &str, found: &mut Vec<Found>) -> io::Result<()> {
    const DEEPER: &str = "folders in the folder of an integration are not read; put the files beside it";
    for entry in fs::read_dir(path)? {
        let path = entry?.path();
        let folder = fs::symlink_metadata(&path).is_ok_and(|data| data.is_dir());
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if !folder {
            found.extend(as_file(path, Some(integration)));
        } else if name != DONE && name != FAILED && !name.starts_with('.') {
            tell(app, &path, DEEPER);
        }
    }
    Ok(())
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
    Look::of(&fs::symlink_metadata(path).ok()?)
}

/// Where a file is after it was taken.
enum Taken {
    /// Not here any more. Where it was put, unless somebody took it away.
    Away(Option<Late>),
    /// Still here. With a verdict it only has to be moved.
    Stays(Option<Verdict>),
}

/// Imports one file, unless that is done, and moves it.
fn take(app: &App, root: &Folder, file: &Found, verdict: Option<Verdict>) -> Taken {
    let name = file.path.file_name().unwrap_or_default();
    let shown = name.to_string_lossy().into_owned();
    let (inner, source) = match open(root, file) {
        Ok((inner, Some(source))) => (inner, source),
        // Another file by now, or none: it is looked at again.
        Ok((_, None)) => return Taken::Stays(None),
        Err(error) => {
            let text = format!("the file cannot be opened: {error}");
            if note(app, &file.path, Kind::Stands, &text) {
                tracing::warn!(file = shown, "{text}; it stays and is tried again");
            }
            return Taken::Stays(verdict);
        }
    };
    let attempt = attempt_at(file);
    let Some(verdict) =
        verdict.or_else(|| read(app, &shown, file.integration.as_deref(), attempt, &file.path, &source))
    else {
        return Taken::Stays(None);
    };
    match look_at(&file.path) {
        Some(look) if look == file.look => {}
        // What lies there now was not read, and must not be put away as if it had been.
        Some(_) => {
            tracing::warn!(file = shown, "a file changed while it was read; it is read again");
            return Taken::Stays(None);
        }
        None => {
            tracing::warn!(file = shown, "a file went away while it was read");
            return Taken::Away(None);
        }
    }
    let from = inner.as_ref().unwrap_or(root);
    let moved = from.make(verdict.folder).and_then(|to| from.put_away(name, &source, &to, &verdict.report));
    match moved {
        Ok(Some(target)) => {
            let (kind, what) = match verdict.folder {
                DONE => (Kind::Imported, "imported"),
                _ => (Kind::Refused, "refused; see the report beside it"),
            };
            note(app, &file.path.with_file_name(verdict.folder).join(&target), kind, what);
            Taken::Away(Some(Late::new(source, file, target, verdict.folder)))
        }
        Ok(None) => Taken::Stays(None),
        Err(error) => {
            let text = format!("read, but it cannot be moved: {error}");
            if note(app, &file.path, Kind::Stands, &text) {
                tracing::error!(file = shown, %error, "a file was read but cannot be moved; check the folder's permissions");
            }
            Taken::Stays(Some(verdict))
        }
    }
}

/// Imports one file, which lies at `path` or did. `None` if that may go better later.
fn read(
    app: &App,
    name: &str,
    integration: Option<&str>,
    attempt: String,
    path: &Path,
    source: &File,
) -> Option<Verdict> {
    let bytes = source.metadata().ok().map(|data| data.len());
    let request = Request { name, integration, dry_run: false, complete_through: None, bytes };
    let attempts = &app.process.attempts;
    if attempts.deaths(&attempt) >= DEATHS {
        tracing::error!(file = name, "ltvd died each time it read a file; it is put aside");
        attempts.forget(&attempt);
        return Some(Verdict::refused(format!(
            "{name}: ltvd ended {DEATHS} times in a row while it read this file; nothing was imported\n"
        )));
    }
    let _attempt = attempts.begin(attempt);
    // A file that makes ltvd itself fail must not keep all others waiting.
    let imported = catch_unwind(AssertUnwindSafe(|| import::import(app, &request, source, &mut |_, _, _| {})));
    let Ok(imported) = imported else {
        tracing::error!(file = name, "ltvd failed on a file; it is put aside");
        return Some(Verdict::refused(format!("{name}: ltvd failed while it read this file; its log says more\n")));
    };
    match imported {
        Ok(report) => {
            let known = report.taken_in_ms.is_some();
            tracing::info!(
                file = name,
                integration = report.integration,
                rows = report.rows,
                new = report.counts.new,
                refused = report.rows_refused,
                known,
                "a file was imported"
            );
            Some(Verdict { folder: DONE, report: report.to_string(), known })
        }
        Err(error) => {
            if let ImportError::Ledger(error) = &error {
                app.check_fatal(error);
            }
            if error.is_temporary() {
                tracing::warn!(file = name, %error, "a file cannot be read now; it stays and is tried again");
                note(app, path, Kind::Stands, &error.to_string());
                return None;
            }
            tracing::warn!(file = name, %error, "a file was refused");
            Some(Verdict::refused(refusal(name, &error)))
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

/// What was said of files and folders that are not there any more is of no interest.
fn forget_gone(app: &App) {
    notes(app).keep_those_of(|path| app.config.paths.drop_dir.join(path).symlink_metadata().is_ok());
}

/// Keeps what people should see. True if that is news.
fn note(app: &App, path: &Path, kind: Kind, text: &str) -> bool {
    notes(app).put(shown(app, path), kind, text)
}

/// What was said of this is true no more.
fn hush(app: &App, path: &Path) {
    notes(app).remove(&shown(app, path));
}

fn notes(app: &App) -> MutexGuard<'_, Notes> {
    app.process.drop_notes.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How people see a path.
fn shown(app: &App, path: &Path) -> String {
    path.strip_prefix(&app.config.paths.drop_dir).unwrap_or(path).to_string_lossy().into_owned()
}

/// Tells the log and whoever looks at the status, once.
fn tell(app: &App, path: &Path, text: &str) {
    if note(app, path, Kind::Stands, text) {
        tracing::warn!(path = %path.display(), "{text}");
    }
}
