//! `ltvd status`

use std::path::Path;

use serde_json::Value;

use super::call::Call;
use super::client::Client;
use super::failure::Failure;
use super::output::{self, cell};

/// Arguments of `ltvd status`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// As JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn status(client: Client, args: Args) -> Result<(), Failure> {
    let status = client.json(Call::get(&["v1", "status"])).await?;
    if args.json {
        return output::print_json(&status);
    }
    output::print(&text(&status, client.is_daemon()))
}

const COLUMNS: [(&str, &str); 9] = [
    ("integration", "name"),
    ("connector", "connector"),
    ("entries", "entries"),
    ("complete through", "complete_through"),
    ("platform", "sync"),
    ("last webhook", "last_webhook"),
    ("last import", "last_import"),
    ("pending", "pending"),
    ("quarantined", "quarantined"),
];

fn text(status: &Value, daemon: bool) -> String {
    let mut text = format!("ltvd {}, ", cell(status, "version"));
    if daemon {
        text.push_str(&format!("running for {}\n", duration(status.get("uptime_s").and_then(Value::as_u64))));
    } else {
        text.push_str("no daemon is running: `ltvd run` starts it\n");
    }
    text.push_str(&format!(
        "{} entries of {} customers; {} deliveries wait to be read, {} in quarantine\n\n",
        cell(status, "entries"),
        cell(status, "customers"),
        cell(status, "pending"),
        cell(status, "quarantined")
    ));
    if let Some(full) = status.get("disk_full").and_then(Value::as_str) {
        text.push_str(&format!("nothing is taken in: {}\n\n", output::plain(full)));
    }
    text.push_str(&refused_change(status));
    text.push_str(&failed_tasks(status));
    let integrations = status.get("integrations").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let broken = status.get("broken_connectors").and_then(Value::as_array);
    for error in broken.into_iter().flatten().filter_map(Value::as_str) {
        text.push_str(&format!("connector not used: {}\n\n", output::plain(error)));
    }
    if integrations.is_empty() {
        text.push_str("there is no integration yet: the configuration names them, in [integrations.NAME]\n");
        return text;
    }
    let row = |integration: &Value| {
        COLUMNS
            .iter()
            .map(|(_, member)| match *member {
                "connector" => connector(integration),
                "last_import" => last_import(integration.get("last_import")),
                "sync" => integration.pointer("/sync/state").and_then(Value::as_str).unwrap_or("-").to_owned(),
                "name" if integration.get("enabled") == Some(&Value::Bool(false)) => {
                    format!("{} (disabled)", cell(integration, "name"))
                }
                member => cell(integration, member),
            })
            .collect()
    };
    text.push_str(&output::table(&COLUMNS.map(|(title, _)| title), integrations.iter().map(row)));
    let not_taken: String =
        not_taken(status).map(|(path, what)| format!("  {}: {}\n", output::plain(path), output::plain(what))).collect();
    if !not_taken.is_empty() {
        text.push_str(&format!("\nnot taken from the drop folder:\n{not_taken}"));
    }
    for integration in integrations {
        if let Some(line) = integration.get("sync").and_then(asking) {
            text.push_str(&format!("\n{}: {}\n", cell(integration, "name"), output::plain(&line)));
        }
        for problem in integration.get("problems").and_then(Value::as_array).into_iter().flatten() {
            let problem = problem.as_str().map_or_else(|| problem.to_string(), str::to_owned);
            text.push_str(&format!("\n{}: {}\n", cell(integration, "name"), output::plain(&problem)));
        }
    }
    text
}

