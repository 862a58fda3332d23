mod accessors;
mod snapshots;

use std::collections::HashMap;

use crate::model::{Amounts, Billing, Change, Customer, Door, Entry, EntryKey, Kind, Moment, Order, Withdrawal};

use super::*;

fn sale(id: &str, total: i64, revision: i64) -> Entry {
    Entry {
        key: EntryKey { kind: Kind::Sale, id: id.into() },
        also: vec![],
        order_id: id.into(),
        billing: Billing::Initial,
        at: Moment::Utc(1_000),
        customer: Customer { email: Some("ada@example.org".into()), id: None },
        currency: "USD".parse().unwrap(),
        amounts: Amounts { total, ..Amounts::default() },
        lines: vec![],
        tags: vec![],
        revision,
    }
}

/// A book and the log that made it.
struct Bench {
    book: Book,
    log: Vec<(Door, Vec<Change>)>,
}

impl Bench {
    fn new() -> Self {
        Self { book: Book::new(HashKey(1, 2)), log: vec![] }
    }

    fn deliver(&mut self, door: Door, changes: Vec<Change>) -> Counts {
        let mut draft = Draft::new(&self.book, "shop", door).unwrap();
        let block = u32::try_from(self.log.len()).unwrap();
        let mut written = vec![];
        for change in changes {
            if draft.apply(&self.book, &change, Place { block, index: 0 }).unwrap() == Effect::Write {
                written.push(change);
            }
        }
        let counts = draft.counts();
        if !written.is_empty() {
            self.book.absorb(draft).unwrap();
            self.log.push((door, written));
        }
        counts
    }

    fn put(&mut self, door: Door, entry: Entry) -> Counts {
        self.deliver(door, vec![Change::Put(entry)])
    }

    fn totals(&self) -> Vec<i64> {
        let mut totals: Vec<_> = self.book.live().map(|entry| entry.total).collect();
        totals.sort_unstable();
        totals
    }

    /// The same state must come of the log alone.
    fn read_back(&self) -> Book {
        let mut book = Book::new(HashKey(7, 9));
        let mut replay = book.replay();
        for (block, (door, changes)) in (0u32..).zip(&self.log) {
            replay.commit("shop", *door).unwrap();
            replay.block(&mut book, block, changes).unwrap();
        }
        book.finish(replay).unwrap();
        book
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let again = self.read_back();
        let state = |book: &Book| {
            // Who it is, told by the first thing that they bought: hashes differ from book to book.
            let first = |customer| book.of_customer(customer).first().and_then(|row| book.listed_at(*row));
            let mut known = HashMap::new();
            let mut rows: Vec<_> = book
                .live()
                .map(|e| {
                    let who =
                        *known.entry(e.customer).or_insert_with(|| first(e.customer).map(|e| (e.kind, e.total, e.at)));
                    (e.kind, e.total, e.at, book.is_address(e.customer), who)
                })
                .collect();
            rows.sort_by_key(|row| format!("{row:?}"));
            rows
        };
        assert_eq!(state(&again), state(&self.book), "the log gives another book");
        assert_eq!(again.revision(), self.book.revision());
    }
}

#[test]
fn higher_revision_wins_and_equal_ones_go_to_the_last() {
    let mut bench = Bench::new();
    assert_eq!(bench.put(Door::File, sale("1", 100, 5)).new, 1);
    assert_eq!(bench.put(Door::File, sale("1", 200, 4)).outranked, 1);
    assert_eq!(bench.totals(), [100]);
    assert_eq!(bench.put(Door::File, sale("1", 300, 5)).changed, 1);
    assert_eq!(bench.put(Door::File, sale("1", 300, 5)).unchanged, 1);
    assert_eq!(bench.totals(), [300]);
    assert_eq!(bench.log.len(), 2);
}

#[test]
fn kinds_and_integrations_keep_equal_ids_apart() {
    let mut bench = Bench::new();
    bench.put(Door::File, sale("1", 100, 0));
    let mut refund = sale("1", 40, 0);
    refund.key.kind = Kind::Refund;
    bench.put(Door::File, refund);
    assert_eq!(bench.totals(), [40, 100]);
    assert_eq!(bench.book.order("shop", "1").unwrap().1.len(), 2);
    assert!(bench.book.order("other", "1").is_none());
}

#[test]
fn a_withdrawn_entry_stays_away_from_older_versions() {
    let mut bench = Bench::new();
    bench.put(Door::Poll, sale("1", 100, 1));
    let key = EntryKey { kind: Kind::Sale, id: "1".into() };
    let withdraw = |revision| Change::Withdraw(Withdrawal { key: key.clone(), revision });
    assert_eq!(bench.deliver(Door::Poll, vec![withdraw(3)]).withdrawn, 1);
    assert_eq!(bench.deliver(Door::Poll, vec![withdraw(3)]), Counts::default());
    bench.put(Door::Poll, sale("1", 100, 2));
    assert_eq!(bench.totals(), Vec::<i64>::new());
    assert!(!bench.book.contains("shop", &key));
    bench.put(Door::Poll, sale("1", 100, 3));
    assert_eq!(bench.totals(), [100]);
}

