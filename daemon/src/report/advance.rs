//! Brings a view up to date: the customers of whom something has changed are worked out twice, as they were and as they are.

use std::collections::{BTreeMap, BTreeSet};

use super::build::{Written, written};
use super::days::{DaySums, Place};
use super::definition::IntegrationState;
use super::error::ReportError;
use super::facts::{Fact, NO_CUSTOMER};
use super::order::{Evaluator, Event};
use super::source::{Before, Source};
use super::view::{Life, View, ViewOptions};
use crate::limits::report::{CHANGED_EVENTS, CHANGED_SHARE};
use crate::model::ZoneTable;

impl View {
    /// Brings the view to the revision of the source, with the options that it was built with. False if it must be built
    /// anew: what changed is not remembered, or is too much.
    ///
    /// # Errors
    /// As [`View::build`]. The view is then of no more use.
    pub fn advance(&mut self, source: &impl Source, options: &ViewOptions<'_>) -> Result<bool, ReportError> {
        // Marks and the quarantine move without the ledger's revision.
        self.integrations = IntegrationState::of(source, options);
        if source.revision() == self.revision {
            return Ok(true);
        }
        // What was sold in an entry before it changed is not remembered.
        if options.orders.tells_products_apart() {
            return Ok(false);
        }
        let Some(before) = source.before(self.revision) else { return Ok(false) };
        let most = (self.base.ages.len() / CHANGED_SHARE).max(CHANGED_EVENTS);
        if before.len() + self.changed_events > most {
            return Ok(false);
        }
        let then = Then::new(source, &before);
        let mut orders: BTreeSet<u32> = before.iter().filter_map(|b| b.fact).map(|fact| fact.order).collect();
        orders.extend(before.iter().filter_map(|b| source.fact(b.entry)).map(|fact| fact.order));

        let zone = ZoneTable::of(options.zone);
        let mut evaluator = Evaluator::new(source, options, &zone);
        let (mut was, mut is) = (Vec::new(), Vec::new());
        let mut customers = BTreeSet::new();
        // Whose they were and are, and what is nobody's.
        for order in &orders {
            for (facts, days, sign) in [(then.order(*order), &mut was, -1), (now(source, *order), &mut is, 1)] {
                evaluator.order(source, &facts)?;
                customers.extend(evaluator.events.iter().map(|event| event.owner).filter(|o| *o != NO_CUSTOMER));
                let anonymous = evaluator.events.iter().filter(|e| e.counts && e.owner == NO_CUSTOMER);
                for event in anonymous {
                    days.push((event.day, noted(event, Place::Anonymous)));
                    self.absolute = add(self.absolute, event, sign)?;
                }
                let free = |day: &i32| (*day, DaySums { free_sales: 1, ..DaySums::default() });
                days.extend(evaluator.free_days.iter().map(free));
            }
        }
        for customer in customers {
            let orders_then = then.orders_of(customer);
            let orders_then: Vec<Vec<Fact>> = orders_then.into_iter().map(|order| then.order(order)).collect();
            let old = self.life(source, &mut evaluator, customer, &orders_then, -1, &mut was)?;
            let orders_now = orders_naming(source, customer);
            let orders_now: Vec<Vec<Fact>> = orders_now.into_iter().map(|order| now(source, order)).collect();
            let new = self.life(source, &mut evaluator, customer, &orders_now, 1, &mut is)?;
            self.exchange(customer, old, new);
        }
        for (changes, sign) in [(was, -1), (is, 1)] {
            for (day, sums) in changes {
                self.days.change(day, |row| row.add(&sums, sign));
            }
        }
        self.rates.merge(evaluator.converter.finish()?);
        self.revision = source.revision();
        Ok(true)
    }

    /// Works out one customer. Notes go to `days`.
    fn life(
        &mut self,
        source: &impl Source,
        evaluator: &mut Evaluator<'_>,
        customer: u32,
        orders: &[Vec<Fact>],
        sign: i64,
        days: &mut Vec<(i32, DaySums)>,
    ) -> Result<Option<Life>, ReportError> {
        let mut life: Option<Life> = None;
        let mut absolute = Ok(self.absolute);
        let basis = self.basis;
        let first = each(source, evaluator, customer, orders, |event, written, place| {
            absolute = absolute.clone().and_then(|absolute| add(absolute, event, sign));
            days.push((event.day, noted(event, place)));
            let Some(written) = written else { return };
            let life = life.get_or_insert_default();
            if written.sale_age != written.age {
                life.moved.push((life.ages.len() as u32, written.sale_age));
            }
            life.ages.push(written.age);
            life.marks.push(written.marks);
            life.values.push(event.value.on(basis));
        })?;
        self.absolute = absolute?;
        // Someone whose every order a filter leaves out is a customer all the same.
        Ok(first.map(|(first_day, first_entry)| Life { first_day, first_entry, ..life.unwrap_or_default() }))
    }

