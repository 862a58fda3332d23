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
pub(super) const SCHEMA: u32 = 4;

pub(super) const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
/// Commit number to `Commit` (postcard).
pub(super) const LOG: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("log");
/// Block number to a compressed list of changes. A block that no commit names does not exist.
pub(super) const BLOCKS: TableDefinition<'_, u32, &[u8]> = TableDefinition::new("blocks");
/// Delivery number to `Delivery` (JSON).
pub(super) const DELIVERIES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("deliveries");
/// Delivery number to the raw body (zstd). Bodies of files lie beside the database, by their hash.
pub(super) const BODIES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("bodies");
/// (integration, delivery) of webhooks that were acknowledged and not read yet. By integration, so that the many of one do not
/// stand before the few of another.
pub(super) const INBOX: TableDefinition<'_, (&str, u64), ()> = TableDefinition::new("waiting");
/// (delivery, line) to `Quarantined` (JSON); line 0 is the delivery as a whole.
pub(super) const QUARANTINE: TableDefinition<'_, (u64, u64), &[u8]> = TableDefinition::new("quarantine");
/// (integration, SHA-256 of the file) to `Import` (JSON).
pub(super) const IMPORTS: TableDefinition<'_, (&str, &str), &[u8]> = TableDefinition::new("imports");
/// Integration to `Marks` (JSON).
pub(super) const MARKS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("marks");
/// Integration to what its connector wants to remember, behind the hash of the connector's file (32 bytes, hex).
pub(super) const MEMORY: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("memory");

/// Integration to `Cursor` (JSON).
pub(super) const CURSORS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("cursors");
/// (delivery, running number) to `Exchange` (JSON): what was asked while it was read, and what came back.
pub(super) const EXCHANGES: TableDefinition<'_, (u64, u32), &[u8]> = TableDefinition::new("exchanges");
/// SHA-256 of a response's body to how many exchanges name it (u32, little endian) and the body (zstd).
pub(super) const RESPONSES: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("responses");
/// (integration, milliseconds at which it began) to `Pass` (JSON).
pub(super) const PASSES: TableDefinition<'_, (&str, i64), &[u8]> = TableDefinition::new("passes");

/// Keyed hash of an address or id that was forgotten to what stands for it now (JSON).
pub(super) const FORGOTTEN: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("forgotten");

/// Hands the names of all tables to a macro, so that none is left out where each has its turn.
macro_rules! every_table {
    ($what:ident) => {
        $what! {
            META LOG BLOCKS DELIVERIES BODIES INBOX QUARANTINE IMPORTS MARKS MEMORY CURSORS EXCHANGES RESPONSES PASSES
            FORGOTTEN
        }
    };
}
pub(super) use every_table;

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
    /// It is read again with what its platform answered then, as far as that is kept.
    #[serde(default)]
    pub from_archive: bool,
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
    /// A conversation with a platform that the daemon began.
    Poll {
        /// What was wanted.
        task: PollTask,
        /// What the connector remembered when it began, so that it can be told again: base64.
        memory: Option<String>,
    },
}

/// What a conversation with a platform was about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "task")]
pub enum PollTask {
    /// Everything in a window.
    Sync {
        /// By which date: modification, else creation.
        modified: bool,
        /// First instant, milliseconds since 1970-01-01T00:00:00Z.
        start_ms: i64,
        /// First instant that does not belong.
        end_ms: i64,
    },
    /// Some orders again.
    Refresh {
        /// The platform's ids.
        orders: Vec<String>,
    },
    /// Webhooks at the platform, made or kept.
    Subscribe,
    /// Webhooks at the platform, removed.
    Unsubscribe,
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
    /// A conversation that has not come to its end, or never did. What it had stored by then stays.
    Unfinished,
    /// A conversation that failed. What it had stored by then stays.
    Failed {
        /// Why.
        reason: String,
    },
    /// A person was deleted who was in it; what it carried is gone, and it is not read again.
    Forgotten,
}

