//! An index over numbered things: from a hash to the numbers that may have it, in about five bytes each.

use std::hint::black_box;
use std::io::{self, Read, Write};

use super::part::{Part, bad, read_list, read_u64, write_list, write_u64};

/// Slots that are looked at together: one line of the processor's cache.
const SLOTS: usize = 16;
/// Numbers lie below this.
pub(super) const NUMBERS: usize = (1 << 31) - 2;
/// Things whose buckets are fetched together.
const TOGETHER: usize = 64;
/// Up to so many the table doubles; from there on it grows by a quarter.
const DOUBLES: usize = 1 << 20;
/// How full the table may become, of twenty parts. Fuller, and too many buckets are full, so that a look takes a second one.
const FULL: usize = 17;

#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
struct Bucket([u32; SLOTS]);

/// Knows the things 0, 1, 2 … by their hashes. It holds neither: a slot has a number, and in the bits that numbers leave free as much of
/// the hash as fits (eight bits at ten million), so that few others have to be looked at. Nothing is ever removed. Buckets are as many
/// as are needed, not a power of two.
#[derive(Debug, Default, Clone)]
pub(super) struct Index {
    /// A slot is 0 if it is free. Slots of a bucket fill up from the first; what finds no room goes to the next bucket.
    buckets: Vec<Bucket>,
    len: usize,
    /// Bits of a slot that hold the number plus one.
    bits: u32,
}

impl Index {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The first number with this hash of which `is` says that it is the one.
    pub(super) fn find(&self, hash: u64, mut is: impl FnMut(u32) -> bool) -> Option<u32> {
        let tag = self.tag(hash);
        let mut at = self.home(hash);
        // A table always has free slots, so this ends long before it has seen every bucket.
        for _ in 0..self.buckets.len() {
            let Bucket(slots) = self.buckets.get(at)?;
            let mut hits = 0_u32;
            for (position, slot) in slots.iter().enumerate() {
                hits |= u32::from(slot >> self.bits == tag) << position;
            }
            while hits != 0 {
                let slot = slots.get(hits.trailing_zeros() as usize).copied().unwrap_or(0);
                hits &= hits - 1;
                let number = slot & self.mask();
                if number != 0 && is(number - 1) {
                    return Some(number - 1);
                }
            }
            if slots.last() == Some(&0) {
                return None;
            }
            at = if at + 1 == self.buckets.len() { 0 } else { at + 1 };
        }
        None
    }

    /// Adds the thing that has the next number. `hash_of` tells the hashes of the earlier ones, for when the table grows.
    pub(super) fn push(&mut self, hash: u64, hash_of: impl Fn(u32) -> u64) {
        if self.len >= self.capacity() {
            self.grow(self.len + self.room(), hash_of);
        }
        self.place(hash);
    }

    /// By how many it grows where nobody knows how many will come.
    fn room(&self) -> usize {
        let room = if self.len < DOUBLES { self.len } else { self.len / 4 };
        room.max(8)
    }

    /// Adds things that have the next numbers, all of which there is room for.
    pub(super) fn extend(&mut self, hashes: impl Iterator<Item = u64>) {
        let mut some = Vec::with_capacity(TOGETHER);
        for hash in hashes {
            some.push(hash);
            if some.len() == TOGETHER {
                self.place_all(&some);
                some.clear();
            }
        }
        self.place_all(&some);
    }

    /// Makes room for so many more, so that the table grows once at most.
    pub(super) fn reserve(&mut self, more: usize, hash_of: impl Fn(u32) -> u64) {
        let needed = self.len + more;
        if needed > self.capacity() {
            // A table that is filled little by little must not grow each time.
            let room = if more > self.len / 4 { more } else { self.room() };
            self.grow(self.len + room, hash_of);
        }
    }

    fn place(&mut self, hash: u64) {
        let slot = self.tag(hash).checked_shl(self.bits).unwrap_or(0) | u32::try_from(self.len + 1).unwrap_or(0);
        let mut at = self.home(hash);
        for _ in 0..self.buckets.len() {
            let Some(Bucket(slots)) = self.buckets.get_mut(at) else { return };
            let taken = slots.iter().filter(|slot| **slot != 0).count();
            if let Some(free) = slots.get_mut(taken) {
                *free = slot;
                self.len += 1;
                return;
            }
            at = if at + 1 == self.buckets.len() { 0 } else { at + 1 };
        }
    }

    fn grow(&mut self, capacity: usize, hash_of: impl Fn(u32) -> u64) {
        let count = capacity.min(NUMBERS) * 20 / FULL / SLOTS + 1;
        let known = u32::try_from(self.len).unwrap_or(u32::MAX);
        // Given back first, so that there are never two.
        self.buckets = Vec::new();
        *self = Self { buckets: vec![Bucket([0; SLOTS]); count], len: 0, bits: 0 };
        self.bits = 32 - u32::try_from(self.capacity()).unwrap_or(u32::MAX).leading_zeros();
        let mut hashes = Vec::with_capacity(TOGETHER);
        for from in (0..known).step_by(TOGETHER) {
            hashes.clear();
            hashes.extend((from..known).take(TOGETHER).map(&hash_of));
            self.place_all(&hashes);
        }
    }

