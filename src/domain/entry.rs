//! What every entry has, whatever its board: number, holder, dues, links; and the commands
//! that every board knows (claim, release, take over, link, note).
//!
//! Must never know what a call or an alarm is beyond `Body`.

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::agreement::{Matter, value_of};
pub use super::boards::Body;
use super::envelope::Record;
use super::escalation::{self, Ended, Escalation};
use super::identity::{AgreementId, Board, CitizenId, EntryId, ExternalId, PersonName, SourceName};
use super::observation::FactKind;
use super::refusal::Refusal;
use super::verbs::verbs;
use super::vocabulary::vocabulary;
use super::{Ctx, Draft, Event, State, duties};

/// Used when an agreement says nothing about how long a claim holds (minutes).
const CLAIM_MINUTES_DEFAULT: u32 = 60;

/// Spoken numbers run from 1 to this and round again; a visit as planned, which nobody speaks of, has a longer one.
pub const SPOKEN_MAX: u32 = 999;

/// Who has it, since when, and when the claim runs out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    pub name: PersonName,
    pub since: DateTime<Utc>,
    pub until: DateTime<Utc>,
}

vocabulary! {
    /// What falls due.
    DueKind {
        /// A waiting call or raised alarm should be answered (own rule).
        Answer,
        /// An unclaimed alarm rings out.
        RingOut,
        /// A claim runs out.
        Claim,
        /// Help should be on site (own rule).
        Arrive,
        /// The written justification (J 3.1.13).
        Justification,
        /// A missed call should be called back (own rule).
        CallBack,
        /// What the citizen was promised on the phone.
        Promise,
        /// A missed call has been kept as long as it is kept.
        Kept,
        /// A duty entry's own date.
        Duty,
        /// Help should be resumed after a discharge.
        Resume,
        /// The citizen is expected home.
        Expected,
        /// Not a word of somebody in hospital for long: the hospital is asked whether they still are.
        StillThere,
        /// A visit that nobody has begun is late from then on.
        Late,
        /// The citizen should be told that a visit is early or late (N 3.5.5).
        Contact,
        /// A visit should be over and receipted (J 3.1.3, N 3.9.1).
        Receipt,
    }
}

impl DueKind {
    /// What the cause of its timer is made of: stored for ever, so that it fires once whatever version asks.
    pub fn cause(self) -> &'static str {
        match self {
            Self::Answer => "Answer",
            Self::RingOut => "RingOut",
            Self::Claim => "Claim",
            Self::Arrive => "Arrive",
            Self::Justification => "Justification",
            Self::CallBack => "CallBack",
            Self::Promise => "Promise",
            Self::Kept => "Kept",
            Self::Duty => "Duty",
            Self::Resume => "Resume",
            Self::Expected => "Expected",
            Self::StillThere => "StillThere",
            Self::Late => "Late",
            Self::Contact => "Contact",
            Self::Receipt => "Receipt",
        }
    }

    /// True when something must be recorded at that time even if nobody does anything.
    pub fn has_timer(self) -> bool {
        matches!(self, Self::RingOut | Self::Claim | Self::Kept | Self::Duty | Self::Late | Self::Receipt)
    }

    /// So long from when it began, whatever a clock on the wall is set to; the others are what a calendar says.
    pub fn is_duration(self) -> bool {
        matches!(
            self,
            Self::Answer | Self::RingOut | Self::Claim | Self::Arrive | Self::CallBack | Self::Contact
        )
    }
}

/// A due time with where it comes from, fixed when the duty began (editing an agreement never rewrites the past).
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Due {
    pub what: DueKind,
    pub at: DateTime<Utc>,
    /// The contract's clause; none for an own rule.
    pub clause: Option<String>,
    pub agreement_version: Option<String>,
}

impl Due {
    pub fn own(what: DueKind, at: DateTime<Utc>) -> Self {
        Self { what, at, clause: None, agreement_version: None }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    pub to: EntryId,
    pub why: LinkWhy,
}

/// Where the entry came from: the outside's own id, unique per source.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Origin {
    pub source: SourceName,
    pub id: ExternalId,
}

