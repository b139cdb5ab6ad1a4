//! Kilder: trouble with a source, so that silence never looks like quiet; and how each source is: when it was last
//! heard, within what time it is expected, what is missing.
//!
//! Owns the sentence about one source, for its board and for the strip in the head of every screen.

use std::cmp::Reverse;

use chrono::{DateTime, Duration, Utc};

use super::super::action::Place;
use super::super::paint::{self, Column, Piece, Pieces};
use super::super::words::Words;
use super::{Listed, plain};
use crate::i18n::{Key, Said, dates, key};
use crate::protocol::board::{QueueStaff, SourceHealth, SourceState, Unreadable};
use crate::protocol::entry::SourceDetails;
use crate::protocol::{Entry, Level};
use crate::theme::Role;

/// Shorter lengths are said in seconds: within them an exchange is late.
const SECONDS_SAID_BELOW: i64 = 120;
/// The kind of the ways in which a second person is called: used when needed, and never heard otherwise.
const ESCALATION: &str = "escalation";
/// The kind of what we send to ourselves to be sure that it would come.
const CANARY: &str = "canary";
/// How the reasons begin for which a call of ours did not come through.
const CANARY_CALL: &str = "canary-call-";
/// The kind of an agreement's desks, watched as a source is.
const DESKS: &str = "desks";

pub fn columns(words: Words<'_>) -> Vec<Column> {
    vec![
        plain::mark(words),
        plain::number(words),
        plain::column(words, key::FACT_SOURCE, 12, 1, 0),
        plain::column(words, key::COLUMN_STATE, 12, 0, 0),
        plain::column(words, key::COLUMN_REASON, 15, 6, 0),
        plain::column(words, key::COLUMN_AGE, 6, 0, 1),
        Column { gives_way: 2, ..plain::holder(words) },
        plain::agreement(words),
        plain::column(words, key::COLUMN_NEXT, 9, 0, 0),
    ]
}

impl Listed for SourceDetails {
    fn place(&self) -> Place {
        Place::Sources
    }

    fn cells(&self, words: Words<'_>, entry: &Entry, _: Place) -> Vec<Pieces> {
        cells(words, entry, self)
    }

    fn facts(&self, words: Words<'_>, _: &Entry) -> Vec<(Key, Said)> {
        facts(words, self)
    }

    fn origin(&self) -> Option<Said> {
        Some(Said::outside(&self.source))
    }

    /// Silence must be heard of, and is no alarm.
    fn is_heard_once(&self, entry: &Entry) -> bool {
        entry.attention.level == Level::Duty
    }
}

fn cells(words: Words<'_>, entry: &Entry, trouble: &SourceDetails) -> Vec<Pieces> {
    vec![
        plain::mark_cell(words, entry),
        plain::one(words.number(entry)),
        plain::one(Said::outside(&trouble.source)),
        plain::state_cell(words, entry),
        plain::one(why(words, trouble)),
        plain::one(words.age(entry)),
        plain::holder_cell(words, entry),
        plain::one(words.agreement_of(entry)),
        plain::one(words.next(entry)),
    ]
}

/// What exactly is wrong: what could not be read and on which line, or what has not come.
fn why(words: Words<'_>, trouble: &SourceDetails) -> Said {
    if let Some(what) = &trouble.what {
        let rows = trouble.rows.first().map_or(1, |_| i64::from(trouble.count));
        return reason(words, what.as_str(), (trouble.line.map(i64::from), trouble.row.map(i64::from)), rows);
    }
    let mut sources = words.model.board.iter().flat_map(|board| &board.sources);
    let is_bad = |it: &&SourceHealth| it.name == trouble.source && is_missed(it);
    sources.find(is_bad).map(|it| missing(words, it)).unwrap_or_default()
}

fn facts(words: Words<'_>, trouble: &SourceDetails) -> Vec<(Key, Said)> {
    let mut facts = vec![
        (key::FACT_SOURCE, Said::outside(&trouble.source)),
        (key::FACT_TROUBLE, words.code("trouble", trouble.trouble)),
        (key::FACT_COUNT, Said::number(i64::from(trouble.count))),
        (key::FACT_LAST, dates::near(trouble.last_at, words.now())),
    ];
    // Every row of a file that somebody must look at.
    let rows = trouble.rows.iter().map(|it| {
        let place = (Some(i64::from(it.line)), it.row.map(i64::from));
        (key::FACT_REASON, reason(words, it.what.as_str(), place, i64::from(it.times)))
    });
    facts.extend(rows);
    if let Some(what) = trouble.what.as_ref().filter(|_| trouble.rows.is_empty()) {
        facts.push((
            key::FACT_REASON,
            reason(words, what.as_str(), (trouble.line.map(i64::from), trouble.row.map(i64::from)), 1),
        ));
    }
    facts
}

