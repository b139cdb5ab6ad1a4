//! Hospital notifications from a folder, and their acknowledgements into another.
//!
//! Owns how an acknowledgement becomes a file. A message is done when what it says is on disk and so is its answer; a
//! crash in between answers twice, which a sender must bear, and never not at all. An acknowledgement names
//! organizations and ids, and no citizen.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use tokio_util::sync::CancellationToken;

use super::Medcom;
use crate::domain::identity::{Code, SourceName};
use crate::protocol::board::SourceState;
use crate::sources::Inbox;
use crate::sources::drop_folder::{DropFolder, Dropped, Handler, Timing, Verdict};
use crate::sources::medcom::{Answer, MESSAGE_MAX};

/// Where acknowledgements are laid for the forwarder to fetch.
#[derive(Debug, Clone)]
pub struct Outbox(pub PathBuf);

struct Taker<I> {
    medcom: Medcom,
    source: SourceName,
    outbox: Outbox,
    inbox: I,
}

/// Watches the folder until `stop`.
pub async fn watch<I: Inbox>(
    medcom: Medcom,
    source: SourceName,
    (folder, outbox): (PathBuf, Outbox),
    inbox: I,
    stop: CancellationToken,
) {
    let watched = DropFolder {
        source: source.clone(),
        folder,
        file_max: MESSAGE_MAX as u64,
        inbox: inbox.clone(),
        timing: Timing::default(),
    };
    watched.run(Taker { medcom, source, outbox, inbox }, stop).await;
}

impl<I: Inbox> Handler for Taker<I> {
    async fn handle(&self, file: Dropped) -> Verdict {
        let ours = self.medcom.ours.clone();
        let (received, answer) = match self.medcom.take(&self.source, &ours, &file.bytes).await {
            Ok(taken) => taken,
            Err(unreadable) => {
                // The codes of what cannot be read are all kebab-case.
                return Code::new(unreadable.what).map_or(Verdict::Retry, Verdict::SetAside);
            }
        };
        if answer == Answer::Transient {
            return self.stuck(super::AWAY);
        }
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
}

impl<I: Inbox> Taker<I> {
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
