//! Columns every board has, and a list made of them alone.

use super::super::paint::{Column, Piece, Pieces};
use super::super::words::Words;
use crate::i18n::{Key, Said, key};
use crate::protocol::entry::Escalation;
use crate::protocol::vocabulary::{AlarmState, CallState, EscalationOutcome};
use crate::protocol::{Board, Entry};
use crate::theme::Role;

pub fn column(words: Words<'_>, title: Key, width_min: u16, grow: u16, gives_way: u8) -> Column {
    Column::new(words.look.texts.get(title), width_min, grow, gives_way)
}

pub fn mark(words: Words<'_>) -> Column {
    column(words, key::COLUMN_MARK, 3, 0, 0)
}

pub fn number(words: Words<'_>) -> Column {
    column(words, key::COLUMN_NUMBER, 3, 0, 0)
}

pub fn state(words: Words<'_>) -> Column {
    column(words, key::COLUMN_STATE, 13, 0, 0)
}

pub fn age(words: Words<'_>) -> Column {
    column(words, key::COLUMN_AGE, 6, 0, 4)
}

pub fn due(words: Words<'_>) -> Column {
    column(words, key::COLUMN_DUE, 11, 0, 0)
}

pub fn holder(words: Words<'_>) -> Column {
    column(words, key::COLUMN_HOLDER, 6, 1, 0)
}

pub fn agreement(words: Words<'_>) -> Column {
    column(words, key::COLUMN_AGREEMENT, 10, 0, 3)
}

pub fn next(words: Words<'_>) -> Column {
    column(words, key::COLUMN_NEXT, 9, 3, 0)
}

pub fn one(said: Said) -> Pieces {
    vec![Piece::plain(said)]
}

pub fn mark_cell(words: Words<'_>, entry: &Entry) -> Pieces {
    vec![words.mark(entry)]
}

/// The state in the colour of its severity; what is not stored says so loudly.
pub fn state_cell(words: Words<'_>, entry: &Entry) -> Pieces {
    let role = if words.is_unstored(entry) { Role::LinkDown } else { words.role(entry) };
    vec![Piece::new(words.state(entry), role)]
}

/// Who has it; a pending change shows here, where one looks for it.
pub fn holder_cell(words: Words<'_>, entry: &Entry) -> Pieces {
    if words.model.is_pending(entry.id) {
        return vec![Piece::new(words.look.texts.get(key::COMMON_PENDING), Role::Pending)];
    }
    if let (None, Some(escalation)) = (&entry.holder, &entry.escalation) {
        return vec![called(words, escalation)];
    }
    if let (None, Some(holder)) = (&entry.holder, holder_of_alarm(words, entry)) {
        return one(holder);
    }
    one(words.holder(entry))
}

/// Who has the alarm that a call belongs to: nobody else need take it, and it still waits.
fn holder_of_alarm(words: Words<'_>, entry: &Entry) -> Option<Said> {
    let is_call = entry.is(CallState::Waiting) || entry.is(AlarmState::Raised);
    let alarms = entry.links.iter().filter_map(|id| words.model.entry(*id));
    let held = alarms.filter(|it| it.board() == Board::Alarms).find_map(|it| it.holder.as_ref());
    held.filter(|_| is_call).map(|it| Said::outside(&format!("→ {}", it.name)))
}

/// Nobody has it, and a second person was called: how that stands.
fn called(words: Words<'_>, escalation: &Escalation) -> Piece {
    let (says, role) = match escalation.outcome {
        None => (key::ESCALATION_SHORT_CALLING, Role::Pending),
        Some(EscalationOutcome::Failed) => (key::ESCALATION_SHORT_FAILED, Role::LinkDown),
        Some(EscalationOutcome::Sent) => (key::ESCALATION_SHORT_SENT, Role::Warning),
        Some(EscalationOutcome::NotNeeded) => (key::COMMON_NOBODY, Role::Base),
    };
    Piece::new(words.look.texts.get(says), role)
}

pub fn columns(words: Words<'_>) -> Vec<Column> {
    vec![
        mark(words),
        number(words),
        state(words),
        age(words),
        due(words),
        holder(words),
        agreement(words),
        next(words),
    ]
}

pub fn cells(words: Words<'_>, entry: &Entry) -> Vec<Pieces> {
    vec![
        mark_cell(words, entry),
        one(words.number(entry)),
        state_cell(words, entry),
        one(words.age(entry)),
        vec![words.due(entry)],
        holder_cell(words, entry),
        one(words.agreement_of(entry)),
        one(words.next(entry)),
    ]
}

/// A sentence and the clause it comes from.
pub fn by_clause(words: Words<'_>, says: Key, from: &str) -> Said {
    words.look.texts.get(says).join(" ", &words.clause_said(from))
}
