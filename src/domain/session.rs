//! One call, one story: a telephone call is a session over the queues of its exchange, not an entry a queue.
//!
//! Owns which facts of one call id are one entry: it waits since it joined the first queue, in the queue that has it
//! now, and is missed when the last one has let it go. A call that was in a queue of kind alarm is an alarm, whatever
//! queues it was in before and is in later. Must never know what a phone call or an alarm needs done: that is
//! [`phone`] and [`alarms`].
//!
//! What is one thing here is not a matter of keys: the same wait is told twice, as it happened and from the
//! exchange's log, at times that differ by what their clocks differ by. So:
//!
//! - a wait in the same queue at nearly the same time is the same wait, and the earlier time stands;
//! - a wait before the one that stands is an earlier part of the story: the call began then;
//! - a later wait in another queue, or in the same one after it was let go, is where the call is *now*;
//! - a later wait after the story was closed, by a person or for long, is a new entry, linked to the old one;
//! - what ended one wait (an answer, a miss, a hang-up) says nothing about a later one;
//! - a colleague's wait that another call goes on with (attended transfer) is that call's: two linked entries, and of the
//!   colleague's nothing is owed.

use chrono::{DateTime, TimeDelta, Utc};

use super::entry::{self, Body, Entry, LinkWhy};
use super::identity::{AgreementId, ExternalId, SourceName};
use super::observation::{Observation, Rank};
use super::refusal::Refusal;
use super::{Ctx, Draft, State, alarms, phone};

/// A queue lets a call go, and the exchange puts it into the next one: so long may that take. Later, the
/// call was lost in between, even if it comes back.
pub const GOES_ON_WITHIN: TimeDelta = TimeDelta::seconds(5);
/// One join is told at times that differ less: stamps are whole seconds, and clocks that differ by two are equal.
const SAME_JOIN: TimeDelta = TimeDelta::seconds(3);

/// How a wait that is told stands to the one that we know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// Told again, or at no better time.
    Same,
    /// The same one, and it began earlier than we knew.
    SameEarlier,
    /// A part of the story before the one that stands.
    Before,
    /// The call is in this queue now.
    Now,
}

/// Compares: known is the queue and since when.
pub fn compare(
    known: (&ExternalId, DateTime<Utc>),
    told: (&ExternalId, DateTime<Utc>),
    opened_at: DateTime<Utc>,
) -> Wait {
    let ((queue, since), (other, at)) = (known, told);
    let is_near = (at - since).abs() <= SAME_JOIN;
    match () {
        () if queue == other && is_near && at < since && since > opened_at => Wait::SameEarlier,
        () if queue == other && is_near => Wait::Same,
        () if at > since => Wait::Now,
        () if at < opened_at => Wait::Before,
        () => Wait::Same,
    }
}

/// Decides a fact about a call of an exchange, on whatever board its entry is.
pub fn observe(state: &State, ctx: &Ctx, observation: &Observation) -> Result<Vec<Draft>, Refusal> {
    use Observation as O;
    if let O::CallPassedOn { call, to } = observation {
        return passed_on(state, ctx, call, to);
    }
    let (O::CallWaiting { call, .. }
    | O::CallAnswered { call, .. }
    | O::CallMissed { call, .. }
    | O::CallEnded { call }
    | O::AlarmWaiting { alarm: call, .. }) = observation
    else {
        return Err(Refusal::Unchanged);
    };
    // Elsewhere a call and an alarm of one id are two things.
    if !ctx.is_session {
        return phone::observe(state, ctx, observation);
    }
    let source = ctx.source().ok_or(Refusal::Unchanged)?;
    if is_told_in_parts(state, source, call, ctx.at) {
        return Err(Refusal::Unchanged);
    }
    let known = story(state, ctx, call);
    // Made up from what came after it: it opens a call that we do not know, and says nothing new of one that we do.
    let is_made_up = ctx.rank == Rank::Inference && ctx.at >= known.map_or(ctx.at, |entry| entry.opened_at);
    match (observation, known.map(|entry| (entry, &entry.body))) {
        (O::AlarmWaiting { alarm, queue }, Some((entry, Body::Phone(known)))) => {
            becomes_alarm(state, ctx, entry, known, alarm, queue)
        }
        (O::CallWaiting { .. } | O::AlarmWaiting { .. }, Some(_)) if is_made_up => Err(Refusal::Unchanged),
        (O::AlarmWaiting { alarm, queue }, _)
        // In a queue of kind alarm it rings, whoever calls.
        | (O::CallWaiting { call: alarm, queue, .. }, Some((_, Body::Alarms(_)))) => {
            alarms::waits(state, ctx, alarm, queue)
        }
        (O::CallAnswered { call, agent }, Some((_, Body::Alarms(_)))) => {
            let alarm = O::AlarmAnswered { alarm: call.clone(), agent: agent.clone() };
            alarms::observe(state, ctx, &alarm)
        }
        (O::CallMissed { call, .. }, Some((_, Body::Alarms(_)))) => {
            alarms::observe(state, ctx, &O::AlarmUnanswered { alarm: call.clone() })
        }
        (O::CallEnded { .. }, Some((entry, Body::Alarms(alarm)))) => alarms::talk_ended(ctx, entry, alarm),
        _ => phone::observe(state, ctx, observation),
    }
}

