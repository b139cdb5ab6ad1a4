//! What sources say of an alarm: facts into events. Must never refuse what happened.

use chrono::{DateTime, Duration, Utc};

use super::clocks::{justification_due, ring_out_at};
use super::decide::given_to;
use super::{Alarm, AlarmEvent, DANGERS, FOLD_MINUTES, ID_REUSED_HOURS, SIGNAL_EVERY_SECONDS, SIGNALS_KEPT};
use crate::domain::entry::{self, Body, Due, DueKind, Entry};
use crate::domain::identity::{Board, CitizenId, Code, ExternalId, PersonName};
use crate::domain::intake::{self, Claims, StandsFor};
use crate::domain::observation::{FactKind, Observation};
use crate::domain::refusal::Refusal;
use crate::domain::session::{self, Wait};
use crate::domain::{Ctx, Draft, Event, State, boards};

/// Decides an observation about an alarm.
pub fn observe(state: &State, ctx: &Ctx, observation: &Observation) -> Result<Vec<Draft>, Refusal> {
    match observation {
        Observation::AlarmRaised { alarm, device, citizen, trigger, technical, test } => {
            let signal = Signal { alarm, device, citizen, trigger, technical: *technical, test: *test };
            raise(state, ctx, &signal)
        }
        Observation::AlarmAnswered { alarm, agent } => {
            with_alarm(state, ctx, alarm, |entry, known| answered(state, ctx, entry, known, agent.as_ref()))
        }
        Observation::AlarmCleared { alarm } => with_alarm(state, ctx, alarm, |entry, known| {
            if known.cleared_at.is_some() {
                return Err(Refusal::Unchanged);
            }
            Ok(vec![entry.draft(ctx.at, Event::Alarms(AlarmEvent::Cleared {}))])
        }),
        Observation::AlarmUnanswered { alarm } => with_alarm(state, ctx, alarm, |entry, known| {
            // A claim that came back without a response is no answer.
            let is_in_hand = entry.holder.is_some() || known.response.is_some() || known.is_handled();
            let before = |at: Option<DateTime<Utc>>| at.is_some_and(|at| at <= ctx.at);
            let was_answered = before(known.talked_at)
                || before(known.arrived_at)
                || before(known.outcome_at)
                || (is_in_hand && before(known.answered_at));
            let went_on = known.is_of_before(entry, ctx.at) || known.is_passed_on();
            if known.unanswered_at.is_some() || was_answered || went_on || !known.is_person_alarm() {
                return Err(Refusal::Unchanged);
            }
            Ok(vec![rang_out(state, entry, ctx.at)])
        }),
        Observation::AlarmRedirected { alarm, to } => with_alarm(state, ctx, alarm, |entry, known| {
            if !known.is_person_alarm() || known.is_passed_on() {
                return Err(Refusal::Unchanged);
            }
            redirect(state, ctx, entry, known, to)
        }),
        Observation::HelpArrived { alarm } => with_alarm(state, ctx, alarm, |entry, known| {
            if known.arrived_at.is_some() || known.outcome.is_some() {
                return Err(Refusal::Unchanged);
            }
            Ok(vec![entry.draft(ctx.at, Event::Alarms(AlarmEvent::Arrived {}))])
        }),
        _ => Err(Refusal::Unchanged),
    }
}

struct Signal<'o> {
    alarm: &'o ExternalId,
    device: &'o Option<ExternalId>,
    citizen: &'o Option<CitizenId>,
    trigger: &'o Option<Code>,
    technical: bool,
    test: bool,
}

impl Signal<'_> {
    /// The same unit's, and says nothing of its kind: more of what was told before (SCAIP: another part, an information).
    fn is_update_of(&self, known: &Alarm) -> bool {
        let says_nothing = self.trigger.is_none() && !self.technical && !self.test;
        says_nothing && self.device.is_some() && *self.device == known.device
    }

    /// Rings as the known one does: for a person, for what is technical, or as a test.
    fn is_like(&self, known: &Alarm) -> bool {
        (self.technical, self.test) == (known.technical, known.test)
    }
}

