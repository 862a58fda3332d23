//! What rows become.

use ltv_platforms::Platform;

use super::*;

#[test]
fn three_rows_as_they_come_from_the_platform() {
    struct Canned;
    impl Platform for Canned {
        fn answer(&mut self, _: &Call) -> Answer {
            Answer::new(200, "application/json", include_str!("../../fixtures/transactions.json"))
        }
    }
    let mut ledger = testing::Ledger::new();
    let context = Shop::new(account()).context.build();
    let task = Task::Sync(testing::window(Axis::Created, "2026-03-01", "2026-03-01"));
    let secrets = [("login_id", "a"), ("password", "b")];
    ledger.poll::<Konnektive>(task, &context, native::answers(&mut Canned, &secrets)).unwrap();

    let sale = ledger.get(Kind::Sale, "txn:70001").unwrap();
    assert_eq!(sale.at, Moment::Local("2026-03-01T23:30:00".into()));
    assert_eq!((sale.amounts.total, sale.currency.as_str()), (Decimal::new(5_000, 2), "USD"));
    assert_eq!((sale.billing, sale.order_id.as_str()), (Billing::Initial, "A1B2C3D4E5"));
    assert_eq!(sale.customer, Customer { email: Some("Bo@Example.org".into()), id: Some("12".into()) });
    assert_eq!((tag(sale, "subscription"), tag(sale, "cycle")), (Some("31"), Some("1")));
    assert_eq!(sale.revision, 2_026_032_008);
    let chargeback = ledger.get(Kind::Chargeback, "chargeback:70001").unwrap();
    assert_eq!(chargeback.at, Moment::Day("2026-03-18".into()));
    assert_eq!((chargeback.amounts.total, tag(chargeback, "approximate")), (Decimal::new(5_000, 2), None));
    let refund = ledger.get(Kind::Refund, "txn:70002").unwrap();
    assert_eq!(refund.at, Moment::Local("2026-03-02T00:10:00".into()));
    assert_eq!((refund.amounts.total, refund.order_id.as_str()), (Decimal::new(2_000, 2), "F6F6F6F6F6"));
    assert_eq!((refund.billing, tag(refund, "refund-reason")), (Billing::Rebill, Some("asked")));
    assert_eq!(ledger.entries().len(), 3, "the declined rebill is nothing");
}

#[test]
fn a_subscription_through_its_life() {
    let mut account = account();
    let first = account.sale("2026-03-01T15:00:00", "50.00");
    let second = account.rebill("2026-03-31T15:00:00", first, 2, "29.99");
    account.decline("2026-04-30T15:00:00", "29.99");
    let third = account.rebill("2026-05-01T15:00:00", first, 3, "29.99");
    account.refund("2026-05-03T03:30:00", third, "10.50");
    let mut shop = Shop::new(account);
    shop.load("2026-03-01", "2026-05-10");
    shop.agrees();

    assert_eq!(shop.entry(Kind::Sale, first).billing, Billing::Initial);
    let rebill = shop.entry(Kind::Sale, second);
    assert_eq!((rebill.billing, tag(rebill, "cycle")), (Billing::Rebill, Some("2")));
    assert_ne!(rebill.order_id, shop.entry(Kind::Sale, first).order_id, "each rebill is an order of its own");
    // Half past eleven in the evening in New York.
    let refund = shop.ledger.entries().into_iter().find(|entry| entry.key.kind == Kind::Refund).unwrap();
    assert_eq!(refund.at, Moment::Local("2026-05-02T23:30:00".into()));
    assert_eq!(refund.order_id, shop.entry(Kind::Sale, third).order_id);
}

#[test]
fn the_zone_changes_no_entry() {
    let mut account = account();
    let sale = account.sale("2026-03-02T04:30:00", "50.00");
    account.chargeback(sale, "2026-03-05T04:30:00", None);
    let mut shop = Shop::new(account);
    shop.load("2026-03-01", "2026-03-03");
    let before: Vec<Entry> = shop.ledger.entries().into_iter().cloned().collect();
    shop.ledger = testing::Ledger::new();
    let mut shop = shop.with(|context| context.zone("Asia/Tokyo"));
    shop.load("2026-03-01", "2026-03-03");
    assert_eq!(format!("{before:?}"), format!("{:?}", shop.ledger.entries()).replace("[&", "["));
    for entry in shop.ledger.entries() {
        assert!(matches!(entry.at, Moment::Local(_)), "{entry:?}");
    }
}

