//! Escalation: watches for what nobody takes, records that a second person is called, calls, and records what became of
//! it.
//!
//! Owns the order of these: on disk before anybody is called, so that a crash in between is made good after the restart,
//! marked as perhaps a second time. Must never hand out anything about a citizen.

mod send;
pub mod settings;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::domain::agreement::value_of;
use crate::domain::entry::{self, Entry};
use crate::domain::escalation::{Outcome, Why, due_at, is_needed};
use crate::domain::identity::{Board, Code, EntryId, Key, SourceName};
use crate::domain::{Actor, Command, NO_ENTRY, State};
use crate::engine::{Engine, Failure, Order, Storing};
use crate::i18n::{Texts, Value, dates, key};
use send::{Channel, Message};
use settings::Settings;

/// The kind under which the ways are in source health.
const KIND: &str = "escalation";
/// Pause between looks (seconds).
const LOOK_EVERY: TimeDelta = TimeDelta::seconds(1);
/// Begun within a minute at most: whoever was called ten times knows. What is still not taken then follows.
const BEGUN_PER_MINUTE_MAX: usize = 10;
/// The first pause between tries; each next one is twice as long (seconds).
const PAUSE_FIRST_SECONDS: i64 = 5;
/// And never longer than this.
const PAUSE_MAX_SECONDS: i64 = 120;

/// Begins to watch. What is posted is signed with `secret`.
///
/// # Errors
/// Nothing can be posted from this machine.
pub fn start(
    settings: &Settings,
    secret: Option<SecretString>,
    engine: &Engine,
    texts: &Texts,
    stop: &CancellationToken,
) -> Result<(), reqwest::Error> {
    let channels = Channel::all(settings, secret)?;
    let now = engine.clock.now();
    for channel in &channels {
        engine.health.expect(channel.name(), KIND, None, Vec::new(), now);
    }
    let watch = Watch {
        engine: engine.clone(),
        texts: texts.clone(),
        channels: channels.into(),
        tries: settings.tries,
        started_at: now,
        calling: Arc::default(),
        begun: VecDeque::new(),
        due: BTreeMap::new(),
        unstored: BTreeMap::new(),
        told_of_damage: false,
    };
    tokio::spawn(watch.run(stop.clone()));
    Ok(())
}

struct Watch {
    engine: Engine,
    texts: Texts,
    channels: Arc<[Channel]>,
    tries: u32,
    started_at: DateTime<Utc>,
    /// About whom somebody is being called now.
    calling: Arc<Mutex<BTreeSet<EntryId>>>,
    /// When the last ones were begun, by the even clock.
    begun: VecDeque<DateTime<Utc>>,
    /// When each falls due: the time in the log, and what that is by the even clock. A clock that is set since neither
    /// stops it nor hurries it.
    due: BTreeMap<EntryId, (DateTime<Utc>, DateTime<Utc>)>,
    /// Alarms that ring unstored: since when, by the even clock, and whether somebody was called. In memory only.
    unstored: BTreeMap<EntryId, (DateTime<Utc>, bool)>,
    /// Somebody was called about a damaged log.
    told_of_damage: bool,
}

