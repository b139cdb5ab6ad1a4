//! Visits that deviate: early, late, or a door that nobody opens (N 3.2, 3.4, 3.5.4 to 3.5.6; J 3.1.3, 3.1.5, 3.1.8).
//!
//! Owns what a visit is, when its citizen must be contacted, what is owed and when that is over. Whether a new time
//! or a cancellation speaks against the contract, `visit_rules` says. Must never know who the citizen is.

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};

use super::agreement::{DoorStep, Matter, holds};
use super::calendar;
use super::entry::{Body, Due, DueKind, Entry, EntryEvent, Opening, Origin};
use super::envelope::Record;
use super::identity::{AgreementId, Board, CitizenId, ExternalId};
use super::intake::{self, Claims, StandsFor};
pub use super::observation::CancelledBy;
use super::observation::{Grant, Help, Observation, Window};
use super::realm::Citizen;
use super::refusal::Refusal;
use super::verbs::verbs;
use super::visit_rules::{self, Standing};
use super::vocabulary::{CorrectionReason, vocabulary};
use super::{Ctx, Draft, Event, State, duties, notices};

/// So long after its time a visit should be over and receipted (hours). No contract we know names the hours.
const RECEIPT_HOURS: i64 = 4;
vocabulary! {
    /// States, in the words of the outside contract.
    VisitState {
        Planned,
        Late,
        Early,
        Contacted,
        NotReached,
        Moved,
        Replaced,
        DoorUnanswered,
        Done,
        Cancelled,
    }
}
vocabulary! {
    /// How a door that nobody opened ended.
    DoorOutcome {
        LetIn,
        FoundWell,
        NotHome,
        InHospital,
        Helped,
        Deceased,
        HandedToMunicipality,
    }
}
vocabulary! {
    /// What may be corrected about a visit.
    Correctable {
        Contact,
        Move,
        Cancellation,
        Door,
    }
}

vocabulary! {
    /// Why the citizen's visits stand still.
    Halt {
        InHospital,
        Dead,
    }
}

vocabulary! {
    /// Who or what a cancellation comes from.
    Canceller {
        Citizen,
        Provider,
        Municipality,
        /// The time came and went while the citizen was in hospital.
        Hospital,
        Death,
        /// Help was stopped: the citizen has moved away, is in a care home, declines it.
        HelpStopped,
        /// Nobody said so: it was taken out of its source's plan.
        Withdrawn,
    }
}

impl From<CancelledBy> for Canceller {
    fn from(by: CancelledBy) -> Self {
        match by {
            CancelledBy::Citizen => Self::Citizen,
            CancelledBy::Provider => Self::Provider,
            CancelledBy::Municipality => Self::Municipality,
        }
    }
}

/// From how many minutes early or late the citizen is contacted, fixed when the visit was planned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    pub minutes: u32,
    /// None for an own rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clause: Option<String>,
    pub agreement_version: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    pub grant: Grant,
    pub help: Help,
    pub agreed_at: DateTime<Utc>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limit>,
    /// The source tells when visits start, so that silence means late.
    pub starts: bool,
}

vocabulary! {
    Side {
        Late,
        Early,
    }
}

