//! SamCart: order files and webhooks about the same money, in any order. Its webhooks carry no date, so that what they tell
//! happens now, and the rows of the files are dated around today.

use std::thread::sleep;
use std::time::Duration;

use chrono::{Days, NaiveDate, Timelike, Utc};
use serde_json::Value;

use crate::kit::{Shop, TwoDoors};

const CONFIG: &str = r#"
[report]
currency = "USD"

[integrations.tea]
connector = "samcart"
zone = "UTC"
currency = "USD"
excluded_emails = ["@shop.example"]
"#;

/// Today in UTC; not so late that it is over before the test is.
fn today() -> NaiveDate {
    let seconds_left = 86_400 - u64::from(Utc::now().num_seconds_from_midnight());
    if seconds_left < 300 {
        sleep(Duration::from_secs(seconds_left + 1));
    }
    Utc::now().date_naive()
}

fn body(kind: &str, order: u32, product: u32, price: &str, total: &str, email: &str, more: &str) -> String {
    format!(
        r#"{{"type":"{kind}","api_key":null,"product":{{"id":{product},"sku":"P{product}","name":"Product {product}","price":"{price}",
        "tax":"0.00","shipping":"0.00","sub_total":"{price}"}},"customer":{{"first_name":"X","email":"{email}","customer_id":{order}1}},
        "order":{{"id":{order},"total":"{total}","ip_address":"203.0.113.9"}}{more}}}"#
    )
}

/// Orders drawn by lot.
const SHUFFLES: usize = 3;

/// Orders of six people. What happened, days being counted back from today:
///
/// | who | order | what | file | webhook |
/// |---|---|---|---|---|
/// | Ada | 900100 | 30.00 on day 31 | yes | |
/// | | | rebill 30.00, in the file on day 1, by webhook today and without ids | yes | yes |
/// | Bo | 900101 | 20.00 today; with an upsell 59.95 | two rows | twice |
/// | Cleo | 900102 | 97.00 today, and its subscription has started | yes | twice |
/// | Dora | 900103 | 20.00 on day 10 | yes | |
/// | | | refund 20.00, which the file does not date, today | yes | yes |
/// | Emil | 900104 | 15.00 on day 40, and its refund, which nothing dates | yes | |
/// | Fay | 900105 | 30.00 on day 45, rebill 30.00 on day 16 | yes | |
fn orders(today: NaiveDate) -> String {
    let now = Utc::now().format("%I:%M %p").to_string();
    let mut text = String::from(
        "Order ID,Order Date,Order Time,Order Status,Product ID,Product Name,Price,Customer First Name,Customer Email\n",
    );
    for (order, days_ago, status, product, price, email) in [
        ("900105", 45, "charged", 1, "30.00", "fay@example.org"),
        ("900104", 40, "refunded", 2, "15.00", "emil@example.org"),
        ("900100", 31, "charged", 1, "30.00", "ada@example.org"),
        ("900105", 16, "charged", 1, "30.00", "Fay@Example.org"),
        ("900103", 10, "refunded", 4, "20.00", "dora@example.org"),
        ("900100", 1, "charged", 1, "30.00", "ada@example.org"),
        ("900101", 0, "charged", 4, "20.00", "bo@example.org"),
        ("900101", 0, "charged", 5, "39.95", "bo@example.org"),
        ("900102", 0, "charged", 3, "97.00", "cleo@example.org"),
        // Nothing was paid, or by somebody who tests.
        ("900106", 5, "declined", 3, "97.00", "gil@example.org"),
        ("900107", 5, "pending", 3, "97.00", "hal@example.org"),
        ("900108", 5, "charged", 3, "97.00", "tester@shop.example"),
    ] {
        let day = (today - Days::new(days_ago)).format("%m/%d/%Y");
        // What happens today happens now: nobody hears of a purchase a day later.
        let time = if days_ago == 0 { now.as_str() } else { "12:05 AM" };
        text += &format!(
            "\"{order}\",\"{day}\",\"{time}\",\"{status}\",\"{product}\",\"Product {product}\",\"${price}\",\"X\",\"{email}\"\n"
        );
    }
    text
}

fn subscriptions(today: NaiveDate) -> String {
    let start = (today - Days::new(100)).format("%m/%d/%Y");
    format!(
        "Subscription ID,Status,Customer Email,Product Name,Start Date,Next Billing Date,Rebill Amount,Interval,Payments Made\n\
        5500,active,ada@example.org,Product 1,{start},,$30.00,month,3\n"
    )
}

