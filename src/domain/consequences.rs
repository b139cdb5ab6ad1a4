//! What follows on other boards from what was decided on one: the whole of it, on this page.
//!
//! Owns the rules from (before, after, drafts) to more drafts: a redirect and the action plan it demands, a talk and its
//! note, a stay and the citizen's visits, what the municipality is told at once; and that taking back takes back all of
//! it. A board knows no other board. Must never refuse anything, and never decide what the board itself could.
//!
//! To add a rule: find the event in `Step::of`, say there what it brings about. What is looked up is looked up in
//! `Step::after`, where everything drafted so far has happened: what is there already is not opened twice.

use chrono::{DateTime, Utc};

use super::agreement::Matter;
use super::alarms::{self, Alarm, AlarmEvent};
use super::boards;
use super::discharges::stay::Whereabouts;
use super::discharges::{self, DischargeEvent, Stay, StopReason};
use super::duties::{self, DutyEvent, DutyKind, ToldTo, notices};
use super::entry::{Body, Entry, EntryEvent, MunicipalityTold};
use super::envelope::Draft;
use super::identity::{AgreementId, Board, CitizenId, EntryId};
use super::observation::Help;
use super::phone::{self, Phase, PhoneEvent};
use super::realm::Citizen;
use super::refusal::Refusal;
use super::visits::{self, Canceller, Halt, Visit, VisitEvent};
use super::{Ctx, Event, State, after, evolve, links, sources, voice};

/// The drafts, and after them all that they bring about.
pub fn with_consequences(state: &State, ctx: &Ctx, drafts: Vec<Draft>) -> Vec<Draft> {
    let drafts = on_other_boards(state, ctx, drafts);
    let drafts = links::with_links(state, ctx, drafts);
    voice::with_talks(state, ctx, drafts)
}

fn on_other_boards(state: &State, ctx: &Ctx, mut drafts: Vec<Draft>) -> Vec<Draft> {
    let mut step = Step { before: state, ctx, decided: &drafts, after: None, follows: Vec::new() };
    drafts.iter().for_each(|draft| step.of(draft));
    step.of_stays();
    let follows = step.follows;
    drafts.extend(follows);
    drafts
}

/// One decision and what has followed from it so far.
struct Step<'s> {
    before: &'s State,
    ctx: &'s Ctx,
    decided: &'s [Draft],
    /// See [`Self::after`].
    after: Option<State>,
    follows: Vec<Draft>,
}

impl<'s> Step<'s> {
    /// As it is after everything that was drafted so far. Made for the first rule that asks: most decisions have none.
    fn after(&mut self) -> &State {
        let drafted = self.decided.iter().chain(&self.follows);
        self.after.get_or_insert_with(|| after(self.before, self.ctx, drafted))
    }

    /// An entry as it is then. One that is over for long may be let go of by the very record that ended it.
    fn entry(&mut self, id: EntryId) -> Option<Entry> {
        let before = self.before;
        self.after().entry(id).or_else(|| before.entry(id)).cloned()
    }

    fn add(&mut self, drafts: impl IntoIterator<Item = Draft>) {
        for draft in drafts {
            if let Some(after) = &mut self.after {
                evolve(after, &self.ctx.provisional(&draft));
            }
            self.follows.push(draft);
        }
    }

    /// What one event brings about, but for a stay's.
    fn of(&mut self, draft: &Draft) {
        match &draft.event {
            Event::Phone(event) => self.of_call(draft.entry, event),
            Event::Alarms(event) => self.of_alarm(draft.entry, event),
            Event::Visits(event) => self.of_visit(draft.entry, event),
            Event::Duties(DutyEvent::Done { to, .. }) => self.of_duty_done(draft, *to),
            Event::Entry(EntryEvent::CitizenMatched { .. }) => self.stands_or_goes(draft.entry),
            Event::Entry(_) | Event::Duties(_) | Event::Discharges(_) => {}
            Event::Sources(_) | Event::Complaints(_) | Event::Devices(_) | Event::Shift(_) => {}
            Event::People(_) | Event::Agreements(_) | Event::Server(_) => {}
        }
    }

