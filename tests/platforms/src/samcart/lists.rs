//! Records and lists of the API.

use serde_json::{Value, json};

use super::{Filters, Item, NextPage, Refund, SamCart, gross, time, unix_s};
use crate::{Answer, Call};

/// Records on a page at most.
const PER_PAGE_MAX: usize = 100;

impl SamCart {
    /// Ids and times of creation of all records of a list.
    fn index(&self, list: &str) -> Vec<(u64, i64)> {
        match list {
            "charges" => self.charges.iter().map(|one| (one.id, one.unix_s)).collect(),
            "orders" => self.orders.iter().map(|one| (one.id, one.unix_s)).collect(),
            "refunds" => self.refunds.iter().map(|one| (one.id, one.unix_s)).collect(),
            "customers" => self.customers.iter().map(|one| (one.id, one.unix_s)).collect(),
            _ => Vec::new(),
        }
    }

    /// One record of a list.
    pub(super) fn record(&self, list: &str, id: u64) -> Option<Value> {
        Some(match list {
            "charges" => self.charge_row(self.charges.iter().find(|one| one.id == id)?),
            "orders" => self.order_row(self.order(id)?),
            "refunds" => self.refund_row(self.refunds.iter().find(|one| one.id == id)?),
            "customers" => {
                let one = self.customers.iter().find(|one| one.id == id)?;
                json!({"id": one.id, "first_name": "Ada", "email": one.email, "phone": null})
            }
            _ => return None,
        })
    }

    fn charge_row(&self, charge: &super::Charge) -> Value {
        let order = self.order(charge.order);
        let subscribes = order.is_some_and(|order| order.items.iter().any(|item| item.subscription.is_some()));
        let rebill = match charge.rebill {
            0 if self.marks_first_charges && subscribes => json!(charge.id * 7),
            0 => Value::Null,
            number => json!(charge.id * 7 + number),
        };
        let refunded: i64 = self.refunds.iter().filter(|of| of.charge == charge.id).map(|of| of.cents).sum();
        let status = match refunded {
            0 => Value::Null,
            part if part < charge.cents => "partially_refunded".into(),
            _ => "refunded".into(),
        };
        json!({
            "id": charge.id,
            "customer_id": order.map(|order| order.customer),
            "affiliate_id": null,
            "order_id": charge.order,
            "subscription_rebill_id": rebill,
            "test_mode": !self.is_live(charge.order),
            "processor_name": "Stripe",
            "processor_transaction_id": format!("ch_{}", charge.id),
            "currency": "usd",
            "card_used": 4242,
            "charge_refund_status": status,
            "order_date": time(order.map_or(charge.unix_s, |order| order.unix_s)),
            "created_at": time(charge.unix_s),
            "total": charge.cents,
        })
    }

    fn order_row(&self, order: &super::Order) -> Value {
        let price =
            |item: &Item| json!({"subtotal": item.cents, "taxes": item.tax_cents, "shipping": 0, "total": gross(item)});
        let item = |item: &Item| {
            json!({
                "id": item.id,
                "product_id": item.product,
                "subscription_id": item.subscription,
                "sku": null,
                "product_name": format!("Product {}", item.product),
                "internal_product_name": format!("P{}", item.product),
                "charge_id": item.charge,
                "pricing_type": if item.subscription.is_some() { "recurring_subscription" } else { "one_time" },
                "processor_transaction_id": format!("ch_{}", item.charge),
                "currency": "usd",
                "quantity": 1,
                "status": item.status,
                "initial_price": price(item),
                "recurring_price": if item.subscription.is_some() { price(item) } else { Value::Null },
                "coupon": null,
            })
        };
        json!({
            "id": order.id,
            "customer_id": order.customer,
            "affiliate_id": 9,
            "test_mode": order.test,
            "order_date": time(order.unix_s),
            "cart_items": order.items.iter().map(item).collect::<Vec<_>>(),
            "total": order.items.iter().map(gross).sum::<i64>(),
            "processor_name": "Stripe",
            "utm_parameters": {"utm_source": "newsletter", "utm_medium": "", "utm_campaign": "spring"},
        })
    }

    pub(super) fn refund_row(&self, refund: &Refund) -> Value {
        let order = self.charges.iter().find(|charge| charge.id == refund.charge).map_or(0, |charge| charge.order);
        json!({
            "id": refund.id,
            "charge_id": refund.charge,
            "cart_item_id": refund.item,
            "created_at": time(refund.unix_s),
            "test_mode": !self.is_live(order),
            "charge_refund_status": "refunded",
            "currency": "usd",
            "refund_amount": refund.cents,
        })
    }

    /// A page of a list.
    pub(super) fn list(&self, list: &str, call: &Call) -> Answer {
        let number = |name: &str| call.parameter(name).and_then(|text| text.parse::<u64>().ok());
        let per_page = usize::try_from(number("limit").unwrap_or(100)).unwrap_or(100).clamp(1, PER_PAGE_MAX);
        let (Ok(start), Ok(end)) = (self.bound(call, "created_at_min"), self.bound(call, "created_at_max")) else {
            return Answer::json(422, &serde_json::json!({"message": "The created at min is not a valid date."}));
        };
        if end.saturating_sub(start) > self.range_max_s {
            return Answer::json(504, &serde_json::json!({"message": "Timeout"}));
        }
        let within = self.index(list).into_iter().filter(|(_, unix_s)| (start..=end).contains(unix_s));
        let mut ids: Vec<u64> = within.map(|(id, _)| id).collect();
        ids.sort_unstable();
        let offset = number("offset").unwrap_or(0);
        let mut rest = ids.into_iter().filter(|id| *id > offset);
        let page: Vec<u64> = rest.by_ref().take(per_page).collect();
        let last = page.last().copied().unwrap_or(0);
        let address =
            |host: &str, offset: u64| format!("https://{host}/v1/{list}?limit={per_page}&offset={offset}&dir=next");
        let next = rest.next().map(|_| match self.next_page {
            NextPage::Address => address("api.samcart.com", last),
            NextPage::OtherHost => address("elsewhere.example", last),
            NextPage::WithoutOffset => format!("https://api.samcart.com/v1/{list}?page=2"),
            NextPage::Circle => address("api.samcart.com", offset),
        });
        let data: Vec<Value> = page.into_iter().filter_map(|id| self.record(list, id)).collect();
        Answer::json(200, &json!({"data": data, "pagination": {"next": next, "prev": null}}))
    }

    /// A bound of the time of creation, included.
    fn bound(&self, call: &Call, name: &str) -> Result<i64, ()> {
        let is_end = name.ends_with("max");
        let Some(text) = call.parameter(name) else { return Ok(if is_end { i64::MAX } else { i64::MIN }) };
        let day = text.get(..10).ok_or(())?;
        let clock = match text.get(11..19) {
            Some(_) if self.filters == Filters::DaysOnly => return Err(()),
            // Cut to its day, a time is the day's beginning, also as an end.
            Some(_) if self.filters == Filters::CutToDays => "00:00:00",
            Some(clock) => clock,
            None if is_end => "23:59:59",
            None => "00:00:00",
        };
        Ok(unix_s(&format!("{day}T{clock}")))
    }
}
