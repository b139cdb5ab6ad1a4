//! What board and stream carry: everything open, but of the entries at rest only those whose time is nearest.
//!
//! Owns how many. A plan of 25,000 visits is nothing to look at as long as it holds: what slips is no longer at rest
//! and is carried, and any other is found by asking for it. Must never leave out what asks for anything.

use chrono::{DateTime, Utc};

use super::scope::may_see;
use crate::domain::State;
use crate::domain::entry::Entry;
use crate::domain::identity::AgreementId;
use crate::domain::index::Nearness;

/// Entries at rest that one scope is shown.
pub const AT_REST_MAX: usize = 1_000;

/// How far from now an entry at rest may be and still be carried.
#[derive(Debug, Clone, Copy)]
pub struct Reach {
    now: DateTime<Utc>,
    /// The farthest of those carried; none when all are.
    farthest: Option<Nearness>,
}

impl Reach {
    pub fn of(state: &State, scope: &[AgreementId], now: DateTime<Utc>) -> Self {
        let is_long = state.resting_count(scope) > AT_REST_MAX;
        let farthest = || state.resting_near(scope, now).nth(AT_REST_MAX - 1).map(|(near, _)| near);
        Self { now, farthest: if is_long { farthest() } else { None } }
    }

    pub fn carries(&self, entry: &Entry) -> bool {
        match (entry.rests_until(), self.farthest) {
            (Some(at), Some(farthest)) => Nearness::of(at, entry.id, self.now) <= farthest,
            _ => true,
        }
    }
}

/// What the board of a scope carries.
pub fn entries<'s>(
    state: &'s State,
    scope: &'s [AgreementId],
    now: DateTime<Utc>,
) -> impl Iterator<Item = &'s Entry> {
    let at_rest = state.resting_near(scope, now).take(AT_REST_MAX).map(|(_, entry)| entry);
    state.not_at_rest().filter(move |entry| may_see(scope, entry)).chain(at_rest)
}

/// How many entries of a scope are at rest, carried or not.
pub fn at_rest(state: &State, scope: &[AgreementId]) -> u32 {
    u32::try_from(state.resting_count(scope)).unwrap_or(u32::MAX)
}
