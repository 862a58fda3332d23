//! The API, against a ThriveCart in memory. After each run the ledger must hold what that ThriveCart says, to the cent.

use ltv_connector::testing::{self, Ledger};
use ltv_platforms::thrivecart::{Beyond, Event, Kind as What, ThriveCart as Account, Totals, Transaction};
use ltv_platforms::{Answer, Fault, Faults, Money, Platform, Wire, money, native};

use super::*;

const KEY: &str = "tc_live_key";

fn with_key() -> Context {
    testing::context().now("2026-06-01T12:00:00").secret("api_key").build()
}

fn poll(ledger: &mut Ledger, platform: &mut impl Platform, task: Task) -> Result<Outcome, Failure> {
    poll_with(ledger, platform, task, &with_key())
}

fn poll_with(
    ledger: &mut Ledger,
    platform: &mut impl Platform,
    task: Task,
    context: &Context,
) -> Result<Outcome, Failure> {
    ledger.poll::<ThriveCart>(task, context, native::answers(platform, &[("api_key", KEY)]))
}

fn window(first: &str, last: &str) -> Task {
    Task::Sync(testing::window(Axis::Created, first, last))
}

/// From long ago until now.
fn all() -> Task {
    window("2020-01-01", "2026-06-01")
}

fn synced(outcome: Result<Outcome, Failure>) -> Coverage {
    match outcome {
        Ok(Outcome::Synced(coverage)) => coverage,
        other => panic!("not synced: {other:?}"),
    }
}

fn holdings(ledger: &Ledger) -> Vec<Money> {
    let mut holdings: Vec<Money> = ledger.entries().into_iter().map(money).collect();
    holdings.sort();
    holdings
}

/// Reads everything, and compares it with the account's own truth.
fn in_full(platform: &mut Faults<Account>) -> Coverage {
    let mut ledger = Ledger::new();
    let coverage = synced(poll(&mut ledger, platform, all()));
    assert_eq!(ledger.rejects, []);
    assert_eq!(holdings(&ledger), platform.platform.truth());
    coverage
}

/// Orders with bumps, upsells, rebills, refunds whole and in part, a cancellation and a test.
fn garden() -> Vec<Transaction> {
    let one = Transaction::new;
    vec![
        one(1, 600_100, What::Charge, "2026-03-01T10:00:00", 10_000),
        one(2, 600_100, What::Charge, "2026-03-01T10:00:00", 1_900).item("bump"),
        one(3, 600_101, What::Charge, "2026-03-02T23:50:00", 3_700).email("bo@example.org"),
        // An upsell after midnight.
        one(4, 600_101, What::Charge, "2026-03-03T00:10:00", 2_000).email("bo@example.org").item("upsell"),
        one(5, 600_100, What::Rebill, "2026-04-01T10:00:05", 10_000).of_rebill(1),
        one(6, 600_101, What::Refund, "2026-04-05T08:00:00", 500).email("bo@example.org"),
        one(7, 600_101, What::Refund, "2026-04-05T09:00:00", 500).email("bo@example.org"),
        one(8, 600_100, What::Rebill, "2026-05-01T23:59:58", 10_000).of_rebill(2),
        one(9, 600_100, What::Refund, "2026-05-03T08:00:00", 10_000).of_rebill(2),
        one(10, 600_100, What::Cancel, "2026-05-03T08:00:01", 0),
        one(11, 600_102, What::Charge, "2026-05-04T08:00:01", 9_900).test(),
    ]
}

/// So many orders of one item, an hour apart, the last a little before now.
fn many(count: u64) -> Vec<Transaction> {
    let order = |number: u64| {
        let mut one = Transaction::new(number, 700_000 + number, What::Charge, "2026-06-01T11:00:00", 1_000);
        one.unix_s -= i64::try_from(count - number).expect("few") * 3_600;
        one.cents += i64::try_from(number).expect("few");
        one
    };
    (1..=count).map(order).collect()
}

