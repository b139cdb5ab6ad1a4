//! What a coordinator does with a stay, and the way back. Must never apply an event.

use chrono::{DateTime, Duration, Utc};

use super::{
    Command, Correctable, DischargeEvent, Ending, NEAR_MINUTES, Stay, StayState, StopReason, Upset,
    WhyStopped,
};
use crate::domain::entry::{self, Body, Entry, EntryEvent, LinkWhy};
use crate::domain::identity::{AgreementId, Board, CitizenId, EntryId};
use crate::domain::refusal::Refusal;
use crate::domain::stay::Told;
use crate::domain::vocabulary::CorrectionReason;
use crate::domain::{Ctx, Draft, Event, State, boards};

/// Opens an entry by hand: told by telephone, by whom as a code, when expected.
pub fn open_by_hand(state: &State, ctx: &Ctx, command: &Command) -> Result<Vec<Draft>, Refusal> {
    let (agreement, citizen, expected_at, told_by) = match command {
        Command::Open { agreement, citizen, expected_at, told_by }
        | Command::Expect { agreement, citizen, expected_at, told_by } => {
            (agreement.as_ref(), citizen.as_ref(), *expected_at, *told_by)
        }
        _ => return Err(Refusal::EntryMissing),
    };
    let agreement = boards::agreement_of(state, ctx, agreement)?;
    if let Some(entry) = citizen.and_then(|citizen| open_stay_of(state, citizen, &agreement)) {
        let expect = Command::Expect { agreement: None, citizen: None, expected_at, told_by };
        let Body::Discharges(stay) = &entry.body else { return Err(Refusal::UnknownEntry) };
        // Already told that the citizen is home, or dead: say where that stands.
        let is_told = |refusal| match refusal {
            Refusal::WrongState { .. } => Refusal::AlreadyOpen { number: entry.number },
            other => other,
        };
        return decide(state, ctx, entry, stay, &expect).map_err(is_told);
    }
    let opening = boards::untold(ctx, state.free_number(0), agreement, citizen, Vec::new(), |opening| {
        Event::Discharges(DischargeEvent::Opened { opening, stay: None })
    });
    let entry = boards::opened_entry(&ctx.provisional(&opening)).ok_or(Refusal::Unchanged)?;
    let event = DischargeEvent::DischargeExpected { expected_at, told_by: told_by.into() };
    let expected = entry.draft(ctx.at, Event::Discharges(event));
    Ok(vec![opening, expected])
}

fn open_stay_of<'s>(state: &'s State, citizen: &CitizenId, agreement: &AgreementId) -> Option<&'s Entry> {
    let citizen = state.citizen_in(std::slice::from_ref(agreement), citizen)?;
    state.of_citizen(&citizen).find(|entry| {
        matches!(entry.body, Body::Discharges(_)) && entry.agreement.as_ref() == Some(agreement)
    })
}

/// Decides a coordinator's command.
pub fn decide(
    state: &State,
    ctx: &Ctx,
    entry: &Entry,
    stay: &Stay,
    command: &Command,
) -> Result<Vec<Draft>, Refusal> {
    let wrong_state = || Err(entry.wrong_state());
    let one = |event| Ok(vec![entry.draft(ctx.at, Event::Discharges(event))]);
    match command {
        Command::Correct { what, reason } => return correct(ctx, entry, stay, *what, *reason),
        Command::Assign { agreement } => return assign(state, ctx, entry, agreement),
        _ => {}
    }
    if let Command::AssessorsTold { told } = command {
        // Asked also of a stay that is over: the invoice comes later.
        return match stay.assessors_told {
            Some(known) if known == *told => Err(Refusal::AlreadyDone),
            _ if stay.now.admitted_at.is_none() => wrong_state(),
            _ => one(DischargeEvent::AssessorsTold { told: *told }),
        };
    }
    if !entry.is_open() {
        return wrong_state();
    }
    entry.not_held_by_other(ctx)?;
    match command {
        Command::Expect { expected_at, told_by, .. } | Command::Open { expected_at, told_by, .. } => {
            match stay.state() {
                StayState::Admitted | StayState::OnLeave | StayState::DischargeExpected => {
                    let (expected_at, told_by) = (*expected_at, (*told_by).into());
                    one(DischargeEvent::DischargeExpected { expected_at, told_by })
                }
                StayState::Discharged
                | StayState::Resumed
                | StayState::Stopped
                | StayState::Dead
                | StayState::Cancelled => wrong_state(),
            }
        }
        Command::Join { same_as } => join(state, ctx, entry, stay, *same_as),
        Command::Resume {} => resume(ctx, entry, stay),
        Command::Stop { reason } => stop(ctx, entry, stay, *reason),
        Command::Step { step, done } => {
            if stay.steps.iter().any(|(known, _)| known == step) == *done {
                return Err(Refusal::AlreadyDone);
            }
            one(DischargeEvent::StepTicked { step: *step, done: *done })
        }
        Command::StillThere {} if stay.away_since_word().is_some() => one(DischargeEvent::StillThere {}),
        Command::AssessorsTold { .. }
        | Command::StillThere {}
        | Command::Assign { .. }
        | Command::Correct { .. } => wrong_state(),
    }
}

