//! A TOML text walked by key, so that every mistake has its line, column and key.
//!
//! Owns how a mistake is placed and named, and the nearest right key. Must never know what an
//! agreement or a setting is: the keys come from the caller.

use std::cell::RefCell;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::vocabulary::Word;

/// What is wrong with a key or its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// Not TOML at all; the parser's own words.
    Syntax {
        message: String,
    },
    UnknownKey,
    MissingKey,
    /// `expected` is a kebab-case code: table, list, text, number, yes-or-no, date.
    WrongType {
        expected: &'static str,
    },
    OutOfRange {
        from: i64,
        to: i64,
    },
    /// Not `HH:MM`.
    NotClockTime,
    /// Not one of the known words.
    UnknownWord,
    /// An id, code, number or text that is empty, too long or has a character not allowed there.
    BadText,
    /// The same thing twice, where once is meant.
    Repeated,
    /// Neither the agreed value nor an own rule.
    NoValue,
    /// The agreed value and an own rule in one.
    TwoValues,
    /// An agreed value without the clause it stands in.
    MissingClause,
    /// A clause, or a reading of one, on an own rule.
    ClauseOfOwnRule,
}

impl Problem {
    /// Stable code; texts are rendered from it.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Syntax { .. } => "syntax",
            Self::UnknownKey => "unknown-key",
            Self::MissingKey => "missing-key",
            Self::WrongType { .. } => "wrong-type",
            Self::OutOfRange { .. } => "out-of-range",
            Self::NotClockTime => "not-clock-time",
            Self::UnknownWord => "unknown-word",
            Self::BadText => "bad-text",
            Self::Repeated => "repeated",
            Self::NoValue => "no-value",
            Self::TwoValues => "two-values",
            Self::MissingClause => "missing-clause",
            Self::ClauseOfOwnRule => "clause-of-own-rule",
        }
    }

    /// The code's arguments, by name.
    pub fn arguments(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Syntax { message } => vec![("message", message.clone())],
            Self::WrongType { expected } => vec![("expected", (*expected).to_owned())],
            Self::OutOfRange { from, to } => vec![("from", from.to_string()), ("to", to.to_string())],
            _ => Vec::new(),
        }
    }
}

/// One mistake in a file. Line and column count from 1, columns in characters; `key` is the whole
/// dotted key. A missing key is placed at the table it is missing from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    pub line: usize,
    pub column: usize,
    pub key: String,
    pub problem: Problem,
    /// The nearest right key or word, when one is near.
    pub nearest: Option<String>,
}

impl std::fmt::Display for Mistake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: {}: {}", self.line, self.column, self.key, self.problem.code())?;
        for (name, value) in self.problem.arguments() {
            write!(f, " {name}={value}")?;
        }
        match &self.nearest {
            Some(nearest) => write!(f, " (nearest: {nearest})"),
            None => Ok(()),
        }
    }
}

/// How alike two words must be for one to be offered for the other (0 to 1).
const NEAR_ENOUGH: f64 = 0.7;

/// The known word nearest to a wrong one, if any is near.
pub fn nearest(wrong: &str, known: impl IntoIterator<Item = impl AsRef<str>>) -> Option<String> {
    let alike = |word: &str| strsim::jaro_winkler(wrong, word);
    known
        .into_iter()
        .map(|word| word.as_ref().to_owned())
        .filter(|word| alike(word) >= NEAR_ENOUGH)
        .max_by(|a, b| alike(a).total_cmp(&alike(b)))
}

/// Reads a whole text with `root`, which is given the outermost table. Errors: every mistake, in
/// order of place; unknown keys included.
pub fn read<T>(text: &str, root: impl FnOnce(&Table<'_>) -> Option<T>) -> Result<T, Vec<Mistake>> {
    let parsed = DeTable::parse(text).map_err(|error| vec![syntax_mistake(text, &error)])?;
    let found = Found { text, mistakes: RefCell::new(Vec::new()) };
    let table = Table {
        found: &found,
        path: String::new(),
        span: 0..0,
        inner: parsed.get_ref(),
        asked: RefCell::default(),
    };
    let value = root(&table);
    table.refuse_unknown_keys();
    let mut mistakes = found.mistakes.into_inner();
    mistakes.sort_by_key(|mistake| (mistake.line, mistake.column));
    match value {
        Some(value) if mistakes.is_empty() => Ok(value),
        _ => Err(mistakes),
    }
}

fn syntax_mistake(text: &str, error: &toml::de::Error) -> Mistake {
    let at = error.span().map_or(0, |span| span.start);
    let (line, column) = place(text, at);
    let written = text.lines().nth(line - 1).unwrap_or_default();
    let key = written.split('=').next().unwrap_or_default().trim().trim_matches(['[', ']']).to_owned();
    Mistake {
        line,
        column,
        key,
        problem: Problem::Syntax { message: error.message().to_owned() },
        nearest: None,
    }
}

/// Line and column of a byte position.
fn place(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[start..].chars().count() + 1)
}

struct Found<'t> {
    text: &'t str,
    mistakes: RefCell<Vec<Mistake>>,
}

/// A table being read. Every key asked for is a known one; the rest are mistakes.
pub struct Table<'t> {
    found: &'t Found<'t>,
    path: String,
    span: Range<usize>,
    inner: &'t DeTable<'t>,
    asked: RefCell<Vec<&'static str>>,
}

/// A value being read, and the key it stands at.
pub struct Node<'t> {
    found: &'t Found<'t>,
    path: String,
    inner: &'t Spanned<DeValue<'t>>,
}

