//! The proof of the whole log, behind the server's back: at start only the ends of the chains are checked.
//!
//! Owns when, and that the outcome is said. A damage that is found stays: nothing is stored behind it.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::{Engine, Item};
use crate::store::StoreError;

/// Pause after the start: alarms and desks come first.
const BEGINS_AFTER: chrono::TimeDelta = chrono::TimeDelta::seconds(30);
/// Pause after a proof that could not be made.
const AGAIN_AFTER: Duration = Duration::from_secs(60);

/// Proves the log once.
pub async fn watch(engine: Engine, stop: CancellationToken) {
    let proof = async {
        engine.until_loaded().await;
        engine.clock.sleep(BEGINS_AFTER).await;
        loop {
            match engine.reader.verify_slowly().await {
                Ok(heads) => {
                    let (records, looks, keys) =
                        (heads.records.sequence, heads.looks.sequence, heads.keys.sequence);
                    info!(%records, %looks, %keys, "the whole log was verified");
                    return;
                }
                Err(damage @ StoreError::Corrupt { .. }) => {
                    error!(%damage, "the log is damaged");
                    // The writer being gone means that the server is stopping.
                    let _ = engine.inbox.send(Item::Damaged(damage)).await;
                    return;
                }
                Err(error) => warn!(%error, "the log could not be verified"),
            }
            tokio::time::sleep(AGAIN_AFTER).await;
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = proof => {}
    }
}