/// What an event that opens an entry says about it.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opening {
    /// Short and spoken; unique among the open entries.
    pub number: u32,
    /// Agreements it may belong to while `agreement` is unknown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<AgreementId>,
    pub origin: Option<Origin>,
    pub citizen: Option<CitizenId>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dues: Vec<Due>,
}

/// One thing on a board.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub id: EntryId,
    pub number: u32,
    pub agreement: Option<AgreementId>,
    pub candidates: Vec<AgreementId>,
    /// Counts material changes only: a new signal, holder or state.
    pub version: u32,
    pub opened_at: DateTime<Utc>,
    pub recorded_at: DateTime<Utc>,
    pub closed_at: Option<DateTime<Utc>>,
    pub holder: Option<Holder>,
    pub dues: Vec<Due>,
    pub citizen: Option<CitizenId>,
    pub links: Vec<Link>,
    /// How many notes were written through to the care system.
    pub notes: u32,
    pub origin: Option<Origin>,
    /// The agreement, or the candidates, that its source told it under; a person may have assigned it since.
    pub opened_under: Vec<AgreementId>,
    /// The facts of sources that it is made of: kind and time (UTC), the first of them.
    pub heard: Vec<(FactKind, DateTime<Utc>)>,
    /// What else the outside calls it: signals folded into it.
    pub also: Vec<Origin>,
    /// A second person was called about it, or is being called.
    pub escalation: Option<Escalation>,
    /// What the municipality was told of it at once (J 3.2) and not told since that it was not so.
    pub told: Vec<MunicipalityTold>,
    pub body: Body,
}

/// One thing that the municipality was told.
#[derive(Debug, Clone, PartialEq)]
pub struct MunicipalityTold {
    pub what: Matter,
    pub to: Option<duties::ToldTo>,
    pub at: DateTime<Utc>,
}

impl Entry {
    /// A new entry as its opening record says.
    pub fn open(record: &Record, opening: &Opening, body: Body) -> Self {
        Self {
            id: record.entry,
            number: opening.number,
            agreement: record.agreement.clone(),
            candidates: opening.candidates.clone(),
            version: 1,
            opened_at: record.happened_at,
            recorded_at: record.recorded_at,
            closed_at: None,
            holder: None,
            dues: opening.dues.clone(),
            citizen: opening.citizen.clone(),
            links: Vec::new(),
            notes: 0,
            origin: opening.origin.clone(),
            opened_under: match &record.agreement {
                Some(agreement) => vec![agreement.clone()],
                None => opening.candidates.clone(),
            },
            heard: Vec::new(),
            also: Vec::new(),
            escalation: None,
            told: Vec::new(),
            body,
        }
    }

    pub fn board(&self) -> Board {
        self.body.board()
    }

