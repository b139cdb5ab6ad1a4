//! What a record makes of a visit. Pure and total: what makes no sense is left alone. Must never decide.

use chrono::{DateTime, Duration, Utc};

use super::halted::waits;
use super::{
    Cancelled, Contact, Correctable, Deviation, Door, Moved, Plan, RECEIPT_HOURS, Side, Visit, VisitEvent,
};
use crate::domain::calendar;
use crate::domain::entry::{Body, Due, DueKind, Entry};
use crate::domain::observation::Help;
use crate::domain::visit_rules::Standing;

pub(super) fn apply(visit: &mut Visit, at: DateTime<Utc>, event: &VisitEvent) {
    match event {
        VisitEvent::Opened { .. } | VisitEvent::Assigned { .. } => {}
        VisitEvent::Planned { plan, against_contract } => {
            let is_new_time = visit.agreed_at() != Some(plan.agreed_at);
            visit.plan = Some(plan.clone());
            visit.against_contract = against_contract.clone();
            if is_new_time {
                new_time(visit);
            }
        }
        VisitEvent::Expected { expected_at, against_contract } => {
            visit.expected_at = Some(*expected_at);
            visit.expected_outside = against_contract.clone();
            visit.expected_told_at = Some(at);
        }
        VisitEvent::Started { against_contract } => {
            // Home after all, and the visit is made.
            if visit.cancelled.as_ref().is_some_and(|it| it.by.is_of_stay()) {
                visit.cancelled = None;
                visit.replacement = Standing::Nothing;
            }
            visit.started_at = Some(at);
            visit.against_contract = against_contract.clone().or(visit.against_contract.take());
        }
        VisitEvent::FellSilent {} => visit.silent_since = Some(at),
        VisitEvent::Done {} => visit.done_at = Some(at),
        VisitEvent::ReceiptMissing {} => visit.no_receipt_since = Some(at),
        VisitEvent::Lapsed {} => visit.lapsed = true,
        VisitEvent::Contacted { reached } => {
            visit.tries += 1;
            visit.contact = Some(Contact { reached: *reached, at, about: visit.expected_at });
            if *reached && visit.replacement == Standing::Owed && visit.cancelled.is_none() {
                // The new time was agreed with the citizen: that is the replacement.
                visit.replacement = Standing::Nothing;
            }
        }
        VisitEvent::Moved { moved_to, asked_by, replacement, against_contract } => {
            if let Some(plan) = &mut visit.plan {
                let from = std::mem::replace(&mut plan.agreed_at, *moved_to);
                visit.moves.push(Moved { from, to: *moved_to, asked_by: *asked_by, at });
                visit.replacement = *replacement;
                visit.against_contract = against_contract.clone();
                new_time(visit);
            }
        }
        VisitEvent::Replaced { replaced_at, against_contract } => {
            visit.replaced_at = Some(*replaced_at);
            visit.replacement = Standing::Nothing;
            visit.against_contract = against_contract.clone().or(visit.against_contract.take());
        }
        VisitEvent::Cancelled { cancelled_by, told_at, in_time, replacement, against_contract } => {
            visit.cancelled = Some(Cancelled { by: *cancelled_by, told_at: *told_at, in_time: *in_time, at });
            visit.replacement = *replacement;
            visit.against_contract = against_contract.clone();
        }
        VisitEvent::Settled {} => visit.settled = true,
        VisitEvent::DoorUnanswered {} => {
            visit.door = Some(Door { since: at, steps: Vec::new(), outcome: None, skipped: None });
        }
        VisitEvent::DoorStep { step, done } => {
            if let Some(door) = &mut visit.door {
                door.steps.retain(|(known, _)| known != step);
                if *done {
                    door.steps.push((*step, at));
                }
            }
        }
        VisitEvent::DoorClosed { outcome, skipped } => {
            if let Some(door) = &mut visit.door {
                door.skipped = *skipped;
                door.outcome = Some((*outcome, at));
            }
        }
        VisitEvent::Halted { halt } => visit.halted = Some(*halt),
        VisitEvent::WentOn {} => visit.halted = None,
        VisitEvent::Corrected { what, .. } => corrected(visit, *what),
    }
}

