//! What a stay means for the citizen's visits, for the duties to begin help, and for what the municipality is told.
//!
//! Owns what follows of where the citizen is. Must never refuse anything, and never decide where that is.

use chrono::{DateTime, Utc};

use super::Step;
use crate::domain::agreement::Matter;
use crate::domain::boards;
use crate::domain::discharges::stay::Whereabouts;
use crate::domain::discharges::{self, DischargeEvent, Stay, StopReason};
use crate::domain::duties::{self, notices};
use crate::domain::entry::{Body, Entry, EntryEvent};
use crate::domain::envelope::Draft;
use crate::domain::identity::{Board, EntryId};
use crate::domain::realm::Citizen;
use crate::domain::visits::{self, Halt};
use crate::domain::{Ctx, Event, State, sources};

impl Step<'_> {
    /// Of a stay only what stands counts, whatever was told in this request, and in what order.
    pub(super) fn of_stays(&mut self) {
        let mut stays: Vec<EntryId> = Vec::new();
        // What has followed so far may be of a stay too.
        let is_of_any = |draft: &&Draft| {
            matches!(draft.event, Event::Discharges(_) | Event::Entry(EntryEvent::CitizenMatched { .. }))
        };
        let said: Vec<Draft> = self.decided.iter().chain(&self.follows).filter(is_of_any).cloned().collect();
        for draft in &said {
            let is_of_stay = match &draft.event {
                Event::Discharges(_) => true,
                Event::Entry(EntryEvent::CitizenMatched { .. }) => {
                    self.after().entry(draft.entry).is_some_and(|it| it.board() == Board::Discharges)
                }
                _ => false,
            };
            if is_of_stay && !stays.contains(&draft.entry) {
                stays.push(draft.entry);
            }
        }
        // One that goes on in another hands over what it has before that one looks what it needs.
        let is_joined = |entry: &Entry| matches!(&entry.body, Body::Discharges(stay) if stay.is_joined());
        stays.sort_by_key(|id| !self.after().entry(*id).is_some_and(is_joined));
        stays.into_iter().for_each(|stay| self.of_stay(stay, &said));
    }

    /// What a stay means now for the citizen's visits and duties, and for what the municipality is told.
    fn of_stay(&mut self, id: EntryId, said: &[Draft]) {
        let mine = || said.iter().filter(move |draft| draft.entry == id);
        let own: Vec<&DischargeEvent> = mine()
            .filter_map(|draft| match &draft.event {
                Event::Discharges(event) => Some(event),
                _ => None,
            })
            .collect();
        let opened = || mine().next().and_then(|draft| boards::opened_entry(&self.ctx.provisional(draft)));
        let Some(was) = self.before.entry(id).cloned().or_else(opened) else { return };
        let Some(is) = self.after().entry(id).cloned() else { return };
        let (Body::Discharges(before), Body::Discharges(after)) = (&was.body, &is.body) else { return };
        if let Some(agreement) = own.iter().find_map(|event| match event {
            DischargeEvent::Assigned { agreement } => Some(agreement),
            _ => None,
        }) {
            self.goes_with(id, agreement);
        }
        self.is_no_more_of(&was, &is);
        if after.is_joined() {
            return self.goes_on_in(&is);
        }
        if after.now.is_odd && !before.now.is_odd {
            let ctx = self.ctx;
            let odd = sources::odd(self.after(), ctx, "end-before-beginning");
            self.add(odd);
        }
        self.of_whose(&was, before, &is, after, &own);
        self.is_told_of(&is, before, after);
    }

    /// The stay goes on in another entry: what was told of it, and what is still to be told, goes with it.
    fn goes_on_in(&mut self, from: &Entry) {
        // It was told of by a source, so the other is known under its id from now on; a link they may have had before.
        let other = self.decided.iter().find_map(|draft| match &draft.event {
            Event::Discharges(DischargeEvent::Joined { source: Some(_), .. }) if draft.entry != from.id => {
                Some(draft.entry)
            }
            _ => None,
        });
        let Some(to) = other.and_then(|id| self.after().entry(id)).cloned() else { return };
        let ctx = self.ctx;
        let over = notices::go_over(self.after(), ctx, &to, from);
        self.add(over);
    }

    /// Only now it is known whose citizen its id means: what it meant for another's is taken back.
    fn is_no_more_of(&mut self, was: &Entry, is: &Entry) {
        let (whose, ctx) = (self.after().citizen_of(is), self.ctx);
        if let Some(other) = self.before.citizen_of(was).filter(|other| whose.as_ref() != Some(other)) {
            let go_on = visits::go_on(self.after(), ctx, &other, None);
            self.add(go_on);
        }
    }

    /// The citizen's visits, and the duties to begin help.
    fn of_whose(&mut self, was: &Entry, before: &Stay, is: &Entry, after: &Stay, own: &[&DischargeEvent]) {
        let ctx = self.ctx;
        let Some(whose) = self.after().citizen_of(is) else { return };
        if let Some(reason) = own.iter().find_map(|event| match event {
            DischargeEvent::Stopped { reason } => Some(*reason),
            _ => None,
        }) {
            if reason.is(StopReason::Dead) {
                self.of_death_and_place(&whose, before, after);
            } else if after.is_taken_back() {
                self.never_away(&whose, before);
                let go_on = visits::go_on(self.after(), ctx, &whose, None);
                self.add(go_on);
                let owed = duties::help_goes_on(self.after(), ctx, &whose);
                self.add(owed);
            } else if !reason.is(StopReason::BackInHospital) {
                let ended = help_ends(self.after(), ctx, &whose);
                self.add(ended);
            }
            return;
        }
        if own.iter().any(|event| matches!(event, DischargeEvent::Resumed {})) {
            let go_on = visits::go_on(self.after(), ctx, &whose, Some(ctx.at));
            return self.add(go_on);
        }
        self.of_death_and_place(&whose, before, after);
        if let Some((stopped, reason)) = own.iter().find_map(|event| match event {
            DischargeEvent::Corrected { what: discharges::Correctable::Stop, reason } => {
                before.stopped.as_ref().map(|stopped| (stopped.clone(), *reason))
            }
            _ => None,
        }) {
            if after.is_dead() && !stopped.reason.is(StopReason::Dead) {
                return; // Told since: nobody is helped any more, whatever the stop was.
            }
            // The visits that fell away with the stop come back; one whose time has passed shows that it was skipped.
            let restored = visits::restored(self.after(), ctx, &whose, stopped.at, reason);
            self.add(restored);
            if !stopped.reason.is(StopReason::Dead) {
                let goes_on = duties::help_goes_on(self.after(), ctx, &whose);
                self.add(goes_on);
            }
        }
        if self.before.citizen_of(was).as_ref() != Some(&whose) {
            self.whose_is_known(&whose, after);
        }
    }

    /// The citizen of a stay became known: what it means for that citizen's visits.
    fn whose_is_known(&mut self, whose: &Citizen, stay: &Stay) {
        let Some(Standstill { halt, from }) = standstill(stay) else { return };
        let ctx = self.ctx;
        let halted = visits::halt(self.after(), ctx, whose, halt, from);
        self.add(halted);
        if halt == Halt::Dead {
            let ended = duties::help_ended(self.after(), ctx, whose);
            self.add(ended);
        }
    }

    /// What was struck while the citizen was thought to be away comes back.
    fn never_away(&mut self, whose: &Citizen, before: &Stay) {
        let ctx = self.ctx;
        let from = before.now.admitted_at.or(before.now.died_at);
        let restored = visits::never_away(self.after(), ctx, whose, from);
        self.add(restored);
    }

    /// What a change of where the citizen is means for the visits, and for the duties to begin help.
    fn of_death_and_place(&mut self, whose: &Citizen, before: &Stay, after: &Stay) {
        let ctx = self.ctx;
        let duties = match (before.is_dead(), after.is_dead()) {
            (false, true) => duties::help_ended(self.after(), ctx, whose),
            (true, false) => duties::help_goes_on(self.after(), ctx, whose),
            _ => Vec::new(),
        };
        self.add(duties);
        let at_home = after.now.place == Whereabouts::Home && !after.is_resumed();
        if after.now.never_admitted && !before.now.never_admitted && !after.is_dead() {
            self.never_away(whose, before);
        }
        let was = standstill(before).map(|it| it.halt);
        let visits = match (was, standstill(after)) {
            (was, Some(Standstill { halt, from })) if was != Some(halt) => {
                visits::halt(self.after(), ctx, whose, halt, from)
            }
            // Home, but help is not resumed yet: the visits stay halted until somebody says so.
            (Some(Halt::Dead), None) if at_home => {
                visits::halt(self.after(), ctx, whose, Halt::InHospital, after.now.admitted_at)
            }
            // Home before we heard of the admission: halted all the same until help is resumed.
            (None, None) if at_home && after.stopped.is_none() => {
                match (before.now.admitted_at, after.now.admitted_at) {
                    (None, Some(from)) => {
                        visits::halt(self.after(), ctx, whose, Halt::InHospital, Some(from))
                    }
                    _ => Vec::new(),
                }
            }
            (Some(_), None) if !at_home => {
                let skipped_too = after.now.place == Whereabouts::NeverAdmitted;
                visits::go_on(self.after(), ctx, whose, if skipped_too { None } else { Some(ctx.at) })
            }
            _ => Vec::new(),
        };
        self.add(visits);
    }

    fn is_told(&mut self, entry: EntryId, what: Matter) -> bool {
        self.after().entry(entry).is_some_and(|it| it.told.iter().any(|told| told.what == what))
    }

    /// What the municipality is told at once, or need not be told any more (J 3.2): an admission, a death. What stands,
    /// not what was heard last: any order of arrival leaves the same to tell.
    fn is_told_of(&mut self, entry: &Entry, before: &Stay, after: &Stay) {
        let was_admitted = |stay: &Stay| stay.now.admitted_at.is_some();
        let is_again = before.now.place == Whereabouts::Home
            && after.now.place.is_hospitals()
            && after.now.admitted_at > before.now.discharged_at
            && before.now.admitted_at != after.now.admitted_at;
        let ctx = self.ctx;
        let is_first = !was_admitted(before) && !self.is_told(entry.id, Matter::Admission);
        if was_admitted(after) && (is_first || is_again || before.now.never_admitted) {
            let arises = notices::arises(self.after(), ctx, entry, Matter::Admission);
            self.add(arises);
        } else if before.now.never_admitted && !after.now.never_admitted {
            let stands = notices::stands(self.after(), ctx, entry, Matter::Admission);
            self.add(stands);
        }
        if after.now.never_admitted && !before.now.never_admitted {
            let falls = notices::falls(self.after(), ctx, entry, Matter::Admission);
            self.add(falls);
        }
        let is_death_told = self.is_told(entry.id, Matter::Death);
        let of_death = match (before.is_dead(), after.is_dead()) {
            (false, true) if is_death_told => {
                notices::stands(self.after(), ctx, entry, Matter::Death).into_iter().collect()
            }
            (false, true) => notices::arises(self.after(), ctx, entry, Matter::Death).into_iter().collect(),
            (true, false) => notices::falls(self.after(), ctx, entry, Matter::Death),
            _ => Vec::new(),
        };
        self.add(of_death);
    }
}

