//! Udskrivninger: who is in hospital, who comes home when, and how far the list has come.

use super::super::paint::{Column, Pieces};
use super::super::words::Words;
use super::plain;
use crate::i18n::{Key, Said, dates, key};
use crate::protocol::Entry;
use crate::protocol::entry::{DischargeDetails, Step};

pub fn columns(words: Words<'_>) -> Vec<Column> {
    vec![
        plain::mark(words),
        plain::number(words),
        plain::state(words),
        plain::due(words),
        plain::column(words, key::COLUMN_CITIZEN, 12, 3, 0),
        plain::column(words, key::COLUMN_STEPS, 4, 0, 2),
        plain::holder(words),
        plain::agreement(words),
        plain::column(words, key::COLUMN_NEXT, 12, 1, 0),
    ]
}

pub fn cells(words: Words<'_>, entry: &Entry, stay: &DischargeDetails) -> Vec<Pieces> {
    vec![
        plain::mark_cell(words, entry),
        plain::one(words.number(entry)),
        plain::state_cell(words, entry),
        vec![words.due(entry)],
        plain::one(words.citizen_or_id(entry)),
        plain::one(progress(&stay.steps)),
        plain::holder_cell(words, entry),
        plain::one(words.agreement_of(entry)),
        plain::one(words.next(entry)),
    ]
}

/// `2/6`; nothing where there is no list.
fn progress(steps: &[Step]) -> Said {
    if steps.is_empty() {
        return Said::default();
    }
    let count = |count: usize| Said::number(i64::try_from(count).unwrap_or(i64::MAX));
    count(steps.iter().filter(|step| step.done_at.is_some()).count()).join("/", &count(steps.len()))
}

/// The steps in their order, a line each, the done ones with their time.
pub fn steps(words: Words<'_>, steps: &[Step]) -> Said {
    let said: Vec<Said> = steps
        .iter()
        .map(|step| {
            let mark = if step.done_at.is_some() { "(x)" } else { "( )" };
            let clock = step.done_at.map(|at| dates::near(at, words.now())).unwrap_or_default();
            Said::fixed(mark).join(" ", &words.code("step", step.step.as_str())).join(" ", &clock)
        })
        .collect();
    Said::all(&said, "\n")
}

pub fn facts(words: Words<'_>, stay: &DischargeDetails) -> Vec<(Key, Said)> {
    let texts = &words.look.texts;
    let clock = |at| dates::near(at, words.now());
    let yes_no = |yes: bool| texts.get(if yes { key::COMMON_YES } else { key::COMMON_NO });
    let mut facts = Vec::new();
    let mut add = |label: Key, value: Option<Said>| facts.extend(value.map(|value| (label, value)));
    add(key::FACT_UPSET, stay.upset.as_ref().map(|code| words.code("why", code)));
    let expected = stay.expected_at.map(|at| {
        let teller = stay.expected_told_by.as_ref().map(|code| words.code("teller", code.as_str()));
        let told = stay.expected_told_at.map(clock).unwrap_or_default();
        clock(at).join(" · ", &teller.unwrap_or_default().join(" ", &told))
    });
    add(key::FACT_EXPECTED_HOME, expected);
    add(key::FACT_ADMITTED, stay.admitted_at.map(clock));
    let setting = stay.setting.as_ref().map(|code| {
        let planned = if stay.planned { texts.get(key::FACT_PLANNED) } else { texts.get(key::FACT_ACUTE) };
        words.code("setting", code).join(" · ", &planned)
    });
    add(key::FACT_SETTING, setting);
    add(key::FACT_DEPARTMENT, stay.department.as_ref().map(|id| Said::outside(id.as_str())));
    add(key::FACT_LEAVE, stay.leave_since.map(clock));
    add(key::FACT_DISCHARGED, stay.discharged_at.map(clock));
    add(key::FACT_DIED, stay.died_at.map(clock));
    add(key::FACT_STEPS, (!stay.steps.is_empty()).then(|| steps(words, &stay.steps)));
    add(key::FACT_ASSESSORS_TOLD, stay.assessors_told.map(yes_no));
    let first_day = stay.first_day_wasted.map(|wasted| {
        let visits = Said::number(i64::from(stay.first_day_visits));
        let count = if wasted { visits } else { Said::default() };
        let clause = stay.first_day_clause.as_deref().map(|clause| words.clause_said(clause));
        yes_no(wasted).join(" · ", &count).join(" · ", &clause.unwrap_or_default())
    });
    add(key::FACT_FIRST_DAY, first_day);
    add(key::FACT_REPORT, stay.report_clause.as_deref().map(|clause| words.clause_said(clause)));
    add(key::FACT_GROCERIES, stay.groceries_clause.as_deref().map(|clause| words.clause_said(clause)));
    add(key::FACT_RESUMED, stay.resumed_at.map(clock));
    let stopped = stay.stopped_at.map(|at| {
        let reason = stay.stop_reason.as_ref().map(|code| words.code("stop", code.as_str()));
        clock(at).join(" · ", &reason.unwrap_or_default())
    });
    add(key::FACT_STOPPED, stopped);
    add(key::FACT_CORRECTIONS, (stay.corrections > 0).then(|| Said::number(i64::from(stay.corrections))));
    facts
}
