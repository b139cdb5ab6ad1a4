//! Canaries: what we rely on is tried again and again by something of our own, and heard of only when it fails.
//!
//! Owns the loop and what of it is seen among the sources; what is tried is a `Probe`, a file each in this folder. Must
//! never know what one sends.

pub mod alarm;
pub mod call;
pub mod settings;

use std::future::Future;

use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;

use crate::domain::identity::{Code, SourceName};
use crate::engine::Engine;
use settings::Settings;

/// Their kind in source health.
const KIND: &str = "canary";

/// Why a canary is not sent: it would not come back, or ring at somebody's desk.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// No receiver takes alarms of this account for a test.
    #[error("{0} is no receiver's test account")]
    NoTestAccount(String),
    /// The exchange that must see the call is not set up.
    #[error("{0} is no exchange")]
    NoExchange(SourceName),
    /// The queue of the call is one whose calls are read.
    #[error("calls to {0} are read")]
    ReadQueue(String),
}

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
fn fly(name: &str, probe: impl Probe, engine: &Engine, stop: &CancellationToken) {
    let name = SourceName::new(name).expect("a constant name");
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
pub fn not_set_up(canary: Option<&Settings>) -> Vec<(&'static str, Option<Code>)> {
    let all = [
        (alarm::NAME, None, canary.is_some_and(|it| it.alarm.is_some())),
        (call::NAME, Code::new("canary-call").ok(), canary.is_some_and(|it| it.call.is_some())),
    ];
    all.into_iter().filter(|(.., is_set_up)| !is_set_up).map(|(name, why, _)| (name, why)).collect()
}
