//! Whose a citizen's id is. "4444" of one municipality and "4444" of another are two people, unless both municipalities
//! keep them in one care system, and their agreement files say so.
//!
//! Owns when two ids are one citizen. A look-up by citizen takes a [`Citizen`], never a bare id. Must never know who
//! the citizen is.

use super::agreement::Agreement;
use super::entry::{Entry, Link, LinkWhy};
use super::identity::{AgreementId, CitizenId, Code};
use super::{Ctx, State};

/// Within which a citizen's id stands for one person.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Realm {
    /// The care system of this agreement alone.
    Own(AgreementId),
    /// One that several agreements name.
    Shared(Code),
    /// What belongs to no agreement at all.
    Nobodys,
}

impl Realm {
    pub fn of(rules: &Agreement) -> Self {
        match &rules.care_system {
            Some(shared) => Self::Shared(shared.clone()),
            None => Self::Own(rules.id.clone()),
        }
    }
}

/// One person, as far as ids tell.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Citizen {
    pub realm: Realm,
    pub id: CitizenId,
}

impl State {
    /// The realm of what belongs to one of these agreements. None while that may be one of several realms.
    pub fn realm(&self, agreements: &[AgreementId]) -> Option<Realm> {
        let mut realms = agreements.iter().map(|id| match self.agreements.get(id) {
            Some(rules) => Realm::of(rules),
            None => Realm::Own(id.clone()),
        });
        let Some(first) = realms.next() else { return Some(Realm::Nobodys) };
        realms.all(|other| other == first).then_some(first)
    }

    /// Whom an id means in these agreements. None while it may mean one of several people.
    pub fn citizen_in(&self, agreements: &[AgreementId], id: &CitizenId) -> Option<Citizen> {
        self.realm(agreements).map(|realm| Citizen { realm, id: id.clone() })
    }

    /// Whom an entry is about. None while nobody knows, or while its id may mean one of several people.
    pub fn citizen_of(&self, entry: &Entry) -> Option<Citizen> {
        self.citizen_in(entry.agreements(), entry.citizen.as_ref()?)
    }

    /// Whom the fact that is decided names.
    pub(super) fn citizen_named(&self, ctx: &Ctx, id: &CitizenId) -> Option<Citizen> {
        self.citizen_in(ctx.scope(), id)
    }

    /// Whether a link still says something: that two entries are of one citizen ends when one of them is found to
    /// belong to another municipality.
    pub fn link_stands(&self, entry: &Entry, link: &Link) -> bool {
        if link.why != LinkWhy::SameCitizen {
            return true;
        }
        let other = self.entry(link.to).and_then(|other| self.citizen_of(other));
        other.is_none_or(|other| self.citizen_of(entry) == Some(other))
    }
}
