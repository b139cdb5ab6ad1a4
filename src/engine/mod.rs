//! The engine: one writer per server. Takes commands and observations, decides, appends, publishes.
//!
//! Owns the order of things and the two promises: nothing is answered before it is on disk, and what could not be
//! stored still rings. Must never know HTTP, a terminal or a board's rules.

pub mod cares;
pub mod health;
mod jumps;
mod known;
pub mod live;
mod looking;
pub mod namespaces;
mod notes;
pub mod plan_only;
mod proof;
mod standing;
mod storing;
mod timers;
pub mod units;
mod writer;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use crate::care::{CareError, Person};
use crate::clock::Clock;
use crate::domain::entry::{Body, Entry, Origin};
use crate::domain::identity::{AgreementId, CitizenId, Code, EntryId, Key, Sequence, SourceName};
use crate::domain::masking::Masking;
use crate::domain::observation::{Matched, Observation, Rank};
use crate::domain::{self, Actor, Record, Refusal, StandingDue, State, sources};
use crate::ids::Ids;
use crate::store::{Log, Owed, Reader, Seen};
pub use crate::store::{Look, Looked, StoreError};
use cares::{Cares, Port};
use live::{Live, Personal};

pub use looking::Otherwise;
pub use notes::Pending;
pub use storing::Storing;

/// Requests waiting for the writer; more wait at the door.
const INBOX_MAX: usize = 4_096;
/// Desks must be found empty at so many looks, one a second: longer than they take to be heard.
const EMPTY_TICKS: u32 = 4;
/// Pause before a care system that was away is asked again who somebody is.
const ASK_WHO_AGAIN: chrono::TimeDelta = chrono::TimeDelta::seconds(10);
/// Callers wait and nobody is on duty for this long: a telephone that signs in anew is away for a moment.
const UNATTENDED_AFTER: chrono::TimeDelta = chrono::TimeDelta::seconds(5);
/// Batches a slow listener may lag behind before it must start over.
const PUBLISHED_MAX: usize = 4_096;

/// Why a request got no effect.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Failure {
    #[error("refused: {0:?}")]
    Refused(Refusal),
    /// The log cannot be written, or it is unknown whether it was: try again with the same id.
    #[error("the log cannot be written")]
    Unavailable,
    /// The care system is away; nothing was recorded.
    #[error("the care system is away")]
    CareAway,
    /// The same id came before with another content.
    #[error("the same id with another content")]
    IdReused,
}

/// A command that took effect.
#[derive(Debug, Clone)]
pub struct Done {
    pub sequence: Sequence,
    pub entry: Option<EntryId>,
    pub state: State,
    /// The note waits in memory for the care system.
    pub waiting: bool,
}

/// What became of an observation.
#[derive(Debug, Clone, PartialEq)]
pub enum Observed {
    Recorded(Option<EntryId>),
    Repeat(Option<EntryId>),
    Ignored,
    Refused(Refusal),
}

/// An observation as the engine takes it.
#[derive(Debug, Clone)]
pub struct Fact {
    pub key: Key,
    pub at: DateTime<Utc>,
    pub agreement: Option<AgreementId>,
    pub candidates: Vec<AgreementId>,
    pub rank: Rank,
    pub observation: Observation,
    pub personal: Personal,
    /// Its time is part of what it says: told again it has the same.
    pub is_timed: bool,
    /// Its id alone says which thing is meant.
    pub is_session: bool,
    /// What was odd about its form, for source health.
    pub marks: Vec<Code>,
}

impl Fact {
    /// The agreements it is told for: the one that was told, else those it may be.
    pub fn scope(&self) -> &[AgreementId] {
        self.agreement.as_ref().map_or(&self.candidates, std::slice::from_ref)
    }
}

/// What an envelope said, to be remembered beside the observations that came in it: ids only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noted {
    pub key: Key,
    /// What must be the same when the key comes again; only its digest is kept.
    pub content: String,
    /// What became of it, as a code.
    pub outcome: &'static str,
}

/// A key that was noted before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remembered {
    pub outcome: String,
    /// The content is the same as it was then.
    pub is_same: bool,
}

