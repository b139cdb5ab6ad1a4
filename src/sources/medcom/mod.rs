//! Hospital notifications (MedCom HospitalNotification, FHIR R4): who arrived at a hospital and who left.
//!
//! wire: bytes -> message. translate: message -> observations, death first, then the current activity. acknowledge:
//! the answer every message must have. All pure: the route that receives them, and whether the citizen is ours, are
//! the caller's. Must never keep a CPR number: it leaves here only in `Person`, which shows nothing of itself.

mod acknowledge;
mod translate;
mod wire;

use std::collections::{BTreeMap, HashMap, VecDeque};

use chrono::{DateTime, Utc};

pub use acknowledge::{Answer, Reply, Stamp};
pub use translate::Person;
pub use wire::{Issue, Unreadable};

use sha2::{Digest, Sha256};

use crate::domain::identity::{AgreementId, CitizenId, Key};
use crate::domain::observation::{Matched, Observation};
use crate::protocol::observations::Observed;

/// Larger messages are refused (bytes). The official examples are 20 to 30 kB, most of it narrative.
pub const MESSAGE_MAX: usize = 1024 * 1024;

/// Which agreement a message belongs to, by who receives it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ours {
    /// GLN or SOR of the receiver.
    pub agreement_by_receiver: BTreeMap<String, AgreementId>,
    /// For receivers that are not listed.
    pub default_agreement: Option<AgreementId>,
}

/// Envelopes remembered at most; far more than arrive in the hour and a half in which a sender tries again.
const ENVELOPES_MAX: usize = 10_000;

/// Which bundle ids came with which header. A bundle id is never used again for another header: that is an error. In
/// memory only, ids only; what a message says is kept from repeating by its key.
#[derive(Debug, Default)]
pub struct Envelopes {
    headers: HashMap<String, String>,
    oldest_first: VecDeque<String>,
}

impl Envelopes {
    /// Remembers a message's envelope. A used bundle id with another header refuses the message.
    pub fn note(&mut self, received: &mut Received) {
        let Some(bundle) = received.bundle.clone() else { return };
        match self.headers.get(&bundle) {
            Some(header) if *header == received.header => {}
            Some(_) => {
                received.observations.clear();
                received.issues.push(Issue { code: "MSG_DUPLICATE_ID", at: "Bundle.id" });
            }
            None => {
                if self.oldest_first.len() == ENVELOPES_MAX
                    && let Some(oldest) = self.oldest_first.pop_front()
                {
                    self.headers.remove(&oldest);
                }
                self.oldest_first.push_back(bundle.clone());
                self.headers.insert(bundle, received.header.clone());
            }
        }
    }
}

/// A message read and understood, or refused for its content.
#[derive(Debug, Clone)]
pub struct Received {
    /// What it says. Their keys are made of the content: a message sent again is a repeat, even in a new envelope,
    /// and another event under a used header is another key.
    pub observations: Vec<Observed>,
    /// Whom it is about, for the care port; none of it may be kept.
    pub person: Option<Person>,
    /// What it was refused for; empty for one that is taken.
    pub issues: Vec<Issue>,
    /// What to answer; none for an acknowledgement, which is never acknowledged.
    pub reply: Option<Reply>,
    pub bundle: Option<String>,
    pub header: String,
}

impl Received {
    /// The care port knows who it is: the observations say so from now on. The last one joins a stay that was opened
    /// before anybody knew.
    pub fn name_citizen(&mut self, citizen: &CitizenId) {
        let Some(first) = self.observations.first().cloned() else { return };
        for observed in &mut self.observations {
            if let Observation::StayAdmitted { citizen: slot, .. }
            | Observation::StayDischarged { citizen: slot, .. }
            | Observation::StayDied { citizen: slot, .. } = &mut observed.observation
            {
                *slot = Some(citizen.clone());
            }
        }
        let Some(stay) = translate::stay_of(&first.observation) else { return };
        let content = format!("{stay}\n{citizen}");
        let key = Key::of_bytes("medcom-who-", &Sha256::digest(content.as_bytes())[..16]);
        let observation =
            Observation::CitizenMatched { of: Matched::Stay(stay.clone()), citizen: citizen.clone() };
        self.observations.push(Observed { key, observation, ..first });
    }

    /// The answer if everything goes well from here: ok, or fatal for refused content.
    pub fn answer(&self) -> Answer {
        if self.issues.is_empty() { Answer::Ok } else { Answer::Fatal(self.issues.clone()) }
    }
}

/// Reads one message. `now` (UTC) bounds the times it tells: nothing has happened in the future.
///
/// # Errors
/// [`Unreadable`]: no bundle with a message header, so that nobody can be answered.
pub fn receive(bytes: &[u8], ours: &Ours, now: DateTime<Utc>) -> Result<Received, Unreadable> {
    let envelope = wire::read(bytes)?;
    let header = envelope.header_id.clone();
    if envelope.is_acknowledgement() {
        let bundle = envelope.bundle_id;
        return Ok(Received {
            observations: Vec::new(),
            person: None,
            issues: Vec::new(),
            reply: None,
            bundle,
            header,
        });
    }
    let reply = Some(Reply::to(&envelope));
    let (observations, person, issues) = match translate::translate(&envelope, ours, now) {
        Ok(told) => (told.observations, Some(told.person), Vec::new()),
        Err(issue) => (Vec::new(), None, vec![issue]),
    };
    Ok(Received { observations, person, issues, reply, bundle: envelope.bundle_id, header })
}
