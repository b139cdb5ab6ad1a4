//! Stable names, versions and fields of everything that is ever written to the log.
//!
//! Owns how a kind is named (its board, or what it is of else, and the event), and the list that may only grow: the payload
//! fields with their privacy class. A field that is not on the list cannot be stored. What was ever released is never
//! renamed nor removed: a test keeps a payload of each. Must never know how a record is kept on disk.

use serde_json::{Map, Value};

use super::{Event, boards};

/// What a stored field may be. Names, numbers, addresses, CPR and free text have no class: they cannot be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Privacy {
    /// An id that says nothing by itself.
    Opaque,
    Time,
    /// A word from a list, a yes or no, a rule of an agreement.
    Code,
    Count,
}

/// A payload as stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Encoded {
    /// `board.event`, e.g. `alarms.raised`.
    pub kind: String,
    pub version: u16,
    pub payload: Value,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadKind {
    #[error("unknown kind {kind} version {version}")]
    Unknown { kind: String, version: u16 },
    #[error("payload of {kind} cannot be read: {why}")]
    Payload { kind: String, why: String },
    #[error("field {field} of {kind} is not on the list of what may be stored")]
    Field { kind: String, field: String },
}

/// Kinds whose payload has changed since they were released, with the version that is written now; of all others it is 1.
const CHANGED: &[(&str, u16)] = &[];

/// Every payload field with its class. `agreement.adopted` holds a whole agreement under `agreement`: rules and
/// the municipality's own numbers, nothing about a citizen.
pub const FIELDS: &[(&str, Privacy)] = &[
    ("about", Privacy::Opaque),
    ("against_contract", Privacy::Code),
    ("agreed_at", Privacy::Time),
    ("agreement", Privacy::Code),
    ("agreement_version", Privacy::Code),
    ("agreements", Privacy::Code),
    ("alarm", Privacy::Opaque),
    ("arrive_due", Privacy::Time),
    ("asked_by", Privacy::Code),
    ("at", Privacy::Time),
    ("by", Privacy::Opaque),
    ("by_hand", Privacy::Code),
    ("call", Privacy::Opaque),
    ("cancelled_by", Privacy::Code),
    ("candidates", Privacy::Code),
    ("channel", Privacy::Code),
    ("check", Privacy::Code),
    ("citizen", Privacy::Opaque),
    ("clause", Privacy::Code),
    ("corrected_at", Privacy::Time),
    ("corrects", Privacy::Code),
    ("department", Privacy::Opaque),
    ("device", Privacy::Opaque),
    ("done", Privacy::Code),
    ("dues", Privacy::Time),
    ("duty", Privacy::Code),
    ("expected_at", Privacy::Time),
    ("form", Privacy::Code),
    ("from", Privacy::Opaque),
    ("grant", Privacy::Code),
    ("halt", Privacy::Code),
    ("hash", Privacy::Opaque),
    ("help", Privacy::Code),
    ("helper", Privacy::Code),
    ("holder", Privacy::Opaque),
    ("id", Privacy::Opaque),
    ("in_time", Privacy::Code),
    ("justification_due", Privacy::Time),
    ("late", Privacy::Code),
    ("limit", Privacy::Code),
    ("line", Privacy::Count),
    ("minutes", Privacy::Count),
    ("moved_to", Privacy::Time),
    ("name", Privacy::Opaque),
    ("namespace", Privacy::Opaque),
    ("number", Privacy::Count),
    ("of", Privacy::Code),
    ("origin", Privacy::Opaque),
    ("outcome", Privacy::Code),
    ("owner", Privacy::Opaque),
    ("plan", Privacy::Code),
    ("planned", Privacy::Code),
    ("promise_at", Privacy::Time),
    ("queue", Privacy::Opaque),
    ("rank", Privacy::Code),
    ("reached", Privacy::Code),
    ("reason", Privacy::Code),
    ("receipt", Privacy::Opaque),
    ("reference", Privacy::Opaque),
    ("replaced_at", Privacy::Time),
    ("replacement", Privacy::Code),
    ("resume_due", Privacy::Time),
    ("ring_out", Privacy::Time),
    ("ring_out_at", Privacy::Time),
    ("role", Privacy::Code),
    ("row", Privacy::Count),
    ("rows", Privacy::Count),
    ("setting", Privacy::Code),
    ("skipped", Privacy::Code),
    ("source", Privacy::Opaque),
    ("starts", Privacy::Code),
    ("stay", Privacy::Opaque),
    ("step", Privacy::Code),
    ("technical", Privacy::Code),
    ("test", Privacy::Code),
    ("times", Privacy::Count),
    ("to", Privacy::Opaque),
    ("token_digest", Privacy::Opaque),
    ("told", Privacy::Code),
    ("told_at", Privacy::Time),
    ("told_by", Privacy::Code),
    ("trigger", Privacy::Code),
    ("trouble", Privacy::Code),
    ("until", Privacy::Time),
    ("visit", Privacy::Opaque),
    ("what", Privacy::Code),
    ("why", Privacy::Code),
    ("window", Privacy::Time),
    ("with", Privacy::Code),
];

