//! What came of a story, as it stands in `NAME.expected.json`.

use serde_json::{Map, Value, json};

use super::super::entries::{change_json, moment};
use super::case::{Case, Delivery};
use super::play::{End, Told};
use crate::connector::{Failure, Outcome, SubscriptionAction};
use crate::model::manifest::Axis;
use crate::model::{Entry, Zone, format_minor};

/// The whole story. Changes stand as they were made; the ledger is told in a line for each entry.
pub(super) fn story(case: &Case, told: &[Told], ledger: &[Entry]) -> String {
    let deliveries: Vec<Value> =
        case.deliveries.iter().zip(told).map(|(delivery, told)| one(delivery, told, case.zone)).collect();
    let lines: Vec<String> = ledger.iter().map(line).collect();
    format!("{:#}\n", json!({ "deliveries": deliveries, "ledger": lines }))
}

fn one(delivery: &Delivery, told: &Told, zone: Zone) -> Value {
    let mut map = Map::new();
    let mut put = |name: &str, value: Value| {
        if let Some(value) = short(value) {
            map.insert(name.to_owned(), value);
        }
    };
    put("delivery", json!(delivery.title));
    put("proof", json!(told.proof));
    put("format", json!(told.format));
    put("asked", json!(told.asked));
    put("changes", told.changes.iter().map(|change| change_json(change, zone)).collect());
    let rejects = told.rejects.iter().map(|reject| {
        let answer = (reject.answer > 0).then_some(reject.answer);
        json!({ "line": reject.line, "answer": answer, "field": reject.field, "id": reject.id, "reason": reject.reason })
    });
    put("rejects", rejects.collect());
    put("ignored", if told.ignored == 0 { Value::Null } else { json!(told.ignored) });
    put("notes", json!(told.notes));
    put("rounded", if told.rounded == 0 { Value::Null } else { json!(told.rounded) });
    put("parts_mismatch", if told.parts_mismatch == 0 { Value::Null } else { json!(told.parts_mismatch) });
    put("outcome", told.outcome.as_ref().map_or(Value::Null, outcome));
    put("end", told.end.as_ref().map_or(Value::Null, |end| json!(end.to_string())));
    let log: Vec<String> = told.log.iter().map(|line| format!("{}: {}", line.level.as_str(), line.message)).collect();
    put("log", json!(log));
    Value::Object(map)
}

/// Without members that hold nothing.
fn short(value: Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::Array(items) if items.is_empty() => None,
        Value::Array(items) => Some(items.into_iter().filter_map(short).collect()),
        Value::Object(members) => {
            Some(members.into_iter().filter_map(|(name, value)| Some((name, short(value)?))).collect())
        }
        value => Some(value),
    }
}

fn outcome(outcome: &Outcome) -> Value {
    match outcome {
        Outcome::Read => json!("read"),
        Outcome::Ignored(why) => json!({ "ignored": why }),
        Outcome::Checked(lines) => json!({ "checked": lines }),
        Outcome::Synced(coverage) => {
            let axis = match coverage.axis {
                Axis::Modified => "modified",
                Axis::Created => "created",
            };
            let tallies = coverage.tallies.iter().map(|tally| match tally.announced {
                Some(announced) => format!("{}: {} of {announced}", tally.collection, tally.received),
                None => format!("{}: {}", tally.collection, tally.received),
            });
            json!({ "synced": {
                "complete": coverage.complete,
                "axis": axis,
                "note": coverage.note,
                "tallies": tallies.collect::<Vec<_>>(),
            } })
        }
        Outcome::Subscribed(subscriptions) => {
            let lines = subscriptions.iter().map(|one| {
                let action = match one.action {
                    SubscriptionAction::Kept => "kept",
                    SubscriptionAction::Created => "created",
                    SubscriptionAction::Reactivated => "reactivated",
                };
                format!("{} {} {action}", one.topic, one.id)
            });
            json!({ "subscribed": lines.collect::<Vec<_>>() })
        }
        Outcome::Unsubscribed(count) => json!({ "unsubscribed": count }),
    }
}

/// The ends of the deliveries and the ledger, a line each.
pub(super) fn summary(case: &Case, told: &[Told], ledger: &[Entry]) -> String {
    let end = |told: &Told| match (&told.end, &told.outcome) {
        (Some(end), _) => end.to_string(),
        (None, Some(Outcome::Read) | None) => "read".to_owned(),
        (None, Some(Outcome::Ignored(why))) => format!("ignored: {why}"),
        (None, Some(Outcome::Synced(coverage))) if coverage.complete => "synced".to_owned(),
        (None, Some(Outcome::Synced(_))) => "synced, not complete".to_owned(),
        (None, Some(other)) => other.name().to_owned(),
    };
    let deliveries = case.deliveries.iter().zip(told).map(|(delivery, told)| {
        let rejects = told.rejects.iter().map(|reject| format!("\n  not read: {}", reject.reason));
        format!("{}: {}{}\n", delivery.title, end(told), rejects.collect::<String>())
    });
    deliveries.chain(ledger.iter().map(|entry| format!("  {}\n", line(entry)))).collect()
}

/// An entry of the ledger for people: kind, key, order, moment, money, buyer.
pub(super) fn line(entry: &Entry) -> String {
    let total = format_minor(entry.amounts.total, entry.currency);
    let buyer = entry.customer.email.as_deref().or(entry.customer.id.as_deref()).unwrap_or("nobody");
    format!(
        "{} {} of {}, {}, {total} {}, {}, {buyer}",
        entry.key.kind.as_str(),
        entry.key.id,
        entry.order_id,
        moment(entry.at),
        entry.currency,
        entry.billing.as_str(),
    )
}

impl std::fmt::Display for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Failure(Failure::Settings(text)) => write!(f, "settings: {text}"),
            Self::Failure(Failure::Unauthorized(text)) => write!(f, "unauthorized: {text}"),
            Self::Failure(Failure::Throttled(pause)) => write!(f, "throttled: {pause}"),
            Self::Failure(Failure::Unavailable(pause)) => write!(f, "unavailable: {pause}"),
            Self::Failure(Failure::Malformed(text)) => write!(f, "malformed: {text}"),
            Self::Failure(Failure::Internal(text)) => write!(f, "internal: {text}"),
            Self::Fault(text) => write!(f, "fault: {text}"),
            Self::NotRead(text) => write!(f, "not read: {text}"),
            Self::File(text) => write!(f, "file refused: {text}"),
            Self::Unscripted(request) => {
                write!(f, "asks for what the case has no [[delivery.exchange]] for: {request}")
            }
            Self::Endless => write!(f, "does not come to an end"),
            Self::BrokenOff => write!(f, "broken off"),
        }
    }
}
