//! What a connector made of a delivery, for people and for programs.

use chrono::{DateTime, NaiveDateTime, SecondsFormat};
use serde_json::{Value, json};

use super::super::output::{count, table};
use super::trial::Trial;
use crate::model::{Change, Entry, Line, Moment, Zone, day_of, format_minor};

/// As tables.
pub(super) fn to_text(trial: &Trial) -> String {
    const HEAD: [&str; 10] =
        ["change", "kind", "id", "order", "at", "customer", "currency", "total", "billing", "products"];
    let mut text = String::new();
    let rows: Vec<Vec<String>> = trial.changes.iter().flat_map(rows_of).collect();
    if !rows.is_empty() {
        text.push_str(&table(&HEAD, rows));
        text.push('\n');
    }
    if !trial.rejects.is_empty() {
        let rows = trial.rejects.iter().map(|reject| {
            let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
            let place = reject.line.map_or_else(|| "-".to_owned(), |line| line.to_string());
            vec![place, or_dash(&reject.field), or_dash(&reject.id), reject.reason.clone()]
        });
        text.push_str(&table(&["line", "field", "id", "cannot be read"], rows));
        text.push('\n');
    }
    for (what, answer) in summary(trial) {
        text.push_str(&format!("{what:<10} {answer}\n"));
    }
    text
}

fn summary(trial: &Trial) -> Vec<(&'static str, String)> {
    let mut lines: Vec<(&str, String)> = Vec::new();
    lines.extend(trial.format.iter().map(|format| ("format", format.clone())));
    lines.extend(trial.proof.iter().map(|proof| ("proof", proof.clone())));
    let changes = count(trial.changes.len() as u64, "change", "changes");
    let rejects = count(trial.rejects.len() as u64, "reject", "rejects");
    let ignored = count(trial.ignored, "row left out", "rows left out");
    lines.push(("result", format!("{changes}, {rejects}, {ignored}")));
    lines.extend(trial.outcome.iter().map(|outcome| ("outcome", outcome.clone())));
    lines.extend(trial.notes.iter().map(|note| ("note", note.clone())));
    if trial.rounded > 0 {
        lines.push(("note", format!("{} amounts are finer than the currency and were rounded", trial.rounded)));
    }
    if trial.parts_mismatch > 0 {
        lines.push(("note", format!("the parts of {} entries do not make their total", trial.parts_mismatch)));
    }
    lines.extend(trial.log.iter().map(|line| ("log", format!("{}: {}", line.level.as_str(), line.message))));
    lines
}

fn rows_of(change: &Change) -> Vec<Vec<String>> {
    let bare = |what: &str, kind: &str, id: &str, order: &str| {
        let mut row = [what, kind, id, order].map(str::to_owned).to_vec();
        row.resize(10, String::new());
        row
    };
    match change {
        Change::Put(entry) => vec![row_of("put", entry)],
        Change::ReplaceOrder(order) if order.entries.is_empty() => vec![bare("remove order", "", "", &order.id)],
        Change::ReplaceOrder(order) => order.entries.iter().map(|entry| row_of("replace", entry)).collect(),
        Change::Withdraw(withdrawal) => vec![bare("withdraw", withdrawal.key.kind.as_str(), &withdrawal.key.id, "")],
    }
}

fn row_of(what: &str, entry: &Entry) -> Vec<String> {
    let customer = entry.customer.email.as_ref().or(entry.customer.id.as_ref());
    let products: Vec<String> = entry.lines.iter().map(product).collect();
    vec![
        what.to_owned(),
        entry.key.kind.as_str().to_owned(),
        entry.key.id.clone(),
        entry.order_id.clone(),
        moment(entry.at),
        customer.cloned().unwrap_or_default(),
        entry.currency.as_str().to_owned(),
        format_minor(entry.amounts.total, entry.currency),
        entry.billing.as_str().to_owned(),
        products.join(", "),
    ]
}

fn product(line: &Line) -> String {
    [&line.name, &line.sku, &line.product_id].into_iter().flatten().next().cloned().unwrap_or_default()
}

/// As it was said: nothing is read in a zone.
pub(super) fn moment(at: Moment) -> String {
    let utc = |ms| DateTime::from_timestamp_millis(ms).unwrap_or_default();
    match at {
        Moment::Utc(ms) => utc(ms).to_rfc3339_opts(SecondsFormat::Secs, true),
        Moment::Local(ms) => wall(utc(ms).naive_utc()),
        Moment::Day(day) => day_of(day).to_string(),
        Moment::Received(_) => "received".to_owned(),
    }
}

