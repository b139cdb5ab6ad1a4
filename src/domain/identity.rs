//! Names and ids of the domain: one checked type each.
//!
//! Owns the rule of what an opaque id may look like on disk. Must never know
//! where an id came from (exchange, device, care system) nor draw one at random:
//! new ids arrive from `crate::ids`.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};
use uuid::Uuid;

/// Why a text cannot be an id or a reference. The offending text itself is never
/// part of the error: it may be personal data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadId {
    #[error("empty")]
    Empty,
    #[error("too long")]
    TooLong,
    #[error("a character that is not allowed")]
    Character,
    /// Looks like a CPR number; citizens' numbers never rest on disk (J 3.1.6).
    #[error("looks like a CPR number")]
    LooksLikeCpr,
    /// Looks like a Danish phone number; refused where free references are typed.
    #[error("looks like a phone number")]
    LooksLikePhone,
}

impl BadId {
    /// Stable code used in problems.
    pub fn code(self) -> &'static str {
        match self {
            Self::Empty => "missing",
            Self::TooLong => "too-long",
            Self::Character => "bad-character",
            Self::LooksLikeCpr => "looks-like-cpr",
            Self::LooksLikePhone => "looks-like-phone",
        }
    }
}

/// True when any run of digits in `text` has the shape DDMMYYSSSS, with or without
/// a hyphen or space before the last four. The modulus-11 check is not used: it has
/// not been guaranteed since 2007. Replacement numbers (day + 60) count as well.
///
/// A run followed by `.` and a digit is exempt: that is an exchange's call id
/// (`1801234567.4`), whose epoch seconds wander through the CPR shape from 2027. So are UUIDs and
/// digests, which hold such runs by chance (one UUID in a thousand).
pub fn looks_like_cpr(text: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric() && !matches!(c, '-' | ' ' | '.')).any(part_looks_like_cpr)
}

fn part_looks_like_cpr(part: &str) -> bool {
    if Uuid::try_parse(part).is_ok() {
        return false;
    }
    if !part.split(['-', ' ', '.']).any(is_digest) {
        return has_cpr_shape(part);
    }
    part.split(['-', ' ', '.']).filter(|piece| !is_digest(piece)).any(has_cpr_shape)
}

/// Two letters a byte: an id made of a digest never reads as a number.
pub(super) fn letters(bytes: &[u8]) -> String {
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|nibble| char::from(b'a' + nibble)).collect()
}

/// Sixteen hex digits or more with a letter among them: random, or made by a hash.
pub(super) fn is_digest(piece: &str) -> bool {
    piece.len() >= 16
        && piece.bytes().all(|b| b.is_ascii_hexdigit())
        && piece.bytes().any(|b| b.is_ascii_alphabetic())
}

fn has_cpr_shape(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut start = 0;
    while start < bytes.len() {
        if !bytes[start].is_ascii_digit() || (start > 0 && bytes[start - 1].is_ascii_digit()) {
            start += 1;
            continue;
        }
        let mut digits = Vec::with_capacity(11);
        let mut at = start;
        while at < bytes.len() && digits.len() <= 10 {
            match bytes[at] {
                digit @ b'0'..=b'9' => digits.push(digit - b'0'),
                b'-' | b' ' if digits.len() == 6 => {}
                _ => break,
            }
            at += 1;
        }
        let is_call_id = at + 1 < bytes.len() && bytes[at] == b'.' && bytes[at + 1].is_ascii_digit();
        if digits.len() == 10 && !is_call_id {
            let day = digits[0] * 10 + digits[1];
            let month = digits[2] * 10 + digits[3];
            if (matches!(day, 1..=31) || matches!(day, 61..=91)) && matches!(month, 1..=12) {
                return true;
            }
        }
        start = at.max(start + 1);
    }
    false
}

/// True when the whole text is a Danish phone number: eight digits, optionally with
/// +45, 0045 or 45 in front, spaces allowed.
pub fn looks_like_phone(text: &str) -> bool {
    let compact: String = text.chars().filter(|c| *c != ' ').collect();
    let rest = compact
        .strip_prefix("+45")
        .or_else(|| compact.strip_prefix("0045"))
        .or_else(|| compact.strip_prefix("45").filter(|rest| rest.len() == 8))
        .unwrap_or(&compact);
    rest.len() == 8 && rest.bytes().all(|b| b.is_ascii_digit())
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, max $max:literal, $allowed:expr, $letters:literal, like $example:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Checks and wraps. Errors: empty, too long, a character outside the set, CPR-shaped.
            pub fn new(text: impl Into<String>) -> Result<Self, BadId> {
                let text: String = text.into();
                let allowed: fn(char) -> bool = $allowed;
                if text.is_empty() {
                    return Err(BadId::Empty);
                }
                if text.chars().count() > $max {
                    return Err(BadId::TooLong);
                }
                if !text.chars().all(allowed) {
                    return Err(BadId::Character);
                }
                if looks_like_cpr(&text) {
                    return Err(BadId::LooksLikeCpr);
                }
                Ok(Self(text))
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadId;
            fn try_from(text: String) -> Result<Self, BadId> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = BadId;
            fn from_str(text: &str) -> Result<Self, BadId> {
                Self::new(text)
            }
        }

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                described(concat!("^[", $letters, "]{1,", $max, "}$"), $max, $example)
            }
        }

        impl ToSchema for $name {}
    };
}

