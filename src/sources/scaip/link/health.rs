//! How the source is: what trouble is told, whether there is room, who should be heard and is not.
//!
//! Owns how often the same is told. Must never know what a message says.

use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;

use super::super::memory;
use super::super::pulse::{Pulse, Silence};
use super::super::translate;
use super::{Inbox, Link};
use crate::clock::steady;
use crate::domain::identity::{Code, ExternalId};
use crate::protocol::board::SourceState;
use crate::protocol::observations::BATCH_MAX;
use crate::sources::Unavailable;

/// For so long after there was no room it is told.
const FULL_FOR: Duration = Duration::from_secs(10);
/// The same trouble is told once in so long: a flood of it must not fill the log.
const TROUBLE_EVERY: TimeDelta = TimeDelta::seconds(5);
/// How often it is looked who was not heard.
const LISTEN_EVERY: Duration = Duration::from_secs(1);
/// How often it is written down who was heard when: so much of it a crash may cost.
const REMEMBER_EVERY: TimeDelta = TimeDelta::minutes(1);

/// What something in a wrong form has cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Trouble {
    /// Nothing: it was taken, or was no alarm.
    Seen,
    /// Perhaps an alarm.
    Lost,
}

impl<I: Inbox> Link<I> {
    /// Whether this trouble is to be told now.
    fn is_told(&self, what: &'static str, trouble: Trouble) -> Option<Code> {
        let now = self.now();
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        // However the clock was set meanwhile.
        if told.get(&(what, trouble)).is_some_and(|at| (now - *at).abs() < TROUBLE_EVERY) {
            return None;
        }
        told.insert((what, trouble), now);
        Code::new(what).ok()
    }

    pub(super) fn unreadable(&self, what: &'static str) {
        if let Some(code) = self.is_told(what, Trouble::Seen) {
            self.inbox.unreadable(&self.settings.name, code);
        }
    }

    /// An alarm of which not even the unit is known.
    pub(super) fn lost(&self, what: &'static str) {
        if let Some(code) = self.is_told(what, Trouble::Lost) {
            self.inbox.alarm_unreadable(&self.settings.name, code);
        }
    }

    /// There is no room: that is how the source is, until there was room for a while.
    pub(super) fn is_full(&self, what: &'static str) {
        let before = self.full.lock().unwrap_or_else(PoisonError::into_inner).replace((steady(), what));
        if before.is_none_or(|(_, before)| before != what) {
            self.inbox.state(&self.settings.name, SourceState::Late, Code::new(what).ok());
        }
    }

    fn has_room_again(&self) {
        let mut full = self.full.lock().unwrap_or_else(PoisonError::into_inner);
        if full.take_if(|(at, _)| steady().duration_since(*at) >= FULL_FOR).is_some() {
            drop(full);
            self.inbox.state(&self.settings.name, SourceState::Ok, None);
        }
    }

    fn pulse(&self) -> MutexGuard<'_, Pulse> {
        self.pulse.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A unit spoke. The log is told once a day, and at once after a silence.
    pub(super) async fn lives(&self, device: &ExternalId, is_heartbeat: bool) -> Result<(), Unavailable> {
        let now = self.now();
        if !self.pulse().heard(device, is_heartbeat, now) {
            return Ok(());
        }
        let stored = self.submit(vec![translate::heard(&self.settings, device, now)]).await;
        if stored.is_err() {
            self.pulse().not_noted(device);
        }
        stored
    }

    /// Who was heard when. What is not remembered counts from the next start.
    pub(super) async fn remember(&self) {
        let Some(file) = self.memory.clone() else { return };
        let heard = self.pulse().memory(self.now());
        let written = tokio::task::spawn_blocking(move || memory::write(&file, &heard)).await;
        if !matches!(written, Ok(Ok(()))) {
            tracing::warn!(source = %self.settings.name, "who was heard when cannot be remembered");
        }
    }

    pub(super) async fn supervise(self: Arc<Self>, stop: CancellationToken) {
        let mut remembered_at = self.now();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LISTEN_EVERY) => {}
            }
            let now = self.now();
            self.has_room_again();
            if (now - remembered_at).abs() >= REMEMBER_EVERY {
                remembered_at = now;
                self.remember().await;
            }
            let silence = self.pulse().silence(now);
            match silence {
                None => {}
                Some(Silence::All) => {
                    let why = Code::new("no-unit-heard").ok();
                    self.inbox.state(&self.settings.name, SourceState::Silent, why);
                }
                Some(Silence::Units(units)) => {
                    let silent = |(device, since): &_| translate::silent(&self.settings, device, *since, now);
                    for some in units.chunks(BATCH_MAX) {
                        if self.submit(some.iter().map(silent).collect()).await.is_err() {
                            self.pulse().not_told(some);
                        }
                    }
                }
            }
        }
    }
}
