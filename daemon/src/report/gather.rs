//! What one pass over the orders gathers: the first order of each customer, and of each entry as much as the columns of a view
//! will hold.
//!
//! Where an entry goes in the columns is known only when all first orders are known. So what becomes of it there is noted in
//! twelve bytes, in the sequence of the orders, rather than working every order out twice.

use std::hint::black_box;

use super::days::Place;
use super::error::ReportError;
use super::facts::{Fact, NO_CUSTOMER};
use super::order::{Evaluator, Event};
use super::source::Source;
use super::view::{Marks, Value, View};
use crate::model::ZoneTable;

/// No entry, and no note.
pub(super) const NONE: u32 = u32::MAX;

/// Events whose customers are looked at together.
pub(super) const TOGETHER: usize = 256;

/// What is known of a customer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Customer {
    /// Instant of the first order; `i64::MAX` if there is none.
    pub(super) unix_ms: i64,
    /// The sale that stands for it, or [`NONE`].
    pub(super) entry: u32,
    /// The note of that sale, or [`NONE`] if a filter leaves it out.
    pub(super) note: u32,
    /// Entries that count. When all are known, the place of the next one.
    pub(super) events: u32,
    /// Day of the first order, when all are known.
    pub(super) first_day: i32,
}

/// What the columns need of an event that counts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Note {
    /// The customer. When all first orders are known, the event's place instead, or [`NONE`].
    pub(super) owner: u32,
    /// [`LARGE`] if it is among the large values.
    pub(super) value: i32,
    /// The day, later the age, and the marks in the low eight bits. Days take less than 24.
    day_and_marks: i32,
}

/// Stands for a value that does not fit.
pub(super) const LARGE: i32 = i32::MIN;

impl Note {
    pub(super) fn day(self) -> i32 {
        self.day_and_marks >> 8
    }

    pub(super) fn set_day(&mut self, day: i32) {
        self.day_and_marks = day << 8 | self.day_and_marks & 0xff;
    }

    pub(super) fn marks(self) -> Marks {
        Marks::of_bits(self.day_and_marks as u8)
    }

    pub(super) fn set_marks(&mut self, marks: Marks) {
        self.day_and_marks = self.day_and_marks & !0xff | i32::from(marks.bits());
    }
}

/// An event that no first order is known to come before: it may have come before the first one of its customer, who may have none.
#[derive(Debug, Clone, Copy)]
pub(super) struct Early {
    pub(super) note: u32,
    pub(super) unix_ms: i64,
    pub(super) value: Value,
}

/// Notes in the sequence of the orders. The sale that stands for a paid order comes right before the other sales of its order that
/// are no rebills.
#[derive(Debug, Default)]
pub(super) struct Notes {
    pub(super) list: Vec<Note>,
    /// Values that do not fit their notes, by note, ascending.
    pub(super) large: Vec<(u32, i64)>,
    /// Notes whose sale was on another day, with that day, ascending.
    pub(super) sale_days: Vec<(u32, i32)>,
    /// Ascending.
    pub(super) early: Vec<Early>,
}

pub(super) struct Gatherer {
    /// Its sums by day are those of the entries so far, as if none came before the first order of its customer.
    view: View,
    customers: Vec<Customer>,
    notes: Notes,
    waiting: Vec<Waiting>,
}

/// An event that is to be noted of its customer.
#[derive(Clone, Copy)]
struct Waiting {
    unix_ms: i64,
    tie: u64,
    owner: u32,
    entry: u32,
    note: u32,
    integration: u16,
    counts: bool,
    is_paid_order: bool,
}

impl Gatherer {
    /// `view` is empty.
    pub(super) fn new(source: &impl Source, view: View) -> Self {
        let nobody = Customer { unix_ms: i64::MAX, entry: NONE, note: NONE, events: 0, first_day: 0 };
        let list = Vec::with_capacity(source.entries() as usize);
        Self {
            view,
            customers: vec![nobody; source.customers() as usize],
            notes: Notes { list, ..Notes::default() },
            waiting: Vec::with_capacity(TOGETHER),
        }
    }

    /// Takes in the order that was worked out last.
    pub(super) fn order(&mut self, source: &impl Source, evaluator: &Evaluator<'_>) -> Result<(), ReportError> {
        for day in &evaluator.free_days {
            self.view.days.change(*day, |row| row.free_sales += 1);
        }
        let events = evaluator.events.as_slice();
        if let [one] = events {
            let paid = one.marks.is_paid_order().then_some(one);
            return self.event(source, one, paid);
        }
        // Who bought is the same in all paid orders of an order.
        let paid = events.iter().filter(|event| event.marks.is_paid_order());
        let earliest = paid.min_by_key(|event| event.fact.unix_ms);
        let opens = |event: &&Event| event.marks.is_sale() && !event.marks.is_rebill();
        for event in events.iter().filter(opens).filter(|event| event.marks.is_paid_order()) {
            self.event(source, event, earliest)?;
        }
        for event in events.iter().filter(opens).filter(|event| !event.marks.is_paid_order()) {
            self.event(source, event, earliest)?;
        }
        for event in events.iter().filter(|event| !opens(event)) {
            self.event(source, event, earliest)?;
        }
        Ok(())
    }

