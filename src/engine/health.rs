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
    since: DateTime<Utc>,
}

impl Health {
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

    pub fn all(&self) -> Vec<Health> {
        self.with(|all| all.values().cloned().collect())
    }
}