impl<'t> Table<'t> {
    /// The value at a key, if there.
    pub fn get(&self, key: &'static str) -> Option<Node<'t>> {
        self.asked.borrow_mut().push(key);
        let inner = self.inner.get(key)?;
        let path = if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) };
        Some(Node { found: self.found, path, inner })
    }

    /// The value at a key; its absence is a mistake.
    pub fn need(&self, key: &'static str) -> Option<Node<'t>> {
        let node = self.get(key);
        if node.is_none() {
            self.missing(key, Problem::MissingKey);
        }
        node
    }

    /// Notes that something is missing at a key of this table.
    pub fn missing(&self, key: &str, problem: Problem) {
        let path = if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) };
        self.found.note(self.span.start, path, problem, None);
    }

    /// Notes a mistake about the table as a whole.
    pub fn mistake(&self, problem: Problem) {
        self.found.note(self.span.start, self.path.clone(), problem, None);
    }

    /// Call when all keys have been asked for.
    pub fn refuse_unknown_keys(&self) {
        let asked = self.asked.borrow();
        for key in self.inner.keys() {
            let name: &str = key.get_ref();
            if !asked.contains(&name) {
                let path =
                    if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) };
                self.found.note(key.span().start, path, Problem::UnknownKey, nearest(name, asked.iter()));
            }
        }
    }
}

impl Found<'_> {
    fn note(&self, at: usize, key: String, problem: Problem, nearest: Option<String>) {
        let (line, column) = place(self.text, at);
        self.mistakes.borrow_mut().push(Mistake { line, column, key, problem, nearest });
    }
}

impl<'t> Node<'t> {
    /// Notes a mistake about this value.
    pub fn mistake(&self, problem: Problem) {
        self.found.note(self.inner.span().start, self.path.clone(), problem, None);
    }

    fn wrong_type<T>(&self, expected: &'static str) -> Option<T> {
        self.mistake(Problem::WrongType { expected });
        None
    }

    /// Reads a table with `read`, then refuses the keys it did not ask for.
    pub fn table<T>(&self, read: impl FnOnce(&Table<'t>) -> Option<T>) -> Option<T> {
        let Some(inner) = self.inner.get_ref().as_table() else { return self.wrong_type("table") };
        let table = Table {
            found: self.found,
            path: self.path.clone(),
            span: self.inner.span(),
            inner,
            asked: RefCell::default(),
        };
        let value = read(&table);
        table.refuse_unknown_keys();
        value
    }

    /// Reads each element of a list; `None` when any of them is wrong.
    pub fn list<T>(&self, read: impl Fn(&Node<'t>) -> Option<T>) -> Option<Vec<T>> {
        let Some(inner) = self.inner.get_ref().as_array() else { return self.wrong_type("list") };
        let element =
            |(index, inner)| Node { found: self.found, path: format!("{}[{index}]", self.path), inner };
        let read: Vec<Option<T>> = inner.iter().enumerate().map(|it| read(&element(it))).collect();
        read.into_iter().collect()
    }

    pub fn text(&self) -> Option<&'t str> {
        match self.inner.get_ref().as_str() {
            Some(text) => Some(text),
            None => self.wrong_type("text"),
        }
    }

    pub fn yes_or_no(&self) -> Option<bool> {
        match self.inner.get_ref().as_bool() {
            Some(value) => Some(value),
            None => self.wrong_type("yes-or-no"),
        }
    }

    /// A whole number from `from` to `to`, both included.
    pub fn whole(&self, from: u32, to: u32) -> Option<u32> {
        let Some(written) = self.inner.get_ref().as_integer() else { return self.wrong_type("number") };
        let number = u32::from_str_radix(written.as_str(), written.radix()).ok();
        let inside = number.filter(|number| (from..=to).contains(number));
        if inside.is_none() {
            self.mistake(Problem::OutOfRange { from: from.into(), to: to.into() });
        }
        inside
    }

    /// A number with or without decimals.
    pub fn decimal(&self) -> Option<f64> {
        let value = self.inner.get_ref();
        let written =
            value.as_float().map(|it| it.as_str()).or_else(|| value.as_integer().map(|it| it.as_str()));
        match written.and_then(|text| text.parse().ok()) {
            Some(number) => Some(number),
            None => self.wrong_type("number"),
        }
    }

    /// A date written as TOML's own, without quotes.
    pub fn date(&self) -> Option<chrono::NaiveDate> {
        let written =
            self.inner.get_ref().as_datetime().filter(|at| at.time.is_none() && at.offset.is_none());
        let date = written.and_then(|at| at.date);
        match date
            .and_then(|it| chrono::NaiveDate::from_ymd_opt(it.year.into(), it.month.into(), it.day.into()))
        {
            Some(date) => Some(date),
            None => self.wrong_type("date"),
        }
    }

    /// A local clock time, `"HH:MM"`.
    pub fn clock(&self) -> Option<chrono::NaiveTime> {
        let text = self.text()?;
        let time = super::calendar::parse_clock(text);
        if time.is_none() {
            self.mistake(Problem::NotClockTime);
        }
        time
    }

    /// One of a list of words.
    pub fn word<W: Word>(&self) -> Option<W> {
        let text = self.text()?;
        let found = W::of(text);
        if found.is_none() {
            let near = nearest(text, W::names());
            self.found.note(self.inner.span().start, self.path.clone(), Problem::UnknownWord, near);
        }
        found
    }

    /// A text that `check` takes; what it refuses is bad text.
    pub fn checked<T>(&self, check: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let found = check(self.text()?);
        if found.is_none() {
            self.mistake(Problem::BadText);
        }
        found
    }
}
