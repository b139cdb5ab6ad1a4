//! The sentences on the screen, in Danish and English.
//!
//! Owns every word a person reads: `da/*.ftl` and `en/*.ftl`, one file a board and a few
//! shared ones (`common`, `codes`, `refusals`, `problems`). Keys are constants made from
//! the Danish files when the program is built, so an unknown key does not compile; a test
//! holds both languages to the same keys and arguments.
//!
//! `Texts` is handed in where it is needed. There is no global language, no thread-local
//! and no silent fall-back: a code without a sentence is shown as the code itself.
//! Must never know what is drawn where, and never reads a clock.

pub mod dates;
mod said;

use std::fmt;
use std::sync::Arc;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use unic_langid::LanguageIdentifier;

pub use said::Said;

include!(concat!(env!("OUT_DIR"), "/texts.rs"));

/// A message of the Danish files and the names of its arguments. Made only by the build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    id: &'static str,
    args: &'static [&'static str],
}

impl Key {
    /// The name in the files, e.g. `alarms-ring-out`.
    pub fn id(self) -> &'static str {
        self.id
    }
}

/// A language of the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Lang {
    #[default]
    Danish,
    English,
}

impl Lang {
    pub const ALL: [Lang; 2] = [Self::Danish, Self::English];

    /// As given to `--lang`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Danish => "da",
            Self::English => "en",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|lang| lang.name() == name)
    }

    fn identifier(self) -> LanguageIdentifier {
        self.name().parse().expect("da and en are language identifiers")
    }

    fn files(self) -> &'static [&'static str] {
        match self {
            Self::Danish => DA_FILES,
            Self::English => EN_FILES,
        }
    }
}

/// A value for an argument of a sentence: a count, or a text that may be drawn.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Number(i64),
    Said(Said),
}

macro_rules! value_from_number {
    ($($number:ty),*) => {
        $(impl From<$number> for Value {
            fn from(number: $number) -> Self {
                Self::Number(i64::from(number))
            }
        })*
    };
}
value_from_number!(i64, i32, u32, u16, u8);

impl From<usize> for Value {
    fn from(number: usize) -> Self {
        Self::Number(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Number(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<Said> for Value {
    fn from(said: Said) -> Self {
        Self::Said(said)
    }
}

impl From<&Said> for Value {
    fn from(said: &Said) -> Self {
        Self::Said(said.clone())
    }
}

/// Any other text is made visible on its way in.
impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Said(Said::outside(text))
    }
}

/// All sentences of one language. Cheap to clone.
#[derive(Clone)]
pub struct Texts {
    lang: Lang,
    bundle: Arc<FluentBundle<FluentResource>>,
}

impl fmt::Debug for Texts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Texts").field("lang", &self.lang).finish_non_exhaustive()
    }
}

impl Texts {
    pub fn new(lang: Lang) -> Self {
        let mut bundle = FluentBundle::new_concurrent(vec![lang.identifier()]);
        // Isolating marks are direction characters; a terminal shows them as rubbish.
        bundle.set_use_isolating(false);
        for source in lang.files() {
            let resource = FluentResource::try_new((*source).to_owned())
                .unwrap_or_else(|(resource, _)| resource /* the build has parsed it already */);
            bundle.add_resource_overriding(resource);
        }
        Self { lang, bundle: Arc::new(bundle) }
    }

    pub fn lang(&self) -> Lang {
        self.lang
    }

    /// A sentence without arguments.
    pub fn get(&self, key: Key) -> Said {
        self.with(key, &[])
    }

    /// A sentence with its arguments; in tests the names must be exactly those of the message.
    pub fn with(&self, key: Key, args: &[(&str, Value)]) -> Said {
        debug_assert!(
            args.len() == key.args.len() && args.iter().all(|(name, _)| key.args.contains(name)),
            "{} takes {:?}, given {:?}",
            key.id,
            key.args,
            args.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
        );
        self.format(key.id, args).unwrap_or_else(|| unknown(key.id))
    }

    /// The sentence `PREFIX-CODE` for a code that arrives at run time; the code itself in
    /// brackets when there is none, so that a hole is seen instead of hidden.
    pub fn code(&self, prefix: &str, code: impl AsRef<str>) -> Said {
        self.code_with(prefix, code, &[])
    }

    /// As `code`, with arguments. Arguments the sentence does not use are ignored.
    pub fn code_with(&self, prefix: &str, code: impl AsRef<str>, args: &[(&str, Value)]) -> Said {
        let code = code.as_ref();
        self.format(&format!("{prefix}-{code}"), args).unwrap_or_else(|| unknown(code))
    }

    /// True when `PREFIX-CODE` has a sentence.
    pub fn has_code(&self, prefix: &str, code: &str) -> bool {
        self.bundle.has_message(&format!("{prefix}-{code}"))
    }

    fn format(&self, id: &str, args: &[(&str, Value)]) -> Option<Said> {
        let pattern = self.bundle.get_message(id)?.value()?;
        let mut given = FluentArgs::with_capacity(args.len());
        for (name, value) in args {
            given.set(
                *name,
                match value {
                    Value::Number(number) => FluentValue::from(*number),
                    Value::Said(said) => FluentValue::from(said.as_str()),
                },
            );
        }
        let mut errors = Vec::new();
        let sentence = self.bundle.format_pattern(pattern, Some(&given), &mut errors);
        Some(Said::ours(&sentence))
    }
}

fn unknown(code: &str) -> Said {
    Said::outside(&format!("[{code}]"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_languages_have_the_same_messages_and_arguments() {
        let danish: Vec<_> = DA_MESSAGES.to_vec();
        let english: Vec<_> = EN_MESSAGES.to_vec();
        let missing: Vec<_> = danish.iter().filter(|m| !english.contains(m)).collect();
        let extra: Vec<_> = english.iter().filter(|m| !danish.contains(m)).collect();
        assert!(missing.is_empty() && extra.is_empty(), "missing in English: {missing:?}; extra: {extra:?}");
    }

    #[test]
    fn every_message_can_be_said_with_its_arguments() {
        for (lang, messages) in [(Lang::Danish, DA_MESSAGES), (Lang::English, EN_MESSAGES)] {
            let texts = Texts::new(lang);
            for (id, args) in messages {
                let given: Vec<(&str, Value)> = args.iter().map(|name| (*name, Value::Number(2))).collect();
                let said = texts.format(id, &given).unwrap_or_else(|| panic!("{id} has no value"));
                assert!(!said.as_str().is_empty(), "{id} is empty");
                assert!(!said.as_str().contains("{$"), "{id}: {said}");
            }
        }
    }

    #[test]
    fn a_code_without_a_sentence_is_shown_itself() {
        let texts = Texts::new(Lang::Danish);
        assert_eq!(texts.code("refusal", "no-such-thing").as_str(), "[no-such-thing]");
        assert_eq!(texts.code("refusal", "a\u{202e}b").as_str(), "[a<U+202E>b]");
    }

    #[test]
    fn arguments_from_outside_are_made_visible_and_nothing_is_isolated() {
        let texts = Texts::new(Lang::Danish);
        let said = texts.with(key::COMMON_HELD_BY, &[("name", "b\u{1b}o".into())]);
        assert!(said.as_str().contains("b^[o"), "{said}");
        assert!(!said.as_str().contains('\u{2068}'));
    }
}
