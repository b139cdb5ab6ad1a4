//! The script of a night: pure and seeded. The same seed, start and citizens are the same night, step by step.
//!
//! Owns the shape of a step and the pen that writes them with fresh keys and ids. Must never wait, ask the time or
//! know what has become of an entry: the driver asks the board.

use std::collections::BTreeSet;

use chrono::{DateTime, Duration, SubsecRound, Utc};
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};

use super::quiet::Quiet;
use super::{AGREEMENTS, COLLEAGUE, Citizen, around, history, homecare, opening};
use crate::domain::identity::{AgreementId, Code, ExternalId, Key};
use crate::domain::observation::{MissedReason, Observation};
use crate::domain::{Command, duties};
use crate::protocol::observations::{LiveFacts, ObservationItem, WireObservation};
use crate::protocol::text::Text;

/// Every municipality needs so many citizens for a night.
pub const CITIZENS_MIN: usize = 11;
/// The queue of the one main number.
const QUEUE: &str = "doegnvagt";

/// A municipality has fewer citizens than a night needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a municipality needs at least {CITIZENS_MIN} citizens for a night")]
pub struct TooFewCitizens;

/// One fact, said by the source.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    pub key: Key,
    pub agreement: Option<AgreementId>,
    pub observation: WireObservation,
}

/// One command of the colleague.
#[derive(Debug, Clone, PartialEq)]
pub struct Deed {
    /// The outside id of the call, alarm, stay or visit; none for the shift and for what is opened by hand.
    pub on: Option<ExternalId>,
    /// Meant is the open duty about it, not itself.
    pub is_duty: bool,
    pub command: Command,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Act {
    Say(Said),
    /// Said only while nobody has the alarm: the user may have taken it.
    SayIfUntaken {
        alarm: ExternalId,
        said: Said,
    },
    Do(Deed),
}

/// What happens when. Milliseconds from the start of the night; history lies before it.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    pub at_offset_ms: i64,
    pub act: Act,
}

impl Said {
    /// As handed in.
    pub fn item(self, at: DateTime<Utc>) -> ObservationItem {
        ObservationItem { key: self.key, at, agreement: self.agreement, observation: self.observation }
    }
}

/// A whole night.
#[derive(Debug)]
pub struct Night {
    pub start: DateTime<Utc>,
    /// What was before. In the order in which it must be handed in, which is not quite that of time.
    pub history: Vec<Step>,
    /// The first ten minutes and what follows from them, in order of time.
    pub opening: Vec<Step>,
    /// The entries that the script itself sees to until `SPARED_FOR`.
    pub(super) spared: BTreeSet<ExternalId>,
    pen: Pen,
    /// What chances the night draws after its opening.
    quiet_seed: u64,
}

impl Night {
    /// The night of this seed.
    ///
    /// # Errors
    /// [`TooFewCitizens`] of one of [`AGREEMENTS`].
    pub fn new(seed: u64, start: DateTime<Utc>, citizens: &[Citizen]) -> Result<Self, TooFewCitizens> {
        // Steps count in milliseconds: below them a plan would miss its minute.
        let start = start.trunc_subsecs(3);
        let mut pen = Pen::new(seed, start, citizens)?;
        let home = homecare::Cast::new(&mut pen);
        let past = history::write(&mut pen, start, &home);
        let (opening, spared) = opening::write(&mut pen, &past, &home);
        let quiet_seed = pen.rng.random();
        Ok(Self { start, history: past.steps, opening, spared, pen, quiet_seed })
    }

    /// Everything from the start on, in order of time, without end.
    pub fn live(&self) -> impl Iterator<Item = Step> + Send + 'static {
        Quiet::after(self.opening.clone(), self.pen.another(self.quiet_seed))
    }

    /// What the care system's list says of somebody tonight.
    pub fn listed(&self) -> around::Listed {
        around::listed(self.start, &self.pen.norddjurs[homecare::LISTED])
    }

    pub fn at(&self, step: &Step) -> DateTime<Utc> {
        self.start + Duration::milliseconds(step.at_offset_ms)
    }
}

