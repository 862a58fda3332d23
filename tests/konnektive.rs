//! Konnektive / CheckoutChamp by its API: the real daemon and the real connector ask a platform behind TLS, and the ledger
//! must hold what the platform knows, to the cent.

use std::thread;
use std::time::Duration;

use chrono::{Days, Utc};
use ltv_platforms::konnektive::Account;
use ltv_platforms::{Answer, Fault, Wire};

use crate::kit::{Served, Shop, ca_file, http, wait_until};

/// A password with everything that naive clients break.
const PASSWORD: &str = "Pä&s+w%r#d=x/ 1";

/// The account with a few weeks of trade, and the day from which it is read.
fn account() -> (Account, String) {
    let mut account = Account::new("America/New_York");
    account.password = PASSWORD.to_owned();
    let day = |ago: u64, time: &str| format!("{}T{time}", Utc::now().date_naive() - Days::new(ago));
    let first = account.sale(&day(12, "04:30:00"), "50.00");
    account.rebill(&day(5, "14:00:00"), first, 2, "29.99");
    let second = account.sale(&day(9, "23:59:59"), "19.95");
    account.refund(&day(3, "03:10:00"), second, "9.95");
    account.decline(&day(3, "05:00:00"), "99.00");
    let third = account.sale(&day(2, "12:00:00"), "75.00");
    account.chargeback(third, &day(1, "12:00:00"), Some(&(Utc::now().date_naive() - Days::new(1)).to_string()));
    let tested = account.sale(&day(2, "13:00:00"), "1.00");
    account.test_card(tested);
    (account, (Utc::now().date_naive() - Days::new(14)).to_string())
}

fn config(served: &Served<Account>, from: &str, more: &str) -> String {
    format!(
        "[integrations.crm]\nconnector = \"konnektive\"\nzone = \"America/New_York\"\nlogin_id = \"ltvd-api\"\npassword = {{ file = \"password.txt\" }}\n\
         api_url = \"{}\"\nfrom = {from}\nallow_private_addresses = true\nca_file = \"{}\"\n{more}\n",
        served.url(),
        ca_file().display(),
    )
}

fn shop(served: &Served<Account>, from: &str, more: &str) -> Shop {
    let shop = Shop::empty();
    std::fs::write(shop.path("password.txt"), PASSWORD).unwrap();
    shop.configure(&config(served, from, more));
    shop
}

#[test]
fn everything_is_loaded_and_stays_true() {
    let (account, from) = account();
    let served = Served::https(account);
    let shop = shop(&served, &from, "");
    let _daemon = shop.start();
    let polling = shop.wait_for_pass("crm");
    assert_eq!(polling["state"], "complete", "{polling:#}");
    shop.must_hold("crm", &served.platform().platform.truth());

    // What happens later: a refund today, and the chargeback is taken back.
    {
        let mut platform = served.platform();
        let now = Utc::now().format("%Y-%m-%dT%H:%M:%S").to_string();
        platform.platform.refund(&now, 70_001, "10.00");
        platform.platform.revert_chargeback(70_006, &now);
    }
    shop.sync("crm");
    shop.must_hold("crm", &served.platform().platform.truth());

    // The same range again changes nothing.
    let again = shop.try_sync_with(&format!("crm/sync?from={from}"));
    assert_eq!((&again["counts"]["new"], &again["counts"]["changed"]), (&0.into(), &0.into()), "{again:#}");
    shop.must_hold("crm", &served.platform().platform.truth());
    let calls = &served.platform().calls;
    assert!(
        calls.iter().all(|call| call.method == "POST" && call.query.is_empty()),
        "credentials stay out of addresses"
    );
    assert!(calls.iter().all(|call| call.header("user-agent").is_some_and(|agent| agent.starts_with("ltvd/"))));
}

