//! The API's description is true: what was made from it alone is understood, and every answer is described.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use vagttavle::domain::identity::Board;

use crate::world::{Answer, Setup, TestServer, uuid};

/// Makes bodies from the description alone.
pub struct Generated<'d> {
    pub document: &'d Value,
    pub now: DateTime<Utc>,
    /// With what may be left out.
    pub whole: bool,
}

impl Generated<'_> {
    fn find<'s>(&'s self, schema: &'s Value) -> &'s Value {
        match schema["$ref"].as_str() {
            Some(place) => self.document.pointer(place.trim_start_matches('#')).expect(place),
            None => schema,
        }
    }

    /// Every alternative of a schema.
    fn all(&self, schema: &Value) -> Vec<Value> {
        let schema = self.find(schema);
        if let Some(choices) = schema["oneOf"].as_array() {
            return choices.iter().flat_map(|choice| self.all(choice)).collect();
        }
        if let Some(codes) = schema["enum"].as_array() {
            return codes.iter().filter(|code| !code.is_null()).cloned().collect();
        }
        vec![self.one(schema)]
    }

    fn one(&self, schema: &Value) -> Value {
        let schema = self.find(schema);
        if let Some(choices) = schema["oneOf"].as_array() {
            return self.one(choices.iter().find(|choice| choice["type"] != "null").expect("a choice"));
        }
        if let Some(codes) = schema["enum"].as_array() {
            return codes[0].clone();
        }
        let kind = match &schema["type"] {
            Value::Array(kinds) => kinds[0].as_str(),
            kind => kind.as_str(),
        };
        match (kind, schema["format"].as_str()) {
            (Some("object") | None, _) => self.object(schema),
            (Some("string"), Some("date-time")) => json!(self.now),
            (Some("string"), Some("date")) => json!(self.now.date_naive()),
            (Some("string"), Some("uuid")) => json!(uuid()),
            (Some("string"), None) => match schema["examples"].as_array() {
                Some(examples) => examples[0].clone(),
                None => json!("en tekst"),
            },
            (Some("array"), _) => json!([self.one(&schema["items"])]),
            (Some("boolean"), _) => json!(false),
            (Some("integer"), _) => json!(1),
            other => panic!("{other:?}: {schema}"),
        }
    }

    fn object(&self, schema: &Value) -> Value {
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let mut object = Map::new();
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            if self.whole || required.contains(&name.as_str()) {
                object.insert(name.clone(), self.one(property));
            }
        }
        Value::Object(object)
    }

    /// A body for each shape of the member that is a choice, under each of its names.
    pub fn bodies(&self, shape: &str, member: &str) -> Vec<Value> {
        let schema = &self.document["components"]["schemas"][shape];
        let choice = self.find(&schema["properties"][member]);
        let mut bodies = Vec::new();
        for alternative in choice["oneOf"].as_array().expect("a choice") {
            // A shape may itself be a choice.
            let alternative = self.find(alternative);
            let shapes =
                alternative["oneOf"].as_array().cloned().unwrap_or_else(|| vec![alternative.clone()]);
            for shape in shapes {
                for name in self.all(&shape["properties"]["type"]) {
                    let mut body = self.one(schema);
                    body[member] = self.one(&shape);
                    body[member]["type"] = name;
                    bodies.push(body);
                }
            }
        }
        bodies
    }
}

async fn document(server: &TestServer) -> Value {
    server.get("/openapi.json", "").await.body
}

/// The answer is one that is described, in the form it is described in.
fn is_described(document: &Value, path: &str, method: &str, answer: &Answer) {
    let response = &document["paths"][path][method]["responses"][answer.status.to_string()];
    assert!(response.is_object(), "{method} {path}: {} is not described: {answer:?}", answer.status);
    let kinds: Vec<&String> = response["content"].as_object().into_iter().flat_map(Map::keys).collect();
    assert!(
        kinds.iter().any(|kind| answer.kind.starts_with(kind.as_str())),
        "{method} {path}: {answer:?} is none of {kinds:?}"
    );
}

/// Codes that say that the body itself was not understood.
const OF_FORM: [&str; 14] = [
    "bad-json",
    "not-an-object",
    "not-an-array",
    "missing-field",
    "missing",
    "bad-value",
    "unknown-field",
    "unknown-code",
    "unknown-command",
    "unknown-observation",
    "bad-character",
    "too-long",
    "not-a-time",
    "exactly-one-of",
];

