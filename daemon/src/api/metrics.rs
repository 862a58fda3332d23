//! `/metrics`: how the daemon is, for Prometheus.

use axum::http::header;
use axum::response::{IntoResponse as _, Response};

use super::blocking;
use super::call::Call;
use super::parameter::NoParameters;
use super::problem::Problem;
use crate::app::App;
use crate::ledger::LedgerError;
use crate::limits::api::PASSES_LISTED;
use crate::metrics::{Page, resident_bytes};

pub(super) async fn metrics(call: Call<NoParameters>) -> Result<Response, Problem> {
    let app = call.app;
    blocking(move || {
        let mut page = Page::default();
        process(&app, &mut page);
        tasks(&app, &mut page);
        ledger(&app, &mut page)?;
        platforms(&app, &mut page)?;
        app.process.metrics.write(&mut page);
        let content_type = "text/plain; version=0.0.4; charset=utf-8";
        Ok(([(header::CONTENT_TYPE, content_type)], page.into_text()).into_response())
    })
    .await
}

fn process(app: &App, page: &mut Page) {
    page.family("ltvd_build_info", "gauge", "The version, as a label.");
    page.sample("ltvd_build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1);
    page.gauge("ltvd_uptime_seconds", "Time since the start.", app.process.started.elapsed().as_secs());
    if let Some(bytes) = resident_bytes() {
        page.gauge("ltvd_resident_memory_bytes", "Memory of the process that is in RAM.", bytes);
    }
    let refused = app.process.last_reload().is_some_and(|last| !last.problems.is_empty());
    let help = "0 if the last change of configuration or connectors was refused, so that an older one is in force.";
    page.gauge("ltvd_configuration_ok", help, u8::from(!refused));
    let help = "Since when the configuration is in force, Unix time.";
    page.gauge("ltvd_configuration_since_seconds", help, seconds(app.in_force_ms));
    page.gauge("ltvd_broken_connectors", "Connector files that cannot be used.", app.registry.broken.len());
}

fn tasks(app: &App, page: &mut Page) {
    let tasks = app.process.tasks.tasks();
    page.family("ltvd_task_running", "gauge", "1 if the task goes on, 0 if it failed and waits to be begun again.");
    for (name, task) in &tasks {
        page.sample("ltvd_task_running", &[("task", name)], u8::from(task.running));
    }
    page.family("ltvd_task_restarts_total", "counter", "How often a task failed and was begun again.");
    for (name, task) in &tasks {
        page.sample("ltvd_task_restarts_total", &[("task", name)], task.restarts);
    }
}

fn ledger(app: &App, page: &mut Page) -> Result<(), Problem> {
    let (entries, revision) = {
        let book = app.ledger.book();
        (book.len(), book.revision())
    };
    page.gauge("ltvd_entries", "Entries in the ledger, withdrawn ones included.", entries);
    page.gauge("ltvd_ledger_revision", "Counts the changes of the ledger.", revision);
    let help = "Webhook deliveries that are kept and wait to be read.";
    page.gauge("ltvd_inbox_deliveries", help, app.ledger.pending_count()?);
    let quarantined = app.ledger.quarantine_counts()?;
    page.family("ltvd_quarantined", "gauge", "Deliveries and rows that could not be read and wait for somebody.");
    for name in app.config.integrations.keys() {
        let count = quarantined.get(name).copied().unwrap_or(0);
        page.sample("ltvd_quarantined", &[("integration", name)], count);
    }
    Ok(())
}

/// What is known of each integration that is in use, a family each.
fn platforms(app: &App, page: &mut Page) -> Result<(), LedgerError> {
    type Known = fn(&App, &str) -> Result<Option<f64>, LedgerError>;
    let families: [(&str, &str, Known); 4] = [
        ("ltvd_sync_through_seconds", "Up to when the platform was read whole, Unix time.", |app, name| {
            Ok(app.ledger.marks(name)?.synced_ms.map(seconds))
        }),
        ("ltvd_sync_last_seconds", "When the last complete pass over the platform ended, Unix time.", |app, name| {
            let mut passes = app.ledger.passes(name, PASSES_LISTED)?.into_iter();
            Ok(passes.find(|pass| pass.complete).map(|pass| seconds(pass.ended_ms)))
        }),
        ("ltvd_platform_refuses", "1 if the platform said no; it is not asked until somebody acts.", |app, name| {
            let polled =
                app.config.integrations.get(name).is_some_and(|integration| integration.polling.from.is_some());
            Ok(if polled { Some(f64::from(u8::from(app.ledger.cursor(name)?.stopped.is_some()))) } else { None })
        }),
        (
            "ltvd_webhook_last_seconds",
            "When the last webhook delivery that was read had come, Unix time.",
            |app, name| Ok(app.ledger.marks(name)?.webhook_last_ms.map(seconds)),
        ),
    ];
    for (family, help, known) in families {
        page.family(family, "gauge", help);
        for name in app.config.integrations.keys().filter(|name| app.integration(name).is_some()) {
            if let Some(value) = known(app, name)? {
                page.sample(family, &[("integration", name)], value);
            }
        }
    }
    Ok(())
}

/// Unix time.
fn seconds(ms: i64) -> f64 {
    ms as f64 / 1_000.0
}
