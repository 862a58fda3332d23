//! What parameters take.

use std::fmt::Debug;
use std::str::FromStr as _;

use chrono::NaiveDate;
use serde_json::{Value, json};

use super::given::{Given, empty, nearest};
use super::{Kind, Read};
use crate::api::problem::Problem;
use crate::limits::report::{HORIZON_DAYS, HORIZONS};
use crate::model::{Currency, Decimal, Zone, day_number};
use crate::report::{Horizon, ReportError};

/// One of several words; the default is one of them.
#[derive(Debug)]
pub(crate) struct Words<T: 'static> {
    /// Each with what it stands for.
    pub(crate) words: &'static [(&'static str, T)],
    /// Where the parameter is left out.
    pub(crate) default: &'static str,
}

impl<T: Copy + Debug + Sync> Kind for Words<T> {
    fn schema(&self) -> Value {
        json!({ "type": "string", "enum": self.words(), "default": self.default })
    }

    fn placeholder(&self) -> &'static str {
        "WORD"
    }

    fn words(&self) -> Vec<&'static str> {
        self.words.iter().map(|(word, _)| *word).collect()
    }

    fn default(&self) -> Option<&'static str> {
        Some(self.default)
    }
}

impl<T: Copy + Debug + Sync> Read for Words<T> {
    type Value = T;

    fn read(&self, name: &'static str, given: &mut Given) -> Result<T, Problem> {
        let text = given.one(name)?.unwrap_or_else(|| self.default.to_owned());
        let found = self.words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        found.ok_or_else(|| not_a_word(name, &text, &self.words()))
    }
}

fn not_a_word(name: &str, text: &str, words: &[&str]) -> Problem {
    let near = nearest(text, words).map(|word| format!("; did you mean `{word}`?")).unwrap_or_default();
    Problem::question(format!("`{name}={text}` is not known; use one of {}{near}", words.join(", ")))
}

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// `application/json`
    Json,
    /// `text/csv`
    Csv,
    /// For a terminal.
    Table,
}

impl Format {
    const fn word(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Table => "table",
        }
    }
}

/// The formats that an answer has. Where the parameter is left out, the header `Accept` decides.
#[derive(Debug)]
pub(crate) struct Formats(pub(crate) &'static [Format]);

impl Kind for Formats {
    fn schema(&self) -> Value {
        json!({ "type": "string", "enum": self.words() })
    }

    fn placeholder(&self) -> &'static str {
        "FORMAT"
    }

    fn words(&self) -> Vec<&'static str> {
        self.0.iter().map(|format| format.word()).collect()
    }
}

impl Read for Formats {
    type Value = Option<Format>;

    fn read(&self, name: &'static str, given: &mut Given) -> Result<Option<Format>, Problem> {
        let Some(text) = given.one(name)? else { return Ok(None) };
        let found = self.0.iter().find(|format| format.word() == text).copied();
        found.map(Some).ok_or_else(|| not_a_word(name, &text, &self.words()))
    }
}

/// A calendar day, read as days since 1970-01-01.
#[derive(Debug)]
pub(crate) struct Day;

impl Kind for Day {
    fn schema(&self) -> Value {
        json!({ "type": "string", "format": "date" })
    }

    fn placeholder(&self) -> &'static str {
        "YYYY-MM-DD"
    }
}

impl Read for Day {
    type Value = Option<i32>;

    fn read(&self, name: &'static str, given: &mut Given) -> Result<Option<i32>, Problem> {
        let Some(text) = given.one(name)? else { return Ok(None) };
        let day = NaiveDate::parse_from_str(&text, "%Y-%m-%d").ok();
        // The parser also takes signs, blanks and numbers without leading zeros.
        let day = day.filter(|day| day.to_string() == text).map(day_number);
        day.map(Some).ok_or_else(|| Problem::question(format!("`{name}={text}` is not a day; write it as 2026-10-31")))
    }
}

/// A whole number with a default.
#[derive(Debug)]
pub(crate) struct Integer {
    /// The least.
    pub(crate) min: u64,
    /// The greatest.
    pub(crate) max: u64,
    /// Where the parameter is left out.
    pub(crate) default: u64,
}

impl Kind for Integer {
    fn schema(&self) -> Value {
        json!({ "type": "integer", "minimum": self.min, "maximum": self.max, "default": self.default })
    }

    fn placeholder(&self) -> &'static str {
        "NUMBER"
    }
}

impl Read for Integer {
    type Value = u64;

    fn read(&self, name: &'static str, given: &mut Given) -> Result<u64, Problem> {
        given.one(name)?.map_or(Ok(self.default), |text| integer(name, &text, self.min, self.max))
    }
}

/// The greatest number that every reader of JSON keeps exactly.
const NUMBER_MAX: u64 = (1 << 53) - 1;

/// The number of something, from 1.
#[derive(Debug)]
pub(crate) struct Number;

impl Kind for Number {
    fn schema(&self) -> Value {
        json!({ "type": "integer", "minimum": 1, "maximum": NUMBER_MAX })
    }

