//! Canaries: what we rely on is tried again and again by something of our own, and heard of only when it fails.
//!
//! Owns the loop and what of it is seen among the sources; what is tried is a [`Probe`], a file each in this folder. Must
//! never know what one sends.

pub mod alarm;
pub mod call;

use std::future::Future;

use anyhow::Result;
use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;

use crate::config::Settings;
use crate::domain::identity::{Code, SourceName};
use crate::engine::Engine;

/// Their kind in source health.
const KIND: &str = "canary";

/// Something of our own that must come back.
trait Probe: Send + Sync + 'static {
    /// From one beginning to the next.
    fn every(&self) -> TimeDelta;

    /// Ends when a first try makes sense.
    fn ready(&self) -> impl Future<Output = ()> + Send;

    /// Out and back, within its own time; what it began is ended before it returns, when `stop` ends it too.
    ///
    /// # Errors
    /// Why it did not come back, as a code of source health.
    fn fly(&self, stop: &CancellationToken) -> impl Future<Output = Result<(), &'static str>> + Send;
}

/// Flies it until `stop`.
fn fly(name: SourceName, probe: impl Probe, engine: &Engine, stop: &CancellationToken) {
    engine.health.expect(name.clone(), KIND, None, Vec::new(), engine.clock.now());
    let (engine, stop) = (engine.clone(), stop.clone());
    tokio::spawn(async move {
        let clock = &engine.clock;
        tokio::select! {
            () = stop.cancelled() => {}
            () = probe.ready() => {}
        }
        while !stop.is_cancelled() {
            let begun_at = clock.even();
            let ended = probe.fly(&stop).await;
            if stop.is_cancelled() {
                return;
            }
            match ended {
                Ok(()) => engine.health.heard(&name, KIND, clock.now()),
                Err(why) => {
                    tracing::warn!(canary = %name, why, "the canary did not come back");
                    engine.health.cut(&name, Code::new(why).ok());
                }
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = clock.sleep_until_even(begun_at + probe.every()) => {}
            }
        }
    });
}

/// Those that are not set up, by name and with the word for what would be missing.
pub fn not_set_up(settings: &Settings) -> Vec<(&'static str, Option<Code>)> {
    let canary = settings.canary.as_ref();
    let all = [
        (alarm::NAME, None, canary.is_some_and(|it| it.alarm.is_some())),
        (call::NAME, Code::new("canary-call").ok(), canary.is_some_and(|it| it.call.is_some())),
    ];
    all.into_iter().filter(|(.., is_set_up)| !is_set_up).map(|(name, why, _)| (name, why)).collect()
}
