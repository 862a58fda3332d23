//! `/v1/syncs`: what was asked of platforms, and what is.

use std::collections::BTreeMap;

use axum::response::{IntoResponse as _, Response};
use schemars::JsonSchema;
use serde::Serialize;

use super::call::Call;
use super::parameter::{Text, parameters};
use super::problem::Problem;
use super::schema::{Date, Instant};
use super::{blocking, time};
use crate::app::App;
use crate::book::Counts;
use crate::doors::poll;
use crate::ledger::{self, Cursor, LedgerError, Pass};
use crate::limits::api::PASSES_LISTED;
use crate::live::Now;
use crate::model::{Zone, day_of, local_day};

parameters! {
    /// Of `/v1/syncs`.
    pub(crate) struct SyncsParameters {
        /// Only this integration
        integration: Option<String> = Text,
    }
}

/// The integrations whose platforms are asked.
#[derive(Serialize, JsonSchema)]
pub(super) struct Syncs {
    syncs: Vec<SyncState>,
}

/// What is known of the asking of one platform.
#[derive(Serialize, JsonSchema)]
pub(super) struct SyncState {
    /// Which integration.
    integration: String,
    /// Which connector.
    connector: String,
    /// It is asked by itself.
    polled: bool,
    /// In a word.
    state: Word,
    /// First day that is wanted, by the configuration.
    #[schemars(with = "Option<Date>")]
    from: Option<String>,
    /// Last day that is wanted, by the configuration.
    #[schemars(with = "Option<Date>")]
    to: Option<String>,
    /// Seconds between two passes.
    every_s: u64,
    /// Why it is not asked any more.
    stopped: Option<Stopped>,
    /// How far the first load is.
    first_load: FirstLoad,
    /// Up to here everything is in.
    #[schemars(with = "Option<Instant>")]
    read_through: Option<String>,
    /// When the last complete second look at recent days began.
    #[schemars(with = "Option<Instant>")]
    rechecked: Option<String>,
    /// When the platform was last told to deliver webhooks here.
    #[schemars(with = "Option<Instant>")]
    webhooks_kept_since: Option<String>,
    /// When the next pass begins by itself.
    #[schemars(with = "Option<Instant>")]
    next: Option<String>,
    /// The pass that is on its way.
    now: Option<UnderWay>,
    /// The last passes, the latest first.
    passes: Vec<PassAnswer>,
}

/// How the asking of a platform stands.
#[derive(Serialize, JsonSchema)]
enum Word {
    /// A pass is on its way.
    #[serde(rename = "running")]
    Running,
    /// A person must act.
    #[serde(rename = "stopped")]
    Stopped,
    /// The configuration does not want it.
    #[serde(rename = "not polled")]
    NotPolled,
    /// There was no pass yet.
    #[serde(rename = "waiting")]
    Waiting,
    /// The last pass read everything.
    #[serde(rename = "complete")]
    Complete,
    /// The last pass did not.
    #[serde(rename = "incomplete")]
    Incomplete,
}

/// A platform that said no.
#[derive(Serialize, JsonSchema)]
struct Stopped {
    /// When.
    #[schemars(with = "Option<Instant>")]
    since: Option<String>,
    /// What it said, and what to do.
    reason: String,
}

/// How far the first load is.
#[derive(Serialize, JsonSchema)]
struct FirstLoad {
    /// Everything is in.
    complete: bool,
    /// The first day that is not in yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Date>")]
    next_day: Option<String>,
    /// So much of the days is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    percent: Option<i64>,
}

/// A pass on its way.
#[derive(Serialize, JsonSchema)]
struct UnderWay {
    /// Since when.
    #[schemars(with = "Option<Instant>")]
    since: Option<String>,
    /// Why it reads what it reads.
    reading: Option<&'static str>,
    /// First day of the window that is read, in the zone of the account.
    #[schemars(with = "Option<Date>")]
    day: Option<String>,
    /// Windows read in this stretch.
    windows_done: u32,
    /// Windows of this stretch.
    windows: u32,
    /// Objects read in this window.
    objects_done: u64,
    /// Objects of this window, if the platform says so.
    objects: Option<u64>,
    /// Requests sent, attempts included.
    requests: u64,
    /// Bytes received.
    bytes: u64,
    /// Effect on the ledger so far.
    counts: Counts,
    /// Seconds that the rest may take.
    eta_s: Option<i64>,
    /// Why it waits, if it does.
    waits_because: Option<String>,
}

