//! Adopting an agreement: from then on its values rule. Editing a file never rewrites the past.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::agreement::Agreement;
use super::envelope::Record;
use super::refusal::Refusal;
use super::{Ctx, Draft, Event, State};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, strum::VariantNames)]
#[serde(tag = "type", rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum AdoptionEvent {
    /// The whole agreement, so that a report can be made from the log alone.
    Adopted {
        /// SHA-256 of the agreement as read, hex.
        hash: String,
        agreement: Box<Agreement>,
    },
}

/// Decides an adoption. The same content again is refused as done.
pub fn decide(state: &State, ctx: &Ctx, agreement: &Agreement) -> Result<Vec<Draft>, Refusal> {
    let hash = agreement.hash();
    if state.agreements.get(&agreement.id).is_some_and(|known| known.hash() == hash) {
        return Err(Refusal::AlreadyDone);
    }
    let event = AdoptionEvent::Adopted { hash, agreement: Box::new(agreement.clone()) };
    Ok(vec![Draft {
        entry: super::NO_ENTRY,
        happened_at: ctx.at,
        agreement: Some(agreement.id.clone()),
        event: Event::Agreements(event),
    }])
}

/// Applies one event.
pub fn evolve(state: &mut State, record: &Record, event: &AdoptionEvent) {
    let AdoptionEvent::Adopted { agreement, .. } = event;
    state.first_standing(&agreement.id, super::standing::before_first(agreement, record.recorded_at));
    state.agreements.insert(agreement.id.clone(), Arc::new((**agreement).clone()));
}
