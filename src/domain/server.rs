//! What the log knows of the servers that write it.
//!
//! Must never hold a secret: a check value says which one it is and no more.

use serde::{Deserialize, Serialize};

use super::identity::Code;
use super::refusal::Refusal;
use super::{Actor, Ctx, Draft, Event, State};

/// Belongs to no entry and to no board.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, strum::VariantNames)]
#[serde(tag = "type", rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum ServerEvent {
    /// From now on ids that must not be stored are kept as digests under the key with this check value.
    IdKeySet { check: Code },
}

/// Notes which key ids are kept under. Errors: not the server; that one is noted already.
pub fn id_key(state: &State, ctx: &Ctx, check: &Code) -> Result<Vec<Draft>, Refusal> {
    if ctx.actor != Actor::Server {
        return Err(Refusal::NotAllowed { role: "server".into() });
    }
    if state.id_key.as_ref() == Some(check) {
        return Err(Refusal::AlreadyDone);
    }
    let event = Event::Server(ServerEvent::IdKeySet { check: check.clone() });
    Ok(vec![Draft { entry: super::NO_ENTRY, happened_at: ctx.at, agreement: None, event }])
}

/// Applies one event.
pub fn evolve(state: &mut State, event: &ServerEvent) {
    let ServerEvent::IdKeySet { check } = event;
    state.id_key = Some(check.clone());
}