    /// A talk is written down in the care system (N 3.9.1): owed once it is over, until it is done or was none.
    fn of_call(&mut self, id: EntryId, event: &PhoneEvent) {
        let ctx = self.ctx;
        let follows = match event {
            PhoneEvent::Ended { .. } | PhoneEvent::CalledBack {} => self.note_owed(id),
            PhoneEvent::Documented {} => {
                self.of_note(id, |duty| duties::fulfilled(ctx, duty, duties::is_late(duty, ctx.at)))
            }
            PhoneEvent::Missed { corrects: true, .. }
            | PhoneEvent::Corrected { what: phone::Correctable::CallBack, .. } => {
                self.of_note(id, |duty| duties::withdrawn(ctx, duty))
            }
            PhoneEvent::Corrected { what: phone::Correctable::Agreement, .. } => {
                self.of_note(id, |duty| duties::given(ctx, duty, None))
            }
            PhoneEvent::Assigned { agreement } => {
                let rules = self.after().agreements.get(agreement);
                let needs_none = rules.is_some_and(|rules| rules.phone.documentation.is_none());
                self.of_note(id, |duty| match needs_none {
                    true => duties::withdrawn(ctx, duty),
                    false => duties::given(ctx, duty, Some(agreement)),
                })
            }
            PhoneEvent::Corrected { what: phone::Correctable::GiveUp, .. }
            | PhoneEvent::Missed { corrects: false, .. }
            | PhoneEvent::Waiting { .. }
            | PhoneEvent::ArrivalKnown { .. }
            | PhoneEvent::WaitsIn { .. }
            | PhoneEvent::FromColleague {}
            | PhoneEvent::BecameAlarm {}
            | PhoneEvent::Answered { .. }
            | PhoneEvent::CallBackTried { .. }
            | PhoneEvent::GivenUp { .. }
            | PhoneEvent::Confirmed { .. } => None,
        };
        self.add(follows);
    }

    fn note_owed(&mut self, id: EntryId) -> Option<Draft> {
        let (entry, ctx) = (self.entry(id)?, self.ctx);
        let Body::Phone(call) = &entry.body else { return None };
        let is_owed = matches!(call.phase, Phase::Ended | Phase::CalledBack) && call.documented_at.is_none();
        let after = self.after();
        if is_owed && after.documentation_of(id).is_none() {
            duties::documentation(after, ctx, &entry)
        } else {
            None
        }
    }

    /// What becomes of the open duty to write a talk down.
    fn of_note(&mut self, call: EntryId, becomes: impl FnOnce(&Entry) -> Draft) -> Option<Draft> {
        self.after().documentation_of(call).map(becomes)
    }

    /// The redirect that reaches the limit demands an action plan (J 3.1.13), and demands none once it counts no longer.
    fn of_alarm(&mut self, id: EntryId, event: &AlarmEvent) {
        match event {
            AlarmEvent::Redirected { .. } => self.redirect_counts(id),
            AlarmEvent::Assigned { .. } => {
                let is_redirected =
                    |entry: Entry| matches!(entry.body, Body::Alarms(it) if it.redirect.is_some());
                if self.entry(id).is_some_and(is_redirected) {
                    self.redirect_counted(id);
                    self.redirect_counts(id);
                }
            }
            AlarmEvent::Corrected { what: alarms::Correctable::Redirect, .. } => self.redirect_counted(id),
            _ => {}
        }
    }

    fn redirect_counts(&mut self, id: EntryId) {
        let (Some(entry), ctx) = (self.entry(id), self.ctx) else { return };
        let Body::Alarms(Alarm { redirect: Some(redirect), .. }) = &entry.body else { return };
        let Some(agreement) = &entry.agreement else { return };
        let plan = duties::action_plan(self.after(), ctx, &entry, agreement, redirect.at);
        self.add(plan);
    }

    /// Where it counted before it counts no longer.
    fn redirect_counted(&mut self, id: EntryId) {
        let (Some(was), ctx) = (self.before.entry(id), self.ctx) else { return };
        let withdrawn = duties::plan_withdrawn(self.after(), ctx, was);
        self.add(withdrawn);
    }

