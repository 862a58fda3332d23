//! A folder that others may write into, held open. A path there may lead elsewhere from one moment to the next, so nothing is
//! done by path, and no link below the drop folder is followed.

use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::io::{self, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::fs::{
    AtFlags, Gid, Mode, OFlags, RenameFlags, Stat, fchmod, fchown, fstat, mkdirat, open, openat, renameat,
    renameat_with, statat, unlinkat,
};
use rustix::io::Errno;

/// Longest parts of a name that a file keeps when it is moved, bytes, so that a number and the report's ending find room.
const STEM_BYTES: usize = 200;
const ENDING_BYTES: usize = 16;

/// How a file looked, to see whether it is the same and has settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Look {
    device: u64,
    inode: u64,
    pub(super) bytes: u64,
    /// Seconds and nanoseconds; only compared with itself.
    pub(super) modified: (i64, i64),
}

impl Look {
    /// None if it is no plain file.
    pub(super) fn of(data: &Metadata) -> Option<Self> {
        let modified = (data.mtime(), data.mtime_nsec());
        data.is_file().then(|| Self { device: data.dev(), inode: data.ino(), bytes: data.len(), modified })
    }
}

/// Whom the drop folder is open to; what ltvd makes below it is open to the same.
#[derive(Debug, Clone, Copy)]
struct Grant {
    mode: Mode,
    group: Gid,
}

impl Grant {
    fn of(stat: &Stat) -> Self {
        Self { mode: Mode::from_raw_mode(stat.st_mode), group: Gid::from_raw(stat.st_gid) }
    }

    /// What a file may be opened for by the group, and nobody else.
    fn of_file(self) -> Mode {
        Mode::RUSR | Mode::WUSR | (self.mode & (Mode::RGRP | Mode::WGRP))
    }

    /// Gives a thing that ltvd has just made this group and mode. The umask may have taken some of it.
    fn give(self, thing: impl AsFd, mode: Mode) -> rustix::io::Result<()> {
        let made = Self::of(&fstat(&thing)?);
        if made.group != self.group {
            fchown(&thing, None, Some(self.group))?;
        }
        // Not even tried where it is right: a service may be forbidden to set the bit for groups.
        if made.mode != mode { fchmod(&thing, mode) } else { Ok(()) }
    }
}

#[derive(Debug)]
pub(super) struct Folder {
    fd: OwnedFd,
    grant: Grant,
}

const OPEN_FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

