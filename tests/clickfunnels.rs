//! ClickFunnels: Classic from its test call to a refund, and 2.0 with its signatures, through the real daemon.

use std::time::{SystemTime, UNIX_EPOCH};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::kit::{Shop, http};

const JSON: &str = "application/json";
const WORD: &str = "whsec & öpen/4711";
const PAID: &[u8] = include_bytes!("../plugins/clickfunnels/cases/paid.json");
const REFUNDED: &[u8] = include_bytes!("../plugins/clickfunnels/cases/tx-refund-1.json");
const CLASSIC: &[u8] = include_bytes!("../plugins/clickfunnels/cases/classic-updated.json");

fn shop(settings: &str) -> Shop {
    let shop = Shop::empty();
    shop.add_connector("clickfunnels");
    shop.configure(&format!("[integrations.funnels]\nconnector = \"clickfunnels\"\n{settings}"));
    shop
}

/// Sends an event of 2.0 that was signed so many seconds ago, and gives the status.
fn send(shop: &Shop, body: &[u8], age_s: u64, word: &str) -> u16 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time after 1970").as_secs();
    let stamp = (now - age_s).to_string();
    let mut mac = Hmac::<Sha256>::new_from_slice(word.as_bytes()).expect("any key");
    mac.update(format!("{stamp}.").as_bytes());
    mac.update(body);
    let signature: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    let headers = [
        ("Content-Type", JSON),
        ("X-Webhook-ClickFunnels-Timestamp", stamp.as_str()),
        ("X-Webhook-ClickFunnels-Signature", signature.as_str()),
    ];
    http::send(shop.hooks, "POST", &shop.webhook_path("funnels"), &headers, body).status
}

fn net(shop: &Shop) -> String {
    shop.wait_for_inbox();
    shop.revenue("by=month&as_of=2026-06-01")["total"]["net"].as_str().expect("an amount").to_owned()
}

#[test]
fn classic_tries_the_host_and_then_delivers() {
    let shop = shop("");
    let _daemon = shop.start();
    let test = br#"{"time": "2026-03-01 10:00:00 UTC"}"#;
    http::send(shop.hooks, "POST", "/funnel_webhooks/test", &[("Content-Type", JSON)], test).ok();
    // The same at the address that was entered, as it may do one day.
    shop.deliver("funnels", JSON, test);
    assert_eq!(shop.status()["entries"], 0);
    shop.deliver("funnels", JSON, CLASSIC);
    shop.deliver("funnels", JSON, CLASSIC);
    assert_eq!(net(&shop), "47.00");
    // An event of 2.0 is signed, or it is none.
    assert_eq!(shop.post_webhook("funnels", JSON, PAID).status, 401);
    // What cannot be read came to the right address: it waits where the owner sees it.
    shop.deliver("funnels", JSON, b"{\"event\": ");
    assert_eq!(shop.get("/v1/quarantine").ok().json()["quarantine"].as_array().map(Vec::len), Some(1));
    assert_eq!(net(&shop), "47.00");
}

#[test]
fn events_of_2_0_count_once_whenever_they_were_signed() {
    let shop = shop(&format!("webhook_secret = \"{WORD}\"\n"));
    let _daemon = shop.start();
    assert_eq!(send(&shop, PAID, 0, "another word"), 401);
    assert_eq!(shop.post_webhook("funnels", JSON, CLASSIC).status, 401, "unsigned");
    // At once, and by an attempt of the next day that has the old time stamp.
    assert_eq!(send(&shop, PAID, 0, WORD), 200);
    assert_eq!(send(&shop, PAID, 37 * 3_600, WORD), 200);
    assert_eq!(net(&shop), "47.00");
    assert_eq!(send(&shop, REFUNDED, 1, WORD), 200);
    assert_eq!(net(&shop), "27.00");
    assert_eq!(send(&shop, REFUNDED, 49 * 3_600, WORD), 401, "too old to be an attempt");
}
