//! Webhooks: the table of events, the samples of the platform's page, and each trap by its name.

use ltv_connector::{prelude::*, testing};

use super::*;

fn prove(content_type: &str, body: &str) -> Proof {
    ThriveCart::prove(&testing::delivery(content_type, body), &context()).expect("a proof")
}

#[test]
fn the_word_in_the_body_is_the_proof() {
    let proof = Proof::equals("secret", "WORD");
    assert_eq!(prove(FORM, &encoded(SUCCESS)), proof);
    assert_eq!(prove("application/json", r#"{"event": "order.success", "thrivecart_secret": "WORD"}"#), proof);
    let multipart = "--x\r\nContent-Disposition: form-data; name=\"event\"\r\n\r\norder.success\r\n--x\r\n\
        Content-Disposition: form-data; name=\"thrivecart_secret\"\r\n\r\nWORD\r\n--x--\r\n";
    assert_eq!(prove("multipart/form-data; boundary=x", multipart), proof);
}

#[test]
fn a_missing_word_is_refused_and_a_missing_event_is_a_ping() {
    for absent in ["", "null", " "] {
        let body = encoded(&format!("event=order.success\nthrivecart_secret={absent}"));
        assert!(matches!(prove(FORM, &body), Proof::Refuse(_)), "{absent:?}");
    }
    for body in ["", "thrivecart_secret=WORD", "event=&thrivecart_secret=WORD", "order_id=1"] {
        assert!(matches!(prove(FORM, body), Proof::Ping(None)), "{body}");
    }
    assert!(matches!(prove("application/json", "{}"), Proof::Ping(None)));
    assert!(matches!(prove("application/json", "{\"event\":"), Proof::Refuse(_)));
}

#[test]
fn sample_order_success() {
    let entry = entry_of(SUCCESS);
    assert_eq!(gist(&entry), "charge:600100 | 600100 | 119.00 EUR | 2026-03-01T10:00:00Z");
    assert_eq!((entry.key.kind, entry.billing), (Kind::Sale, Billing::Initial));
    assert_eq!(entry.amounts.tax, Some(Decimal::whole(19)));
    assert_eq!(entry.amounts.items, Some(Decimal::whole(100)));
    assert_eq!((entry.amounts.shipping, entry.amounts.discount, entry.amounts.fees), (None, None, None));
    assert_eq!(entry.customer.email.as_deref(), Some("Ada@Example.org"));
    assert_eq!(entry.customer.id.as_deref(), Some("900000000000000001"));
    let lines: Vec<_> = entry.lines.iter().map(|line| (line.product_id.as_deref(), line.amount)).collect();
    assert_eq!(lines, [(Some("product-5"), Decimal::whole(100))]);
    for (name, value) in [
        ("country", Some("DE")),
        ("processor", Some("stripe")),
        ("order-number", Some("600100")),
        ("invoice", Some("000000050")),
        ("cycle", Some("1")),
        ("affiliate", None),
        ("coupon", None),
    ] {
        assert_eq!(tag(&entry, name), value, "{name}");
    }
}

#[test]
fn sample_subscription_payment() {
    let entry = entry_of(REBILL);
    assert_eq!(gist(&entry), "rebill:000000050-1 | 000000050-1 | 119.00 EUR | 2026-04-01T10:00:05Z");
    assert_eq!((entry.key.kind, entry.billing), (Kind::Sale, Billing::Rebill));
    // The body gives the amount without and with tax.
    assert_eq!(entry.amounts.tax, Some(Decimal::whole(19)));
    assert_eq!(entry.lines[0].product_id.as_deref(), Some("product-5"));
    assert_eq!((tag(&entry, "cycle"), tag(&entry, "order-number")), (Some("2"), Some("600100")));
}

#[test]
fn a_refund_belongs_to_what_was_paid() {
    let entry = entry_of(REFUND);
    assert_eq!(gist(&entry), "refund:7300001 | 600100 | 119.00 EUR | 2026-04-10T08:15:00Z");
    assert_eq!((entry.key.kind, entry.amounts.tax), (Kind::Refund, Some(Decimal::whole(19))));
    let of_rebill = entry_of(&with(REFUND, &[("invoice_id", "000000050-1")]));
    assert_eq!(of_rebill.order_id, entry_of(REBILL).order_id);
}

#[test]
fn a_refund_without_event_id_is_known_by_invoice_item_and_time() {
    let entry = entry_of(&with(REFUND, &[("event_id", "")]));
    assert_eq!(entry.key.id, "refund:000000050:product-5:1775808900");
    let undated = with(REFUND, &[("event_id", "null"), ("date_unix", ""), ("date", "")]);
    let entry = entry_of(&undated);
    assert_eq!(entry.key.id, "refund:000000050:product-5:119.00");
    assert_eq!(entry.at, Moment::Received);
}

#[test]
fn each_event_of_the_table() {
    for (event, fields) in [
        ("order.success", SUCCESS),
        ("order_created", SUCCESS),
        ("order.subscription_payment", REBILL),
        ("order_rebill", REBILL),
        ("order.refund", REFUND),
        ("order_refund_product", REFUND),
        ("order_refund_bump", REFUND),
        ("order_refund_upsell", REFUND),
        ("order_refund_downsell", REFUND),
        ("ORDER.SUCCESS", SUCCESS),
    ] {
        assert_eq!(entry_of(&with(fields, &[("event", event)])), entry_of(fields), "{event}");
    }
    // Each of them with all the amounts there are: the table decides, not the presence of an amount.
    let all = format!("{SUCCESS}\n{REBILL}\n{REFUND}");
    for event in [
        "order.subscription_cancelled",
        "order.subscription_paused",
        "order.subscription_resumed",
        "order.rebill_failed",
        "cart.abandoned",
        "affiliate.commission_earned",
        "affiliate.commission_payout",
        "affiliate.commission_refund",
        "order_payment_product",
        "order_payment_bump",
        "order_payment_upsell",
        "order_payment_downsell",
        "order_rebill_failed",
        "order_rebill_completed",
        "order_rebill_cancelled",
        "subscription_paused",
        "subscription_resumed",
        "cart_abandoned",
        "customer_updated",
        "something.new",
    ] {
        assert!(ignored(&with(&all, &[("event", event)])).contains(event), "{event}");
    }
}

#[test]
fn every_topic_of_the_manifest_is_known() {
    let topics = ThriveCart::describe().webhook.expect("webhooks").topics;
    assert!(topics.iter().all(|topic| crate::events::meaning(topic).is_some()));
}

// ---- traps of the platform's page, section 7 ---------------------------------------------------------------------------

#[test]
fn trap_sum_of_charges_doubles_subscriptions() {
    let entry = entry_of(SUCCESS);
    assert_eq!(entry.amounts.total, Decimal::whole(119));
    assert_eq!(entry.lines.len(), 1);
}

#[test]
fn trap_rebills_and_refunds_dated_by_the_original_order() {
    for fields in [REBILL, REFUND] {
        let undated = with(fields, &[("date_unix", ""), ("date", "")]);
        let entry = entry_of(&undated);
        assert_eq!(entry.at, Moment::Received);
        assert!(entry.revision < entry_of(fields).revision);
        let by_text = entry_of(&with(fields, &[("date_unix", "null")]));
        assert_eq!(by_text, entry_of(fields));
    }
}

#[test]
fn trap_test_mode_orders_arrive_at_the_live_url() {
    for changes in [
        &[("mode", "test"), ("mode_int", "1")][..],
        &[("mode", "test")],
        &[("mode_int", "1")],
        &[("mode", ""), ("mode_int", "")],
        &[("mode", "null"), ("mode_int", "null")],
        &[("mode", "sandbox")],
    ] {
        assert!(ignored(&with(SUCCESS, changes)).contains("live"), "{changes:?}");
    }
    // Event subscriptions by API give the number alone.
    assert_eq!(entry_of(&with(SUCCESS, &[("mode", "")])), entry_of(SUCCESS));
}

#[test]
fn trap_null_and_false_texts_become_names_and_ids() {
    let entry = entry_of(fixture!("webhooks/order-success-2018.fields"));
    assert_eq!(gist(&entry), "charge:120044 | 120044 | 67.00 USD | 2018-06-01T09:30:00Z");
    assert_eq!(entry.customer.id.as_deref(), Some("900000000000000777"));
    assert_eq!((entry.amounts.tax, entry.amounts.items), (None, None));
    let lines: Vec<_> = entry.lines.iter().map(|line| (line.product_id.as_deref(), line.quantity)).collect();
    assert_eq!(lines, [(Some("product-7"), Decimal::ONE), (Some("bump-7"), Decimal::whole(2))]);
    let nothing = ["null", "false", " "];
    for absent in nothing {
        let changed = with(
            REFUND,
            &[("customer[id]", absent), ("customer_id", absent), ("refund[name]", absent), ("subscription_id", absent)],
        );
        let entry = entry_of(&changed);
        assert_eq!((entry.customer.id.as_deref(), entry.lines[0].name.as_deref()), (None, None));
        assert_eq!(tag(&entry, "subscription"), None);
    }
}

#[test]
fn trap_the_user_adds_our_url_twice() {
    let mut ledger = testing::Ledger::new();
    for fields in [SUCCESS, REBILL, REFUND, REFUND, REBILL, SUCCESS] {
        ledger.receive::<ThriveCart>(&delivery(fields), &context()).expect("it is read");
    }
    assert_eq!(ledger.entries().len(), 3);
}

#[test]
fn trap_upper_case_emails_and_plus_tags() {
    let names = |email: &str| entry_of(&with(SUCCESS, &[("customer[email]", email)])).also;
    assert_eq!(names("ADA@example.ORG "), names("ada@example.org"));
    assert_ne!(names("ada+x@example.org"), names("ada@example.org"));
}

#[test]
fn trap_bump_and_upsell_refunded_one_at_a_time() {
    let refund = |item: &str, event: &str| {
        entry_of(&with(REFUND, &[("event_id", ""), ("refund[type]", item), ("event", event)])).key.id
    };
    assert_ne!(refund("product", "order.refund"), refund("bump", "order.refund"));
    assert_eq!(refund("bump", "order.refund"), refund("bump", "order_refund_bump"));
}

#[test]
fn trap_a_second_success_with_a_larger_total_replaces_the_smaller() {
    let larger = with(SUCCESS, &[("order[total_gross_str]", "159.00")]);
    for order in [[SUCCESS, &larger], [&larger, SUCCESS]] {
        let mut ledger = testing::Ledger::new();
        for fields in order {
            ledger.receive::<ThriveCart>(&delivery(fields), &context()).expect("it is read");
        }
        let entry = ledger.get(Kind::Sale, "charge:600100").expect("the order");
        assert_eq!(entry.amounts.total, Decimal::whole(159));
    }
}

// ---- amounts -------------------------------------------------------------------------------------------------------------

#[test]
fn the_twin_comes_first_then_hundredths_then_net_and_tax() {
    let total = |changes: &[(&str, &str)]| entry_of(&with(SUCCESS, changes)).amounts.total;
    let hundredths = ("order[total_gross]", "11800");
    assert_eq!(total(&[hundredths]), Decimal::whole(119));
    assert_eq!(total(&[hundredths, ("order[total_gross_str]", "null")]), Decimal::whole(118));
    assert_eq!(total(&[hundredths, ("order[total_gross_str]", "1,190.50")]), Decimal::hundredths(119_050));
    let no_gross = [("order[total_gross]", ""), ("order[total_gross_str]", "")];
    assert_eq!(total(&no_gross), Decimal::whole(119));
    let net_alone = [&no_gross[..], &[("order[tax]", "")]].concat();
    assert_eq!(total(&net_alone), Decimal::whole(100));
    assert_eq!(entry_of(&with(SUCCESS, &net_alone)).amounts.tax, None);
    let yen = [("currency", "JPY"), ("order[total_gross_str]", "4900"), ("order[tax]", "")];
    assert_eq!(total(&yen), Decimal::whole(4_900));
}

#[test]
fn parts_add_up_or_are_left_out() {
    for tax in ["1900", "0", "999999", "null"] {
        let amounts = entry_of(&with(SUCCESS, &[("order[tax]", tax)])).amounts;
        match (amounts.items, amounts.tax) {
            (Some(items), Some(tax)) => assert_eq!(items.plus(tax), Ok(amounts.total)),
            (items, tax) => assert_eq!((items, tax), (None, None)),
        }
    }
}

#[test]
fn json_of_numbers_reads_as_the_form_does() {
    let body = r#"{"event": "order_created", "mode_int": 2, "order_id": 600100, "invoice_id": "000000050",
        "order_timestamp": 1772359200, "currency": "EUR", "customer_id": 900000000000000001, "affiliate": null,
        "customer": {"email": "Ada@Example.org", "address": []},
        "order": {"total": 10000, "total_gross": 11900, "tax": 1900, "charges": []}}"#;
    let mut ledger = testing::Ledger::new();
    ledger.receive::<ThriveCart>(&testing::delivery("application/json", body), &context()).expect("it is read");
    let entry = ledger.get(Kind::Sale, "charge:600100").expect("the order");
    let form = entry_of(SUCCESS);
    assert_eq!((&entry.amounts, &entry.at, &entry.customer), (&form.amounts, &form.at, &form.customer));
    assert_eq!((&entry.also, entry.revision), (&form.also, form.revision));
}

// ---- ids and currencies --------------------------------------------------------------------------------------------------

#[test]
fn a_rebill_is_known_without_its_numbered_invoice() {
    let key = |changes: &[(&str, &str)]| entry_of(&with(REBILL, changes)).key.id;
    assert_eq!(key(&[("invoice_id", "000000050")]), "rebill:000000050-1");
    assert_eq!(key(&[("invoice_id", "")]), "rebill:600100-1");
    assert_eq!(key(&[("invoice_id", ""), ("recurring_payment_idx", "")]), "rebill:600100:2026-04-01");
}

#[test]
fn what_cannot_be_read_says_what_is_missing() {
    let no_gross =
        [("order[total]", "x"), ("order[total_str]", "x"), ("order[total_gross]", "x"), ("order[total_gross_str]", "")];
    for (fields, word) in [
        (with(SUCCESS, &[("currency", "")]), "currency"),
        (with(SUCCESS, &[("currency", "EURO")]), "EURO"),
        (with(SUCCESS, &no_gross), "order[total]"),
        (with(SUCCESS, &[("order_id", ""), ("invoice_id", "")]), "order_id"),
        (with(REBILL, &[("subscription[amount]", ""), ("subscription[amount_gross_str]", "")]), "subscription[amount]"),
        (with(REBILL, &[("invoice_id", ""), ("order_id", ""), ("order[id]", "")]), "invoice_id"),
    ] {
        let mut ledger = testing::Ledger::new();
        match ledger.receive::<ThriveCart>(&delivery(&fields), &context()) {
            Err(Failure::Malformed(text)) => assert!(text.contains(word), "{text}"),
            other => panic!("{word}: {other:?}"),
        }
    }
}

#[test]
fn the_setting_names_the_currency_where_the_body_does_not() {
    let mut ledger = testing::Ledger::new();
    let context = testing::context().set("currency", "USD").build();
    let fields = with(SUCCESS, &[("currency", "")]);
    ledger.receive::<ThriveCart>(&delivery(&fields), &context).expect("it is read");
    assert_eq!(ledger.entries()[0].currency, "USD");
}

/// Found by fuzzing: the daemon refused the whole answer, and blamed the connector.
#[test]
fn an_endless_id_is_the_deliverys_fault() {
    let endless = SUCCESS.replace("600100", &"6".repeat(250));
    assert_ne!(endless, SUCCESS);
    let delivery = testing::delivery(FORM, encoded(&endless));
    match testing::Ledger::new().receive::<ThriveCart>(&delivery, &context()) {
        Err(Failure::Malformed(why)) => assert_eq!(why, "an id of the order is longer than 200 bytes"),
        other => panic!("{other:?}"),
    }
}
