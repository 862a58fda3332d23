//! Native tests, with plain texts. The cases in `cases/` go through the sandbox.

use ltv_connector::prelude::*;
use ltv_connector::testing::{self, Ledger};

use crate::ClickFunnels;

/// A ledger that must be the same whatever came first, as texts.
type Shown = Vec<(Kind, String, String, Moment)>;

fn context() -> testing::ContextBuilder {
    testing::context_for(&ClickFunnels::describe()).secret("webhook_secret")
}

fn with_api() -> Context {
    context().secret("api_key").set("workspace", "acme").set_integer("workspace_id", 9).build()
}

/// An invoice of order 1, paid on March 1st, as an event told on this day of March.
fn invoice(id: u32, status: &str, total: &str, day: u32) -> String {
    let event = if status.ends_with("refunded") { "refunded" } else { "paid" };
    let event = if status == "disputed" { "disputed" } else { event };
    format!(
        r#"{{"event_type": "orders/invoice.{event}", "api_version": 2, "created_at": "2026-03-{day:02}T12:00:00Z", "data": {{"id": {id},
        "order_id": 1, "status": "{status}", "total_amount": "{total}", "currency": "USD", "paid_at": "2026-03-01T10:00:00Z",
        "order": {{"live_mode": true, "contact": {{"id": 5, "email_address": "ada@example.org"}}}}}}}}"#
    )
}

fn transaction(id: u32, kind: &str, amount: &str, day: u32) -> String {
    format!(
        r#"{{"event_type": "orders/transaction.created", "api_version": 2, "created_at": "2026-03-{day:02}T12:00:00Z", "data": {{"id": {id},
        "order_id": 1, "status": "completed", "result": "approved", "external_type": "{kind}", "amount": "{amount}",
        "currency": "USD", "created_at": "2026-03-{day:02}T11:00:00Z"}}}}"#
    )
}

fn receive(ledger: &mut Ledger, body: &str) -> Result<Outcome, Failure> {
    ledger.receive::<ClickFunnels>(&testing::delivery("application/json", body), &context().build())
}

fn shown(bodies: &[&String]) -> Shown {
    let mut ledger = Ledger::new();
    for body in bodies {
        receive(&mut ledger, body).unwrap();
    }
    let show =
        |entry: &&Entry| (entry.key.kind, entry.key.id.clone(), entry.amounts.total.to_string(), entry.at.clone());
    ledger.entries().iter().map(show).collect()
}

fn permutations(items: &[String]) -> Vec<Vec<&String>> {
    if items.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for rest in permutations(&items[1..]) {
        for at in 0..=rest.len() {
            let mut one = rest.clone();
            one.insert(at, &items[0]);
            all.push(one);
        }
    }
    all
}

fn back(shown: &Shown) -> Decimal {
    let totals = shown.iter().filter(|entry| entry.0 != Kind::Sale).map(|entry| money::plain(&entry.2).unwrap());
    money::sum(totals).unwrap()
}

#[test]
fn two_invoices_of_one_subscription_go_back_once_in_any_order() {
    let events = [
        invoice(7, "paid", "47.00", 1),
        invoice(8, "paid", "30.00", 1),
        invoice(7, "refunded", "47.00", 10),
        invoice(8, "disputed", "30.00", 12),
        transaction(91, "refund", "20.00", 9),
        transaction(92, "refund", "-27.00", 10),
        transaction(93, "dispute", "30.00", 12),
    ];
    let expected = shown(&events.iter().collect::<Vec<_>>());
    assert_eq!(back(&expected), Decimal::whole(77));
    for order in permutations(&events) {
        assert_eq!(shown(&order), expected);
    }
    // Without some of the transactions the stand-ins make up for them.
    for missing in 4..7 {
        let some: Vec<&String> =
            events.iter().enumerate().filter(|(at, _)| *at != missing).map(|(_, event)| event).collect();
        assert_eq!(back(&shown(&some)), Decimal::whole(77), "without {missing}");
    }
}

#[test]
fn a_refunded_and_disputed_invoice_goes_back_once() {
    let events =
        [invoice(7, "paid", "47.00", 1), invoice(7, "refunded", "47.00", 10), invoice(7, "disputed", "47.00", 11)];
    for order in permutations(&events) {
        assert_eq!(back(&shown(&order)), Decimal::whole(47));
    }
}

#[test]
fn amounts_are_exact() {
    let sale = shown(&[&invoice(7, "paid", "90071992547.19", 1)]);
    assert_eq!(sale[0].2, "90071992547.19");
    let mut ledger = Ledger::new();
    for bad in ["47,00", "-1.00", "NaN", "", "1e99"] {
        let read = receive(&mut ledger, &invoice(7, "paid", bad, 1));
        assert!(matches!(read, Err(Failure::Malformed(_))), "{bad}: {read:?}");
    }
    assert!(ledger.entries().is_empty());
}