    /// `paid` is the earliest paid order of its order.
    fn event(&mut self, source: &impl Source, event: &Event, paid: Option<&Event>) -> Result<(), ReportError> {
        let is_owned = event.owner != NO_CUSTOMER;
        let mut note = NONE;
        if event.counts {
            self.view.absolute += event.value.absolute();
            if self.view.absolute > i64::MAX as u128 {
                return Err(ReportError::TooLarge { entry: Some(event.fact.entry) });
            }
            let place = if is_owned { Place::Lifetime } else { Place::Anonymous };
            self.view.days.change(event.day, |row| row.note(event, place));
            if is_owned {
                note = self.note(event, paid.filter(|paid| paid.owner == event.owner))?;
            }
        }
        if is_owned {
            self.waiting.push(Waiting {
                unix_ms: event.fact.unix_ms,
                tie: event.fact.tie,
                owner: event.owner,
                entry: event.fact.entry,
                note,
                integration: event.fact.integration,
                counts: event.counts,
                is_paid_order: event.marks.is_paid_order(),
            });
            if self.waiting.len() >= TOGETHER {
                self.meet(source);
            }
        }
        Ok(())
    }

    /// Notes an event that counts. `paid` is the earliest paid order of its order, if that is of the same customer.
    fn note(&mut self, event: &Event, paid: Option<&Event>) -> Result<u32, ReportError> {
        let Notes { list, large, sale_days, early } = &mut self.notes;
        let note = u32::try_from(list.len()).ok().filter(|note| *note != NONE);
        // Positions are kept in 32 bits.
        let note = note.ok_or(ReportError::TooLarge { entry: None })?;
        let value = event.value.on(self.view.basis);
        let small = i32::try_from(value).unwrap_or(LARGE);
        if small == LARGE {
            large.push((note, value));
        }
        if event.sale_day != event.day {
            sale_days.push((note, event.sale_day));
        }
        if paid.is_none_or(|paid| paid.fact.unix_ms > event.fact.unix_ms) {
            early.push(Early { note, unix_ms: event.fact.unix_ms, value: event.value });
        }
        let marks = event.marks.of_buyer(paid.is_some());
        list.push(Note { owner: event.owner, value: small, day_and_marks: event.day << 8 | i32::from(marks.bits()) });
        Ok(note)
    }

    /// Tells the customers of the events that wait.
    fn meet(&mut self, source: &impl Source) {
        touch(&self.customers, self.waiting.iter().map(|event| event.owner));
        for event in self.waiting.drain(..) {
            let Some(customer) = self.customers.get_mut(event.owner as usize) else { continue };
            customer.events += u32::from(event.counts);
            let mut is_first = event.is_paid_order && event.unix_ms < customer.unix_ms;
            if event.is_paid_order && event.unix_ms == customer.unix_ms {
                is_first = is_before(source, &event, customer.entry);
            }
            let known = *customer;
            customer.unix_ms = if is_first { event.unix_ms } else { known.unix_ms };
            customer.entry = if is_first { event.entry } else { known.entry };
            customer.note = if is_first { event.note } else { known.note };
        }
    }

    /// The view, when every order was there.
    pub(super) fn finish(mut self, source: &impl Source, zone: &ZoneTable) -> View {
        self.meet(source);
        let Self { view, mut customers, mut notes, .. } = self;
        for customer in customers.iter_mut().filter(|customer| customer.entry != NONE) {
            customer.first_day = zone.day(customer.unix_ms);
            notes.mark_first_order(customer.note);
        }
        super::lay_out::lay_out(view, customers, notes)
    }
}

/// Looks at customers that will be needed next. They lie far apart in memory; so the processor fetches them all at once, where one
/// after the other would take as long as everything else together.
pub(super) fn touch(customers: &[Customer], numbers: impl Iterator<Item = u32>) {
    let touched = numbers.filter_map(|number| customers.get(number as usize));
    black_box(touched.fold(0, |sum: u32, customer| sum.wrapping_add(customer.events)));
}

/// Whether a sale comes before another one of the same instant: by integration, then id.
fn is_before(source: &impl Source, sale: &Waiting, known: u32) -> bool {
    let rank = |fact: &Fact| (fact.integration, fact.tie, fact.entry);
    source.fact(known).is_none_or(|known| (sale.integration, sale.tie, sale.entry) < rank(&known))
}

impl Notes {
    /// Marks the sales of a first order, of which this is the note of the one that stands for it.
    fn mark_first_order(&mut self, note: u32) {
        let mut rest = self.list.get_mut(note as usize..).unwrap_or_default().iter_mut();
        let Some(first) = rest.next() else { return };
        let is_rebill = first.marks().is_rebill();
        first.set_marks(first.marks().first_order());
        if is_rebill {
            // A rebill is an order of its own.
            return;
        }
        for note in rest {
            let marks = note.marks();
            if !marks.is_sale() || marks.is_rebill() || marks.is_paid_order() {
                return;
            }
            note.set_marks(marks.first_order());
        }
    }
}
