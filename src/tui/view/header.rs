//! The head of the screen: what must be seen whatever one is doing.

use ratatui::Frame;
use ratatui::layout::Rect;

use super::super::action::Place;
use super::super::boards::{is_on, sources};
use super::super::paint::{self, Piece, Pieces};
use super::super::words::Words;
use crate::i18n::{Key, Said, dates, key};
use crate::protocol::board::{Answering, Ledger, QueueStaff, SourceState, Within};
use crate::protocol::vocabulary::{AlarmState, CallState};
use crate::protocol::{Board, Entry, Level};
use crate::theme::Role;

const GAP: &str = "  ";
/// The sources that are missed are cut to no less than this (cells).
const STRIP_MIN: u16 = 12;

/// Draws the header's lines, as many as there is room for.
pub fn draw(words: Words<'_>, frame: &mut Frame<'_>, area: Rect) {
    let right = who(words);
    let width = paint::pieces_width(&right).min(area.width);
    let first = first(words, area.width - width);
    let lines = [first, counts(words, area.width), standing(words, area.width), figures(words, area.width)];
    for (pieces, y) in lines.iter().zip(area.top()..area.bottom()) {
        paint::line(frame, Rect { y, height: 1, ..area }, pieces, &words.look.theme);
    }
    let corner = Rect { x: area.right() - width, y: area.y, width, height: 1.min(area.height) };
    paint::line(frame, corner, &right, &words.look.theme);
}

/// The time, and who is on call. Where there is no room for both, the day gives way.
fn first(words: Words<'_>, room: u16) -> Pieces {
    let texts = &words.look.texts;
    let clock = Piece::new(dates::heading(texts, words.now()), Role::Title);
    let Some(board) = &words.model.board else { return vec![clock] };
    let names: Vec<Said> = board
        .shift
        .on_call
        .iter()
        .map(|it| {
            let name = Said::outside(it.name.as_str());
            if it.signed_on { name } else { texts.with(key::HEADER_AWAY, &[("name", name.into())]) }
        })
        .collect();
    let on_call = if names.is_empty() {
        Piece::new(texts.get(key::HEADER_NOBODY_ON_CALL), Role::Warning)
    } else {
        let names = Said::all(&names, ", ");
        Piece::new(texts.with(key::HEADER_ON_CALL, &[("names", names.into())]), Role::Base)
    };
    let pieces = vec![clock, Piece::fixed(GAP, Role::Base), on_call];
    if paint::pieces_width(&pieces) <= room {
        return pieces;
    }
    let short = Piece::new(dates::clock_seconds(words.now()), Role::Title);
    std::iter::once(short).chain(pieces.into_iter().skip(1)).collect()
}

/// Who sits here, and what kind of desk it is.
fn who(words: Words<'_>) -> Pieces {
    let (model, texts) = (words.model, &words.look.texts);
    let mut parts = Vec::new();
    if model.board.as_ref().is_some_and(|board| board.synthetic) {
        parts.push(Piece::new(texts.get(key::COMMON_SYNTHETIC), Role::Notice));
    }
    if model.hides_people {
        parts.push(Piece::new(texts.get(key::COMMON_PEOPLE_HIDDEN), Role::Notice));
    }
    if model.me.is_some() && !model.may_act() {
        parts.push(Piece::new(texts.get(key::COMMON_READ_ONLY), Role::Notice));
    }
    if let Some(me) = &model.me {
        parts.push(Piece::new(Said::outside(&me.name), Role::Muted));
    }
    separated(parts)
}

fn separated(parts: Vec<Piece>) -> Pieces {
    let mut out = Pieces::new();
    for part in parts {
        out.push(Piece::fixed(GAP, Role::Base));
        out.push(part);
    }
    out
}

/// Notes that wait stand nowhere else, so they come before what may be cut. Where there is little room the next
/// deadline's countdown gives way, then words about the calls, and the deadlines last.
fn counts(words: Words<'_>, room: u16) -> Pieces {
    if words.model.board.is_none() {
        return Vec::new();
    }
    let with = |calls: Piece, deadlines: Option<Piece>| {
        let parts = [Some(alarms(words)), notes_waiting(words), Some(calls), deadlines];
        side_by_side(parts.into_iter().flatten().collect())
    };
    let long = || calls(words, key::HEADER_CALLS);
    let short = || calls(words, key::HEADER_CALLS_SHORT);
    let ways = [
        with(long(), Some(deadlines(words))),
        with(long(), Some(deadlines_counted(words))),
        with(short(), Some(deadlines_counted(words))),
    ];
    let fitting = ways.into_iter().find(|pieces| paint::pieces_width(pieces) <= room);
    fitting.unwrap_or_else(|| with(short(), None))
}