#[test]
fn faults_on_the_way_cost_nothing() {
    let (account, from) = account();
    let served = Served::https(account);
    let busy = Answer::json(429, &serde_json::json!({"error": "slow down"})).header("retry-after", 1);
    served.platform().next(1, Fault::Instead(busy));
    for (at, fault) in [
        (4, Fault::Sent(Wire::CutOff(20))),
        (7, Fault::Instead(Answer::html(503, "Just a moment"))),
        (9, Fault::Sent(Wire::Closed)),
        (12, Fault::Sent(Wire::Drip { bytes: 40, pause_ms: 5 })),
    ] {
        let mut platform = served.platform();
        platform.plan(at, 1, fault);
    }
    let shop = shop(&served, &from, "");
    let _daemon = shop.start();
    let polling = shop.wait_for_pass("crm");
    assert_eq!(polling["state"], "complete", "{polling:#}");
    shop.must_hold("crm", &served.platform().platform.truth());
}

#[test]
fn a_wrong_password_is_tried_once() {
    let (account, from) = account();
    let served = Served::https(account);
    let shop = shop(&served, &from, "every = \"10s\"");
    std::fs::write(shop.path("password.txt"), "wrong-password").unwrap();
    let mut daemon = shop.start();
    let polling = shop.wait_for_pass("crm");
    assert_eq!((&polling["state"], served.requests()), (&"stopped".into(), 1), "{polling:#}");
    // Neither time nor a restart tries again: the account must not be locked.
    daemon.kill();
    let _daemon = shop.start();
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(served.requests(), 1);
    let told = shop.cli(["status"]).ok();
    assert!(told.contains("stopped"), "{told}");
    // A person may, and does after mending it.
    std::fs::write(shop.path("password.txt"), PASSWORD).unwrap();
    drop(_daemon);
    let _daemon = shop.start();
    shop.sync("crm");
    shop.must_hold("crm", &served.platform().platform.truth());
}

#[test]
fn another_zone_dates_everything_anew_without_asking() {
    let (account, from) = account();
    let served = Served::https(account);
    let shop = shop(&served, &from, "");
    let mut daemon = shop.start();
    shop.wait_for_pass("crm");
    let (before, asked) = (shop.entries("crm"), served.requests());
    daemon.kill();

    let config = std::fs::read_to_string(shop.path("ltvd.toml")).unwrap();
    shop.write_config(&config.replace("zone = \"America/New_York\"", "zone = \"Asia/Tokyo\""));
    let _daemon = shop.start();
    let after = shop.entries("crm");
    assert_eq!(served.requests(), asked, "the platform was asked again");
    assert_eq!(before.len(), after.len());
    for (old, new) in before.iter().zip(&after) {
        assert_eq!((&old["id"], &old["said"], &old["total"]), (&new["id"], &new["said"], &new["total"]));
        let instant =
            |entry: &serde_json::Value| chrono::DateTime::parse_from_rfc3339(entry["at"].as_str().unwrap()).unwrap();
        // New York is 4 or 5 hours behind UTC, Tokyo 9 ahead; a day without time is noon in either.
        let hours = (instant(old) - instant(new)).num_hours();
        assert!(hours == 13 || hours == 14, "{old} {new}");
    }
}

#[test]
fn no_secret_is_found_anywhere() {
    let canary = "canary&Geheim+w%rt#=ß/42";
    let (mut account, from) = account();
    account.password = canary.to_owned();
    let served = Served::https(account);
    // The platform repeats the password in an error and in a field.
    let echo = format!("<p>Login with password {canary} failed, base64 Y2FuYXJ5JkdlaGVpbSt3JXJ0Iz3Dny80Mg==</p>");
    served.platform().next(1, Fault::Instead(Answer::html(403, &echo)));
    served.platform().platform.tell(70_001, "custom1", canary);
    served.platform().platform.tell(70_002, "campaignName", format!("x{canary}"));
    let shop = shop(&served, &from, "every = \"10s\"");
    std::fs::write(shop.path("password.txt"), canary).unwrap();
    let config = std::fs::read_to_string(shop.path("ltvd.toml")).unwrap();
    shop.write_config(&config);
    let online = shop.cli(["--log", "trace", "check", "--online"]);
    let mut daemon = shop.start();
    shop.wait_for_pass("crm");
    shop.try_sync("crm");
    let mut seen = vec![online.stdout, online.stderr, daemon.stderr()];
    for target in ["/v1/status", "/v1/syncs", "/v1/entries", "/v1/quarantine", "/v1/integrations"] {
        seen.push(shop.get(target).text());
    }
    for number in 1..40 {
        seen.push(shop.get(&format!("/v1/deliveries/{number}")).text());
    }
    let told = shop.cli(["--log", "trace", "reconcile", "crm"]);
    seen.extend([told.stdout, told.stderr, shop.cli(["status"]).ok(), shop.cli(["export"]).ok()]);
    daemon.kill();
    assert!(shop.entries_in_archive() > 5, "answers were archived");
    seen.push(shop.everything_stored());
    let forms = ["canary", "Geheim", "Y2FuYXJ5", "NhbmFye", "jYW5hcn", "%rt", "%25rt"];
    for text in seen {
        for form in forms {
            assert!(!text.contains(form), "{form} stands in {}", around(&text, form));
        }
    }
}

