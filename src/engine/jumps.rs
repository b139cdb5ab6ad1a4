//! Leaps of the clock: somebody set it, or the machine slept.
//!
//! Owns that it is seen and said. What runs by the even clock goes on as if nothing had been; what a calendar says is due
//! by the wall's clock as it is now.

use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::Engine;
use crate::clock::{Clock, awake_and_asleep};
use crate::domain::identity::{Code, SourceName};
use crate::domain::sources::{Report, TroubleKind};

/// Pause between looks (seconds).
const LOOK_EVERY: TimeDelta = TimeDelta::seconds(1);
/// Less is a clock that is being kept right (seconds).
const LEAP_FROM: TimeDelta = TimeDelta::seconds(2);
/// The clock's name and kind among the sources.
const NAME: &str = "uret";
const KIND: &str = "clock";

/// Looks until told to stop.
pub async fn watch(engine: Engine, stop: CancellationToken) {
    let Ok(name) = SourceName::new(NAME) else { return };
    let mut set_by = engine.clock.set_by();
    let mut asleep = awake_and_asleep();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = engine.clock.sleep(LOOK_EVERY) => {}
        }
        if let Some(slept) = slept(&engine.clock, &mut asleep) {
            warn!(seconds = slept.num_seconds(), "the machine slept: nothing was heard meanwhile");
            say(&engine, &name, "machine-slept").await;
        }
        let now = engine.clock.set_by();
        let by = now - set_by;
        set_by = now;
        if by.abs() >= LEAP_FROM {
            warn!(seconds = by.num_seconds(), "the clock was set");
            say(&engine, &name, if by < TimeDelta::zero() { "clock-set-back" } else { "clock-set-forward" })
                .await;
        }
    }
}

/// How long the machine slept since the last look; that time has passed, by the even clock too.
fn slept(clock: &Clock, before: &mut Option<TimeDelta>) -> Option<TimeDelta> {
    let now = awake_and_asleep()?;
    let slept = now - before.replace(now)?;
    if slept < LEAP_FROM {
        return None;
    }
    clock.slept(slept.num_milliseconds());
    Some(slept)
}

async fn say(engine: &Engine, name: &SourceName, what: &'static str) {
    let what = Code::new(what).ok();
    engine.health.heard(name, KIND, engine.clock.now());
    engine.health.ails(name, what.clone());
    engine.report(name, Report::Trouble { trouble: TroubleKind::Failed, what, times: 1 }).await;
}
