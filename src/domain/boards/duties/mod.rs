//! Duties: what must be done by somebody, apart from a call or an alarm: action plans (J 3.1.13),
//! documentation of a talk (N 3.9.1), the daily hospital-message tick (J 3.1.3), a new citizen's first times (N 3.4),
//! follow-ups; and what the municipality is told at once, of which `notices` has the rules.
//!
//! Must never know what the duty is about beyond the entry it points at.

mod decide;
mod evolve;
pub mod notices;
mod owed;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::domain::agreement::Matter;
use crate::domain::boards::{Column, Decided, OnBoard};
use crate::domain::entry::{Due, DueKind, Entry, Opening};
use crate::domain::envelope::Record;
use crate::domain::identity::{AgreementId, CitizenId, EntryId, PersonName, Reference};
use crate::domain::observation::Help;
use crate::domain::refusal::Refusal;
use crate::domain::verbs::verbs;
use crate::domain::vocabulary::{CorrectionReason, vocabulary};
use crate::domain::{Ctx, State, calendar};

pub use decide::{decide, fell_late};
pub use owed::{
    Granted, action_plan, documentation, help_ended, help_goes_on, help_started, hospital_messages, is_late,
    plan_withdrawn, time_agreed,
};
pub(in crate::domain) use owed::{fulfilled, given, help_granted, open, withdrawn};

vocabulary! {
    /// States, in the words of the outside contract.
    DutyState {
        Open,
        Done,
        Late,
    }
}
vocabulary! {
    /// Why a duty is put off.
    PostponeReason {
        WaitingForMunicipality,
        WaitingForColleague,
        ByAgreement,
        BusyNight,
    }
}
vocabulary! {
    /// Why a duty fell away before it was done.
    WithdrawnWhy {
        /// What started it was corrected.
        Corrected,
        /// Help ended: it may come back.
        HelpEnded,
        WrongEntry,
        TypingMistake,
        NewInformation,
    }
}
vocabulary! {
    /// Whom at the municipality a matter may have been told.
    ToldTo {
        Assessors,
        Nurse,
        MunicipalUnit,
        Office,
        CareSystem,
    }
}
vocabulary! {
    /// What may be corrected about a duty.
    Correctable {
        /// A notice that a person opened by hand.
        Notice,
    }
}

impl From<CorrectionReason> for WithdrawnWhy {
    fn from(reason: CorrectionReason) -> Self {
        match reason {
            CorrectionReason::WrongEntry => Self::WrongEntry,
            CorrectionReason::TypingMistake => Self::TypingMistake,
            CorrectionReason::NewInformation => Self::NewInformation,
        }
    }
}

vocabulary! {
    DutyKind {
        ActionPlan,
        Documentation,
        HospitalMessages,
        FollowUp,
        /// A new citizen's practical help is to begin (N 3.4).
        StartOfHelp,
        /// A time is to be agreed with a new citizen by the order date (N 3.4).
        AgreeTime,
        /// The municipality is to be told at once (J 3.2).
        ImmediateNotice,
        /// What it was told turned out not to be so: it is to be told that.
        NoticeTakenBack,
    }
}

impl DutyKind {
    /// Something is said to the municipality, to somebody and at a time.
    pub fn is_notice(self) -> bool {
        matches!(self, Self::ImmediateNotice | Self::NoticeTakenBack)
    }

