//! Answers as cells, by which three programs are seen to have computed the same.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// The horizons of the benchmark, days.
pub(super) const HORIZONS: [u32; 6] = [30, 60, 90, 180, 365, 720];

/// One cohort at one horizon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) customers: u64,
    pub(super) mature: u64,
    /// Cents; none if nobody is mature.
    pub(super) net: Option<i64>,
}

/// All cells, by cohort (`2025-01`) and horizon.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Cells(BTreeMap<(String, u32), Cell>);

impl Cells {
    pub(super) fn insert(&mut self, cohort: String, horizon: u32, cell: Cell) {
        self.0.insert((cohort, horizon), cell);
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Of the daemon's answer.
    pub(super) fn of_answer(answer: &Value) -> Result<Self> {
        let mut cells = Self::default();
        for row in answer["rows"].as_array().context("the answer has no rows")? {
            for cell in row["cells"].as_array().context("a row has no cells")? {
                let one = || {
                    let net = match &cell["net"] {
                        Value::Null => None,
                        net => Some(cents(net.as_str()?)?),
                    };
                    let figures =
                        Cell { customers: cell["customers"].as_u64()?, mature: cell["mature"].as_u64()?, net };
                    Some((row["cohort"].as_str()?.to_owned(), cell["horizon"].as_str()?.parse().ok()?, figures))
                };
                let (cohort, horizon, figures) =
                    one().with_context(|| format!("the cell is not understood: {cell}"))?;
                cells.insert(cohort, horizon, figures);
            }
        }
        Ok(cells)
    }

    /// Of `[cohort, horizon, customers, mature, cents]`.
    pub(super) fn of_rows(rows: &Value) -> Result<Self> {
        let mut cells = Self::default();
        for row in rows.as_array().context("there are no cells")? {
            let one = || {
                let horizon = row[1].as_u64()?.try_into().ok()?;
                let net = if row[4].is_null() { None } else { Some(row[4].as_i64()?) };
                let figures = Cell { customers: row[2].as_u64()?, mature: row[3].as_u64()?, net };
                Some((row[0].as_str()?.to_owned(), horizon, figures))
            };
            let (cohort, horizon, figures) = one().with_context(|| format!("the row is not understood: {row}"))?;
            cells.insert(cohort, horizon, figures);
        }
        Ok(cells)
    }

    /// Fails with the first cell in which the two differ.
    pub(super) fn must_equal(&self, other: &Self, whose: &str) -> Result<()> {
        for key in self.0.keys().chain(other.0.keys()) {
            let (ours, theirs) = (self.0.get(key), other.0.get(key));
            if ours != theirs {
                bail!("{whose} has another {} at {} days:\n  {theirs:?}\n  ltvd: {ours:?}", key.0, key.1);
            }
        }
        Ok(())
    }
}

/// `-12.34` in cents.
fn cents(amount: &str) -> Option<i64> {
    let (sign, digits) = amount.strip_prefix('-').map_or((1, amount), |digits| (-1, digits));
    let (whole, decimals) = digits.split_once('.')?;
    if decimals.len() != 2 {
        return None;
    }
    Some(sign * format!("{whole}{decimals}").parse::<i64>().ok()?)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn answers_of_both_sorts_are_the_same_cells() {
        let answer = json!({"rows": [{"cohort": "2025-01", "cells": [
            {"horizon": "30", "customers": 3, "mature": 2, "net": "-0.05", "ltv": "-0.03"},
            {"horizon": "60", "customers": 3, "mature": 0, "net": null, "ltv": null},
        ]}]});
        let rows = json!([["2025-01", 30, 3, 2, -5], ["2025-01", 60, 3, 0, null]]);
        let cells = Cells::of_answer(&answer).unwrap();
        assert_eq!(cells.len(), 2);
        cells.must_equal(&Cells::of_rows(&rows).unwrap(), "it").unwrap();
        let other = Cells::of_rows(&json!([["2025-01", 30, 3, 2, -5]])).unwrap();
        let difference = cells.must_equal(&other, "it").unwrap_err().to_string();
        assert!(difference.contains("2025-01 at 60 days") && difference.contains("None"), "{difference}");
        assert!(other.must_equal(&cells, "it").is_err());
    }

    #[test]
    fn amounts_are_exact() {
        assert_eq!(cents("12.34"), Some(1_234));
        assert_eq!(cents("-0.50"), Some(-50));
        for wrong in ["1", "1.2", "x.00", "1.000"] {
            assert_eq!(cents(wrong), None, "{wrong}");
        }
    }
}
