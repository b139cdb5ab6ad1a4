//! What all receivers together may have of connections, and who makes room for a new one when there is no more.
//!
//! Owns the order: whoever has said nothing for longest goes first, of whichever receiver. Must never know what is said.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

/// The connections of all receivers of a program. Cheap to clone.
#[derive(Clone)]
pub struct Places {
    /// One for each connection.
    pub permits: Arc<Semaphore>,
    standing: Arc<Mutex<Talkers>>,
}

#[derive(Default)]
struct Talkers {
    next: u64,
    /// By when each last said something, as a count.
    last_heard: BTreeMap<u64, CancellationToken>,
}

/// One connection's place, until it is dropped.
pub(super) struct Permit {
    places: Places,
    standing: u64,
    gone: CancellationToken,
    /// Another's when this is dropped, and not before.
    _room: OwnedSemaphorePermit,
}

impl Places {
    /// So many at once.
    pub fn new(count: usize) -> Self {
        Self { permits: Arc::new(Semaphore::new(count)), standing: Arc::default() }
    }

    fn standing(&self) -> MutexGuard<'_, Talkers> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a new connection that has `room`, which has said nothing yet.
    pub(super) fn take(&self, room: OwnedSemaphorePermit) -> Permit {
        let mut standing = self.standing();
        let (number, gone) = (standing.next, CancellationToken::new());
        standing.next += 1;
        standing.last_heard.insert(number, gone.clone());
        Permit { places: self.clone(), standing: number, gone, _room: room }
    }

    /// Sends away the one that has said nothing for longest. False: there is none.
    pub(super) fn make_room(&self) -> bool {
        let first = self.standing().last_heard.pop_first();
        first.map(|(_, gone)| gone.cancel()).is_some()
    }
}

impl Permit {
    /// It has said something.
    pub fn is_heard(&mut self) {
        let mut standing = self.places.standing();
        if let Some(gone) = standing.last_heard.remove(&self.standing) {
            self.standing = standing.next;
            standing.next += 1;
            standing.last_heard.insert(self.standing, gone);
        }
    }

    /// Ready when it must go.
    pub async fn must_go(&self) {
        self.gone.cancelled().await;
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.places.standing().last_heard.remove(&self.standing);
    }
}
