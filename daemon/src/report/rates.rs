//! Exchange rates, and exact conversion by them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::str::FromStr;

use schemars::JsonSchema;
use serde::Serialize;

use super::calendar;
use super::error::{MissingRate, ReportError};
use super::figure::{self, Figure};
use crate::limits::report::RATE_AGE_DAYS;
use crate::model::{Currency, Decimal, div_half_even};

/// An exact, positive exchange rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    coefficient: i64,
    scale: u8,
}

/// The text is not an exchange rate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not an exchange rate; write a positive number with a point and at most 18 digits, for example 1.0875"
)]
pub struct BadRate(pub String);

impl FromStr for Rate {
    type Err = BadRate;

    fn from_str(text: &str) -> Result<Self, BadRate> {
        let bad = || BadRate(text.to_owned());
        let trimmed = text.trim();
        let (whole, part) = trimmed.split_once('.').unwrap_or((trimmed, ""));
        let digits = format!("{whole}{part}");
        if digits.is_empty() || digits.len() > 18 || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(bad());
        }
        let coefficient = digits.parse().map_err(|_| bad())?;
        let scale = u8::try_from(part.len()).map_err(|_| bad())?;
        if coefficient == 0 { Err(bad()) } else { Ok(Self { coefficient, scale }) }
    }
}

impl TryFrom<Decimal> for Rate {
    type Error = BadRate;

    fn try_from(rate: Decimal) -> Result<Self, BadRate> {
        if rate.coefficient <= 0 {
            return Err(BadRate(format!("{}e-{}", rate.coefficient, rate.scale)));
        }
        Ok(Self { coefficient: rate.coefficient, scale: rate.scale })
    }
}

impl Rate {
    const ONE: Self = Self { coefficient: 1, scale: 0 };

    fn figure(self) -> Figure {
        Figure { coefficient: i128::from(self.coefficient), decimals: self.scale }
    }
}

/// Rates of one currency.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct CurrencyRates {
    constant: Option<Rate>,
    by_day: BTreeMap<i32, Rate>,
}

/// What one unit of each currency is worth in the base currency, always or by day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rates {
    base: Currency,
    currencies: BTreeMap<Currency, CurrencyRates>,
}

impl Rates {
    /// No rates but that of the base currency to itself.
    pub fn new(base: Currency) -> Self {
        Self { base, currencies: BTreeMap::new() }
    }

    /// The currency that all rates lead to. Reports in another one convert through it.
    pub fn base(&self) -> Currency {
        self.base
    }

    /// One unit of `currency` is worth `rate` units of the base, on days that have no rate of their own.
    pub fn set_constant(&mut self, currency: Currency, rate: Rate) {
        self.currencies.entry(currency).or_default().constant = Some(rate);
    }

    /// One unit of `currency` is worth `rate` units of the base on this day (days since 1970-01-01) and, until the next
    /// rate, up to seven days after it.
    pub fn set(&mut self, currency: Currency, day: i32, rate: Rate) {
        self.currencies.entry(currency).or_default().by_day.insert(day, rate);
    }

    fn find(&self, currency: Currency, day: i32) -> Option<Found> {
        if currency == self.base {
            return Some(Found { rate: Rate::ONE, dated: false });
        }
        let rates = self.currencies.get(&currency)?;
        let dated = rates.by_day.range(..=day).next_back().filter(|(from, _)| day - *from <= RATE_AGE_DAYS);
        match (dated, rates.constant) {
            (Some((_, rate)), _) => Some(Found { rate: *rate, dated: true }),
            (None, Some(rate)) => Some(Found { rate, dated: false }),
            (None, None) => None,
        }
    }
}

#[derive(Clone, Copy)]
struct Found {
    rate: Rate,
    dated: bool,
}

/// Which rates an answer used for one currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RateUsed {
    /// From this currency.
    #[serde(serialize_with = "figure::serialize_currency")]
    #[schemars(with = "super::schema::CurrencyCode")]
    pub currency: Currency,
    /// Into this one.
    #[serde(serialize_with = "figure::serialize_currency")]
    #[schemars(with = "super::schema::CurrencyCode")]
    pub to: Currency,
    /// The constant rate, if it was used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub constant: Option<Figure>,
    /// The days of events that were converted by dated rates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dated: Option<DaysUsed>,
}

/// Days with dated rates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct DaysUsed {
    /// The first.
    #[serde(serialize_with = "calendar::serialize_day")]
    #[schemars(with = "super::schema::Date")]
    pub first: i32,
    /// The last.
    #[serde(serialize_with = "calendar::serialize_day")]
    #[schemars(with = "super::schema::Date")]
    pub last: i32,
    /// How many.
    pub days: usize,
}

/// An exact factor between the minor units of two currencies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Factor {
    numerator: i128,
    denominator: i128,
}

impl Factor {
    pub(super) const ONE: Self = Self { numerator: 1, denominator: 1 };

