//! Signs and codes of currencies beside amounts: `€`, `USD`. They decide nothing, but people are told when they disagree.

use std::collections::BTreeSet;

use super::cells::plain_text;
use super::recognise::Recognised;
use super::records::Records;
use crate::model::Currency;
use crate::model::manifest::ColumnContent;

/// Rows looked at: an export is written in one way from its start.
const ROWS: u64 = 1_000;
/// Different marks that are remembered.
const MARKS: usize = 8;

/// The marks found so far.
#[derive(Debug, Default)]
pub(super) struct CurrencyMarks {
    rows: u64,
    found: BTreeSet<String>,
}

impl CurrencyMarks {
    pub(super) fn look(&mut self, record: &Records<'_>, recognised: &Recognised) {
        if self.rows >= ROWS {
            return;
        }
        self.rows += 1;
        for column in &recognised.columns {
            let Some(source) = column.source.filter(|_| column.content == ColumnContent::Amount) else { continue };
            let Ok(text) = std::str::from_utf8(plain_text(record.cell(source))) else { continue };
            let mark: String =
                text.chars().filter(|letter| letter.is_alphabetic() || "$€£¥₹₩₽₺₪฿₫₴".contains(*letter)).collect();
            if !mark.is_empty() && self.found.len() < MARKS {
                self.found.insert(mark.to_uppercase());
            }
        }
    }

    pub(super) fn finish(self) -> Vec<String> {
        self.found.into_iter().collect()
    }
}

/// True if the mark cannot stand for the currency. A sign that several currencies use, or an unknown one, disagrees with
/// none of them.
pub fn disagrees(mark: &str, currency: Currency) -> bool {
    let code = currency.as_str();
    match mark {
        "€" => code != "EUR",
        "£" => !matches!(code, "GBP" | "EGP" | "GIP" | "SHP" | "FKP" | "LBP" | "SYP" | "SDG"),
        "¥" => !matches!(code, "JPY" | "CNY"),
        "₹" => code != "INR",
        "₩" => !matches!(code, "KRW" | "KPW"),
        "$" => matches!(code, "EUR" | "GBP" | "JPY" | "CNY" | "CHF" | "INR" | "KRW" | "SEK" | "NOK" | "DKK" | "PLN"),
        _ => mark.parse::<Currency>().is_ok_and(|marked| marked != currency),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_cannot_be_meant_disagrees() {
        let currency = |code: &str| -> Currency { code.parse().unwrap() };
        assert!(disagrees("€", currency("USD")));
        assert!(!disagrees("$", currency("CAD")));
        assert!(disagrees("$", currency("EUR")));
        assert!(disagrees("GBP", currency("USD")));
        assert!(!disagrees("KR", currency("SEK")));
        assert!(!disagrees("USD", currency("USD")));
    }
}
