//! Konnektive / CheckoutChamp: one account with its transactions, in the zone that it is kept in.
//!
//! It is told what happens in UTC and answers by the wall clock of its zone, as the real one does. Whatever is odd about
//! the real one is odd here: refusals and empty windows inside HTTP 200, whole days whatever time is asked for, ids that
//! are texts in one row and numbers in the next, items as object, array or empty array, totals that are wrong.

mod answer;
mod told;

use std::fmt;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use ltv_connector::dates;
use ltv_connector::types::Moment;
use serde_json::{Map, Value};

use crate::Money;

/// An account.
pub struct Account {
    zone: Tz,
    /// Login id of the API user.
    pub login: String,
    /// Its password.
    pub password: String,
    /// The API user is told that this address is not on its list.
    pub refused_ip: Option<String>,
    /// Whether the API user may query transactions.
    pub permitted: bool,
    /// Bad logins after which the user is locked.
    pub lock_after: u32,
    /// Bad logins so far.
    pub bad_logins: u32,
    /// What is odd about it.
    pub quirks: Quirks,
    /// Queries answered so far.
    pub queries: usize,
    transactions: Vec<Transaction>,
    edits: Vec<(usize, Edit)>,
    next_id: u64,
}

type Edit = Box<dyn FnOnce(&mut Account) + Send>;

/// What is odd about an account.
#[derive(Debug, Clone, Default)]
pub struct Quirks {
    /// `totalResults` is off by so many.
    pub total_off_by: i64,
    /// There is no `totalResults`.
    pub no_total: bool,
    /// No page has more rows than this, whatever was asked for.
    pub page_cap: Option<usize>,
    /// Rows are sorted by their last change, not by creation.
    pub sorted_by_change: bool,
    /// Rows come newest first, whatever was asked for.
    pub always_descending: bool,
    /// Every page is the first.
    pub ignores_page: bool,
    /// Pages after the first are empty.
    pub forgets_pages: bool,
    /// A page past the end is a success without rows, not an error.
    pub empty_is_success: bool,
    /// More rows than this on a page, and no answer comes in time.
    pub slow_above: Option<usize>,
    /// This row is told twice on every page that has it.
    pub told_twice: Option<u64>,
}

/// What a transaction is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Sale,
    Authorize,
    Capture,
    Void,
    Refund,
}

#[derive(Debug, Clone)]
pub(crate) struct Transaction {
    pub(crate) id: u64,
    pub(crate) kind: Kind,
    pub(crate) succeeded: bool,
    pub(crate) created_ms: i64,
    pub(crate) updated_ms: i64,
    pub(crate) cents: i64,
    pub(crate) currency: String,
    pub(crate) order: String,
    pub(crate) customer: u64,
    pub(crate) purchase: u64,
    pub(crate) cycle: u32,
    pub(crate) parent: Option<u64>,
    pub(crate) chargeback: Option<Label>,
    /// Fields told in place of the usual ones.
    pub(crate) fields: Map<String, Value>,
    /// Not money that counts: a test.
    pub(crate) is_test: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Label {
    /// As told; `None` where the platform tells no date.
    pub(crate) date: Option<String>,
    /// When the label was put on.
    pub(crate) put_on_ms: i64,
    /// `None`: the amount of the sale.
    pub(crate) cents: Option<i64>,
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("zone", &self.zone)
            .field("queries", &self.queries)
            .field("transactions", &self.transactions)
            .finish_non_exhaustive()
    }
}

/// Milliseconds of `2026-03-02T04:30:00`, UTC.
fn unix_ms(utc: &str) -> i64 {
    match dates::utc(utc) {
        Ok(Moment::Utc(unix_ms)) => unix_ms,
        _ => panic!("`{utc}` is not YYYY-MM-DDTHH:MM:SS"),
    }
}

impl Account {
    /// An account without transactions, kept in this IANA zone.
    ///
    /// # Panics
    /// If there is no such zone.
    #[must_use]
    pub fn new(zone: &str) -> Self {
        Account {
            zone: zone.parse().unwrap_or_else(|_| panic!("`{zone}` is not a zone")),
            login: "ltvd-api".into(),
            password: "p&s+w%r#d=ü".into(),
            refused_ip: None,
            permitted: true,
            lock_after: 3,
            bad_logins: 0,
            quirks: Quirks::default(),
            queries: 0,
            transactions: Vec::new(),
            edits: Vec::new(),
            next_id: 70_001,
        }
    }