/// A command as the engine takes it.
#[derive(Debug, Clone)]
pub struct Order {
    pub id: Key,
    pub actor: Actor,
    pub entry: Option<EntryId>,
    pub expected_version: Option<u32>,
    pub happened_at: Option<DateTime<Utc>>,
    pub command: domain::Command,
}

/// What listeners get after each commit.
#[derive(Debug, Clone)]
#[expect(
    clippy::large_enum_variant,
    reason = "states are persistent maps: nearly every item is a Recorded, and cloning one is cheap"
)]
pub enum Published {
    Recorded {
        records: Arc<Vec<Record>>,
        /// The state before and after: who could see an entry before may no longer.
        before: State,
        after: State,
    },
    LiveChanged(EntryId),
    /// An alarm that could not be stored.
    Unstored(Arc<Entry>),
    /// The log was read again and holds more than was published: everybody starts over.
    StartOver,
}

enum Item {
    Order(Order, oneshot::Sender<Result<Done, Failure>>),
    Facts(SourceName, Vec<Fact>, Vec<Noted>, oneshot::Sender<Result<Vec<Observed>, Failure>>),
    /// What became of a key that came before.
    Known(String, Key, oneshot::Sender<Result<Option<Seen>, Failure>>),
    Report(SourceName, sources::Report),
    Looks(looking::Looking),
    Standing(StandingDue),
    /// A part of the log is not what was written.
    Damaged(StoreError),
}

/// Alarms that ring and are not stored.
type Ringing = BTreeMap<EntryId, Arc<Entry>>;

/// Whether the log has been read since the start.
#[derive(Debug, Clone, PartialEq)]
enum Loaded {
    NotYet,
    Yes,
    /// It cannot be, for now.
    Failed(StoreError),
}

/// What the engine needs from outside.
pub struct Parts {
    pub log: Log,
    pub clock: Clock,
    pub ids: Ids,
    pub cares: Cares,
    pub masking: Masking,
}

/// A handle to the running engine. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    inbox: mpsc::Sender<Item>,
    state: watch::Receiver<State>,
    published: broadcast::Sender<Published>,
    pub live: Live,
    pub health: health::Sources,
    /// Sources that never tell when a visit starts.
    pub plan_only: plan_only::PlanOnly,
    /// Whose devices are the same ones.
    pub namespaces: namespaces::Namespaces,
    /// Makes ids from outside storable.
    pub masking: Masking,
    /// How units were called before their numbers were masked.
    pub units: units::Units,
    pub reader: Reader,
    pub clock: Clock,
    pub ids: Ids,
    pub cares: Cares,
    notes: notes::Notes,
    storing: watch::Receiver<Storing>,
    ringing: watch::Receiver<Ringing>,
    owed: Owed,
    loaded: watch::Receiver<Loaded>,
}

impl Engine {
    /// Starts the writer and waits until the log has been read. It ends with `stop`; wait for the returned task.
    /// Errors: the log cannot be read; nothing runs then.
    pub async fn start(
        parts: Parts,
        stop: CancellationToken,
    ) -> Result<(Self, tokio::task::JoinHandle<()>), StoreError> {
        let stop = stop.child_token();
        let (engine, writer) = Self::begin(parts, stop.clone());
        if let Err(error) = engine.loaded().await {
            stop.cancel();
            // It ends by itself; that it failed was said.
            let _ = writer.await;
            return Err(error);
        }
        Ok((engine, writer))
    }

