//! ThriveCart: order files and webhooks about the same money, in any order. Bodies are made of the connector's own
//! fixtures.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::kit::{Shop, TwoDoors, http};

/// Needs encoding in a form, as a word that people choose may.
const SECRET: &str = "sesame & öpen/4711";

const FORM: &str = "application/x-www-form-urlencoded";

fn config() -> String {
    format!("[report]\ncurrency = \"EUR\"\n\n[integrations.club]\nconnector = \"thrivecart\"\nsecret = \"{SECRET}\"\n")
}

/// A body of the connector's fixtures with these fields put over its own, or added.
fn body(fixture: &str, changes: &[(&str, &str)]) -> String {
    let path = format!("../plugins/thrivecart/fixtures/webhooks/{fixture}.fields");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut fields: Vec<(&str, &str)> = text.lines().filter_map(|line| line.split_once('=')).collect();
    for (name, value) in [("thrivecart_secret", SECRET)].iter().chain(changes) {
        match fields.iter_mut().find(|(known, _)| known == name) {
            Some(field) => field.1 = value,
            None => fields.push((name, value)),
        }
    }
    let encoded: Vec<String> =
        fields.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    encoded.join("&")
}

fn encode(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b' ' => "+".to_owned(),
        byte if byte.is_ascii_alphanumeric() || b"-_.".contains(&byte) => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

/// A purchase of one untaxed thing.
fn success(order: &str, invoice: &str, email: &str, at: &str, total: &str) -> String {
    body(
        "order-success",
        &[
            ("order_id", order),
            ("invoice_id", invoice),
            ("order_date", at),
            ("order_timestamp", ""),
            ("customer[email]", email),
            ("customer_id", ""),
            ("order[total]", ""),
            ("order[total_str]", total),
            ("order[total_gross]", ""),
            ("order[total_gross_str]", total),
            ("order[tax]", "0"),
        ],
    )
}

fn rebill(order: &str, invoice: &str, email: &str, at: &str, total: &str) -> String {
    body(
        "order-subscription-payment",
        &[
            ("order_id", order),
            ("order[id]", order),
            ("invoice_id", invoice),
            ("date", at),
            ("date_unix", ""),
            ("subscription[amount]", ""),
            ("subscription[amount_gross_str]", total),
            ("customer[email]", email),
        ],
    )
}

fn refund(order: &str, invoice: &str, event: &str, email: &str, at: &str, total: &str) -> String {
    body(
        "order-refund",
        &[
            ("order_id", order),
            ("order[id]", order),
            ("invoice_id", invoice),
            ("event_id", event),
            ("date", at),
            ("date_unix", ""),
            ("refund[amount]", ""),
            ("refund[amount_gross]", ""),
            ("refund[amount_gross_str]", total),
            ("refund[tax_paid]", ""),
            ("customer[email]", email),
        ],
    )
}

/// Orders drawn by lot.
const SHUFFLES: usize = 3;

/// Orders of six people. What happened:
///
/// | who | order | what | file | webhook |
/// |---|---|---|---|---|
/// | Ada | 600100 | 119.00 on 1 March, tax 19.00 | yes | yes |
/// | | -1 | 119.00 on 1 April | yes | yes |
/// | | | refund of that, 119.00 on 10 April | yes | yes |
/// | | -2 | 119.00 on 1 May | yes | |
/// | | -3 | 119.00 on 1 June | | yes |
/// | Bo | 600101 | 67.00 on 2 March; with an upsell 87.00 | three rows | twice |
/// | Dora | 600104 | 50.00 on 5 March | yes | |
/// | | | refund 20.00 on 20 March | yes | |
/// | Eve | 600105 | 80.00 on 6 March | | yes |
/// | | | refund 80.00 on 8 March | | yes |
/// | Fay | 600106 | 30.00 on 10 March | yes | yes |
/// | | | 30.00 on 9 April, in the file a day later and without invoice number | yes | yes |
const ORDERS: &str = "\
Order ID,Invoice ID,Order Date,Transaction Type,Customer Email,Product Name,Total,Tax,Currency,Status,Test Mode
600100,000000050,2026-03-01,charge,ada@example.org,Course,119.00,19.00,EUR,paid,no
600100,000000050-1,2026-04-01,rebill,ADA@example.org,Course,119.00,19.00,EUR,paid,no
600100,000000050-2,2026-05-01,rebill,ada@example.org,Course,119.00,19.00,EUR,paid,no
600100,000000050-1,2026-04-10,refund,ada@example.org,Course,-119.00,-19.00,EUR,paid,no
600100,000000050-3,2026-05-20,rebill,ada@example.org,Course,119.00,19.00,EUR,failed,no
600101,000000051,2026-03-02,charge,bo@example.org,Handbook,37.00,,EUR,paid,no
600101,000000051,2026-03-02,charge,bo@example.org,Worksheets,30.00,,EUR,paid,no
600101,000000051,2026-03-03,charge,bo@example.org,Upsell taken after midnight,20.00,,EUR,paid,no
600102,000000052,2026-03-05,cancel,cid@example.org,Course,119.00,,EUR,,no
600103,000000053,2026-03-06,charge,gil@example.org,Course,119.00,,EUR,paid,yes
600104,000000054,2026-03-05,charge,dora@example.org,Handbook,50.00,,EUR,paid,no
600104,000000054,2026-03-20,refund,dora@example.org,Handbook,-20.00,,EUR,paid,no
600106,,2026-03-10,charge,fay@example.org,Tea club,30.00,,EUR,paid,no
600106,,2026-04-10,rebill,fay@example.org,Tea club,30.00,,EUR,paid,no
";

const SUBSCRIPTIONS: &str = "\
Subscription ID,Status,Customer Email,Product Name,Start Date,Next Billing Date,Rebill Amount,Interval,Payments Made,Order ID
5500,active,ada@example.org,Course,2026-03-01,2026-07-01,119.00,month,4,600100
5501,active,fay@example.org,Tea club,2026-03-10,2026-05-10,30.00,month,2,600106
";

fn webhooks() -> Vec<String> {
    vec![
        body("order-success", &[("customer[email]", "Ada@Example.ORG")]),
        success("600101", "000000051", "bo@example.org", "2026-03-02 12:00:00", "67.00"),
        // An upsell: the same order again, with more in it.
        success("600101", "000000051", "Bo@example.org", "2026-03-02 12:00:00", "87.00"),
        success("600105", "000000055", "eve@example.org", "2026-03-06 09:00:00", "80.00"),
        refund("600105", "000000055", "7300009", "eve@example.org", "2026-03-08 09:00:00", "80.00"),
        success("600106", "000000056", "fay@example.org", "2026-03-10 09:00:00", "30.00"),
        body("order-subscription-payment", &[]),
        rebill("600106", "000000056-1", "fay@example.org", "2026-04-09 23:30:00", "30.00"),
        body("order-refund", &[]),
        rebill("600100", "000000050-3", "ada@example.org", "2026-06-01 10:00:00", "119.00"),
        // Nothing of these moved money.
        body("order-success", &[("order_id", "600103"), ("mode", "test"), ("mode_int", "1")]),
        body("order-subscription-payment", &[("event", "order.rebill_failed"), ("invoice_id", "000000050-4")]),
        body("order-subscription-payment", &[("event", "order.subscription_cancelled")]),
        body("order-success", &[("event", "order_payment_product"), ("order_id", "600107")]),
        body("order-success", &[("event", "cart.abandoned"), ("order_id", "600108")]),
    ]
}

/// Computed by hand from the table above [`ORDERS`], on the basis of all money that moved.
fn check(shop: &Shop, how: &str) {
    let status = shop.status();
    // Ada 5, Bo 1, Dora 2, Eve 2, Fay 2.
    assert_eq!(status["entries"], 12, "{how}");
    assert_eq!(status["customers"], 5, "{how}");
    assert_eq!(status["quarantined"], 0, "{how}");

    let total = &shop.revenue("basis=total&by=month")["total"];
    let figures = ["orders", "rebills", "order_revenue", "rebill_revenue", "refunds", "chargebacks", "net"];
    let figures = figures.map(|name| total[name].to_string().replace('"', ""));
    let expected = [
        "9",      // five first payments and four rebills
        "4",      // Ada's three, Fay's one
        "366.00", // 119 + 87 + 50 + 80 + 30
        "387.00", // 3 * 119 + 30
        "219.00", // 119 + 20 + 80
        "0.00",   //
        "534.00", // 366 + 387 - 219
    ];
    assert_eq!(figures, expected, "{how}");

    // By the day on which money moved.
    let months = shop.revenue("basis=total&by=month");
    let months: Vec<(&str, &str)> =
        months["rows"].as_array().unwrap().iter().map(|row| (text(row, "period"), text(row, "net"))).collect();
    let expected = [
        ("2026-03", "266.00"), // 366 first payments - 20 - 80
        ("2026-04", "30.00"),  // 119 - 119 + 30
        ("2026-05", "119.00"),
        ("2026-06", "119.00"),
    ];
    assert_eq!(months, expected, "{how}");

    // All five came in March and are older than 90 days on 1 July.
    let ltv = shop.ltv("basis=total&as_of=2026-07-01&horizons=30,60,90&group=month");
    let rows = ltv["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 1, "{how}");
    let cells: Vec<_> = rows[0]["cells"]
        .as_array()
        .unwrap()
        .iter()
        .map(|cell| {
            (
                text(cell, "horizon"),
                cell["customers"].as_u64().unwrap(),
                cell["mature"].as_u64().unwrap(),
                text(cell, "net"),
                text(cell, "ltv"),
            )
        })
        .collect();
    let expected = [
        // Ada 119, Bo 87, Dora 50 - 20, Eve 80 - 80, Fay 30 (her rebill is exactly 30 days old: too old)
        ("30", 5, 5, "266.00", "53.20"),
        // and Ada + 119 - 119 (days 31 and 40), Fay + 30
        ("60", 5, 5, "296.00", "59.20"),
        // and Ada + 119 (day 61); that of day 92 is too late
        ("90", 5, 5, "415.00", "83.00"),
    ];
    assert_eq!(cells, expected, "{how}");

    let ada = shop.get("/v1/customers/ada@example.org").ok().json();
    let entries: Vec<_> = ada["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| (text(e, "kind"), text(e, "billing"), text(e, "day"), text(e, "total")))
        .collect();
    let expected = [
        ("sale", "initial", "2026-03-01", "119.00"),
        ("sale", "rebill", "2026-04-01", "119.00"),
        ("refund", "unknown", "2026-04-10", "-119.00"),
        ("sale", "rebill", "2026-05-01", "119.00"),
        ("sale", "rebill", "2026-06-01", "119.00"),
    ];
    assert_eq!(entries, expected, "{how}");
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("{name} of {value}"))
}

#[test]
fn each_charge_counts_once_whichever_way_it_comes() {
    let doors = TwoDoors {
        config: config(),
        integration: "club",
        content_type: FORM,
        webhooks: webhooks(),
        files: vec![("orders.csv", ORDERS.to_owned()), ("recurring-subscriptions.csv", SUBSCRIPTIONS.to_owned())],
    };
    doors.in_any_order(check);
    doors.shuffled(SHUFFLES, check);
}

#[test]
fn a_list_of_subscriptions_adds_no_money_and_says_so() {
    let shop = Shop::new(&config());
    let _daemon = shop.start();
    let report = shop.import("club", "recurring-subscriptions.csv", SUBSCRIPTIONS.as_bytes()).ok();
    assert!(report.contains("entries      0 new, 0 changed, 0 known"), "{report}");
    assert!(report.contains("2 subscriptions show 6 payments; no payments were made up from them"), "{report}");
    assert_eq!(shop.status()["entries"], 0);
}

#[test]
fn the_secret_word_is_kept_nowhere() {
    let shop = Shop::new(&config());
    let daemon = shop.start();
    for body in webhooks() {
        shop.post_webhook("club", FORM, body.as_bytes()).ok();
    }
    // As JSON it is another spelling.
    let json = r#"{"event":"order.success","mode":"live","thrivecart_secret":"sesame & öpen\/4711","order_id":"600200",
        "currency":"EUR","order_date":"2026-03-01 10:00:00","order":{"total_gross_str":"1.00"},"customer":{"email":"json@example.org"}}"#;
    shop.post_webhook("club", "application/json", json.as_bytes()).ok();
    shop.wait_for_inbox();
    let archived = shop.get("/v1/deliveries/1").ok().json();
    let archived = archived["what"]["body"]["text"].as_str().unwrap();
    assert!(archived.contains("&thrivecart_secret=****"), "{archived}");
    assert!(archived.contains("&order_id=600100&"), "{archived}");

    // A wrong word is refused, and neither it nor the right one is told.
    let wrong = body("order-success", &[("thrivecart_secret", "sesame & öpen/4712")]);
    assert_eq!(shop.post_webhook("club", FORM, wrong.as_bytes()).status, 401);
    let none = body("order-success", &[("thrivecart_secret", "")]);
    assert_eq!(shop.post_webhook("club", FORM, none.as_bytes()).status, 401);
    let stderr = daemon.stderr();
    daemon.stop();
    for spelling in [SECRET, &encode(SECRET), "sesame & \\u00f6pen", "öpen/47", "%C3%B6pen%2F47", "öpen\\/47"] {
        assert!(!stderr.contains(spelling), "{stderr}");
        assert_eq!(shop.files_with("data", spelling.as_bytes()), Vec::<std::path::PathBuf>::new(), "{spelling}");
    }
    // The search does find what is there.
    assert_eq!(shop.files_with("data", b"webhook-tokens").len(), 1);
    // Bodies in the archive may be compressed, so ask the daemon for all of it too.
    let _daemon = shop.start();
    let deliveries = webhooks().len() + 1;
    for number in 1..=deliveries {
        let delivery = http::send(shop.api, "GET", &format!("/v1/deliveries/{number}"), &[], b"").ok().text();
        assert!(delivery.contains("thrivecart_secret") && !delivery.contains("pen"), "{delivery}");
    }
    assert_eq!(shop.get(&format!("/v1/deliveries/{}", deliveries + 1)).status, 404);
}
