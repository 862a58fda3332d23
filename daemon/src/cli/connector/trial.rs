//! Runs a connector on one delivery and collects what it says. Nothing is stored, sent or looked up: a connector that asks
//! for orders hears that they are not known, and at the first request that cannot be answered the trial ends.

use std::io::Read;
use std::sync::Arc;

use chrono::DateTime;

use super::super::output::count;
use super::settings::Given;
use crate::connector::{
    Ask, CallContext, Connector, Conversation, Delivery, Hash, LogLine, Next, NoResponse, Outcome, Proof, Replies,
    Reply, Request, Response, Step, StoredOrder, Task, Window,
};
use crate::files::{self, Candidate, FileError, Options, Plan};
use crate::limits::cli::STEPS;
use crate::model::Change;
use crate::model::manifest::{Axis, CsvFormat};

/// What came of a delivery.
#[derive(Debug, Default)]
pub(super) struct Trial {
    pub(super) format: Option<String>,
    pub(super) proof: Option<String>,
    pub(super) changes: Vec<Change>,
    pub(super) rejects: Vec<Rejected>,
    pub(super) ignored: u64,
    pub(super) outcome: Option<String>,
    pub(super) notes: Vec<String>,
    pub(super) rounded: u64,
    pub(super) parts_mismatch: u64,
    pub(super) log: Vec<LogLine>,
}

impl Trial {
    /// Whether nothing came of the delivery, not even a word about it.
    pub(super) fn is_empty(&self) -> bool {
        let Self { format, proof, changes, rejects, outcome, notes, log, .. } = self;
        let said = format.is_some() || proof.is_some() || outcome.is_some() || !notes.is_empty() || !log.is_empty();
        !said && changes.is_empty() && rejects.is_empty()
    }
}

/// Something that could not be read.
#[derive(Debug, PartialEq)]
pub(super) struct Rejected {
    /// In a file.
    pub(super) line: Option<u32>,
    pub(super) field: Option<String>,
    pub(super) id: Option<String>,
    pub(super) reason: String,
    /// Of the answers of one step, which it stood in.
    pub(super) answer: u32,
}

/// A file and how it is to be read.
pub(super) struct FileReading<'a> {
    pub(super) source: Box<dyn Read>,
    pub(super) format_id: Option<&'a str>,
    pub(super) options: Options,
}

/// Why a trial ended early, for people.
type Tried = Result<(), String>;

pub(super) fn webhook(
    connector: &Arc<Connector>,
    delivery: &Delivery,
    unproven: bool,
    context: &CallContext,
    given: &Given,
    trial: &mut Trial,
) -> Tried {
    let proof = if unproven {
        trial.proof = Some("none was asked for".to_owned());
        Proof::AddressOnly
    } else {
        let proof = connector.prove(delivery, context).map_err(|error| error.to_string())?;
        trial.proof = Some(told(&proof, given));
        proof
    };
    match proof {
        Proof::Ping(_) => {
            trial.outcome = Some("nothing is read of a test call".to_owned());
            Ok(())
        }
        Proof::Refuse(_) => {
            Err("the delivery is refused with 401, and nothing of it is kept or read; --unproven reads it all the same"
                .to_owned())
        }
        Proof::Hmac(_) | Proof::Equals { .. } | Proof::AddressOnly => {
            let conversation = connector.receive(delivery, context).map_err(|error| error.to_string())?;
            converse(conversation, None, context, trial)
        }
    }
}

/// What a platform answered to the first request of a walk.
pub(super) struct Answer {
    /// Headers and body.
    pub(super) response: Delivery,
    pub(super) status: u16,
    /// The window that is walked, milliseconds since 1970-01-01T00:00:00Z.
    pub(super) from_ms: Option<i64>,
    pub(super) to_ms: Option<i64>,
}

