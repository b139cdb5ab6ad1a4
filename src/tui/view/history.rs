//! What the log knows of a citizen: first what for, then every entry, newest first.

use ratatui::Frame;

use super::super::boards::listed;
use super::super::effect::Purpose;
use super::super::model::History;
use super::super::paint::{self, Piece, Pieces};
use super::super::words::Words;
use super::overlays::{width_wanted, window_of_lines};
use crate::i18n::{Said, dates, key};
use crate::protocol::EntryId;
use crate::protocol::history::{CitizenHistory, PastEntry};
use crate::theme::Role;

/// Cells of the moment before each entry; what follows stands under what follows.
const MOMENT: u16 = 12;

/// Asks what it is for.
pub fn purpose(words: Words<'_>, frame: &mut Frame<'_>, about: EntryId, chosen: usize) {
    let texts = &words.look.texts;
    let mut lines: Vec<Pieces> = Vec::new();
    for part in paint::wrap(&texts.get(key::HISTORY_ASK), width_wanted(frame).saturating_sub(4)) {
        lines.push(vec![Piece::fixed(" ", Role::Base), Piece::new(part, Role::Muted)]);
    }
    for (index, purpose) in Purpose::ALL.into_iter().enumerate() {
        let role = if index == chosen { Role::Selection } else { Role::Base };
        let mark = Piece::fixed(if index == chosen { "> " } else { "  " }, role);
        lines.push(vec![mark, Piece::new(words.code("purpose", purpose.name()), role)]);
    }
    window_of_lines(words, frame, &title(words, about), &lines, 0);
}

pub fn draw(words: Words<'_>, frame: &mut Frame<'_>, history: &History) {
    let room = width_wanted(frame).saturating_sub(4);
    let texts = &words.look.texts;
    let mut lines: Vec<Pieces> = Vec::new();
    match &history.answer {
        None => lines.push(vec![Piece::new(texts.get(key::HISTORY_FETCHING), Role::Muted)]),
        Some(Err(problem)) => {
            // The link says for itself that the server is away.
            if problem.code != "offline" {
                push(&mut lines, &words.problem(problem), Role::Warning, 0, room);
            }
            push(&mut lines, &texts.get(key::HISTORY_FAILED), Role::Warning, 0, room);
        }
        Some(Ok(found)) => entries(words, found, history.purpose, &mut lines, room),
    }
    window_of_lines(words, frame, &title(words, history.about), &lines, history.scroll);
}

/// The citizen while known, else the care system's id.
fn title(words: Words<'_>, about: EntryId) -> Said {
    let citizen = words.model.entry(about).map(|entry| words.citizen_or_id(entry)).unwrap_or_default();
    words.look.texts.with(key::HISTORY_TITLE, &[("citizen", citizen.into())])
}

fn entries(words: Words<'_>, found: &CitizenHistory, purpose: Purpose, lines: &mut Vec<Pieces>, room: u16) {
    let texts = &words.look.texts;
    if found.entries.is_empty() {
        push(lines, &texts.get(key::HISTORY_EMPTY), Role::Base, 0, room);
        return;
    }
    let purpose = words.code("purpose", purpose.name());
    let count = i64::try_from(found.entries.len()).unwrap_or(i64::MAX);
    let args = [("count", count.into()), ("purpose", purpose.into())];
    push(lines, &texts.with(key::HISTORY_HEADING, &args), Role::Muted, 0, room);
    for past in &found.entries {
        entry(words, past, lines, room);
    }
    let end = if found.more { key::HISTORY_MORE } else { key::HISTORY_ALL };
    push(lines, &texts.get(end), Role::Muted, 0, room);
}

/// `21. nov 03:12  Nødkald 12 · afsluttet · hjulpet`, and below where, by whom, until when.
fn entry(words: Words<'_>, past: &PastEntry, lines: &mut Vec<Pieces>, room: u16) {
    let it = &past.entry;
    let moment = paint::fit(&dates::near(it.opened_at, words.now()), MOMENT);
    let pad = MOMENT.saturating_sub(paint::width(&moment)) + 1;
    let role = if it.is_open() { words.role(it) } else { Role::Base };
    let what = words.name(it).join(" · ", &words.state(it)).join(" · ", &listed(it).outcome(words));
    let texts = &words.look.texts;
    let until = match it.closed_at {
        Some(at) => texts.with(key::HISTORY_UNTIL, &[("clock", dates::near(at, words.now()).into())]),
        None => texts.get(key::HISTORY_OPEN),
    };
    let who: Vec<Said> = past.who.iter().map(|name| Said::outside(name)).collect();
    let below = words.agreement_of(it).join(" · ", &Said::all(&who, ", ")).join(" · ", &until);
    for (place, part) in paint::wrap(&what, room.saturating_sub(MOMENT + 1)).into_iter().enumerate() {
        let head = if place == 0 {
            vec![Piece::plain(moment.clone()), Piece::plain(Said::spaces(pad))]
        } else {
            vec![Piece::plain(Said::spaces(MOMENT + 1))]
        };
        lines.push(head.into_iter().chain([Piece::new(part, role)]).collect());
    }
    push(lines, &below, Role::Muted, MOMENT + 1, room);
}

fn push(lines: &mut Vec<Pieces>, said: &Said, role: Role, indent: u16, room: u16) {
    for part in paint::wrap(said, room.saturating_sub(indent)) {
        lines.push(vec![Piece::plain(Said::spaces(indent)), Piece::new(part, role)]);
    }
}
