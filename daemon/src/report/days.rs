//! Sums and counts by day. Revenue, and what an answer left out, need no more than these.

use super::view::Value;

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

impl std::ops::AddAssign<&Self> for DaySums {
    fn add_assign(&mut self, other: &Self) {
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
        self.entries += entries;
        self.paid_orders += paid_orders;
        self.paid_rebills += paid_rebills;
        self.orders += orders;
        self.rebills += rebills;
        self.refunds += refunds;
        self.chargebacks += chargebacks;
        self.refunded_orders += refunded_orders;
        self.sales += sales;
        self.unsplit_tax += unsplit_tax;
        self.unsplit_tax_total += unsplit_tax_total;
        self.unsplit_shipping += unsplit_shipping;
        self.unsplit_shipping_total += unsplit_shipping_total;
        self.anonymous_entries += anonymous_entries;
        self.anonymous_orders += anonymous_orders;
        self.anonymous += anonymous;
        self.orphan_entries += orphan_entries;
        self.orphans += orphans;
        self.free_sales += free_sales;
        self.approximate_dates += approximate_dates;
        self.estimated += estimated;
        self.clock_changes += clock_changes;
        self.without_sale += without_sale;
    }
}

/// One row for each day between the first and the last event.
#[derive(Debug, Clone, Default)]
pub(super) struct DayTable {
    first: i32,
    rows: Vec<DaySums>,
}

impl DayTable {
    /// Room for these days, both included.
    pub(super) fn new(first: i32, last: i32) -> Self {
        let (first, last) = (first.clamp(FIRST_DAY, LAST_DAY), last.clamp(FIRST_DAY, LAST_DAY));
        let days = usize::try_from(last - first + 1).unwrap_or(0);
        Self { first, rows: vec![DaySums::default(); days] }
    }

    /// The row of a day; the nearest one if the table does not reach that far.
    pub(super) fn row(&mut self, day: i32) -> Option<&mut DaySums> {
        let last = self.rows.len().checked_sub(1)?;
        let index = usize::try_from(day.saturating_sub(self.first)).unwrap_or(0);
        self.rows.get_mut(index.min(last))
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
