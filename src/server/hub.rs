//! The hub: news from the engine to every open stream.
//!
//! A streamed item is made once per scope, whoever listens. A listener that cannot keep up is cut: it comes back
//! with the sequence it had. Must never wait for a listener.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{broadcast, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::carried::{self, Reach};
use super::looks::Shown;
use super::metrics::Metrics;
use super::presence::{self, Seats};
use super::scope::may_see;
use super::show;
use crate::domain::entry::Entry;
use crate::domain::identity::{AgreementId, EntryId, PersonName};
use crate::domain::people::PeopleEvent;
use crate::domain::visits::VisitEvent;
use crate::domain::{self, Actor, Event, Record, State};
use crate::engine::{Engine, Published};
use crate::protocol::remnant::remnant;
use crate::protocol::stream::{BEAT_SECONDS, Beat, Recorded, StreamItem};
use crate::protocol::{self, project};

/// Items a stream may lag behind before it is cut.
const LAG_MAX: usize = 512;
/// Streams one person may have open; one more cuts the oldest.
const STREAMS_PER_PERSON_MAX: usize = 8;

/// One item, made for sending.
#[derive(Debug, Clone)]
pub struct Frame {
    pub event: &'static str,
    pub id: Option<u64>,
    pub data: Arc<str>,
    /// Whose personal data is inside. The look is logged as the frame is handed to somebody.
    pub shows: Option<Shown>,
    /// The same without that data, where it may be withheld.
    pub without: Option<Arc<str>>,
}

impl Frame {
    pub fn of(item: &StreamItem, shown: Option<&Entry>) -> Self {
        let (event, id, live) = match item {
            StreamItem::Recorded(it) => {
                ("recorded", Some(it.sequence), it.entry.as_ref().is_some_and(|entry| entry.live.is_some()))
            }
            StreamItem::Live { live, .. } => ("live", None, live.is_some()),
            StreamItem::Unstored { .. } => ("unstored", None, true),
            StreamItem::Beat(_) => ("beat", None, false),
        };
        let shows = shown.filter(|_| live).map(Shown::of);
        let text = |item: &StreamItem| serde_json::to_string(item).unwrap_or_default().into();
        let without =
            shows.as_ref().filter(|it| !it.is_open_alarm).map(|_| text(&without_live(item.clone())));
        Self { event, id, data: text(item), shows, without }
    }
}

fn without_live(mut item: StreamItem) -> StreamItem {
    match &mut item {
        StreamItem::Recorded(it) => {
            if let Some(entry) = &mut it.entry {
                entry.live = None;
            }
        }
        StreamItem::Live { live, .. } => *live = None,
        StreamItem::Unstored { entry } => entry.live = None,
        StreamItem::Beat(_) => {}
    }
    item
}

struct Listener {
    person: PersonName,
    frames: mpsc::Sender<Frame>,
}

/// What a new stream starts from.
pub struct Joined {
    pub frames: mpsc::Receiver<Frame>,
    /// The state at the moment of joining: everything after it comes as frames.
    pub state: State,
}

struct Join {
    person: PersonName,
    scope: Vec<AgreementId>,
    reply: oneshot::Sender<Joined>,
}

/// A handle. Cheap to clone.
#[derive(Clone)]
pub struct Hub {
    joins: mpsc::Sender<Join>,
}

impl Hub {
    pub fn start(
        engine: Engine,
        metrics: Arc<Metrics>,
        seats: Seats,
        watches_desks: bool,
        stop: CancellationToken,
    ) -> Self {
        let (joins, requests) = mpsc::channel(64);
        let hub = Self { joins };
        let news = engine.subscribe();
        let state = engine.state();
        let scopes = BTreeMap::new();
        let work = Work { engine, metrics, state, scopes, seats, watches_desks };
        tokio::spawn(work.run(news, requests, stop));
        hub
    }

    /// Joins the stream of a scope. None when the server is stopping.
    pub async fn join(&self, person: PersonName, scope: Vec<AgreementId>) -> Option<Joined> {
        let (reply, joined) = oneshot::channel();
        self.joins.send(Join { person, scope, reply }).await.ok()?;
        joined.await.ok()
    }
}

