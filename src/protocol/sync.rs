//! The replica rule: how a snapshot and stream items make a desk's copy of the board. Pure.
//!
//! Owns what a gap is (resync) and what staleness is (silence). Of entries at rest it may hold fewer than there are:
//! what it holds is right all the same, as every change of one that was there before comes by the stream. Must never know HTTP, a terminal or a board.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};

use super::board::{Answering, BoardSnapshot, Contact, Found, Ledger, LogTrouble, Shift, SourceHealth};
use super::entry::Entry;
use super::stream::{STALE_SECONDS, StreamItem};
use super::urgency::{attention, changes_at, order};
use crate::domain::identity::EntryId;

/// A copy of what one scope may see, kept in order worst first.
#[derive(Debug, Clone, PartialEq)]
pub struct Replica {
    /// Nothing is missing up to here.
    pub through: u64,
    entries: BTreeMap<EntryId, Entry>,
    /// Alarms that could not be stored; they ring until they are.
    unstored: BTreeMap<EntryId, Entry>,
    order: Vec<EntryId>,
    /// When the order may change by itself.
    reorder_at: Option<DateTime<Utc>>,
    pub sources: Vec<SourceHealth>,
    pub ledgers: Vec<Ledger>,
    pub answering: Vec<Answering>,
    pub shift: Shift,
    pub contacts: Vec<Contact>,
    pub synthetic: bool,
    pub notes_waiting: u32,
    /// What is wrong with the server's log.
    pub log: Option<LogTrouble>,
    /// Entries at rest in this scope, held or not.
    at_rest: u32,
    /// Those held at most since the board was fetched.
    held_most: u32,
    /// Those held now.
    held: u32,
    /// Server's clock minus ours, at the last word from the server.
    clock: Clock,
}

/// How the server's clock runs against the desk's own.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Clock {
    server_at: DateTime<Utc>,
    desk_at: DateTime<Utc>,
    rate: f64,
}

/// What an item meant.
#[derive(Debug, Clone, PartialEq)]
pub enum Applied {
    /// Taken in; these entries are new to this desk.
    Fresh { entry: Option<EntryId>, is_new: bool },
    /// Something is missing: fetch the board anew.
    Gap,
    /// Known before.
    Old,
}

impl Replica {
    /// From a snapshot fetched when the desk's own clock said `desk_now`.
    pub fn new(board: BoardSnapshot, desk_now: DateTime<Utc>) -> Self {
        let mut replica = Self {
            through: board.sequence,
            entries: board.entries.into_iter().map(|entry| (entry.id, entry)).collect(),
            unstored: BTreeMap::new(),
            order: Vec::new(),
            reorder_at: None,
            sources: board.sources,
            ledgers: board.ledgers,
            answering: board.answering,
            shift: board.shift,
            contacts: board.contacts,
            synthetic: board.synthetic,
            notes_waiting: board.notes_waiting,
            log: board.log,
            at_rest: board.at_rest,
            held_most: 0,
            held: 0,
            clock: Clock { server_at: board.now, desk_at: desk_now, rate: board.rate },
        };
        replica.held = replica.entries.values().filter(|entry| entry.at_rest).map(|_| 1).sum();
        replica.held_most = replica.held;
        replica.settle(replica.now(desk_now));
        replica
    }

    /// The server's time when the desk's own clock says `desk_now`.
    pub fn now(&self, desk_now: DateTime<Utc>) -> DateTime<Utc> {
        let passed_ms = (desk_now - self.clock.desk_at).num_milliseconds() as f64 * self.clock.rate;
        self.clock.server_at + Duration::milliseconds(passed_ms as i64)
    }

    /// When the server was last heard, by the desk's own clock.
    pub fn heard_at(&self) -> DateTime<Utc> {
        self.clock.desk_at
    }

    /// True when the server has been silent too long: the data on the screen may be wrong.
    pub fn is_stale(&self, desk_now: DateTime<Utc>) -> bool {
        desk_now - self.clock.desk_at >= Duration::seconds(STALE_SECONDS)
    }

