//! Webhooks and files about the same money, in either order.

use super::*;

/// What a door brings in.
enum Arrival {
    Hook(&'static str, String),
    File(String),
}
use Arrival::{File, Hook};

fn run(arrivals: &[&Arrival]) -> Ledger {
    let mut ledger = Ledger::new();
    for arrival in arrivals {
        match arrival {
            Hook(received, body) => drop(hook(&mut ledger, received, body).unwrap()),
            File(text) => import(&mut ledger, text),
        }
    }
    ledger
}

/// Runs webhooks and then the file, the file and then webhooks, and the file in the middle of everything twice.
fn in_any_order(hooks: &[Arrival], file: &Arrival, check: impl Fn(&Ledger, &str)) {
    let hooks: Vec<&Arrival> = hooks.iter().collect();
    let mut last: Vec<&Arrival> = hooks.clone();
    last.push(file);
    check(&run(&last), "webhooks, then file");
    let mut first = vec![file];
    first.extend(&hooks);
    check(&run(&first), "file, then webhooks");
    let mut twice = first.clone();
    twice.extend(&last);
    check(&run(&twice), "everything twice");
}

fn rebill(order: u32, more: &str) -> String {
    body("SubscriptionCharged", order, 4001, "30.00", "30.00", more)
}

#[test]
fn trap_a_body_without_date_gets_that_of_the_row() {
    let hooks = [Hook("2026-03-01T10:00:05", SALE.to_owned())];
    in_any_order(
        &hooks,
        &File(orders(&[["800100", "03/01/2026", "10:00 AM", "charged", "4001", "$30.00"]])),
        |ledger, how| {
            assert_eq!(summary(ledger), ["sale order:800100 30.00"], "{how}");
            assert_eq!(ledger.entries()[0].at, Moment::Local("2026-03-01T10:00:00".into()), "{how}");
        },
    );
}

#[test]
fn trap_the_row_is_right_about_the_amount() {
    let hooks = [Hook("2026-03-01T10:00:00", body("Order", 1, 2, "30.00", "30.00", ""))];
    let file = File(orders(&[
        ["1", "03/01/2026", "10:00 AM", "charged", "2", "$30.00"],
        ["1", "03/01/2026", "10:04 AM", "charged", "3", "$97.00"],
    ]));
    in_any_order(&hooks, &file, |ledger, how| assert_eq!(summary(ledger), ["sale order:1 127.00"], "{how}"));
}

#[test]
fn trap_all_time_overlaps_the_webhooks() {
    let hooks =
        [Hook("2026-03-01T10:00:05", SALE.to_owned()), Hook("2026-04-01T10:01:05", rebill(800100, SUBSCRIPTION))];
    in_any_order(&hooks, &File(ORDERS_2016.to_owned()), |ledger, how| {
        assert_eq!(net(ledger), "60.00", "{how}");
        assert_eq!(ledger.entries().len(), 4, "{how}");
        assert!(ledger.entries().iter().all(|entry| entry.at != Moment::Received), "{how}: the file knows the times");
    });
}

#[test]
fn trap_zones_move_a_rebill_by_a_day() {
    // 02:30 UTC on the 2nd is still the 1st in America, and 23:30 UTC on the 31st already the 1st in Asia.
    for received in ["2026-04-02T02:30:00", "2026-03-31T23:30:00"] {
        let hooks = [Hook(received, rebill(800100, SUBSCRIPTION))];
        in_any_order(&hooks, &File(ORDERS_2016.to_owned()), |ledger, how| {
            assert_eq!(net(ledger), "60.00", "{how}, {received}");
        });
    }
}

#[test]
fn trap_the_rebill_says_order_and_the_file_knows_it() {
    let hooks = [Hook("2026-03-01T10:00:05", SALE.to_owned()), Hook("2026-04-01T10:01:05", SALE.to_owned())];
    in_any_order(&hooks, &File(ORDERS_2016.to_owned()), |ledger, how| assert_eq!(net(ledger), "60.00", "{how}"));
}

#[test]
fn trap_the_rebill_has_an_order_id_of_its_own() {
    let hooks =
        [Hook("2026-03-01T10:00:05", SALE.to_owned()), Hook("2026-04-01T10:01:05", rebill(900200, SUBSCRIPTION))];
    let file = File(orders(&[
        ["800100", "03/01/2026", "10:00 AM", "charged", "4001", "$30.00"],
        ["900200", "04/01/2026", "10:01 AM", "charged", "4001", "$30.00"],
    ]));
    in_any_order(&hooks, &file, |ledger, how| {
        assert_eq!(net(ledger), "60.00", "{how}");
        let rebills = ledger.entries().iter().filter(|entry| entry.billing == Billing::Rebill).count();
        assert_eq!(rebills, 1, "{how}: the row does not know that it is a rebill, the webhook does");
    });
}

#[test]
fn trap_neighbours_of_weekly_and_daily_subscriptions() {
    for step in [7, 1] {
        let days: Vec<u32> = (0..4).map(|week| 1 + week * step).collect();
        let rows: Vec<[String; 6]> = days
            .iter()
            .map(|day| {
                ["800100", &format!("06/{day:02}/2026"), "10:00 AM", "charged", "4001", "$30.00"].map(str::to_owned)
            })
            .collect();
        let rows: Vec<[&str; 6]> = rows.iter().map(|row| row.each_ref().map(String::as_str)).collect();
        let received: Vec<&'static str> = match step {
            7 => vec!["2026-06-01T10:00:00", "2026-06-08T10:00:00", "2026-06-15T10:00:00", "2026-06-22T10:00:00"],
            _ => vec!["2026-06-01T10:00:00", "2026-06-02T10:00:00", "2026-06-03T10:00:00", "2026-06-04T10:00:00"],
        };
        let hooks: Vec<Arrival> = received
            .iter()
            .enumerate()
            .map(|(position, at)| Hook(at, if position == 0 { SALE.to_owned() } else { rebill(800100, SUBSCRIPTION) }))
            .collect();
        in_any_order(&hooks, &File(orders(&rows)), |ledger, how| {
            assert_eq!(net(ledger), "120.00", "{how}, every {step} days");
        });
    }
}

