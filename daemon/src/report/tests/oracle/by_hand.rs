//! The SQL by itself: the example of the definitions, and a small shop whose figures are worked out by hand.

use serde_json::{Value, json};

use super::super::shop::{SALE, at, day};
use super::super::worked_example;
use super::shop::{Asked, RateLine, Shop};
use super::{Oracle, Row, sql};
use crate::model::{Billing, Kind};
use crate::report::*;

const NEW_YORK: crate::model::Zone = chrono_tz::America::New_York;

/// The example, with its entries under the numbers that the harness counts on.
fn example() -> Shop {
    Shop::plain(worked_example::shop(false).facts)
}

fn in_example(cohort_by: &'static str) -> Asked {
    Asked { horizons: [30, 60, 90].map(Horizon::Days).to_vec(), cohort_by, ..Asked::new(NEW_YORK, day("2025-05-01")) }
}

/// Hundredths as text.
fn money(hundredths: i64) -> String {
    let sign = if hundredths < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", hundredths.abs() / 100, hundredths.abs() % 100)
}

/// Cells in the notation of `expected.json`: cohort, horizon, figures.
fn cells(rows: &[Row], total: bool) -> Value {
    let mut cohorts = json!({});
    for row in rows.iter().filter(|row| row.is_total() == total) {
        let figures = json!({
            "customers": row.int("customers"),
            "mature": row.int("mature"),
            "net": row.maybe("net").map(money),
            "ltv": row.maybe("ltv").map(money),
        });
        cohorts[row.text("cohort")][row.text("horizon")] = figures;
    }
    cohorts
}

#[test]
fn lifetime_value_of_the_worked_example() {
    let rows = Oracle::new(&example(), &in_example("month")).answer(sql!("ltv"));
    let expected = worked_example::expected();
    assert_eq!(cells(&rows, true)["all"], expected["all"]);
    assert_eq!(cells(&rows, false), expected["cohorts"]);
}

#[test]
fn options_and_mistakes_of_the_worked_example() {
    let options = &worked_example::expected()["what_each_mistake_gives"];
    let all = |asked: Asked| cells(&Oracle::new(&example(), &asked).answer(sql!("ltv")), true)["all"].clone();
    let asked = || in_example("month");
    assert_eq!(all(Asked { basis: Basis::Total, ..asked() }), options["tax included (a legitimate option)"]);
    let on_order = Asked { refunds: RefundDating::Order, ..asked() };
    assert_eq!(all(on_order), options["refunds put on the order date (a legitimate option)"]);
    let parity = vec![RateLine { currency: "EUR", day: None, rate: "1" }];
    assert_eq!(all(Asked { rates: parity, ..asked() }), options["EUR added as if USD"]);
    let in_utc = Oracle::new(&example(), &Asked { zone: chrono_tz::UTC, ..asked() }).answer(sql!("ltv"));
    assert_eq!(cells(&in_utc, false), options["days cut in UTC: cohorts"]);
}

#[test]
fn other_figures_of_the_worked_example() {
    let expected = worked_example::expected();
    let oracle = Oracle::new(&example(), &in_example("month"));
    let totals = &oracle.answer(sql!("totals"))[0];
    assert_eq!(totals.int("customers"), expected["totals"]["customers"]);
    assert_eq!(totals.int("orders"), expected["totals"]["orders"]);
    assert_eq!(money(totals.int("taken_back")), expected["totals"]["refunds_and_chargebacks"].as_str().unwrap());
    assert_eq!(money(totals.int("net")), expected["totals"]["net"].as_str().unwrap());

    let repeat = oracle.answer(sql!("repeat"));
    let repeat = repeat.iter().find(|row| row.is_total() && row.text("horizon") == "90").unwrap();
    let of_mature = |column| format!("{}/{}", repeat.int(column), repeat.int("mature"));
    assert_eq!(of_mature("with_rebills"), expected["repeat_rate_90"]["with_rebills"]);
    assert_eq!(of_mature("without_rebills"), expected["repeat_rate_90"]["without_rebills"]);

    for cost in [80, 90, 120, 160] {
        let asked = Asked { cost: Some(cost * 100), ..in_example("month") };
        let rows = Oracle::new(&example(), &asked).answer(sql!("payback"));
        let january = rows.iter().find(|row| row.text("cohort") == "2025-01").unwrap();
        let shown = json!({
            "first_reached_day": january.maybe("first_reached_day"),
            "paid_back_day": january.maybe("paid_back_day"),
        });
        assert_eq!(shown, expected["january_payback"][format!("cac_{cost}")], "{cost}");
    }
}

