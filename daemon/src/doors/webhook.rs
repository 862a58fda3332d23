//! The webhook listener: read with a cap, believe, make durable, answer 200; reading what it means comes later.
//!
//! It has an address of its own, apart from the report API, since this one may face the internet. Whoever does not know the
//! random part of an address learns nothing: an unknown integration and a wrong token give the same answer after the
//! same work.

mod callers;
mod origin;
mod provers;

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Extension, Path, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use http_body_util::BodyExt;
use secrecy::ExposeSecret;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Semaphore, SemaphorePermit, oneshot};

use crate::app::App;
use crate::clock::now_ms;
use crate::config::Integration;
use crate::connector::{Connector, Delivery, Header, Proof};
use crate::ledger::NewDelivery;
use crate::limits::{doors as limits, http};
use crate::peer::Peer;

use super::commits::{Answer, Waiting};
use super::proof;
use callers::{Callers, Refusal};
use provers::Provers;

pub use super::commits::Commits;

/// Headers that are never kept: they carry credentials, of a proxy for example.
const NOT_KEPT: [&str; 4] = ["authorization", "cookie", "proxy-authorization", "x-api-key"];

/// The name of the listener's task.
pub const LISTENER: &str = "webhooks";
/// The name of the task that commits what the listener takes in.
pub const COMMITTER: &str = "committer";

struct Door {
    app: Arc<App>,
    commits: Arc<Commits>,
    gate: Arc<Gate>,
}

/// What stands between the internet and the ledger. It outlives changes of the configuration.
#[derive(Debug)]
pub struct Gate {
    provers: Provers,
    /// Deliveries that may still be taken on.
    places: Semaphore,
    /// Bytes of bodies that may still be read.
    room: Semaphore,
    callers: Callers,
    shed: Shed,
}

impl Default for Gate {
    fn default() -> Self {
        Self {
            provers: Provers::start(),
            places: Semaphore::new(limits::DELIVERIES_WAITING),
            room: Semaphore::new(limits::BODIES_BYTES),
            callers: Callers::default(),
            shed: Shed::default(),
        }
    }
}

/// Requests that were turned away, told now and then: telling of each would cost more than answering it.
#[derive(Debug, Default)]
struct Shed(Mutex<(u64, Option<Instant>)>);

/// The routes of the listener.
pub fn router(app: Arc<App>, commits: Arc<Commits>, gate: Arc<Gate>) -> Router {
    Router::new()
        .route("/hooks/{integration}/{token}", any(receive))
        .route("/hooks/{integration}/{token}/", any(receive))
        .fallback(stray)
        .with_state(Arc::new(Door { app, commits, gate }))
}

/// Whether connections from there are those of many callers.
pub fn is_proxy(app: &App, address: IpAddr) -> bool {
    origin::is_proxy(&app.config.webhooks.trusted_proxies, address)
}

async fn stray(State(door): State<Arc<Door>>, Extension(peer): Extension<Peer>, request: Request) -> Response {
    let caller = door.origin(peer, request.headers());
    if !door.app.config.webhooks.answer.iter().any(|path| path == request.uri().path()) {
        return door.astray(caller);
    }
    if door.gate.callers.must_wait(caller, Refusal::Astray) {
        return too_many();
    }
    // It costs what a guess costs, and tells nothing: the answer is the same whoever is configured.
    door.gate.callers.refused(caller, Refusal::Astray);
    forget(request.into_body()).await.into_response()
}

/// Lets the sender finish, so that it sees the answer, and keeps nothing. What goes on beyond the limit is cut off.
async fn forget(mut body: Body) -> StatusCode {
    let whole = async {
        let mut left = limits::ANSWERED_BODY_BYTES;
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else { return StatusCode::BAD_REQUEST };
            match left.checked_sub(frame.data_ref().map_or(0, |data| data.len())) {
                Some(less) => left = less,
                None => break,
            }
        }
        StatusCode::OK
    };
    tokio::time::timeout(http::BODY_TIME, whole).await.unwrap_or(StatusCode::REQUEST_TIMEOUT)
}

impl Door {
    /// The platform is asked to come back.
    fn overloaded(&self, name: &str) -> Response {
        let mut shed = self.gate.shed.0.lock().unwrap_or_else(PoisonError::into_inner);
        shed.0 += 1;
        if shed.1.is_none_or(|told| told.elapsed() >= limits::SHED_TOLD_EVERY) {
            let requests = std::mem::take(&mut shed.0);
            shed.1 = Some(Instant::now());
            tracing::warn!(
                integration = name,
                requests,
                "too many deliveries at once; the platform is asked to come back"
            );
        }
        unavailable()
    }

    fn origin(&self, peer: Peer, headers: &HeaderMap) -> Option<IpAddr> {
        origin::origin(peer.0.ip(), headers, &self.app.config.webhooks.trusted_proxies)
    }

    /// Hands a delivery on to be made durable.
    fn keep(&self, name: &str, delivery: NewDelivery, answer: oneshot::Sender<Answer>) {
        let (answer, said) = if let Some(reason) = self.app.process.tasks.waits(COMMITTER) {
            tracing::warn!(integration = name, reason, "nothing can be kept now; the platform is asked to come back");
            (answer, unavailable())
        } else {
            match self.commits.waiting.try_send(Waiting { delivery: Some(delivery), answer }) {
                Ok(()) => return,
                Err(TrySendError::Full(waiting) | TrySendError::Closed(waiting)) => {
                    (waiting.answer, self.overloaded(name))
                }
            }
        };
        // The sender may have gone.
        let _ = answer.send(Answer::Said(said.into()));
    }

