//! The events of the manager interface, each as what it says of a stay.
//!
//! Owns what an event means. Must never decide which of several facts is right.

use std::collections::VecDeque;

use chrono::{DateTime, TimeDelta, Utc};

use super::super::wire::Message;
use super::stay::{Exit, Fact, Phase, StayId, Why};
use super::{Calls, GRACE, LEFT_GRACE, live_of, live_of_event, opaque, seconds};
use crate::domain::observation::{MissedReason, Rank};
use crate::protocol::observations::{LiveFacts, Observed};
use crate::sources::QueueKind;

/// Hang-ups remembered of channels that are no call of ours (yet).
const HANG_UPS_MAX: usize = 512;

impl Calls {
    pub(super) fn joined(&mut self, message: &Message, now: DateTime<Utc>, told: &mut Vec<Observed>) {
        let at = self.time(message, now);
        let Some((uniqueid, queue, rule)) = self.of_ours(message) else { return };
        let id = self.join(uniqueid, queue, rule, at);
        self.numbers.entry(uniqueid.to_owned()).or_default().event = id.1;
        if let Some(stay) = self.stays.get_mut(&id) {
            stay.pending = stay.pending.filter(|pending| pending.why != Why::Absent);
        }
        self.is_on(&id, message.get("Channel"));
        self.tell(&id, Fact::Waiting, Rank::Event, at, live_of_event(message), told);
        self.if_hung_up(&id, at, now, told);
    }

    pub(super) fn left(&mut self, message: &Message, now: DateTime<Utc>, told: &mut Vec<Observed>) {
        let at = self.time(message, now);
        let Some(id) = self.stay_of_event(message, at, 0, told) else { return };
        if let Some(stay) = self.stays.get_mut(&id) {
            stay.left_at = Some(at);
            if stay.phase == Phase::Waiting {
                stay.phase = Phase::Left;
                stay.pend(LEFT_GRACE, at, now, Why::Left);
            }
        }
        self.if_hung_up(&id, at, now, told);
    }

    pub(super) fn abandoned(&mut self, message: &Message, now: DateTime<Utc>, told: &mut Vec<Observed>) {
        let at = self.time(message, now);
        let Some(id) = self.stay_of_event(message, at, seconds(message, "HoldTime"), told) else { return };
        let asked = message
            .get("Uniqueid")
            .is_some_and(|uniqueid| self.hangup_requested.iter().any(|c| c == uniqueid));
        let Some(stay) = self.stays.get_mut(&id) else { return };
        stay.abandoned = true;
        if asked {
            let fact = Fact::Missed(MissedReason::HungUp);
            self.advance(&id, &fact, at);
            self.tell(&id, fact, Rank::Event, at, live_of_event(message), told);
            return;
        }
        // The queue gave up, as far as can be seen; it may go on in another.
        let (reason, rank) = match self.sees_channels {
            true => (MissedReason::Timeout, Rank::Inference),
            false => (MissedReason::HungUp, Rank::Event),
        };
        stay.let_go(Exit { at, reason, rank, by_queue: self.sees_channels }, now);
        self.if_hung_up(&id, at, now, told);
    }

    pub(super) fn connected_to_agent(
        &mut self,
        message: &Message,
        now: DateTime<Utc>,
        told: &mut Vec<Observed>,
    ) {
        let at = self.time(message, now);
        let Some(id) = self.stay_of_event(message, at, seconds(message, "HoldTime"), told) else { return };
        let fact = Fact::Answered(self.agent(message.get("Interface"), message.get("MemberName")));
        self.advance(&id, &fact, at);
        self.tell(&id, fact, Rank::Event, at, live_of_event(message), told);
        self.if_hung_up(&id, at, now, told);
    }

    /// The talk is over. If its beginning was missed, that is told first.
    pub(super) fn completed(&mut self, message: &Message, now: DateTime<Utc>, told: &mut Vec<Observed>) {
        let at = self.time(message, now);
        let talked = seconds(message, "TalkTime");
        let waited_and_talked = seconds(message, "HoldTime") + talked;
        let now_in = self.turn_to_talk(message);
        let Some(id) = self.stay_of_event(message, at, waited_and_talked, told) else { return };
        if let Some(numbers) = self.numbers.get_mut(&id.0) {
            numbers.event = numbers.event.max(now_in);
        }
        let at = self.before_next_join(&id, at);
        let answered = Fact::Answered(self.agent(message.get("Interface"), message.get("MemberName")));
        self.tell(&id, answered, Rank::Event, at - TimeDelta::seconds(talked), live_of_event(message), told);
        self.advance(&id, &Fact::Ended, at);
        self.tell(&id, Fact::Ended, Rank::Event, at, LiveFacts::default(), told);
    }

