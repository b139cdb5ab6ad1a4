//! `Said`: text that may be drawn.
//!
//! Owns the promise that nothing reaches the screen unchecked: it is either one of our own
//! sentences or has been through `protocol::text`. The drawing code takes nothing else.

use std::fmt;

use crate::protocol::text::{LongText, Text};

/// Text that may be drawn: ours, or made visible.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Said(String);

impl Said {
    /// Literal text of the program: a symbol, a separator.
    pub fn fixed(text: &'static str) -> Self {
        Self(text.to_owned())
    }

    /// Anything that came from outside; harmful characters are made visible, too long is cut.
    pub fn outside(text: &str) -> Self {
        Self(Text::cut(text).as_str().to_owned())
    }

    /// Text being typed, with its line breaks; never cut, harmful characters made visible.
    pub fn typed(text: &str) -> Self {
        Self(LongText::cut(text).as_str().to_owned())
    }

    /// A sentence of the language files. Its arguments are `Said` or numbers already.
    pub(super) fn ours(sentence: &str) -> Self {
        Self(sentence.to_owned())
    }

    /// So many blanks.
    pub fn spaces(count: u16) -> Self {
        Self(" ".repeat(usize::from(count)))
    }

    /// A number as digits.
    pub fn number(number: impl Into<i64>) -> Self {
        Self(number.into().to_string())
    }

    /// `first` and `second` with `between` in the middle; an empty one leaves no separator.
    pub fn join(&self, between: &'static str, second: &Said) -> Self {
        match (self.0.is_empty(), second.0.is_empty()) {
            (true, _) => second.clone(),
            (_, true) => self.clone(),
            _ => Self(format!("{}{between}{}", self.0, second.0)),
        }
    }

    /// All of them with `between` in the middle, empty ones left out.
    pub fn all<'a>(parts: impl IntoIterator<Item = &'a Said>, between: &'static str) -> Self {
        parts.into_iter().fold(Self::default(), |line, part| line.join(between, part))
    }

    /// The lines of a text with line breaks.
    pub fn lines(&self) -> impl Iterator<Item = Said> + '_ {
        self.0.split('\n').map(|line| Said(line.to_owned()))
    }

    /// A piece by byte positions. Errors: none; positions inside a character give an empty text.
    pub fn slice(&self, from: usize, to: usize) -> Self {
        Self(self.0.get(from..to).unwrap_or_default().to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&Text> for Said {
    fn from(text: &Text) -> Self {
        Self(text.as_str().to_owned())
    }
}

impl From<&LongText> for Said {
    fn from(text: &LongText) -> Self {
        Self(text.as_str().to_owned())
    }
}
