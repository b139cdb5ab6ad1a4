//! `view`: the model as a screen. Pure: the same model gives the same cells.
//!
//! ```text
//! +--------------------------------------------------------------+
//! | clock, who is on shift                              me, demo |  header
//! | alarms, calls, deadlines, sources                            |
//! | redirects of the worst agreement, answering figures          |
//! | 1 Overblik [2 Nødkald] 3 Telefon …                           |  places
//! | (stale since, what the next redirect costs, search)          |  main
//! | > *** 12 Nødkald ringer …                                    |   | side: the detail,
//! |   **  14 …                                                   |   | from 110 columns on
//! | what just happened                                           |  notice
//! | t tag  Enter åbn  ? hjælp                                    |  hints
//! +--------------------------------------------------------------+
//! ```

mod detail;
pub(super) mod header;
mod history;
mod overlays;

use std::cell::Cell;

use ratatui::Frame;
use ratatui::layout::Rect;

use super::action::{Action, Place};
use super::boards;
use super::boards::alarms::is_ringing;
use super::guard::Unfinished;
use super::keymap::{Context, Row};
use super::layout::{self, Areas, HEIGHT_MIN, WIDTH_MIN};
use super::look::Look;
use super::model::{Link, Model, Notice, Overlay, pinned};
use super::next;
use super::paint::{self, Piece, Pieces};
use super::words::Words;
use crate::i18n::{Key, Said, dates, key};
use crate::protocol::Entry;
use crate::theme::Role;

/// Lines a notice may take.
const NOTICE_LINES_MAX: u16 = 3;

/// What drawing found out: only there is known how long a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drawn {
    /// How far the topmost text can be scrolled.
    pub scroll_max: u16,
}

/// Draws the whole screen.
pub fn view(model: &Model, look: &Look, frame: &mut Frame<'_>) -> Drawn {
    let scroll_max = Cell::new(0);
    draw(Words::new(model, look, &scroll_max), frame);
    Drawn { scroll_max: scroll_max.get() }
}

fn draw(words: Words<'_>, frame: &mut Frame<'_>) {
    let Words { model, look, .. } = words;
    paint::ground(frame, frame.area(), Role::Base, &look.theme);
    if layout::is_too_small(model.size) {
        too_small(words, frame);
        return;
    }
    let areas = layout::areas(model);
    header::draw(words, frame, areas.header);
    header::places(words, frame, areas.places);
    main(words, frame, &areas);
    draw_notice(words, frame, areas.notice);
    overlays::draw(words, frame);
    // Last: only then is known whether there is more of a text.
    hints(words, frame, areas.hints);
}

fn main(words: Words<'_>, frame: &mut Frame<'_>, areas: &Areas) {
    let model = words.model;
    if model.board.is_none() {
        let waiting = words.look.texts.get(key::COMMON_CONNECTING);
        paint::line(frame, areas.main, &[Piece::new(waiting, Role::Muted)], &words.look.theme);
        return;
    }
    match (&model.detail, areas.side) {
        (Some(detail), None) => detail::draw(words, frame, areas.main, detail.entry, Some(detail)),
        (opened, Some(side)) => {
            divider(words, frame, side);
            // What is drawn last is what the keys scroll.
            if let (None, Some(entry)) = (opened, model.cursor().chosen) {
                detail::draw(words, frame, side, entry, None);
            }
            place(words, frame, areas.main);
            if let Some(opened) = opened {
                detail::draw(words, frame, side, opened.entry, Some(opened));
            }
        }
        (None, None) => place(words, frame, areas.main),
    }
}

fn divider(words: Words<'_>, frame: &mut Frame<'_>, side: Rect) {
    let role = if words.model.detail.is_some() { Role::Focus } else { Role::Muted };
    for y in side.top()..side.bottom() {
        let cell = Rect { x: side.x - 1, y, width: 1, height: 1 };
        paint::line(frame, cell, &[Piece::fixed("│", role)], &words.look.theme);
    }
}

fn place(words: Words<'_>, frame: &mut Frame<'_>, area: Rect) {
    match words.model.place {
        Place::Shift => text(words, frame, area, boards::shift::lines(words, area.width)),
        Place::Agreements => text(words, frame, area, boards::agreements::lines(words, area.width)),
        _ => list(words, frame, area),
    }
}

/// A place that is read rather than chosen from.
fn text(words: Words<'_>, frame: &mut Frame<'_>, mut area: Rect, lines: Vec<Pieces>) {
    area = bars(words, frame, area);
    scrolled(words, frame, area, &lines, words.model.cursor().below);
}

