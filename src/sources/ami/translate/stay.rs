//! One stay of one caller in one queue: how far it got, what was told of it, what is concluded if nothing explains it.
//!
//! Owns the words of the keys, which are for ever. Must never know which stay a message is about.

use chrono::{DateTime, TimeDelta, Utc};

use super::super::settings::Queue;
use super::letters;
use crate::domain::identity::{Code, ExternalId, Key};
use crate::domain::observation::{MissedReason, Observation, Rank};
use crate::domain::session;
use crate::sources::QueueKind;

/// How far a stay in a queue got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Waiting,
    /// Out of the queue, nobody said why yet.
    Left,
    Talking,
    Over,
}

/// What can be told of a stay, in the words of the keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fact {
    Waiting,
    Answered(Option<ExternalId>),
    Missed(MissedReason),
    /// The exchange sent it on to there.
    Redirected(Code),
    Ended,
    /// This other call has its place now.
    PassedOn(ExternalId),
}

impl Fact {
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Answered(_) => "answered",
            Self::Missed(_) => "missed",
            Self::Redirected(_) => "redirected",
            Self::Ended => "ended",
            Self::PassedOn(_) => "passed-on",
        }
    }
}

/// Why a conclusion is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    Left,
    HungUp,
    /// In no list, or the exchange began anew.
    Absent,
    /// The queue let it go, and no other of ours has it yet.
    LetGo,
}

/// The queue let a call go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Exit {
    pub(super) at: DateTime<Utc>,
    pub(super) reason: MissedReason,
    pub(super) rank: Rank,
    /// The queue itself gave up: the call goes to where its setting says.
    pub(super) by_queue: bool,
}

/// A conclusion that is drawn unless something explains the call before `due_at`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pending {
    pub(super) due_at: DateTime<Utc>,
    /// When it will be said to have happened.
    pub(super) at: DateTime<Utc>,
    pub(super) why: Why,
}

/// One stay of one caller in one queue.
#[derive(Debug, Clone)]
pub(super) struct Stay {
    /// The call's id: the Uniqueid. (Logs of earlier versions have `…#2` for a second stay.)
    pub(super) call: ExternalId,
    pub(super) queue: Option<ExternalId>,
    pub(super) rule: Queue,
    /// By the channel's name, as far as the interface told it.
    pub(super) colleague: bool,
    /// It has another call's place: no join of its own is in the log.
    pub(super) took_over: bool,
    pub(super) phase: Phase,
    /// When it joined, where that was told.
    pub(super) joined_at: Option<DateTime<Utc>>,
    /// When the interface or the log last said something about it, a list included.
    pub(super) touched_at: DateTime<Utc>,
    pub(super) left_at: Option<DateTime<Utc>>,
    /// Abandoned by the interface's word.
    pub(super) abandoned: bool,
    pub(super) hung_up: bool,
    pub(super) pending: Option<Pending>,
    /// Not told yet.
    pub(super) exits: Vec<Exit>,
    pub(super) told: Vec<(&'static str, Rank)>,
}

/// Uniqueid and number of the stay, from 1.
pub(super) type StayId = (String, u32);

impl Stay {
    pub(super) fn new(call: ExternalId, rule: Queue, phase: Phase, at: DateTime<Utc>) -> Self {
        Self {
            call,
            queue: None,
            rule,
            colleague: false,
            took_over: false,
            phase,
            joined_at: None,
            touched_at: at,
            left_at: None,
            abandoned: false,
            hung_up: false,
            pending: None,
            exits: Vec::new(),
            told: Vec::new(),
        }
    }

    /// The queue let it go: told when no other has it in time.
    pub(super) fn let_go(&mut self, exit: Exit, now: DateTime<Utc>) {
        match self.phase {
            Phase::Talking => return,
            // Told by the other way already; this one may know better why.
            Phase::Over => {}
            Phase::Waiting | Phase::Left => self.phase = Phase::Left,
        }
        self.left_at.get_or_insert(exit.at);
        if !self.exits.iter().any(|known| known.rank == exit.rank) {
            self.exits.push(exit);
        }
        self.pending = None;
        self.pend(session::GOES_ON_WITHIN, exit.at, now, Why::LetGo);
    }

