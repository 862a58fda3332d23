//! `ltvd backup`: a copy of a ledger in use that answers, put in its place, as the ledger did.

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use ltvd::ledger::Ledger;

use crate::kit::{Shop, file_of_sales, http, plain, purchase};

const CONFIG: &str = r#"
[report]
currency = "USD"

[integrations.files]
connector = "generic"
currency = "USD"

[integrations.hooks]
connector = "samcart"
currency = "USD"
"#;

/// Webhooks of each sender, at most.
const ORDERS: usize = 1_000;
/// More than any delivery's number.
const NUMBERS: u64 = 5_000;

/// Everything that can be asked about it.
fn answers(shop: &Shop) -> Vec<(String, String)> {
    let mut targets: Vec<String> = [
        "/v1/entries",
        "/v1/imports",
        "/v1/quarantine",
        "/v1/integrations",
        "/v1/ltv?as_of=2026-06-01",
        "/v1/cohorts?as_of=2026-06-01",
        "/v1/revenue?by=week",
        "/v1/customers/many@example.org",
    ]
    .map(str::to_owned)
    .into();
    targets.extend((1..10).map(|number| format!("/v1/deliveries/{number}")));
    // Of some numbers there is no delivery; that is an answer as well.
    targets.into_iter().map(|target| (target.clone(), shop.get(&target).text())).collect()
}

/// Files and folders with their modes, sorted.
fn modes(folder: &Path) -> Vec<(String, u32)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let data = path.metadata().unwrap();
        found.push((path.file_name().unwrap().to_str().unwrap().to_owned(), data.permissions().mode() & 0o777));
        if data.is_dir() {
            found.extend(modes(&path));
        }
    }
    found.sort();
    found
}

#[test]
fn a_restored_backup_answers_as_the_ledger_did() {
    let shop = Shop::new(CONFIG);
    let daemon = shop.start();
    shop.import("files", "a.csv", file_of_sales("a", 300).as_bytes()).ok();
    for order in ["1", "2"] {
        shop.deliver("hooks", "application/json", purchase(order, 0).as_bytes());
    }
    // One that cannot be read.
    shop.deliver("hooks", "application/json", b"{\"type\":\"Order\"}");
    shop.import("files", "b.csv", file_of_sales("b", 20).as_bytes()).ok();
    let before = answers(&shop);
    let address = shop.webhook_path("hooks");

    let told = shop.cli(["backup", "kept"]).ok();
    assert!(told.contains("5 deliveries and 2 files") && told.contains("read back and found equal"), "{told}");
    let found = modes(&shop.path("kept"));
    assert!(found.iter().all(|(name, mode)| *mode == if name == "archive" { 0o700 } else { 0o600 }), "{found:?}");
    assert_eq!(found.len(), 5, "{found:?}");
    assert_eq!(shop.path("kept").metadata().unwrap().permissions().mode() & 0o777, 0o700);

    // Life goes on, and then the disk is lost.
    shop.deliver("hooks", "application/json", purchase("3", 0).as_bytes());
    shop.import("files", "c.csv", file_of_sales("c", 20).as_bytes()).ok();
    assert_ne!(answers(&shop), before);
    daemon.stop();
    fs::rename(shop.path("data"), shop.path("lost")).unwrap();
    fs::rename(shop.path("kept"), shop.path("data")).unwrap();
    fs::rename(shop.path("lost/cache"), shop.path("data/cache")).unwrap();
    let daemon = shop.start();
    assert_eq!(answers(&shop), before);
    // It is a ledger as any other, with the same addresses; files come back from the archive.
    assert_eq!(
        shop.cli(["webhook", "url", "hooks"]).ok().trim().rsplit_once("/hooks/").unwrap().1,
        address.rsplit_once("/hooks/").unwrap().1
    );
    shop.deliver("hooks", "application/json", purchase("3", 0).as_bytes());
    shop.import("files", "c.csv", file_of_sales("c", 20).as_bytes()).ok();
    assert!(shop.cli(["replay", "files"]).ok().contains("requeued") || shop.status()["quarantined"] == 1);
    daemon.stop();
}

#[test]
fn a_backup_is_one_state_while_webhooks_come_in() {
    let shop = Shop::new(CONFIG);
    let daemon = shop.start();
    shop.import("files", "a.csv", file_of_sales("a", 2_000).as_bytes()).ok();
    let path = shop.webhook_path("hooks");
    let (over, acknowledged) = (AtomicBool::new(false), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for sender in 0..3 {
            let (shop, path, over, acknowledged) = (&shop, &path, &over, &acknowledged);
            scope.spawn(move || {
                for number in (0..ORDERS).take_while(|_| !over.load(Ordering::Relaxed)) {
                    let body = purchase(&format!("{sender}-{number}"), 0);
                    http::send(shop.hooks, "POST", path, &[], body.as_bytes()).ok();
                    acknowledged.lock().unwrap().push(body);
                }
            });
        }
        for number in 0..4 {
            let before = acknowledged.lock().unwrap().clone();
            shop.cli(["backup".to_owned(), format!("kept-{number}")]).ok();
            let ledger = Ledger::open(&shop.path(format!("kept-{number}"))).unwrap();
            let all = (1..NUMBERS).filter_map(|number| ledger.delivery(number).unwrap());
            let bodies: HashSet<String> = all.map(|stored| String::from_utf8(stored.body).unwrap()).collect();
            let missing = before.iter().filter(|body| !bodies.contains(*body)).count();
            assert_eq!(missing, 0, "acknowledged before backup {number} of {} and not in it", before.len());
            assert!(ledger.book().len() >= 2_000);
        }
        over.store(true, Ordering::Relaxed);
    });
    daemon.stop();
}

#[test]
fn a_backup_goes_into_a_new_folder_outside() {
    let shop = Shop::new(CONFIG);
    fs::create_dir(shop.path("there")).unwrap();
    fs::write(shop.path("there/mine"), "text").unwrap();
    // Without a daemon the command makes it.
    shop.cli(["backup", "first"]).ok();
    let refused = |folder: &str| {
        let output = shop.cli(["backup", folder]);
        assert_eq!(output.code, Some(1), "{output:?}");
        plain(&shop, &output.stderr)
    };
    let all = ["there", "first", "data/kept", "nowhere/kept"].map(refused).concat();
    insta::assert_snapshot!(all, @"
    error: [shop]/there is there already; name a new folder, so that no backup overwrites another
    error: [shop]/first is there already; name a new folder, so that no backup overwrites another
    error: [shop]/data/kept is inside the data folder and would be lost with it; name a folder outside, best on another disk
    error: [shop]/nowhere/kept cannot be made: [shop]/nowhere: No such file or directory (os error 2)
    ");
    assert_eq!(fs::read(shop.path("there/mine")).unwrap(), b"text");
    let daemon = shop.start();
    assert_eq!(shop.post("/v1/backup?to=kept", &[]).problem(400)["type"], "/problems/question");
    assert!(refused("first").contains("there already"));
    daemon.stop();
    let left = fs::read_dir(shop.path(""))
        .unwrap()
        .filter(|file| file.as_ref().unwrap().file_name().to_str().unwrap().starts_with(".ltvd-backup"));
    assert_eq!(left.count(), 0);
}
