//! Overblik: everything open in one list, worst first.

use super::super::paint::{Column, Pieces};
use super::super::words::Words;
use super::{listed, plain};
use crate::i18n::{Said, key};
use crate::protocol::Entry;

/// Who it is about stands before the holder, once the board has its column.
const BEFORE_HOLDER: usize = 6;

pub fn columns(words: Words<'_>) -> Vec<Column> {
    let mut columns = plain::columns(words);
    columns.insert(2, plain::column(words, key::COLUMN_BOARD, 7, 0, 0));
    columns.insert(BEFORE_HOLDER, plain::column(words, key::COLUMN_CITIZEN, 14, 2, 5));
    columns
}

/// The municipality's cell stands before the last.
const BEFORE_LAST: usize = 2;

/// What is of no municipality: there stands what it comes from.
pub fn cells(words: Words<'_>, entry: &Entry) -> Vec<Pieces> {
    let mut cells = plain::cells(words, entry);
    if let Some(origin) = listed(entry).origin() {
        let at = cells.len() - BEFORE_LAST;
        cells[at] = plain::one(origin);
    }
    cells.insert(2, plain::one(words.board(entry.board())));
    cells.insert(BEFORE_HOLDER, plain::one(who(words, entry)));
    cells
}

/// The citizen, or the number that rang, while known, else the care system's id, else nothing: not every entry is about somebody.
fn who(words: Words<'_>, entry: &Entry) -> Said {
    if entry.citizen.is_none() && words.citizen(entry).is_none() {
        return Said::default();
    }
    words.citizen_or_id(entry)
}
