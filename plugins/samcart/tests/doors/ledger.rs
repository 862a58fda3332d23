//! A ledger that keeps to the rules of the contract about keys, names, doors and revisions, where the one of the SDK
//! looks at keys alone.

use ltv_connector::conversation::Conversation;
use ltv_connector::prelude::*;
use ltv_connector_samcart::SamCart;

#[derive(Clone, Copy, PartialEq)]
enum Door {
    Webhook,
    File,
}

struct Stored {
    /// Its key and the keys of other doors that were bound to it.
    keys: Vec<EntryKey>,
    names: Vec<String>,
    doors: Vec<Door>,
    received_ms: i64,
    entry: Entry,
    withdrawn: bool,
}

#[derive(Default)]
pub(crate) struct Ledger {
    stored: Vec<Stored>,
}

impl Ledger {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn entries(&self) -> Vec<&Entry> {
        self.stored.iter().filter(|stored| !stored.withdrawn).map(|stored| &stored.entry).collect()
    }

    pub(crate) fn get(&self, kind: Kind, id: &str) -> Option<&Entry> {
        let key = EntryKey { kind, id: id.to_owned() };
        self.stored.iter().find(|stored| !stored.withdrawn && stored.keys.contains(&key)).map(|stored| &stored.entry)
    }

    pub(crate) fn apply(&mut self, batch: &Batch) {
        for change in batch.changes.clone() {
            self.change(change, Door::File, 0);
        }
    }

    pub(crate) fn receive(&mut self, delivery: &Delivery, context: &Context) -> Result<Outcome, Failure> {
        let (now, given, context) = (delivery.received.unix_ms, delivery.clone(), context.clone());
        let mut conversation = Conversation::new(|daemon| SamCart::receive(daemon, given, context));
        let mut step = conversation.step()?;
        loop {
            for change in step.changes {
                self.change(change, Door::Webhook, now);
            }
            match step.next {
                Next::Done(outcome) => return Ok(outcome),
                Next::Ask(ask) => {
                    let orders = ask.orders.iter().map(|id| self.order(id)).collect();
                    step = conversation.resume(Replies { responses: Vec::new(), orders })?;
                }
            }
        }
    }

    fn order(&self, id: &str) -> StoredOrder {
        let of_order = self.stored.iter().filter(|stored| !stored.withdrawn && stored.entry.order_id == id);
        let entries = of_order.map(|stored| StoredEntry {
            key: stored.keys[0].clone(),
            revision: stored.entry.revision,
            unix_ms: match &stored.entry.at {
                Moment::Utc(ms) => *ms,
                Moment::Received => stored.received_ms,
                Moment::Local(wall) => utc_ms(wall),
                Moment::Day(day) => utc_ms(&format!("{day}T12:00:00")),
            },
            currency: stored.entry.currency.clone(),
            total: stored.entry.amounts.total,
            product_ids: stored.entry.lines.iter().filter_map(|line| line.product_id.clone()).collect(),
        });
        StoredOrder { id: id.to_owned(), revision: 0, entries: entries.collect() }
    }

    fn change(&mut self, change: Change, door: Door, now: i64) {
        match change {
            Change::Put(entry) => self.put(entry, door, now),
            Change::ReplaceOrder(order) => {
                let kept: Vec<EntryKey> = order.entries.iter().map(|entry| entry.key.clone()).collect();
                order.entries.into_iter().for_each(|entry| self.put(entry, door, now));
                for stored in self.stored.iter_mut().filter(|stored| stored.entry.order_id == order.id) {
                    let listed = stored.keys.iter().any(|key| kept.contains(key));
                    stored.withdrawn |= !listed && stored.entry.revision <= order.revision;
                }
            }
            Change::Withdraw(withdrawal) => {
                let found = self.stored.iter_mut().find(|stored| stored.keys.contains(&withdrawal.key));
                if let Some(stored) = found.filter(|stored| stored.entry.revision <= withdrawal.revision) {
                    stored.withdrawn = true;
                    stored.entry.revision = withdrawal.revision;
                }
            }
        }
    }

    fn put(&mut self, entry: Entry, door: Door, now: i64) {
        assert!(!entry.amounts.total.is_negative() && entry.also.len() <= 8, "{entry:?}");
        let known = self.stored.iter().position(|stored| stored.keys.contains(&entry.key));
        let found = known.or_else(|| self.by_name(&entry, door));
        let Some(found) = found else {
            let (keys, names) = (vec![entry.key.clone()], entry.also.clone());
            self.stored.push(Stored { keys, names, doors: vec![door], received_ms: now, entry, withdrawn: false });
            return;
        };
        let stored = &mut self.stored[found];
        if !stored.keys.contains(&entry.key) {
            stored.keys.push(entry.key.clone());
        }
        stored.names.extend(entry.also.iter().cloned());
        stored.doors.push(door);
        if entry.revision >= stored.entry.revision {
            if stored.entry.at != Moment::Received {
                stored.received_ms = now;
            }
            stored.entry = entry;
            stored.withdrawn = false;
        }
    }

    fn by_name(&self, entry: &Entry, door: Door) -> Option<usize> {
        std::iter::once(&entry.key.id).chain(&entry.also).find_map(|name| {
            self.stored.iter().position(|stored| {
                let of_kind = stored.keys.iter().any(|key| key.kind == entry.key.kind);
                let named = stored.names.contains(name) || stored.keys.iter().any(|key| key.id == *name);
                of_kind && named && !stored.withdrawn && !stored.doors.contains(&door)
            })
        })
    }
}

fn utc_ms(wall: &str) -> i64 {
    match dates::utc(wall) {
        Ok(Moment::Utc(ms)) => ms,
        other => panic!("not a time: {wall}, {other:?}"),
    }
}
