//! Discharges: who is in hospital, who comes home and what must be ready (N 3.5.3, 3.4; J 3.1.1, 3.1.3).
//!
//! Owns what a coordinator does about a stay: expect, tick off, resume, stop; and when that is over. Where the
//! citizen is, `stay` says. Must never know who the citizen is beyond an opaque id.

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};

use super::agreement::{DischargeStep, Matter, value_of};
use super::entry::{self, Body, Due, DueKind, Entry, EntryEvent, LinkWhy, Opening, Origin};
use super::envelope::Record;
use super::identity::{AgreementId, Board, CitizenId, Code, EntryId, ExternalId, SourceName};
use super::intake::{self, Claims, StandsFor};
use super::observation::{FactKind, Observation, Setting, StayFact};
use super::realm::Citizen;
use super::refusal::Refusal;
use super::stay::{Facts, Folded, Item, Place, Told};
use super::verbs::verbs;
use super::vocabulary::{CorrectionReason, Ended, vocabulary};
use super::{Ctx, Draft, Event, State, duties, notices, visits};

vocabulary! {
    /// States, in the words of the outside contract.
    StayState {
        Admitted,
        OnLeave,
        DischargeExpected,
        Discharged,
        Resumed,
        Stopped,
        Dead,
        Cancelled,
    }
}
vocabulary! {
    /// Who may have told us when a citizen comes home.
    Teller {
        Hospital,
        Nurse,
        Assessors,
        Citizen,
        Relative,
        CareSystem,
        Colleague,
    }
}
vocabulary! {
    /// Why help is stopped.
    StopReason {
        Dead,
        Moved,
        CareHome,
        Declined,
        OtherProvider,
        NotOurs,
        /// Takes back a resumption: the stay goes on.
        BackInHospital,
    }
}
vocabulary! {
    /// How a stay ends without anybody stopping help.
    Ending {
        /// Another entry turned out to be this stay and goes on with it.
        Joined,
    }
}
vocabulary! {
    /// What may be corrected about a stay.
    Correctable {
        Resumption,
        Stop,
        AssessorsTold,
    }
}

/// Why a stay is over.
pub type WhyStopped = Ended<StopReason, Ending>;
/// A message may come so long after a stay that was told by telephone is over, and still be about it (hours).
const TOLD_BEFORE_HOURS: i64 = 48;
/// Two sources that tell of one admission or discharge differ by so much at most (minutes).
const NEAR_MINUTES: i64 = 60;
/// Admitted so soon after a discharge, before help was resumed: moved to another hospital, with an end in between (own
/// choice, hours).
const MOVED_HOURS: i64 = 6;
/// Not a word of somebody in hospital for so long, and it is asked whether they still are (own choice, hours).
const SILENT_HOURS: i64 = 48;
/// The new entry of a request that says what was odd about it; notices take those before.
const NTH_ODD: u32 = 9;

vocabulary! {
    /// What was told after the coordinator acted, and must be looked at again.
    Upset {
        /// Help was resumed, and then the discharge was taken back.
        DischargeCancelled,
        /// Help was resumed, and then the citizen was admitted again.
        AdmittedAgain,
        /// Everything was stopped for a death that was none.
        DeathCancelled,
    }
}