fn side_by_side(parts: Vec<Piece>) -> Pieces {
    let mut pieces = separated(parts);
    if !pieces.is_empty() {
        pieces.remove(0);
    }
    pieces
}

fn alarms(words: Words<'_>) -> Piece {
    let texts = &words.look.texts;
    let open = words.model.alarms_open();
    let (rung_out, ringing): (Vec<_>, Vec<_>) =
        words.model.ringing().partition(|alarm| alarm.is(AlarmState::Unanswered));
    let (open_said, rings, out) = (("open", open.into()), ringing.len(), rung_out.len());
    let said = match (rings, out) {
        (0, 0) => None,
        (_, 0) => Some(texts.with(key::HEADER_ALARMS_RINGING, &[open_said, ("ringing", rings.into())])),
        (0, _) => Some(texts.with(key::HEADER_ALARMS_RUNG_OUT, &[open_said, ("out", out.into())])),
        _ => {
            let args = [open_said, ("ringing", rings.into()), ("out", out.into())];
            Some(texts.with(key::HEADER_ALARMS_BOTH, &args))
        }
    };
    if let Some(said) = said {
        return Piece::new(said, Role::Alarm);
    }
    let role = if open > 0 { Role::AlarmAcknowledged } else { Role::Base };
    Piece::new(texts.with(key::HEADER_ALARMS, &[("open", open.into())]), role)
}

fn calls(words: Words<'_>, says: Key) -> Piece {
    let count = |state: CallState| {
        let rows = words.model.board.iter().flat_map(|board| board.worst_first());
        rows.filter(|entry| entry.board() == Board::Phone && entry.is(state)).count()
    };
    let (waiting, missed) = (count(CallState::Waiting), count(CallState::Missed));
    let role = if waiting + missed > 0 { Role::Warning } else { Role::Base };
    let args = [("waiting", waiting.into()), ("missed", missed.into())];
    Piece::new(words.look.texts.with(says, &args), role)
}

/// What stands among the deadlines; the next of it.
fn deadlines(words: Words<'_>) -> Piece {
    let (due, role) = due(words);
    let texts = &words.look.texts;
    let limits = || due.iter().filter_map(|entry| entry.attention.breach_at);
    let over = limits().filter(|at| *at <= words.now()).count();
    if over > 0 {
        let args = [("count", due.len().into()), ("over", over.into())];
        return Piece::new(texts.with(key::HEADER_DEADLINES_OVER, &args), Role::Warning);
    }
    match limits().min() {
        Some(at) => {
            let countdown = dates::countdown_short(texts, at, words.now());
            let args = [("count", due.len().into()), ("countdown", countdown.into())];
            Piece::new(texts.with(key::HEADER_DEADLINES_NEXT, &args), role)
        }
        None => deadlines_counted(words),
    }
}

fn deadlines_counted(words: Words<'_>) -> Piece {
    let (due, role) = due(words);
    Piece::new(words.look.texts.with(key::HEADER_DEADLINES, &[("count", due.len().into())]), role)
}

fn due(words: Words<'_>) -> (Vec<&Entry>, Role) {
    let rows = words.model.board.iter().flat_map(|board| board.worst_first());
    let due: Vec<&Entry> = rows.filter(|entry| is_on(Place::Duties, entry)).collect();
    let is_worst = due.iter().any(|entry| entry.attention.level == Level::Duty);
    (due, if is_worst { Role::Warning } else { Role::Base })
}

/// Queues that nobody takes: whoever rings there is not answered.
fn nobody_takes(words: Words<'_>) -> Vec<Piece> {
    let said = |queue: &QueueStaff| {
        let name = Said::outside(&queue.queue);
        match queue.waiting {
            0 => {
                let said = words.look.texts.with(key::HEADER_QUEUE_NOBODY, &[("queue", name.into())]);
                Piece::new(said, Role::LinkDown)
            }
            waiting => {
                let args = [("queue", name.into()), ("count", waiting.into())];
                Piece::new(words.look.texts.with(key::HEADER_QUEUE_NOBODY_WAITING, &args), Role::Alarm)
            }
        }
    };
    queues(words).filter(|queue| queue.on_duty == 0).map(said).collect()
}

