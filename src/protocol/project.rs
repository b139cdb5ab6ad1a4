//! From the domain to the wire: a domain entry as the public one, and the figures of a board.
//!
//! Must never decide anything: it only shows.

use chrono::{DateTime, Utc};

use super::actions::actions;
use super::attention::{Attention, Level, attention};
use super::board::{Answering, Contact, Ledger, Within};
use super::entry::{
    AlarmDetails, Details, Due, DutyDetails, Entry, Holder, Justification, PhoneDetails, SourceDetails,
};
use crate::domain::agreement::{Agreement, AnswerTarget, Value};
use crate::domain::entry::{self, Body};
use crate::domain::figures::Counts;
use crate::domain::identity::{AgreementId, Board};
use crate::domain::{State, alarms, duties, phone, sources};

/// The public entry as of `now`, without live data.
pub fn entry(state: &State, entry: &entry::Entry, now: DateTime<Utc>) -> Entry {
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
        attention: Attention {
            level: Level::None,
            why: String::new(),
            next: String::new(),
            breach_at: None,
            overdue: false,
        },
        citizen: entry.citizen.clone(),
        links: entry.links.iter().map(|link| link.to).collect(),
        notes: entry.notes,
        details: details(state, entry),
        actions: actions(state, entry, now),
        live: None,
    };
    shown.attention = attention(&shown, now);
    shown
}

fn details(state: &State, entry: &entry::Entry) -> Details {
    match &entry.body {
        Body::Phone(call) => Details::Phone(of_call(state, entry, call)),
        Body::Alarm(alarm) => Details::Alarms(of_alarm(alarm)),
        Body::Duty(duty) => Details::Duties(of_duty(state, duty)),
        Body::Source(trouble) => Details::Sources(of_trouble(trouble)),
    }
}

/// A unit enum's name on the wire.
fn word(value: impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

fn of_call(state: &State, entry: &entry::Entry, call: &phone::Call) -> PhoneDetails {
    let answered_later =
        entry.links.iter().filter(|link| link.why.as_str() == "same-caller").find_map(|link| {
            let other = state.entry(link.to)?;
            match &other.body {
                Body::Phone(later) if later.answered_at > call.missed_at => Some(other.id),
                _ => None,
            }
        });
    PhoneDetails {
        call: call.call.clone(),
        queue: call.queue.clone(),
        answered_at: call.answered_at,
        answered_by: call.answered_by.clone(),
        ended_at: call.ended_at,
        missed_at: call.missed_at,
        reason: call.reason.map(word),
        rank: word(call.rank),
        attempts: call.attempts,
        promise_at: call.promise_at,
        documented: call.documented_at.is_some(),
        answered_later: answered_later.filter(|_| call.missed_at.is_some()),
    }
}

fn of_alarm(alarm: &alarms::Alarm) -> AlarmDetails {
    AlarmDetails {
        alarm: alarm.alarm.clone(),
        device: alarm.device.clone(),
        trigger: alarm.trigger.clone(),
        technical: alarm.technical,
        test: alarm.test,
        signals: alarm.signals,
        answered_at: alarm.answered_at,
        response: alarm.response.as_ref().map(|it| it.with.name().to_owned()),
        responded_at: alarm.response.as_ref().map(|it| it.at),
        helper: alarm.response.as_ref().and_then(|it| it.helper.clone()),
        arrived_at: alarm.arrived_at,
        outcome: alarm.outcome.clone(),
        cleared_at: alarm.cleared_at,
        unanswered_at: alarm.unanswered_at,
        redirected_at: alarm.redirect.as_ref().map(|it| it.at),
        redirected_to: alarm.redirect.as_ref().map(|it| it.to.clone()),
        contested: alarm.redirect.as_ref().and_then(|it| it.contested.clone()),
        justification: alarm.justification.as_ref().map(|it| Justification {
            started_at: it.started_at,
            due_at: it.due.at,
            clause: it.due.clause.clone(),
            agreement_version: it.due.agreement_version.clone(),
            begun_at: it.begun_at,
            begun_by: it.begun_by.clone(),
            sent_at: it.sent.as_ref().map(|sent| sent.at),
            channel: it.sent.as_ref().map(|sent| sent.channel.clone()),
            reference: it.sent.as_ref().and_then(|sent| sent.reference.clone()).map(String::from),
            late: it.sent.as_ref().is_some_and(|sent| sent.late),
        }),
    }
}

fn of_duty(state: &State, duty: &duties::Duty) -> DutyDetails {
    DutyDetails {
        duty: word(duty.duty),
        about: duty.about,
        about_number: duty.about.and_then(|id| state.entry(id)).map(|entry| entry.number),
        owner: duty.owner.clone(),
        done_at: duty.done_at,
        reference: duty.reference.clone().map(String::from),
        late: duty.late,
        postponed: duty.postponed,
    }
}

fn of_trouble(trouble: &sources::Trouble) -> SourceDetails {
    SourceDetails {
        source: trouble.source.to_string(),
        trouble: word(trouble.trouble),
        what: trouble.what.clone(),
        count: trouble.count,
        last_at: trouble.last_at,
    }
}

/// The redirect ledgers of these agreements, those that name a limit.
pub fn ledgers(state: &State, scope: &[AgreementId], now: DateTime<Utc>) -> Vec<Ledger> {
    state
        .rules(scope)
        .filter_map(|rules| {
            let ledger = state.figures.ledger(rules, now)?;
            let has_plan = state.open_entries().any(|entry| {
                entry.agreement.as_ref() == Some(&rules.id)
                    && matches!(&entry.body, Body::Duty(duty) if duty.duty == duties::DutyKind::ActionPlan)
            });
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
            let goals = goals(&rules, slot.board)?;
            let counts = state.figures.counts(&slot);
            let clause = goals.clause().map(|clause| clause.as_str().to_owned());
            let within = goals.value().iter().map(|goal| against(&counts, goal, clause.clone())).collect();
            Some(Answering {
                agreement: slot.agreement,
                board: slot.board,
                month: slot.month.to_string(),
                within,
                formula: "answered-within-of-all".into(),
            })
        })
        .collect()
}

fn goals(rules: &Agreement, board: Board) -> Option<&Value<Vec<AnswerTarget>>> {
    match board {
        Board::Alarms => rules.alarms.answer_within.as_ref(),
        Board::Phone => rules.phone.answer_within.as_ref(),
        _ => None,
    }
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
