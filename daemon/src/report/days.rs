//! Sums and counts by day. Revenue, and what an answer left out, need no more than these.

use super::facts::FactFlags;
use super::order::Event;
use super::split;
use super::view::Value;
use crate::model::Kind;

/// 1 January 1900 and 31 December 2199. Events beyond are kept with these days.
const FIRST_DAY: i32 = -25_567;
const LAST_DAY: i32 = 84_005;

/// What happened on one day, or on several.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct DaySums {
    /// Events of all kinds.
    pub(super) entries: u64,
    pub(super) paid_orders: u64,
    /// Those of the paid orders that are rebills.
    pub(super) paid_rebills: u64,
    /// Sales that are no rebills, and those that are.
    pub(super) orders: Value,
    pub(super) rebills: Value,
    /// Refunds and voids: negative.
    pub(super) refunds: Value,
    /// Chargebacks less reversals: mostly negative.
    pub(super) chargebacks: Value,
    /// Paid orders of which something was taken back for the first time.
    pub(super) refunded_orders: u64,
    /// Sales, those that do not split tax, and those that split tax but not shipping.
    pub(super) sales: u64,
    pub(super) unsplit_tax: u64,
    pub(super) unsplit_tax_total: i64,
    pub(super) unsplit_shipping: u64,
    pub(super) unsplit_shipping_total: i64,
    /// Events of nobody in particular.
    pub(super) anonymous_entries: u64,
    pub(super) anonymous_orders: u64,
    pub(super) anonymous: Value,
    /// Events of customers before their first order.
    pub(super) orphan_entries: u64,
    pub(super) orphans: Value,
    /// Sales for nothing that were ignored. They are in no other count.
    pub(super) free_sales: u64,
    pub(super) approximate_dates: u64,
    pub(super) estimated: u64,
    pub(super) clock_changes: u64,
    /// Refunds and chargebacks whose sale is not in the ledger.
    pub(super) without_sale: u64,
}

impl DaySums {
    /// All sales.
    pub(super) fn gross(&self) -> Value {
        let mut sum = self.orders;
        sum += self.rebills;
        sum
    }

    /// Refunds, voids, chargebacks and reversals together; mostly negative.
    pub(super) fn taken_back(&self) -> Value {
        let mut sum = self.refunds;
        sum += self.chargebacks;
        sum
    }
}

impl DaySums {
    /// Adds, or subtracts with -1.
    pub(super) fn add(&mut self, other: &Self, sign: i64) {
        // Destructured, so that a new member cannot be forgotten.
        let Self {
            entries,
            paid_orders,
            paid_rebills,
            orders,
            rebills,
            refunds,
            chargebacks,
            refunded_orders,
            sales,
            unsplit_tax,
            unsplit_tax_total,
            unsplit_shipping,
            unsplit_shipping_total,
            anonymous_entries,
            anonymous_orders,
            anonymous,
            orphan_entries,
            orphans,
            free_sales,
            approximate_dates,
            estimated,
            clock_changes,
            without_sale,
        } = *other;
        // Two's complement: adding -1 times a count subtracts it.
        let count = |sum: &mut u64, other: u64| *sum = sum.wrapping_add(other.wrapping_mul(sign as u64));
        count(&mut self.entries, entries);
        count(&mut self.paid_orders, paid_orders);
        count(&mut self.paid_rebills, paid_rebills);
        self.orders.add(orders, sign);
        self.rebills.add(rebills, sign);
        self.refunds.add(refunds, sign);
        self.chargebacks.add(chargebacks, sign);
        count(&mut self.refunded_orders, refunded_orders);
        count(&mut self.sales, sales);
        count(&mut self.unsplit_tax, unsplit_tax);
        self.unsplit_tax_total += sign * unsplit_tax_total;
        count(&mut self.unsplit_shipping, unsplit_shipping);
        self.unsplit_shipping_total += sign * unsplit_shipping_total;
        count(&mut self.anonymous_entries, anonymous_entries);
        count(&mut self.anonymous_orders, anonymous_orders);
        self.anonymous.add(anonymous, sign);
        count(&mut self.orphan_entries, orphan_entries);
        self.orphans.add(orphans, sign);
        count(&mut self.free_sales, free_sales);
        count(&mut self.approximate_dates, approximate_dates);
        count(&mut self.estimated, estimated);
        count(&mut self.clock_changes, clock_changes);
        count(&mut self.without_sale, without_sale);
    }

