//! An inbox in memory, and waiting for what should come into it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::watch;
use vagttavle::domain::identity::{Code, ExternalId, SourceName};
use vagttavle::domain::observation::Observation;
use vagttavle::protocol::board::SourceState;
use vagttavle::protocol::observations::{Observed, Outcome, Receipt};
use vagttavle::sources::withdrawn::StandingVisit;
use vagttavle::sources::{
    AlarmLog, AlarmStanding, Backlog, BadRows, CallLog, ClockOffset, Contact, FileRows, HandIn, KnownVisit,
    LostAlarms, Malformed, OpenCall, QueueKind, QueueStaff, RowsAre, SourceHealth, Staffing, Stands,
    Unavailable, VisitLog, Waiting,
};

use crate::support::{End, fold};

/// Longest a test waits for what it expects; then it says what it saw.
const BOUND: Duration = Duration::from_secs(60);

/// Everything that came in.
#[derive(Debug, Default)]
pub struct Seen {
    pub observed: Vec<Observed>,
    /// The texts that came beside them, repeats too.
    pub live: Vec<String>,
    keys: HashSet<String>,
    pub states: Vec<(SourceState, Option<String>)>,
    pub unreadable: Vec<String>,
    /// Alarms of which nothing is known.
    pub lost: Vec<String>,
    /// First line (of JSON: row), reason, how many.
    pub bad_rows: Vec<(u32, String, u32)>,
    /// How often refused rows were told of: once a file.
    pub bad_files: usize,
    /// Taken in, and marked.
    pub odd_rows: Vec<(u32, String, u32)>,
    pub heard: usize,
    /// What waits, each time that was told.
    pub waiting: Vec<Option<(u32, String)>>,
    /// What the log would know to stand in the plan.
    pub planned: Vec<StandingVisit>,
    pub ahead: Option<TimeDelta>,
    /// Who takes the calls, each time that was told.
    pub staff: Vec<Vec<QueueStaff>>,
    /// So many batches are still to be turned away.
    pub turn_away: usize,
    /// Where alarms stand that are no longer ringing.
    pub standing: HashMap<String, Stands>,
    /// What the log would know of devices, and whether they are silent.
    pub devices: Vec<(ExternalId, bool)>,
}

impl Seen {
    pub fn is(&self, state: SourceState) -> bool {
        self.states.last().is_some_and(|(last, _)| *last == state)
    }

    pub fn was(&self, state: SourceState, why: &str) -> bool {
        self.states.contains(&(state, Some(why.to_owned())))
    }

    pub fn times_ok(&self) -> usize {
        self.states.iter().filter(|(state, _)| *state == SourceState::Ok).count()
    }

    pub fn open(&self) -> Vec<OpenCall> {
        let alarms: HashSet<String> = self
            .observed
            .iter()
            .filter_map(|observed| match &observed.observation {
                Observation::AlarmRaised { alarm, .. } => Some(alarm.to_string()),
                _ => None,
            })
            .collect();
        fold(&self.observed)
            .into_iter()
            .filter(|(_, (end, over))| !over && matches!(end, End::Waiting | End::Answered))
            .map(|(call, (end, _))| OpenCall {
                kind: if alarms.contains(&call) { QueueKind::Alarm } else { QueueKind::Phone },
                call: ExternalId::new(call).unwrap(),
                answered: end == End::Answered,
            })
            .collect()
    }
}

/// Cheap to clone; all clones see the same.
#[derive(Clone)]
pub struct TestInbox {
    seen: Arc<Mutex<Seen>>,
    changed: Arc<watch::Sender<u64>>,
}

impl TestInbox {
    pub fn new() -> Self {
        Self { seen: Arc::default(), changed: Arc::new(watch::Sender::new(0)) }
    }

    pub fn change<T>(&self, change: impl FnOnce(&mut Seen) -> T) -> T {
        let result = change(&mut self.seen.lock().unwrap());
        self.changed.send_modify(|count| *count += 1);
        result
    }

    /// Waits until it holds; after the bound fails with what was seen.
    pub async fn until(&self, what: &str, holds: impl Fn(&Seen) -> bool) {
        let mut changes = self.changed.subscribe();
        let wait = async {
            while !holds(&self.seen.lock().unwrap()) {
                changes.changed().await.unwrap();
            }
        };
        if tokio::time::timeout(BOUND, wait).await.is_err() {
            let seen = self.seen.lock().unwrap();
            let keys: Vec<&str> = seen.observed.iter().map(|observed| observed.key.as_str()).collect();
            panic!(
                "never: {what}\nkeys {keys:?}\nstates {:?}\nunreadable {:?}",
                seen.states, seen.unreadable
            );
        }
    }
}

