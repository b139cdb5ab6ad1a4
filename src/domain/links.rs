//! Entries of the same citizen know each other: a call, an alarm, a visit and a stay.
//!
//! So do an alarm and the voice call that its device makes, by time and number; the number itself is looked up in
//! memory and stays there.
//!
//! Owns which pairs are joined and when. Must never know who the citizen is beyond an opaque id.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use super::entry::{self, Body, Entry, EntryEvent, LinkWhy};
use super::identity::{Board, EntryId};
use super::visits::VisitState;
use super::{Ctx, Draft, Event, State, alarms, boards, calendar, discharges, phone, stay, visits, voice};

/// A device that was told that a person has its alarm calls within so long (SCAIP).
const CALLS_WITHIN: TimeDelta = TimeDelta::seconds(60);
/// Until a device that holds asks again, and hears that a person has its alarm (SCAIP).
const ASKS_AGAIN_WITHIN: TimeDelta = TimeDelta::seconds(20);

/// Entries of one board that a new one is joined with at most.
const JOINED_MAX: usize = 20;

/// The drafts, and after them the links that they bring about: an admission and today's visits, a death and
/// everything open, a late visit and the citizen's call.
pub fn with_links(state: &State, ctx: &Ctx, mut drafts: Vec<Draft>) -> Vec<Draft> {
    let touched: Vec<EntryId> =
        drafts.iter().filter(|draft| may_join(&draft.event)).map(|it| it.entry).collect();
    if touched.is_empty() && ctx.same_number.is_empty() {
        return drafts;
    }
    // Joined as things are after these drafts.
    let after = super::after(state, ctx, &drafts);
    let voice = voice_calls(&after, ctx, &drafts);
    drafts.extend(voice);
    let mut joined: BTreeSet<(EntryId, EntryId)> = BTreeSet::new();
    for id in touched {
        let Some(one) = after.entry(id) else { continue };
        let Some(citizen) = after.citizen_of(one) else { continue };
        for board in may_belong_to(one.board()) {
            // Of very many the newest: a flood of one citizen's alarms is not joined each to each.
            let others: Vec<&Entry> =
                after.of_citizen_on(&citizen, board).filter(|other| other.id != id).collect();
            for other in others.into_iter().rev().take(JOINED_MAX) {
                let is_new = !joined.contains(&(other.id, id)) && joined.insert((id, other.id));
                if is_new && belong_together(one, other, ctx.at) {
                    let why = if voice::is_of_citizen(one, other) {
                        LinkWhy::VoiceCall
                    } else {
                        LinkWhy::SameCitizen
                    };
                    drafts.extend(entry::link_both(ctx.at, one, other, why));
                }
            }
        }
    }
    drafts
}

/// On which boards what belongs together with an entry of this one can be. Visits of one citizen never do: of those
/// there are many, and they are not looked through.
fn may_belong_to(board: Board) -> impl Iterator<Item = Board> {
    let are_many = move |other: Board| board == Board::Visits && other == Board::Visits;
    let joined = Board::ALL.iter().copied().filter(|other| boards::is_joined(*other));
    joined.filter(move |other| boards::is_joined(board) && !are_many(*other))
}

/// The links of what is opened by these drafts, or signals again, with what has the same number.
fn voice_calls(after: &State, ctx: &Ctx, drafts: &[Draft]) -> Vec<Draft> {
    let speaks = |event: &Event| {
        use alarms::AlarmEvent as A;
        matches!(
            event,
            Event::Phone(phone::PhoneEvent::Waiting { .. })
                | Event::Alarms(A::Raised { .. } | A::SignalledAgain { .. })
        )
    };
    let Some(one) = drafts.iter().find(|it| speaks(&it.event)).and_then(|it| after.entry(it.entry)) else {
        return Vec::new();
    };
    let others = ctx.same_number.iter().filter_map(|id| after.entry(*id));
    others
        .filter(|other| other.id != one.id && other.is_open())
        // A number that two municipalities know joins nothing of theirs.
        .filter(|other| other.is_in(one.agreements()) && is_voice_of(one, other))
        .flat_map(|other| entry::link_both(ctx.at, one, other, LinkWhy::VoiceCall))
        .collect()
}

