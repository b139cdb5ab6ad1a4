//! Overblik: everything open in one list, worst first.

use super::super::paint::{Column, Pieces};
use super::super::words::Words;
use super::plain;
use crate::i18n::key;
use crate::protocol::Entry;

pub fn columns(words: Words<'_>) -> Vec<Column> {
    let mut columns = plain::columns(words);
    columns.insert(2, plain::column(words, key::COLUMN_BOARD, 7, 0, 0));
    columns
}

pub fn cells(words: Words<'_>, entry: &Entry) -> Vec<Pieces> {
    let mut cells = plain::cells(words, entry);
    cells.insert(2, plain::one(words.board(entry.board())));
    cells
}
