//! Whatever is sent in: a stable code that names the field, and nothing else is affected.

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::mutate;
use crate::world::{Answer, Setup, TestServer, within};

fn alarm(key: &str, alarm: &str) -> Value {
    json!({ "key": key, "at": "2026-11-22T01:00:00Z", "agreement": "jammerbugt",
        "observation": { "type": "alarm-raised", "alarm": alarm } })
}

/// The server still answers, decides and stores.
async fn is_well(server: &TestServer, mark: &str) {
    let entry = within("an alarm", server.alarm(mark)).await;
    within("a claim", server.act("anna", &entry, json!({ "type": "claim" }))).await.done();
    assert_eq!(server.get("/readyz", "").await.status, 200);
}

#[tokio::test]
async fn each_mistake_in_an_item_has_its_code_and_field_and_stops_no_other() {
    let server = Setup::memory().start().await;
    let at = server.now();
    let with = |change: Value| {
        let mut item = alarm("k", "a");
        item["at"] = json!(at);
        for (name, value) in change.as_object().unwrap() {
            item[name] = value.clone();
        }
        item
    };
    let observed = |observation: Value| with(json!({ "observation": observation }));
    let cases: Vec<(Value, &str, &str)> = vec![
        (observed(json!({ "type": "alarm-sung", "alarm": "a" })), "unknown-observation", "observation.type"),
        (observed(json!({ "alarm": "a" })), "missing-field", "observation.type"),
        (observed(json!({ "type": 7 })), "bad-value", "observation.type"),
        (observed(json!("alarm-raised")), "not-an-object", "observation"),
        (observed(json!({ "type": "alarm-raised" })), "missing-field", "observation.alarm"),
        (observed(json!({ "type": "alarm-raised", "alarm": "" })), "empty", "observation.alarm"),
        (
            observed(json!({ "type": "citizen-matched", "citizen": "c" })),
            "exactly-one-of",
            "observation.stay",
        ),
        (with(json!({ "agreement": "atlantis" })), "unknown-agreement", "agreement"),
        (with(json!({ "agreement": 3 })), "bad-value", "agreement"),
        (json!("alarm"), "not-an-object", ""),
        (json!(null), "not-an-object", ""),
    ];
    for (n, (item, code, field)) in cases.iter().enumerate() {
        let (before, after) =
            (alarm(&format!("b-{n}"), &format!("b-{n}")), alarm(&format!("c-{n}"), &format!("c-{n}")));
        let answer = server.post("/v1/observations", "central", &json!([before, item, after])).await;
        assert_eq!(answer.status, 200, "{item}: {answer:?}");
        let outcomes: Vec<&Value> = answer.body.as_array().unwrap().iter().map(|it| &it["outcome"]).collect();
        assert_eq!(outcomes, ["recorded", "refused", "recorded"], "{item}: {answer:?}");
        let problem = &answer.body[1]["problem"];
        let saw = (problem["code"].as_str().unwrap(), problem["field"].as_str().unwrap_or_default());
        assert_eq!(saw, (*code, *field), "{item}");
        assert!(
            !answer.body[1].to_string().contains("0101901234"),
            "what was sent is not said back: {answer:?}"
        );
        assert_eq!(answer.body[0]["key"], format!("b-{n}"));
        assert_eq!(answer.body[2]["key"], format!("c-{n}"));
    }
    is_well(&server, "after").await;
    server.stop().await;
}

#[tokio::test]
async fn every_observation_of_the_contract_is_taken_or_plainly_refused() {
    let server = Setup::memory().start().await;
    let at = server.now();
    for (n, (kind, _)) in vagttavle::domain::observation::Observation::TYPES.iter().enumerate() {
        let observation = json!({ "type": kind, "call": "c-1", "alarm": "a-1", "device": "d-1", "citizen": "b-1",
            "queue": "q", "reason": "timeout", "to": "municipal-unit", "setting": "inpatient", "expected_at": at,
            "told_by": "hospital", "ends": "all", "of": "admitted", "visit": "v-1", "grant": "pathway", "help": "personal",
            "agreed_at": at, "by": "citizen", "told_at": at, "notified_at": at, "order_on": "2026-11-22" });
        let mut observation = observation;
        if *kind != "citizen-matched" {
            observation["stay"] = "s-1".into();
        } else {
            observation.as_object_mut().unwrap().remove("call");
        }
        let item = json!({ "key": format!("k-{n}"), "at": at, "agreement": "jammerbugt", "observation": observation });
        let receipt = server.observe(item).await;
        match receipt["outcome"].as_str().unwrap() {
            "recorded" | "repeat" | "ignored" => {}
            "refused" => {
                let code = receipt["problem"]["code"].as_str().unwrap();
                assert!(["not-taken-yet", "unknown-entry"].contains(&code), "{kind}: {receipt}");
            }
            other => panic!("{kind}: {other}"),
        }
    }
    is_well(&server, "after").await;
    server.stop().await;
}

