//! Makes webhook deliveries durable, all that wait in one commit. It outlives changes of the configuration.

use std::sync::Arc;

use axum::response::Response;
use tokio::sync::{Mutex, Notify, mpsc, oneshot};

use crate::app::App;
use crate::ledger::{Ledger, LedgerError, NewDelivery};
use crate::limits::doors as limits;
use crate::supervise::{TaskError, blocking};

/// The way from the listener to the ledger.
#[derive(Debug)]
pub struct Commits {
    app: Arc<App>,
    pub(super) waiting: mpsc::Sender<Waiting>,
    /// Held by the task that commits, which may be begun again.
    arriving: Mutex<mpsc::Receiver<Waiting>>,
    closing: Notify,
}

/// What waits for its commit.
#[derive(Debug)]
pub(super) struct Waiting {
    /// A believed delivery. None: only the commit is wanted.
    pub(super) delivery: Option<NewDelivery>,
    /// Hears what became of it.
    pub(super) answer: oneshot::Sender<Answer>,
}

/// What became of a delivery, for whoever answers its sender.
#[derive(Debug)]
pub(super) enum Answer {
    /// It was believed. True if it is durable.
    Believed(bool),
    /// There is nothing to keep, and this is to be said. The box keeps the usual case small.
    Said(Box<Response>),
}

impl Commits {
    /// Into this ledger.
    pub fn new(app: Arc<App>) -> Self {
        let (waiting, arriving) = mpsc::channel(limits::DELIVERIES_WAITING);
        Self { app, waiting, arriving: Mutex::new(arriving), closing: Notify::new() }
    }

    /// Whether the ledger commits: asks for one on the way that deliveries go.
    pub async fn commit_nothing(&self) -> bool {
        let (answer, durable) = oneshot::channel();
        self.waiting.send(Waiting { delivery: None, answer }).await.is_ok()
            && matches!(durable.await, Ok(Answer::Believed(true)))
    }

    /// Nothing more comes. What waits is committed, then [`Commits::run`] ends.
    pub fn close(&self) {
        self.closing.notify_one();
    }

    /// Commits whatever waits, again and again, until [`Commits::close`].
    ///
    /// # Errors
    /// If the ledger fails. None of what waited for that commit was acknowledged.
    pub async fn run(self: Arc<Self>) -> Result<(), TaskError> {
        let mut arriving = self.arriving.lock().await;
        let mut group = Vec::new();
        loop {
            let taken = tokio::select! {
                biased;
                taken = arriving.recv_many(&mut group, limits::DELIVERIES_PER_COMMIT) => taken,
                () = self.closing.notified() => {
                    arriving.close();
                    continue;
                }
            };
            if taken == 0 {
                return Ok(());
            }
            if taken >= limits::RUSH_DELIVERIES {
                self.app.process.rush.goes_on();
            }
            let (deliveries, answers): (Vec<_>, Vec<_>) =
                group.drain(..).map(|waiting| (waiting.delivery, waiting.answer)).unzip();
            let deliveries: Vec<_> = deliveries.into_iter().flatten().collect();
            let ledger: Arc<Ledger> = Arc::clone(&self.app.ledger);
            let committed = blocking(move || {
                let committed = ledger.receive(&deliveries).map(drop);
                // An error that ends the daemon must not get lost among others.
                Ok::<_, TaskError>(committed)
            })
            .await;
            let (kept, failure): (bool, Option<TaskError>) = match committed {
                Ok(Ok(())) => (true, None),
                // The platforms come back; whoever waits for room finds the committer at work when there is some.
                Ok(Err(error @ LedgerError::NoRoom { .. })) => {
                    tracing::warn!(%error, "webhook deliveries were not kept, and not acknowledged");
                    (false, None)
                }
                Ok(Err(error)) => {
                    self.app.check_fatal(&error);
                    let told = format!("webhook deliveries could not be kept; none was acknowledged: {error}");
                    (false, Some(told.into()))
                }
                Err(error) => (false, Some(error)),
            };
            for answer in answers {
                // The platform may have hung up; a delivery that is kept is kept all the same.
                let _ = answer.send(Answer::Believed(kept));
            }
            if let Some(failure) = failure {
                return Err(failure);
            }
        }
    }
}