    fn exchange(&mut self, customer: u32, old: Option<Life>, new: Option<Life>) {
        match self.added.remove(&customer) {
            // Not in the columns, or subtracted already.
            Some(known) => self.changed_events -= known.ages.len(),
            None => {
                if let Some(old) = old.filter(|_| !self.removed.contains_key(&customer)) {
                    self.changed_events += old.ages.len();
                    self.removed.insert(customer, old);
                }
            }
        }
        if let Some(new) = new {
            self.changed_events += new.ages.len();
            self.added.insert(customer, new);
        }
    }
}

/// Hands out the entries of a customer that count, and what each is in the lifetime.
pub(super) fn each_of(
    source: &impl Source,
    evaluator: &mut Evaluator<'_>,
    customer: u32,
    take: impl FnMut(&Event, Option<&Written>, Place),
) -> Result<(), ReportError> {
    each(source, evaluator, customer, &orders_of(source, customer), take).map(|_| ())
}

/// The entries of the orders in which a customer is named.
pub(super) fn orders_of(source: &impl Source, customer: u32) -> Vec<Vec<Fact>> {
    orders_naming(source, customer).into_iter().map(|order| now(source, order)).collect()
}

/// Day and entry of the first order, if there is one.
fn each(
    source: &impl Source,
    evaluator: &mut Evaluator<'_>,
    customer: u32,
    orders: &[Vec<Fact>],
    mut take: impl FnMut(&Event, Option<&Written>, Place),
) -> Result<Option<(i32, u32)>, ReportError> {
    let mut worked: Vec<Vec<Event>> = Vec::with_capacity(orders.len());
    for facts in orders {
        evaluator.order(source, facts)?;
        worked.push(evaluator.events.clone());
    }
    let own = |event: &&Event| event.owner == customer;
    let paid = worked.iter().flatten().filter(own).filter(|event| event.marks.is_paid_order());
    let rank = |event: &&Event| (event.fact.unix_ms, event.fact.integration, event.fact.tie, event.fact.entry);
    let first = paid.min_by_key(rank).copied();
    for order in &worked {
        for event in order.iter().filter(own).filter(|event| event.counts) {
            let placed =
                first.as_ref().and_then(|first| written(event, order, first.fact.entry, first.day, first.fact.unix_ms));
            let place = if placed.is_some() { Place::Lifetime } else { Place::Orphan };
            take(event, placed.as_ref(), place);
        }
    }
    Ok(first.map(|first| (first.day, first.fact.entry)))
}

fn noted(event: &Event, place: Place) -> DaySums {
    let mut sums = DaySums::default();
    sums.note(event, place);
    sums
}

fn add(absolute: u128, event: &Event, sign: i64) -> Result<u128, ReportError> {
    let amount = event.value.absolute();
    if sign < 0 {
        return Ok(absolute.saturating_sub(amount));
    }
    let sum = absolute + amount;
    if sum > i64::MAX as u128 { Err(ReportError::TooLarge { entry: Some(event.fact.entry) }) } else { Ok(sum) }
}

fn now(source: &impl Source, order: u32) -> Vec<Fact> {
    source.of_order(order).into_iter().filter_map(|entry| source.fact(entry)).collect()
}

fn orders_naming(source: &impl Source, customer: u32) -> BTreeSet<u32> {
    source.of_customer(customer).into_iter().filter_map(|entry| source.fact(entry)).map(|fact| fact.order).collect()
}

/// The source as it was.
struct Then<'a, S> {
    source: &'a S,
    entries: BTreeMap<u32, Option<Fact>>,
    by_order: BTreeMap<u32, Vec<Fact>>,
    by_customer: BTreeMap<u32, BTreeSet<u32>>,
}

impl<'a, S: Source> Then<'a, S> {
    fn new(source: &'a S, before: &[Before]) -> Self {
        let mut by_order: BTreeMap<u32, Vec<Fact>> = BTreeMap::new();
        let mut by_customer: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
        for fact in before.iter().filter_map(|before| before.fact) {
            by_order.entry(fact.order).or_default().push(fact);
            by_customer.entry(fact.customer).or_default().insert(fact.order);
        }
        let entries = before.iter().map(|before| (before.entry, before.fact)).collect();
        Self { source, entries, by_order, by_customer }
    }

    fn order(&self, order: u32) -> Vec<Fact> {
        let unchanged = self.source.of_order(order).into_iter().filter(|entry| !self.entries.contains_key(entry));
        let unchanged = unchanged.filter_map(|entry| self.source.fact(entry));
        // Whether it was alone in its order is another question then.
        unchanged.chain(self.by_order.get(&order).into_iter().flatten().copied()).collect()
    }

    fn orders_of(&self, customer: u32) -> BTreeSet<u32> {
        let unchanged = self.source.of_customer(customer).into_iter().filter(|e| !self.entries.contains_key(e));
        let unchanged = unchanged.filter_map(|entry| self.source.fact(entry)).map(|fact| fact.order);
        unchanged.chain(self.by_customer.get(&customer).into_iter().flatten().copied()).collect()
    }
}
