//! What `check` shows.

use ltv_platforms::woocommerce::{Permalinks, Permission};

use crate::kit::{ADDRESS, Kit, WEBHOOK_SECRET};

#[track_caller]
fn says(lines: &[String], what: &str) {
    assert!(lines.iter().any(|line| line.contains(what)), "{what}: {lines:#?}");
}

#[test]
fn a_store_in_order() {
    let mut kit = Kit::new();
    kit.zone = "UTC";
    kit.shop.zone = chrono_tz::UTC;
    kit.shop.at("2026-05-10T10:00:00").sold("a@example.org", 9_900);
    let id = kit.shop.at("2026-05-11T10:00:00").sold("a@example.org", 9_900);
    let lines = kit.check();
    assert_eq!(
        lines,
        [
            "Tea & Co, https://shop.example: WooCommerce 10.5.0, WordPress 6.9.1".to_owned(),
            format!("2 orders; the newest is {id}, made 2026-05-11 10:00:00 UTC"),
            "the key may read and write".to_owned(),
            "no webhooks of ltvd: `ltvd webhook subscribe NAME` creates them".to_owned(),
        ]
    );
    assert_eq!(kit.shop.calls(), 5);
    assert_eq!(kit.ledger.entries().len(), 0);
    assert!(kit.shop.hooks().is_empty(), "a check changes nothing");
}

#[test]
fn a_key_that_may_only_read() {
    let mut kit = Kit::new();
    kit.shop.permission = Permission::Read;
    let lines = kit.check();
    says(&lines, "may read only");
    says(&lines, "no orders yet");
}

#[test]
fn ways_that_are_unusual() {
    let mut kit = Kit::new();
    kit.shop.drops_header = true;
    says(&kit.check(), "drops the Authorization header");
    let mut kit = Kit::new();
    kit.shop.knows_https = false;
    says(&kit.check(), "does not know that it is reached over https");
    let mut kit = Kit::new();
    kit.shop.permalinks = Permalinks::NotFound;
    says(&kit.check(), "permalinks are `Plain`");
    let mut kit = Kit::new().url("http://shop.example");
    kit.shop.home = "http://shop.example".into();
    says(&kit.check(), "the address is http");
}

#[test]
fn webhooks_that_the_store_gave_up() {
    let mut kit = Kit::new();
    kit.subscribe();
    says(&kit.check(), "4 webhooks of ltvd, all active");
    kit.shop.hooks_mut()[1].status = "disabled".into();
    kit.shop.add_hook("order.created", "https://other.example", WEBHOOK_SECRET);
    says(&kit.check(), "3 of 4 webhooks of ltvd are active");
    assert!(ADDRESS.starts_with("https"));
}

#[test]
fn another_zone_is_told_with_and_without_the_index() {
    let mut kit = Kit::new();
    says(&kit.check(), "zone = \"Europe/Berlin\"");
    kit.shop.shows_index = false;
    assert!(!kit.check().iter().any(|line| line.contains("UTC+02:00")), "no order to tell by");
    kit.shop.at("2026-05-30T10:00:00").sold("a@example.org", 9_900);
    says(&kit.check(), "UTC+02:00");
    // An old order may be of another summer or winter time.
    let mut kit = Kit::new();
    kit.shop.shows_index = false;
    kit.shop.at("2026-01-10T10:00:00").sold("a@example.org", 9_900);
    assert!(!kit.check().iter().any(|line| line.contains("clock")));
}
