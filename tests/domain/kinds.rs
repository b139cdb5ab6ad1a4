//! What is written to the log: names, versions, fields, and the exact JSON of each.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use vagttavle::domain::adoption::AdoptionEvent;
use vagttavle::domain::kinds::{self, BadKind, FIELDS};

/// One stored payload of every kind and version that was ever released, every optional field filled in. These may
/// never change: they are on somebody's disk.
fn golden() -> Vec<(&'static str, Value)> {
    let entry = "019aa000-0000-7000-8000-000000000001";
    let due = json!({ "what": "justification", "at": "2026-11-29T02:03:00Z", "clause": "3.1.13",
        "agreement_version": "2026-11-01" });
    let opening = json!({ "number": 7, "candidates": ["jammerbugt", "norddjurs"],
        "origin": { "source": "central", "id": "1795325932.4" }, "citizen": "cit-4", "dues": [due.clone()] });
    let with = |more: Value| {
        let mut all = opening.as_object().cloned().unwrap_or_default();
        all.extend(more.as_object().cloned().unwrap_or_default());
        Value::Object(all)
    };
    let until = "2026-11-22T02:15:00Z";
    let plan = json!({ "grant": "pathway", "help": "food", "agreed_at": until, "starts": true,
        "window": { "from": "07:00:00", "to": "11:00:00" },
        "limit": { "minutes": 30, "clause": "3.5.5", "agreement_version": "2026-11-01" } });
    vec![
        ("entry.claimed", json!({ "until": until })),
        ("entry.released", json!({ "ring_out_at": until })),
        ("entry.taken-over", json!({ "from": "anna", "until": until })),
        ("entry.claim-expired", json!({ "holder": "anna", "ring_out_at": until })),
        ("entry.linked", json!({ "to": entry, "why": "same-caller" })),
        ("entry.note-written", json!({ "receipt": "N-77" })),
        ("entry.remarked", json!({ "what": "alarm-cleared" })),
        ("server.id-key-set", json!({ "check": "check-abc" })),
        ("entry.citizen-matched", json!({ "citizen": "cit-4" })),
        ("entry.escalation-begun", json!({ "why": "unclaimed" })),
        ("entry.escalation-ended", json!({ "outcome": "sent", "times": 2 })),
        ("entry.municipality-told", json!({ "what": "death", "to": "nurse" })),
        ("entry.municipality-corrected", json!({ "what": "death", "to": "nurse" })),
        ("phone.waiting", with(json!({ "call": "1795325932.4", "queue": "doegnvagt" }))),
        ("phone.arrival-known", json!({ "queue": "doegnvagt" })),
        ("phone.answered", json!({ "by": "bo", "rank": "event", "corrects": false })),
        ("phone.ended", json!({ "rank": "log" })),
        (
            "phone.missed",
            json!({ "reason": "hung-up", "rank": "inference", "corrects": true, "dues": [due] }),
        ),
        ("phone.assigned", json!({ "agreement": "norddjurs" })),
        ("phone.called-back", json!({})),
        ("phone.call-back-tried", json!({ "promise_at": until })),
        ("phone.given-up", json!({ "reason": "no-number" })),
        ("phone.documented", json!({})),
        ("phone.confirmed", json!({ "rank": "log" })),
        ("phone.corrected", json!({ "what": "call-back", "reason": "wrong-entry", "dues": [due] })),
        (
            "phone.waits-in",
            json!({ "queue": "bagvagt", "candidates": ["norddjurs", "jammerbugt"], "dues": [due] }),
        ),
        ("phone.became-alarm", json!({})),
        ("phone.from-colleague", json!({})),
        (
            "alarms.raised",
            with(
                json!({ "alarm": "a-1", "device": "dev-1", "trigger": "pendant", "technical": false, "test": false, "namespace": "scaip",
                    "queue": "noedkald" }),
            ),
        ),
        ("alarms.presence", json!({})),
        (
            "alarms.waits-in",
            json!({ "queue": "bagvagt", "candidates": ["norddjurs", "jammerbugt"], "ring_out": due }),
        ),
        ("alarms.talk-ended", json!({ "ring_out": due })),
        ("alarms.voice-answered", json!({ "corrects": true })),
        ("alarms.rings-anew", json!({ "ring_out": due })),
        ("alarms.passed-on", json!({})),
        ("alarms.signalled-again", json!({ "alarm": "a-2", "ring_out": due })),
        (
            "alarms.arrival-known",
            json!({ "device": "dev-1", "citizen": "cit-4", "trigger": "pendant", "technical": false, "test": true }),
        ),
        ("alarms.assigned", json!({ "agreement": "jammerbugt", "justification_due": due })),
        ("alarms.answered", json!({ "by": "bo", "until": until, "corrects": true })),
        ("alarms.responded", json!({ "with": "112", "helper": "own-team", "arrive_due": due })),
        ("alarms.arrived", json!({})),
        ("alarms.closed", json!({ "outcome": "helped" })),
        ("alarms.cleared", json!({})),
        ("alarms.unanswered", json!({ "justification_due": due })),
        ("alarms.redirected", json!({ "to": "municipal-unit", "justification_due": due })),
        ("alarms.redirect-contested", json!({ "reason": "was-answered" })),
        ("alarms.justification-begun", json!({})),
        (
            "alarms.justification-sent",
            json!({ "channel": "letter", "reference": "2026-117/B", "late": true }),
        ),
        ("alarms.technical-done", json!({})),
        ("alarms.documented", json!({})),
        ("alarms.corrected", json!({ "what": "redirect", "reason": "wrong-entry", "dues": [due] })),
        ("discharges.opened", with(json!({ "stay": "s-1" }))),
        ("discharges.joined", json!({ "stay": "s-1" })),
        ("discharges.admitted", json!({ "setting": "inpatient", "planned": true, "department": "6001" })),
        ("discharges.leave-started", json!({})),
        ("discharges.leave-ended", json!({})),
        ("discharges.discharge-expected", json!({ "expected_at": until, "told_by": "hospital" })),
        ("discharges.discharged", json!({ "resume_due": due })),
        ("discharges.died", json!({})),
        (
            "discharges.fact-corrected",
            json!({ "of": "admitted", "corrected_at": until, "setting": "acute-outpatient", "department": "6001",
                "resume_due": due }),
        ),
        ("discharges.fact-cancelled", json!({ "of": "leave-started" })),
        ("discharges.resumed", json!({})),
        ("discharges.stopped", json!({ "reason": "dead" })),
        ("discharges.step-ticked", json!({ "step": "groceries", "done": true })),
        ("discharges.assessors-told", json!({ "told": false })),
        ("discharges.still-there", json!({})),
        ("discharges.assigned", json!({ "agreement": "norddjurs" })),
        ("visits.assigned", json!({ "agreement": "norddjurs" })),
        ("discharges.corrected", json!({ "what": "resumption", "reason": "wrong-entry" })),
        ("visits.opened", with(json!({ "visit": "v-1", "plan": plan }))),
        ("visits.planned", json!({ "plan": plan, "against_contract": "3.5.4" })),
        ("visits.expected", json!({ "expected_at": until })),
        ("visits.started", json!({})),
        ("visits.fell-silent", json!({})),
        ("visits.done", json!({})),
        ("visits.receipt-missing", json!({})),
        ("visits.lapsed", json!({})),
        ("visits.contacted", json!({ "reached": true })),
        (
            "visits.moved",
            json!({ "moved_to": until, "asked_by": "provider", "replacement": "owed", "against_contract": "3.5.4" }),
        ),
        ("visits.replaced", json!({ "replaced_at": until, "against_contract": "3.5.4" })),
        (
            "visits.cancelled",
            json!({ "cancelled_by": "hospital", "told_at": until, "in_time": true, "replacement": "judgement",
                "against_contract": "3.1.5" }),
        ),
        ("visits.settled", json!({})),
        ("visits.door-unanswered", json!({})),
        ("visits.door-step", json!({ "step": "windows", "done": true })),
        ("visits.door-closed", json!({ "outcome": "not-home", "skipped": "relative-knows" })),
        ("visits.halted", json!({ "halt": "in-hospital" })),
        ("visits.went-on", json!({})),
        ("visits.corrected", json!({ "what": "contact", "reason": "wrong-entry" })),
        (
            "duties.opened",
            with(json!({ "duty": "action-plan", "about": entry, "owner": "bo", "by_hand": true })),
        ),
        ("duties.assigned", json!({ "agreement": "norddjurs" })),
        ("duties.now-about", json!({ "about": entry })),
        ("duties.fell-late", json!({})),
        ("duties.postponed", json!({ "until": until, "reason": "busy-night" })),
        ("duties.done", json!({ "reference": "HP-2026/3", "late": false })),
        ("duties.withdrawn", json!({ "why": "corrected" })),
        ("duties.stands-again", json!({})),
        (
            "sources.opened",
            with(json!({ "source": "central", "trouble": "unreadable", "what": "line-too-long" })),
        ),
        ("sources.repeated", json!({ "what": "line-too-long" })),
        ("sources.repeated", json!({ "what": "line-too-long", "times": 60 })),
        ("sources.repeated", json!({ "what": "unknown-help", "times": 3, "line": 14 })),
        ("sources.repeated", json!({ "what": "unknown-help", "line": 1, "row": 14 })),
        (
            "sources.repeated",
            json!({ "what": "bad-time", "times": 2, "line": 4, "rows": [{ "what": "bad-time", "line": 4, "row": 3, "times": 2 }] }),
        ),
        (
            "sources.opened",
            with(json!({ "source": "ruter", "trouble": "rows-refused", "what": "not-an-id", "line": 2,
                "rows": [{ "what": "not-an-id", "line": 2 }] })),
        ),
        ("discharges.discharged", json!({ "stay": "s-2" })),
        ("discharges.leave-started", json!({ "stay": "s-2" })),
        ("sources.recovered", json!({})),
        ("sources.done", json!({})),
        ("complaints.received", with(json!({ "form": "oral", "what": "not-visited" }))),
        (
            "complaints.settled",
            json!({ "outcome": "solved", "reference": "K-7", "against_contract": "3.7.3" }),
        ),
        ("complaints.corrected", json!({ "what": "settlement", "reason": "wrong-entry" })),
        ("devices.heard", json!({ "device": "dev-1" })),
        ("shift.signed-on", json!({ "until": until })),
        ("shift.signed-off", json!({})),
        (
            "people.added",
            json!({ "name": "anna", "role": "coordinator", "agreements": ["jammerbugt"], "token_digest": "ab12" }),
        ),
        ("people.revoked", json!({ "name": "anna" })),
    ]
}