struct Work {
    engine: Engine,
    metrics: Arc<Metrics>,
    /// The state up to the last news handed on.
    state: State,
    scopes: BTreeMap<Vec<AgreementId>, Vec<Listener>>,
    seats: Seats,
    /// Whether it is said when nobody listens.
    watches_desks: bool,
}

impl Work {
    async fn run(
        mut self,
        mut news: broadcast::Receiver<Published>,
        mut requests: mpsc::Receiver<Join>,
        stop: CancellationToken,
    ) {
        let mut beat = tokio::time::interval(Duration::from_secs(BEAT_SECONDS));
        let mut storing = self.engine.storing();
        storing.mark_unchanged();
        beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                received = news.recv() => match received {
                    Ok(published) => self.publish(published).await,
                    Err(broadcast::error::RecvError::Lagged(_)) => self.start_over(),
                    Err(broadcast::error::RecvError::Closed) => return,
                },
                Some(join) = requests.recv() => self.join(join),
                _ = beat.tick() => self.beat().await,
                // What is wrong with the log is said at once.
                Ok(()) = storing.changed() => {
                    // What was withheld meanwhile is fetched anew.
                    if storing.borrow_and_update().is_yes() {
                        self.start_over();
                    }
                    self.beat().await;
                }
            }
        }
    }

    fn join(&mut self, join: Join) {
        // Revoked, or given another scope, since the request was let in: the reply is dropped.
        let is_known = |state: &State| {
            state.people.get(&join.person).is_some_and(|it| !it.revoked && it.agreements == join.scope)
        };
        if !is_known(&self.state) || !is_known(&self.engine.state()) {
            return;
        }
        let (frames, receiver) = mpsc::channel(LAG_MAX);
        // A desk that comes while the log is broken must hear what rings.
        for entry in self.engine.ringing_unstored().iter().filter(|entry| may_see(&join.scope, entry)) {
            let _ = frames.try_send(self.unstored_frame(entry, &join.scope));
        }
        let joined = Joined { frames: receiver, state: self.state.clone() };
        if join.reply.send(joined).is_ok() {
            self.make_room(&join.person);
            let listener = Listener { person: join.person, frames };
            self.scopes.entry(join.scope).or_default().push(listener);
            self.count();
        }
    }

    /// One person's oldest stream makes room for a new one: desks that vanished without a word must not lock their
    /// person out.
    fn make_room(&mut self, person: &PersonName) {
        let open = |listeners: &Vec<Listener>| listeners.iter().filter(|it| it.person == *person).count();
        while self.scopes.values().map(open).sum::<usize>() >= STREAMS_PER_PERSON_MAX {
            let place = self.scopes.values_mut().find_map(|listeners| {
                listeners.iter().position(|it| it.person == *person).map(|at| (listeners, at))
            });
            let Some((listeners, at)) = place else { return };
            listeners.remove(at);
            self.metrics.streams_cut.inc();
        }
    }

    /// The engine was faster than we, or read its log again: every stream starts over.
    fn start_over(&mut self) {
        self.scopes.clear();
        self.state = self.engine.state();
        self.count();
    }

    fn unstored_frame(&self, entry: &Entry, scope: &[AgreementId]) -> Frame {
        let shown = show::entry(&self.engine, &self.state, entry, scope, self.engine.clock.now());
        Frame::of(&StreamItem::Unstored { entry: Box::new(shown) }, Some(entry))
    }

    async fn publish(&mut self, published: Published) {
        match published {
            Published::Recorded { records, before, after } => {
                self.metrics.head.set(after.head.0);
                self.recorded(&records, &before, &after).await;
                self.state = after;
            }
            Published::StartOver => self.start_over(),
            Published::LiveChanged(id) => {
                let Some(entry) = self.state.entry(id).filter(|it| show::carries_live(it)) else { return };
                let live = show::live(&self.engine, entry, self.engine.live.get(id));
                let entry = entry.clone();
                let frame = Frame::of(&StreamItem::Live { entry: id, live: Some(live) }, Some(&entry));
                self.send_where(|scope| may_see(scope, &entry), &frame).await;
            }
            Published::Unstored(entry) => {
                for scope in self.scopes_that(|scope| may_see(scope, &entry)) {
                    let frame = self.unstored_frame(&entry, &scope);
                    self.send(&scope, &frame).await;
                }
            }
        }
    }

    async fn recorded(&mut self, records: &[Record], before: &State, after: &State) {
        for record in records {
            if let Event::People(PeopleEvent::Added { name, .. } | PeopleEvent::Revoked { name }) =
                &record.event
            {
                self.let_go_of(name);
            }
        }
        let now = self.engine.clock.now();
        let scopes: Vec<_> = self.scopes.keys().cloned().collect();
        for scope in scopes {
            for frame in frames(&self.engine, records, before, after, &scope, now) {
                self.send(&scope, &frame).await;
            }
        }
        self.count();
    }

    async fn beat(&mut self) {
        let now = self.engine.clock.now();
        let scopes: Vec<_> = self.scopes.keys().cloned().collect();
        for scope in scopes {
            let is_seated = |name: &str| self.seats.is_taken(name);
            let beat = Beat {
                through: self.state.touched(&scope).0,
                now,
                rate: self.engine.clock.rate(),
                sources: Some(show::sources(&self.engine, &scope, now)),
                shift: Some(show::shift(&self.state, &scope, is_seated)),
                notes_waiting: Some(show::notes_waiting(&self.engine, &self.state, &scope)),
                at_rest: Some(carried::at_rest(&self.state, &scope)),
                log: show::log_trouble(&self.engine),
            };
            let frame = Frame::of(&StreamItem::Beat(beat), None);
            self.send(&scope, &frame).await;
        }
        self.metrics.notes_waiting.set(i64::from(self.engine.notes_waiting()));
        self.metrics.storing.set(i64::from(self.engine.is_storing()));
        self.count();
        if self.watches_desks {
            presence::hear(&self.engine, &self.state, &self.seats, now);
        }
    }

    async fn send_where(&mut self, concerns: impl Fn(&[AgreementId]) -> bool, frame: &Frame) {
        for scope in self.scopes_that(concerns) {
            self.send(&scope, frame).await;
        }
    }

    fn scopes_that(&self, concerns: impl Fn(&[AgreementId]) -> bool) -> Vec<Vec<AgreementId>> {
        self.scopes.keys().filter(|scope| concerns(scope)).cloned().collect()
    }

    /// Never waits: a full or closed stream is let go of.
    async fn send(&mut self, scope: &[AgreementId], frame: &Frame) {
        let Some(listeners) = self.scopes.get_mut(scope) else { return };
        let metrics = &self.metrics;
        listeners.retain(|listener| match listener.frames.try_send(frame.clone()) {
            Ok(()) => true,
            Err(mpsc::error::TrySendError::Full(_)) => {
                metrics.streams_cut.inc();
                false
            }
            Err(mpsc::error::TrySendError::Closed(_)) => false,
        });
        if listeners.is_empty() {
            self.scopes.remove(scope);
        }
    }

    /// Revoked, or given another token or scope: what was open under the old one ends.
    fn let_go_of(&mut self, name: &PersonName) {
        for listeners in self.scopes.values_mut() {
            listeners.retain(|listener| listener.person != *name);
        }
    }

    fn count(&mut self) {
        let open = self.scopes.values().flatten().filter(|listener| !listener.frames.is_closed());
        self.metrics.streams.set(i64::try_from(open.count()).unwrap_or(i64::MAX));
    }
}

