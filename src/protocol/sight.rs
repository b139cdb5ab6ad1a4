//! Who looks: what of the other entries may be named in one that is shown, and the one that is being shown.
//!
//! Must never decide anything.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::domain::entry;
use crate::domain::identity::{AgreementId, EntryId, PersonName};
use crate::domain::{Actor, Ctx, State};

/// What of the other entries may be named in one that is shown.
#[derive(Debug, Clone, Copy)]
pub enum Sight<'a> {
    /// For who may see everything there is.
    All,
    /// For who may see what belongs to these agreements.
    Of(&'a [AgreementId]),
}

impl Sight<'_> {
    pub fn sees(self, entry: &entry::Entry) -> bool {
        match self {
            Self::All => true,
            Self::Of(scope) => entry.is_in(scope),
        }
    }

    /// The entry, if it may be named. One that was let go of long ago says nothing any more.
    pub(super) fn find(self, state: &State, id: EntryId) -> Option<&entry::Entry> {
        state.entry(id).filter(|entry| self.sees(entry))
    }

    /// Whether an entry may be named; one that was let go of long ago only to who sees everything.
    pub(super) fn may_name(self, state: &State, id: EntryId) -> bool {
        matches!(self, Self::All) || self.find(state, id).is_some()
    }
}

/// The entry that is shown, with all that it is shown from.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a> {
    pub state: &'a State,
    pub entry: &'a entry::Entry,
    pub sight: Sight<'a>,
    pub now: DateTime<Utc>,
}

impl Shown<'_> {
    /// Nobody in particular of those who see so much, who asks now.
    pub(super) fn nobody(self) -> Ctx {
        Ctx::new(self.now, Actor::Person(PersonName::nobody()), Uuid::nil())
    }
}
