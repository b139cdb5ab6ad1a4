//! Nødkald: the countdown to the ring-out, the citizen, what was answered; and which alarm rings.
//!
//! A written justification that an alarm owes stands among the deadlines.

use super::super::action::Place;
use super::super::paint::{Column, Pieces};
use super::super::view;
use super::super::words::Words;
use super::{Listed, deadlines, plain};
use crate::i18n::{Key, Said, dates, key};
use crate::protocol::attention::Why;
use crate::protocol::entry::{AlarmDetails, Details, Justification};
use crate::protocol::vocabulary::AlarmState;
use crate::protocol::{DueKind, Entry, Level};

pub fn columns(words: Words<'_>) -> Vec<Column> {
    vec![
        plain::mark(words),
        plain::number(words),
        plain::state(words),
        plain::due(words),
        plain::age(words),
        plain::column(words, key::COLUMN_CITIZEN, 12, 3, 0),
        plain::holder(words),
        plain::agreement(words),
        plain::next(words),
    ]
}

impl Listed for AlarmDetails {
    fn place(&self) -> Place {
        Place::Alarms
    }

    fn also_at(&self, entry: &Entry) -> Option<Place> {
        let is_owed = matches!(
            entry.attention.why,
            Why::JustificationOwed | Why::JustificationBegun | Why::JustificationLate
        );
        is_owed.then_some(Place::Duties)
    }

    fn cells(&self, words: Words<'_>, entry: &Entry, at: Place) -> Vec<Pieces> {
        if at == Place::Duties { justification_cells(words, entry) } else { cells(words, entry, self) }
    }

    fn facts(&self, words: Words<'_>, _: &Entry) -> Vec<(Key, Said)> {
        facts(words, self)
    }

    fn state<'e>(&self, entry: &'e Entry) -> &'e str {
        match entry.state_of() {
            // A technical alarm or a test is no citizen ringing.
            Some(AlarmState::Raised) if self.technical => "technical",
            Some(AlarmState::Raised) if self.test => "test",
            // Not by us: nobody here has it yet.
            Some(AlarmState::Answered) => match (self.talked_at, self.talk_ended_at) {
                (_, Some(_)) => "talk-over",
                (Some(_), None) => "talking-now",
                (None, None) => "answered-at-exchange",
            },
            _ => &entry.state,
        }
    }

    fn outcome(&self, words: Words<'_>) -> Said {
        self.outcome.map(|code| words.code("outcome", code)).unwrap_or_default()
    }

    fn warnings(&self, words: Words<'_>, entry: &Entry, verb: &str) -> Vec<Said> {
        if verb != "redirect" {
            return Vec::new();
        }
        view::cost(words, entry, key::COST_THIS).into_iter().map(|piece| piece.said).collect()
    }

    fn is_of_a_caller(&self) -> bool {
        true
    }
}

/// An alarm of a person that is not over.
pub fn is_person_alarm(entry: &Entry) -> bool {
    matches!(&entry.details, Details::Alarms(alarm) if alarm.is_in_hand())
}

pub fn is_ringing(entry: &Entry) -> bool {
    is_person_alarm(entry)
        && entry.attention.level == Level::Alarm
        && entry.holder.is_none()
        // Somebody talked with the citizen at the exchange: it waits to be taken, it does not ring.
        && !entry.is(AlarmState::Answered)
}

fn justification_cells(words: Words<'_>, entry: &Entry) -> Vec<Pieces> {
    let is_begun = entry.attention.why == Why::JustificationBegun;
    let begun = if is_begun { words.look.texts.get(key::FACT_BEGUN_SHORT) } else { Said::default() };
    deadlines::row(words, entry, words.code("duty", "justification").join(", ", &begun))
}

fn cells(words: Words<'_>, entry: &Entry, alarm: &AlarmDetails) -> Vec<Pieces> {
    let ring_out = entry.due(DueKind::RingOut).map(|due| due.at).or(entry.attention.breach_at);
    vec![
        plain::mark_cell(words, entry),
        plain::one(words.number(entry)),
        plain::state_cell(words, entry),
        vec![words.limit(ring_out, words.role(entry))],
        plain::one(words.age(entry)),
        plain::one(citizen(words, entry, alarm)),
        plain::holder_cell(words, entry),
        plain::one(words.agreement_of(entry)),
        plain::one(words.next(entry)),
    ]
}

