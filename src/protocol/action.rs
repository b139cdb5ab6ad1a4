//! One action that is offered with an entry, and the fields it needs.
//!
//! Owns their JSON. Must never know which board has which: that is each board's, and `actions` puts them together.

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use utoipa::ToSchema;

use super::problem::Problem;
use crate::domain::identity::AgreementId;
use crate::domain::vocabulary::Word;

/// One action offered with an entry.
#[skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Action {
    /// `board.verb`, as a command's `type`.
    #[serde(rename = "type")]
    pub verb: String,
    #[serde(default)]
    pub fields: Vec<Field>,
    /// Cannot be undone in one step: asks for confirmation and for the version that was read.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub confirm: bool,
    /// Why not just now. `held-by-other` and its like do not bind the holder named in them.
    pub refused: Option<Problem>,
    /// Why the `holder` named in it may not, when everybody else may: taking over what one has.
    pub refused_to_holder: Option<Problem>,
}

impl Action {
    /// Why `me` may not do it just now: what binds everybody else does not bind the holder.
    pub fn refused_for(&self, me: &str) -> Option<&Problem> {
        let names_me =
            |problem: &Problem| problem.arguments.get("holder").and_then(|it| it.as_str()) == Some(me);
        if let Some(own) = self.refused_to_holder.as_ref().filter(|own| names_me(own)) {
            return Some(own);
        }
        let refused = self.refused.as_ref()?;
        let is_me = names_me(refused);
        let binds_others = matches!(refused.code.as_str(), "held-by-other" | "not-yours");
        if is_me && binds_others { None } else { Some(refused) }
    }
}

/// A fact that an action needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Field {
    pub name: String,
    pub kind: FieldKind,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub required: bool,
    /// The codes to choose from, most likely first; of an entry the number that is meant most likely.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub codes: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FieldKind {
    /// One of `codes`.
    Code,
    /// Several of `codes`: a list.
    Codes,
    /// yes or no.
    Yes,
    /// An instant; typed as a local time.
    Time,
    /// `[A-Z0-9/-]{1,40}`.
    Reference,
    /// Several lines; written through to the care system, never stored.
    Text,
    /// Another entry.
    Entry,
    /// An agreement's id.
    Agreement,
    /// A citizen, by the care system's opaque id.
    Citizen,
}

/// One field; `codes` are those to choose from.
pub(super) fn field(name: &str, kind: FieldKind, required: bool, codes: &[&str]) -> Field {
    Field { name: name.into(), kind, required, codes: codes.iter().map(|code| (*code).to_owned()).collect() }
}

/// One of these words, which must be chosen.
pub(super) fn word<W: Word>(name: &str, words: &[W]) -> Field {
    let names: Vec<&str> = words.iter().map(|word| word.name()).collect();
    field(name, FieldKind::Code, true, &names)
}

/// One of these words, or none.
pub(super) fn word_or_none<W: Word>(name: &str, words: &[W]) -> Field {
    Field { required: false, ..word(name, words) }
}

/// Any of these words, or none.
pub(super) fn words_or_none<W: Word>(name: &str, words: &[W]) -> Field {
    Field { kind: FieldKind::Codes, ..word_or_none(name, words) }
}

/// An act that opens an entry, with the choice of an agreement at this place where there is one.
pub(super) fn opening(
    verb: &str,
    agreements: &[AgreementId],
    place: usize,
    mut fields: Vec<Field>,
) -> Action {
    let known: Vec<&str> = agreements.iter().map(|id| id.as_str()).collect();
    if known.len() > 1 {
        fields.insert(place, field("agreement", FieldKind::Agreement, true, &known));
    }
    Action { verb: verb.to_owned(), fields, confirm: false, refused: None, refused_to_holder: None }
}
