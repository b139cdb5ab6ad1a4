//! Hospital notifications: bytes in, observations and the answer out, and what the real domain makes of them.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;
use vagttavle::domain::identity::{AgreementId, Key, SourceName};
use vagttavle::domain::observation::{Observation, StayFact};
use vagttavle::domain::{Actor, Ctx, Record, Refusal, Request, State, decide, evolve};
use vagttavle::protocol::observations::Observed;
use vagttavle::sources::medcom::{Answer, Form, Ours, Received, Stamp, Unreadable, receive};

use crate::messages::{CPR, LOCAL, Message, SOR, admit, codes, death, discharge, end_leave, start_leave};
use crate::mutate::{bent_at, cuts, in_parallel, json as bent_json, pieces, places};
use crate::support::masking;

/// Official example messages, one of each kind; not part of the package.
const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/medcom");

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn now() -> DateTime<Utc> {
    at("2026-11-22T12:00:00Z")
}

fn ours() -> Ours {
    Ours { default_agreement: Some(AgreementId::new("jammerbugt").unwrap()), ..Ours::default() }
}

impl Message {
    fn received(&self) -> Received {
        received(&self.json())
    }
}

fn received(message: &Value) -> Received {
    receive(&serde_json::to_vec(message).unwrap(), &ours(), now(), &masking()).unwrap()
}

/// Decides and records what was told on a fresh log; a known key changes nothing. The state of each entry.
fn board(told: &[Observed]) -> Vec<&'static str> {
    let mut state = State::default();
    let mut seen: Vec<&Key> = Vec::new();
    let mut ids = Vec::new();
    for (nth, observed) in told.iter().enumerate() {
        if seen.contains(&&observed.key) {
            continue;
        }
        seen.push(&observed.key);
        let base = Uuid::from_u128((nth as u128 + 1) << 16);
        let mut ctx = Ctx::new(now(), Actor::Source(SourceName::new("medcom").unwrap()), base);
        ctx.at = observed.at;
        ctx.agreement.clone_from(&observed.agreement);
        let drafts = match decide(&state, &ctx, &Request::Observation(observed.observation.clone())) {
            Ok(drafts) => drafts,
            Err(Refusal::Unchanged) => continue,
            Err(refusal) => panic!("{:?}: {refusal:?}", observed.observation),
        };
        for (index, draft) in drafts.into_iter().enumerate() {
            let record = Record {
                sequence: state.head.next(),
                entry: draft.entry,
                happened_at: draft.happened_at,
                recorded_at: now(),
                actor: ctx.actor.clone(),
                agreement: draft.agreement,
                event: draft.event,
                cause: Key::new(format!("cause-{nth}")).unwrap(),
                index: u32::try_from(index).unwrap(),
            };
            if !ids.contains(&record.entry) {
                ids.push(record.entry);
            }
            evolve(&mut state, &record);
        }
    }
    ids.iter().map(|id| state.entry(*id).unwrap().state()).collect()
}

fn board_of(messages: &[Message]) -> Vec<&'static str> {
    let told: Vec<Observed> = messages.iter().flat_map(|message| message.received().observations).collect();
    board(&told)
}

fn stamp() -> Stamp {
    let id = Uuid::from_u128;
    Stamp { bundle: id(1), header: id(2), outcome: id(3), provenances: [id(4), id(5)], now: now() }
}

// ---- the official examples --------------------------------------------------------------------

#[test]
fn each_official_example_on_a_fresh_log_gives_its_state() {
    let expected = BTreeMap::from([
        ("AN_STIN.json", "cancelled"),
        ("MORS-emergency.json", "dead"),
        ("MORS-inpatient.json", "dead"),
        ("RE_STIN.json", "admitted"),
        ("SLHJ-emergency.json", "discharged"),
        ("SLHJ-inpatient.json", "discharged"),
        ("SLOR.json", "admitted"),
        ("STAA.json", "admitted"),
        ("STIN-other-serviceprovider.json", "admitted"),
        ("STIN-two-episode-ids.json", "admitted"),
        ("STIN.json", "admitted"),
        ("STOR.json", "on-leave"),
    ]);
    if !std::path::Path::new(EXAMPLES).is_dir() {
        assert!(std::env::var_os("CI").is_none(), "{EXAMPLES} is missing");
        eprintln!("skipped: no examples at {EXAMPLES}");
        return;
    }
    for (name, state) in expected {
        let path = format!("{EXAMPLES}/{name}");
        let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        let received =
            receive(&bytes, &ours(), now(), &masking()).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(received.issues, [], "{name}");
        assert_eq!(received.answer(), Answer::Ok, "{name}");
        assert_eq!(board(&received.observations), [state], "{name}");
        let reply = received.reply.as_ref().unwrap().acknowledge(&Answer::Ok, &stamp());
        assert_eq!(reply["entry"][0]["resource"]["response"]["identifier"], json!(received.header), "{name}");
        assert!(!reply.to_string().contains("2509479989"), "{name}: nothing of the citizen goes back");
        // The same in XML, narrative left out as nobody reads it.
        let xml = xml_of(&serde_json::from_slice(&bytes).unwrap());
        let in_xml = receive(&xml, &ours(), now(), &masking())
            .unwrap_or_else(|error| panic!("{name} in XML: {error}"));
        assert_eq!(
            (received.observations, received.content),
            (in_xml.observations, in_xml.content),
            "{name}"
        );
    }
}