/// The items that records make for one scope. `before` and `after` are the states around all of them. Entries and
/// figures are as after all of them, hence made once. What was opened by them and is at rest out of the board's reach
/// nobody has and nobody needs: of many in a row only that they were is told, once. Of an entry that is given to others
/// a scope learns that, and nothing that happens there.
pub fn frames(
    engine: &Engine,
    records: &[Record],
    before: &State,
    after: &State,
    scope: &[AgreementId],
    now: chrono::DateTime<chrono::Utc>,
) -> Vec<Frame> {
    let mut last = before.touched(scope).0;
    let mut frames = Vec::new();
    let concerns = |concerned: Option<Vec<AgreementId>>| {
        concerned.is_some_and(|ids| ids.is_empty() || ids.iter().any(|id| scope.contains(id)))
    };
    let mut shown: HashMap<EntryId, Option<protocol::Entry>> = HashMap::new();
    let mut figures = None;
    let opened = opened(records);
    let mut reach = None;
    let mut is_left_out = |id: EntryId| {
        opened.contains(&id)
            && after.entry(id).is_some_and(|entry| {
                entry.rests_until().is_some()
                    && !reach.get_or_insert_with(|| Reach::of(after, scope, now)).carries(entry)
            })
    };
    let mut left_out = None;
    let given: HashSet<EntryId> =
        records.iter().filter(|record| record.event.may_assign()).map(|record| record.entry).collect();
    // The entries that are given to others, as they were at each record.
    let mut then = if given.is_empty() { State::default() } else { before.clone() };
    for record in records {
        let is_theirs = if given.contains(&record.entry) {
            let was = concerns(domain::concerned(&then, record));
            domain::evolve(&mut then, record);
            was || concerns(domain::concerned(&then, record))
        } else {
            concerns(domain::concerned(after, record)) || concerns(domain::concerned(before, record))
        };
        if !is_theirs {
            continue;
        }
        if is_left_out(record.entry) {
            left_out = Some(record);
            continue;
        }
        left_out = None;
        let entry =
            shown.entry(record.entry).or_insert_with(|| show_to(engine, after, record, scope, now)).clone();
        let is_seen = after.entry(record.entry).is_none_or(|entry| may_see(scope, entry));
        let has_figures = matches!(
            record.event,
            Event::Phone(_) | Event::Alarms(_) | Event::Agreements(_) | Event::Duties(_) | Event::Entry(_)
        );
        let mut make = || (project::ledgers(after, scope, now), project::answering(after, scope, now));
        let figures = has_figures.then(|| figures.get_or_insert_with(&mut make).clone());
        let (ledgers, answering) = figures.unzip();
        let recorded = Recorded {
            sequence: record.sequence.0,
            after: last,
            happened_at: record.happened_at,
            recorded_at: record.recorded_at,
            // Who does what in another agreement is not this scope's business.
            actor: if is_seen { record.actor.to_string() } else { Actor::Server.to_string() },
            kind: domain::kinds::kind_of(&record.event),
            entry,
            ledgers,
            answering,
        };
        frames.push(Frame::of(&StreamItem::Recorded(Box::new(recorded)), after.entry(record.entry)));
        last = record.sequence.0;
    }
    frames.extend(left_out.map(|record| Frame::of(&only_that(record, last), None)));
    frames
}

/// The entries that these records open.
fn opened(records: &[Record]) -> HashSet<EntryId> {
    let opens = |record: &&Record| matches!(record.event, Event::Visits(VisitEvent::Opened { .. }));
    records.iter().filter(opens).map(|record| record.entry).collect()
}

/// That something was recorded, without what it made of an entry.
fn only_that(record: &Record, after: u64) -> StreamItem {
    StreamItem::Recorded(Box::new(Recorded {
        sequence: record.sequence.0,
        after,
        happened_at: record.happened_at,
        recorded_at: record.recorded_at,
        actor: record.actor.to_string(),
        kind: domain::kinds::kind_of(&record.event),
        entry: None,
        ledgers: None,
        answering: None,
    }))
}

/// The entry of a record as a scope may see it.
fn show_to(
    engine: &Engine,
    state: &State,
    record: &Record,
    scope: &[AgreementId],
    now: chrono::DateTime<chrono::Utc>,
) -> Option<protocol::Entry> {
    let entry = state.entry(record.entry)?;
    if may_see(scope, entry) {
        return Some(show::entry(engine, state, entry, scope, now));
    }
    Some(remnant(entry, record.happened_at))
}
