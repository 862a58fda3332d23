//! Lists: filters, order and paging.

use chrono::{DateTime, NaiveDateTime};
use serde_json::{Value, json};

use super::render::{local, utc};
use super::rest::error;
use super::{Shop, Storage};
use crate::{Answer, Call};

/// Rows of a list, before paging: id, and how it is shown.
type Row = (u64, Option<Value>);

const STATUSES: [&str; 11] = [
    "any",
    "pending",
    "processing",
    "on-hold",
    "completed",
    "cancelled",
    "refunded",
    "failed",
    "trash",
    "checkout-draft",
    "shipped",
];

impl Shop {
    /// `GET /orders`
    pub(super) fn list_orders(&self, call: &Call) -> Answer {
        let status = call.parameter("status").unwrap_or_else(|| "any".to_owned());
        let wanted: Vec<&str> = status.split(',').collect();
        if let Some(unknown) = wanted.iter().find(|status| !STATUSES.contains(status)) {
            return error(400, "rest_invalid_param", &format!("Invalid parameter(s): status: {unknown}"));
        }
        let include: Option<Vec<u64>> =
            call.parameter("include").map(|ids| ids.split(',').filter_map(|id| id.parse().ok()).collect());
        let created = |ms: i64| self.passes(call, ms, "after", "before");
        let modified = |ms: i64| self.version < (5, 8) || self.passes(call, ms, "modified_after", "modified_before");
        let mut orders: Vec<_> = self
            .orders
            .values()
            .filter(|order| {
                if wanted.contains(&"any") { order.status != "trash" } else { wanted.contains(&order.status.as_str()) }
            })
            .filter(|order| include.as_ref().is_none_or(|ids| ids.contains(&order.id)))
            .filter(|order| created(order.created_ms) && modified(order.modified_ms))
            .collect();
        match call.parameter("orderby").as_deref() {
            None | Some("date") => orders.sort_by_key(|order| (order.created_ms, order.id)),
            Some("id") => orders.sort_by_key(|order| order.id),
            Some("modified") if self.version >= (9, 9) => orders.sort_by_key(|order| (order.modified_ms, order.id)),
            Some(other) => return error(400, "rest_invalid_param", &format!("Invalid parameter(s): orderby: {other}")),
        }
        let broken = |id: &u64| self.breaking.contains(id);
        let rows = orders.iter().map(|order| {
            let shown = (!self.hidden.contains(&order.id)).then(|| self.order_json(order));
            (order.id, shown)
        });
        let rows: Vec<Row> = rows.collect();
        self.page(call, rows, |ids| self.breaks_above.is_some_and(|most| ids.len() > most) || ids.iter().any(broken))
    }

    /// `GET /refunds`
    pub(super) fn list_refunds(&self, call: &Call) -> Answer {
        let all = self.orders.values().flat_map(|order| order.refunds.iter().map(move |refund| (order, refund)));
        let rows = all
            .filter(|(_, refund)| self.passes(call, refund.at_ms, "after", "before"))
            .map(|(order, refund)| (refund.id, Some(self.refund_json(order, refund, true))));
        self.page(call, rows.collect(), |_| false)
    }

    /// `GET /orders/{id}/refunds`: of an order that is gone an empty list.
    pub(super) fn list_refunds_of(&self, call: &Call, id: u64) -> Answer {
        let order = self.orders.get(&id);
        let rows = order.into_iter().flat_map(|order| {
            order.refunds.iter().rev().map(|refund| (refund.id, Some(self.refund_json(order, refund, false))))
        });
        self.page(call, rows.collect(), |_| false)
    }

    /// `GET /webhooks`
    pub(super) fn list_hooks(&self, call: &Call) -> Answer {
        let rows = self.hooks.iter().map(|hook| (hook.id, Some(Shop::hook_json(hook))));
        self.page(call, rows.collect(), |_| false)
    }

    /// Strict comparison of texts, to the second.
    fn passes(&self, call: &Call, ms: i64, after: &str, before: &str) -> bool {
        if self.ignores_dates {
            return true;
        }
        let gmt = self.version >= (5, 4) && call.parameter("dates_are_gmt").as_deref() == Some("true");
        let column = if gmt { utc(ms) } else { local(ms, self.zone) };
        let bound = |name: &str| call.parameter(name).map(|text| self.bound(&text));
        bound(after).is_none_or(|bound| column > bound) && bound(before).is_none_or(|bound| column < bound)
    }

    /// A bound as it is compared: without zone as it is, with one in the zone of the site. Fractions are misread.
    fn bound(&self, text: &str) -> String {
        if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
            return local(instant.timestamp_millis(), self.zone);
        }
        match NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S") {
            Ok(_) => text.to_owned(),
            Err(_) => panic!("a date that the store misreads or refuses: {text}"),
        }
    }

    fn page(&self, call: &Call, mut rows: Vec<Row>, breaks: impl Fn(&[u64]) -> bool) -> Answer {
        let number = |name: &str| call.parameter(name).map(|text| text.parse::<usize>());
        let (Ok(per_page), Ok(page)) = (number("per_page").unwrap_or(Ok(10)), number("page").unwrap_or(Ok(1))) else {
            return error(400, "rest_invalid_param", "Invalid parameter(s): page, per_page");
        };
        if !(1..=100).contains(&per_page) || page == 0 {
            return error(400, "rest_invalid_param", "Invalid parameter(s): per_page");
        }
        if call.parameter("orderby").as_deref() == Some("id") {
            rows.sort_by_key(|(id, _)| *id);
            if call.parameter("order").as_deref() != Some("asc") {
                rows.reverse();
            }
        } else if call.parameter("order").as_deref() != Some("asc")
            && call.parameter("rest_route").unwrap_or_else(|| call.path.clone()).ends_with("/orders")
        {
            rows.reverse();
        }
        let offset = number("offset").and_then(Result::ok).unwrap_or((page - 1) * per_page);
        let total = rows.len();
        let rows: Vec<Row> = rows.into_iter().skip(offset).take(per_page).collect();
        let ids: Vec<u64> = rows.iter().map(|(id, _)| *id).collect();
        if breaks(&ids) {
            return self.php_error(call);
        }
        let beyond = rows.is_empty() && self.storage == Storage::Hpos;
        let total = if beyond { 0 } else { total };
        let shown: Vec<Value> = rows.into_iter().filter_map(|(_, shown)| shown).collect();
        let answer = self.json(200, &json!(shown));
        if self.hides_totals {
            return answer;
        }
        answer.header("x-wp-total", total).header("x-wp-totalpages", total.div_ceil(per_page))
    }
}
