//! Look-ups over the open entries: which are on a board, whose they are, what they are about, which visits are at rest.
//!
//! Owns only what the entries say already: built from them alone it is the same. Must never decide anything.

use std::ops::RangeInclusive;

use chrono::{DateTime, TimeDelta, Utc};
use imbl::{OrdMap, OrdSet};
use uuid::Uuid;

use super::duties::DutyKind;
use super::entry::{Body, Entry};
use super::identity::{AgreementId, Board, CitizenId, EntryId};

/// Cheap to clone.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Index {
    /// All but visits at rest.
    boards: OrdMap<Board, OrdSet<EntryId>>,
    citizens: OrdMap<CitizenId, OrdSet<(Board, EntryId)>>,
    /// Duties by the entry they are about.
    about: OrdMap<EntryId, OrdSet<EntryId>>,
    /// Action plans.
    plans: OrdMap<AgreementId, OrdSet<EntryId>>,
    /// Visits at rest by their agreed time, for each list of agreements that one may belong to.
    resting: OrdMap<Vec<AgreementId>, OrdSet<(DateTime<Utc>, EntryId)>>,
}

/// Where one entry stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Keys {
    id: EntryId,
    board: Option<Board>,
    citizen: Option<(CitizenId, Board)>,
    about: Option<EntryId>,
    plan: Option<AgreementId>,
    resting: Option<(Vec<AgreementId>, DateTime<Utc>)>,
}

impl Keys {
    /// Of an entry that is not there.
    pub fn nowhere(id: EntryId) -> Self {
        Self { id, board: None, citizen: None, about: None, plan: None, resting: None }
    }

    /// Nowhere, for one that is over.
    pub fn of(entry: &Entry) -> Self {
        let mut keys = Self::nowhere(entry.id);
        if !entry.is_open() {
            return keys;
        }
        let board = entry.board();
        match entry.rests_until() {
            Some(agreed_at) => keys.resting = Some((entry.agreements().to_vec(), agreed_at)),
            None => keys.board = Some(board),
        }
        keys.citizen = entry.citizen.clone().map(|citizen| (citizen, board));
        if let Body::Duties(duty) = &entry.body {
            keys.about = duty.about;
            keys.plan = entry.agreement.clone().filter(|_| duty.duty == DutyKind::ActionPlan);
        }
        keys
    }
}

/// How near a visit is to an instant: nearest first, in the order in which it is walked to. Never the same for two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Nearness {
    distance: TimeDelta,
    is_past: bool,
    id: u128,
}

impl Nearness {
    pub fn of(agreed_at: DateTime<Utc>, id: EntryId, now: DateTime<Utc>) -> Self {
        let is_past = agreed_at < now;
        let walked = id.0.as_u128();
        Self { distance: (agreed_at - now).abs(), is_past, id: if is_past { !walked } else { walked } }
    }
}

