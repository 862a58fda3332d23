//! What platforms answered, and how far polling has come.

use redb::{ReadableDatabase as _, ReadableTableMetadata as _};

use crate::book::Counts;
use crate::model::Door;

use super::*;

fn poll(received_ms: i64) -> Delivery {
    Delivery {
        integration: "shop".into(),
        door: Door::Poll,
        received_ms,
        what: What::Poll { task: PollTask::Sync { modified: true, start_ms: 0, end_ms: received_ms }, memory: None },
        state: State::Unfinished,
        attempts: 0,
        from_archive: false,
    }
}

fn came(request: &str, body: &str) -> Exchange {
    let came = Came::Response { status: 200, headers: Vec::new(), body: body.into(), sha256: String::new() };
    Exchange { request: request.into(), came }
}

/// Keeps a conversation with these exchanges, and gives its number.
fn converse(ledger: &Ledger, received_ms: i64, exchanges: Vec<Exchange>) -> u64 {
    let number = ledger.new_delivery();
    let finish = Finish {
        record: Some(poll(received_ms)),
        exchanges: (0, exchanges),
        ..Finish::new(received_ms, number, State::Read { counts: Counts::default() })
    };
    ledger.ingest("shop", Door::Poll).unwrap().finish(finish).unwrap();
    number
}

fn bodies(ledger: &Ledger, number: u64) -> Vec<String> {
    let body = |exchange: Exchange| match exchange.came {
        Came::Response { body, .. } => String::from_utf8(body).unwrap(),
        other => panic!("{other:?}"),
    };
    ledger.exchanges(number).unwrap().into_iter().map(body).collect()
}

#[test]
fn equal_responses_are_kept_once_and_as_long_as_one_needs_them() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(dir.path()).unwrap();
    let stored = || ledger.db.begin_read().unwrap().open_table(tables::RESPONSES).unwrap().len().unwrap();
    let old = converse(&ledger, 1_000, vec![came("a", "same"), came("b", "old")]);
    let new = converse(&ledger, 2_000, vec![came("a", "same"), came("a", "same")]);
    assert_eq!(stored(), 2);
    assert_eq!(bodies(&ledger, old), ["same", "old"]);
    assert_eq!(ledger.prune_responses("other", 9_000).unwrap(), 0);
    assert_eq!(ledger.prune_responses("shop", 1_500).unwrap(), 2);
    assert_eq!((stored(), bodies(&ledger, old), bodies(&ledger, new)), (1, vec![], vec!["same".into(), "same".into()]));
    assert_eq!(ledger.prune_responses("shop", 9_000).unwrap(), 2);
    assert_eq!(stored(), 0);
    assert_eq!(ledger.prune_responses("shop", 9_000).unwrap(), 0);
}

#[test]
fn a_second_try_replaces_what_the_first_one_was_told() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(dir.path()).unwrap();
    let number = converse(&ledger, 1_000, vec![came("a", "one"), came("b", "two")]);
    let finish = Finish {
        exchanges: (0, vec![came("a", "three")]),
        ..Finish::new(2_000, number, State::Read { counts: Counts::default() })
    };
    ledger.ingest("shop", Door::Poll).unwrap().finish(finish).unwrap();
    assert_eq!(bodies(&ledger, number), ["three"]);
    assert_eq!(ledger.db.begin_read().unwrap().open_table(tables::RESPONSES).unwrap().len().unwrap(), 1);
}

#[test]
fn what_waits_in_quarantine_is_not_pruned_and_not_lost_between_steps() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(dir.path()).unwrap();
    let number = ledger.new_delivery();
    let quarantined = Quarantined {
        integration: "shop".into(),
        door: Door::Poll,
        since_ms: 0,
        field: None,
        id: Some("order:7".into()),
        reason: "?".into(),
        raw: String::new(),
        connector: "c 1".into(),
    };
    let finish = Finish {
        record: Some(poll(1_000)),
        exchanges: (0, vec![came("a", "raw")]),
        quarantine: vec![(1, quarantined)],
        ..Finish::new(1_000, number, State::Quarantined)
    };
    ledger.ingest("shop", Door::Poll).unwrap().finish(finish).unwrap();
    assert_eq!(ledger.prune_responses("shop", 9_000).unwrap(), 0);
    // The first step of another reading has nothing to say about it.
    let step = Finish { concludes: false, ..Finish::new(2_000, number, State::Unfinished) };
    ledger.ingest("shop", Door::Poll).unwrap().finish(step).unwrap();
    assert_eq!(ledger.quarantine(9).unwrap().len(), 1);
    // A conversation that reads the object settles it; one of another integration does not.
    for (integration, left) in [("other", 1), ("shop", 0)] {
        let settles = ["order:7".to_owned()].into();
        let finish = Finish { settles, ..Finish::new(3_000, ledger.new_delivery(), State::Unfinished) };
        ledger.ingest(integration, Door::Poll).unwrap().finish(finish).unwrap();
        assert_eq!(ledger.quarantine(9).unwrap().len(), left, "{integration}");
    }
}

#[test]
fn a_cursor_moves_with_the_changes_and_passes_are_remembered() {
    let dir = tempfile::tempdir().unwrap();
    {
        let ledger = Ledger::open(dir.path()).unwrap();
        let cursor = Cursor { through_ms: Some(5_000), ..Cursor::default() };
        let marks = Marks { synced_ms: Some(5_000), ..Marks::default() };
        let finish = Finish {
            record: Some(poll(5_000)),
            cursor: Some(cursor),
            marks,
            ..Finish::new(5_000, ledger.new_delivery(), State::Unfinished)
        };
        ledger.ingest("shop", Door::Poll).unwrap().finish(finish).unwrap();
        for began_ms in 0..250 {
            ledger.keep_pass("shop", &Pass { began_ms, ..Pass::default() }).unwrap();
        }
    }
    let ledger = Ledger::open(dir.path()).unwrap();
    assert_eq!(ledger.cursor("shop").unwrap().through_ms, Some(5_000));
    assert_eq!(ledger.marks("shop").unwrap().synced_ms, Some(5_000));
    let passes = ledger.passes("shop", 1_000).unwrap();
    assert_eq!((passes.len(), passes[0].began_ms), (limits::PASSES_KEPT, 249));
    assert_eq!(ledger.cursor("other").unwrap(), Cursor::default());
}