/// What a person should know about the asking of a platform, if there is anything.
fn asking(sync: &Value) -> Option<String> {
    let text = |pointer: &str| sync.pointer(pointer).and_then(Value::as_str);
    let number = |pointer: &str| sync.pointer(pointer).and_then(Value::as_u64).unwrap_or_default();
    if let Some(now) = sync.get("now").filter(|now| now.is_object()) {
        let mut line = format!(
            "reads {}, {} of {} windows",
            text("/now/reading").unwrap_or("from its platform"),
            number("/now/windows_done"),
            number("/now/windows")
        );
        if let Some(left) = now.get("eta_s").and_then(Value::as_u64).filter(|left| *left > 2) {
            line.push_str(&format!(", about {} left", duration(Some(left))));
        }
        if let Some(why) = text("/now/waits_because") {
            line.push_str(&format!("; it waits: {why}"));
        }
        return Some(line);
    }
    if let Some(reason) = text("/stopped/reason") {
        return Some(format!(
            "the platform is not asked since {}: {reason} (when it is mended: `ltvd sync {}`, or edit the configuration)",
            text("/stopped/since").unwrap_or("a while"),
            text("/integration").unwrap_or_default()
        ));
    }
    let last = sync.pointer("/passes/0")?;
    if last.get("complete") == Some(&Value::Bool(true)) {
        return None;
    }
    let notes: Vec<&str> =
        last.get("notes").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    Some(format!("the last pass, {}, is not complete: {}", text("/passes/0/began").unwrap_or("-"), notes.join("; ")))
}

/// A change of the configuration that is not in force.
fn refused_change(status: &Value) -> String {
    let problems = status.pointer("/configuration/last_reload/problems").and_then(Value::as_array);
    let problems: Vec<_> = problems.into_iter().flatten().filter_map(Value::as_str).map(output::plain_lines).collect();
    if problems.is_empty() {
        return String::new();
    }
    let since = status.pointer("/configuration/in_force_since").and_then(Value::as_str).unwrap_or("-");
    format!("the configuration has changed, but that of {since} is still in force:\n\n{}\n\n", problems.join("\n\n"))
}

/// Tasks that failed and wait to be begun again.
fn failed_tasks(status: &Value) -> String {
    let tasks = status.get("tasks").and_then(Value::as_array).into_iter().flatten();
    let failed = tasks.filter(|task| task.get("state").and_then(Value::as_str) == Some("waiting"));
    let told = |task: &Value| {
        let reason = task.pointer("/last_failure/reason").and_then(Value::as_str).unwrap_or("-");
        format!("{} failed and is tried again: {}\n", cell(task, "name"), output::plain(reason))
    };
    let told: String = failed.map(told).collect();
    if told.is_empty() { told } else { format!("{told}\n") }
}

/// What the drop folder did not take lately.
fn not_taken(status: &Value) -> impl Iterator<Item = (&str, &str)> {
    let lately = status.pointer("/drop/lately").and_then(Value::as_object);
    let notes = lately.into_iter().flatten().filter_map(|(path, what)| Some((path.as_str(), what.as_str()?)));
    notes.filter(|(path, _)| !Path::new(path).components().any(|part| part.as_os_str() == "done"))
}

fn connector(integration: &Value) -> String {
    match integration.get("connector_version").and_then(Value::as_str) {
        Some(version) => format!("{} {version}", cell(integration, "connector")),
        None => format!("{} (missing)", cell(integration, "connector")),
    }
}

fn last_import(import: Option<&Value>) -> String {
    match import {
        Some(import @ Value::Object(_)) => format!("{} {}", cell(import, "at"), cell(import, "file")),
        _ => "-".to_owned(),
    }
}

/// The two largest units.
fn duration(seconds: Option<u64>) -> String {
    let Some(seconds) = seconds else { return "-".to_owned() };
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3_600),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn problems_stand_below_the_table() {
        let status = json!({
            "version": "0.1.0", "entries": 12, "customers": 3, "pending": 0, "quarantined": 1,
            "integrations": [{
                "name": "shop", "connector": "samcart", "connector_version": "1.2.0", "enabled": true, "entries": 12,
                "complete_through": "2026-10-31", "last_webhook": null, "problems": ["no secret\u{1b}[0m"],
            }],
        });
        let shown = text(&status, false);
        assert!(shown.contains("samcart 1.2.0") && shown.contains("2026-10-31"), "{shown}");
        assert!(shown.ends_with("\nshop: no secret [0m\n"), "{shown}");
    }

    #[test]
    fn durations_have_two_units() {
        let shown: Vec<_> = [59, 61, 3_661, 90_000].into_iter().map(|s| duration(Some(s))).collect();
        assert_eq!(shown, ["59 s", "1 min 1 s", "1 h 1 min", "1 d 1 h"]);
    }
}
