//! Entries, and the changes a connector makes to them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Currency, Decimal, Moment};

/// Which way money moved, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The customer paid: a first purchase or a rebill.
    Sale,
    /// The shop gave money back.
    Refund,
    /// A sale was undone before it was settled. Counts like a refund.
    Void,
    /// The customer's bank took money back.
    Chargeback,
    /// A chargeback was decided for the shop.
    ChargebackReversal,
}

impl Kind {
    /// All kinds, in their order of declaration.
    pub const ALL: [Self; 5] = [Self::Sale, Self::Refund, Self::Void, Self::Chargeback, Self::ChargebackReversal];

    /// `+1` for money that comes in, `-1` for money that goes out. Totals of entries are never negative.
    pub const fn sign(self) -> i64 {
        match self {
            Self::Sale | Self::ChargebackReversal => 1,
            Self::Refund | Self::Void | Self::Chargeback => -1,
        }
    }

    /// The name in JSON, CSV and messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sale => "sale",
            Self::Refund => "refund",
            Self::Void => "void",
            Self::Chargeback => "chargeback",
            Self::ChargebackReversal => "chargeback_reversal",
        }
    }
}

/// Whether a subscription, rather than a decision of the customer, caused a sale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Billing {
    /// A one-time purchase, or the first charge of a subscription.
    Initial,
    /// A later charge of a subscription or payment plan.
    Rebill,
    /// The platform does not say.
    Unknown,
}

impl Billing {
    /// The name in JSON, CSV and messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Initial => "initial",
            Self::Rebill => "rebill",
            Self::Unknown => "unknown",
        }
    }
}

/// The way in that something came by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Door {
    /// A platform's API, asked by the daemon.
    Poll,
    /// A request that a platform sent by itself.
    Webhook,
    /// A file in the drop folder, or given to `ltvd import`.
    File,
}

impl Door {
    /// A bit of its own, for sets of doors.
    pub const fn bit(self) -> u8 {
        match self {
            Self::Poll => 1,
            Self::Webhook => 2,
            Self::File => 4,
        }
    }
}

/// Names one entry inside an integration, whichever door it came by.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EntryKey {
    /// The kind is part of the key.
    pub kind: Kind,
    /// The platform's own id of this movement of money.
    pub id: String,
}

/// The buyer as the platform knows them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Customer {
    /// E-mail address as given, not normalised.
    pub email: Option<String>,
    /// The platform's id.
    pub id: Option<String>,
}

/// What a sum consists of, in minor units of the entry's currency. Never negative, but for `fees`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Amounts {
    /// All the money that moved, with tax.
    pub total: i64,
    /// Goods before discount, without tax.
    pub items: Option<i64>,
    /// Discount, as a positive number.
    pub discount: Option<i64>,
    /// Shipping without tax.
    pub shipping: Option<i64>,
    /// Charges added by the shop.
    pub fees: Option<i64>,
    /// All tax.
    pub tax: Option<i64>,
    /// What the payment processor kept. Not part of `total`.
    pub processing_fee: Option<i64>,
}

/// One product within an entry.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Line {
    /// The platform's product id.
    pub product_id: Option<String>,
    /// The platform's id of the variant.
    pub variant_id: Option<String>,
    /// Stock keeping unit.
    pub sku: Option<String>,
    /// Name to show.
    pub name: Option<String>,
    /// How many; may be fractional.
    pub quantity: Decimal,
    /// Minor units, after discount, without tax, for the whole quantity.
    pub amount: i64,
}

/// A named text; the well-known names are listed at `tag` in `wit/types.wit`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Tag {
    /// Lower-case name.
    pub name: String,
    /// Value.
    pub value: String,
}

/// One dated movement of money.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Entry {
    /// Identity inside the integration.
    pub key: EntryKey,
    /// Weaker names of the same money, matched across doors only.
    pub also: Vec<String>,
    /// The platform's id of the order it belongs to.
    pub order_id: String,
    /// First purchase or rebill.
    pub billing: Billing,
    /// When the money moved, as the platform said it.
    pub at: Moment,
    /// Who bought.
    pub customer: Customer,
    /// Of all amounts.
    pub currency: Currency,
    /// How much.
    pub amounts: Amounts,
    /// Products, if known.
    pub lines: Vec<Line>,
    /// Everything else worth asking by.
    pub tags: Vec<Tag>,
    /// The higher wins; with equal numbers the one that arrived last.
    pub revision: i64,
}

impl Entry {
    /// The value of the first tag with this name.
    pub fn tag(&self, name: &str) -> Option<&str> {
        self.tags.iter().find(|tag| tag.name == name).map(|tag| tag.value.as_str())
    }

    /// True if the day is a stand-in: the moment of receipt, or what the connector marked so.
    pub fn date_is_approximate(&self) -> bool {
        matches!(self.at, Moment::Received(_)) || self.tags.iter().any(|t| t.name == "approximate" && t.value == "date")
    }
}

/// All that is to be kept of one order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// The order; every entry carries the same `order_id`.
    pub id: String,
    /// Decides against the last replacement of the same order.
    pub revision: i64,
    /// Its entries. Stored ones that are missing here are withdrawn.
    pub entries: Vec<Entry>,
}

/// A withdrawal of one entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withdrawal {
    /// Which entry. If it is not stored, nothing happens.
    pub key: EntryKey,
    /// A later put with a lower revision does not bring the entry back.
    pub revision: i64,
}

/// One change to the ledger. The same change twice has the effect of one.
// Nearly all changes of a shop are puts, by the million: a box for each would cost more than the odd small case wastes.
#[allow(clippy::large_enum_variant)]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// Store this entry, or replace it by key.
    Put(Entry),
    /// Replace everything that is stored of one order.
    ReplaceOrder(Order),
    /// Remove one entry.
    Withdraw(Withdrawal),
}

/// Something that could not be read, while the rest could.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reject {
    /// Index of the row within the batch, or of the response within the step.
    pub index: u32,
    /// The platform's id, if it could be read.
    pub id: Option<String>,
    /// Column or field at fault.
    pub field: Option<String>,
    /// For the operator, with the value found.
    pub reason: String,
}
