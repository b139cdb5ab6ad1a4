//! Emergency calls (J 3.1.13): raised, claimed, responded to, arrived, closed; or unanswered
//! and redirected to the municipal unit, and then owed a written justification.
//!
//! Owns the four responses, the ring-out, the justification's clock and what a redirect costs.
//! Must never know who the citizen is beyond an opaque id.

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};

pub use super::agreement::Response;
use super::agreement::value_of;
use super::entry::{self, Body, Due, DueKind, Entry, Opening, Origin};
use super::envelope::Record;
use super::identity::{AgreementId, Board, CitizenId, Code, ExternalId, PersonName, Reference, SourceName};
use super::intake::{self, Claims, StandsFor};
use super::observation::{FactKind, Observation};
use super::refusal::Refusal;
use super::session::{self, Wait};
use super::verbs::verbs;
use super::vocabulary::{CorrectionReason, Ended, vocabulary};
use super::{Ctx, Draft, Event, State, duties};

/// The same alarm id this long (hours) after the alarm was over is a new alarm: losing one is worse than two.
const ID_REUSED_HOURS: i64 = 12;
/// A second signal from the same device inside this many minutes belongs to the alarm that is still ringing.
const FOLD_MINUTES: i64 = 10;
/// So many signals of one alarm are kept whatever their pace: a hand that presses again and again.
const SIGNALS_KEPT: u32 = 20;
/// Signals of one alarm that still rings are kept so far apart (seconds); those between say nothing new.
const SIGNAL_EVERY_SECONDS: i64 = 10;

/// A signal so soon after the last one is of the same press, also when that has rung out meanwhile (seconds): a button that
/// is stuck, a unit that says it again and again. Whoever presses later presses anew.
const SAME_PRESS_SECONDS: i64 = 15;

/// Triggers that tell of the home, not of the person in it: never folded into an alarm of another kind.
const DANGERS: [&str; 5] = ["smoke", "gas", "heat", "carbon-monoxide", "flood"];

vocabulary! {
    /// States, in the words of the outside contract.
    AlarmState {
        Raised,
        Answered,
        Claimed,
        HelpSent,
        NurseCalled,
        DoctorCalled,
        #[serde(rename = "called-112")]
        #[strum(serialize = "called-112")]
        Called112,
        Arrived,
        Closed,
        Unanswered,
        Redirected,
        Justified,
    }
}
vocabulary! {
    /// What became of an alarm.
    Outcome {
        Helped,
        NothingWrong,
        FalseAlarm,
        Test,
        Technical,
        TakenToHospital,
        Deceased,
        NotOurs,
    }
}
vocabulary! {
    /// How an alarm ends without anybody saying so.
    Ending {
        /// A colleague's wait that another call goes on with.
        PassedOn,
    }
}

/// How an alarm ended.
pub type HowEnded = Ended<Outcome, Ending>;

