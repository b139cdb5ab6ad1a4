//! The domain: pure. Boards as state machines over one log.
//!
//! `decide` turns a request into events or a refusal; `evolve` applies a record to the state. Time, actor, new ids
//! and looked-up facts arrive in `Ctx`. Must never do I/O, read a clock, draw a random number or know HTTP, SQL or
//! a terminal.

pub mod adoption;
mod against;
pub mod agreement;
mod agreement_file;
pub mod boards;
pub mod calendar;
pub mod closed;
pub mod consequences;
pub mod devices;
pub mod entry;
pub mod envelope;
pub mod escalation;
pub mod figures;
pub mod identity;
pub mod index;
pub mod intake;
pub mod kinds;
mod links;
pub mod masking;
mod numbers;
pub mod observation;
pub mod people;
pub mod realm;
pub mod refusal;
pub mod server;
pub mod session;
pub mod shift;
pub mod standing;
mod state;
pub mod toml_reader;
pub mod verbs;
pub mod visit_rules;
pub mod vocabulary;
pub mod voice;

use chrono::{DateTime, Utc};
use uuid::Uuid;

pub use boards::alarms::Channel;
pub use boards::discharges::stay;
pub use boards::duties::notices;
pub use boards::each::*;
pub use boards::{Command, Event};
pub use envelope::{Actor, Draft, Record};
pub use refusal::Refusal;
pub use standing::{StandingDue, standing_dues};
pub use state::{Adopted, State};

use entry::{Body, DueKind, Entry};
use identity::{AgreementId, Board, EntryId, Key, Sequence, SourceName};
use observation::{Observation, Rank};

/// The entry of records that belong to none: people, agreements, shift.
pub const NO_ENTRY: EntryId = EntryId(Uuid::nil());

impl Command {
    /// What follows when the text of a justification has been written through to where it goes.
    pub fn justification_sent(channel: Channel, reference: Option<identity::Reference>) -> Self {
        Self::Alarms(alarms::Command::JustifySent { channel, reference })
    }

    /// Its text may have gone to the care system before it was ordered.
    pub fn is_written_through(&self) -> bool {
        matches!(
            self,
            Self::OfServer(entry::OfServer::NoteWritten { .. })
                | Self::Alarms(alarms::Command::JustifySent { .. })
        )
    }
}

/// What `decide` is asked.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    Command {
        entry: Option<EntryId>,
        expected_version: Option<u32>,
        command: Command,
    },
    Observation(Observation),
    /// The supervision of a source speaks.
    Report(sources::Report),
    /// A timer: the duty of this entry that was due at that time.
    Due {
        entry: EntryId,
        what: DueKind,
        at: DateTime<Utc>,
    },
    /// A timer of no entry; see [`standing_dues`].
    Standing(StandingDue),
}

/// What `decide` may know besides the state. `happened_at` etc. are UTC.
#[derive(Debug, Clone)]
pub struct Ctx {
    /// When this is decided.
    pub now: DateTime<Utc>,
    /// When it happened; never after `now`.
    pub at: DateTime<Utc>,
    pub actor: Actor,
    /// A UUIDv7 of its own for this request; new entries take their ids from it.
    pub base: Uuid,
    /// How good an observed fact is.
    pub rank: Rank,
    /// The agreement an observation belongs to, if told.
    pub agreement: Option<AgreementId>,
    /// Agreements it may belong to (the queue's, or the token's).
    pub candidates: Vec<AgreementId>,
    /// Missed calls of the same caller, looked up in memory: numbers are never in the state.
    pub same_caller: Vec<EntryId>,
    /// Entries with the number of the call or alarm that is being told of, looked up likewise.
    pub same_number: Vec<EntryId>,
    /// Stays of the citizen whom a hospital's message is about, looked up likewise.
    pub same_person: Vec<EntryId>,
    /// The time of an observed fact is its sender's own: told again it has the same.
    pub is_timed: bool,
    /// The id alone says which thing is meant: an exchange's call.
    pub is_session: bool,
    /// Whose devices its source's are; none: the source's own.
    pub namespace: Option<SourceName>,
    /// How the device of this fact was called before its number was masked.
    pub device_before: Option<identity::ExternalId>,
    /// The source tells when visits start, so that silence means late. False for one that hands in a plan only; a
    /// visit may say otherwise of itself.
    pub visit_starts: bool,
}