    fn placeholder(&self) -> &'static str {
        "NUMBER"
    }
}

impl Read for Number {
    type Value = Option<u64>;

    fn read(&self, name: &'static str, given: &mut Given) -> Result<Option<u64>, Problem> {
        given.one(name)?.map(|text| integer(name, &text, 1, NUMBER_MAX)).transpose()
    }
}

/// A whole number between bounds.
pub(crate) fn integer(name: &str, text: &str, min: u64, max: u64) -> Result<u64, Problem> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit()).then_some(text);
    let number = digits.and_then(|digits| digits.parse().ok()).filter(|number| (min..=max).contains(number));
    number.ok_or_else(|| Problem::question(format!("`{name}={text}` is not a whole number from {min} to {max}")))
}

/// An amount of money that is not negative, in the units that people use: `12.50`.
#[derive(Debug)]
pub(crate) struct Amount;

impl Kind for Amount {
    fn schema(&self) -> Value {
        json!({ "type": "string", "pattern": "^[0-9]{1,9}(\\.[0-9]{1,9})?$" })
    }

    fn placeholder(&self) -> &'static str {
        "AMOUNT"
    }
}

impl Read for Amount {
    type Value = Option<Decimal>;

    fn read(&self, name: &'static str, given: &mut Given) -> Result<Option<Decimal>, Problem> {
        let Some(text) = given.one(name)? else { return Ok(None) };
        let (whole, part) = text.split_once('.').unwrap_or((&text, "0"));
        let is_number = |digits: &str| (1..=9).contains(&digits.len()) && digits.bytes().all(|d| d.is_ascii_digit());
        let coefficient =
            (is_number(whole) && is_number(part)).then(|| format!("{whole}{part}").parse().ok()).flatten();
        let scale = u8::try_from(part.len()).ok();
        coefficient.zip(scale).map(|(coefficient, scale)| Some(Decimal { coefficient, scale })).ok_or_else(|| {
            Problem::question(format!(
                "`{name}={text}` is not an amount; write it as 12.50, at most nine digits before the point"
            ))
        })
    }
}

/// Some text.
#[derive(Debug)]
pub(crate) struct Text;

impl Kind for Text {
    fn schema(&self) -> Value {
        json!({ "type": "string", "minLength": 1, "pattern": "\\S" })
    }

    fn placeholder(&self) -> &'static str {
        "NAME"
    }
}

impl Read for Text {
    type Value = Option<String>;

    fn read(&self, name: &'static str, given: &mut Given) -> Result<Option<String>, Problem> {
        given.one(name)
    }
}

/// Some texts: the parameter may be repeated.
#[derive(Debug)]
pub(crate) struct Texts {
    /// How often it may be given.
    pub(crate) times_max: usize,
}

impl Kind for Texts {
    fn schema(&self) -> Value {
        Text.schema()
    }

    fn placeholder(&self) -> &'static str {
        Text.placeholder()
    }

    fn times_max(&self) -> Option<usize> {
        Some(self.times_max)
    }
}

impl Read for Texts {
    type Value = Vec<String>;

    fn read(&self, name: &'static str, given: &mut Given) -> Result<Vec<String>, Problem> {
        let found = given.all(name);
        if found.len() > self.times_max {
            return Err(too_often(name, found.len(), self.times_max));
        }
        if found.iter().any(|text| text.trim().is_empty()) { Err(empty(name)) } else { Ok(found) }
    }
}

fn too_often(name: &str, given: usize, max: usize) -> Problem {
    Problem::question(format!("`{name}` has {given} values; at most {max} are taken"))
}

/// Horizons, separated by commas or repeated.
#[derive(Debug)]
pub(crate) struct Horizons {
    /// Days of a question that names none.
    pub(crate) default: &'static [u32],
}

impl Kind for Horizons {
    fn schema(&self) -> Value {
        json!({ "anyOf": [
            { "type": "integer", "minimum": 1, "maximum": HORIZON_DAYS },
            { "type": "string", "enum": ["first_order", "to_date"] },
        ] })
    }

    fn placeholder(&self) -> &'static str {
        "DAYS"
    }

    fn times_max(&self) -> Option<usize> {
        Some(HORIZONS)
    }
}

impl Read for Horizons {
    type Value = Vec<Horizon>;

    fn read(&self, name: &'static str, given: &mut Given) -> Result<Vec<Horizon>, Problem> {
        let given = given.all(name);
        if given.is_empty() {
            return Ok(self.default.iter().copied().map(Horizon::Days).collect());
        }
        let texts: Vec<&str> = given.iter().flat_map(|text| text.split(',')).map(str::trim).collect();
        if texts.len() > HORIZONS {
            return Err(too_often(name, texts.len(), HORIZONS));
        }
        Ok(texts.into_iter().map(str::parse).collect::<Result<_, ReportError>>()?)
    }
}

