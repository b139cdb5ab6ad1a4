//! The record of an old log, kept from before the boards were typed columns (30 November 2026): it is read as it was
//! written, and says the same now as then.
//!
//! Since then one thing is meant to be otherwise: practical help missed in hospital is owed from its agreed time (N 3.2).

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use vagttavle::domain::{State, evolve};
use vagttavle::protocol::project;

use crate::old_logs::{old_logs, still_says};

/// What is shown of every entry, open or over, oldest first.
fn shown(state: &State, now: DateTime<Utc>) -> Vec<Value> {
    let mut entries: Vec<_> = state.open_entries().chain(state.closed_entries()).collect();
    entries.sort_by_key(|entry| entry.id);
    let said = |entry| {
        let mut shown = serde_json::to_value(project::entry(state, entry, now)).unwrap();
        shown.as_object_mut().unwrap().remove("actions");
        shown
    };
    entries.into_iter().map(said).collect()
}

#[test]
fn an_old_log_is_read_as_it_was_written_and_says_what_it_said() {
    for log in old_logs() {
        let mut state = State::default();
        for record in &log.records {
            evolve(&mut state, record);
            assert_eq!(state.head, record.sequence);
        }
        let said = shown(&state, log.ended_at());
        assert_eq!(said.len(), log.shown.len(), "{}: every entry there was, and no other", log.name);
        for (said, known) in said.iter().zip(&log.shown) {
            assert!(still_says(said, known), "{}\nthen: {known}\nnow: {said}", log.name);
        }
    }
}

#[test]
fn what_is_said_no_more_or_otherwise_is_found() {
    let known = json!({ "state": "late", "dues": [{ "what": "late" }] });
    let more = json!({ "state": "late", "dues": [{ "what": "late", "new": 1 }], "more": true });
    assert!(still_says(&more, &known));
    for changed in [json!({ "state": "early" }), json!({}), json!({ "state": "late", "dues": [] })] {
        assert!(!still_says(&changed, &known), "{changed}");
    }
}