fn raise(state: &State, ctx: &Ctx, signal: &Signal<'_>) -> Result<Vec<Draft>, Refusal> {
    let claims = Claims {
        board: Board::Alarms,
        device: signal.device.as_ref(),
        citizen: signal.citizen.as_ref(),
        opens: Some(FactKind::AlarmRaised),
    };
    match intake::what(state, ctx, signal.alarm, claims) {
        StandsFor::Known(entry) | StandsFor::Either(entry) => known_raised(state, ctx, entry, signal),
        StandsFor::New { beside: Some(other) } => Ok(raised_beside(state, ctx, other, signal, true)),
        StandsFor::New { beside: None } => match still_ringing(state, ctx, signal) {
            Some(ringing) => signalled(state, ctx, ringing, signal),
            None => Ok(vec![raised(state, ctx, signal)]),
        },
    }
}

/// The raising of an alarm that is known by its id: it says more, somebody presses again, or it is over and rings anew.
fn known_raised(state: &State, ctx: &Ctx, entry: &Entry, signal: &Signal<'_>) -> Result<Vec<Draft>, Refusal> {
    let Body::Alarms(known) = &entry.body else { return Err(Refusal::Unchanged) };
    let is_unclear = is_opened_by_another_fact(entry, known) || signal.is_update_of(known);
    if !is_unclear && !signal.is_like(known) {
        return told_of_another_kind(state, ctx, entry, signal);
    }
    let is_reused = entry.closed_at.is_some_and(|at| ctx.at - at >= Duration::hours(ID_REUSED_HOURS));
    if intake::is_another(ctx, entry, FactKind::AlarmRaised, Some(known.last_signal_at)) {
        return if known.takes_signal_at(ctx.at) {
            signalled(state, ctx, entry, signal)
        } else {
            Ok(raised_beside(state, ctx, entry, signal, false))
        };
    }
    if is_reused && !ctx.is_session {
        return Ok(raised_beside(state, ctx, entry, signal, false));
    }
    more_known(ctx, entry, known, signal)
}

/// Nothing is known of its raising: another fact was the first that was heard of it.
fn is_opened_by_another_fact(entry: &Entry, known: &Alarm) -> bool {
    let says_nothing = known.is_person_alarm() && known.device.is_none() && known.trigger.is_none();
    let is_other =
        |(kind, at): &(FactKind, DateTime<Utc>)| *kind != FactKind::AlarmRaised && *at == entry.opened_at;
    says_nothing && entry.heard.iter().any(is_other)
}

/// The id was a person's alarm and is now the battery's, or the other way round: a word never silences a person, and a
/// person is never folded into what does not ring. Both stand, and source health says so.
fn told_of_another_kind(
    state: &State,
    ctx: &Ctx,
    entry: &Entry,
    signal: &Signal<'_>,
) -> Result<Vec<Draft>, Refusal> {
    let told = (FactKind::AlarmRaised, ctx.at);
    let all = ctx.source().into_iter().flat_map(|source| state.all_by_origin(source, signal.alarm));
    let alike = |other: &&Entry| match &other.body {
        Body::Alarms(known) => signal.is_like(known) && is_same_agreement(ctx, other),
        _ => false,
    };
    let alike: Vec<&Entry> = all.filter(alike).collect();
    if alike.iter().any(|other| other.heard.contains(&told)) {
        return Err(Refusal::Unchanged);
    }
    let takes_it = |other: &&&Entry| matches!(&other.body, Body::Alarms(known) if other.is_open() && known.takes_signal_at(ctx.at));
    match alike.iter().find(takes_it) {
        Some(ringing) => signalled(state, ctx, ringing, signal),
        None => Ok(raised_beside(state, ctx, entry, signal, true)),
    }
}

/// Another press while the first still rings. Of a unit that signals many times a second one each ten is kept.
fn signalled(state: &State, ctx: &Ctx, entry: &Entry, signal: &Signal<'_>) -> Result<Vec<Draft>, Refusal> {
    let Body::Alarms(known) = &entry.body else { return Err(Refusal::Unchanged) };
    let is_soon = (ctx.at - known.last_signal_at).abs() < Duration::seconds(SIGNAL_EVERY_SECONDS);
    let ring_out = signalled_after_talk(state, ctx, entry);
    if is_soon && known.signals >= SIGNALS_KEPT && ring_out.is_none() {
        return Err(Refusal::Unchanged);
    }
    let event = AlarmEvent::SignalledAgain { alarm: signal.alarm.clone(), ring_out };
    Ok(vec![entry.draft(ctx.at, Event::Alarms(event))])
}

