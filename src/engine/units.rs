//! What is known of units besides the log: short names from the settings, and under which id those were stored whose id
//! is a telephone number, before such ids were masked.
//!
//! Owns both tables. That of old ids is made when the log has been read and grows no more: what comes now is masked.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use crate::domain::State;
use crate::domain::identity::ExternalId;
use crate::domain::masking::{Field, Masking};

/// Cheap to clone; all clones are one table.
#[derive(Debug, Clone, Default)]
pub struct Units {
    before: Arc<RwLock<BTreeMap<ExternalId, ExternalId>>>,
    names: Arc<RwLock<BTreeMap<ExternalId, String>>>,
}

impl Units {
    /// Learns those that the state knows under an unmasked id.
    pub fn learn(&self, state: &State, masking: &Masking) {
        let alarms = state.not_at_rest().filter_map(|entry| entry.device());
        let known = alarms.chain(state.devices().map(|device| &device.id));
        let masked = known.filter_map(|device| {
            let (id, masked) = masking.id(Field::Device, device.as_str())?;
            masked.map(|_| (id, device.clone()))
        });
        *self.before.write().unwrap_or_else(PoisonError::into_inner) = masked.collect();
    }

    /// The id that this device was stored under before.
    pub fn before(&self, device: Option<&ExternalId>) -> Option<ExternalId> {
        self.before.read().unwrap_or_else(PoisonError::into_inner).get(device?).cloned()
    }

    /// From now on these units have these names.
    pub fn name_all(&self, names: BTreeMap<ExternalId, String>) {
        *self.names.write().unwrap_or_else(PoisonError::into_inner) = names;
    }

    /// The short name of a unit.
    pub fn name(&self, device: &ExternalId) -> Option<String> {
        self.names.read().unwrap_or_else(PoisonError::into_inner).get(device).cloned()
    }
}
