//! What was before the night began: a month's answered calls and alarms, an old redirect, two calls of this evening,
//! who lies in hospital and which visits are planned.
//!
//! Owns how much of it there is. Must never reach behind the month, except for the old redirect: the figures
//! are the month's.

use chrono::{DateTime, Duration, Utc};

use super::script::{
    Act, Deed, Pen, Step, alarm_answered, answered, colleague, deed, ended, missed, raised, rang_out,
    redirected, waiting,
};
use super::{AGREEMENTS, Citizen, homecare};
use crate::domain::alarms::{self, Outcome};
use crate::domain::calendar::{self, Month};
use crate::domain::identity::{AgreementId, ExternalId};
use crate::domain::observation::MissedReason;
use crate::domain::{Command, phone, shift};

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// The old redirect's justification is due so long after the start.
const JUSTIFICATION_DUE_IN_HOURS: i64 = 26;
/// The justification's days in Jammerbugt (3.1.13): only used to find the day on which the alarm rang out.
const JUSTIFICATION_DAYS: i64 = 7;
/// How long the old alarm rang.
const RANG_FOR_MS: i64 = 180 * SECOND;

/// Answered in time earlier this month, by agreement: alarms, calls.
const ANSWERED: [(usize, usize); 2] = [(37, 41), (24, 33)];
/// The month's past begins at most so long ago, and ends before this evening.
const REACHES_BACK_MS: i64 = 20 * DAY;
const ENDS_MS: i64 = -3 * HOUR;
/// Two of a kind are at least so far apart: fewer of them when the month is young.
const APART_MS: i64 = 20 * MINUTE;

/// The past, and what of it the night comes back to.
pub(super) struct Past {
    pub steps: Vec<Step>,
    /// Missed earlier this evening; its caller rings again.
    pub missed_early: (ExternalId, Citizen),
    /// Missed just before the night; the colleague takes it.
    pub missed_late: ExternalId,
}

/// Facts first, then what the colleague did about them, then how the talks ended: three turns instead of one
/// for each, and no talk ends before it was written down.
#[derive(Default)]
struct Turns {
    facts: Vec<Step>,
    deeds: Vec<Step>,
    ends: Vec<Step>,
}

/// Writes the past of a night that begins at `start`.
pub(super) fn write(pen: &mut Pen, start: DateTime<Utc>, home: &homecare::Cast) -> Past {
    let month_began_ms = (Month::of(start).starts_at() - start).num_milliseconds();
    let from_ms = month_began_ms.max(-REACHES_BACK_MS) + MINUTE;
    let mut turns = Turns::default();
    for (nth, (alarms, calls)) in ANSWERED.into_iter().enumerate() {
        let people = if nth == 0 { pen.jammerbugt.clone() } else { pen.norddjurs.clone() };
        for at_ms in spread(pen, from_ms, alarms) {
            answered_alarm(pen, &mut turns, at_ms, &people);
        }
        for at_ms in spread(pen, from_ms, calls) {
            answered_call(pen, &mut turns, at_ms, &people);
        }
    }
    old_redirect(pen, &mut turns, start);
    let missed_early = missed_early(pen, &mut turns);
    let missed_late = missed_late(pen, &mut turns);
    let (facts, deeds) = home.past(pen);
    turns.facts.extend(facts);
    turns.deeds.extend(deeds);
    turns.deeds.push(Step {
        at_offset_ms: ENDS_MS,
        act: Act::Do(Deed {
            on: None,
            is_duty: false,
            command: Command::Shift(shift::Command::SignOn { until: Some(start + Duration::hours(6)) }),
        }),
    });
    for turn in [&mut turns.facts, &mut turns.deeds, &mut turns.ends] {
        turn.sort_by_key(|step| step.at_offset_ms);
    }
    let steps = [turns.facts, turns.deeds, turns.ends].concat();
    Past { steps, missed_early, missed_late }
}

/// So many times between `from_ms` and this evening, fewer when there is no room.
fn spread(pen: &mut Pen, from_ms: i64, wanted: usize) -> Vec<i64> {
    let room = (ENDS_MS - from_ms).max(0);
    let count = i64::try_from(wanted).unwrap_or(0).min(room / APART_MS);
    (0..count).map(|nth| from_ms + room * nth / count + pen.between(0, APART_MS / 2)).collect()
}

fn of(people: &[Citizen]) -> Option<AgreementId> {
    people.first().map(|it| it.agreement.clone())
}

