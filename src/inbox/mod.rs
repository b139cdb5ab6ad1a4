//! The engine as whoever hands something in sees it: the sources' inbox, and what the log knows of what they told.
//!
//! Owns the way between observation and fact, receipt and outcome, and what of the log a source is told: where an alarm
//! stands, which calls are open, which devices are missed. Must never decide what becomes of a fact, nor know a source's
//! format.

mod facts;

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tracing::warn;

use crate::domain::alarms::Alarm;
use crate::domain::devices;
use crate::domain::entry::{Body, Entry};
use crate::domain::identity::{Board, Code, ExternalId, SourceName};
use crate::domain::masking::Masking;
use crate::domain::phone::CallState;
use crate::domain::sources::{Report, RowSaid, TroubleKind};
use crate::domain::visits::Visit;
use crate::engine::Engine;
use crate::engine::health::{self, Queue};
use crate::protocol::board::SourceState;
use crate::protocol::observations::{Observed, Receipt};
use crate::sources::withdrawn::Standing;
use crate::sources::{
    AlarmStanding, BadRows, Inbox, KnownVisit, OpenCall, QueueKind, QueueStaff, Stands, Unavailable, Waiting,
};

pub use facts::{fact, receipt, refused};

/// A device that was not heard for so long was taken down: a restart does not miss it any more.
const DEVICE_MISSED_FOR: TimeDelta = TimeDelta::days(40);
/// A source is told that nothing is known to be stored when it takes longer than this.
const STORED_WITHIN: Duration = Duration::from_millis(1_500);
/// A clock of the other side this far off is told (seconds).
const CLOCK_AHEAD_TOLD: TimeDelta = TimeDelta::seconds(60);

#[derive(Clone)]
pub struct EngineInbox {
    pub engine: Engine,
    pub kind: &'static str,
}

impl Inbox for EngineInbox {
    async fn submit(&self, source: &SourceName, batch: Vec<Observed>) -> Result<Vec<Receipt>, Unavailable> {
        let keys: Vec<_> = batch.iter().map(|observed| observed.key.clone()).collect();
        let facts = batch.into_iter().map(fact).collect();
        // What the source says next must not wait behind a disk that hangs. The batch stays with the writer; handed in
        // again it is a repeat.
        let stored = tokio::time::timeout(STORED_WITHIN, self.engine.observe(source, facts)).await;
        let outcomes = stored.map_err(|_| Unavailable)?.map_err(|_| Unavailable)?;
        Ok(keys.into_iter().zip(outcomes).map(|(key, outcome)| receipt(key, outcome)).collect())
    }

    fn masking(&self) -> &Masking {
        &self.engine.masking
    }

    fn heard(&self, source: &SourceName) {
        self.engine.health.heard(source, self.kind, self.engine.clock.now());
    }

    fn unreadable(&self, source: &SourceName, what: Code) {
        warn!(%source, %what, "something could not be read");
        let (engine, source, kind) = (self.engine.clone(), source.clone(), self.kind);
        tokio::spawn(async move { engine.unreadable(&source, kind, what).await });
    }

    fn alarm_unreadable(&self, source: &SourceName, what: Code) {
        warn!(%source, %what, "an alarm could not be read, nor who sent it");
        let (engine, source) = (self.engine.clone(), source.clone());
        let report = Report::Trouble { trouble: TroubleKind::AlarmUnreadable, what: Some(what), times: 1 };
        tokio::spawn(async move { engine.report(&source, report).await });
    }

    fn state(&self, source: &SourceName, state: SourceState, why: Option<Code>) {
        match state {
            SourceState::Ok => self.engine.health.open(source),
            SourceState::Late => self.engine.health.ails(source, why),
            SourceState::Silent => {
                warn!(%source, why = why.as_ref().map(Code::as_str), "source is silent");
                self.engine.health.cut(source, why);
            }
            SourceState::Off => self.engine.health.cut(source, why),
        }
    }

