//! A disk that fails on demand, by count: at the k-th write, sync or rename. When its power fails, what was synced is there
//! afterwards, and of everything else as much as chance wants: the page cache writes back in any order, and pages tear.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ltvd::ledger::{Disk, Output};
use redb::StorageBackend;

/// What reaches a disk whole or not at all, bytes.
const SECTOR: usize = 512;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// EIO. Of a sync: nobody knows what of the data is on the disk.
    Broken,
    /// ENOSPC, before anything is written. A sync cannot meet it, so there it is as `Broken`.
    Full,
    /// ENOSPC, after half of the bytes.
    Short,
    /// The power fails in the middle of it. Nothing works any more until the disk is switched on again.
    PowerCut,
}

/// Which operations are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Count {
    /// Syncs of the database, of files and of folders, and renames: what durability hangs on.
    Syncs,
    /// Writes to the database, changes of its length, writes to files, new files.
    Writes,
}

/// The disk. Clones are the same disk.
#[derive(Debug, Clone)]
pub(crate) struct FaultyDisk(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    /// The database as its process sees it.
    now: Vec<u8>,
    /// As it is on the disk for certain.
    durable: Vec<u8>,
    /// What was done to it since, in order.
    unsynced: Vec<Change>,
    /// Files with bytes that may not be on the disk: how many are for certain.
    files: BTreeMap<PathBuf, u64>,
    /// Renames that may not be on the disk: where from, where to, and what was there.
    renames: Vec<(PathBuf, PathBuf, Option<Vec<u8>>)>,
    plan: Option<(Count, usize, Fault)>,
    done: [usize; 2],
    /// What the fault hit.
    hit: Option<String>,
    dead: bool,
    free: u64,
    random: u64,
}

#[derive(Debug, Clone)]
enum Change {
    Length(u64),
    Bytes { offset: usize, bytes: Vec<u8> },
}

impl Change {
    fn apply(&self, image: &mut Vec<u8>) {
        match self {
            Self::Length(length) => image.resize(usize::try_from(*length).expect("a length in memory"), 0),
            Self::Bytes { offset, bytes } => {
                let end = offset + bytes.len();
                if image.len() < end {
                    image.resize(end, 0);
                }
                image[*offset..end].copy_from_slice(bytes);
            }
        }
    }
}

impl State {
    fn chance(&mut self) -> bool {
        // Xorshift, 64 bits.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random.is_multiple_of(2)
    }

    /// Counts an operation. Gives the fault that it meets.
    fn step(&mut self, count: Count, what: impl FnOnce() -> String) -> io::Result<Option<Fault>> {
        if self.dead {
            return Err(io::Error::other("the power is off"));
        }
        let number = &mut self.done[count as usize];
        *number += 1;
        match self.plan {
            Some((of, at, fault)) if of == count && at == *number => {
                self.hit = Some(what());
                self.dead = fault == Fault::PowerCut;
                Ok(Some(fault))
            }
            _ => Ok(None),
        }
    }

    /// The error of a fault that has done all the harm it does.
    fn error(fault: Fault) -> io::Error {
        io::Error::from_raw_os_error(match fault {
            Fault::Broken | Fault::PowerCut => 5,
            Fault::Full | Fault::Short => 28,
        })
    }

    /// A sync that went wrong: each change may have reached the disk, or be lost though reading still shows it.
    fn scatter(&mut self) {
        for change in std::mem::take(&mut self.unsynced) {
            match change {
                // A file system keeps its own records in order.
                Change::Length(_) => change.apply(&mut self.durable),
                Change::Bytes { offset, bytes } => {
                    for (number, sector) in bytes.chunks(SECTOR).enumerate() {
                        if self.chance() {
                            let change = Change::Bytes { offset: offset + number * SECTOR, bytes: sector.to_vec() };
                            change.apply(&mut self.durable);
                        }
                    }
                }
            }
        }
    }

    fn write(&mut self, offset: usize, bytes: &[u8]) {
        let change = Change::Bytes { offset, bytes: bytes.to_vec() };
        change.apply(&mut self.now);
        self.unsynced.push(change);
    }
}

