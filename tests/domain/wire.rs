//! The two boards on the wire: what is offered can be sent, and what is sent is what was meant.

use serde_json::{Value, json};
use vagttavle::domain::observation::{CancelledBy, Help};
use vagttavle::domain::{Command, discharges, visits};
use vagttavle::protocol::commands::{self, parse, verb_of};

use crate::homecare::*;

const TUESDAY: &str = "2026-11-24T06:00:00Z";

fn sent(command: Value) -> Result<Command, vagttavle::protocol::Problem> {
    let parsed = parse(json!({ "id": "k-1", "command": command }))?;
    match parsed.command(None)? {
        commands::Command::Plain(command) => Ok(command),
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_command_is_read_as_it_is_meant() {
    let expected_at = at("2026-11-24T12:00:00Z");
    let by_hand = Command::Discharges(discharges::Command::Open {
        agreement: Some(agreement_id("norddjurs")),
        citizen: Some(citizen("c-1")),
        expected_at,
        told_by: word("nurse"),
    });
    let expected = Command::Discharges(discharges::Command::Expect {
        agreement: None,
        citizen: None,
        expected_at,
        told_by: word("nurse"),
    });
    let door = |step: Option<&str>, done, outcome: Option<&str>| {
        Command::Visits(visits::Command::Door {
            steps: Vec::new(),
            step: step.map(word),
            done,
            outcome: outcome.map(word),
            skipped: None,
        })
    };
    let when = "2026-11-24T13:00:00+01:00";
    let cases = [
        (
            json!({ "type": "discharges.open", "agreement": "norddjurs", "citizen": "c-1", "expected_at": when, "told_by": "nurse" }),
            by_hand,
        ),
        (json!({ "type": "discharges.expect", "expected_at": when, "told_by": "nurse" }), expected),
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
        // On no list.
        (json!({ "type": "visits.door", "step": "roof" }), "unknown-code", "command.step"),
        (json!({ "type": "visits.door", "outcome": "gone" }), "unknown-code", "command.outcome"),
        (json!({ "type": "discharges.step", "step": "roof" }), "unknown-code", "command.step"),
        (json!({ "type": "discharges.stop", "reason": "joined" }), "unknown-code", "command.reason"),
        (json!({ "type": "alarms.close", "outcome": "splendid" }), "unknown-code", "command.outcome"),
        (json!({ "type": "alarms.redirect", "to": "moon" }), "unknown-code", "command.to"),
        (
            json!({ "type": "alarms.respond", "with": "nurse", "helper": "superman" }),
            "unknown-code",
            "command.helper",
        ),
        (
            json!({ "type": "alarms.contest-redirect", "reason": "bad-mood" }),
            "unknown-code",
            "command.reason",
        ),
        (json!({ "type": "alarms.justify.sent", "channel": "pigeon" }), "unknown-code", "command.channel"),
        (
            json!({ "type": "alarms.correct", "what": "weather", "reason": "wrong-entry" }),
            "unknown-code",
            "command.what",
        ),
        (
            json!({ "type": "alarms.correct", "what": "redirect", "reason": "whim" }),
            "unknown-code",
            "command.reason",
        ),
        // Of another board.
        (
            json!({ "type": "alarms.correct", "what": "call-back", "reason": "wrong-entry" }),
            "unknown-code",
            "command.what",
        ),
        (
            json!({ "type": "discharges.expect", "expected_at": "2026-11-24T13:00:00Z", "told_by": "the-postman" }),
            "unknown-code",
            "command.told_by",
        ),
        (
            json!({ "type": "duties.postpone", "until": "2026-11-24T13:00:00Z", "reason": "no-mood" }),
            "unknown-code",
            "command.reason",
        ),
        (json!({ "type": "duties.notify", "what": "boredom" }), "unknown-code", "command.what"),
        (json!({ "type": "duties.done", "to": "my-friend" }), "unknown-code", "command.to"),
        (json!({ "type": "phone.give-up", "reason": "too-tired" }), "unknown-code", "command.reason"),
        // The timer's own.
        (json!({ "type": "phone.give-up", "reason": "kept-period-over" }), "unknown-code", "command.reason"),
        (
            json!({ "type": "alarms.open", "expected_at": "2026-11-24T13:00:00Z", "told_by": "nurse" }),
            "unknown-command",
            "command.type",
        ),
        (json!({ "type": "visits.sign-on" }), "unknown-command", "command.type"),
    ] {
        let problem = sent(wire.clone()).unwrap_err();
        assert_eq!((problem.code.as_str(), problem.field.as_deref()), (code, Some(field)), "{wire}");
    }
}

#[test]
fn stopping_demands_the_version_that_was_read() {
    let parsed = parse(json!({ "id": "k-1", "command": { "type": "discharges.stop", "reason": "moved" } }));
    assert!(parsed.unwrap().command(None).unwrap().demands_version());
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
            assert!(verb_of(shown.board(), verb).is_some(), "{} cannot be sent", action.verb);
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
