//! The daemon's side of a conversation, with a ledger in memory and a platform that answers from a closure.

use super::Ledger;
use super::ledger::Door;
use crate::connector::{Poll, Webhook};
use crate::conversation::{CHANGES_MAX, Conversation, ORDERS_MAX, REQUESTS_MAX};
use crate::glue;
use crate::types::{
    Context, Delivery, Failure, Next, NoResponse, Outcome, Replies, Reply, Request, Response, Step, Task,
};

/// Steps of one conversation, so that one that never ends fails its test.
const STEPS_MAX: usize = 10_000;

impl Ledger {
    /// Reads a delivery to its end. Does not ask for its proof.
    ///
    /// # Errors
    /// The failure of the connector.
    ///
    /// # Panics
    /// If the conversation breaks a limit of the contract, or sends a request (see
    /// [`receive_with`](Self::receive_with)).
    pub fn receive<C: Webhook + 'static>(
        &mut self,
        delivery: &Delivery,
        context: &Context,
    ) -> Result<Outcome, Failure> {
        self.receive_with::<C>(delivery, context, |request| panic!("a request that nobody answers: {request:?}"))
    }

    /// As [`receive`](Self::receive), with a platform that answers requests.
    ///
    /// # Errors
    /// The failure of the connector.
    ///
    /// # Panics
    /// If the conversation breaks a limit of the contract.
    pub fn receive_with<C: Webhook + 'static>(
        &mut self,
        delivery: &Delivery,
        context: &Context,
        platform: impl FnMut(&Request) -> Result<Response, NoResponse>,
    ) -> Result<Outcome, Failure> {
        self.received_unix_ms = delivery.received.unix_ms;
        let (delivery, context) = (delivery.clone(), context.clone());
        self.converse(Door::Webhook, Conversation::new(|daemon| C::receive(daemon, delivery, context)), platform)
    }

    /// Runs a task of the poll interface to its end, with a platform that answers requests.
    ///
    /// # Errors
    /// The failure of the connector.
    ///
    /// # Panics
    /// If the conversation breaks a limit of the contract.
    pub fn poll<C: Poll + 'static>(
        &mut self,
        task: Task,
        context: &Context,
        platform: impl FnMut(&Request) -> Result<Response, NoResponse>,
    ) -> Result<Outcome, Failure> {
        let context = context.clone();
        self.received_unix_ms = context.now.unix_ms;
        self.converse(Door::Poll, Conversation::new(|daemon| glue::run::<C>(daemon, task, context)), platform)
    }

    fn converse(
        &mut self,
        door: Door,
        mut conversation: Conversation,
        mut platform: impl FnMut(&Request) -> Result<Response, NoResponse>,
    ) -> Result<Outcome, Failure> {
        let mut step = conversation.step()?;
        for _ in 0..STEPS_MAX {
            self.steps += 1;
            let Step { changes, rejects, memory, next, .. } = step;
            assert!(changes.len() <= CHANGES_MAX, "{} changes in one step", changes.len());
            changes.into_iter().for_each(|change| self.change(door, change));
            self.rejects.extend(rejects);
            self.memory = memory.or(self.memory.take());
            let ask = match next {
                Next::Done(outcome) => return Ok(outcome),
                Next::Ask(ask) => ask,
            };
            assert!(!ask.requests.is_empty() || !ask.orders.is_empty(), "a step that asks for nothing");
            assert!(ask.requests.len() <= REQUESTS_MAX, "{} requests in one step", ask.requests.len());
            assert!(ask.orders.len() <= ORDERS_MAX, "{} orders in one step", ask.orders.len());
            let reply = |request: Request| Reply { outcome: platform(&request), tag: request.tag };
            let responses = ask.requests.into_iter().map(reply).collect();
            let orders = ask.orders.iter().map(|id| self.order(id)).collect();
            step = conversation.resume(Replies { responses, orders })?;
        }
        panic!("the conversation has not ended after {STEPS_MAX} steps");
    }
}
