use std::io::{Read as _, Write as _};

use redb::ReadableTableMetadata as _;

use super::super::tables::{self, Came, Delivery, Exchange, Import, PollTask, Quarantined, State, What};
use super::super::{Finish, NewDelivery};
use super::*;
use crate::book::Counts;
use crate::model::{Amounts, Billing, EntryKey, Kind, Moment, Tag};

const ADA: &str = "ada.canary@example.com";
/// When she is forgotten.
const AT: i64 = 1_700_000_000_000;

fn sale(id: &str, email: Option<&str>, customer: Option<&str>, at: i64) -> Entry {
    Entry {
        key: EntryKey { kind: Kind::Sale, id: id.into() },
        also: vec![],
        order_id: format!("order-{id}"),
        billing: Billing::Initial,
        at: Moment::Utc(at),
        customer: Customer { email: email.map(Into::into), id: customer.map(Into::into) },
        currency: "USD".parse().unwrap(),
        amounts: Amounts { total: 100, ..Amounts::default() },
        lines: vec![],
        tags: vec![],
        revision: 0,
    }
}

/// Her entries, in several spellings, and those of others.
fn shop() -> Vec<Entry> {
    let affiliate = Tag { name: "affiliate".into(), value: "mailto:ADA.canary@example.com".into() };
    vec![
        sale("1", Some("Ada.Canary@Example.com"), Some("7"), 1_000),
        sale("2", None, Some("7"), 2_000),
        sale("order ada.canary@example.com", Some(" ada.canary@example.com"), None, 3_000),
        sale("4", Some("bob@example.com"), Some("8"), 4_000),
        Entry { tags: vec![affiliate], ..sale("5", Some("nada.canary@example.com"), None, 5_000) },
    ]
}

fn put(ledger: &Ledger, door: Door, entries: Vec<Entry>, finish: Finish) -> Counts {
    let mut ingest = ledger.ingest("shop", door).unwrap();
    ingest.apply(entries.into_iter().map(Change::Put).collect()).unwrap();
    ingest.finish(finish).unwrap()
}

fn read() -> State {
    State::Read { counts: Counts::default() }
}

fn import(ledger: &Ledger) -> Counts {
    put(ledger, Door::File, shop(), Finish::new(9, ledger.new_delivery(), read()))
}

/// (customer's number, total) of all live entries, the customers numbered as they come.
fn seen(ledger: &Ledger) -> Vec<(usize, i64)> {
    let book = ledger.book();
    let mut customers = Vec::new();
    let live = book.live().map(|listed| {
        let known = customers.iter().position(|known| *known == listed.customer);
        let number = known.unwrap_or_else(|| {
            customers.push(listed.customer);
            customers.len() - 1
        });
        (number, listed.total)
    });
    live.collect()
}

/// Every change of the log, as text.
fn log(ledger: &Ledger) -> String {
    let mut text = String::new();
    let each = |_: &Commit, _, changes: Vec<Change>| {
        text += &format!("{changes:?}");
        Ok(())
    };
    ledger.each_block(each).unwrap();
    text.to_lowercase()
}

fn poll(task: PollTask) -> Delivery {
    Delivery {
        integration: "shop".into(),
        door: Door::Poll,
        received_ms: 1,
        what: What::Poll { task, memory: None },
        state: State::Unfinished,
        attempts: 0,
        from_archive: false,
    }
}

fn converse(ledger: &Ledger, bodies: &[&str]) -> u64 {
    let exchange = |body: &&str| Exchange {
        request: format!("GET /orders?email={}", "Ada.Canary%40example.com"),
        came: Came::Response { status: 200, headers: vec![], body: body.as_bytes().to_vec(), sha256: String::new() },
    };
    let number = ledger.new_delivery();
    let finish = Finish {
        record: Some(poll(PollTask::Subscribe)),
        exchanges: (0, bodies.iter().map(exchange).collect()),
        ..Finish::new(9, number, read())
    };
    ledger.ingest("shop", Door::Poll).unwrap().finish(finish).unwrap();
    number
}

#[test]
fn entries_go_on_under_a_pseudonym_and_customers_stay_who_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(dir.path()).unwrap();
    import(&ledger);
    let (before, revision) = (seen(&ledger), ledger.book().revision());
    assert_eq!(before, [(0, 100), (0, 100), (0, 100), (1, 100), (2, 100)]);
    let done = ledger.forget("  ADA.Canary@example.com", AT).unwrap().unwrap();
    assert_eq!(done, Forgotten { entries: 4, ..Forgotten::default() });
    assert_eq!(seen(&ledger), before);
    assert!(ledger.book().revision() > revision, "what was made of the book before is made anew");
    assert!(ledger.book().find_email(ADA).is_none() && ledger.book().find_id("shop", "7").is_none());
    assert!(ledger.book().find_email("bob@example.com").is_some());
    let text = log(&ledger);
    assert_eq!(text.matches("canary").count(), 1, "only the other address: {text}");
    assert!(text.contains("nada.canary@example.com") && text.contains("mailto:forgotten-"));
    assert_eq!(ledger.forget(ADA, AT).unwrap(), None, "she is not known any more");
    drop(ledger);
    let ledger = Ledger::open(dir.path()).unwrap();
    assert_eq!(seen(&ledger), before);
    assert_eq!(ledger.book().revision(), revision + 1);
}

