//! The log as the writer uses it: each piece of work runs beside the writer's loop, which goes on receiving.
//!
//! A disk that hangs must never make the writer deaf. Work that was begun is never dropped: what became of it would be
//! unknown.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use super::{Item, Writer};
use crate::clock::steady;
use crate::engine::storing::Storing;
use crate::store::Log;

/// An alarm that is not on disk after this rings unstored, and work that takes longer is said to.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);
/// Items kept in order behind work that takes long; beyond them everybody is turned away.
const BACKLOG_MAX: usize = 4_096;
/// Items received at once beside the work.
const RECEIVED_MAX: usize = 512;

/// The one log. A lock only in form: the writer begins one piece of work at a time.
#[derive(Clone)]
pub(super) struct Disk(Arc<Mutex<Log>>);

impl Disk {
    pub fn new(log: Log) -> Self {
        Self(Arc::new(Mutex::new(log)))
    }

    /// On a thread that may wait for the disk.
    fn begin<T: Send + 'static>(
        &self,
        work: impl AsyncFnOnce(&mut Log) -> T + Send + 'static,
    ) -> JoinHandle<T> {
        let (log, runtime) = (self.0.clone(), tokio::runtime::Handle::current());
        tokio::task::spawn_blocking(move || runtime.block_on(async { work(&mut *log.lock().await).await }))
    }
}

/// What is done with who comes while the log is at work.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Meanwhile {
    /// Kept in order and decided afterwards.
    Queue,
    /// Told that nothing can be stored.
    TurnAway,
}

impl Writer {
    /// Works on the log and waits for the end of it, however long that takes. Whoever comes meanwhile is received; what
    /// rings and is not on disk in time rings unstored.
    pub(super) async fn on_log<T: Send + 'static>(
        &mut self,
        meanwhile: Meanwhile,
        work: impl AsyncFnOnce(&mut Log) -> T + Send + 'static,
    ) -> T {
        let mut job = self.log.begin(work);
        let impatient_at = steady() + PATIENCE;
        let mut is_slow = false;
        loop {
            let ring_at = self.unstored.next_at();
            let wake_at = match (is_slow, ring_at) {
                (false, Some(at)) => Some(at.min(impatient_at)),
                (false, None) => Some(impatient_at),
                (true, at) => at,
            };
            let mut items = Vec::new();
            tokio::select! {
                biased;
                done = &mut job => match done {
                    Ok(done) => return done,
                    // A panic is a fault of ours, and ends the batch as any other. Without one the runtime ends, and
                    // the writer with it: it must not stay behind, and there is nothing to say.
                    Err(lost) => std::panic::resume_unwind(
                        lost.try_into_panic().unwrap_or_else(|_| Box::new("the runtime ended")),
                    ),
                },
                () = tokio::time::sleep_until(wake_at.unwrap_or(impatient_at)), if wake_at.is_some() => {
                    is_slow = true;
                    self.says_slow();
                    self.ring();
                }
                received = self.requests.recv_many(&mut items, RECEIVED_MAX), if !self.is_deserted => {
                    self.is_deserted = received == 0;
                    self.receive(items, meanwhile);
                }
            }
        }
    }

    /// What comes while the log is at work.
    fn receive(&mut self, items: Vec<Item>, meanwhile: Meanwhile) {
        if meanwhile == Meanwhile::TurnAway || self.backlog.len() >= BACKLOG_MAX {
            self.turn_away(items);
            return;
        }
        for item in &items {
            self.keep(item);
        }
        self.backlog.extend(items);
        // It is known that it takes long: nobody waits for the bell once more.
        if !self.out.storing.borrow().is_yes() {
            self.ring();
        }
    }

    /// Said once; a reason that is known already is the better one.
    fn says_slow(&self) {
        let is_news = |storing: &mut Storing| {
            let is_news = storing.is_yes();
            if is_news {
                *storing = Storing::Slow;
            }
            is_news
        };
        if self.out.storing.send_if_modified(is_news) {
            tracing::error!("the disk takes long: alarms ring unstored until it is back");
        }
    }
}
