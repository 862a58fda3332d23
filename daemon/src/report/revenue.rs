//! Revenue on the days on which money moved.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::calendar::{self, Period};
use super::days::DaySums;
use super::definition::{AsOf, Definition, LeftOutEntries, SplitMissing, Uncertain};
use super::error::ReportError;
use super::figure::Figure;
use super::view::{Basis, View};
use crate::model::Currency;

/// A question about revenue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevenueQuery {
    /// One row for each of these.
    pub by: Period,
    /// What goes into a value.
    pub basis: Basis,
    /// The first day that counts (days since 1970-01-01); `None` for all.
    pub from: Option<i32>,
    /// The first day after it that does not count.
    pub to: Option<i32>,
    /// Events on or after this day do not count; `None` for everything that is known.
    pub as_of: Option<AsOf>,
}

/// Revenue by period, anonymous orders included.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RevenueAnswer {
    /// How it was computed.
    pub definition: Definition,
    /// Periods in the sequence of time, without those in which nothing happened.
    pub rows: Vec<RevenueRow>,
    /// All of them.
    pub total: RevenueRow,
    /// Of the total: orders of nobody in particular.
    pub anonymous: AnonymousRevenue,
    /// Events on or after the as-of day that the span would have held.
    pub after_as_of: LeftOutEntries,
    /// What is in it but not certain.
    pub uncertain: Uncertain,
    /// Sales summed by their total.
    pub tax_split_missing: SplitMissing,
    /// Sales whose shipping is in their net.
    pub shipping_split_missing: SplitMissing,
}

/// Revenue without customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AnonymousRevenue {
    /// Paid orders.
    pub orders: u64,
    /// What they brought, less what was taken back.
    pub net: Figure,
}

/// Revenue of one period, by the days of the events themselves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RevenueRow {
    /// `2025-01-31`, `2025-W05`, `2025-01` or `all`.
    pub period: String,
    /// Its first day; `null` for all.
    #[serde(serialize_with = "calendar::serialize_day_option")]
    #[schemars(with = "Option<super::schema::Date>")]
    pub first_day: Option<i32>,
    /// Paid orders, rebills included.
    pub orders: u64,
    /// Those of them that are rebills.
    pub rebills: u64,
    /// Sales that are no rebills.
    pub order_revenue: Figure,
    /// Rebills.
    pub rebill_revenue: Figure,
    /// Refunds and voids, as a positive sum.
    pub refunds: Figure,
    /// Chargebacks less their reversals; negative if more was reversed.
    pub chargebacks: Figure,
    /// Both together.
    pub refunds_and_chargebacks: Figure,
    /// Revenue less refunds and chargebacks.
    pub net: Figure,
}

impl RevenueRow {
    fn new(period: String, first_day: Option<i32>, sums: &DaySums, basis: Basis, currency: Currency) -> Self {
        let money = |minor| Figure::money(minor, currency);
        let (taken_back, gross) = (sums.taken_back().on(basis), sums.gross().on(basis));
        Self {
            period,
            first_day,
            orders: sums.paid_orders,
            rebills: sums.paid_rebills,
            order_revenue: money(sums.orders.on(basis)),
            rebill_revenue: money(sums.rebills.on(basis)),
            refunds: money(-sums.refunds.on(basis)),
            chargebacks: money(-sums.chargebacks.on(basis)),
            refunds_and_chargebacks: money(-taken_back),
            net: money(gross + taken_back),
        }
    }
}

/// Answers a question about revenue.
///
/// # Errors
/// If the span is empty.
pub fn revenue(view: &View, query: &RevenueQuery) -> Result<RevenueAnswer, ReportError> {
    let from = query.from.unwrap_or(i32::MIN);
    let to = query.to.unwrap_or(i32::MAX);
    if from >= to {
        return Err(ReportError::Question("the span is empty: `to` is the first day that does not count".to_owned()));
    }
    let end = query.as_of.as_ref().map_or(to, |as_of| as_of.day.min(to));
    let mut periods: BTreeMap<i32, DaySums> = BTreeMap::new();
    let mut total = DaySums::default();
    for (day, sums) in view.days.iter().filter(|(day, sums)| (from..end).contains(day) && sums.entries > 0) {
        *periods.entry(query.by.number(day)).or_default() += sums;
        total += sums;
    }
    let row = |period, first_day, sums| RevenueRow::new(period, first_day, sums, query.basis, view.currency);
    let after = if end < to { view.days.sum(end.max(from), to) } else { DaySums::default() };
    let money = |minor| Figure::money(minor, view.currency);
    Ok(RevenueAnswer {
        definition: Definition {
            group: Some(query.by),
            from: query.from,
            to: query.to,
            as_of: query.as_of.clone(),
            ..Definition::new("revenue on the days on which money moved", view, query.basis)
        },
        rows: periods.iter().map(|(n, sums)| row(query.by.label(*n), Some(query.by.first_day(*n)), sums)).collect(),
        anonymous: AnonymousRevenue { orders: total.anonymous_orders, net: money(total.anonymous.on(query.basis)) },
        after_as_of: LeftOutEntries {
            entries: after.entries,
            net: money(after.gross().on(query.basis) + after.taken_back().on(query.basis)),
        },
        uncertain: Uncertain::new(&total),
        tax_split_missing: SplitMissing::tax(&total, view.currency),
        shipping_split_missing: SplitMissing::shipping(&total, view.currency),
        total: row("all".to_owned(), None, &total),
    })
}
