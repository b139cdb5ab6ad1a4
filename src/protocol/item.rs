//! One item of `POST /v1/observations`, read from JSON.
//!
//! Owns the rule that a fact is never refused for its form while its kind and its id can be read: what cannot be read
//! besides is left out and marked, a text that is too long is cut, an id that must not be stored becomes a digest.
//! Must never know whose token sent it.

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::observations::{LiveFacts, Mark, OF, Observed, Said, WHOSE};
use super::problem::Problem;
use super::text::Text;
use super::wire;
use crate::domain::calendar;
use crate::domain::identity::{AgreementId, CitizenId, Code, ExternalId, Key};
use crate::domain::masking::{Field, Masking};
use crate::domain::observation::{Observation, Rank};

/// Fields that are left out one after the other until the rest can be read, at most.
const DROPPED_MAX: usize = 16;
/// What stands for a word that no list has, where the kind must have one.
const OTHER: &str = "other";

/// Ids by their name on the wire, and what each names.
const IDS: [(&str, Field); 9] = [
    ("call", Field::Call),
    ("queue", Field::Call),
    ("agent", Field::Call),
    ("alarm", Field::Other),
    ("device", Field::Device),
    ("citizen", Field::Other),
    ("stay", Field::Other),
    ("department", Field::Other),
    ("visit", Field::Other),
];
const TEXTS: [&str; 3] = ["caller", "caller_name", "text"];
const TIMES: [&str; 5] = ["at", "expected_at", "agreed_at", "told_at", "notified_at"];
/// Words that a kind must have and any of which may stand in the log.
const CODES: [&str; 2] = ["to", "told_by"];

/// What stands where a kind must have a word and has none that can be read: the one that asks the most of us.
const INSTEAD: [(&str, &str, &str); 3] = [
    ("call-missed", "reason", "hung-up"),
    ("stay-admitted", "setting", "inpatient"),
    ("visit-cancelled", "by", "municipality"),
];

/// Reads one item. The key is handed back even when the rest is refused,
/// so that the answer names it.
///
/// # Errors
/// Of the second: a problem with the field; no kind or no id can be read, or what the kind cannot be without.
pub fn parse_item(
    item: Value,
    now: DateTime<Utc>,
    masking: &Masking,
) -> (Option<Key>, Result<Observed, Problem>) {
    if let Err(problem) = wire::check_depth(&item) {
        return (None, Err(problem));
    }
    let Value::Object(mut fields) = item else {
        return (None, Err(Problem::new(422, "not-an-object")));
    };
    let mut marks = Vec::new();
    let key = fields.get("key").cloned().and_then(plain).and_then(|text| masking.key(&text));
    let key = match key {
        Some((key, masked)) => {
            marks.extend(masked.map(Mark::from));
            key
        }
        None => {
            marks.push(Mark::KeyMissing);
            let whole = Value::Object(fields.clone()).to_string();
            Key::of_bytes("keyless-", &Sha256::digest(whole.as_bytes())[..16])
        }
    };
    let read = read(&mut fields, key.clone(), now, masking, marks);
    (Some(key), read)
}

fn read(
    fields: &mut Map<String, Value>,
    key: Key,
    now: DateTime<Utc>,
    masking: &Masking,
    mut marks: Vec<Mark>,
) -> Result<Observed, Problem> {
    with_zone(fields, &mut marks);
    let at = fields.get("at").and_then(|value| wire::time("at", value).ok());
    if at.is_none() {
        marks.push(Mark::TimeUnreadable);
    }
    let agreement: Option<AgreementId> = match fields.get("agreement") {
        None | Some(Value::Null) => None,
        Some(value) => Some(wire::read("agreement", value.clone())?),
    };
    let body = fields.remove("observation");
    let body = body.ok_or_else(|| Problem::field(422, "missing-field", "observation"))?;
    let (tag, mut body) = wire::tagged("observation", body)?;
    if !Observation::TYPES.iter().any(|(name, _)| *name == tag) {
        return Err(Problem::field(422, "unknown-observation", "observation.type"));
    }
    with_zone(&mut body, &mut marks);
    settle(&mut body, masking, &mut marks);
    let (observation, live) = told(&tag, body, at.unwrap_or(now), &mut marks)?;
    marks.sort_unstable();
    marks.dedup();
    Ok(Observed {
        key,
        at: at.unwrap_or(now),
        agreement,
        candidates: Vec::new(),
        rank: Rank::Event,
        observation,
        live,
        said: Said { is_timed: at.is_some(), is_session: false, marks },
    })
}

/// A time without a zone is Danish.
fn with_zone(fields: &mut Map<String, Value>, marks: &mut Vec<Mark>) {
    for name in TIMES {
        let local = fields.get(name).and_then(Value::as_str).and_then(|text| text.trim().parse().ok());
        if let Some(local) = local {
            fields.insert(name.into(), calendar::instant(local).to_rfc3339().into());
            marks.push(Mark::TimeUnreadable);
        }
    }
}

