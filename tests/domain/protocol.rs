//! The wire: every type of the contract is accepted, every bad input is refused with a stable code and the field.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use vagttavle::domain::identity::Board;
use vagttavle::domain::observation::Observation;
use vagttavle::domain::{Command, Refusal};
use vagttavle::protocol::Problem;
use vagttavle::protocol::commands::{self, Command as Sent, NOTE, verbs};
use vagttavle::protocol::item::parse_item;
use vagttavle::protocol::observations::Mark;

use crate::support::*;

/// One full observation of every type.
fn all_observations() -> Vec<Value> {
    let time = "2026-11-22T03:00:00+01:00";
    vec![
        json!({ "type": "call-waiting", "call": "1795325932.4", "queue": "doegnvagt", "caller": "+45 12 34 56 78",
            "caller_name": "Bodil" }),
        json!({ "type": "call-answered", "call": "c", "agent": "bo" }),
        json!({ "type": "call-missed", "call": "c", "reason": "no-agent" }),
        json!({ "type": "call-ended", "call": "c" }),
        json!({ "type": "alarm-raised", "alarm": "a", "device": "d", "citizen": "x", "trigger": "pendant",
            "technical": false, "test": true, "text": "hjælp" }),
        json!({ "type": "alarm-answered", "alarm": "a", "agent": "bo" }),
        json!({ "type": "alarm-cleared", "alarm": "a" }),
        json!({ "type": "alarm-unanswered", "alarm": "a" }),
        json!({ "type": "alarm-redirected", "alarm": "a", "to": "municipal-unit" }),
        json!({ "type": "help-arrived", "alarm": "a" }),
        json!({ "type": "device-heard", "device": "d" }),
        json!({ "type": "device-silent", "device": "d" }),
        json!({ "type": "device-well", "device": "d", "ends": "mains" }),
        json!({ "type": "device-presence", "device": "d" }),
        json!({ "type": "stay-admitted", "stay": "s", "citizen": "x", "setting": "acute-outpatient", "planned": true,
            "department": "6001" }),
        json!({ "type": "stay-leave-started", "stay": "s" }),
        json!({ "type": "stay-leave-ended", "stay": "s" }),
        json!({ "type": "stay-discharge-expected", "stay": "s", "citizen": "x", "expected_at": time,
            "told_by": "hospital" }),
        json!({ "type": "stay-discharged", "stay": "s", "citizen": "x" }),
        json!({ "type": "stay-died", "stay": "s", "citizen": "x" }),
        json!({ "type": "stay-corrected", "stay": "s", "of": "admitted", "at": time, "setting": "inpatient",
            "department": "6001" }),
        json!({ "type": "stay-cancelled", "stay": "s", "of": "leave-started" }),
        json!({ "type": "citizen-matched", "alarm": "a", "citizen": "x" }),
        json!({ "type": "citizen-moved", "citizen": "x" }),
        json!({ "type": "visit-planned", "visit": "v", "citizen": "x", "grant": "pathway", "help": "food",
            "agreed_at": time, "window": { "from": "07:00", "to": "11:00" } }),
        json!({ "type": "visit-expected", "visit": "v", "expected_at": time }),
        json!({ "type": "visit-started", "visit": "v" }),
        json!({ "type": "visit-done", "visit": "v" }),
        json!({ "type": "visit-cancelled", "visit": "v", "by": "citizen", "told_at": time }),
        json!({ "type": "door-unanswered", "visit": "v" }),
        json!({ "type": "help-granted", "citizen": "x", "help": "practical", "notified_at": time,
            "order_on": "2026-11-20" }),
    ]
}

fn item(observation: Value) -> Value {
    json!({ "key": "k-1", "at": "2026-11-22T02:00:00Z", "agreement": "jammerbugt", "observation": observation })
}

fn refused(item: Value) -> (u16, String, Option<String>) {
    let (_, result) = parse_item(item.clone(), at(NIGHT), &masking());
    let problem = result.err().unwrap_or_else(|| panic!("taken: {item}"));
    (problem.status, problem.code, problem.field)
}

fn is(code: &str, field: &str) -> (u16, String, Option<String>) {
    (422, code.into(), Some(field.into()))
}

