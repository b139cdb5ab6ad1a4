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
use super::identity::{AgreementId, CitizenId, Code, ExternalId, PersonName, Reference};
use super::observation::Observation;
use super::refusal::Refusal;
use super::{Ctx, Draft, Event, State, duties};

/// A second signal from the same device inside this many minutes belongs to the alarm that is still ringing.
const FOLD_MINUTES: i64 = 10;

pub const OUTCOMES: [&str; 8] = [
    "helped",
    "nothing-wrong",
    "false-alarm",
    "test",
    "technical",
    "taken-to-hospital",
    "deceased",
    "not-ours",
];
pub const REDIRECT_TO: [&str; 3] = ["municipal-unit", "back-up", "other"];
pub const CHANNELS: [&str; 3] = ["care-system", "secure-mail", "letter"];
pub const CONTEST_REASONS: [&str; 4] =
    ["was-answered", "technical-fault", "not-ours", "municipality-mistake"];
pub const CORRECTABLE: [&str; 6] =
    ["response", "arrival", "outcome", "redirect", "unanswered", "justification"];
pub const CORRECTION_REASONS: [&str; 3] = ["wrong-entry", "typing-mistake", "new-information"];
pub const HELPERS: [&str; 3] = ["own-team", "colleague", "neighbour-team"];

