//! The tables of the book. A draft has the same tables as a tail behind those of the book it is made on.

use std::io::{self, Read, Write};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::model::Currency;

use super::column::Column;
use super::goods::Products;
use super::hash::HashKey;
use super::index::NUMBERS;
use super::keys::{KeyMap, Names};
use super::labels::{LabelSets, Strings};
use super::part::{Part, bad, read_list, write_list};
use super::parties::{Customers, Orders};
use super::rows::Rows;

/// Entries, orders and customers with their indexes. Numbers are positions plus an offset: 0 in the book, the book's lengths
/// in a draft.
#[derive(Debug, Default, Clone)]
pub(super) struct Store {
    pub(super) rows: Rows,
    pub(super) orders: Orders,
    pub(super) customers: Customers,
    /// Other keys that an entry goes by since two doors were bound.
    pub(super) bound: KeyMap,
    /// Rows by their weaker names.
    pub(super) names: Names,
    /// Addresses by (integration, id), learnt from entries that carry both.
    pub(super) known_ids: KeyMap,
    /// Texts of labels.
    pub(super) values: Strings,
    pub(super) label_sets: LabelSets,
    pub(super) products: Products,
    pub(super) baskets: Strings,
    pub(super) currencies: Short<Currency>,
    pub(super) integrations: Short<Box<str>>,
}

/// A list that is short enough to go along with each draft whole.
#[derive(Debug, Clone)]
pub(super) struct Short<T>(pub(super) Vec<T>);

impl<T> Default for Short<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

/// Where the numbers of a store begin.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Base {
    pub(super) rows: u32,
    pub(super) orders: u32,
    pub(super) customers: u32,
    pub(super) values: u32,
    pub(super) label_sets: u32,
    pub(super) products: u32,
    pub(super) baskets: u32,
}

/// Names every table once, for reading, for writing and for telling how large it is.
macro_rules! parts {
    ($($name:literal: $($field:ident).+,)*) => {
        /// All tables with their names.
        pub(super) fn parts(&self) -> Vec<(&'static str, &dyn Part)> {
            vec![$(($name, &self.$($field).+)),*]
        }

        /// All tables with their names, to be read.
        pub(super) fn parts_mut(&mut self) -> Vec<(&'static str, &mut dyn Part)> {
            vec![$(($name, &mut self.$($field).+)),*]
        }
    };
}

impl Store {
    parts! {
        "entries.marks": rows.marks,
        "entries.index": rows.index,
        "entries.at": rows.at,
        "entries.revision": rows.revision,
        "entries.total": rows.total,
        "entries.tax": rows.tax,
        "entries.shipping": rows.shipping,
        "entries.customer": rows.customer,
        "entries.order": rows.order,
        "entries.next": rows.next,
        "entries.mate": rows.mate,
        "entries.place": rows.place,
        "entries.class": rows.class,
        "entries.labels": rows.labels,
        "entries.goods": rows.goods,
        "classes": rows.classes,
        "orders.keys": orders.keys.packed,
        "orders.index": orders.keys.index,
        "orders.revision": orders.revision,
        "orders.first": orders.first,
        "customers.keys": customers.keys.packed,
        "customers.index": customers.keys.index,
        "customers.who": customers.who,
        "customers.ids": customers.ids,
        "customers.last": customers.last,
        "bound.keys": bound.keys.packed,
        "bound.index": bound.keys.index,
        "bound.rows": bound.values,
        "names.keys": names.keys.packed,
        "names.index": names.keys.index,
        "names.heads": names.heads,
        "names.rows": names.rows,
        "names.nexts": names.nexts,
        "ids.keys": known_ids.keys.packed,
        "ids.index": known_ids.keys.index,
        "ids.addresses": known_ids.values,
        "labels.values": values,
        "labels.sets": label_sets,
        "products": products,
        "baskets": baskets,
        "currencies": currencies,
        "integrations": integrations,
    }