fn wall(at: NaiveDateTime) -> String {
    at.format("%Y-%m-%dT%H:%M:%S").to_string()
}

/// As JSON: changes in their order, amounts as decimals in text, moments as said and as read in the zone.
pub(super) fn to_json(trial: &Trial, zone: Zone) -> Value {
    let rejects = trial
        .rejects
        .iter()
        .map(|reject| json!({ "line": reject.line, "field": reject.field, "id": reject.id, "reason": reject.reason }));
    let log = trial.log.iter().map(|line| json!({ "level": line.level.as_str(), "message": line.message }));
    json!({
        "format": trial.format,
        "proof": trial.proof,
        "changes": trial.changes.iter().map(|change| change_json(change, zone)).collect::<Vec<_>>(),
        "rejects": rejects.collect::<Vec<_>>(),
        "ignored": trial.ignored,
        "outcome": trial.outcome,
        "notes": trial.notes,
        "rounded": trial.rounded,
        "parts_mismatch": trial.parts_mismatch,
        "log": log.collect::<Vec<_>>(),
    })
}

pub(super) fn change_json(change: &Change, zone: Zone) -> Value {
    match change {
        Change::Put(entry) => json!({ "put": entry_json(entry, zone) }),
        Change::ReplaceOrder(order) => {
            let entries: Vec<Value> = order.entries.iter().map(|entry| entry_json(entry, zone)).collect();
            json!({ "replace_order": { "id": order.id, "revision": order.revision, "entries": entries } })
        }
        Change::Withdraw(withdrawal) => json!({ "withdraw": {
            "kind": withdrawal.key.kind,
            "id": withdrawal.key.id,
            "revision": withdrawal.revision,
        } }),
    }
}

fn entry_json(entry: &Entry, zone: Zone) -> Value {
    let money = |minor: i64| format_minor(minor, entry.currency);
    let amounts = &entry.amounts;
    let unix_ms = entry.at.resolve(zone).unix_ms;
    let utc = DateTime::from_timestamp_millis(unix_ms).map(|at| at.to_rfc3339_opts(SecondsFormat::AutoSi, true));
    let lines = entry.lines.iter().map(|line| {
        json!({
            "product_id": line.product_id,
            "variant_id": line.variant_id,
            "sku": line.sku,
            "name": line.name,
            "quantity": decimal(line.quantity.coefficient, line.quantity.scale),
            "amount": money(line.amount),
        })
    });
    json!({
        "kind": entry.key.kind,
        "id": entry.key.id,
        "also": entry.also,
        "order_id": entry.order_id,
        "billing": entry.billing,
        "at": { "said": moment(entry.at), "utc": utc },
        "email": entry.customer.email,
        "customer_id": entry.customer.id,
        "currency": entry.currency.as_str(),
        "total": money(amounts.total),
        "items": amounts.items.map(money),
        "discount": amounts.discount.map(money),
        "shipping": amounts.shipping.map(money),
        "fees": amounts.fees.map(money),
        "tax": amounts.tax.map(money),
        "processing_fee": amounts.processing_fee.map(money),
        "lines": lines.collect::<Vec<_>>(),
        "tags": entry.tags,
        "revision": entry.revision,
    })
}

/// A quantity, which is never negative.
fn decimal(coefficient: i64, scale: u8) -> String {
    let scale = usize::from(scale);
    if scale == 0 {
        return coefficient.to_string();
    }
    let digits = format!("{coefficient:0>width$}", width = scale + 1);
    let (whole, part) = digits.split_at(digits.len().saturating_sub(scale));
    format!("{whole}.{part}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_shown_as_they_were_said() {
        let shown = [Moment::Utc(0), Moment::Local(0), Moment::Day(1), Moment::Received(5)].map(moment);
        assert_eq!(shown, ["1970-01-01T00:00:00Z", "1970-01-01T00:00:00", "1970-01-02", "received"]);
    }

    #[test]
    fn quantities_may_be_fractions() {
        assert_eq!([decimal(3, 0), decimal(5, 1), decimal(1250, 3)], ["3", "0.5", "1.250"]);
    }
}
