//! What is behind a figure: `/v1/ltv/customers`, `/v1/ltv/orders` and `/v1/revenue/orders`. The lists add up to the cell that
//! they are about, and each entry names the delivery that brought it.

use axum::response::Response;
use schemars::JsonSchema;
use serde::Serialize;

use super::call::Call;
use super::entry::{EntryAnswer, customer_name, entry};
use super::page::PageParameters;
use super::parameter::{Day, Horizons, Text, Words, parameters};
use super::problem::Problem;
use super::reports::{REFUNDS, SPLIT};
use super::schema::Date;
use super::scope::{AudienceParameters, BASES, OrderParameters, ScopeParameters, as_of};
use super::{answer, blocking, json};
use crate::app::{App, Lens};
use crate::model::day_of;
use crate::report::{
    self, Basis, By, Figure, Horizon, LtvQuery, Maturity, NO_CUSTOMER, Period, RefundDating, Source, View,
};

parameters! {
    /// Of `/v1/ltv/customers` and `/v1/ltv/orders`: a cell of `/v1/ltv`.
    pub(crate) struct CellParameters {
        /// Name of the cohort, as `/v1/ltv` tells it with the same `group`; all customers where it is left out
        cohort: Option<String> = Text,
        /// One age in days, `first_order` or `to_date`; `to_date` where it is left out
        horizon: Vec<Horizon> = Horizons { default: &[] },
        /// Whether refunds count on their own day (event) or on that of their order
        refunds: RefundDating = REFUNDS,
        /// What goes into a value: net is without tax and shipping, total is all money that moved
        basis: Basis = BASES,
        /// What is known up to here, the day itself excluded; up to where everything is complete where it is left out
        as_of: Option<i32> = Day,
        ..page: PageParameters,
        ..audience: AudienceParameters,
        ..orders: OrderParameters,
        ..scope: ScopeParameters,
    }
}

parameters! {
    /// Of `/v1/revenue/orders`: a row of `/v1/revenue`.
    pub(crate) struct RowParameters {
        /// The sort of `period`
        by: Period = Words {
            words: &[
                ("day", Period::Day),
                ("week", Period::Week),
                ("month", Period::Month),
                ("quarter", Period::Quarter),
            ],
            default: "month",
        },
        /// The period, as `/v1/revenue` tells it; all where it is left out
        period: Option<String> = Text,
        /// What `value` is of
        split: Option<By> = SPLIT,
        /// The value, as `/v1/revenue` tells it; all where it is left out
        value: Option<String> = Text,
        /// What goes into a value: net is without tax and shipping, total is all money that moved
        basis: Basis = BASES,
        ..page: PageParameters,
        ..orders: OrderParameters,
        ..scope: ScopeParameters,
    }
}

/// Customers behind a cell.
#[derive(Serialize, JsonSchema)]
pub(super) struct CellCustomers {
    /// The cell's cohort.
    cohort: String,
    /// The cell's horizon.
    horizon: Horizon,
    /// The first day that does not count.
    #[schemars(with = "Date")]
    as_of: String,
    /// In a sequence that stays. Those who are mature add up to the cell.
    customers: Vec<CellCustomer>,
    /// For `cursor`; `null` on the last page.
    next: Option<String>,
}

/// One of them.
#[derive(Serialize, JsonSchema)]
struct CellCustomer {
    /// As `/v1/customers/{customer}` takes it: the address, or `integration/id`. `null` if no entry names them any more.
    customer: Option<String>,
    /// The day of the first order.
    #[schemars(with = "Date")]
    first_order_day: String,
    /// Old enough, and so in numerator and denominator.
    mature: bool,
    /// What they have brought by the horizon.
    net: Figure,
}

/// Entries behind a figure.
#[derive(Serialize, JsonSchema)]
pub(super) struct Entries {
    /// In a sequence that stays.
    entries: Vec<FigureEntry>,
    /// For `cursor`; `null` on the last page.
    next: Option<String>,
}

