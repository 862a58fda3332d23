//! Where the reports read from: the book, or a list of facts in tests.

use std::collections::BTreeMap;
use std::ops::Range;

use super::facts::{Fact, IntegrationFacts};
use crate::model::Currency;
pub use crate::model::{Dimension, Good, Label, Product};

/// An entry that has changed, as it was before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Before {
    /// Number of the entry.
    pub entry: u32,
    /// `None` if it did not exist or was withdrawn.
    pub fact: Option<Fact>,
}

/// The live entries of the ledger at one revision. Entries, orders, customers, values and products go by numbers, all of
/// which stay the same as the ledger grows.
pub trait Source {
    /// The currencies that occur.
    fn currencies(&self) -> &[Currency];
    /// All integrations, also those without entries.
    fn integrations(&self) -> &[IntegrationFacts];
    /// Rows and deliveries that could not be read, by name of the integration; also of those that [`Source::integrations`] lacks.
    fn quarantined(&self) -> &BTreeMap<String, u64>;
    /// The ledger's revision.
    fn revision(&self) -> u64;
    /// Every number of an entry is below.
    fn entries(&self) -> u32;
    /// Every number of a customer is below.
    fn customers(&self) -> u32;
    /// Every number of an order is below.
    fn orders(&self) -> u32;
    /// One live entry.
    fn fact(&self, entry: u32) -> Option<Fact>;
    /// The live entries of each order that has any, order by order: those orders whose first entry, live or not, is among these.
    fn scan_orders(&self, entries: Range<u32>, each: impl FnMut(&[Fact]));
    /// The live entries of an order, in any sequence.
    fn of_order(&self, order: u32) -> Vec<u32>;
    /// The live entries that name a customer, in any sequence.
    fn of_customer(&self, customer: u32) -> Vec<u32>;
    /// The labels behind [`Fact::labels`].
    fn labels(&self, labels: u32) -> &[Label];
    /// The text of a label's value.
    fn value(&self, value: u32) -> &str;
    /// How many products there are; numbers are below.
    fn products(&self) -> u32;
    /// One product.
    fn product(&self, product: u32) -> Option<&Product>;
    /// The products within an entry.
    fn goods(&self, entry: u32) -> Vec<Good>;
    /// Every entry that changed since an earlier revision, once each, as it was then. `None` if that is not remembered.
    fn before(&self, revision: u64) -> Option<Vec<Before>>;
}
