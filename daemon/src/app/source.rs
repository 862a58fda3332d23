//! The book as the reports read it.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, RwLockReadGuard};

use crate::book::{Book, Identity, Listed, NONE, Place, normalise_email};
use crate::ledger::{Ledger, LedgerError};
use crate::model::{Currency, Good, Label, Product, Zone, ZoneTable};
use crate::report::{Before, Fact, FactFlags, IntegrationFacts, NO_CUSTOMER, Source};

/// The book, held still: nothing is stored as long as this is kept, and nothing that asks for the book again may be called.
pub struct Reading<'a> {
    book: RwLockReadGuard<'a, Book>,
    ledger: &'a Ledger,
    zones: Vec<Arc<ZoneTable>>,
    utc: Arc<ZoneTable>,
    integrations: Vec<IntegrationFacts>,
    quarantined: Arc<BTreeMap<String, u64>>,
    /// Where customers are told apart by integration, their numbers are this far apart.
    stride: Option<u32>,
}

impl<'a> Reading<'a> {
    /// `zones` by name of the integration; `integrations` in the sequence of the book.
    pub(super) fn new(
        ledger: &'a Ledger,
        book: RwLockReadGuard<'a, Book>,
        zones: &BTreeMap<String, Zone>,
        integrations: Vec<IntegrationFacts>,
        quarantined: Arc<BTreeMap<String, u64>>,
        by_store: bool,
    ) -> Self {
        let zone = |name: &str| zones.get(name).copied().unwrap_or(Zone::UTC);
        let zones = book.integrations().iter().map(|name| ZoneTable::of(zone(name))).collect();
        // A power of two, so that numbers seldom change when an integration comes in.
        let stride = by_store.then(|| u32::try_from(book.integrations().len().next_power_of_two()).unwrap_or(u32::MAX));
        Self { book, ledger, zones, utc: ZoneTable::of(Zone::UTC), integrations, quarantined, stride }
    }

    /// The numbers of the customer with this address: one, or one for each integration.
    pub fn customers_of(&self, email: &str) -> Vec<u32> {
        let Some(found) = self.book.find_email(email) else { return Vec::new() };
        self.numbers_of(found)
    }

    /// The numbers of the customer with this id of an integration.
    pub fn customers_with_id(&self, integration: &str, id: &str) -> Vec<u32> {
        self.book.find_id(integration, id).map(|found| self.numbers_of(found)).unwrap_or_default()
    }

    fn numbers_of(&self, customer: u32) -> Vec<u32> {
        let customer = self.book.resolve(customer);
        match self.stride {
            None => vec![customer],
            Some(stride) => (0..u32::try_from(self.integrations.len()).unwrap_or(0))
                .filter_map(|integration| customer.checked_mul(stride)?.checked_add(integration))
                .collect(),
        }
    }

    /// How far apart numbers of customers are, if integrations tell them apart. Views of another distance are of no use.
    pub(super) fn stride(&self) -> Option<u32> {
        self.stride
    }