    /// A store to be appended to this one. The two short lists go along whole.
    pub(super) fn empty_tail(&self) -> Self {
        Self { currencies: self.currencies.clone(), integrations: self.integrations.clone(), ..Self::default() }
    }

    pub(super) fn base_of_tail(&self) -> Base {
        let number = |len: usize| u32::try_from(len).unwrap_or(u32::MAX);
        Base {
            rows: number(self.rows.len()),
            orders: number(self.orders.keys.len()),
            customers: number(self.customers.len()),
            values: number(self.values.len()),
            label_sets: number(self.label_sets.len()),
            products: number(self.products.len()),
            baskets: number(self.baskets.len()),
        }
    }

    /// True if every table has room for one more after these.
    pub(super) fn has_room(&self, base: Base) -> bool {
        let room = |base: u32, len: usize| base as usize + len < NUMBERS;
        room(base.rows, self.rows.len())
            && room(base.orders, self.orders.keys.len())
            && room(base.customers, self.customers.len())
            && room(base.values, self.values.len())
            && room(base.label_sets, self.label_sets.len())
            && room(base.products, self.products.len())
            && room(base.baskets, self.baskets.len())
            && room(0, self.names.rows.len())
    }

    /// True if columns that belong together are equally long.
    pub(super) fn is_even(&self) -> bool {
        let Self { rows, orders, customers, bound, names, known_ids, .. } = self;
        let columns = [
            (rows.len(), rows.index.len()),
            (rows.len(), rows.at.len()),
            (rows.len(), rows.revision.len()),
            (rows.len(), rows.total.len()),
            (rows.len(), rows.tax.len()),
            (rows.len(), rows.shipping.len()),
            (rows.len(), rows.customer.len()),
            (rows.len(), rows.order.len()),
            (rows.len(), rows.next.len()),
            (rows.len(), rows.mate.len()),
            (rows.len(), rows.place.len()),
            (rows.len(), rows.class.len()),
            (rows.len(), rows.labels.len()),
            (rows.len(), rows.goods.len()),
            (orders.keys.len(), orders.keys.index.len()),
            (orders.keys.len(), orders.revision.len()),
            (orders.keys.len(), orders.first.len()),
            (customers.len(), customers.keys.index.len()),
            (customers.len(), customers.who.len()),
            (customers.len(), customers.ids.len()),
            (customers.len(), customers.last.len()),
            (bound.keys.len(), bound.keys.index.len()),
            (bound.keys.len(), bound.values.len()),
            (names.keys.len(), names.keys.index.len()),
            (names.keys.len(), names.heads.len()),
            (names.rows.len(), names.nexts.len()),
            (known_ids.keys.len(), known_ids.keys.index.len()),
            (known_ids.keys.len(), known_ids.values.len()),
        ];
        columns.iter().all(|(one, other)| one == other)
    }

    /// Moves a tail that was made on this store to its end. True if an id that had rows before now stands for another customer than
    /// before.
    pub(super) fn append(&mut self, key: &HashKey, mut tail: Self) -> bool {
        let base = self.base_of_tail();
        let known_ids = std::mem::take(&mut tail.known_ids);
        self.rows.append(tail.rows);
        self.orders.append(tail.orders);
        self.customers.append(tail.customers);
        tail.bound.each(|key, row| {
            self.bound.insert(key, row);
        });
        tail.names.each(|key, row| self.names.insert(key, row));
        self.values.append(key, &tail.values);
        self.label_sets.append(key, &tail.label_sets);
        self.products.append(key, tail.products);
        self.baskets.append(key, &tail.baskets);
        self.currencies = tail.currencies;
        self.integrations = tail.integrations;
        self.chain_customers(base.rows);
        self.learn_ids(base.customers, &known_ids)
    }