/// Lines from `top` on, stopping at the end; what lies below is counted.
fn scrolled(words: Words<'_>, frame: &mut Frame<'_>, area: Rect, lines: &[Pieces], top: u16) {
    let most = lines.len().saturating_sub(usize::from(area.height));
    words.scroll_max.set(u16::try_from(most).unwrap_or(u16::MAX));
    let top = usize::from(top).min(most);
    paint::lines(frame, area, &lines[top..], &words.look.theme);
    let hidden = lines.len().saturating_sub(top + usize::from(area.height));
    if hidden > 0 && area.height > 1 {
        let last = Rect { y: area.bottom() - 1, height: 1, ..area };
        let more = words.look.texts.with(key::LIST_MORE_BELOW, &[("count", (hidden + 1).into())]);
        let blank = Piece::plain(Said::spaces(area.width));
        paint::line(frame, last, &[blank], &words.look.theme);
        paint::line(frame, last, &[Piece::new(more, Role::Muted)], &words.look.theme);
    }
}

fn below(area: Rect, lines: u16) -> Rect {
    let lines = lines.min(area.height);
    Rect { y: area.y + lines, height: area.height - lines, ..area }
}

/// The data itself says that it is old, or that nothing is stored. What is left of the area.
fn bars(words: Words<'_>, frame: &mut Frame<'_>, mut area: Rect) -> Rect {
    if let Link::Stale { since } = words.model.link {
        let clock = dates::clock_seconds(since);
        let said = words.look.texts.with(key::COMMON_STALE, &[("clock", clock.into())]);
        paint::line_in(frame, area, &[Piece::plain(said)], Role::LinkDown, &words.look.theme);
        area = below(area, 1);
    }
    if let Some(trouble) = words.model.log_trouble() {
        let said = paint::fit(&words.log_trouble(trouble), area.width);
        paint::line_in(frame, area, &[Piece::plain(said)], Words::log_role(trouble), &words.look.theme);
        area = below(area, 1);
    }
    area
}

fn list(words: Words<'_>, frame: &mut Frame<'_>, area: Rect) {
    let (model, theme) = (words.model, &words.look.theme);
    let mut rest = bars(words, frame, area);
    if layout::shows_cost(model) {
        if let Some(alarm) = model.costly() {
            let full = cost(words, alarm, key::COST_NEXT);
            let has_room = paint::pieces_width(&full) <= rest.width;
            // That an action plan is demanded must not be cut.
            let said = if has_room { full } else { cost(words, alarm, key::COST_NEXT_SHORT) };
            paint::line(frame, rest, &said, theme);
        }
        rest = below(rest, 1);
    }
    if layout::shows_filter(model) {
        overlays::filter_line(words, frame, rest);
        rest = below(rest, 1);
    }
    let columns = boards::columns(words);
    let widths = paint::column_widths(&columns, rest.width.saturating_sub(1));
    let heads: Vec<Pieces> =
        columns.iter().map(|column| vec![Piece::new(column.title.clone(), Role::Muted)]).collect();
    let mut head = vec![Piece::fixed(" ", Role::Muted)];
    head.extend(paint::row(&heads, &widths));
    paint::line(frame, rest, &head, theme);
    worse_above(words, frame, rest);
    rest = below(rest, 1);
    if !layout::has_text_below(model.place) {
        rows(words, frame, rest, &widths);
        return;
    }
    let used = u16::try_from(model.rows(model.place).len().max(1)).unwrap_or(u16::MAX);
    let used = used.min(layout::list_rows(model).max(1));
    rows(words, frame, Rect { height: used.min(rest.height), ..rest }, &widths);
    let rest = below(rest, used + 1);
    // How the sources are, below what is wrong with them.
    scrolled(words, frame, rest, &boards::sources::health(words, rest.width), model.cursor().below);
}

/// Rows that are worse than those shown, above the list's window: said in the head, where they are missing.
fn worse_above(words: Words<'_>, frame: &mut Frame<'_>, head: Rect) {
    let above = words.model.cursor().top;
    if above == 0 || head.height == 0 || words.model.rows(words.model.place).is_empty() {
        return;
    }
    let more =
        Said::fixed(" ").join("", &words.look.texts.with(key::LIST_MORE_ABOVE, &[("count", above.into())]));
    let width = paint::width(&more).min(head.width);
    let corner = Rect { x: head.right() - width, width, height: 1, ..head };
    paint::line(frame, corner, &[Piece::new(more, Role::Notice)], &words.look.theme);
}