impl Watch {
    async fn run(mut self, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.engine.clock.sleep(LOOK_EVERY) => {}
            }
            self.look_unstored(&stop);
            self.look(&stop).await;
        }
    }

    async fn look(&mut self, stop: &CancellationToken) {
        let (state, now) = (self.engine.state(), self.engine.clock.even());
        let set_by = self.engine.clock.set_by();
        let wanted = state.not_at_rest().filter_map(|entry| Some((due_at(&state, entry)?.0, entry)));
        let wanted: Vec<_> = wanted.collect();
        let known = std::mem::take(&mut self.due);
        for (at, entry) in &wanted {
            let fresh = (*at, *at - set_by);
            let due = known.get(&entry.id).filter(|it| it.0 == *at).copied().unwrap_or(fresh);
            self.due.insert(entry.id, due);
        }
        let mut due: Vec<_> = wanted.into_iter().filter(|(_, entry)| self.due[&entry.id].1 <= now).collect();
        due.sort_by_key(|(at, entry)| (*at, entry.id));
        for (_, entry) in due {
            if !self.may_begin(now) || !self.begin(entry).await {
                break;
            }
        }
        let state = self.engine.state();
        let running = state
            .not_at_rest()
            .filter(|entry| entry.escalation.as_ref().is_some_and(|it| it.ended.is_none()));
        for entry in running {
            self.call(entry, stop);
        }
    }

    /// What cannot be recorded is called about all the same, once: an alarm that nobody takes while nothing can be
    /// stored, and a log that is damaged.
    fn look_unstored(&mut self, stop: &CancellationToken) {
        let (state, now) = (self.engine.state(), self.engine.clock.even());
        if !self.told_of_damage && matches!(*self.engine.storing().borrow(), Storing::Damaged(_)) {
            self.told_of_damage = true;
            self.call_unrecorded(self.about_damage(), stop);
        }
        let ringing = self.engine.ringing_unstored();
        self.unstored.retain(|id, _| ringing.iter().any(|entry| entry.id == *id));
        for entry in ringing {
            let wanted = state.rules(entry.agreements());
            let after = wanted.filter_map(|rules| value_of(&rules.alarms.second_person_seconds)).min();
            let (since, is_called) = self.unstored.entry(entry.id).or_insert((now, false));
            let is_due = after.is_some_and(|after| now - *since >= TimeDelta::seconds(after.into()));
            if is_due && !*is_called {
                *is_called = true;
                let about = self.about_unstored(&entry);
                self.call_unrecorded(about, stop);
            }
        }
    }

    fn about_damage(&self) -> Message {
        let now = self.engine.clock.now();
        Message {
            id: NO_ENTRY.to_string(),
            why: "log-damaged",
            number: 0,
            board: Board::Sources.name(),
            state: "failed",
            agreement: String::new(),
            opened_at: now,
            again: false,
            text: self.texts.get(key::ESCALATION_LOG_DAMAGED).as_str().to_owned(),
        }
    }

    fn about_unstored(&self, entry: &Entry) -> Message {
        let (state, now) = (self.engine.state(), self.engine.clock.now());
        let args: [(&str, Value); 2] = [
            ("agreement", names_of(&state, entry).as_str().into()),
            ("clock", dates::near(entry.opened_at, now).into()),
        ];
        about(
            entry,
            Why::Unclaimed,
            false,
            self.texts.with(key::ESCALATION_NOT_STORED, &args).as_str().to_owned(),
        )
    }

    fn call_unrecorded(&self, message: Message, stop: &CancellationToken) {
        warn!(entry = %message.id, why = message.why, "a second person is called; it cannot be recorded");
        let (engine, channels, tries, stop) =
            (self.engine.clone(), self.channels.clone(), self.tries, stop.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                _ = tried(&engine, &channels, tries, || Some(message.clone())) => {}
            }
        });
    }

    fn may_begin(&mut self, now: DateTime<Utc>) -> bool {
        while self.begun.front().is_some_and(|at| now - *at >= TimeDelta::minutes(1)) {
            self.begun.pop_front();
        }
        self.begun.len() < BEGUN_PER_MINUTE_MAX
    }

    /// On disk before anybody is called. False while the log cannot be written.
    async fn begin(&mut self, entry: &Entry) -> bool {
        // With the version: taken in the same moment it is refused, and must not stay so when it comes back.
        let id = [entry.id.0.as_bytes().as_slice(), &entry.version.to_be_bytes()].concat();
        let order = ordered(Key::of_bytes("escalate-", &id), entry.id, entry::OfServer::EscalationBegin);
        match self.engine.order(order).await {
            Ok(_) => {
                self.begun.push_back(self.engine.clock.even());
                info!(entry = %entry.id, "a second person is called");
                true
            }
            Err(Failure::Unavailable) => false,
            // Taken in the meantime.
            Err(_) => true,
        }
    }

    /// Calls in the background, once at a time for an entry.
    fn call(&self, entry: &Entry, stop: &CancellationToken) {
        let mut calling = self.calling.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(escalation) = entry.escalation.as_ref().filter(|_| calling.insert(entry.id)) else { return };
        let call = Call {
            engine: self.engine.clone(),
            texts: self.texts.clone(),
            channels: self.channels.clone(),
            tries: self.tries,
            entry: entry.id,
            again: escalation.begun_at < self.started_at,
        };
        let (calling, stop) = (self.calling.clone(), stop.clone());
        tokio::spawn(async move {
            let entry = call.entry;
            tokio::select! {
                // Not ended: after the restart it is done again.
                () = stop.cancelled() => {}
                () = call.run() => {}
            }
            calling.lock().unwrap_or_else(PoisonError::into_inner).remove(&entry);
        });
    }
}

