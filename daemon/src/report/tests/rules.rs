//! Each rule by itself, on a few hand-made facts.

use std::collections::{BTreeMap, BTreeSet};

use super::shop::{SALE, Seen, as_of, at, by, cells, currency, day, facts, options, query, rates, seen};
use crate::model::{Billing, Kind};
use crate::report::*;

const NEW_YORK: crate::model::Zone = chrono_tz::America::New_York;

fn ny(text: &str) -> i64 {
    at(text, NEW_YORK)
}

/// Cells of the total, for these horizons.
fn total(shop: &Facts, horizons: &[Horizon], as_of_day: &str) -> Vec<String> {
    cells(&seen(shop, NEW_YORK).ltv(&query(horizons, as_of_day)).total)
}

fn left_out(shop: &Facts, as_of_day: &str) -> LeftOut {
    seen(shop, NEW_YORK).ltv(&query(&[Horizon::ToDate], as_of_day)).left_out
}

#[test]
fn nothing_gives_nothing() {
    let empty = Facts { facts: Vec::new(), ..facts(Vec::new()) };
    assert_eq!(total(&empty, &[Horizon::Days(30), Horizon::ToDate], "2025-01-01"), ["- / 0 = -", "- / 0 = -"]);
    let by_month = LtvQuery { audience: Audience::by(Period::Month), ..query(&[Horizon::Days(1)], "2025-01-01") };
    let answer = seen(&empty, NEW_YORK).ltv(&by_month);
    assert_eq!(answer.rows, []);
    assert_eq!(answer.total.cells[0].state, CellState::Immature);
    let json = serde_json::to_value(seen(&empty, NEW_YORK).behaviour(&[30], "2025-01-01")).unwrap();
    assert_eq!(json["aov"], serde_json::Value::Null);
    assert_eq!(json["refund_rate"]["share"], serde_json::Value::Null);
}

#[test]
fn a_window_is_half_open_in_days_of_the_zone() {
    // Across the change to summer time, thirty dates are an hour short of thirty times twenty-four hours.
    let first = Fact { unix_ms: ny("2025-02-20 23:50"), ..SALE };
    let inside = Fact { unix_ms: ny("2025-03-21 23:59"), order: 1, billing: Billing::Rebill, ..SALE };
    let outside = Fact { unix_ms: ny("2025-03-22 00:00"), order: 1, billing: Billing::Rebill, ..SALE };
    let horizons = [Horizon::Days(30), Horizon::Days(31)];
    assert_eq!(total(&facts(vec![first, inside]), &horizons, "2025-05-01")[0], "200.00 / 1 = 200.00");
    let late = total(&facts(vec![first, outside]), &horizons, "2025-05-01");
    assert_eq!(late, ["100.00 / 1 = 100.00", "200.00 / 1 = 200.00"]);
}

#[test]
fn maturity_ends_with_the_as_of_day() {
    let shop = facts(vec![Fact { unix_ms: ny("2025-01-01 12:00"), ..SALE }]);
    assert_eq!(total(&shop, &[Horizon::Days(30)], "2025-01-30"), ["- / 0 = -"]);
    assert_eq!(total(&shop, &[Horizon::Days(30)], "2025-01-31"), ["100.00 / 1 = 100.00"]);
    // On the as-of day itself nothing counts, not even the customer.
    assert_eq!(total(&shop, &[Horizon::ToDate], "2025-01-01"), ["- / 0 = -"]);
    assert_eq!(left_out(&shop, "2025-01-01").after_as_of.entries, 1);
}

#[test]
fn whole_cohorts_may_be_asked_for() {
    let young = Fact { unix_ms: ny("2025-01-20 12:00"), customer: 1, order: 1, ..SALE };
    let shop = facts(vec![Fact { unix_ms: ny("2025-01-01 12:00"), ..SALE }, young]);
    let horizons = [Horizon::Days(30)];
    assert_eq!(total(&shop, &horizons, "2025-02-10"), ["100.00 / 1 = 100.00"]);
    let whole = LtvQuery { maturity: Maturity::Cohort, ..query(&horizons, "2025-02-10") };
    let answer = seen(&shop, NEW_YORK).ltv(&whole);
    assert_eq!(cells(&answer.total), ["- / 1 = -"]);
    assert_eq!(answer.total.cells[0].state, CellState::Partial);
}

