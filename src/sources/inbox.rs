//! Whom a source tells, and whom it asks what the log knows: a trait for each need.
//!
//! Owns the promises of each. A source names those it uses and no other, so that what stands in for the engine in a test
//! fulfils just these. Must never know who fulfils them.

use std::collections::BTreeMap;
use std::future::Future;

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    AlarmStanding, BadRows, KnownVisit, OpenCall, QueueStaff, RowsAre, Unavailable, Waiting, withdrawn,
};
use crate::domain::identity::{Code, ExternalId, SourceName};
use crate::protocol::board::SourceState;
use crate::protocol::observations::{Observed, Receipt};

/// Where observations go.
pub trait HandIn: Clone + Send + Sync + 'static {
    /// Hands in a batch, in order; answers when it is durable, one receipt for each.
    ///
    /// # Errors
    /// [`Unavailable`]: nothing is known to be stored; hand the same batch in again.
    fn submit(
        &self,
        source: &SourceName,
        batch: Vec<Observed>,
    ) -> impl Future<Output = Result<Vec<Receipt>, Unavailable>> + Send;
}

/// That a source is there.
pub trait Contact: Clone + Send + Sync + 'static {
    /// The other side said something, whatever it was.
    fn heard(&self, source: &SourceName);
}

/// How a source is.
pub trait SourceHealth: Clone + Send + Sync + 'static {
    /// How it is now, and why if it is not well.
    fn state(&self, source: &SourceName, state: SourceState, why: Option<Code>);
}

/// What came and was of no use.
pub trait Malformed: Clone + Send + Sync + 'static {
    /// Something arrived that could not be read; `what` says which rule it broke.
    fn unreadable(&self, source: &SourceName, what: Code);
}

/// What came and was perhaps an alarm.
pub trait LostAlarms: Clone + Send + Sync + 'static {
    /// An alarm arrived of which nothing can be read, not even who sent it: somebody must look now.
    fn alarm_unreadable(&self, source: &SourceName, what: Code);
}

/// What is wrong with a file that comes in rows.
pub trait FileRows: Clone + Send + Sync + 'static {
    /// Rows of one file, all that `are` so at once, as each file's are one duty. Answers once the telling stands in line
    /// before whatever is handed in next.
    fn rows(&self, source: &SourceName, are: RowsAre, rows: Vec<BadRows>) -> impl Future<Output = ()> + Send;
}

/// What waits until somebody else can answer for it.
pub trait Backlog: Clone + Send + Sync + 'static {
    /// What of this source waits now; none: nothing does any more.
    fn waits(&self, source: &SourceName, waiting: Option<Waiting>);
}

/// The other side's clock.
pub trait ClockOffset: Clone + Send + Sync + 'static {
    /// It is this far ahead of ours (negative: behind).
    fn clock_ahead(&self, source: &SourceName, by: TimeDelta);
}

/// Who takes calls.
pub trait Staffing: Clone + Send + Sync + 'static {
    /// Who takes the calls of its queues now; empty when that is not known (any more).
    fn staff(&self, source: &SourceName, queues: Vec<QueueStaff>);
}

/// What the log knows of calls.
pub trait CallLog: Clone + Send + Sync + 'static {
    /// The calls of this source that the log believes are not over.
    fn open_calls(&self, source: &SourceName) -> impl Future<Output = Vec<OpenCall>> + Send;
}

/// What the log knows of alarms and the devices that raise them.
pub trait AlarmLog: Clone + Send + Sync + 'static {
    /// Where an alarm of this source stands, by what is on disk; none: it is not known, or was forgotten.
    fn standing(
        &self,
        source: &SourceName,
        alarm: &ExternalId,
    ) -> impl Future<Output = Option<AlarmStanding>> + Send;

    /// The devices of this source that the log knows to live, and whether each is known to be silent.
    fn devices(&self, source: &SourceName) -> impl Future<Output = Vec<(ExternalId, bool)>> + Send;
}

/// What the log knows of visits.
pub trait VisitLog: Clone + Send + Sync + 'static {
    /// What the log says of these visits of the source; unknown ones are left out.
    fn known_visits(&self, source: &SourceName, visits: &[ExternalId]) -> BTreeMap<ExternalId, KnownVisit>;

    /// The visits of this source that stand on the board, have not begun, and were planned for this time (UTC,
    /// `to` excluded).
    fn standing_visits(
        &self,
        source: &SourceName,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Vec<withdrawn::StandingVisit>;
}