/// A new alarm under an id that another one has: pressed again after that was over, or another unit's.
fn raised_beside(
    state: &State,
    ctx: &Ctx,
    other: &Entry,
    signal: &Signal<'_>,
    is_conflict: bool,
) -> Vec<Draft> {
    let opening = raised(state, ctx, signal);
    let entry = boards::opened_entry(&ctx.provisional(&opening));
    let links = entry.map(|entry| intake::beside(state, ctx, &entry, other, is_conflict)).unwrap_or_default();
    [opening].into_iter().chain(links).collect()
}

/// The same raising again, or after a later fact: what it says that we did not know.
fn more_known(ctx: &Ctx, entry: &Entry, known: &Alarm, signal: &Signal<'_>) -> Result<Vec<Draft>, Refusal> {
    let says_more = (known.device.is_none() && signal.device.is_some())
        || (entry.citizen.is_none() && signal.citizen.is_some())
        || (known.trigger.is_none() && signal.trigger.is_some())
        || (signal.technical && !known.technical)
        || (signal.test && !known.test)
        || ctx.at < entry.opened_at;
    if known.alarm != *signal.alarm || !says_more {
        return Err(Refusal::Unchanged);
    }
    let event = AlarmEvent::ArrivalKnown {
        device: signal.device.clone(),
        citizen: signal.citizen.clone(),
        trigger: signal.trigger.clone(),
        technical: signal.technical,
        test: signal.test,
    };
    Ok(vec![entry.draft(ctx.at, Event::Alarms(event))])
}

/// Answered at the exchange. Who answered holds it, unless somebody has it or it is over.
fn answered(
    state: &State,
    ctx: &Ctx,
    entry: &Entry,
    known: &Alarm,
    agent: Option<&ExternalId>,
) -> Result<Vec<Draft>, Refusal> {
    let is_of_before = known.is_of_before(entry, ctx.at);
    let is_known = |known: Option<DateTime<Utc>>| known.is_some_and(|known| !is_of_before || known <= ctx.at);
    if is_known(known.talked_at) || (is_of_before && is_known(known.answered_at)) {
        return Err(Refusal::Unchanged);
    }
    let is_free = !is_of_before && entry.is_open() && entry.holder.is_none() && !known.is_handled();
    let by = agent
        .and_then(|agent| PersonName::new(agent.as_str()).ok())
        .filter(|name| is_free && state.has_person(name));
    let is_sent = known.justification.as_ref().is_some_and(|it| it.sent.is_some());
    let corrects = known.unanswered_at.is_some_and(|rang_out| ctx.at <= rang_out)
        && known.redirect.is_none()
        && !is_sent;
    let until = entry::claim_until(state, entry, ctx.now);
    Ok(vec![entry.draft(ctx.at, Event::Alarms(AlarmEvent::Answered { by, until, corrects }))])
}

/// A press after the talk about an earlier one is a new signal: it has its own time to ring.
fn signalled_after_talk(state: &State, ctx: &Ctx, entry: &Entry) -> Option<Due> {
    let Body::Alarms(alarm) = &entry.body else { return None };
    let is_after = alarm.by_voice && alarm.talked_at.is_some_and(|talked| talked < ctx.at);
    if !is_after || entry.holder.is_some() {
        return None;
    }
    rings_anew(entry, alarm, ring_out_at(state, entry.agreements(), ctx.now.max(ctx.at))?)
}

/// The clock of an alarm of which somebody has talked, `at`: none when somebody has it or has done something.
pub fn rings_anew(entry: &Entry, alarm: &Alarm, at: DateTime<Utc>) -> Option<Due> {
    let mut after = alarm.clone();
    after.rings_anew();
    (entry.holder.is_none() && after.can_ring_out()).then(|| Due::own(DueKind::RingOut, at))
}

