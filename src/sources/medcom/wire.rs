//! Values to message: a FHIR bundle of type message, of which only what is used is read.
//!
//! Owns which fields are looked at and what is wrong with one. Lenient where published messages are (ids that are no
//! UUIDs, three spellings of the GLN system), strict about what is used. Must never put content into an error.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;

/// Resources of a message; the official ones have seven or eight.
const ENTRIES_MAX: usize = 200;
/// An id's length (bytes). FHIR says 64, published messages have more.
pub const ID_MAX: usize = 128;

/// Not a bundle, or one without a message header: nobody can be answered. `what` is a stable code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct Unreadable {
    pub what: &'static str,
}

/// Why the content is refused: a code of MedCom's list, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Issue {
    /// As published, misspellings included.
    pub code: &'static str,
    /// The element at fault, as a FHIR path.
    pub at: &'static str,
}

impl Issue {
    pub const fn missing(at: &'static str) -> Self {
        Self { code: "MSG_BAD_SYNTAX", at }
    }

    pub const fn wrong_type(at: &'static str) -> Self {
        Self { code: "MSG_Datatype_Wrong", at }
    }

    pub const fn unknown_value(at: &'static str) -> Self {
        Self { code: "MSG_VALUESET_VALUE_UNKNOWN", at }
    }