impl FaultyDisk {
    /// An empty one, on which nothing goes wrong. Chance is drawn from the seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self::with(Vec::new(), seed)
    }

    /// One with this database.
    pub(crate) fn with(database: Vec<u8>, seed: u64) -> Self {
        Self(Arc::new(Mutex::new(State {
            now: database.clone(),
            durable: database,
            unsynced: Vec::new(),
            files: BTreeMap::new(),
            renames: Vec::new(),
            plan: None,
            done: [0; 2],
            hit: None,
            dead: false,
            free: u64::MAX,
            random: seed.max(1),
        })))
    }

    /// The same disk, whose chance is drawn from this seed.
    pub(crate) fn seeded(self, seed: u64) -> Self {
        self.state().random = seed.max(1);
        self
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The k-th operation from now on goes wrong, from 1.
    pub(crate) fn fail_at(&self, count: Count, number: usize, fault: Fault) {
        let mut state = self.state();
        state.plan = Some((count, number, fault));
        state.done = [0; 2];
    }

    /// What the fault hit, if it came.
    pub(crate) fn hit(&self) -> Option<String> {
        self.state().hit.clone()
    }

    /// Operations so far: syncs, writes.
    pub(crate) fn done(&self) -> [usize; 2] {
        self.state().done
    }

    /// So many bytes are free from now on.
    pub(crate) fn set_free(&self, bytes: u64) {
        self.state().free = bytes;
    }

    /// The disk as the next process finds it: after the power has failed, if it did or if chance wants, otherwise after the
    /// end of the process alone. Nothing goes wrong on it.
    pub(crate) fn switched_on_again(&self) -> Self {
        let mut state = self.state();
        let power_failed = state.dead || state.chance();
        if !power_failed {
            return Self::with(state.now.clone(), state.random);
        }
        state.scatter();
        for (from, to, before) in std::mem::take(&mut state.renames).into_iter().rev() {
            if state.chance() {
                fs::rename(&to, &from).expect("a rename can be undone");
                if let Some(before) = before {
                    fs::write(&to, before).expect("what was there comes back");
                }
                if let Some(synced) = state.files.remove(&to) {
                    state.files.insert(from, synced);
                }
            }
        }
        for (path, synced) in std::mem::take(&mut state.files) {
            let Ok(data) = fs::metadata(&path) else { continue };
            let kept = if state.chance() { synced } else { (synced + data.len()) / 2 };
            let file = File::options().write(true).open(&path).expect("the file is there");
            file.set_len(kept).expect("a file can be cut");
        }
        Self::with(state.durable.clone(), state.random)
    }
}

impl StorageBackend for FaultyDisk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.state().now.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let offset = usize::try_from(offset).map_err(io::Error::other)?;
        let state = self.state();
        let found = state.now.get(offset..offset + out.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(found);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut state = self.state();
        if let Some(fault) = state.step(Count::Writes, || format!("the database's length {len}"))? {
            return Err(State::error(fault));
        }
        Change::Length(len).apply(&mut state.now);
        state.unsynced.push(Change::Length(len));
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.state();
        match state.step(Count::Syncs, || "a sync of the database".to_owned())? {
            None => {
                for change in std::mem::take(&mut state.unsynced) {
                    change.apply(&mut state.durable);
                }
                Ok(())
            }
            Some(Fault::PowerCut) => Err(State::error(Fault::PowerCut)),
            Some(_) => {
                state.scatter();
                Err(State::error(Fault::Broken))
            }
        }
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        let at = usize::try_from(offset).map_err(io::Error::other)?;
        match state.step(Count::Writes, || format!("{} bytes at {offset} of the database", data.len()))? {
            None => {
                state.write(at, data);
                Ok(())
            }
            Some(fault) => {
                let done = match fault {
                    Fault::Full => 0,
                    Fault::Broken | Fault::Short => data.len() / 2,
                    // Any of its sectors may be there.
                    Fault::PowerCut => data.len(),
                };
                state.write(at, &data[..done]);
                Err(State::error(fault))
            }
        }
    }
}

impl Disk for FaultyDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn Output>> {
        if let Some(fault) = self.state().step(Count::Writes, || "a new file".to_owned())? {
            return Err(State::error(fault));
        }
        let file = File::options().write(true).create_new(true).open(path)?;
        self.state().files.insert(path.to_owned(), 0);
        Ok(Box::new(FaultyFile { disk: self.clone(), file, path: path.to_owned() }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        let fault = state.step(Count::Syncs, || "a rename".to_owned())?;
        if let Some(fault) = fault.filter(|fault| *fault != Fault::PowerCut) {
            return Err(State::error(fault));
        }
        let before = fs::read(to).ok();
        fs::rename(from, to)?;
        if let Some(synced) = state.files.remove(from) {
            state.files.insert(to.to_owned(), synced);
        }
        state.renames.push((from.to_owned(), to.to_owned(), before));
        fault.map_or(Ok(()), |fault| Err(State::error(fault)))
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        let mut state = self.state();
        if let Some(fault) = state.step(Count::Syncs, || "a sync of a folder".to_owned())? {
            return Err(State::error(if fault == Fault::PowerCut { fault } else { Fault::Broken }));
        }
        state.renames.retain(|(_, to, _)| to.parent() != Some(folder));
        Ok(())
    }

    fn free_bytes(&self, _: &Path) -> io::Result<u64> {
        Ok(self.state().free)
    }
}

/// A file on it.
struct FaultyFile {
    disk: FaultyDisk,
    file: File,
    path: PathBuf,
}

impl Write for FaultyFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let fault = self.disk.state().step(Count::Writes, || format!("{} bytes of a file", bytes.len()))?;
        match fault {
            None => self.file.write(bytes),
            Some(Fault::Full) => Err(State::error(Fault::Full)),
            Some(fault) => {
                self.file.write_all(&bytes[..bytes.len() / 2])?;
                Err(State::error(fault))
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Output for FaultyFile {
    fn sync(&mut self) -> io::Result<()> {
        let mut state = self.disk.state();
        if let Some(fault) = state.step(Count::Syncs, || "a sync of a file".to_owned())? {
            return Err(State::error(if fault == Fault::PowerCut { fault } else { Fault::Broken }));
        }
        let length = self.file.metadata()?.len();
        state.files.insert(self.path.clone(), length);
        // The path may be another one by now: files are synced before they are renamed.
        Ok(())
    }
}
