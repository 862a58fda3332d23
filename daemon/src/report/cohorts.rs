//! Which cohort a customer is in.

use super::calendar::Period;
use super::view::View;

/// The cohorts of all customers with a first order before the as-of day.
pub(super) struct Cohorts {
    group: Option<Period>,
    /// The earliest first order.
    first_day: i32,
    /// The number of the period of the first cohort.
    first_number: i32,
    /// For each day from `first_day`: the cohort.
    of_day: Vec<u32>,
    len: usize,
}

impl Cohorts {
    pub(super) fn new(view: &View, group: Option<Period>, as_of: i32) -> Self {
        let days = view.first_days.iter().copied().filter(|day| *day < as_of);
        let bounds = days.fold(None, |bounds: Option<(i32, i32)>, day| {
            let (first, last) = bounds.unwrap_or((day, day));
            Some((first.min(day), last.max(day)))
        });
        let Some((first_day, last_day)) = bounds else {
            return Self { group, first_day: 0, first_number: 0, of_day: Vec::new(), len: 0 };
        };
        let number = |day| group.map_or(0, |period| period.number(day));
        let first_number = number(first_day);
        let of_day: Vec<u32> = (first_day..=last_day).map(|day| (number(day) - first_number).unsigned_abs()).collect();
        let len = of_day.last().map_or(0, |last| *last as usize + 1);
        Self { group, first_day, first_number, of_day, len }
    }

    /// How many periods there are from the first to the last, empty ones included.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The cohort of a customer with this first day.
    pub(super) fn index(&self, first_day: i32) -> Option<usize> {
        let day = usize::try_from(first_day.checked_sub(self.first_day)?).ok()?;
        self.of_day.get(day).map(|cohort| *cohort as usize)
    }

    /// Name and first day of each, by index.
    pub(super) fn labels(&self) -> impl Iterator<Item = (String, i32)> {
        (self.first_number..).take(self.len).map(|number| match self.group {
            Some(period) => (period.label(number), period.first_day(number)),
            None => ("all".to_owned(), self.first_day),
        })
    }
}