#[test]
fn what_comes_again_does_not_bring_her_back_and_a_later_purchase_is_a_new_customer() {
    let dir = tempfile::tempdir().unwrap();
    for reopened in [false, true] {
        let ledger = Ledger::open(dir.path()).unwrap();
        if !reopened {
            import(&ledger);
            ledger.forget(ADA, AT).unwrap().unwrap();
        }
        let before = seen(&ledger);
        assert_eq!(import(&ledger), Counts { unchanged: 5, ..Counts::default() });
        assert_eq!(seen(&ledger), before);
        if reopened {
            // A refund of an order that she made goes with the order; a purchase does not.
            let refund =
                Entry { key: EntryKey { kind: Kind::Refund, id: "r".into() }, ..sale("1", Some(ADA), None, AT + 1) };
            let later = sale("9", Some(ADA), Some("7"), AT + 1);
            put(&ledger, Door::File, vec![refund, later], Finish::new(AT, ledger.new_delivery(), read()));
            let customers: Vec<usize> = seen(&ledger).into_iter().map(|(customer, _)| customer).collect();
            assert_eq!(customers, [0, 0, 0, 1, 2, 0, 3]);
            // Forgotten again, she is two people, none of them known.
            assert_eq!(ledger.forget(ADA, AT + 2).unwrap().unwrap().entries, 1);
            assert_eq!(import(&ledger), Counts { unchanged: 5, ..Counts::default() });
            let customers: Vec<usize> = seen(&ledger).into_iter().map(|(customer, _)| customer).collect();
            assert_eq!(customers, [0, 0, 0, 1, 2, 0, 3]);
        }
    }
}

#[test]
fn an_id_seen_with_two_addresses_goes_with_the_one_it_stands_for() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(dir.path()).unwrap();
    let entries = vec![
        sale("1", Some(ADA), Some("7"), 1),
        sale("2", Some("bob@example.com"), Some("7"), 2),
        sale("3", None, Some("7"), 3),
    ];
    put(&ledger, Door::File, entries, Finish::new(9, 1, read()));
    let before = seen(&ledger);
    ledger.forget(ADA, AT).unwrap().unwrap();
    assert_eq!(seen(&ledger), before);
}

#[test]
fn webhooks_lose_what_they_carried_and_are_not_read_again() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(dir.path()).unwrap();
    let new = |body: &str| NewDelivery {
        integration: "shop".into(),
        received_ms: 1,
        query: "a=b".into(),
        headers: vec![],
        body: body.into(),
    };
    let numbers = ledger.receive(&[new("mail=Ada.Canary%40example.com"), new("by id"), new("mail=bob")]).unwrap();
    let refused = ledger.forget(ADA, AT).unwrap_err();
    assert!(matches!(&refused, LedgerError::NotNow(_)) && !refused.is_fatal(), "{refused}");
    for (number, entry) in numbers.iter().zip([shop().remove(0), shop().remove(1), shop().remove(3)]) {
        put(&ledger, Door::Webhook, vec![entry], Finish::new(9, *number, read()));
    }
    assert_eq!(ledger.forget(ADA, AT).unwrap().unwrap().deliveries, 2);
    for (number, gone) in numbers.iter().zip([true, true, false]) {
        let stored = ledger.delivery(*number).unwrap().unwrap();
        assert_eq!((stored.body.is_empty(), stored.delivery.state == State::Forgotten), (gone, gone));
        assert_eq!(ledger.requeue(*number, false).unwrap(), !gone);
    }
    assert_eq!(ledger.requests_of("shop").unwrap(), [numbers[2]]);
}

