//! The routes of the REST API.

use serde_json::{Value, json};

use super::auth::Caller;
use super::{Permalinks, Shop};
use crate::{Answer, Call};

/// An error as WordPress writes it.
pub(super) fn error(status: u16, code: &str, message: &str) -> Answer {
    Answer::json(status, &json!({"code": code, "message": message, "data": {"status": status}}))
}

fn no_route() -> Answer {
    error(404, "rest_no_route", "No route was found matching the URL and request method.")
}

impl Shop {
    /// Answers any request.
    pub(super) fn respond(&mut self, call: &Call) -> Answer {
        let folder = self.folder();
        let path = call.path.strip_prefix(&folder).unwrap_or(&call.path).to_owned();
        let route = match path.strip_prefix("/wp-json") {
            Some(route) => match self.permalinks {
                Permalinks::Pretty => route.to_owned(),
                Permalinks::NotFound => return Answer::html(404, "<h1>Not Found</h1>"),
                Permalinks::HomePage if !path.ends_with('/') => {
                    let scheme = if call.tls { "https" } else { "http" };
                    let target = format!("{scheme}://{}{}/?{}", call.authority, call.path, call.query);
                    return Answer::html(301, "").header("location", target);
                }
                Permalinks::HomePage => return Answer::html(200, "<h1>Welcome to the shop</h1>"),
            },
            None => match call.parameter("rest_route") {
                Some(route) => route,
                None => return Answer::html(200, "<h1>Welcome to the shop</h1>"),
            },
        };
        if route.is_empty() || route == "/" {
            return self.index();
        }
        let Some(route) = route.strip_prefix("/wc/v3").filter(|_| self.active).map(str::to_owned) else {
            return no_route();
        };
        let mut answer = match self.authenticate(call) {
            Ok(caller) => self.route(call, &route, caller),
            Err(refused) => refused,
        };
        if !self.preamble.is_empty() {
            let mut body = self.preamble.clone().into_bytes();
            body.append(&mut answer.body);
            answer.body = body;
        }
        answer
    }

    fn route(&mut self, call: &Call, route: &str, caller: Caller) -> Answer {
        let parts: Vec<&str> = route.split('/').filter(|part| !part.is_empty()).collect();
        let method = call.method.as_str();
        let known = match parts.as_slice() {
            [] | ["orders" | "webhooks" | "system_status"] | ["orders" | "webhooks", _] => true,
            ["refunds"] => self.version >= (9, 0),
            ["orders", _, "refunds"] => true,
            _ => false,
        };
        if !known {
            return no_route();
        }
        if parts.is_empty() {
            return self.json(200, &json!({"namespace": "wc/v3", "routes": {}}));
        }
        if caller == Caller::Nobody || !self.capable {
            let status = if caller == Caller::Nobody { 401 } else { 403 };
            let (what, said) = match method {
                "GET" => ("view", "Sorry, you cannot list resources."),
                "POST" => ("create", "Sorry, you are not allowed to create resources."),
                _ => ("edit", "Sorry, you are not allowed to edit this resource."),
            };
            return error(status, &format!("woocommerce_rest_cannot_{what}"), said);
        }
        let id = |text: &str| text.parse::<u64>().unwrap_or(0);
        match (method, parts.as_slice()) {
            ("GET", ["orders"]) => self.list_orders(call),
            ("GET", ["orders", order]) => self.one_order(call, id(order)),
            ("GET", ["orders", order, "refunds"]) => self.list_refunds_of(call, id(order)),
            ("GET", ["refunds"]) => self.list_refunds(call),
            ("GET", ["system_status"]) => self.json(
                200,
                &json!({"environment": {"version": format!("{}.{}.0", self.version.0, self.version.1), "wp_version": "6.9.1"}}),
            ),
            ("GET", ["webhooks"]) => self.list_hooks(call),
            ("POST", ["webhooks"]) => self.create_hook(call),
            ("PUT" | "POST", ["webhooks", hook]) => self.change_hook(call, id(hook)),
            ("DELETE", ["webhooks", hook]) => self.delete_hook(call, id(hook)),
            _ => no_route(),
        }
    }

    fn one_order(&self, call: &Call, id: u64) -> Answer {
        if self.breaking.contains(&id) {
            return self.php_error(call);
        }
        match self.orders.get(&id) {
            Some(_) if self.hidden.contains(&id) => {
                error(403, "woocommerce_rest_cannot_view", "Sorry, you cannot view this resource.")
            }
            Some(order) => self.json(200, &self.order_json(order)),
            None => error(404, "woocommerce_rest_shop_order_invalid_id", "Invalid ID."),
        }
    }

    /// What WordPress tells everybody about itself.
    fn index(&self) -> Answer {
        if !self.shows_index {
            return error(401, "rest_cannot_access", "Only authenticated users can access the REST API.");
        }
        let offset_s = {
            use chrono::{Offset, TimeZone, Utc};
            let now = Utc.timestamp_millis_opt(self.clock_ms).single().expect("a date").with_timezone(&self.zone);
            now.offset().fix().local_minus_utc()
        };
        let index = json!({
            "name": "Tea &amp; Co", "home": self.home, "url": self.home,
            "gmt_offset": f64::from(offset_s) / 3600.0, "timezone_string": self.zone.name(),
        });
        self.json(200, &index)
    }

    /// A plugin crashed.
    pub(super) fn php_error(&self, call: &Call) -> Answer {
        let message = "There has been a critical error on this website.";
        if call.header("accept").is_some_and(|accept| accept.contains("json")) {
            Answer::json(500, &json!({"code": "internal_server_error", "message": message, "data": 500}))
        } else {
            Answer::html(500, message)
        }
    }

    pub(super) fn json(&self, status: u16, body: &Value) -> Answer {
        Answer::json(status, body).header("cache-control", "no-cache, must-revalidate, max-age=0, no-store, private")
    }
}
