//! The stream: `GET /v1/stream?after=N`, server-sent events.
//!
//! Every item's `event:` is its type; `recorded` carries the sequence as `id:`.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::board::{Answering, Ledger, LogTrouble, Shift, SourceHealth};
use super::entry::{Entry, Live};
use crate::domain::identity::EntryId;

/// Seconds between two beats.
pub const BEAT_SECONDS: u64 = 2;
/// Seconds of silence after which a desk says *stale*.
pub const STALE_SECONDS: i64 = 5;

/// One item of the stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum StreamItem {
    /// Something was recorded and `entry` is what it made of it.
    Recorded(Box<Recorded>),
    /// Personal data of an entry came or went.
    Live {
        entry: EntryId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        live: Option<Live>,
    },
    /// An alarm that could not be stored: it rings all the same, and its source got no acknowledgement.
    Unstored {
        entry: Box<Entry>,
    },
    Beat(Beat),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Recorded {
    pub sequence: u64,
    /// The last one sent to this scope before; another number means a gap.
    pub after: u64,
    pub happened_at: DateTime<Utc>,
    pub recorded_at: DateTime<Utc>,
    pub actor: String,
    pub kind: String,
    /// None for what belongs to no entry (shift, people, agreements), and for new entries at rest that the board would
    /// not carry: of many in a row only the last is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<Entry>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ledgers: Option<Vec<Ledger>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answering: Option<Vec<Answering>>,
}

/// Every two seconds. `through` is the last sequence that was sent to this scope (the snapshot's when nothing was
/// since): another number than the desk's own means that something got lost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Beat {
    pub through: u64,
    pub now: DateTime<Utc>,
    pub rate: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sources: Option<Vec<SourceHealth>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shift: Option<Shift>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes_waiting: Option<u32>,
    /// As in the board.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_rest: Option<u32>,
    /// As in the board: none while all is well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<LogTrouble>,
}
