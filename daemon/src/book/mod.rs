//! The book: every entry in memory as a small row, with the indexes that decide about later changes.
//!
//! It is what one gets by reading the log of the ledger from its start. It knows nothing of redb, of WASM or of reports:
//! the ledger feeds it, reports read the rows it lists.

mod draft;
mod hash;
mod identity;
mod row;
mod store;
#[cfg(test)]
mod tests;

pub use draft::{Counts, Draft, Effect};
pub use hash::HashKey;
pub use identity::normalise_email;
pub use row::{NONE, Place, Row};
pub use store::Identity;

use crate::model::{Billing, Change, Currency, Door, EntryKey, Kind, Moment};
use hash::Sort;
use store::{Base, Store};

/// The book cannot take the change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BookError {
    /// Numbers have run out: over 4 billion entries, 65,536 integrations or 256 currencies.
    #[error("the book is full: no more than 4 billion entries, 65,536 integrations and 256 currencies can be held")]
    Full,
    /// A draft was not made on the book as it is now.
    #[error("another delivery was stored in the meantime; this one must be worked out again")]
    Stale,
}

/// All live entries in memory.
#[derive(Debug)]
pub struct Book {
    store: Store,
    hash_key: HashKey,
    revision: u64,
}

/// A live entry as the book lists it. Amounts are minor units and not negative; `kind` gives the direction.
#[derive(Debug, Clone, Copy)]
pub struct Listed {
    /// Number of the row, the same as long as the process lives.
    pub row: u32,
    /// Number of the integration, see [`Book::integrations`].
    pub integration: u16,
    /// Number of the order.
    pub order: u32,
    /// Number of the customer, or [`NONE`].
    pub customer: u32,
    /// Number of the currency, see [`Book::currencies`].
    pub currency: u8,
    /// Which way the money moved.
    pub kind: Kind,
    /// First purchase or rebill.
    pub billing: Billing,
    /// When, as it was said.
    pub at: Moment,
    /// All the money, with tax.
    pub total: i64,
    /// Tax, if stated.
    pub tax: Option<i64>,
    /// Shipping without tax, if stated.
    pub shipping: Option<i64>,
    /// The day is a stand-in.
    pub approximate_date: bool,
    /// Computed by the connector, not reported by the platform.
    pub estimated: bool,
    /// Where the whole entry lies.
    pub place: Place,
    /// Decides among equal instants, the same way as long as the ledger lives, whatever comes later.
    pub tie: u64,
}

/// A stored entry of one order, as a connector may ask for it.
#[derive(Debug, Clone, Copy)]
pub struct OfOrder {
    /// Its row.
    pub entry: Listed,
    /// Its revision.
    pub revision: i64,
}

impl Book {
    /// An empty book. The key should be random.
    pub fn new(hash_key: HashKey) -> Self {
        Self { store: Store::default(), hash_key, revision: 0 }
    }

    /// Counts the commits that changed something since the log began; the ETag of every answer.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Rows held, withdrawn ones included.
    pub fn len(&self) -> usize {
        self.store.rows.len()
    }

    /// True if nothing was ever stored.
    pub fn is_empty(&self) -> bool {
        self.store.rows.is_empty()
    }

    /// Names of the integrations, by number.
    pub fn integrations(&self) -> &[Box<str>] {
        &self.store.integrations
    }

    /// Currencies, by number.
    pub fn currencies(&self) -> &[Currency] {
        &self.store.currencies
    }

    /// How many identities have been seen.
    pub fn customers(&self) -> usize {
        self.store.customers.len()
    }

    /// How many orders have been seen.
    pub fn orders(&self) -> usize {
        self.store.orders.len()
    }

    /// The entry in this row, if it is not withdrawn.
    pub fn listed_at(&self, row: u32) -> Option<Listed> {
        self.store.rows.get(row as usize).filter(|found| !found.is_withdrawn()).map(|found| self.listed(row, found))
    }

    /// Who this customer is.
    pub fn identity(&self, customer: u32) -> Option<&Identity> {
        self.store.customers.get(customer as usize).map(|row| &row.identity)
    }

    /// The customer with this e-mail address, however it is written.
    pub fn find_email(&self, email: &str) -> Option<u32> {
        let email = normalise_email(email)?;
        self.store.find_customer(Base::default(), self.hash_key.of(Sort::Email, 0, 0, &email))
    }

    /// The customer that an identity stands for: an id whose e-mail address is known from another entry is that address.
    pub fn resolve(&self, customer: u32) -> u32 {
        match self.store.customers.get(customer as usize) {
            Some(row) if matches!(row.identity, Identity::Id { .. }) => {
                self.store.known_ids.get(&row.key).copied().unwrap_or(customer)
            }
            _ => customer,
        }
    }

