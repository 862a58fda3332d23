//! The webhook listener: read with a cap, believe, make durable, answer 200; reading what it means comes later.
//!
//! It has an address of its own, apart from the report API, since this one may face the internet. Whoever does not know the
//! random part of an address learns nothing: an unknown integration and a wrong token give the same answer after the
//! same work.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use http_body_util::{BodyExt, Limited};
use secrecy::ExposeSecret;
use tokio::sync::{Semaphore, mpsc, oneshot};

use crate::app::App;
use crate::clock::now_ms;
use crate::config::Integration;
use crate::connector::{Connector, Delivery, Header, Proof};
use crate::ledger::{LedgerError, NewDelivery};
use crate::limits::{doors as limits, http};

use super::proof;

/// Headers that are never kept: they carry credentials, of a proxy for example.
const NOT_KEPT: [&str; 4] = ["authorization", "cookie", "proxy-authorization", "x-api-key"];

struct Door {
    app: Arc<App>,
    commits: mpsc::Sender<Waiting>,
    proofs: Semaphore,
}

/// A believed delivery that waits for its commit.
struct Waiting {
    delivery: NewDelivery,
    committed: oneshot::Sender<bool>,
}

/// The routes of the listener, and the task that commits what it takes in.
pub fn router(app: Arc<App>) -> (Router, impl Future<Output = ()> + Send + 'static) {
    let (commits, waiting) = mpsc::channel(limits::DELIVERIES_WAITING);
    let committer = commit_in_groups(Arc::clone(&app), waiting);
    let door = Arc::new(Door { app, commits, proofs: Semaphore::new(limits::PROOFS_AT_A_TIME) });
    let router = Router::new()
        .route("/hooks/{integration}/{token}", any(receive))
        .route("/hooks/{integration}/{token}/", any(receive))
        .with_state(door);
    (router, committer)
}

async fn receive(
    State(door): State<Arc<Door>>,
    Path((name, token)): Path<(String, String)>,
    request: Request,
) -> Response {
    let Some((integration, connector)) = admitted(&door.app, &name, &token) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    // Whether a platform reaches this address is told when its webhooks are set up.
    door.app.polls.of(&name).set(|now| now.test_call_ms = Some(now_ms()));
    let method = request.method().clone();
    // Platforms look whether the address answers when it is saved.
    if method == Method::HEAD || method == Method::GET || method == Method::OPTIONS {
        return StatusCode::OK.into_response();
    }
    if method != Method::POST && method != Method::PUT {
        return (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "POST, GET, HEAD, OPTIONS")]).into_response();
    }
    let (head, body) = request.into_parts();
    let body = match read_body(body, door.app.config.webhooks.body_bytes_max).await {
        Ok(body) => body,
        Err(status) => {
            tracing::warn!(integration = name, %status, "a webhook request was not read");
            return status.into_response();
        }
    };
    if body.is_empty() {
        return StatusCode::OK.into_response();
    }
    let delivery = Delivery {
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: headers(&head.headers),
        body: body.to_vec(),
        received_ms: now_ms(),
    };
    let believed = believe(&door, integration.clone(), Arc::clone(connector), delivery).await;
    match believed {
        Ok(new) => keep(&door, &name, new).await,
        Err(answer) => *answer,
    }
}

/// The integration, if this is its address. Takes the same time whether the name or the token is wrong.
fn admitted<'a>(app: &'a App, name: &str, token: &str) -> Option<(&'a Integration, &'a Arc<Connector>)> {
    const NOBODY: &str = "no integration has this token, but it is compared all the same";
    let found = app.integration(name).filter(|(_, connector)| connector.manifest.webhook.is_some());
    let expected = found.and_then(|(integration, _)| integration.webhook_token.as_ref());
    let expected_text = expected.map_or(NOBODY, |token| token.expose_secret());
    let same = proof::same(expected_text.as_bytes(), token.as_bytes());
    if same && expected.is_some() { found } else { None }
}

async fn read_body(body: Body, most: usize) -> Result<Bytes, StatusCode> {
    let limited = Limited::new(body, most);
    match tokio::time::timeout(http::BODY_TIME, limited.collect()).await {
        Err(_) => Err(StatusCode::REQUEST_TIMEOUT),
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => Err(StatusCode::PAYLOAD_TOO_LARGE),
        Ok(Err(_)) => Err(StatusCode::BAD_REQUEST),
    }
}

fn headers(map: &HeaderMap) -> Vec<Header> {
    map.iter()
        .filter(|(name, _)| !NOT_KEPT.contains(&name.as_str()))
        .map(|(name, value)| Header {
            name: name.as_str().to_owned(),
            value: String::from_utf8_lossy(value.as_bytes()).into_owned(),
        })
        .collect()
}

