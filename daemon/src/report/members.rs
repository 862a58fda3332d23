//! Who is behind a cell.

use serde::Serialize;

use super::calendar;
use super::cohorts::Cohorts;
use super::error::ReportError;
use super::figure::Figure;
use super::ltv::{Horizon, LtvQuery, RefundDating};
use super::view::{Lifetime, View};

/// A customer of a cohort, with their part in one of its cells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Member {
    /// Index of the customer.
    #[serde(skip)]
    pub customer: u32,
    /// The day of the first order.
    #[serde(serialize_with = "calendar::serialize_day")]
    pub first_order_day: i32,
    /// True if the customer is old enough, and so in numerator and denominator.
    pub mature: bool,
    /// What they have brought by the horizon.
    pub net: Figure,
}

/// The customers of one cohort (`2025-01`, or `all`) and what each has brought by the horizon, ascending by index. The
/// mature ones add up to the cell that [`super::ltv()`] answers.
///
/// # Errors
/// If there is no such cohort.
pub fn members(view: &View, query: &LtvQuery, cohort: &str, horizon: Horizon) -> Result<Vec<Member>, ReportError> {
    let as_of = query.as_of.day;
    let group = query.group.filter(|_| cohort != "all");
    let cohorts = Cohorts::new(view, group, as_of);
    let wanted = cohorts
        .labels()
        .position(|(label, _)| label == cohort)
        .ok_or_else(|| ReportError::Question(format!("there is no cohort `{cohort}`")))?;
    let of_cohort = |lifetime: &Lifetime| {
        lifetime.first_day < as_of && cohorts.index(lifetime.first_day).is_some_and(|cohort| cohort == wanted)
    };
    let members = view.lifetimes().filter(of_cohort).map(|lifetime| Member {
        customer: lifetime.customer,
        first_order_day: lifetime.first_day,
        mature: match horizon {
            Horizon::Days(days) => days <= (as_of - lifetime.first_day).unsigned_abs(),
            Horizon::FirstOrder | Horizon::ToDate => true,
        },
        net: Figure::money(brought(view, query, &lifetime, horizon), view.currency),
    });
    Ok(members.collect())
}

fn brought(view: &View, query: &LtvQuery, lifetime: &Lifetime, horizon: Horizon) -> i64 {
    let events = &view.events;
    let dated = match query.refunds {
        RefundDating::Event => &events.day,
        RefundDating::Order => &events.sale_day,
    };
    let counts = |row: &usize| {
        let (Some(day), Some(dated), Some(marks)) = (events.day.get(*row), dated.get(*row), events.marks.get(*row))
        else {
            return false;
        };
        let age = (dated - lifetime.first_day).max(0).unsigned_abs();
        *day < query.as_of.day
            && match horizon {
                Horizon::FirstOrder => marks.is_first_order(),
                Horizon::Days(days) => age < days,
                Horizon::ToDate => true,
            }
    };
    lifetime.events.clone().filter(counts).map(|row| events.value(row).on(query.basis)).sum()
}