#[test]
fn clock_changes() {
    let mut account = account();
    // Spring: half past two does not exist. Autumn: half past one exists twice.
    account.sale("2025-03-09T06:59:59", "1.00");
    account.sale("2025-03-09T07:00:00", "2.00");
    account.sale("2025-11-02T05:30:00", "3.00");
    account.sale("2025-11-02T06:30:00", "4.00");
    let mut shop = Shop::new(account);
    shop.load("2025-03-08", "2025-03-10");
    shop.load("2025-11-01", "2025-11-03");
    shop.agrees();
    let at: Vec<String> = shop.found().into_iter().map(|money| money.at).collect();
    assert_eq!(at, ["2025-03-09T01:59:59", "2025-03-09T03:00:00", "2025-11-02T01:30:00", "2025-11-02T01:30:00"]);
}

#[test]
fn a_change_in_the_repeated_hour_is_not_taken_for_an_older_one() {
    let mut account = account();
    let sale = account.sale("2025-11-01T12:00:00", "5.00");
    account.touch(sale, "2025-11-02T05:50:00");
    let mut shop = Shop::new(account);
    shop.follow("2025-11-02", "2025-11-02");
    // Twenty minutes later the clock of the account reads 01:10.
    shop.account().chargeback(sale, "2025-11-02T06:10:00", Some("2025-11-02"));
    shop.account().tell(sale, "campaignName", "Renamed");
    shop.follow("2025-11-02", "2025-11-02");
    shop.agrees();
    assert_eq!(tag(shop.entry(Kind::Sale, sale), "campaign"), Some("Renamed"));
}

#[test]
fn a_trial_makes_a_customer_and_no_revenue() {
    let mut account = account();
    let trial = account.sale("2026-03-01T15:00:00", "0.00");
    let mut shop = Shop::new(account);
    shop.load("2026-03-01", "2026-03-01");
    shop.agrees();
    let trial = shop.entry(Kind::Sale, trial);
    assert!(trial.amounts.total.is_zero() && trial.customer.email.is_some());
}

#[test]
fn captures_count_and_authorisations_do_not() {
    let mut account = account();
    let authorisation = account.authorize("2026-03-01T15:00:00", "80.00");
    account.capture("2026-03-02T15:00:00", authorisation, "30.00");
    account.capture("2026-03-03T15:00:00", authorisation, "50.00");
    let mut shop = Shop::new(account);
    shop.load("2026-03-01", "2026-03-03");
    shop.agrees();
    assert_eq!(shop.found().len(), 2);
}

#[test]
fn tags_and_products() {
    let mut account = account();
    let sale = account.sale("2026-03-01T15:00:00", "50.00");
    let listed = account.sale("2026-03-01T16:00:00", "60.00");
    let keyed = account.sale("2026-03-01T17:00:00", "70.00");
    account.tell(sale, "couponCode", "SPRING");
    account.tell(sale, "country", "us");
    account.tell(listed, "items", serde_json::json!([{"productId": "9", "name": "Jar", "qty": "2", "price": "30.00"}]));
    account.tell(keyed, "items", serde_json::json!({"4": {"productId": 9, "name": "Jar", "qty": 2, "price": "70.00"}}));
    let mut shop = Shop::new(account);
    shop.load("2026-03-01", "2026-03-01");
    shop.agrees();
    let sale = shop.entry(Kind::Sale, sale);
    for (name, value) in [
        ("coupon", "SPRING"),
        ("country", "US"),
        ("campaign", "Main funnel"),
        ("campaign-id", "7"),
        ("affiliate", "aff-9"),
        ("source-value-1", "sub-1"),
        ("source", "newsletter"),
        ("medium", "email"),
        ("payment-method", "CREDITCARD"),
        ("processor", "Main gateway"),
        ("order-number", sale.order_id.as_str()),
    ] {
        assert_eq!(tag(sale, name), Some(value), "{name}");
    }
    let line = |id: u64| shop.entry(Kind::Sale, id).lines[0].clone();
    assert_eq!((line(listed).product_id.as_deref(), line(listed).amount), (Some("9"), Decimal::new(6_000, 2)));
    assert_eq!((line(keyed).product_id.as_deref(), line(keyed).amount), (Some("9"), Decimal::new(7_000, 2)));
}

#[test]
fn nothing_of_bank_accounts_and_card_codes_is_kept() {
    let mut account = account();
    account.sale("2026-03-01T15:00:00", "50.00");
    let mut shop = Shop::new(account);
    shop.load("2026-03-01", "2026-03-01");
    let kept = format!("{:?}", shop.ledger.entries());
    assert!(!kept.contains("000123456789") && !kept.contains("\"123\"") && !kept.contains("411111"), "{kept}");
}

