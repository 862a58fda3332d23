//! Reports as a shop asks for them: cohorts by what was bought, filters, what is behind a figure, and answers while entries come in.

use serde_json::{Value, json};

use crate::kit::{Daemon, Shop};

const CONFIG: &str = r#"
[report]
currency = "USD"

[spend]
"2026-01" = "60.00"

[integrations.shop]
connector = "generic"
currency = "USD"
"#;

const FILE: &str = "id,order_id,date,email,amount,kind,billing,tax,shipping,product_id,product,coupon,country\n\
    1,A,2026-01-10 10:00:00,ada@example.org,100.00,sale,initial,0,0,tea,Green tea,SPRING,DE\n\
    2,B,2026-02-09 10:00:00,ada@example.org,30.00,sale,rebill,0,0,club,Tea club,,DE\n\
    3,C,2026-01-20 10:00:00,bo@example.org,50.00,sale,initial,0,0,cup,=Cup,,US\n\
    4,C,2026-01-25 10:00:00,bo@example.org,20.00,refund,unknown,0,0,,,,\n\
    5,D,2026-02-11 10:00:00,cy@example.org,70.00,sale,initial,0,0,tea,Green tea,,US\n\
    6,E,2026-02-12 10:00:00,,15.00,sale,initial,0,0,cup,=Cup,,US\n";

/// Cohort, customers and the net of the first cell of each row.
fn nets(answer: &Value) -> Vec<Value> {
    let rows = answer["rows"].as_array().unwrap().iter();
    rows.map(|row| json!([row["cohort"], row["customers"], row["cells"][0]["net"]])).collect()
}

#[test]
fn cohorts_are_formed_by_what_the_first_order_was_about() {
    let (_daemon, shop) = shop_with_daemon();
    let ask = |more: &str| shop.ltv(&format!("as_of=2026-06-01&horizons=to_date{more}"));
    let by_product = ask("&group=product");
    assert_eq!(
        nets(&by_product),
        [json!(["shop/tea", 2, "200.00"]), json!(["shop/cup", 1, "30.00"])],
        "the club is no first order"
    );
    assert_eq!(by_product["rows"][0]["title"], "Green tea");
    assert_eq!(by_product["definition"]["overlapping"], true);
    assert_eq!(nets(&ask("&group=coupon")), [json!(["(none)", 2, "100.00"]), json!(["SPRING", 1, "130.00"])]);
    assert_eq!(nets(&ask("&group=country&first_country=US")), [json!(["US", 2, "100.00"])]);
    assert_eq!(nets(&ask("&group=quarter")), [json!(["2026-Q1", 3, "230.00"])]);
    // Only what was paid with the coupon counts; the customers are the same.
    let filtered = ask("&group=none&order_coupon=SPRING");
    assert_eq!((&filtered["total"]["customers"], &filtered["total"]["cells"][0]["net"]), (&json!(3), &json!("100.00")));
    assert_eq!(filtered["definition"]["orders"][0]["by"], "coupon");
    // A spreadsheet must not run what a shop calls its goods.
    let csv = shop.get("/v1/ltv?as_of=2026-06-01&horizons=to_date&group=product&format=csv").ok().text();
    assert!(csv.contains("shop/cup,'=Cup,to_date,1,1,30.00"), "{csv}");
}

/// The daemon lives as long as the pair.
fn shop_with_daemon() -> (Daemon, Shop) {
    let shop = Shop::new(CONFIG);
    let daemon = shop.start();
    shop.import("shop", "shop.csv", FILE.as_bytes()).ok();
    (daemon, shop)
}

