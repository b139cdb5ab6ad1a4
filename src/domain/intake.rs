//! What makes two facts one thing, for every source: the only place that decides it.
//!
//! - The same key and the same content: a repeat (the writer asks, with [`Said`](super::Ctx::is_timed)).
//! - The same id, and nothing that contradicts what the id stood for: the same thing.
//! - The same id, and another board, device, citizen or agreement: another thing, and a *conflict* in source health;
//!   both keep what they said. What then follows under that id alone is about neither: it is shown, and silences
//!   nothing.
//! - An *opening* fact of what is over, told of a later time: another thing, linked to the first. A late remark opens
//!   nothing.
//! - A fact that changes nothing and is not the same as one that did is a *remark* in the history; one that says of the
//!   same moment what was told otherwise is a *conflict*.
//!
//! So each fact ends as a new entry, a change of one, a shown conflict or a repeat of an equal fact. Must never know
//! how a board treats its facts.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::alarms::AlarmEvent;
use super::boards::{self, Decided, OnBoard};
use super::discharges::DischargeEvent;
use super::entry::{self, Body, Entry, EntryEvent, LinkWhy};
use super::identity::{AgreementId, Board, CitizenId, Code, ExternalId, PersonName};
use super::observation::{FactKind, Matched, Observation};
use super::phone::PhoneEvent;
use super::refusal::Refusal;
use super::sources::{Report, TroubleKind, report};
use super::visits::{Canceller, VisitEvent};
use super::{Ctx, Draft, Event, State};

/// What source health says of an id that stands for two things.
const ID_DOUBLED: &str = "id-doubled";
/// What source health says of a fact that may be about either.
const ID_AMBIGUOUS: &str = "id-ambiguous";
/// What source health says of a citizen who is another one than was told before.
const CITIZEN_DIFFERS: &str = "citizen-differs";
/// What source health says of a fact that says of one moment what was told otherwise.
const SAID_OTHERWISE: &str = "said-otherwise";
/// Where the entries of a second step of one request take their ids from.
const SECOND_STEP: u128 = 1 << 16;
/// Facts remembered of one entry; more are taken as repeats.
pub(super) const HEARD_MAX: usize = 64;

/// What a fact says besides its id.
#[derive(Debug, Clone, Copy)]
pub struct Claims<'o> {
    pub board: Board,
    pub device: Option<&'o ExternalId>,
    pub citizen: Option<&'o CitizenId>,
    /// The kind of an opening fact: told again of the same time it is about what it opened then.
    pub opens: Option<FactKind>,
}

impl Claims<'_> {
    /// Nothing but the board.
    pub fn of(board: Board) -> Self {
        Self { board, device: None, citizen: None, opens: None }
    }
}

