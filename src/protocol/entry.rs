//! The public entry: one thing on a board, as desks, cli and other programs see it.
//!
//! Owns its JSON. Must never know how the domain keeps it; `project` fills it in.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::actions::Action;
use super::attention::Attention;
use super::text::Text;
use crate::domain::agreement::{Matter, Response};
use crate::domain::alarms::{Channel, ContestReason, Helper, HowEnded};
use crate::domain::discharges::{StayState, Upset, WhyStopped};
use crate::domain::duties::{DutyKind, ToldTo};
use crate::domain::entry::{DueKind, SPOKEN_MAX};
use crate::domain::escalation;
use crate::domain::identity::{AgreementId, Board, CitizenId, Code, EntryId, ExternalId, PersonName};
use crate::domain::observation::{CancelledBy, Grant, Help, MissedReason, Rank, Setting};
use crate::domain::sources::TroubleKind;
use crate::domain::visit_rules::Standing;
use crate::domain::visits::{Canceller, DoorOutcome, Halt, Side, VisitState};
use crate::domain::vocabulary::Word;

/// One entry. Times are UTC.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Entry {
    pub id: EntryId,
    /// Unique among the open entries; short and spoken, but for a visit as planned (from 1000 on).
    pub number: u32,
    /// One of the contract's states of its board.
    pub state: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<Holder>,
    #[serde(default)]
    pub due: Vec<Due>,
    pub attention: Attention,
    /// The care system's opaque id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub citizen: Option<CitizenId>,
    #[serde(default)]
    pub links: Vec<EntryId>,
    /// Notes written through to the care system.
    #[serde(default)]
    pub notes: u32,
    /// A second person was called about it, or is being called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<Live>,
}

/// One thing that the municipality was told at once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MunicipalityTold {
    pub what: Matter,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<ToldTo>,
    pub at: DateTime<Utc>,
    /// It turned out not to be so, and the municipality does not know that yet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub untrue: bool,
}

/// A second person is called: once for an entry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Escalation {
    pub why: escalation::Why,
    pub begun_at: DateTime<Utc>,
    /// None while it is tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<escalation::Outcome>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<DateTime<Utc>>,
    /// How often it was tried.
    #[serde(default)]
    pub times: u32,
}

impl Entry {
    pub fn board(&self) -> Board {
        self.details.board()
    }

    pub fn is_open(&self) -> bool {
        self.closed_at.is_none()
    }

    /// What the outside calls it: the call's or the alarm's own id.
    pub fn outside_id(&self) -> Option<(Board, &ExternalId)> {
        match &self.details {
            Details::Phone(call) => Some((Board::Phone, &call.call)),
            Details::Alarms(alarm) => Some((Board::Alarms, &alarm.alarm)),
            Details::Discharges(_) | Details::Visits(_) | Details::Duties(_) | Details::Sources(_) => None,
        }
    }

    /// Its state as a word of its board. None: it belongs elsewhere, or the server is of another version.
    pub fn state_of<W: Word>(&self) -> Option<W> {
        W::of(&self.state)
    }

    /// Whether it is in this state of its board.
    pub fn is(&self, state: impl Word) -> bool {
        self.state == state.name()
    }

    /// Somebody comes home, and not all of the resume list is done.
    pub fn is_home_unprepared(&self) -> bool {
        let Details::Discharges(stay) = &self.details else { return false };
        let comes_home =
            matches!(self.state_of(), Some(StayState::Discharged | StayState::DischargeExpected));
        comes_home && stay.steps.iter().any(|step| step.done_at.is_none())
    }

    /// Its number is one to speak: not that of a visit as planned.
    pub fn is_spoken_of(&self) -> bool {
        self.number <= SPOKEN_MAX
    }

    /// Since when it is as it is: what its age counts from. Ahead for a visit whose time is still to come.
    pub fn since(&self) -> DateTime<Utc> {
        let since = match &self.details {
            Details::Visits(visit) => visit.since(self.state_of()),
            Details::Discharges(stay) => stay.since(self.state_of()),
            Details::Phone(_) | Details::Alarms(_) | Details::Duties(_) | Details::Sources(_) => None,
        };
        since.unwrap_or(self.opened_at)
    }

    pub fn due(&self, what: DueKind) -> Option<&Due> {
        self.due.iter().find(|due| due.what == what)
    }
}

/// Who has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Holder {
    pub name: PersonName,
    pub since: DateTime<Utc>,
    /// When the claim runs out and the entry comes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Due {
    pub what: DueKind,
    pub at: DateTime<Utc>,
    /// The contract's clause; none for an own rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clause: Option<String>,
}

