//! The API's description, made whole: what the routes' own annotations cannot say.
//!
//! Owns that it is true: the names of types are those on the wire, ids and codes say what they may look like, every
//! operation says who may ask and how each failure is answered. A client that was generated from it must be understood.
//! Must never describe what is not there: a test posts a body made from each shape.

use serde_json::{Map, Value, json};

use crate::domain::identity::Board;
use crate::domain::observation::Observation;
use crate::domain::vocabulary::Word;
use crate::domain::{alarms, discharges};
use crate::protocol::commands::{self, Command};
use crate::protocol::observations::{OF, WHOSE};
use crate::protocol::text::LONG_TEXT_CHARS_MAX as LONG_TEXT;

/// Answered without a token.
const OPEN: [&str; 4] = ["/healthz", "/readyz", "/metrics", "/openapi.json"];
/// May be signed instead of sent with a token.
const SIGNED: [&str; 2] = ["/v1/observations", "/v1/medcom"];
const SCHEMAS: &str = "#/components/schemas/";

/// Completes what was generated from the code.
pub fn whole(generated: utoipa::openapi::OpenApi) -> Value {
    let mut document = serde_json::to_value(generated).unwrap_or_default();
    if let Some(schemas) = document["components"]["schemas"].as_object_mut() {
        commands(schemas);
        let facts: Vec<_> =
            Observation::TYPES.iter().map(|(tag, shape)| (*shape, vec![(*tag).to_owned()])).collect();
        tagged(schemas, "WireObservation", &facts);
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

/// The commands: a shape for each verb of each board, and one for each that every board knows.
fn commands(schemas: &mut Map<String, Value>) {
    let mut referred = Vec::new();
    let mut shapes: Vec<(String, Vec<String>)> = Vec::new();
    for (board, (verb, shape)) in Command::shapes(&mut referred) {
        let name = pascal(&board.map_or_else(|| verb.to_owned(), |board| format!("{}-{verb}", board.name())));
        schemas.insert(name.clone(), serde_json::to_value(shape).unwrap_or_default());
        shapes.push((name, names(board, verb)));
    }
    schemas.insert("Note".into(), json!({ "type": "object", "properties": { "text": { "type": "string",
        "maxLength": LONG_TEXT } },
        "required": ["text"], "description": "Written through to the care system; the receipt is recorded." }));
    shapes.push(("Note".into(), names(None, commands::NOTE.name)));
    schemas["AlarmsJustifySent"]["properties"]["text"] = json!({ "type": ["string", "null"],
        "maxLength": LONG_TEXT, "description": "With channel `care-system`: the text, written through at once; the \
                                                receipt becomes the reference." });
    for (name, schema) in referred {
        schemas.entry(name).or_insert_with(|| serde_json::to_value(schema).unwrap_or_default());
    }
    schemas.insert(
        "Command".into(),
        json!({ "description": "What a person can ask for. `type` is `board.verb`; the \
        board may be left out where an entry is named, or where only one board has such a verb." }),
    );
    schemas["CommandRequest"]["properties"]["command"] = json!({ "$ref": format!("{SCHEMAS}Command") });
    let shapes: Vec<_> = shapes.iter().map(|(name, names)| (name.as_str(), names.clone())).collect();
    tagged(schemas, "Command", &shapes);
}

/// Every name of a verb: with its board, or with each where every board knows it; alone, where that says which it is.
fn names(board: Option<Board>, verb: &str) -> Vec<String> {
    let of = |board: &Board| commands::verb_of(*board, verb).is_some();
    let boards: Vec<Board> = Board::ALL.iter().copied().filter(of).collect();
    let is_everywhere = board.is_none() || verb == "notify";
    let own = boards.iter().filter(|it| is_everywhere || board == Some(**it));
    let alone = (is_everywhere || boards.len() == 1).then(|| verb.to_owned());
    alone.into_iter().chain(own.map(|board| format!("{}.{verb}", board.name()))).collect()
}

/// `alarms-justify.sent` is `AlarmsJustifySent`.
fn pascal(name: &str) -> String {
    let word = |word: &str| {
        let mut letters = word.chars();
        letters
            .next()
            .map(|first| first.to_uppercase().chain(letters).collect::<String>())
            .unwrap_or_default()
    };
    name.split(['-', '.']).map(word).collect()
}

/// A choice by `type`: each shape says its own names, and the choice which name is which shape.
fn tagged(schemas: &mut Map<String, Value>, choice: &str, shapes: &[(&str, Vec<String>)]) {
    let mut mapping = Map::new();
    for (shape, names) in shapes {
        mapping.extend(names.iter().map(|name| (name.clone(), format!("{SCHEMAS}{shape}").into())));
        let Some(schema) = schemas.get_mut(*shape).and_then(Value::as_object_mut) else { continue };
        schema.insert("type".into(), "object".into());
        field_of(schema, "properties")["type"] = json!({ "type": "string", "enum": names });
        let required = schema.entry("required").or_insert_with(|| json!([]));
        if let Some(required) = required.as_array_mut() {
            required.insert(0, "type".into());
        }
        looks_of(schemas, shape);
    }
    if let Some(schema) = schemas.get_mut(choice) {
        let shapes: Vec<Value> =
            shapes.iter().map(|(shape, _)| json!({ "$ref": format!("{SCHEMAS}{shape}") })).collect();
        schema["oneOf"] = shapes.into();
        schema["discriminator"] = json!({ "propertyName": "type", "mapping": mapping });
    }
}

fn field_of<'s>(schema: &'s mut Map<String, Value>, name: &str) -> &'s mut Value {
    schema.entry(name).or_insert_with(|| json!({}))
}

/// Says of a shape's fields what their types do not.
fn looks_of(schemas: &mut Map<String, Value>, shape: &str) {
    let Some(properties) = schemas.get_mut(shape).and_then(|it| it["properties"].as_object_mut()) else {
        return;
    };
    for (name, property) in properties.iter_mut() {
        let Some(mut rule) = looks(shape, name) else { continue };
        if let (Some(about), None) = (property.get("description"), rule.get("description")) {
            rule["description"] = about.clone();
        }
        *property = rule;
    }
}

/// What one field of one shape may be; none for what its type says.
fn looks(shape: &str, field: &str) -> Option<Value> {
    Some(match (shape, field) {
        ("VisitPlanned", "window") => json!({ "type": "object", "required": ["from", "to"], "properties": {
            "from": local_time(), "to": local_time() } }),
        // Any word is taken; these are known.
        ("AlarmRedirected", "to") => one_of(&alarms::RedirectTo::names()),
        ("StayDischargeExpected", "told_by") => one_of(&discharges::Teller::names()),
        _ => return None,
    })
}

fn one_of(codes: &[&str]) -> Value {
    json!({ "type": "string", "enum": codes })
}

fn local_time() -> Value {
    json!({ "type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$", "examples": ["07:00"],
        "description": "Copenhagen's clock" })
}

/// Of `stay`, `alarm` and `call` one is named: three shapes say so, one says it to nobody.
fn one_of_three(schemas: &mut Map<String, Value>) {
    let Some(schema) = schemas.get_mut("CitizenMatched") else { return };
    let shapes: Vec<Value> = WHOSE
        .iter()
        .map(|whose| {
            let mut shape = schema.clone();
            if let Some(properties) = shape["properties"].as_object_mut() {
                properties.remove(OF);
                properties.insert((*whose).into(), json!({ "$ref": format!("{SCHEMAS}ExternalId") }));
            }
            if let Some(required) = shape["required"].as_array_mut() {
                required.retain(|name| *name != OF);
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
