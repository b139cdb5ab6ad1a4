//! Besøg: the agreed time, how far off it is, what kind of help, whether the citizen knows.

use super::super::action::Place;
use super::super::paint::{Column, Piece, Pieces};
use super::super::words::Words;
use super::{Listed, discharges, plain};
use crate::i18n::{Key, Said, dates, key};
use crate::protocol::attention::Next;
use crate::protocol::entry::{DoorDetails, Step, VisitDetails, VisitMove};
use crate::protocol::vocabulary::{Canceller, Standing, VisitState};
use crate::protocol::{Entry, Level};
use crate::theme::Role;

pub fn columns(words: Words<'_>) -> Vec<Column> {
    vec![
        plain::mark(words),
        plain::number(words),
        plain::column(words, key::COLUMN_AGREED, 9, 0, 0),
        plain::column(words, key::COLUMN_STATE, 18, 1, 0),
        plain::column(words, key::COLUMN_HELP, 8, 1, 1),
        plain::column(words, key::COLUMN_CONTACT, 10, 1, 0),
        plain::column(words, key::COLUMN_CITIZEN, 9, 2, 2),
        Column { gives_way: 3, ..plain::holder(words) },
        plain::agreement(words),
        plain::column(words, key::COLUMN_NEXT, 11, 3, 0),
    ]
}

impl Listed for VisitDetails {
    fn place(&self) -> Place {
        Place::Visits
    }

    /// A visit as planned, or one that stands still, is nothing to look at before it slips.
    fn is_on_overview(&self, entry: &Entry) -> bool {
        entry.attention.level != Level::None
    }

    fn cells(&self, words: Words<'_>, entry: &Entry, _: Place) -> Vec<Pieces> {
        cells(words, entry, self)
    }

    fn facts(&self, words: Words<'_>, entry: &Entry) -> Vec<(Key, Said)> {
        facts(words, entry, self)
    }

    fn outcome(&self, words: Words<'_>) -> Said {
        self.help.map(|code| words.code("help", code)).unwrap_or_default()
    }

    fn steps(&self) -> &[Step] {
        self.door.as_ref().map_or(&[], |door| &door.steps)
    }

    fn searched_as(&self) -> Option<&str> {
        Some(self.visit.as_str())
    }

    fn opened_label(&self) -> Key {
        key::DETAIL_KNOWN
    }
}

fn cells(words: Words<'_>, entry: &Entry, visit: &VisitDetails) -> Vec<Pieces> {
    let help = visit.help.as_ref().map(|code| words.code("help-short", code)).unwrap_or_default();
    vec![
        plain::mark_cell(words, entry),
        plain::one(if entry.is_spoken_of() { words.number(entry) } else { Said::default() }),
        plain::one(agreed(words, visit)),
        state(words, entry, visit),
        plain::one(help),
        vec![contact(words, entry, visit)],
        plain::one(words.citizen_or_id(entry)),
        plain::holder_cell(words, entry),
        plain::one(words.agreement_of(entry)),
        plain::one(words.next(entry)),
    ]
}

/// The clock today, with the weekday on another.
fn agreed(words: Words<'_>, visit: &VisitDetails) -> Said {
    visit.agreed_at.map(|at| dates::clock_or_day(&words.look.texts, at, words.now())).unwrap_or_default()
}