/// Texts are cut, ids made storable, words that are not words taken as `other`.
fn settle(body: &mut Map<String, Value>, masking: &Masking, marks: &mut Vec<Mark>) {
    for name in TEXTS {
        let Some(Value::String(text)) = body.get_mut(name) else { continue };
        if Text::new(text).is_err() {
            *text = Text::cut(text).into();
            marks.push(Mark::TextCut);
        }
    }
    for (name, field) in IDS {
        let Some(text) = body.get(name).cloned().and_then(plain) else { continue };
        let kept = match name {
            "citizen" => masking.citizen(&text).map(|(id, masked)| (id.to_string(), masked)),
            _ => masking.id(field, &text).map(|(id, masked)| (id.to_string(), masked)),
        };
        // Nothing but blanks stays as it is: no id.
        let Some((id, masked)) = kept else { continue };
        marks.extend(masked.map(Mark::from));
        body.insert(name.into(), Value::String(id));
    }
    for name in CODES {
        let is_word = |value: &Value| value.as_str().is_some_and(|text| Code::new(text).is_ok());
        if body.get(name).is_some_and(|value| !is_word(value)) {
            body.insert(name.into(), OTHER.into());
            marks.push(Mark::FieldDropped);
        }
    }
}

/// A string, or a number as an id is sometimes written.
fn plain(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        Value::Number(number) if number.is_u64() || number.is_i64() => Some(number.to_string()),
        _ => None,
    }
}

/// The fact. A field that cannot be read and that the kind can be without is left out.
fn told(
    tag: &str,
    mut body: Map<String, Value>,
    at: DateTime<Utc>,
    marks: &mut Vec<Mark>,
) -> Result<(Observation, LiveFacts), Problem> {
    let live = live(tag, &mut body, marks);
    if tag == "citizen-matched" {
        whose(&mut body, marks)?;
    }
    for _ in 0..DROPPED_MAX {
        let problem = match fact(tag, body.clone()) {
            Ok(fact) => return Ok((fact, live)),
            Err(problem) => problem,
        };
        let field = problem.field.as_deref().and_then(|path| path.strip_prefix("observation."));
        let name = field.map(|path| path.split(['.', '[']).next().unwrap_or(path).to_owned());
        let instead = name
            .as_deref()
            .and_then(|name| instead(tag, name, at))
            .filter(|it| body.get(&it.0) != Some(&it.1));
        if let Some((name, value)) = instead {
            body.insert(name, value);
            marks.push(Mark::FieldDropped);
            continue;
        }
        let Some(name) = name.filter(|name| body.contains_key(name)) else { return Err(problem) };
        body.remove(&name);
        // What it cannot be without is missed at the next try: then this is what to say.
        if let Err(without) = fact(tag, body.clone())
            && without.field == problem.field
        {
            return Err(problem);
        }
        marks.push(Mark::FieldDropped);
    }
    Err(Problem::field(422, "bad-value", "observation"))
}

fn fact(tag: &str, fields: Map<String, Value>) -> Result<Observation, Problem> {
    let read = Observation::read(tag, Value::Object(fields));
    let read = read.ok_or_else(|| Problem::field(422, "unknown-observation", "observation.type"))?;
    read.map_err(|bad| wire::at_fault("observation", bad))
}

/// Takes out the live data that a kind may bring.
fn live(tag: &str, body: &mut Map<String, Value>, marks: &mut Vec<Mark>) -> LiveFacts {
    let mut live = LiveFacts::default();
    for name in LiveFacts::of(tag) {
        if let (Some(place), Some(text)) = (live.named(name), optional::<Text>(body, name, marks)) {
            *place = Some(text);
        }
    }
    live
}

/// Of a match one of three is named: makes that the fact's one field. Who it is is asked first.
fn whose(body: &mut Map<String, Value>, marks: &mut Vec<Mark>) -> Result<(), Problem> {
    let mut named = Map::new();
    for name in WHOSE {
        if let Some(id) = optional::<ExternalId>(body, name, marks) {
            named.insert(name.into(), String::from(id).into());
        }
    }
    if named.len() == 1 {
        body.insert(OF.into(), Value::Object(named));
        return Ok(());
    }
    let citizen = body.remove("citizen");
    let citizen = citizen.ok_or_else(|| Problem::field(422, "missing-field", "observation.citizen"))?;
    wire::read::<CitizenId>("observation.citizen", citizen)?;
    Err(Problem::field(422, "exactly-one-of", "observation.stay"))
}

/// Takes out what a kind can be without. What cannot be read is left out.
fn optional<T: DeserializeOwned>(
    body: &mut Map<String, Value>,
    name: &str,
    marks: &mut Vec<Mark>,
) -> Option<T> {
    let value = body.remove(name).filter(|value| !value.is_null())?;
    let read = serde_json::from_value(value).ok();
    marks.extend(read.is_none().then_some(Mark::FieldDropped));
    read
}

/// The word, or the time, that stands for one that cannot be read.
fn instead(tag: &str, field: &str, at: DateTime<Utc>) -> Option<(String, Value)> {
    let word = INSTEAD.iter().find(|(kind, name, _)| *kind == tag && *name == field);
    match word {
        Some((_, name, word)) => Some(((*name).to_owned(), (*word).into())),
        None if field == "told_at" => Some((field.to_owned(), at.to_rfc3339().into())),
        None => None,
    }
}
