use super::*;

#[test]
fn the_sample_sale_is_read() {
    let mut ledger = Ledger::new();
    assert_eq!(hook(&mut ledger, "2026-03-01T10:00:05", SALE), Ok(Outcome::Read));
    assert_eq!(summary(&ledger), ["sale order:800100 30.00"]);
    let entry = ledger.get(Kind::Sale, "order:800100").unwrap();
    assert_eq!((entry.order_id.as_str(), entry.currency.as_str(), &entry.at), ("800100", "USD", &Moment::Received));
    assert_eq!(entry.billing, Billing::Initial);
    assert_eq!((entry.customer.email.as_deref(), entry.customer.id.as_deref()), (Some("Ada@Example.org"), Some("71")));
    assert_eq!((tag(entry, "country"), tag(entry, "subscription")), (Some("US"), Some("5500")));
    assert_eq!(entry.amounts.tax, Some(Decimal::ZERO));
    assert_eq!(entry.lines[0].product_id.as_deref(), Some("4001"));
}

#[test]
fn several_products_numbers_and_a_currency_of_its_own() {
    let mut ledger = Ledger::new();
    hook(&mut ledger, "2026-03-01T10:00:00", include_str!("../../fixtures/upsell-products.json")).unwrap();
    let entry = ledger.get(Kind::Sale, "order:800200").unwrap();
    assert_eq!((entry.currency.as_str(), entry.amounts.total), ("EUR", Decimal::hundredths(5995)));
    let amounts = &entry.amounts;
    assert_eq!(amounts.items, Some(Decimal::hundredths(5000)));
    assert_eq!((amounts.tax, amounts.shipping), (Some(Decimal::hundredths(400)), Some(Decimal::hundredths(595))));
    assert_eq!(
        entry.lines.iter().map(|line| line.amount).collect::<Vec<_>>(),
        [Decimal::whole(30), Decimal::whole(20)]
    );
    for (name, value) in [("country", "DE"), ("coupon", "TEN"), ("affiliate", "Friend of Tea"), ("campaign", "spring")]
    {
        assert_eq!(tag(entry, name), Some(value), "{name}");
    }
}

#[test]
fn every_type_of_the_table_does_what_it_means() {
    let after = |kind: &str| {
        let mut ledger = Ledger::new();
        let outcome = hook(&mut ledger, "2026-03-01T10:00:00", &body(kind, 1, 2, "30.00", "30.00", SUBSCRIPTION));
        (outcome, summary(&ledger))
    };
    for kind in [
        "Order",
        "ProductPurchased",
        "purchase",
        "Checkout Charged",
        "upsell_purchased",
        "Product-Added-To-Order",
        "OrderCompleted",
        "Subscription Started",
    ] {
        assert_eq!(after(kind).1, ["sale order:1 30.00"], "{kind}");
    }
    for kind in
        ["SubscriptionCharged", "charge", "RecurringPayment", "recurring_payment_succeeded", "Subscription Rebill"]
    {
        assert_eq!(after(kind).1, ["rebill rebill:5500:2026-03-01 30.00"], "{kind}");
    }
    for kind in ["Refund", "ProductRefunded", "Subscription Charge Refunded"] {
        assert_eq!(after(kind).1, ["refund refund:1:2:30.00 30.00"], "{kind}");
    }
    for kind in [
        "Cancel",
        "SubscriptionCanceled",
        "SubscriptionCancelled",
        "CancelScheduled",
        "SubscriptionDelinquent",
        "SubscriptionPaymentFailed",
        "SubscriptionChargeFailed",
        "SubscriptionRecovered",
        "SubscriptionRestarted",
        "SubscriptionCompleted",
    ] {
        let (outcome, entries) = after(kind);
        assert!(
            matches!(outcome, Ok(Outcome::Ignored(why)) if why.contains(kind) && why.contains("no money")),
            "{kind}"
        );
        assert!(entries.is_empty());
    }
    let (outcome, entries) = after("Course Started");
    assert!(matches!(outcome, Ok(Outcome::Ignored(why)) if why.contains("`Course Started`")));
    assert!(entries.is_empty());
}

#[test]
fn relays_say_event_instead_of_type_and_some_say_nothing() {
    let mut ledger = Ledger::new();
    hook(&mut ledger, "2026-03-01T10:00:00", &SALE.replace("\"type\"", "\"event\"")).unwrap();
    assert_eq!(summary(&ledger), ["sale order:800100 30.00"]);
    let nameless = hook(&mut ledger, "2026-03-01T10:00:00", &SALE.replace("\"type\"", "\"kind\""));
    assert!(matches!(nameless, Err(Failure::Malformed(why)) if why.contains("no `type`")));
}

