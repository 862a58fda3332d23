//! A ledger in memory that keeps to the rules of the contract about keys, names, doors and revisions.

use std::collections::BTreeMap;

use crate::dates;
use crate::types::{Batch, Change, Decimal, Entry, Kind, Moment, Order, Reject, StoredEntry, StoredOrder, Withdrawal};

/// Names of one entry at most.
const NAMES_MAX: usize = 8;

/// The way by which a change comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// The platform was asked.
    Poll,
    /// The platform sent it.
    Webhook,
    /// It stood in a file.
    File,
}

/// What a sequence of files, deliveries and polls leaves behind. Higher revisions win, with equal ones the later. An entry
/// is known by its key, else by one of its names (`also`): then it is a stored entry of the same kind that goes by that name
/// or key, and has not yet come through this door.
#[derive(Debug, Default)]
pub struct Ledger {
    rows: Vec<Row>,
    /// Where the keys lie: those that entries were first stored by, and those of other doors that a name bound to them.
    keys: BTreeMap<(Kind, String), usize>,
    /// Where names lie. A name and the id of a key share one space, so that a door's key may be another door's name.
    names: BTreeMap<(Kind, String), Vec<usize>>,
    /// Revisions of orders that were replaced as a whole.
    orders: BTreeMap<String, i64>,
    /// Everything that could not be read.
    pub rejects: Vec<Reject>,
    /// What the connector remembered last.
    pub memory: Option<Vec<u8>>,
    /// Steps taken so far.
    pub steps: usize,
    /// When undated entries count as received.
    pub(super) received_unix_ms: i64,
}

/// One movement of money.
#[derive(Debug)]
struct Row {
    doors: Vec<Door>,
    entry: Entry,
    revision: i64,
    withdrawn: bool,
    received_unix_ms: i64,
}

impl Ledger {
    /// An empty ledger.
    #[must_use]
    pub fn new() -> Self {
        Ledger::default()
    }

    /// Everything stored and not withdrawn, by kind and id.
    pub fn entries(&self) -> Vec<&Entry> {
        let mut entries: Vec<&Entry> = self.rows.iter().filter(|row| !row.withdrawn).map(|row| &row.entry).collect();
        entries.sort_by_key(|entry| (entry.key.kind, entry.key.id.as_str()));
        entries
    }

    /// The entry that goes by this key, unless it is withdrawn. It may show another key, that of the door that knows it best.
    #[must_use]
    pub fn get(&self, kind: Kind, id: &str) -> Option<&Entry> {
        let row = &self.rows[*self.keys.get(&(kind, id.to_owned()))?];
        (!row.withdrawn).then_some(&row.entry)
    }

    /// Stores what became of a batch of rows of a file.
    pub fn apply(&mut self, batch: &Batch) {
        batch.changes.iter().cloned().for_each(|change| self.change(Door::File, change));
        self.rejects.extend(batch.rejects.iter().cloned());
    }

    /// Makes one change.
    pub fn change(&mut self, door: Door, change: Change) {
        match change {
            Change::Put(entry) => drop(self.put(door, entry)),
            Change::ReplaceOrder(order) => self.replace_order(door, order),
            Change::Withdraw(withdrawal) => self.withdraw(&withdrawal),
        }
    }

    /// Where the entry now lies.
    fn put(&mut self, door: Door, entry: Entry) -> usize {
        check(&entry);
        let key = (entry.key.kind, entry.key.id.clone());
        if let Some(at) = self.keys.get(&key).copied() {
            self.supersede(at, door, entry);
            return at;
        }
        if let Some(at) = self.by_name(door, &entry) {
            self.keys.insert(key, at);
            self.name(at, &entry);
            self.supersede(at, door, entry);
            return at;
        }
        self.keys.insert(key, self.rows.len());
        self.name(self.rows.len(), &entry);
        self.rows.push(Row {
            doors: vec![door],
            revision: entry.revision,
            entry,
            withdrawn: false,
            received_unix_ms: self.received_unix_ms,
        });
        self.rows.len() - 1
    }

    fn supersede(&mut self, at: usize, door: Door, entry: Entry) {
        let row = &mut self.rows[at];
        if !row.doors.contains(&door) {
            row.doors.push(door);
        }
        if entry.revision < row.revision {
            return;
        }
        // A moment of receipt only ever moves back: the first delivery is the nearest to the money.
        let first = row.entry.at == Moment::Received && row.received_unix_ms < self.received_unix_ms;
        row.received_unix_ms = if first { row.received_unix_ms } else { self.received_unix_ms };
        (row.revision, row.withdrawn) = (entry.revision, false);
        row.entry = entry.clone();
        self.name(at, &entry);
    }

