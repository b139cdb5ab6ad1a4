//! The way of what was made out to the inbox: conclusions that settle, and batches in order.
//!
//! Owns that a batch is handed in again until the inbox has it. Must never know what a fact means.

use tokio::sync::mpsc;
use tokio::time::sleep;

use super::{Inbox, Link};
use crate::protocol::observations::{BATCH_MAX, Observed, Outcome};

impl<I: Inbox> Link<I> {
    pub(super) async fn settle(&self) {
        while self.unless_stopped(sleep(self.timing().settle_every)).await.is_some() {
            let told = self.calls().settle(self.now());
            self.hand_out(told).await;
            // How many wait changes with any fact.
            self.tell_staff();
        }
    }

    /// Hands everything in, in order. What cannot be stored is handed in again; what is still here
    /// when we are stopped is told again after the next start.
    pub(super) async fn deliver(&self, mut deliveries: mpsc::Receiver<Vec<Observed>>) {
        let mut waiting: Vec<Observed> = Vec::new();
        let mut waits = self.waits();
        loop {
            if waiting.is_empty() {
                match self.unless_stopped(deliveries.recv()).await {
                    Some(Some(batch)) => waiting = batch,
                    _ => {
                        while let Ok(batch) = deliveries.try_recv() {
                            waiting.extend(batch);
                        }
                        for batch in waiting.chunks(BATCH_MAX) {
                            let _ = self.hand_in(batch.to_vec()).await;
                        }
                        return;
                    }
                }
            }
            let some = waiting.len().min(BATCH_MAX);
            if self.hand_in(waiting[..some].to_vec()).await {
                waiting.drain(..some);
                waits = self.waits();
            } else {
                let wait = waits.next().unwrap_or(self.timing().retry_max);
                if self.unless_stopped(sleep(wait)).await.is_none() {
                    return;
                }
            }
        }
    }

    /// True when it is stored.
    async fn hand_in(&self, batch: Vec<Observed>) -> bool {
        let name = &self.exchange.settings.name;
        match self.exchange.inbox.submit(name, batch).await {
            Ok(receipts) => {
                for receipt in receipts.iter().filter(|receipt| receipt.outcome == Outcome::Refused) {
                    tracing::warn!(source = %name, key = ?receipt.key, "a fact was refused");
                }
                true
            }
            Err(unavailable) => {
                tracing::warn!(source = %name, %unavailable, "handing in again");
                false
            }
        }
    }
}