impl Folder {
    /// The drop folder itself, which the operator may have made a link.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let fd = open(path, OPEN_FOLDER, Mode::empty())?;
        let grant = Grant::of(&fstat(&fd)?);
        Ok(Self { fd, grant })
    }

    /// A folder in it.
    pub(super) fn inner(&self, name: &str) -> io::Result<Self> {
        match openat(&self.fd, name, OPEN_FOLDER | OFlags::NOFOLLOW, Mode::empty()) {
            Ok(fd) => Ok(Self { fd, grant: self.grant }),
            Err(Errno::LOOP | Errno::NOTDIR) => Err(io::Error::other(format!(
                "`{name}` is a link, or a file, where a folder should be; links are not followed here: remove it"
            ))),
            Err(error) => Err(error.into()),
        }
    }

    /// A folder in it, made if there is none.
    pub(super) fn make(&self, name: &str) -> io::Result<Self> {
        let permissions = self.grant.mode & (Mode::RWXU | Mode::RWXG | Mode::RWXO);
        match mkdirat(&self.fd, name, permissions) {
            Ok(()) => {
                let made = self.inner(name)?;
                if let Err(error) = self.grant.give(&made.fd, self.grant.mode) {
                    tracing::warn!(
                        folder = name,
                        %error,
                        "a folder was made in the drop folder and cannot get its mode and group, so others may be unable to use \
                         it; set them by hand, and see UMask in docs/operating.md"
                    );
                }
                Ok(made)
            }
            Err(Errno::EXIST) => self.inner(name),
            Err(error) => Err(error.into()),
        }
    }

    /// Opens a file that looked like this. None if it is another one now, or none: a link or a pipe in its place is neither
    /// followed nor waited for.
    pub(super) fn file(&self, name: &OsStr, look: &Look) -> io::Result<Option<File>> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = match openat(&self.fd, name, flags, Mode::empty()) {
            Ok(fd) => File::from(fd),
            Err(Errno::NOENT | Errno::LOOP | Errno::NXIO) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        Ok((Look::of(&file.metadata()?).as_ref() == Some(look)).then_some(file))
    }

    /// Whether this file lies here under this name.
    pub(super) fn holds(&self, name: &OsStr, file: &File) -> io::Result<bool> {
        let wanted = fstat(file)?;
        match statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(there) => Ok((there.st_dev, there.st_ino) == (wanted.st_dev, wanted.st_ino)),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Writes the report of a file that lies here. A link in its place is replaced, not followed.
    pub(super) fn report(&self, name: &str, report: &str) -> io::Result<()> {
        let draft = self.draft(report)?;
        renameat(&self.fd, &draft, &self.fd, report_of(name)).inspect_err(|_| self.remove(&draft))?;
        Ok(())
    }

    /// Moves a file from here into another folder under a name that is free there, with its report. The report comes first: a file
    /// that was put away always has one. Gives the name; none if what lay here was another file by then, which stays.
    pub(super) fn put_away(&self, name: &OsStr, file: &File, to: &Self, report: &str) -> io::Result<Option<String>> {
        if !self.holds(name, file)? {
            return Ok(None);
        }
        let shown = name.to_string_lossy();
        let (stem, ending) =
            shown.rsplit_once('.').filter(|(_, ending)| ending.len() <= ENDING_BYTES).unwrap_or((&shown, ""));
        let stem = stem.get(..stem.floor_char_boundary(STEM_BYTES)).unwrap_or(stem);
        let dot = if ending.is_empty() { "" } else { "." };
        let mut written = to.draft(report)?;
        for number in 1_u64.. {
            let number = if number == 1 { String::new() } else { format!("-{number}") };
            let target = format!("{stem}{number}{dot}{ending}");
            if to.has(&target) {
                continue;
            }
            let beside = report_of(&target);
            renameat(&to.fd, &written, &to.fd, &beside).inspect_err(|_| to.remove(&written))?;
            written = beside;
            match self.rename(name, to, OsStr::new(&target)) {
                Ok(()) => {}
                Err(Errno::EXIST) => continue,
                Err(error) => {
                    to.remove(&written);
                    return Err(error.into());
                }
            }
            if to.holds(OsStr::new(&target), file)? {
                to.open_up(file);
                return Ok(Some(target));
            }
            // Somebody put another file in its place in that very moment; it has not been read.
            to.remove(&written);
            to.rename(OsStr::new(&target), self, name)?;
            return Ok(None);
        }
        Ok(None)
    }

    /// Removes the report of a file that lies here no more.
    pub(super) fn remove_report(&self, name: &str) {
        self.remove(&report_of(name));
    }

    /// A file with this text under a name of its own.
    fn draft(&self, text: &str) -> io::Result<String> {
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(io::Error::other)?;
        let name = format!(".{:016x}.tmp", u64::from_ne_bytes(random));
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file = File::from(openat(&self.fd, &name, flags, Mode::RUSR | Mode::WUSR)?);
        let written = self.is_own(&file).and_then(|()| file.write_all(text.as_bytes()));
        written.inspect_err(|_| self.remove(&name))?;
        self.open_up(&file);
        Ok(name)
    }

    /// Whether the folder belongs to whoever this file of ours belongs to: who owns a folder decides what becomes of what lies in
    /// it. Not compared with the process's user, since some network file systems give everything to another one.
    fn is_own(&self, ours: &File) -> io::Result<()> {
        let (folder, ours) = (fstat(&self.fd)?.st_uid, fstat(ours)?.st_uid);
        if folder == ours {
            return Ok(());
        }
        Err(io::Error::other(format!(
            "the folder for files that were read belongs to user {folder}, not to {ours} as whom ltvd runs, so nothing is put \
             there; remove it, and ltvd makes its own"
        )))
    }

    /// Lets those read a file who may use the drop folder, as far as it is ours to say. It is no reason to fail.
    fn open_up(&self, file: &File) {
        let Ok(stat) = fstat(file) else { return };
        // Another name of it may lie where it is nobody else's business.
        if stat.st_nlink == 1 && fstat(&self.fd).is_ok_and(|folder| folder.st_uid == stat.st_uid) {
            let _ = self.grant.give(file, Mode::from_raw_mode(stat.st_mode) | self.grant.of_file());
        }
    }

    fn has(&self, name: &str) -> bool {
        !matches!(statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW), Err(Errno::NOENT))
    }

    /// Moves what has this name, itself and not what it leads to, and replaces nothing.
    fn rename(&self, name: &OsStr, to: &Self, target: &OsStr) -> rustix::io::Result<()> {
        match renameat_with(&self.fd, name, &to.fd, target, RenameFlags::NOREPLACE) {
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {}
            result => return result,
        }
        // A file system that cannot promise it.
        match statat(&to.fd, target, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => renameat(&self.fd, name, &to.fd, target),
            Err(error) => Err(error),
            Ok(_) => Err(Errno::EXIST),
        }
    }

    fn remove(&self, name: &str) {
        // What is left of it harms nobody.
        let _ = unlinkat(&self.fd, name, AtFlags::empty());
    }
}

fn report_of(name: &str) -> String {
    format!("{name}.report.txt")
}
