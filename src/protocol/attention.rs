//! Attention: what an entry asks for, in codes.
//!
//! Owns the words that all boards ask in: why, and what is next. Must never hold a sentence, nor know which board says
//! which.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use utoipa::ToSchema;

use crate::domain::vocabulary::vocabulary;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// A citizen rings and nobody has taken it to its end.
    Alarm,
    /// A deadline, or somebody who must be contacted.
    Duty,
    Info,
    None,
}

vocabulary! {
    /// Why an entry asks for something; the texts are `why-…`.
    Why {
        Over,
        Ringing,
        AnsweredAtExchange,
        TalkingNow,
        TalkOver,
        RangOut,
        Claimed,
        HelpSent,
        HelpLate,
        Arrived,
        NurseCalled,
        DoctorCalled,
        #[serde(rename = "called-112")]
        #[strum(serialize = "called-112")]
        Called112,
        Technical,
        Test,
        Handled,
        JustificationLate,
        JustificationBegun,
        JustificationOwed,
        Waits,
        WaitsTooLong,
        CalledAgainAnswered,
        Promised,
        Tried,
        Missed,
        Talking,
        DutyActionPlan,
        DutyDocumentation,
        DutyHospitalMessages,
        DutyFollowUp,
        Complaint,
        Discharged,
        ComesHome,
        HomeByNow,
        NeverAdmitted,
        Dead,
        AskAssessors,
        AdmittedPlanned,
        Admitted,
        OnLeave,
        Resumed,
        DischargeCancelled,
        AdmittedAgain,
        DeathCancelled,
        DutyStartOfHelp,
        DutyAgreeTime,
        DutyImmediateNotice,
        DutyNoticeTakenBack,
        MovedElsewhere,
        NoWord,
        /// We said that the citizen was taken away, and no hospital has said a word.
        StillAway,
        SourceSilent,
        SourceUnreadable,
        SourceAlarmUnreadable,
        SourceNobodyListening,
        SourceKeyReused,
        SourceConflict,
        SourceFailed,
        SourceRowsRefused,
        SourceOdd,
        VisitLate,
        /// Within the limit for a call, and yet outside of its delivery interval.
        LeavesInterval,
        VisitEarly,
        NotReached,
        DoorUnanswered,
        StartedOffTime,
        MovedUntold,
        ReplacementOwed,
        ReplacementJudgement,
        VisitWithdrawn,
        NoReceipt,
        OnHoliday,
        VisitHalted,
        Planned,
        Moved,
        Contacted,
    }
}
vocabulary! {
    /// What is to be done next; the texts are `next-…`.
    Next {
        Nothing,
        Claim,
        RedirectOrClaim,
        Respond,
        Arrive,
        Close,
        SayWhatWasDone,
        TechnicalDone,
        JustifyBegin,
        JustifySend,
        Answer,
        CloseMissed,
        CallBack,
        LookAtSource,
        DoActionPlan,
        DoDocumentation,
        DoHospitalMessages,
        DoFollowUp,
        SettleComplaint,
        ForwardComplaint,
        DoStartOfHelp,
        DoAgreeTime,
        DoImmediateNotice,
        DoNoticeTakenBack,
        Resume,
        Prepare,
        Stop,
        StopHelpAgain,
        ResumeOrLook,
        AssessorsTold,
        ReportToAssessors,
        AskMoved,
        AskStillThere,
        PutInByHand,
        Contact,
        DoorSteps,
        Replace,
        AskOrReplace,
        CheckPlan,
        Receipt,
        OfferAnotherDay,
    }
}
/// What an entry asks for.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Attention {
    pub level: Level,
    pub why: Why,
    pub next: Next,
    /// When the next limit is reached or was.
    pub breach_at: Option<DateTime<Utc>>,
    #[serde(default)]
    pub overdue: bool,
}

impl Attention {
    /// Nothing is to be done.
    pub const NONE: Self = Self::new(Level::None, Why::Over, Next::Nothing);

    pub(super) const fn new(level: Level, why: Why, next: Next) -> Self {
        Self { level, why, next, breach_at: None, overdue: false }
    }

    /// The same, with the limit that is reached or was.
    pub(super) fn until(mut self, breach_at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Self {
        self.breach_at = breach_at;
        self.overdue = breach_at.is_some_and(|at| at <= now);
        self
    }
}
