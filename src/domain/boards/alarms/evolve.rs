//! What a record makes of an alarm. Pure and total: what makes no sense is left alone. Must never decide.

use chrono::{DateTime, Utc};

use super::{Alarm, AlarmEvent, Correctable, Ending, Justification, Outcome, Redirected, Responded, Sent};
use crate::domain::boards::OnBoard;
use crate::domain::entry::{self, Body, Due, DueKind, Entry};
use crate::domain::envelope::Record;
use crate::domain::session;
use crate::domain::vocabulary::Ended;

pub(super) fn apply(entry: &mut Entry, record: &Record, event: &AlarmEvent) {
    let at = record.happened_at;
    let is_handled = |entry: &Entry| Alarm::of(&entry.body).is_some_and(Alarm::is_handled);
    let was_handled = is_handled(entry);
    about_the_entry(entry, at, event);
    about_the_alarm(entry, record, event);
    if is_handled(entry) && !was_handled {
        // What is left is paper: no other clock runs, and who had the alarm need not hold the paper.
        entry.dues.clear();
        entry.holder = None;
    }
}

fn about_the_alarm(entry: &mut Entry, record: &Record, event: &AlarmEvent) {
    let at = record.happened_at;
    let Body::Alarms(alarm) = &mut entry.body else { return };
    match event {
        AlarmEvent::Raised { .. } => {}
        AlarmEvent::SignalledAgain { .. } => {
            alarm.signals += 1;
            alarm.last_signal_at = alarm.last_signal_at.max(at);
            if alarm.talked_at.is_some_and(|talked| talked < at) && alarm.by_voice {
                alarm.rings_anew();
            }
        }
        AlarmEvent::ArrivalKnown { device, trigger, technical, test, .. } => {
            alarm.device = alarm.device.take().or_else(|| device.clone());
            alarm.trigger = alarm.trigger.take().or_else(|| trigger.clone());
            alarm.technical |= *technical;
            alarm.test |= *test;
            if !alarm.is_person_alarm() {
                take_back_ring_out(alarm);
            }
        }
        // Of an earlier wait: it waits again since.
        AlarmEvent::Answered { .. } if session::is_of_before(alarm.queue_since, entry.opened_at, at) => {
            alarm.answered_at = Some(alarm.answered_at.map_or(at, |known| known.min(at)));
        }
        AlarmEvent::WaitsIn { queue, .. } => alarm.goes_on(queue, at),
        AlarmEvent::TalkEnded { .. } => alarm.talk_ended_at = Some(at),
        AlarmEvent::VoiceAnswered { corrects } => {
            alarm.talked_at = Some(at);
            alarm.talk_ended_at = None;
            alarm.by_voice = true;
            alarm.answered_at = Some(alarm.answered_at.map_or(at, |known| known.min(at)));
            if *corrects && alarm.redirect.is_none() {
                take_back_ring_out(alarm);
            }
        }
        AlarmEvent::RingsAnew { .. } => alarm.rings_anew(),
        AlarmEvent::Answered { corrects, .. } => {
            alarm.talked_at = Some(at);
            alarm.talk_ended_at = None;
            alarm.by_voice = false;
            alarm.answered_at = Some(alarm.answered_at.map_or(at, |known| known.min(at)));
            if *corrects {
                take_back_ring_out(alarm);
            }
        }
        AlarmEvent::Responded { with, helper, arrive_due } => {
            alarm.response = Some(Responded { with: *with, helper: *helper, at });
            alarm.answered_at.get_or_insert(at);
            entry.dues.retain(|due| due.what == DueKind::Justification);
            entry.dues.extend(arrive_due.clone());
        }
        AlarmEvent::Arrived {} => {
            alarm.arrived_at = Some(at);
            entry.dues.retain(|due| due.what == DueKind::Justification);
        }
        AlarmEvent::Documented {} => alarm.documented_at = Some(at),
        AlarmEvent::Closed { outcome } => {
            alarm.outcome = Some(Ended::Said(*outcome));
            alarm.outcome_at = Some(at);
        }
        AlarmEvent::PassedOn {} => {
            alarm.outcome = Some(Ended::Became(Ending::PassedOn));
            alarm.outcome_at = Some(at);
            take_back_ring_out(alarm);
        }
        AlarmEvent::TechnicalDone {} => {
            alarm.outcome = Some(Ended::Said(Outcome::Technical));
            alarm.outcome_at = Some(at);
        }
        AlarmEvent::Cleared {} => alarm.cleared_at = Some(at),
        AlarmEvent::Presence {} => alarm.presence_at = Some(at),
        AlarmEvent::Unanswered { justification_due } => {
            alarm.unanswered_at = Some(at);
            start_justification(alarm, at, justification_due.as_ref());
            entry.drop_due(DueKind::RingOut);
        }
        AlarmEvent::Redirected { to, justification_due } => {
            alarm.redirect = Some(Redirected { to: to.clone(), at, contested: None });
            start_justification(alarm, at, justification_due.as_ref());
        }
        AlarmEvent::RedirectContested { reason } => {
            if let Some(redirect) = &mut alarm.redirect {
                redirect.contested = Some(*reason);
            }
        }
        AlarmEvent::JustificationBegun {} => {
            if let Some(it) = &mut alarm.justification {
                it.begun_at = Some(at);
                it.begun_by = record.actor.person().cloned();
            }
        }
        AlarmEvent::JustificationSent { channel, reference, late } => {
            if let Some(it) = &mut alarm.justification {
                it.sent = Some(Sent { at, channel: *channel, reference: reference.clone(), late: *late });
            }
        }
        AlarmEvent::Assigned { justification_due, .. } => assigned(alarm, justification_due.as_ref()),
        AlarmEvent::Corrected { what, .. } => corrected(alarm, *what),
    }
}

