//! What of the log a source is told: which calls are open, where an alarm stands, what a visit is known to be.
//!
//! Owns how an entry reads to the source that told of it. Must never change anything.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::EngineInbox;
use crate::domain::alarms::Alarm;
use crate::domain::devices;
use crate::domain::entry::{Body, Entry};
use crate::domain::identity::{Board, ExternalId, SourceName};
use crate::domain::phone::CallState;
use crate::domain::visits::Visit;
use crate::sources::withdrawn::StandingVisit;
use crate::sources::{AlarmLog, AlarmStanding, CallLog, KnownVisit, OpenCall, QueueKind, Stands, VisitLog};

/// A device that was not heard for so long was taken down: a restart does not miss it any more.
const DEVICE_MISSED_FOR: TimeDelta = TimeDelta::days(40);

impl CallLog for EngineInbox {
    async fn open_calls(&self, source: &SourceName) -> Vec<OpenCall> {
        let state = self.engine.state();
        state
            .not_at_rest()
            .filter_map(|entry| {
                let origin = entry.origin.as_ref().filter(|origin| origin.source == *source)?;
                match &entry.body {
                    Body::Phone(call) if matches!(call.state(), CallState::Waiting | CallState::Answered) => {
                        Some(OpenCall {
                            call: origin.id.clone(),
                            kind: QueueKind::Phone,
                            answered: call.answered_at.is_some(),
                        })
                    }
                    Body::Alarms(alarm) if alarm.unanswered_at.is_none() && alarm.answered_at.is_none() => {
                        Some(OpenCall { call: origin.id.clone(), kind: QueueKind::Alarm, answered: false })
                    }
                    _ => None,
                }
            })
            .collect()
    }
}

impl AlarmLog for EngineInbox {
    async fn standing(&self, source: &SourceName, alarm: &ExternalId) -> Option<AlarmStanding> {
        let state = self.engine.state();
        let entry = state.by_origin(source, alarm)?;
        match &entry.body {
            Body::Alarms(known) => {
                Some(AlarmStanding { stands: stands(entry, known), signalled_at: known.last_signal_at })
            }
            _ => None,
        }
    }

    async fn devices(&self, source: &SourceName) -> Vec<(ExternalId, bool)> {
        let state = self.engine.state();
        let since = self.engine.clock.now() - DEVICE_MISSED_FOR;
        let is_silent = |device: &ExternalId| {
            state.open_on(Board::Alarms).any(|entry| devices::is_silence_of(entry, device))
        };
        state.devices_of(source, since).map(|device| (device.clone(), is_silent(device))).collect()
    }
}

impl VisitLog for EngineInbox {
    fn known_visits(&self, source: &SourceName, visits: &[ExternalId]) -> BTreeMap<ExternalId, KnownVisit> {
        let state = self.engine.state();
        let known = |id: &ExternalId| {
            let entry = state.by_origin(source, id)?;
            match &entry.body {
                Body::Visits(visit) => Some((id.clone(), known_visit(entry.citizen.is_some(), visit))),
                _ => None,
            }
        };
        visits.iter().filter_map(known).collect()
    }

    fn standing_visits(
        &self,
        source: &SourceName,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Vec<StandingVisit> {
        let state = self.engine.state();
        let standing = state.open_entries().filter_map(|entry| {
            let origin = entry.origin.as_ref().filter(|origin| origin.source == *source)?;
            let Body::Visits(visit) = &entry.body else { return None };
            let has_begun = visit.started_at.is_some() || visit.done_at.is_some();
            let planned_at = told_for(visit).filter(|at| from <= *at && *at < to)?;
            let stands = StandingVisit {
                visit: origin.id.clone(),
                citizen: entry.citizen.clone(),
                planned_at,
                version: entry.version,
            };
            (!has_begun && visit.cancelled.is_none()).then_some(stands)
        });
        standing.collect()
    }
}

/// A redirect stands whatever else is true; then a person's deed, then the ring-out. A claim that came back without
/// a response is no answer.
fn stands(entry: &Entry, alarm: &Alarm) -> Stands {
    let is_in_hand = entry.holder.is_some()
        || alarm.response.is_some()
        || alarm.arrived_at.is_some()
        || alarm.outcome.is_some()
        || alarm.talked_at.is_some();
    if !alarm.is_person_alarm() {
        Stands::Apart
    } else if alarm.redirect.is_some() {
        Stands::RangOut { redirected: true }
    } else if is_in_hand {
        Stands::Taken
    } else if alarm.unanswered_at.is_some() {
        Stands::RangOut { redirected: false }
    } else {
        Stands::Ringing
    }
}

/// When the source says that it is: before a coordinator moved it.
fn told_for(visit: &Visit) -> Option<DateTime<Utc>> {
    visit.moves.first().map(|moved| moved.from).or(visit.agreed_at())
}

fn known_visit(has_citizen: bool, visit: &Visit) -> KnownVisit {
    let told_for = told_for(visit);
    KnownVisit {
        has_citizen,
        plan: visit
            .plan
            .as_ref()
            .map(|plan| (plan.grant, plan.help, told_for.unwrap_or(plan.agreed_at), plan.window)),
        expected_at: visit.expected_at,
        is_started: visit.started_at.is_some(),
        is_done: visit.done_at.is_some(),
        is_cancelled: visit.cancelled.is_some(),
        is_door_unanswered: visit.door.is_some(),
    }
}
