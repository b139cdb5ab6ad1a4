//! The colleague: looks at the board now and then and does what nobody has done, so that it does not fill for ever.
//!
//! Owns her patience. She never takes what another holds, never writes a justification, never touches an action
//! plan, and leaves some things for the user. Pure: the board in, commands out.

use std::collections::BTreeSet;

use chrono::{DateTime, Duration, Utc};

use crate::domain::agreement::{DischargeStep, DoorStep};
use crate::domain::alarms::{self, AlarmState, Helper, Outcome, Response};
use crate::domain::discharges::StayState;
use crate::domain::duties::DutyKind;
use crate::domain::identity::{EntryId, ExternalId, PersonName};
use crate::domain::phone::{CallState, GiveUpReason};
use crate::domain::visits::{DoorOutcome, VisitState};
use crate::domain::vocabulary::Word;
use crate::domain::{Command, discharges, duties, entry as shared, phone, visits};
use crate::protocol::attention::Next;
use crate::protocol::entry::{
    AlarmDetails, Details, DischargeDetails, DutyDetails, Entry, PhoneDetails, Step, VisitDetails,
};

/// So many things that nobody has are left for the user.
const LEFT_FOR_USER: usize = 5;
/// An alarm is left ringing so long for the user; it rings out at 180 s.
const ALARM_RINGS: Duration = Duration::seconds(105);
const THINKS: Duration = Duration::seconds(25);
const ON_THE_WAY: Duration = Duration::minutes(5);
const WITH_CITIZEN: Duration = Duration::minutes(3);
const NURSE_CALLED: Duration = Duration::minutes(6);
const MISSED_WAITS: Duration = Duration::minutes(14);
const RINGS_BACK: Duration = Duration::seconds(80);
const WRITES: Duration = Duration::minutes(4);
/// What the municipality is told at once is the user's so long.
const NOTICE_WAITS: Duration = Duration::minutes(25);
const TECHNICAL_WAITS: Duration = Duration::minutes(15);
/// Somebody is home and help is not resumed: so long is the user's.
const HOME_WAITS: Duration = Duration::minutes(25);
/// What she opened herself she begins to prepare, so many steps of it.
const PREPARES: Duration = Duration::minutes(3);
const PREPARES_STEPS: usize = 2;
/// A citizen who must be rung, and one who was not reached.
const CONTACT_WAITS: Duration = Duration::minutes(4);
const RINGS_AGAIN: Duration = Duration::minutes(10);
const DOOR_WAITS: Duration = Duration::minutes(12);
const LOOKS_AT_HOME: Duration = Duration::seconds(60);

/// One thing she will do.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Chore {
    pub entry: EntryId,
    pub command: Command,
}

/// What she would do about this board now. `spared`: calls and alarms she leaves alone.
pub(super) fn chores(
    entries: &[Entry],
    now: DateTime<Utc>,
    me: &PersonName,
    spared: &BTreeSet<ExternalId>,
) -> Vec<Chore> {
    let mut free = entries.iter().filter(|entry| entry.holder.is_none() && is_to_act_on(entry)).count();
    let mut oldest_first: Vec<_> = entries.iter().filter(|entry| may_touch(entry, me, spared)).collect();
    oldest_first.sort_by_key(|entry| (entry.opened_at, entry.id));
    let mut chores = Vec::new();
    for entry in oldest_first {
        let is_crowded = free > LEFT_FOR_USER;
        let Some(command) = chore(entry, now, me, is_crowded) else { continue };
        if entry.holder.is_none() {
            free -= usize::from(is_to_act_on(entry));
        }
        chores.push(Chore { entry: entry.id, command });
    }
    chores
}

/// Something that presses: not a talk going on, not paper for the municipality, not a day's stays and visits.
fn is_to_act_on(entry: &Entry) -> bool {
    match &entry.details {
        Details::Alarms(alarm) => alarm.redirected_at.is_none() && alarm.outcome.is_none(),
        Details::Phone(_) => matches!(entry.state_of(), Some(CallState::Waiting | CallState::Missed)),
        Details::Duties(duty) => duty.duty == DutyKind::Documentation,
        Details::Discharges(_) | Details::Visits(_) | Details::Sources(_) | Details::Complaints(_) => false,
    }
}

