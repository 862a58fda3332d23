//! What customers are worth and how they behave, by the engine and by the SQL.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::agree::{Agreed, Engine, both, shown};
use super::{Oracle, sql};
use crate::report::*;

/// Cohorts of a period come by time, others by size and then by name.
fn in_sequence(engine: &Engine<'_>, rows: &[(&str, u64)]) -> Agreed {
    let by_time = matches!(engine.audience.group, Some(Group::Period(_)));
    let sorted = rows.is_sorted_by(|(a, more), (b, fewer)| if by_time { a < b } else { (fewer, a) < (more, b) });
    prop_assert!(sorted, "{:?}", rows);
    Ok(())
}

pub(super) fn agree_on_ltv(oracle: &Oracle, engine: &Engine<'_>) -> Agreed {
    let query = engine.ltv_query();
    let answer = ltv(engine.view, engine.shop, &query).unwrap();
    let mut found = BTreeSet::new();
    for (is_total, row) in both(&answer.rows, &answer.total) {
        for cell in row.cells.iter().filter(|cell| cell.customers > 0) {
            let state = serde_json::to_value(cell.state).unwrap();
            let numbers = [engine.money(cell.net), engine.mean(cell.ltv)].map(shown).join(" ");
            let (cohort, horizon, customers, mature) = (&row.cohort, cell.horizon, cell.customers, cell.mature);
            let state = state.as_str().unwrap();
            found.insert(format!("{is_total} {cohort} {horizon} {customers} {mature} {numbers} {state}"));
            members_make_up(engine, &query, &row.cohort, cell)?;
        }
        prop_assert!(row.cells.iter().all(|cell| cell.customers == row.customers));
    }
    let expected = oracle.answer(sql!("ltv"));
    let columns = ["is_total", "cohort", "horizon", "customers", "mature", "net", "ltv", "state"];
    prop_assert_eq!(found, expected.iter().map(|row| row.shown(&columns)).collect::<BTreeSet<_>>());

    in_sequence(engine, &answer.rows.iter().map(|row| (row.cohort.as_str(), row.customers)).collect::<Vec<_>>())?;
    let one = ltv(engine.view, engine.shop, &LtvQuery { limit: Some(1), ..query.clone() }).unwrap();
    prop_assert_eq!(one.rows.first(), answer.rows.first());
    prop_assert_eq!(one.rows.len() as u64 + one.rows_omitted, answer.rows.len() as u64);
    prop_assert!(members(engine.view, engine.shop, &query, "no such", Horizon::ToDate, 0, 1).is_err());
    Ok(())
}

/// Those behind a cell, asked for two by two, are all of them and add up to it.
fn members_make_up(engine: &Engine<'_>, query: &LtvQuery, cohort: &str, cell: &LtvCell) -> Agreed {
    let mut all: Vec<Member> = Vec::new();
    loop {
        let from = all.last().map_or(0, |member| member.customer + 1);
        let page = members(engine.view, engine.shop, query, cohort, cell.horizon, from, 2).unwrap();
        prop_assert!(page.members.len() == 2 || !page.more);
        prop_assert!(page.members.iter().all(|member| member.customer >= from));
        all.extend(page.members);
        if !page.more {
            break;
        }
    }
    prop_assert!(all.is_sorted_by_key(|member| member.customer));
    let mature = || all.iter().filter(|member| member.mature);
    prop_assert_eq!((all.len() as u64, mature().count() as u64), (cell.customers, cell.mature), "{}", cohort);
    if let Some(net) = cell.net {
        let sum: i128 = mature().map(|member| member.net.coefficient).sum();
        prop_assert_eq!(sum, net.coefficient, "{} {}", cohort, cell.horizon);
    }
    for member in &all {
        let first = engine.shop.fact(member.first_entry).unwrap();
        prop_assert_eq!(engine.day_of(&first), member.first_order_day);
    }
    Ok(())
}