/// The talk at the exchange is over: somebody must say what was done. An alarm that nobody talked about was let go.
pub fn talk_ended(ctx: &Ctx, entry: &Entry, known: &Alarm) -> Result<Vec<Draft>, Refusal> {
    let is_of_this =
        known.talked_at.is_some_and(|talked| talked <= ctx.at) && !known.is_of_before(entry, ctx.at);
    if !is_of_this || known.talk_ended_at.is_some() {
        return Err(Refusal::Unchanged);
    }
    Ok(vec![entry.draft(ctx.at, Event::Alarms(AlarmEvent::TalkEnded { ring_out: None }))])
}

/// A call is in a queue of kind alarm, or an alarm's call in any queue.
pub fn waits(
    state: &State,
    ctx: &Ctx,
    alarm: &ExternalId,
    queue: &ExternalId,
) -> Result<Vec<Draft>, Refusal> {
    let entry = match intake::what(state, ctx, alarm, Claims::of(Board::Alarms)) {
        StandsFor::Known(entry) | StandsFor::Either(entry) => entry,
        StandsFor::New { .. } => {
            let (drafts, _) = rings(state, ctx, alarm, queue, ctx.at, None).ok_or(Refusal::Unchanged)?;
            return Ok(drafts);
        }
    };
    let Body::Alarms(known) = &entry.body else { return Err(Refusal::Unchanged) };
    let wait = match (&known.queue, known.queue_since) {
        (Some(queue_known), Some(since)) => {
            session::compare((queue_known, since), (queue, ctx.at), entry.opened_at)
        }
        // Told before by an earlier version, which did not say where.
        _ if !entry.is_open() || ctx.at <= entry.opened_at => Wait::Before,
        _ => Wait::Now,
    };
    match wait {
        Wait::Before if ctx.at < entry.opened_at => {
            let event = AlarmEvent::arrival_alone();
            Ok(vec![entry.draft(ctx.at, Event::Alarms(event))])
        }
        Wait::Same | Wait::Before => Err(Refusal::Unchanged),
        Wait::Now if entry.closed_at.is_some_and(|at| ctx.at > at) => {
            let (mut drafts, new) =
                rings(state, ctx, alarm, queue, ctx.at, entry.citizen.clone()).ok_or(Refusal::Unchanged)?;
            drafts.extend(intake::beside(state, ctx, &new, entry, false));
            Ok(drafts)
        }
        Wait::Now | Wait::SameEarlier => waits_on(state, ctx, entry, known, queue),
    }
}

fn waits_on(
    state: &State,
    ctx: &Ctx,
    entry: &Entry,
    known: &Alarm,
    queue: &ExternalId,
) -> Result<Vec<Draft>, Refusal> {
    let scope = session::union(entry.agreements(), &ctx.candidates);
    let mut after = known.clone();
    after.goes_on(queue, ctx.at);
    let is_stopped = entry.due(DueKind::RingOut).is_none() && entry.holder.is_none();
    let ring_out = if is_stopped && after.can_ring_out() {
        ring_out_at(state, &scope, ctx.now).map(|at| Due::own(DueKind::RingOut, at))
    } else {
        None
    };
    let candidates = if entry.agreement.is_some() { Vec::new() } else { ctx.candidates.clone() };
    let event = AlarmEvent::WaitsIn { queue: queue.clone(), candidates, ring_out };
    let mut drafts = vec![entry.draft(ctx.at, Event::Alarms(event))];
    if let Some(agreement) = session::assigned_by_queue(ctx, entry) {
        drafts.extend(given_to(state, ctx, entry, &after, &agreement));
    }
    Ok(drafts)
}

/// The alarm that a call is, and its entry; it has waited since `since`.
pub fn rings(
    state: &State,
    ctx: &Ctx,
    alarm: &ExternalId,
    queue: &ExternalId,
    since: DateTime<Utc>,
    citizen: Option<CitizenId>,
) -> Option<(Vec<Draft>, Entry)> {
    let trigger = Code::new("call").ok();
    let signal =
        Signal { alarm, device: &None, citizen: &citizen, trigger: &trigger, technical: false, test: false };
    let mut opening = raised(state, &Ctx { at: since, ..ctx.clone() }, &signal);
    if let Event::Alarms(AlarmEvent::Raised { queue: is_in, .. }) = &mut opening.event {
        *is_in = Some(queue.clone());
    }
    let entry = boards::opened_entry(&ctx.provisional(&opening))?;
    let mut drafts = vec![opening];
    if since < ctx.at {
        let event = AlarmEvent::WaitsIn { queue: queue.clone(), candidates: Vec::new(), ring_out: None };
        drafts.push(entry.draft(ctx.at, Event::Alarms(event)));
    }
    Some((drafts, entry))
}