/// Who takes the calls, where somebody does.
fn staff(words: Words<'_>) -> Vec<Piece> {
    let said = |it: &QueueStaff| {
        let (queue, duty) = (("queue", Said::outside(&it.queue).into()), ("duty", it.on_duty.into()));
        match it.paused {
            0 => Piece::new(words.look.texts.with(key::HEADER_QUEUE, &[queue, duty]), Role::Muted),
            paused => {
                let args = [queue, duty, ("paused", paused.into())];
                Piece::new(words.look.texts.with(key::HEADER_QUEUE_PAUSED, &args), Role::Base)
            }
        }
    };
    queues(words).filter(|queue| queue.on_duty > 0).map(said).collect()
}

fn queues<'a>(words: Words<'a>) -> impl Iterator<Item = &'a QueueStaff> {
    words.model.board.iter().flat_map(|board| &board.sources).flat_map(|source| &source.queues)
}

/// The code of a source's state.
pub fn state_name(state: SourceState) -> &'static str {
    match state {
        SourceState::Ok => "ok",
        SourceState::Late => "late",
        SourceState::Silent => "silent",
        SourceState::Off => "off",
    }
}

fn notes_waiting(words: Words<'_>) -> Option<Piece> {
    let count = words.model.board.as_ref().map_or(0, |board| board.notes_waiting);
    let said = words.look.texts.with(key::HEADER_NOTES_WAITING, &[("count", count.into())]);
    (count > 0).then(|| Piece::new(said, Role::Warning))
}

/// What stands against us: queues that nobody takes and sources that are missed first, then the redirect ledgers, the
/// worst first. How many redirects are used is always said of the worst, in fewer words where there is little room.
fn standing(words: Words<'_>, room: u16) -> Pieces {
    let Some(board) = &words.model.board else { return Vec::new() };
    let nobody = nobody_takes(words);
    let mut strips = sources::strip(words);
    let has_bad = !strips.is_empty();
    if !has_bad {
        strips.push(Vec::new());
    }
    let mut ledgers: Vec<&Ledger> = board.ledgers.iter().collect();
    ledgers.sort_by_key(|it| (std::cmp::Reverse(it.used * 100 / it.limit.max(1)), it.clears_on));
    let fits = |parts: &[Piece]| paint::pieces_width(&side_by_side(parts.to_vec())) <= room;
    let with = |strip: &[Piece], ledgers: &[&Ledger], says: LedgerSays| -> Vec<Piece> {
        let ledgers = ledgers.iter().map(|ledger| ledger_piece(words, ledger, says));
        nobody.iter().chain(strip).cloned().chain(ledgers).collect()
    };
    let worst = &ledgers[..ledgers.len().min(1)];
    let ways = [LedgerSays::Day, LedgerSays::Count, LedgerSays::Short];
    let all = ways[..2].iter().map(|says| with(&strips[0], &ledgers, *says));
    let fewer = strips.iter().flat_map(|strip| ways.map(|says| with(strip, worst, says)));
    let shortest = || {
        let without = with(&[], worst, LedgerSays::Short);
        let left = room.saturating_sub(paint::pieces_width(&side_by_side(without)) + 2);
        let mut strip = strips[strips.len() - 1].clone();
        for piece in &mut strip {
            piece.said = paint::fit(&piece.said, left.max(STRIP_MIN));
        }
        with(&strip, worst, LedgerSays::Short)
    };
    let mut parts = all.chain(fewer).find(|parts| fits(parts)).unwrap_or_else(shortest);
    // Good to know, and the first things to leave out: who takes the calls, and that all sources are heard.
    let heard = sources::all_heard(words).filter(|_| !has_bad).map(|said| Piece::new(said, Role::Muted));
    for good in staff(words).into_iter().chain(heard) {
        parts.push(good);
        if !fits(&parts) {
            parts.pop();
        }
    }
    side_by_side(parts)
}

/// The tightest answering figure of this month; the goal gives way where there is no room for it.
fn figures(words: Words<'_>, room: u16) -> Pieces {
    let Some(board) = &words.model.board else { return Vec::new() };
    let tightest = board
        .answering
        .iter()
        .flat_map(|figure| figure.within.iter().map(move |within| (figure, within)))
        .filter(|(_, within)| within.of > 0)
        .min_by_key(|(_, within)| within.misses_left);
    let Some((figure, within)) = tightest else { return Vec::new() };
    let with_goal = answering_piece(words, figure, within, true);
    let fits = paint::width(&with_goal.said) <= room;
    vec![if fits { with_goal } else { answering_piece(words, figure, within, false) }]
}

/// How much is said of a ledger.
#[derive(Clone, Copy, PartialEq, Eq)]
enum LedgerSays {
    /// And when the oldest one falls out: the first thing to leave out where there is little room.
    Day,
    Count,
    Short,
}