    fn of_visit(&mut self, id: EntryId, event: &VisitEvent) {
        match event {
            VisitEvent::Opened { .. } => self.visit_opened(id),
            // Help has begun.
            VisitEvent::Started { .. } | VisitEvent::Done {} => {
                let Some((whose, help)) = self.planned(id) else { return };
                let ctx = self.ctx;
                let begun = duties::help_started(self.after(), ctx, &whose, help);
                self.add(begun);
            }
            // What we cancel ourselves the municipality is told at once (J 3.2).
            VisitEvent::Cancelled { cancelled_by: Canceller::Provider, .. } => {
                self.tell(id, |after, ctx, entry| {
                    notices::arises(after, ctx, entry, Matter::CancelledActivities)
                });
            }
            VisitEvent::Corrected { what: visits::Correctable::Cancellation, .. } => {
                self.tell(id, |after, ctx, entry| {
                    notices::falls(after, ctx, entry, Matter::CancelledActivities)
                });
                // The citizen may have been admitted meanwhile.
                self.stands_or_goes(id);
            }
            VisitEvent::Assigned { agreement } => {
                self.goes_with(id, agreement);
                self.stands_or_goes(id);
            }
            _ => {}
        }
    }

    /// Whose visit it is and what help is planned, where both are known.
    fn planned(&mut self, id: EntryId) -> Option<(Citizen, Help)> {
        let entry = self.entry(id)?;
        let Body::Visits(Visit { plan: Some(plan), .. }) = &entry.body else { return None };
        Some((self.after().citizen_of(&entry)?, plan.help))
    }

    /// Planned for somebody who is in hospital it stands still from the first. A time is agreed with it.
    fn visit_opened(&mut self, id: EntryId) {
        let (Some(entry), ctx) = (self.entry(id), self.ctx) else { return };
        let Some(whose) = self.after().citizen_of(&entry) else { return };
        let standstill = standstill_of(self.after(), &whose);
        self.add(
            standstill
                .map(|it| entry.draft(entry.opened_at, Event::Visits(VisitEvent::Halted { halt: it.halt }))),
        );
        if let Some((whose, help)) = self.planned(id) {
            let agreed = duties::time_agreed(self.after(), ctx, &whose, help);
            self.add(agreed);
        }
    }

    /// What the municipality is to be told of an entry, or need not be told any more.
    fn tell<D: IntoIterator<Item = Draft>>(
        &mut self,
        id: EntryId,
        rule: impl FnOnce(&State, &Ctx, &Entry) -> D,
    ) {
        let (Some(entry), ctx) = (self.entry(id), self.ctx) else { return };
        let told = rule(self.after(), ctx, &entry);
        self.add(told);
    }

    /// Whose visit it is became known, or it is planned anew: it stands still if that citizen's stay says so, and only
    /// then.
    fn stands_or_goes(&mut self, id: EntryId) {
        let Some(entry) = self.entry(id) else { return };
        let Body::Visits(visit) = &entry.body else { return };
        if !visits::waits(visit) {
            return;
        }
        let after = self.after();
        let standstill = after.citizen_of(&entry).and_then(|whose| standstill_of(after, &whose));
        let halt = standstill.filter(|it| visit.is_agreed_from(it.from)).map(|it| it.halt);
        let event = match (visit.halted, halt) {
            (was, Some(halt)) if was != Some(halt) => VisitEvent::Halted { halt },
            (Some(_), None) => VisitEvent::WentOn {},
            _ => return,
        };
        let draft = entry.draft(self.ctx.at, Event::Visits(event));
        self.add([draft]);
    }

    /// What is owed about an entry goes with it to the municipality that it is given to.
    fn goes_with(&mut self, id: EntryId, agreement: &AgreementId) {
        let ctx = self.ctx;
        let owed = self.after().duties_about(id).map(|(duty, _)| duty);
        let others = owed.filter(|duty| duty.agreement.as_ref() != Some(agreement));
        let given: Vec<Draft> = others.map(|duty| duties::given(ctx, duty, Some(agreement))).collect();
        self.add(given);
    }

    /// What was done of a duty is known where it is about.
    fn of_duty_done(&mut self, draft: &Draft, to: Option<ToldTo>) {
        let Some(entry) = self.entry(draft.entry) else { return };
        let Body::Duties(duty) = &entry.body else { return };
        let Some(about) = duty.about.and_then(|id| self.after().entry(id)).cloned() else { return };
        match (duty.duty, &about.body, duty.matter) {
            (DutyKind::Documentation, Body::Phone(call), _) if call.documented_at.is_none() => {
                let documented = about.draft(self.ctx.at, Event::Phone(PhoneEvent::Documented {}));
                self.add([documented]);
            }
            (DutyKind::NoticeTakenBack, _, Some(what)) => {
                let event = EntryEvent::MunicipalityCorrected { what, to };
                self.add([about.draft(draft.happened_at, Event::Entry(event))]);
            }
            (DutyKind::ImmediateNotice, _, Some(what)) => {
                let event = EntryEvent::MunicipalityTold { what, to };
                self.add([about.draft(draft.happened_at, Event::Entry(event))]);
                // Void before it was told: then it must be taken back at once.
                let was = self.before.entry(draft.entry);
                if was.is_some_and(|it| matches!(&it.body, Body::Duties(duty) if duty.withdrawn)) {
                    self.tell(about.id, |after, ctx, about| notices::taken_back(after, ctx, about, what));
                }
            }
            _ => {}
        }
    }