/// How far from the agreed time, once that is far enough to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deviation {
    pub side: Side,
    pub minutes: i64,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Contact {
    pub reached: bool,
    pub at: DateTime<Utc>,
    /// The expected time then; what the citizen was told.
    pub about: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Moved {
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
    pub asked_by: CancelledBy,
    pub at: DateTime<Utc>,
}

impl Moved {
    pub fn is_postponed_by_provider(&self) -> bool {
        self.asked_by == CancelledBy::Provider && self.to > self.from
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Cancelled {
    pub by: Canceller,
    pub told_at: DateTime<Utc>,
    /// Before the agreed hour on the working day before (J 3.1.5); none where no hour is agreed.
    pub in_time: Option<bool>,
    pub at: DateTime<Utc>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Door {
    pub since: DateTime<Utc>,
    /// Steps done, each with its time.
    pub steps: Vec<(DoorStep, DateTime<Utc>)>,
    pub outcome: Option<(DoorOutcome, DateTime<Utc>)>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Visit {
    pub visit: ExternalId,
    /// None while only something else about it was told.
    pub plan: Option<Plan>,
    pub expected_at: Option<DateTime<Utc>>,
    expected_told_at: Option<DateTime<Utc>>,
    pub started_at: Option<DateTime<Utc>>,
    /// Nobody had started when the limit passed.
    pub silent_since: Option<DateTime<Utc>>,
    pub done_at: Option<DateTime<Utc>>,
    pub contact: Option<Contact>,
    pub tries: u32,
    pub moves: Vec<Moved>,
    pub cancelled: Option<Cancelled>,
    /// What is owed after a cancellation or postponement.
    pub replacement: Standing,
    pub replaced_at: Option<DateTime<Utc>>,
    pub door: Option<Door>,
    pub halted: Option<Halt>,
    pub no_receipt_since: Option<DateTime<Utc>>,
    lapsed: bool,
    settled: bool,
    /// The clause that the last change spoke against; what happened is recorded all the same.
    pub against_contract: Option<String>,
}

impl Visit {
    pub fn agreed_at(&self) -> Option<DateTime<Utc>> {
        self.plan.as_ref().map(|plan| plan.agreed_at)
    }

    fn limit(&self) -> Option<Duration> {
        let limit = self.plan.as_ref()?.limit.as_ref()?;
        Some(Duration::minutes(i64::from(limit.minutes)))
    }

    /// How far off it is, if at least the limit. A start is a fact, an expectation beats silence.
    pub fn deviation(&self) -> Option<Deviation> {
        let (agreed_at, limit) = (self.agreed_at()?, self.limit()?);
        if self.halted.is_some() && self.started_at.is_none() {
            return None;
        }
        let silent = self.silent_since.map(|_| Deviation { side: Side::Late, minutes: limit.num_minutes() });
        match self.started_at {
            Some(at) => deviation(agreed_at, at, limit),
            None => self.expected_at.and_then(|at| deviation(agreed_at, at, limit)).or(silent),
        }
    }

    /// The citizen knows of it: reached, and nothing has moved as far again since.
    fn is_told(&self) -> bool {
        let Some(contact) = self.contact.as_ref().filter(|it| it.reached) else { return false };
        match (contact.about, self.expected_at, self.limit()) {
            (Some(told), Some(expected), Some(limit)) => (expected - told).abs() < limit,
            _ => true,
        }
    }

    /// Nobody opened, and we do not know yet what became of it.
    pub fn door_is_open_question(&self) -> bool {
        self.door.as_ref().is_some_and(|door| {
            door.outcome.is_none() && self.started_at.is_none_or(|started| started <= door.since)
        })
    }

    pub fn state(&self) -> VisitState {
        // Somebody may lie behind it: no receipt, cancellation or other visit answers for the citizen.
        if self.door_is_open_question() {
            return VisitState::DoorUnanswered;
        }
        if self.done_at.is_some() {
            return VisitState::Done;
        }
        if self.replaced_at.is_some() {
            return VisitState::Replaced;
        }
        if self.cancelled.is_some() {
            return VisitState::Cancelled;
        }
        if self.door.as_ref().is_some_and(|door| door.outcome.is_some()) {
            return VisitState::Done;
        }
        let tried = self.contact.as_ref().is_some_and(|contact| !contact.reached);
        match self.deviation() {
            Some(_) if tried => VisitState::NotReached,
            Some(off) if !self.is_told() => match off.side {
                Side::Late => VisitState::Late,
                Side::Early => VisitState::Early,
            },
            _ if tried => VisitState::NotReached,
            _ if self.contact.is_some() => VisitState::Contacted,
            _ if !self.moves.is_empty() => VisitState::Moved,
            _ => VisitState::Planned,
        }
    }

    /// It is as planned, and so asks for nothing: practical help on a public holiday may be offered another day.
    pub fn is_as_planned(&self) -> bool {
        !self.is_spoken_of() && !self.plan.as_ref().is_some_and(falls_on_holiday)
    }

    /// More than a plan: somebody may ring about it.
    fn is_spoken_of(&self) -> bool {
        self.state() != VisitState::Planned || self.no_receipt_since.is_some()
    }

    fn is_over(&self) -> bool {
        match self.state() {
            VisitState::Done | VisitState::Replaced => true,
            VisitState::Cancelled => self.replacement == Standing::Nothing || self.settled,
            VisitState::Planned | VisitState::Moved | VisitState::Contacted => self.lapsed,
            VisitState::Late | VisitState::Early | VisitState::NotReached | VisitState::DoorUnanswered => {
                false
            }
        }
    }
}

fn deviation(agreed_at: DateTime<Utc>, at: DateTime<Utc>, limit: Duration) -> Option<Deviation> {
    let off = at - agreed_at;
    let side = if off > Duration::zero() { Side::Late } else { Side::Early };
    (off.abs() >= limit).then(|| Deviation { side, minutes: off.abs().num_minutes() })
}

verbs! {
    /// What a coordinator does with a visit. `confirmed` repeats what was warned about: it speaks against the contract
    /// and is done all the same.
    Command {
        "contact" [Light, Entry] => Contact { reached: bool }
        "move" [Light, Entry] => Move {
            #[serde(deserialize_with = "crate::domain::verbs::zoned")]
            to: DateTime<Utc>,
            asked_by: CancelledBy,
            /// Repeats what was warned about: it speaks against the contract and is recorded, marked.
            #[serde(default)]
            confirmed: bool,
        }
        /// A replacement visit was agreed.
        "replace" [Light, Entry] => Replace {
            #[serde(deserialize_with = "crate::domain::verbs::zoned")]
            at: DateTime<Utc>,
            /// Repeats what was warned about: it speaks against the contract and is recorded, marked.
            #[serde(default)]
            confirmed: bool,
        }
        /// Nobody opens: a step done (or taken back), or the outcome.
        "door" [Light, Entry] => Door {
            #[serde(default, skip_serializing_if = "Option::is_none")]
            step: Option<DoorStep>,
            #[serde(default = "crate::domain::verbs::yes")]
            done: bool,
            /// Ends the list: how the closed door turned out.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            outcome: Option<DoorOutcome>,
        }
        /// Delivered and receipted; of a cancelled one: nothing more is owed.
        "done" [Asked, Entry] => Done {}
        "cancel" [Grave, Entry] => Cancel {
            by: CancelledBy,
            /// When the citizen said so, if not now.
            #[serde(
                default,
                deserialize_with = "crate::domain::verbs::zoned_option",
                skip_serializing_if = "Option::is_none"
            )]
            told_at: Option<DateTime<Utc>>,
            /// Repeats what was warned about: it speaks against the contract and is recorded, marked.
            #[serde(default)]
            confirmed: bool,
        }
        /// Which municipality it is about, once somebody knows.
        "assign" [Light, Entry] => Assign { agreement: AgreementId }
        /// The way back for what was recorded wrongly.
        "correct" [Light, Entry] => Correct { what: Correctable, reason: CorrectionReason }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum VisitEvent {
    Opened {
        #[serde(flatten)]
        opening: Opening,
        visit: ExternalId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        plan: Option<Plan>,
    },
    /// The plan became known later, or changed in the care system.
    Planned {
        plan: Plan,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        against_contract: Option<String>,
    },
    Expected {
        expected_at: DateTime<Utc>,
    },
    Started {
        /// Begun outside the delivery window.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        against_contract: Option<String>,
    },
    /// The limit passed and nobody had started.
    FellSilent {},
    Done {},
    /// Its time is long over and no receipt came (J 3.1.3, N 3.9.1).
    ReceiptMissing {},
    /// Its time is long over and nothing more is to be heard of it.
    Lapsed {},
    Contacted {
        reached: bool,
    },
    Moved {
        moved_to: DateTime<Utc>,
        asked_by: CancelledBy,
        replacement: Standing,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        against_contract: Option<String>,
    },
    Replaced {
        replaced_at: DateTime<Utc>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        against_contract: Option<String>,
    },
    Cancelled {
        cancelled_by: Canceller,
        told_at: DateTime<Utc>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        in_time: Option<bool>,
        replacement: Standing,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        against_contract: Option<String>,
    },
    /// A cancelled one: nothing more is owed.
    Settled {},
    DoorUnanswered {},
    DoorStep {
        step: DoorStep,
        done: bool,
    },
    DoorClosed {
        outcome: DoorOutcome,
    },
    /// The citizen is in hospital, or dead: nobody is late.
    Halted {
        halt: Halt,
    },
    /// The citizen is home and help is resumed, or never was away.
    WentOn {},
    /// Which municipality it is about was said.
    Assigned {
        agreement: AgreementId,
    },
    Corrected {
        what: Correctable,
        reason: CorrectionReason,
    },
}

impl VisitEvent {
    pub fn is_material(&self) -> bool {
        !matches!(self, Self::DoorStep { .. } | Self::Lapsed {})
    }
}

// ---- observations -------------------------------------------------------------------------

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
            one(ctx, entry, VisitEvent::Expected { expected_at: *expected_at })
        }),
        O::VisitStarted { visit } => with_visit(state, ctx, visit, |entry, known| {
            if known.started_at.is_some() {
                return Err(Refusal::Unchanged);
            }
            let against =
                known.plan.as_ref().and_then(|plan| visit_rules::outside_window(state, entry, plan, ctx.at));
            let against_contract = against.and_then(|it| it.clause());
            let mut drafts = one(ctx, entry, VisitEvent::Started { against_contract })?;
            drafts.extend(begun(state, ctx, entry, known));
            Ok(drafts)
        }),
        O::VisitDone { visit } => with_visit(state, ctx, visit, |entry, known| {
            if known.done_at.is_some() {
                return Err(Refusal::Unchanged);
            }
            let mut drafts = one(ctx, entry, VisitEvent::Done {})?;
            drafts.extend(begun(state, ctx, entry, known));
            Ok(drafts)
        }),
        O::VisitCancelled { visit, told_at, withdrawn: true, .. } => withdrawn(state, ctx, visit, *told_at),
        O::VisitCancelled { visit, by, told_at, withdrawn: false } => {
            with_visit(state, ctx, visit, |entry, known| {
                if known.cancelled.is_some() {
                    return Err(Refusal::Unchanged);
                }
                let mut drafts = one(ctx, entry, cancelled(state, entry, known, *by, *told_at))?;
                drafts.extend(told_of_cancelling(state, ctx, entry, *by));
                Ok(drafts)
            })
        }
        O::DoorUnanswered { visit } => with_visit(state, ctx, visit, |entry, known| {
            if known.door.is_some() || known.done_at.is_some() {
                return Err(Refusal::Unchanged);
            }
            one(ctx, entry, VisitEvent::DoorUnanswered {})
        }),
        O::HelpGranted { citizen, help, notified_at, order_on } => {
            let drafts = duties::help_granted(state, ctx, citizen, *help, *notified_at, *order_on);
            if drafts.is_empty() { Err(Refusal::Unchanged) } else { Ok(drafts) }
        }
        _ => Err(Refusal::Unchanged),
    }
}

fn one(ctx: &Ctx, entry: &Entry, event: VisitEvent) -> Result<Vec<Draft>, Refusal> {
    Ok(vec![entry.draft(ctx.at, Event::Visits(event))])
}

fn planned(
    state: &State,
    ctx: &Ctx,
    visit: &ExternalId,
    citizen: &CitizenId,
    plan: impl Fn(&[super::identity::AgreementId]) -> Plan,
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
        let entry = opened_entry(&ctx.provisional(&opening)).ok_or(Refusal::Unchanged)?;
        let Body::Visit(Visit { plan: Some(plan), .. }) = &entry.body else { return Err(Refusal::Unchanged) };
        let whose = state.citizen_of(&entry);
        let halted = whose.as_ref().and_then(|whose| halted_by_stay(state, &entry, whose));
        let agreed = whose.as_ref().and_then(|whose| duties::time_agreed(state, ctx, whose, plan.help));
        let beside =
            other.map(|(other, is)| intake::beside(state, ctx, &entry, other, is)).unwrap_or_default();
        return Ok([opening].into_iter().chain(halted).chain(agreed).chain(beside).collect());
    };
    let Body::Visit(known) = &entry.body else { return Err(Refusal::Unchanged) };
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
        let event = VisitEvent::Planned { plan, against_contract: against.and_then(|it| it.clause()) };
        drafts.push(entry.draft(ctx.at, Event::Visits(event)));
    }
    if drafts.is_empty() { Err(Refusal::Unchanged) } else { Ok(drafts) }
}