    /// From minor units of `from` to those of `to`; `None` if the digits do not fit.
    fn new(from: (Currency, Rate), to: (Currency, Rate)) -> Option<Self> {
        let ten = |exponent: u8| 10_i128.checked_pow(u32::from(exponent));
        // Reduced by the common power of ten first, so that long rates do not overflow.
        let up = to.1.scale + to.0.exponent();
        let down = from.1.scale + from.0.exponent();
        let common = up.min(down);
        let numerator = i128::from(from.1.coefficient).checked_mul(ten(up - common)?)?;
        let denominator = i128::from(to.1.coefficient).checked_mul(ten(down - common)?)?;
        let divisor = gcd(numerator, denominator).max(1);
        Some(Self { numerator: numerator / divisor, denominator: denominator / divisor })
    }

    /// Rounded half to even; `None` if the result does not fit.
    pub(super) fn apply(self, minor: i64) -> Option<i64> {
        if minor == 0 || (self.denominator == 1 && self.numerator == 1) {
            return Some(minor);
        }
        let product = i128::from(minor).checked_mul(self.numerator)?;
        // Division of 128 bits is slow, and hardly ever needed.
        if let (Ok(product), Ok(denominator)) = (i64::try_from(product), i64::try_from(self.denominator)) {
            let quotient = product.div_euclid(denominator);
            let rest = product.rem_euclid(denominator);
            let up = rest > denominator - rest || (rest == denominator - rest && quotient % 2 != 0);
            return quotient.checked_add(i64::from(up));
        }
        // Both operands of the doubling inside are below 2^126: see the limit on digits of a rate.
        (self.denominator < i128::MAX / 4).then(|| div_half_even(product, self.denominator))?.try_into().ok()
    }
}

/// The greatest common divisor.
pub(super) fn gcd(mut a: i128, mut b: i128) -> i128 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// Why there is no factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoFactor {
    /// There is no rate; it has been noted.
    Missing,
    /// The digits do not fit.
    TooLarge,
}

/// Converts into one currency, and remembers what it used and what it lacked.
pub(super) struct Converter<'a> {
    rates: &'a Rates,
    to: Currency,
    known: HashMap<(Currency, i32), Result<Factor, NoFactor>>,
    /// What was asked last of each currency: entries come day by day.
    latest: Vec<(Currency, i32, Result<Factor, NoFactor>)>,
    used: BTreeMap<Currency, Used>,
    missing: BTreeMap<Currency, BTreeSet<i32>>,
}

impl<'a> Converter<'a> {
    pub(super) fn new(rates: &'a Rates, to: Currency) -> Self {
        Self { rates, to, known: HashMap::new(), latest: Vec::new(), used: BTreeMap::new(), missing: BTreeMap::new() }
    }

    /// The factor of a currency on a day.
    pub(super) fn factor(&mut self, from: Currency, day: i32) -> Result<Factor, NoFactor> {
        if from == self.to {
            return Ok(Factor::ONE);
        }
        let place = self.latest.iter().position(|(currency, ..)| *currency == from);
        let latest = place.and_then(|place| self.latest.get(place)).filter(|(_, of, _)| *of == day);
        if let Some((_, _, factor)) = latest {
            return *factor;
        }
        let factor = match self.known.get(&(from, day)) {
            Some(known) => *known,
            None => {
                let factor = self.look_up(from, day);
                self.known.insert((from, day), factor);
                factor
            }
        };
        match place.and_then(|place| self.latest.get_mut(place)) {
            Some(latest) => *latest = (from, day, factor),
            None => self.latest.push((from, day, factor)),
        }
        factor
    }

    fn look_up(&mut self, from: Currency, day: i32) -> Result<Factor, NoFactor> {
        let source = self.rates.find(from, day);
        let target = self.rates.find(self.to, day);
        let (Some(source), Some(target)) = (source, target) else {
            for (currency, _) in [(from, source), (self.to, target)].iter().filter(|(_, found)| found.is_none()) {
                self.missing.entry(*currency).or_default().insert(day);
            }
            return Err(NoFactor::Missing);
        };
        for (currency, found) in [(from, source), (self.to, target)] {
            let used = self.used.entry(currency).or_default();
            if found.dated {
                used.days.insert(day);
            } else {
                used.constant = Some(found.rate);
            }
        }
        Factor::new((from, source.rate), (self.to, target.rate)).ok_or(NoFactor::TooLarge)
    }

    /// The rates that were used; an error if any was missing.
    pub(super) fn finish(self) -> Result<RatesSeen, ReportError> {
        let to = self.rates.base;
        if !self.missing.is_empty() {
            let missing = self.missing.iter().filter_map(|(currency, days)| {
                let (first, last) = (*days.first()?, *days.last()?);
                Some(MissingRate { currency: *currency, first, last, days: days.len() })
            });
            return Err(ReportError::MissingRates { to, missing: missing.collect() });
        }
        Ok(RatesSeen(self.used))
    }
}

/// The rates that a view has used.
#[derive(Debug, Clone, Default)]
pub(super) struct RatesSeen(BTreeMap<Currency, Used>);

