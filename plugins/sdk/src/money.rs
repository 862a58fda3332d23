//! Money as exact decimals, from text as platforms write it. Never through binary floating point.

use std::cmp::Ordering;
use std::fmt;

use crate::types::Decimal;

/// Decimals of a [`Decimal`] at most, as the contract says.
pub const SCALE_MAX: u8 = 9;

/// Why a text is no amount of money. Shows the text, cut to 40 characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MoneyError {
    /// There are no digits, or something that does not belong to a number.
    NotANumber(String),
    /// `1,234` may be one thousand or one and a bit.
    Ambiguous(String),
    /// More than about 18 digits, or more than nine decimals.
    TooLong(String),
}

impl fmt::Display for MoneyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MoneyError::NotANumber(text) => write!(f, "`{text}` is not an amount"),
            MoneyError::Ambiguous(text) => {
                write!(f, "`{text}` can be read in two ways: is the mark in it one for decimals or for thousands?")
            }
            MoneyError::TooLong(text) => write!(f, "`{text}` has too many digits"),
        }
    }
}

impl std::error::Error for MoneyError {}

/// Which mark stands before the decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mark {
    /// Found out from the text itself; `1,234` and `1.234` are errors.
    #[default]
    Unknown,
    /// `1,234.50`
    Point,
    /// `1.234,50`
    Comma,
}

fn cut(text: &str) -> String {
    text.chars().take(40).collect()
}

fn power_of_ten(exponent: u8) -> i128 {
    // A scale beyond the contract's nine can only come from a record made by hand; 18 still fits beside any coefficient.
    10i128.pow(u32::from(exponent.min(18)))
}

/// Reads `-?digits(.digits)?`: what the daemon hands over for an amount column, and what JSON numbers look like, the
/// exponent included. No separators, no currency signs.
///
/// # Errors
/// If it is anything else, or too long.
pub fn plain(text: &str) -> Result<Decimal, MoneyError> {
    let not_a_number = || MoneyError::NotANumber(cut(text));
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) if (1..=3).contains(&exponent.trim_start_matches(['+', '-']).len()) => {
            (mantissa, exponent.parse::<i32>().map_err(|_| not_a_number())?)
        }
        Some(_) => return Err(not_a_number()),
        None => (text, 0),
    };
    let (negative, digits) = match mantissa.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, mantissa.strip_prefix('+').unwrap_or(mantissa)),
    };
    let (whole, decimals) = digits.split_once('.').unwrap_or((digits, ""));
    let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || (decimals.is_empty() && digits.contains('.')) || !is_number(whole) || !is_number(decimals) {
        return Err(not_a_number());
    }
    digits_to_decimal(negative, whole, decimals, exponent).ok_or_else(|| MoneyError::TooLong(cut(text)))
}

/// `whole.decimals * 10^exponent`, both parts digits only.
fn digits_to_decimal(negative: bool, whole: &str, decimals: &str, exponent: i32) -> Option<Decimal> {
    // Zeros at the end of the decimals beyond the ninth mean nothing.
    let decimals = match decimals.trim_end_matches('0') {
        short if decimals.len() > usize::from(SCALE_MAX) => short,
        _ => decimals,
    };
    // Nearly every amount. Inside WebAssembly 128 bits cost many times as much as 64.
    if exponent == 0 && whole.len() + decimals.len() <= 18 && decimals.len() <= usize::from(SCALE_MAX) {
        let digits = whole.bytes().chain(decimals.bytes());
        let coefficient = digits.fold(0, |sum: i64, digit| sum * 10 + i64::from(digit - b'0'));
        let coefficient = if negative { -coefficient } else { coefficient };
        return Some(Decimal { coefficient, scale: u8::try_from(decimals.len()).ok()? });
    }
    let mut coefficient = 0i128;
    for digit in whole.bytes().chain(decimals.bytes()) {
        coefficient = coefficient.checked_mul(10)?.checked_add(i128::from(digit - b'0'))?;
    }
    let mut scale = i32::try_from(decimals.len()).ok()? - exponent;
    while scale < 0 && coefficient != 0 {
        coefficient = coefficient.checked_mul(10)?;
        scale += 1;
    }
    while scale > i32::from(SCALE_MAX) && coefficient % 10 == 0 {
        coefficient /= 10;
        scale = if coefficient == 0 { 0 } else { scale - 1 };
    }
    let coefficient = if negative { -coefficient } else { coefficient };
    Some(Decimal { coefficient: i64::try_from(coefficient).ok()?, scale: u8::try_from(scale.max(0)).ok()? })
        .filter(|decimal| decimal.scale <= SCALE_MAX)
}

