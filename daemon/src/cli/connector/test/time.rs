//! How long a connector takes: to load, for a row, for a webhook. What it reads are the deliveries of its cases.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::case::{Act, Case};
use super::play::Stage;
use super::project::Project;
use crate::cli::connector::trial::{self, FileReading};
use crate::cli::failure::Failure;
use crate::connector::{CallContext, Connector, Delivery as Request, Host, Proof};
use crate::limits::cli::{TIME_LOADS, TIME_ROUNDS, TIME_SPAN};
use crate::limits::files::BATCH_ROWS;
use crate::model::Rows;

/// All of it, as one object of JSON. Times are medians, on one thread.
///
/// # Errors
/// If the connector cannot be loaded, or a call gives no answer.
pub(super) fn measure(project: &Project, connector: &Arc<Connector>, cases: &[Case]) -> Result<Value, Failure> {
    let (cold, cached) = loads(project)?;
    let rows = rows_per_s(connector, cases).map_err(Failure::Failed)?;
    let webhook = webhook_us(connector, cases).map_err(Failure::Failed)?;
    Ok(json!({
        "connector": connector.manifest.id,
        "version": connector.manifest.version,
        "bytes": connector.size,
        "load_cold_ms": round(cold.as_secs_f64() * 1e3),
        "load_cached_ms": round(cached.as_secs_f64() * 1e3),
        "rows_per_s": rows.map(f64::round),
        "webhook_us": webhook.map(round),
    }))
}

/// Without anything compiled, and with what an earlier start compiled.
fn loads(project: &Project) -> Result<(Duration, Duration), Failure> {
    let load = |host: &Host| -> Result<Duration, Failure> {
        let began = Instant::now();
        host.load_file(&project.file)?;
        Ok(began.elapsed())
    };
    let cache = tempfile::tempdir().map_err(|error| Failure::Failed(format!("no folder for a cache: {error}")))?;
    load(&Host::new(Some(cache.path()))?)?;
    let (mut cold, mut cached) = (Vec::new(), Vec::new());
    for _ in 0..TIME_LOADS {
        cold.push(load(&Host::new(None)?)?);
        cached.push(load(&Host::new(Some(cache.path()))?)?);
    }
    Ok((median(cold), median(cached)))
}

/// Rows of the cases' files, over and over in full batches. `None` if there are none.
fn rows_per_s(connector: &Arc<Connector>, cases: &[Case]) -> Result<Option<f64>, String> {
    let mut batches = Vec::new();
    for (stage, act, context) in deliveries(connector, cases) {
        let Act::File { bytes, format, options } = act else { continue };
        let formats = trial::formats(connector, format.as_deref())?;
        let source = Box::new(std::io::Cursor::new(bytes.clone()));
        let reading = FileReading { source, format_id: format.as_deref(), options: *options };
        // A file that is refused is no work for the connector.
        let Ok(plan) = trial::plan(connector, &formats, reading, &context) else { continue };
        let recognised = plan.recognised();
        for rows in plan.batches() {
            let rows = full(&rows.map_err(|error| error.to_string())?);
            let reader = stage.connector.reader(&recognised.format_id, recognised.other_headings(), &context);
            let mut reader = reader.map_err(|error| error.to_string())?;
            if !rows.lines.is_empty() && reader.read(&rows).is_ok() {
                batches.push((reader, rows));
            }
        }
    }
    let rows: usize = batches.iter().map(|(_, rows)| rows.lines.len()).sum();
    let round = rounds(rows > 0, || {
        batches.iter_mut().try_for_each(|(reader, rows)| reader.read(rows).map(drop)).map_err(|error| error.to_string())
    })?;
    Ok(round.map(|round| rows as f64 / round.as_secs_f64()))
}

/// Proof and reading of the cases' webhooks, up to what they ask for. `None` if there are none.
fn webhook_us(connector: &Arc<Connector>, cases: &[Case]) -> Result<Option<f64>, String> {
    let both = |request: &Request, context: &CallContext| {
        connector.prove(request, context).and_then(|proof| {
            let read = !matches!(proof, Proof::Ping(_) | Proof::Refuse(_));
            connector.receive(request, context).map(|_| read)
        })
    };
    // What is refused or cannot be read stops half-way.
    let webhooks: Vec<(Request, CallContext)> = deliveries(connector, cases)
        .filter_map(|(_, act, context)| match act {
            Act::Webhook(request) => Some((Request { received_ms: context.now_ms, ..request.clone() }, context)),
            _ => None,
        })
        .filter(|(request, context)| matches!(both(request, context), Ok(true)))
        .collect();
    let round = rounds(!webhooks.is_empty(), || {
        webhooks
            .iter()
            .try_for_each(|(request, context)| both(request, context).map(drop))
            .map_err(|error| error.to_string())
    })?;
    Ok(round.map(|round| round.as_secs_f64() * 1e6 / webhooks.len() as f64))
}

/// Every delivery with what a connector is told beside it.
fn deliveries<'c>(
    connector: &'c Arc<Connector>,
    cases: &'c [Case],
) -> impl Iterator<Item = (Stage, &'c Act, CallContext)> {
    cases.iter().flat_map(move |case| {
        case.deliveries.iter().map(move |delivery| {
            let stage = Stage::new(connector, case);
            let context = stage.context(delivery.at_ms);
            (stage, &delivery.act, context)
        })
    })
}

/// A full batch of the same rows: in a large file batches are full.
fn full(rows: &Rows) -> Rows {
    let mut all = Rows { width: rows.width, ..Rows::default() };
    let times = (BATCH_ROWS / rows.lines.len().max(1)).max(1);
    for _ in 0..times {
        let before = u32::try_from(all.text.len()).unwrap_or(u32::MAX);
        all.text.extend_from_slice(&rows.text);
        all.ends.extend(rows.ends.iter().map(|end| end.saturating_add(before)));
        all.lines.extend_from_slice(&rows.lines);
        all.twins.extend_from_slice(&rows.twins);
    }
    all
}

/// The median of rounds that together last long enough to tell; `None` if there is nothing to do.
fn rounds(any: bool, mut round: impl FnMut() -> Result<(), String>) -> Result<Option<Duration>, String> {
    if !any {
        return Ok(None);
    }
    round()?;
    let (mut times, began) = (Vec::new(), Instant::now());
    while times.len() < TIME_ROUNDS || began.elapsed() < TIME_SPAN {
        let began = Instant::now();
        round()?;
        times.push(began.elapsed());
    }
    Ok(Some(median(times)))
}

/// The middle one; of an even number the upper of the two.
fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn round(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}
