//! Sources: everything that tells us something, one folder each.
//!
//! Owns what every source shares: what is told and asked, and the [inbox] it is told to. A folder holds the same parts:
//! settings (a block of the file), wire (bytes -> message), translate (message -> observation, pure), link (socket or
//! router, supervision) and start (settings -> task).
//!
//! Must never know the engine, the store or the desk: the inbox is traits that others
//! fulfil. A source never decides what a board shows; repeats and disorder are its
//! normal weather, and keys make them harmless.

pub mod ami;
pub mod canary_call;
pub mod demo;
pub mod digest;
pub mod drop_folder;
pub mod host;
pub mod inbox;
pub mod inflate;
pub mod medcom;
pub mod polled;
pub mod scaip;
pub mod settings;
pub mod visits;
pub mod web_hook;
pub mod withdrawn;
pub mod xml;

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::domain::identity::{AgreementId, Code, ExternalId};
use crate::domain::observation::{Grant, Help, Window};

pub use inbox::{
    AlarmLog, Backlog, CallLog, ClockOffset, Contact, FileRows, HandIn, LostAlarms, Malformed, SourceHealth,
    Staffing, VisitLog,
};

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

/// What became of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowsAre {
    /// They could not be read, or were not taken in.
    Refused,
    /// They were taken in although something was odd about them.
    Odd,
}

/// Rows or messages that wait until somebody else can answer for them; the rest has gone on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    pub count: u32,
    /// What they wait for.
    pub why: Code,
}
