//! What the book keeps of an entry.

use crate::model::{Billing, Door, Entry, Kind, Moment};

use super::hash::Hash;

/// No row, no order, no customer.
pub const NONE: u32 = u32::MAX;

/// Where the whole entry lies in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Number of the block.
    pub block: u32,
    /// How many entries of the block come before it.
    pub index: u16,
}

/// One entry in memory: what reports scan, and what decides about later changes. 96 bytes.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    pub(super) key: Hash,
    /// Hash of the whole entry; equal means that nothing changed.
    pub(super) fingerprint: u64,
    pub(super) revision: i64,
    at: i64,
    pub(super) total: i64,
    pub(super) tax: i64,
    pub(super) shipping: i64,
    pub(super) customer: u32,
    pub(super) order: u32,
    /// Next row of the same order, or `NONE`.
    pub(super) next: u32,
    block: u32,
    index: u16,
    pub(super) integration: u16,
    pub(super) currency: u8,
    pub(super) kind: Kind,
    pub(super) billing: Billing,
    /// Doors that it has come through, as `Door::bit`s.
    pub(super) doors: u8,
    flags: u8,
    moment: u8,
}

const WITHDRAWN: u8 = 1;
const TAX_KNOWN: u8 = 2;
const SHIPPING_KNOWN: u8 = 4;
const APPROXIMATE: u8 = 8;
const ESTIMATED: u8 = 16;

/// What a row refers to by number.
#[derive(Debug, Clone, Copy)]
pub(super) struct Links {
    pub(super) integration: u16,
    pub(super) currency: u8,
    pub(super) customer: u32,
    pub(super) order: u32,
}

impl Row {
    pub(super) fn new(entry: &Entry, key: Hash, fingerprint: u64, links: Links, door: Door, place: Place) -> Self {
        let mut flags = 0;
        for (flag, set) in [
            (TAX_KNOWN, entry.amounts.tax.is_some()),
            (SHIPPING_KNOWN, entry.amounts.shipping.is_some()),
            (APPROXIMATE, entry.date_is_approximate()),
            (ESTIMATED, entry.tag("estimated") == Some("true")),
        ] {
            flags |= if set { flag } else { 0 };
        }
        let (moment, at) = match entry.at {
            Moment::Utc(ms) => (0, ms),
            Moment::Local(ms) => (1, ms),
            Moment::Day(day) => (2, i64::from(day)),
            Moment::Received(ms) => (3, ms),
        };
        Self {
            key,
            fingerprint,
            revision: entry.revision,
            at,
            total: entry.amounts.total,
            tax: entry.amounts.tax.unwrap_or(0),
            shipping: entry.amounts.shipping.unwrap_or(0),
            customer: links.customer,
            order: links.order,
            next: NONE,
            block: place.block,
            index: place.index,
            integration: links.integration,
            currency: links.currency,
            kind: entry.key.kind,
            billing: entry.billing,
            doors: door.bit(),
            flags,
            moment,
        }
    }

    /// When, as it was said.
    pub fn moment(&self) -> Moment {
        match self.moment {
            0 => Moment::Utc(self.at),
            1 => Moment::Local(self.at),
            2 => Moment::Day(i32::try_from(self.at).unwrap_or(0)),
            _ => Moment::Received(self.at),
        }
    }

    /// A moment of receipt only ever moves back: the first delivery is the nearest to the money.
    pub(super) fn keep_first_receipt(&mut self, earlier: &Self) {
        if let (Moment::Received(new), Moment::Received(old)) = (self.moment(), earlier.moment()) {
            self.at = new.min(old);
        }
    }

    pub(super) fn place(&self) -> Place {
        Place { block: self.block, index: self.index }
    }

    pub(super) fn is_withdrawn(&self) -> bool {
        self.flags & WITHDRAWN != 0
    }

    pub(super) fn withdraw(&mut self, revision: i64) {
        self.flags |= WITHDRAWN;
        self.revision = revision;
        // An equal entry that is put again must not look unchanged.
        self.fingerprint = 0;
    }

    pub(super) fn tax(&self) -> Option<i64> {
        (self.flags & TAX_KNOWN != 0).then_some(self.tax)
    }

    pub(super) fn shipping(&self) -> Option<i64> {
        (self.flags & SHIPPING_KNOWN != 0).then_some(self.shipping)
    }

    pub(super) fn is_approximate(&self) -> bool {
        self.flags & APPROXIMATE != 0
    }

    pub(super) fn is_estimated(&self) -> bool {
        self.flags & ESTIMATED != 0
    }
}
