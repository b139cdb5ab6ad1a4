//! Visits that deviate: early, late, or a door that nobody opens (N 3.2, 3.4, 3.5.4 to 3.5.6; J 3.1.3, 3.1.5, 3.1.8).
//!
//! Owns what a visit is, when its citizen must be contacted, what is owed and when that is over. Whether a new time
//! or a cancellation speaks against the contract, `visit_rules` says. Must never know who the citizen is.

mod decide;
mod evolve;
mod halted;
mod observe;

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::domain::agreement::DoorStep;
use crate::domain::boards::{Body, Column, Decided, OnBoard};
use crate::domain::entry::{DueKind, Entry, Opening};
use crate::domain::envelope::Record;
use crate::domain::identity::{AgreementId, EntryId, ExternalId};
use crate::domain::observation::{Grant, Help, Window};
use crate::domain::refusal::Refusal;
use crate::domain::verbs::verbs;
use crate::domain::visit_rules::Standing;
use crate::domain::vocabulary::{CorrectionReason, vocabulary};
use crate::domain::{Ctx, State};

pub use crate::domain::observation::CancelledBy;
pub use decide::{decide, receipt_due, silence_due};
pub use evolve::falls_on_holiday;
pub(in crate::domain) use halted::waits;
pub use halted::{ended, go_on, halt, never_away, restored};
pub use observe::{has_planned, observe};

/// So long after its time a visit should be over and receipted (hours). No contract we know names the hours.
const RECEIPT_HOURS: i64 = 4;
vocabulary! {
    /// States, in the words of the outside contract.
    VisitState {
        Planned,
        Late,
        Early,
        Contacted,
        NotReached,
        Moved,
        Replaced,
        DoorUnanswered,
        Done,
        Cancelled,
    }
}
vocabulary! {
    /// How a door that nobody opened ended.
    DoorOutcome {
        LetIn,
        FoundWell,
        NotHome,
        InHospital,
        Helped,
        Deceased,
        HandedToMunicipality,
    }
}
impl DoorOutcome {
    /// Nobody of ours, or of those we asked, has seen the citizen: then the instruction is followed to its end
    /// (J 3.1.8, N 3.5.6).
    pub fn is_unseen(self) -> bool {
        match self {
            Self::NotHome | Self::HandedToMunicipality => true,
            Self::LetIn | Self::FoundWell | Self::InHospital | Self::Helped | Self::Deceased => false,
        }
    }
}
vocabulary! {
    /// Why the instruction for a closed door was not followed to its end.
    DoorSkipped {
        /// Another arrangement for that day (J 3.1.8).
        ArrangedOtherwise,
        CitizenPhoned,
        RelativeKnows,
        /// Third floor, no car park: there is nothing to look at.
        CannotBeSeen,
        MunicipalityTookOver,
    }
}
vocabulary! {
    /// What may be corrected about a visit.
    Correctable {
        Contact,
        Move,
        Cancellation,
        Door,
    }
}

vocabulary! {
    /// Why the citizen's visits stand still.
    Halt {
        InHospital,
        Dead,
    }
}

vocabulary! {
    /// Who or what a cancellation comes from.
    Canceller {
        Citizen,
        Provider,
        Municipality,
        /// The time came and went while the citizen was in hospital.
        Hospital,
        Death,
        /// Help was stopped: the citizen has moved away, is in a care home, declines it.
        HelpStopped,
        /// Nobody said so: it was taken out of its source's plan.
        Withdrawn,
    }
}

impl Canceller {
    /// Nobody called it off: the citizen was away, or dead.
    fn is_of_stay(self) -> bool {
        matches!(self, Self::Hospital | Self::Death)
    }
}

impl From<CancelledBy> for Canceller {
    fn from(by: CancelledBy) -> Self {
        match by {
            CancelledBy::Citizen => Self::Citizen,
            CancelledBy::Provider => Self::Provider,
            CancelledBy::Municipality => Self::Municipality,
        }
    }
}

/// From how many minutes early or late the citizen is contacted, fixed when the visit was planned.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    pub minutes: u32,
    /// None for an own rule.
    pub clause: Option<String>,
    pub agreement_version: String,
}

#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    pub grant: Grant,
    pub help: Help,
    pub agreed_at: DateTime<Utc>,
    pub window: Option<Window>,
    pub limit: Option<Limit>,
    /// The source tells when visits start, so that silence means late.
    pub starts: bool,
}

vocabulary! {
    Side {
        Late,
        Early,
    }
}

