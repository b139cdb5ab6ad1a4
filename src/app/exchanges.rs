//! Telephone exchanges: the wiring of the `[[ami]]` blocks.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::Result;
use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;

use super::canary::call as canary_call;
use super::inbox::EngineInbox;
use crate::config::{self, Settings};
use crate::engine::Engine;
use crate::sources::ami;

/// A telephone exchange is pinged each 5 s; nothing for this long and it counts as late (seconds).
const EXPECTED_SECONDS: i64 = 12;

/// Begins to read them.
pub fn start(settings: &Settings, engine: &Engine, stop: &CancellationToken) -> Result<()> {
    canary_call::check(settings)?;
    for exchange in &settings.ami {
        let secret = config::secret(&exchange.secret_file)?;
        let agreements: BTreeSet<_> =
            exchange.queues.values().flat_map(|queue| queue.agreements.iter().cloned()).collect();
        let within = Some(TimeDelta::seconds(EXPECTED_SECONDS));
        let now = engine.clock.now();
        engine.health.expect(exchange.name.clone(), "ami", within, agreements.into_iter().collect(), now);
        let clock = engine.clock.clone();
        let link = ami::link::Exchange {
            settings: exchange.clone(),
            secret,
            inbox: EngineInbox { engine: engine.clone(), kind: "ami" },
            now: Arc::new(move || clock.now()),
            timing: ami::link::Timing::default(),
            canary: canary_call::seen_by(settings, &exchange.name),
        };
        if let Some(canary) = &link.canary {
            canary_call::start(settings, canary.clone(), engine, stop)?;
        }
        tokio::spawn(link.run(stop.clone()));
    }
    Ok(())
}