/// A visit that is over for another reason than that its source took it back, and a plan for a later time.
fn is_another(ctx: &Ctx, entry: &Entry, plan: &Plan) -> bool {
    let Body::Visit(known) = &entry.body else { return false };
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
    let agreement = ctx.only_agreement();
    let opening = Opening {
        number: state.free_plan_number(),
        candidates: if agreement.is_some() { Vec::new() } else { ctx.candidates.clone() },
        origin: ctx.source().map(|source| Origin { source: source.clone(), id: visit.clone() }),
        citizen: citizen.cloned(),
        dues: Vec::new(),
    };
    let event = VisitEvent::Opened { opening, visit: visit.clone(), plan };
    Draft { entry: ctx.fresh(0), happened_at: ctx.at, agreement, event: Event::Visits(event) }
}

fn with_visit(
    state: &State,
    ctx: &Ctx,
    visit: &ExternalId,
    then: impl Fn(&Entry, &Visit) -> Result<Vec<Draft>, Refusal>,
) -> Result<Vec<Draft>, Refusal> {
    let opening = || opened(state, ctx, visit, None, None);
    intake::with_entry(state, ctx, visit, Board::Visits, opening, opened_entry, |entry| match &entry.body {
        Body::Visit(known) => then(entry, known),
        _ => Err(Refusal::Unchanged),
    })
}

