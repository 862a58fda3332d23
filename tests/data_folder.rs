//! What happens to the data folder behind ltvd's back: files gone, replaced, older than they were, of another user.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};

use insta::assert_snapshot;

use crate::kit::{BOUND, Shop, http, plain, wait_until};

const FORM: &str = "application/x-www-form-urlencoded";
const ORDER: &[u8] = include_bytes!("../plugins/thrivecart/fixtures/sample/1-order.success.form");
const FILE: &[u8] = include_bytes!("../plugins/thrivecart/fixtures/sample/orders.csv");
const TEA: &str = "[integrations.tea]\nconnector = \"thrivecart\"\nsecret = \"demo-word\"\n";

/// A shop with an archived file, its daemon ended.
fn shop() -> Shop {
    let shop = Shop::new(TEA);
    let daemon = shop.start();
    shop.import("tea", "orders.csv", FILE).ok();
    daemon.stop();
    shop
}

fn archived(shop: &Shop, below: &str) -> usize {
    let files = fs::read_dir(shop.path(format!("data/archive{below}"))).into_iter().flatten();
    files.filter(|file| file.as_ref().unwrap().path().extension().is_some_and(|kind| kind == "zst")).count()
}

/// What the daemon says when it does not start, without what differs from run to run.
fn refusal(shop: &Shop) -> String {
    let (status, said) = shop.try_start().expect_err("it must not start");
    assert_eq!(status.code(), Some(1), "{said}");
    let said = plain(shop, &said);
    said.find("error:").map_or(String::new(), |at| said[at..].to_owned())
}

#[test]
fn a_lost_ledger_is_not_begun_anew_over_what_is_left_of_it() {
    let shop = shop();
    let ledger = shop.path("data/ledger.redb");
    fs::rename(&ledger, shop.path("elsewhere.redb")).unwrap();
    assert_snapshot!(refusal(&shop), @"error: there is no ledger [shop]/data/ledger.redb, but there was one: [shop]/data/attempts.json is still there. If it was moved away, put it back; if it is lost, restore a backup. To begin anew, move the whole folder away first. Nothing was changed");
    // A webhooks' shop has no archive; what else there is tells as much.
    fs::rename(shop.path("data/archive"), shop.path("archive")).unwrap();
    assert!(refusal(&shop).contains("there was one"));
    fs::rename(shop.path("archive"), shop.path("data/archive")).unwrap();
    fs::write(&ledger, b"").unwrap();
    assert_snapshot!(refusal(&shop), @"error: the ledger [shop]/data/ledger.redb is damaged: it is empty; restore a backup, and keep the damaged file");
    let whole = fs::read(shop.path("elsewhere.redb")).unwrap();
    fs::write(&ledger, &whole[..8_192]).unwrap();
    assert!(refusal(&shop).contains("is damaged"), "cut off");
    assert_eq!(archived(&shop, ""), 1);

    fs::rename(shop.path("elsewhere.redb"), &ledger).unwrap();
    let daemon = shop.start();
    assert!(shop.status()["entries"].as_u64().unwrap() > 0);
    daemon.stop();
}

#[test]
fn files_that_an_older_ledger_does_not_know_are_set_aside_until_somebody_is_forgotten() {
    let shop = Shop::new(TEA);
    shop.start().stop();
    fs::copy(shop.path("data/ledger.redb"), shop.path("older.redb")).unwrap();
    let daemon = shop.start();
    shop.import("tea", "orders.csv", FILE).ok();
    daemon.stop();
    fs::copy(shop.path("older.redb"), shop.path("data/ledger.redb")).unwrap();

    let daemon = shop.start();
    assert!(daemon.stderr().contains("files that the ledger does not know"), "{}", daemon.stderr());
    assert_eq!((archived(&shop, ""), archived(&shop, "/unknown")), (0, 1));
    // Nobody can tell whom they name.
    shop.post("/v1/customers/nobody@example.org/forget", b"");
    assert_eq!(archived(&shop, "/unknown"), 0);
    daemon.stop();
}

#[test]
fn a_ledger_that_is_replaced_under_a_running_daemon_ends_it_before_it_acknowledges_anything() {
    let shop = Shop::new(TEA);
    let daemon = shop.start();
    let address = shop.webhook_path("tea");
    fs::copy(shop.path("data/ledger.redb"), shop.path("copy.redb")).unwrap();
    fs::rename(shop.path("copy.redb"), shop.path("data/ledger.redb")).unwrap();
    let answer = http::try_send(shop.hooks, "POST", &address, &[("Content-Type", FORM)], ORDER);
    assert!(answer.is_ok_and(|answer| answer.status == 503));
    wait_until("the daemon says why it ends", BOUND, || {
        daemon.stderr().contains("was deleted or replaced").then_some(())
    });
    assert_eq!(daemon.exit_code(), Some(1));
}

#[test]
fn root_leaves_nothing_beside_a_daemon_of_another_user() {
    let shop = Shop::new(TEA);
    shop.start().stop();
    let (ledger, secrets) = (shop.path("data/ledger.redb"), shop.path("data/secrets.toml"));
    if fs::metadata(&ledger).unwrap().uid() != 0 {
        // Only root can be somebody else.
        return;
    }
    for file in [&ledger, &secrets] {
        chown(file, Some(54_321), Some(54_321)).unwrap();
    }
    assert_snapshot!(refusal(&shop), @"error: [shop]/data/ledger.redb belongs to the user with the id 54321, and root would leave files beside it that this user cannot read; run it as that user: sudo -u '#54321' ltvd …");
    shop.configure(&format!("{TEA}\n[integrations.coffee]\nconnector = \"thrivecart\"\nsecret = \"demo-word\"\n"));
    let told = shop.cli(["webhook", "url", "coffee"]);
    assert_eq!(told.code, Some(1));
    assert!(told.stderr.contains("sudo -u '#54321' ltvd"), "{told:?}");
    assert_eq!(fs::metadata(&secrets).unwrap().uid(), 54_321);
}

#[test]
fn what_an_unfinished_backup_left_goes_with_the_next() {
    let shop = shop();
    let left = shop.path(".ltvd-backup-killed");
    fs::create_dir(&left).unwrap();
    fs::write(left.join("ledger.redb"), b"half of one").unwrap();
    fs::set_permissions(&left, fs::Permissions::from_mode(0o700)).unwrap();
    let daemon = shop.start();
    assert!(shop.cli(["backup", shop.path("backup").to_str().unwrap()]).code == Some(0));
    assert!(!left.exists() && shop.path("backup/ledger.redb").exists());
    daemon.stop();
}
