//! How customers behave: orders, refunds, repetition, retention, by cohort.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::calendar;
use super::definition::{AsOf, Definition, LeftOut, SplitMissing, Uncertain};
use super::error::ReportError;
use super::figure::{Figure, MoneyShare, Share};
use super::group::{Audience, Cohorts, Name, cut};
use super::ltv::count;
use super::source::Source;
use super::view::{Lifetime, View};
use crate::limits::report::{HORIZON_DAYS, HORIZONS, RETENTION_PERIODS};
use crate::model::Currency;

/// Days of one period of retention.
const PERIOD_DAYS: u32 = 30;

/// A question about behaviour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CohortsQuery {
    /// Whose behaviour, and in which cohorts.
    pub audience: Audience,
    /// Ages in days for the repeat rate.
    pub horizons: Vec<u32>,
    /// How many periods of thirty days retention is followed for, after the first.
    pub periods: u32,
    /// The end of complete data.
    pub as_of: AsOf,
    /// Show no more cohorts than this: the largest, where they are no periods.
    pub limit: Option<usize>,
}

/// Behaviour by cohort.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CohortsAnswer {
    /// How it was computed.
    pub definition: Definition,
    /// Cohorts without empty ones: periods in the sequence of time, others the largest first. None if the question asks for
    /// a total only.
    pub rows: Vec<CohortRow>,
    /// Cohorts that are not shown because there are too many.
    pub rows_omitted: u64,
    /// All customers of the question.
    pub total: CohortRow,
    /// What is not in it.
    pub left_out: LeftOut,
    /// What is in it but not certain.
    pub uncertain: Uncertain,
    /// Sales summed by their total.
    pub tax_split_missing: SplitMissing,
    /// Sales whose shipping is in their net.
    pub shipping_split_missing: SplitMissing,
}

/// One cohort.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CohortRow {
    /// Its name: `2025-01`, `2025-W05`, `2025-Q1`, `shop/12`, `DE`, `(none)` or `all`.
    pub cohort: String,
    /// What a product is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The first day of its period; `null` where it is none.
    #[serde(serialize_with = "calendar::serialize_day_option")]
    #[schemars(with = "Option<super::schema::Date>")]
    pub first_day: Option<i32>,
    /// Customers whose first order is in it and before the as-of day.
    pub customers: u64,
    /// Their paid orders, rebills included, before the as-of day.
    pub orders: u64,
    /// Those of the orders that are rebills.
    pub rebills: u64,
    /// Orders by customer. `null` without customers.
    pub orders_per_customer: Option<Figure>,
    /// Sales by paid order, before refunds. `null` without orders.
    pub aov: Option<Figure>,
    /// Sales less refunds and chargebacks, by paid order. `null` without orders.
    pub aov_after_refunds: Option<Figure>,
    /// Refunds and chargebacks of sales, by amount.
    pub refund_rate: MoneyShare,
    /// Paid orders of which something was refunded or charged back.
    pub refunded_orders: Share,
    /// Who bought again, one for each horizon.
    pub repeat: Vec<RepeatCell>,
    /// Days between successive order days of a customer.
    pub between_orders: Gaps,
    /// Who bought in each later period of thirty days.
    pub retention: Vec<RetentionCell>,
}

/// Who bought again within a number of days.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RepeatCell {
    /// Ages 0 to this, exclusive.
    pub horizon: u32,
    /// Mature customers with two paid orders or more.
    pub with_rebills: Share,
    /// Mature customers with two paid orders or more that are no rebills.
    pub without_rebills: Share,
    /// Days from the first to the second order, of those with a second order within the horizon.
    pub second_order: Gaps,
}

/// Lengths of time in days.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Gaps {
    /// How many.
    pub count: u64,
    /// Their sum, days.
    pub sum_days: u64,
    /// The middle one, or the mean of the two in the middle. `null` without any.
    pub median_days: Option<Figure>,
    /// Their mean. `null` without any.
    pub mean_days: Option<Figure>,
}

/// Who bought in one period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RetentionCell {
    /// 1 for the second thirty days.
    pub period: u32,
    /// Its ages.
    pub ages: String,
    /// Customers with a paid order in it, of those who are old enough to have lived through it.
    pub retained: Share,
}

