//! Planned visits: the events of citizens' calendars that are visits by their title.
//!
//! Owns the way to a citizen's calendar. Which field says what is a setting: no public description names them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use futures_util::{StreamExt, stream};
use reqwest::Url;
use serde_json::Value;

use super::super::{CareError, Visit, VisitsOf};
use super::settings::Visits;
use super::{Client, UNREADABLE, citizen_id, external, hal, lists, locked, not_set_up, number_of, remember};

/// Calendars read at once.
const AT_ONCE: usize = 4;
/// Citizens whose calendars are read at most.
const CITIZENS_MAX: usize = 1_000;

/// See [`super::super::Care::visits`].
pub async fn read(
    client: &Client,
    of: &VisitsOf,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<Vec<Visit>, CareError> {
    let settings = client.names.visits.as_ref().ok_or(not_set_up("care.visits"))?;
    match of {
        VisitsOf::Citizen(citizen) => {
            let number = number_of(citizen).ok_or(CareError::Unknown)?;
            of_citizen(client, settings, number, from, to).await
        }
        VisitsOf::Everybody => {
            let numbers = lists::citizens(client, &settings.citizens_list).await?;
            if numbers.len() > CITIZENS_MAX {
                tracing::warn!(citizens = numbers.len(), read = CITIZENS_MAX, "too many calendars to read");
            }
            let each = numbers.into_iter().take(CITIZENS_MAX);
            let each = each.map(|number| of_citizen(client, settings, number, from, to));
            let mut answers = stream::iter(each).buffer_unordered(AT_ONCE);
            let mut all = BTreeMap::new();
            let mut unreadable = 0;
            while let Some(answer) = answers.next().await {
                match answer {
                    Ok(visits) => all.extend(visits.into_iter().map(|it| (it.visit.clone(), it))),
                    Err(CareError::Unknown | UNREADABLE) => unreadable += 1,
                    Err(error) => return Err(error),
                }
            }
            if unreadable > 0 {
                tracing::warn!(calendars = unreadable, "calendars could not be read");
            }
            Ok(all.into_values().collect())
        }
    }
}

async fn of_citizen(
    client: &Client,
    settings: &Visits,
    number: u64,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<Vec<Visit>, CareError> {
    let mut url = events_of(client, settings, number).await?;
    let zulu = |at: DateTime<Utc>| at.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
    url.query_pairs_mut().append_pair("from", &zulu(from)).append_pair("to", &zulu(to));
    let answer = match client.session.get(&url).await {
        Err(CareError::Unknown) => {
            // The calendar went elsewhere: next time it is looked for again.
            locked(&client.memory.events).remove(&number);
            return Err(UNREADABLE);
        }
        answer => answer?,
    };
    let events = hal::list(&answer, "eventResources").ok_or(UNREADABLE)?;
    let visits = events.iter().filter_map(|event| visit(settings, number, event));
    Ok(visits.filter(|visit| from <= visit.planned_at && visit.planned_at < to).collect())
}

async fn events_of(client: &Client, settings: &Visits, number: u64) -> Result<Url, CareError> {
    if let Some(url) = locked(&client.memory.events).get(&number) {
        return Ok(url.clone());
    }
    let citizen = client.citizen_by_number(number).await?;
    let preferences = client.follow(&citizen, "patientPreferences").await?;
    let calendars = preferences.get("CITIZEN_CALENDAR").and_then(Value::as_array).ok_or(UNREADABLE)?;
    let calendar = hal::named(calendars, &settings.calendar).ok_or(not_set_up("care.visits.calendar"))?;
    let calendar = client.follow(calendar, "self").await?;
    let url = client.session.link(&calendar, "events")?;
    remember(&client.memory.events, number, url.clone());
    Ok(url)
}

/// An event that is a visit by its title, and says when.
fn visit(settings: &Visits, number: u64, event: &Value) -> Option<Visit> {
    let help = settings.help.get(hal::text(event, &settings.title_field)?)?;
    let time = |field: &Option<String>| hal::time(event, field.as_deref()?);
    Some(Visit {
        visit: external("nexus-event", event)?,
        citizen: citizen_id(number)?,
        agreement: settings.agreement.clone(),
        grant: settings.grant,
        help: *help,
        planned_at: hal::time(event, &settings.planned_field)?,
        tells_start: settings.started_field.is_some(),
        started_at: time(&settings.started_field),
        done_at: time(&settings.done_field),
    })
}
