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
use super::duties::{self, Duty, DutyEvent, DutyKind, notices};
use super::entry::{Body, Entry, EntryEvent, MunicipalityTold};
use super::envelope::Draft;
use super::identity::{AgreementId, Board, CitizenId, EntryId};
use super::observation::Help;
use super::phone::{self, Phase, PhoneEvent};
use super::realm::Citizen;
use super::refusal::Refusal;
use super::visits::{self, Canceller, Halt, Visit, VisitEvent};
use super::{Ctx, Event, State, evolve, links, sources, voice};

/// The drafts, and after them all that they bring about.
pub fn with_consequences(state: &State, ctx: &Ctx, drafts: Vec<Draft>) -> Vec<Draft> {
    let drafts = on_other_boards(state, ctx, drafts);
    let drafts = links::with_links(state, ctx, drafts);
    voice::with_talks(state, ctx, drafts)
}

fn on_other_boards(state: &State, ctx: &Ctx, drafts: Vec<Draft>) -> Vec<Draft> {
    if !drafts.iter().any(|draft| may_matter(&draft.event)) {
        return drafts;
    }
    let mut step = Step { before: state, after: state.clone(), ctx, drafts: Vec::new() };
    step.add(drafts.clone());
    let mut stays = Vec::new();
    for draft in &drafts {
        step.of(draft);
        let is_of_stay = step.after.entry(draft.entry).is_some_and(|it| it.board() == Board::Discharges);
        if is_of_stay && !stays.contains(&draft.entry) {
            stays.push(draft.entry);
        }
    }
    // Of a stay only what stands counts, whatever was told in this request, and in what order.
    // One that goes on in another hands over what it has before that one looks what it needs.
    let is_joined = |id: &EntryId| {
        step.after.entry(*id).is_some_and(|it| matches!(&it.body, Body::Discharges(stay) if stay.is_joined()))
    };
    let (joined, others): (Vec<EntryId>, Vec<EntryId>) = stays.into_iter().partition(is_joined);
    for stay in joined.into_iter().chain(others) {
        step.of_stay(stay, &drafts);
    }
    step.drafts
}

/// Something may follow from it on another board: what [`Step`] has a rule for. The others, a flood of calls that wait
/// among them, cost no look at the state after them.
fn may_matter(event: &Event) -> bool {
    use {AlarmEvent as A, PhoneEvent as P, VisitEvent as V};
    match event {
        Event::Entry(event) => matches!(event, EntryEvent::CitizenMatched { .. }),
        Event::Phone(event) => !matches!(event, P::Waiting { .. } | P::WaitsIn { .. } | P::Answered { .. }),
        Event::Alarms(event) => {
            matches!(event, A::Redirected { .. } | A::Assigned { .. } | A::Corrected { .. })
        }
        Event::Visits(event) => !matches!(event, V::Planned { .. } | V::Expected { .. } | V::DoorStep { .. }),
        Event::Duties(event) => matches!(event, DutyEvent::Done { .. }),
        Event::Sources(_) | Event::Complaints(_) => false,
        _ => event.board().is_some(),
    }
}

/// One decision and what has followed from it so far.
struct Step<'s> {
    before: &'s State,
    /// As it is after everything that was drafted so far.
    after: State,
    ctx: &'s Ctx,
    drafts: Vec<Draft>,
}