fn account(transactions: Vec<Transaction>) -> Faults<Account> {
    Faults::none(Account::new(KEY, transactions))
}

#[test]
fn back_fill_equals_the_truth_to_the_cent() {
    let mut platform = account(garden());
    let coverage = in_full(&mut platform);
    assert!(coverage.complete);
    assert_eq!((coverage.axis, coverage.note), (Axis::Created, None));
    let tally = Tally { collection: "transactions".into(), announced: None, received: 10 };
    assert_eq!(coverage.tallies, [tally], "the cancellation counts, the test is not in the list");
    let asked = &platform.calls[0];
    assert_eq!((asked.header("x-tc-mode"), asked.bearer()), (Some("live"), Some(KEY)));
    assert_eq!(asked.parameter("perPage").as_deref(), Some("100"));
}

#[test]
fn items_products_and_people_are_told() {
    let mut ledger = Ledger::new();
    synced(poll(&mut ledger, &mut account(garden()), all()));
    let sale = ledger.get(Kind::Sale, "charge:600100").expect("the order");
    let lines: Vec<_> = sale.lines.iter().map(|line| (line.product_id.as_deref(), line.amount)).collect();
    assert_eq!(lines, [(Some("product-5"), Decimal::whole(100)), (Some("bump-5"), Decimal::whole(19))]);
    assert_eq!((sale.customer.email.as_deref(), sale.billing), (Some("ada@example.org"), Billing::Initial));
    assert_eq!((tag(sale, "order-number"), tag(sale, "coupon")), (Some("600100"), None));
    let rebill = ledger.get(Kind::Sale, "rebill:5").expect("the rebill");
    assert_eq!((rebill.billing, tag(rebill, "subscription")), (Billing::Rebill, Some("sub_600100")));
}

#[test]
fn an_empty_account_is_complete() {
    let coverage = in_full(&mut account(Vec::new()));
    assert!(coverage.complete);
    assert_eq!(coverage.tallies[0].received, 0);
}

#[test]
fn every_page_is_read() {
    for count in [99, 100, 101, 200, 1_234] {
        assert!(in_full(&mut account(many(count))).complete, "{count}");
    }
}

#[test]
fn whatever_comes_beyond_the_last_page() {
    for beyond in [Beyond::Empty, Beyond::Last, Beyond::First] {
        for count in [7, 100, 101, 200, 250] {
            let mut platform = account(many(count));
            platform.platform.beyond = beyond;
            assert!(in_full(&mut platform).complete, "{beyond:?}, {count}");
        }
    }
}

#[test]
fn one_orders_items_on_two_pages_are_one_sale() {
    let mut transactions = many(150);
    let split = transactions[50].clone();
    // Rows 99 to 101 from the top, all of one order.
    for (event, item) in [(901, "bump"), (902, "upsell")] {
        transactions.push(Transaction { event, item, cents: 1, ..split.clone() });
    }
    let mut platform = account(transactions);
    in_full(&mut platform);
    assert!(platform.platform.truth().iter().any(|sale| sale.id == "charge:700051" && sale.total == "10.53"));
}

// ---- windows ----------------------------------------------------------------------------------------------------------

#[test]
fn a_recent_window_stops_where_it_begins() {
    let mut platform = account(many(5_000));
    let mut ledger = Ledger::new();
    let coverage = synced(poll(&mut ledger, &mut platform, window("2026-05-30", "2026-06-01")));
    assert!(coverage.complete);
    assert_eq!(platform.calls.len(), 1, "the newest hundred reach four days back");
    assert_eq!(coverage.tallies[0].received, 60);
    assert_eq!(ledger.entries().len(), 60);
}