/// Typed per board.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "board", content = "details", rename_all = "kebab-case")]
pub enum Details {
    Phone(PhoneDetails),
    Alarms(AlarmDetails),
    Discharges(DischargeDetails),
    Visits(VisitDetails),
    Duties(DutyDetails),
    Sources(SourceDetails),
}

impl Details {
    pub fn board(&self) -> Board {
        match self {
            Self::Phone(_) => Board::Phone,
            Self::Alarms(_) => Board::Alarms,
            Self::Discharges(_) => Board::Discharges,
            Self::Visits(_) => Board::Visits,
            Self::Duties(_) => Board::Duties,
            Self::Sources(_) => Board::Sources,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PhoneDetails {
    pub call: ExternalId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<ExternalId>,
    /// One of our own calls: missed, it is over, and nobody is to be rung back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub colleague: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered_at: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered_by: Option<PersonName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missed_at: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<MissedReason>,
    /// How sure the last fact is.
    pub rank: Rank,
    /// Tries to call back that reached nobody.
    pub attempts: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promise_at: Option<DateTime<Utc>>,
    pub documented: bool,
    /// A later call from the same caller was answered: closing this one is offered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered_later: Option<EntryId>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AlarmDetails {
    pub alarm: ExternalId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<ExternalId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger: Option<Code>,
    pub technical: bool,
    pub test: bool,
    /// Signals folded into this entry, the first included.
    pub signals: u32,
    /// Of an alarm that is a call: the queue that it is in now, or was in last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<ExternalId>,
    /// Somebody spoke with the citizen since then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub talked_at: Option<DateTime<Utc>>,
    /// The talk was over then: what is left is to say what was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub talk_ended_at: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered_at: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<Response>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub responded_at: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub helper: Option<Helper>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arrived_at: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<HowEnded>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cleared_at: Option<DateTime<Utc>>,
    /// The device says that somebody is with the citizen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub presence_at: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unanswered_at: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirected_at: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirected_to: Option<Code>,
    /// We say the redirect was not ours; it counts until it is corrected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contested: Option<ContestReason>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub justification: Option<Justification>,
}

/// The written justification of a ring-out or redirect (J 3.1.13).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Justification {
    pub started_at: DateTime<Utc>,
    pub due_at: DateTime<Utc>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clause: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agreement_version: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begun_at: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begun_by: Option<PersonName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_at: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<Channel>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Sent after the due time: late for ever.
    pub late: bool,
}

/// A hospital stay. Where the citizen is comes from what was told, folded by when it happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DischargeDetails {
    /// None for one opened by hand that no message has joined yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stay: Option<ExternalId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub setting: Option<Setting>,
    /// A planned admission; the others are acute.
    pub planned: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub department: Option<ExternalId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admitted_at: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leave_since: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discharged_at: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub died_at: Option<DateTime<Utc>>,
    /// When the citizen is expected home, as last told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_at: Option<DateTime<Utc>>,
    /// Who said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_told_by: Option<Code>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_told_at: Option<DateTime<Utc>>,
    /// How often something told before was corrected or cancelled.
    pub corrections: u32,
    /// The resume list of the agreement, in its order.
    pub steps: Vec<Step>,
    /// Whether the assessors must be asked about: did they tell us before an acute admission?
    pub asks_assessors: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assessors_told: Option<bool>,
    /// The first day's visits count as wasted; none while unknown or where the agreement does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_day_wasted: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_day_clause: Option<String>,
    /// Visits of the admission's own date from then on.
    pub first_day_visits: u32,
    /// Planned admission: the cancelled visits are reported to the assessors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report_clause: Option<String>,
    /// Acute help to receive groceries may be needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groceries_clause: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resumed_at: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped_at: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_reason: Option<WhyStopped>,
    /// The open entry that may be the same stay (`join`): of one opened by hand that of a message, of one whose citizen
    /// is unknown that of another source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub may_be_same: Option<EntryId>,
    /// Told after help was resumed or stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upset: Option<Upset>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upset_at: Option<DateTime<Utc>>,
    /// By its times it ended before it began: taken at its word, and a clock is wrong somewhere.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub odd: bool,
    /// A later stay of the same citizen, while this one has no end: moved there? (`join`)
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elsewhere: Option<EntryId>,
}

impl DischargeDetails {
    fn since(&self, state: Option<StayState>) -> Option<DateTime<Utc>> {
        match state? {
            _ if self.upset.is_some() => self.upset_at,
            StayState::OnLeave => self.leave_since,
            StayState::Discharged => self.discharged_at,
            StayState::Dead => self.died_at,
            StayState::Admitted => self.admitted_at,
            StayState::DischargeExpected | StayState::Resumed | StayState::Stopped | StayState::Cancelled => {
                None
            }
        }
    }
}

/// A step of a list, with when it was done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Step {
    pub step: Code,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct VisitDetails {
    pub visit: ExternalId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<Grant>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<Help>,
    /// As now agreed, after moves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agreed_at: Option<DateTime<Utc>>,
    /// As agreed at first, when it was moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_agreed_at: Option<DateTime<Utc>>,
    /// The plan's own window, Copenhagen `HH:MM`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_from: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_to: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_at: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done_at: Option<DateTime<Utc>>,
    /// Once it is as far off as must be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub side: Option<Side>,
    /// How far off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minutes: Option<i64>,
    /// From how many minutes the citizen is contacted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit_minutes: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contacted_at: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reached: Option<bool>,
    /// Tries to contact the citizen.
    pub tries: u32,
    pub moves: Vec<VisitMove>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancelled_at: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancelled_by: Option<Canceller>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancellation_told_at: Option<DateTime<Utc>>,
    /// Told before the agreed hour on the working day before (J 3.1.5).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancelled_in_time: Option<bool>,
    /// None where nothing is owed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replacement: Option<Standing>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced_at: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub door: Option<DoorDetails>,
    /// The visit stands still.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub halted: Option<Halt>,
    /// Its time is long over and no receipt came.
    pub no_receipt: bool,
    /// The clause that the last change spoke against.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub against_contract: Option<String>,
    /// Practical help on a public holiday: another day is offered by this clause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holiday_clause: Option<String>,
}

impl VisitDetails {
    /// How far off it is at `now` (minutes): one that has not begun gets later until it does.
    pub fn minutes_off(&self, now: DateTime<Utc>) -> Option<i64> {
        let known = self.minutes?;
        let is_over = self.started_at.is_some() || self.done_at.is_some() || self.cancelled_at.is_some();
        if is_over || self.side != Some(Side::Late) {
            return Some(known);
        }
        Some(self.agreed_at.map_or(known, |agreed| known.max((now - agreed).num_minutes())))
    }