/// How far from the agreed time, once that is far enough to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deviation {
    pub side: Side,
    pub minutes: i64,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Contact {
    pub reached: bool,
    pub at: DateTime<Utc>,
    /// The expected time then; what the citizen was told.
    pub about: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Moved {
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
    pub asked_by: CancelledBy,
    pub at: DateTime<Utc>,
}

impl Moved {
    pub fn is_postponed_by_provider(&self) -> bool {
        self.asked_by == CancelledBy::Provider && self.to > self.from
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Cancelled {
    pub by: Canceller,
    pub told_at: DateTime<Utc>,
    /// Before the agreed hour on the working day before (J 3.1.5); none where no hour is agreed.
    pub in_time: Option<bool>,
    pub at: DateTime<Utc>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Door {
    pub since: DateTime<Utc>,
    /// Steps done, each with its time.
    pub steps: Vec<(DoorStep, DateTime<Utc>)>,
    pub outcome: Option<(DoorOutcome, DateTime<Utc>)>,
    /// Why steps were left out.
    pub skipped: Option<DoorSkipped>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Visit {
    pub visit: ExternalId,
    /// None while only something else about it was told.
    pub plan: Option<Plan>,
    pub expected_at: Option<DateTime<Utc>>,
    expected_told_at: Option<DateTime<Utc>>,
    /// The clause of the delivery interval that the expected time lies outside of, whatever the limit for a call.
    pub expected_outside: Option<String>,
    pub started_at: Option<DateTime<Utc>>,
    /// Nobody had started when the limit passed.
    pub silent_since: Option<DateTime<Utc>>,
    pub done_at: Option<DateTime<Utc>>,
    pub contact: Option<Contact>,
    pub tries: u32,
    pub moves: Vec<Moved>,
    pub cancelled: Option<Cancelled>,
    /// What is owed after a cancellation or postponement.
    pub replacement: Standing,
    pub replaced_at: Option<DateTime<Utc>>,
    pub door: Option<Door>,
    pub halted: Option<Halt>,
    pub no_receipt_since: Option<DateTime<Utc>>,
    lapsed: bool,
    settled: bool,
    /// The clause that the last change spoke against; what happened is recorded all the same.
    pub against_contract: Option<String>,
}

impl Visit {
    pub fn agreed_at(&self) -> Option<DateTime<Utc>> {
        self.plan.as_ref().map(|plan| plan.agreed_at)
    }

    /// Agreed for then or later; none: for whenever. One without a time may be.
    pub(in crate::domain) fn is_agreed_from(&self, from: Option<DateTime<Utc>>) -> bool {
        from.is_none_or(|from| self.agreed_at().is_none_or(|at| at >= from))
    }

    fn limit(&self) -> Option<Duration> {
        let limit = self.plan.as_ref()?.limit.as_ref()?;
        Some(Duration::minutes(i64::from(limit.minutes)))
    }

    /// How far off it is, if at least the limit. A start is a fact, an expectation beats silence.
    pub fn deviation(&self) -> Option<Deviation> {
        let (agreed_at, limit) = (self.agreed_at()?, self.limit()?);
        if self.halted.is_some() && self.started_at.is_none() {
            return None;
        }
        let silent = self.silent_since.map(|_| Deviation { side: Side::Late, minutes: limit.num_minutes() });
        match self.started_at {
            Some(at) => deviation(agreed_at, at, limit),
            None => self.expected_at.and_then(|at| deviation(agreed_at, at, limit)).or(silent),
        }
    }

    /// The citizen knows of it: reached, and nothing has moved as far again since.
    fn is_told(&self) -> bool {
        let Some(contact) = self.contact.as_ref().filter(|it| it.reached) else { return false };
        match (contact.about, self.expected_at, self.limit()) {
            (Some(told), Some(expected), Some(limit)) => (expected - told).abs() < limit,
            _ => true,
        }
    }

    /// Nobody opened, and we do not know yet what became of it.
    pub fn door_is_open_question(&self) -> bool {
        self.door.as_ref().is_some_and(|door| {
            door.outcome.is_none() && self.started_at.is_none_or(|started| started <= door.since)
        })
    }

    pub fn state(&self) -> VisitState {
        // Somebody may lie behind it: no receipt, cancellation or other visit answers for the citizen.
        if self.door_is_open_question() {
            return VisitState::DoorUnanswered;
        }
        if self.done_at.is_some() {
            return VisitState::Done;
        }
        if self.replaced_at.is_some() {
            return VisitState::Replaced;
        }
        if self.cancelled.is_some() {
            return VisitState::Cancelled;
        }
        if self.door.as_ref().is_some_and(|door| door.outcome.is_some()) {
            return VisitState::Done;
        }
        let tried = self.contact.as_ref().is_some_and(|contact| !contact.reached);
        match self.deviation() {
            Some(_) if tried => VisitState::NotReached,
            Some(off) if !self.is_told() => match off.side {
                Side::Late => VisitState::Late,
                Side::Early => VisitState::Early,
            },
            _ if tried => VisitState::NotReached,
            _ if self.contact.is_some() => VisitState::Contacted,
            _ if !self.moves.is_empty() => VisitState::Moved,
            _ => VisitState::Planned,
        }
    }

    /// It is as planned, and so asks for nothing: practical help on a public holiday may be offered another day.
    pub fn is_as_planned(&self) -> bool {
        !self.is_spoken_of() && !self.plan.as_ref().is_some_and(falls_on_holiday)
    }

    /// More than a plan: somebody may ring about it.
    fn is_spoken_of(&self) -> bool {
        self.state() != VisitState::Planned || self.no_receipt_since.is_some() || self.leaves_interval()
    }

    /// It will not come within the delivery interval, nobody is there yet, and the citizen does not know.
    pub fn leaves_interval(&self) -> bool {
        self.expected_outside.is_some() && waits(self) && self.halted.is_none() && !self.is_told()
    }

    fn is_over(&self) -> bool {
        match self.state() {
            VisitState::Done | VisitState::Replaced => true,
            VisitState::Cancelled => self.replacement == Standing::Nothing || self.settled,
            VisitState::Planned | VisitState::Moved | VisitState::Contacted => self.lapsed,
            VisitState::Late | VisitState::Early | VisitState::NotReached | VisitState::DoorUnanswered => {
                false
            }
        }
    }
}

fn deviation(agreed_at: DateTime<Utc>, at: DateTime<Utc>, limit: Duration) -> Option<Deviation> {
    let off = at - agreed_at;
    let side = if off > Duration::zero() { Side::Late } else { Side::Early };
    (off.abs() >= limit).then(|| Deviation { side, minutes: off.abs().num_minutes() })
}

verbs! {
    /// What a coordinator does with a visit. `confirmed` repeats what was warned about: it speaks against the contract
    /// and is done all the same.
    Command {
        "contact" [Light, Entry] => Contact { reached: bool }
        "move" [Light, Entry] => Move {
            #[serde(deserialize_with = "crate::domain::verbs::zoned")]
            to: DateTime<Utc>,
            asked_by: CancelledBy,
            /// Repeats what was warned about: it speaks against the contract and is recorded, marked.
            #[serde(default)]
            confirmed: bool,
        }
        /// A replacement visit was agreed.
        "replace" [Light, Entry] => Replace {
            #[serde(deserialize_with = "crate::domain::verbs::zoned")]
            at: DateTime<Utc>,
            /// Repeats what was warned about: it speaks against the contract and is recorded, marked.
            #[serde(default)]
            confirmed: bool,
        }
        /// Nobody opens: steps done (or one taken back), or the outcome.
        "door" [Light, Entry] => Door {
            /// Done by now, besides those known already.
            #[serde(default, skip_serializing_if = "Vec::is_empty")]
            steps: Vec<DoorStep>,
            step: Option<DoorStep>,
            #[serde(default = "crate::domain::verbs::yes")]
            done: bool,
            /// Ends the list: how the closed door turned out.
            outcome: Option<DoorOutcome>,
            /// With an outcome: why steps were left out.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            skipped: Option<DoorSkipped>,
        }
        /// Delivered and receipted; of a cancelled one: nothing more is owed.
        "done" [Asked, Entry] => Done {}
        "cancel" [Grave, Entry] => Cancel {
            by: CancelledBy,
            /// When the citizen said so, if not now.
            #[serde(default, deserialize_with = "crate::domain::verbs::zoned_option")]
            told_at: Option<DateTime<Utc>>,
            /// Repeats what was warned about: it speaks against the contract and is recorded, marked.
            #[serde(default)]
            confirmed: bool,
        }
        /// Which municipality it is about, once somebody knows.
        "assign" [Light, Entry] => Assign { agreement: AgreementId }
        /// The way back for what was recorded wrongly.
        "correct" [Light, Entry] => Correct { what: Correctable, reason: CorrectionReason }
    }
}

#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, strum::VariantNames)]
#[serde(tag = "type", rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum VisitEvent {
    Opened {
        #[serde(flatten)]
        opening: Opening,
        visit: ExternalId,
        plan: Option<Plan>,
    },
    /// The plan became known later, or changed in the care system.
    Planned {
        plan: Plan,
        against_contract: Option<String>,
    },
    Expected {
        expected_at: DateTime<Utc>,
        /// The clause of the delivery interval that it would then lie outside of (N 3.4).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        against_contract: Option<String>,
    },
    Started {
        /// Begun outside the delivery window.
        against_contract: Option<String>,
    },
    /// The limit passed and nobody had started.
    FellSilent {},
    Done {},
    /// Its time is long over and no receipt came (J 3.1.3, N 3.9.1).
    ReceiptMissing {},
    /// Its time is long over and nothing more is to be heard of it.
    Lapsed {},
    Contacted {
        reached: bool,
    },
    Moved {
        moved_to: DateTime<Utc>,
        asked_by: CancelledBy,
        replacement: Standing,
        against_contract: Option<String>,
    },
    Replaced {
        replaced_at: DateTime<Utc>,
        against_contract: Option<String>,
    },
    Cancelled {
        cancelled_by: Canceller,
        told_at: DateTime<Utc>,
        in_time: Option<bool>,
        replacement: Standing,
        against_contract: Option<String>,
    },
    /// A cancelled one: nothing more is owed.
    Settled {},
    DoorUnanswered {},
    DoorStep {
        step: DoorStep,
        done: bool,
    },
    DoorClosed {
        outcome: DoorOutcome,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        skipped: Option<DoorSkipped>,
    },
    /// The citizen is in hospital, or dead: nobody is late.
    Halted {
        halt: Halt,
    },
    /// The citizen is home and help is resumed, or never was away.
    WentOn {},
    /// Which municipality it is about was said.
    Assigned {
        agreement: AgreementId,
    },
    Corrected {
        what: Correctable,
        reason: CorrectionReason,
    },
}

impl VisitEvent {
    pub fn is_material(&self) -> bool {
        !matches!(self, Self::DoorStep { .. } | Self::Lapsed {})
    }
}

impl Column for Visit {
    type Command = Command;
    type Event = VisitEvent;

    const IS_JOINED: bool = true;

    fn state(&self, _is_held: bool) -> &'static str {
        self.state().name()
    }

    fn opened<'e>(_record: &Record, event: &'e VisitEvent) -> Option<(&'e Opening, Self)> {
        let VisitEvent::Opened { opening, visit, plan } = event else { return None };
        let visit = Self {
            visit: visit.clone(),
            plan: plan.clone(),
            expected_at: None,
            expected_told_at: None,
            expected_outside: None,
            started_at: None,
            silent_since: None,
            done_at: None,
            contact: None,
            tries: 0,
            moves: Vec::new(),
            cancelled: None,
            replacement: Standing::Nothing,
            replaced_at: None,
            door: None,
            halted: None,
            no_receipt_since: None,
            lapsed: false,
            settled: false,
            against_contract: None,
        };
        Some((opening, visit))
    }

    fn is_material(event: &VisitEvent) -> bool {
        event.is_material()
    }

    fn may_assign(event: &VisitEvent) -> bool {
        matches!(event, VisitEvent::Assigned { .. })
    }

    fn apply(entry: &mut Entry, record: &Record, event: &VisitEvent) {
        if let VisitEvent::Assigned { agreement } = event {
            entry.agreement = Some(agreement.clone());
        }
        if let Body::Visits(visit) = &mut entry.body {
            evolve::apply(visit, record.happened_at, event);
        }
    }

    fn settle(entry: &mut Entry, at: DateTime<Utc>) {
        evolve::settle(entry, at);
    }

    /// There is something to say of it: from now on somebody may ring about it.
    fn keep_count(state: &mut State, id: EntryId) {
        let is_spoken_of = |entry: &Entry| Self::of(&entry.body).is_some_and(Self::is_spoken_of);
        if state.entry(id).is_some_and(is_spoken_of) {
            state.speak_of(id);
        }
    }

    fn decide(&self, state: &State, ctx: &Ctx, entry: &Entry, command: &Command) -> Decided {
        decide::decide(state, ctx, entry, self, command)
    }

    fn due(&self, state: &State, ctx: &Ctx, entry: &Entry, what: DueKind) -> Decided {
        match what {
            DueKind::Late => decide::silence_due(ctx, entry, self),
            DueKind::Receipt => decide::receipt_due(state, ctx, entry, self),
            _ => Err(Refusal::NotDue),
        }
    }
}
