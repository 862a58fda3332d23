//! Lays out in columns what was gathered of customers and entries.

use std::sync::Arc;

use super::gather::{self, Customer, LARGE, NONE, Note, Notes, TOGETHER};
use super::view::{Amounts, Base, Marks, NEVER, Run, View};

/// Completes a view, of which the sums by day and whatever does not concern customers are there.
pub(super) fn lay_out(mut view: View, mut customers: Vec<Customer>, mut notes: Notes) -> View {
    let mut base = by_first_day(&customers);
    let events = give_places(&mut base, &mut customers);
    let large = place(&mut view, &mut base, &mut customers, &mut notes);
    // Before the columns take as much memory.
    drop(customers);
    base.ages = vec![0; events];
    base.values = Amounts::zeros(events);
    base.marks = vec![Marks::default(); events];
    write(&mut base, &notes.list, &large);
    view.base = Arc::new(base);
    view
}

/// The customers by the day of their first order.
fn by_first_day(customers: &[Customer]) -> Base {
    let known = || (0_u32..).zip(customers).filter(|(_, customer)| customer.entry != NONE);
    let days = known().fold(None, |days: Option<(i32, i32)>, (_, customer)| {
        let (first, last) = days.unwrap_or((customer.first_day, customer.first_day));
        Some((first.min(customer.first_day), last.max(customer.first_day)))
    });
    let Some((first, last)) = days else { return Base { starts: vec![0], ..Base::default() } };
    let index = |day: i32| day.abs_diff(first) as usize;
    // At most one for each day of ten thousand years.
    let mut counts = vec![0; index(last) + 1];
    for (_, customer) in known() {
        if let Some(count) = counts.get_mut(index(customer.first_day)) {
            *count += 1;
        }
    }
    let mut runs = Vec::new();
    let mut position = 0;
    for (first_day, count) in (first..).zip(&mut counts).filter(|(_, count)| **count > 0) {
        runs.push(Run { first_day, customers: position..position + *count, events: 0..0 });
        // From here on: where the next customer of this day goes.
        position += std::mem::replace(count, position);
    }
    let (mut numbers, mut first_entries) = (vec![0; position], vec![0; position]);
    for (number, customer) in known() {
        if let Some(next) = counts.get_mut(index(customer.first_day)) {
            if let (Some(slot), Some(entry)) = (numbers.get_mut(*next), first_entries.get_mut(*next)) {
                (*slot, *entry) = (number, customer.entry);
            }
            *next += 1;
        }
    }
    Base { runs, customers: numbers, first_entries, ..Base::default() }
}

/// Gives each customer the places of their events, one customer after the other; the number of all.
fn give_places(base: &mut Base, customers: &mut [Customer]) -> usize {
    let mut starts = Vec::with_capacity(base.customers.len() + 1);
    let mut event = 0_u32;
    for customer in &base.customers {
        starts.push(event);
        if let Some(customer) = customers.get_mut(*customer as usize) {
            event += std::mem::replace(&mut customer.events, event);
        }
    }
    starts.push(event);
    let at = |position: usize| starts.get(position).map_or(0, |start| *start as usize);
    for run in &mut base.runs {
        run.events = at(run.customers.start)..at(run.customers.end);
    }
    base.starts = starts;
    event as usize
}

/// Finds the place of every event that is in a lifetime, and its age there. Their marks and values stay in the notes; the large
/// values are returned by place.
fn place(view: &mut View, base: &mut Base, customers: &mut [Customer], notes: &mut Notes) -> Vec<(u32, i64)> {
    let Notes { list, large, sale_days, early } = notes;
    let age = |day: i32, first_day: i32| u16::try_from(day.saturating_sub(first_day).max(0)).unwrap_or(NEVER);
    let mut sale_days = sale_days.drain(..).peekable();
    let mut early = early.drain(..).peekable();
    let mut large = large.drain(..);
    let mut large_by_place = Vec::new();
    let mut number = 0_u32;
    for some in list.chunks_mut(TOGETHER) {
        gather::touch(customers, some.iter().map(|note| note.owner));
        for note in some {
            let (day, this) = (note.day(), number);
            number += 1;
            let value = if note.value == LARGE { large.next() } else { None };
            let sale_day = sale_days.next_if(|(of, _)| *of == this).map_or(day, |(_, day)| day);
            let early = early.next_if(|early| early.note == this);
            let Some(customer) = customers.get_mut(note.owner as usize) else { continue };
            note.owner = NONE;
            let is_known = customer.entry != NONE;
            // By the day, since many sources know no more; and by the instant, since a clock set back at midnight repeats the
            // end of a day.
            let is_before = |unix_ms: i64| day < customer.first_day && unix_ms < customer.unix_ms;
            let orphan = early.filter(|early| !is_known || is_before(early.unix_ms));
            if let Some(orphan) = &orphan {
                view.days.change(day, |row| row.orphan(orphan.value));
            }
            if !is_known {
                continue;
            }
            let at = customer.events;
            customer.events += 1;
            note.owner = at;
            if orphan.is_some() {
                note.set_day(i32::from(NEVER));
                note.set_marks(Marks::default());
                note.value = 0;
                continue;
            }
            let (own, sale) = (age(day, customer.first_day), age(sale_day, customer.first_day));
            note.set_day(i32::from(own));
            if sale != own {
                base.moved.push((at, sale));
            }
            large_by_place.extend(value.map(|(_, value)| (at, value)));
        }
    }
    base.moved.sort_unstable();
    large_by_place
}

/// Writes every event to its place.
fn write(base: &mut Base, notes: &[Note], large: &[(u32, i64)]) {
    for note in notes {
        let at = note.owner as usize;
        if let (Some(age), Some(marks)) = (base.ages.get_mut(at), base.marks.get_mut(at)) {
            (*age, *marks) = (u16::try_from(note.day()).unwrap_or(NEVER), note.marks());
            if note.value != LARGE {
                base.values.set(at, i64::from(note.value));
            }
        }
    }
    for (at, value) in large {
        base.values.set(*at as usize, *value);
    }
}
