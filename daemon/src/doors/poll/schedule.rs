//! When which platform is asked.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::app::App;
use crate::clock::now_ms;
use crate::config::Integration;
use crate::connector::Connector;
use crate::ledger::{LedgerError, Marks};
use crate::limits::doors as limits;

use super::pass::{SyncError, Wish, sync};
use super::subscribe;

const DAY_MS: i64 = 86_400_000;

/// Whether an integration is asked by itself.
pub fn is_polled(integration: &Integration, connector: &Connector) -> bool {
    let manifest = &connector.manifest;
    let has_key = manifest.optional_key().is_none_or(|key| integration.secrets.contains_key(&key.name));
    integration.enabled && integration.polling.from.is_some() && manifest.polling.is_some() && has_key
}

/// Asks every platform when it is due, until the daemon ends. A failing ledger ends the daemon.
pub async fn run(app: Arc<App>) {
    let mut all = JoinSet::new();
    for name in app.config.integrations.keys() {
        if app.integration(name).is_some_and(|(integration, connector)| is_polled(integration, connector)) {
            all.spawn(one(Arc::clone(&app), name.clone()));
        }
    }
    while let Some(ended) = all.join_next().await {
        if let Err(panic) = ended
            && panic.is_panic()
        {
            tracing::error!(%panic, "the polling of an integration failed; it is not asked any more until the next start");
        }
    }
}

/// One integration, for ever. What was missed while the daemon was down, or while a pass took long, is one pass.
async fn one(app: Arc<App>, name: String) {
    let live = app.polls.of(&name);
    let mut last_ms = None;
    loop {
        let last = match last_ms {
            Some(last) => Some(last),
            None => app.ledger.passes(&name, 1).ok().and_then(|passes| passes.first().map(|pass| pass.began_ms)),
        };
        let every = app.integration(&name).map(|(integration, connector)| every(integration, connector));
        let Some(every) = every else { return };
        let due_ms = last.map_or(0, |last| last.saturating_add(i64::try_from(every.as_millis()).unwrap_or(i64::MAX)));
        live.set(|now| now.next_ms = Some(due_ms.max(now_ms())));
        // A clock that was set back must not silence an integration for longer than its own pace.
        let wait = Duration::from_millis(u64::try_from(due_ms.saturating_sub(now_ms())).unwrap_or(0)).min(every);
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = live.wake.notified() => {}
        }
        last_ms = Some(now_ms());
        match sync(&app, &name, Wish::default()).await {
            Ok(pass) => {
                tracing::info!(
                    integration = name,
                    complete = pass.complete,
                    windows = pass.windows,
                    requests = pass.requests,
                    new = pass.counts.new,
                    changed = pass.counts.changed,
                    "asked the platform"
                );
                if let Err(error) = after(&app, &name).await {
                    failed(&app, &name, &error).await;
                }
            }
            Err(SyncError::Stopped(_)) => {}
            Err(SyncError::NotPolled(why)) => {
                tracing::error!(integration = name, why, "the platform cannot be asked");
                return;
            }
            Err(SyncError::Ledger(error)) => failed(&app, &name, &error).await,
        }
    }
}

/// The operator can be gentler than the connector wants, not harsher.
fn every(integration: &Integration, connector: &Connector) -> Duration {
    let least = connector.manifest.polling.as_ref().map_or(0, |polling| u64::from(polling.interval_min_s));
    integration.polling.every.max(Duration::from_secs(least))
}

/// What is done now and then, behind a pass.
async fn after(app: &Arc<App>, name: &str) -> Result<(), LedgerError> {
    if let Some((integration, _)) = app.integration(name)
        && let Some(days) = integration.polling.keep_responses_days
    {
        let before_ms = now_ms().saturating_sub(i64::from(days).saturating_mul(DAY_MS));
        let (pruner, of) = (Arc::clone(app), name.to_owned());
        let pruned = tokio::task::spawn_blocking(move || {
            while pruner.ledger.prune_responses(&of, before_ms)? > 0 {}
            Ok::<_, LedgerError>(())
        });
        pruned.await.unwrap_or(Ok(()))?;
    }
    let cursor = app.ledger.cursor(name)?;
    if cursor.stopped.is_some() {
        return Ok(());
    }
    let every_ms = i64::try_from(limits::SUBSCRIBE.as_millis()).unwrap_or(i64::MAX);
    let last_ms = cursor.subscribed_ms.map(|last| last.max(cursor.subscribe_tried_ms.unwrap_or(last)));
    if last_ms.is_some_and(|last| now_ms().saturating_sub(last) >= every_ms)
        && let Err(error) = subscribe::subscribe(app, name).await
    {
        let tried_ms = now_ms();
        app.ledger.set_cursor(name, Marks::default(), |cursor| cursor.subscribe_tried_ms = Some(tried_ms))?;
        // Webhooks only make it faster: the next pass brings everything all the same.
        tracing::warn!(integration = name, %error, "the webhooks at the platform could not be looked after");
    }
    Ok(())
}

async fn failed(app: &Arc<App>, name: &str, error: &LedgerError) {
    tracing::error!(integration = name, %error, "a pass failed");
    app.check_fatal(error);
    tokio::time::sleep(limits::RETRY).await;
}
