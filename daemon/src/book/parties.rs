//! The columns of orders and of customers.

use super::column::Column;
use super::hash::Hash;
use super::keys::Keys;
use super::row::NONE;

/// An order: one of its rows, and the revision of its last replacement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OrderRow {
    /// `i64::MIN` if the order was never replaced as a whole.
    pub(super) revision: i64,
    /// The first row that it got, as long as that has not gone to another order, or `NONE`. The others are chained behind it.
    pub(super) first: u32,
}

#[derive(Debug, Default, Clone)]
pub(super) struct Orders {
    pub(super) keys: Keys,
    pub(super) revision: Column,
    /// The row's number plus one; 0 for none.
    pub(super) first: Column,
}

/// Orders that are never replaced must not make the numbers of their neighbours long.
fn revision_number(revision: i64) -> i64 {
    match revision {
        i64::MIN => 0,
        0.. => revision.wrapping_add(1),
        _ => revision,
    }
}

fn revision_of(number: i64) -> i64 {
    match number {
        0 => i64::MIN,
        1.. | i64::MIN => number.wrapping_sub(1),
        _ => number,
    }
}

fn row_of(number: i64) -> u32 {
    u32::try_from(number - 1).unwrap_or(NONE)
}

fn row_number(row: u32) -> i64 {
    if row == NONE { 0 } else { i64::from(row) + 1 }
}

impl Orders {
    pub(super) fn get(&self, at: u32) -> Option<OrderRow> {
        Some(OrderRow { revision: revision_of(self.revision.get(at)?), first: row_of(self.first.get(at)?) })
    }

    /// See [`OrderRow::first`].
    pub(super) fn first(&self, at: u32) -> Option<u32> {
        self.first.get(at).map(row_of)
    }

    pub(super) fn set(&mut self, at: u32, order: OrderRow) {
        self.revision.set(at, revision_number(order.revision));
        self.first.set(at, row_number(order.first));
    }

    /// Adds an order without rows.
    pub(super) fn push(&mut self, key: Hash) {
        self.keys.push(key);
        self.revision.push(revision_number(i64::MIN));
        self.first.push(row_number(NONE));
    }

    pub(super) fn append(&mut self, tail: Self) {
        self.keys.append(tail.keys);
        self.revision.append(tail.revision);
        self.first.append(tail.first);
    }
}

/// E-mail addresses, and ids of integrations for entries without address.
#[derive(Debug, Default, Clone)]
pub(super) struct Customers {
    pub(super) keys: Keys,
    /// `ADDRESS`, `ID`, or `KNOWN` plus the number of the address that the id stands for.
    pub(super) who: Column,
    /// Of an address: one of the ids with rows of their own that stand for it. Of such an id: the next one. Plus one; 0 for none.
    pub(super) ids: Column,
    /// One of the rows that name it, plus one; the others are chained behind it. 0 for none. Only in the book.
    pub(super) last: Column,
}

const ADDRESS: i64 = 0;
const ID: i64 = 1;
const KNOWN: i64 = 2;

impl Customers {
    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    pub(super) fn push(&mut self, key: Hash, is_address: bool) {
        self.keys.push(key);
        self.who.push(if is_address { ADDRESS } else { ID });
        self.ids.push(0);
        self.last.push(0);
    }

    pub(super) fn append(&mut self, tail: Self) {
        self.keys.append(tail.keys);
        self.who.append(tail.who);
        self.ids.append(tail.ids);
        self.last.append(tail.last);
    }

    pub(super) fn is_address(&self, at: u32) -> bool {
        self.who.get(at) == Some(ADDRESS)
    }

    /// The customer that this one stands for: an id whose address is known is that address.
    pub(super) fn resolve(&self, at: u32) -> u32 {
        let who = self.who.get(at).unwrap_or(ADDRESS);
        if who < KNOWN { at } else { u32::try_from(who - KNOWN).unwrap_or(at) }
    }

    /// From now on the id stands for this address.
    pub(super) fn link(&mut self, id: u32, address: u32) {
        let before = self.resolve(id);
        if before == address {
            return;
        }
        if before != id {
            self.unlink(id, before);
        }
        self.who.set(id, i64::from(address) + KNOWN);
        self.ids.set(id, self.ids.get(address).unwrap_or(0));
        self.ids.set(address, i64::from(id) + 1);
    }

    fn unlink(&mut self, id: u32, address: u32) {
        let mut at = address;
        while let Some(next) = self.next_id(at) {
            if next == id {
                self.ids.set(at, self.ids.get(id).unwrap_or(0));
                return;
            }
            at = next;
        }
    }

    fn next_id(&self, at: u32) -> Option<u32> {
        u32::try_from(self.ids.get(at)? - 1).ok()
    }

    /// An address and the ids with rows of their own that stand for it; of an id only itself.
    pub(super) fn all(&self, at: u32) -> impl Iterator<Item = u32> + '_ {
        let first = if self.is_address(at) { self.next_id(at) } else { None };
        std::iter::once(at).chain(std::iter::successors(first, |id| self.next_id(*id)))
    }

    pub(super) fn last(&self, at: u32) -> Option<u32> {
        u32::try_from(self.last.get(at)? - 1).ok()
    }

    pub(super) fn set_last(&mut self, at: u32, row: Option<u32>) {
        self.last.set(at, row.map_or(0, |row| i64::from(row) + 1));
    }

    /// Forgets which rows name whom.
    pub(super) fn forget_rows(&mut self) {
        self.last = Column::default();
        (0..self.len()).for_each(|_| self.last.push(0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_revision_of_an_order_comes_back() {
        for revision in [i64::MIN, i64::MIN + 1, -2, -1, 0, 1, 1_700_000_000_000, i64::MAX - 1, i64::MAX] {
            assert_eq!(revision_of(revision_number(revision)), revision);
        }
    }

    #[test]
    fn ids_move_from_address_to_address() {
        let mut customers = Customers::default();
        for (key, is_address) in [(1, true), (2, true), (3, false), (4, false), (5, false)] {
            customers.push(Hash::new(key, 0), is_address);
        }
        let all = |customers: &Customers, at| {
            let mut all: Vec<_> = customers.all(at).collect();
            all.sort_unstable();
            all
        };
        (2..5).for_each(|id| customers.link(id, 0));
        assert_eq!(all(&customers, 0), [0, 2, 3, 4]);
        customers.link(3, 1);
        customers.link(3, 1);
        assert_eq!((all(&customers, 0), all(&customers, 1)), (vec![0, 2, 4], vec![1, 3]));
        assert_eq!((customers.resolve(3), customers.resolve(4), customers.resolve(1)), (1, 0, 1));
        assert_eq!(all(&customers, 4), [4]);
    }
}