/// Three customers. The first buys a kit, a day later an upsell in the same order, then a rebill, and takes a part back;
/// the second buys twice; of the third's order nothing is known but its total.
fn shop() -> Shop {
    let on = |date: &str| at(&format!("{date} 12:00"), chrono_tz::UTC);
    let first = Fact { unix_ms: on("2025-01-01"), ..SALE };
    let second = Fact { unix_ms: on("2025-01-10"), customer: 1, order: 2, total: 5_000, ..SALE };
    let mut shop = Shop::plain(vec![
        first,
        Fact { unix_ms: on("2025-01-02"), total: 2_000, ..first },
        Fact { unix_ms: on("2025-01-31"), total: 3_000, order: 1, billing: Billing::Rebill, ..first },
        Fact { unix_ms: on("2025-02-05"), total: 1_000, kind: Kind::Refund, ..first },
        second,
        Fact { unix_ms: on("2025-02-08"), order: 3, ..second },
        Fact { unix_ms: on("2025-03-01"), customer: 2, order: 4, total: 7_000, ..SALE },
    ]);
    shop.label(0, &[(Dimension::Country, "DE"), (Dimension::Coupon, "WELCOME")]);
    shop.label(1, &[(Dimension::Country, "US")]);
    shop.sell(0, &[(0, 6_000), (1, 4_000)]);
    shop.sell(1, &[(2, 2_000)]);
    shop.sell(4, &[(1, 5_000)]);
    shop
}

fn asked() -> Asked {
    Asked::new(chrono_tz::UTC, day("2025-03-31"))
}

/// The columns of each row, one after the other; `-` for null.
fn shown(shop: &Shop, asked: &Asked, query: &str, columns: &[&str]) -> Vec<String> {
    let cell = |row: &Row, column: &&str| match row.value(column) {
        rusqlite::types::Value::Text(text) => text.clone(),
        _ => row.maybe(column).map_or("-".to_owned(), |number| number.to_string()),
    };
    let rows = Oracle::new(shop, asked).answer(query);
    rows.iter().map(|row| columns.iter().map(|column| cell(row, column)).collect::<Vec<_>>().join(" ")).collect()
}

#[test]
fn cohorts_of_a_first_order() {
    let by = |cohort_by| {
        let asked = Asked { cohort_by, horizons: vec![Horizon::Days(30)], ..asked() };
        shown(&shop(), &asked, sql!("ltv"), &["cohort", "mature", "net"])
    };
    let all = "all 3 29000";
    assert_eq!(by("none"), [all]);
    // In the cohort of each product; the upsell of the next day is part of the first order.
    let by_product = ["(none) 1 7000", "alpha/p0 1 12000", "alpha/p1 2 22000", "alpha/p2 1 12000", all];
    assert_eq!(by("product"), by_product);
    assert_eq!(by("main_product"), ["(none) 1 7000", "alpha/p0 1 12000", "alpha/p1 1 10000", all]);
    assert_eq!(by("country"), ["(none) 2 17000", "DE 1 12000", "US 1 12000", all]);
    assert_eq!(by("coupon"), ["(none) 2 17000", "WELCOME 1 12000", all]);
    assert_eq!(by("integration"), ["alpha 3 29000", all]);
    assert_eq!(by("currency"), ["USD 3 29000", all]);
    assert_eq!(by("quarter"), ["2025-Q1 3 29000", all]);
}

