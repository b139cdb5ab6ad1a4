//! Frister: a duty, and what it is about.

use super::super::action::Place;
use super::super::paint::Pieces;
use super::super::words::Words;
use super::{ByHand, Listed, deadlines};
use crate::i18n::{Key, Said, dates, key};
use crate::protocol::actions::opening_a_notice;
use crate::protocol::boards::is_of_citizens;
use crate::protocol::entry::DutyDetails;
use crate::protocol::vocabulary::DutyKind;
use crate::protocol::{Board, Entry, EntryId};

/// What the municipality is told at once of no entry on the board.
pub const BY_HAND: ByHand = ByHand {
    board: Board::Duties,
    form: opening_a_notice,
    is_meant: |model| model.chosen().is_none_or(|entry| !is_of_citizens(entry.board())),
};

impl Listed for DutyDetails {
    fn place(&self) -> Place {
        Place::Duties
    }

    fn cells(&self, words: Words<'_>, entry: &Entry, _: Place) -> Vec<Pieces> {
        deadlines::row(words, entry, what(words, self))
    }

    fn facts(&self, words: Words<'_>, _: &Entry) -> Vec<(Key, Said)> {
        facts(words, self)
    }

    fn about(&self) -> Option<EntryId> {
        self.about
    }

    fn outcome(&self, words: Words<'_>) -> Said {
        words.code("duty", self.duty)
    }
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

fn facts(words: Words<'_>, duty: &DutyDetails) -> Vec<(Key, Said)> {
    let clause = duty.clause.as_ref().map(|it| words.clause_said(it)).unwrap_or_default();
    let mut facts = vec![(key::FACT_DUTY, named(words, duty).join(", ", &clause))];
    let mut add = |label: Key, value: Option<Said>| facts.extend(value.map(|value| (label, value)));
    let number = |number: u32| words.look.texts.with(key::COMMON_NUMBER, &[("number", number.into())]);
    let about = duty.about_number.map(number).map(|number| {
        let board = duty.about_board.map(|board| words.code("board", board.name())).unwrap_or_default();
        let since = duty.about_since.map(|at| dates::near(at, words.now())).unwrap_or_default();
        board.join(" · ", &number).join(" · ", &since)
    });
    add(key::FACT_ABOUT, about);
    add(key::FACT_OWNER, duty.owner.as_ref().map(|name| Said::outside(name.as_str())));
    add(key::FACT_POSTPONED, (duty.postponed > 0).then(|| Said::number(i64::from(duty.postponed))));
    add(key::FACT_REFERENCE, duty.reference.as_deref().map(Said::outside));
    let told_to = duty.told_to.as_ref().map(|code| words.code("told-to", code));
    add(key::FACT_TOLD_TO, told_to);
    add(key::FACT_ENDED, duty.done_at.map(|at| dates::near(at, words.now())));
    facts
}