#[tokio::test]
async fn what_is_no_batch_is_a_problem_with_the_place_of_the_mistake() {
    let server = Setup::memory().start().await;
    let post = |text: &str| server.post_text("/v1/observations", "central", text.to_owned());
    let broken = post("[\n  {\"key\": \"a\",\n   \"at\": }\n]").await;
    broken.is_problem(400, "bad-json", "");
    assert_eq!(broken.body["line"], 3, "{broken:?}");
    for text in ["", "[", "nul", "{\"a\":1}x", "\u{feff}[]", "[1,]"] {
        post(text).await.is_problem(400, "bad-json", "");
    }
    let bytes =
        server.post_text("/v1/observations", "central", vec![b'[', b'"', 0xff, 0xfe, b'"', b']']).await;
    bytes.is_problem(400, "bad-json", "");
    for text in ["{}", "7", "null", "\"a\""] {
        post(text).await.is_problem(422, "not-an-array", "");
    }
    assert_eq!(post("[]").await.body, json!([]));
    let many: Vec<Value> = (0..501).map(|n| alarm(&format!("k-{n}"), &format!("a-{n}"))).collect();
    server.post("/v1/observations", "central", &json!(many)).await.is_problem(413, "too-many-items", "");
    for depth in [65, 100_000] {
        let deep = format!("[{}{}]", "[".repeat(depth), "]".repeat(depth));
        let answer = post(&deep).await;
        assert!(
            answer.body[0]["outcome"] == "refused"
                || answer.code() == "bad-json"
                || answer.code() == "nested-too-deep",
            "{depth}: {answer:?}"
        );
        let command = format!("{{\"id\":\"x\",\"command\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
        let answer = server.post_text("/v1/commands", "anna", command).await;
        assert!(["bad-json", "nested-too-deep"].contains(&answer.code()), "{depth}: {answer:?}");
    }
    is_well(&server, "after").await;
    server.stop().await;
}

#[tokio::test]
async fn a_body_too_large_is_refused_at_the_limit_while_others_go_on() {
    let server = Setup::memory().start().await;
    let large = vec![b' '; 10 * 1024 * 1024];
    for (path, name) in [("/v1/observations", "central"), ("/v1/commands", "anna")] {
        let answer = server.post_text(path, name, large.clone()).await;
        answer.is_problem(413, "body-too-large", "");
        assert_eq!(answer.body["max"], 256 * 1024);
    }
    // Without a length as well: the limit counts what comes.
    let pieces = futures_util::stream::iter((0..160).map(|_| Ok::<_, std::io::Error>(vec![b' '; 64 * 1024])));
    let request = server.request(Method::POST, "/v1/observations", "central");
    let answer = request.body(reqwest::Body::wrap_stream(pieces)).send().await.unwrap();
    Answer::of(answer).await.is_problem(413, "body-too-large", "");
    is_well(&server, "after").await;
    server.stop().await;
}

#[tokio::test]
async fn connections_that_say_nothing_or_drip_hold_up_nobody() {
    let server = Setup::memory().start().await;
    let address = server.base.trim_start_matches("http://").to_owned();
    let token = &server.tokens["central"];
    let mut dripping = Vec::new();
    for n in 0..60 {
        let mut line = TcpStream::connect(&address).await.unwrap();
        let head = match n % 3 {
            0 => String::new(),
            1 => "POST /v1/observations HTTP/1.1\r\nHost: a\r\nAuth".to_owned(),
            _ => format!(
                "POST /v1/observations HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\nContent-Length: 1000\r\n\r\n["
            ),
        };
        line.write_all(head.as_bytes()).await.unwrap();
        dripping.push(line);
    }
    is_well(&server, "meanwhile").await;
    let mut garbage = TcpStream::connect(&address).await.unwrap();
    garbage.write_all(b"\x16\x03\x01\x02\x00\x01\x00 not http at all \r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    within("the answer to garbage", garbage.read_to_end(&mut answer)).await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 400"), "{answer:?}");
    is_well(&server, "after").await;
    drop(dripping);
    server.stop().await;
}

