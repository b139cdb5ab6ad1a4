//! Message to observations: death first, then the current activity.
//!
//! Owns the table of activities, which time of the message is the event's, and what makes two messages the same. Must
//! never decide what a board shows, nor whether the citizen is ours.

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use super::Ours;
use super::wire::{
    Encounter, Envelope, Identifier, Issue, Organization, Patient, Provenance, last_part, time,
};
use crate::domain::identity::{AgreementId, ExternalId, Key, looks_like_cpr};
use crate::domain::masking::{Field, Masking};
use crate::domain::observation::{Observation, Rank, Setting, StayFact};
use crate::protocol::observations::{LiveFacts, Observed, Said};
use crate::protocol::text::Text;

const CPR_SYSTEM: &str = "urn:oid:1.2.208.176.1.2";
const SOR_SYSTEM: &str = "urn:oid:1.2.208.176.1.1";
/// The national register's id of a stay: linked by only when the hospital sends no id of its own.
const REGISTER_SYSTEM: &str = "https://www.esundhed.dk/Registre/Landspatientregisteret";
/// The misspelling is official.
const LEAVE_EXTENSION: &str = "medcom-hospitalnotifiation-leave-period-extension";
const DESTINATION_USE: &str = "medcom-messaging-destinationUseExtension";

/// Whom a message is about: for the care port and the live data, never for disk or log.
#[derive(Clone, PartialEq, Eq)]
pub struct Person {
    /// Ten digits.
    pub cpr: String,
    pub name: Option<Text>,
}

impl std::fmt::Debug for Person {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Person(…)")
    }
}

pub struct Reading {
    pub observations: Vec<Observed>,
    pub person: Person,
    /// What makes two messages the same.
    pub content: Key,
}

/// What an activity does with its fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doing {
    Tells,
    Corrects,
    Cancels,
}

/// The activity's name without `revise-` or `cancel-`, and what it is about.
fn activity(code: &str) -> Option<(Doing, StayFact, Option<Setting>)> {
    let (doing, bare) = match code.split_once('-') {
        Some(("revise", bare)) => (Doing::Corrects, bare),
        Some(("cancel", bare)) => (Doing::Cancels, bare),
        _ => (Doing::Tells, code),
    };
    let (fact, setting) = match bare {
        "admit-inpatient" => (StayFact::Admitted, Some(Setting::Inpatient)),
        "admit-emergency" => (StayFact::Admitted, Some(Setting::AcuteOutpatient)),
        "start-leave-inpatient" => (StayFact::LeaveStarted, None),
        "end-leave-inpatient" => (StayFact::LeaveEnded, None),
        "discharge-inpatient-home" | "discharge-emergency-home" => (StayFact::Discharged, None),
        _ => return None,
    };
    Some((doing, fact, setting))
}

/// Reads what a message says. Errors: the first thing wrong with its content.
pub fn translate(envelope: &Envelope, now: DateTime<Utc>, masking: &Masking) -> Result<Reading, Issue> {
    right_kind(envelope)?;
    let patient = only(&envelope.patients, "Patient")?;
    let encounter = only(&envelope.encounters, "Encounter")?;
    let person = person(patient)?;
    let stay = stay(encounter, masking)?;
    let (code, sent_at) = current(envelope)?;
    let (doing, fact, setting) =
        activity(&code).ok_or(Issue::unknown_value("Provenance.activity.coding.code"))?;
    checked_codes(encounter)?;
    let department = department(envelope, encounter, masking);
    let is_corrected_death = is_corrected_death(envelope);
    let told = Message { encounter, patient, stay, department, sent_at, is_corrected_death };
    let facts = told.facts(doing, fact, setting)?;
    let provider = told.department.as_ref().map_or("", ExternalId::as_str);
    // A header id alone says nothing: published messages re-use them for other events.
    let same = |at: DateTime<Utc>| {
        let (header, stay, deceased) = (&envelope.header_id, &told.stay, patient.deceased_boolean);
        format!("{header}\n{stay}\n{code}\n{}\n{provider}\n{deceased:?}", at.timestamp_millis())
    };
    let key = |prefix, content: String| Key::of_bytes(prefix, &Sha256::digest(content.as_bytes())[..16]);
    let happened_at = facts.first().map_or(sent_at, |(at, _)| *at);
    let content = key("medcom-message-", same(happened_at));
    let observations = facts
        .into_iter()
        .enumerate()
        .map(|(place, (at, observation))| Observed {
            key: key("medcom-", format!("{}\n{place}", same(at))),
            at: at.min(now),
            agreement: None,
            candidates: Vec::new(),
            rank: Rank::Event,
            observation,
            live: LiveFacts::default(),
            said: Said::default(),
        })
        .collect();
    Ok(Reading { observations, person, content })
}

