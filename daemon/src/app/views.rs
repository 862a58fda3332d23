//! The views that questions are answered from, kept and brought up to date.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use super::App;
use super::source::Reading;
use crate::config::{self, Merge};
use crate::ledger::LedgerError;
use crate::limits::report::VIEWS;
use crate::model::{Currency, Zone};
use crate::report::{Basis, Filter, FreeOrders, ReportError, View, ViewOptions};

/// How a question wants the facts to be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seeing {
    /// Days are cut here.
    pub zone: Zone,
    /// Everything is converted into this.
    pub currency: Currency,
    /// What goes into a value.
    pub basis: Basis,
    /// Only these integrations, by number; `None` for all.
    pub integrations: Option<BTreeSet<u16>>,
    /// Only orders that pass count.
    pub orders: Filter,
}

/// Views, the one that was asked last at the end.
#[derive(Debug, Default)]
pub(super) struct Views {
    kept: Mutex<Vec<Kept>>,
}

#[derive(Debug, Clone)]
struct Kept {
    key: Key,
    /// Locked while it is built, so that two questions do not build it twice.
    view: Arc<Mutex<Option<Arc<View>>>>,
}

type Key = (Seeing, Option<u32>);

impl Views {
    fn slot(&self, key: Key) -> Arc<Mutex<Option<Arc<View>>>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let known = kept.iter().position(|kept| kept.key == key);
        let slot = match known {
            Some(at) => kept.remove(at),
            None => {
                while kept.len() >= VIEWS {
                    kept.remove(0);
                }
                Kept { key, view: Arc::default() }
            }
        };
        let view = Arc::clone(&slot.view);
        kept.push(slot);
        view
    }
}

/// The book as one question sees it.
pub struct Lens<'a> {
    app: &'a App,
    /// The book.
    pub reading: Reading<'a>,
    /// What is wanted.
    pub seeing: Seeing,
    /// Integrations that the question names but of which nothing is known yet.
    pub unknown: Vec<String>,
    shared: BTreeSet<u32>,
}

impl App {
    /// The book, held still.
    ///
    /// # Errors
    /// If the marks cannot be read.
    pub fn reading(&self) -> Result<Reading<'_>, LedgerError> {
        let book = self.ledger.book();
        let names: Vec<String> = book.integrations().iter().map(|name| name.to_string()).collect();
        let integrations = self.marks_of(names)?;
        let zones = self.config.integrations.values().map(|i| (i.name.clone(), i.zone)).collect();
        let by_store = self.config.report.merge == Merge::Store;
        Ok(Reading::new(&self.ledger, book, &zones, integrations, self.ledger.quarantine_counts()?, by_store))
    }

    /// Makes the view that most questions ask for, so that the first one need not wait.
    pub fn warm(&self) {
        let Ok(reading) = self.reading() else { return };
        let report = &self.config.report;
        let (zone, currency) = (report.timezone, report.currency);
        let seeing = Seeing { zone, currency, basis: Basis::Net, integrations: None, orders: Filter::default() };
        // Who asks is told what is wrong with it.
        if let Err(error) = self.lens(reading, seeing).view() {
            tracing::debug!(%error, "no view could be made ahead");
        }
    }

    /// The book as a question wants to see it.
    pub fn lens<'a>(&'a self, reading: Reading<'a>, seeing: Seeing) -> Lens<'a> {
        let shared = self.config.report.shared_emails.iter().flat_map(|email| reading.customers_of(email)).collect();
        Lens { app: self, reading, seeing, unknown: Vec::new(), shared }
    }
}

impl Lens<'_> {
    /// How views are built.
    pub fn options(&self) -> ViewOptions<'_> {
        let Seeing { zone, currency, basis, integrations, orders } = &self.seeing;
        ViewOptions {
            zone: *zone,
            currency: *currency,
            rates: &self.app.rates,
            basis: *basis,
            integrations: integrations.as_ref(),
            orders,
            free_orders: match self.app.config.report.free_orders {
                config::FreeOrders::Ignore => FreeOrders::Ignore,
                config::FreeOrders::Count => FreeOrders::Count,
            },
            shared_customers: &self.shared,
        }
    }

    /// The view, at the book's revision: kept, brought up to date, or built.
    ///
    /// # Errors
    /// If a rate is missing, or the amounts are too large.
    pub fn view(&self) -> Result<Arc<View>, ReportError> {
        let slot = self.app.views.slot((self.seeing.clone(), self.reading.stride()));
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        let options = self.options();
        if let Some(mut view) = slot.take() {
            // A copy, of what is not shared, only if somebody is reading it.
            if Arc::make_mut(&mut view).advance(&self.reading, &options)? {
                *slot = Some(Arc::clone(&view));
                return Ok(view);
            }
        }
        let view = Arc::new(View::build(&self.reading, &options)?);
        *slot = Some(Arc::clone(&view));
        Ok(view)
    }
}
