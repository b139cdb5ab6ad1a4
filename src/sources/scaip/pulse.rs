//! Who should be heard, and is not. Pure: told what happened and when, says what follows.
//!
//! Owns the rule of silence. A unit that never said that it lives is not missed. When none of several is heard any
//! more, our own way to them is suspected first: one trouble with the source, not one entry for each.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::identity::ExternalId;
use crate::domain::masking::{Field, Masking};

/// Fewer units than this that fall silent together are just silent.
const TOGETHER_MIN: usize = 3;

/// Longer nobody is away (seconds): ten years.
const AWAY_MAX_SECONDS: i64 = 10 * 366 * 24 * 60 * 60;

struct Unit {
    heard_at: DateTime<Utc>,
    /// For so long of the time since then we were not there to hear it.
    away_for: TimeDelta,
    /// The last UTC date on which the log was told that it lives.
    noted_on: Option<NaiveDate>,
    is_silent: bool,
}

impl Unit {
    fn heard(heard_at: DateTime<Utc>) -> Self {
        Self { heard_at, away_for: TimeDelta::zero(), noted_on: None, is_silent: false }
    }

    fn is_overdue(&self, silent_after: TimeDelta, now: DateTime<Utc>) -> bool {
        !self.is_silent && now - self.heard_at - self.away_for > silent_after
    }
}

/// What is remembered over a restart: no more than who was heard when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// Until then we listened.
    pub listened_until: DateTime<Utc>,
    pub units: BTreeMap<ExternalId, Heard>,
}

impl Memory {
    /// Units by the ids they have now: what was remembered may be of before numbers were masked.
    pub fn masked(self, masking: &Masking) -> Self {
        let masked = |(device, heard): (ExternalId, Heard)| {
            let id = masking.id(Field::Device, device.as_str()).map(|(id, _)| id);
            (id.unwrap_or(device), heard)
        };
        Self { units: self.units.into_iter().map(masked).collect(), ..self }
    }
}

/// A unit that was heard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heard {
    pub at: DateTime<Utc>,
    /// For so long since then nobody listened (seconds).
    pub away_s: i64,
}

/// The units of one receiver.
pub struct Pulse {
    units: BTreeMap<ExternalId, Unit>,
    silent_after: TimeDelta,
    /// No unit is heard, and that was told.
    is_deaf: bool,
}

/// What silence there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Silence {
    /// These have not been heard since.
    Units(Vec<(ExternalId, DateTime<Utc>)>),
    /// Nobody is heard: told once.
    All,
}

impl Pulse {
    /// `known`: units that the log knows, and whether each is known to be silent. How long they have been silent is
    /// known from `memory`, else it counts from now. The time in between counts for nobody: whoever was away was us.
    pub fn new(
        silent_after: TimeDelta,
        known: Vec<(ExternalId, bool)>,
        memory: Option<&Memory>,
        now: DateTime<Utc>,
    ) -> Self {
        let unit = |device: &ExternalId, is_silent| {
            let before = memory.and_then(|it| Some((it.listened_until, it.units.get(device)?)));
            let Some((until, heard)) = before.filter(|(until, heard)| heard.at <= *until && *until <= now)
            else {
                return Unit { is_silent, ..Unit::heard(now) };
            };
            let away_for = TimeDelta::seconds(heard.away_s.clamp(0, AWAY_MAX_SECONDS));
            Unit { away_for: away_for + (now - until), is_silent, ..Unit::heard(heard.at) }
        };
        let units = known.into_iter().map(|(device, is_silent)| (device.clone(), unit(&device, is_silent)));
        Self { units: units.collect(), silent_after, is_deaf: false }
    }

    /// What is to be remembered.
    pub fn memory(&self, now: DateTime<Utc>) -> Memory {
        let heard = |unit: &Unit| Heard { at: unit.heard_at, away_s: unit.away_for.num_seconds() };
        let units = self.units.iter().map(|(device, unit)| (device.clone(), heard(unit)));
        Memory { listened_until: now, units: units.collect() }
    }

    /// A unit spoke; true when the log is to be told. `is_heartbeat`: and from now on it is missed.
    pub fn heard(&mut self, device: &ExternalId, is_heartbeat: bool, now: DateTime<Utc>) -> bool {
        if is_heartbeat && !self.units.contains_key(device) {
            self.units.insert(device.clone(), Unit::heard(now));
        }
        let Some(unit) = self.units.get_mut(device) else { return false };
        self.is_deaf = false;
        (unit.heard_at, unit.away_for) = (now, TimeDelta::zero());
        let is_news = unit.is_silent || unit.noted_on != Some(now.date_naive());
        unit.is_silent = false;
        unit.noted_on = Some(now.date_naive());
        is_news
    }

    /// The log could not be told: it is to be told again.
    pub fn not_noted(&mut self, device: &ExternalId) {
        if let Some(unit) = self.units.get_mut(device) {
            unit.noted_on = None;
        }
    }

