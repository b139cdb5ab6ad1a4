//! The phone queue: calls on the one main number (J 3.1.12).
//!
//! Owns what a call is, which fact about it wins (rank) and when it is over: answered and
//! ended, or missed and called back. Must never know a caller's name or number.

mod decide;
mod evolve;
mod observe;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::domain::boards::{Column, Decided};
use crate::domain::entry::{Due, DueKind, Entry, Opening};
use crate::domain::envelope::Record;
use crate::domain::identity::{AgreementId, Code, EntryId, ExternalId, PersonName};
use crate::domain::observation::{MissedReason, Rank};
use crate::domain::refusal::Refusal;
use crate::domain::verbs::verbs;
use crate::domain::vocabulary::{CorrectionReason, vocabulary};
use crate::domain::{Ctx, State};

pub use decide::{decide, kept_due};
pub use evolve::wait_seconds;
pub use observe::{became_alarm, observe, passed_on};

/// Missed calls stay visible this long when the agreement says nothing (days).
const KEPT_DAYS_DEFAULT: u32 = 30;

vocabulary! {
    /// Why calling back is given up. `kept-period-over` in the log is the timer's own.
    GiveUpReason {
        NoNumber,
        ReachedOtherwise,
        WrongNumber,
        NotReachable,
        Duplicate,
    }
}
vocabulary! {
    /// What may be corrected on a call.
    Correctable {
        CallBack,
        GiveUp,
        Agreement,
    }
}
vocabulary! {
    /// Where a call is in its story.
    Phase {
        Waiting,
        Answered,
        Ended,
        Missed,
        CalledBack,
        GivenUp,
        /// It went on into a queue of kind alarm, and is one: over here, counted there.
        BecameAlarm,
    }
}
vocabulary! {
    /// States, in the words of the outside contract.
    CallState {
        Waiting,
        Answered,
        Ended,
        /// A missed call of one of our own.
        Colleague,
        Missed,
        CalledBack,
        GivenUp,
        BecameAlarm,
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    pub call: ExternalId,
    /// The queue that it is in now, or was in last.
    pub queue: Option<ExternalId>,
    /// Since when it is in that queue; the entry's opening is when it came into the first.
    pub queue_since: Option<DateTime<Utc>>,
    /// It is of one of our own. Missed it is over: nobody is to be rung back.
    pub colleague: bool,
    pub phase: Phase,
    /// How good the fact is that put it in this phase.
    pub rank: Rank,
    pub answered_at: Option<DateTime<Utc>>,
    pub answered_by: Option<PersonName>,
    pub ended_at: Option<DateTime<Utc>>,
    pub missed_at: Option<DateTime<Utc>>,
    pub reason: Option<MissedReason>,
    /// Tries to call back that did not reach anybody.
    pub attempts: u32,
    pub promise_at: Option<DateTime<Utc>>,
    pub documented_at: Option<DateTime<Utc>>,
}

impl Call {
    pub fn state(&self) -> CallState {
        match self.phase {
            Phase::Waiting => CallState::Waiting,
            Phase::Answered => CallState::Answered,
            Phase::Ended => CallState::Ended,
            Phase::Missed if self.colleague => CallState::Colleague,
            Phase::Missed => CallState::Missed,
            Phase::CalledBack => CallState::CalledBack,
            Phase::GivenUp => CallState::GivenUp,
            Phase::BecameAlarm => CallState::BecameAlarm,
        }
    }
}

verbs! {
    /// What a coordinator does with a call.
    Command {
        /// Which municipality the call is about, once somebody knows.
        "assign" [Light, Entry] => Assign { agreement: AgreementId }
        /// I have the caller (for an exchange that does not tell).
        "answer" [Light, Entry] => Answer {}
        /// I rang back; `promise_at` when another time was promised.
        "call-back" [Light, Entry] => CallBack {
            reached: bool,
            #[serde(default, deserialize_with = "crate::domain::verbs::zoned_option")]
            promise_at: Option<DateTime<Utc>>,
        }
        "give-up" [Grave, Entry] => GiveUp { reason: GiveUpReason }
        /// The talk is written down in the care system, or there was nothing to write (N 3.9.1).
        "documented" [Light, Entry] => Documented {}
        /// The way back for what was recorded wrongly.
        "correct" [Light, Entry] => Correct { what: Correctable, reason: CorrectionReason }
    }
}

#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, strum::VariantNames)]
#[serde(tag = "type", rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum PhoneEvent {
    Waiting {
        #[serde(flatten)]
        opening: Opening,
        call: ExternalId,
        queue: Option<ExternalId>,
    },
    /// The waiting fact came after a later one: when and where the call began.
    ArrivalKnown {
        queue: ExternalId,
    },
    /// It went on into another queue and waits there now.
    WaitsIn {
        queue: ExternalId,
        /// Those of that queue, while it is not known whose the call is.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        candidates: Vec<AgreementId>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        dues: Vec<Due>,
    },
    /// One of our own calls. Known at any time: a miss that stands is none to ring back.
    FromColleague {},
    /// It went on into a queue of kind alarm.
    BecameAlarm {},
    Answered {
        by: Option<PersonName>,
        rank: Rank,
        /// A better fact than the one that stood.
        corrects: bool,
    },
    Ended {
        rank: Rank,
    },
    Missed {
        reason: MissedReason,
        rank: Rank,
        corrects: bool,
        dues: Vec<Due>,
    },
    Assigned {
        agreement: AgreementId,
    },
    CalledBack {},
    CallBackTried {
        promise_at: Option<DateTime<Utc>>,
    },
    GivenUp {
        reason: Code,
    },
    Documented {},
    /// A better fact says the same as the one that stands.
    Confirmed {
        rank: Rank,
    },
    Corrected {
        what: Correctable,
        reason: CorrectionReason,
        /// The clocks of a call that is missed again; those that still run stand.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        dues: Vec<Due>,
    },
}

