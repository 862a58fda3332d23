//! The threads that ask connectors for proofs. As many as there are cores: proofs wait for nothing but a core, and more
//! threads would only take it from one another.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use tokio::sync::{mpsc, oneshot};

use crate::limits::doors::{DELIVERIES_WAITING, PROVERS};

type Job = Box<dyn FnOnce() + Send>;

/// They end when this is dropped.
#[derive(Debug)]
pub(super) struct Provers {
    jobs: mpsc::Sender<Job>,
}

impl Provers {
    /// Starts them.
    pub(super) fn start() -> Self {
        let (jobs, waiting) = mpsc::channel::<Job>(DELIVERIES_WAITING);
        let waiting = Arc::new(Mutex::new(waiting));
        let count = thread::available_parallelism().map_or(1, usize::from).min(PROVERS);
        for number in 0..count {
            let waiting = Arc::clone(&waiting);
            let started = thread::Builder::new().name(format!("prover-{number}")).spawn(move || {
                while let Some(job) = next(&waiting) {
                    // Whoever waits for it learns of the panic by getting no answer.
                    let _ = catch_unwind(AssertUnwindSafe(job));
                }
            });
            if let Err(error) = started {
                tracing::error!(%error, "no thread for checking webhook requests");
            }
        }
        Self { jobs }
    }

    /// Does a piece of work on one of the threads. None if they are gone, or it panicked.
    pub(super) async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let (done, result) = oneshot::channel();
        let job: Job = Box::new(move || {
            // Whoever waited may have gone.
            let _ = done.send(work());
        });
        self.jobs.send(job).await.ok()?;
        result.await.ok()
    }
}

/// The next piece of work. One thread waits for it, the others for that thread.
fn next(waiting: &Mutex<mpsc::Receiver<Job>>) -> Option<Job> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_costs_one_answer_and_no_thread() {
        let provers = Provers::start();
        for _ in 0..2 * PROVERS {
            assert_eq!(provers.run(|| panic!("as tests do")).await, None::<()>);
        }
        assert_eq!(provers.run(|| 7).await, Some(7));
    }
}
