//! When a cohort has earned what its customers cost.

use serde::Serialize;

use super::calendar::{self, Period};
use super::cohorts::Cohorts;
use super::definition::{AsOf, Definition};
use super::figure::Figure;
use super::ltv::RefundDating;
use super::view::{Basis, View};

/// A question about payback.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaybackQuery {
    /// What one customer cost, minor units of the reporting currency.
    pub cost_minor: i64,
    /// Cohorts by the period of the first order; `None` for one total.
    pub group: Option<Period>,
    /// What goes into a value.
    pub basis: Basis,
    /// Which day a refund counts on.
    pub refunds: RefundDating,
    /// The end of complete data.
    pub as_of: AsOf,
}

/// When each cohort has earned its cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PaybackAnswer {
    /// How it was computed.
    pub definition: Definition,
    /// What one customer cost.
    pub cost: Figure,
    /// Cohorts in the sequence of time, without empty ones. None if the question asks for a total only.
    pub rows: Vec<PaybackRow>,
    /// All customers. Its last mature day is that of the youngest of them.
    pub total: PaybackRow,
}

/// One cohort.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PaybackRow {
    /// Its name: `2025-01`, `2025-W05` or `all`.
    pub cohort: String,
    /// The first day of its period; `null` for all.
    #[serde(serialize_with = "calendar::serialize_day_option")]
    pub first_day: Option<i32>,
    /// Customers of the cohort.
    pub customers: u64,
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
    customers: u64,
    /// The first day of the youngest customer.
    youngest: i32,
    /// Sum of values by age, up to the last age that all have lived through.
    by_age: Vec<i64>,
}

impl Curve {
    fn row(&self, cohort: String, first_day: Option<i32>, cost_minor: i64) -> PaybackRow {
        let wanted = i128::from(cost_minor) * i128::from(self.customers);
        let (mut sum, mut reached, mut stays) = (0_i128, None, None);
        for (age, value) in (0_u32..).zip(&self.by_age) {
            sum += i128::from(*value);
            if sum >= wanted {
                reached = reached.or(Some(age));
                stays = stays.or(Some(age));
            } else {
                stays = None;
            }
        }
        PaybackRow {
            cohort,
            first_day,
            customers: self.customers,
            last_mature_day: u32::try_from(self.by_age.len()).ok().and_then(|ages| ages.checked_sub(1)),
            first_reached_day: reached,
            paid_back_day: stays,
        }
    }
}

/// Finds the day from which each cohort has earned its cost.
pub fn payback(view: &View, query: &PaybackQuery) -> PaybackAnswer {
    let as_of = query.as_of.day;
    let rows = if query.group.is_some() {
        let cohorts = Cohorts::new(view, query.group, as_of);
        let curves = curves(view, query, &cohorts);
        let shown = cohorts.labels().zip(&curves).filter(|(_, curve)| curve.customers > 0);
        shown.map(|((label, first), curve)| curve.row(label, Some(first), query.cost_minor)).collect()
    } else {
        Vec::new()
    };
    let everyone = Cohorts::new(view, None, as_of);
    let total = curves(view, query, &everyone).pop().unwrap_or_default();
    PaybackAnswer {
        definition: Definition {
            window: Some("[0,d] days"),
            refunds: Some(query.refunds),
            group: query.group,
            as_of: Some(query.as_of.clone()),
            ..Definition::new("payback: the first day from which lifetime value stays at the cost", view, query.basis)
        },
        cost: Figure::money(query.cost_minor, view.currency),
        rows,
        total: total.row("all".to_owned(), None, query.cost_minor),
    }
}

fn curves(view: &View, query: &PaybackQuery, cohorts: &Cohorts) -> Vec<Curve> {
    let as_of = query.as_of.day;
    let mut curves = vec![Curve { youngest: i32::MIN, ..Curve::default() }; cohorts.len()];
    let counted = || view.lifetimes().filter(|lifetime| lifetime.first_day < as_of);
    for lifetime in counted() {
        if let Some(curve) = cohorts.index(lifetime.first_day).and_then(|cohort| curves.get_mut(cohort)) {
            curve.customers += 1;
            curve.youngest = curve.youngest.max(lifetime.first_day);
        }
    }
    for curve in curves.iter_mut().filter(|curve| curve.customers > 0) {
        curve.by_age = vec![0; usize::try_from(as_of.saturating_sub(curve.youngest)).unwrap_or(0)];
    }
    let dated = match query.refunds {
        RefundDating::Event => &view.events.day,
        RefundDating::Order => &view.events.sale_day,
    };
    for lifetime in counted() {
        let Some(curve) = cohorts.index(lifetime.first_day).and_then(|cohort| curves.get_mut(cohort)) else { continue };
        let first_day = lifetime.first_day;
        for row in lifetime.events {
            let (Some(day), Some(dated)) = (view.events.day.get(row), dated.get(row)) else { continue };
            let age = usize::try_from(dated - first_day).unwrap_or(0);
            if *day < as_of
                && let Some(sum) = curve.by_age.get_mut(age)
            {
                *sum += view.events.value(row).on(query.basis);
            }
        }
    }
    curves
}
