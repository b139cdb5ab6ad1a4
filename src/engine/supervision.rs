//! Watches the sources: a silence becomes an entry, and so do callers whom nobody takes; and so does the end of either.
//!
//! Owns how long each must last. Must never know what an entry of it looks like: it reports, the writer decides.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use tokio_util::sync::CancellationToken;

use super::{Engine, health};
use crate::domain::entry::Body;
use crate::domain::identity::{Code, SourceName};
use crate::domain::{State, sources};

/// Desks must be found empty at so many looks, one a second: longer than they take to be heard.
const EMPTY_TICKS: u32 = 4;
/// Callers wait and nobody is on duty for this long: a telephone that signs in anew is away for a moment.
const UNATTENDED_AFTER: chrono::TimeDelta = chrono::TimeDelta::seconds(5);

/// Looks every second until `stop`. What was counted is told, too.
pub(super) async fn supervise(engine: Engine, stop: CancellationToken) {
    tokio::select! {
        () = stop.cancelled() => return,
        () = engine.until_loaded() => {}
    }
    let mut silent = known(&engine.state(), is_silence);
    let mut unattended = Unattended::known(&engine.state());
    let mut empty = BTreeMap::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = engine.clock.sleep(chrono::TimeDelta::seconds(1)) => {}
        }
        let now = engine.clock.now();
        for (source, what, times) in engine.health.untold(now) {
            engine.report_unreadable(&source, what, times).await;
        }
        for health in engine.health.all() {
            let mut is_silent = health.condition(now) == health::Condition::Silent;
            if health.kind == health::DESKS {
                // Seen empty several times over: a clock that was set must not make somebody be called.
                let times = empty.entry(health.name.clone()).or_insert(0_u32);
                *times = if is_silent { times.saturating_add(1) } else { 0 };
                is_silent = *times >= EMPTY_TICKS;
            }
            if is_silent && silent.insert(health.name.clone()) {
                engine.report(&health.name, silence(&health)).await;
            } else if !is_silent
                && (health.heard_at.is_some() || health.is_open)
                && silent.remove(&health.name)
            {
                let from = silence_of(&health);
                engine.report(&health.name, sources::Report::Recovered { from }).await;
            }
            if let Some(report) = unattended.report(&health, engine.clock.even()) {
                engine.report(&health.name, report).await;
            }
        }
    }
}

fn silence_of(health: &health::Health) -> sources::TroubleKind {
    match health.kind {
        health::DESKS => sources::TroubleKind::NobodyListening,
        kind if health::OUR_OWN.contains(&kind) => sources::TroubleKind::Failed,
        _ => sources::TroubleKind::Silent,
    }
}

fn silence(health: &health::Health) -> sources::Report {
    let what = match health.kind {
        health::DESKS => Code::new(health::NO_DESK).ok(),
        _ => health.why.clone(),
    };
    sources::Report::Trouble { trouble: silence_of(health), what, times: 1 }
}

/// A source says nothing, or no desk does.
fn is_silence(it: &sources::Trouble) -> bool {
    let has_no_desk = it.what.as_ref().is_some_and(|what| what.as_str() == health::NO_DESK);
    matches!(it.trouble, sources::TroubleKind::Silent | sources::TroubleKind::Failed) || has_no_desk
}

/// Sources that were in trouble when the server ended: they recover when they say so, not by a restart.
fn known(state: &State, is_so: impl Fn(&sources::Trouble) -> bool) -> BTreeSet<SourceName> {
    let found = state.open_entries().filter_map(|entry| match &entry.body {
        Body::Sources(it) if is_so(it) => Some(it.source.clone()),
        _ => None,
    });
    found.collect()
}

/// Queues in which callers wait and nobody takes them.
struct Unattended {
    since: BTreeMap<SourceName, DateTime<Utc>>,
    /// What was told of, by the names of the queues; after a restart they are not known.
    told: BTreeMap<SourceName, BTreeSet<String>>,
}

impl Unattended {
    fn known(state: &State) -> Self {
        let told = known(state, |it| it.trouble == sources::TroubleKind::NobodyListening && !is_silence(it));
        Self { since: BTreeMap::new(), told: told.into_iter().map(|name| (name, BTreeSet::new())).collect() }
    }

    /// What is to be reported now. A queue that was told of stays so until a member takes its calls again: that the
    /// caller gave up is no comfort.
    fn report(&mut self, health: &health::Health, now: DateTime<Utc>) -> Option<sources::Report> {
        let (name, trouble) = (&health.name, sources::TroubleKind::NobodyListening);
        let queues: BTreeSet<String> = health.unattended().map(|queue| queue.name.clone()).collect();
        if !queues.is_empty() {
            let since = *self.since.entry(name.clone()).or_insert(now);
            if now - since < UNATTENDED_AFTER {
                return None;
            }
            let is_new = !self.told.contains_key(name);
            self.told.entry(name.clone()).or_default().extend(queues);
            let what = Code::new("nobody-on-duty").ok();
            return is_new.then_some(sources::Report::Trouble { trouble, what, times: 1 });
        }
        self.since.remove(name);
        let told = self.told.get(name)?;
        let is_empty = |queue: &health::Queue| queue.on_duty == 0 && told.contains(&queue.name);
        if health.queues.is_empty() || health.queues.iter().any(is_empty) {
            return None;
        }
        self.told.remove(name);
        Some(sources::Report::Recovered { from: trouble })
    }
}
