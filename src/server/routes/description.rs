//! The API's description, made whole: what the routes' own annotations cannot say.
//!
//! Owns that it is true: the names of types are those on the wire, ids and codes say what they may look like, every
//! operation says who may ask and how each failure is answered. A client that was generated from it must be understood.
//! Must never describe what is not there: a test posts a body made from each shape.

use serde_json::{Map, Value, json};

use crate::domain::agreement::{DISCHARGE_STEPS, DOOR_STEPS};
use crate::domain::{alarms, discharges, duties, notices, phone, visits};
use crate::protocol::commands::WireCommand;
use crate::protocol::observations::WireObservation;

/// Answered without a token.
const OPEN: [&str; 4] = ["/healthz", "/readyz", "/metrics", "/openapi.json"];
/// May be signed instead of sent with a token.
const SIGNED: [&str; 2] = ["/v1/observations", "/v1/medcom"];
const SCHEMAS: &str = "#/components/schemas/";

/// Completes what was generated from the code.
pub fn whole(generated: utoipa::openapi::OpenApi) -> Value {
    let mut document = serde_json::to_value(generated).unwrap_or_default();
    if let Some(schemas) = document["components"]["schemas"].as_object_mut() {
        tagged(schemas, "WireCommand", WireCommand::SHAPES, names_of_command);
        tagged(schemas, "WireObservation", WireObservation::SHAPES, |tag| vec![tag.to_owned()]);
        ids(schemas, "CommandRequest");
        ids(schemas, "ObservationItem");
        ids(schemas, "SeatReport");
        one_of_three(schemas);
    }
    document["components"]["securitySchemes"] = json!({
        "token": { "type": "http", "scheme": "bearer", "description": "as `vagttavle user add` printed it" },
        "signature": { "type": "apiKey", "in": "header", "name": "Vagttavle-Signature",
            "description": "`v1=` and the HMAC-SHA-256 of `TIMESTAMP.BODY` in hex, beside Vagttavle-Source and \
                            Vagttavle-Timestamp" },
    });
    document["security"] = json!([{ "token": [] }]);
    if let Some(paths) = document["paths"].as_object_mut() {
        for (path, methods) in paths {
            for about in methods.as_object_mut().into_iter().flat_map(Map::values_mut) {
                operation(path, about);
            }
        }
    }
    document
}

/// Every name of a command: the verb alone, on the entry's own board, or with its board.
fn names_of_command(verb: &str) -> Vec<String> {
    let boards: &[&str] = match verb {
        "claim" | "release" | "take-over" | "note" | "correct" | "link" | "notify" => {
            &["phone", "alarms", "discharges", "visits", "duties", "sources"]
        }
        "assign" => &["phone", "alarms"],
        "answer" | "call-back" | "give-up" | "documented" => &["phone"],
        "respond" | "arrive" | "close" | "redirect" | "contest-redirect" | "justify.begin"
        | "justify.sent" | "technical.done" => &["alarms"],
        "open" | "expect" | "resume" | "stop" | "step" | "assessors-told" | "join" => &["discharges"],
        "contact" | "move" | "replace" | "door" | "cancel" => &["visits"],
        "done" => &["visits", "duties", "sources"],
        "postpone" => &["duties"],
        "sign-on" | "sign-off" => &["shift"],
        _ => &[],
    };
    std::iter::once(verb.to_owned()).chain(boards.iter().map(|board| format!("{board}.{verb}"))).collect()
}

/// A choice by `type`: each shape says its own names, and the choice which name is which shape.
fn tagged(
    schemas: &mut Map<String, Value>,
    choice: &str,
    shapes: &[(&str, &str)],
    names: impl Fn(&str) -> Vec<String>,
) {
    let mut mapping = Map::new();
    for (tag, shape) in shapes {
        let names = names(tag);
        mapping.extend(names.iter().map(|name| (name.clone(), format!("{SCHEMAS}{shape}").into())));
        let Some(schema) = schemas.get_mut(*shape).and_then(Value::as_object_mut) else { continue };
        schema.insert("type".into(), "object".into());
        field_of(schema, "properties")["type"] = json!({ "type": "string", "enum": names });
        let required = schema.entry("required").or_insert_with(|| json!([]));
        if let Some(required) = required.as_array_mut() {
            required.insert(0, "type".into());
        }
        ids(schemas, shape);
    }
    if let Some(schema) = schemas.get_mut(choice) {
        let shapes: Vec<Value> =
            shapes.iter().map(|(_, shape)| json!({ "$ref": format!("{SCHEMAS}{shape}") })).collect();
        schema["oneOf"] = shapes.into();
        schema["discriminator"] = json!({ "propertyName": "type", "mapping": mapping });
    }
}

fn field_of<'s>(schema: &'s mut Map<String, Value>, name: &str) -> &'s mut Value {
    schema.entry(name).or_insert_with(|| json!({}))
}