/// `observation` without one field, or with another value for it.
fn with(observation: &Value, field: &str, value: Option<Value>) -> Value {
    let mut fields = observation.as_object().unwrap().clone();
    match value {
        Some(value) => fields.insert(field.into(), value),
        None => fields.remove(field),
    };
    Value::Object(fields)
}

#[test]
fn every_type_of_the_contract_is_accepted() {
    let all = all_observations();
    let mut types: Vec<&str> = all.iter().map(|it| it["type"].as_str().unwrap()).collect();
    let mut known: Vec<_> = Observation::TYPES.iter().map(|(name, _)| *name).collect();
    types.sort_unstable();
    known.sort_unstable();
    assert_eq!(types, known);
    for observation in all {
        let (key, result) = parse_item(item(observation.clone()), at(NIGHT), &masking());
        let observed = result.unwrap_or_else(|problem| panic!("{observation}: {problem:?}"));
        assert_eq!(key.unwrap().as_str(), "k-1");
        assert_eq!(observed.at, at(NIGHT));
    }
}

/// Digests of this text are remembered: in another form a fact of yesterday is another fact today.
#[test]
fn a_fact_is_remembered_in_the_form_it_always_had() {
    let form = |observation: Value| {
        let observed = parse_item(item(observation), at(NIGHT), &masking()).1.unwrap();
        serde_json::to_string(&observed.observation).unwrap()
    };
    for (told, kept) in [
        (
            json!({ "type": "call-waiting", "call": "c", "queue": "q", "caller": "+45 12 34 56 78" }),
            r#"{"type":"call-waiting","call":"c","queue":"q"}"#,
        ),
        (
            json!({ "type": "call-answered", "call": "c" }),
            r#"{"type":"call-answered","call":"c","agent":null}"#,
        ),
        (
            json!({ "type": "alarm-raised", "alarm": "a", "text": "Fald" }),
            r#"{"type":"alarm-raised","alarm":"a","device":null,"citizen":null,"trigger":null,"technical":false,"test":false}"#,
        ),
        (
            json!({ "type": "stay-corrected", "stay": "s", "of": "admitted" }),
            r#"{"type":"stay-corrected","stay":"s","of":"admitted","at":null,"setting":null,"department":null}"#,
        ),
        (
            json!({ "type": "stay-cancelled", "stay": "s", "of": "admitted" }),
            r#"{"type":"stay-cancelled","stay":"s","of":"admitted"}"#,
        ),
        (
            json!({ "type": "citizen-matched", "alarm": "a", "citizen": "b-1" }),
            r#"{"type":"citizen-matched","of":{"alarm":"a"},"citizen":"b-1"}"#,
        ),
        (
            json!({ "type": "visit-planned", "visit": "v", "citizen": "b-1", "grant": "pathway", "help": "food",
                "agreed_at": "2026-11-22T03:00:00+01:00" }),
            r#"{"type":"visit-planned","visit":"v","citizen":"b-1","grant":"pathway","help":"food","agreed_at":"2026-11-22T02:00:00Z","window":null}"#,
        ),
    ] {
        assert_eq!(form(told), kept);
    }
}

