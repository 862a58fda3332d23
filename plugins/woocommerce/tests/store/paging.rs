//! Lists of several pages, while the store goes on, breaks down, or hides what it has.

use ltv_connector::types::{Axis, Header, NoResponse, Outcome, Response, Task};

use crate::kit::{Kit, NOW, text, window};

/// So many orders, an hour apart, in March and April.
fn kit_with(orders: u64) -> Kit {
    let mut kit = Kit::new();
    for number in 0..orders {
        let (day, hour) = (1 + number / 24 % 28, number % 24);
        let month = 3 + number / 24 / 28;
        kit.shop.at(&format!("2026-{month:02}-{day:02}T{hour:02}:00:00")).sold("a@example.org", 100 + number as i64);
    }
    kit
}

#[test]
fn several_pages() {
    let mut kit = kit_with(450);
    let coverage = kit.load();
    kit.assert_true();
    assert!(coverage.complete && coverage.note.is_none());
    let orders = &coverage.tallies[0];
    assert_eq!((orders.collection.as_str(), orders.announced, orders.received), ("orders", Some(450), 450));
    assert_eq!(kit.shop.calls(), 7, "five pages, one look whether the total still holds, the trash");
}

#[test]
fn a_row_that_leaves_during_the_walk_takes_none_with_it() {
    let mut kit = kit_with(450);
    let first = kit.shop.ids()[0];
    kit.shop.before_call(2, move |shop| shop.trash(first));
    let coverage = kit.load();
    assert!(coverage.complete, "{coverage:?}");
    kit.assert_true();
    assert_eq!(kit.ledger.entries().len(), 449);
}

#[test]
fn rows_that_leave_at_every_step_take_none_with_them() {
    let mut kit = kit_with(450);
    let ids = kit.shop.ids();
    // On the axis of modification: each touched order leaves the window.
    for call in 1..60 {
        let id = ids[(call * 7) % 450];
        kit.shop.before_call(call, move |shop| shop.touch(id));
    }
    let coverage = kit.sync(Axis::Modified, "2026-01-01T00:00:00", NOW);
    assert!(coverage.complete, "{coverage:?}");
    assert_eq!(
        coverage.tallies.iter().find(|tally| tally.collection == "orders").and_then(|tally| tally.announced),
        None
    );
    // Those that left are met by the next pass.
    kit.sync(Axis::Modified, "2026-06-01T11:45:00", "2026-06-01T13:00:00");
    kit.assert_true();
}

#[test]
fn the_later_half_of_a_page_is_read_first_when_walking_back() {
    let mut kit = kit_with(300);
    let ids = kit.shop.ids();
    // So many rows leave that the forward walk misses sixty; walking back, the page that holds them is halved, and between
    // its halves another row leaves.
    let first = ids[..60].to_vec();
    kit.shop.before_call(2, move |shop| first.into_iter().for_each(|id| shop.trash(id)));
    kit.shop.before_call(4, |shop| shop.breaks_above = Some(60));
    let another = ids[70];
    kit.shop.before_call(6, move |shop| shop.trash(another));
    assert!(kit.load().complete);
    kit.assert_true();
    assert_eq!(kit.ledger.entries().len(), 239);
}

#[test]
fn rows_that_come_in_between_at_every_step_make_it_incomplete() {
    let mut kit = kit_with(450);
    let ids = kit.shop.ids();
    for id in &ids[..60] {
        kit.shop.trash(*id);
    }
    for (call, id) in (1..60).zip(ids) {
        kit.shop.before_call(call, move |shop| shop.restore(id));
    }
    let coverage = kit.load();
    assert!(!coverage.complete);
    assert!(coverage.note.is_some_and(|note| note.contains("did not keep still")));
}

#[test]
fn a_row_that_comes_in_between_once_is_read() {
    let mut kit = kit_with(250);
    let id = kit.shop.ids()[3];
    kit.shop.trash(id);
    kit.shop.before_call(1, move |shop| shop.restore(id));
    let coverage = kit.load();
    assert!(coverage.complete);
    kit.assert_true();
}

#[test]
fn pages_that_are_too_much_are_halved_and_that_is_remembered() {
    let mut kit = kit_with(120);
    kit.shop.breaks_above = Some(30);
    let coverage = kit.load();
    assert!(coverage.complete && coverage.note.is_none(), "{coverage:?}");
    kit.assert_true();
    let calls = kit.shop.calls();
    kit.load();
    assert_eq!(kit.shop.calls() - calls, 7, "five pages of 25, one look at the total, the trash");
}

#[test]
fn an_order_that_breaks_every_page_is_left_out_and_told() {
    let mut kit = kit_with(120);
    let broken = kit.shop.ids()[57];
    kit.shop.breaking.insert(broken);
    let coverage = kit.load();
    assert!(coverage.complete, "it would hold up all that came later");
    assert!(
        coverage.note.is_some_and(|note| note.contains("fails over 1 of the orders (58 in the order of their ids)"))
    );
    assert_eq!((coverage.tallies[0].announced, coverage.tallies[0].received), (Some(120), 119));
    assert_eq!(kit.ledger.entries().len(), 119);
    // Asked for alone it breaks the store as well: it stays as it is, and does not stop the rest.
    kit.refresh(&[broken]);
    assert_eq!(kit.ledger.entries().len(), 119);
}