/// Answers a question about behaviour.
///
/// # Errors
/// If a horizon is no number of days that is allowed, or there are too many.
pub fn cohorts(view: &View, source: &impl Source, query: &CohortsQuery) -> Result<CohortsAnswer, ReportError> {
    let horizons = checked(query)?;
    let shape = Shape { horizons: &horizons, periods: query.periods };
    let as_of = query.as_of.day;
    let mut cohorts = Cohorts::new(view, source, &query.audience);
    let mut sums: Vec<Sums> = vec![Sums::new(&shape); cohorts.len()];
    let mut total = Sums::new(&shape);
    let mut one = One::default();
    for life in view.lifetimes().filter(|life| life.first_day < as_of) {
        let Some(found) = cohorts.of(&life) else { continue };
        one.read(&life, as_of);
        total.add(&one, life.sign, &shape);
        for cohort in found.iter().map(|cohort| *cohort as usize) {
            if sums.len() <= cohort {
                sums.resize(cohort + 1, Sums::new(&shape));
            }
            if let Some(sums) = sums.get_mut(cohort) {
                sums.add(&one, life.sign, &shape);
            }
        }
    }
    let size = |number: usize| sums.get(number).map_or(0, |sums| sums.customers);
    let (shown, rows_omitted) = cut(cohorts.sequence(size), query.limit);
    let counted = view.days.sum(i32::MIN, as_of);
    let row = |number: usize| sums.get(number).map(|sums| sums.row(cohorts.name(number), &shape, view.currency));
    Ok(CohortsAnswer {
        definition: Definition {
            window: Some("[0,h) days"),
            as_of: Some(query.as_of.clone()),
            ..Definition::new("behaviour of customers by cohort", view)
        }
        .of(&query.audience),
        rows: shown.into_iter().filter_map(row).collect(),
        rows_omitted,
        total: total.row(Name::all(), &shape, view.currency),
        left_out: LeftOut::new(view, as_of),
        uncertain: Uncertain::new(&counted),
        tax_split_missing: SplitMissing::tax(&counted, view.currency),
        shipping_split_missing: SplitMissing::shipping(&counted, view.currency),
    })
}

fn checked(query: &CohortsQuery) -> Result<Vec<u32>, ReportError> {
    let mut horizons = query.horizons.clone();
    horizons.sort_unstable();
    horizons.dedup();
    if horizons.len() > HORIZONS {
        return Err(ReportError::Question(format!("ask for at most {HORIZONS} horizons, not {}", horizons.len())));
    }
    if let Some(bad) = horizons.iter().find(|days| !(1..=HORIZON_DAYS).contains(*days)) {
        return Err(ReportError::Question(format!("a horizon has 1 to {HORIZON_DAYS} days, not {bad}")));
    }
    if query.periods > RETENTION_PERIODS {
        let message = format!("ask for at most {RETENTION_PERIODS} periods, not {}", query.periods);
        return Err(ReportError::Question(message));
    }
    Ok(horizons)
}

struct Shape<'a> {
    horizons: &'a [u32],
    periods: u32,
}

/// One customer.
#[derive(Debug, Default)]
struct One {
    lived: u32,
    /// Ages of paid orders, ascending, and whether each is a rebill.
    orders: Vec<(u16, bool)>,
    gross: i64,
    taken_back: i64,
    refunded: i64,
}

impl One {
    fn read(&mut self, life: &Lifetime<'_>, as_of: i32) {
        let end = life.lived(as_of);
        self.orders.clear();
        (self.lived, self.gross, self.taken_back, self.refunded) = (u32::from(end), 0, 0, 0);
        for event in life.events_before(end) {
            if event.marks.is_sale() {
                self.gross += event.value
            } else {
                self.taken_back += event.value
            }
            if event.marks.is_paid_order() {
                self.orders.push((event.age, event.marks.is_rebill()));
            }
            self.refunded += i64::from(event.marks.is_first_taken_back());
        }
        self.orders.sort_unstable();
    }

    /// How many paid orders are younger than this.
    fn within(&self, horizon: u32) -> impl Iterator<Item = &(u16, bool)> {
        self.orders.iter().take_while(move |(age, _)| u32::from(*age) < horizon)
    }
}

/// One cohort.
#[derive(Debug, Clone)]
struct Sums {
    customers: i64,
    orders: i64,
    rebills: i64,
    gross: i64,
    taken_back: i64,
    refunded: i64,
    repeat: Vec<Repeat>,
    gaps: Histogram,
    /// Mature and retained.
    retention: Vec<(i64, i64)>,
}

#[derive(Debug, Clone, Default)]
struct Repeat {
    mature: i64,
    with_rebills: i64,
    without_rebills: i64,
    second: Histogram,
}

