use super::*;

fn after(rows: &[[&str; 6]]) -> Vec<String> {
    let mut ledger = Ledger::new();
    import(&mut ledger, &orders(rows));
    summary(&ledger)
}

#[test]
fn the_sample_of_2016_is_read() {
    let mut ledger = Ledger::new();
    import(&mut ledger, ORDERS_2016);
    assert_eq!(
        summary(&ledger),
        [
            "rebill rebill:800100:2026-04-01 30.00",
            "refund refund:800101:4002 20.00",
            "sale order:800100 30.00",
            "sale order:800101 20.00",
        ]
    );
    let sale = ledger.get(Kind::Sale, "order:800100").unwrap();
    assert_eq!(sale.at, Moment::Local("2026-03-01T10:00:00".into()));
    assert_eq!((sale.order_id.as_str(), sale.currency.as_str()), ("800100", "USD"));
    assert_eq!(sale.customer.email.as_deref(), Some("ada@example.org"));
    assert_eq!(sale.lines[0].name.as_deref(), Some("Tea club"));
    let refund = ledger.get(Kind::Refund, "refund:800101:4002").unwrap();
    assert_eq!(tag(refund, "approximate"), Some("date"), "the row tells no day of the refund");
    assert_eq!(refund.order_id, "800101");
}

#[test]
fn a_newer_layout_with_parts_refunds_and_subscriptions_is_read() {
    let batch = read("orders", include_str!("../../fixtures/orders-newer.csv"));
    let mut ledger = Ledger::new();
    ledger.apply(&batch);
    assert_eq!(
        summary(&ledger),
        [
            "chargeback chargeback:810003:4002 21.60",
            "refund refund:810001:4002 10.00",
            "sale order:810001 59.95",
            "sale order:810002 32.40",
            "sale order:810003 21.60",
            "sale order:810004 97.00",
        ]
    );
    let sale = ledger.get(Kind::Sale, "order:810001").unwrap();
    assert_eq!(sale.amounts.items, Some(Decimal::whole(50)));
    assert_eq!((sale.amounts.tax, sale.amounts.shipping), (Some(Decimal::whole(4)), Some(Decimal::hundredths(595))));
    assert_eq!(sale.lines.len(), 2);
    let refund = ledger.get(Kind::Refund, "refund:810001:4002").unwrap();
    assert_eq!((&refund.at, tag(refund, "approximate")), (&Moment::Day("2026-05-20".into()), None));
    assert_eq!(refund.customer.email.as_deref(), Some("ada@example.org"), "from the other row of the order");
    assert_eq!(batch.ignored, 1, "the declined one");
    assert_eq!(batch.rejects.len(), 1);
    assert!(batch.rejects[0].reason.contains("on hold"));
    assert_eq!(batch.rejects[0].field.as_deref(), Some("status"));
    assert!(batch.notes.iter().any(|note| note.contains("does not say how much")), "810004");
    assert!(batch.notes.iter().any(|note| note.contains("contained in the amount")));
}

#[test]
fn trap_one_row_per_product_is_one_order() {
    assert_eq!(
        after(&[
            ["1", "03/01/2026", "10:00 AM", "charged", "2", "$30.00"],
            ["1", "03/01/2026", "10:00 AM", "charged", "3", "$20.00"],
            ["1", "04/01/2026", "10:00 AM", "charged", "2", "$30.00"],
            ["1", "04/01/2026", "10:00 AM", "charged", "3", "$20.00"],
        ]),
        ["rebill rebill:1:2026-04-01 50.00", "sale order:1 50.00"]
    );
}

#[test]
fn genuine_twins_stay_two_and_an_upsell_past_midnight_belongs_to_its_order() {
    assert_eq!(
        after(&[
            ["1", "03/01/2026", "11:58 PM", "charged", "2", "$30.00"],
            ["1", "03/01/2026", "11:58 PM", "charged", "2", "$30.00"],
            ["1", "03/02/2026", "12:03 AM", "charged", "3", "$97.00"],
        ]),
        ["sale order:1 157.00"]
    );
    let same_product = [
        ["1", "03/01/2026", "11:58 PM", "charged", "2", "$30.00"],
        ["1", "03/02/2026", "11:59 PM", "charged", "2", "$30.00"],
    ];
    assert_eq!(after(&same_product).len(), 2, "a daily subscription");
}

#[test]
fn a_failed_attempt_is_no_first_charge() {
    assert_eq!(
        after(&[
            ["1", "03/01/2026", "10:00 AM", "declined", "2", "$30.00"],
            ["1", "03/03/2026", "10:00 AM", "charged", "2", "$30.00"],
            ["1", "04/03/2026", "10:00 AM", "declined", "2", "$30.00"],
            ["1", "04/05/2026", "10:00 AM", "charged", "2", "$30.00"],
        ]),
        ["rebill rebill:1:2026-04-05 30.00", "sale order:1 30.00"]
    );
}

