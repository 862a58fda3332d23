//! `/v1/entries`: everything that is in the ledger, one entry a line, oldest row of the book first.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Bytes;
use axum::response::Response;
use chrono::{DateTime, SecondsFormat};
use schemars::JsonSchema;
use serde::Serialize;
use tokio::sync::mpsc;

use super::blocking;
use super::call::Call;
use super::lines::{self, Failure};
use super::parameter::{Day, Text, parameters};
use super::problem::Problem;
use super::schema::{CurrencyCode, Instant};
use crate::app::App;
use crate::book::Place;
use crate::ledger::LedgerError;
use crate::limits::api::PIECE_BYTES;
use crate::model::{self, Billing, Kind, Moment, Zone, format_minor, local_day};
use crate::report::Figure;

parameters! {
    /// Of `/v1/entries`.
    pub(crate) struct EntriesParameters {
        /// Only this integration
        integration: Option<String> = Text,
        /// First day, in the zone of the account
        from: Option<i32> = Day,
        /// Last day
        to: Option<i32> = Day,
    }
}

/// A line of the answer.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum EntriesLine {
    /// One dated movement of money.
    Entry(Box<EntryLine>),
    /// The entries could not be told to the end. The last line.
    Failure(Failure),
}

/// One dated movement of money, as the platform told it.
#[derive(Serialize, JsonSchema)]
pub(super) struct EntryLine {
    /// Which integration.
    integration: String,
    /// Which way money moved, and why.
    kind: Kind,
    /// Whether a subscription caused it.
    billing: Billing,
    /// The platform's id.
    id: String,
    /// The platform's id of its order.
    order: String,
    /// When.
    #[schemars(with = "Option<Instant>")]
    at: Option<String>,
    /// The date as the platform told it, where that is not an instant.
    said: Option<String>,
    /// The date is a stand-in, such as the day of receipt.
    approximate_date: bool,
    /// Of the customer.
    email: Option<String>,
    /// The platform's id of the customer.
    customer_id: Option<String>,
    /// Of the amounts.
    #[schemars(with = "CurrencyCode")]
    currency: String,
    /// All money that moved. Never negative: the kind says which way.
    #[schemars(with = "Figure")]
    total: String,
    /// Before discount.
    #[schemars(with = "Option<Figure>")]
    items: Option<String>,
    /// Taken off the items.
    #[schemars(with = "Option<Figure>")]
    discount: Option<String>,
    /// Of the total.
    #[schemars(with = "Option<Figure>")]
    shipping: Option<String>,
    /// Of the total.
    #[schemars(with = "Option<Figure>")]
    fees: Option<String>,
    /// Of the total.
    #[schemars(with = "Option<Figure>")]
    tax: Option<String>,
    /// What was sold.
    lines: Vec<Sold>,
    /// Name and value.
    tags: Vec<(String, String)>,
    /// Of two versions the higher one counts.
    revision: i64,
}

/// A line of an order.
#[derive(Serialize, JsonSchema)]
struct Sold {
    /// The platform's id.
    product: Option<String>,
    /// The platform's id of the variant.
    variant: Option<String>,
    /// The shop's own number.
    sku: Option<String>,
    /// What it is called.
    name: Option<String>,
    /// How many.
    #[schemars(with = "Figure")]
    quantity: String,
    /// After discount, without tax.
    #[schemars(with = "Figure")]
    amount: String,
}

/// An entry of the book that is to be told.
struct Wanted {
    place: Place,
    at: Moment,
    zone: Zone,
    integration: u16,
}

pub(super) async fn entries(call: Call<EntriesParameters>) -> Result<Response, Problem> {
    let Call { app, asked: EntriesParameters { integration, from, to }, .. } = call;
    let reader = Arc::clone(&app);
    let (names, wanted) = blocking(move || wanted(&reader, integration.as_deref(), from, to)).await?;
    let (lines, answer) = mpsc::channel(4);
    tokio::task::spawn_blocking(move || {
        if let Err(error) = tell(&app, &names, &wanted, &lines) {
            tracing::error!(%error, "entries could not be told to the end");
            app.check_fatal(&error);
            // An answer that ends early must not look whole: its last line says so.
            let _ = lines.blocking_send(Ok(lines::line(&EntriesLine::Failure(Problem::internal().into()))));
        }
    });
    Ok(lines::response(answer))
}