/// Which entry an id stands for.
#[derive(Debug)]
pub enum StandsFor<'s> {
    /// None yet; `beside` is one under the same id that this contradicts.
    New {
        beside: Option<&'s Entry>,
    },
    Known(&'s Entry),
    /// Several open ones, and nothing tells which is meant.
    Either(&'s Entry),
}

/// Which entry a fact of the source in `ctx` about `id` is about.
pub fn what<'s>(state: &'s State, ctx: &Ctx, id: &ExternalId, claims: Claims<'_>) -> StandsFor<'s> {
    let Some(source) = ctx.source() else { return StandsFor::New { beside: None } };
    let mut fitting = Vec::new();
    let (mut beside, mut beyond) = (None, None);
    for entry in state.all_by_origin(source, id) {
        if fits(ctx, entry, claims) {
            fitting.push(entry);
        } else if is_in_scope(ctx, entry) {
            beside = beside.or(Some(entry));
        } else {
            beyond = beyond.or(Some(entry));
        }
    }
    // Its own municipality's first: another's must not stand before it.
    let beside = beside.or(beyond);
    let was_told = |entry: &&&Entry| claims.opens.is_some_and(|opens| has_heard(ctx, entry, opens));
    if let Some(entry) = fitting.iter().find(was_told) {
        return StandsFor::Known(entry);
    }
    let names_one = claims.device.is_some() || claims.citizen.is_some();
    let mut open = fitting.iter().filter(|entry| entry.is_open());
    match (open.next(), open.next()) {
        // Two that are linked as one coming again are told apart by their time: the newest is meant.
        (Some(one), Some(other)) if !names_one && !is_again(one, other) => StandsFor::Either(one),
        (Some(one), _) => StandsFor::Known(one),
        (None, _) => fitting.first().map_or(StandsFor::New { beside }, |entry| StandsFor::Known(entry)),
    }
}

fn is_again(one: &Entry, other: &Entry) -> bool {
    one.links.iter().any(|link| link.to == other.id && link.why == LinkWhy::Again)
}

/// Nothing that is told contradicts what the id stood for.
fn fits(ctx: &Ctx, entry: &Entry, claims: Claims<'_>) -> bool {
    let is_same = |told: Option<&ExternalId>, known: Option<&ExternalId>| match (told, known) {
        (Some(told), Some(known)) => ctx.is_same_device(told, known),
        _ => true,
    };
    let is_same_citizen = match (claims.citizen, &entry.citizen) {
        (Some(told), Some(known)) => told == known,
        _ => true,
    };
    entry.board() == claims.board
        && is_same(claims.device, entry.device())
        && is_same_citizen
        && (ctx.is_session || is_in_scope(ctx, entry))
}

/// The fact's agreement, or what its source may speak for, is what the entry was opened under. What might have been one of
/// several municipalities' is no longer the others' once it is known whose it is.
fn is_in_scope(ctx: &Ctx, entry: &Entry) -> bool {
    let told = ctx.scope();
    let known = &entry.opened_under;
    let is_settled = known.len() > 1 && entry.agreement.is_some();
    let is_its_own = |agreement: &AgreementId| {
        entry.agreement.as_ref() == Some(agreement) || (!is_settled && known.contains(agreement))
    };
    told.is_empty() || known.is_empty() || told.iter().any(is_its_own)
}

/// Whether an opening fact is about another thing than this entry, which is over since `over_at`: it is told of a later
/// time. An exchange's call is one call for as long as it has its id.
pub fn is_another(ctx: &Ctx, entry: &Entry, opens: FactKind, over_at: Option<DateTime<Utc>>) -> bool {
    let is_later = over_at.is_some_and(|over_at| ctx.at > over_at);
    !ctx.is_session && ctx.is_timed && is_later && !has_heard(ctx, entry, opens)
}

fn has_heard(ctx: &Ctx, entry: &Entry, what: FactKind) -> bool {
    entry.heard.contains(&(what, ctx.at))
}

/// A new entry under an id that another one has already: the links between the two, and for a contradiction the word
/// in source health.
pub fn beside(state: &State, ctx: &Ctx, opened: &Entry, other: &Entry, is_conflict: bool) -> Vec<Draft> {
    let why = if is_conflict { LinkWhy::SameId } else { LinkWhy::Again };
    // Two municipalities never hear of each other.
    let share = |one: &[AgreementId], other: &[AgreementId]| {
        one.is_empty() && other.is_empty() || one.iter().any(|id| other.contains(id))
    };
    let mut drafts = Vec::new();
    if share(opened.agreements(), other.agreements()) {
        drafts.extend(entry::link_both(ctx.at, opened, other, why));
    }
    if is_conflict {
        drafts.extend(conflict(state, ctx, ID_DOUBLED));
    }
    drafts
}

/// A fact about what `id` stands for on a board. The first we hear of a thing opens it, with `opening`: facts are never
/// refused.
pub fn with_entry<B: OnBoard>(
    state: &State,
    ctx: &Ctx,
    id: &ExternalId,
    opening: impl FnOnce() -> Draft,
    then: impl FnOnce(&Entry, &B) -> Decided,
) -> Decided {
    match what(state, ctx, id, Claims::of(B::BOARD)) {
        StandsFor::Known(entry) => on(entry, then),
        // It would silence one of two.
        StandsFor::Either(_) => ambiguous(state, ctx),
        StandsFor::New { beside } => {
            opened_with(state, ctx, opening(), beside.map(|other| (other, true)), then)
        }
    }
}

/// A new thing, and what is told of it. `other` is one under the same id, and whether this contradicts it.
pub fn opened_with<B: OnBoard>(
    state: &State,
    ctx: &Ctx,
    opening: Draft,
    other: Option<(&Entry, bool)>,
    then: impl FnOnce(&Entry, &B) -> Decided,
) -> Decided {
    let entry = boards::opened_entry(&ctx.provisional(&opening)).ok_or(Refusal::Unchanged)?;
    let mut drafts = vec![opening];
    drafts.extend(on(&entry, then)?);
    drafts.extend(other.into_iter().flat_map(|(other, is)| beside(state, ctx, &entry, other, is)));
    Ok(drafts)
}

fn on<B: OnBoard>(entry: &Entry, then: impl FnOnce(&Entry, &B) -> Decided) -> Decided {
    then(entry, B::of(&entry.body).ok_or(Refusal::Unchanged)?)
}

/// A fact that may be about either of two things changes neither; source health says so.
pub fn ambiguous(state: &State, ctx: &Ctx) -> Result<Vec<Draft>, Refusal> {
    Ok(conflict(state, ctx, ID_AMBIGUOUS))
}

/// Another citizen than was told before: both stay said.
pub fn other_citizen(state: &State, ctx: &Ctx) -> Result<Vec<Draft>, Refusal> {
    Ok(conflict(state, ctx, CITIZEN_DIFFERS))
}

fn conflict(state: &State, ctx: &Ctx, what: &str) -> Vec<Draft> {
    let trouble = TroubleKind::Conflict;
    let told = Report::Trouble { trouble, what: Code::new(what).ok(), times: 1 };
    let base = Uuid::from_u128(ctx.base.as_u128().wrapping_add(SECOND_STEP));
    // One row a source, seen by all it speaks for: it names no entry.
    let name = ctx.source().and_then(|source| PersonName::new(source.as_str()).ok());
    let all = name.and_then(|name| state.people.get(&name)).map(|person| person.agreements.clone());
    let candidates = all.unwrap_or_else(|| ctx.scope().to_vec());
    report(state, &Ctx { base, agreement: None, candidates, ..ctx.clone() }, &told).unwrap_or_default()
}

// ---- facts that change nothing --------------------------------------------------------------

/// A fact that changed nothing: nothing if an equal one is known, else a remark on the entry it is about; and a word in
/// source health if it says otherwise of the same moment.
pub fn remark(state: &State, ctx: &Ctx, observation: &Observation) -> Vec<Draft> {
    let entry = match stands_for(state, ctx, observation) {
        _ if !ctx.is_timed => return Vec::new(),
        Some(StandsFor::Known(entry)) => entry,
        Some(StandsFor::Either(_)) => return conflict(state, ctx, ID_AMBIGUOUS),
        Some(StandsFor::New { .. }) | None => return Vec::new(),
    };
    let what = observation.kind();
    if entry.heard.contains(&(what, ctx.at)) {
        return if says(entry, ctx.at, observation) {
            Vec::new()
        } else {
            conflict(state, ctx, SAID_OTHERWISE)
        };
    }
    if entry.heard.len() >= HEARD_MAX {
        return Vec::new();
    }
    vec![entry.draft(ctx.at, Event::Entry(EntryEvent::Remarked { what }))]
}

/// Whether an entry, which has heard a fact of this kind and time, says what this one says besides its id. What it has no
/// word for it does not deny.
fn says(entry: &Entry, at: DateTime<Utc>, observation: &Observation) -> bool {
    use Observation as O;
    let is_agent = |told: &Option<ExternalId>, known: &Option<PersonName>| match (told, known) {
        (Some(told), Some(known)) => told.as_str() == known.as_str(),
        _ => true,
    };
    match (&entry.body, observation) {
        (Body::Phone(call), O::CallWaiting { queue, .. }) => {
            call.queue_since != Some(at) || call.queue.as_ref() == Some(queue)
        }
        (Body::Phone(call), O::CallMissed { reason, .. }) => call.reason.is_none_or(|known| known == *reason),
        (Body::Phone(call), O::CallAnswered { agent, .. }) => is_agent(agent, &call.answered_by),
        (Body::Alarms(alarm), O::AlarmRaised { trigger, .. }) => {
            trigger.is_none() || alarm.trigger.is_none() || alarm.trigger == *trigger
        }
        (Body::Alarms(alarm), O::AlarmRedirected { to, .. }) => {
            alarm.redirect.as_ref().is_none_or(|known| known.to == *to)
        }
        (Body::Visits(visit), O::VisitCancelled { by, told_at, withdrawn: false, .. }) => visit
            .cancelled
            .as_ref()
            .is_none_or(|known| known.by == Canceller::from(*by) && known.told_at == *told_at),
        _ => true,
    }
}

/// The entry that a fact is about, by its id.
pub fn about<'s>(state: &'s State, ctx: &Ctx, observation: &Observation) -> Option<&'s Entry> {
    match stands_for(state, ctx, observation)? {
        StandsFor::Known(entry) => Some(entry),
        StandsFor::New { .. } | StandsFor::Either(_) => None,
    }
}

