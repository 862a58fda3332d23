//! The API, against a SamCart in memory. After each run the ledger must hold what that SamCart says, to the cent.

use ltv_platforms::samcart::{Filters, NextPage, SamCart as Account};
use ltv_platforms::{Answer, Fault, Faults, Money, Platform, Wire, money, native};
use serde_json::json;

use super::*;

const KEY: &str = "sc_key_4711";

fn with_key() -> testing::ContextBuilder {
    testing::context().now("2026-06-01T12:00:00").set("currency", "USD").secret("api_key")
}

fn poll(ledger: &mut Ledger, platform: &mut impl Platform, task: Task) -> Result<Outcome, Failure> {
    poll_with(ledger, platform, task, &with_key().build())
}

fn poll_with(
    ledger: &mut Ledger,
    platform: &mut impl Platform,
    task: Task,
    context: &Context,
) -> Result<Outcome, Failure> {
    ledger.poll::<SamCart>(task, context, native::answers(platform, &[("api_key", KEY)]))
}

fn window(first: &str, last: &str) -> Task {
    Task::Sync(testing::window(Axis::Created, first, last))
}

fn all() -> Task {
    window("2026-01-01", "2026-06-01")
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
fn in_full(platform: &mut Faults<Account>) -> (Ledger, Coverage) {
    let mut ledger = Ledger::new();
    let coverage = synced(poll(&mut ledger, platform, all()));
    assert_eq!(ledger.rejects, []);
    assert_eq!(holdings(&ledger), platform.platform.truth());
    (ledger, coverage)
}

const TEA: (u64, i64, i64, bool) = (4001, 3_000, 240, true);
const POT: (u64, i64, i64, bool) = (4002, 2_000, 160, false);
const GUIDE: (u64, i64, i64, bool) = (4003, 900, 0, false);

/// Subscriptions, bumps and upsells, rebills, refunds whole and in part.
fn tea_shop() -> Account {
    let mut shop = Account::new(KEY);
    shop.buy(800_100, 71, "2026-03-01T10:00:00", &[TEA])
        .buy(800_101, 72, "2026-03-05T14:30:00", &[POT, GUIDE])
        .buy(800_102, 73, "2026-03-06T23:50:00", &[TEA])
        // An upsell past midnight.
        .add(800_102, "2026-03-07T00:10:00", &[GUIDE])
        .rebill(800_100, "2026-04-01T10:00:00")
        .rebill(800_102, "2026-04-06T23:59:58")
        .refund(800_101, 0, 0, "2026-04-10T08:00:00", 2_160)
        .rebill(800_100, "2026-05-01T10:00:00")
        .refund(800_100, 2, 0, "2026-05-03T09:00:00", 1_000)
        .refund(800_102, 0, 0, "2026-05-04T09:00:00", 3_240);
    shop
}

/// So many orders of one product, an hour apart, the last a little before now; each fifth by a customer of old.
fn many(count: u64) -> Account {
    let mut shop = Account::new(KEY);
    let now = ltv_platforms::samcart::unix_s("2026-06-01T11:00:00");
    for number in 1..=count {
        let unix_s = now - i64::try_from(count - number).expect("few") * 3_600;
        let at = dates::format_utc(unix_s * 1000);
        let customer = if number % 5 == 0 { 1 } else { number };
        shop.buy(700_000 + number, customer, &at, &[(4004, 1_000 + i64::try_from(number).expect("few"), 0, false)]);
    }
    shop
}

fn account(shop: Account) -> Faults<Account> {
    Faults::none(shop)
}

#[test]
fn back_fill_equals_the_truth_to_the_cent() {
    let mut platform = account(tea_shop());
    let (ledger, coverage) = in_full(&mut platform);
    assert_eq!((coverage.complete, coverage.axis, coverage.note), (true, Axis::Created, None));
    let told: Vec<_> = coverage.tallies.iter().map(|tally| (tally.collection.as_str(), tally.received)).collect();
    assert_eq!(told, [("charges", 7), ("orders", 3), ("refunds", 3)]);
    assert!(coverage.tallies.iter().all(|tally| tally.announced.is_none()), "SamCart tells no totals");
    assert_eq!(ledger.entries().len(), 9);
    assert!(
        platform.calls.iter().all(|call| call.header("sc-api") == Some(KEY) && call.authority == "api.samcart.com")
    );
}

#[test]
fn products_parts_people_and_campaigns_are_told() {
    let (ledger, _) = in_full(&mut account(tea_shop()));
    let sale = ledger.get(Kind::Sale, "order:800102").expect("the order");
    let lines: Vec<_> = sale.lines.iter().map(|line| (line.product_id.as_deref(), line.amount)).collect();
    assert_eq!(lines, [(Some("4001"), Decimal::whole(30)), (Some("4003"), Decimal::whole(9))]);
    let amounts = &sale.amounts;
    assert_eq!((amounts.items, amounts.tax), (Some(Decimal::whole(39)), Some(Decimal::hundredths(240))));
    assert_eq!((amounts.discount, amounts.shipping), (Some(Decimal::ZERO), Some(Decimal::ZERO)));
    assert_eq!(sale.customer.email.as_deref(), Some("customer73@example.org"));
    assert_eq!(
        (sale.customer.id.as_deref(), sale.billing, sale.currency.as_str()),
        (Some("73"), Billing::Initial, "USD")
    );
    for (name, value) in [
        ("source", Some("newsletter")),
        ("medium", None),
        ("campaign", Some("spring")),
        ("affiliate", Some("9")),
        ("subscription", Some("8001020")),
        ("processor", Some("Stripe")),
    ] {
        assert_eq!(tag(sale, name), value, "{name}");
    }
    let rebill = ledger.get(Kind::Sale, "charge:80010001").expect("the rebill");
    assert_eq!((rebill.billing, rebill.order_id.as_str()), (Billing::Rebill, "800100"));
    assert_eq!((rebill.amounts.tax, tag(rebill, "subscription")), (Some(Decimal::hundredths(240)), Some("8001000")));
    let refund = ledger.get(Kind::Refund, "refund:40000").expect("the refund");
    assert_eq!(refund.lines[0].product_id.as_deref(), Some("4002"));
}

#[test]
fn an_empty_account_is_complete() {
    let mut platform = account(Account::new(KEY));
    assert!(in_full(&mut platform).1.complete);
    assert_eq!(platform.calls.len(), 3);
}

#[test]
fn every_page_is_read_and_customers_come_by_the_hundred() {
    for count in [99, 100, 101, 250, 730] {
        let mut platform = account(many(count));
        let (ledger, _) = in_full(&mut platform);
        assert!(ledger.entries().iter().all(|entry| entry.customer.email.is_some()));
        let pages = usize::try_from(count).expect("few").div_ceil(100);
        // Charges, orders and customers; refunds are one page.
        assert!(platform.calls.len() <= 3 * pages + 1 + 1, "{count}: {}", platform.calls.len());
    }
}

#[test]
fn the_next_page_is_never_asked_of_another_host() {
    for next_page in [NextPage::OtherHost, NextPage::WithoutOffset] {
        let mut platform = account(many(250));
        platform.platform.next_page = next_page;
        assert!(in_full(&mut platform).1.complete, "{next_page:?}");
        assert!(platform.calls.iter().all(|call| call.authority == "api.samcart.com"));
    }
}

#[test]
fn pages_in_a_circle_are_not_complete() {
    let mut platform = account(many(250));
    platform.platform.next_page = NextPage::Circle;
    let coverage = synced(poll(&mut Ledger::new(), &mut platform, all()));
    assert!(!coverage.complete);
    assert!(coverage.note.is_some_and(|note| note.contains("in a circle")));
}

// ---- windows and filters ---------------------------------------------------------------------------------------------

#[test]
fn windows_together_are_the_truth_however_fine_the_filter_is() {
    for filters in [Filters::Times, Filters::CutToDays, Filters::DaysOnly] {
        let mut platform = account(tea_shop());
        platform.platform.filters = filters;
        let mut ledger = Ledger::new();
        for (first, last) in [
            ("2026-03-01", "2026-03-06"),
            ("2026-03-07", "2026-03-31"),
            ("2026-04-01", "2026-04-06"),
            ("2026-04-07", "2026-04-30"),
            ("2026-05-01", "2026-06-01"),
        ] {
            let coverage = synced(poll(&mut ledger, &mut platform, window(first, last)));
            assert!(coverage.complete);
        }
        assert_eq!(holdings(&ledger), platform.platform.truth(), "{filters:?}");
    }
}

#[test]
fn a_filter_by_days_is_remembered() {
    let mut platform = account(tea_shop());
    platform.platform.filters = Filters::DaysOnly;
    let (ledger, _) = in_full(&mut platform);
    let memory = ledger.memory.expect("what works");
    let calls = platform.calls.len();
    let context = with_key().memory(&memory).build();
    synced(poll_with(&mut Ledger::new(), &mut platform, all(), &context));
    assert_eq!(platform.calls[calls].parameter("created_at_min").as_deref(), Some("2025-12-31"));
}

#[test]
fn an_order_over_the_edge_of_a_window_is_whole_in_both() {
    for windows in [["2026-03-06", "2026-03-07"], ["2026-03-07", "2026-03-06"], ["2026-03-07", "2026-03-07"]] {
        let mut platform = account(tea_shop());
        platform.platform.charges.retain(|charge| charge.order == 800_102 && charge.rebill == 0);
        platform.platform.refunds.clear();
        let mut ledger = Ledger::new();
        for day in windows {
            synced(poll(&mut ledger, &mut platform, window(day, day)));
        }
        assert_eq!(holdings(&ledger), platform.platform.truth(), "{windows:?}");
    }
}

#[test]
fn big_ranges_end_in_504_and_are_halved() {
    for range_max_s in [86_400 * 20, 86_400 * 3, 7_200] {
        let mut platform = account(many(260));
        platform.platform.range_max_s = range_max_s;
        let mut ledger = Ledger::new();
        let coverage = synced(poll(&mut ledger, &mut platform, window("2026-05-20", "2026-06-01")));
        assert!(coverage.complete, "{range_max_s}");
        assert_eq!(holdings(&ledger), platform.platform.truth(), "{range_max_s}");
    }
}

#[test]
fn a_range_that_cannot_be_halved_any_more_is_waited_for() {
    let mut platform = account(many(10));
    platform.platform.range_max_s = 60;
    let failure = poll(&mut Ledger::new(), &mut platform, window("2026-06-01", "2026-06-01"));
    assert!(matches!(&failure, Err(Failure::Unavailable(why)) if why.message.contains("504")), "{failure:?}");
    assert!(platform.calls.len() < 60);
}

#[test]
fn what_the_ledger_has_is_not_asked_for_again() {
    let mut platform = account(tea_shop());
    let (mut ledger, _) = in_full(&mut platform);
    let calls = platform.calls.len();
    let coverage = synced(poll(&mut ledger, &mut platform, window("2026-04-01", "2026-06-01")));
    assert_eq!(coverage.tallies[0].received, 3);
    let again: Vec<&str> = platform.calls[calls..].iter().map(|call| call.path.as_str()).collect();
    // The charges of two refunds are older than the window; no order and no customer is asked for.
    assert_eq!(again, ["/v1/charges", "/v1/orders", "/v1/refunds", "/v1/charges/80010100", "/v1/charges/80010200"]);
    assert_eq!(holdings(&ledger), platform.platform.truth());
}

#[test]
fn charges_that_arrive_while_pages_are_turned_come_with_the_next_pass() {
    let mut platform = account(many(300));
    for request in 1..6 {
        let id = 90_000_000 + u64::try_from(request).expect("few");
        let charge = ltv_platforms::samcart::Charge {
            id,
            order: id,
            rebill: 0,
            unix_s: ltv_platforms::samcart::unix_s("2026-06-01T11:59:00"),
            cents: 500,
        };
        platform.platform.arrivals.push((request, charge));
    }
    let mut ledger = Ledger::new();
    assert!(synced(poll(&mut ledger, &mut platform, all())).complete);
    synced(poll(&mut ledger, &mut platform, window("2026-06-01", "2026-06-01")));
    assert_eq!(holdings(&ledger), platform.platform.truth());
}

// ---- what charges are -------------------------------------------------------------------------------------------------

#[test]
fn first_charges_that_carry_the_mark_of_a_rebill_are_purchases() {
    let mut platform = account(tea_shop());
    platform.platform.marks_first_charges = true;
    in_full(&mut platform);
}

#[test]
fn records_may_be_wrapped() {
    let mut platform = account(tea_shop());
    platform.platform.wraps = true;
    let mut ledger = Ledger::new();
    synced(poll(&mut ledger, &mut platform, window("2026-04-01", "2026-06-01")));
    let rebill = ledger.get(Kind::Sale, "charge:80010001").expect("the rebill");
    assert_eq!(rebill.customer.email.as_deref(), Some("customer71@example.org"));
    assert_eq!(rebill.lines[0].product_id.as_deref(), Some("4001"));
}

#[test]
fn without_a_list_of_all_refunds_charges_are_asked_for_theirs() {
    let mut platform = account(tea_shop());
    platform.platform.lists_refunds = false;
    let (_, coverage) = in_full(&mut platform);
    assert!(coverage.complete && coverage.note.is_some_and(|note| note.contains("charge by charge")));
}

#[test]
fn a_customer_or_order_that_is_gone_does_not_stop_a_pass() {
    let mut platform = account(tea_shop());
    platform.platform.customers.retain(|customer| customer.id != 71);
    let (ledger, _) = in_full(&mut platform);
    let sale = ledger.get(Kind::Sale, "order:800100").expect("the order");
    assert_eq!((sale.customer.email.as_deref(), sale.customer.id.as_deref()), (None, Some("71")));

    let mut platform = account(tea_shop());
    platform.platform.orders.clear();
    let mut ledger = Ledger::new();
    assert!(synced(poll(&mut ledger, &mut platform, all())).complete);
    assert_eq!(holdings(&ledger), platform.platform.truth());
}

#[test]
fn declined_items_are_not_lines() {
    let mut platform = account(tea_shop());
    let item = &mut platform.platform.orders[1].items[1];
    (item.status, item.charge) = ("declined", 0);
    platform.platform.charges[1].cents = 2_160;
    let (ledger, _) = in_full(&mut platform);
    let sale = ledger.get(Kind::Sale, "order:800101").expect("the order");
    assert_eq!(sale.lines.len(), 1);
}

#[test]
fn reversed_items_are_told_and_not_guessed_at() {
    let mut platform = account(tea_shop());
    platform.platform.orders[0].items[0].status = "reversed";
    let (_, coverage) = in_full(&mut platform);
    assert!(coverage.note.is_some_and(|note| note.starts_with("1 items are marked as reversed")));
}

#[test]
fn cents_are_cents() {
    let mut shop = Account::new(KEY);
    shop.buy(1, 2, "2026-03-01T10:00:00", &[(3, 1_995, 0, false)]);
    let (ledger, _) = in_full(&mut account(shop));
    assert_eq!(ledger.entries()[0].amounts.total, Decimal::hundredths(1_995));
}

#[test]
fn products_and_people_for_tests_are_left_out() {
    let context = with_key()
        .set_list("excluded_products", &["4002", "Product 4003"])
        .set_list("excluded_emails", &["customer73@example.org"])
        .build();
    let mut ledger = Ledger::new();
    let coverage = synced(poll_with(&mut ledger, &mut account(tea_shop()), all(), &context));
    assert!(ledger.entries().iter().all(|entry| entry.order_id == "800100"), "{:?}", summary(&ledger));
    assert!(coverage.note.is_some_and(|note| note.contains("5 payments and refunds were left out")));
}

// ---- tests ------------------------------------------------------------------------------------------------------------

#[test]
fn test_orders_are_left_out_and_what_other_doors_told_of_them_is_withdrawn() {
    for doors in [[0, 1, 2], [0, 2, 1], [2, 0, 1]] {
        let mut shop = tea_shop();
        shop.orders[0].test = true;
        let mut platform = account(shop);
        let mut ledger = Ledger::new();
        for door in doors {
            come(&mut ledger, &mut platform, door, true);
        }
        // Whatever came after it is withdrawn by the next pass.
        let coverage = synced(poll(&mut ledger, &mut platform, all()));
        assert_eq!(holdings(&ledger), platform.platform.truth(), "{doors:?}");
        assert!(coverage.note.is_some_and(|note| note.starts_with("1 orders in test mode")));
        come(&mut ledger, &mut platform, 0, true);
        assert_eq!(holdings(&ledger), platform.platform.truth(), "{doors:?}: sent again");
    }
}

#[test]
fn a_first_payment_that_a_webhook_told_twice_is_found_out() {
    let mut shop = Account::new(KEY);
    shop.buy(800_100, 71, "2026-03-01T10:00:00", &[TEA]);
    let mut platform = account(shop);
    let twice = body("SubscriptionCharged", 800_100, 4001, "32.40", "32.40", r#","subscription":{"id":8001000}"#);
    for webhook_first in [true, false] {
        let mut ledger = Ledger::new();
        if !webhook_first {
            synced(poll(&mut ledger, &mut platform, all()));
        }
        hook(&mut ledger, "2026-03-01T10:00:04", &twice).unwrap();
        synced(poll(&mut ledger, &mut platform, all()));
        assert_eq!(holdings(&ledger), platform.platform.truth(), "webhook first: {webhook_first}");
    }
}

#[test]
fn a_webhook_that_comes_hours_late_is_found_out() {
    let mut shop = Account::new(KEY);
    shop.buy(800_100, 71, "2026-03-01T10:00:00", &[TEA]).rebill(800_100, "2026-04-01T10:00:00");
    let mut platform = account(shop);
    let late = body("SubscriptionCharged", 800_100, 4001, "32.40", "32.40", r#","subscription":{"id":8001000}"#);
    let mut ledger = Ledger::new();
    synced(poll(&mut ledger, &mut platform, all()));
    hook(&mut ledger, "2026-04-02T03:00:00", &late).unwrap();
    assert_eq!(ledger.entries().len(), 3);
    synced(poll(&mut ledger, &mut platform, all()));
    assert_eq!(holdings(&ledger), platform.platform.truth());
}

// ---- all doors --------------------------------------------------------------------------------------------------------

/// One of the ways by which money comes in.
fn come(ledger: &mut Ledger, platform: &mut Faults<Account>, door: usize, with_ids: bool) {
    match door {
        0 => {
            for (at, body) in platform.platform.webhooks(with_ids) {
                hook(ledger, &at, &body).expect("it is read");
            }
        }
        1 => drop(synced(poll(ledger, platform, all()))),
        _ => import(ledger, &platform.platform.orders_csv()),
    }
}

#[test]
fn webhooks_api_and_files_count_once_in_every_order() {
    for with_ids in [true, false] {
        for doors in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            let mut platform = account(tea_shop());
            let mut ledger = Ledger::new();
            let mut asked = false;
            for door in doors.into_iter().chain(doors) {
                come(&mut ledger, &mut platform, door, with_ids);
                asked |= door == 1;
                if asked {
                    assert_eq!(
                        holdings(&ledger),
                        platform.platform.truth(),
                        "{doors:?}, after {door}, ids: {with_ids}"
                    );
                }
            }
        }
    }
}

#[test]
fn several_partial_refunds_of_one_product_count_once_each() {
    for with_ids in [true, false] {
        for doors in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            let mut shop = Account::new(KEY);
            shop.buy(1, 71, "2026-03-01T10:00:00", &[POT]).refund(1, 0, 0, "2026-03-05T09:00:00", 500).refund(
                1,
                0,
                0,
                "2026-03-06T09:00:00",
                700,
            );
            let mut platform = account(shop);
            let mut ledger = Ledger::new();
            for door in doors.into_iter().chain(doors) {
                come(&mut ledger, &mut platform, door, with_ids);
            }
            assert_eq!(holdings(&ledger), platform.platform.truth(), "{doors:?}, ids: {with_ids}");
        }
    }
}

#[test]
fn daily_and_weekly_rebills_find_their_own_partners() {
    for step in [1, 7] {
        for doors in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            let mut shop = Account::new(KEY);
            shop.buy(1, 71, "2026-03-01T23:30:00", &[TEA]);
            for number in 1..5 {
                shop.rebill(1, &format!("2026-03-{:02}T23:30:00", 1 + number * step));
            }
            let mut platform = account(shop);
            let mut ledger = Ledger::new();
            for door in doors.into_iter().chain(doors) {
                come(&mut ledger, &mut platform, door, false);
            }
            assert_eq!(holdings(&ledger), platform.platform.truth(), "every {step} days, {doors:?}");
        }
    }
}

