//! Reading the entries of the book.

use std::ops::Range;

use crate::model::{Billing, Kind, Moment};

use super::Book;
use super::column::{CHUNK, Column};
use super::row::{Class, NONE, Place};

/// A live entry as the book lists it. Amounts are minor units and not negative; `kind` gives the direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    /// Number of its set of labels, see [`Book::labels`]; 0 for none.
    pub labels: u32,
    /// No other entry, not even a withdrawn one, is of its order.
    pub alone: bool,
    /// Where the whole entry lies.
    pub place: Place,
    /// Decides among equal instants, the same way as long as the ledger lives, whatever comes later.
    pub tie: u64,
}

/// Rows decoded at a time: few enough that their columns stay in the processor's nearest cache.
const PIECE: usize = 256;
const _: () = assert!(CHUNK.is_multiple_of(PIECE), "a piece must lie in one chunk");

/// A column's values for one piece.
type Piece = [i64; PIECE];

impl Book {
    /// The entry in this row, if it is not withdrawn.
    pub fn listed_at(&self, row: u32) -> Option<Listed> {
        let mut listed = self.direct(row)?;
        listed.customer = self.resolve(listed.customer);
        Some(listed)
    }

    /// The same with the customer that the entry itself names.
    pub(super) fn direct(&self, row: u32) -> Option<Listed> {
        // Each column that is read may cost a look into memory, so only those that are needed are.
        let rows = &self.store.rows;
        let class = rows.classes.get(rows.class.get(row)?).filter(|class| !class.is_withdrawn())?;
        let number = |column: &Column| column.get(row).map(|number| u32::try_from(number).unwrap_or(NONE));
        Some(Listed {
            row,
            integration: class.integration,
            order: number(&rows.order)?,
            customer: u32::try_from(rows.customer.get(row)? - 1).unwrap_or(NONE),
            currency: class.currency,
            kind: class.kind,
            billing: class.billing,
            at: class.moment(rows.at.get(row)?),
            total: rows.total.get(row)?,
            tax: if class.knows_tax() { rows.tax.get(row) } else { None },
            shipping: if class.knows_shipping() { rows.shipping.get(row) } else { None },
            approximate_date: class.is_approximate(),
            estimated: class.is_estimated(),
            labels: number(&rows.labels)?,
            alone: rows.next.get(row) == Some(0),
            place: self.place(row)?,
            tie: rows.marks.head(row),
        })
    }

    pub(super) fn is_live(&self, row: u32) -> bool {
        let rows = &self.store.rows;
        rows.class.get(row).and_then(|class| rows.classes.get(class)).is_some_and(|class| !class.is_withdrawn())
    }

    /// Where an entry lies in the log, or lay when it was withdrawn.
    pub fn place(&self, row: u32) -> Option<Place> {
        let number = self.store.rows.place.get(row)?.wrapping_add(i64::from(row));
        Some(Place::of_number(number))
    }

    /// The number of the integration that an entry is of, also of a withdrawn one.
    pub fn integration_of(&self, row: u32) -> Option<u16> {
        let rows = &self.store.rows;
        rows.classes.get(rows.class.get(row)?).map(|class| class.integration)
    }

    /// The live ones of these entries, ascending. Customers are resolved. Reads whole columns, so it is far cheaper an entry than
    /// [`Book::listed_at`].
    pub fn scan(&self, rows: Range<u32>, mut each: impl FnMut(&Listed)) {
        self.read(rows, |listed, withdrawn| {
            if !withdrawn {
                each(listed);
            }
        });
    }

    /// The live entries of every order that has any, those orders whose first entry, live or withdrawn, is among these: each
    /// order once, its entries in any sequence.
    pub fn scan_orders(&self, rows: Range<u32>, mut each: impl FnMut(&[Listed])) {
        let mut order = Vec::new();
        self.read(rows, |listed, withdrawn| {
            if listed.alone {
                if !withdrawn {
                    each(std::slice::from_ref(listed));
                }
                return;
            }
            if self.store.orders.first(listed.order) != Some(listed.row) {
                return;
            }
            order.clear();
            if !withdrawn {
                order.push(*listed);
            }
            let next = |row: u32| self.store.rows.next(row, row).filter(|next| *next != listed.row);
            let others = std::iter::successors(next(listed.row), |row| next(*row));
            order.extend(others.filter_map(|row| self.listed_at(row)));
            if !order.is_empty() {
                each(&order);
            }
        });
    }