/// How each source is, worst first; what is not set up comes last.
pub fn health(words: Words<'_>, width: u16) -> Vec<Pieces> {
    let mut sources: Vec<&SourceHealth> = words.model.board.iter().flat_map(|board| &board.sources).collect();
    sources.sort_by_key(|it| (Reverse(badness(it)), it.name.clone()));
    let mut lines = Vec::new();
    for it in sources {
        push(&mut lines, &heading(words, it).join(" ", &condition(words, it)), role(it), 2, width);
        for queue in &it.queues {
            push(&mut lines, &staff(words, queue), queue_role(queue), 4, width);
        }
        let mut unreadable: Vec<&Unreadable> = it.unreadable.iter().collect();
        unreadable.sort_by_key(|it| (Reverse(it.last_at), it.what.as_str()));
        for unread in unreadable {
            push(&mut lines, &unreadable_said(words, unread), Role::Warning, 4, width);
        }
        if let Some(ahead) = it.clock_ahead_s {
            push(&mut lines, &clock_said(words, ahead), Role::Warning, 4, width);
        }
    }
    lines
}

fn push(lines: &mut Vec<Pieces>, said: &Said, role: Role, indent: u16, width: u16) {
    for (place, part) in paint::wrap(said, width.saturating_sub(indent + 2)).into_iter().enumerate() {
        let indent = if place == 0 { indent } else { indent + 2 };
        lines.push(vec![Piece::plain(Said::spaces(indent)), Piece::new(part, role)]);
    }
}

/// What is wrong stands first, what was never set up last.
fn badness(it: &SourceHealth) -> u8 {
    match it.state {
        SourceState::Silent => 4,
        SourceState::Late => 3,
        SourceState::Ok => 2,
        SourceState::Off if it.set_up => 1,
        SourceState::Off => 0,
    }
}

fn is_missed(it: &SourceHealth) -> bool {
    matches!(it.state, SourceState::Late | SourceState::Silent)
}

fn role(it: &SourceHealth) -> Role {
    match it.state {
        SourceState::Late | SourceState::Silent => Role::LinkDown,
        SourceState::Ok => Role::Base,
        SourceState::Off => Role::Muted,
    }
}

fn queue_role(queue: &QueueStaff) -> Role {
    match (queue.on_duty, queue.waiting) {
        (0, 0) => Role::LinkDown,
        (0, _) => Role::Alarm,
        _ => Role::Base,
    }
}

fn heading(words: Words<'_>, it: &SourceHealth) -> Said {
    let args =
        [("name", Said::outside(&it.name).into()), ("kind", words.code("source-kind", &it.kind).into())];
    words.look.texts.with(key::SOURCE_HEADING, &args)
}

/// Last heard, expected within, what is missing: one sentence.
fn condition(words: Words<'_>, it: &SourceHealth) -> Said {
    let texts = &words.look.texts;
    if !it.set_up {
        let what = words.code("source-set-up", it.why.as_deref().unwrap_or(&it.kind));
        return texts.with(key::SOURCE_NOT_SET_UP, &[("what", what.into())]);
    }
    if it.kind == ESCALATION || it.kind == CANARY {
        return our_own(words, it);
    }
    let said = match (it.state, it.expected_within_s) {
        (SourceState::Late | SourceState::Silent, _) => missing(words, it),
        (_, Some(within)) => heard(words, it, within),
        (_, None) => match it.heard_at {
            Some(at) => {
                let clock = dates::near(at, words.now());
                texts.with(key::SOURCE_HEARD_FREE, &[("clock", clock.into())])
            }
            None => texts.get(key::SOURCE_NEVER_FREE),
        },
    };
    match &it.why {
        Some(why) => said.join("; ", &words.code("trouble-what", why)),
        None => said,
    }
}

fn failed(words: Words<'_>, it: &SourceHealth) -> Said {
    let texts = &words.look.texts;
    match (it.kind == CANARY, it.heard_at.or(it.since)) {
        (false, _) => texts.get(key::SOURCE_ESCALATION_FAILED),
        (true, Some(at)) => {
            let is_call = it.why.as_deref().is_some_and(|why| why.starts_with(CANARY_CALL));
            let key = if is_call { key::SOURCE_CANARY_CALL_FAILED } else { key::SOURCE_CANARY_FAILED };
            texts.with(key, &[("clock", dates::near(at, words.now()).into())])
        }
        (true, None) => words.code("trouble", "failed"),
    }
}