#[test]
fn windows_of_the_past_are_found_and_together_are_the_truth() {
    for (totals, beyond) in
        [(Totals::Told, Beyond::Empty), (Totals::Absent, Beyond::Last), (Totals::Stale(3), Beyond::First)]
    {
        let mut platform = account(many(4_000));
        (platform.platform.totals, platform.platform.beyond) = (totals, beyond);
        let mut ledger = Ledger::new();
        let months = ["2025-12", "2026-01", "2026-02", "2026-03", "2026-04", "2026-05"];
        for (month, next) in months.iter().zip(months.iter().skip(1).chain(&["2026-06"])) {
            let last = dates::Day::parse(&format!("{next}-01")).expect("a day").plus(-1).to_string();
            let before = platform.calls.len();
            let coverage = synced(poll(&mut ledger, &mut platform, window(&format!("{month}-01"), &last)));
            assert!(coverage.complete);
            assert!(platform.calls.len() - before < 25, "{month}: {}", platform.calls.len() - before);
        }
        synced(poll(&mut ledger, &mut platform, window("2026-06-01", "2026-06-01")));
        assert_eq!(holdings(&ledger), platform.platform.truth(), "{totals:?}, {beyond:?}");
    }
}

#[test]
fn an_order_over_the_edge_of_a_window_is_whole_in_both() {
    let edge = vec![
        Transaction::new(1, 600_100, What::Charge, "2026-02-28T23:58:00", 10_000),
        Transaction::new(2, 600_100, What::Charge, "2026-03-01T00:02:00", 2_500).item("upsell"),
    ];
    for windows in [["2026-02", "2026-03"], ["2026-03", "2026-02"], ["2026-03", "2026-03"]] {
        let mut platform = account(edge.clone());
        let mut ledger = Ledger::new();
        for month in windows {
            synced(poll(&mut ledger, &mut platform, window(&format!("{month}-01"), &format!("{month}-28"))));
        }
        assert_eq!(holdings(&ledger), platform.platform.truth(), "{windows:?}");
    }
}

#[test]
fn what_is_called_a_charge_days_later_is_a_rebill() {
    let late = vec![
        Transaction::new(1, 600_100, What::Charge, "2026-03-01T10:00:00", 10_000),
        Transaction::new(2, 600_100, What::Charge, "2026-03-08T10:00:00", 10_000),
    ];
    let mut ledger = Ledger::new();
    synced(poll(&mut ledger, &mut account(late), all()));
    let told: Vec<_> = ledger.entries().iter().map(|entry| (entry.key.id.as_str(), entry.billing)).collect();
    assert_eq!(told, [("charge:600100", Billing::Initial), ("rebill:2", Billing::Rebill)]);
}

// ---- a list that moves -----------------------------------------------------------------------------------------------

fn newcomer(event: u64) -> Transaction {
    Transaction::new(event, 800_000 + event, What::Charge, "2026-06-01T11:30:00", 777)
}

#[test]
fn new_transactions_push_rows_down_and_none_is_lost() {
    for totals in [Totals::Told, Totals::Absent, Totals::Stale(1_000)] {
        let mut platform = account(many(1_000));
        platform.platform.totals = totals;
        for request in 1..8 {
            for sibling in 0..7 {
                let event = Event::Added(newcomer(20_000 + u64::try_from(request * 10 + sibling).expect("few")));
                platform.platform.events.push((request, event));
            }
        }
        let mut ledger = Ledger::new();
        assert!(synced(poll(&mut ledger, &mut platform, all())).complete, "{totals:?}");
        let known = holdings(&ledger);
        assert!(platform.platform.truth().iter().filter(|one| one.total != "7.77").all(|one| known.contains(one)));
        // The next pass meets those that came while the first one ran.
        synced(poll(&mut ledger, &mut platform, window("2026-06-01", "2026-06-01")));
        assert_eq!(holdings(&ledger), platform.platform.truth(), "{totals:?}");
    }
}

#[test]
fn a_whole_page_of_new_transactions_is_not_the_end() {
    for request in 1..4 {
        let mut platform = account(many(400));
        platform.platform.events = (0..100).map(|number| (request, Event::Added(newcomer(30_000 + number)))).collect();
        let mut ledger = Ledger::new();
        assert!(synced(poll(&mut ledger, &mut platform, all())).complete);
        synced(poll(&mut ledger, &mut platform, window("2026-06-01", "2026-06-01")));
        assert_eq!(holdings(&ledger), platform.platform.truth(), "before request {request}");
    }
}

