//! The writer loop: batches in, one durable transaction, answers and news out.
//!
//! Each item is decided on a *working* state that includes the items before it. Only after the commit does the
//! working state become the state. After a failed commit it is thrown away and the log is read again, since it may
//! have been written after all.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::error;

pub(super) mod again;
mod disk;
mod facts;
mod recovery;
mod replay;
mod unstored;
mod working;

use again::{asked, is_asked_again, order_cause, reused, standing_cause, timer_cause};
use disk::{Disk, Meanwhile};
use recovery::RECOVER_DAMAGED_EVERY;
use unstored::{Name, Unstored};
use working::{Answer, Working};

use super::known::{self, Known};
use super::live::Personal;
use super::looking::{Looking, Ticket};
use super::storing::Storing;
use super::timers::{Now, Timers};
use super::{Engine, Fact, FactOutcome, Failure, Item, Loaded, Order, Published, Ringing};
use crate::clock::{Clock, steady};
use crate::domain::entry::Entry;
use crate::domain::identity::{EntryId, Key, Sequence, SourceName};
use crate::domain::{self, Actor, Ctx, Request, StandingDue, State, sources};
use crate::store::{Batch, Log, Look, Seen, StoreError};

/// Items decided in one transaction at most.
const BATCH_MAX: usize = 512;
/// Records read at once during replay.
const REPLAY_PAGE: usize = 2_000;
/// Looks kept to be written later while the log cannot be written; more are lost, and said so.
const LOOKS_MAX: usize = 20_000;
/// Words of the supervision kept likewise; more say nothing new.
const REPORTS_MAX: usize = 200;

/// Outcome of a command whose text went to the care system before.
pub const WRITTEN: &str = "written";

pub use replay::replay;

/// Where everybody sees what the writer made.
pub struct Out {
    pub state: watch::Sender<State>,
    pub storing: watch::Sender<Storing>,
    pub ringing: watch::Sender<Ringing>,
    pub loaded: watch::Sender<Loaded>,
}

pub struct Writer {
    log: Disk,
    requests: mpsc::Receiver<Item>,
    known: Known,
    /// Looks that were lost before the start, to be forgotten when that has been said.
    forgives: u32,
    /// A damage was found in a part that is not checked when the log is opened: it is not tried again.
    is_damaged: bool,
    /// Nobody can hand anything in any more.
    is_deserted: bool,
    /// What came while the log was at work, in order.
    backlog: VecDeque<Item>,
    state: State,
    engine: Engine,
    timers: Timers,
    out: Out,
    unstored: Unstored,
    /// What the state would be had the alarms that ring unstored been stored; none until one rings.
    unstored_state: Option<Working>,
    /// Looks that are not written yet.
    looks: Vec<Look>,
    /// Who waits for them, and what is owed of them.
    tickets: Vec<(Ticket, Option<oneshot::Sender<bool>>)>,
    /// What the supervision said and is not written yet.
    reports: Vec<(SourceName, sources::Report)>,
    /// The log failed: when to try it again. Until then nothing is decided.
    retry_at: Option<Instant>,
}

impl Writer {
    /// `state` is what is known before the log has been read.
    pub fn new(
        log: Log,
        known: Known,
        state: State,
        engine: Engine,
        requests: mpsc::Receiver<Item>,
        out: Out,
    ) -> Self {
        Self {
            log: Disk::new(log),
            known,
            forgives: 0,
            is_damaged: false,
            requests,
            is_deserted: false,
            backlog: VecDeque::new(),
            timers: Timers::of(&state, Now::of(&engine.clock)),
            state,
            engine,
            out,
            unstored: Unstored::default(),
            unstored_state: None,
            looks: Vec::new(),
            tickets: Vec::new(),
            reports: Vec::new(),
            // The log is read first of all.
            retry_at: Some(steady()),
        }
    }

    pub async fn run(mut self, stop: CancellationToken) {
        while let Some(items) = self.next(&stop).await {
            // A fault of ours in one batch must not end the only writer: the batch is lost, the log is read again.
            if AssertUnwindSafe(self.work(items)).catch_unwind().await.is_err() {
                error!("deciding a batch ended in a panic; nobody was told that it was recorded");
                self.forget_undecided();
                self.broke(Storing::Away);
            }
        }
        let closed = self.on_log(Meanwhile::TurnAway, async |log: &mut Log| log.close().await).await;
        if let Err(error) = closed {
            error!(%error, "closing the log");
        }
    }

