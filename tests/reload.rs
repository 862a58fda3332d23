//! Configuration and connectors that change while the daemon runs: all or nothing, and without losing a delivery.

use std::fs;
use std::thread;

use insta::assert_snapshot;
use serde_json::Value;

use crate::kit::{BOUND, Daemon, Shop, connector_file, http, plain, wait_until};

const SHOP: &str = "[report]\ncurrency = \"USD\"\n\n\
    [integrations.files]\nconnector = \"generic\"\ncurrency = \"USD\"\nzone = \"UTC\"\n\n\
    [integrations.tea]\nconnector = \"samcart\"\ncurrency = \"USD\"\n";
const CUPS: &str = "\n[integrations.cups]\nconnector = \"samcart\"\ncurrency = \"USD\"\n";
const HELL: &str = "[integrations.hell]\nconnector = \"evil\"\n";

const FILE: &str = "id,order,date,email,amount,kind\n1,A,2026-01-10T23:30:00Z,ada@example.org,100.00,sale\n";
const JSON: &str = "application/json";

fn purchase(order: usize) -> Vec<u8> {
    format!(
        r#"{{"type":"Order","product":{{"id":1,"name":"Tea","price":"30.00","tax":"0.00","shipping":"0.00"}},
        "customer":{{"email":"c{order}@example.org"}},"order":{{"id":"{order}","total":"30.00"}}}}"#
    )
    .into_bytes()
}

impl Shop {
    /// Waits for what becomes of the change after this one.
    #[track_caller]
    fn wait_for_reload(&self, before: &Value, ok: bool) -> Value {
        let last = |status: &Value| status["configuration"]["last_reload"].clone();
        wait_until("the change is looked at", BOUND, || {
            let status = self.status();
            (last(&status) != last(before) && last(&status)["ok"] == ok).then_some(status)
        })
    }

    /// Has the daemon read everything again, which must go well.
    #[track_caller]
    fn reload(&self) {
        assert!(self.cli(["reload"]).ok().starts_with("in force since "));
    }
}

/// Names of the tasks that run.
fn running(status: &Value) -> Vec<&str> {
    let tasks = status["tasks"].as_array().expect("a list");
    tasks.iter().filter(|task| task["state"] == "running").filter_map(|task| task["name"].as_str()).collect()
}

#[track_caller]
fn says_once(daemon: &Daemon, text: &str) {
    assert_eq!(daemon.stderr().matches(text).count(), 1, "{text}");
}

#[test]
fn an_edited_configuration_takes_effect_by_itself() {
    let shop = Shop::new(SHOP);
    let daemon = shop.start();
    shop.import("files", "a.csv", FILE.as_bytes()).ok();
    let day = |shop: &Shop| shop.revenue("by=day")["rows"][0]["period"].clone();
    assert_eq!(day(&shop), "2026-01-10");
    let before = shop.status();
    assert_eq!(before["configuration"]["last_reload"], Value::Null);
    // Another zone cuts the days elsewhere, and another integration has an address and a folder.
    shop.configure(&format!("{}{CUPS}", SHOP.replace("[report]\n", "[report]\ntimezone = \"Asia/Tokyo\"\n")));
    let after = shop.wait_for_reload(&before, true);
    assert_ne!(after["configuration"]["hash"], before["configuration"]["hash"]);
    assert_eq!(day(&shop), "2026-01-11");
    shop.deliver("cups", JSON, &purchase(1));
    assert!(shop.path("drop/cups").is_dir());
    assert_eq!(shop.status()["entries"], 2);
    says_once(&daemon, "ltvd is ready");
}

#[test]
fn a_secret_in_a_file_is_read_again() {
    let shop = Shop::new("");
    fs::write(shop.path("token"), "the-first-token-of-this-shop").unwrap();
    let text = fs::read_to_string(shop.path("ltvd.toml")).unwrap();
    shop.write_config(&text.replace("[api]\n", "[api]\ntoken = { file = \"token\" }\n"));
    let _daemon = shop.start();
    let ask = |token: &str| {
        let header = format!("Bearer {token}");
        http::send(shop.api, "GET", "/v1/status", &[("Authorization", &header)], &[]).status
    };
    assert_eq!((ask("the-first-token-of-this-shop"), ask("the-second-token-of-this-shop")), (200, 401));
    fs::write(shop.path("token"), "the-second-token-of-this-shop").unwrap();
    wait_until("the new token counts", BOUND, || (ask("the-second-token-of-this-shop") == 200).then_some(()));
    assert_eq!(ask("the-first-token-of-this-shop"), 401);
}

