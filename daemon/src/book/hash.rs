//! Keyed 128-bit hashes stand for keys and names in memory.
//!
//! With a key that an outsider cannot know, two texts out of ten million meet with a chance below 1e-24, so a hit need not
//! be verified against the text, which would cost a look into a compressed block for every row of a repeated file.

use std::hash::Hasher;

use siphasher::sip128::{Hasher128, SipHasher13};

/// 128 bits of SipHash 1-3.
pub(super) type Hash = [u64; 2];

/// The secret of one book. No hash is ever written down; the ledger keeps the key so that ties fall the same way after each
/// start.
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
        [hash.h1, hash.h2]
    }

    pub(super) fn fingerprint(&self, bytes: &[u8]) -> u64 {
        let mut hasher = SipHasher13::new_with_keys(self.0, self.1);
        hasher.write(bytes);
        let hash = hasher.finish128();
        hash.h1 ^ hash.h2
    }
}
