//! Changes worked out against the book, apart from it, until the ledger has made them durable.
//!
//! The same code decides about a new delivery and reads the log back, so that a book rebuilt from the log equals the one
//! that wrote it. A draft that is dropped leaves no trace: that is a dry run, or a refused file.

use std::collections::HashMap;

use crate::model::{Change, Currency, Door, Entry, EntryKey, Kind, Order, Withdrawal};

use super::hash::{Hash, Sort};
use super::identity::normalise_email;
use super::row::{Links, NONE, Place, Row};
use super::store::{Base, CustomerRow, Identity, OrderRow, Store};
use super::{Book, BookError};

/// What a change did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Nothing to write: it is stored as it is, or something newer is.
    None,
    /// It must be appended to the log.
    Write,
}

/// How many entries a draft found new, changed, and so on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Counts {
    /// Entries that were not stored.
    pub new: u64,
    /// Entries that were stored with other content or a lower revision.
    pub changed: u64,
    /// Entries that were stored just so.
    pub unchanged: u64,
    /// Entries that were stored with a higher revision, which stays.
    pub outranked: u64,
    /// Entries that were removed.
    pub withdrawn: u64,
    /// Among the others: entries recognised as the same money that had come through another door under another id.
    pub matched: u64,
}

/// Pending changes of one delivery.
#[derive(Debug)]
pub struct Draft {
    base: Base,
    pub(super) tail: Store,
    pub(super) changed_rows: HashMap<u32, Row>,
    pub(super) changed_orders: HashMap<u32, OrderRow>,
    integration: u16,
    door: Door,
    counts: Counts,
    scratch: Vec<u8>,
}

impl Draft {
    /// An empty draft on this book. Until it is absorbed or dropped, no other draft may be absorbed.
    ///
    /// # Errors
    /// If the book has no number left for the integration.
    pub fn new(book: &Book, integration: &str, door: Door) -> Result<Self, BookError> {
        let mut draft = Self::unaddressed(book);
        draft.switch(integration, door)?;
        Ok(draft)
    }

    /// An empty draft that is for no integration yet.
    pub(crate) fn unaddressed(book: &Book) -> Self {
        Self {
            base: book.store.base_of_tail(),
            tail: book.store.empty_tail(),
            changed_rows: HashMap::new(),
            changed_orders: HashMap::new(),
            integration: u16::MAX,
            door: Door::File,
            counts: Counts::default(),
            scratch: Vec::new(),
        }
    }

    /// Goes on with another delivery on the same draft: the log is read back in one draft.
    pub(super) fn switch(&mut self, integration: &str, door: Door) -> Result<(), BookError> {
        self.integration = intern_integration(&mut self.tail, integration)?;
        self.door = door;
        Ok(())
    }

    pub(super) fn is_on(&self, book: &Book) -> bool {
        self.base == book.store.base_of_tail()
    }

    /// What it has found so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Works out one change. `place` is where its first entry will lie if it is written.
    ///
    /// # Errors
    /// If the book is full.
    pub fn apply(&mut self, book: &Book, change: &Change, place: Place) -> Result<Effect, BookError> {
        match change {
            Change::Put(entry) => self.put(book, entry, place),
            Change::ReplaceOrder(order) => self.replace_order(book, order, place),
            Change::Withdraw(withdrawal) => Ok(self.withdraw(book, withdrawal)),
        }
    }

    fn put(&mut self, book: &Book, entry: &Entry, place: Place) -> Result<Effect, BookError> {
        let key = self.entry_hash(book, &entry.key);
        let fingerprint = self.fingerprint(book, entry);
        if let Some(at) = self.find(book, key) {
            return self.supersede(book, at, entry, fingerprint, place);
        }
        if let Some(at) = self.find_by_name(book, entry) {
            self.tail.bound.insert(key, at);
            self.counts.matched += 1;
            self.name(book, entry, at);
            self.supersede(book, at, entry, fingerprint, place)?;
            return Ok(Effect::Write);
        }
        let links = self.links(book, entry)?;
        let mut row = Row::new(entry, key, fingerprint, links, self.door, place);
        row.next = self.order(book, links.order).map_or(NONE, |order| order.first);
        let at = self.tail.push_row(self.base, row);
        if at == NONE {
            return Err(BookError::Full);
        }
        self.change_order(book, links.order, |order| order.first = at);
        self.name(book, entry, at);
        self.counts.new += 1;
        Ok(Effect::Write)
    }

