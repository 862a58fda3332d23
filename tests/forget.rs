//! Forgetting a person: figures stay to the byte, and nothing says who they were any more.

use std::thread;
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use ltv_platforms::woocommerce::{Basket, Shop as Store};

use crate::kit::{Daemon, Served, Shop, ca_file, http, random};

/// As she writes it, not as it is looked up.
const ADDRESS: &str = "Ada.Canary@Example.com";

const FILE: &str = "id,order_id,date,email,amount,kind,product\n\
    1,A,2026-01-10 10:00:00,Ada.Canary@Example.com,100.00,sale,Tea\n\
    2,A,2026-02-10 10:00:00,ada.canary@example.com,30.00,refund,Tea\n\
    3,B,2026-01-11 10:00:00,bo@example.org,50.00,sale,Cup\n\
    4,C,2026-01-12 10:00:00,nada.canary@example.org,20.00,sale,Cup\n";

/// A polled store, a file and webhooks, all of which know her.
struct Trade {
    /// Answers as long as this lives.
    _served: Served<Store>,
    shop: Shop,
}

impl Trade {
    fn new() -> Self {
        let served = Served::https(Store::new());
        let home = served.url();
        {
            let mut platform = served.platform();
            let store = &mut platform.platform;
            store.home = home;
            for (days, email) in [(9, ADDRESS), (8, "bo@example.org"), (5, ADDRESS)] {
                store.at_unix_ms((Utc::now() - TimeDelta::days(days)).timestamp_millis());
                let order = store.sell(Basket::of(email).item(40, 1, 5_500).tax(1_000));
                if days == 5 {
                    store.refund(order, 500, &[]);
                }
            }
        }
        let config = format!(
            "[report]\ncurrency = \"EUR\"\n[rates]\nUSD = \"0.9\"\n\
             [integrations.files]\nconnector = \"generic\"\ncurrency = \"USD\"\n\
             [integrations.hooks]\nconnector = \"samcart\"\ncurrency = \"USD\"\n\
             [integrations.store]\nconnector = \"woocommerce\"\nzone = \"Europe/Berlin\"\nurl = \"{}\"\nconsumer_key = \"{}\"\n\
             consumer_secret = \"{}\"\nfrom = {}\nallow_private_addresses = true\nca_file = \"{}\"\n",
            served.url(),
            Store::KEY,
            Store::SECRET,
            (Utc::now() - TimeDelta::days(20)).date_naive(),
            ca_file().display(),
        );
        Self { _served: served, shop: Shop::new(&config) }
    }

    /// Lets everything in, the same each time.
    fn run(&self) -> Daemon {
        let daemon = self.shop.start();
        self.shop.wait_for_pass("store");
        self.shop.import("files", "ada.canary@example.com 2026.csv", FILE.as_bytes()).ok();
        for (order, email) in [(71, "ADA.CANARY@example.com"), (72, "cy@example.org")] {
            self.shop.deliver("hooks", "application/json", hook(order, email).as_bytes());
        }
        daemon
    }

    /// Every figure there is, as it is told. Who asks later may be told another day, so the day is named.
    fn figures(&self) -> Vec<String> {
        let as_of = (Utc::now() + TimeDelta::days(2)).date_naive();
        let questions = [
            format!("/v1/ltv?as_of={as_of}&group=month&horizons=30,to_date,first_order&format=csv"),
            format!("/v1/ltv?as_of={as_of}&group=product&basis=total&format=csv"),
            format!("/v1/cohorts?as_of={as_of}&format=csv"),
            format!("/v1/survival?as_of={as_of}&format=csv"),
            format!("/v1/payback?as_of={as_of}&cac=3&format=csv"),
            "/v1/revenue?by=day&split=integration&format=csv".to_owned(),
            "/v1/revenue?by=day&split=product&format=csv".to_owned(),
        ];
        questions.map(|question| self.shop.get(&question).ok().text()).into()
    }

