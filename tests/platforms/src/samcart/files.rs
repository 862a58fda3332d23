//! The same money as webhooks and as an orders export.

use ltv_connector::dates::{self, Day};
use serde_json::{Value, json};

use super::{Charge, Item, Order, SamCart, decimal, gross};

impl SamCart {
    /// The items that a charge pays for.
    fn items_of(&self, charge: &Charge) -> Vec<&Item> {
        let paid = |item: &&Item| match charge.rebill {
            0 => item.charge == charge.id,
            _ => item.subscription.is_some(),
        };
        self.order(charge.order).map(|order| order.items.iter().filter(paid).collect()).unwrap_or_default()
    }

    /// The bodies of its webhooks and when they came, oldest first. `with_ids`: they tell ids of charges and refunds. Test
    /// orders look like real ones.
    #[must_use]
    pub fn webhooks(&self, with_ids: bool) -> Vec<(String, String)> {
        let mut told: Vec<(i64, Value)> = Vec::new();
        for charge in &self.charges {
            let Some(order) = self.order(charge.order) else { continue };
            let items = self.items_of(charge);
            let mut body = self.body(order, &items);
            if charge.rebill > 0 {
                body["type"] = "SubscriptionCharged".into();
                if with_ids {
                    body["charge"] = json!({"id": charge.id, "total": decimal(charge.cents)});
                }
            } else {
                let so_far =
                    self.charges.iter().filter(|of| of.order == order.id && of.rebill == 0 && of.id <= charge.id);
                body["type"] = "Order".into();
                body["order"]["total"] = decimal(so_far.map(|of| of.cents).sum()).into();
            }
            told.push((charge.unix_s + 3, body));
        }
        for refund in &self.refunds {
            let charge = self.charges.iter().find(|charge| charge.id == refund.charge);
            let Some((charge, order)) = charge.and_then(|charge| Some((charge, self.order(charge.order)?))) else {
                continue;
            };
            let items: Vec<&Item> = self.items_of(charge).into_iter().filter(|item| item.id == refund.item).collect();
            let mut body = self.body(order, &items);
            body["type"] = "ProductPartiallyRefunded".into();
            body["refund"] = json!({"amount": decimal(refund.cents)});
            if with_ids {
                body["refund"]["id"] = refund.id.into();
            }
            told.push((refund.unix_s + 3, body));
        }
        told.sort_by_key(|(unix_s, _)| *unix_s);
        told.into_iter().map(|(unix_s, body)| (dates::format_utc(unix_s * 1000), body.to_string())).collect()
    }

    fn body(&self, order: &Order, items: &[&Item]) -> Value {
        let product = |item: &&Item| {
            json!({
                "id": item.product,
                "name": format!("Product {}", item.product),
                "price": decimal(item.cents),
                "tax": decimal(item.tax_cents),
                "shipping": "0.00",
            })
        };
        let email = self.customers.iter().find(|one| one.id == order.customer).map(|one| one.email.to_uppercase());
        let subscription = items.iter().find_map(|item| item.subscription);
        let mut body = json!({
            "api_key": null,
            "products": items.iter().map(product).collect::<Vec<_>>(),
            "customer": {"email": email, "customer_id": order.customer},
            "order": {"id": order.id, "total": decimal(items.iter().map(|item| gross(item)).sum())},
        });
        if let Some(subscription) = subscription {
            body["subscription"] = json!({"id": subscription});
        }
        body
    }

    /// The orders export, all time: one row for each product of each charge. Refunds are told on the row of their payment.
    /// Dates are days in UTC, and times.
    #[must_use]
    pub fn orders_csv(&self) -> String {
        let mut file = String::from(
            "Order ID,Order Date,Order Time,Order Status,Product ID,Product Name,Price,Customer Email,Refund Amount,Refund Date\n",
        );
        for charge in &self.charges {
            let Some(order) = self.order(charge.order) else { continue };
            let email = self.customers.iter().find(|one| one.id == order.customer).map_or("", |one| &one.email);
            for item in self.items_of(charge) {
                let mut refunds =
                    self.refunds.iter().filter(|of| of.charge == charge.id && of.item == item.id).peekable();
                let day = refunds.peek().map(|refund| Day::of_unix_ms(refund.unix_s * 1000).to_string());
                let refunded: i64 = refunds.map(|refund| refund.cents).sum();
                let status = match refunded {
                    0 => "charged",
                    part if part < gross(item) => "partially_refunded",
                    _ => "refunded",
                };
                let at = dates::format_utc(charge.unix_s * 1000);
                let (date, clock) = at.split_once('T').unwrap_or((&at, ""));
                file.push_str(&format!(
                    "{},{date},{clock},{status},{},Product {},{},{email},{},{}\n",
                    order.id,
                    item.product,
                    item.product,
                    decimal(gross(item)),
                    if refunded > 0 { decimal(refunded) } else { String::new() },
                    day.unwrap_or_default()
                ));
            }
        }
        file
    }
}
