//! Reads what the webhook listener took in, at the daemon's own pace: the oldest of each integration, by turns.
//!
//! A delivery that needs nothing but itself is read on the spot. One that asks its platform for more goes on by itself, one
//! for each integration at a time, so that a slow platform keeps nobody else waiting.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::app::{App, InForce};
use crate::clock::now_ms;
use crate::connector::{Delivery, Failure, Header};
use crate::ledger::{Finish, LedgerError, Marks, Outcome as Stored, Quarantined, State, Stop, What};
use crate::limits::platform::SILENCE_MAX;
use crate::limits::{doors as limits, supervise};
use crate::model::Door;
use crate::platform::Budget;
use crate::supervise::{TaskError, blocking};

use super::attempts::Attempt;
use super::import;
use super::poll::{self, still_stopped};
use super::talk::{Advance, LedgerKeeper, Platform, Recorded, Talk, TalkError, advance, passing};

/// Why a delivery waits in quarantine though nothing is said against it.
const FAILED: &str = "ltvd failed while it read this; its log says more";

/// What is on its way, and what waits for another try.
#[derive(Debug, Default)]
pub struct Desk(Mutex<Papers>);

#[derive(Debug, Default)]
struct Papers {
    /// Integrations of which a delivery is asking its platform.
    busy: HashSet<String>,
    /// Deliveries that are not to be tried again before this, and how often they were.
    later: HashMap<u64, (Instant, u32)>,
}

impl Desk {
    fn papers(&self) -> std::sync::MutexGuard<'_, Papers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_busy(&self, integration: &str) -> bool {
        self.papers().busy.contains(integration)
    }

    fn is_due(&self, number: u64) -> bool {
        self.papers().later.get(&number).is_none_or(|(until, _)| *until <= Instant::now())
    }
}

/// Reads the inbox until the daemon ends.
///
/// # Errors
/// If the ledger fails, which may end the daemon.
pub async fn run(in_force: InForce, desk: Arc<Desk>) -> Result<(), TaskError> {
    for pause in supervise::SUSPECT_PAUSES {
        wake_after(&in_force.now(), pause);
    }
    loop {
        let app = in_force.now();
        let (worker, papers) = (Arc::clone(&app), Arc::clone(&desk));
        let began = Instant::now();
        let read = blocking(move || read_some(&worker, &papers).inspect_err(|error| worker.check_fatal(error))).await?;
        if read == 0 {
            app.process.inbox.notified().await;
        } else if app.process.rush.is_on() {
            // Whoever waits for an answer goes first. What was answered already can wait.
            tokio::time::sleep(began.elapsed().saturating_mul(limits::RUSH_REST).min(limits::RUSH_REST_MAX)).await;
        }
    }
}

/// Reads again what another version of its connector could not read, once for each version: webhook deliveries go back into
/// the inbox, files are read from the archive. Gives how many.
///
/// # Errors
/// If the ledger fails.
pub fn retry_after_upgrade(app: &Arc<App>) -> Result<usize, LedgerError> {
    let mut stale = BTreeMap::new();
    for (delivery, _, quarantined) in app.ledger.quarantine(usize::MAX)? {
        let current =
            app.integration(&quarantined.integration).map(|(_, connector)| connector.manifest.id_and_version());
        if let Some(current) = current.filter(|current| *current != quarantined.connector) {
            stale.insert(delivery, (quarantined.integration, quarantined.door, current));
        }
    }
    let mut files: BTreeMap<&str, BTreeSet<u64>> = BTreeMap::new();
    for (delivery, (integration, door, current)) in &stale {
        match door {
            Door::Webhook => {
                app.ledger.requeue(*delivery, false)?;
                app.process.inbox.notify_one();
            }
            Door::File => drop(files.entry(integration).or_default().insert(*delivery)),
            Door::Poll => {
                // On a thread for blocking work, which may wait.
                let read = tokio::runtime::Handle::current().block_on(poll::replay(app, integration, Some(*delivery)));
                for why in read?.1 {
                    tracing::warn!(integration, delivery, why, "a conversation could not be read again");
                }
                app.ledger.tried_by(*delivery, current)?;
            }
        }
    }
    // Once for each integration: every file is followed by all later ones.
    for (integration, deliveries) in &files {
        let (_, failed) = import::read_again(app, integration, Some(deliveries))?;
        for error in failed {
            tracing::warn!(integration, %error, "an archived file could not be read again");
        }
    }
    Ok(stale.len())
}