    /// Keeps the earliest.
    pub(super) fn pend(&mut self, grace: TimeDelta, at: DateTime<Utc>, now: DateTime<Utc>, why: Why) {
        let due_at = now + grace;
        if self.pending.is_none_or(|pending| due_at < pending.due_at) {
            self.pending = Some(Pending { due_at, at, why });
        }
    }

    pub(super) fn over(&mut self, at: DateTime<Utc>) {
        self.phase = Phase::Over;
        self.pending = None;
        self.exits.clear();
        self.left_at.get_or_insert(at);
    }

    pub(super) fn has_told(&self, word: &'static str, rank: Rank) -> bool {
        self.told.contains(&(word, rank))
    }

    /// The exchange said so, as it happened or in its log; not concluded.
    pub(super) fn was_told(&self, word: &'static str) -> bool {
        self.has_told(word, Rank::Event) || self.has_told(word, Rank::Log)
    }
}

/// What the fact is called beyond this file, by the kind of the stay's own queue: that a call is an alarm for good once
/// it was in a queue of kind alarm is not decided here.
pub(super) fn observation(stay: &Stay, fact: Fact, rank: Rank) -> Option<Observation> {
    let id = stay.call.clone();
    Some(match (stay.rule.kind, fact) {
        (QueueKind::Phone, Fact::Waiting) => {
            let colleague = stay.colleague && rank == Rank::Event;
            Observation::CallWaiting { call: id, queue: stay.queue.clone()?, colleague }
        }
        (QueueKind::Phone, Fact::Answered(agent)) => Observation::CallAnswered { call: id, agent },
        (QueueKind::Phone, Fact::Missed(reason)) => Observation::CallMissed { call: id, reason },
        (QueueKind::Alarm, Fact::Waiting) => {
            Observation::AlarmWaiting { alarm: id, queue: stay.queue.clone()? }
        }
        (QueueKind::Alarm, Fact::Answered(agent)) => Observation::AlarmAnswered { alarm: id, agent },
        (QueueKind::Alarm, Fact::Missed(_)) => Observation::AlarmUnanswered { alarm: id },
        (_, Fact::Redirected(to)) => Observation::AlarmRedirected { alarm: id, to },
        (_, Fact::Ended) => Observation::CallEnded { call: id },
        (_, Fact::PassedOn(to)) => Observation::CallPassedOn { call: id, to },
    })
}

/// `vagttest-1795325932.4/missed-log`: the same wherever and whenever the fact is met. Of the second stay
/// `…/missed.2-log`; a wait says where: `…/waiting/hovednummer-log`.
pub(super) fn key(stay: &Stay, number: u32, fact: &Fact, rank: Rank) -> Key {
    let (word, rank) = match (fact, rank) {
        // Two conclusions of one rank that say different things: one key has one content.
        (Fact::Missed(MissedReason::Timeout), Rank::Inference) => ("timeout", "-inferred"),
        (_, Rank::Inference) => (fact.word(), "-inferred"),
        (_, Rank::Event) => (fact.word(), ""),
        (_, Rank::Log) => (fact.word(), "-log"),
    };
    // One taken over under its old id has the number in that.
    let is_in_id = stay.call.as_str().contains('#');
    let number = if number > 1 && !is_in_id { format!(".{number}") } else { String::new() };
    let queue = stay.queue.as_ref().filter(|_| *fact == Fact::Waiting);
    let queue = queue.map(|queue| format!("/{queue}")).unwrap_or_default();
    let text = format!("{}/{word}{number}{queue}{rank}", stay.call);
    Key::new(text.clone()).unwrap_or_else(|_| Key::new(letters(&text)).expect("letters make a key"))
}
