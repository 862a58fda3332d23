//! Lifetime value by cohort and horizon.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use super::calendar;
use super::definition::{AsOf, Definition, LeftOut, SplitMissing, Uncertain};
use super::error::ReportError;
use super::figure::Figure;
use super::group::{Audience, Cohorts, Name, cut};
use super::source::Source;
use super::view::{AmountsRef, Lifetime, View, lived};
use crate::limits::report::{HORIZON_DAYS, HORIZONS};
use crate::model::Currency;

/// Up to which age events count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Horizon {
    /// The first order alone, without what was taken back of it later. Every customer is old enough.
    FirstOrder,
    /// Ages 0 to this, exclusive: `Days(30)` is thirty days.
    Days(u32),
    /// Everything up to the as-of day. Not comparable between cohorts of different age.
    ToDate,
}

impl fmt::Display for Horizon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FirstOrder => f.write_str("first_order"),
            Self::Days(days) => write!(f, "{days}"),
            Self::ToDate => f.write_str("to_date"),
        }
    }
}

impl FromStr for Horizon {
    type Err = ReportError;

    fn from_str(text: &str) -> Result<Self, ReportError> {
        match text {
            "first_order" => Ok(Self::FirstOrder),
            "to_date" => Ok(Self::ToDate),
            _ => text.parse().ok().filter(|days| (1..=HORIZON_DAYS).contains(days)).map(Self::Days).ok_or_else(|| {
                let message = format!(
                    "`{text}` is not a horizon; use a number of days from 1 to {HORIZON_DAYS}, `first_order` or `to_date`"
                );
                ReportError::Question(message)
            }),
        }
    }
}

impl Serialize for Horizon {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Which day a refund counts on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RefundDating {
    /// The day on which it happens.
    #[default]
    Event,
    /// The day of its order, but not before the customer's first order.
    Order,
}

/// Who must be old enough for a cell to have a value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Maturity {
    /// Each customer for themself: those who are too young are in neither numerator nor denominator.
    #[default]
    Customer,
    /// The whole cohort: a cell with anyone too young is empty.
    Cohort,
}

/// A question about lifetime value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LtvQuery {
    /// Whose value, and in which cohorts.
    pub audience: Audience,
    /// The columns. They are answered in ascending order and once each.
    pub horizons: Vec<Horizon>,
    /// Which day a refund counts on.
    pub refunds: RefundDating,
    /// Who must be old enough.
    pub maturity: Maturity,
    /// The end of complete data.
    pub as_of: AsOf,
    /// Show no more cohorts than this: the largest, where they are no periods.
    pub limit: Option<usize>,
}

/// Lifetime value, with what is needed to judge it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LtvAnswer {
    /// How it was computed.
    pub definition: Definition,
    /// The horizons, in the sequence of the cells of every row.
    pub columns: Vec<LtvColumn>,
    /// Cohorts without empty ones: periods in the sequence of time, others the largest first. None if the question asks for
    /// a total only.
    pub rows: Vec<LtvRow>,
    /// Cohorts that are not shown because there are too many.
    pub rows_omitted: u64,
    /// All customers of the question.
    pub total: LtvRow,
    /// What is not in it.
    pub left_out: LeftOut,
    /// What is in it but not certain.
    pub uncertain: Uncertain,
    /// Sales summed by their total.
    pub tax_split_missing: SplitMissing,
    /// Sales whose shipping is in their net.
    pub shipping_split_missing: SplitMissing,
}

/// One horizon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LtvColumn {
    /// `30`, `first_order` or `to_date`.
    pub horizon: Horizon,
    /// The ages that count.
    pub ages: String,
    /// False for `to_date`: cohorts of different age have had different time.
    pub comparable: bool,
}

/// One cohort.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LtvRow {
    /// Its name: `2025-01`, `2025-W05`, `2025-Q1`, `shop/12`, `DE`, `(none)` or `all`.
    pub cohort: String,
    /// What a product is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The first day of its period; `null` where it is none.
    #[serde(serialize_with = "calendar::serialize_day_option")]
    #[schemars(with = "Option<super::schema::Date>")]
    pub first_day: Option<i32>,
    /// Customers whose first order is in it and before the as-of day.
    pub customers: u64,
    /// One for each column.
    pub cells: Vec<LtvCell>,
}

