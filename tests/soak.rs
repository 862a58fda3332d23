//! Whole-process crashes: `kill -9` at random moments while all three doors are busy, and while the daemon starts. Nothing
//! that was acknowledged is lost, nothing is counted twice, and a file is in wholly or not at all.
//!
//! `cargo xtask soak` runs many rounds of what is tried here in a few.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, sleep};
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use ltv_platforms::woocommerce::Shop as Store;
use serde_json::Value;

use crate::kit::{BOUND, Daemon, Served, Shop, ca_file, file_of_sales, http, purchase, random, wait_until};

/// Senders of webhooks at a time.
const SENDERS: usize = 3;
/// Rounds between two comparisons of everything; in the others, numbers are compared.
const ROUNDS_BETWEEN_CHECKS: usize = 25;

/// What came of it.
#[derive(Debug, Default)]
struct Tally {
    rounds: usize,
    kills: usize,
    sent: usize,
    acknowledged: usize,
    lost: usize,
    doubled: usize,
}

/// What was sent through the doors, and what of it was acknowledged.
#[derive(Debug, Default)]
struct Sent {
    /// Orders by webhook, whether acknowledged.
    orders: BTreeMap<String, bool>,
    /// Files by name: how many rows, whether acknowledged.
    files: BTreeMap<String, (usize, bool)>,
    /// Orders of the store that were there before a pass which is said to be complete began.
    polled: BTreeSet<String>,
    passes: usize,
    passes_acknowledged: usize,
}

impl Sent {
    fn take(&mut self, other: Self) {
        self.orders.extend(other.orders);
        self.files.extend(other.files);
        self.polled.extend(other.polled);
        self.passes += other.passes;
        self.passes_acknowledged += other.passes_acknowledged;
    }

    /// Deliveries, and those of them that were acknowledged.
    fn deliveries(&self) -> (usize, usize) {
        let orders = self.orders.values().filter(|acknowledged| **acknowledged).count();
        let files = self.files.values().filter(|(_, acknowledged)| *acknowledged).count();
        (self.orders.len() + self.files.len() + self.passes, orders + files + self.passes_acknowledged)
    }
}

fn config(served: &Served<Store>) -> String {
    format!(
        "[report]\ncurrency = \"USD\"\n\n[integrations.files]\nconnector = \"generic\"\ncurrency = \"USD\"\n\n\
         [integrations.hooks]\nconnector = \"samcart\"\ncurrency = \"USD\"\n\n\
         [integrations.store]\nconnector = \"woocommerce\"\nurl = \"{}\"\nconsumer_key = \"{}\"\nconsumer_secret = \"{}\"\n\
         from = {}\nallow_private_addresses = true\nca_file = \"{}\"\n",
        served.url(),
        Store::KEY,
        Store::SECRET,
        (Utc::now() - TimeDelta::days(3)).date_naive(),
        ca_file().display(),
    )
}

/// Sends webhooks until the daemon is gone or the round is over.
fn send_webhooks(shop: &Shop, path: &str, prefix: &str, pause: usize, over: &AtomicBool) -> Sent {
    let mut sent = Sent::default();
    for number in 0.. {
        let order = format!("{prefix}-{number}");
        // Buyers of their own, since sales of one buyer on one day are looked through one by one.
        let body = purchase(&order, 0).replace("many@", &format!("many.{order}@"));
        let answer = http::try_send(shop.hooks, "POST", path, &[], body.as_bytes());
        let status = answer.as_ref().ok().map(|answer| answer.status);
        assert!(matches!(status, None | Some(200 | 503)), "{answer:?}");
        sent.orders.insert(order, status == Some(200));
        if status.is_none() || over.load(Ordering::Relaxed) {
            break;
        }
        // A pace, so that the ledger stays small enough to be compared whole.
        sleep(Duration::from_millis(pause as u64));
    }
    sent
}

