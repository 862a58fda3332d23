//! Changes worked out against the book, apart from it, until the ledger has made them durable.
//!
//! The same code decides about a new delivery and reads the log back, so that a book rebuilt from the log equals the one
//! that wrote it. A draft that is dropped leaves no trace: that is a dry run, or a refused file.

use std::collections::HashMap;

use crate::model::{Change, Currency, Door, Entry, EntryKey, Kind, Moment, Order, Withdrawal};

use super::hash::{Hash, HashKey, Sort};
use super::identity::normalise_email;
use super::parties::OrderRow;
use super::row::{Links, NONE, Place, Row};
use super::rows::Glance;
use super::store::{Base, Store};
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

impl Counts {
    /// Entries that were written to the log, or nearly: those that only came through another door count as unchanged.
    pub(crate) const fn written(&self) -> u64 {
        self.new + self.changed + self.withdrawn
    }
}

/// Pending changes of one delivery.
#[derive(Debug)]
pub struct Draft {
    pub(super) base: Base,
    pub(super) tail: Store,
    pub(super) changed_rows: HashMap<u32, Row>,
    /// Rows of the book that another row of their order follows than before.
    pub(super) changed_nexts: HashMap<u32, u32>,
    pub(super) changed_orders: HashMap<u32, OrderRow>,
    /// Rows that name another customer than before, with the one before.
    pub(super) moved: HashMap<u32, u32>,
    /// Products of the book that have another name than before.
    pub(super) renamed: HashMap<u32, Box<str>>,
    pub(super) integration: u16,
    /// Numbers of sets of labels by their texts: most entries have one of few.
    pub(super) label_sets_at_hand: HashMap<Box<[u8]>, u32>,
    pub(super) scratch: Vec<u8>,
    door: Door,
    counts: Counts,
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
            changed_nexts: HashMap::new(),
            changed_orders: HashMap::new(),
            moved: HashMap::new(),
            renamed: HashMap::new(),
            integration: u16::MAX,
            label_sets_at_hand: HashMap::new(),
            scratch: Vec::new(),
            door: Door::File,
            counts: Counts::default(),
        }
    }

    /// Goes on with another delivery on the same draft: the log is read back in one draft.
    pub(super) fn switch(&mut self, integration: &str, door: Door) -> Result<(), BookError> {
        self.integration = intern_integration(&mut self.tail, integration)?;
        self.door = door;
        Ok(())
    }

    /// A draft that has the whole store as its tail, and nothing below: what it works out is there at once.
    pub(super) fn on_whole(store: Store) -> Self {
        Self { base: Base::default(), tail: store, ..Self::unaddressed(&Book::new(HashKey(0, 0))) }
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
        if let Some(at) = self.find_by_name(book, entry, key) {
            self.tail.bound.insert(key, at);
            self.counts.matched += 1;
            self.name(book, entry, at);
            self.supersede(book, at, entry, fingerprint, place)?;
            return Ok(Effect::Write);
        }
        let links = self.links(book, entry)?;
        let row = Row::new(entry, key, fingerprint, links, self.door, place);
        let at = self.number(self.base.rows, self.tail.rows.len())?;
        self.tail.rows.push(&row, at);
        self.chain(book, at, links.order);
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
        let Some(known) = self.glance(book, at) else { return Err(BookError::Full) };
        let door = self.door.bit();
        // The first time that a door shows an entry is kept even if nothing else changes: names match across doors only.
        let first_seen = known.class.doors & door == 0;
        if entry.revision < known.revision || known.fingerprint == fingerprint {
            if known.fingerprint == fingerprint {
                self.counts.unchanged += 1;
            } else {
                self.counts.outranked += 1;
            }
            if first_seen {
                self.change_row(book, at, |row| row.class.doors |= door);
                return Ok(Effect::Write);
            }
            return Ok(Effect::None);
        }
        let Some(old) = self.row(book, at) else { return Err(BookError::Full) };
        let links = self.links(book, entry)?;
        let mut row = Row::new(entry, old.key, fingerprint, links, self.door, place);
        row.class.doors |= old.class.doors;
        row.keep_first_receipt(&old);
        if links.order != old.order {
            self.unchain(book, at, old.order);
            self.chain(book, at, links.order);
        }
        if links.customer != old.customer {
            self.moved.entry(at).or_insert(old.customer);
        }
        self.change_row(book, at, |stored| *stored = row);
        self.name(book, entry, at);
        self.counts.changed += 1;
        Ok(Effect::Write)
    }

    fn replace_order(&mut self, book: &Book, order: &Order, place: Place) -> Result<Effect, BookError> {
        let at = self.intern_order(book, &order.id)?;
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
            if !row.class.is_withdrawn() && row.revision <= order.revision && !listed.contains(&Some(row_at)) {
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
        let Some((at, row)) = self.find(book, key).and_then(|at| Some((at, self.glance(book, at)?))) else {
            return Effect::None;
        };
        if withdrawal.revision < row.revision {
            self.counts.outranked += 1;
            return Effect::None;
        }
        if row.class.is_withdrawn() && row.revision == withdrawal.revision {
            return Effect::None;
        }
        self.change_row(book, at, |row| row.withdraw(withdrawal.revision));
        self.counts.withdrawn += 1;
        Effect::Write
    }

    // ---- names ------------------------------------------------------------------------------------------------------

    /// A stored entry of the same kind that goes by one of the names and has not come through this door. None goes by the key.
    fn find_by_name(&self, book: &Book, entry: &Entry, key: Hash) -> Option<u32> {
        let kind = entry.key.kind;
        let matches = |at: &u32| {
            self.glance(book, *at).is_some_and(|Glance { class, .. }| {
                !class.is_withdrawn() && class.kind == kind && class.doors & self.door.bit() == 0
            })
        };
        let by_name = |hash| [&book.store, &self.tail].into_iter().flat_map(move |store| store.names.rows(hash));
        by_name(key).find(matches).or_else(|| {
            entry.also.iter().find_map(|name| {
                let hash = self.name_hash(book, kind, name);
                by_name(hash).chain(self.find(book, hash)).find(matches)
            })
        })
    }

    fn name(&mut self, book: &Book, entry: &Entry, at: u32) {
        for name in &entry.also {
            let hash = self.name_hash(book, entry.key.kind, name);
            if ![&book.store, &self.tail].into_iter().any(|store| store.names.rows(hash).any(|row| row == at)) {
                self.tail.names.insert(hash, at);
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
        let undated =
            matches!(entry.at, Moment::Received(_)).then(|| Entry { at: Moment::Received(0), ..entry.clone() });
        let entry = undated.as_ref().unwrap_or(entry);
        // Into a slice, since that is the fastest; one that is too short is made longer.
        loop {
            match postcard::to_slice(entry, &mut self.scratch) {
                Ok(bytes) => return book.hash_key.fingerprint(bytes),
                Err(postcard::Error::SerializeBufferFull) => self.scratch.resize(self.scratch.len() * 2 + 512, 0),
                // Encoding plain data to memory cannot fail; were it to, 0 equals nothing stored and the entry is written.
                Err(_) => return 0,
            }
        }
    }

    // ---- lookups over book and tail -----------------------------------------------------------------------------------

    /// The number of what lies at a position of the tail.
    pub(super) fn number(&self, base: u32, position: usize) -> Result<u32, BookError> {
        if !self.tail.has_room(self.base) {
            return Err(BookError::Full);
        }
        u32::try_from(position).ok().and_then(|position| base.checked_add(position)).ok_or(BookError::Full)
    }

    fn find(&self, book: &Book, key: Hash) -> Option<u32> {
        book.store
            .rows
            .find(key)
            .or_else(|| Some(self.tail.rows.find(key)? + self.base.rows))
            .or_else(|| self.tail.bound.get(key))
            .or_else(|| book.store.bound.get(key))
    }

    fn row(&self, book: &Book, at: u32) -> Option<Row> {
        if let Some(row) = self.changed_rows.get(&at) {
            return Some(*row);
        }
        match at.checked_sub(self.base.rows) {
            Some(position) => self.tail.rows.get(position, at),
            None => book.store.rows.get(at, at),
        }
    }

    fn glance(&self, book: &Book, at: u32) -> Option<Glance> {
        if let Some(row) = self.changed_rows.get(&at) {
            return Some(row.into());
        }
        match at.checked_sub(self.base.rows) {
            Some(position) => self.tail.rows.glance(position),
            None => book.store.rows.glance(at),
        }
    }

    fn change_row(&mut self, book: &Book, at: u32, change: impl FnOnce(&mut Row)) {
        let Some(mut row) = self.row(book, at) else { return };
        change(&mut row);
        match at.checked_sub(self.base.rows) {
            Some(position) => self.tail.rows.set(position, at, &row),
            None => {
                self.changed_rows.insert(at, row);
            }
        }
    }

    fn order(&self, book: &Book, at: u32) -> Option<OrderRow> {
        if let Some(order) = self.changed_orders.get(&at) {
            return Some(*order);
        }
        match at.checked_sub(self.base.orders) {
            Some(position) => self.tail.orders.get(position),
            None => book.store.orders.get(at),
        }
    }

    fn change_order(&mut self, book: &Book, at: u32, change: impl FnOnce(&mut OrderRow)) {
        let Some(known) = self.order(book, at) else { return };
        let mut order = known;
        change(&mut order);
        if order == known {
            return;
        }
        match at.checked_sub(self.base.orders) {
            Some(position) => self.tail.orders.set(position, order),
            None => {
                self.changed_orders.insert(at, order);
            }
        }
    }

    // ---- rows of one order: a ring ----------------------------------------------------------------------------------------

    fn next(&self, book: &Book, at: u32) -> Option<u32> {
        if let Some(next) = self.changed_nexts.get(&at) {
            return Some(*next);
        }
        match at.checked_sub(self.base.rows) {
            Some(position) => self.tail.rows.next(position, at),
            None => book.store.rows.next(at, at),
        }
    }

    fn set_next(&mut self, at: u32, next: u32) {
        match at.checked_sub(self.base.rows) {
            Some(position) => self.tail.rows.set_next(position, at, next),
            None => {
                self.changed_nexts.insert(at, next);
            }
        }
    }

    fn rows_of(&self, book: &Book, order: u32) -> Vec<(u32, Glance)> {
        let first = self.order(book, order).map_or(NONE, |order| order.first);
        let next = |at: &u32| self.next(book, *at).filter(|next| *next != first);
        let ring = std::iter::successors((first != NONE).then_some(first), next);
        ring.filter_map(|at| Some((at, self.glance(book, at)?))).collect()
    }

    /// Puts a row that stands alone into the ring of an order, behind its first.
    fn chain(&mut self, book: &Book, at: u32, order: u32) {
        let first = self.order(book, order).map_or(NONE, |order| order.first);
        match self.next(book, first) {
            Some(second) => {
                self.set_next(at, second);
                self.set_next(first, at);
            }
            None => self.change_order(book, order, |order| order.first = at),
        }
    }

    /// Takes a row out of the ring of its order, so that it stands alone.
    fn unchain(&mut self, book: &Book, at: u32, order: u32) {
        let Some(after) = self.next(book, at) else { return };
        let rest = if after == at { NONE } else { after };
        let before =
            std::iter::successors(Some(after), |at| self.next(book, *at)).find(|row| self.next(book, *row) == Some(at));
        if let Some(before) = before {
            self.set_next(before, after);
        }
        self.set_next(at, at);
        self.change_order(book, order, |order| {
            if order.first == at {
                order.first = rest;
            }
        });
    }

    // ---- numbers for texts ---------------------------------------------------------------------------------------------

    fn links(&mut self, book: &Book, entry: &Entry) -> Result<Links, BookError> {
        let order = self.intern_order(book, &entry.order_id)?;
        let customer = self.intern_customer(book, entry)?;
        let currency = intern_currency(&mut self.tail, entry.currency)?;
        let labels = self.intern_labels(book, entry)?;
        let goods = self.intern_goods(book, entry)?;
        Ok(Links { integration: self.integration, currency, customer, order, labels, goods })
    }

    fn intern_order(&mut self, book: &Book, id: &str) -> Result<u32, BookError> {
        let key = book.hash_key.of(Sort::Order, 0, self.integration, id);
        if let Some(at) = book.store.orders.keys.find(key) {
            return Ok(at);
        }
        if let Some(at) = self.tail.orders.keys.find(key) {
            return Ok(at + self.base.orders);
        }
        let at = self.number(self.base.orders, self.tail.orders.keys.len())?;
        self.tail.orders.push(key);
        Ok(at)
    }

    fn intern_customer(&mut self, book: &Book, entry: &Entry) -> Result<u32, BookError> {
        let email = entry.customer.email.as_deref().and_then(normalise_email);
        let id = entry.customer.id.as_deref().filter(|id| !id.trim().is_empty());
        let id = id.map(|id| book.hash_key.of(Sort::CustomerId, 0, self.integration, id));
        let address = email.map(|email| book.hash_key.of(Sort::Email, 0, 0, &email));
        let Some(key) = address.or(id) else { return Ok(NONE) };
        let known = book.store.customers.keys.find(key);
        let known = known.or_else(|| Some(self.tail.customers.keys.find(key)? + self.base.customers));
        let at = match known {
            Some(at) => at,
            None => {
                let at = self.number(self.base.customers, self.tail.customers.len())?;
                self.tail.customers.push(key, address.is_some());
                at
            }
        };
        if let (Some(_), Some(id)) = (address, id) {
            let known = self.tail.known_ids.get(id).or_else(|| book.store.known_ids.get(id));
            if known != Some(at) {
                self.tail.known_ids.insert(id, at);
            }
        }
        Ok(at)
    }
}

fn intern_integration(store: &mut Store, name: &str) -> Result<u16, BookError> {
    let position = store.integrations.0.iter().position(|known| **known == *name).unwrap_or_else(|| {
        store.integrations.0.push(name.into());
        store.integrations.0.len() - 1
    });
    u16::try_from(position).map_err(|_| BookError::Full)
}

fn intern_currency(store: &mut Store, currency: Currency) -> Result<u8, BookError> {
    let position = store.currencies.0.iter().position(|known| *known == currency).unwrap_or_else(|| {
        store.currencies.0.push(currency);
        store.currencies.0.len() - 1
    });
    u8::try_from(position).map_err(|_| BookError::Full)
}