/// A currency.
#[derive(Debug)]
pub(crate) struct CurrencyCode;

impl Kind for CurrencyCode {
    fn schema(&self) -> Value {
        json!({ "$ref": "#/components/schemas/CurrencyCode" })
    }

    fn placeholder(&self) -> &'static str {
        "CODE"
    }
}

impl Read for CurrencyCode {
    type Value = Option<Currency>;

    fn read(&self, name: &'static str, given: &mut Given) -> Result<Option<Currency>, Problem> {
        let Some(text) = given.one(name)? else { return Ok(None) };
        let currency = Currency::from_str(&text);
        currency.map(Some).map_err(|error| Problem::question(format!("`{name}={text}`: {error}")))
    }
}

/// A time zone of the IANA database.
#[derive(Debug)]
pub(crate) struct ZoneName;

impl Kind for ZoneName {
    fn schema(&self) -> Value {
        json!({ "$ref": "#/components/schemas/ZoneName" })
    }

    fn placeholder(&self) -> &'static str {
        "ZONE"
    }
}

impl Read for ZoneName {
    type Value = Option<Zone>;

    fn read(&self, name: &'static str, given: &mut Given) -> Result<Option<Zone>, Problem> {
        let Some(text) = given.one(name)? else { return Ok(None) };
        text.parse().map(Some).map_err(|_| {
            Problem::question(format!(
                "`{name}={text}` is not a time zone; use a name of the IANA database, for example Europe/Berlin"
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read<R: Read>(kind: &R, query: &str) -> Result<R::Value, String> {
        kind.read("x", &mut Given::new("/", Some(query)).unwrap()).map_err(|problem| problem.detail)
    }

    #[test]
    fn days_are_written_in_one_way() {
        assert_eq!(read(&Day, "x=1970-02-01"), Ok(Some(31)));
        for text in ["1970-2-1", "%2B1970-02-01", "1970-02-01+", "1970-02-30", "19700201", "12026-01-01"] {
            assert!(read(&Day, &format!("x={text}")).unwrap_err().contains("is not a day"), "{text}");
        }
    }

    #[test]
    fn horizons_are_separated_or_repeated() {
        let kind = Horizons { default: &[30] };
        assert_eq!(read(&kind, ""), Ok(vec![Horizon::Days(30)]));
        let expected = vec![Horizon::Days(7), Horizon::FirstOrder, Horizon::ToDate];
        assert_eq!(read(&kind, "x=7,first_order&x=to_date"), Ok(expected));
        assert!(read(&kind, "x=0").unwrap_err().starts_with("`0` is not a horizon"));
        let many = vec!["1"; HORIZONS + 1].join(",");
        assert_eq!(read(&kind, &format!("x={many}")).unwrap_err(), "`x` has 65 values; at most 64 are taken");
    }

    #[test]
    fn amounts_are_exact() {
        let of = |coefficient, scale| Ok(Some(Decimal { coefficient, scale }));
        assert_eq!(read(&Amount, "x=12.50"), of(1250, 2));
        assert_eq!(read(&Amount, "x=7"), of(70, 1));
        for text in ["-1", "1.", ".5", "1,5", "1e3", "1234567890", "1.0000000000", "%2B1"] {
            assert!(read(&Amount, &format!("x={text}")).unwrap_err().contains("is not an amount"), "{text}");
        }
    }

    #[test]
    fn texts_may_be_repeated_so_often() {
        let kind = Texts { times_max: 2 };
        assert_eq!(read(&kind, "x=a&x=b"), Ok(vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(read(&kind, "x=a&x="), Err("`x` is empty; leave it out or give it a value".to_owned()));
        assert!(read(&kind, "x=a&x=b&x=c").unwrap_err().contains("at most 2"));
    }

    #[test]
    fn zones_and_currencies_are_looked_up() {
        assert_eq!(read(&ZoneName, "x=Europe%2FBerlin"), Ok(Some(Zone::Europe__Berlin)));
        assert!(read(&ZoneName, "x=Mars").unwrap_err().contains("is not a time zone"));
        assert_eq!(read(&CurrencyCode, "x=EUR").unwrap().unwrap().as_str(), "EUR");
        assert!(read(&CurrencyCode, "x=ABC").unwrap_err().contains("is not a currency code"));
    }

    proptest! {
        /// Whatever is given is taken or refused with a reason that names the parameter or the value.
        #[test]
        fn nothing_given_is_met_without_a_word(text in ".{0,40}") {
            let query = format!("x={}", crate::redact::percent(&text));
            let told = [
                read(&Day, &query).err(),
                read(&Amount, &query).err(),
                read(&Integer { min: 1, max: 9, default: 1 }, &query).err(),
                read(&Horizons { default: &[] }, &query).err(),
                read(&ZoneName, &query).err(),
                read(&CurrencyCode, &query).err(),
            ];
            for told in told.into_iter().flatten() {
                prop_assert!(told.contains("`x") || told.contains('`'), "{}", told);
            }
        }
    }
}
