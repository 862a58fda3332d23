//! A full disk: nothing acknowledged is lost, and people are told that it is full, where, and what to do.
//!
//! The disk is made small by a limit on the size of files, which every machine has. The system calls that another error than
//! a full disk (EFBIG, not ENOSPC); `storage_faults` has the latter.

use std::fs;

use crate::kit::{BOUND, Shop, file_of_sales, http, plain, purchase, wait_until};

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

/// No file can grow beyond this, KiB.
const SMALL_KIB: u32 = 4 << 10;
/// Rows whose text is larger than that.
const ROWS: usize = 80_000;

#[test]
fn a_file_that_does_not_fit_is_left_where_it_is_and_nothing_else_suffers() {
    let shop = Shop::new(CONFIG);
    let daemon = shop.start_on_small_disk(SMALL_KIB);
    fs::write(shop.path("large.csv"), file_of_sales("l", ROWS)).unwrap();
    let output = shop.cli(["import", "large.csv", "--integration", "files"]);
    assert_eq!(output.code, Some(75), "{output:?}");
    insta::assert_snapshot!(
        plain(&shop, &output.stderr),
        @"error: the working copy of the file failed: File too large (os error 27); the disk is full, free some space: a file needs room for a copy as text and for a compressed one"
    );

    shop.drop_file("files", "dropped.csv", file_of_sales("l", ROWS).as_bytes());
    let told = wait_until("the status tells of the file", BOUND, || {
        let told = shop.cli(["status"]).ok();
        told.contains("dropped.csv").then_some(told)
    });
    let line = told.lines().find(|line| line.contains("dropped.csv")).unwrap();
    insta::assert_snapshot!(
        line.trim(),
        @"files/dropped.csv: the working copy of the file failed: File too large (os error 27); the disk is full, free some space: a file needs room for a copy as text and for a compressed one"
    );
    // The others go on.
    shop.deliver("hooks", "application/json", purchase("1", 0).as_bytes());
    assert_eq!(shop.entries("hooks").len(), 1);
    assert_eq!(fs::read_dir(shop.path("data/tmp")).unwrap().count(), 0, "no half copies are left");
    daemon.stop();

    // There is room again.
    let daemon = shop.start();
    shop.wait_for_report("files", "dropped.csv").ok();
    assert_eq!(shop.entries("files").len(), ROWS);
    daemon.stop();
}

#[test]
fn a_database_that_cannot_grow_ends_the_daemon_with_a_reason_and_starts_again() {
    let shop = Shop::new(CONFIG);
    let daemon = shop.start_on_small_disk(SMALL_KIB);
    let path = shop.webhook_path("hooks");
    let mut acknowledged = Vec::new();
    let refused = (0..1_000).find_map(|number| {
        let order = format!("w{number}");
        let answer = http::send(shop.hooks, "POST", &path, &[], purchase(&order, 60_000).as_bytes());
        if answer.status == 200 {
            acknowledged.push(order);
            return None;
        }
        Some(answer)
    });
    // The platform is asked to come back.
    let refused = refused.expect("the disk is small");
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("30")));
    let log = shop.path("stderr.log");
    assert_eq!(daemon.exit_code(), Some(1));
    let log = fs::read_to_string(log).unwrap();
    insta::assert_snapshot!(
        plain(&shop, log.trim().lines().last().unwrap()),
        @"error: [shop]/data: the disk is full: the ledger cannot be written (File too large (os error 27)). ltvd stops, and has acknowledged nothing that is not on the disk; free some space and start it again"
    );

    // As long as nothing is mended, each start ends or serves; none loses anything.
    for _ in 0..3 {
        if let Ok(daemon) = shop.try_start_on_small_disk(SMALL_KIB) {
            drop(daemon);
        }
    }
    let daemon = shop.start();
    shop.wait_for_inbox();
    let mut found: Vec<String> =
        shop.entries("hooks").iter().map(|entry| entry["order"].as_str().unwrap().to_owned()).collect();
    found.sort();
    acknowledged.sort();
    // The last one was on its way: it may be in, whole.
    found.retain(|order| acknowledged.contains(order) || *order != format!("w{}", acknowledged.len()));
    assert_eq!(found, acknowledged);
    daemon.stop();
}
