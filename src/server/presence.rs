//! Presence: whether anybody listens. Each agreement's desks are watched as a source is: an open desk of somebody who
//! may act is being heard.
//!
//! Owns whose desks count. Must never know what is done when nobody listens (that is the engine's supervision and the
//! escalation).

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::State;
use crate::domain::agreement::{Agreement, value_of};
use crate::domain::identity::{AgreementId, Code, PersonName, SourceName};
use crate::engine::Engine;
use crate::engine::health::DESKS;

/// The kind under which an agreement without a time for the second person stands among the sources.
const SECOND_PERSON: &str = "second-person";

/// The name under which an agreement's desks are watched.
fn desks_of(agreement: &AgreementId) -> Option<SourceName> {
    SourceName::new(format!("vagt-{agreement}")).ok()
}

/// Hears the desks that are open. An agreement that nobody has a token for is not watched: nobody could listen.
pub fn hear(engine: &Engine, state: &State, connected: &HashMap<PersonName, usize>, now: DateTime<Utc>) {
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
        if acting().any(|it| connected.get(&it.name).is_some_and(|count| *count > 0)) {
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
