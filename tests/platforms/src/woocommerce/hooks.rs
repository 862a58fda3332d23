//! Webhooks: their routes, their deliveries, and how the store gives them up.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;

use super::Shop;
use super::rest::error;
use crate::{Answer, Call};

/// The failure in a row that disables a webhook.
const FAILURES_MAX: u32 = 7;

/// A webhook.
#[derive(Debug, Clone)]
pub struct Hook {
    /// Id.
    pub id: u64,
    /// Name.
    pub name: String,
    /// `active`, `paused` or `disabled`.
    pub status: String,
    /// `order.updated` …
    pub topic: String,
    /// Where it delivers to.
    pub delivery_url: String,
    /// What it signs with.
    pub secret: String,
    /// Failures in a row.
    pub failures: u32,
    /// Orders to tell of; several changes before it is sent are one.
    waiting: Vec<u64>,
}

/// A request that the store sends.
#[derive(Debug, Clone)]
pub struct Posted {
    /// The webhook.
    pub hook: u64,
    /// Where to.
    pub url: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
}

impl Shop {
    /// Something happened to an order.
    pub(super) fn happened(&mut self, event: &str, order: u64) {
        let topic = format!("order.{event}");
        for hook in self.hooks.iter_mut().filter(|hook| hook.topic == topic && hook.status == "active") {
            if !hook.waiting.contains(&order) {
                hook.waiting.push(order);
            }
        }
    }

    /// The webhooks.
    #[must_use]
    pub fn hooks(&self) -> &[Hook] {
        &self.hooks
    }

    /// Changes a webhook, as somebody in the admin screen would.
    pub fn hooks_mut(&mut self) -> &mut Vec<Hook> {
        &mut self.hooks
    }

    /// Adds a webhook made by hand. Gives its id.
    pub fn add_hook(&mut self, topic: &str, delivery_url: &str, secret: &str) -> u64 {
        let id = self.hooks.iter().map(|hook| hook.id).max().unwrap_or(16) + 1;
        self.hooks.push(Hook {
            id,
            name: topic.to_owned(),
            status: "active".to_owned(),
            topic: topic.to_owned(),
            delivery_url: delivery_url.to_owned(),
            secret: secret.to_owned(),
            failures: 0,
            waiting: Vec::new(),
        });
        id
    }

    /// The pings that wait to be sent.
    pub fn take_pings(&mut self) -> Vec<Posted> {
        std::mem::take(&mut self.pings)
    }

    /// The deliveries that wait to be sent, with the orders as they are now. What WordPress refuses to send is a failure.
    pub fn take_deliveries(&mut self) -> Vec<Posted> {
        let mut posted = Vec::new();
        for index in 0..self.hooks.len() {
            let waiting = std::mem::take(&mut self.hooks[index].waiting);
            for order in waiting {
                let hook = &self.hooks[index];
                if hook.status != "active" {
                    continue;
                }
                let id = hook.id;
                if self.is_deliverable(&hook.delivery_url) {
                    posted.push(self.delivery(hook, order));
                } else {
                    self.answered(id, None);
                }
            }
        }
        posted
    }

    fn delivery(&self, hook: &super::Hook, order: u64) -> Posted {
        let body = if self.hook_user_lost {
            let message = "Sorry, you cannot view this resource.";
            json!({"code": "woocommerce_rest_cannot_view", "message": message, "data": {"status": 403}})
        } else if hook.topic == "order.deleted" {
            json!({"id": order})
        } else {
            match self.orders.get(&order) {
                Some(order) => self.order_json(order),
                None => {
                    json!({"code": "woocommerce_rest_shop_order_invalid_id", "message": "Invalid ID.", "data": {"status": 404}})
                }
            }
        };
        let body = body.to_string().into_bytes();
        // The stored secret is decoded before it is used.
        let secret = hook.secret.replace("&amp;", "&");
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any key");
        mac.update(&body);
        let signature = STANDARD.encode(mac.finalize().into_bytes());
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let headers = vec![
            header("content-type", "application/json"),
            header("user-agent", "WooCommerce/10.5.0 Hookshot (WordPress/6.9.1)"),
            header("x-wc-webhook-source", &format!("{}/", self.home)),
            header("x-wc-webhook-topic", &hook.topic),
            header("x-wc-webhook-resource", "order"),
            header("x-wc-webhook-event", hook.topic.trim_start_matches("order.")),
            header("x-wc-webhook-signature", &signature),
            header("x-wc-webhook-id", &hook.id.to_string()),
            // Not unique: of the webhook and the second.
            header(
                "x-wc-webhook-delivery-id",
                &format!("{:x}", hook.id * 1_000 + self.clock_ms.unsigned_abs() / 1_000),
            ),
        ];
        Posted { hook: hook.id, url: hook.delivery_url.clone(), headers, body }
    }

