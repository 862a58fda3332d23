//! Counts rows that are equal in everything that is handed over.

use hashbrown::HashTable;
use siphasher::sip128::SipHasher13;

use super::groups::HashKeys;

/// Rows of one file, or of one group.
#[derive(Debug)]
pub(super) struct Twins {
    keys: HashKeys,
    /// Hashes of rows seen.
    seen: HashTable<u128>,
    /// Hashes of rows seen more than once, and how often before. Apart, because twins are rare.
    repeated: HashTable<(u128, u32)>,
    /// The row that is hashed.
    row: Vec<u8>,
}

impl Twins {
    pub(super) fn new(keys: HashKeys) -> Self {
        Self { keys, seen: HashTable::new(), repeated: HashTable::new(), row: Vec::new() }
    }

    /// Forgets all rows.
    pub(super) fn clear(&mut self) {
        self.seen.clear();
        self.repeated.clear();
    }

    /// Makes room, so that growing never needs two tables at a time.
    pub(super) fn reserve(&mut self, rows: usize) {
        self.seen.reserve(rows.saturating_sub(self.seen.len()), low);
    }

    /// How many rows before this one are equal.
    pub(super) fn count(&mut self, text: &[u8], start: usize, ends: &[u32]) -> u32 {
        // The lengths of all cells, then all text: equal only if every cell is. One piece is hashed faster than many.
        self.row.clear();
        let mut cell_start = u32::try_from(start).unwrap_or_default();
        for end in ends {
            self.row.extend_from_slice(&end.wrapping_sub(cell_start).to_le_bytes());
            cell_start = *end;
        }
        self.row.extend_from_slice(text.get(start..cell_start as usize).unwrap_or_default());
        let hash = SipHasher13::new_with_keys(self.keys.0, self.keys.1).hash(&self.row).as_u128();
        let entry = self.seen.entry(low(&hash), |other| *other == hash, low);
        if let hashbrown::hash_table::Entry::Vacant(vacant) = entry {
            vacant.insert(hash);
            return 0;
        }
        let by_hash = |(hash, _): &(u128, u32)| low(hash);
        let mut repeated = self.repeated.entry(low(&hash), |(other, _)| *other == hash, by_hash).or_insert((hash, 0));
        let (_, count) = repeated.get_mut();
        *count = count.saturating_add(1);
        *count
    }
}

/// A hash of a hash is its lower half.
fn low(hash: &u128) -> u64 {
    *hash as u64
}
