//! Numbers as they leave the reports: exact, as text with a fixed number of decimals.

use std::fmt;

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use crate::model::{Currency, div_half_even};

/// An exact decimal number that is shown with all its decimals: `-12.50`. In JSON it is a string, since JSON's numbers
/// are read as binary fractions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figure {
    /// The digits as an integer.
    pub coefficient: i128,
    /// How many of them are decimals.
    pub decimals: u8,
}

/// Decimals of a rate such as a repeat rate.
const RATE_DECIMALS: u8 = 4;

impl Figure {
    /// A sum in the minor units of its currency.
    pub fn money(minor: i64, currency: Currency) -> Self {
        Self { coefficient: i128::from(minor), decimals: currency.exponent() }
    }

    /// The mean of a sum, rounded half to even to the currency's decimals, at least two. `None` if nothing is divided.
    pub fn mean(sum_minor: i64, count: u64, currency: Currency) -> Option<Self> {
        if count == 0 {
            return None;
        }
        let exponent = currency.exponent();
        let decimals = exponent.max(2);
        let scaled = i128::from(sum_minor) * 10_i128.pow(u32::from(decimals - exponent));
        Some(Self { coefficient: div_half_even(scaled, i128::from(count)), decimals })
    }

    /// A quotient with four decimals, rounded half to even. `None` unless the denominator is positive.
    pub fn rate(numerator: i64, denominator: i64) -> Option<Self> {
        Self::ratio(numerator, denominator, RATE_DECIMALS)
    }

    /// A quotient with this many decimals (at most nine), rounded half to even. `None` unless the denominator is positive.
    pub fn ratio(numerator: i64, denominator: i64, decimals: u8) -> Option<Self> {
        let scaled = i128::from(numerator) * 10_i128.pow(u32::from(decimals.min(9)));
        (denominator > 0).then(|| Self { coefficient: div_half_even(scaled, i128::from(denominator)), decimals })
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = usize::from(self.decimals);
        let digits = format!("{:0>width$}", self.coefficient.unsigned_abs(), width = decimals + 1);
        let (whole, part) = digits.split_at(digits.len() - decimals);
        let sign = if self.coefficient < 0 { "-" } else { "" };
        let point = if decimals > 0 { "." } else { "" };
        f.pad(&format!("{sign}{whole}{point}{part}"))
    }
}

impl Serialize for Figure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Writes a currency as its code.
pub(super) fn serialize_currency<S: Serializer>(currency: &Currency, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(currency)
}

/// A part of a whole, with both numbers beside the quotient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Share {
    /// The part.
    pub count: u64,
    /// The whole.
    pub of: u64,
    /// `count / of`, four decimals; `null` if the whole is zero.
    pub share: Option<Figure>,
}

impl Share {
    /// `count` of `of`.
    pub fn new(count: u64, of: u64) -> Self {
        let clamp = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        Self { count, of, share: Figure::rate(clamp(count), clamp(of)) }
    }
}

/// A part of a sum of money, with both sums beside the quotient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct MoneyShare {
    /// The part.
    pub amount: Figure,
    /// The whole.
    pub of: Figure,
    /// `amount / of`, four decimals; `null` if the whole is zero.
    pub share: Option<Figure>,
}

impl MoneyShare {
    /// `part` of `whole`, in minor units.
    pub fn new(part: i64, whole: i64, currency: Currency) -> Self {
        Self {
            amount: Figure::money(part, currency),
            of: Figure::money(whole, currency),
            share: Figure::rate(part, whole),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean(sum: i64, count: u64, code: &str) -> Option<String> {
        Figure::mean(sum, count, code.parse().unwrap()).map(|f| f.to_string())
    }

    #[test]
    fn means_are_rounded_half_to_even() {
        assert_eq!(mean(25_400, 3, "USD").as_deref(), Some("84.67"));
        assert_eq!(mean(1, 2, "USD").as_deref(), Some("0.00"));
        assert_eq!(mean(3, 2, "USD").as_deref(), Some("0.02"));
        assert_eq!(mean(-1, 2, "USD").as_deref(), Some("0.00"));
        assert_eq!(mean(-3, 2, "USD").as_deref(), Some("-0.02"));
        assert_eq!(mean(5, 0, "USD"), None);
    }

    #[test]
    fn means_have_two_decimals_at_least() {
        assert_eq!(mean(1000, 3, "JPY").as_deref(), Some("333.33"));
        assert_eq!(mean(1000, 3, "KWD").as_deref(), Some("0.333"));
    }

    #[test]
    fn extremes_do_not_overflow() {
        assert_eq!(mean(i64::MIN, 1, "JPY").as_deref(), Some("-9223372036854775808.00"));
        assert_eq!(Figure::rate(i64::MAX, 1).unwrap().to_string(), "9223372036854775807.0000");
        assert_eq!(Figure::rate(1, 0), None);
    }
}
