//! `ltvd delivery`: what arrived, as it was kept.

use serde_json::{Map, Value};

use super::call::Call;
use super::client::Client;
use super::failure::Failure;
use super::output::{self, cell};
use crate::limits::api::PAGE_ROWS_MAX;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Its number: `ltvd customer` tells it for each entry
    delivery: u64,
    /// The bytes as they came, and nothing else
    #[arg(long, conflicts_with = "json")]
    raw: bool,
    /// With --raw: the answer to this request to the platform, by its number
    #[arg(long, value_name = "NUMBER", requires = "raw")]
    exchange: Option<u64>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn delivery(client: Client, args: Args) -> Result<(), Failure> {
    let number = args.delivery.to_string();
    if args.raw {
        let call = Call::get(&["v1", "deliveries", &number, "body"]).with("exchange", args.exchange);
        return client.write(call).await;
    }
    show(&client, args.delivery, args.json).await?;
    if args.json {
        return Ok(());
    }
    let mut cursor: Option<String> = None;
    loop {
        let call = Call::get(&["v1", "deliveries", &number, "exchanges"])
            .with("limit", Some(PAGE_ROWS_MAX))
            .with("cursor", cursor.as_ref());
        let answer = client.json(call).await?;
        let rows = answer.get("exchanges").and_then(Value::as_array).into_iter().flatten();
        output::write(rows.map(exchange).collect::<String>().as_bytes())?;
        match answer.get("next").and_then(Value::as_str) {
            Some(next) => cursor = Some(next.to_owned()),
            None => return Ok(()),
        }
    }
}

/// One line: what was asked, and what came.
fn exchange(row: &Value) -> String {
    let came = row.get("came").cloned().unwrap_or_default();
    let came = match came.get("outcome").and_then(Value::as_str) {
        Some("response") => format!("status {}", cell(&came, "status")),
        Some("too_large") => format!("more than {} bytes", cell(&came, "bytes")),
        Some(outcome) if came.get("reason").is_some() => format!("{outcome}: {}", cell(&came, "reason")),
        outcome => outcome.unwrap_or("?").to_owned(),
    };
    let line = format!("{}. {} -> {came}", cell(row, "exchange"), cell(row, "request"));
    format!("{}\n", output::plain(&line))
}

/// Prints a delivery with all that is known of it, or a JSON object.
pub(super) async fn show(client: &Client, delivery: u64, json: bool) -> Result<(), Failure> {
    let mut answer = client.json(Call::get(&["v1", "deliveries", &delivery.to_string()])).await?;
    if json {
        return output::print_json(&answer);
    }
    // The body is shown as it came, below everything else.
    let body = answer
        .pointer_mut("/what/body")
        .map(Value::take)
        .and_then(|body| body.get("text").and_then(Value::as_str).map(str::to_owned))
        .unwrap_or_default();
    output::print(&format!("{}\n{}", facts(&answer), output::plain_lines(&body)))
}

/// The members of an answer, one a line.
fn facts(answer: &Value) -> String {
    let mut text = String::new();
    if let Value::Object(members) = answer {
        add_facts(members, 0, &mut text);
    }
    text
}

fn add_facts(members: &Map<String, Value>, indent: usize, text: &mut String) {
    for (name, value) in members {
        let name = output::plain(&name.replace('_', " "));
        match value {
            Value::Null => {}
            Value::String(text) if text.is_empty() => {}
            Value::Object(inner) => {
                text.push_str(&format!("{:indent$}{name}:\n", ""));
                add_facts(inner, indent + 2, text);
            }
            Value::Array(items) => {
                for item in items {
                    match item {
                        Value::Object(inner) => {
                            text.push_str(&format!("{:indent$}{name}:\n", ""));
                            add_facts(inner, indent + 2, text);
                        }
                        other => text.push_str(&format!("{:indent$}{name}: {}\n", "", shown(other))),
                    }
                }
            }
            other => text.push_str(&format!("{:indent$}{name}: {}\n", "", shown(other))),
        }
    }
}

/// A plain value; the parts of a pair, such as a header, with a colon between them.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => output::plain(text),
        Value::Array(parts) => parts.iter().map(shown).collect::<Vec<_>>().join(": "),
        other => output::plain(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_lines() {
        let shown = facts(&serde_json::json!({
            "attempts": 3,
            "what": { "body": null, "query": "", "headers": [["accept", "*/*"], ["x\u{1b}", "1"]] },
        }));
        assert_eq!(shown, "attempts: 3\nwhat:\n  headers: accept: */*\n  headers: x : 1\n");
    }

    #[test]
    fn a_request_is_a_line() {
        let row = serde_json::json!({
            "exchange": 2, "request": "GET https://shop.example/orders?page=2\n", "came": { "outcome": "response", "status": 200 },
        });
        assert_eq!(exchange(&row), "2. GET https://shop.example/orders?page=2  -> status 200\n");
        let lost = serde_json::json!({ "exchange": 3, "request": "GET /", "came": { "outcome": "connection", "reason": "reset" } });
        assert_eq!(exchange(&lost), "3. GET / -> connection: reset\n");
    }
}
