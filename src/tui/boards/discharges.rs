//! Udskrivninger: where the citizen is or when they come home, who said so, how far the list has got.

use super::super::action::Place;
use super::super::paint::{Column, Piece, Pieces};
use super::super::words::Words;
use super::{ByHand, Listed, plain};
use crate::i18n::{Key, Said, dates, key};
use crate::protocol::actions::opening_a_stay;
use crate::protocol::entry::{DischargeDetails, Step};
use crate::protocol::vocabulary::StayState;
use crate::protocol::{Board, Entry};

/// Told on the telephone.
pub const BY_HAND: ByHand = ByHand {
    board: Board::Discharges,
    form: opening_a_stay,
    is_meant: |model| model.place == Place::Discharges,
};

pub fn columns(words: Words<'_>) -> Vec<Column> {
    vec![
        plain::mark(words),
        plain::number(words),
        plain::column(words, key::COLUMN_STATE, 13, 1, 0),
        plain::column(words, key::COLUMN_SINCE, 9, 0, 0),
        plain::column(words, key::COLUMN_TOLD_BY, 10, 1, 4),
        plain::column(words, key::COLUMN_READY, 6, 0, 0),
        plain::column(words, key::COLUMN_CITIZEN, 9, 2, 1),
        plain::holder(words),
        plain::agreement(words),
        plain::next(words),
    ]
}

impl Listed for DischargeDetails {
    fn place(&self) -> Place {
        Place::Discharges
    }

    fn cells(&self, words: Words<'_>, entry: &Entry, _: Place) -> Vec<Pieces> {
        cells(words, entry, self)
    }

    fn facts(&self, words: Words<'_>, _: &Entry) -> Vec<(Key, Said)> {
        facts(words, self)
    }

    fn outcome(&self, words: Words<'_>) -> Said {
        self.stop_reason.map(|code| words.code("stop", code)).unwrap_or_default()
    }

    fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Help begins again although not all is ready at home.
    fn warnings(&self, words: Words<'_>, _: &Entry, verb: &str) -> Vec<Said> {
        let missing = (verb == "resume").then(|| steps(words, to_come_home(self)).1).flatten();
        let label = words.look.texts.get(key::FACT_STEPS_MISSING);
        missing.map(|missing| label.join(": ", &missing)).into_iter().collect()
    }

    /// Somebody comes home, and not all of the resume list is done.
    fn asks_before(&self, entry: &Entry, verb: &str) -> bool {
        let comes_home = entry.is(StayState::Discharged) || entry.is(StayState::DischargeExpected);
        verb == "resume" && comes_home && self.steps.iter().any(|step| step.done_at.is_none())
    }

    fn opened_label(&self) -> Key {
        key::DETAIL_KNOWN
    }
}

fn cells(words: Words<'_>, entry: &Entry, stay: &DischargeDetails) -> Vec<Pieces> {
    vec![
        plain::mark_cell(words, entry),
        plain::one(words.number(entry)),
        state(words, entry, stay),
        vec![since(words, entry, stay)],
        plain::one(told_by(words, stay)),
        plain::one(progress(words, to_come_home(stay))),
        plain::one(words.citizen_or_id(entry)),
        plain::holder_cell(words, entry),
        plain::one(words.agreement_of(entry)),
        plain::one(words.next(entry)),
    ]
}

/// Where the citizen is, unless help runs for somebody who is not at home: that comes first.
fn state(words: Words<'_>, entry: &Entry, stay: &DischargeDetails) -> Pieces {
    match &stay.upset {
        Some(upset) if !words.is_unstored(entry) => {
            vec![Piece::new(words.code("upset-short", upset), words.role(entry))]
        }
        _ => plain::state_cell(words, entry),
    }
}

/// How long it has been so, or when the citizen is expected home.
fn since(words: Words<'_>, entry: &Entry, stay: &DischargeDetails) -> Piece {
    let is_awaited = entry.is(StayState::DischargeExpected) && stay.upset.is_none();
    match stay.expected_at.filter(|_| is_awaited) {
        Some(at) => words.limit(Some(at), words.role(entry)),
        None => Piece::plain(words.age(entry)),
    }
}

/// The department that wrote, or that it was told by telephone, or else who said when they come home.
fn told_by(words: Words<'_>, stay: &DischargeDetails) -> Said {
    match (&stay.department, &stay.stay, &stay.expected_told_by) {
        (Some(department), ..) => Said::outside(department.as_str()),
        _ if stay.is_by_our_word() => words.look.texts.get(key::FACT_BY_OUR_WORD),
        (None, None, _) => words.look.texts.get(key::FACT_BY_TELEPHONE),
        (None, Some(_), Some(teller)) => words.code("teller", teller.as_str()),
        (None, Some(_), None) => words.look.texts.get(key::COMMON_UNKNOWN),
    }
}

/// What must be ready at home; nothing for the dead, of whom nobody asks for groceries.
fn to_come_home(stay: &DischargeDetails) -> &[Step] {
    if stay.died_at.is_some() { &[] } else { &stay.steps }
}

/// `3 af 6`
pub(super) fn progress(words: Words<'_>, steps: &[Step]) -> Said {
    if steps.is_empty() {
        return Said::default();
    }
    let done = steps.iter().filter(|step| step.done_at.is_some()).count();
    words.look.texts.with(key::FACT_STEPS, &[("done", done.into()), ("all", steps.len().into())])
}