pub(super) fn response(connector: &Arc<Connector>, given: Answer, context: &CallContext, trial: &mut Trial) -> Tried {
    let id = &connector.manifest.id;
    let (true, Some(polling)) = (connector.interfaces.poll, &connector.manifest.polling) else {
        return Err(format!(
            "`{id}` cannot read responses of an API: it lacks the interface `poll`. What it reads are {}",
            super::list::doors(connector.interfaces).join(" and ")
        ));
    };
    let axis = polling.axes.first().copied().unwrap_or(Axis::Modified);
    let days_ms = i64::from(polling.window_days_max.max(1)) * 86_400_000;
    let end_ms = given.to_ms.unwrap_or(context.now_ms);
    let start_ms = given.from_ms.unwrap_or_else(|| end_ms.saturating_sub(days_ms));
    let told = |ms: i64| {
        DateTime::from_timestamp_millis(ms).map_or_else(|| ms.to_string(), |at| at.format("%FT%TZ").to_string())
    };
    trial.notes.push(format!("asked for {} to {}; --from and --to say another window", told(start_ms), told(end_ms)));
    let window = Window { axis, start_ms, end_ms };
    let conversation = connector.begin(Task::Sync(window), context).map_err(|error| error.to_string())?;
    let response = Response { status: given.status, headers: given.response.headers, body: given.response.body };
    converse(conversation, Some(response), context, trial)
}

/// Answers until the connector is done, or asks for what is not there. The first request gets the response, if there is one.
fn converse(
    mut conversation: Conversation,
    mut response: Option<Response>,
    context: &CallContext,
    trial: &mut Trial,
) -> Tried {
    for _ in 0..STEPS {
        trial.log.append(&mut conversation.take_log());
        let Step { changes, rejects, next, rounded, parts_mismatch, .. } = conversation.take_step();
        trial.changes.extend(changes);
        let rejected = |reject: crate::model::Reject| Rejected {
            line: None,
            field: reject.field,
            id: reject.id,
            reason: reject.reason,
            answer: reject.index,
        };
        trial.rejects.extend(rejects.into_iter().map(rejected));
        trial.rounded += rounded;
        trial.parts_mismatch += parts_mismatch;
        let ask = match next {
            Next::Done(outcome) => {
                trial.outcome = Some(ended(&outcome));
                return Ok(());
            }
            Next::Ask(ask) => ask,
        };
        if response.is_none() && !ask.requests.is_empty() {
            let asked: Vec<String> = ask.requests.iter().map(address).collect();
            trial.outcome = Some(format!("wants more, which is not fetched here: {}", asked.join(", ")));
            return Ok(());
        }
        let state = ask.state.clone();
        let replies = replies(ask, &mut response);
        conversation = conversation.resume(state.as_deref(), replies, context).map_err(|error| error.to_string())?;
    }
    Err(format!("it is not done after {STEPS} steps"))
}

fn replies(ask: Ask, response: &mut Option<Response>) -> Replies {
    let reply = |request: Request| {
        let missing = || NoResponse::Refused("only one response was given".to_owned());
        Reply { tag: request.tag, outcome: response.take().ok_or_else(missing) }
    };
    Replies {
        responses: ask.requests.into_iter().map(reply).collect(),
        orders: ask.orders.into_iter().map(|id| StoredOrder { id, revision: 0, entries: Vec::new() }).collect(),
    }
}

fn address(request: &Request) -> String {
    format!("{} {}", request.method.as_str(), request.url)
}

fn ended(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Read => "read".to_owned(),
        Outcome::Ignored(why) => format!("ignored: {why}"),
        Outcome::Synced(coverage) => {
            let whole = if coverage.complete { "complete" } else { "not complete" };
            let note = coverage.note.as_ref().map_or_else(String::new, |note| format!(": {note}"));
            format!("synced, {whole}{note}")
        }
        other => other.name().to_owned(),
    }
}