/// Reads an amount as people and exports write it: `$1,234.50`, `1.234,50 €`, `(5.00)`, `1 234,5`, `EUR 12`, `-3`.
///
/// Brackets and a minus sign on either side make it negative. Spaces and apostrophes group thousands.
///
/// # Errors
/// If there are no digits, if separators do not form groups, or if `mark` is unknown and the text leaves it open.
pub fn parse(text: &str, mark: Mark) -> Result<Decimal, MoneyError> {
    let not_a_number = || MoneyError::NotANumber(cut(text));
    let mut rest = text.trim();
    let mut negative = false;
    if let Some(inner) = rest.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        (negative, rest) = (true, inner.trim());
    }
    let mut signs = 0;
    loop {
        // Currency signs and codes may stand on either side, with the sign before or after them.
        let bare = rest.trim_matches(|c: char| c.is_alphabetic() || c.is_whitespace() || is_currency_sign(c));
        let unsigned = bare.strip_prefix(is_minus).or_else(|| bare.strip_suffix(is_minus));
        match unsigned {
            Some(unsigned) => (rest, signs) = (unsigned, signs + 1),
            None if bare == rest => break,
            None => rest = bare,
        }
    }
    let rest = rest.strip_prefix('+').unwrap_or(rest);
    if signs > 1 || (signs == 1 && negative) {
        return Err(not_a_number());
    }
    negative |= signs == 1;
    let (whole, decimals) = split_decimals(rest, mark).ok_or_else(not_a_number)?;
    let grouped_by_mark = decimals.is_none() && whole.contains(['.', ',']) && whole.matches(['.', ',']).count() == 1;
    if mark == Mark::Unknown && grouped_by_mark && !whole.contains(is_neutral_separator) {
        return Err(MoneyError::Ambiguous(cut(text)));
    }
    let decimals = decimals.unwrap_or("");
    let digits = ungroup(whole).ok_or_else(not_a_number)?;
    if !decimals.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(not_a_number());
    }
    digits_to_decimal(negative, &digits, decimals, 0).ok_or_else(|| MoneyError::TooLong(cut(text)))
}

fn is_minus(c: char) -> bool {
    matches!(c, '-' | '\u{2212}' | '\u{2013}')
}

fn is_currency_sign(c: char) -> bool {
    matches!(c, '$' | '¢' | '£' | '¤' | '¥' | '৳' | '฿' | '₠'..='\u{20cf}' | '﷼' | '＄' | '￡' | '￥')
}

fn is_neutral_separator(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\'' | '\u{2019}')
}

