//! How many customers buy again.

use serde::Serialize;

use super::calendar::{self, Period};
use super::cohorts::Cohorts;
use super::definition::{AsOf, Definition};
use super::error::ReportError;
use super::figure::Share;
use super::view::{Basis, View};
use crate::limits::report::HORIZON_DAYS;

/// Customers who bought again within a number of days.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RepeatAnswer {
    /// How it was computed.
    pub definition: Definition,
    /// The number of days: ages 0 to this, exclusive.
    pub horizon: u32,
    /// Cohorts in the sequence of time, without empty ones. None if the question asks for a total only.
    pub rows: Vec<RepeatRow>,
    /// All customers.
    pub total: RepeatRow,
}

/// One cohort.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RepeatRow {
    /// Its name: `2025-01`, `2025-W05` or `all`.
    pub cohort: String,
    /// The first day of its period; `null` for all.
    #[serde(serialize_with = "calendar::serialize_day_option")]
    pub first_day: Option<i32>,
    /// Customers of the cohort.
    pub customers: u64,
    /// Mature customers with two paid orders or more.
    pub with_rebills: Share,
    /// Mature customers with two paid orders or more that are no rebills.
    pub without_rebills: Share,
}

#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    customers: u64,
    mature: u64,
    with_rebills: u64,
    without_rebills: u64,
}

impl Sum {
    fn row(&self, cohort: String, first_day: Option<i32>) -> RepeatRow {
        RepeatRow {
            cohort,
            first_day,
            customers: self.customers,
            with_rebills: Share::new(self.with_rebills, self.mature),
            without_rebills: Share::new(self.without_rebills, self.mature),
        }
    }
}

/// Counts the customers who bought again within `horizon` days.
///
/// # Errors
/// If the horizon is no number of days that is allowed.
pub fn repeat(view: &View, group: Option<Period>, horizon: u32, as_of: &AsOf) -> Result<RepeatAnswer, ReportError> {
    if !(1..=HORIZON_DAYS).contains(&horizon) {
        return Err(ReportError::Question(format!("a horizon has 1 to {HORIZON_DAYS} days, not {horizon}")));
    }
    let cohorts = Cohorts::new(view, group, as_of.day);
    let mut sums = vec![Sum::default(); cohorts.len()];
    for lifetime in view.lifetimes().filter(|lifetime| lifetime.first_day < as_of.day) {
        let Some(sum) = cohorts.index(lifetime.first_day).and_then(|cohort| sums.get_mut(cohort)) else { continue };
        sum.customers += 1;
        if (as_of.day - lifetime.first_day).unsigned_abs() < horizon {
            continue;
        }
        sum.mature += 1;
        let days = view.events.day.get(lifetime.events.clone()).unwrap_or_default();
        let marks = view.events.marks.get(lifetime.events).unwrap_or_default();
        let young = |day: i32| day < as_of.day && (day - lifetime.first_day).max(0).unsigned_abs() < horizon;
        let orders = || days.iter().zip(marks).filter(|(day, marks)| marks.is_paid_order() && young(**day));
        sum.with_rebills += u64::from(orders().nth(1).is_some());
        sum.without_rebills += u64::from(orders().filter(|(_, marks)| !marks.is_rebill()).nth(1).is_some());
    }
    let mut total = Sum::default();
    for sum in &sums {
        total.customers += sum.customers;
        total.mature += sum.mature;
        total.with_rebills += sum.with_rebills;
        total.without_rebills += sum.without_rebills;
    }
    let shown = cohorts.labels().zip(&sums).filter(|(_, sum)| group.is_some() && sum.customers > 0);
    Ok(RepeatAnswer {
        definition: Definition {
            window: Some("[0,h) days"),
            group,
            as_of: Some(as_of.clone()),
            ..Definition::new("repeat rate: mature customers with two paid orders / mature customers", view, Basis::Net)
        },
        horizon,
        rows: shown.map(|((label, first_day), sum)| sum.row(label, Some(first_day))).collect(),
        total: total.row("all".to_owned(), None),
    })
}
