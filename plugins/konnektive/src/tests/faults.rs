//! Every way in which paging and answering goes wrong.

use ltv_platforms::Wire;

use super::*;

/// Sales on 2026-03-01 and pages of ten.
fn pages(sales: u32) -> Shop {
    let mut account = account();
    for number in 0..sales {
        account.sale(&format!("2026-03-01T12:{:02}:{:02}", number / 60, number % 60), "10.00");
    }
    Shop::new(account).with(|context| context.memory(b"10 2026-06-01"))
}

/// The same while the day is not over.
fn pages_today(sales: u32) -> Shop {
    pages(sales).with(|context| context.memory(b"10 2026-03-01").now("2026-03-01T18:00:00"))
}

fn html(status: u16) -> Wrong {
    Wrong::Instead(Answer::html(status, "<h1>Just a moment</h1><script>if (1 < 2) challenge()</script>"))
}

#[test]
fn full_pages_up_to_the_last() {
    for (sales, calls) in [(9, 1), (10, 2), (11, 2), (30, 4)] {
        let mut shop = pages(sales);
        shop.load("2026-03-01", "2026-03-01");
        shop.agrees();
        assert_eq!(shop.platform.calls.len(), calls, "{sales} sales");
    }
}

#[test]
fn an_empty_window_is_complete() {
    for empty_is_success in [false, true] {
        let mut shop = pages(0);
        shop.account().quirks.empty_is_success = empty_is_success;
        let coverage = shop.sync(Axis::Created, "2026-03-01", "2026-03-01").unwrap();
        assert_eq!((coverage.complete, coverage.note), (true, None));
        assert_eq!((coverage.tallies[0].announced, coverage.tallies[0].received), (Some(0), 0));
        assert_eq!(shop.platform.calls.len(), 1);
    }
}

#[test]
fn a_row_that_leaves_the_day_while_it_is_read() {
    let mut shop = pages(25);
    let first = 70_001;
    // The rest moves up by one place: the eleventh slips onto the first page.
    shop.account().before_query(1, move |account| account.touch(first, "2026-03-02T12:00:00"));
    shop.follow("2026-03-01", "2026-03-01");
    shop.agrees();
    assert_eq!(shop.platform.calls.len(), 6, "walked twice");
}

#[test]
fn a_day_that_never_rests_is_not_complete() {
    let mut shop = pages(25);
    for walk in 0..4 {
        let id = 70_001 + walk;
        shop.account().before_query(walk as usize * 3 + 1, move |account| account.touch(id, "2026-03-02T12:00:00"));
    }
    let coverage = shop.sync(Axis::Modified, "2026-03-01", "2026-03-01").unwrap();
    assert!(!coverage.complete);
    let note = coverage.note.unwrap();
    assert!(note.starts_with("2026-03-01: the transactions changed while they were read, 4 times over"), "{note}");
    shop.follow("2026-03-01", "2026-03-02");
    shop.agrees();
}

#[test]
fn today_grows_while_it_is_read() {
    let mut shop = pages_today(25);
    shop.account().before_query(1, |account| {
        account.sale("2026-03-01T13:00:00", "11.00");
    });
    shop.load("2026-03-01", "2026-03-01");
    shop.agrees();
    assert_eq!(shop.platform.calls.len(), 3, "what is appended moves nothing");
    // A day that is over cannot grow, so there it counts as a change.
    let mut shop = pages(25);
    shop.account().before_query(1, |account| {
        account.sale("2026-03-01T13:00:00", "11.00");
    });
    shop.load("2026-03-01", "2026-03-01");
    shop.agrees();
    assert_eq!(shop.platform.calls.len(), 6);
}

#[test]
fn rows_that_change_their_place() {
    let mut shop = pages_today(25);
    shop.account().quirks.sorted_by_change = true;
    // Goes to the end: the eleventh slips onto the first page, and the total stays.
    shop.account().before_query(1, |account| account.touch(70_001, "2026-03-01T13:00:00"));
    shop.follow("2026-03-01", "2026-03-01");
    shop.agrees();
    assert_eq!(shop.platform.calls.len(), 6);
}