impl Upset {
    /// Help runs for somebody who is in hospital.
    fn is_in_vain(self) -> bool {
        self != Self::DeathCancelled
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Stopped {
    pub reason: WhyStopped,
    pub at: DateTime<Utc>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Stay {
    /// The hospital's or care system's id; none for one opened by hand.
    pub stay: Option<ExternalId>,
    pub facts: Facts,
    /// The facts taken together.
    pub now: Folded,
    /// Steps ticked off, with when.
    pub steps: Vec<(DischargeStep, DateTime<Utc>)>,
    /// Did the assessors tell us of the admission before it? Asked: no message says.
    pub assessors_told: Option<bool>,
    pub resumed_at: Option<DateTime<Utc>>,
    pub stopped: Option<Stopped>,
    pub upset: Option<(Upset, DateTime<Utc>)>,
    /// When a coordinator last heard from the hospital that the citizen is still there.
    pub assured_at: Option<DateTime<Utc>>,
}

impl Stay {
    pub fn state(&self) -> StayState {
        if self.now.place == Place::Dead {
            return StayState::Dead;
        }
        if self.stopped.is_some() {
            return StayState::Stopped;
        }
        if self.is_resumed() {
            return StayState::Resumed;
        }
        let expected = self.now.expected.as_ref();
        match self.now.place {
            Place::NeverAdmitted => StayState::Cancelled,
            Place::Home => StayState::Discharged,
            Place::Leave if expected.is_none_or(|it| self.now.leave_since > Some(it.told_at)) => {
                StayState::OnLeave
            }
            _ if expected.is_some() => StayState::DischargeExpected,
            _ => StayState::Admitted,
        }
    }

    /// Help runs again, and rightly so as far as we know.
    pub fn is_resumed(&self) -> bool {
        self.resumed_at.is_some() && !self.upset.is_some_and(|(upset, _)| upset.is_in_vain())
    }

    /// The citizen is away, and when the last word of that was heard.
    fn away_since_word(&self) -> Option<DateTime<Utc>> {
        let is_away = matches!(self.state(), StayState::Admitted | StayState::OnLeave);
        self.facts.last_at().max(self.assured_at).filter(|_| is_away)
    }

    /// When the citizen came home, or died.
    fn ended_at(&self) -> Option<DateTime<Utc>> {
        self.now.died_at.or(self.now.discharged_at)
    }

    fn is_over(&self) -> bool {
        match (self.now.place, &self.stopped) {
            (_, Some(_)) => true,
            (Place::Dead, None) => false,
            _ => self.is_resumed() && self.upset.is_none(),
        }
    }

    /// Acute, so that the first day's visits are wasted unless the assessors told before (N 3.5.3).
    pub fn is_acute(&self) -> bool {
        self.now.admitted_at.is_some() && !self.now.planned
    }

    /// What this stay means for the citizen's visits.
    pub fn halts(&self) -> Option<visits::Halt> {
        match self.now.place {
            Place::Dead => Some(visits::Halt::Dead),
            // Told by telephone, and no message yet.
            _ if self.stopped.as_ref().is_some_and(|it| it.reason.is(StopReason::Dead)) => {
                Some(visits::Halt::Dead)
            }
            Place::Hospital | Place::Leave if !self.is_resumed() && self.stopped.is_none() => {
                Some(visits::Halt::InHospital)
            }
            _ => None,
        }
    }

    /// The citizen is dead; one that goes on in another entry says nothing any more.
    pub fn says_dead(&self) -> bool {
        let goes_on = self.stopped.as_ref().is_some_and(|it| it.reason == WhyStopped::Became(Ending::Joined));
        self.halts() == Some(visits::Halt::Dead) && !goes_on
    }

    /// Takes in what was told, and notes what that upsets.
    fn hear(&mut self, told: Told) {
        let (before, at) = (self.now.clone(), told.at);
        let was_resumed = self.is_resumed();
        let cancels_death = matches!(told.item, Item::Cancelled { of: StayFact::Died, .. });
        if !self.facts.hear(told) {
            return;
        }
        self.now = self.facts.fold();
        let place = self.now.place;
        if was_resumed && place.is_hospitals() {
            let again = self.now.admitted_at.filter(|admitted| Some(*admitted) > self.resumed_at);
            if again.is_some() {
                self.upset = Some((Upset::AdmittedAgain, at));
            } else if before.place == Place::Home {
                self.upset = Some((Upset::DischargeCancelled, at));
            }
        }
        if cancels_death && before.place == Place::Dead && place != Place::Dead {
            self.upset = Some((Upset::DeathCancelled, at));
            self.stopped = self.stopped.take().filter(|it| !it.reason.is(StopReason::Dead));
        }
        // Home again after help had run in vain: it has to be resumed anew.
        if place == Place::Home && self.upset.is_some_and(|(upset, _)| upset.is_in_vain()) {
            self.upset = None;
            self.resumed_at = None;
        }
    }
}

verbs! {
    /// What a coordinator does with a stay.
    Command {
        /// Somebody said when the citizen comes home. Without an entry it opens one, as `open` does.
        "expect" [Light, Either] => Expect {
            /// Only without an entry, as for `open`.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            agreement: Option<AgreementId>,
            /// Only without an entry.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            citizen: Option<CitizenId>,
            #[serde(deserialize_with = "crate::domain::verbs::zoned")]
            expected_at: DateTime<Utc>,
            told_by: Teller,
        }
        /// By hand, told by telephone.
        "open" [Light, Either] => Open {
            /// May be left out by who has only one.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            agreement: Option<AgreementId>,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            citizen: Option<CitizenId>,
            #[serde(deserialize_with = "crate::domain::verbs::zoned")]
            expected_at: DateTime<Utc>,
            told_by: Teller,
        }
        "resume" [Light, Entry] => Resume {}
        "stop" [Final, Entry] => Stop { reason: StopReason }
        "step" [Light, Entry] => Step {
            step: DischargeStep,
            #[serde(default = "crate::domain::verbs::yes")]
            done: bool,
        }
        /// Did the assessors tell us before the admission (N 3.5.3)?
        "assessors-told" [Light, Entry] => AssessorsTold { told: bool }
        /// Of one opened by hand: the entry that the hospital's message opened is the same stay.
        "join" [Light, Entry] => Join { same_as: EntryId }
        /// The hospital was asked: the citizen is still there.
        "still-there" [Light, Entry] => StillThere {}
        /// Which municipality it is about, once somebody knows.
        "assign" [Light, Entry] => Assign { agreement: AgreementId }
        /// The way back for what was recorded wrongly.
        "correct" [Light, Entry] => Correct { what: Correctable, reason: CorrectionReason }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum DischargeEvent {
    Opened {
        #[serde(flatten)]
        opening: Opening,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stay: Option<ExternalId>,
    },
    /// It turns out to be this stay as well: it was opened by hand, or another source told of it.
    Joined {
        stay: ExternalId,
        /// Whose id it is, where a coordinator said so; else the one that tells.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        source: Option<SourceName>,
    },
    Admitted {
        setting: Setting,
        planned: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        department: Option<ExternalId>,
        /// Here and below: the id it was told under, of several that one source has for the stay; none: the first.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stay: Option<ExternalId>,
    },
    LeaveStarted {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stay: Option<ExternalId>,
    },
    LeaveEnded {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stay: Option<ExternalId>,
    },
    DischargeExpected {
        expected_at: DateTime<Utc>,
        told_by: Code,
    },
    Discharged {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        resume_due: Option<Due>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stay: Option<ExternalId>,
    },
    Died {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stay: Option<ExternalId>,
    },
    FactCorrected {
        of: StayFact,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        corrected_at: Option<DateTime<Utc>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        setting: Option<Setting>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        department: Option<ExternalId>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        resume_due: Option<Due>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stay: Option<ExternalId>,
    },
    FactCancelled {
        of: StayFact,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        setting: Option<Setting>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stay: Option<ExternalId>,
    },
    Resumed {},
    Stopped {
        reason: WhyStopped,
    },
    StepTicked {
        step: DischargeStep,
        done: bool,
    },
    AssessorsTold {
        told: bool,
    },
    /// The hospital was asked: the citizen is still there.
    StillThere {},
    /// Which municipality it is about was said.
    Assigned {
        agreement: AgreementId,
    },
    /// A coordinator's own record was wrong.
    Corrected {
        what: Correctable,
        reason: CorrectionReason,
    },
}

impl DischargeEvent {
    pub fn is_material(&self) -> bool {
        !matches!(
            self,
            Self::StepTicked { .. } | Self::AssessorsTold { .. } | Self::StillThere {} | Self::Joined { .. }
        )
    }

    /// The event that tells this.
    fn of_told(told: &Told) -> Self {
        let (resume_due, stay) = (told.resume_due.clone(), told.under.clone());
        match told.item.clone() {
            Item::Fact { of, setting, planned, department } => match of {
                StayFact::Admitted => {
                    let setting = setting.unwrap_or(Setting::Inpatient);
                    Self::Admitted { setting, planned, department, stay }
                }
                StayFact::LeaveStarted => Self::LeaveStarted { stay },
                StayFact::LeaveEnded => Self::LeaveEnded { stay },
                StayFact::Discharged => Self::Discharged { resume_due, stay },
                StayFact::Died => Self::Died { stay },
            },
            Item::Expected { expected_at, told_by } => Self::DischargeExpected { expected_at, told_by },
            Item::Corrected { of, corrected_at, setting, department } => {
                Self::FactCorrected { of, corrected_at, setting, department, resume_due, stay }
            }
            Item::Cancelled { of, setting } => Self::FactCancelled { of, setting, stay },
        }
    }

    /// What it tells about where the citizen is, if anything.
    fn told(&self, at: DateTime<Utc>) -> Option<Told> {
        let fact = |of| Item::Fact { of, setting: None, planned: false, department: None };
        let (item, resume_due, under) = match self {
            Self::Admitted { setting, planned, department, stay } => {
                let (setting, department) = (Some(*setting), department.clone());
                (Item::Fact { of: StayFact::Admitted, setting, planned: *planned, department }, None, stay)
            }
            Self::LeaveStarted { stay } => (fact(StayFact::LeaveStarted), None, stay),
            Self::LeaveEnded { stay } => (fact(StayFact::LeaveEnded), None, stay),
            Self::Discharged { resume_due, stay } => (fact(StayFact::Discharged), resume_due.clone(), stay),
            Self::Died { stay } => (fact(StayFact::Died), None, stay),
            Self::DischargeExpected { expected_at, told_by } => {
                (Item::Expected { expected_at: *expected_at, told_by: told_by.clone() }, None, &None)
            }
            Self::FactCorrected { of, corrected_at, setting, department, resume_due, stay } => {
                let (corrected_at, department) = (*corrected_at, department.clone());
                let item = Item::Corrected { of: *of, corrected_at, setting: *setting, department };
                (item, resume_due.clone(), stay)
            }
            Self::FactCancelled { of, setting, stay } => {
                (Item::Cancelled { of: *of, setting: *setting }, None, stay)
            }
            _ => return None,
        };
        Some(Told { at, item, resume_due, under: under.clone() })
    }
}

// ---- observations -------------------------------------------------------------------------

/// Decides an observation about a stay. Facts are never refused: one about a stay we have not heard of opens it.
pub fn observe(state: &State, ctx: &Ctx, observation: &Observation) -> Result<Vec<Draft>, Refusal> {
    use Observation as O;
    let (stay, citizen) = match observation {
        O::StayAdmitted { stay, citizen, .. }
        | O::StayDischargeExpected { stay, citizen, .. }
        | O::StayDischarged { stay, citizen }
        | O::StayDied { stay, citizen } => (stay, citizen.as_ref()),
        O::StayLeaveStarted { stay }
        | O::StayLeaveEnded { stay }
        | O::StayCorrected { stay, .. }
        | O::StayCancelled { stay, .. } => (stay, None),
        _ => return Err(Refusal::Unchanged),
    };
    let source = ctx.source().ok_or(Refusal::Unchanged)?;
    let claims =
        Claims { board: Board::Discharges, device: None, citizen, opens: Some(FactKind::StayAdmitted) };
    let admits = matches!(observation, O::StayAdmitted { .. });
    let other = match intake::what(state, ctx, stay, claims) {
        StandsFor::Known(entry)
            if admits && intake::is_another(ctx, entry, FactKind::StayAdmitted, entry.closed_at) =>
        {
            Some((entry, false))
        }
        StandsFor::Known(entry) => {
            let linked = linked_by_citizen(state, ctx, entry);
            return on_known(state, ctx, entry, citizen, observation, linked);
        }
        StandsFor::Either(_) => return intake::ambiguous(state, ctx),
        StandsFor::New { beside } => beside.map(|other| (other, true)),
    };
    let known = by_hand(state, ctx, citizen, observation);
    if let Some(entry) = known.or_else(|| same_stay(state, ctx, citizen, observation)) {
        let joined = entry
            .draft(ctx.at, Event::Discharges(DischargeEvent::Joined { stay: stay.clone(), source: None }));
        return on_known(state, ctx, entry, citizen, observation, vec![joined]);
    }
    let origin = Origin { source: source.clone(), id: stay.clone() };
    let opening = opened(state, ctx, None, citizen, Some(origin));
    let entry = opened_entry(&ctx.provisional(&opening)).ok_or(Refusal::Unchanged)?;
    let mut drafts = vec![opening];
    drafts.extend(linked_by_citizen(state, ctx, &entry));
    let mut drafts = on_known(state, ctx, &entry, citizen, observation, drafts)?;
    drafts.extend(other.into_iter().flat_map(|(other, is)| intake::beside(state, ctx, &entry, other, is)));
    Ok(drafts)
}

/// The other open stays of this citizen, whom no care system knows, by what is in memory: they are linked, so that the
/// one asks about the other.
fn linked_by_citizen(state: &State, ctx: &Ctx, entry: &Entry) -> Vec<Draft> {
    let others = ctx.same_person.iter().filter_map(|id| state.entry(*id));
    let is_new = |other: &&Entry| {
        other.id != entry.id
            && other.is_open()
            && matches!(other.body, Body::Stay(_))
            && entry.agreements().iter().any(|id| other.agreements().contains(id))
            && entry.links.iter().all(|link| link.to != other.id)
    };
    others
        .filter(is_new)
        .flat_map(|other| entry::link_both(ctx.at, entry, other, LinkWhy::SamePerson))
        .collect()
}

/// The entry that a coordinator opened for this citizen before any message came: one that is open, or one where help
/// was resumed a short while ago and the message only now tells of that stay.
fn by_hand<'s>(
    state: &'s State,
    ctx: &Ctx,
    citizen: Option<&CitizenId>,
    observation: &Observation,
) -> Option<&'s Entry> {
    let citizen = state.citizen_named(ctx, citizen?)?;
    let may_be = |entry: &&Entry| {
        same_agreement(ctx, entry) && matches!(&entry.body, Body::Stay(stay) if stay.stay.is_none())
    };
    let was_this_stay = |entry: &&Entry| {
        let is_near = entry
            .closed_at
            .is_some_and(|closed| (ctx.at - closed).abs() <= Duration::hours(TOLD_BEFORE_HOURS));
        let Body::Stay(stay) = &entry.body else { return false };
        // Admitted after help was resumed is another stay.
        let is_new =
            matches!(observation, Observation::StayAdmitted { .. }) && Some(ctx.at) > stay.resumed_at;
        is_near && stay.resumed_at.is_some() && !is_new
    };
    state
        .of_citizen(&citizen)
        .find(may_be)
        .or_else(|| state.closed_of_citizen(&citizen).filter(may_be).find(was_this_stay))
}

fn same_agreement(ctx: &Ctx, entry: &Entry) -> bool {
    match (&entry.agreement, &ctx.agreement) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    }
}

/// The open stay of this citizen that a fact under an unknown id is about: nobody is in two hospitals. A second source
/// has its own id for it, and a list of the care system one for each message. Somebody who is home and admitted again
/// begins another stay, unless that was on the way to another hospital; an admission from before the homecoming is only
/// late.
fn same_stay<'s>(
    state: &'s State,
    ctx: &Ctx,
    citizen: Option<&CitizenId>,
    observation: &Observation,
) -> Option<&'s Entry> {
    let citizen = state.citizen_named(ctx, citizen?)?;
    let admits = matches!(observation, Observation::StayAdmitted { .. });
    let is_late = |stay: &Stay| stay.ended_at().is_some_and(|ended| ctx.at <= ended);
    let may_be = |stay: &Stay| match stay.now.place {
        _ if !admits => true,
        Place::Home => {
            let moved = |home| ctx.at - home <= Duration::hours(MOVED_HOURS);
            is_late(stay) || stay.now.discharged_at.is_some_and(moved)
        }
        Place::Dead => is_late(stay),
        _ => true,
    };
    let stays = state.of_citizen(&citizen).filter_map(|entry| match &entry.body {
        Body::Stay(stay) if may_be(stay) => {
            Some((stay.now.place.is_hospitals(), stay.now.admitted_at, entry))
        }
        _ => None,
    });
    let open = stays
        .filter(|(.., entry)| same_agreement(ctx, entry))
        .max_by_key(|(in_hospital, admitted_at, _)| (*in_hospital, *admitted_at))
        .map(|(.., entry)| entry);
    let over = || {
        let was_this = |entry: &&Entry| matches!(&entry.body, Body::Stay(stay) if is_late(stay));
        state.closed_of_citizen(&citizen).filter(|entry| same_agreement(ctx, entry)).find(was_this)
    };
    open.or_else(|| over().filter(|_| admits))
}

