//! What sources say of a visit: facts into events. Must never refuse what happened.

use chrono::{DateTime, Utc};

use super::halted::{visits_of, waits};
use super::{Canceller, Correctable, Plan, Visit, VisitEvent};
use crate::domain::against::Against;
use crate::domain::entry::{Body, Entry, EntryEvent};
use crate::domain::identity::{Board, CitizenId, ExternalId};
use crate::domain::intake::{self, Claims, StandsFor};
use crate::domain::observation::{CancelledBy, Help, Observation};
use crate::domain::realm::Citizen;
use crate::domain::refusal::Refusal;
use crate::domain::visit_rules::{self, Standing};
use crate::domain::vocabulary::CorrectionReason;
use crate::domain::{Ctx, Draft, Event, State, boards};

/// Decides an observation about a visit. One about a visit we have not heard of opens it.
pub fn observe(state: &State, ctx: &Ctx, observation: &Observation) -> Result<Vec<Draft>, Refusal> {
    use Observation as O;
    match observation {
        O::VisitPlanned { visit, citizen, grant, help, agreed_at, window, starts } => {
            let plan = |entry: &[_]| Plan {
                grant: *grant,
                help: *help,
                agreed_at: *agreed_at,
                window: *window,
                limit: visit_rules::limit(state, entry),
                starts: starts.unwrap_or(ctx.visit_starts),
            };
            planned(state, ctx, visit, citizen, plan)
        }
        O::VisitExpected { visit, expected_at } => with_visit(state, ctx, visit, |entry, known| {
            let is_old = known.expected_told_at.is_some_and(|told| told > ctx.at);
            if is_old || known.expected_at == Some(*expected_at) {
                return Err(Refusal::Unchanged);
            }
            let outside = known
                .plan
                .as_ref()
                .and_then(|plan| visit_rules::outside_window(state, entry, plan, *expected_at));
            let against_contract = outside.map(Against::clause);
            one(ctx, entry, VisitEvent::Expected { expected_at: *expected_at, against_contract })
        }),
        O::VisitStarted { visit } => with_visit(state, ctx, visit, |entry, known| {
            if known.started_at.is_some() {
                return Err(Refusal::Unchanged);
            }
            let against =
                known.plan.as_ref().and_then(|plan| visit_rules::outside_window(state, entry, plan, ctx.at));
            let against_contract = against.map(Against::clause);
            one(ctx, entry, VisitEvent::Started { against_contract })
        }),
        O::VisitDone { visit } => with_visit(state, ctx, visit, |entry, known| {
            if known.done_at.is_some() {
                return Err(Refusal::Unchanged);
            }
            one(ctx, entry, VisitEvent::Done {})
        }),
        O::VisitCancelled { visit, told_at, withdrawn: true, .. } => withdrawn(state, ctx, visit, *told_at),
        O::VisitCancelled { visit, by, told_at, withdrawn: false } => {
            with_visit(state, ctx, visit, |entry, known| {
                if known.cancelled.is_some() {
                    return Err(Refusal::Unchanged);
                }
                one(ctx, entry, cancelled(state, entry, known, *by, *told_at))
            })
        }
        O::DoorUnanswered { visit } => with_visit(state, ctx, visit, |entry, known| {
            if known.door.is_some() || known.done_at.is_some() {
                return Err(Refusal::Unchanged);
            }
            one(ctx, entry, VisitEvent::DoorUnanswered {})
        }),
        _ => Err(Refusal::Unchanged),
    }
}

pub(super) fn one(ctx: &Ctx, entry: &Entry, event: VisitEvent) -> Result<Vec<Draft>, Refusal> {
    Ok(vec![entry.draft(ctx.at, Event::Visits(event))])
}

fn planned(
    state: &State,
    ctx: &Ctx,
    visit: &ExternalId,
    citizen: &CitizenId,
    plan: impl Fn(&[crate::domain::identity::AgreementId]) -> Plan,
) -> Result<Vec<Draft>, Refusal> {
    let claims = Claims { board: Board::Visits, device: None, citizen: Some(citizen), opens: None };
    let (known, other) = match intake::what(state, ctx, visit, claims) {
        // A visit that is over, planned for a later time, is another one.
        StandsFor::Known(entry) if is_another(ctx, entry, &plan(entry.agreements())) => {
            (None, Some((entry, false)))
        }
        StandsFor::Known(entry) | StandsFor::Either(entry) => (Some(entry), None),
        StandsFor::New { beside } => (None, beside.map(|other| (other, true))),
    };
    let Some(entry) = known else {
        let mut opening = opened(state, ctx, visit, Some(citizen), None);
        let scope = opening.agreement.iter().chain(&ctx.candidates).cloned().collect::<Vec<_>>();
        if let Event::Visits(VisitEvent::Opened { plan: slot, .. }) = &mut opening.event {
            *slot = Some(plan(&scope));
        }
        let entry = boards::opened_entry(&ctx.provisional(&opening)).ok_or(Refusal::Unchanged)?;
        let beside =
            other.map(|(other, is)| intake::beside(state, ctx, &entry, other, is)).unwrap_or_default();
        return Ok([opening].into_iter().chain(beside).collect());
    };
    let Body::Visits(known) = &entry.body else { return Err(Refusal::Unchanged) };
    let mut drafts = Vec::new();
    if entry.citizen.is_none() {
        let event = EntryEvent::CitizenMatched { citizen: citizen.clone() };
        drafts.push(entry.draft(ctx.at, Event::Entry(event)));
    }
    drafts.extend(stands_again(ctx, entry, known));
    let plan = plan(entry.agreements());
    // A plan heard of again after a coordinator moved the visit is the old one, not a new move.
    let is_before_move = known.moves.first().is_some_and(|moved| moved.from == plan.agreed_at);
    if known.plan.as_ref().is_none_or(|old| !is_same(old, &plan)) && !is_before_move {
        let against = match &known.plan {
            Some(old) => visit_rules::outside_window(state, entry, old, plan.agreed_at),
            None => None,
        };
        let event = VisitEvent::Planned { plan, against_contract: against.map(Against::clause) };
        drafts.push(entry.draft(ctx.at, Event::Visits(event)));
    }
    if drafts.is_empty() { Err(Refusal::Unchanged) } else { Ok(drafts) }
}

