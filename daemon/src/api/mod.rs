//! The report API: `/v1`, on loopback unless a token is set.
//!
//! Whatever the command line shows comes from here as well, over a socket or in the same process, so both always agree.

mod customers;
mod entries;
mod guard;
mod operations;
mod problem;
mod query;
mod reports;
mod syncs;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use crate::app::App;

pub use problem::Problem;

/// All routes of the API.
pub fn router(app: Arc<App>) -> Router {
    let guarded = Router::new()
        .route("/", get(operations::index))
        .route("/v1/ltv", get(reports::ltv))
        .route("/v1/revenue", get(reports::revenue))
        .route("/v1/customers/{email}", get(customers::customer))
        .route("/v1/entries", get(entries::entries))
        .route("/v1/integrations", get(operations::integrations))
        .route("/v1/status", get(operations::status))
        .route("/v1/imports", get(operations::imports).post(operations::import))
        .route("/v1/deliveries/{number}", get(operations::delivery))
        .route("/v1/quarantine", get(operations::quarantine))
        .route("/v1/quarantine/retry", post(operations::retry))
        .route("/v1/replay", post(operations::replay))
        .route("/v1/syncs", get(syncs::syncs))
        .route("/v1/integrations/{name}/sync", post(syncs::sync))
        .route("/v1/integrations/{name}/subscribe", post(syncs::subscribe))
        .route("/v1/integrations/{name}/unsubscribe", post(syncs::unsubscribe))
        .route("/v1/integrations/{name}/reconcile", post(syncs::reconcile))
        .layer(middleware::from_fn_with_state(Arc::clone(&app), guard::guard));
    Router::new()
        .route("/healthz", get(operations::healthz))
        .route("/readyz", get(operations::readyz))
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

/// An answer with an ETag of the ledger's revision and its own content, or 304 if the asker has it.
fn answer(request: &HeaderMap, revision: u64, content_type: &'static str, body: Vec<u8>) -> Response {
    use sha2::{Digest, Sha256};
    let digest = Sha256::digest(&body);
    let short = digest.iter().take(8).fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
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
