//! Which orders are money, when, and of what they consist.

use ltv_connector::types::{Billing, Decimal, Kind};
use ltv_platforms::woocommerce::{Basket, Shop, Storage};

use crate::kit::Kit;

fn tags<'a>(entry: &'a ltv_connector::types::Entry, name: &str) -> Vec<&'a str> {
    entry.tags.iter().filter(|tag| tag.name == name).map(|tag| tag.value.as_str()).collect()
}

/// One order in each state that an order can be in.
fn one_of_each(shop: &mut Shop) {
    shop.at("2026-03-01T10:00:00").sold("processing@example.org", 11_400);
    let id = shop.at("2026-03-01T11:00:00").sold("completed@example.org", 100);
    shop.at("2026-03-02T08:00:00").complete(id);
    shop.place(Basket::of("pending@example.org").item(1, 1, 100));
    for status in ["on-hold", "failed", "checkout-draft", "cancelled"] {
        let id = shop.place(Basket::of("unpaid@example.org").item(1, 1, 100));
        shop.set_status(id, status);
        let id = shop.sold("paid-once@example.org", 100);
        shop.at("2026-03-03T08:00:00").set_status(id, status);
    }
    let id = shop.sold("refunded@example.org", 2_500);
    shop.at("2026-03-09T09:30:00").set_status(id, "refunded");
    let id = shop.place(Basket::of("never-paid@example.org").item(1, 1, 2_500));
    shop.set_status(id, "refunded");
    let id = shop.sold("shipped@example.org", 900);
    shop.set_status(id, "shipped");
    let id = shop.place(Basket::of("shipped-unpaid@example.org").item(1, 1, 900));
    shop.set_status(id, "shipped");
    let id = shop.sold("trashed@example.org", 700);
    shop.trash(id);
    let id = shop.at("2026-03-10T10:00:00").sell(Basket::of("cod@example.org").method("cod").item(1, 1, 1_000));
    assert_eq!(shop.order(id).status, "processing");
    let id = shop.sell(Basket::of("cod-delivered@example.org").method("cod").item(1, 1, 1_000));
    shop.at("2026-03-14T10:00:00").complete(id);
    shop.sold("free@example.org", 0);
}

#[test]
fn every_state_of_an_order_on_both_storages_and_in_any_zone() {
    for storage in [Storage::Hpos, Storage::Posts] {
        for zone in [chrono_tz::Europe::Berlin, chrono_tz::America::New_York, chrono_tz::Pacific::Kiritimati] {
            let mut kit = Kit::new();
            (kit.shop.storage, kit.shop.zone) = (storage, zone);
            one_of_each(&mut kit.shop);
            let coverage = kit.load();
            assert!(coverage.complete && coverage.note.is_none(), "{coverage:?}");
            assert_eq!(kit.shop.truth().len(), 8);
            kit.assert_true();
        }
    }
}

#[test]
fn the_sample_of_the_platform() {
    let mut kit = Kit::new();
    let basket = Basket::of("ada@example.org").item(40, 2, 11_000).discount(1_000).tax(1_900).shipping(500).fee(-1_000);
    kit.shop.at("2026-03-01T10:00:00");
    let id = kit.shop.place(basket.coupon("SPRING").coupon("vip").meta("_wc_order_attribution_utm_source", "news"));
    kit.shop.at("2026-03-01T10:00:05").pay(id);
    let refund = kit.shop.at("2026-03-04T08:00:00").refund(id, 1_400, &[]);
    kit.load();
    kit.assert_true();
    let sale = kit.ledger.get(Kind::Sale, &format!("order:{id}")).expect("the sale");
    assert_eq!(sale.order_id, id.to_string());
    assert_eq!(sale.revision, 1_772_611_200_000, "its last modification");
    let parts = &sale.amounts;
    assert_eq!(parts.total, Decimal::hundredths(11_400));
    assert_eq!(parts.items, Some(Decimal::hundredths(11_000)));
    assert_eq!(parts.discount, Some(Decimal::hundredths(1_000)));
    assert_eq!(parts.shipping, Some(Decimal::hundredths(500)));
    assert_eq!(parts.fees, Some(Decimal::hundredths(-1_000)));
    assert_eq!(parts.tax, Some(Decimal::hundredths(1_900)));
    assert_eq!(sale.customer.email.as_deref(), Some("ada@example.org"));
    assert_eq!(sale.customer.id, None, "a guest");
    assert_eq!(sale.billing, Billing::Initial);
    assert_eq!(tags(sale, "coupon"), ["SPRING", "vip"]);
    assert_eq!(tags(sale, "source"), ["news"]);
    assert_eq!(tags(sale, "country"), ["DE"]);
    assert_eq!(tags(sale, "payment-method"), ["stripe"]);
    assert_eq!(tags(sale, "order-number"), [format!("W-{id}")]);
    let [line] = sale.lines.as_slice() else { panic!("one line: {:?}", sale.lines) };
    assert_eq!(line.product_id.as_deref(), Some("40"));
    assert_eq!((line.variant_id.as_deref(), line.sku.as_deref()), (None, Some("SKU-40")));
    assert_eq!(line.name.as_deref(), Some("Tea & Co 40"), "entities are decoded");
    assert_eq!((line.quantity, line.amount), (Decimal::whole(2), Decimal::hundredths(10_000)));
    let refund = kit.ledger.get(Kind::Refund, &format!("refund:{refund}")).expect("the refund");
    assert_eq!(refund.customer, sale.customer);
    assert_eq!((refund.amounts.items, refund.lines.len()), (None, 0), "a bare amount has no parts");
}