    /// A delivery was answered with this status, or not at all. There is no second attempt.
    pub fn answered(&mut self, hook: u64, status: Option<u16>) {
        let Some(hook) = self.hooks.iter_mut().find(|known| known.id == hook) else { return };
        if status.is_some_and(|status| (200..=302).contains(&status)) {
            hook.failures = 0;
            return;
        }
        hook.failures += 1;
        if hook.failures >= FAILURES_MAX {
            "disabled".clone_into(&mut hook.status);
        }
    }

    /// What WordPress's safe client sends to: ports 80, 443 and 8080, and no private address but the shop's own.
    fn is_deliverable(&self, url: &str) -> bool {
        if self.delivers_anywhere {
            return true;
        }
        let Some((scheme, rest)) = url.split_once("://") else { return false };
        let authority = rest.split('/').next().unwrap_or_default();
        let (host, port) =
            authority.rsplit_once(':').unwrap_or((authority, if scheme == "https" { "443" } else { "80" }));
        let own = self.home.split_once("://").map_or("", |(_, rest)| rest.split('/').next().unwrap_or_default());
        let (own_host, own_port) = own.rsplit_once(':').unwrap_or((own, ""));
        let private =
            ["127.", "10.", "0.", "192.168."].iter().any(|start| host.starts_with(start)) || host == "localhost";
        let port_allowed = ["80", "443", "8080"].contains(&port) || (host == own_host && port == own_port);
        !authority.contains('@') && port_allowed && (!private || host == own_host)
    }

    fn ping(&mut self, hook: u64, url: &str) {
        if self.is_deliverable(url) {
            let headers = vec![("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned())];
            let body = format!("webhook_id={hook}").into_bytes();
            self.pings.push(Posted { hook, url: url.to_owned(), headers, body });
        }
    }

    /// `POST /webhooks`
    pub(super) fn create_hook(&mut self, call: &Call) -> Answer {
        let body = call.json().unwrap_or_default();
        let text = |name: &str| body.get(name).and_then(|value| value.as_str()).unwrap_or_default().to_owned();
        let (topic, url) = (text("topic"), text("delivery_url"));
        if topic.is_empty() || url.is_empty() {
            return error(400, "woocommerce_rest_invalid_webhook", "Webhook topic and delivery URL are required.");
        }
        let secret = Some(text("secret")).filter(|secret| !secret.is_empty());
        let id = self.add_hook(&topic, &url, &secret.unwrap_or_else(|| "nobody can read this".to_owned()));
        if let Some(hook) = self.hooks.last_mut() {
            hook.name = text("name");
        }
        self.ping(id, &url);
        let answer = self.hooks.last().map(Shop::hook_json).unwrap_or_default();
        self.json(201, &answer)
    }

    /// `PUT /webhooks/{id}`: the count of failures stays.
    pub(super) fn change_hook(&mut self, call: &Call, id: u64) -> Answer {
        let body = call.json().unwrap_or_default();
        let Some(hook) = self.hooks.iter_mut().find(|hook| hook.id == id) else { return invalid_hook() };
        if let Some(status) = body.get("status").and_then(|value| value.as_str()) {
            status.clone_into(&mut hook.status);
        }
        let answer = Shop::hook_json(hook);
        self.json(200, &answer)
    }

    /// `DELETE /webhooks/{id}`
    pub(super) fn delete_hook(&mut self, call: &Call, id: u64) -> Answer {
        let Some(index) = self.hooks.iter().position(|hook| hook.id == id) else { return invalid_hook() };
        if call.parameter("force").as_deref() != Some("true") {
            return error(501, "woocommerce_rest_trash_not_supported", "Webhooks do not support trashing.");
        }
        let hook = self.hooks.remove(index);
        self.json(200, &Shop::hook_json(&hook))
    }
}

fn invalid_hook() -> Answer {
    error(404, "woocommerce_rest_shop_webhook_invalid_id", "Invalid ID.")
}