struct Message<'m> {
    encounter: &'m Encounter,
    patient: &'m Patient,
    stay: ExternalId,
    department: Option<ExternalId>,
    /// When it was sent: what corrections and cancellations are dated by.
    sent_at: DateTime<Utc>,
    is_corrected_death: bool,
}

impl Message<'_> {
    fn facts(
        &self,
        doing: Doing,
        fact: StayFact,
        setting: Option<Setting>,
    ) -> Result<Vec<(DateTime<Utc>, Observation)>, Issue> {
        let stay = self.stay.clone();
        if self.is_dead() {
            // A death names the activity before it, unchanged: that says nothing new.
            let died_at = self.died_at();
            return Ok(vec![match self.is_corrected_death {
                false => (died_at, Observation::StayDied { stay, citizen: None }),
                true => {
                    let (of, at, department) = (StayFact::Died, Some(died_at), self.department.clone());
                    let corrected = Observation::StayCorrected { stay, of, at, setting: None, department };
                    (self.sent_at, corrected)
                }
            }]);
        }
        let of_activity = self.of_activity(doing, fact, setting);
        if self.patient.deceased_boolean != Some(false) {
            return Ok(vec![of_activity?]);
        }
        // Present and false takes a death back. The activity is the one before it, told again: what is missing there
        // must not keep somebody dead.
        let taken_back =
            (self.sent_at, Observation::StayCancelled { stay, of: StayFact::Died, setting: None });
        Ok(of_activity.into_iter().chain([taken_back]).collect())
    }

    fn is_dead(&self) -> bool {
        self.patient.deceased_boolean == Some(true) || self.patient.deceased_date_time.is_some()
    }

    /// The end of the stay is the time of death. One without it is still a death.
    fn died_at(&self) -> DateTime<Utc> {
        let period = self.encounter.period.as_ref();
        let end =
            period.and_then(|period| period.end.as_deref()).or(self.patient.deceased_date_time.as_deref());
        time(end, "Encounter.period.end").unwrap_or(self.sent_at)
    }

    fn of_activity(
        &self,
        doing: Doing,
        fact: StayFact,
        setting: Option<Setting>,
    ) -> Result<(DateTime<Utc>, Observation), Issue> {
        let stay = self.stay.clone();
        if doing == Doing::Cancels {
            let setting = setting.filter(|_| fact == StayFact::Admitted);
            return Ok((self.sent_at, Observation::StayCancelled { stay, of: fact, setting }));
        }
        let at = self.happened_at(fact)?;
        let department = self.department.clone();
        if doing == Doing::Corrects {
            let corrected = Observation::StayCorrected { stay, of: fact, at: Some(at), setting, department };
            return Ok((self.sent_at, corrected));
        }
        let observation = match fact {
            StayFact::Admitted => Observation::StayAdmitted {
                stay,
                citizen: None,
                setting: setting.unwrap_or(Setting::Inpatient),
                // No message says whether it was planned.
                planned: false,
                department,
            },
            StayFact::LeaveStarted => Observation::StayLeaveStarted { stay },
            StayFact::LeaveEnded => Observation::StayLeaveEnded { stay },
            StayFact::Discharged => Observation::StayDischarged { stay, citizen: None },
            StayFact::Died => Observation::StayDied { stay, citizen: None },
        };
        Ok((at, observation))
    }

    fn happened_at(&self, fact: StayFact) -> Result<DateTime<Utc>, Issue> {
        let period = self.encounter.period.as_ref();
        let leave = self
            .encounter
            .extension
            .iter()
            .filter(|it| it.url.as_deref().is_some_and(|url| last_part(url) == LEAVE_EXTENSION))
            .find_map(|it| it.value_period.as_ref());
        match fact {
            StayFact::Admitted => time(period.and_then(|it| it.start.as_deref()), "Encounter.period.start"),
            StayFact::Discharged => time(period.and_then(|it| it.end.as_deref()), "Encounter.period.end"),
            StayFact::LeaveStarted => {
                time(leave.and_then(|it| it.start.as_deref()), "Encounter.extension.valuePeriod.start")
            }
            StayFact::LeaveEnded => {
                time(leave.and_then(|it| it.end.as_deref()), "Encounter.extension.valuePeriod.end")
            }
            StayFact::Died => Ok(self.died_at()),
        }
    }
}