/// One cohort at one horizon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LtvCell {
    /// The horizon.
    pub horizon: Horizon,
    /// Customers of the cohort.
    pub customers: u64,
    /// Those old enough: the denominator.
    pub mature: u64,
    /// What those have brought: the numerator. `null` if there are none, or the cell is blanked.
    pub net: Option<Figure>,
    /// The quotient, rounded half to even. `null`, never zero, where there is no numerator.
    pub ltv: Option<Figure>,
    /// Whether all customers are old enough.
    pub state: CellState,
}

/// Whether all customers of a cell are old enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CellState {
    /// All.
    Complete,
    /// Some.
    Partial,
    /// None.
    Immature,
}

/// Answers a question about lifetime value.
///
/// # Errors
/// If there are no horizons, or too many or too long ones.
pub fn ltv(view: &View, source: &impl Source, query: &LtvQuery) -> Result<LtvAnswer, ReportError> {
    let horizons = checked_horizons(&query.horizons)?;
    let mut cohorts = Cohorts::new(view, source, &query.audience);
    let mut table = Table::new(&horizons, cohorts.len());
    table.fill(view, query, &mut cohorts);

    let row = |name: Name, sums: &[Sum]| {
        let customers = sums.first().map_or(0, |sum| sum.customers);
        let cells = horizons.iter().zip(sums).map(|(h, sum)| sum.cell(*h, query.maturity, view.currency)).collect();
        LtvRow { cohort: name.cohort, title: name.title, first_day: name.first_day, customers: count(customers), cells }
    };
    let (shown, rows_omitted) = cut(cohorts.sequence(|number| table.customers(number)), query.limit);
    let counted = view.days.sum(i32::MIN, query.as_of.day);
    Ok(LtvAnswer {
        definition: Definition {
            window: Some("[0,h) days"),
            refunds: Some(query.refunds),
            maturity: Some(query.maturity),
            as_of: Some(query.as_of.clone()),
            ..Definition::new("lifetime value: net of mature customers / mature customers", view)
        }
        .of(&query.audience),
        columns: horizons.iter().map(|h| column(*h)).collect(),
        rows: shown.into_iter().map(|number| row(cohorts.name(number), table.row(number))).collect(),
        rows_omitted,
        total: row(Name::all(), &table.total),
        left_out: LeftOut::new(view, query.as_of.day),
        uncertain: Uncertain::new(&counted),
        tax_split_missing: SplitMissing::tax(&counted, view.currency),
        shipping_split_missing: SplitMissing::shipping(&counted, view.currency),
    })
}

/// A count of customers; what was subtracted had been added before, so it is never negative.
pub(super) fn count(customers: i64) -> u64 {
    u64::try_from(customers).unwrap_or(0)
}

fn checked_horizons(horizons: &[Horizon]) -> Result<Vec<Horizon>, ReportError> {
    let mut sorted = horizons.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    if sorted.is_empty() || sorted.len() > HORIZONS {
        return Err(ReportError::Question(format!("ask for 1 to {HORIZONS} horizons, not {}", sorted.len())));
    }
    let bad = |h: &&Horizon| matches!(h, Horizon::Days(days) if !(1..=HORIZON_DAYS).contains(days));
    match sorted.iter().find(bad) {
        Some(h) => Err(ReportError::Question(format!("a horizon has 1 to {HORIZON_DAYS} days, not {h}"))),
        None => Ok(sorted),
    }
}

fn column(horizon: Horizon) -> LtvColumn {
    let ages = match horizon {
        Horizon::FirstOrder => "the first order alone".to_owned(),
        Horizon::Days(days) => format!("[0,{days})"),
        Horizon::ToDate => "all up to the as-of day; not comparable between cohorts".to_owned(),
    };
    LtvColumn { horizon, ages, comparable: horizon != Horizon::ToDate }
}

