//! Asking platforms: what was asked, now, webhooks at the platform, and the comparison with what the platform or a file has.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Path, RawQuery, Request, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::app::App;
use crate::doors::poll::{self, SyncError, Wish};
use crate::ledger::{Cursor, LedgerError, Pass};
use crate::live::Now;
use crate::model::{Zone, day_of, local_day};

use super::blocking;
use super::operations::{no_parameters, time};
use super::problem::Problem;
use super::query::Parameters;

/// Passes that are listed for each integration.
const LISTED: usize = 20;
/// How often those who wait are told.
const TOLD_EVERY: Duration = Duration::from_millis(200);

pub(super) async fn syncs(State(app): State<Arc<App>>, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    let mut parameters = Parameters::new(query.as_deref())?;
    let wanted = parameters.one("integration")?;
    parameters.done()?;
    blocking(move || {
        let mut list = Vec::new();
        for name in app.config.integrations.keys() {
            if wanted.as_ref().is_some_and(|wanted| wanted != name) {
                continue;
            }
            if let Some(state) = state(&app, name)? {
                list.push(state);
            }
        }
        Ok(axum::Json(json!({ "syncs": list })).into_response())
    })
    .await
}

/// What is known of the polling of an integration. `None` if its connector does not ask its platform.
pub(super) fn state(app: &App, name: &str) -> Result<Option<Value>, LedgerError> {
    let Some((integration, connector)) = app.integration(name) else { return Ok(None) };
    let Some(described) = &connector.manifest.polling else { return Ok(None) };
    let polled = poll::is_polled(integration, connector);
    let cursor = app.ledger.cursor(name)?;
    let passes = app.ledger.passes(name, LISTED)?;
    let now = app.polls.of(name).now();
    if !polled && passes.is_empty() && !now.running {
        return Ok(None);
    }
    let zone = integration.zone;
    Ok(Some(json!({
        "integration": name,
        "connector": connector.manifest.id,
        "polled": polled,
        "state": word(polled, &now, &cursor, passes.first()),
        "from": integration.polling.from.map(|day| day.to_string()),
        "to": integration.polling.to.map(|day| day.to_string()),
        "every_s": integration.polling.every.as_secs().max(u64::from(described.interval_min_s)),
        "stopped": cursor.stopped.as_ref().map(|stop| json!({ "since": time(stop.since_ms), "reason": stop.reason })),
        "first_load": first_load(&cursor, zone),
        "read_through": cursor.through_ms.and_then(time),
        "rechecked": cursor.rechecked_ms.and_then(time),
        "webhooks_kept_since": cursor.subscribed_ms.and_then(time),
        "next": now.next_ms.filter(|_| polled).and_then(time),
        "now": now.running.then(|| under_way(&now)),
        "passes": passes.iter().map(pass_json).collect::<Vec<_>>(),
    })))
}

fn word(polled: bool, now: &Now, cursor: &Cursor, last: Option<&Pass>) -> &'static str {
    match last {
        _ if now.running => "running",
        _ if cursor.stopped.is_some() => "stopped",
        _ if !polled => "not polled",
        None => "waiting",
        Some(pass) if pass.complete => "complete",
        Some(_) => "incomplete",
    }
}

fn first_load(cursor: &Cursor, zone: Zone) -> Value {
    let Some(load) = cursor.load else { return json!({ "complete": cursor.from_day.is_some() }) };
    let all = (load.end_ms - load.start_ms).max(1);
    json!({
        "complete": false,
        "next_day": day_of(local_day(load.next_ms, zone)).to_string(),
        "percent": (load.next_ms - load.start_ms).saturating_mul(100) / all,
    })
}

fn under_way(now: &Now) -> Value {
    json!({
        "since": time(now.since_ms),
        "reading": now.purpose,
        "day": now.day,
        "windows_done": now.windows_done,
        "windows": now.windows,
        "objects_done": now.objects_done,
        "objects": now.objects,
        "requests": now.requests,
        "bytes": now.bytes,
        "counts": now.counts,
        "eta_s": now.eta_ms.map(|ms| ms / 1_000),
        "waits_because": now.note,
    })
}

fn pass_json(pass: &Pass) -> Value {
    json!({
        "began": time(pass.began_ms),
        "ended": time(pass.ended_ms),
        "complete": pass.complete,
        "notes": pass.notes,
        "windows": pass.windows,
        "windows_planned": pass.windows_planned,
        "requests": pass.requests,
        "bytes": pass.bytes,
        "counts": pass.counts,
        "refreshed": pass.refreshed,
        "tallies": pass.tallies.iter().map(|(name, tally)| {
            (name.clone(), json!({ "announced": tally.announced, "received": tally.received }))
        }).collect::<BTreeMap<_, _>>(),
    })
}

fn known(app: &App, name: &str) -> Result<(), Problem> {
    match app.config.integrations.contains_key(name) {
        true => Ok(()),
        false => Err(Problem::not_found(format!("there is no integration `{name}`"))),
    }
}

