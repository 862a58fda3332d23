//! Amounts in decimal currency units. SamCart's webhooks and exports never use cents.

use std::fmt;

use ltv_connector::money;

/// How many decimals are kept: more than any currency has.
const SCALE: u32 = 4;

/// An exact amount, in ten-thousandths of the currency unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Money(i64);

impl Money {
    /// Nothing.
    pub(crate) const ZERO: Self = Self(0);

    /// Reads `19.95`, `30`, `-5`, `$1,234.50`, `30.00 USD`: webhooks write amounts as numbers and as people do, always with
    /// a point before the decimals. None if it is no amount, or finer than four decimals.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let amount = money::plain(text).or_else(|_| money::parse(text, money::Mark::Point)).ok()?;
        Self::from_parts(amount.coefficient, amount.scale)
    }

    /// From an exact decimal: `coefficient` divided by ten to the power of `scale`.
    pub(crate) fn from_parts(coefficient: i64, scale: u8) -> Option<Self> {
        let shift = SCALE.checked_sub(u32::from(scale));
        match shift {
            Some(shift) => coefficient.checked_mul(10_i64.pow(shift)).map(Self),
            None => {
                let divisor = 10_i64.checked_pow(u32::from(scale) - SCALE)?;
                (coefficient % divisor == 0).then_some(Self(coefficient / divisor))
            }
        }
    }

    /// Coefficient and scale with two decimals, or as many more as it needs.
    pub(crate) fn parts(self) -> (i64, u8) {
        [(100, 2), (10, 3)]
            .into_iter()
            .find(|(divisor, _)| self.0 % divisor == 0)
            .map_or((self.0, 4), |(divisor, scale)| (self.0 / divisor, scale))
    }

    /// Hundredths of the unit, rounded towards zero: only for ranks.
    pub(crate) fn hundredths(self) -> i64 {
        self.0 / 100
    }

    /// The sum, at most the largest amount that there is.
    pub(crate) fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The difference.
    pub(crate) fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// The amount without its sign.
    pub(crate) fn magnitude(self) -> Self {
        Self(self.0.saturating_abs())
    }

    /// True below zero.
    pub(crate) fn is_negative(self) -> bool {
        self.0 < 0
    }

    /// Shares that add up; what cannot be divided goes to the first.
    pub(crate) fn shares(self, count: usize) -> Vec<Self> {
        let Some(divisor) = i64::try_from(count).ok().filter(|count| *count > 0) else { return Vec::new() };
        let cents = self.0 / 100;
        let share = cents / divisor * 100;
        let mut shares = vec![Self(share); count];
        if let Some(first) = shares.first_mut() {
            first.0 = self.0 - share * (divisor - 1);
        }
        shares
    }
}

impl std::iter::Sum for Money {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Self::plus)
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (coefficient, scale) = self.parts();
        let one = 10_u64.pow(u32::from(scale));
        let sign = if coefficient < 0 { "-" } else { "" };
        let digits = coefficient.unsigned_abs();
        write!(f, "{sign}{}.{:0width$}", digits / one, digits % one, width = usize::from(scale))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(amount: &str) -> Option<String> {
        Money::parse(amount).map(|money| money.to_string())
    }

    #[test]
    fn units_are_units_and_never_cents() {
        assert_eq!(Money::parse("19.95").unwrap().parts(), (1995, 2));
        assert_eq!(Money::parse("1995").unwrap().parts(), (199_500, 2));
        assert_eq!(Money::parse("30").unwrap(), Money::parse("30.00").unwrap());
    }

    #[test]
    fn signs_and_separators_are_understood() {
        for (given, read) in [
            ("$1,234.50", "1234.50"),
            ("1,234,567", "1234567.00"),
            ("-$5.00", "-5.00"),
            ("$-5.00", "-5.00"),
            ("30.00 USD", "30.00"),
            ("1.2345", "1.2345"),
            ("0.100000", "0.10"),
            ("1.995e1", "19.95"),
        ] {
            assert_eq!(text(given).as_deref(), Some(read), "{given}");
        }
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for given in ["", "free", "1,23,4", "1.23456", "--5", "1.2.3", "9223372036854775807", "NaN", "٣"] {
            assert_eq!(text(given), None, "{given}");
        }
    }

    #[test]
    fn shares_add_up() {
        let total = Money::parse("10.00").unwrap();
        let shares = total.shares(3);
        assert_eq!(shares.iter().copied().sum::<Money>(), total);
        assert_eq!(shares[0].to_string(), "3.34");
        assert!(total.shares(0).is_empty());
    }

    #[test]
    fn decimals_of_the_contract_are_converted_exactly() {
        assert_eq!(Money::from_parts(3000, 2).unwrap().to_string(), "30.00");
        assert_eq!(Money::from_parts(1500, 0).unwrap().to_string(), "1500.00");
        assert_eq!(Money::from_parts(1_234_000_000, 9), Money::parse("1.234"));
        assert_eq!(Money::from_parts(1, 9), None);
    }
}