    /// Silence that has begun since the last time it was asked for.
    pub fn silence(&mut self, now: DateTime<Utc>) -> Option<Silence> {
        let awake = self.units.values().filter(|unit| !unit.is_silent).count();
        let late = self.units.values().filter(|unit| unit.is_overdue(self.silent_after, now)).count();
        if late == 0 {
            return None;
        }
        if late == awake && late >= TOGETHER_MIN {
            return (!std::mem::replace(&mut self.is_deaf, true)).then_some(Silence::All);
        }
        let mut silent = Vec::new();
        for (device, unit) in &mut self.units {
            if unit.is_overdue(self.silent_after, now) {
                unit.is_silent = true;
                silent.push((device.clone(), unit.heard_at));
            }
        }
        Some(Silence::Units(silent))
    }

    /// The log could not be told of these: they are to be told of again.
    pub fn not_told(&mut self, silent: &[(ExternalId, DateTime<Utc>)]) {
        for (device, _) in silent {
            if let Some(unit) = self.units.get_mut(device) {
                unit.is_silent = false;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(name: &str) -> ExternalId {
        ExternalId::new(name).expect("a short name")
    }

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_310_040, 0).expect("a good time") + TimeDelta::minutes(minutes)
    }

    fn pulse(known: Vec<(ExternalId, bool)>) -> Pulse {
        Pulse::new(TimeDelta::minutes(150), known, None, at(0))
    }

    #[test]
    fn over_a_restart_silence_goes_on_and_the_time_that_we_were_away_is_nobodys() {
        let known = || vec![(unit("a"), false), (unit("b"), false), (unit("c"), true), (unit("new"), false)];
        let mut before = pulse(Vec::new());
        for (name, minutes) in [("a", 0), ("b", 80), ("c", 90), ("forgotten", 90)] {
            before.heard(&unit(name), true, at(minutes));
        }
        // Away from 100 to 1000, and again from 1010 to 1020.
        let memory = before.memory(at(100));
        let first = Pulse::new(TimeDelta::minutes(150), known(), Some(&memory), at(1000));
        let memory = first.memory(at(1010));
        let mut pulse = Pulse::new(TimeDelta::minutes(150), known(), Some(&memory), at(1020));
        assert_eq!(pulse.silence(at(1060)), None, "a was not heard for 150 minutes that we listened");
        assert_eq!(units(pulse.silence(at(1061))), [unit("a")]);
        assert_eq!(pulse.silence(at(1140)), None);
        assert_eq!(units(pulse.silence(at(1141))), [unit("b")]);
        assert_eq!(units(pulse.silence(at(1171))), [unit("new")]);
        assert!(pulse.heard(&unit("c"), true, at(1172)));
        // A memory that cannot be is none.
        for (heard, until) in [(50, 40), (0, 2000)] {
            let heard = BTreeMap::from([(unit("a"), Heard { at: at(heard), away_s: i64::MAX })]);
            let memory = Memory { listened_until: at(until), units: heard };
            let mut pulse = Pulse::new(TimeDelta::minutes(150), known(), Some(&memory), at(1000));
            assert_eq!(pulse.silence(at(1150)), None);
        }
    }

    fn units(silence: Option<Silence>) -> Vec<ExternalId> {
        match silence {
            Some(Silence::Units(units)) => units.into_iter().map(|(device, _)| device).collect(),
            Some(Silence::All) => panic!("not all"),
            None => Vec::new(),
        }
    }

    #[test]
    fn a_silent_unit_is_told_of_once_and_again_after_it_was_heard() {
        let mut pulse = pulse(Vec::new());
        assert!(pulse.heard(&unit("a"), true, at(0)), "new");
        assert!(!pulse.heard(&unit("a"), true, at(60)), "the same day");
        assert!(!pulse.heard(&unit("x"), false, at(0)), "one that sent no heartbeat is not missed");
        assert_eq!(pulse.silence(at(210)), None);
        assert_eq!(units(pulse.silence(at(211))), [unit("a")]);
        assert_eq!(pulse.silence(at(900)), None);
        assert!(pulse.heard(&unit("a"), false, at(901)), "back");
        assert_eq!(units(pulse.silence(at(1100))), [unit("a")]);
    }

    #[test]
    fn what_the_log_knows_is_missed_from_the_start_and_what_is_known_to_be_silent_is_not_told_again() {
        let mut pulse = pulse(vec![(unit("a"), false), (unit("b"), true)]);
        assert_eq!(units(pulse.silence(at(151))), [unit("a")]);
        assert!(pulse.heard(&unit("b"), true, at(152)));
    }

    #[test]
    fn when_nobody_is_heard_that_is_one_trouble() {
        let mut pulse = pulse(vec![(unit("a"), false), (unit("b"), false), (unit("c"), false)]);
        assert_eq!(pulse.silence(at(151)), Some(Silence::All));
        assert_eq!(pulse.silence(at(152)), None);
        pulse.heard(&unit("c"), true, at(153));
        assert_eq!(units(pulse.silence(at(154))), [unit("a"), unit("b")]);
    }
}
