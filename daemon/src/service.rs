//! What systemd is told (sd_notify). Where no service manager listens, nothing of it does anything.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;

use sd_notify::{NotifyState, notify};

use crate::doors::webhook::Commits;
use crate::limits::supervise::{START_MAX, START_PATIENCE, START_SIGN_EVERY, WATCHDOG_PARTS};
use crate::supervise::TaskError;

/// Asks for patience while the ledger is opened, which takes as long as reading all of it where it is brought to a new version,
/// or written anew after somebody was forgotten. Not for ever: a disk that hangs is for the service manager to end.
pub async fn starting<T>(opening: impl Future<Output = T>) -> T {
    let patience = u32::try_from(START_PATIENCE.as_micros()).unwrap_or(u32::MAX);
    let mut signs = tokio::time::interval(START_SIGN_EVERY);
    let (mut opening, began) = (pin!(opening), Instant::now());
    loop {
        tokio::select! {
            biased;
            opened = &mut opening => return opened,
            _ = signs.tick(), if began.elapsed() < START_MAX => tell(&[NotifyState::ExtendTimeoutUsec(patience)]),
        }
    }
}

/// The daemon answers; also after a reload, whatever came of it.
pub fn ready(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// Configuration and connectors are read again.
pub fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(_) => tell(&[NotifyState::Reloading]),
    }
}

/// The daemon ends.
pub fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// Says regularly that the daemon lives, if the service manager wants to hear it. It is said only after a commit: one that
/// goes the way of a webhook delivery, through the runtime, the committer and the ledger. When any of them hangs, the service
/// manager hears nothing and starts the daemon anew.
///
/// # Errors
/// None; a commit that fails only means that nothing is said.
pub async fn watchdog(commits: Arc<Commits>) -> Result<(), TaskError> {
    let Some(patience) = sd_notify::watchdog_enabled() else { return Ok(()) };
    let mut ticks = tokio::time::interval(patience / WATCHDOG_PARTS);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if commits.commit_nothing().await {
            tell(&[NotifyState::Watchdog]);
        } else {
            tracing::warn!("the ledger did not commit when the watchdog asked it to");
        }
    }
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = notify(states) {
        tracing::warn!(%error, "the service manager could not be told");
    }
}

#[cfg(test)]
mod tests {
    use crate::limits::{cli, doors, end, http};

    const UNIT: &str = include_str!("../../packaging/systemd/ltvd.service");

    fn setting(name: &str) -> &'static str {
        let line = UNIT.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        line.unwrap_or_else(|| panic!("the unit sets {name}"))
    }

    #[test]
    fn the_unit_waits_for_an_end_in_order() {
        let seconds: u64 = setting("TimeoutStopSec").trim_end_matches('s').parse().unwrap();
        let bounds = [http::DRAIN, end::SLACK, doors::LAST_COMMIT, end::SAVE_BOOK, cli::SHUTDOWN];
        assert!(bounds.iter().sum::<std::time::Duration>().as_secs() < seconds);
    }

    #[test]
    fn the_unit_lets_connectors_be_compiled() {
        assert_eq!(setting("MemoryDenyWriteExecute"), "no");
    }
}