#[test]
fn trap_an_export_of_one_month_after_webhooks() {
    let ledger = run(&[
        &Hook("2026-03-01T10:00:05", SALE.to_owned()),
        &Hook("2026-04-01T10:01:05", rebill(800100, SUBSCRIPTION)),
        &File(orders(&[["800100", "04/01/2026", "10:01 AM", "charged", "4001", "$30.00"]])),
    ]);
    assert_eq!(summary(&ledger), ["rebill rebill:5500:2026-04-01 30.00", "sale order:800100 30.00"]);
}

#[test]
fn a_refund_is_counted_once_and_dated_by_the_webhook() {
    let hooks = [
        Hook("2026-03-05T14:30:05", body("Order", 800101, 4002, "20.00", "20.00", "")),
        Hook("2026-03-15T09:00:00", body("ProductRefunded", 800101, 4002, "20.00", "20.00", "")),
    ];
    in_any_order(&hooks, &File(ORDERS_2016.to_owned()), |ledger, how| {
        let refunds: Vec<_> =
            ledger.entries().into_iter().filter(|entry| entry.key.kind == Kind::Refund).cloned().collect();
        assert_eq!(refunds.len(), 1, "{how}");
        assert_eq!(refunds[0].amounts.total, Decimal::whole(20), "{how}");
        assert_eq!(refunds[0].at, Moment::Received, "{how}: the file knows only the day of the order");
    });
}

