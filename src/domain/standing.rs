//! Duties that come round by the calendar and hang on no entry: the daily hospital messages of each agreement.
//!
//! Owns when the next one is due. Must never keep a clock: the instant arrives as an argument, and what has been
//! opened is in the state.

use chrono::{DateTime, Days, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::agreement::{Agreement, holds, value_of};
use super::identity::AgreementId;
use super::refusal::Refusal;
use super::{Ctx, Draft, State, calendar, duties};

/// One duty of one agreement on one local date.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum StandingDue {
    /// Hospital messages and notices are gone through (J 3.1.3).
    HospitalMessages { agreement: AgreementId, on: NaiveDate },
}

impl StandingDue {
    /// What the cause of its timer is made of: stored for ever, so that it fires once whatever version asks.
    pub fn cause(&self) -> String {
        match self {
            Self::HospitalMessages { agreement, on } => {
                format!("HospitalMessages {{ agreement: AgreementId(\"{agreement}\"), on: {on} }}")
            }
        }
    }
}

/// The next one of each agreement with its time, soonest first. A time that has passed is due now; dates before
/// today that nobody opened (the server was down) are left out, as going through the messages covers them.
pub fn standing_dues(state: &State, now: DateTime<Utc>) -> Vec<(DateTime<Utc>, StandingDue)> {
    let mut dues: Vec<_> = state
        .agreements
        .values()
        .filter_map(|rules| {
            let on = next_date(state, rules, now)?;
            let at = due_at(rules, on)?;
            Some((at, StandingDue::HospitalMessages { agreement: rules.id.clone(), on }))
        })
        .collect();
    dues.sort();
    dues
}

fn due_at(rules: &Agreement, on: NaiveDate) -> Option<DateTime<Utc>> {
    let clock = value_of(&rules.duties.hospital_messages_daily_at)?;
    holds(&rules.duties.hospital_messages_daily).then(|| calendar::instant(on.and_time(clock)))
}

fn next_date(state: &State, rules: &Agreement, now: DateTime<Utc>) -> Option<NaiveDate> {
    let today = calendar::local_date(now);
    let opened = state.opened_until(&rules.id)?;
    let next = opened.checked_add_days(Days::new(1))?;
    Some(next.max(today).max(rules.valid_from))
}

/// The last date that needs no opening when an agreement is adopted: today's hour may lie behind.
pub(super) fn before_first(rules: &Agreement, adopted_at: DateTime<Utc>) -> NaiveDate {
    let today = calendar::local_date(adopted_at);
    match due_at(rules, today) {
        Some(at) if adopted_at < at => today - Days::new(1),
        _ => today,
    }
}

/// Opens the duty, once for each agreement and date. `NotDue` before its time and when it is there already.
pub fn decide(state: &State, ctx: &Ctx, due: &StandingDue) -> Result<Vec<Draft>, Refusal> {
    let StandingDue::HospitalMessages { agreement, on } = due;
    let rules = state.agreements.get(agreement).ok_or(Refusal::NotDue)?;
    let at = due_at(rules, *on).filter(|at| *at <= ctx.now).ok_or(Refusal::NotDue)?;
    if state.opened_until(agreement).is_none_or(|opened| opened >= *on) {
        return Err(Refusal::NotDue);
    }
    Ok(vec![duties::hospital_messages(state, ctx, rules, at)])
}