    /// A transfer after a consultation. If the consultation still waited in a queue of ours, whom it was for has its
    /// place now, and waits there from now on.
    pub(super) fn passed_on(&mut self, message: &Message, now: DateTime<Utc>, told: &mut Vec<Observed>) {
        if message.get("Result").is_some_and(|result| result != "Success") {
            return;
        }
        let at = self.time(message, now);
        // The one who waits is the second call, or else the first.
        for (waits, takes_over) in [("SecondTransferer", "Transferee"), ("OrigTransferer", "TransferTarget")]
        {
            let of = |who: &str, what: &str| message.get(&format!("{who}{what}"));
            let Some(uniqueid) = of(takes_over, "Uniqueid") else { continue };
            let Some(from) = of(waits, "Uniqueid").and_then(|it| self.current(it)) else { continue };
            let stay = self.stays.get(&from).filter(|it| matches!(it.phase, Phase::Waiting | Phase::Left));
            let Some((queue, rule)) = stay.and_then(|it| Some((it.queue.clone()?, it.rule.clone()))) else {
                continue;
            };
            let is_alarm = rule.kind == QueueKind::Alarm;
            let id = self.join(uniqueid, queue.as_str(), rule, at);
            if let Some(stay) = self.stays.get_mut(&id) {
                stay.took_over = true;
            }
            self.numbers.entry(uniqueid.to_owned()).or_default().event = id.1;
            self.is_on(&id, of(takes_over, "Channel"));
            let live = live_of(of(takes_over, "CallerIDNum"), of(takes_over, "CallerIDName"));
            self.tell(&id, Fact::Waiting, Rank::Event, at, live, told);
            let passed_on = Fact::PassedOn(opaque(uniqueid));
            self.tell(&from, passed_on, Rank::Event, at, LiveFacts::default(), told);
            // A phone call is still to end; an alarm that nobody answered would be one that rang out.
            if let Some(stay) = self.stays.get_mut(&from).filter(|_| is_alarm) {
                stay.over(at);
            }
            self.if_hung_up(&id, at, now, told);
            return;
        }
    }

    /// Which channel a stay is of, as the interface names it.
    pub(super) fn is_on(&mut self, id: &StayId, channel: Option<&str>) {
        let is_colleague = channel.is_some_and(|channel| self.settings.is_colleague(channel));
        if let Some(stay) = self.stays.get_mut(id) {
            stay.colleague |= is_colleague;
        }
    }

    pub(super) fn hangup_asked(&mut self, message: &Message, now: DateTime<Utc>, told: &mut Vec<Observed>) {
        let Some(uniqueid) = message.get("Uniqueid") else { return };
        remember(&mut self.hangup_requested, uniqueid);
        let Some(id) = self.current(uniqueid) else { return };
        if self.stays.get(&id).is_some_and(|stay| stay.abandoned) {
            let at = self.time(message, now);
            self.tell(&id, Fact::Missed(MissedReason::HungUp), Rank::Event, at, live_of_event(message), told);
        }
    }

    pub(super) fn hung_up(&mut self, message: &Message, now: DateTime<Utc>, told: &mut Vec<Observed>) {
        let Some(uniqueid) = message.get("Uniqueid") else { return };
        remember(&mut self.hung_up, uniqueid);
        let Some(id) = self.current(uniqueid) else { return };
        let at = self.time(message, now);
        self.channel_gone(&id, at, now, told);
    }

    /// The channel was gone before the event that came now.
    fn if_hung_up(&mut self, id: &StayId, at: DateTime<Utc>, now: DateTime<Utc>, told: &mut Vec<Observed>) {
        if self.stays.get(id).is_some_and(|stay| stay.hung_up) {
            self.channel_gone(id, at, now, told);
        }
    }

    fn channel_gone(&mut self, id: &StayId, at: DateTime<Utc>, now: DateTime<Utc>, told: &mut Vec<Observed>) {
        let Some(stay) = self.stays.get_mut(id) else { return };
        stay.hung_up = true;
        match stay.phase {
            // It cannot go on anywhere.
            Phase::Left if !stay.exits.is_empty() => self.conclude_one(id, at, told),
            Phase::Waiting | Phase::Left => stay.pend(GRACE, at, now, Why::HungUp),
            Phase::Talking => {
                self.advance(id, &Fact::Ended, at);
                self.tell(id, Fact::Ended, Rank::Event, at, LiveFacts::default(), told);
            }
            Phase::Over => {}
        }
    }
}

fn remember(channels: &mut VecDeque<String>, uniqueid: &str) {
    if channels.len() == HANG_UPS_MAX {
        channels.pop_front();
    }
    channels.push_back(uniqueid.to_owned());
}