#[test]
fn a_webhook_after_midnight_is_the_rebill_before_it() {
    let mut shop = Account::new(KEY);
    shop.buy(1, 71, "2026-03-01T10:00:00", &[TEA]).rebill(1, "2026-03-31T23:59:58");
    for webhook_first in [true, false] {
        let mut platform = account(shop_of(&shop));
        let mut ledger = Ledger::new();
        for webhook in [webhook_first, !webhook_first] {
            if webhook {
                come(&mut ledger, &mut platform, 0, false);
            } else {
                come(&mut ledger, &mut platform, 1, false);
            }
        }
        assert_eq!(holdings(&ledger), platform.platform.truth(), "webhook first: {webhook_first}");
    }
}

fn shop_of(shop: &Account) -> Account {
    let mut copy = Account::new(KEY);
    (copy.orders, copy.charges) = (shop.orders.clone(), shop.charges.clone());
    (copy.refunds, copy.customers) = (shop.refunds.clone(), shop.customers.clone());
    copy
}

// ---- faults ----------------------------------------------------------------------------------------------------------

#[test]
fn without_a_key_the_operator_is_told_where_to_get_one() {
    for task in [Task::Check, all()] {
        let outcome = poll_with(&mut Ledger::new(), &mut account(tea_shop()), task, &context());
        assert!(matches!(&outcome, Err(Failure::Settings(why)) if why.contains("support@samcart.com")), "{outcome:?}");
    }
}

