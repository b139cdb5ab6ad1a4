//! The head of a public entry: what every entry says of itself, whatever its board.
//!
//! Owns the parts of that which are shapes of their own, and what a board may read of it when it is asked about one of
//! its entries. Must never know a board.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use utoipa::ToSchema;

use crate::domain::agreement::Matter;
use crate::domain::duties::ToldTo;
use crate::domain::entry::DueKind;
use crate::domain::escalation;
use crate::domain::identity::PersonName;
use crate::domain::vocabulary::Word;

/// What a board sees of an entry besides its own details. A view, not a field: one more flattened shape would be one
/// more name in the description.
#[derive(Debug, Clone, Copy)]
pub struct Head<'a> {
    pub state: &'a str,
    pub opened_at: DateTime<Utc>,
    pub due: &'a [Due],
}

impl Head<'_> {
    /// Its state as a word of its board. None: it belongs elsewhere, or the server is of another version.
    pub fn state_of<W: Word>(self) -> Option<W> {
        W::of(self.state)
    }

    /// When this falls due.
    pub fn due_at(self, what: DueKind) -> Option<DateTime<Utc>> {
        self.due.iter().find(|due| due.what == what).map(|due| due.at)
    }
}

/// Who has it.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Holder {
    pub name: PersonName,
    pub since: DateTime<Utc>,
    /// When the claim runs out and the entry comes back.
    pub until: Option<DateTime<Utc>>,
}

#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Due {
    pub what: DueKind,
    pub at: DateTime<Utc>,
    /// The contract's clause; none for an own rule.
    pub clause: Option<String>,
}

/// One thing that the municipality was told at once.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MunicipalityTold {
    pub what: Matter,
    pub to: Option<ToldTo>,
    pub at: DateTime<Utc>,
    /// It turned out not to be so, and the municipality does not know that yet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub untrue: bool,
}

/// A second person is called: once for an entry.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Escalation {
    pub why: escalation::Why,
    pub begun_at: DateTime<Utc>,
    /// None while it is tried.
    pub outcome: Option<escalation::Outcome>,
    pub ended_at: Option<DateTime<Utc>>,
    /// How often it was tried.
    #[serde(default)]
    pub times: u32,
}