/// What the strings of a shape may look like.
fn ids(schemas: &mut Map<String, Value>, shape: &str) {
    let Some(properties) = schemas.get_mut(shape).and_then(|it| it["properties"].as_object_mut()) else {
        return;
    };
    for (name, property) in properties.iter_mut() {
        let Some(rule) = looks(shape, name) else { continue };
        let is_optional = property["type"].as_array().is_some_and(|types| types.contains(&"null".into()));
        let (Some(property), Value::Object(mut rule)) = (property.as_object_mut(), rule) else { continue };
        if is_optional {
            if let Some(kind) = rule.remove("type") {
                rule.insert("type".into(), json!([kind, "null"]));
            }
            if let Some(codes) = rule.get_mut("enum").and_then(Value::as_array_mut) {
                codes.push(Value::Null);
            }
        }
        property.extend(rule);
    }
}

fn opaque(max: usize, example: &str) -> Value {
    json!({ "type": "string", "pattern": format!("^[A-Za-z0-9._:/@+#=;-]{{1,{max}}}$"), "maxLength": max,
        "examples": [example] })
}

fn kebab() -> Value {
    json!({ "type": "string", "pattern": "^[a-z0-9-]{1,40}$", "maxLength": 40, "examples": ["pendant"] })
}

fn one_of(codes: &[&str]) -> Value {
    json!({ "type": "string", "enum": codes })
}

fn text(max: usize) -> Value {
    json!({ "type": "string", "maxLength": max })
}

fn together(lists: &[&[&str]]) -> Value {
    let mut all: Vec<&str> = Vec::new();
    for code in lists.iter().flat_map(|list| list.iter()) {
        if !all.contains(code) {
            all.push(code);
        }
    }
    one_of(&all)
}

/// What one field of one shape may be; none for what says it by itself (times, numbers, yes and no).
fn looks(shape: &str, field: &str) -> Option<Value> {
    Some(match (shape, field) {
        ("CommandRequest", "id") | ("ObservationItem", "key") | ("SeatReport", "desk") => opaque(160, "k-1"),
        ("CommandRequest", "entry") => json!({ "type": "string", "format": "uuid",
            "description": "The entry that is meant: needed by all but `open`, `expect`, `notify`, `sign-on` and \
                            `sign-off`." }),
        ("Link", "to") | ("JoinStay", "same_as") => json!({ "type": "string", "format": "uuid" }),
        (_, "agreement") => kebab_of("jammerbugt"),
        (_, "citizen") => opaque(64, "b-1"),
        (_, "call" | "queue" | "agent" | "alarm" | "device" | "stay" | "department" | "visit") => {
            opaque(120, "a-1")
        }
        (_, "caller" | "caller_name") | ("AlarmRaised", "text") => {
            text(crate::protocol::text::TEXT_CHARS_MAX)
        }
        (_, "text") => text(crate::protocol::text::LONG_TEXT_CHARS_MAX),
        (_, "reference") => json!({ "type": "string", "pattern": "^[A-Z0-9/-]{1,40}$", "maxLength": 40,
            "examples": ["HP-2026/3"] }),
        (_, "trigger") => kebab(),
        (_, "setting") => one_of(&["inpatient", "acute-outpatient"]),
        ("StayCorrected" | "StayCancelled", "of") => {
            one_of(&["admitted", "leave-started", "leave-ended", "discharged", "died"])
        }
        ("DeviceWell", "ends") => one_of(&["all", "mains", "link"]),
        (_, "grant") => one_of(&["pathway", "service"]),
        (_, "help") => one_of(&["personal", "practical", "food", "nursing", "training"]),
        ("VisitPlanned", "window") => json!({ "type": "object", "required": ["from", "to"], "properties": {
            "from": local_time(), "to": local_time() } }),
        ("CallMissed", "reason") => one_of(&["hung-up", "timeout", "no-agent"]),
        (_, "by" | "asked_by") => one_of(&["citizen", "provider", "municipality"]),
        ("AlarmRedirected" | "Redirect", "to") => one_of(&alarms::REDIRECT_TO),
        ("Respond", "with") => one_of(&["own-help", "nurse", "doctor", "112"]),
        ("Respond", "helper") => one_of(&alarms::HELPERS),
        ("Close", "outcome") => one_of(&alarms::OUTCOMES),
        ("ContestRedirect", "reason") => one_of(&alarms::CONTEST_REASONS),
        ("JustifySent", "channel") => one_of(&alarms::CHANNELS),
        ("GiveUp", "reason") => one_of(&phone::GIVE_UP_REASONS),
        ("Stop", "reason") => one_of(&discharges::STOP_REASONS),
        ("Postpone", "reason") => one_of(&duties::POSTPONE_REASONS),
        ("Notify", "what") => one_of(&notices::BY_HAND),
        ("Done", "to") => one_of(&notices::TOLD_TO),
        ("Correct", "what") => together(&[
            &alarms::CORRECTABLE,
            &phone::CORRECTABLE,
            &discharges::CORRECTABLE,
            &visits::CORRECTABLE,
            &notices::CORRECTABLE,
        ]),
        ("Correct", "reason") => together(&[
            &alarms::CORRECTION_REASONS,
            &phone::CORRECTION_REASONS,
            &discharges::CORRECTION_REASONS,
            &visits::CORRECTION_REASONS,
            &notices::CORRECTION_REASONS,
        ]),
        ("TickStep", "step") => one_of(&DISCHARGE_STEPS),
        ("DoorStep", "step") => one_of(&DOOR_STEPS),
        ("DoorStep", "outcome") => one_of(&visits::DOOR_OUTCOMES),
        (_, "told_by") => one_of(&discharges::TELLERS),
        _ => return None,
    })
}

