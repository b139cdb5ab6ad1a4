//! Hospital notifications from a folder, and their acknowledgements into another.
//!
//! Owns how an acknowledgement becomes a file. A message is done when what it says is on disk and so is its answer; a
//! crash in between answers twice, which a sender must bear, and never not at all. An acknowledgement names
//! organizations and ids, and no citizen. A message whose citizen the care system cannot tell now stays in the folder and
//! is read again; the others go on.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;

use super::{Held, Medcom};
use crate::care::{CareError, Why};
use crate::domain::identity::{Code, SourceName};
use crate::protocol::board::SourceState;
use crate::sources::drop_folder::{DropFolder, Dropped, Handler, Inbox, Timing, Verdict};
use crate::sources::medcom::{MESSAGE_MAX, Received, receive};
use crate::sources::{SourceHealth, Waiting};

/// A message that cannot be read to its end may still be written: it is set aside when it has been at rest for so long.
const REST: TimeDelta = TimeDelta::seconds(30);
/// So many messages in a row, and the care system is taken to be away until those that wait are read again.
const AWAY_MAX: u32 = 3;

/// Where acknowledgements are laid for the forwarder to fetch.
#[derive(Debug, Clone)]
pub struct Outbox(pub PathBuf);

struct Taker<I> {
    medcom: Medcom,
    source: SourceName,
    outbox: Outbox,
    inbox: I,
    /// Messages in a row whose citizen a care system could not tell, by its name, since those that wait were last read.
    away_in_a_row: Mutex<BTreeMap<Option<SourceName>, u32>>,
}

/// Watches the folder until `stop`.
pub async fn watch<I: Inbox>(
    medcom: Medcom,
    source: SourceName,
    (folder, outbox): (PathBuf, Outbox),
    inbox: I,
    stop: CancellationToken,
) {
    let clock = medcom.engine.clock.clone();
    let watched = DropFolder {
        source: source.clone(),
        folder,
        file_max: MESSAGE_MAX as u64,
        inbox: inbox.clone(),
        timing: Timing { rest: REST, ..Timing::default() },
        now: Arc::new(move || clock.now()),
    };
    watched.run(Taker { medcom, source, outbox, inbox, away_in_a_row: Mutex::default() }, stop).await;
}

impl<I: SourceHealth> Handler for Taker<I> {
    async fn handle(&self, file: Dropped) -> Verdict {
        if self.is_left_alone(&file.bytes) {
            return waits(Held::Away(CareError::Away { why: Why::Failed }));
        }
        let ours = self.medcom.ours.clone();
        let (received, answer) = match self.medcom.take(&self.source, &ours, &file.bytes).await {
            Ok(taken) => taken,
            Err(unreadable) => {
                // The codes of what cannot be read are all kebab-case.
                return Code::new(unreadable.what).map_or(Verdict::Retry, Verdict::SetAside);
            }
        };
        let answer = match answer {
            Ok(answer) => answer,
            Err(Held::Log) => return self.stuck("log-away"),
            Err(held) => {
                let is_away = matches!(held, Held::Away(_));
                self.count(&received, is_away);
                return waits(held);
            }
        };
        self.count(&received, false);
        let Some(body) = self.medcom.acknowledgement(&received, &answer) else { return Verdict::Done };
        let name = self.medcom.engine.ids.uuid(self.medcom.engine.clock.now());
        let (outbox, name) = (self.outbox.clone(), format!("{name}.{}", received.form.ending()));
        match tokio::task::spawn_blocking(move || outbox.lay(&name, &body)).await {
            Ok(Ok(())) => Verdict::Done,
            Ok(Err(error)) => {
                tracing::warn!(source = %self.source, kind = ?error.kind(), "an acknowledgement could not be written");
                self.stuck("outbox-unwritable")
            }
            // The server is stopping.
            Err(_) => Verdict::Retry,
        }
    }

    /// A message that can be read to its end is whole: it need not rest.
    fn is_whole(&self, bytes: &[u8]) -> bool {
        receive(bytes, &self.medcom.ours, self.medcom.engine.clock.now(), &self.medcom.engine.masking).is_ok()
    }

    fn again(&self, _: &BTreeSet<String>) {
        self.in_a_row().clear();
    }
}

/// This one message stays, the others go on.
fn waits(held: Held) -> Verdict {
    Verdict::Waits(Waiting { count: 1, why: held.code() })
}

impl<I: SourceHealth> Taker<I> {
    /// No panic leaves it half changed: every change is one step.
    fn in_a_row(&self) -> MutexGuard<'_, BTreeMap<Option<SourceName>, u32>> {
        self.away_in_a_row.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whose care system is away is not asked about now; another municipality's message goes on.
    fn is_left_alone(&self, bytes: &[u8]) -> bool {
        if self.in_a_row().values().all(|count| *count < AWAY_MAX) {
            return false;
        }
        let (medcom, now) = (&self.medcom, self.medcom.engine.clock.now());
        receive(bytes, &medcom.ours, now, &medcom.engine.masking).is_ok_and(|received| {
            self.in_a_row().get(&self.care_of(&received)).is_some_and(|it| *it >= AWAY_MAX)
        })
    }

    fn count(&self, received: &Received, is_away: bool) {
        let mut all = self.in_a_row();
        let count = all.entry(self.care_of(received)).or_default();
        *count = if is_away { *count + 1 } else { 0 };
    }

    fn care_of(&self, received: &Received) -> Option<SourceName> {
        self.medcom.engine.cares.of(received.agreement()).map(|port| port.name.clone())
    }

    /// The file stays and is read again at the next look; the folder shows as silent, and why.
    fn stuck(&self, why: &'static str) -> Verdict {
        self.inbox.state(&self.source, SourceState::Silent, Code::new(why).ok());
        Verdict::Retry
    }
}

impl Outbox {
    /// Makes the folder where it is missing. Errors: those of the file system.
    pub fn make(&self) -> io::Result<()> {
        fs::create_dir_all(&self.0)
    }

    /// Lays one file there, whole or not at all.
    fn lay(&self, name: &str, body: &[u8]) -> io::Result<()> {
        let (hidden, shown) = (self.0.join(format!(".{name}.tmp")), self.0.join(name));
        let laid = write_synced(&hidden, body).and_then(|()| fs::rename(&hidden, &shown));
        if laid.is_err() {
            // It may not be there at all.
            let _ = fs::remove_file(&hidden);
        }
        laid.and_then(|()| File::open(&self.0)?.sync_all())
    }
}

fn write_synced(path: &Path, body: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o640).open(path)?;
    file.write_all(body)?;
    file.sync_all()
}