impl Sums {
    fn new(shape: &Shape<'_>) -> Self {
        Self {
            customers: 0,
            orders: 0,
            rebills: 0,
            gross: 0,
            taken_back: 0,
            refunded: 0,
            repeat: vec![Repeat::default(); shape.horizons.len()],
            gaps: Histogram::default(),
            retention: vec![(0, 0); shape.periods as usize],
        }
    }

    fn add(&mut self, one: &One, sign: i64, shape: &Shape<'_>) {
        self.customers += sign;
        self.orders += sign * one.orders.len() as i64;
        self.rebills += sign * one.orders.iter().filter(|(_, rebill)| *rebill).count() as i64;
        self.gross += sign * one.gross;
        self.taken_back += sign * one.taken_back;
        self.refunded += sign * one.refunded;
        for (repeat, horizon) in self.repeat.iter_mut().zip(shape.horizons).filter(|(_, h)| **h <= one.lived) {
            repeat.mature += sign;
            let mut within = one.within(*horizon);
            if let (Some((first, _)), Some((second, _))) = (within.next(), within.next()) {
                repeat.with_rebills += sign;
                repeat.second.add(u32::from(second - first), sign);
            }
            let chosen = one.within(*horizon).filter(|(_, rebill)| !rebill).nth(1).is_some();
            repeat.without_rebills += if chosen { sign } else { 0 };
        }
        for pair in one.orders.windows(2) {
            if let [(before, _), (after, _)] = pair
                && after > before
            {
                self.gaps.add(u32::from(after - before), sign);
            }
        }
        for (period, (mature, retained)) in (1_u32..).zip(&mut self.retention) {
            let ages = period * PERIOD_DAYS..(period + 1) * PERIOD_DAYS;
            if ages.end <= one.lived {
                *mature += sign;
                let bought = one.orders.iter().any(|(age, _)| ages.contains(&u32::from(*age)));
                *retained += if bought { sign } else { 0 };
            }
        }
    }

    fn row(&self, name: Name, shape: &Shape<'_>, currency: Currency) -> CohortRow {
        let (customers, orders) = (count(self.customers), count(self.orders));
        CohortRow {
            cohort: name.cohort,
            title: name.title,
            first_day: name.first_day,
            customers,
            orders,
            rebills: count(self.rebills),
            orders_per_customer: Figure::ratio(self.orders, self.customers, 2),
            aov: Figure::mean(self.gross, orders, currency),
            aov_after_refunds: Figure::mean(self.gross + self.taken_back, orders, currency),
            refund_rate: MoneyShare::new(-self.taken_back, self.gross, currency),
            refunded_orders: Share::new(count(self.refunded), orders),
            repeat: self.repeat.iter().zip(shape.horizons).map(|(repeat, horizon)| repeat.cell(*horizon)).collect(),
            between_orders: self.gaps.gaps(),
            retention: (1..).zip(&self.retention).map(retention).collect(),
        }
    }
}

impl Repeat {
    fn cell(&self, horizon: u32) -> RepeatCell {
        RepeatCell {
            horizon,
            with_rebills: Share::new(count(self.with_rebills), count(self.mature)),
            without_rebills: Share::new(count(self.without_rebills), count(self.mature)),
            second_order: self.second.gaps(),
        }
    }
}

fn retention((period, (mature, retained)): (u32, &(i64, i64))) -> RetentionCell {
    RetentionCell {
        period,
        ages: format!("[{},{})", period * PERIOD_DAYS, (period + 1) * PERIOD_DAYS),
        retained: Share::new(count(*retained), count(*mature)),
    }
}

/// How often each length occurs.
#[derive(Debug, Clone, Default)]
struct Histogram(BTreeMap<u32, i64>);

impl Histogram {
    fn add(&mut self, days: u32, times: i64) {
        *self.0.entry(days).or_default() += times;
    }

    fn gaps(&self) -> Gaps {
        let all: i64 = self.0.values().sum();
        let sum: i64 = self.0.iter().map(|(days, times)| i64::from(*days) * times).sum();
        // The middle of an odd number is met twice.
        let middle = self.at((all - 1) / 2).zip(self.at(all / 2)).filter(|_| all > 0);
        Gaps {
            count: count(all),
            sum_days: count(sum),
            median_days: middle.and_then(|(low, high)| Figure::ratio(i64::from(low) + i64::from(high), 2, 1)),
            mean_days: Figure::ratio(sum, all, 2),
        }
    }

    /// The length at a place, from the shortest, counted from 0.
    fn at(&self, place: i64) -> Option<u32> {
        let mut seen = 0;
        self.0.iter().find_map(|(days, times)| {
            seen += times;
            (place < seen).then_some(*days)
        })
    }
}