#[test]
fn behaviour_survival_and_payback_answer_the_definitions() {
    let (_daemon, shop) = shop_with_daemon();
    let get = |path: &str| shop.get(path).ok().json();
    let total = get("/v1/cohorts?group=none&as_of=2026-06-01&horizons=30,31&periods=1")["total"].clone();
    assert_eq!((&total["customers"], &total["orders"], &total["rebills"]), (&json!(3), &json!(4), &json!(1)));
    assert_eq!((&total["aov"], &total["refund_rate"]["share"]), (&json!("62.50"), &json!("0.0800")));
    // Ada's rebill is on day 30: within 31 days, not within 30.
    let repeat: Vec<&Value> =
        total["repeat"].as_array().unwrap().iter().map(|cell| &cell["with_rebills"]["count"]).collect();
    assert_eq!(repeat, [&json!(0), &json!(1)]);
    assert_eq!(total["retention"][0]["retained"]["count"], 1);
    assert_eq!(total["between_orders"]["median_days"], "30.0");

    let rebills = get("/v1/survival?group=none&as_of=2026-06-01&cycles=2")["total"]["cycles"].clone();
    assert_eq!(rebills[0]["charged"], json!({ "count": 1, "of": 3, "share": "0.3333" }));
    assert_eq!(rebills[1]["charged"], json!({ "count": 0, "of": 1, "share": "0.0000" }));

    let payback = get("/v1/payback?as_of=2026-06-01");
    let january = &payback["rows"][0];
    assert_eq!(
        (&january["cac"], &january["cost"], &january["paid_back_day"]),
        (&json!("30.00"), &json!("60.00"), &json!(0))
    );
    assert_eq!(payback["rows"][1]["cac"], Value::Null, "nothing was told about February");
    assert_eq!(get("/v1/payback?as_of=2026-06-01&cac=110&group=none")["total"]["paid_back_day"], Value::Null);
    let told = shop.get("/v1/payback?as_of=2026-06-01&group=week").problem(400);
    assert!(told["detail"].as_str().unwrap().contains("cohorts by month only"), "{told}");
}

#[test]
fn revenue_is_divided_over_products_and_adds_up() {
    let (_daemon, shop) = shop_with_daemon();
    let answer = shop.get("/v1/revenue?by=quarter&split=product").ok().json();
    let rows = answer["rows"].as_array().unwrap().iter();
    let rows: Vec<Value> = rows.map(|row| json!([row["value"], row["orders"], row["net"]])).collect();
    // The refund tells no product; it is about what its sale was.
    let expected =
        [json!(["shop/club", 1, "30.00"]), json!(["shop/cup", 2, "45.00"]), json!(["shop/tea", 2, "170.00"])];
    assert_eq!(rows, expected);
    assert_eq!((&answer["total"]["net"], &answer["anonymous"]["net"]), (&json!("245.00"), &json!("15.00")));
}

/// All pages of a list.
fn pages(shop: &Shop, path: &str, list: &str) -> Vec<Value> {
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = shop.get(&format!("{path}&limit=1{cursor}")).ok().json();
        found.extend(page[list].as_array().unwrap().iter().cloned());
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return found,
        }
    }
}

/// Hundredths of what a member of all rows adds up to.
fn sum(rows: &[Value], member: &str) -> i64 {
    rows.iter().map(|row| row[member].as_str().unwrap().replace('.', "").parse::<i64>().unwrap()).sum()
}

#[test]
fn every_figure_leads_to_its_customers_its_entries_and_their_deliveries() {
    let (_daemon, shop) = shop_with_daemon();
    let cell = "as_of=2026-06-01&group=month&cohort=2026-01&horizon=30";
    let customers = pages(&shop, &format!("/v1/ltv/customers?{cell}"), "customers");
    let named: Vec<&Value> = customers.iter().map(|customer| &customer["customer"]).collect();
    assert_eq!(named, ["ada@example.org", "bo@example.org"]);
    assert_eq!(sum(&customers, "net"), 13_000);
    let entries = pages(&shop, &format!("/v1/ltv/orders?{cell}"), "entries");
    assert_eq!((entries.len(), sum(&entries, "value")), (3, 13_000));

    let row = pages(&shop, "/v1/revenue/orders?period=2026-02&split=product&value=shop/tea", "entries");
    assert_eq!((row.len(), &row[0]["id"], &row[0]["customer"]), (1, &json!("5"), &json!("cy@example.org")));
    let all = pages(&shop, "/v1/revenue/orders?basis=total", "entries");
    assert_eq!((all.len(), sum(&all, "value")), (6, 24_500));

    // From an entry to what brought it.
    let number = entries[0]["delivery"].as_u64().unwrap();
    let delivery = shop.get(&format!("/v1/deliveries/{number}")).ok().json();
    assert!(delivery.to_string().contains("shop.csv"), "{delivery}");

    // A list that no longer adds up says so.
    let first = shop.get(&format!("/v1/ltv/customers?{cell}&limit=1")).ok().json();
    let next = first["next"].as_str().unwrap();
    shop.import("shop", "more.csv", FILE.replace("\n6,E,", "\n7,F,").replace("15.00", "16.00").as_bytes()).ok();
    let told = shop.get(&format!("/v1/ltv/customers?{cell}&limit=1&cursor={next}")).problem(409);
    assert!(told["detail"].as_str().unwrap().contains("has changed"), "{told}");
    let told = shop.get("/v1/ltv/customers?as_of=2026-06-01&cohort=2031-01").problem(400);
    assert!(told["detail"].as_str().unwrap().contains("there is no cohort"), "{told}");
}

