//! `GET /healthz`, `/readyz`, `/metrics`, `/openapi.json`: for the machine's owner and other programs.

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;

use crate::domain::entry::{Body, Entry};
use crate::domain::identity::Board;
use crate::protocol::Problem;
use crate::server::errors::ApiError;
use crate::server::{App, show};

/// The process answers.
#[utoipa::path(get, path = "/healthz", responses(
    (status = 200, description = "alive", body = String, content_type = "text/plain")))]
pub async fn healthz() -> &'static str {
    "ok\n"
}

/// The log can be written; if not, why.
#[utoipa::path(get, path = "/readyz", responses(
    (status = 200, description = "ready", body = String, content_type = "text/plain"), (status = 503, body = Problem)))]
pub async fn readyz(State(app): State<App>) -> Result<&'static str, ApiError> {
    let Some(trouble) = show::log_trouble(&app.engine) else {
        return Ok(if is_unwitnessed(&app) { "ready, and its witness was missing\n" } else { "ready\n" });
    };
    let mut problem = Problem::unavailable().with("why", trouble.why);
    for (name, number) in [("from", trouble.from), ("to", trouble.to)] {
        if let Some(number) = number {
            problem = problem.with(name, number);
        }
    }
    Err(problem.into())
}

/// Nobody has seen to it yet that the witness was missing at a start.
fn is_unwitnessed(app: &App) -> bool {
    let is_it = |entry: &Entry| match &entry.body {
        Body::Sources(it) => it.what.as_ref().is_some_and(|what| what.as_str() == "witness-missing"),
        _ => false,
    };
    app.engine.state().open_on(Board::Sources).any(is_it)
}

/// Counts in the text format of Prometheus.
#[utoipa::path(get, path = "/metrics", responses(
    (status = 200, description = "counts", body = String, content_type = "application/openmetrics-text")))]
pub async fn metrics(State(app): State<App>) -> impl IntoResponse {
    app.metrics.storing.set(i64::from(app.engine.is_storing()));
    (
        [(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")],
        app.metrics.text(),
    )
}

/// This description.
#[utoipa::path(get, path = "/openapi.json", responses(
    (status = 200, description = "OpenAPI 3.1", body = serde_json::Value)))]
pub async fn openapi() -> Json<serde_json::Value> {
    Json(super::open_api())
}
