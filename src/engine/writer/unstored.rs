//! Alarms that are not on disk: kept until they are, and rung when that takes too long.
//!
//! Owns that what rings unstored is stored later under the id it rang with, once. Must never answer a source.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::time::Instant;
use tracing::error;
use uuid::Uuid;

use super::disk::PATIENCE;
use super::{Item, Working, Writer};
use crate::clock::steady;
use crate::domain::State;
use crate::domain::entry::{Body, Entry};
use crate::domain::identity::{EntryId, Key, SourceName};
use crate::domain::observation::Observation;
use crate::engine::live::Personal;
use crate::engine::{Fact, Published};

/// Facts kept to be stored later while the log cannot be written.
const KEPT_MAX: usize = 1_000;

/// What tells one fact from another: whose, its key, and what it says. A key that is used again for something else
/// rings as well.
pub(super) type Name = (SourceName, Key, String);

fn name_of(source: &SourceName, fact: &Fact) -> Name {
    (source.clone(), fact.key.clone(), serde_json::to_string(&fact.observation).unwrap_or_default())
}

/// A fact that rings, or may.
#[derive(Clone)]
struct Kept {
    name: Name,
    fact: Fact,
    /// When it rings if it is not on disk by then; none once it was looked at for that.
    ring_at: Option<Instant>,
    /// Its source was told that it is not stored, and nobody else hands it in.
    is_left_to_us: bool,
}

#[derive(Default)]
pub(super) struct Unstored {
    kept: Vec<Kept>,
    bases: HashMap<Name, Uuid>,
    /// Those that ring, and which fact opened them.
    rung: BTreeMap<EntryId, Name>,
}

impl Unstored {
    /// The id that a fact is decided under, wherever and however often.
    pub fn base_of(&self, source: &SourceName, fact: &Fact) -> Option<Uuid> {
        if self.bases.is_empty() || !may_ring(&fact.observation) {
            return None;
        }
        self.bases.get(&name_of(source, fact)).copied()
    }

    /// When the next one must ring.
    pub fn next_at(&self) -> Option<Instant> {
        self.kept.iter().filter_map(|it| it.ring_at).min()
    }

    /// Decided and answered, or never to be.
    fn settle(&mut self, is_settled: impl Fn(&Name) -> bool) {
        let bases = &mut self.bases;
        self.kept.retain(|it| {
            let stays = !is_settled(&it.name);
            if !stays {
                bases.remove(&it.name);
            }
            stays
        });
    }
}

/// What may open an alarm; whether it does is the domain's to say.
fn may_ring(observation: &Observation) -> bool {
    use Observation as O;
    matches!(observation, O::AlarmRaised { .. } | O::AlarmWaiting { .. } | O::CallWaiting { .. })
}

impl Writer {
    /// Keeps what rings, or may, until it is on disk. The facts' names.
    pub(super) fn keep(&mut self, item: &Item) -> Vec<Name> {
        let Item::Facts(source, facts, ..) = item else { return Vec::new() };
        let mut names = Vec::new();
        for fact in facts.iter().filter(|fact| may_ring(&fact.observation)) {
            let name = name_of(source, fact);
            if !self.unstored.bases.contains_key(&name) {
                let base = self.engine.ids.uuid(self.engine.clock.now());
                self.unstored.bases.insert(name.clone(), base);
                let (name, fact, ring_at) = (name.clone(), fact.clone(), Some(steady() + PATIENCE));
                self.unstored.kept.push(Kept { name, fact, ring_at, is_left_to_us: false });
            }
            names.push(name);
        }
        names
    }

    /// Its source is told that it is not stored: from now on it is ours to store.
    pub(super) fn take_over(&mut self, item: &Item) {
        let names: HashSet<Name> = self.keep(item).into_iter().collect();
        self.left_to(&names);
    }

    fn left_to(&mut self, names: &HashSet<Name>) {
        if names.is_empty() {
            return;
        }
        let mut left = self.unstored.kept.iter().filter(|it| it.is_left_to_us).count();
        let mut dropped = HashSet::new();
        for kept in self.unstored.kept.iter_mut().filter(|it| !it.is_left_to_us && names.contains(&it.name)) {
            kept.is_left_to_us = left < KEPT_MAX;
            if kept.is_left_to_us {
                left += 1;
            } else {
                error!("too many alarms wait for the log: this one is left to its source");
                dropped.insert(kept.name.clone());
            }
        }
        self.unstored.settle(|name| dropped.contains(name));
    }

