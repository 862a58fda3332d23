//! The tables in redb and the records in them.
//!
//! Numbers run: `log` and `blocks` are only ever appended to. Records that may gain fields are JSON; what is written for
//! every entry is postcard.

use std::collections::BTreeMap;

use redb::TableDefinition;
use serde::{Deserialize, Serialize};

use crate::book::Counts;
use crate::model::Door;

/// Version of all tables below. A file of another version is migrated or refused, never guessed at.
pub(super) const SCHEMA: u32 = 1;

pub(super) const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
/// Commit number to `Commit` (postcard).
pub(super) const LOG: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("log");
/// Block number to a compressed list of changes. A block that no commit names does not exist.
pub(super) const BLOCKS: TableDefinition<'_, u32, &[u8]> = TableDefinition::new("blocks");
/// Delivery number to `Delivery` (JSON).
pub(super) const DELIVERIES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("deliveries");
/// Delivery number to the raw body (zstd). Bodies of files lie beside the database, by their hash.
pub(super) const BODIES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("bodies");
/// Deliveries that were acknowledged and not read yet.
pub(super) const INBOX: TableDefinition<'_, u64, ()> = TableDefinition::new("inbox");
/// (delivery, line) to `Quarantined` (JSON); line 0 is the delivery as a whole.
pub(super) const QUARANTINE: TableDefinition<'_, (u64, u64), &[u8]> = TableDefinition::new("quarantine");
/// (integration, SHA-256 of the file) to `Import` (JSON).
pub(super) const IMPORTS: TableDefinition<'_, (&str, &str), &[u8]> = TableDefinition::new("imports");
/// Integration to `Marks` (JSON).
pub(super) const MARKS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("marks");
/// Integration to what its connector wants to remember, behind the hash of the connector's file (32 bytes, hex).
pub(super) const MEMORY: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("memory");

/// One commit of the log: which blocks, and whence.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Commit {
    pub(super) at_ms: i64,
    pub(super) integration: String,
    pub(super) door: Door,
    pub(super) delivery: u64,
    pub(super) first_block: u32,
    pub(super) blocks: u32,
    pub(super) counts: Counts,
}

/// Something that arrived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// Which integration it is for.
    pub integration: String,
    /// Which door it came by.
    pub door: Door,
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub received_ms: i64,
    /// What it is.
    pub what: What,
    /// What became of it.
    pub state: State,
    /// How often it has been read.
    pub attempts: u32,
}

/// What a delivery is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum What {
    /// A webhook request.
    Request {
        /// Query of the address, without question mark.
        query: String,
        /// Headers, names in lower case; those that carry credentials are left out.
        headers: Vec<(String, String)>,
    },
    /// A file.
    File {
        /// Its name as found.
        name: String,
        /// Of its raw bytes, hex.
        sha256: String,
        /// Its size.
        bytes: u64,
    },
}

/// What became of a delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum State {
    /// Kept, not read yet.
    Pending,
    /// Read, with this effect.
    Read {
        /// On the ledger.
        counts: Counts,
    },
    /// Read, and it carries no money.
    Ignored {
        /// Why, in the connector's words.
        reason: String,
    },
    /// Could not be read; see the quarantine.
    Quarantined,
}

/// A delivery, or a row of one, that waits for a person or a new connector.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantined {
    /// Which integration.
    pub integration: String,
    /// Which door it came by.
    pub door: Door,
    /// When it was put here.
    pub since_ms: i64,
    /// Column or field at fault.
    pub field: Option<String>,
    /// The platform's id, if it could be read.
    pub id: Option<String>,
    /// Why, for the operator.
    pub reason: String,
    /// The row as it stands in the file; empty for a whole delivery, whose body is in the archive.
    pub raw: String,
    /// Connector and version that could not read it.
    pub connector: String,
}

/// How far the data of an integration is known to be complete.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Marks {
    /// The last entry of any file that was imported: milliseconds since 1970-01-01T00:00:00Z.
    pub file_last_ms: Option<i64>,
    /// Exclusive end that the operator declared with an import: days since 1970-01-01.
    pub declared_day: Option<i32>,
    /// When the last webhook delivery that was read had arrived.
    pub webhook_last_ms: Option<i64>,
}

/// What became of a file, kept so that the same file again adds nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Import {
    /// Its delivery.
    pub delivery: u64,
    /// Its name.
    pub name: String,
    /// When it was committed.
    pub at_ms: i64,
    /// Size in bytes.
    pub bytes: u64,
    /// The layout that was recognised, by the connector's name for it.
    pub format: String,
    /// Connector and version that read it.
    pub connector: String,
    /// Rows of data.
    pub rows: u64,
    /// Rows that became entries, alone or with others.
    pub rows_read: u64,
    /// Rows left out on purpose.
    pub rows_ignored: u64,
    /// Rows that could not be read.
    pub rows_refused: u64,
    /// Effect on the ledger.
    pub counts: Counts,
    /// Sums of the entries in the file, in minor units, by currency and kind (`USD sale`).
    pub totals: BTreeMap<String, Total>,
    /// First and last moment of its entries, milliseconds since 1970-01-01T00:00:00Z.
    pub span_ms: Option<(i64, i64)>,
    /// What the connector says about it, each with how often.
    pub notes: BTreeMap<String, u64>,
    /// Amounts that were finer than the currency's minor unit.
    pub rounded: u64,
    /// Entries whose parts do not add up to their total.
    pub parts_mismatch: u64,
}

/// A number and a sum.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Total {
    /// How many entries.
    pub entries: u64,
    /// Their totals in minor units, not negative.
    pub minor: i64,
}
