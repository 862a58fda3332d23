//! A request to a route, read: what was asked, about what, and by whom.

use std::future::Future;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{RawPathParams, Request, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodFilter, MethodRouter, on};
use serde_json::{Value, json};

use super::parameter::{Asked, Format, integer};
use super::problem::Problem;
use crate::app::App;

/// A request whose parameters fit.
#[derive(Debug)]
pub(super) struct Call<P, L = ()> {
    pub(super) app: Arc<App>,
    /// The parameters.
    pub(super) asked: P,
    /// What the path names.
    pub(super) place: L,
    pub(super) headers: HeaderMap,
    pub(super) body: Body,
}

/// The part of a path that differs from request to request.
pub(super) trait Place: Sized + Send + 'static {
    /// Its name in the path, what it means, and its JSON Schema.
    fn described() -> Option<(&'static str, &'static str, Value)>;

    /// Reads it.
    ///
    /// # Errors
    /// If it cannot be one.
    fn read(text: Option<&str>) -> Result<Self, Problem>;
}

impl Place for () {
    fn described() -> Option<(&'static str, &'static str, Value)> {
        None
    }

    fn read(_: Option<&str>) -> Result<Self, Problem> {
        Ok(())
    }
}

/// `{name}`: an integration.
#[derive(Debug)]
pub(super) struct Integration(pub(super) String);

impl Place for Integration {
    fn described() -> Option<(&'static str, &'static str, Value)> {
        Some(("name", "Name of an integration in the configuration", json!({ "type": "string", "minLength": 1 })))
    }

    fn read(text: Option<&str>) -> Result<Self, Problem> {
        Ok(Self(text.unwrap_or_default().to_owned()))
    }
}

/// `{customer}`: a customer.
#[derive(Debug)]
pub(super) struct Customer(pub(super) String);

impl Place for Customer {
    fn described() -> Option<(&'static str, &'static str, Value)> {
        Some((
            "customer",
            "E-mail address of a customer, or `integration/id` (with %2F for the slash) of one without",
            json!({ "type": "string", "minLength": 1 }),
        ))
    }

    fn read(text: Option<&str>) -> Result<Self, Problem> {
        Ok(Self(text.unwrap_or_default().to_owned()))
    }
}

/// `{number}`: a delivery.
#[derive(Debug)]
pub(super) struct Number(pub(super) u64);

impl Place for Number {
    fn described() -> Option<(&'static str, &'static str, Value)> {
        Some(("number", "Number of a delivery", json!({ "type": "integer", "minimum": 1, "maximum": i64::MAX })))
    }

    fn read(text: Option<&str>) -> Result<Self, Problem> {
        integer("number", text.unwrap_or_default(), 1, i64::MAX.unsigned_abs()).map(Self)
    }
}

impl<P: Asked, L: Place> Call<P, L> {
    fn read(app: Arc<App>, path: &RawPathParams, request: Request) -> Result<Self, Problem> {
        let (head, body) = request.into_parts();
        let place = L::read(path.iter().next().map(|(_, value)| value))?;
        let asked = P::read(head.uri.path(), head.uri.query())?;
        Ok(Self { app, asked, place, headers: head.headers, body })
    }

    /// How the answer is to be written: as asked, else CSV where the header `Accept` wants that, else JSON.
    pub(super) fn format(&self, asked: Option<Format>) -> Format {
        let accept = self.headers.get(axum::http::header::ACCEPT).and_then(|value| value.to_str().ok());
        let by_header = if accept.is_some_and(|accept| accept.trim_start().starts_with("text/csv")) {
            Format::Csv
        } else {
            Format::Json
        };
        asked.unwrap_or(by_header)
    }
}

/// A handler as the router takes it.
pub(super) fn service<P, L, F>(method: MethodFilter, handler: fn(Call<P, L>) -> F) -> MethodRouter<Arc<App>>
where
    P: Asked,
    L: Place,
    F: Future<Output = Result<Response, Problem>> + Send + 'static,
{
    on(method, move |State(app): State<Arc<App>>, path: Result<RawPathParams, _>, request: Request| async move {
        let path: RawPathParams = match path {
            Ok(path) => path,
            Err(error) => {
                let error: axum::extract::rejection::RawPathParamsRejection = error;
                return Problem::question(format!("the path cannot be read: {error}")).into_response();
            }
        };
        match Call::read(app, &path, request) {
            Ok(call) => handler(call).await.into_response(),
            Err(problem) => problem.into_response(),
        }
    })
}