#[test]
fn check_tries_what_is_needed() {
    let mut platform = account(tea_shop());
    let outcome = poll(&mut Ledger::new(), &mut platform, Task::Check);
    assert!(matches!(&outcome, Ok(Outcome::Checked(lines)) if lines.len() == 1), "{outcome:?}");
    let paths: Vec<&str> = platform.calls.iter().map(|call| call.path.as_str()).collect();
    assert_eq!(paths, ["/v1/charges", "/v1/orders", "/v1/customers"]);
}

#[test]
fn a_refused_key_stops_with_samcarts_own_words() {
    for task in [Task::Check, all()] {
        let mut platform = account(tea_shop());
        platform.platform.key = "another".into();
        let outcome = poll(&mut Ledger::new(), &mut platform, task);
        let Err(Failure::Unauthorized(why)) = outcome else { panic!("{outcome:?}") };
        assert!(why.contains("The provided API key is invalid") && !why.contains(KEY), "{why}");
    }
}

fn failing(fault: Fault) -> Failure {
    let mut platform = account(many(250)).from(4, 1_000, fault);
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
    for header in ["retry-after", "x-ratelimit-retry-after"] {
        let answer = Answer::json(429, &json!({"message": "Too Many Attempts."})).header(header, 42);
        let failure = failing(Fault::Instead(answer));
        assert!(matches!(failure, Failure::Throttled(Pause { after_ms: Some(42_000), .. })), "{failure:?}");
    }
}

