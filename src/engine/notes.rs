//! Notes: free text on its way to the care system. Waits in memory when the care system is away, is tried again
//! and counted; the log gets the receipt only.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::cares::Port;
use super::writer::WRITTEN;
use super::{Done, Engine, Failure, Order};
use crate::care::{CareError, Whose, Why};
use crate::domain::entry;
use crate::domain::identity::{Code, EntryId, ExternalId, Key, Reference, SourceName};
use crate::domain::sources::{Report, TroubleKind};
use crate::domain::{self, Actor, Command, Refusal};

/// Notes that may wait at once; more are refused while the care system is away.
const WAITING_MAX: usize = 200;
/// Seconds between tries.
const RETRY_SECONDS: i64 = 5;

/// A note that waits. Never printed.
pub struct Pending {
    id: Key,
    actor: Actor,
    entry: EntryId,
    /// The care system of the entry when it was said: the id is one of its ids.
    port: Arc<Port>,
    whose: Whose,
    text: String,
    /// When it was said.
    at: DateTime<Utc>,
}

impl Pending {
    /// The same note of the same person.
    fn is(&self, other: &Pending) -> bool {
        self.id == other.id && self.actor == other.actor
    }
}

/// Oldest first. One that is being written stays until it is known to be.
#[derive(Clone, Default)]
pub struct Notes(Arc<Mutex<VecDeque<Arc<Pending>>>>);

impl Notes {
    pub fn waiting(&self, is_counted: impl Fn(EntryId) -> bool) -> u32 {
        let counted = self.lock().iter().filter(|it| is_counted(it.entry)).count();
        u32::try_from(counted).unwrap_or(u32::MAX)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<Arc<Pending>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, pending: Pending) -> bool {
        let mut all = self.lock();
        if all.iter().any(|it| it.is(&pending)) {
            return true;
        }
        if all.len() >= WAITING_MAX {
            return false;
        }
        all.push_back(Arc::new(pending));
        true
    }

    fn all(&self) -> Vec<Arc<Pending>> {
        self.lock().iter().cloned().collect()
    }

    fn remove(&self, done: &Pending) {
        self.lock().retain(|it| !it.is(done));
    }
}

/// Stands for the receipt while it is tried whether a note may be written.
fn any_receipt() -> ExternalId {
    ExternalId::new("receipt").expect("a constant id")
}

impl Engine {
    /// Writes a note through to the care system and records the receipt. Away: keeps it in memory and says so.
    pub async fn note(&self, id: Key, actor: Actor, entry: EntryId, text: String) -> Result<Done, Failure> {
        let state = self.state();
        let found = state.entry(entry).ok_or(Failure::Refused(Refusal::UnknownEntry))?;
        let (port, whose) = self.cares.about(found).map_err(Failure::Refused)?;
        let command = Command::OfServer(entry::OfServer::NoteWritten { receipt: any_receipt() });
        self.may_write(&id, &actor, entry, None, command).await?;
        let pending = Pending { id, actor, entry, port, whose, text, at: self.clock.now() };
        match self.write(&pending).await {
            Ok(receipt) => self.receipt(&pending, receipt).await,
            Err(CareError::Away { .. }) => {
                if !self.notes.push(pending) {
                    return Err(Failure::CareAway);
                }
                Ok(Done { sequence: state.head, entry: Some(entry), state, waiting: true })
            }
            Err(error) => Err(refused(error)),
        }
    }

    /// Writes a justification's text through to the care system; its receipt is the reference. Nothing is
    /// recorded as sent while the care system is away.
    pub async fn justify(
        &self,
        id: Key,
        actor: Actor,
        entry: EntryId,
        happened_at: Option<DateTime<Utc>>,
        channel: domain::Channel,
        text: String,
    ) -> Result<Done, Failure> {
        let state = self.state();
        let found = state.entry(entry).ok_or(Failure::Refused(Refusal::UnknownEntry))?;
        let (port, whose) = self.cares.about(found).map_err(Failure::Refused)?;
        let command = Command::justification_sent(channel, None);
        self.may_write(&id, &actor, entry, happened_at, command).await?;
        let at = self.clock.now();
        let pending = Pending { id: id.clone(), actor: actor.clone(), entry, port, whose, text, at };
        let receipt = match self.write(&pending).await {
            Ok(receipt) => receipt,
            Err(CareError::Away { .. }) => return Err(Failure::CareAway),
            Err(error) => return Err(refused(error)),
        };
        let reference = Reference::new(receipt.as_str().to_uppercase()).ok();
        let command = Command::justification_sent(channel, reference);
        self.order(Order { id, actor, entry: Some(entry), expected_version: None, happened_at, command })
            .await
    }

