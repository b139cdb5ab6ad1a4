//! Timers: the due index of the open entries.
//!
//! Touched only for entries that changed. A timer that fired twice is one effect: `decide` sees to that.
//!
//! What is a duration (a ring-out, a claim) falls due by the even clock: who sets the wall's neither stops it nor hurries
//! it. What a calendar says falls due by the wall's.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, TimeDelta, Utc};

use crate::clock::Clock;
use crate::domain::State;
use crate::domain::entry::DueKind;
use crate::domain::identity::EntryId;

/// When it falls due, by the clock that counts for it; whose; what; and the time that stands in the log.
type Due = (DateTime<Utc>, EntryId, DueKind, DateTime<Utc>);

/// What both clocks say now.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    pub wall: DateTime<Utc>,
    pub even: DateTime<Utc>,
}

impl Now {
    pub fn of(clock: &Clock) -> Self {
        Self { wall: clock.now(), even: clock.even() }
    }

    /// How far the wall's clock is ahead.
    fn set_by(self) -> TimeDelta {
        self.wall - self.even
    }
}

#[derive(Debug, Default)]
pub struct Timers {
    by_wall: BTreeSet<Due>,
    by_even: BTreeSet<Due>,
    by_entry: HashMap<EntryId, Vec<Due>>,
}

impl Timers {
    /// The index of a whole state.
    pub fn of(state: &State, now: Now) -> Self {
        let mut timers = Self::default();
        for entry in state.open_entries() {
            timers.touch(state, entry.id, now);
        }
        timers
    }

    /// Brings the index in step with another state. What was there stays due when it was.
    pub fn follow(&mut self, state: &State, now: Now) {
        let known: Vec<EntryId> = self.by_entry.keys().copied().collect();
        for id in known.into_iter().chain(state.open_entries().map(|entry| entry.id)) {
            self.touch(state, id, now);
        }
    }

    /// Brings the index in step with one entry.
    pub fn touch(&mut self, state: &State, id: EntryId, now: Now) {
        let before = self.by_entry.remove(&id).unwrap_or_default();
        for due in &before {
            self.index(due.2).remove(due);
        }
        let Some(entry) = state.entry(id).filter(|entry| entry.is_open()) else { return };
        let due = |what: DueKind, stored: DateTime<Utc>| {
            // Counted from when it was first seen: what was set since does not count.
            let known = before.iter().find(|it| it.2 == what && it.3 == stored).copied();
            let at = if what.is_duration() { stored - now.set_by() } else { stored };
            known.unwrap_or((at, id, what, stored))
        };
        let timed = entry.dues.iter().filter(|it| it.what.has_timer());
        let dues: Vec<Due> = timed.map(|it| due(it.what, it.at)).collect();
        for due in &dues {
            self.index(due.2).insert(*due);
        }
        if !dues.is_empty() {
            self.by_entry.insert(id, dues);
        }
    }

    fn index(&mut self, what: DueKind) -> &mut BTreeSet<Due> {
        if what.is_duration() { &mut self.by_even } else { &mut self.by_wall }
    }

    /// When the first one falls due, by the wall's clock and by the even one.
    pub fn next_at(&self) -> (Option<DateTime<Utc>>, Option<DateTime<Utc>>) {
        (self.by_wall.first().map(|due| due.0), self.by_even.first().map(|due| due.0))
    }

    /// Takes out what is due, at most `max`: whose, what, and its time in the log.
    pub fn take_due(&mut self, now: Now, max: usize) -> Vec<(EntryId, DueKind, DateTime<Utc>)> {
        let mut taken = Vec::new();
        for (index, now) in [(&mut self.by_even, now.even), (&mut self.by_wall, now.wall)] {
            while let Some(first) = index.first().copied().filter(|due| due.0 <= now && taken.len() < max) {
                index.remove(&first);
                taken.push((first.1, first.2, first.3));
            }
        }
        taken
    }
}