    /// Takes over which ids stand for which addresses. Customers from `new` on have just come.
    fn learn_ids(&mut self, new: u32, known_ids: &KeyMap) -> bool {
        let mut moved = false;
        known_ids.each(|key, address| {
            if self.known_ids.insert(key, address) != Some(address)
                && let Some(id) = self.customers.keys.find(key)
            {
                moved |= id < new;
                self.customers.link(id, address);
            }
        });
        for id in (new..).take(self.customers.len().saturating_sub(new as usize)) {
            if !self.customers.is_address(id)
                && let Some(address) = self.customers.keys.get(id).and_then(|key| self.known_ids.get(key))
            {
                self.customers.link(id, address);
            }
        }
        moved
    }

    /// True if no id stands for an address, which spares looking.
    pub(super) fn stands_for_itself(&self) -> bool {
        self.known_ids.keys.len() == 0
    }

    // ---- chains of customers --------------------------------------------------------------------------------------------

    /// Chains the rows from this one on, which have no `mate` yet.
    fn chain_customers(&mut self, from: u32) {
        let mut customers = vec![0; super::column::CHUNK];
        let mut at = from as usize;
        while at < self.rows.len() {
            let end = (at / customers.len() + 1) * customers.len();
            let count = end.min(self.rows.len()) - at;
            let some = customers.get_mut(..count).unwrap_or_default();
            self.rows.customer.decode(at as u32, some);
            for (row, customer) in (at as u32..).zip(some.iter()) {
                let Ok(customer) = u32::try_from(customer - 1) else {
                    self.rows.mate.push(0);
                    continue;
                };
                let last = self.customers.last(customer);
                self.rows.mate.push(last.map_or(0, |last| i64::from(last) - i64::from(row)));
                self.customers.set_last(customer, Some(row));
            }
            at += count;
        }
    }

    /// The rows that name a customer directly, withdrawn ones included.
    pub(super) fn rows_naming(&self, customer: u32) -> impl Iterator<Item = u32> + '_ {
        std::iter::successors(self.customers.last(customer), |row| self.mate(*row))
    }

    fn mate(&self, row: u32) -> Option<u32> {
        let distance = self.rows.mate.get(row).filter(|distance| *distance != 0)?;
        u32::try_from(i64::from(row) + distance).ok()
    }

    /// Moves rows from the chain of one customer to that of another: (row, from, to). The `customer` column has the new ones already.
    pub(super) fn rechain_customers(&mut self, moves: &[(u32, u32, u32)]) {
        // Chains are walked to take a row out. Where that would take longer than to chain everything anew, everything is.
        let mut steps = self.rows.len() / 8 + 4_096;
        for &(row, from, to) in moves {
            let mut before = None;
            for at in self.rows_naming(from).take(steps) {
                steps -= 1;
                if at == row {
                    break;
                }
                before = Some(at);
            }
            if steps == 0 {
                self.rows.mate = Column::default();
                self.customers.forget_rows();
                return self.chain_customers(0);
            }
            let after = self.mate(row);
            let distance = |from: u32, to: Option<u32>| to.map_or(0, |to| i64::from(to) - i64::from(from));
            if let Some(before) = before {
                self.rows.mate.set(before, distance(before, after));
            } else {
                self.customers.set_last(from, after);
            }
            let last = self.customers.last(to);
            self.rows.mate.set(row, distance(row, last));
            self.customers.set_last(to, Some(row));
        }
    }
}

impl<T: Serialize + DeserializeOwned + Send + Sync> Part for Short<T> {
    fn bytes(&self) -> usize {
        self.0.capacity() * size_of::<T>()
    }

    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let bytes = postcard::to_stdvec(&self.0).map_err(|_| bad("a list cannot be written"))?;
        write_list(out, &bytes, |byte| [byte])
    }

    fn read(&mut self, input: &mut dyn Read) -> io::Result<()> {
        let bytes = read_list(input, |[byte]: [u8; 1]| byte)?;
        self.0 = postcard::from_bytes(&bytes).map_err(|_| bad("a list cannot be read"))?;
        Ok(())
    }
}
