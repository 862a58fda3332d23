//! What the account answers.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::{Account, Transaction};
use crate::{Answer, Call, Platform, Wire};

/// Most rows on a page, and as many as come without being asked for.
const PAGE_MAX: usize = 200;
const PAGE_USUAL: usize = 25;

impl Platform for Account {
    fn answer(&mut self, call: &Call) -> Answer {
        let query = self.queries;
        self.queries += 1;
        let (due, later) = std::mem::take(&mut self.edits).into_iter().partition(|(number, _)| *number <= query);
        self.edits = later;
        let due: Vec<_> = due;
        for (_, edit) in due {
            edit(self);
        }
        let parameters: HashMap<String, String> = call.parameters().into_iter().chain(call.form()).collect();
        if let Err(refusal) = self.admit(&parameters) {
            return error(&refusal);
        }
        match call.path.trim_matches('/') {
            "transactions/query" => self.transactions(&parameters),
            path => error(&format!("{path} is not an endpoint")),
        }
    }
}

fn error(message: &str) -> Answer {
    Answer::json(200, &json!({"result": "ERROR", "message": message}))
}

impl Account {
    /// Every refusal is told with HTTP 200, and one of them in the words of an empty window.
    fn admit(&mut self, parameters: &HashMap<String, String>) -> Result<(), String> {
        let is = |name, value: &String| parameters.get(name) == Some(value);
        if self.bad_logins >= self.lock_after {
            return Err("User has been locked after too many login attempts".into());
        }
        if !is("loginId", &self.login) || !is("password", &self.password) {
            self.bad_logins += 1;
            return Err("No user matching this loginId and password could be found".into());
        }
        if let Some(ip) = &self.refused_ip {
            return Err(format!("IP must be whitelisted - {ip}"));
        }
        if !self.permitted {
            return Err("No permission to this endpoint found for API user".into());
        }
        Ok(())
    }

    fn transactions(&self, parameters: &HashMap<String, String>) -> Answer {
        let text = |name: &str| parameters.get(name).map(String::as_str).filter(|text| !text.is_empty());
        let number = |name: &str| text(name).and_then(|text| text.parse::<usize>().ok());
        let by_change = text("dateRangeType") == Some("dateUpdated");
        let mut rows: Vec<&Transaction> = match (text("orderId"), text("startDate"), text("endDate")) {
            (Some(order), _, _) => self.transactions.iter().filter(|row| row.order == order).collect(),
            (None, Some(start), Some(end)) => {
                // The time of day is not looked at.
                let (Some(start), Some(end)) = (day(start), day(end)) else { return error("startDate is not a date") };
                let is_within = |row: &&Transaction| {
                    let wall = self.wall_clock(if by_change { row.updated_ms } else { row.created_ms });
                    (start.as_str()..=end.as_str()).contains(&&wall[..10])
                };
                self.transactions.iter().filter(is_within).collect()
            }
            _ => return error("startDate and endDate are required"),
        };
        let age =
            |row: &&Transaction| (if self.quirks.sorted_by_change { row.updated_ms } else { row.created_ms }, row.id);
        rows.sort_by_key(age);
        if text("sortDir") != Some("1") || self.quirks.always_descending {
            rows.reverse();
        }
        let asked = number("resultsPerPage").unwrap_or(PAGE_USUAL).clamp(1, PAGE_MAX);
        let size = self.quirks.page_cap.map_or(asked, |cap| asked.min(cap));
        let page = number("page").unwrap_or(1).max(1);
        let from = match page {
            _ if self.quirks.ignores_page => 0,
            2.. if self.quirks.forgets_pages => rows.len(),
            page => (page - 1) * size,
        };
        let mut data: Vec<Value> = Vec::new();
        for row in rows.iter().skip(from).take(size) {
            data.extend(std::iter::repeat_n(
                self.told(row),
                if self.quirks.told_twice == Some(row.id) { 2 } else { 1 },
            ));
        }
        if data.is_empty() && !self.quirks.empty_is_success {
            return error("No transactions matching those parameters could be found");
        }
        let total = (rows.len() as i64 + self.quirks.total_off_by).max(0);
        let mut message = json!({"totalResults": total, "resultsPerPage": asked, "page": page, "data": data});
        if self.quirks.no_total {
            message = json!({"data": data});
        }
        let answer = Answer::json(200, &json!({"result": "SUCCESS", "message": message}));
        let is_slow = self.quirks.slow_above.is_some_and(|rows| asked > rows);
        if is_slow { answer.wire(Wire::Silent(600_000)) } else { answer }
    }
}

/// `03/01/2026`, `3/1/26` or `2026-03-01`, with or without a time, as `2026-03-01`.
fn day(text: &str) -> Option<String> {
    let date = text.split(' ').next()?;
    if date.contains('-') {
        return Some(date.to_owned());
    }
    let parts: Vec<u32> = date.split('/').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let [month, day, year] = parts[..] else { return None };
    let year = if year < 100 { year + 2000 } else { year };
    Some(format!("{year:04}-{month:02}-{day:02}"))
}
