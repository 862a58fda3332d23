//! Missed events of 2.0: `GET /workspaces/<id>/webhooks/outgoing/events`, twenty at a time, `after` the last one.
//!
//! The list cannot be asked for days. What was learnt about which event stands where is kept in the memory of the
//! integration, so that a pass begins near its window; without it the walk begins at the first event.

use ltv_connector::prelude::*;

use crate::api;
use crate::event::{self, Event};
use crate::manifest::WORKSPACE_ID;
use crate::text::time;

/// Events on a full page.
const PAGE: usize = 20;
/// Pages at most: a platform that never comes to an end must.
const PAGES_MAX: u32 = 50_000;
/// Marks that are kept; each has some thirty bytes of the 64 KiB of a memory.
const MARKS_MAX: usize = 1_000;
/// Marks lie at least half a day apart.
const MARK_APART_MS: i64 = 12 * 3_600_000;

/// Sees whether the token is good.
pub(crate) async fn check(daemon: &Daemon, context: &Context) -> Result<Outcome, Failure> {
    let (_, page) = page(daemon, context, None).await?;
    Ok(Outcome::Checked(vec![match page.first() {
        Some(event) => {
            format!("the list of events begins at {}", event.text("created_at").unwrap_or("an unknown time"))
        }
        None => "the list of events is empty".into(),
    }]))
}

/// A page of the list, and whether another follows.
async fn page(daemon: &Daemon, context: &Context, after: Option<&str>) -> Result<(bool, Vec<Value>), Failure> {
    let missing = |name: &str| Failure::Settings(format!("`{name}` is needed to read events by the API"));
    let id = context.integer(WORKSPACE_ID).ok_or_else(|| missing("workspace_id"))?;
    let address = api::address(context, &format!("workspaces/{id}/webhooks/outgoing/events"));
    let mut request = Request::get(address.ok_or_else(|| missing("workspace"))?);
    if let Some(after) = after {
        request = request.query("after", after);
    }
    let Some((response, body)) = api::get(daemon, request).await? else {
        return Err(Failure::Settings(format!(
            "ClickFunnels has no workspace {id} at this address: see `workspace_id`"
        )));
    };
    // An answer without the list must not look like an empty one.
    let Some(Value::List(events)) = (if body.entries().is_empty() { Some(&body) } else { body.get("data") }) else {
        return Err(Failure::Malformed("ClickFunnels answered without a list of events".into()));
    };
    // A full page without the header may be one whose headers a proxy left out: asking once more does no harm.
    Ok((response.header("pagination-next").is_some() || events.len() >= PAGE, events.clone()))
}

/// Where an event stands in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mark {
    ms: i64,
    id: i64,
}

/// Reads every event of a window.
pub(crate) async fn sync(daemon: &Daemon, window: &Window, context: &Context) -> Result<Outcome, Failure> {
    let mut marks = marks(context);
    let begin = marks.iter().rev().find(|mark| mark.ms < window.start.unix_ms).copied();
    let mut after = begin.map(|mark| mark.id.to_string());
    let mut last = begin;
    let mut ascending = true;
    let mut received = 0;
    let mut note = None;
    for number in 0.. {
        let (more, records) = page(daemon, context, after.as_deref()).await?;
        let mut events = Vec::new();
        for record in &records {
            let id = record.integer("id").ok_or_else(|| Fault::at("id", "is missing or not a number"))?;
            let mark =
                time(record, "created_at").map(|ms| Mark { ms, id }).map_err(|fault| fault.id(id.to_string()))?;
            if last.is_none() && mark.ms >= window.start.unix_ms {
                // How long ClickFunnels keeps events is not documented.
                let first = dates::format_utc(mark.ms);
                note = Some(format!("the list of events begins at {first}Z: what was sold before is not in it"));
            }
            ascending &= last.is_none_or(|last| last.id < mark.id && last.ms <= mark.ms);
            last = Some(mark);
            if (window.start.unix_ms..window.end.unix_ms).contains(&mark.ms) {
                received += 1;
                // Rejects first: they are about this answer, and reading an event may bring another.
                match event::parse(record) {
                    Ok(Event::Nothing(_)) => {}
                    Ok(event) => events.push(event),
                    Err(fault) => daemon.reject(0, fault),
                }
            }
        }
        for event in events {
            let key = event.key().map(str::to_owned);
            match event::apply(daemon, event, context).await {
                Ok(_) => {}
                // One event that cannot be read must not keep the others.
                Err(Failure::Malformed(why)) => daemon.reject(0, Fault { id: key, field: None, reason: why }),
                Err(failure) => return Err(failure),
            }
        }
        daemon.progress(received, None);
        let Some(last) = last.filter(|_| more && !records.is_empty()) else {
            break;
        };
        if ascending {
            remember(daemon, &mut marks, last);
            if last.ms >= window.end.unix_ms {
                break;
            }
        }
        let next = last.id.to_string();
        if after.as_ref() == Some(&next) || number >= PAGES_MAX {
            return Err(Failure::Malformed(format!(
                "the list of events does not end: event {next} is followed by itself"
            )));
        }
        after = Some(next);
    }
    Ok(Outcome::Synced(Coverage {
        complete: true,
        axis: window.axis,
        note,
        tallies: vec![Tally { collection: "events".into(), announced: None, received }],
    }))
}

/// What was learnt before: `[[ms, id], …]`, oldest first.
fn marks(context: &Context) -> Vec<Mark> {
    let memory = context.memory.as_deref().and_then(|memory| form::json(memory).ok());
    let items = memory.as_ref().map(|memory| memory.items("")).unwrap_or_default();
    items.into_iter().filter_map(|item| Some(Mark { ms: item.integer("0")?, id: item.integer("1")? })).collect()
}

fn remember(daemon: &Daemon, marks: &mut Vec<Mark>, mark: Mark) {
    if marks.last().is_some_and(|last| mark.ms < last.ms + MARK_APART_MS) {
        return;
    }
    marks.push(mark);
    let kept = marks.len().saturating_sub(MARKS_MAX);
    marks.drain(..kept);
    let texts: Vec<String> = marks.iter().map(|mark| format!("[{},{}]", mark.ms, mark.id)).collect();
    daemon.remember(format!("[{}]", texts.join(",")).into_bytes());
}
