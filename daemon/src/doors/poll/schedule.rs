//! When which platform is asked.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::app::{App, InForce};
use crate::clock::now_ms;
use crate::config::Integration;
use crate::connector::Connector;
use crate::ledger::{LedgerError, Marks};
use crate::limits::{doors as limits, supervise};
use crate::supervise::TaskError;

use super::pass::{SyncError, Wish, still_stopped, sync};
use super::subscribe;

const DAY_MS: i64 = 86_400_000;

/// Whether an integration is asked by itself.
pub fn is_polled(integration: &Integration, connector: &Connector) -> bool {
    let manifest = &connector.manifest;
    let has_key = manifest.optional_key().is_none_or(|key| integration.secrets.contains_key(&key.name));
    integration.enabled && integration.polling.from.is_some() && manifest.polling.is_some() && has_key
}

/// The integrations that are asked by themselves.
pub fn polled(app: &App) -> impl Iterator<Item = &String> {
    let asked = |name: &&String| {
        app.integration(name).is_some_and(|(integration, connector)| is_polled(integration, connector))
    };
    app.config.integrations.keys().filter(asked)
}

/// Asks the platform of one integration whenever it is due, for ever. What was missed while the daemon was down, or while a
/// pass took long, is one pass. A pass goes on with the configuration that it began with.
///
/// # Errors
/// If the platform cannot be asked, or the ledger fails, which may end the daemon.
pub async fn run(in_force: InForce, name: String) -> Result<(), TaskError> {
    let mut changes = in_force.changes();
    let attempts = &in_force.now().process.attempts.clone();
    let what = format!("pass {name}");
    let mut patience = None;
    if attempts.deaths(&what) >= supervise::DEATHS {
        tracing::error!(
            integration = name,
            "ltvd died each time it asked this platform; it waits before the next pass"
        );
        patience = Some(Instant::now() + supervise::DEATHS_PAUSE);
    }
    let mut last_ms = None;
    loop {
        let app = Arc::clone(&changes.borrow_and_update());
        let live = app.process.polls.of(&name);
        let last = match last_ms {
            Some(last) => Some(last),
            None => app.ledger.passes(&name, 1).ok().and_then(|passes| passes.first().map(|pass| pass.began_ms)),
        };
        let every = app.integration(&name).map(|(integration, connector)| every(integration, connector));
        let Some(every) = every else { return Ok(()) };
        // A platform that said no is asked as soon as somebody has mended what it complained of.
        let cursor = app.ledger.cursor(&name)?;
        let mended = cursor.stopped.is_some() && still_stopped(&app, &cursor).is_none();
        let last = last.filter(|_| !mended);
        let due_ms = last.map_or(0, |last| last.saturating_add(i64::try_from(every.as_millis()).unwrap_or(i64::MAX)));
        live.set(|now| now.next_ms = Some(due_ms.max(now_ms())));
        // A clock that was set back must not silence an integration for longer than its own pace.
        let wait = Duration::from_millis(u64::try_from(due_ms.saturating_sub(now_ms())).unwrap_or(0)).min(every);
        let wait = wait.max(patience.map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now())));
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = live.wake.notified() => {}
            // Who keeps this task ends it when the platform is not to be asked any more.
            _ = changes.changed() => continue,
        }
        last_ms = Some(now_ms());
        patience = None;
        let _attempt = attempts.begin(what.clone());
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
                after(&app, &name).await.inspect_err(|error| app.check_fatal(error))?;
            }
            Err(SyncError::Stopped(_)) => {}
            Err(SyncError::NotPolled(why)) => return Err(why.into()),
            Err(SyncError::Ledger(error)) => {
                app.check_fatal(&error);
                return Err(error.into());
            }
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
