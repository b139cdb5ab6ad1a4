//! What is decided for one commit, and the answers that wait for it.
//!
//! Owns that an item sees what the ones before it did, and that nobody is answered before the commit. Must never know how
//! anything is decided.

use std::collections::{BTreeMap, HashMap};

use tokio::sync::oneshot;

use super::again::digest;
use crate::domain::closed::{self, Closed};
use crate::domain::identity::{EntryId, Key, Sequence, SourceName};
use crate::domain::{Actor, Ctx, Draft, Record, State, sources};
use crate::engine::live::Personal;
use crate::engine::{Done, FactOutcome, Failure, Noted};
use crate::store::Seen;

/// An answer that waits for the commit.
pub(super) enum Answer {
    Order(oneshot::Sender<Result<Done, Failure>>, Result<(Sequence, Option<EntryId>), Failure>),
    Facts(oneshot::Sender<Result<Vec<FactOutcome>, Failure>>, Vec<FactOutcome>),
}

/// Everything decided for one commit.
pub(super) struct Working {
    pub(super) state: State,
    pub(super) records: Vec<Record>,
    pub(super) seen: Vec<Seen>,
    /// What of the entries is over now, or no longer is.
    pub(super) became: BTreeMap<EntryId, Option<Closed>>,
    /// Where in `seen` a key of this batch stands.
    pub(super) here: HashMap<(String, Key), usize>,
    pub(super) answers: Vec<Answer>,
    pub(super) personal: Vec<(EntryId, Personal)>,
    pub(super) reused: Vec<SourceName>,
    /// What was odd about facts that were taken.
    pub(super) odd: Vec<(SourceName, sources::Report)>,
}

impl Working {
    pub(super) fn of(state: &State) -> Self {
        Self {
            state: state.clone(),
            records: Vec::new(),
            seen: Vec::new(),
            became: BTreeMap::new(),
            here: HashMap::new(),
            answers: Vec::new(),
            personal: Vec::new(),
            reused: Vec::new(),
            odd: Vec::new(),
        }
    }

    /// Numbers, chains and applies drafts; the sequence of the last one.
    pub(super) fn record(&mut self, ctx: &Ctx, cause: &Key, drafts: Vec<Draft>) -> Sequence {
        for (index, draft) in drafts.into_iter().enumerate() {
            let record = Record {
                sequence: self.state.head.next(),
                entry: draft.entry,
                happened_at: draft.happened_at,
                recorded_at: ctx.now,
                actor: ctx.actor.clone(),
                agreement: draft.agreement,
                event: draft.event,
                cause: cause.clone(),
                index: u32::try_from(index).unwrap_or(u32::MAX),
            };
            self.became.extend(closed::evolve(&mut self.state, &record));
            self.records.push(record);
        }
        self.state.head
    }

    pub(super) fn remember(&mut self, seen: Seen) {
        self.here.insert((seen.scope.clone(), seen.key.clone()), self.seen.len());
        self.seen.push(seen);
    }

    /// Remembers what an envelope said; the first word stands.
    pub(super) fn note(
        &mut self,
        known: &HashMap<(String, Key), Seen>,
        source: &SourceName,
        noted: Vec<Noted>,
    ) {
        let scope = Actor::Source(source.clone()).to_string();
        for Noted { key, content, outcome } in noted {
            if self.seen_before(known, &scope, &key).is_none() {
                let (digest, outcome) = (digest(&content), outcome.to_owned());
                let scope = scope.clone();
                self.remember(Seen { scope, key, digest, outcome, entry: None, first: None, answer: None });
            }
        }
    }

    pub(super) fn seen_before<'w>(
        &'w self,
        known: &'w HashMap<(String, Key), Seen>,
        scope: &str,
        key: &Key,
    ) -> Option<&'w Seen> {
        let place = (scope.to_owned(), key.clone());
        known.get(&place).or_else(|| self.here.get(&place).and_then(|at| self.seen.get(*at)))
    }

    pub(super) fn keep_personal(&mut self, entry: Option<EntryId>, personal: Personal) {
        if let (Some(entry), false) = (entry, personal.is_empty()) {
            self.personal.push((entry, personal));
        }
    }
}

impl Answer {
    /// A receiver that is gone has stopped waiting; what was recorded stays recorded.
    pub(super) fn send(self, state: &State) {
        match self {
            Self::Order(reply, result) => {
                let done = result.map(|(sequence, entry)| Done {
                    sequence,
                    entry,
                    state: state.clone(),
                    waiting: false,
                });
                drop(reply.send(done));
            }
            Self::Facts(reply, outcomes) => drop(reply.send(Ok(outcomes))),
        }
    }

    pub(super) fn fail(self) {
        match self {
            Self::Order(reply, _) => drop(reply.send(Err(Failure::Unavailable))),
            Self::Facts(reply, _) => drop(reply.send(Err(Failure::Unavailable))),
        }
    }
}