impl Index {
    /// The index of these entries.
    pub fn over<'e>(entries: impl Iterator<Item = &'e Entry>) -> Self {
        let mut index = Self::default();
        for entry in entries {
            index.step(&Keys::nowhere(entry.id), &Keys::of(entry));
        }
        index
    }

    /// One entry that was there and is here now.
    pub fn step(&mut self, was: &Keys, is: &Keys) {
        if was == is {
            return;
        }
        let id = is.id;
        change(&mut self.boards, was.board, is.board, &id);
        let citizen = |keys: &Keys| keys.citizen.as_ref().map(|(citizen, _)| citizen.clone());
        if was.citizen != is.citizen {
            // A board is never changed.
            let board =
                was.citizen.as_ref().or(is.citizen.as_ref()).map_or(Board::Shift, |(_, board)| *board);
            change(&mut self.citizens, citizen(was), citizen(is), &(board, id));
        }
        change(&mut self.about, was.about, is.about, &id);
        change(&mut self.plans, was.plan.clone(), is.plan.clone(), &id);
        if was.resting != is.resting {
            if let Some((agreements, at)) = &was.resting {
                change(&mut self.resting, Some(agreements.clone()), None, &(*at, id));
            }
            if let Some((agreements, at)) = &is.resting {
                change(&mut self.resting, None, Some(agreements.clone()), &(*at, id));
            }
        }
    }

    /// All but visits at rest, by board, oldest first.
    pub fn not_at_rest(&self) -> impl Iterator<Item = EntryId> + '_ {
        self.boards.values().flat_map(|ids| ids.iter().copied())
    }

    /// Those of one board, oldest first; visits at rest left out.
    pub fn on(&self, board: Board) -> impl Iterator<Item = EntryId> + '_ {
        self.boards.get(&board).into_iter().flat_map(|ids| ids.iter().copied())
    }

    /// Of an id, by board, oldest first; several people may have it.
    pub fn of_citizen(&self, citizen: &CitizenId) -> OrdSet<(Board, EntryId)> {
        self.citizens.get(citizen).cloned().unwrap_or_default()
    }

    /// The part of a citizen's that is on this board.
    pub fn all_of(board: Board) -> RangeInclusive<(Board, EntryId)> {
        (board, EntryId(Uuid::nil()))..=(board, EntryId(Uuid::max()))
    }

    /// Duties about an entry, oldest first.
    pub fn about(&self, entry: EntryId) -> impl Iterator<Item = EntryId> + '_ {
        self.about.get(&entry).into_iter().flat_map(|ids| ids.iter().copied())
    }

    /// The oldest action plan of an agreement.
    pub fn plan(&self, agreement: &AgreementId) -> Option<EntryId> {
        self.plans.get(agreement)?.get_min().copied()
    }

    /// How many visits at rest a scope has.
    pub fn resting_count(&self, scope: &[AgreementId]) -> usize {
        self.resting_of(scope).map(OrdSet::len).sum()
    }

    /// A scope's visits at rest, those agreed nearest to `now` first. Takes as much work as is taken of it.
    pub fn resting_near<'s>(
        &'s self,
        scope: &'s [AgreementId],
        now: DateTime<Utc>,
    ) -> impl Iterator<Item = (Nearness, EntryId)> + 's {
        let from = (now, EntryId(Uuid::nil()));
        let near = move |(at, id): &(DateTime<Utc>, EntryId)| (Nearness::of(*at, *id, now), *id);
        let mut ways: Vec<_> = self
            .resting_of(scope)
            .flat_map(|visits| {
                let ahead = visits.range(from..).map(near);
                let behind = visits.range(..from).rev().map(near);
                let ways: [Box<dyn Iterator<Item = (Nearness, EntryId)> + 's>; 2] =
                    [Box::new(ahead), Box::new(behind)];
                ways
            })
            .map(Iterator::peekable)
            .collect();
        std::iter::from_fn(move || {
            let nearest = ways
                .iter_mut()
                .filter_map(|way| way.peek().copied().map(|next| (next, way)))
                .min_by_key(|(next, _)| *next);
            nearest.and_then(|(_, way)| way.next())
        })
    }

    /// What belongs to no agreement belongs to every scope.
    fn resting_of<'s>(
        &'s self,
        scope: &'s [AgreementId],
    ) -> impl Iterator<Item = &'s OrdSet<(DateTime<Utc>, EntryId)>> {
        let is_theirs = |of: &[AgreementId]| of.is_empty() || of.iter().any(|id| scope.contains(id));
        self.resting.iter().filter(move |(of, _)| is_theirs(of)).map(|(_, visits)| visits)
    }
}

/// Moves an id from one place to another; an empty place is none.
fn change<K: Ord + Clone, V: Ord + Clone>(
    places: &mut OrdMap<K, OrdSet<V>>,
    was: Option<K>,
    is: Option<K>,
    value: &V,
) {
    if was == is {
        return;
    }
    if let Some(place) = was
        && let Some(ids) = places.get_mut(&place)
    {
        ids.remove(value);
        if ids.is_empty() {
            places.remove(&place);
        }
    }
    if let Some(place) = is {
        places.entry(place).or_default().insert(value.clone());
    }
}
