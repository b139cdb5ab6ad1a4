//! What a coordinator does with a visit, and the way back. Must never apply an event.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::halted::waits;
use super::observe::{cancelled, one};
use super::{Canceller, Command, Correctable, DoorOutcome, DoorSkipped, Halt, Plan, Visit, VisitEvent};
use crate::domain::against::warned;
use crate::domain::agreement::{DoorStep, holds};
use crate::domain::entry::{DueKind, Entry};
use crate::domain::identity::AgreementId;
use crate::domain::observation::CancelledBy;
use crate::domain::refusal::Refusal;
use crate::domain::vocabulary::CorrectionReason;
use crate::domain::{Ctx, Draft, Event, State, visit_rules};

/// The limit has passed and nobody has started: the timer's decision.
pub fn silence_due(ctx: &Ctx, entry: &Entry, visit: &Visit) -> Result<Vec<Draft>, Refusal> {
    let due = entry.due(DueKind::Late).ok_or(Refusal::NotDue)?;
    if due.at > ctx.now || visit.silent_since.is_some() {
        return Err(Refusal::NotDue);
    }
    Ok(vec![entry.draft(due.at, Event::Visits(VisitEvent::FellSilent {}))])
}

/// The visit's time is long over: the timer's decision.
pub fn receipt_due(state: &State, ctx: &Ctx, entry: &Entry, visit: &Visit) -> Result<Vec<Draft>, Refusal> {
    let due = entry.due(DueKind::Receipt).ok_or(Refusal::NotDue)?;
    if due.at > ctx.now {
        return Err(Refusal::NotDue);
    }
    let starts = visit.plan.as_ref().is_some_and(|plan| plan.starts);
    let receipted = state.rules(entry.agreements()).any(|rules| holds(&rules.visits.receipts));
    let event = match visit.halted.filter(|_| waits(visit)) {
        Some(halt) => {
            let by = if halt == Halt::Dead { Canceller::Death } else { Canceller::Hospital };
            VisitEvent::Cancelled {
                cancelled_by: by,
                told_at: due.at,
                in_time: None,
                replacement: visit_rules::after_hospital(state, entry, visit, halt),
                against_contract: None,
            }
        }
        None if starts && receipted => VisitEvent::ReceiptMissing {},
        None => VisitEvent::Lapsed {},
    };
    Ok(vec![entry.draft(due.at, Event::Visits(event))])
}

/// Decides a coordinator's command.
pub fn decide(
    state: &State,
    ctx: &Ctx,
    entry: &Entry,
    visit: &Visit,
    command: &Command,
) -> Result<Vec<Draft>, Refusal> {
    let wrong_state = || Err(entry.wrong_state());
    match command {
        Command::Correct { what, reason } => return correct(ctx, entry, visit, *what, *reason),
        Command::Assign { agreement } => return assign(state, ctx, entry, visit, agreement),
        _ => {}
    }
    if !entry.is_open() {
        return wrong_state();
    }
    entry.not_held_by_other(ctx)?;
    let is_cancelled = visit.cancelled.is_some();
    match command {
        Command::Contact { reached } => {
            if is_cancelled || visit.door_is_open_question() {
                return wrong_state();
            }
            one(ctx, entry, VisitEvent::Contacted { reached: *reached })
        }
        Command::Move { to, asked_by, confirmed } => {
            if is_cancelled || visit.started_at.is_some() || visit.door_is_open_question() {
                return wrong_state();
            }
            move_visit(state, ctx, entry, visit, *to, *asked_by, *confirmed)
        }
        Command::Replace { at, confirmed } => {
            if visit.started_at.is_some() && !is_cancelled {
                return wrong_state();
            }
            let against =
                visit.plan.as_ref().and_then(|plan| visit_rules::outside_window(state, entry, plan, *at));
            let against_contract = warned(against, *confirmed)?;
            one(ctx, entry, VisitEvent::Replaced { replaced_at: *at, against_contract })
        }
        Command::Door { steps, step, done, outcome, skipped } => {
            let told = AtDoor { steps, step: *step, done: *done, outcome: *outcome, skipped: *skipped };
            told.decide(state, ctx, entry, visit)
        }
        Command::Assign { .. } | Command::Correct { .. } => wrong_state(),
        Command::Done {} if visit.door_is_open_question() => wrong_state(),
        Command::Done {} if is_cancelled => one(ctx, entry, VisitEvent::Settled {}),
        Command::Done {} => one(ctx, entry, VisitEvent::Done {}),
        Command::Cancel { by, told_at, confirmed } => {
            if is_cancelled || visit.started_at.is_some() {
                return wrong_state();
            }
            let told_at = told_at.unwrap_or(ctx.at);
            if told_at > ctx.now {
                return Err(Refusal::InFuture);
            }
            warned(visit_rules::cancels_granted(state, entry, *by), *confirmed)?;
            one(ctx, entry, cancelled(state, entry, visit, *by, told_at))
        }
    }
}

