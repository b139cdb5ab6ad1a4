//! The night of the other two boards: who comes home from hospital, and which visits slip.
//!
//! Owns its citizens, stays and visits and when each is heard of. One of each kind, minutes apart, so that a tired
//! person can look at one before the next. The colleague sees to some; what is left ends by itself in the end.

use chrono::{DateTime, Duration, NaiveTime, Utc};

use super::Citizen;
use super::opening::claim;
use super::script::{Act, Deed, Pen, Step, deed, duty_done, id};
use crate::domain::agreement::DischargeStep;
use crate::domain::calendar::{self, ExtraDaysOff};
use crate::domain::identity::ExternalId;
use crate::domain::observation::{CancelledBy, Grant, Help, Matched, Observation, Setting, Window};
use crate::domain::{Command, discharges, visits};

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

/// Of Norddjurs, by place in the night's order: rings in the opening, and it is their visit that is late.
pub(super) const RINGS_FOR_HELP: usize = 3;
const COMES_HOME: usize = 6;
const TOLD_BY_TELEPHONE: usize = 7;
const MOVED_BY_US: usize = 8;
/// On the care system's list; no other stay nor visit of the night is theirs.
pub(super) const LISTED: usize = 9;
/// Of Jammerbugt.
const COMES_EARLY: usize = 6;
const DOES_NOT_OPEN: usize = 7;
const ON_LEAVE: usize = 8;
const ADMITTED: usize = 9;

/// How late and how early (ms).
const LATE: i64 = 34 * MINUTE;
const EARLY: i64 = 40 * MINUTE;
/// Plans are on such minutes of the clock.
const GRID: i64 = 5 * MINUTE;
/// A visit lasts so long.
const LASTS: i64 = 25 * MINUTE;
/// The morning's visit is moved by so much.
const MOVED: i64 = 105 * MINUTE;
/// The plan of the day is known so long before the night.
const PLAN_KNOWN: i64 = -8 * HOUR;
/// Who is told of by telephone comes home after at least so long.
const COMES_HOME_AFTER: i64 = 4 * HOUR;

/// One visit as planned.
struct Planned {
    visit: ExternalId,
    who: Citizen,
    agreed_ms: i64,
}

/// The night's stays and visits.
pub(super) struct Cast {
    comes_home: (ExternalId, Citizen),
    on_leave: (ExternalId, Citizen),
    /// Acutely, in the night: the municipality is told at once, the morning's visit stands still.
    admitted: (ExternalId, Citizen),
    falls_away: Planned,
    by_telephone: Citizen,
    /// Practical help that fell away while its citizen was in hospital: a replacement is owed.
    fell_away: Planned,
    late: Planned,
    early: Planned,
    door: Planned,
    moved: Planned,
}

impl Cast {
    pub fn new(pen: &mut Pen) -> Self {
        let (jammerbugt, norddjurs) = (pen.jammerbugt.clone(), pen.norddjurs.clone());
        let comes_home = norddjurs[COMES_HOME].clone();
        let fell_away = pen.ms(last_working_morning(pen.at(0)));
        let moved = pen.ms(next_morning(pen.at(0)));
        let (late, early, door) =
            (on_grid(pen, -9 * MINUTE), on_grid(pen, 62 * MINUTE), on_grid(pen, 5 * MINUTE));
        Self {
            on_leave: (pen.stay(), jammerbugt[ON_LEAVE].clone()),
            admitted: (pen.stay(), jammerbugt[ADMITTED].clone()),
            falls_away: planned(pen, &jammerbugt[ADMITTED], moved),
            by_telephone: norddjurs[TOLD_BY_TELEPHONE].clone(),
            fell_away: planned(pen, &comes_home, fell_away),
            late: planned(pen, &norddjurs[RINGS_FOR_HELP], late),
            early: planned(pen, &jammerbugt[COMES_EARLY], early),
            door: planned(pen, &jammerbugt[DOES_NOT_OPEN], door),
            moved: planned(pen, &norddjurs[MOVED_BY_US], moved),
            comes_home: (pen.stay(), comes_home),
        }
    }