    /// What is to be done next; nothing in it when a timer is due or the log is to be tried again. None at the end,
    /// which is when nobody waits for an answer any more.
    async fn next(&mut self, stop: &CancellationToken) -> Option<Vec<Item>> {
        if !self.backlog.is_empty() {
            let some = self.backlog.len().min(BATCH_MAX);
            return Some(self.backlog.drain(..some).collect());
        }
        let timer = until(&self.engine.clock, self.timers.next_at());
        let retry_at = self.retry_at;
        let mut items = Vec::new();
        tokio::select! {
            biased;
            () = stop.cancelled(), if self.requests.is_empty() => return None,
            received = self.requests.recv_many(&mut items, BATCH_MAX) => if received == 0 { return None },
            () = tokio::time::sleep_until(retry_at.unwrap_or_else(steady)), if retry_at.is_some() => {}
            () = timer, if retry_at.is_none() => {}
        }
        Some(items)
    }

    /// One batch; while the log is broken only a try to mend it.
    async fn work(&mut self, items: Vec<Item>) {
        if let Some(Item::Damaged(damage)) = items.iter().find(|item| matches!(item, Item::Damaged(_))) {
            self.is_damaged = true;
            let damage = damage.clone();
            self.broke_by(&damage).await;
        }
        if let Some(retry_at) = self.retry_at {
            self.turn_away(items);
            if steady() >= retry_at && self.is_damaged {
                self.retry_at = Some(steady() + RECOVER_DAMAGED_EVERY);
            } else if steady() >= retry_at {
                self.recover().await;
            }
            return;
        }
        // Those that waited for the disk come first.
        self.write_looks().await;
        self.turn(items).await;
        self.write_looks().await;
    }

    async fn turn(&mut self, items: Vec<Item>) {
        let mut rings = HashSet::new();
        for item in &items {
            rings.extend(self.keep(item));
        }
        let known = match self.known(&items).await {
            Ok(known) => known,
            Err(error) => {
                error!(%error, "the log cannot be read");
                self.broke_by(&error).await;
                self.turn_away(items);
                return;
            }
        };
        // A commit of their own: a timer that cannot be stored must not take others with it, again and again.
        self.fire_timers().await;
        if self.retry_at.is_some() {
            self.turn_away(items);
            return;
        }
        let mut working = Working::of(&self.state);
        for item in items {
            self.decide(&mut working, &known, item);
        }
        for (source, report) in &self.reports {
            self.report(&mut working, source, report);
        }
        for (source, report) in std::mem::take(&mut working.odd) {
            self.report(&mut working, &source, &report);
        }
        for source in std::mem::take(&mut working.reused) {
            let report =
                sources::Report::Trouble { trouble: sources::TroubleKind::KeyReused, what: None, times: 1 };
            self.report(&mut working, &source, &report);
        }
        if self.commit(working, rings).await {
            self.reports.clear();
            self.engine.owed.settle(std::mem::take(&mut self.forgives));
        }
    }

    fn decide(&mut self, working: &mut Working, known: &HashMap<(String, Key), Seen>, item: Item) {
        match item {
            Item::Order(order, reply) => {
                let answer = self.order(working, known, order);
                working.answers.push(Answer::Order(reply, answer));
            }
            Item::Facts(source, facts, noted, reply) => {
                let mut outcomes = Vec::with_capacity(facts.len());
                for fact in facts {
                    outcomes.push(self.fact(working, known, &source, fact));
                }
                if !outcomes.iter().any(|it| matches!(it, FactOutcome::Refused(_))) {
                    working.note(known, &source, noted);
                }
                working.answers.push(Answer::Facts(reply, outcomes));
            }
            Item::Known(scope, key, reply) => drop(reply.send(Ok(known.get(&(scope, key)).cloned()))),
            Item::Report(source, report) => self.keep_report(source, report),
            Item::Looks(looking) => self.keep_looks(looking, true),
            Item::Standing(due) => self.standing(working, due),
            // Sorted out before.
            Item::Damaged(_) => {}
        }
    }

    /// `can_wait`: whether they will be written soon; if not, nobody waits.
    fn keep_looks(&mut self, Looking { looks, ticket, reply }: Looking, can_wait: bool) {
        if self.looks.len() + looks.len() > LOOKS_MAX {
            // What was answered stays owed, and is said at the next start.
            error!(looks = looks.len(), "too many looks wait for the log: some are lost");
            return;
        }
        self.looks.extend(looks);
        self.tickets.push((ticket, can_wait.then_some(reply)));
    }

    fn keep_report(&mut self, source: SourceName, report: sources::Report) {
        if self.reports.len() < REPORTS_MAX {
            self.reports.push((source, report));
        }
    }