/// What was known about the old time says nothing about the new one.
fn new_time(visit: &mut Visit) {
    visit.expected_at = None;
    visit.expected_outside = None;
    visit.silent_since = None;
    visit.contact = None;
    visit.no_receipt_since = None;
    visit.lapsed = false;
}

fn corrected(visit: &mut Visit, what: Correctable) {
    match what {
        Correctable::Contact => visit.contact = None,
        Correctable::Move => {
            if let (Some(moved), Some(plan)) = (visit.moves.pop(), &mut visit.plan) {
                plan.agreed_at = moved.from;
                visit.replacement = Standing::Nothing;
                visit.against_contract = None;
                new_time(visit);
            }
        }
        Correctable::Cancellation => {
            visit.cancelled = None;
            visit.replacement = Standing::Nothing;
            visit.replaced_at = None;
            visit.settled = false;
            visit.against_contract = None;
        }
        Correctable::Door => visit.door = None,
    }
}

/// Puts dues and closing in step with what is now known.
pub(super) fn settle(entry: &mut Entry, at: DateTime<Utc>) {
    let Body::Visits(visit) = &entry.body else { return };
    let (over, dues) = (visit.is_over(), dues(visit, entry.opened_at));
    for what in [DueKind::Late, DueKind::Receipt, DueKind::Contact] {
        entry.drop_due(what);
    }
    if over {
        entry.close(at);
        return;
    }
    entry.reopen();
    entry.dues.extend(dues);
}

fn dues(visit: &Visit, opened_at: DateTime<Utc>) -> Vec<Due> {
    let is_asked_for = visit.no_receipt_since.is_some() || visit.lapsed || visit.cancelled.is_some();
    // A stay that covers the agreed time has cost the citizen that visit there and then (N 3.2); of all but practical
    // help nothing is owed, and it may still be heard that it was given.
    let is_missed = visit.halted.is_some() && waits(visit);
    let is_practical = visit.plan.as_ref().is_some_and(|plan| plan.help == Help::Practical);
    let wait = if is_missed && is_practical { Duration::zero() } else { Duration::hours(RECEIPT_HOURS) };
    let over_at = visit.agreed_at().unwrap_or(opened_at) + wait;
    let mut dues = Vec::new();
    if !is_asked_for {
        dues.push(Due::own(DueKind::Receipt, over_at));
    }
    let Some(plan) = &visit.plan else { return dues };
    let is_going = waits(visit) && visit.door.is_none() && visit.replaced_at.is_none();
    if let (Some(limit), Some(minutes)) = (&plan.limit, visit.limit()) {
        let due = |what, at| Due {
            what,
            at,
            clause: limit.clause.clone(),
            agreement_version: Some(limit.agreement_version.clone()),
        };
        let is_silent = is_going && plan.starts && visit.halted.is_none() && !visit.is_told();
        if is_silent && visit.silent_since.is_none() {
            dues.push(due(DueKind::Late, plan.agreed_at + minutes));
        }
        match visit.deviation().filter(|_| is_going && !visit.is_told()) {
            Some(Deviation { side: Side::Late, .. }) => {
                dues.push(due(DueKind::Contact, plan.agreed_at + minutes));
            }
            Some(Deviation { side: Side::Early, .. }) => {
                dues.push(due(DueKind::Contact, visit.expected_at.unwrap_or(plan.agreed_at - minutes)));
            }
            None => {}
        }
    }
    dues
}

/// True when practical help is planned on a public holiday: another day is to be offered, where the agreement says so.
pub fn falls_on_holiday(plan: &Plan) -> bool {
    plan.help == Help::Practical && calendar::holiday(calendar::local_date(plan.agreed_at)).is_some()
}
