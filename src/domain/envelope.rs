//! The record: what surrounds every event in the log.
//!
//! Owns the shape of the header and who an actor is. Must never know a board's
//! payload nor how a record is stored or hashed (that is `store`).

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::Event;
use super::identity::{AgreementId, EntryId, Key, PersonName, Sequence, SourceName};

/// Who caused something. On disk as `person:anna`, `source:central`, `timer`, `server`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Actor {
    Person(PersonName),
    Source(SourceName),
    /// A deadline that fell due.
    Timer,
    /// The server itself: start-up, administration by the machine's owner.
    Server,
}

impl Actor {
    pub fn person(&self) -> Option<&PersonName> {
        match self {
            Self::Person(name) => Some(name),
            _ => None,
        }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person(name) => write!(f, "person:{name}"),
            Self::Source(name) => write!(f, "source:{name}"),
            Self::Timer => f.write_str("timer"),
            Self::Server => f.write_str("server"),
        }
    }
}

impl From<Actor> for String {
    fn from(actor: Actor) -> String {
        actor.to_string()
    }
}

impl TryFrom<String> for Actor {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        match text.split_once(':') {
            None if text == "timer" => Ok(Self::Timer),
            None if text == "server" => Ok(Self::Server),
            Some(("person", name)) => PersonName::new(name).map(Self::Person).map_err(|e| e.to_string()),
            Some(("source", name)) => SourceName::new(name).map(Self::Source).map_err(|e| e.to_string()),
            _ => Err(format!("unknown actor {text:?}")),
        }
    }
}

/// An event as `decide` hands it out: not yet numbered, timed by the recorder or chained.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    pub entry: EntryId,
    /// When it happened in the world (UTC); deadlines and ledgers count this.
    pub happened_at: DateTime<Utc>,
    pub agreement: Option<AgreementId>,
    pub event: Event,
}

/// An event in the log. `cause` and `index` are unique together.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    pub sequence: Sequence,
    pub entry: EntryId,
    /// When it happened in the world (UTC).
    pub happened_at: DateTime<Utc>,
    /// When it was written (UTC). The screen shows both when they differ by more than two minutes.
    pub recorded_at: DateTime<Utc>,
    pub actor: Actor,
    pub agreement: Option<AgreementId>,
    pub event: Event,
    /// The command's id, or the digest of source and key of an observation.
    pub cause: Key,
    /// Position among the events of one cause, from 0.
    pub index: u32,
}
