//! Straight-line code over the conversation with the daemon.
//!
//! The contract is a state machine: a step says what it wants, the next call brings it. An author rather writes
//! `daemon.send(request).await`. So the future of a task stays in the instance and is polled once per call: it runs until
//! it asks for something, the call returns with that, and the next call polls it again with the replies. Since only the
//! instance that asks can go on, steps carry no state: a task whose instance is lost begins anew.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{self, Poll, Waker};

use crate::fault::{Fault, Unread};
use crate::guard;
use crate::types::{
    Ask, Change, Entry, Failure, Next, NoResponse, Order, Outcome, Progress, Reject, Replies, Request, Response, Step,
    StoredOrder, Withdrawal,
};

/// Requests in one step.
pub const REQUESTS_MAX: usize = 128;
/// Orders looked up in one step.
pub const ORDERS_MAX: usize = 1_024;
/// Changes in one step.
pub const CHANGES_MAX: usize = 8_192;

/// The daemon, as a running task sees it.
///
/// What is put, replaced, withdrawn and rejected is stored at the next `await` of this type or at the end of the task,
/// whichever comes first, together with the responses read since the last one.
#[derive(Debug, Clone, Default)]
pub struct Daemon {
    desk: Rc<Desk>,
}

/// Where a task and its driver lay down what is for the other.
#[derive(Debug, Default)]
struct Desk {
    changes: RefCell<Vec<Change>>,
    rejects: RefCell<Vec<Reject>>,
    progress: Cell<Option<Progress>>,
    memory: RefCell<Option<Vec<u8>>>,
    /// Exchanges that wait to be sent, with their tickets.
    waiting: RefCell<VecDeque<(u64, Wanted)>>,
    /// Replies that have come, by ticket.
    replies: RefCell<Vec<(u64, Replies)>>,
    tickets: Cell<u64>,
}

#[derive(Debug, Default)]
struct Wanted {
    requests: Vec<Request>,
    orders: Vec<String>,
}

impl Daemon {
    /// Sends one request.
    ///
    /// # Errors
    /// Why there is no response, after the daemon's own attempts. A response of any status is not an error.
    pub async fn send(&self, request: Request) -> Result<Response, NoResponse> {
        let none = || Err(NoResponse::Refused("the daemon gave no reply".into()));
        self.send_all(vec![request]).await.pop().unwrap_or_else(none)
    }

    /// Sends requests at the same time and gives their results in the same order. More than 128 take several steps, each
    /// of which stores what was put before it.
    pub async fn send_all(&self, requests: Vec<Request>) -> Vec<Result<Response, NoResponse>> {
        let mut results = Vec::with_capacity(requests.len());
        for requests in chunks(requests, REQUESTS_MAX) {
            let replies = self.exchange(Wanted { requests, orders: Vec::new() }).await;
            results.extend(replies.responses.into_iter().map(|reply| reply.outcome));
        }
        results
    }

    /// What the ledger holds of these orders, in the same order, after everything put so far. Of what cannot be an id
    /// (empty, over 200 bytes, with control characters) it holds nothing, and is not asked.
    pub async fn orders(&self, ids: impl IntoIterator<Item = impl Into<String>>) -> Vec<StoredOrder> {
        let mut stored: Vec<StoredOrder> = ids.into_iter().map(|id| unknown(id.into())).collect();
        let asked: Vec<usize> = (0..stored.len()).filter(|at| guard::is_id(&stored[*at].id)).collect();
        for places in chunks(asked, ORDERS_MAX) {
            let orders = places.iter().map(|at| stored[*at].id.clone()).collect();
            let found = self.exchange(Wanted { requests: Vec::new(), orders }).await.orders;
            places.into_iter().zip(found).for_each(|(at, order)| stored[at] = order);
        }
        stored
    }

    /// What the ledger holds of this order, after everything put so far.
    pub async fn order(&self, id: impl Into<String>) -> StoredOrder {
        self.orders([id]).await.pop().unwrap_or_else(|| unknown(String::new()))
    }