    /// A stored entry meets another version of itself.
    fn supersede(
        &mut self,
        book: &Book,
        at: u32,
        entry: &Entry,
        fingerprint: u64,
        place: Place,
    ) -> Result<Effect, BookError> {
        let Some(old) = self.row(book, at) else { return Err(BookError::Full) };
        let door = self.door.bit();
        // The first time that a door shows an entry is kept even if nothing else changes: names match across doors only.
        let first_seen = old.doors & door == 0;
        if entry.revision < old.revision || old.fingerprint == fingerprint {
            if old.fingerprint == fingerprint {
                self.counts.unchanged += 1;
            } else {
                self.counts.outranked += 1;
            }
            if first_seen {
                self.change_row(book, at, |row| row.doors |= door);
                return Ok(Effect::Write);
            }
            return Ok(Effect::None);
        }
        let links = self.links(book, entry)?;
        let mut row = Row::new(entry, old.key, fingerprint, links, self.door, place);
        row.doors |= old.doors;
        row.keep_first_receipt(&old);
        if links.order == old.order {
            row.next = old.next;
        } else {
            self.unchain(book, at, &old);
            row.next = self.order(book, links.order).map_or(NONE, |order| order.first);
            self.change_order(book, links.order, |order| order.first = at);
        }
        self.change_row(book, at, |stored| *stored = row);
        self.name(book, entry, at);
        self.counts.changed += 1;
        Ok(Effect::Write)
    }

    fn replace_order(&mut self, book: &Book, order: &Order, place: Place) -> Result<Effect, BookError> {
        let Some(at) = self.intern_order(book, &order.id) else { return Err(BookError::Full) };
        let known = self.order(book, at).map_or(i64::MIN, |known| known.revision);
        if order.revision < known {
            self.counts.outranked += 1;
            return Ok(Effect::None);
        }
        let mut effect = if known == order.revision { Effect::None } else { Effect::Write };
        let mut listed = Vec::with_capacity(order.entries.len());
        let mut place = place;
        for entry in &order.entries {
            let key = self.entry_hash(book, &entry.key);
            if self.put(book, entry, place)? == Effect::Write {
                effect = Effect::Write;
            }
            listed.push(self.find(book, key));
            place.index = place.index.saturating_add(1);
        }
        for (row_at, row) in self.rows_of(book, at) {
            if !row.is_withdrawn() && row.revision <= order.revision && !listed.contains(&Some(row_at)) {
                self.change_row(book, row_at, |row| row.withdraw(order.revision));
                self.counts.withdrawn += 1;
                effect = Effect::Write;
            }
        }
        self.change_order(book, at, |known| known.revision = order.revision);
        Ok(effect)
    }

    fn withdraw(&mut self, book: &Book, withdrawal: &Withdrawal) -> Effect {
        let key = self.entry_hash(book, &withdrawal.key);
        let Some((at, row)) = self.find(book, key).and_then(|at| Some((at, self.row(book, at)?))) else {
            return Effect::None;
        };
        if withdrawal.revision < row.revision {
            self.counts.outranked += 1;
            return Effect::None;
        }
        if row.is_withdrawn() && row.revision == withdrawal.revision {
            return Effect::None;
        }
        self.change_row(book, at, |row| row.withdraw(withdrawal.revision));
        self.counts.withdrawn += 1;
        Effect::Write
    }

