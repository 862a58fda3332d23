//! Databases of other versions: an older one is brought to this one, whatever happens to the disk meanwhile; a newer one is
//! left alone.

use std::path::Path;
use std::sync::Arc;

use ltvd::ledger::{Came, Ledger, LedgerError, What};
use redb::{Database, Key, ReadableDatabase as _, TableDefinition, Value, WriteTransaction};

use crate::kit::{Count, Fault, FaultyDisk, Shop, random};

const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
const SHA: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

/// Bytes of postcard, written by hand: what is read here is what was written then, not what is written now.
#[derive(Default)]
struct Postcard(Vec<u8>);

impl Postcard {
    fn number(mut self, mut number: u64) -> Self {
        while number >= 128 {
            self.0.push((number % 128) as u8 | 128);
            number /= 128;
        }
        self.0.push(number as u8);
        self
    }

    fn signed(self, number: i64) -> Self {
        self.number(((number << 1) ^ (number >> 63)) as u64)
    }

    fn text(self, text: &str) -> Self {
        let mut longer = self.number(text.len() as u64);
        longer.0.extend_from_slice(text.as_bytes());
        longer
    }

    fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// A sale, as a change.
    fn sale(self, id: &str, total: i64) -> Self {
        let key = self.number(0).number(0).text(id);
        let names = key.number(0).text(id).number(0);
        let at = names.number(0).signed(1_767_312_000_000);
        let customer = at.number(1).text("ada@example.org").number(0);
        // Of the amounts, the total alone; no lines, no tags, revision 7.
        customer.raw(b"USD").signed(total).raw(&[0; 6]).number(0).number(0).signed(7)
    }
}

/// A ledger as version 1, 2 or 3 left it: a file with two sales, a webhook that waits, a row in quarantine, and from version 2 on
/// a conversation with a platform.
fn old(version: u32) -> FaultyDisk {
    let disk = FaultyDisk::new(1);
    let db = Database::builder().create_with_backend(disk.clone()).unwrap();
    let write = db.begin_write().unwrap();
    let counts = r#"{"new":2,"changed":0,"unchanged":0,"outranked":0,"withdrawn":0,"matched":0}"#;
    let commit = Postcard::default().signed(1_767_400_000_000).text("shop").number(2).number(1).number(0).number(1);
    let commit = commit.number(2).raw(&[0; 5]).0;
    let block = Postcard::default().number(2).sale("A", 1_000).sale("B", 250).0;
    let zstd = |bytes: &[u8]| zstd::bulk::compress(bytes, 1).unwrap();
    put::<&str, &[u8]>(&write, "meta", "schema", &version.to_le_bytes());
    put::<&str, &[u8]>(&write, "meta", "hash-key", &[9; 16]);
    put::<u64, &[u8]>(&write, "log", 0, &commit);
    put::<u32, &[u8]>(&write, "blocks", 0, &zstd(&block));
    let file = format!(
        r#"{{"integration":"shop","door":"file","received_ms":1,"what":{{"type":"file","name":"a.csv","sha256":"{SHA}","bytes":4}},
        "state":{{"state":"read","counts":{counts}}},"attempts":1}}"#
    );
    put::<u64, &[u8]>(&write, "deliveries", 1, file.as_bytes());
    let webhook = br#"{"integration":"shop","door":"webhook","received_ms":2,"what":{"type":"request","query":"a=b",
        "headers":[["content-type","application/json"]]},"state":{"state":"pending"},"attempts":0}"#;
    put::<u64, &[u8]>(&write, "deliveries", 2, webhook);
    put::<u64, &[u8]>(&write, "bodies", 2, &zstd(b"{\"type\":\"Order\"}"));
    put::<u64, ()>(&write, "inbox", 2, ());
    let row = br#"{"integration":"shop","door":"file","since_ms":3,"field":"amount","id":"C","reason":"no amount","raw":"C,,",
        "connector":"generic 0.1.0"}"#;
    put::<(u64, u64), &[u8]>(&write, "quarantine", (1, 4), row);
    let import = format!(
        r#"{{"delivery":1,"name":"a.csv","at_ms":1767400000000,"bytes":4,"format":"movements","connector":"generic 0.1.0","rows":3,
        "rows_read":2,"rows_ignored":0,"rows_refused":1,"counts":{counts},"totals":{{"USD sale":{{"entries":2,"minor":1250}}}},
        "span_ms":[1767312000000,1767312000000],"notes":{{}},"rounded":0,"parts_mismatch":0}}"#
    );
    put::<(&str, &str), &[u8]>(&write, "imports", ("shop", SHA), import.as_bytes());
    let marks = br#"{"file_last_ms":1767312000000,"declared_day":20454,"webhook_last_ms":5}"#;
    put::<&str, &[u8]>(&write, "marks", "shop", marks);
    put::<&str, &[u8]>(&write, "memory", "shop", b"ab12\nremembered");
    if version >= 2 {
        let body = b"[]";
        let hash = <[u8; 32]>::from(<sha2::Sha256 as sha2::Digest>::digest(body));
        let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        let poll = br#"{"integration":"shop","door":"poll","received_ms":4,"what":{"type":"poll","task":{"task":"sync",
            "modified":true,"start_ms":0,"end_ms":9},"memory":null},"state":{"state":"ignored","reason":"nothing"},"attempts":1,
            "from_archive":false}"#;
        put::<u64, &[u8]>(&write, "deliveries", 3, poll);
        let exchange = format!(
            r#"{{"request":"GET https://shop.example/orders","came":{{"response":{{"status":200,"headers":[],"sha256":"{hex}"}}}}}}"#
        );
        put::<(u64, u32), &[u8]>(&write, "exchanges", (3, 0), exchange.as_bytes());
        put::<&[u8], &[u8]>(&write, "responses", hash.as_slice(), &[&[1, 0, 0, 0], zstd(body).as_slice()].concat());
        let cursor =
            br#"{"from_day":20000,"load":null,"through_ms":9,"rechecked_ms":9,"subscribed_ms":null,"stopped":null}"#;
        put::<&str, &[u8]>(&write, "cursors", "shop", cursor);
        put::<(&str, i64), &[u8]>(&write, "passes", ("shop", 9), br#"{"began_ms":9,"complete":true,"windows":1}"#);
    }
    if version >= 3 {
        write.open_table(TableDefinition::<u64, &[u8]>::new("forgotten")).unwrap();
    }
    write.commit().unwrap();
    drop(db);
    disk
}

