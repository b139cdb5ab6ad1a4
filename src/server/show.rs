//! What is shown to a scope: entries with the live data it may have, the snapshot, source health.

use std::collections::HashSet;

use chrono::{DateTime, Utc};

use super::looks::Shown;
use crate::domain::State;
use crate::domain::entry::{Body, Entry};
use crate::domain::identity::{AgreementId, EntryId};
use crate::domain::phone::CallState;
use crate::engine::live::Personal;
use crate::engine::{Engine, Storing, health};
use crate::protocol::board::{LogTrouble, OnCall, QueueStaff, Shift, SourceHealth, SourceState, Unreadable};
use crate::protocol::entry::{Live, WhereToLook};
use crate::protocol::text::Text;
use crate::protocol::{self, project, project::Sight};

/// Whether board and stream carry this entry's personal data: alarms, and calls that wait or were missed.
pub fn carries_live(entry: &Entry) -> bool {
    match &entry.body {
        Body::Alarms(_) => entry.is_open(),
        Body::Phone(call) => matches!(call.state(), CallState::Waiting | CallState::Missed),
        _ => false,
    }
}

/// The public entry with what board and stream may carry to a scope.
pub fn entry(
    engine: &Engine,
    state: &State,
    entry: &Entry,
    scope: &[AgreementId],
    now: DateTime<Utc>,
) -> protocol::Entry {
    let mut shown = project::seen(state, entry, Sight::Of(scope), now);
    if carries_live(entry) {
        shown.live = Some(live(engine, entry, engine.live.get(entry.id)));
    }
    shown
}

/// Those of them whose personal data board and stream carry.
pub fn shown(entries: &[&Entry]) -> Vec<Shown> {
    entries.iter().filter(|entry| carries_live(entry)).map(|entry| Shown::of(entry)).collect()
}

/// As [`entry`], without the personal data of those that are withheld.
pub fn entry_but(
    engine: &Engine,
    state: &State,
    it: &Entry,
    scope: &[AgreementId],
    now: DateTime<Utc>,
    withheld: &HashSet<EntryId>,
) -> protocol::Entry {
    let mut shown = entry(engine, state, it, scope, now);
    if withheld.contains(&it.id) {
        shown.live = Some(live(engine, it, None));
    }
    shown
}

/// Checked live data; what cannot be had says where to look.
pub fn live(engine: &Engine, entry: &Entry, personal: Option<Personal>) -> Live {
    let text = |it: Option<String>| it.map(|it| Text::cut(&it));
    let personal = personal.unwrap_or_default();
    let look = look(entry, &personal);
    Live {
        caller: text(personal.caller),
        caller_name: text(personal.caller_name),
        name: text(personal.name),
        address: text(personal.address),
        phone: text(personal.phone),
        key_box: text(personal.key_box),
        text: text(personal.text),
        unit: text(entry.device().and_then(|device| engine.units.name(device))),
        look,
    }
}

fn look(entry: &Entry, personal: &Personal) -> Option<WhereToLook> {
    let source = entry.origin.as_ref().map(|origin| origin.source.to_string());
    let place = |place: &str, id: Option<String>| {
        Some(WhereToLook { place: place.into(), source: source.clone(), id, at: entry.opened_at })
    };
    match &entry.body {
        Body::Phone(call) if personal.caller.is_none() => place("exchange-call", Some(call.call.to_string())),
        Body::Alarms(_) if personal.name.is_some() => None,
        Body::Alarms(alarm) => match (&entry.citizen, &alarm.device) {
            (Some(citizen), _) => place("care-system", Some(citizen.to_string())),
            (None, Some(device)) => place("device", Some(device.to_string())),
            (None, None) if personal.caller.is_some() => None,
            (None, None) => place("exchange-call", Some(alarm.alarm.to_string())),
        },
        Body::Discharges(_) if personal.name.is_some() => None,
        Body::Discharges(stay) => match (&entry.citizen, &stay.stay) {
            (Some(citizen), _) => place("care-system", Some(citizen.to_string())),
            (None, Some(id)) => {
                let department = stay.now.department.as_ref();
                place("hospital-notice", Some(department.unwrap_or(id).to_string()))
            }
            (None, None) => None,
        },
        _ => None,
    }
}

/// Health of the sources that concern a scope.
pub fn sources(engine: &Engine, scope: &[AgreementId], now: DateTime<Utc>) -> Vec<SourceHealth> {
    engine
        .health
        .all()
        .into_iter()
        .filter(|health| {
            health.agreements.is_empty() || health.agreements.iter().any(|id| scope.contains(id))
        })
        .map(|health| SourceHealth {
            queues: health.queues.iter().filter_map(|queue| staff(queue, scope)).collect(),
            state: match health.condition(now) {
                health::Condition::Ok => SourceState::Ok,
                health::Condition::Late => SourceState::Late,
                health::Condition::Silent => SourceState::Silent,
                health::Condition::Off => SourceState::Off,
            },
            name: health.name.to_string(),
            kind: health.kind.to_owned(),
            heard_at: health.heard_at,
            expected_within_s: health
                .expected_within
                .and_then(|within| u32::try_from(within.num_seconds()).ok()),
            set_up: health.is_set_up,
            why: health.why.map(|why| why.to_string()),
            since: Some(health.since),
            unreadable: health.unread.into_iter().map(unreadable).collect(),
            waiting: health.waiting.as_ref().map_or(0, |waiting| waiting.count),
            waiting_why: health.waiting.map(|waiting| waiting.why.to_string()),
            clock_ahead_s: health.clock_ahead.map(|ahead| ahead.num_seconds()),
        })
        .collect()
}

/// Who takes the calls of a queue that serves the scope.
fn staff(queue: &health::Queue, scope: &[AgreementId]) -> Option<QueueStaff> {
    queue.agreements.iter().any(|id| scope.contains(id)).then(|| QueueStaff {
        queue: queue.name.clone(),
        on_duty: queue.on_duty,
        busy: queue.busy,
        paused: queue.paused,
        waiting: queue.waiting,
    })
}

fn unreadable(unread: health::Unread) -> Unreadable {
    Unreadable { what: unread.what.to_string(), count: unread.count, last_at: unread.last_at }
}

/// What is wrong with the log, if anything is.
pub fn log_trouble(engine: &Engine) -> Option<LogTrouble> {
    let storing = engine.storing().borrow().clone();
    let trouble = match &storing {
        Storing::Damaged(trouble) => Some(*trouble),
        _ => None,
    };
    Some(LogTrouble {
        why: storing.code()?.to_owned(),
        chain: trouble.map(|it| it.chain.to_string()),
        from: trouble.map(|it| it.from.0),
        to: trouble.and_then(|it| it.to).map(|it| it.0),
    })
}

/// How many notes of a scope's entries wait for the care system.
pub fn notes_waiting(engine: &Engine, state: &State, scope: &[AgreementId]) -> u32 {
    engine.notes_waiting_where(|id| state.entry(id).is_some_and(|entry| entry.is_in(scope)))
}

/// Who is on duty among those who share an agreement with the scope.
pub fn shift(state: &State, scope: &[AgreementId], is_seated: impl Fn(&str) -> bool) -> Shift {
    let on_call = state
        .on_duty
        .values()
        .filter_map(|on| {
            let person = state.people.get(&on.name)?;
            person.agreements.iter().any(|id| scope.contains(id)).then(|| OnCall {
                name: on.name.clone(),
                role: person.role.name().to_owned(),
                since: on.since,
                until: on.until,
                signed_on: is_seated(on.name.as_str()),
            })
        })
        .collect();
    Shift { on_call, next: None }
}