/// Writes steps: draws chances, hands out keys and ids.
#[derive(Debug)]
pub(super) struct Pen {
    rng: StdRng,
    start: DateTime<Utc>,
    keys: u32,
    calls: u32,
    alarms: u32,
    visits: u32,
    stays: u32,
    /// Of Jammerbugt, in the order of this night.
    pub jammerbugt: Vec<Citizen>,
    pub norddjurs: Vec<Citizen>,
}

impl Pen {
    fn new(seed: u64, start: DateTime<Utc>, citizens: &[Citizen]) -> Result<Self, TooFewCitizens> {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut of = |agreement: &str| {
            let mut some: Vec<_> =
                citizens.iter().filter(|it| it.agreement.as_str() == agreement).cloned().collect();
            some.shuffle(&mut rng);
            if some.len() < CITIZENS_MIN { Err(TooFewCitizens) } else { Ok(some) }
        };
        let (jammerbugt, norddjurs) = (of(AGREEMENTS[0])?, of(AGREEMENTS[1])?);
        Ok(Self { rng, start, keys: 0, calls: 0, alarms: 0, visits: 0, stays: 0, jammerbugt, norddjurs })
    }

    /// One that goes on from here with chances of its own.
    fn another(&self, seed: u64) -> Self {
        Self {
            rng: StdRng::seed_from_u64(seed),
            start: self.start,
            keys: self.keys,
            calls: self.calls,
            alarms: self.alarms,
            visits: self.visits,
            stays: self.stays,
            jammerbugt: self.jammerbugt.clone(),
            norddjurs: self.norddjurs.clone(),
        }
    }

    /// A chance between the two, the upper end included.
    pub fn between(&mut self, from: i64, to: i64) -> i64 {
        self.rng.random_range(from..=to)
    }

    pub fn one_of<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.rng.random_range(0..of.len())]
    }

    pub fn anybody(&mut self) -> Citizen {
        let of = if self.rng.random_bool(0.5) { &self.jammerbugt } else { &self.norddjurs };
        of[self.rng.random_range(0..of.len())].clone()
    }

    pub fn call(&mut self) -> ExternalId {
        self.calls += 1;
        id(&format!("demo-call-{:04}", self.calls))
    }

    pub fn alarm(&mut self) -> ExternalId {
        self.alarms += 1;
        id(&format!("demo-alarm-{:04}", self.alarms))
    }

    pub fn visit(&mut self) -> ExternalId {
        self.visits += 1;
        id(&format!("demo-visit-{:04}", self.visits))
    }

    pub fn stay(&mut self) -> ExternalId {
        self.stays += 1;
        id(&format!("demo-stay-{:04}", self.stays))
    }

    /// The instant of a step.
    pub fn at(&self, at_ms: i64) -> DateTime<Utc> {
        self.start + Duration::milliseconds(at_ms)
    }

    /// The step of an instant.
    pub fn ms(&self, at: DateTime<Utc>) -> i64 {
        (at - self.start).num_milliseconds()
    }

    fn said(&mut self, agreement: Option<&AgreementId>, observation: impl Into<WireObservation>) -> Said {
        self.keys += 1;
        let key =
            Key::new(format!("demo-{:05}", self.keys)).expect("lower-case letters, a hyphen and digits");
        Said { key, agreement: agreement.cloned(), observation: observation.into() }
    }

    pub fn say(
        &mut self,
        at_ms: i64,
        of: Option<&AgreementId>,
        observation: impl Into<WireObservation>,
    ) -> Step {
        Step { at_offset_ms: at_ms, act: Act::Say(self.said(of, observation)) }
    }

    /// Said at a second between the two.
    pub fn say_between(
        &mut self,
        seconds: (i64, i64),
        of: Option<&AgreementId>,
        observation: impl Into<WireObservation>,
    ) -> Step {
        let at_ms = self.between(seconds.0, seconds.1) * 1_000;
        self.say(at_ms, of, observation)
    }

    pub fn say_if_untaken(&mut self, at_ms: i64, alarm: &ExternalId, observation: Observation) -> Step {
        let said = self.said(None, observation);
        Step { at_offset_ms: at_ms, act: Act::SayIfUntaken { alarm: alarm.clone(), said } }
    }
}