fn told(rows: BadRows) -> (u32, String, u32) {
    (rows.row.unwrap_or(rows.line), rows.what.to_string(), rows.rows)
}

impl HandIn for TestInbox {
    async fn submit(&self, _: &SourceName, batch: Vec<Observed>) -> Result<Vec<Receipt>, Unavailable> {
        self.change(|seen| {
            if seen.turn_away > 0 {
                seen.turn_away -= 1;
                return Err(Unavailable);
            }
            let receipt = |observed: Observed| {
                let key = observed.key.clone();
                seen.live.extend(observed.live.text.as_ref().map(|it| it.as_str().to_owned()));
                let is_new = seen.keys.insert(key.to_string());
                if is_new {
                    seen.observed.push(observed);
                }
                let outcome = if is_new { Outcome::Recorded } else { Outcome::Repeat };
                Receipt { key: Some(key), outcome, entry: None, problem: None }
            };
            Ok(batch.into_iter().map(receipt).collect())
        })
    }
}

impl Contact for TestInbox {
    fn heard(&self, _: &SourceName) {
        self.change(|seen| seen.heard += 1);
    }
}

impl SourceHealth for TestInbox {
    fn state(&self, _: &SourceName, state: SourceState, why: Option<Code>) {
        self.change(|seen| seen.states.push((state, why.map(|why| why.to_string()))));
    }
}

impl Malformed for TestInbox {
    fn unreadable(&self, _: &SourceName, what: Code) {
        self.change(|seen| seen.unreadable.push(what.to_string()));
    }
}

impl LostAlarms for TestInbox {
    fn alarm_unreadable(&self, _: &SourceName, what: Code) {
        self.change(|seen| {
            seen.lost.push(what.to_string());
            seen.unreadable.push(what.to_string());
        });
    }
}

impl FileRows for TestInbox {
    async fn rows(&self, _: &SourceName, are: RowsAre, rows: Vec<BadRows>) {
        let rows = rows.into_iter().map(told);
        self.change(|seen| match are {
            RowsAre::Refused => {
                seen.bad_files += 1;
                seen.bad_rows.extend(rows);
            }
            RowsAre::Odd => seen.odd_rows.extend(rows),
        });
    }
}

impl Backlog for TestInbox {
    fn waits(&self, _: &SourceName, waiting: Option<Waiting>) {
        self.change(|seen| seen.waiting.push(waiting.map(|it| (it.count, it.why.to_string()))));
    }
}

impl ClockOffset for TestInbox {
    fn clock_ahead(&self, _: &SourceName, by: TimeDelta) {
        self.change(|seen| seen.ahead = Some(by));
    }
}

impl Staffing for TestInbox {
    fn staff(&self, _: &SourceName, queues: Vec<QueueStaff>) {
        self.change(|seen| seen.staff.push(queues));
    }
}

impl CallLog for TestInbox {
    async fn open_calls(&self, _: &SourceName) -> Vec<OpenCall> {
        self.seen.lock().unwrap().open()
    }
}

impl AlarmLog for TestInbox {
    async fn standing(&self, _: &SourceName, alarm: &ExternalId) -> Option<AlarmStanding> {
        let seen = self.seen.lock().unwrap();
        let told = |it: &Observed| match &it.observation {
            Observation::AlarmRaised { alarm: raised, technical, test, .. } if raised == alarm => {
                Some((it.at, *technical || *test))
            }
            _ => None,
        };
        // What was said first says what it is; what was said last, that it is alive.
        let (_, is_apart) = seen.observed.iter().find_map(told)?;
        let (signalled_at, _) = seen.observed.iter().rev().find_map(told)?;
        let stands = if is_apart { Stands::Apart } else { Stands::Ringing };
        let stands = seen.standing.get(alarm.as_str()).copied().unwrap_or(stands);
        Some(AlarmStanding { stands, signalled_at })
    }

    async fn devices(&self, _: &SourceName) -> Vec<(ExternalId, bool)> {
        self.seen.lock().unwrap().devices.clone()
    }
}

impl VisitLog for TestInbox {
    /// No visit was told before.
    fn known_visits(&self, _: &SourceName, _: &[ExternalId]) -> BTreeMap<ExternalId, KnownVisit> {
        BTreeMap::new()
    }

    fn standing_visits(&self, _: &SourceName, from: DateTime<Utc>, to: DateTime<Utc>) -> Vec<StandingVisit> {
        let seen = self.seen.lock().unwrap();
        seen.planned.iter().filter(|it| from <= it.planned_at && it.planned_at < to).cloned().collect()
    }
}