/// What a text may look like, for the API's description.
fn described(pattern: &str, max: usize, example: &str) -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some(pattern))
        .max_length(Some(max))
        .examples([example])
        .into()
}

fn opaque(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | ':' | '/' | '@' | '-' | '+' | '#' | '=' | ';')
}

fn kebab(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'
}

text_id!(
    /// An id given by the outside: exchange call id, device, alarm, stay or visit id.
    /// Opaque: nothing is read out of it.
    ExternalId, max 120, opaque, "A-Za-z0-9._:/@+#=;-", like "a-1"
);
text_id!(
    /// A citizen, by the care system's opaque id. Never a CPR number.
    CitizenId, max 64, opaque, "A-Za-z0-9._:/@+#=;-", like "b-1"
);
text_id!(
    /// An agreement (contract with a municipality), e.g. `jammerbugt`.
    AgreementId, max 40, kebab, "a-z0-9-", like "jammerbugt"
);
text_id!(
    /// A source as configured or as the name of its token, e.g. `central`.
    SourceName, max 64, |c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.'), "\\p{L}\\p{N}._-", like "central"
);
text_id!(
    /// A member of staff as signed in. Staff names may be stored; citizens' never.
    PersonName, max 40, |c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.'), "\\p{L}\\p{N}._-", like "anna"
);
impl PersonName {
    /// A name that belongs to nobody: for trying what a rule says to anybody. Cannot be given to a person.
    pub fn nobody() -> Self {
        Self("-".into())
    }
}

text_id!(
    /// A kebab-case code: reason, teller, step. The list of known ones is in OpenAPI.
    Code, max 40, kebab, "a-z0-9-", like "pendant"
);
impl Code {
    /// A word of ours, as the program itself spells it.
    ///
    /// # Panics
    /// It is no code: a mistake in the program, never in what it was told.
    #[track_caller]
    pub fn constant(word: &'static str) -> Self {
        Self::new(word).expect("a word of ours is kebab-case")
    }
}

text_id!(
    /// What makes an observation or command unique: per source, or per person.
    Key, max 160, opaque, "A-Za-z0-9._:/@+#=;-", like "k-1"
);

impl Key {
    /// A key of a digest or a drawn id: each byte as two letters. Digits in a row, as hex has them, now and then have
    /// the shape of a CPR number (one in 500 of 128-bit digests), and such a key would be refused.
    /// `prefix` is one of our own words with a hyphen; at most 64 bytes are taken.
    pub fn of_bytes(prefix: &'static str, bytes: &[u8]) -> Self {
        let letters = letters(&bytes[..bytes.len().min(64)]);
        Self::new(format!("{prefix}{letters}")).expect("a short word and letters are a key")
    }
}

/// A journal or letter reference typed by a person: `[A-Z0-9/-]{1,40}`, refused when it
/// looks like a CPR or phone number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Reference(String);

impl Reference {
    /// Checks and wraps; see the type.
    pub fn new(text: impl Into<String>) -> Result<Self, BadId> {
        let text: String = text.into();
        if text.is_empty() {
            return Err(BadId::Empty);
        }
        if text.len() > 40 {
            return Err(BadId::TooLong);
        }
        if looks_like_cpr(&text) {
            return Err(BadId::LooksLikeCpr);
        }
        if looks_like_phone(&text) {
            return Err(BadId::LooksLikePhone);
        }
        if !text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || matches!(b, b'/' | b'-')) {
            return Err(BadId::Character);
        }
        Ok(Self(text))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Reference {
    type Error = BadId;
    fn try_from(text: String) -> Result<Self, BadId> {
        Self::new(text)
    }
}

impl From<Reference> for String {
    fn from(reference: Reference) -> String {
        reference.0
    }
}

impl PartialSchema for Reference {
    fn schema() -> RefOr<Schema> {
        described("^[A-Z0-9/-]{1,40}$", 40, "HP-2026/3")
    }
}

impl ToSchema for Reference {}

/// One entry on a board, for ever. A UUIDv7 drawn by `crate::ids`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct EntryId(pub Uuid);

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Position in the log: gapless from 1. Zero is "before the first".
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize, ToSchema,
)]
#[serde(transparent)]
pub struct Sequence(pub u64);

impl Sequence {
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The boards. The name on the wire is the kebab-case word.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    ToSchema,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Board {
    Phone,
    Alarms,
    Discharges,
    Visits,
    Duties,
    Sources,
    Complaints,
    Shift,
}

impl Board {
    pub const ALL: &'static [Self] = <Self as strum::VariantArray>::VARIANTS;

    pub fn name(self) -> &'static str {
        self.into()
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|board| board.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_bytes_is_always_a_key() {
        // These 16 bytes in hex are CPR-shaped: 0101011234 between letters.
        let bytes = [0xa0, 0x10, 0x10, 0x11, 0x23, 0x4a, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        assert!(looks_like_cpr("a0101011234a"));
        assert_eq!(Key::of_bytes("fact-", &bytes).as_str(), "fact-kabababbcdekaaaaaaaaaaaaaaaaaaaa");
        assert_ne!(Key::of_bytes("fact-", &bytes), Key::of_bytes("due-", &bytes));
        assert_eq!(Key::of_bytes("fact-", &[255; 200]).as_str().len(), 5 + 128);
    }
}
