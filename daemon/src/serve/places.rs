//! Who has a connection. When all places are taken, whoever has kept its place longest without a request gives it up: idle
//! connections, slow heads and peers that are gone cost others nothing.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use tokio::sync::Notify;

/// The places of one listener.
#[derive(Debug)]
pub(super) struct Places {
    most: usize,
    most_of_one: usize,
    taken: Mutex<Taken>,
    /// Woken when a place becomes free.
    freed: Notify,
}

#[derive(Debug, Default)]
struct Taken {
    open: usize,
    /// Connections of a caller that is counted.
    of: HashMap<IpAddr, usize>,
    /// Those without a request under way, by when that began.
    idle: BTreeMap<u64, Arc<Notify>>,
    next: u64,
}

/// A place, until this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    caller: Option<IpAddr>,
    /// Its key among the idle ones, while it is one.
    idle: Mutex<Option<u64>>,
    leave: Arc<Notify>,
}

impl Places {
    /// `most` connections, of which one caller has `most_of_one`.
    pub(super) fn new(most: usize, most_of_one: usize) -> Arc<Self> {
        Arc::new(Self { most, most_of_one, taken: Mutex::default(), freed: Notify::new() })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a connection of this caller, as soon as there is one. None if the caller has too many; a caller that is
    /// not named is not counted.
    pub(super) async fn take(self: &Arc<Self>, caller: Option<IpAddr>) -> Option<Arc<Place>> {
        loop {
            let freed = self.freed.notified();
            {
                let mut taken = self.taken();
                let counted = caller.map(|caller| taken.of.get(&caller).copied().unwrap_or(0));
                if counted.is_some_and(|count| count >= self.most_of_one) {
                    return None;
                }
                if taken.open < self.most {
                    taken.open += 1;
                    if let Some(caller) = caller {
                        *taken.of.entry(caller).or_default() += 1;
                    }
                    drop(taken);
                    let place =
                        Place { places: Arc::clone(self), caller, idle: Mutex::default(), leave: Arc::default() };
                    place.rest();
                    return Some(Arc::new(place));
                }
                // One that is told to leave is no longer among the idle ones, so the next caller turns to another.
                if let Some((_, longest)) = taken.idle.pop_first() {
                    longest.notify_one();
                }
            }
            freed.await;
        }
    }
}

impl Place {
    /// Until somebody else needs the place.
    pub(super) async fn wanted(&self) {
        self.leave.notified().await;
    }

    /// A request is under way: nobody takes the place now.
    pub(super) fn work(&self) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = idle.take() {
            self.places.taken().idle.remove(&key);
        }
    }

    /// No request is under way.
    fn rest(&self) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let mut taken = self.places.taken();
        let key = taken.next;
        taken.next += 1;
        taken.idle.insert(key, Arc::clone(&self.leave));
        *idle = Some(key);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.work();
        let mut taken = self.places.taken();
        taken.open -= 1;
        if let Some(caller) = self.caller
            && let Some(count) = taken.of.get_mut(&caller)
        {
            *count -= 1;
            if *count == 0 {
                taken.of.remove(&caller);
            }
        }
        drop(taken);
        self.places.freed.notify_one();
    }
}

/// The body of an answer. With its end the request is done.
pub(super) struct Answered {
    body: Body,
    place: Arc<Place>,
}

impl Answered {
    /// An answer that ends the work of this place.
    pub(super) fn new(body: Body, place: Arc<Place>) -> Self {
        Self { body, place }
    }
}

impl HttpBody for Answered {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Answered {
    fn drop(&mut self) {
        self.place.rest();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::peer::caller;

    async fn within<T>(future: impl Future<Output = T>) -> Option<T> {
        tokio::time::timeout(Duration::from_secs(60), future).await.ok()
    }

    #[tokio::test(start_paused = true)]
    async fn the_longest_idle_one_gives_its_place_up() {
        let places = Places::new(2, 2);
        let (first, second) = (places.take(None).await.unwrap(), places.take(None).await.unwrap());
        // The first one worked in between, so the second has been idle for longer.
        first.work();
        drop(Answered::new(Body::empty(), Arc::clone(&first)));
        let third = tokio::spawn({
            let places = Arc::clone(&places);
            async move { places.take(None).await }
        });
        within(second.wanted()).await.expect("the second is told");
        assert!(within(first.wanted()).await.is_none(), "one place is enough");
        drop(second);
        assert!(within(third).await.unwrap().unwrap().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn who_works_is_not_disturbed() {
        let places = Places::new(1, 1);
        let place = places.take(None).await.unwrap();
        place.work();
        assert!(within(places.take(None)).await.is_none());
        drop(place);
        assert!(within(places.take(None)).await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn one_caller_has_its_share_and_no_more() {
        let places = Places::new(10, 2);
        let caller = caller("2001:db8:1:2::3".parse().unwrap());
        let taken = [places.take(Some(caller)).await, places.take(Some(caller)).await];
        assert!(places.take(Some(caller)).await.is_none());
        assert!(places.take(Some("192.0.2.1".parse().unwrap())).await.is_some());
        assert!(places.take(None).await.is_some(), "who is not named is not counted");
        drop(taken);
        assert!(places.take(Some(caller)).await.is_some());
        assert!(places.taken().of.is_empty(), "who has left is forgotten");
    }
}
