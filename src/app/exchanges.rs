//! Telephone exchanges: the wiring of the `[[ami]]` blocks.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::Result;
use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;

use crate::config::{self, Settings};
use crate::engine::Engine;
use crate::inbox::EngineInbox;
use crate::sources::ami;
use crate::workers::canary;

/// A telephone exchange is pinged each 5 s; nothing for this long and it counts as late (seconds).
const EXPECTED_SECONDS: i64 = 12;

/// Begins to read them.
pub fn start(settings: &Settings, engine: &Engine, stop: &CancellationToken) -> Result<()> {
    let call = settings.canary.as_ref().and_then(|it| it.call.as_ref());
    let canary = call.map(|call| canary::call::seen_by(call, &settings.ami)).transpose()?;
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
            canary: canary.clone().filter(|_| call.is_some_and(|call| call.exchange == exchange.name)),
        };
        if let (Some(call), Some(canary)) = (call, &link.canary) {
            let secret = call.secret_file.as_deref().map(config::secret).transpose()?;
            canary::call::start(call, secret, canary.clone(), engine, stop);
        }
        tokio::spawn(link.run(stop.clone()));
    }
    Ok(())
}
