//! What the reports are computed from: the live entries of the ledger, reduced to numbers.

#[cfg(test)]
use std::collections::BTreeMap;
#[cfg(test)]
use std::ops::Range;

#[cfg(test)]
use super::source::{Before, Good, Label, Product, Source};
#[cfg(test)]
use crate::model::Currency;
use crate::model::{Billing, Kind};

/// Stands for "no customer" in [`Fact::customer`].
pub const NO_CUSTOMER: u32 = u32::MAX;

/// One live entry. All amounts are minor units of its currency and never negative; the kind gives the direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fact {
    /// When it happened, milliseconds since 1970-01-01T00:00:00Z.
    pub unix_ms: i64,
    /// All the money that moved, with tax and shipping.
    pub total: i64,
    /// Tax; meaningful only with [`FactFlags::TAX_KNOWN`].
    pub tax: i64,
    /// Shipping without tax; meaningful only with [`FactFlags::SHIPPING_KNOWN`].
    pub shipping: i64,
    /// Decides among equal instants of one integration. Made from the ids of order and entry, never from the sequence of
    /// arrival, so that a ledger read twice gives the same first orders.
    pub tie: u64,
    /// Index of the customer, across integrations; [`NO_CUSTOMER`] if the entry names none.
    pub customer: u32,
    /// Index of the order: one for each pair of integration and order id.
    pub order: u32,
    /// Its number: the row in the book.
    pub entry: u32,
    /// Index into [`super::Source::integrations`].
    pub integration: u16,
    /// Index into [`super::Source::currencies`].
    pub currency: u16,
    /// Its coupons, country and the like: see [`super::Source::labels`]. 0 for none.
    pub labels: u32,
    /// Which way the money moved.
    pub kind: Kind,
    /// First purchase or rebill.
    pub billing: Billing,
    /// What is known about it, and how well.
    pub flags: FactFlags,
}

// Ten million of them are kept in memory.
const _: () = assert!(size_of::<Fact>() <= 64);

/// A set of marks on a [`Fact`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FactFlags(u8);

impl FactFlags {
    /// No marks.
    pub const NONE: Self = Self(0);
    /// The platform said how much of the total is tax.
    pub const TAX_KNOWN: Self = Self(1);
    /// The platform said how much of the total is shipping.
    pub const SHIPPING_KNOWN: Self = Self(2);
    /// The day is a stand-in, such as the day of receipt.
    pub const APPROXIMATE_DATE: Self = Self(4);
    /// The amount was computed by the connector, not reported by the platform.
    pub const ESTIMATED: Self = Self(8);
    /// A local time that a clock change skipped or repeated; the earlier offset was taken.
    pub const CLOCK_CHANGE: Self = Self(16);
    /// There is no other live entry in its order. A hint: an entry without it may be alone, too.
    pub const ALONE: Self = Self(32);

    /// Both sets together.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// These marks if `condition` holds, else none.
    #[must_use]
    pub const fn only_if(self, condition: bool) -> Self {
        if condition { self } else { Self::NONE }
    }

    /// True if all of `other` are set.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// Everything that the reports are computed from, at one revision of the ledger: a list, for tests.
#[cfg(test)]
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Live entries, in any sequence.
    pub facts: Vec<Fact>,
    /// The currencies that occur.
    pub currencies: Vec<Currency>,
    /// All integrations, also those without entries.
    pub integrations: Vec<IntegrationFacts>,
    /// Rows and deliveries that could not be read, by name of the integration.
    pub quarantined: std::collections::BTreeMap<String, u64>,
    /// How many customers there are; every index is below.
    pub customers: u32,
    /// How many orders there are; every index is below.
    pub orders: u32,
    /// The ledger's revision.
    pub revision: u64,
    /// Sets of labels, by [`Fact::labels`]. Numbers beyond have none.
    pub label_sets: Vec<Vec<Label>>,
    /// Texts of the labels' values.
    pub values: Vec<String>,
    /// The products.
    pub products: Vec<Product>,
    /// What was sold, by number of the entry.
    pub goods: Vec<Vec<Good>>,
    /// What has changed, with the revision that changed it, oldest first.
    pub changes: Vec<(u64, Before)>,
}

