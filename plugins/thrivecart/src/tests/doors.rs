//! The same money through both doors, in either order, is one entry.

use ltv_connector::testing::Ledger;

use super::*;

/// A ledger that takes in fixtures.
#[derive(Default)]
struct Doors(Ledger);

impl Doors {
    fn webhook(&mut self, fields: &str) {
        self.0.receive::<ThriveCart>(&delivery(fields), &context()).expect("it is read");
    }

    fn file(&mut self, text: &str) {
        self.batch(&file("orders", text, &context()));
    }

    fn batch(&mut self, batch: &Batch) {
        self.0.apply(batch);
    }

    fn gists(&self) -> Vec<String> {
        let mut gists: Vec<_> = self.0.entries().into_iter().map(gist).collect();
        gists.sort();
        gists
    }
}

/// Both orders of a webhook-only and a file-only world must end in the same entries.
fn either_way(webhooks: &[&str], text: &str) -> Vec<String> {
    let mut first = Doors::default();
    webhooks.iter().for_each(|fields| first.webhook(fields));
    first.file(text);
    let mut second = Doors::default();
    second.file(text);
    webhooks.iter().for_each(|fields| second.webhook(fields));
    assert_eq!(first.gists(), second.gists());
    // And again: nothing is added.
    first.file(text);
    webhooks.iter().for_each(|fields| first.webhook(fields));
    assert_eq!(first.gists(), second.gists());
    first.gists()
}

const ORDER: &str = "charge:600100 | 600100 | 119.00 EUR | 2026-03-01T10:00:00Z";
const PAYMENT: &str = "rebill:000000050-1 | 000000050-1 | 119.00 EUR | 2026-04-01T10:00:05Z";
const BACK: &str = "refund:7300001 | 600100 | 119.00 EUR | 2026-04-10T08:15:00Z";

#[test]
fn the_samples_of_both_doors_are_one_order() {
    let text = "order_id,order_date,customer_email,total,currency\n600100,2026-03-01,ada@example.org,119.00,EUR\n";
    assert_eq!(either_way(&[SUCCESS], text), [ORDER]);
}

#[test]
fn rebills_and_refunds_meet_by_order_day_and_amount() {
    let text = "order_id,order_date,email,total,currency\n600100,2026-03-01,ada@example.org,119.00,EUR\n\
        600100,2026-04-01,ada@example.org,119,EUR\n600100,2026-04-10,ada@example.org,-119,EUR\n";
    assert_eq!(either_way(&[SUCCESS, REBILL, REFUND], text), [ORDER, PAYMENT, BACK]);
}

#[test]
fn a_day_off_is_forgiven_and_two_are_not() {
    for (day, count) in [("2026-03-31", 1), ("2026-04-02", 1), ("2026-03-30", 2), ("2026-04-03", 2)] {
        let text = format!("order_id,date,email,total,currency,type\n600100,{day},ada@example.org,119,EUR,rebill\n");
        assert_eq!(either_way(&[REBILL], &text).len(), count, "{day}");
    }
}

#[test]
fn rebills_on_neighbouring_days_find_their_own_partner() {
    let days = ["2026-04-01", "2026-04-02", "2026-04-03", "2026-04-04"];
    let bodies: Vec<String> = (1..)
        .zip(days)
        .map(|(number, day)| {
            let invoice = format!("000000050-{number}");
            with(REBILL, &[("invoice_id", &invoice), ("date_unix", ""), ("date", &format!("{day} 23:30:00"))])
        })
        .collect();
    let rows: String = days.iter().map(|day| format!("600100,{day},ada@example.org,119,EUR,rebill\n")).collect();
    let text = format!("order_id,date,email,total,currency,type\n{rows}");
    for order in [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2]] {
        let webhooks: Vec<&str> = order.iter().map(|at| bodies[*at].as_str()).collect();
        assert_eq!(either_way(&webhooks, &text).len(), 4);
    }
}

#[test]
fn twins_meet_one_to_one() {
    let twin = with(REBILL, &[("invoice_id", "000000050-2")]);
    let row = "600100,2026-04-01,ada@example.org,119,EUR,rebill\n";
    let header = "order_id,date,email,total,currency,type\n";
    assert_eq!(either_way(&[REBILL, &twin], &format!("{header}{row}{row}")).len(), 2);
    assert_eq!(either_way(&[REBILL], &format!("{header}{row}{row}")).len(), 2);
    assert_eq!(either_way(&[REBILL, &twin], &format!("{header}{row}")).len(), 2);
}