/// The official examples, each with its name; none: they are not on this machine.
fn examples() -> Vec<(String, Vec<u8>)> {
    let Ok(folder) = std::fs::read_dir(EXAMPLES) else { return Vec::new() };
    let mut examples: Vec<(String, Vec<u8>)> = folder
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_some_and(|it| it == "json"))
        .map(|path| (path.display().to_string(), std::fs::read(&path).unwrap()))
        .collect();
    examples.sort();
    examples
}

#[test]
fn the_official_examples_cut_at_every_byte_are_seen_as_unreadable() {
    // Without the blanks between the fields: a cut among them is the cut before them.
    let packed = |(name, bytes): (String, Vec<u8>)| {
        let message: Value = serde_json::from_slice(&bytes).unwrap();
        (name, serde_json::to_vec(&message).unwrap())
    };
    let examples: Vec<(String, Vec<u8>)> = examples().into_iter().map(packed).collect();
    in_parallel(|nth, of| {
        for (name, bytes) in &examples {
            for length in (0..bytes.len()).skip(nth).step_by(of) {
                assert_eq!(survive(name, &bytes[..length]), "unreadable", "{name} cut at {length}");
            }
        }
    });
}

/// Each kind of place once: the twelve are of one shape, and what is broken in one is broken alike in the next.
#[test]
fn no_field_of_the_official_examples_removed_doubled_swapped_or_filled_ends_in_a_panic() {
    let examples: Vec<Value> =
        examples().iter().map(|(_, bytes)| serde_json::from_slice(bytes).unwrap()).collect();
    let mut kinds = BTreeSet::new();
    let places: Vec<(usize, String)> = examples
        .iter()
        .enumerate()
        .flat_map(|(nth, example)| places(example).into_iter().map(move |place| (nth, place)))
        .filter(|(nth, place)| kinds.insert(kind_of_place(&examples[*nth], place)))
        .collect();
    assert!(examples.is_empty() || places.len() > 100, "{places:?}");
    in_parallel(|nth, of| {
        for (example, place) in places.iter().skip(nth).step_by(of) {
            for mutant in bent_at(&examples[*example], place) {
                survive(&mutant.what, &mutant.bytes);
            }
        }
    });
}

/// The names on the way to a place, a resource by its type instead of its number.
fn kind_of_place(message: &Value, place: &str) -> String {
    let (mut here, mut kind) = (message, String::new());
    for name in place.split('/').skip(1) {
        here = here.get(name).or_else(|| here.get(name.parse::<usize>().ok()?)).unwrap();
        kind.push('/');
        match here["resourceType"].as_str() {
            Some(resource) => kind.push_str(resource),
            None if name.parse::<usize>().is_ok() => kind.push('*'),
            None => kind.push_str(name),
        }
    }
    kind
}

// ---- the table of activities ------------------------------------------------------------------

#[test]
fn every_activity_gives_its_state() {
    let corrected = |activity| Message {
        status: "finished",
        end: Some("2026-11-21T13:00:00+01:00"),
        leave: Some(("2026-11-20T15:00:00+01:00", Some("2026-11-21T10:00:00+01:00"))),
        ..Message::new("x", activity, "2026-11-21T15:00:00+01:00")
    };
    for (activity, alone) in [
        ("admit-inpatient", "admitted"),
        ("admit-emergency", "admitted"),
        ("start-leave-inpatient", "on-leave"),
        ("end-leave-inpatient", "admitted"),
        ("discharge-inpatient-home", "discharged"),
        ("discharge-emergency-home", "discharged"),
        ("revise-admit-inpatient", "admitted"),
        ("revise-admit-emergency", "admitted"),
        ("revise-start-leave-inpatient", "on-leave"),
        ("revise-end-leave-inpatient", "admitted"),
        ("revise-discharge-inpatient-home", "discharged"),
        ("revise-discharge-emergency-home", "discharged"),
        ("cancel-admit-inpatient", "cancelled"),
        ("cancel-admit-emergency", "cancelled"),
        ("cancel-start-leave-inpatient", "admitted"),
        ("cancel-end-leave-inpatient", "on-leave"),
        ("cancel-discharge-inpatient-home", "admitted"),
        ("cancel-discharge-emergency-home", "admitted"),
    ] {
        assert_eq!(board_of(&[corrected(activity)]), [alone], "{activity}");
    }
}

#[test]
fn a_whole_stay_ends_the_same_in_any_order_of_arrival() {
    let whole = || {
        vec![
            admit("h1"),
            start_leave("h2"),
            end_leave("h3"),
            discharge("h4"),
            Message::new("h5", "cancel-discharge-inpatient-home", "2026-11-21T16:00:00+01:00"),
        ]
    };
    for rotated in 0..5 {
        let mut messages = whole();
        messages.rotate_left(rotated);
        assert_eq!(board_of(&messages), ["admitted"], "rotated by {rotated}");
        messages.reverse();
        assert_eq!(board_of(&messages), ["admitted"], "reversed, rotated by {rotated}");
    }
    assert_eq!(board_of(&[discharge("h4"), admit("h1")]), ["discharged"], "a late admission reopens nothing");
}

