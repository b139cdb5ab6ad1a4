//! Telefonkø: how long somebody has waited, why a call was missed, what was promised.

use super::super::action::Place;
use super::super::paint::{Column, Piece, Pieces};
use super::super::words::Words;
use super::{Listed, plain};
use crate::i18n::{Key, Said, dates, key};
use crate::protocol::Entry;
use crate::protocol::entry::PhoneDetails;
use crate::protocol::vocabulary::CallState;
use crate::theme::Role;

pub fn columns(words: Words<'_>) -> Vec<Column> {
    vec![
        plain::mark(words),
        plain::number(words),
        plain::column(words, key::COLUMN_STATE, 9, 0, 0),
        plain::column(words, key::COLUMN_WAITED, 6, 0, 0),
        plain::column(words, key::COLUMN_CALLER, 12, 3, 0),
        plain::column(words, key::COLUMN_REASON, 9, 2, 2),
        plain::column(words, key::COLUMN_PROMISE, 11, 0, 1),
        plain::holder(words),
        plain::agreement(words),
        plain::column(words, key::COLUMN_NEXT, 12, 1, 0),
    ]
}

impl Listed for PhoneDetails {
    fn place(&self) -> Place {
        Place::Phone
    }

    fn cells(&self, words: Words<'_>, entry: &Entry, _: Place) -> Vec<Pieces> {
        cells(words, entry, self)
    }

    fn facts(&self, words: Words<'_>, entry: &Entry) -> Vec<(Key, Said)> {
        facts(words, entry, self)
    }

    fn outcome(&self, words: Words<'_>) -> Said {
        self.reason.map(|code| words.code("missed", code)).unwrap_or_default()
    }

    fn is_of_a_caller(&self) -> bool {
        true
    }
}

fn cells(words: Words<'_>, entry: &Entry, call: &PhoneDetails) -> Vec<Pieces> {
    // Where it waits, or that a colleague does; then why it was missed.
    let reason = match (&call.reason, &call.queue) {
        (None, _) if call.colleague && entry.is(CallState::Waiting) => {
            words.code("state", CallState::Colleague)
        }
        (Some(code), _) => words.code("missed", code),
        (None, Some(queue)) if entry.is(CallState::Waiting) => Said::outside(queue.as_str()),
        _ => Said::default(),
    };
    vec![
        plain::mark_cell(words, entry),
        plain::one(words.number(entry)),
        plain::state_cell(words, entry),
        vec![Piece::new(waited(words, entry, call), waited_role(words, entry))],
        plain::one(caller(words, entry)),
        plain::one(reason),
        vec![words.limit(call.promise_at.or(entry.attention.breach_at), Role::Warning)],
        plain::holder_cell(words, entry),
        plain::one(words.agreement_of(entry)),
        plain::one(words.next(entry)),
    ]
}

fn waited_role(words: Words<'_>, entry: &Entry) -> Role {
    if entry.is(CallState::Waiting) { words.role(entry) } else { Role::Base }
}

/// While waiting it runs; afterwards it is how long ago the call was missed or came.
fn waited(words: Words<'_>, entry: &Entry, call: &PhoneDetails) -> Said {
    let (texts, now) = (&words.look.texts, words.now());
    match entry.is(CallState::Waiting) {
        true => dates::length_short(texts, now - entry.opened_at),
        false => dates::age_short(texts, call.missed_at.unwrap_or(entry.opened_at), now),
    }
}

/// The caller while the live data is here, else the exchange's own id of the call.
fn caller(words: Words<'_>, entry: &Entry) -> Said {
    words.caller(entry).unwrap_or_else(|| match entry.live.as_ref().and_then(|live| live.look.as_ref()) {
        Some(look) => look.id.as_deref().map(Said::outside).unwrap_or_default(),
        None => words.look.texts.get(key::COMMON_UNKNOWN),
    })
}

fn facts(words: Words<'_>, entry: &Entry, call: &PhoneDetails) -> Vec<(Key, Said)> {
    let (texts, now) = (&words.look.texts, words.now());
    let clock = |at| dates::near(at, now);
    let mut facts = Vec::new();
    let mut add = |label: Key, value: Option<Said>| facts.extend(value.map(|value| (label, value)));
    add(key::FACT_QUEUE, call.queue.as_ref().map(|id| Said::outside(id.as_str())));
    add(key::FACT_CALL, Some(Said::outside(call.call.as_str())));
    let waited_until = call.answered_at.or(call.missed_at);
    add(key::FACT_WAITED, waited_until.map(|at| dates::length_seconds(texts, at - entry.opened_at)));
    add(key::FACT_ANSWERED, call.answered_at.map(clock));
    add(key::FACT_ANSWERED_BY, call.answered_by.as_ref().map(|name| Said::outside(name.as_str())));
    add(key::FACT_ENDED, call.ended_at.map(clock));
    add(key::FACT_MISSED, call.missed_at.map(clock));
    add(key::FACT_REASON, call.reason.as_ref().map(|code| words.code("missed", code)));
    add(key::FACT_ATTEMPTS, (call.attempts > 0).then(|| Said::number(i64::from(call.attempts))));
    add(key::FACT_PROMISE, call.promise_at.map(clock));
    let later = call.answered_later.and_then(|id| words.model.entry(id));
    add(
        key::FACT_ANSWERED_LATER,
        call.answered_later
            .map(|_| later.map_or_else(|| texts.get(key::COMMON_YES), |entry| words.name(entry))),
    );
    add(key::FACT_DOCUMENTED, call.documented.then(|| texts.get(key::COMMON_YES)));
    add(key::FACT_RANK, Some(words.code("rank", call.rank)));
    facts
}
