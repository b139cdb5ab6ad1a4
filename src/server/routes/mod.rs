//! Routes: what answers where. One endpoint a file where it is more than a few lines.

mod board;
mod closed;
mod commands;
mod description;
mod entries;
mod history;
mod medcom;
pub mod observations;
mod seat;
mod stream;
mod system;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use bytes::BytesMut;
use futures_util::StreamExt;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::App;
use super::asked;
use super::errors::ApiError;
use super::session::SourceSession;
use crate::protocol::{Problem, StreamItem, json};

/// A request body at most (bytes).
pub const BODY_MAX: usize = 256 * 1024;

#[derive(OpenApi)]
#[openapi(
    info(title = "Vagttavle", description = "Duty board for the on-call coordinators of Danish home care"),
    paths(medcom::medcom),
    components(schemas(StreamItem, Problem))
)]
struct Doc;

fn api() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(Doc::openapi())
        .routes(routes!(board::board))
        .routes(routes!(board::me))
        .routes(routes!(board::agreements))
        .routes(routes!(stream::stream))
        .routes(routes!(commands::command))
        .routes(routes!(seat::seat))
        .routes(routes!(observations::observations))
        .routes(routes!(entries::entry))
        .routes(routes!(entries::found))
        .routes(routes!(history::history))
        .routes(routes!(entries::audit))
        .routes(routes!(system::healthz))
        .routes(routes!(system::readyz))
        .routes(routes!(system::metrics))
        .routes(routes!(system::openapi))
}

/// The API description, OpenAPI 3.1.
pub fn open_api() -> serde_json::Value {
    description::whole(api().into_openapi())
}

pub fn router(app: App) -> Router {
    let (mut router, _) = api().split_for_parts();
    for receiver in &app.options.receivers {
        let path = format!("/v1/{}", receiver.path());
        let receiver = receiver.clone();
        let handler = move |State(app): State<App>, source: SourceSession, body: Body| async move {
            let posted = source.read(&app, body, receiver.body_max()).await?;
            let answer = receiver.receive(&posted.person, posted.body).await?;
            Ok::<_, ApiError>(([(header::CONTENT_TYPE, answer.content_type)], answer.body))
        };
        router = router.route(&path, post(handler));
    }
    router
        .fallback(|| async { ApiError(Problem::new(404, "no-such-place")) })
        .method_not_allowed_fallback(|| async { ApiError(Problem::new(405, "no-such-method")) })
        .layer(middleware::from_fn(asked::is_proper))
        .layer(middleware::from_fn(no_store))
        .layer(CatchPanicLayer::custom(|_| ApiError(Problem::new(500, "internal")).into_response()))
        .with_state(app)
}

/// Answers may carry personal data: nothing on the way may keep them.
async fn no_store(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Reads a body. Errors: too large, too slow (a body that drips must not hold a connection for ever), or broken off.
pub(super) async fn bytes(app: &App, body: Body, max: usize) -> Result<Bytes, ApiError> {
    match tokio::time::timeout(app.options.limits.body_read, whole(body, max)).await {
        Ok(read) => read.map_err(ApiError),
        Err(_) => Err(ApiError(Problem::new(StatusCode::REQUEST_TIMEOUT.as_u16(), "body-too-slow"))),
    }
}

async fn whole(body: Body, max: usize) -> Result<Bytes, Problem> {
    let (mut pieces, mut read) = (body.into_data_stream(), BytesMut::new());
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|_| Problem::new(400, "body-broken"))?;
        if read.len() + piece.len() > max {
            let status = StatusCode::PAYLOAD_TOO_LARGE.as_u16();
            return Err(Problem::new(status, "body-too-large").with("max", max));
        }
        read.extend_from_slice(&piece);
    }
    Ok(read.freeze())
}

/// Reads a JSON body. Errors: too large, too slow, not JSON, nested too deep; a name given twice, as nobody knows which
/// value was meant.
async fn json(app: &App, body: Body) -> Result<serde_json::Value, ApiError> {
    let read = json::read(&bytes(app, body, BODY_MAX).await?).map_err(|error| bad_json(&error))?;
    match read.doubled.into_iter().next() {
        None => Ok(read.value),
        Some(path) => Err(Problem::field(422, "duplicate-name", path).into()),
    }
}

/// Where it stops to be JSON; never what stands there.
fn bad_json(error: &serde_json::Error) -> Problem {
    Problem::new(400, "bad-json").with("line", error.line()).with("column", error.column())
}