    /// Starts the writer at once, whatever the log's length: until it has been read alarms ring unstored, and the state
    /// holds only who may sign in and what agreements are in force, as far as that is known beside the log.
    pub fn begin(parts: Parts, stop: CancellationToken) -> (Self, tokio::task::JoinHandle<()>) {
        let Parts { log, clock, ids, cares, masking } = parts;
        let (inbox, requests) = mpsc::channel(INBOX_MAX);
        let (published, _) = broadcast::channel(PUBLISHED_MAX);
        let (storing_out, storing) = watch::channel(Storing::Loading);
        let (ringing_out, ringing) = watch::channel(Ringing::new());
        let (loaded_out, loaded) = watch::channel(Loaded::NotYet);
        let known = known::Known(log.beside().map(std::path::Path::to_path_buf));
        let state = known.read(clock.now());
        let (state_tx, state_rx) = watch::channel(state.clone());
        let engine = Self {
            inbox,
            state: state_rx,
            published: published.clone(),
            live: Live::default(),
            health: health::Sources::new(clock.clone()),
            plan_only: plan_only::PlanOnly::default(),
            namespaces: namespaces::Namespaces::default(),
            units: units::Units::default(),
            masking,
            reader: log.reader(),
            clock: clock.clone(),
            ids: ids.clone(),
            cares,
            notes: notes::Notes::default(),
            storing,
            ringing,
            owed: log.owed(),
            loaded,
        };
        let out =
            writer::Out { state: state_tx, storing: storing_out, ringing: ringing_out, loaded: loaded_out };
        let writer = writer::Writer::new(log, known, state, engine.clone(), requests, out);
        // A thread of its own: deciding and writing never wait behind a request that is being answered.
        let runtime = tokio::runtime::Handle::current();
        let ends = stop.clone();
        let task = tokio::task::spawn_blocking(move || runtime.block_on(writer.run(ends)));
        tokio::spawn(notes::retry(engine.clone(), stop.clone()));
        tokio::spawn(standing::watch(engine.clone(), stop.clone()));
        tokio::spawn(jumps::watch(engine.clone(), stop.clone()));
        tokio::spawn(supervise(engine.clone(), stop.clone()));
        tokio::spawn(proof::watch(engine.clone(), stop));
        (engine, task)
    }

    /// Waits until the log has been read. Errors: it cannot be, for now; it is tried again.
    pub async fn loaded(&self) -> Result<(), StoreError> {
        let mut loaded = self.loaded.clone();
        let read = loaded.wait_for(|it| *it != Loaded::NotYet).await;
        match read.as_deref() {
            Ok(Loaded::Failed(error)) => Err(error.clone()),
            Ok(_) => Ok(()),
            Err(_) => Err(StoreError::unavailable("the server is stopping")),
        }
    }

    /// Waits until the log has been read, however often that fails before.
    pub async fn until_loaded(&self) {
        // The writer being gone means that the server is stopping.
        let _ = self.loaded.clone().wait_for(|it| *it == Loaded::Yes).await;
    }

    /// False until the log has been read: who is not known may be in it.
    pub fn is_loaded(&self) -> bool {
        *self.loaded.borrow() == Loaded::Yes
    }

    /// The state after the last commit.
    pub fn state(&self) -> State {
        self.state.borrow().clone()
    }

    /// False while the log cannot be written.
    pub fn is_storing(&self) -> bool {
        self.storing.borrow().is_yes()
    }

    /// Whether the log can be written, and why not; and every change of that.
    pub fn storing(&self) -> watch::Receiver<Storing> {
        self.storing.clone()
    }

    /// Alarms that ring and are not stored.
    pub fn ringing_unstored(&self) -> Vec<Arc<Entry>> {
        self.ringing.borrow().values().cloned().collect()
    }

    pub fn subscribe(&self) -> broadcast::Receiver<Published> {
        self.published.subscribe()
    }

    /// Decides a command; answers after it is on disk. The same id gives the same answer.
    pub async fn order(&self, order: Order) -> Result<Done, Failure> {
        let (reply, answer) = oneshot::channel();
        self.inbox.send(Item::Order(order, reply)).await.map_err(|_| Failure::Unavailable)?;
        answer.await.map_err(|_| Failure::Unavailable)?
    }

    /// What became of this id of this actor, if it came before.
    async fn known(&self, actor: &Actor, id: &Key) -> Result<Option<Seen>, Failure> {
        let (reply, answer) = oneshot::channel();
        let item = Item::Known(actor.to_string(), id.clone(), reply);
        self.inbox.send(item).await.map_err(|_| Failure::Unavailable)?;
        answer.await.map_err(|_| Failure::Unavailable)?
    }