#[test]
fn death_goes_before_the_activity_and_present_and_false_takes_it_back() {
    for activity in
        ["admit-inpatient", "start-leave-inpatient", "discharge-inpatient-home", "admit-emergency"]
    {
        assert_eq!(board_of(&[death("h9", activity)]), ["dead"], "{activity}");
    }
    let mut taken_back = start_leave("h10");
    taken_back.deceased = Some(false);
    taken_back.sent = "2026-11-22T08:00:00+01:00";
    assert_eq!(
        board_of(&[admit("h1"), start_leave("h2"), death("h9", "start-leave-inpatient"), taken_back]),
        ["on-leave"]
    );
}

#[test]
fn a_corrected_death_is_the_same_death() {
    let mut corrected = death("h11", "admit-inpatient");
    corrected.end = Some("2026-11-21T19:30:00+01:00");
    corrected.sent = "2026-11-21T22:00:00+01:00";
    let mut taken_back = admit("h12");
    taken_back.deceased = Some(false);
    taken_back.sent = "2026-11-22T08:00:00+01:00";
    let messages = [admit("h1"), death("h9", "admit-inpatient"), corrected, taken_back];
    assert_eq!(board_of(&messages), ["admitted"]);
}

#[test]
fn a_death_is_never_lost_to_a_missing_time_or_a_wrong_status() {
    let mut message = death("h9", "admit-inpatient");
    message.end = None;
    message.status = "in-progress";
    let told = message.received().observations;
    assert_eq!(told[0].at, at("2026-11-21T19:00:02Z"), "then the time it was sent");
    assert_eq!(board(&told), ["dead"]);
}

#[test]
fn times_are_taken_with_their_own_offset() {
    let mut message = admit("h1");
    message.start = "2026-01-07T12:00:00+02:00";
    assert_eq!(message.received().observations[0].at, at("2026-01-07T10:00:00Z"));
    message.start = "2026-01-07T12:00:00Z";
    assert_eq!(message.received().observations[0].at, at("2026-01-07T12:00:00Z"));
    // Nothing has happened in the future.
    message.start = "2026-11-22T14:00:00+01:00";
    assert_eq!(message.received().observations[0].at, now());
}

#[test]
fn leave_and_discharge_take_their_own_times() {
    assert_eq!(start_leave("h").received().observations[0].at, at("2026-11-20T14:00:00Z"));
    assert_eq!(end_leave("h").received().observations[0].at, at("2026-11-21T09:00:00Z"));
    assert_eq!(discharge("h").received().observations[0].at, at("2026-11-21T13:00:00Z"));
    let corrected = Message::new("h", "revise-admit-inpatient", "2026-11-20T11:00:00+01:00").received();
    assert_eq!(corrected.observations[0].at, at("2026-11-20T10:00:00Z"), "when it was corrected");
    match &corrected.observations[0].observation {
        Observation::StayCorrected { of, at: to, department, .. } => {
            assert_eq!((*of, *to), (StayFact::Admitted, Some(at("2026-11-20T08:00:00Z"))));
            assert_eq!(department.as_ref().unwrap().as_str(), "SOR:111111000016001");
        }
        other => panic!("{other:?}"),
    }
}

// ---- linking and duplicates -------------------------------------------------------------------

#[test]
fn the_hospitals_own_id_links_before_the_registers() {
    let stay = |episodes: Value| {
        let mut message = admit("h1").json();
        message["entry"][3]["resource"]["episodeOfCare"] = episodes;
        match &received(&message).observations[0].observation {
            Observation::StayAdmitted { stay, .. } => stay.as_str().to_owned(),
            other => panic!("{other:?}"),
        }
    };
    let own = json!({ "identifier": { "system": SOR, "value": format!("urn:uuid:{LOCAL}") } });
    let register = json!({ "identifier": {
        "system": "https://www.esundhed.dk/Registre/Landspatientregisteret",
        "value": "urn:uuid:0d1f3a50-5b1e-4c9d-9a70-bbbbbbbbbbbb",
    } });
    assert_eq!(stay(json!([register, own])), LOCAL);
    assert_eq!(stay(json!([own])), LOCAL);
    assert_eq!(stay(json!([register])), "0d1f3a50-5b1e-4c9d-9a70-bbbbbbbbbbbb");
    // An id whose digits look like a CPR number is stood for by letters, the same each time.
    for written in ["a-0101011234-b", "0101011234", "010101-1234", "101011234"] {
        let shaped = json!([{ "identifier": { "system": SOR, "value": written } }]);
        let letters = stay(shaped.clone());
        assert!(letters.starts_with("x-") && !letters.contains('1'), "{letters}");
        assert_eq!(stay(shaped), letters);
    }
}

#[test]
fn the_same_content_is_the_same_key_in_whatever_envelope() {
    let keys = |message: &Value| -> Vec<Key> {
        received(message).observations.into_iter().map(|it| it.key).collect()
    };
    let first = admit("h1").json();
    let mut again = first.clone();
    again["id"] = json!("another-envelope");
    again["timestamp"] = json!("2026-11-20T10:00:00+01:00");
    assert_eq!(keys(&first), keys(&again));
    // A used header id with other content is another event.
    let mut other = discharge("h1").json();
    assert_ne!(keys(&first), keys(&other));
    other["entry"][3]["resource"]["period"]["end"] = json!("2026-11-21T14:30:00+01:00");
    assert_ne!(keys(&discharge("h1").json()), keys(&other));
}

// ---- whose it is ------------------------------------------------------------------------------

