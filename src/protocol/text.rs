//! `Text`: the one checked type for text that came from outside.
//!
//! Owns what such a text may contain and how the rest is made visible. A caller's
//! name, a device's message or a note may carry escape sequences, right-to-left marks
//! or invisible characters; drawn raw they could move the cursor, turn a name around or
//! hide half of it. Here every such character is replaced by something a person can
//! see (`^[`, `<U+202E>`), never dropped in silence.
//!
//! Only `Text`, `LongText` and our own translated sentences may be drawn. This module
//! must never know where a text came from or which board shows it.

use std::fmt;

use serde::{Deserialize, Serialize};
use unicode_width::UnicodeWidthChar;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

/// Longest `Text`, in characters of the visible form.
pub const TEXT_CHARS_MAX: usize = 400;
/// Longest `LongText`, in characters of the visible form.
pub const LONG_TEXT_CHARS_MAX: usize = 8_000;
/// Combining marks that may stand on one letter; more is a way to smear over other rows.
pub const MARKS_STACKED_MAX: usize = 4;

/// Why a text was refused. The text itself is never part of the error: it may be personal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadText {
    #[error("longer than {0} characters")]
    TooLong(usize),
    #[error("not UTF-8")]
    NotUtf8,
}

impl BadText {
    /// Stable code used in problems.
    pub fn code(self) -> &'static str {
        match self {
            Self::TooLong(_) => "too-long",
            Self::NotUtf8 => "not-utf8",
        }
    }
}

macro_rules! checked_text {
    ($(#[$doc:meta])* $name:ident, $max:expr, $newline:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Makes visible and wraps. Errors: too long (counted after making visible).
            pub fn new(raw: &str) -> Result<Self, BadText> {
                let shown = visible(raw, $newline);
                if shown.chars().count() > $max {
                    return Err(BadText::TooLong($max));
                }
                Ok(Self(shown))
            }

            /// As `new`, from bytes. Errors: too long, not UTF-8.
            pub fn from_bytes(raw: &[u8]) -> Result<Self, BadText> {
                Self::new(std::str::from_utf8(raw).map_err(|_| BadText::NotUtf8)?)
            }

            /// As `new`, but what is too long is cut and ends in `…`. For texts that must be
            /// shown whatever they are.
            pub fn cut(raw: &str) -> Self {
                // The visible form is never shorter in characters than the raw one (save CRLF),
                // so twice the limit of raw text always holds enough.
                let raw: String = raw.chars().take(2 * $max + 2).collect();
                let shown = visible(&raw, $newline);
                if shown.chars().count() <= $max {
                    return Self(shown);
                }
                let mut kept: String = shown.chars().take($max - 1).collect();
                kept.push('…');
                Self(kept)
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }

            pub fn is_empty(&self) -> bool {
                self.0.is_empty()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadText;
            fn try_from(raw: String) -> Result<Self, BadText> {
                Self::new(&raw)
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> String {
                text.0
            }
        }

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                ObjectBuilder::new().schema_type(Type::String).max_length(Some($max)).into()
            }
        }

        impl ToSchema for $name {}
    };
}

checked_text!(
    /// One line of untrusted text: a name, a number, an address. A line break is shown as `^J`.
    Text, TEXT_CHARS_MAX, false
);
checked_text!(
    /// Several lines of untrusted text: a note, a reason. Only `\n` breaks lines; `\r\n` becomes `\n`.
    LongText, LONG_TEXT_CHARS_MAX, true
);

/// The visible form. A fixed point: what comes out goes through unchanged.
fn visible(raw: &str, newline: bool) -> String {
    let mut out = String::with_capacity(raw.len());
    // A mark without a letter before it would be swallowed by the drawing library.
    let mut marks = MARKS_STACKED_MAX;
    let mut chars = raw.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\n' if newline => {
                out.push('\n');
                marks = MARKS_STACKED_MAX;
            }
            '\r' if newline && chars.peek() == Some(&'\n') => {}
            '\0'..='\x1f' => {
                out.push('^');
                out.push(char::from(c as u8 + 0x40));
                marks = 0;
            }
            '\x7f' => {
                out.push_str("^?");
                marks = 0;
            }
            _ if must_be_spelled(c) => spell(&mut out, c, &mut marks),
            _ if c.width() == Some(0) => {
                if marks >= MARKS_STACKED_MAX {
                    spell(&mut out, c, &mut marks);
                } else {
                    out.push(c);
                    marks += 1;
                }
            }
            _ => {
                out.push(c);
                marks = 0;
            }
        }
    }
    out
}

fn spell(out: &mut String, c: char, marks: &mut usize) {
    out.push_str(&format!("<U+{:04X}>", u32::from(c)));
    *marks = 0;
}