    /// What was told and done before the night: facts, deeds.
    pub fn past(&self, pen: &mut Pen) -> (Vec<Step>, Vec<Step>) {
        let (stay, who) = &self.comes_home;
        let admitted_ms = self.fell_away.agreed_ms - 3 * HOUR;
        let leaver = &self.on_leave;
        let mut facts = vec![
            admitted(pen, admitted_ms, stay, who, false, "sor-afd-12"),
            // The plan of that day came after the admission.
            plan(pen, admitted_ms + HOUR, &self.fell_away, Help::Practical, None),
            admitted(pen, on_grid(pen, -41 * HOUR), &leaver.0, &leaver.1, true, "sor-afd-07"),
        ];
        for (visit, help) in [
            (&self.late, Help::Personal),
            (&self.early, Help::Nursing),
            (&self.door, Help::Food),
            (&self.moved, Help::Personal),
            (&self.falls_away, Help::Food),
        ] {
            let window = (visit.visit == self.moved.visit).then(morning);
            facts.push(plan(pen, PLAN_KNOWN, visit, help, window));
        }
        let asked = Command::Discharges(discharges::Command::AssessorsTold { told: false });
        // The colleague rang the municipality at the time.
        let told = duty_done(on_grid(pen, -41 * HOUR) + 20 * MINUTE, &leaver.0);
        (facts, vec![deed(admitted_ms + 3 * HOUR, stay, asked), told])
    }

    /// What is heard of in the first minutes, and what follows from it. `call`: the one who rings for help.
    pub fn opening(&self, pen: &mut Pen, steps: &mut Vec<Step>, call: &ExternalId) {
        self.comes_home(pen, steps);
        self.told_by_telephone(pen, steps);
        self.is_late(pen, steps, call);
        self.comes_early(pen, steps);
        self.on_leave(pen, steps);
        self.door(pen, steps);
        self.moved(pen, steps);
        self.admitted(pen, steps);
    }

    /// The hospital's message; the colleague ticks off one step, the user goes on.
    fn comes_home(&self, pen: &mut Pen, steps: &mut Vec<Step>) {
        let (stay, who) = &self.comes_home;
        let home = Observation::StayDischarged { stay: stay.clone(), citizen: Some(who.citizen.clone()) };
        steps.push(pen.say(95 * SECOND, Some(&who.agreement), home));
        let step = discharges::Command::Step { step: DischargeStep::VisitsPlanned, done: true };
        steps.push(deed(300 * SECOND, stay, Command::Discharges(step)));
    }

    fn told_by_telephone(&self, pen: &mut Pen, steps: &mut Vec<Step>) {
        let hours = pen.at(COMES_HOME_AFTER).timestamp().div_euclid(3_600) + 1;
        let open = discharges::Command::Open {
            agreement: Some(self.by_telephone.agreement.clone()),
            citizen: Some(self.by_telephone.citizen.clone()),
            expected_at: DateTime::UNIX_EPOCH + Duration::hours(hours),
            told_by: discharges::Teller::Nurse,
        };
        let act = Act::Do(Deed { on: None, is_duty: false, command: Command::Discharges(open) });
        steps.push(Step { at_offset_ms: 125 * SECOND, act });
    }

    fn is_late(&self, pen: &mut Pen, steps: &mut Vec<Step>, call: &ExternalId) {
        let Planned { who, agreed_ms, .. } = &self.late;
        off_time(pen, steps, 165 * SECOND, &self.late, agreed_ms + LATE);
        let matched =
            Observation::CitizenMatched { of: Matched::Call(call.clone()), citizen: who.citizen.clone() };
        steps.push(pen.say(200 * SECOND, Some(&who.agreement), matched));
    }

    /// The colleague rings this one.
    fn comes_early(&self, pen: &mut Pen, steps: &mut Vec<Step>) {
        off_time(pen, steps, 225 * SECOND, &self.early, self.early.agreed_ms - EARLY);
        steps.push(claim(425 * SECOND, &self.early.visit));
        let told = Command::Visits(visits::Command::Contact { reached: true });
        steps.push(deed(455 * SECOND, &self.early.visit, told));
    }

    fn on_leave(&self, pen: &mut Pen, steps: &mut Vec<Step>) {
        let (stay, who) = &self.on_leave;
        let of = Some(&who.agreement);
        let stay = stay.clone();
        let left = Observation::StayLeaveStarted { stay: stay.clone() };
        steps.push(pen.say(270 * SECOND, of, left));
        let back = Observation::StayLeaveEnded { stay: stay.clone() };
        steps.push(pen.say(3 * HOUR, of, back));
        let home = Observation::StayDischarged { stay, citizen: Some(who.citizen.clone()) };
        steps.push(pen.say(5 * HOUR, of, home));
    }

    /// An acute stay of some hours.
    fn admitted(&self, pen: &mut Pen, steps: &mut Vec<Step>) {
        let (stay, who) = &self.admitted;
        steps.push(admitted(pen, 470 * SECOND, stay, who, false, "sor-afd-03"));
        let home = Observation::StayDischarged { stay: stay.clone(), citizen: Some(who.citizen.clone()) };
        steps.push(pen.say(7 * HOUR, Some(&who.agreement), home));
    }

