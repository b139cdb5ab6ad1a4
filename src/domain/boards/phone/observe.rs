//! What sources say of a call: facts into events. Must never refuse what happened.

use chrono::{DateTime, Duration, Utc};

use super::{Call, KEPT_DAYS_DEFAULT, Phase, PhoneEvent};
use crate::domain::agreement::value_of;
use crate::domain::entry::{self, Body, Due, DueKind, Entry, LinkWhy};
use crate::domain::identity::{AgreementId, Board, ExternalId, PersonName};
use crate::domain::intake::{self, Claims, StandsFor};
use crate::domain::observation::{FactKind, MissedReason, Observation, Rank};
use crate::domain::refusal::Refusal;
use crate::domain::session::{self, Wait};
use crate::domain::{Ctx, Draft, Event, State, boards};

/// Decides an observation about a call.
pub fn observe(state: &State, ctx: &Ctx, observation: &Observation) -> Result<Vec<Draft>, Refusal> {
    match observation {
        Observation::CallWaiting { call, queue, colleague } => {
            let opens = |beside, is_conflict| {
                let drafts = opened_beside(state, ctx, call, Some(queue), beside, is_conflict);
                from_colleague(ctx, drafts, *colleague)
            };
            match intake::what(state, ctx, call, Claims { opens: Some(FactKind::CallWaiting), ..CLAIMS }) {
                StandsFor::New { beside } => Ok(opens(beside, true)),
                StandsFor::Known(entry) | StandsFor::Either(entry) => match &entry.body {
                    _ if intake::is_another(ctx, entry, FactKind::CallWaiting, entry.closed_at) => {
                        Ok(opens(Some(entry), false))
                    }
                    Body::Phone(known) => match waits(state, ctx, entry, known, queue) {
                        // Told again, and only now of whom it is.
                        Err(Refusal::Unchanged) if *colleague && !known.colleague => {
                            Ok(vec![entry.draft(ctx.at, Event::Phone(PhoneEvent::FromColleague {}))])
                        }
                        drafts => Ok(from_colleague(ctx, drafts?, *colleague && !known.colleague)),
                    },
                    _ => Err(Refusal::Unchanged),
                },
            }
        }
        Observation::CallAnswered { call, agent } => {
            with_call(state, ctx, call, |entry, known| answered(state, ctx, entry, known, agent.as_ref()))
        }
        Observation::CallMissed { call, reason } => {
            let over = match intake::what(
                state,
                ctx,
                call,
                Claims { opens: Some(FactKind::CallMissed), ..CLAIMS },
            ) {
                StandsFor::Known(entry) => Some(entry)
                    .filter(|entry| intake::is_another(ctx, entry, FactKind::CallMissed, entry.closed_at)),
                StandsFor::New { .. } | StandsFor::Either(_) => None,
            };
            let miss = |entry: &Entry, known: &Call| missed(state, ctx, entry, known, *reason, ctx.rank);
            match over {
                Some(other) => {
                    let opening = opened(state, ctx, call, None);
                    let other = Some((other, false));
                    intake::opened_with(state, ctx, opening, other, miss)
                }
                None => with_call(state, ctx, call, miss),
            }
        }
        Observation::CallEnded { call } => match intake::what(state, ctx, call, CLAIMS) {
            // Concluded from an absence, of a call we know nothing of: nothing. Told by the exchange it is a fact.
            StandsFor::New { .. } if ctx.rank == Rank::Inference => Err(Refusal::Unchanged),
            _ => with_call(state, ctx, call, |entry, known| ended(state, ctx, entry, known)),
        },
        _ => Err(Refusal::Unchanged),
    }
}

const CLAIMS: Claims<'static> = Claims { board: Board::Phone, device: None, citizen: None, opens: None };

/// Opens the entry first when the fact is the first we hear of the call: facts are never refused.
fn with_call(
    state: &State,
    ctx: &Ctx,
    call: &ExternalId,
    then: impl Fn(&Entry, &Call) -> Result<Vec<Draft>, Refusal>,
) -> Result<Vec<Draft>, Refusal> {
    let opening = || opened(state, ctx, call, None);
    intake::with_entry(state, ctx, call, opening, then)
}

/// What is told of a call that waits, and that it is a colleague's, if it is.
fn from_colleague(ctx: &Ctx, mut drafts: Vec<Draft>, is_colleague: bool) -> Vec<Draft> {
    if let Some(first) = drafts.first().filter(|_| is_colleague) {
        let event = Event::Phone(PhoneEvent::FromColleague {});
        let says = Draft { happened_at: ctx.at, event, ..first.clone() };
        drafts.insert(1, says);
    }
    drafts
}

/// A call that waits, and its links to another one under the same id.
fn opened_beside(
    state: &State,
    ctx: &Ctx,
    call: &ExternalId,
    queue: Option<&ExternalId>,
    other: Option<&Entry>,
    is_conflict: bool,
) -> Vec<Draft> {
    let opening = opened(state, ctx, call, queue);
    let entry = boards::opened_entry(&ctx.provisional(&opening));
    let links = entry
        .iter()
        .zip(other)
        .flat_map(|(entry, other)| intake::beside(state, ctx, entry, other, is_conflict));
    [opening.clone()].into_iter().chain(links.collect::<Vec<_>>()).collect()
}

