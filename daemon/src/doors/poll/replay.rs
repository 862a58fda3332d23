//! Conversations read again from the archive, without asking the platform: after a connector has changed.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::app::App;
use crate::connector::{CallContext, Task, Window};
use crate::ledger::{Delivery, LedgerError, PollTask, What};
use crate::limits::platform::CONVERSATION;
use crate::model::Door;
use crate::model::manifest::Axis;
use crate::platform::Budget;

use super::super::talk::{LedgerKeeper, Platform, Recorded, Talk, TalkError};

/// Reads the conversations of an integration again, oldest first: all, or one. Gives how many were read, and why others were
/// not.
///
/// # Errors
/// If the ledger fails.
pub async fn replay(app: &Arc<App>, name: &str, only: Option<u64>) -> Result<(u64, Vec<String>), LedgerError> {
    let (mut read, mut problems) = (0, Vec::new());
    let live = app.process.polls.of(name);
    let _turn = live.turn.lock().await;
    let (reader, of) = (Arc::clone(app), name.to_owned());
    let listed = tokio::task::spawn_blocking(move || reader.ledger.conversations_of(&of)).await;
    let conversations = listed.unwrap_or_else(|panic| Err(LedgerError::Encode(panic.to_string())))?;
    for (number, delivery) in conversations {
        if only.is_some_and(|only| only != number) {
            continue;
        }
        match one(app, name, number, delivery).await {
            Ok(()) => read += 1,
            Err(TalkError::Ledger(error)) => return Err(error),
            Err(error) => problems.push(format!("conversation {number}: {}", error.text())),
        }
    }
    Ok((read, problems))
}

async fn one(app: &Arc<App>, name: &str, number: u64, delivery: Delivery) -> Result<(), TalkError> {
    let Some((integration, connector)) = app.integration(name) else {
        return Err(TalkError::NotRecorded(format!("integration `{name}` is not in use")));
    };
    let What::Poll { task, memory } = delivery.what else { return Ok(()) };
    let task = match task {
        PollTask::Sync { modified, start_ms, end_ms } => {
            Task::Sync(Window { axis: if modified { Axis::Modified } else { Axis::Created }, start_ms, end_ms })
        }
        PollTask::Refresh { orders } => Task::Refresh(orders),
        PollTask::Subscribe | PollTask::Unsubscribe => return Ok(()),
    };
    let (reader, at) = (Arc::clone(app), number);
    let exchanges = tokio::task::spawn_blocking(move || reader.ledger.exchanges(at)).await;
    let exchanges = exchanges.unwrap_or_else(|panic| Err(LedgerError::Encode(panic.to_string())))?;
    let mut keeper = LedgerKeeper::new(app, integration, connector, Door::Poll, number);
    keeper.archived = true;
    let talk = Talk {
        connector: Arc::clone(connector),
        context: CallContext {
            now_ms: delivery.received_ms,
            zone: integration.zone,
            settings: integration.settings.clone(),
            secrets: integration.secrets.keys().cloned().collect(),
            memory: memory.and_then(|memory| STANDARD.decode(memory).ok()),
            integration: name.to_owned(),
        },
        platform: Platform { courier: None, recorded: Some(Recorded::new(exchanges)) },
        budget: Budget::new(CONVERSATION),
        keeper,
        task: Some(task),
    };
    talk.hold().await.0.map(|_| ())
}
