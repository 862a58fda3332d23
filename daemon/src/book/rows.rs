//! The columns of entries.

use std::collections::HashMap;
use std::io::{self, Read, Write};

use super::column::Column;
use super::hash::Hash;
use super::index::Index;
use super::part::{Part, append_tight, bad, push_tight, read_list, write_list};
use super::row::{Class, NONE, Place, Row};

/// Entries, by number. A draft's tail has the same, with numbers that begin where those of the book end.
#[derive(Debug, Default, Clone)]
pub(super) struct Rows {
    pub(super) marks: Marks,
    pub(super) index: Index,
    pub(super) at: Column,
    pub(super) revision: Column,
    pub(super) total: Column,
    pub(super) tax: Column,
    pub(super) shipping: Column,
    /// The customer's number plus one; 0 for none.
    pub(super) customer: Column,
    pub(super) order: Column,
    /// How far away the next row of the same order is. The last one leads back to the first, so 0 means that there is no other.
    pub(super) next: Column,
    /// How far away the next row of the same customer is; 0 for none. Only in the book.
    pub(super) mate: Column,
    /// The place less the row's number: the same for neighbours that were stored together.
    pub(super) place: Column,
    pub(super) class: Column,
    pub(super) labels: Column,
    pub(super) goods: Column,
    pub(super) classes: Classes,
}

/// Key and fingerprint of each entry in 16 bytes, so that one look decides about a delivery that comes again.
#[derive(Debug, Default, Clone)]
pub(super) struct Marks(Vec<u128>);

const KEY_BITS: u32 = 80;

impl Marks {
    fn of(row: &Row) -> u128 {
        row.key.number() | u128::from(row.fingerprint) << KEY_BITS
    }

    fn key(&self, at: u32) -> Option<Hash> {
        self.0.get(at as usize).copied().map(Hash::of_number)
    }

    /// Low 64 bits of the key.
    pub(super) fn head(&self, at: u32) -> u64 {
        self.0.get(at as usize).map_or(0, |mark| *mark as u64)
    }

    fn fingerprint(&self, at: u32) -> u64 {
        self.0.get(at as usize).map_or(0, |mark| (*mark >> KEY_BITS) as u64)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The marks from one row on.
    pub(super) fn from(&self, at: u32) -> &[u128] {
        self.0.get(at as usize..).unwrap_or_default()
    }
}

/// What decides about most changes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Glance {
    pub(super) fingerprint: u64,
    pub(super) revision: i64,
    pub(super) class: Class,
}

impl From<&Row> for Glance {
    fn from(row: &Row) -> Self {
        Self { fingerprint: row.fingerprint, revision: row.revision, class: row.class }
    }
}

impl Rows {
    pub(super) fn len(&self) -> usize {
        self.marks.len()
    }

    pub(super) fn find(&self, key: Hash) -> Option<u32> {
        self.index.find(key.head(), |at| self.marks.key(at) == Some(key))
    }

    /// The row at this position. `number` is its number, which is more in a tail.
    pub(super) fn get(&self, at: u32, number: u32) -> Option<Row> {
        let id = |value: i64| u32::try_from(value).unwrap_or(NONE);
        Some(Row {
            key: self.marks.key(at)?,
            fingerprint: self.marks.fingerprint(at),
            revision: self.revision.get(at)?,
            at: self.at.get(at)?,
            total: self.total.get(at)?,
            tax: self.tax.get(at)?,
            shipping: self.shipping.get(at)?,
            customer: id(self.customer.get(at)? - 1),
            order: id(self.order.get(at)?),
            place: Place::of_number(self.place.get(at)?.wrapping_add(i64::from(number))),
            labels: id(self.labels.get(at)?),
            goods: self.goods.get(at)?,
            class: self.classes.get(self.class.get(at)?)?,
        })
    }

    pub(super) fn glance(&self, at: u32) -> Option<Glance> {
        Some(Glance {
            fingerprint: self.marks.fingerprint(at),
            revision: self.revision.get(at)?,
            class: self.classes.get(self.class.get(at)?)?,
        })
    }

    /// The next row of the same order, itself if there is no other.
    pub(super) fn next(&self, at: u32, number: u32) -> Option<u32> {
        u32::try_from(i64::from(number) + self.next.get(at)?).ok()
    }

    pub(super) fn set_next(&mut self, at: u32, number: u32, next: u32) {
        self.next.set(at, i64::from(next) - i64::from(number));
    }