fn our_own(words: Words<'_>, it: &SourceHealth) -> Said {
    let texts = &words.look.texts;
    match (it.state, it.heard_at) {
        (SourceState::Silent | SourceState::Late, _) => {
            let why = it.why.as_deref().map(|why| words.code("trouble-what", why));
            let failed = failed(words, it);
            why.map_or(failed.clone(), |why| failed.join(": ", &why))
        }
        (_, Some(at)) => {
            let clock = dates::near(at, words.now());
            texts.with(key::SOURCE_ESCALATION_WORKED, &[("clock", clock.into())])
        }
        (_, None) => texts.get(key::SOURCE_ESCALATION_READY),
    }
}

fn heard(words: Words<'_>, it: &SourceHealth, within: u32) -> Said {
    let texts = &words.look.texts;
    let within = ("within", span(words, Duration::seconds(within.into())).into());
    match it.heard_at {
        Some(_) if it.kind == DESKS => texts.get(key::SOURCE_DESKS_OPEN),
        Some(at) => {
            let age = span(words, words.now() - at);
            texts.with(key::SOURCE_HEARD, &[("age", age.into()), within])
        }
        None => texts.with(key::SOURCE_AWAITED, &[within]),
    }
}

/// What has not come that should have: "intet i 14 s, ventet inden 12 s".
fn missing(words: Words<'_>, it: &SourceHealth) -> Said {
    let texts = &words.look.texts;
    let is_desks = it.kind == DESKS;
    if let (SourceState::Late, Some(why)) = (it.state, &it.waiting_why) {
        let args = [("count", it.waiting.into()), ("why", words.code("trouble-what", why).into())];
        return texts.with(key::SOURCE_WAITING, &args);
    }
    let said = match (quiet_since(it), it.heard_at) {
        (Some(since), None) if !is_desks => {
            let clock = dates::near(since, words.now());
            texts.with(key::SOURCE_NEVER, &[("clock", clock.into())])
        }
        (Some(since), _) => {
            let says = if is_desks { key::SOURCE_DESKS_MISSING } else { key::SOURCE_MISSING };
            texts.with(says, &[("age", span(words, words.now() - since).into())])
        }
        (None, _) => words.code("source-state", super::super::view::header::state_name(it.state)),
    };
    match it.expected_within_s {
        Some(within) => {
            let within = span(words, Duration::seconds(within.into()));
            said.join(", ", &texts.with(key::SOURCE_EXPECTED, &[("within", within.into())]))
        }
        None => said,
    }
}

fn quiet_since(it: &SourceHealth) -> Option<DateTime<Utc>> {
    it.heard_at.or(it.since)
}

/// `14 s`, `12 min`, `3 t 5 min`.
fn span(words: Words<'_>, length: Duration) -> Said {
    let (texts, seconds) = (&words.look.texts, length.num_seconds().max(0));
    if seconds < SECONDS_SAID_BELOW {
        return texts.with(key::SOURCE_SECONDS, &[("seconds", seconds.into())]);
    }
    if seconds % 3600 == 0 && seconds < 48 * 3600 {
        return texts.with(key::DATE_ONLY_HOURS, &[("hours", (seconds / 3600).into())]);
    }
    dates::length(texts, length)
}

/// What could not be read for one reason, how often, and when last.
fn unreadable_said(words: Words<'_>, it: &Unreadable) -> Said {
    let texts = &words.look.texts;
    let what = words.code("trouble-what", &it.what);
    let counted = texts.with(key::SOURCE_TIMES, &[("what", what.into()), ("count", it.count.into())]);
    let clock = dates::near(it.last_at, words.now());
    texts.with(key::SOURCE_UNREADABLE, &[("what", counted.into()), ("clock", clock.into())])
}

/// Who takes the calls of a queue; what is not so is not said.
fn staff(words: Words<'_>, queue: &QueueStaff) -> Said {
    let texts = &words.look.texts;
    let name = ("queue", Said::outside(&queue.queue).into());
    let mut said = match queue.on_duty {
        0 => texts.with(key::SHIFT_QUEUE_NOBODY, &[name]),
        duty => texts.with(key::SHIFT_QUEUE_LINE, &[name, ("duty", duty.into())]),
    };
    let more = [
        (key::SHIFT_QUEUE_BUSY, queue.busy),
        (key::SHIFT_QUEUE_PAUSED, queue.paused),
        (key::SHIFT_QUEUE_WAITING, queue.waiting),
    ];
    for (key, count) in more.into_iter().filter(|(_, count)| *count > 0) {
        said = said.join(", ", &texts.with(key, &[("count", count.into())]));
    }
    said
}

fn clock_said(words: Words<'_>, ahead: i64) -> Said {
    let length = span(words, Duration::seconds(ahead.abs()));
    let says = if ahead > 0 { key::SOURCE_CLOCK_AHEAD } else { key::SOURCE_CLOCK_BEHIND };
    words.look.texts.with(says, &[("length", length.into())])
}

