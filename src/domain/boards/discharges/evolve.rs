//! What a record makes of a stay. Pure and total: what makes no sense is left alone. Must never decide.

use chrono::{DateTime, Duration, NaiveDate, Utc};

use super::{
    ASKED_AFTER_HOURS, ASKED_AT_HOUR, Correctable, DischargeEvent, SILENT_HOURS, Stay, StayState, StopReason,
    Stopped,
};
use crate::domain::entry::{Body, Due, DueKind, Entry};
use crate::domain::identity::EntryId;
use crate::domain::{State, calendar};

pub(super) fn apply(stay: &mut Stay, at: DateTime<Utc>, event: &DischargeEvent) {
    if let Some(told) = event.told(at) {
        stay.hear(told);
        return;
    }
    match event {
        // The first id stays: it is the one that was shown.
        DischargeEvent::Joined { stay: id, .. } => drop(stay.stay.get_or_insert_with(|| id.clone())),
        DischargeEvent::Resumed {} => {
            stay.resumed_at = Some(at);
            stay.upset = None;
        }
        DischargeEvent::Stopped { reason } if reason.is(StopReason::BackInHospital) => {
            stay.resumed_at = None;
            stay.upset = None;
            // Asked and ticked off anew when the citizen comes home at last.
            stay.steps.clear();
        }
        DischargeEvent::Stopped { reason } => {
            stay.stopped = Some(Stopped { reason: *reason, at });
            stay.upset = None;
        }
        DischargeEvent::StepTicked { step, done } => {
            stay.steps.retain(|(known, _)| known != step);
            if *done {
                stay.steps.push((*step, at));
            }
        }
        DischargeEvent::AssessorsTold { told } => stay.assessors_told = Some(*told),
        DischargeEvent::StillThere {} => stay.assured_at = Some(at),
        DischargeEvent::Corrected { what, .. } => corrected(stay, *what),
        _ => {}
    }
}

fn corrected(stay: &mut Stay, what: Correctable) {
    match what {
        Correctable::Resumption => {
            stay.resumed_at = None;
            stay.upset = None;
        }
        Correctable::Stop => stay.stopped = None,
        Correctable::AssessorsTold => stay.assessors_told = None,
    }
}

/// Puts dues and closing in step with what is now known.
pub(super) fn settle(entry: &mut Entry, at: DateTime<Utc>) {
    let Body::Discharges(stay) = &entry.body else { return };
    let (over, waits_for_help) = (stay.is_over(), stay.state() == StayState::Discharged);
    let expected = stay
        .now
        .expected
        .as_ref()
        .filter(|_| stay.state() == StayState::DischargeExpected)
        .map(|it| Due::own(DueKind::Expected, it.expected_at));
    let resume = stay.now.resume_due.clone().filter(|_| waits_for_help);
    let silent = stay.away_since_word().map(|word| match stay.is_by_our_word() {
        true => next_morning(word + Duration::hours(ASKED_AFTER_HOURS)),
        false => word + Duration::hours(SILENT_HOURS),
    });
    let silent = silent.map(|at| Due::own(DueKind::StillThere, at));
    for what in [DueKind::Expected, DueKind::Resume, DueKind::StillThere] {
        entry.drop_due(what);
    }
    if over {
        entry.close(at);
        return;
    }
    entry.reopen();
    entry.dues.extend(expected.into_iter().chain(resume).chain(silent));
}

/// The next time it is the hour at which we ask.
fn next_morning(after: DateTime<Utc>) -> DateTime<Utc> {
    let hour = |date: NaiveDate| date.and_hms_opt(ASKED_AT_HOUR, 0, 0).map(calendar::instant);
    let today = calendar::local_date(after);
    let days = [Some(today), today.succ_opt()].into_iter().flatten().filter_map(hour);
    days.into_iter().find(|at| *at > after).unwrap_or(after)
}

/// The visits of the admission's own date that this stay struck: wasted unless the assessors told us before.
pub fn first_day_visits(state: &State, entry: &Entry, stay: &Stay) -> Vec<EntryId> {
    let Some(admitted_at) = stay.now.admitted_at else { return Vec::new() };
    let linked = entry.links.iter().filter_map(|link| state.entry(link.to));
    linked
        .filter(|other| match &other.body {
            Body::Visits(visit) => visit
                .agreed_at()
                .is_some_and(|at| at >= admitted_at && calendar::days_apart(at, admitted_at) == 0),
            _ => false,
        })
        .map(|other| other.id)
        .collect()
}