#[test]
fn parts_are_told_only_where_they_add_up() {
    let parts = |discount: &str| {
        let told = format!(
            r#""tax_amount": "3.80", "subtotal_amount": "25.00", "discount_amount": "{discount}", "total_amount""#
        );
        let mut ledger = Ledger::new();
        receive(&mut ledger, &invoice(7, "paid", "23.80", 1).replace(r#""total_amount""#, &told)).unwrap();
        let sale = ledger.get(Kind::Sale, "invoice:7").unwrap();
        (sale.amounts.items, sale.amounts.discount, sale.amounts.tax)
    };
    assert_eq!(parts("5.00"), (Some(Decimal::whole(25)), Some(Decimal::whole(5)), Some(Decimal::hundredths(380))));
    assert_eq!(parts("4.00"), (None, None, Some(Decimal::hundredths(380))));
}

/// `count` events from `first`, one each hour, as the list shows them.
fn listed(first: u32, count: u32) -> String {
    let event = |at: u32| {
        let told = dates::format_utc(1_772_323_200_000 + i64::from(at) * 3_600_000);
        format!(
            r#"{{"id": {at}, "event_type_id": "orders/invoice.paid", "api_version": 2, "created_at": "{told}Z", "data": {{"id": {at},
            "order_id": {at}, "status": "paid", "total_amount": "1.00", "currency": "USD", "paid_at": "{told}Z",
            "order": {{"contact": {{"email_address": "ada@example.org"}}}}}}}}"#
        )
    };
    format!("[{}]", (first..first + count).map(event).collect::<Vec<_>>().join(","))
}

/// Walks a list of `total` events, and shows what `after` was asked.
fn walk(ledger: &mut Ledger, total: u32, days: (&str, &str)) -> Vec<String> {
    let mut context = with_api();
    context.memory = ledger.memory.clone();
    let mut asked = Vec::new();
    let task = Task::Sync(testing::window(Axis::Modified, days.0, days.1));
    let ended = ledger.poll::<ClickFunnels>(task, &context, |request| {
        let after = request.query.iter().find(|field| field.name == "after").map(|field| match &field.value {
            FieldValue::Text(text) => text.clone(),
            FieldValue::Secret(_) => panic!("a secret in the query"),
        });
        let after = after.unwrap_or_else(|| "0".into());
        let first = after.parse::<u32>().unwrap() + 1;
        asked.push(after);
        // Without the header `Pagination-Next`.
        Ok(testing::response(200, listed(first, 20.min(total + 1 - first))))
    });
    assert!(matches!(&ended, Ok(Outcome::Synced(coverage)) if coverage.complete), "{ended:?}");
    asked
}

#[test]
fn a_full_page_is_followed_by_another_and_a_later_pass_begins_near_its_window() {
    let mut ledger = Ledger::new();
    assert_eq!(walk(&mut ledger, 60, ("2026-03-01", "2026-03-03")), ["0", "20", "40", "60"]);
    assert_eq!(ledger.entries().len(), 60);
    assert_eq!(walk(&mut ledger, 65, ("2026-03-03", "2026-03-04")), ["40", "60"]);
    assert_eq!(ledger.entries().len(), 65);
    // The memory may be lost, and a window ends before the list does.
    ledger.memory = None;
    assert_eq!(walk(&mut ledger, 65, ("2026-03-01", "2026-03-01")), ["0", "20"]);
}

#[test]
fn a_list_that_goes_in_circles_is_a_failure() {
    let task = Task::Sync(testing::window(Axis::Modified, "2026-03-01", "2026-03-31"));
    let ended = Ledger::new().poll::<ClickFunnels>(task, &with_api(), |_| Ok(testing::response(200, listed(1, 20))));
    assert!(matches!(&ended, Err(Failure::Malformed(why)) if why.contains("does not end")), "{ended:?}");
}

#[test]
fn what_the_api_needs_is_named() {
    let settings = |context: Context| {
        let ended = Ledger::new().poll::<ClickFunnels>(Task::Check, &context, |_| panic!("asked"));
        let Err(Failure::Settings(why)) = ended else { panic!("{ended:?}") };
        why
    };
    assert!(settings(context().build()).contains("workspace_id"));
    assert!(settings(context().secret("api_key").set_integer("workspace_id", 9).build()).contains("`workspace`"));
    let problem = |name: &str| !ClickFunnels::validate(&context().set("workspace", name).build().settings).is_empty();
    assert!(!problem("acme") && !problem("a-1"));
    assert!(problem("acme.example.com/x") && problem("-a") && problem("https://acme.myclickfunnels.com"));
}

#[test]
fn classic_states_replace_one_another_whatever_comes_first() {
    let purchase = |status: &str, second: u32| {
        format!(
            r#"{{"event": "updated", "purchase": {{"id": 1, "status": "{status}", "original_amount_cents": 4700,
            "original_amount_currency": "USD", "contact": {{"email": "ada@example.org"}}, "products": [],
            "created_at": "2026-03-01T10:00:00.000Z", "updated_at": "2026-03-01T10:00:{second:02}.000Z"}}}}"#
        )
    };
    let failed_after_all = [purchase("pending", 0), purchase("paid", 1), purchase("failed", 2)];
    for order in permutations(&failed_after_all) {
        assert_eq!(shown(&order), []);
    }
    // A state that nobody has documented is told, and takes nothing away.
    let mut ledger = Ledger::new();
    receive(&mut ledger, &purchase("paid", 1)).unwrap();
    let unknown = receive(&mut ledger, &purchase("fulfilled", 2));
    assert!(matches!(&unknown, Err(Failure::Malformed(why)) if why.contains("`fulfilled`")), "{unknown:?}");
    assert_eq!(ledger.entries().len(), 1);
    let refunded = [purchase("paid", 1), purchase("refunded", 2)];
    for order in permutations(&refunded) {
        assert_eq!(back(&shown(&order)), Decimal::whole(47));
    }
}