#[test]
fn filters_choose_customers_or_orders() {
    let with = |filters: &[(&'static str, &'static str, &'static str)]| {
        let asked = Asked { filters: filters.to_vec(), horizons: vec![Horizon::ToDate], ..asked() };
        let ltv = shown(&shop(), &asked, sql!("ltv"), &["customers", "net"]);
        let orders = shown(&shop(), &asked, sql!("cohorts"), &["orders", "rebills", "taken_back"]);
        [ltv, orders].concat().join("; ")
    };
    assert_eq!(with(&[]), "3 31000; 5 1 1000");
    assert_eq!(with(&[("first", "country", "US")]), "1 14000; 2 1 1000");
    assert_eq!(with(&[("first", "country", "US"), ("first", "country", "(none)")]), "3 31000; 5 1 1000");
    assert_eq!(with(&[("first", "country", "US"), ("first", "product", "alpha/p0")]), "1 14000; 2 1 1000");
    // The refund goes with its order, the other orders do not count; all are still customers.
    assert_eq!(with(&[("every", "product", "alpha/p1")]), "3 16000; 2 0 1000");
    assert_eq!(with(&[("every", "product", "alpha/p1"), ("every", "country", "US")]), "3 11000; 1 0 1000");
    assert_eq!(with(&[("every", "coupon", "SPRING")]), "3 0; 0 0 0");
    assert_eq!(with(&[("first", "coupon", "SPRING")]), "");
}

#[test]
fn cohorts_as_a_whole() {
    let columns = [
        "customers",
        "orders",
        "rebills",
        "order_net",
        "taken_back",
        "refunded_orders",
        "aov",
        "aov_after_refunds",
        "orders_per_customer",
        "refund_rate",
        "refunded_orders_rate",
    ];
    // 10 of 320 are 0.03125, half to even 0.0312.
    assert_eq!(shown(&shop(), &asked(), sql!("cohorts"), &columns), ["3 5 1 32000 1000 1 6400 6200 16667 312 2000"]);
}

#[test]
fn second_orders_and_the_time_between() {
    let asked = Asked { horizons: [29, 30, 31].map(Horizon::Days).to_vec(), ..asked() };
    let columns = ["horizon", "mature", "with_rebills", "without_rebills", "sum_of_gaps", "twice_median"];
    // The second customer orders again at age 29, the first has a rebill at age 30; the third is thirty days old.
    assert_eq!(shown(&shop(), &asked, sql!("repeat"), &columns), ["29 3 0 0 0 -", "30 3 1 1 29 58", "31 2 2 1 59 59"]);
    assert_eq!(shown(&shop(), &asked, sql!("gaps"), &["gaps", "sum_of_gaps", "twice_median"]), ["2 59 59"]);
    assert_eq!(shown(&shop(), &asked, sql!("retention"), &["k", "mature", "retained"]), ["1 2 1"]);
    let same_day = Fact { unix_ms: at("2025-01-10 18:00", chrono_tz::UTC), customer: 1, order: 9, ..SALE };
    let more = Shop::plain([shop().facts.facts, vec![same_day]].concat());
    // Two orders on one day have no gap between them, but make a repeating customer.
    assert_eq!(shown(&more, &asked, sql!("gaps"), &["gaps", "sum_of_gaps", "twice_median"]), ["2 59 59"]);
    assert_eq!(shown(&more, &asked, sql!("repeat"), &columns), ["29 3 1 1 0 0", "30 3 1 1 0 0", "31 2 2 1 30 30"]);
}

#[test]
fn who_is_at_risk_of_a_rebill() {
    let columns = ["cycle", "at_risk", "reached", "survival"];
    // The third customer's first charge is thirty days ago, seven too few.
    assert_eq!(shown(&shop(), &asked(), sql!("survival"), &columns), ["1 2 1 5000", "2 1 0 0"]);
    let no_grace = Asked { grace_days: 0, ..asked() };
    assert_eq!(shown(&shop(), &no_grace, sql!("survival"), &columns), ["1 3 1 3333", "2 1 0 0"]);
    // On the day of the rebill it is not known yet, and the time for it has not run out.
    let before = Asked { as_of: day("2025-01-31"), ..asked() };
    assert_eq!(shown(&shop(), &before, sql!("survival"), &columns), [] as [&str; 0]);
    let after = Asked { as_of: day("2025-02-01"), ..asked() };
    assert_eq!(shown(&shop(), &after, sql!("survival"), &columns), ["1 1 1 10000"]);
}

#[test]
fn payback_of_what_a_month_was_spent() {
    let columns = ["cohort", "cost", "last_mature_day", "first_reached_day", "paid_back_day"];
    let with = |spend| Asked { cohort_by: "month", spend, ..asked() };
    assert_eq!(
        shown(&shop(), &with(vec![("2025-01", 17_500)]), sql!("payback"), &columns),
        ["2025-01 17500 79 29 29", "2025-03 - 29 - -", "all 17500 29 0 0"]
    );
    // At age 30 they have brought 250.00; the refund at age 35 takes 10.00 back.
    assert_eq!(
        shown(&shop(), &with(vec![("2025-01", 24_500), ("2025-03", 7_001)]), sql!("payback"), &columns),
        ["2025-01 24500 79 30 -", "2025-03 7001 29 - -", "all 31501 29 - -"]
    );
}

#[test]
fn revenue_divided() {
    let by = |divided_by, period| {
        let asked = Asked { divided_by, period, ..asked() };
        shown(&shop(), &asked, sql!("revenue"), &["period", "share_of", "orders", "rebills", "net"])
    };
    // What is not told apart follows the upsell, the latest sale before the refund.
    assert_eq!(
        by("product", Period::Month),
        [
            "2025-01 (none) 1 1 3000",
            "2025-01 alpha/p0 1 0 6000",
            "2025-01 alpha/p1 2 0 9000",
            "2025-01 alpha/p2 0 0 2000",
            "2025-02 (none) 1 0 5000",
            "2025-02 alpha/p2 0 0 -1000",
            "2025-03 (none) 1 0 7000",
        ]
    );
    // All of an order counts in each of its countries.
    assert_eq!(
        by("country", Period::Month),
        [
            "2025-01 (none) 2 1 8000",
            "2025-01 DE 1 0 12000",
            "2025-01 US 1 0 12000",
            "2025-02 (none) 1 0 5000",
            "2025-02 DE 0 0 -1000",
            "2025-02 US 0 0 -1000",
            "2025-03 (none) 1 0 7000",
        ]
    );
    assert_eq!(by("currency", Period::Week)[0], "2025-W01 USD 1 0 12000");
}

#[test]
fn largest_remainders_make_the_parts_add_up() {
    let sale = Fact { unix_ms: at("2025-01-01 12:00", chrono_tz::UTC), total: 100, ..SALE };
    let refund = Fact { unix_ms: at("2025-01-02 12:00", chrono_tz::UTC), total: 50, kind: Kind::Refund, ..sale };
    let divided = |goods: &[(u32, i64)]| {
        let mut shop = Shop::plain(vec![sale, refund]);
        shop.sell(0, goods);
        let asked = Asked { divided_by: "product", period: Period::Day, ..asked() };
        shown(&shop, &asked, sql!("revenue"), &["share_of", "net"]).join(", ")
    };
    assert_eq!(
        divided(&[(0, 0), (1, 0), (2, 0)]),
        "alpha/p0 34, alpha/p1 33, alpha/p2 33, alpha/p0 -17, alpha/p1 -17, alpha/p2 -16"
    );
    // 100 * 5 / 7 = 71 3/7 and 28 4/7; 50 * 5 / 7 = 35 5/7 and 14 2/7.
    assert_eq!(divided(&[(0, 5), (1, 2)]), "alpha/p0 71, alpha/p1 29, alpha/p0 -36, alpha/p1 -14");
    assert_eq!(divided(&[(0, 0), (1, 7)]), "alpha/p0 0, alpha/p1 100, alpha/p0 0, alpha/p1 -50");
    assert_eq!(divided(&[]), "(none) 100, (none) -50");
}
