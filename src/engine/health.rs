//! Source health: when each source was last heard, when it should have been, why it is not well, and what of it could
//! not be read.
//!
//! Owns the rule of when a source is late or silent, and how often its trouble is told to the log. Must never know
//! what a source says, nor keep the bytes that could not be read.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

use crate::clock::Clock;
use crate::domain::identity::{AgreementId, Code, SourceName};

/// The kind of an agreement's desks: they are watched as a source is, and their silence is that nobody listens.
pub const DESKS: &str = "desks";
/// The kinds of what we do ourselves to be sure: when it does not work it has failed, it is not silent.
pub const OUR_OWN: [&str; 2] = ["escalation", "canary"];
/// What is told of desks that are all closed.
pub const NO_DESK: &str = "no-desk-open";
/// What cannot be read is counted each time and told to the log at most this often (seconds): a source that sends
/// rubbish all night must not fill the log.
const TOLD_EVERY: TimeDelta = TimeDelta::seconds(60);
/// Kinds of unreadable things counted apart for one source; more are counted as the last of them.
const REASONS_MAX: usize = 8;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    Ok,
    /// Heard later than expected, or part of what it said waits.
    Late,
    /// Not heard for twice as long as expected, or known to be cut off. For desks: not heard as expected.
    Silent,
    /// Nothing is expected of it, or it is not set up.
    Off,
}

/// Who takes the calls of one queue of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    pub name: String,
    /// The agreements it serves.
    pub agreements: Vec<AgreementId>,
    /// Signed in and not paused.
    pub on_duty: u32,
    pub busy: u32,
    pub paused: u32,
    pub waiting: u32,
}

/// Rows or messages that are kept until they can be taken in; the rest goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    pub count: u32,
    pub why: Code,
}

/// What could not be read, since the server started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    pub what: Code,
    pub count: u32,
    pub last_at: DateTime<Utc>,
    told_at: Option<DateTime<Utc>>,
    untold: u32,
}

/// One source as last known.
#[derive(Debug, Clone, PartialEq)]
pub struct Health {
    pub name: SourceName,
    /// ami, web-hook, care, …
    pub kind: &'static str,
    pub heard_at: Option<DateTime<Utc>>,
    pub expected_within: Option<TimeDelta>,
    pub agreements: Vec<AgreementId>,
    /// The link itself says that it is cut.
    pub is_cut: bool,
    /// The link itself says that it is open. That is not to have heard anything.
    pub is_open: bool,
    /// Why it is not well, as the link itself says; what to do, for one that is not set up.
    pub why: Option<Code>,
    /// Empty when it has none, or when it is not known who takes the calls.
    pub queues: Vec<Queue>,
    /// False: it is known to the program, and nobody has set it up.
    pub is_set_up: bool,
    pub unread: Vec<Unread>,
    /// What waits because somebody else cannot answer for it, and is asked about again.
    pub waiting: Option<Waiting>,
    /// The other side's clock is this far ahead of ours.
    pub clock_ahead: Option<TimeDelta>,
    /// Since when it is waited for.
    pub since: DateTime<Utc>,
}

impl Health {
    /// The queues in which callers wait and nobody takes them.
    pub fn unattended(&self) -> impl Iterator<Item = &Queue> {
        self.queues.iter().filter(|queue| queue.on_duty == 0 && queue.waiting > 0)
    }

    fn new(name: SourceName, kind: &'static str, now: DateTime<Utc>) -> Self {
        Self {
            name,
            kind,
            heard_at: None,
            expected_within: None,
            agreements: Vec::new(),
            is_cut: false,
            is_open: false,
            why: None,
            queues: Vec::new(),
            is_set_up: true,
            unread: Vec::new(),
            waiting: None,
            clock_ahead: None,
            since: now,
        }
    }

    /// As a clock says it that is ahead by so much.
    fn later_by(mut self, by: TimeDelta) -> Self {
        self.since += by;
        self.heard_at = self.heard_at.map(|at| at + by);
        for unread in &mut self.unread {
            unread.last_at += by;
        }
        self
    }

    pub fn condition(&self, now: DateTime<Utc>) -> Condition {
        match self.heard_condition(now) {
            Condition::Ok | Condition::Off if self.is_set_up && self.waiting.is_some() => Condition::Late,
            condition => condition,
        }
    }

    fn heard_condition(&self, now: DateTime<Utc>) -> Condition {
        if !self.is_set_up {
            return Condition::Off;
        }
        if self.is_cut {
            return Condition::Silent;
        }
        let Some(within) = self.expected_within else {
            return if self.heard_at.is_some() || self.is_open { Condition::Ok } else { Condition::Off };
        };
        let quiet = now - self.heard_at.unwrap_or(self.since);
        if quiet <= within {
            Condition::Ok
        } else if quiet <= within * 2 && self.kind != DESKS {
            Condition::Late
        } else {
            Condition::Silent
        }
    }
}

