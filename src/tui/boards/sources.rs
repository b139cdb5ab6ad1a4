//! Kilder: trouble with a source, so that silence never looks like quiet.

use super::super::paint::{Column, Pieces};
use super::super::words::Words;
use super::plain;
use crate::i18n::{Key, Said, dates, key};
use crate::protocol::Entry;
use crate::protocol::entry::SourceDetails;

pub fn columns(words: Words<'_>) -> Vec<Column> {
    let mut columns = plain::columns(words);
    columns.insert(2, plain::column(words, key::FACT_SOURCE, 14, 2, 0));
    columns
}

pub fn cells(words: Words<'_>, entry: &Entry, trouble: &SourceDetails) -> Vec<Pieces> {
    let mut cells = plain::cells(words, entry);
    cells.insert(2, plain::one(Said::outside(&trouble.source)));
    cells
}

pub fn facts(words: Words<'_>, trouble: &SourceDetails) -> Vec<(Key, Said)> {
    let mut facts = vec![
        (key::FACT_SOURCE, Said::outside(&trouble.source)),
        (key::FACT_TROUBLE, words.code("trouble", &trouble.trouble)),
        (key::FACT_COUNT, Said::number(i64::from(trouble.count))),
        (key::FACT_LAST, dates::near(trouble.last_at, words.now())),
    ];
    if let Some(what) = &trouble.what {
        facts.push((key::FACT_REASON, words.code("trouble-what", what.as_str())));
    }
    facts
}
