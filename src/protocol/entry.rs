//! The public entry: one thing on a board, as desks, cli and other programs see it.
//!
//! Owns its JSON: a head, the details of its board, and what may be done. Must never know how the domain keeps it
//! (`project` fills it in), nor what a board is beyond `Details`.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use utoipa::ToSchema;

use super::action::Action;
use super::attention::Attention;
pub use super::boards::Details;
pub use super::boards::alarms::{AlarmDetails, Justification};
pub use super::boards::discharges::DischargeDetails;
pub use super::boards::duties::DutyDetails;
pub use super::boards::phone::PhoneDetails;
pub use super::boards::sources::{RowOfFile, SourceDetails};
pub use super::boards::steps::Step;
pub use super::boards::visits::{DoorDetails, VisitDetails, VisitMove};
use super::contact::Contact;
use super::head::Head;
pub use super::head::{Due, Escalation, Holder, MunicipalityTold};
use super::text::Text;
use crate::domain::entry::{DueKind, SPOKEN_MAX};
use crate::domain::identity::{AgreementId, Board, CitizenId, EntryId, ExternalId};
use crate::domain::vocabulary::Word;

/// One entry. Times are UTC.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Entry {
    pub id: EntryId,
    /// Unique among the open entries; short and spoken, but for a visit as planned (from 1000 on).
    pub number: u32,
    /// One of the contract's states of its board.
    pub state: String,
    pub agreement: Option<AgreementId>,
    /// Agreements it may belong to while `agreement` is unknown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<AgreementId>,
    /// Counts material changes only.
    pub version: u32,
    pub opened_at: DateTime<Utc>,
    /// When it was written; shown beside `opened_at` when they differ by more than two minutes.
    pub recorded_at: DateTime<Utc>,
    /// Set when it is over: a desk lets go of it.
    pub closed_at: Option<DateTime<Utc>>,
    pub holder: Option<Holder>,
    #[serde(default)]
    pub due: Vec<Due>,
    pub attention: Attention,
    /// The care system's opaque id.
    pub citizen: Option<CitizenId>,
    #[serde(default)]
    pub links: Vec<EntryId>,
    /// Notes written through to the care system.
    #[serde(default)]
    pub notes: u32,
    /// A second person was called about it, or is being called.
    pub escalation: Option<Escalation>,
    /// What the municipality was told of it at once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub told: Vec<MunicipalityTold>,
    /// `board` and, typed by it, `details`.
    #[serde(flatten)]
    pub details: Details,
    /// It stands as planned and asks for nothing: of a long plan the board carries only the nearest of these.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub at_rest: bool,
    /// What may be done; a refusal beside what may not be done just now.
    pub actions: Vec<Action>,
    /// Personal data, where this scope may have it. In memory only.
    pub live: Option<Live>,
}

impl Entry {
    pub fn board(&self) -> Board {
        self.details.board()
    }

    pub fn is_open(&self) -> bool {
        self.closed_at.is_none()
    }

    /// What its board may read of it.
    pub(super) fn head(&self) -> Head<'_> {
        Head { state: &self.state, opened_at: self.opened_at, due: &self.due }
    }

    /// What the outside calls it: the call's or the alarm's own id.
    pub fn outside_id(&self) -> Option<(Board, &ExternalId)> {
        self.details.outside_id().map(|id| (self.board(), id))
    }

    /// Its state as a word of its board. None: it belongs elsewhere, or the server is of another version.
    pub fn state_of<W: Word>(&self) -> Option<W> {
        self.head().state_of()
    }

    /// Whether it is in this state of its board.
    pub fn is(&self, state: impl Word) -> bool {
        self.state == state.name()
    }

    /// Its number is one to speak: not that of a visit as planned.
    pub fn is_spoken_of(&self) -> bool {
        self.number <= SPOKEN_MAX
    }

    /// Since when it is as it is: what its age counts from. Ahead for a visit whose time is still to come.
    pub fn since(&self) -> DateTime<Utc> {
        self.details.since(self.head()).unwrap_or(self.opened_at)
    }

    pub fn due(&self, what: DueKind) -> Option<&Due> {
        self.due.iter().find(|due| due.what == what)
    }
}

/// Personal data of an open entry. Lives in memory; its `Debug` says nothing of it.
#[skip_serializing_none]
#[derive(Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Live {
    pub caller: Option<Text>,
    pub caller_name: Option<Text>,
    pub name: Option<Text>,
    pub address: Option<Text>,
    pub phone: Option<Text>,
    /// A reference to the key box, never the code.
    pub key_box: Option<Text>,
    /// What the device said.
    pub text: Option<Text>,
    /// The unit's short name, as the settings give it.
    pub unit: Option<Text>,
    /// What could not be had, and where to look instead.
    pub look: Option<WhereToLook>,
}

impl std::fmt::Debug for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Live(…)")
    }
}

/// Where a person finds what the board no longer has: never an empty field.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WhereToLook {
    /// exchange-call, device, care-system, hospital-notice or nothing-known.
    pub place: String,
    pub source: Option<String>,
    pub id: Option<String>,
    pub at: DateTime<Utc>,
}

/// One line of an entry's history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct HistoryLine {
    pub sequence: u64,
    pub happened_at: DateTime<Utc>,
    pub recorded_at: DateTime<Utc>,
    /// person:NAME, source:NAME, timer or server.
    pub actor: String,
    /// The event's stable name, e.g. `alarms.raised`.
    pub kind: String,
    /// Its codes, for the text.
    #[schema(value_type = Object)]
    pub payload: serde_json::Value,
}

/// `GET /v1/entries/{id}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EntryView {
    pub entry: Entry,
    pub history: Vec<HistoryLine>,
    /// Numbers to ring now, from the agreement by the hour.
    pub numbers: Vec<Contact>,
}
