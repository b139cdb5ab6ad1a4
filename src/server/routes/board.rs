//! `GET /v1/board`, `/v1/me`, `/v1/agreements`.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::protocol::board::{BoardSnapshot, Me};
use crate::protocol::{Problem, project};
use crate::server::session::{Reader, Session};
use crate::server::{App, carried, show};

/// What is open in the asker's scope; of visits as planned only those nearest to now, with the number of all.
#[utoipa::path(get, path = "/v1/board", responses(
    (status = 200, body = BoardSnapshot), (status = 401, body = Problem), (status = 403, body = Problem)))]
pub async fn board(State(app): State<App>, Reader(person): Reader) -> Json<BoardSnapshot> {
    let (state, now) = (app.engine.state(), app.engine.clock.now());
    let scope = &person.agreements;
    let carried: Vec<_> = carried::entries(&state, scope, now).collect();
    let withheld = app.looks.on_board(&person.name, show::shown(&carried)).await;
    let mut entries: Vec<_> = carried
        .into_iter()
        .map(|it| show::entry_but(&app.engine, &state, it, scope, now, &withheld))
        .collect();
    entries.sort_by(crate::protocol::urgency::order);
    Json(BoardSnapshot {
        sequence: state.head.0,
        now,
        rate: app.engine.clock.rate(),
        entries,
        at_rest: carried::at_rest(&state, scope),
        sources: show::sources(&app.engine, scope, now),
        ledgers: project::ledgers(&state, scope, now),
        answering: project::answering(&state, scope, now),
        shift: show::shift(&state, scope, |name| app.seats.is_taken(name)),
        contacts: project::contacts(&state, scope, now),
        synthetic: app.options.synthetic,
        notes_waiting: show::notes_waiting(&app.engine, &state, scope),
        log: show::log_trouble(&app.engine),
    })
}

/// Who the token belongs to.
#[utoipa::path(get, path = "/v1/me", responses((status = 200, body = Me), (status = 401, body = Problem)))]
pub async fn me(Session(person): Session) -> Json<Me> {
    Json(Me {
        name: person.name.to_string(),
        role: person.role.name().to_owned(),
        agreements: person.agreements,
    })
}

/// An agreement in force, each value with where it comes from.
#[derive(Serialize, ToSchema)]
pub struct AgreementView {
    /// SHA-256 of what was adopted, hex.
    hash: String,
    #[schema(value_type = Object)]
    agreement: crate::domain::agreement::Agreement,
}

/// The agreements of the asker's scope.
#[utoipa::path(get, path = "/v1/agreements", responses(
    (status = 200, body = Vec<AgreementView>), (status = 401, body = Problem), (status = 403, body = Problem)))]
pub async fn agreements(State(app): State<App>, Reader(person): Reader) -> Json<Vec<AgreementView>> {
    let state = app.engine.state();
    let views = state.rules(&person.agreements);
    Json(views.map(|rules| AgreementView { hash: rules.hash(), agreement: rules.clone() }).collect())
}
