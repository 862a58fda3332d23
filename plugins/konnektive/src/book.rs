//! Writing down what rows tell, in one task.

use std::collections::{BTreeMap, HashMap, HashSet};

use ltv_connector::prelude::*;

use crate::api::{Api, Trouble};
use crate::facts::{Facts, Undid, Undoing, equal};
use crate::movement::{self, Chargeback, Movement};
use crate::row::{Row, key};
use crate::settings::Settings;

/// What rows tell, on its way to the ledger.
///
/// Money is stored as each page comes. A void, and a chargeback without a date, wait until the day is read: what they mean
/// depends on other rows and on the ledger.
pub(crate) struct Book {
    daemon: Daemon,
    settings: Settings,
    now: Instant,
    facts: Facts,
    voids: HashMap<String, (Undoing, Value)>,
    undated: HashMap<String, Entry>,
    /// Rejects of this task, so that a day that is walked again does not reject twice.
    rejected: HashSet<String>,
    /// Why rows with money were left out, and how many.
    left_out: BTreeMap<&'static str, HashSet<String>>,
    /// Voids whose parent could not be found.
    orphans: u64,
}

impl Book {
    pub(crate) fn new(daemon: &Daemon, context: &Context) -> Self {
        Self {
            daemon: daemon.clone(),
            settings: Settings::read(context),
            now: context.now.clone(),
            facts: Facts::default(),
            voids: HashMap::new(),
            undated: HashMap::new(),
            rejected: HashSet::new(),
            left_out: BTreeMap::new(),
            orphans: 0,
        }
    }

    /// Takes the rows of a page that just came.
    pub(crate) fn take(&mut self, rows: &[Value]) {
        for value in rows {
            let id = value.text("transactionId").unwrap_or_default();
            if let Err(fault) = Row::new(value).and_then(|row| self.row(&row, value)) {
                let fault = if id.is_empty() { fault } else { fault.id(format!("txn:{id}")) };
                if self.rejected.insert(fault.to_string()) {
                    // One request at a time, so one response at a time.
                    self.daemon.reject(0, fault);
                }
            }
        }
    }

    fn row(&mut self, row: &Row<'_>, value: &Value) -> Result<(), Fault> {
        self.facts.learn(row, &self.settings);
        self.undated.remove(row.id);
        match movement::read(row, &self.settings)? {
            Movement::Money(entry) => {
                if entry.key.kind == Kind::Sale {
                    let label = movement::chargeback(row, &self.settings, &entry, &self.now)?;
                    self.label(row, label);
                }
                self.daemon.put(*entry);
            }
            Movement::Undone(amount) => {
                self.voids.insert(row.id.to_owned(), (Undoing::new(row, amount), value.clone()));
            }
            Movement::Nothing(_) => self.withdraw(row),
            Movement::LeftOut(why) => {
                self.left_out.entry(why).or_default().insert(row.id.to_owned());
                self.withdraw(row);
            }
        }
        Ok(())
    }

    /// A chargeback can be reverted \[C\]: the label is gone then, and so is the entry. Withdrawing one that is not stored
    /// does nothing.
    fn label(&mut self, row: &Row<'_>, label: Chargeback) {
        match label {
            Chargeback::None => self.withdraw_chargeback(row),
            Chargeback::Dated(entry) => self.daemon.put(*entry),
            Chargeback::FirstSeen(entry) => {
                self.undated.insert(row.id.to_owned(), *entry);
            }
        }
    }

    /// What a row told earlier, or was counted as under other settings, is no more.
    fn withdraw(&self, row: &Row<'_>) {
        let Some(kind) = movement::kind_of(row.kind()) else { return };
        self.daemon.withdraw(Withdrawal::new(kind, key(row.id), row.revision()));
        if kind == Kind::Sale {
            self.withdraw_chargeback(row);
        }
    }

    fn withdraw_chargeback(&self, row: &Row<'_>) {
        self.daemon.withdraw(Withdrawal::new(Kind::Chargeback, movement::chargeback_key(row.id), row.revision()));
    }

    /// The day is read: settles what waited for the rest of it.
    pub(crate) async fn settle(&mut self, api: &mut Api) -> Result<(), Failure> {
        self.settle_chargebacks().await;
        self.settle_voids(api).await?;
        self.facts = Facts::default();
        Ok(())
    }