#[test]
fn a_customer_is_one_screen() {
    let (_daemon, shop) = shop_with_daemon();
    let shown = shop.cli(["customer", "ADA@example.org"]).ok();
    insta::assert_snapshot!(shown, @r"
    ada@example.org
    first order 2026-01-10, last 2026-02-09; 2 orders, 1 of them rebills
    gross 130.00, refunds 0.00, chargebacks 0.00, net 130.00 USD
    worth 100.00 after 30 days, 130.00 after 90 days, 130.00 after 180 days, 130.00 after 365 days
    ───────────────────────────────────────────────────────────────────────────────────────────────
     day          age   kind   billing   order    total         product     integration   delivery 
    ═══════════════════════════════════════════════════════════════════════════════════════════════
     2026-01-10     0   sale   initial   A       100.00   USD   Green tea   shop                 2 
    ───────────────────────────────────────────────────────────────────────────────────────────────
     2026-02-09    30   sale   rebill    B        30.00   USD   Tea club    shop                 2 
    ───────────────────────────────────────────────────────────────────────────────────────────────
    ");
}

#[test]
fn a_view_that_was_kept_answers_like_a_new_one() {
    let (_daemon, shop) = shop_with_daemon();
    let path = "as_of=2026-06-01&horizons=30,to_date&group=country";
    shop.ltv(path);
    let later = "id,order_id,date,email,amount,kind,billing,tax,shipping,product_id,product,coupon,country\n\
        8,A,2026-03-01 10:00:00,ada@example.org,10.00,refund,unknown,0,0,,,,\n\
        9,H,2026-01-01 10:00:00,cy@example.org,5.00,sale,initial,0,0,cup,Cup,,DE\n";
    shop.import("shop", "later.csv", later.as_bytes()).ok();
    let kept = shop.ltv(path);
    assert_eq!(nets(&kept), [json!(["DE", 2, "105.00"]), json!(["US", 1, "30.00"])]);
    // Another zone has a view of its own, built from nothing.
    let new = shop.ltv(&format!("{path}&timezone=Etc/UTC"));
    assert_eq!((&kept["rows"], &kept["total"]), (&new["rows"], &new["total"]));
}

#[test]
fn what_people_read() {
    let (_daemon, shop) = shop_with_daemon();
    let shown = |args: &[&str]| shop.cli(args).ok();
    insta::assert_snapshot!(shown(&["cohorts", "--as-of", "2026-06-01", "--horizons", "31", "--periods", "2"]), @r"
    ┌───────────────────────────────────────────────────────────────────────────────────────────────────┐
    │ cohort    customers   orders   each     AOV   refunded   days between   again 31       +1      +2 │
    ╞═══════════════════════════════════════════════════════════════════════════════════════════════════╡
    │ 2026-01           2        3   1.50   60.00     11.1 %           30.0     50.0 %   50.0 %   0.0 % │
    │ 2026-02           1        1   1.00   70.00      0.0 %              -      0.0 %    0.0 %   0.0 % │
    │ all               3        4   1.33   62.50      8.0 %           30.0     33.3 %   33.3 %   0.0 % │
    └───────────────────────────────────────────────────────────────────────────────────────────────────┘
    USD, basis net, days of UTC, as of 2026-06-01 (exclusive)
    each: orders of a customer; AOV: before refunds; refunded: share of sales; days between: median between order days
    again h: bought twice within h days, rebills included; +k: bought in the k-th thirty days after the first
    ");
    insta::assert_snapshot!(shown(&["survival", "--as-of", "2026-06-01", "--cycles", "2", "--group", "none"]), @r"
    ┌──────────────────────────────────────────┐
    │ cohort   customers   rebill 1   rebill 2 │
    ╞══════════════════════════════════════════╡
    │ all              3     33.3 %      0.0 % │
    └──────────────────────────────────────────┘
    USD, basis net, days of UTC, as of 2026-06-01 (exclusive)
    share of customers who were charged so often, of those due: 30 days a cycle and 7 of grace
    ");
    insta::assert_snapshot!(shown(&["payback", "--as-of", "2026-06-01"]), @r"
    ┌───────────────────────────────────────────────────────────────────────────────────┐
    │ cohort    customers     CAC    cost      net   known to day   reached   paid back │
    ╞═══════════════════════════════════════════════════════════════════════════════════╡
    │ 2026-01           2   30.00   60.00   160.00            131         0           0 │
    │ 2026-02           1       -       -    70.00            109         -           - │
    │ all               2   30.00   60.00   160.00            131         0           0 │
    └───────────────────────────────────────────────────────────────────────────────────┘
    USD, basis net, days of UTC, refunds by event, as of 2026-06-01 (exclusive)
    days after the first order, up to the last that all customers of the cohort have lived through
    ");
    insta::assert_snapshot!(shown(&["revenue", "--split", "country"]), @r"
    ┌───────────────────────────────────────────────────────────────────────────────────────────────────────────┐
    │ period    country       orders   rebills   order rev.   rebill rev.   refunds   chargeb.    both      net │
    ╞═══════════════════════════════════════════════════════════════════════════════════════════════════════════╡
    │ 2026-01        DE            1         0       100.00          0.00      0.00       0.00    0.00   100.00 │
    │ 2026-01        US            1         0        50.00          0.00     20.00       0.00   20.00    30.00 │
    │ 2026-02        DE            1         1         0.00         30.00      0.00       0.00    0.00    30.00 │
    │ 2026-02        US            2         0        85.00          0.00      0.00       0.00    0.00    85.00 │
    │ all                          5         1       235.00         30.00     20.00       0.00   20.00   245.00 │
    └───────────────────────────────────────────────────────────────────────────────────────────────────────────┘
    USD, basis net, days of UTC
    ");
    insta::assert_snapshot!(shown(&["ltv", "--as-of", "2026-06-01", "--group", "product", "--horizons", "30,to_date"]), @r"
    ┌───────────────────────────────────────────────────────────┐
    │ cohort               customers   LTV 30   to date   curve │
    ╞═══════════════════════════════════════════════════════════╡
    │ shop/tea Green tea           2    85.00    100.00      ▁█ │
    │ shop/cup =Cup                1    30.00     30.00      ▁▁ │
    │ all                          3    66.67     76.67      ▁█ │
    └───────────────────────────────────────────────────────────┘
    USD, basis net, days of UTC, refunds by event, as of 2026-06-01 (exclusive)
    1 anonymous order is left out
    ");
}

#[test]
fn what_programs_are_told_of_a_question_without_answer() {
    let (_daemon, shop) = shop_with_daemon();
    let told = |question: &str, status: u16| format!("{:#}", shop.get(question).problem(status));
    insta::assert_snapshot!(told("/v1/ltv?as_of=2026-06-01&gruop=product", 400), @r#"
    {
      "detail": "there is no parameter `gruop`; did you mean `group`? This address takes as_of, basis, currency, first_affiliate, first_campaign, first_country, first_coupon, first_currency, first_integration, first_product, first_source, format, group, horizons, integration, limit, maturity, order_affiliate, order_campaign, order_country, order_coupon, order_currency, order_integration, order_product, order_source, products, refunds, timezone",
      "status": 400,
      "title": "The question cannot be answered as it stands",
      "type": "/problems/question"
    }
    "#);
    insta::assert_snapshot!(told("/v1/ltv?as_of=2026-06-01&horizons=30,soon", 400), @r#"
    {
      "detail": "`soon` is not a horizon; use a number of days from 1 to 36525, `first_order` or `to_date`",
      "status": 400,
      "title": "The question cannot be answered as it stands",
      "type": "/problems/question"
    }
    "#);
    insta::assert_snapshot!(told("/v1/ltv?as_of=2026-06-01&currency=EUR", 422), @r#"
    {
      "detail": "no exchange rate to USD for EUR on 5 days from 2026-01-10 to 2026-02-12; add the days to the rate file, configure a constant rate, or ask for one currency at a time",
      "missing": [
        {
          "currency": "EUR",
          "days": 5,
          "first": "2026-01-10",
          "last": "2026-02-12"
        }
      ],
      "status": 422,
      "title": "Exchange rates are missing",
      "type": "/problems/missing-rates"
    }
    "#);
    insta::assert_snapshot!(told("/v1/ltv/customers?as_of=2026-06-01&cohort=2031-01", 400), @r#"
    {
      "detail": "there is no cohort `2031-01`",
      "status": 400,
      "title": "The question cannot be answered as it stands",
      "type": "/problems/question"
    }
    "#);
    insta::assert_snapshot!(told("/v1/customers/nobody@example.org", 404), @r#"
    {
      "detail": "no entry is known of `nobody@example.org`",
      "status": 404,
      "title": "Not found",
      "type": "/problems/not-found"
    }
    "#);
    insta::assert_snapshot!(told("/v1/deliveries/999/body", 404), @r#"
    {
      "detail": "there is no delivery 999",
      "status": 404,
      "title": "Not found",
      "type": "/problems/not-found"
    }
    "#);
}

#[test]
fn an_answer_says_what_waits_in_quarantine() {
    let shop = Shop::new(&format!(
        "{CONFIG}bad_rows = \"quarantine\"\n\n[integrations.hooks]\nconnector = \"samcart\"\ncurrency = \"USD\"\n"
    ));
    let _daemon = shop.start();
    let rows: String = (10..80)
        .map(|row| format!("{row},R{row},2026-03-01 10:00:00,r{row}@example.org,1.00,sale,initial,0,0,,,,\n"))
        .collect();
    let bad = "99,Z,2026-03-01 10:00:00,z@example.org,lots,sale,initial,0,0,,,,\n";
    shop.import("shop", "shop.csv", format!("{FILE}{rows}{bad}").as_bytes()).ok();
    // An integration of which nothing was ever read is named as well.
    shop.deliver("hooks", "application/json", b"{\"type\":\"Order\"}");
    for question in
        ["/v1/ltv?as_of=2026-06-01", "/v1/cohorts?as_of=2026-06-01", "/v1/revenue", "/v1/survival?as_of=2026-06-01"]
    {
        let integrations = shop.get(question).ok().json()["definition"]["integrations"].clone();
        let known = |name: &str| {
            let state = integrations.as_array().unwrap().iter().find(|state| state["name"] == name).unwrap();
            (state["quarantined"].as_u64().unwrap(), state["complete_through"].clone())
        };
        assert_eq!(known("shop"), (1, json!("2026-03-01T00:00:00Z")), "{question}: {integrations:#}");
        assert_eq!(known("hooks"), (1, Value::Null), "{question}: {integrations:#}");
    }
    let table = shop.cli(["revenue"]).ok();
    assert!(table.contains("shop: 1 in quarantine, and in no figure"), "{table}");
    // What is read after all no longer waits.
    shop.import("shop", "shop.csv", format!("{FILE}{rows}{}", bad.replace("lots", "5.00")).as_bytes()).ok();
    let told = shop.get("/v1/revenue").ok().json();
    assert_eq!(told["total"]["orders"], 75, "{told:#}");
}

#[test]
fn what_an_entry_came_from_is_given_byte_for_byte() {
    let (_daemon, shop) = shop_with_daemon();
    let entries = pages(&shop, "/v1/revenue/orders?basis=total", "entries");
    let number = entries[0]["delivery"].as_u64().unwrap();
    let answer = shop.get(&format!("/v1/deliveries/{number}/body")).ok();
    assert_eq!(answer.body, FILE.as_bytes());
    assert_eq!(answer.header("content-type"), Some("application/octet-stream"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(shop.cli(["delivery", &number.to_string(), "--raw"]).ok(), FILE);
    let shown = shop.cli(["delivery", &number.to_string()]).ok();
    assert!(shown.contains("file: shop.csv") && shown.contains("state: read"), "{shown}");
    assert_eq!(
        shop.get(&format!("/v1/deliveries/{number}/exchanges")).ok().json(),
        json!({ "exchanges": [], "next": null })
    );
    shop.get(&format!("/v1/deliveries/{number}/body?exchange=1")).problem(404);
}