    /// Looks for her in everything that is kept. No daemon may run.
    fn nowhere(&self) {
        // The ledger is opened twice: the first time its file is written anew.
        self.shop.everything_stored();
        let mut kept = self.shop.everything_stored();
        let ledger = ltvd::ledger::Ledger::open(&self.shop.path("data")).unwrap();
        for (_, sha256, import) in ledger.imports().unwrap() {
            std::io::Read::read_to_string(&mut ledger.archived(&sha256).unwrap(), &mut kept).unwrap();
            kept.push_str(&format!("{import:?}"));
        }
        drop(ledger);
        kept.push_str(&String::from_utf8_lossy(
            &std::fs::read(self.shop.path("data/book.snapshot")).unwrap_or_default(),
        ));
        // The log tells names of files as their owner wrote them; whoever keeps logs decides how long.
        let kept: String = kept.lines().filter(|line| !line.contains("a file was imported")).collect();
        let kept = kept.to_lowercase().replace("nada.canary", "");
        for form in ["ada.canary", "ada.canary%40example.com", "canary@example.com", "vernacularname"] {
            let at = kept.find(form);
            let around = at.map(|at| kept.get(at.saturating_sub(60)..at + 60));
            assert_eq!(at, None, "`{form}` is in {around:?}");
        }
        assert!(kept.contains("bo@example.org") && kept.contains("cy@example.org"), "others are still there");
    }
}

fn hook(order: u32, email: &str) -> String {
    format!(
        r#"{{"type":"Order","product":{{"id":5,"name":"Book","price":"40.00","tax":"0.00","shipping":"0.00"}},
        "customer":{{"first_name":"Vernacularname","email":"{email}"}},"order":{{"id":{order},"total":"40.00"}}}}"#
    )
}

#[test]
fn a_forgotten_person_is_nowhere_and_every_figure_stays() {
    let trade = Trade::new();
    let daemon = trade.run();
    let shop = &trade.shop;
    let before = trade.figures();

    let refused = shop.cli(["forget", ADDRESS]);
    assert_eq!(refused.code, Some(2), "nobody is there to be asked: {}", refused.stderr);
    let done = shop.cli(["forget", "ada.CANARY@example.com", "--yes"]);
    insta::assert_snapshot!(done.stdout, @"forgotten: 6 entries go on under a pseudonym, 1 webhook delivery was emptied, 2 rows were taken out of archived files, 1 answer of a platform was struck, 2 other records were struck");
    assert!(done.stderr.contains("ada.canary@example.com 2026.csv still names this person"), "{}", done.stderr);
    assert_eq!(trade.figures(), before);
    let told = shop.get("/v1/customers/ada.canary@example.com").problem(404);
    insta::assert_snapshot!(format!("{told:#}"), @r#"
    {
      "detail": "no entry is known of `ada.canary@example.com`",
      "status": 404,
      "title": "Not found",
      "type": "/problems/not-found"
    }
    "#);
    assert_eq!(shop.cli(["forget", ADDRESS, "--yes"]).code, Some(1), "she is not known any more");

    daemon.stop();
    trade.nowhere();

    // What comes again goes to the pseudonym.
    std::fs::remove_dir_all(shop.path("drop/files/done")).unwrap();
    let daemon = shop.start();
    assert_eq!(trade.figures(), before);
    shop.import("files", "again.csv", FILE.as_bytes()).ok();
    shop.import(
        "files",
        "longer.csv",
        format!("{FILE}5,B,2026-03-11 10:00:00,bo@example.org,50.00,refund,Cup\n").as_bytes(),
    )
    .ok();
    shop.cli(["replay"]).ok();
    shop.wait_for_inbox();
    let today = Utc::now().date_naive();
    let recheck = shop.try_sync_with(&format!("store/sync?from={}&to={today}", today - TimeDelta::days(19)));
    assert_eq!(recheck["complete"], true, "{recheck:#}");
    shop.get("/v1/customers/ada.canary@example.com").problem(404);
    let entries = shop.entries("files");
    assert_eq!(entries.len(), 5, "{entries:#?}");
    assert_eq!(shop.entries("store").len(), 4);
    assert_eq!(shop.entries("hooks").len(), 2);
    daemon.stop();
}

#[test]
fn forgetting_can_be_broken_off_anywhere_and_done_again() {
    let trade = Trade::new();
    let mut daemon = trade.run();
    let before = trade.figures();
    let mut random = random();
    for _ in 0..6 {
        let delay = Duration::from_millis(random(60) as u64);
        let port = trade.shop.api;
        let asker = thread::spawn(move || {
            // It may be cut off, or be answered.
            let _ = http::try_send(port, "POST", "/v1/customers/ada.canary@example.com/forget", &[], &[]);
        });
        thread::sleep(delay);
        daemon.kill();
        asker.join().unwrap();
        daemon = trade.shop.start();
        assert_eq!(trade.figures(), before, "whether she is forgotten or not");
    }
    let last = trade.shop.cli(["forget", ADDRESS, "--yes"]);
    assert!(matches!(last.code, Some(0 | 1)), "{}", last.stderr);
    trade.shop.get("/v1/customers/ada.canary@example.com").problem(404);
    daemon.stop();
    trade.nowhere();
}
