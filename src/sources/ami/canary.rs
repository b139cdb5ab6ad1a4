//! The queue of our own test calls, as the exchange tells of it: whether our call joined it, and whether anybody would be
//! rung by one.
//!
//! Owns what is known of that one queue. Must never make an observation: nobody's call is in it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::futures::Notified;
use tokio::sync::{Notify, watch};
use tokio::time::timeout;

use super::wire::Message;

/// How long the exchange may take to tell of its queues when it is asked; as long as it may be silent.
const LOOK_WITHIN: Duration = Duration::from_secs(12);

/// How the queue stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueueStanding {
    /// The exchange is not heard.
    Unknown,
    /// It has no such queue.
    Missing,
    /// A call would ring there.
    Members,
    Empty,
}

/// One such queue. Clones are about the same one.
#[derive(Debug, Clone)]
pub struct Canary {
    queue: String,
    /// The number that our call has in the exchange's events.
    caller: String,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// Told to the link: the list is wanted now.
    wanted: Notify,
    /// Told to whoever waits when our call joins the queue.
    seen: Notify,
    /// As far as the list has been read that is being told.
    listed: Mutex<QueueStanding>,
    /// As the last whole list had it.
    told: watch::Sender<QueueStanding>,
}

impl Canary {
    pub fn new(queue: &str, caller: &str) -> Self {
        let shared = Shared {
            wanted: Notify::new(),
            seen: Notify::new(),
            listed: Mutex::new(QueueStanding::Missing),
            told: watch::Sender::new(QueueStanding::Unknown),
        };
        Self { queue: queue.to_owned(), caller: caller.to_owned(), shared: Arc::new(shared) }
    }

    /// Ends when the exchange has told of its queues at least once on this connection.
    pub async fn is_known(&self) {
        // The sender lives in `self`: it cannot be gone.
        let _ = self.shared.told.subscribe().wait_for(|it| *it != QueueStanding::Unknown).await;
    }

    /// Asks the exchange now.
    pub async fn look(&self) -> QueueStanding {
        let mut told = self.shared.told.subscribe();
        self.shared.wanted.notify_one();
        match timeout(LOOK_WITHIN, told.changed()).await {
            Ok(Ok(())) => *told.borrow(),
            Ok(Err(_)) | Err(_) => QueueStanding::Unknown,
        }
    }

    /// The next time that our call joins the queue.
    pub fn seen(&self) -> Notified<'_> {
        self.shared.seen.notified()
    }

    /// For the link: ends when the list is wanted.
    pub async fn wanted(&self) {
        self.shared.wanted.notified().await;
    }

    /// For the link: something the exchange said.
    pub fn hears(&self, message: &Message) {
        if message.get("Queue") != Some(&self.queue) {
            return;
        }
        match message.event() {
            Some("QueueCallerJoin") if message.get("CallerIDNum") == Some(&self.caller) => {
                self.shared.seen.notify_waiters();
            }
            // On duty or not, on pause or not: it may be rung the next time.
            Some("QueueMember") => self.list(|_| QueueStanding::Members),
            Some("QueueParams") => {
                self.list(|it| if it == QueueStanding::Missing { QueueStanding::Empty } else { it })
            }
            _ => {}
        }
    }

    /// For the link: a list was asked for.
    pub fn list_begins(&self) {
        self.list(|_| QueueStanding::Missing);
    }

    /// For the link: the list is whole.
    pub fn list_ended(&self) {
        self.list(|it| {
            self.shared.told.send_replace(it);
            it
        });
    }

    /// For the link: the connection is gone.
    pub fn lost(&self) {
        self.shared.told.send_replace(QueueStanding::Unknown);
    }

    fn list(&self, next: impl FnOnce(QueueStanding) -> QueueStanding) {
        let mut listed = self.shared.listed.lock().unwrap_or_else(PoisonError::into_inner);
        *listed = next(*listed);
    }
}