/// `34 min forsinket`, a closed door with its steps, a move with the clause against it: what matters most about it.
fn state(words: Words<'_>, entry: &Entry, visit: &VisitDetails) -> Pieces {
    let texts = &words.look.texts;
    if words.is_unstored(entry) {
        return plain::state_cell(words, entry);
    }
    if let Some(why) = visit.halted.as_ref().filter(|_| entry.is(VisitState::Planned)) {
        let why = [("why", words.code("halt", why).into())];
        return vec![Piece::new(texts.with(key::FACT_HALTED_SHORT, &why), words.role(entry))];
    }
    let state = words.state(entry);
    // How late it is comes before the interval that it leaves.
    let outside = visit.expected_outside.as_ref().filter(|_| entry.is(VisitState::Planned));
    let clause = visit.against_contract.as_ref().or(outside);
    let said = match (entry.state_of::<VisitState>(), &visit.door, clause) {
        (Some(VisitState::DoorUnanswered), Some(door), _) => {
            state.join(" ", &discharges::progress(words, &door.steps))
        }
        (now, _, Some(clause)) => {
            // Whether the citizen knows has a column of its own.
            let state = if now == Some(VisitState::Contacted) {
                words.code("state", VisitState::Moved)
            } else {
                state
            };
            let args = [("state", state.into()), ("clause", Said::outside(clause).into())];
            texts.with(key::FACT_AGAINST_SHORT, &args)
        }
        (Some(VisitState::Cancelled), ..) if visit.replacement == Some(Standing::Owed) => {
            texts.get(key::FACT_OWES)
        }
        (Some(VisitState::Late | VisitState::Early | VisitState::Contacted | VisitState::NotReached), ..) => {
            deviation(words, visit).unwrap_or(state)
        }
        _ => state,
    };
    vec![Piece::new(said, words.role(entry))]
}

fn deviation(words: Words<'_>, visit: &VisitDetails) -> Option<Said> {
    let minutes = [("minutes", visit.minutes_off(words.now())?.into())];
    Some(words.look.texts.code_with("off", visit.side.as_ref()?, &minutes))
}

/// Whether the citizen knows. A pending change shows here too: the holder's column gives way first.
fn contact(words: Words<'_>, entry: &Entry, visit: &VisitDetails) -> Piece {
    let texts = &words.look.texts;
    if words.model.is_pending(entry.id) {
        return Piece::new(texts.get(key::COMMON_PENDING), Role::Pending);
    }
    let is_owed = entry.attention.next == Next::Contact;
    match visit.contacted_at {
        Some(at) => Piece::plain(contacted(words, visit, dates::near(at, words.now()))),
        None if is_owed => match &entry.holder {
            Some(_) => {
                let name = [("name", words.holder(entry).into())];
                Piece::plain(texts.with(key::FACT_WITH, &name))
            }
            None => Piece::new(texts.get(key::COMMON_NO), words.role(entry)),
        },
        None => Piece::plain(Said::default()),
    }
}

fn contacted(words: Words<'_>, visit: &VisitDetails, clock: Said) -> Said {
    let texts = &words.look.texts;
    match visit.reached {
        Some(true) => texts.with(key::FACT_REACHED, &[("clock", clock.into())]),
        _ => texts.with(key::FACT_TRIES, &[("count", visit.tries.into())]),
    }
}

fn facts(words: Words<'_>, entry: &Entry, visit: &VisitDetails) -> Vec<(Key, Said)> {
    let (texts, now) = (&words.look.texts, words.now());
    let clock = |at| dates::near(at, now);
    let mut facts = Vec::new();
    let mut add = |label: Key, value: Option<Said>| facts.extend(value.map(|value| (label, value)));
    let against = |it: &String| plain::by_clause(words, key::FACT_AGAINST_SAYS, it);
    add(key::FACT_AGAINST, visit.against_contract.as_ref().or(visit.expected_outside.as_ref()).map(against));
    add(key::FACT_OFF, deviation(words, visit).map(|said| said.join(", ", &limit(words, visit))));
    add(key::FACT_AGREED, visit.agreed_at.map(|at| clock(at).join(", ", &window(words, visit))));
    add(key::FACT_EXPECTED, visit.expected_at.map(clock));
    add(key::FACT_STARTED, visit.started_at.map(clock));
    add(key::FACT_RECEIPTED, visit.done_at.map(clock));
    add(key::FACT_NO_RECEIPT, visit.no_receipt.then(|| texts.get(key::COMMON_YES)));
    let grant = visit.grant.as_ref().map(|code| words.code("grant", code)).unwrap_or_default();
    add(key::FACT_HELP, visit.help.as_ref().map(|code| words.code("help", code).join(", ", &grant)));
    let knows = match visit.contacted_at {
        Some(at) => Some(contacted(words, visit, clock(at))),
        None => (entry.attention.next == Next::Contact).then(|| texts.get(key::FACT_NOT_RUNG)),
    };
    add(key::FACT_CONTACT, knows);
    for moved in &visit.moves {
        add(key::FACT_MOVED, Some(one_move(words, moved)));
    }
    add(key::FACT_CANCELLED, cancellation(words, visit));
    add(key::FACT_REPLACEMENT, visit.replacement.as_ref().map(|code| words.code("replacement", code)));
    add(key::FACT_REPLACED, visit.replaced_at.map(clock));
    add(key::FACT_HALTED, visit.halted.as_ref().map(|code| words.code("halt", code)));
    let holiday = |it: &String| plain::by_clause(words, key::FACT_HOLIDAY_SAYS, it);
    add(key::FACT_HOLIDAY, visit.holiday_clause.as_ref().map(holiday));
    if let Some(door) = &visit.door {
        facts.extend(at_the_door(words, door));
    }
    facts
}

