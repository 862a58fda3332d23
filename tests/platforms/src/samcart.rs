//! SamCart as its API shows it: lists of charges, orders, refunds and customers, filtered by the day of creation and paged by
//! the id of the last record. The same money can be had as webhooks and as an orders export, to see that it counts once.

mod files;
mod lists;

use std::collections::BTreeMap;

use ltv_connector::dates;
use ltv_connector::types::Moment;
use serde_json::json;

use crate::{Answer, Call, Money, Platform};

/// Money that was charged.
#[derive(Debug, Clone)]
pub struct Charge {
    /// Its id.
    pub id: u64,
    /// The order of the purchase, for rebills too.
    pub order: u64,
    /// Which rebill it is, from 1; 0: part of the purchase.
    pub rebill: u64,
    /// Seconds since 1970-01-01T00:00:00Z.
    pub unix_s: i64,
    /// With tax and shipping.
    pub cents: i64,
}

/// One product of an order.
#[derive(Debug, Clone)]
pub struct Item {
    /// Its id.
    pub id: u64,
    /// The product.
    pub product: u64,
    /// The subscription that it began.
    pub subscription: Option<u64>,
    /// The charge that first paid for it.
    pub charge: u64,
    /// Without tax.
    pub cents: i64,
    /// Tax.
    pub tax_cents: i64,
    /// `charged`, `declined`, `reversed` …
    pub status: &'static str,
}

/// A purchase.
#[derive(Debug, Clone)]
pub struct Order {
    /// Its id.
    pub id: u64,
    /// Who bought.
    pub customer: u64,
    /// Made in test mode.
    pub test: bool,
    /// Seconds since 1970-01-01T00:00:00Z.
    pub unix_s: i64,
    /// What was bought.
    pub items: Vec<Item>,
}

/// Money given back.
#[derive(Debug, Clone)]
pub struct Refund {
    /// Its id.
    pub id: u64,
    /// The charge.
    pub charge: u64,
    /// The item.
    pub item: u64,
    /// Seconds since 1970-01-01T00:00:00Z.
    pub unix_s: i64,
    /// How much.
    pub cents: i64,
}

/// A customer.
#[derive(Debug, Clone)]
pub struct Customer {
    /// Their id.
    pub id: u64,
    /// Their address.
    pub email: String,
    /// Seconds since 1970-01-01T00:00:00Z.
    pub unix_s: i64,
}

/// How dates in filters are understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filters {
    /// To the second.
    Times,
    /// Times are accepted, and cut to their day.
    CutToDays,
    /// Times are an error.
    DaysOnly,
}

/// How the next page is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextPage {
    /// By its address.
    Address,
    /// By an address on another host.
    OtherHost,
    /// By an address without offset.
    WithoutOffset,
    /// By the address of this very page.
    Circle,
}

/// An account.
#[derive(Debug)]
pub struct SamCart {
    /// The key that is good.
    pub key: String,
    /// Orders.
    pub orders: Vec<Order>,
    /// Charges.
    pub charges: Vec<Charge>,
    /// Refunds.
    pub refunds: Vec<Refund>,
    /// Customers.
    pub customers: Vec<Customer>,
    /// How dates in filters are understood.
    pub filters: Filters,
    /// How the next page is told.
    pub next_page: NextPage,
    /// Longer ranges than this, in seconds, end in 504.
    pub range_max_s: i64,
    /// Whether there is a list of all refunds.
    pub lists_refunds: bool,
    /// Whether single records are wrapped in `data`.
    pub wraps: bool,
    /// Whether first charges of subscriptions carry the mark of a rebill too.
    pub marks_first_charges: bool,
    /// Charges that come into being before the request with this number, from 0.
    pub arrivals: Vec<(usize, Charge)>,
    requests: usize,
}

impl SamCart {
    /// An account without sales.
    #[must_use]
    pub fn new(key: &str) -> Self {
        SamCart {
            key: key.into(),
            orders: Vec::new(),
            charges: Vec::new(),
            refunds: Vec::new(),
            customers: Vec::new(),
            filters: Filters::Times,
            next_page: NextPage::Address,
            range_max_s: i64::MAX,
            lists_refunds: true,
            wraps: false,
            marks_first_charges: false,
            arrivals: Vec::new(),
            requests: 0,
        }
    }

    /// A purchase of these products at once: product, cents without tax, cents of tax, and whether it begins a subscription.
    /// Ids follow from the order's. `at`: `2026-03-01T10:00:00`, UTC.
    pub fn buy(&mut self, order: u64, customer: u64, at: &str, products: &[(u64, i64, i64, bool)]) -> &mut Self {
        self.customer(customer, at);
        self.orders.push(Order { id: order, customer, test: false, unix_s: unix_s(at), items: Vec::new() });
        self.add(order, at, products)
    }

    /// An upsell: more products for an order, in a charge of their own.
    pub fn add(&mut self, order: u64, at: &str, products: &[(u64, i64, i64, bool)]) -> &mut Self {
        let id = order * 100 + self.charges.iter().filter(|charge| charge.order == order).count() as u64;
        let cents = products.iter().map(|(_, cents, tax_cents, _)| cents + tax_cents).sum();
        if let Some(order) = self.orders.iter_mut().find(|known| known.id == order) {
            for (product, cents, tax_cents, recurs) in products.iter().copied() {
                let number = order.items.len() as u64;
                order.items.push(Item {
                    id: order.id * 1_000 + number,
                    product,
                    subscription: recurs.then_some(order.id * 10 + number),
                    charge: id,
                    cents,
                    tax_cents,
                    status: "charged",
                });
            }
        }
        self.charges.push(Charge { id, order, rebill: 0, unix_s: unix_s(at), cents });
        self
    }

