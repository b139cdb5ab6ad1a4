//! Attention: what is worst, what is next, when it breaches. Pure, over a public entry and an instant; runs on the
//! server and on the desk, so that ages and thresholds move without a message.
//!
//! Must never hold a sentence: codes only.

use std::cmp::Ordering;

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::entry::{
    AlarmDetails, Details, DischargeDetails, DutyDetails, Entry, PhoneDetails, SourceDetails, VisitDetails,
};
use crate::domain::alarms::AlarmState;
use crate::domain::discharges::{StayState, Upset};
use crate::domain::duties::DutyKind;
use crate::domain::entry::DueKind;
use crate::domain::observation::CancelledBy;
use crate::domain::phone::CallState;
use crate::domain::sources::TroubleKind;
use crate::domain::visit_rules::Standing;
use crate::domain::visits::{Canceller, VisitState};
use crate::domain::vocabulary::vocabulary;

/// A justification is a duty for somebody on this shift when it is due within this many hours.
const JUSTIFICATION_NEAR_HOURS: i64 = 72;
/// A homecoming is a duty for somebody on this shift when it is expected within this many hours.
const HOMECOMING_NEAR_HOURS: i64 = 24;

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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Attention {
    pub level: Level,
    pub why: Why,
    pub next: Next,
    /// When the next limit is reached or was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breach_at: Option<DateTime<Utc>>,
    #[serde(default)]
    pub overdue: bool,
}

impl Attention {
    /// Nothing is to be done.
    pub const NONE: Self = Self::new(Level::None, Why::Over, Next::Nothing);

    const fn new(level: Level, why: Why, next: Next) -> Self {
        Self { level, why, next, breach_at: None, overdue: false }
    }

