//! `/v1/customers/{customer}`: one customer's figures and entries.

use std::collections::HashMap;
use std::fmt::Write;

use axum::response::Response;
use schemars::JsonSchema;
use serde::Serialize;

use super::call::{Call, Customer};
use super::entry::{EntryAnswer, entry};
use super::parameter::{Format, Formats, parameters};
use super::problem::Problem;
use super::scope::{BASES, ScopeParameters};
use super::{answer, blocking, json};
use crate::app::{Lens, Reading};
use crate::model::day_of;
use crate::report::{self, Basis, CustomerAnswer, Fact, Figure, Filter, LifeEntry, ReportError, Source};

parameters! {
    /// Of `/v1/customers/{customer}`.
    pub(crate) struct CustomerParameters {
        /// What goes into a value: net is without tax and shipping, total is all money that moved
        basis: Basis = BASES,
        /// How the answer is written
        format: Option<Format> = Formats(&[Format::Json, Format::Table]),
        ..scope: ScopeParameters,
    }
}

/// One customer, with everything that is known of them.
#[derive(Serialize, JsonSchema)]
pub(super) struct CustomerLife {
    /// The address in lower case, or `integration/id`.
    customer: String,
    /// One; with `merge = "store"`, one for each store. None before a first order, and where figures are missing.
    figures: Vec<CustomerAnswer>,
    /// Why there are no figures: a rate is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    figures_missing: Option<String>,
    /// By time.
    entries: Vec<CustomerEntry>,
}

/// An entry, and what it is in the customer's life.
#[derive(Serialize, JsonSchema)]
struct CustomerEntry {
    #[serde(flatten)]
    entry: EntryAnswer,
    /// Its value in the reporting currency, on the basis of the question. `null` if it does not count, or figures are missing.
    value: Option<Figure>,
    /// Days since the first order; `null` before it, and where figures are missing.
    age: Option<u16>,
    /// It belongs to the first order.
    first_order: bool,
}

pub(super) async fn customer(call: Call<CustomerParameters, Customer>) -> Result<Response, Problem> {
    let format = call.format(call.asked.format);
    let Call { app, asked: CustomerParameters { basis, scope, .. }, place: Customer(named), headers, .. } = call;
    blocking(move || {
        let lens = scope.lens(&app, basis, Filter::default())?;
        let numbers = numbers(&lens.reading, &named);
        let wanted = |fact: &Fact| {
            let only = lens.seeing.integrations.as_ref();
            only.is_none_or(|only| only.contains(&fact.integration))
        };
        let mut facts: Vec<Fact> =
            numbers.iter().flat_map(|number| report::facts_of(&lens.reading, *number)).filter(wanted).collect();
        facts.sort_unstable_by_key(|fact| (fact.unix_ms, fact.integration, fact.tie, fact.entry));
        facts.dedup_by_key(|fact| fact.entry);
        if facts.is_empty() {
            return Err(Problem::not_found(format!("no entry is known of `{named}`")));
        }
        let (figures, figures_missing) = figures(&lens, &numbers)?;
        let lives: HashMap<u32, &LifeEntry> =
            figures.iter().flat_map(|figures| &figures.entries).map(|life| (life.entry, life)).collect();
        let mut entries = Vec::with_capacity(facts.len());
        for fact in &facts {
            let Some(entry) = entry(&app, &lens.reading, fact, lens.seeing.zone)? else { continue };
            let life = lives.get(&fact.entry);
            entries.push(CustomerEntry {
                entry,
                value: life.map(|life| life.value),
                age: life.and_then(|life| life.age),
                first_order: life.is_some_and(|life| life.first_order),
            });
        }
        let revision = lens.reading.revision();
        drop(lens);
        let customer = CustomerLife { customer: named.trim().to_lowercase(), figures, figures_missing, entries };
        let (content_type, body) = match format {
            Format::Table => ("text/plain; charset=utf-8", table(&customer).into_bytes()),
            Format::Json | Format::Csv => ("application/json", json(&customer)?),
        };
        Ok(answer(&headers, revision, content_type, body))
    })
    .await
}

/// The numbers of a customer by address, or by `integration/id`.
fn numbers(reading: &Reading<'_>, named: &str) -> Vec<u32> {
    let by_address = reading.customers_of(named);
    match named.split_once('/') {
        Some((integration, id)) if by_address.is_empty() => reading.customers_with_id(integration, id),
        _ => by_address,
    }
}

/// Their figures, or why there are none.
fn figures(lens: &Lens<'_>, numbers: &[u32]) -> Result<(Vec<CustomerAnswer>, Option<String>), Problem> {
    let view = match lens.view() {
        Ok(view) => view,
        Err(error @ ReportError::MissingRates { .. }) => return Ok((Vec::new(), Some(error.to_string()))),
        Err(error) => return Err(error.into()),
    };
    let options = lens.options();
    let mut figures = Vec::new();
    for number in numbers {
        figures.extend(report::customer(&view, &lens.reading, &options, *number, None)?);
    }
    Ok((figures, None))
}

/// Ages for which a customer's worth is shown.
const AGES: [u16; 4] = [30, 90, 180, 365];

fn table(customer: &CustomerLife) -> String {
    use comfy_table::{CellAlignment, Table, presets};
    let mut text = format!("{}\n", plain(&customer.customer));
    for figures in &customer.figures {
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "first order {}, last {}; {} orders, {} of them rebills\ngross {}, refunds {}, chargebacks {}, net {} {}",
            day_of(figures.first_order_day),
            day_of(figures.last_order_day),
            figures.orders,
            figures.rebills,
            figures.gross,
            figures.refunds,
            figures.chargebacks,
            figures.net,
            figures.definition.currency
        );
        let worth = AGES.map(|age| {
            let within = figures.entries.iter().filter(|entry| entry.age.is_some_and(|of_entry| of_entry < age));
            let coefficient = within.map(|entry| entry.value.coefficient).sum();
            format!("{} after {age} days", Figure { coefficient, ..figures.net })
        });
        let _ = writeln!(text, "worth {}", worth.join(", "));
    }
    if let Some(missing) = &customer.figures_missing {
        let _ = writeln!(text, "no figures: {missing}");
    }
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY);
    table.set_header(["day", "age", "kind", "billing", "order", "total", "", "product", "integration", "delivery"]);
    for CustomerEntry { entry, age, .. } in &customer.entries {
        let day = if entry.approximate_date { format!("~{}", entry.day) } else { entry.day.clone() };
        table.add_row([
            day,
            age.map_or("-".to_owned(), |age| age.to_string()),
            entry.kind.as_str().to_owned(),
            entry.billing.as_str().to_owned(),
            plain(&entry.order_id),
            entry.total.clone(),
            entry.currency.clone(),
            plain(&entry.products.join(", ")),
            entry.integration.clone(),
            entry.delivery.map_or("-".to_owned(), |number| number.to_string()),
        ]);
    }
    for column in [1, 5, 9] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let _ = writeln!(text, "{table}");
    text
}

/// Shop data must not command the terminal that shows it.
fn plain(text: &str) -> String {
    text.replace(char::is_control, " ")
}
