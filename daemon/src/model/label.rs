//! What entries are told apart by in groups and filters: labels and products, by number.

use serde::{Deserialize, Serialize};

/// What an order is told apart by, besides its day, integration and currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dimension {
    /// Tag `coupon`.
    Coupon,
    /// Tag `source`.
    Source,
    /// Tag `campaign`.
    Campaign,
    /// Tag `affiliate`.
    Affiliate,
    /// Tag `country`.
    Country,
}

impl Dimension {
    /// All dimensions, in their order of declaration.
    pub const ALL: [Self; 5] = [Self::Coupon, Self::Source, Self::Campaign, Self::Affiliate, Self::Country];

    /// The name of its tag, in JSON, CSV and messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Coupon => "coupon",
            Self::Source => "source",
            Self::Campaign => "campaign",
            Self::Affiliate => "affiliate",
            Self::Country => "country",
        }
    }
}

/// A dimension of an entry and the number of its value. An entry may have several of one dimension.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label {
    /// Which dimension.
    pub dimension: Dimension,
    /// The number of its text in the book.
    pub value: u32,
}

/// One product within an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Good {
    /// The number of the product in the book.
    pub product: u32,
    /// Minor units of the entry's currency, after discount, without tax, not negative.
    pub amount: i64,
}

/// What is sold, as groups and filters name it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    /// `integration/id`, unique over all integrations. Where the platform gives no id, its SKU or its name stands for it.
    pub key: Box<str>,
    /// What it was called last.
    pub name: Option<Box<str>>,
}