fn webhooks() -> Vec<String> {
    let two_products = r#"{"type":"UpsellPurchased","products":[{"id":4,"name":"Product 4","price":"20.00"},{"id":5,"name":"Product 5","price":"39.95"}],
        "customer":{"email":"Bo@example.org","customer_id":9001011},"order":{"id":900101,"total":"59.95"}}"#;
    vec![
        body("Order", 900_101, 4, "20.00", "20.00", "bo@example.org", ""),
        two_products.to_owned(),
        body("Order", 900_102, 3, "97.00", "97.00", "CLEO@example.org", r#","subscription":{"id":5502}"#),
        body("SubscriptionStarted", 900_102, 3, "97.00", "97.00", "cleo@example.org", r#","subscription":{"id":5502}"#),
        body("SubscriptionCharged", 900_100, 1, "30.00", "30.00", "Ada@Example.org", ""),
        body("ProductRefunded", 900_103, 4, "20.00", "20.00", "dora@example.org", ""),
        // Nothing of these moved money, or somebody tests.
        body("SubscriptionCanceled", 900_105, 1, "30.00", "30.00", "fay@example.org", r#","subscription":{"id":5505}"#),
        body(
            "SubscriptionChargeFailed",
            900_105,
            1,
            "30.00",
            "30.00",
            "fay@example.org",
            r#","subscription":{"id":5505}"#,
        ),
        body("ProspectCreated", 900_109, 1, "30.00", "30.00", "ida@example.org", ""),
        body("Order", 900_108, 3, "97.00", "97.00", "Tester@Shop.example", ""),
    ]
}

/// Computed by hand from the table above [`orders`].
fn check(shop: &Shop, today: NaiveDate, how: &str) {
    let status = shop.status();
    // Ada 2, Bo 1, Cleo 1, Dora 2, Emil 2, Fay 2.
    assert_eq!(status["entries"], 10, "{how}");
    assert_eq!(status["customers"], 6, "{how}");
    assert_eq!(status["quarantined"], 0, "{how}");

    let total = &shop.revenue("basis=total&by=month")["total"];
    let figures = ["orders", "rebills", "order_revenue", "rebill_revenue", "refunds", "chargebacks", "net"];
    let figures = figures.map(|name| total[name].to_string().replace('"', ""));
    let expected = [
        "8",      // six first payments and two rebills
        "2",      // Ada's, Fay's
        "251.95", // 30 + 59.95 + 97 + 20 + 15 + 30
        "60.00",  // 30 + 30
        "35.00",  // 20 + 15
        "0.00",   //
        "276.95", // 251.95 + 60 - 35
    ];
    assert_eq!(figures, expected, "{how}");

    // As of today: Bo and Cleo come later, Dora is 10 days old.
    let ltv = shop.ltv(&format!("basis=total&as_of={today}&horizons=30&group=none"));
    let cell = &ltv["total"]["cells"][0];
    let found = ["customers", "mature", "net", "ltv"].map(|name| cell[name].to_string().replace('"', ""));
    // Ada 30 (her rebill is 30 days old at least), Emil 15 - 15, Fay 30 + 30 (day 29): 90 of three.
    assert_eq!(found, ["4", "3", "90.00", "30.00"], "{how}");

    // Days that the file knows are those of the file; the refund's day is known by webhook alone.
    let entries_of = |email: &str| -> Vec<(String, i64, String)> {
        let customer = shop.get(&format!("/v1/customers/{email}")).ok().json();
        let entries = customer["entries"].as_array().unwrap().iter().map(|entry| {
            let day: NaiveDate = text(entry, "day").parse().unwrap();
            let kind = if entry["billing"] == "rebill" { "rebill" } else { text(entry, "kind") };
            (kind.to_owned(), (today - day).num_days(), text(entry, "total").to_owned())
        });
        entries.collect()
    };
    let entry = |kind: &str, days_ago: i64, total: &str| (kind.to_owned(), days_ago, total.to_owned());
    assert_eq!(entries_of("ada@example.org"), [entry("sale", 31, "30.00"), entry("rebill", 1, "30.00")], "{how}");
    assert_eq!(entries_of("bo@example.org"), [entry("sale", 0, "59.95")], "{how}");
    assert_eq!(entries_of("cleo@example.org"), [entry("sale", 0, "97.00")], "{how}");
    assert_eq!(entries_of("dora@example.org"), [entry("sale", 10, "20.00"), entry("refund", 0, "-20.00")], "{how}");
    assert_eq!(entries_of("fay@example.org"), [entry("sale", 45, "30.00"), entry("rebill", 16, "30.00")], "{how}");
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("{name} of {value}"))
}

#[test]
fn each_charge_counts_once_whichever_way_it_comes() {
    let today = today();
    let doors = TwoDoors {
        config: CONFIG.to_owned(),
        integration: "tea",
        content_type: "application/json",
        webhooks: webhooks(),
        files: vec![("orders.csv", orders(today)), ("recurring-subscriptions.csv", subscriptions(today))],
    };
    doors.in_any_order(|shop, how| check(shop, today, how));
    doors.shuffled(SHUFFLES, |shop, how| check(shop, today, how));
}

#[test]
fn a_list_of_subscriptions_adds_no_money_and_says_so() {
    let shop = Shop::new(CONFIG);
    let _daemon = shop.start();
    let report = shop.import("tea", "recurring-subscriptions.csv", subscriptions(today()).as_bytes()).ok();
    assert!(report.contains("entries      0 new, 0 changed, 0 known"), "{report}");
    assert!(report.contains("a subscription adds no money"), "{report}");
    assert_eq!(shop.status()["entries"], 0);
}

#[test]
fn the_sample_for_newcomers_is_taken_whole() {
    let sample = |name: &str| {
        let path = format!("../plugins/samcart/fixtures/sample/{name}");
        std::fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
    };
    let shop = Shop::new(CONFIG);
    let _daemon = shop.start();
    let report = shop.import("tea", "orders.csv", sample("orders.csv").as_bytes()).ok();
    assert!(report.contains("refused    0\n"), "{report}");
    let net = shop.revenue("by=month")["total"]["net"].clone();
    // All three are told by the file as well; a fourth tells a new rebill.
    for name in ["1-product-purchased.json", "3-product-refunded.json", "4-subscription-canceled.json"] {
        shop.deliver("tea", "application/json", sample(name).as_bytes());
        assert_eq!(shop.revenue("by=month")["total"]["net"], net, "{name}");
    }
    let before = shop.status()["entries"].as_u64().unwrap();
    shop.deliver("tea", "application/json", sample("2-subscription-charged.json").as_bytes());
    assert_eq!(shop.status()["entries"], before + 1);
    assert_eq!(shop.status()["quarantined"], 0);
}
