//! The book: every entry in memory, in packed columns, with the indexes that decide about later changes.
//!
//! It is what one gets by reading the log of the ledger from its start. It knows nothing of redb, of WASM or of reports:
//! the ledger feeds it, reports read the entries it lists.

mod column;
mod draft;
mod goods;
mod hash;
mod identity;
mod index;
mod journal;
mod keys;
mod labels;
mod listed;
mod naming;
mod part;
mod parties;
mod replay;
mod row;
mod rows;
mod snapshot;
mod store;
#[cfg(test)]
mod tests;

pub use draft::{Counts, Draft, Effect};
pub use hash::HashKey;
pub use identity::{Identity, normalise_email};
pub use listed::{Listed, Live};
pub use replay::{Replay, entries_in};
pub use row::{NONE, Place};
pub use snapshot::Stamp;

use crate::model::{Currency, EntryKey, Good, Label, Product};
use goods::Goods;
use hash::Sort;
use journal::Journal;
use store::Store;

/// The book cannot take the change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BookError {
    /// Numbers have run out: over 2 billion entries, orders or customers, 65,536 integrations or 256 currencies.
    #[error("the book is full: no more than 2 billion entries, 65,536 integrations and 256 currencies can be held")]
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
    epoch: u64,
    journal: Journal,
    stamp: Stamp,
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
        Self {
            store: Store::default(),
            hash_key,
            revision: 0,
            epoch: 0,
            journal: Journal::default(),
            stamp: Stamp::default(),
        }
    }

    /// Counts the commits that changed something since the log began; the ETag of every answer.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Moves when entries that were there before came to belong to another customer, because a later entry told whose id they name.
    /// What was made of the book under another epoch must be made anew.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Rows held, withdrawn ones included.
    pub fn len(&self) -> usize {
        self.store.rows.len()
    }

    /// True if nothing was ever stored.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Names of the integrations, by number.
    pub fn integrations(&self) -> &[Box<str>] {
        &self.store.integrations.0
    }

    /// Currencies, by number.
    pub fn currencies(&self) -> &[Currency] {
        &self.store.currencies.0
    }

    /// Every number of an entry is below; [`Book::len`] as a number.
    pub fn entries(&self) -> u32 {
        self.store.base_of_tail().rows
    }

    /// How many customers have been seen; every number of one is below. Ids that stand for an address count apart from it.
    pub fn customers(&self) -> u32 {
        self.store.base_of_tail().customers
    }

    /// How many orders have been seen; every number of one is below.
    pub fn orders(&self) -> u32 {
        self.store.base_of_tail().orders
    }

    // ---- customers --------------------------------------------------------------------------------------------------------

    /// The customer with this e-mail address, however it is written.
    pub fn find_email(&self, email: &str) -> Option<u32> {
        let email = normalise_email(email)?;
        self.store.customers.keys.find(self.hash_key.of(Sort::Email, 0, 0, &email))
    }

    /// The customer with this id of an integration.
    pub fn find_id(&self, integration: &str, id: &str) -> Option<u32> {
        let number = self.integration(integration)?;
        self.store.customers.keys.find(self.hash_key.of(Sort::CustomerId, 0, number, id))
    }

    /// The customer that this one stands for: an id whose e-mail address is known from another entry is that address.
    pub fn resolve(&self, customer: u32) -> u32 {
        self.store.customers.resolve(customer)
    }

    /// True for an e-mail address, false for an id of an integration.
    pub fn is_address(&self, customer: u32) -> bool {
        self.store.customers.is_address(customer)
    }

    /// An entry, maybe a withdrawn one, that names this customer, to be read from the log: no address is kept in memory. `None` if
    /// none does any more.
    pub fn row_naming(&self, customer: u32) -> Option<u32> {
        self.store.rows_naming(customer).next()
    }

    /// Live entries of a customer, ascending. Those that name an id which stands for the address belong to the address.
    pub fn of_customer(&self, customer: u32) -> Vec<u32> {
        let named = self.store.customers.all(self.resolve(customer)).flat_map(|one| self.store.rows_naming(one));
        let mut rows: Vec<u32> = named.filter(|row| self.is_live(*row)).collect();
        rows.sort_unstable();
        rows
    }

    // ---- orders -----------------------------------------------------------------------------------------------------------

    /// The number of an order, as [`Listed`] has it. `None` if it is unknown.
    pub fn order_number(&self, integration: &str, id: &str) -> Option<u32> {
        let number = self.integration(integration)?;
        self.store.orders.keys.find(self.hash_key.of(Sort::Order, 0, number, id))
    }

    /// Live entries of an order, ascending.
    pub fn of_order(&self, order: u32) -> Vec<u32> {
        self.rows_of(order).into_iter().filter(|row| self.is_live(*row)).collect()
    }

    /// What is stored of an order: the highest revision of the order or of any of its entries (withdrawn ones included), and its
    /// live entries, the one that was stored first in front. `None` if the order is unknown.
    pub fn order(&self, integration: &str, id: &str) -> Option<(i64, Vec<OfOrder>)> {
        let number = self.order_number(integration, id)?;
        let mut highest = self.store.orders.get(number)?.revision;
        let mut entries = Vec::new();
        for row in self.rows_of(number) {
            let Some(glance) = self.store.rows.glance(row) else { continue };
            highest = highest.max(glance.revision);
            entries.extend(self.listed_at(row).map(|entry| OfOrder { entry, revision: glance.revision }));
        }
        Some((if highest == i64::MIN { 0 } else { highest }, entries))
    }

    /// All rows of an order, ascending.
    fn rows_of(&self, order: u32) -> Vec<u32> {
        let first = self.store.orders.get(order).map(|order| order.first).filter(|first| *first != NONE);
        let next = |row: &u32| self.store.rows.next(*row, *row).filter(|next| Some(*next) != first);
        let mut rows: Vec<u32> = std::iter::successors(first, next).collect();
        rows.sort_unstable();
        rows
    }

    // ---- labels and goods -------------------------------------------------------------------------------------------------

    /// The labels behind [`Listed::labels`], by dimension.
    pub fn labels(&self, labels: u32) -> &[Label] {
        labels.checked_sub(1).and_then(|set| self.store.label_sets.get(set)).unwrap_or_default()
    }

    /// The text of a label's value; empty for a number that none has.
    pub fn value(&self, value: u32) -> &str {
        self.store.values.get(value).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
    }

    /// How many products there are; numbers are below.
    pub fn products(&self) -> u32 {
        self.store.base_of_tail().products
    }

    /// One product.
    pub fn product(&self, product: u32) -> Option<&Product> {
        self.store.products.get(product)
    }

    /// The products within an entry, by number, each once.
    pub fn goods(&self, row: u32) -> Vec<Good> {
        let rows = &self.store.rows;
        match Goods::of_number(rows.goods.get(row).unwrap_or(0)) {
            Goods::None => Vec::new(),
            Goods::Whole(product) => {
                let amount = |column: &column::Column| column.get(row).unwrap_or(0);
                vec![Good { product, amount: amount(&rows.total) - amount(&rows.tax) - amount(&rows.shipping) }]
            }
            Goods::Basket(basket) => self.store.baskets.get(basket).map(goods::unpack).unwrap_or_default(),
        }
    }

    // ---- changes ----------------------------------------------------------------------------------------------------------

    /// True if an entry goes by this key and is not withdrawn.
    pub fn contains(&self, integration: &str, key: &EntryKey) -> bool {
        let Some(number) = self.integration(integration) else { return false };
        let hash = self.hash_key.of(Sort::Entry, key.kind as u8, number, &key.id);
        let at = self.store.rows.find(hash).or_else(|| self.store.bound.get(hash));
        at.is_some_and(|at| self.is_live(at))
    }

    /// Every entry that was added or changed since an earlier revision, once each, as it was then; `None` for one that did not exist or
    /// was withdrawn. Customers are those of today. `None` if that is not remembered: it is too long ago, too much, or of another
    /// [`Book::epoch`].
    pub fn before(&self, revision: u64) -> Option<Vec<(u32, Option<Listed>)>> {
        if revision == self.revision {
            return Some(Vec::new());
        }
        let mut images = self.journal.before(revision)?;
        for (_, image) in &mut images {
            if let Some(image) = image {
                image.customer = self.resolve(image.customer);
            }
        }
        Some(images)
    }

    /// Makes a draft part of the book, once it is durable.
    ///
    /// # Errors
    /// If the book has changed since the draft was made.
    pub fn absorb(&mut self, draft: Draft) -> Result<(), BookError> {
        let (first, before) = (self.entries(), self.images_before(&draft));
        let moved = self.take_in(draft)?;
        let changed = before.map(|before| {
            let differs = |(row, image): &(u32, Option<Listed>)| *image != self.direct(*row);
            before.into_iter().filter(differs).collect()
        });
        self.journal.record(self.revision, first..self.entries(), changed);
        self.revision += 1;
        if moved {
            self.epoch += 1;
            self.journal.forget();
        }
        Ok(())
    }

    /// How the entries that a draft changes are now. `None` if they are too many to be remembered.
    fn images_before(&self, draft: &Draft) -> Option<Vec<(u32, Option<Listed>)>> {
        let changed = draft.changed_rows.len() + draft.changed_nexts.len();
        if changed > crate::limits::book::JOURNAL_ROWS {
            return None;
        }
        let also = draft.changed_nexts.keys().filter(|row| !draft.changed_rows.contains_key(row));
        let mut rows: Vec<u32> = draft.changed_rows.keys().chain(also).copied().collect();
        rows.sort_unstable();
        Some(rows.into_iter().map(|row| (row, self.direct(row))).collect())
    }

    /// Makes a draft part of the book, without a trace of what was before. True if entries came to belong to other customers.
    fn take_in(&mut self, draft: Draft) -> Result<bool, BookError> {
        if !draft.is_on(self) {
            return Err(BookError::Stale);
        }
        let Draft { tail, changed_rows, changed_nexts, changed_orders, renamed, .. } = draft;
        let mut moves = Vec::new();
        for (at, row) in changed_rows {
            let before = self.store.rows.get(at, at).map_or(NONE, |before| before.customer);
            if before != row.customer {
                moves.push((at, before, row.customer));
            }
            self.store.rows.set(at, at, &row);
        }
        for (at, next) in changed_nexts {
            self.store.rows.set_next(at, at, next);
        }
        for (at, order) in changed_orders {
            self.store.orders.set(at, order);
        }
        for (at, name) in renamed {
            self.store.products.rename(at, name);
        }
        let moved = self.store.append(&self.hash_key, tail);
        // So that chains come out the same way each time.
        moves.sort_unstable();
        self.store.rechain_customers(&moves);
        Ok(moved)
    }

    fn integration(&self, name: &str) -> Option<u16> {
        self.integrations().iter().position(|known| **known == *name).and_then(|number| u16::try_from(number).ok())
    }

    /// Bytes in memory by part, without what allocating costs.
    pub fn memory(&self) -> Vec<(&'static str, usize)> {
        let parts = self.store.parts().into_iter().map(|(name, part)| (name, part.bytes()));
        parts.chain([("journal", self.journal.bytes())]).collect()
    }
}