fn right_kind(envelope: &Envelope) -> Result<(), Issue> {
    if !envelope.is_message {
        return Err(Issue::unknown_value("Bundle.type"));
    }
    if !envelope.is_header_first {
        return Err(Issue { code: "MSG_BAD_SYNTAX", at: "Bundle.entry[0]" });
    }
    let at = "MessageHeader.eventCoding.code";
    match envelope.header.event_coding.as_ref().and_then(|coding| coding.code.as_deref()) {
        Some("hospital-notification-message") => {}
        Some(_) => return Err(Issue { code: "MSG_RECEIVER_UNABLE_TO_RECEIVE_MSG_TYPE", at }),
        None => return Err(Issue::missing(at)),
    }
    let copies = envelope.header.destination.iter().flat_map(|it| &it.extension).any(|it| {
        let is_use = it.url.as_deref().is_some_and(|url| last_part(url) == DESTINATION_USE);
        is_use && it.value_coding.as_ref().is_some_and(|coding| coding.code.as_deref() != Some("primary"))
    });
    if copies {
        return Err(Issue::unknown_value("MessageHeader.destination.extension"));
    }
    Ok(())
}

fn only<'m, T>(resources: &'m [Result<T, Issue>], at: &'static str) -> Result<&'m T, Issue> {
    match resources {
        [Ok(only)] => Ok(only),
        [Err(issue)] => Err(*issue),
        _ => Err(Issue::missing(at)),
    }
}

/// A death has no activity of its own, and neither has its correction: each names the one before it, so that the
/// third of the same is a correction. Told wrong, it is still the same death.
fn is_corrected_death(envelope: &Envelope) -> bool {
    let mut chain: Vec<_> = envelope
        .provenances
        .iter()
        .flatten()
        .filter_map(|it| {
            let at = it.occurred_date_time.as_deref().or(it.recorded.as_deref());
            let code = it.activity.as_ref()?.coding.first()?.code.as_deref()?;
            Some((time(at, "Provenance.occurredDateTime").ok()?, code))
        })
        .collect();
    chain.sort();
    matches!(chain.as_slice(), [.., (_, first), (_, second), (_, third)] if first == second && second == third)
}

/// By the receiver's GLN or SOR, then the default.
pub fn agreement(envelope: &Envelope, ours: &Ours) -> Result<Option<AgreementId>, Issue> {
    let destination = envelope.header.destination.first();
    let receiver = envelope.organization(destination.and_then(|it| it.receiver.as_ref()));
    let ids = receiver.into_iter().flat_map(|it| &it.identifier).filter_map(|it| it.value.as_deref());
    let endpoint = destination.and_then(|it| it.endpoint.as_deref()).and_then(|it| it.split_once("#id="));
    let mut named = ids.chain(endpoint.map(|(_, sor)| sor)).peekable();
    let is_named = named.peek().is_some();
    let found = named.find_map(|id| ours.agreement_by_receiver.get(id));
    match found.or(ours.default_agreement.as_ref()) {
        Some(agreement) => Ok(Some(agreement.clone())),
        None if !is_named => {
            Err(Issue { code: "MSG_Receiver_Identifier_MISSING", at: "MessageHeader.destination.receiver" })
        }
        None if ours.agreement_by_receiver.is_empty() => Ok(None),
        None => {
            Err(Issue { code: "MSG_Receiver_Identifier_UNKNOWN", at: "MessageHeader.destination.receiver" })
        }
    }
}

/// A real CPR number; replacement numbers are not allowed in this message.
fn person(patient: &Patient) -> Result<Person, Issue> {
    let at = "Patient.identifier";
    if patient.identifier.is_empty() {
        return Err(Issue::missing(at));
    }
    let cpr = patient
        .identifier
        .iter()
        .find(|it| it.system.as_deref() == Some(CPR_SYSTEM))
        .ok_or(Issue::unknown_system(at))?;
    let value = cpr.value.as_deref().ok_or(Issue::missing("Patient.identifier.value"))?;
    if value.len() != 10 || !value.bytes().all(|b| b.is_ascii_digit()) || !looks_like_cpr(value) {
        return Err(Issue::wrong_type("Patient.identifier.value"));
    }
    let name =
        patient.name.iter().find(|it| it.usage.as_deref() == Some("official")).or(patient.name.first());
    let name = name.map(|it| it.given.iter().chain(&it.family).cloned().collect::<Vec<_>>().join(" "));
    Ok(Person { cpr: value.to_owned(), name: name.filter(|it| !it.is_empty()).map(|it| Text::cut(&it)) })
}

