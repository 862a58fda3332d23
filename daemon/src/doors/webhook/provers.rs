//! The threads that ask connectors for proofs. As many as there are cores: proofs wait for nothing but a core, and more
//! threads would only take it from one another.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use tokio::sync::mpsc;

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
                    if catch_unwind(AssertUnwindSafe(job)).is_err() {
                        tracing::error!("ltvd failed while it checked a webhook request");
                    }
                }
            });
            if let Err(error) = started {
                tracing::error!(%error, "no thread for checking webhook requests");
            }
        }
        Self { jobs }
    }

    /// Has a piece of work done on one of the threads. It is dropped where they are gone, and where it panics.
    pub(super) async fn run(&self, work: impl FnOnce() + Send + 'static) {
        let _ = self.jobs.send(Box::new(work)).await;
    }
}

/// The next piece of work. One thread waits for it, the others for that thread.
fn next(waiting: &Mutex<mpsc::Receiver<Job>>) -> Option<Job> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv()
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn a_panic_costs_one_answer_and_no_thread() {
        let provers = Provers::start();
        for _ in 0..2 * PROVERS {
            let (answer, result) = oneshot::channel::<()>();
            provers
                .run(move || {
                    let _answer = answer;
                    panic!("as tests do")
                })
                .await;
            assert!(result.await.is_err());
        }
        let (answer, result) = oneshot::channel();
        provers.run(move || answer.send(7).unwrap()).await;
        assert_eq!(result.await, Ok(7));
    }
}