/// What a pass over a platform did.
#[derive(Serialize, JsonSchema)]
pub(super) struct PassAnswer {
    /// When it began.
    #[schemars(with = "Option<Instant>")]
    began: Option<String>,
    /// When it ended.
    #[schemars(with = "Option<Instant>")]
    ended: Option<String>,
    /// Everything that was to be read was read.
    complete: bool,
    /// Why it is not complete, or what the connector wants people to know.
    notes: Vec<String>,
    /// Windows read whole.
    windows: u32,
    /// Windows that were to be read.
    windows_planned: u32,
    /// Requests sent, attempts included.
    requests: u64,
    /// Bytes received.
    bytes: u64,
    /// Effect on the ledger.
    counts: Counts,
    /// Orders that a complete walk did not meet and that were asked for one by one.
    refreshed: u64,
    /// What the platform announced and what came, by collection.
    tallies: BTreeMap<String, TallyAnswer>,
}

/// A collection in a pass.
#[derive(Serialize, JsonSchema)]
struct TallyAnswer {
    /// How many the platform said there are; `null` if it did not say so each time.
    announced: Option<u64>,
    /// How many came.
    received: u64,
}

impl PassAnswer {
    pub(super) fn new(pass: &Pass) -> Self {
        let tally = |tally: &ledger::Tally| TallyAnswer { announced: tally.announced, received: tally.received };
        Self {
            began: time(pass.began_ms),
            ended: time(pass.ended_ms),
            complete: pass.complete,
            notes: pass.notes.clone(),
            windows: pass.windows,
            windows_planned: pass.windows_planned,
            requests: pass.requests,
            bytes: pass.bytes,
            counts: pass.counts,
            refreshed: pass.refreshed,
            tallies: pass.tallies.iter().map(|(name, one)| (name.clone(), tally(one))).collect(),
        }
    }
}

impl UnderWay {
    fn new(now: Now) -> Self {
        Self {
            since: time(now.since_ms),
            reading: now.purpose,
            day: now.day,
            windows_done: now.windows_done,
            windows: now.windows,
            objects_done: now.objects_done,
            objects: now.objects,
            requests: now.requests,
            bytes: now.bytes,
            counts: now.counts,
            eta_s: now.eta_ms.map(|ms| ms / 1_000),
            waits_because: now.note,
        }
    }
}

pub(super) async fn syncs(call: Call<SyncsParameters>) -> Result<Response, Problem> {
    let Call { app, asked: SyncsParameters { integration: wanted }, .. } = call;
    blocking(move || {
        let mut syncs = Vec::new();
        for name in app.config.integrations.keys() {
            if wanted.as_ref().is_some_and(|wanted| wanted != name) {
                continue;
            }
            syncs.extend(state(&app, name)?);
        }
        Ok(axum::Json(Syncs { syncs }).into_response())
    })
    .await
}

/// What is known of the polling of an integration. `None` if its connector does not ask its platform.
pub(super) fn state(app: &App, name: &str) -> Result<Option<SyncState>, LedgerError> {
    let Some((integration, connector)) = app.integration(name) else { return Ok(None) };
    let Some(described) = &connector.manifest.polling else { return Ok(None) };
    let polled = poll::is_polled(integration, connector);
    let cursor = app.ledger.cursor(name)?;
    let passes = app.ledger.passes(name, PASSES_LISTED)?;
    let now = app.process.polls.of(name).now();
    if !polled && passes.is_empty() && !now.running {
        return Ok(None);
    }
    Ok(Some(SyncState {
        integration: name.to_owned(),
        connector: connector.manifest.id.to_string(),
        polled,
        state: word(polled, &now, &cursor, passes.first()),
        from: integration.polling.from.map(|day| day.to_string()),
        to: integration.polling.to.map(|day| day.to_string()),
        every_s: integration.polling.every.as_secs().max(u64::from(described.interval_min_s)),
        first_load: first_load(&cursor, integration.zone),
        read_through: cursor.through_ms.and_then(time),
        rechecked: cursor.rechecked_ms.and_then(time),
        webhooks_kept_since: cursor.subscribed_ms.and_then(time),
        stopped: cursor.stopped.map(|stop| Stopped { since: time(stop.since_ms), reason: stop.reason }),
        next: now.next_ms.filter(|_| polled).and_then(time),
        now: now.running.then(|| UnderWay::new(now)),
        passes: passes.iter().map(PassAnswer::new).collect(),
    }))
}

fn word(polled: bool, now: &Now, cursor: &Cursor, last: Option<&Pass>) -> Word {
    match last {
        _ if now.running => Word::Running,
        _ if cursor.stopped.is_some() => Word::Stopped,
        _ if !polled => Word::NotPolled,
        None => Word::Waiting,
        Some(pass) if pass.complete => Word::Complete,
        Some(_) => Word::Incomplete,
    }
}

fn first_load(cursor: &Cursor, zone: Zone) -> FirstLoad {
    let Some(load) = cursor.load else {
        return FirstLoad { complete: cursor.from_day.is_some(), next_day: None, percent: None };
    };
    let all = (load.end_ms - load.start_ms).max(1);
    FirstLoad {
        complete: false,
        next_day: Some(day_of(local_day(load.next_ms, zone)).to_string()),
        percent: Some((load.next_ms - load.start_ms).saturating_mul(100) / all),
    }
}
