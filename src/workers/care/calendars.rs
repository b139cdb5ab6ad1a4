//! A care system's calendars as a source that is asked: which visits are planned, begun, done, and taken out again.
//!
//! Owns how far they are read, and when a visit that is not there any more is withdrawn. Must never log a citizen.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest, Sha256};

use super::{no_answer, observed, waiting};
use crate::care::{ListedFact, Plan, Visit, VisitsOf};
use crate::domain::State;
use crate::domain::entry::Body;
use crate::domain::identity::{AgreementId, Code, ExternalId, Key, SourceName};
use crate::domain::observation::Observation;
use crate::domain::visits::Canceller;
use crate::engine::cares::Port;
use crate::inbox::EngineInbox;
use crate::protocol::observations::Observed;
use crate::sources::polled::{Answer, Asked, NoAnswer};
use crate::sources::withdrawn::{self, StandingVisit};
use crate::sources::{VisitLog, Waiting};

/// Planned visits are read this far back and ahead (hours).
const VISITS_BACK: TimeDelta = TimeDelta::hours(6);
const VISITS_AHEAD: TimeDelta = TimeDelta::hours(24);

/// The calendars of one care system.
pub struct Calendars {
    pub port: Arc<Port>,
    pub source: SourceName,
    pub inbox: EngineInbox,
}

impl Asked for Calendars {
    async fn ask(&self) -> Result<Answer, NoAnswer> {
        let engine = &self.inbox.engine;
        let now = engine.clock.now();
        let (from, to) = (now - VISITS_BACK, now + VISITS_AHEAD);
        let mut plan = self.port.care.visits(&VisitsOf::Everybody, from, to).await.map_err(no_answer)?;
        let is_own = |visit: &Visit| engine.cares.is_served_by(&visit.agreement, &self.port);
        let (visits, others): (Vec<_>, Vec<_>) = plan.visits.into_iter().partition(is_own);
        plan.visits = visits;
        plan.unreadable.extend(others.into_iter().map(|it| it.visit));
        let state = engine.state();
        let mut told: Vec<Observed> = plan
            .visits
            .iter()
            .flat_map(|visit| told_of(visit, now, self.came_back(&state, &visit.visit)))
            .map(observed)
            .collect();
        let mut waiting = plan.held.map(waiting);
        match self.gone(&state, &plan, from, to) {
            Ok(gone) => told.extend(gone.iter().map(|(it, agreement)| withdrawn::told(it, agreement, now))),
            Err(withdrawn::Shrunk { gone }) => {
                waiting = Some(Waiting { count: gone, why: Code::constant("care-calendar-shrunk") });
            }
        }
        Ok(Answer { observed: told, unreadable: plan.unreadable, waiting })
    }
}

impl Calendars {
    /// What is no longer in the calendar of somebody whose calendar was read to its end.
    fn gone(
        &self,
        state: &State,
        plan: &Plan,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Vec<(StandingVisit, AgreementId)>, withdrawn::Shrunk> {
        let is_whole =
            |it: &StandingVisit| it.citizen.as_ref().is_some_and(|whose| plan.whole.contains(whose));
        let mut standing = self.inbox.standing_visits(&self.source, from, to);
        standing.retain(is_whole);
        let fresh =
            plan.visits.iter().filter(|it| state.by_origin(&self.source, &it.visit).is_none()).count();
        let listed = plan.visits.iter().map(|it| it.visit.clone()).chain(plan.others.clone()).collect();
        let with_agreement = |it: StandingVisit| {
            let agreement = state.by_origin(&self.source, &it.visit)?.agreement.clone()?;
            Some((it, agreement))
        };
        Ok(withdrawn::gone(standing, &listed, fresh)?.into_iter().filter_map(with_agreement).collect())
    }

    /// Of a visit that was taken out of the calendar: its version then. That it stands there is a new fact.
    fn came_back(&self, state: &State, visit: &ExternalId) -> Option<u32> {
        let entry = state.by_origin(&self.source, visit)?;
        let Body::Visits(known) = &entry.body else { return None };
        known.cancelled.as_ref().filter(|it| it.by == Canceller::Withdrawn).map(|_| entry.version)
    }
}

/// A visit's plan, and that it began and ended where that is told. The keys are made of what is said: a plan that
/// changed is another fact, and so is one that came back (`again`).
fn told_of(visit: &Visit, now: DateTime<Utc>, again: Option<u32>) -> Vec<ListedFact> {
    let id = &visit.visit;
    let plan = Observation::VisitPlanned {
        visit: id.clone(),
        citizen: visit.citizen.clone(),
        grant: visit.grant,
        help: visit.help,
        agreed_at: visit.planned_at,
        window: None,
        starts: Some(visit.tells_start),
    };
    let mut facts = vec![(now, visit.planned_at, plan)];
    facts.extend(visit.started_at.map(|at| (at, at, Observation::VisitStarted { visit: id.clone() })));
    facts.extend(visit.done_at.map(|at| (at, at, Observation::VisitDone { visit: id.clone() })));
    let told = |(at, said, observation): (DateTime<Utc>, DateTime<Utc>, Observation)| {
        let mut content = format!("{id}\n{}\n{observation:?}", said.timestamp_millis());
        if let Some(version) = again {
            content.push_str(&format!("\n{version}"));
        }
        let key = Key::of_bytes("care-visit-", &Sha256::digest(content.as_bytes())[..16]);
        ListedFact { key, at, agreement: visit.agreement.clone(), observation }
    };
    facts.into_iter().map(told).collect()
}
