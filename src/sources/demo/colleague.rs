//! The colleague: looks at the board now and then and does what nobody has done, so that it does not fill for ever.
//!
//! Owns her patience. She never takes what another holds, never writes a justification, never touches an action
//! plan, and leaves some things for the user. Pure: the board in, commands out.

use std::collections::BTreeSet;

use chrono::{DateTime, Duration, Utc};

use super::script::code;
use crate::domain::alarms::Response;
use crate::domain::identity::{EntryId, ExternalId, PersonName};
use crate::protocol::commands::{
    Arrive, CallBack, Claim, Close, Done, GiveUp, Respond, TechnicalDone, WireCommand,
};
use crate::protocol::entry::{AlarmDetails, Details, DutyDetails, Entry, PhoneDetails};

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
const TECHNICAL_WAITS: Duration = Duration::minutes(15);

/// One thing she will do.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Chore {
    pub entry: EntryId,
    pub command: WireCommand,
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

/// Something a person can finish tonight: not a talk going on, not paper for the municipality.
fn is_to_act_on(entry: &Entry) -> bool {
    match &entry.details {
        Details::Alarms(alarm) => alarm.redirected_at.is_none() && alarm.outcome.is_none(),
        Details::Phone(_) => matches!(entry.state.as_str(), "waiting" | "missed"),
        Details::Duties(duty) => duty.duty != "action-plan",
        Details::Discharges(_) | Details::Visits(_) | Details::Sources(_) => false,
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
        Details::Duties(_) | Details::Sources(_) => None,
    }
}

fn chore(entry: &Entry, now: DateTime<Utc>, me: &PersonName, is_crowded: bool) -> Option<WireCommand> {
    match &entry.details {
        Details::Alarms(alarm) => about_alarm(entry, alarm, now, is_crowded),
        Details::Phone(call) => about_call(entry, call, now, is_crowded),
        Details::Duties(duty) => about_duty(entry, duty, now, me),
        Details::Discharges(_) | Details::Visits(_) | Details::Sources(_) => None,
    }
}

/// Entries do not all move in step.
fn slack(entry: &Entry) -> Duration {
    Duration::seconds(i64::from(entry.number % 5) * 20)
}

fn held_for(entry: &Entry, now: DateTime<Utc>) -> Option<Duration> {
    entry.holder.as_ref().map(|holder| now - holder.since)
}

fn about_alarm(
    entry: &Entry,
    alarm: &AlarmDetails,
    now: DateTime<Utc>,
    is_crowded: bool,
) -> Option<WireCommand> {
    if alarm.redirected_at.is_some() || alarm.outcome.is_some() {
        return None;
    }
    let age = now - entry.opened_at;
    if alarm.technical {
        return (is_crowded && age >= TECHNICAL_WAITS)
            .then_some(WireCommand::TechnicalDone(TechnicalDone {}));
    }
    if alarm.test {
        return (is_crowded && age >= TECHNICAL_WAITS).then(|| close("test"));
    }
    let since = |at: Option<DateTime<Utc>>| at.map(|at| now - at);
    match entry.state.as_str() {
        "raised" | "unanswered" => (age >= ALARM_RINGS).then_some(WireCommand::Claim(Claim {})),
        "claimed" => (held_for(entry, now)? >= THINKS).then(|| {
            let helper = Some(code("own-team"));
            WireCommand::Respond(Respond { with: Response::OwnHelp, helper })
        }),
        "help-sent" => (since(alarm.responded_at)? >= ON_THE_WAY + slack(entry) * 2)
            .then_some(WireCommand::Arrive(Arrive {})),
        "arrived" => {
            (since(alarm.arrived_at)? >= WITH_CITIZEN + slack(entry)).then(|| close(outcome(entry, alarm)))
        }
        _ => (since(alarm.responded_at)? >= NURSE_CALLED).then(|| close("helped")),
    }
}

fn close(outcome: &str) -> WireCommand {
    WireCommand::Close(Close { outcome: code(outcome) })
}

fn outcome(entry: &Entry, alarm: &AlarmDetails) -> &'static str {
    match (alarm.trigger.as_ref().map(|it| it.as_str()), entry.number % 4) {
        (Some("fall"), _) | (_, 0 | 1) => "helped",
        (_, 2) => "nothing-wrong",
        _ => "false-alarm",
    }
}

fn about_call(
    entry: &Entry,
    call: &PhoneDetails,
    now: DateTime<Utc>,
    is_crowded: bool,
) -> Option<WireCommand> {
    if entry.state != "missed" || call.promise_at.is_some_and(|at| at > now) {
        return None;
    }
    match held_for(entry, now) {
        None => (is_crowded && now - call.missed_at? >= MISSED_WAITS).then_some(WireCommand::Claim(Claim {})),
        Some(held) if held < RINGS_BACK => None,
        Some(_) if call.answered_later.is_some() => {
            Some(WireCommand::GiveUp(GiveUp { reason: code("reached-otherwise") }))
        }
        Some(_) => {
            // One in four does not answer the first time.
            let reached = call.attempts > 0 || !entry.number.is_multiple_of(4);
            let promise_at = (!reached).then(|| now + RINGS_BACK * 4);
            Some(WireCommand::CallBack(CallBack { reached, promise_at }))
        }
    }
}

fn about_duty(entry: &Entry, duty: &DutyDetails, now: DateTime<Utc>, me: &PersonName) -> Option<WireCommand> {
    let is_hers = duty.duty == "documentation" && duty.owner.as_ref() == Some(me);
    (is_hers && now - entry.opened_at >= WRITES + slack(entry))
        .then_some(WireCommand::Done(Done { reference: None }))
}