    /// The state's name as in the outside contract.
    pub fn state(&self) -> &'static str {
        self.body.state(self.holder.is_some())
    }

    /// How it ended, as a code: its outcome, or its state where it has none.
    pub fn outcome(&self) -> &'static str {
        self.body.outcome().unwrap_or_else(|| self.state())
    }

    /// That what was asked makes no sense as it is.
    pub fn wrong_state(&self) -> Refusal {
        Refusal::WrongState { state: self.state().into() }
    }

    /// The device that an alarm came from.
    pub fn device(&self) -> Option<&ExternalId> {
        match &self.body {
            Body::Alarms(alarm) => alarm.device.as_ref(),
            _ => None,
        }
    }

    pub fn is_open(&self) -> bool {
        self.closed_at.is_none()
    }

    /// More than a visit as planned: somebody may ring about it.
    pub fn is_spoken_of(&self) -> bool {
        self.number <= SPOKEN_MAX
    }

    /// The agreed time of a visit at rest: it stands as planned, nobody has it or has said anything of it, and nothing
    /// hangs on it. None for everything else.
    pub fn rests_until(&self) -> Option<DateTime<Utc>> {
        let Body::Visits(visit) = &self.body else { return None };
        let is_left_alone = self.is_open()
            && !self.is_spoken_of()
            && self.holder.is_none()
            && self.links.is_empty()
            && self.notes == 0;
        visit.agreed_at().filter(|_| is_left_alone && visit.is_as_planned())
    }

    pub fn due(&self, what: DueKind) -> Option<&Due> {
        self.dues.iter().find(|due| due.what == what)
    }

    pub(super) fn drop_due(&mut self, what: DueKind) {
        self.dues.retain(|due| due.what != what);
    }

    pub(super) fn set_due(&mut self, due: Due) {
        self.drop_due(due.what);
        self.dues.push(due);
    }

    pub(super) fn close(&mut self, at: DateTime<Utc>) {
        // A late remark on what is over does not move its end.
        self.closed_at.get_or_insert(at);
        self.holder = None;
        self.dues.clear();
    }

    pub(super) fn reopen(&mut self) {
        self.closed_at = None;
    }

    /// Agreements whose rules may apply: its own, or the candidates while that is unknown.
    pub fn agreements(&self) -> &[AgreementId] {
        match &self.agreement {
            Some(agreement) => std::slice::from_ref(agreement),
            None => &self.candidates,
        }
    }

    /// Whether it belongs, or may belong, to one of these agreements. One with no agreement at all (a source's
    /// trouble, say) belongs to everybody.
    pub fn is_in(&self, scope: &[AgreementId]) -> bool {
        let of = self.agreements();
        of.is_empty() || of.iter().any(|id| scope.contains(id))
    }

    /// Refused when somebody else has it.
    pub fn not_held_by_other(&self, ctx: &Ctx) -> Result<(), Refusal> {
        match (&self.holder, ctx.actor.person()) {
            (Some(holder), Some(me)) if holder.name != *me => {
                Err(Refusal::HeldByOther { holder: holder.name.clone(), since: holder.since })
            }
            _ => Ok(()),
        }
    }

    /// Refused when it belongs there already, or to an agreement that is not there or not the asker's.
    pub fn may_be_assigned(&self, state: &State, ctx: &Ctx, agreement: &AgreementId) -> Result<(), Refusal> {
        if self.agreement.as_ref() == Some(agreement) {
            return Err(Refusal::AlreadyDone);
        }
        if !state.agreements.contains_key(agreement) || !ctx.may_use(state, agreement) {
            return Err(Refusal::UnknownAgreement { agreement: agreement.clone() });
        }
        Ok(())
    }

    pub fn draft(&self, at: DateTime<Utc>, event: Event) -> Draft {
        Draft { entry: self.id, happened_at: at, agreement: self.agreement.clone(), event }
    }
}

verbs! {
    /// Commands that every board knows.
    Command {
        "claim" [Light, Entry] => Claim {}
        "release" [Light, Entry] => Release {}
        "take-over" [Asked, Entry] => TakeOver {}
        "link" [Light, Entry] => Link { to: EntryId }
    }
}

/// What the server itself has recorded of an entry; nobody can ask for it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum OfServer {
    /// A note has been written to the care system; the text is there, the receipt here.
    NoteWritten { receipt: ExternalId },
    /// A second person is called now.
    EscalationBegin,
    /// What became of that call.
    EscalationEnd { outcome: escalation::Outcome, times: u32 },
}

vocabulary! {
    /// Why two entries are linked.
    LinkWhy {
        ByHand,
        SameCaller,
        SameCitizen,
        VoiceCall,
        /// A call, and the alarm that it became.
        SameCall,
        /// A colleague's call, and the one that has its place in the queue now.
        PassedOn,
        SameStay,
        /// Two stays that the hospitals told of under one citizen, whom no care system knows.
        SamePerson,
        /// It came again under the id of one that is over.
        Again,
        /// Two things under one id.
        SameId,
    }
}

/// Events that every board knows.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, strum::VariantNames)]
#[serde(tag = "type", rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum EntryEvent {
    Claimed {
        until: DateTime<Utc>,
    },
    /// Given back; an alarm nobody responded to rings anew.
    Released {
        ring_out_at: Option<DateTime<Utc>>,
    },
    TakenOver {
        from: PersonName,
        until: DateTime<Utc>,
    },
    /// The claim ran out and the entry came back. `ring_out_at` starts anew for an alarm nobody responded to.
    ClaimExpired {
        holder: PersonName,
        ring_out_at: Option<DateTime<Utc>>,
    },
    Linked {
        to: EntryId,
        why: LinkWhy,
    },
    NoteWritten {
        receipt: ExternalId,
    },
    /// A source told something that changed nothing: a fact that came late, or says otherwise.
    Remarked {
        what: FactKind,
    },
    CitizenMatched {
        citizen: CitizenId,
    },
    /// A second person is called. Recorded before anybody is: after a crash it is done again, and says so.
    EscalationBegun {
        why: escalation::Why,
    },
    EscalationEnded {
        outcome: escalation::Outcome,
        times: u32,
    },
    /// The municipality was told of it (J 3.2).
    MunicipalityTold {
        what: Matter,
        to: Option<duties::ToldTo>,
    },
    /// The municipality was told that what it had been told was not so.
    MunicipalityCorrected {
        what: Matter,
        to: Option<duties::ToldTo>,
    },
}

