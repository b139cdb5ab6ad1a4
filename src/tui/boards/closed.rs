//! Lukkede: what is over, the last closed first, fetched a page at a time.
//!
//! Owns what is asked of the server and when, what it answered, and the columns. Must never judge what is looked for: the
//! server does.

use chrono::{Datelike, Days, NaiveDate};

use super::super::action::Place;
use super::super::effect::Effect;
use super::super::model::{Cursor, Model, Overlay};
use super::super::paint::{Column, Pieces};
use super::super::words::Words;
use super::{listed, plain};
use crate::i18n::{Said, Texts, dates, key};
use crate::protocol::board::Found;
use crate::protocol::closed::{ClosedQuery, PAGE};
use crate::protocol::vocabulary::{
    AlarmEnding, AlarmOutcome, AlarmState, CallState, StayState, VisitState, Word,
};
use crate::protocol::{Board, Entry, EntryId, Problem};

/// The longest words that are looked for are of so many.
const WORDS_MAX: usize = 4;
/// A number on a board has so many digits at most; longer ones are another system's.
const DIGITS_MAX: usize = 4;

/// What the server said of what is over.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Closed {
    /// The last closed first.
    pub entries: Vec<Entry>,
    /// Where the next page begins; none: there is none.
    next: Option<String>,
    /// What `entries` is the answer to; none: to be asked anew.
    asked: Option<ClosedQuery>,
    /// What the server is being asked: one question at a time.
    asking: Option<ClosedQuery>,
    pub problem: Option<Problem>,
    /// What may be looked for in a person's own words.
    terms: Vec<(String, Term)>,
}

/// What a word means when it is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Term {
    Board(&'static str),
    Outcome(&'static str),
    DaysAgo(u64),
}

impl Closed {
    /// Understands the words of this language, and the codes of every one.
    pub fn in_words_of(texts: &Texts) -> Self {
        let mut terms = Vec::new();
        let mut learn = |said: String, term: Term| terms.push((said.to_lowercase(), term));
        for board in Board::ALL.iter().filter(|board| **board != Board::Shift) {
            for said in [texts.code("board", board.name()).to_string(), board.name().to_owned()] {
                learn(said, Term::Board(board.name()));
            }
        }
        let outcomes = [AlarmOutcome::names(), AlarmEnding::names()].concat();
        let states =
            [AlarmState::names(), CallState::names(), StayState::names(), VisitState::names()].concat();
        for (kind, codes) in [("outcome", outcomes), ("state", states)] {
            for code in codes {
                learn(texts.code(kind, code).to_string(), Term::Outcome(code));
                learn(code.to_owned(), Term::Outcome(code));
            }
        }
        for (said, ago) in [(key::CLOSED_TODAY, 0), (key::CLOSED_YESTERDAY, 1)] {
            learn(texts.get(said).to_string(), Term::DaysAgo(ago));
        }
        Self { terms, ..Self::default() }
    }

    /// The server is being asked, or will be at once.
    pub fn is_asking(&self) -> bool {
        self.asking.is_some() || self.asked.is_none()
    }

    pub fn get(&self, id: EntryId) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.id == id)
    }

    /// To be asked anew: somebody comes to look, or something was closed or opened meanwhile.
    pub fn forget(&mut self) {
        self.asked = None;
    }

    /// A further page is held: the rows must not move under whoever reads it.
    fn is_read_on(&self) -> bool {
        self.entries.len() > PAGE
    }
}

/// What is looked for, said in what was typed: a number, a day, words of a board or an outcome, an agreement, an id.
pub fn query(model: &Model) -> ClosedQuery {
    let today = dates::local_date(model.now());
    let typed = model.filter.text().to_lowercase();
    let words: Vec<&str> = typed.split_whitespace().collect();
    let mut query = ClosedQuery::default();
    let mut at = 0;
    while at < words.len() {
        let longest = (1..=WORDS_MAX.min(words.len() - at)).rev().find_map(|count| {
            let said = words[at..at + count].join(" ");
            model.closed.terms.iter().find(|(known, _)| *known == said).map(|(_, term)| (*term, count))
        });
        if let Some((term, count)) = longest {
            match term {
                Term::Board(board) => query.board = Some(board.to_owned()),
                Term::Outcome(outcome) => query.outcome = Some(outcome.to_owned()),
                Term::DaysAgo(days) => {
                    query.day = today.checked_sub_days(Days::new(days)).map(|day| day.to_string());
                }
            }
            at += count;
            continue;
        }
        let word = words[at];
        at += 1;
        if word.len() <= DIGITS_MAX && word.bytes().all(|byte| byte.is_ascii_digit()) {
            query.number = Some(word.to_owned());
        } else if let Some(day) = day(word, today) {
            query.day = Some(day.to_string());
        } else if let Some(agreement) = agreement(model, word) {
            query.agreement = Some(agreement);
        } else {
            // As it was typed: ids tell capitals from small letters.
            query.id = model.filter.text().split_whitespace().nth(at - 1).map(str::to_owned);
        }
    }
    query
}

/// `22.11`, `22.11.2026`, `2026-11-22`: without a year the last one that is not to come.
fn day(word: &str, today: NaiveDate) -> Option<NaiveDate> {
    if let Ok(day) = word.parse::<NaiveDate>() {
        return Some(day);
    }
    let parts: Vec<u32> =
        word.trim_end_matches('.').split(['.', '/']).map(str::parse).collect::<Result<_, _>>().ok()?;
    let of = |year: i32, month: u32, day: u32| NaiveDate::from_ymd_opt(year, month, day);
    match parts[..] {
        [day, month, year] => of(i32::try_from(year).ok()?, month, day),
        [day, month] => of(today.year(), month, day)
            .filter(|it| *it <= today)
            .or_else(|| of(today.year() - 1, month, day)),
        _ => None,
    }
}