    /// Of a stay only what stands counts, whatever was told in this request, and in what order.
    fn of_stays(&mut self) {
        let mut stays: Vec<EntryId> = Vec::new();
        for draft in self.decided {
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
        stays.into_iter().for_each(|stay| self.of_stay(stay));
    }

    /// What a stay means now for the citizen's visits and duties, and for what the municipality is told.
    fn of_stay(&mut self, id: EntryId) {
        let mine = || self.decided.iter().filter(move |draft| draft.entry == id);
        let own: Vec<&'s DischargeEvent> = mine()
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
struct Standstill {
    halt: Halt,
    from: Option<DateTime<Utc>>,
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
fn standstill_of(state: &State, citizen: &Citizen) -> Option<Standstill> {
    let by_stay = state.of_citizen_on(citizen, Board::Discharges).find_map(|other| match &other.body {
        Body::Discharges(stay) => standstill(stay),
        _ => None,
    });
    // A plan may go on after the stay that told of the death is over.
    by_stay.or(state.is_dead(citizen).then_some(Standstill { halt: Halt::Dead, from: None }))
}

/// What is still to come falls away, and nobody owes a beginning any more.
fn help_ends(state: &State, ctx: &Ctx, citizen: &Citizen) -> Vec<Draft> {
    let visits = visits::ended(state, ctx, citizen);
    visits.into_iter().chain(duties::help_ended(state, ctx, citizen)).collect()
}

/// The citizen has moved away: help stops (J 3.1.1), on every open stay and for every visit from then on.
///
/// # Errors
/// Nothing was there to stop, or it is not said which of several people is meant.
pub fn moved_away(state: &State, ctx: &Ctx, citizen: &CitizenId) -> Result<Vec<Draft>, Refusal> {
    // An id that may mean one of several people is that of the one whom we know; of two it must be said.
    let scope = ctx.scope();
    let each = if scope.is_empty() { vec![scope] } else { scope.chunks(1).collect() };
    let mut named: Vec<Citizen> =
        each.into_iter().filter_map(|agreement| state.citizen_in(agreement, citizen)).collect();
    named.sort();
    named.dedup();
    let stops = |citizen: &Citizen| {
        let mut drafts = discharges::moved_away(state, ctx, citizen);
        drafts.extend(help_ends(state, ctx, citizen));
        drafts
    };
    let mut told: Vec<Vec<Draft>> = named.iter().map(stops).collect();
    told.retain(|drafts| !drafts.is_empty());
    match (told.pop(), told.is_empty()) {
        (None, _) => Err(Refusal::Unchanged),
        (Some(drafts), true) => Ok(drafts),
        (Some(_), false) => Err(Refusal::FieldMissing { field: "agreement".into() }),
    }
}

/// Help was granted: what is to be done by when (N 3.4). A time is agreed already when a visit of that help is planned.
///
/// # Errors
/// Nothing is owed, or it is owed already.
pub fn help_granted(state: &State, ctx: &Ctx, granted: &duties::Granted<'_>) -> Result<Vec<Draft>, Refusal> {
    let is_planned = |whose: &Citizen, help: Help| visits::has_planned(state, whose, help);
    let drafts = duties::help_granted(state, ctx, granted, is_planned);
    if drafts.is_empty() { Err(Refusal::Unchanged) } else { Ok(drafts) }
}

/// What the municipality was told turned out not to be so, and it has not been told that.
pub fn is_untrue(entry: &Entry, told: &MunicipalityTold) -> bool {
    match (&entry.body, told.what) {
        (Body::Discharges(stay), Matter::Admission) => stay.now.never_admitted,
        (Body::Discharges(stay), Matter::Death) => !stay.is_dead(),
        (Body::Visits(visit), Matter::CancelledActivities) => visit.cancelled.is_none(),
        _ => false,
    }
}
