//! Asking platforms. A connector says what it wants sent; the courier of its integration looks whether it may, puts the
//! secrets in, keeps the pace, tries again, and brings back what came.
//!
//! It does not follow redirects, uses no proxy, and connects to no address outside the public internet unless the operator
//! says so. Whatever it brings back is free of the integration's secrets.

mod address;
mod hosts;
mod oauth1;
mod pace;
mod retry;
mod tls;
mod wire;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use secrecy::SecretString;
use tokio::time::Instant;
use url::Url;

use crate::clock::now_ms;
use crate::config::Integration;
use crate::connector::{Header, NoResponse, Reply, Request, Response};
use crate::limits::platform as limits;
use crate::model::manifest::Manifest;
use crate::redact::Redactor;

use self::address::Guarded;
use self::hosts::Hosts;
use self::pace::Pace;

/// Sends the requests of one integration.
pub struct Courier {
    client: reqwest::Client,
    hosts: Hosts,
    secrets: BTreeMap<String, SecretString>,
    redactor: Redactor,
    /// For the archive and for people. A connector has to know the webhook address to find it among those of the platform,
    /// and a user name may be a word of the data.
    kept: Redactor,
    pace: Pace,
    timeout: Duration,
}

impl std::fmt::Debug for Courier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Courier").field("hosts", &self.hosts).finish_non_exhaustive()
    }
}

/// An integration that cannot ask its platform.
#[derive(Debug, thiserror::Error)]
pub enum CourierError {
    /// The file of certificates.
    #[error("`ca_file` {path}: {reason}")]
    CaFile {
        /// The file.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// TLS or the client itself.
    #[error("requests over https cannot be sent: {0}")]
    Client(String),
}

/// What one conversation may use up.
#[derive(Debug)]
pub struct Budget {
    deadline: Instant,
    requests: AtomicU64,
    bytes: AtomicU64,
}

impl Budget {
    /// So much time from now, and the limits of a conversation.
    pub fn new(time: Duration) -> Self {
        Self {
            deadline: Instant::now() + time,
            requests: AtomicU64::new(limits::REQUESTS),
            bytes: AtomicU64::new(limits::RECEIVED_BYTES),
        }
    }

    /// Requests sent so far, attempts included.
    pub fn requests_sent(&self) -> u64 {
        limits::REQUESTS.saturating_sub(self.requests.load(Ordering::Relaxed))
    }

    /// Bytes received so far.
    pub fn bytes_received(&self) -> u64 {
        limits::RECEIVED_BYTES.saturating_sub(self.bytes.load(Ordering::Relaxed))
    }

    /// Whether time, requests or bytes are used up.
    pub fn is_spent(&self) -> bool {
        Instant::now() >= self.deadline
            || self.requests.load(Ordering::Relaxed) == 0
            || self.bytes.load(Ordering::Relaxed) == 0
    }

    /// Takes up to so much; false if there was less.
    fn take(counter: &AtomicU64, amount: u64) -> bool {
        counter
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| Some(left.saturating_sub(amount)))
            .is_ok_and(|left| left >= amount)
    }
}

pub use wire::key;

/// What became of a request.
#[derive(Debug, Clone)]
pub struct Sent {
    /// The request without secrets: what it is found by in the archive.
    pub key: String,
    /// For the connector, and for the archive.
    pub reply: Reply,
}

