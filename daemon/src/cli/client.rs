//! Asks the API: over the network if a daemon has the ledger, otherwise within this process.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use axum::response::Response;
use futures_util::StreamExt as _;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::Value;
use tower::ServiceExt as _;

use super::call::Call;
use super::failure::Failure;
use super::output;
use crate::app::{App, InForce, OpenError, Setup};
use crate::config;
use crate::doors;
use crate::ledger::LedgerError;
use crate::limits::cli::{ANSWER_BYTES, CONNECT, INBOX_LOOK};

/// One that answers.
#[derive(Debug)]
pub(super) struct Client {
    way: Way,
    /// Where the API is, or would be.
    listen: SocketAddr,
    token: Option<SecretString>,
}

#[derive(Debug)]
enum Way {
    /// There is no daemon, so the ledger is ours.
    Local { router: Router, app: Arc<App> },
    /// A daemon has the ledger.
    Remote(reqwest::Client),
}

/// What the API says of a question that it does not answer (RFC 9457).
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Problem {
    #[serde(rename = "type")]
    kind: String,
    status: u16,
    title: String,
    detail: String,
    /// Rows that keep a file from being imported.
    refused: Vec<Refused>,
}

/// A row that cannot be read.
#[derive(Debug, Deserialize)]
struct Refused {
    line: u32,
    #[serde(default)]
    column: Option<String>,
    reason: String,
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}", self.line)?;
        if let Some(column) = &self.column {
            write!(f, ", {column}")?;
        }
        write!(f, ": {}", self.reason)
    }
}

impl Client {
    /// Opens the ledger, or finds out that a daemon has it.
    pub(super) fn open(setup: Setup) -> Result<Self, Failure> {
        let listen = reachable(setup.config.api.listen);
        let token = setup.config.api.token.clone();
        let way = match App::open(setup) {
            Ok(app) => Way::Local { router: crate::api::router(Arc::clone(&app)), app },
            Err(OpenError::Ledger(LedgerError::InUse(_))) => Way::Remote(remote()?),
            Err(error) => return Err(error.into()),
        };
        Ok(Self { way, listen, token })
    }

    /// Of the daemon that was started with this address and this token.
    pub(super) fn of_daemon(listen: SocketAddr, token: Option<SecretString>) -> Result<Self, Failure> {
        Ok(Self { way: Way::Remote(remote()?), listen: reachable(listen), token })
    }

    /// Of the daemon, if one answers though its configuration is wrong by now.
    pub(super) async fn of_running_daemon(config: &Path) -> Option<Self> {
        let api = config::locate_api(config).ok()?;
        let client = Self::of_daemon(api.listen, api.token).ok()?;
        let answer = client.send(Call::get(&["healthz"])).await.ok()?;
        let body = axum::body::to_bytes(answer.into_body(), ANSWER_BYTES).await.ok()?;
        (body.as_ref() == b"ok\n").then(|| {
            output::warn(
                "the configuration is wrong (see `ltvd check`); the daemon answers by the one that is in force",
            );
            client
        })
    }

    /// Whether a daemon answers.
    pub(super) const fn is_daemon(&self) -> bool {
        matches!(self.way, Way::Remote(_))
    }

    /// Reads what waits in the inbox, where there is no daemon that does.
    pub(super) async fn read_inbox(&self) -> Result<(), Failure> {
        let Way::Local { app, .. } = &self.way else { return Ok(()) };
        let reader = tokio::spawn(doors::inbox::run(InForce::new(Arc::clone(app)), Arc::default()));
        let result = loop {
            if let Some(fatal) = app.fatal() {
                break Err(Failure::Failed(fatal));
            }
            match app.ledger.pending_count() {
                Ok(0) => break Ok(()),
                Ok(_) => tokio::time::sleep(INBOX_LOOK).await,
                Err(error) => break Err(Failure::Failed(error.to_string())),
            }
        };
        reader.abort();
        result
    }

    /// Asks. An answer that is no success is a failure.
    pub(super) async fn send(&self, call: Call) -> Result<Response, Failure> {
        let response = match &self.way {
            Way::Local { router, .. } => self.ask_router(router, call).await?,
            Way::Remote(http) => self.ask_daemon(http, call).await?,
        };
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let body = axum::body::to_bytes(response.into_body(), ANSWER_BYTES).await.unwrap_or_default();
        let problem: Problem = serde_json::from_slice(&body).unwrap_or_default();
        Err(Problem { status: status.as_u16(), ..problem }.into())
    }

    /// Asks for JSON.
    pub(super) async fn json(&self, call: Call) -> Result<Value, Failure> {
        let response = self.send(call).await?;
        let body = axum::body::to_bytes(response.into_body(), ANSWER_BYTES).await.map_err(broken_off)?;
        serde_json::from_slice(&body).map_err(|error| Failure::Failed(format!("the answer is no JSON: {error}")))
    }