#[test]
fn the_first_order_stands_alone() {
    let first = Fact { unix_ms: ny("2025-01-01 12:00"), order: 5, ..SALE };
    let upsell = Fact { unix_ms: ny("2025-01-02 12:00"), total: 1_000, ..first };
    let rebill = Fact { unix_ms: ny("2025-01-03 12:00"), total: 300, billing: Billing::Rebill, ..first };
    let refund = Fact { unix_ms: ny("2025-01-02 13:00"), total: 500, kind: Kind::Refund, ..first };
    let second = Fact { unix_ms: ny("2025-01-01 13:00"), order: 6, total: 70, ..SALE };
    let shop = facts(vec![refund, second, rebill, upsell, first]);
    let shown = total(&shop, &[Horizon::FirstOrder, Horizon::Days(1), Horizon::ToDate], "2025-02-01");
    assert_eq!(shown, ["110.00 / 1 = 110.00", "100.70 / 1 = 100.70", "108.70 / 1 = 108.70"]);
    // One order with its upsell, the second order, the rebill.
    assert_eq!(seen(&shop, NEW_YORK).behaviour(&[], "2025-02-01").orders, 3);
}

#[test]
fn ties_are_decided_by_integration_and_id_not_by_arrival() {
    let a = Fact { unix_ms: ny("2025-01-01 12:00"), order: 1, tie: 2, total: 100, ..SALE };
    let b = Fact { order: 2, tie: 1, total: 200, ..a };
    let elsewhere = Fact { order: 3, tie: 0, total: 300, integration: 1, ..a };
    for shop in [vec![a, b, elsewhere], vec![elsewhere, b, a], vec![b, elsewhere, a]] {
        assert_eq!(total(&facts(shop), &[Horizon::FirstOrder], "2025-02-01"), ["2.00 / 1 = 2.00"]);
    }
}

#[test]
fn events_before_the_first_order_are_counted_and_left_out() {
    let old_refund = Fact { unix_ms: ny("2024-12-01 12:00"), order: 9, kind: Kind::Refund, total: 700, ..SALE };
    let never_bought = Fact { customer: 3, ..old_refund };
    let shop = facts(vec![old_refund, never_bought, Fact { unix_ms: ny("2025-01-01 12:00"), ..SALE }]);
    assert_eq!(total(&shop, &[Horizon::ToDate], "2025-02-01"), ["100.00 / 1 = 100.00"]);
    let left_out = serde_json::to_value(left_out(&shop, "2025-02-01").before_first_order).unwrap();
    assert_eq!(left_out, serde_json::json!({ "entries": 2, "net": "-14.00" }));
    let answer = seen(&shop, NEW_YORK).revenue(&by(Period::Month));
    assert_eq!(answer.total.net.to_string(), "86.00");
    assert_eq!(answer.uncertain.without_sale, 2);
}

#[test]
fn a_refund_stays_with_the_buyer_of_its_order() {
    let sale = Fact { unix_ms: ny("2025-01-01 12:00"), customer: 1, ..SALE };
    let refund = Fact { unix_ms: ny("2025-01-05 12:00"), kind: Kind::Refund, total: 2_500, ..sale };
    for customer in [NO_CUSTOMER, 2] {
        let shop = facts(vec![Fact { customer, ..refund }, sale]);
        assert_eq!(total(&shop, &[Horizon::ToDate], "2025-02-01"), ["75.00 / 1 = 75.00"], "{customer}");
    }
}

#[test]
fn anonymous_orders_are_revenue_without_customers() {
    let sale = Fact { unix_ms: ny("2025-01-01 12:00"), ..SALE };
    let nobody = Fact { customer: NO_CUSTOMER, order: 1, ..sale };
    let refund = Fact { kind: Kind::Refund, total: 1_000, ..nobody };
    let shared = Fact { customer: 7, order: 2, ..sale };
    let shop = facts(vec![nobody, shared, refund, sale]);
    let rates = rates();
    let offices = BTreeSet::from([7]);
    let seen = Seen::with(&shop, ViewOptions { shared_customers: &offices, ..options(&rates, NEW_YORK) });
    let answer = seen.ltv(&query(&[Horizon::ToDate], "2025-02-01"));
    assert_eq!(cells(&answer.total), ["100.00 / 1 = 100.00"]);
    let anonymous = serde_json::to_value(answer.left_out.anonymous).unwrap();
    assert_eq!(anonymous, serde_json::json!({ "orders": 2, "entries": 3, "net": "190.00" }));
    let all = seen.all("2025-02-01").total;
    assert_eq!((answer.total.customers, all.orders, all.net.to_string().as_str()), (1, 3, "290.00"));
}