impl Ctx {
    /// A context with nothing looked up.
    pub fn new(now: DateTime<Utc>, actor: Actor, base: Uuid) -> Self {
        Self {
            now,
            at: now,
            actor,
            base,
            rank: Rank::Event,
            agreement: None,
            candidates: Vec::new(),
            same_caller: Vec::new(),
            same_number: Vec::new(),
            same_person: Vec::new(),
            is_timed: true,
            is_session: false,
            namespace: None,
            device_before: None,
            visit_starts: true,
        }
    }

    /// The agreements that what is decided belongs to: the one that was told, else those it may be.
    pub fn scope(&self) -> &[AgreementId] {
        match &self.agreement {
            Some(agreement) => std::slice::from_ref(agreement),
            None => &self.candidates,
        }
    }

    /// Whose the fact is: the agreement it was told for, else the only one it may be.
    pub fn only_agreement(&self) -> Option<AgreementId> {
        match self.scope() {
            [only] => Some(only.clone()),
            _ => None,
        }
    }

    /// Whether a device that is told of is this known one, also under the id it had before its number was masked.
    pub fn is_same_device(&self, told: &identity::ExternalId, known: &identity::ExternalId) -> bool {
        told == known || self.device_before.as_ref() == Some(known)
    }

    /// The nth new entry id of this request.
    pub fn fresh(&self, nth: u32) -> EntryId {
        EntryId(Uuid::from_u128(self.base.as_u128().wrapping_add(u128::from(nth))))
    }

    /// The first of them that no entry has yet.
    pub(in crate::domain) fn unused(&self, state: &State) -> EntryId {
        let mut ids = (0..).map(|nth| self.fresh(nth));
        ids.find(|id| state.entry(*id).is_none()).unwrap_or(EntryId(self.base))
    }

    pub fn source(&self) -> Option<&SourceName> {
        match &self.actor {
            Actor::Source(name) => Some(name),
            _ => None,
        }
    }

    /// Whether the person asking may use this agreement. Sources and the server may use all.
    pub fn may_use(&self, state: &State, agreement: &AgreementId) -> bool {
        match self.actor.person() {
            None => true,
            Some(name) => state.people.get(name).is_some_and(|person| person.agreements.contains(agreement)),
        }
    }

    /// Whether the person asking may see this entry: scope by agreement.
    pub fn may_see(&self, state: &State, entry: &Entry) -> bool {
        entry.agreements().is_empty() || entry.agreements().iter().any(|id| self.may_use(state, id))
    }

    /// A draft as the record it may become; used to decide a second step on top of the first.
    fn provisional(&self, draft: &Draft) -> Record {
        Record {
            sequence: Sequence(0),
            entry: draft.entry,
            happened_at: draft.happened_at,
            recorded_at: self.now,
            actor: self.actor.clone(),
            agreement: draft.agreement.clone(),
            event: draft.event.clone(),
            cause: Key::new("provisional").expect("a constant key"),
            index: 0,
        }
    }
}

/// Decides. A refusal changes nothing; `Unchanged` and `NotDue` are the refusals nobody sees.
pub fn decide(state: &State, ctx: &Ctx, request: &Request) -> Result<Vec<Draft>, Refusal> {
    let drafts = decide_alone(state, ctx, request)?;
    Ok(consequences::with_consequences(state, ctx, drafts))
}

/// The state as it will be after these drafts; nothing of this copy is kept.
fn after<'d>(state: &State, ctx: &Ctx, drafts: impl IntoIterator<Item = &'d Draft>) -> State {
    let mut after = state.clone();
    drafts.into_iter().for_each(|draft| evolve(&mut after, &ctx.provisional(draft)));
    after
}

