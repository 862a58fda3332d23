//! The drop folder among people who are not all careful, and not all trusted.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::thread;
use std::time::Duration;

use crate::kit::{BOUND, Shop, wait_until};

const GENERIC: &str = "[integrations.shop]\nconnector = \"generic\"\n";
const HEAD: &str = "date,email,amount,currency,id,product\n";

fn row(id: &str, amount: &str) -> String {
    format!("2026-03-05,buyer@example.org,{amount},USD,{id},Tea\n")
}

fn file(rows: &[(&str, &str)]) -> String {
    rows.iter().fold(HEAD.to_owned(), |file, (id, amount)| file + &row(id, amount))
}

/// Every total, sorted.
fn totals(shop: &Shop) -> Vec<String> {
    let entries = shop.cli(["export", "shop"]).ok();
    let mut totals: Vec<String> = entries
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["total"].as_str().unwrap().to_owned())
        .collect();
    totals.sort();
    totals
}

#[test]
fn links_in_the_drop_folder_lead_ltvd_nowhere() {
    let shop = Shop::new(&format!("{GENERIC}\n[integrations.linked]\nconnector = \"generic\"\n"));
    let precious = shop.path("precious");
    fs::write(&precious, "figures").unwrap();
    fs::create_dir_all(shop.path("elsewhere")).unwrap();
    fs::write(shop.path("elsewhere/book.csv"), file(&[("t-9", "9.00")])).unwrap();
    fs::create_dir_all(shop.path("drop/shop/done")).unwrap();
    symlink(&precious, shop.path("drop/shop/done/b.csv.report.txt")).unwrap();
    symlink(shop.path("elsewhere"), shop.path("drop/linked")).unwrap();
    let _daemon = shop.start();
    let report = shop.import("shop", "b.csv", file(&[("t-1", "10.00")]).as_bytes()).ok();
    assert!(report.contains("1 new"), "{report}");
    assert_eq!(fs::read_to_string(&precious).unwrap(), "figures");
    let told = wait_until("the link is told", BOUND, || {
        let told = shop.cli(["status"]).ok();
        told.contains("links are not followed").then_some(told)
    });
    assert!(told.contains("linked"), "{told}");
    assert!(shop.path("elsewhere/book.csv").is_file());
    assert_eq!(totals(&shop), ["10.00"]);
}

#[test]
fn an_older_file_again_does_not_win_over_a_newer_one() {
    let shop = Shop::new(GENERIC);
    let daemon = shop.start();
    let (old, new) = (file(&[("t-1", "49.00")]), file(&[("t-1", "59.00")]));
    shop.import("shop", "old.csv", old.as_bytes()).ok();
    shop.import("shop", "new.csv", new.as_bytes()).ok();
    assert_eq!(totals(&shop), ["59.00"]);
    let again = shop.import("shop", "old-again.csv", old.as_bytes()).ok();
    assert!(again.contains("imported before, nothing added") && again.contains("and is not read again"), "{again}");
    assert_eq!(totals(&shop), ["59.00"]);
    fs::write(shop.path("by-hand.csv"), &old).unwrap();
    let by_hand = shop.cli(["import", "by-hand.csv", "--complete-through", "2026-03-31"]).ok();
    assert!(by_hand.contains("and is not read again"), "{by_hand}");
    assert_eq!(totals(&shop), ["59.00"]);
    // What the operator says counts all the same.
    assert_eq!(shop.get("/v1/ltv?horizons=to_date").ok().json()["definition"]["as_of"]["day"], "2026-04-01");
    daemon.stop();

    // Other settings read another thing.
    shop.configure(&format!("{GENERIC}zone = \"Asia/Tokyo\"\n"));
    let _daemon = shop.start();
    let other = shop.import("shop", "old-tokyo.csv", old.as_bytes()).ok();
    assert!(other.contains("with other settings") && !other.contains("is not read again"), "{other}");
}

#[test]
fn a_file_that_grows_after_it_was_put_away_is_read_again() {
    let shop = Shop::new(GENERIC);
    let _daemon = shop.start();
    let folder = shop.path("drop/shop");
    let path = folder.join("slow.csv");
    fs::write(&path, file(&[("t-1", "10.00")])).unwrap();
    // The one who writes has it open all the time, and pauses.
    let mut writer = OpenOptions::new().append(true).open(&path).unwrap();
    shop.wait_for_report("shop", "slow.csv").ok();
    assert_eq!(totals(&shop), ["10.00"]);
    writer.write_all(row("t-2", "20.00").as_bytes()).unwrap();
    let report = wait_until("the rest is read", BOUND, || {
        let report = fs::read_to_string(folder.join("done/slow.csv.report.txt")).unwrap();
        report.contains("still being written").then_some(report)
    });
    assert!(report.contains("1 new, 0 changed, 1 known"), "{report}");
    assert_eq!(totals(&shop), ["10.00", "20.00"]);
}

#[test]
fn each_file_is_read_once_when_the_quarantine_is_tried_again() {
    let shop = Shop::new(GENERIC);
    let _daemon = shop.start();
    for name in ["a", "b", "c"] {
        let text = file(&[(&format!("{name}-1"), "10.00"), (&format!("{name}-2"), "ten dollars")]);
        shop.import("shop", &format!("{name}.csv"), text.as_bytes()).ok();
    }
    let again = shop.post("/v1/quarantine/retry", b"").ok().json();
    assert_eq!((&again["files"], shop.status()["quarantined"].as_u64()), (&3.into(), Some(3)), "{again}");
}

#[test]
fn a_folder_in_the_folder_of_an_integration_is_told() {
    let shop = Shop::new(GENERIC);
    let _daemon = shop.start();
    fs::create_dir_all(shop.path("drop/shop/2026")).unwrap();
    fs::write(shop.path("drop/shop/2026/a.csv"), file(&[("t-1", "10.00")])).unwrap();
    wait_until("the folder is told", BOUND, || {
        shop.cli(["status"])
            .ok()
            .contains("shop/2026: folders in the folder of an integration are not read")
            .then_some(())
    });
}

#[test]
fn a_file_that_comes_in_during_a_replay_stays_the_last_word() {
    // So many that something can come in while they are read again.
    const ROWS: usize = 10_000;
    let shop = Shop::new(GENERIC);
    let _daemon = shop.start();
    let known = |amount: &str| format!("{HEAD}2020-02-20,buyer@example.org,{amount},USD,x-9,Tea\n");
    for number in 1..=4 {
        let mut text = known(&format!("{number}.00"));
        (0..ROWS).for_each(|other| text += &row(&format!("{number}-{other}"), "1.00"));
        shop.import("shop", &format!("{number}.csv"), text.as_bytes()).ok();
    }
    let told = || shop.get("/v1/entries?integration=shop&to=2020-12-31").ok().json()["total"].clone();
    assert_eq!(told(), "4.00");
    thread::scope(|scope| {
        let replay = scope.spawn(|| shop.post("/v1/replay", b"").ok().json());
        thread::sleep(Duration::from_millis(200));
        shop.post("/v1/imports?integration=shop&name=new.csv", known("777.00").as_bytes()).ok();
        assert!(!replay.is_finished(), "the replay was too quick for this test");
    });
    assert_eq!(told(), "777.00");
    // Nor does reading again change the order in which files are read again.
    shop.post("/v1/replay", b"").ok();
    assert_eq!(told(), "777.00");
}