    /// A chargeback without a date keeps the one it was first seen with.
    async fn settle_chargebacks(&mut self) {
        let mut seen: Vec<Entry> = std::mem::take(&mut self.undated).into_values().collect();
        if seen.is_empty() {
            return;
        }
        seen.sort_by(|one, other| one.key.id.cmp(&other.key.id));
        let stored = self.daemon.orders(seen.iter().map(|entry| entry.order_id.as_str())).await;
        for (entry, order) in seen.into_iter().zip(stored) {
            match order.entries.into_iter().find(|stored| stored.key == entry.key) {
                None => self.daemon.put(entry),
                // Not touched where nothing changed: what is stored knows its date as the wall clock told it.
                Some(stored) if same_sum(&stored, &entry) => {}
                Some(stored) => self.daemon.put(Entry { at: Moment::Utc(stored.unix_ms), ..entry }),
            }
        }
    }

    async fn settle_voids(&mut self, api: &mut Api) -> Result<(), Failure> {
        let mut voids: Vec<(Undoing, Value)> = std::mem::take(&mut self.voids).into_values().collect();
        voids.sort_by(|(one, _), (other, _)| one.id.cmp(&other.id));
        let mut open = Vec::new();
        for (void, value) in voids {
            match self.facts.undone_by(&void) {
                Undid::Unknown => open.push((void, value)),
                undid => self.void(&value, undid),
            }
        }
        if open.is_empty() {
            return Ok(());
        }
        let stored = self.daemon.orders(open.iter().map(|(void, _)| void.order.as_str())).await;
        let mut asked = HashSet::new();
        for ((void, value), order) in open.into_iter().zip(stored) {
            let mut undid = undone_in_ledger(&void, &order);
            if undid == Undid::Unknown && void.order_is_told {
                if asked.insert(void.order.clone()) {
                    self.learn_order(api, &void.order).await?;
                }
                undid = self.facts.undone_by(&void);
            }
            self.void(&value, undid);
        }
        Ok(())
    }

    /// The other transactions of an order, wherever they lie. They are not stored: their own days bring them.
    async fn learn_order(&mut self, api: &mut Api, order: &str) -> Result<(), Failure> {
        let page = loop {
            match api.page(&api.of_order(order), 1, 0).await {
                Ok(page) => break page,
                Err(Trouble::Smaller) => {}
                Err(Trouble::Failed(failure)) => return Err(failure),
            }
        };
        for row in page.rows.iter().filter_map(|value| Row::new(value).ok()) {
            self.facts.learn(&row, &self.settings);
        }
        Ok(())
    }

    fn void(&mut self, value: &Value, undid: Undid) {
        let Ok(row) = Row::new(value) else { return };
        self.orphans += u64::from(undid == Undid::Unknown);
        match undid {
            Undid::Sale(total) => match movement::void(&row, &self.settings, total) {
                Ok(entry) => self.daemon.put(entry),
                Err(fault) => {
                    let fault = fault.id(format!("txn:{}", row.id));
                    if self.rejected.insert(fault.to_string()) {
                        self.daemon.reject(0, fault);
                    }
                }
            },
            Undid::NoMoney | Undid::Unknown => {
                self.daemon.withdraw(Withdrawal::new(Kind::Void, key(row.id), row.revision()));
            }
        }
    }

    /// What the operator should know about rows that were not counted.
    pub(crate) fn notes(&self) -> Vec<String> {
        for (why, ids) in &self.left_out {
            log::info(format!("{} transactions left out: {why}", ids.len()));
        }
        let orphans = (self.orphans > 0).then(|| {
            format!("{} voids are left out: what they undid is not known to the platform either", self.orphans)
        });
        orphans.into_iter().collect()
    }
}

/// What a void undid, if its parent is in the ledger: only sales are.
fn undone_in_ledger(void: &Undoing, order: &StoredOrder) -> Undid {
    let is_parent = |stored: &&StoredEntry| {
        stored.key.kind == Kind::Sale
            && match &void.parent {
                Some(parent) => stored.key.id == key(parent),
                None => void.amount.is_some_and(|amount| equal(amount, paid(stored))),
            }
    };
    let parent = order.entries.iter().find(is_parent);
    parent.map_or(Undid::Unknown, |stored| void.of_sale(Some(paid(stored))))
}

fn same_sum(stored: &StoredEntry, entry: &Entry) -> bool {
    stored.currency == entry.currency && equal(paid(stored), entry.amounts.total)
}

/// The total of a stored entry, which is in minor units.
fn paid(stored: &StoredEntry) -> Decimal {
    Decimal::minor(stored.total.coefficient, &stored.currency)
}