#[test]
fn two_pages_of_new_transactions_at_once_are_not_the_end() {
    for totals in [Totals::Told, Totals::Absent] {
        let mut platform = account(many(16));
        platform.platform.totals = totals;
        // Three requests find that pages of twelve are bearable. Before the sixth, two pages and a half become four and a half:
        // what was the first and the second page comes again.
        platform.platform.per_page_bearable = 12;
        let newcomers =
            |request, from: u64, count| (0..count).map(move |n| (request, Event::Added(newcomer(from + n))));
        platform.platform.events = newcomers(0, 40_000, 9).chain(newcomers(5, 50_000, 24)).collect();
        let mut ledger = Ledger::new();
        assert!(synced(poll(&mut ledger, &mut platform, all())).complete, "{totals:?}");
        let known = holdings(&ledger);
        assert!(platform.platform.truth().iter().filter(|one| one.total != "7.77").all(|one| known.contains(one)));
    }
}

#[test]
fn a_gap_is_seen_and_the_walk_begins_again() {
    let mut platform = account(many(300));
    // The newest goes after the first page: the first of the second page moves to the first one, unseen.
    platform.platform.events = vec![(1, Event::Removed(300))];
    let mut ledger = Ledger::new();
    let coverage = synced(poll(&mut ledger, &mut platform, all()));
    assert!(coverage.complete, "{coverage:?}");
    assert_eq!(platform.calls.len(), 2 + 4, "two pages, and then all of them");
    assert_eq!(ledger.entries().len(), 300, "no transaction is lost; one was seen before it went");
}

#[test]
fn a_list_that_never_holds_still_is_not_complete() {
    let mut platform = account(many(300));
    platform.platform.events =
        (1..=20).map(|number| (number, Event::Removed(u64::try_from(number).expect("few")))).collect();
    let coverage = synced(poll(&mut Ledger::new(), &mut platform, all()));
    assert!(!coverage.complete);
    assert!(coverage.note.is_some_and(|note| note.contains("shrank")));
}

#[test]
fn a_list_out_of_order_is_read_whole() {
    // The oldest first; three months with the newest in the middle.
    let rising = many(350);
    let mut mixed = many(2_000);
    mixed.rotate_left(1_100);
    for transactions in [rising, mixed] {
        let mut platform = account(transactions);
        platform.platform.unsorted = true;
        let mut ledger = Ledger::new();
        let coverage = synced(poll(&mut ledger, &mut platform, window("2026-05-20", "2026-05-25")));
        assert!(coverage.complete && coverage.note.is_some_and(|note| note.contains("order of time")));
        assert_eq!(coverage.tallies[0].received, 6 * 24);
        assert_eq!(ledger.entries().len(), 6 * 24);
    }
}

// ---- all doors -------------------------------------------------------------------------------------------------------

/// One of the ways by which money comes in.
fn come(ledger: &mut Ledger, platform: &mut Faults<Account>, door: usize, variant: (bool, bool)) {
    let (event_ids, invoices) = variant;
    match door {
        0 => {
            for body in platform.platform.webhooks("WORD", event_ids) {
                ledger.receive::<ThriveCart>(&delivery(&body), &context()).expect("it is read");
            }
        }
        1 => drop(synced(poll(ledger, platform, all()))),
        _ => ledger.apply(&file("orders", &platform.platform.orders_csv(invoices), &context())),
    }
}

