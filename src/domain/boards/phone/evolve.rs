//! What a record makes of a call. Pure and total: what makes no sense is left alone. Must never decide.

use chrono::{DateTime, Utc};

use super::{Call, Correctable, Phase, PhoneEvent};
use crate::domain::entry::{Body, Due, DueKind, Entry};
use crate::domain::identity::{AgreementId, ExternalId};
use crate::domain::observation::{MissedReason, Rank};
use crate::domain::session;

pub(super) fn apply(entry: &mut Entry, at: DateTime<Utc>, event: &PhoneEvent) {
    let Body::Phone(call) = &mut entry.body else { return };
    match event {
        PhoneEvent::Waiting { .. } => {}
        PhoneEvent::ArrivalKnown { queue } => {
            if call.queue_since.is_none() {
                call.queue = Some(queue.clone());
                call.queue_since = Some(at);
            }
            entry.opened_at = entry.opened_at.min(at);
        }
        PhoneEvent::WaitsIn { queue, candidates, dues } => waits_in(entry, at, queue, candidates, dues),
        PhoneEvent::FromColleague {} => {
            call.colleague = true;
            if let Some(missed_at) = call.missed_at.filter(|_| call.phase == Phase::Missed) {
                entry.close(missed_at);
            }
        }
        PhoneEvent::BecameAlarm {} => {
            call.phase = Phase::BecameAlarm;
            call.answered_at = None;
            call.missed_at = None;
            call.reason = None;
            entry.close(at);
        }
        // Of an earlier wait: it waits again since.
        PhoneEvent::Answered { .. } if session::is_of_before(call.queue_since, entry.opened_at, at) => {
            call.answered_at = Some(call.answered_at.map_or(at, |known| known.min(at)));
        }
        PhoneEvent::Answered { by, rank, .. } => {
            // Answered, passed on, and answered again: what counts is the first.
            let first = call.answered_at.filter(|_| call.phase == Phase::Waiting);
            call.phase = Phase::Answered;
            call.rank = *rank;
            call.answered_at = Some(first.map_or(at, |first| first.min(at)));
            call.answered_by = by.clone().or_else(|| call.answered_by.take());
            call.missed_at = None;
            call.reason = None;
            entry.reopen();
            entry.dues.retain(|due| due.what == DueKind::Claim);
        }
        PhoneEvent::Ended { .. } => {
            call.ended_at = Some(at);
            if call.phase == Phase::Answered {
                call.phase = Phase::Ended;
                entry.close(at);
            }
        }
        PhoneEvent::Missed { reason, rank, dues, .. } => {
            let (was_missed, is_colleague) = (call.phase == Phase::Missed, call.colleague);
            // Passed on after an answer and lost in the next queue: to be called back, and yet it was answered.
            let first = call.answered_at.filter(|_| call.phase == Phase::Waiting);
            call.phase = Phase::Missed;
            call.rank = *rank;
            call.missed_at = Some(at);
            call.reason = Some(*reason);
            call.answered_at = first;
            call.answered_by = None;
            entry.reopen();
            entry.dues.retain(|due| was_missed || due.what == DueKind::Claim);
            entry.dues.extend(dues.iter().cloned());
            if is_colleague {
                entry.close(at);
            }
        }
        PhoneEvent::Assigned { agreement } => entry.agreement = Some(agreement.clone()),
        PhoneEvent::CalledBack {} => {
            call.phase = Phase::CalledBack;
            entry.close(at);
        }
        PhoneEvent::CallBackTried { promise_at } => {
            call.attempts += 1;
            call.promise_at = *promise_at;
            entry.drop_due(DueKind::CallBack);
            if let Some(promise_at) = promise_at {
                entry.set_due(Due::own(DueKind::Promise, *promise_at));
            }
        }
        PhoneEvent::GivenUp { .. } => {
            call.phase = Phase::GivenUp;
            entry.close(at);
        }
        PhoneEvent::Documented {} => call.documented_at = Some(at),
        PhoneEvent::Confirmed { rank } => call.rank = *rank,
        PhoneEvent::Corrected { what, dues, .. } => corrected(entry, *what, dues),
    }
}

/// It is in this queue now. What ended an earlier wait is past: the miss was none, the talk was another.
fn waits_in(
    entry: &mut Entry,
    at: DateTime<Utc>,
    queue: &ExternalId,
    candidates: &[AgreementId],
    dues: &[Due],
) {
    if entry.agreement.is_none() {
        entry.candidates = session::union(&entry.candidates, candidates);
    }
    let Body::Phone(call) = &mut entry.body else { return };
    call.queue = Some(queue.clone());
    call.queue_since = Some(at);
    let is_past = |it: Option<DateTime<Utc>>| it.is_some_and(|it| it <= at);
    let waits_again = match call.phase {
        Phase::Missed => is_past(call.missed_at),
        Phase::Answered | Phase::Ended => {
            is_past(call.answered_at) && call.ended_at.is_none_or(|it| it <= at)
        }
        Phase::Waiting | Phase::CalledBack | Phase::GivenUp | Phase::BecameAlarm => false,
    };
    if waits_again {
        call.phase = Phase::Waiting;
        call.rank = Rank::Inference;
        call.missed_at = None;
        call.reason = None;
        call.ended_at = None;
        entry.reopen();
        entry.dues.retain(|due| due.what == DueKind::Claim);
        entry.dues.extend(dues.iter().cloned());
    }
}

fn corrected(entry: &mut Entry, what: Correctable, dues: &[Due]) {
    let Body::Phone(call) = &mut entry.body else { return };
    match what {
        Correctable::CallBack | Correctable::GiveUp => {
            // Given up while it waited and over since: it was missed.
            call.missed_at = call.missed_at.or(call.ended_at);
            call.phase = if call.missed_at.is_some() { Phase::Missed } else { Phase::Waiting };
            call.promise_at = None;
            if what == Correctable::CallBack && entry.closed_at.is_none() {
                call.attempts = call.attempts.saturating_sub(1);
                entry.drop_due(DueKind::Promise);
            }
            entry.reopen();
            for due in dues {
                if entry.due(due.what).is_none() {
                    entry.set_due(due.clone());
                }
            }
        }
        Correctable::Agreement => entry.agreement = None,
    }
}

/// How the call counts in the answering figures: seconds waited, or missed. A caller who hangs up within
/// `short_abandon_s` (an agreement's rule) is left out.
pub fn wait_seconds(entry: &Entry, call: &Call, short_abandon_s: Option<u32>) -> Option<Option<u32>> {
    let seconds = |at: DateTime<Utc>| u32::try_from((at - entry.opened_at).num_seconds().max(0)).ok();
    match (call.answered_at, call.missed_at) {
        (Some(at), _) => Some(seconds(at)),
        // No citizen waited in vain.
        (None, Some(_)) if call.colleague => None,
        (None, Some(at)) => {
            let is_short = call.reason == Some(MissedReason::HungUp)
                && short_abandon_s.is_some_and(|short| seconds(at).is_some_and(|waited| waited < short));
            if is_short { None } else { Some(None) }
        }
        _ => None,
    }
}
