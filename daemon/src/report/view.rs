//! The facts as one family of questions sees them: in one zone, currency and basis, by customer and first day.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use super::days::DayTable;
use super::definition::IntegrationState;
use super::error::ReportError;
use super::filter::Filter;
use super::ltv::RefundDating;
use super::rates::{Rates, RatesSeen};
use super::source::Source;
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
    /// What goes into a value.
    pub basis: Basis,
    /// Only these integrations, by index, as if there were no others; `None` for all.
    pub integrations: Option<&'a BTreeSet<u16>>,
    /// Only orders that pass count. First orders are found among all.
    pub orders: &'a Filter,
    /// What becomes of sales for nothing.
    pub free_orders: FreeOrders,
    /// Customers whose e-mail address many people share, by index. Their orders are anonymous.
    pub shared_customers: &'a BTreeSet<u32>,
}

/// Facts by customer, dated in one zone and converted into one currency. It answers any number of questions, and can be brought
/// up to date with a ledger that has grown.
///
/// The bulk lies in columns that never change. Customers of whom something has changed since are kept beside them twice: as
/// the columns have them, to be subtracted, and as they are now, to be added. Every figure is a sum over customers.
#[derive(Debug, Clone)]
pub struct View {
    pub(super) zone: Zone,
    pub(super) currency: Currency,
    pub(super) basis: Basis,
    pub(super) free_orders: FreeOrders,
    pub(super) orders: Filter,
    pub(super) revision: u64,
    pub(super) integrations: Vec<IntegrationState>,
    pub(super) rates: RatesSeen,
    /// The currency that all rates lead to.
    pub(super) rates_to: Currency,
    pub(super) base: Arc<Base>,
    pub(super) removed: HashMap<u32, Life>,
    pub(super) added: HashMap<u32, Life>,
    /// Events in the two above.
    pub(super) changed_events: usize,
    /// Sums and counts by day, over all events.
    pub(super) days: DayTable,
    /// Sum of all absolute amounts; as long as it fits, no sum overflows.
    pub(super) absolute: u128,
}

/// Columns of all customers with a first order, by its day, and of their events from it on.
#[derive(Debug, Default)]
pub(super) struct Base {
    /// Stretches of customers with the same first day, ascending.
    pub(super) runs: Vec<Run>,
    pub(super) customers: Vec<u32>,
    /// The sale that stands for the first order of each.
    pub(super) first_entries: Vec<u32>,
    /// Where the events of each of these customers start, and one more.
    pub(super) starts: Vec<u32>,
    /// Days since the first order; [`NEVER`] for what does not count.
    pub(super) ages: Vec<u16>,
    pub(super) values: Amounts,
    pub(super) marks: Vec<Marks>,
    /// Events whose sale has another age, ascending: (event, age of the sale).
    pub(super) moved: Vec<(u32, u16)>,
}

/// Customers whose first order was on one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) first_day: i32,
    /// Positions in [`Base::customers`].
    pub(super) customers: Range<usize>,
    /// Positions in [`Base::ages`].
    pub(super) events: Range<usize>,
}

/// The age of events that are in no lifetime. Greater than any age that is asked for.
pub(super) const NEVER: u16 = u16::MAX;

/// Minor units of the reporting currency, in 32 bits as long as all fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Amounts {
    Small(Vec<i32>),
    Large(Vec<i64>),
}

impl Default for Amounts {
    fn default() -> Self {
        Self::Small(Vec::new())
    }
}

impl Amounts {
    pub(super) fn zeros(len: usize) -> Self {
        Self::Small(vec![0; len])
    }

    pub(super) fn set(&mut self, at: usize, value: i64) {
        if let Self::Small(small) = self {
            if let Ok(value) = i32::try_from(value) {
                if let Some(slot) = small.get_mut(at) {
                    *slot = value;
                }
                return;
            }
            *self = Self::Large(small.iter().map(|value| i64::from(*value)).collect());
        }
        if let Self::Large(large) = self
            && let Some(slot) = large.get_mut(at)
        {
            *slot = value;
        }
    }

    pub(super) fn part(&self, range: Range<usize>) -> AmountsRef<'_> {
        match self {
            Self::Small(small) => AmountsRef::Small(small.get(range).unwrap_or_default()),
            Self::Large(large) => AmountsRef::Large(large.get(range).unwrap_or_default()),
        }
    }
}