impl PhoneEvent {
    pub fn is_material(&self) -> bool {
        // That it is in another queue is no reason to refuse who answers it.
        !matches!(
            self,
            Self::Documented {}
                | Self::ArrivalKnown { .. }
                | Self::Confirmed { .. }
                | Self::WaitsIn { .. }
                | Self::FromColleague {}
        )
    }
}

impl Column for Call {
    type Command = Command;
    type Event = PhoneEvent;

    const IS_JOINED: bool = true;

    fn state(&self, _is_held: bool) -> &'static str {
        self.state().name()
    }

    fn opened<'e>(record: &Record, event: &'e PhoneEvent) -> Option<(&'e Opening, Self)> {
        let PhoneEvent::Waiting { opening, call, queue } = event else { return None };
        let call = Self {
            call: call.clone(),
            queue: queue.clone(),
            queue_since: queue.as_ref().map(|_| record.happened_at),
            colleague: false,
            phase: Phase::Waiting,
            rank: Rank::Inference,
            answered_at: None,
            answered_by: None,
            ended_at: None,
            missed_at: None,
            reason: None,
            attempts: 0,
            promise_at: None,
            documented_at: None,
        };
        Some((opening, call))
    }

    fn is_material(event: &PhoneEvent) -> bool {
        event.is_material()
    }

    fn may_assign(event: &PhoneEvent) -> bool {
        matches!(event, PhoneEvent::Assigned { .. } | PhoneEvent::Corrected { .. })
    }

    fn apply(entry: &mut Entry, record: &Record, event: &PhoneEvent) {
        evolve::apply(entry, record.happened_at, event);
    }

    fn keep_count(state: &mut State, id: EntryId) {
        state.count_call(id);
    }

    fn decide(&self, state: &State, ctx: &Ctx, entry: &Entry, command: &Command) -> Decided {
        decide::decide(state, ctx, entry, self, command)
    }

    fn due(&self, _state: &State, ctx: &Ctx, entry: &Entry, what: DueKind) -> Decided {
        match what {
            DueKind::Kept => decide::kept_due(ctx, entry, self),
            _ => Err(Refusal::NotDue),
        }
    }
}