/// Hands files over by the drop folder and by the API, by turns, until the round is over.
fn bring_files(shop: &Shop, round: usize, rows: usize, over: &AtomicBool) -> Sent {
    let mut sent = Sent::default();
    for number in 0.. {
        let name = format!("f{round}.{number}.");
        let text = file_of_sales(&name, rows);
        if number % 2 == 0 {
            shop.drop_file("files", &format!("{name}csv"), text.as_bytes());
            let done = shop.path("drop/files/done").join(format!("{name}csv"));
            while !done.exists() && !over.load(Ordering::Relaxed) {
                sleep(Duration::from_millis(5));
            }
            // It lies in the folder until it is in, so it counts as acknowledged: somebody will take it.
            sent.files.insert(name, (rows, true));
        } else {
            let target = format!("/v1/imports?integration=files&name={name}");
            let answer = http::try_send(shop.api, "POST", &target, &[], text.as_bytes());
            let last = answer.ok().and_then(|answer| answer.text().lines().last().map(str::to_owned));
            sent.files.insert(name, (rows, last.is_some_and(|line| line.contains("\"report\""))));
        }
        if over.load(Ordering::Relaxed) {
            break;
        }
    }
    sent
}

/// Sells, gives back, and has the store asked, until the round is over.
fn trade_and_sync(shop: &Shop, served: &Served<Store>, over: &AtomicBool) -> Sent {
    let mut sent = Sent::default();
    for number in 0.. {
        let known: BTreeSet<String> = {
            let mut platform = served.platform();
            let store = &mut platform.platform;
            store.at_unix_ms(Utc::now().timestamp_millis());
            let order = store.sold(&format!("buyer{}@example.org", number % 7), 1_000 + number);
            if number % 3 == 2 {
                store.refund(order, 100, &[]);
            }
            store.truth().into_iter().map(|money| money.id).collect()
        };
        sent.passes += 1;
        let answer = http::try_send(shop.api, "POST", "/v1/integrations/store/sync", &[], &[]);
        let last = answer.ok().and_then(|answer| serde_json::from_str::<Value>(answer.text().lines().last()?).ok());
        if last.is_some_and(|last| last["report"]["complete"] == true) {
            sent.passes_acknowledged += 1;
            sent.polled.extend(known);
        }
        if over.load(Ordering::Relaxed) {
            break;
        }
    }
    sent
}

/// All doors at once, until `end` returns.
fn busy(
    shop: &Shop,
    served: &Served<Store>,
    round: usize,
    chance: &mut impl FnMut(usize) -> usize,
    end: impl FnOnce(),
) -> Sent {
    let path = shop.webhook_path("hooks");
    let over = AtomicBool::new(false);
    let (pause, rows) = (chance(25), 20 + chance(200));
    thread::scope(|scope| {
        let (path, over) = (path.as_str(), &over);
        let mut doors: Vec<_> = (0..SENDERS)
            .map(|sender| scope.spawn(move || send_webhooks(shop, path, &format!("{round}-{sender}"), pause, over)))
            .collect();
        doors.push(scope.spawn(move || bring_files(shop, round, rows, over)));
        doors.push(scope.spawn(move || trade_and_sync(shop, served, over)));
        end();
        over.store(true, Ordering::Relaxed);
        let mut all = Sent::default();
        for door in doors {
            all.take(door.join().unwrap());
        }
        all
    })
}

/// Ids by which the entries of an integration are compared.
fn ids(shop: &Shop, integration: &str, member: &str) -> Vec<String> {
    shop.entries(integration).iter().map(|entry| entry[member].as_str().unwrap().to_owned()).collect()
}

/// Holds everything against what was acknowledged. Gives what is lost and what is there twice.
fn compare(shop: &Shop, sent: &Sent) -> (usize, usize) {
    let (mut lost, mut doubled) = (0, 0);
    let mut tell = |what: &str, lost_now: usize, doubled_now: usize| {
        if lost_now + doubled_now > 0 {
            eprintln!("{what}: {lost_now} lost, {doubled_now} twice");
        }
        (lost, doubled) = (lost + lost_now, doubled + doubled_now);
    };
    let found = ids(shop, "hooks", "order");
    let once: BTreeSet<&String> = found.iter().collect();
    assert!(once.iter().all(|order| sent.orders.contains_key(*order)), "an order that nobody sent");
    let acknowledged = sent.orders.iter().filter(|(_, acknowledged)| **acknowledged);
    tell("webhooks", acknowledged.filter(|(order, _)| !once.contains(order)).count(), found.len() - once.len());

    let found = ids(shop, "files", "order");
    let mut rows: BTreeMap<&str, usize> = BTreeMap::new();
    for order in &found {
        *rows.entry(&order[..=order.rfind('.').unwrap()]).or_default() += 1;
    }
    for (file, (wanted, acknowledged)) in &sent.files {
        let there = rows.get(file.as_str()).copied().unwrap_or(0);
        assert!([0, *wanted].contains(&there) || there > *wanted, "{file} is there in part: {there} of {wanted}");
        tell(file, usize::from(*acknowledged && there == 0), usize::from(there > *wanted));
    }

    let found = ids(shop, "store", "id");
    let once: BTreeSet<&String> = found.iter().collect();
    tell("store", sent.polled.iter().filter(|id| !once.contains(id)).count(), found.len() - once.len());
    (lost, doubled)
}