/// A visit that is over for another reason than that its source took it back, and a plan for a later time.
fn is_another(ctx: &Ctx, entry: &Entry, plan: &Plan) -> bool {
    let Body::Visits(known) = &entry.body else { return false };
    let is_withdrawn = known.cancelled.as_ref().is_some_and(|it| it.by == Canceller::Withdrawn);
    let is_later = known.agreed_at().is_none_or(|agreed_at| plan.agreed_at > agreed_at);
    !entry.is_open() && !is_withdrawn && is_later && !ctx.is_session
}

fn is_same(old: &Plan, new: &Plan) -> bool {
    let key = |plan: &Plan| (plan.grant, plan.help, plan.agreed_at, plan.window, plan.starts);
    key(old) == key(new)
}

fn opened(
    state: &State,
    ctx: &Ctx,
    visit: &ExternalId,
    citizen: Option<&CitizenId>,
    plan: Option<Plan>,
) -> Draft {
    boards::told(ctx, state.free_plan_number(), visit, citizen, Vec::new(), |opening| {
        Event::Visits(VisitEvent::Opened { opening, visit: visit.clone(), plan })
    })
}

fn with_visit(
    state: &State,
    ctx: &Ctx,
    visit: &ExternalId,
    then: impl Fn(&Entry, &Visit) -> Result<Vec<Draft>, Refusal>,
) -> Result<Vec<Draft>, Refusal> {
    let opening = || opened(state, ctx, visit, None, None);
    intake::with_entry(state, ctx, visit, opening, then)
}

/// Whether a visit of that help stands in the plan.
pub fn has_planned(state: &State, citizen: &Citizen, help: Help) -> bool {
    visits_of(state, citizen).any(|(_, visit)| visit.plan.as_ref().is_some_and(|plan| plan.help == help))
}

pub(super) fn cancelled(
    state: &State,
    entry: &Entry,
    visit: &Visit,
    by: CancelledBy,
    told_at: DateTime<Utc>,
) -> VisitEvent {
    let in_time = match by {
        CancelledBy::Citizen => visit_rules::is_in_time(state, entry, visit, told_at),
        _ => None,
    };
    VisitEvent::Cancelled {
        cancelled_by: by.into(),
        told_at,
        in_time,
        replacement: visit_rules::after_cancellation(by, in_time),
        against_contract: visit_rules::cancels_granted(state, entry, by).map(Against::clause),
    }
}

/// It is no longer in its source's plan. What has begun stands; what somebody may have rung about stays on the board
/// as cancelled until it is settled.
fn withdrawn(
    state: &State,
    ctx: &Ctx,
    visit: &ExternalId,
    told_at: DateTime<Utc>,
) -> Result<Vec<Draft>, Refusal> {
    let entry = match intake::what(state, ctx, visit, Claims::of(Board::Visits)) {
        StandsFor::Known(entry) if entry.is_open() => entry,
        StandsFor::Either(_) => return intake::ambiguous(state, ctx),
        StandsFor::Known(_) | StandsFor::New { .. } => return Err(Refusal::Unchanged),
    };
    let Body::Visits(known) = &entry.body else { return Err(Refusal::Unchanged) };
    if !waits(known) {
        return Err(Refusal::Unchanged);
    }
    let replacement = match known.halted {
        Some(halt) => visit_rules::after_hospital(state, entry, known, halt),
        None if known.is_spoken_of() || entry.holder.is_some() => Standing::Judgement,
        None => Standing::Nothing,
    };
    let event = VisitEvent::Cancelled {
        cancelled_by: Canceller::Withdrawn,
        told_at,
        in_time: None,
        replacement,
        against_contract: None,
    };
    one(ctx, entry, event)
}

/// It was taken out of the plan and is in it again: nothing was cancelled.
fn stands_again(ctx: &Ctx, entry: &Entry, visit: &Visit) -> Option<Draft> {
    visit.cancelled.as_ref().filter(|it| it.by == Canceller::Withdrawn && it.at <= ctx.at)?;
    let (what, reason) = (Correctable::Cancellation, CorrectionReason::NewInformation);
    Some(entry.draft(ctx.at, Event::Visits(VisitEvent::Corrected { what, reason })))
}
