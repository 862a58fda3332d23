//! The tree that every body becomes.

use crate::dates;
use crate::fault::Fault;
use crate::money;
use crate::types::Decimal;

/// A value of a body. Forms have texts and maps only.
///
/// Paths are member names and list indexes with dots between them: `order.charges.0.amount`. The empty path is the value
/// itself. For a member whose name holds a dot use [`get`](Value::get).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number, exactly as it was written.
    Number(String),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Value>),
    /// Members in the order received.
    Map(Vec<(String, Value)>),
}

impl Value {
    /// The member of a map with this very name; of several the last.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.entries().iter().rev().find(|(known, _)| known == key).map(|(_, value)| value)
    }

    /// What lies at this path.
    #[must_use]
    pub fn at(&self, path: &str) -> Option<&Value> {
        path.split('.').filter(|key| !key.is_empty()).try_fold(self, |value, key| match value {
            Value::List(items) => items.get(key.parse::<usize>().ok()?),
            value => value.get(key),
        })
    }

    /// The text at this path, trimmed; of a number its digits, of a boolean `true` or `false`. `None` if it is missing,
    /// null or empty.
    #[must_use]
    pub fn text(&self, path: &str) -> Option<&str> {
        let text = match self.at(path)? {
            Value::Text(text) | Value::Number(text) => text.trim(),
            Value::Bool(true) => "true",
            Value::Bool(false) => "false",
            Value::Null | Value::List(_) | Value::Map(_) => "",
        };
        Some(text).filter(|text| !text.is_empty())
    }

    /// As [`text`](Self::text), where nothing works without it.
    ///
    /// # Errors
    /// If there is none.
    pub fn need(&self, path: &str) -> Result<&str, Fault> {
        self.text(path).ok_or_else(|| Fault::at(path, "is missing"))
    }

    /// The whole number at this path. `None` if it is missing or anything else.
    #[must_use]
    pub fn integer(&self, path: &str) -> Option<i64> {
        self.text(path)?.parse().ok()
    }

    /// True for `true`, `1`, `yes`, `y` and `on`.
    #[must_use]
    pub fn flag(&self, path: &str) -> bool {
        let yes = ["true", "1", "yes", "y", "on"];
        self.text(path).is_some_and(|text| yes.iter().any(|yes| text.eq_ignore_ascii_case(yes)))
    }

    /// The amount at this path, written in plain digits with a decimal point: `12.50`. `None` if there is none.
    ///
    /// # Errors
    /// If it is not a number.
    pub fn amount(&self, path: &str) -> Result<Option<Decimal>, Fault> {
        self.text(path).map(money::plain).transpose().map_err(|error| Fault::at(path, error))
    }

    /// As [`amount`](Self::amount), where nothing works without it.
    ///
    /// # Errors
    /// If there is none, or it is not a number.
    pub fn need_amount(&self, path: &str) -> Result<Decimal, Fault> {
        self.amount(path)?.ok_or_else(|| Fault::at(path, "is missing"))
    }

    /// The amount at this path, given as a whole number of hundredths: `1250`. `None` if there is none.
    ///
    /// # Errors
    /// If it is not a whole number.
    pub fn cents(&self, path: &str) -> Result<Option<Decimal>, Fault> {
        let hundredths = |text: &str| {
            let whole =
                text.parse().map_err(|_| Fault::at(path, format!("`{text}` is not a whole number of cents")))?;
            Ok(Decimal::hundredths(whole))
        };
        self.text(path).map(hundredths).transpose()
    }

    /// As [`cents`](Self::cents), where nothing works without it.
    ///
    /// # Errors
    /// If there is none, or it is not a whole number.
    pub fn need_cents(&self, path: &str) -> Result<Decimal, Fault> {
        self.cents(path)?.ok_or_else(|| Fault::at(path, "is missing"))
    }

    /// The word at this path in lower case, with `_` for blanks and dashes: platforms spell their statuses `On-Hold`, `on hold`
    /// and `on_hold`. `None` if there is none.
    #[must_use]
    pub fn word(&self, path: &str) -> Option<String> {
        self.text(path).map(|text| text.to_lowercase().replace([' ', '-'], "_"))
    }

    /// The currency at this path, in upper case. `None` if there is none.
    ///
    /// # Errors
    /// If it is no currency code of ISO 4217.
    pub fn currency(&self, path: &str) -> Result<Option<String>, Fault> {
        let code = |text: &str| {
            let code = text.to_ascii_uppercase();
            let known = money::is_currency(&code);
            known.then_some(code).ok_or_else(|| Fault::at(path, format!("`{text}` is no currency code, such as EUR")))
        };
        self.text(path).map(code).transpose()
    }

    /// The point in time at this path, milliseconds since 1970-01-01T00:00:00Z; what names no zone is UTC. `None` if there is
    /// none.
    ///
    /// # Errors
    /// If it is no date with a time of day.
    pub fn unix_ms(&self, path: &str) -> Result<Option<i64>, Fault> {
        self.text(path).map(dates::utc_ms).transpose().map_err(|error| Fault::at(path, error))
    }

    /// As [`unix_ms`](Self::unix_ms), where nothing works without it.
    ///
    /// # Errors
    /// If there is none, or it is no date with a time of day.
    pub fn need_unix_ms(&self, path: &str) -> Result<i64, Fault> {
        self.unix_ms(path)?.ok_or_else(|| Fault::at(path, "is missing"))
    }

    /// The same tree with null for every text that is one of these words, whatever their case: some platforms write `null` or
    /// `N/A` for nothing, and [`text`](Self::text) and [`need`](Self::need) then skip it.
    #[must_use]
    pub fn without_words(self, words: &[&str]) -> Self {
        match self {
            Value::Text(text) if words.iter().any(|word| text.trim().eq_ignore_ascii_case(word)) => Value::Null,
            Value::List(items) => Value::List(items.into_iter().map(|item| item.without_words(words)).collect()),
            Value::Map(entries) => {
                Value::Map(entries.into_iter().map(|(key, value)| (key, value.without_words(words))).collect())
            }
            value => value,
        }
    }

    /// The list at this path. An answer without its list must never look like an empty one; where a missing list is none, use
    /// [`items`](Self::items).
    ///
    /// # Errors
    /// If there is none.
    pub fn need_list(&self, path: &str) -> Result<&[Value], Fault> {
        match self.at(path) {
            Some(Value::List(items)) => Ok(items),
            _ => Err(if path.is_empty() { Fault::new("is no list") } else { Fault::at(path, "is no list") }),
        }
    }

    /// The items of the list at this path. A map counts as a list if its keys are numbers, as forms write lists. Empty if
    /// there is none.
    #[must_use]
    pub fn items(&self, path: &str) -> Vec<&Value> {
        match self.at(path) {
            Some(Value::List(items)) => items.iter().collect(),
            Some(Value::Map(entries)) if entries.iter().all(|(key, _)| key.bytes().all(|b| b.is_ascii_digit())) => {
                entries.iter().map(|(_, value)| value).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The members of this map; empty for anything else.
    #[must_use]
    pub fn entries(&self) -> &[(String, Value)] {
        if let Value::Map(entries) = self { entries } else { &[] }
    }

    /// As JSON, for the body of a request.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut json = String::new();
        self.write(&mut json);
        json
    }

    fn write(&self, json: &mut String) {
        match self {
            Value::Null => json.push_str("null"),
            Value::Bool(flag) => json.push_str(if *flag { "true" } else { "false" }),
            Value::Number(digits) => json.push_str(digits),
            Value::Text(text) => write_string(text, json),
            Value::List(items) => {
                json.push('[');
                for (index, item) in items.iter().enumerate() {
                    json.push_str(if index > 0 { "," } else { "" });
                    item.write(json);
                }
                json.push(']');
            }
            Value::Map(entries) => {
                json.push('{');
                for (index, (key, value)) in entries.iter().enumerate() {
                    json.push_str(if index > 0 { "," } else { "" });
                    write_string(key, json);
                    json.push(':');
                    value.write(json);
                }
                json.push('}');
            }
        }
    }
}

fn write_string(text: &str, json: &mut String) {
    json.push('"');
    for c in text.chars() {
        match c {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            '\n' => json.push_str("\\n"),
            c if c < ' ' => json.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => json.push(c),
        }
    }
    json.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::form::{self, json};

    #[test]
    fn paths_lead_through_maps_and_lists() {
        let value =
            json(br#"{"a":[{"b":" x "},{"b":null}],"n":12.50,"i":1250,"t":true,"e":"","a.b":1,"i":1251}"#).unwrap();
        assert_eq!(value.text("a.0.b"), Some("x"));
        assert_eq!(value.text("a.1.b"), None);
        assert_eq!(value.text("a.2.b"), None);
        assert_eq!(value.text("a.-1.b"), None);
        assert_eq!(value.text("e"), None);
        assert_eq!(value.text("t"), Some("true"));
        assert_eq!(value.get("a.b"), Some(&Value::Number("1".into())));
        assert_eq!(value.amount("n"), Ok(Some(Decimal::new(125, 1))));
        assert_eq!(value.need_cents("i"), Ok(Decimal::hundredths(1251)));
        assert_eq!(value.cents("n"), Err(Fault::at("n", "`12.50` is not a whole number of cents")));
        assert_eq!(value.need("x.y"), Err(Fault::at("x.y", "is missing")));
        assert!(value.amount("a.0.b").is_err());
        assert!(value.flag("t") && !value.flag("e") && !value.flag("missing"));
        assert_eq!(value.items("n"), Vec::<&Value>::new());
    }

    #[test]
    fn words_for_nothing_are_nothing() {
        let value = form::urlencoded("email=NULL&name= null &order[id]=n/a&note=nullable").unwrap();
        assert_eq!(value.text("email"), Some("NULL"));
        let value = value.without_words(&["null", "n/a"]);
        assert_eq!((value.text("email"), value.text("name"), value.text("order.id")), (None, None, None));
        assert_eq!(value.text("note"), Some("nullable"));
        assert_eq!(value.need("email"), Err(Fault::at("email", "is missing")));
    }

    #[test]
    fn currencies_moments_words_and_lists_say_what_is_wrong_where_they_are_read() {
        let value = json(
            br#"{"c":"usd","d":"dollars","t":"2026-03-01T10:00:00+01:00","u":"2026-03-01 10:00:00","day":"2026-03-01",
            "s":"On-hold now","l":[]}"#,
        )
        .unwrap();
        assert_eq!((value.currency("c"), value.currency("x")), (Ok(Some("USD".into())), Ok(None)));
        assert_eq!(value.currency("d"), Err(Fault::at("d", "`dollars` is no currency code, such as EUR")));
        assert_eq!(value.unix_ms("t"), Ok(Some(1_772_355_600_000)));
        assert_eq!(value.need_unix_ms("u"), Ok(1_772_359_200_000));
        assert!(value.unix_ms("day").is_err() && value.unix_ms("s").is_err());
        assert_eq!(value.need_unix_ms("x"), Err(Fault::at("x", "is missing")));
        assert_eq!(value.word("s").as_deref(), Some("on_hold_now"));
        assert_eq!((value.need_list("l"), value.need_list("x")), (Ok(&[][..]), Err(Fault::at("x", "is no list"))));
    }
}
