//! `GET /v1/citizens/{id}/history`: what the log knows of one citizen, in the caller's scope.
//!
//! Owns what of it is shown. One look is logged, with the purpose, also when nothing is found. Must never tell a
//! citizen of others from one that nobody knows.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;

use super::entries::purpose;
use crate::domain::closed;
use crate::domain::entry::Entry;
use crate::domain::identity::CitizenId;
use crate::domain::realm::Realm;
use crate::domain::{Actor, Record};
use crate::protocol::Problem;
use crate::protocol::history::{CitizenHistory, ENTRIES_MAX, PastEntry};
use crate::protocol::project::{self, Sight};
use crate::server::asked::{Asked, Id};
use crate::server::errors::ApiError;
use crate::server::looks::Shown;
use crate::server::session::Reader;
use crate::server::{App, scope};

/// Everything the log knows of a citizen, newest first: open and closed entries of the caller's agreements. Logged
/// with the purpose.
#[utoipa::path(get, path = "/v1/citizens/{id}/history", params(("id" = String, Path), ("agreement" = Option<String>, Query,
    description = "whose citizen, where the asker's agreements have several of that id"), ("Purpose" = String, Header,
    description = "duty, handover, follow-up, complaint or inspection")), responses(
    (status = 200, body = CitizenHistory), (status = 401, body = Problem), (status = 403, body = Problem),
    (status = 422, body = Problem)))]
pub async fn history(
    State(app): State<App>,
    Reader(person): Reader,
    Id(id): Id,
    asked: Asked,
    headers: HeaderMap,
) -> Result<Json<CitizenHistory>, ApiError> {
    let purpose = purpose(&headers)?;
    let citizen = CitizenId::new(id).map_err(|bad| Problem::field(422, bad.code(), "id"))?;
    let reader = &app.engine.reader;
    let ids = reader.entries_of(&citizen).await?;
    let (state, now) = (app.engine.state(), app.engine.clock.now());
    let mut history = CitizenHistory { citizen, entries: Vec::new(), more: false };
    let mut newest: Option<Entry> = None;
    let named = asked.text("agreement")?;
    let named = person.agreements.iter().find(|agreement| Some(agreement.as_str()) == named).cloned();
    let named: Option<Realm> = named.and_then(|agreement| state.realm(&[agreement]));
    let mut whose = named.clone();
    for id in ids {
        let records = reader.read_entry(id).await?;
        // What is long over has left the state, and is what its records say.
        let Some(found) = state.entry(id).cloned().or_else(|| closed::of_records(id, &records)) else {
            continue;
        };
        let is_theirs = found.citizen.as_ref() == Some(&history.citizen);
        if !is_theirs || !scope::may_see(&person.agreements, &found) {
            continue;
        }
        // The same id of two municipalities is two people: never one history.
        let Some(realm) = state.realm(found.agreements()) else { continue };
        match &whose {
            Some(known) if *known == realm => {}
            Some(_) if named.is_some() => continue,
            // Before anything of either is shown.
            Some(_) => return Err(Problem::field(422, "several-citizens", "agreement").into()),
            None => whose = Some(realm),
        }
        if history.entries.len() == ENTRIES_MAX {
            history.more = true;
            break;
        }
        let mut entry = project::seen(&state, &found, Sight::Of(&person.agreements), now);
        entry.actions.clear();
        history.entries.push(PastEntry { entry, who: people(&records) });
        newest.get_or_insert(found);
    }
    // Nothing found was asked for as well.
    match newest {
        Some(newest) => app.looks.log(&person.name, Shown::of(&newest), purpose).await?,
        None => {
            let citizen = Some(history.citizen.clone());
            app.looks.in_vain(&person.name, None, citizen, purpose).await;
        }
    }
    Ok(Json(history))
}

/// Who had a hand in it, first to last.
fn people(records: &[Record]) -> Vec<String> {
    let mut people: Vec<String> = Vec::new();
    for record in records {
        if let Actor::Person(name) = &record.actor
            && !people.iter().any(|known| known == name.as_str())
        {
            people.push(name.to_string());
        }
    }
    people
}