    /// What login and password must be, by the names of the connector's settings.
    #[must_use]
    pub fn secrets(&self) -> Vec<(String, String)> {
        vec![("login_id".into(), self.login.clone()), ("password".into(), self.password.clone())]
    }

    /// Something happens before the query with this number, from 0, is answered.
    pub fn before_query(&mut self, number: usize, edit: impl FnOnce(&mut Account) + Send + 'static) {
        self.edits.push((number, Box::new(edit)));
    }

    /// The wall clock of the account at this time, as it writes it.
    #[must_use]
    pub fn wall_clock(&self, unix_ms: i64) -> String {
        let utc: DateTime<Utc> = DateTime::from_timestamp_millis(unix_ms).expect("a time within reason");
        utc.with_timezone(&self.zone).format("%Y-%m-%d %H:%M:%S").to_string()
    }

    fn add(&mut self, kind: Kind, at: &str, amount: &str, of: Option<u64>) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        let parent = of.map(|of| self.transaction(of).clone());
        self.transactions.push(Transaction {
            id,
            kind,
            succeeded: true,
            created_ms: unix_ms(at),
            updated_ms: unix_ms(at),
            cents: cents(amount),
            currency: parent.as_ref().map_or_else(|| "USD".into(), |parent| parent.currency.clone()),
            // Ten characters that look like a number in hexadecimal.
            order: parent.as_ref().map_or_else(|| format!("A1{id:08X}"), |parent| parent.order.clone()),
            customer: parent.as_ref().map_or(id - 70_000, |parent| parent.customer),
            purchase: parent.as_ref().map_or(id, |parent| parent.purchase),
            cycle: parent.as_ref().map_or(1, |parent| parent.cycle),
            parent: of,
            chargeback: None,
            fields: Map::new(),
            is_test: false,
        });
        id
    }

    /// A first purchase, of a new customer in an order of its own. Times are UTC: `2026-03-02T04:30:00`.
    pub fn sale(&mut self, at: &str, amount: &str) -> u64 {
        self.add(Kind::Sale, at, amount, None)
    }

    /// A later charge of the subscription that began with this sale: an order of its own.
    pub fn rebill(&mut self, at: &str, first: u64, cycle: u32, amount: &str) -> u64 {
        let id = self.add(Kind::Sale, at, amount, None);
        let (customer, purchase, currency) = {
            let first = self.transaction(first);
            (first.customer, first.purchase, first.currency.clone())
        };
        let rebill = self.change(id);
        (rebill.customer, rebill.purchase, rebill.currency, rebill.cycle) = (customer, purchase, currency, cycle);
        id
    }

    /// A sale that the customer's bank did not allow.
    pub fn decline(&mut self, at: &str, amount: &str) -> u64 {
        let id = self.sale(at, amount);
        self.change(id).succeeded = false;
        id
    }

    /// An authorisation: no money yet.
    pub fn authorize(&mut self, at: &str, amount: &str) -> u64 {
        self.add(Kind::Authorize, at, amount, None)
    }

    /// The capture of an authorisation, or of a part of it.
    pub fn capture(&mut self, at: &str, of: u64, amount: &str) -> u64 {
        self.add(Kind::Capture, at, amount, Some(of))
    }

    /// A refund of a sale, or of a part of it.
    pub fn refund(&mut self, at: &str, of: u64, amount: &str) -> u64 {
        self.add(Kind::Refund, at, amount, Some(of))
    }

    /// A sale, capture or authorisation is undone.
    pub fn void(&mut self, at: &str, of: u64) -> u64 {
        let amount = decimal(self.transaction(of).cents);
        self.add(Kind::Void, at, &amount, Some(of))
    }

    /// The label of a chargeback is put on a sale, with its date as the platform writes it, or without.
    pub fn chargeback(&mut self, of: u64, at: &str, date: Option<&str>) {
        let label = Label { date: date.map(str::to_owned), put_on_ms: unix_ms(at), cents: None };
        self.change(of).chargeback = Some(label);
        self.touch(of, at);
    }

    /// As [`chargeback`](Self::chargeback), of another amount than the sale's.
    pub fn chargeback_of(&mut self, of: u64, at: &str, date: Option<&str>, amount: &str) {
        self.chargeback(of, at, date);
        let sum = cents(amount);
        if let Some(label) = &mut self.change(of).chargeback {
            label.cents = Some(sum);
        }
    }

    /// The label is taken off.
    pub fn revert_chargeback(&mut self, of: u64, at: &str) {
        self.change(of).chargeback = None;
        self.touch(of, at);
    }

    /// Something about a row changes that is not money.
    pub fn touch(&mut self, id: u64, at: &str) {
        self.change(id).updated_ms = unix_ms(at);
    }

    /// Whether the label of a chargeback is on this sale.
    #[must_use]
    pub fn is_charged_back(&self, id: u64) -> bool {
        self.transaction(id).chargeback.is_some()
    }

    /// Keys of chargebacks whose date the platform does not tell. In [`truth`](Self::truth) they are dated by when the label
    /// was put on; who asks later can only know when it was first seen.
    #[must_use]
    pub fn undated_chargebacks(&self) -> Vec<String> {
        let is_undated = |row: &&Transaction| row.chargeback.as_ref().is_some_and(|label| label.date.is_none());
        self.transactions.iter().filter(is_undated).map(|row| format!("chargeback:{}", row.id)).collect()
    }

    /// This transaction was made with a test card.
    pub fn test_card(&mut self, id: u64) {
        let row = self.change(id);
        row.is_test = true;
        row.fields.insert("cardType".into(), "TESTCARD".into());
    }

    /// The row tells this field so, whatever is true.
    pub fn tell(&mut self, id: u64, field: &str, value: impl Into<Value>) {
        self.change(id).fields.insert(field.into(), value.into());
    }

    /// The row tells another currency.
    pub fn currency(&mut self, id: u64, currency: &str) {
        self.change(id).currency = currency.into();
    }

    /// The order id of a transaction.
    #[must_use]
    pub fn order(&self, id: u64) -> String {
        self.transaction(id).order.clone()
    }

    /// The account's own zone is not what was believed: its clock was in this zone all the time.
    pub fn zone(&mut self, zone: &str) {
        self.zone = zone.parse().unwrap_or_else(|_| panic!("`{zone}` is not a zone"));
    }

    fn transaction(&self, id: u64) -> &Transaction {
        self.transactions.iter().find(|row| row.id == id).expect("a transaction of the account")
    }

    fn change(&mut self, id: u64) -> &mut Transaction {
        self.transactions.iter_mut().find(|row| row.id == id).expect("a transaction of the account")
    }

    /// All money that moved, sorted, each at the wall clock of the account.
    #[must_use]
    pub fn truth(&self) -> Vec<Money> {
        let mut truth: Vec<Money> = self.transactions.iter().flat_map(|row| self.money(row)).collect();
        truth.sort();
        truth
    }

    fn money(&self, row: &Transaction) -> Vec<Money> {
        let counts = row.succeeded && !row.is_test;
        let kind = match row.kind {
            Kind::Sale | Kind::Capture => "sale",
            Kind::Refund => "refund",
            Kind::Void if self.undid_money(row) => "void",
            Kind::Void | Kind::Authorize => return Vec::new(),
        };
        if !counts {
            return Vec::new();
        }
        let wall = |unix_ms| self.wall_clock(unix_ms).replace(' ', "T");
        let money = |kind, id, at, cents| Money {
            kind,
            id,
            order: row.order.clone(),
            at,
            currency: row.currency.clone(),
            total: decimal(cents),
        };
        let mut all = vec![money(kind, format!("txn:{}", row.id), wall(row.created_ms), row.cents)];
        if let Some(label) = &row.chargeback {
            let at = label.date.clone().map_or_else(|| wall(label.put_on_ms), |date| date.replace(' ', "T"));
            let sum = label.cents.unwrap_or(row.cents);
            all.push(money("chargeback", format!("chargeback:{}", row.id), at, sum));
        }
        all
    }

    /// Whether what this void belongs to was money.
    fn undid_money(&self, void: &Transaction) -> bool {
        let Some(parent) = void.parent.map(|parent| self.transaction(parent)) else { return false };
        let captured = |row: &&Transaction| {
            row.kind == Kind::Capture && row.parent == Some(parent.id) && row.created_ms <= void.created_ms
        };
        match parent.kind {
            Kind::Sale | Kind::Capture => parent.succeeded,
            Kind::Authorize => self.transactions.iter().any(|row| captured(&row)),
            Kind::Void | Kind::Refund => false,
        }
    }
}

/// `12.50` in cents.
fn cents(amount: &str) -> i64 {
    let (whole, part) = amount.split_once('.').unwrap_or((amount, "00"));
    assert_eq!(part.len(), 2, "`{amount}` has two decimals");
    whole.parse::<i64>().expect("an amount") * 100 + part.parse::<i64>().expect("an amount")
}

/// Cents as `12.50`.
fn decimal(cents: i64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}
