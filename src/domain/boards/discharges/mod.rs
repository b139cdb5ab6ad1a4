//! Discharges: who is in hospital, who comes home and what must be ready (N 3.5.3, 3.4; J 3.1.1, 3.1.3).
//!
//! Owns what a coordinator does about a stay: expect, tick off, resume, stop; and when that is over. Where the
//! citizen is, `stay` says. Must never know who the citizen is beyond an opaque id.

mod decide;
mod evolve;
mod observe;
pub mod said;
pub mod stay;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::domain::agreement::DischargeStep;
use crate::domain::boards::{Body, Column, Decided};
use crate::domain::entry::{Due, Entry, Opening};
use crate::domain::envelope::Record;
use crate::domain::identity::{AgreementId, CitizenId, Code, EntryId, ExternalId, SourceName};
use crate::domain::observation::{Setting, StayFact};
use crate::domain::stay::{Facts, Folded, Item, Told, Whereabouts};
use crate::domain::verbs::verbs;
use crate::domain::vocabulary::{CorrectionReason, Ended, vocabulary};
use crate::domain::{Ctx, State};

pub use decide::{decide, elsewhere, joined_by_citizen, may_be_same, open_by_hand};
pub use evolve::first_day_visits;
pub(in crate::domain) use observe::moved_away;
pub use observe::observe;

vocabulary! {
    /// States, in the words of the outside contract.
    StayState {
        Admitted,
        OnLeave,
        DischargeExpected,
        Discharged,
        Resumed,
        Stopped,
        Dead,
        Cancelled,
    }
}
vocabulary! {
    /// Who may have told us when a citizen comes home.
    Teller {
        Hospital,
        Nurse,
        Assessors,
        Citizen,
        Relative,
        CareSystem,
        Colleague,
    }
}
vocabulary! {
    /// Why help is stopped.
    StopReason {
        Dead,
        Moved,
        CareHome,
        Declined,
        OtherProvider,
        NotOurs,
        /// Takes back a resumption: the stay goes on.
        BackInHospital,
    }
}
vocabulary! {
    /// How a stay ends without anybody stopping help.
    Ending {
        /// Another entry turned out to be this stay and goes on with it.
        Joined,
        /// One of ours said so by mistake, and nobody else spoke of it.
        TakenBack,
    }
}
vocabulary! {
    /// What may be corrected about a stay.
    Correctable {
        Resumption,
        Stop,
        AssessorsTold,
    }
}

/// Why a stay is over.
pub type WhyStopped = Ended<StopReason, Ending>;
/// A message may come so long after a stay that was told by telephone is over, and still be about it (hours).
const TOLD_BEFORE_HOURS: i64 = 48;
/// Two sources that tell of one admission or discharge differ by so much at most (minutes).
const NEAR_MINUTES: i64 = 60;
/// Admitted so soon after a discharge, before help was resumed: moved to another hospital, with an end in between (own
/// choice, hours).
const MOVED_HOURS: i64 = 6;
/// Not a word of somebody in hospital for so long, and it is asked whether they still are (own choice, hours).
const SILENT_HOURS: i64 = 48;
/// Taken away by ambulance and no word of a hospital: many are home the next morning. Asked daily at this hour, local
/// time, and not sooner than so long after the last word (own choices).
const ASKED_AT_HOUR: u32 = 7;
const ASKED_AFTER_HOURS: i64 = 1;

vocabulary! {
    /// What was told after the coordinator acted, and must be looked at again.
    Upset {
        /// Help was resumed, and then the discharge was taken back.
        DischargeCancelled,
        /// Help was resumed, and then the citizen was admitted again.
        AdmittedAgain,
        /// Everything was stopped for a death that was none.
        DeathCancelled,
    }
}