    fn name(&mut self, at: usize, entry: &Entry) {
        for name in &entry.also {
            let named = self.names.entry((entry.key.kind, name.clone())).or_default();
            if !named.contains(&at) {
                named.push(at);
            }
        }
    }

    fn by_name(&self, door: Door, entry: &Entry) -> Option<usize> {
        let is_free = |at: &usize| !self.rows[*at].withdrawn && !self.rows[*at].doors.contains(&door);
        std::iter::once(&entry.key.id).chain(&entry.also).find_map(|name| {
            let name = (entry.key.kind, name.clone());
            let named = self.names.get(&name).into_iter().flatten().chain(self.keys.get(&name));
            named.copied().find(is_free)
        })
    }

    fn replace_order(&mut self, door: Door, order: Order) {
        if self.orders.get(&order.id).is_some_and(|known| *known > order.revision) {
            return;
        }
        let mut listed = Vec::new();
        for entry in order.entries {
            assert_eq!(entry.order_id, order.id, "an entry of another order");
            listed.push(self.put(door, entry));
        }
        for (at, row) in self.rows.iter_mut().enumerate().filter(|(_, row)| row.entry.order_id == order.id) {
            if !listed.contains(&at) && row.revision <= order.revision {
                (row.withdrawn, row.revision) = (true, order.revision);
            }
        }
        self.orders.insert(order.id, order.revision);
    }

    fn withdraw(&mut self, withdrawal: &Withdrawal) {
        let at = self.keys.get(&(withdrawal.key.kind, withdrawal.key.id.clone())).copied();
        let row = at.and_then(|at| self.rows.get_mut(at));
        if let Some(row) = row.filter(|row| row.revision <= withdrawal.revision) {
            (row.withdrawn, row.revision) = (true, withdrawal.revision);
        }
    }

    /// What the ledger holds of an order.
    #[must_use]
    pub fn order(&self, id: &str) -> StoredOrder {
        let of_order: Vec<&Row> = self.rows.iter().filter(|row| row.entry.order_id == id).collect();
        let entry = |row: &&Row| StoredEntry {
            key: row.entry.key.clone(),
            revision: row.revision,
            unix_ms: unix_ms(&row.entry.at, row.received_unix_ms),
            currency: row.entry.currency.clone(),
            total: in_minor_units(row.entry.amounts.total, &row.entry.currency),
            product_ids: row.entry.lines.iter().filter_map(|line| line.product_id.clone()).collect(),
        };
        let revisions = of_order.iter().map(|row| row.revision).chain(self.orders.get(id).copied());
        StoredOrder {
            id: id.to_owned(),
            revision: revisions.max().unwrap_or(0),
            entries: of_order.iter().filter(|row| !row.withdrawn).map(entry).collect(),
        }
    }
}

/// What the daemon refuses.
fn check(entry: &Entry) {
    let fits = |text: &String| (1..=200).contains(&text.len());
    assert!(!entry.amounts.total.is_negative(), "a negative total: {entry:?}");
    assert!(fits(&entry.key.id), "an id of 1 to 200 bytes: {entry:?}");
    assert!(fits(&entry.order_id), "an order id of 1 to 200 bytes: {entry:?}");
    assert!(entry.also.len() <= NAMES_MAX && entry.also.iter().all(fits), "8 names of 1 to 200 bytes: {entry:?}");
}

/// As if every zone were UTC; a day counts as its noon.
fn unix_ms(moment: &Moment, received_unix_ms: i64) -> i64 {
    let resolved = match moment {
        Moment::Utc(unix_ms) => return *unix_ms,
        Moment::Received => return received_unix_ms,
        Moment::Local(wall) => dates::utc(wall),
        Moment::Day(day) => dates::utc(&format!("{day}T12:00:00")),
    };
    match resolved {
        Ok(Moment::Utc(unix_ms)) => unix_ms,
        _ => panic!("not a moment: {moment:?}"),
    }
}

/// With the decimals of the currency, as the daemon hands it over.
fn in_minor_units(total: Decimal, currency: &str) -> Decimal {
    let exponent = crate::money::exponent(currency);
    let coefficient = match total.scale.checked_sub(exponent) {
        Some(finer) => total.coefficient / 10i64.pow(u32::from(finer)),
        None => total.coefficient * 10i64.pow(u32::from(exponent - total.scale)),
    };
    Decimal::new(coefficient, exponent)
}

#[cfg(test)]
mod tests;
