//! Frister: what must be done by somebody, apart from a call or an alarm.

use super::super::paint::{Column, Piece, Pieces};
use super::super::words::Words;
use super::plain;
use crate::i18n::{Key, Said, dates, key};
use crate::protocol::Entry;
use crate::protocol::attention::Why;
use crate::protocol::entry::DutyDetails;
use crate::protocol::vocabulary::DutyKind;
use crate::theme::Role;

pub fn columns(words: Words<'_>) -> Vec<Column> {
    vec![
        plain::mark(words),
        plain::number(words),
        plain::column(words, key::COLUMN_WHAT, 18, 3, 0),
        plain::due(words),
        plain::holder(words),
        plain::agreement(words),
        plain::column(words, key::COLUMN_NEXT, 10, 1, 0),
    ]
}

pub fn cells(words: Words<'_>, entry: &Entry, duty: &DutyDetails) -> Vec<Pieces> {
    row(words, entry, what(words, duty))
}

/// No state and no age: what stands here is open, and what counts of a deadline is when it falls.
fn row(words: Words<'_>, entry: &Entry, what: Said) -> Vec<Pieces> {
    let role = if words.is_unstored(entry) { Role::LinkDown } else { words.role(entry) };
    vec![
        plain::mark_cell(words, entry),
        plain::one(words.number(entry)),
        vec![Piece::new(what, role)],
        vec![words.due(entry)],
        plain::holder_cell(words, entry),
        plain::one(words.agreement_of(entry)),
        plain::one(words.next(entry)),
    ]
}

/// A written justification that an alarm owes stands among the deadlines.
pub fn justification_cells(words: Words<'_>, entry: &Entry) -> Vec<Pieces> {
    let is_begun = entry.attention.why == Why::JustificationBegun;
    let begun = if is_begun { words.look.texts.get(key::FACT_BEGUN_SHORT) } else { Said::default() };
    row(words, entry, words.code("duty", "justification").join(", ", &begun))
}

fn what(words: Words<'_>, duty: &DutyDetails) -> Said {
    let about = duty
        .about_number
        .map(|number| words.look.texts.with(key::COMMON_NUMBER, &[("number", number.into())]));
    named(words, duty).join(" · ", &about.unwrap_or_default())
}

/// The duty, and of what or for which help it is.
fn named(words: Words<'_>, duty: &DutyDetails) -> Said {
    let matter = duty.matter.as_ref().map(|code| words.code("matter", code));
    let help = duty.help.as_ref().filter(|_| duty.duty == DutyKind::AgreeTime);
    let of = matter.or_else(|| help.map(|code| words.code("help-short", code)));
    words.code("duty", duty.duty).join(" ", &of.unwrap_or_default())
}

pub fn facts(words: Words<'_>, duty: &DutyDetails) -> Vec<(Key, Said)> {
    let clause = duty.clause.as_ref().map(|it| words.clause_said(it)).unwrap_or_default();
    let mut facts = vec![(key::FACT_DUTY, named(words, duty).join(", ", &clause))];
    let mut add = |label: Key, value: Option<Said>| facts.extend(value.map(|value| (label, value)));
    let about = duty.about.and_then(|id| words.model.entry(id)).map(|entry| words.name(entry));
    let number = || {
        duty.about_number
            .map(|number| words.look.texts.with(key::COMMON_NUMBER, &[("number", number.into())]))
    };
    add(key::FACT_ABOUT, about.or_else(number));
    add(key::FACT_OWNER, duty.owner.as_ref().map(|name| Said::outside(name.as_str())));
    add(key::FACT_POSTPONED, (duty.postponed > 0).then(|| Said::number(i64::from(duty.postponed))));
    add(key::FACT_REFERENCE, duty.reference.as_deref().map(Said::outside));
    let told_to = duty.told_to.as_ref().map(|code| words.code("told-to", code));
    add(key::FACT_TOLD_TO, told_to);
    add(key::FACT_ENDED, duty.done_at.map(|at| dates::near(at, words.now())));
    facts
}
