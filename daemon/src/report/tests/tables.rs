//! Tables for people: what their curves show.

use super::shop::{SALE, at, by, facts, query, seen};
use crate::model::{Billing, Zone};
use crate::report::*;

fn utc(text: &str) -> i64 {
    at(text, Zone::UTC)
}

/// The line that holds the one text must end with the other. A gap at its end does not show.
fn ends(table: &str, line: &str, end: &str) {
    let line = table.lines().find(|found| found.contains(line)).unwrap();
    assert!(line.trim_end_matches([' ', '│']).ends_with(end), "{table}");
}

#[test]
fn a_cohort_shows_its_value_by_horizon() {
    let shop = facts(vec![
        Fact { unix_ms: utc("2025-01-01 12:00"), ..SALE },
        Fact { unix_ms: utc("2025-02-15 12:00"), order: 1, billing: Billing::Rebill, ..SALE },
    ]);
    let horizons = [Horizon::Days(30), Horizon::Days(60), Horizon::Days(90), Horizon::Days(900)];
    let table = to_table(&seen(&shop, Zone::UTC).ltv(&query(&horizons, "2025-06-01")));
    // Nobody is old enough for the last one.
    ends(&table, " all ", " ▁██");
}

#[test]
fn revenue_shows_its_course_with_gaps_where_nothing_happened() {
    let shop = facts(vec![
        Fact { unix_ms: utc("2025-01-10 12:00"), ..SALE },
        Fact { unix_ms: utc("2025-04-10 12:00"), order: 1, total: 30_000, ..SALE },
        Fact { unix_ms: utc("2025-05-10 12:00"), order: 2, total: 20_000, ..SALE },
    ]);
    let table = revenue_to_table(&seen(&shop, Zone::UTC).revenue(&by(Period::Month)));
    ends(&table, "2025-01 ", " ▁");
    ends(&table, "2025-04 ", " ▁  █");
    ends(&table, "all ", " ▁  █▅");
}
