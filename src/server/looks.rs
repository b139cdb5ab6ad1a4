//! Looks: every sight of a citizen's data is logged: who, when, which entry, what for.
//!
//! On the board and in the stream it is logged once per person and entry (purpose `duty`); a fetched entry each time.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use crate::domain::Actor;
use crate::domain::entry::Entry;
use crate::domain::identity::{Code, EntryId, PersonName};
use crate::engine::{Engine, Look};

/// Remembered (person, entry) pairs; when full, all are let go of and logged anew when seen again.
const REMEMBERED_MAX: usize = 100_000;

#[derive(Clone)]
pub struct Looks {
    engine: Engine,
    seen: Arc<Mutex<HashSet<(PersonName, EntryId)>>>,
}

impl Looks {
    pub fn new(engine: Engine) -> Self {
        Self { engine, seen: Arc::default() }
    }

    /// On the board: once per person and entry.
    pub async fn on_board(&self, who: &PersonName, entry: &Entry) {
        let is_first = {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            if seen.len() >= REMEMBERED_MAX {
                seen.clear();
            }
            seen.insert((who.clone(), entry.id))
        };
        if is_first {
            self.log(who, entry, "duty").await;
        }
    }

    /// A fetched entry: each time.
    pub async fn log(&self, who: &PersonName, entry: &Entry, purpose: &str) {
        let look = Look {
            at: self.engine.clock.now(),
            who: Actor::Person(who.clone()),
            purpose: Code::new(purpose).expect("purposes are kebab-case constants"),
            entry: entry.id,
            citizen: entry.citizen.clone(),
        };
        self.engine.look(look).await;
    }
}
