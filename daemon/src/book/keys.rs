//! Hashed keys by number, and what hangs on them.

use std::io::{self, Read, Write};

use super::column::Column;
use super::hash::Hash;
use super::index::Index;
use super::part::{Part, append_tight, push_tight, read_list, write_list};

/// Different keys, numbered as they came.
#[derive(Debug, Default, Clone)]
pub(super) struct Keys {
    pub(super) packed: PackedKeys,
    pub(super) index: Index,
}

/// The keys themselves, ten bytes each.
#[derive(Debug, Default, Clone)]
pub(super) struct PackedKeys(Vec<[u8; 10]>);

impl PackedKeys {
    fn get(&self, at: u32) -> Option<Hash> {
        self.0.get(at as usize).copied().map(Hash::unpack)
    }

    fn head(&self, at: u32) -> u64 {
        self.get(at).map_or(0, Hash::head)
    }
}

impl Keys {
    pub(super) fn len(&self) -> usize {
        self.packed.0.len()
    }

    pub(super) fn get(&self, at: u32) -> Option<Hash> {
        self.packed.get(at)
    }

    pub(super) fn find(&self, key: Hash) -> Option<u32> {
        self.index.find(key.head(), |at| self.packed.get(at) == Some(key))
    }

    /// Adds a key that is not there.
    pub(super) fn push(&mut self, key: Hash) {
        push_tight(&mut self.packed.0, key.pack());
        self.index.push(key.head(), |at| self.packed.head(at));
    }

    pub(super) fn append(&mut self, other: Self) {
        if self.len() == 0 {
            *self = other;
            return;
        }
        self.index.reserve(other.len(), |at| self.packed.head(at));
        self.index.extend(other.packed.0.iter().map(|key| Hash::unpack(*key).head()));
        append_tight(&mut self.packed.0, other.packed.0);
    }
}

impl Part for PackedKeys {
    fn bytes(&self) -> usize {
        self.0.capacity() * size_of::<[u8; 10]>()
    }

    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        write_list(out, &self.0, |key| key)
    }

    fn read(&mut self, input: &mut dyn Read) -> io::Result<()> {
        self.0 = read_list(input, |key| key)?;
        Ok(())
    }
}

/// One number for each key.
#[derive(Debug, Default, Clone)]
pub(super) struct KeyMap {
    pub(super) keys: Keys,
    pub(super) values: Column,
}

impl KeyMap {
    pub(super) fn get(&self, key: Hash) -> Option<u32> {
        let at = self.keys.find(key)?;
        self.values.get(at).and_then(|value| u32::try_from(value).ok())
    }

    /// Sets it, and gives what was there.
    pub(super) fn insert(&mut self, key: Hash, value: u32) -> Option<u32> {
        if let Some(at) = self.keys.find(key) {
            let before = self.values.get(at).and_then(|value| u32::try_from(value).ok());
            self.values.set(at, i64::from(value));
            before
        } else {
            self.keys.push(key);
            self.values.push(i64::from(value));
            None
        }
    }

    /// Every key with its number.
    pub(super) fn each(&self, mut each: impl FnMut(Hash, u32)) {
        let mut at = 0;
        self.values.each(|value| {
            if let (Some(key), Ok(value)) = (self.keys.get(at), u32::try_from(value)) {
                each(key, value);
            }
            at += 1;
        });
    }
}

/// Some rows for each key, in the sequence in which they were added.
#[derive(Debug, Default, Clone)]
pub(super) struct Names {
    pub(super) keys: Keys,
    /// By key: its first pair, less the key's number.
    pub(super) heads: Column,
    /// By pair: the row.
    pub(super) rows: Column,
    /// By pair: how far on the next pair of the same key is; 0 for none.
    pub(super) nexts: Column,
}

impl Names {
    /// The rows of a key.
    pub(super) fn rows(&self, key: Hash) -> impl Iterator<Item = u32> + '_ {
        let first = self.keys.find(key).and_then(|name| self.head(name));
        std::iter::successors(first, |pair| self.next(*pair)).filter_map(|pair| self.row(pair))
    }

    /// Adds a row to a key that does not have it.
    pub(super) fn insert(&mut self, key: Hash, row: u32) {
        let Ok(pair) = u32::try_from(self.rows.len()) else { return };
        if let Some(name) = self.keys.find(key) {
            let last = std::iter::successors(self.head(name), |pair| self.next(*pair)).last();
            if let Some(last) = last {
                self.nexts.set(last, i64::from(pair) - i64::from(last));
            }
        } else {
            self.heads.push(i64::from(pair) - self.keys.len() as i64);
            self.keys.push(key);
        }
        self.rows.push(i64::from(row));
        self.nexts.push(0);
    }

    /// Every key with its rows.
    pub(super) fn each(&self, mut each: impl FnMut(Hash, u32)) {
        for name in (0..).take(self.keys.len()) {
            let Some(key) = self.keys.get(name) else { continue };
            for pair in std::iter::successors(self.head(name), |pair| self.next(*pair)) {
                if let Some(row) = self.row(pair) {
                    each(key, row);
                }
            }
        }
    }

    fn head(&self, name: u32) -> Option<u32> {
        u32::try_from(self.heads.get(name)? + i64::from(name)).ok()
    }

    fn next(&self, pair: u32) -> Option<u32> {
        let distance = self.nexts.get(pair).filter(|distance| *distance > 0)?;
        u32::try_from(i64::from(pair) + distance).ok()
    }

    fn row(&self, pair: u32) -> Option<u32> {
        u32::try_from(self.rows.get(pair)?).ok()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    fn key(number: u64) -> Hash {
        Hash::new(number.wrapping_mul(0x9e37_79b9_7f4a_7c15), number)
    }

    proptest! {
        #[test]
        fn maps_are_maps(pairs in prop::collection::vec((0..60_u64, 0..1_000_u32), 0..300)) {
            let (mut map, mut names) = (KeyMap::default(), Names::default());
            let mut model: HashMap<u64, Vec<u32>> = HashMap::new();
            for (number, value) in pairs {
                let before = model.get(&number).and_then(|values| values.last().copied());
                prop_assert_eq!(map.insert(key(number), value), before);
                names.insert(key(number), value);
                model.entry(number).or_default().push(value);
            }
            for number in 0..70 {
                let values = model.get(&number).cloned().unwrap_or_default();
                prop_assert_eq!(map.get(key(number)), values.last().copied());
                prop_assert_eq!(names.rows(key(number)).collect::<Vec<_>>(), values);
            }
            let (mut pairs, mut all) = (0, HashMap::<_, Vec<_>>::new());
            map.each(|key, value| { pairs += 1; assert_eq!(map.get(key), Some(value)); });
            prop_assert_eq!(pairs, model.len());
            names.each(|key, row| all.entry(key).or_default().push(row));
            let expected: HashMap<_, _> = model.into_iter().map(|(number, values)| (key(number), values)).collect();
            prop_assert_eq!(all, expected);
        }
    }

    #[test]
    fn hashes_survive_packing() {
        for (low, high) in [(0, 0), (u64::MAX, u64::MAX), (0x0102_0304_0506_0708, 0x090a)] {
            let hash = Hash::new(low, high);
            assert_eq!((Hash::unpack(hash.pack()), hash.head()), (hash, low));
        }
    }
}
