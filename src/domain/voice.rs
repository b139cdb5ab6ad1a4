//! An alarm of a unit, and the voice call that belongs to it.
//!
//! Owns which call is an alarm's voice and what the talk does to the alarm: it stops the ring-out of that press and
//! nothing else. Somebody must still hold the alarm and say what was done; if the talk ends and nobody has done
//! anything a minute later, it rings anew. Must never know a number: what has the same one is looked up elsewhere.

use chrono::{DateTime, TimeDelta, Utc};

use super::alarms::{self, Alarm, AlarmEvent};
use super::entry::{self, Body, Entry, LinkWhy};
use super::identity::EntryId;
use super::phone::{self, PhoneEvent};
use super::{Ctx, Draft, Event, State};

/// A call so long before or after the signal is its voice.
pub const WITHIN: TimeDelta = TimeDelta::minutes(5);
/// A talk that ended without an act is no help: so long after it the alarm rings anew.
pub const RINGS_ANEW_AFTER: TimeDelta = TimeDelta::seconds(60);

/// The alarm of a unit: told by the unit, not a call itself.
fn of_a_unit(entry: &Entry) -> Option<&Alarm> {
    match &entry.body {
        Body::Alarms(alarm) if alarm.queue.is_none() && alarm.is_person_alarm() => Some(alarm),
        _ => None,
    }
}

/// When a call was made.
fn called_at(entry: &Entry) -> Option<DateTime<Utc>> {
    match &entry.body {
        Body::Phone(_) => Some(entry.opened_at),
        Body::Alarms(call) if call.queue.is_some() => Some(entry.opened_at),
        _ => None,
    }
}

/// Whether a call of the citizen in a queue of kind alarm belongs to the alarm of the citizen's unit.
pub fn is_of_citizen(one: &Entry, other: &Entry) -> bool {
    let is_it = |alarm: &Entry, call: &Entry| {
        let signalled_at = of_a_unit(alarm).map(|alarm| alarm.last_signal_at);
        let called_at = called_at(call).filter(|_| matches!(call.body, Body::Alarms(_)));
        signalled_at.zip(called_at).is_some_and(|(signal, call)| (call - signal).abs() <= WITHIN)
    };
    let is_same = one.citizen.is_some() && one.citizen == other.citizen && other.is_in(one.agreements());
    is_same && (is_it(one, other) || is_it(other, one))
}

/// The drafts, and after them what a talk that they tell of, or a link to one, does to the alarm.
pub fn with_talks(state: &State, ctx: &Ctx, mut drafts: Vec<Draft>) -> Vec<Draft> {
    let concerns = |draft: &Draft| match &draft.event {
        Event::Phone(event) => matches!(event, PhoneEvent::Answered { .. } | PhoneEvent::Ended { .. }),
        Event::Alarms(event) => matches!(event, AlarmEvent::Answered { .. } | AlarmEvent::TalkEnded { .. }),
        Event::Entry(entry::EntryEvent::Linked { why, .. }) => *why == LinkWhy::VoiceCall,
        _ => false,
    };
    let mut calls: Vec<EntryId> = drafts.iter().filter(|it| concerns(it)).map(|it| it.entry).collect();
    calls.dedup();
    if calls.is_empty() {
        return drafts;
    }
    let mut after = super::after(state, ctx, &drafts);
    for call in calls {
        let Some((call, talk)) = after.entry(call).and_then(|it| Some((it.clone(), Talk::of(it)?))) else {
            continue;
        };
        let voice_of = call.links.iter().filter(|link| link.why == LinkWhy::VoiceCall).map(|link| link.to);
        for alarm in voice_of.collect::<Vec<_>>() {
            let told = after.entry(alarm).map(|entry| on_alarm(ctx, entry, talk)).unwrap_or_default();
            for draft in &told {
                super::evolve(&mut after, &ctx.provisional(draft));
            }
            drafts.extend(told);
        }
    }
    drafts
}

/// A talk with a citizen.
#[derive(Debug, Clone, Copy)]
struct Talk {
    began_at: DateTime<Utc>,
    ended_at: Option<DateTime<Utc>>,
}

impl Talk {
    fn of(call: &Entry) -> Option<Self> {
        match &call.body {
            Body::Phone(it) if matches!(it.phase, phone::Phase::Answered | phone::Phase::Ended) => {
                Some(Self { began_at: it.answered_at?, ended_at: it.ended_at })
            }
            Body::Alarms(it) if it.queue.is_some() => {
                Some(Self { began_at: it.talked_at?, ended_at: it.talk_ended_at })
            }
            _ => None,
        }
    }
}

fn on_alarm(ctx: &Ctx, entry: &Entry, talk: Talk) -> Vec<Draft> {
    let Some(alarm) = of_a_unit(entry).filter(|_| entry.is_open()) else { return Vec::new() };
    let mut drafts = Vec::new();
    // A talk that was over before the press is not about it.
    let is_about = talk.ended_at.is_none_or(|ended| ended >= alarm.last_signal_at);
    let is_known = alarm.talked_at.is_some_and(|known| known >= talk.began_at);
    if !is_about {
        return drafts;
    }
    if !is_known {
        let corrects = alarm.unanswered_at.is_some_and(|out| talk.began_at <= out);
        let event = AlarmEvent::VoiceAnswered { corrects };
        drafts.push(entry.draft(talk.began_at.max(entry.opened_at), Event::Alarms(event)));
    }
    let is_over = is_known && alarm.talk_ended_at.is_some();
    if let Some(ended_at) = talk.ended_at.filter(|_| !is_over) {
        let rings_at = ended_at.max(ctx.now) + RINGS_ANEW_AFTER;
        let ring_out = alarms::rings_anew(entry, alarm, rings_at);
        drafts.push(entry.draft(ended_at, Event::Alarms(AlarmEvent::TalkEnded { ring_out })));
    }
    drafts
}
