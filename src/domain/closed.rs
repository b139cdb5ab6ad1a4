//! What is over: how it is found again, and how it is put together from its own records.
//!
//! Owns by what a closed entry may be looked for: numbers, codes, times and the ids that the log holds already. Must never
//! hold what the log may not, nor know where the index is kept.

use chrono::{DateTime, Utc};

use super::entry::Entry;
use super::envelope::Record;
use super::identity::{AgreementId, EntryId};
use super::state::State;

/// By what an entry that is over is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    pub entry: EntryId,
    pub closed_at: DateTime<Utc>,
    pub number: u32,
    pub board: &'static str,
    /// Its outcome, or its state where it has none.
    pub outcome: &'static str,
    /// Its own, or the candidates while that is unknown; none: everybody's.
    pub agreements: Vec<AgreementId>,
    /// The citizen's id and what the outside calls it.
    pub known_as: Vec<String>,
}

impl Closed {
    /// None while it is open.
    pub fn of(entry: &Entry) -> Option<Self> {
        let origins = entry.origin.iter().chain(&entry.also).map(|origin| origin.id.to_string());
        Some(Self {
            entry: entry.id,
            closed_at: entry.closed_at?,
            number: entry.number,
            board: entry.board().name(),
            outcome: entry.outcome(),
            agreements: entry.agreements().to_vec(),
            known_as: entry.citizen.iter().map(ToString::to_string).chain(origins).collect(),
        })
    }
}

/// What a record made of its entry: over, or open once more.
pub type Became = (EntryId, Option<Closed>);

/// Applies one record, as [`super::evolve`] does, and says what the index of what is over must learn of it; none: nothing.
pub fn evolve(state: &mut State, record: &Record) -> Option<Became> {
    let was_over = state.entry(record.entry).is_some_and(|entry| !entry.is_open());
    super::step(state, record);
    // Before it may be let go of: what is told of so late is over long ago.
    let closed = state.entry(record.entry).and_then(Closed::of);
    state.forget_old(record.recorded_at);
    (was_over || closed.is_some()).then_some((record.entry, closed))
}

/// An entry as its own records alone tell it, however long ago it was closed.
pub fn of_records(id: EntryId, records: &[Record]) -> Option<Entry> {
    let mut state = State::default();
    for record in records {
        super::step(&mut state, record);
    }
    state.entry(id).cloned()
}
