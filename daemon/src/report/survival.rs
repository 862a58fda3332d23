//! How long subscriptions last, by billing cycle.

use schemars::JsonSchema;
use serde::Serialize;

use super::calendar;
use super::definition::{AsOf, Definition, LeftOut, Uncertain};
use super::error::ReportError;
use super::figure::{Figure, Share};
use super::group::{Audience, Cohorts, Name, cut};
use super::ltv::count;
use super::rates::gcd;
use super::source::Source;
use super::view::{Lifetime, View};
use crate::limits::report::{CYCLES, HORIZON_DAYS};
use crate::model::div_half_even;

/// A question about rebills.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SurvivalQuery {
    /// Whose rebills, and in which cohorts.
    pub audience: Audience,
    /// How many cycles after the first order.
    pub cycles: u32,
    /// Days from one charge to the next.
    pub cycle_days: u32,
    /// Days that a charge may be late before it counts as missed.
    pub grace_days: u32,
    /// The end of complete data.
    pub as_of: AsOf,
    /// Show no more cohorts than this: the largest, where they are no periods.
    pub limit: Option<usize>,
}

/// How many rebills customers reach.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SurvivalAnswer {
    /// How it was computed.
    pub definition: Definition,
    /// Days from one charge to the next.
    pub cycle_days: u32,
    /// Days that a charge may be late before it counts as missed.
    pub grace_days: u32,
    /// Cohorts without empty ones: periods in the sequence of time, others the largest first.
    pub rows: Vec<SurvivalRow>,
    /// Cohorts that are not shown because there are too many.
    pub rows_omitted: u64,
    /// All customers of the question.
    pub total: SurvivalRow,
    /// What is not in it.
    pub left_out: LeftOut,
    /// What is in it but not certain.
    pub uncertain: Uncertain,
}

/// One cohort.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SurvivalRow {
    /// Its name: `2025-01`, `2025-W05`, `2025-Q1`, `shop/12`, `DE`, `(none)` or `all`.
    pub cohort: String,
    /// What a product is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The first day of its period; `null` where it is none.
    #[serde(serialize_with = "calendar::serialize_day_option")]
    #[schemars(with = "Option<super::schema::Date>")]
    pub first_day: Option<i32>,
    /// Customers whose first order is in it and before the as-of day, subscribers or not.
    pub customers: u64,
    /// One for each cycle after the first order.
    pub cycles: Vec<SurvivalCell>,
}

/// One cycle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SurvivalCell {
    /// 1 for the first rebill.
    pub cycle: u32,
    /// Customers who were charged for it, of those who were charged for the one before and whose next charge is due: it
    /// came, or its day and the days of grace have passed.
    pub charged: Share,
    /// The product of these shares up to here. `null` from the first cycle on for which nobody is due.
    pub survival: Option<Figure>,
}

/// Answers a question about rebills.
///
/// # Errors
/// If there are too many cycles, or a length is no number of days that is allowed.
pub fn survival(view: &View, source: &impl Source, query: &SurvivalQuery) -> Result<SurvivalAnswer, ReportError> {
    checked(query)?;
    let as_of = query.as_of.day;
    let mut cohorts = Cohorts::new(view, source, &query.audience);
    let empty = Sums { customers: 0, cycles: vec![(0, 0); query.cycles as usize] };
    let mut sums = vec![empty.clone(); cohorts.len()];
    let mut total = empty.clone();
    let mut charges = Vec::new();
    for life in view.lifetimes().filter(|life| life.first_day < as_of) {
        let Some(found) = cohorts.of(&life) else { continue };
        let found = found.to_vec();
        read(&life, as_of, &mut charges);
        let lived = u32::from(life.lived(as_of));
        total.add(&charges, lived, life.sign, query);
        if sums.len() < cohorts.len() {
            sums.resize(cohorts.len(), empty.clone());
        }
        for cohort in found {
            if let Some(sums) = sums.get_mut(cohort as usize) {
                sums.add(&charges, lived, life.sign, query);
            }
        }
    }
    let size = |number: usize| sums.get(number).map_or(0, |sums| sums.customers);
    let (shown, rows_omitted) = cut(cohorts.sequence(size), query.limit);
    let counted = view.days.sum(i32::MIN, as_of);
    Ok(SurvivalAnswer {
        definition: Definition {
            as_of: Some(query.as_of.clone()),
            ..Definition::new("survival of rebills: charged for a cycle / due for it, multiplied up", view)
        }
        .of(&query.audience),
        cycle_days: query.cycle_days,
        grace_days: query.grace_days,
        rows: shown.into_iter().filter_map(|n| sums.get(n).map(|sums| sums.row(cohorts.name(n)))).collect(),
        rows_omitted,
        total: total.row(Name::all()),
        left_out: LeftOut::new(view, as_of),
        uncertain: Uncertain::new(&counted),
    })
}

