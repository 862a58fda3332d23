//! Events of 2.0, whichever way they came: by webhook, or from the list of missed ones.

use ltv_connector::prelude::*;

use crate::text::{need, said, time};
use crate::{invoice, refunds, transaction};

/// What an event tells.
#[derive(Debug)]
pub(crate) enum Event {
    /// An invoice that was paid, perhaps taken back since.
    Invoice(invoice::Invoice),
    /// An order in test mode.
    Test {
        /// The order.
        order: String,
    },
    /// Money that went back, exactly.
    Transaction(transaction::Transaction),
    /// No money, and why.
    Nothing(String),
}

impl Event {
    /// The key of the entry that it makes, if it makes one.
    pub(crate) fn key(&self) -> Option<&str> {
        match self {
            Event::Invoice(invoice) => Some(invoice.key()),
            Event::Transaction(transaction) => Some(transaction.key()),
            Event::Test { .. } | Event::Nothing(_) => None,
        }
    }
}

/// True for an event of 2.0.
pub(crate) fn is_event(body: &Value) -> bool {
    kind(body).is_some() && body.get("data").is_some()
}

/// Webhooks say `event_type`, the list says `event_type_id`.
fn kind(body: &Value) -> Option<&str> {
    said(body, "event_type").or_else(|| said(body, "event_type_id"))
}

/// Reads an event without asking anybody.
pub(crate) fn parse(body: &Value) -> Result<Event, Fault> {
    let kind = kind(body).ok_or_else(|| Fault::at("event_type", "is missing"))?;
    let subject = if kind.contains("invoice.") {
        "invoice"
    } else if kind.starts_with("orders/transaction.") {
        "transaction"
    } else if kind.contains('.') {
        return Ok(Event::Nothing(format!("`{kind}` moves no money")));
    } else {
        // Were the list to number its events, all of them would look like no money, and a window like read.
        return Err(Fault::at("event_type", format!("`{kind}` is not the name of an event")));
    };
    let data = body.get("data").ok_or_else(|| Fault::at("data", "is missing"))?;
    let id = need(data, "id").map_err(|fault| Fault::at("data.id", fault.reason))?;
    let read = || -> Result<Event, Fault> {
        match body.text("api_version") {
            Some("2") => {}
            told => {
                let told = told.unwrap_or("none");
                return Err(Fault::at("api_version", format!("is {told}: make a version 2 endpoint in ClickFunnels")));
            }
        }
        let told = time(body, "created_at")?;
        if subject == "invoice" { invoice::parse(kind, data, told) } else { transaction::parse(data, told) }
    };
    read().map_err(|fault| fault.id(format!("{subject}:{id}")))
}

/// Does what an event tells.
pub(crate) async fn apply(daemon: &Daemon, event: Event, context: &Context) -> Result<Outcome, Failure> {
    match event {
        Event::Nothing(why) => Ok(Outcome::Ignored(why)),
        Event::Test { order } => Ok(refunds::forget_test(daemon, order)),
        Event::Invoice(invoice) => invoice::apply(daemon, invoice, context).await,
        Event::Transaction(transaction) => transaction::apply(daemon, transaction, context).await,
    }
}
