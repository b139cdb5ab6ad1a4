//! Messages of the manager interface and lines of `queue_log` -> observations. Pure.
//!
//! Owns what is known of each call: which stay in a queue it is, how far it got and what was
//! told. Must never read a clock, a socket or a file. Who is right when facts disagree is
//! not decided here: every fact is handed in with its rank, the domain does the rest.
//!
//! How the facts are made, so that two servers, a reconnect, a re-read file and events in any order
//! end in the same state:
//!
//! - A key is made of the call id, the fact and the rank, never of a time.
//! - `QueueCallerLeave` alone decides nothing; it is followed by the answer or preceded by
//!   the abandon. If neither comes, the miss is concluded after a grace, at the lowest rank.
//! - An abandon is also sent when the queue itself gave up. The caller's own hang-up shows as
//!   `HangupRequest`; without it the timeout is a conclusion from absence and ranks as one.
//! - A call that is in no list any more is concluded after a grace too: the list is made at once, while
//!   events are queued, so the event that explains it may still be on its way.
//! - A caller may be in several queues under one Uniqueid, one after the other (overflow, transfer). That is one call:
//!   its id is the Uniqueid, and what is told of each stay after the first has the stay's number in its key. Whether a
//!   stay is the last is known only when no other begins, so what a queue let go of is told
//!   [`GOES_ON_WITHIN`](session::GOES_ON_WITHIN) later, with the time at which it was let go.
//! - A channel of an endpoint that one of our own sits at is a colleague's call. Only the interface names channels: the log
//!   alone knows no colleague, and what it tells says nothing of it, so that a line read again says the same. The number
//!   that it has is no endpoint: a home of old people with an exchange of its own calls with numbers as short as ours, and
//!   a citizen taken for a colleague is never rung back.
//! - A colleague who waits for somebody on a citizen's behalf and passes the citizen on meanwhile (attended transfer) gives
//!   up the place: from then on the exchange tells of the *citizen's* channel, in the log too, without a join of its own.
//!   So the citizen's call waits from the transfer on, under its own Uniqueid, the colleague's is told to have been passed
//!   on to it, and is missed by nobody.
//! - A line or an event may be the first we hear of a call. A talk that ended was answered, and that is told first.

use std::collections::{HashMap, HashSet, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest, Sha256};

use super::members::{Members, is_about_a_member};
use super::queue_log::Line;
use super::settings::{Queue, Settings};
use super::wire::{Message, unescape};
use crate::domain::identity::{Code, ExternalId, Key};
use crate::domain::observation::{MissedReason, Observation, Rank};
use crate::domain::session;
use crate::protocol::observations::{LiveFacts, Observed, Said};
use crate::protocol::text::Text;
use crate::sources::{OpenCall, QueueKind, QueueStaff};

/// After a hang-up or an absence from the list, how long an explanation may take.
pub const GRACE: TimeDelta = TimeDelta::seconds(3);
/// After a leave, how long the answer may take: an agent may hear an announcement first.
pub const LEFT_GRACE: TimeDelta = TimeDelta::seconds(60);
/// Joins of one queue that are told at times this near are one: stamps and waits are whole seconds.
pub const SAME_JOIN: TimeDelta = TimeDelta::seconds(2);
/// Clocks that differ less are taken as equal: stamps are whole seconds.
pub const CLOCK_TOLERANCE: TimeDelta = TimeDelta::seconds(2);
/// Between the end of one stay and the beginning of the next.
const JUST_BEFORE: TimeDelta = TimeDelta::microseconds(1);
/// An older stamp is no stamp: a clock that was never set.
pub const STAMP_AGE_MAX: TimeDelta = TimeDelta::days(366);
/// How long a call that is over is remembered.
pub const REMEMBER: TimeDelta = TimeDelta::hours(24);
/// Most stays remembered; the oldest that are over go first.
pub const STAYS_MAX: usize = 20_000;
/// How the `ActionID` of a list begins.
pub const LIST_ACTION: &str = "status-";
/// Hang-ups remembered of channels that are no call of ours (yet).
const HANG_UPS_MAX: usize = 512;
/// An unmapped interface with this many digits in a row may be someone's private number: not kept.
const PRIVATE_DIGITS: usize = 8;

