//! Looks: every sight of a citizen's data is logged: who, when, which entry, what for.
//!
//! On the board and in the stream it is logged once per person and entry (purpose `duty`); what is fetched each time, and
//! what was asked for in vain as well. A look is on disk before its answer. For an open alarm the answer waits a second
//! at most; other data is withheld while the disk cannot be written.

use std::collections::HashSet;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lru::LruCache;

use crate::domain::entry::{Body, Entry};
use crate::domain::identity::{CitizenId, Code, EntryId, PersonName};
use crate::domain::{Actor, NO_ENTRY};
use crate::engine::{Engine, Look, Otherwise};
use crate::protocol::Problem;

/// Remembered (person, entry) pairs; when full, the one unseen for longest is let go of, and logged anew when seen
/// again.
const REMEMBERED_MAX: NonZeroUsize = NonZeroUsize::new(100_000).unwrap();
/// What board and stream carry waits so long for the disk.
const CARRIED_WITHIN: Duration = Duration::from_secs(1);
/// What is fetched waits so long, unless it is an open alarm.
const FETCHED_WITHIN: Duration = Duration::from_secs(10);

/// Whose data is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    pub entry: EntryId,
    pub citizen: Option<CitizenId>,
    /// Nobody waits long to see who rings.
    pub is_open_alarm: bool,
}

impl Shown {
    pub fn of(entry: &Entry) -> Self {
        Self {
            entry: entry.id,
            citizen: entry.citizen.clone(),
            is_open_alarm: entry.is_open() && matches!(entry.body, Body::Alarms(_)),
        }
    }
}

#[derive(Clone)]
pub struct Looks {
    engine: Engine,
    seen: Arc<Mutex<Seen>>,
}

/// Which entries each person has seen.
struct Seen(LruCache<(PersonName, EntryId), ()>);

impl Seen {
    fn new() -> Self {
        Self(LruCache::sparse(REMEMBERED_MAX))
    }

    /// Remembers it. False: it is remembered already.
    fn is_first(&mut self, who: &PersonName, entry: EntryId) -> bool {
        self.0.put((who.clone(), entry), ()).is_none()
    }

    fn forget(&mut self, who: &PersonName, entry: EntryId) {
        self.0.pop(&(who.clone(), entry));
    }
}

impl Looks {
    pub fn new(engine: Engine) -> Self {
        Self { engine, seen: Arc::new(Mutex::new(Seen::new())) }
    }

    /// On the board: once per person and entry. Those whose data must be withheld.
    pub async fn on_board(&self, who: &PersonName, shown: Vec<Shown>) -> HashSet<EntryId> {
        let fresh = self.fresh(who, shown);
        if fresh.is_empty() {
            return HashSet::new();
        }
        let (alarms, others): (Vec<_>, Vec<_>) = fresh.into_iter().partition(|it| it.is_open_alarm);
        let withheld: HashSet<EntryId> = others.iter().map(|it| it.entry).collect();
        let looks = |all: Vec<Shown>| all.into_iter().map(|it| self.of(who, it, "duty")).collect::<Vec<_>>();
        let (alarms, others) = (looks(alarms), looks(others));
        let (_, are_written) = tokio::join!(
            self.engine.look(alarms, CARRIED_WITHIN, Otherwise::Owe),
            self.engine.look(others, CARRIED_WITHIN, Otherwise::Withhold),
        );
        if are_written {
            return HashSet::new();
        }
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        for entry in &withheld {
            seen.forget(who, *entry);
        }
        withheld
    }

    /// Those that this person has not seen yet.
    fn fresh(&self, who: &PersonName, shown: Vec<Shown>) -> Vec<Shown> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        shown.into_iter().filter(|it| seen.is_first(who, it.entry)).collect()
    }

    /// What is fetched: each time. Errors: the log cannot be written, and it is no open alarm.
    pub async fn log(&self, who: &PersonName, shown: Shown, purpose: &str) -> Result<(), Problem> {
        let (within, otherwise) = match shown.is_open_alarm {
            true => (CARRIED_WITHIN, Otherwise::Owe),
            false => (FETCHED_WITHIN, Otherwise::Withhold),
        };
        let may_answer = self.engine.look(vec![self.of(who, shown, purpose)], within, otherwise).await;
        if may_answer { Ok(()) } else { Err(Problem::unavailable()) }
    }

    /// What was asked for and is not there, or not this person's to see: a look as well. It shows nothing, and is not
    /// waited for long.
    pub async fn in_vain(
        &self,
        who: &PersonName,
        entry: Option<EntryId>,
        citizen: Option<CitizenId>,
        purpose: &str,
    ) {
        let shown = Shown { entry: entry.unwrap_or(NO_ENTRY), citizen, is_open_alarm: false };
        let look = self.of(who, shown, purpose);
        self.engine.look(vec![look], CARRIED_WITHIN, Otherwise::Owe).await;
    }

    fn of(&self, who: &PersonName, shown: Shown, purpose: &str) -> Look {
        Look {
            at: self.engine.clock.now(),
            who: Actor::Person(who.clone()),
            purpose: Code::new(purpose).expect("purposes are kebab-case constants"),
            entry: shown.entry,
            citizen: shown.citizen,
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_full_memory_lets_go_of_what_was_unseen_for_longest() {
        let who = PersonName::new("mette").expect("a name");
        let entry = |nth: usize| EntryId(Uuid::from_u128(nth as u128));
        let (mut seen, max) = (Seen::new(), REMEMBERED_MAX.get());
        assert!((0..max).all(|nth| seen.is_first(&who, entry(nth))));
        assert!(!seen.is_first(&who, entry(0)), "seen again");
        assert!(seen.is_first(&who, entry(max)), "one more than there is room for");
        assert!(!seen.is_first(&who, entry(max)), "the newest");
        assert!(!seen.is_first(&who, entry(0)), "the one seen again");
        assert!(!seen.is_first(&who, entry(2)), "all but one");
        assert!(seen.is_first(&who, entry(1)), "the one unseen for longest");
    }
}
