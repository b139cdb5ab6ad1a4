//! What a coordinator does about a stay, told to the care system of its agreement: who is paused and who is resumed.
//!
//! Owns what a record means there, and that it is told again until it is taken or refused. In memory only: what is not
//! told when the server ends must be done by hand. Must never log a citizen.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::may;
use crate::care::{Ability, CareError};
use crate::domain::discharges::{self, DischargeEvent, StopReason, WhyStopped};
use crate::domain::identity::{CitizenId, Code, SourceName};
use crate::domain::sources::{Report, TroubleKind};
use crate::domain::{Event, Record, State};
use crate::engine::{Engine, Published};

/// Between tries to pause or resume somebody while the care system is away (seconds).
const PAUSE_AGAIN: TimeDelta = TimeDelta::seconds(30);

/// What a coordinator's record means for the citizen in the care system: true is paused (N 3.5.3).
fn pauses(record: &Record) -> Option<bool> {
    match &record.event {
        Event::Discharges(DischargeEvent::Resumed {}) => Some(false),
        Event::Discharges(DischargeEvent::Stopped { reason })
            if *reason == WhyStopped::Said(StopReason::BackInHospital) =>
        {
            Some(true)
        }
        Event::Discharges(DischargeEvent::Corrected { what, .. })
            if *what == discharges::Correctable::Resumption =>
        {
            Some(true)
        }
        _ => None,
    }
}

/// Whom to pause or resume, by the name of their care system. Whose care system cannot pause anybody is left out: that it
/// is not set up stands among the sources.
fn wanted(engine: &Engine, records: &[Record], after: &State) -> Vec<((SourceName, CitizenId), bool)> {
    let of = |record: &Record| {
        let paused = pauses(record)?;
        let entry = after.entry(record.entry)?;
        let citizen = entry.citizen.clone()?;
        let port = engine.cares.of_entry(entry).filter(|port| may(port, Ability::Pause))?;
        Some(((port.name.clone(), citizen), paused))
    };
    records.iter().filter_map(of).collect()
}

/// Pauses and resumes citizens in their care system as the coordinators record it. What could not be told is told again;
/// a later record about the same citizen takes its place.
pub async fn tell(engine: Engine, stop: CancellationToken) {
    let mut news = engine.subscribe();
    let mut waiting: BTreeMap<(SourceName, CitizenId), bool> = BTreeMap::new();
    loop {
        let again = async {
            match waiting.is_empty() {
                true => std::future::pending().await,
                false => engine.clock.sleep(PAUSE_AGAIN).await,
            }
        };
        tokio::select! {
            () = stop.cancelled() => {
                if !waiting.is_empty() {
                    warn!(citizens = waiting.len(), "ended before the care system heard who is paused or resumed");
                }
                return;
            }
            () = again => {}
            news = news.recv() => match news {
                Ok(Published::Recorded { records, after, .. }) => {
                    let wanted = wanted(&engine, &records, &after);
                    if wanted.is_empty() {
                        continue;
                    }
                    waiting.extend(wanted);
                }
                Ok(_) | Err(RecvError::Lagged(_)) => continue,
                Err(RecvError::Closed) => return,
            }
        }
        tell_all(&engine, &mut waiting).await;
    }
}

async fn tell_all(engine: &Engine, waiting: &mut BTreeMap<(SourceName, CitizenId), bool>) {
    for (whose, paused) in waiting.clone() {
        let (name, citizen) = &whose;
        let Some(port) = engine.cares.named(name) else { continue };
        match port.care.set_paused(citizen, paused).await {
            Ok(()) => drop(waiting.remove(&whose)),
            Err(CareError::Away { .. }) => {}
            Err(error) => {
                warn!(%error, paused, "the care system does not pause or resume a citizen");
                waiting.remove(&whose);
                refused(engine, name, "care-pause-refused").await;
            }
        }
    }
}

/// What the care system will not take becomes an entry: somebody must do it there by hand.
async fn refused(engine: &Engine, source: &SourceName, what: &'static str) {
    let report = Report::Trouble { trouble: TroubleKind::Unreadable, what: Code::new(what).ok(), times: 1 };
    engine.report(source, report).await;
}
