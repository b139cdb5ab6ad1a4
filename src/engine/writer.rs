//! The writer loop: batches in, one durable transaction, answers and news out.
//!
//! Each item is decided on a *working* state that includes the items before it. Only after the commit does the
//! working state become the state. After a failed commit it is thrown away and the log is read again, since it may
//! have been written after all.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use super::live::Personal;
use super::timers::Timers;
use super::{Done, Engine, Fact, Failure, Item, Observed, Order, Published};
use crate::clock::Clock;
use crate::domain::entry::{Body, DueKind};
use crate::domain::identity::{EntryId, Key, Sequence, SourceName};
use crate::domain::observation::Observation;
use crate::domain::{self, Actor, Ctx, Draft, Record, Refusal, Request, State, sources};
use crate::store::{Batch, Log, Seen, StoreError};

/// Items decided in one transaction at most.
const BATCH_MAX: usize = 512;
/// Records read at once during replay.
const REPLAY_PAGE: usize = 2_000;
/// Pause between tries to read the log again after a failed commit.
const RECOVER_EVERY: Duration = Duration::from_millis(500);
/// Alarms kept to be stored later while the log cannot be written.
const UNSTORED_MAX: usize = 1_000;

/// The state that the log says.
pub async fn replay(log: &Log) -> Result<State, StoreError> {
    let mut state = State::default();
    loop {
        let page = log.read(state.head, REPLAY_PAGE).await?;
        for record in &page {
            domain::evolve(&mut state, record);
        }
        if page.len() < REPLAY_PAGE {
            return Ok(state);
        }
    }
}

/// An answer that waits for the commit.
enum Answer {
    Order(oneshot::Sender<Result<Done, Failure>>, Result<(Sequence, Option<EntryId>), Failure>),
    Facts(oneshot::Sender<Result<Vec<Observed>, Failure>>, Vec<Observed>),
}

/// Everything decided for one commit.
struct Working {
    state: State,
    records: Vec<Record>,
    seen: Vec<Seen>,
    /// Where in `seen` a key of this batch stands.
    here: HashMap<(String, Key), usize>,
    answers: Vec<Answer>,
    personal: Vec<(EntryId, Personal)>,
    reused: Vec<SourceName>,
}

pub struct Writer {
    log: Log,
    state: State,
    engine: Engine,
    timers: Timers,
    state_out: watch::Sender<State>,
    stored_ok: watch::Sender<bool>,
    /// Alarms that ring unstored, to be stored when the log works again.
    unstored: Vec<(SourceName, Fact, uuid::Uuid)>,
}

impl Writer {
    pub fn new(
        log: Log,
        state: State,
        engine: Engine,
        state_out: watch::Sender<State>,
        stored_ok: watch::Sender<bool>,
    ) -> Self {
        let timers = Timers::of(&state);
        Self { log, state, engine, timers, state_out, stored_ok, unstored: Vec::new() }
    }

    pub async fn run(mut self, mut requests: mpsc::Receiver<Item>, stop: CancellationToken) {
        loop {
            let timer = until(self.engine.clock.clone(), self.timers.next_at());
            let mut items = Vec::new();
            tokio::select! {
                biased;
                // Stops only when nobody waits for an answer any more.
                () = stop.cancelled(), if requests.is_empty() => break,
                received = requests.recv_many(&mut items, BATCH_MAX) => if received == 0 { break },
                () = timer => {}
            }
            self.turn(items).await;
        }
        if let Err(error) = self.log.close().await {
            error!(%error, "closing the log");
        }
    }

    async fn turn(&mut self, items: Vec<Item>) {
        let known = match self.known(&items).await {
            Ok(known) => known,
            Err(error) => {
                self.fail(items, Vec::new(), &error).await;
                return;
            }
        };
        let mut working = Working {
            state: self.state.clone(),
            records: Vec::new(),
            seen: Vec::new(),
            here: HashMap::new(),
            answers: Vec::new(),
            personal: Vec::new(),
            reused: Vec::new(),
        };
        self.fire_timers(&mut working);
        let (mut kept, mut looks) = (Vec::new(), Vec::new());
        for item in items {
            match item {
                Item::Order(order, reply) => {
                    let answer = self.order(&mut working, &known, order);
                    working.answers.push(Answer::Order(reply, answer));
                }
                Item::Facts(source, facts, reply) => {
                    let mut outcomes = Vec::with_capacity(facts.len());
                    for fact in facts {
                        if is_alarm(&fact.observation) {
                            kept.push((source.clone(), fact.clone()));
                        }
                        outcomes.push(self.fact(&mut working, &known, &source, fact));
                    }
                    working.answers.push(Answer::Facts(reply, outcomes));
                }
                Item::Report(source, report) => self.report(&mut working, &source, &report),
                Item::Look(look) => looks.push(look),
            }
        }
        for source in std::mem::take(&mut working.reused) {
            let report = sources::Report::Trouble { trouble: sources::TroubleKind::KeyReused, what: None };
            self.report(&mut working, &source, &report);
        }
        self.commit(working, kept).await;
        if let Err(error) = self.log.look_all(&looks).await {
            error!(%error, "looks could not be logged");
        }
    }

