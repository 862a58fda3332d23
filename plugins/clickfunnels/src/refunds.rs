//! The same money back, told twice: by the invoice without an amount, by transactions exactly, in any order.
//!
//! A transaction is an entry of its own, `transaction:<id>`. An invoice that went back as a whole is an entry
//! `invoice:<id>` that stands in for what transactions have not told: its total less theirs. It stays at zero when they
//! have told everything. So the sum is right with transactions, without them, and for those that only some processors send.

use ltv_connector::prelude::*;

/// Revision of an order in test mode. No time is so late.
pub(crate) const TEST: i64 = 9_000_000_000_000_000;

/// An invoice that went back as a whole.
#[derive(Debug)]
pub(crate) struct Whole {
    /// Refund or chargeback.
    pub(crate) kind: Kind,
    /// `invoice:<id>`, as its sale.
    pub(crate) id: String,
    /// When it was told.
    pub(crate) at: i64,
    /// Currency of the invoice.
    pub(crate) currency: String,
    /// Total of the invoice.
    pub(crate) total: Decimal,
}

/// Withdraws everything of an order in test mode, and marks it.
pub(crate) fn forget_test(daemon: &Daemon, order: String) -> Outcome {
    // A mark above all revisions: a transaction, which does not know that it is a test, finds it.
    daemon.replace_order(Order::new(order, TEST, Vec::new()));
    Outcome::Ignored("an order in test mode".into())
}

fn is_back(entry: &StoredEntry) -> bool {
    matches!(entry.key.kind, Kind::Refund | Kind::Chargeback)
}

/// A part of an invoice went back: how much is for a transaction to tell.
pub(crate) async fn part(daemon: &Daemon, order: &str, id: &str) {
    let stored = daemon.order(order).await;
    if !stored.entries.iter().any(|entry| is_back(entry) && entry.key.id.starts_with("transaction:")) {
        let why = format!("{id} of order {order} was refunded in part, and no transaction has told how much");
        daemon.reject(0, Fault::at("data.status", why));
    }
}

/// Brings the stand-ins of an order in line with its transactions, after what was put so far.
pub(crate) async fn settle(daemon: &Daemon, order: &str, new: Option<Whole>) -> Result<(), Failure> {
    let stored = daemon.order(order).await;
    let mut wholes: Vec<Whole> = stored.entries.iter().filter_map(|entry| stand_in(entry, &stored)).collect();
    if let Some(new) = new {
        match wholes.iter_mut().find(|known| known.kind == new.kind && known.id == new.id) {
            // Told more than once: the first time is the nearest to the money.
            Some(known) => known.at = known.at.min(new.at),
            None => wholes.push(new),
        }
    }
    // Always the same order, whichever came first; of one invoice the chargeback before the refund.
    wholes.sort_by(|one, other| (&one.id, other.kind).cmp(&(&other.id, one.kind)));
    let exact = stored.entries.iter().filter(|entry| is_back(entry) && entry.key.id.starts_with("transaction:"));
    let mut exact = money::sum(exact.map(|entry| entry.total)).map_err(Fault::from)?;
    let mut last = None;
    for whole in wholes {
        // An invoice goes back once, be it refunded or disputed.
        let open = if last.as_ref() == Some(&whole.id) { Decimal::ZERO } else { whole.total };
        let covered = open.min(exact);
        exact = exact.minus(covered).map_err(Fault::from)?;
        let total = open.minus(covered).map_err(Fault::from)?;
        put(daemon, order, &whole, total, &stored);
        last = Some(whole.id);
    }
    Ok(())
}

/// A stored stand-in, with the total of its invoice.
fn stand_in(entry: &StoredEntry, stored: &StoredOrder) -> Option<Whole> {
    let sale = stored.entries.iter().find(|sale| sale.key.kind == Kind::Sale && sale.key.id == entry.key.id)?;
    is_back(entry).then(|| Whole {
        kind: entry.key.kind,
        id: entry.key.id.clone(),
        at: entry.unix_ms,
        currency: entry.currency.clone(),
        total: sale.total,
    })
}

fn put(daemon: &Daemon, order: &str, whole: &Whole, total: Decimal, stored: &StoredOrder) {
    let same = |entry: &StoredEntry| {
        entry.key.kind == whole.kind && entry.key.id == whole.id && entry.total == total && entry.unix_ms == whole.at
    };
    if !stored.entries.iter().any(same) {
        // Revision 0: it follows from what is stored, so the last reckoning is the right one.
        daemon.put(Entry::new(whole.kind, &whole.id, order, Moment::Utc(whole.at), &whole.currency, total));
    }
}
