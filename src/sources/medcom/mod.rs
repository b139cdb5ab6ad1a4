//! Hospital notifications (MedCom HospitalNotification, FHIR R4): who arrived at a hospital and who left.
//!
//! form: bytes, JSON or XML -> values. wire: values -> message. translate: message -> observations, death first, then the
//! current activity. acknowledge: the answer every message must have. All pure: the route that receives them, and whether the citizen is ours, are
//! the caller's. Must never keep a CPR number: it leaves here only in `Person`, which shows nothing of itself.

mod acknowledge;
mod form;
pub mod settings;
mod translate;
mod wire;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

pub use acknowledge::{Answer, Reply, Stamp};
pub use form::Form;
pub use translate::Person;
pub use wire::{Issue, Unreadable};

use sha2::{Digest, Sha256};

use crate::domain::identity::{AgreementId, CitizenId, Key};
use crate::domain::masking::Masking;
use crate::domain::observation::{Matched, Observation};
use crate::protocol::observations::Observed;

/// Larger messages are refused (bytes). The official examples are 20 to 30 kB, most of it narrative; others than ours come
/// with attachments, and their sender waits for an answer as well.
pub const MESSAGE_MAX: usize = 16 * 1024 * 1024;

/// Which agreement a message belongs to, by who receives it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ours {
    /// GLN or SOR of the receiver.
    pub agreement_by_receiver: BTreeMap<String, AgreementId>,
    /// For receivers that are not listed.
    pub default_agreement: Option<AgreementId>,
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
    pub header: String,
    pub form: Form,
    /// The envelope's own id as a key; the sender makes a new one for each sending.
    pub bundle: Option<Key>,
    /// What makes it the same message in another envelope; none if that could not be read.
    pub content: Option<Key>,
}

impl Received {
    /// The care port knows who it is: the observations say so from now on. The last one joins a stay that was opened
    /// before anybody knew.
    pub fn name_citizen(&mut self, citizen: &CitizenId) {
        let joining = self.joining(citizen);
        for observed in &mut self.observations {
            if let Observation::StayAdmitted { citizen: slot, .. }
            | Observation::StayDischarged { citizen: slot, .. }
            | Observation::StayDied { citizen: slot, .. } = &mut observed.observation
            {
                *slot = Some(citizen.clone());
            }
        }
        self.observations.extend(joining);
    }

    /// What joins the stay to its citizen.
    pub fn joining(&self, citizen: &CitizenId) -> Option<Observed> {
        let first = self.observations.first()?.clone();
        let stay = translate::stay_of(&first.observation)?.clone();
        let content = format!("{stay}\n{citizen}");
        let key = Key::of_bytes("medcom-who-", &Sha256::digest(content.as_bytes())[..16]);
        let observation = Observation::CitizenMatched { of: Matched::Stay(stay), citizen: citizen.clone() };
        Some(Observed { key, observation, ..first })
    }

    /// Whose it is; empty while that is not known.
    pub fn agreement(&self) -> &[AgreementId] {
        self.observations.first().map_or(&[], |it| it.agreement.as_slice())
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
pub fn receive(
    bytes: &[u8],
    ours: &Ours,
    now: DateTime<Utc>,
    masking: &Masking,
) -> Result<Received, Unreadable> {
    let bytes = &form::utf8(bytes);
    let form = Form::of(bytes);
    let envelope = wire::read(form.read(bytes)?)?;
    let bundle = envelope.bundle_id.as_deref().filter(|id| !id.is_empty());
    let mut received = Received {
        observations: Vec::new(),
        person: None,
        issues: Vec::new(),
        reply: None,
        header: envelope.header_id.clone(),
        form,
        bundle: bundle.map(|id| Key::of_bytes("medcom-bundle-", &Sha256::digest(id.as_bytes())[..16])),
        content: None,
    };
    if envelope.is_acknowledgement() {
        return Ok(received);
    }
    received.reply = Some(Reply::to(&envelope));
    match translate::translate(&envelope, now, masking) {
        Ok(told) => {
            received.content = Some(told.content);
            match translate::agreement(&envelope, ours) {
                Ok(agreement) => {
                    let belongs = |it| Observed { agreement: agreement.clone(), ..it };
                    received.observations = told.observations.into_iter().map(belongs).collect();
                    received.person = Some(told.person);
                }
                Err(issue) => received.issues.push(issue),
            }
        }
        Err(issue) => received.issues.push(issue),
    }
    Ok(received)
}