/// Help has begun: the duties to begin it and to agree a time are done.
fn begun(state: &State, ctx: &Ctx, entry: &Entry, visit: &Visit) -> Vec<Draft> {
    match (state.citizen_of(entry), &visit.plan) {
        (Some(citizen), Some(plan)) => duties::help_started(state, ctx, &citizen, plan.help),
        _ => Vec::new(),
    }
}

/// Whether a visit of that help stands in the plan.
pub fn has_planned(state: &State, citizen: &Citizen, help: Help) -> bool {
    visits_of(state, citizen).any(|(_, visit)| visit.plan.as_ref().is_some_and(|plan| plan.help == help))
}

/// What we cancel ourselves the municipality is told at once (J 3.2).
fn told_of_cancelling(state: &State, ctx: &Ctx, entry: &Entry, by: CancelledBy) -> Option<Draft> {
    let notice = || notices::arises(state, ctx, entry, Matter::CancelledActivities);
    if by == CancelledBy::Provider { notice() } else { None }
}

fn cancelled(
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
        against_contract: visit_rules::cancels_granted(state, entry, by).and_then(|it| it.clause()),
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
    let Body::Visit(known) = &entry.body else { return Err(Refusal::Unchanged) };
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

// ---- the citizen's stay ---------------------------------------------------------------------

/// A visit that stands for a time still to come, or one that nobody has begun.
fn waits(visit: &Visit) -> bool {
    visit.started_at.is_none() && visit.done_at.is_none() && visit.cancelled.is_none()
}

fn visits_of<'s>(
    state: &'s State,
    citizen: &Citizen,
) -> impl Iterator<Item = (&'s Entry, &'s Visit)> + use<'s> {
    state.of_citizen_on(citizen, Board::Visits).filter_map(|entry| match &entry.body {
        Body::Visit(visit) if waits(visit) => Some((entry, visit)),
        _ => None,
    })
}

