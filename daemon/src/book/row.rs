//! What the book knows of an entry, while a draft works with it.

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

impl Place {
    pub(super) fn number(self) -> i64 {
        i64::from(self.block) << 16 | i64::from(self.index)
    }

    pub(super) fn of_number(number: i64) -> Self {
        Self { block: (number >> 16) as u32, index: number as u16 }
    }
}

/// One entry, taken together from the columns.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub(super) key: Hash,
    /// Hash of the whole entry; equal means that nothing changed. 0 is that of no entry.
    pub(super) fingerprint: u64,
    pub(super) revision: i64,
    pub(super) at: i64,
    pub(super) total: i64,
    pub(super) tax: i64,
    pub(super) shipping: i64,
    pub(super) customer: u32,
    pub(super) order: u32,
    pub(super) place: Place,
    /// Number of its set of labels.
    pub(super) labels: u32,
    /// What was sold, see [`super::goods`].
    pub(super) goods: i64,
    pub(super) class: Class,
}

/// What few combinations there are of, so that a row has the number of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Class {
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
    pub(super) labels: u32,
    pub(super) goods: i64,
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
            place,
            labels: links.labels,
            goods: links.goods,
            class: Class {
                integration: links.integration,
                currency: links.currency,
                kind: entry.key.kind,
                billing: entry.billing,
                doors: door.bit(),
                flags,
                moment,
            },
        }
    }

    /// A moment of receipt only ever moves back: the first delivery is the nearest to the money.
    pub(super) fn keep_first_receipt(&mut self, earlier: &Self) {
        if let (Moment::Received(new), Moment::Received(old)) =
            (self.class.moment(self.at), earlier.class.moment(earlier.at))
        {
            self.at = new.min(old);
        }
    }

    pub(super) fn withdraw(&mut self, revision: i64) {
        self.class.flags |= WITHDRAWN;
        self.revision = revision;
        // An equal entry that is put again must not look unchanged.
        self.fingerprint = 0;
    }
}

impl Class {
    /// When, as it was said.
    pub(super) fn moment(&self, at: i64) -> Moment {
        match self.moment {
            0 => Moment::Utc(at),
            1 => Moment::Local(at),
            2 => Moment::Day(i32::try_from(at).unwrap_or(0)),
            _ => Moment::Received(at),
        }
    }

    pub(super) fn is_withdrawn(&self) -> bool {
        self.flags & WITHDRAWN != 0
    }

    pub(super) fn knows_tax(&self) -> bool {
        self.flags & TAX_KNOWN != 0
    }

    pub(super) fn knows_shipping(&self) -> bool {
        self.flags & SHIPPING_KNOWN != 0
    }

    pub(super) fn is_approximate(&self) -> bool {
        self.flags & APPROXIMATE != 0
    }

    pub(super) fn is_estimated(&self) -> bool {
        self.flags & ESTIMATED != 0
    }

    pub(super) fn pack(self) -> [u8; 8] {
        let [low, high] = self.integration.to_le_bytes();
        let kind = Kind::ALL.iter().position(|kind| *kind == self.kind).unwrap_or(0);
        let billing = BILLINGS.iter().position(|billing| *billing == self.billing).unwrap_or(0);
        [low, high, self.currency, kind as u8, billing as u8, self.doors, self.flags, self.moment]
    }

    /// `None` for bytes that [`Class::pack`] never makes.
    pub(super) fn unpack(packed: [u8; 8]) -> Option<Self> {
        let [low, high, currency, kind, billing, doors, flags, moment] = packed;
        Some(Self {
            integration: u16::from_le_bytes([low, high]),
            currency,
            kind: Kind::ALL.get(usize::from(kind)).copied()?,
            billing: BILLINGS.get(usize::from(billing)).copied()?,
            doors,
            flags,
            moment,
        })
    }
}

const BILLINGS: [Billing; 3] = [Billing::Initial, Billing::Rebill, Billing::Unknown];
