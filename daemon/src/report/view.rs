//! The facts as one question family sees them: in one zone and currency, sorted by customer.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Serialize;

use super::days::DayTable;
use super::error::ReportError;
use super::facts::Facts;
use super::rates::{RateUsed, Rates};
use crate::model::{Currency, Kind, Zone};

/// Whether sales with a total of zero count as orders.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FreeOrders {
    /// They neither make a customer nor count as orders.
    #[default]
    Ignore,
    /// They do, as for lead magnets.
    Count,
}

/// What goes into a value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// Items less discounts plus fees: without tax, without shipping.
    #[default]
    Net,
    /// All money that moved.
    Total,
    /// Without tax, with shipping.
    NetWithShipping,
}

/// How the facts are to be seen.
#[derive(Debug, Clone, Copy)]
pub struct ViewOptions<'a> {
    /// Days are cut here.
    pub zone: Zone,
    /// Everything is converted into this.
    pub currency: Currency,
    /// How.
    pub rates: &'a Rates,
    /// Only these integrations, by index; `None` for all.
    pub integrations: Option<&'a BTreeSet<u16>>,
    /// What becomes of sales for nothing.
    pub free_orders: FreeOrders,
    /// Customers whose e-mail address many people share, by index. Their orders are anonymous.
    pub shared_customers: &'a BTreeSet<u32>,
}

/// Facts sorted by customer, dated in one zone and converted into one currency. It answers any number of questions, and
/// stays right as long as the ledger's revision, the options and the rates do not change.
#[derive(Debug, Clone)]
pub struct View {
    pub(super) zone: Zone,
    pub(super) currency: Currency,
    pub(super) free_orders: FreeOrders,
    pub(super) revision: u64,
    pub(super) integrations: Vec<String>,
    pub(super) rates: Vec<RateUsed>,

    /// Customers with a first order, ascending by index, and the day of that order.
    pub(super) customers: Vec<u32>,
    pub(super) first_days: Vec<i32>,
    /// Where the events of each of these customers start, and one more.
    pub(super) starts: Vec<u32>,

    /// Columns of events: first those of the customers above, from their first order on and by time; then those that
    /// belong to nobody's lifetime.
    pub(super) events: Events,
    /// Sums and counts by day, over all events.
    pub(super) days: DayTable,
}

/// One row for each event. Amounts are minor units of the reporting currency with the sign of their kind.
#[derive(Debug, Clone, Default)]
pub(super) struct Events {
    pub(super) day: Vec<i32>,
    /// The day of the sale that it is about; its own day for sales.
    pub(super) sale_day: Vec<i32>,
    pub(super) net: Vec<i64>,
    pub(super) shipping: Vec<i64>,
    pub(super) total: Vec<i64>,
    pub(super) marks: Vec<Marks>,
    /// Index into the facts.
    pub(super) fact: Vec<u32>,
}

impl Events {
    /// The amounts of one event; zero beyond the end.
    pub(super) fn value(&self, row: usize) -> Value {
        let at = |column: &[i64]| column.get(row).copied().unwrap_or(0);
        Value { net: at(&self.net), shipping: at(&self.shipping), total: at(&self.total) }
    }
}

/// Kind and role of an event, in one byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Marks(u8);

impl Marks {
    const REBILL: u8 = 8;
    const PAID_ORDER: u8 = 16;
    const FIRST_ORDER: u8 = 32;

    pub(super) fn new(kind: Kind, rebill: bool, paid_order: bool) -> Self {
        let kind = match kind {
            Kind::Sale => 0,
            Kind::Refund => 1,
            Kind::Void => 2,
            Kind::Chargeback => 3,
            Kind::ChargebackReversal => 4,
        };
        Self(kind | if rebill { Self::REBILL } else { 0 } | if paid_order { Self::PAID_ORDER } else { 0 })
    }

    #[must_use]
    pub(super) fn first_order(self) -> Self {
        Self(self.0 | Self::FIRST_ORDER)
    }

    pub(super) fn kind(self) -> Kind {
        match self.0 & 7 {
            0 => Kind::Sale,
            1 => Kind::Refund,
            2 => Kind::Void,
            3 => Kind::Chargeback,
            _ => Kind::ChargebackReversal,
        }
    }

    /// A sale that a subscription caused.
    pub(super) fn is_rebill(self) -> bool {
        self.0 & Self::REBILL != 0
    }

    /// The sale that stands for a paid order. One order has one, and each rebill is one.
    pub(super) fn is_paid_order(self) -> bool {
        self.0 & Self::PAID_ORDER != 0
    }

    /// A sale of the customer's first order.
    pub(super) fn is_first_order(self) -> bool {
        self.0 & Self::FIRST_ORDER != 0
    }
}

/// The amounts of one event or sum, on every basis.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Value {
    pub(super) net: i64,
    pub(super) shipping: i64,
    pub(super) total: i64,
}

impl Value {
    pub(super) fn on(self, basis: Basis) -> i64 {
        match basis {
            Basis::Net => self.net,
            Basis::Total => self.total,
            Basis::NetWithShipping => self.net + self.shipping,
        }
    }
}

// The build refuses facts whose absolute sum exceeds 64 bits, so no sum of values overflows.
impl std::ops::AddAssign for Value {
    fn add_assign(&mut self, other: Self) {
        self.net += other.net;
        self.shipping += other.shipping;
        self.total += other.total;
    }
}

impl View {
    /// Sorts, dates and converts the facts.
    ///
    /// # Errors
    /// If rates are missing (all of them are listed), the sums do not fit into 64 bits, or the facts contradict
    /// themselves.
    pub fn build(facts: &Facts, options: &ViewOptions<'_>) -> Result<Self, ReportError> {
        super::build::build(facts, options)
    }

    /// The reporting zone.
    pub fn zone(&self) -> Zone {
        self.zone
    }

    /// The reporting currency.
    pub fn currency(&self) -> Currency {
        self.currency
    }

    /// The revision of the ledger that it shows.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The index, first day and events of each customer with a first order.
    pub(super) fn lifetimes(&self) -> impl Iterator<Item = Lifetime> + '_ {
        let bounds = self.starts.iter().zip(self.starts.iter().skip(1));
        self.customers.iter().zip(&self.first_days).zip(bounds).map(|((customer, first_day), (start, end))| Lifetime {
            customer: *customer,
            first_day: *first_day,
            events: *start as usize..*end as usize,
        })
    }

    /// One customer, if there is a first order.
    pub(super) fn lifetime(&self, customer: u32) -> Option<Lifetime> {
        let index = self.customers.binary_search(&customer).ok()?;
        let start = *self.starts.get(index)? as usize;
        let end = *self.starts.get(index + 1)? as usize;
        Some(Lifetime { customer, first_day: *self.first_days.get(index)?, events: start..end })
    }

    /// How many events have no lifetime: those without customer and those before a first order.
    pub fn events_without_lifetime(&self) -> usize {
        self.events.day.len() - self.starts.last().map_or(0, |end| *end as usize)
    }
}

/// One customer from the first order on.
#[derive(Debug, Clone)]
pub(super) struct Lifetime {
    pub(super) customer: u32,
    pub(super) first_day: i32,
    /// Rows of [`Events`].
    pub(super) events: std::ops::Range<usize>,
}