#[test]
fn webhooks_api_and_files_count_once_in_every_order() {
    for variant in [(true, true), (true, false), (false, true), (false, false)] {
        for doors in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            let mut platform = account(garden());
            let mut ledger = Ledger::new();
            for door in doors.into_iter().chain(doors) {
                come(&mut ledger, &mut platform, door, variant);
                let told: Vec<_> =
                    holdings(&ledger).into_iter().map(|one| (one.kind, one.currency, one.total)).collect();
                let mut truth: Vec<_> =
                    platform.platform.truth().into_iter().map(|one| (one.kind, one.currency, one.total)).collect();
                truth.sort();
                let mut sorted = told;
                sorted.sort();
                assert_eq!(sorted, truth, "{doors:?} {variant:?}, after {door}");
            }
            // The exact times stand in the end, whatever came last.
            let times = |money: Vec<Money>| {
                let mut times: Vec<_> = money.into_iter().map(|one| (one.at, one.total)).collect();
                times.sort();
                times
            };
            assert_eq!(times(holdings(&ledger)), times(platform.platform.truth()), "{doors:?} {variant:?}");
        }
    }
}

#[test]
fn a_webhook_knows_more_than_the_list_and_stays() {
    let list = vec![Transaction::new(1, 600_100, What::Charge, "2026-03-01T10:00:00", 11_900)];
    for webhook_first in [true, false] {
        let mut ledger = Ledger::new();
        for webhook in [webhook_first, !webhook_first] {
            if webhook {
                ledger.receive::<ThriveCart>(&delivery(SUCCESS), &context()).expect("it is read");
            } else {
                synced(poll(&mut ledger, &mut account(list.clone()), all()));
            }
        }
        let sale = ledger.get(Kind::Sale, "charge:600100").expect("the order");
        assert_eq!((sale.amounts.tax, tag(sale, "country")), (Some(Decimal::whole(19)), Some("DE")));
    }
}

#[test]
fn an_upsell_that_no_webhook_told_raises_the_total() {
    let list = vec![
        Transaction::new(1, 600_100, What::Charge, "2026-03-01T10:00:00", 11_900),
        Transaction::new(2, 600_100, What::Charge, "2026-03-01T10:05:00", 3_000).item("upsell"),
    ];
    for webhook_first in [true, false] {
        let mut ledger = Ledger::new();
        for webhook in [webhook_first, !webhook_first] {
            if webhook {
                ledger.receive::<ThriveCart>(&delivery(SUCCESS), &context()).expect("it is read");
            } else {
                synced(poll(&mut ledger, &mut account(list.clone()), all()));
            }
        }
        assert_eq!(ledger.entries().len(), 1);
        assert_eq!(ledger.entries()[0].amounts.total, Decimal::whole(149));
    }
}

#[test]
fn clocks_may_differ_at_midnight() {
    // 23:59:58 in the list, two seconds after midnight in the webhook.
    let list = vec![Transaction::new(5, 600_100, What::Rebill, "2026-03-31T23:59:58", 11_900).of_rebill(1)];
    let hook = with(REBILL, &[("date_unix", ""), ("date", "2026-04-01 00:00:00")]);
    for webhook_first in [true, false] {
        let mut ledger = Ledger::new();
        for webhook in [webhook_first, !webhook_first] {
            if webhook {
                ledger.receive::<ThriveCart>(&delivery(&hook), &context()).expect("it is read");
            } else {
                synced(poll(&mut ledger, &mut account(list.clone()), all()));
            }
        }
        assert_eq!(ledger.entries().len(), 1, "webhook first: {webhook_first}");
    }
}

#[test]
fn test_orders_are_left_out_even_where_the_list_shows_them() {
    let mut row = Account::new(KEY, garden());
    // A list that does not look at the mode.
    row.transactions.iter_mut().for_each(|one| one.live = true);
    let mut tests = serde_json::json!({"transactions": [], "meta": {"total": 2}});
    for (mode, number) in [("test", 1), ("live", 2)] {
        let order = format!("60010{number}");
        tests["transactions"].as_array_mut().expect("a list").push(serde_json::json!({
            "event_id": number.to_string(), "order_id": order, "transaction_type": "charge", "timestamp": 1_772_359_200,
            "amount": 4_900, "currency": "EUR", "mode": mode, "mode_int": number, "item_type": "product", "item_id": 5,
        }));
    }
    let mut platform = Faults::none(row).at(0, Fault::Instead(Answer::json(200, &tests)));
    let mut ledger = Ledger::new();
    platform.platform.transactions.clear();
    let coverage = synced(poll(&mut ledger, &mut platform, all()));
    assert_eq!(ledger.entries().iter().map(|entry| entry.key.id.as_str()).collect::<Vec<_>>(), ["charge:600102"]);
    assert!(coverage.note.is_some_and(|note| note.starts_with("1 transactions marked as tests")));
}

