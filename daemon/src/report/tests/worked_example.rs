//! The example of the definitions, figure by figure.

use std::path::Path;
use std::sync::LazyLock;

use serde_json::{Value, json};

use super::shop::{Seen, as_of, at, options as options_of, seen};
use crate::model::{Billing, Kind, Zone};
use crate::report::*;

fn fixture(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/worked-example").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

pub(super) fn expected() -> Value {
    serde_json::from_str(&fixture("expected.json")).unwrap()
}

fn index(of: &str, among: &mut Vec<String>) -> u32 {
    let found = among.iter().position(|known| known == of).unwrap_or_else(|| {
        among.push(of.to_owned());
        among.len() - 1
    });
    u32::try_from(found).unwrap()
}

/// Reads `events.csv`. `per_store` keeps customers of different stores apart.
pub(super) fn shop(per_store: bool) -> Facts {
    let cents = |text: &str| text.replace(['.', '-'], "").parse::<i64>().unwrap();
    let (mut customers, mut orders) = (Vec::new(), Vec::new());
    let mut facts = Vec::new();
    for (entry, line) in (0..).zip(fixture("events.csv").lines().skip(1)) {
        let cells: Vec<&str> = line.splitn(13, ',').collect();
        let [_, store, zone, kind, order, local, email, amount, tax, shipping, currency, billing, _] = cells[..] else {
            panic!("{line}");
        };
        let kind = match kind {
            "order" => Kind::Sale,
            "refund" => Kind::Refund,
            "chargeback" => Kind::Chargeback,
            // Not paid: the ledger never sees it.
            "pending" => continue,
            other => panic!("{other}"),
        };
        let zone: Zone = zone.parse().unwrap();
        let email = email.trim().to_lowercase();
        let customer = if per_store { format!("{store} {email}") } else { email };
        facts.push(Fact {
            unix_ms: at(&local[..16], zone),
            total: cents(amount),
            tax: cents(tax),
            shipping: cents(shipping),
            tie: 0,
            customer: index(&customer, &mut customers),
            order: index(&format!("{store} {order}"), &mut orders),
            entry,
            integration: u16::from(store == "beta"),
            currency: u16::from(currency == "EUR"),
            labels: 0,
            kind,
            billing: if billing == "rebill" { Billing::Rebill } else { Billing::Initial },
            flags: FactFlags::TAX_KNOWN.with(FactFlags::SHIPPING_KNOWN),
        });
    }
    assert_eq!(facts.len(), 9);
    super::shop::facts(facts)
}

const NEW_YORK: Zone = chrono_tz::America::New_York;

static SHOP: LazyLock<Facts> = LazyLock::new(|| shop(false));

fn example() -> Seen<'static> {
    seen(&SHOP, NEW_YORK)
}

fn query(group: Option<Period>) -> LtvQuery {
    let horizons = [Horizon::Days(30), Horizon::Days(60), Horizon::Days(90)];
    LtvQuery { audience: group.map(Audience::by).unwrap_or_default(), ..super::shop::query(&horizons, "2025-05-01") }
}

/// A row in the notation of `expected.json`.
fn shown(row: &LtvRow) -> Value {
    let cell = |cell: &LtvCell| {
        let value = json!({ "customers": cell.customers, "mature": cell.mature, "net": cell.net, "ltv": cell.ltv });
        (cell.horizon.to_string(), value)
    };
    Value::Object(row.cells.iter().map(cell).collect())
}

fn shown_rows(answer: &LtvAnswer) -> Value {
    Value::Object(answer.rows.iter().map(|row| (row.cohort.clone(), shown(row))).collect())
}

#[test]
fn lifetime_value_by_month() {
    let answer = example().ltv(&query(Some(Period::Month)));
    let expected = expected();
    assert_eq!(shown(&answer.total), expected["all"]);
    assert_eq!(shown_rows(&answer), expected["cohorts"]);
    let states: Vec<CellState> = answer.total.cells.iter().map(|cell| cell.state).collect();
    assert_eq!(states, [CellState::Partial; 3]);
}

#[test]
fn legitimate_options_give_what_is_foretold() {
    let options = &expected()["what_each_mistake_gives"];
    let with = |query: LtvQuery| shown(&example().ltv(&query).total);
    let total = ViewOptions { basis: Basis::Total, ..example().options };
    let total = shown(&Seen::with(&SHOP, total).ltv(&query(None)).total);
    assert_eq!(total, options["tax included (a legitimate option)"]);
    assert_eq!(
        with(LtvQuery { refunds: RefundDating::Order, ..query(None) }),
        options["refunds put on the order date (a legitimate option)"]
    );
    let apart = shop(true);
    let apart = seen(&apart, NEW_YORK);
    assert_eq!(shown(&apart.ltv(&query(None)).total), options["customers not merged by e-mail"]);
    let by_month = seen(&SHOP, chrono_tz::UTC).ltv(&query(Some(Period::Month)));
    assert_eq!(shown_rows(&by_month), options["days cut in UTC: cohorts"]);
    let mut parity = Rates::new(super::shop::currency("USD"));
    parity.set_constant(super::shop::currency("EUR"), "1".parse().unwrap());
    let added = Seen::with(&SHOP, options_of(&parity, NEW_YORK));
    assert_eq!(shown(&added.ltv(&query(None)).total), options["EUR added as if USD"]);
}

#[test]
fn to_date_is_what_dilution_gives() {
    let to_date = LtvQuery { horizons: vec![Horizon::ToDate], ..query(None) };
    let answer = example().ltv(&to_date);
    assert_eq!(super::shop::cells(&answer.total), ["394.00 / 5 = 78.80"]);
    assert!(!answer.columns[0].comparable);
}

