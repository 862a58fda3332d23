//! Refunds: dated, divided, and found even where the store does not tell.

use ltv_connector::types::{Axis, Decimal, Kind};
use ltv_platforms::woocommerce::{Basket, GivenBack};

use crate::kit::{Kit, NOW};

#[test]
fn refunds_have_dates_products_and_parts() {
    let mut kit = Kit::new();
    kit.shop.at("2026-03-01T10:00:00");
    let id = kit.shop.sell(Basket::of("a@example.org").item(40, 2, 10_000).item(41, 1, 500).tax(95));
    let back = [GivenBack { item: 0, quantity: 1, cents: 5_000 }];
    let with_lines = kit.shop.at("2026-04-01T10:00:00").refund(id, 5_000, &back);
    let typed_over = kit.shop.at("2026-04-02T10:00:00").refund(id, 1_000, &back);
    let nothing = kit.shop.at("2026-04-03T10:00:00").refund(id, 0, &[]);
    kit.load();
    kit.assert_true();
    let refund = kit.ledger.get(Kind::Refund, &format!("refund:{with_lines}")).expect("a refund");
    assert_eq!(refund.amounts.items, Some(Decimal::hundredths(5_000)));
    assert_eq!(refund.lines[0].product_id.as_deref(), Some("40"));
    assert_eq!((refund.lines[0].quantity, refund.lines[0].amount), (Decimal::ONE, Decimal::hundredths(5_000)));
    let refund = kit.ledger.get(Kind::Refund, &format!("refund:{typed_over}")).expect("a refund");
    assert_eq!((refund.amounts.items, refund.lines.len()), (None, 0), "lines that do not make the amount say nothing");
    assert!(kit.ledger.get(Kind::Refund, &format!("refund:{nothing}")).is_none(), "no money moved");
}

#[test]
fn a_refund_that_no_modification_tells_of_is_found_by_the_list_of_refunds() {
    let mut kit = Kit::new();
    let id = kit.shop.at("2026-01-10T10:00:00").sold("a@example.org", 9_900);
    kit.load();
    kit.shop.at("2026-05-20T10:00:00").refund_silently(id, 3_000);
    let coverage = kit.catch_up();
    kit.assert_true();
    assert_eq!(kit.money().len(), 2);
    assert!(coverage.tallies.iter().any(|tally| tally.collection == "refunds" && tally.received == 1));
}

#[test]
fn before_9_0_it_is_found_by_reading_the_days_again() {
    let mut kit = Kit::new();
    kit.shop.version = (8, 9);
    let id = kit.shop.at("2026-04-10T10:00:00").sold("a@example.org", 9_900);
    kit.load();
    kit.shop.at("2026-05-20T10:00:00").refund_silently(id, 3_000);
    let coverage = kit.catch_up();
    assert_eq!(kit.money().len(), 1, "nothing tells of it");
    assert!(coverage.complete);
    kit.sync(Axis::Created, "2026-03-03T00:00:00", NOW);
    kit.assert_true();
    let calls = kit.shop.calls();
    kit.catch_up();
    assert_eq!(kit.shop.calls() - calls, 2, "orders and trash: that there is no list of refunds is remembered");
}

#[test]
fn a_deleted_refund_goes_when_the_days_are_read_again() {
    let mut kit = Kit::new();
    let id = kit.shop.at("2026-05-10T10:00:00").sold("a@example.org", 9_900);
    let refund = kit.shop.at("2026-05-20T10:00:00").refund(id, 3_000, &[]);
    kit.load();
    kit.assert_true();
    kit.shop.delete_refund(id, refund);
    kit.load();
    kit.assert_true();
    assert_eq!(kit.money().len(), 1);
}

#[test]
fn many_refunded_orders_cost_one_list_and_not_a_request_each() {
    let mut kit = Kit::new();
    for day in 1..=20 {
        let id = kit.shop.at(&format!("2026-03-{day:02}T10:00:00")).sold("a@example.org", 9_900);
        kit.shop.refund(id, 100 * day, &[]);
    }
    kit.load();
    kit.assert_true();
    assert_eq!(kit.shop.calls(), 3, "orders, their refunds, trash");
}

#[test]
fn an_order_with_more_refunds_than_fit_a_page() {
    let mut kit = Kit::new();
    let id = kit.shop.at("2026-03-01T10:00:00").sold("a@example.org", 99_900);
    for minute in 0..130 {
        kit.shop.at(&format!("2026-03-01T{:02}:{:02}:00", 11 + minute / 60, minute % 60)).refund(id, 10 + minute, &[]);
    }
    kit.load();
    kit.assert_true();
    assert_eq!(kit.money().len(), 131);
}

#[test]
fn refunded_without_a_refund_is_refunded_in_full_when_it_was_last_changed() {
    let mut kit = Kit::new();
    let id = kit.shop.at("2026-03-01T10:00:00").sold("a@example.org", 9_900);
    kit.shop.at("2026-04-01T10:00:00").set_status(id, "refunded");
    kit.shop.forget_refunds(id);
    kit.load();
    kit.assert_true();
    let refund = kit.ledger.get(Kind::Refund, &format!("refund:order:{id}")).expect("a refund");
    let tags: Vec<_> = refund.tags.iter().map(|tag| (tag.name.as_str(), tag.value.as_str())).collect();
    assert!(tags.contains(&("estimated", "true")) && tags.contains(&("approximate", "date")), "{tags:?}");
}

#[test]
fn a_refund_that_goes_while_it_is_looked_up_is_not_counted() {
    let mut kit = Kit::new();
    let id = kit.shop.at("2026-03-01T10:00:00").sold("a@example.org", 9_900);
    let refund = kit.shop.refund(id, 100, &[]);
    kit.shop.refund(id, 200, &[]);
    // The first request is the list of orders, the second that of the order's refunds.
    kit.shop.before_call(1, move |shop| shop.delete_refund(id, refund));
    kit.load();
    kit.assert_true();
}

#[test]
fn an_order_that_goes_while_its_refunds_are_looked_up_is_not_counted() {
    let mut kit = Kit::new();
    let id = kit.shop.at("2026-03-01T10:00:00").sold("a@example.org", 9_900);
    kit.load();
    kit.shop.refund(id, 100, &[]);
    let now = kit.shop.calls();
    kit.shop.before_call(now + 1, move |shop| shop.delete(id));
    kit.load();
    kit.assert_true();
    assert_eq!(kit.money(), vec![]);
}

#[test]
fn a_refund_in_the_trash_and_one_that_was_never_paid_are_no_money() {
    let mut kit = Kit::new();
    let id = kit.shop.at("2026-05-20T10:00:00").sold("a@example.org", 9_900);
    kit.shop.refund(id, 100, &[]);
    kit.shop.trash(id);
    let id = kit.shop.place(Basket::of("b@example.org").item(1, 1, 900));
    kit.shop.refund(id, 100, &[]);
    kit.catch_up();
    kit.assert_true();
    assert_eq!(kit.money(), vec![]);
}
