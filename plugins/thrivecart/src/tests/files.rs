//! Files: layouts, words, keys, and what the operator is told.

use ltv_connector::{prelude::*, testing};

use super::*;

const TYPED: &str = fixture!("csv/orders-typed.csv");
const UNTYPED: &str = fixture!("csv/orders-untyped.csv");
const TITLE_CASE: &str = fixture!("csv/transactions-title-case.csv");

fn dollars() -> Context {
    testing::context().set("currency", "usd").now("2026-05-02T12:00:00").build()
}

fn by_kind(batch: &Batch, kind: Kind) -> Vec<&Entry> {
    entries(batch).into_iter().filter(|entry| entry.key.kind == kind).collect()
}

fn noted(batch: &Batch, words: &str) -> bool {
    batch.notes.iter().any(|note| note.contains(words))
}

#[test]
fn sample_transactions() {
    let batch = file("transactions", fixture!("csv/transactions.csv"), &context());
    assert_eq!(gists(&batch), ["charge:600100 | 600100 | 119.00 EUR | 2026-03-01"]);
    let entry = entries(&batch)[0];
    assert_eq!(entry.lines[0].name.as_deref(), Some("Course"));
    assert_eq!(tag(entry, "processor"), Some("stripe"));
}

#[test]
fn rows_are_told_apart_by_their_words() {
    let batch = file("orders", TYPED, &context());
    assert_eq!(
        gists(&batch),
        [
            "charge:600100 | 600100 | 119.00 EUR | 2026-03-01",
            "rebill:000000050-1 | 000000050-1 | 119.00 EUR | 2026-04-01",
            "refund:600100:2026-04-10:119.00 | 000000050-1 | 119.00 EUR | 2026-04-10",
            // Items of one charge are one sale, even if one of them was taken after midnight.
            "charge:600101 | 600101 | 87.00 EUR | 2026-03-02",
        ]
    );
    let all = entries(&batch);
    assert_eq!(all[0].amounts.tax, Some(Decimal::whole(19)));
    assert_eq!((all[2].key.kind, all[2].amounts.tax), (Kind::Refund, Some(Decimal::whole(19))));
    assert_eq!(all[3].lines.len(), 3);
    assert_eq!(tag(all[1], "cycle"), Some("2"));
    // Failed, cancelled, test and the line of totals.
    assert_eq!(batch.ignored, 4);
    for words in ["`failed`", "`cancel`", "test orders", "line of totals"] {
        assert!(noted(&batch, words), "{words}");
    }
    let rejects: Vec<_> = batch.rejects.iter().map(|r| (r.field.as_deref(), r.reason.as_str())).collect();
    assert_eq!(rejects.len(), 2, "{rejects:?}");
    assert!(rejects.iter().any(|(field, reason)| *field == Some("status") && reason.contains("on hold")));
    assert!(rejects.iter().any(|(field, reason)| *field == Some("order_id") && reason.contains("6.001E+05")));
}

#[test]
fn without_words_the_days_tell_rebills() {
    let batch = file("orders", UNTYPED, &dollars());
    assert_eq!(
        gists(&batch),
        [
            "charge:800100 | 800100 | 30.00 USD | 2026-03-01",
            "rebill:800100:2026-04-01 | 800100:2026-04-01 | 30.00 USD | 2026-04-01",
            // Two subscriptions of one order, charged on the same day: twins stay two.
            "rebill:800100:2026-05-01 | 800100:2026-05-01 | 30.00 USD | 2026-05-01",
            "rebill:800100:2026-05-01#2 | 800100:2026-05-01#2 | 30.00 USD | 2026-05-01",
        ]
    );
    assert!(noted(&batch, "whole time range"));
}

#[test]
fn a_file_that_begins_later_does_not_move_a_first_payment() {
    let later = "Order ID,Date,Email,Total\n800100,2026-04-01,ada@example.org,99.00\n";
    for order in [[UNTYPED, later], [later, UNTYPED]] {
        let mut ledger = testing::Ledger::new();
        order.iter().for_each(|text| ledger.apply(&file("orders", text, &dollars())));
        let first = ledger.get(Kind::Sale, "charge:800100").expect("the order");
        assert_eq!(first.at, Moment::Day("2026-03-01".to_owned()));
        assert_eq!(ledger.entries().len(), 4);
    }
}

#[test]
fn the_order_of_rows_does_not_matter_and_a_file_twice_adds_nothing() {
    for (format, text, context) in
        [("orders", TYPED, context()), ("orders", UNTYPED, dollars()), ("orders", TITLE_CASE, dollars())]
    {
        let mut lines: Vec<&str> = text.lines().collect();
        lines[1..].reverse();
        let mut ledger = testing::Ledger::new();
        ledger.apply(&file(format, text, &context));
        let once: Vec<_> = ledger.entries().into_iter().map(gist).collect();
        ledger.apply(&file(format, text, &context));
        ledger.apply(&file(format, &lines.join("\n"), &context));
        let thrice: Vec<_> = ledger.entries().into_iter().map(gist).collect();
        assert_eq!(once, thrice);
    }
}