fn opened(
    state: &State,
    ctx: &Ctx,
    agreement: Option<AgreementId>,
    citizen: Option<&CitizenId>,
    origin: Option<Origin>,
) -> Draft {
    let agreement = agreement.or_else(|| ctx.only_agreement());
    let stay = origin.as_ref().map(|origin| origin.id.clone());
    let opening = Opening {
        number: state.free_number(0),
        candidates: if agreement.is_some() { Vec::new() } else { ctx.candidates.clone() },
        origin,
        citizen: citizen.cloned(),
        dues: Vec::new(),
    };
    let event = Event::Discharges(DischargeEvent::Opened { opening, stay });
    Draft { entry: ctx.fresh(0), happened_at: ctx.at, agreement, event }
}

fn on_known(
    state: &State,
    ctx: &Ctx,
    entry: &Entry,
    citizen: Option<&CitizenId>,
    observation: &Observation,
    mut drafts: Vec<Draft>,
) -> Result<Vec<Draft>, Refusal> {
    let Body::Stay(stay) = &entry.body else { return Err(Refusal::Unchanged) };
    let learnt = citizen.filter(|_| entry.citizen.is_none());
    if let Some(citizen) = learnt {
        let event = EntryEvent::CitizenMatched { citizen: citizen.clone() };
        drafts.push(entry.draft(ctx.at, Event::Entry(event)));
    }
    let event = translated(state, ctx, entry, stay, observation).ok_or(Refusal::Unchanged)?;
    let told = event.told(ctx.at).ok_or(Refusal::Unchanged)?;
    let mut next = stay.clone();
    if !stay.facts.knows(told.at, &told.item) {
        drafts.push(entry.draft(ctx.at, Event::Discharges(event)));
        next.hear(told);
        if next.now.is_odd && !stay.now.is_odd {
            drafts.extend(super::sources::odd(state, ctx, "end-before-beginning", NTH_ODD));
        }
        let citizen = entry.citizen.as_ref().or(citizen);
        let whose = citizen.and_then(|citizen| state.citizen_in(entry.agreements(), citizen));
        drafts.extend(follow(state, ctx, whose.as_ref(), stay, &next));
        drafts.extend(to_tell(state, ctx, entry, stay, &next));
    }
    if let Some(citizen) = learnt {
        add_new(&mut drafts, citizen_known(state, ctx, entry, &next, citizen));
        // Joined as things are after these drafts.
        let after = super::after(state, ctx, &drafts);
        if let Some(known) = after.entry(entry.id) {
            add_new(&mut drafts, joined_by_citizen(&after, ctx, known, citizen));
        }
    }
    if drafts.is_empty() { Err(Refusal::Unchanged) } else { Ok(drafts) }
}

