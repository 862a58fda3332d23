use crate::book::Counts;
use crate::model::{Amounts, Billing, Change, Customer, Door, Entry, EntryKey, Kind, Moment};

use super::*;

pub(super) fn open(dir: &Path) -> Ledger {
    Ledger::open(dir).unwrap()
}

pub(super) fn sales(numbers: std::ops::Range<u32>) -> Vec<Change> {
    let entry = |number: u32| Entry {
        key: EntryKey { kind: Kind::Sale, id: number.to_string() },
        also: vec![],
        order_id: number.to_string(),
        billing: Billing::Initial,
        at: Moment::Utc(i64::from(number)),
        customer: Customer { email: Some(format!("c{}@example.org", number % 100)), id: None },
        currency: "USD".parse().unwrap(),
        amounts: Amounts { total: i64::from(number), ..Amounts::default() },
        lines: vec![],
        tags: vec![],
        revision: 0,
    };
    numbers.map(|number| Change::Put(entry(number))).collect()
}

fn file(sha256: &str) -> Delivery {
    Delivery {
        integration: "shop".into(),
        door: Door::File,
        received_ms: 1,
        what: What::File { name: "a.csv".into(), sha256: sha256.into(), bytes: 3 },
        state: State::Pending,
        attempts: 0,
        from_archive: false,
    }
}

pub(super) fn import(ledger: &Ledger, numbers: std::ops::Range<u32>) -> Counts {
    let mut ingest = ledger.ingest("shop", Door::File).unwrap();
    for start in numbers.clone().step_by(1000) {
        ingest.apply(sales(start..(start + 1000).min(numbers.end))).unwrap();
    }
    let number = ledger.new_delivery();
    let counts = ingest.counts();
    ingest.finish(Finish { record: Some(file("aa")), ..Finish::new(9, number, State::Read { counts }) }).unwrap()
}

#[test]
fn what_was_committed_is_there_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    // Enough to be written ahead in several transactions.
    assert_eq!(import(&ledger, 0..100_000).new, 100_000);
    assert_eq!(import(&ledger, 50_000..100_001), Counts { new: 1, unchanged: 50_000, ..Counts::default() });
    assert_eq!(ledger.book().revision(), 2);
    drop(ledger);
    let ledger = open(dir.path());
    assert_eq!((ledger.book().len(), ledger.book().revision(), ledger.book().customers()), (100_001, 2, 100));
    let place = ledger.book().live().nth(77_777).unwrap().place;
    assert_eq!(ledger.entry(place).unwrap().unwrap().key.id, "77777");
    assert_eq!(import(&ledger, 0..100_001).unchanged, 100_001);
}

#[test]
fn a_dropped_ingest_leaves_no_trace() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    let mut ingest = ledger.ingest("shop", Door::File).unwrap();
    for start in (0..100_000).step_by(1000) {
        ingest.apply(sales(start..start + 1000)).unwrap();
    }
    assert_eq!(ingest.counts().new, 100_000);
    drop(ingest);
    assert!(ledger.book().is_empty());
    assert_eq!(import(&ledger, 0..10).new, 10);
    drop(ledger);
    assert_eq!(open(dir.path()).book().len(), 10);
}

#[test]
fn the_inbox_takes_deliveries_in_during_an_import() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    let mut ingest = ledger.ingest("shop", Door::File).unwrap();
    ingest.apply(sales(0..90_000)).unwrap();
    let new = NewDelivery {
        integration: "shop".into(),
        received_ms: 5,
        query: "a=b".into(),
        headers: vec![("content-type".into(), "application/json".into())],
        body: b"{}".to_vec(),
    };
    let numbers = ledger.receive(&[new.clone(), new]).unwrap();
    assert_eq!(ledger.pending(10, 10, |_| true, |_| true).unwrap(), numbers);
    drop(ingest);
    // As after a kill: blocks written ahead became durable with the inbox, and are swept.
    drop(ledger);
    let ledger = open(dir.path());
    assert!(ledger.book().is_empty());
    let (first, second) = (numbers[0], numbers[1]);
    let stored = ledger.delivery(first).unwrap().unwrap();
    assert_eq!((stored.body.as_slice(), stored.delivery.state), (b"{}".as_slice(), State::Pending));
    let ingest = ledger.ingest("shop", Door::Webhook).unwrap();
    let reason = Quarantined {
        integration: "shop".into(),
        door: Door::Webhook,
        since_ms: 6,
        field: None,
        id: None,
        reason: "junk".into(),
        raw: String::new(),
        connector: "test 1".into(),
    };
    let finish = Finish { quarantine: vec![(0, reason)], ..Finish::new(6, first, State::Quarantined) };
    ingest.finish(finish).unwrap();
    assert_eq!(ledger.pending(10, 10, |_| true, |_| true).unwrap(), [second]);
    assert_eq!(ledger.quarantine(10).unwrap().len(), 1);
    assert!(ledger.requeue(first, false).unwrap());
    assert_eq!(ledger.pending_count().unwrap(), 2);
    ledger
        .ingest("shop", Door::Webhook)
        .unwrap()
        .finish(Finish::new(7, first, State::Ignored { reason: "x".into() }))
        .unwrap();
    assert!(ledger.quarantine(10).unwrap().is_empty(), "a delivery that was read leaves the quarantine");
    assert!(!ledger.requeue(999, false).unwrap());
}

