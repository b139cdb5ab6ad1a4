//! The board's snapshot: `GET /v1/board`.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use utoipa::ToSchema;

pub use super::contact::Contact;
use super::entry::Entry;
use crate::domain::identity::{AgreementId, Board, PersonName};

/// What is open in one scope: everything but entries at rest beyond the nearest. `rate` is how fast the server's clock runs (1 outside a demo).
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BoardSnapshot {
    pub sequence: u64,
    pub now: DateTime<Utc>,
    pub rate: f64,
    pub entries: Vec<Entry>,
    /// How many entries are at rest, those that are not carried included: `GET /v1/entries?find=` finds them.
    #[serde(default)]
    pub at_rest: u32,
    pub sources: Vec<SourceHealth>,
    pub ledgers: Vec<Ledger>,
    pub answering: Vec<Answering>,
    pub shift: Shift,
    /// Numbers to ring, all hours; `contacts_now` picks.
    #[serde(default)]
    pub contacts: Vec<Contact>,
    /// The people are invented: said on the screen.
    #[serde(default)]
    pub synthetic: bool,
    /// Notes that wait in memory because the care system is away.
    #[serde(default)]
    pub notes_waiting: u32,
    /// What is wrong with the log; none while all is well.
    pub log: Option<LogTrouble>,
}

/// The log cannot be written, or is not believed. Until that is over alarms ring unstored and nothing is acknowledged.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogTrouble {
    /// A code: log-loading, disk-slow, log-away or log-damaged.
    pub why: String,
    /// Of a damaged log: record, look or key.
    pub chain: Option<String>,
    /// Of a damaged log: the first number that is bad or gone; 0 means the file itself.
    pub from: Option<u64>,
    /// Of a damaged log: the last one.
    pub to: Option<u64>,
}

/// `GET /v1/entries?find=`: open entries by number, citizen or what the outside calls them, also those that the board
/// does not carry. `GET /v1/entries?closed`: those that are over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Found {
    /// As of this sequence.
    pub sequence: u64,
    /// The soonest first; of those that are over the last closed.
    pub entries: Vec<Entry>,
    /// There are more than these.
    pub more: bool,
    /// Asks for the next page of those that are over, as `after`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SourceState {
    Ok,
    Late,
    Silent,
    Off,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands in a reference")]
fn is_none_waiting(count: &u32) -> bool {
    *count == 0
}

#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SourceHealth {
    pub name: String,
    /// ami, web-hook, medcom, scaip, visits, care, desks, escalation, canary.
    pub kind: String,
    pub state: SourceState,
    #[serde(default)]
    #[serialize_always]
    pub heard_at: Option<DateTime<Utc>>,
    #[serde(default)]
    #[serialize_always]
    pub expected_within_s: Option<u32>,
    /// False: the program could listen to it, and nobody has set it up; its state is off.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub set_up: bool,
    /// A code: why it is not well, as its link says; for what is not set up, what is missing.
    pub why: Option<String>,
    /// Since when it is waited for: the start of the server.
    pub since: Option<DateTime<Utc>>,
    /// What could not be read, since the start of the server.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<Unreadable>,
    /// Rows or messages that wait until somebody else can answer for them; the rest has gone on.
    #[serde(default, skip_serializing_if = "is_none_waiting")]
    pub waiting: u32,
    /// A code: what they wait for.
    pub waiting_why: Option<String>,
    /// Seconds that the other side's clock is ahead of ours (negative: behind), when it is worth telling.
    pub clock_ahead_s: Option<i64>,
    /// Who takes the calls of an exchange's queues; empty while that is not known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub queues: Vec<QueueStaff>,
}

/// Who takes the calls of one queue: its members that can be reached, by what they do now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QueueStaff {
    /// The exchange's name for it.
    pub queue: String,
    /// Signed in and not paused; 0 means that nobody takes a call.
    pub on_duty: u32,
    /// Those of them who talk now.
    pub busy: u32,
    /// Signed in, and takes none for now.
    pub paused: u32,
    /// Callers that wait now.
    pub waiting: u32,
}

/// What of one source could not be read, by reason.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Unreadable {
    /// A code.
    pub what: String,
    pub count: u32,
    pub last_at: DateTime<Utc>,
}

fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands in a reference")]
fn is_yes(it: &bool) -> bool {
    *it
}

/// The redirect ledger of one agreement (J 3.1.13).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Ledger {
    pub agreement: AgreementId,
    pub used: u32,
    pub limit: u32,
    pub window_days: u32,
    /// The local date the oldest one falls out at 00:00.
    #[serde(default)]
    pub clears_on: Option<NaiveDate>,
    /// An action plan is demanded (limit reached) or open.
    pub action_plan: bool,
}

/// Answering figures of one board under one agreement in one month, counts first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Answering {
    pub agreement: AgreementId,
    pub board: Board,
    /// `YYYY-MM` by Copenhagen dates.
    pub month: String,
    pub within: Vec<Within>,
    /// Names the formula: `answered-within-of-all` (abandoned and unanswered count against us), or
    /// `answered-within-of-all-but-short` (less callers who hung up within the agreement's limit).
    pub formula: String,
}

#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Within {
    /// Seconds.
    pub s: u32,
    pub count: u32,
    pub of: u32,
    /// How many more misses the month's count bears; negative when the goal is broken.
    pub misses_left: i64,
    /// The goal in percent.
    pub percent: f64,
    /// `contract` clause or none for an own rule.
    pub clause: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Shift {
    pub on_call: Vec<OnCall>,
    #[serde(default)]
    pub next: Option<OnCall>,
}

#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OnCall {
    pub name: PersonName,
    pub role: String,
    pub since: DateTime<Utc>,
    pub until: Option<DateTime<Utc>>,
    /// They can see a desk of theirs right now: its terminal takes what is drawn.
    pub signed_on: bool,
}

/// `GET /v1/me`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Me {
    pub name: String,
    pub role: String,
    pub agreements: Vec<AgreementId>,
}