/// From how far off the citizen must be told.
fn limit(words: Words<'_>, visit: &VisitDetails) -> Said {
    let said = visit
        .limit_minutes
        .map(|minutes| words.look.texts.with(key::FACT_LIMIT, &[("minutes", minutes.into())]));
    said.unwrap_or_default()
}

fn window(words: Words<'_>, visit: &VisitDetails) -> Said {
    match (&visit.window_from, &visit.window_to) {
        (Some(from), Some(to)) => {
            let between = [("from", Said::outside(from).into()), ("to", Said::outside(to).into())];
            words.look.texts.with(key::FACT_WINDOW, &between)
        }
        _ => Said::default(),
    }
}

fn one_move(words: Words<'_>, moved: &VisitMove) -> Said {
    let clock = |at| dates::near(at, words.now());
    let args = [
        ("from", clock(moved.from).into()),
        ("to", clock(moved.to).into()),
        ("who", words.code("party", moved.asked_by).into()),
        ("clock", clock(moved.at).into()),
    ];
    words.look.texts.with(key::FACT_MOVE, &args)
}

fn cancellation(words: Words<'_>, visit: &VisitDetails) -> Option<Said> {
    let texts = &words.look.texts;
    if visit.cancelled_by == Some(Canceller::Withdrawn) {
        let clock = dates::near(visit.cancelled_at?, words.now());
        return Some(texts.with(key::FACT_WITHDRAWN, &[("clock", clock.into())]));
    }
    let by = visit.cancelled_by.as_ref().map(|code| words.code("party", code)).unwrap_or_default();
    let told_at = visit.cancellation_told_at.or(visit.cancelled_at)?;
    let said = texts.with(
        key::FACT_CANCELLED_BY,
        &[("who", by.into()), ("clock", dates::near(told_at, words.now()).into())],
    );
    let in_time = visit.cancelled_in_time.map(|it| if it { key::FACT_IN_TIME } else { key::FACT_TOO_LATE });
    Some(said.join(", ", &in_time.map(|it| texts.get(it)).unwrap_or_default()))
}

/// Since when, by which clause, which steps are done and how it turned out.
fn at_the_door(words: Words<'_>, door: &DoorDetails) -> Vec<(Key, Said)> {
    let clock = |at| dates::near(at, words.now());
    let clause = door.clause.as_ref().map(|it| words.clause_said(it)).unwrap_or_default();
    let mut facts = vec![(key::FACT_DOOR, clock(door.since).join(" ", &clause))];
    let (done, missing) = discharges::steps(words, &door.steps);
    facts.extend(done.map(|it| (key::FACT_STEPS_DONE, it)));
    facts.extend(missing.filter(|_| door.outcome.is_none()).map(|it| (key::FACT_STEPS_MISSING, it)));
    let outcome = door.outcome.as_ref().map(|code| {
        words.code("door-outcome", code).join(" ", &door.closed_at.map(clock).unwrap_or_default())
    });
    facts.extend(outcome.map(|it| (key::FACT_OUTCOME, it)));
    facts.extend(door.skipped.map(|code| (key::FACT_SKIPPED, words.code("door-skipped", code))));
    let instruction = door.instruction.as_ref().filter(|_| door.outcome.is_none());
    facts.extend(instruction.map(|it| (key::FACT_INSTRUCTION, Said::outside(it))));
    facts
}