    /// Looks wait for nobody and nobody for them: after the batch, all at once.
    async fn write_looks(&mut self) {
        if self.looks.is_empty() || self.retry_at.is_some() {
            return;
        }
        let looks = self.looks.clone();
        let (count, waiting) = (looks.len(), self.tickets.len());
        let written =
            self.on_log(Meanwhile::Queue, async move |log: &mut Log| log.look_all(&looks).await).await;
        match written {
            Ok(()) => {
                self.looks.drain(..count);
                for (ticket, reply) in self.tickets.drain(..waiting) {
                    ticket.written();
                    // Who is gone has stopped waiting.
                    reply.map(|reply| reply.send(true));
                }
                self.is_well_again();
            }
            Err(error) => {
                error!(%error, "looks could not be written");
                for (_, reply) in &mut self.tickets {
                    *reply = None;
                }
                self.broke_by(&error).await;
            }
        }
    }

    /// What the log remembers of the keys in these items.
    async fn known(&mut self, items: &[Item]) -> Result<HashMap<(String, Key), Seen>, StoreError> {
        let mut keys = Vec::new();
        for item in items {
            match item {
                Item::Order(order, _) => keys.push((order.actor.to_string(), order.id.clone())),
                Item::Facts(source, facts, noted, _) => {
                    let scope = Actor::Source(source.clone()).to_string();
                    keys.extend(facts.iter().map(|fact| (scope.clone(), fact.key.clone())));
                    keys.extend(noted.iter().map(|noted| (scope.clone(), noted.key.clone())));
                }
                Item::Known(scope, key, _) => keys.push((scope.clone(), key.clone())),
                Item::Report(..) | Item::Looks(_) | Item::Standing(_) | Item::Damaged(_) => {}
            }
        }
        if keys.is_empty() {
            return Ok(HashMap::new());
        }
        let mut known = self.seen(keys).await?;
        let again = reused(items, &known);
        if !again.is_empty() {
            known.extend(self.seen(again).await?);
        }
        Ok(known)
    }

    async fn seen(&mut self, keys: Vec<(String, Key)>) -> Result<HashMap<(String, Key), Seen>, StoreError> {
        let asked = keys.clone();
        let seen = self.on_log(Meanwhile::Queue, async move |log: &mut Log| log.seen(&asked).await).await?;
        Ok(keys.into_iter().zip(seen).filter_map(|(key, seen)| Some((key, seen?))).collect())
    }

    async fn fire_timers(&mut self) {
        let due = self.timers.take_due(Now::of(&self.engine.clock), BATCH_MAX);
        if due.is_empty() {
            return;
        }
        let mut working = Working::of(&self.state);
        for (entry, what, at) in due {
            // The wall's clock may have been set back since it began: it is due all the same.
            let now = self.engine.clock.now().max(at);
            let ctx = Ctx::new(now, Actor::Timer, self.engine.ids.uuid(now));
            let request = Request::Due { entry, what, at };
            if let Ok(drafts) = domain::decide(&working.state, &ctx, &request) {
                let version = working.state.entry(entry).map_or(0, |it| it.version);
                let cause = timer_cause(entry, version, what, at.timestamp_millis());
                working.record(&ctx, &cause, drafts);
            }
        }
        self.commit(working, HashSet::new()).await;
    }

    /// A duty that comes round by the calendar.
    fn standing(&self, working: &mut Working, due: StandingDue) {
        let now = self.engine.clock.now();
        let ctx = Ctx::new(now, Actor::Timer, self.engine.ids.uuid(now));
        let cause = standing_cause(&due);
        if let Ok(drafts) = domain::decide(&working.state, &ctx, &Request::Standing(due)) {
            working.record(&ctx, &cause, drafts);
        }
    }