fn facts(words: Words<'_>, stay: &DischargeDetails) -> Vec<(Key, Said)> {
    let (texts, now) = (&words.look.texts, words.now());
    let clock = |at| dates::near(at, now);
    let mut facts = Vec::new();
    let mut add = |label: Key, value: Option<Said>| facts.extend(value.map(|value| (label, value)));
    let upset = stay.upset.as_ref().map(|code| {
        let at = stay.upset_at.map(clock).unwrap_or_default();
        words.code("why", code).join(" · ", &at)
    });
    add(key::FACT_UPSET, upset);
    let by_hand = || match stay.is_by_our_word() {
        true => texts.get(key::FACT_BY_OUR_WORD),
        false => texts.get(key::FACT_BY_TELEPHONE),
    };
    add(key::FACT_STAY, Some(stay.stay.as_ref().map_or_else(by_hand, |id| Said::outside(id.as_str()))));
    let same = stay
        .may_be_same
        .filter(|id| stay.elsewhere != Some(*id))
        .and_then(|id| words.model.entry(id))
        .map(|other| words.name(other));
    let may_be_same = same.map(|name| texts.with(key::FACT_MAY_BE_SAME_SAYS, &[("name", name.into())]));
    add(key::FACT_MAY_BE_SAME, may_be_same);
    let elsewhere = stay.elsewhere.and_then(|id| words.model.entry(id)).map(|other| words.name(other));
    add(
        key::FACT_ELSEWHERE,
        elsewhere.map(|name| texts.with(key::FACT_ELSEWHERE_SAYS, &[("name", name.into())])),
    );
    add(key::FACT_ODD, stay.odd.then(|| texts.get(key::FACT_ODD_STAY)));
    let kind = if stay.planned { key::FACT_PLANNED } else { key::FACT_ACUTE };
    let admitted = stay.admitted_at.map(|at| {
        let setting = stay.setting.as_ref().map(|code| words.code("setting", code)).unwrap_or_default();
        clock(at).join(", ", &setting).join(", ", &texts.get(kind))
    });
    add(key::FACT_ADMITTED, admitted);
    add(key::FACT_DEPARTMENT, stay.department.as_ref().map(|id| Said::outside(id.as_str())));
    add(key::FACT_ON_LEAVE, stay.leave_since.map(clock));
    let expected = stay.expected_at.map(|at| {
        let by = stay.expected_told_by.as_ref().map(|code| words.code("teller", code));
        let told_at = stay.expected_told_at.map(clock).unwrap_or_default();
        let told = [("who", by.unwrap_or_default().into()), ("clock", told_at.into())];
        clock(at).join(", ", &texts.with(key::FACT_TOLD, &told))
    });
    add(key::FACT_EXPECTED_HOME, expected);
    add(key::FACT_DISCHARGED, stay.discharged_at.map(clock));
    add(key::FACT_DIED, stay.died_at.map(clock));
    add(key::FACT_CORRECTIONS, (stay.corrections > 0).then(|| Said::number(i64::from(stay.corrections))));
    let (done, missing) = steps(words, to_come_home(stay));
    add(key::FACT_STEPS_DONE, done);
    add(key::FACT_STEPS_MISSING, missing);
    add(key::FACT_ASSESSORS, assessors(words, stay));
    add(
        key::FACT_REPORT,
        stay.report_clause.as_ref().map(|it| plain::by_clause(words, key::FACT_REPORT_SAYS, it)),
    );
    let groceries = |it: &String| plain::by_clause(words, key::FACT_GROCERIES_SAYS, it);
    add(key::FACT_GROCERIES, stay.groceries_clause.as_ref().map(groceries));
    add(key::FACT_RESUMED, stay.resumed_at.map(clock));
    let stopped = stay.stopped_at.map(|at| {
        let reason = stay.stop_reason.as_ref().map(|code| words.code("stop", code));
        clock(at).join(", ", &reason.unwrap_or_default())
    });
    add(key::FACT_STOPPED, stopped);
    facts
}

/// Which steps are done, with when, and which are not.
pub(super) fn steps(words: Words<'_>, steps: &[Step]) -> (Option<Said>, Option<Said>) {
    let name = |step: &Step| words.code("step", step.step.as_str());
    let done =
        steps.iter().filter_map(|step| Some(name(step).join(" ", &dates::near(step.done_at?, words.now()))));
    let missing = steps.iter().filter(|step| step.done_at.is_none()).map(name);
    let some = |list: Vec<Said>| (!list.is_empty()).then(|| Said::all(&list, ", "));
    (some(done.collect()), some(missing.collect()))
}

/// Whether the assessors told us of the admission, and what follows for the first day's visits.
fn assessors(words: Words<'_>, stay: &DischargeDetails) -> Option<Said> {
    let texts = &words.look.texts;
    let told = match stay.assessors_told {
        Some(true) => texts.get(key::FACT_ASSESSORS_TOLD),
        Some(false) => texts.get(key::FACT_ASSESSORS_SILENT),
        None if stay.asks_assessors => texts.get(key::FACT_ASSESSORS_ASKED),
        None => return None,
    };
    let wasted = stay.first_day_wasted.filter(|is| *is).map(|_| {
        let count = [("count", stay.first_day_visits.into())];
        let said = texts.with(key::FACT_WASTED, &count);
        match &stay.first_day_clause {
            Some(clause) => said.join(" ", &words.clause_said(clause)),
            None => said,
        }
    });
    Some(told.join("; ", &wasted.unwrap_or_default()))
}