fn may_touch(entry: &Entry, me: &PersonName, spared: &BTreeSet<ExternalId>) -> bool {
    let is_free = entry.holder.as_ref().is_none_or(|holder| holder.name == *me);
    is_free && outside_id(entry).is_none_or(|id| !spared.contains(id))
}

/// What the outside calls it.
pub(super) fn outside_id(entry: &Entry) -> Option<&ExternalId> {
    match &entry.details {
        Details::Alarms(alarm) => Some(&alarm.alarm),
        Details::Phone(call) => Some(&call.call),
        Details::Discharges(stay) => stay.stay.as_ref(),
        Details::Visits(visit) => Some(&visit.visit),
        Details::Duties(_) | Details::Sources(_) | Details::Complaints(_) => None,
    }
}

fn chore(entry: &Entry, now: DateTime<Utc>, me: &PersonName, is_crowded: bool) -> Option<Command> {
    match &entry.details {
        Details::Alarms(alarm) => about_alarm(entry, alarm, now, is_crowded),
        Details::Phone(call) => about_call(entry, call, now, is_crowded),
        Details::Duties(duty) => about_duty(entry, duty, now, me),
        Details::Discharges(stay) => about_stay(entry, stay, now),
        Details::Visits(visit) => about_visit(entry, visit, now),
        Details::Sources(_) | Details::Complaints(_) => None,
    }
}

/// Entries do not all move in step.
fn slack(entry: &Entry) -> Duration {
    Duration::seconds(i64::from(entry.number % 5) * 20)
}

fn held_for(entry: &Entry, now: DateTime<Utc>) -> Option<Duration> {
    entry.holder.as_ref().map(|holder| now - holder.since)
}

fn about_alarm(entry: &Entry, alarm: &AlarmDetails, now: DateTime<Utc>, is_crowded: bool) -> Option<Command> {
    if alarm.redirected_at.is_some() || alarm.outcome.is_some() {
        return None;
    }
    let age = now - entry.opened_at;
    if alarm.technical {
        return (is_crowded && age >= TECHNICAL_WAITS)
            .then_some(Command::Alarms(alarms::Command::TechnicalDone {}));
    }
    if alarm.test {
        return (is_crowded && age >= TECHNICAL_WAITS).then(|| close(Outcome::Test));
    }
    let since = |at: Option<DateTime<Utc>>| at.map(|at| now - at);
    match entry.state_of::<AlarmState>()? {
        AlarmState::Raised | AlarmState::Answered | AlarmState::Unanswered => {
            (age >= ALARM_RINGS).then_some(Command::Entry(shared::Command::Claim {}))
        }
        AlarmState::Claimed => (held_for(entry, now)? >= THINKS).then(|| {
            let helper = Some(Helper::OwnTeam);
            Command::Alarms(alarms::Command::Respond { with: Response::OwnHelp, helper })
        }),
        AlarmState::HelpSent => (since(alarm.responded_at)? >= ON_THE_WAY + slack(entry) * 2)
            .then_some(Command::Alarms(alarms::Command::Arrive {})),
        AlarmState::Arrived => {
            (since(alarm.arrived_at)? >= WITH_CITIZEN + slack(entry)).then(|| close(outcome(entry, alarm)))
        }
        AlarmState::NurseCalled
        | AlarmState::DoctorCalled
        | AlarmState::Called112
        | AlarmState::Closed
        | AlarmState::Redirected
        | AlarmState::Justified => {
            (since(alarm.responded_at)? >= NURSE_CALLED).then(|| close(Outcome::Helped))
        }
    }
}

fn close(outcome: Outcome) -> Command {
    Command::Alarms(alarms::Command::Close { outcome })
}

fn outcome(entry: &Entry, alarm: &AlarmDetails) -> Outcome {
    match (alarm.trigger.as_ref().map(|it| it.as_str()), entry.number % 4) {
        (Some("fall"), _) | (_, 0 | 1) => Outcome::Helped,
        (_, 2) => Outcome::NothingWrong,
        _ => Outcome::FalseAlarm,
    }
}

