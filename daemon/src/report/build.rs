//! Builds a view: two passes over the orders, the first to find every customer's first order, the second to write each entry
//! to its place. Time is linear.

use super::days::Place;
use super::definition::IntegrationState;
use super::error::ReportError;
use super::facts::{Fact, NO_CUSTOMER};
use super::order::{Evaluator, Event};
use super::source::Source;
use super::view::{Amounts, Base, Marks, NEVER, Run, View, ViewOptions};
use crate::model::{Billing, ZoneTable};

pub(super) fn build(source: &impl Source, options: &ViewOptions<'_>) -> Result<View, ReportError> {
    let zone = ZoneTable::of(options.zone);
    let mut evaluator = Evaluator::new(source, options, &zone);
    let firsts = Firsts::find(source, &mut evaluator)?;
    let layout = Layout::new(firsts, &zone);
    let mut writer = Writer::new(layout, empty(source, options));
    each_order(source, |orders| {
        evaluator.order(source, orders, true)?;
        writer.order(&evaluator)
    })?;
    let Writer { mut view, mut base, .. } = writer;
    // Noted order by order.
    base.moved.sort_unstable();
    view.rates = evaluator.converter.finish()?;
    view.base = std::sync::Arc::new(base);
    Ok(view)
}

/// A view of no entries.
pub(super) fn empty(source: &impl Source, options: &ViewOptions<'_>) -> View {
    View {
        zone: options.zone,
        currency: options.currency,
        basis: options.basis,
        free_orders: options.free_orders,
        orders: options.orders.clone(),
        revision: source.revision(),
        integrations: IntegrationState::of(source, options),
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

/// The first order of each customer, by number of the customer.
struct Firsts {
    /// Instant of the first order.
    unix_ms: Vec<i64>,
    /// The sale that stands for it; `u32::MAX` if there is none.
    entry: Vec<u32>,
    /// Entries that belong to the customer.
    count: Vec<u32>,
}

const NO_ENTRY: u32 = u32::MAX;

impl Firsts {
    fn find(source: &impl Source, evaluator: &mut Evaluator<'_>) -> Result<Self, ReportError> {
        let customers = source.customers() as usize;
        let mut firsts =
            Self { unix_ms: vec![0; customers], entry: vec![NO_ENTRY; customers], count: vec![0; customers] };
        let mut events = 0_u64;
        each_order(source, |facts| {
            evaluator.order(source, facts, false)?;
            for event in evaluator.events.iter().filter(|event| event.owner != NO_CUSTOMER) {
                events += 1;
                firsts.meet(source, event);
            }
            Ok(())
        })?;
        // Positions are kept in 32 bits.
        if u32::try_from(events).is_err() {
            return Err(ReportError::TooLarge { entry: None });
        }
        Ok(firsts)
    }

    fn meet(&mut self, source: &impl Source, event: &Event) {
        let owner = event.owner as usize;
        let (Some(ms), Some(entry)) = (self.unix_ms.get_mut(owner), self.entry.get_mut(owner)) else { return };
        if event.counts
            && let Some(count) = self.count.get_mut(owner)
        {
            *count += 1;
        }
        if event.marks.is_paid_order() && (*entry == NO_ENTRY || is_earlier(source, &event.fact, *ms, *entry)) {
            (*ms, *entry) = (event.fact.unix_ms, event.fact.entry);
        }
    }
}

/// Whether a sale comes before the one that is known: by instant, then integration, then id.
fn is_earlier(source: &impl Source, sale: &Fact, known_ms: i64, known: u32) -> bool {
    if sale.unix_ms != known_ms {
        return sale.unix_ms < known_ms;
    }
    let rank = |fact: &Fact| (fact.integration, fact.tie, fact.entry);
    source.fact(known).is_none_or(|known| rank(sale) < rank(&known))
}

/// Where everything goes.
struct Layout {
    firsts: Firsts,
    /// By number of the customer: the day of the first order.
    first_day: Vec<i32>,
    base: Base,
    /// By number of the customer: where the next entry goes.
    next: Vec<u32>,
}

impl Layout {
    fn new(mut firsts: Firsts, zone: &ZoneTable) -> Self {
        let first_day: Vec<i32> = firsts
            .unix_ms
            .iter()
            .zip(&firsts.entry)
            .map(|(ms, entry)| if *entry == NO_ENTRY { 0 } else { zone.day(*ms) })
            .collect();
        let known = || (0_u32..).zip(&first_day).zip(&firsts.entry).filter(|(_, entry)| **entry != NO_ENTRY);
        let mut by_day: std::collections::BTreeMap<i32, usize> = std::collections::BTreeMap::new();
        for ((_, day), _) in known() {
            *by_day.entry(*day).or_default() += 1;
        }
        let mut runs = Vec::with_capacity(by_day.len());
        let mut position = 0;
        for (first_day, count) in &mut by_day {
            runs.push(Run { first_day: *first_day, customers: position..position + *count, events: 0..0 });
            // From here on: where the next customer of this day goes.
            position += std::mem::replace(count, position);
        }
        let mut customers = vec![0; position];
        for ((customer, day), _) in known() {
            if let Some(next) = by_day.get_mut(day) {
                if let Some(slot) = customers.get_mut(*next) {
                    *slot = customer;
                }
                *next += 1;
            }
        }
        let mut starts = Vec::with_capacity(customers.len() + 1);
        let mut event = 0_u32;
        // The counts become the places of the next entry.
        let mut next = std::mem::take(&mut firsts.count);
        for customer in &customers {
            starts.push(event);
            if let Some(next) = next.get_mut(*customer as usize) {
                event += std::mem::replace(next, event);
            }
        }
        starts.push(event);
        let at = |position: usize| starts.get(position).map_or(0, |start| *start as usize);
        for run in &mut runs {
            run.events = at(run.customers.start)..at(run.customers.end);
        }
        let first_entries = customers.iter().map(|c| firsts.entry.get(*c as usize).copied().unwrap_or(NO_ENTRY));
        let first_entries = first_entries.collect();
        let events = event as usize;
        let base = Base {
            runs,
            customers,
            first_entries,
            starts,
            ages: vec![NEVER; events],
            values: Amounts::zeros(events),
            marks: vec![Marks::default(); events],
            moved: Vec::new(),
        };
        Self { firsts, first_day, base, next }
    }
}

struct Writer {
    firsts: Firsts,
    first_day: Vec<i32>,
    next: Vec<u32>,
    base: Base,
    view: View,
}

impl Writer {
    fn new(layout: Layout, view: View) -> Self {
        let Layout { firsts, first_day, base, next } = layout;
        Self { firsts, first_day, next, base, view }
    }

    fn order(&mut self, evaluator: &Evaluator<'_>) -> Result<(), ReportError> {
        for event in evaluator.events.iter().filter(|event| event.counts) {
            self.view.absolute += event.value.absolute();
            if self.view.absolute > i64::MAX as u128 {
                return Err(ReportError::TooLarge { entry: Some(event.fact.entry) });
            }
            let place = self.write(event, &evaluator.events);
            self.view.days.change(event.day, |row| row.note(event, place));
        }
        for day in &evaluator.free_days {
            self.view.days.change(*day, |row| row.free_sales += 1);
        }
        Ok(())
    }

    fn write(&mut self, event: &Event, order: &[Event]) -> Place {
        if event.owner == NO_CUSTOMER {
            return Place::Anonymous;
        }
        let owner = event.owner as usize;
        let first = self.firsts.entry.get(owner).copied().unwrap_or(NO_ENTRY);
        if first == NO_ENTRY {
            return Place::Orphan;
        }
        let (Some(next), Some(first_day), Some(first_ms)) =
            (self.next.get_mut(owner), self.first_day.get(owner), self.firsts.unix_ms.get(owner))
        else {
            return Place::Orphan;
        };
        let at = *next as usize;
        *next += 1;
        let Some(written) = written(event, order, first, *first_day, *first_ms) else {
            // Its place keeps an age that never counts.
            return Place::Orphan;
        };
        if let (Some(age), Some(marks)) = (self.base.ages.get_mut(at), self.base.marks.get_mut(at)) {
            (*age, *marks) = (written.age, written.marks);
        }
        if written.sale_age != written.age {
            // Fits: the number of events was checked.
            self.base.moved.push((at as u32, written.sale_age));
        }
        self.base.values.set(at, event.value.on(self.view.basis));
        Place::Lifetime
    }
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
    // A refund that names somebody whom no sale of its order names takes back no order of theirs.
    let own_order = || order.iter().any(|other| other.marks.is_paid_order() && other.owner == event.owner);
    let marks = if marks.is_first_taken_back() && !own_order() { marks.not_taken_back() } else { marks };
    Some(Written { age: age(event.day), sale_age: age(event.sale_day), marks })
}