#[test]
fn free_orders_make_customers_only_when_asked() {
    let free = Fact { unix_ms: ny("2025-01-01 12:00"), total: 0, ..SALE };
    let paid = Fact { unix_ms: ny("2025-02-01 12:00"), billing: Billing::Rebill, ..SALE };
    let lead = Fact { customer: 1, order: 1, currency: 1, ..free };
    let shop = facts(vec![free, paid, lead]);
    let by_month = LtvQuery { audience: Audience::by(Period::Month), ..query(&[Horizon::ToDate], "2025-03-01") };
    let answer = seen(&shop, NEW_YORK).ltv(&by_month);
    assert_eq!(answer.rows.len(), 1);
    assert_eq!((answer.rows[0].cohort.as_str(), answer.rows[0].customers), ("2025-02", 1));
    assert_eq!(answer.left_out.free_orders, 2);
    // Zero euros need no rate.
    let no_rates = Rates::new(currency("USD"));
    let count = ViewOptions { free_orders: FreeOrders::Count, ..options(&no_rates, NEW_YORK) };
    let answer = Seen::with(&shop, count).ltv(&by_month);
    assert_eq!((answer.rows[0].cohort.as_str(), answer.rows[0].customers), ("2025-01", 2));
    assert_eq!(cells(&answer.total), ["100.00 / 2 = 50.00"]);
    assert_eq!(answer.left_out.free_orders, 0);
}

#[test]
fn a_full_refund_nets_to_zero_at_any_later_rate() {
    let mut dated = Rates::new(currency("USD"));
    dated.set(currency("EUR"), day("2025-01-01"), "1.1111".parse().unwrap());
    dated.set(currency("EUR"), day("2025-01-20"), "1.3".parse().unwrap());
    let sale = Fact { unix_ms: ny("2025-01-01 12:00"), currency: 1, tax: 1_234, shipping: 567, ..SALE };
    let unsplit = Fact { unix_ms: ny("2025-01-20 12:00"), kind: Kind::Refund, flags: FactFlags::NONE, ..sale };
    let shop = facts(vec![sale, unsplit]);
    for basis in [Basis::Net, Basis::Total, Basis::NetWithShipping] {
        let seen = Seen::with(&shop, ViewOptions { basis, ..options(&dated, NEW_YORK) });
        let answer = seen.ltv(&query(&[Horizon::ToDate], "2025-02-01"));
        assert_eq!(cells(&answer.total), ["0.00 / 1 = 0.00"], "{basis:?}");
        assert_eq!(
            answer.definition.rates[0].dated,
            Some(DaysUsed { first: day("2025-01-01"), last: day("2025-01-01"), days: 1 })
        );
    }
}

#[test]
fn a_missing_rate_is_an_error_never_one_to_one() {
    let january = Fact { unix_ms: ny("2025-01-01 12:00"), currency: 1, ..SALE };
    let march = Fact { unix_ms: ny("2025-03-01 12:00"), order: 1, ..january };
    let none = Rates::new(currency("USD"));
    let error = View::build(&facts(vec![march, january]), &options(&none, NEW_YORK)).unwrap_err();
    let missing = MissingRate { currency: currency("EUR"), first: day("2025-01-01"), last: day("2025-03-01"), days: 2 };
    assert_eq!(error, ReportError::MissingRates { to: currency("USD"), missing: vec![missing] });
    // Only what is asked for needs rates.
    let beta = BTreeSet::from([1]);
    let elsewhere = ViewOptions { integrations: Some(&beta), ..options(&none, NEW_YORK) };
    assert_eq!(View::build(&facts(vec![march, january]), &elsewhere).unwrap().revision(), 7);
}

