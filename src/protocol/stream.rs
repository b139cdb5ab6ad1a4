//! The stream: `GET /v1/stream?after=N`, server-sent events.
//!
//! Every item's `event:` is its type; `recorded` carries the sequence as `id:`.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use utoipa::ToSchema;

use super::board::{Answering, Ledger, LogTrouble, Shift, SourceHealth};
use super::entry::{Entry, Live};
use crate::domain::identity::EntryId;

/// Seconds between two beats.
pub const BEAT_SECONDS: u64 = 2;
/// Seconds of silence after which a desk says *stale*.
pub const STALE_SECONDS: i64 = 5;

/// One item of the stream.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum StreamItem {
    /// Something was recorded and `entry` is what it made of it.
    Recorded(Box<Recorded>),
    /// Personal data of an entry came or went.
    Live {
        entry: EntryId,
        live: Option<Live>,
    },
    /// An alarm that could not be stored: it rings all the same, and its source got no acknowledgement.
    Unstored {
        entry: Box<Entry>,
    },
    Beat(Beat),
}

#[skip_serializing_none]
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
    pub entry: Option<Entry>,
    pub ledgers: Option<Vec<Ledger>>,
    pub answering: Option<Vec<Answering>>,
}

/// Every two seconds. `through` is the last sequence that was sent to this scope (the snapshot's when nothing was
/// since): another number than the desk's own means that something got lost.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Beat {
    pub through: u64,
    pub now: DateTime<Utc>,
    pub rate: f64,
    pub sources: Option<Vec<SourceHealth>>,
    pub shift: Option<Shift>,
    pub notes_waiting: Option<u32>,
    /// As in the board.
    pub at_rest: Option<u32>,
    /// As in the board: none while all is well.
    pub log: Option<LogTrouble>,
}