/// What the id in a fact stands for; none: it names no entry by an id.
fn stands_for<'s>(state: &'s State, ctx: &Ctx, observation: &Observation) -> Option<StandsFor<'s>> {
    use Observation as O;
    let (board, id) = match observation {
        O::CallWaiting { call, .. }
        | O::CallAnswered { call, .. }
        | O::CallMissed { call, .. }
        | O::CallEnded { call }
        | O::CallPassedOn { call, .. }
        | O::CitizenMatched { of: Matched::Call(call), .. } => (Board::Phone, call),
        O::AlarmRaised { alarm, .. }
        | O::AlarmWaiting { alarm, .. }
        | O::AlarmAnswered { alarm, .. }
        | O::AlarmCleared { alarm }
        | O::AlarmUnanswered { alarm }
        | O::AlarmRedirected { alarm, .. }
        | O::HelpArrived { alarm }
        | O::CitizenMatched { of: Matched::Alarm(alarm), .. } => (Board::Alarms, alarm),
        O::StayAdmitted { stay, .. }
        | O::StayLeaveStarted { stay }
        | O::StayLeaveEnded { stay }
        | O::StayDischargeExpected { stay, .. }
        | O::StayDischarged { stay, .. }
        | O::StayDied { stay, .. }
        | O::StayCorrected { stay, .. }
        | O::StayCancelled { stay, .. }
        | O::CitizenMatched { of: Matched::Stay(stay), .. } => (Board::Discharges, stay),
        O::VisitPlanned { visit, .. }
        | O::VisitExpected { visit, .. }
        | O::VisitStarted { visit }
        | O::VisitDone { visit }
        | O::VisitCancelled { visit, .. }
        | O::DoorUnanswered { visit } => (Board::Visits, visit),
        O::CitizenMoved { .. }
        | O::HelpGranted { .. }
        | O::DeviceHeard { .. }
        | O::DeviceSilent { .. }
        | O::DeviceWell { .. }
        | O::DevicePresence { .. } => return None,
    };
    let (device, citizen) = match observation {
        O::AlarmRaised { device, citizen, .. } => (device.as_ref(), citizen.as_ref()),
        O::VisitPlanned { citizen, .. } => (None, Some(citizen)),
        O::StayAdmitted { citizen, .. } | O::StayDischarged { citizen, .. } => (None, citizen.as_ref()),
        _ => (None, None),
    };
    Some(what(state, ctx, id, Claims { board, device, citizen, opens: Some(observation.kind()) }))
}