/// Adds what is not among the drafts yet.
pub(super) fn add_new(drafts: &mut Vec<Draft>, more: Vec<Draft>) {
    for draft in more {
        if !drafts.contains(&draft) {
            drafts.push(draft);
        }
    }
}

/// The id that a fact was told under, if the source whose first id the stay is known by has another for it.
fn told_under(ctx: &Ctx, entry: &Entry, stay: &Stay, id: &ExternalId) -> Option<ExternalId> {
    let first = stay.stay.as_ref().filter(|first| *first != id)?;
    let mut origins = entry.origin.iter().chain(&entry.also);
    let told_first = origins.find(|origin| origin.id == *first)?;
    (Some(&told_first.source) == ctx.source()).then(|| id.clone())
}

fn translated(
    state: &State,
    ctx: &Ctx,
    entry: &Entry,
    known: &Stay,
    observation: &Observation,
) -> Option<DischargeEvent> {
    use Observation as O;
    let under = |id: &ExternalId| told_under(ctx, entry, known, id);
    Some(match observation {
        O::StayAdmitted { setting, planned, department, stay, .. } => DischargeEvent::Admitted {
            setting: *setting,
            planned: *planned,
            department: department.clone(),
            stay: under(stay),
        },
        O::StayLeaveStarted { stay } => DischargeEvent::LeaveStarted { stay: under(stay) },
        O::StayLeaveEnded { stay } => DischargeEvent::LeaveEnded { stay: under(stay) },
        O::StayDischargeExpected { expected_at, told_by, .. } => {
            DischargeEvent::DischargeExpected { expected_at: *expected_at, told_by: told_by.clone() }
        }
        O::StayDischarged { stay, .. } => {
            DischargeEvent::Discharged { resume_due: resume_due(state, entry, ctx.at), stay: under(stay) }
        }
        O::StayDied { stay, .. } => DischargeEvent::Died { stay: under(stay) },
        O::StayCorrected { of, at, setting, department, stay } => DischargeEvent::FactCorrected {
            of: *of,
            corrected_at: *at,
            setting: *setting,
            department: department.clone(),
            resume_due: match of {
                StayFact::Discharged => resume_due(state, entry, at.unwrap_or(ctx.at)),
                _ => None,
            },
            stay: under(stay),
        },
        O::StayCancelled { of, setting, stay } => {
            DischargeEvent::FactCancelled { of: *of, setting: *setting, stay: under(stay) }
        }
        _ => return None,
    })
}

