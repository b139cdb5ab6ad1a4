//! What a person can ask for: a board's verbs, each declared once with its fields.
//!
//! Owns how a verb is read from JSON (so that a mistake names its field), how it is written and described, and the one
//! property that says how much it weighs. Must never know what a verb does: that is its board's.

use chrono::{DateTime, Utc};
use serde::Deserialize;

/// How much giving a verb weighs, from least to most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Weight {
    /// One key does it.
    Light,
    /// A key alone never does it: the desk asks first.
    Asked,
    /// Not undone in one step: it is offered as such, and everybody who offers it asks first.
    Grave,
    /// Likewise, and refused unless the version that was read is told with it.
    Final,
}

/// What a verb is given for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum About {
    /// An entry of its board.
    Entry,
    /// An entry, or nothing on the board: then it opens one.
    Either,
    /// Nothing on the board: it opens an entry, or is about the one who gives it.
    Nothing,
}

/// One verb of a board.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verb {
    /// On the wire, without its board.
    pub name: &'static str,
    pub weight: Weight,
    pub about: About,
}

/// The shape of a verb's fields for the description, by the verb's name.
pub type Shape = (&'static str, utoipa::openapi::RefOr<utoipa::openapi::schema::Schema>);
/// Schemas that shapes refer to, by name.
pub type Schemas = Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::schema::Schema>)>;
/// Why a verb's fields cannot be read, with the path to the one at fault.
pub type BadFields = serde_path_to_error::Error<serde_json::Error>;

/// An instant as a person or a program writes it: RFC 3339 with a zone. For `#[serde(deserialize_with)]`.
pub fn zoned<'de, D: serde::Deserializer<'de>>(reader: D) -> Result<DateTime<Utc>, D::Error> {
    let text = String::deserialize(reader)?;
    instant(&text).map_err(|why| serde::de::Error::custom(why.replace('-', " ")))
}

/// As [`zoned`], may be absent.
pub fn zoned_option<'de, D: serde::Deserializer<'de>>(reader: D) -> Result<Option<DateTime<Utc>>, D::Error> {
    let text = Option::<String>::deserialize(reader)?;
    text.map(|text| instant(&text).map_err(|why| serde::de::Error::custom(why.replace('-', " ")))).transpose()
}

/// Errors: a code.
pub fn instant(text: &str) -> Result<DateTime<Utc>, &'static str> {
    match DateTime::parse_from_rfc3339(text) {
        Ok(at) => Ok(at.to_utc()),
        Err(_) if text.parse::<chrono::NaiveDateTime>().is_ok() => Err("time-without-zone"),
        Err(_) => Err("not-a-time"),
    }
}

/// A step that is named is done unless the sender says otherwise.
pub(super) fn yes() -> bool {
    true
}

/// Declares the commands of a board: `"verb" [Weight, About] => Variant { field: Type, … }`.
///
/// Makes the enum, written as `{ "type": "verb", … }`, and with it `VERBS`, `verb`, `read` and `shapes`.
macro_rules! verbs {
    ($(#[$meta:meta])* $name:ident {
        $(
            $(#[$vmeta:meta])*
            $tag:literal [$weight:ident, $about:ident] => $variant:ident {
                $( $(#[$fmeta:meta])* $field:ident : $kind:ty ),* $(,)?
            }
        )*
    }) => {
        $(#[$meta])*
        #[serde_with::skip_serializing_none]
        #[derive(Debug, Clone, PartialEq, serde::Serialize)]
        #[serde(tag = "type")]
        pub enum $name {
            $( $(#[$vmeta])* #[serde(rename = $tag)] $variant { $( $(#[$fmeta])* $field: $kind ),* }, )*
        }

        impl $name {
            /// Every verb, in the order of the declaration.
            pub const VERBS: &'static [$crate::domain::verbs::Verb] = &[$(
                $crate::domain::verbs::Verb {
                    name: $tag,
                    weight: $crate::domain::verbs::Weight::$weight,
                    about: $crate::domain::verbs::About::$about,
                },
            )*];

            /// The verb's name, without its board.
            pub fn verb(&self) -> &'static str {
                match self { $( Self::$variant { .. } => $tag, )* }
            }

            /// Reads a verb's fields. None: this board has no such verb.
            pub fn read(
                verb: &str,
                fields: serde_json::Value,
            ) -> Option<Result<Self, $crate::domain::verbs::BadFields>> {
                match verb {
                    $( $tag => {
                        #[derive(serde::Deserialize)]
                        #[allow(clippy::empty_structs_with_brackets)]
                        struct Fields { $( $(#[$fmeta])* $field: $kind ),* }
                        let read = serde_path_to_error::deserialize(fields);
                        Some(read.map(|Fields { $( $field ),* }| Self::$variant { $( $field ),* }))
                    } )*
                    _ => None,
                }
            }

            /// What each verb's fields look like; what that refers to is added to `schemas`.
            pub fn shapes(schemas: &mut $crate::domain::verbs::Schemas) -> Vec<$crate::domain::verbs::Shape> {
                vec![$( ($tag, {
                    #[derive(utoipa::ToSchema)]
                    #[allow(dead_code)]
                    struct Fields { $( $(#[$fmeta])* $field: $kind ),* }
                    <Fields as utoipa::ToSchema>::schemas(schemas);
                    <Fields as utoipa::PartialSchema>::schema()
                }), )*]
            }
        }
    };
}
pub(super) use verbs;