    fn order(
        &self,
        working: &mut Working,
        known: &HashMap<(String, Key), Seen>,
        order: Order,
    ) -> Result<(Sequence, Option<EntryId>), Failure> {
        let scope = order.actor.to_string();
        let digest = asked(&order);
        let done = if order.command.is_written_through() { WRITTEN } else { "done" };
        if let Some(seen) = working.seen_before(known, &scope, &order.id) {
            return if is_asked_again(seen, &digest, order.entry) {
                answer_again(seen)
            } else {
                Err(Failure::IdReused)
            };
        }
        let now = self.not_before(&working.state, &order);
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
                let last = working.record(&ctx, &order_cause(&scope, &order.id), drafts);
                (done, entry, None, Ok((last, entry)))
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

    /// Now, and no earlier than what it is about: the wall's clock may have been set back since.
    fn not_before(&self, state: &State, order: &Order) -> DateTime<Utc> {
        let now = self.engine.clock.now();
        let Some(entry) = order.entry.and_then(|id| state.entry(id)) else { return now };
        let due_at = match order.command {
            // Who asks for it knows by the even clock that it is due.
            domain::Command::OfServer(domain::entry::OfServer::EscalationBegin) => {
                domain::escalation::due_at(state, entry).map(|(at, _)| at)
            }
            _ => None,
        };
        now.max(entry.opened_at).max(due_at.unwrap_or(now))
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

    /// `rings` are the facts in it that may ring. True when it is on disk.
    async fn commit(&mut self, mut working: Working, rings: HashSet<Name>) -> bool {
        if !working.records.is_empty() || !working.seen.is_empty() {
            let batch = Batch {
                records: std::mem::take(&mut working.records),
                seen: std::mem::take(&mut working.seen),
                became: std::mem::take(&mut working.became).into_iter().collect(),
            };
            let head = self.state.head;
            let append = async move |log: &mut Log| (log.append(head, &batch).await, batch);
            let (appended, batch) = self.on_log(Meanwhile::Queue, append).await;
            if let Err(error) = appended {
                error!(%error, "the log could not be written");
                // Refused for what is in the batch: nothing was written, and the log is well.
                if !matches!(error, StoreError::Refused { .. } | StoreError::Duplicate { .. }) {
                    self.broke_by(&error).await;
                }
                self.left_unstored(&rings);
                working.answers.into_iter().for_each(Answer::fail);
                return false;
            }
            working.records = batch.records;
        }
        self.is_well_again();
        let is_known_anew = known::is_told_by(&working.records);
        let before = std::mem::replace(&mut self.state, working.state);
        // What begins now runs from when it was decided, which may be ahead of a clock that was set back.
        let (now, even) = (self.engine.clock.now(), self.engine.clock.even());
        for record in &working.records {
            self.timers.touch(&self.state, record.entry, Now { wall: record.recorded_at.max(now), even });
        }
        let touched: BTreeSet<EntryId> = working.records.iter().map(|record| record.entry).collect();
        let unknown = self.settle_live(&before, &touched, working.personal);
        if !working.records.is_empty() {
            self.out.state.send_replace(self.state.clone());
            let (before, after) = (before.clone(), self.state.clone());
            let news = Published::Recorded { records: Arc::new(working.records), before, after };
            // Nobody listening is no fault.
            let _ = self.engine.published.send(news);
        }
        // Only now: whoever asks looks whether the entry is open in the state that was just handed out.
        for entry in unknown.iter().filter_map(|id| self.state.entry(*id)) {
            self.forget_if_moved(&before, entry);
            self.engine.ask_who(entry);
        }
        self.settled(&rings);
        if is_known_anew {
            self.keep_known().await;
        }
        for answer in working.answers {
            answer.send(&self.state);
        }
        true
    }

    /// Live data comes with an entry and goes with it. Those of whom the care system is to be asked.
    fn settle_live(
        &self,
        before: &State,
        touched: &BTreeSet<EntryId>,
        personal: Vec<(EntryId, Personal)>,
    ) -> Vec<EntryId> {
        let mut unknown = Vec::new();
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
                    let is_news = |known: &Entry| {
                        let is_spoken_of_now = entry.is_spoken_of() && !known.is_spoken_of();
                        known.citizen != entry.citizen || !known.is_open() || is_spoken_of_now
                    };
                    // Before the state is handed out: nobody sees the old name with it.
                    let is_moved = self.forget_if_moved(before, entry);
                    if is_moved || known.is_none_or(is_news) {
                        unknown.push(entry.id);
                    }
                }
                _ => self.engine.live.forget(*id),
            }
        }
        unknown
    }

    /// What one municipality's care system said of somebody says nothing of whom the same id means in another's.
    fn forget_if_moved(&self, before: &State, entry: &Entry) -> bool {
        let Some(known) = before.entry(entry.id) else { return false };
        let is_moved = self.engine.cares.is_moved(known, entry);
        if is_moved && self.engine.cares.of_entry(known).is_some() {
            self.engine.live.forget_person(entry.id);
        }
        is_moved
    }

    /// Keeps beside the log who may sign in and what agreements are in force.
    async fn keep_known(&mut self) {
        let (known, state) = (self.known.clone(), self.state.clone());
        let kept = self.on_log(Meanwhile::Queue, async move |_: &mut Log| known.write(&state)).await;
        if let Err(error) = kept {
            error!(%error, "who may sign in could not be kept beside the log");
        }
    }
}

/// Whole microseconds: what the log holds, so that a replay says the same.
fn in_micros(at: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(at.timestamp_micros()).unwrap_or(at)
}

/// Waits for the next due time, by the wall's clock and by the even one; for ever when there is none.
async fn until(clock: &Clock, (by_wall, by_even): (Option<DateTime<Utc>>, Option<DateTime<Utc>>)) {
    tokio::select! {
        () = clock.sleep_until(by_wall.unwrap_or_default()), if by_wall.is_some() => {}
        () = clock.sleep_until_even(by_even.unwrap_or_default()), if by_even.is_some() => {}
        else => std::future::pending().await,
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