/// How far a stay in a queue got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Waiting,
    /// Out of the queue, nobody said why yet.
    Left,
    Talking,
    Over,
}

/// What can be told of a stay, in the words of the keys.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Fact {
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
    fn word(&self) -> &'static str {
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
enum Why {
    Left,
    HungUp,
    /// In no list, or the exchange began anew.
    Absent,
    /// The queue let it go, and no other of ours has it yet.
    LetGo,
}

/// The queue let a call go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Exit {
    at: DateTime<Utc>,
    reason: MissedReason,
    rank: Rank,
    /// The queue itself gave up: the call goes to where its setting says.
    by_queue: bool,
}

/// A conclusion that is drawn unless something explains the call before `due_at`.
#[derive(Debug, Clone, Copy)]
struct Pending {
    due_at: DateTime<Utc>,
    /// When it will be said to have happened.
    at: DateTime<Utc>,
    why: Why,
}

/// One stay of one caller in one queue.
#[derive(Debug, Clone)]
struct Stay {
    /// The call's id: the Uniqueid. (Logs of earlier versions have `…#2` for a second stay.)
    call: ExternalId,
    queue: Option<ExternalId>,
    rule: Queue,
    /// By the channel's name, as far as the interface told it.
    colleague: bool,
    /// It has another call's place: no join of its own is in the log.
    took_over: bool,
    phase: Phase,
    /// When it joined, where that was told.
    joined_at: Option<DateTime<Utc>>,
    /// When the interface or the log last said something about it, a list included.
    touched_at: DateTime<Utc>,
    left_at: Option<DateTime<Utc>>,
    /// Abandoned by the interface's word.
    abandoned: bool,
    hung_up: bool,
    pending: Option<Pending>,
    /// Not told yet.
    exits: Vec<Exit>,
    told: Vec<(&'static str, Rank)>,
}

/// Uniqueid and number of the stay, from 1.
type StayId = (String, u32);

impl Stay {
    fn new(call: ExternalId, rule: Queue, phase: Phase, at: DateTime<Utc>) -> Self {
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
    fn let_go(&mut self, exit: Exit, now: DateTime<Utc>) {
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
    fn pend(&mut self, grace: TimeDelta, at: DateTime<Utc>, now: DateTime<Utc>, why: Why) {
        let due_at = now + grace;
        if self.pending.is_none_or(|pending| due_at < pending.due_at) {
            self.pending = Some(Pending { due_at, at, why });
        }
    }

    fn over(&mut self, at: DateTime<Utc>) {
        self.phase = Phase::Over;
        self.pending = None;
        self.exits.clear();
        self.left_at.get_or_insert(at);
    }

    fn has_told(&self, word: &'static str, rank: Rank) -> bool {
        self.told.contains(&(word, rank))
    }

    /// The exchange said so, as it happened or in its log; not concluded.
    fn was_told(&self, word: &'static str) -> bool {
        self.has_told(word, Rank::Event) || self.has_told(word, Rank::Log)
    }
}

/// Which stay of a Uniqueid is meant.
#[derive(Debug, Clone, Default)]
struct Numbers {
    /// How many there are.
    last: u32,
    /// The one the interface's events are about; 0: none yet.
    event: u32,
    /// The one the log's lines are about; 0: none yet.
    log: u32,
    /// The log's last second and how many of its lines were in it: their order within a second counts.
    second: (i64, i64),
}

/// The list being told after `QueueStatus`.
#[derive(Debug, Clone)]
struct Listing {
    action: String,
    asked_at: DateTime<Utc>,
    /// Uniqueids.
    present: HashSet<String>,
    queues: HashSet<String>,
    /// Some member of one of our queues is in a call of it.
    in_call: bool,
}

/// Everything known of the calls of one exchange.
#[derive(Debug, Clone)]
pub struct Calls {
    settings: Settings,
    stays: HashMap<StayId, Stay>,
    numbers: HashMap<String, Numbers>,
    /// Channels whose hang-up was asked for.
    hangup_requested: VecDeque<String>,
    /// Channels that are gone.
    hung_up: VecDeque<String>,
    /// This connection shows events of the class `call`.
    sees_channels: bool,
    /// How far the exchange's clock is ahead of ours.
    ahead: TimeDelta,
    listing: Option<Listing>,
    listings: u64,
    members: Members,
}

impl Calls {
    pub fn new(settings: &Settings) -> Self {
        Self {
            settings: settings.clone(),
            stays: HashMap::new(),
            numbers: HashMap::new(),
            hangup_requested: VecDeque::new(),
            hung_up: VecDeque::new(),
            sees_channels: false,
            ahead: TimeDelta::zero(),
            listing: None,
            listings: 0,
            members: Members::default(),
        }
    }

    /// A new connection: nothing is known of it yet.
    pub fn connected(&mut self) {
        self.sees_channels = false;
        self.listing = None;
        self.members.forget();
    }

    /// Who takes the calls of each of our queues, and how many wait there. Empty while nothing is known of it.
    pub fn staff(&self) -> Vec<QueueStaff> {
        let waiting = |queue: &str| {
            let queue = opaque(queue);
            let waits = |stay: &&Stay| stay.phase == Phase::Waiting && stay.queue.as_ref() == Some(&queue);
            u32::try_from(self.stays.values().filter(waits).count()).unwrap_or(u32::MAX)
        };
        let staff =
            |(queue, rule): (&String, &Queue)| self.members.staff(queue, &rule.agreements, waiting(queue));
        self.settings.queues.iter().filter_map(staff).collect()
    }

    /// The connection is gone: who is on duty is not known any more.
    pub fn disconnected(&mut self) {
        self.members.forget();
    }

    /// How far the exchange's clock is ahead of ours; zero within the tolerance.
    pub fn clock_ahead(&self) -> TimeDelta {
        self.ahead
    }

    /// A message came at `now`. Replies and events that say nothing about a call give nothing.
    pub fn message(&mut self, message: &Message, now: DateTime<Utc>) -> Vec<Observed> {
        if message.get("Ping").is_some() {
            self.compare_clocks(message, now);
        }
        let Some(event) = message.event() else { return Vec::new() };
        self.sees_channels |= message.get("Privilege").is_some_and(|classes| classes.starts_with("call,"));
        if is_about_a_member(event)
            && message.get("Queue").is_some_and(|it| self.settings.queues.contains_key(it))
        {
            self.members.told(message);
        }
        let mut told = Vec::new();
        match event {
            "QueueCallerJoin" => self.joined(message, now, &mut told),
            "QueueCallerLeave" => self.left(message, now, &mut told),
            "QueueCallerAbandon" => self.abandoned(message, now, &mut told),
            "AgentConnect" => self.connected_to_agent(message, now, &mut told),
            "AgentComplete" => self.completed(message, now, &mut told),
            "AttendedTransfer" => self.passed_on(message, now, &mut told),
            "HangupRequest" => self.hangup_asked(message, now, &mut told),
            "Hangup" => self.hung_up(message, now, &mut told),
            "QueueParams" | "QueueMember" | "QueueEntry" => self.listed(event, message, now, &mut told),
            _ => {}
        }
        told
    }

    /// A line of `queue_log` was read at `now`.
    pub fn line(&mut self, line: &Line, now: DateTime<Utc>) -> Vec<Observed> {
        let at = self.ours(line.epoch_s.saturating_mul(1_000_000), now);
        if line.event == "QUEUESTART" {
            self.began_anew(at, now);
            return Vec::new();
        }
        let mut told = self.let_go_before(at);
        let Some(rule) = self.settings.queues.get(&line.queue).cloned() else { return told };
        let at = (at + self.place_in_second(line)).min(now);
        let missed = |reason| Fact::Missed(reason);
        let (fact, is_exit) = match line.event.as_str() {
            "ENTERQUEUE" => (Fact::Waiting, false),
            "CONNECT" => (Fact::Answered(self.agent(None, Some(&line.agent))), false),
            "ABANDON" => (missed(MissedReason::HungUp), false),
            "EXITWITHKEY" => (missed(MissedReason::HungUp), true),
            "EXITWITHTIMEOUT" => (missed(MissedReason::Timeout), true),
            "EXITEMPTY" => (missed(MissedReason::NoAgent), true),
            _ if line.held_and_talked_s().is_some() => (Fact::Ended, false),
            _ => return told,
        };
        let mut live = LiveFacts::default();
        if fact == Fact::Waiting {
            live.caller = line.parameters.get(1).and_then(|number| number_of(number));
        }
        let (held, talked) = line.held_and_talked_s().unwrap_or_default();
        let answered_at = at - TimeDelta::seconds(talked);
        let id = self.stay_of_line(line, rule, at);
        let at = self.not_before_join(&id, at);
        // Its join was before the look-back, or another's: what opens a call comes first all the same, as a conclusion.
        // Where the join was told there is nothing to conclude.
        let is_known = self.stays.get(&id).is_some_and(|stay| stay.was_told("waiting"));
        let (rank, joined_at) = match fact {
            Fact::Waiting => (Rank::Log, at),
            _ => (Rank::Inference, answered_at - TimeDelta::seconds(held)),
        };
        if rank == Rank::Log || !is_known {
            self.tell(&id, Fact::Waiting, rank, joined_at, live, &mut told);
        }
        if fact == Fact::Ended {
            // Its answer too: a talk that ended was answered.
            let answered = Fact::Answered(self.agent(None, Some(&line.agent)));
            self.tell(&id, answered, Rank::Log, answered_at, LiveFacts::default(), &mut told);
        }
        match fact {
            Fact::Missed(reason) if is_exit => {
                let exit = Exit { at, reason, rank: Rank::Log, by_queue: true };
                if self.is_last(&id)
                    && let Some(stay) = self.stays.get_mut(&id)
                {
                    stay.let_go(exit, now);
                }
            }
            _ => {
                self.advance(&id, &fact, at);
                self.tell(&id, fact, Rank::Log, at, LiveFacts::default(), &mut told);
            }
        }
        told
    }

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

    /// Draws the conclusions that are due, and forgets what is long over. Call it every second or so.
    pub fn settle(&mut self, now: DateTime<Utc>) -> Vec<Observed> {
        let mut told = self.conclude(|pending| pending.due_at <= now);
        self.forget(now);
        told.sort_by_key(|observed| observed.at);
        told
    }

    /// A line of the log at `at`: of what was let go so long before it no other line can come any more.
    fn let_go_before(&mut self, at: DateTime<Utc>) -> Vec<Observed> {
        self.conclude(|pending| {
            pending.why == Why::LetGo && pending.at + session::GOES_ON_WITHIN + SAME_JOIN < at
        })
    }

    fn conclude(&mut self, is_due: impl Fn(&Pending) -> bool) -> Vec<Observed> {
        let mut due: Vec<(DateTime<Utc>, StayId)> = self
            .stays
            .iter()
            .filter_map(|(id, stay)| Some((stay.pending.filter(&is_due)?.at, id.clone())))
            .collect();
        due.sort();
        let mut told = Vec::new();
        for (at, id) in due {
            self.conclude_one(&id, at, &mut told);
        }
        told
    }

    /// Nothing has explained it, or gone on with it.
    fn conclude_one(&mut self, id: &StayId, at: DateTime<Utc>, told: &mut Vec<Observed>) {
        let Some(stay) = self.stays.get_mut(id) else { return };
        let none = LiveFacts::default;
        match stay.phase {
            Phase::Over if stay.exits.is_empty() => stay.pending = None,
            Phase::Talking => {
                stay.over(at);
                self.tell(id, Fact::Ended, Rank::Inference, at, none(), told);
            }
            Phase::Waiting | Phase::Left if stay.exits.is_empty() => {
                stay.over(at);
                self.tell(id, Fact::Missed(MissedReason::HungUp), Rank::Inference, at, none(), told);
            }
            Phase::Waiting | Phase::Left | Phase::Over => {
                let exits = std::mem::take(&mut stay.exits);
                let then = stay.rule.then;
                stay.over(at);
                for exit in exits {
                    self.tell(id, Fact::Missed(exit.reason), exit.rank, exit.at, none(), told);
                    if let (Some(then), true) = (then, exit.by_queue) {
                        self.tell(id, Fact::Redirected(then.code()), exit.rank, exit.at, none(), told);
                    }
                }
            }
        }
    }

    /// When the next conclusion is due, if any is.
    pub fn next_due_at(&self) -> Option<DateTime<Utc>> {
        self.stays.values().filter_map(|stay| stay.pending).map(|pending| pending.due_at).min()
    }

    // Events about a caller.

    fn joined(&mut self, message: &Message, now: DateTime<Utc>, told: &mut Vec<Observed>) {
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

    fn left(&mut self, message: &Message, now: DateTime<Utc>, told: &mut Vec<Observed>) {
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

    fn abandoned(&mut self, message: &Message, now: DateTime<Utc>, told: &mut Vec<Observed>) {
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

    fn connected_to_agent(&mut self, message: &Message, now: DateTime<Utc>, told: &mut Vec<Observed>) {
        let at = self.time(message, now);
        let Some(id) = self.stay_of_event(message, at, seconds(message, "HoldTime"), told) else { return };
        let fact = Fact::Answered(self.agent(message.get("Interface"), message.get("MemberName")));
        self.advance(&id, &fact, at);
        self.tell(&id, fact, Rank::Event, at, live_of_event(message), told);
        self.if_hung_up(&id, at, now, told);
    }

    /// The talk is over. If its beginning was missed, that is told first.
    fn completed(&mut self, message: &Message, now: DateTime<Utc>, told: &mut Vec<Observed>) {
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
    fn passed_on(&mut self, message: &Message, now: DateTime<Utc>, told: &mut Vec<Observed>) {
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
    fn is_on(&mut self, id: &StayId, channel: Option<&str>) {
        let is_colleague = channel.is_some_and(|channel| self.settings.is_colleague(channel));
        if let Some(stay) = self.stays.get_mut(id) {
            stay.colleague |= is_colleague;
        }
    }

    fn hangup_asked(&mut self, message: &Message, now: DateTime<Utc>, told: &mut Vec<Observed>) {
        let Some(uniqueid) = message.get("Uniqueid") else { return };
        remember(&mut self.hangup_requested, uniqueid);
        let Some(id) = self.current(uniqueid) else { return };
        if self.stays.get(&id).is_some_and(|stay| stay.abandoned) {
            let at = self.time(message, now);
            self.tell(&id, Fact::Missed(MissedReason::HungUp), Rank::Event, at, live_of_event(message), told);
        }
    }

    fn hung_up(&mut self, message: &Message, now: DateTime<Utc>, told: &mut Vec<Observed>) {
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

    // The list.

    fn listed(&mut self, event: &str, message: &Message, now: DateTime<Utc>, told: &mut Vec<Observed>) {
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
    fn began_anew(&mut self, at: DateTime<Utc>, now: DateTime<Utc>) {
        for stay in self.stays.values_mut().filter(|stay| stay.phase != Phase::Over && stay.touched_at < at) {
            stay.pend(GRACE, at, now, Why::Absent);
        }
    }

    // Which call is meant.

    /// Uniqueid, queue and rule of an event about a caller in one of our queues.
    fn of_ours<'m>(&self, message: &'m Message) -> Option<(&'m str, &'m str, Queue)> {
        let queue = message.get("Queue")?;
        Some((message.get("Uniqueid")?, queue, self.settings.queues.get(queue)?.clone()))
    }

    /// The stay an event is about. If its join was missed it is told first, `ago_s` before `at`.
    fn stay_of_event(
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
    fn turn_to_talk(&mut self, message: &Message) -> u32 {
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
    fn before_next_join(&self, (uniqueid, number): &StayId, at: DateTime<Utc>) -> DateTime<Utc> {
        let next = self.stays.get(&(uniqueid.clone(), number + 1)).and_then(|stay| stay.joined_at);
        next.map_or(at, |joined_at| at.min(joined_at - JUST_BEFORE))
    }

    /// The stay a line is about.
    fn stay_of_line(&mut self, line: &Line, rule: Queue, at: DateTime<Utc>) -> StayId {
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
    fn current(&self, uniqueid: &str) -> Option<StayId> {
        let numbers = self.numbers.get(uniqueid)?;
        let number = if numbers.event == 0 { numbers.last } else { numbers.event };
        Some((uniqueid.to_owned(), number)).filter(|id| self.stays.contains_key(id))
    }

    fn is_last(&self, (uniqueid, number): &StayId) -> bool {
        self.numbers.get(uniqueid).is_none_or(|numbers| numbers.last <= *number)
    }

    /// A caller joined a queue: the stay that this is, begun if it is none that we know.
    fn join(&mut self, uniqueid: &str, queue: &str, rule: Queue, at: DateTime<Utc>) -> StayId {
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
    fn place_in_second(&mut self, line: &Line) -> TimeDelta {
        let numbers = self.numbers.entry(line.call.clone()).or_default();
        let (second, count) = numbers.second;
        numbers.second = (line.epoch_s, if second == line.epoch_s { count + 1 } else { 0 });
        TimeDelta::microseconds(numbers.second.1)
    }

    /// What the log says of a later stay happened after its join as the interface told it, whatever the stamps say.
    fn not_before_join(&self, id: &StayId, at: DateTime<Utc>) -> DateTime<Utc> {
        let is_later = |stay: &&Stay| id.1 > 1 || stay.took_over;
        let joined_at = self.stays.get(id).filter(is_later).and_then(|stay| stay.joined_at);
        joined_at.map_or(at, |joined_at| at.max(joined_at))
    }

    // Telling.

    /// Moves the stay on; never back.
    fn advance(&mut self, id: &StayId, fact: &Fact, at: DateTime<Utc>) {
        let Some(stay) = self.stays.get_mut(id) else { return };
        match fact {
            Fact::Waiting | Fact::Redirected(_) | Fact::PassedOn(_) => {}
            Fact::Answered(_) if stay.was_told("ended") => {}
            Fact::Answered(_) => {
                stay.phase = Phase::Talking;
                stay.pending = None;
            }
            Fact::Missed(_) | Fact::Ended => stay.over(at),
        }
    }

    /// Hands out a fact, once for each rank.
    fn tell(
        &mut self,
        id: &StayId,
        fact: Fact,
        rank: Rank,
        at: DateTime<Utc>,
        live: LiveFacts,
        told: &mut Vec<Observed>,
    ) {
        let Some(stay) = self.stays.get_mut(id) else { return };
        if stay.has_told(fact.word(), rank) {
            return;
        }
        stay.told.push((fact.word(), rank));
        let key = key(stay, id.1, &fact, rank);
        let Some(observation) = observation(stay, fact, rank) else { return };
        let agreements = &stay.rule.agreements;
        told.push(Observed {
            key,
            at,
            agreement: agreements.first().filter(|_| agreements.len() == 1).cloned(),
            candidates: agreements.clone(),
            rank,
            observation,
            live,
            said: Said { is_session: true, ..Said::default() },
        });
    }

    // Clocks, members, memory.

    /// When an event happened: its own stamp, if the exchange sends them, else the receipt.
    fn time(&self, message: &Message, now: DateTime<Utc>) -> DateTime<Utc> {
        message.get("Timestamp").and_then(micros).map_or(now, |stamp_us| self.ours(stamp_us, now))
    }

    /// From the exchange's clock to ours, never in the future. A stamp out of all reason is `now`.
    fn ours(&self, stamp_us: i64, now: DateTime<Utc>) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(stamp_us)
            .and_then(|theirs| theirs.checked_sub_signed(self.ahead))
            .map(|at| at.min(now))
            .filter(|at| now - at <= STAMP_AGE_MAX)
            .unwrap_or(now)
    }

    fn compare_clocks(&mut self, message: &Message, now: DateTime<Utc>) {
        let theirs = message.get("Timestamp").and_then(micros).and_then(DateTime::from_timestamp_micros);
        if let Some(theirs) = theirs {
            let ahead = theirs - now;
            self.ahead = if ahead.abs() < CLOCK_TOLERANCE { TimeDelta::zero() } else { ahead };
        }
    }

    /// Who answered: the person set for the interface or the member name, else the interface. `queue_log`
    /// has only one of the two; nothing learned elsewhere is used, so that a line read again says the same.
    fn agent(&self, interface: Option<&str>, member: Option<&str>) -> Option<ExternalId> {
        let person = [interface, member].into_iter().flatten().find_map(|who| self.settings.agents.get(who));
        let person = person.and_then(|person| ExternalId::new(person.as_str()).ok());
        person.or_else(|| {
            let interface = interface.or(member.filter(|member| member.contains('/')))?;
            if is_private(interface) { None } else { ExternalId::new(interface).ok() }
        })
    }

    fn forget(&mut self, now: DateTime<Utc>) {
        let before = self.stays.len();
        self.stays.retain(|_, stay| stay.phase != Phase::Over || stay.touched_at + REMEMBER > now);
        if self.stays.len() > STAYS_MAX {
            let mut over: Vec<(DateTime<Utc>, StayId)> = self
                .stays
                .iter()
                .filter(|(_, stay)| stay.phase == Phase::Over)
                .map(|(id, stay)| (stay.touched_at, id.clone()))
                .collect();
            over.sort();
            for (_, id) in over.into_iter().take(self.stays.len() - STAYS_MAX) {
                self.stays.remove(&id);
            }
        }
        if self.stays.len() < before {
            let known: HashSet<&str> = self.stays.keys().map(|(uniqueid, _)| uniqueid.as_str()).collect();
            self.numbers.retain(|uniqueid, _| known.contains(uniqueid.as_str()));
        }
    }
}

/// What the fact is called beyond this file, by the kind of the stay's own queue: that a call is an alarm for good once
/// it was in a queue of kind alarm is not decided here.
fn observation(stay: &Stay, fact: Fact, rank: Rank) -> Option<Observation> {
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
fn key(stay: &Stay, number: u32, fact: &Fact, rank: Rank) -> Key {
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

/// Of an id in our log. Those of earlier versions have a number from the second stay on.
fn uniqueid_and_number(call: &str) -> (String, u32) {
    let numbered = call.rsplit_once('#').and_then(|(id, number)| Some((id.to_owned(), number.parse().ok()?)));
    numbered.unwrap_or_else(|| (call.to_owned(), 1))
}

/// The name as an id; one that cannot be an id becomes letters, always the same: a call must never be lost for its name.
fn opaque(name: &str) -> ExternalId {
    ExternalId::new(name).unwrap_or_else(|_| ExternalId::new(letters(name)).expect("letters make an id"))
}

fn letters(name: &str) -> String {
    let digest = Sha256::digest(name.as_bytes());
    let halves = digest.iter().take(16).flat_map(|byte| [byte >> 4, byte & 15]);
    "id-".chars().chain(halves.map(|half| char::from(b'a' + half))).collect()
}

/// Who calls, from an event: there names are escaped.
fn live_of_event(message: &Message) -> LiveFacts {
    live_of(message.get("CallerIDNum"), message.get("CallerIDName"))
}

fn live_of(number: Option<&str>, name: Option<&str>) -> LiveFacts {
    LiveFacts {
        caller: number.and_then(number_of),
        caller_name: name.map(unescape).as_deref().and_then(name_of),
        text: None,
    }
}

/// A number as sent. Unknown has several spellings.
fn number_of(number: &str) -> Option<Text> {
    let unknown = ["<unknown>", "unknown", "anonymous", "restricted", ""];
    let number = number.trim();
    (!unknown.iter().any(|word| word.eq_ignore_ascii_case(number))).then(|| Text::cut(number))
}

fn name_of(name: &str) -> Option<Text> {
    (!["<unknown>", "unknown", ""].contains(&name)).then(|| Text::cut(name))
}

/// Whole seconds of a header; absent or odd is 0, and never more than a day.
fn seconds(message: &Message, name: &str) -> i64 {
    message.get(name).and_then(|value| value.parse().ok()).map_or(0, |value: i64| value.clamp(0, 86_400))
}

/// `1795326357.715594` in microseconds.
fn micros(stamp: &str) -> Option<i64> {
    let (whole_s, fraction) = stamp.split_once('.').unwrap_or((stamp, ""));
    let fraction: String = fraction.chars().chain(std::iter::repeat('0')).take(6).collect();
    whole_s.parse::<i64>().ok()?.checked_mul(1_000_000)?.checked_add(fraction.parse().ok()?)
}

fn is_private(interface: &str) -> bool {
    interface.split(|c: char| !c.is_ascii_digit()).any(|digits| digits.len() >= PRIVATE_DIGITS)
}

fn remember(channels: &mut VecDeque<String>, uniqueid: &str) {
    if channels.len() == HANG_UPS_MAX {
        channels.pop_front();
    }
    channels.push_back(uniqueid.to_owned());
}
