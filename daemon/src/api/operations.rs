//! What the daemon holds and does: status, integrations, imports, deliveries, quarantine.

use std::sync::Arc;
use std::sync::PoisonError;

use axum::body::{Body, Bytes};
use axum::extract::{Path, RawQuery, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, NaiveDate, SecondsFormat};
use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::app::App;
use crate::doors::{self, Phase};
use crate::ledger::{State as DeliveryState, What};
use crate::model::{Door, day_of, local_day};
use crate::report::MarkOrigin;

use super::problem::Problem;
use super::query::Parameters;
use super::syncs::to_the_end;
use super::{answer, blocking, json as to_json};

pub(super) fn time(ms: i64) -> Option<String> {
    DateTime::from_timestamp_millis(ms).map(|at| at.to_rfc3339_opts(SecondsFormat::Secs, true))
}

pub(super) fn no_parameters(query: Option<&str>) -> Result<(), Problem> {
    Parameters::new(query)?.done()
}

pub(super) async fn index(State(app): State<Arc<App>>, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    no_parameters(query.as_deref())?;
    let body = json!({
        "ltvd": env!("CARGO_PKG_VERSION"),
        "ledger_revision": app.ledger.book().revision(),
        "see": [
            "/v1/ltv?group=month&horizons=30,60,90",
            "/v1/revenue?by=month",
            "/v1/customers/{email}",
            "/v1/entries",
            "/v1/integrations",
            "/v1/status",
            "/v1/syncs",
            "/v1/imports",
            "/v1/quarantine",
            "/healthz",
            "/readyz",
        ],
    });
    Ok(axum::Json(body).into_response())
}

/// The process lives.
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// The ledger can be read, and has not failed.
pub(super) async fn readyz(State(app): State<Arc<App>>) -> Response {
    if app.fatal().is_some() {
        return (StatusCode::SERVICE_UNAVAILABLE, "the ledger failed; ltvd is ending\n").into_response();
    }
    match blocking(move || Ok(app.ledger.pending_count()?)).await {
        Ok(_) => "ready\n".into_response(),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the ledger cannot be read\n").into_response(),
    }
}

pub(super) async fn integrations(
    State(app): State<Arc<App>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    no_parameters(query.as_deref())?;
    blocking(move || {
        let revision = app.ledger.book().revision();
        let body = to_json(&json!({ "integrations": describe_integrations(&app)? }))?;
        Ok(answer(&headers, revision, "application/json", body))
    })
    .await
}

pub(super) async fn status(State(app): State<Arc<App>>, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    no_parameters(query.as_deref())?;
    blocking(move || {
        let quarantined: u64 = app.ledger.quarantine_counts()?.values().sum();
        let notes = app.drop_notes.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (revision, entries, customers) = {
            let book = app.ledger.book();
            (book.revision(), book.live().count(), book.customers())
        };
        let broken: Vec<String> = app.registry.broken.iter().map(ToString::to_string).collect();
        let body = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "ledger_revision": revision,
            "entries": entries,
            "customers": customers,
            "pending": app.ledger.pending_count()?,
            "quarantined": quarantined,
            "uptime_s": app.started.elapsed().as_secs(),
            "drop": {
                "enabled": app.config.drop.enabled,
                "folder": app.config.paths.drop_dir,
                "lately": notes,
            },
            "broken_connectors": broken,
            "integrations": describe_integrations(&app)?,
        });
        Ok(axum::Json(body).into_response())
    })
    .await
}

