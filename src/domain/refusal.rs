//! Refusals: why a command has no effect. Values of the domain, not errors of the program.
//!
//! Must never hold a sentence: code and arguments only; desk and cli render the text.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::identity::{AgreementId, Board, PersonName};

/// On the wire: `code` in kebab-case and the arguments beside it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, strum::VariantNames)]
#[serde(tag = "code", rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Refusal {
    /// No such entry, or one the asker may not see: the two answer alike.
    UnknownEntry,
    /// The command needs an entry and none was given.
    EntryMissing,
    /// Somebody has it already; `take-over` is the way.
    AlreadyClaimed {
        holder: PersonName,
        since: DateTime<Utc>,
    },
    /// Only the holder may do this; take over first.
    HeldByOther {
        holder: PersonName,
        since: DateTime<Utc>,
    },
    NotClaimed,
    NotYours {
        holder: PersonName,
    },
    /// The entry changed since it was read.
    Stale {
        expected: u32,
        actual: u32,
    },
    /// The entry is in a state where this makes no sense.
    WrongState {
        state: String,
    },
    WrongBoard {
        board: Board,
    },
    NotAllowed {
        role: String,
    },
    /// The entry's municipality is not known yet; assign it first.
    AgreementUnknown,
    UnknownAgreement {
        agreement: AgreementId,
    },
    /// `happened_at` lies in the future.
    InFuture,
    /// A time that must lie ahead does not.
    InPast {
        field: String,
    },
    /// `happened_at` lies before the entry began.
    BeforeOpened {
        opened_at: DateTime<Utc>,
    },
    AlreadyDone,
    /// That citizen's stay is on the board already.
    AlreadyOpen {
        number: u32,
    },
    /// There is nothing of that kind to correct.
    NothingToCorrect,
    /// The code is none of the listed ones.
    UnknownCode {
        field: String,
    },
    /// A needed field is missing.
    FieldMissing {
        field: String,
    },
    /// A door that nobody opened ends with steps left out, and it is not said why (J 3.1.8, N 3.5.6).
    StepsMissing {
        field: String,
    },
    TestAlarm,
    TechnicalAlarm,
    NotTechnical,
    /// The agreement does not name this response.
    ResponseNotInAgreement,
    JustificationNotOwed,
    /// A warning: the contract speaks against it. The same command with `confirmed` is recorded, marked.
    AgainstContract {
        clause: String,
        /// Our one-sentence reading of the clause.
        says: String,
    },
    /// An entry cannot be linked to itself or to one that is not there.
    CannotLink,
    /// Nobody knows yet which citizen it is about.
    CitizenUnknown,
    /// The care system did not take the text (it does not know the citizen, say).
    CareRefused,
    /// Texts cannot go to the care system from here: the settings do not say how.
    CareNotSetUp,
    NameTaken,
    UnknownPerson,
    /// A timer fired before its time, or for a duty that is gone. Never shown to a person.
    NotDue,
    /// Nothing new in it. Never shown to a person.
    Unchanged,
}

impl Refusal {
    /// Stale version or lost race: HTTP 409. Everything else is 422 (404 for an unknown entry, 403 for a role).
    pub fn is_conflict(&self) -> bool {
        matches!(
            self,
            Self::Stale { .. }
                | Self::AlreadyClaimed { .. }
                | Self::HeldByOther { .. }
                | Self::NotYours { .. }
        )
    }

    /// The stable code alone.
    pub fn code(&self) -> String {
        match serde_json::to_value(self) {
            Ok(serde_json::Value::Object(fields)) => {
                fields.get("code").and_then(|code| code.as_str()).unwrap_or_default().to_owned()
            }
            _ => String::new(),
        }
    }
}
