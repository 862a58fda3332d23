//! Transactions of 2.0: the exact amounts of refunds and disputes. Their sales are the invoices' business.

use ltv_connector::prelude::*;

use crate::api::{self, Buyer};
use crate::event::Event;
use crate::refunds;
use crate::text::{amount, currency, need, said, status, time};

/// Money that went back, or did not after all.
#[derive(Debug)]
pub(crate) struct Transaction {
    entry: Entry,
    /// False for one that waits or failed.
    done: bool,
}

impl Transaction {
    /// The key of its entry.
    pub(crate) fn key(&self) -> &str {
        &self.entry.key.id
    }
}

/// Reads a transaction.
pub(crate) fn parse(transaction: &Value, told: i64) -> Result<Event, Fault> {
    let external = status(need(transaction, "external_type")?);
    let kind = if external == "refund" {
        Kind::Refund
    } else if external.contains("disput") || external.contains("chargeback") {
        Kind::Chargeback
    } else {
        return Ok(Event::Nothing(format!("a transaction `{external}` is told by its invoice")));
    };
    let state = status(need(transaction, "status")?);
    let approved = said(transaction, "result").is_none_or(|result| status(result) == "approved");
    let done = state == "completed" && approved;
    if kind == Kind::Chargeback && !done {
        return Err(Fault::at("data.status", format!("what a dispute that is {state} means is not known")));
    }
    // Whether refunds are negative is not documented; the type says which way the money went.
    let total = amount(transaction, "amount")?.ok_or_else(|| Fault::at("data.amount", "is missing"))?.abs();
    let id = format!("transaction:{}", need(transaction, "id")?);
    let at = Moment::Utc(time(transaction, "created_at")?);
    let order = need(transaction, "order_id")?;
    let entry = Entry::new(kind, id, order, at, currency(transaction, "currency")?, total).revision(told);
    // Its order is looked up before it is put, and the daemon refuses a whole answer for an id with control characters.
    let entry = entry.checked()?;
    Ok(Event::Transaction(Transaction { entry, done }))
}

/// Stores it, and takes it off what invoices told without an amount.
pub(crate) async fn apply(daemon: &Daemon, transaction: Transaction, context: &Context) -> Result<Outcome, Failure> {
    let Transaction { entry, done } = transaction;
    let order = entry.order_id.clone();
    let stored = daemon.order(&order).await;
    if stored.revision >= refunds::TEST {
        return Ok(Outcome::Ignored("of an order in test mode".into()));
    }
    // Only the order knows whether it is a test; transactions do not say.
    if !stored.entries.iter().any(|entry| entry.key.kind == Kind::Sale) {
        let buyer = api::look_up(daemon, &order, Buyer::default(), context).await?;
        if buyer.live == Some(false) {
            return Ok(refunds::forget_test(daemon, order));
        }
    }
    let withdrawal = Withdrawal { key: entry.key.clone(), revision: entry.revision };
    daemon.put(entry);
    if !done {
        // Put and taken away: so its revision is remembered, and an older state that comes late does not bring it back.
        daemon.withdraw(withdrawal);
    }
    refunds::settle(daemon, &order, None).await?;
    Ok(Outcome::Read)
}
