//! The phone queue: calls on the one main number (J 3.1.12).
//!
//! Owns what a call is, which fact about it wins (rank) and when it is over: answered and
//! ended, or missed and called back. Must never know a caller's name or number.

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};

use super::agreement::value_of;
use super::entry::{self, Body, Due, DueKind, Entry, LinkWhy, Opening, Origin};
use super::envelope::Record;
use super::identity::{AgreementId, Board, Code, ExternalId, PersonName};
use super::intake::{self, Claims, StandsFor};
use super::observation::{FactKind, MissedReason, Observation, Rank};
use super::refusal::Refusal;
use super::session::{self, Wait};
use super::verbs::verbs;
use super::vocabulary::{CorrectionReason, vocabulary};
use super::{Ctx, Draft, Event, State, duties};

/// Missed calls stay visible this long when the agreement says nothing (days).
const KEPT_DAYS_DEFAULT: u32 = 30;

vocabulary! {
    /// Why calling back is given up. `kept-period-over` in the log is the timer's own.
    GiveUpReason {
        NoNumber,
        ReachedOtherwise,
        WrongNumber,
        NotReachable,
        Duplicate,
    }
}
vocabulary! {
    /// What may be corrected on a call.
    Correctable {
        CallBack,
        GiveUp,
        Agreement,
    }
}
vocabulary! {
    /// Where a call is in its story.
    Phase {
        Waiting,
        Answered,
        Ended,
        Missed,
        CalledBack,
        GivenUp,
        /// It went on into a queue of kind alarm, and is one: over here, counted there.
        BecameAlarm,
    }
}
vocabulary! {
    /// States, in the words of the outside contract.
    CallState {
        Waiting,
        Answered,
        Ended,
        /// A missed call of one of our own.
        Colleague,
        Missed,
        CalledBack,
        GivenUp,
        BecameAlarm,
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    pub call: ExternalId,
    /// The queue that it is in now, or was in last.
    pub queue: Option<ExternalId>,
    /// Since when it is in that queue; the entry's opening is when it came into the first.
    pub queue_since: Option<DateTime<Utc>>,
    /// It is of one of our own. Missed it is over: nobody is to be rung back.
    pub colleague: bool,
    pub phase: Phase,
    /// How good the fact is that put it in this phase.
    pub rank: Rank,
    pub answered_at: Option<DateTime<Utc>>,
    pub answered_by: Option<PersonName>,
    pub ended_at: Option<DateTime<Utc>>,
    pub missed_at: Option<DateTime<Utc>>,
    pub reason: Option<MissedReason>,
    /// Tries to call back that did not reach anybody.
    pub attempts: u32,
    pub promise_at: Option<DateTime<Utc>>,
    pub documented_at: Option<DateTime<Utc>>,
}

impl Call {
    pub fn state(&self) -> CallState {
        match self.phase {
            Phase::Waiting => CallState::Waiting,
            Phase::Answered => CallState::Answered,
            Phase::Ended => CallState::Ended,
            Phase::Missed if self.colleague => CallState::Colleague,
            Phase::Missed => CallState::Missed,
            Phase::CalledBack => CallState::CalledBack,
            Phase::GivenUp => CallState::GivenUp,
            Phase::BecameAlarm => CallState::BecameAlarm,
        }
    }
}

verbs! {
    /// What a coordinator does with a call.
    Command {
        /// Which municipality the call is about, once somebody knows.
        "assign" [Light, Entry] => Assign { agreement: AgreementId }
        /// I have the caller (for an exchange that does not tell).
        "answer" [Light, Entry] => Answer {}
        /// I rang back; `promise_at` when another time was promised.
        "call-back" [Light, Entry] => CallBack {
            reached: bool,
            #[serde(
                default,
                deserialize_with = "crate::domain::verbs::zoned_option",
                skip_serializing_if = "Option::is_none"
            )]
            promise_at: Option<DateTime<Utc>>,
        }
        "give-up" [Grave, Entry] => GiveUp { reason: GiveUpReason }
        /// The talk is written down in the care system, or there was nothing to write (N 3.9.1).
        "documented" [Light, Entry] => Documented {}
        /// The way back for what was recorded wrongly.
        "correct" [Light, Entry] => Correct { what: Correctable, reason: CorrectionReason }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum PhoneEvent {
    Waiting {
        #[serde(flatten)]
        opening: Opening,
        call: ExternalId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        queue: Option<ExternalId>,
    },
    /// The waiting fact came after a later one: when and where the call began.
    ArrivalKnown {
        queue: ExternalId,
    },
    /// It went on into another queue and waits there now.
    WaitsIn {
        queue: ExternalId,
        /// Those of that queue, while it is not known whose the call is.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        candidates: Vec<AgreementId>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        dues: Vec<Due>,
    },
    /// One of our own calls. Known at any time: a miss that stands is none to ring back.
    FromColleague {},
    /// It went on into a queue of kind alarm.
    BecameAlarm {},
    Answered {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<PersonName>,
        rank: Rank,
        /// A better fact than the one that stood.
        corrects: bool,
    },
    Ended {
        rank: Rank,
    },
    Missed {
        reason: MissedReason,
        rank: Rank,
        corrects: bool,
        dues: Vec<Due>,
    },
    Assigned {
        agreement: AgreementId,
    },
    CalledBack {},
    CallBackTried {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        promise_at: Option<DateTime<Utc>>,
    },
    GivenUp {
        reason: Code,
    },
    Documented {},
    /// A better fact says the same as the one that stands.
    Confirmed {
        rank: Rank,
    },
    Corrected {
        what: Correctable,
        reason: CorrectionReason,
        /// The clocks of a call that is missed again; those that still run stand.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        dues: Vec<Due>,
    },
}

impl PhoneEvent {
    pub fn is_material(&self) -> bool {
        // That it is in another queue is no reason to refuse who answers it.
        !matches!(
            self,
            Self::Documented {}
                | Self::ArrivalKnown { .. }
                | Self::Confirmed { .. }
                | Self::WaitsIn { .. }
                | Self::FromColleague {}
        )
    }
}

// ---- observations -------------------------------------------------------------------------

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
                    intake::opened_with(state, ctx, opening, opened_entry, other, |entry| {
                        of_call(entry, miss)
                    })
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
    intake::with_entry(state, ctx, call, Board::Phone, opening, opened_entry, |entry| of_call(entry, &then))
}