/// Help runs again. Never while the hospital still has the citizen, on leave neither: first somebody must have said
/// that the citizen comes home (N 3.5.3: told by telephone counts).
fn resume(ctx: &Ctx, entry: &Entry, stay: &Stay) -> Result<Vec<Draft>, Refusal> {
    let restored = stay.upset.is_some_and(|(upset, _)| upset == Upset::DeathCancelled);
    match stay.state() {
        StayState::Discharged | StayState::DischargeExpected | StayState::Cancelled => {}
        StayState::Resumed if restored => {}
        // Nobody but us said that the citizen was taken away, and now one of us knows better.
        StayState::Admitted if stay.is_by_our_word() => return Ok(super::said::home(entry, ctx.at)),
        StayState::Admitted
        | StayState::OnLeave
        | StayState::Resumed
        | StayState::Stopped
        | StayState::Dead => {
            return Err(entry.wrong_state());
        }
    }
    Ok(vec![entry.draft(ctx.at, Event::Discharges(DischargeEvent::Resumed {}))])
}

fn stop(ctx: &Ctx, entry: &Entry, stay: &Stay, reason: StopReason) -> Result<Vec<Draft>, Refusal> {
    let in_vain = stay.upset.is_some_and(|(upset, _)| upset.is_in_vain());
    if reason == StopReason::BackInHospital && !in_vain {
        return Err(entry.wrong_state());
    }
    let event = DischargeEvent::Stopped { reason: WhyStopped::Said(reason) };
    Ok(vec![entry.draft(ctx.at, Event::Discharges(event))])
}

/// Gives the stay to a municipality. Times already owed stand: they are the strictest of those it might have had.
fn assign(state: &State, ctx: &Ctx, entry: &Entry, agreement: &AgreementId) -> Result<Vec<Draft>, Refusal> {
    entry.may_be_assigned(state, ctx, agreement)?;
    let event = DischargeEvent::Assigned { agreement: agreement.clone() };
    let mut drafts =
        vec![Draft { agreement: Some(agreement.clone()), ..entry.draft(ctx.at, Event::Discharges(event)) }];
    let after = crate::domain::after(state, ctx, &drafts);
    if let Some((known, citizen)) = after.entry(entry.id).and_then(|it| Some((it, it.citizen.as_ref()?))) {
        drafts.extend(joined_by_citizen(&after, ctx, known, citizen));
    }
    Ok(drafts)
}