#[test]
fn a_partial_refund_is_counted_once() {
    let refund = body("ProductPartiallyRefunded", 1, 2, "30.00", "30.00", r#","refund":{"id":5,"amount":"10.00"}"#);
    let hooks =
        [Hook("2026-03-01T10:00:00", body("Order", 1, 2, "30.00", "30.00", "")), Hook("2026-03-15T09:00:00", refund)];
    let file = "Order ID,Order Date,Order Status,Product ID,Price,Customer Email,Refund Amount\n\
                1,03/01/2026,partially_refunded,2,$30.00,ada@example.org,$10.00\n";
    in_any_order(&hooks, &File(file.to_owned()), |ledger, how| {
        assert_eq!(net(ledger), "20.00", "{how}");
        assert_eq!(ledger.entries().len(), 2, "{how}");
    });
}

#[test]
fn a_refund_in_two_parts_is_not_counted_three_times() {
    let part = |id: u32, amount: &str| {
        body(
            "ProductPartiallyRefunded",
            1,
            2,
            "30.00",
            "30.00",
            &format!(r#","refund":{{"id":{id},"amount":"{amount}"}}"#),
        )
    };
    let hooks = [
        Hook("2026-03-01T10:00:00", body("Order", 1, 2, "30.00", "30.00", "")),
        Hook("2026-03-05T09:00:00", part(5, "5.00")),
        Hook("2026-03-06T09:00:00", part(6, "7.00")),
    ];
    let file = "Order ID,Order Date,Order Status,Product ID,Price,Customer Email,Refund Amount,Refund Date\n\
                1,03/01/2026,partially_refunded,2,$30.00,ada@example.org,$12.00,03/06/2026\n";
    in_any_order(&hooks, &File(file.to_owned()), |ledger, how| assert_eq!(net(ledger), "18.00", "{how}"));
}

#[test]
fn refunds_of_purchase_and_rebill_meet_theirs() {
    let refund = |id: u32| {
        body("SubscriptionChargeRefunded", 800100, 4001, "30.00", "30.00", &format!(r#","refund":{{"id":{id}}}"#))
    };
    let hooks = [
        Hook("2026-03-01T10:00:05", SALE.to_owned()),
        Hook("2026-04-01T10:01:05", rebill(800100, SUBSCRIPTION)),
        Hook("2026-04-03T10:00:00", refund(1)),
        Hook("2026-04-03T10:00:09", refund(2)),
    ];
    let file = File(orders(&[
        ["800100", "03/01/2026", "10:00 AM", "refunded", "4001", "$30.00"],
        ["800100", "04/01/2026", "10:01 AM", "refunded", "4001", "$30.00"],
    ]));
    in_any_order(&hooks, &file, |ledger, how| {
        assert_eq!(net(ledger), "0.00", "{how}");
        assert_eq!(ledger.entries().len(), 4, "{how}");
    });
}

#[test]
fn a_real_rebill_takes_the_place_of_an_estimate() {
    let estimating =
        testing::context().now("2026-06-15T12:00:00").set("currency", "USD").set_flag("estimate_rebills", true).build();
    let text = include_str!("../../fixtures/recurring-subscriptions.csv");
    let batch = read_with("recurring-subscriptions", text, &estimating).unwrap();
    let real = rebill(800100, "").replace("Product 4001", "Tea club");
    for (received, entries) in [("2026-03-27T10:00:00", 1), ("2026-04-06T10:00:00", 1), ("2026-04-07T10:00:00", 2)] {
        let mut ledger = Ledger::new();
        ledger.apply(&batch);
        hook(&mut ledger, received, &real).unwrap();
        ledger.apply(&batch);
        assert_eq!(ledger.entries().len(), entries, "{received}");
        let estimated = ledger.entries().iter().filter(|entry| tag(entry, "estimated").is_some()).count();
        assert_eq!(estimated, entries - 1, "{received}");
        let mut reverse = Ledger::new();
        hook(&mut reverse, received, &real).unwrap();
        reverse.apply(&batch);
        assert_eq!(reverse.entries().len(), entries, "{received}, the other way round");
    }
}

#[test]
fn the_sample_for_newcomers_holds_together() {
    let mut ledger = Ledger::new();
    import(&mut ledger, include_str!("../../fixtures/sample/orders.csv"));
    let before = net(&ledger);
    let purchased = include_str!("../../fixtures/sample/1-product-purchased.json");
    let refunded = include_str!("../../fixtures/sample/3-product-refunded.json");
    let canceled = include_str!("../../fixtures/sample/4-subscription-canceled.json");
    hook(&mut ledger, "2026-11-02T10:00:00", purchased).unwrap();
    hook(&mut ledger, "2026-11-02T10:00:00", refunded).unwrap();
    assert!(matches!(hook(&mut ledger, "2026-11-02T10:00:00", canceled), Ok(Outcome::Ignored(_))));
    assert_eq!(net(&ledger), before, "the file has told all this");
    hook(&mut ledger, "2026-11-23T07:43:00", include_str!("../../fixtures/sample/2-subscription-charged.json"))
        .unwrap();
    assert_eq!(
        ledger
            .entries()
            .iter()
            .filter(|entry| entry.at == Moment::Received && entry.billing == Billing::Rebill)
            .count(),
        1
    );
}
