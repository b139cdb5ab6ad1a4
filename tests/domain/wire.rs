//! The two boards on the wire: what is offered can be sent, and what is sent is what was meant.

use serde_json::{Value, json};
use vagttavle::domain::observation::{CancelledBy, Help};
use vagttavle::domain::{Command, discharges, visits};
use vagttavle::protocol::commands::{ForDomain, WireCommand, parse};

use crate::homecare::*;

const TUESDAY: &str = "2026-11-24T06:00:00Z";

fn sent(command: Value) -> Result<Command, vagttavle::protocol::Problem> {
    let parsed = parse(json!({ "id": "k-1", "command": command }))?;
    match parsed.command.for_domain(parsed.board)? {
        ForDomain::Command(command) => Ok(command),
        ForDomain::WriteThrough(through) => panic!("{through:?}"),
    }
}

#[test]
fn each_command_is_read_as_it_is_meant() {
    let expected_at = at("2026-11-24T12:00:00Z");
    let by_hand = |agreement: Option<&str>, whose: Option<&str>| {
        Command::Discharges(discharges::Command::Open {
            agreement: agreement.map(agreement_id),
            citizen: whose.map(citizen),
            expected_at,
            told_by: code("nurse"),
        })
    };
    let door = |step: Option<&str>, done, outcome: Option<&str>| {
        Command::Visits(visits::Command::Door { step: step.map(code), done, outcome: outcome.map(code) })
    };
    let when = "2026-11-24T13:00:00+01:00";
    let cases = [
        (
            json!({ "type": "discharges.open", "agreement": "norddjurs", "citizen": "c-1", "expected_at": when, "told_by": "nurse" }),
            by_hand(Some("norddjurs"), Some("c-1")),
        ),
        (
            json!({ "type": "discharges.expect", "expected_at": when, "told_by": "nurse" }),
            by_hand(None, None),
        ),
        (json!({ "type": "discharges.resume" }), resume()),
        (json!({ "type": "discharges.stop", "reason": "moved" }), stop("moved")),
        (json!({ "type": "discharges.step", "step": "key" }), step("key", true)),
        (json!({ "type": "discharges.step", "step": "key", "done": false }), step("key", false)),
        (json!({ "type": "discharges.assessors-told", "told": true }), assessors_told(true)),
        (json!({ "type": "visits.contact", "reached": false }), contact(false)),
        (
            json!({ "type": "visits.move", "to": when, "asked_by": "citizen" }),
            move_to("2026-11-24T12:00:00Z", CancelledBy::Citizen),
        ),
        (
            json!({ "type": "visits.move", "to": when, "asked_by": "provider", "confirmed": true }),
            move_anyway("2026-11-24T12:00:00Z", CancelledBy::Provider),
        ),
        (json!({ "type": "visits.replace", "at": when }), replace("2026-11-24T12:00:00Z")),
        (json!({ "type": "visits.door", "step": "car" }), door(Some("car"), true, None)),
        (json!({ "type": "visits.door", "step": "car", "done": false }), door(Some("car"), false, None)),
        (json!({ "type": "visits.door", "outcome": "let-in" }), door(None, true, Some("let-in"))),
        (json!({ "type": "visits.done" }), visit_receipted()),
        (json!({ "type": "visits.cancel", "by": "citizen" }), cancel(CancelledBy::Citizen)),
    ];
    for (wire, command) in cases {
        assert_eq!(sent(wire.clone()), Ok(command), "{wire}");
    }
}

#[test]
fn a_mistake_names_its_field() {
    for (wire, code, field) in [
        (json!({ "type": "discharges.expect", "told_by": "nurse" }), "missing-field", "command.expected_at"),
        (
            json!({ "type": "discharges.expect", "expected_at": "2026-11-24T13:00:00", "told_by": "nurse" }),
            "time-without-zone",
            "command.expected_at",
        ),
        (
            json!({ "type": "discharges.open", "citizen": "0101011234", "expected_at": "2026-11-24T13:00:00Z", "told_by": "nurse" }),
            "looks-like-cpr",
            "command.citizen",
        ),
        (
            json!({ "type": "visits.move", "to": "2026-11-24T13:00:00Z", "asked_by": "me" }),
            "unknown-code",
            "command.asked_by",
        ),
        (json!({ "type": "visits.contact" }), "missing-field", "command.reached"),
    ] {
        let problem = sent(wire.clone()).unwrap_err();
        assert_eq!((problem.code.as_str(), problem.field.as_deref()), (code, Some(field)), "{wire}");
    }
}

#[test]
fn stopping_demands_the_version_that_was_read() {
    let parsed = parse(json!({ "id": "k-1", "command": { "type": "discharges.stop", "reason": "moved" } }));
    assert!(parsed.unwrap().command.demands_version());
}

#[test]
fn every_verb_offered_can_be_sent_and_its_entry_reads_back() {
    let mut world = World::at(TUESDAY, "norddjurs");
    world.given(TUESDAY, visit("v", Help::Practical, "2026-11-24T08:00:00Z")).given(TUESDAY, discharged("s"));
    world.does(world.id_of("v"), door_step("car"));
    for name in ["v", "s"] {
        let shown = world.shown(name);
        for action in &shown.actions {
            let (board, verb) = action.verb.split_once('.').unwrap();
            assert_eq!(board, shown.board().name());
            assert!(WireCommand::TYPES.contains(&verb), "{} cannot be sent", action.verb);
        }
        let json = serde_json::to_value(&shown).unwrap();
        assert_eq!(json["board"], json!(shown.board().name()));
        let back: vagttavle::protocol::Entry = serde_json::from_value(json).unwrap();
        assert_eq!(back, shown);
    }
}

#[test]
fn a_warning_carries_the_clause_and_what_it_says() {
    let mut world = World::at(TUESDAY, "norddjurs");
    world.given(TUESDAY, visit("v", Help::Personal, "2026-11-24T08:00:00Z"));
    let refused =
        world.tries("anna", Some(world.id_of("v")), move_to("2026-11-24T10:00:00Z", CancelledBy::Provider));
    let problem = vagttavle::protocol::Problem::from(&refused.unwrap_err());
    assert_eq!((problem.status, problem.code.as_str()), (422, "against-contract"));
    assert_eq!(problem.arguments["clause"], json!("3.5.4"));
    assert!(problem.arguments["says"].as_str().is_some_and(|says| says.len() > 10));
}
