//! The key table as text: the help overlay's heads, the `keys` sub-command and the manual's table.

use super::keymap::{Context, Keymap};
use crate::i18n::{Said, Texts, key};

/// One line of the printed table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Where it applies, in words.
    pub context: Said,
    /// All its keys.
    pub chords: Said,
    /// What it does.
    pub text: Said,
    /// The name it has in the settings.
    pub action: Said,
    /// Asks before it does it.
    pub asks: bool,
}

/// Every key, in the order of the table.
pub fn lines(texts: &Texts, keymap: &Keymap) -> Vec<Line> {
    let mut contexts: Vec<Context> = Vec::new();
    for row in keymap.rows() {
        if !contexts.contains(&row.context) {
            contexts.push(row.context);
        }
    }
    keymap
        .help(&contexts)
        .into_iter()
        .map(|(context, action, text, chords)| {
            let chords: Vec<Said> = chords.iter().map(|chord| Said::outside(&chord.to_string())).collect();
            let is_grave = |row: &super::keymap::Row| {
                row.context == context && row.action == action && row.is_destructive
            };
            Line {
                context: context_name(texts, context),
                chords: Said::all(&chords, ", "),
                text: texts.get(text),
                action: Said::outside(&action.name()),
                asks: keymap.rows().iter().any(is_grave),
            }
        })
        .collect()
}

/// What a group of keys is called.
pub fn context_name(texts: &Texts, context: Context) -> Said {
    let of = |key, place: &str| texts.with(key, &[("board", texts.code("place", place).into())]);
    match context {
        Context::Always => texts.get(key::KEYS_CONTEXT_ALWAYS),
        Context::Global => texts.get(key::KEYS_CONTEXT_GLOBAL),
        Context::List => texts.get(key::KEYS_CONTEXT_LIST),
        Context::Detail => texts.get(key::KEYS_CONTEXT_DETAIL),
        Context::Entry => texts.get(key::KEYS_CONTEXT_ENTRY),
        Context::On(place) => of(key::KEYS_CONTEXT_ON, place),
        Context::At(place) => of(key::KEYS_CONTEXT_AT, place),
        Context::Menu => texts.get(key::KEYS_CONTEXT_MENU),
        Context::Form => texts.get(key::KEYS_CONTEXT_FORM),
        Context::Confirm => texts.get(key::KEYS_CONTEXT_CONFIRM),
        Context::Help => texts.get(key::KEYS_CONTEXT_HELP),
        Context::Filter => texts.get(key::KEYS_CONTEXT_FILTER),
        Context::Card => texts.get(key::KEYS_CONTEXT_CARD),
    }
}
