//! JSON from outside, read once and in full: a name that an object gives twice is noticed.
//!
//! Owns what becomes of it: the first value stands, and where it was is told. Two readers of one text may take different
//! values, and whoever is between us and the sender has checked the other one. Must never say what was sent.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Places that are told of one text; of more only that there are.
const TOLD_MAX: usize = 16;

/// A text as read.
#[derive(Debug, Clone, PartialEq)]
pub struct Read {
    pub value: Value,
    /// Where a name stood again, as paths (`observation.alarm`), in the order of the text.
    pub doubled: Vec<String>,
}

/// Reads a text. Errors: not JSON, a number beyond what can be held, nested too deep.
pub fn read(text: &[u8]) -> Result<Read, serde_json::Error> {
    let (mut path, mut doubled) = (Vec::new(), Vec::new());
    let mut reader = serde_json::Deserializer::from_slice(text);
    let value = Part { path: &mut path, doubled: &mut doubled }.deserialize(&mut reader)?;
    reader.end()?;
    Ok(Read { value, doubled })
}

/// One value at its place.
struct Part<'p> {
    path: &'p mut Vec<String>,
    doubled: &'p mut Vec<String>,
}

impl<'de> DeserializeSeed<'de> for Part<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Part<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, it: bool) -> Result<Value, E> {
        Ok(Value::Bool(it))
    }

    fn visit_i64<E>(self, it: i64) -> Result<Value, E> {
        Ok(it.into())
    }

    fn visit_u64<E>(self, it: u64) -> Result<Value, E> {
        Ok(it.into())
    }

    fn visit_f64<E>(self, it: f64) -> Result<Value, E> {
        Ok(Number::from_f64(it).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, it: &str) -> Result<Value, E> {
        Ok(it.into())
    }

    fn visit_string<E>(self, it: String) -> Result<Value, E> {
        Ok(it.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let Self { path, doubled } = self;
        let mut all = Vec::new();
        loop {
            path.push(all.len().to_string());
            let item = items.next_element_seed(Part { path: &mut *path, doubled: &mut *doubled })?;
            path.pop();
            match item {
                Some(item) => all.push(item),
                None => return Ok(Value::Array(all)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let Self { path, doubled } = self;
        let mut all = Map::new();
        while let Some(name) = fields.next_key::<String>()? {
            path.push(name.clone());
            let is_there = all.contains_key(&name);
            if is_there && doubled.len() < TOLD_MAX {
                doubled.push(path.join("."));
            }
            let value = fields.next_value_seed(Part { path: &mut *path, doubled: &mut *doubled })?;
            path.pop();
            if !is_there {
                all.insert(name, value);
            }
        }
        Ok(Value::Object(all))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_first_value_stands_and_where_it_came_again_is_told() {
        let text = br#"{"a":1,"b":{"c":"x","c":"y","d":[{"e":null,"e":2}]},"a":{"a":1,"a":2},"\u0061":3}"#;
        let read = read(text).expect("JSON");
        assert_eq!(read.value, json!({ "a": 1, "b": { "c": "x", "d": [{ "e": null }] } }));
        assert_eq!(read.doubled, ["b.c", "b.d.0.e", "a", "a.a", "a"]);
    }

    #[test]
    fn what_is_given_once_is_as_any_reader_has_it() {
        for text in [
            r#"{"a":[1,-1,1.5,1e3,18446744073709551615,"x\ud83d\ude00",true,false,null,{},[]]}"#,
            "7",
            "\"\"",
            " [ ] ",
        ] {
            let read = read(text.as_bytes()).expect(text);
            assert_eq!(read.value, serde_json::from_str::<Value>(text).expect(text));
            assert_eq!(read.doubled, [""; 0]);
        }
        for text in ["", "{", "[1,]", "{}x", "1e999", "\"\\ud800\"", "\u{feff}{}"] {
            assert!(read(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn names_without_end_take_no_more_room() {
        let text = format!("{{{}}}", vec!["\"a\":1"; 5_000].join(","));
        assert_eq!(read(text.as_bytes()).expect("JSON").doubled.len(), TOLD_MAX);
        assert!(read("[".repeat(100_000).as_bytes()).is_err());
    }
}
