//! Escalation: a second person is called when nobody takes an alarm, or when nobody listens.
//!
//! Owns when that is, and that it is once for an entry. Must never know how somebody is called.

use chrono::{DateTime, Duration, Utc};

use super::agreement::value_of;
use super::entry::{Body, Entry, EntryEvent};
use super::refusal::Refusal;
use super::sources::TroubleKind;
use super::vocabulary::vocabulary;
use super::{Actor, Ctx, Draft, Event, State};

vocabulary! {
    /// How it may end: somebody's telephone was reached as far as we can tell, nobody's was, or it was taken meanwhile.
    Outcome {
        Sent,
        Failed,
        NotNeeded,
    }
}

vocabulary! {
    /// Why a second person is called.
    Why {
        /// Nobody has taken the alarm.
        Unclaimed,
        /// No desk is open.
        NobodyListening,
    }
}

/// One for an entry, for good.
#[derive(Debug, Clone, PartialEq)]
pub struct Escalation {
    pub why: Why,
    pub begun_at: DateTime<Utc>,
    pub ended: Option<Ended>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Ended {
    pub at: DateTime<Utc>,
    pub outcome: Outcome,
    /// How often it was tried.
    pub times: u32,
}

/// When a second person is to be called about an entry as it stands, and why. None: nobody is, or somebody was.
/// An alarm that was taken and came back is as old as it is: nobody waits another round for it.
pub fn due_at(state: &State, entry: &Entry) -> Option<(DateTime<Utc>, Why)> {
    if entry.escalation.is_some() {
        return None;
    }
    wanted_at(state, entry)
}

/// Whether it still stands as it did when somebody was to be called.
pub fn is_needed(state: &State, entry: &Entry) -> bool {
    wanted_at(state, entry).is_some()
}

fn wanted_at(state: &State, entry: &Entry) -> Option<(DateTime<Utc>, Why)> {
    if !entry.is_open() || entry.holder.is_some() {
        return None;
    }
    match &entry.body {
        Body::Alarms(alarm) if alarm.waits_for_somebody() => {
            let seconds = state
                .rules(entry.agreements())
                .filter_map(|rules| value_of(&rules.alarms.second_person_seconds))
                .min()?;
            Some((entry.recorded_at + Duration::seconds(seconds.into()), Why::Unclaimed))
        }
        // The time without a desk has passed when it becomes an entry.
        Body::Sources(it) if it.trouble == TroubleKind::NobodyListening => {
            Some((entry.recorded_at, Why::NobodyListening))
        }
        _ => None,
    }
}

/// Begins it; only the server itself may, and not before it is due.
pub fn begin(state: &State, ctx: &Ctx, entry: &Entry) -> Result<Vec<Draft>, Refusal> {
    of_the_server(ctx)?;
    let (at, why) = due_at(state, entry).ok_or(Refusal::NotDue)?;
    if at > ctx.now {
        return Err(Refusal::NotDue);
    }
    Ok(vec![entry.draft(ctx.at, Event::Entry(EntryEvent::EscalationBegun { why }))])
}

/// Ends it, with what became of it.
pub fn end(ctx: &Ctx, entry: &Entry, outcome: Outcome, times: u32) -> Result<Vec<Draft>, Refusal> {
    of_the_server(ctx)?;
    let is_running = entry.escalation.as_ref().is_some_and(|it| it.ended.is_none());
    if !is_running {
        return Err(Refusal::NotDue);
    }
    let event = EntryEvent::EscalationEnded { outcome, times };
    Ok(vec![entry.draft(ctx.at, Event::Entry(event))])
}

fn of_the_server(ctx: &Ctx) -> Result<(), Refusal> {
    match &ctx.actor {
        Actor::Timer | Actor::Server => Ok(()),
        Actor::Person(_) => Err(Refusal::NotAllowed { role: "person".into() }),
        Actor::Source(_) => Err(Refusal::NotAllowed { role: "source".into() }),
    }
}
