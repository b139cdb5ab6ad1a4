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

mod events;
mod listing;
mod stay;
mod which;

use std::collections::{HashMap, HashSet, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest, Sha256};

use super::members::{Members, is_about_a_member};
use super::queue_log::Line;
use super::settings::{Queue, Settings};
use super::wire::{Message, unescape};
use crate::domain::identity::ExternalId;
use crate::domain::observation::{MissedReason, Rank};
use crate::domain::session;
use crate::protocol::observations::{LiveFacts, Observed, Said};
use crate::protocol::text::Text;
use crate::sources::QueueStaff;
use listing::Listing;
use stay::{Exit, Fact, Pending, Phase, Stay, StayId, Why, key, observation};
use which::Numbers;

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
/// An unmapped interface with this many digits in a row may be someone's private number: not kept.
const PRIVATE_DIGITS: usize = 8;

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
