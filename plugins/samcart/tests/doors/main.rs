//! What deliveries and files of SamCart become in the ledger, alone and together.

mod api;
mod files;
mod together;
mod webhooks;

use ltv_connector::prelude::*;
use ltv_connector::testing::{self, Ledger};
use ltv_connector_samcart::SamCart;

const SALE: &str = include_str!("../../fixtures/sale.json");
const ORDERS_2016: &str = include_str!("../../fixtures/orders-2016.csv");

/// An integration in US dollars.
fn context() -> Context {
    testing::context().now("2026-11-01T12:00:00").zone("UTC").set("currency", "USD").build()
}

fn at(utc: &str) -> Instant {
    testing::instant(utc)
}

/// Takes a webhook in at this time.
fn hook(ledger: &mut Ledger, received: &str, body: &str) -> Result<Outcome, Failure> {
    let mut delivery = testing::delivery("application/json", body);
    delivery.received = at(received);
    ledger.receive::<SamCart>(&delivery, &context())
}

/// Reads a file whose dates and times are in the American notation of the exports.
fn read_with(format: &str, text: &str, context: &Context) -> Result<Batch, Failure> {
    testing::read::<SamCart>(format, &normalised(text), context)
}

fn read(format: &str, text: &str) -> Batch {
    read_with(format, text, &context()).unwrap()
}

/// Takes a file in of which every row can be read.
fn import(ledger: &mut Ledger, text: &str) {
    let batch = read("orders", text);
    assert!(batch.rejects.is_empty(), "{:?}", batch.rejects);
    ledger.apply(&batch);
}

/// What the daemon does with `03/01/2026` and `2:30 PM` before the connector sees them.
fn normalised(text: &str) -> String {
    text.split_inclusive([',', '"', '\n'])
        .map(|cell| {
            let end = cell.find([',', '"', '\n']).unwrap_or(cell.len());
            let (cell, mark) = cell.split_at(end);
            date(cell).or_else(|| time(cell)).unwrap_or_else(|| cell.to_owned()) + mark
        })
        .collect()
}

fn date(cell: &str) -> Option<String> {
    let (month, rest) = cell.split_once('/')?;
    let (day, year) = rest.split_once('/')?;
    (year.len() == 4).then(|| format!("{year}-{month:0>2}-{day:0>2}"))
}

fn time(cell: &str) -> Option<String> {
    let (clock, half) = cell.split_once(' ')?;
    let (hours, minutes) = clock.split_once(':')?;
    let hours = hours.parse::<u32>().ok()? % 12 + if half == "PM" { 12 } else { 0 };
    matches!(half, "AM" | "PM").then(|| format!("{hours:02}:{minutes}:00"))
}

/// A file in the layout of 2016 with these rows: order, date, time, status, product, price.
fn orders(rows: &[[&str; 6]]) -> String {
    let mut text =
        String::from("Order ID,Order Date,Order Time,Order Status,Product ID,Product Name,Price,Customer Email\n");
    for [order, date, time, status, product, price] in rows {
        text += &format!("{order},{date},{time},{status},{product},Product {product},{price},ada@example.org\n");
    }
    text
}

/// A body with these members put over those of the sample.
fn body(kind: &str, order: u32, product: u32, price: &str, total: &str, more: &str) -> String {
    format!(
        r#"{{"type":"{kind}","product":{{"id":{product},"name":"Product {product}","price":"{price}","tax":"0.00","shipping":"0.00"}},
        "customer":{{"email":"ada@example.org","customer_id":71}},"order":{{"id":{order},"total":"{total}"}}{more}}}"#
    )
}

const SUBSCRIPTION: &str = r#","subscription":{"id":5500}"#;

/// `kind id total` of all entries, sorted.
fn summary(ledger: &Ledger) -> Vec<String> {
    let mut lines: Vec<String> = ledger.entries().iter().map(|entry| told(entry)).collect();
    lines.sort();
    lines
}

fn told(entry: &Entry) -> String {
    let kind = match (entry.key.kind, entry.billing) {
        (Kind::Sale, Billing::Rebill) => "rebill".to_owned(),
        (kind, _) => match kind {
            Kind::Sale => "sale",
            Kind::Refund => "refund",
            Kind::Chargeback => "chargeback",
            _ => "other",
        }
        .to_owned(),
    };
    format!("{kind} {} {}", entry.key.id, entry.amounts.total)
}

/// All that was paid, less what went back.
fn net(ledger: &Ledger) -> String {
    let signed = ledger.entries().into_iter().map(|entry| match entry.key.kind {
        Kind::Sale | Kind::ChargebackReversal => entry.amounts.total,
        _ => entry.amounts.total.negated(),
    });
    money::sum(signed).unwrap().to_string()
}

fn tag<'a>(entry: &'a Entry, name: &str) -> Option<&'a str> {
    entry.tags.iter().find(|tag| tag.name == name).map(|tag| tag.value.as_str())
}

#[test]
fn the_manifest_offers_three_doors_and_demands_a_currency() {
    let manifest = SamCart::describe();
    let key = manifest.settings.iter().find(|setting| setting.name == "api_key").expect("a key");
    assert!(manifest.polling.is_some() && !key.required && key.kind == SettingKind::Secret);
    assert_eq!(manifest.hosts, [Host::Exact("api.samcart.com".into())]);
    assert!(manifest.webhook.as_ref().is_some_and(|webhook| !webhook.provable && webhook.manual_setup.is_some()));
    let formats: Vec<&str> = manifest.csv_formats.iter().map(|format| format.id.as_str()).collect();
    assert_eq!(formats, ["orders", "recurring-subscriptions", "limited-subscriptions", "customers"]);
    assert_eq!(manifest.csv_formats[0].group_by, ["order_id"]);
    assert!(manifest.csv_formats[3].refused.is_some());
    let without = testing::context().build();
    let failure = testing::read::<SamCart>("orders", ORDERS_2016, &without).unwrap_err();
    assert!(matches!(failure, Failure::Settings(why) if why.contains("currency")));
}

#[test]
fn settings_are_looked_at_together() {
    let settings =
        testing::context().set_list("excluded_emails", &["me@example.org", "@example.org", "me"]).build().settings;
    let problems = SamCart::validate(&settings);
    assert_eq!(problems.len(), 1);
    assert!(problems[0].message.contains("`me`"));
}