pub(super) fn agree_on_behaviour(oracle: &Oracle, engine: &Engine<'_>) -> Agreed {
    let days =
        engine.asked.horizons.iter().filter_map(|h| if let Horizon::Days(days) = h { Some(*days) } else { None });
    let query = CohortsQuery {
        audience: engine.audience.clone(),
        horizons: days.collect(),
        // Nobody in these shops is older.
        periods: 14,
        as_of: engine.as_of.clone(),
        limit: None,
    };
    let answer = cohorts(engine.view, engine.shop, &query).unwrap();
    let rows: Vec<_> = both(&answer.rows, &answer.total).filter(|(_, row)| row.customers > 0).collect();
    in_sequence(engine, &answer.rows.iter().map(|row| (row.cohort.as_str(), row.customers)).collect::<Vec<_>>())?;

    let found = rows.iter().map(|(is_total, row)| {
        let counts = format!("{} {} {}", row.customers, row.orders, row.rebills);
        let sums = [row.refund_rate.of, row.refund_rate.amount].map(|sum| shown(engine.money(Some(sum)))).join(" ");
        let means = [row.aov, row.aov_after_refunds].map(|mean| shown(engine.mean(mean)));
        let rates = [row.refund_rate.share, row.refunded_orders.share].map(|rate| shown(scaled(rate, 4))).join(" ");
        let orders = shown(scaled(row.orders_per_customer, 2));
        let refunded = row.refunded_orders.count;
        format!("{is_total} {} {counts} {sums} {refunded} {} {orders} {rates}", row.cohort, means.join(" "))
    });
    let columns = [
        "is_total",
        "cohort",
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
    let expected = oracle.answer(sql!("cohorts"));
    prop_assert_eq!(found.collect::<BTreeSet<_>>(), expected.iter().map(|row| row.shown(&columns)).collect());

    let cells = rows.iter().flat_map(|(is_total, row)| row.repeat.iter().map(move |cell| (is_total, row, cell)));
    // Cohorts without anybody old enough are not in the SQL's answer.
    let found = cells.filter(|(_, _, cell)| cell.with_rebills.of > 0).map(|(is_total, row, cell)| {
        let RepeatCell { horizon, with_rebills, without_rebills, second_order } = cell;
        assert_eq!((with_rebills.of, with_rebills.count), (without_rebills.of, second_order.count));
        let counts = format!("{} {} {}", with_rebills.of, with_rebills.count, without_rebills.count);
        format!("{is_total} {} {horizon} {counts} {}", row.cohort, length(second_order))
    });
    let columns = [
        "is_total",
        "cohort",
        "horizon",
        "mature",
        "with_rebills",
        "without_rebills",
        "sum_of_gaps",
        "mean",
        "twice_median",
    ];
    let expected = oracle.answer(sql!("repeat"));
    prop_assert_eq!(found.collect::<BTreeSet<_>>(), expected.iter().map(|row| row.shown(&columns)).collect());

    let with_gaps = rows.iter().filter(|(_, row)| row.between_orders.count > 0);
    let found = with_gaps.map(|(is_total, row)| {
        format!("{is_total} {} {} {}", row.cohort, row.between_orders.count, length(&row.between_orders))
    });
    let expected = oracle.answer(sql!("gaps"));
    let columns = ["is_total", "cohort", "gaps", "sum_of_gaps", "mean", "twice_median"];
    prop_assert_eq!(found.collect::<BTreeSet<_>>(), expected.iter().map(|row| row.shown(&columns)).collect());

    let cells = rows.iter().flat_map(|(is_total, row)| row.retention.iter().map(move |cell| (is_total, row, cell)));
    // Periods that nobody of a cohort has lived through are not in the SQL's answer.
    let found = cells.filter(|(_, _, cell)| cell.retained.of > 0).map(|(is_total, row, cell)| {
        format!("{is_total} {} {} {} {}", row.cohort, cell.period, cell.retained.of, cell.retained.count)
    });
    let expected = oracle.answer(sql!("retention"));
    let columns = ["is_total", "cohort", "k", "mature", "retained"];
    prop_assert_eq!(found.collect::<BTreeSet<_>>(), expected.iter().map(|row| row.shown(&columns)).collect());
    Ok(())
}

/// The digits of a figure that must have this many decimals.
fn scaled(figure: Option<Figure>, decimals: u8) -> Option<i128> {
    figure.map(|figure| {
        assert_eq!(figure.decimals, decimals);
        figure.coefficient
    })
}

/// Sum, mean in hundredths and twice the median.
fn length(gaps: &Gaps) -> String {
    // A median has one decimal, which is 0 or 5.
    let twice_median = scaled(gaps.median_days, 1).map(|median| {
        assert_eq!(median % 5, 0);
        median / 5
    });
    format!("{} {} {}", gaps.sum_days, shown(scaled(gaps.mean_days, 2)), shown(twice_median))
}

pub(super) fn agree_on_survival(oracle: &Oracle, engine: &Engine<'_>) -> Agreed {
    let query = SurvivalQuery {
        audience: engine.audience.clone(),
        // No shop has more entries.
        cycles: 48,
        cycle_days: engine.asked.cycle_days,
        grace_days: engine.asked.grace_days,
        as_of: engine.as_of.clone(),
        limit: None,
    };
    let answer = survival(engine.view, engine.shop, &query).unwrap();
    in_sequence(engine, &answer.rows.iter().map(|row| (row.cohort.as_str(), row.customers)).collect::<Vec<_>>())?;
    let expected = oracle.answer(sql!("survival"));
    // Where the numbers are too long for the SQL, it leaves the product open.
    let key = ["is_total", "cohort", "cycle"];
    let open = expected.iter().filter(|row| row.maybe("survival").is_none()).map(|row| row.shown(&key));
    let open = open.collect::<BTreeSet<_>>();
    let mut found = BTreeSet::new();
    for (is_total, row) in both(&answer.rows, &answer.total) {
        for cell in &row.cycles {
            let key = format!("{is_total} {} {}", row.cohort, cell.cycle);
            if cell.charged.of == 0 {
                prop_assert_eq!(cell.survival, None);
                continue;
            }
            prop_assert!(cell.survival.is_some());
            let survival = scaled(cell.survival, 4).filter(|_| !open.contains(&key));
            found.insert(format!("{key} {} {} {}", cell.charged.of, cell.charged.count, shown(survival)));
        }
    }
    let columns = ["is_total", "cohort", "cycle", "at_risk", "reached", "survival"];
    prop_assert_eq!(found, expected.iter().map(|row| row.shown(&columns)).collect::<BTreeSet<_>>());
    Ok(())
}

/// With one cost for each customer, and with what was spent by month.
pub(super) fn agree_on_payback(oracle: &Oracle, engine: &Engine<'_>) -> Agreed {
    payback_agrees(oracle, engine, engine.asked.cost)?;
    oracle.ask("cost", None::<i64>);
    payback_agrees(oracle, engine, None)
}

fn payback_agrees(oracle: &Oracle, engine: &Engine<'_>, cost: Option<i64>) -> Agreed {
    let query = PaybackQuery {
        cost: engine.asked.costs(cost),
        audience: engine.audience.clone(),
        refunds: engine.asked.refunds,
        as_of: engine.as_of.clone(),
        limit: None,
    };
    let answer = payback(engine.view, engine.shop, &query);
    let by_month = engine.audience.group == Some(Group::Period(Period::Month));
    prop_assert_eq!(answer.is_err(), cost.is_none() && !by_month);
    let Ok(answer) = answer else { return Ok(()) };
    in_sequence(engine, &answer.rows.iter().map(|row| (row.cohort.as_str(), row.customers)).collect::<Vec<_>>())?;
    let rows = both(&answer.rows, &answer.total).filter(|(_, row)| row.customers > 0);
    let found = rows.map(|(is_total, row)| {
        let days = [row.last_mature_day, row.first_reached_day, row.paid_back_day].map(shown).join(" ");
        let money = [engine.money(row.cost), engine.mean(row.cac), engine.money(Some(row.net))].map(shown).join(" ");
        format!("{is_total} {} {} {money} {days}", row.cohort, row.customers)
    });
    let expected = oracle.answer(sql!("payback"));
    let columns = [
        "is_total",
        "cohort",
        "customers",
        "cost",
        "cac",
        "net",
        "last_mature_day",
        "first_reached_day",
        "paid_back_day",
    ];
    prop_assert_eq!(found.collect::<BTreeSet<_>>(), expected.iter().map(|row| row.shown(&columns)).collect());
    Ok(())
}
