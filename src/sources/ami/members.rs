//! Who takes the calls: the members of our queues, from the list and from the member events. Pure.
//!
//! Owns what a member's state means. Must never know a call, nor keep a member's name or interface beyond this
//! process: what leaves here are counts.

use std::collections::{BTreeMap, BTreeSet};

use super::wire::Message;
use crate::domain::identity::AgreementId;
use crate::sources::QueueStaff;

/// Members remembered of one queue; more are counted as not there.
const MEMBERS_MAX: usize = 1_000;

/// A member as last told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Member {
    /// The device's state: see [`Member::is_reachable`] and [`Member::is_busy`].
    status: u8,
    in_call: bool,
    paused: bool,
}

impl Member {
    fn of(message: &Message) -> Self {
        let flag = |name: &str| message.get(name).is_some_and(|value| value != "0");
        let status = message.get("Status").and_then(|status| status.parse().ok()).unwrap_or(0);
        Self { status, in_call: flag("InCall"), paused: flag("Paused") }
    }

    /// Neither invalid (4) nor unavailable (5). Unknown (0) is rung by the exchange, so it counts.
    fn is_reachable(self) -> bool {
        !matches!(self.status, 4 | 5)
    }

    /// In use (2), busy (3), ringing while in use (7), on hold (8), or in a call of the queue. A ringing one (6) is
    /// about to answer.
    fn is_busy(self) -> bool {
        self.in_call || matches!(self.status, 2 | 3 | 7 | 8)
    }
}

/// The members of all our queues.
#[derive(Debug, Clone, Default)]
pub struct Members {
    queues: BTreeMap<String, BTreeMap<String, Member>>,
    /// Members that the list being told has not confirmed yet.
    unconfirmed: BTreeSet<(String, String)>,
    /// A list was told to its end on this connection: before that nothing is known.
    is_known: bool,
}

impl Members {
    /// The connection began or ended: what was known may be wrong by now.
    pub fn forget(&mut self) {
        *self = Self::default();
    }

    /// A list was asked for: whom it does not name is gone.
    pub fn list_begins(&mut self) {
        let all = self
            .queues
            .iter()
            .flat_map(|(queue, members)| members.keys().map(|interface| (queue.clone(), interface.clone())));
        self.unconfirmed = all.collect();
    }

    /// The list is whole.
    pub fn list_ended(&mut self) {
        for (queue, interface) in std::mem::take(&mut self.unconfirmed) {
            self.remove(&queue, &interface);
        }
        self.is_known = true;
    }

    /// An event or a list's item about a member of one of our queues. Events name it `Interface`, lists `Location`.
    pub fn told(&mut self, message: &Message) {
        let interface = message.get("Interface").or_else(|| message.get("Location"));
        let (Some(queue), Some(interface)) = (message.get("Queue"), interface) else { return };
        self.unconfirmed.remove(&(queue.to_owned(), interface.to_owned()));
        if message.event() == Some("QueueMemberRemoved") {
            self.remove(queue, interface);
            return;
        }
        let members = self.queues.entry(queue.to_owned()).or_default();
        if members.len() < MEMBERS_MAX || members.contains_key(interface) {
            members.insert(interface.to_owned(), Member::of(message));
        }
    }

    fn remove(&mut self, queue: &str, interface: &str) {
        if let Some(members) = self.queues.get_mut(queue) {
            members.remove(interface);
        }
    }

    /// The counts of one queue. None while nothing is known.
    pub fn staff(&self, queue: &str, agreements: &[AgreementId], waiting: u32) -> Option<QueueStaff> {
        let members = self.queues.get(queue).into_iter().flat_map(BTreeMap::values);
        let count = |is_so: &dyn Fn(&Member) -> bool| {
            u32::try_from(members.clone().filter(|member| member.is_reachable() && is_so(member)).count())
                .unwrap_or(u32::MAX)
        };
        self.is_known.then(|| QueueStaff {
            queue: queue.into(),
            agreements: agreements.to_vec(),
            on_duty: count(&|member| !member.paused),
            busy: count(&|member| !member.paused && member.is_busy()),
            paused: count(&|member| member.paused),
            waiting,
        })
    }
}

/// True for the events and items that say something about a member.
pub fn is_about_a_member(event: &str) -> bool {
    event.starts_with("QueueMember")
}