#[test]
fn a_command_is_remembered_without_what_it_does_not_say() {
    for (board, verb, kept) in [
        (Board::Duties, "done", r#"{"type":"done"}"#),
        (Board::Alarms, "arrive", r#"{"type":"arrive"}"#),
        (Board::Shift, "sign-on", r#"{"type":"sign-on"}"#),
    ] {
        let Some(Ok(Sent::Plain(command))) = Sent::read("command", board, verb, Map::new()) else {
            panic!("{verb} needs no field")
        };
        let written = match &command {
            Command::Duties(it) => serde_json::to_string(it),
            Command::Alarms(it) => serde_json::to_string(it),
            Command::Shift(it) => serde_json::to_string(it),
            other => panic!("{other:?}"),
        };
        assert_eq!(written.unwrap(), kept);
    }
}

#[test]
fn a_match_without_a_citizen_is_told_that_before_that_it_names_too_much() {
    let refused = |citizen: Value| {
        let matched = json!({ "type": "citizen-matched", "alarm": "a", "call": "c", "citizen": citizen });
        let problem = parse_item(item(matched), at(NIGHT), &masking()).1.unwrap_err();
        (problem.code.clone(), problem.field.unwrap_or_default())
    };
    let is = |code: &str, field: &str| (code.to_owned(), field.to_owned());
    assert_eq!(refused(json!("b-1")), is("exactly-one-of", "observation.stay"));
    assert_eq!(refused(json!({})), is("bad-value", "observation.citizen"));
    assert_eq!(refused(json!("")), is("empty", "observation.citizen"));
}

/// What each kind cannot be without: what it is about, and where it matters when.
fn needed(kind: &str) -> &'static [&'static str] {
    match kind {
        "call-waiting" => &["call", "queue"],
        "call-answered" | "call-missed" | "call-ended" => &["call"],
        "alarm-raised" | "alarm-answered" | "alarm-cleared" | "alarm-unanswered" | "help-arrived" => {
            &["alarm"]
        }
        "alarm-redirected" => &["alarm", "to"],
        "device-heard" | "device-silent" | "device-presence" => &["device"],
        "device-well" => &["device", "ends"],
        "stay-corrected" | "stay-cancelled" => &["stay", "of"],
        "stay-discharge-expected" => &["stay", "expected_at", "told_by"],
        "stay-admitted" | "stay-leave-started" | "stay-leave-ended" | "stay-discharged" | "stay-died" => {
            &["stay"]
        }
        "citizen-matched" => &["alarm", "citizen"],
        "citizen-moved" => &["citizen"],
        "visit-planned" => &["visit", "citizen", "grant", "help", "agreed_at"],
        "visit-expected" => &["visit", "expected_at"],
        "visit-started" | "visit-done" | "visit-cancelled" | "door-unanswered" => &["visit"],
        "help-granted" => &["citizen", "help", "notified_at", "order_on"],
        _ => panic!("{kind}"),
    }
}

#[test]
fn a_fact_is_taken_without_every_field_but_those_it_cannot_be_without() {
    for observation in all_observations() {
        let kind = observation["type"].as_str().unwrap().to_owned();
        for field in observation.as_object().unwrap().keys().filter(|field| *field != "type") {
            let without = item(with(&observation, field, None));
            if !needed(&kind).contains(&field.as_str()) {
                assert!(parse_item(without, at(NIGHT), &masking()).1.is_ok(), "{kind} without {field}");
                continue;
            }
            let (status, code, named) = refused(without);
            assert_eq!(status, 422);
            match (kind.as_str(), field.as_str()) {
                ("citizen-matched", "alarm") => assert_eq!(code, "exactly-one-of"),
                _ => assert_eq!(
                    (code.as_str(), named.as_deref()),
                    ("missing-field", Some(format!("observation.{field}").as_str())),
                    "{kind}"
                ),
            }
        }
    }
}

#[test]
fn a_citizen_is_matched_to_exactly_one_thing() {
    for ids in [json!({}), json!({ "alarm": "a", "call": "c" })] {
        let mut observation = json!({ "type": "citizen-matched", "citizen": "x" });
        observation.as_object_mut().unwrap().extend(ids.as_object().unwrap().clone());
        assert_eq!(refused(item(observation)).1, "exactly-one-of");
    }
}

#[test]
fn a_field_of_a_wrong_type_is_left_out_and_marked_where_the_fact_can_be_without_it() {
    for observation in all_observations() {
        let kind = observation["type"].as_str().unwrap().to_owned();
        for field in observation.as_object().unwrap().keys().filter(|field| *field != "type") {
            let wrong = item(with(&observation, field, Some(json!(["no"]))));
            let word = matches!(field.as_str(), "to" | "told_by");
            if !needed(&kind).contains(&field.as_str()) || word {
                let observed = parse_item(wrong, at(NIGHT), &masking()).1;
                let observed = observed.unwrap_or_else(|problem| panic!("{kind} {field}: {problem:?}"));
                assert_eq!(observed.said.marks, [Mark::FieldDropped], "{kind} {field}");
                continue;
            }
            let (status, code, named) = refused(wrong);
            assert_eq!(status, 422);
            let is_named = named.unwrap().starts_with(&format!("observation.{field}"));
            assert!(is_named || code == "exactly-one-of", "{kind} {field}");
            assert!(
                matches!(code.as_str(), "bad-value" | "not-a-time" | "unknown-code" | "exactly-one-of"),
                "{kind} {field}: {code}"
            );
        }
    }
}

#[test]
fn no_fact_is_refused_for_a_clock() {
    let mut it = item(json!({ "type": "call-ended", "call": "c" }));
    for time in [json!("in a while"), json!(1_795_000_000), json!(null), json!("2026-13-01T00:00:00Z")] {
        it["at"] = time;
        let observed = parse_item(it.clone(), at(NIGHT), &masking()).1.unwrap();
        assert_eq!((observed.at, observed.said.is_timed), (at(NIGHT), false));
        assert_eq!(observed.said.marks, [Mark::TimeUnreadable]);
    }
    for ahead in
        ["2026-11-22T02:00:08Z", "2026-11-23T02:00:00Z", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z"]
    {
        it["at"] = json!(ahead);
        let observed = parse_item(it.clone(), at(NIGHT), &masking()).1.unwrap();
        assert_eq!(observed.at, at(ahead), "as told: the writer bounds it");
        assert!(observed.said.is_timed);
    }
    // Without a zone it is Danish time.
    it["at"] = json!("2026-11-22T03:00:00");
    let observed = parse_item(it, at(NIGHT), &masking()).1.unwrap();
    assert_eq!((observed.at, observed.said.marks), (at(NIGHT), vec![Mark::TimeUnreadable]));
    let visit = json!({ "type": "visit-expected", "visit": "v", "expected_at": "2026-11-22T09:00:00" });
    let observed = parse_item(item(visit), at(NIGHT), &masking()).1.unwrap();
    let Observation::VisitExpected { expected_at, .. } = observed.observation else { panic!() };
    assert_eq!(expected_at, at("2026-11-22T08:00:00Z"));
    let visit = json!({ "type": "visit-expected", "visit": "v", "expected_at": "soon" });
    assert_eq!(refused(item(visit)), is("not-a-time", "observation.expected_at"));
}

#[test]
fn an_id_that_must_not_be_stored_is_taken_as_a_digest() {
    let call = |id: Value| item(json!({ "type": "call-ended", "call": id }));
    let taken = |item: Value| parse_item(item, at(NIGHT), &masking()).1.unwrap();
    let one = taken(call(json!("0101701234")));
    assert_eq!(one.said.marks, [Mark::MaskedCpr]);
    for again in [json!("010170-1234"), json!("101701234"), json!(101_701_234), json!(" 010170 1234 ")] {
        assert_eq!(taken(call(again)).observation, one.observation);
    }
    assert!(!format!("{one:?}").contains("010170"));
    assert_eq!(taken(call(json!("x-010170-1234"))).said.marks, [Mark::MaskedCpr]);
    assert_eq!(taken(call(json!("a b"))).said.marks, [Mark::MaskedForm]);
    assert_eq!(taken(call(json!("x".repeat(5_000)))).said.marks, [Mark::MaskedForm]);
    assert_eq!(refused(call(json!(""))), is("empty", "observation.call"));
    // Unix seconds that read as a CPR number are an exchange's call id, and no device's.
    assert_eq!(taken(call(json!("1801123456.4"))).said.marks, []);
    let alarm = taken(item(json!({ "type": "alarm-raised", "alarm": "1801123456", "device": "20304050" })));
    assert_eq!(alarm.said.marks, [Mark::MaskedCpr, Mark::MaskedPhone]);
    for key in [json!("0101701234"), json!("k/010170-1234")] {
        let mut it = call(json!("c"));
        it["key"] = key;
        let observed = taken(it);
        assert_eq!(observed.said.marks, [Mark::MaskedCpr]);
        assert!(observed.key.as_str().starts_with("x-"));
    }
    for keyless in [json!(null), json!({}), json!(" ")] {
        let mut it = call(json!("c"));
        it["key"] = keyless;
        let (one, again) = (taken(it.clone()), taken(it));
        assert_eq!((one.said.marks, one.key), (vec![Mark::KeyMissing], again.key));
    }
    let waiting = json!({ "type": "call-waiting", "call": "c", "queue": "q", "caller": "x".repeat(401) });
    let waiting = taken(item(waiting));
    assert_eq!(waiting.said.marks, [Mark::TextCut]);
    assert!(waiting.live.caller.unwrap().as_str().ends_with('…'));
}

#[test]
fn an_unknown_type_or_code_is_refused_without_repeating_it() {
    let unknown = item(json!({ "type": "citizen-sang", "call": "c" }));
    assert_eq!(refused(unknown.clone()), is("unknown-observation", "observation.type"));
    let of = item(json!({ "type": "stay-cancelled", "stay": "s", "of": "Bodil Hansen" }));
    assert_eq!(refused(of.clone()), is("unknown-code", "observation.of"));
    for it in [unknown, of] {
        let problem = parse_item(it, at(NIGHT), &masking()).1.unwrap_err();
        let text = serde_json::to_string(&problem).unwrap();
        assert!(!text.contains("Bodil") && !text.contains("sang"), "{text}");
    }
}

#[test]
fn an_item_that_is_no_item_says_what_is_missing() {
    assert_eq!(refused(json!("x")), (422, "not-an-object".into(), None));
    assert_eq!(refused(json!({})), is("missing-field", "observation"));
    assert_eq!(refused(json!({ "key": 7 })), is("missing-field", "observation"));
    assert_eq!(refused(json!({ "key": "k" })), is("missing-field", "observation"));
    let at = "2026-11-22T02:00:00Z";
    assert_eq!(refused(json!({ "key": "k", "at": at })), is("missing-field", "observation"));
    assert_eq!(
        refused(json!({ "key": "k", "at": at, "observation": 3 })),
        is("not-an-object", "observation")
    );
    assert_eq!(
        refused(json!({ "key": "k", "at": at, "observation": {} })),
        is("missing-field", "observation.type")
    );
    let agreement = json!({ "key": "k", "at": at, "agreement": "Jammerbugt!", "observation": {} });
    assert_eq!(refused(agreement), is("bad-character", "agreement"));
}

#[test]
fn a_bad_item_is_still_answered_by_its_key() {
    let (key, result) = parse_item(item(json!({ "type": "nonsense" })), at(NIGHT), &masking());
    assert!(result.is_err());
    assert_eq!(key.unwrap().as_str(), "k-1");
}

#[test]
fn what_is_nested_too_deep_is_refused() {
    let mut deep = json!(1);
    for _ in 0..80 {
        deep = json!([deep]);
    }
    let (status, code, _) = refused(item(json!({ "type": "call-ended", "call": deep.clone() })));
    assert_eq!((status, code.as_str()), (422, "nested-too-deep"));
    let problem =
        commands::parse(json!({ "id": "c", "command": { "type": "claim", "x": deep } })).unwrap_err();
    assert_eq!(problem.code, "nested-too-deep");
}

#[test]
fn names_and_numbers_travel_beside_the_fact_and_never_in_it() {
    let observed = parse_item(item(all_observations().remove(0)), at(NIGHT), &masking()).1.unwrap();
    assert_eq!(observed.live.caller_name.as_ref().unwrap().as_str(), "Bodil");
    assert_eq!(observed.observation, call_waiting("1795325932.4"));
    let debug = format!("{observed:?}");
    assert!(!debug.contains("Bodil") && !debug.contains("12 34"), "{debug}");
    let alarm = parse_item(item(all_observations().remove(4)), at(NIGHT), &masking()).1.unwrap();
    assert!(matches!(alarm.observation, Observation::AlarmRaised { test: true, .. }));
    assert_eq!(alarm.live.text.unwrap().as_str(), "hjælp");
}

// ---- commands ------------------------------------------------------------------------------------

/// One full body of every command, with its board.
fn all_commands() -> Vec<(&'static str, Value)> {
    let entry = "019aa000-0000-7000-8000-000000000001";
    let later = "2026-11-22T04:00:00+01:00";
    vec![
        ("alarms", json!({ "type": "claim" })),
        ("phone", json!({ "type": "release" })),
        ("duties", json!({ "type": "take-over" })),
        ("alarms", json!({ "type": "note", "text": "Talte med datteren." })),
        ("alarms", json!({ "type": "assign", "agreement": "jammerbugt" })),
        ("discharges", json!({ "type": "assign", "agreement": "jammerbugt" })),
        ("visits", json!({ "type": "assign", "agreement": "jammerbugt" })),
        ("alarms", json!({ "type": "correct", "what": "redirect", "reason": "wrong-entry" })),
        ("phone", json!({ "type": "correct", "what": "call-back", "reason": "typing-mistake" })),
        ("discharges", json!({ "type": "correct", "what": "stop", "reason": "new-information" })),
        ("visits", json!({ "type": "correct", "what": "door", "reason": "wrong-entry" })),
        ("duties", json!({ "type": "correct", "what": "notice", "reason": "wrong-entry" })),
        ("visits", json!({ "type": "done" })),
        ("sources", json!({ "type": "done" })),
        (
            "complaints",
            json!({ "type": "receive", "form": "written", "what": "late", "agreement": "norddjurs", "citizen": "x" }),
        ),
        (
            "complaints",
            json!({ "type": "settle", "outcome": "forwarded", "reference": "K-1", "confirmed": true }),
        ),
        ("complaints", json!({ "type": "correct", "what": "settlement", "reason": "wrong-entry" })),
        ("phone", json!({ "type": "link", "to": entry })),
        ("phone", json!({ "type": "assign", "agreement": "jammerbugt" })),
        ("phone", json!({ "type": "answer" })),
        ("phone", json!({ "type": "call-back", "reached": false, "promise_at": later })),
        ("phone", json!({ "type": "give-up", "reason": "no-number" })),
        ("phone", json!({ "type": "documented" })),
        ("alarms", json!({ "type": "respond", "with": "112", "helper": "own-team" })),
        ("alarms", json!({ "type": "arrive" })),
        ("alarms", json!({ "type": "close", "outcome": "helped" })),
        ("alarms", json!({ "type": "redirect", "to": "municipal-unit" })),
        ("alarms", json!({ "type": "contest-redirect", "reason": "was-answered" })),
        ("alarms", json!({ "type": "justify.begin" })),
        ("alarms", json!({ "type": "justify.sent", "channel": "letter", "reference": "2026-117/B" })),
        ("alarms", json!({ "type": "technical.done" })),
        ("alarms", json!({ "type": "documented" })),
        ("duties", json!({ "type": "done", "reference": "HP-1", "to": "nurse", "told_at": later })),
        ("duties", json!({ "type": "notify", "what": "abuse", "agreement": "norddjurs", "citizen": "x" })),
        ("duties", json!({ "type": "postpone", "until": later, "reason": "busy-night" })),
        (
            "discharges",
            json!({ "type": "open", "agreement": "norddjurs", "citizen": "x", "expected_at": later,
                "told_by": "hospital" }),
        ),
        (
            "discharges",
            json!({ "type": "expect", "agreement": "norddjurs", "citizen": "x", "expected_at": later,
                "told_by": "hospital" }),
        ),
        ("discharges", json!({ "type": "resume" })),
        ("discharges", json!({ "type": "stop", "reason": "dead" })),
        ("discharges", json!({ "type": "step", "step": "groceries", "done": true })),
        ("discharges", json!({ "type": "assessors-told", "told": true })),
        ("discharges", json!({ "type": "still-there" })),
        ("discharges", json!({ "type": "join", "same_as": "0198f5a0-0000-7000-8000-000000000001" })),
        ("visits", json!({ "type": "contact", "reached": true })),
        ("visits", json!({ "type": "move", "to": later, "asked_by": "citizen", "confirmed": false })),
        ("visits", json!({ "type": "replace", "at": later, "confirmed": true })),
        ("visits", json!({ "type": "door", "step": "windows", "done": true, "outcome": "found-well" })),
        ("visits", json!({ "type": "cancel", "by": "citizen", "told_at": later, "confirmed": false })),
        ("shift", json!({ "type": "sign-on", "until": later })),
        ("shift", json!({ "type": "sign-off" })),
    ]
}

fn request(command: Value) -> Value {
    json!({ "id": "anna-1", "entry": "019aa000-0000-7000-8000-000000000001", "expected_version": 3,
        "happened_at": "2026-11-22T02:55:00+01:00", "command": command })
}

/// Read for an entry of whichever board has the verb.
fn read(body: Value) -> Result<Sent, Problem> {
    let parsed = commands::parse(body.clone())?;
    let verb = body["command"]["type"].as_str().unwrap_or_default();
    let board = Board::ALL.iter().copied().find(|board| commands::verb_of(*board, verb).is_some());
    let board = board.filter(|_| parsed.board.is_none() && parsed.entry.is_some());
    parsed.command(board)
}

fn command_refused(body: Value) -> (u16, String, Option<String>) {
    let problem = read(body.clone()).err().unwrap_or_else(|| panic!("taken: {body}"));
    (problem.status, problem.code, problem.field)
}

#[test]
fn every_command_is_read_with_and_without_its_board() {
    let mut types: BTreeSet<(String, &str)> = BTreeSet::new();
    let all = all_commands();
    for (name, command) in &all {
        let verb = command["type"].as_str().unwrap();
        types.insert(((*name).to_owned(), verb));
        let board = Board::parse(name).unwrap();
        let bare =
            commands::parse(request(command.clone())).unwrap_or_else(|problem| panic!("{verb}: {problem:?}"));
        assert_eq!(bare.board, None, "{verb}");
        assert_eq!(bare.expected_version, Some(3));
        assert_eq!(bare.happened_at, Some(at("2026-11-22T01:55:00Z")));
        let full = with(command, "type", Some(json!(format!("{name}.{verb}"))));
        let full =
            commands::parse(request(full)).unwrap_or_else(|problem| panic!("{name}.{verb}: {problem:?}"));
        assert_eq!(full.board, Some(board));
        let (full, bare) = (full.command(None).unwrap(), bare.command(Some(board)).unwrap());
        assert_eq!(full, bare);
        assert_eq!(matches!(full, Sent::Note { .. }), verb == "note");
        // As sent it is read again as the same.
        let again = json!({ "id": "again", "command": full });
        assert_eq!(commands::parse(again).unwrap().command(Some(board)).unwrap(), full, "{name}.{verb}");
    }
    for board in Board::ALL.iter().copied() {
        for verb in verbs(board) {
            let is_there = types.contains(&(board.name().to_owned(), verb.name));
            assert!(is_there, "{}.{} is not tried", board.name(), verb.name);
        }
    }
    assert!(types.iter().any(|(_, verb)| *verb == NOTE.name));
}

#[test]
fn every_missing_field_of_a_command_is_named() {
    for (board, command) in all_commands() {
        let verb = command["type"].as_str().unwrap().to_owned();
        let named = with(&command, "type", Some(json!(format!("{board}.{verb}"))));
        for field in command.as_object().unwrap().keys() {
            let verb = command["type"].as_str().unwrap();
            if matches!(
                field.as_str(),
                "promise_at" | "helper" | "reference" | "done" | "confirmed" | "told_at"
            ) || (matches!(verb, "open" | "expect" | "notify" | "receive")
                && matches!(field.as_str(), "agreement" | "citizen"))
                || (verb == "door" && field != "type")
                || (verb == "done" && field == "to")
                || (field == "until" && command["type"] == "sign-on")
            {
                continue;
            }
            let without = request(with(&named, field, None));
            assert_eq!(command_refused(without), is("missing-field", &format!("command.{field}")));
        }
    }
    assert_eq!(command_refused(json!({})), is("missing-field", "id"));
    assert_eq!(command_refused(json!({ "id": "x" })), is("missing-field", "command"));
    assert_eq!(command_refused(json!([])), (422, "not-an-object".into(), None));
}

#[test]
fn every_bad_value_of_a_command_is_named() {
    let bad = |command: Value, code: &str, field: &str| {
        assert_eq!(command_refused(request(command)), is(code, field));
    };
    bad(json!({ "type": "sing" }), "unknown-command", "command.type");
    bad(json!({ "type": "kitchen.claim" }), "unknown-command", "command.type");
    bad(json!({ "type": "respond", "with": "fire-brigade" }), "unknown-code", "command.with");
    bad(json!({ "type": "call-back", "reached": "yes" }), "bad-value", "command.reached");
    bad(
        json!({ "type": "call-back", "reached": false, "promise_at": "2026-11-22T04:00:00" }),
        "time-without-zone",
        "command.promise_at",
    );
    bad(
        json!({ "type": "postpone", "until": "soon", "reason": "busy-night" }),
        "not-a-time",
        "command.until",
    );
    bad(json!({ "type": "link", "to": "7" }), "bad-value", "command.to");
    let sent =
        |reference: &str| json!({ "type": "justify.sent", "channel": "letter", "reference": reference });
    bad(sent("010170-1234"), "looks-like-cpr", "command.reference");
    bad(sent("12345678"), "looks-like-phone", "command.reference");
    bad(sent("for bodil"), "bad-character", "command.reference");
    bad(sent(&"A".repeat(41)), "too-long", "command.reference");
    bad(json!({ "type": "note", "text": "x".repeat(8001) }), "too-long", "command.text");
    let mut body = request(json!({ "type": "claim" }));
    body["happened_at"] = json!("2026-11-22T02:55:00");
    assert_eq!(command_refused(body.clone()), is("time-without-zone", "happened_at"));
    body["happened_at"] = Value::Null;
    body["entry"] = json!("seven");
    assert_eq!(command_refused(body.clone()), is("bad-value", "entry"));
    body["entry"] = Value::Null;
    body["expected_version"] = json!(-1);
    assert_eq!(command_refused(body.clone()), is("bad-value", "expected_version"));
    body["expected_version"] = Value::Null;
    body["id"] = json!("0101701234");
    assert_eq!(command_refused(body), is("looks-like-cpr", "id"));
}

#[test]
fn free_text_never_reaches_the_domain() {
    let text = json!({ "type": "justify.sent", "channel": "care-system", "text": "Vi var optaget." });
    let parsed = commands::parse(request(text)).unwrap();
    let command = parsed.command(Some(Board::Alarms)).unwrap();
    assert!(matches!(command, Sent::Justification { .. }));
}

#[test]
fn closing_redirecting_and_stopping_demand_the_version_that_was_read() {
    for (board, command) in all_commands() {
        let verb = command["type"].as_str().unwrap().to_owned();
        let named = with(&command, "type", Some(json!(format!("{board}.{verb}"))));
        let command = read(request(named)).unwrap();
        assert_eq!(
            command.demands_version(),
            matches!(verb.as_str(), "close" | "redirect" | "stop"),
            "{verb}"
        );
    }
}

#[test]
fn a_verb_means_what_the_board_says() {
    let read = |board: Option<Board>, command: Value| {
        commands::parse(request(command)).unwrap().command(board).map_err(|problem| problem.code)
    };
    for (board, is_there) in [(Board::Duties, true), (Board::Sources, true), (Board::Phone, false)] {
        assert_eq!(read(Some(board), json!({ "type": "done" })).is_ok(), is_there);
    }
    let assign = || json!({ "type": "assign", "agreement": "norddjurs" });
    assert_eq!(read(Some(Board::Alarms), assign()), Ok(assign_alarm("norddjurs").into()));
    assert_eq!(read(Some(Board::Phone), assign()), Ok(crate::support::assign("norddjurs").into()));
    assert_eq!(read(Some(Board::Duties), assign()), Err("wrong-board".into()));
    // Named for one board, meant for an entry of another.
    assert_eq!(read(Some(Board::Visits), json!({ "type": "duties.done" })), Err("wrong-board".into()));
    // Nothing is opened by a name that only looks like it.
    let open = json!({ "type": "alarms.open", "expected_at": "2026-11-24T13:00:00Z", "told_by": "nurse" });
    assert_eq!(read(None, open), Err("unknown-command".into()));
    assert_eq!(read(None, json!({ "type": "visits.sign-on" })), Err("unknown-command".into()));
    // About nobody's entry, whichever is named beside it.
    assert!(read(Some(Board::Visits), json!({ "type": "sign-on" })).is_ok());
    // About an entry, and none was named.
    let correct = json!({ "type": "correct", "what": "outcome", "reason": "wrong-entry" });
    assert_eq!(read(None, correct), Err("entry-missing".into()));
}

// ---- problems ------------------------------------------------------------------------------------

#[test]
fn a_refusal_becomes_a_problem_with_status_code_field_and_arguments() {
    let problem = |refusal: Refusal| Problem::from(&refusal);
    assert_eq!(problem(Refusal::UnknownEntry), Problem::not_found());
    assert_eq!(problem(Refusal::NotAllowed { role: "viewer".into() }).status, 403);
    let held = problem(Refusal::HeldByOther { holder: person("anna"), since: at(NIGHT) });
    assert_eq!((held.status, held.arguments["holder"].as_str()), (409, Some("anna")));
    assert_eq!(problem(Refusal::Stale { expected: 1, actual: 2 }).status, 409);
    let code = problem(Refusal::UnknownCode { field: "reason".into() });
    assert_eq!((code.status, code.field.as_deref()), (422, Some("reason")));
    let agreement = problem(Refusal::UnknownAgreement { agreement: agreement("atlantis") });
    assert_eq!(agreement.field.as_deref(), Some("agreement"));
    let text = serde_json::to_value(&held).unwrap();
    assert_eq!(text["code"], "held-by-other");
    assert_eq!(serde_json::from_value::<Problem>(text).unwrap(), held);
}