/// The kind of fact that a recorded event is of, where it is one of a source's.
pub fn heard_as(event: &Event) -> Option<FactKind> {
    Some(match event {
        Event::Phone(event) => match event {
            PhoneEvent::Waiting { .. } | PhoneEvent::ArrivalKnown { .. } | PhoneEvent::WaitsIn { .. } => {
                FactKind::CallWaiting
            }
            PhoneEvent::Answered { .. } => FactKind::CallAnswered,
            PhoneEvent::Missed { .. } => FactKind::CallMissed,
            PhoneEvent::Ended { .. } => FactKind::CallEnded,
            _ => return None,
        },
        Event::Alarms(event) => match event {
            AlarmEvent::Raised { .. }
            | AlarmEvent::SignalledAgain { .. }
            | AlarmEvent::ArrivalKnown { .. } => FactKind::AlarmRaised,
            AlarmEvent::Answered { .. } => FactKind::AlarmAnswered,
            AlarmEvent::Cleared { .. } => FactKind::AlarmCleared,
            AlarmEvent::Unanswered { .. } => FactKind::AlarmUnanswered,
            AlarmEvent::Redirected { .. } => FactKind::AlarmRedirected,
            AlarmEvent::Arrived {} => FactKind::HelpArrived,
            _ => return None,
        },
        Event::Discharges(event) => match event {
            DischargeEvent::Admitted { .. } => FactKind::StayAdmitted,
            DischargeEvent::LeaveStarted { .. } => FactKind::StayLeaveStarted,
            DischargeEvent::LeaveEnded { .. } => FactKind::StayLeaveEnded,
            DischargeEvent::DischargeExpected { .. } => FactKind::StayDischargeExpected,
            DischargeEvent::Discharged { .. } => FactKind::StayDischarged,
            DischargeEvent::Died { .. } => FactKind::StayDied,
            DischargeEvent::FactCorrected { .. } => FactKind::StayCorrected,
            DischargeEvent::FactCancelled { .. } => FactKind::StayCancelled,
            _ => return None,
        },
        Event::Visits(event) => match event {
            VisitEvent::Opened { .. } | VisitEvent::Planned { .. } => FactKind::VisitPlanned,
            VisitEvent::Expected { .. } => FactKind::VisitExpected,
            VisitEvent::Started { .. } => FactKind::VisitStarted,
            VisitEvent::Done {} => FactKind::VisitDone,
            VisitEvent::Cancelled { .. } => FactKind::VisitCancelled,
            VisitEvent::DoorUnanswered {} => FactKind::DoorUnanswered,
            _ => return None,
        },
        Event::Entry(EntryEvent::CitizenMatched { .. }) => FactKind::CitizenMatched,
        _ => return None,
    })
}