#[test]
fn headings_in_title_case_and_refunds_on_the_row() {
    let batch = file("orders", TITLE_CASE, &dollars());
    assert_eq!(by_kind(&batch, Kind::Sale).len(), 4);
    let sale = by_kind(&batch, Kind::Sale)[0];
    assert_eq!((sale.amounts.total, sale.amounts.tax), (Decimal::whole(1_119), Some(Decimal::whole(119))));
    assert_eq!((tag(sale, "coupon"), tag(sale, "country")), (Some("SPRING"), Some("DE")));
    let refunds = by_kind(&batch, Kind::Refund);
    let totals: Vec<_> = refunds.iter().map(|entry| entry.amounts.total).collect();
    assert_eq!(totals, [Decimal::whole(37), Decimal::whole(10)]);
    for refund in refunds {
        assert_eq!(tag(refund, "approximate"), Some("date"));
        assert!(refund.key.id.starts_with("refund:row:"));
    }
    assert_eq!(by_kind(&batch, Kind::Chargeback).len(), 1);
    assert!(noted(&batch, "stand alone") && noted(&batch, "`pending`") && noted(&batch, "approximate"));
}

#[test]
fn genuine_twins_without_ids_stay_two() {
    let text = "Date,Email,Total,Product,Status\n2026-03-01,ada@example.org,10,Pen,paid\n\
        2026-03-01,ada@example.org,10,Pen,paid\n2026-03-01,Ada@example.org ,10.00,Pen,completed\n";
    let batch = file("orders", text, &dollars());
    let mut keys: Vec<_> = entries(&batch).into_iter().map(|entry| entry.key.id.clone()).collect();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 3);
    // A status that changes does not make it another row.
    let changed =
        file("orders", "Date,Email,Total,Product,Status\n2026-03-01,ada@example.org,10,Pen,refunded\n", &dollars());
    assert!(keys.contains(&by_kind(&changed, Kind::Sale)[0].key.id));
}

#[test]
fn refunds_are_told_once() {
    let header = "Order ID,Date,Email,Total,Type,Status,Refund Amount,Refund Date,Transaction ID,Product\n";
    let read = |rows: &str| file("orders", &format!("{header}{rows}"), &dollars());
    // On the row and in a row of its own: the row of its own counts.
    let batch = read("1,2026-03-01,a@b.c,50,charge,refunded,50,,t1,Pen\n1,2026-03-09,a@b.c,50,refund,,,,t2,Pen\n");
    let refunds = by_kind(&batch, Kind::Refund);
    assert_eq!(refunds.len(), 1);
    assert_eq!(
        (refunds[0].key.id.as_str(), &refunds[0].at),
        ("refund:t2:2026-03-09:50.00", &Moment::Day("2026-03-09".into()))
    );
    assert!(noted(&batch, "rows of their own"));
    // Only on the row, with a day of its own; each item by itself.
    let batch = read(
        "1,2026-03-01,a@b.c,50,charge,refunded,50,2026-03-07,t1,Pen\n1,2026-03-01,a@b.c,5,charge,paid,2,,t1,Cap\n",
    );
    let refunds = by_kind(&batch, Kind::Refund);
    assert_eq!(refunds[0].key.id, "refund:charge:1:Pen");
    assert_eq!((&refunds[0].at, tag(refunds[0], "approximate")), (&Moment::Day("2026-03-07".into()), None));
    assert_eq!(refunds[1].key.id, "refund:charge:1:Cap");
    assert_eq!((refunds[1].amounts.total, tag(refunds[1], "approximate")), (Decimal::whole(2), Some("date")));
    // Equal partial refunds on one day are two; a negative amount is a refund; more back than paid is told.
    let batch =
        read("1,2026-03-01,a@b.c,50,,,,,,Pen\n1,2026-03-09,a@b.c,-30,,,,,,Pen\n1,2026-03-09,a@b.c,-30,,,,,,Pen\n");
    let keys: Vec<_> = by_kind(&batch, Kind::Refund).iter().map(|entry| entry.key.id.as_str()).collect();
    assert_eq!(keys, ["refund:1:2026-03-09:30.00", "refund:1:2026-03-09:30.00#2"]);
    assert!(noted(&batch, "more money given back"));
    // How much was given back is not known.
    let batch = read("1,2026-03-01,a@b.c,50,charge,partially refunded,,,,Pen\n");
    assert!(entries(&batch).is_empty() && batch.rejects[0].field.as_deref() == Some("refund_amount"));
}