/// An agreement by its id or by what it is called.
fn agreement(model: &Model, word: &str) -> Option<String> {
    let known = model.agreements.iter().flatten().filter_map(|it| {
        Some((it.pointer("/id")?.as_str()?, it.pointer("/name").and_then(serde_json::Value::as_str)))
    });
    let mine = model.me.iter().flat_map(|me| &me.agreements).map(|id| (id.as_str(), None));
    let named = |name: Option<&str>| name.is_some_and(|name| name.to_lowercase() == word);
    known.chain(mine).find(|(id, name)| *id == word || named(*name)).map(|(id, _)| id.to_owned())
}

/// What the server must be asked now, while somebody is there to read it.
pub fn ask(model: &mut Model) -> Option<Effect> {
    let is_typing = matches!(model.overlays.last(), Some(Overlay::Filter { .. }));
    if model.place != Place::Closed || model.board.is_none() || is_typing || model.closed.asking.is_some() {
        return None;
    }
    let query = query(model);
    let asked = match &model.closed.asked {
        Some(asked) if *asked == query => {
            // The last row is in sight, or near: what comes after it is fetched.
            let is_near = model.cursor().index + PAGE / 2 >= model.closed.entries.len();
            let next = model.closed.next.clone().filter(|_| is_near && model.closed.problem.is_none())?;
            ClosedQuery { after: Some(next), ..query }
        }
        Some(_) => {
            model.cursors.insert(Place::Closed, Cursor::default());
            query
        }
        None => query,
    };
    model.closed.asking = Some(asked.clone());
    Some(Effect::FetchClosed(asked))
}

/// The answer. To what is no longer looked for it is none, and it is asked again.
pub fn answered(model: &mut Model, query: ClosedQuery, outcome: Result<Found, Problem>) {
    let closed = &mut model.closed;
    closed.asking = None;
    let is_further = query.after.is_some();
    let first = ClosedQuery { after: None, ..query };
    if is_further && closed.asked.as_ref() != Some(&first) {
        return;
    }
    match outcome {
        Ok(found) => {
            if !is_further {
                closed.entries.clear();
            }
            let fresh: Vec<Entry> =
                found.entries.into_iter().filter(|it| closed.get(it.id).is_none()).collect();
            closed.entries.extend(fresh);
            closed.next = found.next;
            closed.problem = None;
        }
        Err(problem) => {
            if !is_further {
                closed.entries.clear();
                closed.next = None;
            }
            closed.problem = Some(problem);
        }
    }
    closed.asked = Some(first);
}

/// Something changed on the board: what was closed just now stands here, and what is open again no longer does.
pub fn heard(model: &mut Model, id: EntryId) {
    let is_open = model.board.as_ref().is_some_and(|board| board.get(id).is_some());
    let is_here = model.closed.get(id).is_some();
    if model.place == Place::Closed && is_open == is_here && !model.closed.is_read_on() {
        model.closed.forget();
    }
}

/// What stands here: what is open again does not.
pub fn rows(model: &Model) -> Vec<&Entry> {
    let is_open = |entry: &Entry| model.board.as_ref().is_some_and(|board| board.get(entry.id).is_some());
    model.closed.entries.iter().filter(|entry| !is_open(entry)).collect()
}

pub fn columns(words: Words<'_>) -> Vec<Column> {
    vec![
        plain::mark(words),
        plain::number(words),
        plain::column(words, key::COLUMN_BOARD, 7, 0, 0),
        plain::column(words, key::COLUMN_CLOSED, 11, 0, 0),
        plain::column(words, key::COLUMN_OUTCOME, 14, 1, 0),
        plain::column(words, key::COLUMN_CITIZEN, 14, 2, 4),
        plain::agreement(words),
    ]
}

pub fn cells(words: Words<'_>, entry: &Entry) -> Vec<Pieces> {
    let closed = entry.closed_at.map(|at| dates::near(at, words.now())).unwrap_or_default();
    let citizen = if entry.citizen.is_some() { words.citizen_or_id(entry) } else { Said::default() };
    vec![
        plain::mark_cell(words, entry),
        plain::one(words.number(entry)),
        plain::one(words.board(entry.board())),
        plain::one(closed),
        plain::one(outcome(words, entry)),
        plain::one(citizen),
        plain::one(words.agreement_of(entry)),
    ]
}

/// How it ended; its state where that says it.
fn outcome(words: Words<'_>, entry: &Entry) -> Said {
    let said = match entry.board() {
        Board::Alarms | Board::Complaints => listed(entry).outcome(words),
        _ => Said::default(),
    };
    if said.is_empty() { words.state(entry) } else { said }
}

/// What an empty list means, and what one does there.
pub fn nothing_here(words: Words<'_>) -> Said {
    let texts = &words.look.texts;
    match &words.model.closed.problem {
        Some(problem) => words.problem(problem),
        None if words.model.closed.is_asking() => texts.get(key::LIST_SEARCHING),
        None if words.model.filter.is_empty() => texts.get(key::LIST_EMPTY_CLOSED),
        None => texts.get(key::LIST_EMPTY_CLOSED_FILTER),
    }
}