    /// A batch could not be stored: what is in it and rings is ours to store.
    pub(super) fn left_unstored(&mut self, names: &HashSet<Name>) {
        self.left_to(names);
        self.ring();
    }

    /// Rings what is kept and is an alarm, each once. It is decided on the state as it would be had all been stored.
    pub(super) fn ring(&mut self) {
        let known = self.unstored_state.take();
        let is_new = |it: &&Kept| known.is_none() || it.ring_at.is_some();
        let waiting: Vec<Kept> = self.unstored.kept.iter().filter(is_new).cloned().collect();
        let mut working = known.unwrap_or_else(|| Working::of(&self.state));
        let mut silent = HashSet::new();
        for Kept { name, fact, is_left_to_us, .. } in waiting {
            let (before, personal) = (working.records.len(), fact.personal.clone());
            self.fact(&mut working, &HashMap::new(), &name.0, fact);
            let touched: BTreeSet<EntryId> =
                working.records[before..].iter().map(|record| record.entry).collect();
            let mut rings = self.unstored.rung.values().any(|it| *it == name);
            for id in touched {
                rings |= self.ring_one(&working.state, id, &name, &personal);
            }
            if !rings && is_left_to_us {
                silent.insert(name);
            }
        }
        self.unstored_state = Some(working);
        for kept in &mut self.unstored.kept {
            kept.ring_at = None;
        }
        // What does not ring is its source's to tell again.
        self.unstored.settle(|name| silent.contains(name));
    }

    fn ring_one(&mut self, working: &State, id: EntryId, name: &Name, personal: &Personal) -> bool {
        let is_alarm = |entry: &&Entry| matches!(entry.body, Body::Alarms(_)) && entry.is_open();
        let Some(entry) = working.entry(id).filter(is_alarm) else { return false };
        if self.state.entry(id).as_ref().is_some_and(is_alarm) || self.unstored.rung.contains_key(&id) {
            return false;
        }
        self.engine.live.merge(id, personal.clone());
        self.unstored.rung.insert(id, name.clone());
        let entry = Arc::new(entry.clone());
        self.out.ringing.send_modify(|ringing| drop(ringing.insert(id, entry.clone())));
        let _ = self.engine.published.send(Published::Unstored(entry));
        true
    }

    /// These were decided and answered.
    pub(super) fn settled(&mut self, names: &HashSet<Name>) {
        self.unstored_state = None;
        self.unstored.settle(|name| names.contains(name));
        self.let_go_of_stored();
    }

    /// What rang is stored by now. What will never be, since it was refused or was known, no longer rings.
    pub(super) fn let_go_of_stored(&mut self) {
        if self.unstored.rung.is_empty() {
            return;
        }
        let (state, bases) = (&self.state, &self.unstored.bases);
        let mut is_over = false;
        self.unstored.rung.retain(|id, name| {
            let (is_stored, waits) = (state.entry(*id).is_some(), bases.contains_key(name));
            is_over |= !is_stored && !waits;
            !is_stored && waits
        });
        let rung = &self.unstored.rung;
        self.out.ringing.send_modify(|ringing| ringing.retain(|id, _| rung.contains_key(id)));
        if is_over {
            let _ = self.engine.published.send(Published::StartOver);
        }
    }

    /// What nobody else hands in again.
    pub(super) fn left_to_us(&self) -> Vec<Item> {
        let left = self.unstored.kept.iter().filter(|it| it.is_left_to_us);
        // The source was told that it failed; nobody waits for this answer.
        let item = |it: &Kept| {
            Item::Facts(it.name.0.clone(), vec![it.fact.clone()], Vec::new(), oneshot::channel().0)
        };
        left.map(item).collect()
    }

    /// A batch was lost to a fault of ours: what is in it must not be decided again and again.
    pub(super) fn forget_undecided(&mut self) {
        self.unstored_state = None;
        let left = |it: &&Kept| it.is_left_to_us;
        let left: HashSet<Name> = self.unstored.kept.iter().filter(left).map(|it| it.name.clone()).collect();
        self.unstored.settle(|name| !left.contains(name));
    }
}
