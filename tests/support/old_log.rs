//! The logs kept from before the boards were typed columns (30 November 2026), read from `tests/domain/old_log`.
//!
//! `records.jsonl` holds 73 small logs of invented codes and ids, each after a line with its name; between them nearly
//! every kind there was. `agreements.json` are the agreements they adopt, by their index. `boards.jsonl` is what was
//! shown of each entry at the end, but for what may be done to it: acts are added.

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde_json::Value;
use vagttavle::domain::identity::{Key, Sequence};
use vagttavle::domain::{Record, kinds};

const RECORDS: &str = include_str!("../domain/old_log/records.jsonl");
const AGREEMENTS: &str = include_str!("../domain/old_log/agreements.json");
const BOARDS: &str = include_str!("../domain/old_log/boards.jsonl");

/// One log of before.
#[derive(Debug)]
pub struct OldLog {
    pub name: String,
    pub records: Vec<Record>,
    /// What was shown of its entries, open or over, oldest first.
    pub shown: Vec<Value>,
}

impl OldLog {
    /// When the last of it was recorded.
    pub fn ended_at(&self) -> DateTime<Utc> {
        self.records.iter().map(|it| it.recorded_at).max().unwrap()
    }
}

/// All of them, in the order of the file.
pub fn old_logs() -> Vec<OldLog> {
    let agreements: Vec<Value> = serde_json::from_str(AGREEMENTS).unwrap();
    let mut logs: Vec<OldLog> = Vec::new();
    for line in RECORDS.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        if let Some(name) = line["world"].as_str() {
            logs.push(OldLog { name: name.to_owned(), records: Vec::new(), shown: Vec::new() });
            continue;
        }
        let records = &mut logs.last_mut().unwrap().records;
        records.push(record(&line, &agreements, Sequence(records.len() as u64 + 1)));
    }
    for line in BOARDS.lines() {
        let mut line: Value = serde_json::from_str(line).unwrap();
        let log = logs.iter_mut().find(|log| line["world"] == log.name.as_str()).unwrap();
        log.shown.push(line["entry"].take());
    }
    logs
}

fn field<T: DeserializeOwned>(line: &Value, name: &str) -> T {
    serde_json::from_value(line[name].clone()).unwrap_or_else(|error| panic!("{name} of {line}: {error}"))
}

fn record(line: &Value, agreements: &[Value], sequence: Sequence) -> Record {
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
        sequence,
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

/// All that was said then is said now; more may be said since.
pub fn still_says(said: &Value, known: &Value) -> bool {
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
