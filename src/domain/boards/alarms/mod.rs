//! Emergency calls (J 3.1.13): raised, claimed, responded to, arrived, closed; or unanswered
//! and redirected to the municipal unit, and then owed a written justification.
//!
//! Owns the four responses, the ring-out, the justification's clock and what a redirect costs.
//! Must never know who the citizen is beyond an opaque id.

mod clocks;
mod decide;
mod evolve;
mod observe;

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::domain::boards::{Column, Decided};
use crate::domain::entry::{Due, DueKind, Entry, Opening};
use crate::domain::envelope::Record;
use crate::domain::identity::{
    AgreementId, CitizenId, Code, EntryId, ExternalId, PersonName, Reference, SourceName,
};
use crate::domain::refusal::Refusal;
use crate::domain::verbs::verbs;
use crate::domain::vocabulary::{CorrectionReason, Ended, vocabulary};
use crate::domain::{Ctx, State, session};
use evolve::take_back_ring_out;

pub use crate::domain::agreement::Response;
pub use decide::decide;
pub use evolve::wait_seconds;
pub(in crate::domain) use observe::is_of_device;
pub use observe::{observe, passed_on, ring_out_due, rings, rings_anew, talk_ended, waits};

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
    pub documented_at: Option<DateTime<Utc>>,
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

    /// Somebody spoke with the citizen, and it is not written down.
    pub fn lacks_note(&self) -> bool {
        self.talked_at.is_some() && self.documented_at.is_none() && !self.is_of_nobody()
    }

    /// A test or a technical signal: of no citizen.
    pub fn is_of_nobody(&self) -> bool {
        let is_said = |it: HowEnded| matches!(it, Ended::Said(Outcome::Test | Outcome::Technical));
        self.test || self.technical || self.outcome.is_some_and(is_said)
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
    pub(in crate::domain) fn rings_anew(&mut self) {
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
        if after.can_ring_out() { clocks::ring_out_at(state, entry.agreements(), now) } else { None }
    }
}

verbs! {
    /// What a coordinator does with an alarm (J 3.1.13).
    Command {
        "respond" [Light, Entry] => Respond {
            with: Response,
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
            reference: Option<Reference>,
        }
        "technical.done" [Asked, Entry] => TechnicalDone {}
        /// The talk is written down in the care system (N 3.9.1).
        "documented" [Light, Entry] => Documented {}
        /// Which municipality the alarm is about, once somebody knows (an exchange queue may serve several).
        "assign" [Light, Entry] => Assign { agreement: AgreementId }
        /// The way back for what was recorded wrongly.
        "correct" [Light, Entry] => Correct { what: Correctable, reason: CorrectionReason }
    }
}

#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, strum::VariantNames)]
#[serde(tag = "type", rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum AlarmEvent {
    Raised {
        #[serde(flatten)]
        opening: Opening,
        alarm: ExternalId,
        device: Option<ExternalId>,
        trigger: Option<Code>,
        technical: bool,
        test: bool,
        /// Whose devices its source's are, where that is not the source itself.
        namespace: Option<SourceName>,
        /// Of one that is a call in a queue of an exchange.
        queue: Option<ExternalId>,
    },
    /// Another signal from the same device while the first still rings.
    SignalledAgain {
        alarm: ExternalId,
        /// When it rings out, for one whose clock the talk about an earlier press had stopped.
        ring_out: Option<Due>,
    },
    /// The raising came after a later fact, or the same raising came again and says more.
    ArrivalKnown {
        device: Option<ExternalId>,
        citizen: Option<CitizenId>,
        trigger: Option<Code>,
        technical: bool,
        test: bool,
    },
    /// Answered at the exchange; `until` when the one who answered is known and now holds it.
    Answered {
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
        ring_out: Option<Due>,
    },
    /// Nobody talks with the citizen any more.
    TalkEnded {
        /// When the alarm rings anew unless somebody has done something, for a unit's.
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
        ring_out: Option<Due>,
    },
    /// It was a colleague's wait for a citizen, whose call has its place in the queue now and rings there.
    PassedOn {},
    Responded {
        with: Response,
        helper: Option<Helper>,
        /// On-site time to keep, for own help.
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
        justification_due: Option<Due>,
    },
    Redirected {
        to: Code,
        /// Only when no ring-out started the clock before.
        justification_due: Option<Due>,
    },
    RedirectContested {
        reason: ContestReason,
    },
    JustificationBegun {},
    JustificationSent {
        channel: Channel,
        reference: Option<Reference>,
        late: bool,
    },
    TechnicalDone {},
    Documented {},
    /// `justification_due` as the assigned agreement has it, for an alarm that rang out or was redirected.
    Assigned {
        agreement: AgreementId,
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
    /// It began earlier than was known, and nothing more was told of it.
    fn arrival_alone() -> Self {
        Self::ArrivalKnown { device: None, citizen: None, trigger: None, technical: false, test: false }
    }

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
                | Self::Documented {}
        )
    }
}

impl Column for Alarm {
    type Command = Command;
    type Event = AlarmEvent;

    const IS_JOINED: bool = true;

    fn state(&self, is_held: bool) -> &'static str {
        self.state(is_held).name()
    }

    fn outcome(&self) -> Option<&'static str> {
        self.outcome.map(Ended::name)
    }

    fn opened<'e>(record: &Record, event: &'e AlarmEvent) -> Option<(&'e Opening, Self)> {
        let AlarmEvent::Raised { opening, alarm, device, trigger, technical, test, namespace, queue } = event
        else {
            return None;
        };
        let alarm = Self {
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
            documented_at: None,
            cleared_at: None,
            presence_at: None,
            unanswered_at: None,
            redirect: None,
            justification: None,
        };
        Some((opening, alarm))
    }

    fn is_material(event: &AlarmEvent) -> bool {
        event.is_material()
    }

    fn may_assign(event: &AlarmEvent) -> bool {
        matches!(event, AlarmEvent::Assigned { .. } | AlarmEvent::Corrected { .. })
    }

    fn also_known(event: &AlarmEvent) -> Option<(&ExternalId, Option<&SourceName>)> {
        if let AlarmEvent::SignalledAgain { alarm, .. } = event { Some((alarm, None)) } else { None }
    }

    fn apply(entry: &mut Entry, record: &Record, event: &AlarmEvent) {
        evolve::apply(entry, record, event);
    }

    fn settle(entry: &mut Entry, at: DateTime<Utc>) {
        evolve::settle(entry, at);
    }

    fn keep_count(state: &mut State, id: EntryId) {
        state.count_alarm(id);
    }

    fn decide(&self, state: &State, ctx: &Ctx, entry: &Entry, command: &Command) -> Decided {
        decide::decide(state, ctx, entry, self, command)
    }

    fn due(&self, state: &State, ctx: &Ctx, entry: &Entry, what: DueKind) -> Decided {
        match what {
            DueKind::RingOut => observe::ring_out_due(state, ctx, entry, self),
            _ => Err(Refusal::NotDue),
        }
    }
}