/// Two entries are one stay: what the other was told goes over to this one, and the other ends. A coordinator says so,
/// or both have the same citizen.
fn join(
    state: &State,
    ctx: &Ctx,
    entry: &Entry,
    stay: &Stay,
    same_as: EntryId,
) -> Result<Vec<Draft>, Refusal> {
    let other = state.entry(same_as).filter(|other| ctx.may_see(state, other) && other.id != entry.id);
    let other = other.ok_or(Refusal::CannotLink)?;
    let Body::Discharges(from) = &other.body else { return Err(Refusal::CannotLink) };
    other.not_held_by_other(ctx)?;
    if !may_be_one(entry, stay, other, from) {
        return Err(Refusal::CannotLink);
    }
    let mut drafts = Vec::new();
    if let (None, Some(citizen)) = (&entry.citizen, &other.citizen) {
        let event = EntryEvent::CitizenMatched { citizen: citizen.clone() };
        drafts.push(entry.draft(ctx.at, Event::Entry(event)));
    }
    let over = |at, event| entry.draft(at, Event::Discharges(event));
    for origin in other.origin.iter().chain(&other.also).cloned() {
        drafts.push(over(ctx.at, DischargeEvent::Joined { stay: origin.id, source: Some(origin.source) }));
    }
    let moved: Vec<Told> = moved_over(entry, stay, other, from);
    drafts.extend(moved.iter().map(|told| over(told.at, DischargeEvent::of_told(told))));
    if let (None, Some(told)) = (stay.assessors_told, from.assessors_told) {
        drafts.push(over(ctx.at, DischargeEvent::AssessorsTold { told }));
    }
    for (step, at) in from.steps.iter().filter(|(step, _)| stay.steps.iter().all(|(known, _)| known != step))
    {
        drafts.push(over(*at, DischargeEvent::StepTicked { step: *step, done: true }));
    }
    let reason = WhyStopped::Became(Ending::Joined);
    drafts.push(other.draft(ctx.at, Event::Discharges(DischargeEvent::Stopped { reason })));
    drafts.extend(entry::link_both(ctx.at, entry, other, LinkWhy::SameStay));
    Ok(drafts)
}

/// What the other stay was told that this one was not, under the ids it was told under where both have the same source.
fn moved_over(entry: &Entry, stay: &Stay, other: &Entry, from: &Stay) -> Vec<Told> {
    let source = |entry: &Entry| entry.origin.iter().chain(&entry.also).next().map(|it| it.source.clone());
    let is_other_id = stay.stay.is_some() && stay.stay != from.stay && source(entry) == source(other);
    let known = |told: &&Told| !stay.facts.knows(told.at, &told.item);
    let own = |told: &Told| {
        let under = told.under.clone().or_else(|| from.stay.clone()).filter(|_| is_other_id);
        Told { under, ..told.clone() }
    };
    from.facts.iter().filter(known).map(own).collect()
}

/// The citizen of a stay became known: what is on the board for that citizen already is the same stay. It goes on
/// where a coordinator has worked, else where it was heard of first.
pub fn joined_by_citizen(state: &State, ctx: &Ctx, known: &Entry, citizen: &CitizenId) -> Vec<Draft> {
    let Body::Discharges(stay) = &known.body else { return Vec::new() };
    let Some(citizen) = state.citizen_in(known.agreements(), citizen) else { return Vec::new() };
    let joined = state.of_citizen(&citizen).filter(|entry| entry.id != known.id).find_map(|entry| {
        let Body::Discharges(there) = &entry.body else { return None };
        let here_first = (is_worked_on(known, stay), entry.id) > (is_worked_on(entry, there), known.id);
        let into_here = || join(state, ctx, known, stay, entry.id).ok();
        let into_there = || join(state, ctx, entry, there, known.id).ok();
        if here_first { into_here().or_else(into_there) } else { into_there().or_else(into_here) }
    });
    // That it is this citizen is recorded by who told it.
    let is_known = |draft: &Draft| matches!(draft.event, Event::Entry(EntryEvent::CitizenMatched { .. }));
    joined.unwrap_or_default().into_iter().filter(|draft| !is_known(draft)).collect()
}

/// A coordinator opened it, has it or has ticked something off.
fn is_worked_on(entry: &Entry, stay: &Stay) -> bool {
    entry.origin.is_none()
        || entry.holder.is_some()
        || !stay.steps.is_empty()
        || stay.assessors_told.is_some()
        || stay.resumed_at.is_some()
}

