//! Frister: a complaint, and what is to become of it.

use super::super::action::Place;
use super::super::paint::Pieces;
use super::super::words::Words;
use super::{ByHand, Listed, deadlines};
use crate::i18n::{Key, Said, dates, key};
use crate::protocol::boards::complaints::{ComplaintDetails, opening_a_complaint};
use crate::protocol::{Board, Entry};

/// Somebody complains: taken down by whoever hears it.
pub const BY_HAND: ByHand =
    ByHand { board: Board::Complaints, form: opening_a_complaint, is_meant: |_| true };

impl Listed for ComplaintDetails {
    fn place(&self) -> Place {
        Place::Duties
    }

    fn cells(&self, words: Words<'_>, entry: &Entry, _: Place) -> Vec<Pieces> {
        deadlines::row(words, entry, named(words, self))
    }

    fn facts(&self, words: Words<'_>, _: &Entry) -> Vec<(Key, Said)> {
        let clause = |it: &Option<String>| it.as_ref().map(|it| words.clause_said(it)).unwrap_or_default();
        let form = words.code("form", self.form);
        let mut facts = vec![(key::FACT_COMPLAINT, words.code("complaint", self.what).join(", ", &form))];
        let mut add = |label: Key, value: Option<Said>| facts.extend(value.map(|value| (label, value)));
        let forwarded = self.forwarded.map(|it| words.code("complaints", it));
        add(key::FACT_COMPLAINT_RULE, forwarded.map(|it| it.join(", ", &clause(&self.clause))));
        let at = self.settled_at.map(|at| dates::near(at, words.now()));
        let outcome = self.outcome.map(|it| words.code("outcome", it));
        add(key::FACT_COMPLAINT_SETTLED, outcome.zip(at).map(|(outcome, at)| outcome.join(" ", &at)));
        add(key::FACT_REFERENCE, self.reference.as_deref().map(Said::outside));
        let against = self.against_contract.as_ref().map(|it| words.clause_said(it));
        add(key::FACT_COMPLAINT_AGAINST, against);
        facts
    }

    /// It goes on in writing.
    fn is_rung_about(&self) -> bool {
        false
    }

    fn outcome(&self, words: Words<'_>) -> Said {
        self.outcome.map(|it| words.code("outcome", it)).unwrap_or_default()
    }
}

fn named(words: Words<'_>, complaint: &ComplaintDetails) -> Said {
    words.look.texts.get(key::COMPLAINT_OF).join(" ", &words.code("complaint", complaint.what))
}