    /// A command of the server itself: adopting agreements, people.
    pub async fn administer(&self, command: domain::Command) -> Result<Done, Failure> {
        let id = self.ids.uuid(self.clock.now());
        let order = Order {
            id: Key::of_bytes("server-", id.as_bytes()),
            actor: Actor::Server,
            entry: None,
            expected_version: None,
            happened_at: None,
            command,
        };
        self.order(order).await
    }

    /// Decides observations of one source; answers after they are on disk, in order.
    pub async fn observe(&self, source: &SourceName, facts: Vec<Fact>) -> Result<Vec<Observed>, Failure> {
        self.observe_noting(source, facts, Vec::new()).await
    }

    /// The same, and remembers keys of the envelope in the same transaction; not if an observation is refused. A key
    /// that is remembered already stays as it is.
    pub async fn observe_noting(
        &self,
        source: &SourceName,
        facts: Vec<Fact>,
        noted: Vec<Noted>,
    ) -> Result<Vec<Observed>, Failure> {
        let (reply, answer) = oneshot::channel();
        let item = Item::Facts(source.clone(), facts, noted, reply);
        self.inbox.send(item).await.map_err(|_| Failure::Unavailable)?;
        answer.await.map_err(|_| Failure::Unavailable)?
    }

    /// What was noted under this key of this source, and whether `content` is what it was then.
    pub async fn remembered(
        &self,
        source: &SourceName,
        key: &Key,
        content: &str,
    ) -> Result<Option<Remembered>, Failure> {
        let seen = self.known(&Actor::Source(source.clone()), key).await?;
        Ok(seen.map(|seen| Remembered {
            is_same: seen.digest == writer::again::digest(content),
            outcome: seen.outcome,
        }))
    }

    /// Reports trouble with a source, or its end. Nobody waits for it.
    pub async fn report(&self, source: &SourceName, report: sources::Report) {
        // The writer being gone means that the server is stopping.
        let _ = self.inbox.send(Item::Report(source.clone(), report)).await;
    }

    /// Something of a source could not be read; `what` says which rule it broke. Counted each time, and told to the
    /// log now and then.
    pub async fn unreadable(&self, source: &SourceName, kind: &'static str, what: Code) {
        if let Some(times) = self.health.unreadable(source, kind, &what, self.clock.now()) {
            self.report_unreadable(source, what, times).await;
        }
    }

    async fn report_unreadable(&self, source: &SourceName, what: Code, times: u32) {
        let trouble = sources::TroubleKind::Unreadable;
        self.report(source, sources::Report::Trouble { trouble, what: Some(what), times }).await;
    }

    /// How many notes wait in memory for the care system.
    pub fn notes_waiting(&self) -> u32 {
        self.notes_waiting_where(|_| true)
    }

    /// The same, of notes about some of the entries.
    pub fn notes_waiting_where(&self, is_counted: impl Fn(EntryId) -> bool) -> u32 {
        self.notes.waiting(is_counted)
    }

    /// Asks its care system who an entry is about, in the background; puts the answer in live data. A plan of a thousand
    /// visits asks for nobody: it does when there is something to ring about, or when somebody opens one. An alarm or a
    /// call is asked about at once; everything else takes its turn, so that many late visits never stand before it.
    pub(crate) fn ask_who(&self, entry: &Entry) {
        let asked = self.cares.about(entry);
        if !entry.is_spoken_of() || matches!(asked, Err(Refusal::CitizenUnknown)) {
            return;
        }
        let engine = self.clone();
        let id = entry.id;
        let device = entry.origin.clone().filter(|_| entry.citizen.is_none());
        let may_wait = !matches!(entry.body, Body::Alarms(_) | Body::Phone(_));
        tokio::spawn(async move {
            let Ok((port, whose)) = asked else {
                return engine.told_who(id, None, None, Err(cares::NOBODY)).await;
            };
            let mut was_away = false;
            while engine.is_served(id, &port) {
                let answer = {
                    let _turn = if may_wait { port.asking.acquire().await.ok() } else { None };
                    if !engine.is_served(id, &port) {
                        return;
                    }
                    port.care.who(&whose).await
                };
                let is_away = matches!(answer, Err(CareError::Away { .. }));
                // Being away is news once.
                if !(is_away && was_away) {
                    engine.told_who(id, Some(&port), device.as_ref(), answer).await;
                }
                if !is_away {
                    return;
                }
                was_away = true;
                engine.clock.sleep(ASK_WHO_AGAIN).await;
            }
        });
    }