#[test]
fn what_is_not_split_is_summed_by_total_and_told() {
    let split = Fact { unix_ms: ny("2025-01-01 12:00"), tax: 1_000, shipping: 500, ..SALE };
    let unsplit = Fact { order: 1, flags: FactFlags::SHIPPING_KNOWN, ..split };
    let half = Fact { order: 2, flags: FactFlags::TAX_KNOWN, ..split };
    let shop = facts(vec![split, unsplit, half]);
    let answer = seen(&shop, NEW_YORK).ltv(&query(&[Horizon::ToDate], "2025-02-01"));
    assert_eq!(cells(&answer.total), ["275.00 / 1 = 275.00"]);
    let json = serde_json::to_value(&answer).unwrap();
    assert_eq!(json["tax_split_missing"]["sales"], serde_json::json!({ "count": 1, "of": 3, "share": "0.3333" }));
    assert_eq!(json["tax_split_missing"]["total"]["amount"], "100.00");
    assert_eq!(json["shipping_split_missing"]["sales"]["count"], 1);
}

#[test]
fn chargebacks_can_be_reversed_and_voids_count_as_refunds() {
    let sale = Fact { unix_ms: ny("2025-01-01 12:00"), ..SALE };
    let chargeback = Fact { unix_ms: ny("2025-01-10 12:00"), kind: Kind::Chargeback, ..sale };
    let reversal = Fact { unix_ms: ny("2025-01-20 12:00"), kind: Kind::ChargebackReversal, ..sale };
    let void = Fact { unix_ms: ny("2025-01-01 12:05"), kind: Kind::Void, total: 100, ..sale };
    let shop = facts(vec![sale, chargeback, reversal, void]);
    let shown = total(&shop, &[Horizon::Days(5), Horizon::Days(15), Horizon::Days(25)], "2025-03-01");
    assert_eq!(shown, ["99.00 / 1 = 99.00", "-1.00 / 1 = -1.00", "99.00 / 1 = 99.00"]);
    let seen = seen(&shop, NEW_YORK);
    assert_eq!(seen.behaviour(&[], "2025-03-01").refunded_orders, Share::new(1, 1));
    assert_eq!(seen.all("2025-03-01").total.refunds_and_chargebacks.to_string(), "1.00");
}

#[test]
fn doubtful_entries_are_counted() {
    let odd = FactFlags::APPROXIMATE_DATE.with(FactFlags::ESTIMATED).with(FactFlags::CLOCK_CHANGE);
    let sale = Fact { unix_ms: ny("2025-01-01 12:00"), flags: SALE.flags.with(odd), ..SALE };
    let shop = facts(vec![sale]);
    let answer = seen(&shop, NEW_YORK).ltv(&query(&[Horizon::ToDate], "2025-02-01"));
    let all_one = Uncertain { approximate_dates: 1, estimated: 1, clock_changes: 1, without_sale: 0 };
    assert_eq!(answer.uncertain, all_one);
}

#[test]
fn as_of_is_the_smallest_mark_of_those_asked() {
    let mark = |text| Some(Mark { unix_ms: ny(text), origin: MarkOrigin::Sync });
    let mut shop = facts(Vec::new());
    shop.integrations[0].complete_through = mark("2025-03-05 00:00");
    let all = AsOf::of(&shop.integrations, None, NEW_YORK, None);
    assert_eq!(all, Err(ReportError::NoAsOf { integrations: vec!["beta".to_owned()] }));
    let alpha = AsOf::of(&shop.integrations, Some(&BTreeSet::from([0])), NEW_YORK, None).unwrap();
    assert_eq!((alpha.day, alpha.asked, alpha.integrations[0].behind), (day("2025-03-05"), false, false));
    // Half a day is no complete day.
    shop.integrations[1].complete_through = mark("2025-03-04 23:59");
    let smallest = AsOf::of(&shop.integrations, None, NEW_YORK, None).unwrap();
    assert_eq!(smallest.day, day("2025-03-04"));
    let asked = AsOf::of(&shop.integrations, None, NEW_YORK, Some(day("2025-03-05"))).unwrap();
    assert_eq!(asked.integrations.iter().map(|i| i.behind).collect::<Vec<_>>(), [false, true]);
    assert_eq!(asked.integrations[0].complete_through.as_deref(), Some("2025-03-05T05:00:00Z"));
}

