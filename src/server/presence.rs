//! Presence: whether anybody listens. Each agreement's desks are watched as a source is: a seat whose desk confirms that
//! its terminal takes what it draws, of somebody who may act, is being heard.
//!
//! Owns whose seats count, and how long a confirmation holds. An open stream is no presence: a frozen desk keeps it open.
//! Must never know what is done when nobody listens (that is the engine's supervision and the escalation).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::Instant;

use crate::clock;
use crate::domain::State;
use crate::domain::agreement::{Agreement, value_of};
use crate::domain::identity::{AgreementId, Code, Key, PersonName, SourceName};
use crate::engine::Engine;
use crate::engine::health::DESKS;
use crate::protocol::seat::{EMPTY_AFTER_SECONDS, SeatReport};

/// Desks that one person may have open and are told apart; one more makes the oldest be forgotten.
const DESKS_OF_ONE_MAX: usize = 8;
const EMPTY_AFTER: Duration = Duration::from_secs(EMPTY_AFTER_SECONDS);

/// Who has confirmed when, on steady time: whoever sets a clock makes nobody present. Cheap to clone.
#[derive(Clone, Default)]
pub struct Seats(Arc<Mutex<HashMap<PersonName, Vec<Seat>>>>);

struct Seat {
    desk: Key,
    confirmed_at: Instant,
}

impl Seats {
    /// A desk confirms, or its person leaves.
    pub fn told(&self, name: &PersonName, report: SeatReport) {
        self.told_at(name, report, clock::steady());
    }

    fn told_at(&self, name: &PersonName, report: SeatReport, now: Instant) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, seats| {
            seats.retain(|seat| now - seat.confirmed_at < EMPTY_AFTER);
            !seats.is_empty()
        });
        let seats = all.entry(name.clone()).or_default();
        seats.retain(|seat| seat.desk != report.desk);
        if report.left {
            return;
        }
        if seats.len() >= DESKS_OF_ONE_MAX {
            seats.remove(0);
        }
        seats.push(Seat { desk: report.desk, confirmed_at: now });
    }

    /// Somebody sits at a desk of this name.
    pub fn is_taken(&self, name: &str) -> bool {
        self.is_taken_at(name, clock::steady())
    }

    fn is_taken_at(&self, name: &str, now: Instant) -> bool {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut seats = all.iter().filter(|(known, _)| known.as_str() == name).flat_map(|(_, seats)| seats);
        seats.any(|seat| now - seat.confirmed_at < EMPTY_AFTER)
    }
}

/// The kind under which an agreement without a time for the second person stands among the sources.
const SECOND_PERSON: &str = "second-person";

/// The name under which an agreement's desks are watched.
fn desks_of(agreement: &AgreementId) -> Option<SourceName> {
    SourceName::new(format!("vagt-{agreement}")).ok()
}

/// Hears the seats that are taken. An agreement that nobody has a token for is not watched: nobody could listen.
pub fn hear(engine: &Engine, state: &State, seats: &Seats, now: DateTime<Utc>) {
    for rules in state.agreements.values() {
        let Some(desks) = desks_of(&rules.id) else { continue };
        let acting = || {
            let people = state.people.values();
            people.filter(|it| it.role.may_act() && !it.revoked && it.agreements.contains(&rules.id))
        };
        if acting().next().is_none() {
            engine.health.forget(&desks);
            continue;
        }
        say_who_is_called(engine, rules, now);
        let Some(seconds) = value_of(&rules.alarms.nobody_listening_seconds) else {
            engine.health.not_set_up(desks, DESKS, Code::new("nobody-listening-unset").ok(), now);
            continue;
        };
        let within = Some(TimeDelta::seconds(seconds.into()));
        engine.health.expect(desks.clone(), DESKS, within, vec![rules.id.clone()], now);
        engine.health.expect_within(&desks, within);
        if acting().any(|it| seats.is_taken(it.name.as_str())) {
            engine.health.heard(&desks, DESKS, now);
        }
    }
}

/// Whether the settings say whom to call is said elsewhere; here that the agreement does not say when.
fn say_who_is_called(engine: &Engine, rules: &Agreement, now: DateTime<Utc>) {
    let Ok(second) = SourceName::new(format!("bagvagt-{}", rules.id)) else { return };
    match value_of(&rules.alarms.second_person_seconds) {
        Some(_) => engine.health.forget(&second),
        None => {
            let why = Code::new("second-person-unset").ok();
            engine.health.not_set_up(second, SECOND_PERSON, why, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name() -> PersonName {
        PersonName::new("anna").expect("a name")
    }

    fn report(desk: &str, left: bool) -> SeatReport {
        SeatReport { desk: Key::new(desk).expect("a key"), left }
    }

    #[test]
    fn a_seat_is_empty_ten_seconds_after_the_last_word_and_at_once_when_left() {
        let (seats, start) = (Seats::default(), clock::steady());
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        assert!(!seats.is_taken_at("anna", start));
        seats.told_at(&name(), report("desk-1", false), start);
        assert!(seats.is_taken_at("anna", at(9)) && !seats.is_taken_at("bo", at(9)));
        assert!(!seats.is_taken_at("anna", at(10)));
        seats.told_at(&name(), report("desk-1", false), at(20));
        seats.told_at(&name(), report("desk-2", false), at(21));
        seats.told_at(&name(), report("desk-1", true), at(22));
        assert!(seats.is_taken_at("anna", at(22)), "the other desk is still there");
        seats.told_at(&name(), report("desk-2", true), at(22));
        assert!(!seats.is_taken_at("anna", at(22)));
    }

    #[test]
    fn desks_without_end_take_no_more_room() {
        let (seats, start) = (Seats::default(), clock::steady());
        for nth in 0..1_000 {
            seats.told_at(&name(), report(&format!("desk-{nth}"), false), start);
        }
        assert_eq!(seats.0.lock().expect("nobody panicked")[&name()].len(), DESKS_OF_ONE_MAX);
    }
}
