//! The state: what the log says now. Cheap to clone (persistent maps), so that a batch can be decided on a working
//! copy and thrown away.
//!
//! Owns look-ups and bookkeeping across entries. Must never hold a citizen's data.

use std::sync::Arc;

use chrono::{DateTime, Duration, NaiveDate, Utc};
use imbl::OrdMap;

use super::agreement::Agreement;
use super::entry::{Body, Entry, Origin, SPOKEN_MAX};
use super::envelope::Record;
use super::figures::{Figures, Slot};
use super::identity::{
    AgreementId, Board, CitizenId, Code, EntryId, ExternalId, PersonName, Sequence, SourceName,
};
use super::index::{Index, Keys, Nearness};
use super::intake::HEARD_MAX;
use super::numbers::Numbers;
use super::observation::FactKind;
use super::people::Person;
use super::realm::Citizen;
use super::shift::OnDuty;
use super::{agreement, alarms, calendar, duties, phone};

/// Closed entries are kept at least this long (days), so that a late fact, a correction and the 30-day ledger find them.
/// Older ones are read from the log.
const CLOSED_KEPT_DAYS: i64 = 40;
/// Days a closed entry outlives the window in which its redirect counts.
const LEDGER_GRACE_DAYS: i64 = 10;
/// Visits as planned, which nobody speaks of, are numbered from above the spoken ones to this and round again.
const PLAN_NUMBER_MAX: u32 = 9_999;

/// An agreement in force, as adopted.
pub type Adopted = Agreement;

#[derive(Debug, Clone, Default, PartialEq)]
pub struct State {
    pub head: Sequence,
    open: OrdMap<EntryId, Arc<Entry>>,
    closed: OrdMap<EntryId, Arc<Entry>>,
    /// What the outside's ids stand for, the newest last: an id may stand for several things.
    origins: OrdMap<Origin, Vec<EntryId>>,
    numbers: Numbers,
    /// Of the open entries.
    index: Index,
    /// The last local date for which an agreement's daily duty was opened.
    standing: OrdMap<AgreementId, NaiveDate>,
    /// Ids of citizens who are dead as far as we know, with the stays that say so and whose those are; also after it
    /// is over.
    dead: OrdMap<CitizenId, OrdMap<EntryId, Vec<AgreementId>>>,
    /// When each device that says that it lives was last noted.
    devices: OrdMap<Origin, DateTime<Utc>>,
    last_number: u32,
    last_plan_number: u32,
    pub agreements: OrdMap<AgreementId, Arc<Adopted>>,
    pub people: OrdMap<PersonName, Person>,
    pub on_duty: OrdMap<PersonName, OnDuty>,
    pub figures: Figures,
    /// Which secret ids are kept as digests under.
    pub id_key: Option<Code>,
    /// The last record that concerned an agreement, and the last that concerned all.
    touched: OrdMap<AgreementId, Sequence>,
    touched_all: Sequence,
}

impl State {
    /// An entry, open or closed in the last 40 days.
    pub fn entry(&self, id: EntryId) -> Option<&Entry> {
        self.open.get(&id).or_else(|| self.closed.get(&id)).map(Arc::as_ref)
    }

    pub fn open_entries(&self) -> impl Iterator<Item = &Entry> {
        self.open.values().map(Arc::as_ref)
    }

    /// Those that are over and still kept.
    pub fn closed_entries(&self) -> impl Iterator<Item = &Entry> {
        self.closed.values().map(Arc::as_ref)
    }

    pub fn by_origin(&self, source: &SourceName, id: &ExternalId) -> Option<&Entry> {
        let origin = Origin { source: source.clone(), id: id.clone() };
        self.origins.get(&origin)?.iter().rev().find_map(|entry| self.entry(*entry))
    }

    /// Everything that an outside id stands for, the newest first.
    pub fn all_by_origin(&self, source: &SourceName, id: &ExternalId) -> impl Iterator<Item = &Entry> {
        let origin = Origin { source: source.clone(), id: id.clone() };
        let all = self.origins.get(&origin).map(Vec::as_slice).unwrap_or_default();
        all.iter().rev().filter_map(|entry| self.entry(*entry))
    }