/// The part of an event that changes the entry around the alarm: holder, dues, agreement, citizen.
fn about_the_entry(entry: &mut Entry, at: DateTime<Utc>, event: &AlarmEvent) {
    let Body::Alarms(alarm) = &entry.body else { return };
    match event {
        AlarmEvent::Answered { .. } if session::is_of_before(alarm.queue_since, entry.opened_at, at) => {}
        AlarmEvent::WaitsIn { candidates, ring_out, .. } => {
            if entry.agreement.is_none() {
                entry.candidates = session::union(&entry.candidates, candidates);
            }
            if let Some(ring_out) = ring_out {
                entry.set_due(ring_out.clone());
            }
        }
        AlarmEvent::SignalledAgain { ring_out, .. }
        | AlarmEvent::TalkEnded { ring_out }
        | AlarmEvent::RingsAnew { ring_out } => {
            if let Some(ring_out) = ring_out {
                entry.set_due(ring_out.clone());
            }
        }
        AlarmEvent::VoiceAnswered { .. } => {
            entry.drop_due(DueKind::RingOut);
            entry.drop_due(DueKind::Answer);
        }
        AlarmEvent::Answered { by, until, .. } => {
            entry.drop_due(DueKind::RingOut);
            entry.drop_due(DueKind::Answer);
            if let Some(name) = by {
                entry.holder = Some(entry::Holder { name: name.clone(), since: at, until: *until });
                entry.set_due(Due::own(DueKind::Claim, *until));
            }
        }
        AlarmEvent::ArrivalKnown { citizen, technical, test, .. } => {
            entry.citizen = entry.citizen.take().or_else(|| citizen.clone());
            entry.opened_at = entry.opened_at.min(at);
            if *technical || *test {
                entry.drop_due(DueKind::RingOut);
                entry.drop_due(DueKind::Answer);
            }
        }
        AlarmEvent::Assigned { agreement, .. } => entry.agreement = Some(agreement.clone()),
        AlarmEvent::Corrected { what, dues, .. } if *what != Correctable::Justification => {
            entry.dues.clone_from(dues);
            if let (Some(holder), Some(claim)) =
                (&mut entry.holder, dues.iter().find(|it| it.what == DueKind::Claim))
            {
                holder.until = claim.at;
            }
        }
        _ => {}
    }
}

