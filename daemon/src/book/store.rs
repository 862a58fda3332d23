//! The tables of the book. A draft has the same tables as a tail behind those of the book it is made on.

use std::collections::HashMap;

use hashbrown::HashTable;

use crate::model::Currency;

use super::hash::Hash;
use super::row::{NONE, Row};

/// An order: its rows, and the revision of its last replacement.
#[derive(Debug, Clone, Copy)]
pub(super) struct OrderRow {
    pub(super) key: Hash,
    /// `i64::MIN` if the order was never replaced as a whole.
    pub(super) revision: i64,
    /// First of its rows; they are chained by `Row::next`.
    pub(super) first: u32,
}

/// Who bought: an e-mail address, or an id of one integration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// Normalised address.
    Email(Box<str>),
    /// The platform's id, for entries without address.
    Id {
        /// Number of the integration.
        integration: u16,
        /// As the platform gave it.
        id: Box<str>,
    },
}

#[derive(Debug, Clone)]
pub(super) struct CustomerRow {
    pub(super) key: Hash,
    pub(super) identity: Identity,
}

/// Rows, orders and customers with their indexes. Numbers are positions plus an offset: 0 in the book, the book's lengths
/// in a draft.
#[derive(Debug, Default, Clone)]
pub(super) struct Store {
    pub(super) rows: Vec<Row>,
    row_index: HashTable<u32>,
    pub(super) orders: Vec<OrderRow>,
    order_index: HashTable<u32>,
    pub(super) customers: Vec<CustomerRow>,
    customer_index: HashTable<u32>,
    /// Other keys that an entry goes by since two doors were bound.
    pub(super) bound: HashMap<Hash, u32>,
    /// Rows by their weaker names.
    pub(super) names: HashMap<Hash, Vec<u32>>,
    /// Customers by (integration, id), learnt from entries that carry both an address and an id.
    pub(super) known_ids: HashMap<Hash, u32>,
    pub(super) currencies: Vec<Currency>,
    pub(super) integrations: Vec<Box<str>>,
}

/// Where the numbers of a store begin.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Base {
    pub(super) rows: u32,
    pub(super) orders: u32,
    pub(super) customers: u32,
}

fn number(base: u32, position: usize) -> u32 {
    u32::try_from(position).ok().and_then(|p| base.checked_add(p)).unwrap_or(NONE)
}

impl Store {
    /// A store to be appended to this one. The two short lists go along whole.
    pub(super) fn empty_tail(&self) -> Self {
        Self { currencies: self.currencies.clone(), integrations: self.integrations.clone(), ..Self::default() }
    }

    pub(super) fn base_of_tail(&self) -> Base {
        Base {
            rows: number(0, self.rows.len()),
            orders: number(0, self.orders.len()),
            customers: number(0, self.customers.len()),
        }
    }

    pub(super) fn find_row(&self, base: Base, key: Hash) -> Option<u32> {
        let rows = &self.rows;
        let at = self.row_index.find(key[0], |&i| rows.get(i as usize).is_some_and(|row| row.key == key))?;
        Some(base.rows + *at)
    }

    pub(super) fn push_row(&mut self, base: Base, row: Row) -> u32 {
        let position = number(0, self.rows.len());
        self.rows.push(row);
        let rows = &self.rows;
        self.row_index.insert_unique(row.key[0], position, |&i| rows.get(i as usize).map_or(0, |row| row.key[0]));
        base.rows.saturating_add(position)
    }

    pub(super) fn find_order(&self, base: Base, key: Hash) -> Option<u32> {
        let orders = &self.orders;
        let at = self.order_index.find(key[0], |&i| orders.get(i as usize).is_some_and(|order| order.key == key))?;
        Some(base.orders + *at)
    }

    pub(super) fn push_order(&mut self, base: Base, order: OrderRow) -> u32 {
        let position = number(0, self.orders.len());
        self.orders.push(order);
        let orders = &self.orders;
        self.order_index.insert_unique(order.key[0], position, |&i| orders.get(i as usize).map_or(0, |o| o.key[0]));
        base.orders.saturating_add(position)
    }

    pub(super) fn find_customer(&self, base: Base, key: Hash) -> Option<u32> {
        let customers = &self.customers;
        let at = self.customer_index.find(key[0], |&i| customers.get(i as usize).is_some_and(|c| c.key == key))?;
        Some(base.customers + *at)
    }

    pub(super) fn push_customer(&mut self, base: Base, customer: CustomerRow) -> u32 {
        let position = number(0, self.customers.len());
        let key = customer.key;
        self.customers.push(customer);
        let customers = &self.customers;
        self.customer_index.insert_unique(key[0], position, |&i| customers.get(i as usize).map_or(0, |c| c.key[0]));
        base.customers.saturating_add(position)
    }

    /// Moves a tail that was made on this store to its end.
    pub(super) fn append(&mut self, tail: Self) {
        if self.rows.is_empty() && self.orders.is_empty() && self.customers.is_empty() {
            *self = tail;
            return;
        }
        for row in tail.rows {
            self.push_row(Base::default(), row);
        }
        for order in tail.orders {
            self.push_order(Base::default(), order);
        }
        for customer in tail.customers {
            self.push_customer(Base::default(), customer);
        }
        self.bound.extend(tail.bound);
        self.known_ids.extend(tail.known_ids);
        for (name, rows) in tail.names {
            self.names.entry(name).or_default().extend(rows);
        }
        self.currencies = tail.currencies;
        self.integrations = tail.integrations;
    }
}