    pub(super) fn push(&mut self, row: &Row, number: u32) {
        push_tight(&mut self.marks.0, Marks::of(row));
        self.index.push(row.key.head(), |at| self.marks.head(at));
        let class = self.classes.number(row.class);
        self.at.push(row.at);
        self.revision.push(row.revision);
        self.total.push(row.total);
        self.tax.push(row.tax);
        self.shipping.push(row.shipping);
        self.customer.push(customer_number(row.customer));
        self.order.push(i64::from(row.order));
        self.next.push(0);
        self.place.push(row.place.number().wrapping_sub(i64::from(number)));
        self.class.push(class);
        self.labels.push(i64::from(row.labels));
        self.goods.push(row.goods);
    }

    /// Changes a row. Its key stays.
    pub(super) fn set(&mut self, at: u32, number: u32, row: &Row) {
        if let Some(mark) = self.marks.0.get_mut(at as usize) {
            *mark = Marks::of(row);
        }
        let class = self.classes.number(row.class);
        for (column, value) in [
            (&mut self.at, row.at),
            (&mut self.revision, row.revision),
            (&mut self.total, row.total),
            (&mut self.tax, row.tax),
            (&mut self.shipping, row.shipping),
            (&mut self.customer, customer_number(row.customer)),
            (&mut self.order, i64::from(row.order)),
            (&mut self.place, row.place.number().wrapping_sub(i64::from(number))),
            (&mut self.class, class),
            (&mut self.labels, i64::from(row.labels)),
            (&mut self.goods, row.goods),
        ] {
            column.set(at, value);
        }
    }

    /// Moves the rows of a tail to the end, but for `mate`, which tails do not have.
    pub(super) fn append(&mut self, tail: Self) {
        if self.len() == 0 {
            (self.marks, self.index) = (tail.marks, tail.index);
        } else {
            self.index.reserve(tail.len(), |at| self.marks.head(at));
            self.index.extend(tail.marks.0.iter().map(|mark| *mark as u64));
            append_tight(&mut self.marks.0, tail.marks.0);
        }
        let numbers: Vec<i64> = tail.classes.list.iter().map(|class| self.classes.number(*class)).collect();
        tail.class.each(|class| {
            let number = usize::try_from(class).ok().and_then(|class| numbers.get(class));
            self.class.push(number.copied().unwrap_or(0));
        });
        self.at.append(tail.at);
        self.revision.append(tail.revision);
        self.total.append(tail.total);
        self.tax.append(tail.tax);
        self.shipping.append(tail.shipping);
        self.customer.append(tail.customer);
        self.order.append(tail.order);
        self.next.append(tail.next);
        self.place.append(tail.place);
        self.labels.append(tail.labels);
        self.goods.append(tail.goods);
    }
}

/// As the column has it.
pub(super) fn customer_number(customer: u32) -> i64 {
    if customer == NONE { 0 } else { i64::from(customer) + 1 }
}

impl Part for Marks {
    fn bytes(&self) -> usize {
        self.0.capacity() * size_of::<u128>()
    }

    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        write_list(out, &self.0, u128::to_le_bytes)
    }

    fn read(&mut self, input: &mut dyn Read) -> io::Result<()> {
        self.0 = read_list(input, u128::from_le_bytes)?;
        Ok(())
    }
}

/// Numbers of classes.
#[derive(Debug, Default, Clone)]
pub(super) struct Classes {
    list: Vec<Class>,
    numbers: HashMap<Class, i64>,
}

impl Classes {
    pub(super) fn get(&self, number: i64) -> Option<Class> {
        self.list.get(usize::try_from(number).ok()?).copied()
    }

    fn number(&mut self, class: Class) -> i64 {
        // Mostly it is one of the first, which are found faster so.
        if let Some(number) = self.list.iter().take(16).position(|known| *known == class) {
            return number as i64;
        }
        *self.numbers.entry(class).or_insert_with(|| {
            self.list.push(class);
            self.list.len() as i64 - 1
        })
    }
}

impl Part for Classes {
    fn bytes(&self) -> usize {
        self.list.capacity() * 3 * size_of::<Class>()
    }

    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        write_list(out, &self.list, Class::pack)
    }

    fn read(&mut self, input: &mut dyn Read) -> io::Result<()> {
        let packed = read_list(input, |packed: [u8; 8]| packed)?;
        *self = Self::default();
        for packed in packed {
            let class = Class::unpack(packed).ok_or_else(|| bad("there is no such class of entries"))?;
            self.number(class);
        }
        Ok(())
    }
}
