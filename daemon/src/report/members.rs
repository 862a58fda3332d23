//! Who is behind a cell, and which entries.

use std::collections::BinaryHeap;

use schemars::JsonSchema;
use serde::Serialize;

use super::calendar;
use super::days::Place;
use super::error::ReportError;
use super::facts::{Fact, NO_CUSTOMER};
use super::figure::Figure;
use super::group::Cohorts;
use super::ltv::{Horizon, LtvQuery};
use super::order::Evaluator;
use super::source::Source;
use super::view::{Lifetime, View, ViewOptions};
use crate::model::ZoneTable;

/// A customer of a cohort, with their part in one of its cells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Member {
    /// Number of the customer.
    #[serde(skip)]
    pub customer: u32,
    /// The sale that stands for the first order: number of the entry.
    #[serde(skip)]
    pub first_entry: u32,
    /// The day of the first order.
    #[serde(serialize_with = "calendar::serialize_day")]
    #[schemars(with = "super::schema::Date")]
    pub first_order_day: i32,
    /// True if the customer is old enough, and so in numerator and denominator.
    pub mature: bool,
    /// What they have brought by the horizon.
    pub net: Figure,
}

/// Some of the customers behind a cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Members {
    /// Ascending by number.
    pub members: Vec<Member>,
    /// Whether there are more.
    pub more: bool,
}

/// Customers of one cohort (`2025-01`, `shop/12`, or `all`) with numbers from `from` on, and what each has brought by the
/// horizon. The mature ones add up to the cell that [`super::ltv()`] answers.
///
/// # Errors
/// If there is no such cohort.
pub fn members(
    view: &View,
    source: &impl Source,
    query: &LtvQuery,
    cohort: &str,
    horizon: Horizon,
    from: u32,
    limit: usize,
) -> Result<Members, ReportError> {
    let as_of = query.as_of.day;
    let mut cohorts = Cohorts::new(view, source, &query.audience);
    let mut wanted = None;
    // The lowest numbers, the highest of them on top.
    let mut found: BinaryHeap<(u32, usize)> = BinaryHeap::new();
    let mut lives: Vec<Lifetime<'_>> = Vec::new();
    for life in view.lifetimes_once().filter(|life| life.first_day < as_of) {
        let Some(numbers) = cohorts.of(&life).map(<[u32]>::to_vec) else { continue };
        if cohort != "all" {
            if wanted.is_none() {
                wanted = numbers.iter().copied().find(|number| cohorts.name(*number as usize).cohort == cohort);
            }
            if !wanted.is_some_and(|wanted| numbers.contains(&wanted)) {
                continue;
            }
        }
        if life.customer < from {
            continue;
        }
        if found.len() > limit {
            if found.peek().is_some_and(|(highest, _)| life.customer > *highest) {
                continue;
            }
            found.pop();
        }
        found.push((life.customer, lives.len()));
        lives.push(life);
    }
    let known = cohort == "all" || wanted.is_some() || (0..cohorts.len()).any(|n| cohorts.name(n).cohort == cohort);
    if !known {
        return Err(ReportError::Question(format!("there is no cohort `{cohort}`")));
    }
    let sorted = found.into_sorted_vec();
    let more = sorted.len() > limit;
    let chosen = sorted.into_iter().take(limit).filter_map(|(_, at)| lives.get(at));
    let members = chosen.map(|life| Member {
        customer: life.customer,
        first_entry: life.first_entry,
        first_order_day: life.first_day,
        mature: match horizon {
            Horizon::Days(days) => days <= (as_of - life.first_day).unsigned_abs(),
            Horizon::FirstOrder | Horizon::ToDate => true,
        },
        net: Figure::money(brought(query, life, horizon), view.currency),
    });
    Ok(Members { members: members.collect(), more })
}

fn brought(query: &LtvQuery, life: &Lifetime<'_>, horizon: Horizon) -> i64 {
    let events = life.events_before(life.lived(query.as_of.day));
    let counts = |event: &super::view::LifeEvent| match horizon {
        Horizon::FirstOrder => event.marks.is_first_order(),
        Horizon::Days(days) => u32::from(event.dated(query.refunds)) < days,
        Horizon::ToDate => true,
    };
    events.filter(counts).map(|event| event.value).sum()
}

/// Every live entry of the orders in which this customer is named, by time. It takes no rates.
pub fn facts_of(source: &impl Source, customer: u32) -> Vec<Fact> {
    let mut facts: Vec<Fact> = super::advance::orders_of(source, customer).into_iter().flatten().collect();
    facts.sort_unstable_by_key(|fact| (fact.unix_ms, fact.integration, fact.tie, fact.entry));
    facts
}

/// One entry of a customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LifeEntry {
    /// Number of the entry.
    pub entry: u32,
    /// The day in the reporting zone, days since 1970-01-01.
    pub day: i32,
    /// Days since the first order; `None` if it is in no lifetime.
    pub age: Option<u16>,
    /// The same of the sale that it is about.
    pub sale_age: Option<u16>,
    /// Its value in the reporting currency, with the sign of its kind.
    pub value: Figure,
    /// It stands for a paid order.
    pub paid_order: bool,
    /// It is a sale of the first order.
    pub first_order: bool,
    /// It came before the first order, or there is none.
    pub before_first_order: bool,
}

/// All entries of a customer, by time, as the view's options see them. A refund that names nobody is there with its order.
///
/// # Errors
/// As [`View::build`].
pub fn entries_of(
    source: &impl Source,
    options: &ViewOptions<'_>,
    customer: u32,
) -> Result<Vec<LifeEntry>, ReportError> {
    if customer == NO_CUSTOMER {
        return Ok(Vec::new());
    }
    let zone = ZoneTable::of(options.zone);
    let mut evaluator = Evaluator::new(source, options, &zone);
    let mut entries = Vec::new();
    super::advance::each_of(source, &mut evaluator, customer, |event, written, place| {
        entries.push((
            (event.fact.unix_ms, event.fact.integration, event.fact.tie, event.fact.entry),
            LifeEntry {
                entry: event.fact.entry,
                day: event.day,
                age: written.map(|written| written.age),
                sale_age: written.map(|written| written.sale_age),
                value: Figure::money(event.value.on(options.basis), options.currency),
                paid_order: event.marks.is_paid_order(),
                first_order: written.is_some_and(|written| written.marks.is_first_order()),
                before_first_order: place == Place::Orphan,
            },
        ));
    })?;
    evaluator.converter.finish()?;
    entries.sort_unstable_by_key(|(key, _)| *key);
    Ok(entries.into_iter().map(|(_, entry)| entry).collect())
}
