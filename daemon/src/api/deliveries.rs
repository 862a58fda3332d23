//! `/v1/deliveries/{number}` and `/v1/quarantine`: what arrived, as it was kept, and what of it could not be read.

use axum::response::{IntoResponse as _, Response};
use schemars::JsonSchema;
use serde::Serialize;

use super::call::{Call, Number};
use super::page::PageParameters;
use super::parameter::{NoParameters, Text, parameters};
use super::problem::Problem;
use super::schema::Instant;
use super::{blocking, time};
use crate::book::Counts;
use crate::ledger::{self, PollTask, State, What};
use crate::model::Door;

parameters! {
    /// Of `/v1/quarantine`.
    pub(crate) struct QuarantineParameters {
        /// Only this integration
        integration: Option<String> = Text,
        ..page: PageParameters,
    }
}

/// One delivery.
#[derive(Serialize, JsonSchema)]
pub(super) struct DeliveryAnswer {
    /// Its number.
    delivery: u64,
    /// Which integration it is for.
    integration: String,
    /// Which door it came by.
    door: Door,
    /// When.
    #[schemars(with = "Option<Instant>")]
    received: Option<String>,
    /// What it is.
    what: Content,
    /// What became of it.
    state: DeliveryState,
    /// How often it has been read.
    attempts: u32,
    /// What of it could not be read.
    quarantine: Vec<Waiting>,
}

/// What a delivery is.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
enum Content {
    /// A webhook request.
    Request {
        /// Query of the address.
        query: String,
        /// Names in lower case; those that carry credentials are left out.
        headers: Vec<(String, String)>,
        /// What it carried.
        body: Body,
    },
    /// A conversation with a platform.
    Poll {
        /// What was wanted.
        poll: Wanted,
    },
    /// A file.
    File {
        /// Its name as found.
        file: String,
        /// Of its bytes.
        sha256: String,
        /// Its size.
        bytes: u64,
    },
}

/// The body of a webhook request.
#[derive(Serialize, JsonSchema)]
struct Body {
    /// As text; what is none is replaced.
    text: String,
    /// Its size, where it is no text.
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<usize>,
}

impl Body {
    fn new(body: Vec<u8>) -> Self {
        match String::from_utf8(body) {
            Ok(text) => Self { text, bytes: None },
            Err(error) => Self {
                text: String::from_utf8_lossy(error.as_bytes()).into_owned(),
                bytes: Some(error.as_bytes().len()),
            },
        }
    }
}

/// What a conversation with a platform was about.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "task")]
enum Wanted {
    /// Everything in a window.
    Sync {
        /// By which date: modification, else creation.
        modified: bool,
        /// First instant, milliseconds since 1970-01-01T00:00:00Z.
        start_ms: i64,
        /// First instant that does not belong.
        end_ms: i64,
    },
    /// Some orders again.
    Refresh {
        /// The platform's ids.
        orders: Vec<String>,
    },
    /// Webhooks at the platform, made or kept.
    Subscribe,
    /// Webhooks at the platform, removed.
    Unsubscribe,
}

impl From<PollTask> for Wanted {
    fn from(task: PollTask) -> Self {
        match task {
            PollTask::Sync { modified, start_ms, end_ms } => Self::Sync { modified, start_ms, end_ms },
            PollTask::Refresh { orders } => Self::Refresh { orders },
            PollTask::Subscribe => Self::Subscribe,
            PollTask::Unsubscribe => Self::Unsubscribe,
        }
    }
}

/// What became of a delivery.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "state")]
enum DeliveryState {
    /// Kept, not read yet.
    Pending,
    /// Read.
    Read {
        /// Its effect on the ledger.
        counts: Counts,
    },
    /// Read, and it carries no money.
    Ignored {
        /// Why.
        reason: String,
    },
    /// It could not be read.
    Quarantined,
    /// A conversation that has not come to its end, or never did. What it had stored by then stays.
    Unfinished,
    /// A conversation that failed. What it had stored by then stays.
    Failed {
        /// Why.
        reason: String,
    },
    /// A person was deleted who was in it; what it carried is gone.
    Forgotten,
}