    /// Whether a text may go to the care system at all: it cannot be taken back from there. An id that was used for
    /// something else writes nothing, nor does a command that would be refused.
    async fn may_write(
        &self,
        id: &Key,
        actor: &Actor,
        entry: EntryId,
        happened_at: Option<DateTime<Utc>>,
        command: Command,
    ) -> Result<(), Failure> {
        if let Some(seen) = self.known(actor, id).await? {
            // Written before: the care system knows the id and gives the same receipt.
            return if seen.outcome == WRITTEN { Ok(()) } else { Err(Failure::IdReused) };
        }
        let now = self.clock.now();
        let mut ctx = domain::Ctx::new(now, actor.clone(), self.ids.uuid(now));
        ctx.at = happened_at.unwrap_or(now);
        let request = domain::Request::Command { entry: Some(entry), expected_version: None, command };
        domain::decide(&self.state(), &ctx, &request).map(|_| ()).map_err(Failure::Refused)
    }

    async fn write(&self, pending: &Pending) -> Result<ExternalId, CareError> {
        let care = &pending.port.care;
        let citizen = match &pending.whose {
            Whose::Citizen(citizen) => citizen.clone(),
            Whose::Device(_) | Whose::Cpr(_) => care.who(&pending.whose).await?.citizen,
        };
        care.write_note(&pending.id, &citizen, &pending.text, pending.at).await
    }

    async fn receipt(&self, pending: &Pending, receipt: ExternalId) -> Result<Done, Failure> {
        let command = Command::OfServer(entry::OfServer::NoteWritten { receipt });
        let order = Order {
            id: pending.id.clone(),
            actor: pending.actor.clone(),
            entry: Some(pending.entry),
            expected_version: None,
            happened_at: None,
            command,
        };
        self.order(order).await
    }
}

fn refused(error: CareError) -> Failure {
    Failure::Refused(match error {
        CareError::NotSetUp { .. } => Refusal::CareNotSetUp,
        _ => Refusal::CareRefused,
    })
}

/// Tries the waiting notes again, until told to stop.
pub async fn retry(engine: Engine, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = engine.clock.sleep(TimeDelta::seconds(RETRY_SECONDS)) => {}
        }
        engine.write_waiting().await;
    }
}

impl Engine {
    /// Tries each waiting note once, oldest first, until its care system turns out to be away.
    pub async fn write_waiting(&self) {
        let mut away: BTreeSet<SourceName> = BTreeSet::new();
        for pending in self.notes.all() {
            if away.contains(&pending.port.name) {
                continue;
            }
            match self.write(&pending).await {
                Ok(receipt) => {
                    // A log that cannot be written now: the care system gives the same receipt the next time.
                    match self.receipt(&pending, receipt).await {
                        Err(Failure::Unavailable) => return,
                        Err(error) => {
                            warn!(%error, "a note was written but its receipt could not be recorded")
                        }
                        Ok(_) => {}
                    }
                    self.notes.remove(&pending);
                }
                // Its own trouble, not the care system's: the others are tried all the same.
                Err(CareError::Away { why: Why::Unreadable }) => {}
                Err(CareError::Away { .. }) => drop(away.insert(pending.port.name.clone())),
                Err(error) => {
                    warn!(%error, entry = %pending.entry, "the care system refused a note that had waited");
                    self.notes.remove(&pending);
                    self.note_refused(&pending.port.name).await;
                }
            }
        }
    }

    /// Nobody waits for an answer any more: it becomes an entry, so that somebody writes it by hand.
    async fn note_refused(&self, source: &SourceName) {
        let what = Code::new("care-note-refused").ok();
        self.report(source, Report::Trouble { trouble: TroubleKind::Unreadable, what, times: 1 }).await;
    }
}
