//! What a route is: enough to serve it, and enough to describe it.

use std::future::Future;
use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{MethodFilter, MethodRouter};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::Value;

use super::call::{Call, Place, service};
use super::parameter::{Asked, Parameter};
use super::problem::Problem;
use crate::app::App;

/// Makes the schema of one type, and those of the types in it.
pub(super) type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// A column of a CSV answer: its heading and what it holds.
pub(super) type Column = (&'static str, &'static str);

/// One way of asking, and what may come of it.
pub(super) struct Route {
    /// In small letters, as in OpenAPI.
    pub(super) method: &'static str,
    /// With `{…}` for what differs.
    pub(super) path: &'static str,
    /// In one line.
    pub(super) summary: &'static str,
    /// What differs in the path: name, meaning, JSON Schema.
    pub(super) place: Option<(&'static str, &'static str, Value)>,
    pub(super) parameters: Vec<&'static Parameter>,
    /// What the body holds, if there may be one.
    pub(super) body: Option<&'static str>,
    pub(super) answers: Vec<Content>,
    /// It carries an ETag, and is not sent again to those who have it.
    pub(super) cached: bool,
    /// It is answered without token, and whatever the Host header says.
    pub(super) open: bool,
    /// Statuses of problems, besides those that every route may answer.
    pub(super) problems: Vec<StatusCode>,
    pub(super) service: MethodRouter<Arc<App>>,
}

/// A success, in one of its forms.
pub(super) enum Content {
    /// `application/json`
    Json(SchemaOf),
    /// `application/x-ndjson`: lines of JSON.
    Lines(SchemaOf),
    /// `text/csv`
    Csv(&'static [Column]),
    /// `text/plain`
    Text(&'static str),
    /// `application/octet-stream`
    Bytes(&'static str),
}

impl Route {
    pub(super) fn get<P, L, F>(path: &'static str, summary: &'static str, handler: fn(Call<P, L>) -> F) -> Self
    where
        P: Asked,
        L: Place,
        F: Future<Output = Result<Response, Problem>> + Send + 'static,
    {
        Self::new("get", MethodFilter::GET, path, summary, handler)
    }

    pub(super) fn post<P, L, F>(path: &'static str, summary: &'static str, handler: fn(Call<P, L>) -> F) -> Self
    where
        P: Asked,
        L: Place,
        F: Future<Output = Result<Response, Problem>> + Send + 'static,
    {
        Self::new("post", MethodFilter::POST, path, summary, handler)
    }

    /// Parameters and place are those that the handler reads.
    fn new<P, L, F>(
        method: &'static str,
        filter: MethodFilter,
        path: &'static str,
        summary: &'static str,
        handler: fn(Call<P, L>) -> F,
    ) -> Self
    where
        P: Asked,
        L: Place,
        F: Future<Output = Result<Response, Problem>> + Send + 'static,
    {
        Self {
            method,
            path,
            summary,
            place: L::described(),
            parameters: P::table().collect(),
            body: None,
            answers: Vec::new(),
            cached: false,
            open: false,
            problems: Vec::new(),
            service: service(filter, handler),
        }
    }

    /// It takes a body.
    pub(super) fn body(mut self, about: &'static str) -> Self {
        self.body = Some(about);
        self
    }

    /// It answers JSON of this shape.
    pub(super) fn json<T: JsonSchema>(mut self) -> Self {
        self.answers.push(Content::Json(SchemaGenerator::subschema_for::<T>));
        self
    }

    /// It answers lines of JSON of this shape.
    pub(super) fn lines<T: JsonSchema>(mut self) -> Self {
        self.answers.push(Content::Lines(SchemaGenerator::subschema_for::<T>));
        self
    }

    /// It answers CSV with these columns.
    pub(super) fn csv(mut self, columns: &'static [Column]) -> Self {
        self.answers.push(Content::Csv(columns));
        self
    }

    /// It answers plain text.
    pub(super) fn text(mut self, about: &'static str) -> Self {
        self.answers.push(Content::Text(about));
        self
    }

    /// It answers bytes as they are kept.
    pub(super) fn bytes(mut self, about: &'static str) -> Self {
        self.answers.push(Content::Bytes(about));
        self
    }

    /// It carries an ETag.
    pub(super) fn cached(mut self) -> Self {
        self.cached = true;
        self
    }

    /// It needs no token.
    pub(super) fn open(mut self) -> Self {
        self.open = true;
        self
    }

    /// It may answer a problem of this status.
    pub(super) fn problem(mut self, status: StatusCode) -> Self {
        self.problems.push(status);
        self
    }
}