fn ordered(id: Key, entry: EntryId, command: entry::OfServer) -> Order {
    Order {
        id,
        actor: Actor::Timer,
        entry: Some(entry),
        expected_version: None,
        happened_at: None,
        command: Command::OfServer(command),
    }
}

/// One entry's call, from the first try to its end.
struct Call {
    engine: Engine,
    texts: Texts,
    channels: Arc<[Channel]>,
    tries: u32,
    entry: EntryId,
    again: bool,
}

impl Call {
    async fn run(&self) {
        let (outcome, times) = self.call().await;
        if outcome == Outcome::Failed {
            warn!(entry = %self.entry, times, "a second person could not be called");
        }
        let id = Key::of_bytes("escalated-", self.entry.0.as_bytes());
        let command = entry::OfServer::EscalationEnd { outcome, times };
        while let Err(Failure::Unavailable) =
            self.engine.order(ordered(id.clone(), self.entry, command.clone())).await
        {
            self.engine.clock.sleep(LOOK_EVERY).await;
        }
    }

    async fn call(&self) -> (Outcome, u32) {
        tried(&self.engine, &self.channels, self.tries, || self.message()).await
    }

    /// What is told: of the entry as it is now. None when it has been taken.
    fn message(&self) -> Option<Message> {
        let (state, now) = (self.engine.state(), self.engine.clock.now());
        let entry = state.entry(self.entry).filter(|entry| is_needed(&state, entry))?;
        let escalation = entry.escalation.as_ref()?;
        let args: [(&str, Value); 3] = [
            ("number", entry.number.into()),
            ("agreement", names_of(&state, entry).as_str().into()),
            ("clock", dates::near(entry.opened_at, now).into()),
        ];
        let text = self.texts.code_with("escalation", escalation.why.name(), &args);
        let again =
            if self.again { self.texts.get(key::ESCALATION_AGAIN).to_string() + " " } else { String::new() };
        Some(about(entry, escalation.why, self.again, again + text.as_str()))
    }
}

/// The names of the agreements that an entry belongs to, or may.
fn names_of(state: &State, entry: &Entry) -> String {
    let names: Vec<&str> = state.rules(entry.agreements()).map(|rules| rules.name.as_str()).collect();
    names.join(", ")
}

/// What is told of an entry.
fn about(entry: &Entry, why: Why, again: bool, text: String) -> Message {
    let ids: Vec<&str> = entry.agreements().iter().map(|id| id.as_str()).collect();
    Message {
        id: entry.id.to_string(),
        why: why.name(),
        number: entry.number,
        board: entry.board().name(),
        state: entry.state(),
        agreement: ids.join(","),
        opened_at: entry.opened_at,
        again,
        text,
    }
}

/// Tries as often as it may, with pauses that grow: what became of it, and how often it was tried. `message` says what is
/// told each time; none when it is no longer needed.
async fn tried(
    engine: &Engine,
    channels: &[Channel],
    tries: u32,
    message: impl Fn() -> Option<Message>,
) -> (Outcome, u32) {
    let mut pause = PAUSE_FIRST_SECONDS;
    for times in 1..=tries {
        let Some(message) = message() else { return (Outcome::NotNeeded, times - 1) };
        if every_way(engine, channels, &message, times == tries).await {
            return (Outcome::Sent, times);
        }
        if times < tries {
            engine.clock.sleep(TimeDelta::seconds(pause)).await;
            pause = (pause * 2).min(PAUSE_MAX_SECONDS);
        }
    }
    (Outcome::Failed, tries)
}

/// Every way is tried; true when one of them worked. The others then show as failed, and so do all at the end.
async fn every_way(engine: &Engine, channels: &[Channel], message: &Message, is_last: bool) -> bool {
    let tried = channels.iter().map(|channel| async move { (channel.name(), channel.send(message).await) });
    let tried: Vec<(SourceName, Result<(), &'static str>)> = futures_util::future::join_all(tried).await;
    let has_worked = tried.iter().any(|(_, sent)| sent.is_ok());
    for (name, sent) in tried {
        match sent {
            Ok(()) => engine.health.heard(&name, KIND, engine.clock.now()),
            Err(why) if has_worked || is_last => engine.health.cut(&name, Code::new(why).ok()),
            Err(why) => warn!(way = %name, why, "a second person was not reached this time"),
        }
    }
    has_worked
}