    /// What the log remembers of the keys in these items.
    async fn known(&self, items: &[Item]) -> Result<HashMap<(String, Key), Seen>, StoreError> {
        let mut keys = Vec::new();
        for item in items {
            match item {
                Item::Order(order, _) => keys.push((order.actor.to_string(), order.id.clone())),
                Item::Facts(source, facts, _) => {
                    let scope = Actor::Source(source.clone()).to_string();
                    keys.extend(facts.iter().map(|fact| (scope.clone(), fact.key.clone())));
                }
                Item::Report(..) | Item::Look(_) => {}
            }
        }
        if keys.is_empty() {
            return Ok(HashMap::new());
        }
        let seen = self.log.seen(&keys).await?;
        Ok(keys.into_iter().zip(seen).filter_map(|(key, seen)| Some((key, seen?))).collect())
    }

    fn fire_timers(&mut self, working: &mut Working) {
        let now = self.engine.clock.now();
        for (at, entry, what) in self.timers.take_due(now, BATCH_MAX) {
            let ctx = Ctx::new(now, Actor::Timer, self.engine.ids.uuid(now));
            let request = Request::Due { entry, what, at };
            if let Ok(drafts) = domain::decide(&working.state, &ctx, &request) {
                let cause = timer_cause(entry, what, at.timestamp_millis());
                working.record(&ctx, &cause, drafts);
            }
        }
    }

    fn order(
        &self,
        working: &mut Working,
        known: &HashMap<(String, Key), Seen>,
        order: Order,
    ) -> Result<(Sequence, Option<EntryId>), Failure> {
        let scope = order.actor.to_string();
        let digest = digest(&format!("{:?}{:?}", order.entry, order.command));
        if let Some(seen) = working.seen_before(known, &scope, &order.id) {
            return if seen.digest == digest { answer_again(seen) } else { Err(Failure::IdReused) };
        }
        let now = self.engine.clock.now();
        let mut ctx = Ctx::new(now, order.actor, self.engine.ids.uuid(now));
        ctx.at = in_micros(order.happened_at.unwrap_or(now));
        let request = Request::Command {
            entry: order.entry,
            expected_version: order.expected_version,
            command: order.command,
        };
        let decided = domain::decide(&working.state, &ctx, &request);
        let (outcome, entry, answer, result) = match decided {
            Ok(drafts) => {
                let entry = order.entry.or_else(|| drafts.first().map(|draft| draft.entry));
                let entry = entry.filter(|entry| *entry != domain::NO_ENTRY);
                let last = working.record(&ctx, &order.id, drafts);
                ("done", entry, None, Ok((last, entry)))
            }
            Err(refusal) => {
                let answer = serde_json::to_string(&refusal).ok();
                ("refused", order.entry, answer, Err(Failure::Refused(refusal)))
            }
        };
        let first = result.as_ref().ok().map(|(sequence, _)| *sequence);
        working.remember(Seen {
            scope,
            key: order.id,
            digest,
            outcome: outcome.into(),
            entry,
            first,
            answer,
        });
        result
    }

