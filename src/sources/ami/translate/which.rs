//! Which stay of a call a message or a line is about.
//!
//! Owns the numbers of the stays under one Uniqueid, for the interface and for the log, which come at their own times.
//! Must never know what is said of a stay.

use chrono::{DateTime, TimeDelta, Utc};

use super::super::queue_log::Line;
use super::super::settings::Queue;
use super::super::wire::Message;
use super::stay::{Fact, Phase, Stay, StayId};
use super::{Calls, JUST_BEFORE, SAME_JOIN, live_of_event, opaque};
use crate::domain::observation::Rank;
use crate::protocol::observations::Observed;

/// Which stay of a Uniqueid is meant.
#[derive(Debug, Clone, Default)]
pub(super) struct Numbers {
    /// How many there are.
    pub(super) last: u32,
    /// The one the interface's events are about; 0: none yet.
    pub(super) event: u32,
    /// The one the log's lines are about; 0: none yet.
    pub(super) log: u32,
    /// The log's last second and how many of its lines were in it: their order within a second counts.
    pub(super) second: (i64, i64),
}

impl Calls {
    /// Uniqueid, queue and rule of an event about a caller in one of our queues.
    pub(super) fn of_ours<'m>(&self, message: &'m Message) -> Option<(&'m str, &'m str, Queue)> {
        let queue = message.get("Queue")?;
        Some((message.get("Uniqueid")?, queue, self.settings.queues.get(queue)?.clone()))
    }

    /// The stay an event is about. If its join was missed it is told first, `ago_s` before `at`.
    pub(super) fn stay_of_event(
        &mut self,
        message: &Message,
        at: DateTime<Utc>,
        ago_s: i64,
        told: &mut Vec<Observed>,
    ) -> Option<StayId> {
        let (uniqueid, queue, rule) = self.of_ours(message)?;
        let numbers = self.numbers.get(uniqueid).cloned().unwrap_or_default();
        let meant = if numbers.event == 0 { numbers.last } else { numbers.event };
        let id = self.stay_in(uniqueid, meant, queue, rule, at);
        self.numbers.entry(uniqueid.to_owned()).or_default().event = id.1;
        let joined_at = at - TimeDelta::seconds(ago_s);
        self.is_on(&id, message.get("Channel"));
        self.tell(&id, Fact::Waiting, Rank::Event, joined_at, live_of_event(message), told);
        Some(id)
    }

    /// The end of a talk may be told after the caller joined the same queue anew (passed on by who had answered): it is
    /// about the stay that was answered. Gives the one that the events were about before.
    pub(super) fn turn_to_talk(&mut self, message: &Message) -> u32 {
        let Some((uniqueid, queue, _)) = self.of_ours(message) else { return 0 };
        let (uniqueid, name) = (uniqueid.to_owned(), opaque(queue));
        let Some(numbers) = self.numbers.get_mut(&uniqueid) else { return 0 };
        let talked = (1..=numbers.last).rev().find(|number| {
            let stay = self.stays.get(&(uniqueid.clone(), *number));
            stay.is_some_and(|stay| stay.queue.as_ref() == Some(&name) && stay.was_told("answered"))
        });
        let now_in = numbers.event;
        numbers.event = talked.unwrap_or(now_in);
        now_in
    }

    /// What ended a stay was before the next one began, whatever order the two are told in.
    pub(super) fn before_next_join(&self, (uniqueid, number): &StayId, at: DateTime<Utc>) -> DateTime<Utc> {
        let next = self.stays.get(&(uniqueid.clone(), number + 1)).and_then(|stay| stay.joined_at);
        next.map_or(at, |joined_at| at.min(joined_at - JUST_BEFORE))
    }

    /// The stay a line is about.
    pub(super) fn stay_of_line(&mut self, line: &Line, rule: Queue, at: DateTime<Utc>) -> StayId {
        let id = if line.event == "ENTERQUEUE" {
            self.join(&line.call, &line.queue, rule, at)
        } else {
            let numbers = self.numbers.get(&line.call).cloned().unwrap_or_default();
            let meant = if numbers.log == 0 { numbers.last } else { numbers.log };
            self.stay_in(&line.call, meant, &line.queue, rule, at)
        };
        self.numbers.entry(line.call.clone()).or_default().log = id.1;
        id
    }

    /// The stay that the interface's events about this channel are about.
    pub(super) fn current(&self, uniqueid: &str) -> Option<StayId> {
        let numbers = self.numbers.get(uniqueid)?;
        let number = if numbers.event == 0 { numbers.last } else { numbers.event };
        Some((uniqueid.to_owned(), number)).filter(|id| self.stays.contains_key(id))
    }

    pub(super) fn is_last(&self, (uniqueid, number): &StayId) -> bool {
        self.numbers.get(uniqueid).is_none_or(|numbers| numbers.last <= *number)
    }

    /// A caller joined a queue: the stay that this is, begun if it is none that we know.
    pub(super) fn join(&mut self, uniqueid: &str, queue: &str, rule: Queue, at: DateTime<Utc>) -> StayId {
        let last = self.numbers.get(uniqueid).map_or(0, |numbers| numbers.last);
        let name = opaque(queue);
        let known = (1..=last).rev().find(|number| {
            let stay = self.stays.get(&(uniqueid.to_owned(), *number));
            stay.is_some_and(|stay| match (&stay.queue, stay.joined_at) {
                // Taken over from our log, which may not know where it waits.
                (None, _) => true,
                (Some(known), None) => *known == name,
                (Some(known), Some(joined_at)) => {
                    *known == name && ((joined_at - at).abs() <= SAME_JOIN || stay.phase == Phase::Waiting)
                }
            })
        });
        let id = self.begin(uniqueid, known.unwrap_or(last + 1), queue, rule, at);
        let is_last = self.is_last(&id);
        if let Some(stay) = self.stays.get_mut(&id) {
            stay.joined_at.get_or_insert(at);
            if is_last && stay.phase == Phase::Left && stay.left_at.is_some_and(|left| left < at) {
                // Let go and taken again by the same queue, at once.
                stay.phase = Phase::Waiting;
                stay.pending = None;
                stay.exits.clear();
            }
        }
        id
    }

    /// The stay in this queue that is meant, or was last; begun if there is none.
    fn stay_in(&mut self, uniqueid: &str, meant: u32, queue: &str, rule: Queue, at: DateTime<Utc>) -> StayId {
        let last = self.numbers.get(uniqueid).map_or(0, |numbers| numbers.last);
        let name = opaque(queue);
        let is_there = |number: &u32| {
            let stay = self.stays.get(&(uniqueid.to_owned(), *number));
            stay.is_some_and(|stay| stay.queue.as_ref().is_none_or(|known| *known == name))
        };
        let known = std::iter::once(meant).chain((1..=last).rev()).find(is_there);
        self.begin(uniqueid, known.unwrap_or(last + 1), queue, rule, at)
    }

    /// Finds or begins a stay. The stays before a new one did not lose the call: what they let go of went on.
    fn begin(&mut self, uniqueid: &str, number: u32, queue: &str, rule: Queue, at: DateTime<Utc>) -> StayId {
        let numbers = self.numbers.entry(uniqueid.to_owned()).or_default();
        if number > numbers.last {
            numbers.last = number;
            for before in 1..number {
                if let Some(stay) = self.stays.get_mut(&(uniqueid.to_owned(), before)) {
                    stay.over(at);
                }
            }
        }
        let hung_up = self.hung_up.iter().any(|gone| gone == uniqueid);
        let id = (uniqueid.to_owned(), number);
        let stay = self.stays.entry(id.clone()).or_insert_with(|| {
            let mut stay = Stay::new(opaque(uniqueid), rule.clone(), Phase::Waiting, at);
            stay.hung_up = hung_up;
            stay
        });
        if stay.queue.is_none() {
            stay.queue = Some(opaque(queue));
            stay.rule = rule;
        }
        stay.touched_at = stay.touched_at.max(at);
        id
    }

    /// Stamps of the log are whole seconds: within one, the order of a call's lines counts.
    pub(super) fn place_in_second(&mut self, line: &Line) -> TimeDelta {
        let numbers = self.numbers.entry(line.call.clone()).or_default();
        let (second, count) = numbers.second;
        numbers.second = (line.epoch_s, if second == line.epoch_s { count + 1 } else { 0 });
        TimeDelta::microseconds(numbers.second.1)
    }

    /// What the log says of a later stay happened after its join as the interface told it, whatever the stamps say.
    pub(super) fn not_before_join(&self, id: &StayId, at: DateTime<Utc>) -> DateTime<Utc> {
        let is_later = |stay: &&Stay| id.1 > 1 || stay.took_over;
        let joined_at = self.stays.get(id).filter(is_later).and_then(|stay| stay.joined_at);
        joined_at.map_or(at, |joined_at| at.max(joined_at))
    }
}
