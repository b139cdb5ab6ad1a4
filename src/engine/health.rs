//! Source health: when each source was last heard and when it should have been.
//!
//! Owns the rule of when a source is late or silent. Must never know what a source says.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::identity::{AgreementId, Code, SourceName};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    Ok,
    /// Heard later than expected.
    Late,
    /// Not heard for twice as long as expected, or known to be cut off.
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
    /// Why it is cut, if the link knows.
    pub why: Option<Code>,
    /// Empty when it has none, or when it is not known who takes the calls.
    pub queues: Vec<Queue>,
    since: DateTime<Utc>,
}

impl Health {
    /// The queues in which callers wait and nobody takes them.
    pub fn unattended(&self) -> impl Iterator<Item = &Queue> {
        self.queues.iter().filter(|queue| queue.on_duty == 0 && queue.waiting > 0)
    }

    pub fn condition(&self, now: DateTime<Utc>) -> Condition {
        if self.is_cut {
            return Condition::Silent;
        }
        let Some(within) = self.expected_within else {
            return if self.heard_at.is_some() { Condition::Ok } else { Condition::Off };
        };
        let quiet = now - self.heard_at.unwrap_or(self.since);
        if quiet <= within {
            Condition::Ok
        } else if quiet <= within * 2 {
            Condition::Late
        } else {
            Condition::Silent
        }
    }
}

/// All sources. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Sources(Arc<Mutex<BTreeMap<SourceName, Health>>>);

impl Sources {
    fn with<T>(&self, then: impl FnOnce(&mut BTreeMap<SourceName, Health>) -> T) -> T {
        then(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
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
        let health = Health {
            name: name.clone(),
            kind,
            heard_at: None,
            expected_within: within,
            agreements,
            is_cut: false,
            why: None,
            queues: Vec::new(),
            since: now,
        };
        self.with(|all| {
            all.entry(name).or_insert(health);
        });
    }

    /// The source said something.
    pub fn heard(&self, name: &SourceName, kind: &'static str, now: DateTime<Utc>) {
        self.with(|all| {
            let health = all.entry(name.clone()).or_insert_with(|| Health {
                name: name.clone(),
                kind,
                heard_at: None,
                expected_within: None,
                agreements: Vec::new(),
                is_cut: false,
                why: None,
                queues: Vec::new(),
                since: now,
            });
            health.heard_at = Some(now);
            health.is_cut = false;
            health.why = None;
        });
    }

    /// The link to the source is known to be cut, and why if the link knows.
    pub fn cut(&self, name: &SourceName, why: Option<Code>) {
        self.with(|all| {
            if let Some(health) = all.get_mut(name) {
                health.is_cut = true;
                health.why = why;
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

    pub fn all(&self) -> Vec<Health> {
        self.with(|all| all.values().cloned().collect())
    }
}
