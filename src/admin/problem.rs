//! A request that is not followed, and by which rule (RFC 9457).

use std::borrow::Cow;
use std::fmt;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::server::command::CommandError;

use super::json::ProblemBody;

/// A request that is not followed.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) status: StatusCode,
    /// A sentence: what is wrong, and what would be right.
    pub(super) why: String,
    /// The section of a document that says so.
    pub(super) rule: Cow<'static, str>,
}

impl Failure {
    pub(super) fn new(status: StatusCode, why: impl Into<String>, rule: &'static str) -> Self {
        Self { status, why: why.into(), rule: rule.into() }
    }

    /// A question that makes no sense.
    pub(super) fn wrong(why: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, why, "RFC 9110 §15.5.1")
    }

    /// A question that cannot be read.
    pub(super) fn unreadable(status: StatusCode, why: String) -> Self {
        let rule = match status {
            StatusCode::PAYLOAD_TOO_LARGE => "RFC 9110 §15.5.14",
            _ => "RFC 9110 §15.5.1",
        };
        Self::new(status, why, rule)
    }

    /// There is nothing of this name.
    pub(super) fn not_found(why: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, why, "RFC 9110 §15.5.5")
    }

    /// No answer is possible now.
    pub(super) fn unavailable(why: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, why, "RFC 9110 §15.6.4")
    }

    /// The engine's refusal of a command that `rule` is about.
    pub(super) fn of_command(error: &CommandError, rule: &'static str) -> Self {
        match error {
            CommandError::UnknownRelationship { .. } | CommandError::UnknownAddress(_) => {
                Self::not_found(error.to_string())
            }
            CommandError::Refused { .. } => {
                Self::new(StatusCode::CONFLICT, error.to_string(), rule)
            }
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let body = ProblemBody {
            error: self.why.clone(),
            kind: "about:blank".to_owned(),
            title: self.status.canonical_reason().unwrap_or("Error").to_owned(),
            status: self.status.as_u16(),
            detail: self.why,
            rule: self.rule.into_owned(),
        };
        let mut response = (self.status, Json(body)).into_response();
        let headers = response.headers_mut();
        let problem = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, problem);
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
