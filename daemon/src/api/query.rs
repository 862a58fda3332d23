//! Parameters of a question. One that is not known is an error: a typo must not widen an answer.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::str::FromStr;

use chrono::NaiveDate;

use crate::model::day_number;

use super::problem::Problem;

/// The parameters of one request, taken out one by one.
#[derive(Debug)]
pub(super) struct Parameters {
    left: Vec<(String, String)>,
    asked_for: BTreeSet<&'static str>,
}

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// `application/json`
    Json,
    /// `text/csv`
    Csv,
    /// For a terminal.
    Table,
}

impl Parameters {
    /// Of the query of an address.
    ///
    /// # Errors
    /// If it is not encoded as queries are.
    pub(super) fn new(query: Option<&str>) -> Result<Self, Problem> {
        let uri = format!("/?{}", query.unwrap_or_default());
        let uri = uri.parse().map_err(|_| Problem::question("the query is not encoded as a query should be"))?;
        let axum::extract::Query(left) = axum::extract::Query::try_from_uri(&uri)
            .map_err(|error| Problem::question(format!("the query cannot be read: {error}")))?;
        Ok(Self { left, asked_for: BTreeSet::new() })
    }

    /// All values of a parameter that may be repeated.
    pub(super) fn all(&mut self, name: &'static str) -> Vec<String> {
        self.asked_for.insert(name);
        let (found, left) = std::mem::take(&mut self.left).into_iter().partition(|(known, _)| known == name);
        self.left = left;
        let found: Vec<(String, String)> = found;
        found.into_iter().map(|(_, value)| value).collect()
    }

    /// The value of a parameter that may be given once.
    ///
    /// # Errors
    /// If it is given twice, or empty.
    pub(super) fn one(&mut self, name: &'static str) -> Result<Option<String>, Problem> {
        let mut found = self.all(name);
        if found.len() > 1 {
            return Err(Problem::question(format!("`{name}` is given {} times; give it once", found.len())));
        }
        match found.pop() {
            Some(value) if value.trim().is_empty() => {
                Err(Problem::question(format!("`{name}` is empty; leave it out or give it a value")))
            }
            value => Ok(value),
        }
    }

    /// A parsed value.
    ///
    /// # Errors
    /// If it does not parse.
    pub(super) fn parsed<T: FromStr<Err: Display>>(&mut self, name: &'static str) -> Result<Option<T>, Problem> {
        self.one(name)?
            .map(|text| text.parse().map_err(|error| Problem::question(format!("`{name}={text}`: {error}"))))
            .transpose()
    }

    /// One of several words.
    ///
    /// # Errors
    /// If it is another word.
    pub(super) fn choice<T: Copy>(&mut self, name: &'static str, choices: &[(&str, T)]) -> Result<Option<T>, Problem> {
        let Some(text) = self.one(name)? else { return Ok(None) };
        let found = choices.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
        found.map(Some).ok_or_else(|| {
            let near = nearest(&text, &words).map(|word| format!("; did you mean `{word}`?")).unwrap_or_default();
            Problem::question(format!("`{name}={text}` is not known; use one of {}{near}", words.join(", ")))
        })
    }

    /// A calendar day, as days since 1970-01-01.
    ///
    /// # Errors
    /// If it is none.
    pub(super) fn day(&mut self, name: &'static str) -> Result<Option<i32>, Problem> {
        let Some(text) = self.one(name)? else { return Ok(None) };
        let day = NaiveDate::parse_from_str(&text, "%Y-%m-%d");
        day.map(|day| Some(day_number(day)))
            .map_err(|_| Problem::question(format!("`{name}={text}` is not a day; write it as 2026-10-31")))
    }

    /// How the answer is to be written.
    ///
    /// # Errors
    /// If it is another format.
    pub(super) fn format(&mut self, accept: Option<&str>) -> Result<Format, Problem> {
        let choices = [("json", Format::Json), ("csv", Format::Csv), ("table", Format::Table)];
        let by_header = if accept.is_some_and(|accept| accept.trim_start().starts_with("text/csv")) {
            Format::Csv
        } else {
            Format::Json
        };
        Ok(self.choice("format", &choices)?.unwrap_or(by_header))
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// If a parameter is left that nobody asked for.
    pub(super) fn done(self) -> Result<(), Problem> {
        let Some((name, _)) = self.left.first() else { return Ok(()) };
        let known: Vec<&str> = self.asked_for.iter().copied().collect();
        let near = nearest(name, &known).map_or(".".to_owned(), |near| format!("; did you mean `{near}`?"));
        Err(Problem::question(format!(
            "there is no parameter `{name}`{near} This address takes {}",
            if known.is_empty() { "none".to_owned() } else { known.join(", ") }
        )))
    }
}

fn nearest<'a>(text: &str, words: &[&'a str]) -> Option<&'a str> {
    let rated = words.iter().map(|word| (strsim::jaro_winkler(text, word), *word));
    rated.filter(|(score, _)| *score > 0.8).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, word)| word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_parameters_are_errors_with_advice() {
        let mut parameters = Parameters::new(Some("horizon=30")).unwrap();
        parameters.one("horizons").unwrap();
        parameters.one("group").unwrap();
        let problem = parameters.done().unwrap_err();
        assert_eq!(
            problem.detail,
            "there is no parameter `horizon`; did you mean `horizons`? This address takes group, horizons"
        );
    }

    #[test]
    fn values_are_decoded_and_checked() {
        let mut parameters = Parameters::new(Some("timezone=Europe%2FBerlin&as_of=2025-13-01&a=1&a=2&b=")).unwrap();
        assert_eq!(parameters.one("timezone").unwrap().as_deref(), Some("Europe/Berlin"));
        assert!(parameters.day("as_of").unwrap_err().detail.contains("`as_of=2025-13-01` is not a day"));
        assert!(parameters.one("a").unwrap_err().detail.contains("2 times"));
        assert!(parameters.one("b").unwrap_err().detail.contains("is empty"));
        assert!(parameters.done().is_ok());
    }
}
