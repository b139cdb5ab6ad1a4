//! Where a citizen is by what our own people say, before any hospital does: taken away by ambulance, found dead, at home
//! after all (J 3.2, N 3.5.3).
//!
//! Owns which stay such a word is about, and how it is taken back. Must never know on which board it was said.

use chrono::{DateTime, Utc};

use super::{DischargeEvent, Ending, Stay, StopReason, WhyStopped};
use crate::domain::entry::{Body, Entry};
use crate::domain::identity::Board;
use crate::domain::observation::{Setting, StayFact};
use crate::domain::realm::Citizen;
use crate::domain::stay::{Item, Whereabouts};
use crate::domain::{Ctx, Draft, Event, State, boards};

/// What one of our own may say of where a citizen is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Away {
    TakenToHospital,
    Dead,
}

impl Away {
    fn fact(self) -> StayFact {
        match self {
            Self::TakenToHospital => StayFact::Admitted,
            Self::Dead => StayFact::Died,
        }
    }

    fn event(self) -> DischargeEvent {
        match self {
            // An ambulance asks nobody before, and whether a bed follows is not known yet.
            Self::TakenToHospital => DischargeEvent::Admitted {
                setting: Setting::AcuteOutpatient,
                planned: false,
                department: None,
                stay: None,
            },
            Self::Dead => DischargeEvent::Died { stay: None },
        }
    }

    fn item(self, at: DateTime<Utc>) -> Option<Item> {
        self.event().told(at).map(|told| told.item)
    }

    /// The stay says so already.
    fn is_known(self, stay: &Stay) -> bool {
        match self {
            Self::TakenToHospital => stay.is_away() || stay.is_dead(),
            Self::Dead => stay.is_dead(),
        }
    }
}

/// An entry of ours says at `at` that its citizen is `away`: goes on in the open stay, else opens one.
pub fn said(
    state: &State,
    ctx: &Ctx,
    by: &Entry,
    whose: &Citizen,
    away: Away,
    at: DateTime<Utc>,
) -> Vec<Draft> {
    let open = open_stay(state, by, whose);
    if let Some((entry, stay)) = open {
        let is_new = !away.is_known(stay);
        return is_new.then(|| entry.draft(at, Event::Discharges(away.event()))).into_iter().collect();
    }
    let opened = boards::following(ctx, state, by, Vec::new(), |opening| {
        Event::Discharges(DischargeEvent::Opened { opening, stay: None })
    });
    let opened = Draft { happened_at: at, ..opened };
    let Some(entry) = boards::opened_entry(&ctx.provisional(&opened)) else { return Vec::new() };
    let event = entry.draft(at, Event::Discharges(away.event()));
    vec![opened, event]
}

/// The stay that the word of `by` is about, open or over.
pub fn stay_of<'s>(
    state: &'s State,
    whose: &Citizen,
    away: Away,
    at: DateTime<Utc>,
) -> Option<(&'s Entry, &'s Stay)> {
    let item = away.item(at)?;
    let open = state.of_citizen_on(whose, Board::Discharges);
    open.chain(state.closed_of_citizen(whose)).find_map(|entry| match &entry.body {
        Body::Discharges(stay) if !stay.is_joined() && stay.facts.knows(at, &item) => Some((entry, stay)),
        _ => None,
    })
}

/// The open stay of this citizen that a word of `by` goes on in: where the citizen is away by it, before any other.
pub fn open_stay<'s>(state: &'s State, by: &Entry, whose: &Citizen) -> Option<(&'s Entry, &'s Stay)> {
    let stays = state.of_citizen_on(whose, Board::Discharges).filter_map(|entry| match &entry.body {
        Body::Discharges(stay) if entry.agreements().iter().any(|id| by.agreements().contains(id)) => {
            Some((entry, stay))
        }
        _ => None,
    });
    stays.max_by_key(|(_, stay)| (stay.is_dead(), stay.is_away(), stay.now.admitted_at))
}

/// What was said at `at` was not so. What a hospital, or another of us, has said of it since stands.
pub fn taken_back(ctx: &Ctx, entry: &Entry, stay: &Stay, away: Away, at: DateTime<Utc>) -> Vec<Draft> {
    let of = away.fact();
    let is_confirmed =
        away == Away::Dead && stay.stopped.as_ref().is_some_and(|it| it.reason.is(StopReason::Dead));
    // One dies once, and is admitted again and again.
    let is_later = |told: DateTime<Utc>| if away == Away::Dead { told != at } else { told > at };
    let is_told_again = stay
        .facts
        .iter()
        .any(|told| is_later(told.at) && matches!(&told.item, Item::Fact { of: other, .. } if *other == of));
    if is_confirmed || is_told_again {
        return Vec::new();
    }
    let one = |event| entry.draft(ctx.at, Event::Discharges(event));
    let mut drafts = vec![one(DischargeEvent::FactCancelled { of, setting: None, stay: None })];
    // Nobody else spoke of it: there is no stay.
    let is_only = stay.facts.iter().all(|told| told.at == at && Some(&told.item) == away.item(at).as_ref());
    if entry.is_open() && stay.stay.is_none() && is_only {
        drafts.push(one(DischargeEvent::Stopped { reason: WhyStopped::Became(Ending::TakenBack) }));
    }
    drafts
}

/// Something of after the ambulance shows the citizen at home: home from the emergency room, and help runs. Only where no
/// hospital has said a word: else its discharge is waited for.
pub fn is_at_home(state: &State, by: &Entry, whose: &Citizen, at: DateTime<Utc>) -> Vec<Draft> {
    match open_stay(state, by, whose) {
        Some((entry, stay)) if stay.is_away() && stay.is_by_our_word() && stay.now.admitted_at < Some(at) => {
            home(entry, at)
        }
        _ => Vec::new(),
    }
}

/// Came home at `at`, and help runs again.
pub(super) fn home(entry: &Entry, at: DateTime<Utc>) -> Vec<Draft> {
    let home = DischargeEvent::Discharged { resume_due: None, stay: None };
    [home, DischargeEvent::Resumed {}].map(|event| entry.draft(at, Event::Discharges(event))).into()
}

impl Stay {
    /// Away, and no hospital has said a word of it: our own people did.
    pub fn is_by_our_word(&self) -> bool {
        self.stay.is_none() && self.now.place == Whereabouts::Hospital && self.now.admitted_at.is_some()
    }

    /// It was said by one of ours, and was not so.
    pub fn is_taken_back(&self) -> bool {
        self.stopped.as_ref().is_some_and(|it| it.reason == WhyStopped::Became(Ending::TakenBack))
    }
}