#[test]
fn invoices_alone_tell_orders_and_rebills() {
    let text = "Invoice Number,Date,Email,Total\n000000050,2026-03-01,a@b.c,30\n000000051,2026-03-01,a@b.c,5\n\
        000000050,2026-03-01,a@b.c,20\n000000050-1,2026-04-01,a@b.c,50\n";
    let batch = file("orders", text, &dollars());
    assert_eq!(
        gists(&batch),
        [
            "charge:000000050 | 000000050 | 50.00 USD | 2026-03-01",
            "rebill:000000050-1 | 000000050-1 | 50.00 USD | 2026-04-01",
            "charge:000000051 | 000000051 | 5.00 USD | 2026-03-01",
        ]
    );
}

#[test]
fn a_currency_is_never_guessed() {
    let batch = file("orders", UNTYPED, &context());
    assert!(entries(&batch).is_empty());
    assert!(batch.rejects.iter().all(|reject| reject.reason.contains("set `currency`")));
    let mixed = "Order ID,Date,Email,Total,Currency\n1,2026-03-01,a@b.c,50,EUR\n1,2026-03-01,a@b.c,50,USD\n";
    let batch = file("orders", mixed, &dollars());
    assert_eq!((entries(&batch).len(), batch.rejects.len()), (1, 1));
    assert!(batch.rejects[0].reason.contains("two currencies"));
}

#[test]
fn customers_are_recognised_and_refused() {
    let manifest = ThriveCart::describe();
    let customers = manifest.csv_formats.iter().find(|format| format.id == "customers").expect("the format");
    assert!(customers.refused.as_deref().is_some_and(|why| why.contains("no amounts")));
    let _ = testing::table(&manifest, "customers", fixture!("csv/customers.csv"), &context());
}

// ---- lists of subscriptions ----------------------------------------------------------------------------------------------

const RECURRING: &str = fixture!("csv/recurring-subscriptions.csv");
const LIMITED: &str = fixture!("csv/limited-subscriptions.csv");

#[test]
fn lists_of_subscriptions_add_no_money() {
    let batch = file("recurring-subscriptions", RECURRING, &dollars());
    assert!(batch.changes.is_empty());
    assert_eq!(batch.ignored, 4);
    assert!(noted(&batch, "4 subscriptions show 8 payments (1 of them show no number)"));
}

#[test]
fn estimates_are_made_on_request_and_lose_against_anything() {
    let context =
        testing::context().set("currency", "USD").set_flag("estimate_rebills", true).now("2026-04-02T00:00:00").build();
    let batch = file("recurring-subscriptions", RECURRING, &context);
    assert_eq!(
        gists(&batch),
        [
            "rebill:600200:2026-02-28 | 600200:2026-02-28 | 30.00 USD | 2026-02-28",
            "rebill:600200:2026-03-31 | 600200:2026-03-31 | 30.00 USD | 2026-03-31",
        ]
    );
    for entry in entries(&batch) {
        assert_eq!((tag(entry, "estimated"), entry.billing), (Some("true"), Billing::Rebill));
        assert!(entry.also.len() <= 8);
        let real =
            file("orders", "Order ID,Date,Email,Total,Type\n600200,2026-02-28,ada@example.org,30,rebill\n", &context);
        assert!(entry.revision < entries(&real)[0].revision);
    }
    assert_eq!(
        entries(&batch)[0].key,
        entries(&file(
            "orders",
            "Order ID,Date,Email,Total,Type\n600200,2026-02-28,ada@example.org,30,rebill\n",
            &context
        ))[0]
            .key
    );
    assert_eq!(batch.ignored, 3);
    assert!(noted(&batch, "no rebill") && noted(&batch, "now and then") && noted(&batch, "does not tell how many"));
    let limited = file("limited-subscriptions", LIMITED, &context);
    assert_eq!(entries(&limited).len(), 2);
    // Nothing lies in the future.
    let earlier =
        testing::context().set("currency", "USD").set_flag("estimate_rebills", true).now("2026-03-01T00:00:00").build();
    assert_eq!(entries(&file("limited-subscriptions", LIMITED, &earlier)).len(), 1);
}

#[test]
fn more_estimates_than_a_batch_holds_are_refused_with_advice() {
    let context =
        testing::context().set("currency", "USD").set_flag("estimate_rebills", true).now("2026-05-02T00:00:00").build();
    let header = "Subscription ID,Status,Customer Email,Start Date,Rebill Amount,Interval,Payments Made\n";
    let rows: String = (0..20).map(|n| format!("{n},active,a{n}@b.c,2020-01-01,1,day,9999\n")).collect();
    let batch = file("recurring-subscriptions", &format!("{header}{rows}"), &context);
    assert!(batch.changes.len() <= 8_192);
    assert!(batch.rejects.iter().all(|reject| reject.reason.contains("split the file")));
    assert!(!batch.rejects.is_empty());
}
