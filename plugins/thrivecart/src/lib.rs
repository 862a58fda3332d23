//! The ThriveCart connector of ltvd: the API, webhooks and exported files.
//!
//! Facts about the platform carry how sure they are: \[C\] certain, \[L\] likely, \[G\] guessed. See README.md for set-up,
//! keys and known limits.

use ltv_connector::prelude::*;

mod api;
mod csv;
mod entries;
mod events;
mod fields;
mod manifest;
mod names;
mod webhook;

#[cfg(test)]
mod tests;

/// The connector.
#[derive(Debug)]
pub struct ThriveCart;

impl Connector for ThriveCart {
    fn describe() -> Manifest {
        manifest::manifest()
    }
}

ltv_connector::export!(ThriveCart: poll, webhook, csv);