/// The entry that a call of an exchange is: as an alarm, if it is one.
fn story<'s>(state: &'s State, ctx: &Ctx, call: &ExternalId) -> Option<&'s Entry> {
    let source = ctx.source()?;
    let all = || state.all_by_origin(source, call);
    let alarm = all().find(|entry| matches!(entry.body, Body::Alarms(_)));
    alarm.or_else(|| all().find(|entry| matches!(entry.body, Body::Phone(_))))
}

/// A colleague's call waited on behalf of another one, which is told to wait in its place before this is told. Where that
/// is not known nothing ends: rather two that ring than none.
fn passed_on(state: &State, ctx: &Ctx, call: &ExternalId, to: &ExternalId) -> Result<Vec<Draft>, Refusal> {
    let (Some(from), Some(to)) = (story(state, ctx, call), story(state, ctx, to)) else {
        return Err(Refusal::Unchanged);
    };
    // Two municipalities never hear of each other.
    if from.id == to.id || !from.is_in(to.agreements()) {
        return Err(Refusal::Unchanged);
    }
    let mut drafts = match (&from.body, &to.body) {
        (Body::Alarms(waited), Body::Alarms(waits)) => {
            alarms::passed_on(state, ctx, (from, waited), (to, waits))
        }
        (Body::Phone(waited), _) => phone::passed_on(ctx, from, waited),
        _ => Vec::new(),
    };
    drafts.extend(entry::link_both(ctx.at, from, to, LinkWhy::PassedOn));
    if drafts.is_empty() { Err(Refusal::Unchanged) } else { Ok(drafts) }
}

/// Logs of earlier versions have an entry for each wait (`id`, `id#2`): what is read again of the later ones stays with
/// those.
fn is_told_in_parts(state: &State, source: &SourceName, call: &ExternalId, at: DateTime<Utc>) -> bool {
    let second = ExternalId::new(format!("{call}#2")).ok();
    let second = second.and_then(|id| state.by_origin(source, &id));
    second.is_some_and(|entry| at + SAME_JOIN > entry.opened_at)
}

/// A call that came as a phone call is in a queue of kind alarm: from now on it is an alarm. It has waited since it
/// came; the phone call is no missed one and counts nowhere. A talk before is a talk, and stays one.
fn becomes_alarm(
    state: &State,
    ctx: &Ctx,
    entry: &Entry,
    known: &phone::Call,
    alarm: &ExternalId,
    queue: &ExternalId,
) -> Result<Vec<Draft>, Refusal> {
    let is_later = |it: Option<DateTime<Utc>>| it.filter(|it| *it > ctx.at);
    let was_talk = known.answered_at.is_some_and(|at| at <= ctx.at);
    let is_over = entry.closed_at.is_some() && is_later(known.ended_at).is_none();
    let is_one_wait = !was_talk && !is_over;
    let since = if is_one_wait { entry.opened_at.min(ctx.at) } else { ctx.at };
    let agreement = entry.agreement.clone().or_else(|| ctx.agreement.clone());
    let candidates = union(&entry.candidates, &ctx.candidates);
    let ctx = Ctx { agreement, candidates, ..ctx.clone() };
    let (mut drafts, rings) =
        alarms::rings(state, &ctx, alarm, queue, since, entry.citizen.clone()).ok_or(Refusal::Unchanged)?;
    drafts.extend(phone::became_alarm(state, &ctx, entry, known, is_one_wait));
    drafts.extend(entry::link_both(ctx.at, &rings, entry, LinkWhy::SameCall));
    if !is_one_wait {
        return Ok(drafts);
    }
    // Told late: what we know of it since then is of the alarm.
    let mut after = state.clone();
    let mut is_applied = 0;
    let call = || alarm.clone();
    let agent = known.answered_by.as_ref().and_then(|by| ExternalId::new(by.as_str()).ok());
    let now_in = known.queue.clone().filter(|now_in| now_in != queue);
    let since = [
        (
            is_later(known.queue_since),
            now_in.map(|queue| Observation::CallWaiting { call: call(), queue, colleague: known.colleague }),
        ),
        (is_later(known.answered_at), Some(Observation::CallAnswered { call: call(), agent })),
        (
            is_later(known.missed_at),
            known.reason.map(|reason| Observation::CallMissed { call: call(), reason }),
        ),
        (is_later(known.ended_at), Some(Observation::CallEnded { call: call() })),
    ];
    for (at, observation) in since.into_iter().filter_map(|(at, it)| at.zip(it)) {
        for draft in &drafts[is_applied..] {
            super::evolve(&mut after, &ctx.provisional(draft));
        }
        is_applied = drafts.len();
        drafts.extend(observe(&after, &Ctx { at, ..ctx.clone() }, &observation).unwrap_or_default());
    }
    Ok(drafts)
}

/// Whose a call may be that was in queues of several.
pub fn union(known: &[AgreementId], more: &[AgreementId]) -> Vec<AgreementId> {
    let new = more.iter().filter(|id| !known.contains(id));
    known.iter().chain(new).cloned().collect()
}

/// The entry goes on in another queue: whose it is, if only now one queue says so.
pub fn assigned_by_queue(ctx: &Ctx, entry: &Entry) -> Option<AgreementId> {
    ctx.only_agreement().filter(|_| entry.agreement.is_none())
}

/// Whether a fact is about a wait before the one that stands now.
pub fn is_of_before(since: Option<DateTime<Utc>>, opened_at: DateTime<Utc>, at: DateTime<Utc>) -> bool {
    since.is_some_and(|since| since > opened_at && at < since)
}