impl Step<'_> {
    fn add(&mut self, drafts: impl IntoIterator<Item = Draft>) {
        for draft in drafts {
            evolve(&mut self.after, &self.ctx.provisional(&draft));
            self.drafts.push(draft);
        }
    }

    /// What one event brings about, but for a stay's.
    fn of(&mut self, draft: &Draft) {
        // One that is over for long may be let go of by the very record that ended it.
        let known = self.after.entry(draft.entry).or_else(|| self.before.entry(draft.entry));
        let Some(entry) = known.cloned() else { return };
        match (&draft.event, &entry.body) {
            (Event::Phone(event), Body::Phone(_)) => self.of_call(&entry, event),
            (Event::Alarms(event), Body::Alarms(alarm)) => self.of_alarm(&entry, alarm, event),
            (Event::Visits(event), Body::Visits(visit)) => self.of_visit(&entry, visit, event),
            (Event::Duties(event), Body::Duties(duty)) => self.of_duty(draft, duty, event),
            (Event::Entry(EntryEvent::CitizenMatched { .. }), Body::Visits(visit)) => {
                self.stands_or_goes(&entry, visit);
            }
            _ => {}
        }
    }

    /// A talk is written down in the care system (N 3.9.1): owed once it is over, until it is done or was none.
    fn of_call(&mut self, entry: &Entry, event: &PhoneEvent) {
        let (after, ctx) = (&self.after, self.ctx);
        let open = after.documentation_of(entry.id);
        let follows: Option<Draft> = match event {
            PhoneEvent::Ended { .. } | PhoneEvent::CalledBack {} => {
                let Body::Phone(call) = &entry.body else { return };
                let is_owed = matches!(call.phase, Phase::Ended | Phase::CalledBack)
                    && call.documented_at.is_none()
                    && open.is_none();
                if is_owed { duties::documentation(after, ctx, entry) } else { None }
            }
            PhoneEvent::Documented {} => {
                open.map(|duty| duties::fulfilled(ctx, duty, duties::is_late(duty, ctx.at)))
            }
            PhoneEvent::Missed { corrects: true, .. }
            | PhoneEvent::Corrected { what: phone::Correctable::CallBack, .. } => {
                open.map(|duty| duties::withdrawn(ctx, duty))
            }
            PhoneEvent::Corrected { what: phone::Correctable::Agreement, .. } => {
                open.map(|duty| duties::given(ctx, duty, None))
            }
            PhoneEvent::Assigned { agreement } => open.map(|duty| {
                let rules = after.agreements.get(agreement);
                match rules.is_some_and(|rules| rules.phone.documentation.is_none()) {
                    true => duties::withdrawn(ctx, duty),
                    false => duties::given(ctx, duty, Some(agreement)),
                }
            }),
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

    /// The redirect that reaches the limit demands an action plan (J 3.1.13), and demands none once it counts no longer.
    fn of_alarm(&mut self, entry: &Entry, alarm: &Alarm, event: &AlarmEvent) {
        let was = self.before.entry(entry.id).cloned();
        match event {
            AlarmEvent::Redirected { .. } => self.redirected(entry, alarm),
            AlarmEvent::Assigned { .. } if alarm.redirect.is_some() => {
                let withdrawn = was.and_then(|was| duties::plan_withdrawn(&self.after, self.ctx, &was));
                self.add(withdrawn);
                self.redirected(entry, alarm);
            }
            AlarmEvent::Corrected { what: alarms::Correctable::Redirect, .. } => {
                let withdrawn = was.and_then(|was| duties::plan_withdrawn(&self.after, self.ctx, &was));
                self.add(withdrawn);
            }
            _ => {}
        }
    }

    fn redirected(&mut self, entry: &Entry, alarm: &Alarm) {
        let (Some(agreement), Some(redirect)) = (&entry.agreement, &alarm.redirect) else { return };
        let plan = duties::action_plan(&self.after, self.ctx, entry, agreement, redirect.at);
        self.add(plan);
    }

    fn of_visit(&mut self, entry: &Entry, visit: &Visit, event: &VisitEvent) {
        let (after, ctx) = (&self.after, self.ctx);
        let whose = after.citizen_of(entry);
        let planned = || whose.as_ref().zip(visit.plan.as_ref()).map(|(whose, plan)| (whose, plan.help));
        match event {
            // Planned for somebody who is in hospital: it stands still from the first. A time is agreed with it.
            VisitEvent::Opened { .. } => {
                let Some(whose) = &whose else { return };
                let halted = halt_of(after, whose)
                    .map(|halt| entry.draft(entry.opened_at, Event::Visits(VisitEvent::Halted { halt })));
                let agreed = planned().and_then(|(whose, help)| duties::time_agreed(after, ctx, whose, help));
                self.add(halted.into_iter().chain(agreed));
            }
            // Help has begun.
            VisitEvent::Started { .. } | VisitEvent::Done {} => {
                let begun = planned().map(|(whose, help)| duties::help_started(after, ctx, whose, help));
                self.add(begun.unwrap_or_default());
            }
            // What we cancel ourselves the municipality is told at once (J 3.2).
            VisitEvent::Cancelled { cancelled_by: Canceller::Provider, .. } => {
                let told = notices::arises(after, ctx, entry, Matter::CancelledActivities);
                self.add(told);
            }
            VisitEvent::Corrected { what: visits::Correctable::Cancellation, .. } => {
                let falls = notices::falls(after, ctx, entry, Matter::CancelledActivities);
                self.add(falls);
                // The citizen may have been admitted meanwhile.
                self.stands_or_goes(entry, visit);
            }
            VisitEvent::Assigned { agreement } => {
                self.goes_with(entry, agreement);
                self.stands_or_goes(entry, visit);
            }
            _ => {}
        }
    }

    /// Whose visit it is became known: it stands still if that citizen's stay says so, and only then.
    fn stands_or_goes(&mut self, entry: &Entry, visit: &Visit) {
        if !visits::waits(visit) {
            return;
        }
        let whose = self.after.citizen_of(entry);
        let halt = whose.as_ref().and_then(|whose| halt_of(&self.after, whose));
        // What was agreed before the admission was theirs to keep.
        let is_before = |from| visit.agreed_at().is_some_and(|at| at < from);
        let admitted_at = whose.as_ref().and_then(|whose| away_since(&self.after, whose));
        let halt = halt.filter(|halt| *halt == Halt::Dead || !admitted_at.is_some_and(is_before));
        let event = match (visit.halted, halt) {
            (was, Some(halt)) if was != Some(halt) => VisitEvent::Halted { halt },
            (Some(_), None) => VisitEvent::WentOn {},
            _ => return,
        };
        let draft = entry.draft(self.ctx.at, Event::Visits(event));
        self.add([draft]);
    }

    /// What is owed about an entry goes with it to the municipality that it is given to.
    fn goes_with(&mut self, entry: &Entry, agreement: &AgreementId) {
        let owed: Vec<Entry> = self.after.duties_about(entry.id).map(|(duty, _)| duty.clone()).collect();
        let others = owed.iter().filter(|duty| duty.agreement.as_ref() != Some(agreement));
        let given: Vec<Draft> = others.map(|duty| duties::given(self.ctx, duty, Some(agreement))).collect();
        self.add(given);
    }

    /// What was done of a duty is known where it is about.
    fn of_duty(&mut self, draft: &Draft, duty: &Duty, event: &DutyEvent) {
        let DutyEvent::Done { to, .. } = event else { return };
        let Some(about) = duty.about.and_then(|id| self.after.entry(id)).cloned() else { return };
        match (duty.duty, &about.body, duty.matter) {
            (DutyKind::Documentation, Body::Phone(call), _) if call.documented_at.is_none() => {
                let documented = about.draft(self.ctx.at, Event::Phone(PhoneEvent::Documented {}));
                self.add([documented]);
            }
            (DutyKind::NoticeTakenBack, _, Some(what)) => {
                let event = EntryEvent::MunicipalityCorrected { what, to: *to };
                self.add([about.draft(draft.happened_at, Event::Entry(event))]);
            }
            (DutyKind::ImmediateNotice, _, Some(what)) => {
                let event = EntryEvent::MunicipalityTold { what, to: *to };
                self.add([about.draft(draft.happened_at, Event::Entry(event))]);
                // Void before it was told: then it must be taken back at once.
                let was_void = self
                    .before
                    .entry(draft.entry)
                    .is_some_and(|it| matches!(&it.body, Body::Duties(duty) if duty.withdrawn));
                let taken_back =
                    was_void.then(|| notices::taken_back(&self.after, self.ctx, &about, what)).flatten();
                self.add(taken_back);
            }
            _ => {}
        }
    }

    /// What a stay means now for the citizen's visits and duties, and for what the municipality is told.
    fn of_stay(&mut self, id: EntryId, drafts: &[Draft]) {
        let own: Vec<&DischargeEvent> = drafts
            .iter()
            .filter(|draft| draft.entry == id)
            .filter_map(|draft| match &draft.event {
                Event::Discharges(event) => Some(event),
                _ => None,
            })
            .collect();
        let opening = drafts.iter().find(|draft| draft.entry == id);
        let opened = || opening.and_then(|draft| boards::opened_entry(&self.ctx.provisional(draft)));
        let Some(was) = self.before.entry(id).cloned().or_else(opened) else { return };
        let Some(is) = self.after.entry(id).cloned() else { return };
        let (Body::Discharges(before), Body::Discharges(after)) = (&was.body, &is.body) else { return };
        if let Some(agreement) = own.iter().find_map(|event| match event {
            DischargeEvent::Assigned { agreement } => Some(agreement.clone()),
            _ => None,
        }) {
            self.goes_with(&is, &agreement);
        }
        self.is_no_more_of(&was, &is);
        if after.is_joined() {
            return self.goes_on_in(&is, drafts);
        }
        if after.now.is_odd && !before.now.is_odd {
            let odd = sources::odd(&self.after, self.ctx, "end-before-beginning");
            self.add(odd);
        }
        self.of_whose(&was, before, &is, after, &own);
        self.is_told_of(&is, before, after);
    }

    /// The stay goes on in another entry: what was told of it, and what is still to be told, goes with it.
    fn goes_on_in(&mut self, from: &Entry, drafts: &[Draft]) {
        // It was told of by a source, so the other is known under its id from now on; a link they may have had before.
        let other = drafts.iter().find_map(|draft| match &draft.event {
            Event::Discharges(DischargeEvent::Joined { source: Some(_), .. }) if draft.entry != from.id => {
                Some(draft.entry)
            }
            _ => None,
        });
        let Some(to) = other.and_then(|id| self.after.entry(id)).cloned() else { return };
        let over = notices::go_over(&self.after, self.ctx, &to, from);
        self.add(over);
    }

    /// Only now it is known whose citizen its id means: what it meant for another's is taken back.
    fn is_no_more_of(&mut self, was: &Entry, is: &Entry) {
        let whose = self.after.citizen_of(is);
        if let Some(other) = self.before.citizen_of(was).filter(|other| whose.as_ref() != Some(other)) {
            let go_on = visits::go_on(&self.after, self.ctx, &other, None);
            self.add(go_on);
        }
    }

    /// The citizen's visits, and the duties to begin help.
    fn of_whose(&mut self, was: &Entry, before: &Stay, is: &Entry, after: &Stay, own: &[&DischargeEvent]) {
        let ctx = self.ctx;
        let Some(whose) = self.after.citizen_of(is) else { return };
        if let Some(reason) = own.iter().find_map(|event| match event {
            DischargeEvent::Stopped { reason } => Some(*reason),
            _ => None,
        }) {
            if reason.is(StopReason::Dead) {
                self.of_death_and_place(&whose, before, after);
            } else if !reason.is(StopReason::BackInHospital) {
                self.help_ends(&whose);
            }
            return;
        }
        if own.iter().any(|event| matches!(event, DischargeEvent::Resumed {})) {
            let go_on = visits::go_on(&self.after, ctx, &whose, Some(ctx.at));
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
            let restored = visits::restored(&self.after, ctx, &whose, stopped.at, reason);
            self.add(restored);
            if !stopped.reason.is(StopReason::Dead) {
                let goes_on = duties::help_goes_on(&self.after, ctx, &whose);
                self.add(goes_on);
            }
        }
        if self.before.citizen_of(was).as_ref() != Some(&whose) {
            self.whose_is_known(&whose, after);
        }
    }

    /// The citizen of a stay became known: what it means for that citizen's visits.
    fn whose_is_known(&mut self, whose: &Citizen, stay: &Stay) {
        let Some(halt) = halt(stay) else { return };
        let from = stay.now.admitted_at.filter(|_| halt == Halt::InHospital);
        let halted = visits::halt(&self.after, self.ctx, whose, halt, from);
        self.add(halted);
        if halt == Halt::Dead {
            let ended = duties::help_ended(&self.after, self.ctx, whose);
            self.add(ended);
        }
    }

    fn help_ends(&mut self, whose: &Citizen) {
        let ended = visits::ended(&self.after, self.ctx, whose);
        self.add(ended);
        let ended = duties::help_ended(&self.after, self.ctx, whose);
        self.add(ended);
    }

    /// What a change of where the citizen is means for the visits, and for the duties to begin help.
    fn of_death_and_place(&mut self, whose: &Citizen, before: &Stay, after: &Stay) {
        let ctx = self.ctx;
        let duties = match (before.is_dead(), after.is_dead()) {
            (false, true) => duties::help_ended(&self.after, ctx, whose),
            (true, false) => duties::help_goes_on(&self.after, ctx, whose),
            _ => Vec::new(),
        };
        self.add(duties);
        let at_home = after.now.place == Whereabouts::Home && !after.is_resumed();
        let visits = match (halt(before), halt(after)) {
            (was, Some(halt)) if was != Some(halt) => {
                let from = after.now.admitted_at.filter(|_| halt == Halt::InHospital);
                visits::halt(&self.after, ctx, whose, halt, from)
            }
            // Home, but help is not resumed yet: the visits stay halted until somebody says so.
            (Some(Halt::Dead), None) if at_home => {
                visits::halt(&self.after, ctx, whose, Halt::InHospital, after.now.admitted_at)
            }
            // Home before we heard of the admission: halted all the same until help is resumed.
            (None, None) if at_home && after.stopped.is_none() => {
                match (before.now.admitted_at, after.now.admitted_at) {
                    (None, Some(from)) => visits::halt(&self.after, ctx, whose, Halt::InHospital, Some(from)),
                    _ => Vec::new(),
                }
            }
            (Some(_), None) if !at_home => {
                let skipped_too = after.now.place == Whereabouts::NeverAdmitted;
                visits::go_on(&self.after, ctx, whose, if skipped_too { None } else { Some(ctx.at) })
            }
            _ => Vec::new(),
        };
        self.add(visits);
    }

    fn is_told(&self, entry: EntryId, what: Matter) -> bool {
        self.after.entry(entry).is_some_and(|it| it.told.iter().any(|told| told.what == what))
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
            let arises = notices::arises(&self.after, ctx, entry, Matter::Admission);
            self.add(arises);
        } else if before.now.never_admitted && !after.now.never_admitted {
            let stands = notices::stands(&self.after, ctx, entry, Matter::Admission);
            self.add(stands);
        }
        if after.now.never_admitted && !before.now.never_admitted {
            let falls = notices::falls(&self.after, ctx, entry, Matter::Admission);
            self.add(falls);
        }
        let is_death_told = self.is_told(entry.id, Matter::Death);
        let of_death = match (before.is_dead(), after.is_dead()) {
            (false, true) if is_death_told => {
                notices::stands(&self.after, ctx, entry, Matter::Death).into_iter().collect()
            }
            (false, true) => notices::arises(&self.after, ctx, entry, Matter::Death).into_iter().collect(),
            (true, false) => notices::falls(&self.after, ctx, entry, Matter::Death),
            _ => Vec::new(),
        };
        self.add(of_death);
    }
}