/// Why a citizen's visits stand still, and those from when on; none: all of them.
#[derive(Clone, Copy)]
pub(super) struct Standstill {
    pub halt: Halt,
    pub from: Option<DateTime<Utc>>,
}

/// What a stay means for the citizen's visits.
fn standstill(stay: &Stay) -> Option<Standstill> {
    match (stay.is_dead(), stay.is_away()) {
        (true, _) => Some(Standstill { halt: Halt::Dead, from: None }),
        (false, true) => Some(Standstill { halt: Halt::InHospital, from: stay.now.admitted_at }),
        (false, false) => None,
    }
}

/// What a citizen's stays mean for the visits.
pub(super) fn standstill_of(state: &State, citizen: &Citizen) -> Option<Standstill> {
    let by_stay = state.of_citizen_on(citizen, Board::Discharges).find_map(|other| match &other.body {
        Body::Discharges(stay) => standstill(stay),
        _ => None,
    });
    // A plan may go on after the stay that told of the death is over.
    by_stay.or(state.is_dead(citizen).then_some(Standstill { halt: Halt::Dead, from: None }))
}

/// What is still to come falls away, and nobody owes a beginning any more.
pub(super) fn help_ends(state: &State, ctx: &Ctx, citizen: &Citizen) -> Vec<Draft> {
    let visits = visits::ended(state, ctx, citizen);
    visits.into_iter().chain(duties::help_ended(state, ctx, citizen)).collect()
}
