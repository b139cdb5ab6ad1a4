//! People and sources that may use the server: name, role, agreements, token digest.
//!
//! Owns the role table. Must never know a token itself, only its digest.

use serde::{Deserialize, Serialize};

use super::envelope::{Actor, Record};
use super::identity::{AgreementId, PersonName};
use super::refusal::Refusal;
use super::vocabulary::vocabulary;
use super::{Command, Ctx, Draft, Event, State};

vocabulary! {
    Role {
        Coordinator,
        Leader,
        /// Sees the board, changes nothing.
        Viewer,
        /// Hands in observations, sees nothing.
        Source,
    }
}

impl Role {
    pub fn may_read(self) -> bool {
        self != Self::Source
    }

    pub fn may_act(self) -> bool {
        matches!(self, Self::Coordinator | Self::Leader)
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Person {
    pub name: PersonName,
    pub role: Role,
    pub agreements: Vec<AgreementId>,
    /// SHA-256 of the token, hex.
    pub token_digest: String,
    pub revoked: bool,
}

/// Administration by the machine's owner.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum PeopleCommand {
    Add { name: PersonName, role: Role, agreements: Vec<AgreementId>, token_digest: String },
    Revoke { name: PersonName },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, strum::VariantNames)]
#[serde(tag = "type", rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum PeopleEvent {
    Added { name: PersonName, role: Role, agreements: Vec<AgreementId>, token_digest: String },
    Revoked { name: PersonName },
}

/// Whether this actor's role lets it give commands at all. People need an acting role that is not revoked.
pub fn authorize(state: &State, actor: &Actor, command: &Command) -> Result<(), Refusal> {
    match actor {
        Actor::Server | Actor::Timer => Ok(()),
        Actor::Source(_) => Err(Refusal::NotAllowed { role: "source".into() }),
        Actor::Person(name) => {
            let person = state.people.get(name).ok_or(Refusal::UnknownPerson)?;
            let is_administration = matches!(command, Command::People(_) | Command::Adopt(_));
            if person.revoked || !person.role.may_act() || is_administration {
                return Err(Refusal::NotAllowed { role: person.role.name().into() });
            }
            Ok(())
        }
    }
}

/// Decides administration. Only the server itself may ask; see `authorize`.
pub fn decide(state: &State, ctx: &Ctx, command: &PeopleCommand) -> Result<Vec<Draft>, Refusal> {
    let event = match command {
        PeopleCommand::Add { name, role, agreements, token_digest } => {
            if *name == PersonName::nobody() || state.people.get(name).is_some_and(|person| !person.revoked) {
                return Err(Refusal::NameTaken);
            }
            if let Some(unknown) = agreements.iter().find(|id| !state.agreements.contains_key(*id)) {
                return Err(Refusal::UnknownAgreement { agreement: unknown.clone() });
            }
            PeopleEvent::Added {
                name: name.clone(),
                role: *role,
                agreements: agreements.clone(),
                token_digest: token_digest.clone(),
            }
        }
        PeopleCommand::Revoke { name } => match state.people.get(name) {
            None => return Err(Refusal::UnknownPerson),
            Some(person) if person.revoked => return Err(Refusal::AlreadyDone),
            Some(_) => PeopleEvent::Revoked { name: name.clone() },
        },
    };
    Ok(vec![Draft {
        entry: super::NO_ENTRY,
        happened_at: ctx.at,
        agreement: None,
        event: Event::People(event),
    }])
}

/// Applies one event.
pub fn evolve(state: &mut State, _record: &Record, event: &PeopleEvent) {
    match event {
        PeopleEvent::Added { name, role, agreements, token_digest } => {
            let person = Person {
                name: name.clone(),
                role: *role,
                agreements: agreements.clone(),
                token_digest: token_digest.clone(),
                revoked: false,
            };
            state.people.insert(name.clone(), person);
        }
        PeopleEvent::Revoked { name } => {
            if let Some(person) = state.people.get_mut(name) {
                person.revoked = true;
            }
            state.on_duty.remove(name);
        }
    }
}
