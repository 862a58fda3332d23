//! `ltvd quarantine` and `ltvd replay`: what could not be read, and reading it again.

use serde_json::Value;

use super::call::Call;
use super::client::Client;
use super::delivery;
use super::failure::Failure;
use super::output::{self, cell, count};
use crate::limits::api::PAGE_ROWS_MAX;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List what waits, with the reasons
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Show a delivery as it came
    Show {
        /// Its number, from the list
        delivery: u64,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Read it again, for example with a newer connector
    Retry {
        /// Its number, from the list; without it, everything that waits
        delivery: Option<u64>,
    },
}

/// Arguments of `ltvd replay`.
#[derive(Debug, clap::Args)]
pub(super) struct ReplayArgs {
    /// The integration; without it, all
    integration: Option<String>,
}

pub(super) async fn quarantine(client: Client, command: Command) -> Result<(), Failure> {
    match command {
        Command::List { json } => list(&client, json).await,
        Command::Show { delivery, json } => delivery::show(&client, delivery, json).await,
        Command::Retry { delivery } => {
            read_again(&client, Call::post(&["v1", "quarantine", "retry"]).with("delivery", delivery)).await
        }
    }
}

pub(super) async fn replay(client: Client, args: ReplayArgs) -> Result<(), Failure> {
    read_again(&client, Call::post(&["v1", "replay"]).with("integration", args.integration)).await
}

/// Puts deliveries back into the inbox, and has them read.
async fn read_again(client: &Client, call: Call) -> Result<(), Failure> {
    let answer = client.json(call).await?;
    let number = |member: &str| answer.get(member).and_then(Value::as_u64).unwrap_or_default();
    let requeued = count(number("requeued"), "delivery", "deliveries");
    for (member, one, many) in [
        ("files", "file was read again", "files were read again"),
        (
            "conversations",
            "conversation with a platform was read again",
            "conversations with platforms were read again",
        ),
    ] {
        if number(member) > 0 {
            output::say(&count(number(member), one, many));
        }
    }
    for problem in answer.get("problems").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
        output::warn(&output::plain(problem));
    }
    if client.is_daemon() {
        output::print(&format!("{requeued} will be read again"))?;
        output::say("the daemon reads them now; `ltvd status` shows how many wait");
    } else {
        client.read_inbox().await?;
        let status = client.json(Call::get(&["v1", "status"])).await?;
        output::print(&format!("{requeued} read again; in quarantine now: {}", cell(&status, "quarantined")))?;
    }
    if let Some(note) = answer.get("note").and_then(Value::as_str) {
        output::say(note);
    }
    Ok(())
}

async fn list(client: &Client, json: bool) -> Result<(), Failure> {
    let waiting = everything(client).await?;
    if json {
        return output::print_json(&serde_json::json!({ "quarantine": waiting }));
    }
    if waiting.is_empty() {
        output::say("nothing is in quarantine");
        return Ok(());
    }
    output::print(&waiting.iter().map(listed).collect::<String>())?;
    let number = count(waiting.len() as u64, "delivery or row waits", "deliveries and rows wait");
    output::say(&format!(
        "{number}; see one with `ltvd quarantine show DELIVERY`, and read it again with `ltvd quarantine retry DELIVERY`"
    ));
    Ok(())
}

/// All pages of the list.
async fn everything(client: &Client) -> Result<Vec<Value>, Failure> {
    let mut rows = Vec::new();
    let mut cursor = None;
    loop {
        let call = Call::get(&["v1", "quarantine"]).with("limit", Some(PAGE_ROWS_MAX)).with("cursor", cursor.as_ref());
        let mut answer = client.json(call).await?;
        if let Some(Value::Array(page)) = answer.get_mut("quarantine").map(Value::take) {
            rows.extend(page);
        }
        cursor = match answer.get("next").and_then(Value::as_str) {
            Some(next) => Some(next.to_owned()),
            None => return Ok(rows),
        };
    }
}

/// Two lines, since reasons are long: what it is, and why it waits.
fn listed(row: &Value) -> String {
    let part = |member: &str, title: &str| match row.get(member) {
        None | Some(Value::Null) => String::new(),
        // Line 0 is the delivery as a whole.
        Some(Value::Number(line)) if member == "line" && line.as_u64() == Some(0) => String::new(),
        Some(_) => format!("{title}{}", cell(row, member)),
    };
    let head = [
        part("delivery", "delivery "),
        part("line", ", line "),
        part("integration", ", "),
        part("door", ", "),
        part("since", ", "),
        part("field", ", field "),
        part("id", ", id "),
    ];
    format!("{}\n    {}\n", output::plain(&head.concat()), output::plain(&cell(row, "reason")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_listed_with_its_line_and_a_delivery_without() {
        let row = serde_json::json!({
            "delivery": 7, "line": 12, "integration": "shop", "door": "file", "since": "2026-11-01T00:00:00Z",
            "field": "Total", "id": null, "reason": "`1,2,3`\nis no amount",
        });
        let shown = listed(&row);
        assert_eq!(
            shown,
            "delivery 7, line 12, shop, file, 2026-11-01T00:00:00Z, field Total\n    `1,2,3` is no amount\n"
        );
        let whole = listed(&serde_json::json!({"delivery": 8, "line": 0, "integration": "shop", "reason": "?"}));
        assert_eq!(whole, "delivery 8, shop\n    ?\n");
    }
}