/// Some of [`Amounts`].
#[derive(Debug, Clone, Copy)]
pub(super) enum AmountsRef<'a> {
    Small(&'a [i32]),
    Large(&'a [i64]),
}

impl AmountsRef<'_> {
    pub(super) fn get(&self, at: usize) -> i64 {
        match self {
            Self::Small(small) => small.get(at).copied().map_or(0, i64::from),
            Self::Large(large) => large.get(at).copied().unwrap_or(0),
        }
    }
}

/// One customer beside the columns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Life {
    pub(super) first_day: i32,
    pub(super) first_entry: u32,
    pub(super) ages: Vec<u16>,
    pub(super) values: Vec<i64>,
    pub(super) marks: Vec<Marks>,
    pub(super) moved: Vec<(u32, u16)>,
}

/// One customer from the first order on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lifetime<'a> {
    pub(super) customer: u32,
    pub(super) first_day: i32,
    pub(super) first_entry: u32,
    /// -1 if this is how the customer was, and is to be subtracted.
    pub(super) sign: i64,
    ages: &'a [u16],
    values: AmountsRef<'a>,
    marks: &'a [Marks],
    /// Numbered from `offset`.
    moved: &'a [(u32, u16)],
    offset: u32,
}

/// One entry of a lifetime.
#[derive(Debug, Clone, Copy)]
pub(super) struct LifeEvent {
    /// Days since the first order.
    pub(super) age: u16,
    /// The same of the sale that it is about.
    pub(super) sale_age: u16,
    pub(super) value: i64,
    pub(super) marks: Marks,
}

impl LifeEvent {
    pub(super) fn dated(&self, refunds: RefundDating) -> u16 {
        match refunds {
            RefundDating::Event => self.age,
            RefundDating::Order => self.sale_age,
        }
    }
}

impl<'a> Lifetime<'a> {
    /// Its entries before an age, in any sequence.
    pub(super) fn events_before(&self, end: u16) -> impl Iterator<Item = LifeEvent> + Clone + 'a {
        let Self { ages, values, marks, moved, offset, .. } = *self;
        let mut moved = moved.iter().peekable();
        ages.iter().zip(marks).enumerate().filter_map(move |(at, (age, marks))| {
            let number = offset.saturating_add(at as u32);
            let sale_age = moved.next_if(|(event, _)| *event == number).map_or(*age, |(_, age)| *age);
            (*age < end).then(|| LifeEvent { age: *age, sale_age, value: values.get(at), marks: *marks })
        })
    }

    /// How many days of this customer are known: the end of ages that count.
    pub(super) fn lived(&self, as_of: i32) -> u16 {
        lived(self.first_day, as_of)
    }
}

/// The number of days from a first day to the as-of day, none if that is earlier.
pub(super) fn lived(first_day: i32, as_of: i32) -> u16 {
    u16::try_from(as_of.saturating_sub(first_day).max(0)).unwrap_or(NEVER)
}

/// Kind and role of an event, in one byte.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Marks(u8);

impl Marks {
    const REBILL: u8 = 8;
    const PAID_ORDER: u8 = 16;
    const FIRST_ORDER: u8 = 32;
    const FIRST_TAKEN_BACK: u8 = 64;

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

    #[must_use]
    pub(super) fn first_taken_back(self) -> Self {
        Self(self.0 | Self::FIRST_TAKEN_BACK)
    }

    /// As its customer sees it. A refund that names somebody whom no sale of its order names takes back no order of theirs.
    #[must_use]
    pub(super) fn of_buyer(self, has_bought: bool) -> Self {
        if has_bought { self } else { Self(self.0 & !Self::FIRST_TAKEN_BACK) }
    }

    pub(super) fn bits(self) -> u8 {
        self.0
    }

