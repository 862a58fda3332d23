//! Waiting for something that another process does.

use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long anything may take that is not under test for its speed. Generous: machines that build are slow.
pub(crate) const BOUND: Duration = Duration::from_secs(90);

/// Waits until the condition gives something.
#[track_caller]
pub(crate) fn wait_until<T>(what: &str, bound: Duration, mut condition: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = condition() {
            return found;
        }
        assert!(start.elapsed() < bound, "waited {bound:?} in vain: {what}");
        sleep(Duration::from_millis(10));
    }
}