#[test]
fn a_broken_server_is_waited_for() {
    let failure = failing(Fault::Instead(Answer::json(500, &json!({"message": "Server Error"}))));
    assert!(
        matches!(&failure, Failure::Unavailable(why) if why.message == "SamCart answered with HTTP 500: Server Error")
    );
}

#[test]
fn a_page_instead_of_a_list_is_named_as_such() {
    for status in [200, 403, 404, 503] {
        let failure = failing(Fault::Instead(Answer::html(status, "<h1>Attention required</h1>")));
        let Failure::Unavailable(pause) = failure else { panic!("{status}: {failure:?}") };
        assert!(pause.message.contains("page answered instead of SamCart"), "{}", pause.message);
    }
}

#[test]
fn a_body_cut_off_is_a_passing_fault() {
    let failure = failing(Fault::Sent(Wire::CutOff(300)));
    assert!(matches!(failure, Failure::Unavailable(_)), "{failure:?}");
    let half = Answer::new(200, "application/json", r#"{"data":[{"id":1,"#);
    assert!(matches!(failing(Fault::Instead(half)), Failure::Unavailable(_)));
}

#[test]
fn an_object_without_data_is_no_empty_list() {
    let failure = failing(Fault::Instead(Answer::json(200, &json!({"message": "maintenance"}))));
    assert!(matches!(&failure, Failure::Malformed(why) if why.contains("maintenance")), "{failure:?}");
}

#[test]
fn silence_halves_ranges_and_then_fails() {
    let failure = failing(Fault::Sent(Wire::Silent(1)));
    assert!(matches!(&failure, Failure::Unavailable(why) if why.message.contains("in time")), "{failure:?}");
}

#[test]
fn a_record_that_cannot_be_read_is_kept_for_a_person() {
    let charge = |id: u64, total: serde_json::Value| json!({"id": id, "order_id": 1, "customer_id": 2, "total": total, "currency": "USD", "created_at": "2026-03-01 10:00:00"});
    let mut undated = charge(3, json!(100));
    undated["created_at"] = json!("soon");
    let rows =
        json!({"data": [charge(1, json!("19.95")), charge(2, json!(null)), undated], "pagination": {"next": null}});
    let mut platform = account(Account::new(KEY)).at(0, Fault::Instead(Answer::json(200, &rows)));
    let mut ledger = Ledger::new();
    let coverage = synced(poll(&mut ledger, &mut platform, all()));
    assert_eq!((coverage.complete, coverage.tallies[0].received), (true, 3));
    let told: Vec<_> = ledger.rejects.iter().map(|reject| (reject.id.as_deref(), reject.field.as_deref())).collect();
    assert_eq!(
        told,
        [(Some("charge:1"), Some("total")), (Some("charge:2"), Some("total")), (Some("charge:3"), Some("created_at"))]
    );
    assert!(ledger.entries().is_empty());
}

#[test]
fn a_refund_of_a_charge_that_is_gone_is_kept_for_a_person() {
    let mut shop = tea_shop();
    shop.charges.retain(|charge| charge.order != 800_101);
    let mut ledger = Ledger::new();
    synced(poll(&mut ledger, &mut account(shop), all()));
    assert_eq!(ledger.rejects.len(), 1);
    assert!(ledger.rejects[0].reason.contains("no charge 80010100"));
}

// ---- any interleaving --------------------------------------------------------------------------------------------------

use proptest::prelude::{ProptestConfig, any};

/// What may happen to an order: cents, whether it is a subscription, days between rebills, how many, and what is refunded.
type Fate = (i64, bool, i64, u32, Option<(u8, i64)>);

fn shop_with(fates: &[Fate], customers: u64) -> Account {
    let mut shop = Account::new(KEY);
    let start = dates::Day::parse("2026-01-05").expect("a day");
    for (number, (cents, recurs, step, rebills, refund)) in (0..).zip(fates) {
        let order = 500 + number;
        let first = start.plus(i64::try_from(number).expect("few"));
        let at = |day: dates::Day, hour: u64| format!("{day}T{:02}:17:00", (hour + number * 5) % 24);
        shop.buy(order, 1 + number % customers, &at(first, 9), &[(4000 + number % 2, *cents, 0, *recurs)]);
        for count in 1..=*rebills {
            if *recurs {
                shop.rebill(order, &at(first.plus(step * i64::from(count)), 9));
            }
        }
        if let Some((days, part)) = refund {
            shop.refund(order, 0, 0, &at(first.plus(i64::from(*days)), 11), (cents / part).max(1));
        }
    }
    shop
}

proptest::proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever came by other doors, and in whatever order: once SamCart was asked, its own account stands.
    #[test]
    fn once_asked_the_truth_stands(
        fates in proptest::collection::vec(
            (100_i64..5_000, any::<bool>(), 1_i64..40, 0_u32..4, proptest::option::of((0_u8..30, 1_i64..4))), 1..7),
        customers in 1_u64..4,
        doors in proptest::collection::vec(0_usize..3, 0..5),
        with_ids in any::<bool>(),
        marks in any::<bool>(),
    ) {
        let mut shop = shop_with(&fates, customers);
        shop.marks_first_charges = marks;
        let mut platform = account(shop);
        let mut ledger = Ledger::new();
        for door in doors.into_iter().chain([1]) {
            come(&mut ledger, &mut platform, door, with_ids);
        }
        proptest::prop_assert_eq!(holdings(&ledger), platform.platform.truth());
    }
}
