//! Where to look for what is over: what is asked of the index, and what it answers.
//!
//! Owns the order of what is over, the last closed first, and what fits a question. Must never say what an entry is: that
//! is in its records.

use chrono::{DateTime, Utc};

use super::PAGE_MAX;
use crate::domain::closed::Closed;
use crate::domain::identity::{AgreementId, EntryId};

/// A place among what is over: when it was closed (µs since 1970 UTC), and which it is.
pub type Spot = (i64, EntryId);
/// What is found: its place, and the number it had, which its records alone do not tell.
pub type Found = (Spot, u32);

/// Which of what is over. None of a field: whatever it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Of one of these, or of nobody. Nothing else is found, nor counted.
    pub scope: Vec<AgreementId>,
    /// Of this one alone; it is of the scope too.
    pub agreement: Option<AgreementId>,
    pub board: Option<String>,
    pub outcome: Option<String>,
    pub number: Option<u32>,
    /// A citizen's id, or what the outside calls it; the whole of it.
    pub known_as: Option<String>,
    /// Closed at this time (UTC) or later.
    pub from: Option<DateTime<Utc>>,
    /// Closed before this time (UTC).
    pub until: Option<DateTime<Utc>>,
    /// What comes after this place, in the order in which it is told.
    pub after: Option<Spot>,
}

impl Wanted {
    /// Under which agreements it is looked for, each with the empty one, which is everybody's.
    pub(super) fn agreements(&self) -> Vec<&str> {
        match &self.agreement {
            Some(only) if self.scope.contains(only) => vec![only.as_str()],
            Some(_) => Vec::new(),
            None => {
                let mut all: Vec<&str> =
                    self.scope.iter().map(AgreementId::as_str).chain([EVERYBODY]).collect();
                all.sort_unstable();
                all.dedup();
                all
            }
        }
    }

    /// From when and before when (µs since 1970 UTC).
    pub(super) fn times(&self) -> (i64, i64) {
        let micros = |at: Option<DateTime<Utc>>| at.map(|at| at.timestamp_micros());
        (micros(self.from).unwrap_or(i64::MIN), micros(self.until).unwrap_or(i64::MAX))
    }

    /// Whether this is one of those.
    pub fn takes(&self, it: &Closed) -> bool {
        let (from, until) = self.times();
        let spot = spot(it);
        let is_theirs = match &self.agreement {
            Some(only) => self.scope.contains(only) && it.agreements.contains(only),
            None => it.agreements.is_empty() || it.agreements.iter().any(|id| self.scope.contains(id)),
        };
        is_theirs
            && self.board.as_deref().is_none_or(|board| board == it.board)
            && self.outcome.as_deref().is_none_or(|outcome| outcome == it.outcome)
            && self.number.is_none_or(|number| number == it.number)
            && self.known_as.as_ref().is_none_or(|id| it.known_as.contains(id))
            && (from..until).contains(&spot.0)
            && self.after.is_none_or(|after| spot < after)
    }
}

/// What belongs to no agreement is kept under this.
pub(super) const EVERYBODY: &str = "";

pub fn spot(it: &Closed) -> Spot {
    (it.closed_at.timestamp_micros(), it.entry)
}

pub(super) fn found(it: &Closed) -> Found {
    (spot(it), it.number)
}

/// The last closed first, each once, at most so many.
pub(super) fn in_order(mut found: Vec<Found>, limit: usize) -> Vec<Found> {
    found.sort_unstable_by(|left, right| right.cmp(left));
    found.dedup();
    found.truncate(limit.min(PAGE_MAX));
    found
}