fn rows(words: Words<'_>, frame: &mut Frame<'_>, area: Rect, widths: &[Option<u16>]) {
    let (model, theme) = (words.model, &words.look.theme);
    let entries = model.rows(model.place);
    if entries.is_empty() {
        let said = if model.place == Place::Closed {
            boards::closed::nothing_here(words)
        } else if model.finding.is_some() {
            words.look.texts.get(key::LIST_SEARCHING)
        } else if model.filter.is_empty() {
            nothing_here(words)
        } else {
            words.look.texts.get(key::LIST_EMPTY_FILTER)
        };
        let lines: Vec<Pieces> = paint::wrap(&said, area.width)
            .into_iter()
            .map(|line| vec![Piece::new(line, Role::Muted)])
            .collect();
        paint::lines(frame, area, &lines, theme);
        return;
    }
    let cursor = model.cursor();
    let fixed = pinned(&entries, usize::from(area.height));
    let shown = entries[..fixed].iter().chain(entries.iter().skip(fixed + cursor.top));
    for (entry, y) in shown.zip(area.top()..area.bottom()) {
        let line = Rect { y, height: 1, ..area };
        let is_chosen = cursor.chosen == Some(entry.id);
        let mut pieces = vec![Piece::fixed(if is_chosen { ">" } else { " " }, Role::Focus)];
        pieces.extend(paint::row(&boards::cells(words, entry), widths));
        row(words, frame, line, entry, &pieces, is_chosen);
    }
    let hidden = entries.len().saturating_sub(cursor.top + usize::from(area.height));
    if (hidden > 0 || model.more(model.place) > 0) && area.height > 0 {
        let more = Said::fixed(" ").join("", &below_the_list(words, hidden));
        let width = paint::width(&more).min(area.width);
        let corner = Rect { x: area.right() - width, y: area.bottom() - 1, width, height: 1 };
        paint::line(frame, corner, &[Piece::new(more, Role::Notice)], theme);
    }
}

/// Rows that have no room, and planned visits that are not held.
fn below_the_list(words: Words<'_>, hidden: usize) -> Said {
    let said = |key, count: usize| words.look.texts.with(key, &[("count", count.into())]);
    let rows = if hidden > 0 { said(key::LIST_MORE_BELOW, hidden) } else { Said::default() };
    match words.model.more(words.model.place) {
        0 => rows,
        more => rows.join(", ", &said(key::LIST_MORE_SEARCHED, more)),
    }
}

/// What an empty list means, and what one does there.
fn nothing_here(words: Words<'_>) -> Said {
    let (texts, place) = (&words.look.texts, words.model.place);
    let chord = words.model.keymap.chord_of(&[Context::At(place.name())], Action::Do("open"));
    match (place, chord) {
        (Place::Discharges, Some(chord)) => {
            texts.with(key::LIST_EMPTY_DISCHARGES, &[("key", Said::outside(&chord.to_string()).into())])
        }
        (Place::Visits, _) => texts.get(key::LIST_EMPTY_VISITS),
        _ => texts.get(key::LIST_EMPTY),
    }
}

/// One row: chosen, pending and stale each change it as a whole; the mark keeps its colour.
fn row(
    words: Words<'_>,
    frame: &mut Frame<'_>,
    line: Rect,
    entry: &Entry,
    pieces: &[Piece],
    is_chosen: bool,
) {
    let theme = &words.look.theme;
    let whole = if is_chosen {
        Some(Role::Selection)
    } else if words.model.is_stale() {
        Some(Role::Muted)
    } else if words.model.is_pending(entry.id) {
        Some(Role::Pending)
    } else {
        None
    };
    match whole {
        Some(role) => {
            paint::line_in(frame, line, pieces, role, theme);
            let mark = Rect { x: line.x + 1, width: 3.min(line.width), ..line };
            paint::line(frame, mark, &[words.mark(entry)], theme);
        }
        None => {
            paint::line(frame, line, pieces, theme);
        }
    }
}