/// The strip: what is wrong, in as many words as there may be room for, the longest first. Empty when nothing is.
pub fn strip(words: Words<'_>) -> Vec<Vec<Piece>> {
    let Some(board) = &words.model.board else { return Vec::new() };
    let mut bad: Vec<&SourceHealth> = board.sources.iter().filter(|it| is_missed(it)).collect();
    bad.sort_by_key(|it| (Reverse(badness(it)), it.name.clone()));
    if bad.is_empty() {
        return Vec::new();
    }
    let is_our_own = |it: &SourceHealth| it.kind == ESCALATION || it.kind == CANARY;
    let in_full = |it: &&SourceHealth| match is_our_own(it) {
        true => Said::outside(&it.name).join(": ", &failed(words, it)),
        false => Said::outside(&it.name).join(": ", &missing(words, it)),
    };
    let shorter = |it: &&SourceHealth| short(words, it);
    let names: Vec<Said> = bad.iter().map(|it| Said::outside(&it.name)).collect();
    let args = [("count", bad.len().into()), ("names", Said::all(&names, ", ").into())];
    let counted = words.look.texts.with(key::SOURCE_MANY_MISSING, &args);
    let pieces = |said: Vec<Said>| said.into_iter().map(|it| Piece::new(it, Role::LinkDown)).collect();
    let mut forms =
        vec![pieces(bad.iter().map(in_full).collect()), pieces(bad.iter().map(shorter).collect())];
    if bad.len() > 1 {
        forms.push(pieces(vec![counted]));
    }
    forms
}

/// `central tavs i 12 min`
fn short(words: Words<'_>, it: &SourceHealth) -> Said {
    let texts = &words.look.texts;
    let state = words.code("source-state", super::super::view::header::state_name(it.state));
    let name = Said::outside(&it.name);
    if it.kind == ESCALATION || it.kind == CANARY {
        let state = words.code("state", "failed");
        return texts.with(key::HEADER_SOURCE_BAD, &[("name", name.into()), ("state", state.into())]);
    }
    match quiet_since(it) {
        Some(at) => {
            let length = span(words, words.now() - at);
            let args = [("name", name.into()), ("state", state.into()), ("length", length.into())];
            texts.with(key::HEADER_SOURCE_SINCE, &args)
        }
        None => texts.with(key::HEADER_SOURCE_BAD, &[("name", name.into()), ("state", state.into())]),
    }
}

/// That all are heard, and the one that is nearest to being late; or how many of them are, since the server began.
pub fn all_heard(words: Words<'_>) -> Option<Said> {
    let board = words.model.board.as_ref()?;
    let texts = &words.look.texts;
    let set_up = || board.sources.iter().filter(|it| it.set_up && it.kind != DESKS);
    let (heard, of) = (set_up().filter(|it| it.heard_at.is_some()).count(), set_up().count());
    if heard < of {
        let args = [("heard", heard.into()), ("of", of.into())];
        return Some(texts.with(key::HEADER_SOURCES_SOME, &args));
    }
    let nearest = board
        .sources
        .iter()
        .filter(|it| it.state == SourceState::Ok && it.kind != DESKS)
        .filter_map(|it| Some((it, it.heard_at?, i64::from(it.expected_within_s?.max(1)))))
        .max_by_key(|(it, at, within)| ((words.now() - *at).num_milliseconds() / within, Reverse(&it.name)));
    match nearest {
        Some((it, at, within)) => {
            let args = [
                ("name", Said::outside(&it.name).into()),
                ("age", span(words, words.now() - at).into()),
                ("within", span(words, Duration::seconds(within)).into()),
            ];
            Some(texts.with(key::HEADER_SOURCES_NEAREST, &args))
        }
        None => board
            .sources
            .iter()
            .any(|it| it.set_up && it.kind != DESKS)
            .then(|| texts.get(key::HEADER_SOURCES_OK)),
    }
}

/// What exactly could not be read; of a file with its line, or row and line, of several rows with how many.
pub fn reason(words: Words<'_>, what: &str, (line, row): (Option<i64>, Option<i64>), rows: i64) -> Said {
    let what = words.code("trouble-what", what);
    let Some(line) = line else { return what };
    let mut args = vec![("line", line.into()), ("what", what.into())];
    args.extend(row.map(|row| ("row", row.into())));
    args.extend((rows > 1).then(|| ("more", (rows - 1).into())));
    let says = match (row, rows > 1) {
        (None, false) => key::TROUBLE_ROW,
        (None, true) => key::TROUBLE_ROWS,
        (Some(_), false) => key::TROUBLE_ITEM,
        (Some(_), true) => key::TROUBLE_ITEMS,
    };
    words.look.texts.with(says, &args)
}