fn pick(pen: &mut Pen, people: &[Citizen]) -> Citizen {
    let nth = usize::try_from(pen.between(0, 99)).unwrap_or(0) % people.len();
    people[nth].clone()
}

fn answered_alarm(pen: &mut Pen, turns: &mut Turns, at_ms: i64, people: &[Citizen]) {
    let (alarm, who) = (pen.alarm(), pick(pen, people));
    let agreement = of(people);
    let trigger = pen.one_of(&["pendant", "pendant", "bracelet", "fall", "pull-cord"]);
    let outcome = pen.one_of(&[Outcome::Helped, Outcome::Helped, Outcome::NothingWrong, Outcome::FalseAlarm]);
    let observation = raised(&alarm, &who, trigger);
    turns.facts.push(pen.say(at_ms, agreement.as_ref(), observation));
    let answered_ms = at_ms + pen.between(6, 48) * SECOND;
    let by = alarm_answered(&alarm, Some(colleague()));
    turns.facts.push(pen.say(answered_ms, agreement.as_ref(), by));
    let closed_ms = answered_ms + pen.between(4, 35) * MINUTE;
    let documented = Command::Alarms(alarms::Command::Documented {});
    turns.deeds.push(deed(closed_ms - 5 * SECOND, &alarm, documented));
    turns.deeds.push(deed(closed_ms, &alarm, Command::Alarms(alarms::Command::Close { outcome })));
}

fn answered_call(pen: &mut Pen, turns: &mut Turns, at_ms: i64, people: &[Citizen]) {
    let (call, who) = (pen.call(), pick(pen, people));
    let agreement = of(people);
    turns.facts.push(pen.say(at_ms, agreement.as_ref(), waiting(&call, Some(&who))));
    let answered_ms = at_ms + pen.between(4, 50) * SECOND;
    turns.facts.push(pen.say(answered_ms, agreement.as_ref(), answered(&call, colleague())));
    let ended_ms = answered_ms + pen.between(60, 400) * SECOND;
    turns.deeds.push(deed(ended_ms - 5 * SECOND, &call, Command::Phone(phone::Command::Documented {})));
    turns.ends.push(pen.say(ended_ms, agreement.as_ref(), ended(&call)));
}

/// Rang out in Jammerbugt so many days ago that its justification is due tomorrow night.
fn old_redirect(pen: &mut Pen, turns: &mut Turns, start: DateTime<Utc>) {
    let due_at = start + Duration::hours(JUSTIFICATION_DUE_IN_HOURS);
    let rang_out_at = calendar::plus_calendar_days(due_at, -JUSTIFICATION_DAYS);
    let rang_out_ms = (rang_out_at - start).num_milliseconds();
    let (alarm, who) = (pen.alarm(), pen.jammerbugt[1].clone());
    let agreement = Some(&who.agreement);
    let observation = raised(&alarm, &who, "pendant");
    turns.facts.push(pen.say(rang_out_ms - RANG_FOR_MS, agreement, observation));
    turns.facts.push(pen.say(rang_out_ms, agreement, rang_out(&alarm)));
    turns.facts.push(pen.say(rang_out_ms + 40 * SECOND, agreement, redirected(&alarm)));
}

fn missed_early(pen: &mut Pen, turns: &mut Turns) -> (ExternalId, Citizen) {
    let (call, who) = (pen.call(), pen.jammerbugt[0].clone());
    let at_ms = -pen.between(75, 95) * MINUTE;
    turns.facts.push(pen.say(at_ms, Some(&who.agreement), waiting(&call, Some(&who))));
    let gone = missed(&call, MissedReason::HungUp);
    let gone_ms = at_ms + pen.between(40, 80) * SECOND;
    turns.facts.push(pen.say(gone_ms, Some(&who.agreement), gone));
    (call, who)
}

fn missed_late(pen: &mut Pen, turns: &mut Turns) -> ExternalId {
    let (call, who) = (pen.call(), pen.norddjurs[0].clone());
    let at_ms = -pen.between(20, 28) * MINUTE;
    turns.facts.push(pen.say(at_ms, Some(&who.agreement), waiting(&call, Some(&who))));
    let gone = missed(&call, MissedReason::Timeout);
    turns.facts.push(pen.say(at_ms + 120 * SECOND, Some(&who.agreement), gone));
    call
}

const _: () = assert!(AGREEMENTS.len() == ANSWERED.len());