#[test]
fn a_replaced_order_loses_what_is_not_listed() {
    let mut bench = Bench::new();
    let line = |id: &str, total| Entry { order_id: "7".into(), ..sale(id, total, 1) };
    let order = |revision, entries| Change::ReplaceOrder(Order { id: "7".into(), revision, entries });
    bench.deliver(Door::Poll, vec![order(1, vec![line("a", 10), line("b", 20)])]);
    assert_eq!(bench.totals(), [10, 20]);
    assert_eq!(bench.deliver(Door::Poll, vec![order(2, vec![line("a", 10)])]).withdrawn, 1);
    assert_eq!(bench.deliver(Door::Poll, vec![order(1, vec![line("b", 20)])]).outranked, 1);
    assert_eq!(bench.totals(), [10]);
    bench.deliver(Door::Poll, vec![order(3, vec![])]);
    assert_eq!(bench.totals(), Vec::<i64>::new());
    assert_eq!(bench.book.order("shop", "7").unwrap().0, 3);
}

#[test]
fn names_bind_doors_one_to_one() {
    let named = |id: &str, name: &str, revision| Entry { also: vec![name.into()], ..sale(id, 100, revision) };
    for webhook_first in [true, false] {
        let mut bench = Bench::new();
        let webhook = |bench: &mut Bench| bench.put(Door::Webhook, named("rebill:50-1", "600100 2026-04-01", 2));
        // Two genuine twins in one file: one of them is the webhook's.
        let file = vec![
            Change::Put(named("row:1", "600100 2026-04-01", 1)),
            Change::Put(named("row:2", "600100 2026-04-01", 1)),
        ];
        if webhook_first {
            webhook(&mut bench);
            let counts = bench.deliver(Door::File, file.clone());
            assert_eq!((counts.matched, counts.new), (1, 1));
        } else {
            bench.deliver(Door::File, file.clone());
            let counts = webhook(&mut bench);
            assert_eq!((counts.matched, counts.changed), (1, 1));
        }
        assert_eq!(bench.totals(), [100, 100]);
        let before = bench.log.len();
        webhook(&mut bench);
        bench.deliver(Door::File, file);
        assert_eq!(bench.totals(), [100, 100]);
        assert_eq!(bench.log.len(), before, "the same again writes nothing");
    }
}

#[test]
fn a_key_may_be_another_doors_name() {
    let mut bench = Bench::new();
    bench.put(Door::File, sale("rebill:1:2026-04-01", 30, 1));
    let webhook = Entry { also: vec!["rebill:1:2026-04-01".into()], ..sale("charge:9", 30, 0) };
    assert_eq!(bench.put(Door::Webhook, webhook.clone()).matched, 1);
    assert_eq!(bench.put(Door::Webhook, webhook).outranked, 1);
    assert_eq!(bench.totals(), [30]);
}

#[test]
fn a_repeated_delivery_does_not_move_the_moment_of_receipt() {
    let mut bench = Bench::new();
    let at = |ms, total| Entry { at: Moment::Received(ms), ..sale("1", total, 0) };
    bench.put(Door::Webhook, at(5_000, 10));
    assert_eq!(bench.put(Door::Webhook, at(90_000, 10)).unchanged, 1);
    bench.put(Door::Webhook, at(90_000, 12));
    assert_eq!(bench.book.live().next().unwrap().at, Moment::Received(5_000));
    bench.put(Door::File, Entry { revision: 1, ..sale("1", 12, 0) });
    assert_eq!(bench.book.live().next().unwrap().at, Moment::Utc(1_000));
}

#[test]
fn customers_are_addresses_and_ids_point_to_them() {
    let mut bench = Bench::new();
    let who = |id: &str, email: Option<&str>, customer: Option<&str>| Entry {
        customer: Customer { email: email.map(Into::into), id: customer.map(Into::into) },
        ..sale(id, 1, 0)
    };
    bench.put(Door::File, who("1", None, Some("c9")));
    bench.put(Door::File, who("2", Some(" ADA@example.org"), Some("c9")));
    bench.put(Door::File, who("3", Some("ada@example.org"), None));
    bench.put(Door::File, who("4", None, None));
    let customers: Vec<_> = bench.book.live().map(|entry| entry.customer).collect();
    let ada = bench.book.find_email("Ada@Example.org").unwrap();
    assert_eq!(customers, [ada, ada, ada, NONE]);
}