#[test]
fn hostile_facts_are_refused_not_miscounted() {
    let build = |fact: Fact| View::build(&facts(vec![fact, fact]), &options(&rates(), NEW_YORK)).map(|_| ());
    let huge = Fact { total: i64::MAX, ..SALE };
    assert_eq!(build(huge), Err(ReportError::TooLarge { entry: Some(0) }));
    assert_eq!(build(Fact { currency: 1, ..huge }), Err(ReportError::TooLarge { entry: Some(0) }));
    for broken in [
        Fact { customer: 99, ..SALE },
        Fact { order: 99, ..SALE },
        Fact { integration: 9, ..SALE },
        Fact { currency: 9, ..SALE },
        Fact { tax: -1, ..SALE },
    ] {
        assert_eq!(build(broken), Err(ReportError::Inconsistent { entry: 0 }));
    }
    for unix_ms in [i64::MIN, i64::MAX] {
        let shop = facts(vec![Fact { unix_ms, ..SALE }, Fact { unix_ms: 0, order: 1, customer: 1, ..SALE }]);
        let by_week =
            LtvQuery { audience: Audience::by(Period::Week), ..query(&[Horizon::Days(36_525)], "2025-02-01") };
        assert_eq!(seen(&shop, NEW_YORK).ltv(&by_week).rows.len(), if unix_ms < 0 { 2 } else { 1 });
    }
}

#[test]
fn senseless_questions_are_errors() {
    let nothing = facts(Vec::new());
    let Seen { shop, view: empty, options } = &seen(&nothing, NEW_YORK);
    for horizons in [vec![], vec![Horizon::Days(0)], vec![Horizon::Days(36_526)], (1..=65).map(Horizon::Days).collect()]
    {
        assert!(
            matches!(ltv(empty, *shop, &query(&horizons, "2025-01-01")), Err(ReportError::Question(_))),
            "{horizons:?}"
        );
    }
    let span = |from, to| RevenueQuery { from, to, ..by(Period::Day) };
    assert!(revenue(empty, *shop, options, &span(Some(5), Some(5))).is_err());
    assert!(revenue(empty, *shop, options, &span(Some(5), None)).is_ok());
    let behaviour = |horizons: &[u32], periods| {
        let (audience, horizons) = (Audience::default(), horizons.to_vec());
        let query = CohortsQuery { audience, horizons, periods, as_of: as_of("2025-01-01"), limit: None };
        cohorts(empty, *shop, &query)
    };
    assert!(behaviour(&[1], 12).is_ok());
    assert!(behaviour(&[0], 12).is_err() && behaviour(&[36_526], 1).is_err() && behaviour(&[], 121).is_err());
    let months = Cost::PerMonth(BTreeMap::new());
    let (audience, refunds) = (Audience::by(Period::Week), RefundDating::Event);
    let by_week = PaybackQuery { cost: months, audience, refunds, as_of: as_of("2025-01-01"), limit: None };
    assert!(payback(empty, *shop, &by_week).is_err());
    for bad in ["", "0", "-1", "1.5", "36526", "forever"] {
        assert!(bad.parse::<Horizon>().is_err(), "{bad}");
    }
    for good in [Horizon::FirstOrder, Horizon::Days(365), Horizon::ToDate] {
        assert_eq!(good.to_string().parse(), Ok(good));
    }
}

#[test]
fn a_span_of_revenue_is_half_open() {
    let on = |text: &str, order| Fact { unix_ms: ny(text), order, ..SALE };
    let shop = facts(vec![on("2025-01-01 00:00", 0), on("2025-01-31 23:59", 1), on("2025-02-01 00:00", 2)]);
    let january = RevenueQuery { from: Some(day("2025-01-01")), to: Some(day("2025-02-01")), ..by(Period::Day) };
    let answer = seen(&shop, NEW_YORK).revenue(&january);
    assert_eq!(answer.rows.iter().map(|row| row.period.as_str()).collect::<Vec<_>>(), ["2025-01-01", "2025-01-31"]);
    let cut = RevenueQuery { as_of: Some(as_of("2025-01-15")), ..january };
    let answer = seen(&shop, NEW_YORK).revenue(&cut);
    assert_eq!((answer.total.orders, answer.after_as_of.entries), (1, 1));
}

