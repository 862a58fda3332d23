//! `/v1/entries`: everything that is in the ledger, one entry a line, oldest row of the book first.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{RawQuery, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, SecondsFormat};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::app::App;
use crate::book::Place;
use crate::ledger::LedgerError;
use crate::model::{Entry, Moment, Zone, format_minor, local_day};

use super::blocking;
use super::problem::Problem;
use super::query::Parameters;

/// Text that is sent at a time, bytes.
const PIECE_BYTES: usize = 64 << 10;

/// An entry of the book that is to be told.
struct Wanted {
    place: Place,
    at: Moment,
    zone: Zone,
    integration: u16,
}

pub(super) async fn entries(State(app): State<Arc<App>>, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    let mut parameters = Parameters::new(query.as_deref())?;
    let integration = parameters.one("integration")?;
    let (from, to) = (parameters.day("from")?, parameters.day("to")?);
    parameters.done()?;
    let reader = Arc::clone(&app);
    let (names, wanted) = blocking(move || wanted(&reader, integration.as_deref(), from, to)).await?;
    let (lines, answer) = mpsc::channel::<Result<Bytes, Infallible>>(4);
    tokio::task::spawn_blocking(move || {
        if let Err(error) = tell(&app, &names, &wanted, &lines) {
            tracing::error!(%error, "entries could not be told to the end");
            app.check_fatal(&error);
            // An answer that ends early must not look whole: its last line says so.
            let problem = json!({ "error": Problem::internal() });
            let _ = lines.blocking_send(Ok(Bytes::from(format!("{problem}\n"))));
        }
    });
    let stream = futures_util::stream::unfold(answer, |mut answer| async { Some((answer.recv().await?, answer)) });
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(stream)).into_response())
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
    let mut piece = String::new();
    for wanted in wanted {
        let Some(entry) = app.ledger.entry(wanted.place)? else { continue };
        let name = names.get(usize::from(wanted.integration)).map_or("", String::as_str);
        piece.push_str(&line(name, wanted, &entry).to_string());
        piece.push('\n');
        if piece.len() >= PIECE_BYTES && lines.blocking_send(Ok(Bytes::from(std::mem::take(&mut piece)))).is_err() {
            // Who asked has gone.
            return Ok(());
        }
    }
    let _ = lines.blocking_send(Ok(Bytes::from(piece)));
    Ok(())
}

fn line(integration: &str, wanted: &Wanted, entry: &Entry) -> Value {
    let money = |minor: i64| format_minor(minor, entry.currency);
    let unix_ms = wanted.at.resolve(wanted.zone).unix_ms;
    json!({
        "integration": integration,
        "kind": entry.key.kind.as_str(),
        "billing": entry.billing.as_str(),
        "id": entry.key.id,
        "order": entry.order_id,
        "at": DateTime::from_timestamp_millis(unix_ms).map(|at| at.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
        "said": said(wanted.at),
        "approximate_date": entry.date_is_approximate(),
        "email": entry.customer.email,
        "customer_id": entry.customer.id,
        "currency": entry.currency.as_str(),
        "total": money(entry.amounts.total),
        "items": entry.amounts.items.map(money),
        "discount": entry.amounts.discount.map(money),
        "shipping": entry.amounts.shipping.map(money),
        "fees": entry.amounts.fees.map(money),
        "tax": entry.amounts.tax.map(money),
        "lines": entry.lines.iter().map(|line| json!({
            "product": line.product_id,
            "variant": line.variant_id,
            "sku": line.sku,
            "name": line.name,
            "quantity": line.quantity.to_string(),
            "amount": money(line.amount),
        })).collect::<Vec<_>>(),
        "tags": entry.tags.iter().map(|tag| json!([tag.name, tag.value])).collect::<Vec<_>>(),
        "revision": entry.revision,
    })
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