#[derive(Debug, Clone, PartialEq)]
pub struct Responded {
    pub with: Response,
    pub helper: Option<Code>,
    pub at: DateTime<Utc>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Redirected {
    pub to: Code,
    pub at: DateTime<Utc>,
    pub contested: Option<Code>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Sent {
    pub at: DateTime<Utc>,
    pub channel: Code,
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
    pub response: Option<Responded>,
    pub arrived_at: Option<DateTime<Utc>>,
    pub outcome: Option<Code>,
    pub outcome_at: Option<DateTime<Utc>>,
    /// The device says it was cleared: only a remark, never an end.
    pub cleared_at: Option<DateTime<Utc>>,
    pub unanswered_at: Option<DateTime<Utc>>,
    pub redirect: Option<Redirected>,
    pub justification: Option<Justification>,
}

impl Alarm {
    pub fn state(&self, claimed: bool) -> &'static str {
        let justified = self.justification.as_ref().is_some_and(|it| it.sent.is_some());
        if self.redirect.is_some() {
            return if justified { "justified" } else { "redirected" };
        }
        if self.outcome.is_some() {
            return if justified { "justified" } else { "closed" };
        }
        if self.arrived_at.is_some() {
            return "arrived";
        }
        match self.response.as_ref().map(|it| it.with) {
            Some(Response::OwnHelp) => return "help-sent",
            Some(Response::Nurse) => return "nurse-called",
            Some(Response::Doctor) => return "doctor-called",
            Some(Response::Emergency112) => return "called-112",
            None => {}
        }
        match (claimed, self.unanswered_at.is_some()) {
            (true, _) => "claimed",
            (false, true) => "unanswered",
            (false, false) => "raised",
        }
    }

    /// Rings for a person: neither a test nor a technical alarm.
    pub fn is_person_alarm(&self) -> bool {
        !self.technical && !self.test
    }

    fn owes_justification(&self) -> bool {
        self.justification.as_ref().is_some_and(|it| it.sent.is_none())
    }

    /// Over when it has an outcome or a redirect, and no justification is owed.
    fn is_over(&self) -> bool {
        (self.outcome.is_some() || self.redirect.is_some()) && !self.owes_justification()
    }

    /// A new ring-out time for an alarm that came back without a response.
    pub fn ring_out_anew(&self, state: &State, entry: &Entry, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let waits = self.response.is_none() && self.unanswered_at.is_none() && self.is_person_alarm();
        if waits { ring_out_at(state, entry.agreements(), now) } else { None }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Command {
    Respond {
        with: Response,
        #[serde(default)]
        helper: Option<Code>,
    },
    Arrive {},
    Close {
        outcome: Code,
    },
    Redirect {
        to: Code,
    },
    ContestRedirect {
        reason: Code,
    },
    #[serde(rename = "justify.begin")]
    JustifyBegin {},
    #[serde(rename = "justify.sent")]
    JustifySent {
        channel: Code,
        #[serde(default)]
        reference: Option<Reference>,
    },
    #[serde(rename = "technical.done")]
    TechnicalDone {},
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
    },
    /// Another signal from the same device while the first still rings.
    SignalledAgain {
        alarm: ExternalId,
    },
    /// Answered at the exchange; `until` when the one who answered is known and now holds it.
    Answered {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<PersonName>,
        until: DateTime<Utc>,
    },
    Responded {
        with: Response,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        helper: Option<Code>,
        /// On-site time to keep, for own help.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        arrive_due: Option<Due>,
    },
    Arrived {},
    Closed {
        outcome: Code,
    },
    Cleared {},
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
        reason: Code,
    },
    JustificationBegun {},
    JustificationSent {
        channel: Code,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reference: Option<Reference>,
        late: bool,
    },
    TechnicalDone {},
    Corrected {
        what: Code,
        reason: Code,
    },
}

impl AlarmEvent {
    pub fn is_material(&self) -> bool {
        !matches!(self, Self::Cleared {} | Self::JustificationBegun {} | Self::RedirectContested { .. })
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
fn justification_due(state: &State, entry: &Entry, rang_out_at: DateTime<Utc>) -> Option<Due> {
    state
        .rules(entry.agreements())
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
        Observation::AlarmAnswered { alarm, agent } => with_alarm(state, ctx, alarm, |entry, known| {
            if known.answered_at.is_some() || known.response.is_some() {
                return Err(Refusal::Unchanged);
            }
            let by = agent
                .as_ref()
                .and_then(|agent| PersonName::new(agent.as_str()).ok())
                .filter(|name| state.has_person(name));
            let until = entry::claim_until(state, entry, ctx.now);
            Ok(vec![entry.draft(ctx.at, Event::Alarms(AlarmEvent::Answered { by, until }))])
        }),
        Observation::AlarmCleared { alarm } => with_alarm(state, ctx, alarm, |entry, known| {
            if known.cleared_at.is_some() {
                return Err(Refusal::Unchanged);
            }
            Ok(vec![entry.draft(ctx.at, Event::Alarms(AlarmEvent::Cleared {}))])
        }),
        Observation::AlarmUnanswered { alarm } => with_alarm(state, ctx, alarm, |entry, known| {
            let answered_before = known.answered_at.is_some_and(|at| at <= ctx.at);
            if known.unanswered_at.is_some() || answered_before || !known.is_person_alarm() {
                return Err(Refusal::Unchanged);
            }
            Ok(vec![rang_out(state, entry, ctx.at)])
        }),
        Observation::AlarmRedirected { alarm, to } => {
            with_alarm(state, ctx, alarm, |entry, known| redirect(state, ctx, entry, known, to))
        }
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

fn raise(state: &State, ctx: &Ctx, signal: &Signal<'_>) -> Result<Vec<Draft>, Refusal> {
    let source = ctx.source().ok_or(Refusal::Unchanged)?;
    if state.by_origin(source, signal.alarm).is_some() {
        return Err(Refusal::Unchanged);
    }
    if let Some(ringing) = still_ringing(state, ctx, signal) {
        let event = AlarmEvent::SignalledAgain { alarm: signal.alarm.clone() };
        return Ok(vec![ringing.draft(ctx.at, Event::Alarms(event))]);
    }
    Ok(vec![raised(state, ctx, signal)])
}

fn still_ringing<'s>(state: &'s State, ctx: &Ctx, signal: &Signal<'_>) -> Option<&'s Entry> {
    let device = signal.device.as_ref()?;
    state.open_entries().find(|entry| match &entry.body {
        Body::Alarm(known) => {
            known.device.as_ref() == Some(device)
                && (known.technical, known.test) == (signal.technical, signal.test)
                && known.response.is_none()
                && known.outcome.is_none()
                && known.unanswered_at.is_none()
                && known.redirect.is_none()
                && (ctx.at - known.last_signal_at).num_minutes().abs() < FOLD_MINUTES
        }
        _ => false,
    })
}

fn raised(state: &State, ctx: &Ctx, signal: &Signal<'_>) -> Draft {
    let agreement = ctx.agreement.clone().or_else(|| match ctx.candidates.as_slice() {
        [only] => Some(only.clone()),
        _ => None,
    });
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
    let source = ctx.source().ok_or(Refusal::Unchanged)?;
    if let Some(entry) = state.by_origin(source, alarm) {
        return match &entry.body {
            Body::Alarm(known) => then(entry, known),
            _ => Err(Refusal::Unchanged),
        };
    }
    let signal =
        Signal { alarm, device: &None, citizen: &None, trigger: &None, technical: false, test: false };
    let opening = raised(state, ctx, &signal);
    let record = ctx.provisional(&opening);
    let Some(entry) = opened_entry(&record) else { return Err(Refusal::Unchanged) };
    let Body::Alarm(known) = &entry.body else { return Err(Refusal::Unchanged) };
    let mut drafts = vec![opening];
    drafts.extend(then(&entry, known)?);
    Ok(drafts)
}

fn rang_out(state: &State, entry: &Entry, at: DateTime<Utc>) -> Draft {
    let event = AlarmEvent::Unanswered { justification_due: justification_due(state, entry, at) };
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
    let justification_due =
        if alarm.justification.is_some() { None } else { justification_due(state, entry, ctx.at) };
    let event = AlarmEvent::Redirected { to: to.clone(), justification_due };
    let mut drafts = vec![entry.draft(ctx.at, Event::Alarms(event))];
    drafts.extend(duties::action_plan(state, ctx, entry, 1));
    Ok(drafts)
}

/// The alarm rings out on its own clock: the timer's decision.
pub fn ring_out_due(state: &State, ctx: &Ctx, entry: &Entry, alarm: &Alarm) -> Result<Vec<Draft>, Refusal> {
    let due = entry.due(DueKind::RingOut).ok_or(Refusal::NotDue)?;
    if due.at > ctx.now || entry.holder.is_some() || alarm.response.is_some() || alarm.unanswered_at.is_some()
    {
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
    if !entry.is_open() {
        return Err(Refusal::WrongState { state: entry.state().into() });
    }
    let one = |event| Ok(vec![entry.draft(ctx.at, Event::Alarms(event))]);
    match command {
        Command::Respond { with, helper } => respond(state, ctx, entry, alarm, *with, helper.as_ref()),
        Command::Arrive {} => {
            person_alarm(alarm)?;
            in_hand(ctx, entry, alarm)?;
            if alarm.arrived_at.is_some() {
                return Err(Refusal::AlreadyDone);
            }
            one(AlarmEvent::Arrived {})
        }
        Command::Close { outcome } => {
            if !OUTCOMES.contains(&outcome.as_str()) {
                return Err(Refusal::UnknownCode { field: "outcome".into() });
            }
            entry.not_held_by_other(ctx)?;
            if alarm.outcome.is_some() || alarm.redirect.is_some() {
                return Err(Refusal::WrongState { state: entry.state().into() });
            }
            one(AlarmEvent::Closed { outcome: outcome.clone() })
        }
        Command::Redirect { to } => {
            if !REDIRECT_TO.contains(&to.as_str()) {
                return Err(Refusal::UnknownCode { field: "to".into() });
            }
            entry.not_held_by_other(ctx)?;
            if alarm.outcome.is_some() {
                return Err(Refusal::WrongState { state: entry.state().into() });
            }
            match redirect(state, ctx, entry, alarm, to) {
                Err(Refusal::Unchanged) => Err(Refusal::AlreadyDone),
                decided => decided,
            }
        }
        Command::ContestRedirect { reason } => {
            if !CONTEST_REASONS.contains(&reason.as_str()) {
                return Err(Refusal::UnknownCode { field: "reason".into() });
            }
            match &alarm.redirect {
                None => Err(Refusal::WrongState { state: entry.state().into() }),
                Some(redirect) if redirect.contested.is_some() => Err(Refusal::AlreadyDone),
                Some(_) => one(AlarmEvent::RedirectContested { reason: reason.clone() }),
            }
        }
        Command::JustifyBegin {} => match &alarm.justification {
            None => Err(Refusal::JustificationNotOwed),
            Some(it) if it.sent.is_some() || it.begun_at.is_some() => Err(Refusal::AlreadyDone),
            Some(_) => one(AlarmEvent::JustificationBegun {}),
        },
        Command::JustifySent { channel, reference } => {
            if !CHANNELS.contains(&channel.as_str()) {
                return Err(Refusal::UnknownCode { field: "channel".into() });
            }
            match &alarm.justification {
                None => Err(Refusal::JustificationNotOwed),
                Some(it) if it.sent.is_some() => Err(Refusal::AlreadyDone),
                Some(it) => one(AlarmEvent::JustificationSent {
                    channel: channel.clone(),
                    reference: reference.clone(),
                    late: ctx.at > it.due.at,
                }),
            }
        }
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
    if alarm.outcome.is_some() || alarm.redirect.is_some() {
        return Err(Refusal::WrongState { state: entry.state().into() });
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
    helper: Option<&Code>,
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
        drafts.extend(entry::decide(state, ctx, entry, &entry::Command::Claim)?);
    }
    let arrive_due = match with {
        Response::OwnHelp => state
            .rules(entry.agreements())
            .filter_map(|rules| value_of(&rules.alarms.help_on_site_minutes))
            .min()
            .map(|minutes| Due::own(DueKind::Arrive, ctx.at + Duration::minutes(i64::from(minutes)))),
        _ => None,
    };
    let event = AlarmEvent::Responded { with, helper: helper.cloned(), arrive_due };
    drafts.push(entry.draft(ctx.at, Event::Alarms(event)));
    Ok(drafts)
}

/// The way back for what was wrong. Both stay visible; figures count the corrected one.
pub fn correct(
    ctx: &Ctx,
    entry: &Entry,
    alarm: &Alarm,
    what: &Code,
    reason: &Code,
) -> Result<Vec<Draft>, Refusal> {
    if !CORRECTABLE.contains(&what.as_str()) {
        return Err(Refusal::UnknownCode { field: "what".into() });
    }
    if !CORRECTION_REASONS.contains(&reason.as_str()) {
        return Err(Refusal::UnknownCode { field: "reason".into() });
    }
    let stands = match what.as_str() {
        "response" => alarm.response.is_some(),
        "arrival" => alarm.arrived_at.is_some(),
        "outcome" => alarm.outcome.is_some(),
        "redirect" => alarm.redirect.is_some(),
        "unanswered" => alarm.unanswered_at.is_some() && alarm.redirect.is_none(),
        _ => alarm.justification.as_ref().is_some_and(|it| it.sent.is_some() || it.begun_at.is_some()),
    };
    if !stands {
        return Err(Refusal::NothingToCorrect);
    }
    let event = AlarmEvent::Corrected { what: what.clone(), reason: reason.clone() };
    Ok(vec![entry.draft(ctx.at, Event::Alarms(event))])
}

// ---- evolve -------------------------------------------------------------------------------

fn opened_entry(record: &Record) -> Option<Entry> {
    let Event::Alarms(AlarmEvent::Raised { opening, alarm, device, trigger, technical, test }) =
        &record.event
    else {
        return None;
    };
    let body = Body::Alarm(Alarm {
        alarm: alarm.clone(),
        device: device.clone(),
        trigger: trigger.clone(),
        technical: *technical,
        test: *test,
        signals: 1,
        last_signal_at: record.happened_at,
        answered_at: None,
        response: None,
        arrived_at: None,
        outcome: None,
        outcome_at: None,
        cleared_at: None,
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
    if let AlarmEvent::SignalledAgain { alarm } = event {
        state.also_known_as(record, alarm);
    }
    state.change(record.entry, |entry| {
        if event.is_material() {
            entry.version += 1;
        }
        apply(entry, record, event);
        settle(entry, record.happened_at);
    });
    state.count_alarm(record.entry);
}

fn apply(entry: &mut Entry, record: &Record, event: &AlarmEvent) {
    let at = record.happened_at;
    if let AlarmEvent::Answered { by, until } = event {
        entry.drop_due(DueKind::RingOut);
        entry.drop_due(DueKind::Answer);
        if let Some(name) = by {
            entry.holder = Some(entry::Holder { name: name.clone(), since: at, until: *until });
            entry.set_due(Due::own(DueKind::Claim, *until));
        }
    }
    let Body::Alarm(alarm) = &mut entry.body else { return };
    match event {
        AlarmEvent::Raised { .. } => {}
        AlarmEvent::SignalledAgain { .. } => {
            alarm.signals += 1;
            alarm.last_signal_at = at;
        }
        AlarmEvent::Answered { .. } => {
            alarm.answered_at.get_or_insert(at);
        }
        AlarmEvent::Responded { with, helper, arrive_due } => {
            alarm.response = Some(Responded { with: *with, helper: helper.clone(), at });
            alarm.answered_at.get_or_insert(at);
            entry.dues.retain(|due| due.what == DueKind::Justification);
            entry.dues.extend(arrive_due.clone());
        }
        AlarmEvent::Arrived {} => {
            alarm.arrived_at = Some(at);
            entry.dues.retain(|due| due.what == DueKind::Justification);
        }
        AlarmEvent::Closed { outcome } => {
            alarm.outcome = Some(outcome.clone());
            alarm.outcome_at = Some(at);
        }
        AlarmEvent::TechnicalDone {} => {
            alarm.outcome = Code::new("technical").ok();
            alarm.outcome_at = Some(at);
        }
        AlarmEvent::Cleared {} => alarm.cleared_at = Some(at),
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
                redirect.contested = Some(reason.clone());
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
                it.sent =
                    Some(Sent { at, channel: channel.clone(), reference: reference.clone(), late: *late });
            }
        }
        AlarmEvent::Corrected { what, .. } => corrected(alarm, what.as_str()),
    }
}

fn start_justification(alarm: &mut Alarm, at: DateTime<Utc>, due: Option<&Due>) {
    if let (None, Some(due)) = (&alarm.justification, due) {
        alarm.justification = Some(Justification {
            started_at: at,
            due: due.clone(),
            begun_at: None,
            begun_by: None,
            sent: None,
        });
    }
}

fn corrected(alarm: &mut Alarm, what: &str) {
    match what {
        "response" => {
            alarm.response = None;
            alarm.arrived_at = None;
        }
        "arrival" => alarm.arrived_at = None,
        "outcome" => {
            alarm.outcome = None;
            alarm.outcome_at = None;
        }
        "redirect" => {
            alarm.redirect = None;
            // The clock that the ring-out started goes on; one that only the redirect started goes.
            if alarm.unanswered_at.is_none() {
                alarm.justification = None;
            }
        }
        "unanswered" => {
            alarm.unanswered_at = None;
            alarm.justification = None;
        }
        _ => {
            if let Some(it) = &mut alarm.justification {
                it.begun_at = it.begun_at.filter(|_| it.sent.is_some());
                it.sent = None;
            }
        }
    }
}

/// Puts dues and closing in step with what is now known.
fn settle(entry: &mut Entry, at: DateTime<Utc>) {
    let Body::Alarm(alarm) = &entry.body else { return };
    let owed = alarm.justification.as_ref().filter(|it| it.sent.is_none()).map(|it| it.due.clone());
    let (over, handled) = (alarm.is_over(), alarm.outcome.is_some() || alarm.redirect.is_some());
    entry.drop_due(DueKind::Justification);
    if over {
        entry.close(at);
        return;
    }
    entry.reopen();
    if handled {
        // What is left is paper: nobody need hold it, no other clock runs.
        entry.dues.clear();
        entry.holder = None;
    }
    entry.dues.extend(owed);
}

/// How the alarm counts in the answering figures: seconds to the first person, or not answered.
/// None for what is kept out (tests, technical alarms) and for what still rings.
pub fn wait_seconds(entry: &Entry, alarm: &Alarm) -> Option<Option<u32>> {
    let is_test_outcome =
        alarm.outcome.as_ref().is_some_and(|outcome| matches!(outcome.as_str(), "test" | "technical"));
    if !alarm.is_person_alarm() || is_test_outcome {
        return None;
    }
    match (alarm.unanswered_at, alarm.answered_at) {
        (Some(rang_out), Some(answered)) if answered > rang_out => Some(None),
        (_, Some(answered)) => Some(u32::try_from((answered - entry.opened_at).num_seconds().max(0)).ok()),
        (Some(_), None) => Some(None),
        (None, None) => alarm.redirect.as_ref().map(|_| None),
    }
}
