//! Who may ask: the Host header must name this server (against DNS rebinding), pages of other sites may change nothing, and
//! the token must be right if there is one.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use secrecy::ExposeSecret;
use subtle::ConstantTimeEq;

use crate::app::App;

use super::problem::{Fatal, Problem};

pub(super) async fn guard(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    if let Some(host) = host
        && !is_ours(&app, host)
    {
        let detail = format!(
            "`{host}` is not a name of this server; ask by its address, or add the name to `allowed_hosts` under [api]"
        );
        return Problem::misdirected(detail).into_response();
    }
    if request.method() != Method::GET && request.method() != Method::HEAD && is_foreign(&app, host, request.headers())
    {
        let detail = "a page of another site may not change anything here";
        return Problem::forbidden(detail).into_response();
    }
    if let Some(token) = &app.config.api.token {
        let given = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let given =
            given.and_then(|value| value.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        let right = given.is_some_and(|(_, word)| {
            use sha2::{Digest, Sha256};
            let digest = |text: &str| Sha256::digest(text.as_bytes());
            digest(word.trim()).as_slice().ct_eq(digest(token.expose_secret()).as_slice()).into()
        });
        if !right {
            let detail = "send `Authorization: Bearer …` with the `token` of [api] in the configuration";
            return Problem::unauthorized(detail).into_response();
        }
    }
    let response = next.run(request).await;
    if let Some(Fatal(message)) = response.extensions().get() {
        app.end(message.clone());
    }
    response
}

/// A browser says where a request comes from; other programs say nothing. Only pages of this very server may change anything: one
/// from another port or address of this machine is as foreign as any.
fn is_foreign(app: &App, host: Option<&str>, headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let site = text("sec-fetch-site").is_some_and(|site| !matches!(site, "same-origin" | "none"));
    let allowed = &app.config.api.allowed_hosts;
    let origin = text("origin").is_some_and(|origin| {
        let from = origin.split_once("://").map(|(_, from)| from);
        let same = |name: &str| from.is_some_and(|from| from.eq_ignore_ascii_case(name));
        // A proxy with one of these names may ask by another.
        !host.is_some_and(same) && !allowed.iter().any(|name| same(name))
    });
    site || origin
}

fn is_ours(app: &App, host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    // An address cannot be rebound; a name can.
    bare.eq_ignore_ascii_case("localhost")
        || bare.parse::<IpAddr>().is_ok()
        || app
            .config
            .api
            .allowed_hosts
            .iter()
            .any(|allowed| allowed.eq_ignore_ascii_case(name) || allowed.eq_ignore_ascii_case(host))
}