/// Reads some of what waits. Gives how many there were.
fn read_some(app: &Arc<App>, desk: &Arc<Desk>) -> Result<usize, LedgerError> {
    let numbers = app.ledger.pending(
        limits::DELIVERIES_READ,
        limits::DELIVERIES_PASSED_OVER,
        |integration| !desk.is_busy(integration),
        |number| desk.is_due(number) && app.process.attempts.waits(&attempt_at(number)).is_none(),
    )?;
    let deaths = |number: &u64| app.process.attempts.deaths(&attempt_at(*number));
    let mut read = 0;
    for number in &numbers {
        let Some(stored) = app.ledger.delivery(*number)? else { continue };
        let name = stored.delivery.integration.clone();
        // One before it may have begun to ask the platform.
        if desk.is_busy(&name) {
            continue;
        }
        read += 1;
        if deaths(number) >= supervise::DEATHS {
            tracing::error!(
                integration = name,
                delivery = number,
                "ltvd died each time it read a delivery; it goes to quarantine"
            );
            let reason = format!("ltvd ended {} times in a row while it read this", supervise::DEATHS);
            quarantine(app, &name, *number, reason)?;
            app.process.attempts.forget(&attempt_at(*number));
            continue;
        }
        let attempt = app.process.attempts.begin(attempt_at(*number));
        // A delivery that makes ltvd itself fail must not keep all others waiting.
        let outcome = catch_unwind(AssertUnwindSafe(|| read_one(app, desk, stored, attempt)));
        outcome.unwrap_or_else(|_| {
            tracing::error!(integration = name, delivery = number, "ltvd failed on a delivery; it goes to quarantine");
            quarantine(app, &name, *number, FAILED.to_owned())
        })?;
    }
    if read > 0 {
        app.ledger.make_durable()?;
    }
    Ok(read)
}

/// The name of a delivery among [`crate::doors::attempts::Attempts`].
fn attempt_at(number: u64) -> String {
    format!("delivery {number}")
}

fn read_one(app: &Arc<App>, desk: &Arc<Desk>, stored: Stored, attempt: Attempt) -> Result<(), LedgerError> {
    let number = stored.number;
    let name = stored.delivery.integration.clone();
    let Some((integration, connector)) = app.integration(&name) else {
        let reason = format!(
            "integration `{name}` is not in use: it is disabled, gone from the configuration, or its connector is not loaded"
        );
        return quarantine(app, &name, number, reason);
    };
    let What::Request { query, headers } = stored.delivery.what else {
        let reason = "only webhooks belong into the inbox".into();
        return quarantine(app, &name, number, reason);
    };
    let delivery = Delivery {
        query,
        headers: headers.into_iter().map(|(name, value)| Header { name, value }).collect(),
        body: stored.body,
        received_ms: stored.delivery.received_ms,
    };
    let context = app.call_context(integration, connector, delivery.received_ms)?;
    let mut keeper = LedgerKeeper::new(app, integration, connector, Door::Webhook, number);
    keeper.received_ms = Some(delivery.received_ms);
    // Until it is on the disk that it was read, it is in the inbox there.
    keeper.repeatable = true;
    let conversation = match connector.receive(&delivery, &context) {
        Ok(conversation) => conversation,
        Err(error) => return settle(app, desk, keeper, TalkError::Call(error)),
    };
    match advance(conversation, &context, &mut keeper, Vec::new()) {
        Ok(Advance::Done(_)) => {
            desk.papers().later.remove(&number);
            Ok(())
        }
        Ok(Advance::Wants(wants)) => {
            let recorded = match stored.delivery.from_archive {
                true => Some(Recorded::new(app.ledger.exchanges(number)?)).filter(|recorded| !recorded.is_empty()),
                false => None,
            };
            keeper.archived = recorded.is_some();
            // The platform is not to be asked twice for want of a commit.
            keeper.repeatable = false;
            // A platform that refused the credentials is not asked with them again.
            let stopped = still_stopped(app, &app.ledger.cursor(&name)?).is_some();
            let courier = if stopped { None } else { app.courier(&name).ok() };
            let talk = Talk {
                connector: Arc::clone(connector),
                context,
                platform: Platform { courier, recorded },
                budget: Budget::new(limits::WEBHOOK_TALK),
                keeper,
                task: None,
            };
            desk.papers().busy.insert(name.clone());
            let (app, desk) = (Arc::clone(app), Arc::clone(desk));
            tokio::spawn(async move {
                let ended = tokio::spawn(talk.finish(Ok(Advance::Wants(wants)))).await;
                let (after, papers, of) = (Arc::clone(&app), Arc::clone(&desk), name.clone());
                let settled = tokio::task::spawn_blocking(move || match ended {
                    Ok((Ok(_), _)) => {
                        papers.papers().later.remove(&number);
                        Ok(())
                    }
                    Ok((Err(error), Some(keeper))) => settle(&after, &papers, keeper, error),
                    Ok((Err(_), None)) | Err(_) => quarantine(&after, &of, number, FAILED.to_owned()),
                });
                let settled = settled.await;
                drop(attempt);
                desk.papers().busy.remove(&name);
                if let Ok(Err(error)) = settled {
                    tracing::error!(%error, delivery = number, "a delivery could not be settled");
                    app.check_fatal(&error);
                    tokio::time::sleep(limits::RETRY).await;
                }
                app.process.inbox.notify_one();
            });
            Ok(())
        }
        Err(error) => settle(app, desk, keeper, error),
    }
}