/// All sources. Cheap to clone.
///
/// Times come in and go out by the wall's clock as it is set now, and are kept by the even one: a clock that is set
/// makes nobody silent and nobody heard.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    all: Arc<Mutex<BTreeMap<SourceName, Health>>>,
    /// None: nobody sets the clock.
    clock: Option<Clock>,
}

impl Sources {
    pub fn new(clock: Clock) -> Self {
        Self { all: Arc::default(), clock: Some(clock) }
    }

    fn with<T>(&self, then: impl FnOnce(&mut BTreeMap<SourceName, Health>) -> T) -> T {
        then(&mut self.all.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// How far the wall's clock is ahead of the even one.
    fn set_by(&self) -> TimeDelta {
        self.clock.as_ref().map_or(TimeDelta::zero(), Clock::set_by)
    }

    /// Makes a source known before it has said anything.
    pub fn expect(
        &self,
        name: SourceName,
        kind: &'static str,
        within: Option<TimeDelta>,
        agreements: Vec<AgreementId>,
        now: DateTime<Utc>,
    ) {
        let now = now - self.set_by();
        self.with(|all| {
            let health = all.entry(name.clone()).or_insert_with(|| Health {
                expected_within: within,
                agreements: agreements.clone(),
                ..Health::new(name, kind, now)
            });
            if !health.is_set_up {
                // Set up while the server runs: waited for from now on.
                (health.is_set_up, health.why, health.since) = (true, None, now);
                (health.kind, health.agreements) = (kind, agreements);
                health.expected_within = within.or(health.expected_within);
            }
        });
    }

    /// Something the program could listen to and nobody has set up; `why` says what is missing. Leaves alone what is
    /// known by that name.
    pub fn not_set_up(&self, name: SourceName, kind: &'static str, why: Option<Code>, now: DateTime<Utc>) {
        let now = now - self.set_by();
        self.with(|all| {
            all.entry(name.clone()).or_insert_with(|| Health {
                is_set_up: false,
                why,
                ..Health::new(name, kind, now)
            });
        });
    }

    /// Whether anything of this kind is known.
    pub fn has_kind(&self, kind: &str) -> bool {
        self.with(|all| all.values().any(|health| health.kind == kind))
    }

    /// From now on the source is expected this often, or not at all.
    pub fn expect_within(&self, name: &SourceName, within: Option<TimeDelta>) {
        self.with(|all| {
            if let Some(health) = all.get_mut(name) {
                health.expected_within = within;
            }
        });
    }

    /// No longer watched.
    pub fn forget(&self, name: &SourceName) {
        self.with(|all| all.remove(name));
    }

    /// The source said something.
    pub fn heard(&self, name: &SourceName, kind: &'static str, now: DateTime<Utc>) {
        let now = now - self.set_by();
        self.with(|all| {
            let health = all.entry(name.clone()).or_insert_with(|| Health::new(name.clone(), kind, now));
            health.heard_at = Some(now);
            (health.is_cut, health.is_set_up, health.why) = (false, true, None);
        });
    }

    /// The link to the source is open.
    pub fn open(&self, name: &SourceName) {
        self.with(|all| {
            if let Some(health) = all.get_mut(name) {
                (health.is_open, health.is_cut, health.why) = (true, false, None);
            }
        });
    }

    /// The link to the source is known to be cut, and why.
    pub fn cut(&self, name: &SourceName, why: Option<Code>) {
        self.with(|all| {
            if let Some(health) = all.get_mut(name) {
                (health.is_open, health.is_cut, health.why) = (false, true, why);
            }
        });
    }

    /// Not well, and not cut: the link says why.
    pub fn ails(&self, name: &SourceName, why: Option<Code>) {
        self.with(|all| {
            if let Some(health) = all.get_mut(name) {
                health.why = why;
            }
        });
    }

    /// What of it waits now; none: nothing.
    pub fn waits(&self, name: &SourceName, waiting: Option<Waiting>) {
        self.with(|all| {
            if let Some(health) = all.get_mut(name) {
                health.waiting = waiting;
            }
        });
    }

    /// Who takes the calls of its queues now.
    pub fn staffed(&self, name: &SourceName, queues: Vec<Queue>) {
        self.with(|all| {
            if let Some(health) = all.get_mut(name) {
                health.queues = queues;
            }
        });
    }

    /// How far the other side's clock is ahead of ours.
    pub fn clock_ahead(&self, name: &SourceName, by: Option<TimeDelta>) {
        self.with(|all| {
            if let Some(health) = all.get_mut(name) {
                health.clock_ahead = by;
            }
        });
    }

    /// Counts something that could not be read. How many of these are to be told to the log now: none while the last
    /// telling is fresh.
    pub fn unreadable(
        &self,
        name: &SourceName,
        kind: &'static str,
        what: &Code,
        now: DateTime<Utc>,
    ) -> Option<u32> {
        let now = now - self.set_by();
        self.with(|all| {
            let health = all.entry(name.clone()).or_insert_with(|| Health::new(name.clone(), kind, now));
            let place = health.unread.iter().position(|it| it.what == *what);
            let place = match place {
                Some(place) => place,
                None if health.unread.len() < REASONS_MAX => {
                    let unread =
                        Unread { what: what.clone(), count: 0, last_at: now, told_at: None, untold: 0 };
                    health.unread.push(unread);
                    health.unread.len() - 1
                }
                None => REASONS_MAX - 1,
            };
            let unread = &mut health.unread[place];
            unread.count = unread.count.saturating_add(1);
            unread.untold = unread.untold.saturating_add(1);
            unread.last_at = now;
            unread.tell(now)
        })
    }

    /// Counts something odd about a fact that was taken, of a source that is known; as [`Self::unreadable`].
    pub fn odd(&self, name: &SourceName, what: &Code, now: DateTime<Utc>) -> Option<u32> {
        let kind = self.with(|all| all.get(name).map(|health| health.kind))?;
        self.unreadable(name, kind, what, now)
    }

    /// What was counted and is now to be told: source, reason, how many.
    pub fn untold(&self, now: DateTime<Utc>) -> Vec<(SourceName, Code, u32)> {
        let now = now - self.set_by();
        self.with(|all| {
            let mut told = Vec::new();
            for health in all.values_mut() {
                for unread in &mut health.unread {
                    if let Some(times) = unread.tell(now) {
                        told.push((health.name.clone(), unread.what.clone(), times));
                    }
                }
            }
            told
        })
    }

    pub fn all(&self) -> Vec<Health> {
        let set_by = self.set_by();
        self.with(|all| all.values().map(|health| health.clone().later_by(set_by)).collect())
    }
}

impl Unread {
    fn tell(&mut self, now: DateTime<Utc>) -> Option<u32> {
        let is_fresh = self.told_at.is_some_and(|at| now - at < TOLD_EVERY);
        if self.untold == 0 || is_fresh {
            return None;
        }
        self.told_at = Some(now);
        Some(std::mem::take(&mut self.untold))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_000_000 + seconds, 0).expect("a time")
    }

    fn name() -> SourceName {
        SourceName::new("vestby").expect("a name")
    }

    #[test]
    fn rubbish_all_night_is_counted_each_time_and_told_once_a_minute() {
        let (sources, what) = (Sources::default(), Code::constant("not-json"));
        let told: Vec<_> =
            (0..90).filter_map(|second| sources.unreadable(&name(), "web-hook", &what, at(second))).collect();
        assert_eq!(told, [1, 60]);
        assert_eq!(sources.all()[0].unread[0].count, 90);
        assert_eq!(sources.untold(at(100)), []);
        assert_eq!(sources.untold(at(120)), [(name(), what, 29)]);
        assert_eq!(sources.untold(at(500)), []);
    }

    #[test]
    fn an_endless_variety_of_rubbish_takes_no_more_room() {
        let sources = Sources::default();
        for nth in 0..1_000 {
            let what = Code::new(format!("reason-{nth}")).expect("a code");
            sources.unreadable(&name(), "web-hook", &what, at(nth));
        }
        let unread = &sources.all()[0].unread;
        assert_eq!((unread.len(), unread.iter().map(|it| it.count).sum::<u32>()), (REASONS_MAX, 1_000));
    }

    #[test]
    fn desks_have_no_time_of_grace_and_what_is_not_set_up_is_off() {
        let sources = Sources::default();
        let within = Some(TimeDelta::seconds(30));
        sources.expect(name(), DESKS, within, Vec::new(), at(0));
        let exchange = SourceName::new("central").expect("a name");
        sources.expect(exchange, "ami", within, Vec::new(), at(0));
        let scaip = SourceName::new("scaip").expect("a name");
        sources.not_set_up(scaip, "scaip", None, at(0));
        let conditions = |now: i64| -> Vec<_> {
            sources.all().iter().map(|health| (health.kind, health.condition(at(now)))).collect()
        };
        use Condition::{Late, Off, Ok, Silent};
        assert_eq!(conditions(30), [("ami", Ok), ("scaip", Off), (DESKS, Ok)]);
        assert_eq!(conditions(31), [("ami", Late), ("scaip", Off), (DESKS, Silent)]);
        assert_eq!(conditions(61), [("ami", Silent), ("scaip", Off), (DESKS, Silent)]);
    }
}