impl Upset {
    /// Help runs for somebody who is in hospital.
    fn is_in_vain(self) -> bool {
        self != Self::DeathCancelled
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Stopped {
    pub reason: WhyStopped,
    pub at: DateTime<Utc>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Stay {
    /// The hospital's or care system's id; none for one opened by hand.
    pub stay: Option<ExternalId>,
    pub facts: Facts,
    /// The facts taken together.
    pub now: Folded,
    /// Steps ticked off, with when.
    pub steps: Vec<(DischargeStep, DateTime<Utc>)>,
    /// Did the assessors tell us of the admission before it? Asked: no message says.
    pub assessors_told: Option<bool>,
    pub resumed_at: Option<DateTime<Utc>>,
    pub stopped: Option<Stopped>,
    pub upset: Option<(Upset, DateTime<Utc>)>,
    /// When a coordinator last heard from the hospital that the citizen is still there.
    pub assured_at: Option<DateTime<Utc>>,
}

impl Stay {
    pub fn state(&self) -> StayState {
        if self.now.place == Whereabouts::Dead {
            return StayState::Dead;
        }
        if self.stopped.is_some() {
            return StayState::Stopped;
        }
        if self.is_resumed() {
            return StayState::Resumed;
        }
        let expected = self.now.expected.as_ref();
        match self.now.place {
            Whereabouts::NeverAdmitted => StayState::Cancelled,
            Whereabouts::Home => StayState::Discharged,
            Whereabouts::Leave if expected.is_none_or(|it| self.now.leave_since > Some(it.told_at)) => {
                StayState::OnLeave
            }
            _ if expected.is_some() => StayState::DischargeExpected,
            _ => StayState::Admitted,
        }
    }

    /// Help runs again, and rightly so as far as we know.
    pub fn is_resumed(&self) -> bool {
        self.resumed_at.is_some() && !self.upset.is_some_and(|(upset, _)| upset.is_in_vain())
    }

    /// The citizen is away, and when the last word of that was heard.
    fn away_since_word(&self) -> Option<DateTime<Utc>> {
        let is_away = matches!(self.state(), StayState::Admitted | StayState::OnLeave);
        self.facts.last_at().max(self.assured_at).filter(|_| is_away)
    }

    /// When the citizen came home, or died.
    fn ended_at(&self) -> Option<DateTime<Utc>> {
        self.now.died_at.or(self.now.discharged_at)
    }

    fn is_over(&self) -> bool {
        match (self.now.place, &self.stopped) {
            (_, Some(_)) => true,
            (Whereabouts::Dead, None) => false,
            _ => self.is_resumed() && self.upset.is_none(),
        }
    }

    /// Acute, so that the first day's visits are wasted unless the assessors told before (N 3.5.3).
    pub fn is_acute(&self) -> bool {
        self.now.admitted_at.is_some() && !self.now.planned
    }

    /// The citizen is dead: the hospital says so, or we were told by telephone and no message says it yet.
    pub fn is_dead(&self) -> bool {
        let is_told = self.stopped.as_ref().is_some_and(|it| it.reason.is(StopReason::Dead));
        self.now.place == Whereabouts::Dead || is_told
    }

    /// The hospital has the citizen, and nobody helps at home.
    pub fn is_away(&self) -> bool {
        let is_there = matches!(self.now.place, Whereabouts::Hospital | Whereabouts::Leave);
        is_there && !self.is_resumed() && self.stopped.is_none()
    }

    /// It goes on in another entry.
    pub fn is_joined(&self) -> bool {
        self.stopped.as_ref().is_some_and(|it| it.reason == WhyStopped::Became(Ending::Joined))
    }

    /// The citizen is dead; one that goes on in another entry says nothing any more.
    pub fn says_dead(&self) -> bool {
        self.is_dead() && !self.is_joined()
    }

    /// Takes in what was told, and notes what that upsets.
    fn hear(&mut self, told: Told) {
        let (before, at) = (self.now.clone(), told.at);
        let was_resumed = self.is_resumed();
        let cancels_death = matches!(told.item, Item::Cancelled { of: StayFact::Died, .. });
        if !self.facts.hear(told) {
            return;
        }
        self.now = self.facts.fold();
        let place = self.now.place;
        if was_resumed && place.is_hospitals() {
            let again = self.now.admitted_at.filter(|admitted| Some(*admitted) > self.resumed_at);
            if again.is_some() {
                self.upset = Some((Upset::AdmittedAgain, at));
            } else if before.place == Whereabouts::Home {
                self.upset = Some((Upset::DischargeCancelled, at));
            }
        }
        if cancels_death && before.place == Whereabouts::Dead && place != Whereabouts::Dead {
            self.upset = Some((Upset::DeathCancelled, at));
            self.stopped = self.stopped.take().filter(|it| !it.reason.is(StopReason::Dead));
        }
        // Home again after help had run in vain: it has to be resumed anew.
        if place == Whereabouts::Home && self.upset.is_some_and(|(upset, _)| upset.is_in_vain()) {
            self.upset = None;
            self.resumed_at = None;
        }
    }
}

verbs! {
    /// What a coordinator does with a stay.
    Command {
        /// Somebody said when the citizen comes home. Without an entry it opens one, as `open` does.
        "expect" [Light, Either] => Expect {
            /// Only without an entry, as for `open`.
            agreement: Option<AgreementId>,
            /// Only without an entry.
            citizen: Option<CitizenId>,
            #[serde(deserialize_with = "crate::domain::verbs::zoned")]
            expected_at: DateTime<Utc>,
            told_by: Teller,
        }
        /// By hand, told by telephone.
        "open" [Light, Either] => Open {
            /// May be left out by who has only one.
            agreement: Option<AgreementId>,
            citizen: Option<CitizenId>,
            #[serde(deserialize_with = "crate::domain::verbs::zoned")]
            expected_at: DateTime<Utc>,
            told_by: Teller,
        }
        "resume" [Light, Entry] => Resume {}
        "stop" [Final, Entry] => Stop { reason: StopReason }
        "step" [Light, Entry] => Step {
            step: DischargeStep,
            #[serde(default = "crate::domain::verbs::yes")]
            done: bool,
        }
        /// Did the assessors tell us before the admission (N 3.5.3)?
        "assessors-told" [Light, Entry] => AssessorsTold { told: bool }
        /// Of one opened by hand: the entry that the hospital's message opened is the same stay.
        "join" [Light, Entry] => Join { same_as: EntryId }
        /// The hospital was asked: the citizen is still there.
        "still-there" [Light, Entry] => StillThere {}
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
pub enum DischargeEvent {
    Opened {
        #[serde(flatten)]
        opening: Opening,
        stay: Option<ExternalId>,
    },
    /// It turns out to be this stay as well: it was opened by hand, or another source told of it.
    Joined {
        stay: ExternalId,
        /// Whose id it is, where a coordinator said so; else the one that tells.
        source: Option<SourceName>,
    },
    Admitted {
        setting: Setting,
        planned: bool,
        department: Option<ExternalId>,
        /// Here and below: the id it was told under, of several that one source has for the stay; none: the first.
        stay: Option<ExternalId>,
    },
    LeaveStarted {
        stay: Option<ExternalId>,
    },
    LeaveEnded {
        stay: Option<ExternalId>,
    },
    DischargeExpected {
        expected_at: DateTime<Utc>,
        told_by: Code,
    },
    Discharged {
        resume_due: Option<Due>,
        stay: Option<ExternalId>,
    },
    Died {
        stay: Option<ExternalId>,
    },
    FactCorrected {
        of: StayFact,
        corrected_at: Option<DateTime<Utc>>,
        setting: Option<Setting>,
        department: Option<ExternalId>,
        resume_due: Option<Due>,
        stay: Option<ExternalId>,
    },
    FactCancelled {
        of: StayFact,
        setting: Option<Setting>,
        stay: Option<ExternalId>,
    },
    Resumed {},
    Stopped {
        reason: WhyStopped,
    },
    StepTicked {
        step: DischargeStep,
        done: bool,
    },
    AssessorsTold {
        told: bool,
    },
    /// The hospital was asked: the citizen is still there.
    StillThere {},
    /// Which municipality it is about was said.
    Assigned {
        agreement: AgreementId,
    },
    /// A coordinator's own record was wrong.
    Corrected {
        what: Correctable,
        reason: CorrectionReason,
    },
}

impl DischargeEvent {
    pub fn is_material(&self) -> bool {
        !matches!(
            self,
            Self::StepTicked { .. } | Self::AssessorsTold { .. } | Self::StillThere {} | Self::Joined { .. }
        )
    }

    /// The event that tells this.
    fn of_told(told: &Told) -> Self {
        let (resume_due, stay) = (told.resume_due.clone(), told.under.clone());
        match told.item.clone() {
            Item::Fact { of, setting, planned, department } => match of {
                StayFact::Admitted => {
                    let setting = setting.unwrap_or(Setting::Inpatient);
                    Self::Admitted { setting, planned, department, stay }
                }
                StayFact::LeaveStarted => Self::LeaveStarted { stay },
                StayFact::LeaveEnded => Self::LeaveEnded { stay },
                StayFact::Discharged => Self::Discharged { resume_due, stay },
                StayFact::Died => Self::Died { stay },
            },
            Item::Expected { expected_at, told_by } => Self::DischargeExpected { expected_at, told_by },
            Item::Corrected { of, corrected_at, setting, department } => {
                Self::FactCorrected { of, corrected_at, setting, department, resume_due, stay }
            }
            Item::Cancelled { of, setting } => Self::FactCancelled { of, setting, stay },
        }
    }

    /// What it tells about where the citizen is, if anything.
    fn told(&self, at: DateTime<Utc>) -> Option<Told> {
        let fact = |of| Item::Fact { of, setting: None, planned: false, department: None };
        let (item, resume_due, under) = match self {
            Self::Admitted { setting, planned, department, stay } => {
                let (setting, department) = (Some(*setting), department.clone());
                (Item::Fact { of: StayFact::Admitted, setting, planned: *planned, department }, None, stay)
            }
            Self::LeaveStarted { stay } => (fact(StayFact::LeaveStarted), None, stay),
            Self::LeaveEnded { stay } => (fact(StayFact::LeaveEnded), None, stay),
            Self::Discharged { resume_due, stay } => (fact(StayFact::Discharged), resume_due.clone(), stay),
            Self::Died { stay } => (fact(StayFact::Died), None, stay),
            Self::DischargeExpected { expected_at, told_by } => {
                (Item::Expected { expected_at: *expected_at, told_by: told_by.clone() }, None, &None)
            }
            Self::FactCorrected { of, corrected_at, setting, department, resume_due, stay } => {
                let (corrected_at, department) = (*corrected_at, department.clone());
                let item = Item::Corrected { of: *of, corrected_at, setting: *setting, department };
                (item, resume_due.clone(), stay)
            }
            Self::FactCancelled { of, setting, stay } => {
                (Item::Cancelled { of: *of, setting: *setting }, None, stay)
            }
            _ => return None,
        };
        Some(Told { at, item, resume_due, under: under.clone() })
    }
}

impl Column for Stay {
    type Command = Command;
    type Event = DischargeEvent;

    const IS_JOINED: bool = true;

    fn state(&self, _is_held: bool) -> &'static str {
        self.state().name()
    }

    fn opened<'e>(_record: &Record, event: &'e DischargeEvent) -> Option<(&'e Opening, Self)> {
        let DischargeEvent::Opened { opening, stay } = event else { return None };
        let stay = Self {
            stay: stay.clone(),
            facts: Facts::default(),
            now: Folded::default(),
            steps: Vec::new(),
            assessors_told: None,
            resumed_at: None,
            stopped: None,
            upset: None,
            assured_at: None,
        };
        Some((opening, stay))
    }

    fn is_material(event: &DischargeEvent) -> bool {
        event.is_material()
    }

    fn may_assign(event: &DischargeEvent) -> bool {
        matches!(event, DischargeEvent::Assigned { .. })
    }

    fn also_known(event: &DischargeEvent) -> Option<(&ExternalId, Option<&SourceName>)> {
        if let DischargeEvent::Joined { stay, source } = event { Some((stay, source.as_ref())) } else { None }
    }

    fn apply(entry: &mut Entry, record: &Record, event: &DischargeEvent) {
        if let DischargeEvent::Assigned { agreement } = event {
            entry.agreement = Some(agreement.clone());
        }
        if let Body::Discharges(stay) = &mut entry.body {
            evolve::apply(stay, record.happened_at, event);
        }
    }

    fn settle(entry: &mut Entry, at: DateTime<Utc>) {
        evolve::settle(entry, at);
    }

    fn keep_count(state: &mut State, id: EntryId) {
        state.note_death(id);
    }

    fn decide(&self, state: &State, ctx: &Ctx, entry: &Entry, command: &Command) -> Decided {
        decide::decide(state, ctx, entry, self, command)
    }

    fn open(state: &State, ctx: &Ctx, command: &Command) -> Decided {
        decide::open_by_hand(state, ctx, command)
    }
}