/// Numerator and denominator of one cell.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    customers: i64,
    mature: i64,
    net: i64,
}

impl Sum {
    fn cell(self, horizon: Horizon, maturity: Maturity, currency: Currency) -> LtvCell {
        let Self { net, .. } = self;
        let (customers, mature) = (count(self.customers), count(self.mature));
        let state = match mature {
            0 => CellState::Immature,
            _ if mature < customers => CellState::Partial,
            _ => CellState::Complete,
        };
        let blank = mature == 0 || (maturity == Maturity::Cohort && state == CellState::Partial);
        LtvCell {
            horizon,
            customers,
            mature,
            net: (!blank).then(|| Figure::money(net, currency)),
            ltv: if blank { None } else { Figure::mean(net, mature, currency) },
            state,
        }
    }
}

/// Sums by cohort and horizon.
struct Table<'a> {
    horizons: &'a [Horizon],
    slots: Slots,
    cells: Vec<Sum>,
    total: Vec<Sum>,
}

/// Horizons in days as slots: the ages from one to the next.
struct Slots {
    /// For each age below the longest horizon in days: the first horizon that holds it. One more for all others.
    of_age: Vec<u8>,
    /// The slot of the ages beyond every horizon in days.
    beyond: usize,
}

impl Slots {
    fn new(days: &[u32]) -> Self {
        let longest = days.last().copied().unwrap_or(0);
        // At most 64 horizons: see `checked_horizons`.
        let slot = |age: u32| days.partition_point(|days| *days <= age) as u8;
        Self { of_age: (0..=longest).map(slot).collect(), beyond: days.len() }
    }

    fn of(&self, age: u16) -> usize {
        self.of_age.get(usize::from(age)).map_or(self.beyond, |slot| usize::from(*slot))
    }
}

impl<'a> Table<'a> {
    fn new(horizons: &'a [Horizon], cohorts: usize) -> Self {
        let days = horizons.iter().filter_map(|h| if let Horizon::Days(days) = h { Some(*days) } else { None });
        let width = horizons.len();
        Self {
            horizons,
            slots: Slots::new(&days.collect::<Vec<_>>()),
            cells: vec![Sum::default(); cohorts * width],
            total: vec![Sum::default(); width],
        }
    }

    fn row(&self, number: usize) -> &[Sum] {
        let width = self.horizons.len();
        self.cells.get(number * width..(number + 1) * width).unwrap_or_default()
    }

    fn customers(&self, number: usize) -> i64 {
        self.row(number).first().map_or(0, |sum| sum.customers)
    }

    fn fill(&mut self, view: &View, query: &LtvQuery, cohorts: &mut Cohorts<'_, impl Source>) {
        let in_one_go = query.audience.is_by_day() && query.refunds == RefundDating::Event;
        if in_one_go {
            self.fill_runs(view, query.as_of.day, cohorts);
            self.fill_lives(view.changed_lifetimes(), query, cohorts);
        } else {
            self.fill_lives(view.lifetimes(), query, cohorts);
        }
    }

    /// All customers with the same first day are equally old, so their events need not be told apart.
    fn fill_runs(&mut self, view: &View, as_of: i32, cohorts: &Cohorts<'_, impl Source>) {
        let base = &*view.base;
        let wants_first = self.horizons.first() == Some(&Horizon::FirstOrder);
        let mut sums = vec![0_i64; self.slots.beyond + 1];
        for run in base.runs.iter().filter(|run| run.first_day < as_of) {
            let Some(ages) = base.ages.get(run.events.clone()) else { continue };
            let end = lived(run.first_day, as_of);
            sums.fill(0);
            match base.values.part(run.events.clone()) {
                AmountsRef::Small(values) => sum_ages(ages, values, end, &self.slots, &mut sums),
                AmountsRef::Large(values) => sum_ages(ages, values, end, &self.slots, &mut sums),
            }
            let first_order = if wants_first {
                let marks = base.marks.get(run.events.clone()).unwrap_or_default();
                let values = base.values.part(run.events.clone());
                let of_first = marks.iter().zip(ages).enumerate();
                let of_first = of_first.filter(|(_, (marks, age))| marks.is_first_order() && **age < end);
                of_first.map(|(at, _)| values.get(at)).sum()
            } else {
                0
            };
            // Cohorts are there from the start, and a total needs none.
            let cohort = cohorts.of_day(run.first_day).map(|cohort| cohort as usize);
            self.add(cohort.as_slice(), run.customers.len() as i64, 1, end, first_order, &sums);
        }
    }

