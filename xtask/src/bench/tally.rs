//! Rows and sums, by which two programs are seen to have read the same.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// Entries and their sum in hundredths, by currency and kind. Every currency of the benchmark has two decimals.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    sums: BTreeMap<(String, String), (u64, i64)>,
}

impl Tally {
    /// Counts one entry.
    pub(crate) fn add(&mut self, currency: &str, kind: &str, hundredths: i64) {
        let sum = self.sums.entry((currency.to_owned(), kind.to_owned())).or_default();
        sum.0 += 1;
        sum.1 += hundredths;
    }

    /// Reads `{"totals": [{"currency", "kind", "entries", "amount"}]}`, the amount as text with two decimals.
    pub(crate) fn read(report: &Value) -> Result<Self> {
        let totals = report["totals"].as_array().context("the report has no list `totals`")?;
        let mut sums = BTreeMap::new();
        for total in totals {
            let one = || {
                let currency = total["currency"].as_str()?;
                let kind = total["kind"].as_str()?;
                let sum = (total["entries"].as_u64()?, hundredths(total["amount"].as_str()?)?);
                Some(((currency.to_owned(), kind.to_owned()), sum))
            };
            let (key, sum) = one().with_context(|| format!("the total is not understood: {total}"))?;
            ensure!(sums.insert(key, sum).is_none(), "a total is given twice: {total}");
        }
        Ok(Self { sums })
    }

    /// Fails with both sides when they differ.
    pub(crate) fn must_equal(&self, other: &Self, whose: &str) -> Result<()> {
        ensure!(self == other, "{whose} has other totals than the file:\n  {other:?}\n  {self:?}");
        Ok(())
    }
}

/// `12.34` in hundredths.
fn hundredths(amount: &str) -> Option<i64> {
    let (whole, decimals) = amount.split_once('.')?;
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if decimals.len() != 2 || !digits(whole) || !digits(decimals) {
        return None;
    }
    format!("{whole}{decimals}").parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_report_equals_what_was_counted() {
        let mut counted = Tally::default();
        counted.add("USD", "sale", 1_250);
        counted.add("USD", "sale", 5);
        counted.add("EUR", "refund", 100);
        let report = json!({"totals": [
            {"currency": "EUR", "kind": "refund", "entries": 1, "amount": "1.00"},
            {"currency": "USD", "kind": "sale", "entries": 2, "amount": "12.55"},
        ]});
        counted.must_equal(&Tally::read(&report).unwrap(), "it").unwrap();
        counted.add("USD", "sale", 0);
        assert!(counted.must_equal(&Tally::read(&report).unwrap(), "it").is_err());
    }

    #[test]
    fn amounts_are_exact() {
        assert_eq!(hundredths("90071992547409.93"), Some(9_007_199_254_740_993));
        for wrong in ["1", "1.0", "1.000", "-1.00", ".10", "1.-1", "1e5.00"] {
            assert_eq!(hundredths(wrong), None, "{wrong}");
        }
    }
}
