//! What fails is seen and begun again, what ends the process is found out, and the service manager hears of it all.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use insta::assert_snapshot;
use serde_json::Value;

use crate::kit::{BOUND, Shop, wait_until};

const HELL: &str =
    "[integrations.hell]\nconnector = \"evil\"\n\n[integrations.files]\nconnector = \"generic\"\ncurrency = \"USD\"\n";
const FILE: &[u8] = b"id,order,date,email,amount,kind\n1,A,2026-01-10,ada@example.org,100.00,sale\n";

fn task(status: &Value, name: &str) -> Value {
    let tasks = status["tasks"].as_array().expect("a list");
    tasks.iter().find(|task| task["name"] == name).cloned().unwrap_or_default()
}

/// The value of a sample.
fn sample(shop: &Shop, name: &str) -> Option<String> {
    let page = shop.get("/metrics").ok().text();
    page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ').map(str::to_owned))
}

#[test]
fn a_task_that_fails_is_seen_and_begun_again_while_the_rest_goes_on() {
    let shop = Shop::new(HELL);
    shop.add_connector("evil");
    let daemon = shop.start();
    let running = "ltvd_task_running{task=\"drop folder\"}";
    wait_until("the drop folder is watched", BOUND, || (sample(&shop, running).as_deref() == Some("1")).then_some(()));
    // A file where the folder was cannot be mended by making the folder.
    fs::remove_dir_all(shop.path("drop")).unwrap();
    fs::write(shop.path("drop"), "").unwrap();
    let waiting = wait_until("the failure is seen", BOUND, || {
        Some(task(&shop.status(), "drop folder")).filter(|task| task["state"] == "waiting")
    });
    let reason = waiting["last_failure"]["reason"].as_str().expect("a reason").to_owned();
    assert!(reason.contains("drop: the folder cannot be"), "{reason}");
    assert!(shop.cli(["status"]).ok().contains("drop folder failed and is tried again: "));
    assert_eq!(sample(&shop, running).as_deref(), Some("0"));
    assert!(daemon.stderr().contains("a task failed; it is begun again"));
    // Nobody who asks or delivers is turned away because of it.
    assert_eq!(shop.get("/readyz").status, 200);
    shop.deliver("hell", "text/plain", b"good");
    assert_eq!(shop.status()["entries"], 1);
    fs::remove_file(shop.path("drop")).unwrap();
    shop.import("files", "a.csv", FILE).ok();
    let mended = task(&shop.status(), "drop folder");
    assert_eq!(mended["state"], "running");
    assert!(mended["restarts"].as_u64().unwrap() >= 1 && mended["last_failure"].is_object(), "{mended}");
}

#[test]
fn a_delivery_that_ends_the_process_goes_to_quarantine_and_the_rest_goes_on() {
    let shop = Shop::new(HELL);
    shop.add_connector("evil");
    let mut daemon = shop.start();
    // A connector cannot end the process, so the process is ended from outside, each time while this one is being read.
    shop.post_webhook("hell", "text/plain", b"loop").ok();
    let attempts = shop.path("data/attempts.json");
    for death in 0..3 {
        wait_until("it is being read", BOUND, || {
            fs::read_to_string(&attempts)
                .is_ok_and(|text| text.contains("\"under_way\":[\"delivery 1\"]"))
                .then_some(())
        });
        if death == 0 {
            shop.post_webhook("hell", "text/plain", b"good").ok();
        }
        daemon.kill();
        daemon = shop.start();
    }
    shop.wait_for_inbox();
    let waiting = shop.get("/v1/quarantine").ok().json();
    let reasons: Vec<_> = waiting["quarantine"].as_array().unwrap().iter().map(|one| one["reason"].clone()).collect();
    assert_eq!(reasons, ["ltvd ended 3 times in a row while it read this"]);
    assert_eq!(shop.status()["entries"], 1);
    // It does not come back by itself.
    daemon.stop();
    let _daemon = shop.start();
    shop.wait_for_inbox();
    assert_eq!(shop.status()["quarantined"], 1);
}

#[test]
fn a_file_that_ends_the_process_is_put_aside() {
    let shop = Shop::new(HELL);
    shop.add_connector("evil");
    let mut daemon = shop.start();
    shop.drop_file("hell", "evil.csv", b"deed,id\nloop,1\n");
    let attempts = shop.path("data/attempts.json");
    for _ in 0..3 {
        wait_until("it is being read", BOUND, || {
            fs::read_to_string(&attempts).is_ok_and(|text| text.contains("\"under_way\":[\"file ")).then_some(())
        });
        daemon.kill();
        daemon = shop.start();
    }
    let report = shop.wait_for_report("hell", "evil.csv");
    assert!(!report.done);
    assert_snapshot!(report.text, @"evil.csv: ltvd ended 3 times in a row while it read this file; nothing was imported");
    shop.import("files", "a.csv", FILE).ok();
    daemon.stop();
}

