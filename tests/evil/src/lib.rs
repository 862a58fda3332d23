//! A connector that misbehaves as it is told: by the body of a webhook, the first cell of a file, or the address given to
//! `subscribe`. An unknown word makes it behave.
//!
//! It is written on the bare bindings, since the SDK would keep it from much of this.

#![allow(missing_docs, unreachable_pub)]

wit_bindgen::generate!({ path: "../../wit", world: "complete" });

mod deeds;
mod lawless;

use exports::ltv::connector::{connector, csv, poll, webhook};
use ltv::connector::log;
use ltv::connector::types::{Ask, Context, Coverage, Failure, Next, Outcome, Replies, Step};

struct Evil;

/// For words that tests change in the file: optimised code has no text of them, but compares and copies in parts.
fn kept_in_one_piece(word: &'static str) -> &'static str {
    std::hint::black_box(word)
}

export!(Evil);

impl connector::Guest for Evil {
    fn describe() -> connector::Manifest {
        connector::Manifest {
            id: "evil".to_owned(),
            name: "Evil".to_owned(),
            version: kept_in_one_piece("6.6.6").to_owned(),
            settings: vec![
                setting("word", connector::SettingKind::Secret),
                setting("mood", connector::SettingKind::Text),
            ],
            hosts: vec![
                connector::Host::Exact("evil.example".to_owned()),
                connector::Host::Subdomains("evil.example".to_owned()),
                // A name that leads to the machine that the daemon runs on.
                connector::Host::Exact("localhost".to_owned()),
            ],
            polling: Some(connector::Polling {
                axes: vec![ltv::connector::types::Axis::Created],
                granularity: connector::Granularity::Day,
                window_days_max: 30,
                overlap_s: 0,
                recheck_days: 0,
                interval_min_s: 60,
                concurrent_requests_max: 1,
                requests_per_minute_max: None,
                request_timeout_ms: 1_000,
                refreshes: true,
                subscribes: true,
            }),
            webhook: Some(connector::WebhookDescription { topics: Vec::new(), manual_setup: None, provable: true }),
            csv_formats: vec![connector::CsvFormat {
                id: "deeds".to_owned(),
                name: "Deeds".to_owned(),
                columns: ["deed", "id"].map(column).into(),
                other_columns: true,
                group_by: Vec::new(),
                date_order: None,
                refused: None,
            }],
        }
    }

    fn validate(settings: Vec<connector::Setting>) -> Vec<connector::Problem> {
        settings
            .iter()
            .map(|setting| connector::Problem {
                setting: Some(setting.name.clone()),
                message: format!("{:?} is not evil enough", setting.value),
            })
            .collect()
    }
}

fn setting(name: &str, kind: connector::SettingKind) -> connector::SettingDescription {
    let label = name.to_owned();
    connector::SettingDescription {
        name: label.clone(),
        label,
        help: String::new(),
        kind,
        required: false,
        default: None,
    }
}

fn column(name: &str) -> connector::Column {
    connector::Column {
        name: name.to_owned(),
        aliases: Vec::new(),
        named_by: None,
        content: connector::ColumnContent::Text,
        required: true,
    }
}

impl webhook::Guest for Evil {
    fn prove(delivery: webhook::Delivery, _context: Context) -> Result<webhook::Proof, Failure> {
        let body = String::from_utf8_lossy(&delivery.body);
        lawless::prove(&body);
        match body.as_ref() {
            "undeclared-secret" => Ok(webhook::Proof::Equals(webhook::Equals {
                secret: "admin_password".to_owned(),
                value: b"x".to_vec(),
            })),
            "header-injection" => Ok(webhook::Proof::Ping(Some(webhook::Answer {
                status: 200,
                content_type: "text/plain\r\nset-cookie: evil=1".to_owned(),
                body: Vec::new(),
            }))),
            "prove-loop" => deeds::spin(),
            // It has not been struck out yet when the proof is asked for.
            told if told.starts_with("leak ") => {
                say(told);
                Ok(webhook::Proof::AddressOnly)
            }
            _ => Ok(webhook::Proof::AddressOnly),
        }
    }

    fn receive(delivery: webhook::Delivery, context: Context) -> Result<Step, Failure> {
        let body = String::from_utf8_lossy(&delivery.body);
        match lawless::step(&body, delivery.received.unix_ms, &context) {
            Some(step) => Ok(step),
            None => deeds::step(&body, &context),
        }
    }

    fn resume(state: Option<Vec<u8>>, replies: Replies, _context: Context) -> Result<Step, Failure> {
        go_on(state, &replies)
    }
}

impl poll::Guest for Evil {
    fn begin(task: poll::Task, context: Context) -> Result<Step, Failure> {
        match task {
            poll::Task::Sync(_) if lawless::is_credulous(&context) => Ok(lawless::walk()),
            poll::Task::Check => Ok(done(Outcome::Checked(vec![format!("now {}", context.now.local)]))),
            // In this year it counts.
            poll::Task::Sync(window) if window.first_day.starts_with("2001-") => Ok(deeds::count(300, "poll", None)),
            poll::Task::Sync(window) => Ok(done(Outcome::Synced(Coverage {
                complete: true,
                axis: window.axis,
                note: Some(format!("{} to {}", window.first_day, window.last_day)),
                tallies: Vec::new(),
            }))),
            // No answer to this task.
            poll::Task::Refresh(orders) => {
                Ok(done(Outcome::Unsubscribed(u32::try_from(orders.len()).unwrap_or(u32::MAX))))
            }
            poll::Task::Subscribe(deed) | poll::Task::Unsubscribe(deed) => deeds::step(&deed, &context),
        }
    }

    fn resume(state: Option<Vec<u8>>, replies: Replies, _context: Context) -> Result<Step, Failure> {
        go_on(state, &replies)
    }
}

/// Asks for orders again for as long as its state says `again`; otherwise tells what came back.
fn go_on(state: Option<Vec<u8>>, replies: &Replies) -> Result<Step, Failure> {
    if let Some(step) = lawless::resume(state.as_deref(), replies) {
        return Ok(step);
    }
    let seen = format!(
        "{} orders, {} responses, tags {:?}",
        replies.orders.len(),
        replies.responses.len(),
        replies.responses.iter().map(|reply| reply.tag.as_str()).collect::<Vec<_>>()
    );
    match state.as_deref() {
        Some(state) if state.starts_with(b"count ") => {
            let text = String::from_utf8_lossy(state);
            let mut words = text.split(' ').skip(1);
            let left = words.next().and_then(|left| left.parse().ok()).unwrap_or(0);
            Ok(deeds::count(left, words.next().unwrap_or_default(), replies.orders.first()))
        }
        Some(b"again") => Ok(deeds::look_up()),
        // Whoever looks into the quarantine sees what it was given.
        Some(b"tell") => Err(Failure::Malformed(deeds::told(replies))),
        _ => Ok(done(Outcome::Ignored(seen))),
    }
}

impl csv::Guest for Evil {
    fn read(_format: String, _others: Vec<String>, rows: csv::Rows, context: Context) -> Result<csv::Batch, Failure> {
        let cell = |index: usize| {
            let start = if index == 0 { 0 } else { rows.ends[index - 1] as usize };
            String::from_utf8_lossy(&rows.text[start..rows.ends[index] as usize]).into_owned()
        };
        let mut batch = csv::Batch { changes: Vec::new(), rejects: Vec::new(), ignored: 0, notes: Vec::new() };
        for row in 0..rows.lines.len() {
            let width = rows.width as usize;
            let (deed, id) = (cell(row * width), cell(row * width + 1));
            match deed.as_str() {
                "" => batch.changes.push(deeds::put(deeds::sale(&id))),
                "counted" => batch.changes.push(lawless::counted()),
                "ignore-more" => batch.ignored = u32::MAX,
                "reject-beyond" => batch.rejects.push(csv::Reject {
                    index: u32::MAX,
                    id: None,
                    field: None,
                    reason: "there is no such row".to_owned(),
                }),
                _ => batch.changes.extend(deeds::step(&deed, &context)?.changes),
            }
        }
        Ok(batch)
    }
}

fn done(outcome: Outcome) -> Step {
    Step { changes: Vec::new(), rejects: Vec::new(), progress: None, memory: None, next: Next::Done(outcome) }
}

fn ask(ask: Ask) -> Step {
    Step { next: Next::Ask(ask), ..done(Outcome::Read) }
}

fn say(text: &str) {
    log::log(log::Level::Info, text);
}
