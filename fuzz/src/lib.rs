//! The readers of foreign bytes, without the rest of the daemon: its modules are compiled in from where they are, so that no
//! WebAssembly runtime has to be built with coverage counters.

#![allow(dead_code, unused_imports, unreachable_pub)]

#[path = "../../daemon/src/config/mod.rs"]
pub mod config;
pub mod connector;
pub mod decoder;
#[path = "../../daemon/src/files/mod.rs"]
pub mod files;
#[path = "../../daemon/src/limits.rs"]
pub mod limits;
#[path = "../../daemon/src/model/mod.rs"]
pub mod model;
#[path = "../../daemon/src/owner.rs"]
pub mod owner;

#[path = "../../daemon/src/doors/proof.rs"]
mod proof;

/// Of the doors, what is done with a request before it is believed.
pub mod doors {
    /// See `proof::mask`.
    pub fn mask(body: &[u8], word: &[u8]) -> Vec<u8> {
        crate::proof::mask(body, word)
    }

    /// See `proof::same`.
    pub fn same(left: &[u8], right: &[u8]) -> bool {
        crate::proof::same(left, right)
    }
}