/// What links the messages of one stay: the hospital's own id before the register's, masked where it reads as a number
/// of a person or is too long for an id.
fn stay(encounter: &Encounter, masking: &Masking) -> Result<ExternalId, Issue> {
    let at = "Encounter.episodeOfCare.identifier";
    let ids = || encounter.episode_of_care.iter().filter_map(|it| it.identifier.as_ref());
    let of_register = |it: &&Identifier| it.system.as_deref() == Some(REGISTER_SYSTEM);
    let chosen = ids().find(|it| !of_register(it)).or_else(|| ids().find(of_register));
    let value = chosen.and_then(|it| it.value.as_deref()).ok_or(Issue::missing(at))?;
    let bare = value.strip_prefix("urn:uuid:").unwrap_or(value).to_lowercase();
    masking.id(Field::Other, &bare).map(|(id, _)| id).ok_or(Issue::missing(at))
}

/// The activity whose target is this very message, and when it was sent.
fn current(envelope: &Envelope) -> Result<(String, DateTime<Utc>), Issue> {
    let of_this = |it: &&Provenance| {
        let targets = it.target.iter().filter_map(|target| target.reference.as_deref());
        targets.map(last_part).any(|id| id == envelope.header_id)
    };
    let readable: Vec<&Provenance> = envelope
        .provenances
        .iter()
        .map(|it| it.as_ref().map_err(|issue| *issue))
        .collect::<Result<_, _>>()?;
    let sent = |it: &&&Provenance| it.occurred_date_time.clone().or(it.recorded.clone());
    let found = readable.iter().filter(|it| of_this(it)).max_by_key(sent);
    // A chain that does not name this header at all: the last link is the current one.
    let found = found.or_else(|| readable.iter().max_by_key(sent));
    let provenance = found.ok_or(Issue::missing("Provenance"))?;
    let code = provenance
        .activity
        .as_ref()
        .and_then(|activity| activity.coding.first())
        .and_then(|coding| coding.code.clone())
        .ok_or(Issue::missing("Provenance.activity.coding.code"))?;
    let sent = [&provenance.occurred_date_time, &provenance.recorded, &envelope.timestamp];
    let sent = sent.into_iter().find_map(|it| it.as_deref());
    Ok((code, time(sent, "Provenance.occurredDateTime")?))
}

/// Class and status are never what we go by (published deaths come as `in-progress`), but a message without them, or
/// with others, is not one of this kind.
fn checked_codes(encounter: &Encounter) -> Result<(), Issue> {
    match encounter.class.as_ref().and_then(|class| class.code.as_deref()) {
        None => return Err(Issue::missing("Encounter.class")),
        Some("EMER" | "IMP") => {}
        Some(_) => return Err(Issue::unknown_value("Encounter.class")),
    }
    match encounter.status.as_deref() {
        None => Err(Issue::missing("Encounter.status")),
        Some("in-progress" | "onleave" | "finished" | "entered-in-error" | "cancelled") => Ok(()),
        Some(_) => Err(Issue::unknown_value("Encounter.status")),
    }
}

/// The treating department's SOR, so that a person can find the notice in the care system.
fn department(envelope: &Envelope, encounter: &Encounter, masking: &Masking) -> Option<ExternalId> {
    let provider: &Organization = envelope.organization(encounter.service_provider.as_ref())?;
    let sor = provider.identifier.iter().find(|it| it.system.as_deref() == Some(SOR_SYSTEM))?;
    let (id, _) = masking.id(Field::Other, sor.value.as_deref()?)?;
    ExternalId::new(format!("SOR:{id}")).ok()
}

/// The stay that one of our observations is about.
pub fn stay_of(observation: &Observation) -> Option<&ExternalId> {
    match observation {
        Observation::StayAdmitted { stay, .. }
        | Observation::StayLeaveStarted { stay }
        | Observation::StayLeaveEnded { stay }
        | Observation::StayDischarged { stay, .. }
        | Observation::StayDied { stay, .. }
        | Observation::StayCorrected { stay, .. }
        | Observation::StayCancelled { stay, .. } => Some(stay),
        _ => None,
    }
}
