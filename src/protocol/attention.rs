//! Attention: what is worst, what is next, when it breaches. Pure, over a public entry and an instant; runs on the
//! server and on the desk, so that ages and thresholds move without a message.
//!
//! Must never hold a sentence: codes only.

use std::cmp::Ordering;

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::entry::{AlarmDetails, Details, DischargeDetails, DutyDetails, Entry, PhoneDetails, VisitDetails};
use crate::domain::entry::DueKind;

/// A justification is a duty for somebody on this shift when it is due within this many hours.
const JUSTIFICATION_NEAR_HOURS: i64 = 72;
/// A homecoming is a duty for somebody on this shift when it is expected within this many hours.
const HOMECOMING_NEAR_HOURS: i64 = 24;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// A citizen rings and nobody has taken it to its end.
    Alarm,
    /// A deadline, or somebody who must be contacted.
    Duty,
    Info,
    None,
}

/// What an entry asks for. `why` and `next` are codes with texts `why-…` and `next-…`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Attention {
    pub level: Level,
    pub why: String,
    pub next: String,
    /// When the next limit is reached or was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breach_at: Option<DateTime<Utc>>,
    #[serde(default)]
    pub overdue: bool,
}

impl Attention {
    fn new(level: Level, why: &str, next: &str) -> Self {
        Self { level, why: why.into(), next: next.into(), breach_at: None, overdue: false }
    }