#[test]
fn totals_of_the_shop() {
    let (all, customers) = (example().all("2025-05-01").total, example().behaviour(&[], "2025-05-01"));
    let expected = &expected()["totals"];
    let gross = Figure { coefficient: all.order_revenue.coefficient + all.rebill_revenue.coefficient, decimals: 2 };
    let shown = json!({
        "customers": customers.customers,
        "orders": all.orders,
        "gross": gross,
        "refunds_and_chargebacks": all.refunds_and_chargebacks,
        "net": all.net,
        "refund_rate": customers.refund_rate.share,
        "aov_gross": customers.aov,
        "initial": all.order_revenue,
        "rebill": all.rebill_revenue,
    });
    assert_eq!(&shown, expected);
    assert_eq!(customers.refunded_orders, Share::new(2, 7));
}

#[test]
fn revenue_adds_up_to_the_totals() {
    for (by, first) in [(Period::Day, "2025-01-10"), (Period::Week, "2025-W02"), (Period::Month, "2025-01")] {
        let answer = example().revenue(&RevenueQuery { as_of: Some(as_of("2025-05-01")), ..super::shop::by(by) });
        assert_eq!(answer.rows[0].period, first);
        let total = serde_json::to_value(&answer.total).unwrap();
        assert_eq!(total["order_revenue"], "534.00");
        assert_eq!(total["rebill_revenue"], "100.00");
        assert_eq!(total["refunds"], "40.00");
        assert_eq!(total["chargebacks"], "200.00");
        assert_eq!(total["refunds_and_chargebacks"], "240.00");
        assert_eq!(total["net"], "394.00");
        assert_eq!((answer.total.orders, answer.total.rebills), (7, 1));
    }
}

#[test]
fn repeat_rate_with_and_without_rebills() {
    let repeat = &example().behaviour(&[90], "2025-05-01").repeat[0];
    let expected = &expected()["repeat_rate_90"];
    let fraction = |share: &Share| format!("{}/{}", share.count, share.of);
    assert_eq!(repeat.with_rebills.of, expected["mature"]);
    assert_eq!(fraction(&repeat.with_rebills), expected["with_rebills"]);
    assert_eq!(fraction(&repeat.without_rebills), expected["without_rebills"]);
}

#[test]
fn payback_of_january() {
    let expected = &expected()["january_payback"];
    for cost in [80, 90, 120, 160] {
        let query = PaybackQuery {
            cost: Cost::PerCustomer(cost * 100),
            audience: Audience::by(Period::Month),
            refunds: RefundDating::Event,
            as_of: as_of("2025-05-01"),
            limit: None,
        };
        let answer = payback(&example().view, &*SHOP, &query).unwrap();
        let january = &answer.rows[0];
        let shown = json!({
            "first_reached_day": january.first_reached_day,
            "paid_back_day": january.paid_back_day,
        });
        assert_eq!(shown, expected[format!("cac_{cost}")], "{cost}");
        assert_eq!(january.last_mature_day, Some(89));
    }
}

#[test]
fn a_customer_of_two_stores_and_currencies() {
    let Seen { view, options, .. } = example();
    let answer = customer(&view, &*SHOP, &options, 1, None).unwrap().unwrap();
    let json = serde_json::to_value(&answer).unwrap();
    assert_eq!(json["first_order_day"], "2025-01-31");
    assert_eq!(json["net"], "94.00");
    assert_eq!(
        json["currencies"][0],
        json!({ "currency": "EUR", "gross": "40.00", "taken_back": "0.00", "net": "40.00" })
    );
    assert_eq!(answer.entries.len(), 2);
    assert_eq!(customer(&view, &*SHOP, &options, 15, None).unwrap(), None);
}

#[test]
fn an_answer_explains_itself() {
    let json = serde_json::to_value(example().ltv(&query(Some(Period::Month)))).unwrap();
    let definition = &json["definition"];
    assert_eq!(definition["window"], "[0,h) days");
    assert_eq!(definition["as_of"]["day"], "2025-05-01");
    assert_eq!(definition["zone"], "America/New_York");
    assert_eq!(definition["currency"], "USD");
    assert_eq!(definition["rates"], json!([{ "currency": "EUR", "to": "USD", "constant": "1.10" }]));
    assert_eq!(definition["ledger_revision"], 7);
    assert_eq!(json["rows"][0]["cells"][0]["ltv"], "116.67");
    assert_eq!(json["rows"][2]["cells"][0]["ltv"], Value::Null);
    assert_eq!(json["columns"][0]["ages"], "[0,30)");
}

#[test]
fn csv_and_table_show_the_same_numbers() {
    let answer = example().ltv(&query(Some(Period::Month)));
    let csv = to_csv(&answer);
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines.len(), 1 + 3 * 3 + 3);
    assert_eq!(lines[1], "2025-01,,30,3,3,350.00,116.67,complete,USD,net,event,2025-05-01");
    assert_eq!(lines[6], "2025-02,,90,1,0,,,immature,USD,net,event,2025-05-01");
    assert_eq!(lines[12], "all,,90,5,3,254.00,84.67,partial,USD,net,event,2025-05-01");
    let table = to_table(&answer);
    assert!(table.contains("116.67") && table.contains("84.67 (3)") && table.contains("as of 2025-05-01"), "{table}");
    let answer = example().revenue(&super::shop::by(Period::Month));
    assert!(revenue_to_csv(&answer).contains("2025-03,,,1,0,44.00,0.00,0.00,200.00,200.00,-156.00,USD,net\r\n"));
    assert!(revenue_to_table(&answer).contains("-156.00"));
}
