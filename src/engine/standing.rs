//! Standing duties: what comes round by the calendar and hangs on no entry, such as the daily hospital messages.
//!
//! Owns the waiting only; whether one is due is the domain's to say, and opening it twice is one effect.

use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;

use super::{Engine, Item};
use crate::domain::standing_dues;

/// A duty that was handed in and is still due is handed in again after this (minutes).
const AGAIN_AFTER: TimeDelta = TimeDelta::minutes(1);

/// Hands in what is due until told to stop.
pub async fn watch(engine: Engine, stop: CancellationToken) {
    let mut state = engine.state.clone();
    loop {
        let now = engine.clock.now();
        let dues = standing_dues(&state.borrow_and_update(), now);
        let mut wake_at = dues.first().map(|(at, _)| *at);
        for (_, due) in dues.into_iter().filter(|(at, _)| *at <= now) {
            wake_at = Some(now + AGAIN_AFTER);
            if engine.inbox.send(Item::Standing(due)).await.is_err() {
                return;
            }
        }
        let sleep = async {
            match wake_at {
                Some(at) => engine.clock.sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = sleep => {}
            changed = state.changed() => if changed.is_err() { return },
        }
    }
}
