//! Fills the tables of `schema.sql`.

use chrono::{DateTime, Offset, TimeZone};
use rusqlite::{Connection, ToSql};
use serde::Serialize;

use super::shop::{Asked, Shop};
use crate::model::{Currency, Kind, Zone};
use crate::report::*;

const DAY_MS: i64 = 86_400_000;

pub(super) fn load(connection: &Connection, shop: &Shop, asked: &Asked) {
    let insert = |table: &str, values: &[&dyn ToSql]| {
        let marks = vec!["?"; values.len()].join(", ");
        connection.prepare(&format!("INSERT INTO {table} VALUES ({marks})")).unwrap().execute(values).unwrap();
    };
    let facts = &shop.facts;
    for (number, integration) in (0_u16..).zip(&facts.integrations) {
        insert("integrations", &[&number, &integration.name]);
        if asked.integrations.as_ref().is_none_or(|set| set.contains(&number)) {
            insert("asked_integrations", &[&number]);
        }
    }
    let currencies = currencies(facts, asked);
    for (number, currency) in currencies.iter().enumerate() {
        insert("currencies", &[&(number as i64), &currency.as_str(), &10_i64.pow(currency.exponent().into())]);
    }
    let number_of = |currency: Currency| currencies.iter().position(|known| *known == currency).unwrap() as i64;

    for fact in &facts.facts {
        ledger_row(&insert, fact);
        for label in shop.label_sets.get(fact.labels as usize).into_iter().flatten() {
            insert("labels", &[&fact.entry, &word(label.dimension), &shop.values[label.value as usize]]);
        }
        for good in shop.goods.get(fact.entry as usize).into_iter().flatten() {
            insert("goods", &[&fact.entry, &good.product, &good.amount]);
        }
    }
    for (number, product) in (0_u32..).zip(&shop.products) {
        insert("products", &[&number, &&*product.key]);
    }

    for (from, to, offset) in offsets(asked.zone, facts) {
        insert("offsets", &[&from, &to, &offset]);
    }
    for line in &asked.rates {
        let (whole, decimals) = line.rate.split_once('.').unwrap_or((line.rate, ""));
        let numerator: i64 = format!("{whole}{decimals}").parse().unwrap();
        let denominator = 10_i64.pow(decimals.len().try_into().unwrap());
        insert("rates", &[&number_of(line.currency.parse().unwrap()), &line.day, &numerator, &denominator]);
    }
    for customer in &asked.shared {
        insert("shared_customers", &[customer]);
    }
    for horizon in &asked.horizons {
        let days = if let Horizon::Days(days) = horizon { Some(*days) } else { None };
        insert("horizons", &[&horizon.to_string(), &days]);
    }
    for (scope, dimension, value) in &asked.filters {
        insert("filters", &[scope, dimension, value]);
    }
    for (month, amount) in &asked.spend {
        insert("spend", &[month, amount]);
    }
    let question: [&dyn ToSql; 15] = [
        &number_of(asked.currency),
        &number_of(asked.base),
        &asked.as_of,
        &word(asked.free_orders),
        &word(asked.basis),
        &word(asked.refunds),
        &word(asked.maturity),
        &asked.cohort_by,
        &asked.cost,
        &asked.cycle_days,
        &asked.grace_days,
        &word(asked.period),
        &asked.divided_by,
        &asked.span.0,
        &asked.span.1,
    ];
    insert("question", &question);
}

fn ledger_row(insert: &impl Fn(&str, &[&dyn ToSql]), fact: &Fact) {
    let customer = (fact.customer != NO_CUSTOMER).then_some(fact.customer);
    // The same sequence with a sign.
    let tie = (fact.tie ^ (1 << 63)).cast_signed();
    let tax = fact.flags.has(FactFlags::TAX_KNOWN).then_some(fact.tax);
    let shipping = fact.flags.has(FactFlags::SHIPPING_KNOWN).then_some(fact.shipping);
    insert(
        "ledger",
        &[
            &fact.entry,
            &fact.integration,
            &fact.order,
            &Kind::as_str(fact.kind),
            &fact.billing.as_str(),
            &customer,
            &fact.unix_ms,
            &tie,
            &fact.currency,
            &fact.total,
            &tax,
            &shipping,
        ],
    );
}

/// Those of the facts under their numbers, and those that only the question names.
fn currencies(facts: &Facts, asked: &Asked) -> Vec<Currency> {
    let mut currencies = facts.currencies.clone();
    let rated = asked.rates.iter().map(|line| line.currency.parse().unwrap());
    for currency in rated.chain([asked.currency, asked.base]) {
        if !currencies.contains(&currency) {
            currencies.push(currency);
        }
    }
    currencies
}

/// A word as the API spells it.
fn word(value: impl Serialize) -> String {
    serde_json::to_value(value).unwrap().as_str().unwrap().to_owned()
}

/// Spans of equal offset around all instants of the facts, to the millisecond.
fn offsets(zone: Zone, facts: &Facts) -> Vec<(i64, i64, i32)> {
    let offset = |ms: i64| {
        zone.offset_from_utc_datetime(&DateTime::from_timestamp_millis(ms).unwrap().naive_utc()).fix().local_minus_utc()
    };
    let instants = || facts.facts.iter().map(|fact| fact.unix_ms);
    let (first, last) = (instants().min().unwrap_or(0), instants().max().unwrap_or(0) + 1);
    let mut spans = Vec::new();
    let mut from = first;
    let mut at = first;
    while at < last {
        let next = (at + DAY_MS).min(last);
        if offset(next) == offset(at) {
            at = next;
            continue;
        }
        let (mut before, mut after) = (at, next);
        while after - before > 1 {
            let middle = before + (after - before) / 2;
            if offset(middle) == offset(at) { before = middle } else { after = middle }
        }
        spans.push((from, after, offset(at)));
        (from, at) = (after, after);
    }
    spans.push((from, last, offset(from)));
    spans
}
