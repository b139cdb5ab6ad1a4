//! `POST /v1/seat`: a desk confirms that its person can see the board.

use axum::Json;
use axum::body::Body;
use axum::extract::State;

use super::json;
use crate::protocol::Problem;
use crate::protocol::seat::{EMPTY_AFTER_SECONDS, SeatReply, SeatReport, parse};
use crate::server::App;
use crate::server::errors::ApiError;
use crate::server::session::{Reader, not_allowed};

/// The terminal took what the desk drew; every three seconds. Ten seconds without, and the seat is empty. A desk that
/// may not act confirms nothing: whoever only looks on is nobody who listens.
#[utoipa::path(post, path = "/v1/seat", request_body = SeatReport, responses(
    (status = 200, body = SeatReply), (status = 401, body = Problem), (status = 403, body = Problem),
    (status = 422, body = Problem)))]
pub async fn seat(
    State(app): State<App>,
    Reader(person): Reader,
    body: Body,
) -> Result<Json<SeatReply>, ApiError> {
    if !person.role.may_act() {
        return Err(not_allowed(person.role));
    }
    app.seats.told(&person.name, parse(json(&app, body).await?)?);
    Ok(Json(SeatReply { empty_after_s: EMPTY_AFTER_SECONDS }))
}