/// The stable name and the payload. Errors: a kind or field that is not on the lists (a mistake in the program).
pub fn encode(event: &Event) -> Result<Encoded, BadKind> {
    let (board, payload) = event.stored();
    split(board, payload)
}

/// The event of a stored payload. Errors: an unknown kind or version, or a payload that does not fit.
pub fn decode(kind: &str, version: u16, payload: &Value) -> Result<Event, BadKind> {
    version_of(kind)
        .filter(|known| (1..=*known).contains(&version))
        .ok_or_else(|| BadKind::Unknown { kind: kind.into(), version })?;
    let (board, _) = kind.split_once('.').unwrap_or((kind, ""));
    let reader = Event::reader(board).ok_or_else(|| BadKind::Unknown { kind: kind.into(), version })?;
    join(kind, payload, reader)
}

/// The stable name alone.
pub fn kind_of(event: &Event) -> String {
    encode(event).map(|encoded| encoded.kind).unwrap_or_default()
}

/// Every kind there is.
pub fn all() -> Vec<String> {
    let named = |(half, events): (&str, &[&str])| {
        events.iter().map(|event| format!("{half}.{event}")).collect::<Vec<_>>()
    };
    boards::stored_names().flat_map(named).collect()
}

fn version_of(kind: &str) -> Option<u16> {
    let (half, event) = kind.split_once('.')?;
    boards::stored_names().find(|(name, events)| *name == half && events.contains(&event))?;
    let changed = CHANGED.iter().find(|(name, _)| *name == kind);
    Some(changed.map_or(1, |(_, version)| *version))
}

fn split(board: &str, payload: serde_json::Result<Value>) -> Result<Encoded, BadKind> {
    let unknown = |kind: &str| BadKind::Unknown { kind: kind.into(), version: 0 };
    let Ok(Value::Object(mut payload)) = payload else { return Err(unknown(board)) };
    let Some(Value::String(verb)) = payload.remove("type") else { return Err(unknown(board)) };
    let kind = format!("{board}.{verb}");
    let version = version_of(&kind).ok_or_else(|| unknown(&kind))?;
    check_fields(&kind, &payload)?;
    Ok(Encoded { kind, version, payload: Value::Object(payload) })
}

fn join(
    kind: &str,
    payload: &Value,
    reader: impl Fn(Value) -> serde_json::Result<Event>,
) -> Result<Event, BadKind> {
    let bad = |why: String| BadKind::Payload { kind: kind.into(), why };
    let (_, verb) = kind.split_once('.').unwrap_or(("", kind));
    let mut fields = payload.as_object().cloned().ok_or_else(|| bad("not an object".into()))?;
    fields.insert("type".into(), Value::String(verb.into()));
    reader(Value::Object(fields)).map_err(|error| bad(error.to_string()))
}

/// Refuses a payload with a field, at any depth, that is not on the list. `encode` asks this of every event.
pub fn check_fields(kind: &str, fields: &Map<String, Value>) -> Result<(), BadKind> {
    for (field, value) in fields {
        if !FIELDS.iter().any(|(name, _)| name == field) {
            return Err(BadKind::Field { kind: kind.into(), field: field.clone() });
        }
        // A whole agreement is rules, checked by its own type.
        if kind == "agreements.adopted" && field == "agreement" {
            continue;
        }
        check_value(kind, value)?;
    }
    Ok(())
}

fn check_value(kind: &str, value: &Value) -> Result<(), BadKind> {
    match value {
        Value::Object(fields) => check_fields(kind, fields),
        Value::Array(items) => items.iter().try_for_each(|item| check_value(kind, item)),
        _ => Ok(()),
    }
}