/// Asks the platform now, and tells how far it is, line by line; the last line is what the pass did, or the problem.
pub(super) async fn sync(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let mut parameters = Parameters::new(query.as_deref())?;
    let (from, to) = (parameters.day("from")?, parameters.day("to")?);
    parameters.done()?;
    known(&app, &name)?;
    let range = range(&app, &name, from, to)?;
    let wish = Wish { range, person: true };
    Ok(told(&app, &name.clone(), {
        let app = Arc::clone(&app);
        async move {
            let pass = poll::sync(&app, &name, wish).await.map_err(|error| problem(&app, error))?;
            let mut report = pass_json(&pass);
            insert(&mut report, "text", pass_text(&name, &pass).into());
            Ok(report)
        }
    }))
}

/// Both ends included. Where one is left out, it follows the configuration or today.
fn range(app: &App, name: &str, from: Option<i32>, to: Option<i32>) -> Result<Option<(i32, i32)>, Problem> {
    if from.is_none() && to.is_none() {
        return Ok(None);
    }
    let integration = app.config.integrations.get(name);
    let zone = integration.map_or(Zone::UTC, |integration| integration.zone);
    let configured = integration.and_then(|integration| integration.polling.from).map(crate::model::day_number);
    let last = to.unwrap_or_else(|| local_day(crate::clock::now_ms(), zone));
    let Some(first) = from.or(configured) else {
        return Err(Problem::question("`to` needs `from`, since the configuration has no first day either"));
    };
    if first > last {
        return Err(Problem::question("`from` is after `to`"));
    }
    Ok(Some((first, last)))
}

fn pass_text(name: &str, pass: &Pass) -> String {
    let counts = pass.counts;
    let mut text = format!(
        "{name}: {} of {} windows read; {} new, {} changed, {} unchanged, {} withdrawn; {} requests\n",
        pass.windows,
        pass.windows_planned,
        counts.new,
        counts.changed,
        counts.unchanged,
        counts.withdrawn,
        pass.requests
    );
    for (collection, tally) in &pass.tallies {
        let announced = match tally.announced {
            Some(announced) => format!(" of {announced} announced"),
            None => String::new(),
        };
        text.push_str(&format!("  {collection}: {} came{announced}\n", tally.received));
    }
    if pass.refreshed > 0 {
        text.push_str(&format!("  asked for {} orders that the platform does not list any more\n", pass.refreshed));
    }
    for note in &pass.notes {
        text.push_str(&format!("  {note}\n"));
    }
    if !pass.complete {
        text.push_str("not everything was read; the next pass goes on where this one ended\n");
    }
    text
}