#[tokio::test]
async fn a_header_or_body_that_never_ends_is_given_up() {
    let mut setup = Setup::memory();
    setup.options.limits.header_read = Duration::from_millis(1500);
    setup.options.limits.body_read = Duration::from_millis(1500);
    let server = setup.start().await;
    let address = server.base.trim_start_matches("http://").to_owned();
    let token = &server.tokens["central"];
    let body = format!(
        "POST /v1/observations HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\nContent-Length: 1000\r\n\r\n["
    );
    for (sent, answer) in [("GET /healthz HTTP/1.1\r\nHo".to_owned(), ""), (body, "HTTP/1.1 408")] {
        let mut line = TcpStream::connect(&address).await.unwrap();
        line.write_all(sent.as_bytes()).await.unwrap();
        let mut said = Vec::new();
        within("the end of the connection", line.read_to_end(&mut said)).await.unwrap();
        assert!(said.starts_with(answer.as_bytes()), "{}", String::from_utf8_lossy(&said));
    }
    is_well(&server, "after").await;
    server.stop().await;
}

#[tokio::test]
async fn mistakes_in_a_command_name_the_field() {
    let server = Setup::memory().start().await;
    let entry = server.alarm("call-1").await;
    let id = &entry["id"];
    for (body, status, code, field) in [
        (json!([]), 422, "not-an-object", ""),
        (json!({}), 422, "missing-field", "id"),
        (json!({ "id": "1" }), 422, "missing-field", "command"),
        (json!({ "id": 1, "command": { "type": "claim" } }), 422, "bad-value", "id"),
        (
            json!({ "id": "0101901234", "entry": id, "command": { "type": "claim" } }),
            422,
            "looks-like-cpr",
            "id",
        ),
        (json!({ "id": "1", "entry": "x", "command": { "type": "claim" } }), 422, "bad-value", "entry"),
        (json!({ "id": "1", "entry": id, "command": "claim" }), 422, "not-an-object", "command"),
        (json!({ "id": "1", "entry": id, "command": {} }), 422, "missing-field", "command.type"),
        (
            json!({ "id": "1", "entry": id, "expected_version": -1, "command": { "type": "claim" } }),
            422,
            "bad-value",
            "expected_version",
        ),
        (
            json!({ "id": "1", "entry": id, "command": { "type": "justify.sent", "channel": "letter", "reference": "010190-1234" } }),
            422,
            "looks-like-cpr",
            "command.reference",
        ),
        (
            json!({ "id": "1", "entry": id, "command": { "type": "justify.sent", "channel": "letter", "reference": "20304050" } }),
            422,
            "looks-like-phone",
            "command.reference",
        ),
        (
            json!({ "id": "1", "entry": id, "command": { "type": "respond", "with": "prayer" } }),
            422,
            "unknown-code",
            "command.with",
        ),
        (
            json!({ "id": "1", "entry": id, "command": { "type": "note", "text": "a".repeat(9_000) } }),
            422,
            "too-long",
            "command.text",
        ),
    ] {
        let answer = server.command("anna", body.clone()).await;
        assert_eq!(
            (answer.status, answer.code(), answer.body["field"].as_str().unwrap_or_default()),
            (status, code, field),
            "{body}"
        );
        answer.is_problem(status, code, field);
    }
    assert_eq!(server.entry("anna", id.as_str().unwrap()).await["version"], entry["version"]);
    server.stop().await;
}

