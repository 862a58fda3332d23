//! Conversations with a connector: a poll, or a webhook that needs more than itself. Connectors run on threads for blocking
//! work, requests on the runtime, and what a step changes is stored before the connector goes on.

mod keep;
mod recorded;

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use crate::connector::{
    Ask, CallContext, CallError, Connector, Conversation, Failure, Next, NoResponse, Outcome, Replies, Reply, Step,
    StoredOrder, Task,
};
use crate::ledger::{Came, Exchange, LedgerError};
use crate::limits::{connector::POLL_LOOKUP_STEPS, doors as limits};
use crate::platform::{Budget, Courier, Sent};

pub(super) use keep::{AtEnd, Keeper, LedgerKeeper, Tell, Told, sum};
pub(super) use recorded::Recorded;

/// What became of one step.
pub(super) struct Kept {
    /// The step; what is wanted next was taken out of it.
    pub(super) step: Step,
    /// How the conversation ended, if it did.
    pub(super) outcome: Option<Outcome>,
    /// What was asked before this step, and what came.
    pub(super) exchanges: Vec<Exchange>,
}

/// Why a conversation did not come to its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum TalkError {
    /// The connector failed, or said why it cannot go on.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// It only looks things up.
    #[error("the connector asked for orders without an end")]
    Endless,
    /// Time, requests or bytes are used up.
    #[error(
        "the task was broken off: it sent {requests} requests and received {bytes} bytes, which is a limit, or its time was up"
    )]
    Spent {
        /// Sent, attempts included.
        requests: u64,
        /// Received.
        bytes: u64,
    },
    /// A conversation that is read again asks for what is not in the archive.
    #[error("it asks for what is not in the archive: {0}")]
    NotRecorded(String),
    /// ltvd itself failed.
    #[error("ltvd failed while it read this; its log says more")]
    Panic,
}

impl TalkError {
    /// What the connector says is wrong.
    pub(super) fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Call(error) => error.failure(),
            _ => None,
        }
    }

    /// For the operator, in the connector's words where it has some.
    pub(super) fn text(&self) -> String {
        match self.failure() {
            Some(Failure::Settings(text) | Failure::Unauthorized(text) | Failure::Malformed(text)) => text.clone(),
            Some(Failure::Throttled(pause) | Failure::Unavailable(pause)) => pause.message.clone(),
            Some(Failure::Internal(_)) | None => self.to_string(),
        }
    }
}

/// Where a conversation stands after calls that needed no platform.
pub(super) enum Advance {
    /// It ended.
    Done(Outcome),
    /// It wants requests to be sent.
    Wants(Box<Wants>),
}

pub(super) struct Wants {
    conversation: Conversation,
    ask: Ask,
    orders: Vec<StoredOrder>,
}

/// Goes on until the conversation ends or wants something of the platform. Blocks.
pub(super) fn advance(
    mut conversation: Conversation,
    context: &CallContext,
    keeper: &mut impl Keeper,
    mut exchanges: Vec<Exchange>,
) -> Result<Advance, TalkError> {
    let turns = keeper.turns();
    let turn = || turns.lock().unwrap_or_else(PoisonError::into_inner);
    let mut held = turn();
    // The host counts as well, and knows which limit holds.
    for _ in 0..=POLL_LOOKUP_STEPS {
        let mut step = conversation.take_step();
        let next = std::mem::replace(&mut step.next, Next::Done(Outcome::Read));
        let (outcome, ask) = match next {
            Next::Done(outcome) => (Some(outcome), None),
            Next::Ask(ask) => (None, Some(ask)),
        };
        keeper.keep(Kept { step, outcome: outcome.clone(), exchanges: std::mem::take(&mut exchanges) })?;
        let Some(ask) = ask else { return Ok(Advance::Done(outcome.unwrap_or(Outcome::Read))) };
        // Others may take their turn between two steps, but not between a look-up and the step that follows from it.
        drop(held);
        held = turn();
        // Read after the changes of this step are stored.
        let orders = ask.orders.iter().map(|id| keeper.order(id)).collect::<Result<Vec<_>, _>>()?;
        if !ask.requests.is_empty() {
            return Ok(Advance::Wants(Box::new(Wants { conversation, ask, orders })));
        }
        let state = ask.state;
        conversation = conversation.resume(state.as_deref(), Replies { responses: Vec::new(), orders }, context)?;
    }
    Err(TalkError::Endless)
}