/// What a stay means for the citizen's visits.
fn halt(stay: &Stay) -> Option<Halt> {
    match (stay.is_dead(), stay.is_away()) {
        (true, _) => Some(Halt::Dead),
        (false, true) => Some(Halt::InHospital),
        (false, false) => None,
    }
}

/// Since when the hospital has a citizen, if it has.
fn away_since(state: &State, citizen: &Citizen) -> Option<DateTime<Utc>> {
    state.of_citizen_on(citizen, Board::Discharges).find_map(|other| match &other.body {
        Body::Discharges(stay) if stay.is_away() => stay.now.admitted_at,
        _ => None,
    })
}

/// Why a citizen's visits stand still, if they do.
fn halt_of(state: &State, citizen: &Citizen) -> Option<Halt> {
    let by_stay = state.of_citizen_on(citizen, Board::Discharges).find_map(|other| match &other.body {
        Body::Discharges(stay) => halt(stay),
        _ => None,
    });
    // A plan may go on after the stay that told of the death is over.
    by_stay.or(state.is_dead(citizen).then_some(Halt::Dead))
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
        let mut step = Step { before: state, after: state.clone(), ctx, drafts: Vec::new() };
        step.add(discharges::moved_away(state, ctx, citizen));
        step.help_ends(citizen);
        step.drafts
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
