//! Lifetime value by cohort and horizon.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use super::calendar::{self, Period};
use super::cohorts::Cohorts;
use super::definition::{AsOf, Definition, LeftOut, SplitMissing, Uncertain};
use super::error::ReportError;
use super::figure::Figure;
use super::view::{Basis, View};
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
    /// Cohorts by the period of the first order; `None` for one total.
    pub group: Option<Period>,
    /// The columns. They are answered in ascending order and once each.
    pub horizons: Vec<Horizon>,
    /// What goes into a value.
    pub basis: Basis,
    /// Which day a refund counts on.
    pub refunds: RefundDating,
    /// Who must be old enough.
    pub maturity: Maturity,
    /// The end of complete data.
    pub as_of: AsOf,
}

/// Lifetime value, with what is needed to judge it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LtvAnswer {
    /// How it was computed.
    pub definition: Definition,
    /// The horizons, in the sequence of the cells of every row.
    pub columns: Vec<LtvColumn>,
    /// Cohorts in the sequence of time, without empty ones. None if the question asks for a total only.
    pub rows: Vec<LtvRow>,
    /// All customers.
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
    /// Its name: `2025-01`, `2025-W05` or `all`.
    pub cohort: String,
    /// The first day of its period; `null` for all.
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
pub fn ltv(view: &View, query: &LtvQuery) -> Result<LtvAnswer, ReportError> {
    let horizons = checked_horizons(&query.horizons)?;
    let cohorts = Cohorts::new(view, query.group, query.as_of.day);
    let mut table = Table::new(&horizons, cohorts.len());
    table.fill(view, query, &cohorts);

    let row = |cohort: String, first_day, sums: &[Sum]| {
        let customers = sums.first().map_or(0, |sum| sum.customers);
        let cells = horizons.iter().zip(sums).map(|(h, sum)| sum.cell(*h, query.maturity, view.currency)).collect();
        LtvRow { cohort, first_day, customers, cells }
    };
    let rows = cohorts
        .labels()
        .zip(table.rows())
        .filter(|(_, sums)| sums.first().is_some_and(|sum| sum.customers > 0))
        .map(|((label, first_day), sums)| row(label, Some(first_day), sums))
        .collect();
    let rows: Vec<LtvRow> = if query.group.is_some() { rows } else { Vec::new() };
    let counted = view.days.sum(i32::MIN, query.as_of.day);
    Ok(LtvAnswer {
        definition: Definition {
            window: Some("[0,h) days"),
            refunds: Some(query.refunds),
            maturity: Some(query.maturity),
            group: query.group,
            as_of: Some(query.as_of.clone()),
            ..Definition::new("lifetime value: net of mature customers / mature customers", view, query.basis)
        },
        columns: horizons.iter().map(|h| column(*h)).collect(),
        rows,
        total: row("all".to_owned(), None, &table.total()),
        left_out: LeftOut::new(view, query.basis, query.as_of.day),
        uncertain: Uncertain::new(&counted),
        tax_split_missing: SplitMissing::tax(&counted, view.currency),
        shipping_split_missing: SplitMissing::shipping(&counted, view.currency),
    })
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
    customers: u64,
    mature: u64,
    net: i64,
}

impl Sum {
    fn cell(self, horizon: Horizon, maturity: Maturity, currency: Currency) -> LtvCell {
        let Self { customers, mature, net } = self;
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
    /// For each age below the longest horizon in days: the first of `day_horizons` that holds it.
    slot_of_age: Vec<u8>,
    day_horizons: Vec<u32>,
    cells: Vec<Sum>,
}

impl<'a> Table<'a> {
    fn new(horizons: &'a [Horizon], cohorts: usize) -> Self {
        let days = horizons.iter().filter_map(|h| if let Horizon::Days(days) = h { Some(*days) } else { None });
        let day_horizons: Vec<u32> = days.collect();
        let longest = day_horizons.last().copied().unwrap_or(0);
        // At most 64 horizons: see `checked_horizons`.
        let slot = |age: u32| day_horizons.partition_point(|days| *days <= age) as u8;
        Self {
            horizons,
            slot_of_age: (0..longest).map(slot).collect(),
            day_horizons,
            cells: vec![Sum::default(); cohorts * horizons.len()],
        }
    }

    fn rows(&self) -> impl Iterator<Item = &[Sum]> {
        self.cells.chunks_exact(self.horizons.len())
    }