#[test]
fn forms_with_brackets_and_json_in_a_field_are_the_same_sale() {
    let form = "type=Order&product[id]=4001&product%5Bprice%5D=30.00&customer[email]=ada%40example.org&order[id]=800100\
                &order[total]=30.00&subscription[id]=5500";
    let json = SALE.replace('\n', " ").replace('%', "%25").replace('&', "%26").replace('+', "%2B");
    let whole = format!("payload={json}");
    let each = "type=Order&order={\"id\":800100,\"total\":30}&customer={\"email\":\"ada@example.org\"}";
    for (content_type, text) in [
        ("application/x-www-form-urlencoded", form),
        ("text/plain", form),
        ("application/x-www-form-urlencoded", whole.as_str()),
        ("application/x-www-form-urlencoded", each),
        ("application/x-www-form-urlencoded", SALE),
        ("text/plain", SALE),
    ] {
        let mut ledger = Ledger::new();
        let mut delivery = testing::delivery(content_type, text);
        delivery.received = at("2026-03-01T10:00:00");
        assert_eq!(ledger.receive::<SamCart>(&delivery, &context()), Ok(Outcome::Read), "{text}");
        assert_eq!(summary(&ledger), ["sale order:800100 30.00"], "{text}");
        assert!(
            ledger.entries()[0]
                .customer
                .email
                .as_deref()
                .is_some_and(|email| email.eq_ignore_ascii_case("ada@example.org"))
        );
    }
}

#[test]
fn only_the_address_proves_and_empty_bodies_are_pings() {
    let proof = |body: &str| SamCart::prove(&testing::delivery("application/json", body), &context());
    for ping in ["", "{}", " { }\n", "[]", "\u{feff}{}"] {
        assert_eq!(proof(ping), Ok(Proof::Ping(None)), "{ping:?}");
    }
    for body in [SALE, "not json", "{\"a\":1}", "{} {}", "type=Order"] {
        assert_eq!(proof(body), Ok(Proof::AddressOnly), "{body:?}");
    }
}

#[test]
fn what_cannot_be_read_is_kept_for_a_person() {
    let broken = body("Order", 1, 2, "30.00", "a lot", "");
    let partial = body("ProductPartiallyRefunded", 1, 2, "30.00", "30.00", "");
    let anonymous = r#"{"type":"Order","order":{"total":"30.00"}}"#;
    let free_of_amounts = r#"{"type":"SubscriptionCharged","subscription":{"id":5}}"#;
    for text in ["{", "[1, 2", &broken, &partial, anonymous, free_of_amounts, r#"{"type":"Refund","order":{"id":1}}"#] {
        let mut ledger = Ledger::new();
        let outcome = hook(&mut ledger, "2026-03-01T10:00:00", text);
        assert!(matches!(outcome, Err(Failure::Malformed(_))), "{text}: {outcome:?}");
        assert!(ledger.entries().is_empty());
    }
}

// ---- traps ----------------------------------------------------------------------------------------------------------

