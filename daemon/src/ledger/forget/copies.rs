//! Looks for a person in files that are not the ledger's.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::kept::as_utf8;
use super::person::Person;
use super::records;
use crate::book::normalise_email;
use crate::limits::ledger::FOLDERS_DEEP;

/// Files in a folder, and in the folders in it, that contain the address or are named by it. What cannot be read is told as well, with
/// the reason.
pub fn copies(folder: &Path, email: &str) -> (Vec<PathBuf>, Vec<(PathBuf, io::Error)>) {
    let (mut found, mut unread) = (Vec::new(), Vec::new());
    let Some(email) = normalise_email(email) else { return (found, unread) };
    let person = Person::new(&BTreeSet::from([email.into_owned()]));
    look(folder, &person, FOLDERS_DEEP, &mut |path, contains| match contains {
        Ok(true) => found.push(path),
        Ok(false) => {}
        Err(error) => unread.push((path, error)),
    });
    found.sort();
    (found, unread)
}

fn look(folder: &Path, person: &Person, deep: usize, tell: &mut impl FnMut(PathBuf, io::Result<bool>)) {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return,
        Err(error) => return tell(folder.to_owned(), Err(error)),
    };
    for entry in entries.flatten() {
        let path = entry.path();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() && deep > 0 => look(&path, person, deep - 1, tell),
            Ok(kind) if kind.is_file() => {
                let contains = is_in_file(&path, person);
                tell(path, contains);
            }
            _ => {}
        }
    }
}

fn is_in_file(path: &Path, person: &Person) -> io::Result<bool> {
    use std::os::unix::ffi::OsStrExt as _;
    let named = path.file_name().is_some_and(|name| person.is_in(name.as_bytes()));
    Ok(named || records::blank(person, as_utf8(File::open(path)?)?, io::sink())? > 0)
}