#[cfg(test)]
/// A list of facts is a source for few entries: every question looks at all of them.
impl Source for Facts {
    fn currencies(&self) -> &[Currency] {
        &self.currencies
    }

    fn integrations(&self) -> &[IntegrationFacts] {
        &self.integrations
    }

    fn quarantined(&self) -> &std::collections::BTreeMap<String, u64> {
        &self.quarantined
    }

    fn revision(&self) -> u64 {
        self.revision
    }

    fn entries(&self) -> u32 {
        self.facts.iter().map(|fact| fact.entry + 1).max().unwrap_or(0)
    }

    fn customers(&self) -> u32 {
        self.customers
    }

    fn orders(&self) -> u32 {
        self.orders
    }

    fn fact(&self, entry: u32) -> Option<Fact> {
        self.facts.iter().find(|fact| fact.entry == entry).copied()
    }

    fn scan_orders(&self, entries: Range<u32>, mut each: impl FnMut(&[Fact])) {
        let mut orders: BTreeMap<u32, Vec<Fact>> = BTreeMap::new();
        for fact in &self.facts {
            orders.entry(fact.order).or_default().push(*fact);
        }
        let first = |facts: &&Vec<Fact>| facts.iter().map(|fact| fact.entry).min();
        for facts in orders.values().filter(|facts| first(facts).is_some_and(|first| entries.contains(&first))) {
            each(facts);
        }
    }

    fn of_order(&self, order: u32) -> Vec<u32> {
        self.facts.iter().filter(|fact| fact.order == order).map(|fact| fact.entry).collect()
    }

    fn of_customer(&self, customer: u32) -> Vec<u32> {
        self.facts.iter().filter(|fact| fact.customer == customer).map(|fact| fact.entry).collect()
    }

    fn labels(&self, labels: u32) -> &[Label] {
        self.label_sets.get(labels as usize).map_or(&[], Vec::as_slice)
    }

    fn value(&self, value: u32) -> &str {
        self.values.get(value as usize).map_or("", String::as_str)
    }

    fn products(&self) -> u32 {
        self.products.len() as u32
    }

    fn product(&self, product: u32) -> Option<&Product> {
        self.products.get(product as usize)
    }

    fn goods(&self, entry: u32) -> Vec<Good> {
        self.goods.get(entry as usize).cloned().unwrap_or_default()
    }

    fn before(&self, revision: u64) -> Option<Vec<Before>> {
        let mut first: BTreeMap<u32, Before> = BTreeMap::new();
        for (_, before) in self.changes.iter().filter(|(changed_by, _)| *changed_by > revision) {
            first.entry(before.entry).or_insert(*before);
        }
        Some(first.into_values().collect())
    }
}

/// One account or store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntegrationFacts {
    /// Its name in the configuration.
    pub name: String,
    /// Up to when its entries are complete; `None` if nobody knows, as with webhooks alone.
    pub complete_through: Option<Mark>,
}

/// Up to when an integration is complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// Everything before this instant is there: milliseconds since 1970-01-01T00:00:00Z. For a day, the midnight that
    /// ends it in the zone of the integration.
    pub unix_ms: i64,
    /// Who says so.
    pub origin: MarkOrigin,
}

/// Who says up to when an integration is complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MarkOrigin {
    /// The operator.
    Declared,
    /// The last row of a file.
    File,
    /// The start of the last full pass over the platform's API.
    Sync,
    /// The integration is not configured any more: nothing more will come.
    Retired,
    /// The last webhook delivery, where the operator trusts that none is lost.
    Webhooks,
}
