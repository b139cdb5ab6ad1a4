//! Scope: what a person may see, by agreement. What may not be seen answers like what is not there.

use crate::domain::State;
use crate::domain::entry::Entry;
use crate::domain::identity::{AgreementId, EntryId};

/// Whether an entry belongs to a scope. One with no agreement at all (a source's trouble, say) belongs to everybody.
pub fn may_see(scope: &[AgreementId], entry: &Entry) -> bool {
    entry.is_in(scope)
}

/// The entry, if it is there and belongs to the scope.
pub fn find<'s>(state: &'s State, scope: &[AgreementId], id: EntryId) -> Option<&'s Entry> {
    state.entry(id).filter(|entry| may_see(scope, entry))
}