fn resume_due(state: &State, entry: &Entry, discharged_at: DateTime<Utc>) -> Option<Due> {
    state
        .rules(entry.agreements())
        .filter_map(|rules| {
            let minutes = value_of(&rules.discharges.resume_within_minutes)?;
            Some(Due {
                what: DueKind::Resume,
                at: discharged_at + Duration::minutes(i64::from(minutes)),
                clause: rules
                    .discharges
                    .resume_within_minutes
                    .as_ref()
                    .and_then(|it| it.clause().map(|it| it.as_str().to_owned())),
                agreement_version: Some(rules.version.clone()),
            })
        })
        .min_by_key(|due| due.at)
}

/// What a change of the stay means for the citizen's visits, and for the duties to begin help.
fn follow(state: &State, ctx: &Ctx, citizen: Option<&Citizen>, before: &Stay, after: &Stay) -> Vec<Draft> {
    let Some(citizen) = citizen else { return Vec::new() };
    let (was_dead, is_dead) =
        (before.halts() == Some(visits::Halt::Dead), after.halts() == Some(visits::Halt::Dead));
    let mut drafts = match (was_dead, is_dead) {
        (false, true) => duties::help_ended(state, ctx, citizen),
        (true, false) => duties::help_goes_on(state, ctx, citizen),
        _ => Vec::new(),
    };
    drafts.extend(halted_visits(state, ctx, citizen, before, after));
    drafts
}

fn halted_visits(state: &State, ctx: &Ctx, citizen: &Citizen, before: &Stay, after: &Stay) -> Vec<Draft> {
    match (before.halts(), after.halts()) {
        (was, Some(halt)) if was != Some(halt) => {
            let from = after.now.admitted_at.filter(|_| halt == visits::Halt::InHospital);
            visits::halt(state, ctx, citizen, halt, from)
        }
        // Home, but help is not resumed yet: the visits stay halted until somebody says so.
        (Some(visits::Halt::Dead), None) if after.now.place == Place::Home && !after.is_resumed() => {
            visits::halt(state, ctx, citizen, visits::Halt::InHospital, after.now.admitted_at)
        }
        // Home before we heard of the admission: halted all the same until help is resumed.
        (None, None) if after.now.place == Place::Home && after.stopped.is_none() && !after.is_resumed() => {
            match (before.now.admitted_at, after.now.admitted_at) {
                (None, Some(from)) => visits::halt(state, ctx, citizen, visits::Halt::InHospital, Some(from)),
                _ => Vec::new(),
            }
        }
        (Some(_), None) if after.now.place != Place::Home || after.is_resumed() => {
            let skipped_too = after.now.place == Place::NeverAdmitted;
            visits::go_on(state, ctx, citizen, if skipped_too { None } else { Some(ctx.at) })
        }
        _ => Vec::new(),
    }
}