#[test]
fn every_stored_payload_reads_and_is_written_again_as_it_was() {
    for (kind, payload) in golden() {
        let event = kinds::decode(kind, 1, &payload).unwrap_or_else(|error| panic!("{kind}: {error}"));
        let encoded = kinds::encode(&event).unwrap_or_else(|error| panic!("{kind}: {error}"));
        assert_eq!((encoded.kind.as_str(), encoded.version), (kind, 1));
        assert_eq!(encoded.payload, payload, "{kind}");
        assert_eq!(kinds::kind_of(&event), kind);
    }
}

#[test]
fn an_adopted_agreement_is_stored_whole_and_reads_back() {
    for agreement in vagttavle::domain::agreement::built_in() {
        let event = vagttavle::domain::Event::Agreements(AdoptionEvent::Adopted {
            hash: agreement.hash(),
            agreement: Box::new(agreement),
        });
        let encoded = kinds::encode(&event).unwrap();
        assert_eq!(encoded.kind, "agreements.adopted");
        assert_eq!(kinds::decode(&encoded.kind, encoded.version, &encoded.payload).unwrap(), event);
    }
}

#[test]
fn every_kind_has_its_golden_payload() {
    let there = kinds::all();
    let named: BTreeSet<&str> = there.iter().map(String::as_str).collect();
    let mut kept: BTreeSet<&str> = golden().into_iter().map(|(kind, _)| kind).collect();
    kept.insert("agreements.adopted");
    assert_eq!(named, kept);
    assert_eq!(named.len(), there.len(), "two events have one name");
}