/// Waits until nothing waits in the inbox or the drop folder.
fn settle(shop: &Shop) {
    shop.wait_for_inbox();
    let folder = shop.path("drop/files");
    wait_until("the drop folder is empty", BOUND, || {
        let waiting = std::fs::read_dir(&folder).ok()?.flatten().any(|file| file.path().is_file());
        (!waiting).then_some(())
    });
}

/// So many rounds, each killed after at most so many milliseconds.
fn soak(rounds: usize, round_ms: usize) -> Tally {
    let mut chance = random();
    let served = Served::https(Store::new());
    let home = served.url();
    served.platform().platform.home = home;
    let shop = Shop::new(&config(&served));
    let mut sent = Sent::default();
    let mut tally = Tally { rounds, ..Tally::default() };
    // The very first start makes everything.
    for _ in 0..3 {
        shop.start_and_kill(Duration::from_millis(chance(300) as u64));
        tally.kills += 1;
    }
    let mut daemon = shop.start();
    for round in 0..rounds {
        let moment = Duration::from_millis(chance(round_ms) as u64);
        sent.take(busy(&shop, &served, round, &mut chance, || {
            sleep(moment);
            daemon.kill();
        }));
        tally.kills += 1;
        // Starting is work as well: the ledger is mended, the log is read, what waits is read.
        while chance(3) == 0 {
            shop.start_and_kill(Duration::from_millis(chance(400) as u64));
            tally.kills += 1;
        }
        daemon = shop.start();
        if (round + 1) % ROUNDS_BETWEEN_CHECKS == 0 || round + 1 == rounds {
            settle(&shop);
            let (lost, doubled) = compare(&shop, &sent);
            (tally.lost, tally.doubled) = (tally.lost + lost, tally.doubled + doubled);
            let (deliveries, acknowledged) = sent.deliveries();
            eprintln!(
                "round {}: {} kills, {deliveries} deliveries, {acknowledged} acknowledged, {lost} lost, {doubled} twice",
                round + 1,
                tally.kills
            );
        }
    }
    (tally.sent, tally.acknowledged) = sent.deliveries();
    // Once more in peace, and the store must be as it is, to the cent.
    shop.sync("store");
    let truth = served.platform().platform.truth();
    shop.must_hold("store", &truth);
    assert_eq!(shop.status()["quarantined"], 0);
    Daemon::stop(daemon);
    println!(
        "{{\"bench\":\"soak\",\"rounds\":{},\"kills\":{},\"deliveries_sent\":{},\"acknowledged\":{},\"lost\":{},\"doubled\":{}}}",
        tally.rounds, tally.kills, tally.sent, tally.acknowledged, tally.lost, tally.doubled
    );
    tally
}

fn nothing_is_lost(tally: &Tally) {
    assert!(tally.kills >= tally.rounds && tally.acknowledged > 0, "{tally:?}");
    assert_eq!((tally.lost, tally.doubled), (0, 0), "{tally:?}");
}

#[test]
fn a_daemon_that_is_killed_loses_nothing() {
    nothing_is_lost(&soak(6, 1_500));
}

/// `cargo xtask soak` says how long.
#[test]
#[ignore = "takes minutes to hours: cargo xtask soak"]
fn long() {
    let number = |name: &str, default| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default);
    nothing_is_lost(&soak(number("LTVD_SOAK_ROUNDS", 200), number("LTVD_SOAK_ROUND_MS", 3_000)));
}
