//! The worked example of the definitions, from files to figures: two shops in two zones and two currencies.

use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::kit::Shop;

const CONFIG: &str = r#"
[report]
timezone = "America/New_York"
currency = "USD"

[rates]
EUR = "1.10"

[integrations.alpha]
connector = "generic"
zone = "America/New_York"

[integrations.beta]
connector = "generic"
zone = "America/Los_Angeles"
"#;

/// What every question about lifetime value has in common.
const LTV: &str = "as_of=2025-05-01&horizons=30,60,90";

fn fixture(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/worked-example").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn expected() -> Value {
    serde_json::from_str(&fixture("expected.json")).unwrap()
}

/// The events of one store, as its own export.
fn events_of(store: &str) -> String {
    let events = fixture("events.csv");
    let (header, rows) = events.split_once('\n').unwrap();
    let of_store: Vec<&str> = rows.lines().filter(|row| row.split(',').nth(1) == Some(store)).collect();
    assert!(!of_store.is_empty());
    format!("{header}\n{}\n", of_store.join("\n"))
}

/// Loads both stores: one through the drop folder, the other by hand.
fn load(shop: &Shop) {
    let report = shop.import("alpha", "alpha.csv", events_of("alpha").as_bytes()).ok();
    // Nine rows, and the one that was never paid is left out.
    assert!(report.contains("rows         9\n") && report.contains("read       8\n"), "{report}");
    assert!(report.contains("left out   1\n") && report.contains("refused    0\n"), "{report}");
    fs::write(shop.path("beta.csv"), events_of("beta")).unwrap();
    let report = shop.cli(["import", "beta.csv", "--integration", "beta"]).ok();
    assert!(report.contains("entries      1 new, 0 changed, 0 known"), "{report}");
}

/// The cells of a row in the notation of `expected.json`.
fn cells(row: &Value) -> Value {
    let cells = row["cells"].as_array().unwrap().iter().map(|cell| {
        let [customers, mature, net, ltv] = ["customers", "mature", "net", "ltv"].map(|name| cell[name].clone());
        let cell_of = json!({ "customers": customers, "mature": mature, "net": net, "ltv": ltv });
        (cell["horizon"].as_str().unwrap().to_owned(), cell_of)
    });
    Value::Object(cells.collect())
}

fn cohorts(answer: &Value) -> Value {
    let rows = answer["rows"].as_array().unwrap();
    let rows: Map<_, _> = rows.iter().map(|row| (row["cohort"].as_str().unwrap().to_owned(), cells(row))).collect();
    Value::Object(rows)
}

/// What a CSV answer must be, made of the JSON answer to the same question.
fn as_csv(answer: &Value, columns: &[&str], lines: impl Iterator<Item = (Value, Value)>) -> Vec<Vec<String>> {
    let definition = &answer["definition"];
    let shown = |value: &Value| match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Object(as_of) => as_of["day"].as_str().unwrap().to_owned(),
        other => other.to_string(),
    };
    let mut rows = vec![columns.iter().map(|&column| column.to_owned()).collect::<Vec<_>>()];
    rows.extend(lines.map(|(row, cell)| {
        let find = |column: &&str| {
            let found = [&cell, &row, definition].into_iter().find_map(|from| from.get(*column));
            // Left out where there is none.
            let found = found.or(["value", "title"].contains(column).then_some(&Value::Null));
            shown(found.unwrap())
        };
        columns.iter().map(find).collect()
    }));
    rows
}

fn records(text: &str) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
    reader.records().map(|record| record.unwrap().iter().map(str::to_owned).collect()).collect()
}

fn rows_and_total(answer: &Value) -> impl Iterator<Item = Value> {
    answer["rows"].as_array().unwrap().clone().into_iter().chain([answer["total"].clone()])
}