    /// Who a customer is, from an entry that names them.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub fn identity(&self, customer: u32) -> Result<Option<Identity>, LedgerError> {
        let customer = self.stride.map_or(customer, |stride| customer / stride);
        let Some(row) = self.book.row_naming(customer) else { return Ok(None) };
        let Some(place) = self.book.place(row) else { return Ok(None) };
        let Some(entry) = self.ledger.entry(place)? else { return Ok(None) };
        Ok(if self.book.is_address(customer) {
            entry.customer.email.as_deref().and_then(normalise_email).map(|email| Identity::Email(email.into()))
        } else {
            let integration = self.book.integration_of(row).unwrap_or(0);
            entry.customer.id.map(|id| Identity::Id { integration, id: id.into() })
        })
    }

    /// Where a whole entry lies in the log.
    pub fn place(&self, entry: u32) -> Option<Place> {
        self.book.place(entry)
    }

    fn to_fact(&self, entry: &Listed) -> Fact {
        let zone = self.zones.get(usize::from(entry.integration)).unwrap_or(&self.utc);
        let at = zone.resolve(entry.at);
        Fact {
            unix_ms: at.unix_ms,
            total: entry.total,
            tax: entry.tax.unwrap_or(0),
            shipping: entry.shipping.unwrap_or(0),
            tie: entry.tie,
            customer: self.customer_number(entry),
            order: entry.order,
            entry: entry.row,
            integration: entry.integration,
            currency: u16::from(entry.currency),
            labels: entry.labels,
            kind: entry.kind,
            billing: entry.billing,
            flags: FactFlags::TAX_KNOWN
                .only_if(entry.tax.is_some())
                .with(FactFlags::SHIPPING_KNOWN.only_if(entry.shipping.is_some()))
                .with(FactFlags::APPROXIMATE_DATE.only_if(entry.approximate_date))
                .with(FactFlags::ESTIMATED.only_if(entry.estimated))
                .with(FactFlags::CLOCK_CHANGE.only_if(at.clock_change))
                .with(FactFlags::ALONE.only_if(entry.alone)),
        }
    }

    fn customer_number(&self, entry: &Listed) -> u32 {
        match self.stride {
            _ if entry.customer == NONE => NO_CUSTOMER,
            None => entry.customer,
            // Too many customers and integrations together: see `customers`, which refuses them.
            Some(stride) => entry.customer.saturating_mul(stride).saturating_add(u32::from(entry.integration)),
        }
    }
}

impl Source for Reading<'_> {
    fn currencies(&self) -> &[Currency] {
        self.book.currencies()
    }

    fn integrations(&self) -> &[IntegrationFacts] {
        &self.integrations
    }

    fn quarantined(&self) -> &BTreeMap<String, u64> {
        &self.quarantined
    }

    fn revision(&self) -> u64 {
        self.book.revision()
    }

    fn entries(&self) -> u32 {
        self.book.entries()
    }

    fn customers(&self) -> u32 {
        match self.stride {
            None => self.book.customers(),
            // Numbers beyond 32 bits are answered as a contradiction, rather than mixing customers up.
            Some(stride) => self.book.customers().checked_mul(stride).unwrap_or(0),
        }
    }

    fn orders(&self) -> u32 {
        self.book.orders()
    }

    fn fact(&self, entry: u32) -> Option<Fact> {
        self.book.listed_at(entry).map(|listed| self.to_fact(&listed))
    }

    fn scan_orders(&self, entries: Range<u32>, mut each: impl FnMut(&[Fact])) {
        let mut facts = Vec::new();
        self.book.scan_orders(entries, |order| {
            if let [one] = order {
                return each(&[self.to_fact(one)]);
            }
            facts.clear();
            facts.extend(order.iter().map(|listed| self.to_fact(listed)));
            each(&facts);
        });
    }

    fn of_order(&self, order: u32) -> Vec<u32> {
        self.book.of_order(order)
    }

    fn of_customer(&self, customer: u32) -> Vec<u32> {
        let Some(stride) = self.stride else { return self.book.of_customer(customer) };
        let mut entries = self.book.of_customer(customer / stride);
        entries.retain(|entry| self.book.integration_of(*entry).is_some_and(|i| u32::from(i) == customer % stride));
        entries
    }

    fn labels(&self, labels: u32) -> &[Label] {
        self.book.labels(labels)
    }

    fn value(&self, value: u32) -> &str {
        self.book.value(value)
    }

    fn products(&self) -> u32 {
        self.book.products()
    }

    fn product(&self, product: u32) -> Option<&Product> {
        self.book.product(product)
    }

    fn goods(&self, entry: u32) -> Vec<Good> {
        self.book.goods(entry)
    }

    fn before(&self, revision: u64) -> Option<Vec<Before>> {
        let images = self.book.before(revision)?;
        let before = |(entry, image): (u32, Option<Listed>)| Before { entry, fact: image.map(|i| self.to_fact(&i)) };
        Some(images.into_iter().map(before).collect())
    }
}