fn around(text: &str, word: &str) -> String {
    let at = text.find(word).unwrap_or(0);
    text.chars().skip(text[..at].chars().count().saturating_sub(200)).take(400).collect()
}

#[test]
fn passes_take_turns_and_what_was_missed_is_one() {
    let (account, from) = account();
    let served = Served::https(account);
    let shop = shop(&served, &from, "every = \"15m\"");
    let mut daemon = shop.start();
    shop.wait_for_pass("crm");
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| shop.sync("crm"));
        }
    });
    let passes = shop.polling("crm")["passes"].as_array().unwrap().clone();
    assert_eq!(passes.len(), 4, "{passes:#?}");
    // The latest stands first.
    for (later, earlier) in passes.iter().zip(passes.iter().skip(1)) {
        assert!(later["began"].as_str() >= earlier["ended"].as_str(), "{later:#} {earlier:#}");
    }
    // A start is no reason to ask again before it is time.
    daemon.kill();
    let asked = served.requests();
    let _daemon = shop.start();
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(served.requests(), asked);
    let polling = shop.polling("crm");
    assert!(polling["next"].as_str() > polling["passes"][0]["began"].as_str(), "{polling:#}");
    shop.must_hold("crm", &served.platform().platform.truth());
}

#[test]
fn reconciling_names_the_orders_that_differ() {
    let (account, from) = account();
    let served = Served::https(account);
    let shop = shop(&served, &from, "every = \"30d\"");
    let _daemon = shop.start();
    shop.wait_for_pass("crm");
    let same = shop.cli(["reconcile", "crm", "--from", &from]).ok();
    assert!(same.contains("no order differs"), "{same}");
    let order = {
        let mut platform = served.platform();
        let day = Utc::now().date_naive() - Days::new(4);
        let sale = platform.platform.sale(&format!("{day}T15:00:00"), "33.00");
        platform.platform.order(sale)
    };
    let differs = shop.cli(["reconcile", "crm", "--from", &from]).ok();
    assert!(differs.contains(&order) && differs.contains("ledger nothing, source 1 x, 33.00 USD"), "{differs}");
    shop.try_sync_with(&format!("crm/sync?from={from}"));
    assert!(shop.cli(["reconcile", "crm", "--from", &from]).ok().contains("no order differs"));
    // The chargeback of yesterday is a label on an older sale, which a short range has not got.
    let yesterday = (Utc::now().date_naive() - Days::new(1)).to_string();
    let short = shop.cli(["reconcile", "crm", "--from", &yesterday]).ok();
    assert!(short.contains("no order differs") && short.contains("older sales are not compared"), "{short}");
}

#[test]
fn a_kill_in_the_middle_of_a_load_loses_and_doubles_nothing() {
    let (account, from) = account();
    let served = Served::https(account);
    let shop = shop(&served, &from, "");
    for round in 0..6 {
        let slow = Fault::Sent(Wire::Drip { bytes: 200, pause_ms: 20 });
        served.platform().next(1_000, slow);
        let mut daemon = shop.start();
        let (asked, port) = (served.requests(), shop.api);
        // A daemon that has died in three passes in a row leaves the platform alone for a while, unless it is told.
        let teller = thread::spawn(move || drop(http::try_send(port, "POST", "/v1/integrations/crm/sync", &[], &[])));
        wait_until("some more was asked", crate::kit::BOUND, || (served.requests() > asked + round % 3).then_some(()));
        daemon.kill();
        teller.join().unwrap();
    }
    served.platform().heal();
    let _daemon = shop.start();
    shop.sync("crm");
    shop.must_hold("crm", &served.platform().platform.truth());
}