/// Splits at the mark of the decimals, if there is one.
fn split_decimals(text: &str, mark: Mark) -> Option<(&str, Option<&str>)> {
    let at = |separator: char| match text.rsplit_once(separator) {
        Some((whole, decimals)) => (whole, Some(decimals)),
        None => (text, None),
    };
    match mark {
        Mark::Point => Some(at('.')),
        Mark::Comma => Some(at(',')),
        Mark::Unknown => {
            let last = text.rfind(['.', ',']).and_then(|index| text[index..].chars().next());
            let Some(last) = last else { return Some((text, None)) };
            let (whole, decimals) = at(last);
            let decimals = decimals?;
            let other = if last == '.' { ',' } else { '.' };
            let repeated = whole.contains(last);
            let groups_otherwise = whole.contains(other) || whole.contains(is_neutral_separator);
            // Three digits after a single mark, one to three before: a group of thousands as well as decimals.
            let whole_digits = whole.len();
            let may_group = decimals.len() == 3 && (1..=3).contains(&whole_digits) && !whole.starts_with('0');
            match (repeated, groups_otherwise) {
                (true, true) => None,
                (true, false) => Some((text, None)),
                (false, false) if may_group => Some((text, None)),
                (false, _) => Some((whole, Some(decimals))),
            }
        }
    }
}

/// The digits of a whole part whose thousands may be grouped, all by the same separator: the last group has three digits,
/// those before two (as in India) or three, the first one to three.
fn ungroup(whole: &str) -> Option<String> {
    let Some(separator) = whole.chars().find(|c| !c.is_ascii_digit()) else {
        return Some(whole.to_owned()).filter(|digits| !digits.is_empty());
    };
    if !matches!(separator, '.' | ',') && !is_neutral_separator(separator) {
        return None;
    }
    let groups: Vec<&str> = whole.split(separator).collect();
    let (first, rest) = groups.split_first()?;
    let (last, middle) = rest.split_last()?;
    let well_formed = (1..=3).contains(&first.len())
        && last.len() == 3
        && middle.iter().all(|group| (2..=3).contains(&group.len()))
        && groups.iter().all(|group| group.bytes().all(|byte| byte.is_ascii_digit()));
    well_formed.then(|| groups.concat())
}

/// Codes of ISO 4217 that the daemon knows, those of funds, metals and former currencies among them.
const CURRENCIES: &str = "\
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE \
    CHF CHW CLF CLP CNY COP COU CRC CUC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF \
    GTQ GYD HKD HNL HRK HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR \
    LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK \
    PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SLL SOS SRD SSP STN SVC SYP SZL THB TJS TMT \
    TND TOP TRY TTD TWD TZS UAH UGX USD USN UYI UYU UYW UZS VED VES VND VUV WST XAD XAF XAG XAU XBA XBB XBC XBD XCD \
    XCG XDR XOF XPD XPF XPT XSU XTS XUA XXX YER ZAR ZMW ZWG ZWL";

/// True for a code of ISO 4217 in upper case.
#[must_use]
pub fn is_currency(code: &str) -> bool {
    // Each but the last with the blank behind it, and in order.
    let (codes, last) = CURRENCIES.as_bytes().as_chunks::<4>();
    let code = code.as_bytes();
    code == last || code.len() == 3 && codes.binary_search_by(|known| known[..3].cmp(code)).is_ok()
}

/// Decimals of a currency by ISO 4217: 0 for JPY, 3 for KWD, 2 for those not listed here.
#[must_use]
pub fn exponent(currency: &str) -> u8 {
    match currency {
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX" | "UYI" | "VND"
        | "VUV" | "XAF" | "XOF" | "XPF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        "CLF" | "UYW" => 4,
        _ => 2,
    }
}

/// The exact sum.
///
/// # Errors
/// If it does not fit.
pub fn sum(decimals: impl IntoIterator<Item = Decimal>) -> Result<Decimal, MoneyError> {
    decimals.into_iter().try_fold(Decimal::ZERO, Decimal::plus)
}

impl Decimal {
    /// Nothing.
    pub const ZERO: Decimal = Decimal { coefficient: 0, scale: 0 };
    /// One: the usual quantity.
    pub const ONE: Decimal = Decimal { coefficient: 1, scale: 0 };

    /// `coefficient` / 10^`scale`, the scale 0 to 9.
    #[must_use]
    pub const fn new(coefficient: i64, scale: u8) -> Self {
        Decimal { coefficient, scale }
    }

