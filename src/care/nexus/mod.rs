//! The adapter for KMD Nexus: who somebody is, notes, activity lists, visits, paused or not.
//!
//! Owns the paths from link to link; no address is made up, with one exception that a setting must allow
//! (`citizens_link`). A CPR number goes out in the body of one search and nowhere else. What a municipality names is a
//! setting, and what is not set is said as *not set up*. In memory only: links that were met, receipts of the last
//! notes. Must never log an address, an answer or a text.
//!
//! Shapes are from municipalities' published programs, not from a specification: everything else than asked for is
//! ignored, and what is missing is an answer that cannot be read.

mod hal;
mod lists;
mod memory;
mod session;
pub mod settings;
mod visits;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use reqwest::{Method, Url};
use serde_json::{Value, json};

use super::http::Limits;
use super::{Ability, CareError, Cpr, Heard, Person, Plan, VisitsOf, Whose, Why, locked};
use crate::domain::calendar;
use crate::domain::identity::{CitizenId, ExternalId, Key};
use memory::Memory;
use session::Session;
pub use session::{Access, BadAccess};
use settings::Names;

/// Before the number of a citizen in Nexus: with it, the id that we store.
pub const CITIZEN_PREFIX: &str = "nexus-";
/// So many questions in a row that nobody answers, and Nexus is taken to be away for all of them.
const AWAY_MAX: u32 = 4;

const UNREADABLE: CareError = CareError::Away { why: Why::Unreadable };

fn not_set_up(setting: &'static str) -> CareError {
    CareError::NotSetUp { setting }
}

/// A client of one Nexus. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    session: Session,
    names: Arc<Names>,
    memory: Arc<Memory>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Client(nexus)")
    }
}

impl Client {
    /// # Errors
    /// [`BadAccess`]: an address is none.
    pub fn new(access: Access, names: Names, limits: Limits) -> Result<Self, BadAccess> {
        let session = Session::new(access, limits)?;
        Ok(Self { session, names: Arc::new(names), memory: Arc::new(Memory::new()) })
    }

    /// See [`super::Care::missing`].
    pub fn missing(&self) -> Vec<(Ability, &'static str)> {
        self.names.missing()
    }

    /// See [`super::Care::who`].
    pub async fn who(&self, whose: &Whose) -> Result<Person, CareError> {
        let found = match whose {
            Whose::Citizen(citizen) => self.citizen(citizen).await?,
            Whose::Cpr(cpr) => self.by_cpr(cpr).await?,
            Whose::Device(device) => {
                let key_type = self.names.nexus.device_key_type.as_deref();
                let key_type = key_type.ok_or(not_set_up("care.nexus.device_key_type"))?;
                self.search(device.as_str(), key_type).await?
            }
        };
        self.person(&found).ok_or(UNREADABLE)
    }

    /// See [`super::Care::write_note`].
    pub async fn write_note(
        &self,
        key: &Key,
        citizen: &CitizenId,
        text: &str,
        at: DateTime<Utc>,
    ) -> Result<ExternalId, CareError> {
        let (client, key, citizen, text) = (self.clone(), key.clone(), citizen.clone(), text.to_owned());
        // A task of its own: an asker that goes away must not leave a form half sent and its receipt unheard.
        let writing = tokio::spawn(async move {
            let mut receipts = client.memory.receipts.lock().await;
            if let Some(receipt) = receipts.get(&key) {
                return Ok(receipt);
            }
            let receipt = client.new_note(&key, &citizen, &text, at).await?;
            receipts.remember(key, receipt.clone());
            Ok(receipt)
        });
        writing.await.unwrap_or(Err(CareError::Away { why: Why::Failed }))
    }

    /// See [`super::Care::set_paused`].
    pub async fn set_paused(&self, citizen: &CitizenId, paused: bool) -> Result<(), CareError> {
        let (paused_name, active_name) = self.names.states().map_err(not_set_up)?;
        let (wanted, setting) = match paused {
            true => (paused_name, "care.nexus.paused_state"),
            false => (active_name, "care.nexus.active_state"),
        };
        let mut found = self.citizen(citizen).await?;
        if found.get("patientState").and_then(|state| hal::text(state, "name")) == Some(wanted) {
            return Ok(());
        }
        let states = self.follow(&found, "availablePatientStates").await?;
        let states = states.as_array().ok_or(UNREADABLE)?;
        let state = hal::named(states, wanted).cloned().ok_or(not_set_up(setting))?;
        let update = self.session.link(&found, "update")?;
        found.as_object_mut().ok_or(UNREADABLE)?.insert("patientState".into(), state);
        self.session.write(Method::PUT, &update, &found).await.map(|_| ())
    }

    /// See [`super::Care::lists`].
    pub async fn lists(&self) -> Result<Heard, CareError> {
        lists::read(self).await
    }