/// The citizen was admitted or has died: the visits from then on stand still.
pub fn halt(
    state: &State,
    ctx: &Ctx,
    citizen: &Citizen,
    halt: Halt,
    from: Option<DateTime<Utc>>,
) -> Vec<Draft> {
    visits_of(state, citizen)
        .filter(|(_, visit)| visit.halted != Some(halt))
        .filter(|(_, visit)| from.is_none_or(|from| visit.agreed_at().is_none_or(|at| at >= from)))
        .map(|(entry, _)| entry.draft(ctx.at, Event::Visits(VisitEvent::Halted { halt })))
        .collect()
}

/// Help goes on: the visits from then on (none: all of them, so that one that was skipped shows as late).
pub fn go_on(state: &State, ctx: &Ctx, citizen: &Citizen, from: Option<DateTime<Utc>>) -> Vec<Draft> {
    visits_of(state, citizen)
        .filter(|(_, visit)| visit.halted.is_some())
        .filter(|(_, visit)| from.is_none_or(|from| visit.agreed_at().is_none_or(|at| at >= from)))
        .map(|(entry, _)| entry.draft(ctx.at, Event::Visits(VisitEvent::WentOn {})))
        .collect()
}

/// Help has stopped, the citizen has moved away: what is still to come falls away and nothing is owed (J 3.1.1).
pub fn ended(state: &State, ctx: &Ctx, citizen: &Citizen) -> Vec<Draft> {
    visits_of(state, citizen)
        .filter(|(_, visit)| visit.agreed_at().is_none_or(|at| at >= ctx.at))
        .map(|(entry, _)| {
            let event = VisitEvent::Cancelled {
                cancelled_by: Canceller::HelpStopped,
                told_at: ctx.at,
                in_time: None,
                replacement: Standing::Nothing,
                against_contract: None,
            };
            entry.draft(ctx.at, Event::Visits(event))
        })
        .collect()
}

