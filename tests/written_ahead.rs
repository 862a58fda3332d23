//! Blocks of a long file are handed to the database before the commit that names them. Whatever happens to the disk, they count
//! only with that commit.

use std::path::Path;
use std::sync::Arc;

use ltvd::book::Counts;
use ltvd::ledger::{Finish, Ledger, LedgerError, NewDelivery, State};
use ltvd::model::{Amounts, Billing, Change, Customer, Door, Entry, EntryKey, Kind, Moment};

use crate::kit::{Count, Fault, FaultyDisk, random};

/// Sales of so many orders.
fn sales(orders: u32) -> Vec<Change> {
    let sale = |order: u32| Entry {
        key: EntryKey { kind: Kind::Sale, id: order.to_string() },
        also: vec![],
        order_id: order.to_string(),
        billing: Billing::Initial,
        at: Moment::Utc(i64::from(order)),
        customer: Customer { email: Some(format!("c{}@example.org", order % 100)), id: None },
        currency: "USD".parse().unwrap(),
        amounts: Amounts { total: i64::from(order), ..Amounts::default() },
        lines: vec![],
        tags: vec![],
        revision: 0,
    };
    (0..orders).map(|order| Change::Put(sale(order))).collect()
}

/// A file so long that its blocks are handed to the database before the commit that names them, with a webhook between.
fn long_file(ledger: &Ledger, sales: &[Change]) -> Result<(Counts, Vec<u64>), LedgerError> {
    let webhook = NewDelivery {
        integration: "shop".into(),
        received_ms: 1,
        query: String::new(),
        headers: vec![],
        body: b"{}".to_vec(),
    };
    let mut ingest = ledger.ingest("shop", Door::File)?;
    for piece in sales.chunks(4_096) {
        ingest.apply(piece.to_vec())?;
    }
    // Durable, and with it what was written ahead; it must not count for that.
    let received = ledger.receive(std::slice::from_ref(&webhook))?;
    let delivery = ledger.new_delivery();
    let counts = ingest.counts();
    ingest.finish(Finish::new(1, delivery, State::Read { counts })).map(|counts| (counts, received))
}

#[test]
fn blocks_written_ahead_count_only_with_their_commit() {
    const ORDERS: u32 = 70_000;
    let sales = sales(ORDERS);
    let mut random = random();
    let mut tried = 0;
    let open = |disk: &FaultyDisk, dir: &Path| Ledger::open_on(disk.clone(), Arc::new(disk.clone()), dir);
    for at in 1.. {
        let (dir, disk) = (tempfile::tempdir().unwrap(), FaultyDisk::new(random(1 << 30) as u64));
        let fault = [Fault::Broken, Fault::PowerCut][random(2)];
        drop(open(&disk, dir.path()).unwrap());
        // From the opening on. A database is made under another name, so what is half made is never opened.
        disk.fail_at(Count::Syncs, at, fault);
        let told = open(&disk, dir.path()).and_then(|ledger| long_file(&ledger, &sales));
        let Some(hit) = disk.hit() else { break };
        tried += 1;
        let when = format!("after {fault:?} of {hit}, the {at}.");
        let disk = disk.switched_on_again();
        let ledger = open(&disk, dir.path()).unwrap_or_else(|error| panic!("{when}: {error:?}"));
        let found = ledger.book().len();
        assert!(found == 0 || found == ORDERS as usize, "{when}: {found}");
        if told.is_ok() {
            assert_eq!((found, ledger.pending_count().unwrap()), (ORDERS as usize, 1), "{when}");
        }
        let (counts, _) = long_file(&ledger, &sales).unwrap();
        assert_eq!(
            (counts.new + counts.unchanged, ledger.book().len()),
            (u64::from(ORDERS), ORDERS as usize),
            "{when}"
        );
    }
    println!("{{\"test\":\"blocks written ahead\",\"faults\":{tried},\"lost\":0,\"doubled\":0}}");
    assert!(tried > 3);
}
