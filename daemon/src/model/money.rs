//! Exact decimals, currencies and minor units.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An ISO 4217 code that is in use or was.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Currency([u8; 3]);

/// The text is not an ISO 4217 code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a currency code; use three letters of ISO 4217, for example USD, EUR or GBP")]
pub struct UnknownCurrency(pub String);

impl Currency {
    /// The code, upper case.
    pub fn as_str(&self) -> &str {
        // Only ASCII letters get in: see `from_str`.
        std::str::from_utf8(&self.0).unwrap_or("???")
    }

    /// How many decimals its minor unit has: 2 for USD, 0 for JPY, 3 for KWD.
    pub fn exponent(&self) -> u8 {
        iso_currency::Currency::from_code(self.as_str())
            .and_then(|c| c.exponent())
            .and_then(|digits| u8::try_from(digits).ok())
            .unwrap_or(2)
    }
}

impl FromStr for Currency {
    type Err = UnknownCurrency;

    fn from_str(text: &str) -> Result<Self, UnknownCurrency> {
        let upper = text.trim().to_ascii_uppercase();
        match <[u8; 3]>::try_from(upper.as_bytes()) {
            Ok(code) if iso_currency::Currency::from_code(&upper).is_some() => Ok(Self(code)),
            _ => Err(UnknownCurrency(text.to_owned())),
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An exact decimal number: `coefficient` divided by ten to the power of `scale`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Decimal {
    /// The digits as an integer, with the sign.
    pub coefficient: i64,
    /// How many of the digits are decimals, 0 to 9.
    pub scale: u8,
}

impl std::fmt::Display for Decimal {
    /// With all its decimals: `1.50`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = if self.coefficient < 0 { "-" } else { "" };
        let digits = format!("{:0>width$}", self.coefficient.unsigned_abs(), width = usize::from(self.scale) + 1);
        let (whole, decimals) = digits.split_at(digits.len() - usize::from(self.scale));
        let point = if decimals.is_empty() { "" } else { "." };
        write!(f, "{sign}{whole}{point}{decimals}")
    }
}

/// Why a decimal is no sum of money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// More than nine decimals.
    #[error("it has {0} decimals; at most 9 are allowed")]
    Scale(u8),
    /// Too large for 64 bits of minor units.
    #[error("it is too large")]
    TooLarge,
}

impl Decimal {
    /// In minor units of the currency, and whether that took rounding (half to even).
    ///
    /// # Errors
    /// If the scale is over 9 or the result does not fit.
    pub fn to_minor(self, currency: Currency) -> Result<(i64, bool), MoneyError> {
        self.to_minor_of(currency.exponent())
    }

    /// The same for a currency with so many decimals, for who reads many amounts of one currency: to look the number up
    /// takes longer than to compute with it.
    ///
    /// # Errors
    /// As [`Self::to_minor`].
    pub fn to_minor_of(self, exponent: u8) -> Result<(i64, bool), MoneyError> {
        if self.scale > 9 {
            return Err(MoneyError::Scale(self.scale));
        }
        if self.scale == exponent {
            return Ok((self.coefficient, false));
        }
        let (exponent, scale) = (u32::from(exponent), u32::from(self.scale));
        if let Some(finer) = exponent.checked_sub(scale) {
            let factor = 10_i64.checked_pow(finer);
            let minor = factor.and_then(|factor| self.coefficient.checked_mul(factor));
            return minor.map(|minor| (minor, false)).ok_or(MoneyError::TooLarge);
        }
        let coefficient = i128::from(self.coefficient);
        let unit = 10_i128.pow(scale - exponent);
        let minor = div_half_even(coefficient, unit);
        let rounded = coefficient % unit != 0;
        Ok((i64::try_from(minor).map_err(|_| MoneyError::TooLarge)?, rounded))
    }
}

/// `numerator / denominator`, rounded half to even. The denominator is positive.
pub(crate) fn div_half_even(numerator: i128, denominator: i128) -> i128 {
    let quotient = numerator.div_euclid(denominator);
    let twice = numerator.rem_euclid(denominator) * 2;
    let up = twice > denominator || (twice == denominator && quotient % 2 != 0);
    quotient + i128::from(up)
}

/// Minor units as people write them: `-12.50`, without sign of currency or separators.
pub fn format_minor(minor: i64, currency: Currency) -> String {
    let exponent = usize::from(currency.exponent());
    if exponent == 0 {
        return minor.to_string();
    }
    let digits = format!("{:0>width$}", minor.unsigned_abs(), width = exponent + 1);
    let (whole, part) = digits.split_at(digits.len() - exponent);
    format!("{}{whole}.{part}", if minor < 0 { "-" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn currency(code: &str) -> Currency {
        code.parse().unwrap()
    }

    #[test]
    fn minor_units_follow_the_currency() {
        let decimal = Decimal { coefficient: 150_000, scale: 2 };
        assert_eq!(decimal.to_minor(currency("JPY")), Ok((1500, false)));
        assert_eq!(decimal.to_minor(currency("usd")), Ok((150_000, false)));
        assert_eq!(decimal.to_minor(currency("KWD")), Ok((1_500_000, false)));
    }

    #[test]
    fn finer_values_are_rounded_half_to_even() {
        let cents = |coefficient| Decimal { coefficient, scale: 3 }.to_minor(currency("USD")).unwrap();
        assert_eq!(cents(1_005), (100, true));
        assert_eq!(cents(1_015), (102, true));
        assert_eq!(cents(-1_005), (-100, true));
        assert_eq!(cents(1_020), (102, false));
    }

    #[test]
    fn absurd_values_are_errors() {
        assert_eq!(Decimal { coefficient: i64::MAX, scale: 0 }.to_minor(currency("USD")), Err(MoneyError::TooLarge));
        assert_eq!(Decimal { coefficient: 1, scale: 10 }.to_minor(currency("USD")), Err(MoneyError::Scale(10)));
        assert!("XYZ".parse::<Currency>().is_err());
        assert!("€".parse::<Currency>().is_err());
    }

    #[test]
    fn people_read_major_units() {
        assert_eq!(format_minor(-5, currency("USD")), "-0.05");
        assert_eq!(format_minor(123_456, currency("EUR")), "1234.56");
        assert_eq!(format_minor(1500, currency("JPY")), "1500");
        assert_eq!(format_minor(i64::MIN, currency("JPY")), i64::MIN.to_string());
    }
}
