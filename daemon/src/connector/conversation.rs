//! Conversations: a poll, or a webhook delivery that needs more than itself.

use std::sync::Arc;

use super::answer::Checked;
use super::ask::{Asker, failure, replies as wit_replies};
use super::bindings::{poll, types as wit, webhook};
use super::calls::{occasion, wit_context};
use super::error::{CallError, CallSite};
use super::host::Connector;
use super::instance::{Budget, Instance, State};
use super::log::LogLine;
use super::types::{CallContext, Next, Outcome, Replies, Step, Task};
use crate::limits::connector::{ANSWER_BYTES, LOOKUP_STEPS, POLL_LOOKUP_STEPS, STEP};

type Store = wasmtime::Store<State>;
type Answered = Result<wit::Step, wit::Failure>;

const STEP_BUDGET: Budget = Budget { time: STEP, answer_bytes: ANSWER_BYTES };

/// What a conversation is about.
#[derive(Debug, Clone, Copy)]
pub(super) enum Talk {
    Webhook { received_ms: i64 },
    Poll { end: &'static str },
}

impl Talk {
    pub(super) const fn poll(task: &Task) -> Self {
        Self::Poll { end: expected_end(task) }
    }

    const fn resume(self) -> &'static str {
        match self {
            Self::Webhook { .. } => "webhook.resume",
            Self::Poll { .. } => "poll.resume",
        }
    }

    /// Steps that only look up orders: of a webhook in all, of a poll in a row.
    pub(super) const fn lookups_max(self) -> usize {
        match self {
            Self::Webhook { .. } => LOOKUP_STEPS,
            Self::Poll { .. } => POLL_LOOKUP_STEPS,
        }
    }

    fn may_end_with(self, outcome: &Outcome) -> bool {
        match self {
            Self::Webhook { .. } => matches!(outcome, Outcome::Read | Outcome::Ignored(_)),
            Self::Poll { end } => end == outcome.name(),
        }
    }
}

/// The only outcome that fits a task.
const fn expected_end(task: &Task) -> &'static str {
    match task {
        Task::Check => "checked",
        Task::Sync(_) => "synced",
        Task::Refresh(_) => "read",
        Task::Subscribe(_) => "subscribed",
        Task::Unsubscribe(_) => "unsubscribed",
    }
}

pub(super) enum Guest {
    Poll(poll::Guest),
    Webhook(webhook::Guest),
}

impl Guest {
    fn resume(
        &self,
        store: &mut Store,
        state: Option<&[u8]>,
        replies: &wit::Replies,
        context: &wit::Context,
    ) -> wasmtime::Result<Answered> {
        match self {
            Self::Poll(guest) => guest.call_resume(store, state, replies, context),
            Self::Webhook(guest) => guest.call_resume(store, state, replies, context),
        }
    }
}

/// A conversation with one instance: a poll, or a webhook delivery that is being read.
pub struct Conversation {
    connector: Arc<Connector>,
    instance: Instance,
    guest: Guest,
    talk: Talk,
    /// Steps so far that only looked up orders.
    lookups: usize,
    step: Step,
}

impl Conversation {
    /// The step that the last call gave.
    pub const fn step(&self) -> &Step {
        &self.step
    }

    /// Takes the step that the last call gave, and leaves an empty one.
    pub fn take_step(&mut self) -> Step {
        std::mem::replace(&mut self.step, no_step())
    }

    /// Goes on with what was asked for. `state` is that of the last step. After an error nothing can go on here, which
    /// is why the conversation is used up; with the state a fresh one can.
    ///
    /// # Errors
    /// If the call gives no answer.
    pub fn resume(mut self, state: Option<&[u8]>, replies: Replies, context: &CallContext) -> Result<Self, CallError> {
        let site = self.connector.site(self.talk.resume());
        let responses = replies.responses.len();
        let replies = wit_replies(replies);
        let occasion = occasion(context);
        let context = wit_context(context);
        let guest = &self.guest;
        let answered = self
            .instance
            .call(&site, occasion, STEP_BUDGET, |store, _, _| guest.resume(store, state, &replies, &context))?;
        self.take_in(&site, answered, responses)?;
        Ok(self)
    }