#[test]
fn trap_units_are_not_cents() {
    for (told, total) in [("\"19.95\"", "19.95"), ("19.95", "19.95"), ("1995", "1995.00")] {
        let text = format!(r#"{{"type":"Order","order":{{"id":1,"total":{told}}}}}"#);
        let mut ledger = Ledger::new();
        hook(&mut ledger, "2026-03-01T10:00:00", &text).unwrap();
        assert_eq!(summary(&ledger), [format!("sale order:1 {total}")]);
    }
}

#[test]
fn trap_two_rules_fire_for_one_purchase() {
    let mut ledger = Ledger::new();
    for kind in ["Order", "SubscriptionStarted", "ProductPurchased", "UpsellPurchased"] {
        hook(&mut ledger, "2026-03-01T10:00:00", &body(kind, 1, 2, "30.00", "30.00", SUBSCRIPTION)).unwrap();
    }
    assert_eq!(summary(&ledger), ["sale order:1 30.00"]);
}

#[test]
fn trap_the_subscription_may_be_told_before_the_purchase() {
    let mut ledger = Ledger::new();
    for kind in ["SubscriptionStarted", "Order"] {
        hook(&mut ledger, "2026-03-01T10:00:00", &body(kind, 1, 2, "30.00", "30.00", SUBSCRIPTION)).unwrap();
    }
    assert_eq!(summary(&ledger), ["sale order:1 30.00"]);
}

#[test]
fn trap_bump_and_main_product_repeat_the_total() {
    let main = body("Order", 1, 2, "30.00", "50.00", "");
    let bump = body("Order", 1, 3, "20.00", "50.00", "");
    for bodies in [[&main, &bump, &main], [&bump, &main, &bump]] {
        let mut ledger = Ledger::new();
        for body in bodies {
            hook(&mut ledger, "2026-03-01T10:00:00", body).unwrap();
        }
        assert_eq!(summary(&ledger), ["sale order:1 50.00"]);
        let mut lines: Vec<(Option<&str>, Decimal)> =
            ledger.entries()[0].lines.iter().map(|line| (line.product_id.as_deref(), line.amount)).collect();
        lines.sort_by_key(|(id, _)| *id);
        assert_eq!(lines, [(Some("2"), Decimal::whole(30)), (Some("3"), Decimal::whole(20))]);
    }
}

#[test]
fn trap_an_upsell_raises_the_total_and_a_late_first_body_does_not_lower_it() {
    let first = body("Order", 1, 2, "30.00", "30.00", "");
    let upsell = body("UpsellPurchased", 1, 3, "97.00", "127.00", "");
    for bodies in [[&first, &upsell], [&upsell, &first]] {
        let mut ledger = Ledger::new();
        hook(&mut ledger, "2026-03-01T23:58:00", bodies[0]).unwrap();
        hook(&mut ledger, "2026-03-02T00:03:00", bodies[1]).unwrap();
        assert_eq!(summary(&ledger), ["sale order:1 127.00"]);
    }
}

#[test]
fn trap_the_rebill_says_order_with_the_original_order_id() {
    let mut ledger = Ledger::new();
    for received in [
        "2026-03-01T10:00:00",
        "2026-03-01T10:05:00",
        "2026-04-01T10:00:00",
        "2026-04-01T10:05:00",
        "2026-05-01T09:00:00",
    ] {
        hook(&mut ledger, received, SALE).unwrap();
    }
    assert_eq!(
        summary(&ledger),
        ["rebill rebill:5500:2026-04-01 30.00", "rebill rebill:5500:2026-05-01 30.00", "sale order:800100 30.00"]
    );
    assert!(ledger.entries().iter().all(|entry| entry.order_id == "800100"), "refunds name the order of the purchase");
}

#[test]
fn trap_twenty_hours_decide_and_only_with_a_subscription_and_the_same_product() {
    let sale = |product, more: &str| body("Order", 1, product, "30.00", "30.00", more);
    let entries = |received: &str, second: &str| {
        let mut ledger = Ledger::new();
        hook(&mut ledger, "2026-03-01T10:00:00", &sale(2, SUBSCRIPTION)).unwrap();
        hook(&mut ledger, received, second).unwrap();
        summary(&ledger).len()
    };
    assert_eq!(entries("2026-03-02T05:59:00", &sale(2, SUBSCRIPTION)), 1, "sent again the same night");
    assert_eq!(entries("2026-03-02T06:01:00", &sale(2, SUBSCRIPTION)), 2, "charged again");
    assert_eq!(entries("2026-03-02T10:00:00", &sale(2, "")), 1, "sent again a day later");
    assert_eq!(entries("2026-04-01T10:00:00", &sale(3, SUBSCRIPTION)), 1, "another product of the order");
}

#[test]
fn trap_subscription_charged_with_the_original_or_a_new_order_id() {
    for order in [1, 77] {
        let mut ledger = Ledger::new();
        hook(&mut ledger, "2026-03-01T10:00:00", &body("Order", 1, 2, "30.00", "30.00", SUBSCRIPTION)).unwrap();
        let rebill = body("SubscriptionCharged", order, 2, "30.00", "30.00", SUBSCRIPTION);
        hook(&mut ledger, "2026-04-01T23:59:00", &rebill).unwrap();
        hook(&mut ledger, "2026-04-02T00:04:00", &rebill).unwrap();
        assert_eq!(summary(&ledger), ["rebill rebill:5500:2026-04-01 30.00", "sale order:1 30.00"], "order {order}");
    }
}

#[test]
fn a_charge_id_is_the_key_of_a_rebill() {
    let mut ledger = Ledger::new();
    let rebill = body("SubscriptionCharged", 1, 2, "30.00", "30.00", r#","charge":{"id":991,"total":"29.00"}"#);
    hook(&mut ledger, "2026-04-01T10:00:00", &rebill).unwrap();
    hook(&mut ledger, "2026-04-03T10:00:00", &rebill).unwrap();
    assert_eq!(summary(&ledger), ["rebill charge:991 29.00"]);
}

#[test]
fn a_rebill_that_repeats_the_total_of_the_purchase_counts_its_own_price() {
    let mut ledger = Ledger::new();
    hook(&mut ledger, "2026-03-01T10:00:00", &body("Order", 1, 2, "30.00", "127.00", SUBSCRIPTION)).unwrap();
    hook(&mut ledger, "2026-04-01T10:00:00", &body("SubscriptionCharged", 1, 2, "30.00", "127.00", SUBSCRIPTION))
        .unwrap();
    assert_eq!(summary(&ledger)[0], "rebill rebill:5500:2026-04-01 30.00");
}

// ---- refunds --------------------------------------------------------------------------------------------------------

#[test]
fn a_refund_without_amount_is_the_whole_price_but_never_more_than_is_left() {
    let refund = r#"{"type":"ProductRefunded","product":{"id":2,"price":"30.00","tax":"2.40","shipping":"5.00"},
        "customer":{"email":"ada@example.org"},"order":{"id":1,"total":"30.00"}}"#;
    let mut alone = Ledger::new();
    hook(&mut alone, "2026-03-02T10:00:00", refund).unwrap();
    assert_eq!(summary(&alone), ["refund refund:1:2:37.40 37.40"], "nothing is known of the order");

    let mut ledger = Ledger::new();
    hook(&mut ledger, "2026-03-01T10:00:00", &body("Order", 1, 2, "30.00", "30.00", "")).unwrap();
    let partial = body("ProductPartiallyRefunded", 1, 2, "30.00", "30.00", r#","refund_amount":"10.00""#);
    hook(&mut ledger, "2026-03-02T10:00:00", &partial).unwrap();
    for _ in 0..2 {
        hook(&mut ledger, "2026-03-03T10:00:00", refund).unwrap();
    }
    assert_eq!(net(&ledger), "0.00");
    assert_eq!(summary(&ledger)[0], "refund refund:1:2:10.00 10.00");
    let more = hook(&mut ledger, "2026-03-04T10:00:00", &body("Refund", 1, 2, "12.00", "30.00", ""));
    assert!(matches!(more, Ok(Outcome::Ignored(why)) if why.contains("nothing is left")));
}

#[test]
fn a_refund_of_a_rebill_finds_money_in_the_rebill() {
    let mut ledger = Ledger::new();
    hook(&mut ledger, "2026-03-01T10:00:00", &body("Order", 1, 2, "30.00", "30.00", SUBSCRIPTION)).unwrap();
    hook(&mut ledger, "2026-04-01T10:00:00", &body("SubscriptionCharged", 1, 2, "30.00", "30.00", SUBSCRIPTION))
        .unwrap();
    hook(
        &mut ledger,
        "2026-04-02T10:00:00",
        &body("SubscriptionChargeRefunded", 1, 2, "30.00", "30.00", r#","refund":{"id":8}"#),
    )
    .unwrap();
    assert_eq!(net(&ledger), "30.00");
    assert_eq!(ledger.get(Kind::Refund, "refund:8").unwrap().order_id, "1");
}

#[test]
fn a_refund_of_several_products_is_told_per_product() {
    let mut ledger = Ledger::new();
    let refund = r#"{"type":"Refund","products":[{"id":2,"price":"30.00"},{"id":3,"price":"20.00"}],"order":{"id":1,"total":"50.00"}}"#;
    hook(&mut ledger, "2026-03-02T10:00:00", refund).unwrap();
    assert_eq!(summary(&ledger), ["refund refund:1:2:30.00 30.00", "refund refund:1:3:20.00 20.00"]);
}

#[test]
fn test_purchases_are_left_out() {
    let settings = testing::context()
        .set("currency", "USD")
        .set_list("excluded_products", &["tea", "9"])
        .set_list("excluded_emails", &["Boss@example.org"])
        .build();
    let outcome =
        |text: &str| Ledger::new().receive::<SamCart>(&testing::delivery("application/json", text), &settings);
    assert!(matches!(outcome(SALE), Ok(Outcome::Ignored(why)) if why.contains("excluded_products")), "by SKU");
    assert!(matches!(outcome(&body("Order", 1, 9, "1", "1", "")), Ok(Outcome::Ignored(_))), "by id");
    let boss = body("Order", 1, 2, "1", "1", "").replace("ada@", "boss@");
    assert!(matches!(outcome(&boss), Ok(Outcome::Ignored(why)) if why.contains("excluded_emails")));
    assert_eq!(outcome(&body("Order", 1, 2, "1", "1", "")), Ok(Outcome::Read));
}