    fn fact(
        &self,
        working: &mut Working,
        known: &HashMap<(String, Key), Seen>,
        source: &SourceName,
        fact: Fact,
    ) -> Observed {
        let actor = Actor::Source(source.clone());
        let scope = actor.to_string();
        let digest = digest(&serde_json::to_string(&fact.observation).unwrap_or_default());
        if let Some(seen) = working.seen_before(known, &scope, &fact.key) {
            let (entry, is_same) = (seen.entry, seen.digest == digest);
            if !is_same {
                working.reused.push(source.clone());
                return Observed::Repeat(entry);
            }
            // After a restart the same fact brings the number again: it is live data that was lost.
            working.keep_personal(entry, fact.personal);
            return Observed::Repeat(entry);
        }
        let now = self.engine.clock.now();
        let base = self
            .unstored
            .iter()
            .find(|(from, it, _)| from == source && it.key == fact.key)
            .map_or_else(|| self.engine.ids.uuid(now), |(.., base)| *base);
        let mut ctx = Ctx::new(now, actor, base);
        ctx.at = in_micros(fact.at.min(now));
        ctx.rank = fact.rank;
        ctx.agreement = fact.agreement;
        ctx.candidates = fact.candidates;
        if let Observation::CallAnswered { call, .. } = &fact.observation {
            ctx.same_caller = self.same_caller(&working.state, source, call);
        }
        let cause = fact_cause(&scope, &fact.key);
        let request = Request::Observation(fact.observation);
        let (outcome, entry, observed) = match domain::decide(&working.state, &ctx, &request) {
            Ok(drafts) => {
                let entry = drafts.first().map(|draft| draft.entry);
                working.record(&ctx, &cause, drafts);
                working.keep_personal(entry, fact.personal);
                ("recorded", entry, Observed::Recorded(entry))
            }
            Err(Refusal::Unchanged) => {
                let entry = self.entry_of(&working.state, source, &request);
                working.keep_personal(entry, fact.personal);
                ("ignored", entry, Observed::Ignored)
            }
            Err(refusal) => ("refused", None, Observed::Refused(refusal)),
        };
        if !matches!(observed, Observed::Refused(_)) {
            let seen = Seen {
                scope,
                key: fact.key,
                digest,
                outcome: outcome.into(),
                entry,
                first: None,
                answer: None,
            };
            working.remember(seen);
        }
        observed
    }

    /// Missed calls, still open, of the one who is being answered now.
    fn same_caller(
        &self,
        state: &State,
        source: &SourceName,
        call: &crate::domain::identity::ExternalId,
    ) -> Vec<EntryId> {
        let Some(answered) = state.by_origin(source, call).map(|entry| entry.id) else { return Vec::new() };
        let Some(number) = self.engine.live.get(answered).and_then(|personal| personal.caller) else {
            return Vec::new();
        };
        let is_missed = |id: &EntryId| {
            state.entry(*id).is_some_and(
                |entry| matches!(&entry.body, Body::Phone(call) if entry.is_open() && call.missed_at.is_some()),
            )
        };
        self.engine
            .live
            .same_caller(&number)
            .into_iter()
            .filter(|id| *id != answered)
            .filter(is_missed)
            .collect()
    }

    fn entry_of(&self, state: &State, source: &SourceName, request: &Request) -> Option<EntryId> {
        let id = match request {
            Request::Observation(Observation::CallWaiting { call, .. }) => call,
            Request::Observation(Observation::AlarmRaised { alarm, .. }) => alarm,
            _ => return None,
        };
        state.by_origin(source, id).map(|entry| entry.id)
    }

    fn report(&self, working: &mut Working, source: &SourceName, report: &sources::Report) {
        let now = self.engine.clock.now();
        let base = self.engine.ids.uuid(now);
        let mut ctx = Ctx::new(now, Actor::Source(source.clone()), base);
        let health = self.engine.health.all().into_iter().find(|health| health.name == *source);
        ctx.candidates = health.map(|health| health.agreements).unwrap_or_default();
        if let Ok(drafts) = domain::decide(&working.state, &ctx, &Request::Report(report.clone())) {
            working.record(&ctx, &Key::of_bytes("report-", base.as_bytes()), drafts);
        }
    }

    async fn commit(&mut self, mut working: Working, kept: Vec<(SourceName, Fact)>) {
        if !working.records.is_empty() || !working.seen.is_empty() {
            let batch = Batch { records: std::mem::take(&mut working.records), seen: working.seen };
            if let Err(error) = self.log.append(self.state.head, &batch).await {
                let answers = working.answers;
                self.ring_unstored(&working.state, kept);
                self.fail(Vec::new(), answers, &error).await;
                return;
            }
            working.records = batch.records;
        }
        self.stored_ok.send_replace(true);
        let before = std::mem::replace(&mut self.state, working.state);
        let touched: BTreeSet<EntryId> = working.records.iter().map(|record| record.entry).collect();
        for entry in &touched {
            self.timers.touch(&self.state, *entry);
        }
        // The state first: what asks the care system looks there for the entry it asked about.
        if !working.records.is_empty() {
            self.state_out.send_replace(self.state.clone());
        }
        self.settle_live(&before, &touched, working.personal);
        if !working.records.is_empty() {
            let news =
                Published::Recorded { records: Arc::new(working.records), before, after: self.state.clone() };
            // Nobody listening is no fault.
            let _ = self.engine.published.send(news);
        }
        for answer in working.answers {
            answer.send(&self.state);
        }
    }