fn ledger_piece(words: Words<'_>, ledger: &Ledger, says: LedgerSays) -> Piece {
    let texts = &words.look.texts;
    let mut args = vec![
        ("agreement", words.agreement(&ledger.agreement).into()),
        ("used", ledger.used.into()),
        ("limit", ledger.limit.into()),
    ];
    let mut said = match ledger.clears_on.filter(|_| says == LedgerSays::Day) {
        Some(day) => {
            args.push(("day", dates::day(texts, day).into()));
            texts.with(key::HEADER_LEDGER_CLEARS, &args)
        }
        None if says == LedgerSays::Short => texts.with(key::HEADER_LEDGER_SHORT, &args),
        None => texts.with(key::HEADER_LEDGER, &args),
    };
    if ledger.action_plan {
        said = said.join(": ", &texts.get(key::HEADER_LEDGER_PLAN));
    }
    let role = if ledger.action_plan || ledger.used + 1 >= ledger.limit { Role::Warning } else { Role::Base };
    Piece::new(said, role)
}

fn answering_piece(words: Words<'_>, figure: &Answering, within: &Within, says_goal: bool) -> Piece {
    let texts = &words.look.texts;
    let counted = texts.with(
        key::HEADER_ANSWERING,
        &[
            ("board", words.board(figure.board).into()),
            ("agreement", words.agreement(&figure.agreement).into()),
            ("count", within.count.into()),
            ("of", within.of.into()),
            ("seconds", within.s.into()),
        ],
    );
    let role = if within.misses_left <= 0 { Role::Warning } else { Role::Base };
    let said = counted.join(", ", &misses_left(words, within));
    if !says_goal {
        return Piece::new(said, role);
    }
    let goal = (within.percent * 10.0).round() as u32;
    let goal = texts.with(key::HEADER_GOAL, &[("percent", dates::per_mille(texts, goal).into())]);
    Piece::new(said.join("; ", &goal), role)
}

/// How many more may be missed, or how many were too many.
pub fn misses_left(words: Words<'_>, within: &Within) -> Said {
    let texts = &words.look.texts;
    if within.misses_left < 0 {
        return texts.with(key::HEADER_GOAL_BROKEN, &[("misses", (-within.misses_left).into())]);
    }
    texts.with(key::HEADER_MISSES_LEFT, &[("misses", within.misses_left.into())])
}

/// The line of places: full names while there is room, then short ones, then digits.
pub fn places(words: Words<'_>, frame: &mut Frame<'_>, area: Rect) {
    let fitting = [full as fn(Words<'_>, Place) -> Said, short, digit]
        .into_iter()
        .map(|name| line_of_places(words, name))
        .find(|pieces| paint::pieces_width(pieces) <= area.width)
        .unwrap_or_else(|| line_of_places(words, digit));
    paint::line(frame, area, &fitting, &words.look.theme);
}

fn line_of_places(words: Words<'_>, name: fn(Words<'_>, Place) -> Said) -> Pieces {
    let mut pieces = Pieces::new();
    let mut before = Piece::fixed(" ", Role::Muted);
    // What is over is no work: it stands there while somebody is there.
    let is_shown = |place: &Place| *place != Place::Closed || words.model.place == Place::Closed;
    for place in Place::ALL.into_iter().filter(is_shown) {
        let is_here = place == words.model.place;
        let role = if is_here { Role::Title } else { Role::Muted };
        let said = match is_here && paint::width(&name(words, place)) <= 1 {
            true => counted(words, place, short(words, place)),
            false => name(words, place),
        };
        pieces.push(if is_here { Piece::fixed("[", role) } else { before });
        pieces.push(Piece::new(said, role));
        before = Piece::fixed(if is_here { "]" } else { " " }, role);
    }
    pieces.push(before);
    pieces
}

fn numbered(words: Words<'_>, place: Place, name: Said) -> Said {
    words.key_of(super::Context::Global, super::Action::GoTo(place)).join(" ", &name)
}

fn full(words: Words<'_>, place: Place) -> Said {
    counted(words, place, numbered(words, place, words.code("place", place.name())))
}

fn counted(words: Words<'_>, place: Place, name: Said) -> Said {
    match words.model.count(place) {
        0 => name,
        count => name.join(":", &Said::number(i64::try_from(count).unwrap_or(i64::MAX))),
    }
}

fn short(words: Words<'_>, place: Place) -> Said {
    numbered(words, place, words.code("place-short", place.name()))
}

fn digit(words: Words<'_>, place: Place) -> Said {
    numbered(words, place, Said::default())
}