#[test]
fn a_refund_is_about_the_latest_sale_up_to_its_own_instant() {
    // As with sources that know days only: the refund and the second rebill of its order are both at noon.
    let first = Fact { unix_ms: ny("2025-01-01 12:00"), ..SALE };
    let rebill = |text| Fact { unix_ms: ny(text), billing: Billing::Rebill, ..first };
    let refund = Fact { unix_ms: ny("2025-02-10 12:00"), kind: Kind::Refund, total: 3_000, ..first };
    let shop =
        facts(vec![refund, first, rebill("2025-01-20 12:00"), rebill("2025-02-10 12:00"), rebill("2025-03-01 12:00")]);
    let horizons = [Horizon::Days(30), Horizon::Days(45)];
    let by_order = LtvQuery { refunds: RefundDating::Order, ..query(&horizons, "2025-04-01") };
    let answer = seen(&shop, NEW_YORK).ltv(&by_order);
    assert_eq!(cells(&answer.total), ["200.00 / 1 = 200.00", "270.00 / 1 = 270.00"]);
    // A clock that runs behind puts the refund before its sale.
    let early = Fact { unix_ms: ny("2024-12-31 12:00"), ..refund };
    let shop = facts(vec![early, first]);
    assert_eq!(total(&shop, &[Horizon::ToDate], "2025-04-01"), ["100.00 / 1 = 100.00"]);
    assert_eq!(seen(&shop, NEW_YORK).all("2025-04-01").uncertain.without_sale, 0);
}

/// A shop with labels: each entry may have a campaign.
fn campaigns(entries: Vec<(Fact, Option<&str>)>) -> Facts {
    let mut shop = facts(entries.iter().map(|(fact, _)| *fact).collect());
    shop.label_sets.push(Vec::new());
    for (fact, (_, campaign)) in shop.facts.iter_mut().zip(&entries) {
        let Some(campaign) = campaign else { continue };
        fact.labels = shop.label_sets.len() as u32;
        let label = Label { dimension: Dimension::Campaign, value: shop.values.len() as u32 };
        shop.label_sets.push(vec![label]);
        shop.values.push((*campaign).to_owned());
    }
    shop
}

#[test]
fn none_as_a_text_is_none() {
    let first = Fact { unix_ms: ny("2025-01-01 12:00"), ..SALE };
    let other = |customer| Fact { customer, order: customer, ..first };
    let shop = campaigns(vec![(first, Some("(none)")), (other(1), None), (other(2), Some("one"))]);
    let campaign = By::Label(Dimension::Campaign);
    let audience = Audience { group: Some(Group::By(campaign)), ..Audience::default() };
    let ask = LtvQuery { audience, ..query(&[Horizon::ToDate], "2025-02-01") };
    let seen = seen(&shop, NEW_YORK);
    let rows = seen.ltv(&ask).rows;
    let sizes: Vec<_> = rows.iter().map(|row| (row.cohort.as_str(), row.customers)).collect();
    assert_eq!(sizes, [("(none)", 2), ("one", 1)]);
    assert_eq!(members(&seen.view, &shop, &ask, "(none)", Horizon::ToDate, 0, 9).unwrap().members.len(), 2);
    let revenue = seen.revenue(&RevenueQuery { split: Some(campaign), ..by(Period::Month) });
    let orders: Vec<_> = revenue.rows.iter().map(|row| (row.value.as_deref(), row.orders)).collect();
    assert_eq!(orders, [(Some("(none)"), 2), (Some("one"), 1)]);
}

#[test]
fn a_first_order_is_in_one_currency_for_groups_and_filters() {
    let first = Fact { unix_ms: ny("2025-01-01 12:00"), ..SALE };
    let upsell = Fact { unix_ms: ny("2025-01-01 12:05"), currency: 1, ..first };
    let shop = facts(vec![upsell, first]);
    let seen = seen(&shop, NEW_YORK);
    let customers = |code: &str| {
        let condition = Condition { by: By::Currency, any_of: vec![code.to_owned()] };
        let audience = Audience { first: Filter { conditions: vec![condition] }, ..Audience::default() };
        seen.ltv(&LtvQuery { audience, ..query(&[Horizon::ToDate], "2025-02-01") }).total.customers
    };
    assert_eq!((customers("USD"), customers("EUR")), (1, 0));
}