#[test]
fn refunds_of_purchase_and_rebill_are_two() {
    assert_eq!(
        after(&[
            ["1", "03/01/2026", "10:00 AM", "refunded", "2", "$30.00"],
            ["1", "04/01/2026", "10:00 AM", "refunded", "2", "$30.00"],
        ])[1..3],
        ["refund refund:1:2 30.00", "refund refund:1:2:2026-04-01 30.00"]
    );
}

#[test]
fn a_negative_row_is_a_refund_and_not_one_more_than_the_status_told() {
    for status in ["charged", "refunded"] {
        let rows = [
            ["1", "03/01/2026", "10:00 AM", status, "2", "$30.00"],
            ["1", "03/09/2026", "10:00 AM", "refunded", "2", "-$30.00"],
        ];
        assert_eq!(after(&rows), ["refund refund:1:2 30.00", "sale order:1 30.00"], "{status}");
        let mut ledger = Ledger::new();
        import(&mut ledger, &orders(&rows));
        let refund = ledger.get(Kind::Refund, "refund:1:2").unwrap();
        assert_eq!(refund.at, Moment::Local("2026-03-09T10:00:00".into()));
        assert_eq!(tag(refund, "approximate"), None);
    }
}

#[test]
fn two_partial_refunds_in_rows_of_their_own_are_two() {
    assert_eq!(
        after(&[
            ["1", "03/01/2026", "10:00 AM", "charged", "2", "$30.00"],
            ["1", "03/09/2026", "10:00 AM", "refunded", "2", "-$5.00"],
            ["1", "03/19/2026", "10:00 AM", "refunded", "2", "-$7.00"],
        ]),
        ["refund refund:1:2 5.00", "refund refund:1:2:2026-03-19 7.00", "sale order:1 30.00"]
    );
}

#[test]
fn a_file_without_status_is_all_paid_and_says_so() {
    let text = "Order ID,Date,Total,Email\n1,2026-03-01,30.00,ada@example.org\n2,2026-03-02,30.00,ada@example.org\n";
    let batch = read("orders", text);
    assert_eq!(batch.changes.len(), 2);
    assert_eq!(batch.notes.iter().filter(|note| note.contains("without order status")).count(), 2);
}

#[test]
fn bad_rows_are_named_and_the_others_kept() {
    let text = "Order ID,Date,Total,Email,Status\n1,2026-03-01,30.00,,paid\n,2026-03-01,30.00,a@example.org,paid\n\
                3,,30.00,a@example.org,paid\n4,2026-03-01,,a@example.org,paid\n5,2026-03-01,30.00,a@example.org,paid\n";
    let batch = read("orders", text);
    let fields: Vec<Option<&str>> = batch.rejects.iter().map(|reject| reject.field.as_deref()).collect();
    assert_eq!(fields, [Some("email"), Some("order_id"), Some("date"), Some("amount")]);
    assert_eq!(batch.changes.len(), 1);
}

#[test]
fn rows_of_one_order_in_two_currencies_are_not_added() {
    let text = "Order ID,Date,Total,Email,Currency\n1,2026-03-01,30.00,a@example.org,EUR\n1,2026-03-01,30.00,a@example.org,USD\n";
    let batch = read("orders", text);
    assert_eq!(batch.rejects.len(), 1);
    let mut ledger = Ledger::new();
    ledger.apply(&batch);
    assert_eq!(ledger.get(Kind::Sale, "order:1").unwrap().currency, "EUR");
}

#[test]
fn trap_ids_that_a_spreadsheet_shortened_refuse_the_file() {
    let text = orders(&[
        ["800100", "03/01/2026", "10:00 AM", "charged", "2", "$30.00"],
        ["1.23457E+11", "03/01/2026", "10:00 AM", "charged", "2", "$30.00"],
    ]);
    let failure = read_with("orders", &text, &context()).unwrap_err();
    assert!(
        matches!(failure, Failure::Malformed(why) if why.contains("line 3") && why.contains("1.23457E+11") && why.contains("as it came from SamCart"))
    );
}

#[test]
fn test_rows_are_left_out() {
    let settings = testing::context()
        .set("currency", "USD")
        .set_list("excluded_products", &["9"])
        .set_list("excluded_emails", &["@test.example"])
        .build();
    let text = "Order ID,Date,Total,Email,Product ID,Test Mode\n1,2026-03-01,1,a@example.org,9,\n2,2026-03-01,1,a@test.example,2,false\n\
                3,2026-03-01,1,a@example.org,2,true\n4,2026-03-01,1,a@example.org,2,live\n";
    let batch = read_with("orders", text, &settings).unwrap();
    assert_eq!((batch.changes.len(), batch.ignored), (1, 3));
}