impl State {
    /// In one word, as metrics have it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Pending => "received",
            Self::Read { .. } => "read",
            Self::Ignored { .. } => "ignored",
            Self::Quarantined => "quarantined",
            Self::Unfinished => "unfinished",
            Self::Failed { .. } => "failed",
            Self::Forgotten => "forgotten",
        }
    }
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
    /// The platform was read whole up to here: milliseconds since 1970-01-01T00:00:00Z, exclusive.
    pub synced_ms: Option<i64>,
}

/// How far the polling of an integration has come. It moves in the transaction of the last changes that it stands for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Cursor {
    /// First day of which everything was wanted when it was loaded: days since 1970-01-01.
    pub from_day: Option<i32>,
    /// What is still to be loaded by creation date.
    pub load: Option<Load>,
    /// Up to here everything is in, by modification date if the platform has one. Milliseconds since 1970-01-01T00:00:00Z.
    pub through_ms: Option<i64>,
    /// When the last complete second look at recent days began.
    pub rechecked_ms: Option<i64>,
    /// When the platform was last told to deliver webhooks here; `None` if nobody wanted that.
    pub subscribed_ms: Option<i64>,
    /// When that was last tried in vain.
    pub subscribe_tried_ms: Option<i64>,
    /// Why nothing is asked any more, until a person acts.
    pub stopped: Option<Stop>,
}

/// A range that is loaded by creation date, oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Load {
    /// First instant of the whole range, for people who wait.
    pub start_ms: i64,
    /// First instant that is not loaded yet.
    pub next_ms: i64,
    /// End of the range.
    pub end_ms: i64,
}

/// A platform that said no.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stop {
    /// When.
    pub since_ms: i64,
    /// What it said, and what to do.
    pub reason: String,
}

/// One request to a platform and what came of it. Holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    /// Method, address, query and body, with names instead of secrets.
    pub request: String,
    /// What came back.
    pub came: Came,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Came {
    /// An answer.
    Response {
        /// HTTP status.
        status: u16,
        /// Headers.
        headers: Vec<(String, String)>,
        /// Body; stored apart, once for all equal ones.
        #[serde(skip)]
        body: Vec<u8>,
        /// SHA-256 of the body.
        sha256: String,
    },
    /// No answer in time.
    Timeout,
    /// No connection, or it broke.
    Connection(String),
    /// Larger than so many bytes.
    TooLarge(u64),
    /// Not sent.
    Refused(String),
}

/// One pass over a platform, for people who look at the status.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Pass {
    /// When it began, milliseconds since 1970-01-01T00:00:00Z.
    pub began_ms: i64,
    /// When it ended.
    pub ended_ms: i64,
    /// Everything that was to be read was read.
    pub complete: bool,
    /// Why it is not complete, or what the connector wants people to know.
    pub notes: Vec<String>,
    /// Windows read whole.
    pub windows: u32,
    /// Windows that were to be read.
    pub windows_planned: u32,
    /// Requests sent, attempts included.
    pub requests: u64,
    /// Bytes received.
    pub bytes: u64,
    /// Effect on the ledger.
    pub counts: Counts,
    /// What the platform announced and what came, by collection.
    pub tallies: BTreeMap<String, Tally>,
    /// Orders that a complete walk did not meet and that were asked for one by one.
    pub refreshed: u64,
}

/// A collection in a pass.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// How many the platform said there are; `None` if it did not say so each time.
    pub announced: Option<u64>,
    /// How many came.
    pub received: u64,
}

/// What became of a file, kept so that the same file again adds nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Import {
    /// Its delivery.
    pub delivery: u64,
    /// Its name.
    pub name: String,
    /// When it was taken in. Files are read again in this order, and reading one again leaves it.
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
    /// The archived file lacks the records of people who were deleted, and is not replaced by another copy.
    #[serde(default)]
    pub struck: bool,
    /// Hash of what it was read by: the connector's file, and the settings that matter. The same file read by the same is not
    /// read again. `None` if that was not kept then.
    #[serde(default)]
    pub read_as: Option<String>,
}

/// A number and a sum.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Total {
    /// How many entries.
    pub entries: u64,
    /// Their totals in minor units, not negative.
    pub minor: i64,
}