    pub const fn unknown_system(at: &'static str) -> Self {
        Self { code: "MSG_CodeSystem_VALUE_UNKNOWN", at }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawBundle {
    resource_type: String,
    id: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    timestamp: Option<String>,
    #[serde(default)]
    entry: Vec<RawEntry>,
}

#[derive(Deserialize)]
struct RawEntry {
    resource: Option<Value>,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub struct Reference {
    pub reference: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub struct Coding {
    pub code: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub struct Identifier {
    pub system: Option<String>,
    pub value: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub struct Period {
    pub start: Option<String>,
    pub end: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Extension {
    pub url: Option<String>,
    pub value_period: Option<Period>,
    pub value_coding: Option<Coding>,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub struct Endpoint {
    pub endpoint: Option<String>,
    pub receiver: Option<Reference>,
    #[serde(default)]
    pub extension: Vec<Extension>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Header {
    pub id: Option<String>,
    pub event_coding: Option<Coding>,
    #[serde(default)]
    pub destination: Vec<Endpoint>,
    pub source: Option<Endpoint>,
    pub sender: Option<Reference>,
}

#[derive(Clone, Default, Deserialize)]
pub struct Name {
    #[serde(rename = "use")]
    pub usage: Option<String>,
    pub family: Option<String>,
    #[serde(default)]
    pub given: Vec<String>,
}

/// Personal: no `Debug`.
#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Patient {
    #[serde(default)]
    pub identifier: Vec<Identifier>,
    #[serde(default)]
    pub name: Vec<Name>,
    pub deceased_boolean: Option<bool>,
    /// Not in the profile, but as much a death as the other.
    pub deceased_date_time: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub struct Episode {
    pub identifier: Option<Identifier>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Encounter {
    pub status: Option<String>,
    pub class: Option<Coding>,
    pub period: Option<Period>,
    #[serde(default)]
    pub episode_of_care: Vec<Episode>,
    #[serde(default)]
    pub extension: Vec<Extension>,
    pub service_provider: Option<Reference>,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub struct Organization {
    pub id: Option<String>,
    #[serde(default)]
    pub identifier: Vec<Identifier>,
    pub name: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub struct Activity {
    #[serde(default)]
    pub coding: Vec<Coding>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Provenance {
    #[serde(default)]
    pub target: Vec<Reference>,
    pub occurred_date_time: Option<String>,
    pub recorded: Option<String>,
    pub activity: Option<Activity>,
}

/// A message with a header. The other resources may be missing or unreadable: that is content, and refused as such.
#[derive(Clone)]
pub struct Envelope {
    pub bundle_id: Option<String>,
    pub is_message: bool,
    pub timestamp: Option<String>,
    pub header_id: String,
    /// Whether the header is the first entry, as the standard demands.
    pub is_header_first: bool,
    pub header: Header,
    pub patients: Vec<Result<Patient, Issue>>,
    pub encounters: Vec<Result<Encounter, Issue>>,
    pub organizations: Vec<Organization>,
    pub provenances: Vec<Result<Provenance, Issue>>,
}

impl Envelope {
    pub fn is_acknowledgement(&self) -> bool {
        let code = self.header.event_coding.as_ref().and_then(|coding| coding.code.as_deref());
        code == Some("acknowledgement-message")
    }

    /// The organization that a reference names, by the end of it.
    pub fn organization(&self, reference: Option<&Reference>) -> Option<&Organization> {
        let wanted = last_part(reference?.reference.as_deref()?);
        self.organizations.iter().find(|it| it.id.as_deref() == Some(wanted))
    }
}

/// `Type/id`, `https://…/Type/id` and `urn:uuid:id` all end in the id.
pub fn last_part(reference: &str) -> &str {
    reference.rsplit(['/', ':']).next().unwrap_or(reference)
}

/// Reads a bundle. Errors: see [`Unreadable`].
pub fn read(message: Value) -> Result<Envelope, Unreadable> {
    let unreadable = |what| Unreadable { what };
    let bundle: RawBundle = serde_json::from_value(message).map_err(|_| unreadable("not-a-bundle"))?;
    if bundle.resource_type != "Bundle" {
        return Err(unreadable("not-a-bundle"));
    }
    if bundle.entry.len() > ENTRIES_MAX {
        return Err(unreadable("too-many-entries"));
    }
    let mut envelope = Envelope {
        bundle_id: bundle.id,
        is_message: bundle.kind.as_deref() == Some("message"),
        timestamp: bundle.timestamp,
        header_id: String::new(),
        is_header_first: false,
        header: Header::default(),
        patients: Vec::new(),
        encounters: Vec::new(),
        organizations: Vec::new(),
        provenances: Vec::new(),
    };
    for (place, resource) in bundle.entry.into_iter().filter_map(|entry| entry.resource).enumerate() {
        let Some(kind) = resource.get("resourceType").and_then(Value::as_str).map(str::to_owned) else {
            continue;
        };
        match kind.as_str() {
            "MessageHeader" if envelope.header_id.is_empty() => {
                envelope.header =
                    serde_json::from_value(resource).map_err(|_| unreadable("header-unreadable"))?;
                envelope.header_id = envelope.header.id.clone().unwrap_or_default();
                envelope.is_header_first = place == 0;
            }
            "Patient" => envelope.patients.push(typed(resource, Issue::wrong_type("Patient"))),
            "Encounter" => envelope.encounters.push(typed(resource, Issue::wrong_type("Encounter"))),
            "Provenance" => envelope.provenances.push(typed(resource, Issue::wrong_type("Provenance"))),
            "Organization" => envelope.organizations.extend(serde_json::from_value::<Organization>(resource)),
            _ => {}
        }
    }
    match envelope.header_id.len() {
        0 => Err(unreadable("no-message-header")),
        length if length > ID_MAX => Err(unreadable("header-id-too-long")),
        _ => Ok(envelope),
    }
}

fn typed<T: serde::de::DeserializeOwned>(resource: Value, issue: Issue) -> Result<T, Issue> {
    serde_json::from_value(resource).map_err(|_| issue)
}

/// A time with its own offset; the season says nothing about it. Errors: none or another shape.
pub fn time(text: Option<&str>, at: &'static str) -> Result<DateTime<Utc>, Issue> {
    let text = text.ok_or(Issue::missing(at))?;
    DateTime::parse_from_rfc3339(text).map(|time| time.to_utc()).map_err(|_| Issue::wrong_type(at))
}