fn kebab_of(example: &str) -> Value {
    let mut rule = kebab();
    rule["examples"] = json!([example]);
    rule
}

fn local_time() -> Value {
    json!({ "type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$", "examples": ["07:00"],
        "description": "Copenhagen's clock" })
}

/// Of `stay`, `alarm` and `call` one is named: three shapes say so, one says it to nobody.
fn one_of_three(schemas: &mut Map<String, Value>) {
    const WHOSE: [&str; 3] = ["stay", "alarm", "call"];
    let Some(schema) = schemas.get_mut("CitizenMatched") else { return };
    let shapes: Vec<Value> = WHOSE
        .iter()
        .map(|whose| {
            let mut shape = schema.clone();
            if let Some(properties) = shape["properties"].as_object_mut() {
                properties.retain(|name, _| name == whose || !WHOSE.contains(&name.as_str()));
                properties.insert((*whose).into(), opaque(120, "a-1"));
            }
            if let Some(required) = shape["required"].as_array_mut() {
                required.push((*whose).into());
            }
            shape
        })
        .collect();
    *schema = json!({ "oneOf": shapes });
}

/// Who may ask, and how every failure is answered.
fn operation(path: &str, about: &mut Value) {
    let (is_open, is_signed, has_body) =
        (OPEN.contains(&path), SIGNED.contains(&path), about.get("requestBody").is_some());
    if is_open {
        about["security"] = json!([]);
    } else if is_signed {
        about["security"] = json!([{ "token": [] }, { "signature": [] }]);
    }
    if path == "/v1/audit" || path == "/v1/stream" {
        numbers(about);
    }
    let mut failures = vec![
        (400, "a header, a number or a body that cannot be read"),
        (405, "no such method here"),
        (415, "a body that is packed (`Content-Encoding`)"),
        (500, "a fault of the server"),
    ];
    if !is_open {
        failures.extend([
            (401, "no token, an unknown or a revoked one"),
            (403, "a role that may not"),
            (429, "too many connections of one token"),
            (503, "the log cannot be had just now: again, under the same id"),
        ]);
    }
    if has_body {
        failures.extend([(408, "a body that came too slowly"), (413, "a body or list too large")]);
    }
    let Some(responses) = about["responses"].as_object_mut() else { return };
    for (status, why) in failures {
        responses.entry(status.to_string()).or_insert_with(|| json!({ "description": why }));
    }
    // Answered before a request is one, and without a body.
    responses
        .entry("431")
        .or_insert_with(|| json!({ "description": "too many or too long headers; no body" }));
    for (status, response) in responses.iter_mut() {
        let is_failure = status.starts_with(['4', '5']) && status != "431";
        if is_failure {
            let schema = json!({ "$ref": format!("{SCHEMAS}Problem") });
            response["content"] = json!({ "application/problem+json": { "schema": schema } });
        }
        if response.get("description").and_then(Value::as_str).unwrap_or_default().is_empty() {
            response["description"] = said(status).into();
        }
    }
}

fn said(status: &str) -> &'static str {
    match status {
        "200" => "done",
        "401" => "no token, an unknown or a revoked one",
        "403" => "a role that may not",
        "404" => "not there, or not to be seen",
        "409" => "too late, or an id or a signature used before",
        "410" => "too far behind: fetch the board anew",
        "413" => "a body or list too large",
        "422" => "a field that cannot be taken, or a refusal",
        "429" => "too many",
        "503" => "the log cannot be had just now: again, under the same id",
        _ => "a problem",
    }
}

/// Numbers of the log: from 0 to what it can count.
fn numbers(about: &mut Value) {
    for parameter in about["parameters"].as_array_mut().into_iter().flatten() {
        let number = json!({ "type": "integer", "format": "int64", "minimum": 0, "maximum": i64::MAX });
        parameter["schema"] = number;
        parameter["required"] = false.into();
    }
}