impl RatesSeen {
    /// Adds those that were used later.
    pub(super) fn merge(&mut self, later: Self) {
        for (currency, used) in later.0 {
            let known = self.0.entry(currency).or_default();
            known.constant = used.constant.or(known.constant);
            known.days.extend(used.days);
        }
    }

    /// As answers tell it.
    pub(super) fn list(&self, to: Currency) -> Vec<RateUsed> {
        let used = self.0.iter().filter(|(currency, _)| **currency != to).map(|(currency, used)| {
            let dated = used.days.first().zip(used.days.last());
            RateUsed {
                currency: *currency,
                to,
                constant: used.constant.map(Rate::figure),
                dated: dated.map(|(first, last)| DaysUsed { first: *first, last: *last, days: used.days.len() }),
            }
        });
        used.collect()
    }
}

#[derive(Debug, Clone, Default)]
struct Used {
    constant: Option<Rate>,
    days: BTreeSet<i32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn currency(code: &str) -> Currency {
        code.parse().unwrap()
    }

    fn rate(text: &str) -> Rate {
        text.parse().unwrap()
    }

    fn convert(rates: &Rates, from: &str, to: &str, day: i32, minor: i64) -> Result<i64, ReportError> {
        let mut converter = Converter::new(rates, currency(to));
        let factor = converter.factor(currency(from), day);
        converter.finish()?;
        Ok(factor.unwrap().apply(minor).unwrap())
    }

    #[test]
    fn conversion_is_exact_and_rounds_half_to_even() {
        let mut rates = Rates::new(currency("USD"));
        rates.set_constant(currency("EUR"), rate("1.10"));
        assert_eq!(convert(&rates, "EUR", "USD", 0, 4000), Ok(4400));
        // 0.05 EUR are 5.5 cents, 0.15 EUR 16.5: both go to the even neighbour.
        assert_eq!(convert(&rates, "EUR", "USD", 0, 5), Ok(6));
        assert_eq!(convert(&rates, "EUR", "USD", 0, 15), Ok(16));
        assert_eq!(convert(&rates, "EUR", "USD", 0, -15), Ok(-16));
        assert_eq!(convert(&rates, "EUR", "USD", 0, i64::MAX / 2), Ok(5_072_854_620_270_126_693));
    }

    #[test]
    fn minor_units_differ_and_rates_may_go_through_the_base() {
        let mut rates = Rates::new(currency("USD"));
        rates.set_constant(currency("JPY"), rate("0.0065"));
        rates.set_constant(currency("EUR"), rate("1.30"));
        assert_eq!(convert(&rates, "JPY", "USD", 0, 1000), Ok(650));
        assert_eq!(convert(&rates, "USD", "JPY", 0, 650), Ok(1000));
        assert_eq!(convert(&rates, "JPY", "EUR", 0, 1000), Ok(500));
        assert_eq!(convert(&rates, "EUR", "EUR", 0, 7), Ok(7));
    }

    #[test]
    fn a_dated_rate_lasts_a_week_and_a_constant_fills_the_gaps() {
        let mut rates = Rates::new(currency("USD"));
        rates.set(currency("EUR"), 100, rate("2"));
        rates.set(currency("EUR"), 103, rate("3"));
        assert_eq!(convert(&rates, "EUR", "USD", 100, 10), Ok(20));
        assert_eq!(convert(&rates, "EUR", "USD", 102, 10), Ok(20));
        assert_eq!(convert(&rates, "EUR", "USD", 110, 10), Ok(30));
        let missing = |day| MissingRate { currency: currency("EUR"), first: day, last: day, days: 1 };
        for day in [99, 111] {
            let error = ReportError::MissingRates { to: currency("USD"), missing: vec![missing(day)] };
            assert_eq!(convert(&rates, "EUR", "USD", day, 10), Err(error));
        }
        rates.set_constant(currency("EUR"), rate("5"));
        assert_eq!(convert(&rates, "EUR", "USD", 99, 10), Ok(50));
    }

    #[test]
    fn all_that_is_missing_is_listed() {
        let rates = Rates::new(currency("USD"));
        let mut converter = Converter::new(&rates, currency("CAD"));
        for (from, day) in [("EUR", 3), ("GBP", 3), ("EUR", 9)] {
            assert_eq!(converter.factor(currency(from), day), Err(NoFactor::Missing));
        }
        let error = converter.finish().unwrap_err().to_string();
        assert!(error.contains("CAD on 2 days from 1970-01-04 to 1970-01-10, EUR on 2 days"), "{error}");
        assert!(error.contains("GBP on 1970-01-04"), "{error}");
    }

    #[test]
    fn rates_are_positive_plain_decimals() {
        for bad in ["", ".", "0", "0.000", "-1", "+1", "1e3", "1,10", "1.1.1", "1234567890123456789", "½"] {
            assert!(bad.parse::<Rate>().is_err(), "{bad}");
        }
        assert_eq!(rate(" 1.10 ").figure().to_string(), "1.10");
        assert_eq!(rate(".5"), rate("0.5"));
    }
}