#[test]
fn the_receiver_decides_the_agreement() {
    let norddjurs = AgreementId::new("norddjurs").unwrap();
    let message = serde_json::to_vec(&admit("h1").json()).unwrap();
    let agreement = |by: &[(&str, &AgreementId)], default: Option<&AgreementId>| {
        let ours = Ours {
            agreement_by_receiver: by
                .iter()
                .map(|(id, agreement)| ((*id).to_owned(), (*agreement).clone()))
                .collect(),
            default_agreement: default.cloned(),
        };
        let received = receive(&message, &ours, now(), &masking()).unwrap();
        received.observations.first().map(|it| it.agreement.clone()).ok_or(received.issues)
    };
    assert_eq!(agreement(&[("5790000000012", &norddjurs)], None), Ok(Some(norddjurs.clone())), "by GLN");
    assert_eq!(agreement(&[("222222000016002", &norddjurs)], None), Ok(Some(norddjurs.clone())), "by SOR");
    let default = AgreementId::new("jammerbugt").unwrap();
    assert_eq!(agreement(&[("5790000000999", &norddjurs)], Some(&default)), Ok(Some(default)));
    let refused = agreement(&[("5790000000999", &norddjurs)], None).unwrap_err();
    assert_eq!(refused[0].code, "MSG_Receiver_Identifier_UNKNOWN");
}

#[test]
fn the_person_goes_to_the_care_port_and_shows_nothing_of_itself() {
    let received = admit("h1").received();
    let person = received.person.clone().unwrap();
    assert_eq!((person.cpr.as_str(), person.name.as_ref().unwrap().as_str()), (CPR, "Per Opfundet"));
    let shown = format!("{received:?}");
    assert!(
        !shown.contains(CPR) && !shown.contains("Opfundet, Per") && !shown.contains("Per Opfundet"),
        "{shown}"
    );
}

#[test]
fn who_it_is_joins_every_kind_of_message_to_the_citizen() {
    let citizen = vagttavle::domain::identity::CitizenId::new("nexus-77").unwrap();
    for message in [admit("h1"), start_leave("h2"), discharge("h4"), death("h9", "admit-inpatient")] {
        let mut received = message.received();
        received.name_citizen(&citizen);
        let last = received.observations.last().unwrap().clone();
        assert!(matches!(last.observation, Observation::CitizenMatched { .. }), "{last:?}");
        assert_eq!(board(&received.observations).len(), 1, "one stay");
    }
    // A refused message is about nobody.
    let mut refused = received(&bent(admit("h1").json(), "/entry/3", Value::Null));
    refused.name_citizen(&citizen);
    assert!(refused.observations.is_empty());
}

// ---- what is refused --------------------------------------------------------------------------

/// Bends the message by a path of keys and places; null takes the field away.
fn bent(mut message: Value, path: &str, value: Value) -> Value {
    let (parent, last) = path.rsplit_once('/').unwrap();
    let parent = if parent.is_empty() { &mut message } else { message.pointer_mut(parent).unwrap() };
    match (value, parent) {
        (Value::Null, Value::Object(fields)) => {
            fields.remove(last);
        }
        (Value::Null, Value::Array(items)) => {
            items.remove(last.parse().unwrap());
        }
        (value, parent) => parent[last] = value,
    }
    message
}

#[test]
fn every_malformed_content_is_a_fatal_error_with_its_code() {
    let gone = || Value::Null;
    let cases = [
        ("/type", json!("collection"), "MSG_VALUESET_VALUE_UNKNOWN"),
        ("/entry/0/resource/eventCoding", gone(), "MSG_BAD_SYNTAX"),
        (
            "/entry/0/resource/eventCoding/code",
            json!("care-communication-message"),
            "MSG_RECEIVER_UNABLE_TO_RECEIVE_MSG_TYPE",
        ),
        (
            "/entry/0/resource/destination/0/extension/0/valueCoding/code",
            json!("cc"),
            "MSG_VALUESET_VALUE_UNKNOWN",
        ),
        ("/entry/2", gone(), "MSG_BAD_SYNTAX"),
        ("/entry/2/resource/identifier", gone(), "MSG_BAD_SYNTAX"),
        (
            "/entry/2/resource/identifier/0/system",
            json!("urn:oid:1.2.208.176.1.6.1.1"),
            "MSG_CodeSystem_VALUE_UNKNOWN",
        ),
        ("/entry/2/resource/identifier/0/value", json!("0703921VJ4"), "MSG_Datatype_Wrong"),
        ("/entry/2/resource/identifier/0/value", json!("310200-1234"), "MSG_Datatype_Wrong"),
        ("/entry/2/resource/deceasedBoolean", json!("yes"), "MSG_Datatype_Wrong"),
        ("/entry/3", gone(), "MSG_BAD_SYNTAX"),
        ("/entry/3/resource/class", gone(), "MSG_BAD_SYNTAX"),
        ("/entry/3/resource/class/code", json!("AMB"), "MSG_VALUESET_VALUE_UNKNOWN"),
        ("/entry/3/resource/status", gone(), "MSG_BAD_SYNTAX"),
        ("/entry/3/resource/status", json!("planned"), "MSG_VALUESET_VALUE_UNKNOWN"),
        ("/entry/3/resource/episodeOfCare", gone(), "MSG_BAD_SYNTAX"),
        ("/entry/3/resource/period/start", gone(), "MSG_BAD_SYNTAX"),
        ("/entry/3/resource/period/start", json!("2026-11-20T09:00:00"), "MSG_Datatype_Wrong"),
        ("/entry/3/resource/period/start", json!("yesterday"), "MSG_Datatype_Wrong"),
        ("/entry/6/resource/activity/coding/0/code", json!("admit-hotel"), "MSG_VALUESET_VALUE_UNKNOWN"),
        ("/entry/6/resource/activity", gone(), "MSG_BAD_SYNTAX"),
    ];
    for (path, value, code) in cases {
        let received = received(&bent(admit("h1").json(), path, value.clone()));
        assert!(received.observations.is_empty(), "{path} = {value}");
        assert_eq!(received.issues.iter().map(|it| it.code).collect::<Vec<_>>(), [code], "{path} = {value}");
        let reply = received.reply.as_ref().unwrap().acknowledge(&received.answer(), &stamp());
        assert_eq!(reply["entry"][0]["resource"]["response"]["code"], json!("fatal-error"));
        let issue = &reply["entry"][1]["resource"]["issue"][0];
        assert_eq!(issue["details"]["coding"][0]["code"], json!(code));
        assert!(!reply.to_string().contains(CPR), "{path}");
    }
}