/// One tells of the alarm, the other of the call: two sources, and little time between them.
fn is_voice_of(one: &Entry, other: &Entry) -> bool {
    let source = |entry: &Entry| entry.origin.as_ref().map(|origin| origin.source.clone());
    source(one) != source(other) && (calls_soon(one, other) || calls_soon(other, one))
}

/// Whether `call`, whatever board it is on, came when the device of `alarm` would call.
fn calls_soon(alarm: &Entry, call: &Entry) -> bool {
    let Body::Alarms(known) = &alarm.body else { return false };
    let called_at = match &call.body {
        Body::Alarms(call) => call.last_signal_at,
        Body::Phone(_) => call.opened_at,
        _ => return false,
    };
    let is_near = |at: DateTime<Utc>, within: TimeDelta| (called_at - at).abs() <= within;
    let taken_at = [known.answered_at, alarm.holder.as_ref().map(|holder| holder.since)];
    known.is_person_alarm()
        && (is_near(known.last_signal_at, voice::WITHIN)
            || taken_at.into_iter().flatten().any(|at| is_near(at, CALLS_WITHIN + ASKS_AGAIN_WITHIN)))
}

/// Events after which an entry may belong together with others than before.
fn may_join(event: &Event) -> bool {
    use visits::VisitEvent as V;
    match event {
        Event::Entry(EntryEvent::CitizenMatched { .. }) => true,
        Event::Alarms(alarms::AlarmEvent::Raised { opening, .. }) => opening.citizen.is_some(),
        Event::Alarms(alarms::AlarmEvent::ArrivalKnown { citizen, .. }) => citizen.is_some(),
        // Only now it is known whose citizen its id means.
        Event::Alarms(alarms::AlarmEvent::Assigned { .. })
        | Event::Phone(phone::PhoneEvent::Assigned { .. }) => true,
        Event::Discharges(event) => {
            use discharges::DischargeEvent as D;
            matches!(
                event,
                D::Opened { .. }
                    | D::Assigned { .. }
                    | D::Admitted { .. }
                    | D::Died { .. }
                    | D::Discharged { .. }
            )
        }
        Event::Visits(event) => matches!(
            event,
            V::Opened { .. }
                | V::Assigned { .. }
                | V::Planned { .. }
                | V::Expected { .. }
                | V::FellSilent {}
                | V::Started { .. }
                | V::DoorUnanswered {}
        ),
        _ => false,
    }
}

fn belong_together(one: &Entry, other: &Entry, now: DateTime<Utc>) -> bool {
    match (&one.body, &other.body) {
        (Body::Duties(_) | Body::Sources(_), _) | (_, Body::Duties(_) | Body::Sources(_)) => false,
        (Body::Visits(_), Body::Visits(_)) => false,
        (Body::Visits(visit), Body::Discharges(stay)) | (Body::Discharges(stay), Body::Visits(visit)) => {
            is_dead(stay) || is_of_the_day(visit, now) || touches(visit, stay)
        }
        // A visit as planned is nothing that a caller rings about; one that is off, or of a closed door, is.
        (Body::Visits(visit), _) | (_, Body::Visits(visit)) => {
            !matches!(visit.state(), VisitState::Planned | VisitState::Moved)
        }
        _ => true,
    }
}

fn is_dead(stay: &discharges::Stay) -> bool {
    stay.now.place == stay::Whereabouts::Dead
}

fn is_of_the_day(visit: &visits::Visit, now: DateTime<Utc>) -> bool {
    visit.agreed_at().is_some_and(|at| calendar::days_apart(at, now) == 0)
}

/// The visit was for the date of the admission.
fn touches(visit: &visits::Visit, stay: &discharges::Stay) -> bool {
    match (visit.agreed_at(), stay.now.admitted_at) {
        (Some(at), Some(admitted)) => calendar::days_apart(at, admitted) == 0,
        _ => false,
    }
}