#[test]
fn equal_partial_refunds_meet_one_to_one() {
    let part = |event_id: &str, date: &str| {
        let amounts = [("refund[amount]", "2000"), ("refund[amount_gross]", ""), ("refund[amount_gross_str]", "20.00")];
        let rest = [("event_id", event_id), ("date_unix", ""), ("date", date), ("refund[tax_paid]", "")];
        with(REFUND, &[&amounts[..], &rest[..]].concat())
    };
    let (one, two) = (part("1", "2026-04-10 08:00:00"), part("2", "2026-04-11 08:00:00"));
    let text = "order_id,date,email,total,currency,type\n600100,2026-04-10,ada@example.org,20,EUR,refund\n\
        600100,2026-04-11,ada@example.org,20,EUR,refund\n";
    assert_eq!(either_way(&[&one, &two], text).len(), 2);
    assert_eq!(either_way(&[&two, &one], text).len(), 2);
    assert_eq!(either_way(&[&one], text).len(), 2);
}

#[test]
fn a_refund_told_on_its_payment_takes_the_day_of_the_webhook() {
    let text = "order_id,date,email,total,currency,status,product\n600100,2026-03-01,ada@example.org,119,EUR,refunded,Course\n";
    assert_eq!(either_way(&[SUCCESS, REFUND], text), [ORDER, BACK]);
}

#[test]
fn numbered_invoices_share_keys() {
    let text = "order_id,invoice_id,date,email,total,currency\n600100,000000050,2026-03-01,ada@example.org,119,EUR\n\
        600100,000000050-1,2026-04-07,ada@example.org,119,EUR\n";
    assert_eq!(either_way(&[SUCCESS, REBILL], text), [ORDER, PAYMENT]);
}

#[test]
fn an_invoice_number_in_place_of_the_order_id_is_known() {
    let text = "order number,date,email,total,currency\n000000050,2026-03-01,ada@example.org,119,EUR\n";
    assert_eq!(either_way(&[SUCCESS], text), [ORDER]);
}

#[test]
fn rows_without_ids_meet_by_email_day_and_amount() {
    let text = "date,email,total,currency\n2026-03-01,ADA@example.org,119,EUR\n2026-04-01,ada@example.org,119.00,EUR\n\
        2026-04-10,ada@example.org,-119,EUR\n2026-04-10,bo@example.org,119,EUR\n";
    let gists = either_way(&[SUCCESS, REBILL, REFUND], text);
    assert_eq!(gists.len(), 4);
    for expected in [ORDER, PAYMENT, BACK] {
        assert!(gists.iter().any(|gist| gist == expected), "{gists:?}");
    }
}

#[test]
fn a_dated_row_outranks_an_undated_webhook_and_not_a_dated_one() {
    let undated = with(SUCCESS, &[("order_timestamp", ""), ("order_date", "")]);
    let text = "order_id,date,email,total,currency\n600100,2026-03-01,ada@example.org,119,EUR\n";
    assert_eq!(either_way(&[&undated], text), ["charge:600100 | 600100 | 119.00 EUR | 2026-03-01"]);
    assert_eq!(either_way(&[&undated, SUCCESS], text), [ORDER]);
}

#[test]
fn the_total_of_the_webhook_stands_against_the_sum_of_a_file() {
    let text = "order_id,date,email,total,currency,product\n600100,2026-03-01,ada@example.org,100,EUR,Course\n\
        600100,2026-03-01,ada@example.org,30,EUR,Upsell\n";
    assert_eq!(either_way(&[SUCCESS], text), [ORDER]);
}

#[test]
fn an_estimate_gives_way_to_a_webhook_within_three_days() {
    let list = "Subscription ID,Status,Email,Start Date,Rebill Amount,Currency,Interval,Payments Made,Order ID\n\
        5,active,ada@example.org,2026-03-03,119,EUR,month,2,600100\n";
    let context =
        ltv_connector::testing::context().set_flag("estimate_rebills", true).now("2026-05-02T00:00:00").build();
    for webhook_first in [true, false] {
        let mut doors = Doors::default();
        if webhook_first {
            doors.webhook(REBILL);
        }
        doors.batch(&file("recurring-subscriptions", list, &context));
        if !webhook_first {
            doors.webhook(REBILL);
        }
        assert_eq!(doors.gists(), [PAYMENT]);
    }
}