/// What becomes of a delivery that could not be read: another try where the platform does not answer, otherwise quarantine.
fn settle(app: &Arc<App>, desk: &Arc<Desk>, keeper: LedgerKeeper, error: TalkError) -> Result<(), LedgerError> {
    let error = match error {
        TalkError::Ledger(error) => return Err(error),
        error => error,
    };
    let (name, number) = (keeper.integration.name.clone(), keeper.delivery);
    // What is used up is there again at the next try.
    let pause = passing(&error).or_else(|| matches!(error, TalkError::Spent { .. }).then_some(limits::TASK_PAUSE));
    if let Some(pause) = pause {
        let mut papers = desk.papers();
        let tries = papers.later.get(&number).map_or(0, |(_, tries)| *tries) + 1;
        if tries < limits::WEBHOOK_TRIES {
            // The platform may want more patience than the daemon has by itself.
            let own = limits::TASK_PAUSE.saturating_mul(1 << tries.min(10)).min(limits::TASK_PAUSE_MAX);
            let pause = pause.max(own).min(SILENCE_MAX);
            papers.later.insert(number, (Instant::now() + pause, tries));
            drop(papers);
            tracing::warn!(integration = name, delivery = number, %error, tries, "a delivery is read again later");
            wake_after(app, pause);
            return Ok(());
        }
        papers.later.remove(&number);
    }
    desk.papers().later.remove(&number);
    if let Some(Failure::Unauthorized(reason)) = error.failure() {
        // The same credentials are used for polling, and some platforms lock the account.
        let stop = Stop { since_ms: now_ms(), reason: reason.clone() };
        app.ledger.set_cursor(&name, Marks::default(), |cursor| cursor.stopped = Some(stop))?;
    }
    tracing::warn!(integration = name, delivery = number, %error, "a delivery goes to quarantine");
    let reason = match error.failure() {
        // The list of what waits names the connector; people need to know what is wrong with the delivery.
        Some(Failure::Malformed(text)) => text.clone(),
        _ => error.to_string(),
    };
    keeper.quarantine(reason)
}

fn wake_after(app: &Arc<App>, pause: Duration) {
    let app = Arc::clone(app);
    tokio::spawn(async move {
        tokio::time::sleep(pause).await;
        app.process.inbox.notify_one();
    });
}

fn quarantine(app: &App, name: &str, number: u64, reason: String) -> Result<(), LedgerError> {
    let now = now_ms();
    // Only another version reads it again by itself; where there is no connector now, the next one does.
    let connector = app.integration(name).map(|(_, connector)| connector.manifest.id_and_version());
    let quarantined = Quarantined {
        integration: name.to_owned(),
        door: Door::Webhook,
        since_ms: now,
        field: None,
        id: None,
        reason,
        raw: String::new(),
        connector: connector.unwrap_or_else(|| "-".to_owned()),
    };
    let finish = Finish { quarantine: vec![(0, quarantined)], ..Finish::new(now, number, State::Quarantined) };
    app.ledger.ingest(name, Door::Webhook)?.finish(finish)?;
    Ok(())
}
