//! Sources that hand in a plan of visits and never tell when one starts: their silence says nothing.
//!
//! Owns which they are, as set. Must never know what a visit is.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError, RwLock};

use crate::domain::identity::SourceName;

/// Cheap to clone; all clones are one list.
#[derive(Debug, Clone, Default)]
pub struct PlanOnly(Arc<RwLock<BTreeSet<SourceName>>>);

impl PlanOnly {
    /// From now on nothing this source plans is late by silence, unless it says of a visit that its start is told.
    pub fn add(&self, source: SourceName) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(source);
    }

    pub fn contains(&self, source: &SourceName) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).contains(source)
    }
}
