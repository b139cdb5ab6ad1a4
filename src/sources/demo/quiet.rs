//! After the first ten minutes: a quiet night without end, one thing every few minutes, by the seed.
//!
//! Owns how often and of what kind. What is to be done about it is left to the user, and in the end to the colleague.

use std::collections::VecDeque;

use super::homecare;
use super::script::{Pen, Step, answered, colleague, ended, low_battery, missed, raised, tested, waiting};
use crate::domain::observation::MissedReason;

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
/// When the first of it comes.
const FROM_MS: i64 = 11 * MINUTE;
/// From one thing to the next.
const APART_MS: (i64, i64) = (150 * SECOND, 6 * MINUTE);

/// The steps of the opening, then of the quiet night, in order of time.
pub(super) struct Quiet {
    pen: Pen,
    /// In order of time.
    ahead: VecDeque<Step>,
    next_ms: i64,
}

impl Quiet {
    pub fn after(opening: Vec<Step>, pen: Pen) -> Self {
        Self { pen, ahead: opening.into(), next_ms: FROM_MS }
    }

    fn write_next(&mut self) {
        let at_ms = self.next_ms;
        self.next_ms += self.pen.between(APART_MS.0, APART_MS.1);
        let steps = match self.pen.between(1, 20) {
            1..=9 => answered_call(&mut self.pen, at_ms),
            10..=13 => missed_call(&mut self.pen, at_ms),
            14..=17 => person_alarm(&mut self.pen, at_ms),
            18 => battery(&mut self.pen, at_ms),
            19 => homecare::slips(&mut self.pen, at_ms),
            _ => test(&mut self.pen, at_ms),
        };
        self.ahead.extend(steps);
        self.ahead.make_contiguous().sort_by_key(|step| step.at_offset_ms);
    }
}

impl Iterator for Quiet {
    type Item = Step;

    /// Never ends.
    fn next(&mut self) -> Option<Step> {
        while self.ahead.front().is_none_or(|step| step.at_offset_ms >= self.next_ms) {
            self.write_next();
        }
        self.ahead.pop_front()
    }
}

fn answered_call(pen: &mut Pen, at_ms: i64) -> Vec<Step> {
    let (call, who) = (pen.call(), pen.anybody());
    let of = Some(&who.agreement);
    let answered_ms = at_ms + pen.between(8, 45) * SECOND;
    let ended_ms = answered_ms + pen.between(50, 240) * SECOND;
    vec![
        pen.say(at_ms, of, waiting(&call, Some(&who))),
        pen.say(answered_ms, of, answered(&call, colleague())),
        pen.say(ended_ms, of, ended(&call)),
    ]
}

fn missed_call(pen: &mut Pen, at_ms: i64) -> Vec<Step> {
    let (call, who) = (pen.call(), pen.anybody());
    let of = Some(&who.agreement);
    let gone_ms = at_ms + pen.between(35, 150) * SECOND;
    // If the user answered in time, this is how the talk ends.
    let ended_ms = gone_ms + pen.between(60, 200) * SECOND;
    let reason = pen.one_of(&[MissedReason::HungUp, MissedReason::Timeout, MissedReason::NoAgent]);
    vec![
        pen.say(at_ms, of, waiting(&call, Some(&who))),
        pen.say(gone_ms, of, missed(&call, reason)),
        pen.say(ended_ms, of, ended(&call)),
    ]
}

fn person_alarm(pen: &mut Pen, at_ms: i64) -> Vec<Step> {
    let (alarm, who) = (pen.alarm(), pen.anybody());
    let trigger = pen.one_of(&["pendant", "pendant", "bracelet", "fall", "pull-cord", "wander"]);
    vec![pen.say(at_ms, Some(&who.agreement), raised(&alarm, &who, trigger))]
}

fn battery(pen: &mut Pen, at_ms: i64) -> Vec<Step> {
    let (alarm, at) = (pen.alarm(), pen.anybody());
    let left = pen.between(6, 19);
    vec![pen.say(at_ms, Some(&at.agreement), low_battery(&alarm, &at, left))]
}

fn test(pen: &mut Pen, at_ms: i64) -> Vec<Step> {
    let (alarm, at) = (pen.alarm(), pen.anybody());
    vec![pen.say(at_ms, Some(&at.agreement), tested(&alarm, &at, "pendant"))]
}