// ---- faults ----------------------------------------------------------------------------------------------------------

#[test]
fn without_a_key_the_operator_is_told_where_to_get_one() {
    for task in [Task::Check, all()] {
        let outcome = poll_with(&mut Ledger::new(), &mut account(garden()), task, &context());
        assert!(matches!(&outcome, Err(Failure::Settings(why)) if why.contains("API tokens")), "{outcome:?}");
    }
}

#[test]
fn check_shows_the_account_and_the_newest_transaction() {
    let outcome = poll(&mut Ledger::new(), &mut account(garden()), Task::Check);
    let lines = ["account: garden-demo", "newest transaction: 2026-05-03T08:00:01Z"].map(str::to_owned);
    assert_eq!(outcome, Ok(Outcome::Checked(lines.to_vec())));
    let outcome = poll(&mut Ledger::new(), &mut account(Vec::new()), Task::Check);
    assert!(matches!(outcome, Ok(Outcome::Checked(lines)) if lines[1] == "no transactions yet"));
}

#[test]
fn a_refused_key_stops_with_thrivecarts_own_words() {
    for task in [Task::Check, all()] {
        let mut platform = account(garden());
        platform.platform.key = "another".into();
        let outcome = poll(&mut Ledger::new(), &mut platform, task);
        let Err(Failure::Unauthorized(why)) = outcome else { panic!("{outcome:?}") };
        assert!(why.contains("The access token provided is invalid") && why.contains("API tokens"), "{why}");
        assert!(!why.contains(KEY));
    }
}

fn failing(fault: Fault) -> Failure {
    let mut platform = account(many(250)).from(1, 1_000, fault);
    let mut ledger = Ledger::new();
    let failure = poll(&mut ledger, &mut platform, all()).expect_err("a failure");
    // Once it is over, the task begins anew and reads everything.
    let mut platform = Faults::none(platform.platform);
    assert!(synced(poll(&mut ledger, &mut platform, all())).complete);
    assert_eq!(holdings(&ledger), platform.platform.truth());
    failure
}

#[test]
fn too_many_requests_wait_as_long_as_asked() {
    let answer = Answer::json(429, &serde_json::json!({"error": "rate_limited"})).header("retry-after", 17);
    let failure = failing(Fault::Instead(answer));
    assert!(matches!(failure, Failure::Throttled(Pause { after_ms: Some(17_000), .. })), "{failure:?}");
}

#[test]
fn a_broken_server_is_waited_for() {
    let failure = failing(Fault::Instead(Answer::json(500, &serde_json::json!({"error": "oops"}))));
    assert!(matches!(&failure, Failure::Unavailable(why) if why.message == "ThriveCart answered with HTTP 500: oops"));
}

#[test]
fn a_page_instead_of_the_list_is_named_as_such() {
    for status in [200, 403, 503] {
        let failure = failing(Fault::Instead(Answer::html(status, "<h1>Just a moment</h1>")));
        let Failure::Unavailable(pause) = failure else { panic!("{status}: {failure:?}") };
        assert!(pause.message.contains("page answered instead of ThriveCart"), "{}", pause.message);
        assert!(pause.message.contains("Just a moment"), "{}", pause.message);
    }
}