    /// There is nothing at this address.
    fn astray(&self, caller: Option<IpAddr>) -> Response {
        if self.gate.callers.must_wait(caller, Refusal::Astray) {
            return too_many();
        }
        self.gate.callers.refused(caller, Refusal::Astray);
        StatusCode::NOT_FOUND.into_response()
    }
}

async fn receive(
    State(door): State<Arc<Door>>,
    path: Result<Path<(String, String)>, PathRejection>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Response {
    let caller = door.origin(peer, request.headers());
    // Not even text.
    let Ok(Path((name, token))) = path else { return door.astray(caller) };
    if !is_admitted(&door.app, &name, &token) {
        return door.astray(caller);
    }
    // Whether a platform reaches this address is told when its webhooks are set up.
    door.app.process.polls.of(&name).set(|now| now.test_call_ms = Some(now_ms()));
    let method = request.method().clone();
    // Platforms look whether the address answers when it is saved.
    if method == Method::HEAD || method == Method::GET || method == Method::OPTIONS {
        return StatusCode::OK.into_response();
    }
    if method != Method::POST && method != Method::PUT {
        return (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "POST, GET, HEAD, OPTIONS")]).into_response();
    }
    if door.gate.callers.must_wait(caller, Refusal::Untrue) {
        return too_many();
    }
    let (head, body) = request.into_parts();
    let (body, _room) = match read_body(&door, body).await {
        Ok(read) => read,
        Err(Unread::NoRoom) => return door.overloaded(&name),
        Err(Unread::Bad(status)) => {
            tracing::warn!(integration = name, %status, "a webhook request was not read");
            return status.into_response();
        }
    };
    if body.is_empty() {
        return StatusCode::OK.into_response();
    }
    // Who cannot be answered soon is told so at once, which costs next to nothing.
    let Ok(_place) = door.gate.places.try_acquire() else { return door.overloaded(&name) };
    let delivery = Delivery {
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: headers(&head.headers),
        body,
        received_ms: now_ms(),
    };
    match answer_to(&door, &name, delivery).await {
        Some(Answer::Believed(durable)) => {
            door.gate.callers.believed(caller);
            if !durable {
                return unavailable();
            }
            door.app.process.inbox.notify_one();
            StatusCode::OK.into_response()
        }
        Some(Answer::Said(said)) => {
            if said.status() == StatusCode::UNAUTHORIZED {
                door.gate.callers.refused(caller, Refusal::Untrue);
            }
            *said
        }
        None => unavailable(),
    }
}

/// Whether this is the address of an integration. Takes the same time whether the name or the token is wrong.
fn is_admitted(app: &App, name: &str, token: &str) -> bool {
    /// As long as a token, so that comparing takes as long too.
    const NOBODY: &str = "no integration has this, yet it is compared";
    let found = app.integration(name).filter(|(_, connector)| connector.manifest.webhook.is_some());
    let expected = found.and_then(|(integration, _)| integration.webhook_token.as_ref());
    let expected_text = expected.map_or(NOBODY, |token| token.expose_secret());
    let same = proof::same(expected_text.as_bytes(), token.as_bytes());
    same && expected.is_some()
}

/// Why a body was not read.
enum Unread {
    /// Others have all the room that there is.
    NoRoom,
    /// It is too large, too slow, or broken.
    Bad(StatusCode),
}

/// Reads a body, and holds the room that it takes for as long as it is needed.
async fn read_body(door: &Door, mut body: Body) -> Result<(Vec<u8>, Option<SemaphorePermit<'_>>), Unread> {
    let most = door.app.config.webhooks.body_bytes_max;
    if axum::body::HttpBody::size_hint(&body).lower() > most as u64 {
        return Err(Unread::Bad(StatusCode::PAYLOAD_TOO_LARGE));
    }
    let whole = async {
        let (mut bytes, mut room) = (Vec::new(), None::<SemaphorePermit<'_>>);
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| Unread::Bad(StatusCode::BAD_REQUEST))?;
            let Ok(data) = frame.into_data() else { continue };
            if bytes.len() + data.len() > most {
                return Err(Unread::Bad(StatusCode::PAYLOAD_TOO_LARGE));
            }
            let more = u32::try_from(data.len()).map_err(|_| Unread::NoRoom)?;
            let more = door.gate.room.try_acquire_many(more).map_err(|_| Unread::NoRoom)?;
            match &mut room {
                Some(room) => room.merge(more),
                None => room = Some(more),
            }
            bytes.extend_from_slice(&data);
        }
        Ok((bytes, room))
    };
    tokio::time::timeout(http::BODY_TIME, whole).await.unwrap_or(Err(Unread::Bad(StatusCode::REQUEST_TIMEOUT)))
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

/// Has a delivery checked and, if it is believed, committed. It goes from the one to the other without coming back here, which would
/// only wake somebody once more. None if ltvd failed.
async fn answer_to(door: &Arc<Door>, name: &str, delivery: Delivery) -> Option<Answer> {
    let (answer, result) = oneshot::channel();
    let (at, name) = (Arc::clone(door), name.to_owned());
    let work = move || {
        let checked = match at.app.integration(&name) {
            Some((integration, connector)) => check(&at.app, integration, connector, delivery),
            None => Err(StatusCode::NOT_FOUND.into_response().into()),
        };
        match checked {
            Ok(new) => at.keep(&name, new, answer),
            // The sender may have gone.
            Err(said) => drop(answer.send(Answer::Said(said))),
        }
    };
    door.gate.provers.run(work).await;
    result.await.ok()
}

/// Asks the connector what must hold, and checks it. What is not believed is answered here.
/// The box keeps the usual case small.
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

fn unavailable() -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "30")]).into_response()
}

fn too_many() -> Response {
    let pause = limits::REFUSED_PAUSE.as_secs().to_string();
    (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, pause)]).into_response()
}
