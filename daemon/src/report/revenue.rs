//! Revenue on the days on which money moved.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::calendar::{self, Period};
use super::days::DaySums;
use super::definition::{AsOf, Definition, LeftOutEntries, SplitMissing, Uncertain};
use super::error::ReportError;
use super::figure::Figure;
use super::filter::By;
use super::group::{Group, Name, value_name};
use super::source::Source;
use super::split_revenue;
use super::view::{View, ViewOptions};
use crate::limits::report::REVENUE_ROWS;
use crate::model::Currency;

/// A question about revenue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevenueQuery {
    /// One row for each of these.
    pub by: Period,
    /// And for each value of this.
    pub split: Option<By>,
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
    /// `2025-01-31`, `2025-W05`, `2025-01`, `2025-Q1` or `all`.
    pub period: String,
    /// Its first day; `null` for all.
    #[serde(serialize_with = "calendar::serialize_day_option")]
    #[schemars(with = "Option<super::schema::Date>")]
    pub first_day: Option<i32>,
    /// What the row is about, if the question splits: `shop/12`, `DE`, `(none)`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// What a product is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
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

/// What happened in one row, amounts on the basis of the view.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct RowSums {
    pub(super) orders: u64,
    pub(super) rebills: u64,
    pub(super) order_revenue: i64,
    pub(super) rebill_revenue: i64,
    /// Negative.
    pub(super) refunds: i64,
    /// Mostly negative.
    pub(super) chargebacks: i64,
}

impl RowSums {
    fn of(view: &View, sums: &DaySums) -> Self {
        let basis = view.basis;
        Self {
            orders: sums.paid_orders,
            rebills: sums.paid_rebills,
            order_revenue: sums.orders.on(basis),
            rebill_revenue: sums.rebills.on(basis),
            refunds: sums.refunds.on(basis),
            chargebacks: sums.chargebacks.on(basis),
        }
    }

    fn row(&self, period: String, first_day: Option<i32>, value: Option<Name>, currency: Currency) -> RevenueRow {
        let money = |minor| Figure::money(minor, currency);
        let taken_back = self.refunds + self.chargebacks;
        let (value, title) = value.map_or((None, None), |name| (Some(name.cohort), name.title));
        RevenueRow {
            period,
            first_day,
            value,
            title,
            orders: self.orders,
            rebills: self.rebills,
            order_revenue: money(self.order_revenue),
            rebill_revenue: money(self.rebill_revenue),
            refunds: money(-self.refunds),
            chargebacks: money(-self.chargebacks),
            refunds_and_chargebacks: money(-taken_back),
            net: money(self.order_revenue + self.rebill_revenue + taken_back),
        }
    }
}

/// Answers a question about revenue. `options` are those that the view was built with.
///
/// # Errors
/// If the span is empty, or the rows are too many.
pub fn revenue(
    view: &View,
    source: &impl Source,
    options: &ViewOptions<'_>,
    query: &RevenueQuery,
) -> Result<RevenueAnswer, ReportError> {
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
    let label = |number: i32| (query.by.label(number), Some(query.by.first_day(number)));
    let rows: Vec<RevenueRow> = match query.split {
        None => {
            let row = |(number, sums): (&i32, &DaySums)| {
                let (period, first_day) = label(*number);
                RowSums::of(view, sums).row(period, first_day, None, view.currency)
            };
            periods.iter().map(row).collect()
        }
        Some(by) => {
            let sums = split_revenue::by_value(source, options, query.by, by, from..end)?;
            let mut rows: Vec<(i32, Name, super::revenue::RowSums)> =
                sums.into_iter().map(|((number, value), sums)| (number, value_name(source, by, value), sums)).collect();
            rows.sort_by(|a, b| (a.0, &a.1.cohort).cmp(&(b.0, &b.1.cohort)));
            let row = |(number, name, sums): (i32, Name, RowSums)| {
                let (period, first_day) = label(number);
                sums.row(period, first_day, Some(name), view.currency)
            };
            rows.into_iter().map(row).collect()
        }
    };
    if rows.len() > REVENUE_ROWS {
        let message = format!(
            "the answer would have {} rows, more than {REVENUE_ROWS}; ask for a longer `by` or a shorter span",
            rows.len()
        );
        return Err(ReportError::Question(message));
    }
    let after = if end < to { view.days.sum(end.max(from), to) } else { DaySums::default() };
    let money = |minor| Figure::money(minor, view.currency);
    Ok(RevenueAnswer {
        definition: Definition {
            group: Some(Group::Period(query.by)),
            split: query.split,
            overlapping: query.split.is_some_and(By::overlaps),
            from: query.from,
            to: query.to,
            as_of: query.as_of.clone(),
            ..Definition::new("revenue on the days on which money moved", view)
        },
        rows,
        anonymous: AnonymousRevenue { orders: total.anonymous_orders, net: money(total.anonymous.on(view.basis)) },
        after_as_of: LeftOutEntries {
            entries: after.entries,
            net: money(after.gross().on(view.basis) + after.taken_back().on(view.basis)),
        },
        uncertain: Uncertain::new(&total),
        tax_split_missing: SplitMissing::tax(&total, view.currency),
        shipping_split_missing: SplitMissing::shipping(&total, view.currency),
        total: RowSums::of(view, &total).row("all".to_owned(), None, None, view.currency),
    })
}