#[test]
fn a_header_that_is_not_first_is_refused() {
    let mut message = admit("h1").json();
    message["entry"].as_array_mut().unwrap().swap(0, 2);
    assert_eq!(received(&message).issues[0].code, "MSG_BAD_SYNTAX");
}

#[test]
fn a_discharge_without_its_end_and_a_leave_without_its_start_are_refused() {
    let mut message = discharge("h4");
    message.end = None;
    assert_eq!(message.received().issues[0].at, "Encounter.period.end");
    let mut message = start_leave("h2");
    message.leave = None;
    assert_eq!(message.received().issues[0].at, "Encounter.extension.valuePeriod.start");
}

#[test]
fn what_has_no_message_header_is_a_problem() {
    let read = |text: &str| receive(text.as_bytes(), &ours(), now(), &masking()).map(|_| ()).unwrap_err();
    assert_eq!(read(""), Unreadable { what: "not-json" });
    assert_eq!(read("{\"resourceType\":"), Unreadable { what: "not-json" });
    assert_eq!(read("[1]"), Unreadable { what: "not-a-bundle" });
    assert_eq!(read("{\"resourceType\":\"Patient\"}"), Unreadable { what: "not-a-bundle" });
    let bare = "{\"resourceType\":\"Bundle\",\"type\":\"message\",\"entry\":[]}";
    assert_eq!(read(bare), Unreadable { what: "no-message-header" });
    for place in ["entry", "note"] {
        let deep = format!("{{\"resourceType\":\"Bundle\",\"{place}\":{}", "[".repeat(100_000));
        assert_eq!(read(&deep), Unreadable { what: "nested-too-deep" }, "{place}");
    }
}

// ---- the answer -------------------------------------------------------------------------------

#[test]
fn the_answer_goes_back_where_it_came_from_and_names_the_message() {
    let received = admit("h1").received();
    let reply = received.reply.unwrap().acknowledge(&Answer::Ok, &stamp());
    assert_eq!(reply["type"], json!("message"));
    let header = &reply["entry"][0]["resource"];
    assert_eq!(header["eventCoding"]["code"], json!("acknowledgement-message"));
    assert_eq!(header["response"], json!({ "identifier": "h1", "code": "ok" }));
    assert_eq!(header["destination"][0]["endpoint"], json!(SOR));
    assert_eq!(header["destination"][0]["receiver"]["reference"], json!("Organization/sender"));
    assert_eq!(header["source"]["endpoint"], json!("https://sor2.sum.dsdn.dk/#id=222222000016002"));
    assert_eq!(header["sender"]["reference"], json!("Organization/receiver"));
    let provenances: Vec<&Value> = reply["entry"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| &entry["resource"])
        .filter(|it| it["resourceType"] == json!("Provenance"))
        .collect();
    let codes: Vec<_> = provenances.iter().map(|it| it["activity"]["coding"][0]["code"].clone()).collect();
    assert_eq!(codes, [json!("admit-inpatient"), json!("acknowledgement")]);
    assert_eq!(provenances[1]["entity"][0]["what"]["reference"], json!("MessageHeader/h1"));
    assert_eq!(reply["id"], json!(Uuid::from_u128(1).to_string()), "an id of its own");
}

#[test]
fn our_trouble_and_a_repeat_have_their_own_answers() {
    let reply = admit("h1").received().reply.unwrap();
    let of = |answer: &Answer| {
        reply.acknowledge(answer, &stamp())["entry"][0]["resource"]["response"]["code"].clone()
    };
    assert_eq!(of(&Answer::Transient), json!("transient-error"));
    assert_eq!(of(&Answer::Duplicate), json!("ok"));
    let repeated = reply.acknowledge(&Answer::Duplicate, &stamp());
    assert_eq!(repeated["entry"][1]["resource"]["issue"][0]["severity"], json!("information"));
}

#[test]
fn an_acknowledgement_is_never_acknowledged() {
    let message =
        bent(admit("h1").json(), "/entry/0/resource/eventCoding/code", json!("acknowledgement-message"));
    let received = received(&message);
    assert!(received.reply.is_none() && received.observations.is_empty() && received.issues.is_empty());
}

// ---- anything may come ------------------------------------------------------------------------