/// A colleague's wait was for another call, which waits in its place: since the colleague does, and it rings out when the
/// colleague's would have, or did. Of the colleague's nothing is owed. One that somebody has is left to them.
pub fn passed_on(
    state: &State,
    ctx: &Ctx,
    (from, waited): (&Entry, &Alarm),
    (to, waits): (&Entry, &Alarm),
) -> Vec<Draft> {
    let is_call = waited.queue.is_some();
    let is_left_alone = is_call && waited.waits_for_somebody() && waited.talked_at.is_none();
    if !is_left_alone || !from.is_open() || from.holder.is_some() {
        return Vec::new();
    }
    let mut drafts = vec![from.draft(ctx.at, Event::Alarms(AlarmEvent::PassedOn {}))];
    if from.opened_at < to.opened_at {
        let event = AlarmEvent::arrival_alone();
        drafts.push(to.draft(from.opened_at, Event::Alarms(event)));
    }
    if !waits.can_ring_out() || to.holder.is_some() {
        return drafts;
    }
    let (would, will) = (from.due(DueKind::RingOut), to.due(DueKind::RingOut));
    match (waited.unanswered_at, would, waits.queue.clone().zip(waits.queue_since)) {
        (Some(rang_out_at), ..) => drafts.push(rang_out(state, to, rang_out_at)),
        (None, Some(would), Some((queue, since))) if will.is_some_and(|will| would.at < will.at) => {
            let ring_out = Some(would.clone());
            let event = AlarmEvent::WaitsIn { queue, candidates: Vec::new(), ring_out };
            drafts.push(to.draft(since, Event::Alarms(event)));
        }
        _ => {}
    }
    drafts
}

fn still_ringing<'s>(state: &'s State, ctx: &Ctx, signal: &Signal<'_>) -> Option<&'s Entry> {
    let device = signal.device.as_ref()?;
    state.open_on(Board::Alarms).find(|entry| match &entry.body {
        Body::Alarms(known) => {
            is_of_device(ctx, entry, known, device)
                && is_same_person(entry, signal)
                && signal.is_like(known)
                && is_same_emergency(known.trigger.as_ref(), signal.trigger.as_ref())
                // The battery and the mains are two troubles, each with an end of its own.
                && (!signal.technical || known.trigger == *signal.trigger)
                && known.takes_signal_at(ctx.at)
                && (ctx.at - known.last_signal_at).num_minutes().abs() < FOLD_MINUTES
        }
        _ => false,
    })
}

/// Whether the alarm is of this device: of its agreement and its system.
pub(in crate::domain) fn is_of_device(ctx: &Ctx, entry: &Entry, known: &Alarm, device: &ExternalId) -> bool {
    known.device.as_ref().is_some_and(|known| ctx.is_same_device(device, known))
        && is_same_namespace(ctx, entry, known)
        && is_same_agreement(ctx, entry)
}

/// Device 7 of one system is not device 7 of another; a unit that turns to the back-up receiver is the same unit.
fn is_same_namespace(ctx: &Ctx, entry: &Entry, known: &Alarm) -> bool {
    let known = known.namespace.as_ref().or(entry.origin.as_ref().map(|origin| &origin.source));
    known == ctx.namespace.as_ref().or(ctx.source())
}

/// The same municipality's, or unknown among the same ones.
fn is_same_agreement(ctx: &Ctx, entry: &Entry) -> bool {
    match (&ctx.agreement, &entry.agreement) {
        (Some(told), Some(known)) => told == known,
        (None, None) => ctx.candidates == entry.candidates,
        (None, Some(known)) => ctx.candidates.as_slice() == std::slice::from_ref(known),
        (Some(_), None) => false,
    }
}

/// Nobody else's, as far as that is told.
fn is_same_person(entry: &Entry, signal: &Signal<'_>) -> bool {
    match (&entry.citizen, signal.citizen) {
        (Some(known), Some(told)) => known == told,
        _ => true,
    }
}