#[test]
fn refunded_orders_are_some_of_the_orders() {
    let own = Fact { unix_ms: ny("2025-01-01 12:00"), ..SALE };
    // Nobody's sale, and refunds of it that name somebody.
    let nobodys = Fact { customer: NO_CUSTOMER, order: 1, ..own };
    let refund = Fact { unix_ms: ny("2025-01-05 12:00"), kind: Kind::Refund, customer: 0, total: 2_000, ..nobodys };
    let shop = facts(vec![own, nobodys, refund]);
    let all = seen(&shop, NEW_YORK).behaviour(&[], "2025-02-01");
    assert_eq!((all.refunded_orders, all.refund_rate.amount.to_string().as_str()), (Share::new(0, 1), "20.00"));
    // A clock that runs behind puts the refund before the first order: left out, but that order is a refunded one.
    let early = Fact { unix_ms: ny("2024-12-30 12:00"), order: 0, ..refund };
    let all = seen(&facts(vec![own, early]), NEW_YORK).behaviour(&[], "2025-02-01");
    assert_eq!((all.refunded_orders, all.refund_rate.amount.to_string().as_str()), (Share::new(1, 1), "0.00"));
}

#[test]
fn a_view_that_asks_for_products_is_built_anew() {
    let mut shop = facts(vec![Fact { unix_ms: ny("2025-01-01 12:00"), ..SALE }]);
    shop.products.push(Product { key: "alpha/kit".into(), name: None });
    let rates = rates();
    let condition = |by, value: &str| Filter { conditions: vec![Condition { by, any_of: vec![value.to_owned()] }] };
    for (orders, goes_on) in [(condition(By::Product, "alpha/kit"), false), (condition(By::Integration, "alpha"), true)]
    {
        let options = ViewOptions { orders: &orders, ..options(&rates, NEW_YORK) };
        let mut view = View::build(&shop, &options).unwrap();
        assert!(view.advance(&shop, &options).unwrap(), "nothing has changed");
        let mut later = shop.clone();
        later.revision += 1;
        later.changes.push((later.revision, Before { entry: 0, fact: shop.fact(0) }));
        // The entry had no goods before, which nobody remembers.
        later.goods = vec![vec![Good { product: 0, amount: 10_000 }]];
        assert_eq!(view.advance(&later, &options).unwrap(), goes_on, "{orders:?}");
    }
}

#[test]
fn gaps_show_what_their_mean_is_made_of() {
    let on = |text: &str, order| Fact { unix_ms: ny(text), order, ..SALE };
    let shop = facts(vec![on("2025-01-01 12:00", 0), on("2025-01-11 12:00", 1), on("2025-01-16 12:00", 2)]);
    let gaps = seen(&shop, NEW_YORK).behaviour(&[], "2025-02-01").between_orders;
    let json = serde_json::json!({ "count": 2, "sum_days": 15, "median_days": "7.5", "mean_days": "7.50" });
    assert_eq!(serde_json::to_value(gaps).unwrap(), json);
}

#[test]
fn an_order_is_a_refunded_one_also_in_a_night_whose_days_run_backwards() {
    // At 00:01 on 7 November the clocks of St. John's went back to 23:01 of the day before.
    let night = |text: &str| chrono::DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis();
    let first = Fact { unix_ms: night("2010-11-07T00:00:00-02:30"), ..SALE };
    let second = Fact { unix_ms: night("2010-11-06T23:15:00-03:30"), order: 1, ..SALE };
    // Of the second order, but before the first one by day and by instant.
    let refund = Fact { unix_ms: night("2010-11-06T23:00:00-02:30"), kind: Kind::Refund, ..second };
    let shop = facts(vec![first, second, refund]);
    let all = seen(&shop, chrono_tz::America::St_Johns).behaviour(&[], "2010-11-09");
    assert_eq!((all.orders, all.refunded_orders), (2, Share::new(1, 2)));
}
