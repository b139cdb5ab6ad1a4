//! `POST /v1/commands`.

use axum::Json;
use axum::body::Body;
use axum::extract::State;

use super::json;
use crate::domain::Actor;
use crate::domain::entry::Entry;
use crate::engine::{Failure, Order};
use crate::protocol::Problem;
use crate::protocol::commands::{self, Command, CommandReply, CommandRequest};
use crate::protocol::remnant::remnant;
use crate::server::errors::ApiError;
use crate::server::session::Reader;
use crate::server::{App, scope, show};

/// Gives a command. Answered after it is on disk; the same id gives the same answer.
#[utoipa::path(post, path = "/v1/commands", request_body = CommandRequest, responses(
    (status = 200, body = CommandReply), (status = 401, body = Problem), (status = 403, body = Problem),
    (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem),
    (status = 503, body = Problem)))]
pub async fn command(
    State(app): State<App>,
    Reader(person): Reader,
    body: Body,
) -> Result<Json<CommandReply>, ApiError> {
    let answered = answer(&app, &person, body).await;
    app.metrics.command(match &answered {
        Ok(_) => "done",
        Err(ApiError(problem)) if problem.status >= 500 => "failed",
        Err(_) => "refused",
    });
    answered.map(Json)
}

async fn answer(
    app: &App,
    person: &crate::domain::people::Person,
    body: Body,
) -> Result<CommandReply, ApiError> {
    if !person.role.may_act() {
        return Err(crate::server::session::not_allowed(person.role));
    }
    let parsed = commands::parse(json(app, body).await?)?;
    let (id, entry) = (parsed.id.clone(), parsed.entry);
    let (expected_version, happened_at) = (parsed.expected_version, parsed.happened_at);
    let state = app.engine.state();
    let board = match entry {
        None => None,
        Some(id) => {
            let found = scope::find(&state, &person.agreements, id).ok_or_else(Problem::not_found)?;
            Some(found.board())
        }
    };
    let command = parsed.command(board)?;
    if command.demands_version() && expected_version.is_none() {
        return Err(Problem::field(422, "missing-field", "expected_version").into());
    }
    let actor = Actor::Person(person.name.clone());
    let done = match (command, entry) {
        (Command::Plain(command), _) => {
            app.engine.order(Order { id, actor, entry, expected_version, happened_at, command }).await
        }
        (Command::Note { .. } | Command::Justification { .. }, None) => {
            Err(Failure::Refused(crate::domain::Refusal::EntryMissing))
        }
        (Command::Note { text }, Some(entry)) => app.engine.note(id, actor, entry, text.into()).await,
        (Command::Justification { channel, text }, Some(entry)) => {
            app.engine.justify(id, actor, entry, happened_at, channel, text.into()).await
        }
    }?;
    let now = app.engine.clock.now();
    // Given to others by this command: who gave it sees no more of it than any other desk.
    let entry = done.entry.and_then(|id| done.state.entry(id));
    let is_seen = |entry: &&Entry| scope::may_see(&person.agreements, entry);
    let left = entry.filter(|entry| !is_seen(entry)).map(|entry| remnant(entry, now));
    let entry = entry.filter(is_seen);
    let withheld = app.looks.on_board(&person.name, show::shown(entry.as_slice())).await;
    Ok(CommandReply {
        sequence: done.sequence,
        entry: left.or_else(|| {
            entry.map(|entry| {
                show::entry_but(&app.engine, &done.state, entry, &person.agreements, now, &withheld)
            })
        }),
        waiting: done.waiting,
    })
}
