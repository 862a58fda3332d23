//! Files that were put away and go on growing: whoever writes them paused for longer than a file has to settle. The one who
//! writes does not notice that it was moved. Such a file was read in part, so it is read again.
//!
//! Only that: what is changed without growing, or lies elsewhere by now, is somebody's own work with a file that is done.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Seek as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::time::Instant;

use super::folder::{Folder, Look};
use super::notes::Kind;
use super::{DONE, Found, Verdict, again_after, note, read, tail};
use crate::app::App;
use crate::limits::doors as limits;

/// A file that was put away, held open, so that it is known whatever becomes of its name.
#[derive(Debug)]
pub(super) struct Late {
    file: File,
    /// How long it was when it was read.
    bytes: u64,
    /// How long it was when it was last imported up to the middle of a line.
    cut: Option<u64>,
    /// Another look it has had since, and when it may be read then.
    growing: Option<(Look, Instant)>,
    /// It is not looked at any more after this.
    until: Instant,
    integration: Option<String>,
    /// Where it was found.
    path: PathBuf,
    folder: &'static str,
    /// Its name there.
    name: String,
}

impl Late {
    pub(super) fn new(file: File, found: &Found, name: String, folder: &'static str) -> Self {
        let Found { path, integration, look } = found.clone();
        let until = Instant::now() + limits::LATE_FOR;
        let (bytes, cut, growing) = (look.bytes, None, None);
        let mut late = Self { file, bytes, cut, growing, until, integration, path, folder, name };
        late.look_for_cut(folder);
        late
    }
}

/// Keeps an eye on one more. The oldest give way.
pub(super) fn add(late: &mut Vec<Late>, moved: Option<Late>) {
    late.extend(moved);
    let spare = late.len().saturating_sub(limits::LATE_FILES);
    late.drain(..spare);
}

/// Reads again what has grown. True if something is growing.
pub(super) fn look(app: &App, root: &Folder, late: &mut Vec<Late>) -> bool {
    let mut unsettled = false;
    late.retain_mut(|one| {
        let now = Instant::now();
        // A network file system that is away says nothing about its files.
        let Ok(data) = one.file.metadata() else { return now < one.until };
        // One that has no name any more was deleted on purpose.
        let Some(look) = Look::of(&data).filter(|_| data.nlink() > 0) else { return false };
        if look.bytes <= one.bytes {
            one.growing = None;
            return now < one.until;
        }
        match one.lies_there(root) {
            Ok(true) => {}
            Ok(false) => {
                tracing::info!(file = %one.path.display(), "a file has grown after it left the drop folder; it is not read again");
                return false;
            }
            // A folder that cannot be read now says nothing.
            Err(_) => return now < one.until,
        }
        unsettled = true;
        match one.growing {
            Some((before, ready)) if before == look => {
                if now >= ready {
                    one.growing = match one.read_again(app, root, look) {
                        true => None,
                        false => Some((look, Instant::now() + again_after(now.elapsed()))),
                    };
                }
            }
            _ => {
                let ends_a_line = tail::ends_a_line(&one.file, look.bytes).unwrap_or(true);
                one.growing = Some((look, now + tail::patience(app.config.drop.settle, ends_a_line)));
            }
        }
        true
    });
    unsettled
}

impl Late {
    /// Where it was put.
    fn folder(&self, root: &Folder) -> io::Result<Folder> {
        match self.integration.as_deref() {
            Some(integration) => root.inner(integration)?.inner(self.folder),
            None => root.inner(self.folder),
        }
    }

    /// Whether it lies where it was put.
    fn lies_there(&self, root: &Folder) -> io::Result<bool> {
        match self.folder(root).and_then(|folder| folder.holds(OsStr::new(&self.name), &self.file)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            known => known,
        }
    }

    /// Remembers whether what was read last ended in the middle of a line and was imported into `folder` all the same.
    fn look_for_cut(&mut self, folder: &str) {
        if folder == DONE && tail::ends_a_line(&self.file, self.bytes).is_ok_and(|ends_a_line| !ends_a_line) {
            self.cut = Some(self.bytes);
        }
    }

    /// False if that may go better later.
    fn read_again(&mut self, app: &App, root: &Folder, look: Look) -> bool {
        let shown = self.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let attempt = format!("file {} {} {:?}", self.path.display(), look.bytes, look.modified);
        if (&self.file).rewind().is_err() {
            return false;
        }
        let Some(verdict) = read(app, &shown, self.integration.as_deref(), attempt, &self.path, &self.file) else {
            return false;
        };
        let before = std::mem::replace(&mut self.bytes, look.bytes);
        self.until = Instant::now() + limits::LATE_FOR;
        // A line that was whole, and whose break came with the next one, left nothing wrong.
        self.cut = self.cut.filter(|cut| !tail::goes_on_with_a_line_break(&self.file, *cut));
        let cut = self.cut;
        self.look_for_cut(verdict.folder);
        if verdict.known {
            return true;
        }
        tracing::warn!(
            file = shown,
            before,
            bytes = look.bytes,
            cut,
            "a file was still being written when it was put away; it was read again. A larger `drop.settle_s` waits longer"
        );
        if let Err(error) = self.tell(app, root, verdict, before, cut) {
            tracing::error!(file = shown, %error, "the report of a file that was read again cannot be written");
        }
        true
    }

    /// Replaces the report, and moves the file if it is judged in another way now.
    fn tell(&mut self, app: &App, root: &Folder, verdict: Verdict, before: u64, cut: Option<u64>) -> io::Result<()> {
        let lies = self.folder(root)?;
        let name = self.name.clone();
        if !lies.holds(OsStr::new(&name), &self.file)? {
            // Somebody moved it on while it was read; the log has it.
            return Ok(());
        }
        let first = if self.folder == DONE { "imported" } else { "refused" };
        let Verdict { folder, mut report, .. } = verdict;
        report.push_str(&format!(
            "\nThis file was still being written when it was put away: its first {before} bytes were {first} before. It was read \
             again when it had {} bytes; a larger `settle_s` under [drop] waits longer for whoever writes slowly.\n",
            self.bytes
        ));
        if let Some(cut) = cut {
            report.push_str(&format!(
                "\nIts first {cut} bytes, which were imported, end in the middle of a line. If an id, a date or an amount was cut \
                 there, the ledger has a wrong entry, beside the right one or in the place of another. `head -c {cut} FILE | tail \
                 -n 1` shows the line, `ltvd export` the entries. ltvd cannot take an entry out: put back a backup from before \
                 this file, and drop the file again.\n"
            ));
        }
        if folder == self.folder {
            lies.report(&name, &report)?;
        } else {
            let inner = self.integration.as_deref().map(|integration| root.inner(integration)).transpose()?;
            let to = inner.as_ref().unwrap_or(root).make(folder)?;
            if let Some(target) = lies.put_away(OsStr::new(&name), &self.file, &to, &report)? {
                lies.remove_report(&name);
                (self.folder, self.name) = (folder, target);
            }
        }
        let path = self.path.with_file_name(self.folder).join(&self.name);
        let (kind, what) = match folder {
            DONE => (Kind::Imported, "imported again: it had gone on growing"),
            _ => (Kind::Refused, "refused when it had grown"),
        };
        note(app, &path, kind, what);
        Ok(())
    }
}
