//! Problems as HTTP answers: the only place where a failure becomes a status.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::engine::Failure;
use crate::protocol::Problem;

/// An error of a handler.
pub struct ApiError(pub Problem);

impl From<Problem> for ApiError {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl From<Failure> for ApiError {
    fn from(failure: Failure) -> Self {
        Self(match failure {
            Failure::Refused(refusal) => Problem::from(&refusal),
            Failure::Unavailable => Problem::unavailable(),
            Failure::CareAway => Problem::new(503, "care-away"),
            Failure::IdReused => Problem::field(409, "id-reused", "id"),
        })
    }
}

impl From<crate::engine::StoreError> for ApiError {
    fn from(error: crate::engine::StoreError) -> Self {
        tracing::error!(%error, "reading the log");
        Self(Problem::unavailable())
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self.0).unwrap_or_default();
        (status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response()
    }
}