    /// Stores an entry, or replaces it by key. One that the daemon would not take is rejected.
    pub fn put(&self, entry: Entry) {
        match entry.checked() {
            Ok(entry) => self.change(Change::Put(entry)),
            Err(fault) => self.reject(0, fault),
        }
    }

    /// Replaces everything that is stored of one order. One that the daemon would not take is rejected.
    pub fn replace_order(&self, order: Order) {
        match order.checked() {
            Ok(order) => self.change(Change::ReplaceOrder(order)),
            Err(fault) => self.reject(0, fault),
        }
    }

    /// Removes one entry. One by an id that none can have is rejected.
    pub fn withdraw(&self, withdrawal: Withdrawal) {
        match guard::id("the id", &withdrawal.key.id) {
            Ok(()) => self.change(Change::Withdraw(withdrawal)),
            Err(fault) => self.reject(0, fault),
        }
    }

    /// Makes any change.
    pub fn change(&self, change: Change) {
        self.desk.changes.borrow_mut().push(change);
    }

    /// Something could not be read. `index` is that of the response among those of the last [`send_all`](Self::send_all)
    /// (of 128 requests at most), 0 for a webhook.
    pub fn reject(&self, index: u32, fault: impl Into<Fault>) {
        self.desk.rejects.borrow_mut().push(fault.into().reject(index));
    }

    /// Goes on where only this object could not be read, which is rejected as by [`reject`](Self::reject).
    ///
    /// # Errors
    /// The failure that ends the task.
    pub fn settle(&self, index: u32, unread: Unread) -> Result<(), Failure> {
        match unread {
            Unread::Fault(fault) => {
                self.reject(index, fault);
                Ok(())
            }
            Unread::Failure(failure) => Err(failure),
        }
    }

    /// How far the task is.
    pub fn progress(&self, done: u64, total: Option<u64>) {
        self.desk.progress.set(Some(Progress { done, total }));
    }

    /// What to find in `context.memory` next time, at most 64 KiB. Only things that can be learnt again.
    pub fn remember(&self, memory: Vec<u8>) {
        *self.desk.memory.borrow_mut() = Some(memory);
    }

    fn exchange(&self, wanted: Wanted) -> Exchange<'_> {
        Exchange { desk: &self.desk, wanted: Some(wanted), ticket: 0 }
    }
}

/// One question to the daemon: laid down at the first poll, answered at a later one.
struct Exchange<'a> {
    desk: &'a Desk,
    wanted: Option<Wanted>,
    ticket: u64,
}

impl Future for Exchange<'_> {
    type Output = Replies;

    fn poll(mut self: Pin<&mut Self>, _: &mut task::Context<'_>) -> Poll<Replies> {
        if let Some(wanted) = self.wanted.take() {
            self.ticket = self.desk.tickets.get();
            self.desk.tickets.set(self.ticket + 1);
            self.desk.waiting.borrow_mut().push_back((self.ticket, wanted));
            return Poll::Pending;
        }
        let mut replies = self.desk.replies.borrow_mut();
        match replies.iter().position(|(ticket, _)| *ticket == self.ticket) {
            Some(index) => Poll::Ready(replies.swap_remove(index).1),
            None => Poll::Pending,
        }
    }
}

/// An order of which nothing is stored.
fn unknown(id: String) -> StoredOrder {
    StoredOrder { id, revision: 0, entries: Vec::new() }
}

/// Splits without copying the elements.
fn chunks<T>(mut rest: Vec<T>, size: usize) -> impl Iterator<Item = Vec<T>> {
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let tail = rest.split_off(rest.len().min(size));
        Some(std::mem::replace(&mut rest, tail))
    })
}

/// A task under way: the future, and what it has asked for.
pub struct Conversation {
    daemon: Daemon,
    future: Pin<Box<dyn Future<Output = Result<Outcome, Failure>>>>,
    /// Ticket of the exchange that the last step asked for. `None`: that step only got rid of changes.
    asked: Option<u64>,
    /// How the task ended, while changes are still to be handed over.
    ended: Option<Outcome>,
}

