//! Who is refused how often. Guessing at addresses and sending what is not true gets slow; whoever delivers something true is
//! not held up by others behind the same address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

use crate::limits::doors as limits;

/// Callers that were refused, or that delivered something true. Who cannot be named is never held up.
#[derive(Debug, Default)]
pub(super) struct Callers(Mutex<HashMap<IpAddr, Caller>>);

/// Why a request was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// There is no such address.
    Astray,
    /// The address is right, and the proof is not.
    Untrue,
}

#[derive(Debug)]
struct Caller {
    astray: Bucket,
    untrue: Bucket,
    honest_until: Option<Instant>,
}

/// Refusals that are left.
#[derive(Debug)]
struct Bucket {
    left: u32,
    filled: Instant,
}

impl Bucket {
    fn full(now: Instant) -> Self {
        Self { left: limits::REFUSALS, filled: now }
    }

    fn fill(&mut self, now: Instant) -> u32 {
        let every = limits::REFUSAL_EVERY.as_millis().max(1);
        let more = now.saturating_duration_since(self.filled).as_millis() / every;
        let more = u32::try_from(more).unwrap_or(u32::MAX);
        if more > 0 {
            self.left = self.left.saturating_add(more).min(limits::REFUSALS);
            self.filled = now;
        }
        self.left
    }
}

impl Caller {
    fn new(now: Instant) -> Self {
        Self { astray: Bucket::full(now), untrue: Bucket::full(now), honest_until: None }
    }

    fn bucket(&mut self, refusal: Refusal) -> &mut Bucket {
        match refusal {
            Refusal::Astray => &mut self.astray,
            Refusal::Untrue => &mut self.untrue,
        }
    }

    fn is_honest(&self, now: Instant) -> bool {
        self.honest_until.is_some_and(|until| now < until)
    }

    /// Nothing about it is worth remembering.
    fn is_nobody(&mut self, now: Instant) -> bool {
        !self.is_honest(now) && self.astray.fill(now) == limits::REFUSALS && self.untrue.fill(now) == limits::REFUSALS
    }
}

impl Callers {
    /// Whether it has been refused for this reason so often that it has to wait.
    pub(super) fn must_wait(&self, caller: Option<IpAddr>, refusal: Refusal) -> bool {
        let now = Instant::now();
        let mut callers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(known) = caller.and_then(|caller| callers.get_mut(&caller)) else { return false };
        let spared = refusal == Refusal::Untrue && known.is_honest(now);
        known.bucket(refusal).fill(now) == 0 && !spared
    }

    /// Counts a refusal.
    pub(super) fn refused(&self, caller: Option<IpAddr>, refusal: Refusal) {
        self.note(caller, |known, now| {
            let bucket = known.bucket(refusal);
            bucket.left = bucket.fill(now).saturating_sub(1);
        });
    }

    /// It delivered something true.
    pub(super) fn believed(&self, caller: Option<IpAddr>) {
        self.note(caller, |known, now| known.honest_until = Some(now + limits::HONEST_FOR));
    }

    fn note(&self, caller: Option<IpAddr>, change: impl FnOnce(&mut Caller, Instant)) {
        let Some(caller) = caller else { return };
        let now = Instant::now();
        let mut callers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if callers.len() >= limits::CALLERS && !callers.contains_key(&caller) {
            callers.retain(|_, known| !known.is_nobody(now));
            if callers.len() >= limits::CALLERS {
                // So many at once: those who only were refused are forgotten before those who were honest.
                callers.retain(|_, known| known.is_honest(now));
            }
            if callers.len() >= limits::CALLERS {
                return;
            }
        }
        change(callers.entry(caller).or_insert_with(|| Caller::new(now)), now);
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::time::Duration;

    use super::*;

    const LIAR: Option<IpAddr> = Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)));

    fn tire(callers: &Callers, caller: Option<IpAddr>, refusal: Refusal) {
        for _ in 0..limits::REFUSALS {
            assert!(!callers.must_wait(caller, refusal));
            callers.refused(caller, refusal);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_refused_often_has_to_wait_a_while() {
        let callers = Callers::default();
        tire(&callers, LIAR, Refusal::Astray);
        assert!(callers.must_wait(LIAR, Refusal::Astray));
        assert!(
            !callers.must_wait(LIAR, Refusal::Untrue),
            "strangers behind a proxy do not hold up who knows the address"
        );
        assert!(!callers.must_wait(Some(Ipv4Addr::LOCALHOST.into()), Refusal::Astray), "nor other callers");
        tokio::time::advance(limits::REFUSAL_EVERY).await;
        assert!(!callers.must_wait(LIAR, Refusal::Astray));
        callers.refused(LIAR, Refusal::Astray);
        assert!(callers.must_wait(LIAR, Refusal::Astray), "one was allowed, not all");
    }

    #[tokio::test(start_paused = true)]
    async fn who_delivered_something_true_is_not_held_up_by_liars_beside_it() {
        let callers = Callers::default();
        callers.believed(LIAR);
        for _ in 0..10 * limits::REFUSALS {
            callers.refused(LIAR, Refusal::Untrue);
        }
        assert!(!callers.must_wait(LIAR, Refusal::Untrue));
        tokio::time::advance(limits::HONEST_FOR - Duration::from_millis(1)).await;
        for _ in 0..limits::REFUSALS {
            callers.refused(LIAR, Refusal::Untrue);
        }
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(callers.must_wait(LIAR, Refusal::Untrue), "what was true an hour ago is over");
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_no_name_is_not_held_up() {
        let callers = Callers::default();
        tire(&callers, None, Refusal::Untrue);
        assert!(!callers.must_wait(None, Refusal::Untrue));
    }

    #[tokio::test(start_paused = true)]
    async fn only_so_many_are_remembered_and_the_honest_ones_longest() {
        let callers = Callers::default();
        callers.believed(LIAR);
        for number in 0..3 * u32::try_from(limits::CALLERS).unwrap() {
            callers.refused(Some(Ipv4Addr::from(number).into()), Refusal::Untrue);
            assert!(callers.0.lock().unwrap().len() <= limits::CALLERS);
        }
        tire(&callers, Some(Ipv4Addr::BROADCAST.into()), Refusal::Untrue);
        assert!(callers.must_wait(Some(Ipv4Addr::BROADCAST.into()), Refusal::Untrue));
        assert!(callers.0.lock().unwrap().get(&LIAR.unwrap()).is_some());
    }
}