    /// A whole number.
    #[must_use]
    pub const fn whole(number: i64) -> Self {
        Decimal::new(number, 0)
    }

    /// From hundredths, as platforms that count in cents give them for every currency.
    #[must_use]
    pub const fn hundredths(hundredths: i64) -> Self {
        Decimal::new(hundredths, 2)
    }

    /// From the minor units of a currency: 1500 JPY are 1500 yen, 1500 USD are 15 dollars.
    #[must_use]
    pub fn minor(units: i64, currency: &str) -> Self {
        Decimal::new(units, exponent(currency))
    }

    /// The exact sum.
    ///
    /// # Errors
    /// If it does not fit.
    pub fn plus(self, other: Decimal) -> Result<Decimal, MoneyError> {
        if let (true, Some(coefficient)) =
            (self.scale == other.scale && self.scale <= SCALE_MAX, self.coefficient.checked_add(other.coefficient))
        {
            return Ok(Decimal { coefficient, scale: self.scale });
        }
        let scale = self.scale.max(other.scale);
        let aligned = |decimal: Decimal| i128::from(decimal.coefficient) * power_of_ten(scale - decimal.scale);
        Decimal::fit(aligned(self) + aligned(other), scale)
    }

    /// The exact difference.
    ///
    /// # Errors
    /// If it does not fit.
    pub fn minus(self, other: Decimal) -> Result<Decimal, MoneyError> {
        self.plus(other.negated())
    }

    /// The exact product.
    ///
    /// # Errors
    /// If it does not fit.
    pub fn times(self, factor: i64) -> Result<Decimal, MoneyError> {
        Decimal::fit(i128::from(self.coefficient) * i128::from(factor), self.scale)
    }

    /// With the other sign.
    #[must_use]
    pub const fn negated(self) -> Self {
        Decimal::new(self.coefficient.saturating_neg(), self.scale)
    }

    /// Without sign.
    #[must_use]
    pub const fn abs(self) -> Self {
        Decimal::new(self.coefficient.saturating_abs(), self.scale)
    }

    /// True for 0, 0.00 and so on.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.coefficient == 0
    }

    /// True below zero.
    #[must_use]
    pub const fn is_negative(self) -> bool {
        self.coefficient < 0
    }

    /// In hundredths, what is finer cut off.
    pub(crate) fn in_hundredths(self) -> i128 {
        let coefficient = i128::from(self.coefficient);
        match self.scale {
            0 | 1 => coefficient * power_of_ten(2 - self.scale),
            scale => coefficient / power_of_ten(scale - 2),
        }
    }

    fn fit(mut coefficient: i128, mut scale: u8) -> Result<Decimal, MoneyError> {
        loop {
            match i64::try_from(coefficient) {
                Ok(coefficient) => return Ok(Decimal::new(coefficient, scale)),
                Err(_) if scale > 0 && coefficient % 10 == 0 => (coefficient, scale) = (coefficient / 10, scale - 1),
                Err(_) => return Err(MoneyError::TooLong(coefficient.to_string())),
            }
        }
    }
}

impl Ord for Decimal {
    /// By value: 12.5 equals 12.50.
    fn cmp(&self, other: &Self) -> Ordering {
        let scale = self.scale.max(other.scale);
        let aligned = |decimal: &Decimal| i128::from(decimal.coefficient) * power_of_ten(scale - decimal.scale);
        aligned(self).cmp(&aligned(other))
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Decimal {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Decimal {}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.is_negative() { "-" } else { "" };
        let digits = self.coefficient.unsigned_abs().to_string();
        let scale = usize::from(self.scale);
        if scale == 0 {
            return write!(f, "{sign}{digits}");
        }
        let digits = format!("{digits:0>width$}", width = scale + 1);
        let (whole, decimals) = digits.split_at(digits.len() - scale);
        write!(f, "{sign}{whole}.{decimals}")
    }
}

#[cfg(test)]
mod tests;