pub(super) fn take_back_ring_out(alarm: &mut Alarm) {
    alarm.unanswered_at = None;
    if alarm.redirect.is_none() && alarm.owes_justification() {
        alarm.justification = None;
    }
}

/// What was sent stays sent; what is owed is owed by the rules of the agreement it belongs to.
fn assigned(alarm: &mut Alarm, due: Option<&Due>) {
    if alarm.justification.as_ref().is_some_and(|it| it.sent.is_some()) {
        return;
    }
    let old = alarm.justification.take();
    let started_at = alarm.unanswered_at.into_iter().chain(alarm.redirect.as_ref().map(|it| it.at)).min();
    if let (Some(due), Some(started_at)) = (due, started_at) {
        alarm.justification = Some(Justification {
            started_at,
            due: due.clone(),
            begun_at: old.as_ref().and_then(|it| it.begun_at),
            begun_by: old.and_then(|it| it.begun_by),
            sent: None,
        });
    }
}

/// The clock starts at the ring-out, also when the redirect was told first.
fn start_justification(alarm: &mut Alarm, at: DateTime<Utc>, due: Option<&Due>) {
    let Some(due) = due else { return };
    match &mut alarm.justification {
        Some(it) if it.sent.is_none() && at < it.started_at => {
            it.started_at = at;
            it.due = due.clone();
            return;
        }
        Some(_) => return,
        None => {}
    }
    alarm.justification =
        Some(Justification { started_at: at, due: due.clone(), begun_at: None, begun_by: None, sent: None });
}

pub(super) fn corrected(alarm: &mut Alarm, what: Correctable) {
    match what {
        Correctable::Response => {
            alarm.response = None;
            alarm.arrived_at = None;
        }
        Correctable::Arrival => alarm.arrived_at = None,
        Correctable::Outcome => {
            alarm.outcome = None;
            alarm.outcome_at = None;
        }
        Correctable::Redirect => {
            alarm.redirect = None;
            // The clock that the ring-out started goes on; one that only the redirect started goes.
            if alarm.unanswered_at.is_none() {
                alarm.justification = None;
            }
        }
        Correctable::Unanswered => {
            alarm.unanswered_at = None;
            alarm.justification = None;
        }
        Correctable::Justification => {
            if let Some(it) = &mut alarm.justification {
                it.begun_at = it.begun_at.filter(|_| it.sent.is_some());
                it.sent = None;
            }
        }
    }
}

/// Puts dues and closing in step with what is now known.
pub(super) fn settle(entry: &mut Entry, at: DateTime<Utc>) {
    let Body::Alarms(alarm) = &entry.body else { return };
    let owed = alarm.justification.as_ref().filter(|it| it.sent.is_none()).map(|it| it.due.clone());
    let (over, handled) = (alarm.is_over(), alarm.is_handled());
    entry.drop_due(DueKind::Justification);
    if over {
        entry.close(at);
        return;
    }
    entry.reopen();
    if handled {
        entry.dues.retain(|due| due.what == DueKind::Claim);
    }
    entry.dues.extend(owed);
}

/// How the alarm counts in the answering figures: seconds to the first person, or not answered. One that rang
/// out was not answered, whatever was done later and whoever had claimed it and let it go.
/// None for what is kept out (tests, technical alarms) and for what still rings.
pub fn wait_seconds(entry: &Entry, alarm: &Alarm) -> Option<Option<u32>> {
    if !alarm.is_counted() {
        return None;
    }
    // Help on site or an outcome from one who never claimed it: somebody had answered by then.
    let answered_at = alarm.answered_at.or(alarm.arrived_at).or(alarm.outcome_at);
    let went_elsewhere_at = alarm.redirect.as_ref().map(|it| it.at);
    let waited =
        |answered: DateTime<Utc>| u32::try_from((answered - entry.opened_at).num_seconds().max(0)).ok();
    match (alarm.unanswered_at, answered_at) {
        (Some(_), _) => Some(None),
        (None, Some(answered)) if went_elsewhere_at.is_some_and(|at| at < answered) => Some(None),
        (None, Some(answered)) => Some(waited(answered)),
        (None, None) => went_elsewhere_at.map(|_| None),
    }
}