fn describe_integrations(app: &App) -> Result<Vec<Value>, Problem> {
    let marked = app.marked()?;
    let mut entries = vec![0_u64; marked.len()];
    for entry in app.ledger.book().live() {
        if let Some(count) = entries.get_mut(usize::from(entry.integration)) {
            *count += 1;
        }
    }
    let quarantined = app.ledger.quarantine_counts()?;
    let pending = app.ledger.pending_counts()?;
    let imports = app.ledger.imports()?;
    let names = app.config.integrations.keys().cloned().chain(marked.iter().map(|known| known.name.clone()));
    let names: std::collections::BTreeSet<String> = names.collect();
    names
        .into_iter()
        .map(|name| {
            let configured = app.config.integrations.get(&name);
            let connector = configured.and_then(|i| app.registry.connectors.get(&i.connector));
            let known = marked.iter().position(|known| known.name == name);
            let mark = known.and_then(|at| marked.get(at)).and_then(|known| known.complete_through);
            let marks = app.ledger.marks(&name)?;
            let zone = configured.map_or(crate::model::Zone::UTC, |integration| integration.zone);
            let last_import =
                imports.iter().filter(|(integration, ..)| *integration == name).max_by_key(|(_, _, import)| import.at_ms);
            let mut problems = Vec::new();
            match (configured, connector) {
                (None, _) => problems.push("it is not in the configuration any more; its entries still count".to_owned()),
                (Some(i), None) => problems.push(format!("its connector `{}` is not loaded", i.connector)),
                (Some(i), Some(connector)) => {
                    for secret in &i.ungiven_secrets {
                        if connector.manifest.webhook.as_ref().is_some_and(|webhook| webhook.provable) {
                            problems.push(format!("`{secret}` is not set, so its webhooks are refused"));
                        }
                    }
                }
            }
            Ok(json!({
                "name": name,
                "connector": configured.map(|integration| &integration.connector),
                "connector_version": connector.map(|connector| &connector.manifest.version),
                "enabled": configured.is_some_and(|integration| integration.enabled),
                "zone": zone.name(),
                "entries": known.and_then(|at| entries.get(at)).copied().unwrap_or(0),
                // A mark is the first instant that may be missing; people want the last day that is whole.
                "complete_through": mark.map(|mark| day_of(local_day(mark.unix_ms.saturating_sub(1), zone)).to_string()),
                "complete_through_by": mark.map(|mark| origin(mark.origin)),
                "last_webhook": marks.webhook_last_ms.and_then(time),
                "last_import": last_import.map(|(_, _, import)| json!({ "file": import.name, "at": time(import.at_ms) })),
                "pending": pending.get(&name).copied().unwrap_or(0),
                "quarantined": quarantined.get(&name).copied().unwrap_or(0),
                "sync": super::syncs::state(app, &name)?,
                "problems": problems,
            }))
        })
        .collect()
}

fn origin(origin: MarkOrigin) -> Value {
    serde_json::to_value(origin).unwrap_or_default()
}

pub(super) async fn imports(State(app): State<Arc<App>>, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    no_parameters(query.as_deref())?;
    blocking(move || {
        let mut imports = app.ledger.imports()?;
        imports.sort_by_key(|(_, _, import)| std::cmp::Reverse(import.at_ms));
        let list: Vec<Value> = imports
            .into_iter()
            .map(|(integration, sha256, import)| {
                json!({
                    "integration": integration,
                    "file": import.name,
                    "sha256": sha256,
                    "at": time(import.at_ms),
                    "connector": import.connector,
                    "layout": import.format,
                    "bytes": import.bytes,
                    "rows": import.rows,
                    "rows_read": import.rows_read,
                    "rows_ignored": import.rows_ignored,
                    "rows_refused": import.rows_refused,
                    "counts": import.counts,
                    "notes": import.notes,
                    "delivery": import.delivery,
                })
            })
            .collect();
        Ok(axum::Json(json!({ "imports": list })).into_response())
    })
    .await
}

/// Takes a file and tells its progress line by line; the last line is the report or the problem.
pub(super) async fn import(
    State(app): State<Arc<App>>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Result<Response, Problem> {
    let mut parameters = Parameters::new(query.as_deref())?;
    let integration = parameters.one("integration")?;
    let name = parameters.one("name")?.unwrap_or_else(|| "upload.csv".to_owned());
    let dry_run = parameters.choice("dry_run", &[("true", true), ("false", false)])?.unwrap_or(false);
    let complete_through: Option<NaiveDate> = parameters.day("complete_through")?.map(day_of);
    parameters.done()?;
    let (lines, answer) = mpsc::channel::<Result<Bytes, std::convert::Infallible>>(64);
    let (name, mut pieces) = pieces(name, request);
    tokio::task::spawn_blocking(move || {
        let mut told = std::time::Instant::now();
        let mut phase_told = None;
        let send = |line: Value| {
            // Who asked may have gone; the import goes on all the same.
            let _ = lines.try_send(Ok(Bytes::from(format!("{line}\n"))));
        };
        let request = doors::Request { name: &name, integration: integration.as_deref(), dry_run, complete_through };
        let mut progress = |phase: Phase, done: u64, total: Option<u64>| {
            if phase_told != Some(phase) || told.elapsed().as_millis() > 100 {
                (phase_told, told) = (Some(phase), std::time::Instant::now());
                send(json!({ "progress": { "phase": phase, "done": done, "total": total } }));
            }
        };
        let imported = doors::import(&app, &request, &mut pieces, &mut progress);
        let last = match imported {
            Ok(report) => {
                let mut value = serde_json::to_value(&report).unwrap_or_default();
                if let Some(object) = value.as_object_mut() {
                    object.insert("text".into(), report.to_string().into());
                }
                json!({ "report": value })
            }
            Err(error) => {
                if let doors::ImportError::Ledger(error) = &error {
                    app.check_fatal(error);
                }
                let mut value = serde_json::to_value(Problem::from(&error)).unwrap_or_default();
                if let Some(object) = value.as_object_mut() {
                    object.insert("text".into(), doors::drop_folder::refusal(&name, &error).into());
                }
                json!({ "error": value })
            }
        };
        // The last line must arrive, so this one waits for room.
        let _ = lines.blocking_send(Ok(Bytes::from(format!("{last}\n"))));
    });
    let stream = futures_util::stream::unfold(answer, |mut answer| async { Some((answer.recv().await?, answer)) });
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(stream)).into_response())
}