#[test]
fn a_broken_configuration_leaves_the_old_in_force_and_says_so() {
    let shop = Shop::new(SHOP);
    let daemon = shop.start();
    let before = shop.status();
    shop.webhook_path("tea");
    let broken = format!("{}{CUPS}", SHOP.replace("\"USD\"\nzone", "\"USD\"\nzoen"));
    shop.configure(&broken);
    let after = shop.wait_for_reload(&before, false);
    assert_eq!(after["configuration"]["hash"], before["configuration"]["hash"]);
    assert_eq!(after["configuration"]["in_force_since"], before["configuration"]["in_force_since"]);
    // Nothing of it: not even the part that was right.
    assert!(shop.get("/v1/status").ok().json()["integrations"].as_array().unwrap().iter().all(|i| i["name"] != "cups"));
    shop.deliver("tea", JSON, &purchase(1));
    let told = after["configuration"]["last_reload"]["problems"][0].as_str().expect("a problem").to_owned();
    assert_snapshot!(plain(&shop, &told), @r"
    [shop]/ltvd.toml:17:1: integrations.files.zoen: unknown key; did you mean `zone`?
        |
     17 | zoen = …
        | ^^^^
    ");
    // The file is wrong, and the daemon can be asked all the same.
    let shown = shop.cli(["status"]);
    assert!(shown.stderr.contains("the configuration is wrong"), "{}", shown.stderr);
    assert!(shown.ok().contains("the configuration has changed, but that of "));
    // Whoever asks hears the same, in the words of `ltvd check`.
    let asked = shop.cli(["reload"]);
    assert_eq!(asked.code, Some(78));
    let message = |text: &str| text.lines().filter(|line| line.contains("zoen")).map(str::to_owned).collect::<Vec<_>>();
    assert!(!message(&told).is_empty());
    assert_eq!(message(&asked.stderr).last(), message(&shop.cli(["check"]).stderr).last());
    let page = shop.get("/metrics").ok().text();
    assert!(page.contains("\nltvd_configuration_ok 0\n"), "{page}");
    // Said once, however often it was looked at.
    says_once(&daemon, "a change of configuration or connectors was not taken over");
    shop.configure(SHOP);
    shop.reload();
    assert!(shop.get("/metrics").ok().text().contains("\nltvd_configuration_ok 1\n"));
    daemon.stop();
}

#[test]
fn what_cannot_change_is_said_and_nothing_else_changes() {
    let shop = Shop::new(SHOP);
    let _daemon = shop.start();
    let text = fs::read_to_string(shop.path("ltvd.toml")).unwrap() + CUPS;
    shop.write_config(&text.replace(&format!("127.0.0.1:{}", shop.hooks), "127.0.0.1:9"));
    let before = shop.status();
    let after = shop.wait_for_reload(&before, false);
    let told = after["configuration"]["last_reload"]["problems"][0].as_str().unwrap();
    assert!(told.contains("`webhooks.listen`") && told.contains("restart it"), "{told}");
    assert_eq!(after["integrations"].as_array().unwrap().len(), 2);
    shop.write_config(&format!("data_dir = \"elsewhere\"\n{text}"));
    let asked = shop.cli(["reload"]);
    assert_eq!(asked.code, Some(78));
    assert!(asked.stderr.contains("`data_dir`") && !shop.path("elsewhere").exists(), "{}", asked.stderr);
}

#[test]
fn an_integration_that_is_removed_is_unknown_and_keeps_its_address() {
    let shop = Shop::new(&format!("{SHOP}{CUPS}"));
    let _daemon = shop.start();
    shop.deliver("cups", JSON, &purchase(1));
    let path = shop.webhook_path("cups");
    let send = || http::send(shop.hooks, "POST", &path, &[("Content-Type", JSON)], &purchase(2)).status;
    shop.configure(SHOP);
    shop.reload();
    assert_eq!(send(), 404);
    // What it brought still counts.
    assert_eq!(shop.status()["entries"], 1);
    shop.configure(&format!("{SHOP}{CUPS}"));
    shop.reload();
    assert_eq!(send(), 200);
    shop.wait_for_inbox();
    assert_eq!(shop.status()["entries"], 2);
}

#[test]
fn pollers_come_and_go_with_their_integrations() {
    let shop = Shop::new(HELL);
    shop.add_connector("evil");
    let _daemon = shop.start();
    assert!(!running(&shop.status()).contains(&"poll hell"));
    shop.configure(&format!("{HELL}from = 2026-04-01\n"));
    shop.reload();
    shop.wait_for_pass("hell");
    assert!(running(&shop.status()).contains(&"poll hell"));
    shop.configure(&format!("{HELL}from = 2026-04-01\nenabled = false\n"));
    shop.reload();
    wait_until("nobody asks any more", BOUND, || (!running(&shop.status()).contains(&"poll hell")).then_some(()));
}

/// The evil connector in its next version, which can read what its version before found malformed.
fn mended() -> Vec<u8> {
    let mut bytes = fs::read(connector_file("evil")).unwrap();
    for (old, new) in [(b"6.6.6".as_slice(), b"6.6.7".as_slice()), (b"malformed", b"malf0rmed")] {
        let at =
            bytes.windows(old.len()).position(|window| window == old).expect("the text is in the data of the module");
        bytes[at..at + old.len()].copy_from_slice(new);
    }
    bytes
}

/// As a person copies it.
fn put_connector(shop: &Shop, bytes: &[u8]) {
    let path = shop.path("connectors/evil.wasm");
    let _ = fs::remove_file(&path);
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_connector_that_is_dropped_in_and_one_that_is_updated_are_used() {
    let shop = Shop::new("");
    let _daemon = shop.start();
    // Unknown so far: the configuration waits for its connector.
    shop.configure(HELL);
    assert_eq!(shop.cli(["reload"]).code, Some(78));
    shop.add_connector("evil");
    wait_until("the connector is used", BOUND, || (shop.status()["integrations"][0]["name"] == "hell").then_some(()));
    shop.deliver("hell", "text/plain", b"malformed");
    assert_eq!(shop.status()["quarantined"], 1);
    put_connector(&shop, &mended());
    wait_until("the new version reads what the old one could not", BOUND, || {
        let status = shop.status();
        (status["quarantined"] == 0 && status["entries"] == 1).then_some(())
    });
    assert_eq!(shop.status()["integrations"][0]["connector_version"], "6.6.7");
}

#[test]
fn a_file_that_a_new_connector_cannot_read_either_is_tried_once_and_has_no_others_read_again() {
    const AGAIN: &str = "an archived file could not be read again";
    let shop = Shop::new(HELL);
    shop.add_connector("evil");
    let daemon = shop.start();
    shop.import("hell", "one.csv", b"deed,id\n,1\n,2,one cell too many\n").ok();
    shop.import("hell", "two.csv", b"deed,id\n,3\n").ok();
    daemon.stop();

    put_connector(&shop, &mended());
    shop.configure(&format!("{HELL}bad_rows = \"reject-file\"\n"));
    let daemon = shop.start();
    wait_until("the new version has tried", BOUND, || daemon.stderr().contains(AGAIN).then_some(()));
    let connectors = || {
        let imports = shop.get("/v1/imports").ok().json();
        let imports = imports["imports"].as_array().expect("a list").iter();
        imports.map(|import| import["connector"].as_str().expect("a name").to_owned()).collect::<Vec<_>>()
    };
    let waiting = || shop.get("/v1/quarantine").ok().json()["quarantine"][0]["connector"].clone();
    wait_until("that is noted", BOUND, || (waiting() == "evil 6.6.7").then_some(()));
    // What came after it was not read again: nothing of it has changed.
    assert_eq!(connectors(), ["evil 6.6.6", "evil 6.6.6"]);
    shop.reload();
    shop.import("hell", "three.csv", b"deed,id\n,4\n").ok();
    assert_eq!(connectors(), ["evil 6.6.7", "evil 6.6.6", "evil 6.6.6"]);
    says_once(&daemon, AGAIN);
}

#[test]
fn a_broken_connector_leaves_the_one_before_in_use() {
    let shop = Shop::new(HELL);
    shop.add_connector("evil");
    let daemon = shop.start();
    let before = shop.status();
    shop.webhook_path("hell");
    let whole = fs::read(connector_file("evil")).unwrap();
    put_connector(&shop, &whole[..whole.len() / 2]);
    let after = shop.wait_for_reload(&before, false);
    let told = after["configuration"]["last_reload"]["problems"].to_string();
    assert!(told.contains("evil.wasm"), "{told}");
    shop.deliver("hell", "text/plain", b"good");
    assert_eq!(shop.status()["entries"], 1);
    says_once(&daemon, "a change of configuration or connectors was not taken over");
    put_connector(&shop, &whole);
    shop.wait_for_reload(&after, true);
}

#[test]
fn a_changed_file_under_a_pin_is_named_and_the_one_before_stays_in_use() {
    let shop = Shop::new("");
    shop.add_connector("evil");
    let told: Value = serde_json::from_str(&shop.cli(["connector", "inspect", "evil", "--json"]).ok()).unwrap();
    shop.configure(&format!("{HELL}sha256 = {}\n", told["sha256"]));
    let _daemon = shop.start();
    // Commands refuse the changed file as well, so it is asked for before.
    let address = shop.webhook_path("hell");
    let before = shop.status();
    put_connector(&shop, &mended());
    let after = shop.wait_for_reload(&before, false);
    let told = after["configuration"]["last_reload"]["problems"].to_string();
    assert!(told.contains("integrations.hell.sha256: the file of the connector `evil` is another one"), "{told}");
    assert_eq!(after["integrations"][0]["connector_version"], "6.6.6");
    http::send(shop.hooks, "POST", &address, &[("Content-Type", "text/plain")], b"good").ok();
    shop.wait_for_inbox();
    assert_eq!(shop.status()["entries"], 1);
}

#[test]
fn nothing_is_lost_while_everything_changes() {
    const WEBHOOKS: usize = 120;
    let shop = Shop::new(&format!("{SHOP}{HELL}"));
    shop.add_connector("evil");
    let daemon = shop.start();
    let path = shop.webhook_path("tea");
    thread::scope(|scope| {
        let senders: Vec<_> = (0..2)
            .map(|sender| {
                let (shop, path) = (&shop, &path);
                scope.spawn(move || {
                    for order in (sender + 1..=WEBHOOKS).step_by(2) {
                        http::send(shop.hooks, "POST", path, &[("Content-Type", JSON)], &purchase(order)).ok();
                        shop.drop_file(
                            "files",
                            &format!("{order}.csv"),
                            FILE.replace("\n1,A", &format!("\nf{order},F{order}")).as_bytes(),
                        );
                    }
                })
            })
            .collect();
        let (mut round, mended, whole) = (0, mended(), fs::read(connector_file("evil")).unwrap());
        while senders.iter().any(|sender| !sender.is_finished()) || round < 4 {
            round += 1;
            let zone = if round % 2 == 0 { "timezone = \"Asia/Tokyo\"\n" } else { "" };
            put_connector(&shop, if round % 2 == 0 { &mended } else { &whole });
            shop.configure(&format!("{}{HELL}{CUPS}", SHOP.replace("[report]\n", &format!("[report]\n{zone}"))));
            shop.reload();
        }
    });
    shop.wait_for_inbox();
    for order in 1..=WEBHOOKS {
        shop.wait_for_report("files", &format!("{order}.csv")).ok();
    }
    // Each webhook and each file is one sale.
    assert_eq!(shop.status()["entries"], 2 * WEBHOOKS);
    assert_eq!(shop.status()["quarantined"], 0);
    daemon.stop();
}
