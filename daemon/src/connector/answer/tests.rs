use super::*;
use crate::model::Moment;

fn money(coefficient: i64, scale: u8) -> wit::Decimal {
    wit::Decimal { coefficient, scale }
}

fn sale(id: &str) -> wit::Entry {
    wit::Entry {
        key: wit::EntryKey { kind: wit::Kind::Sale, id: id.into() },
        also: vec![],
        order_id: id.into(),
        billing: wit::Billing::Rebill,
        at: wit::Moment::Utc(1_000),
        customer: wit::Customer { email: Some("a@example.com".into()), id: Some(String::new()) },
        currency: "EUR".into(),
        amounts: wit::Amounts {
            total: money(1190, 2),
            items: None,
            discount: None,
            shipping: None,
            fees: None,
            tax: None,
            processing_fee: None,
        },
        lines: vec![],
        tags: vec![],
        revision: 7,
    }
}

fn line(amount: wit::Decimal) -> wit::Line {
    wit::Line { product_id: Some("p".into()), variant_id: None, sku: None, name: None, quantity: money(1, 0), amount }
}

/// Reads one entry after a change.
fn read(change: impl FnOnce(&mut wit::Entry)) -> Checked<(Entry, AnswerReader)> {
    let mut said = sale("1");
    change(&mut said);
    let mut reader = AnswerReader::new(None);
    match reader.changes(vec![wit::Change::Put(said)], 1)?.pop() {
        Some(Change::Put(entry)) => Ok((entry, reader)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_good_entry_arrives_whole() {
    let (entry, reader) = read(|said| {
        said.also.push("1 EUR".into());
        said.lines.push(line(money(5, 0)));
        said.tags.push(wit::Tag { name: "coupon".into(), value: "SPRING".into() });
        said.tags.push(wit::Tag { name: "source".into(), value: String::new() });
    })
    .unwrap();
    assert_eq!((entry.key.kind, entry.key.id.as_str(), entry.order_id.as_str()), (Kind::Sale, "1", "1"));
    assert_eq!((entry.billing, entry.at, entry.revision), (Billing::Rebill, Moment::Utc(1_000), 7));
    assert_eq!((entry.amounts.total, entry.lines[0].amount, entry.currency.as_str()), (1190, 500, "EUR"));
    assert_eq!((entry.customer.email.as_deref(), entry.customer.id), (Some("a@example.com"), None));
    assert_eq!(entry.tags, [Tag { name: "coupon".into(), value: "SPRING".into() }]);
    assert_eq!((reader.rounded, reader.parts_mismatch), (0, 0));
}

#[test]
fn what_breaks_a_limit_is_named() {
    type Change = fn(&mut wit::Entry);
    let absurd: [(Change, &str); 17] = [
        (|e| e.key.id.clear(), "the id of an entry is empty"),
        (|e| e.key.id = "x".repeat(201), "201 bytes, and 200 are allowed"),
        (|e| e.order_id = "a\nb".into(), "control characters"),
        (|e| e.also = vec!["x".into(); 9], "9 weaker names, and 8 are allowed"),
        (|e| e.also = vec![String::new()], "a weaker name is empty"),
        (|e| e.at = wit::Moment::Received, "no webhook delivery"),
        (|e| e.currency = "EURO".into(), "`EURO` is no currency code"),
        (|e| e.amounts.total = money(-1, 0), "the total is negative (-1e-0 EUR)"),
        (|e| e.amounts.discount = Some(money(-1, 0)), "the discount is negative"),
        (|e| e.amounts.processing_fee = Some(money(-1, 0)), "the processing fee is negative"),
        (|e| e.amounts.total = money(1, 10), "10 decimals"),
        (|e| e.amounts.total = money(i64::MAX, 0), "too large"),
        (|e| e.amounts.fees = Some(money(-10_000_000_000_001, 0)), "are allowed"),
        (|e| e.lines = vec![line(money(-1, 2))], "the amount of a line is negative"),
        (|e| e.lines = vec![line(money(1, 2)); 1_001], "1001 lines"),
        (|e| e.tags = vec![wit::Tag { name: "Coupon".into(), value: "x".into() }], "not lower case"),
        (|e| e.customer.email = Some("x".repeat(1_025)), "the e-mail address has 1025 bytes"),
    ];
    for (change, text) in absurd {
        let what = read(change).unwrap_err();
        assert!(what.contains(text), "{text}: {what}");
    }
    assert!(read(|e| e.amounts.fees = Some(money(-5, 0))).is_ok(), "fees may be negative");
}

#[test]
fn finer_amounts_are_rounded_and_counted() {
    let (entry, reader) = read(|e| {
        e.amounts.total = money(11_905, 3);
        e.amounts.tax = Some(money(19_004, 4));
        e.currency = "usd".into();
    })
    .unwrap();
    assert_eq!((entry.amounts.total, entry.amounts.tax, reader.rounded), (1190, Some(190), 2));
    assert_eq!(entry.currency.as_str(), "USD");
}

#[test]
fn parts_must_add_up_to_one_minor_unit_per_line() {
    let mismatch = |total, lines| {
        let parts = |e: &mut wit::Entry| {
            e.amounts = wit::Amounts {
                total: money(total, 2),
                items: Some(money(1000, 2)),
                discount: Some(money(100, 2)),
                shipping: Some(money(50, 2)),
                fees: Some(money(-20, 2)),
                tax: Some(money(190, 2)),
                processing_fee: Some(money(30, 2)),
            };
            e.lines = vec![line(money(1, 0)); lines];
        };
        read(parts).unwrap().1.parts_mismatch
    };
    assert_eq!([mismatch(1120, 0), mismatch(1121, 0), mismatch(1119, 1), mismatch(1123, 3)], [0, 0, 0, 0]);
    assert_eq!([mismatch(1122, 0), mismatch(1118, 1), mismatch(1124, 3)], [1, 1, 1]);
    let (_, unknown) = read(|e| e.amounts.items = Some(money(1, 0))).unwrap();
    assert_eq!(unknown.parts_mismatch, 0, "a part that is not known makes no mismatch");
}

#[test]
fn entries_of_orders_count_and_carry_its_id() {
    let order = |id: &str, entries| wit::Change::ReplaceOrder(wit::Order { id: id.into(), revision: 3, entries });
    let mut reader = AnswerReader::new(None);
    assert_eq!(reader.changes(vec![order("1", vec![sale("1")]), order("gone", vec![])], 2).unwrap().len(), 2);
    let strange = reader.changes(vec![order("2", vec![sale("1")])], 2).unwrap_err();
    assert_eq!(strange, "the order `2` is to hold an entry of the order `1`");
    let many = reader.changes(vec![order("1", vec![sale("1"), sale("1"), sale("1")])], 2).unwrap_err();
    assert_eq!(many, "it gave 3 entries, and 2 are allowed");
    let withdraw = wit::Change::Withdraw(wit::Withdrawal {
        key: wit::EntryKey { kind: wit::Kind::Chargeback, id: "9".into() },
        revision: 1,
    });
    assert!(matches!(reader.changes(vec![withdraw], 1).unwrap().as_slice(), [Change::Withdraw(_)]));
}

#[test]
fn rejects_name_what_was_given() {
    let reject = |index| wit::Reject { index, id: Some(String::new()), field: None, reason: "r".repeat(9_000) };
    let read = rejects(vec![reject(1)], 1, 2).unwrap();
    assert_eq!((read[0].index, read[0].id.as_ref()), (1, None));
    assert!(read[0].reason.len() <= crate::limits::connector::MESSAGE_BYTES);
    assert_eq!(rejects(vec![reject(2)], 1, 2).unwrap_err(), "a reject has the index 2, and there are 2");
    assert!(rejects(vec![reject(0), reject(0)], 1, 2).is_err());
}

#[test]
fn a_currency_is_remembered_but_not_confused() {
    let mut yen = sale("2");
    yen.currency = "JPY".into();
    let changes = vec![wit::Change::Put(sale("1")), wit::Change::Put(yen), wit::Change::Put(sale("3"))];
    let totals: Vec<i64> = AnswerReader::new(None)
        .changes(changes, 3)
        .unwrap()
        .iter()
        .map(|change| if let Change::Put(entry) = change { entry.amounts.total } else { -1 })
        .collect();
    assert_eq!(totals, [1190, 12, 1190]);
}

#[test]
fn a_currency_of_nobody_is_rejected_alone() {
    let mut plugin = sale("2");
    plugin.currency = "BTC".into();
    let changes = vec![wit::Change::Put(sale("1")), wit::Change::Put(plugin), wit::Change::Put(sale("3"))];
    let (known, rejects) = AnswerReader::new(None).foreign(changes);
    assert_eq!((known.len(), rejects.len()), (2, 1));
    assert_eq!(rejects[0].field.as_deref(), Some("currency"));
    assert!(rejects[0].reason.contains("`BTC`"), "{}", rejects[0].reason);
}