    /// Asks, and writes the answer byte for byte.
    pub(super) async fn write(&self, call: Call) -> Result<(), Failure> {
        let mut pieces = self.send(call).await?.into_body().into_data_stream();
        while let Some(piece) = pieces.next().await {
            output::write(&piece.map_err(broken_off)?)?;
        }
        Ok(())
    }

    /// Asks, and writes the answer as it comes, with a newline at its end.
    pub(super) async fn print(&self, call: Call) -> Result<(), Failure> {
        let mut pieces = self.send(call).await?.into_body().into_data_stream();
        let mut last = b'\n';
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(broken_off)?;
            last = piece.last().copied().unwrap_or(last);
            output::write(&piece)?;
        }
        if last == b'\n' { Ok(()) } else { output::write(b"\n") }
    }

    async fn ask_router(&self, router: &Router, call: Call) -> Result<Response, Failure> {
        let mut request =
            Request::builder().method(call.method).uri(call.path).header(header::HOST, self.listen.to_string());
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, bearer(token));
        }
        let request = request
            .body(call.body.unwrap_or_default())
            .map_err(|error| Failure::Failed(format!("the question cannot be put: {error}")))?;
        match router.clone().oneshot(request).await {
            Ok(response) => Ok(response),
            Err(never) => match never {},
        }
    }

    async fn ask_daemon(&self, http: &reqwest::Client, call: Call) -> Result<Response, Failure> {
        let mut request = http.request(call.method, format!("http://{}{}", self.listen, call.path));
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, bearer(token));
        }
        if let Some(body) = call.body {
            request = request.body(reqwest::Body::wrap_stream(body.into_data_stream()));
        }
        let response = request.send().await.map_err(|error| {
            Failure::Temporary(format!(
                "no daemon answers at http://{}/ ({}). If it is starting or stopping, or another command has the ledger, try \
                 again; otherwise see that it runs, and that `api.listen` is the one that it was started with",
                self.listen,
                cause(&error)
            ))
        })?;
        Ok(axum::http::Response::<reqwest::Body>::from(response).map(Body::new))
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        let Problem { kind, status, title, detail, refused } = problem;
        let what = [detail, title].into_iter().find(|text| !text.is_empty());
        let mut what = what.unwrap_or_else(|| format!("the daemon answers with status {status} and no reason"));
        for row in refused {
            what.push_str(&format!("\n  {row}"));
        }
        match StatusCode::from_u16(status) {
            Ok(StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS | StatusCode::INSUFFICIENT_STORAGE) => {
                Self::Temporary(what)
            }
            Ok(StatusCode::UNPROCESSABLE_ENTITY) if kind == "/problems/configuration" => Self::Config(what),
            Ok(StatusCode::UNAUTHORIZED) => Self::Failed(format!(
                "{what}; the token is `api.token` of the configuration: see that the daemon was started with the same one"
            )),
            _ => Self::Failed(what),
        }
    }
}

/// The answer ended before its end.
pub(super) fn broken_off(error: impl std::error::Error) -> Failure {
    Failure::Temporary(format!("the answer broke off ({}); try again", cause(&error)))
}

fn remote() -> Result<reqwest::Client, Failure> {
    // The daemon is on this machine: a proxy of the environment is not meant for it.
    let built = reqwest::Client::builder().no_proxy().connect_timeout(CONNECT).build();
    built.map_err(|error| Failure::Failed(format!("the daemon cannot be asked: {}", cause(&error))))
}

fn bearer(token: &SecretString) -> String {
    format!("Bearer {}", token.expose_secret())
}

/// A listener on all addresses is reached on this machine by its own.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

/// The innermost cause: with errors of the network it is the one that says what happened.
fn cause(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_told_by_its_detail() {
        let told = |text: &str| Failure::from(serde_json::from_str::<Problem>(text).unwrap());
        let failure = told(r#"{"status": 400, "title": "Bad Request", "detail": "no such day", "more": 1}"#);
        assert!(matches!(failure, Failure::Failed(text) if text == "no such day"));
        let failure = told(r#"{"status": 503, "title": "Busy"}"#);
        assert!(matches!(failure, Failure::Temporary(text) if text == "Busy"));
        assert!(matches!(told("{}"), Failure::Failed(text) if text.contains("no reason")));
        let failure =
            told(r#"{"status": 422, "detail": "bad", "refused": [{"line": 3, "column": "Total", "reason": "?"}]}"#);
        assert!(matches!(failure, Failure::Failed(text) if text == "bad\n  line 3, Total: ?"));
    }

    #[test]
    fn all_addresses_are_reached_by_loopback() {
        let reached = |listen: &str| reachable(listen.parse().unwrap()).to_string();
        assert_eq!(reached("0.0.0.0:8380"), "127.0.0.1:8380");
        assert_eq!(reached("[::]:8380"), "[::1]:8380");
        assert_eq!(reached("192.168.1.2:1"), "192.168.1.2:1");
    }
}
