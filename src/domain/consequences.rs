//! What follows on other boards from what was decided on one: the whole of it, here.
//!
//! Owns the rules from (before, after, drafts) to more drafts: a redirect and the action plan it demands, a talk and its
//! note, a death or an ambulance and the citizen's stay, a stay and the citizen's visits, what the municipality is told
//! at once; and that taking back takes back all of it. A board knows no other board. Must never refuse anything, and
//! never decide what the board itself could.
//!
//! Which ending says where the citizen is, `places` says; what a stay means, `stays`.
//!
//! To add a rule: find the event in `Step::of`, say there what it brings about. What is looked up is looked up in
//! `Step::after`, where everything drafted so far has happened: what is there already is not opened twice.

mod places;
mod stays;

use stays::{help_ends, standstill_of};

use super::agreement::Matter;
use super::alarms::{self, Alarm, AlarmEvent};
use super::discharges;
use super::duties::{self, DutyEvent, DutyKind, ToldTo, notices};
use super::entry::{Body, Entry, EntryEvent, MunicipalityTold};
use super::envelope::Draft;
use super::identity::{AgreementId, CitizenId, EntryId};
use super::observation::Help;
use super::phone::{self, Phase, PhoneEvent};
use super::realm::Citizen;
use super::refusal::Refusal;
use super::visits::{self, Canceller, DoorOutcome, Visit, VisitEvent};
use super::{Ctx, Event, State, after, evolve, links, voice};

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
            Event::Duties(event) => self.of_duty(draft, event),
            Event::Entry(EntryEvent::CitizenMatched { .. }) => self.of_match(draft.entry),
            Event::Entry(EntryEvent::NoteWritten { .. }) => self.of_note_written(draft.entry),
            Event::Entry(_) | Event::Discharges(_) => {}
            Event::Sources(_) | Event::Complaints(_) | Event::Devices(_) | Event::Shift(_) => {}
            Event::People(_) | Event::Agreements(_) | Event::Server(_) => {}
        }
    }

    /// A talk is written down in the care system (N 3.9.1): owed once it is over, until it is done or was none.
    fn of_call(&mut self, id: EntryId, event: &PhoneEvent) {
        let ctx = self.ctx;
        let follows = match event {
            PhoneEvent::Ended { .. } | PhoneEvent::CalledBack {} => self.note_owed(id),
            PhoneEvent::Documented {} => self.note_done(id),
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

    /// Owed of a call or an alarm that is over, where somebody has spoken with the citizen and nothing has been written yet.
    fn note_owed(&mut self, id: EntryId) -> Option<Draft> {
        let (entry, ctx) = (self.entry(id)?, self.ctx);
        let is_owed = match &entry.body {
            Body::Phone(call) => {
                matches!(call.phase, Phase::Ended | Phase::CalledBack) && call.documented_at.is_none()
            }
            Body::Alarms(alarm) => alarm.lacks_note() && entry.notes == 0,
            _ => false,
        };
        let after = self.after();
        if is_owed && after.documentation_of(id).is_none() {
            duties::documentation(after, ctx, &entry)
        } else {
            None
        }
    }

    /// A note of it is in the care system: that is what was owed.
    fn of_note_written(&mut self, id: EntryId) {
        let Some(entry) = self.entry(id) else { return };
        let done = self.note_done(id);
        if let (Body::Phone(call), Some(_)) = (&entry.body, &done)
            && call.documented_at.is_none()
        {
            self.add([entry.draft(self.ctx.at, Event::Phone(PhoneEvent::Documented {}))]);
        }
        self.add(done);
    }

    fn note_done(&mut self, id: EntryId) -> Option<Draft> {
        let ctx = self.ctx;
        self.of_note(id, |duty| duties::fulfilled(ctx, duty, duties::is_late(duty, ctx.at)))
    }

    /// What becomes of the open duty to write a talk down.
    fn of_note(&mut self, talk: EntryId, becomes: impl FnOnce(&Entry) -> Draft) -> Option<Draft> {
        self.after().documentation_of(talk).map(becomes)
    }

    /// The redirect that reaches the limit demands an action plan (J 3.1.13), and demands none once it counts no longer.
    fn of_alarm(&mut self, id: EntryId, event: &AlarmEvent) {
        match event {
            AlarmEvent::Redirected { .. } => self.redirect_counts(id),
            AlarmEvent::Assigned { agreement, .. } => {
                let is_redirected =
                    |entry: Entry| matches!(entry.body, Body::Alarms(it) if it.redirect.is_some());
                let ctx = self.ctx;
                let given = self.of_note(id, |duty| duties::given(ctx, duty, Some(agreement)));
                self.add(given);
                if self.entry(id).is_some_and(is_redirected) {
                    self.redirect_counted(id);
                    self.redirect_counts(id);
                }
            }
            AlarmEvent::Corrected { what: alarms::Correctable::Redirect, .. } => self.redirect_counted(id),
            AlarmEvent::Documented {} => {
                let done = self.note_done(id);
                self.add(done);
            }
            AlarmEvent::Closed { .. } => {
                self.says_where(id);
                let owed = self.note_owed(id);
                self.add(owed);
            }
            AlarmEvent::Corrected { what: alarms::Correctable::Outcome, .. } => {
                self.said_where(id);
                let ctx = self.ctx;
                let withdrawn = self.of_note(id, |duty| duties::withdrawn(ctx, duty));
                self.add(withdrawn);
            }
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
                self.says_where(id);
            }
            VisitEvent::DoorClosed { outcome, .. } => {
                self.says_where(id);
                if *outcome == DoorOutcome::NotHome {
                    self.tell(id, |after, ctx, entry| notices::arises(after, ctx, entry, Matter::NotFound));
                }
            }
            VisitEvent::Corrected { what: visits::Correctable::Door, .. } => {
                self.said_where(id);
                self.tell(id, |after, ctx, entry| notices::falls(after, ctx, entry, Matter::NotFound));
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

    /// Whose it is became known.
    fn of_match(&mut self, id: EntryId) {
        self.stands_or_goes(id);
        self.says_where(id);
    }

    fn of_duty(&mut self, draft: &Draft, event: &DutyEvent) {
        match event {
            DutyEvent::Done { to, .. } => self.of_duty_done(draft, *to),
            DutyEvent::Opened { by_hand: true, .. } => self.says_where(draft.entry),
            DutyEvent::Withdrawn { .. } => self.said_where(draft.entry),
            _ => {}
        }
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
            (DutyKind::Documentation, Body::Alarms(alarm), _) if alarm.documented_at.is_none() => {
                let documented = about.draft(self.ctx.at, Event::Alarms(AlarmEvent::Documented {}));
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
