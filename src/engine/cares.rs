//! Which care system serves which agreement.
//!
//! Owns whom one may ask about an entry: a citizen's id, a device and a text go to the care system of the entry's own
//! agreement and to no other, where the same id may be somebody else. Must never ask anybody itself.

use std::slice::from_ref;
use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::care::{Care, CareError, Whose};
use crate::domain::Refusal;
use crate::domain::entry::{Body, Entry};
use crate::domain::identity::{AgreementId, SourceName};

/// Questions at one care system at once who somebody is, of entries that do not ring: a route list opens thousands.
const ASK_WHO_AT_ONCE: usize = 8;
/// Nobody serves the agreement, or it is not known which one it is.
pub const NOBODY: CareError = CareError::NotSetUp { setting: "care.agreements" };

/// One care system and whom it serves.
#[derive(Debug)]
pub struct Port {
    /// How its sources are called; no other's.
    pub name: SourceName,
    /// Empty: every agreement that no other port names.
    pub agreements: Vec<AgreementId>,
    pub care: Care,
    /// Places for questions that may wait: one that hangs holds up nobody else's.
    pub(super) asking: Semaphore,
}

impl Port {
    pub fn new(name: SourceName, agreements: Vec<AgreementId>, care: Care) -> Self {
        Self { name, agreements, care, asking: Semaphore::new(ASK_WHO_AT_ONCE) }
    }
}

/// Every care system that is configured. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Cares(Arc<[Arc<Port>]>);

/// One that serves all.
impl From<Care> for Cares {
    fn from(care: Care) -> Self {
        let name = SourceName::new(care.name()).expect("adapters have names of letters");
        Self::new([Port::new(name, Vec::new(), care)])
    }
}

impl Cares {
    /// No two of one name, none that names another's agreement, at most one that names none.
    pub fn new(ports: impl IntoIterator<Item = Port>) -> Self {
        Self(ports.into_iter().map(Arc::new).collect())
    }

    pub fn all(&self) -> &[Arc<Port>] {
        &self.0
    }

    pub fn named(&self, name: &SourceName) -> Option<&Arc<Port>> {
        self.0.iter().find(|port| port.name == *name)
    }

    fn serving(&self, agreement: &AgreementId) -> Option<&Arc<Port>> {
        let named = self.0.iter().find(|port| port.agreements.contains(agreement));
        named.or_else(|| self.0.iter().find(|port| port.agreements.is_empty()))
    }

    /// Who serves what belongs to one of these agreements. None while that may be several, or nobody.
    pub fn of(&self, agreements: &[AgreementId]) -> Option<&Arc<Port>> {
        let mut ports = agreements.iter().map(|id| self.serving(id));
        match ports.next() {
            // It may be anybody's: only who serves all knows whose.
            None => self.0.first().filter(|port| self.0.len() == 1 && port.agreements.is_empty()),
            Some(first) => {
                let first = first?;
                ports.all(|other| other.is_some_and(|it| Arc::ptr_eq(it, first))).then_some(first)
            }
        }
    }

    /// The same, to be asked: of nobody, nothing is set up.
    pub fn care_of(&self, agreements: &[AgreementId]) -> Care {
        self.of(agreements).map_or(Care::Off, |port| port.care.clone())
    }

    /// Whether what this port says of the agreement is its own to say.
    pub fn is_served_by(&self, agreement: &AgreementId, port: &Port) -> bool {
        self.of(from_ref(agreement)).is_some_and(|it| it.name == port.name)
    }

    /// Who may be asked about an entry. None also for one that was told as another care system's: what its source
    /// called the citizen or the device is that one's, whoever the entry was given to since.
    pub fn of_entry(&self, entry: &Entry) -> Option<&Arc<Port>> {
        let port = self.of(entry.agreements())?;
        let is_anothers = self.of(&entry.opened_under).is_some_and(|it| !Arc::ptr_eq(it, port));
        (!is_anothers).then_some(port)
    }

    /// Whether something else may be asked about an entry than before.
    pub fn is_moved(&self, before: &Entry, after: &Entry) -> bool {
        let name = |entry| self.of_entry(entry).map(|port| &port.name);
        name(before) != name(after)
    }

    /// Whom to ask about an entry: its citizen, else its device. `CitizenUnknown`: it names neither.
    pub fn about(&self, entry: &Entry) -> Result<(Arc<Port>, Whose), Refusal> {
        let device = match &entry.body {
            Body::Alarms(alarm) => alarm.device.clone().map(Whose::Device),
            _ => None,
        };
        let citizen = entry.citizen.clone().map(Whose::Citizen);
        // Told as anybody's, its citizen may have been found in one care system before it was given to another's.
        let is_certain = self.of(&entry.opened_under).is_some();
        let whose = if is_certain { citizen.or(device) } else { device.or(citizen) };
        let whose = whose.ok_or(Refusal::CitizenUnknown)?;
        let port = self.of_entry(entry).ok_or(Refusal::CareNotSetUp)?;
        Ok((port.clone(), whose))
    }
}