/// One of them.
#[derive(Serialize, JsonSchema)]
struct FigureEntry {
    #[serde(flatten)]
    entry: EntryAnswer,
    /// Whose it is, as `/v1/customers/{customer}` takes it. `null` if it is nobody's.
    customer: Option<String>,
    /// Days since the first order of the customer; `null` where the figure is not about customers.
    age: Option<u16>,
    /// What it adds to the figure, in the reporting currency.
    value: Figure,
}

/// A cell, looked at.
struct Cell {
    cohort: String,
    horizon: Horizon,
    query: LtvQuery,
    page: PageParameters,
}

impl CellParameters {
    fn look(self, app: &App) -> Result<(Lens<'_>, Cell), Problem> {
        let horizon = match self.horizon.as_slice() {
            [] => Horizon::ToDate,
            [one] => *one,
            _ => return Err(Problem::question("`horizon` is one; ask about each cell by itself")),
        };
        let lens = self.scope.lens(app, self.basis, self.orders.filter())?;
        let query = LtvQuery {
            audience: self.audience.audience(),
            horizons: vec![horizon],
            refunds: self.refunds,
            maturity: Maturity::Customer,
            as_of: as_of(&lens, self.as_of)?,
            limit: None,
        };
        self.page.unchanged(lens.reading.revision())?;
        let cohort = self.cohort.unwrap_or_else(|| "all".to_owned());
        Ok((lens, Cell { cohort, horizon, query, page: self.page }))
    }
}

pub(super) async fn customers(call: Call<CellParameters>) -> Result<Response, Problem> {
    let Call { app, asked, headers, .. } = call;
    blocking(move || {
        let (lens, cell) = asked.look(&app)?;
        let view = lens.view()?;
        let from = cell.page.after::<u32>()?.map_or(0, |last| last.saturating_add(1));
        let most = usize::try_from(cell.page.limit).unwrap_or(usize::MAX).saturating_add(1);
        let Cell { cohort, horizon, query, page } = cell;
        let found = report::members(&view, &lens.reading, &query, &cohort, horizon, from, most)?;
        let (members, next) = page.cut(view.revision(), found.members.into_iter(), |member| member.customer)?;
        let mut customers = Vec::with_capacity(members.len());
        for member in members {
            customers.push(CellCustomer {
                customer: customer_name(&lens.reading, member.customer)?,
                first_order_day: day_of(member.first_order_day).to_string(),
                mature: member.mature,
                net: member.net,
            });
        }
        drop(lens);
        let as_of = day_of(query.as_of.day).to_string();
        let body = json(&CellCustomers { cohort, horizon, as_of, customers, next })?;
        Ok(answer(&headers, view.revision(), "application/json", body))
    })
    .await
}

pub(super) async fn orders(call: Call<CellParameters>) -> Result<Response, Problem> {
    let Call { app, asked, headers, .. } = call;
    blocking(move || {
        let (lens, cell) = asked.look(&app)?;
        let view = lens.view()?;
        let rows = behind_cell(&lens, &view, &cell)?;
        let (rows, next) = cell.page.cut(view.revision(), rows.into_iter(), |row| row.place)?;
        let mut entries = Vec::with_capacity(rows.len());
        for row in rows {
            let Some(fact) = lens.reading.fact(row.place.1) else { continue };
            let Some(entry) = entry(&app, &lens.reading, &fact, lens.seeing.zone)? else { continue };
            let customer = customer_name(&lens.reading, row.place.0)?;
            entries.push(FigureEntry { entry, customer, age: row.age, value: row.value });
        }
        drop(lens);
        let body = json(&Entries { entries, next })?;
        Ok(answer(&headers, view.revision(), "application/json", body))
    })
    .await
}

/// An entry behind a cell.
struct CellEntry {
    /// Numbers of customer and entry.
    place: (u32, u32),
    age: Option<u16>,
    value: Figure,
}

