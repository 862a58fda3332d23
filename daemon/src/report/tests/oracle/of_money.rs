//! Revenue, what is left out, and what cannot be converted, by the engine and by the SQL.

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use super::super::shop::{by, currency};
use super::agree::{Agreed, Engine, shown};
use super::{Oracle, Row, sql};
use crate::report::*;

const SUMS: [&str; 7] = ["orders", "rebills", "order_revenue", "rebill_revenue", "refunds", "chargebacks", "net"];

fn sums(engine: &Engine<'_>, row: &RevenueRow) -> [i128; 7] {
    let money =
        [row.order_revenue, row.rebill_revenue, row.refunds, row.chargebacks, row.net, row.refunds_and_chargebacks];
    let [orders, rebills, refunds, chargebacks, net, both] = money.map(|sum| engine.money(Some(sum)).unwrap());
    assert_eq!(both, refunds + chargebacks);
    [row.orders.into(), row.rebills.into(), orders, rebills, refunds, chargebacks, net]
}

/// Undivided and divided, over a span of days.
pub(super) fn agree_on_revenue(oracle: &Oracle, engine: &Engine<'_>) -> Agreed {
    let asked = engine.asked;
    let (from, to) = asked.span;
    let whole = RevenueQuery { by: asked.period, split: None, from, to, as_of: Some(engine.as_of.clone()) };
    let answer = |split| revenue(engine.view, engine.shop, engine.options, &RevenueQuery { split, ..whole.clone() });
    if from.zip(to).is_some_and(|(from, to)| from >= to) {
        prop_assert!(answer(None).is_err());
        return Ok(());
    }
    oracle.ask("divided_by", "none");
    let undivided = answer(None).unwrap();
    rows_agree(oracle, engine, &undivided)?;
    let mut total = [0; 7];
    for row in &undivided.rows {
        total.iter_mut().zip(sums(engine, row)).for_each(|(total, sum)| *total += sum);
    }
    prop_assert_eq!(sums(engine, &undivided.total), total);

    oracle.ask("divided_by", asked.divided_by);
    let split = asked.split();
    let divided = answer(split).unwrap();
    rows_agree(oracle, engine, &divided)?;
    // What does not overlap adds up, apart from orders, which count with each product. All but the rows is the same.
    prop_assert_eq!(divided.definition.overlapping, split.is_some_and(By::overlaps));
    if let Some(By::Product | By::Integration | By::Currency) = split {
        let mut parts = [0; 7];
        for row in &divided.rows {
            parts.iter_mut().zip(sums(engine, row)).for_each(|(part, sum)| *part += sum);
        }
        let counted = if split == Some(By::Product) { 2.. } else { 0.. };
        prop_assert_eq!(&parts[counted.clone()], &total[counted]);
    }
    let (definition, rows) = (undivided.definition.clone(), undivided.rows.clone());
    prop_assert_eq!(&RevenueAnswer { definition, rows, ..divided }, &undivided);

    let beyond = oracle.answer(
        "SELECT count(*) AS entries, coalesce(sum(value), 0) AS net FROM events CROSS JOIN question
         WHERE day >= as_of AND day >= coalesce(from_day, day) AND (to_day IS NULL OR day < to_day)",
    );
    let after = &undivided.after_as_of;
    let found = format!("{} {}", after.entries, shown(engine.money(Some(after.net))));
    prop_assert_eq!(found, beyond[0].shown(&["entries", "net"]));
    let nobodys = oracle.answer(
        "SELECT coalesce(sum(is_paid_order), 0) AS orders, coalesce(sum(value), 0) AS net FROM events CROSS JOIN question
         WHERE part_of = 'nobody' AND day < as_of AND day >= coalesce(from_day, day) AND (to_day IS NULL OR day < to_day)",
    );
    let anonymous = &undivided.anonymous;
    let found = format!("{} {}", anonymous.orders, shown(engine.money(Some(anonymous.net))));
    prop_assert_eq!(found, nobodys[0].shown(&["orders", "net"]));
    Ok(())
}

/// Rows in the sequence of time, then by name.
fn rows_agree(oracle: &Oracle, engine: &Engine<'_>, answer: &RevenueAnswer) -> Agreed {
    let found = answer.rows.iter().map(|row| {
        let value = row.value.as_deref().unwrap_or("all");
        format!("{} {value} {}", row.period, sums(engine, row).map(|sum| sum.to_string()).join(" "))
    });
    let columns = [["period", "share_of"].as_slice(), SUMS.as_slice()].concat();
    let expected = oracle.answer(sql!("revenue"));
    prop_assert_eq!(found.collect::<Vec<_>>(), expected.iter().map(|row| row.shown(&columns)).collect::<Vec<_>>());
    Ok(())
}

/// The shop as a whole before the as-of day, and what lifetime value leaves out of it.
pub(super) fn agree_on_totals(oracle: &Oracle, engine: &Engine<'_>) -> Agreed {
    let expected = oracle.answer(sql!("totals"));
    let [expected] = expected.as_slice() else { panic!("{expected:?}") };
    let LtvAnswer { left_out, total, .. } = ltv(engine.view, engine.shop, &engine.ltv_query()).unwrap();
    let all = RevenueQuery { as_of: Some(engine.as_of.clone()), ..by(Period::Month) };
    let all = revenue(engine.view, engine.shop, engine.options, &all).unwrap().total;
    let sums = engine.view.days.sum(i32::MIN, engine.as_of.day);
    let counts = [
        ("customers", total.customers),
        ("orders", all.orders),
        ("rebills", all.rebills),
        ("refunded_orders", sums.refunded_orders),
        ("anonymous_orders", left_out.anonymous.orders),
        ("anonymous_entries", left_out.anonymous.entries),
        ("orphan_entries", left_out.before_first_order.entries),
        ("later_entries", left_out.after_as_of.entries),
        ("free_orders", left_out.free_orders),
    ];
    for (column, found) in counts {
        prop_assert_eq!(found, expected.count(column), "{}", column);
    }
    let money = [
        ("initial", all.order_revenue),
        ("rebill", all.rebill_revenue),
        ("taken_back", all.refunds_and_chargebacks),
        ("net", all.net),
        ("anonymous_net", left_out.anonymous.net),
        ("orphan_net", left_out.before_first_order.net),
        ("later_net", left_out.after_as_of.net),
    ];
    for (column, found) in money {
        prop_assert_eq!(engine.money(Some(found)), Some(expected.int(column).into()), "{}", column);
    }
    Ok(())
}

/// The engine refuses an answer just when the SQL has something to list, and lists the same.
pub(super) fn agree_on_missing_rates(oracle: &Oracle, error: Option<&ReportError>) -> Agreed {
    let expected = oracle.answer(sql!("missing_rates"));
    let day = |row: &Row, column| i32::try_from(row.int(column)).unwrap();
    let expected = expected.iter().map(|row| MissingRate {
        currency: currency(row.text("code")),
        first: day(row, "first"),
        last: day(row, "last"),
        days: row.int("days").try_into().unwrap(),
    });
    let found = match error {
        None => Vec::new(),
        Some(ReportError::MissingRates { missing, .. }) => missing.clone(),
        Some(other) => return Err(TestCaseError::fail(other.to_string())),
    };
    prop_assert_eq!(found, expected.collect::<Vec<_>>());
    Ok(())
}