#[test]
fn a_store_that_is_down_is_not_taken_for_one_with_small_pages() {
    let mut kit = kit_with(120);
    kit.shop.breaks_above = Some(0);
    let failure = kit.poll(Task::Sync(window(Axis::Created, "2025-01-01T00:00:00", NOW))).expect_err("it is down");
    assert!(matches!(failure, ltv_connector::types::Failure::Unavailable(_)), "{failure:?}");
    assert!(text(&failure).contains("WooCommerce > Status > Logs"), "{failure:?}");
    assert!(kit.shop.calls() <= 6, "{} requests", kit.shop.calls());
    kit.shop.breaks_above = None;
    kit.load();
    kit.assert_true();
    assert_eq!(kit.shop.calls(), 6 + 3 + 1 - 1, "two pages at once again");
}

#[test]
fn time_outs_and_answers_that_are_too_large_ask_for_less() {
    for fault in [NoResponse::Timeout, NoResponse::TooLarge(8 << 20)] {
        let mut kit = kit_with(120);
        let task = Task::Sync(window(Axis::Created, "2025-01-01T00:00:00", NOW));
        let large = |request: &ltv_connector::types::Request| {
            let rows =
                request.query.iter().find(|field| field.name == "per_page").map(|field| format!("{:?}", field.value));
            rows.is_some_and(|rows| rows.contains("100")).then(|| Err(fault.clone()))
        };
        kit.poll_through(task, large).expect("synced");
        kit.assert_true();
    }
}

#[test]
fn empty_and_broken_off_answers_ask_for_less() {
    for body in ["", "[{\"id\": 5101, \"status\": \"proc"] {
        let mut kit = kit_with(120);
        let task = Task::Sync(window(Axis::Created, "2025-01-01T00:00:00", NOW));
        let mut first = true;
        let broken = |_: &ltv_connector::types::Request| {
            let headers = vec![Header { name: "content-type".into(), value: "application/json".into() }];
            std::mem::take(&mut first).then(|| Ok(Response { status: 200, headers, body: body.into() }))
        };
        kit.poll_through(task, broken).expect("synced");
        kit.assert_true();
    }
}

#[test]
fn hidden_orders_do_not_end_a_list_and_are_told() {
    let mut kit = kit_with(250);
    let ids = kit.shop.ids();
    // All of the second page but one, and the last.
    kit.shop.hidden.extend(&ids[101..200]);
    kit.shop.hidden.insert(ids[249]);
    let coverage = kit.load();
    assert!(coverage.complete);
    assert!(
        coverage.note.as_ref().is_some_and(|note| note.contains("counts 100 orders that it does not show")),
        "{coverage:?}"
    );
    assert_eq!((coverage.tallies[0].announced, coverage.tallies[0].received), (Some(250), 150));
    assert_eq!(kit.ledger.entries().len(), 150);
    // Neither shown nor gone: what is stored of it stays.
    let mut kit = kit_with(1);
    let id = kit.shop.ids()[0];
    kit.load();
    kit.shop.hidden.insert(id);
    kit.refresh(&[id]);
    assert_eq!(kit.ledger.entries().len(), 1);
}

#[test]
fn without_totals_a_list_is_read_to_its_first_empty_page() {
    for orders in [0, 30, 100, 250] {
        let mut kit = kit_with(orders);
        kit.shop.hides_totals = true;
        let coverage = kit.load();
        assert!(coverage.complete);
        assert_eq!(coverage.tallies[0].announced, None);
        assert_eq!(coverage.tallies[0].received, orders);
        kit.assert_true();
    }
}

#[test]
fn without_totals_rows_that_leave_are_noticed() {
    let mut kit = kit_with(350);
    kit.shop.hides_totals = true;
    let first = kit.shop.ids()[..20].to_vec();
    kit.shop.before_call(2, move |shop| first.into_iter().for_each(|id| shop.trash(id)));
    let coverage = kit.load();
    assert!(coverage.complete);
    kit.assert_true();
}

#[test]
fn warnings_of_php_before_every_answer() {
    let mut kit = kit_with(120);
    kit.shop.preamble =
        "\u{feff}<br />\n<b>Warning</b>: Undefined array key [0] in {plugin.php} on line <b>7</b><br />\n".into();
    kit.load();
    kit.assert_true();
}

#[test]
fn an_empty_store() {
    let mut kit = Kit::new();
    let Ok(Outcome::Synced(coverage)) = kit.poll(Task::Sync(window(Axis::Modified, "2026-05-01T00:00:00", NOW))) else {
        panic!("not synced")
    };
    assert!(coverage.complete);
    kit.assert_true();
}

#[test]
fn windows_are_half_open_to_the_second() {
    let mut kit = Kit::new();
    for second in ["09:59:59", "10:00:00", "10:00:01", "10:59:59", "11:00:00"] {
        kit.shop.at(&format!("2026-03-01T{second}")).sold("a@example.org", 100);
    }
    kit.sync(Axis::Created, "2026-03-01T10:00:00", "2026-03-01T11:00:00");
    let times: Vec<_> = kit.money().into_iter().map(|money| money.at).collect();
    assert_eq!(times, ["2026-03-01T10:00:00Z", "2026-03-01T10:00:01Z", "2026-03-01T10:59:59Z"]);
}