/// One page of entries behind a cell and one more, of mature customers, from the page's place on.
fn behind_cell(lens: &Lens<'_>, view: &View, cell: &Cell) -> Result<Vec<CellEntry>, Problem> {
    let after: Option<(u32, u32)> = cell.page.after()?;
    let most = usize::try_from(cell.page.limit).unwrap_or(usize::MAX).saturating_add(1);
    let options = lens.options();
    let as_of = cell.query.as_of.day;
    let mut rows = Vec::new();
    let mut from = after.map_or(0, |(customer, _)| customer);
    loop {
        let found = report::members(view, &lens.reading, &cell.query, &cell.cohort, cell.horizon, from, most)?;
        for member in found.members.iter().filter(|member| member.mature) {
            let mut entries = report::entries_of(&lens.reading, &options, member.customer)?;
            entries.sort_unstable_by_key(|entry| entry.entry);
            let counts = |entry: &report::LifeEntry| {
                let dated = match cell.query.refunds {
                    RefundDating::Event => entry.age,
                    RefundDating::Order => entry.sale_age,
                };
                entry.day < as_of
                    && match cell.horizon {
                        Horizon::FirstOrder => entry.first_order,
                        Horizon::Days(days) => dated.is_some_and(|age| u32::from(age) < days),
                        Horizon::ToDate => entry.age.is_some(),
                    }
            };
            let behind = entries.into_iter().filter(counts).map(|entry| CellEntry {
                place: (member.customer, entry.entry),
                age: entry.age,
                value: entry.value,
            });
            rows.extend(behind.filter(|row| after.is_none_or(|after| row.place > after)));
            if rows.len() >= most {
                return Ok(rows);
            }
        }
        match found.members.last().filter(|_| found.more) {
            Some(last) => from = last.customer.saturating_add(1),
            None => return Ok(rows),
        }
    }
}

pub(super) async fn revenue(call: Call<RowParameters>) -> Result<Response, Problem> {
    let Call { app, asked, headers, .. } = call;
    blocking(move || {
        let RowParameters { by, period, split, value, basis, page, orders, scope } = asked;
        let days = match &period {
            None => i32::MIN..i32::MAX,
            Some(name) => {
                let number = by.named(name).ok_or_else(|| {
                    let example = by.label(by.number(20_000));
                    Problem::question(format!("`period={name}` is no {}; write it as {example}", by.name()))
                })?;
                by.first_day(number)..by.first_day(number.saturating_add(1))
            }
        };
        let wanted = match (split, &value) {
            (Some(split), Some(value)) => Some((split, value.as_str())),
            (None, Some(_)) => return Err(Problem::question("`value` needs `split`: say what it is a value of")),
            _ => None,
        };
        let lens = scope.lens(&app, basis, orders.filter())?;
        let revision = lens.reading.revision();
        page.unchanged(revision)?;
        let after: Option<(u32, u32)> = page.after()?;
        let most = usize::try_from(page.limit).unwrap_or(usize::MAX).saturating_add(1);
        // The rest of the order at which the last page ended comes along.
        let from = after.map_or(0, |(head, _)| head);
        let found = report::revenue_entries(&lens.reading, &lens.options(), &days, wanted, from, most * 2)?;
        let mut found: Vec<_> =
            found.into_iter().filter(|row| after.is_none_or(|after| (row.head, row.entry) > after)).collect();
        found.sort_unstable_by_key(|row| (row.head, row.entry));
        let (rows, next) = page.cut(revision, found.into_iter(), |row| (row.head, row.entry))?;
        let mut entries = Vec::with_capacity(rows.len());
        for row in rows {
            let Some(fact) = lens.reading.fact(row.entry) else { continue };
            let Some(entry) = entry(&app, &lens.reading, &fact, lens.seeing.zone)? else { continue };
            let customer = if row.customer == NO_CUSTOMER { None } else { customer_name(&lens.reading, row.customer)? };
            entries.push(FigureEntry { entry, customer, age: None, value: row.value });
        }
        drop(lens);
        Ok(answer(&headers, revision, "application/json", json(&Entries { entries, next })?))
    })
    .await
}
