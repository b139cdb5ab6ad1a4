//! The first ten minutes: every kind of entry of every board, each once, and time enough between
//! them to look and to act. What the user does first stands; the colleague only steps in later.
//!
//! The times below must fit the agreements' own rules: an alarm rings out after 180 s, a call waits too long
//! after 60 s. A test holds them against the agreement files.

use std::collections::BTreeSet;

use chrono::Duration;

use super::history::Past;
use super::script::{
    Act, Pen, Step, alarm_answered, answered, colleague, deed, ended, id, missed, raised, rang_out,
    redirected, tested, waiting, with_text,
};
use super::{USER, homecare, script};
use crate::domain::alarms::{self, Helper, Outcome, Response};
use crate::domain::identity::{Code, ExternalId};
use crate::domain::observation::{MissedReason, Observation};
use crate::domain::{Command, entry, phone};

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
/// How long the script itself sees to what it opened.
pub(super) const SPARED_FOR: Duration = Duration::minutes(15);

/// Writes the first ten minutes, and names the entries in them.
pub(super) fn write(pen: &mut Pen, past: &Past, home: &homecare::Cast) -> (Vec<Step>, BTreeSet<ExternalId>) {
    let mut steps = Vec::new();
    waits_too_long(pen, &mut steps);
    installers_test(pen, &mut steps);
    answered_to_the_end(pen, &mut steps);
    low_battery(pen, &mut steps);
    missed_and_called_back(pen, &mut steps);
    rings_out(pen, &mut steps);
    let call = answered_by_the_user(pen, &mut steps);
    unknown_device(pen, &mut steps);
    rings_again(pen, &mut steps, past);
    colleague_takes_one(&mut steps, &past.missed_late);
    left_to_the_user(pen, &mut steps);
    unknown_number(pen, &mut steps);
    home.opening(pen, &mut steps, &call);
    steps.sort_by_key(|step| step.at_offset_ms);
    let mut spared: BTreeSet<_> = steps.iter().filter_map(|step| named(&step.act)).collect();
    spared.insert(past.missed_early.0.clone());
    (steps, spared)
}

fn named(act: &Act) -> Option<ExternalId> {
    match act {
        Act::SayIfUntaken { alarm, .. } => Some(alarm.clone()),
        Act::Do(deed) => deed.on.clone(),
        Act::Say(said) => match &said.observation.fact {
            Observation::AlarmRaised { alarm: id, .. }
            | Observation::CallWaiting { call: id, .. }
            | Observation::DoorUnanswered { visit: id }
            | Observation::VisitExpected { visit: id, .. } => Some(id.clone()),
            _ => None,
        },
    }
}

pub(super) fn claim(at_ms: i64, on: &ExternalId) -> Step {
    deed(at_ms, on, Command::Entry(entry::Command::Claim {}))
}

fn send_help(at_ms: i64, on: &ExternalId) -> Step {
    let respond = alarms::Command::Respond { with: Response::OwnHelp, helper: Some(Helper::OwnTeam) };
    deed(at_ms, on, Command::Alarms(respond))
}

fn arrive(at_ms: i64, on: &ExternalId) -> Step {
    deed(at_ms, on, Command::Alarms(alarms::Command::Arrive {}))
}

fn close(at_ms: i64, on: &ExternalId, outcome: Outcome) -> Step {
    deed(at_ms, on, Command::Alarms(alarms::Command::Close { outcome }))
}

fn call_back(at_ms: i64, on: &ExternalId, reached: bool) -> Step {
    deed(at_ms, on, Command::Phone(phone::Command::CallBack { reached, promise_at: None }))
}

fn waits_too_long(pen: &mut Pen, steps: &mut Vec<Step>) {
    let (call, who) = (pen.call(), pen.jammerbugt[2].clone());
    let of = Some(&who.agreement);
    steps.push(pen.say(8 * SECOND, of, waiting(&call, Some(&who))));
    steps.push(pen.say_between((100, 115), of, answered(&call, colleague())));
    steps.push(pen.say_between((240, 280), of, ended(&call)));
}

fn pen_ms(pen: &mut Pen, from_s: i64, to_s: i64) -> i64 {
    pen.between(from_s, to_s) * SECOND
}

fn installers_test(pen: &mut Pen, steps: &mut Vec<Step>) {
    let (alarm, at) = (pen.alarm(), pen.norddjurs[1].clone());
    steps.push(pen.say(14 * SECOND, Some(&at.agreement), tested(&alarm, &at, "pull-cord")));
    steps.push(close(11 * MINUTE, &alarm, Outcome::Test));
}

fn answered_to_the_end(pen: &mut Pen, steps: &mut Vec<Step>) {
    let (alarm, who) = (pen.alarm(), pen.jammerbugt[3].clone());
    let of = Some(&who.agreement);
    steps.push(pen.say(20 * SECOND, of, raised(&alarm, &who, "pendant")));
    steps.push(pen.say(34 * SECOND, of, alarm_answered(&alarm, None)));
    steps.push(claim(38 * SECOND, &alarm));
    steps.push(send_help(70 * SECOND, &alarm));
    steps.push(arrive(pen_ms(pen, 260, 285), &alarm));
    steps.push(close(pen_ms(pen, 345, 365), &alarm, Outcome::Helped));
}

