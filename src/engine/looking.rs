//! Looks on their way to the log: who waits for them, and what is owed when somebody could not.
//!
//! Owns that a look is on disk before its answer, or is counted as owed. Must never know who may look at what.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use tokio::sync::oneshot;

use super::{Engine, Item};
use crate::store::{Look, Owed};

const WAITS: u8 = 0;
const OWED: u8 = 1;
const WRITTEN: u8 = 2;

/// Looks that are written together.
pub(super) struct Looking {
    pub looks: Vec<Look>,
    pub ticket: Ticket,
    /// Told whether they are on disk.
    pub reply: oneshot::Sender<bool>,
}

/// What became of them, between who writes and who answers.
#[derive(Clone)]
pub(super) struct Ticket {
    state: Arc<AtomicU8>,
    count: u32,
    owed: Owed,
}

impl Ticket {
    /// They are on disk.
    pub fn written(&self) {
        if self.state.swap(WRITTEN, Ordering::AcqRel) == OWED {
            self.owed.settle(self.count);
        }
    }

    /// They are answered, and are not on disk.
    fn owe(&self) {
        self.owed.add(self.count);
        if self.state.swap(OWED, Ordering::AcqRel) == WRITTEN {
            self.owed.settle(self.count);
        }
    }
}

/// What is done when the disk takes longer than one may wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Otherwise {
    /// It is answered all the same, and the look is owed: an open alarm.
    Owe,
    /// It is not answered.
    Withhold,
}

impl Engine {
    /// Logs that somebody saw, or asked for, personal data. True when it is on disk, or was owed: it may be answered.
    /// While the log cannot be written nobody waits for it.
    pub async fn look(&self, looks: Vec<Look>, within: Duration, otherwise: Otherwise) -> bool {
        if looks.is_empty() {
            return true;
        }
        let count = u32::try_from(looks.len()).unwrap_or(u32::MAX);
        let ticket = Ticket { state: Arc::new(AtomicU8::new(WAITS)), count, owed: self.owed.clone() };
        let (reply, written) = oneshot::channel();
        let looking = Looking { looks, ticket: ticket.clone(), reply };
        let within = if self.is_storing() { within } else { Duration::ZERO };
        let handed = async {
            self.inbox.send(Item::Looks(looking)).await.ok()?;
            written.await.ok()
        };
        if tokio::time::timeout(within, handed).await == Ok(Some(true)) {
            return true;
        }
        if otherwise == Otherwise::Owe {
            // The file may be on the disk that hangs.
            let owing = tokio::task::spawn_blocking(move || ticket.owe());
            let _ = tokio::time::timeout(OWING_WITHIN, owing).await;
        }
        otherwise == Otherwise::Owe
    }
}

/// Longest wait for the count of what is owed.
const OWING_WITHIN: Duration = Duration::from_millis(200);