fn opened(state: &State, ctx: &Ctx, call: &ExternalId, queue: Option<&ExternalId>) -> Draft {
    let dues = answer_due(state, ctx.scope(), ctx.at).into_iter().collect();
    boards::told(ctx, state.free_number(0), call, None, dues, |opening| {
        Event::Phone(PhoneEvent::Waiting { opening, call: call.clone(), queue: queue.cloned() })
    })
}

/// It is in a queue: the first one late, the same one again, or the next one.
fn waits(
    state: &State,
    ctx: &Ctx,
    entry: &Entry,
    call: &Call,
    queue: &ExternalId,
) -> Result<Vec<Draft>, Refusal> {
    let one = |event| Ok(vec![entry.draft(ctx.at, Event::Phone(event))]);
    let known = match (&call.queue, call.queue_since) {
        (Some(known), Some(since)) => (known, since),
        _ => return one(PhoneEvent::ArrivalKnown { queue: queue.clone() }),
    };
    let wait = session::compare(known, (queue, ctx.at), entry.opened_at);
    // A colleague's miss closes the entry, but not the story: like any other that is missed it may wait again.
    let is_over = entry.closed_at.filter(|_| call.phase != Phase::Missed).is_some_and(|at| {
        let goes_on = if call.phase == Phase::Ended { session::GOES_ON_WITHIN } else { Duration::zero() };
        ctx.at > at + goes_on
    });
    match wait {
        Wait::Same => Err(Refusal::Unchanged),
        Wait::Before => one(PhoneEvent::ArrivalKnown { queue: queue.clone() }),
        Wait::Now if is_over || is_used_again(ctx, call) => {
            Ok(opened_beside(state, ctx, &call.call, Some(queue), Some(entry), false))
        }
        Wait::Now | Wait::SameEarlier => {
            let scope = session::union(entry.agreements(), &ctx.candidates);
            let dues = if call.phase == Phase::Waiting {
                Vec::new()
            } else {
                answer_due(state, &scope, ctx.at).into_iter().collect()
            };
            let candidates = if entry.agreement.is_some() { Vec::new() } else { ctx.candidates.clone() };
            let event = PhoneEvent::WaitsIn { queue: queue.clone(), candidates, dues };
            let mut drafts = vec![entry.draft(ctx.at, Event::Phone(event))];
            if let Some(agreement) = session::assigned_by_queue(ctx, entry) {
                let event = PhoneEvent::Assigned { agreement: agreement.clone() };
                drafts.push(Draft { agreement: Some(agreement), ..entry.draft(ctx.at, Event::Phone(event)) });
            }
            Ok(drafts)
        }
    }
}

/// Whether the id was given to another call since. An exchange's own id never is; of others that is known only while
/// the call waits, or goes on at once.
fn is_used_again(ctx: &Ctx, call: &Call) -> bool {
    let goes_on = |lost_at: DateTime<Utc>| ctx.at <= lost_at + session::GOES_ON_WITHIN;
    !ctx.is_session && call.phase != Phase::Waiting && !call.missed_at.is_some_and(goes_on)
}

/// Whoever passes a call on is one of our own, and not rung back.
pub fn passed_on(ctx: &Ctx, entry: &Entry, call: &Call) -> Vec<Draft> {
    if call.colleague || !matches!(call.phase, Phase::Waiting | Phase::Missed) {
        return Vec::new();
    }
    vec![entry.draft(ctx.at, Event::Phone(PhoneEvent::FromColleague {}))]
}

/// What becomes of a call that is an alarm from now on: `is_one_wait`, nothing; else its talk is over.
pub fn became_alarm(state: &State, ctx: &Ctx, entry: &Entry, call: &Call, is_one_wait: bool) -> Vec<Draft> {
    if is_one_wait {
        return vec![entry.draft(ctx.at, Event::Phone(PhoneEvent::BecameAlarm {}))];
    }
    if call.phase == Phase::Answered {
        ended(state, ctx, entry, call).unwrap_or_default()
    } else {
        Vec::new()
    }
}

fn answer_due(state: &State, scope: &[AgreementId], from: DateTime<Utc>) -> Option<Due> {
    state
        .rules(scope)
        .filter_map(|rules| value_of(&rules.phone.waiting_too_long_seconds))
        .min()
        .map(|seconds| Due::own(DueKind::Answer, from + Duration::seconds(i64::from(seconds))))
}