#[test]
fn a_body_cut_off_is_a_passing_fault() {
    let failure = failing(Fault::Sent(Wire::CutOff(300)));
    assert!(matches!(failure, Failure::Unavailable(_)), "{failure:?}");
    let half = Answer::new(200, "application/json", r#"{"transactions":[{"event_id":"1","#);
    assert!(matches!(failing(Fault::Instead(half)), Failure::Unavailable(_)));
}

#[test]
fn an_object_without_a_list_is_no_empty_account() {
    let failure = failing(Fault::Instead(Answer::json(200, &serde_json::json!({"error": "maintenance"}))));
    assert!(matches!(&failure, Failure::Malformed(why) if why.contains("maintenance")), "{failure:?}");
}

#[test]
fn pages_that_take_too_long_get_smaller_and_stay_so() {
    let mut platform = account(many(240));
    platform.platform.per_page_bearable = 30;
    let mut ledger = Ledger::new();
    assert!(synced(poll(&mut ledger, &mut platform, all())).complete);
    assert_eq!(holdings(&ledger), platform.platform.truth());
    let memory = ledger.memory.clone().expect("the size that works");
    let calls = platform.calls.len();
    let context = testing::context().now("2026-06-01T12:00:00").secret("api_key").memory(&memory).build();
    synced(poll_with(&mut ledger, &mut platform, all(), &context));
    assert_eq!(platform.calls.get(calls).and_then(|call| call.parameter("perPage")).as_deref(), Some("25"));
}

#[test]
fn silence_is_answered_with_smaller_pages_and_then_a_failure() {
    let mut platform = account(many(250)).from(0, 1_000, Fault::Sent(Wire::Silent(1)));
    let failure = poll(&mut Ledger::new(), &mut platform, all()).expect_err("a failure");
    assert!(matches!(&failure, Failure::Unavailable(why) if why.message.contains("in time")), "{failure:?}");
    let sizes: Vec<String> = platform.calls.iter().filter_map(|call| call.parameter("perPage")).collect();
    assert_eq!(sizes, ["100", "50", "25", "12", "10"]);
}

#[test]
fn a_row_that_cannot_be_read_is_kept_for_a_person() {
    let rows = serde_json::json!({"transactions": [
        {"event_id": "1", "order_id": "7", "transaction_type": "voucher", "timestamp": 1_772_359_200, "amount": 1},
        {"event_id": "2", "order_id": "7", "transaction_type": "charge", "timestamp": 1_772_359_200, "amount": "much"},
        {"event_id": "3", "order_id": "7", "transaction_type": "charge", "amount": 100},
        {"event_id": "4", "transaction_type": "refund", "timestamp": 1_772_359_200, "amount": 100, "currency": "EUR"},
        {"event_id": "5", "order_id": "8", "transaction_type": "charge", "timestamp": 1_772_359_200, "amount": 100},
        {"event_id": "6", "order_id": "9", "transaction_type": "charge", "timestamp": 1_772_359_200, "amount": -5,
         "currency": "EUR"},
    ]});
    let mut platform = account(Vec::new()).at(0, Fault::Instead(Answer::json(200, &rows)));
    let mut ledger = Ledger::new();
    let coverage = synced(poll(&mut ledger, &mut platform, all()));
    assert_eq!((coverage.complete, coverage.tallies[0].received), (true, 6));
    assert!(ledger.entries().is_empty());
    let mut told: Vec<_> =
        ledger.rejects.iter().map(|reject| (reject.id.as_deref(), reject.field.as_deref())).collect();
    told.sort_unstable();
    let field = |id, field| (Some(id), Some(field));
    assert_eq!(
        told,
        [
            field("1", "transaction_type"),
            field("2", "amount"),
            field("3", "timestamp"),
            field("4", "order_id"),
            field("5", "currency"),
            field("6", "amount"),
        ]
    );
}

// ---- any interleaving --------------------------------------------------------------------------------------------------

use proptest::prelude::{Just, ProptestConfig, any, prop_oneof};

proptest::proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever arrives while pages are turned, each window once and then the last one again end in the truth.
    #[test]
    fn passes_end_in_the_truth_whatever_arrives(
        count in 0_u64..420,
        arrivals in proptest::collection::vec((0_usize..12, 1_u64..90), 0..6),
        totals in prop_oneof![Just(Totals::Told), Just(Totals::Absent), Just(Totals::Stale(9))],
        beyond in prop_oneof![Just(Beyond::Empty), Just(Beyond::Last), Just(Beyond::First)],
        cut in 0_i64..17,
        bearable in prop_oneof![Just(100_usize), Just(60), Just(12)],
        whole in any::<bool>(),
    ) {
        let mut platform = account(many(count));
        (platform.platform.totals, platform.platform.beyond) = (totals, beyond);
        platform.platform.per_page_bearable = bearable;
        let mut event = 50_000;
        for (request, how_many) in arrivals {
            for _ in 0..how_many {
                event += 1;
                platform.platform.events.push((request, Event::Added(newcomer(event))));
            }
        }
        let mut ledger = Ledger::new();
        let middle = dates::Day::parse("2026-05-31").expect("a day").plus(-cut);
        let windows = if whole { vec![all()] } else {
            vec![window("2020-01-01", &middle.to_string()), window(&middle.plus(1).to_string(), "2026-06-01")]
        };
        for task in windows {
            // As the daemon does: an incomplete pass is repeated.
            while !synced(poll(&mut ledger, &mut platform, task.clone())).complete {}
        }
        // What came while the last one ran is met by the next.
        platform.platform.events.clear();
        synced(poll(&mut ledger, &mut platform, window("2026-06-01", "2026-06-01")));
        proptest::prop_assert_eq!(holdings(&ledger), platform.platform.truth());
        proptest::prop_assert_eq!(&ledger.rejects, &Vec::new());
    }
}

