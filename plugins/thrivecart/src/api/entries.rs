//! From transactions to entries: items of one order are put together, as `order.success` tells them.

use std::collections::BTreeMap;

use ltv_connector::dates::{self, Day};
use ltv_connector::prelude::*;

use super::{ORDER_MS, Reach, Row};
use crate::csv::Type;
use crate::names::{self, Namer, Rank};

/// A rebill told within so much of midnight may have the neighbouring day in a webhook, whose clock is another one.
const MIDNIGHT_MS: i64 = 10 * 60 * 1_000;
const DAY_MS: i64 = 86_400_000;

/// Transactions by what they are.
pub(super) struct Sorted<'a> {
    /// The currency of transactions that name none.
    currency: Option<&'a str>,
    /// Items of first charges, by order.
    charges: BTreeMap<String, Vec<Row>>,
    rebills: Vec<Row>,
    /// Refunds and chargebacks.
    back: Vec<Row>,
    /// Charges that name no order.
    faults: Vec<(i64, Fault)>,
}

impl<'a> Sorted<'a> {
    pub(super) fn new(currency: Option<&'a str>) -> Self {
        Self { currency, charges: BTreeMap::new(), rebills: Vec::new(), back: Vec::new(), faults: Vec::new() }
    }

    pub(super) fn take(&mut self, row: Row) {
        match (row.what, &row.order_id) {
            (Type::Refund | Type::Chargeback, _) => self.back.push(row),
            (Type::Rebill, _) => self.rebills.push(row),
            (_, Some(order_id)) => self.charges.entry(order_id.clone()).or_default().push(row),
            (_, None) => self.faults.push((row.unix_ms, Fault::at("order_id", "the charge names no order").id(row.id))),
        }
    }

    /// What belongs to the window, sales first and each kind from the oldest on.
    pub(super) fn entries(mut self, reach: Reach) -> impl Iterator<Item = Result<Entry, Fault>> {
        let mut results = Vec::new();
        for (order_id, mut items) in self.charges {
            items.sort_by(|a, b| (a.unix_ms, &a.id).cmp(&(b.unix_ms, &b.id)));
            let Some(first) = items.first().map(|item| item.unix_ms) else { continue };
            // As in files: what is called a charge but comes later is one of a subscription.
            let late = items.iter().position(|item| item.unix_ms - first > ORDER_MS).unwrap_or(items.len());
            self.rebills.extend(items.split_off(late));
            if items.iter().any(|item| reach.holds(item.unix_ms)) {
                results.push((first, sale(&order_id, &items, self.currency)));
            }
        }
        results.sort_by_key(|(unix_ms, _)| *unix_ms);
        let mut add = |mut rows: Vec<Row>, read: fn(&Row, Option<&str>) -> Result<Entry, Fault>| {
            rows.retain(|row| reach.holds(row.unix_ms));
            rows.sort_by(|a, b| (a.unix_ms, &a.id).cmp(&(b.unix_ms, &b.id)));
            results.extend(rows.iter().map(|row| (row.unix_ms, read(row, self.currency))));
        };
        add(self.rebills, rebill);
        add(self.back, back);
        let faults = self.faults.into_iter().filter(move |(unix_ms, _)| reach.holds(*unix_ms));
        results.into_iter().map(|(_, result)| result).chain(faults.map(|(_, fault)| Err(fault)))
    }
}

/// The first charge of an order. `items` is not empty.
fn sale(order_id: &str, items: &[Row], currency: Option<&str>) -> Result<Entry, Fault> {
    let first = items.first().ok_or_else(|| Fault::new("an order without items"))?;
    let currency = currency_of(first, currency)?;
    if let Some(other) = items.iter().find(|item| item.currency.is_some() && item.currency != first.currency) {
        let why =
            format!("one order in two currencies: {currency} and {}", other.currency.as_deref().unwrap_or("none"));
        return Err(Fault::at("currency", why).id(order_id));
    }
    let total = money::sum(items.iter().map(|item| item.amount))?;
    let at = dates::unix_ms(first.unix_ms);
    let mut entry = Entry::sale(names::charge_key(order_id), order_id, at, currency.as_str(), total).initial();
    entry = common(entry, first).tag("order-number", Some(order_id));
    if items.iter().any(|item| item.subscription.is_some()) {
        entry = entry.tag("cycle", Some("1"));
    }
    for item in items {
        entry = entry.line(line(item)).tag("subscription", item.subscription.as_deref());
    }
    entry.also = by_email(first, &Namer { what: "sale", currency: &currency, amount: total });
    Ok(entry.revision(Rank::Exact.revision_by_total(total) - names::LISTED))
}