    /// What the connector has logged since this was last called.
    pub fn take_log(&mut self) -> Vec<LogLine> {
        self.instance.take_log()
    }

    /// Goes on with a conversation on a fresh instance.
    pub(super) fn start_from(
        connector: &Arc<Connector>,
        talk: Talk,
        state: &[u8],
        replies: Replies,
        context: &CallContext,
    ) -> Result<Self, CallError> {
        let responses = replies.responses.len();
        let replies = wit_replies(replies);
        Self::start(connector, talk, talk.resume(), context, responses, |store, guest, context| {
            guest.resume(store, Some(state), &replies, context).map(Some)
        })
    }

    /// Starts an instance and makes the first call of a conversation.
    pub(super) fn start(
        connector: &Arc<Connector>,
        talk: Talk,
        function: &'static str,
        context: &CallContext,
        responses: usize,
        work: impl FnOnce(&mut Store, &Guest, &wit::Context) -> wasmtime::Result<Option<Answered>>,
    ) -> Result<Self, CallError> {
        let site = connector.site(function);
        let occasion = occasion(context);
        let context = wit_context(context);
        let mut instance = match talk {
            Talk::Webhook { .. } => Instance::brief(connector, &site, occasion, STEP_BUDGET)?,
            Talk::Poll { .. } => Instance::new(&connector.prepared, &site, occasion, STEP_BUDGET)?,
        };
        let answered = instance.call(&site, occasion, STEP_BUDGET, |store, it, indices| {
            let guest = match (talk, &indices.poll, &indices.webhook) {
                (Talk::Poll { .. }, Some(poll), _) => Guest::Poll(poll.load(&mut *store, it)?),
                (Talk::Webhook { .. }, _, Some(webhook)) => Guest::Webhook(webhook.load(&mut *store, it)?),
                _ => return Ok(None),
            };
            Ok(work(store, &guest, &context)?.map(|answered| (guest, answered)))
        })?;
        let (guest, answered) = answered.ok_or_else(|| CallError::Unsupported { site: site.clone() })?;
        let mut conversation =
            Self { connector: Arc::clone(connector), instance, guest, talk, lookups: 0, step: no_step() };
        conversation.take_in(&site, answered, responses)?;
        Ok(conversation)
    }

    /// Checks an answer and makes it the current step.
    fn take_in(&mut self, site: &CallSite, answered: Answered, responses: usize) -> Result<(), CallError> {
        let said = answered.map_err(|said| CallError::Failure { site: site.clone(), failure: failure(said) })?;
        let step = self.check(said, responses).map_err(|what| CallError::Absurd { site: site.clone(), what })?;
        self.step = step;
        Ok(())
    }

    fn check(&mut self, said: wit::Step, responses: usize) -> Checked<Step> {
        let received_ms = match self.talk {
            Talk::Webhook { received_ms } => Some(received_ms),
            Talk::Poll { .. } => None,
        };
        // A delivery counts as the first response.
        let step = Asker(&self.connector.manifest).step(said, received_ms, responses.max(1))?;
        match &step.next {
            Next::Ask(ask) if ask.requests.is_empty() => {
                self.lookups += 1;
                let most = self.talk.lookups_max();
                if self.lookups > most {
                    return Err(format!("it only looks up orders for more than {most} steps"));
                }
            }
            Next::Ask(_) if matches!(self.talk, Talk::Poll { .. }) => self.lookups = 0,
            Next::Ask(_) => {}
            Next::Done(outcome) if self.talk.may_end_with(outcome) => {}
            Next::Done(outcome) => {
                return Err(format!("it ends with `{}`, which is no answer to this task", outcome.name()));
            }
        }
        Ok(step)
    }
}

impl std::fmt::Debug for Conversation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Conversation")
            .field("connector", &self.connector)
            .field("step", &self.step)
            .finish_non_exhaustive()
    }
}

const fn no_step() -> Step {
    Step {
        changes: Vec::new(),
        rejects: Vec::new(),
        progress: None,
        memory: None,
        next: Next::Done(Outcome::Read),
        rounded: 0,
        parts_mismatch: 0,
    }
}