impl Courier {
    /// For an integration and its connector.
    ///
    /// # Errors
    /// If TLS does not work here, or the operator's file of certificates cannot be read.
    pub fn new(integration: &Integration, manifest: &Manifest) -> Result<Self, CourierError> {
        let polling = &integration.polling;
        let resolver = Guarded { private: polling.allow_private_addresses, connect_to: polling.connect_to.clone() };
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls::config(polling.ca_file.as_deref())?)
            .user_agent(concat!("ltvd/", env!("CARGO_PKG_VERSION"), " (self-hosted; collects orders for their owner)"))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .connect_timeout(limits::CONNECT)
            .dns_resolver(resolver)
            .build()
            .map_err(|error| CourierError::Client(error.without_url().to_string()))?;
        let (open, per_minute, timeout) = match &manifest.polling {
            Some(described) => (
                described.concurrent_requests_max.min(polling.concurrent_requests.unwrap_or(u32::MAX)),
                gentler(described.requests_per_minute_max, polling.requests_per_minute),
                Duration::from_millis(u64::from(described.request_timeout_ms)),
            ),
            None => (1, polling.requests_per_minute, Duration::from_secs(60)),
        };
        Ok(Self {
            client,
            hosts: Hosts::new(manifest, integration),
            secrets: integration.secrets.clone(),
            redactor: Redactor::new(
                integration.secrets.iter().filter(|(name, _)| !is_user_name(name)).map(|(_, secret)| secret),
            ),
            kept: Redactor::new(integration.secrets.values().chain(&integration.webhook_token)),
            pace: Pace::new(open, per_minute),
            timeout,
        })
    }

    /// What the one before owes the platform holds for this one as well: its pace, and the silence that was asked for.
    pub fn goes_on_from(&mut self, before: &Self) {
        self.pace.goes_on_from(&before.pace);
    }

    /// Frees a text of the integration's secrets.
    pub fn clean(&self, text: String) -> String {
        self.kept.owned(text)
    }

    /// As [`Courier::clean`], for what is archived.
    pub fn clean_archived(&self, bytes: &mut Vec<u8>) {
        if let std::borrow::Cow::Owned(struck) = self.kept.bytes(bytes) {
            *bytes = struck;
        }
    }

    /// How long the platform still wants to be left alone, if that is too long to be waited for.
    pub fn silence(&self) -> Option<Duration> {
        Some(self.pace.silence_left()).filter(|left| *left > limits::RETRY_AFTER_MAX)
    }

    /// Sends the requests of one step, as many at a time as the pace allows. Gives what became of each, in order.
    pub async fn send_all(&self, requests: &[Request], budget: &Budget) -> Vec<Sent> {
        // Bodies of one step are in memory together.
        let room = AtomicU64::new(limits::STEP_BYTES);
        join_all(requests.iter().map(|request| self.send(request, budget, &room))).await
    }

    async fn send(&self, request: &Request, budget: &Budget, room: &AtomicU64) -> Sent {
        let outcome = match self.admit(request) {
            Ok(url) => self.attempts(request, &url, budget, room).await,
            Err(why) => Err(NoResponse::Refused(why)),
        };
        Sent { key: wire::key(request), reply: Reply { tag: request.tag.clone(), outcome } }
    }

    fn admit(&self, request: &Request) -> Result<Url, String> {
        let url = Url::parse(&request.url).map_err(|error| format!("the address is none: {error}"))?;
        match self.hosts.refusal(&url) {
            Some(why) => Err(why),
            // So that a request that can never be sent costs no time.
            None => wire::request(request, &url, &self.secrets).map(|_| url),
        }
    }

    async fn attempts(
        &self,
        request: &Request,
        url: &Url,
        budget: &Budget,
        room: &AtomicU64,
    ) -> Result<Response, NoResponse> {
        let attempts_max = match (request.repeatable, request.attempts_max) {
            (false, _) => 1,
            (true, 0) => limits::ATTEMPTS,
            (true, wanted) => u32::from(wanted).min(limits::ATTEMPTS),
        };
        if request.wait_ms > 0 {
            tokio::time::sleep(Duration::from_millis(u64::from(request.wait_ms))).await;
        }
        let mut attempt = 1;
        loop {
            let left = budget.deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                // Passing, unlike a request that must not be sent.
                return Err(NoResponse::Connection("the time for this task is used up".to_owned()));
            }
            if !Budget::take(&budget.requests, 1) {
                let why = format!("the task has sent {} requests, which is the limit", limits::REQUESTS);
                return Err(NoResponse::Connection(why));
            }
            // The place is given back before a pause, so that others go on.
            let outcome = {
                let _place = self.pace.place().await;
                match tokio::time::timeout_at(budget.deadline, self.pace.turn(limits::RETRY_AFTER_MAX)).await {
                    Ok(Ok(())) => {}
                    Ok(Err(left)) => return Err(NoResponse::Connection(wants_silence(left))),
                    Err(_) => return Err(NoResponse::Connection("the time for this task is used up".to_owned())),
                }
                self.attempt(request, url, budget, room).await
            };
            let wanted = outcome.as_ref().ok().and_then(|response| retry::retry_after(response, now_ms()));
            if let (Some(pause), Ok(response)) = (wanted, &outcome)
                && matches!(response.status, 429 | 503)
            {
                self.pace.be_silent(pause.min(limits::SILENCE_MAX));
            }
            let too_long = wanted.is_some_and(|pause| pause > limits::RETRY_AFTER_MAX);
            if attempt >= attempts_max || too_long || !retry::is_passing(&outcome) {
                return outcome;
            }
            // A clock that differs from the platform's may make its date lie in the past.
            let own = retry::pause(attempt, random());
            let pause = wanted.map_or(own, |wanted| wanted.max(own));
            tracing::debug!(
                url = %request.url,
                attempt,
                pause_ms = pause.as_millis() as u64,
                outcome = %told(&outcome),
                "a request is tried again"
            );
            tokio::time::sleep(pause.min(budget.deadline.saturating_duration_since(Instant::now()))).await;
            attempt += 1;
        }
    }

    async fn attempt(
        &self,
        request: &Request,
        url: &Url,
        budget: &Budget,
        room: &AtomicU64,
    ) -> Result<Response, NoResponse> {
        let sent = wire::request(request, url, &self.secrets).map_err(NoResponse::Refused)?;
        let time = self.timeout.min(budget.deadline.saturating_duration_since(Instant::now()));
        let exchange = async {
            let response = self.client.execute(sent).await.map_err(no_response)?;
            let status = response.status().as_u16();
            let headers = self.headers(response.headers());
            let body = self.body(response, budget, room).await?;
            Ok(Response { status, headers, body })
        };
        tokio::time::timeout(time, exchange).await.unwrap_or(Err(NoResponse::Timeout))
    }

    fn headers(&self, headers: &reqwest::header::HeaderMap) -> Vec<Header> {
        let kept = headers.iter().filter(|(name, value)| {
            // Nothing of a session is of use, and it may be as good as a password.
            !matches!(name.as_str(), "set-cookie" | "www-authenticate") && value.len() <= limits::HEADER_BYTES
        });
        kept.take(limits::HEADERS)
            .map(|(name, value)| Header {
                name: name.as_str().to_owned(),
                value: self.redactor.owned(String::from_utf8_lossy(value.as_bytes()).into_owned()),
            })
            .collect()
    }

    async fn body(
        &self,
        mut response: reqwest::Response,
        budget: &Budget,
        room: &AtomicU64,
    ) -> Result<Vec<u8>, NoResponse> {
        let mut body = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(no_response)? {
            let bytes = piece.len() as u64;
            let fits = Budget::take(room, bytes) && Budget::take(&budget.bytes, bytes);
            if !fits || body.len() as u64 + bytes > limits::RESPONSE_BYTES {
                return Err(NoResponse::TooLarge(limits::RESPONSE_BYTES));
            }
            body.extend_from_slice(&piece);
        }
        Ok(match self.redactor.bytes(&body) {
            std::borrow::Cow::Borrowed(_) => body,
            std::borrow::Cow::Owned(struck) => struck,
        })
    }
}

