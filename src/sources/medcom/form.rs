//! The two forms of a FHIR message, JSON and XML, as one tree of values; and the answer in the form of the message.
//!
//! Owns how FHIR's XML and JSON correspond, for the elements that are read or written here, and how much of anything a
//! message may have. Must never know what a message means.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::MESSAGE_MAX;
use super::wire::Unreadable;
use crate::sources::xml::{self, Element, Limits};

const FHIR: &str = "http://hl7.org/fhir";
/// Objects, lists and elements inside each other; the narrative of real messages, which is HTML, is the deepest.
const DEPTH_MAX: usize = 40;
const XML_LIMITS: Limits = Limits {
    bytes_max: MESSAGE_MAX,
    depth_max: DEPTH_MAX,
    elements_max: 20_000,
    attributes_max: 20,
    // An attachment is one text. It is passed over.
    text_bytes_max: MESSAGE_MAX,
};

/// Elements that are lists in JSON even if there is one, by what they stand in; `*` is anything.
const LISTS: [(&str, &str); 15] = [
    ("*", "extension"),
    ("Bundle", "entry"),
    ("MessageHeader", "destination"),
    ("Patient", "identifier"),
    ("Patient", "name"),
    ("name", "given"),
    ("Encounter", "episodeOfCare"),
    ("Organization", "identifier"),
    ("Provenance", "target"),
    ("Provenance", "agent"),
    ("Provenance", "entity"),
    ("OperationOutcome", "issue"),
    ("issue", "expression"),
    ("activity", "coding"),
    ("details", "coding"),
];
const BOOLEANS: [&str; 2] = ["deceasedBoolean", "valueBoolean"];
/// HTML, never read.
const NARRATIVE: &str = "div";

/// The elements of an answer in the order that XML demands. One list does for all of its resources.
const ORDER: [&str; 36] = [
    "id",
    "extension",
    "type",
    "timestamp",
    "entry",
    "fullUrl",
    "resource",
    "eventCoding",
    "destination",
    "endpoint",
    "receiver",
    "sender",
    "source",
    "response",
    "target",
    "occurredDateTime",
    "recorded",
    "activity",
    "agent",
    "who",
    "entity",
    "role",
    "what",
    "issue",
    "severity",
    "system",
    "identifier",
    "value",
    "code",
    "details",
    "coding",
    "expression",
    "name",
    "reference",
    "valueCoding",
    "url",
];

/// The bytes as UTF-8, if they are UTF-16 with or without its mark: told by the first sign of a message, which is ASCII.
/// What an XML declaration says of the encoding is then no longer so, and goes.
pub(super) fn utf8(bytes: &[u8]) -> Cow<'_, [u8]> {
    let (rest, unit): (_, fn([u8; 2]) -> u16) = match bytes {
        [0xff, 0xfe, rest @ ..] => (rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => (rest, u16::from_be_bytes),
        [first, 0, ..] if first.is_ascii() && *first != 0 => (bytes, u16::from_le_bytes),
        [0, first, ..] if first.is_ascii() && *first != 0 => (bytes, u16::from_be_bytes),
        _ => return Cow::Borrowed(bytes),
    };
    let units = rest.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    let text: String = char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    let declared = text.strip_prefix("<?xml").and_then(|rest| rest.split_once("?>"));
    Cow::Owned(declared.map_or(text.as_str(), |(_, rest)| rest).as_bytes().to_vec())
}

/// How a message is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Json,
    Xml,
}

impl Form {
    /// By the first character: what is said about a message in a header beside it is often wrong.
    pub fn of(bytes: &[u8]) -> Self {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        match bytes.iter().find(|byte| !byte.is_ascii_whitespace()) {
            Some(b'<') => Self::Xml,
            _ => Self::Json,
        }
    }

    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/fhir+json",
            Self::Xml => "application/fhir+xml",
        }
    }

    /// The end of a file's name.
    pub const fn ending(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Xml => "xml",
        }
    }

    /// A message as values. Errors: the form is broken, or has too much of something.
    pub(super) fn read(self, bytes: &[u8]) -> Result<Value, Unreadable> {
        match self {
            Self::Json => json(bytes),
            Self::Xml => {
                let checked = xml::check(bytes, &XML_LIMITS).map_err(unreadable)?;
                let root = xml::tree(&checked).map_err(unreadable)?;
                if root.name_space.as_deref() != Some(FHIR) {
                    return Err(Unreadable { what: "not-fhir" });
                }
                Ok(resource(&root))
            }
        }
    }

    /// An answer, written.
    pub fn write(self, answer: &Value) -> Vec<u8> {
        match self {
            Self::Json => answer.to_string().into_bytes(),
            Self::Xml => {
                let root = Element { name_space: Some(FHIR.to_owned()), ..element_of_resource(answer) };
                root.document().into_bytes()
            }
        }
    }
}

fn unreadable(refused: xml::Refused) -> Unreadable {
    Unreadable { what: refused.code() }
}