/// What it costs when this alarm is redirected: said before it happens. `lead` begins the sentence.
pub(super) fn cost(words: Words<'_>, alarm: &Entry, lead: Key) -> Pieces {
    let texts = &words.look.texts;
    let agreement = alarm.agreement.as_ref().or(alarm.candidates.first());
    let ledger = agreement.and_then(|id| {
        words.model.board.as_ref().and_then(|board| board.ledgers.iter().find(|it| it.agreement == *id))
    });
    let Some(ledger) = ledger else { return Vec::new() };
    let next = ledger.used + 1;
    let mut args = vec![
        ("next", next.into()),
        ("limit", ledger.limit.into()),
        ("agreement", words.agreement(&ledger.agreement).into()),
    ];
    if lead == key::COST_NEXT {
        args.push(("number", words.number(alarm).into()));
    }
    let number = [("number", words.number(alarm).into())];
    let is_short = lead == key::COST_NEXT_SHORT && next >= ledger.limit;
    let said = match lead {
        _ if is_short => texts.with(lead, &number),
        key::COST_NEXT_SHORT => return cost(words, alarm, key::COST_NEXT),
        _ => texts.with(lead, &args),
    };
    if next < ledger.limit {
        return vec![Piece::new(said, Role::Warning)];
    }
    let is_breach = ledger.used >= ledger.limit;
    let (rule, then) = match is_breach {
        true => ("/alarms/material_breach", key::COST_BREACH),
        false => ("/duties/action_plan", key::COST_PLAN),
    };
    let clause = words.clause(&ledger.agreement, rule);
    if is_breach && clause.is_none() {
        // This contract says nothing of a breach; that another one does is no reason to.
        return vec![Piece::new(said, Role::Warning)];
    }
    let then = texts.get(then).join(" ", &clause.unwrap_or_default());
    vec![Piece::new(said.join(": ", &then), Role::Warning)]
}

/// A long notice grows upwards over the board, so that its end ("what now") is never cut.
fn draw_notice(words: Words<'_>, frame: &mut Frame<'_>, area: Rect) {
    let Some(piece) = notice(words).pop() else {
        paint::line(frame, area, &foot(words, area.width), &words.look.theme);
        return;
    };
    let parts = paint::wrap(&piece.said, area.width);
    let above =
        u16::try_from(parts.len().saturating_sub(1)).unwrap_or(0).min(NOTICE_LINES_MAX - 1).min(area.y);
    for (part, y) in parts.iter().zip(area.y - above..=area.y) {
        let line = Rect { y, ..area };
        paint::line(frame, line, &[Piece::plain(Said::spaces(area.width))], &words.look.theme);
        paint::line(frame, line, &[Piece::new(part.clone(), piece.role)], &words.look.theme);
    }
}

/// While nothing is said there: what of the chosen row its columns have no room for, so that on a narrow screen nothing
/// that one needs is lost. The labels give way first.
fn foot(words: Words<'_>, room: u16) -> Pieces {
    let model = words.model;
    let has_pane = model.detail.is_some() || layout::areas(model).side.is_some();
    let Some(entry) = model.chosen().filter(|_| !has_pane && layout::has_list(model.place)) else {
        return Vec::new();
    };
    let columns = boards::columns(words);
    let widths = paint::column_widths(&columns, room.saturating_sub(1));
    let cells = boards::cells(words, entry);
    let left_out: Vec<(&Said, Pieces)> = columns
        .iter()
        .zip(widths)
        .zip(cells)
        .filter(|((_, room), cell)| {
            let width = paint::pieces_width(cell);
            width > 0 && room.is_none_or(|room| width > room)
        })
        .map(|((column, _), cell)| (&column.title, cell))
        .collect();
    let side_by_side = |says_label: bool| {
        let mut pieces = Pieces::new();
        for (label, cell) in &left_out {
            pieces.push(Piece::fixed(if pieces.is_empty() { " " } else { "  " }, Role::Base));
            if says_label {
                pieces.push(Piece::new((*label).clone(), Role::Muted));
                pieces.push(Piece::fixed(" ", Role::Base));
            }
            pieces.extend(cell.iter().cloned());
        }
        pieces
    };
    let labelled = side_by_side(true);
    if paint::pieces_width(&labelled) <= room { labelled } else { side_by_side(false) }
}

