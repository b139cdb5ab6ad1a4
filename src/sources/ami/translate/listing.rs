//! The list that an exchange tells after `QueueStatus`, against what is known.
//!
//! Owns what follows from being in no list. Must never ask for one: that is `link`.

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};

use super::super::settings::Queue;
use super::super::wire::Message;
use super::stay::{Fact, Phase, Stay, Why};
use super::{Calls, GRACE, LIST_ACTION, name_of, number_of, opaque, seconds, uniqueid_and_number};
use crate::domain::identity::ExternalId;
use crate::domain::observation::Rank;
use crate::protocol::observations::{LiveFacts, Observed};
use crate::sources::OpenCall;

/// The list being told after `QueueStatus`.
#[derive(Debug, Clone)]
pub(super) struct Listing {
    pub(super) action: String,
    pub(super) asked_at: DateTime<Utc>,
    /// Uniqueids.
    pub(super) present: HashSet<String>,
    pub(super) queues: HashSet<String>,
    /// Some member of one of our queues is in a call of it.
    pub(super) in_call: bool,
}

impl Calls {
    /// Begins a list; returns the `ActionID` to ask `QueueStatus` with. `open` is what the log believes
    /// to be open before it is asked.
    pub fn ask_list(&mut self, open: Vec<OpenCall>, now: DateTime<Utc>) -> String {
        for call in open {
            self.take_over(call, now);
        }
        self.listings += 1;
        self.members.list_begins();
        let action = format!("{LIST_ACTION}{}", self.listings);
        self.listing = Some(Listing {
            action: action.clone(),
            asked_at: now,
            present: HashSet::new(),
            queues: HashSet::new(),
            in_call: false,
        });
        action
    }

    /// True when this message ends the list that was asked for.
    pub fn ends_list(&self, message: &Message) -> bool {
        message.event() == Some("QueueStatusComplete")
            && self.listing.as_ref().is_some_and(|listing| message.get("ActionID") == Some(&listing.action))
    }

    /// Compares the finished list with what is open; read `queue_log` to its end before. Returns
    /// the names of our queues that the exchange does not have: nothing is concluded of their calls.
    /// Conclusions come later, from [`Calls::settle`].
    pub fn compare(&mut self, now: DateTime<Utc>) -> Vec<String> {
        let Some(listing) = self.listing.take() else { return Vec::new() };
        self.members.list_ended();
        let listed: HashSet<ExternalId> = listing.queues.iter().map(|queue| opaque(queue)).collect();
        // Of a call taken over from the log the queue is not known: then all of ours must be there.
        let all = self.settings.queues.keys().all(|queue| listing.queues.contains(queue));
        let ours = |stay: &Stay| stay.queue.as_ref().map_or(all, |queue| listed.contains(queue));
        for ((uniqueid, _), stay) in self.stays.iter_mut().filter(|(_, stay)| ours(stay)) {
            let gone = match stay.phase {
                Phase::Waiting => !listing.present.contains(uniqueid),
                Phase::Talking => !listing.in_call,
                Phase::Left | Phase::Over => false,
            };
            if gone && stay.touched_at <= listing.asked_at {
                stay.pend(GRACE, now, now, Why::Absent);
            }
        }
        self.settings.queues.keys().filter(|queue| !listing.queues.contains(*queue)).cloned().collect()
    }

    pub(super) fn listed(
        &mut self,
        event: &str,
        message: &Message,
        now: DateTime<Utc>,
        told: &mut Vec<Observed>,
    ) {
        let Some(listing) = &mut self.listing else { return };
        let (Some(queue), true) = (message.get("Queue"), message.get("ActionID") == Some(&listing.action))
        else {
            return;
        };
        let Some(rule) = self.settings.queues.get(queue).cloned() else { return };
        listing.queues.insert(queue.to_owned());
        listing.in_call |= message.get("InCall").is_some_and(|count| count != "0");
        let (true, Some(uniqueid)) = (event == "QueueEntry", message.get("Uniqueid")) else { return };
        listing.present.insert(uniqueid.to_owned());
        let at = now - TimeDelta::seconds(seconds(message, "Wait"));
        let id = self.join(uniqueid, queue, rule, at);
        self.numbers.entry(uniqueid.to_owned()).or_default().event = id.1;
        if let Some(stay) = self.stays.get_mut(&id) {
            stay.touched_at = now;
            stay.pending = stay.pending.filter(|pending| pending.why != Why::Absent);
        }
        self.is_on(&id, message.get("Channel"));
        // Names in lists are not escaped.
        let live = LiveFacts {
            caller: message.get("CallerIDNum").and_then(number_of),
            caller_name: message.get("CallerIDName").and_then(name_of),
            text: None,
        };
        self.tell(&id, Fact::Waiting, Rank::Event, at, live, told);
    }

    /// A call that the log believes open and this process has not met.
    fn take_over(&mut self, call: OpenCall, asked_at: DateTime<Utc>) {
        let (uniqueid, number) = uniqueid_and_number(call.call.as_str());
        let numbers = self.numbers.entry(uniqueid.clone()).or_default();
        if numbers.last >= number {
            return;
        }
        numbers.last = number;
        numbers.event = number;
        let rule = Queue { kind: call.kind, agreements: Vec::new(), then: None };
        let phase = if call.answered { Phase::Talking } else { Phase::Waiting };
        self.stays.insert((uniqueid, number), Stay::new(call.call, rule, phase, asked_at));
    }

    /// The exchange began anew: whatever was open before is not any more.
    pub(super) fn began_anew(&mut self, at: DateTime<Utc>, now: DateTime<Utc>) {
        for stay in self.stays.values_mut().filter(|stay| stay.phase != Phase::Over && stay.touched_at < at) {
            stay.pend(GRACE, at, now, Why::Absent);
        }
    }
}
