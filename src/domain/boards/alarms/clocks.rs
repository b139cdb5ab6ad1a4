//! The clocks of an alarm: until it rings out, until help should be there, until the justification is due. By the
//! agreement. Must never start one.

use chrono::{DateTime, Duration, Utc};

use super::{Alarm, Response};
use crate::domain::agreement::value_of;
use crate::domain::entry::{Due, DueKind, Entry};
use crate::domain::identity::AgreementId;
use crate::domain::{Ctx, State};

pub(super) fn ring_out_at(
    state: &State,
    agreements: &[AgreementId],
    from: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    state
        .rules(agreements)
        .filter_map(|rules| value_of(&rules.alarms.ring_out_seconds))
        .min()
        .map(|seconds| from + Duration::seconds(i64::from(seconds)))
}

/// When the written justification is due (J 3.1.13): calendar days on Copenhagen dates, the strict reading
/// (same clock time) unless the agreement says end of day. Several candidate agreements: the earliest.
pub(super) fn justification_due(
    state: &State,
    agreements: &[AgreementId],
    rang_out_at: DateTime<Utc>,
) -> Option<Due> {
    state
        .rules(agreements)
        .filter_map(|rules| {
            Some(Due {
                what: DueKind::Justification,
                at: rules.alarms.justification_due_at(rang_out_at)?,
                clause: rules.alarms.justification_days.as_ref()?.clause().map(|it| it.as_str().to_owned()),
                agreement_version: Some(rules.version.clone()),
            })
        })
        .min_by_key(|due| due.at)
}

/// When own help sent at `at` should be on site; nothing for the other responses.
pub(super) fn arrive_due(state: &State, entry: &Entry, with: Response, at: DateTime<Utc>) -> Option<Due> {
    if with != Response::OwnHelp {
        return None;
    }
    state
        .rules(entry.agreements())
        .filter_map(|rules| value_of(&rules.alarms.help_on_site_minutes))
        .min()
        .map(|minutes| Due::own(DueKind::Arrive, at + Duration::minutes(i64::from(minutes))))
}

/// The clocks that run for an alarm as it stands after a correction: on site, claim or ring-out. An alarm
/// that is back on the board is never without one that somebody would miss.
pub(super) fn clocks(state: &State, ctx: &Ctx, entry: &Entry, alarm: &Alarm) -> Vec<Due> {
    if alarm.is_handled() || alarm.arrived_at.is_some() {
        return Vec::new();
    }
    if let Some(response) = &alarm.response {
        return arrive_due(state, entry, response.with, response.at).into_iter().collect();
    }
    if entry.holder.is_some() {
        return vec![Due::own(DueKind::Claim, crate::domain::entry::claim_until(state, entry, ctx.now))];
    }
    alarm.ring_out_anew(state, entry, ctx.now).map(|at| Due::own(DueKind::RingOut, at)).into_iter().collect()
}