    /// All of these entries, ascending, and whether each is withdrawn.
    fn read(&self, rows: Range<u32>, mut each: impl FnMut(&Listed, bool)) {
        let store = &self.store.rows;
        let end = rows.end.min(self.entries());
        let mut pieces = Pieces::default();
        let mut from = rows.start;
        while from < end {
            let count = (PIECE - from as usize % PIECE).min((end - from) as usize);
            pieces.fill(self, from, count);
            // Rows of one integration mostly share their class.
            let mut known: (i64, Option<Class>) = (-1, None);
            for ((position, row), mark) in (0..count).zip(from..).zip(store.marks.from(from)) {
                let value = |piece: &Piece| piece.get(position).copied().unwrap_or(0);
                let number = value(&pieces.class);
                if known.0 != number {
                    known = (number, store.classes.get(number));
                }
                let Some(class) = known.1 else { continue };
                let customer = u32::try_from(value(&pieces.customer) - 1).unwrap_or(NONE);
                let place = Place::of_number(value(&pieces.place).wrapping_add(i64::from(row)));
                let listed = Listed {
                    row,
                    integration: class.integration,
                    order: value(&pieces.order) as u32,
                    customer: if self.store.stands_for_itself() { customer } else { self.resolve(customer) },
                    currency: class.currency,
                    kind: class.kind,
                    billing: class.billing,
                    at: class.moment(value(&pieces.at)),
                    total: value(&pieces.total),
                    tax: class.knows_tax().then_some(value(&pieces.tax)),
                    shipping: class.knows_shipping().then_some(value(&pieces.shipping)),
                    approximate_date: class.is_approximate(),
                    estimated: class.is_estimated(),
                    labels: value(&pieces.labels) as u32,
                    alone: value(&pieces.next) == 0,
                    place,
                    tie: *mark as u64,
                };
                each(&listed, class.is_withdrawn());
            }
            from += count as u32;
        }
    }

    /// All entries that are not withdrawn, in the order in which they were first stored. Customers are resolved.
    pub fn live(&self) -> Live<'_> {
        Live { book: self, next: 0, read: Vec::new().into_iter() }
    }
}

/// The columns that [`Listed`] is made of.
struct Pieces {
    at: Piece,
    total: Piece,
    tax: Piece,
    shipping: Piece,
    customer: Piece,
    order: Piece,
    next: Piece,
    place: Piece,
    class: Piece,
    labels: Piece,
}

impl Default for Pieces {
    fn default() -> Self {
        let empty = [0; PIECE];
        Self {
            at: empty,
            total: empty,
            tax: empty,
            shipping: empty,
            customer: empty,
            order: empty,
            next: empty,
            place: empty,
            class: empty,
            labels: empty,
        }
    }
}

impl Pieces {
    fn fill(&mut self, book: &Book, from: u32, count: usize) {
        let rows = &book.store.rows;
        let fill = |column: &Column, piece: &mut Piece| {
            column.decode(from, piece.get_mut(..count).unwrap_or_default());
        };
        fill(&rows.at, &mut self.at);
        fill(&rows.total, &mut self.total);
        fill(&rows.tax, &mut self.tax);
        fill(&rows.shipping, &mut self.shipping);
        fill(&rows.customer, &mut self.customer);
        fill(&rows.order, &mut self.order);
        fill(&rows.next, &mut self.next);
        fill(&rows.place, &mut self.place);
        fill(&rows.class, &mut self.class);
        fill(&rows.labels, &mut self.labels);
    }
}

/// Goes over all live entries, see [`Book::live`].
#[derive(Debug)]
pub struct Live<'b> {
    book: &'b Book,
    next: u32,
    read: std::vec::IntoIter<Listed>,
}

impl Iterator for Live<'_> {
    type Item = Listed;

    fn next(&mut self) -> Option<Listed> {
        loop {
            if let Some(listed) = self.read.next() {
                return Some(listed);
            }
            if self.next >= self.book.entries() {
                return None;
            }
            let mut some = Vec::with_capacity(PIECE);
            let end = self.next.saturating_add(PIECE as u32);
            self.book.scan(self.next..end, |listed| some.push(*listed));
            (self.next, self.read) = (end, some.into_iter());
        }
    }
}