/// An answer of lines: progress while the work goes on, and what came of it.
fn told(app: &Arc<App>, name: &str, work: impl Future<Output = Result<Value, Problem>> + Send + 'static) -> Response {
    let (app, live) = (Arc::clone(app), app.polls.of(name));
    let (lines, answer) = mpsc::channel::<Result<Bytes, Infallible>>(64);
    let mut work = tokio::spawn(work);
    tokio::spawn(async move {
        let mut last = String::new();
        let done = loop {
            tokio::select! {
                done = &mut work => break done,
                () = tokio::time::sleep(TOLD_EVERY) => {}
            }
            if app.stopping.load(Ordering::Relaxed) {
                break Ok(Err(Problem::stopping(
                    "ltvd is stopping; what was read so far is kept, and the next pass goes on from there",
                )));
            }
            let line = progress(&live.now());
            if line != last {
                // Who asked may have gone; the work goes on all the same.
                let _ = lines.try_send(Ok(Bytes::from(format!("{line}\n"))));
                last = line;
            }
        };
        let last = match done {
            Ok(Ok(report)) => json!({ "report": report }),
            Ok(Err(problem)) => json!({ "error": problem }),
            Err(panic) => {
                tracing::error!(%panic, "a request failed");
                json!({ "error": Problem::internal() })
            }
        };
        let _ = lines.send(Ok(Bytes::from(format!("{last}\n")))).await;
    });
    let stream = futures_util::stream::unfold(answer, |mut answer| async { Some((answer.recv().await?, answer)) });
    ([(header::CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(stream)).into_response()
}

fn progress(now: &Now) -> String {
    let mut note = Vec::new();
    if now.running {
        note.extend(now.day.as_ref().map(|day| format!("from {day}")));
        if now.objects_done > 0 {
            let all = now.objects.map(|all| format!(" of {all}")).unwrap_or_default();
            note.push(format!("{}{all} read", now.objects_done));
        }
        note.push(format!("{} requests", now.requests));
        note.extend(now.eta_ms.filter(|ms| *ms > 2_000).map(|ms| format!("about {} left", duration(ms / 1_000))));
        note.extend(now.note.as_ref().map(|why| format!("waits: {why}")));
    }
    let phase = now.purpose.unwrap_or("waiting for its turn");
    json!({ "progress": {
        "phase": phase,
        "done": now.windows_done,
        "total": now.windows,
        "note": note.join(", "),
    } })
    .to_string()
}

fn duration(seconds: i64) -> String {
    match seconds {
        0..90 => format!("{seconds} s"),
        90..5_400 => format!("{} min", (seconds + 30) / 60),
        _ => format!("{} h", (seconds + 1_800) / 3_600),
    }
}

fn insert(value: &mut Value, name: &str, member: Value) {
    if let Some(object) = value.as_object_mut() {
        object.insert(name.to_owned(), member);
    }
}

fn problem(app: &App, error: SyncError) -> Problem {
    match error {
        SyncError::NotPolled(text) => Problem::question(text),
        SyncError::Stopped(text) => Problem::platform(text),
        SyncError::Ledger(error) => {
            app.check_fatal(&error);
            error.into()
        }
    }
}

/// Work that goes on though nobody waits for it any more.
pub(super) async fn to_the_end<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> Result<T, Problem> {
    tokio::spawn(work).await.map_err(|panic| {
        tracing::error!(%panic, "a request failed");
        Problem::internal()
    })
}

/// Sees to it that the platform delivers its webhooks here.
pub(super) async fn subscribe(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    no_parameters(query.as_deref())?;
    known(&app, &name)?;
    let (worker, of) = (Arc::clone(&app), name.clone());
    let subscribed = to_the_end(async move { poll::subscribe(&worker, &of).await }).await?;
    let subscribed = subscribed.map_err(|error| problem(&app, error))?;
    let webhooks: Vec<Value> = subscribed
        .webhooks
        .iter()
        .map(|webhook| json!({ "id": webhook.id, "topic": webhook.topic, "action": action(webhook.action) }))
        .collect();
    let public = &app.config.webhooks.public_url;
    let advice = (subscribed.reached == Some(false)).then(|| {
        format!(
            "no test call of the platform has arrived. It must be able to reach {public}: look at `webhooks.public_url`, at the \
             proxy or tunnel in front of ltvd, and at what the platform says about the addresses and ports it delivers to"
        )
    });
    Ok(axum::Json(json!({ "webhooks": webhooks, "reached": subscribed.reached, "advice": advice })).into_response())
}

fn action(action: crate::connector::SubscriptionAction) -> &'static str {
    use crate::connector::SubscriptionAction;
    match action {
        SubscriptionAction::Kept => "kept",
        SubscriptionAction::Created => "created",
        SubscriptionAction::Reactivated => "reactivated",
    }
}

/// Removes the webhooks that the platform delivers here.
pub(super) async fn unsubscribe(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    no_parameters(query.as_deref())?;
    known(&app, &name)?;
    let (worker, of) = (Arc::clone(&app), name.clone());
    let removed = to_the_end(async move { poll::unsubscribe(&worker, &of).await }).await?;
    let removed = removed.map_err(|error| problem(&app, error))?;
    Ok(axum::Json(json!({ "removed": removed })).into_response())
}

/// Compares the ledger with the platform, or with the file in the body, and lists what differs.
pub(super) async fn reconcile(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Result<Response, Problem> {
    let mut parameters = Parameters::new(query.as_deref())?;
    let (from, to) = (parameters.day("from")?, parameters.day("to")?);
    let file = parameters.one("name")?;
    parameters.done()?;
    known(&app, &name)?;
    if let (Some(from), Some(to)) = (from, to)
        && from > to
    {
        return Err(Problem::question("`from` is after `to`"));
    }
    let work = {
        let (app, name) = (Arc::clone(&app), name.clone());
        let source = file.map(|file| super::operations::pieces(file, request));
        async move {
            use crate::doors::reconcile::{ReconcileError, with_file, with_platform};
            let compared = match source {
                None => with_platform(&app, &name, (from, to)).await,
                Some((file, pieces)) => {
                    let (app, name) = (Arc::clone(&app), name.clone());
                    let compared =
                        tokio::task::spawn_blocking(move || with_file(&app, &name, &file, pieces, (from, to))).await;
                    compared.unwrap_or_else(|panic| {
                        tracing::error!(%panic, "a request failed");
                        Err(ReconcileError::Failed("ltvd met an error of its own; its log says more".to_owned()))
                    })
                }
            };
            match compared {
                Ok(compared) => {
                    let mut report = serde_json::to_value(&compared).unwrap_or_default();
                    insert(&mut report, "text", compared.to_string().into());
                    Ok(report)
                }
                Err(ReconcileError::Sync(error)) => Err(problem(&app, error)),
                Err(ReconcileError::Import(error)) => Err(Problem::from(&error)),
                Err(ReconcileError::Failed(text)) => Err(Problem::platform(text)),
            }
        }
    };
    Ok(told(&app, &name, work))
}
