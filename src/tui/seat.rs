//! The desk's seat: tells the server that its person can see the board.
//!
//! Owns when that is so: only when the terminal took bytes of what was drawn within the last seconds, and the server was
//! heard in them. A stopped program tells nothing, one whose terminal takes nothing more is stuck in a write and marks
//! nothing, and a desk whose board is out of date shows no new alarm. Must never know what was drawn.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::client::{Client, LinkError};
use crate::clock;
use crate::protocol::Key;
use crate::protocol::seat::{CONFIRM_SECONDS, SeatReport, TAKEN_WITHIN_SECONDS};

const CONFIRM_EVERY: Duration = Duration::from_secs(CONFIRM_SECONDS);
const TAKEN_WITHIN: Duration = Duration::from_secs(TAKEN_WITHIN_SECONDS);
/// How often it is looked whether the first signs are there.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Leaving waits this long at most for the server to hear it; then it learns it by silence.
const LEAVE_MAX: Duration = Duration::from_millis(300);
/// Bytes handed to the terminal at once. On a line of 300 bytes a second a piece is taken within some seconds, and the
/// seat is not empty while a whole screen goes out.
const PIECE: usize = 1024;

/// When something last happened. Cheap to clone.
#[derive(Clone, Default)]
struct Last(Arc<Mutex<Option<Instant>>>);

impl Last {
    fn is_now(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(clock::steady());
    }

    fn is_fresh(&self) -> bool {
        let at = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        at.is_some_and(|at| clock::steady() - at < TAKEN_WITHIN)
    }
}

/// The signs that somebody can see the board as it is now. Cheap to clone.
#[derive(Clone, Default)]
pub struct Signs {
    taken: Last,
    heard: Last,
}

impl Signs {
    /// The server said something.
    pub fn heard(&self) {
        self.heard.is_now();
    }

    fn are_fresh(&self) -> bool {
        self.taken.is_fresh() && self.heard.is_fresh()
    }
}

/// A terminal that says when it took something: written to in pieces.
pub struct Taking<W: Write> {
    out: W,
    taken: Last,
}

impl<W: Write> Taking<W> {
    pub fn new(out: W, signs: &Signs) -> Self {
        Self { out, taken: signs.taken.clone() }
    }
}

impl<W: Write> Write for Taking<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.out.write(&bytes[..bytes.len().min(PIECE)])?;
        self.out.flush()?;
        self.taken.is_now();
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// The seat while the desk is open.
pub struct Seat {
    client: Client,
    desk: Option<Key>,
    task: Option<JoinHandle<()>>,
}

impl Seat {
    /// Takes it, as soon as the board is there and drawn. None is taken by a desk that only looks on.
    pub fn take(client: &Client, session: &str, read_only: bool, signs: Signs) -> Self {
        let desk = if read_only { None } else { Key::new(session).ok() };
        let task = desk.clone().map(|desk| tokio::spawn(confirm(client.clone(), desk, signs)));
        Self { client: client.clone(), desk, task }
    }

    /// Its person leaves: the seat is empty at once.
    pub async fn leave(&mut self) {
        let Some(task) = self.task.take() else { return };
        task.abort();
        // What it was saying must not arrive after the last word.
        let _ended = task.await;
        if let Some(desk) = self.desk.take() {
            let report = SeatReport { desk, left: true };
            let _silence_tells_it_too = tokio::time::timeout(LEAVE_MAX, self.client.seat(&report)).await;
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

async fn confirm(client: Client, desk: Key, signs: Signs) {
    while !signs.are_fresh() {
        tokio::time::sleep(LOOK_EVERY).await;
    }
    let mut next = tokio::time::interval(CONFIRM_EVERY);
    next.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let report = SeatReport { desk, left: false };
    loop {
        next.tick().await;
        if !signs.are_fresh() {
            continue;
        }
        if let Err(LinkError::Refused(problem)) = client.seat(&report).await
            && problem.status == 403
        {
            // Whoever may not act is nobody who listens: the server says so once.
            return;
        }
    }
}
