//! `GET /v1/entries/{id}`, `GET /v1/entries?find=` and `GET /v1/audit`: what is logged when somebody looks.

use std::collections::HashMap;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_with::skip_serializing_none;
use utoipa::ToSchema;
use uuid::Uuid;

use super::closed as past;
use crate::domain::closed;
use crate::domain::duties::DutyEvent;
use crate::domain::entry::{Entry, EntryEvent};
use crate::domain::identity::{AgreementId, Board, EntryId};
use crate::domain::people::Role;
use crate::domain::{self, Event, NO_ENTRY, Record, kinds};
use crate::engine::{Look, Looked};
use crate::protocol::board::Found;
use crate::protocol::entry::{EntryView, HistoryLine};
use crate::protocol::history::PURPOSES;
use crate::protocol::{Problem, project};
use crate::server::asked::{Asked, Id, one};
use crate::server::errors::ApiError;
use crate::server::looks::Shown;
use crate::server::session::{Reader, not_allowed};
use crate::server::{App, scope, show};

/// Entries found in one answer at most.
const FOUND_MAX: usize = 100;
/// Looks in one answer at most.
const LOOKS_MAX: usize = 1_000;

/// One entry with its history, its live data and the numbers to ring now. Logged with the purpose.
#[utoipa::path(get, path = "/v1/entries/{id}", params(("id" = String, Path), ("Purpose" = String, Header,
    description = "duty, handover, follow-up, complaint or inspection")), responses(
    (status = 200, body = EntryView), (status = 401, body = Problem), (status = 404, body = Problem),
    (status = 422, body = Problem)))]
pub async fn entry(
    State(app): State<App>,
    Reader(person): Reader,
    Id(id): Id,
    headers: HeaderMap,
) -> Result<Json<EntryView>, ApiError> {
    let purpose = purpose(&headers)?;
    let id = EntryId(id.parse::<Uuid>().map_err(|_| Problem::not_found())?);
    let (state, now) = (app.engine.state(), app.engine.clock.now());
    let Some(found) = past::find(&app, &state, &person.agreements, id).await? else {
        app.looks.in_vain(&person.name, Some(id), None, purpose).await;
        return Err(Problem::not_found().into());
    };
    let found = &found;
    app.looks.log(&person.name, Shown::of(found), purpose).await?;
    app.engine.ask_on_opening(found).await;
    let records = app.engine.reader.read_entry(id).await?;
    let mut history = Vec::with_capacity(records.len());
    for record in records {
        let is_out_of_sight = match names(&record.event) {
            Some(other) => !may_name(&app, &state, &person.agreements, other).await?,
            None => false,
        };
        history.extend(line(record, is_out_of_sight));
    }
    let mut entry = show::entry(&app.engine, &state, found, &person.agreements, now);
    entry.live = Some(show::live(&app.engine, found, app.engine.live.get(id)));
    let mut numbers = project::contacts(&state, found.agreements(), now);
    numbers.retain(|contact| contact.now);
    Ok(Json(EntryView { entry, history, numbers }))
}

/// A line of the history. Of an entry out of sight nothing is said: a link to it is none, a duty is about nothing.
fn line(record: Record, is_out_of_sight: bool) -> Option<HistoryLine> {
    if is_out_of_sight && matches!(record.event, Event::Entry(_)) {
        return None;
    }
    let encoded = kinds::encode(&record.event);
    let (kind, mut payload) = encoded.map(|it| (it.kind, it.payload)).unwrap_or_default();
    if let (true, Some(fields)) = (is_out_of_sight, payload.as_object_mut()) {
        fields.remove("about");
    }
    Some(HistoryLine {
        sequence: record.sequence.0,
        happened_at: record.happened_at,
        recorded_at: record.recorded_at,
        actor: record.actor.to_string(),
        kind,
        payload,
    })
}

/// The other entry that an event names.
fn names(event: &Event) -> Option<EntryId> {
    match event {
        Event::Entry(EntryEvent::Linked { to, .. }) => Some(*to),
        Event::Duties(DutyEvent::NowAbout { about } | DutyEvent::Opened { about: Some(about), .. }) => {
            Some(*about)
        }
        _ => None,
    }
}

async fn may_name(
    app: &App,
    state: &domain::State,
    scope: &[AgreementId],
    id: EntryId,
) -> Result<bool, ApiError> {
    if let Some(entry) = state.entry(id) {
        return Ok(entry.is_in(scope));
    }
    // What is long over has left the state, and is what its records say.
    let past = closed::of_records(id, &app.engine.reader.read_entry(id).await?);
    Ok(past.is_some_and(|entry| entry.is_in(scope)))
}

/// Open entries of the asker's scope by number, citizen or what the outside calls them: also visits as planned that
/// are too many for the board. Part of an id will do. With `closed`, entries that are over, a page at a time, the last
/// closed first.
#[utoipa::path(get, path = "/v1/entries", params(
    ("find" = Option<String>, Query, description = "what is open and called so; left out with `closed`"),
    ("closed" = Option<bool>, Query, description = "what is over, and all that follows with it"),
    ("number" = Option<u32>, Query), ("day" = Option<String>, Query, description = "when it was closed, by \
    Copenhagen's calendar: 2026-11-22"), ("board" = Option<Board>, Query), ("agreement" = Option<String>, Query),
    ("outcome" = Option<String>, Query, description = "its outcome, or its state where it has none"),
    ("id" = Option<String>, Query, description = "the citizen's, or what a source calls it; the whole of it"),
    ("after" = Option<String>, Query, description = "`next` of the page before"),
    ("limit" = Option<u32>, Query, description = "from 1 to 100; 50 when left out")), responses(
    (status = 200, body = Found), (status = 401, body = Problem), (status = 403, body = Problem),
    (status = 422, body = Problem)))]
