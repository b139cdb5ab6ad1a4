//! Who should be heard, and is not. Pure: told what happened and when, says what follows.
//!
//! Owns the rule of silence. A unit that never said that it lives is not missed. When none of several is heard any
//! more, our own way to them is suspected first: one trouble with the source, not one entry for each.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

use crate::domain::identity::ExternalId;

/// Fewer units than this that fall silent together are just silent.
const TOGETHER_MIN: usize = 3;

struct Unit {
    heard_at: DateTime<Utc>,
    /// The last UTC date on which the log was told that it lives.
    noted_on: Option<NaiveDate>,
    is_silent: bool,
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
    /// `known`: units that the log knows, and whether each is known to be silent. They count from now: whoever was
    /// away was us.
    pub fn new(silent_after: TimeDelta, known: Vec<(ExternalId, bool)>, now: DateTime<Utc>) -> Self {
        let unit = |is_silent| Unit { heard_at: now, noted_on: None, is_silent };
        let units = known.into_iter().map(|(device, is_silent)| (device, unit(is_silent))).collect();
        Self { units, silent_after, is_deaf: false }
    }

    /// A unit spoke; true when the log is to be told. `is_heartbeat`: and from now on it is missed.
    pub fn heard(&mut self, device: &ExternalId, is_heartbeat: bool, now: DateTime<Utc>) -> bool {
        if is_heartbeat && !self.units.contains_key(device) {
            let unit = Unit { heard_at: now, noted_on: None, is_silent: false };
            self.units.insert(device.clone(), unit);
        }
        let Some(unit) = self.units.get_mut(device) else { return false };
        self.is_deaf = false;
        unit.heard_at = now;
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
        let overdue = |unit: &&mut Unit| !unit.is_silent && now - unit.heard_at > self.silent_after;
        let awake = self.units.values().filter(|unit| !unit.is_silent).count();
        let late = self.units.values_mut().filter(overdue).count();
        if late == 0 {
            return None;
        }
        if late == awake && late >= TOGETHER_MIN {
            return (!std::mem::replace(&mut self.is_deaf, true)).then_some(Silence::All);
        }
        let mut silent = Vec::new();
        for (device, unit) in &mut self.units {
            if !unit.is_silent && now - unit.heard_at > self.silent_after {
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
        Pulse::new(TimeDelta::minutes(150), known, at(0))
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
