//! `GET /v1/entries?closed`: what is over, a page at a time, the last closed first.
//!
//! Owns what may be asked of it and how a page goes on. The index says where to look; what is told is read from the state
//! or, long after, from the log. Must never name nor count what is not of the asker's scope.

use chrono::{DateTime, NaiveDate, Utc};
use uuid::Uuid;

use crate::domain::closed::{self, Closed};
use crate::domain::entry::Entry;
use crate::domain::identity::{AgreementId, Board, CitizenId, Code, EntryId, looks_like_phone};
use crate::domain::masking::Field;
use crate::domain::people::Person;
use crate::domain::{State, calendar};
use crate::engine::{Spot, Wanted};
use crate::protocol::Problem;
use crate::protocol::board::Found;
use crate::protocol::closed::{PAGE, PAGE_MAX};
use crate::server::asked::Asked;
use crate::server::errors::ApiError;
use crate::server::looks::Shown;
use crate::server::{App, show};

/// What a look at them is for, when somebody is looked for by an id.
const PURPOSE: &str = "duty";

/// Errors: a value that cannot be read, with its field; the log cannot be had.
pub(super) async fn page(app: &App, person: &Person, asked: &Asked) -> Result<Found, ApiError> {
    let limit = limit(asked)?;
    let wanted = wanted(app, person, asked)?;
    // One more than is told: whether there are more.
    let mut places = app.engine.reader.closed(&wanted, limit + 1).await?;
    let more = places.len() > limit;
    places.truncate(limit);
    let (state, now) = (app.engine.state(), app.engine.clock.now());
    let next = places.last().filter(|_| more).map(|((at, id), _)| format!("{at}.{id}"));
    let (mut entries, mut first) = (Vec::with_capacity(places.len()), None);
    for ((_, id), number) in places {
        let (found, is_kept) = match state.entry(id) {
            Some(entry) => (entry.clone(), true),
            None => match long_over(app, id, Some(number)).await? {
                Some(entry) => (entry, false),
                None => continue,
            },
        };
        // As the records say, whatever the index does.
        if !Closed::of(&found).is_some_and(|it| wanted.takes(&it)) {
            continue;
        }
        let mut entry = show::entry(&app.engine, &state, &found, &person.agreements, now);
        // Nobody waits on it, and its personal data is gone.
        entry.live = None;
        if !is_kept {
            entry.actions.clear();
        }
        entries.push(entry);
        first.get_or_insert(found);
    }
    if let Some(id) = &wanted.known_as {
        // What reads as somebody's telephone number was no id of theirs, and is not kept.
        let citizen = CitizenId::new(id.clone()).ok().filter(|_| !looks_like_phone(id));
        match &first {
            Some(found) => app.looks.log(&person.name, Shown::of(found), PURPOSE).await?,
            None => app.looks.in_vain(&person.name, None, citizen, PURPOSE).await,
        }
    }
    Ok(Found { sequence: state.head.0, entries, more, next })
}

/// What has left the state, as its records say, with the number that it had: which was free, others' records say.
async fn long_over(app: &App, id: EntryId, number: Option<u32>) -> Result<Option<Entry>, ApiError> {
    let found = closed::of_records(id, &app.engine.reader.read_entry(id).await?);
    Ok(found.map(|entry| Entry { number: number.unwrap_or(entry.number), ..entry }))
}

/// The entry, if it is there and belongs to the scope, however long it is over.
pub(super) async fn find(
    app: &App,
    state: &State,
    scope: &[AgreementId],
    id: EntryId,
) -> Result<Option<Entry>, ApiError> {
    let found = match state.entry(id) {
        Some(entry) => Some(entry.clone()),
        None => long_over(app, id, app.engine.reader.number_of(id).await?).await?,
    };
    Ok(found.filter(|entry| entry.is_in(scope)))
}

fn wanted(app: &App, person: &Person, asked: &Asked) -> Result<Wanted, Problem> {
    let day = value(asked, "day", |text| text.parse::<NaiveDate>().ok().filter(is_within))?;
    let starts = |day: NaiveDate| calendar::starts_of_local_date(day);
    Ok(Wanted {
        scope: person.agreements.clone(),
        agreement: value(asked, "agreement", |text| {
            person.agreements.iter().find(|id| id.as_str() == text).cloned()
        })?,
        board: value(asked, "board", |text| Board::parse(text).map(|board| board.name().to_owned()))?,
        outcome: value(asked, "outcome", |text| Code::new(text).ok().map(|code| code.to_string()))?,
        number: value(asked, "number", |text| text.parse::<u32>().ok())?,
        // As it is kept: an id that reads as a number of a person stands there as what was made of it.
        known_as: value(asked, "id", |text| {
            app.engine.masking.id(Field::Call, text).map(|(id, _)| id.to_string())
        })?,
        from: day.map(starts),
        until: day.and_then(|day| day.succ_opt()).map(starts),
        after: value(asked, "after", spot)?,
    })
}

/// Days that a calendar of ours has hours for.
fn is_within(day: &NaiveDate) -> bool {
    let years = NaiveDate::from_ymd_opt(1970, 1, 1)..NaiveDate::from_ymd_opt(9999, 1, 1);
    years.contains(&Some(*day))
}

/// Where the page before ended.
fn spot(text: &str) -> Option<Spot> {
    let (at, id) = text.split_once('.')?;
    let at: i64 = at.parse().ok()?;
    DateTime::<Utc>::from_timestamp_micros(at)?;
    Some((at, EntryId(Uuid::parse_str(id).ok()?)))
}

fn limit(asked: &Asked) -> Result<usize, Problem> {
    let read = |text: &str| text.parse::<usize>().ok().filter(|limit| (1..=PAGE_MAX).contains(limit));
    Ok(value(asked, "limit", read)?.unwrap_or(PAGE))
}

/// A parameter that may be left out. Errors: it is given again, or cannot be read.
fn value<T>(asked: &Asked, name: &str, read: impl Fn(&str) -> Option<T>) -> Result<Option<T>, Problem> {
    let Some(text) = asked.text(name)? else { return Ok(None) };
    read(text.trim()).map(Some).ok_or_else(|| Problem::field(422, "bad-value", name))
}