fn checked(query: &SurvivalQuery) -> Result<(), ReportError> {
    if !(1..=CYCLES).contains(&query.cycles) {
        return Err(ReportError::Question(format!("ask for 1 to {CYCLES} cycles, not {}", query.cycles)));
    }
    if !(1..=HORIZON_DAYS).contains(&query.cycle_days) || query.grace_days > HORIZON_DAYS {
        let message = format!("a cycle has 1 to {HORIZON_DAYS} days and at most as many of grace");
        return Err(ReportError::Question(message));
    }
    Ok(())
}

/// A product of shares: exact as long as its reduced fraction fits, then to eighteen decimals.
#[derive(Debug, Clone, Copy)]
struct Product {
    numerator: i128,
    denominator: i128,
}

impl Product {
    const ROUNDED: i128 = 1_000_000_000_000_000_000;

    fn times(self, numerator: i64, denominator: i64) -> Self {
        let (n, d) = (i128::from(numerator), i128::from(denominator));
        let exact = self.numerator.checked_mul(n).zip(self.denominator.checked_mul(d));
        // Room for the four decimals that are shown.
        let exact = exact.filter(|(n, d)| n.max(d) < &(i128::MAX / 100_000));
        let (n, d) = exact.unwrap_or_else(|| {
            // Both made smaller alike, so that the multiplication fits: a product of shares is at most one.
            let smaller = (self.denominator / (10 * Self::ROUNDED)).max(1);
            let rounded = div_half_even(self.numerator / smaller * Self::ROUNDED, self.denominator / smaller);
            (div_half_even(rounded * n, d), Self::ROUNDED)
        });
        let common = gcd(n, d).max(1);
        Self { numerator: n / common, denominator: d / common }
    }

    fn figure(self) -> Figure {
        Figure { coefficient: div_half_even(self.numerator * 10_000, self.denominator), decimals: 4 }
    }
}

/// Ages of the charges of a customer: the first order, then every rebill.
fn read(life: &Lifetime<'_>, as_of: i32, charges: &mut Vec<u32>) {
    charges.clear();
    let rebill = |event: &super::view::LifeEvent| {
        event.marks.is_paid_order() && event.marks.is_rebill() && !event.marks.is_first_order()
    };
    charges.extend(life.events_before(life.lived(as_of)).filter(rebill).map(|event| u32::from(event.age)));
    charges.push(0);
    charges.sort_unstable();
}

#[derive(Debug, Clone)]
struct Sums {
    customers: i64,
    /// Due and charged.
    cycles: Vec<(i64, i64)>,
}

impl Sums {
    fn add(&mut self, charges: &[u32], lived: u32, sign: i64, query: &SurvivalQuery) {
        self.customers += sign;
        for (cycle, (due, charged)) in (1_usize..).zip(&mut self.cycles) {
            let Some(before) = charges.get(cycle - 1) else { break };
            let came = charges.len() > cycle;
            if came || before + query.cycle_days + query.grace_days <= lived {
                *due += sign;
                *charged += if came { sign } else { 0 };
            }
        }
    }

    fn row(&self, name: Name) -> SurvivalRow {
        let mut survival = Some(Product { numerator: 1, denominator: 1 });
        let cells = (1..).zip(&self.cycles).map(|(cycle, (due, charged))| {
            survival = survival.filter(|_| *due > 0).map(|before| before.times(*charged, *due));
            let survival = survival.map(|survival| survival.figure());
            SurvivalCell { cycle, charged: Share::new(count(*charged), count(*due)), survival }
        });
        let cycles = cells.collect();
        SurvivalRow {
            cohort: name.cohort,
            title: name.title,
            first_day: name.first_day,
            customers: count(self.customers),
            cycles,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_exact_and_never_overflow() {
        let mut product = Product { numerator: 1, denominator: 1 };
        for (charged, due) in [(1, 3), (3, 4), (1, 8)] {
            product = product.times(charged, due);
        }
        assert_eq!((product.numerator, product.denominator, product.figure().to_string().as_str()), (1, 32, "0.0312"));
        // Large primes, sixty times: far beyond 128 bits, and all but one.
        let mut product = Product { numerator: 1, denominator: 1 };
        for _ in 0..60 {
            product = product.times(999_999_937, 1_000_000_007);
        }
        assert_eq!(product.figure().to_string(), "1.0000");
        for _ in 0..60 {
            product = product.times(i64::MAX - 1, i64::MAX);
        }
        assert_eq!(product.times(1, 2).figure().to_string(), "0.5000");
        assert_eq!(product.times(0, i64::MAX).figure().to_string(), "0.0000");
    }
}