/// The body of a request as something that a thread can read. The name goes along.
pub(super) fn pieces(name: String, request: Request) -> (String, Pieces) {
    let (pieces, file) = mpsc::channel::<std::io::Result<Option<Bytes>>>(4);
    tokio::spawn(async move {
        let mut body = request.into_body().into_data_stream();
        while let Some(piece) = body.next().await {
            let piece = piece.map(Some).map_err(std::io::Error::other);
            if pieces.send(piece).await.is_err() {
                return;
            }
        }
        // The end is said: when the daemon ends, this task does as well, and a part must not be taken for the whole.
        let _ = pieces.send(Ok(None)).await;
    });
    (name, Pieces { file, rest: Bytes::new(), ended: false })
}

/// The body of a request, read by a thread.
pub(super) struct Pieces {
    file: mpsc::Receiver<std::io::Result<Option<Bytes>>>,
    rest: Bytes,
    ended: bool,
}

impl std::io::Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        while self.rest.is_empty() && !self.ended {
            match self.file.blocking_recv() {
                Some(piece) => match piece? {
                    Some(piece) => self.rest = piece,
                    None => self.ended = true,
                },
                None => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            }
        }
        let piece = self.rest.split_to(self.rest.len().min(buffer.len()));
        if let Some(place) = buffer.get_mut(..piece.len()) {
            place.copy_from_slice(&piece);
        }
        Ok(piece.len())
    }
}

pub(super) async fn delivery(
    State(app): State<Arc<App>>,
    Path(number): Path<u64>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    no_parameters(query.as_deref())?;
    blocking(move || {
        let Some(stored) = app.ledger.delivery(number)? else {
            return Err(Problem::not_found(format!("there is no delivery {number}")));
        };
        let delivery = stored.delivery;
        let body = match String::from_utf8(stored.body) {
            Ok(text) => json!({ "text": text }),
            Err(error) => json!({ "bytes": error.as_bytes().len(), "text": String::from_utf8_lossy(error.as_bytes()) }),
        };
        let quarantine: Vec<Value> = app
            .ledger
            .quarantine_of(number)?
            .iter()
            .map(|(line, quarantined)| quarantined_json(number, *line, quarantined))
            .collect();
        Ok(axum::Json(json!({
            "delivery": number,
            "integration": delivery.integration,
            "door": delivery.door,
            "received": time(delivery.received_ms),
            "what": match &delivery.what {
                What::Request { query, headers } => json!({ "query": query, "headers": headers, "body": body }),
                What::Poll { task, .. } => json!({ "poll": task }),
                What::File { name, sha256, bytes } => json!({ "file": name, "sha256": sha256, "bytes": bytes }),
            },
            "state": delivery.state,
            "attempts": delivery.attempts,
            "quarantine": quarantine,
        }))
        .into_response())
    })
    .await
}

fn quarantined_json(delivery: u64, line: u64, quarantined: &crate::ledger::Quarantined) -> Value {
    json!({
        "delivery": delivery,
        "line": line,
        "integration": quarantined.integration,
        "door": quarantined.door,
        "since": time(quarantined.since_ms),
        "field": quarantined.field,
        "id": quarantined.id,
        "reason": quarantined.reason,
        "raw": quarantined.raw,
        "connector": quarantined.connector,
    })
}

pub(super) async fn quarantine(State(app): State<Arc<App>>, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    let mut parameters = Parameters::new(query.as_deref())?;
    let wanted = parameters.one("integration")?;
    parameters.done()?;
    blocking(move || {
        let list: Vec<Value> = app
            .ledger
            .quarantine(usize::MAX)?
            .into_iter()
            .filter(|(_, _, quarantined)| wanted.as_ref().is_none_or(|name| quarantined.integration == *name))
            .map(|(delivery, line, quarantined)| quarantined_json(delivery, line, &quarantined))
            .collect();
        Ok(axum::Json(json!({ "quarantine": list })).into_response())
    })
    .await
}

