//! Reading again what was kept.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::response::{IntoResponse as _, Response};
use schemars::JsonSchema;
use serde::Serialize;

use super::call::Call;
use super::parameter::{Number, Text, parameters};
use super::problem::Problem;
use super::{blocking, to_the_end};
use crate::app::App;
use crate::doors;
use crate::ledger::State as DeliveryState;
use crate::model::Door;

parameters! {
    /// Of `/v1/quarantine/retry`.
    pub(crate) struct RetryParameters {
        /// Number of a delivery; everything in quarantine where it is left out
        delivery: Option<u64> = Number,
    }
}

parameters! {
    /// Of `/v1/replay`.
    pub(crate) struct ReplayParameters {
        /// Only this integration
        integration: Option<String> = Text,
    }
}

/// What is read again.
#[derive(Serialize, JsonSchema)]
pub(super) struct ReadAgain {
    /// Webhook deliveries that were put back into the inbox.
    requeued: u64,
    /// Files that were read again.
    files: u64,
    /// Conversations with platforms that were read again.
    conversations: u64,
    /// What could not be.
    problems: Vec<String>,
}

/// Reads quarantined webhook deliveries again: one, or all.
pub(super) async fn retry(call: Call<RetryParameters>) -> Result<Response, Problem> {
    let Call { app, asked: RetryParameters { delivery: wanted }, .. } = call;
    let replayer = Arc::clone(&app);
    let (requeued, files, polls, mut problems) = blocking(move || {
        let (mut requeued, mut files, mut polls, mut problems) = (0_u64, 0_u64, Vec::new(), Vec::new());
        let deliveries: BTreeMap<u64, (String, Door)> = app
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
        let mut of_files: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
        for (delivery, (integration, door)) in deliveries {
            if wanted.is_some_and(|wanted| wanted != delivery) {
                continue;
            }
            if door == Door::Poll {
                polls.push((integration, Some(delivery)));
            } else if app.ledger.requeue(delivery, false)? {
                requeued += 1;
            } else {
                of_files.entry(integration).or_default().insert(delivery);
            }
        }
        // Once for each integration: every file is followed by all later ones.
        for (integration, deliveries) in of_files {
            read_files(&app, &integration, Some(&deliveries), &mut files, &mut problems)?;
        }
        app.process.inbox.notify_one();
        Ok((requeued, files, polls, problems))
    })
    .await?;
    // It goes on though nobody waits for it any more.
    to_the_end(async move {
        let conversations = read_polls(&replayer, polls, &mut problems).await?;
        Ok(axum::Json(ReadAgain { requeued, files, conversations, problems }).into_response())
    })
    .await?
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
    deliveries: Option<&BTreeSet<u64>>,
    files: &mut u64,
    problems: &mut Vec<String>,
) -> Result<(), Problem> {
    if app.integration(integration).is_none() {
        problems.push(format!("integration `{integration}` is not in use, so its files are not read"));
        return Ok(());
    }
    let (read, failed) = doors::import::read_again(app, integration, deliveries)?;
    *files += read;
    problems.extend(failed.iter().map(ToString::to_string));
    Ok(())
}

/// Reads everything that was kept of an integration again, files and webhook deliveries, for example after its connector was
/// mended.
pub(super) async fn replay(call: Call<ReplayParameters>) -> Result<Response, Problem> {
    let Call { app, asked: ReplayParameters { integration: wanted }, .. } = call;
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
        Ok(axum::Json(ReadAgain { requeued, files, conversations, problems }).into_response())
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
    app.process.inbox.notify_one();
    Ok(requeued)
}
