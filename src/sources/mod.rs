//! Sources: everything that tells us something, one folder each.
//!
//! Owns what every source shares: the observation as it is handed in and the inbox it
//! is handed to. A folder holds the same three parts: wire (bytes -> message), translate
//! (message -> observation, pure) and link (socket or router, supervision).
//!
//! Must never know the engine, the store or the desk: the inbox is a trait that others
//! fulfil. A source never decides what a board shows; repeats and disorder are its
//! normal weather, and keys make them harmless.

pub mod ami;
pub mod canary_call;
pub mod demo;
pub mod digest;
pub mod drop_folder;
pub mod inflate;
pub mod medcom;
pub mod polled;
pub mod scaip;
pub mod settings;
pub mod visits;
pub mod web_hook;
pub mod withdrawn;
pub mod xml;

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::identity::{AgreementId, Code, ExternalId, SourceName};
use crate::domain::masking::Masking;
use crate::domain::observation::{Grant, Help, Window};
use crate::protocol::board::SourceState;
use crate::protocol::observations::{Observed, Receipt};

/// The clock as sources see it: the only way a source learns the time.
pub type Now = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// The inbox could not store now. The same batch is handed in again later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the log cannot be written now")]
pub struct Unavailable;

/// What a queue's calls are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum QueueKind {
    /// An ordinary call.
    Phone,
    /// An emergency call: joining raises an alarm, leaving unanswered is a ring-out.
    Alarm,
}

/// A call that the log believes is not over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenCall {
    pub call: ExternalId,
    pub kind: QueueKind,
    /// True once somebody answered it.
    pub answered: bool,
}

/// Who takes the calls of one queue now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueStaff {
    /// The exchange's name for it.
    pub queue: String,
    /// The agreements a call there may belong to.
    pub agreements: Vec<AgreementId>,
    /// Members that can be reached and are not paused.
    pub on_duty: u32,
    /// Those of them who talk now.
    pub busy: u32,
    /// Members that can be reached and take no call for now.
    pub paused: u32,
    /// Callers that wait now.
    pub waiting: u32,
}

/// Where an alarm stands, on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stands {
    /// Nobody has it yet.
    Ringing,
    /// A person has it, or had it and did something about it.
    Taken,
    /// Technical or a test: nobody needs to take it.
    Apart,
    /// It rang out; `redirected`: and it is known that it went elsewhere.
    RangOut { redirected: bool },
}

/// An alarm as the log knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlarmStanding {
    pub stands: Stands,
    /// When it was raised, or its device signalled last (UTC).
    pub signalled_at: DateTime<Utc>,
}

/// What the log says of a visit, so far as a list may say it again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KnownVisit {
    pub has_citizen: bool,
    /// As last told by the source, whatever a coordinator has agreed since.
    pub plan: Option<(Grant, Help, DateTime<Utc>, Option<Window>)>,
    pub expected_at: Option<DateTime<Utc>>,
    pub is_started: bool,
    pub is_done: bool,
    pub is_cancelled: bool,
    pub is_door_unanswered: bool,
}

/// A row of a file that could not be taken in or is odd, or several for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRows {
    pub what: Code,
    /// Where the first of them stands in the file, from 1.
    pub line: u32,
    /// Which row of the file that is, from 1, where lines do not tell the rows apart (JSON).
    pub row: Option<u32>,
    pub rows: u32,
}

/// Rows or messages that wait until somebody else can answer for them; the rest has gone on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    pub count: u32,
    /// What they wait for.
    pub why: Code,
}

/// Where observations go. Fulfilled by the engine.
pub trait Inbox: Clone + Send + Sync + 'static {
    /// Hands in a batch, in order; answers when it is durable, one receipt for each.
    ///
    /// # Errors
    /// [`Unavailable`]: nothing is known to be stored; hand the same batch in again.
    fn submit(
        &self,
        source: &SourceName,
        batch: Vec<Observed>,
    ) -> impl Future<Output = Result<Vec<Receipt>, Unavailable>> + Send;

    /// Makes ids from outside storable; each id of a source goes through it.
    fn masking(&self) -> &Masking;

    /// The other side said something, whatever it was.
    fn heard(&self, source: &SourceName);

    /// Something arrived that could not be read; `what` says which rule it broke.
    fn unreadable(&self, source: &SourceName, what: Code);

    /// An alarm arrived of which nothing can be read, not even who sent it: somebody must look now.
    fn alarm_unreadable(&self, source: &SourceName, what: Code) {
        self.unreadable(source, what);
    }

    /// Rows of one file that could not be read, or were not taken in: all of them at once, as each file's are one
    /// duty. Answers once the telling stands in line before whatever is handed in next.
    fn bad_rows(&self, source: &SourceName, rows: Vec<BadRows>) -> impl Future<Output = ()> + Send {
        rows.into_iter().for_each(|it| self.unreadable(source, it.what));
        std::future::ready(())
    }

    /// Rows of one file that were taken in although something was odd about them; answers as `bad_rows` does.
    fn odd_rows(&self, source: &SourceName, rows: Vec<BadRows>) -> impl Future<Output = ()> + Send {
        self.bad_rows(source, rows)
    }

    /// How the source is now, and why if it is not well.
    fn state(&self, source: &SourceName, state: SourceState, why: Option<Code>);

    /// The other side's clock is this far ahead of ours (negative: behind).
    fn clock_ahead(&self, source: &SourceName, by: TimeDelta);

    /// Who takes the calls of its queues now; empty when that is not known (any more).
    fn staff(&self, source: &SourceName, queues: Vec<QueueStaff>);

    /// The calls of this source that the log believes are not over.
    fn open_calls(&self, source: &SourceName) -> impl Future<Output = Vec<OpenCall>> + Send;

    /// Where an alarm of this source stands, by what is on disk; none: it is not known, or was forgotten.
    /// A source that never asks needs none.
    fn standing(
        &self,
        _source: &SourceName,
        _alarm: &ExternalId,
    ) -> impl Future<Output = Option<AlarmStanding>> + Send {
        async { None }
    }

    /// What the log says of these visits of the source; unknown ones are left out.
    fn known_visits(&self, _: &SourceName, _: &[ExternalId]) -> BTreeMap<ExternalId, KnownVisit> {
        BTreeMap::new()
    }

    /// What of this source waits now; none: nothing does any more.
    fn waits(&self, _source: &SourceName, _waiting: Option<Waiting>) {}

    /// The visits of this source that stand on the board, have not begun, and were planned for this time (UTC,
    /// `to` excluded).
    fn standing_visits(
        &self,
        _source: &SourceName,
        _from: DateTime<Utc>,
        _to: DateTime<Utc>,
    ) -> Vec<withdrawn::Standing> {
        Vec::new()
    }

    /// The devices of this source that the log knows to live, and whether each is known to be silent.
    /// A source that misses nobody needs none.
    fn devices(&self, _source: &SourceName) -> impl Future<Output = Vec<(ExternalId, bool)>> + Send {
        async { Vec::new() }
    }
}