    // ---- names ------------------------------------------------------------------------------------------------------

    /// A stored entry of the same kind that goes by one of the names and has not come through this door.
    fn find_by_name(&self, book: &Book, entry: &Entry) -> Option<u32> {
        let kind = entry.key.kind;
        std::iter::once(&entry.key.id).chain(&entry.also).find_map(|name| {
            let hash = self.name_hash(book, kind, name);
            let by_name = [&book.store, &self.tail].into_iter().filter_map(|store| store.names.get(&hash)).flatten();
            by_name.copied().chain(self.find(book, hash)).find(|&at| {
                self.row(book, at)
                    .is_some_and(|row| !row.is_withdrawn() && row.kind == kind && row.doors & self.door.bit() == 0)
            })
        })
    }

    fn name(&mut self, book: &Book, entry: &Entry, at: u32) {
        for name in &entry.also {
            let hash = self.name_hash(book, entry.key.kind, name);
            let known = book.store.names.get(&hash).is_some_and(|rows| rows.contains(&at));
            let rows = self.tail.names.entry(hash).or_default();
            if !known && !rows.contains(&at) {
                rows.push(at);
            }
        }
    }

    // A name and the id of a key share one space, so that a door's key may be another door's name.
    fn name_hash(&self, book: &Book, kind: Kind, name: &str) -> Hash {
        book.hash_key.of(Sort::Entry, kind as u8, self.integration, name)
    }

    fn entry_hash(&self, book: &Book, key: &EntryKey) -> Hash {
        book.hash_key.of(Sort::Entry, key.kind as u8, self.integration, &key.id)
    }

    /// Equal for entries that differ in nothing but the moment of receipt: a delivery that is repeated.
    fn fingerprint(&mut self, book: &Book, entry: &Entry) -> u64 {
        let mut bytes = std::mem::take(&mut self.scratch);
        bytes.clear();
        let encoded = if let crate::model::Moment::Received(_) = entry.at {
            let undated = Entry { at: crate::model::Moment::Received(0), ..entry.clone() };
            postcard::to_extend(&undated, bytes)
        } else {
            postcard::to_extend(entry, bytes)
        };
        // Encoding plain data to memory cannot fail; were it to, 0 equals nothing stored and the entry is written.
        let Ok(bytes) = encoded else { return 0 };
        let fingerprint = book.hash_key.fingerprint(&bytes).max(1);
        self.scratch = bytes;
        fingerprint
    }

    // ---- lookups over book and tail -----------------------------------------------------------------------------------

    fn find(&self, book: &Book, key: Hash) -> Option<u32> {
        book.store
            .find_row(Base::default(), key)
            .or_else(|| self.tail.find_row(self.base, key))
            .or_else(|| self.tail.bound.get(&key).copied())
            .or_else(|| book.store.bound.get(&key).copied())
    }

    fn row(&self, book: &Book, at: u32) -> Option<Row> {
        if let Some(row) = self.changed_rows.get(&at) {
            return Some(*row);
        }
        match at.checked_sub(self.base.rows) {
            Some(position) => self.tail.rows.get(position as usize).copied(),
            None => book.store.rows.get(at as usize).copied(),
        }
    }

    fn change_row(&mut self, book: &Book, at: u32, change: impl FnOnce(&mut Row)) {
        if let Some(position) = at.checked_sub(self.base.rows) {
            if let Some(row) = self.tail.rows.get_mut(position as usize) {
                change(row);
            }
        } else if let Some(mut row) = self.row(book, at) {
            change(&mut row);
            self.changed_rows.insert(at, row);
        }
    }

    fn order(&self, book: &Book, at: u32) -> Option<OrderRow> {
        if let Some(order) = self.changed_orders.get(&at) {
            return Some(*order);
        }
        match at.checked_sub(self.base.orders) {
            Some(position) => self.tail.orders.get(position as usize).copied(),
            None => book.store.orders.get(at as usize).copied(),
        }
    }

