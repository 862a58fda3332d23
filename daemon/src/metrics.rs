//! What the daemon counts while it runs, and the text format of Prometheus (0.0.4) that it is told in.

use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::ledger::Committed;
use crate::limits::metrics::COMMIT_SECONDS;
use crate::model::Door;

/// Counters since the start.
#[derive(Debug)]
pub struct Metrics {
    counted: Mutex<Counted>,
}

#[derive(Debug, Default)]
struct Counted {
    /// Answers by listener and class of status.
    answers: BTreeMap<(&'static str, &'static str), u64>,
    /// Deliveries by door and what became of them.
    deliveries: BTreeMap<(&'static str, &'static str), u64>,
    /// Commits by the first bound that they did not exceed; the last place is for those beyond all.
    commits: [u64; COMMIT_SECONDS.len() + 1],
    commit_time: Duration,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        Self { counted: Mutex::default() }
    }

    /// A listener gave an answer.
    pub fn answered(&self, listener: &'static str, status: u16) {
        let class = match status {
            100..200 => "1xx",
            200..300 => "2xx",
            300..400 => "3xx",
            400..500 => "4xx",
            _ => "5xx",
        };
        *self.counted().answers.entry((listener, class)).or_default() += 1;
    }

    /// The ledger made something durable.
    pub fn committed(&self, committed: &Committed) {
        let seconds = committed.took.as_secs_f64();
        let place = COMMIT_SECONDS.iter().position(|bound| seconds <= *bound).unwrap_or(COMMIT_SECONDS.len());
        let mut counted = self.counted();
        if let Some(count) = counted.commits.get_mut(place) {
            *count += 1;
        }
        counted.commit_time += committed.took;
        for (door, became, deliveries) in &committed.deliveries {
            *counted.deliveries.entry((door_name(*door), *became)).or_default() += deliveries;
        }
    }

    /// Writes all counters.
    pub fn write(&self, page: &mut Page) {
        let counted = self.counted();
        page.family("ltvd_http_answers_total", "counter", "Answers of the listeners by class of status.");
        for ((listener, class), count) in &counted.answers {
            page.sample("ltvd_http_answers_total", &[("listener", listener), ("status", class)], count);
        }
        page.family("ltvd_deliveries_total", "counter", "Deliveries by door: those taken in, and what became of them.");
        for ((door, became), count) in &counted.deliveries {
            page.sample("ltvd_deliveries_total", &[("door", door), ("state", became)], count);
        }
        page.family("ltvd_commit_seconds", "histogram", "Time that the ledger took to make something durable.");
        let mut sum = 0;
        let bounds = COMMIT_SECONDS.iter().map(ToString::to_string).chain(["+Inf".to_owned()]);
        for (bound, count) in bounds.zip(counted.commits) {
            sum += count;
            page.sample("ltvd_commit_seconds_bucket", &[("le", &bound)], sum);
        }
        page.sample("ltvd_commit_seconds_sum", &[], counted.commit_time.as_secs_f64());
        page.sample("ltvd_commit_seconds_count", &[], sum);
    }

    fn counted(&self) -> std::sync::MutexGuard<'_, Counted> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The name of a door in metrics.
pub fn door_name(door: Door) -> &'static str {
    match door {
        Door::Poll => "poll",
        Door::Webhook => "webhook",
        Door::File => "file",
    }
}

/// A page of metrics.
#[derive(Debug, Default)]
pub struct Page(String);

impl Page {
    /// Begins a family: its samples follow. `kind` is counter, gauge or histogram.
    pub fn family(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a String cannot fail, here and below.
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    /// One value. Labels may hold anything.
    pub fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        self.0.push_str(name);
        for (number, (label, text)) in labels.iter().enumerate() {
            let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let _ = write!(self.0, "{}{label}=\"{text}\"", if number == 0 { '{' } else { ',' });
        }
        let end = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.0, "{end} {value}");
    }

    /// A family of one value without labels.
    pub fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.family(name, "gauge", help);
        self.sample(name, &[], value);
    }

    /// The text.
    pub fn into_text(self) -> String {
        self.0
    }
}

/// Memory of this process that is in RAM, bytes; `None` where the system does not tell.
pub fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_what_prometheus_reads() {
        let metrics = Metrics::new();
        metrics.answered("api", 200);
        metrics.answered("api", 200);
        metrics.answered("webhooks", 503);
        let took = |ms, deliveries| Committed { took: Duration::from_millis(ms), deliveries };
        metrics.committed(&took(3, vec![(Door::Webhook, "received", 2)]));
        metrics.committed(&took(60_000, Vec::new()));
        let mut page = Page::default();
        metrics.write(&mut page);
        page.family("ltvd_task_running", "gauge", "Whether it runs.");
        page.sample("ltvd_task_running", &[("task", "poll \"a\\b\"\n")], 0);
        insta::assert_snapshot!(page.into_text(), @r#"
        # HELP ltvd_http_answers_total Answers of the listeners by class of status.
        # TYPE ltvd_http_answers_total counter
        ltvd_http_answers_total{listener="api",status="2xx"} 2
        ltvd_http_answers_total{listener="webhooks",status="5xx"} 1
        # HELP ltvd_deliveries_total Deliveries by door: those taken in, and what became of them.
        # TYPE ltvd_deliveries_total counter
        ltvd_deliveries_total{door="webhook",state="received"} 2
        # HELP ltvd_commit_seconds Time that the ledger took to make something durable.
        # TYPE ltvd_commit_seconds histogram
        ltvd_commit_seconds_bucket{le="0.001"} 0
        ltvd_commit_seconds_bucket{le="0.005"} 1
        ltvd_commit_seconds_bucket{le="0.01"} 1
        ltvd_commit_seconds_bucket{le="0.025"} 1
        ltvd_commit_seconds_bucket{le="0.05"} 1
        ltvd_commit_seconds_bucket{le="0.1"} 1
        ltvd_commit_seconds_bucket{le="0.5"} 1
        ltvd_commit_seconds_bucket{le="1"} 1
        ltvd_commit_seconds_bucket{le="5"} 1
        ltvd_commit_seconds_bucket{le="+Inf"} 2
        ltvd_commit_seconds_sum 60.003
        ltvd_commit_seconds_count 2
        # HELP ltvd_task_running Whether it runs.
        # TYPE ltvd_task_running gauge
        ltvd_task_running{task="poll \"a\\b\"\n"} 0
        "#);
    }
}
