//! What a plan no longer holds: a visit that a whole answer, or a whole day's list, does not name any more.
//!
//! Owns when that may be believed. Must never be asked about an answer that is not whole: a page that failed, a row
//! that could not be read, or a citizen who was not asked about takes nothing off the board.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use crate::domain::identity::{AgreementId, CitizenId, ExternalId, Key};
use crate::domain::observation::{CancelledBy, Observation, Rank};
use crate::protocol::observations::{LiveFacts, Observed, Said};

/// So many fewer at once, and fewer than half are left: rather a plan that was cut short than one that changed.
const FEWER_MIN: usize = 10;

/// A visit that stands on the board and has not begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandingVisit {
    pub visit: ExternalId,
    pub citizen: Option<CitizenId>,
    /// As last told by the source, whatever a coordinator has agreed since.
    pub planned_at: DateTime<Utc>,
    /// Changes with each material change: a visit that came back may go again.
    pub version: u32,
}

/// Half of the plan is gone at once: somebody must look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shrunk {
    /// How many are gone.
    pub gone: u32,
}

/// Those that are not in the plan any more. `fresh` of the plan's visits were not known before.
///
/// # Errors
/// [`Shrunk`]: so many are gone that the plan is not believed.
pub fn gone(
    standing: Vec<StandingVisit>,
    plan: &BTreeSet<ExternalId>,
    fresh: usize,
) -> Result<Vec<StandingVisit>, Shrunk> {
    let (left, gone): (Vec<_>, Vec<_>) = standing.into_iter().partition(|it| plan.contains(&it.visit));
    let is_shrunk = gone.len() >= FEWER_MIN && gone.len() > left.len() + fresh;
    if is_shrunk { Err(Shrunk { gone: u32::try_from(gone.len()).unwrap_or(u32::MAX) }) } else { Ok(gone) }
}

/// That a visit is gone from the plan, seen `at`. The key is the same for as long as nothing happens to the visit.
pub fn told(gone: &StandingVisit, agreement: &AgreementId, at: DateTime<Utc>) -> Observed {
    let content = format!("{}\n{}\nwithdrawn", gone.visit, gone.version);
    Observed {
        key: Key::of_bytes("withdrawn-", &Sha256::digest(content.as_bytes())[..16]),
        at,
        agreement: Some(agreement.clone()),
        candidates: Vec::new(),
        rank: Rank::Inference,
        observation: Observation::VisitCancelled {
            visit: gone.visit.clone(),
            by: CancelledBy::Municipality,
            told_at: at,
            withdrawn: true,
        },
        live: LiveFacts::default(),
        said: Said::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(count: usize) -> Vec<StandingVisit> {
        let one = |n: usize| StandingVisit {
            visit: ExternalId::new(format!("v-{n}")).expect("an id"),
            citizen: None,
            planned_at: DateTime::UNIX_EPOCH,
            version: 1,
        };
        (0..count).map(one).collect()
    }

    /// The plan holds the first `left`, and `fresh` new ones: how many are gone.
    fn gone_of(count: usize, left: usize, fresh: usize) -> Option<usize> {
        let plan = standing(left).into_iter().map(|it| it.visit).collect();
        gone(standing(count), &plan, fresh).ok().map(|gone| gone.len())
    }

    #[test]
    fn what_is_not_in_the_plan_is_gone_unless_it_is_most_of_it_at_once() {
        assert_eq!(gone_of(3, 2, 0), Some(1));
        assert_eq!(gone_of(9, 0, 0), Some(9), "a small plan may be emptied");
        assert_eq!(gone_of(10, 0, 0), None);
        assert_eq!(gone_of(20, 10, 0), Some(10));
        assert_eq!(gone_of(21, 10, 0), None);
        assert_eq!(gone_of(200, 0, 200), Some(200), "planned anew under other ids");
    }

    #[test]
    fn the_same_absence_has_one_key_and_the_next_one_another() {
        let first = standing(1).remove(0);
        let again = StandingVisit { version: 3, ..first.clone() };
        let agreement = "jammerbugt".parse().expect("an id");
        let key =
            |it: &StandingVisit, s| told(it, &agreement, DateTime::from_timestamp(s, 0).expect("a time")).key;
        assert_eq!(key(&first, 1), key(&first, 2));
        assert_ne!(key(&first, 1), key(&again, 1));
    }
}