impl From<State> for DeliveryState {
    fn from(state: State) -> Self {
        match state {
            State::Pending => Self::Pending,
            State::Read { counts } => Self::Read { counts },
            State::Ignored { reason } => Self::Ignored { reason },
            State::Quarantined => Self::Quarantined,
            State::Unfinished => Self::Unfinished,
            State::Failed { reason } => Self::Failed { reason },
            State::Forgotten => Self::Forgotten,
        }
    }
}

pub(super) async fn delivery(call: Call<NoParameters, Number>) -> Result<Response, Problem> {
    let Call { app, place: Number(number), .. } = call;
    blocking(move || {
        let Some(stored) = app.ledger.delivery(number)? else {
            return Err(Problem::not_found(format!("there is no delivery {number}")));
        };
        let delivery = stored.delivery;
        let quarantine = app.ledger.quarantine_of(number)?.into_iter();
        Ok(axum::Json(DeliveryAnswer {
            delivery: number,
            integration: delivery.integration,
            door: delivery.door,
            received: time(delivery.received_ms),
            what: match delivery.what {
                What::Request { query, headers } => Content::Request { query, headers, body: Body::new(stored.body) },
                What::Poll { task, .. } => Content::Poll { poll: task.into() },
                What::File { name, sha256, bytes } => Content::File { file: name, sha256, bytes },
            },
            state: delivery.state.into(),
            attempts: delivery.attempts,
            quarantine: quarantine.map(|(line, waiting)| Waiting::new(number, line, waiting)).collect(),
        })
        .into_response())
    })
    .await
}

/// What could not be read.
#[derive(Serialize, JsonSchema)]
pub(super) struct Quarantine {
    /// By delivery and line.
    quarantine: Vec<Waiting>,
    /// Where the list goes on: the parameter `cursor` of the next request. `null` at its end.
    next: Option<String>,
}

/// A delivery, or a row of one, that waits for a person or a new connector.
#[derive(Serialize, JsonSchema)]
struct Waiting {
    /// Number of the delivery.
    delivery: u64,
    /// Line of the row, from 1; 0 for the delivery as a whole.
    line: u64,
    /// Which integration.
    integration: String,
    /// Which door it came by.
    door: Door,
    /// When it was put here.
    #[schemars(with = "Option<Instant>")]
    since: Option<String>,
    /// Column or field at fault.
    field: Option<String>,
    /// The platform's id, if it could be read.
    id: Option<String>,
    /// Why.
    reason: String,
    /// The row as it stands in the file; empty for a whole delivery.
    raw: String,
    /// Connector and version that could not read it.
    connector: String,
}

impl Waiting {
    fn new(delivery: u64, line: u64, waiting: ledger::Quarantined) -> Self {
        Self {
            delivery,
            line,
            integration: waiting.integration,
            door: waiting.door,
            since: time(waiting.since_ms),
            field: waiting.field,
            id: waiting.id,
            reason: waiting.reason,
            raw: waiting.raw,
            connector: waiting.connector,
        }
    }
}

pub(super) async fn quarantine(call: Call<QuarantineParameters>) -> Result<Response, Problem> {
    let Call { app, asked: QuarantineParameters { integration: wanted, page }, .. } = call;
    blocking(move || {
        let after: Option<(u64, u64)> = page.after()?;
        let revision = app.ledger.book().revision();
        let rest = app
            .ledger
            .quarantine(usize::MAX)?
            .into_iter()
            .filter(|(delivery, line, _)| after.is_none_or(|after| (*delivery, *line) > after))
            .filter(|(_, _, waiting)| wanted.as_ref().is_none_or(|name| waiting.integration == *name));
        let (rows, next) = page.cut(revision, rest, |(delivery, line, _)| (*delivery, *line))?;
        let quarantine =
            rows.into_iter().map(|(delivery, line, waiting)| Waiting::new(delivery, line, waiting)).collect();
        Ok(axum::Json(Quarantine { quarantine, next }).into_response())
    })
    .await
}
