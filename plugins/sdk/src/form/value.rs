//! The tree that every body becomes.

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
    use crate::form::json;

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
}