#[test]
fn a_message_cut_anywhere_is_a_problem_and_never_a_panic() {
    let bytes = serde_json::to_vec(&admit("h1").json()).unwrap();
    for length in 0..bytes.len() {
        assert_eq!(
            receive(&bytes[..length], &ours(), now(), &masking()).err(),
            Some(Unreadable { what: "not-json" })
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// One value anywhere replaced by another: understood, refused or a problem; if it is told, it is about the stay.
    #[test]
    fn one_value_bent_anywhere_never_panics(place in 0_usize..400, kind in 0_u8..5) {
        let mut message = discharge("h4").json();
        let mut left = place;
        bend(&mut message, &mut left, &match kind {
            0 => Value::Null,
            1 => json!(7),
            2 => json!("\u{202e}x"),
            3 => json!([]),
            _ => json!({}),
        });
        if let Ok(received) = receive(&serde_json::to_vec(&message).unwrap(), &ours(), now(), &masking()) {
            prop_assert!(received.issues.is_empty() || received.observations.is_empty());
            prop_assert!(received.observations.iter().all(|it| it.at <= now()));
            if let Some(reply) = received.reply {
                prop_assert!(!reply.acknowledge(&Answer::Ok, &stamp()).to_string().contains(CPR));
            }
        }
    }
}

/// Replaces the nth value, counted from the top.
fn bend(value: &mut Value, left: &mut usize, with: &Value) {
    if *left == 0 {
        *value = with.clone();
    }
    *left = left.wrapping_sub(1);
    match value {
        Value::Object(fields) => fields.values_mut().for_each(|it| bend(it, left, with)),
        Value::Array(items) => items.iter_mut().for_each(|it| bend(it, left, with)),
        _ => {}
    }
}

// ---- the table of codes, whole ----------------------------------------------------------------

#[test]
fn every_code_with_its_correction_and_its_cancellation_gives_its_state() {
    for case in codes() {
        let messages: Vec<Message> = case.before.iter().cloned().chain([case.message.clone()]).collect();
        assert_eq!(board_of(&messages), [case.state], "{}", case.code);
        let mut backwards = messages;
        backwards.reverse();
        assert_eq!(board_of(&backwards), [case.state], "{}, arrived backwards", case.code);
        assert_eq!(case.message.received().issues, [], "{}", case.code);
    }
}

#[test]
fn a_death_is_taken_back_even_if_what_was_before_it_is_told_by_halves() {
    let case = codes().into_iter().find(|case| case.code == "AN_MORS on leave").unwrap();
    let mut halved = case.message;
    halved.leave = None;
    let messages: Vec<Message> = case.before.into_iter().chain([halved]).collect();
    assert_eq!(board_of(&messages), ["on-leave"]);
}

// ---- XML --------------------------------------------------------------------------------------

/// Written by hand, as another sender might: with a prefix, a comment, a narrative and its own order.
const BY_HAND: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<!-- an invented person -->
<f:Bundle xmlns:f="http://hl7.org/fhir">
  <f:id value="bundle-by-hand"/><f:type value="message"/><f:timestamp value="2026-11-20T09:00:02+01:00"/>
  <f:entry><f:fullUrl value="urn:uuid:h1"/><f:resource><f:MessageHeader>
    <f:id value="h1"/>
    <f:text><f:status value="generated"/><div xmlns="http://www.w3.org/1999/xhtml"><p>Opf&#230;ndet <b>&amp;</b> 3102001234</p></div></f:text>
    <f:eventCoding><f:code value="hospital-notification-message"/></f:eventCoding>
    <f:destination><f:endpoint value="https://sor2.sum.dsdn.dk/#id=222222000016002"/><f:receiver><f:reference value="Organization/receiver"/></f:receiver></f:destination>
    <f:sender><f:reference value="Organization/sender"/></f:sender>
    <f:source><f:endpoint value="https://sor2.sum.dsdn.dk/#id=111111000016001"/></f:source>
  </f:MessageHeader></f:resource></f:entry>
  <f:entry><f:resource><f:Patient><f:id value="p1"/>
    <f:identifier><f:system value="urn:oid:1.2.208.176.1.2"/><f:value value="3102001234"/></f:identifier>
    <f:name><f:use value="official"/><f:family value="Opfundet"/><f:given value="Per"/><f:given value="&#197;ge"/></f:name>
    <f:deceasedBoolean value="false"/>
  </f:Patient></f:resource></f:entry>
  <f:entry><f:resource><f:Encounter><f:id value="e1"/>
    <f:extension url="http://medcomfhir.dk/ig/hospitalnotification/StructureDefinition/medcom-hospitalnotifiation-leave-period-extension"><f:valuePeriod><f:start value="2026-11-20T15:00:00+01:00"/></f:valuePeriod></f:extension>
    <f:status value="onleave"/><f:class><f:code value="IMP"/></f:class>
    <f:episodeOfCare><f:identifier><f:value value="urn:uuid:7C1F3A50-5b1e-4c9d-9a70-aaaaaaaaaaaa"/></f:identifier></f:episodeOfCare>
    <f:period><f:start value="2026-11-20T09:00:00+01:00"/></f:period>
  </f:Encounter></f:resource></f:entry>
  <f:entry><f:resource><f:Provenance><f:id value="v1"/>
    <f:target><f:reference value="MessageHeader/h1"/></f:target>
    <f:occurredDateTime value="2026-11-20T15:00:02+01:00"/>
    <f:activity><f:coding><f:code value="start-leave-inpatient"/></f:coding></f:activity>
  </f:Provenance></f:resource></f:entry>
</f:Bundle>
"#;

#[test]
fn a_message_in_xml_is_read_as_another_sender_writes_it() {
    let received = receive(BY_HAND.as_bytes(), &ours(), now(), &masking()).unwrap();
    assert_eq!((received.form, received.issues.as_slice()), (Form::Xml, [].as_slice()));
    assert_eq!(received.person.as_ref().unwrap().name.as_ref().unwrap().as_str(), "Per Åge Opfundet");
    assert_eq!(received.person.as_ref().unwrap().cpr, CPR);
    assert_eq!(board(&received.observations), ["on-leave"]);
    match &received.observations[0].observation {
        Observation::StayLeaveStarted { stay } => assert_eq!(stay.as_str(), LOCAL),
        other => panic!("{other:?}"),
    }
}

fn xml_of(message: &Value) -> Vec<u8> {
    Form::Xml.write(message)
}

#[test]
fn xml_and_json_say_the_same_and_are_the_same_message() {
    for case in codes() {
        let json = case.message.json();
        let (one, other) = (received(&json), receive(&xml_of(&json), &ours(), now(), &masking()).unwrap());
        assert_eq!(one.observations, other.observations, "{}", case.code);
        assert_eq!((&one.bundle, &one.content, &one.header), (&other.bundle, &other.content, &other.header));
        assert_eq!((one.form, other.form), (Form::Json, Form::Xml));
        assert!(one.person == other.person, "{}", case.code);
    }
}

#[test]
fn an_answer_in_xml_says_what_the_one_in_json_says() {
    let received = receive(BY_HAND.as_bytes(), &ours(), now(), &masking()).unwrap();
    for answer in [Answer::Ok, Answer::Duplicate, Answer::Transient] {
        let json = received.reply.as_ref().unwrap().acknowledge(&answer, &stamp());
        let xml = String::from_utf8(Form::Xml.write(&json)).unwrap();
        assert!(xml.starts_with(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Bundle xmlns=\"http://hl7.org/fhir\"><id value="
        ));
        let code = json["entry"][0]["resource"]["response"]["code"].as_str().unwrap();
        let response = format!("<response><identifier value=\"h1\"/><code value=\"{code}\"/>");
        assert!(xml.contains(&response), "{xml}");
        assert!(xml.contains("<extension url=\"http://medcomfhir.dk/ig/messaging/"), "{xml}");
        assert!(!xml.contains(CPR) && !xml.contains("Opfundet"), "{xml}");
        // It is read as an acknowledgement, which is never acknowledged.
        let again = receive(xml.as_bytes(), &ours(), now(), &masking()).unwrap();
        assert!(again.reply.is_none() && again.observations.is_empty());
    }
}

#[test]
fn dangerous_xml_is_a_problem_with_its_code() {
    let doctype = "<!DOCTYPE Bundle [<!ENTITY cpr SYSTEM \"file:///etc/passwd\">]>";
    let with = |what: &str, by: &str| BY_HAND.replacen(what, by, 1);
    let deep = format!("{}{}", "<div>".repeat(60), "</div>".repeat(60));
    for (text, what) in [
        (with("<f:Bundle", &format!("{doctype}<f:Bundle")), "xml-doctype"),
        (with("Opfundet\"", "&cpr;\""), "xml-entity"),
        (with("<!-- an invented person -->", "<?php ?>"), "xml-instruction"),
        (with("UTF-8", "ISO-8859-1"), "xml-bad-declaration"),
        (with("<p>", &format!("{deep}<p>")), "xml-too-deep"),
        (with("<p>", &format!("{}<p>", "<b/>".repeat(20_001))), "xml-too-many-elements"),
        (with("http://hl7.org/fhir", "http://hl7.org/fhir2"), "not-fhir"),
        (with("</f:Bundle>", ""), "xml-incomplete"),
        ("<f:Patient xmlns:f=\"http://hl7.org/fhir\"/>".to_owned(), "not-a-bundle"),
        ("<Bundle xmlns=\"http://hl7.org/fhir\"/>".to_owned(), "no-message-header"),
    ] {
        assert_eq!(receive(text.as_bytes(), &ours(), now(), &masking()).err(), Some(Unreadable { what }));
    }
}

/// A message of another kind, with an attachment: refused, and its sender is told so.
#[test]
fn a_message_beyond_ours_is_answered_however_large_its_values_are() {
    let attachment = "QUJD".repeat(400_000);
    let mut other = admit("h1").json();
    other["entry"][0]["resource"]["eventCoding"]["code"] = json!("care-communication-message");
    let attached = json!({ "resource": { "resourceType": "Communication", "payload": [{ "contentAttachment": { "data": attachment } }] } });
    other["entry"].as_array_mut().unwrap().push(attached);
    let json = serde_json::to_vec(&other).unwrap();
    let xml = BY_HAND.replacen("<p>", &format!("<p title=\"{attachment}\">"), 1).into_bytes();
    assert!(json.len() > 1024 * 1024);
    let refused = receive(&json, &ours(), now(), &masking()).unwrap();
    assert_eq!(refused.issues[0].code, "MSG_RECEIVER_UNABLE_TO_RECEIVE_MSG_TYPE");
    let reply = refused.reply.as_ref().unwrap().acknowledge(&refused.answer(), &stamp()).to_string();
    assert!(reply.contains("fatal-error") && reply.len() < 10_000);
    assert!(receive(&xml, &ours(), now(), &masking()).unwrap().issues.is_empty());
}

#[test]
fn a_message_in_utf_16_is_read_with_and_without_its_mark() {
    let of = |text: &str, unit: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(unit).collect::<Vec<u8>>();
    let wanted = received(&admit("h1").json());
    let xml = String::from_utf8(xml_of(&admit("h1").json())).unwrap();
    let declared = xml.replacen("UTF-8", "UTF-16", 1);
    assert_ne!(xml, declared);
    for text in [xml, declared, admit("h1").json().to_string()] {
        for unit in [u16::to_le_bytes, u16::to_be_bytes] {
            for mark in ["", "\u{feff}"] {
                let bytes = of(&format!("{mark}{text}"), unit);
                let read = receive(&bytes, &ours(), now(), &masking()).unwrap();
                assert_eq!(read.observations, wanted.observations);
                assert_eq!(read.content, wanted.content);
            }
        }
    }
}

// ---- limits -----------------------------------------------------------------------------------

#[test]
fn a_field_that_is_there_twice_is_not_read_in_either_form() {
    let json = death("h9", "admit-inpatient").json().to_string();
    let twice =
        json.replacen("\"deceasedBoolean\":true", "\"deceasedBoolean\":true,\"deceasedBoolean\":false", 1);
    assert_ne!(json, twice);
    let read = receive(twice.as_bytes(), &ours(), now(), &masking());
    assert_eq!(read.err(), Some(Unreadable { what: "name-twice" }));
    let xml =
        BY_HAND.replacen("<f:deceasedBoolean", "<f:deceasedBoolean value=\"true\"/><f:deceasedBoolean", 1);
    let refused = receive(xml.as_bytes(), &ours(), now(), &masking()).unwrap();
    assert_eq!(refused.issues[0].code, "MSG_Datatype_Wrong");
}

#[test]
fn too_much_of_anything_has_its_name() {
    let unreadable = |message: &Value| {
        receive(&serde_json::to_vec(message).unwrap(), &ours(), now(), &masking())
            .map(|_| ())
            .unwrap_err()
            .what
    };
    let mut many = admit("h1").json();
    let entries = many["entry"].as_array_mut().unwrap();
    entries.resize(201, json!({ "resource": { "resourceType": "Basic" } }));
    assert_eq!(unreadable(&many), "too-many-entries");
    let long = bent(admit("h1").json(), "/entry/0/resource/id", json!("x".repeat(129)));
    assert_eq!(unreadable(&long), "header-id-too-long");
    let long = "x".repeat(129);
    let path = "/entry/3/resource/episodeOfCare/0/identifier/value";
    // No id is so long: the stay is taken under a digest of it.
    let taken = received(&bent(admit("h1").json(), path, json!(long)));
    assert!(taken.issues.is_empty() && !taken.observations.is_empty(), "{:?}", taken.issues);
    // What is only said back is said back if it is short.
    let endless = bent(admit("h1").json(), "/entry/4/resource/name", json!("x".repeat(100_000)));
    let reply = received(&endless).reply.unwrap().acknowledge(&Answer::Ok, &stamp());
    assert!(reply.to_string().len() < 10_000);
}

// ---- broken in every way ----------------------------------------------------------------------

/// Never a panic; a code, or an answer. What was taken is about a stay, and the answer has nothing of the citizen.
fn survive(what: &str, bytes: &[u8]) -> &'static str {
    match receive(bytes, &ours(), now(), &masking()) {
        Err(unreadable) => {
            assert!(vagttavle::domain::identity::Code::new(unreadable.what).is_ok(), "{what}: {unreadable}");
            "unreadable"
        }
        Ok(received) => {
            let Some(reply) = &received.reply else { return "acknowledgement" };
            assert_eq!(received.issues.is_empty(), !received.observations.is_empty(), "{what}");
            for answer in [received.answer(), Answer::Duplicate, Answer::Transient] {
                let written = received.form.write(&reply.acknowledge(&answer, &stamp()));
                assert!(written.len() < 20_000, "{what}: an answer of {} bytes", written.len());
                assert!(!String::from_utf8(written).unwrap().contains(CPR), "{what}");
            }
            if received.issues.is_empty() {
                board(&received.observations);
                "taken"
            } else {
                "refused"
            }
        }
    }
}

#[test]
fn every_message_cut_at_every_byte_is_seen_as_unreadable() {
    in_parallel(|nth, of| {
        for case in codes() {
            let json = case.message.json();
            for whole in [serde_json::to_vec(&json).unwrap(), xml_of(&json)] {
                assert_eq!(survive(case.code, &whole), "taken");
                for mutant in cuts(&whole).skip(nth).step_by(of) {
                    let became = survive(&mutant.what, &mutant.bytes);
                    assert_eq!(became, "unreadable", "{}: {}", case.code, mutant.what);
                }
            }
        }
    });
}

#[test]
fn no_field_removed_doubled_swapped_or_filled_ends_in_a_panic() {
    let json = codes().into_iter().find(|case| case.code == "RE_STOR").unwrap().message.json();
    let xml = xml_of(&json);
    let mutants = bent_json(&json).chain(pieces(&xml, b">"));
    let mut became = BTreeMap::new();
    for mutant in mutants {
        *became.entry(survive(&mutant.what, &mutant.bytes)).or_insert(0) += 1;
    }
    assert!(became["taken"] > 100 && became["refused"] > 100 && became["unreadable"] > 100, "{became:?}");
}