    pub(super) fn of_bits(bits: u8) -> Self {
        Self(bits)
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

    pub(super) fn is_sale(self) -> bool {
        self.0 & 7 == 0
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

    /// From here on its paid order is a refunded one.
    pub(super) fn is_first_taken_back(self) -> bool {
        self.0 & Self::FIRST_TAKEN_BACK != 0
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

    pub(super) fn absolute(self) -> u128 {
        [self.net, self.shipping, self.total].iter().map(|part| u128::from(part.unsigned_abs())).sum()
    }

    /// Adds, or subtracts with -1. The build refuses facts whose absolute sum exceeds 64 bits, so no sum overflows.
    pub(super) fn add(&mut self, other: Self, sign: i64) {
        self.net += sign * other.net;
        self.shipping += sign * other.shipping;
        self.total += sign * other.total;
    }
}

impl std::ops::AddAssign for Value {
    fn add_assign(&mut self, other: Self) {
        self.add(other, 1);
    }
}

impl View {
    /// Dates and converts the facts, customer by customer.
    ///
    /// # Errors
    /// If rates are missing (all of them are listed), the sums do not fit into 64 bits, or the facts contradict
    /// themselves.
    pub fn build(source: &impl Source, options: &ViewOptions<'_>) -> Result<Self, ReportError> {
        super::build::build(source, options)
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

    /// The columns.
    pub(super) fn base_lifetimes(&self) -> impl Iterator<Item = Lifetime<'_>> + '_ {
        let base = &*self.base;
        let customers =
            base.runs.iter().flat_map(|run| run.customers.clone().map(|position| (run.first_day, position)));
        let mut moved = base.moved.as_slice();
        customers.filter_map(move |(first_day, position)| {
            let start = *base.starts.get(position)?;
            while let Some((first, rest)) = moved.split_first()
                && first.0 < start
            {
                moved = rest;
            }
            base.lifetime(first_day, position, moved)
        })
    }

    /// What the columns lack: customers as they were, to be subtracted, and as they are.
    pub(super) fn changed_lifetimes(&self) -> impl Iterator<Item = Lifetime<'_>> + '_ {
        let removed = self.removed.iter().map(|(customer, life)| life.lifetime(*customer, -1));
        removed.chain(self.added.iter().map(|(customer, life)| life.lifetime(*customer, 1)))
    }

    /// All customers; those that changed are there three times, twice with opposite signs.
    pub(super) fn lifetimes(&self) -> impl Iterator<Item = Lifetime<'_>> + '_ {
        self.base_lifetimes().chain(self.changed_lifetimes())
    }

    /// All customers as they are, once each.
    pub(super) fn lifetimes_once(&self) -> impl Iterator<Item = Lifetime<'_>> + '_ {
        let unchanged = self.base_lifetimes().filter(|life| !self.removed.contains_key(&life.customer));
        unchanged.chain(self.added.iter().map(|(customer, life)| life.lifetime(*customer, 1)))
    }

    /// The first and the last first day, both of customers that may have gone since.
    pub(super) fn first_days(&self) -> Option<(i32, i32)> {
        let base = self.base.runs.iter().map(|run| run.first_day);
        let days = base.chain(self.added.values().map(|life| life.first_day));
        days.fold(None, |bounds: Option<(i32, i32)>, day| {
            let (first, last) = bounds.unwrap_or((day, day));
            Some((first.min(day), last.max(day)))
        })
    }

    /// Bytes of memory that it takes.
    pub fn memory(&self) -> usize {
        let base = &*self.base;
        let values = match &base.values {
            Amounts::Small(values) => values.len() * 4,
            Amounts::Large(values) => values.len() * 8,
        };
        let customers = (base.customers.len() + base.first_entries.len() + base.starts.len()) * 4;
        customers + base.ages.len() * 3 + values + base.moved.len() * 8 + self.changed_events * 16
    }
}

impl Base {
    /// `moved` starts with the first one of this customer, if there is any.
    fn lifetime<'a>(&'a self, first_day: i32, position: usize, moved: &'a [(u32, u16)]) -> Option<Lifetime<'a>> {
        let (start, end) = (*self.starts.get(position)?, *self.starts.get(position + 1)?);
        let range = start as usize..end as usize;
        Some(Lifetime {
            customer: *self.customers.get(position)?,
            first_day,
            first_entry: *self.first_entries.get(position)?,
            sign: 1,
            ages: self.ages.get(range.clone())?,
            values: self.values.part(range.clone()),
            marks: self.marks.get(range)?,
            moved,
            offset: start,
        })
    }
}

impl Life {
    pub(super) fn lifetime(&self, customer: u32, sign: i64) -> Lifetime<'_> {
        Lifetime {
            customer,
            first_day: self.first_day,
            first_entry: self.first_entry,
            sign,
            ages: &self.ages,
            values: AmountsRef::Large(&self.values),
            marks: &self.marks,
            moved: &self.moved,
            offset: 0,
        }
    }
}