/// What the municipality is told at once, or need not be told any more (J 3.2): an admission, a death. What stands, not
/// what was heard last: any order of arrival leaves the same to tell.
fn to_tell(state: &State, ctx: &Ctx, entry: &Entry, before: &Stay, after: &Stay) -> Vec<Draft> {
    let was_admitted = |stay: &Stay| stay.now.admitted_at.is_some();
    let is_dead = |stay: &Stay| stay.halts() == Some(visits::Halt::Dead);
    let is_again = before.now.place == Place::Home
        && after.now.place.is_hospitals()
        && after.now.admitted_at > before.now.discharged_at
        && before.now.admitted_at != after.now.admitted_at;
    let mut drafts = Vec::new();
    if was_admitted(after) && (!was_admitted(before) || is_again) {
        drafts.extend(notices::arises(state, ctx, entry, Matter::Admission));
    } else if before.now.never_admitted && !after.now.never_admitted {
        drafts.extend(notices::stands(state, ctx, entry, Matter::Admission));
    }
    if after.now.never_admitted {
        drafts.extend(notices::falls(state, ctx, entry, Matter::Admission));
    }
    match (is_dead(before), is_dead(after)) {
        (false, true) => drafts.extend(notices::arises(state, ctx, entry, Matter::Death)),
        (true, false) => drafts.extend(notices::falls(state, ctx, entry, Matter::Death)),
        _ => {}
    }
    drafts
}

/// The citizen has moved away: help stops (J 3.1.1), on every open stay and for every visit from then on.
pub fn moved_away(state: &State, ctx: &Ctx, citizen: &CitizenId) -> Result<Vec<Draft>, Refusal> {
    // An id that may mean one of several people is that of the one whom we know; of two it must be said.
    let scope = ctx.scope();
    let each = if scope.is_empty() { vec![scope] } else { scope.chunks(1).collect() };
    let mut named: Vec<Citizen> =
        each.into_iter().filter_map(|agreement| state.citizen_in(agreement, citizen)).collect();
    named.sort();
    named.dedup();
    let mut told: Vec<Vec<Draft>> = named.iter().map(|citizen| help_stops(state, ctx, citizen)).collect();
    told.retain(|drafts| !drafts.is_empty());
    match (told.pop(), told.is_empty()) {
        (None, _) => Err(Refusal::Unchanged),
        (Some(drafts), true) => Ok(drafts),
        (Some(_), false) => Err(Refusal::FieldMissing { field: "agreement".into() }),
    }
}

fn help_stops(state: &State, ctx: &Ctx, citizen: &Citizen) -> Vec<Draft> {
    let mut drafts: Vec<Draft> = state
        .of_citizen(citizen)
        .filter(|entry| matches!(&entry.body, Body::Stay(stay) if stay.stopped.is_none()))
        .map(|entry| {
            let event = DischargeEvent::Stopped { reason: WhyStopped::Said(StopReason::Moved) };
            entry.draft(ctx.at, Event::Discharges(event))
        })
        .collect();
    drafts.extend(visits::ended(state, ctx, citizen));
    drafts.extend(duties::help_ended(state, ctx, citizen));
    drafts
}

/// The citizen of a stay became known: what it means for that citizen's visits.
pub fn citizen_known(
    state: &State,
    ctx: &Ctx,
    entry: &Entry,
    stay: &Stay,
    citizen: &CitizenId,
) -> Vec<Draft> {
    let Some(halt) = stay.halts() else { return Vec::new() };
    let Some(citizen) = &state.citizen_in(entry.agreements(), citizen) else { return Vec::new() };
    let from = stay.now.admitted_at.filter(|_| halt == visits::Halt::InHospital);
    let mut drafts = visits::halt(state, ctx, citizen, halt, from);
    if halt == visits::Halt::Dead {
        drafts.extend(duties::help_ended(state, ctx, citizen));
    }
    drafts
}

// ---- commands -----------------------------------------------------------------------------

/// Opens an entry by hand: told by telephone, by whom as a code, when expected.
pub fn open_by_hand(state: &State, ctx: &Ctx, command: &Command) -> Result<Vec<Draft>, Refusal> {
    let (agreement, citizen, expected_at, told_by) = match command {
        Command::Open { agreement, citizen, expected_at, told_by }
        | Command::Expect { agreement, citizen, expected_at, told_by } => {
            (agreement.as_ref(), citizen.as_ref(), *expected_at, *told_by)
        }
        _ => return Err(Refusal::EntryMissing),
    };
    let agreement = agreement_of(state, ctx, agreement)?;
    if let Some(entry) = citizen.and_then(|citizen| open_stay_of(state, citizen, &agreement)) {
        let expect = Command::Expect { agreement: None, citizen: None, expected_at, told_by };
        let Body::Stay(stay) = &entry.body else { return Err(Refusal::UnknownEntry) };
        // Already told that the citizen is home, or dead: say where that stands.
        let is_told = |refusal| match refusal {
            Refusal::WrongState { .. } => Refusal::AlreadyOpen { number: entry.number },
            other => other,
        };
        return decide(state, ctx, entry, stay, &expect).map_err(is_told);
    }
    let opening = opened(state, ctx, Some(agreement), citizen, None);
    let entry = opened_entry(&ctx.provisional(&opening)).ok_or(Refusal::Unchanged)?;
    let event = DischargeEvent::DischargeExpected { expected_at, told_by: told_by.into() };
    let expected = entry.draft(ctx.at, Event::Discharges(event));
    Ok(vec![opening, expected])
}

fn open_stay_of<'s>(state: &'s State, citizen: &CitizenId, agreement: &AgreementId) -> Option<&'s Entry> {
    let citizen = state.citizen_in(std::slice::from_ref(agreement), citizen)?;
    state
        .of_citizen(&citizen)
        .find(|entry| matches!(entry.body, Body::Stay(_)) && entry.agreement.as_ref() == Some(agreement))
}

