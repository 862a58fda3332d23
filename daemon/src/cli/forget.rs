//! `ltvd forget`: deletes a person, and says what is left to do.

use std::io::{self, BufRead as _, IsTerminal as _};

use serde_json::Value;

use super::call::Call;
use super::client::Client;
use super::failure::Failure;
use super::output::{self, count};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// E-mail address of the person
    email: String,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// As JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn forget(client: Client, args: Args) -> Result<(), Failure> {
    if !args.yes {
        confirm(&args.email)?;
    }
    let answer = client.json(Call::post(&["v1", "customers", &args.email, "forget"])).await?;
    if args.json {
        return output::print_json(&answer);
    }
    output::print(&done(&answer))?;
    for (member, about) in [("copies", "still names this person"), ("unread", "could not be looked through")] {
        for path in texts(&answer, member) {
            output::warn(&format!("{path} {about}"));
        }
    }
    for remains in texts(&answer, "remains") {
        output::say(&format!("note: {remains}"));
    }
    Ok(())
}

fn confirm(email: &str) -> Result<(), Failure> {
    let mut stdin = io::stdin().lock();
    if !stdin.is_terminal() {
        return Err(Failure::Usage(
            "nobody can be asked here whether to go on; add `--yes` to forget without being asked".into(),
        ));
    }
    output::say(&format!(
        "Everything that says who {} is will be deleted from the ledger and the archive; figures stay. This cannot be undone.",
        output::plain(email)
    ));
    output::say("Type `forget` to go on:");
    let mut line = String::new();
    stdin.read_line(&mut line).map_err(|error| Failure::Failed(format!("standard input cannot be read: {error}")))?;
    if line.trim() == "forget" { Ok(()) } else { Err(Failure::Failed("nothing was changed".into())) }
}

fn texts<'a>(answer: &'a Value, member: &str) -> impl Iterator<Item = &'a str> {
    answer.get(member).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

/// What was changed, in a sentence.
fn done(answer: &Value) -> String {
    let number = |member: &str| {
        answer.get("changed").and_then(|changed| changed.get(member)).and_then(Value::as_u64).unwrap_or_default()
    };
    let parts: Vec<String> = [
        ("entries", "entry goes on under a pseudonym", "entries go on under a pseudonym"),
        ("deliveries", "webhook delivery was emptied", "webhook deliveries were emptied"),
        ("records", "row was taken out of archived files", "rows were taken out of archived files"),
        ("responses", "answer of a platform was struck", "answers of platforms were struck"),
        ("quarantined", "row in quarantine was emptied", "rows in quarantine were emptied"),
        ("others", "other record was struck", "other records were struck"),
    ]
    .into_iter()
    .filter(|(member, ..)| number(member) > 0)
    .map(|(member, one, many)| count(number(member), one, many))
    .collect();
    format!("forgotten: {}\n", parts.join(", "))
}
