//! Messages whose citizen the care system could not tell: asked about again until it can.
//!
//! Owns how long and how many. In memory only, and gone with the process: it holds CPR numbers. A message that may be
//! about a stranger is recorded only when the care system says that it is not, and so is one that the log could not
//! take; the sender was told to send again, and then gets the answer to a message that is known.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::{About, Held, Medcom};
use crate::care::{CareError, Why};
use crate::clock::Clock;
use crate::domain::identity::{CitizenId, Code, SourceName};
use crate::engine::health;
use crate::inbox::fact;
use crate::sources::medcom::Received;

/// Messages that wait at most; the oldest goes first, and is said so.
const WAITING_MAX: usize = 1_000;
const ASK_AGAIN_EVERY: TimeDelta = TimeDelta::seconds(10);
/// So many in one round, and the care system is taken to be away for all.
const FAILED_MAX: u32 = 3;
/// A citizen that cannot be found for so long is looked up by a person.
const WAIT_FOR_MAX: TimeDelta = TimeDelta::hours(24);

/// What waits. Cheap to clone.
#[derive(Clone)]
pub(super) struct Waiting {
    clock: Clock,
    late: Arc<Mutex<VecDeque<Late>>>,
    /// Whose sources show that something waits.
    told: Arc<Mutex<BTreeSet<SourceName>>>,
}

#[derive(Clone)]
struct Late {
    source: SourceName,
    received: Received,
    /// It is on the board already, without its citizen.
    is_stored: bool,
    since: DateTime<Utc>,
    /// What it waits for.
    why: Code,
}

impl Waiting {
    pub(super) fn new(clock: Clock) -> Self {
        Self { clock, late: Arc::default(), told: Arc::default() }
    }

    /// Whether it is ours is not known: nothing of it is stored yet.
    pub(super) fn keep(&self, medcom: &Medcom, source: &SourceName, received: &Received, held: Held) {
        if !received.observations.is_empty() {
            self.push(source, received, false, held.code());
            self.tell(medcom);
        }
    }

    /// It is stored, without its citizen.
    pub(super) fn join_later(&self, medcom: &Medcom, source: &SourceName, received: &Received) {
        self.push(source, received, true, Held::Away(CareError::Away { why: Why::Failed }).code());
        self.tell(medcom);
    }

    /// How many wait, and why the first does, to each source that they came from.
    fn tell(&self, medcom: &Medcom) {
        let waiting = {
            let late = self.late.lock().unwrap_or_else(PoisonError::into_inner);
            let mut waiting: BTreeMap<SourceName, health::Waiting> = BTreeMap::new();
            for it in late.iter() {
                let first = health::Waiting { count: 0, why: it.why.clone() };
                waiting.entry(it.source.clone()).or_insert(first).count += 1;
            }
            waiting
        };
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        for source in told.iter().filter(|source| !waiting.contains_key(*source)) {
            medcom.engine.health.waits(source, None);
        }
        *told = waiting.keys().cloned().collect();
        for (source, waiting) in waiting {
            medcom.engine.health.waits(&source, Some(waiting));
        }
    }

    fn push(&self, source: &SourceName, received: &Received, is_stored: bool, why: Code) {
        let mut late = self.late.lock().unwrap_or_else(PoisonError::into_inner);
        late.retain(|it| it.source != *source || it.received.content != received.content);
        if late.len() == WAITING_MAX {
            late.pop_front();
            warn!("too many hospital messages wait for the care system: the oldest is left to its sender");
        }
        let since = self.clock.now();
        late.push_back(Late { source: source.clone(), received: received.clone(), is_stored, since, why });
    }

    /// Takes the first out, to be settled or put last.
    fn next(&self) -> Option<Late> {
        self.late.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    fn put_last(&self, late: Late) {
        self.late.lock().unwrap_or_else(PoisonError::into_inner).push_back(late);
    }

    fn count(&self) -> usize {
        self.late.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Asks again until `stop`.
    pub(super) async fn run(self, medcom: Medcom, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.clock.sleep(ASK_AGAIN_EVERY) => {}
            }
            self.round(&medcom).await;
            self.tell(&medcom);
        }
    }

    /// Each once; those that cannot be settled do not hold the others up, unless nothing can be settled.
    async fn round(&self, medcom: &Medcom) {
        let mut failed = 0;
        for _ in 0..self.count() {
            let Some(mut late) = self.next() else { return };
            let is_old = self.clock.now() - late.since > WAIT_FOR_MAX;
            if is_old {
                warn!(source = %late.source, "whom a hospital message is about could not be found for a day");
                continue;
            }
            if late.settle(medcom).await {
                continue;
            }
            self.put_last(late);
            failed += 1;
            if failed == FAILED_MAX {
                return;
            }
        }
    }
}

impl Late {
    /// False: the care system still cannot say, or the log cannot be written.
    async fn settle(&mut self, medcom: &Medcom) -> bool {
        let about = medcom.about(&self.received).await;
        if self.is_stored {
            return match about {
                About::Ours(Some(citizen)) => self.join(medcom, &citizen).await,
                About::OursLater | About::NotKnown(_) => false,
                About::Ours(None) | About::NotOurs => true,
            };
        }
        let taken = match about {
            About::Ours(citizen) => medcom.store(&self.source, &self.received, citizen.as_ref()).await,
            About::NotOurs => medcom.pass_over(&self.source, &self.received).await,
            About::OursLater => return false,
            About::NotKnown(error) => Err(Held::One(error.code())),
        };
        if let Err(held) = taken {
            self.why = held.code();
        }
        taken.is_ok()
    }

    async fn join(&self, medcom: &Medcom, citizen: &CitizenId) -> bool {
        let Some(joined) = self.received.joining(citizen) else { return true };
        medcom.engine.observe(&self.source, vec![fact(joined)]).await.is_ok()
    }
}
