//! Builds a view: one pass over the orders gathers what is said of each customer, another over what was gathered writes each entry
//! to its place. Time is linear.

use super::error::ReportError;
use super::facts::Fact;
use super::gather::Gatherer;
use super::order::{Evaluator, Event};
use super::source::Source;
use super::view::{Marks, NEVER, View, ViewOptions};
use crate::model::{Billing, ZoneTable};

pub(super) fn build(source: &impl Source, options: &ViewOptions<'_>) -> Result<View, ReportError> {
    let zone = ZoneTable::of(options.zone);
    let mut evaluator = Evaluator::new(source, options, &zone);
    let mut gatherer = Gatherer::new(source, empty(source, options));
    each_order(source, |orders| {
        evaluator.order(source, orders)?;
        gatherer.order(source, &evaluator)
    })?;
    let mut view = gatherer.finish(source, &zone);
    view.rates = evaluator.converter.finish()?;
    Ok(view)
}

/// A view of no entries.
pub(super) fn empty(source: &impl Source, options: &ViewOptions<'_>) -> View {
    let included = (0_u16..).zip(source.integrations());
    let included = included.filter(|(index, _)| options.integrations.is_none_or(|set| set.contains(index)));
    View {
        zone: options.zone,
        currency: options.currency,
        basis: options.basis,
        free_orders: options.free_orders,
        orders: options.orders.clone(),
        revision: source.revision(),
        integrations: included.map(|(_, integration)| integration.name.clone()).collect(),
        rates: super::rates::RatesSeen::default(),
        rates_to: options.rates.base(),
        base: std::sync::Arc::default(),
        removed: std::collections::HashMap::new(),
        added: std::collections::HashMap::new(),
        changed_events: 0,
        days: super::days::DayTable::default(),
        absolute: 0,
    }
}

/// Hands out every order, until one fails.
fn each_order(
    source: &impl Source,
    mut each: impl FnMut(&[Fact]) -> Result<(), ReportError>,
) -> Result<(), ReportError> {
    let mut result = Ok(());
    source.scan_orders(0..source.entries(), |facts| {
        if result.is_ok() {
            result = each(facts);
        }
    });
    result
}

/// What the columns hold of an entry.
pub(super) struct Written {
    pub(super) age: u16,
    pub(super) sale_age: u16,
    pub(super) marks: Marks,
}

/// What an entry of an order is in the lifetime of its customer; `None` if it came before the first order.
pub(super) fn written(event: &Event, order: &[Event], first: u32, first_day: i32, first_ms: i64) -> Option<Written> {
    // By the day, since many sources know no more; and by the instant, since a clock set back at midnight repeats the
    // end of a day.
    if event.day < first_day && event.fact.unix_ms < first_ms {
        return None;
    }
    let age = |day: i32| u16::try_from(day.saturating_sub(first_day).max(0)).unwrap_or(NEVER);
    // The first order is among the entries of this order, or it is another one.
    let first_billing = order.iter().find(|event| event.fact.entry == first).map(|event| event.fact.billing);
    let of_first = first_billing.is_some_and(|billing: Billing| event.is_of(first, billing));
    let marks = if of_first { event.marks.first_order() } else { event.marks };
    let has_bought = order.iter().any(|other| other.marks.is_paid_order() && other.owner == event.owner);
    Some(Written { age: age(event.day), sale_age: age(event.sale_day), marks: marks.of_buyer(has_bought) })
}
