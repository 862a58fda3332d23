//! Work on pieces side by side, with the results in the order of the pieces.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

type Numbered<T> = (usize, T);
/// What became of a piece; `None` if whoever worked on it has panicked.
type Ended<A, E> = Numbered<Option<Result<A, E>>>;

/// Works on pieces in so many threads, and hands over what came of them in their order, in the thread of the caller. Ends with the
/// first error in that order.
///
/// No more than `at_once` pieces are anywhere between the iterator and `take`: a slow one does not let what comes after it pile up.
/// No channel has less room than that, so nobody waits to send, and whoever waits to receive waits for somebody who works.
///
/// # Panics
/// If the iterator or a worker does.
pub(super) fn in_order<P: Send, A: Send, E: Send, W: FnMut(P) -> Result<A, E>>(
    workers: usize,
    at_once: usize,
    pieces: &mut (impl Iterator<Item = Result<P, E>> + Send),
    worker: &(impl Fn() -> W + Sync),
    take: &mut dyn FnMut(A) -> Result<(), E>,
) -> Result<(), E> {
    let (hand_out, handed_out) = sync_channel::<Numbered<P>>(at_once);
    let (done, results) = sync_channel::<Ended<A, E>>(at_once);
    let (give_back, places) = sync_channel::<()>(at_once);
    for _ in 0..at_once {
        // As many as it has room for.
        let _ = give_back.try_send(());
    }
    let handed_out = Arc::new(Mutex::new(handed_out));
    thread::scope(|scope| {
        for _ in 0..workers {
            let (handed_out, done) = (Arc::clone(&handed_out), done.clone());
            scope.spawn(move || work(worker(), &handed_out, &done));
        }
        // Only the workers keep the receiving end: when they are gone, nothing more is handed out.
        drop(handed_out);
        scope.spawn(move || feed(pieces, &places, &hand_out, &done));
        // The receiving end goes along: after an error all others find that nobody wants their results, and end.
        collect(results, give_back, take)
    })
}

fn feed<P, A, E>(
    pieces: &mut impl Iterator<Item = Result<P, E>>,
    places: &Receiver<()>,
    hand_out: &SyncSender<Numbered<P>>,
    done: &SyncSender<Ended<A, E>>,
) {
    // A closed channel: the collector has met an error and is gone.
    for number in 0.. {
        if places.recv().is_err() {
            return;
        }
        let sent = match pieces.next() {
            Some(Ok(piece)) => hand_out.send((number, piece)).is_ok(),
            Some(Err(error)) => {
                let _ = done.send((number, Some(Err(error))));
                false
            }
            None => false,
        };
        if !sent {
            return;
        }
    }
}

fn work<P, A, E>(
    mut worker: impl FnMut(P) -> Result<A, E>,
    handed_out: &Mutex<Receiver<Numbered<P>>>,
    done: &SyncSender<Ended<A, E>>,
) {
    loop {
        let next = handed_out.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((number, piece)) = next else { return };
        let result = catch_unwind(AssertUnwindSafe(|| worker(piece))).unwrap_or_else(|panic| {
            // All others would wait for this piece.
            let _ = done.send((number, None));
            resume_unwind(panic)
        });
        if done.send((number, Some(result))).is_err() {
            return;
        }
    }
}

fn collect<A, E>(
    results: Receiver<Ended<A, E>>,
    give_back: SyncSender<()>,
    take: &mut dyn FnMut(A) -> Result<(), E>,
) -> Result<(), E> {
    let mut early = BTreeMap::new();
    let mut next = 0;
    for (number, result) in results {
        // The scope tells of the panic when all have ended.
        let Some(result) = result else { return Ok(()) };
        early.insert(number, result);
        while let Some(result) = early.remove(&next) {
            next += 1;
            take(result?)?;
            // Nobody wants it when the last piece is handed out.
            let _ = give_back.try_send(());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
    use std::time::{Duration, Instant};

    use super::*;

    /// Works on pieces that may never end, and gives what was taken, and how it ended.
    fn run(
        pieces: impl Iterator<Item = Result<usize, String>> + Send,
        worker: impl Fn(usize) -> Result<usize, String> + Sync,
    ) -> (Vec<usize>, Result<(), String>) {
        let mut taken = Vec::new();
        let mut pieces = pieces;
        let ended = in_order(4, 9, &mut pieces, &|| &worker, &mut |number| {
            taken.push(number);
            Ok(())
        });
        (taken, ended)
    }

    #[test]
    fn results_come_in_the_order_of_the_pieces() {
        for pieces in [0, 1, 3, 9, 10, 1_000] {
            let slow = |piece: usize| {
                thread::sleep(Duration::from_micros((piece * 7 % 11) as u64 * 20));
                Ok(piece)
            };
            assert_eq!(run((0..pieces).map(Ok), slow), ((0..pieces).collect(), Ok(())));
        }
    }

    #[test]
    fn what_waits_behind_a_slow_piece_has_an_end() {
        let handed_out = AtomicUsize::new(0);
        let pieces = (0..1_000).map(|piece| {
            handed_out.fetch_add(1, SeqCst);
            Ok(piece)
        });
        let most = AtomicUsize::new(0);
        let worker = |piece| {
            if piece == 0 {
                let began = Instant::now();
                while handed_out.load(SeqCst) < 9 && began.elapsed() < Duration::from_secs(60) {
                    thread::yield_now();
                }
                thread::sleep(Duration::from_millis(100));
                most.store(handed_out.load(SeqCst), SeqCst);
            }
            Ok(piece)
        };
        assert_eq!(run(pieces, worker), ((0..1_000).collect(), Ok(())));
        assert_eq!(most.load(SeqCst), 9, "the others went on as far as they may, and no further");
    }

    #[test]
    fn an_error_ends_it_wherever_it_comes_from() {
        let fail_at = |at: usize| {
            move |piece| match piece == at {
                true => Err(format!("no {piece}")),
                false => Ok(piece),
            }
        };
        for at in [0, 1, 8, 9, 100] {
            let expected = ((0..at).collect::<Vec<_>>(), Err(format!("no {at}")));
            assert_eq!(run((0..).map(Ok), fail_at(at)), expected);
            assert_eq!(run((0..).map(fail_at(at)), Ok), expected);
            let took = in_order(4, 9, &mut (0..).map(Ok), &|| Ok, &mut |piece| fail_at(at)(piece).map(drop));
            assert_eq!(took, Err(format!("no {at}")));
        }
    }

    #[test]
    fn a_panic_ends_it_as_well() {
        let panics = |at: usize| move |piece| if piece == at { panic!("of this test") } else { Ok(piece) };
        for at in [0, 8, 100] {
            assert!(catch_unwind(|| run((0..).map(Ok), panics(at))).is_err());
            assert!(catch_unwind(|| run((0..).map(panics(at)), Ok)).is_err());
        }
    }
}