    /// Live data comes with an entry and goes with it.
    fn settle_live(&self, before: &State, touched: &BTreeSet<EntryId>, personal: Vec<(EntryId, Personal)>) {
        for (entry, personal) in personal {
            if self.state.entry(entry).is_some_and(|entry| entry.is_open()) {
                let is_new = before.entry(entry).is_none();
                self.engine.live.merge(entry, personal);
                if !is_new {
                    let _ = self.engine.published.send(Published::LiveChanged(entry));
                }
            }
        }
        for id in touched {
            match self.state.entry(*id) {
                Some(entry) if entry.is_open() => {
                    let known = before.entry(*id);
                    if known.is_none_or(|known| known.citizen != entry.citizen || !known.is_open()) {
                        self.engine.ask_who(entry);
                    }
                }
                _ => self.engine.live.forget(*id),
            }
        }
    }

    /// An alarm that cannot be stored still rings; its source gets no acknowledgement.
    fn ring_unstored(&mut self, working: &State, kept: Vec<(SourceName, Fact)>) {
        for (source, fact) in kept {
            let Observation::AlarmRaised { alarm, .. } = &fact.observation else { continue };
            let Some(entry) = working.by_origin(&source, alarm) else { continue };
            let is_known = self.state.entry(entry.id).is_some();
            let waits = self.unstored.iter().any(|(from, it, _)| *from == source && it.key == fact.key);
            if is_known || waits || self.unstored.len() >= UNSTORED_MAX {
                continue;
            }
            self.engine.live.merge(entry.id, fact.personal.clone());
            let _ = self.engine.published.send(Published::Unstored(Arc::new(entry.clone())));
            self.unstored.push((source, fact, entry.id.0));
        }
    }

    /// Tells everybody who waits, then reads the log again until it answers.
    async fn fail(&mut self, items: Vec<Item>, answers: Vec<Answer>, error: &StoreError) {
        error!(%error, "the log could not be written");
        self.stored_ok.send_replace(false);
        let mut kept = Vec::new();
        for item in items {
            match item {
                Item::Order(_, reply) => drop(reply.send(Err(Failure::Unavailable))),
                Item::Facts(source, facts, reply) => {
                    kept.extend(
                        facts
                            .into_iter()
                            .filter(|fact| is_alarm(&fact.observation))
                            .map(|fact| (source.clone(), fact)),
                    );
                    drop(reply.send(Err(Failure::Unavailable)));
                }
                Item::Report(..) | Item::Look(_) => {}
            }
        }
        if !kept.is_empty() {
            let working = self.provisional(&kept);
            self.ring_unstored(&working, kept);
        }
        for answer in answers {
            answer.fail();
        }
        self.recover().await;
    }

    /// The state as it would be had these alarms been stored.
    fn provisional(&self, kept: &[(SourceName, Fact)]) -> State {
        let mut working = Working {
            state: self.state.clone(),
            records: Vec::new(),
            seen: Vec::new(),
            here: HashMap::new(),
            answers: Vec::new(),
            personal: Vec::new(),
            reused: Vec::new(),
        };
        for (source, fact) in kept {
            self.fact(&mut working, &HashMap::new(), source, fact.clone());
        }
        working.state
    }

    /// The commit may have happened or not: the log alone knows. One try; the next turn tries again.
    async fn recover(&mut self) {
        match self.log.recover().await {
            Ok(()) => {}
            Err(error) => {
                warn!(%error, "the log is still not to be had");
                tokio::time::sleep(RECOVER_EVERY).await;
                return;
            }
        }
        match replay(&self.log).await {
            Ok(state) => {
                self.timers = Timers::of(&state);
                self.state = state;
                self.state_out.send_replace(self.state.clone());
                self.store_what_rang();
            }
            Err(error) => warn!(%error, "the log could not be read again"),
        }
    }