/// What must hold for a delivery to be believed.
fn told(proof: &Proof, given: &Given) -> String {
    match proof {
        Proof::Hmac(hmac) => {
            let hash = match hmac.hash {
                Hash::Sha1 => "SHA-1",
                Hash::Sha256 => "SHA-256",
                Hash::Sha512 => "SHA-512",
            };
            let of = if hmac.message.is_some() { "parts of the request" } else { "the body" };
            let found = count(hmac.signatures.len() as u64, "signature", "signatures");
            format!("HMAC with {hash} over {of} with the secret `{}`; {found} found, not checked here", hmac.secret)
        }
        Proof::Equals { secret, value } => {
            let agrees = match given.secrets.get(secret) {
                Some(word) if word.as_bytes() == value => "which agrees",
                Some(_) => "which does NOT agree: the daemon would answer 401",
                None => "which was not given here",
            };
            format!("a word that must equal the secret `{secret}`, {agrees}")
        }
        Proof::AddressOnly => "the random part of the address is the only proof".to_owned(),
        Proof::Ping(_) => "a test call of the platform: answered and forgotten".to_owned(),
        Proof::Refuse(why) => format!("refused: {why}"),
    }
}

pub(super) fn file(
    connector: &Arc<Connector>,
    reading: FileReading<'_>,
    context: &CallContext,
    trial: &mut Trial,
) -> Tried {
    let formats = formats(connector, reading.format_id)?;
    let plan = plan(connector, &formats, reading, context).map_err(|error| error.to_string())?;
    let recognised = plan.recognised();
    let summary = plan.summary();
    trial.format =
        Some(format!("{}, {}, header in line {}", recognised.format_id, summary.encoding, summary.header_line));
    if !summary.ignored.is_empty() {
        trial.notes.push(format!("columns that are not used: {}", summary.ignored.join(", ")));
    }
    trial.rejects.extend(plan.bad_rows().iter().map(|row| Rejected {
        line: Some(row.line),
        field: row.column.clone(),
        id: None,
        reason: row.value.as_ref().map_or_else(|| row.reason.clone(), |value| format!("{value} {}", row.reason)),
        answer: 0,
    }));
    let mut reader = connector
        .reader(&recognised.format_id, recognised.other_headings(), context)
        .map_err(|error| error.to_string())?;
    for rows in plan.batches() {
        let rows = rows.map_err(|error| error.to_string())?;
        let read = reader.read(&rows);
        trial.log.append(&mut reader.take_log());
        let batch = read.map_err(|error| error.to_string())?;
        trial.changes.extend(batch.changes);
        trial.rejects.extend(batch.rejects.into_iter().map(|reject| Rejected {
            line: usize::try_from(reject.index).ok().and_then(|index| rows.lines.get(index).copied()),
            field: reject.field,
            id: reject.id,
            reason: reject.reason,
            answer: 0,
        }));
        trial.ignored += u64::from(batch.ignored);
        trial.notes.extend(batch.notes);
        trial.rounded += batch.rounded;
        trial.parts_mismatch += batch.parts_mismatch;
    }
    Ok(())
}

pub(super) fn formats(connector: &Connector, id: Option<&str>) -> Result<Vec<CsvFormat>, String> {
    let all = &connector.manifest.csv_formats;
    let name = &connector.manifest.id;
    if all.is_empty() {
        return Err(format!("`{name}` reads no files"));
    }
    let chosen: Vec<_> = all.iter().filter(|format| id.is_none_or(|id| format.id == id)).cloned().collect();
    if chosen.is_empty() {
        let ids: Vec<_> = all.iter().map(|format| format.id.as_str()).collect();
        return Err(format!("`{name}` has no such format; it has {}", ids.join(", ")));
    }
    Ok(chosen)
}

pub(super) fn plan(
    connector: &Connector,
    formats: &[CsvFormat],
    reading: FileReading<'_>,
    context: &CallContext,
) -> Result<Plan, FileError> {
    let mut work = tempfile::tempfile().map_err(FileError::Work)?;
    let prepared = files::prepare(reading.source, &mut work, None, &mut || Ok(()), &mut |_| {})?;
    let id = connector.manifest.id.as_str();
    let candidate = Candidate { integration: id, connector: id, formats, settings: &context.settings };
    let recognised = files::recognise(&prepared, &work, &[candidate])?;
    Plan::scan(work, prepared, recognised, &reading.options, &mut |_| {})
}
