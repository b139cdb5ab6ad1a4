//! What an agreement says about moving and cancelling a visit, and what is owed afterwards.
//!
//! Owns the judgement: a new time against the delivery window of help and grant and against who asked; a
//! cancellation against the hour until which it is in time. Must never change anything.

use chrono::{DateTime, Utc};

use super::State;
use super::against::Against;
use super::agreement::{ProviderMoves, holds};
use super::entry::{Body, Entry};
use super::identity::{AgreementId, Board};
use super::observation::{CancelledBy, Help, Window};
use super::visits::{Halt, Limit, Plan, Visit};
use super::vocabulary::vocabulary;

vocabulary! {
    /// What is owed after a cancellation or postponement.
    Standing {
        Nothing,
        /// A replacement visit is to be agreed.
        Owed,
        /// A judgement, in doubt the assessors' (J 3.1.5).
        Judgement,
    }
}

/// From how many minutes the citizen is contacted; of several agreements in question the strictest.
pub fn limit(state: &State, agreements: &[AgreementId]) -> Option<Limit> {
    state
        .rules(agreements)
        .filter_map(|rules| {
            let value = rules.visits.contact_minutes.as_ref()?;
            Some(Limit {
                minutes: *value.value(),
                clause: value.clause().map(|clause| clause.as_str().to_owned()),
                agreement_version: rules.version.clone(),
            })
        })
        .min_by_key(|limit| limit.minutes)
}

/// The clause that a new time speaks against, if any: who asked, then how often, then the delivery window.
pub fn against_move(
    state: &State,
    entry: &Entry,
    visit: &Visit,
    plan: &Plan,
    to: DateTime<Utc>,
    asked_by: CancelledBy,
) -> Option<Against> {
    // When the citizen asks, it is between the two of them (N 3.5.4): only the window binds.
    let by_provider = asked_by == CancelledBy::Provider;
    let rules = || state.rules(entry.agreements()).map(|rules| &rules.visits);
    let who = || {
        rules()
            .filter_map(|visits| visits.moves_for(plan.help))
            .find(|value| *value.value() == ProviderMoves::Never)
            .and_then(Against::of)
    };
    let again = || {
        let postponed_before = is_postponed(visit) || is_postponed_before(state, entry, visit, plan);
        rules()
            .filter_map(|visits| visits.postponed_once_at_most.as_ref())
            .find(|value| *value.value() && postponed_before && to > plan.agreed_at)
            .and_then(Against::of)
    };
    let provider = if by_provider { who().or_else(again) } else { None };
    provider.or_else(|| outside_window(state, entry, plan, to))
}

fn is_postponed(visit: &Visit) -> bool {
    visit.moves.iter().any(super::visits::Moved::is_postponed_by_provider)
}

/// The citizen's last visit of that help before this one was postponed by us: care, help and support may not be
/// postponed several times in a row (N 3.2), whichever visits they are.
fn is_postponed_before(state: &State, entry: &Entry, visit: &Visit, plan: &Plan) -> bool {
    let Some(citizen) = state.citizen_of(entry) else { return false };
    let first_agreed = |visit: &Visit| visit.moves.first().map(|it| it.from).or(visit.agreed_at());
    let own = first_agreed(visit);
    let others = state.of_citizen_on(&citizen, Board::Visits).chain(state.closed_of_citizen(&citizen));
    let before = others.filter(|other| other.id != entry.id).filter_map(|other| match &other.body {
        Body::Visits(it) if it.plan.as_ref().is_some_and(|it| it.help == plan.help) => {
            first_agreed(it).filter(|at| Some(*at) < own).map(|at| (at, it))
        }
        _ => None,
    });
    before.max_by_key(|(at, _)| *at).is_some_and(|(_, last)| is_postponed(last))
}

/// The clause of the delivery window that this time lies outside of, if any.
pub fn outside_window(state: &State, entry: &Entry, plan: &Plan, at: DateTime<Utc>) -> Option<Against> {
    state.rules(entry.agreements()).find_map(|rules| {
        let extra = rules.calendar.extra_days_off();
        let morning = rules.visits.morning_care.as_ref().filter(|value| {
            let window = value.value();
            plan.help == Help::Personal
                && plan.window.is_some_and(|own| is_inside(&own, window.from, window.to))
        });
        if let Some(value) = morning.filter(|value| !value.value().allows(at, &extra)) {
            return Against::of(value);
        }
        let window = &rules.visits.window_for(plan.grant, plan.help)?.window;
        if window.value().allows(at, &extra) { None } else { Against::of(window) }
    })
}

/// A visit whose planned window lies within the morning is morning care.
fn is_inside(own: &Window, from: chrono::NaiveTime, to: chrono::NaiveTime) -> bool {
    from <= own.from && own.from < own.to && own.to <= to
}

/// The clause that a provider's cancellation speaks against (N 3.2, J 3.1.5).
pub fn cancels_granted(state: &State, entry: &Entry, by: CancelledBy) -> Option<Against> {
    if by != CancelledBy::Provider {
        return None;
    }
    state
        .rules(entry.agreements())
        .filter_map(|rules| rules.visits.provider_never_cancels.as_ref())
        .find(|value| *value.value())
        .and_then(Against::of)
}

/// Was the citizen's cancellation told before the agreed hour on the working day before (J 3.1.5)?
pub fn is_in_time(state: &State, entry: &Entry, visit: &Visit, told_at: DateTime<Utc>) -> Option<bool> {
    let agreed_at = visit.agreed_at()?;
    let until = state.rules(entry.agreements()).find_map(|rules| rules.cancellation_until(agreed_at))?;
    Some(told_at < until)
}

/// What is owed after a cancellation: by us always a replacement, by the citizen none or, told too late under an
/// agreement that knows an hour, a judgement.
pub fn after_cancellation(by: CancelledBy, in_time: Option<bool>) -> Standing {
    match (by, in_time) {
        (CancelledBy::Provider, _) => Standing::Owed,
        (CancelledBy::Citizen, Some(false)) => Standing::Judgement,
        _ => Standing::Nothing,
    }
}

/// Practical help that we postpone is owed until the new time is agreed (N 3.2).
pub fn after_move(
    state: &State,
    entry: &Entry,
    plan: &Plan,
    to: DateTime<Utc>,
    asked_by: CancelledBy,
) -> Standing {
    let postponed = asked_by == CancelledBy::Provider && to > plan.agreed_at;
    if postponed && owes_practical(state, entry, plan) { Standing::Owed } else { Standing::Nothing }
}

/// Practical help that fell away during a hospital stay is owed (N 3.2).
pub fn after_hospital(state: &State, entry: &Entry, visit: &Visit, halt: Halt) -> Standing {
    let is_owed = visit.plan.as_ref().is_some_and(|plan| owes_practical(state, entry, plan));
    if halt == Halt::InHospital && is_owed { Standing::Owed } else { Standing::Nothing }
}

fn owes_practical(state: &State, entry: &Entry, plan: &Plan) -> bool {
    plan.help == Help::Practical
        && state.rules(entry.agreements()).any(|rules| holds(&rules.visits.replacement_owed))
}

/// The clause by which practical help planned on a public holiday is offered another day (N 3.2).
pub fn holiday_clause(state: &State, entry: &Entry, plan: &Plan) -> Option<String> {
    if !super::visits::falls_on_holiday(plan) {
        return None;
    }
    state
        .rules(entry.agreements())
        .filter_map(|rules| rules.visits.holiday_offers_another_day.as_ref())
        .find(|value| *value.value())
        .and_then(|value| value.clause().map(|clause| clause.as_str().to_owned()))
}