    /// See [`super::Care::visits`].
    pub async fn visits(
        &self,
        of: &VisitsOf,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Plan, CareError> {
        visits::read(self, of, from, to).await
    }

    // ---- the root --------------------------------------------------------------------------

    async fn root(&self) -> Result<Arc<Value>, CareError> {
        if let Some(root) = locked(&self.memory.root).clone() {
            return Ok(root);
        }
        let root = Arc::new(self.session.get(&self.session.root()).await.map_err(not_a_citizen)?);
        *locked(&self.memory.root) = Some(root.clone());
        Ok(root)
    }

    async fn root_link(&self, name: &str) -> Result<Url, CareError> {
        let link = self.session.link(self.root().await?.as_ref(), name);
        if link.is_err() {
            // Another root, perhaps, by the next time.
            locked(&self.memory.root).take();
        }
        link
    }

    /// What the integration may see: lists and calendars, by kind.
    async fn preferences(&self) -> Result<Value, CareError> {
        self.session.get(&self.root_link("preferences").await?).await.map_err(not_a_citizen)
    }

    /// What lies behind an object's link.
    async fn follow(&self, object: &Value, link: &str) -> Result<Value, CareError> {
        self.session.get(&self.session.link(object, link)?).await.map_err(not_a_citizen)
    }

    /// A row or reference is half an object: the whole one.
    async fn whole(&self, half: &Value) -> Result<Value, CareError> {
        let link = if hal::href(half, "referencedObject").is_some() { "referencedObject" } else { "self" };
        self.follow(half, link).await
    }

    // ---- citizens --------------------------------------------------------------------------

    /// The citizen as Nexus has them.
    async fn citizen(&self, citizen: &CitizenId) -> Result<Value, CareError> {
        self.citizen_by_number(number_of(citizen).ok_or(CareError::Unknown)?).await
    }

    async fn citizen_by_number(&self, number: u64) -> Result<Value, CareError> {
        let url = match self.memory.citizens.get(number) {
            Some(url) => url,
            None => {
                let link = self.names.nexus.citizens_link.as_deref();
                let link = link.ok_or(not_set_up("care.nexus.citizens_link"))?;
                let mut url = self.root_link(link).await?;
                let mut path = url.path_segments_mut().map_err(|()| UNREADABLE)?;
                path.pop_if_empty().push(&number.to_string());
                drop(path);
                url
            }
        };
        let found = self.session.get(&url).await?;
        // Somebody else's name on an alarm is worse than no name.
        if hal::id(&found) != Some(number) {
            return Err(UNREADABLE);
        }
        Ok(found)
    }

    async fn by_cpr(&self, cpr: &Cpr) -> Result<Value, CareError> {
        let found = self.search(cpr.expose(), "CPR").await?;
        let theirs =
            found.get("patientIdentifier").and_then(|it| hal::text(it, "identifier").or(it.as_str()));
        match theirs.map(Cpr::new) {
            Some(Ok(theirs)) if theirs != *cpr => Err(UNREADABLE),
            _ => Ok(found),
        }
    }

    /// The citizen with this key. It goes in the body: addresses end up in logs.
    async fn search(&self, key: &str, key_type: &str) -> Result<Value, CareError> {
        let url = self.root_link("patientDetailsSearch").await?;
        let body = json!({ "businessKey": key, "keyType": key_type });
        let mut answer = self.session.query(&url, &body).await?;
        // Known, but none of ours.
        if answer.get("isPatientAccessible") == Some(&Value::Bool(false)) {
            return Err(CareError::Unknown);
        }
        let found = answer.get_mut("patient").map(Value::take).unwrap_or(answer);
        let number = hal::id(&found).ok_or(UNREADABLE)?;
        self.met(number, &found);
        Ok(found)
    }

    /// Remembers where a citizen is found.
    fn met(&self, number: u64, citizen: &Value) {
        if hal::href(citizen, "self").is_some()
            && let Ok(url) = self.session.link(citizen, "self")
        {
            self.memory.citizens.remember(number, url);
        }
    }

    fn person(&self, found: &Value) -> Option<Person> {
        let citizen = citizen_id(hal::id(found)?)?;
        let name = match hal::text(found, "fullName") {
            Some(name) => name.to_owned(),
            None => joined(found, &["firstName", "middleName", "lastName"]),
        };
        let phones = ["mobileTelephone", "homeTelephone", "workTelephone"];
        let phone = phones.into_iter().find_map(|field| hal::text(found, field)).map(str::to_owned);
        let key_box = self.names.nexus.key_box_field.as_deref().and_then(|field| hal::text(found, field));
        let address = found.get("primaryAddress").map(address).unwrap_or_default();
        (!name.is_empty()).then(|| Person {
            citizen,
            name,
            address,
            phone,
            key_box: key_box.map(str::to_owned),
        })
    }

    // ---- notes -----------------------------------------------------------------------------

    async fn new_note(
        &self,
        key: &Key,
        citizen: &CitizenId,
        text: &str,
        at: DateTime<Utc>,
    ) -> Result<ExternalId, CareError> {
        let preparing = self.prepared_note(citizen, signed(text, key, at));
        // Nothing is written yet: one that takes too long may wait and be tried again.
        let prepared = tokio::time::timeout(self.session.limits.write_for, preparing).await;
        let (create, note) = prepared.unwrap_or(Err(CareError::Away { why: Why::TookTooLong }))?;
        let written = self.session.write(Method::POST, &create, &note).await.map_err(not_a_citizen)?;
        external("nexus-form", &written).ok_or(UNREADABLE)
    }

    /// The named form with the text in its field, and where it is sent.
    async fn prepared_note(&self, citizen: &CitizenId, text: String) -> Result<(Url, Value), CareError> {
        let (form, field, action) = self.names.note().map_err(not_set_up)?;
        let found = self.citizen(citizen).await?;
        let forms = self.follow(&found, "availableFormDefinitions").await?;
        let form = hal::named(forms.as_array().ok_or(UNREADABLE)?, form);
        let form = form.ok_or(not_set_up("care.nexus.note_form"))?;
        let link =
            ["formDataPrototype", "formdataPrototype"].into_iter().find(|it| hal::href(form, it).is_some());
        let mut note = self.follow(form, link.ok_or(UNREADABLE)?).await?;
        let actions = self.follow(&note, "availableActions").await?;
        let action = hal::named(actions.as_array().ok_or(UNREADABLE)?, action);
        let action = action.ok_or(not_set_up("care.nexus.note_action"))?;
        let create = self.session.link(action, "createFormData")?;
        let items = note.get_mut("items").and_then(Value::as_array_mut).ok_or(UNREADABLE)?;
        let item = items.iter_mut().find(|item| hal::text(item, "label") == Some(field));
        let item = item.and_then(Value::as_object_mut).ok_or(not_set_up("care.nexus.note_field"))?;
        item.insert("value".into(), Value::String(text));
        Ok((create, note))
    }
}

/// Nexus keeps no keys: so that a note that came twice is seen to be one, it ends with when it was said and its key.
fn signed(text: &str, key: &Key, at: DateTime<Utc>) -> String {
    format!("{text}\n\n[vagttavle {} · {}]", calendar::local(at).format("%d.%m.%Y %H.%M"), key.as_str())
}

/// "Not there" said of something else than a citizen or device: our way leads nowhere.
fn not_a_citizen(error: CareError) -> CareError {
    if error == CareError::Unknown { UNREADABLE } else { error }
}

/// Our id of a citizen: `nexus-` and the number; a number that looks like a CPR number is written in hex behind an x.
fn citizen_id(number: u64) -> Option<CitizenId> {
    let id = CitizenId::new(format!("{CITIZEN_PREFIX}{number}"));
    id.or_else(|_| CitizenId::new(format!("{CITIZEN_PREFIX}x{number:x}"))).ok()
}

fn number_of(citizen: &CitizenId) -> Option<u64> {
    let number = citizen.as_str().strip_prefix(CITIZEN_PREFIX)?;
    match number.strip_prefix('x') {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => number.parse().ok(),
    }
}

/// Our id of anything else.
fn external(prefix: &str, object: &Value) -> Option<ExternalId> {
    let number = hal::id(object)?;
    let id = ExternalId::new(format!("{prefix}-{number}"));
    id.or_else(|_| ExternalId::new(format!("{prefix}-x{number:x}"))).ok()
}

fn joined(object: &Value, fields: &[&str]) -> String {
    fields.iter().filter_map(|field| hal::text(object, field)).collect::<Vec<_>>().join(" ")
}

/// `Vejen 1, 8961 Allingåbro`
fn address(it: &Value) -> String {
    let lines = joined(it, &["addressLine1", "addressLine2"]);
    let town = joined(it, &["postalCode", "postalDistrict"]);
    [lines, town].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_becomes_our_id_and_back_also_when_it_looks_like_a_cpr_number() {
        for (number, id) in
            [(12384, "nexus-12384"), (101_013_123, "nexus-101013123"), (1_311_521_105, "nexus-x4e2c3951")]
        {
            let citizen = citizen_id(number).expect("an id");
            assert_eq!((citizen.as_str(), number_of(&citizen)), (id, Some(number)));
        }
        let foreign = CitizenId::new("demo-citizen-jam-0001").expect("an id");
        assert_eq!(number_of(&foreign), None);
    }
}