/// What is told of an entry that is a call.
fn of_call(
    entry: &Entry,
    then: impl Fn(&Entry, &Call) -> Result<Vec<Draft>, Refusal>,
) -> Result<Vec<Draft>, Refusal> {
    match &entry.body {
        Body::Phone(known) => then(entry, known),
        _ => Err(Refusal::Unchanged),
    }
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
    let entry = opened_entry(&ctx.provisional(&opening));
    let links = entry
        .iter()
        .zip(other)
        .flat_map(|(entry, other)| intake::beside(state, ctx, entry, other, is_conflict));
    [opening.clone()].into_iter().chain(links.collect::<Vec<_>>()).collect()
}

fn opened(state: &State, ctx: &Ctx, call: &ExternalId, queue: Option<&ExternalId>) -> Draft {
    let agreement = ctx.only_agreement();
    let scope: &[AgreementId] = agreement.as_ref().map_or(&ctx.candidates, std::slice::from_ref);
    let dues = answer_due(state, scope, ctx.at).into_iter().collect();
    let opening = Opening {
        number: state.free_number(0),
        candidates: if agreement.is_some() { Vec::new() } else { ctx.candidates.clone() },
        origin: ctx.source().map(|source| Origin { source: source.clone(), id: call.clone() }),
        citizen: None,
        dues,
    };
    Draft {
        entry: ctx.fresh(0),
        happened_at: ctx.at,
        agreement,
        event: Event::Phone(PhoneEvent::Waiting { opening, call: call.clone(), queue: queue.cloned() }),
    }
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
        drafts.extend(documentation(state, ctx, entry, call, 1));
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
    let mut drafts =
        vec![entry.draft(ctx.at, Event::Phone(PhoneEvent::Missed { reason, rank, corrects, dues }))];
    if corrects {
        drafts.extend(duties::documentation_withdrawn(state, ctx, entry));
    }
    Ok(drafts)
}