    fn clock_ahead(&self, source: &SourceName, by: TimeDelta) {
        let is_told = by.abs() >= CLOCK_AHEAD_TOLD;
        self.engine.health.clock_ahead(source, is_told.then_some(by));
        if is_told {
            warn!(%source, seconds = by.num_seconds(), "the source's clock differs from ours");
        }
    }

    fn staff(&self, source: &SourceName, queues: Vec<QueueStaff>) {
        let queues = queues.into_iter().map(|it| Queue {
            name: it.queue,
            agreements: it.agreements,
            on_duty: it.on_duty,
            busy: it.busy,
            paused: it.paused,
            waiting: it.waiting,
        });
        self.engine.health.staffed(source, queues.collect());
    }

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
                    Body::Alarm(alarm) if alarm.unanswered_at.is_none() && alarm.answered_at.is_none() => {
                        Some(OpenCall { call: origin.id.clone(), kind: QueueKind::Alarm, answered: false })
                    }
                    _ => None,
                }
            })
            .collect()
    }

    async fn standing(&self, source: &SourceName, alarm: &ExternalId) -> Option<AlarmStanding> {
        let state = self.engine.state();
        let entry = state.by_origin(source, alarm)?;
        match &entry.body {
            Body::Alarm(known) => {
                Some(AlarmStanding { stands: stands(entry, known), signalled_at: known.last_signal_at })
            }
            _ => None,
        }
    }

    async fn bad_rows(&self, source: &SourceName, rows: Vec<BadRows>) {
        for it in &rows {
            warn!(%source, what = %it.what, line = it.line, rows = it.rows, "rows were not taken in");
        }
        self.engine.report(source, rows_of_file(TroubleKind::RowsRefused, rows)).await;
    }

    async fn odd_rows(&self, source: &SourceName, rows: Vec<BadRows>) {
        for it in &rows {
            warn!(%source, what = %it.what, line = it.line, rows = it.rows, "rows are odd; they were taken in");
        }
        self.engine.report(source, rows_of_file(TroubleKind::Odd, rows)).await;
    }

    fn known_visits(&self, source: &SourceName, visits: &[ExternalId]) -> BTreeMap<ExternalId, KnownVisit> {
        let state = self.engine.state();
        let known = |id: &ExternalId| {
            let entry = state.by_origin(source, id)?;
            match &entry.body {
                Body::Visit(visit) => Some((id.clone(), known_visit(entry.citizen.is_some(), visit))),
                _ => None,
            }
        };
        visits.iter().filter_map(known).collect()
    }

    fn waits(&self, source: &SourceName, waiting: Option<Waiting>) {
        let waiting = waiting.map(|it| health::Waiting { count: it.count, why: it.why });
        self.engine.health.waits(source, waiting);
    }

    fn standing_visits(&self, source: &SourceName, from: DateTime<Utc>, to: DateTime<Utc>) -> Vec<Standing> {
        let state = self.engine.state();
        let standing = state.open_entries().filter_map(|entry| {
            let origin = entry.origin.as_ref().filter(|origin| origin.source == *source)?;
            let Body::Visit(visit) = &entry.body else { return None };
            let has_begun = visit.started_at.is_some() || visit.done_at.is_some();
            let planned_at = told_for(visit).filter(|at| from <= *at && *at < to)?;
            let stands = Standing {
                visit: origin.id.clone(),
                citizen: entry.citizen.clone(),
                planned_at,
                version: entry.version,
            };
            (!has_begun && visit.cancelled.is_none()).then_some(stands)
        });
        standing.collect()
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

fn rows_of_file(trouble: TroubleKind, rows: Vec<BadRows>) -> Report {
    let said = |it: BadRows| RowSaid { what: it.what, line: it.line, row: it.row, times: it.rows };
    Report::Rows { trouble, rows: rows.into_iter().map(said).collect() }
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