/// The pendant after a fall is the same emergency; smoke after a fall is another.
fn is_same_emergency(known: Option<&Code>, signal: Option<&Code>) -> bool {
    let is_danger = |trigger: Option<&Code>| trigger.is_some_and(|it| DANGERS.contains(&it.as_str()));
    known == signal || !(is_danger(known) || is_danger(signal))
}

fn raised(state: &State, ctx: &Ctx, signal: &Signal<'_>) -> Draft {
    let scope = ctx.scope();
    let mut dues = Vec::new();
    if !signal.technical && !signal.test {
        // Counted from when we were told: an old alarm from a source that was away still gets its time to ring.
        if let Some(at) = ring_out_at(state, scope, ctx.at.max(ctx.now)) {
            dues.push(Due::own(DueKind::RingOut, at));
        }
        let answer = state
            .rules(scope)
            .filter_map(|rules| rules.alarms.answer_within.as_ref())
            .flat_map(|value| value.value().iter().map(|within| within.seconds))
            .min();
        if let Some(seconds) = answer {
            dues.push(Due::own(DueKind::Answer, ctx.at + Duration::seconds(i64::from(seconds))));
        }
    }
    boards::told(ctx, state.free_number(0), signal.alarm, signal.citizen.as_ref(), dues, |opening| {
        Event::Alarms(AlarmEvent::Raised {
            opening,
            alarm: signal.alarm.clone(),
            device: signal.device.clone(),
            trigger: signal.trigger.clone(),
            technical: signal.technical,
            test: signal.test,
            namespace: ctx.namespace.clone().filter(|name| Some(name) != ctx.source()),
            queue: None,
        })
    })
}

/// Facts are never refused: one about an alarm we have not heard of raises it first.
fn with_alarm(
    state: &State,
    ctx: &Ctx,
    alarm: &ExternalId,
    then: impl Fn(&Entry, &Alarm) -> Result<Vec<Draft>, Refusal>,
) -> Result<Vec<Draft>, Refusal> {
    let signal =
        Signal { alarm, device: &None, citizen: &None, trigger: &None, technical: false, test: false };
    let opening = || raised(state, ctx, &signal);
    intake::with_entry(state, ctx, alarm, opening, then)
}

fn rang_out(state: &State, entry: &Entry, at: DateTime<Utc>) -> Draft {
    let event =
        AlarmEvent::Unanswered { justification_due: justification_due(state, entry.agreements(), at) };
    entry.draft(at, Event::Alarms(event))
}

pub(super) fn redirect(
    state: &State,
    ctx: &Ctx,
    entry: &Entry,
    alarm: &Alarm,
    to: &Code,
) -> Result<Vec<Draft>, Refusal> {
    if alarm.redirect.is_some() {
        return Err(Refusal::Unchanged);
    }
    if alarm.test {
        return Err(Refusal::TestAlarm);
    }
    if alarm.technical {
        return Err(Refusal::TechnicalAlarm);
    }
    let justification_due = if alarm.justification.is_some() {
        None
    } else {
        justification_due(state, entry.agreements(), ctx.at)
    };
    let event = AlarmEvent::Redirected { to: to.clone(), justification_due };
    Ok(vec![entry.draft(ctx.at, Event::Alarms(event))])
}

/// The alarm rings out on its own clock: the timer's decision.
pub fn ring_out_due(state: &State, ctx: &Ctx, entry: &Entry, alarm: &Alarm) -> Result<Vec<Draft>, Refusal> {
    let due = entry.due(DueKind::RingOut).ok_or(Refusal::NotDue)?;
    if alarm.by_voice && alarm.talk_ended_at.is_some() && due.at <= ctx.now && entry.holder.is_none() {
        let at = ring_out_at(state, entry.agreements(), ctx.now);
        let ring_out = at.and_then(|at| rings_anew(entry, alarm, at));
        return Ok(vec![entry.draft(due.at, Event::Alarms(AlarmEvent::RingsAnew { ring_out }))]);
    }
    if due.at > ctx.now || entry.holder.is_some() || !alarm.can_ring_out() {
        return Err(Refusal::NotDue);
    }
    Ok(vec![rang_out(state, entry, due.at)])
}