/// The agreement named, or the only one the person has.
pub(super) fn agreement_of(
    state: &State,
    ctx: &Ctx,
    named: Option<&AgreementId>,
) -> Result<AgreementId, Refusal> {
    let known = |id: &AgreementId| state.agreements.contains_key(id) && ctx.may_use(state, id);
    match named {
        Some(id) if known(id) => Ok(id.clone()),
        Some(id) => Err(Refusal::UnknownAgreement { agreement: id.clone() }),
        None => {
            let mut own = state.agreements.keys().filter(|id| known(id));
            match (own.next(), own.next()) {
                (Some(only), None) => Ok(only.clone()),
                _ => Err(Refusal::FieldMissing { field: "agreement".into() }),
            }
        }
    }
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
        Command::Correct { what, reason } => return correct(state, ctx, entry, stay, *what, *reason),
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
        Command::Resume {} => resume(state, ctx, entry, stay),
        Command::Stop { reason } => stop(state, ctx, entry, stay, *reason),
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
fn resume(state: &State, ctx: &Ctx, entry: &Entry, stay: &Stay) -> Result<Vec<Draft>, Refusal> {
    let restored = stay.upset.is_some_and(|(upset, _)| upset == Upset::DeathCancelled);
    match stay.state() {
        StayState::Discharged | StayState::DischargeExpected | StayState::Cancelled => {}
        StayState::Resumed if restored => {}
        StayState::Admitted
        | StayState::OnLeave
        | StayState::Resumed
        | StayState::Stopped
        | StayState::Dead => {
            return Err(entry.wrong_state());
        }
    }
    let mut drafts = vec![entry.draft(ctx.at, Event::Discharges(DischargeEvent::Resumed {}))];
    if let Some(citizen) = &state.citizen_of(entry) {
        drafts.extend(visits::go_on(state, ctx, citizen, Some(ctx.at)));
    }
    Ok(drafts)
}

fn stop(
    state: &State,
    ctx: &Ctx,
    entry: &Entry,
    stay: &Stay,
    reason: StopReason,
) -> Result<Vec<Draft>, Refusal> {
    let in_vain = stay.upset.is_some_and(|(upset, _)| upset.is_in_vain());
    if reason == StopReason::BackInHospital && !in_vain {
        return Err(entry.wrong_state());
    }
    let event = DischargeEvent::Stopped { reason: WhyStopped::Said(reason) };
    let mut next = stay.clone();
    apply(&mut next, ctx.at, &event);
    let mut drafts = vec![entry.draft(ctx.at, Event::Discharges(event))];
    // A death only halts the visits: one that is taken back must restore them.
    let whose = state.citizen_of(entry);
    match (&whose, reason) {
        (_, StopReason::BackInHospital) | (None, _) => {}
        (Some(_), StopReason::Dead) => drafts.extend(follow(state, ctx, whose.as_ref(), stay, &next)),
        (Some(citizen), _) => {
            drafts.extend(visits::ended(state, ctx, citizen));
            drafts.extend(duties::help_ended(state, ctx, citizen));
        }
    }
    drafts.extend(to_tell(state, ctx, entry, stay, &next));
    Ok(drafts)
}

/// Gives the stay to a municipality. Only now it is known whose citizen its id means: what that means for that citizen's
/// visits follows, and what it meant for another's is taken back. Times already owed stand: they are the strictest of
/// those it might have had.
fn assign(state: &State, ctx: &Ctx, entry: &Entry, agreement: &AgreementId) -> Result<Vec<Draft>, Refusal> {
    entry.may_be_assigned(state, ctx, agreement)?;
    let event = DischargeEvent::Assigned { agreement: agreement.clone() };
    let mut drafts =
        vec![Draft { agreement: Some(agreement.clone()), ..entry.draft(ctx.at, Event::Discharges(event)) }];
    drafts.extend(duties::assigned_with(state, ctx, entry, agreement));
    let before = state.citizen_of(entry);
    let after = super::after(state, ctx, &drafts);
    let Some(known) = after.entry(entry.id) else { return Ok(drafts) };
    if let Some(other) = before.filter(|before| after.citizen_of(known).as_ref() != Some(before)) {
        drafts.extend(visits::go_on(&after, ctx, &other, None));
    }
    if let (Body::Stay(stay), Some(citizen)) = (&known.body, &known.citizen) {
        add_new(&mut drafts, citizen_known(&after, ctx, known, stay, citizen));
        add_new(&mut drafts, joined_by_citizen(&after, ctx, known, citizen));
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
    let Body::Stay(from) = &other.body else { return Err(Refusal::CannotLink) };
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
    let mut next = stay.clone();
    moved.into_iter().for_each(|told| next.hear(told));
    let citizen = entry.citizen.as_ref().or(other.citizen.as_ref());
    let whose = citizen.and_then(|citizen| state.citizen_in(entry.agreements(), citizen));
    drafts.extend(follow(state, ctx, whose.as_ref(), stay, &next));
    if let (None, Some(told)) = (stay.assessors_told, from.assessors_told) {
        drafts.push(over(ctx.at, DischargeEvent::AssessorsTold { told }));
    }
    for (step, at) in from.steps.iter().filter(|(step, _)| stay.steps.iter().all(|(known, _)| known != step))
    {
        drafts.push(over(*at, DischargeEvent::StepTicked { step: *step, done: true }));
    }
    drafts.extend(notices::go_over(state, ctx, entry, other));
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
    let Body::Stay(stay) = &known.body else { return Vec::new() };
    let Some(citizen) = state.citizen_in(known.agreements(), citizen) else { return Vec::new() };
    let joined = state.of_citizen(&citizen).filter(|entry| entry.id != known.id).find_map(|entry| {
        let Body::Stay(there) = &entry.body else { return None };
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
        let Body::Stay(from) = &other.body else { return false };
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
        let Body::Stay(there) = &other.body else { return false };
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
    state: &State,
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
    let mut next = stay.clone();
    corrected(&mut next, what);
    let event = DischargeEvent::Corrected { what, reason };
    let mut drafts = vec![entry.draft(ctx.at, Event::Discharges(event))];
    let whose = state.citizen_of(entry);
    drafts.extend(follow(state, ctx, whose.as_ref(), stay, &next));
    drafts.extend(to_tell(state, ctx, entry, stay, &next));
    // The visits that fell away with the stop come back; one whose time has passed shows that it was skipped.
    if let (Some(citizen), Some(stopped)) =
        (&whose, stay.stopped.as_ref().filter(|_| what == Correctable::Stop))
    {
        drafts.extend(visits::restored(state, ctx, citizen, stopped.at, reason));
        if !stopped.reason.is(StopReason::Dead) {
            drafts.extend(duties::help_goes_on(state, ctx, citizen));
        }
    }
    Ok(drafts)
}

// ---- evolve -------------------------------------------------------------------------------

fn opened_entry(record: &Record) -> Option<Entry> {
    let Event::Discharges(DischargeEvent::Opened { opening, stay }) = &record.event else { return None };
    let body = Body::Stay(Stay {
        stay: stay.clone(),
        facts: Facts::default(),
        now: Folded::default(),
        steps: Vec::new(),
        assessors_told: None,
        resumed_at: None,
        stopped: None,
        upset: None,
        assured_at: None,
    });
    Some(Entry::open(record, opening, body))
}

/// Applies one event. Never fails: what makes no sense is left alone.
pub fn evolve(state: &mut State, record: &Record, event: &DischargeEvent) {
    if let Some(entry) = opened_entry(record) {
        state.insert(entry);
        return;
    }
    if let DischargeEvent::Joined { stay, source } = event {
        match source {
            Some(source) => state.known_to(source, stay, record.entry),
            None => state.also_known_as(record, stay),
        }
    }
    state.change(record.entry, |entry| {
        if event.is_material() {
            entry.version += 1;
        }
        if let DischargeEvent::Assigned { agreement } = event {
            entry.agreement = Some(agreement.clone());
        }
        if let Body::Stay(stay) = &mut entry.body {
            apply(stay, record.happened_at, event);
        }
        settle(entry, record.happened_at);
    });
    state.note_death(record.entry);
}

fn apply(stay: &mut Stay, at: DateTime<Utc>, event: &DischargeEvent) {
    if let Some(told) = event.told(at) {
        stay.hear(told);
        return;
    }
    match event {
        // The first id stays: it is the one that was shown.
        DischargeEvent::Joined { stay: id, .. } => drop(stay.stay.get_or_insert_with(|| id.clone())),
        DischargeEvent::Resumed {} => {
            stay.resumed_at = Some(at);
            stay.upset = None;
        }
        DischargeEvent::Stopped { reason } if reason.is(StopReason::BackInHospital) => {
            stay.resumed_at = None;
            stay.upset = None;
            // Asked and ticked off anew when the citizen comes home at last.
            stay.steps.clear();
        }
        DischargeEvent::Stopped { reason } => {
            stay.stopped = Some(Stopped { reason: *reason, at });
            stay.upset = None;
        }
        DischargeEvent::StepTicked { step, done } => {
            stay.steps.retain(|(known, _)| known != step);
            if *done {
                stay.steps.push((*step, at));
            }
        }
        DischargeEvent::AssessorsTold { told } => stay.assessors_told = Some(*told),
        DischargeEvent::StillThere {} => stay.assured_at = Some(at),
        DischargeEvent::Corrected { what, .. } => corrected(stay, *what),
        _ => {}
    }
}

fn corrected(stay: &mut Stay, what: Correctable) {
    match what {
        Correctable::Resumption => {
            stay.resumed_at = None;
            stay.upset = None;
        }
        Correctable::Stop => stay.stopped = None,
        Correctable::AssessorsTold => stay.assessors_told = None,
    }
}

/// Puts dues and closing in step with what is now known.
fn settle(entry: &mut Entry, at: DateTime<Utc>) {
    let Body::Stay(stay) = &entry.body else { return };
    let (over, waits_for_help) = (stay.is_over(), stay.state() == StayState::Discharged);
    let expected = stay
        .now
        .expected
        .as_ref()
        .filter(|_| stay.state() == StayState::DischargeExpected)
        .map(|it| Due::own(DueKind::Expected, it.expected_at));
    let resume = stay.now.resume_due.clone().filter(|_| waits_for_help);
    let silent = stay
        .away_since_word()
        .map(|word| Due::own(DueKind::StillThere, word + Duration::hours(SILENT_HOURS)));
    for what in [DueKind::Expected, DueKind::Resume, DueKind::StillThere] {
        entry.drop_due(what);
    }
    if over {
        entry.close(at);
        return;
    }
    entry.reopen();
    entry.dues.extend(expected.into_iter().chain(resume).chain(silent));
}

/// The visits of the admission's own date that this stay struck: wasted unless the assessors told us before.
pub fn first_day_visits(state: &State, entry: &Entry, stay: &Stay) -> Vec<EntryId> {
    let Some(admitted_at) = stay.now.admitted_at else { return Vec::new() };
    let linked = entry.links.iter().filter_map(|link| state.entry(link.to));
    linked
        .filter(|other| match &other.body {
            Body::Visit(visit) => visit
                .agreed_at()
                .is_some_and(|at| at >= admitted_at && super::calendar::days_apart(at, admitted_at) == 0),
            _ => false,
        })
        .map(|other| other.id)
        .collect()
}
