//! Units whose id is a telephone number and was stored before such ids were masked: found again under both forms.
//!
//! Owns the table from the new form to the old, made when the log has been read. Grows no more: what comes now is masked.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use crate::domain::State;
use crate::domain::identity::ExternalId;
use crate::domain::masking::{Field, Masking};

/// Cheap to clone; all clones are one table.
#[derive(Debug, Clone, Default)]
pub struct Units(Arc<RwLock<BTreeMap<ExternalId, ExternalId>>>);

impl Units {
    /// Learns those that the state knows under an unmasked id.
    pub fn learn(&self, state: &State, masking: &Masking) {
        let alarms = state.not_at_rest().filter_map(|entry| entry.device());
        let known = alarms.chain(state.devices().map(|device| &device.id));
        let masked = known.filter_map(|device| {
            let (id, masked) = masking.id(Field::Device, device.as_str())?;
            masked.map(|_| (id, device.clone()))
        });
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = masked.collect();
    }

    /// The id that this device was stored under before.
    pub fn before(&self, device: Option<&ExternalId>) -> Option<ExternalId> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(device?).cloned()
    }
}