#[test]
fn a_service_manager_hears_how_it_is() {
    let shop = Shop::new(HELL);
    shop.add_connector("evil");
    let path = shop.path("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(BOUND)).unwrap();
    let next = |wanted: &str| {
        // Each message is a few lines of NAME=VALUE.
        let mut bytes = [0; 1_024];
        loop {
            let length = socket.recv(&mut bytes).unwrap_or_else(|error| panic!("{wanted}: {error}"));
            let text = String::from_utf8_lossy(&bytes[..length]).into_owned();
            if text.lines().any(|line| line == wanted) {
                return text;
            }
        }
    };
    let watchdog = Duration::from_millis(300).as_micros().to_string();
    let daemon = shop.start_with(&[("NOTIFY_SOCKET", path.to_str().unwrap()), ("WATCHDOG_USEC", &watchdog)]);
    // However long the ledger takes to open.
    next("EXTEND_TIMEOUT_USEC=60000000");
    next("READY=1");
    // Again and again, each after a commit.
    let commits = |shop: &Shop| sample(shop, "ltvd_commit_seconds_count").and_then(|count| count.parse::<u64>().ok());
    let before = commits(&shop);
    for _ in 0..4 {
        next("WATCHDOG=1");
    }
    assert!(commits(&shop) > before);
    shop.cli(["reload"]).ok();
    assert!(next("RELOADING=1").contains("MONOTONIC_USEC="));
    next("READY=1");
    // Refused or not, it is no longer reloading.
    shop.write_config("nonsense");
    next("RELOADING=1");
    assert!(next("READY=1").contains("STATUS=a changed configuration was refused"));
    daemon.terminate();
    next("STOPPING=1");
    assert_eq!(daemon.exit_code(), Some(0));
}

#[test]
fn metrics_are_what_prometheus_reads() {
    let shop = Shop::new(HELL);
    shop.add_connector("evil");
    let _daemon = shop.start();
    shop.deliver("hell", "text/plain", b"good");
    shop.deliver("hell", "text/plain", b"malformed");
    shop.import("files", "a.csv", FILE).ok();
    let answer = shop.get("/metrics").ok();
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let page = answer.text();
    let (mut families, mut current) = (Vec::new(), String::new());
    for line in page.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("a name and a kind");
            assert!(!families.contains(&rest.to_owned()), "{name} comes twice");
            families.push(rest.to_owned());
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
            name.clone_into(&mut current);
        } else if !line.starts_with("# HELP ") {
            // Samples follow their family, and each ends in a number.
            assert!(line.starts_with(&current), "{line} under {current}");
            line.rsplit(' ').next().expect("a value").parse::<f64>().expect(line);
        }
    }
    assert_snapshot!(families.join("\n"), @r"
    ltvd_build_info gauge
    ltvd_uptime_seconds gauge
    ltvd_resident_memory_bytes gauge
    ltvd_configuration_ok gauge
    ltvd_configuration_since_seconds gauge
    ltvd_broken_connectors gauge
    ltvd_task_running gauge
    ltvd_task_restarts_total counter
    ltvd_entries gauge
    ltvd_ledger_revision gauge
    ltvd_inbox_deliveries gauge
    ltvd_quarantined gauge
    ltvd_sync_through_seconds gauge
    ltvd_sync_last_seconds gauge
    ltvd_platform_refuses gauge
    ltvd_webhook_last_seconds gauge
    ltvd_http_answers_total counter
    ltvd_deliveries_total counter
    ltvd_commit_seconds histogram
    ");
    let value = |name: &str| sample(&shop, name);
    assert_eq!(value("ltvd_deliveries_total{door=\"webhook\",state=\"received\"}").as_deref(), Some("2"));
    assert_eq!(value("ltvd_deliveries_total{door=\"webhook\",state=\"quarantined\"}").as_deref(), Some("1"));
    assert_eq!(value("ltvd_deliveries_total{door=\"file\",state=\"read\"}").as_deref(), Some("1"));
    assert_eq!(value("ltvd_quarantined{integration=\"hell\"}").as_deref(), Some("1"));
    assert_eq!(value("ltvd_entries").as_deref(), Some("2"));
    assert_eq!(value("ltvd_http_answers_total{listener=\"webhooks\",status=\"2xx\"}").as_deref(), Some("2"));
}
