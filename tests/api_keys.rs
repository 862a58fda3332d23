//! ThriveCart and SamCart with an API key: the API, webhooks and files tell of the same money.

use chrono::{Days, Utc};
use ltv_platforms::call::encode;
use ltv_platforms::samcart::SamCart;
use ltv_platforms::thrivecart::{Kind, ThriveCart, Transaction};

use crate::kit::{Served, Shop, ca_file};

fn day(ago: u64, time: &str) -> String {
    format!("{}T{time}", Utc::now().date_naive() - Days::new(ago))
}

fn config(connector: &str, host: &str, address: std::net::SocketAddr, more: &str) -> String {
    format!(
        "[integrations.shop]\nconnector = \"{connector}\"\nzone = \"UTC\"\napi_key = \"key-0123456789\"\nfrom = {}\n\
         connect_to = {{ \"{host}\" = \"{address}\" }}\nca_file = \"{}\"\n{more}\n",
        Utc::now().date_naive() - Days::new(60),
        ca_file().display()
    )
}

#[test]
fn thrivecart_by_api_file_and_webhook() {
    let transactions = vec![
        Transaction::new(1, 600, Kind::Charge, &day(40, "10:00:00"), 11_900),
        Transaction::new(2, 600, Kind::Charge, &day(40, "10:00:00"), 2_000).item("bump"),
        Transaction::new(3, 601, Kind::Charge, &day(30, "09:00:00"), 5_000).email("bo@example.org"),
        Transaction::new(4, 600, Kind::Rebill, &day(10, "10:00:05"), 11_900).of_rebill(1),
        Transaction::new(5, 601, Kind::Refund, &day(5, "12:00:00"), 1_500).email("bo@example.org"),
        Transaction::new(6, 602, Kind::Charge, &day(3, "12:00:00"), 9_900).test(),
    ];
    let served = Served::https(ThriveCart::new("key-0123456789", transactions));
    let config = config("thrivecart", "thrivecart.com", served.address(), "secret = \"demo-word\"");
    let shop = Shop::new(&config);
    let _daemon = shop.start();
    let polling = shop.wait_for_pass("shop");
    assert_eq!(polling["state"], "complete", "{polling:#}");
    let truth = served.platform().platform.truth();
    shop.must_hold("shop", &truth);
    for body in served.platform().platform.webhooks("demo-word", true) {
        let fields = body.lines().filter_map(|line| line.split_once('='));
        let form: Vec<String> = fields.map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
        shop.deliver("shop", "application/x-www-form-urlencoded", form.join("&").as_bytes());
    }
    let file = served.platform().platform.orders_csv(true);
    shop.import("shop", "orders.csv", file.as_bytes()).ok();
    shop.sync("shop");
    // Every movement once; a webhook may know a better key.
    let sums = |money: &[ltv_platforms::Money]| {
        let mut sums: Vec<_> = money.iter().map(|one| (one.kind, one.total.clone())).collect();
        sums.sort();
        sums
    };
    assert_eq!(sums(&shop.money("shop")), sums(&truth));
    let file = shop.path("again.csv");
    std::fs::write(&file, served.platform().platform.orders_csv(true)).unwrap();
    let compared = shop.cli(["reconcile", "shop", "--file", file.to_str().unwrap()]).ok();
    assert!(compared.contains("the file again.csv"), "{compared}");
    assert_eq!(shop.status()["quarantined"], 0);
}

#[test]
fn samcart_by_api_and_webhook() {
    let mut account = SamCart::new("key-0123456789");
    account.buy(800, 71, &day(40, "10:00:00"), &[(4001, 3_000, 0, true)]);
    account.buy(801, 72, &day(20, "11:00:00"), &[(4002, 2_000, 380, false)]);
    // Webhooks carry no date, so what they tell happens now.
    account.rebill(800, &Utc::now().format("%Y-%m-%dT%H:%M:%S").to_string());
    let charge = account.charges[1].id;
    let item = account.orders[1].items[0].id;
    account.refund(801, charge, item, &Utc::now().format("%Y-%m-%dT%H:%M:%S").to_string(), 500);
    let served = Served::https(account);
    let config = config("samcart", "api.samcart.com", served.address(), "currency = \"USD\"");
    let shop = Shop::new(&config);
    let _daemon = shop.start();
    let polling = shop.wait_for_pass("shop");
    assert_eq!(polling["state"], "complete", "{polling:#}");
    let truth = served.platform().platform.truth();
    shop.must_hold("shop", &truth);
    for (content_type, body) in served.platform().platform.webhooks(true) {
        shop.deliver("shop", &content_type, body.as_bytes());
    }
    shop.sync("shop");
    shop.must_hold("shop", &truth);
    let compared = shop.cli(["reconcile", "shop"]).ok();
    assert!(compared.contains("no order differs"), "{compared}");
}

#[test]
fn without_a_key_nothing_is_asked_and_nothing_is_wrong() {
    let served = Served::https(SamCart::new("key-0123456789"));
    let config = config("samcart", "api.samcart.com", served.address(), "currency = \"USD\"");
    let shop = Shop::new(&config.replace("api_key = \"key-0123456789\"\n", ""));
    let checked = shop.cli(["check"]);
    assert_eq!(checked.code, Some(0));
    assert!(checked.stderr.contains("`from` has no effect"), "{}", checked.stderr);
    let _daemon = shop.start();
    shop.get("/v1/status").ok();
    assert!(shop.polling("shop").is_null());
    assert_eq!(served.requests(), 0);
}
