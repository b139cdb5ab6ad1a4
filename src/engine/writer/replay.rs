//! The log read from its first record: the state that it says, and the index of what is over where it has none yet.
//!
//! Owns that an index of an older log is made whole before anything is decided. Must never decide.

use std::collections::BTreeMap;

use super::REPLAY_PAGE;
use crate::domain::identity::Sequence;
use crate::domain::{State, closed};
use crate::store::{Log, StoreError};

/// The state that the log says. What is over is put into the index on the way, where that was not done before: a page at a
/// time, so that whoever is stopped half-way goes on from there.
pub async fn replay(log: &mut Log) -> Result<State, StoreError> {
    let mut state = State::default();
    let unfilled = log.unfilled().await?;
    let is_due = |head: Sequence| unfilled.filter(|(through, until)| head > *through && head <= *until);
    loop {
        let page = log.read(state.head, REPLAY_PAGE).await?;
        let mut became = BTreeMap::new();
        for record in &page {
            became.extend(closed::evolve(&mut state, record).filter(|_| is_due(record.sequence).is_some()));
        }
        // The page with the last one of them goes beyond it, and what comes then is there already.
        let through = unfilled.map_or(state.head, |(_, until)| state.head.min(until));
        if let Some((_, until)) = is_due(through) {
            tracing::info!(%through, %until, "what is over is put into its index");
            log.fill(through, &became.into_iter().collect::<Vec<_>>()).await?;
        }
        if page.len() < REPLAY_PAGE {
            return Ok(state);
        }
    }
}