pub async fn found(
    State(app): State<App>,
    Reader(person): Reader,
    asked: Asked,
) -> Result<Json<Found>, ApiError> {
    match asked.text("closed")? {
        None | Some("false") => {}
        Some("" | "true") if asked.text("find")?.is_none() => {
            return Ok(Json(past::page(&app, &person, &asked).await?));
        }
        Some(_) => return Err(Problem::field(422, "bad-value", "closed").into()),
    }
    let wanted = asked.text("find")?.unwrap_or_default().trim().to_lowercase();
    if wanted.is_empty() {
        return Err(Problem::field(422, "field-missing", "find").into());
    }
    let (state, now) = (app.engine.state(), app.engine.clock.now());
    let is_it = |entry: &&Entry| scope::may_see(&person.agreements, entry) && is_called(entry, &wanted);
    let mut found: Vec<&Entry> = state.open_entries().filter(is_it).collect();
    found.sort_by_key(|entry| (entry.rests_until().unwrap_or(entry.opened_at), entry.id));
    let more = found.len() > FOUND_MAX;
    found.truncate(FOUND_MAX);
    if found.is_empty() {
        app.looks.in_vain(&person.name, None, None, "duty").await;
    }
    let withheld = app.looks.on_board(&person.name, show::shown(&found)).await;
    let entries = found
        .into_iter()
        .map(|it| show::entry_but(&app.engine, &state, it, &person.agreements, now, &withheld))
        .collect();
    Ok(Json(Found { sequence: state.head.0, entries, more, next: None }))
}

fn is_called(entry: &Entry, wanted: &str) -> bool {
    let has = |id: &str| id.to_lowercase().contains(wanted);
    entry.number.to_string() == wanted
        || entry.citizen.as_ref().is_some_and(|id| has(id.as_str()))
        || entry.origin.as_ref().is_some_and(|origin| has(origin.id.as_str()))
}

/// What it is for. Errors: the header is missing, or no such purpose.
pub fn purpose(headers: &HeaderMap) -> Result<&str, Problem> {
    let purpose = one(headers, "purpose")?;
    purpose
        .filter(|purpose| PURPOSES.contains(purpose))
        .ok_or_else(|| Problem::field(422, "purpose-missing", "Purpose").with("codes", PURPOSES.to_vec()))
}

/// One look at personal data.
#[skip_serializing_none]
#[derive(Serialize, ToSchema)]
pub struct LookView {
    sequence: u64,
    at: DateTime<Utc>,
    who: String,
    purpose: String,
    entry: EntryId,
    citizen: Option<String>,
}

/// Who looked at whose data, for leaders: the entries of their own agreements.
#[utoipa::path(get, path = "/v1/audit", params(("after" = Option<u64>, Query)), responses(
    (status = 200, body = Vec<LookView>), (status = 401, body = Problem), (status = 403, body = Problem)))]
pub async fn audit(
    State(app): State<App>,
    Reader(person): Reader,
    asked: Asked,
) -> Result<Json<Vec<LookView>>, ApiError> {
    if person.role != Role::Leader {
        return Err(not_allowed(person.role));
    }
    let state = app.engine.state();
    let after = asked.number("after")?.unwrap_or(0);
    let looks = app.engine.reader.looks(after, LOOKS_MAX).await?;
    let mut known = HashMap::new();
    let mut views = Vec::new();
    for Looked { number, look } in looks {
        let is_theirs = match known.get(&look.entry) {
            Some(is_theirs) => *is_theirs,
            None => {
                let is_theirs = concerns(&app, &state, &person.agreements, &look).await?;
                // What belongs to no entry is judged by who asked.
                if state.entry(look.entry).is_some() {
                    known.insert(look.entry, is_theirs);
                }
                is_theirs
            }
        };
        if is_theirs {
            views.push(LookView {
                sequence: number,
                at: look.at,
                who: look.who.to_string(),
                purpose: look.purpose.to_string(),
                entry: look.entry,
                citizen: look.citizen.map(|citizen| citizen.to_string()),
            });
        }
    }
    Ok(Json(views))
}

/// Whether a look is this scope's to know of: by the entry, also when it has left the state; by who asked, when it was
/// asked for something that was never there.
async fn concerns(
    app: &App,
    state: &crate::domain::State,
    scope: &[AgreementId],
    look: &Look,
) -> Result<bool, ApiError> {
    if let Some(entry) = state.entry(look.entry) {
        return Ok(scope::may_see(scope, entry));
    }
    let records = match look.entry {
        NO_ENTRY => Vec::new(),
        id => app.engine.reader.read_entry(id).await?,
    };
    if let Some(entry) = closed::of_records(look.entry, &records) {
        return Ok(scope::may_see(scope, &entry));
    }
    let who = look.who.person().and_then(|name| state.people.get(name));
    Ok(who.is_some_and(|it| it.agreements.iter().any(|id| scope.contains(id))))
}
