//! Which sources speak of the same devices: a unit that turns to the back-up receiver is the same unit, and device 7 of
//! one system is not device 7 of another.
//!
//! Owns the namespace of each source, as set. Must never know what a device is.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use crate::domain::identity::SourceName;

/// Cheap to clone; all clones are one list.
#[derive(Debug, Clone, Default)]
pub struct Namespaces(Arc<RwLock<BTreeMap<SourceName, SourceName>>>);

impl Namespaces {
    /// From now on the devices this source tells of are those of `namespace`.
    pub fn join(&self, source: SourceName, namespace: SourceName) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(source, namespace);
    }

    /// That of a source: its own where nothing is set.
    pub fn of(&self, source: &SourceName) -> SourceName {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(source).unwrap_or(source).clone()
    }
}