#[test]
fn rows_newest_first_though_asked_otherwise() {
    let mut shop = pages_today(25);
    shop.account().quirks.always_descending = true;
    shop.account().before_query(1, |account| {
        account.sale("2026-03-01T13:00:00", "11.00");
    });
    shop.load("2026-03-01", "2026-03-01");
    shop.agrees();
}

#[test]
fn totals_that_are_wrong() {
    for off_by in [-25, -7, 3, 40] {
        let mut shop = pages(25);
        shop.account().quirks.total_off_by = off_by;
        let coverage = shop.sync(Axis::Created, "2026-03-01", "2026-03-01").unwrap();
        assert!(coverage.complete, "{off_by}: {coverage:?}");
        assert_eq!((coverage.tallies[0].announced, coverage.tallies[0].received), (None, 25));
        assert!(coverage.note.unwrap().contains("twice told the same 25 rows"));
        shop.agrees();
    }
}

#[test]
fn no_totals() {
    let mut shop = pages(25);
    shop.account().quirks.no_total = true;
    let coverage = shop.sync(Axis::Created, "2026-03-01", "2026-03-01").unwrap();
    assert!(coverage.complete);
    shop.agrees();
}

#[test]
fn a_row_told_twice() {
    let mut shop = pages(25);
    shop.account().quirks.told_twice = Some(70_003);
    let coverage = shop.sync(Axis::Created, "2026-03-01", "2026-03-01").unwrap();
    assert!(coverage.complete, "{coverage:?}");
    shop.agrees();
}

#[test]
fn fewer_rows_on_a_page_than_asked_for() {
    let mut shop = pages(25);
    shop.account().quirks.page_cap = Some(4);
    shop.load("2026-03-01", "2026-03-01");
    shop.agrees();
}

#[test]
fn a_platform_that_knows_the_first_page_only_is_not_believed() {
    for forgets in [false, true] {
        let mut shop = pages(25);
        (shop.account().quirks.ignores_page, shop.account().quirks.forgets_pages) = (!forgets, forgets);
        let coverage = shop.sync(Axis::Created, "2026-03-01", "2026-03-01").unwrap();
        assert!(!coverage.complete);
        let why = if forgets { "the pages ended too soon" } else { "the same page came again" };
        assert!(coverage.note.unwrap().contains(why));
        assert_eq!((coverage.tallies[0].announced, coverage.tallies[0].received), (Some(25), 10));
        shop.account().quirks = Default::default();
        shop.load("2026-03-01", "2026-03-01");
        shop.agrees();
    }
}

