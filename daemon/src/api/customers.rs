//! `/v1/customers/{email}`: one customer's figures and entries.

use std::fmt::Write;

use axum::response::Response;
use chrono::{DateTime, SecondsFormat};
use schemars::JsonSchema;
use serde::Serialize;

use super::call::{Call, Email};
use super::parameter::{Format, Formats, parameters};
use super::problem::Problem;
use super::reports::ScopeParameters;
use super::schema::{CurrencyCode, Date, Instant};
use super::{answer, blocking, json};
use crate::app::App;
use crate::model::{Billing, Kind, Zone, day_of, format_minor, local_day};
use crate::report::{self, Basis, CustomerAnswer, Facts};

parameters! {
    /// Of `/v1/customers/{email}`.
    pub(crate) struct CustomerParameters {
        /// How the answer is written
        format: Option<Format> = Formats(&[Format::Json, Format::Table]),
        ..scope: ScopeParameters,
    }
}

/// One customer, with everything that is known of them.
#[derive(Serialize, JsonSchema)]
pub(super) struct Customer {
    /// The address, in lower case.
    email: String,
    /// One; with `merge = "store"`, one for each store.
    figures: Vec<CustomerAnswer>,
    /// By time.
    entries: Vec<CustomerEntry>,
}

/// One dated movement of money.
#[derive(Serialize, JsonSchema)]
struct CustomerEntry {
    /// Which integration.
    integration: String,
    /// Which way money moved, and why.
    kind: Kind,
    /// Whether a subscription caused it.
    billing: Billing,
    /// The platform's id.
    id: String,
    /// The platform's id of its order.
    order_id: String,
    /// When.
    #[schemars(with = "Option<Instant>")]
    at: Option<String>,
    /// The day, in the reporting zone.
    #[schemars(with = "Date")]
    day: String,
    /// The date is a stand-in, such as the day of receipt.
    approximate_date: bool,
    /// Of the amounts.
    #[schemars(with = "CurrencyCode")]
    currency: String,
    /// All money that moved; negative if it went back.
    #[schemars(with = "report::Figure")]
    total: String,
    /// Of the total; `null` if it is not known.
    #[schemars(with = "Option<report::Figure>")]
    tax: Option<String>,
    /// Of the total; `null` if it is not known.
    #[schemars(with = "Option<report::Figure>")]
    shipping: Option<String>,
    /// Names of what was sold, or its ids.
    products: Vec<String>,
    /// Name and value.
    tags: Vec<(String, String)>,
}

pub(super) async fn customer(call: Call<CustomerParameters, Email>) -> Result<Response, Problem> {
    let format = call.format(call.asked.format);
    let Call { app, asked: CustomerParameters { scope, .. }, place: Email(email), headers, .. } = call;
    blocking(move || {
        let facts = app.facts()?;
        let zone = scope.zone(&app);
        let integrations = scope.integrations(&app, &facts)?;
        let view = app.view(&facts, zone, scope.currency(&app), integrations.as_ref())?;
        let numbers = app.customer_numbers(&facts, &email);
        let entries = entries(&app, &facts, &numbers, integrations.as_ref(), zone)?;
        if entries.is_empty() {
            return Err(Problem::not_found(format!("no entry is known of `{email}`")));
        }
        let figures =
            numbers.iter().filter_map(|number| report::customer(&facts, &view, *number, Basis::Net, None)).collect();
        let customer = Customer { email: email.trim().to_lowercase(), figures, entries };
        let (content_type, body) = match format {
            Format::Table => ("text/plain; charset=utf-8", table(&customer).into_bytes()),
            Format::Json | Format::Csv => ("application/json", json(&customer)?),
        };
        Ok(answer(&headers, facts.revision, content_type, body))
    })
    .await
}

fn entries(
    app: &App,
    facts: &Facts,
    numbers: &std::collections::BTreeSet<u32>,
    integrations: Option<&std::collections::BTreeSet<u16>>,
    zone: Zone,
) -> Result<Vec<CustomerEntry>, Problem> {
    // A refund without address belongs to the customer of its order.
    let orders: std::collections::BTreeSet<u32> =
        facts.facts.iter().filter(|fact| numbers.contains(&fact.customer)).map(|fact| fact.order).collect();
    let belongs = |fact: &&report::Fact| {
        integrations.is_none_or(|wanted| wanted.contains(&fact.integration))
            && (numbers.contains(&fact.customer)
                || (fact.customer == report::NO_CUSTOMER && orders.contains(&fact.order)))
    };
    let mut found: Vec<&report::Fact> = facts.facts.iter().filter(belongs).collect();
    found.sort_by_key(|fact| (fact.unix_ms, fact.tie));
    let mut entries = Vec::with_capacity(found.len());
    for fact in found {
        let place = app.ledger.book().listed_at(fact.entry).map(|listed| listed.place);
        let Some(entry) = place.map(|place| app.ledger.entry(place)).transpose()?.flatten() else { continue };
        let money = |minor: i64| format_minor(minor * entry.key.kind.sign(), entry.currency);
        let integration = facts.integrations.get(usize::from(fact.integration));
        entries.push(CustomerEntry {
            integration: integration.map(|integration| integration.name.clone()).unwrap_or_default(),
            kind: entry.key.kind,
            billing: entry.billing,
            at: DateTime::from_timestamp_millis(fact.unix_ms).map(|at| at.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
            day: day_of(local_day(fact.unix_ms, zone)).to_string(),
            approximate_date: entry.date_is_approximate(),
            currency: entry.currency.to_string(),
            total: money(entry.amounts.total),
            tax: entry.amounts.tax.map(money),
            shipping: entry.amounts.shipping.map(money),
            products: entry.lines.iter().filter_map(|line| line.name.clone().or(line.product_id.clone())).collect(),
            tags: entry.tags.iter().map(|tag| (tag.name.clone(), tag.value.clone())).collect(),
            id: entry.key.id,
            order_id: entry.order_id,
        });
    }
    Ok(entries)
}

fn table(customer: &Customer) -> String {
    use comfy_table::{CellAlignment, Table, presets};
    let mut text = format!("{}\n", customer.email);
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
    }
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY);
    table.set_header(["day", "kind", "billing", "order", "total", "", "product", "integration"]);
    for entry in &customer.entries {
        // Shop data must not command the terminal that shows it.
        let plain = |text: &str| text.replace(char::is_control, " ");
        let day = if entry.approximate_date { format!("~{}", entry.day) } else { entry.day.clone() };
        table.add_row([
            day,
            entry.kind.as_str().to_owned(),
            entry.billing.as_str().to_owned(),
            plain(&entry.order_id),
            entry.total.clone(),
            entry.currency.clone(),
            plain(&entry.products.join(", ")),
            entry.integration.clone(),
        ]);
    }
    if let Some(total) = table.column_mut(4) {
        total.set_cell_alignment(CellAlignment::Right);
    }
    let _ = writeln!(text, "{table}");
    text
}