#[test]
fn the_figures_of_the_definitions_come_out_of_files() {
    let shop = Shop::new(CONFIG);
    let daemon = shop.start();
    load(&shop);
    let expected = expected();
    let options = &expected["what_each_mistake_gives"];

    let answer = shop.ltv(&format!("{LTV}&group=month"));
    assert_eq!(cells(&answer["total"]), expected["all"]);
    assert_eq!(cohorts(&answer), expected["cohorts"]);
    assert_eq!(answer["definition"]["zone"], "America/New_York");
    assert_eq!(answer["definition"]["currency"], "USD");
    assert_eq!(answer["definition"]["as_of"]["day"], "2025-05-01");

    let total = |more: &str| cells(&shop.ltv(&format!("{LTV}&group=none{more}"))["total"]);
    assert_eq!(total(""), expected["all"]);
    assert_eq!(total("&basis=total"), options["tax included (a legitimate option)"]);
    assert_eq!(total("&refunds=order"), options["refunds put on the order date (a legitimate option)"]);
    let utc = shop.ltv(&format!("{LTV}&group=month&timezone=UTC"));
    assert_eq!(cohorts(&utc), options["days cut in UTC: cohorts"]);

    let revenue = shop.revenue("as_of=2025-05-01&by=month");
    let (totals, all) = (&expected["totals"], &revenue["total"]);
    assert_eq!(all["orders"], totals["orders"]);
    assert_eq!(all["rebills"], 1);
    assert_eq!(all["order_revenue"], totals["initial"]);
    assert_eq!(all["rebill_revenue"], totals["rebill"]);
    assert_eq!(all["refunds_and_chargebacks"], totals["refunds_and_chargebacks"]);
    assert_eq!(all["net"], totals["net"]);
    let cents = |figure: &Value| figure.as_str().unwrap().replace('.', "").parse::<i64>().unwrap();
    assert_eq!(cents(&all["order_revenue"]) + cents(&all["rebill_revenue"]), cents(&totals["gross"]));
    let months: i64 = revenue["rows"].as_array().unwrap().iter().map(|row| cents(&row["net"])).sum();
    assert_eq!(months, cents(&totals["net"]));
    daemon.stop();
}

#[test]
fn csv_and_json_are_equal_with_and_without_daemon() {
    let shop = Shop::new(CONFIG);
    let daemon = shop.start();
    load(&shop);
    let ltv = format!("{LTV}&group=month");
    let answer = shop.ltv(&ltv);
    let columns = [
        "cohort",
        "title",
        "horizon",
        "customers",
        "mature",
        "net",
        "ltv",
        "state",
        "currency",
        "basis",
        "refunds",
        "as_of",
    ];
    let lines = rows_and_total(&answer)
        .flat_map(|row| row["cells"].as_array().unwrap().clone().into_iter().map(move |cell| (row.clone(), cell)));
    let csv = shop.get(&format!("/v1/ltv?{ltv}&format=csv")).ok();
    assert_eq!(csv.header("content-type"), Some("text/csv; charset=utf-8"));
    let csv = csv.text();
    assert_eq!(records(&csv), as_csv(&answer, &columns, lines));

    let answer = shop.revenue("by=week");
    let csv_of_revenue = shop.get("/v1/revenue?by=week&format=csv").ok().text();
    let columns = [
        "period",
        "value",
        "title",
        "orders",
        "rebills",
        "order_revenue",
        "rebill_revenue",
        "refunds",
        "chargebacks",
        "refunds_and_chargebacks",
        "net",
        "currency",
        "basis",
    ];
    let lines = rows_and_total(&answer).map(|row| (row, Value::Null));
    assert_eq!(records(&csv_of_revenue), as_csv(&answer, &columns, lines));

    for (command, column) in [("ltv", "curve"), ("revenue", "net so far")] {
        let table = shop.cli([command, "--as-of", "2025-05-01"]).ok();
        assert!(table.contains(column) && table.contains('█'), "{table}");
    }

    let asked = ["ltv", "--group", "month", "--horizons", "30,60,90", "--as-of", "2025-05-01", "--format", "csv"];
    assert_eq!(shop.cli(asked).ok(), csv);
    let by_week = ["revenue", "--by", "week", "--format", "csv"];
    assert_eq!(shop.cli(by_week).ok(), csv_of_revenue);
    daemon.stop();
    assert_eq!(shop.cli(asked).ok(), csv);
    assert_eq!(shop.cli(by_week).ok(), csv_of_revenue);
}

#[test]
fn a_missing_rate_names_currency_and_day() {
    let shop = Shop::new(&CONFIG.replace("EUR = \"1.10\"", ""));
    let _daemon = shop.start();
    load(&shop);
    let problem = shop.get(&format!("/v1/ltv?{LTV}"));
    assert_eq!(problem.status, 422);
    assert_eq!(problem.header("content-type"), Some("application/problem+json"));
    let problem = problem.json();
    assert_eq!(problem["type"], "/problems/missing-rates");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("EUR") && detail.contains("2025-03-15"), "{detail}");
    // Who asks about the store in dollars needs no rate.
    assert_eq!(shop.ltv(&format!("{LTV}&integration=alpha"))["total"]["cells"][0]["customers"], 5);

    let output = shop.cli(["ltv", "--as-of", "2025-05-01"]);
    assert_eq!(output.code, Some(1));
    assert_eq!(output.stdout, "");
    assert!(output.stderr.contains("EUR") && output.stderr.contains("2025-03-15"), "{}", output.stderr);
}
