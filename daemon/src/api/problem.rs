//! Errors as problem details (RFC 9457).

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::Serialize;

use crate::doors::ImportError;
use crate::ledger::LedgerError;
use crate::report::ReportError;

/// What went wrong, for the one who asked. Internal causes go to the log instead.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Problem {
    /// Names the sort of problem; stable.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The sort in words.
    pub title: &'static str,
    /// HTTP status.
    pub status: u16,
    /// What is wrong with this request, and what to do.
    pub detail: String,
    /// Particulars, by the sort of problem.
    #[serde(flatten)]
    pub more: serde_json::Map<String, serde_json::Value>,
    /// The daemon must end, and why.
    #[serde(skip)]
    fatal: Option<String>,
}

/// Goes with the answer to a request that met a failing ledger: the daemon must end.
#[derive(Debug, Clone)]
pub(super) struct Fatal(pub(super) String);

impl Problem {
    fn new(status: StatusCode, kind: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        Self { kind, title, status: status.as_u16(), detail: detail.into(), more: serde_json::Map::new(), fatal: None }
    }

    /// The question cannot be understood.
    pub fn question(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "/problems/question", "The question cannot be answered as it stands", detail)
    }

    /// There is no such thing.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "/problems/not-found", "Not found", detail)
    }

    /// Whoever asks may not.
    pub fn unauthorized(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "/problems/unauthorized", "Not allowed", detail)
    }

    /// Whoever asks may not, whatever they send.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "/problems/forbidden", "Not allowed", detail)
    }

    /// The request is not meant for this server.
    pub fn misdirected(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::MISDIRECTED_REQUEST, "/problems/misdirected", "Wrong host", detail)
    }

    /// Configuration and connectors cannot be taken over.
    pub fn configuration(problems: Vec<String>) -> Self {
        let title = "The configuration is wrong";
        let kind = "/problems/configuration";
        let mut problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, kind, title, problems.join("\n\n"));
        problem.more.insert("problems".into(), problems.into());
        problem
    }

    /// The daemon is about to end.
    pub fn stopping(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "/problems/stopping", "ltvd is stopping", detail)
    }

    /// The daemon cannot answer at all at the moment.
    pub fn unready(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "/problems/unready", "Not ready", detail)
    }

    /// As many are at it as there may be.
    pub fn busy(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "/problems/busy", "Busy", detail)
    }

    /// The disk has no room, or hardly any.
    pub fn disk_full(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::INSUFFICIENT_STORAGE, "/problems/disk-full", "The disk is full", detail)
    }

    /// What was asked for is no more as it was.
    #[cfg_attr(not(test), allow(dead_code, reason = "for the lists behind figures"))]
    pub(super) fn changed(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "/problems/changed", "It has changed", detail)
    }

    /// The platform refused, or did not answer.
    pub fn platform(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_GATEWAY, "/problems/platform", "The platform refused", detail)
    }

    /// The daemon is at fault; the cause is in its log.
    pub fn internal() -> Self {
        let detail = "ltvd met an error of its own; its log says more";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "/problems/internal", "Internal error", detail)
    }

    /// The method does not fit.
    pub fn method() -> Self {
        let detail = "this address does not take that method";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "/problems/method", "Method not allowed", detail)
    }
}

impl From<ReportError> for Problem {
    fn from(error: ReportError) -> Self {
        let detail = error.to_string();
        match error {
            ReportError::MissingRates { missing, .. } => {
                let mut problem = Self::new(
                    StatusCode::UNPROCESSABLE_ENTITY,
                    "/problems/missing-rates",
                    "Exchange rates are missing",
                    detail,
                );
                let missing = serde_json::to_value(missing).unwrap_or_default();
                problem.more.insert("missing".into(), missing);
                problem
            }
            ReportError::NoAsOf { integrations } => {
                let mut problem = Self::new(
                    StatusCode::UNPROCESSABLE_ENTITY,
                    "/problems/no-as-of",
                    "It is not known up to when the data is complete",
                    detail,
                );
                problem.more.insert("integrations".into(), integrations.into());
                problem
            }
            ReportError::Question(_) => Self::question(detail),
            ReportError::TooLarge { .. } => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "/problems/too-large", "The amounts are too large", detail)
            }
            ReportError::Inconsistent { .. } => {
                tracing::error!(error = detail, "a report failed");
                Self::internal()
            }
        }
    }
}

impl From<LedgerError> for Problem {
    fn from(error: LedgerError) -> Self {
        if let LedgerError::NotNow(detail) = error {
            return Self::unready(detail);
        }
        tracing::error!(%error, "a request failed");
        if error.is_disk_full() {
            return Self { fatal: error.is_fatal().then(|| error.to_string()), ..Self::disk_full(error.to_string()) };
        }
        Self { fatal: error.is_fatal().then(|| error.to_string()), ..Self::internal() }
    }
}

impl From<&ImportError> for Problem {
    fn from(error: &ImportError) -> Self {
        let detail = error.to_string();
        match error {
            error if error.is_disk_full() => {
                tracing::error!(error = detail, "an import failed");
                Self::disk_full(detail)
            }
            ImportError::Ledger(_) => {
                tracing::error!(error = detail, "an import failed");
                Self::internal()
            }
            ImportError::Integration(_) => Self::question(detail),
            ImportError::File(_)
            | ImportError::Connector(_)
            | ImportError::TooSlow { .. }
            | ImportError::BadRows { .. } => {
                let mut problem = Self::new(
                    StatusCode::UNPROCESSABLE_ENTITY,
                    "/problems/file-refused",
                    "The file was refused; nothing was imported",
                    detail,
                );
                if let ImportError::BadRows { refused, .. } = error {
                    problem.more.insert("refused".into(), serde_json::to_value(refused).unwrap_or_default());
                }
                problem
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (status, body).into_response();
        if let Some(fatal) = self.fatal {
            response.extensions_mut().insert(Fatal(fatal));
        }
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if self.kind == "/problems/busy" {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