/// The colleague does something about an entry.
pub(super) fn deed(at_ms: i64, on: &ExternalId, command: Command) -> Step {
    Step { at_offset_ms: at_ms, act: Act::Do(Deed { on: Some(on.clone()), is_duty: false, command }) }
}

/// A command of the colleague on the duty about an entry.
pub(super) fn duty_done(at_ms: i64, about: &ExternalId) -> Step {
    let command = Command::Duties(duties::Command::Done { reference: None, to: None, told_at: None });
    Step { at_offset_ms: at_ms, act: Act::Do(Deed { on: Some(about.clone()), is_duty: true, command }) }
}

// ---- facts, shortly --------------------------------------------------------------------------

pub(super) fn id(text: &str) -> ExternalId {
    ExternalId::new(text).expect("an id of the script: lower-case letters, hyphens and few digits")
}

pub(super) fn colleague() -> ExternalId {
    id(COLLEAGUE)
}

/// A call from somebody, or from a number nobody knows.
pub(super) fn waiting(call: &ExternalId, from: Option<&Citizen>) -> WireObservation {
    let caller = from.map_or_else(|| text("00 00 99 41"), |it| it.phone.clone());
    WireObservation {
        fact: Observation::CallWaiting { call: call.clone(), queue: id(QUEUE), colleague: false },
        live: LiveFacts { caller: Some(caller), caller_name: from.map(|it| it.name.clone()), text: None },
    }
}

pub(super) fn answered(call: &ExternalId, agent: ExternalId) -> Observation {
    Observation::CallAnswered { call: call.clone(), agent: Some(agent) }
}

pub(super) fn missed(call: &ExternalId, reason: MissedReason) -> Observation {
    Observation::CallMissed { call: call.clone(), reason }
}

pub(super) fn ended(call: &ExternalId) -> Observation {
    Observation::CallEnded { call: call.clone() }
}

/// An alarm of a citizen's device.
pub(super) fn raised(alarm: &ExternalId, by: &Citizen, trigger: &'static str) -> Observation {
    signal(alarm, by, Some(trigger), false)
}

/// An installer's test of it.
pub(super) fn tested(alarm: &ExternalId, by: &Citizen, trigger: &'static str) -> Observation {
    signal(alarm, by, Some(trigger), true)
}

fn signal(alarm: &ExternalId, by: &Citizen, trigger: Option<&'static str>, test: bool) -> Observation {
    Observation::AlarmRaised {
        alarm: alarm.clone(),
        device: Some(by.device.clone()),
        citizen: Some(by.citizen.clone()),
        trigger: trigger.map(Code::constant),
        // Without one nobody pressed anything.
        technical: trigger.is_none(),
        test,
    }
}

/// The device's own trouble.
pub(super) fn low_battery(alarm: &ExternalId, at: &Citizen, percent: i64) -> WireObservation {
    with_text(signal(alarm, at, None, false), &format!("Batteri lavt: {percent} %"))
}

/// What the device says beside it.
pub(super) fn with_text(fact: Observation, raw: &str) -> WireObservation {
    WireObservation { fact, live: LiveFacts { text: Some(text(raw)), ..LiveFacts::default() } }
}

pub(super) fn alarm_answered(alarm: &ExternalId, agent: Option<ExternalId>) -> Observation {
    Observation::AlarmAnswered { alarm: alarm.clone(), agent }
}

pub(super) fn rang_out(alarm: &ExternalId) -> Observation {
    Observation::AlarmUnanswered { alarm: alarm.clone() }
}

pub(super) fn redirected(alarm: &ExternalId) -> Observation {
    Observation::AlarmRedirected { alarm: alarm.clone(), to: Code::constant("municipal-unit") }
}

fn text(raw: &str) -> Text {
    Text::new(raw).expect("a short text of the script")
}