impl Conversation {
    /// A task that has not run yet.
    pub fn new<F>(task: impl FnOnce(Daemon) -> F) -> Self
    where
        F: Future<Output = Result<Outcome, Failure>> + 'static,
    {
        let daemon = Daemon::default();
        let future = Box::pin(task(daemon.clone()));
        Conversation { daemon, future, asked: None, ended: None }
    }

    /// Runs until the task asks for something or ends.
    ///
    /// # Errors
    /// The failure of the task; or [`Failure::Internal`] if it waits for anything but the daemon.
    pub fn step(&mut self) -> Result<Step, Failure> {
        if self.ended.is_none() && self.daemon.desk.waiting.borrow().is_empty() {
            let mut context = task::Context::from_waker(Waker::noop());
            match self.future.as_mut().poll(&mut context) {
                Poll::Ready(end) => self.ended = Some(end?),
                Poll::Pending => {}
            }
        }
        let desk = &self.daemon.desk;
        let mut changes = desk.changes.take();
        desk.changes.replace(changes.split_off(fitting(&changes)));
        let next = if let Some(more) = desk.changes.borrow().first() {
            // A step must ask for something to be followed by another: look up an order and never mind the answer.
            self.asked = None;
            Next::Ask(Ask { requests: Vec::new(), orders: vec![order_of(more)], state: None })
        } else if let Some(outcome) = self.ended.take() {
            Next::Done(outcome)
        } else if let Some((ticket, wanted)) = desk.waiting.borrow_mut().pop_front() {
            self.asked = Some(ticket);
            Next::Ask(Ask { requests: wanted.requests, orders: wanted.orders, state: None })
        } else {
            return Err(Failure::Internal("the task waits for something that the daemon does not know of".into()));
        };
        Ok(Step {
            changes,
            rejects: desk.rejects.take(),
            progress: desk.progress.take(),
            memory: desk.memory.take(),
            next,
        })
    }

    /// Takes the replies to the last step and goes on.
    ///
    /// # Errors
    /// As [`step`](Self::step).
    pub fn resume(&mut self, replies: Replies) -> Result<Step, Failure> {
        if let Some(ticket) = self.asked.take() {
            self.daemon.desk.replies.borrow_mut().push((ticket, replies));
        }
        self.step()
    }
}

/// How many of the first changes fit into a step; the entries of replaced orders count too. At least one.
fn fitting(changes: &[Change]) -> usize {
    let mut entries = 0;
    let fits = |change: &&Change| {
        entries += match change {
            Change::ReplaceOrder(order) => order.entries.len().max(1),
            Change::Put(_) | Change::Withdraw(_) => 1,
        };
        entries <= CHANGES_MAX
    };
    changes.iter().take_while(fits).count().max(1).min(changes.len())
}

/// An order to name where any will do.
fn order_of(change: &Change) -> String {
    match change {
        Change::Put(entry) => entry.order_id.clone(),
        Change::ReplaceOrder(order) => order.id.clone(),
        Change::Withdraw(withdrawal) => withdrawal.key.id.clone(),
    }
}

thread_local! {
    /// The task of this instance. The daemon keeps one instance for one conversation.
    static RUNNING: RefCell<Option<Conversation>> = const { RefCell::new(None) };
}

/// Begins a task in this instance.
///
/// # Errors
/// As [`Conversation::step`].
pub fn begin<F>(task: impl FnOnce(Daemon) -> F) -> Result<Step, Failure>
where
    F: Future<Output = Result<Outcome, Failure>> + 'static,
{
    let mut conversation = Conversation::new(task);
    let step = conversation.step()?;
    RUNNING.set(matches!(step.next, Next::Ask(_)).then_some(conversation));
    Ok(step)
}

/// Goes on with the task of this instance.
///
/// # Errors
/// As [`Conversation::step`]; or [`Failure::Internal`] if no task is under way here.
pub fn resume(replies: Replies) -> Result<Step, Failure> {
    let Some(mut conversation) = RUNNING.take() else {
        return Err(Failure::Internal("no task is under way in this instance: begin it anew".into()));
    };
    let step = conversation.resume(replies)?;
    RUNNING.set(matches!(step.next, Next::Ask(_)).then_some(conversation));
    Ok(step)
}

#[cfg(test)]
mod tests;