    /// Owed to somebody who is to have help: not to the dead, nor to those who have moved away.
    fn begins_help(self) -> bool {
        matches!(self, Self::StartOfHelp | Self::AgreeTime)
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Duty {
    pub duty: DutyKind,
    /// The entry it is about.
    pub about: Option<EntryId>,
    /// Who it falls to, when that is known.
    pub owner: Option<PersonName>,
    /// What the municipality is to be told of.
    pub matter: Option<Matter>,
    /// Which help a time is to be agreed for.
    pub help: Option<Help>,
    /// Where it comes from, whether or not it has a date.
    pub clause: Option<String>,
    /// A person opened it; no message did.
    pub by_hand: bool,
    pub done_at: Option<DateTime<Utc>>,
    pub reference: Option<Reference>,
    /// Whom at the municipality it was told.
    pub told_to: Option<ToldTo>,
    pub late: bool,
    pub postponed: u32,
    /// Nobody owed it any more before it was done.
    pub withdrawn: bool,
    /// It fell away because help ended; the limit that stands again if help did not.
    fell_with_help: Option<Due>,
}

impl Duty {
    pub fn state(&self) -> DutyState {
        match (self.done_at, self.late) {
            (Some(_), _) => DutyState::Done,
            (None, true) => DutyState::Late,
            (None, false) => DutyState::Open,
        }
    }
}

verbs! {
    /// What a coordinator does with a duty.
    Command {
        "done" [Asked, Entry] => Done {
            reference: Option<Reference>,
            /// Of what the municipality is told at once: whom there.
            to: Option<ToldTo>,
            /// When it was told, if not now.
            #[serde(default, deserialize_with = "crate::domain::verbs::zoned_option")]
            told_at: Option<DateTime<Utc>>,
        }
        "postpone" [Light, Entry] => Postpone {
            #[serde(deserialize_with = "crate::domain::verbs::zoned")]
            until: DateTime<Utc>,
            reason: PostponeReason,
        }
        /// By hand: the municipality is to be told of something at once (J 3.2). About the entry it is given for, on any
        /// board; without one about nothing on the board, and then `agreement` says which municipality unless the
        /// person has only one.
        "notify" [Light, Either] => Notify {
            what: Matter,
            /// Only without an entry, and may be left out by who has only one.
            agreement: Option<AgreementId>,
            /// Only without an entry.
            citizen: Option<CitizenId>,
        }
        /// The way back for what was recorded wrongly.
        "correct" [Light, Entry] => Correct { what: Correctable, reason: CorrectionReason }
    }
}

#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, strum::VariantNames)]
#[serde(tag = "type", rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum DutyEvent {
    Opened {
        #[serde(flatten)]
        opening: Opening,
        duty: DutyKind,
        about: Option<EntryId>,
        owner: Option<PersonName>,
        #[serde(rename = "what")]
        matter: Option<Matter>,
        help: Option<Help>,
        clause: Option<String>,
        /// A person said that the municipality is to be told; no message did.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        by_hand: bool,
    },
    FellLate {},
    Postponed {
        until: DateTime<Utc>,
        reason: PostponeReason,
    },
    Done {
        reference: Option<Reference>,
        /// Of a notice: whom at the municipality it was told.
        to: Option<ToldTo>,
        late: bool,
    },
    /// The call it is about was given to a municipality; without one that was taken back.
    Assigned {
        agreement: Option<AgreementId>,
    },
    /// The stay it is about goes on in another entry.
    NowAbout {
        about: EntryId,
    },
    /// What started the duty was corrected: it is no longer owed.
    Withdrawn {
        why: WithdrawnWhy,
    },
    /// Help had not ended after all: it is owed again, by the same limit.
    StandsAgain {},
}

impl Column for Duty {
    type Command = Command;
    type Event = DutyEvent;

    fn state(&self, _is_held: bool) -> &'static str {
        self.state().name()
    }

    fn opened<'e>(_record: &Record, event: &'e DutyEvent) -> Option<(&'e Opening, Self)> {
        let DutyEvent::Opened { opening, duty, about, owner, matter, help, clause, by_hand } = event else {
            return None;
        };
        let duty = Self {
            duty: *duty,
            about: *about,
            owner: owner.clone(),
            matter: *matter,
            help: *help,
            clause: clause.clone(),
            by_hand: *by_hand,
            done_at: None,
            reference: None,
            told_to: None,
            late: false,
            postponed: 0,
            withdrawn: false,
            fell_with_help: None,
        };
        Some((opening, duty))
    }

    fn may_assign(event: &DutyEvent) -> bool {
        matches!(event, DutyEvent::Assigned { .. })
    }

    fn apply(entry: &mut Entry, record: &Record, event: &DutyEvent) {
        evolve::apply(entry, record.happened_at, event);
    }

    /// The day's round of hospital messages is opened once.
    fn keep_count(state: &mut State, id: EntryId) {
        let Some(entry) = state.entry(id) else { return };
        let is_round = Self::of(&entry.body).is_some_and(|duty| duty.duty == DutyKind::HospitalMessages);
        if let Some(agreement) = entry.agreement.clone().filter(|_| is_round) {
            state.standing_opened(&agreement, calendar::local_date(entry.opened_at));
        }
    }

    fn decide(&self, _state: &State, ctx: &Ctx, entry: &Entry, command: &Command) -> Decided {
        decide::decide(ctx, entry, self, command)
    }

    fn open(state: &State, ctx: &Ctx, command: &Command) -> Decided {
        match command {
            Command::Notify { what, agreement, citizen } => {
                notices::open_by_hand(state, ctx, *what, agreement.as_ref(), citizen.as_ref())
            }
            Command::Done { .. } | Command::Postpone { .. } | Command::Correct { .. } => {
                Err(Refusal::EntryMissing)
            }
        }
    }

    fn due(&self, _state: &State, ctx: &Ctx, entry: &Entry, what: DueKind) -> Decided {
        match what {
            DueKind::Duty => decide::fell_late(ctx, entry, self),
            _ => Err(Refusal::NotDue),
        }
    }
}
