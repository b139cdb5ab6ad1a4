//! Besøg: what was agreed, how far off it is, and whether the citizen knows.

use super::super::paint::{Column, Piece, Pieces};
use super::super::words::Words;
use super::{discharges, plain};
use crate::i18n::{Key, Said, dates, key};
use crate::protocol::Entry;
use crate::protocol::entry::VisitDetails;

pub fn columns(words: Words<'_>) -> Vec<Column> {
    vec![
        plain::mark(words),
        plain::number(words),
        plain::state(words),
        plain::column(words, key::COLUMN_AGREED, 11, 0, 0),
        plain::column(words, key::COLUMN_OFF, 5, 0, 0),
        plain::column(words, key::COLUMN_CITIZEN, 9, 3, 0),
        plain::column(words, key::COLUMN_HELP, 9, 2, 2),
        plain::holder(words),
        plain::agreement(words),
        plain::column(words, key::COLUMN_NEXT, 12, 1, 0),
    ]
}

pub fn cells(words: Words<'_>, entry: &Entry, visit: &VisitDetails) -> Vec<Pieces> {
    let agreed = visit.agreed_at.map(|at| dates::near(at, words.now())).unwrap_or_default();
    vec![
        plain::mark_cell(words, entry),
        plain::one(words.number(entry)),
        plain::state_cell(words, entry),
        plain::one(agreed),
        vec![Piece::new(off(visit), words.role(entry))],
        plain::one(words.citizen_or_id(entry)),
        plain::one(visit.help.as_ref().map(|code| words.code("help", code)).unwrap_or_default()),
        plain::holder_cell(words, entry),
        plain::one(words.agreement_of(entry)),
        plain::one(words.next(entry)),
    ]
}

/// `+35` minutes late, `-40` early.
fn off(visit: &VisitDetails) -> Said {
    let Some(minutes) = visit.minutes else { return Said::default() };
    let sign = if visit.side.as_deref() == Some("early") { "-" } else { "+" };
    Said::fixed(sign).join("", &Said::number(minutes.abs()))
}

pub fn facts(words: Words<'_>, visit: &VisitDetails) -> Vec<(Key, Said)> {
    let texts = &words.look.texts;
    let clock = |at| dates::near(at, words.now());
    let yes_no = |yes: bool| texts.get(if yes { key::COMMON_YES } else { key::COMMON_NO });
    let clause = |clause: &Option<String>| clause.as_deref().map(|clause| words.clause_said(clause));
    let mut facts = Vec::new();
    let mut add = |label: Key, value: Option<Said>| facts.extend(value.map(|value| (label, value)));
    let help = visit.help.as_ref().map(|code| {
        let grant = visit.grant.as_ref().map(|code| words.code("grant", code));
        words.code("help", code).join(" · ", &grant.unwrap_or_default())
    });
    add(key::COLUMN_HELP, help);
    let agreed = visit.agreed_at.map(|at| {
        let first = visit
            .first_agreed_at
            .map(|at| texts.with(key::FACT_FIRST_AGREED, &[("clock", clock(at).into())]));
        clock(at).join(" · ", &first.unwrap_or_default())
    });
    add(key::COLUMN_AGREED, agreed);
    let window = visit.window_from.as_deref().zip(visit.window_to.as_deref());
    add(key::FACT_WINDOW, window.map(|(from, to)| Said::outside(from).join("–", &Said::outside(to))));
    add(key::FACT_EXPECTED, visit.expected_at.map(clock));
    add(key::FACT_STARTED, visit.started_at.map(clock));
    add(key::FACT_ENDED, visit.done_at.map(clock));
    let deviation = visit.minutes.map(|_| {
        let side = visit.side.as_ref().map(|code| words.code("side", code));
        let minutes =
            texts.with(key::DATE_MINUTES, &[("minutes", visit.minutes.unwrap_or_default().abs().into())]);
        let limit = visit
            .limit_minutes
            .map(|limit| texts.with(key::FACT_LIMIT, &[("minutes", limit.into())]))
            .unwrap_or_default();
        minutes.join(" ", &side.unwrap_or_default()).join(" · ", &limit)
    });
    add(key::COLUMN_OFF, deviation);
    let contacted = visit.contacted_at.map(|at| {
        let reached = visit.reached.map(|reached| texts.get(key::FIELD_REACHED).join(": ", &yes_no(reached)));
        clock(at).join(" · ", &reached.unwrap_or_default())
    });
    add(key::FACT_CONTACTED, contacted);
    add(key::FACT_ATTEMPTS, (visit.tries > 1).then(|| Said::number(i64::from(visit.tries))));
    for moved in &visit.moves {
        let said = clock(moved.from)
            .join(" → ", &clock(moved.to))
            .join(" · ", &words.code("party", &moved.asked_by));
        add(key::FACT_MOVED, Some(said));
    }
    let cancelled = visit.cancelled_at.map(|at| {
        let by = visit.cancelled_by.as_ref().map(|code| words.code("party", code)).unwrap_or_default();
        let in_time = visit
            .cancelled_in_time
            .map(|in_time| texts.get(if in_time { key::FACT_IN_TIME } else { key::FACT_NOT_IN_TIME }));
        clock(visit.cancellation_told_at.unwrap_or(at))
            .join(" · ", &by)
            .join(" · ", &in_time.unwrap_or_default())
    });
    add(key::FACT_CANCELLED, cancelled);
    add(key::FACT_REPLACEMENT, visit.replacement.as_ref().map(|code| words.code("replacement", code)));
    add(key::FACT_REPLACED, visit.replaced_at.map(clock));
    if let Some(door) = &visit.door {
        add(key::FACT_DOOR, Some(clock(door.since)));
        add(key::FACT_STEPS, (!door.steps.is_empty()).then(|| discharges::steps(words, &door.steps)));
        add(key::FACT_RULE, clause(&door.clause));
        add(key::FACT_OUTCOME, door.outcome.as_ref().map(|code| words.code("door-outcome", code.as_str())));
    }
    add(key::FACT_HALTED, visit.halted.as_ref().map(|code| words.code("halt", code)));
    add(key::FACT_NO_RECEIPT, visit.no_receipt.then(|| texts.get(key::COMMON_YES)));
    add(key::FACT_AGAINST, clause(&visit.against_contract));
    add(key::FACT_HOLIDAY, clause(&visit.holiday_clause));
    facts
}