    fn until(mut self, breach_at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Self {
        self.breach_at = breach_at;
        self.overdue = breach_at.is_some_and(|at| at <= now);
        self
    }
}

/// What the entry asks for at `now`.
pub fn attention(entry: &Entry, now: DateTime<Utc>) -> Attention {
    if !entry.is_open() {
        return Attention::new(Level::None, "over", "nothing");
    }
    match &entry.details {
        Details::Alarms(alarm) => of_alarm(entry, alarm, now),
        Details::Phone(call) => of_call(entry, call, now),
        Details::Duties(duty) => of_duty(entry, duty, now),
        Details::Discharges(stay) => of_stay(entry, stay, now),
        Details::Visits(visit) => of_visit(entry, visit, now),
        Details::Sources(trouble) => {
            let why = format!("source-{}", trouble.trouble);
            match trouble.trouble.as_str() {
                // Somebody must put them in by hand: due from the moment we know.
                "rows-refused" => {
                    Attention::new(Level::Duty, &why, "put-in-by-hand").until(Some(entry.opened_at), now)
                }
                // Somebody may wait for help: overdue from the moment it came.
                "alarm-unreadable" => {
                    Attention::new(Level::Duty, &why, "look-at-source").until(Some(entry.opened_at), now)
                }
                "silent" | "nobody-listening" | "failed" => {
                    Attention::new(Level::Duty, &why, "look-at-source")
                }
                _ => Attention::new(Level::Info, &why, "look-at-source"),
            }
        }
    }
}

fn of_alarm(entry: &Entry, alarm: &AlarmDetails, now: DateTime<Utc>) -> Attention {
    let due = |what| entry.due(what).map(|due| due.at);
    if alarm.technical {
        return Attention::new(Level::Info, "technical", "technical-done");
    }
    if alarm.test {
        return Attention::new(Level::Info, "test", "close");
    }
    if alarm.redirected_at.is_some() || alarm.outcome.is_some() {
        return of_justification(alarm, now);
    }
    match entry.state.as_str() {
        "raised" => Attention::new(Level::Alarm, "ringing", "claim").until(due(DueKind::RingOut), now),
        "answered" => match (alarm.talked_at, alarm.talk_ended_at) {
            (_, Some(_)) => Attention::new(Level::Duty, "talk-over", "say-what-was-done")
                .until(due(DueKind::RingOut), now),
            (Some(_), None) => Attention::new(Level::Alarm, "talking-now", "claim"),
            (None, None) => Attention::new(Level::Alarm, "answered-at-exchange", "claim"),
        },
        "unanswered" => Attention::new(Level::Alarm, "rang-out", "redirect-or-claim")
            .until(alarm.justification.as_ref().map(|it| it.due_at), now),
        "claimed" if alarm.talk_ended_at.is_some() => {
            Attention::new(Level::Alarm, "talk-over", "say-what-was-done").until(due(DueKind::Claim), now)
        }
        "claimed" => Attention::new(Level::Alarm, "claimed", "respond").until(due(DueKind::Claim), now),
        "help-sent" => {
            let arrive = due(DueKind::Arrive);
            let why = if arrive.is_some_and(|at| at <= now) { "help-late" } else { "help-sent" };
            Attention::new(Level::Duty, why, "arrive").until(arrive, now)
        }
        "arrived" => Attention::new(Level::Duty, "arrived", "close"),
        state => Attention::new(Level::Duty, state, "close"),
    }
}

fn of_justification(alarm: &AlarmDetails, now: DateTime<Utc>) -> Attention {
    let Some(it) = alarm.justification.as_ref().filter(|it| it.sent_at.is_none()) else {
        return Attention::new(Level::Info, "handled", "close");
    };
    let near = it.due_at - now <= Duration::hours(JUSTIFICATION_NEAR_HOURS);
    let (why, next) = match (it.begun_at.is_some(), it.due_at <= now) {
        (_, true) => ("justification-late", "justify-send"),
        (true, false) => ("justification-begun", "justify-send"),
        (false, false) => ("justification-owed", "justify-begin"),
    };
    Attention::new(if near { Level::Duty } else { Level::Info }, why, next).until(Some(it.due_at), now)
}

fn of_call(entry: &Entry, call: &PhoneDetails, now: DateTime<Utc>) -> Attention {
    let due = |what| entry.due(what).map(|due| due.at);
    match entry.state.as_str() {
        "waiting" => {
            let answer = due(DueKind::Answer);
            let why = if answer.is_some_and(|at| at <= now) { "waits-too-long" } else { "waits" };
            Attention::new(Level::Duty, why, "answer").until(answer, now)
        }
        "missed" if call.answered_later.is_some() => {
            Attention::new(Level::Info, "called-again-answered", "close-missed")
                .until(due(DueKind::CallBack), now)
        }
        "missed" => match due(DueKind::Promise) {
            Some(promise) => Attention::new(Level::Duty, "promised", "call-back").until(Some(promise), now),
            None => {
                let why = if call.attempts > 0 { "tried" } else { "missed" };
                Attention::new(Level::Duty, why, "call-back").until(due(DueKind::CallBack), now)
            }
        },
        _ => Attention::new(Level::Info, "talking", "nothing"),
    }
}

fn of_duty(entry: &Entry, duty: &DutyDetails, now: DateTime<Utc>) -> Attention {
    let due = entry.due(DueKind::Duty).map(|due| due.at);
    let (why, next) = (format!("duty-{}", duty.duty), format!("do-{}", duty.duty));
    if duty.duty == "notice-taken-back" {
        // Somebody acts on what is not so: overdue from the moment we know.
        return Attention::new(Level::Duty, &why, &next).until(Some(entry.opened_at), now);
    }
    let is_asked_for = matches!(duty.duty.as_str(), "action-plan" | "immediate-notice");
    let is_pressing = duty.late || due.is_some_and(|at| at <= now) || is_asked_for;
    let level = if is_pressing { Level::Duty } else { Level::Info };
    Attention::new(level, &why, &next).until(due, now)
}

fn of_stay(entry: &Entry, stay: &DischargeDetails, now: DateTime<Utc>) -> Attention {
    let due = |what| entry.due(what).map(|due| due.at);
    if let Some(upset) = &stay.upset {
        // Help runs for nobody, or nobody gets help: overdue from the moment it was told.
        let next = if upset == "death-cancelled" { "resume-or-look" } else { "stop-help-again" };
        return Attention::new(Level::Duty, upset, next).until(stay.upset_at, now);
    }
    match entry.state.as_str() {
        "discharged" => Attention::new(Level::Duty, "discharged", "resume").until(due(DueKind::Resume), now),
        "discharge-expected" => {
            let at = due(DueKind::Expected);
            let near = at.is_none_or(|at| at - now <= Duration::hours(HOMECOMING_NEAR_HOURS));
            let why = if at.is_some_and(|at| at <= now) { "home-by-now" } else { "comes-home" };
            let next =
                if stay.steps.iter().all(|step| step.done_at.is_some()) { "resume" } else { "prepare" };
            Attention::new(if near { Level::Duty } else { Level::Info }, why, next).until(at, now)
        }
        "cancelled" => Attention::new(Level::Duty, "never-admitted", "resume"),
        "dead" => Attention::new(Level::Duty, "dead", "stop"),
        // Help stands still for somebody who may be elsewhere, or at home.
        "admitted" | "on-leave" if stay.elsewhere.is_some() => {
            Attention::new(Level::Duty, "moved-elsewhere", "ask-moved")
        }
        "admitted" | "on-leave" if due(DueKind::StillThere).is_some_and(|at| at <= now) => {
            Attention::new(Level::Duty, "no-word", "ask-moved").until(due(DueKind::StillThere), now)
        }
        "admitted" if stay.asks_assessors => Attention::new(Level::Duty, "ask-assessors", "assessors-told"),
        "admitted" if stay.report_clause.is_some() => {
            Attention::new(Level::Info, "admitted-planned", "report-to-assessors")
        }
        state => Attention::new(Level::Info, state, "nothing"),
    }
}

fn of_visit(entry: &Entry, visit: &VisitDetails, now: DateTime<Utc>) -> Attention {
    let contact = entry.due(DueKind::Contact).map(|due| due.at);
    let started = visit.started_at.is_some();
    let moved_by_us = visit.moves.last().is_some_and(|moved| moved.asked_by == "provider");
    match entry.state.as_str() {
        "door-unanswered" => {
            let since = visit.door.as_ref().map(|door| door.since);
            Attention::new(Level::Duty, "door-unanswered", "door-steps").until(since, now)
        }
        // Somebody is there: it is a fact for the figures, nobody need be rung any more.
        "late" | "not-reached" if started => Attention::new(Level::Info, "started-off-time", "nothing"),
        "early" if started => Attention::new(Level::Info, "started-off-time", "nothing"),
        "late" => Attention::new(Level::Duty, "visit-late", "contact").until(contact, now),
        "early" => Attention::new(Level::Duty, "visit-early", "contact").until(contact, now),
        "not-reached" => Attention::new(Level::Duty, "not-reached", "contact").until(contact, now),
        "cancelled" => match visit.replacement.as_deref() {
            // Somebody may have been about to ring about it: that does not go away with it.
            Some("judgement") if visit.cancelled_by.as_deref() == Some("withdrawn") => {
                Attention::new(Level::Duty, "visit-withdrawn", "check-plan")
            }
            Some("judgement") => Attention::new(Level::Info, "replacement-judgement", "ask-or-replace"),
            _ => Attention::new(Level::Info, "replacement-owed", "replace"),
        },
        "moved" if moved_by_us => Attention::new(Level::Duty, "moved-untold", "contact"),
        _ if visit.no_receipt => Attention::new(Level::Info, "no-receipt", "receipt"),
        _ if visit.halted.is_some() => Attention::new(Level::None, "visit-halted", "nothing"),
        "planned" if visit.holiday_clause.is_some() && !started => {
            Attention::new(Level::Info, "on-holiday", "offer-another-day")
        }
        state => Attention::new(Level::None, state, "nothing"),
    }
}

/// Somebody waits for us at this moment, on the line or at home: a call in the queue, an alarm in hand. Paper and
/// yesterday's missed call can wait that long.
fn is_waited_for(entry: &Entry) -> bool {
    match &entry.details {
        Details::Alarms(alarm) => {
            !alarm.technical && !alarm.test && alarm.outcome.is_none() && alarm.redirected_at.is_none()
        }
        Details::Phone(_) => entry.state == "waiting",
        Details::Visits(_) => entry.state == "door-unanswered",
        Details::Discharges(_) | Details::Duties(_) | Details::Sources(_) => false,
    }
}

/// When it is, or was, about: a visit's agreed time; of anything else when we heard of it.
fn stands_at(entry: &Entry) -> DateTime<Utc> {
    match &entry.details {
        Details::Visits(visit) => visit.agreed_at.unwrap_or(entry.opened_at),
        _ => entry.opened_at,
    }
}

/// Worst first: level, then what nobody has, then where somebody waits, then the nearest limit (overdue first), then
/// the oldest; visits in the order of their times.
pub fn order(a: &Entry, b: &Entry) -> Ordering {
    let key = |entry: &Entry| (entry.attention.level, entry.holder.is_some(), !is_waited_for(entry));
    key(a)
        .cmp(&key(b))
        .then_with(|| match (a.attention.breach_at, b.attention.breach_at) {
            (Some(a), Some(b)) => a.cmp(&b),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => Ordering::Equal,
        })
        .then_with(|| stands_at(a).cmp(&stands_at(b)))
        .then_with(|| a.id.cmp(&b.id))
}

/// The next instant after `now` at which this entry's attention changes by itself.
pub fn changes_at(entry: &Entry, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let near = match &entry.details {
        Details::Alarms(AlarmDetails { justification: Some(it), .. }) => {
            Some(it.due_at - Duration::hours(JUSTIFICATION_NEAR_HOURS))
        }
        Details::Discharges(_) => {
            entry.due(DueKind::Expected).map(|due| due.at - Duration::hours(HOMECOMING_NEAR_HOURS))
        }
        _ => None,
    };
    entry.due.iter().map(|due| due.at).chain(near).filter(|at| *at > now).min()
}