/// Help was not to be stopped after all: what fell away with it stands again.
pub fn restored(
    state: &State,
    ctx: &Ctx,
    citizen: &Citizen,
    stopped_at: DateTime<Utc>,
    reason: CorrectionReason,
) -> Vec<Draft> {
    let what = Correctable::Cancellation;
    let fell_away = |entry: &&Entry| {
        matches!(&entry.body, Body::Visit(visit) if visit.cancelled.as_ref()
            .is_some_and(|it| it.by == Canceller::HelpStopped && it.at == stopped_at))
    };
    state
        .closed_of_citizen(citizen)
        .filter(fell_away)
        .map(|entry| {
            let event = VisitEvent::Corrected { what, reason };
            entry.draft(ctx.at, Event::Visits(event))
        })
        .collect()
}

fn halted_by_stay(state: &State, entry: &Entry, citizen: &Citizen) -> Option<Draft> {
    let halt = halt_of(state, citizen)?;
    Some(entry.draft(entry.opened_at, Event::Visits(VisitEvent::Halted { halt })))
}

/// Why a citizen's visits stand still, if they do.
fn halt_of(state: &State, citizen: &Citizen) -> Option<Halt> {
    let halt = state.of_citizen_on(citizen, Board::Discharges).find_map(|other| match &other.body {
        Body::Stay(stay) => stay.halts(),
        _ => None,
    });
    // A plan may go on after the stay that told of the death is over.
    halt.or(state.is_dead(citizen).then_some(Halt::Dead))
}

// ---- timers ---------------------------------------------------------------------------------

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

// ---- commands -------------------------------------------------------------------------------

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
        Command::Correct { what, reason } => return correct(state, ctx, entry, visit, *what, *reason),
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
        Command::Door { step, done, outcome } => door(ctx, entry, visit, *step, *done, *outcome),
        Command::Assign { .. } | Command::Correct { .. } => wrong_state(),
        Command::Done {} if visit.door_is_open_question() => wrong_state(),
        Command::Done {} if is_cancelled => one(ctx, entry, VisitEvent::Settled {}),
        Command::Done {} => {
            let mut drafts = one(ctx, entry, VisitEvent::Done {})?;
            drafts.extend(begun(state, ctx, entry, visit));
            Ok(drafts)
        }
        Command::Cancel { by, told_at, confirmed } => {
            if is_cancelled || visit.started_at.is_some() {
                return wrong_state();
            }
            let told_at = told_at.unwrap_or(ctx.at);
            if told_at > ctx.now {
                return Err(Refusal::InFuture);
            }
            warned(visit_rules::cancels_granted(state, entry, *by), *confirmed)?;
            let mut drafts = one(ctx, entry, cancelled(state, entry, visit, *by, told_at))?;
            drafts.extend(told_of_cancelling(state, ctx, entry, *by));
            Ok(drafts)
        }
    }
}

/// Gives the visit to a municipality: its limit is that contract's, and it stands still if that citizen's stay says so.
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
    drafts.extend(duties::assigned_with(state, ctx, entry, agreement));
    let after = super::after(state, ctx, &drafts);
    let Some(known) = after.entry(entry.id).filter(|_| waits(visit)) else { return Ok(drafts) };
    let halt = after.citizen_of(known).and_then(|citizen| halt_of(&after, &citizen));
    match (visit.halted, halt) {
        (was, Some(halt)) if was != Some(halt) => drafts.push(of(VisitEvent::Halted { halt })),
        (Some(_), None) => drafts.push(of(VisitEvent::WentOn {})),
        _ => {}
    }
    Ok(drafts)
}

