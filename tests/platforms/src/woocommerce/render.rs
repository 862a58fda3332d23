//! Orders, refunds and webhooks as JSON.

use chrono::{DateTime, TimeZone, Utc};
use chrono_tz::Tz;
use serde_json::{Value, json};

use super::hooks::Hook;
use super::order::{Order, Refund};
use super::{Shop, Storage};

/// Hundredths as decimal text.
pub(super) fn amount(cents: i64) -> String {
    let sign = if cents < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", cents.abs() / 100, cents.abs() % 100)
}

fn at(ms: i64) -> DateTime<Utc> {
    Utc.timestamp_millis_opt(ms).single().expect("a date")
}

/// A date in UTC, without zone.
pub(super) fn utc(ms: i64) -> String {
    at(ms).format("%Y-%m-%dT%H:%M:%S").to_string()
}

/// A date in the zone of the site, without zone.
pub(super) fn local(ms: i64, zone: Tz) -> String {
    at(ms).with_timezone(&zone).format("%Y-%m-%dT%H:%M:%S").to_string()
}

impl Shop {
    /// An order as `GET /orders/{id}` and a webhook's body have it.
    pub(super) fn order_json(&self, order: &Order) -> Value {
        let basket = &order.basket;
        let date = |ms: Option<i64>| ms.map(|ms| local(ms, self.zone));
        let date_gmt = |ms: Option<i64>| ms.map(utc);
        let lines: Vec<Value> = (1..).zip(&basket.items).map(|(number, item)| {
            json!({
                "id": order.id * 10 + number, "name": format!("Tea &amp; Co {}", item.product), "product_id": item.product,
                "variation_id": item.variation, "quantity": item.quantity, "sku": if item.product == 0 { Value::Null } else { json!(format!("SKU-{}", item.product)) },
                "subtotal": amount(item.subtotal), "subtotal_tax": amount(item.tax), "total": amount(item.total),
                "total_tax": amount(item.tax), "price": item.total as f64 / 100.0 / item.quantity as f64, "taxes": [], "meta_data": [],
            })
        }).collect();
        let discount: i64 = basket.items.iter().map(|item| item.subtotal - item.total).sum();
        let tax: i64 = basket.items.iter().map(|item| item.tax).sum();
        let fees = if basket.fee == 0 {
            json!([])
        } else {
            json!([{"id": 3, "name": "Fee", "total": amount(basket.fee), "total_tax": "0.00"}])
        };
        let hides = order.hides_refunds || (order.status == "trash" && self.storage == Storage::Posts);
        let key = if self.version >= (9, 0) { "reason" } else { "refund" };
        let refunds: Vec<Value> = order
            .refunds
            .iter()
            .rev()
            .filter(|_| !hides)
            .map(|refund| json!({"id": refund.id, key: "", "total": format!("-{}", amount(refund.cents))}))
            .collect();
        let meta: Vec<Value> = (1..)
            .zip(&basket.meta)
            .map(|(id, (key, value))| json!({"id": id, "key": key, "value": value}))
            .chain([json!({"id": 99, "key": "_plugin", "value": {"deep": [1, null]}})])
            .collect();
        let coupons: Vec<Value> = basket.coupons.iter().map(|code| json!({"code": code, "discount": "1.00"})).collect();
        let mut json = json!({
            "id": order.id, "parent_id": basket.parent, "number": format!("W-{}", order.id), "status": order.status,
            "currency": basket.currency, "version": format!("{}.{}.0", self.version.0, self.version.1),
            "prices_include_tax": false,
            "date_created": date(Some(order.created_ms)), "date_created_gmt": date_gmt(Some(order.created_ms)),
            "date_modified": date(Some(order.modified_ms)), "date_modified_gmt": date_gmt(Some(order.modified_ms)),
            "date_paid": date(order.paid_ms), "date_paid_gmt": date_gmt(order.paid_ms),
            "date_completed": date(order.completed_ms), "date_completed_gmt": date_gmt(order.completed_ms),
        });
        let money = json!({
            "discount_total": amount(discount), "discount_tax": "0.00", "shipping_total": amount(basket.shipping),
            "shipping_tax": "0.00", "cart_tax": amount(tax), "total_tax": amount(tax), "total": amount(order.total()),
            "customer_id": basket.customer, "created_via": basket.created_via, "payment_method": basket.method,
            "payment_method_title": "Card", "transaction_id": "",
            "billing": {"first_name": "Ada", "last_name": "Muster", "email": basket.email, "country": basket.country},
            "shipping": {"country": basket.country},
        });
        let lists = json!({
            "line_items": lines, "fee_lines": fees, "shipping_lines": [], "tax_lines": [], "coupon_lines": coupons,
            "refunds": refunds, "meta_data": meta,
            "needs_payment": matches!(order.status.as_str(), "pending" | "failed" | "checkout-draft") && order.total() > 0,
            "_links": {"self": [{"href": format!("{}/wp-json/wc/v3/orders/{}", self.home, order.id)}]},
        });
        for more in [money, lists] {
            if let (Value::Object(json), Value::Object(more)) = (&mut json, more) {
                json.extend(more);
            }
        }
        json
    }

    /// A refund. Only `/refunds` names the order.
    pub(super) fn refund_json(&self, order: &Order, refund: &Refund, with_parent: bool) -> Value {
        let lines: Vec<Value> = refund.lines.iter().map(|given| {
            let item = &order.basket.items[given.item];
            json!({
                "id": refund.id * 10, "name": format!("Tea &amp; Co {}", item.product), "product_id": item.product, "variation_id": item.variation,
                "quantity": -given.quantity, "subtotal": amount(-given.cents), "total": amount(-given.cents), "total_tax": "0.00",
                "sku": "", "price": given.cents as f64 / 100.0, "meta_data": [{"key": "_refunded_item_id", "value": "1"}],
            })
        }).collect();
        let mut json = json!({
            "id": refund.id, "date_created": local(refund.at_ms, self.zone), "date_created_gmt": utc(refund.at_ms),
            "amount": amount(refund.cents), "reason": "", "refunded_by": 1, "refunded_payment": false,
            "line_items": lines, "shipping_lines": [], "tax_lines": [], "fee_lines": [], "meta_data": [],
        });
        if with_parent {
            json["parent_id"] = json!(order.id);
        }
        json
    }

    pub(super) fn hook_json(hook: &Hook) -> Value {
        json!({
            "id": hook.id, "name": hook.name, "status": hook.status, "topic": hook.topic,
            "resource": "order", "event": hook.topic.trim_start_matches("order."), "hooks": [], "delivery_url": hook.delivery_url,
        })
    }
}
