//! Timers: the due index of the open entries.
//!
//! Touched only for entries that changed. A timer that fired twice is one effect: `decide` sees to that.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};

use crate::domain::State;
use crate::domain::entry::DueKind;
use crate::domain::identity::EntryId;

type Due = (DateTime<Utc>, EntryId, DueKind);

#[derive(Debug, Default)]
pub struct Timers {
    by_time: BTreeSet<Due>,
    by_entry: HashMap<EntryId, Vec<Due>>,
}

impl Timers {
    /// The index of a whole state.
    pub fn of(state: &State) -> Self {
        let mut timers = Self::default();
        for entry in state.open_entries() {
            timers.touch(state, entry.id);
        }
        timers
    }

    /// Brings the index in step with one entry.
    pub fn touch(&mut self, state: &State, id: EntryId) {
        for due in self.by_entry.remove(&id).unwrap_or_default() {
            self.by_time.remove(&due);
        }
        let Some(entry) = state.entry(id).filter(|entry| entry.is_open()) else { return };
        let dues: Vec<Due> =
            entry.dues.iter().filter(|due| due.what.has_timer()).map(|due| (due.at, id, due.what)).collect();
        self.by_time.extend(dues.iter().copied());
        if !dues.is_empty() {
            self.by_entry.insert(id, dues);
        }
    }

    /// When the first one falls due.
    pub fn next_at(&self) -> Option<DateTime<Utc>> {
        self.by_time.first().map(|(at, ..)| *at)
    }

    /// Takes out what is due at `now`, at most `max`.
    pub fn take_due(&mut self, now: DateTime<Utc>, max: usize) -> Vec<Due> {
        let mut due = Vec::new();
        while let Some(first) = self.by_time.first().copied().filter(|(at, ..)| *at <= now) {
            if due.len() == max {
                break;
            }
            self.by_time.remove(&first);
            due.push(first);
        }
        due
    }
}