/// Until when a call missed at `from` stays visible.
fn kept_until(state: &State, entry: &Entry, from: DateTime<Utc>) -> DateTime<Utc> {
    let days = state
        .rules(entry.agreements())
        .filter_map(|rules| value_of(&rules.phone.missed_kept_days))
        .max()
        .unwrap_or(KEPT_DAYS_DEFAULT);
    super::calendar::plus_calendar_days(from, i64::from(days))
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
        Phase::Answered => {
            let mut drafts = vec![entry.draft(ctx.at, Event::Phone(PhoneEvent::Ended { rank: ctx.rank }))];
            drafts.extend(documentation(state, ctx, entry, call, 1));
            Ok(drafts)
        }
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

/// The reminder to write the talk down in the care system (N 3.9.1), as a duty of its own.
fn documentation(state: &State, ctx: &Ctx, entry: &Entry, call: &Call, nth: u32) -> Option<Draft> {
    if call.documented_at.is_some() || state.documentation_of(entry.id).is_some() {
        return None;
    }
    duties::documentation(state, ctx, entry, nth)
}

/// The call is documented because its reminder was ticked off. None when that is known, or the call long gone.
pub fn documented(state: &State, ctx: &Ctx, call: super::identity::EntryId) -> Option<Draft> {
    let entry = state.entry(call)?;
    match &entry.body {
        Body::Phone(call) if call.documented_at.is_none() => {
            Some(entry.draft(ctx.at, Event::Phone(PhoneEvent::Documented {})))
        }
        _ => None,
    }
}

// ---- commands -----------------------------------------------------------------------------

/// Decides a coordinator's command.
pub fn decide(
    state: &State,
    ctx: &Ctx,
    entry: &Entry,
    call: &Call,
    command: &Command,
) -> Result<Vec<Draft>, Refusal> {
    let wrong_state = || Err(entry.wrong_state());
    let one = |event| Ok(vec![entry.draft(ctx.at, Event::Phone(event))]);
    match command {
        Command::Correct { what, reason } => correct(state, ctx, entry, call, *what, *reason),
        Command::Documented {} => {
            if call.documented_at.is_some() {
                return Err(Refusal::AlreadyDone);
            }
            if matches!(call.phase, Phase::Waiting | Phase::Missed) {
                return wrong_state();
            }
            let done = state.documentation_of(entry.id).map(|duty| {
                let late = duties::is_late(duty, ctx.at);
                duty.draft(ctx.at, Event::Duties(duties::DutyEvent::Done { reference: None, to: None, late }))
            });
            let mut drafts = vec![entry.draft(ctx.at, Event::Phone(PhoneEvent::Documented {}))];
            drafts.extend(done);
            Ok(drafts)
        }
        Command::Assign { agreement } => {
            entry.may_be_assigned(state, ctx, agreement)?;
            let mut draft =
                entry.draft(ctx.at, Event::Phone(PhoneEvent::Assigned { agreement: agreement.clone() }));
            draft.agreement = Some(agreement.clone());
            let mut drafts = vec![draft];
            let needs_none = |rules: &super::state::Adopted| rules.phone.documentation.is_none();
            drafts.extend(match state.agreements.get(agreement).is_some_and(|it| needs_none(it)) {
                true => duties::documentation_withdrawn(state, ctx, entry),
                false => duties::documentation_assigned(state, ctx, entry, Some(agreement)),
            });
            Ok(drafts)
        }
        _ if !entry.is_open() => wrong_state(),
        Command::Answer {} => match call.phase {
            Phase::Waiting => {
                entry.not_held_by_other(ctx)?;
                one(PhoneEvent::Answered {
                    by: ctx.actor.person().cloned(),
                    // A key pressed on the wrong row must not hide a miss: the exchange knows better.
                    rank: Rank::Inference,
                    corrects: false,
                })
            }
            _ => wrong_state(),
        },
        Command::CallBack { reached, promise_at } => match call.phase {
            Phase::Missed => {
                entry.not_held_by_other(ctx)?;
                if promise_at.is_some_and(|promise_at| promise_at <= ctx.at) {
                    return Err(Refusal::InPast { field: "promise_at".into() });
                }
                if *reached {
                    let mut drafts = vec![entry.draft(ctx.at, Event::Phone(PhoneEvent::CalledBack {}))];
                    drafts.extend(documentation(state, ctx, entry, call, 1));
                    Ok(drafts)
                } else {
                    one(PhoneEvent::CallBackTried { promise_at: *promise_at })
                }
            }
            _ => wrong_state(),
        },
        Command::GiveUp { reason } => match call.phase {
            Phase::Missed | Phase::Waiting => {
                entry.not_held_by_other(ctx)?;
                one(PhoneEvent::GivenUp { reason: (*reason).into() })
            }
            _ => wrong_state(),
        },
    }
}

/// The way back for what was wrong.
fn correct(
    state: &State,
    ctx: &Ctx,
    entry: &Entry,
    call: &Call,
    what: Correctable,
    reason: CorrectionReason,
) -> Result<Vec<Draft>, Refusal> {
    let stands = match what {
        Correctable::CallBack => call.phase == Phase::CalledBack || call.attempts > 0,
        Correctable::GiveUp => call.phase == Phase::GivenUp,
        Correctable::Agreement => entry.agreement.is_some() && entry.candidates.len() > 1,
    };
    if !stands {
        return Err(Refusal::NothingToCorrect);
    }
    let mut dues = Vec::new();
    if let (true, Some(missed_at)) = (what != Correctable::Agreement, call.missed_at.or(call.ended_at)) {
        let kept = kept_until(state, entry, missed_at);
        let kept = if kept > ctx.now { kept } else { kept_until(state, entry, ctx.now) };
        dues = vec![Due::own(DueKind::CallBack, ctx.at), Due::own(DueKind::Kept, kept)];
    }
    let event = PhoneEvent::Corrected { what, reason, dues };
    let mut drafts = vec![entry.draft(ctx.at, Event::Phone(event))];
    match what {
        Correctable::CallBack => drafts.extend(duties::documentation_withdrawn(state, ctx, entry)),
        Correctable::Agreement => drafts.extend(duties::documentation_assigned(state, ctx, entry, None)),
        Correctable::GiveUp => {}
    }
    Ok(drafts)
}

/// A missed call has been kept as long as it is kept: it leaves with an event that says so.
pub fn kept_due(ctx: &Ctx, entry: &Entry, call: &Call) -> Result<Vec<Draft>, Refusal> {
    let due = entry.due(DueKind::Kept).ok_or(Refusal::NotDue)?;
    if due.at > ctx.now || call.phase != Phase::Missed {
        return Err(Refusal::NotDue);
    }
    let reason = Code::new("kept-period-over").expect("a kebab-case constant");
    Ok(vec![entry.draft(ctx.now, Event::Phone(PhoneEvent::GivenUp { reason }))])
}

// ---- evolve -------------------------------------------------------------------------------

fn opened_entry(record: &Record) -> Option<Entry> {
    let Event::Phone(PhoneEvent::Waiting { opening, call, queue }) = &record.event else { return None };
    let body = Body::Phone(Call {
        call: call.clone(),
        queue: queue.clone(),
        queue_since: queue.as_ref().map(|_| record.happened_at),
        colleague: false,
        phase: Phase::Waiting,
        rank: Rank::Inference,
        answered_at: None,
        answered_by: None,
        ended_at: None,
        missed_at: None,
        reason: None,
        attempts: 0,
        promise_at: None,
        documented_at: None,
    });
    Some(Entry::open(record, opening, body))
}

/// Applies one event. Never fails: what makes no sense is left alone.
pub fn evolve(state: &mut State, record: &Record, event: &PhoneEvent) {
    if let Some(entry) = opened_entry(record) {
        state.insert(entry);
        return;
    }
    let at = record.happened_at;
    state.change(record.entry, |entry| {
        if event.is_material() {
            entry.version += 1;
        }
        let Body::Phone(call) = &mut entry.body else { return };
        match event {
            PhoneEvent::Waiting { .. } => {}
            PhoneEvent::ArrivalKnown { queue } => {
                if call.queue_since.is_none() {
                    call.queue = Some(queue.clone());
                    call.queue_since = Some(at);
                }
                entry.opened_at = entry.opened_at.min(at);
            }
            PhoneEvent::WaitsIn { queue, candidates, dues } => waits_in(entry, at, queue, candidates, dues),
            PhoneEvent::FromColleague {} => {
                call.colleague = true;
                if let Some(missed_at) = call.missed_at.filter(|_| call.phase == Phase::Missed) {
                    entry.close(missed_at);
                }
            }
            PhoneEvent::BecameAlarm {} => {
                call.phase = Phase::BecameAlarm;
                call.answered_at = None;
                call.missed_at = None;
                call.reason = None;
                entry.close(at);
            }
            // Of an earlier wait: it waits again since.
            PhoneEvent::Answered { .. } if session::is_of_before(call.queue_since, entry.opened_at, at) => {
                call.answered_at = Some(call.answered_at.map_or(at, |known| known.min(at)));
            }
            PhoneEvent::Answered { by, rank, .. } => {
                // Answered, passed on, and answered again: what counts is the first.
                let first = call.answered_at.filter(|_| call.phase == Phase::Waiting);
                call.phase = Phase::Answered;
                call.rank = *rank;
                call.answered_at = Some(first.map_or(at, |first| first.min(at)));
                call.answered_by = by.clone().or_else(|| call.answered_by.take());
                call.missed_at = None;
                call.reason = None;
                entry.reopen();
                entry.dues.retain(|due| due.what == DueKind::Claim);
            }
            PhoneEvent::Ended { .. } => {
                call.ended_at = Some(at);
                if call.phase == Phase::Answered {
                    call.phase = Phase::Ended;
                    entry.close(at);
                }
            }
            PhoneEvent::Missed { reason, rank, dues, .. } => {
                let (was_missed, is_colleague) = (call.phase == Phase::Missed, call.colleague);
                // Passed on after an answer and lost in the next queue: to be called back, and yet it was answered.
                let first = call.answered_at.filter(|_| call.phase == Phase::Waiting);
                call.phase = Phase::Missed;
                call.rank = *rank;
                call.missed_at = Some(at);
                call.reason = Some(*reason);
                call.answered_at = first;
                call.answered_by = None;
                entry.reopen();
                entry.dues.retain(|due| was_missed || due.what == DueKind::Claim);
                entry.dues.extend(dues.iter().cloned());
                if is_colleague {
                    entry.close(at);
                }
            }
            PhoneEvent::Assigned { agreement } => entry.agreement = Some(agreement.clone()),
            PhoneEvent::CalledBack {} => {
                call.phase = Phase::CalledBack;
                entry.close(at);
            }
            PhoneEvent::CallBackTried { promise_at } => {
                call.attempts += 1;
                call.promise_at = *promise_at;
                entry.drop_due(DueKind::CallBack);
                if let Some(promise_at) = promise_at {
                    entry.set_due(Due::own(DueKind::Promise, *promise_at));
                }
            }
            PhoneEvent::GivenUp { .. } => {
                call.phase = Phase::GivenUp;
                entry.close(at);
            }
            PhoneEvent::Documented {} => call.documented_at = Some(at),
            PhoneEvent::Confirmed { rank } => call.rank = *rank,
            PhoneEvent::Corrected { what, dues, .. } => corrected(entry, *what, dues),
        }
    });
    state.count_call(record.entry);
}

/// It is in this queue now. What ended an earlier wait is past: the miss was none, the talk was another.
fn waits_in(
    entry: &mut Entry,
    at: DateTime<Utc>,
    queue: &ExternalId,
    candidates: &[AgreementId],
    dues: &[Due],
) {
    if entry.agreement.is_none() {
        entry.candidates = session::union(&entry.candidates, candidates);
    }
    let Body::Phone(call) = &mut entry.body else { return };
    call.queue = Some(queue.clone());
    call.queue_since = Some(at);
    let is_past = |it: Option<DateTime<Utc>>| it.is_some_and(|it| it <= at);
    let waits_again = match call.phase {
        Phase::Missed => is_past(call.missed_at),
        Phase::Answered | Phase::Ended => {
            is_past(call.answered_at) && call.ended_at.is_none_or(|it| it <= at)
        }
        Phase::Waiting | Phase::CalledBack | Phase::GivenUp | Phase::BecameAlarm => false,
    };
    if waits_again {
        call.phase = Phase::Waiting;
        call.rank = Rank::Inference;
        call.missed_at = None;
        call.reason = None;
        call.ended_at = None;
        entry.reopen();
        entry.dues.retain(|due| due.what == DueKind::Claim);
        entry.dues.extend(dues.iter().cloned());
    }
}

fn corrected(entry: &mut Entry, what: Correctable, dues: &[Due]) {
    let Body::Phone(call) = &mut entry.body else { return };
    match what {
        Correctable::CallBack | Correctable::GiveUp => {
            // Given up while it waited and over since: it was missed.
            call.missed_at = call.missed_at.or(call.ended_at);
            call.phase = if call.missed_at.is_some() { Phase::Missed } else { Phase::Waiting };
            call.promise_at = None;
            if what == Correctable::CallBack && entry.closed_at.is_none() {
                call.attempts = call.attempts.saturating_sub(1);
                entry.drop_due(DueKind::Promise);
            }
            entry.reopen();
            for due in dues {
                if entry.due(due.what).is_none() {
                    entry.set_due(due.clone());
                }
            }
        }
        Correctable::Agreement => entry.agreement = None,
    }
}

/// How the call counts in the answering figures: seconds waited, or missed. A caller who hangs up within
/// `short_abandon_s` (an agreement's rule) is left out.
pub fn wait_seconds(entry: &Entry, call: &Call, short_abandon_s: Option<u32>) -> Option<Option<u32>> {
    let seconds = |at: DateTime<Utc>| u32::try_from((at - entry.opened_at).num_seconds().max(0)).ok();
    match (call.answered_at, call.missed_at) {
        (Some(at), _) => Some(seconds(at)),
        // No citizen waited in vain.
        (None, Some(_)) if call.colleague => None,
        (None, Some(at)) => {
            let is_short = call.reason == Some(MissedReason::HungUp)
                && short_abandon_s.is_some_and(|short| seconds(at).is_some_and(|waited| waited < short));
            if is_short { None } else { Some(None) }
        }
        _ => None,
    }
}
