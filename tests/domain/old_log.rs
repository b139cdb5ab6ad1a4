//! The record of an old log, kept from before the boards were typed columns (30 November 2026): it is read as it was
//! written, and says the same now as then.
//!
//! `old_log/records.jsonl` holds 73 small logs of invented codes and ids, each after a line with its name; between them
//! nearly every kind there was. `old_log/agreements.json` are the agreements they adopt, by their index.
//! `old_log/boards.jsonl` is what was shown of each entry at the end, but for what may be done to it: acts are added. Since then
//! one thing is meant to be otherwise: practical help missed in hospital is owed from its agreed time (N 3.2).

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use vagttavle::domain::identity::{Key, Sequence};
use vagttavle::domain::{Record, State, evolve, kinds};
use vagttavle::protocol::project;

const RECORDS: &str = include_str!("old_log/records.jsonl");
const AGREEMENTS: &str = include_str!("old_log/agreements.json");
const BOARDS: &str = include_str!("old_log/boards.jsonl");

fn field<T: serde::de::DeserializeOwned>(line: &Value, name: &str) -> T {
    serde_json::from_value(line[name].clone()).unwrap_or_else(|error| panic!("{name} of {line}: {error}"))
}

fn record(line: &Value, agreements: &[Value], state: &State) -> Record {
    let kind = line["kind"].as_str().unwrap();
    let payload = match line["payload"].as_u64() {
        Some(index) => &agreements[usize::try_from(index).unwrap()],
        None => &line["payload"],
    };
    let version = field(line, "version");
    let event = kinds::decode(kind, version, payload).unwrap_or_else(|error| panic!("{kind}: {error}"));
    let again = kinds::encode(&event).unwrap();
    assert_eq!((again.kind.as_str(), &again.payload), (kind, payload), "written as it was");
    Record {
        sequence: state.head.next(),
        entry: field(line, "entry"),
        happened_at: field(line, "happened_at"),
        recorded_at: field(line, "recorded_at"),
        actor: field(line, "actor"),
        agreement: field(line, "agreement"),
        event,
        cause: field::<Key>(line, "cause"),
        index: field(line, "index"),
    }
}

/// What is shown of every entry, open or over, oldest first.
fn shown(world: &str, state: &State, now: DateTime<Utc>) -> Vec<String> {
    let mut entries: Vec<_> = state.open_entries().chain(state.closed_entries()).collect();
    entries.sort_by_key(|entry| entry.id);
    let line = |entry| {
        let mut shown = serde_json::to_value(project::entry(state, entry, now)).unwrap();
        shown.as_object_mut().unwrap().remove("actions");
        json!({ "world": world, "entry": shown }).to_string()
    };
    entries.into_iter().map(line).collect()
}

#[test]
fn an_old_log_is_read_as_it_was_written_and_says_what_it_said() {
    let agreements: Vec<Value> = serde_json::from_str(AGREEMENTS).unwrap();
    let (mut state, mut world, mut now) = (State::default(), String::new(), DateTime::<Utc>::MIN_UTC);
    let mut said = Vec::new();
    for line in RECORDS.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        if let Some(name) = line["world"].as_str() {
            said.extend(shown(&world, &state, now));
            (state, world, now) = (State::default(), name.to_owned(), DateTime::<Utc>::MIN_UTC);
            continue;
        }
        let record = record(&line, &agreements, &state);
        now = now.max(record.recorded_at);
        evolve(&mut state, &record);
        assert_eq!(state.head, Sequence(record.sequence.0));
    }
    said.extend(shown(&world, &state, now));
    let known: Vec<Value> = BOARDS.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(said.len(), known.len(), "every entry there was, and no other");
    for (said, known) in said.iter().zip(&known) {
        let said: Value = serde_json::from_str(said).unwrap();
        assert!(still_says(&said, known), "then: {known}\nnow: {said}");
    }
    let known = json!({ "state": "late", "dues": [{ "what": "late" }] });
    assert!(still_says(
        &json!({ "state": "late", "dues": [{ "what": "late", "new": 1 }], "more": true }),
        &known
    ));
    for changed in [json!({ "state": "early" }), json!({}), json!({ "state": "late", "dues": [] })] {
        assert!(!still_says(&changed, &known), "{changed}");
    }
}

/// All that was said then is said now; more may be said since.
fn still_says(said: &Value, known: &Value) -> bool {
    match (said, known) {
        (Value::Object(said), Value::Object(known)) => {
            known.iter().all(|(name, known)| said.get(name).is_some_and(|said| still_says(said, known)))
        }
        (Value::Array(said), Value::Array(known)) => {
            said.len() == known.len() && said.iter().zip(known).all(|(said, known)| still_says(said, known))
        }
        _ => said == known,
    }
}