/// One item of every kind that has more than an id, as good as can be.
fn items(at: DateTime<Utc>) -> Vec<Value> {
    let item = |n: usize, observation: Value| json!({ "key": format!("m-{n}"), "at": at, "agreement": "jammerbugt", "observation": observation });
    [
        json!({ "type": "alarm-raised", "alarm": "m-1", "device": "d-1", "citizen": "b-1", "trigger": "pendant", "technical": false, "test": false, "text": "hjælp" }),
        json!({ "type": "call-waiting", "call": "m-2", "queue": "q", "caller": "20304050", "caller_name": "Åse" }),
        json!({ "type": "call-missed", "call": "m-2", "reason": "timeout" }),
        json!({ "type": "stay-admitted", "stay": "m-3", "citizen": "b-1", "setting": "inpatient", "planned": true, "department": "afd-1" }),
        json!({ "type": "stay-discharge-expected", "stay": "m-3", "expected_at": at, "told_by": "hospital" }),
        json!({ "type": "citizen-matched", "stay": "m-3", "citizen": "b-2" }),
        json!({ "type": "visit-planned", "visit": "m-4", "citizen": "b-1", "grant": "pathway", "help": "personal", "agreed_at": at, "window": { "from": "07:00", "to": "11:00" } }),
        json!({ "type": "help-granted", "citizen": "b-1", "help": "practical", "notified_at": at, "order_on": "2026-11-22" }),
    ]
    .into_iter()
    .enumerate()
    .map(|(n, observation)| item(n, observation))
    .collect()
}

/// Whatever it was, it was answered, with a code if it was not taken.
fn is_answered(what: &str, answer: &Answer) {
    assert!((200..500).contains(&answer.status), "{what}: {answer:?}");
    match (answer.status, answer.body.as_array()) {
        (200, Some(receipts)) => {
            for receipt in receipts {
                let code = receipt["problem"]["code"].as_str().unwrap_or_default();
                assert!(receipt["outcome"] != "refused" || !code.is_empty(), "{what}: {receipt}");
            }
        }
        (200, None) => assert!(answer.body["sequence"].is_u64(), "{what}: {answer:?}"),
        _ => assert!(!answer.code().is_empty(), "{what}: {answer:?}"),
    }
    let said = answer.body.to_string();
    assert!(
        !said.contains("nettok") && said.len() < 100_000,
        "{what}: what was sent is not said back: {said}"
    );
}

#[tokio::test]
async fn an_observation_with_any_place_broken_is_answered_and_the_next_one_taken() {
    let server = Setup::memory().start().await;
    let items = items(server.now());
    for (n, item) in items.iter().enumerate() {
        for mutant in mutate::json(item) {
            let body = [b"[".as_slice(), &mutant.bytes, b"]"].concat();
            is_answered(&mutant.what, &server.post_text("/v1/observations", "central", body).await);
        }
        is_well(&server, &format!("after-{n}")).await;
    }
    let body = json!([items[0], items[1]]).to_string();
    for mutant in mutate::cuts(body.as_bytes()) {
        let answer = server.post_text("/v1/observations", "central", mutant.bytes).await;
        answer.is_problem(400, "bad-json", "");
    }
    is_well(&server, "after").await;
    server.stop().await;
}

#[tokio::test]
async fn a_command_with_any_place_broken_is_answered_and_the_next_one_taken() {
    let server = Setup::memory().start().await;
    let entry = server.alarm("broken").await["id"].clone();
    let at = server.now();
    let commands = [
        json!({ "type": "respond", "with": "own-help", "helper": "colleague" }),
        json!({ "type": "note", "text": "set til borgeren" }),
        json!({ "type": "correct", "what": "response", "reason": "wrong-entry" }),
        json!({ "type": "justify.sent", "channel": "letter", "reference": "HP-2026/3" }),
        json!({ "type": "discharges.open", "agreement": "jammerbugt", "expected_at": at, "told_by": "hospital" }),
    ];
    for (n, command) in commands.into_iter().enumerate() {
        let good = json!({ "id": format!("c-{n}"), "entry": entry, "expected_version": 1, "happened_at": at, "command": command });
        for mutant in mutate::json(&good) {
            is_answered(&mutant.what, &server.post_text("/v1/commands", "anna", mutant.bytes).await);
        }
        for mutant in mutate::cuts(good.to_string().as_bytes()) {
            server.post_text("/v1/commands", "anna", mutant.bytes).await.is_problem(400, "bad-json", "");
        }
        is_well(&server, &format!("after-{n}")).await;
    }
    server.stop().await;
}