fn about_call(entry: &Entry, call: &PhoneDetails, now: DateTime<Utc>, is_crowded: bool) -> Option<Command> {
    if !entry.is(CallState::Missed) || call.promise_at.is_some_and(|at| at > now) {
        return None;
    }
    match held_for(entry, now) {
        None => (is_crowded && now - call.missed_at? >= MISSED_WAITS)
            .then_some(Command::Entry(shared::Command::Claim {})),
        Some(held) if held < RINGS_BACK => None,
        Some(_) if call.answered_later.is_some() => {
            Some(Command::Phone(phone::Command::GiveUp { reason: GiveUpReason::ReachedOtherwise }))
        }
        Some(_) => {
            // One in four does not answer the first time.
            let reached = call.attempts > 0 || !entry.number.is_multiple_of(4);
            let promise_at = (!reached).then(|| now + RINGS_BACK * 4);
            Some(Command::Phone(phone::Command::CallBack { reached, promise_at }))
        }
    }
}

fn about_duty(entry: &Entry, duty: &DutyDetails, now: DateTime<Utc>, me: &PersonName) -> Option<Command> {
    let age = now - entry.opened_at;
    let is_hers = duty.duty == DutyKind::Documentation && duty.owner.as_ref() == Some(me);
    let is_due = is_hers && age >= WRITES + slack(entry);
    let is_left = duty.duty == DutyKind::ImmediateNotice && age >= NOTICE_WAITS;
    let to = is_left.then_some(duties::ToldTo::Assessors);
    (is_due || is_left).then_some(Command::Duties(duties::Command::Done {
        reference: None,
        to,
        told_at: None,
    }))
}

fn about_stay(entry: &Entry, stay: &DischargeDetails, now: DateTime<Utc>) -> Option<Command> {
    let resume = Some(Command::Discharges(discharges::Command::Resume {}));
    match entry.state_of::<StayState>()? {
        StayState::Discharged if now - stay.discharged_at? >= HOME_WAITS => resume,
        StayState::DischargeExpected if now - stay.expected_at? >= HOME_WAITS => resume,
        StayState::DischargeExpected if stay.stay.is_none() => {
            let done = stay.steps.iter().filter(|step| step.done_at.is_some()).count();
            let since = last_done(&stay.steps).or(stay.expected_told_at)?;
            let is_hers = done < PREPARES_STEPS && now - since >= PREPARES;
            let step = DischargeStep::of(next_step(&stay.steps).filter(|_| is_hers)?.step.as_str())?;
            Some(Command::Discharges(discharges::Command::Step { step, done: true }))
        }
        StayState::Admitted if stay.asks_assessors && now - stay.admitted_at? >= HOME_WAITS => {
            Some(Command::Discharges(discharges::Command::AssessorsTold { told: true }))
        }
        _ => None,
    }
}

fn about_visit(entry: &Entry, visit: &VisitDetails, now: DateTime<Utc>) -> Option<Command> {
    let contact = Some(Command::Visits(visits::Command::Contact { reached: true }));
    let waited = |since: Option<DateTime<Utc>>, long: Duration| since.is_some_and(|at| now - at >= long);
    match (entry.state_of::<VisitState>()?, entry.attention.next) {
        (VisitState::DoorUnanswered, _) => at_the_door(visit, now),
        (VisitState::NotReached, Next::Contact) if waited(visit.contacted_at, RINGS_AGAIN) => contact,
        (VisitState::Late | VisitState::Early, Next::Contact)
            if waited(entry.attention.breach_at, CONTACT_WAITS) =>
        {
            contact
        }
        (VisitState::Moved, Next::Contact) if waited(visit.moves.last().map(|it| it.at), RINGS_AGAIN) => {
            contact
        }
        _ => None,
    }
}

/// One step after the other, then how it turned out.
fn at_the_door(visit: &VisitDetails, now: DateTime<Utc>) -> Option<Command> {
    let door = visit.door.as_ref()?;
    let is_fresh = last_done(&door.steps).is_some_and(|at| now - at < LOOKS_AT_HOME);
    if now - door.since < DOOR_WAITS || is_fresh {
        return None;
    }
    let step = next_step(&door.steps).and_then(|it| DoorStep::of(it.step.as_str()));
    let outcome = step.is_none().then_some(DoorOutcome::FoundWell);
    let steps = step.into_iter().collect();
    Some(Command::Visits(visits::Command::Door { steps, step: None, done: true, outcome, skipped: None }))
}

fn next_step(steps: &[Step]) -> Option<&Step> {
    steps.iter().find(|step| step.done_at.is_none())
}

fn last_done(steps: &[Step]) -> Option<DateTime<Utc>> {
    steps.iter().filter_map(|step| step.done_at).max()
}
