//! The engine as whoever hands something in sees it: the sources' inbox, and what the log knows of what they told.
//!
//! Owns the way between observation and fact, receipt and outcome, and what of the log a source is told: where an alarm
//! stands, which calls are open, which devices are missed. Must never decide what becomes of a fact, nor know a source's
//! format.

mod facts;
mod known;

use std::time::Duration;

use chrono::TimeDelta;
use tracing::warn;

use crate::domain::identity::{AgreementId, Code, SourceName};
use crate::domain::sources::{Report, RowSaid, TroubleKind};
use crate::engine::Engine;
use crate::engine::health::{self, Queue};
use crate::protocol::board::SourceState;
use crate::protocol::observations::{Observed, Receipt};
use crate::sources::{
    Backlog, BadRows, ClockOffset, Contact, FileRows, HandIn, LostAlarms, Malformed, QueueStaff, RowsAre,
    SourceHealth, Staffing, Unavailable, Waiting,
};

pub use facts::{fact, receipt, refused};

/// A source is told that nothing is known to be stored when it takes longer than this.
const STORED_WITHIN: Duration = Duration::from_millis(1_500);
/// A clock of the other side this far off is told (seconds).
const CLOCK_AHEAD_TOLD: TimeDelta = TimeDelta::seconds(60);

/// The engine as one kind of source sees it. Cheap to clone.
#[derive(Clone)]
pub struct EngineInbox {
    pub engine: Engine,
    /// As the kind stands in source health.
    pub kind: &'static str,
}

impl EngineInbox {
    /// Of a source that is expected from now on; silence longer than `within` is trouble, if it is seen. On the screens of
    /// `agreements`.
    pub fn expecting(
        engine: &Engine,
        source: SourceName,
        kind: &'static str,
        within: Option<TimeDelta>,
        agreements: Vec<AgreementId>,
    ) -> Self {
        engine.health.expect(source, kind, within, agreements, engine.clock.now());
        Self { engine: engine.clone(), kind }
    }
}

impl HandIn for EngineInbox {
    async fn submit(&self, source: &SourceName, batch: Vec<Observed>) -> Result<Vec<Receipt>, Unavailable> {
        let keys: Vec<_> = batch.iter().map(|observed| observed.key.clone()).collect();
        let facts = batch.into_iter().map(fact).collect();
        // What the source says next must not wait behind a disk that hangs. The batch stays with the writer; handed in
        // again it is a repeat.
        let stored = tokio::time::timeout(STORED_WITHIN, self.engine.observe(source, facts)).await;
        let outcomes = stored.map_err(|_| Unavailable)?.map_err(|_| Unavailable)?;
        Ok(keys.into_iter().zip(outcomes).map(|(key, outcome)| receipt(key, outcome)).collect())
    }
}

impl Contact for EngineInbox {
    fn heard(&self, source: &SourceName) {
        self.engine.health.heard(source, self.kind, self.engine.clock.now());
    }
}

impl SourceHealth for EngineInbox {
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
}

impl Malformed for EngineInbox {
    fn unreadable(&self, source: &SourceName, what: Code) {
        warn!(%source, %what, "something could not be read");
        let (engine, source, kind) = (self.engine.clone(), source.clone(), self.kind);
        tokio::spawn(async move { engine.unreadable(&source, kind, what).await });
    }
}

impl LostAlarms for EngineInbox {
    fn alarm_unreadable(&self, source: &SourceName, what: Code) {
        warn!(%source, %what, "an alarm could not be read, nor who sent it");
        let (engine, source) = (self.engine.clone(), source.clone());
        let report = Report::Trouble { trouble: TroubleKind::AlarmUnreadable, what: Some(what), times: 1 };
        tokio::spawn(async move { engine.report(&source, report).await });
    }
}

impl FileRows for EngineInbox {
    async fn rows(&self, source: &SourceName, are: RowsAre, rows: Vec<BadRows>) {
        let (trouble, became) = match are {
            RowsAre::Refused => (TroubleKind::RowsRefused, "rows were not taken in"),
            RowsAre::Odd => (TroubleKind::Odd, "rows are odd; they were taken in"),
        };
        for it in &rows {
            warn!(%source, what = %it.what, line = it.line, rows = it.rows, "{became}");
        }
        self.engine.report(source, rows_of_file(trouble, rows)).await;
    }
}

impl Backlog for EngineInbox {
    fn waits(&self, source: &SourceName, waiting: Option<Waiting>) {
        let waiting = waiting.map(|it| health::Waiting { count: it.count, why: it.why });
        self.engine.health.waits(source, waiting);
    }
}

impl ClockOffset for EngineInbox {
    fn clock_ahead(&self, source: &SourceName, by: TimeDelta) {
        let is_told = by.abs() >= CLOCK_AHEAD_TOLD;
        self.engine.health.clock_ahead(source, is_told.then_some(by));
        if is_told {
            warn!(%source, seconds = by.num_seconds(), "the source's clock differs from ours");
        }
    }
}

impl Staffing for EngineInbox {
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
}

fn rows_of_file(trouble: TroubleKind, rows: Vec<BadRows>) -> Report {
    let said = |it: BadRows| RowSaid { what: it.what, line: it.line, row: it.row, times: it.rows };
    Report::Rows { trouble, rows: rows.into_iter().map(said).collect() }
}