/// An intention against the contract is warned about with the clause; repeated as confirmed it is recorded, marked.
fn warned(against: Option<visit_rules::Against>, confirmed: bool) -> Result<Option<String>, Refusal> {
    match against {
        None => Ok(None),
        Some(against) if confirmed => Ok(against.clause()),
        Some(against) => Err(against.refusal()),
    }
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

fn door(
    ctx: &Ctx,
    entry: &Entry,
    visit: &Visit,
    step: Option<DoorStep>,
    done: bool,
    outcome: Option<DoorOutcome>,
) -> Result<Vec<Draft>, Refusal> {
    let is_cancelled = visit.cancelled.is_some() && !visit.door_is_open_question();
    if is_cancelled || visit.door.as_ref().is_some_and(|door| door.outcome.is_some()) {
        return Err(entry.wrong_state());
    }
    // A form sent by mistake must not end the wait for a visit.
    if step.is_none() && outcome.is_none() {
        return Err(Refusal::FieldMissing { field: "step".into() });
    }
    let mut drafts = Vec::new();
    if visit.door.is_none() {
        drafts.extend(one(ctx, entry, VisitEvent::DoorUnanswered {})?);
    }
    if let Some(step) = step {
        let known = visit.door.as_ref().is_some_and(|door| door.steps.iter().any(|(it, _)| *it == step));
        if known == done {
            return Err(Refusal::AlreadyDone);
        }
        drafts.extend(one(ctx, entry, VisitEvent::DoorStep { step, done })?);
    }
    if let Some(outcome) = outcome {
        drafts.extend(one(ctx, entry, VisitEvent::DoorClosed { outcome })?);
    }
    Ok(drafts)
}

/// The way back for what was recorded wrongly.
fn correct(
    state: &State,
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
    let mut drafts = one(ctx, entry, VisitEvent::Corrected { what, reason })?;
    if what == Correctable::Cancellation {
        drafts.extend(notices::falls(state, ctx, entry, Matter::CancelledActivities));
    }
    Ok(drafts)
}

// ---- evolve ---------------------------------------------------------------------------------

fn opened_entry(record: &Record) -> Option<Entry> {
    let Event::Visits(VisitEvent::Opened { opening, visit, plan }) = &record.event else { return None };
    let body = Body::Visit(Visit {
        visit: visit.clone(),
        plan: plan.clone(),
        expected_at: None,
        expected_told_at: None,
        started_at: None,
        silent_since: None,
        done_at: None,
        contact: None,
        tries: 0,
        moves: Vec::new(),
        cancelled: None,
        replacement: Standing::Nothing,
        replaced_at: None,
        door: None,
        halted: None,
        no_receipt_since: None,
        lapsed: false,
        settled: false,
        against_contract: None,
    });
    let mut entry = Entry::open(record, opening, body);
    settle(&mut entry, record.happened_at);
    Some(entry)
}

/// Applies one event. Never fails: what makes no sense is left alone.
pub fn evolve(state: &mut State, record: &Record, event: &VisitEvent) {
    if let Some(entry) = opened_entry(record) {
        state.insert(entry);
        return;
    }
    state.change(record.entry, |entry| {
        if event.is_material() {
            entry.version += 1;
        }
        if let VisitEvent::Assigned { agreement } = event {
            entry.agreement = Some(agreement.clone());
        }
        if let Body::Visit(visit) = &mut entry.body {
            apply(visit, record.happened_at, event);
        }
        settle(entry, record.happened_at);
    });
    let is_spoken_of = |entry: &Entry| matches!(&entry.body, Body::Visit(visit) if visit.is_spoken_of());
    if state.entry(record.entry).is_some_and(is_spoken_of) {
        state.speak_of(record.entry);
    }
}

fn apply(visit: &mut Visit, at: DateTime<Utc>, event: &VisitEvent) {
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
        VisitEvent::Expected { expected_at } => {
            visit.expected_at = Some(*expected_at);
            visit.expected_told_at = Some(at);
        }
        VisitEvent::Started { against_contract } => {
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
            visit.door = Some(Door { since: at, steps: Vec::new(), outcome: None });
        }
        VisitEvent::DoorStep { step, done } => {
            if let Some(door) = &mut visit.door {
                door.steps.retain(|(known, _)| known != step);
                if *done {
                    door.steps.push((*step, at));
                }
            }
        }
        VisitEvent::DoorClosed { outcome } => {
            if let Some(door) = &mut visit.door {
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
fn settle(entry: &mut Entry, at: DateTime<Utc>) {
    let Body::Visit(visit) = &entry.body else { return };
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
    let over_at = visit.agreed_at().unwrap_or(opened_at) + Duration::hours(RECEIPT_HOURS);
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