/// The line above the hints: what just happened, else what is being sent, else the link.
fn notice(words: Words<'_>) -> Pieces {
    let (model, texts) = (words.model, &words.look.texts);
    if let Some(notice) = &model.notice {
        return vec![said_notice(words, notice)];
    }
    if let Some(pending) = model.pending.values().next() {
        let board = pending.about.map(|(_, board)| board);
        let about = pending.about.map(|(number, board)| {
            let number = number.map(|number| Said::number(i64::from(number))).unwrap_or_default();
            words.board(board).join(" ", &number)
        });
        let what = words.action(board, &pending.verb).join(" ", &about.unwrap_or_default());
        return vec![Piece::new(texts.with(key::NOTICE_SENDING, &[("what", what.into())]), Role::Pending)];
    }
    match &model.link_problem {
        Some(code) => {
            let why = texts.code("problem", code);
            vec![Piece::new(texts.with(key::NOTICE_LINK, &[("why", why.into())]), Role::LinkDown)]
        }
        None => Vec::new(),
    }
}

fn said_notice(words: Words<'_>, notice: &Notice) -> Piece {
    let texts = &words.look.texts;
    let numbered = |number: u32| texts.with(key::COMMON_NUMBER, &[("number", number.into())]);
    let worst_key = || words.key_of(Context::Always, Action::Worst);
    let with_number = |key, number: u32| texts.with(key, &[("number", numbered(number).into())]);
    let (said, role) = match notice {
        Notice::Refused { number, board, verb, problem } => {
            let what = number.map(numbered).unwrap_or_default().join(" ", &words.action(*board, verb));
            let why = words.problem(problem);
            (texts.with(key::NOTICE_REFUSED, &[("what", what.into()), ("why", why.into())]), Role::Warning)
        }
        Notice::Done { number, board, verb } => {
            let what = number.map(numbered).unwrap_or_default().join(" ", &words.action(*board, verb));
            (texts.with(key::NOTICE_DONE, &[("what", what.into())]), Role::Ok)
        }
        Notice::Gone { number } => (with_number(key::NOTICE_GONE, *number), Role::Warning),
        Notice::Changed { number } => (with_number(key::NOTICE_CHANGED, *number), Role::Warning),
        Notice::Held { number } => (with_number(key::NOTICE_HELD, *number), Role::Warning),
        Notice::NewAlarm { number } => {
            let args = [("number", numbered(*number).into()), ("key", worst_key().into())];
            (texts.with(key::NOTICE_NEW_ALARM, &args), Role::Alarm)
        }
        Notice::NoteWaits => (texts.get(key::NOTICE_NOTE_WAITS), Role::Pending),
        Notice::Unfinished(Unfinished::Answer) => (texts.get(key::NOTICE_UNFINISHED_ANSWER), Role::Notice),
        Notice::Unfinished(Unfinished::Paste) => (texts.get(key::NOTICE_UNFINISHED_PASTE), Role::Warning),
        Notice::Doubted => (texts.get(key::NOTICE_DOUBTED), Role::Warning),
        Notice::PutAside => (texts.with(key::NOTICE_PUT_ASIDE, &[("key", worst_key().into())]), Role::Notice),
        Notice::NoJobControl => (texts.get(key::NOTICE_NO_JOB_CONTROL), Role::Notice),
        Notice::PasteIgnored => (texts.get(key::NOTICE_PASTE_IGNORED), Role::Notice),
        Notice::NoCitizen => (texts.get(key::NOTICE_NO_CITIZEN), Role::Notice),
        Notice::NothingChosen => (texts.get(key::NOTICE_NOTHING_CHOSEN), Role::Notice),
        Notice::NotHere => (texts.get(key::NOTICE_NOT_HERE), Role::Notice),
        Notice::ReadOnly => (texts.get(key::NOTICE_READ_ONLY), Role::Notice),
        Notice::Copied => (texts.get(key::NOTICE_COPIED), Role::Ok),
        Notice::NothingToCopy => (texts.get(key::NOTICE_NOTHING_TO_COPY), Role::Notice),
        Notice::NothingToSearch => (texts.get(key::NOTICE_NOTHING_TO_SEARCH), Role::Notice),
    };
    Piece::new(said, role)
}

