//! Words of ours as enums: each word is a variant, so that the compiler lists what a new one means.
//!
//! Owns how a list of words is declared and named. A word's name is its variant in kebab-case, on the wire, in the log
//! and in the keys of texts; it is stored for ever. Must never know what a word means.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};

/// A word from a list of ours.
pub trait Word: Copy + Eq + 'static {
    /// Every word of the list, most likely first where that is an order.
    const ALL: &'static [Self];

    /// Its name on the wire and in the log.
    fn name(self) -> &'static str;

    /// The word of this name.
    fn of(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|word| word.name() == name)
    }

    /// The names of all.
    fn names() -> Vec<&'static str> {
        Self::ALL.iter().map(|word| word.name()).collect()
    }
}

/// How a list of words is described.
pub fn schema(names: &[&str]) -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names.iter().copied())).into()
}

/// What a list of words is called in the description: two boards may have one of the same name.
pub fn schema_name(module: &str, list: &str) -> Cow<'static, str> {
    let owner = module.rsplit("::").next().unwrap_or_default();
    let pascal = owner.split('_').map(|part| {
        let (first, rest) = part.split_at(part.len().min(1));
        first.to_uppercase() + rest
    });
    Cow::Owned(pascal.collect::<String>() + list)
}

/// Declares a list of words. A name that is not the variant in kebab-case is said: `#[strum(serialize = "112")]` and the
/// same for serde.
macro_rules! vocabulary {
    ($(#[$meta:meta])* $name:ident { $( $(#[$vmeta:meta])* $variant:ident ),* $(,)? }) => {
        $(#[$meta])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
            strum::IntoStaticStr, strum::VariantArray,
        )]
        #[serde(rename_all = "kebab-case")]
        #[strum(serialize_all = "kebab-case")]
        pub enum $name { $( $(#[$vmeta])* $variant ),* }

        impl $name {
            /// Its name on the wire and in the log.
            pub fn name(self) -> &'static str {
                self.into()
            }
        }

        impl $crate::domain::vocabulary::Word for $name {
            const ALL: &'static [Self] = <Self as strum::VariantArray>::VARIANTS;

            fn name(self) -> &'static str {
                self.into()
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                use $crate::domain::vocabulary::Word as _;
                $crate::domain::vocabulary::schema(&Self::names())
            }
        }

        impl utoipa::ToSchema for $name {
            fn name() -> std::borrow::Cow<'static, str> {
                $crate::domain::vocabulary::schema_name(module_path!(), stringify!($name))
            }
        }

        impl From<$name> for $crate::domain::identity::Code {
            fn from(word: $name) -> Self {
                Self::new(word.name()).expect("our words are kebab-case codes")
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                self.name()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}
pub(crate) use vocabulary;

/// How something ended: as a person said, in a word that is offered, or in what became of it, which nobody can say. One
/// word in the log and on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Ended<S, B> {
    Said(S),
    Became(B),
}

impl<S: Word, B: Word> Ended<S, B> {
    /// Its name on the wire and in the log.
    pub fn name(self) -> &'static str {
        match self {
            Self::Said(word) => word.name(),
            Self::Became(word) => word.name(),
        }
    }

    /// A person said this.
    pub fn is(self, said: S) -> bool {
        self == Self::Said(said)
    }
}

impl<S: Word, B: Word> AsRef<str> for Ended<S, B> {
    fn as_ref(&self) -> &str {
        self.name()
    }
}

impl<S: Word, B: Word> utoipa::PartialSchema for Ended<S, B> {
    fn schema() -> RefOr<Schema> {
        schema(&[S::names(), B::names()].concat())
    }
}

impl<S: Word + utoipa::ToSchema, B: Word + utoipa::ToSchema> utoipa::ToSchema for Ended<S, B> {
    fn name() -> Cow<'static, str> {
        Cow::Owned(format!("{}Or{}", <S as utoipa::ToSchema>::name(), <B as utoipa::ToSchema>::name()))
    }
}

vocabulary! {
    /// Why something recorded was wrong: the same on every board.
    CorrectionReason {
        WrongEntry,
        TypingMistake,
        NewInformation,
    }
}