    /// The plan was known long before: a visit is as old as its agreed time.
    fn since(&self, state: Option<VisitState>) -> Option<DateTime<Utc>> {
        match state? {
            VisitState::DoorUnanswered => self.door.as_ref().map(|door| door.since),
            VisitState::Cancelled => self.cancelled_at,
            VisitState::Moved => self.moves.last().map(|moved| moved.at),
            VisitState::Planned
            | VisitState::Late
            | VisitState::Early
            | VisitState::Contacted
            | VisitState::NotReached
            | VisitState::Replaced
            | VisitState::Done => self.agreed_at,
        }
    }
}

/// One move of a visit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct VisitMove {
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
    pub asked_by: CancelledBy,
    pub at: DateTime<Utc>,
}

/// A door that nobody opened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DoorDetails {
    pub since: DateTime<Utc>,
    /// The agreement's steps in its order, then others that were done.
    pub steps: Vec<Step>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clause: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<DoorOutcome>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DutyDetails {
    pub duty: DutyKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<EntryId>,
    /// The spoken number of what it is about, while that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about_number: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<PersonName>,
    /// Of a notice: what the municipality is told of, or told that it is not so (admission, death, accident, …).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matter: Option<Matter>,
    /// Of a new citizen's first times: which help.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<Help>,
    /// The contract's clause; none for an own rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clause: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done_at: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Of a notice: whom at the municipality it was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told_to: Option<ToldTo>,
    pub late: bool,
    pub postponed: u32,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SourceDetails {
    pub source: String,
    pub trouble: TroubleKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub what: Option<Code>,
    /// Where in a file, from 1; of several rows the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// Which row of the file, from 1, where lines do not tell the rows apart (JSON).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row: Option<u32>,
    /// The rows of a file, each with what is wrong with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<RowOfFile>,
    pub count: u32,
    pub last_at: DateTime<Utc>,
}

/// A row of a file, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RowOfFile {
    pub what: Code,
    /// From 1, as an editor counts.
    pub line: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row: Option<u32>,
    /// So many rows for that reason, of which this is the first.
    pub times: u32,
}

/// Personal data of an open entry. Lives in memory; its `Debug` says nothing of it.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Live {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller: Option<Text>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller_name: Option<Text>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Text>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Text>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<Text>,
    /// A reference to the key box, never the code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_box: Option<Text>,
    /// What the device said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<Text>,
    /// The unit's short name, as the settings give it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<Text>,
    /// What could not be had, and where to look instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub look: Option<WhereToLook>,
}

impl std::fmt::Debug for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Live(…)")
    }
}

/// Where a person finds what the board no longer has: never an empty field.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WhereToLook {
    /// exchange-call, device, care-system, hospital-notice or nothing-known.
    pub place: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
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
    pub numbers: Vec<super::board::Contact>,
}