fn json(bytes: &[u8]) -> Result<Value, Unreadable> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if nesting(bytes) > DEPTH_MAX {
        return Err(Unreadable { what: "nested-too-deep" });
    }
    let plain: Plain = serde_json::from_slice(bytes).map_err(|error| match error.is_data() {
        true => Unreadable { what: "name-twice" },
        false => Unreadable { what: "not-json" },
    })?;
    Ok(plain.0)
}

/// Any JSON in which no object has a name twice: readers differ in which of the two they believe.
struct Plain(Value);

impl<'de> Deserialize<'de> for Plain {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PlainVisitor).map(Self)
    }
}

struct PlainVisitor;

impl<'de> Visitor<'de> for PlainVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON without a name twice")
    }

    fn visit_bool<E>(self, it: bool) -> Result<Value, E> {
        Ok(it.into())
    }

    fn visit_i64<E>(self, it: i64) -> Result<Value, E> {
        Ok(it.into())
    }

    fn visit_u64<E>(self, it: u64) -> Result<Value, E> {
        Ok(it.into())
    }

    fn visit_f64<E>(self, it: f64) -> Result<Value, E> {
        Ok(it.into())
    }

    fn visit_str<E>(self, it: &str) -> Result<Value, E> {
        Ok(it.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Plain(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some((name, Plain(value))) = fields.next_entry::<String, Plain>()? {
            if object.insert(name, value).is_some() {
                // Says nothing of the content.
                return Err(serde::de::Error::custom("a name twice"));
            }
        }
        Ok(Value::Object(object))
    }
}

/// How deep objects and lists open inside each other at most, if it is JSON.
fn nesting(bytes: &[u8]) -> usize {
    let (mut depth, mut deepest, mut in_text, mut is_escaped) = (0_usize, 0, false, false);
    for byte in bytes {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_text => is_escaped = true,
            b'"' => in_text = !in_text,
            b'{' | b'[' if !in_text => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

// ---- XML to values --------------------------------------------------------------------------

fn resource(element: &Element) -> Value {
    let mut fields = fields(element);
    fields.insert("resourceType".to_owned(), Value::String(element.name.clone()));
    Value::Object(fields)
}

fn fields(element: &Element) -> Map<String, Value> {
    let mut fields = Map::new();
    for (name, value) in element.attributes.iter().filter(|(name, _)| matches!(name.as_str(), "id" | "url")) {
        fields.insert(name.clone(), Value::String(value.clone()));
    }
    for child in element.children.iter().filter(|child| child.name != NARRATIVE) {
        let value = value(element, child);
        let is_list = LISTS
            .iter()
            .any(|(parent, name)| *name == child.name && (*parent == "*" || *parent == element.name));
        match fields.get_mut(&child.name) {
            Some(Value::Array(items)) => items.push(value),
            // What may be there once is there twice: no longer of the type that is read.
            Some(first) => *first = Value::Array(vec![first.take(), value]),
            None if is_list => drop(fields.insert(child.name.clone(), Value::Array(vec![value]))),
            None => drop(fields.insert(child.name.clone(), value)),
        }
    }
    fields
}

fn value(parent: &Element, element: &Element) -> Value {
    if let ("entry", "resource", [only]) =
        (parent.name.as_str(), element.name.as_str(), &element.children[..])
    {
        return resource(only);
    }
    match element.attribute("value") {
        Some(text) if BOOLEANS.contains(&element.name.as_str()) => match text {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            _ => Value::String(text.to_owned()),
        },
        Some(text) => Value::String(text.to_owned()),
        None => Value::Object(fields(element)),
    }
}

// ---- values to XML --------------------------------------------------------------------------

fn element_of_resource(value: &Value) -> Element {
    let name = value.get("resourceType").and_then(Value::as_str).unwrap_or_default();
    filled(Element::new(name), value)
}

fn filled(mut element: Element, value: &Value) -> Element {
    let Value::Object(fields) = value else { return element };
    let is_resource = fields.contains_key("resourceType");
    let place = |name: &str| ORDER.iter().position(|it| *it == name).unwrap_or(ORDER.len());
    let mut names: Vec<&String> = fields.keys().filter(|name| *name != "resourceType").collect();
    names.sort_by_key(|name| place(name));
    for name in names {
        match &fields[name] {
            // Of an element they are attributes; of a resource, the id is an element as any other.
            Value::String(text) if name == "url" || (name == "id" && !is_resource) => {
                element = element.with(name, text);
            }
            Value::Array(items) => {
                for item in items {
                    element = element.holding(written(name, item));
                }
            }
            one => element = element.holding(written(name, one)),
        }
    }
    element
}

fn written(name: &str, value: &Value) -> Element {
    let element = Element::new(name);
    match value {
        Value::String(text) => element.with("value", text),
        Value::Bool(it) => element.with("value", it.to_string()),
        Value::Number(it) => element.with("value", it.to_string()),
        Value::Object(fields) if fields.contains_key("resourceType") => {
            element.holding(element_of_resource(value))
        }
        _ => filled(element, value),
    }
}
