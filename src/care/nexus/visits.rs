//! Planned visits: the events of citizens' calendars that are visits by their title.
//!
//! Owns the way to a citizen's calendar. Which field says what is a setting: no public description names them.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use futures_util::{StreamExt, stream};
use reqwest::Url;
use serde_json::Value;

use super::super::{CareError, Held, Plan, Visit, VisitsOf};
use super::settings::Visits;
use super::{AWAY_MAX, Client, UNREADABLE, citizen_id, external, hal, lists, not_set_up, number_of};
use crate::domain::identity::ExternalId;

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
) -> Result<Plan, CareError> {
    let settings = client.names.visits.as_ref().ok_or(not_set_up("care.visits"))?;
    match of {
        VisitsOf::Citizen(citizen) => {
            let number = number_of(citizen).ok_or(CareError::Unknown)?;
            of_citizen(client, settings, number, from, to).await
        }
        VisitsOf::Everybody => {
            let (numbers, held) = lists::citizens(client, &settings.citizens_list).await?;
            if numbers.len() > CITIZENS_MAX {
                tracing::warn!(citizens = numbers.len(), read = CITIZENS_MAX, "too many calendars to read");
            }
            of_all(client, settings, numbers, held, (from, to)).await
        }
    }
}

/// Everybody's plan. Away for several in a row: for all of them, rather than as many time-outs.
async fn of_all(
    client: &Client,
    settings: &Visits,
    numbers: BTreeSet<u64>,
    held: Option<Held>,
    (from, to): (DateTime<Utc>, DateTime<Utc>),
) -> Result<Plan, CareError> {
    let each = numbers.into_iter().take(CITIZENS_MAX);
    let each = each.map(|number| of_citizen(client, settings, number, from, to));
    let mut answers = stream::iter(each).buffer_unordered(AT_ONCE);
    let mut all = Plan { held, ..Plan::default() };
    let (mut read, mut away) = (0_u32, 0_u32);
    while let Some(answer) = answers.next().await {
        match answer {
            Ok(plan) => {
                all.visits.extend(plan.visits);
                all.others.extend(plan.others);
                all.unreadable.extend(plan.unreadable);
                all.whole.extend(plan.whole);
                (read, away) = (read + 1, 0);
            }
            Err(error) => {
                let why = if error == CareError::Unknown { UNREADABLE } else { error };
                Held::add(&mut all.held, why);
                away = if matches!(why, CareError::Away { .. }) && why != UNREADABLE { away + 1 } else { 0 };
                if away == AWAY_MAX {
                    return Err(why);
                }
            }
        }
    }
    match all.held {
        Some(held) if read == 0 => Err(held.why),
        _ => Ok(all),
    }
}

async fn of_citizen(
    client: &Client,
    settings: &Visits,
    number: u64,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<Plan, CareError> {
    let mut url = events_of(client, settings, number).await?;
    let zulu = |at: DateTime<Utc>| at.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
    url.query_pairs_mut().append_pair("from", &zulu(from)).append_pair("to", &zulu(to));
    let answer = match client.session.get(&url).await {
        Err(CareError::Unknown) => {
            // The calendar went elsewhere: next time it is looked for again.
            client.memory.events.forget(number);
            return Err(UNREADABLE);
        }
        answer => answer?,
    };
    let events = hal::list(&answer, "eventResources").ok_or(UNREADABLE)?;
    let mut plan = Plan::default();
    let mut is_whole = hal::is_all(&answer, events.len());
    for event in events {
        let Some(id) = external("nexus-event", event) else {
            is_whole = false;
            continue;
        };
        match visit(settings, number, id.clone(), event) {
            Some(Ok(visit)) if from <= visit.planned_at && visit.planned_at < to => plan.visits.push(visit),
            Some(Err(UNREADABLE)) => {
                plan.others.insert(id.clone());
                plan.unreadable.push(id);
            }
            _ => drop(plan.others.insert(id)),
        }
    }
    plan.whole.extend(citizen_id(number).filter(|_| is_whole));
    Ok(plan)
}

async fn events_of(client: &Client, settings: &Visits, number: u64) -> Result<Url, CareError> {
    if let Some(url) = client.memory.events.get(number) {
        return Ok(url);
    }
    let citizen = client.citizen_by_number(number).await?;
    let preferences = client.follow(&citizen, "patientPreferences").await?;
    let calendars = preferences.get("CITIZEN_CALENDAR").and_then(Value::as_array).ok_or(UNREADABLE)?;
    let calendar = hal::named(calendars, &settings.calendar).ok_or(not_set_up("care.visits.calendar"))?;
    let calendar = client.follow(calendar, "self").await?;
    let url = client.session.link(&calendar, "events")?;
    client.memory.events.remember(number, url.clone());
    Ok(url)
}

/// An event that is a visit by its title; none: it is none. Errors: it does not say when.
fn visit(
    settings: &Visits,
    number: u64,
    visit: ExternalId,
    event: &Value,
) -> Option<Result<Visit, CareError>> {
    let help = settings.help.get(hal::text(event, &settings.title_field)?)?;
    let time = |field: &Option<String>| hal::time(event, field.as_deref()?);
    let Some((citizen, planned_at)) = citizen_id(number).zip(hal::time(event, &settings.planned_field))
    else {
        return Some(Err(UNREADABLE));
    };
    Some(Ok(Visit {
        visit,
        citizen,
        agreement: settings.agreement.clone(),
        grant: settings.grant,
        help: *help,
        planned_at,
        tells_start: settings.started_field.is_some(),
        started_at: time(&settings.started_field),
        done_at: time(&settings.done_field),
    }))
}
