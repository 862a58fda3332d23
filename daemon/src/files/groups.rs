//! Which rows belong together, held as compactly as possible: one run of neighbouring rows at a time.

use std::hash::Hasher;

use siphasher::sip::SipHasher13;

use super::cells::trim;
use super::recognise::Recognised;
use super::records::{Place, Records};
use crate::limits::files::GROUP_ROWS;

/// Keys for hashes that nobody outside can foresee.
#[derive(Debug, Clone, Copy)]
pub(super) struct HashKeys(pub(super) u64, pub(super) u64);

impl HashKeys {
    pub(super) fn random() -> Self {
        use std::hash::BuildHasher;
        let state = std::collections::hash_map::RandomState::new();
        Self(state.hash_one(0), state.hash_one(1))
    }
}

/// The hash of the values that keep this row with others. `none`: they are all empty, it stands alone. A collision would
/// hand over two groups as one, which is harmless: connectors look at the values.
pub(super) fn group_key(record: &Records<'_>, recognised: &Recognised, keys: HashKeys) -> Option<u64> {
    if recognised.group_by.is_empty() {
        return None;
    }
    let mut hasher = SipHasher13::new_with_keys(keys.0, keys.1);
    let mut filled = false;
    for column in &recognised.group_by {
        let source = recognised.columns.get(*column).and_then(|column| column.source);
        let cell = source.map_or(&[][..], |source| trim(record.cell(source)));
        filled |= !cell.is_empty();
        hasher.write(cell);
        hasher.write_u8(0xFF);
    }
    filled.then(|| hasher.finish())
}

/// Neighbouring good rows with one key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    key: u64,
    pub(super) place: Place,
    pub(super) rows: u32,
}

/// Collects runs in the first pass.
#[derive(Debug, Default)]
pub(super) struct GroupFinder {
    runs: Vec<Run>,
    last: Option<u64>,
    /// Where the first group begins that is too large.
    too_large: Option<Place>,
}

impl GroupFinder {
    /// Takes the next good row.
    pub(super) fn push(&mut self, key: Option<u64>, place: Place) {
        if let Some(key) = key {
            match self.runs.last_mut().filter(|_| self.last == Some(key)) {
                Some(run) => {
                    run.rows = run.rows.saturating_add(1);
                    if run.rows as usize > GROUP_ROWS {
                        self.too_large.get_or_insert(run.place);
                    }
                }
                None => self.runs.push(Run { key, place, rows: 1 }),
            }
        }
        self.last = key;
    }

    /// The groups, or the place of the first row of one that is too large.
    pub(super) fn finish(mut self) -> Result<Groups, Place> {
        if let Some(place) = self.too_large {
            return Err(place);
        }
        let mut keys: Vec<u64> = self.runs.iter().map(|run| run.key).collect();
        keys.sort_unstable();
        if keys.windows(2).all(|pair| pair.first() != pair.last()) {
            return Ok(Groups::default());
        }
        drop(keys);
        let mut by_key: Vec<u32> = (0..u32::try_from(self.runs.len()).unwrap_or(u32::MAX)).collect();
        let runs = &self.runs;
        let key_of = |run: &u32| runs.get(*run as usize).map(|run| run.key);
        by_key.sort_unstable_by_key(|run| (key_of(run), *run));
        let mut moved = Vec::new();
        for group in by_key.chunk_by(|one, other| key_of(one) == key_of(other)) {
            let Some((first, later)) = group.split_first() else { continue };
            let rows: usize = group.iter().filter_map(|run| runs.get(*run as usize)).map(|run| run.rows as usize).sum();
            if rows > GROUP_ROWS
                && let Some(run) = runs.get(*first as usize)
            {
                return Err(run.place);
            }
            moved.extend(later.iter().map(|later| (*first, *later)));
        }
        moved.sort_unstable();
        let mut away: Vec<u32> = moved.iter().map(|(_, later)| *later).collect();
        away.sort_unstable();
        self.runs.shrink_to_fit();
        Ok(Groups { runs: self.runs, moved, away })
    }
}

/// Which runs must be handed over at another place. All empty if the rows of every group are neighbours.
#[derive(Debug, Default)]
pub(super) struct Groups {
    runs: Vec<Run>,
    /// First run of a group, later run of it: in order.
    moved: Vec<(u32, u32)>,
    /// The later runs: in order.
    away: Vec<u32>,
}

impl Groups {
    pub(super) fn run(&self, run: u32) -> Option<Run> {
        self.runs.get(run as usize).copied()
    }

    /// The runs that are handed over behind this one.
    pub(super) fn later(&self, first: u32) -> &[(u32, u32)] {
        let start = self.moved.partition_point(|(run, _)| *run < first);
        let rest = self.moved.get(start..).unwrap_or_default();
        rest.get(..rest.partition_point(|(run, _)| *run == first)).unwrap_or_default()
    }

    /// True if this run was handed over behind an earlier one.
    pub(super) fn is_away(&self, run: u32) -> bool {
        !self.away.is_empty() && self.away.binary_search(&run).is_ok()
    }
}