/// Where requests go.
pub(super) struct Platform {
    /// `None`: nobody may be asked.
    pub(super) courier: Option<Arc<Courier>>,
    /// What came when this was asked before.
    pub(super) recorded: Option<Recorded>,
}

impl Platform {
    async fn send(&mut self, ask: &Ask, budget: &Budget) -> Result<Vec<Sent>, TalkError> {
        let mut answers: Vec<Option<Sent>> = vec![None; ask.requests.len()];
        let mut open = Vec::new();
        for (at, request) in ask.requests.iter().enumerate() {
            match self.recorded.as_mut().and_then(|recorded| recorded.answer(request)) {
                Some(sent) => {
                    if let Some(place) = answers.get_mut(at) {
                        *place = Some(sent);
                    }
                }
                None => open.push(at),
            }
        }
        if open.is_empty() {
            return Ok(answers.into_iter().flatten().collect());
        }
        let requests: Vec<_> = open.iter().filter_map(|at| ask.requests.get(*at).cloned()).collect();
        let sent = match &self.courier {
            Some(courier) => courier.send_all(&requests, budget).await,
            None if self.recorded.is_some() => {
                let missing = requests.first().map(crate::platform::key).unwrap_or_default();
                return Err(TalkError::NotRecorded(missing));
            }
            None => requests.iter().map(not_asked).collect(),
        };
        for (at, sent) in open.into_iter().zip(sent) {
            if let Some(place) = answers.get_mut(at) {
                *place = Some(sent);
            }
        }
        Ok(answers.into_iter().flatten().collect())
    }
}

fn not_asked(request: &crate::connector::Request) -> Sent {
    let why = "the connector has no polling, so its platform is not asked".to_owned();
    Sent {
        key: crate::platform::key(request),
        reply: Reply { tag: request.tag.clone(), outcome: Err(NoResponse::Refused(why)) },
    }
}

/// A conversation on its way to its end.
pub(super) struct Talk<K> {
    pub(super) connector: Arc<Connector>,
    pub(super) context: CallContext,
    pub(super) platform: Platform,
    pub(super) budget: Budget,
    pub(super) keeper: K,
    /// What a fresh instance could be told; `None` for webhooks, which begin anew.
    pub(super) task: Option<Task>,
}