fn decide_alone(state: &State, ctx: &Ctx, request: &Request) -> Result<Vec<Draft>, Refusal> {
    match request {
        Request::Command { entry, expected_version, command } => {
            people::authorize(state, &ctx.actor, command)?;
            if ctx.at > ctx.now {
                return Err(Refusal::InFuture);
            }
            decide_command(state, ctx, *entry, *expected_version, command)
        }
        Request::Observation(observation) => match observe(state, ctx, observation) {
            Err(Refusal::Unchanged) => {
                let drafts = intake::remark(state, ctx, observation);
                if drafts.is_empty() { Err(Refusal::Unchanged) } else { Ok(drafts) }
            }
            decided => decided,
        },
        Request::Report(report) => sources::report(state, ctx, report),
        Request::Due { entry, what, at } => decide_due(state, ctx, *entry, *what, *at),
        Request::Standing(due) => standing::decide(state, ctx, due),
    }
}

/// Tries a command on an entry without asking who may: its refusal, or none. Changes nothing.
pub fn trial(state: &State, ctx: &Ctx, entry: &Entry, command: &Command) -> Option<Refusal> {
    on_board(state, ctx, entry, command).err()
}

fn decide_command(
    state: &State,
    ctx: &Ctx,
    id: Option<EntryId>,
    expected_version: Option<u32>,
    command: &Command,
) -> Result<Vec<Draft>, Refusal> {
    match command {
        Command::Shift(command) => return shift::decide(state, ctx, command),
        Command::People(command) => return people::decide(state, ctx, command),
        Command::Adopt(agreement) => return adoption::decide(state, ctx, agreement),
        Command::IdKey(check) => return server::id_key(state, ctx, check),
        _ => {}
    }
    let Some(id) = id else { return boards::decide(state, ctx, None, command) };
    let entry = state.entry(id).filter(|it| ctx.may_see(state, it)).ok_or(Refusal::UnknownEntry)?;
    if ctx.at < entry.opened_at {
        return Err(Refusal::BeforeOpened { opened_at: entry.opened_at });
    }
    // That the municipality was told is a fact, whatever became of the notice meanwhile.
    let is_told = matches!((command, &entry.body), (Command::Duties(duties::Command::Done { .. }), Body::Duties(duty)) if duty.duty.is_notice());
    if let Some(expected) = expected_version.filter(|expected| *expected != entry.version && !is_told) {
        return Err(Refusal::Stale { expected, actual: entry.version });
    }
    on_board(state, ctx, entry, command)
}

fn on_board(state: &State, ctx: &Ctx, entry: &Entry, command: &Command) -> Result<Vec<Draft>, Refusal> {
    match command {
        // About an entry of another board: what is told of it becomes a duty of its own.
        Command::Duties(duties::Command::Notify { what, .. }) => notices::by_hand(state, ctx, entry, *what),
        _ => boards::decide(state, ctx, Some(entry), command),
    }
}

fn observe(state: &State, ctx: &Ctx, observation: &Observation) -> Result<Vec<Draft>, Refusal> {
    use Observation as O;
    match observation {
        O::CallWaiting { .. }
        | O::CallAnswered { .. }
        | O::CallMissed { .. }
        | O::CallEnded { .. }
        | O::CallPassedOn { .. }
        | O::AlarmWaiting { .. } => session::observe(state, ctx, observation),
        O::AlarmRaised { .. }
        | O::AlarmAnswered { .. }
        | O::AlarmCleared { .. }
        | O::AlarmUnanswered { .. }
        | O::AlarmRedirected { .. }
        | O::HelpArrived { .. } => alarms::observe(state, ctx, observation),
        O::StayAdmitted { .. }
        | O::StayLeaveStarted { .. }
        | O::StayLeaveEnded { .. }
        | O::StayDischargeExpected { .. }
        | O::StayDischarged { .. }
        | O::StayDied { .. }
        | O::StayCorrected { .. }
        | O::StayCancelled { .. } => discharges::observe(state, ctx, observation),
        O::CitizenMoved { citizen } => consequences::moved_away(state, ctx, citizen),
        O::VisitPlanned { .. }
        | O::VisitExpected { .. }
        | O::VisitStarted { .. }
        | O::VisitDone { .. }
        | O::VisitCancelled { .. }
        | O::DoorUnanswered { .. } => visits::observe(state, ctx, observation),
        O::HelpGranted { citizen, help, notified_at, order_on } => {
            let granted =
                duties::Granted { citizen, help: *help, notified_at: *notified_at, order_on: *order_on };
            consequences::help_granted(state, ctx, &granted)
        }
        O::CitizenMatched { of, citizen } => citizen_matched(state, ctx, of, citizen),
        O::DeviceHeard { device } => devices::heard(state, ctx, device),
        O::DeviceSilent { device } => devices::silent(state, ctx, device),
        O::DeviceWell { device, ends } => devices::well(state, ctx, device, *ends),
        O::DevicePresence { device } => devices::presence(state, ctx, device),
    }
}

