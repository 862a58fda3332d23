//! When a cohort has earned what its customers cost.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::calendar::{self, Period};
use super::definition::{AsOf, Definition, LeftOut, Uncertain};
use super::error::ReportError;
use super::figure::Figure;
use super::group::{Audience, Cohorts, Group, Name, cut};
use super::ltv::{RefundDating, count};
use super::source::Source;
use super::view::View;
use crate::model::Currency;

/// What customers cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cost {
    /// Each of them, minor units of the reporting currency.
    PerCustomer(i64),
    /// All who came in a month, by its number ([`Period::number`]), minor units of the reporting currency.
    PerMonth(BTreeMap<i32, i64>),
}

/// A question about payback.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaybackQuery {
    /// What the customers cost.
    pub cost: Cost,
    /// Which customers, and in which cohorts.
    pub audience: Audience,
    /// Which day a refund counts on.
    pub refunds: RefundDating,
    /// The end of complete data.
    pub as_of: AsOf,
    /// Show no more cohorts than this: the largest, where they are no periods.
    pub limit: Option<usize>,
}

/// When each cohort has earned its cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PaybackAnswer {
    /// How it was computed.
    pub definition: Definition,
    /// Cohorts without empty ones: periods in the sequence of time, others the largest first. None if the question asks for
    /// a total only.
    pub rows: Vec<PaybackRow>,
    /// Cohorts that are not shown because there are too many.
    pub rows_omitted: u64,
    /// All customers of the question; where costs are told by month, those of months with a cost. Its last mature day is that
    /// of the youngest of them.
    pub total: PaybackRow,
    /// What is not in it.
    pub left_out: LeftOut,
    /// What is in it but not certain.
    pub uncertain: Uncertain,
}

/// One cohort.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PaybackRow {
    /// Its name: `2025-01`, `2025-W05`, `2025-Q1`, `shop/12`, `DE`, `(none)` or `all`.
    pub cohort: String,
    /// What a product is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The first day of its period; `null` where it is none.
    #[serde(serialize_with = "calendar::serialize_day_option")]
    #[schemars(with = "Option<super::schema::Date>")]
    pub first_day: Option<i32>,
    /// Customers of the cohort.
    pub customers: u64,
    /// What one of them cost. `null` if no cost is told for the month.
    pub cac: Option<Figure>,
    /// What all of them cost.
    pub cost: Option<Figure>,
    /// What all of them have brought by the last mature day.
    pub net: Figure,
    /// The last age, in days, that all of them have lived through. `null` without customers.
    pub last_mature_day: Option<u32>,
    /// The first age at whose end the value reaches the cost, even if refunds take it back later.
    pub first_reached_day: Option<u32>,
    /// The first age from whose end on the value stays at the cost or above, through the last mature day.
    pub paid_back_day: Option<u32>,
}

/// One cohort on its way.
#[derive(Debug, Clone, Default)]
struct Curve {
    customers: i64,
    /// Customers by the day of the first order.
    by_day: BTreeMap<i32, i64>,
    /// Sum of values by age.
    by_age: Vec<i64>,
}

impl Curve {
    fn row(&self, name: Name, as_of: i32, cost: Option<i128>, currency: Currency) -> PaybackRow {
        let youngest = self.by_day.iter().rev().find(|(_, customers)| **customers > 0).map(|(day, _)| *day);
        let ages = youngest.map_or(0, |day| usize::try_from(as_of.saturating_sub(day)).unwrap_or(0));
        let (mut sum, mut reached, mut stays) = (0_i128, None, None);
        for age in 0..ages {
            sum += i128::from(self.by_age.get(age).copied().unwrap_or(0));
            let age = u32::try_from(age).unwrap_or(u32::MAX);
            if cost.is_some_and(|cost| sum >= cost) {
                reached = reached.or(Some(age));
                stays = stays.or(Some(age));
            } else {
                stays = None;
            }
        }
        let customers = count(self.customers);
        let minor = |amount: i128| i64::try_from(amount).unwrap_or(i64::MAX);
        PaybackRow {
            cohort: name.cohort,
            title: name.title,
            first_day: name.first_day,
            customers,
            cac: cost.and_then(|cost| Figure::mean(minor(cost), customers, currency)),
            cost: cost.map(|cost| Figure::money(minor(cost), currency)),
            net: Figure::money(minor(sum), currency),
            last_mature_day: u32::try_from(ages).ok().and_then(|ages| ages.checked_sub(1)),
            first_reached_day: reached,
            paid_back_day: stays,
        }
    }
}