#[test]
fn answers_of_platforms_are_rewritten_and_counted_as_before() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(dir.path()).unwrap();
    let hers = r#"[{"id":1,"email":"Ada.Canary@example.com","first_name":"Ada"},{"id":2,"email":"bob@example.com","first_name":"Bob"}]"#;
    let first = converse(&ledger, &[hers, "not json: ada.canary@example.com"]);
    let second = converse(&ledger, &[hers, "nobody"]);
    let done = ledger.forget(ADA, AT).unwrap().unwrap();
    assert_eq!((done.responses, done.others), (2, 4));
    for (number, other) in [(first, ""), (second, "nobody")] {
        let exchanges = ledger.exchanges(number).unwrap();
        let bodies: Vec<String> = exchanges
            .iter()
            .map(|exchange| match &exchange.came {
                Came::Response { body, .. } => String::from_utf8(body.clone()).unwrap(),
                other => panic!("{other:?}"),
            })
            .collect();
        assert!(
            bodies[0].contains("Bob") && !bodies[0].contains("Ada") && bodies[0].contains("forgotten-"),
            "{bodies:?}"
        );
        assert_eq!(bodies[1], other);
        assert!(exchanges.iter().all(|exchange| exchange.request.ends_with('*')));
    }
    let stored = || ledger.db.begin_read().unwrap().open_table(tables::RESPONSES).unwrap().len().unwrap();
    assert_eq!(stored(), 3);
    assert_eq!(ledger.prune_responses("shop", 9).unwrap(), 4);
    assert_eq!(stored(), 0, "each body goes with the last exchange that names it");
}

fn archive(ledger: &Ledger, sha256: &str, text: &[u8], quarantine: Vec<(u64, Quarantined)>) {
    let mut writer = ledger.archive().unwrap();
    writer.write_all(text).unwrap();
    writer.keep(sha256).unwrap();
    let number = ledger.new_delivery();
    let import: Import = serde_json::from_value(serde_json::json!({
        "delivery": number, "name": "ada.canary@example.com.csv", "at_ms": 1, "bytes": 1, "format": "f", "connector": "c",
        "rows": 1, "rows_read": 1, "rows_ignored": 0, "rows_refused": 0, "counts": Counts::default(), "totals": {},
        "span_ms": null, "notes": {}, "rounded": 0, "parts_mismatch": 0,
    }))
    .unwrap();
    let finish = Finish { quarantine, import: Some((sha256.into(), import)), ..Finish::new(1, number, read()) };
    ledger.ingest("shop", Door::File).unwrap().finish(finish).unwrap();
}

fn archived(ledger: &Ledger, sha256: &str) -> String {
    let mut text = String::new();
    ledger.archived(sha256).unwrap().read_to_string(&mut text).unwrap();
    text
}

#[test]
fn files_keep_their_lines_without_her_records() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(dir.path()).unwrap();
    let text = "id,mail\n1,\"Ada.Canary@Example.com\"\n2,bob@example.com\n";
    let wide: Vec<u8> = "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let row = Quarantined {
        integration: "shop".into(),
        door: Door::File,
        since_ms: 0,
        field: None,
        id: Some("ada.canary@example.com".into()),
        reason: "`ada.canary@example.com` is no amount".into(),
        raw: "1,ada.canary@example.com,Ada".into(),
        connector: "c 1".into(),
    };
    archive(&ledger, "aa", text.as_bytes(), vec![(2, row)]);
    archive(&ledger, "bb", &wide, vec![]);
    archive(&ledger, "cc", b"id,mail\n2,bob@example.com\n", vec![]);
    let done = ledger.forget(ADA, AT).unwrap().unwrap();
    assert_eq!((done.files, done.records, done.quarantined), (2, 2, 1));
    for name in ["aa", "bb"] {
        assert_eq!(archived(&ledger, name), "id,mail\n\n2,bob@example.com\n", "{name}");
    }
    let struck: Vec<bool> = ledger.imports().unwrap().into_iter().map(|(_, _, import)| import.struck).collect();
    assert_eq!(struck, [true, true, false]);
    let (_, _, left) = ledger.quarantine(1).unwrap().remove(0);
    assert_eq!((left.raw.as_str(), left.id.as_deref()), ("", Some("*".repeat(22).as_str())));
    assert!(!format!("{left:?}{:?}", ledger.imports().unwrap()).contains("canary"));
}

#[test]
fn a_crash_after_the_files_leaves_a_person_who_can_be_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(dir.path()).unwrap();
    import(&ledger);
    archive(&ledger, "aa", b"id,mail\n1,ada.canary@example.com\n", vec![]);
    let wanted = ledger.wanted(ADA.into()).unwrap();
    let kept = ledger.kept(&wanted, &BTreeSet::new()).unwrap();
    ledger.rewrite_files(&wanted, &kept).unwrap();
    drop(ledger);
    let ledger = Ledger::open(dir.path()).unwrap();
    assert_eq!(archived(&ledger, "aa"), "id,mail\n\n");
    let done = ledger.forget(ADA, AT).unwrap().unwrap();
    assert_eq!((done.entries, done.files), (4, 0));
    assert!(ledger.imports().unwrap().iter().all(|(_, _, import)| import.struck));
}