    /// Hands the alarms that rang unstored in again, under the ids they rang with.
    fn store_what_rang(&mut self) {
        for (source, fact, _) in &self.unstored {
            let (engine, source, fact) = (self.engine.clone(), source.clone(), fact.clone());
            tokio::spawn(async move {
                if engine.observe(&source, vec![fact]).await.is_err() {
                    warn!("an alarm that rang unstored could not be stored yet");
                }
            });
        }
        self.unstored.retain(|(source, fact, _)| match &fact.observation {
            Observation::AlarmRaised { alarm, .. } => self.state.by_origin(source, alarm).is_none(),
            _ => false,
        });
    }
}

impl Working {
    /// Numbers, chains and applies drafts; the sequence of the last one.
    fn record(&mut self, ctx: &Ctx, cause: &Key, drafts: Vec<Draft>) -> Sequence {
        for (index, draft) in drafts.into_iter().enumerate() {
            let record = Record {
                sequence: self.state.head.next(),
                entry: draft.entry,
                happened_at: draft.happened_at,
                recorded_at: ctx.now,
                actor: ctx.actor.clone(),
                agreement: draft.agreement,
                event: draft.event,
                cause: cause.clone(),
                index: u32::try_from(index).unwrap_or(u32::MAX),
            };
            domain::evolve(&mut self.state, &record);
            self.records.push(record);
        }
        self.state.head
    }

    fn remember(&mut self, seen: Seen) {
        self.here.insert((seen.scope.clone(), seen.key.clone()), self.seen.len());
        self.seen.push(seen);
    }

    fn seen_before<'w>(
        &'w self,
        known: &'w HashMap<(String, Key), Seen>,
        scope: &str,
        key: &Key,
    ) -> Option<&'w Seen> {
        let place = (scope.to_owned(), key.clone());
        known.get(&place).or_else(|| self.here.get(&place).and_then(|at| self.seen.get(*at)))
    }

    fn keep_personal(&mut self, entry: Option<EntryId>, personal: Personal) {
        if let (Some(entry), false) = (entry, personal.is_empty()) {
            self.personal.push((entry, personal));
        }
    }
}

impl Answer {
    /// A receiver that is gone has stopped waiting; what was recorded stays recorded.
    fn send(self, state: &State) {
        match self {
            Self::Order(reply, result) => {
                let done = result.map(|(sequence, entry)| Done {
                    sequence,
                    entry,
                    state: state.clone(),
                    waiting: false,
                });
                drop(reply.send(done));
            }
            Self::Facts(reply, outcomes) => drop(reply.send(Ok(outcomes))),
        }
    }

    fn fail(self) {
        match self {
            Self::Order(reply, _) => drop(reply.send(Err(Failure::Unavailable))),
            Self::Facts(reply, _) => drop(reply.send(Err(Failure::Unavailable))),
        }
    }
}

/// Whole microseconds: what the log holds, so that a replay says the same.
fn in_micros(at: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(at.timestamp_micros()).unwrap_or(at)
}

/// Waits for the next due time; for ever when there is none.
async fn until(clock: Clock, due_at: Option<DateTime<Utc>>) {
    match due_at {
        Some(at) => clock.sleep_until(at).await,
        None => std::future::pending().await,
    }
}

fn answer_again(seen: &Seen) -> Result<(Sequence, Option<EntryId>), Failure> {
    match (&seen.answer, seen.first) {
        (Some(refusal), _) => {
            let refusal = serde_json::from_str(refusal).map_err(|_| Failure::IdReused)?;
            Err(Failure::Refused(refusal))
        }
        (None, Some(sequence)) => Ok((sequence, seen.entry)),
        (None, None) => Err(Failure::IdReused),
    }
}

fn is_alarm(observation: &Observation) -> bool {
    matches!(observation, Observation::AlarmRaised { .. })
}

/// SHA-256, the first 128 bits.
fn digest(text: &str) -> String {
    hex::encode(&Sha256::digest(text.as_bytes())[..16])
}

/// A digest as a key: letters only, so that it never has the shape of a CPR number.
fn cause(prefix: &'static str, text: &str) -> Key {
    Key::of_bytes(prefix, &Sha256::digest(text.as_bytes())[..16])
}

/// The cause of an observation's events: a digest, since keys are unique per source only.
fn fact_cause(scope: &str, fact: &Key) -> Key {
    cause("fact-", &format!("{scope}\n{fact}"))
}

/// The cause of a timer's events, the same on every server.
fn timer_cause(entry: EntryId, what: DueKind, at_ms: i64) -> Key {
    cause("due-", &format!("{entry}/{what:?}/{at_ms}"))
}