    /// Left to the user for a while.
    fn door(&self, pen: &mut Pen, steps: &mut Vec<Step>) {
        let closed = Observation::DoorUnanswered { visit: self.door.visit.clone() };
        let of = self.door.who.agreement.clone();
        steps.push(pen.say(345 * SECOND, Some(&of), closed));
    }

    /// Personal care that the colleague moves although the contract says never; the citizen does not know yet.
    fn moved(&self, pen: &mut Pen, steps: &mut Vec<Step>) {
        let Planned { visit, agreed_ms, .. } = &self.moved;
        let to_ms = agreed_ms + MOVED;
        let (to, asked_by) = (pen.at(to_ms), CancelledBy::Provider);
        let later = visits::Command::Move { to, asked_by, confirmed: true };
        steps.push(deed(405 * SECOND, visit, Command::Visits(later)));
        begins_and_ends(pen, steps, &self.moved, to_ms);
    }
}

/// A visit of the quiet night that will be late, and is at last.
pub(super) fn slips(pen: &mut Pen, at_ms: i64) -> Vec<Step> {
    let who = pen.anybody();
    let agreed_ms = on_grid(pen, at_ms + 15 * MINUTE);
    let visit = planned(pen, &who, agreed_ms);
    let help = pen.one_of(&[Help::Personal, Help::Nursing, Help::Food]);
    let expected_ms = agreed_ms + pen.between(32, 55) * MINUTE;
    let mut steps = vec![plan(pen, at_ms, &visit, help, None)];
    off_time(pen, &mut steps, at_ms + 2 * MINUTE, &visit, expected_ms);
    steps
}

// ---- facts, shortly --------------------------------------------------------------------------

fn planned(pen: &mut Pen, who: &Citizen, agreed_ms: i64) -> Planned {
    Planned { visit: pen.visit(), who: who.clone(), agreed_ms }
}

/// The last such minute of the clock at or before.
fn on_grid(pen: &Pen, at_ms: i64) -> i64 {
    at_ms - pen.at(at_ms).timestamp_millis().rem_euclid(GRID)
}

fn last_working_morning(start: DateTime<Utc>) -> DateTime<Utc> {
    let day = calendar::working_day_before(calendar::local_date(start), &ExtraDaysOff::default());
    calendar::instant(day.and_time(clock(10)))
}

/// Eight in the morning, the first that is well ahead.
fn next_morning(start: DateTime<Utc>) -> DateTime<Utc> {
    let today = calendar::local_date(start);
    let at = |day: chrono::NaiveDate| calendar::instant(day.and_time(clock(8)));
    if at(today) >= start + Duration::hours(1) { at(today) } else { at(today + Duration::days(1)) }
}

fn clock(hour: u32) -> NaiveTime {
    NaiveTime::from_hms_opt(hour, 0, 0).expect("an hour of the day")
}

fn morning() -> Window {
    Window { from: clock(7), to: clock(11) }
}

fn admitted(
    pen: &mut Pen,
    at_ms: i64,
    stay: &ExternalId,
    who: &Citizen,
    planned: bool,
    department: &str,
) -> Step {
    let admitted = Observation::StayAdmitted {
        stay: stay.clone(),
        citizen: Some(who.citizen.clone()),
        setting: Setting::Inpatient,
        planned,
        department: Some(id(department)),
    };
    pen.say(at_ms, Some(&who.agreement), admitted)
}

fn plan(pen: &mut Pen, at_ms: i64, it: &Planned, help: Help, window: Option<Window>) -> Step {
    let planned = Observation::VisitPlanned {
        visit: it.visit.clone(),
        citizen: it.who.citizen.clone(),
        grant: Grant::Service,
        help,
        agreed_at: pen.at(it.agreed_ms),
        window,
        starts: None,
    };
    pen.say(at_ms, Some(&it.who.agreement), planned)
}

/// Told at `at_ms` that it will be off its time, and then it is.
fn off_time(pen: &mut Pen, steps: &mut Vec<Step>, at_ms: i64, it: &Planned, expected_ms: i64) {
    let expected = Observation::VisitExpected { visit: it.visit.clone(), expected_at: pen.at(expected_ms) };
    steps.push(pen.say(at_ms, Some(&it.who.agreement), expected));
    begins_and_ends(pen, steps, it, expected_ms);
}

fn begins_and_ends(pen: &mut Pen, steps: &mut Vec<Step>, it: &Planned, at_ms: i64) {
    let (visit, of) = (it.visit.clone(), Some(&it.who.agreement));
    let started = Observation::VisitStarted { visit: visit.clone() };
    steps.push(pen.say(at_ms, of, started));
    steps.push(pen.say(at_ms + LASTS, of, Observation::VisitDone { visit }));
}