    /// Places things that follow each other. Their buckets lie far apart in memory; looking at all of them first lets the processor
    /// fetch them at once.
    fn place_all(&mut self, hashes: &[u64]) {
        let buckets = hashes.iter().filter_map(|hash| self.buckets.get(self.home(*hash)));
        black_box(buckets.fold(0, |sum, Bucket([first, ..])| sum ^ first));
        hashes.iter().for_each(|hash| self.place(*hash));
    }

    /// Things that fit before the table must grow.
    fn capacity(&self) -> usize {
        (self.buckets.len() * SLOTS * FULL / 20).min(NUMBERS)
    }

    /// The bucket in which the search for a hash begins: its share of all hashes.
    fn home(&self, hash: u64) -> usize {
        usize::try_from((u128::from(hash) * self.buckets.len() as u128) >> 64).unwrap_or(0)
    }

    /// What a slot keeps of a hash. From its low end: the high end has chosen the bucket.
    fn tag(&self, hash: u64) -> u32 {
        (hash as u32).checked_shr(self.bits).unwrap_or(0)
    }

    fn mask(&self) -> u32 {
        (1_u32 << self.bits).wrapping_sub(1)
    }
}

impl Part for Index {
    fn bytes(&self) -> usize {
        self.buckets.capacity() * size_of::<Bucket>()
    }

    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        write_u64(out, self.len)?;
        write_u64(out, self.bits as usize)?;
        write_list(out, &self.buckets, |Bucket(slots)| {
            let mut bytes = [0; SLOTS * 4];
            for (bytes, slot) in bytes.as_chunks_mut::<4>().0.iter_mut().zip(slots) {
                *bytes = slot.to_le_bytes();
            }
            bytes
        })
    }

    fn read(&mut self, input: &mut dyn Read) -> io::Result<()> {
        let len = read_u64(input)?;
        let bits = u32::try_from(read_u64(input)?).map_err(|_| bad("an index has too many bits"))?;
        let buckets = read_list(input, |bytes: [u8; SLOTS * 4]| {
            let mut slots = [0; SLOTS];
            for (slot, bytes) in slots.iter_mut().zip(bytes.as_chunks::<4>().0) {
                *slot = u32::from_le_bytes(*bytes);
            }
            Bucket(slots)
        })?;
        let read = Self { buckets, len, bits };
        if read.len > read.capacity() || (read.len > 0 && !(1..32).contains(&bits)) {
            return Err(bad("an index does not fit its own length"));
        }
        *self = read;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn an_index_is_a_map(
            // Few different high ends and few different low ends, so that buckets overflow and tags are equal.
            keys in prop::collection::vec((0..5_u64, 0..4_u64, 0..300_u64), 0..3_000),
            absent in prop::collection::vec((0..5_u64, 0..4_u64, 300..400_u64), 0..50),
            reserved in 0..3_000_usize,
        ) {
            let hash = |(high, low, middle): (u64, u64, u64)| (high << 62) ^ (middle << 34) ^ low;
            let mut index = Index::default();
            let mut model = HashMap::new();
            let mut known: Vec<(u64, u64, u64)> = vec![];
            index.reserve(reserved, |_| unreachable!());
            for key in keys {
                let found = index.find(hash(key), |at| known[at as usize] == key);
                prop_assert_eq!(found, model.get(&key).copied());
                if found.is_none() {
                    model.insert(key, u32::try_from(known.len()).unwrap());
                    index.push(hash(key), |at| hash(known[at as usize]));
                    known.push(key);
                }
            }
            let mut file = vec![];
            index.write(&mut file).unwrap();
            let mut back = Index::default();
            back.read(&mut file.as_slice()).unwrap();
            for (key, at) in &model {
                prop_assert_eq!(back.find(hash(*key), |at| known[at as usize] == *key), Some(*at));
            }
            for key in absent {
                prop_assert_eq!(back.find(hash(key), |at| known[at as usize] == key), None);
            }
        }
    }

    /// A good hash, as the book's keyed one is.
    fn mixed(number: u32) -> u64 {
        let mut mixed = u64::from(number).wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    #[test]
    fn things_may_come_many_at_once() {
        let mut index = Index::default();
        let mut known = 0;
        for more in [1, 5, 1_000, 3, 64, 2_000] {
            index.reserve(more as usize, mixed);
            index.extend((known..known + more).map(mixed));
            known += more;
        }
        assert_eq!(index.len(), known as usize);
        for number in 0..known {
            assert_eq!(index.find(mixed(number), |at| at == number), Some(number));
        }
        assert_eq!(index.find(mixed(known), |at| mixed(at) == mixed(known)), None);
    }

    #[test]
    fn an_index_takes_about_five_bytes_and_few_looks() {
        let mut index = Index::default();
        for number in 0..200_000 {
            index.push(mixed(number), mixed);
        }
        assert!(index.bytes() <= 200_000 * 56 / 10, "{}", index.bytes());
        let mut looks = 0_u32;
        for number in 0..200_000 {
            assert_eq!(
                index.find(mixed(number), |at| {
                    looks += 1;
                    at == number
                }),
                Some(number)
            );
        }
        assert!(looks < 210_000, "{looks}");
        let mut looks = 0_u32;
        for number in 200_000..400_000 {
            assert_eq!(
                index.find(mixed(number), |_| {
                    looks += 1;
                    false
                }),
                None
            );
        }
        assert!(looks < 30_000, "{looks}");
    }
}
