//! Reads what the webhook listener took in, at the daemon's own pace, oldest first.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::app::App;
use crate::book::Counts;
use crate::clock::now_ms;
use crate::config::Integration;
use crate::connector::{
    CallContext, CallError, Connector, Delivery, Failure, Header, Next, NoResponse, Outcome, Replies, Reply, Step,
    StoredEntry, StoredOrder,
};
use crate::ledger::{Finish, LedgerError, Marks, Outcome as Stored, Quarantined, State, What};
use crate::limits::{connector::LOOKUP_STEPS, doors as limits};
use crate::model::Door;

use super::import;

/// Reads the inbox until the daemon ends. A failing ledger ends the daemon.
pub async fn run(app: Arc<App>) {
    loop {
        let worker = Arc::clone(&app);
        match tokio::task::spawn_blocking(move || read_some(&worker)).await {
            Ok(Ok(0)) => app.inbox.notified().await,
            Ok(Ok(_)) => {}
            Ok(Err(error)) => {
                tracing::error!(%error, "the inbox cannot be read");
                app.check_fatal(&error);
                tokio::time::sleep(limits::RETRY).await;
            }
            Err(panic) => {
                tracing::error!(%panic, "reading the inbox failed; it goes on");
                tokio::time::sleep(limits::RETRY).await;
            }
        }
    }
}

/// Reads again what an older version of its connector could not read: webhook deliveries go back into the inbox, files are
/// read from the archive. Gives how many.
///
/// # Errors
/// If the ledger fails.
pub fn retry_after_upgrade(app: &App) -> Result<usize, LedgerError> {
    let mut stale = std::collections::BTreeMap::new();
    for (delivery, _, quarantined) in app.ledger.quarantine(usize::MAX)? {
        let current = app.integration(&quarantined.integration).map(|(_, connector)| name_of(connector));
        if current.is_some_and(|current| current != quarantined.connector) {
            stale.insert(delivery, (quarantined.integration, quarantined.door));
        }
    }
    for (delivery, (integration, door)) in &stale {
        if *door == Door::Webhook {
            app.ledger.requeue(*delivery)?;
            app.inbox.notify_one();
        } else {
            let (_, failed) = import::read_again(app, integration, Some(*delivery))?;
            for error in failed {
                tracing::warn!(integration, delivery, %error, "an archived file could not be read again");
            }
        }
    }
    Ok(stale.len())
}

/// Reads the oldest deliveries. Gives how many there were.
fn read_some(app: &App) -> Result<usize, LedgerError> {
    let numbers = app.ledger.pending(limits::DELIVERIES_READ)?;
    for number in &numbers {
        let Some(stored) = app.ledger.delivery(*number)? else { continue };
        let name = stored.delivery.integration.clone();
        // A delivery that makes ltvd itself fail must not keep all others waiting.
        let read = catch_unwind(AssertUnwindSafe(|| read_one(app, stored)));
        read.unwrap_or_else(|_| {
            tracing::error!(integration = name, delivery = number, "ltvd failed on a delivery; it goes to quarantine");
            quarantine(app, &name, *number, "-", "ltvd failed while it read this; its log says more".into())
        })?;
    }
    Ok(numbers.len())
}

fn read_one(app: &App, stored: Stored) -> Result<(), LedgerError> {
    let number = stored.number;
    let name = stored.delivery.integration.clone();
    let Some((integration, connector)) = app.integration(&name) else {
        let reason = format!(
            "integration `{name}` is not in use: it is disabled, gone from the configuration, or its connector is not loaded"
        );
        return quarantine(app, &name, number, "-", reason);
    };
    let What::Request { query, headers } = stored.delivery.what else {
        return quarantine(app, &name, number, &name_of(connector), "a file does not belong into the inbox".into());
    };
    let delivery = Delivery {
        query,
        headers: headers.into_iter().map(|(name, value)| Header { name, value }).collect(),
        body: stored.body,
        received_ms: stored.delivery.received_ms,
    };
    let context = app.call_context(integration, connector, delivery.received_ms)?;
    match converse(app, integration, connector, &delivery, &context, number) {
        Ok(()) => Ok(()),
        Err(ReadError::Call(error)) => {
            tracing::warn!(integration = name, delivery = number, %error, "a delivery goes to quarantine");
            let reason = match error.failure() {
                // The list of what waits names the connector; people need to know what is wrong with the delivery.
                Some(Failure::Malformed(text)) => text.clone(),
                _ => error.to_string(),
            };
            quarantine(app, &name, number, &name_of(connector), reason)
        }
        Err(ReadError::Endless) => {
            let reason = format!("the connector asked for orders in {LOOKUP_STEPS} steps without an end");
            quarantine(app, &name, number, &name_of(connector), reason)
        }
        Err(ReadError::Ledger(error)) => Err(error),
    }
}