type Names = Vec<String>;

fn wanted(
    app: &App,
    integration: Option<&str>,
    from: Option<i32>,
    to: Option<i32>,
) -> Result<(Names, Vec<Wanted>), Problem> {
    let book = app.ledger.book();
    let names: Names = book.integrations().iter().map(|name| name.to_string()).collect();
    let known = |name: &str| names.iter().any(|known| known == name) || app.config.integrations.contains_key(name);
    if let Some(name) = integration.filter(|name| !known(name)) {
        return Err(Problem::question(format!("there is no integration `{name}`")));
    }
    let zones: Vec<Zone> = names
        .iter()
        .map(|name| app.config.integrations.get(name).map_or(Zone::UTC, |integration| integration.zone))
        .collect();
    let listed = book.live().filter_map(|entry| {
        let name = names.get(usize::from(entry.integration))?;
        if integration.is_some_and(|wanted| wanted != name) {
            return None;
        }
        let zone = zones.get(usize::from(entry.integration)).copied().unwrap_or(Zone::UTC);
        if from.is_some() || to.is_some() {
            let day = local_day(entry.at.resolve(zone).unix_ms, zone);
            if from.is_some_and(|from| day < from) || to.is_some_and(|to| day > to) {
                return None;
            }
        }
        Some(Wanted { place: entry.place, at: entry.at, zone, integration: entry.integration })
    });
    let listed = listed.collect();
    Ok((names, listed))
}

fn tell(
    app: &App,
    names: &Names,
    wanted: &[Wanted],
    lines: &mpsc::Sender<Result<Bytes, Infallible>>,
) -> Result<(), LedgerError> {
    let mut piece = Vec::new();
    for wanted in wanted {
        let Some(entry) = app.ledger.entry(wanted.place)? else { continue };
        let name = names.get(usize::from(wanted.integration)).map_or("", String::as_str);
        piece.extend(lines::line(&EntriesLine::Entry(Box::new(line(name, wanted, entry)))));
        if piece.len() >= PIECE_BYTES && lines.blocking_send(Ok(Bytes::from(std::mem::take(&mut piece)))).is_err() {
            // Who asked has gone.
            return Ok(());
        }
    }
    let _ = lines.blocking_send(Ok(Bytes::from(piece)));
    Ok(())
}

fn line(integration: &str, wanted: &Wanted, entry: model::Entry) -> EntryLine {
    let money = |minor: i64| format_minor(minor, entry.currency);
    let unix_ms = wanted.at.resolve(wanted.zone).unix_ms;
    EntryLine {
        integration: integration.to_owned(),
        kind: entry.key.kind,
        billing: entry.billing,
        at: DateTime::from_timestamp_millis(unix_ms).map(|at| at.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
        said: said(wanted.at),
        approximate_date: entry.date_is_approximate(),
        currency: entry.currency.to_string(),
        total: money(entry.amounts.total),
        items: entry.amounts.items.map(money),
        discount: entry.amounts.discount.map(money),
        shipping: entry.amounts.shipping.map(money),
        fees: entry.amounts.fees.map(money),
        tax: entry.amounts.tax.map(money),
        lines: entry
            .lines
            .into_iter()
            .map(|line| Sold {
                product: line.product_id,
                variant: line.variant_id,
                sku: line.sku,
                name: line.name,
                quantity: line.quantity.to_string(),
                amount: money(line.amount),
            })
            .collect(),
        tags: entry.tags.into_iter().map(|tag| (tag.name, tag.value)).collect(),
        revision: entry.revision,
        id: entry.key.id,
        order: entry.order_id,
        email: entry.customer.email,
        customer_id: entry.customer.id,
    }
}

/// The date as the platform told it, where that is not an instant.
fn said(at: Moment) -> Option<String> {
    let wall = |ms: i64| DateTime::from_timestamp_millis(ms).map(|at| at.naive_utc());
    match at {
        Moment::Local(ms) => wall(ms).map(|at| at.format("%Y-%m-%dT%H:%M:%S%.f").to_string()),
        Moment::Day(day) => Some(crate::model::day_of(day).to_string()),
        Moment::Utc(_) | Moment::Received(_) => None,
    }
}