impl EntryEvent {
    /// Material changes raise the entry's version.
    pub fn is_material(&self) -> bool {
        // Who it is about becomes known a moment later: no reason to refuse what was just read.
        !matches!(
            self,
            Self::Linked { .. }
                | Self::NoteWritten { .. }
                | Self::Remarked { .. }
                | Self::CitizenMatched { .. }
                | Self::EscalationBegun { .. }
                | Self::EscalationEnded { .. }
                | Self::MunicipalityTold { .. }
                | Self::MunicipalityCorrected { .. }
        )
    }
}

pub(super) fn claim_until(state: &State, entry: &Entry, now: DateTime<Utc>) -> DateTime<Utc> {
    let minutes = state
        .rules(entry.agreements())
        .filter_map(|rules| match entry.board() {
            Board::Alarms => value_of(&rules.alarms.claim_minutes),
            _ => value_of(&rules.phone.claim_minutes),
        })
        .min()
        .unwrap_or(CLAIM_MINUTES_DEFAULT);
    now + Duration::minutes(i64::from(minutes))
}

/// Decides what every board shares. `Correct` is decided by the board.
pub fn decide(state: &State, ctx: &Ctx, entry: &Entry, command: &Command) -> Result<Vec<Draft>, Refusal> {
    let Some(me) = ctx.actor.person() else {
        return Err(Refusal::NotAllowed { role: "source".into() });
    };
    let event = match command {
        Command::Link { to } => return link(state, ctx, entry, *to),
        _ if !entry.is_open() => return Err(entry.wrong_state()),
        Command::Claim {} => match &entry.holder {
            Some(holder) if holder.name == *me => return Err(Refusal::AlreadyDone),
            Some(holder) => {
                return Err(Refusal::AlreadyClaimed { holder: holder.name.clone(), since: holder.since });
            }
            None => EntryEvent::Claimed { until: claim_until(state, entry, ctx.now) },
        },
        Command::Release {} => match &entry.holder {
            None => return Err(Refusal::NotClaimed),
            Some(holder) if holder.name != *me => {
                return Err(Refusal::NotYours { holder: holder.name.clone() });
            }
            Some(_) => EntryEvent::Released { ring_out_at: ring_out_anew(state, entry, ctx.now) },
        },
        Command::TakeOver {} => match &entry.holder {
            None => return Err(Refusal::NotClaimed),
            Some(holder) if holder.name == *me => return Err(Refusal::AlreadyDone),
            Some(holder) => {
                EntryEvent::TakenOver { from: holder.name.clone(), until: claim_until(state, entry, ctx.now) }
            }
        },
    };
    Ok(vec![entry.draft(ctx.at, Event::Entry(event))])
}

/// Decides what the server itself records.
pub fn decide_of_server(
    state: &State,
    ctx: &Ctx,
    entry: &Entry,
    command: &OfServer,
) -> Result<Vec<Draft>, Refusal> {
    match command {
        OfServer::EscalationBegin => escalation::begin(state, ctx, entry),
        OfServer::EscalationEnd { outcome, times } => escalation::end(ctx, entry, *outcome, *times),
        OfServer::NoteWritten { .. } if ctx.actor.person().is_none() => {
            Err(Refusal::NotAllowed { role: "source".into() })
        }
        OfServer::NoteWritten { receipt } => {
            let event = EntryEvent::NoteWritten { receipt: receipt.clone() };
            Ok(vec![entry.draft(ctx.at, Event::Entry(event))])
        }
    }
}