#[test]
fn every_stored_field_is_on_the_list_and_every_listed_field_is_stored() {
    let listed: BTreeSet<String> = FIELDS.iter().map(|(field, _)| (*field).to_owned()).collect();
    assert_eq!(listed.len(), FIELDS.len(), "a field is listed twice");
    let mut stored = BTreeSet::from(["agreement".to_owned(), "hash".to_owned()]);
    for (_, payload) in golden() {
        collect(&payload, &mut stored);
    }
    assert_eq!(stored, listed);
}

fn collect(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                names.insert(name.clone());
                collect(value, names);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, names)),
        _ => {}
    }
}

#[test]
fn a_field_that_is_not_on_the_list_cannot_be_stored_at_any_depth() {
    let planted = [
        json!({ "outcome": "helped", "caller_name": "Bodil" }),
        json!({ "dues": [{ "what": "answer", "at": "2026-11-22T02:15:00Z", "note": "ring her son" }] }),
        json!({ "origin": { "source": "central", "id": "x", "caller": "12345678" } }),
        json!({ "dues": [[{ "text": "x" }]] }),
    ];
    for payload in planted {
        let refused = kinds::check_fields("alarms.closed", payload.as_object().unwrap());
        assert!(matches!(refused, Err(BadKind::Field { .. })), "{payload}");
    }
    let adopted =
        json!({ "hash": "ab", "agreement": { "name": "Jammerbugt", "anything": 1 }, "caller": "x" });
    assert_eq!(
        kinds::check_fields("agreements.adopted", adopted.as_object().unwrap()),
        Err(BadKind::Field { kind: "agreements.adopted".into(), field: "caller".into() })
    );
}

#[test]
fn an_unknown_kind_or_version_or_payload_is_named() {
    let unknown = |kind: &str, version| BadKind::Unknown { kind: kind.into(), version };
    assert_eq!(kinds::decode("alarms.sang", 1, &json!({})), Err(unknown("alarms.sang", 1)));
    assert_eq!(kinds::decode("alarms.arrived", 2, &json!({})), Err(unknown("alarms.arrived", 2)));
    assert_eq!(kinds::decode("alarms.arrived", 0, &json!({})), Err(unknown("alarms.arrived", 0)));
    assert!(matches!(kinds::decode("alarms.closed", 1, &json!({})), Err(BadKind::Payload { .. })));
    assert!(matches!(kinds::decode("alarms.closed", 1, &json!([])), Err(BadKind::Payload { .. })));
}
