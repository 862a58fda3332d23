//! The daemon itself: what it is, whether it is well, and what can be asked of it.

use std::collections::BTreeMap;
use std::sync::{LazyLock, PoisonError};

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::call::Call;
use super::integrations::{IntegrationAnswer, describe};
use super::parameter::NoParameters;
use super::problem::Problem;
use super::routes::routes;
use super::state::{Configuration, TaskAnswer, tasks};
use super::{answer, blocking, json, openapi};
use crate::doors::webhook;

/// What can be asked.
#[derive(Serialize, JsonSchema)]
pub(super) struct Index {
    /// The version of ltvd.
    ltvd: &'static str,
    /// It counts the changes of the ledger.
    ledger_revision: u64,
    /// Addresses.
    see: Vec<&'static str>,
}

pub(super) async fn index(call: Call<NoParameters>) -> Result<Response, Problem> {
    let see = routes().into_iter().filter(|route| route.method == "get" && route.path != "/").map(|route| route.path);
    let index = Index {
        ltvd: env!("CARGO_PKG_VERSION"),
        ledger_revision: call.app.ledger.book().revision(),
        see: see.collect(),
    };
    Ok(axum::Json(index).into_response())
}

/// A description in the words of OpenAPI 3.1.
#[derive(Serialize, JsonSchema)]
#[serde(transparent)]
pub(super) struct OpenApi(serde_json::Map<String, Value>);

/// The same for every request, since it is made of the program alone.
static OPENAPI: LazyLock<Value> = LazyLock::new(openapi::document);

pub(super) async fn openapi(call: Call<NoParameters>) -> Result<Response, Problem> {
    // The ledger's revision is no part of it.
    Ok(answer(&call.headers, 0, "application/json", json(&*OPENAPI)?))
}

/// The process lives.
pub(super) async fn healthz(_: Call<NoParameters>) -> Result<Response, Problem> {
    Ok(plain("ok\n"))
}

/// The ledger can be read and has not failed, and webhooks can be taken in.
pub(super) async fn readyz(call: Call<NoParameters>) -> Result<Response, Problem> {
    let app = call.app;
    if app.fatal().is_some() {
        return Err(Problem::unready("the ledger failed; ltvd is ending"));
    }
    // Other tasks may fail without anybody being turned away; the status and the metrics tell of them.
    for task in [webhook::COMMITTER, webhook::LISTENER] {
        if let Some(reason) = app.process.tasks.waits(task) {
            return Err(Problem::unready(format!("the task `{task}` failed: {reason}")));
        }
    }
    let read = blocking(move || Ok(app.ledger.pending_count()?)).await;
    read.map(|_| plain("ready\n")).map_err(|_| Problem::unready("the ledger cannot be read"))
}

fn plain(text: &'static str) -> Response {
    (StatusCode::OK, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response()
}

/// The integrations.
#[derive(Serialize, JsonSchema)]
pub(super) struct Integrations {
    /// By name.
    integrations: Vec<IntegrationAnswer>,
}

pub(super) async fn integrations(call: Call<NoParameters>) -> Result<Response, Problem> {
    let Call { app, headers, .. } = call;
    blocking(move || {
        let revision = app.ledger.book().revision();
        let body = json(&Integrations { integrations: describe(&app)? })?;
        Ok(answer(&headers, revision, "application/json", body))
    })
    .await
}

/// How the daemon is.
#[derive(Serialize, JsonSchema)]
pub(super) struct Status {
    /// Of ltvd.
    version: &'static str,
    /// It counts the changes of the ledger.
    ledger_revision: u64,
    /// Entries in the ledger.
    entries: usize,
    /// Customers in the ledger.
    customers: usize,
    /// Why nothing is taken in, while the disk is almost full.
    disk_full: Option<String>,
    /// Deliveries that wait to be read.
    pending: u64,
    /// Deliveries and rows that could not be read.
    quarantined: u64,
    /// Seconds since the start.
    uptime_s: u64,
    /// Configuration and connectors.
    configuration: Configuration,
    /// What the daemon keeps doing; empty where none runs.
    tasks: Vec<TaskAnswer>,
    /// The drop folder.
    drop: Drop,
    /// Connectors that are not used, and why.
    broken_connectors: Vec<String>,
    /// By name.
    integrations: Vec<IntegrationAnswer>,
}

/// The drop folder.
#[derive(Serialize, JsonSchema)]
struct Drop {
    /// It is looked at.
    enabled: bool,
    /// Where it is.
    folder: String,
    /// What became of files lately, and what is wrong or waits, by path.
    lately: BTreeMap<String, String>,
}

pub(super) async fn status(call: Call<NoParameters>) -> Result<Response, Problem> {
    let app = call.app;
    blocking(move || {
        // Before the book: what does not wait any more is in what is told of it.
        let pending = app.ledger.pending_count()?;
        let quarantined = app.ledger.quarantine_counts()?.values().sum();
        let lately = app.process.drop_notes.lock().unwrap_or_else(PoisonError::into_inner).texts();
        let (ledger_revision, entries, customers) = {
            let book = app.ledger.book();
            (book.revision(), book.live().count(), book.customers())
        };
        Ok(axum::Json(Status {
            version: env!("CARGO_PKG_VERSION"),
            ledger_revision,
            entries,
            customers: customers as usize,
            disk_full: app.ledger.room().err().map(|error| error.to_string()),
            pending,
            quarantined,
            uptime_s: app.process.started.elapsed().as_secs(),
            configuration: Configuration::of(&app),
            tasks: tasks(&app),
            drop: Drop {
                enabled: app.config.drop.enabled,
                folder: app.config.paths.drop_dir.display().to_string(),
                lately,
            },
            broken_connectors: app.registry.broken.iter().map(ToString::to_string).collect(),
            integrations: describe(&app)?,
        })
        .into_response())
    })
    .await
}