    /// Somebody opens a visit as planned: only now its care system is asked who it is about.
    pub async fn ask_on_opening(&self, entry: &Entry) {
        let is_named = self.live.get(entry.id).is_some_and(|personal| personal.name.is_some());
        if entry.is_spoken_of() || !entry.is_open() || is_named {
            return;
        }
        if let Ok((port, whose)) = self.cares.about(entry) {
            let answer = port.care.who(&whose).await;
            self.told_who(entry.id, Some(&port), None, answer).await;
        }
    }

    /// Open, and still one that this port may be asked about.
    fn is_served(&self, entry: EntryId, port: &Port) -> bool {
        let state = self.state();
        let entry = state.entry(entry).filter(|entry| entry.is_open());
        entry.and_then(|it| self.cares.of_entry(it)).is_some_and(|it| it.name == port.name)
    }

    fn is_open(&self, entry: EntryId) -> bool {
        self.state().entry(entry).is_some_and(Entry::is_open)
    }

    async fn told_who(
        &self,
        id: EntryId,
        port: Option<&Port>,
        device: Option<&Origin>,
        answer: Result<Person, CareError>,
    ) {
        let is_anothers = || port.is_some_and(|port| self.is_open(id) && !self.is_served(id, port));
        // Given to another municipality while it was asked: this is not whom its id means there.
        if is_anothers() {
            return;
        }
        let personal = match answer {
            Ok(person) => {
                if let Some(origin) = device {
                    self.matched(id, origin.clone(), person.citizen).await;
                }
                Personal {
                    name: Some(person.name),
                    address: Some(person.address),
                    phone: person.phone,
                    key_box: person.key_box,
                    ..Personal::default()
                }
            }
            Err(error) => {
                // What is not set up was said once, at the start; whom it does not know is said on the entry.
                if !matches!(error, CareError::NotSetUp { .. } | CareError::Unknown) {
                    tracing::warn!(entry = %id, %error, "the care system was asked who it is");
                }
                Personal { care_missing: true, ..Personal::default() }
            }
        };
        if is_anothers() {
            return;
        }
        self.live.merge(id, personal);
        if is_anothers() {
            self.live.forget_person(id);
        }
        // Over in the meantime: what came too late must not stay.
        if !self.is_open(id) {
            self.live.forget(id);
            return;
        }
        let _ = self.published.send(Published::LiveChanged(id));
    }
}

impl Engine {
    /// The care system told whose device it is: its opaque id joins the entry.
    async fn matched(&self, entry: EntryId, origin: Origin, citizen: CitizenId) {
        let key = Key::of_bytes("care-", entry.0.as_bytes());
        let fact = Fact {
            key,
            at: self.clock.now(),
            agreement: None,
            candidates: Vec::new(),
            rank: Rank::Event,
            observation: Observation::CitizenMatched { of: Matched::Alarm(origin.id), citizen },
            personal: Personal::default(),
            is_timed: false,
            is_session: false,
            marks: Vec::new(),
        };
        if self.observe(&origin.source, vec![fact]).await.is_err() {
            tracing::warn!("a citizen could not be joined to an entry");
        }
    }
}