    fn until(mut self, breach_at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Self {
        self.breach_at = breach_at;
        self.overdue = breach_at.is_some_and(|at| at <= now);
        self
    }
}

/// What the entry asks for at `now`. Nothing of a state that this program does not know.
pub fn attention(entry: &Entry, now: DateTime<Utc>) -> Attention {
    if !entry.is_open() {
        return Attention::NONE;
    }
    let asked = match &entry.details {
        Details::Alarms(alarm) => of_alarm(entry, alarm, now),
        Details::Phone(call) => of_call(entry, call, now),
        Details::Duties(duty) => Some(of_duty(entry, duty, now)),
        Details::Discharges(stay) => of_stay(entry, stay, now),
        Details::Visits(visit) => of_visit(entry, visit, now),
        Details::Sources(trouble) => Some(of_trouble(entry, trouble, now)),
    };
    asked.unwrap_or(Attention::NONE)
}

fn of_trouble(entry: &Entry, trouble: &SourceDetails, now: DateTime<Utc>) -> Attention {
    let look = |level, why| Attention::new(level, why, Next::LookAtSource);
    match trouble.trouble {
        // Somebody must put them in by hand: due from the moment we know.
        TroubleKind::RowsRefused => Attention::new(Level::Duty, Why::SourceRowsRefused, Next::PutInByHand)
            .until(Some(entry.opened_at), now),
        // Somebody may wait for help: overdue from the moment it came.
        TroubleKind::AlarmUnreadable => {
            look(Level::Duty, Why::SourceAlarmUnreadable).until(Some(entry.opened_at), now)
        }
        TroubleKind::Silent => look(Level::Duty, Why::SourceSilent),
        TroubleKind::NobodyListening => look(Level::Duty, Why::SourceNobodyListening),
        TroubleKind::Failed => look(Level::Duty, Why::SourceFailed),
        TroubleKind::Unreadable => look(Level::Info, Why::SourceUnreadable),
        TroubleKind::KeyReused => look(Level::Info, Why::SourceKeyReused),
        TroubleKind::Conflict => look(Level::Info, Why::SourceConflict),
        TroubleKind::Odd => look(Level::Info, Why::SourceOdd),
    }
}

fn of_alarm(entry: &Entry, alarm: &AlarmDetails, now: DateTime<Utc>) -> Option<Attention> {
    let due = |what| entry.due(what).map(|due| due.at);
    if alarm.technical {
        return Some(Attention::new(Level::Info, Why::Technical, Next::TechnicalDone));
    }
    if alarm.test {
        return Some(Attention::new(Level::Info, Why::Test, Next::Close));
    }
    if alarm.redirected_at.is_some() || alarm.outcome.is_some() {
        return Some(of_justification(alarm, now));
    }
    let alarm_of = |why, next| Attention::new(Level::Alarm, why, next);
    let duty = |why, next| Attention::new(Level::Duty, why, next);
    Some(match entry.state_of::<AlarmState>()? {
        AlarmState::Raised => alarm_of(Why::Ringing, Next::Claim).until(due(DueKind::RingOut), now),
        AlarmState::Answered => match (alarm.talked_at, alarm.talk_ended_at) {
            (_, Some(_)) => duty(Why::TalkOver, Next::SayWhatWasDone).until(due(DueKind::RingOut), now),
            (Some(_), None) => alarm_of(Why::TalkingNow, Next::Claim),
            (None, None) => alarm_of(Why::AnsweredAtExchange, Next::Claim),
        },
        AlarmState::Unanswered => alarm_of(Why::RangOut, Next::RedirectOrClaim)
            .until(alarm.justification.as_ref().map(|it| it.due_at), now),
        AlarmState::Claimed if alarm.talk_ended_at.is_some() => {
            alarm_of(Why::TalkOver, Next::SayWhatWasDone).until(due(DueKind::Claim), now)
        }
        AlarmState::Claimed => alarm_of(Why::Claimed, Next::Respond).until(due(DueKind::Claim), now),
        AlarmState::HelpSent => {
            let arrive = due(DueKind::Arrive);
            let why = if arrive.is_some_and(|at| at <= now) { Why::HelpLate } else { Why::HelpSent };
            duty(why, Next::Arrive).until(arrive, now)
        }
        AlarmState::Arrived => duty(Why::Arrived, Next::Close),
        AlarmState::NurseCalled => duty(Why::NurseCalled, Next::Close),
        AlarmState::DoctorCalled => duty(Why::DoctorCalled, Next::Close),
        AlarmState::Called112 => duty(Why::Called112, Next::Close),
        // With an outcome or a redirect: above.
        AlarmState::Closed | AlarmState::Redirected | AlarmState::Justified => of_justification(alarm, now),
    })
}

fn of_justification(alarm: &AlarmDetails, now: DateTime<Utc>) -> Attention {
    let Some(it) = alarm.justification.as_ref().filter(|it| it.sent_at.is_none()) else {
        return Attention::new(Level::Info, Why::Handled, Next::Close);
    };
    let near = it.due_at - now <= Duration::hours(JUSTIFICATION_NEAR_HOURS);
    let (why, next) = match (it.begun_at.is_some(), it.due_at <= now) {
        (_, true) => (Why::JustificationLate, Next::JustifySend),
        (true, false) => (Why::JustificationBegun, Next::JustifySend),
        (false, false) => (Why::JustificationOwed, Next::JustifyBegin),
    };
    Attention::new(if near { Level::Duty } else { Level::Info }, why, next).until(Some(it.due_at), now)
}

fn of_call(entry: &Entry, call: &PhoneDetails, now: DateTime<Utc>) -> Option<Attention> {
    let due = |what| entry.due(what).map(|due| due.at);
    Some(match entry.state_of::<CallState>()? {
        CallState::Waiting => {
            let answer = due(DueKind::Answer);
            let why = if answer.is_some_and(|at| at <= now) { Why::WaitsTooLong } else { Why::Waits };
            Attention::new(Level::Duty, why, Next::Answer).until(answer, now)
        }
        CallState::Missed if call.answered_later.is_some() => {
            Attention::new(Level::Info, Why::CalledAgainAnswered, Next::CloseMissed)
                .until(due(DueKind::CallBack), now)
        }
        CallState::Missed => match due(DueKind::Promise) {
            Some(promise) => {
                Attention::new(Level::Duty, Why::Promised, Next::CallBack).until(Some(promise), now)
            }
            None => {
                let why = if call.attempts > 0 { Why::Tried } else { Why::Missed };
                Attention::new(Level::Duty, why, Next::CallBack).until(due(DueKind::CallBack), now)
            }
        },
        CallState::Answered
        | CallState::Ended
        | CallState::Colleague
        | CallState::CalledBack
        | CallState::GivenUp
        | CallState::BecameAlarm => Attention::new(Level::Info, Why::Talking, Next::Nothing),
    })
}

fn of_duty(entry: &Entry, duty: &DutyDetails, now: DateTime<Utc>) -> Attention {
    let due = entry.due(DueKind::Duty).map(|due| due.at);
    let (why, next) = match duty.duty {
        DutyKind::ActionPlan => (Why::DutyActionPlan, Next::DoActionPlan),
        DutyKind::Documentation => (Why::DutyDocumentation, Next::DoDocumentation),
        DutyKind::HospitalMessages => (Why::DutyHospitalMessages, Next::DoHospitalMessages),
        DutyKind::FollowUp => (Why::DutyFollowUp, Next::DoFollowUp),
        DutyKind::StartOfHelp => (Why::DutyStartOfHelp, Next::DoStartOfHelp),
        DutyKind::AgreeTime => (Why::DutyAgreeTime, Next::DoAgreeTime),
        DutyKind::ImmediateNotice => (Why::DutyImmediateNotice, Next::DoImmediateNotice),
        // Somebody acts on what is not so: overdue from the moment we know.
        DutyKind::NoticeTakenBack => {
            return Attention::new(Level::Duty, Why::DutyNoticeTakenBack, Next::DoNoticeTakenBack)
                .until(Some(entry.opened_at), now);
        }
    };
    let is_asked_for = matches!(duty.duty, DutyKind::ActionPlan | DutyKind::ImmediateNotice);
    let is_pressing = duty.late || due.is_some_and(|at| at <= now) || is_asked_for;
    let level = if is_pressing { Level::Duty } else { Level::Info };
    Attention::new(level, why, next).until(due, now)
}

fn of_stay(entry: &Entry, stay: &DischargeDetails, now: DateTime<Utc>) -> Option<Attention> {
    let due = |what| entry.due(what).map(|due| due.at);
    if let Some(upset) = stay.upset {
        // Help runs for nobody, or nobody gets help: overdue from the moment it was told.
        let (why, next) = match upset {
            Upset::DischargeCancelled => (Why::DischargeCancelled, Next::StopHelpAgain),
            Upset::AdmittedAgain => (Why::AdmittedAgain, Next::StopHelpAgain),
            Upset::DeathCancelled => (Why::DeathCancelled, Next::ResumeOrLook),
        };
        return Some(Attention::new(Level::Duty, why, next).until(stay.upset_at, now));
    }
    let nothing = |why| Attention::new(Level::Info, why, Next::Nothing);
    Some(match entry.state_of::<StayState>()? {
        StayState::Discharged => {
            Attention::new(Level::Duty, Why::Discharged, Next::Resume).until(due(DueKind::Resume), now)
        }
        StayState::DischargeExpected => {
            let at = due(DueKind::Expected);
            let near = at.is_none_or(|at| at - now <= Duration::hours(HOMECOMING_NEAR_HOURS));
            let why = if at.is_some_and(|at| at <= now) { Why::HomeByNow } else { Why::ComesHome };
            let is_prepared = stay.steps.iter().all(|step| step.done_at.is_some());
            let next = if is_prepared { Next::Resume } else { Next::Prepare };
            Attention::new(if near { Level::Duty } else { Level::Info }, why, next).until(at, now)
        }
        StayState::Cancelled => Attention::new(Level::Duty, Why::NeverAdmitted, Next::Resume),
        StayState::Dead => Attention::new(Level::Duty, Why::Dead, Next::Stop),
        // Help stands still for somebody who may be elsewhere, or at home.
        StayState::Admitted | StayState::OnLeave if stay.elsewhere.is_some() => {
            Attention::new(Level::Duty, Why::MovedElsewhere, Next::AskMoved)
        }
        StayState::Admitted | StayState::OnLeave if due(DueKind::StillThere).is_some_and(|at| at <= now) => {
            Attention::new(Level::Duty, Why::NoWord, Next::AskMoved).until(due(DueKind::StillThere), now)
        }
        StayState::Admitted if stay.asks_assessors => {
            Attention::new(Level::Duty, Why::AskAssessors, Next::AssessorsTold)
        }
        StayState::Admitted if stay.report_clause.is_some() => {
            Attention::new(Level::Info, Why::AdmittedPlanned, Next::ReportToAssessors)
        }
        StayState::Admitted => nothing(Why::Admitted),
        StayState::OnLeave => nothing(Why::OnLeave),
        // Resumed and stopped are over, but for an upset.
        StayState::Resumed | StayState::Stopped => nothing(Why::Resumed),
    })
}

fn of_visit(entry: &Entry, visit: &VisitDetails, now: DateTime<Utc>) -> Option<Attention> {
    let contact = entry.due(DueKind::Contact).map(|due| due.at);
    let started = visit.started_at.is_some();
    let moved_by_us = visit.moves.last().is_some_and(|moved| moved.asked_by == CancelledBy::Provider);
    let duty = |why| Attention::new(Level::Duty, why, Next::Contact);
    let info = |why, next| Attention::new(Level::Info, why, next);
    let state = entry.state_of::<VisitState>()?;
    Some(match state {
        VisitState::DoorUnanswered => {
            let since = visit.door.as_ref().map(|door| door.since);
            Attention::new(Level::Duty, Why::DoorUnanswered, Next::DoorSteps).until(since, now)
        }
        // Somebody is there: it is a fact for the figures, nobody need be rung any more.
        VisitState::Late | VisitState::NotReached | VisitState::Early if started => {
            info(Why::StartedOffTime, Next::Nothing)
        }
        VisitState::Late => duty(Why::VisitLate).until(contact, now),
        VisitState::Early => duty(Why::VisitEarly).until(contact, now),
        VisitState::NotReached => duty(Why::NotReached).until(contact, now),
        VisitState::Cancelled => match visit.replacement {
            // Somebody may have been about to ring about it: that does not go away with it.
            Some(Standing::Judgement) if visit.cancelled_by == Some(Canceller::Withdrawn) => {
                Attention::new(Level::Duty, Why::VisitWithdrawn, Next::CheckPlan)
            }
            Some(Standing::Judgement) => info(Why::ReplacementJudgement, Next::AskOrReplace),
            Some(Standing::Owed | Standing::Nothing) | None => info(Why::ReplacementOwed, Next::Replace),
        },
        VisitState::Moved if moved_by_us => duty(Why::MovedUntold),
        _ if visit.no_receipt => info(Why::NoReceipt, Next::Receipt),
        _ if visit.halted.is_some() => Attention::new(Level::None, Why::VisitHalted, Next::Nothing),
        VisitState::Planned if visit.holiday_clause.is_some() && !started => {
            info(Why::OnHoliday, Next::OfferAnotherDay)
        }
        VisitState::Moved => Attention::new(Level::None, Why::Moved, Next::Nothing),
        VisitState::Contacted => Attention::new(Level::None, Why::Contacted, Next::Nothing),
        VisitState::Planned | VisitState::Replaced | VisitState::Done => {
            Attention::new(Level::None, Why::Planned, Next::Nothing)
        }
    })
}

/// Somebody waits for us at this moment, on the line or at home: a call in the queue, an alarm in hand. Paper and
/// yesterday's missed call can wait that long.
fn is_waited_for(entry: &Entry) -> bool {
    match &entry.details {
        Details::Alarms(alarm) => {
            !alarm.technical && !alarm.test && alarm.outcome.is_none() && alarm.redirected_at.is_none()
        }
        Details::Phone(_) => entry.state_of() == Some(CallState::Waiting),
        Details::Visits(_) => entry.state_of() == Some(VisitState::DoorUnanswered),
        Details::Discharges(_) | Details::Duties(_) | Details::Sources(_) => false,
    }
}

/// When it is, or was, about: a visit's agreed time; of anything else when we heard of it.
fn stands_at(entry: &Entry) -> DateTime<Utc> {
    match &entry.details {
        Details::Visits(visit) => visit.agreed_at.unwrap_or(entry.opened_at),
        _ => entry.opened_at,
    }
}

/// Worst first: level, then what nobody has, then where somebody waits, then the nearest limit (overdue first), then
/// the oldest; visits in the order of their times.
pub fn order(a: &Entry, b: &Entry) -> Ordering {
    let key = |entry: &Entry| (entry.attention.level, entry.holder.is_some(), !is_waited_for(entry));
    key(a)
        .cmp(&key(b))
        .then_with(|| match (a.attention.breach_at, b.attention.breach_at) {
            (Some(a), Some(b)) => a.cmp(&b),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => Ordering::Equal,
        })
        .then_with(|| stands_at(a).cmp(&stands_at(b)))
        .then_with(|| a.id.cmp(&b.id))
}

/// The next instant after `now` at which this entry's attention changes by itself.
pub fn changes_at(entry: &Entry, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let near = match &entry.details {
        Details::Alarms(AlarmDetails { justification: Some(it), .. }) => {
            Some(it.due_at - Duration::hours(JUSTIFICATION_NEAR_HOURS))
        }
        Details::Discharges(_) => {
            entry.due(DueKind::Expected).map(|due| due.at - Duration::hours(HOMECOMING_NEAR_HOURS))
        }
        _ => None,
    };
    entry.due.iter().map(|due| due.at).chain(near).filter(|at| *at > now).min()
}