/// The citizen while known, else what to look up; pressed several times is said.
fn citizen(words: Words<'_>, entry: &Entry, alarm: &AlarmDetails) -> Said {
    let texts = &words.look.texts;
    let who = words.citizen(entry).unwrap_or_else(|| {
        if alarm.technical {
            texts.get(key::FACT_TECHNICAL)
        } else if alarm.test {
            texts.get(key::FACT_TEST)
        } else {
            let id = entry.citizen.as_ref().map(|id| id.as_str());
            let unit = words.model.live_of(entry).and_then(|live| live.unit.as_ref());
            let device = unit.map(|name| name.as_str()).or(alarm.device.as_ref().map(|id| id.as_str()));
            let queue = alarm.queue.as_ref().map(|id| id.as_str());
            id.or(device).or(queue).map_or_else(|| texts.get(key::COMMON_UNKNOWN), Said::outside)
        }
    });
    if alarm.signals > 1 {
        return who.join(" x", &Said::number(i64::from(alarm.signals)));
    }
    who
}

fn facts(words: Words<'_>, alarm: &AlarmDetails) -> Vec<(Key, Said)> {
    let now = words.now();
    let clock = |at| dates::near(at, now);
    let yes = words.look.texts.get(key::COMMON_YES);
    let mut facts = Vec::new();
    let mut add = |label: Key, value: Option<Said>| facts.extend(value.map(|value| (label, value)));
    add(key::FACT_TRIGGER, alarm.trigger.as_ref().map(|code| words.code("trigger", code)));
    add(key::FACT_DEVICE, alarm.device.as_ref().map(|id| Said::outside(id.as_str())));
    add(key::FACT_TECHNICAL, alarm.technical.then(|| yes.clone()));
    add(key::FACT_TEST, alarm.test.then_some(yes));
    add(key::FACT_SIGNALS, (alarm.signals > 1).then(|| Said::number(i64::from(alarm.signals))));
    add(key::FACT_QUEUE, alarm.queue.as_ref().map(|id| Said::outside(id.as_str())));
    add(key::FACT_ANSWERED, alarm.answered_at.map(clock));
    add(key::FACT_TALKING, alarm.talked_at.filter(|_| alarm.talk_ended_at.is_none()).map(clock));
    add(key::FACT_TALK_ENDED, alarm.talk_ended_at.map(clock));
    let response = alarm.response.as_ref().map(|code| {
        let at = alarm.responded_at.map(clock).unwrap_or_default();
        words.code("response", code).join(" ", &at)
    });
    add(key::FACT_RESPONSE, response);
    add(key::FACT_HELPER, alarm.helper.as_ref().map(|code| words.code("helper", code)));
    add(key::FACT_ARRIVED, alarm.arrived_at.map(clock));
    add(key::FACT_OUTCOME, alarm.outcome.as_ref().map(|code| words.code("outcome", code)));
    add(key::FACT_CLEARED, alarm.cleared_at.map(clock));
    add(key::FACT_PRESENCE, alarm.presence_at.map(clock));
    add(key::FACT_UNANSWERED, alarm.unanswered_at.map(clock));
    let redirected = alarm.redirected_at.map(|at| {
        let to = alarm.redirected_to.as_ref().map(|code| words.code("redirect-to", code));
        clock(at).join(" ", &to.unwrap_or_default())
    });
    add(key::FACT_REDIRECTED, redirected);
    add(key::FACT_CONTESTED, alarm.contested.as_ref().map(|code| words.code("contest", code)));
    add(key::FACT_JUSTIFICATION, alarm.justification.as_ref().map(|it| justification(words, it)));
    facts
}

fn justification(words: Words<'_>, it: &Justification) -> Said {
    let (texts, now) = (&words.look.texts, words.now());
    let clause = it
        .clause
        .as_ref()
        .map(|clause| texts.with(key::COMMON_CLAUSE, &[("clause", Said::outside(clause).into())]));
    let said = match it.sent_at {
        Some(at) => {
            let channel = it.channel.as_ref().map(|code| words.code("channel", code));
            let args =
                [("clock", dates::near(at, now).into()), ("channel", channel.unwrap_or_default().into())];
            let sent = texts.with(key::FACT_JUSTIFICATION_SENT, &args);
            let late = if it.late { texts.get(key::FACT_JUSTIFICATION_LATE) } else { Said::default() };
            let reference = it.reference.as_deref().map(Said::outside).unwrap_or_default();
            sent.join(", ", &reference).join(", ", &late)
        }
        None => {
            let owed =
                texts.with(key::FACT_JUSTIFICATION_OWED, &[("clock", dates::near(it.due_at, now).into())]);
            let begun = it.begun_at.map(|at| {
                let name = it.begun_by.as_ref().map(|name| Said::outside(name.as_str())).unwrap_or_default();
                texts.with(
                    key::FACT_JUSTIFICATION_BEGUN,
                    &[("name", name.into()), ("clock", dates::near(at, now).into())],
                )
            });
            owed.join(", ", &begun.unwrap_or_default())
        }
    };
    said.join(", ", &clause.unwrap_or_default())
}