#[test]
fn an_error_that_passes_is_asked_again_a_few_times() {
    let busy =
        || Wrong::Instead(Answer::new(200, "application/json", r#"{"result":"ERROR","message":"Deadlock found"}"#));
    let mut shop = pages(5);
    shop.platform.next(2, busy());
    shop.load("2026-03-01", "2026-03-01");
    shop.agrees();
    assert_eq!(shop.platform.calls.len(), 3);

    let mut shop = pages(5);
    shop.platform.next(usize::MAX / 2, busy());
    let Err(Failure::Unavailable(pause)) = shop.sync(Axis::Created, "2026-03-01", "2026-03-01") else {
        panic!("an end")
    };
    assert!(pause.message.contains("\"Deadlock found\""), "{}", pause.message);
    assert_eq!(shop.platform.calls.len(), 3);
}

#[test]
fn an_answer_without_result_is_an_error() {
    for body in [r#"{"message":{"data":[]}}"#, "[]", r#"{"result":"MAYBE"}"#, r#"{"result":"SUCCESS"}"#, "{\"result\":"]
    {
        let mut shop = pages(5);
        shop.platform.next(3, Wrong::Instead(Answer::new(200, "application/json", body)));
        let result = shop.sync(Axis::Created, "2026-03-01", "2026-03-01");
        assert!(matches!(result, Err(Failure::Unavailable(_))), "{body}: {result:?}");
    }
}

#[test]
fn a_page_that_is_not_of_the_platform_is_named() {
    let mut shop = pages(5);
    shop.platform.next(1, html(403));
    let Err(Failure::Unavailable(pause)) = shop.sync(Axis::Created, "2026-03-01", "2026-03-01") else {
        panic!("an end")
    };
    assert_eq!(
        pause.message,
        "a firewall or a maintenance page answered instead of the platform (HTTP 403, text/html): \"Just a moment\""
    );
    // With 200 it may be a passing one.
    shop.platform.next(1, html(200));
    shop.load("2026-03-01", "2026-03-01");
    shop.agrees();
}

#[test]
fn overload_that_outlasts_the_daemons_own_patience() {
    for status in [500, 502, 503, 504] {
        let mut shop = pages(5);
        shop.platform.next(1, html(status));
        let result = shop.sync(Axis::Created, "2026-03-01", "2026-03-01");
        assert!(matches!(result, Err(Failure::Unavailable(_))), "{status}: {result:?}");
        assert_eq!(shop.platform.calls.len(), 1);
    }
    let mut shop = pages(5);
    shop.platform.next(1, html(429));
    assert!(matches!(shop.sync(Axis::Created, "2026-03-01", "2026-03-01"), Err(Failure::Throttled(_))));
    shop.load("2026-03-01", "2026-03-01");
    shop.agrees();
}

#[test]
fn a_wrong_address_is_named() {
    let mut shop = pages(0);
    shop.platform.next(1, html(404));
    let Err(Failure::Unavailable(pause)) = shop.check() else { panic!("an end") };
    assert!(pause.message.contains("compare `api_url`"), "{}", pause.message);
}

#[test]
fn lost_connections() {
    for wire in [Wire::Closed, Wire::CutOff(20)] {
        let mut shop = pages(25);
        shop.platform = std::mem::replace(&mut shop.platform, Faults::none(account())).at(1, Wrong::Sent(wire));
        let result = shop.sync(Axis::Created, "2026-03-01", "2026-03-01");
        assert!(matches!(result, Err(Failure::Unavailable(_))), "{result:?}");
        shop.load("2026-03-01", "2026-03-01");
        shop.agrees();
    }
}

#[test]
fn answers_that_take_too_long_are_asked_for_in_smaller_pages_for_a_week() {
    let mut shop = pages(60).with(|context| context.memory(b""));
    shop.account().quirks.slow_above = Some(50);
    shop.load("2026-03-01", "2026-03-01");
    shop.agrees();
    assert_eq!(shop.ledger.memory.as_deref(), Some(&b"50 2026-06-01"[..]));
    let size = |shop: &Shop| shop.platform.calls.last().unwrap().field("resultsPerPage");
    assert_eq!(size(&shop).as_deref(), Some("50"));
    let calls = shop.platform.calls.len();
    shop.load("2026-03-01", "2026-03-01");
    assert_eq!(shop.platform.calls.len(), calls + 2, "remembered");
    let mut shop = shop.with(|context| context.now("2026-06-08T12:00:00"));
    shop.account().quirks.slow_above = None;
    shop.load("2026-03-01", "2026-03-01");
    assert_eq!(size(&shop).as_deref(), Some("200"));
}

#[test]
fn a_platform_that_never_answers_in_time() {
    let mut shop = pages(5);
    shop.account().quirks.slow_above = Some(0);
    let result = shop.sync(Axis::Created, "2026-03-01", "2026-03-01");
    assert!(matches!(result, Err(Failure::Unavailable(_))), "{result:?}");
}

#[test]
fn whole_days_as_americans_write_them() {
    let mut shop = pages(5);
    shop.sync(Axis::Modified, "2026-03-01", "2026-03-02").unwrap();
    let sent: Vec<_> =
        shop.platform.calls.iter().map(|call| (call.field("startDate"), call.field("endDate"))).collect();
    let day = |day: &str| (Some(day.to_owned()), Some(day.to_owned()));
    assert_eq!(sent, [day("03/01/2026"), day("03/02/2026")]);
    assert_eq!(shop.platform.calls[0].field("dateRangeType").as_deref(), Some("dateUpdated"));
    assert_eq!(shop.platform.calls[0].field("sortDir").as_deref(), Some("1"));
}