    /// Whether an outside id is remembered at all.
    pub fn knows(&self, source: &SourceName, id: &ExternalId) -> bool {
        self.origins.contains_key(&Origin { source: source.clone(), id: id.clone() })
    }

    /// The open entries but for visits at rest: all that there is to look at, however long a plan is.
    pub fn not_at_rest(&self) -> impl Iterator<Item = &Entry> {
        self.index.not_at_rest().filter_map(|id| self.entry(id))
    }

    /// The open entries of a board, oldest first; visits at rest are left out.
    pub fn open_on(&self, board: Board) -> impl Iterator<Item = &Entry> {
        self.index.on(board).filter_map(|id| self.entry(id))
    }

    /// How many visits at rest a scope has.
    pub fn resting_count(&self, scope: &[AgreementId]) -> usize {
        self.index.resting_count(scope)
    }

    /// A scope's visits at rest, those agreed nearest to `now` first. Takes as much work as is taken of it.
    pub fn resting_near<'s>(
        &'s self,
        scope: &'s [AgreementId],
        now: DateTime<Utc>,
    ) -> impl Iterator<Item = (Nearness, &'s Entry)> {
        self.index.resting_near(scope, now).filter_map(|(near, id)| Some((near, self.entry(id)?)))
    }

    /// The index as the open entries alone say it: the same as is kept.
    pub fn is_indexed(&self) -> bool {
        self.index == Index::over(self.open_entries())
    }

    /// The open entry with this number.
    pub fn by_number(&self, number: u32) -> Option<&Entry> {
        self.numbers.get(number).and_then(|id| self.open.get(&id)).map(Arc::as_ref)
    }

    /// The open entries of a citizen: by board, oldest first.
    pub fn of_citizen<'s>(&'s self, citizen: &Citizen) -> impl Iterator<Item = &'s Entry> + use<'s> {
        let is_theirs = self.is_of(citizen);
        self.index.of_citizen(&citizen.id).into_iter().filter_map(|(_, id)| self.entry(id)).filter(is_theirs)
    }

    /// Whether an entry, of which the id is right, is about this citizen and not about another one's namesake.
    fn is_of<'s>(&'s self, citizen: &Citizen) -> impl Fn(&&'s Entry) -> bool + use<'s> {
        let realm = Some(citizen.realm.clone());
        move |entry| self.realm(entry.agreements()) == realm
    }

    /// Those of one board, oldest first. The others are not looked at.
    pub fn of_citizen_on<'s>(
        &'s self,
        citizen: &Citizen,
        board: Board,
    ) -> impl Iterator<Item = &'s Entry> + use<'s> {
        let all = self.index.of_citizen(&citizen.id);
        let ids: Vec<EntryId> = all.range(Index::all_of(board)).map(|(_, id)| *id).collect();
        ids.into_iter().filter_map(|id| self.entry(id)).filter(self.is_of(citizen))
    }

    /// The open duties about an entry, oldest first.
    pub fn duties_about(&self, entry: EntryId) -> impl Iterator<Item = (&Entry, &duties::Duty)> {
        self.index.about(entry).filter_map(|id| self.entry(id)).filter_map(|entry| match &entry.body {
            Body::Duties(duty) => Some((entry, duty)),
            _ => None,
        })
    }

    /// The open action plan of an agreement.
    pub fn action_plan(&self, agreement: &AgreementId) -> Option<&Entry> {
        self.index.plan(agreement).and_then(|id| self.entry(id))
    }

    /// The entries of a citizen that are over and still kept. Looks through all that are: for rare questions only.
    pub fn closed_of_citizen<'s>(&'s self, citizen: &Citizen) -> impl Iterator<Item = &'s Entry> + use<'s> {
        let (is_theirs, id) = (self.is_of(citizen), Some(citizen.id.clone()));
        self.closed.values().map(Arc::as_ref).filter(move |entry| entry.citizen == id && is_theirs(entry))
    }

    /// The last date for which the agreement's daily duty was opened, or needed none; none before its adoption.
    pub fn opened_until(&self, agreement: &AgreementId) -> Option<NaiveDate> {
        self.standing.get(agreement).copied()
    }

    /// Notes from which date an agreement's daily duties count; a later adoption changes nothing.
    pub(super) fn first_standing(&mut self, agreement: &AgreementId, before: NaiveDate) {
        self.standing.entry(agreement.clone()).or_insert(before);
    }

    /// Notes that the daily duty of a date was opened.
    pub(super) fn standing_opened(&mut self, agreement: &AgreementId, on: NaiveDate) {
        let last = self.standing.entry(agreement.clone()).or_insert(on);
        *last = on.max(*last);
    }

    /// Whether a stay, open or over, says that the citizen is dead.
    pub fn is_dead(&self, citizen: &Citizen) -> bool {
        let mut told = self.dead.get(&citizen.id).into_iter().flat_map(OrdMap::values);
        told.any(|agreements| self.realm(agreements).as_ref() == Some(&citizen.realm))
    }

    /// Keeps in step who is dead with what a stay says now.
    pub(super) fn note_death(&mut self, stay: EntryId) {
        let Some(entry) = self.entry(stay) else { return };
        let (Some(citizen), Body::Discharges(body)) = (entry.citizen.clone(), &entry.body) else { return };
        let mut says_so = self.dead.get(&citizen).cloned().unwrap_or_default();
        if body.says_dead() {
            says_so.insert(stay, entry.agreements().to_vec())
        } else {
            says_so.remove(&stay)
        };
        match says_so.is_empty() {
            true => self.dead.remove(&citizen),
            false => self.dead.insert(citizen, says_so),
        };
    }

    /// When a device was last noted as heard.
    pub fn device_heard_at(&self, device: &Origin) -> Option<DateTime<Utc>> {
        self.devices.get(device).copied()
    }

    /// The devices of a source that were noted as heard since `since`.
    pub fn devices_of<'s>(
        &'s self,
        source: &'s SourceName,
        since: DateTime<Utc>,
    ) -> impl Iterator<Item = &'s ExternalId> + 's {
        let of_it = self.devices.iter().filter(move |(device, at)| device.source == *source && **at >= since);
        of_it.map(|(device, _)| &device.id)
    }

    /// Every device that was noted as heard.
    pub fn devices(&self) -> impl Iterator<Item = &Origin> {
        self.devices.keys()
    }

    /// Notes that a device was heard.
    pub(super) fn note_device(&mut self, device: Origin, at: DateTime<Utc>) {
        self.devices.insert(device, at);
    }

    /// The rules of these agreements, in order; unknown ones are skipped.
    pub fn rules<'s>(&'s self, agreements: &'s [AgreementId]) -> impl Iterator<Item = &'s Adopted> + 's {
        agreements.iter().filter_map(|id| self.agreements.get(id)).map(Arc::as_ref)
    }

    pub fn has_person(&self, name: &PersonName) -> bool {
        self.people.contains_key(name)
    }

    /// The open documentation duty about a call.
    pub fn documentation_of(&self, call: EntryId) -> Option<&Entry> {
        let mut duties = self.duties_about(call);
        duties.find(|(_, duty)| duty.duty == duties::DutyKind::Documentation).map(|(entry, _)| entry)
    }

    /// The nth spoken number that is free now.
    pub fn free_number(&self, nth: u32) -> u32 {
        self.free_within(1, SPOKEN_MAX, self.last_number, nth)
    }

    /// A number for a visit as planned: it gets a spoken one when there is something to speak of.
    pub fn free_plan_number(&self) -> u32 {
        self.free_within(SPOKEN_MAX + 1, PLAN_NUMBER_MAX, self.last_plan_number, 0)
    }

    /// The nth free number after `last`, from `first` to `max` and round again.
    fn free_within(&self, first: u32, max: u32, last: u32, nth: u32) -> u32 {
        self.numbers.free(first, max, last, nth).unwrap_or_else(|left| {
            // All are taken: go on above, longer but still unique.
            self.numbers.max().unwrap_or(0).max(PLAN_NUMBER_MAX) + 1 + left
        })
    }

    /// Notes that a number was given.
    fn number_given(&mut self, number: u32, id: EntryId) {
        self.numbers.give(number, id);
        match number {
            0..=SPOKEN_MAX => self.last_number = number,
            _ => self.last_plan_number = number.min(PLAN_NUMBER_MAX),
        }
    }

    /// Gives an open entry that has a plan's number a spoken one: from now on somebody may ring about it.
    pub(super) fn speak_of(&mut self, id: EntryId) {
        let number = self.free_number(0);
        let Some(slot) = self.open.get_mut(&id) else { return };
        if slot.number <= SPOKEN_MAX || number > SPOKEN_MAX {
            return;
        }
        let was = Keys::of(slot);
        let before = std::mem::replace(&mut Arc::make_mut(slot).number, number);
        let is = Keys::of(slot);
        self.index.step(&was, &is);
        self.numbers.take_back(before);
        self.number_given(number, id);
    }

    /// The last record that concerned this scope: what its streams have been sent.
    pub fn touched(&self, scope: &[AgreementId]) -> Sequence {
        scope.iter().filter_map(|id| self.touched.get(id)).copied().fold(self.touched_all, Sequence::max)
    }

    /// Notes whom a record concerns: everybody, when it belongs to no agreement.
    pub(super) fn touch(&mut self, sequence: Sequence, concerned: &[AgreementId]) {
        if concerned.is_empty() {
            self.touched_all = sequence;
        }
        for agreement in concerned {
            self.touched.insert(agreement.clone(), sequence);
        }
    }

    pub(super) fn insert(&mut self, mut entry: Entry) {
        if let Some(origin) = &entry.origin {
            self.origins.entry(origin.clone()).or_default().push(entry.id);
        }
        // Given to another by a record of the same request.
        if self.numbers.is_given(entry.number) {
            entry.number = self.free_number(0);
        }
        self.number_given(entry.number, entry.id);
        self.index.step(&Keys::nowhere(entry.id), &Keys::of(&entry));
        self.open.insert(entry.id, Arc::new(entry));
    }

    /// Notes a fact that an entry is made of. Nothing that is looked up hangs on it.
    pub(super) fn remember_heard(&mut self, id: EntryId, heard: (FactKind, DateTime<Utc>)) {
        let place = if self.open.contains_key(&id) { &mut self.open } else { &mut self.closed };
        if let Some(entry) = place.get_mut(&id)
            && !entry.heard.contains(&heard)
            && entry.heard.len() < HEARD_MAX
        {
            Arc::make_mut(entry).heard.push(heard);
        }
    }

    /// A second outside id of an entry (a repeated signal).
    pub(super) fn also_known_as(&mut self, record: &Record, id: &ExternalId) {
        if let super::Actor::Source(source) = &record.actor {
            self.known_to(source, id, record.entry);
        }
    }

    /// From now on what this source says of that id is about this entry.
    pub(super) fn known_to(&mut self, source: &SourceName, id: &ExternalId, entry: EntryId) {
        let origin = Origin { source: source.clone(), id: id.clone() };
        let known = self.origins.entry(origin.clone()).or_default();
        known.retain(|it| *it != entry);
        known.push(entry);
        self.change(entry, |entry| entry.also.push(origin));
    }

    /// Changes an entry in place (copied on write) and moves it between open and closed.
    pub(super) fn change(&mut self, id: EntryId, change: impl FnOnce(&mut Entry)) {
        let was_open = self.open.contains_key(&id);
        let place = if was_open { &mut self.open } else { &mut self.closed };
        let Some(slot) = place.get_mut(&id) else { return };
        let was = Keys::of(slot);
        change(Arc::make_mut(slot));
        let (is, is_open) = (Keys::of(slot), slot.is_open());
        self.index.step(&was, &is);
        if is_open == was_open {
            return;
        }
        let place = if was_open { &mut self.open } else { &mut self.closed };
        let Some(mut entry) = place.remove(&id) else { return };
        if was_open {
            self.numbers.take_back(entry.number);
            self.closed.insert(id, entry);
            return;
        }
        // Back on the board: its old number may have gone to another by now.
        if self.numbers.is_given(entry.number) {
            let was = Keys::of(&entry);
            Arc::make_mut(&mut entry).number = self.free_number(0);
            self.index.step(&was, &Keys::of(&entry));
        }
        self.numbers.give(entry.number, id);
        self.open.insert(id, entry);
    }

    fn slot(&self, entry: &Entry) -> Option<Slot> {
        Some(Slot {
            agreement: entry.agreement.clone()?,
            board: entry.board(),
            month: calendar::Month::of(entry.opened_at),
        })
    }

    /// Brings the answering figures in step with a call.
    pub(super) fn count_call(&mut self, id: EntryId) {
        let Some(entry) = self.entry(id) else { return };
        let Body::Phone(call) = &entry.body else { return };
        let short_abandon_s = self
            .rules(entry.agreement.as_slice())
            .find_map(|rules| agreement::value_of(&rules.phone.short_abandon_seconds));
        let counted = phone::wait_seconds(entry, call, short_abandon_s)
            .and_then(|waited| self.slot(entry).map(|slot| (slot, waited)));
        self.figures.count(id, counted);
    }

    /// Brings the answering figures and the redirect ledger in step with an alarm.
    pub(super) fn count_alarm(&mut self, id: EntryId) {
        let Some(entry) = self.entry(id) else { return };
        let Body::Alarms(alarm) = &entry.body else { return };
        let counted =
            alarms::wait_seconds(entry, alarm).and_then(|waited| self.slot(entry).map(|slot| (slot, waited)));
        let redirect = alarm
            .redirect
            .as_ref()
            .filter(|_| alarm.is_counted())
            .and_then(|it| entry.agreement.clone().map(|agreement| (agreement, it.at)));
        self.figures.count(id, counted);
        self.figures.redirected(id, redirect);
    }

    /// Lets go of entries closed long ago. Counted in recorded time, so that a replay does the same.
    pub(super) fn forget_old(&mut self, now: DateTime<Utc>) {
        let before = now - Duration::days(self.closed_kept_days());
        // Ids are UUIDv7: the oldest come first, so one look is enough nearly always.
        while let Some((id, entry)) = self.closed.get_min() {
            if entry.closed_at.is_none_or(|at| at >= before) || entry.recorded_at >= before {
                return;
            }
            let (id, entry) = (*id, entry.clone());
            self.closed.remove(&id);
            // A reused id leads to newer entries too.
            for origin in entry.origin.iter().chain(&entry.also) {
                if let Some(known) = self.origins.get_mut(origin) {
                    known.retain(|it| *it != id);
                    if known.is_empty() {
                        self.origins.remove(origin);
                    }
                }
            }
            self.figures.forget(id, before);
        }
    }

    /// As long as the longest window of a redirect ledger and a little more, so that each redirect that counts
    /// can still be corrected.
    fn closed_kept_days(&self) -> i64 {
        let windows =
            self.agreements.values().filter_map(|it| agreement::value_of(&it.alarms.redirect_window_days));
        windows
            .max()
            .map_or(CLOSED_KEPT_DAYS, |days| CLOSED_KEPT_DAYS.max(i64::from(days) + LEDGER_GRACE_DAYS))
    }

    /// The month's slots that a board shows: Copenhagen month of `now`, phone and alarms, each agreement.
    pub fn slots(&self, now: DateTime<Utc>) -> Vec<(Slot, Arc<Adopted>)> {
        let month = calendar::Month::of(now);
        let slot = |agreement: &AgreementId, board| Slot { agreement: agreement.clone(), board, month };
        self.agreements
            .iter()
            .flat_map(|(id, rules)| {
                [Board::Alarms, Board::Phone].map(|board| (slot(id, board), rules.clone()))
            })
            .collect()
    }
}
