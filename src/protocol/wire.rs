//! Reading JSON from outside so that an error names the field and a stable code, never the content.
//!
//! Owns how a mistake in a field becomes a problem, and what no request may be: nested too deep, without a `type`.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::problem::Problem;
use crate::domain::verbs::instant;

/// JSON nested deeper than this is refused (objects and arrays).
pub const DEPTH_MAX: usize = 64;

/// Reads `fields` as `T`. Errors: a problem 422 whose `field` is `prefix` and the path inside.
pub fn read<T: DeserializeOwned>(prefix: &str, fields: Value) -> Result<T, Problem> {
    serde_path_to_error::deserialize(fields).map_err(|error| at_fault(prefix, error))
}

/// The problem 422 of fields that could not be read: its `field` is `prefix` and the path inside.
pub fn at_fault(prefix: &str, error: serde_path_to_error::Error<serde_json::Error>) -> Problem {
    let path = error.path().to_string();
    let inner = error.into_inner().to_string();
    let (code, missing) = classify(&inner);
    let mut parts: Vec<&str> = Vec::new();
    if !prefix.is_empty() {
        parts.push(prefix);
    }
    if path != "." {
        parts.push(&path);
    }
    if let Some(name) = missing {
        parts.push(name);
    }
    Problem::field(422, code, parts.join("."))
}

/// Turns a reader's message into a stable code; the missing or unknown field's name is ours, not content.
fn classify(message: &str) -> (&'static str, Option<&str>) {
    let quoted = || message.split('`').nth(1);
    if message.starts_with("missing field") {
        return ("missing-field", quoted());
    }
    if message.starts_with("unknown field") {
        return ("unknown-field", None);
    }
    if message.starts_with("unknown variant") {
        return ("unknown-code", None);
    }
    let known = [
        ("looks like a CPR number", "looks-like-cpr"),
        ("looks like a phone number", "looks-like-phone"),
        ("a character that is not allowed", "bad-character"),
        ("too long", "too-long"),
        ("longer than", "too-long"),
        ("empty", "empty"),
        ("time without zone", "time-without-zone"),
        ("not a time", "not-a-time"),
    ];
    let code = known.iter().find(|(text, _)| message.starts_with(text)).map_or("bad-value", |(_, code)| code);
    (code, None)
}

/// A time with a zone, as UTC. `what` is the field, for the problem.
pub fn time(field: &str, value: &Value) -> Result<chrono::DateTime<chrono::Utc>, Problem> {
    let text = value.as_str().ok_or_else(|| Problem::field(422, "not-a-time", field))?;
    instant(text).map_err(|code| Problem::field(422, code, field))
}

/// Takes `type` out of an object. Errors: not an object, no `type`.
pub fn tagged(prefix: &str, value: Value) -> Result<(String, Map<String, Value>), Problem> {
    let Value::Object(mut fields) = value else {
        return Err(Problem::field(422, "not-an-object", prefix));
    };
    match fields.remove("type") {
        Some(Value::String(tag)) => Ok((tag, fields)),
        Some(_) => Err(Problem::field(422, "bad-value", format!("{prefix}.type"))),
        None => Err(Problem::field(422, "missing-field", format!("{prefix}.type"))),
    }
}

/// Refuses what is nested too deep. Walks without recursion.
pub fn check_depth(value: &Value) -> Result<(), Problem> {
    let mut left = vec![(value, 1)];
    while let Some((value, depth)) = left.pop() {
        if depth > DEPTH_MAX {
            return Err(Problem::new(422, "nested-too-deep").with("max", DEPTH_MAX));
        }
        match value {
            Value::Array(items) => left.extend(items.iter().map(|item| (item, depth + 1))),
            Value::Object(fields) => left.extend(fields.values().map(|item| (item, depth + 1))),
            _ => {}
        }
    }
    Ok(())
}
