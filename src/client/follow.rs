//! Following the stream: snapshot, items, and again from where it broke.
//!
//! Owns reconnecting. Must never decide what a gap or an item means: whoever receives asks for a new snapshot by
//! `resync`.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use eventsource_stream::Eventsource;
use futures_util::StreamExt;
use reqwest::Method;
use tokio::sync::{mpsc, watch};

use super::{Client, LinkError, send};
use crate::protocol::BoardSnapshot;
use crate::protocol::stream::{BEAT_SECONDS, StreamItem};

/// Without a word for this long the connection is held for dead.
const SILENCE_MAX: Duration = Duration::from_secs(BEAT_SECONDS * 3);
/// A stream item larger than this is not read (bytes).
const ITEM_MAX: usize = 4 * 1024 * 1024;
/// Longest pause between two tries.
const WAIT_MAX: Duration = Duration::from_secs(2);

/// What the link says.
#[derive(Debug, Clone, PartialEq)]
pub enum Update {
    /// A snapshot: everything known before is replaced.
    Board(Box<BoardSnapshot>),
    Item(Box<StreamItem>),
    /// The link broke; it is being tried again.
    Lost(LinkError),
}

enum Ended {
    ReceiverGone,
    Resync,
    Lost(LinkError),
}

/// Follows the server until the receiver is gone. A change of `resync` fetches the board anew.
pub async fn follow(client: Client, updates: mpsc::Sender<Update>, mut resync: watch::Receiver<u64>) {
    let mut waits = waits();
    loop {
        resync.mark_unchanged();
        match once(&client, &updates, &mut resync, &mut waits).await {
            Ended::ReceiverGone => return,
            Ended::Resync => continue,
            Ended::Lost(error) => {
                if updates.send(Update::Lost(error)).await.is_err() {
                    return;
                }
            }
        }
        tokio::select! {
            () = tokio::time::sleep(waits.next().unwrap_or(WAIT_MAX)) => {}
            () = updates.closed() => return,
        }
    }
}

fn waits() -> ExponentialBackoff {
    ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(250))
        .with_max_delay(WAIT_MAX)
        .without_max_times()
        .with_jitter()
        .build()
}

async fn once(
    client: &Client,
    updates: &mpsc::Sender<Update>,
    resync: &mut watch::Receiver<u64>,
    backoff: &mut ExponentialBackoff,
) -> Ended {
    let board = match client.board().await {
        Ok(board) => board,
        Err(error) => return Ended::Lost(error),
    };
    let after = board.sequence;
    if updates.send(Update::Board(Box::new(board))).await.is_err() {
        return Ended::ReceiverGone;
    }
    let request = client.request(Method::GET, &format!("/v1/stream?after={after}"));
    let response = match tokio::time::timeout(SILENCE_MAX, send(request)).await {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => return Ended::Lost(error),
        Err(_) => return Ended::Lost(LinkError::Offline),
    };
    let mut events = response.bytes_stream().eventsource();
    loop {
        let event = tokio::select! {
            event = tokio::time::timeout(SILENCE_MAX, events.next()) => event,
            changed = resync.changed() => match changed {
                Ok(()) => return Ended::Resync,
                Err(_) => return Ended::ReceiverGone,
            },
            () = updates.closed() => return Ended::ReceiverGone,
        };
        let Ok(Some(Ok(event))) = event else { return Ended::Lost(LinkError::Offline) };
        if event.data.len() > ITEM_MAX {
            return Ended::Lost(LinkError::Incompatible);
        }
        let Ok(item) = serde_json::from_str::<StreamItem>(&event.data) else {
            return Ended::Lost(LinkError::Incompatible);
        };
        *backoff = waits();
        if updates.send(Update::Item(Box::new(item))).await.is_err() {
            return Ended::ReceiverGone;
        }
    }
}
