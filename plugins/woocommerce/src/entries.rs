//! From an order and what is known of its refunds to what the ledger keeps.

use std::collections::HashMap;

use ltv_connector::prelude::*;

use crate::order::{ListedRefund, ShopOrder};
use crate::refund::ShopRefund;

/// Refunds by their ids.
pub(crate) type Refunds = HashMap<u64, ShopRefund>;

/// Where an order was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source<'a> {
    /// From the API, which dates refunds.
    Api,
    /// From the body of a webhook, which does not: dates are those that the ledger has.
    Webhook(&'a StoredOrder),
}

/// All that is to be kept of an order: a sale and its refunds, or nothing if it is not paid.
///
/// The revision is the modification date in milliseconds. WooCommerce counts seconds, so the milliseconds are free: a
/// webhook's body stands one below the API, which knows the dates of refunds. Between readings of one date the last
/// counts: so a refund that left the date alone gets in, and one that was deleted gets out.
pub(crate) fn replacement(order: &ShopOrder, refunds: &Refunds, source: Source<'_>) -> Order {
    let revision = match source {
        Source::Api => order.revision_ms,
        Source::Webhook(_) => order.revision_ms.saturating_sub(1),
    };
    let mut entries = Vec::new();
    if let Some(sale) = &order.sale {
        for listed in &order.refunds {
            let refund = match refunds.get(&listed.id) {
                Some(refund) => dated(sale, refund),
                None => undated(sale, order, listed, source),
            };
            // An amount of 0 is allowed, to put goods back into stock: no money moved.
            entries.extend(Some(refund).filter(|refund| !refund.amounts.total.is_zero()));
        }
        if order.is_refunded && order.refunds.is_empty() && !sale.amounts.total.is_zero() {
            entries.push(presumed(sale, order));
        }
        entries.push(sale.clone());
    }
    for entry in &mut entries {
        entry.revision = revision;
    }
    Order::new(order.id.to_string(), revision, entries)
}

/// A refund of which all is known.
fn dated(sale: &Entry, refund: &ShopRefund) -> Entry {
    let mut entry = of(sale, format!("refund:{}", refund.id), refund.at_ms, refund.total);
    if let Some(parts) = refund.parts {
        entry =
            entry.items(parts.items).discount(Decimal::ZERO).shipping(parts.shipping).fees(parts.fees).tax(parts.tax);
    }
    entry.lines.clone_from(&refund.lines);
    entry
}

/// A refund of which only id and total are known.
fn undated(sale: &Entry, order: &ShopOrder, listed: &ListedRefund, source: Source<'_>) -> Entry {
    let id = format!("refund:{}", listed.id);
    let known = match source {
        Source::Api => None,
        Source::Webhook(stored) => {
            stored.entries.iter().find(|known| known.key == EntryKey::new(Kind::Refund, id.as_str()))
        }
    };
    match known {
        Some(known) => of(sale, id, known.unix_ms, listed.total),
        // Making a refund modifies the order in the same second [C live], so the date is right for the latest one.
        None => of(sale, id, order.revision_ms, listed.total).tag("approximate", Some("date")),
    }
}

/// A refund that no object tells of: the order is refunded, and names none. Imported orders are like that \[L\].
fn presumed(sale: &Entry, order: &ShopOrder) -> Entry {
    of(sale, format!("refund:order:{}", order.id), order.revision_ms, sale.amounts.total)
        .tag("approximate", Some("date"))
        .tag("estimated", Some("true"))
}

/// A refund of this sale: to the same buyer, in the same currency.
fn of(sale: &Entry, id: String, at_ms: i64, total: Decimal) -> Entry {
    let currency = sale.currency.as_str();
    let mut entry = Entry::refund(id, sale.order_id.as_str(), Moment::Utc(at_ms), currency, total);
    entry.customer.clone_from(&sale.customer);
    entry.tags.clone_from(&sale.tags);
    entry.billing(sale.billing)
}