#[derive(Debug, thiserror::Error)]
enum ReadError {
    #[error(transparent)]
    Call(#[from] CallError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error("the conversation did not end")]
    Endless,
}

/// One delivery from its first step to its last. The changes of a step are stored before the connector goes on.
fn converse(
    app: &App,
    integration: &Integration,
    connector: &Arc<Connector>,
    delivery: &Delivery,
    context: &CallContext,
    number: u64,
) -> Result<(), ReadError> {
    let mut conversation = connector.receive(delivery, context)?;
    let mut before = Before::default();
    for _ in 0..=LOOKUP_STEPS {
        let step = conversation.take_step();
        match store(app, integration, connector, step, (number, delivery.received_ms), &mut before)? {
            None => return Ok(()),
            Some(Asked { replies, state }) => {
                conversation = conversation.resume(state.as_deref(), replies, context)?;
            }
        }
    }
    Err(ReadError::Endless)
}

/// What earlier steps of the same conversation have done.
#[derive(Default)]
struct Before {
    counts: Counts,
    quarantine: Vec<(u64, Quarantined)>,
}

struct Asked {
    replies: Replies,
    state: Option<Vec<u8>>,
}

fn store(
    app: &App,
    integration: &Integration,
    connector: &Connector,
    step: Step,
    (number, received_ms): (u64, i64),
    before: &mut Before,
) -> Result<Option<Asked>, LedgerError> {
    let now = now_ms();
    let Step { changes, rejects, memory, next, .. } = step;
    for reject in rejects {
        let line = before.quarantine.len() as u64 + 1;
        let quarantined = refused(integration, connector, now, reject.field, reject.id, reject.reason);
        before.quarantine.push((line, quarantined));
    }
    let mut ingest = app.ledger.ingest(&integration.name, Door::Webhook)?;
    ingest.apply(changes)?;
    before.counts = sum(before.counts, ingest.counts());
    let (state, asked) = match next {
        Next::Done(_) if !before.quarantine.is_empty() => (State::Quarantined, None),
        Next::Done(Outcome::Ignored(reason)) => (State::Ignored { reason }, None),
        Next::Done(_) => (State::Read { counts: before.counts }, None),
        Next::Ask(ask) => (State::Pending, Some(ask)),
    };
    let finish = Finish {
        quarantine: if asked.is_none() { std::mem::take(&mut before.quarantine) } else { Vec::new() },
        marks: Marks { webhook_last_ms: Some(received_ms), ..Marks::default() },
        memory: memory.map(|memory| (connector.sha256.clone(), memory)),
        concludes: asked.is_none(),
        ..Finish::new(now, number, state)
    };
    ingest.finish(finish)?;
    let Some(ask) = asked else { return Ok(None) };
    let responses = ask.requests.into_iter().map(|request| Reply {
        tag: request.tag,
        outcome: Err(NoResponse::Refused("this version of ltvd does not ask platforms".into())),
    });
    let orders = ask.orders.iter().map(|id| stored_order(app, integration, id)).collect::<Result<_, _>>()?;
    Ok(Some(Asked { replies: Replies { responses: responses.collect(), orders }, state: ask.state }))
}

fn sum(left: Counts, right: Counts) -> Counts {
    Counts {
        new: left.new + right.new,
        changed: left.changed + right.changed,
        unchanged: left.unchanged + right.unchanged,
        outranked: left.outranked + right.outranked,
        withdrawn: left.withdrawn + right.withdrawn,
        matched: left.matched + right.matched,
    }
}

/// What the ledger holds of an order, for the connector that asked.
fn stored_order(app: &App, integration: &Integration, id: &str) -> Result<StoredOrder, LedgerError> {
    let found = app.ledger.book().order(&integration.name, id);
    let Some((revision, rows)) = found else {
        return Ok(StoredOrder { id: id.to_owned(), revision: 0, entries: Vec::new() });
    };
    let mut entries = Vec::with_capacity(rows.len());
    for row in rows {
        let Some(entry) = app.ledger.entry(row.entry.place)? else { continue };
        entries.push(StoredEntry {
            key: entry.key,
            revision: row.revision,
            unix_ms: row.entry.at.resolve(integration.zone).unix_ms,
            currency: entry.currency,
            total: row.entry.total,
            product_ids: entry.lines.into_iter().filter_map(|line| line.product_id).collect(),
        });
    }
    Ok(StoredOrder { id: id.to_owned(), revision, entries })
}

fn quarantine(app: &App, name: &str, number: u64, connector: &str, reason: String) -> Result<(), LedgerError> {
    let now = now_ms();
    let quarantined = Quarantined {
        integration: name.to_owned(),
        door: Door::Webhook,
        since_ms: now,
        field: None,
        id: None,
        reason,
        raw: String::new(),
        connector: connector.to_owned(),
    };
    let finish = Finish { quarantine: vec![(0, quarantined)], ..Finish::new(now, number, State::Quarantined) };
    app.ledger.ingest(name, Door::Webhook)?.finish(finish)?;
    Ok(())
}

fn refused(
    integration: &Integration,
    connector: &Connector,
    since_ms: i64,
    field: Option<String>,
    id: Option<String>,
    reason: String,
) -> Quarantined {
    Quarantined {
        integration: integration.name.clone(),
        door: Door::Webhook,
        since_ms,
        field,
        id,
        reason,
        raw: String::new(),
        connector: name_of(connector),
    }
}

fn name_of(connector: &Connector) -> String {
    format!("{} {}", connector.manifest.id, connector.manifest.version)
}