#[test]
fn a_rebill_row_with_an_order_id_of_its_own_is_keyed_by_it() {
    let text = "Order ID,Date,Total,Email,Charge Type\n1,2026-03-01,30,a@example.org,recurring_subscription\n2,2026-04-01,30,a@example.org,Rebill\n";
    let mut ledger = Ledger::new();
    import(&mut ledger, text);
    assert_eq!(summary(&ledger), ["rebill order:2 30", "sale order:1 30"].map(|line| format!("{line}.00")));
}

#[test]
fn trap_an_export_of_one_month_does_not_replace_the_purchase() {
    let all = [
        ["1", "03/01/2026", "10:00 AM", "charged", "2", "$1.00"],
        ["1", "04/01/2026", "10:00 AM", "refunded", "2", "$30.00"],
    ];
    let expected = ["rebill rebill:1:2026-04-01 30.00", "refund refund:1:2:2026-04-01 30.00", "sale order:1 1.00"];
    let mut healed = Ledger::new();
    import(&mut healed, &orders(&all[1..]));
    import(&mut healed, &orders(&all));
    assert_eq!(summary(&healed), expected, "all time after one month");
    let mut kept = Ledger::new();
    import(&mut kept, &orders(&all));
    import(&mut kept, &orders(&[["1", "04/01/2026", "10:00 AM", "charged", "2", "$30.00"]]));
    assert_eq!(summary(&kept), expected, "one month after all time");
}

#[test]
fn trap_the_same_file_again_adds_nothing() {
    let text = include_str!("../../fixtures/sample/orders.csv");
    let mut ledger = Ledger::new();
    import(&mut ledger, text);
    let once = summary(&ledger);
    import(&mut ledger, text);
    assert_eq!(summary(&ledger), once);
    // Counted with a spreadsheet, not with this code.
    assert_eq!(net(&ledger), "4189.00");
    assert_eq!(ledger.entries().iter().filter(|entry| entry.key.kind == Kind::Refund).count(), 4);
}

// ---- subscriptions ----------------------------------------------------------------------------------------------------

const RECURRING: &str = include_str!("../../fixtures/recurring-subscriptions.csv");

fn estimating() -> Context {
    testing::context().now("2026-06-15T12:00:00").set("currency", "USD").set_flag("estimate_rebills", true).build()
}

#[test]
fn subscriptions_add_no_money() {
    let batch = read("recurring-subscriptions", RECURRING);
    assert!(batch.changes.is_empty());
    assert_eq!(batch.ignored, 1);
    assert!(batch.notes[0].contains("adds no money"));
}

#[test]
fn on_request_rebills_are_computed_and_marked() {
    let mut ledger = Ledger::new();
    let batch = read_with("recurring-subscriptions", RECURRING, &estimating()).unwrap();
    assert!(batch.notes[0].contains("estimated"));
    ledger.apply(&batch);
    assert_eq!(summary(&ledger), ["rebill rebill:5500:2026-04-01 30.00"], "two payments are one rebill");
    let entry = ledger.entries()[0];
    assert_eq!((tag(entry, "estimated"), tag(entry, "cycle")), (Some("true"), Some("2")));
    assert_eq!((&entry.at, entry.revision), (&Moment::Day("2026-04-01".into()), 0));
}

#[test]
fn payment_plans_end_and_odd_intervals_are_told() {
    let text = include_str!("../../fixtures/limited-subscriptions.csv");
    let batch = read_with("limited-subscriptions", text, &estimating()).unwrap();
    let mut ledger = Ledger::new();
    ledger.apply(&batch);
    assert_eq!(
        summary(&ledger),
        ["rebill rebill:820001:2026-02-28 49.00", "rebill rebill:820001:2026-03-31 49.00"],
        "of four payments by a plan of three, two are rebills"
    );
    assert_eq!(batch.ignored, 2);
    assert!(batch.notes.iter().any(|note| note.contains("only the first payment")));
    assert!(batch.notes.iter().any(|note| note.contains("`now and then`")));
}

#[test]
fn estimates_do_not_reach_into_the_future_or_beyond_the_end() {
    let text = "Subscription ID,Status,Email,Product,Start Date,End Date,Amount,Interval,Rebills\n\
                1,active,a@example.org,Tea,2026-04-01,,30,monthly,9\n2,canceled,b@example.org,Tea,2026-01-01,2026-02-15,30,monthly,9\n\
                3,active,c@example.org,Tea,2026-04-01,,1,daily,9\n";
    let batch = read_with("recurring-subscriptions", text, &estimating()).unwrap();
    let mut ledger = Ledger::new();
    ledger.apply(&batch);
    assert_eq!(
        summary(&ledger),
        ["rebill rebill:1:2026-05-01 30.00", "rebill rebill:1:2026-06-01 30.00", "rebill rebill:2:2026-02-01 30.00"]
    );
    assert!(batch.notes.iter().any(|note| note.contains("less than six days")));
}
