//! Stable names, versions and fields of everything that is ever written to the log.
//!
//! Owns the two lists that may only grow: the kinds, and the payload fields with their privacy class. A field that
//! is not on the list cannot be stored. Must never know how a record is kept on disk.

use serde_json::{Map, Value};

use super::Event;

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

/// Every kind that has ever been released, with its current version. Never rename, never remove.
pub const KINDS: &[(&str, u16)] = &[
    ("entry.claimed", 1),
    ("entry.released", 1),
    ("entry.taken-over", 1),
    ("entry.claim-expired", 1),
    ("entry.linked", 1),
    ("entry.note-written", 1),
    ("entry.citizen-matched", 1),
    ("entry.remarked", 1),
    ("entry.escalation-begun", 1),
    ("entry.escalation-ended", 1),
    ("entry.municipality-told", 1),
    ("entry.municipality-corrected", 1),
    ("phone.waiting", 1),
    ("phone.arrival-known", 1),
    ("phone.answered", 1),
    ("phone.ended", 1),
    ("phone.missed", 1),
    ("phone.assigned", 1),
    ("phone.called-back", 1),
    ("phone.call-back-tried", 1),
    ("phone.given-up", 1),
    ("phone.documented", 1),
    ("phone.confirmed", 1),
    ("phone.corrected", 1),
    ("phone.waits-in", 1),
    ("phone.became-alarm", 1),
    ("phone.from-colleague", 1),
    ("alarms.raised", 1),
    ("alarms.signalled-again", 1),
    ("alarms.arrival-known", 1),
    ("alarms.assigned", 1),
    ("alarms.answered", 1),
    ("alarms.responded", 1),
    ("alarms.arrived", 1),
    ("alarms.closed", 1),
    ("alarms.cleared", 1),
    ("alarms.presence", 1),
    ("alarms.unanswered", 1),
    ("alarms.redirected", 1),
    ("alarms.redirect-contested", 1),
    ("alarms.justification-begun", 1),
    ("alarms.justification-sent", 1),
    ("alarms.technical-done", 1),
    ("alarms.documented", 1),
    ("alarms.corrected", 1),
    ("alarms.waits-in", 1),
    ("alarms.talk-ended", 1),
    ("alarms.voice-answered", 1),
    ("alarms.rings-anew", 1),
    ("alarms.passed-on", 1),
    ("discharges.opened", 1),
    ("discharges.joined", 1),
    ("discharges.admitted", 1),
    ("discharges.leave-started", 1),
    ("discharges.leave-ended", 1),
    ("discharges.discharge-expected", 1),
    ("discharges.discharged", 1),
    ("discharges.died", 1),
    ("discharges.fact-corrected", 1),
    ("discharges.fact-cancelled", 1),
    ("discharges.resumed", 1),
    ("discharges.stopped", 1),
    ("discharges.step-ticked", 1),
    ("discharges.assessors-told", 1),
    ("discharges.still-there", 1),
    ("discharges.corrected", 1),
    ("discharges.assigned", 1),
    ("visits.opened", 1),
    ("visits.planned", 1),
    ("visits.expected", 1),
    ("visits.started", 1),
    ("visits.fell-silent", 1),
    ("visits.done", 1),
    ("visits.receipt-missing", 1),
    ("visits.lapsed", 1),
    ("visits.contacted", 1),
    ("visits.moved", 1),
    ("visits.replaced", 1),
    ("visits.cancelled", 1),
    ("visits.settled", 1),
    ("visits.door-unanswered", 1),
    ("visits.door-step", 1),
    ("visits.door-closed", 1),
    ("visits.halted", 1),
    ("visits.went-on", 1),
    ("visits.corrected", 1),
    ("visits.assigned", 1),
    ("duties.opened", 1),
    ("duties.fell-late", 1),
    ("duties.assigned", 1),
    ("duties.now-about", 1),
    ("duties.postponed", 1),
    ("duties.done", 1),
    ("duties.withdrawn", 1),
    ("duties.stands-again", 1),
    ("sources.opened", 1),
    ("sources.repeated", 1),
    ("sources.recovered", 1),
    ("sources.done", 1),
    ("complaints.received", 1),
    ("complaints.settled", 1),
    ("complaints.corrected", 1),
    ("devices.heard", 1),
    ("shift.signed-on", 1),
    ("shift.signed-off", 1),
    ("people.added", 1),
    ("people.revoked", 1),
    ("agreements.adopted", 1),
    ("server.id-key-set", 1),
];

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

fn version_of(kind: &str) -> Option<u16> {
    KINDS.iter().find(|(name, _)| *name == kind).map(|(_, version)| *version)
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