    /// Takes in one item heard at `desk_now`.
    pub fn apply(&mut self, item: StreamItem, desk_now: DateTime<Utc>) -> Applied {
        match item {
            StreamItem::Recorded(recorded) => {
                if recorded.sequence <= self.through {
                    return Applied::Old;
                }
                if recorded.after > self.through {
                    return Applied::Gap;
                }
                self.through = recorded.sequence;
                self.clock.server_at = self.now(desk_now);
                self.clock.desk_at = desk_now;
                if let Some(ledgers) = recorded.ledgers {
                    self.ledgers = ledgers;
                }
                if let Some(answering) = recorded.answering {
                    self.answering = answering;
                }
                let id = recorded.entry.as_ref().map(|entry| entry.id);
                let is_new = id.is_some_and(|id| !self.entries.contains_key(&id));
                if let Some(entry) = recorded.entry {
                    let (id, now) = (entry.id, self.now(desk_now));
                    if self.stored_at_last(&entry) {
                        self.put(entry);
                        self.settle(now);
                    } else {
                        self.put(entry);
                        self.settle_one(id, now);
                    }
                }
                Applied::Fresh { entry: id, is_new }
            }
            StreamItem::Live { entry, live } => {
                if let Some(known) = self.entries.get_mut(&entry).or_else(|| self.unstored.get_mut(&entry)) {
                    known.live = live;
                }
                Applied::Fresh { entry: Some(entry), is_new: false }
            }
            StreamItem::Unstored { entry } => {
                let id = entry.id;
                let is_new = self.unstored.insert(id, *entry).is_none();
                self.settle(self.now(desk_now));
                Applied::Fresh { entry: Some(id), is_new }
            }
            StreamItem::Beat(beat) => {
                self.clock = Clock { server_at: beat.now, desk_at: desk_now, rate: beat.rate };
                if let Some(sources) = beat.sources {
                    self.sources = sources;
                }
                if let Some(shift) = beat.shift {
                    self.shift = shift;
                }
                if let Some(waiting) = beat.notes_waiting {
                    self.notes_waiting = waiting;
                }
                self.log = beat.log;
                if let Some(at_rest) = beat.at_rest {
                    self.at_rest = at_rest;
                }
                if beat.through > self.through || self.is_thin() { Applied::Gap } else { Applied::Old }
            }
        }
    }

    /// Takes in what was asked for. False when something was recorded since that the answer may not know: to be asked
    /// again. What is held already is as new as the stream.
    pub fn found(&mut self, found: Found, desk_now: DateTime<Utc>) -> bool {
        if found.sequence < self.through {
            return false;
        }
        for entry in found.entries {
            if !self.entries.contains_key(&entry.id) {
                self.put(entry);
            }
        }
        self.settle(self.now(desk_now));
        true
    }

    /// Entries at rest that are not held.
    pub fn more(&self) -> usize {
        self.at_rest.saturating_sub(self.held) as usize
    }

    /// Those at rest that were nearest are over by now: others are.
    fn is_thin(&self) -> bool {
        self.more() > 0 && self.held < self.held_most / 2
    }

    /// What is over is let go of.
    fn put(&mut self, entry: Entry) {
        let rests = u32::from(entry.at_rest && entry.is_open());
        let before = match entry.is_open() {
            true => self.entries.insert(entry.id, entry),
            false => self.entries.remove(&entry.id),
        };
        let rested = before.map_or(0, |it| u32::from(it.at_rest));
        self.held = self.held + rests - rested;
        self.held_most = self.held_most.max(self.held);
    }

    /// What could not be stored is stored now: by its id, or under a new one by what the outside calls it. True when
    /// there was any.
    fn stored_at_last(&mut self, entry: &Entry) -> bool {
        let (name, before) = (entry.outside_id(), self.unstored.len());
        self.unstored.retain(|id, it| *id != entry.id && (name.is_none() || it.outside_id() != name));
        self.unstored.len() < before
    }

    /// Recomputes attention and order when a threshold has passed. True when anything may have moved.
    pub fn tick(&mut self, desk_now: DateTime<Utc>) -> bool {
        let now = self.now(desk_now);
        if self.reorder_at.is_none_or(|at| at > now) {
            return false;
        }
        self.settle(now);
        true
    }

    fn settle(&mut self, now: DateTime<Utc>) {
        for entry in self.entries.values_mut().chain(self.unstored.values_mut()) {
            entry.attention = attention(entry, now);
        }
        let all = || self.entries.values().chain(self.unstored.values());
        let mut sorted: Vec<&Entry> = all().collect();
        sorted.sort_by(|a, b| order(a, b));
        self.order = sorted.into_iter().map(|entry| entry.id).collect();
        self.reorder_at = all().filter_map(|entry| changes_at(entry, now)).min();
    }

    /// As `settle`, when nothing but this entry has changed. The others stand where they stood until a threshold passes.
    fn settle_one(&mut self, id: EntryId, now: DateTime<Utc>) {
        if self.reorder_at.is_some_and(|at| at <= now) {
            return self.settle(now);
        }
        self.order.retain(|known| *known != id);
        let Some(entry) = self.entries.get_mut(&id) else { return };
        entry.attention = attention(entry, now);
        let changes_at = changes_at(entry, now);
        self.reorder_at = self.reorder_at.into_iter().chain(changes_at).min();
        let entry = &self.entries[&id];
        let before = |known: &EntryId| self.get(*known).is_none_or(|it| order(it, entry).is_lt());
        let place = self.order.partition_point(before);
        self.order.insert(place, id);
    }

    pub fn get(&self, id: EntryId) -> Option<&Entry> {
        self.entries.get(&id).or_else(|| self.unstored.get(&id))
    }

    /// Shown as "IKKE GEMT".
    pub fn is_unstored(&self, id: EntryId) -> bool {
        self.unstored.contains_key(&id)
    }

    /// Everything open, worst first.
    pub fn worst_first(&self) -> impl Iterator<Item = &Entry> {
        self.order.iter().filter_map(|id| self.get(*id))
    }

    pub fn len(&self) -> usize {
        self.order.len()
    }

    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }
}