    /// A rebill of all subscriptions of an order.
    pub fn rebill(&mut self, order: u64, at: &str) -> &mut Self {
        let recurring = |order: &Order| order.items.iter().filter(|item| item.subscription.is_some()).map(gross).sum();
        let cents = self.orders.iter().find(|known| known.id == order).map_or(0, recurring);
        let id = order * 100 + self.charges.iter().filter(|charge| charge.order == order).count() as u64;
        let rebill = 1 + self.charges.iter().filter(|charge| charge.order == order && charge.rebill > 0).count() as u64;
        self.charges.push(Charge { id, order, rebill, unix_s: unix_s(at), cents });
        self
    }

    /// Money given back of the order's charge and item with these numbers, from 0.
    pub fn refund(&mut self, order: u64, charge: u64, item: u64, at: &str, cents: i64) -> &mut Self {
        let id = 40_000 + self.refunds.len() as u64;
        let (charge, item) = (order * 100 + charge, order * 1_000 + item);
        self.refunds.push(Refund { id, charge, item, unix_s: unix_s(at), cents });
        self
    }

    fn customer(&mut self, id: u64, at: &str) {
        if self.customers.iter().all(|known| known.id != id) {
            self.customers.push(Customer { id, email: format!("customer{id}@example.org"), unix_s: unix_s(at) });
        }
    }

    fn order(&self, id: u64) -> Option<&Order> {
        self.orders.iter().find(|order| order.id == id)
    }

    fn is_live(&self, order: u64) -> bool {
        self.order(order).is_none_or(|order| !order.test)
    }

    /// What a ledger must hold, sorted.
    #[must_use]
    pub fn truth(&self) -> Vec<Money> {
        let money = |kind, id: String, order: u64, unix_s: i64, cents: i64| Money {
            kind,
            id,
            order: order.to_string(),
            at: format!("{}Z", dates::format_utc(unix_s * 1000)),
            currency: "USD".into(),
            total: decimal(cents),
        };
        let mut truth = Vec::new();
        let mut purchases: BTreeMap<u64, (i64, i64)> = BTreeMap::new();
        for charge in self.charges.iter().filter(|charge| self.is_live(charge.order)) {
            if charge.rebill > 0 {
                truth.push(money("sale", format!("charge:{}", charge.id), charge.order, charge.unix_s, charge.cents));
            } else {
                let (first, sum) = purchases.entry(charge.order).or_insert((charge.unix_s, 0));
                *first = charge.unix_s.min(*first);
                *sum += charge.cents;
            }
        }
        for (order, (first, sum)) in purchases {
            truth.push(money("sale", format!("order:{order}"), order, first, sum));
        }
        for refund in &self.refunds {
            let charge = self.charges.iter().find(|charge| charge.id == refund.charge);
            if let Some(charge) = charge.filter(|charge| self.is_live(charge.order)) {
                truth.push(money("refund", format!("refund:{}", refund.id), charge.order, refund.unix_s, refund.cents));
            }
        }
        truth.sort();
        truth
    }
}

impl Platform for SamCart {
    fn answer(&mut self, call: &Call) -> Answer {
        let number = self.requests;
        self.requests += 1;
        let arrived = self.arrivals.iter().filter(|(before, _)| *before == number);
        let arrived: Vec<Charge> = arrived.map(|(_, charge)| charge.clone()).collect();
        self.charges.extend(arrived);
        if !call.tls || call.authority != "api.samcart.com" || call.method != "GET" {
            return Answer::html(404, "<h1>Not found</h1>");
        }
        if call.header("sc-api") != Some(self.key.as_str()) {
            return Answer::json(401, &json!({"message": "The provided API key is invalid."}));
        }
        let gone = || Answer::json(404, &json!({"message": "Object could not be found"}));
        let path: Vec<&str> = call.path.trim_start_matches('/').split('/').collect();
        match path.as_slice() {
            ["v1", "refunds"] if !self.lists_refunds => gone(),
            ["v1", list @ ("charges" | "orders" | "refunds" | "customers")] => self.list(list, call),
            ["v1", "charges", id, "refunds"] => {
                let of_charge = self.refunds.iter().filter(|refund| refund.charge.to_string() == *id);
                Answer::json(200, &json!({"data": of_charge.map(|refund| self.refund_row(refund)).collect::<Vec<_>>()}))
            }
            ["v1", list, id] => match id.parse().ok().and_then(|id| self.record(list, id)) {
                Some(row) if self.wraps => Answer::json(200, &json!({"data": row})),
                Some(row) => Answer::json(200, &row),
                None => gone(),
            },
            _ => gone(),
        }
    }
}

fn gross(item: &Item) -> i64 {
    item.cents + item.tax_cents
}

fn decimal(cents: i64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

/// As the API writes it.
fn time(unix_s: i64) -> String {
    dates::format_utc(unix_s * 1000).replace('T', " ")
}

/// Seconds since 1970-01-01T00:00:00Z.
///
/// # Panics
/// If it is not `2026-03-01T10:00:00`.
#[must_use]
pub fn unix_s(at: &str) -> i64 {
    match dates::utc(at) {
        Ok(Moment::Utc(unix_ms)) => unix_ms / 1000,
        other => panic!("`{at}` is not a time: {other:?}"),
    }
}