    fn fill_lives<'v>(
        &mut self,
        lives: impl Iterator<Item = Lifetime<'v>>,
        query: &LtvQuery,
        cohorts: &mut Cohorts<'_, impl Source>,
    ) {
        let as_of = query.as_of.day;
        let mut sums = vec![0_i64; self.slots.beyond + 1];
        let mut of_life = Vec::new();
        for life in lives.filter(|life| life.first_day < as_of) {
            let Some(found) = cohorts.of(&life) else { continue };
            of_life.clear();
            of_life.extend(found.iter().map(|cohort| *cohort as usize));
            sums.fill(0);
            let mut first_order = 0;
            let end = life.lived(as_of);
            for event in life.events_before(end) {
                if let Some(sum) = sums.get_mut(self.slots.of(event.dated(query.refunds))) {
                    *sum += event.value;
                }
                if event.marks.is_first_order() {
                    first_order += event.value;
                }
            }
            self.cells.resize(cohorts.len() * self.horizons.len(), Sum::default());
            self.add(&of_life, 1, life.sign, end, first_order, &sums);
        }
    }

    /// Adds customers who have lived equally long.
    fn add(&mut self, cohorts: &[usize], customers: i64, sign: i64, lived: u16, first_order: i64, by_slot: &[i64]) {
        let Self { horizons, cells, total, .. } = self;
        let width = horizons.len();
        let to_row = |row: &mut [Sum]| {
            let (mut sum, mut slots) = (0, by_slot.iter());
            for (horizon, cell) in horizons.iter().zip(row) {
                let (mature, net) = match horizon {
                    Horizon::FirstOrder => (true, first_order),
                    Horizon::Days(days) => {
                        sum += slots.next().copied().unwrap_or(0);
                        (*days <= u32::from(lived), sum)
                    }
                    Horizon::ToDate => (true, sum + slots.next().copied().unwrap_or(0)),
                };
                cell.customers += sign * customers;
                if mature {
                    cell.mature += sign * customers;
                    cell.net += sign * net;
                }
            }
        };
        to_row(total);
        for cohort in cohorts {
            if let Some(row) = cells.get_mut(cohort * width..(cohort + 1) * width) {
                to_row(row);
            }
        }
    }
}

/// Adds up values by the slot of their age, up to an age.
fn sum_ages<V: Copy + Into<i64>>(ages: &[u16], values: &[V], end: u16, slots: &Slots, sums: &mut [i64]) {
    // One more slot takes what does not count yet, so that the loop has no branch.
    let mut table: Vec<u8> = (0..end).map(|age| slots.of(age) as u8).take(slots.of_age.len()).collect();
    let not_yet = sums.len() as u8;
    let reaches = usize::from(end) >= slots.of_age.len();
    table.push(if reaches { slots.beyond as u8 } else { not_yet });
    let last = table.len() - 1;
    let mut local = [0_i64; HORIZONS + 2];
    for (age, value) in ages.iter().zip(values) {
        let age_slot = usize::from(*age).min(last);
        let slot = table.get(age_slot).copied().unwrap_or(not_yet);
        // What is older than every horizon counts up to the as-of day.
        let slot = if reaches && *age >= end { not_yet } else { slot };
        if let Some(sum) = local.get_mut(usize::from(slot)) {
            *sum += (*value).into();
        }
    }
    for (sum, local) in sums.iter_mut().zip(local) {
        *sum += local;
    }
}
