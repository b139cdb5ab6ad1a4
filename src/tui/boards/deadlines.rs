//! Frister: the columns of what must be done by somebody, apart from a call or an alarm.
//!
//! Owns the place's columns and the row under them. Must never know which boards stand here: each says what it is about.

use super::super::paint::{Column, Piece, Pieces};
use super::super::words::Words;
use super::plain;
use crate::i18n::{Said, key};
use crate::protocol::Entry;
use crate::theme::Role;

pub fn columns(words: Words<'_>) -> Vec<Column> {
    vec![
        plain::mark(words),
        plain::number(words),
        plain::column(words, key::COLUMN_WHAT, 18, 3, 0),
        plain::due(words),
        plain::holder(words),
        plain::agreement(words),
        plain::column(words, key::COLUMN_NEXT, 10, 1, 0),
    ]
}

/// No state and no age: what stands here is open, and what counts of a deadline is when it falls.
pub fn row(words: Words<'_>, entry: &Entry, what: Said) -> Vec<Pieces> {
    let role = if words.is_unstored(entry) { Role::LinkDown } else { words.role(entry) };
    vec![
        plain::mark_cell(words, entry),
        plain::one(words.number(entry)),
        vec![Piece::new(what, role)],
        vec![words.due(entry)],
        plain::holder_cell(words, entry),
        plain::one(words.agreement_of(entry)),
        plain::one(words.next(entry)),
    ]
}
