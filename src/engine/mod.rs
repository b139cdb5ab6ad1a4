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
mod supervision;
mod timers;
pub mod units;
mod who;
mod writer;

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::domain::entry::Entry;
use crate::domain::identity::{AgreementId, Code, EntryId, Key, Sequence, SourceName};
use crate::domain::masking::Masking;
use crate::domain::observation::{Observation, Rank};
use crate::domain::{self, Actor, Record, Refusal, StandingDue, State, sources};
use crate::ids::Ids;
use crate::store::{Log, Owed, Reader, Seen};
pub use crate::store::{Look, Looked, Spot, StoreError, Wanted};
use cares::Cares;
use live::{Live, Personal};

pub use looking::Otherwise;
pub use notes::Pending;
pub use storing::Storing;

/// Requests waiting for the writer; more wait at the door.
const INBOX_MAX: usize = 4_096;
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
pub enum FactOutcome {
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
    Facts(SourceName, Vec<Fact>, Vec<Noted>, oneshot::Sender<Result<Vec<FactOutcome>, Failure>>),
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
        tokio::spawn(supervision::supervise(engine.clone(), stop.clone()));
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
    pub async fn observe(&self, source: &SourceName, facts: Vec<Fact>) -> Result<Vec<FactOutcome>, Failure> {
        self.observe_noting(source, facts, Vec::new()).await
    }

    /// The same, and remembers keys of the envelope in the same transaction; not if an observation is refused. A key
    /// that is remembered already stays as it is.
    pub async fn observe_noting(
        &self,
        source: &SourceName,
        facts: Vec<Fact>,
        noted: Vec<Noted>,
    ) -> Result<Vec<FactOutcome>, Failure> {
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
}