/// What people are told about a platform that wants to be left alone.
pub fn wants_silence(left: Duration) -> String {
    format!("the platform wants no requests for another {} minutes", left.as_secs().div_ceil(60))
}

/// Whether a secret is a name rather than a word: its value may well stand in the data, and striking it out there would
/// change what a connector reads.
pub(crate) fn is_user_name(setting: &str) -> bool {
    setting.ends_with("_id") || setting.contains("login") || setting.contains("user")
}

fn gentler(one: Option<u32>, other: Option<u32>) -> Option<u32> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// An error of the network, without the address, which may hold credentials.
fn no_response(error: reqwest::Error) -> NoResponse {
    if error.is_timeout() {
        return NoResponse::Timeout;
    }
    let mut causes = Vec::new();
    let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(&error);
    while let Some(inner) = cause {
        // What was refused stays refused however often it is tried.
        if let Some(refused) = refused(inner) {
            return NoResponse::Refused(refused);
        }
        let text = inner.to_string();
        if causes.last() != Some(&text) {
            causes.push(text);
        }
        cause = inner.source();
    }
    let what = if error.is_connect() { "no connection" } else { "the connection broke" };
    // The innermost cause says what happened; the others say that something did.
    let why = causes.pop().map(|why| {
        if why.contains("close_notify") {
            "the other side hung up in the middle of the answer".to_owned()
        } else if why.contains("UnknownIssuer") {
            format!("{why}: nobody that this machine trusts vouches for its certificate; one of its own can be named as `ca_file`")
        } else {
            why
        }
    });
    NoResponse::Connection(why.map_or_else(|| what.to_owned(), |why| format!("{what}: {why}")))
}

fn refused(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    if let Some(found) = error.downcast_ref::<Arc<address::PrivateAddress>>() {
        return Some(found.to_string());
    }
    error.downcast_ref::<address::PrivateAddress>().map(ToString::to_string)
}

/// What became of an attempt, for the log.
fn told(outcome: &Result<Response, NoResponse>) -> String {
    match outcome {
        Ok(response) => format!("HTTP {}", response.status),
        Err(NoResponse::Timeout) => "no answer in time".to_owned(),
        Err(NoResponse::Connection(why) | NoResponse::Refused(why)) => why.clone(),
        Err(NoResponse::TooLarge(limit)) => format!("more than {limit} bytes"),
    }
}

fn random() -> u64 {
    let mut bytes = [0; 8];
    // Without randomness pauses are only more alike.
    let _ = getrandom::fill(&mut bytes);
    u64::from_le_bytes(bytes)
}