/// Whether the two may be one stay: of no two citizens, and nobody has acted on the other yet. Somebody who was home
/// before being admitted is in another stay.
fn may_be_one(entry: &Entry, stay: &Stay, other: &Entry, from: &Stay) -> bool {
    let same_citizen = match (&entry.citizen, &other.citizen) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    };
    let is_untouched = other.is_open() && from.resumed_at.is_none() && from.stopped.is_none();
    let is_same_agreement = entry.agreements().iter().any(|id| other.agreements().contains(id));
    let is_later = |one: &Stay, other: &Stay| {
        let ended = one.now.died_at.or(one.now.discharged_at);
        ended.is_some_and(|ended| other.now.admitted_at.is_some_and(|admitted| admitted > ended))
    };
    other.origin.is_some()
        && same_citizen
        && is_same_agreement
        && is_untouched
        && entry.is_open()
        && !is_later(stay, from)
        && !is_later(from, stay)
}

/// The open entry that may be the same stay: for one opened by hand any that a message opened, for another one that
/// another source told of at nearly the same time. Only one that may be shown.
pub fn may_be_same<'s>(
    state: &'s State,
    entry: &Entry,
    stay: &Stay,
    is_shown: impl Fn(&Entry) -> bool,
) -> Option<&'s Entry> {
    let is_by_hand = stay.stay.is_none();
    if !entry.is_open() || (!is_by_hand && entry.citizen.is_some()) {
        return None;
    }
    if let Some(other) = elsewhere(state, entry, stay).filter(|other| is_shown(other)) {
        return Some(other);
    }
    let source = |entry: &Entry| entry.origin.as_ref().map(|origin| origin.source.clone());
    state.open_on(Board::Discharges).find(|other| {
        let Body::Discharges(from) = &other.body else { return false };
        let is_likely = is_by_hand || (source(entry) != source(other) && is_near(stay, from));
        other.id != entry.id && is_likely && is_shown(other) && may_be_one(entry, stay, other, from)
    })
}

/// The stay of the same citizen that began after this one, which has no end: moved to another hospital? Depends on what
/// is known of the two, not on which was heard of first.
pub fn elsewhere<'s>(state: &'s State, entry: &Entry, stay: &Stay) -> Option<&'s Entry> {
    stay.away_since_word().filter(|_| entry.is_open())?;
    let linked = entry.links.iter().filter(|link| link.why == LinkWhy::SamePerson);
    linked.filter_map(|link| state.entry(link.to)).find(|other| {
        let Body::Discharges(there) = &other.body else { return false };
        let began = |stay: &Stay| stay.now.admitted_at.or(stay.now.discharged_at);
        let is_stay = there.stopped.is_none() && !there.now.never_admitted;
        is_stay && began(there) > began(stay)
    })
}

/// Two sources tell of the one or the other end of a stay at nearly the same time.
fn is_near(one: &Stay, other: &Stay) -> bool {
    let near = |one: Option<DateTime<Utc>>, other: Option<DateTime<Utc>>| match (one, other) {
        (Some(one), Some(other)) => (one - other).abs() <= Duration::minutes(NEAR_MINUTES),
        _ => false,
    };
    near(one.now.admitted_at, other.now.admitted_at) || near(one.now.discharged_at, other.now.discharged_at)
}
/// The way back for what a coordinator recorded wrongly.
fn correct(
    ctx: &Ctx,
    entry: &Entry,
    stay: &Stay,
    what: Correctable,
    reason: CorrectionReason,
) -> Result<Vec<Draft>, Refusal> {
    let stands = match what {
        Correctable::Resumption => stay.resumed_at.is_some(),
        Correctable::Stop => stay.stopped.as_ref().is_some_and(|it| matches!(it.reason, WhyStopped::Said(_))),
        Correctable::AssessorsTold => stay.assessors_told.is_some(),
    };
    if !stands {
        return Err(Refusal::NothingToCorrect);
    }
    let event = DischargeEvent::Corrected { what, reason };
    Ok(vec![entry.draft(ctx.at, Event::Discharges(event))])
}
