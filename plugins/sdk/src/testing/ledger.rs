//! A ledger in memory, and the daemon's side of a conversation.

use std::collections::BTreeMap;

use crate::connector::{Poll, Webhook};
use crate::conversation::{CHANGES_MAX, Conversation, ORDERS_MAX, REQUESTS_MAX};
use crate::dates;
use crate::glue;
use crate::types::{
    Batch, Change, Context, Decimal, Delivery, Entry, EntryKey, Failure, Kind, Moment, Next, NoResponse, Outcome,
    Reject, Replies, Reply, Request, Response, Step, StoredEntry, StoredOrder, Task,
};

/// Steps of one conversation, so that one that never ends fails its test.
const STEPS_MAX: usize = 10_000;

/// What a sequence of files, deliveries and polls leaves behind. Higher revisions win, with equal ones the later. The
/// weaker names of entries (`also`) are not looked at.
#[derive(Debug, Default)]
pub struct Ledger {
    stored: BTreeMap<(Kind, String), Stored>,
    /// Everything that could not be read.
    pub rejects: Vec<Reject>,
    /// What the connector remembered last.
    pub memory: Option<Vec<u8>>,
    /// Steps taken so far.
    pub steps: usize,
    /// When undated entries count as received.
    received_unix_ms: i64,
}

#[derive(Debug)]
struct Stored {
    entry: Entry,
    revision: i64,
    withdrawn: bool,
}

impl Ledger {
    /// An empty ledger.
    #[must_use]
    pub fn new() -> Self {
        Ledger::default()
    }

    /// Everything stored and not withdrawn, by kind and id.
    pub fn entries(&self) -> Vec<&Entry> {
        self.stored.values().filter(|stored| !stored.withdrawn).map(|stored| &stored.entry).collect()
    }

    /// One entry, unless it is withdrawn.
    #[must_use]
    pub fn get(&self, kind: Kind, id: &str) -> Option<&Entry> {
        let stored = self.stored.get(&(kind, id.to_owned()))?;
        (!stored.withdrawn).then_some(&stored.entry)
    }

    /// Stores what became of a batch of rows.
    pub fn apply(&mut self, batch: &Batch) {
        batch.changes.iter().cloned().for_each(|change| self.change(change));
        self.rejects.extend(batch.rejects.iter().cloned());
    }

    /// Makes one change.
    pub fn change(&mut self, change: Change) {
        match change {
            Change::Put(entry) => self.put(entry),
            Change::ReplaceOrder(order) => {
                let kept: Vec<EntryKey> = order.entries.iter().map(|entry| entry.key.clone()).collect();
                for entry in order.entries {
                    assert_eq!(entry.order_id, order.id, "an entry of another order");
                    self.put(Entry { revision: order.revision, ..entry });
                }
                for stored in self.stored.values_mut().filter(|stored| stored.entry.order_id == order.id) {
                    if !kept.contains(&stored.entry.key) && stored.revision <= order.revision {
                        (stored.withdrawn, stored.revision) = (true, order.revision);
                    }
                }
            }
            Change::Withdraw(withdrawal) => {
                let key = (withdrawal.key.kind, withdrawal.key.id);
                if let Some(stored) = self.stored.get_mut(&key).filter(|stored| stored.revision <= withdrawal.revision)
                {
                    (stored.withdrawn, stored.revision) = (true, withdrawal.revision);
                }
            }
        }
    }

    fn put(&mut self, entry: Entry) {
        assert!(!entry.amounts.total.is_negative(), "a negative total: {entry:?}");
        assert!((1..=200).contains(&entry.key.id.len()), "an id of 1 to 200 bytes: {entry:?}");
        assert!((1..=200).contains(&entry.order_id.len()), "an order id of 1 to 200 bytes: {entry:?}");
        let key = (entry.key.kind, entry.key.id.clone());
        if self.stored.get(&key).is_none_or(|stored| stored.revision <= entry.revision) {
            let revision = entry.revision;
            self.stored.insert(key, Stored { entry, revision, withdrawn: false });
        }
    }

    /// What the ledger holds of an order.
    #[must_use]
    pub fn order(&self, id: &str) -> StoredOrder {
        let of_order: Vec<&Stored> = self.stored.values().filter(|stored| stored.entry.order_id == id).collect();
        let entry = |stored: &&Stored| StoredEntry {
            key: stored.entry.key.clone(),
            revision: stored.revision,
            unix_ms: self.unix_ms(&stored.entry.at),
            currency: stored.entry.currency.clone(),
            total: minor_units(stored.entry.amounts.total, &stored.entry.currency),
            product_ids: stored.entry.lines.iter().filter_map(|line| line.product_id.clone()).collect(),
        };
        StoredOrder {
            id: id.to_owned(),
            revision: of_order.iter().map(|stored| stored.revision).max().unwrap_or(0),
            entries: of_order.iter().filter(|stored| !stored.withdrawn).map(entry).collect(),
        }
    }

    fn unix_ms(&self, moment: &Moment) -> i64 {
        let resolved = match moment {
            Moment::Utc(unix_ms) => return *unix_ms,
            Moment::Received => return self.received_unix_ms,
            Moment::Local(wall) => dates::utc(wall),
            Moment::Day(day) => dates::utc(&format!("{day}T00:00:00")),
        };
        match resolved {
            Ok(Moment::Utc(unix_ms)) => unix_ms,
            _ => panic!("not a moment: {moment:?}"),
        }
    }

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
        self.converse(Conversation::new(|daemon| C::receive(daemon, delivery, context)), platform)
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
        self.converse(Conversation::new(|daemon| glue::run::<C>(daemon, task, context)), platform)
    }

    fn converse(
        &mut self,
        mut conversation: Conversation,
        mut platform: impl FnMut(&Request) -> Result<Response, NoResponse>,
    ) -> Result<Outcome, Failure> {
        let mut step = conversation.step()?;
        for _ in 0..STEPS_MAX {
            self.steps += 1;
            let Step { changes, rejects, memory, next, .. } = step;
            assert!(changes.len() <= CHANGES_MAX, "{} changes in one step", changes.len());
            changes.into_iter().for_each(|change| self.change(change));
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

/// In the minor units of the currency, as the daemon hands it over.
fn minor_units(total: Decimal, currency: &str) -> Decimal {
    let exponent = u32::from(crate::money::exponent(currency));
    let scale = u32::from(total.scale);
    let coefficient = match scale.checked_sub(exponent) {
        Some(finer) => total.coefficient / 10i64.pow(finer),
        None => total.coefficient * 10i64.pow(exponent - scale),
    };
    Decimal::whole(coefficient)
}