vocabulary! {
    /// Where a person sends an alarm on to; a source may say another place.
    RedirectTo {
        MunicipalUnit,
        BackUp,
        Other,
    }
}
vocabulary! {
    /// How a justification was sent.
    Channel {
        CareSystem,
        SecureMail,
        Letter,
    }
}
vocabulary! {
    /// Why a redirect was none of ours.
    ContestReason {
        WasAnswered,
        TechnicalFault,
        NotOurs,
        MunicipalityMistake,
    }
}
vocabulary! {
    /// What may be corrected about an alarm.
    Correctable {
        Response,
        Arrival,
        Outcome,
        Redirect,
        Unanswered,
        Justification,
    }
}
vocabulary! {
    /// Who was sent as own help.
    Helper {
        OwnTeam,
        Colleague,
        NeighbourTeam,
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Responded {
    pub with: Response,
    pub helper: Option<Helper>,
    pub at: DateTime<Utc>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Redirected {
    pub to: Code,
    pub at: DateTime<Utc>,
    pub contested: Option<ContestReason>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Sent {
    pub at: DateTime<Utc>,
    pub channel: Channel,
    pub reference: Option<Reference>,
    /// Late for ever when sent after the due time.
    pub late: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Justification {
    pub started_at: DateTime<Utc>,
    pub due: Due,
    pub begun_at: Option<DateTime<Utc>>,
    pub begun_by: Option<PersonName>,
    pub sent: Option<Sent>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Alarm {
    pub alarm: ExternalId,
    pub device: Option<ExternalId>,
    /// Whose devices its source's are; none: the source's own.
    pub namespace: Option<SourceName>,
    pub trigger: Option<Code>,
    /// Battery, line, heartbeat: kept apart.
    pub technical: bool,
    /// An installer's test: kept out of all figures.
    pub test: bool,
    /// Signals folded into this entry, the first included.
    pub signals: u32,
    pub last_signal_at: DateTime<Utc>,
    /// First claimed or answered: what the answering figures count.
    pub answered_at: Option<DateTime<Utc>>,
    /// A person spoke with the citizen, the exchange says: it cannot ring out any more.
    pub talked_at: Option<DateTime<Utc>>,
    /// That talk is over: what is left is to say what was done.
    pub talk_ended_at: Option<DateTime<Utc>>,
    /// That talk was the voice call of a unit: it is about one press, and no answer to the next.
    pub by_voice: bool,
    /// Of an alarm that is a call: the queue that it is in now, or was in last, and since when.
    pub queue: Option<ExternalId>,
    pub queue_since: Option<DateTime<Utc>>,
    pub response: Option<Responded>,
    pub arrived_at: Option<DateTime<Utc>>,
    pub outcome: Option<HowEnded>,
    pub outcome_at: Option<DateTime<Utc>>,
    /// The device says it was cleared: only a remark, never an end.
    pub cleared_at: Option<DateTime<Utc>>,
    /// The device says that somebody is with the citizen: likewise only a remark.
    pub presence_at: Option<DateTime<Utc>>,
    pub unanswered_at: Option<DateTime<Utc>>,
    pub redirect: Option<Redirected>,
    pub justification: Option<Justification>,
}

impl Alarm {
    pub fn state(&self, claimed: bool) -> AlarmState {
        let justified = self.justification.as_ref().is_some_and(|it| it.sent.is_some());
        if self.redirect.is_some() {
            return if justified { AlarmState::Justified } else { AlarmState::Redirected };
        }
        if self.outcome.is_some() {
            return if justified { AlarmState::Justified } else { AlarmState::Closed };
        }
        if self.arrived_at.is_some() {
            return AlarmState::Arrived;
        }
        match self.response.as_ref().map(|it| it.with) {
            Some(Response::OwnHelp) => return AlarmState::HelpSent,
            Some(Response::Nurse) => return AlarmState::NurseCalled,
            Some(Response::Doctor) => return AlarmState::DoctorCalled,
            Some(Response::Emergency112) => return AlarmState::Called112,
            None => {}
        }
        match (claimed, self.unanswered_at.is_some(), self.talked_at.is_some()) {
            (true, ..) => AlarmState::Claimed,
            (false, true, _) => AlarmState::Unanswered,
            // At the exchange, by somebody we do not know or who has let it go: nobody here has it.
            (false, false, true) => AlarmState::Answered,
            (false, false, false) => AlarmState::Raised,
        }
    }

    /// What is told at `at` is of a wait before the one in the queue that has the call now.
    fn is_of_before(&self, entry: &Entry, at: DateTime<Utc>) -> bool {
        session::is_of_before(self.queue_since, entry.opened_at, at)
    }

    /// Rings for a person: neither a test nor a technical alarm.
    pub fn is_person_alarm(&self) -> bool {
        !self.technical && !self.test
    }

    /// Another call goes on with its wait: whatever is told of that wait later is the other's.
    fn is_passed_on(&self) -> bool {
        self.outcome == Some(Ended::Became(Ending::PassedOn))
    }

    fn owes_justification(&self) -> bool {
        self.justification.as_ref().is_some_and(|it| it.sent.is_none())
    }

    /// Over when it has an outcome or a redirect, and no justification is owed.
    fn is_over(&self) -> bool {
        self.is_handled() && !self.owes_justification()
    }

    /// Has an outcome or went elsewhere: what may be left is paper.
    fn is_handled(&self) -> bool {
        self.outcome.is_some() || self.redirect.is_some()
    }

    /// Nobody answered it with an act, went there or ended it: at most it was talked about, or rang out.
    fn is_untouched(&self) -> bool {
        self.response.is_none() && self.arrived_at.is_none() && !self.is_handled()
    }

    /// Another press still belongs to it: it rings, and nothing was done that the press may be about.
    pub fn takes_signals(&self) -> bool {
        self.is_untouched() && self.unanswered_at.is_none()
    }

    /// A signal at `at` still belongs to it: it takes signals, or it is a unit's, has rung out and goes on. It rings on as
    /// one that nobody answered, until somebody takes it.
    fn takes_signal_at(&self, at: DateTime<Utc>) -> bool {
        let goes_on = (at - self.last_signal_at).abs() <= Duration::seconds(SAME_PRESS_SECONDS);
        // After a talk it is another press: nobody talks about this one.
        let is_silent = self.talked_at.is_none() || self.by_voice;
        let rings_on = goes_on && is_silent && self.device.is_some();
        self.is_untouched() && (self.unanswered_at.is_none() || rings_on)
    }

    /// Nobody has done anything about it yet: left alone, it rings out.
    fn can_ring_out(&self) -> bool {
        self.is_person_alarm() && self.takes_signals() && self.talked_at.is_none()
    }

    /// Kept out of every figure: tests and technical alarms, however they turned out to be one, and a colleague's wait,
    /// which counts as the citizen's.
    pub fn is_counted(&self) -> bool {
        let told = self.outcome.is_some_and(|it| match it {
            Ended::Said(outcome) => matches!(outcome, Outcome::Test | Outcome::Technical),
            Ended::Became(Ending::PassedOn) => true,
        });
        self.is_person_alarm() && !told
    }

    /// A citizen rings, and nobody has done anything: also after it rang out, until it went elsewhere.
    pub fn waits_for_somebody(&self) -> bool {
        // The voice call of a unit is no answer: somebody must hold the alarm.
        let is_talked_about = self.talked_at.is_some() && !self.by_voice;
        self.is_person_alarm() && self.is_untouched() && !is_talked_about
    }

    /// Nobody talks about it any more, and nothing was done.
    pub(super) fn rings_anew(&mut self) {
        self.talked_at = None;
        self.talk_ended_at = None;
        self.by_voice = false;
    }

    /// Its call waits in this queue from `at` on: the queue before did not lose it, and who talked then does not now.
    fn goes_on(&mut self, queue: &ExternalId, at: DateTime<Utc>) {
        self.queue = Some(queue.clone());
        self.queue_since = Some(at);
        if self.talked_at.is_some_and(|talked| talked <= at) {
            self.talked_at = None;
            self.talk_ended_at = None;
        }
        let is_sent = self.justification.as_ref().is_some_and(|it| it.sent.is_some());
        let is_soon = |out: DateTime<Utc>| out <= at && at <= out + session::GOES_ON_WITHIN;
        if self.unanswered_at.is_some_and(is_soon) && self.redirect.is_none() && !is_sent {
            take_back_ring_out(self);
        }
    }

    /// A new ring-out time for an alarm that came back without a response.
    pub fn ring_out_anew(&self, state: &State, entry: &Entry, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let mut after = self.clone();
        if self.by_voice && self.talk_ended_at.is_some() {
            after.rings_anew();
        }
        if after.can_ring_out() { ring_out_at(state, entry.agreements(), now) } else { None }
    }
}

verbs! {
    /// What a coordinator does with an alarm (J 3.1.13).
    Command {
        "respond" [Light, Entry] => Respond {
            with: Response,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            helper: Option<Helper>,
        }
        "arrive" [Light, Entry] => Arrive {}
        "close" [Final, Entry] => Close { outcome: Outcome }
        "redirect" [Final, Entry] => Redirect { to: RedirectTo }
        "contest-redirect" [Light, Entry] => ContestRedirect { reason: ContestReason }
        "justify.begin" [Light, Entry] => JustifyBegin {}
        /// The text itself goes to the care system or a letter: here stands how, and a reference.
        "justify.sent" [Asked, Entry] => JustifySent {
            channel: Channel,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            reference: Option<Reference>,
        }
        "technical.done" [Asked, Entry] => TechnicalDone {}
        /// Which municipality the alarm is about, once somebody knows (an exchange queue may serve several).
        "assign" [Light, Entry] => Assign { agreement: AgreementId }
        /// The way back for what was recorded wrongly.
        "correct" [Light, Entry] => Correct { what: Correctable, reason: CorrectionReason }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum AlarmEvent {
    Raised {
        #[serde(flatten)]
        opening: Opening,
        alarm: ExternalId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        device: Option<ExternalId>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        trigger: Option<Code>,
        technical: bool,
        test: bool,
        /// Whose devices its source's are, where that is not the source itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        namespace: Option<SourceName>,
        /// Of one that is a call in a queue of an exchange.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        queue: Option<ExternalId>,
    },
    /// Another signal from the same device while the first still rings.
    SignalledAgain {
        alarm: ExternalId,
        /// When it rings out, for one whose clock the talk about an earlier press had stopped.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ring_out: Option<Due>,
    },
    /// The raising came after a later fact, or the same raising came again and says more.
    ArrivalKnown {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        device: Option<ExternalId>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        citizen: Option<CitizenId>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        trigger: Option<Code>,
        technical: bool,
        test: bool,
    },
    /// Answered at the exchange; `until` when the one who answered is known and now holds it.
    Answered {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<PersonName>,
        until: DateTime<Utc>,
        /// It was answered before it rang out, we only heard of it later: the ring-out is taken back.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        corrects: bool,
    },
    /// The call went on into another queue and waits there now.
    WaitsIn {
        queue: ExternalId,
        /// Those of that queue, while it is not known whose the alarm is.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        candidates: Vec<AgreementId>,
        /// When it rings out, for one whose clock had stopped.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ring_out: Option<Due>,
    },
    /// Nobody talks with the citizen any more.
    TalkEnded {
        /// When the alarm rings anew unless somebody has done something, for a unit's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ring_out: Option<Due>,
    },
    /// The unit's voice call was answered.
    VoiceAnswered {
        /// Before it rang out, we only heard of it later.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        corrects: bool,
    },
    /// Talked about and left alone: it rings again.
    RingsAnew {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ring_out: Option<Due>,
    },
    /// It was a colleague's wait for a citizen, whose call has its place in the queue now and rings there.
    PassedOn {},
    Responded {
        with: Response,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        helper: Option<Helper>,
        /// On-site time to keep, for own help.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        arrive_due: Option<Due>,
    },
    Arrived {},
    Closed {
        outcome: Outcome,
    },
    Cleared {},
    /// The device says that somebody is with the citizen.
    Presence {},
    /// Rang out. Starts the justification's clock where the agreement has one.
    Unanswered {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        justification_due: Option<Due>,
    },
    Redirected {
        to: Code,
        /// Only when no ring-out started the clock before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        justification_due: Option<Due>,
    },
    RedirectContested {
        reason: ContestReason,
    },
    JustificationBegun {},
    JustificationSent {
        channel: Channel,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reference: Option<Reference>,
        late: bool,
    },
    TechnicalDone {},
    /// `justification_due` as the assigned agreement has it, for an alarm that rang out or was redirected.
    Assigned {
        agreement: AgreementId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        justification_due: Option<Due>,
    },
    Corrected {
        what: Correctable,
        reason: CorrectionReason,
        /// The clocks that run from now on, the justification's aside.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        dues: Vec<Due>,
    },
}

impl AlarmEvent {
    pub fn is_material(&self) -> bool {
        !matches!(
            self,
            Self::Cleared {}
                | Self::Presence {}
                | Self::JustificationBegun {}
                | Self::RedirectContested { .. }
                | Self::WaitsIn { .. }
                | Self::TalkEnded { .. }
                | Self::VoiceAnswered { .. }
        )
    }
}

// ---- rules --------------------------------------------------------------------------------

fn ring_out_at(state: &State, agreements: &[AgreementId], from: DateTime<Utc>) -> Option<DateTime<Utc>> {
    state
        .rules(agreements)
        .filter_map(|rules| value_of(&rules.alarms.ring_out_seconds))
        .min()
        .map(|seconds| from + Duration::seconds(i64::from(seconds)))
}

/// When the written justification is due (J 3.1.13): calendar days on Copenhagen dates, the strict reading
/// (same clock time) unless the agreement says end of day. Several candidate agreements: the earliest.
fn justification_due(state: &State, agreements: &[AgreementId], rang_out_at: DateTime<Utc>) -> Option<Due> {
    state
        .rules(agreements)
        .filter_map(|rules| {
            Some(Due {
                what: DueKind::Justification,
                at: rules.alarms.justification_due_at(rang_out_at)?,
                clause: rules.alarms.justification_days.as_ref()?.clause().map(|it| it.as_str().to_owned()),
                agreement_version: Some(rules.version.clone()),
            })
        })
        .min_by_key(|due| due.at)
}

// ---- observations -------------------------------------------------------------------------

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
    let Body::Alarm(known) = &entry.body else { return Err(Refusal::Unchanged) };
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
        Body::Alarm(known) => signal.is_like(known) && is_same_agreement(ctx, other),
        _ => false,
    };
    let alike: Vec<&Entry> = all.filter(alike).collect();
    if alike.iter().any(|other| other.heard.contains(&told)) {
        return Err(Refusal::Unchanged);
    }
    let takes_it = |other: &&&Entry| matches!(&other.body, Body::Alarm(known) if other.is_open() && known.takes_signal_at(ctx.at));
    match alike.iter().find(takes_it) {
        Some(ringing) => signalled(state, ctx, ringing, signal),
        None => Ok(raised_beside(state, ctx, entry, signal, true)),
    }
}

/// Another press while the first still rings. Of a unit that signals many times a second one each ten is kept.
fn signalled(state: &State, ctx: &Ctx, entry: &Entry, signal: &Signal<'_>) -> Result<Vec<Draft>, Refusal> {
    let Body::Alarm(known) = &entry.body else { return Err(Refusal::Unchanged) };
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
    let entry = opened_entry(&ctx.provisional(&opening));
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
    let Body::Alarm(alarm) = &entry.body else { return None };
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
    let Body::Alarm(known) = &entry.body else { return Err(Refusal::Unchanged) };
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
            let event = AlarmEvent::ArrivalKnown {
                device: None,
                citizen: None,
                trigger: None,
                technical: false,
                test: false,
            };
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
    let entry = opened_entry(&ctx.provisional(&opening))?;
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
        let event = AlarmEvent::ArrivalKnown {
            device: None,
            citizen: None,
            trigger: None,
            technical: false,
            test: false,
        };
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
        Body::Alarm(known) => {
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
pub(super) fn is_of_device(ctx: &Ctx, entry: &Entry, known: &Alarm, device: &ExternalId) -> bool {
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
    let agreement = ctx.only_agreement();
    let scope: &[AgreementId] = agreement.as_ref().map_or(&ctx.candidates, std::slice::from_ref);
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
    let opening = Opening {
        number: state.free_number(0),
        candidates: if agreement.is_some() { Vec::new() } else { ctx.candidates.clone() },
        origin: ctx.source().map(|source| Origin { source: source.clone(), id: signal.alarm.clone() }),
        citizen: signal.citizen.clone(),
        dues,
    };
    let event = AlarmEvent::Raised {
        opening,
        alarm: signal.alarm.clone(),
        device: signal.device.clone(),
        trigger: signal.trigger.clone(),
        technical: signal.technical,
        test: signal.test,
        namespace: ctx.namespace.clone().filter(|name| Some(name) != ctx.source()),
        queue: None,
    };
    Draft { entry: ctx.fresh(0), happened_at: ctx.at, agreement, event: Event::Alarms(event) }
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
    intake::with_entry(state, ctx, alarm, Board::Alarms, opening, opened_entry, |entry| match &entry.body {
        Body::Alarm(known) => then(entry, known),
        _ => Err(Refusal::Unchanged),
    })
}

fn rang_out(state: &State, entry: &Entry, at: DateTime<Utc>) -> Draft {
    let event =
        AlarmEvent::Unanswered { justification_due: justification_due(state, entry.agreements(), at) };
    entry.draft(at, Event::Alarms(event))
}

fn redirect(
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
    let mut drafts = vec![entry.draft(ctx.at, Event::Alarms(event))];
    if let Some(agreement) = &entry.agreement {
        drafts.extend(duties::action_plan(state, ctx, entry, agreement, ctx.at));
    }
    Ok(drafts)
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

// ---- commands -----------------------------------------------------------------------------

/// Decides a coordinator's command.
pub fn decide(
    state: &State,
    ctx: &Ctx,
    entry: &Entry,
    alarm: &Alarm,
    command: &Command,
) -> Result<Vec<Draft>, Refusal> {
    let one = |event| Ok(vec![entry.draft(ctx.at, Event::Alarms(event))]);
    match command {
        Command::Assign { agreement } => assign(state, ctx, entry, alarm, agreement),
        Command::Correct { what, reason } => correct(state, ctx, entry, alarm, *what, *reason),
        _ if !entry.is_open() => Err(entry.wrong_state()),
        Command::Respond { with, helper } => respond(state, ctx, entry, alarm, *with, *helper),
        Command::Arrive {} => {
            person_alarm(alarm)?;
            in_hand(ctx, entry, alarm)?;
            if alarm.arrived_at.is_some() {
                return Err(Refusal::AlreadyDone);
            }
            one(AlarmEvent::Arrived {})
        }
        Command::Close { outcome } => {
            entry.not_held_by_other(ctx)?;
            if alarm.is_handled() {
                return Err(entry.wrong_state());
            }
            one(AlarmEvent::Closed { outcome: *outcome })
        }
        Command::Redirect { to } => {
            entry.not_held_by_other(ctx)?;
            if alarm.outcome.is_some() {
                return Err(entry.wrong_state());
            }
            match redirect(state, ctx, entry, alarm, &(*to).into()) {
                Err(Refusal::Unchanged) => Err(Refusal::AlreadyDone),
                decided => decided,
            }
        }
        Command::ContestRedirect { reason } => match &alarm.redirect {
            None => Err(entry.wrong_state()),
            Some(redirect) if redirect.contested.is_some() => Err(Refusal::AlreadyDone),
            Some(_) => one(AlarmEvent::RedirectContested { reason: *reason }),
        },
        Command::JustifyBegin {} => match &alarm.justification {
            None => Err(Refusal::JustificationNotOwed),
            Some(it) if it.sent.is_some() || it.begun_at.is_some() => Err(Refusal::AlreadyDone),
            Some(_) => one(AlarmEvent::JustificationBegun {}),
        },
        Command::JustifySent { channel, reference } => match &alarm.justification {
            None => Err(Refusal::JustificationNotOwed),
            Some(it) if it.sent.is_some() => Err(Refusal::AlreadyDone),
            Some(it) => one(AlarmEvent::JustificationSent {
                channel: *channel,
                reference: reference.clone(),
                late: ctx.at > it.due.at,
            }),
        },
        Command::TechnicalDone {} => {
            if !alarm.technical {
                return Err(Refusal::NotTechnical);
            }
            entry.not_held_by_other(ctx)?;
            one(AlarmEvent::TechnicalDone {})
        }
    }
}

fn person_alarm(alarm: &Alarm) -> Result<(), Refusal> {
    if alarm.technical { Err(Refusal::TechnicalAlarm) } else { Ok(()) }
}

/// Not held by another, not over.
fn in_hand(ctx: &Ctx, entry: &Entry, alarm: &Alarm) -> Result<(), Refusal> {
    entry.not_held_by_other(ctx)?;
    if alarm.is_handled() {
        return Err(entry.wrong_state());
    }
    Ok(())
}

/// A response from one who has not claimed it claims it too: one key at 03:00.
fn respond(
    state: &State,
    ctx: &Ctx,
    entry: &Entry,
    alarm: &Alarm,
    with: Response,
    helper: Option<Helper>,
) -> Result<Vec<Draft>, Refusal> {
    person_alarm(alarm)?;
    in_hand(ctx, entry, alarm)?;
    let named: Vec<_> =
        state.rules(entry.agreements()).filter_map(|rules| rules.alarms.responses.as_ref()).collect();
    if !named.is_empty() && !named.iter().any(|value| value.value().contains(&with)) {
        return Err(Refusal::ResponseNotInAgreement);
    }
    let mut drafts = Vec::new();
    if entry.holder.is_none() {
        drafts.extend(entry::decide(state, ctx, entry, &entry::Command::Claim {})?);
    }
    let arrive_due = arrive_due(state, entry, with, ctx.at);
    let event = AlarmEvent::Responded { with, helper, arrive_due };
    drafts.push(entry.draft(ctx.at, Event::Alarms(event)));
    Ok(drafts)
}

/// When own help sent at `at` should be on site; nothing for the other responses.
fn arrive_due(state: &State, entry: &Entry, with: Response, at: DateTime<Utc>) -> Option<Due> {
    if with != Response::OwnHelp {
        return None;
    }
    state
        .rules(entry.agreements())
        .filter_map(|rules| value_of(&rules.alarms.help_on_site_minutes))
        .min()
        .map(|minutes| Due::own(DueKind::Arrive, at + Duration::minutes(i64::from(minutes))))
}

/// The clocks that run for an alarm as it stands after a correction: on site, claim or ring-out. An alarm
/// that is back on the board is never without one that somebody would miss.
fn clocks(state: &State, ctx: &Ctx, entry: &Entry, alarm: &Alarm) -> Vec<Due> {
    if alarm.is_handled() || alarm.arrived_at.is_some() {
        return Vec::new();
    }
    if let Some(response) = &alarm.response {
        return arrive_due(state, entry, response.with, response.at).into_iter().collect();
    }
    if entry.holder.is_some() {
        return vec![Due::own(DueKind::Claim, entry::claim_until(state, entry, ctx.now))];
    }
    alarm.ring_out_anew(state, entry, ctx.now).map(|at| Due::own(DueKind::RingOut, at)).into_iter().collect()
}

/// Gives the alarm to a municipality: its rules decide about the justification, its ledger counts the redirect.
fn assign(
    state: &State,
    ctx: &Ctx,
    entry: &Entry,
    alarm: &Alarm,
    agreement: &AgreementId,
) -> Result<Vec<Draft>, Refusal> {
    entry.may_be_assigned(state, ctx, agreement)?;
    Ok(given_to(state, ctx, entry, alarm, agreement))
}

fn given_to(state: &State, ctx: &Ctx, entry: &Entry, alarm: &Alarm, agreement: &AgreementId) -> Vec<Draft> {
    let redirected_at = alarm.redirect.as_ref().map(|it| it.at);
    let justification_due = alarm
        .unanswered_at
        .into_iter()
        .chain(redirected_at)
        .min()
        .and_then(|at| justification_due(state, std::slice::from_ref(agreement), at));
    let event = AlarmEvent::Assigned { agreement: agreement.clone(), justification_due };
    let mut draft = entry.draft(ctx.at, Event::Alarms(event));
    draft.agreement = Some(agreement.clone());
    let mut drafts = vec![draft];
    if let Some(at) = redirected_at {
        drafts.extend(duties::plan_withdrawn(state, ctx, entry));
        drafts.extend(duties::action_plan(state, ctx, entry, agreement, at));
    }
    drafts
}

/// The way back for what was wrong. Both stay visible; figures count the corrected one.
fn correct(
    state: &State,
    ctx: &Ctx,
    entry: &Entry,
    alarm: &Alarm,
    what: Correctable,
    reason: CorrectionReason,
) -> Result<Vec<Draft>, Refusal> {
    let stands = match what {
        Correctable::Response => alarm.response.is_some(),
        Correctable::Arrival => alarm.arrived_at.is_some(),
        Correctable::Outcome => alarm.outcome.is_some(),
        Correctable::Redirect => alarm.redirect.is_some(),
        Correctable::Unanswered => alarm.unanswered_at.is_some() && alarm.redirect.is_none(),
        Correctable::Justification => {
            alarm.justification.as_ref().is_some_and(|it| it.sent.is_some() || it.begun_at.is_some())
        }
    };
    if !stands {
        return Err(Refusal::NothingToCorrect);
    }
    let mut after = alarm.clone();
    corrected(&mut after, what);
    let dues = clocks(state, ctx, entry, &after);
    let event = AlarmEvent::Corrected { what, reason, dues };
    let mut drafts = vec![entry.draft(ctx.at, Event::Alarms(event))];
    if what == Correctable::Redirect {
        drafts.extend(duties::plan_withdrawn(state, ctx, entry));
    }
    Ok(drafts)
}

// ---- evolve -------------------------------------------------------------------------------

fn opened_entry(record: &Record) -> Option<Entry> {
    let Event::Alarms(AlarmEvent::Raised {
        opening,
        alarm,
        device,
        trigger,
        technical,
        test,
        namespace,
        queue,
    }) = &record.event
    else {
        return None;
    };
    let body = Body::Alarm(Alarm {
        alarm: alarm.clone(),
        device: device.clone(),
        namespace: namespace.clone(),
        trigger: trigger.clone(),
        technical: *technical,
        test: *test,
        signals: 1,
        last_signal_at: record.happened_at,
        answered_at: None,
        talked_at: None,
        talk_ended_at: None,
        by_voice: false,
        queue: queue.clone(),
        queue_since: queue.as_ref().map(|_| record.happened_at),
        response: None,
        arrived_at: None,
        outcome: None,
        outcome_at: None,
        cleared_at: None,
        presence_at: None,
        unanswered_at: None,
        redirect: None,
        justification: None,
    });
    Some(Entry::open(record, opening, body))
}

/// Applies one event. Never fails: what makes no sense is left alone.
pub fn evolve(state: &mut State, record: &Record, event: &AlarmEvent) {
    if let Some(entry) = opened_entry(record) {
        state.insert(entry);
        return;
    }
    if let AlarmEvent::SignalledAgain { alarm, .. } = event {
        state.also_known_as(record, alarm);
    }
    state.change(record.entry, |entry| {
        if event.is_material() {
            entry.version += 1;
        }
        let was_handled = matches!(&entry.body, Body::Alarm(alarm) if alarm.is_handled());
        apply(entry, record, event);
        settle(entry, record.happened_at, was_handled);
    });
    state.count_alarm(record.entry);
}

fn apply(entry: &mut Entry, record: &Record, event: &AlarmEvent) {
    let at = record.happened_at;
    about_the_entry(entry, at, event);
    let Body::Alarm(alarm) = &mut entry.body else { return };
    match event {
        AlarmEvent::Raised { .. } => {}
        AlarmEvent::SignalledAgain { .. } => {
            alarm.signals += 1;
            alarm.last_signal_at = alarm.last_signal_at.max(at);
            if alarm.talked_at.is_some_and(|talked| talked < at) && alarm.by_voice {
                alarm.rings_anew();
            }
        }
        AlarmEvent::ArrivalKnown { device, trigger, technical, test, .. } => {
            alarm.device = alarm.device.take().or_else(|| device.clone());
            alarm.trigger = alarm.trigger.take().or_else(|| trigger.clone());
            alarm.technical |= *technical;
            alarm.test |= *test;
            if !alarm.is_person_alarm() {
                take_back_ring_out(alarm);
            }
        }
        // Of an earlier wait: it waits again since.
        AlarmEvent::Answered { .. } if session::is_of_before(alarm.queue_since, entry.opened_at, at) => {
            alarm.answered_at = Some(alarm.answered_at.map_or(at, |known| known.min(at)));
        }
        AlarmEvent::WaitsIn { queue, .. } => alarm.goes_on(queue, at),
        AlarmEvent::TalkEnded { .. } => alarm.talk_ended_at = Some(at),
        AlarmEvent::VoiceAnswered { corrects } => {
            alarm.talked_at = Some(at);
            alarm.talk_ended_at = None;
            alarm.by_voice = true;
            alarm.answered_at = Some(alarm.answered_at.map_or(at, |known| known.min(at)));
            if *corrects && alarm.redirect.is_none() {
                take_back_ring_out(alarm);
            }
        }
        AlarmEvent::RingsAnew { .. } => alarm.rings_anew(),
        AlarmEvent::Answered { corrects, .. } => {
            alarm.talked_at = Some(at);
            alarm.talk_ended_at = None;
            alarm.by_voice = false;
            alarm.answered_at = Some(alarm.answered_at.map_or(at, |known| known.min(at)));
            if *corrects {
                take_back_ring_out(alarm);
            }
        }
        AlarmEvent::Responded { with, helper, arrive_due } => {
            alarm.response = Some(Responded { with: *with, helper: *helper, at });
            alarm.answered_at.get_or_insert(at);
            entry.dues.retain(|due| due.what == DueKind::Justification);
            entry.dues.extend(arrive_due.clone());
        }
        AlarmEvent::Arrived {} => {
            alarm.arrived_at = Some(at);
            entry.dues.retain(|due| due.what == DueKind::Justification);
        }
        AlarmEvent::Closed { outcome } => {
            alarm.outcome = Some(Ended::Said(*outcome));
            alarm.outcome_at = Some(at);
        }
        AlarmEvent::PassedOn {} => {
            alarm.outcome = Some(Ended::Became(Ending::PassedOn));
            alarm.outcome_at = Some(at);
            take_back_ring_out(alarm);
        }
        AlarmEvent::TechnicalDone {} => {
            alarm.outcome = Some(Ended::Said(Outcome::Technical));
            alarm.outcome_at = Some(at);
        }
        AlarmEvent::Cleared {} => alarm.cleared_at = Some(at),
        AlarmEvent::Presence {} => alarm.presence_at = Some(at),
        AlarmEvent::Unanswered { justification_due } => {
            alarm.unanswered_at = Some(at);
            start_justification(alarm, at, justification_due.as_ref());
            entry.drop_due(DueKind::RingOut);
        }
        AlarmEvent::Redirected { to, justification_due } => {
            alarm.redirect = Some(Redirected { to: to.clone(), at, contested: None });
            start_justification(alarm, at, justification_due.as_ref());
        }
        AlarmEvent::RedirectContested { reason } => {
            if let Some(redirect) = &mut alarm.redirect {
                redirect.contested = Some(*reason);
            }
        }
        AlarmEvent::JustificationBegun {} => {
            if let Some(it) = &mut alarm.justification {
                it.begun_at = Some(at);
                it.begun_by = record.actor.person().cloned();
            }
        }
        AlarmEvent::JustificationSent { channel, reference, late } => {
            if let Some(it) = &mut alarm.justification {
                it.sent = Some(Sent { at, channel: *channel, reference: reference.clone(), late: *late });
            }
        }
        AlarmEvent::Assigned { justification_due, .. } => assigned(alarm, justification_due.as_ref()),
        AlarmEvent::Corrected { what, .. } => corrected(alarm, *what),
    }
}

/// The part of an event that changes the entry around the alarm: holder, dues, agreement, citizen.
fn about_the_entry(entry: &mut Entry, at: DateTime<Utc>, event: &AlarmEvent) {
    let Body::Alarm(alarm) = &entry.body else { return };
    match event {
        AlarmEvent::Answered { .. } if session::is_of_before(alarm.queue_since, entry.opened_at, at) => {}
        AlarmEvent::WaitsIn { candidates, ring_out, .. } => {
            if entry.agreement.is_none() {
                entry.candidates = session::union(&entry.candidates, candidates);
            }
            if let Some(ring_out) = ring_out {
                entry.set_due(ring_out.clone());
            }
        }
        AlarmEvent::SignalledAgain { ring_out, .. }
        | AlarmEvent::TalkEnded { ring_out }
        | AlarmEvent::RingsAnew { ring_out } => {
            if let Some(ring_out) = ring_out {
                entry.set_due(ring_out.clone());
            }
        }
        AlarmEvent::VoiceAnswered { .. } => {
            entry.drop_due(DueKind::RingOut);
            entry.drop_due(DueKind::Answer);
        }
        AlarmEvent::Answered { by, until, .. } => {
            entry.drop_due(DueKind::RingOut);
            entry.drop_due(DueKind::Answer);
            if let Some(name) = by {
                entry.holder = Some(entry::Holder { name: name.clone(), since: at, until: *until });
                entry.set_due(Due::own(DueKind::Claim, *until));
            }
        }
        AlarmEvent::ArrivalKnown { citizen, technical, test, .. } => {
            entry.citizen = entry.citizen.take().or_else(|| citizen.clone());
            entry.opened_at = entry.opened_at.min(at);
            if *technical || *test {
                entry.drop_due(DueKind::RingOut);
                entry.drop_due(DueKind::Answer);
            }
        }
        AlarmEvent::Assigned { agreement, .. } => entry.agreement = Some(agreement.clone()),
        AlarmEvent::Corrected { what, dues, .. } if *what != Correctable::Justification => {
            entry.dues.clone_from(dues);
            if let (Some(holder), Some(claim)) =
                (&mut entry.holder, dues.iter().find(|it| it.what == DueKind::Claim))
            {
                holder.until = claim.at;
            }
        }
        _ => {}
    }
}

fn take_back_ring_out(alarm: &mut Alarm) {
    alarm.unanswered_at = None;
    if alarm.redirect.is_none() && alarm.owes_justification() {
        alarm.justification = None;
    }
}

/// What was sent stays sent; what is owed is owed by the rules of the agreement it belongs to.
fn assigned(alarm: &mut Alarm, due: Option<&Due>) {
    if alarm.justification.as_ref().is_some_and(|it| it.sent.is_some()) {
        return;
    }
    let old = alarm.justification.take();
    let started_at = alarm.unanswered_at.into_iter().chain(alarm.redirect.as_ref().map(|it| it.at)).min();
    if let (Some(due), Some(started_at)) = (due, started_at) {
        alarm.justification = Some(Justification {
            started_at,
            due: due.clone(),
            begun_at: old.as_ref().and_then(|it| it.begun_at),
            begun_by: old.and_then(|it| it.begun_by),
            sent: None,
        });
    }
}

/// The clock starts at the ring-out, also when the redirect was told first.
fn start_justification(alarm: &mut Alarm, at: DateTime<Utc>, due: Option<&Due>) {
    let Some(due) = due else { return };
    match &mut alarm.justification {
        Some(it) if it.sent.is_none() && at < it.started_at => {
            it.started_at = at;
            it.due = due.clone();
            return;
        }
        Some(_) => return,
        None => {}
    }
    alarm.justification =
        Some(Justification { started_at: at, due: due.clone(), begun_at: None, begun_by: None, sent: None });
}

fn corrected(alarm: &mut Alarm, what: Correctable) {
    match what {
        Correctable::Response => {
            alarm.response = None;
            alarm.arrived_at = None;
        }
        Correctable::Arrival => alarm.arrived_at = None,
        Correctable::Outcome => {
            alarm.outcome = None;
            alarm.outcome_at = None;
        }
        Correctable::Redirect => {
            alarm.redirect = None;
            // The clock that the ring-out started goes on; one that only the redirect started goes.
            if alarm.unanswered_at.is_none() {
                alarm.justification = None;
            }
        }
        Correctable::Unanswered => {
            alarm.unanswered_at = None;
            alarm.justification = None;
        }
        Correctable::Justification => {
            if let Some(it) = &mut alarm.justification {
                it.begun_at = it.begun_at.filter(|_| it.sent.is_some());
                it.sent = None;
            }
        }
    }
}

/// Puts dues and closing in step with what is now known.
fn settle(entry: &mut Entry, at: DateTime<Utc>, was_handled: bool) {
    let Body::Alarm(alarm) = &entry.body else { return };
    let owed = alarm.justification.as_ref().filter(|it| it.sent.is_none()).map(|it| it.due.clone());
    let (over, handled) = (alarm.is_over(), alarm.is_handled());
    entry.drop_due(DueKind::Justification);
    if over {
        entry.close(at);
        return;
    }
    entry.reopen();
    if handled {
        // What is left is paper: no other clock runs, and who had the alarm need not hold the paper.
        entry.dues.retain(|due| was_handled && due.what == DueKind::Claim);
        entry.holder = entry.holder.take().filter(|_| was_handled);
    }
    entry.dues.extend(owed);
}

/// How the alarm counts in the answering figures: seconds to the first person, or not answered. One that rang
/// out was not answered, whatever was done later and whoever had claimed it and let it go.
/// None for what is kept out (tests, technical alarms) and for what still rings.
pub fn wait_seconds(entry: &Entry, alarm: &Alarm) -> Option<Option<u32>> {
    if !alarm.is_counted() {
        return None;
    }
    // Help on site or an outcome from one who never claimed it: somebody had answered by then.
    let answered_at = alarm.answered_at.or(alarm.arrived_at).or(alarm.outcome_at);
    let went_elsewhere_at = alarm.redirect.as_ref().map(|it| it.at);
    let waited =
        |answered: DateTime<Utc>| u32::try_from((answered - entry.opened_at).num_seconds().max(0)).ok();
    match (alarm.unanswered_at, answered_at) {
        (Some(_), _) => Some(None),
        (None, Some(answered)) if went_elsewhere_at.is_some_and(|at| at < answered) => Some(None),
        (None, Some(answered)) => Some(waited(answered)),
        (None, None) => went_elsewhere_at.map(|_| None),
    }
}
