//! Keyed 80-bit hashes stand for keys and names in memory.
//!
//! With a key that an outsider cannot know, two texts out of ten million meet with a chance below 1e-10, so a hit need not
//! be verified against the text, which would cost a look into a compressed block for every row of a repeated file.

use std::hash::Hasher;

use siphasher::sip128::{Hasher128, SipHasher13};

/// 80 bits of SipHash 1-3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Hash(u128);

/// The bits that count.
const BITS: u128 = (1 << 80) - 1;

impl Hash {
    pub(super) fn new(low: u64, high: u64) -> Self {
        Self::of_number(u128::from(low) | u128::from(high) << 64)
    }

    /// From the low 80 bits.
    pub(super) fn of_number(number: u128) -> Self {
        Self(number & BITS)
    }

    pub(super) fn number(self) -> u128 {
        self.0
    }

    /// The low 64 bits.
    pub(super) fn head(self) -> u64 {
        self.0 as u64
    }

    pub(super) fn pack(self) -> [u8; 10] {
        self.0.to_le_bytes().first_chunk().copied().unwrap_or_default()
    }

    pub(super) fn unpack(packed: [u8; 10]) -> Self {
        let mut bytes = [0; 16];
        if let Some(head) = bytes.first_chunk_mut() {
            *head = packed;
        }
        Self(u128::from_le_bytes(bytes))
    }
}

/// The secret of one book. The ledger keeps it, so that ties fall the same way after each start and hashes can be written down.
#[derive(Debug, Clone, Copy)]
pub struct HashKey(pub u64, pub u64);

/// What a hashed text is, so that equal texts of different sorts differ.
#[derive(Debug, Clone, Copy)]
#[repr(u8)]
pub(super) enum Sort {
    /// Entry key or weaker name, with the kind added: a door's key may be another door's name.
    Entry = 0,
    Order = 16,
    Email = 17,
    CustomerId = 18,
}

impl HashKey {
    pub(super) fn of(&self, sort: Sort, salt: u8, integration: u16, text: &str) -> Hash {
        let mut hasher = SipHasher13::new_with_keys(self.0, self.1);
        hasher.write(&[sort as u8, salt]);
        hasher.write(&integration.to_le_bytes());
        hasher.write(text.as_bytes());
        let hash = hasher.finish128();
        Hash::new(hash.h1, hash.h2)
    }

    /// 48 bits of what the bytes say; never 0.
    pub(super) fn fingerprint(&self, bytes: &[u8]) -> u64 {
        (self.short(bytes) >> 16).max(1)
    }

    /// 64 bits for a table that compares what it finds.
    pub(super) fn short(&self, bytes: &[u8]) -> u64 {
        let mut hasher = SipHasher13::new_with_keys(self.0, self.1);
        hasher.write(bytes);
        let hash = hasher.finish128();
        hash.h1 ^ hash.h2
    }
}