#[test]
fn test_cards_are_left_out() {
    let mut account = account();
    let test = account.sale("2026-03-01T15:00:00", "50.00");
    account.test_card(test);
    let zeros = account.sale("2026-03-01T16:00:00", "50.00");
    account.tell(zeros, "cardBin", "000000");
    account.tell(zeros, "cardLast4", "0000");
    account.sale("2026-03-01T17:00:00", "50.00");
    let mut shop = Shop::new(account);
    shop.load("2026-03-01", "2026-03-01");
    assert_eq!(shop.found().len(), 1);
}

#[test]
fn campaigns_and_merchants_that_are_left_out_leave_again() {
    let mut account = account();
    let by_campaign = account.sale("2026-03-01T15:00:00", "50.00");
    account.tell(by_campaign, "campaignName", "QA Funnel");
    let by_merchant = account.sale("2026-03-01T16:00:00", "50.00");
    account.tell(by_merchant, "merchant", "Test");
    account.chargeback(by_merchant, "2026-03-01T20:00:00", Some("2026-03-01"));
    let kept = account.sale("2026-03-01T17:00:00", "50.00");
    let mut shop = Shop::new(account);
    shop.load("2026-03-01", "2026-03-01");
    shop.agrees();
    let lists = |context: testing::ContextBuilder| {
        context.set_list("exclude_campaigns", &["qa funnel"]).set_list("exclude_merchants", &["TEST"])
    };
    let mut shop = shop.with(lists);
    shop.load("2026-03-01", "2026-03-01");
    let ids: Vec<String> = shop.found().into_iter().map(|money| money.id).collect();
    assert_eq!(ids, [format!("txn:{kept}")]);
}

#[test]
fn prepaid_orders_count_unless_switched_off() {
    let mut account = account();
    let prepaid = account.sale("2026-03-01T15:00:00", "50.00");
    account.tell(prepaid, "paySource", "PREPAID");
    account.tell(prepaid, "responseText", "Payment marked as Prepaid");
    let mut shop = Shop::new(account);
    shop.load("2026-03-01", "2026-03-01");
    shop.agrees();
    let mut shop = shop.with(|context| context.set_flag("count_prepaid", false));
    shop.load("2026-03-01", "2026-03-01");
    assert_eq!(shop.found(), []);
}

#[test]
fn the_currency_of_each_row_and_never_a_guess() {
    let mut account = account();
    let yen = account.sale("2026-03-01T15:00:00", "1500.00");
    account.currency(yen, "JPY");
    let bare = account.sale("2026-03-01T16:00:00", "50.00");
    account.tell(bare, "currencyCode", "");
    let mut shop = Shop::new(account);
    shop.load("2026-03-01", "2026-03-01");
    assert_eq!(shop.entry(Kind::Sale, yen).currency, "JPY");
    let [reject] = &shop.ledger.rejects[..] else { panic!("{:?}", shop.ledger.rejects) };
    assert_eq!((reject.id.as_deref(), reject.field.as_deref()), (Some(&*format!("txn:{bare}")), Some("currencyCode")));
    let mut shop = shop.with(|context| context.set("default_currency", "USD"));
    shop.ledger.rejects.clear();
    shop.load("2026-03-01", "2026-03-01");
    shop.agrees();
}

#[test]
fn one_bad_row_does_not_hold_up_the_others() {
    let mut account = account();
    let bad = account.sale("2026-03-01T15:00:00", "50.00");
    account.tell(bad, "totalAmount", "fifty");
    let empty = account.sale("2026-03-01T15:30:00", "50.00");
    account.tell(empty, "totalAmount", "");
    let dateless = account.sale("2026-03-01T15:40:00", "50.00");
    account.tell(dateless, "dateCreated", "soon");
    let unknown = account.sale("2026-03-01T15:50:00", "50.00");
    account.tell(unknown, "txnType", "TELEPORT");
    let nameless = account.sale("2026-03-01T15:55:00", "50.00");
    account.tell(nameless, "transactionId", "");
    account.sale("2026-03-01T16:00:00", "50.00");
    let mut shop = Shop::new(account);
    let coverage = shop.sync(Axis::Created, "2026-03-01", "2026-03-01").unwrap();
    assert_eq!((coverage.complete, coverage.tallies[0].received), (true, 6));
    let fields: Vec<_> = shop.ledger.rejects.iter().filter_map(|reject| reject.field.as_deref()).collect();
    assert_eq!(fields, ["totalAmount", "totalAmount", "dateCreated", "txnType", "transactionId"]);
    assert_eq!(shop.found().len(), 1);
}
