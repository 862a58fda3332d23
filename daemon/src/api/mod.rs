//! The report API: `/v1`, on loopback unless a token is set.
//!
//! Whatever the command line shows comes from here as well, over a socket or in the same process, so both always agree.
//! `routes.rs` is the table of what there is; `/openapi.json` tells it to programs.

pub(crate) mod backup;
mod behind;
mod call;
pub(crate) mod customers;
pub(crate) mod deliveries;
pub(crate) mod entries;
mod entry;
mod forget;
mod guard;
pub(crate) mod imports;
mod integrations;
mod lines;
mod metrics;
mod openapi;
mod page;
pub(crate) mod parameter;
pub(crate) mod platform;
mod problem;
mod raw;
pub(crate) mod reading;
pub(crate) mod reports;
mod route;
mod routes;
mod schema;
mod scope;
mod server;
mod state;
mod syncs;
mod upload;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, SecondsFormat};

use crate::app::App;

pub use problem::Problem;

/// All routes of the API.
pub fn router(app: Arc<App>) -> Router {
    let (open, guarded): (Vec<_>, Vec<_>) = routes::routes().into_iter().partition(|route| route.open);
    let of = |routes: Vec<route::Route>| {
        routes.into_iter().fold(Router::new(), |router, route| router.route(route.path, route.service))
    };
    let guarded = of(guarded).layer(middleware::from_fn_with_state(Arc::clone(&app), guard::guard));
    of(open)
        .merge(guarded)
        .fallback(|| async { Problem::not_found("there is nothing at this address; see / for what there is") })
        .method_not_allowed_fallback(|| async { Problem::method() })
        .with_state(app)
}

/// Work that scans or reads the disk, off the threads that serve connections.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Problem> + Send + 'static) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|panic| {
        tracing::error!(%panic, "a request failed");
        Err(Problem::internal())
    })
}

/// Work that goes on though nobody waits for it any more.
async fn to_the_end<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> Result<T, Problem> {
    tokio::spawn(work).await.map_err(|panic| {
        tracing::error!(%panic, "a request failed");
        Problem::internal()
    })
}

/// An answer with an ETag of the ledger's revision and its own content, or 304 if the asker has it.
fn answer(request: &HeaderMap, revision: u64, content_type: &'static str, body: Vec<u8>) -> Response {
    use sha2::{Digest, Sha256};
    let digest = Sha256::digest(&body);
    let short = hex::encode(digest.get(..8).unwrap_or_default());
    let etag = format!("\"{revision}-{short}\"");
    let known = request.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let matches = known.is_some_and(|known| known.split(',').any(|one| one.trim().trim_start_matches("W/") == etag));
    let mut response = if matches {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(header::CONTENT_TYPE, content_type)], Body::from(body)).into_response()
    };
    let headers = response.headers_mut();
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        headers.insert(header::ETAG, etag);
    }
    // Figures change with every delivery: a cache must ask each time.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn json(value: &impl serde::Serialize) -> Result<Vec<u8>, Problem> {
    serde_json::to_vec(value).map_err(|error| {
        tracing::error!(%error, "an answer cannot be written");
        Problem::internal()
    })
}

/// An instant, RFC 3339.
fn time(ms: i64) -> Option<String> {
    DateTime::from_timestamp_millis(ms).map(|at| at.to_rfc3339_opts(SecondsFormat::Secs, true))
}
