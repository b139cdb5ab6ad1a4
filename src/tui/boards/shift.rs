//! Vagt: who is on call, the redirect ledgers, the answering figures with their formula, the sources.

use super::super::action::Action;
use super::super::keymap::Context;
use super::super::paint::{self, Piece, Pieces};
use super::super::view::header;
use super::super::words::Words;
use crate::i18n::{Key, Said, dates, key};
use crate::protocol::board::{Answering, Ledger, OnCall, Within};
use crate::theme::Role;

pub fn lines(words: Words<'_>, width: u16) -> Vec<Pieces> {
    let Some(board) = &words.model.board else { return Vec::new() };
    let texts = &words.look.texts;
    let mut out = Section::new(words, width);
    out.head(key::SHIFT_ON_CALL);
    for it in &board.shift.on_call {
        let (presence, role) = if it.signed_on {
            (texts.get(key::SHIFT_SIGNED_ON), Role::Base)
        } else {
            (texts.get(key::SHIFT_SIGNED_OFF), Role::Warning)
        };
        out.line(on_call(words, it).join(" · ", &presence), role);
    }
    if board.shift.on_call.is_empty() {
        let sign_on = words.key_of(Context::At("shift"), Action::Do("sign-on"));
        out.line(texts.with(key::SHIFT_NOBODY, &[("key", sign_on.into())]), Role::Warning);
    }
    if let Some(next) = &board.shift.next {
        out.head(key::SHIFT_NEXT);
        out.line(on_call(words, next), Role::Base);
    }
    out.head(key::SHIFT_LEDGERS);
    if board.ledgers.is_empty() {
        out.line(texts.get(key::SHIFT_LEDGERS_NONE), Role::Muted);
    }
    for it in &board.ledgers {
        let role = if it.used + 1 >= it.limit { Role::Warning } else { Role::Base };
        out.line(ledger(words, it), role);
    }
    answering(words, &board.answering, &mut out);
    out.head(key::SHIFT_SOURCES);
    out.lines.extend(super::sources::health(words, width));
    out.lines
}

/// Lines under heads, wrapped and indented.
struct Section<'a> {
    words: Words<'a>,
    width: u16,
    lines: Vec<Pieces>,
}

impl<'a> Section<'a> {
    fn new(words: Words<'a>, width: u16) -> Self {
        Self { words, width, lines: Vec::new() }
    }

    fn head(&mut self, title: Key) {
        self.head_said(self.words.look.texts.get(title));
    }

    fn head_said(&mut self, title: Said) {
        if !self.lines.is_empty() {
            self.lines.push(Vec::new());
        }
        self.lines.push(vec![Piece::new(title, Role::Title)]);
    }

    fn line(&mut self, said: Said, role: Role) {
        for part in paint::wrap(&said, self.width.saturating_sub(2)) {
            self.lines.push(vec![Piece::fixed("  ", Role::Base), Piece::new(part, role)]);
        }
    }
}

fn on_call(words: Words<'_>, it: &OnCall) -> Said {
    let texts = &words.look.texts;
    let name = Said::outside(it.name.as_str());
    let role = words.code("role", &it.role);
    let since = dates::near(it.since, words.now());
    match it.until {
        Some(until) => texts.with(
            key::SHIFT_ON_CALL_UNTIL,
            &[
                ("name", name.into()),
                ("role", role.into()),
                ("since", since.into()),
                ("until", dates::near(until, words.now()).into()),
            ],
        ),
        None => texts.with(
            key::SHIFT_ON_CALL_LINE,
            &[("name", name.into()), ("role", role.into()), ("since", since.into())],
        ),
    }
}

fn ledger(words: Words<'_>, it: &Ledger) -> Said {
    let texts = &words.look.texts;
    let mut said = texts.with(
        key::SHIFT_LEDGER_LINE,
        &[
            ("agreement", words.agreement(&it.agreement).into()),
            ("used", it.used.into()),
            ("limit", it.limit.into()),
            ("days", it.window_days.into()),
        ],
    );
    if let Some(day) = it.clears_on {
        let clears = texts.with(key::SHIFT_LEDGER_CLEARS, &[("day", dates::day(texts, day).into())]);
        said = said.join("; ", &clears);
    }
    if it.action_plan {
        return said.join("; ", &texts.get(key::SHIFT_LEDGER_PLAN));
    }
    if it.used + 1 >= it.limit {
        return said.join("; ", &texts.get(key::SHIFT_LEDGER_NEXT));
    }
    said
}

fn answering(words: Words<'_>, figures: &[Answering], out: &mut Section<'_>) {
    let texts = &words.look.texts;
    let first_of_month = |month: &str| format!("{month}-01").parse().ok();
    let month =
        figures.first().and_then(|it| first_of_month(&it.month)).unwrap_or(dates::local_date(words.now()));
    out.head_said(texts.with(key::SHIFT_ANSWERING, &[("month", dates::month(texts, month).into())]));
    let mut formulas: Vec<&str> = Vec::new();
    for figure in figures.iter().filter(|figure| figure.within.iter().any(|within| within.of > 0)) {
        for within in &figure.within {
            let role = if within.misses_left < 0 { Role::Warning } else { Role::Base };
            out.line(within_line(words, figure, within), role);
        }
        if !formulas.contains(&figure.formula.as_str()) {
            formulas.push(&figure.formula);
        }
    }
    if formulas.is_empty() {
        out.line(texts.get(key::SHIFT_ANSWERING_NONE), Role::Muted);
    }
    for formula in formulas {
        out.line(texts.code("formula", formula), Role::Muted);
    }
}

/// Counts first; a percentage only where one miss does not break the goal by itself.
fn within_line(words: Words<'_>, figure: &Answering, within: &Within) -> Said {
    let texts = &words.look.texts;
    let counts = texts.with(
        key::SHIFT_ANSWERING_LINE,
        &[
            ("agreement", words.agreement(&figure.agreement).into()),
            ("board", words.board(figure.board).into()),
            ("count", within.count.into()),
            ("of", within.of.into()),
            ("seconds", within.s.into()),
        ],
    );
    let goal = (within.percent * 10.0).round() as u32;
    let one_miss_breaks = f64::from(within.of) * (100.0 - within.percent) < 100.0;
    let percent = if one_miss_breaks || within.of == 0 {
        texts.get(key::SHIFT_ANSWERING_FEW)
    } else {
        let now = within.count * 1000 / within.of;
        let args =
            [("now", dates::per_mille(texts, now).into()), ("goal", dates::per_mille(texts, goal).into())];
        texts.with(key::SHIFT_ANSWERING_PERCENT, &args)
    };
    let origin = match &within.clause {
        Some(clause) => texts.with(key::COMMON_CLAUSE, &[("clause", Said::outside(clause).into())]),
        None => texts.get(key::COMMON_OWN_RULE),
    };
    counts.join(", ", &header::misses_left(words, within)).join("; ", &percent).join("; ", &origin)
}