/// Finds the day from which each cohort has earned its cost.
///
/// # Errors
/// If costs are told by month, but the cohorts are no months.
pub fn payback(view: &View, source: &impl Source, query: &PaybackQuery) -> Result<PaybackAnswer, ReportError> {
    let by_month = matches!(query.cost, Cost::PerMonth(_));
    if by_month && query.audience.group != Some(Group::Period(Period::Month)) {
        let message = "costs by month answer for cohorts by month only; ask with `group=month`, or give one `cac`";
        return Err(ReportError::Question(message.to_owned()));
    }
    let as_of = query.as_of.day;
    let cost_of = |first_day: Option<i32>, customers: i64| match &query.cost {
        Cost::PerCustomer(minor) => Some(i128::from(*minor) * i128::from(customers)),
        Cost::PerMonth(months) => {
            first_day.and_then(|day| months.get(&Period::Month.number(day))).map(|minor| i128::from(*minor))
        }
    };
    let mut cohorts = Cohorts::new(view, source, &query.audience);
    let mut curves = vec![Curve::default(); cohorts.len()];
    let mut total = Curve::default();
    for life in view.lifetimes().filter(|life| life.first_day < as_of) {
        let Some(found) = cohorts.of(&life) else { continue };
        let found = found.to_vec();
        if curves.len() < cohorts.len() {
            curves.resize(cohorts.len(), Curve::default());
        }
        let costs = cost_of(Some(life.first_day), 1).is_some();
        let end = life.lived(as_of);
        let add = |curve: &mut Curve| {
            curve.customers += life.sign;
            *curve.by_day.entry(life.first_day).or_default() += life.sign;
            for event in life.events_before(end) {
                let age = usize::from(event.dated(query.refunds));
                if age >= curve.by_age.len() {
                    curve.by_age.resize(age + 1, 0);
                }
                if let Some(sum) = curve.by_age.get_mut(age) {
                    *sum += life.sign * event.value;
                }
            }
        };
        if costs {
            add(&mut total);
        }
        for cohort in found {
            if let Some(curve) = curves.get_mut(cohort as usize) {
                add(curve);
            }
        }
    }
    let size = |number: usize| curves.get(number).map_or(0, |curve| curve.customers);
    let (shown, rows_omitted) = cut(cohorts.sequence(size), query.limit);
    let row = |number: usize| {
        let (name, curve) = (cohorts.name(number), curves.get(number)?);
        let cost = cost_of(name.first_day, curve.customers);
        Some(curve.row(name, as_of, cost, view.currency))
    };
    let rows: Vec<PaybackRow> = shown.into_iter().filter_map(row).collect();
    let total_cost = match &query.cost {
        Cost::PerCustomer(_) => cost_of(None, total.customers),
        // Of all months that have begun: also one that has brought nobody was paid for.
        Cost::PerMonth(months) => {
            let begun = months.range(..=Period::Month.number(as_of.saturating_sub(1)));
            Some(begun.map(|(_, minor)| i128::from(*minor)).sum())
        }
    };
    Ok(PaybackAnswer {
        definition: Definition {
            window: Some("[0,d] days"),
            refunds: Some(query.refunds),
            as_of: Some(query.as_of.clone()),
            ..Definition::new("payback: the first day from which lifetime value stays at the cost", view)
        }
        .of(&query.audience),
        rows,
        rows_omitted,
        total: total.row(Name::all(), as_of, total_cost, view.currency),
        left_out: LeftOut::new(view, as_of),
        uncertain: Uncertain::new(&view.days.sum(i32::MIN, as_of)),
    })
}