impl<K: Keeper + 'static> Talk<K> {
    /// Begins the task and holds the conversation to its end. The keeper comes back whatever happens, unless ltvd itself
    /// fails.
    pub(super) async fn hold(mut self) -> (Result<Outcome, TalkError>, Option<K>) {
        let Some(task) = self.task.clone() else { return (Err(TalkError::Panic), Some(self.keeper)) };
        let begun = self.blocking(move |connector, context, keeper| {
            let conversation = connector.begin(task, context)?;
            advance(conversation, context, keeper, Vec::new())
        });
        let begun = begun.await;
        self.finish(begun).await
    }

    /// Goes on with a conversation that wants something.
    pub(super) async fn finish(mut self, begun: Result<Advance, TalkError>) -> (Result<Outcome, TalkError>, Option<K>) {
        let mut advanced = begun;
        let mut tries = 0;
        let result = loop {
            let wants = match advanced {
                Ok(Advance::Done(outcome)) => break Ok(outcome),
                Ok(Advance::Wants(wants)) => *wants,
                Err(error) => break Err(error),
            };
            let Wants { conversation, ask, orders } = wants;
            let state = ask.state.clone();
            let retry = state.is_some() && self.task.is_some() && ask.requests.iter().all(|request| request.repeatable);
            let sent = match self.ask(&ask).await {
                Ok(sent) => sent,
                Err(error) => break Err(error),
            };
            let (replies, exchanges) = self.split(sent, orders.clone());
            let first_state = state.clone();
            advanced = self
                .blocking(move |_, context, keeper| {
                    match conversation.resume(first_state.as_deref(), replies, context) {
                        Ok(conversation) => advance(conversation, context, keeper, exchanges),
                        Err(error) => {
                            keeper.unread(exchanges);
                            Err(error.into())
                        }
                    }
                })
                .await;
            // A passing fault inside an answer: the same requests again, on a fresh instance with the same state.
            while let (Err(error), Some(state), true) = (&advanced, &state, retry && tries < limits::TASK_TRIES) {
                let Some(pause) = passing(error).filter(|pause| *pause <= limits::TASK_PAUSE_MAX) else { break };
                tries += 1;
                tokio::time::sleep(pause).await;
                let sent = match self.ask(&ask).await {
                    Ok(sent) => sent,
                    Err(error) => {
                        advanced = Err(error);
                        break;
                    }
                };
                let (replies, exchanges) = self.split(sent, orders.clone());
                let (state, task) = (state.clone(), self.task.clone());
                advanced = self
                    .blocking(move |connector, context, keeper| {
                        let task = task.ok_or(TalkError::Panic)?;
                        match connector.resume_poll(&task, &state, replies, context) {
                            Ok(conversation) => advance(conversation, context, keeper, exchanges),
                            Err(error) => {
                                keeper.unread(exchanges);
                                Err(error.into())
                            }
                        }
                    })
                    .await;
            }
        };
        (result, self.keeper.into())
    }

    /// For the connector, and for the archive.
    fn split(&self, sent: Vec<Sent>, orders: Vec<StoredOrder>) -> (Replies, Vec<Exchange>) {
        let mut exchanges: Vec<Exchange> = sent.iter().map(exchange).collect();
        if let Some(courier) = &self.platform.courier {
            for exchange in &mut exchanges {
                exchange.request = courier.clean(std::mem::take(&mut exchange.request));
                if let Came::Response { body, headers, .. } = &mut exchange.came {
                    courier.clean_archived(body);
                    headers.iter_mut().for_each(|(_, value)| *value = courier.clean(std::mem::take(value)));
                }
            }
        }
        let responses = sent.into_iter().map(|sent| sent.reply).collect();
        (Replies { responses, orders }, exchanges)
    }

    async fn ask(&mut self, ask: &Ask) -> Result<Vec<Sent>, TalkError> {
        if self.budget.is_spent() {
            return Err(TalkError::Spent {
                requests: self.budget.requests_sent(),
                bytes: self.budget.bytes_received(),
            });
        }
        let sent = self.platform.send(ask, &self.budget).await?;
        self.keeper.sent(self.budget.requests_sent(), self.budget.bytes_received());
        Ok(sent)
    }

    /// Runs something with the keeper on a thread that may block.
    async fn blocking(
        &mut self,
        work: impl FnOnce(&Arc<Connector>, &CallContext, &mut K) -> Result<Advance, TalkError> + Send + 'static,
    ) -> Result<Advance, TalkError> {
        let (connector, context) = (Arc::clone(&self.connector), self.context.clone());
        let mut keeper = self.keeper.lend();
        let worked = tokio::task::spawn_blocking(move || {
            let result = work(&connector, &context, &mut keeper);
            (result, keeper)
        });
        match worked.await {
            Ok((result, keeper)) => {
                self.keeper = keeper;
                result
            }
            Err(panic) => {
                tracing::error!(%panic, "ltvd failed in a conversation");
                Err(TalkError::Panic)
            }
        }
    }
}

/// How long to wait before the task is worth another try, if it is. The connector may want more than anyone waits.
pub(super) fn passing(error: &TalkError) -> Option<Duration> {
    let pause = match error.failure()? {
        Failure::Throttled(pause) | Failure::Unavailable(pause) => pause,
        _ => return None,
    };
    Some(pause.after_ms.map_or(limits::TASK_PAUSE, Duration::from_millis))
}

fn exchange(sent: &Sent) -> Exchange {
    let came = match &sent.reply.outcome {
        Ok(response) => Came::Response {
            status: response.status,
            headers: response.headers.iter().map(|header| (header.name.clone(), header.value.clone())).collect(),
            body: response.body.clone(),
            sha256: String::new(),
        },
        Err(NoResponse::Timeout) => Came::Timeout,
        Err(NoResponse::Connection(why)) => Came::Connection(why.clone()),
        Err(NoResponse::TooLarge(limit)) => Came::TooLarge(*limit),
        Err(NoResponse::Refused(why)) => Came::Refused(why.clone()),
    };
    Exchange { request: sent.key.clone(), came }
}