/// Gives the visit to a municipality: its limit is that contract's.
fn assign(
    state: &State,
    ctx: &Ctx,
    entry: &Entry,
    visit: &Visit,
    agreement: &AgreementId,
) -> Result<Vec<Draft>, Refusal> {
    entry.may_be_assigned(state, ctx, agreement)?;
    let of =
        |event| Draft { agreement: Some(agreement.clone()), ..entry.draft(ctx.at, Event::Visits(event)) };
    let mut drafts = vec![of(VisitEvent::Assigned { agreement: agreement.clone() })];
    let limit = visit_rules::limit(state, std::slice::from_ref(agreement));
    if let Some(plan) = visit.plan.as_ref().filter(|plan| plan.limit != limit) {
        let plan = Plan { limit, ..plan.clone() };
        let against_contract = visit.against_contract.clone();
        drafts.push(of(VisitEvent::Planned { plan, against_contract }));
    }
    Ok(drafts)
}

fn move_visit(
    state: &State,
    ctx: &Ctx,
    entry: &Entry,
    visit: &Visit,
    to: DateTime<Utc>,
    asked_by: CancelledBy,
    confirmed: bool,
) -> Result<Vec<Draft>, Refusal> {
    // Without a plan nobody knows what is moved.
    let Some(plan) = &visit.plan else { return Err(entry.wrong_state()) };
    if to == plan.agreed_at {
        return Err(Refusal::AlreadyDone);
    }
    let against = visit_rules::against_move(state, entry, visit, plan, to, asked_by);
    let against_contract = warned(against, confirmed)?;
    let replacement = visit_rules::after_move(state, entry, plan, to, asked_by);
    let event = VisitEvent::Moved { moved_to: to, asked_by, replacement, against_contract };
    one(ctx, entry, event)
}

/// What is told of a door that nobody opens.
struct AtDoor<'c> {
    steps: &'c [DoorStep],
    step: Option<DoorStep>,
    done: bool,
    outcome: Option<DoorOutcome>,
    skipped: Option<DoorSkipped>,
}

impl AtDoor<'_> {
    fn decide(&self, state: &State, ctx: &Ctx, entry: &Entry, visit: &Visit) -> Result<Vec<Draft>, Refusal> {
        let is_cancelled = visit.cancelled.is_some() && !visit.door_is_open_question();
        if is_cancelled || visit.door.as_ref().is_some_and(|door| door.outcome.is_some()) {
            return Err(entry.wrong_state());
        }
        // A form sent by mistake must not end the wait for a visit.
        if self.steps.is_empty() && self.step.is_none() && self.outcome.is_none() {
            return Err(Refusal::FieldMissing { field: "steps".into() });
        }
        let mut drafts = Vec::new();
        if visit.door.is_none() {
            drafts.extend(one(ctx, entry, VisitEvent::DoorUnanswered {})?);
        }
        let known = visit.door.iter().flat_map(|door| &door.steps).map(|(step, _)| *step);
        let mut done: BTreeSet<DoorStep> = known.collect();
        let mut is_news = self.outcome.is_some();
        if let Some(step) = self.step {
            let is_changed = if self.done { done.insert(step) } else { done.remove(&step) };
            if !is_changed {
                return Err(Refusal::AlreadyDone);
            }
            is_news = true;
            drafts.extend(one(ctx, entry, VisitEvent::DoorStep { step, done: self.done })?);
        }
        for step in BTreeSet::from_iter(self.steps.iter().copied()) {
            if done.insert(step) {
                is_news = true;
                drafts.extend(one(ctx, entry, VisitEvent::DoorStep { step, done: true })?);
            }
        }
        if !is_news {
            return Err(Refusal::AlreadyDone);
        }
        if let Some(outcome) = self.outcome {
            let is_followed = state
                .rules(entry.agreements())
                .filter_map(|rules| rules.visits.door_steps.as_ref())
                .all(|rule| rule.value().iter().all(|step| done.contains(step)));
            if outcome.is_unseen() && !is_followed && self.skipped.is_none() {
                return Err(Refusal::StepsMissing { field: "skipped".into() });
            }
            let skipped = self.skipped.filter(|_| !is_followed);
            drafts.extend(one(ctx, entry, VisitEvent::DoorClosed { outcome, skipped })?);
        }
        Ok(drafts)
    }
}

/// The way back for what was recorded wrongly.
fn correct(
    ctx: &Ctx,
    entry: &Entry,
    visit: &Visit,
    what: Correctable,
    reason: CorrectionReason,
) -> Result<Vec<Draft>, Refusal> {
    let stands = match what {
        Correctable::Contact => visit.contact.is_some(),
        Correctable::Move => !visit.moves.is_empty(),
        Correctable::Cancellation => visit.cancelled.is_some(),
        Correctable::Door => visit.door.is_some(),
    };
    if !stands {
        return Err(Refusal::NothingToCorrect);
    }
    one(ctx, entry, VisitEvent::Corrected { what, reason })
}
