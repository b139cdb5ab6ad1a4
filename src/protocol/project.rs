//! From the domain to the wire: a domain entry as the public one, and the figures of a board.
//!
//! Must never decide anything: it only shows. What an entry's details are made of is its board's.

use chrono::{DateTime, Utc};

use super::actions::actions;
use super::attention::Attention;
use super::board::{Answering, Contact, Ledger, Within};
use super::boards;
use super::entry::{Details, Due, Entry, Escalation, Holder, MunicipalityTold};
use super::sight::Shown;
pub use super::sight::Sight;
use super::urgency::attention;
use crate::domain::agreement::AnswerTarget;
use crate::domain::entry;
use crate::domain::figures::Counts;
use crate::domain::identity::AgreementId;
use crate::domain::{self, State, consequences};

/// The public entry as of `now`, without live data, for who may see everything.
pub fn entry(state: &State, entry: &entry::Entry, now: DateTime<Utc>) -> Entry {
    seen(state, entry, Sight::All, now)
}

/// The public entry as of `now`, without live data: it names no other that is out of sight.
pub fn seen(state: &State, entry: &entry::Entry, sight: Sight<'_>, now: DateTime<Utc>) -> Entry {
    let is_named = |link: &&entry::Link| sight.may_name(state, link.to) && state.link_stands(entry, link);
    let mut shown = Entry {
        id: entry.id,
        number: entry.number,
        state: entry.state().to_owned(),
        agreement: entry.agreement.clone(),
        candidates: entry.candidates.clone(),
        version: entry.version,
        opened_at: entry.opened_at,
        recorded_at: entry.recorded_at,
        closed_at: entry.closed_at,
        holder: entry.holder.as_ref().map(|holder| Holder {
            name: holder.name.clone(),
            since: holder.since,
            until: Some(holder.until),
        }),
        due: entry
            .dues
            .iter()
            .map(|due| Due { what: due.what, at: due.at, clause: due.clause.clone() })
            .collect(),
        attention: Attention::NONE,
        citizen: entry.citizen.clone(),
        links: entry.links.iter().filter(is_named).map(|link| link.to).collect(),
        notes: entry.notes,
        escalation: entry.escalation.as_ref().map(escalation),
        told: entry.told.iter().map(|told| municipality_told(entry, told)).collect(),
        details: Details::of(Shown { state, entry, sight, now }),
        at_rest: entry.rests_until().is_some(),
        actions: actions(state, entry, sight, now),
        live: None,
    };
    shown.attention = attention(&shown, now);
    shown
}

fn escalation(it: &domain::escalation::Escalation) -> Escalation {
    let ended = it.ended.as_ref();
    Escalation {
        why: it.why,
        begun_at: it.begun_at,
        outcome: ended.map(|ended| ended.outcome),
        ended_at: ended.map(|ended| ended.at),
        times: ended.map_or(0, |ended| ended.times),
    }
}

fn municipality_told(entry: &entry::Entry, told: &entry::MunicipalityTold) -> MunicipalityTold {
    let (what, to, at) = (told.what, told.to, told.at);
    MunicipalityTold { what, to, at, untrue: consequences::is_untrue(entry, told) }
}

/// A unit enum's name on the wire.
fn word(value: impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

/// The redirect ledgers of these agreements, those that name a limit.
pub fn ledgers(state: &State, scope: &[AgreementId], now: DateTime<Utc>) -> Vec<Ledger> {
    state
        .rules(scope)
        .filter_map(|rules| {
            let ledger = state.figures.ledger(rules, now)?;
            let has_plan = state.action_plan(&rules.id).is_some();
            Some(Ledger {
                agreement: rules.id.clone(),
                used: ledger.used,
                limit: ledger.limit,
                window_days: ledger.window_days,
                clears_on: ledger.clears_on,
                action_plan: has_plan || ledger.used >= ledger.limit,
            })
        })
        .collect()
}

/// The answering figures of these agreements in the month of `now`: alarms and phone, where a goal is set.
pub fn answering(state: &State, scope: &[AgreementId], now: DateTime<Utc>) -> Vec<Answering> {
    state
        .slots(now)
        .into_iter()
        .filter(|(slot, _)| scope.contains(&slot.agreement))
        .filter_map(|(slot, rules)| {
            let goals = boards::answer_within(slot.board, &rules)?;
            let counts = state.figures.counts(&slot);
            let clause = goals.clause().map(|clause| clause.as_str().to_owned());
            let within = goals.value().iter().map(|goal| against(&counts, goal, clause.clone())).collect();
            let board = slot.board;
            Some(Answering {
                agreement: slot.agreement,
                board,
                month: slot.month.to_string(),
                within,
                formula: boards::answer_formula(board, &rules)?.into(),
            })
        })
        .collect()
}

fn against(counts: &Counts, goal: &AnswerTarget, clause: Option<String>) -> Within {
    let count = counts.within(goal.seconds);
    let allowed = i64::try_from(goal.allowed_misses(u64::from(counts.of))).unwrap_or(i64::MAX);
    Within {
        s: goal.seconds,
        count,
        of: counts.of,
        misses_left: allowed - i64::from(counts.of - count),
        percent: f64::from(goal.permille) / 10.0,
        clause,
    }
}

/// The numbers to ring of these agreements, all hours, with what holds at `now`.
pub fn contacts(state: &State, scope: &[AgreementId], now: DateTime<Utc>) -> Vec<Contact> {
    state
        .rules(scope)
        .flat_map(|rules| {
            let current = rules.contacts_at(now);
            rules.contacts.0.iter().map(move |contact| Contact {
                agreement: rules.id.clone(),
                role: contact.role.name().to_owned(),
                number: contact.number.clone(),
                from: contact.hours.map(|hours| hours.from.format("%H:%M").to_string()),
                to: contact.hours.map(|hours| hours.to.format("%H:%M").to_string()),
                days: word(contact.days),
                now: current.contains(&contact),
            })
        })
        .collect()
}