#[tokio::test]
async fn every_kind_of_command_made_from_the_description_alone_is_understood() {
    let server = Setup::memory().start().await;
    let document = document(&server).await;
    let mut tried = std::collections::BTreeSet::new();
    for whole in [false, true] {
        let made = Generated { document: &document, now: server.now(), whole };
        for mut body in made.bodies("CommandRequest", "command") {
            body["id"] = uuid().into();
            // Needed by all that act on one, as it says there; without, it is said that it is missing.
            let name = body["command"]["type"].as_str().unwrap().to_owned();
            let answer = server.command("anna", body.clone()).await;
            is_described(&document, "/v1/commands", "post", &answer);
            assert!(!OF_FORM.contains(&answer.code()) || is_about_the_entry(&answer), "{body}: {answer:?}");
            tried.insert(name);
        }
    }
    for board in Board::ALL.iter().copied() {
        for verb in vagttavle::protocol::commands::verbs(board) {
            let name = format!("{}.{}", board.name(), verb.name);
            assert!(tried.contains(&name), "{name} is not described");
        }
    }
    // And what is offered with an entry is a name that is described.
    let (alarm, call) = (server.alarm("a-1").await, server.missed_call("c-1").await);
    for entry in [alarm, call] {
        for action in entry["actions"].as_array().unwrap() {
            assert!(tried.contains(action["type"].as_str().unwrap()), "{action} is not described");
        }
    }
    server.stop().await;
}

/// Which verb is meant is the entry's board's to say, and which version its reader's.
fn is_about_the_entry(answer: &Answer) -> bool {
    let field = answer.body["field"].as_str().unwrap_or_default();
    matches!(
        (answer.code(), field),
        ("unknown-command", "command.type") | ("missing-field", "expected_version")
    )
}

#[tokio::test]
async fn every_kind_of_observation_made_from_the_description_alone_is_understood() {
    let server = Setup::memory().start().await;
    let document = document(&server).await;
    let mut tried = std::collections::BTreeSet::new();
    for whole in [false, true] {
        let made = Generated { document: &document, now: server.now(), whole };
        for mut item in made.bodies("ObservationItem", "observation") {
            item["key"] = uuid().into();
            if whole {
                item["agreement"] = "norddjurs".into();
            }
            let answer = server.post("/v1/observations", "nordlys", &json!([item])).await;
            is_described(&document, "/v1/observations", "post", &answer);
            let receipt = &answer.body[0];
            let code = receipt["problem"]["code"].as_str().unwrap_or_default();
            assert!(!OF_FORM.contains(&code), "{item}: {receipt}");
            tried.insert(item["observation"]["type"].as_str().unwrap().to_owned());
        }
    }
    for (kind, _) in vagttavle::domain::observation::Observation::TYPES {
        assert!(tried.contains(*kind), "{kind} is not described");
    }
    server.stop().await;
}

#[tokio::test]
async fn every_operation_says_who_may_ask_and_answers_as_described_whoever_asks() {
    let server = Setup::memory().start().await;
    let alarm = server.alarm("a-1").await;
    let document = document(&server).await;
    let names = document["components"]["securitySchemes"].as_object().unwrap();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, about) in methods.as_object().unwrap() {
            let security = about.get("security").unwrap_or(&document["security"]).as_array().unwrap();
            for scheme in security.iter().flat_map(|it| it.as_object().unwrap().keys()) {
                assert!(names.contains_key(scheme), "{path}: {scheme}");
            }
            let url = path.replace("{id}", alarm["id"].as_str().unwrap());
            for name in ["", "anna", "lise", "vera", "central"] {
                for body in ["", "{", "[]", "{}", r#"{"a":1,"a":2}"#] {
                    let request = server.request(method.to_uppercase().parse().unwrap(), &url, name);
                    let request = request.header("Purpose", "duty").body(body);
                    let response = request.send().await.unwrap();
                    if response.headers()["content-type"] == "text/event-stream" {
                        continue;
                    }
                    let answer = Answer::of(response).await;
                    is_described(&document, path, method, &answer);
                    let is_secured = !security.is_empty();
                    assert_eq!(
                        answer.status == 401,
                        name.is_empty() && is_secured,
                        "{method} {path} {answer:?}"
                    );
                }
            }
        }
    }
    server.stop().await;
}

/// What a property refers to, also where it may be left out.
fn meant(document: &Value, property: &Value) -> Value {
    let choices = property["oneOf"].as_array();
    let choice = choices.and_then(|some| some.iter().find(|it| it["type"] != "null")).unwrap_or(property);
    match choice["$ref"].as_str() {
        Some(place) => document.pointer(place.trim_start_matches('#')).expect(place).clone(),
        None => choice.clone(),
    }
}

#[tokio::test]
async fn every_word_of_a_request_says_what_it_may_look_like() {
    let server = Setup::memory().start().await;
    let document = document(&server).await;
    let shapes = ["Command", "WireObservation"]
        .iter()
        .flat_map(|choice| document["components"]["schemas"][*choice]["oneOf"].as_array().unwrap().clone())
        .map(|shape| shape["$ref"].as_str().unwrap().trim_start_matches("#/components/schemas/").to_owned())
        .chain(["CommandRequest".into(), "ObservationItem".into(), "SeatReport".into()]);
    for shape in shapes {
        let schema = &document["components"]["schemas"][&shape];
        let properties = schema["properties"].as_object().cloned().unwrap_or_default();
        for (name, property) in properties {
            let property = meant(&document, &property);
            let is_text = property["type"] == "string" || property["type"] == json!(["string", "null"]);
            let rules = ["format", "pattern", "enum", "maxLength"];
            assert!(
                !is_text || rules.iter().any(|rule| property.get(*rule).is_some()),
                "{shape}.{name} may be anything: {property}"
            );
        }
    }
    server.stop().await;
}