/// The likely keys, and among the entry's only those that would work.
fn hints(words: Words<'_>, frame: &mut Frame<'_>, area: Rect) {
    let model = words.model;
    let chosen = model.chosen();
    let mut hints: Vec<Pieces> = Vec::new();
    for row in hinted(model) {
        let text = match row.action {
            Action::Open | Action::Menu if chosen.is_none() => continue,
            Action::Filter if !layout::has_list(model.place) => continue,
            // Where all of a text is seen, there is nowhere to go.
            Action::Down if words.scroll_max.get() == 0 => continue,
            // Offered while something rings and something else is chosen.
            Action::Worst if model.is_at_worst() && model.aside.is_some() => {
                words.look.texts.get(key::KEYS_ASIDE)
            }
            Action::Worst if chosen.is_some_and(is_ringing) || model.ringing().next().is_none() => continue,
            // Enter breaks the line in a text of several lines; F10 sends everywhere.
            Action::Choose if is_in_long_text(model) => continue,
            Action::Submit
                if matches!(model.overlays.last(), Some(Overlay::Form(_))) && !is_in_long_text(model) =>
            {
                continue;
            }
            Action::Do("sign-on" | "sign-off" | "open") if !model.may_act() => continue,
            Action::Do("sign-on" | "sign-off" | "open") => words.look.texts.get(row.text),
            Action::Do(verb) => match chosen.filter(|entry| is_possible(model, entry, verb)) {
                Some(entry) => words.action(Some(entry.board()), verb),
                None => continue,
            },
            _ => words.look.texts.get(row.text),
        };
        hints.push(vec![
            Piece::new(Said::outside(&row.chord.to_string()), Role::KeyHint),
            Piece::fixed(" ", Role::Base),
            Piece::new(text, Role::Muted),
            Piece::fixed("  ", Role::Base),
        ]);
    }
    paint::line(frame, area, &fitting(hints, area.width), &words.look.theme);
}

/// The hinted keys: the one that takes the chosen entry's next step before the others, after the way to what rings.
fn hinted(model: &Model) -> Vec<&Row> {
    let mut rows = model.keymap.hints(&model.contexts());
    let next = model.chosen().and_then(next::verb);
    let is_next = |row: &Row| next.is_some_and(|verb| row.action.is_verb(verb));
    rows.sort_by_key(|row| row.action != Action::Worst && !is_next(row));
    rows
}

/// Whole hints only. The last two (help and back) always stay; those before them give way from behind.
fn fitting(mut hints: Vec<Pieces>, room: u16) -> Pieces {
    let total = |hints: &[Pieces]| hints.iter().map(|hint| paint::pieces_width(hint)).sum::<u16>();
    while total(&hints) > room + 2 && hints.len() > 3 {
        hints.remove(hints.len() - 3);
    }
    // Without the gap after the last one: it would be cut, and say that something is missing.
    hints.last_mut().map(Pieces::pop);
    hints.concat()
}

fn is_in_long_text(model: &Model) -> bool {
    match model.overlays.last() {
        Some(Overlay::Form(form)) => form.focused().is_some_and(|field| field.editor.has_lines()),
        _ => false,
    }
}

fn is_possible(model: &Model, entry: &Entry, verb: &str) -> bool {
    model.may_act()
        && entry.actions.iter().any(|action| {
            super::action::bare(&action.verb) == verb && action.refused_for(model.me_name()).is_none()
        })
}

/// Too small for a board: both sizes, and the alarms all the same.
fn too_small(words: Words<'_>, frame: &mut Frame<'_>) {
    let (model, texts) = (words.model, &words.look.texts);
    let size = texts.with(
        key::SMALL_SCREEN,
        &[
            ("width", model.size.width.into()),
            ("height", model.size.height.into()),
            ("needed-width", WIDTH_MIN.into()),
            ("needed-height", HEIGHT_MIN.into()),
        ],
    );
    let (open, ringing) = (model.alarms_open(), model.ringing().count());
    let alarms = texts.with(key::SMALL_ALARMS, &[("open", open.into()), ("ringing", ringing.into())]);
    let role = if ringing > 0 { Role::Alarm } else { Role::Base };
    let mut lines = vec![vec![Piece::new(alarms, role)]];
    if let Some(alarm) = model.ringing().next() {
        let said = words.name(alarm).join(" ", &words.state(alarm)).join(" ", &words.due(alarm).said);
        lines.push(vec![Piece::new(said, Role::Alarm)]);
    }
    if let Link::Stale { since } = model.link {
        let stale = texts.with(key::COMMON_STALE, &[("clock", dates::clock_seconds(since).into())]);
        lines.push(vec![Piece::new(stale, Role::LinkDown)]);
    }
    if let Some(trouble) = model.log_trouble() {
        lines.push(vec![Piece::new(words.log_trouble(trouble), Words::log_role(trouble))]);
    }
    lines.extend(
        paint::wrap(&size, model.size.width).into_iter().map(|line| vec![Piece::new(line, Role::Muted)]),
    );
    paint::lines(frame, frame.area(), &lines, &words.look.theme);
}
