//! `/v1/deliveries/{number}/body` and `/exchanges`: what came, byte for byte, so that every figure can be held against it.

use std::io::Read;

use axum::body::Bytes;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use schemars::JsonSchema;
use serde::Serialize;
use tokio::sync::mpsc;

use super::blocking;
use super::call::{Call, Number};
use super::lines;
use super::page::PageParameters;
use super::parameter::{self, parameters};
use super::problem::Problem;
use crate::app::App;
use crate::ledger::{self, Came, What};
use crate::limits::api::PIECE_BYTES;

parameters! {
    /// Of `/v1/deliveries/{number}/body`.
    pub(crate) struct BodyParameters {
        /// The answer to this request to the platform, by its number in `exchanges`; what the delivery itself carried where it is left out
        exchange: Option<u64> = parameter::Number,
    }
}

parameters! {
    /// Of `/v1/deliveries/{number}/exchanges`.
    pub(crate) struct ExchangesParameters {
        ..page: PageParameters,
    }
}

/// What a platform was asked, in sequence.
#[derive(Serialize, JsonSchema)]
pub(super) struct Exchanges {
    /// By number.
    exchanges: Vec<ExchangeAnswer>,
    /// Where the list goes on: the parameter `cursor` of the next request. `null` at its end.
    next: Option<String>,
}

/// One request to a platform.
#[derive(Serialize, JsonSchema)]
struct ExchangeAnswer {
    /// Its number in the delivery, from 1.
    exchange: u64,
    /// Method, address, query and body, with names instead of secrets.
    request: String,
    /// What came back.
    came: Answered,
}

/// What came back.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "outcome")]
enum Answered {
    /// An answer; `/body` has what it carried.
    Response {
        /// HTTP status.
        status: u16,
        /// Headers.
        headers: Vec<(String, String)>,
        /// Of the body, hex.
        sha256: String,
    },
    /// No answer in time.
    Timeout,
    /// No connection, or it broke.
    Connection {
        /// Why.
        reason: String,
    },
    /// The answer was too large.
    TooLarge {
        /// The most that is taken.
        bytes: u64,
    },
    /// The request was not sent.
    Refused {
        /// Why.
        reason: String,
    },
}

impl From<Came> for Answered {
    fn from(came: Came) -> Self {
        match came {
            Came::Response { status, headers, sha256, .. } => Self::Response { status, headers, sha256 },
            Came::Timeout => Self::Timeout,
            Came::Connection(reason) => Self::Connection { reason },
            Came::TooLarge(bytes) => Self::TooLarge { bytes },
            Came::Refused(reason) => Self::Refused { reason },
        }
    }
}

pub(super) async fn exchanges(call: Call<ExchangesParameters, Number>) -> Result<Response, Problem> {
    let Call { app, asked: ExchangesParameters { page }, place: Number(delivery), .. } = call;
    blocking(move || {
        if app.ledger.delivery(delivery)?.is_none() {
            return Err(unknown(delivery));
        }
        // One more than a page tells whether there is another.
        let most = usize::try_from(page.limit).unwrap_or(usize::MAX).saturating_add(1);
        let heads = app.ledger.exchange_heads(delivery, page.after()?, most)?;
        let revision = app.ledger.book().revision();
        let (rows, next) = page.cut(revision, heads.into_iter(), |(number, _)| *number)?;
        let told = |(number, exchange): (u32, ledger::Exchange)| ExchangeAnswer {
            exchange: u64::from(number) + 1,
            request: exchange.request,
            came: exchange.came.into(),
        };
        Ok(axum::Json(Exchanges { exchanges: rows.into_iter().map(told).collect(), next }).into_response())
    })
    .await
}

/// Where bytes come from, and what a file of them is called.
struct Kept {
    name: String,
    source: Box<dyn Read + Send>,
}

pub(super) async fn body(call: Call<BodyParameters, Number>) -> Result<Response, Problem> {
    let Call { app, asked: BodyParameters { exchange }, place: Number(delivery), .. } = call;
    let Kept { name, mut source } = blocking(move || kept(&app, delivery, exchange)).await?;
    let (pieces, answer) = mpsc::channel::<std::io::Result<Bytes>>(4);
    tokio::task::spawn_blocking(move || {
        loop {
            let mut piece = Vec::new();
            let read = source.by_ref().take(PIECE_BYTES as u64).read_to_end(&mut piece);
            let last = !matches!(read, Ok(1..));
            if let Err(error) = &read {
                tracing::error!(%error, delivery, "an archived body could not be read to its end");
            }
            // An error breaks the answer off, so that it does not look whole.
            let gone = match read {
                Ok(0) => true,
                read => pieces.blocking_send(read.map(|_| Bytes::from(piece))).is_err(),
            };
            if gone || last {
                return;
            }
        }
    });
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
        // What anybody may have sent must not run as a page of this address.
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox".to_owned()),
    ];
    Ok((headers, lines::stream(answer)).into_response())
}

fn kept(app: &App, delivery: u64, exchange: Option<u64>) -> Result<Kept, Problem> {
    let Some(stored) = app.ledger.delivery(delivery)? else { return Err(unknown(delivery)) };
    if let Some(number) = exchange {
        let running = u32::try_from(number.saturating_sub(1)).unwrap_or(u32::MAX);
        return match app.ledger.response_body(delivery, running)? {
            Some(body) => Ok(bytes(format!("delivery-{delivery}-answer-{number}"), body)),
            None => Err(Problem::not_found(format!(
                "delivery {delivery} has no answer {number}; /v1/deliveries/{delivery}/exchanges lists what was asked. Answers are \
                 kept as long as `keep_responses_days` of the integration says"
            ))),
        };
    }
    match stored.delivery.what {
        What::Request { .. } if stored.delivery.state == ledger::State::Forgotten => Err(Problem::not_found(format!(
            "what delivery {delivery} carried is gone: it named a person who was forgotten"
        ))),
        What::Request { .. } => Ok(bytes(format!("delivery-{delivery}-body"), stored.body)),
        What::File { sha256, .. } => {
            Ok(Kept { name: format!("delivery-{delivery}.csv"), source: Box::new(app.ledger.archived(&sha256)?) })
        }
        What::Poll { .. } => Err(Problem::not_found(format!(
            "delivery {delivery} is a conversation with a platform and has no body of its own; \
             /v1/deliveries/{delivery}/exchanges lists what was asked, and `exchange=1` here gives the first answer"
        ))),
    }
}

fn bytes(name: String, body: Vec<u8>) -> Kept {
    Kept { name, source: Box::new(std::io::Cursor::new(body)) }
}

fn unknown(delivery: u64) -> Problem {
    Problem::not_found(format!("there is no delivery {delivery}"))
}
