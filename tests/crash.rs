//! Power cuts: what was acknowledged is there, nothing is there twice, and a file is in wholly or not at all.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, sleep};
use std::time::Duration;

use serde_json::Value;

use crate::kit::{BOUND, Shop, file_of_sales, http, purchase, random, wait_until};

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

/// Rows of the large file.
const ROWS: usize = 200_000;

fn entries(shop: &Shop, integration: &str) -> u64 {
    let status = shop.status();
    let known = status["integrations"].as_array().unwrap().iter().find(|known| known["name"] == integration);
    known.unwrap()["entries"].as_u64().unwrap()
}

#[test]
fn a_file_is_wholly_in_or_out_whenever_the_power_fails() {
    let shop = Shop::new(CONFIG);
    let mut random = random();
    let mut up_to = |ms| Duration::from_millis(random(ms) as u64);
    let file = file_of_sales("o", ROWS);
    let name = "large.csv";
    let mut daemon = shop.start();
    shop.drop_file("files", name, file.as_bytes());

    // Some kills come while the file is read, others, on fast machines, after it is in: both must be survived.
    let delays = [Duration::from_millis(120), Duration::from_millis(900), up_to(2_000), up_to(5_000), up_to(9_000)];
    for delay in delays {
        sleep(delay);
        daemon.kill();
        daemon = shop.start();
        let found = entries(&shop, "files");
        assert!(found == 0 || found == ROWS as u64, "after {delay:?}: {found}");
    }
    // The last moment there is: the file is in, its report is written, and it may not have been moved yet.
    let report = shop.path("drop/files/done").join(format!("{name}.report.txt"));
    wait_until("the report is written", BOUND * 2, || report.exists().then_some(()));
    daemon.kill();
    let daemon = shop.start();
    assert_eq!(entries(&shop, "files"), ROWS as u64);
    wait_until("the file is put away", BOUND * 2, || (!shop.path("drop/files").join(name).exists()).then_some(()));
    assert_eq!(entries(&shop, "files"), ROWS as u64);
    let all = &shop.revenue("by=month")["total"];
    assert_eq!((&all["orders"], &all["net"]), (&Value::from(ROWS), &Value::from(format!("{ROWS}.00"))));
    daemon.stop();
}

/// Order ids of all entries of the one customer that buys through webhooks.
fn orders_in_ledger(shop: &Shop) -> Vec<String> {
    let answer = shop.get("/v1/customers/many@example.org");
    if answer.status == 404 {
        return Vec::new();
    }
    let answer = answer.ok().json();
    answer["entries"].as_array().unwrap().iter().map(|e| e["order_id"].as_str().unwrap().to_owned()).collect()
}

/// Every acknowledged order is in the ledger once, and none that nobody sent.
#[track_caller]
fn check_orders(shop: &Shop, sent: &BTreeSet<String>, acknowledged: &BTreeSet<String>, when: &str) {
    let found = orders_in_ledger(shop);
    let once: BTreeSet<String> = found.iter().cloned().collect();
    assert_eq!(found.len(), once.len(), "an order is there twice, {when}");
    let lost: Vec<_> = acknowledged.difference(&once).collect();
    assert!(lost.is_empty(), "lost {when}: {lost:?}");
    assert!(once.is_subset(sent), "orders that nobody sent, {when}");
}

/// Sends orders in eight threads, each until it is not answered any more, while `meanwhile` runs. Gives those that were
/// sent and those that were acknowledged.
fn send_orders(shop: &Shop, round: usize, padding: usize, meanwhile: impl FnOnce()) -> [BTreeSet<String>; 2] {
    let path = shop.webhook_path("hooks");
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let sender = |thread: usize| {
            let (path, stop) = (path.as_str(), &stop);
            move || {
                let [mut sent, mut acknowledged] = [BTreeSet::new(), BTreeSet::new()];
                for number in 0.. {
                    let order = format!("{round}-{thread}-{number}");
                    let body = purchase(&order, padding);
                    sent.insert(order.clone());
                    match http::try_send(shop.hooks, "POST", path, &[], body.as_bytes()) {
                        Ok(response) if response.status == 200 => drop(acknowledged.insert(order)),
                        // Asked to come back later.
                        Ok(response) => assert_eq!(response.status, 503),
                        Err(_) => break,
                    }
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                }
                [sent, acknowledged]
            }
        };
        let senders: Vec<_> = (0..8).map(|thread| scope.spawn(sender(thread))).collect();
        meanwhile();
        stop.store(true, Ordering::Relaxed);
        let mut all = [BTreeSet::new(), BTreeSet::new()];
        for sender in senders {
            let [sent, acknowledged] = sender.join().unwrap();
            all[0].extend(sent);
            all[1].extend(acknowledged);
        }
        all
    })
}

#[test]
fn what_was_acknowledged_survives_power_cuts() {
    let shop = Shop::new(CONFIG);
    let mut random = random();
    let mut up_to = |ms| Duration::from_millis(random(ms) as u64);
    let mut daemon = shop.start();
    let [mut sent, mut acknowledged] = [BTreeSet::new(), BTreeSet::new()];
    let delays = [Duration::from_millis(60), Duration::from_millis(400), up_to(300), up_to(1_500)];
    for (round, delay) in delays.into_iter().enumerate() {
        // A file that is imported at the same time makes commits of both kinds overlap.
        shop.drop_file("files", &format!("round-{round}.csv"), file_of_sales("o", 5_000 * (round + 1)).as_bytes());
        let [tried, taken] = send_orders(&shop, round, 0, || {
            sleep(delay);
            daemon.kill();
        });
        sent.extend(tried);
        acknowledged.extend(taken);
        daemon = shop.start();
        // Every one is in the inbox or in the ledger now, and in the end in the ledger.
        shop.wait_for_inbox();
        check_orders(&shop, &sent, &acknowledged, &format!("after {delay:?}"));
    }
    assert!(!acknowledged.is_empty());
    for round in 0..4 {
        shop.wait_for_report("files", &format!("round-{round}.csv")).ok();
    }
    assert_eq!(entries(&shop, "files"), 20_000);
    assert_eq!(shop.status()["quarantined"], 0);
    daemon.stop();
}

#[test]
fn what_is_acknowledged_during_a_stop_is_kept() {
    let shop = Shop::new(CONFIG);
    let daemon = shop.start();
    let mut code = None;
    let [sent, acknowledged] = send_orders(&shop, 0, 0, || {
        // What is under way when it is asked to stop is answered.
        wait_until("something is taken in", BOUND, || {
            let status = shop.status();
            (status["pending"].as_u64() > Some(0) || status["entries"].as_u64() > Some(0)).then_some(())
        });
        daemon.terminate();
        code = daemon.exit_code();
    });
    assert_eq!(code, Some(0));
    assert!(!acknowledged.is_empty());
    let daemon = shop.start();
    shop.wait_for_inbox();
    check_orders(&shop, &sent, &acknowledged, "after a stop");
    daemon.stop();
}

#[test]
fn a_full_disk_ends_it_loudly_and_loses_nothing_acknowledged() {
    let shop = Shop::new(CONFIG);
    let daemon = shop.start_on_small_disk(4 << 10);
    let mut code = None;
    let [sent, acknowledged] = send_orders(&shop, 0, 60_000, || code = daemon.exit_code());
    assert_eq!(code, Some(1));
    assert!(!acknowledged.is_empty() && acknowledged.len() < sent.len());
    let daemon = shop.start();
    shop.wait_for_inbox();
    check_orders(&shop, &sent, &acknowledged, "after the disk was full");
    daemon.stop();
}
