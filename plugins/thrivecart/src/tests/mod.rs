//! What the platform sends, and what must come of it.

mod api;
mod doors;
mod files;
mod sample;
mod webhooks;

use ltv_connector::{prelude::*, testing};

use crate::ThriveCart;

const FORM: &str = "application/x-www-form-urlencoded";

macro_rules! fixture {
    ($path:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/", $path))
    };
}
pub(crate) use fixture;

const SUCCESS: &str = fixture!("webhooks/order-success.fields");
const REBILL: &str = fixture!("webhooks/order-subscription-payment.fields");
const REFUND: &str = fixture!("webhooks/order-refund.fields");

/// The context of an integration with all that is optional left out, on 2026-05-02.
fn context() -> Context {
    testing::context().now("2026-05-02T12:00:00").build()
}

/// A webhook from readable fields, one a line.
fn delivery(fields: &str) -> Delivery {
    testing::delivery(FORM, encoded(fields))
}

fn encoded(fields: &str) -> String {
    let percent = |text: &str| -> String {
        text.bytes()
            .map(|byte| match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'_' | b'-' => char::from(byte).to_string(),
                _ => format!("%{byte:02X}"),
            })
            .collect()
    };
    let pairs = fields.lines().filter_map(|line| line.split_once('='));
    pairs.map(|(name, value)| format!("{}={}", percent(name), percent(value))).collect::<Vec<_>>().join("&")
}

/// The fields with some of them changed; an empty value takes the field out.
fn with(fields: &str, changes: &[(&str, &str)]) -> String {
    let kept = fields.lines().filter(|line| {
        let name = line.split_once('=').map_or(*line, |(name, _)| name);
        !changes.iter().any(|(changed, _)| *changed == name)
    });
    let added = changes.iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| format!("{name}={value}"));
    kept.map(str::to_owned).chain(added).collect::<Vec<_>>().join("\n")
}

/// The one entry that a webhook makes.
fn entry_of(fields: &str) -> Entry {
    let mut ledger = testing::Ledger::new();
    let outcome = ledger.receive::<ThriveCart>(&delivery(fields), &context()).expect("it is read");
    assert!(matches!(outcome, Outcome::Read), "{outcome:?}");
    let entries = ledger.entries();
    assert_eq!(entries.len(), 1);
    entries[0].clone()
}

/// Why a webhook makes no entry.
fn ignored(fields: &str) -> String {
    let mut ledger = testing::Ledger::new();
    match ledger.receive::<ThriveCart>(&delivery(fields), &context()) {
        Ok(Outcome::Ignored(why)) => {
            assert!(ledger.entries().is_empty());
            why
        }
        other => panic!("not ignored: {other:?}"),
    }
}

fn file(format: &str, text: &str, context: &Context) -> Batch {
    testing::read::<ThriveCart>(format, text, context).expect("the file is read")
}

fn entries(batch: &Batch) -> Vec<&Entry> {
    batch
        .changes
        .iter()
        .map(|change| match change {
            Change::Put(entry) => entry,
            other => panic!("only puts are made: {other:?}"),
        })
        .collect()
}

/// Key, total and moment, for comparing at a glance.
fn gist(entry: &Entry) -> String {
    let at = match &entry.at {
        Moment::Utc(unix_ms) => dates::format_utc(*unix_ms) + "Z",
        Moment::Local(text) | Moment::Day(text) => text.clone(),
        Moment::Received => "received".to_owned(),
    };
    let total = crate::names::canonical(entry.amounts.total);
    format!("{} | {} | {total} {} | {at}", entry.key.id, entry.order_id, entry.currency)
}

fn gists(batch: &Batch) -> Vec<String> {
    entries(batch).into_iter().map(gist).collect()
}

fn tag<'a>(entry: &'a Entry, name: &str) -> Option<&'a str> {
    entry.tags.iter().find(|tag| tag.name == name).map(|tag| tag.value.as_str())
}