fn put<K: Key + 'static, V: Value + 'static>(
    write: &WriteTransaction,
    table: &str,
    key: K::SelfType<'_>,
    value: V::SelfType<'_>,
) {
    write.open_table(TableDefinition::<K, V>::new(table)).unwrap().insert(key, value).unwrap();
}

fn open(disk: &FaultyDisk, dir: &Path) -> Result<Ledger, LedgerError> {
    Ledger::open_on(disk.clone(), Arc::new(disk.clone()), dir)
}

/// Everything of the old ledger is there, and it takes in more.
fn check(ledger: &Ledger, version: u32) {
    assert_eq!((ledger.book().len(), ledger.book().revision()), (2, 1));
    let place = ledger.book().live().next().unwrap().place;
    assert_eq!(ledger.entry(place).unwrap().unwrap().amounts.total, 1_000);
    let stored = ledger.delivery(2).unwrap().unwrap();
    assert!(matches!(&stored.delivery.what, What::Request { query, .. } if query == "a=b"));
    assert_eq!(stored.body, b"{\"type\":\"Order\"}");
    assert_eq!(ledger.pending(9, 9, |name| name == "shop", |_| true).unwrap(), [2]);
    assert_eq!(ledger.pending_count().unwrap(), 1);
    let quarantine = ledger.quarantine(9).unwrap();
    assert_eq!((quarantine.len(), quarantine[0].2.reason.as_str()), (1, "no amount"));
    assert_eq!(ledger.import("shop", SHA).unwrap().unwrap().rows_read, 2);
    let marks = ledger.marks("shop").unwrap();
    assert_eq!((marks.file_last_ms, marks.declared_day), (Some(1_767_312_000_000), Some(20_454)));
    assert_eq!(ledger.memory("shop", "ab12").unwrap().as_deref(), Some(b"remembered".as_slice()));
    assert_eq!(ledger.cursor("shop").unwrap().through_ms, (version >= 2).then_some(9));
    assert_eq!(ledger.passes("shop", 9).unwrap().len(), usize::from(version >= 2));
    if version >= 2 {
        let exchanges = ledger.exchanges(3).unwrap();
        assert!(matches!(&exchanges[0].came, Came::Response { status: 200, body, .. } if body == b"[]"));
    }
    assert!(ledger.new_delivery() > u64::from(version));
}