    fn total(&self) -> Vec<Sum> {
        let mut total = vec![Sum::default(); self.horizons.len()];
        for row in self.rows() {
            for (sum, cell) in total.iter_mut().zip(row) {
                sum.customers += cell.customers;
                sum.mature += cell.mature;
                sum.net += cell.net;
            }
        }
        total
    }

    fn fill(&mut self, view: &View, query: &LtvQuery, cohorts: &Cohorts) {
        let events = &view.events;
        // The compiler makes one tight loop of each of these.
        match query.basis {
            Basis::Net => self.fill_with(view, query, cohorts, Column1(&events.net)),
            Basis::Total => self.fill_with(view, query, cohorts, Column1(&events.total)),
            Basis::NetWithShipping => self.fill_with(view, query, cohorts, Column2(&events.net, &events.shipping)),
        }
    }

    fn fill_with(&mut self, view: &View, query: &LtvQuery, cohorts: &Cohorts, values: impl Values) {
        let events = &view.events;
        let as_of = query.as_of.day;
        let dated = match query.refunds {
            RefundDating::Event => &events.day,
            RefundDating::Order => &events.sale_day,
        };
        let wants_first = self.horizons.first() == Some(&Horizon::FirstOrder);
        let width = self.horizons.len();
        // By slot; the last one takes the ages beyond every horizon in days.
        let beyond = self.day_horizons.len();
        let mut slots = vec![0_i64; beyond + 1];
        for lifetime in view.lifetimes().filter(|lifetime| lifetime.first_day < as_of) {
            let Some(cohort) = cohorts.index(lifetime.first_day) else { continue };
            let range = lifetime.events;
            let (Some(days), Some(dated)) = (events.day.get(range.clone()), dated.get(range.clone())) else { continue };
            let mut first_order = 0;
            let values = values.of(range.clone());
            for ((day, dated), value) in days.iter().zip(dated).zip(values.clone()) {
                if *day >= as_of {
                    continue;
                }
                let age = (*dated - lifetime.first_day).max(0) as usize;
                let slot = self.slot_of_age.get(age).map_or(beyond, |slot| usize::from(*slot));
                if let Some(sum) = slots.get_mut(slot) {
                    *sum += value;
                }
            }
            if wants_first {
                let marks = events.marks.get(range).unwrap_or_default();
                let of_first = marks.iter().zip(days).zip(values);
                let of_first = of_first.filter(|((marks, day), _)| marks.is_first_order() && **day < as_of);
                first_order = of_first.map(|(_, value)| value).sum();
            }
            let Some(cells) = self.cells.get_mut(cohort * width..(cohort + 1) * width) else { continue };
            let lived = (as_of - lifetime.first_day).unsigned_abs();
            let mut sum = 0;
            let mut slot = slots.iter_mut();
            for (horizon, cell) in self.horizons.iter().zip(cells) {
                let (mature, net) = match horizon {
                    Horizon::FirstOrder => (true, first_order),
                    Horizon::Days(days) => {
                        sum += slot.next().map_or(0, std::mem::take);
                        (*days <= lived, sum)
                    }
                    Horizon::ToDate => (true, sum + slot.next().map_or(0, std::mem::take)),
                };
                cell.customers += 1;
                if mature {
                    cell.mature += 1;
                    cell.net += net;
                }
            }
            if let Some(rest) = slots.last_mut() {
                *rest = 0;
            }
        }
    }
}

/// A column, or the sum of two.
trait Values {
    /// The values of some rows; none if there are fewer rows.
    fn of(&self, rows: Range<usize>) -> impl Iterator<Item = i64> + Clone;
}

struct Column1<'a>(&'a [i64]);
struct Column2<'a>(&'a [i64], &'a [i64]);

impl Values for Column1<'_> {
    fn of(&self, rows: Range<usize>) -> impl Iterator<Item = i64> + Clone {
        self.0.get(rows).unwrap_or_default().iter().copied()
    }
}

impl<'a> Values for Column2<'a> {
    fn of(&self, rows: Range<usize>) -> impl Iterator<Item = i64> + Clone {
        let slice = |column: &'a [i64]| column.get(rows.clone()).unwrap_or_default().iter();
        slice(self.0).zip(slice(self.1)).map(|(one, other)| one + other)
    }
}
