//! Everything the log knows of one citizen: `GET /v1/citizens/{id}/history`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::entry::Entry;
use crate::domain::identity::CitizenId;

/// Entries in one answer at most.
pub const ENTRIES_MAX: usize = 300;

/// What a citizen's data may be looked at for; `duty` is the board's own.
pub const PURPOSES: [&str; 5] = ["duty", "handover", "follow-up", "complaint", "inspection"];

/// One citizen's entries in the caller's scope, open and closed, from the whole log. A citizen who is unknown, or
/// whose every entry belongs to others, has none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CitizenHistory {
    pub citizen: CitizenId,
    /// Newest first.
    pub entries: Vec<PastEntry>,
    /// Older ones were left out.
    pub more: bool,
}

/// One entry of a history: without live data, and with nothing to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PastEntry {
    pub entry: Entry,
    /// Who had a hand in it, first to last.
    pub who: Vec<String>,
}