fn low_battery(pen: &mut Pen, steps: &mut Vec<Step>) {
    let (alarm, at) = (pen.alarm(), pen.jammerbugt[4].clone());
    steps.push(pen.say(45 * SECOND, Some(&at.agreement), script::low_battery(&alarm, &at, 12)));
}

fn missed_and_called_back(pen: &mut Pen, steps: &mut Vec<Step>) {
    let (call, who) = (pen.call(), pen.norddjurs[2].clone());
    let of = Some(&who.agreement);
    steps.push(pen.say(60 * SECOND, of, waiting(&call, Some(&who))));
    steps.push(pen.say_between((98, 112), of, missed(&call, MissedReason::HungUp)));
    steps.push(pen.say(113 * SECOND, of, ended(&call)));
    steps.push(claim(185 * SECOND, &call));
    steps.push(call_back(pen_ms(pen, 205, 225), &call, true));
}

/// Nobody takes it: it rings out and goes to the municipal unit. Unless the user takes it.
fn rings_out(pen: &mut Pen, steps: &mut Vec<Step>) {
    let (alarm, who) = (pen.alarm(), pen.jammerbugt[5].clone());
    let signal = with_text(raised(&alarm, &who, "pendant"), "Tryk på halssmykke");
    steps.push(pen.say(80 * SECOND, Some(&who.agreement), signal));
    steps.push(pen.say_if_untaken((80 + 183) * SECOND, &alarm, rang_out(&alarm)));
    steps.push(pen.say_if_untaken((80 + 205) * SECOND, &alarm, redirected(&alarm)));
}

/// The talk the user had on the telephone leaves a documentation duty to them.
fn answered_by_the_user(pen: &mut Pen, steps: &mut Vec<Step>) -> ExternalId {
    let (call, who) = (pen.call(), pen.norddjurs[homecare::RINGS_FOR_HELP].clone());
    let of = Some(&who.agreement);
    steps.push(pen.say(130 * SECOND, of, waiting(&call, Some(&who))));
    steps.push(pen.say_between((142, 148), of, answered(&call, id(USER))));
    steps.push(pen.say_between((235, 255), of, ended(&call)));
    call
}

fn unknown_device(pen: &mut Pen, steps: &mut Vec<Step>) {
    let alarm = pen.alarm();
    let signal = Observation::AlarmRaised {
        alarm: alarm.clone(),
        device: Some(id("demo-device-unknown-01")),
        citizen: None,
        trigger: Some(Code::constant("bracelet")),
        technical: false,
        test: false,
    };
    let of = pen.norddjurs[4].agreement.clone();
    steps.push(pen.say(180 * SECOND, Some(&of), signal));
    steps.push(claim(pen_ms(pen, 280, 300), &alarm));
    let nurse = alarms::Command::Respond { with: Response::Nurse, helper: None };
    steps.push(deed(330 * SECOND, &alarm, Command::Alarms(nurse)));
    steps.push(close(pen_ms(pen, 550, 570), &alarm, Outcome::NotOurs));
}

/// Missed earlier this evening, answered now: closing the earlier one is offered.
fn rings_again(pen: &mut Pen, steps: &mut Vec<Step>, past: &Past) {
    let (call, who) = (pen.call(), past.missed_early.1.clone());
    let of = Some(&who.agreement);
    steps.push(pen.say(220 * SECOND, of, waiting(&call, Some(&who))));
    steps.push(pen.say_between((230, 238), of, answered(&call, colleague())));
    steps.push(pen.say_between((320, 345), of, ended(&call)));
}

/// The colleague has it, tries, reaches nobody, and tries once more later.
fn colleague_takes_one(steps: &mut Vec<Step>, call: &ExternalId) {
    steps.push(claim(50 * SECOND, call));
    steps.push(call_back(510 * SECOND, call, false));
    steps.push(call_back(13 * MINUTE, call, true));
}

/// The user has two minutes and more; then the colleague takes it.
fn left_to_the_user(pen: &mut Pen, steps: &mut Vec<Step>) {
    let (alarm, again) = (pen.alarm(), pen.alarm());
    let who = pen.norddjurs[5].clone();
    let of = Some(&who.agreement);
    let signal = with_text(raised(&alarm, &who, "fall"), "Fald registreret i stuen");
    steps.push(pen.say(370 * SECOND, of, signal));
    steps.push(pen.say(398 * SECOND, of, raised(&again, &who, "pendant")));
    steps.push(claim(pen_ms(pen, 515, 525), &alarm));
    steps.push(send_help(540 * SECOND, &alarm));
    steps.push(arrive(pen_ms(pen, 690, 715), &alarm));
    steps.push(close(pen_ms(pen, 800, 830), &alarm, Outcome::Helped));
}

/// Nobody knows the number, nor which municipality it is about.
fn unknown_number(pen: &mut Pen, steps: &mut Vec<Step>) {
    let call = pen.call();
    steps.push(pen.say(440 * SECOND, None, waiting(&call, None)));
    steps.push(pen.say_between((525, 540), None, missed(&call, MissedReason::Timeout)));
    steps.push(pen.say(541 * SECOND, None, ended(&call)));
}