#[test]
fn an_older_ledger_is_brought_to_this_version() {
    for version in [1, 2, 3] {
        let (disk, dir) = (old(version), tempfile::tempdir().unwrap());
        for _ in 0..2 {
            let ledger = open(&disk, dir.path()).unwrap();
            check(&ledger, version);
        }
        // It says of itself what it is now.
        let db = Database::builder().create_with_backend(disk).unwrap();
        let meta = db.begin_read().unwrap().open_table(META).unwrap();
        let found = u32::from_le_bytes(meta.get("schema").unwrap().unwrap().value().try_into().unwrap());
        assert!(found >= 4);
        if version == found {
            // Nothing was to be done, and nothing was written.
            assert!(meta.get("written-by").unwrap().is_none());
            continue;
        }
        assert_eq!(meta.get("written-by").unwrap().unwrap().value(), env!("CARGO_PKG_VERSION").as_bytes());
    }
}

#[test]
fn a_migration_survives_every_fault_of_the_disk() {
    let mut random = random();
    let mut tried = 0;
    for version in [1, 2, 3] {
        for (count, fault) in [
            (Count::Syncs, Fault::Broken),
            (Count::Syncs, Fault::PowerCut),
            (Count::Writes, Fault::Full),
            (Count::Writes, Fault::Short),
            (Count::Writes, Fault::Broken),
            (Count::Writes, Fault::PowerCut),
        ] {
            for at in 1.. {
                let dir = tempfile::tempdir().unwrap();
                let disk = old(version).switched_on_again().seeded(random(1 << 30) as u64);
                disk.fail_at(count, at, fault);
                let opened = open(&disk, dir.path());
                if let Ok(ledger) = &opened {
                    check(ledger, version);
                }
                drop(opened);
                let Some(hit) = disk.hit() else { break };
                tried += 1;
                let disk = disk.switched_on_again();
                let ledger = open(&disk, dir.path());
                let when = format!("version {version}, after {fault:?} of {hit}, the {at}. of {count:?}");
                check(&ledger.unwrap_or_else(|error| panic!("{when}: {error:?}")), version);
            }
        }
    }
    println!("{{\"test\":\"migration\",\"faults\":{tried},\"lost\":0}}");
    assert!(tried > 20);
}

#[test]
fn a_newer_ledger_is_refused_and_left_as_it_is() {
    let shop = Shop::new("[integrations.files]\nconnector = \"generic\"\ncurrency = \"USD\"\n");
    shop.start().stop();
    let path = shop.path("data/ledger.redb");
    {
        let db = Database::open(&path).unwrap();
        let write = db.begin_write().unwrap();
        {
            let mut meta = write.open_table(META).unwrap();
            meta.insert("schema", 99_u32.to_le_bytes().as_slice()).unwrap();
            meta.insert("written-by", b"7.0.1".as_slice()).unwrap();
        }
        write.commit().unwrap();
    }
    for command in ["run", "status"] {
        let output = shop.cli([command]);
        assert_eq!(output.code, Some(1), "{output:?}");
        let text = format!(
            "ledger {} was written by the newer ltvd 7.0.1: it has schema 99, but this ltvd {} knows schemas up to ",
            path.display(),
            env!("CARGO_PKG_VERSION")
        );
        assert!(output.stderr.contains(&text), "{}", output.stderr);
        assert!(output.stderr.contains("install the newer ltvd again, or restore a backup"), "{}", output.stderr);
    }
    // For the newer ltvd it is as it was.
    let meta = Database::open(&path).unwrap().begin_read().unwrap().open_table(META).unwrap();
    assert_eq!(meta.get("schema").unwrap().unwrap().value(), 99_u32.to_le_bytes());
    assert_eq!(meta.get("written-by").unwrap().unwrap().value(), b"7.0.1");
}
