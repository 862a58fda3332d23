//! The drop folder among people who are not all careful, and not all trusted.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

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
fn a_file_that_grows_is_read_again_though_the_folder_was_away_meanwhile() {
    let shop = Shop::new(GENERIC);
    let lead = |to: &str| {
        // In one step, so that nobody finds nothing there and makes a folder.
        symlink(shop.path(to), shop.path("new")).unwrap();
        fs::rename(shop.path("new"), shop.path("drop")).unwrap();
    };
    fs::create_dir(shop.path("real")).unwrap();
    fs::write(shop.path("no-folder"), "").unwrap();
    lead("real");
    let _daemon = shop.start();
    shop.import("shop", "slow.csv", file(&[("t-1", "10.00")]).as_bytes()).ok();
    let mut writer = OpenOptions::new().append(true).open(shop.path("drop/shop/done/slow.csv")).unwrap();
    lead("no-folder");
    let restarts = || {
        let status = shop.status();
        let task = status["tasks"].as_array().unwrap().iter().find(|task| task["name"] == "drop folder")?;
        task["restarts"].as_u64()
    };
    wait_until("the task is begun again", BOUND, || restarts().filter(|restarts| *restarts > 0));
    lead("real");
    writer.write_all(row("t-2", "20.00").as_bytes()).unwrap();
    wait_until("the rest is read", BOUND, || {
        let report = fs::read_to_string(shop.path("real/shop/done/slow.csv.report.txt")).unwrap();
        report.contains("still being written").then_some(())
    });
    assert_eq!(totals(&shop), ["10.00", "20.00"]);
}

#[test]
fn what_people_do_with_a_file_that_was_put_away_is_not_read() {
    let shop = Shop::new(GENERIC);
    let _daemon = shop.start();
    let done = shop.path("drop/shop/done");
    for (name, id) in [("away.csv", "t-1"), ("edited.csv", "t-2"), ("slow.csv", "t-3")] {
        shop.import("shop", name, file(&[(id, "10.00")]).as_bytes()).ok();
    }
    let add = |path: &Path, id: &str, amount: &str| {
        OpenOptions::new().append(true).open(path).unwrap().write_all(row(id, amount).as_bytes()).unwrap();
    };
    let plan = shop.path("plan.csv");
    fs::rename(done.join("away.csv"), &plan).unwrap();
    add(&plan, "t-4", "99999.00");
    fs::write(done.join("edited.csv"), file(&[("t-2", "77.00")])).unwrap();
    // They are looked at in the order in which they were put away: after this one was read, the others would have been.
    add(&done.join("slow.csv"), "t-5", "20.00");
    wait_until("what has grown is read", BOUND, || {
        fs::read_to_string(done.join("slow.csv.report.txt")).unwrap().contains("still being written").then_some(())
    });
    assert_eq!(totals(&shop), ["10.00", "10.00", "10.00", "20.00"]);
}

/// A table without ids, so that nothing but its columns tells an entry from another.
const NO_IDS: &str = "date,email,currency,amount\n2026-03-04,a@example.org,USD,10.00\n";

#[test]
fn a_file_that_pauses_in_the_middle_of_a_row_is_not_read() {
    let shop = Shop::empty();
    shop.configure_with("settle_s = 1\nscan_s = 1", GENERIC);
    let _daemon = shop.start();
    let folder = shop.path("drop/shop");
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join("cut.csv");
    fs::write(&path, format!("{NO_IDS}2026-03-05,b@example.org,USD,1")).unwrap();
    let mut writer = OpenOptions::new().append(true).open(&path).unwrap();
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(4) {
        assert!(path.is_file(), "taken in the middle of a row");
        thread::sleep(Duration::from_millis(50));
    }
    let told = shop.cli(["status"]).ok();
    assert!(
        told.contains("shop/cut.csv: it does not end with a line break") && told.contains("has not changed for 60 s"),
        "{told}"
    );
    writer.write_all(b"49.00\n").unwrap();
    let report = shop.wait_for_report("shop", "cut.csv").ok();
    assert!(report.contains("2 new"), "{report}");
    assert_eq!(totals(&shop), ["10.00", "149.00"]);
    assert!(!shop.cli(["status"]).ok().contains("line break"));
}

#[test]
fn the_report_tells_what_a_cut_row_may_have_left() {
    let shop = Shop::new(GENERIC);
    let _daemon = shop.start();
    let folder = shop.path("drop/shop");
    // The one pauses in the middle of a row; the other writes a line break before each row and not behind it.
    let (cut, whole) = (format!("{NO_IDS}2026-03-05,b@example.org,USD,1"), NO_IDS.trim_end().replace(".org,", ".net,"));
    for (name, text, rest) in
        [("cut.csv", &cut, "49.00\n"), ("whole.csv", &whole, "\n2026-03-05,b@example.net,USD,20.00")]
    {
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(name), text).unwrap();
        let mut writer = OpenOptions::new().append(true).open(folder.join(name)).unwrap();
        shop.wait_for_report("shop", name).ok();
        writer.write_all(rest.as_bytes()).unwrap();
        let report = wait_until("the rest is read", BOUND, || {
            let report = fs::read_to_string(folder.join(format!("done/{name}.report.txt"))).unwrap();
            report.contains("still being written").then_some(report)
        });
        let told = format!("Its first {} bytes, which were imported, end in the middle of a line.", text.len());
        assert_eq!(report.contains(&told), name == "cut.csv", "{report}");
    }
    assert_eq!(totals(&shop), ["1.00", "10.00", "10.00", "149.00", "20.00"]);
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
fn what_is_wrong_is_shown_and_logged_once_however_many_files_were_imported() {
    let shop = Shop::new(GENERIC);
    let daemon = shop.start();
    // More than are remembered, and behind the folder by the alphabet.
    for number in 0..105 {
        let (name, id) = (format!("{number}.csv"), format!("t-{number}"));
        shop.drop_file("shop", &name, file(&[(&id, "10.00")]).as_bytes());
    }
    let done = shop.path("drop/shop/done");
    let imported = || fs::read_dir(&done).map_or(0, Iterator::count) == 2 * 105;
    wait_until("all are imported", BOUND, || imported().then_some(()));
    fs::create_dir(shop.path("drop/aaa-unknown")).unwrap();
    let told = "no integration has the name of this folder";
    wait_until("the folder is shown", BOUND, || {
        shop.cli(["status"]).ok().contains(&format!("aaa-unknown: {told}")).then_some(())
    });
    // The folder is looked through again for each of these.
    for number in 105..108 {
        let (name, id) = (format!("{number}.csv"), format!("t-{number}"));
        shop.import("shop", &name, file(&[(&id, "10.00")]).as_bytes()).ok();
    }
    assert!(shop.cli(["status"]).ok().contains(told));
    assert_eq!(daemon.stderr().matches(told).count(), 1, "{}", daemon.stderr());
    let lately = shop.status()["drop"]["lately"].as_object().unwrap().len();
    assert_eq!(lately, 100);
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