/// Reads quarantined webhook deliveries again: one, or all.
pub(super) async fn retry(State(app): State<Arc<App>>, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    let mut parameters = Parameters::new(query.as_deref())?;
    let wanted: Option<u64> = parameters.parsed("delivery")?;
    parameters.done()?;
    let replayer = Arc::clone(&app);
    let (requeued, files, polls, mut problems) = blocking(move || {
        let (mut requeued, mut files, mut polls, mut problems) = (0_u64, 0_u64, Vec::new(), Vec::new());
        let deliveries: std::collections::BTreeMap<u64, (String, Door)> = app
            .ledger
            .quarantine(usize::MAX)?
            .into_iter()
            .map(|(delivery, _, quarantined)| (delivery, (quarantined.integration, quarantined.door)))
            .collect();
        if let Some(wanted) = wanted
            && !deliveries.contains_key(&wanted)
        {
            return Err(Problem::not_found(format!("delivery {wanted} is not in quarantine")));
        }
        for (delivery, (integration, door)) in deliveries {
            if wanted.is_some_and(|wanted| wanted != delivery) {
                continue;
            }
            if door == Door::Poll {
                polls.push((integration, Some(delivery)));
            } else if app.ledger.requeue(delivery, false)? {
                requeued += 1;
            } else {
                read_files(&app, &integration, Some(delivery), &mut files, &mut problems)?;
            }
        }
        app.inbox.notify_one();
        Ok((requeued, files, polls, problems))
    })
    .await?;
    // It goes on though nobody waits for it any more.
    to_the_end(async move {
        let conversations = read_polls(&replayer, polls, &mut problems).await?;
        Ok(read_again(requeued, files, conversations, &problems))
    })
    .await?
}

fn read_again(requeued: u64, files: u64, conversations: u64, problems: &[String]) -> Response {
    let body = json!({ "requeued": requeued, "files": files, "conversations": conversations, "problems": problems });
    axum::Json(body).into_response()
}

/// Reads conversations with platforms again, without asking the platforms.
async fn read_polls(
    app: &Arc<App>,
    polls: Vec<(String, Option<u64>)>,
    problems: &mut Vec<String>,
) -> Result<u64, Problem> {
    let mut read = 0;
    for (integration, delivery) in polls {
        let (conversations, failed) = doors::poll::replay(app, &integration, delivery).await?;
        read += conversations;
        problems.extend(failed.into_iter().map(|why| format!("{integration}: {why}")));
    }
    Ok(read)
}

fn read_files(
    app: &App,
    integration: &str,
    delivery: Option<u64>,
    files: &mut u64,
    problems: &mut Vec<String>,
) -> Result<(), Problem> {
    if app.integration(integration).is_none() {
        problems.push(format!("integration `{integration}` is not in use, so its files are not read"));
        return Ok(());
    }
    let (read, failed) = doors::import::read_again(app, integration, delivery)?;
    *files += read;
    problems.extend(failed.iter().map(ToString::to_string));
    Ok(())
}

/// Reads everything that was kept of an integration again, files and webhook deliveries, for example after its connector was
/// mended.
pub(super) async fn replay(State(app): State<Arc<App>>, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    let mut parameters = Parameters::new(query.as_deref())?;
    let wanted = parameters.one("integration")?;
    parameters.done()?;
    let names: Vec<String> = match &wanted {
        Some(name) if !app.config.integrations.contains_key(name) => {
            return Err(Problem::question(format!("there is no integration `{name}`")));
        }
        Some(name) => vec![name.clone()],
        None => app.config.integrations.keys().cloned().collect(),
    };
    let polls = names.iter().map(|name| (name.clone(), None)).collect();
    let reader = Arc::clone(&app);
    let (files, mut problems) = blocking(move || {
        let (mut files, mut problems) = (0_u64, Vec::new());
        for name in &names {
            read_files(&reader, name, None, &mut files, &mut problems)?;
        }
        Ok((files, problems))
    })
    .await?;
    // Files, then what was asked, then webhooks: where revisions are equal, the last one read wins.
    to_the_end(async move {
        let conversations = read_polls(&app, polls, &mut problems).await?;
        let requeued = blocking(move || requeue_all(&app, wanted.as_deref())).await?;
        Ok(read_again(requeued, files, conversations, &problems))
    })
    .await?
}

/// Puts the webhooks of an integration, or of all, back into the inbox. Gives how many.
fn requeue_all(app: &App, wanted: Option<&str>) -> Result<u64, Problem> {
    let mut requeued = 0;
    for name in app.config.integrations.keys().filter(|name| wanted.is_none_or(|wanted| wanted == name.as_str())) {
        for number in app.ledger.requests_of(name)? {
            let stored = app.ledger.delivery(number)?;
            let pending = stored.is_some_and(|stored| stored.delivery.state == DeliveryState::Pending);
            if !pending && app.ledger.requeue(number, true)? {
                requeued += 1;
            }
        }
    }
    app.inbox.notify_one();
    Ok(requeued)
}
