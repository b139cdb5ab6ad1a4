//! A citizen's visits while they are in hospital, dead, or help has ended: halted, and on again. Must never know why.

use chrono::{DateTime, Utc};

use super::{Cancelled, Canceller, Correctable, Halt, Visit, VisitEvent};
use crate::domain::entry::{Body, Entry};
use crate::domain::identity::Board;
use crate::domain::realm::Citizen;
use crate::domain::visit_rules::Standing;
use crate::domain::vocabulary::CorrectionReason;
use crate::domain::{Ctx, Draft, Event, State};

/// A visit that stands for a time still to come, or one that nobody has begun.
pub(in crate::domain) fn waits(visit: &Visit) -> bool {
    visit.started_at.is_none() && visit.done_at.is_none() && visit.cancelled.is_none()
}

pub(super) fn visits_of<'s>(
    state: &'s State,
    citizen: &Citizen,
) -> impl Iterator<Item = (&'s Entry, &'s Visit)> + use<'s> {
    state.of_citizen_on(citizen, Board::Visits).filter_map(|entry| match &entry.body {
        Body::Visits(visit) if waits(visit) => Some((entry, visit)),
        _ => None,
    })
}

/// The citizen was admitted or has died: the visits from then on stand still.
pub fn halt(
    state: &State,
    ctx: &Ctx,
    citizen: &Citizen,
    halt: Halt,
    from: Option<DateTime<Utc>>,
) -> Vec<Draft> {
    visits_of(state, citizen)
        .filter(|(_, visit)| visit.halted != Some(halt))
        .filter(|(_, visit)| visit.is_agreed_from(from))
        .map(|(entry, _)| entry.draft(ctx.at, Event::Visits(VisitEvent::Halted { halt })))
        .collect()
}

/// Help goes on: the visits from then on (none: all of them, so that one that was skipped shows as late).
pub fn go_on(state: &State, ctx: &Ctx, citizen: &Citizen, from: Option<DateTime<Utc>>) -> Vec<Draft> {
    visits_of(state, citizen)
        .filter(|(_, visit)| visit.halted.is_some())
        .filter(|(_, visit)| visit.is_agreed_from(from))
        .map(|(entry, _)| entry.draft(ctx.at, Event::Visits(VisitEvent::WentOn {})))
        .collect()
}

/// Help has stopped, the citizen has moved away: what is still to come falls away and nothing is owed (J 3.1.1).
pub fn ended(state: &State, ctx: &Ctx, citizen: &Citizen) -> Vec<Draft> {
    visits_of(state, citizen)
        .filter(|(_, visit)| visit.is_agreed_from(Some(ctx.at)))
        .map(|(entry, _)| {
            let event = VisitEvent::Cancelled {
                cancelled_by: Canceller::HelpStopped,
                told_at: ctx.at,
                in_time: None,
                replacement: Standing::Nothing,
                against_contract: None,
            };
            entry.draft(ctx.at, Event::Visits(event))
        })
        .collect()
}

/// The citizen never was away: what a stay struck stands again, and what was skipped shows.
pub fn never_away(state: &State, ctx: &Ctx, citizen: &Citizen, from: Option<DateTime<Utc>>) -> Vec<Draft> {
    let all = state.of_citizen_on(citizen, Board::Visits).chain(state.closed_of_citizen(citizen));
    stand_again(ctx, all, CorrectionReason::NewInformation, |visit, cancelled| {
        visit.is_agreed_from(from) && cancelled.by.is_of_stay()
    })
}

/// Help was not to be stopped after all: what fell away with it stands again.
pub fn restored(
    state: &State,
    ctx: &Ctx,
    citizen: &Citizen,
    stopped_at: DateTime<Utc>,
    reason: CorrectionReason,
) -> Vec<Draft> {
    stand_again(ctx, state.closed_of_citizen(citizen), reason, |_, cancelled| {
        cancelled.by == Canceller::HelpStopped && cancelled.at == stopped_at
    })
}

/// Takes these cancellations back.
fn stand_again<'s>(
    ctx: &Ctx,
    entries: impl Iterator<Item = &'s Entry>,
    reason: CorrectionReason,
    is_it: impl Fn(&Visit, &Cancelled) -> bool,
) -> Vec<Draft> {
    let fell_away = |entry: &&Entry| match &entry.body {
        Body::Visits(visit) => visit.cancelled.as_ref().is_some_and(|cancelled| is_it(visit, cancelled)),
        _ => false,
    };
    let event = VisitEvent::Corrected { what: Correctable::Cancellation, reason };
    entries.filter(fell_away).map(|entry| entry.draft(ctx.at, Event::Visits(event.clone()))).collect()
}