fn answered(
    state: &State,
    ctx: &Ctx,
    entry: &Entry,
    call: &Call,
    agent: Option<&ExternalId>,
) -> Result<Vec<Draft>, Refusal> {
    // Of an earlier wait: it was answered, passed on, and has waited again since.
    let is_of_before = is_of_before(entry, call, ctx.at);
    if is_of_before && call.answered_at.is_some_and(|known| known <= ctx.at) {
        return Err(Refusal::Unchanged);
    }
    let corrects = match call.phase {
        _ if is_of_before => false,
        Phase::Waiting => false,
        // Among equals an answer stands over a miss, in whatever order they came: a call that timed out in one
        // queue and was answered in the next was answered.
        Phase::Missed if ctx.rank >= call.rank => true,
        Phase::GivenUp | Phase::CalledBack if ctx.rank > call.rank => true,
        Phase::Answered | Phase::Ended if call.rank == Rank::Inference && ctx.rank > call.rank => true,
        Phase::Answered | Phase::Ended if ctx.rank > call.rank => return confirmed(ctx, entry),
        _ => return Err(Refusal::Unchanged),
    };
    let by = agent.and_then(|agent| PersonName::new(agent.as_str()).ok()).filter(|n| state.has_person(n));
    let mut drafts =
        vec![entry.draft(ctx.at, Event::Phone(PhoneEvent::Answered { by, rank: ctx.rank, corrects }))];
    if let Some(ended_at) = call.ended_at.filter(|_| !is_of_before) {
        drafts.push(entry.draft(ended_at, Event::Phone(PhoneEvent::Ended { rank: ctx.rank })));
    }
    for earlier in &ctx.same_caller {
        // A number that two municipalities know joins nothing of theirs.
        let other = state.entry(*earlier).filter(|other| other.id != entry.id);
        if let Some(other) = other.filter(|other| other.is_in(entry.agreements())) {
            drafts.extend(entry::link_both(ctx.at, entry, other, LinkWhy::SameCaller));
        }
    }
    Ok(drafts)
}

fn missed(
    state: &State,
    ctx: &Ctx,
    entry: &Entry,
    call: &Call,
    reason: MissedReason,
    rank: Rank,
) -> Result<Vec<Draft>, Refusal> {
    if is_of_before(entry, call, ctx.at) {
        return Err(Refusal::Unchanged);
    }
    let corrects = match call.phase {
        Phase::Waiting => false,
        Phase::Answered | Phase::Ended if rank > call.rank => true,
        Phase::Missed if rank > call.rank && call.reason == Some(reason) => {
            return confirmed(&Ctx { rank, ..ctx.clone() }, entry);
        }
        Phase::Missed if rank > call.rank => true,
        _ => return Err(Refusal::Unchanged),
    };
    let mut dues = Vec::new();
    // Another reason for the same miss starts no clock anew, and to a colleague there is nothing to do.
    if call.phase != Phase::Missed && !call.colleague {
        let minutes =
            state.rules(entry.agreements()).filter_map(|r| value_of(&r.phone.call_back_minutes)).min();
        if let Some(minutes) = minutes {
            dues.push(Due::own(DueKind::CallBack, ctx.at + Duration::minutes(i64::from(minutes))));
        }
        dues.push(Due::own(DueKind::Kept, kept_until(state, entry, ctx.at)));
    }
    Ok(vec![entry.draft(ctx.at, Event::Phone(PhoneEvent::Missed { reason, rank, corrects, dues }))])
}

/// Until when a call missed at `from` stays visible.
pub(super) fn kept_until(state: &State, entry: &Entry, from: DateTime<Utc>) -> DateTime<Utc> {
    let days = state
        .rules(entry.agreements())
        .filter_map(|rules| value_of(&rules.phone.missed_kept_days))
        .max()
        .unwrap_or(KEPT_DAYS_DEFAULT);
    crate::domain::calendar::plus_calendar_days(from, i64::from(days))
}

fn confirmed(ctx: &Ctx, entry: &Entry) -> Result<Vec<Draft>, Refusal> {
    Ok(vec![entry.draft(ctx.at, Event::Phone(PhoneEvent::Confirmed { rank: ctx.rank }))])
}

fn is_of_before(entry: &Entry, call: &Call, at: DateTime<Utc>) -> bool {
    session::is_of_before(call.queue_since, entry.opened_at, at)
}

fn ended(state: &State, ctx: &Ctx, entry: &Entry, call: &Call) -> Result<Vec<Draft>, Refusal> {
    if is_of_before(entry, call, ctx.at) {
        return Err(Refusal::Unchanged);
    }
    match call.phase {
        Phase::Answered => Ok(vec![entry.draft(ctx.at, Event::Phone(PhoneEvent::Ended { rank: ctx.rank }))]),
        _ if call.ended_at.is_some() => Err(Refusal::Unchanged),
        // Ended without an answer that we know of: missed, until a better fact says otherwise.
        Phase::Waiting => {
            let mut drafts = missed(state, ctx, entry, call, MissedReason::HungUp, Rank::Inference)?;
            drafts.push(entry.draft(ctx.at, Event::Phone(PhoneEvent::Ended { rank: Rank::Inference })));
            Ok(drafts)
        }
        // Remembered: a better fact may still say that it was answered, and then it has ended too.
        _ => Ok(vec![entry.draft(ctx.at, Event::Phone(PhoneEvent::Ended { rank: ctx.rank }))]),
    }
}