/// Characters that are invisible, turn the writing direction, or end a line in some programs.
fn must_be_spelled(c: char) -> bool {
    matches!(u32::from(c),
        0x80..=0x9f                     // C1 controls
        | 0xad                          // soft hyphen
        | 0x34f                         // grapheme joiner
        | 0x61c                         // Arabic letter mark
        | 0x115f..=0x1160               // Hangul fillers
        | 0x17b4..=0x17b5
        | 0x180b..=0x180f               // Mongolian selectors
        | 0x200b..=0x200f               // zero width, direction marks
        | 0x2028..=0x202e               // line and paragraph separator, direction
        | 0x2060..=0x206f               // word joiner, isolates, deprecated controls
        | 0x2800                        // empty Braille cell: looks like a space, is none
        | 0x3164
        | 0xfe00..=0xfe0f               // variation selectors: change widths
        | 0xfeff
        | 0xffa0
        | 0xfff0..=0xfffb
        | 0x1bca0..=0x1bca3
        | 0x1d173..=0x1d17a
        | 0xe0000..=0xe0fff             // tags
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn harmful_characters_are_shown() {
        for (raw, shown) in [
            ("Anna Hansen", "Anna Hansen"),
            ("æøåÆØÅ é ö", "æøåÆØÅ é ö"),
            ("\u{1b}[2J", "^[[2J"),
            ("a\tb\nc", "a^Ib^Jc"),
            ("a\u{7f}", "a^?"),
            ("a\u{9b}31m", "a<U+009B>31m"),
            ("a\u{202e}b", "a<U+202E>b"),
            ("so\u{ad}ft", "so<U+00AD>ft"),
            ("ze\u{200b}ro\u{200d}", "ze<U+200B>ro<U+200D>"),
            ("\u{e0041}", "<U+E0041>"),
            ("a\u{2028}b", "a<U+2028>b"),
            ("\u{301}a", "<U+0301>a"),
            ("a\u{301}\u{301}\u{301}\u{301}\u{301}", "a\u{301}\u{301}\u{301}\u{301}<U+0301>"),
        ] {
            assert_eq!(Text::new(raw).unwrap().as_str(), shown, "{raw:?}");
        }
    }

    #[test]
    fn only_long_text_breaks_lines() {
        assert_eq!(LongText::new("a\r\nb\nc\rd").unwrap().as_str(), "a\nb\nc^Md");
        assert_eq!(LongText::new("a\n\u{301}b").unwrap().as_str(), "a\n<U+0301>b");
    }

    #[test]
    fn length_is_counted_on_the_visible_form() {
        let escapes = "\u{1b}".repeat(TEXT_CHARS_MAX / 2);
        assert!(Text::new(&escapes).is_ok());
        assert_eq!(Text::new(&format!("{escapes}a")), Err(BadText::TooLong(TEXT_CHARS_MAX)));
        let cut = Text::cut(&format!("{escapes}a"));
        assert_eq!(cut.as_str().chars().count(), TEXT_CHARS_MAX);
        assert!(cut.as_str().ends_with('…'));
        assert_eq!(Text::from_bytes(&[0xff]), Err(BadText::NotUtf8));
    }

    #[test]
    fn reading_json_checks() {
        let text: Text = serde_json::from_str("\"a\\u202eb\"").unwrap();
        assert_eq!(text.as_str(), "a<U+202E>b");
        let long = format!("\"{}\"", "a".repeat(TEXT_CHARS_MAX + 1));
        assert!(serde_json::from_str::<Text>(&long).is_err());
    }

    proptest! {
        #[test]
        fn nothing_harmful_gets_through(raw in "\\PC{0,60}|[\\x00-\\x{2fff}\\x{e0000}-\\x{e00ff}]{0,60}") {
            let text = LongText::cut(&raw);
            let mut marks = MARKS_STACKED_MAX;
            for c in text.as_str().chars() {
                prop_assert!(!must_be_spelled(c));
                if c == '\n' {
                    marks = MARKS_STACKED_MAX;
                    continue;
                }
                prop_assert!(!c.is_control());
                marks = if c.width() == Some(0) { marks + 1 } else { 0 };
                prop_assert!(marks <= MARKS_STACKED_MAX);
            }
        }

        #[test]
        fn the_visible_form_is_a_fixed_point(raw in any::<String>()) {
            let once = LongText::cut(&raw);
            prop_assert_eq!(&LongText::new(once.as_str()).unwrap(), &once);
            let line = Text::cut(&raw);
            prop_assert_eq!(&Text::new(line.as_str()).unwrap(), &line);
        }

        #[test]
        fn plain_text_is_untouched(raw in "[a-zA-ZæøåÆØÅ0-9 .,:;!?()/+-]{0,80}") {
            let text = Text::cut(&raw);
            prop_assert_eq!(text.as_str(), raw.as_str());
        }
    }
}