    /// Notes one event. `lifetime` tells whether it is in one.
    pub(super) fn note(&mut self, event: &Event, lifetime: Place) {
        let fact = &event.fact;
        let (marks, value) = (event.marks, event.value);
        self.entries += 1;
        self.paid_orders += u64::from(marks.is_paid_order());
        self.paid_rebills += u64::from(marks.is_paid_order() && marks.is_rebill());
        self.refunded_orders += u64::from(marks.is_first_taken_back());
        match fact.kind {
            Kind::Sale => {
                self.sales += 1;
                if !split::splits_tax(fact) {
                    self.unsplit_tax += 1;
                    self.unsplit_tax_total += value.total;
                } else if !split::splits_shipping(fact) {
                    self.unsplit_shipping += 1;
                    self.unsplit_shipping_total += value.total;
                }
                if marks.is_rebill() { self.rebills += value } else { self.orders += value }
            }
            Kind::Refund | Kind::Void => self.refunds += value,
            Kind::Chargeback | Kind::ChargebackReversal => self.chargebacks += value,
        }
        self.without_sale += u64::from(event.sale.is_none());
        self.approximate_dates += u64::from(fact.flags.has(FactFlags::APPROXIMATE_DATE));
        self.estimated += u64::from(fact.flags.has(FactFlags::ESTIMATED));
        self.clock_changes += u64::from(fact.flags.has(FactFlags::CLOCK_CHANGE));
        match lifetime {
            Place::Lifetime => {}
            Place::Anonymous => {
                self.anonymous_entries += 1;
                self.anonymous_orders += u64::from(marks.is_paid_order());
                self.anonymous += value;
            }
            Place::Orphan => self.orphan(value),
        }
    }

    /// Notes of an event that it is in no lifetime, though it is somebody's.
    pub(super) fn orphan(&mut self, value: Value) {
        self.orphan_entries += 1;
        self.orphans += value;
    }
}

impl std::ops::AddAssign<&Self> for DaySums {
    fn add_assign(&mut self, other: &Self) {
        self.add(other, 1);
    }
}

/// Where an event belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// To a customer, from the first order on.
    Lifetime,
    /// To nobody.
    Anonymous,
    /// To a customer, before the first order, or to one who has none.
    Orphan,
}

/// One row for each day between the first and the last event.
#[derive(Debug, Clone, Default)]
pub(super) struct DayTable {
    first: i32,
    rows: Vec<DaySums>,
}

impl DayTable {
    /// Changes the row of a day. The table grows to hold it.
    pub(super) fn change(&mut self, day: i32, change: impl FnOnce(&mut DaySums)) {
        let day = day.clamp(FIRST_DAY, LAST_DAY);
        if self.rows.is_empty() {
            self.first = day;
        }
        if day < self.first {
            let missing = self.first.abs_diff(day) as usize;
            self.rows.splice(0..0, std::iter::repeat_n(DaySums::default(), missing));
            self.first = day;
        }
        let index = day.abs_diff(self.first) as usize;
        if index >= self.rows.len() {
            self.rows.resize(index + 1, DaySums::default());
        }
        if let Some(row) = self.rows.get_mut(index) {
            change(row);
        }
    }

    /// All days with their sums, ascending.
    pub(super) fn iter(&self) -> impl Iterator<Item = (i32, &DaySums)> {
        (self.first..).zip(&self.rows)
    }

    /// Together, from one day to before another.
    pub(super) fn sum(&self, from: i32, to: i32) -> DaySums {
        let mut sum = DaySums::default();
        for (_, row) in self.iter().filter(|(day, _)| (from..to).contains(day)) {
            sum += row;
        }
        sum
    }
}