/// Joins an entry to a citizen once somebody knows who it is.
fn citizen_matched(
    state: &State,
    ctx: &Ctx,
    of: &observation::Matched,
    citizen: &identity::CitizenId,
) -> Result<Vec<Draft>, Refusal> {
    use observation::Matched;
    let (Matched::Stay(id) | Matched::Alarm(id) | Matched::Call(id)) = of;
    let board = match of {
        Matched::Stay(_) => Board::Discharges,
        Matched::Alarm(_) => Board::Alarms,
        Matched::Call(_) => Board::Phone,
    };
    let entry = match intake::what(state, ctx, id, intake::Claims::of(board)) {
        intake::StandsFor::Known(entry) => entry,
        intake::StandsFor::Either(_) => return intake::ambiguous(state, ctx),
        intake::StandsFor::New { .. } => return Err(Refusal::UnknownEntry),
    };
    match &entry.citizen {
        Some(known) if known == citizen => return Err(Refusal::Unchanged),
        Some(_) => return intake::other_citizen(state, ctx),
        None => {}
    }
    let event = entry::EntryEvent::CitizenMatched { citizen: citizen.clone() };
    let mut drafts = vec![entry.draft(ctx.at, Event::Entry(event))];
    drafts.extend(discharges::joined_by_citizen(state, ctx, entry, citizen));
    Ok(drafts)
}

fn decide_due(
    state: &State,
    ctx: &Ctx,
    id: EntryId,
    what: DueKind,
    at: DateTime<Utc>,
) -> Result<Vec<Draft>, Refusal> {
    let entry = state.entry(id).filter(|entry| entry.is_open()).ok_or(Refusal::NotDue)?;
    if entry.due(what).is_none_or(|due| due.at != at) {
        return Err(Refusal::NotDue);
    }
    match what {
        DueKind::Claim => entry::claim_due(state, ctx, entry),
        _ => entry.body.due(state, ctx, entry, what),
    }
}

/// Applies one record. Pure, total and deterministic: replaying the log gives the same state.
pub fn evolve(state: &mut State, record: &Record) {
    step(state, record);
    state.forget_old(record.recorded_at);
}

/// Applies one record and lets go of nothing.
fn step(state: &mut State, record: &Record) {
    let before = concerned(state, record);
    boards::evolve(state, record);
    note_heard(state, record);
    state.head = record.sequence;
    for concerned in [before, concerned(state, record)].into_iter().flatten() {
        state.touch(record.sequence, &concerned);
    }
}

/// Remembers which facts of sources an entry is made of, so that an equal one is known as a repeat.
fn note_heard(state: &mut State, record: &Record) {
    let is_told = matches!(record.actor, Actor::Source(_));
    if let Some(what) = intake::heard_as(&record.event).filter(|_| is_told) {
        state.remember_heard(record.entry, (what, record.happened_at));
    }
}

/// The agreements a record concerns: empty means everybody, none means nobody (people are no board's business, and
/// an entry that is not there yet concerns nobody yet).
pub fn concerned(state: &State, record: &Record) -> Option<Vec<AgreementId>> {
    match &record.event {
        Event::People(_) | Event::Devices(_) | Event::Server(_) => None,
        // Who is on duty concerns those who may see their entries.
        Event::Shift(_) => {
            let person = record.actor.person().and_then(|name| state.people.get(name));
            person.map(|it| it.agreements.clone()).filter(|agreements| !agreements.is_empty())
        }
        Event::Agreements(_) => Some(record.agreement.iter().cloned().collect()),
        _ => state.entry(record.entry).map(|entry| entry.agreements().to_vec()),
    }
}
