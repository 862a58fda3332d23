//! What an answer means. HTTP 200 is the status of nearly everything, refusals included \[C\].

use ltv_connector::form::FormError;
use ltv_connector::prelude::*;

use crate::words::{self, Refusal};

/// Characters of a page that is no answer which are shown.
const PAGE_CHARS: usize = 100;

/// A page of rows.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) rows: Vec<Value>,
    /// `totalResults`: how many rows there are in all. May be wrong \[C\].
    pub(crate) announced: Option<u64>,
}

/// What an answer means.
#[derive(Debug)]
pub(crate) enum Answer {
    Rows(Page),
    /// Success: nothing lies in the window.
    Empty,
    /// Nobody is let in. Never asked again. The text is for the operator.
    Refused(String),
    /// May be over by the next time. The text is for the operator.
    Passing(String),
    /// More than can be read at once.
    TooMuch(String),
}

/// Reads an answer. The order of the questions matters: a refusal may be worded like an empty window, and read as one it
/// would make a green, silently empty sync.
pub(crate) fn read(response: &Response) -> Answer {
    let body = response.body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&response.body);
    let envelope = match form::json(body) {
        Ok(envelope) => envelope,
        Err(error @ FormError::TooMany) => return Answer::TooMuch(error.to_string()),
        Err(error) => return foreign(response, &error),
    };
    let Some(result) = envelope.text("result").map(str::to_ascii_uppercase) else {
        return without_result(response, &envelope);
    };
    let message = member(envelope, "message").unwrap_or(Value::Null);
    if result == "SUCCESS" && response.is_success() {
        return rows(message);
    }
    let said = texts(&message);
    let shown = words::shown(&said);
    if result == "ERROR" {
        if let Some(why) = words::refusal(&said) {
            return Answer::Refused(words::advice(&said, why));
        }
        if words::is_empty(&said) && response.is_success() {
            return Answer::Empty;
        }
    }
    match response.status {
        401 => Answer::Refused(words::advice(&said, Refusal::Login)),
        403 => Answer::Refused(words::advice(&said, Refusal::Permission)),
        status => Answer::Passing(format!("the platform answered with an error (HTTP {status}): \"{shown}\"")),
    }
}

/// Moves a member out of a map.
fn member(map: Value, name: &str) -> Option<Value> {
    let Value::Map(members) = map else { return None };
    members.into_iter().rev().find(|(known, _)| known == name).map(|(_, value)| value)
}

/// `message.data`, or the message itself where it is the array.
fn rows(message: Value) -> Answer {
    let announced = message.text("totalResults").and_then(|total| total.parse().ok());
    let said = || {
        Answer::Passing(format!("the platform answered SUCCESS without data: \"{}\"", words::shown(&texts(&message))))
    };
    let rows = match (message.get("data"), &message) {
        (None, Value::List(_)) => message,
        (None, Value::Text(text)) if words::is_empty(text) && words::refusal(text).is_none() => return Answer::Empty,
        (None | Some(Value::Null), _) if announced == Some(0) => return Answer::Empty,
        (None, _) => return said(),
        (Some(_), _) => member(message, "data").unwrap_or(Value::Null),
    };
    let rows = match rows {
        Value::List(rows) => rows,
        // Keyed by id in place of an array.
        Value::Map(rows) => rows.into_iter().map(|(_, row)| row).collect(),
        _ => return Answer::Passing("the platform answered SUCCESS, but its data are no list".into()),
    };
    Answer::Rows(Page { rows, announced })
}

/// JSON, but not an answer of this API.
fn without_result(response: &Response, envelope: &Value) -> Answer {
    let said = texts(envelope);
    if response.status == 401 {
        return Answer::Refused(words::advice(&said, Refusal::Login));
    }
    if response.status == 403 {
        return Answer::Refused(words::advice(&said, words::refusal(&said).unwrap_or(Refusal::Permission)));
    }
    let said = words::shown(&said);
    Answer::Passing(format!(
        "the answer is not one of this API: it has no `result` (HTTP {}): \"{said}\"",
        response.status
    ))
}

/// Not JSON at all.
fn foreign(response: &Response, error: &FormError) -> Answer {
    let status = response.status;
    if status == 401 {
        return Answer::Refused(words::advice("HTTP 401", Refusal::Login));
    }
    let kind =
        response.header("content-type").unwrap_or("no content type").split(';').next().unwrap_or_default().trim();
    if kind.contains("json") && response.is_success() {
        return Answer::Passing(format!("the answer cannot be read (HTTP {status}): {error}"));
    }
    let text = words::shown(&String::from_utf8_lossy(&response.body));
    let text: String = text.chars().take(PAGE_CHARS).collect();
    let who = match status {
        300..=399 | 404 | 405 | 410 => {
            "there is no API at this address: compare `api_url` with the account's documentation"
        }
        429 => "the platform asks for fewer requests",
        500..=599 => "the platform does not work at the moment",
        _ => "a firewall or a maintenance page answered instead of the platform",
    };
    Answer::Passing(format!("{who} (HTTP {status}, {kind}): \"{text}\""))
}

/// All texts of a message, which may be one text or one for each field.
fn texts(message: &Value) -> String {
    fn gather(value: &Value, texts: &mut Vec<String>) {
        match value {
            Value::List(items) => items.iter().for_each(|item| gather(item, texts)),
            Value::Map(entries) => entries.iter().for_each(|(_, value)| gather(value, texts)),
            value => texts.extend(value.text("").map(str::to_owned)),
        }
    }
    let mut all = Vec::new();
    gather(message, &mut all);
    all.join("; ")
}
