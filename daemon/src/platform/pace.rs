//! How fast an integration may ask: so many requests open at a time, so many a minute, and silence while the platform wants
//! it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

/// One integration's pace, shared by everything that asks for it.
#[derive(Debug)]
pub(super) struct Pace {
    open: Semaphore,
    /// Between two requests in the long run. Zero: no limit.
    interval: Duration,
    /// How much of the minute may be used at once.
    burst: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// When the next request would be due if all so far had come at the interval (generic cell rate algorithm).
    due: Instant,
    silent_until: Instant,
}

impl Pace {
    pub(super) fn new(open_max: u32, per_minute_max: Option<u32>) -> Self {
        let now = Instant::now();
        let interval = per_minute_max.map_or(Duration::ZERO, |max| Duration::from_secs(60) / max.max(1));
        Self {
            open: Semaphore::new(usize::try_from(open_max.max(1)).unwrap_or(1)),
            interval,
            // A sixth of a minute's requests may come together; never less than one.
            burst: Duration::from_secs(10).max(interval),
            state: Mutex::new(State { due: now, silent_until: now }),
        }
    }

    /// Waits for a place among the open requests. The pace itself is kept by [`Pace::turn`].
    pub(super) async fn place(&self) -> Option<SemaphorePermit<'_>> {
        // Never closed.
        self.open.acquire().await.ok()
    }

    /// Waits until one more request may be sent.
    ///
    /// # Errors
    /// If the platform wants silence for longer than this: for how long.
    pub(super) async fn turn(&self, wait_max: Duration) -> Result<(), Duration> {
        loop {
            let wait_until = {
                let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
                let now = Instant::now();
                let silence = state.silent_until.saturating_duration_since(now);
                if silence > wait_max {
                    return Err(silence);
                }
                let earliest =
                    (state.due + self.interval).checked_sub(self.burst).unwrap_or(now).max(state.silent_until);
                if earliest <= now {
                    state.due = state.due.max(now) + self.interval;
                    return Ok(());
                }
                earliest
            };
            tokio::time::sleep_until(wait_until).await;
        }
    }

    /// Takes over what another pace of the same integration owes the platform.
    pub(super) fn goes_on_from(&mut self, before: &Self) {
        let (due, silent_until) = {
            let before = before.state.lock().unwrap_or_else(PoisonError::into_inner);
            (before.due, before.silent_until)
        };
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        (state.due, state.silent_until) = (state.due.max(due), silent_until);
    }

    /// How long the platform still wants no request.
    pub(super) fn silence_left(&self) -> Duration {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.silent_until.saturating_duration_since(Instant::now())
    }

    /// The platform wants no request for so long.
    pub(super) fn be_silent(&self, pause: Duration) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.silent_until = state.silent_until.max(Instant::now() + pause);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_minute_has_no_more_requests_than_allowed() {
        let pace = Pace::new(4, Some(60));
        let start = Instant::now();
        let mut sent = Vec::new();
        for _ in 0..150 {
            pace.turn(Duration::ZERO).await.unwrap();
            sent.push(start.elapsed());
        }
        for (number, at) in sent.iter().enumerate() {
            let in_minute =
                sent.iter().skip(number).take_while(|later| **later < *at + Duration::from_secs(60)).count();
            assert!(in_minute <= 70, "{in_minute} requests within a minute");
        }
        assert!(sent.last().unwrap() >= &Duration::from_secs(138), "{sent:?}");
        assert!(sent[9] < Duration::from_millis(1), "a burst passes at once");
    }

    #[tokio::test(start_paused = true)]
    async fn silence_holds_everybody() {
        let pace = Pace::new(4, None);
        let wait_max = Duration::from_secs(60);
        pace.turn(wait_max).await.unwrap();
        pace.be_silent(Duration::from_secs(30));
        let start = Instant::now();
        pace.turn(wait_max).await.unwrap();
        assert_eq!(start.elapsed().as_secs(), 30);
        // Nobody sleeps for an hour over a request.
        pace.be_silent(Duration::from_secs(3_600));
        assert_eq!(pace.turn(wait_max).await, Err(Duration::from_secs(3_600)));
    }
}
