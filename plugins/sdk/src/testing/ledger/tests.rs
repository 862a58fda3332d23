use super::*;
use crate::types::{Billing, Customer, EntryKey};

fn sale(id: &str, total: i64, revision: i64) -> Entry {
    Entry {
        billing: Billing::Unknown,
        customer: Customer { email: None, id: None },
        ..Entry::sale(id, "1", Moment::Utc(0), "EUR", Decimal::whole(total)).revision(revision)
    }
}

fn put(ledger: &mut Ledger, door: Door, entry: Entry) {
    ledger.change(door, Change::Put(entry));
}

fn totals(ledger: &Ledger) -> Vec<Decimal> {
    ledger.entries().iter().map(|entry| entry.amounts.total).collect()
}

#[test]
fn names_bind_doors_one_to_one_in_any_order() {
    let named = |id: &str, revision| sale(id, 10, revision).also("1 2026-04-01");
    let deliver: [fn(&mut Ledger, [Entry; 4]); 2] = [
        |ledger, [poll, hook, one, two]| {
            put(ledger, Door::Poll, poll);
            put(ledger, Door::Webhook, hook);
            put(ledger, Door::File, one);
            put(ledger, Door::File, two);
        },
        |ledger, [poll, hook, one, two]| {
            put(ledger, Door::File, two);
            put(ledger, Door::File, one);
            put(ledger, Door::Webhook, hook);
            put(ledger, Door::Poll, poll);
        },
    ];
    for deliver in deliver {
        let mut ledger = Ledger::new();
        // Genuine twins of one file: one of them is what the other doors tell.
        let entries = || [named("poll", 3), named("hook", 2), named("row 1", 1), named("row 2", 1)];
        deliver(&mut ledger, entries());
        deliver(&mut ledger, entries());
        assert_eq!(ledger.entries().len(), 2);
        assert_eq!(ledger.get(Kind::Sale, "hook").map(|entry| entry.key.id.as_str()), Some("poll"));
    }
}

#[test]
fn a_key_may_be_another_doors_name_but_not_of_another_kind() {
    let mut ledger = Ledger::new();
    put(&mut ledger, Door::File, sale("rebill:1", 30, 1));
    put(&mut ledger, Door::Webhook, sale("charge:9", 30, 0).also("rebill:1"));
    assert_eq!(totals(&ledger), [Decimal::whole(30)]);
    let refund = Entry { key: EntryKey::new(Kind::Refund, "rebill:1"), ..sale("", 5, 9) };
    put(&mut ledger, Door::Poll, refund);
    assert_eq!(ledger.entries().len(), 2);
}

#[test]
fn a_withdrawn_entry_stays_away_from_older_versions_and_from_names() {
    let mut ledger = Ledger::new();
    put(&mut ledger, Door::Webhook, sale("a", 10, 1).also("name"));
    ledger.change(Door::Poll, Change::Withdraw(Withdrawal::new(Kind::Sale, "a", 5)));
    put(&mut ledger, Door::Webhook, sale("a", 10, 4));
    assert!(ledger.entries().is_empty());
    put(&mut ledger, Door::Poll, sale("b", 11, 1).also("name"));
    assert_eq!(totals(&ledger), [Decimal::whole(11)], "an entry of its own");
    put(&mut ledger, Door::Webhook, sale("a", 10, 5));
    assert_eq!(ledger.entries().len(), 2);
}

#[test]
fn an_order_is_replaced_as_a_whole_and_not_by_an_older_telling() {
    let mut ledger = Ledger::new();
    let order = |revision, entries| Change::ReplaceOrder(Order::new("1", revision, entries));
    ledger.change(Door::Poll, order(1, vec![sale("a", 10, 0), sale("b", 20, 0)]));
    ledger.change(Door::Poll, order(3, vec![sale("a", 10, 0)]));
    ledger.change(Door::Poll, order(2, vec![sale("b", 20, 0)]));
    assert_eq!(totals(&ledger), [Decimal::whole(10)]);
    ledger.change(Door::Poll, order(4, vec![]));
    assert_eq!((ledger.order("1").revision, ledger.order("1").entries.len()), (4, 0));
}

#[test]
fn totals_are_handed_over_with_the_decimals_of_the_currency() {
    let mut ledger = Ledger::new();
    put(&mut ledger, Door::Poll, Entry { currency: "JPY".into(), ..sale("yen", 1500, 0) });
    put(&mut ledger, Door::Poll, sale("cents", 15, 0));
    let stored = ledger.order("1").entries;
    let told: Vec<(i64, u8)> = stored.iter().map(|entry| (entry.total.coefficient, entry.total.scale)).collect();
    assert_eq!(told, [(1500, 0), (1500, 2)]);
}