    /// All entries that are not withdrawn, in the order in which they were first stored. Customers are resolved.
    pub fn live(&self) -> impl Iterator<Item = Listed> + '_ {
        (0u32..).zip(&self.store.rows).filter(|(_, row)| !row.is_withdrawn()).map(|(at, row)| self.listed(at, row))
    }

    /// The number of an order, as [`Listed`] has it. `None` if it is unknown.
    pub fn order_number(&self, integration: &str, id: &str) -> Option<u32> {
        let number = self.store.integrations.iter().position(|name| **name == *integration)?;
        self.store.find_order(Base::default(), self.hash_key.of(Sort::Order, 0, u16::try_from(number).ok()?, id))
    }

    /// What is stored of an order: the highest revision of the order or of any of its entries (withdrawn ones included), and its
    /// live entries. `None` if the order is unknown.
    pub fn order(&self, integration: &str, id: &str) -> Option<(i64, Vec<OfOrder>)> {
        let number = self.store.integrations.iter().position(|name| **name == *integration)?;
        let key = self.hash_key.of(Sort::Order, 0, u16::try_from(number).ok()?, id);
        let at = self.store.find_order(Base::default(), key)?;
        let order = self.store.orders.get(at as usize)?;
        let mut highest = order.revision;
        let mut entries = Vec::new();
        let mut next = order.first;
        while let Some(row) = self.store.rows.get(next as usize) {
            highest = highest.max(row.revision);
            if !row.is_withdrawn() {
                entries.push(OfOrder { entry: self.listed(next, row), revision: row.revision });
            }
            next = row.next;
        }
        entries.reverse();
        Some((if highest == i64::MIN { 0 } else { highest }, entries))
    }

    /// True if an entry goes by this key and is not withdrawn.
    pub fn contains(&self, integration: &str, key: &EntryKey) -> bool {
        let Some(number) = self.store.integrations.iter().position(|name| **name == *integration) else { return false };
        let Ok(number) = u16::try_from(number) else { return false };
        let hash = self.hash_key.of(Sort::Entry, key.kind as u8, number, &key.id);
        let at = self.store.find_row(Base::default(), hash).or_else(|| self.store.bound.get(&hash).copied());
        at.and_then(|at| self.store.rows.get(at as usize)).is_some_and(|row| !row.is_withdrawn())
    }

    /// Makes a draft part of the book, once it is durable.
    ///
    /// # Errors
    /// If the book has changed since the draft was made.
    pub fn absorb(&mut self, draft: Draft) -> Result<(), BookError> {
        if !draft.is_on(self) {
            return Err(BookError::Stale);
        }
        let Draft { tail, changed_rows, changed_orders, .. } = draft;
        for (at, changed) in changed_rows {
            if let Some(row) = self.store.rows.get_mut(at as usize) {
                *row = changed;
            }
        }
        for (at, changed) in changed_orders {
            if let Some(order) = self.store.orders.get_mut(at as usize) {
                *order = changed;
            }
        }
        self.store.append(tail);
        self.revision += 1;
        Ok(())
    }

    /// Starts to read a log back. Only for an empty book.
    pub fn replay(&self) -> Replay {
        Replay { draft: Draft::unaddressed(self), commits: 0 }
    }

    /// Ends the reading of a log.
    ///
    /// # Errors
    /// If the book was not empty.
    pub fn finish(&mut self, replay: Replay) -> Result<(), BookError> {
        self.absorb(replay.draft)?;
        self.revision = replay.commits;
        Ok(())
    }

    fn listed(&self, at: u32, row: &Row) -> Listed {
        Listed {
            row: at,
            integration: row.integration,
            order: row.order,
            customer: self.resolve(row.customer),
            currency: row.currency,
            kind: row.kind,
            billing: row.billing,
            at: row.moment(),
            total: row.total,
            tax: row.tax(),
            shipping: row.shipping(),
            approximate_date: row.is_approximate(),
            estimated: row.is_estimated(),
            place: row.place(),
            tie: row.key[0],
        }
    }
}

/// A log that is being read back, commit by commit.
#[derive(Debug)]
pub struct Replay {
    draft: Draft,
    commits: u64,
}

impl Replay {
    /// The next commit: its blocks follow.
    ///
    /// # Errors
    /// If the book is full.
    pub fn commit(&mut self, integration: &str, door: Door) -> Result<(), BookError> {
        self.commits += 1;
        self.draft.switch(integration, door)
    }

    /// The changes of one block, in their order.
    ///
    /// # Errors
    /// If the book is full.
    pub fn block(&mut self, book: &Book, block: u32, changes: &[Change]) -> Result<(), BookError> {
        let mut place = Place { block, index: 0 };
        for change in changes {
            self.draft.apply(book, change, place)?;
            place.index = place.index.saturating_add(entries_in(change));
        }
        Ok(())
    }
}

/// How many entries a change carries; places in a block count them.
pub fn entries_in(change: &Change) -> u16 {
    match change {
        Change::Put(_) => 1,
        Change::ReplaceOrder(order) => u16::try_from(order.entries.len()).unwrap_or(u16::MAX),
        Change::Withdraw(_) => 0,
    }
}