#[test]
fn a_status_of_a_plugin_is_paid_if_the_owner_says_so() {
    let mut kit = Kit::new();
    let id = kit.shop.place(Basket::of("a@example.org").method("cod").item(1, 1, 900));
    kit.shop.set_status(id, "shipped");
    kit.load();
    assert_eq!(kit.money(), vec![]);
    kit.paid_statuses = vec!["wc-shipped"];
    kit.load();
    assert_eq!(kit.money().len(), 1);
}

#[test]
fn renewals_are_told_apart_only_on_demand() {
    let mut kit = Kit::new();
    let first = kit.shop.sold("a@example.org", 900);
    let renewal = kit.shop.sell(
        Basket::of("a@example.org").item(1, 1, 900).created_via("subscription").meta("_subscription_renewal", "77"),
    );
    let billing = |kit: &Kit, id: u64| kit.ledger.get(Kind::Sale, &format!("order:{id}")).expect("a sale").billing;
    kit.load();
    assert_eq!((billing(&kit, first), billing(&kit, renewal)), (Billing::Initial, Billing::Initial));
    kit.flags = vec!["rebills"];
    kit.load();
    assert_eq!((billing(&kit, first), billing(&kit, renewal)), (Billing::Initial, Billing::Rebill));
    let entry = kit.ledger.get(Kind::Sale, &format!("order:{renewal}")).expect("a sale");
    assert_eq!(tags(entry, "subscription"), ["77"]);
}

#[test]
fn orders_of_vendors_can_be_left_out() {
    let mut kit = Kit::new();
    let whole = kit.shop.sold("a@example.org", 900);
    kit.shop.sell(Basket::of("a@example.org").item(1, 1, 500).parent(whole));
    kit.load();
    assert_eq!(kit.money().len(), 2);
    kit.flags = vec!["ignore_child_orders"];
    kit.load();
    assert_eq!(kit.money().len(), 1);
}

#[test]
fn registered_buyers_deleted_products_and_orders_without_address() {
    let mut kit = Kit::new();
    let id = kit.shop.sell(Basket::of("").customer(7).currency("JPY").item(0, 1, 11_900));
    kit.load();
    kit.assert_true();
    let sale = kit.ledger.get(Kind::Sale, &format!("order:{id}")).expect("the sale");
    assert_eq!((sale.customer.email.as_deref(), sale.customer.id.as_deref()), (None, Some("7")));
    assert_eq!(sale.lines[0].product_id, None);
    assert_eq!(sale.currency, "JPY");
}

#[test]
fn what_the_daemon_would_refuse_does_not_stop_the_rest() {
    let mut kit = Kit::new();
    kit.shop.sold("good@example.org", 900);
    let odd = kit.shop.sell(Basket::of("odd@example.org").currency("POINTS").item(1, 1, 900));
    // A discount booked as a product with a negative price, and a text longer than an entry may hold.
    let long = "x".repeat(5_000);
    let basket = Basket::of("odd@example.org").item(1, 1, 900).item(2, 1, -100).coupon(&long);
    let id = kit.shop.sell(basket.meta("_wc_order_attribution_utm_campaign", &long));
    let coverage = kit.load();
    assert!(coverage.complete);
    let [reject] = kit.ledger.rejects.as_slice() else { panic!("{:?}", kit.ledger.rejects) };
    assert_eq!(
        (reject.id.as_deref(), reject.field.as_deref()),
        (Some(format!("order:{odd}").as_str()), Some("currency"))
    );
    let sale = kit.ledger.get(Kind::Sale, &format!("order:{id}")).expect("the sale");
    assert_eq!(sale.amounts.total, Decimal::hundredths(800));
    assert_eq!(sale.lines.len(), 1);
    assert!(sale.tags.iter().all(|tag| tag.value.len() <= 1_024));
    assert_eq!(kit.ledger.entries().len(), 2);
}