/// A later charge. The list has no invoice numbers such as webhooks have; the event's id is all that is its own.
fn rebill(row: &Row, currency: Option<&str>) -> Result<Entry, Fault> {
    let order_id =
        row.order_id.as_deref().ok_or_else(|| Fault::at("order_id", "the rebill names no order").id(&row.id))?;
    let currency = currency_of(row, currency)?;
    let day = Day::of_unix_ms(row.unix_ms);
    let own_id = names::rebill_order_id(order_id, day);
    let key = names::rebill_key(row.event_id.as_deref().unwrap_or(&own_id));

    let namer = Namer { what: "rebill", currency: &currency, amount: row.amount };
    let mut also = namer.webhook(order_id, day);
    also.extend(neighbour(row.unix_ms).and_then(|day| namer.file(order_id, day).into_iter().next()));
    // A file without order ids cannot tell rebills from first charges.
    also.extend(by_email(row, &Namer { what: "sale", ..namer }));

    let at = dates::unix_ms(row.unix_ms);
    let mut entry = Entry::sale(key, own_id, at, currency.as_str(), row.amount).rebill();
    entry = common(entry, row)
        .tag("order-number", Some(order_id))
        .tag("subscription", row.subscription.as_deref())
        .line(line(row));
    entry.also = also;
    Ok(entry.revision(Rank::Exact.revision() - names::LISTED))
}

/// Money given back for one item, or taken back by the bank.
fn back(row: &Row, currency: Option<&str>) -> Result<Entry, Fault> {
    let order_id =
        row.order_id.as_deref().ok_or_else(|| Fault::at("order_id", "the refund names no order").id(&row.id))?;
    let currency = currency_of(row, currency)?;
    let day = Day::of_unix_ms(row.unix_ms);
    let (kind, what) = match row.what {
        Type::Chargeback => (Kind::Chargeback, "chargeback"),
        _ => (Kind::Refund, "refund"),
    };
    let namer = Namer { what, currency: &currency, amount: row.amount };
    let email = row.email.as_deref().map(names::normal_email);
    let mut also = Vec::new();
    for who in std::iter::once(order_id).chain(email.as_deref()) {
        also.extend(namer.webhook(who, day));
        also.extend(namer.any_day(who));
    }
    let at = dates::unix_ms(row.unix_ms);
    let entry = Entry::new(kind, format!("{what}:{}", row.id), order_id, at, currency.as_str(), row.amount);
    let mut entry = common(entry, row)
        .tag("order-number", Some(order_id))
        .tag("subscription", row.subscription.as_deref())
        .line(line(row));
    entry.also = also;
    Ok(entry.revision(Rank::Exact.revision() - names::LISTED))
}

/// The other day that a webhook may give for what happened close to midnight.
fn neighbour(unix_ms: i64) -> Option<Day> {
    let day = Day::of_unix_ms(unix_ms);
    match unix_ms.rem_euclid(DAY_MS) {
        early if early < MIDNIGHT_MS => Some(day.plus(-1)),
        late if late >= DAY_MS - MIDNIGHT_MS => Some(day.plus(1)),
        _ => None,
    }
}

fn by_email(row: &Row, namer: &Namer<'_>) -> Vec<String> {
    let day = Day::of_unix_ms(row.unix_ms);
    row.email.as_deref().map(|email| namer.webhook(&names::normal_email(email), day)).unwrap_or_default()
}

fn currency_of(row: &Row, fallback: Option<&str>) -> Result<String, Fault> {
    names::currency(row.currency.as_deref().or(fallback)).map_err(|fault| fault.id(&row.id))
}

/// Whether amounts contain tax is not documented, so they are taken as they stand.
fn line(row: &Row) -> Line {
    Line::new(row.quantity, row.amount).product(row.item.as_deref()).name(row.name.as_deref())
}

fn common(entry: Entry, row: &Row) -> Entry {
    entry
        .email(row.email.as_deref())
        .customer_id(row.customer_id.as_deref())
        .tag("coupon", row.coupon.as_deref())
        .tag("processor", row.processor.as_deref())
}
