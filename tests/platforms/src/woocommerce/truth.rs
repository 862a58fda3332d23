//! What a ledger must hold of the store in the end.

use super::Shop;
use super::order::Order;
use super::render::{amount, utc};
use crate::Money;

impl Shop {
    /// Every movement of money, sorted.
    #[must_use]
    pub fn truth(&self) -> Vec<Money> {
        let mut truth: Vec<Money> = self.orders.values().flat_map(of_order).collect();
        truth.sort();
        truth
    }
}

fn of_order(order: &Order) -> Vec<Money> {
    let paid_now = matches!(order.status.as_str(), "processing" | "completed");
    let paid_once = order.paid_ms.is_some();
    let withdrawn = ["pending", "on-hold", "failed", "cancelled", "trash", "checkout-draft"];
    if !paid_now && (!paid_once || withdrawn.contains(&order.status.as_str())) {
        return Vec::new();
    }
    let money = |kind: &'static str, id: String, at_ms: i64, cents: i64| Money {
        kind,
        id,
        order: order.id.to_string(),
        at: format!("{}Z", utc(at_ms)),
        currency: order.basket.currency.clone(),
        total: amount(cents),
    };
    let sale_ms = order.paid_ms.or(order.completed_ms).unwrap_or(order.created_ms);
    let mut all = vec![money("sale", format!("order:{}", order.id), sale_ms, order.total())];
    if order.hides_refunds || order.refunds.is_empty() {
        // All that is known is that it was given back.
        if order.status == "refunded" && order.total() > 0 {
            all.push(money("refund", format!("refund:order:{}", order.id), order.modified_ms, order.total()));
        }
        return all;
    }
    let refunds = order.refunds.iter().filter(|refund| refund.cents > 0);
    all.extend(refunds.map(|refund| money("refund", format!("refund:{}", refund.id), refund.at_ms, refund.cents)));
    all
}