    fn change_order(&mut self, book: &Book, at: u32, change: impl FnOnce(&mut OrderRow)) {
        if let Some(position) = at.checked_sub(self.base.orders) {
            if let Some(order) = self.tail.orders.get_mut(position as usize) {
                change(order);
            }
        } else if let Some(mut order) = self.order(book, at) {
            change(&mut order);
            self.changed_orders.insert(at, order);
        }
    }

    fn rows_of(&self, book: &Book, order: u32) -> Vec<(u32, Row)> {
        let mut found = Vec::new();
        let mut at = self.order(book, order).map_or(NONE, |order| order.first);
        while let Some(row) = self.row(book, at) {
            found.push((at, row));
            at = row.next;
        }
        found
    }

    /// Takes a row out of the chain of its order.
    fn unchain(&mut self, book: &Book, at: u32, row: &Row) {
        let before = self.rows_of(book, row.order).into_iter().find(|(_, other)| other.next == at);
        match before {
            Some((before, _)) => self.change_row(book, before, |other| other.next = row.next),
            None => self.change_order(book, row.order, |order| order.first = row.next),
        }
    }

    // ---- numbers for texts ---------------------------------------------------------------------------------------------

    fn links(&mut self, book: &Book, entry: &Entry) -> Result<Links, BookError> {
        let order = self.intern_order(book, &entry.order_id).ok_or(BookError::Full)?;
        let customer = self.intern_customer(book, entry)?;
        let currency = intern_currency(&mut self.tail, entry.currency)?;
        Ok(Links { integration: self.integration, currency, customer, order })
    }

    fn intern_order(&mut self, book: &Book, id: &str) -> Option<u32> {
        let key = book.hash_key.of(Sort::Order, 0, self.integration, id);
        let found = book.store.find_order(Base::default(), key).or_else(|| self.tail.find_order(self.base, key));
        let at =
            found.unwrap_or_else(|| self.tail.push_order(self.base, OrderRow { key, revision: i64::MIN, first: NONE }));
        (at != NONE).then_some(at)
    }

    fn intern_customer(&mut self, book: &Book, entry: &Entry) -> Result<u32, BookError> {
        let email = entry.customer.email.as_deref().and_then(normalise_email);
        let id = entry.customer.id.as_deref().filter(|id| !id.trim().is_empty());
        let (key, identity) = match (email, id) {
            (Some(email), _) => (book.hash_key.of(Sort::Email, 0, 0, &email), Identity::Email(email.into())),
            (None, Some(id)) => (
                book.hash_key.of(Sort::CustomerId, 0, self.integration, id),
                Identity::Id { integration: self.integration, id: id.into() },
            ),
            (None, None) => return Ok(NONE),
        };
        let found = book.store.find_customer(Base::default(), key).or_else(|| self.tail.find_customer(self.base, key));
        let is_email = matches!(identity, Identity::Email(_));
        let at = found.unwrap_or_else(|| self.tail.push_customer(self.base, CustomerRow { key, identity }));
        if at == NONE {
            return Err(BookError::Full);
        }
        if let (true, Some(id)) = (is_email, id) {
            self.tail.known_ids.insert(book.hash_key.of(Sort::CustomerId, 0, self.integration, id), at);
        }
        Ok(at)
    }
}

fn intern_integration(store: &mut Store, name: &str) -> Result<u16, BookError> {
    let position = store.integrations.iter().position(|known| **known == *name).unwrap_or_else(|| {
        store.integrations.push(name.into());
        store.integrations.len() - 1
    });
    u16::try_from(position).map_err(|_| BookError::Full)
}

fn intern_currency(store: &mut Store, currency: Currency) -> Result<u8, BookError> {
    let position = store.currencies.iter().position(|known| *known == currency).unwrap_or_else(|| {
        store.currencies.push(currency);
        store.currencies.len() - 1
    });
    u8::try_from(position).map_err(|_| BookError::Full)
}
