//! What people should see of the drop folder, by path. Of what happened only the latest is kept, since the reports have the rest.
//! What is wrong and stays so is told at every look; it must not be forgotten meanwhile, or it would be news each time.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use crate::limits::doors as limits;

/// What a note is about. The first kinds give way first, and of a kind the oldest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// A file was imported.
    Imported,
    /// A file was refused; its report says why.
    Refused,
    /// Something is as it should not be, or waits. It gives way to nothing.
    Stands,
}

/// Notes by path.
#[derive(Debug, Default)]
pub struct Notes {
    notes: BTreeMap<String, Note>,
    /// Number of the latest.
    latest: u64,
    /// Some found no room, and the log says so.
    is_full: bool,
}

#[derive(Debug)]
struct Note {
    kind: Kind,
    number: u64,
    text: String,
}

impl Notes {
    /// Keeps a note. True if it is news.
    pub(super) fn put(&mut self, path: String, kind: Kind, text: &str) -> bool {
        if !self.notes.contains_key(&path) && !self.make_room(kind) {
            return false;
        }
        self.latest += 1;
        let note = Note { kind, number: self.latest, text: text.to_owned() };
        match self.notes.entry(path) {
            Entry::Vacant(place) => {
                place.insert(note);
                true
            }
            Entry::Occupied(mut place) => place.insert(note).text != text,
        }
    }

    /// False if there is none for a note of this kind.
    fn make_room(&mut self, kind: Kind) -> bool {
        if self.notes.len() < limits::DROP_NOTES {
            self.is_full = false;
            return true;
        }
        let first = self.notes.iter().min_by_key(|(_, note)| (note.kind, note.number));
        let gives_way = |note: &Note| note.kind < Kind::Stands && note.kind <= kind;
        if let Some(path) = first.filter(|(_, note)| gives_way(note)).map(|(path, _)| path.clone()) {
            self.notes.remove(&path);
            return true;
        }
        if kind == Kind::Stands && !std::mem::replace(&mut self.is_full, true) {
            tracing::warn!(
                "there are more than {} problems in the drop folder; mend those that `ltvd status` shows, and the others are told",
                limits::DROP_NOTES
            );
        }
        false
    }

    /// There is nothing more to say of this.
    pub(super) fn remove(&mut self, path: &str) {
        self.notes.remove(path);
    }

    /// Forgets the notes of all other paths.
    pub(super) fn keep_those_of(&mut self, mut wanted: impl FnMut(&str) -> bool) {
        self.notes.retain(|path, _| wanted(path));
    }

    /// All of them, by path.
    pub fn texts(&self) -> BTreeMap<String, String> {
        self.notes.iter().map(|(path, note)| (path.clone(), note.text.clone())).collect()
    }
}