#[test]
fn what_can_be_done_again_is_visible_at_once_and_lasts_with_the_next_commit() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    let new = NewDelivery {
        integration: "shop".into(),
        received_ms: 5,
        query: String::new(),
        headers: Vec::new(),
        body: b"{}".to_vec(),
    };
    let numbers = ledger.receive(&[new.clone(), new.clone()]).unwrap();
    let read = |number: u64, sale: u32| {
        let mut ingest = ledger.ingest("shop", Door::Webhook).unwrap();
        ingest.apply(sales(sale..sale + 1)).unwrap();
        let state = State::Read { counts: ingest.counts() };
        ingest.finish(Finish { repeatable: true, ..Finish::new(6, number, state) }).unwrap();
    };
    let of = |ledger: &Ledger| (ledger.pending_count().unwrap(), ledger.book().len());
    let after_a_kill = || {
        let copy = tempfile::tempdir().unwrap();
        std::fs::copy(dir.path().join(DATABASE), copy.path().join(DATABASE)).unwrap();
        of(&open(copy.path()))
    };
    read(numbers[0], 1);
    assert_eq!((of(&ledger), after_a_kill()), ((1, 1), (2, 0)));
    ledger.make_durable().unwrap();
    assert_eq!(after_a_kill(), (1, 1));
    read(numbers[1], 2);
    assert_eq!((of(&ledger), after_a_kill()), ((0, 2), (1, 1)));
    ledger.receive(&[new]).unwrap();
    assert_eq!(after_a_kill(), (1, 2));
}

#[test]
fn the_many_of_one_integration_do_not_stand_before_the_few_of_another() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    let of = |name: &str, count: usize| {
        let new = NewDelivery {
            integration: name.into(),
            received_ms: 5,
            query: String::new(),
            headers: Vec::new(),
            body: b"{}".to_vec(),
        };
        ledger.receive(&vec![new; count]).unwrap()
    };
    let (many, few) = (of("many", 50), of("man", 2));
    let many_too = of("zoo", 50);
    let pending = ledger.pending(7, 9, |_| true, |_| true).unwrap();
    assert_eq!(pending, [few[0], many[0], many_too[0], few[1], many[1], many_too[1], many[2]]);
    let pending = ledger.pending(7, 9, |name| name != "many", |number| number != few[0]).unwrap();
    assert_eq!(pending, [few[1], many_too[0], many_too[1], many_too[2], many_too[3], many_too[4], many_too[5]]);
    // Who waits for another try may be passed over so often, and no more.
    assert_eq!(ledger.pending(7, 9, |name| name == "many", |number| number > many[7]).unwrap(), [many[8]]);
    let counts = [("man", 2), ("many", 50), ("zoo", 50)].map(|(name, count)| (name.to_owned(), count));
    assert_eq!(ledger.pending_counts().unwrap(), counts.into());
    assert_eq!(ledger.pending_count().unwrap(), 102);
}

#[test]
fn marks_never_move_back_and_memory_goes_with_the_connector() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    for (last, memory) in [(20, "new"), (10, "newer")] {
        let finish = Finish {
            marks: Marks { file_last_ms: Some(last), ..Marks::default() },
            memory: Some(("ab12".into(), memory.into())),
            ..Finish::new(1, ledger.new_delivery(), State::Read { counts: Counts::default() })
        };
        ledger.ingest("shop", Door::File).unwrap().finish(finish).unwrap();
    }
    assert_eq!(ledger.marks("shop").unwrap().file_last_ms, Some(20));
    assert_eq!(ledger.memory("shop", "ab12").unwrap().as_deref(), Some(b"newer".as_slice()));
    assert_eq!(ledger.memory("shop", "cd34").unwrap(), None);
}

#[test]
fn a_second_process_and_a_newer_schema_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    let second = Ledger::open(dir.path()).unwrap_err();
    assert!(matches!(second, LedgerError::InUse(_)), "{second}");
    let write = ledger.db.begin_write().unwrap();
    write.open_table(tables::META).unwrap().insert("schema", 9u32.to_le_bytes().as_slice()).unwrap();
    write.commit().unwrap();
    drop(ledger);
    let newer = Ledger::open(dir.path()).unwrap_err();
    assert!(matches!(newer, LedgerError::TooNew { found: 9, .. }), "{newer}");
}

#[test]
fn a_file_that_is_no_database_is_called_damaged() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("ledger.redb"), vec![b'x'; 10_000]).unwrap();
    let error = Ledger::open(dir.path()).unwrap_err();
    assert!(matches!(error, LedgerError::Damaged { .. }), "{error:?}");
}

#[test]
fn archived_files_come_back_and_unnamed_ones_go() {
    use std::io::{Read, Write};
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    let mut writer = ledger.archive().unwrap();
    writer.write_all(b"a,b\n1,2\n").unwrap();
    writer.keep("aa").unwrap();
    let mut back = String::new();
    ledger.archived("aa").unwrap().read_to_string(&mut back).unwrap();
    assert_eq!(back, "a,b\n1,2\n");
    drop(ledger.archive().unwrap());
    drop(ledger);
    assert!(open(dir.path()).archived("aa").is_err(), "no import names it");
}