fn link(state: &State, ctx: &Ctx, entry: &Entry, to: EntryId) -> Result<Vec<Draft>, Refusal> {
    let other = state.entry(to).filter(|other| other.id != entry.id).ok_or(Refusal::CannotLink)?;
    if !ctx.may_see(state, other) {
        return Err(Refusal::CannotLink);
    }
    if entry.links.iter().any(|link| link.to == to) {
        return Err(Refusal::AlreadyDone);
    }
    Ok(link_both(ctx.at, entry, other, LinkWhy::ByHand))
}

/// Two drafts: each entry knows the other.
pub fn link_both(at: DateTime<Utc>, one: &Entry, other: &Entry, why: LinkWhy) -> Vec<Draft> {
    [(one, other.id), (other, one.id)]
        .into_iter()
        .filter(|(entry, to)| !entry.links.iter().any(|link| link.to == *to))
        .map(|(entry, to)| entry.draft(at, Event::Entry(EntryEvent::Linked { to, why })))
        .collect()
}

fn ring_out_anew(state: &State, entry: &Entry, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    match &entry.body {
        Body::Alarms(alarm) => alarm.ring_out_anew(state, entry, now),
        _ => None,
    }
}

/// A claim that ran out: the timer's decision.
pub fn claim_due(state: &State, ctx: &Ctx, entry: &Entry) -> Result<Vec<Draft>, Refusal> {
    let holder = entry.holder.as_ref().ok_or(Refusal::NotDue)?;
    if holder.until > ctx.now {
        return Err(Refusal::NotDue);
    }
    let ring_out_at = ring_out_anew(state, entry, ctx.now);
    let event = EntryEvent::ClaimExpired { holder: holder.name.clone(), ring_out_at };
    Ok(vec![entry.draft(ctx.now, Event::Entry(event))])
}

/// Applies what every board shares.
pub fn evolve(entry: &mut Entry, record: &Record, event: &EntryEvent) {
    if event.is_material() {
        entry.version += 1;
    }
    match event {
        EntryEvent::Claimed { until } | EntryEvent::TakenOver { until, .. } => {
            if let Some(name) = record.actor.person() {
                entry.holder = Some(Holder { name: name.clone(), since: record.happened_at, until: *until });
                entry.set_due(Due::own(DueKind::Claim, *until));
                entry.drop_due(DueKind::RingOut);
                entry.drop_due(DueKind::Answer);
                if let Body::Alarms(alarm) = &mut entry.body {
                    // Whoever takes what is left of one that went elsewhere has not answered it.
                    if alarm.redirect.is_none() && alarm.outcome.is_none() {
                        alarm.answered_at.get_or_insert(record.happened_at);
                    }
                }
            }
        }
        EntryEvent::Released { ring_out_at } | EntryEvent::ClaimExpired { ring_out_at, .. } => {
            entry.holder = None;
            entry.drop_due(DueKind::Claim);
            if let Some(at) = ring_out_at {
                entry.set_due(Due::own(DueKind::RingOut, *at));
                if let Body::Alarms(alarm) = &mut entry.body
                    && alarm.talk_ended_at.is_some()
                {
                    alarm.rings_anew();
                }
            }
        }
        EntryEvent::Linked { to, why } => entry.links.push(Link { to: *to, why: *why }),
        EntryEvent::NoteWritten { .. } => entry.notes += 1,
        EntryEvent::Remarked { what } => entry.heard.push((*what, record.happened_at)),
        EntryEvent::CitizenMatched { citizen } => entry.citizen = Some(citizen.clone()),
        EntryEvent::EscalationBegun { why } => {
            entry.escalation = Some(Escalation { why: *why, begun_at: record.happened_at, ended: None });
        }
        EntryEvent::MunicipalityTold { what, to } => {
            entry.told.retain(|told| told.what != *what);
            let (what, to, at) = (*what, *to, record.happened_at);
            entry.told.push(MunicipalityTold { what, to, at });
        }
        EntryEvent::MunicipalityCorrected { what, .. } => entry.told.retain(|told| told.what != *what),
        EntryEvent::EscalationEnded { outcome, times } => {
            if let Some(escalation) = &mut entry.escalation {
                escalation.ended = Some(Ended { at: record.happened_at, outcome: *outcome, times: *times });
            }
        }
    }
}