/// Asks the connector what must hold, and checks it. What is not believed is answered here.
/// The box keeps the usual case small.
async fn believe(
    door: &Door,
    integration: Integration,
    connector: Arc<Connector>,
    delivery: Delivery,
) -> Result<NewDelivery, Box<Response>> {
    let Ok(_place) = door.proofs.acquire().await else { return Err(unavailable().into()) };
    let app = Arc::clone(&door.app);
    let checked = tokio::task::spawn_blocking(move || check(&app, &integration, &connector, delivery)).await;
    checked.unwrap_or_else(|panic| {
        tracing::error!(%panic, "checking a webhook request failed");
        Err(StatusCode::INTERNAL_SERVER_ERROR.into_response().into())
    })
}

fn check(
    app: &App,
    integration: &Integration,
    connector: &Connector,
    delivery: Delivery,
) -> Result<NewDelivery, Box<Response>> {
    let name = &integration.name;
    let context = app.call_context(integration, connector, delivery.received_ms).map_err(|error| {
        tracing::error!(integration = name, %error, "a webhook request could not be checked");
        app.check_fatal(&error);
        Box::new(unavailable())
    })?;
    let refuse = |why: &str| {
        tracing::warn!(integration = name, why, "a webhook request was refused");
        Err(StatusCode::UNAUTHORIZED.into_response().into())
    };
    let proof = match connector.prove(&delivery, &context) {
        Ok(proof) => proof,
        Err(error) => {
            tracing::error!(integration = name, %error, "a webhook request could not be checked");
            // It may be the connector's fault, so the platform should come back.
            return Err(StatusCode::INTERNAL_SERVER_ERROR.into_response().into());
        }
    };
    let Delivery { mut query, mut headers, mut body, received_ms } = delivery;
    match proof {
        Proof::AddressOnly => {}
        Proof::Ping(None) => return Err(StatusCode::OK.into_response().into()),
        Proof::Ping(Some(answer)) => {
            let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
            return Err((status, [(header::CONTENT_TYPE, answer.content_type)], answer.body).into_response().into());
        }
        Proof::Refuse(why) => return refuse(&why),
        Proof::Equals { secret, value } => {
            if !proof::equals(&integration.secrets, &secret, &value) {
                let why = if integration.secrets.contains_key(&secret) {
                    format!("its word is not the `{secret}` of the integration")
                } else {
                    format!("the integration has no `{secret}`; set it in the configuration")
                };
                return refuse(&why);
            }
            if value.len() < proof::WORD_BYTES_MIN {
                // Masking it would also strike amounts and names that happen to hold it.
                return refuse(
                    "its word is too short for a secret; choose one of at least 6 characters at the platform",
                );
            }
            body = proof::mask(&body, &value);
            query = proof::mask_text(&query, &value);
            for header in &mut headers {
                header.value = proof::mask_text(&header.value, &value);
            }
        }
        Proof::Hmac(hmac) => {
            if !proof::signed(&integration.secrets, &hmac, &body, received_ms) {
                return refuse("its signature is wrong or too old");
            }
        }
    }
    Ok(NewDelivery {
        integration: name.clone(),
        received_ms,
        query,
        headers: headers.into_iter().map(|header| (header.name, header.value)).collect(),
        body,
    })
}

/// Answers once the delivery is durable.
async fn keep(door: &Door, name: &str, delivery: NewDelivery) -> Response {
    let (committed, durable) = oneshot::channel();
    if door.commits.try_send(Waiting { delivery, committed }).is_err() {
        tracing::warn!(integration = name, "too many deliveries at once; the platform is asked to come back");
        return unavailable();
    }
    match durable.await {
        Ok(true) => {
            door.app.inbox.notify_one();
            StatusCode::OK.into_response()
        }
        Ok(false) | Err(_) => unavailable(),
    }
}

fn unavailable() -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "30")]).into_response()
}

/// Commits all deliveries that wait as one, again and again, until the listener is gone.
async fn commit_in_groups(app: Arc<App>, mut waiting: mpsc::Receiver<Waiting>) {
    let mut group = Vec::new();
    while waiting.recv_many(&mut group, limits::DELIVERIES_PER_COMMIT).await > 0 {
        let (deliveries, answers): (Vec<_>, Vec<_>) =
            group.drain(..).map(|waiting| (waiting.delivery, waiting.committed)).unzip();
        let ledger = Arc::clone(&app);
        let committed = tokio::task::spawn_blocking(move || ledger.ledger.receive(&deliveries)).await;
        let durable = match committed {
            Ok(Ok(_)) => true,
            Ok(Err(error)) => failed(&app, &error),
            Err(panic) => {
                tracing::error!(%panic, "a commit of webhook deliveries failed");
                false
            }
        };
        for answer in answers {
            // The platform may have hung up; the delivery is kept all the same.
            let _ = answer.send(durable);
        }
    }
}

fn failed(app: &App, error: &LedgerError) -> bool {
    tracing::error!(%error, "webhook deliveries could not be kept; none was acknowledged");
    app.check_fatal(error);
    false
}
