//! Who may do what: routes by role and scope, and the API's description.

use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{Answer, Setup, TestServer, uuid};

/// Every route that asks who one is.
const GUARDED: [(&str, &str); 10] = [
    ("GET", "/v1/board"),
    ("GET", "/v1/me"),
    ("GET", "/v1/agreements"),
    ("GET", "/v1/stream"),
    ("POST", "/v1/commands"),
    ("POST", "/v1/observations"),
    ("POST", "/v1/medcom"),
    ("POST", "/v1/seat"),
    ("GET", "/v1/audit"),
    ("GET", "/v1/entries?find=1"),
];

async fn ask(server: &TestServer, method: &str, path: &str, token: Option<&str>) -> Answer {
    let mut request = server.request(method.parse().unwrap(), path, "").header("Purpose", "duty");
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    Answer::of(request.body("[]").send().await.unwrap()).await
}

#[tokio::test]
async fn without_a_token_with_an_unknown_one_or_a_revoked_one_nothing_is_told() {
    let server = Setup::memory().start().await;
    let alarm = server.alarm("call-1").await;
    let revoked = server.tokens["lise"].clone();
    server.revoke("lise").await;
    let entry = format!("/v1/entries/{}", alarm["id"].as_str().unwrap());
    let routes = GUARDED.iter().copied().chain([("GET", entry.as_str())]);
    for (method, path) in routes {
        for token in
            [None, Some("nobody-has-this"), Some(""), Some(revoked.as_str()), Some(&"a".repeat(5_000))]
        {
            let answer = ask(&server, method, path, token).await;
            assert_eq!((answer.status, answer.code()), (401, "not-signed-in"), "{method} {path} {answer:?}");
            assert_eq!(answer.kind, "application/problem+json", "{method} {path}");
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn a_source_hands_in_and_sees_nothing() {
    let server = Setup::memory().start().await;
    let alarm = server.alarm("call-1").await;
    let id = alarm["id"].as_str().unwrap();
    for path in ["/v1/board", "/v1/stream", "/v1/agreements", "/v1/audit", "/v1/entries?find=1"] {
        server.get(path, "central").await.is_problem(403, "not-allowed", "");
    }
    server.show(id, "central").await.is_problem(403, "not-allowed", "");
    server.act("central", &alarm, json!({ "type": "claim" })).await.is_problem(403, "not-allowed", "");
    let me = server.get("/v1/me", "central").await;
    assert_eq!(me.body["role"], "source");
    server.stop().await;
}

#[tokio::test]
async fn a_viewer_sees_and_changes_nothing_and_people_hand_in_nothing() {
    let server = Setup::memory().start().await;
    let alarm = server.alarm("call-1").await;
    server.act("vera", &alarm, json!({ "type": "claim" })).await.is_problem(403, "not-allowed", "");
    assert_eq!(server.board("vera").await["entries"].as_array().unwrap().len(), 1);
    for name in ["anna", "lise", "vera"] {
        server.post("/v1/observations", name, &json!([])).await.is_problem(403, "not-allowed", "");
    }
    for name in ["anna", "vera"] {
        server.get("/v1/audit", name).await.is_problem(403, "not-allowed", "");
    }
    assert_eq!(server.get("/v1/audit", "lise").await.status, 200);
    assert!(server.entry("anna", alarm["id"].as_str().unwrap()).await["holder"].is_null());
    server.stop().await;
}

#[tokio::test]
async fn a_foreign_entry_answers_like_an_unknown_one() {
    let server = Setup::memory().start().await;
    let alarm = server.alarm("call-1").await;
    let foreign = alarm["id"].as_str().unwrap().to_owned();
    let unknown = uuid();
    assert_eq!(server.show(&foreign, "nora").await, server.show(&unknown, "nora").await);
    server.show(&foreign, "nora").await.is_problem(404, "unknown-entry", "");
    for command in [
        json!({ "type": "claim" }),
        json!({ "type": "alarms.close", "outcome": "helped" }),
        json!({ "type": "phone.answer" }),
        json!({ "type": "note", "text": "Hej" }),
        json!({ "type": "justify.sent", "channel": "care-system", "text": "Hej" }),
        json!({ "type": "link", "to": unknown }),
    ] {
        let send = |id: &str| json!({ "id": uuid(), "entry": id, "expected_version": 1, "command": command });
        let (one, other) =
            (server.command("nora", send(&foreign)).await, server.command("nora", send(&unknown)).await);
        assert_eq!(one, other, "{command}");
        one.is_problem(404, "unknown-entry", "");
    }
    assert_eq!(server.board("nora").await["entries"], json!([]));
    // An own entry cannot be linked to a foreign one, and the answer does not tell that it is there.
    let own = server.told(Some("norddjurs"), json!({ "type": "alarm-raised", "alarm": "call-2" })).await;
    let own = server.entry("nora", &own).await;
    let to = |id: &str| json!({ "type": "link", "to": id });
    let (one, other) =
        (server.act("nora", &own, to(&foreign)).await, server.act("nora", &own, to(&unknown)).await);
    assert_eq!(one, other);
    assert_eq!(one.status, 422, "{one:?}");
    server.stop().await;
}

#[tokio::test]
async fn a_source_cannot_hand_in_for_an_agreement_that_is_not_its_own_nor_touch_anothers_entries() {
    let server = Setup::memory().start().await;
    let alarm = server.alarm("call-1").await;
    let at = server.now();
    let items = json!([
        { "key": "a", "at": at, "agreement": "jammerbugt", "observation": { "type": "alarm-raised", "alarm": "x" } },
        { "key": "b", "at": at, "observation": { "type": "alarm-answered", "alarm": "call-1" } },
        { "key": "c", "at": at, "observation": { "type": "alarm-raised", "alarm": "call-1" } },
    ]);
    let answer = server.post("/v1/observations", "nordlys", &items).await;
    assert_eq!(answer.body[0]["problem"]["code"], "unknown-agreement", "{answer:?}");
    assert_ne!(answer.body[1]["entry"], alarm["id"], "{answer:?}");
    assert_ne!(answer.body[2]["entry"], alarm["id"], "{answer:?}");
    let now = server.entry("anna", alarm["id"].as_str().unwrap()).await;
    assert_eq!((&now["version"], &now["state"]), (&alarm["version"], &json!("raised")));
    server.stop().await;
}

#[tokio::test]
async fn looking_at_an_entry_takes_a_purpose_and_is_in_the_log_of_looks() {
    let server = Setup::memory().start().await;
    let alarm = server.alarm("call-1").await;
    let path = format!("/v1/entries/{}", alarm["id"].as_str().unwrap());
    server.get(&path, "anna").await.is_problem(422, "purpose-missing", "Purpose");
    let curious = server.request(Method::GET, &path, "anna").header("Purpose", "curiosity");
    Answer::of(curious.send().await.unwrap()).await.is_problem(422, "purpose-missing", "Purpose");
    let shown = server.show(alarm["id"].as_str().unwrap(), "nora").await;
    shown.is_problem(404, "unknown-entry", "");
    let shown = server.show(alarm["id"].as_str().unwrap(), "bo").await;
    assert_eq!(shown.status, 200, "{shown:?}");
    assert_eq!(shown.body["history"][0]["kind"], "alarms.raised");
    assert!(!shown.body["numbers"].as_array().unwrap().is_empty());
    let looks = crate::world::wait_for("bo's look", || async {
        let looks = server.get("/v1/audit", "lise").await.body;
        let seen = |look: &&Value| look["who"] == "person:bo" && look["entry"] == alarm["id"];
        let bo: Vec<Value> = looks.as_array().unwrap().iter().filter(seen).cloned().collect();
        if bo.is_empty() { Err(looks) } else { Ok(bo) }
    })
    .await;
    assert_eq!(looks.len(), 1, "{looks:?}");
    assert_eq!(looks[0]["purpose"], "duty");
    server.stop().await;
}

#[tokio::test]
async fn every_route_of_the_description_answers_as_described_and_all_else_is_a_problem() {
    let server = Setup::memory().start().await;
    let alarm = server.alarm("call-1").await;
    let document = server.get("/openapi.json", "").await.body;
    let paths = document["paths"].as_object().unwrap();
    assert_eq!(paths.len(), 16, "{:?}", paths.keys());
    for (path, methods) in paths {
        let path = path.replace("{id}", alarm["id"].as_str().unwrap());
        for (method, about) in methods.as_object().unwrap() {
            let name = if path == "/v1/observations" { "central" } else { "lise" };
            let request = server.request(method.to_uppercase().parse().unwrap(), &path, name);
            let response = request.header("Purpose", "duty").body("[]").send().await.unwrap();
            let status = response.status().as_u16();
            let described = &about["responses"];
            assert!(
                described.get(status.to_string()).is_some(),
                "{method} {path} answered {status}: {described}"
            );
        }
    }
    server.get("/v1/nowhere", "anna").await.is_problem(404, "no-such-place", "");
    server.post("/v1/board", "anna", &json!({})).await.is_problem(405, "no-such-method", "");
    assert_eq!(server.get("/healthz", "").await.body, "ok\n");
    assert_eq!(server.get("/readyz", "").await.status, 200);
    let metrics = server.get("/metrics", "").await.body;
    assert!(metrics.as_str().unwrap().contains("# EOF"), "{metrics}");
    server.stop().await;
}

#[test]
fn the_description_is_as_recorded_and_details_are_typed_per_board() {
    let document = vagttavle::server::open_api();
    let schemas = &document["components"]["schemas"];
    let details = schemas["Details"].to_string();
    for board in ["phone", "alarms", "duties", "sources"] {
        assert!(details.contains(&format!("\"{board}\"")), "{board} is missing in {details}");
    }
    for schema in
        ["PhoneDetails", "AlarmDetails", "DutyDetails", "SourceDetails", "Command", "WireObservation"]
    {
        assert!(schemas[schema].is_object(), "{schema} is missing");
    }
    insta::assert_json_snapshot!("openapi", document);
}