/// Watches the sources: a silence becomes an entry, and so do callers whom nobody takes; and so does the end of either.
/// What was counted is told.
async fn supervise(engine: Engine, stop: CancellationToken) {
    tokio::select! {
        () = stop.cancelled() => return,
        () = engine.until_loaded() => {}
    }
    let mut silent = known(&engine.state(), is_silence);
    let mut unattended = Unattended::known(&engine.state());
    let mut empty = BTreeMap::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = engine.clock.sleep(chrono::TimeDelta::seconds(1)) => {}
        }
        let now = engine.clock.now();
        for (source, what, times) in engine.health.untold(now) {
            engine.report_unreadable(&source, what, times).await;
        }
        for health in engine.health.all() {
            let mut is_silent = health.condition(now) == health::Condition::Silent;
            if health.kind == health::DESKS {
                // Seen empty several times over: a clock that was set must not make somebody be called.
                let times = empty.entry(health.name.clone()).or_insert(0_u32);
                *times = if is_silent { times.saturating_add(1) } else { 0 };
                is_silent = *times >= EMPTY_TICKS;
            }
            if is_silent && silent.insert(health.name.clone()) {
                engine.report(&health.name, silence(&health)).await;
            } else if !is_silent
                && (health.heard_at.is_some() || health.is_open)
                && silent.remove(&health.name)
            {
                let from = silence_of(&health);
                engine.report(&health.name, sources::Report::Recovered { from }).await;
            }
            if let Some(report) = unattended.report(&health, engine.clock.even()) {
                engine.report(&health.name, report).await;
            }
        }
    }
}

fn silence_of(health: &health::Health) -> sources::TroubleKind {
    match health.kind {
        health::DESKS => sources::TroubleKind::NobodyListening,
        kind if health::OUR_OWN.contains(&kind) => sources::TroubleKind::Failed,
        _ => sources::TroubleKind::Silent,
    }
}

fn silence(health: &health::Health) -> sources::Report {
    let what = match health.kind {
        health::DESKS => Code::new(health::NO_DESK).ok(),
        _ => health.why.clone(),
    };
    sources::Report::Trouble { trouble: silence_of(health), what, times: 1 }
}

/// A source says nothing, or no desk does.
fn is_silence(it: &sources::Trouble) -> bool {
    let has_no_desk = it.what.as_ref().is_some_and(|what| what.as_str() == health::NO_DESK);
    matches!(it.trouble, sources::TroubleKind::Silent | sources::TroubleKind::Failed) || has_no_desk
}

/// Sources that were in trouble when the server ended: they recover when they say so, not by a restart.
fn known(state: &State, is_so: impl Fn(&sources::Trouble) -> bool) -> BTreeSet<SourceName> {
    let found = state.open_entries().filter_map(|entry| match &entry.body {
        Body::Sources(it) if is_so(it) => Some(it.source.clone()),
        _ => None,
    });
    found.collect()
}

/// Queues in which callers wait and nobody takes them.
struct Unattended {
    since: BTreeMap<SourceName, DateTime<Utc>>,
    /// What was told of, by the names of the queues; after a restart they are not known.
    told: BTreeMap<SourceName, BTreeSet<String>>,
}

impl Unattended {
    fn known(state: &State) -> Self {
        let told = known(state, |it| it.trouble == sources::TroubleKind::NobodyListening && !is_silence(it));
        Self { since: BTreeMap::new(), told: told.into_iter().map(|name| (name, BTreeSet::new())).collect() }
    }

    /// What is to be reported now. A queue that was told of stays so until a member takes its calls again: that the
    /// caller gave up is no comfort.
    fn report(&mut self, health: &health::Health, now: DateTime<Utc>) -> Option<sources::Report> {
        let (name, trouble) = (&health.name, sources::TroubleKind::NobodyListening);
        let queues: BTreeSet<String> = health.unattended().map(|queue| queue.name.clone()).collect();
        if !queues.is_empty() {
            let since = *self.since.entry(name.clone()).or_insert(now);
            if now - since < UNATTENDED_AFTER {
                return None;
            }
            let is_new = !self.told.contains_key(name);
            self.told.entry(name.clone()).or_default().extend(queues);
            let what = Code::new("nobody-on-duty").ok();
            return is_new.then_some(sources::Report::Trouble { trouble, what, times: 1 });
        }
        self.since.remove(name);
        let told = self.told.get(name)?;
        let is_empty = |queue: &health::Queue| queue.on_duty == 0 && told.contains(&queue.name);
        if health.queues.is_empty() || health.queues.iter().any(is_empty) {
            return None;
        }
        self.told.remove(name);
        Some(sources::Report::Recovered { from: trouble })
    }
}