/// What may happen to an order: cents, days between rebills, how many, and a refund after so many days of such a part.
type Fate = (i64, i64, u32, Option<(u8, i64)>);

fn fated(fates: &[Fate], people: usize) -> Vec<Transaction> {
    let mut transactions = Vec::new();
    let mut event = 0;
    let start = dates::Day::parse("2026-01-05").expect("a day");
    for (number, (cents, step, rebills, refund)) in fates.iter().enumerate() {
        let index = i64::try_from(number).expect("few");
        let order = 600_000 + u64::try_from(number).expect("few");
        let email = format!("{}@example.org", number % people);
        let mut happen = |kind, day: i64, minute: i64, cents: i64, rebill: u32| {
            event += 1;
            let at = format!("{}T{:02}:{minute:02}:30", start.plus(index + day), (9 + index * 5) % 24);
            transactions.push(Transaction::new(event, order, kind, &at, cents).email(&email).of_rebill(rebill));
        };
        happen(What::Charge, 0, 10, *cents, 0);
        for count in 1..=*rebills {
            happen(What::Rebill, step * i64::from(count), 20, *cents, count);
        }
        if let Some((days, part)) = refund {
            happen(What::Refund, i64::from(*days), 40, (cents / part).max(1), 0);
        }
    }
    transactions
}

proptest::proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever doors are used, in whatever order and how often: the same money counts once.
    #[test]
    fn the_same_money_counts_once(
        fates in proptest::collection::vec(
            (100_i64..9_000, 1_i64..25, 0_u32..4, proptest::option::of((0_u8..30, 1_i64..4))), 1..7),
        people in 1_usize..4,
        doors in proptest::collection::vec(0_usize..3, 1..6),
        event_ids in any::<bool>(),
        invoices in any::<bool>(),
    ) {
        let mut platform = account(fated(&fates, people));
        let mut ledger = Ledger::new();
        for door in doors {
            come(&mut ledger, &mut platform, door, (event_ids, invoices));
        }
        let kinds = |entries: Vec<Money>| {
            let mut kinds: Vec<_> = entries.into_iter().map(|one| (one.kind, one.total)).collect();
            kinds.sort();
            kinds
        };
        let told = ledger.entries().into_iter().map(money).collect();
        proptest::prop_assert_eq!(kinds(told), kinds(platform.platform.truth()));
    }
}
