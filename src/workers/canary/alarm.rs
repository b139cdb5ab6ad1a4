//! The canary alarm: a SIP MESSAGE of our own to our own receiver, by the address its units use, again and again. It must
//! come back as a test alarm on the board, where it is closed at once; it counts in no figure. Heard of only when it fails.
//!
//! Must never send anything that could be taken for a citizen's alarm: its account must be one of the receiver's test
//! accounts.

use std::net::SocketAddr;
use std::time::Duration;

use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;

use super::settings::Settings;
use super::{Probe, Unfit, fly};
use crate::domain::entry::Body;
use crate::domain::identity::{EntryId, ExternalId, Key, SourceName};
use crate::domain::{Actor, Command, alarms};
use crate::engine::{Engine, Order};
use crate::sources::scaip;
use crate::sources::scaip::ask::ask;
use crate::sources::scaip::sip::NotSent;
use crate::sources::scaip::translate::{self, device};

/// How it is called on the screen, set up or not.
pub const NAME: &str = "kanariefugl-nødkald";
/// What it says besides account and reference: a fixed trigger, pressed by hand.
const ALARM: [(&str, &str); 2] = [("dty", "4"), ("stc", "10")];
/// A reference is no longer than this (SCAIP).
const REFERENCE_LENGTH: usize = 16;
/// Pause between looks whether it is back.
const LOOK_EVERY: TimeDelta = TimeDelta::milliseconds(200);

/// Begins to send, when it is set up.
///
/// # Errors
/// None of these receivers would take it for a test.
pub fn start(
    canary: &Settings,
    receivers: &[scaip::settings::Settings],
    engine: &Engine,
    stop: &CancellationToken,
) -> Result<(), Unfit> {
    let Some(alarm) = canary.alarm else { return Ok(()) };
    let takes_it = receivers.iter().filter(|it| it.test_accounts.contains(&canary.account));
    let receivers: Vec<SourceName> = takes_it.map(|it| it.name.clone()).collect();
    if receivers.is_empty() {
        return Err(Unfit::NoTestAccount(canary.account.clone()));
    }
    let bird = Bird {
        engine: engine.clone(),
        settings: canary.clone(),
        alarm,
        device: device(&canary.account, &engine.masking).0,
        receivers,
    };
    fly(NAME, bird, engine, stop);
    Ok(())
}

struct Bird {
    engine: Engine,
    settings: Settings,
    alarm: SocketAddr,
    device: ExternalId,
    /// One of them hands it in.
    receivers: Vec<SourceName>,
}

impl Probe for Bird {
    fn every(&self) -> TimeDelta {
        TimeDelta::seconds(self.settings.every_s.into())
    }

    async fn ready(&self) {}

    async fn fly(&self, stop: &CancellationToken) -> Result<(), &'static str> {
        tokio::select! {
            () = stop.cancelled() => Err("canary-not-back"),
            ended = self.out_and_back() => ended,
        }
    }
}

impl Bird {
    /// Out, and back on the board within the time.
    async fn out_and_back(&self) -> Result<(), &'static str> {
        let now = self.engine.clock.now();
        let until = self.engine.clock.even() + TimeDelta::seconds(self.settings.within_s.into());
        let mut reference = self.engine.ids.uuid(now).simple().to_string();
        reference.truncate(REFERENCE_LENGTH);
        tokio::select! {
            // What the answer says is not asked: on the board is where the alarm must be.
            sent = self.send(&reference) => sent?,
            () = self.engine.clock.sleep_until_even(until) => return Err("canary-not-back"),
        }
        loop {
            if self.is_back(&reference) {
                return self.close_all().await;
            }
            if self.engine.clock.even() >= until {
                return Err("canary-not-back");
            }
            self.engine.clock.sleep(LOOK_EVERY).await;
        }
    }

    /// Asks the receiver as a unit would.
    async fn send(&self, reference: &str) -> Result<(), &'static str> {
        let within = Duration::from_secs(self.settings.within_s.into());
        let asked = ask(self.alarm, &self.settings.account, reference, &ALARM, within).await;
        asked.map(|_| ()).map_err(|NotSent| "canary-not-sent")
    }

    /// On the board is the alarm of this flight: one that was late does not answer for the next.
    fn is_back(&self, reference: &str) -> bool {
        let alarm = translate::alarm(&self.settings.account, reference, 1, &self.engine.masking);
        let state = self.engine.state();
        self.receivers.iter().any(|receiver| state.by_origin(receiver, &alarm).is_some())
    }

    /// Closes what it raised, marked as a test; also what came too late the last time.
    async fn close_all(&self) -> Result<(), &'static str> {
        let is_ours = |body: &Body| matches!(body, Body::Alarms(alarm) if alarm.test && alarm.device.as_ref() == Some(&self.device));
        let state = self.engine.state();
        for entry in state.not_at_rest().filter(|entry| is_ours(&entry.body)).map(|entry| entry.id) {
            if !self.close(entry).await {
                return Err("canary-not-closed");
            }
        }
        Ok(())
    }

    async fn close(&self, entry: EntryId) -> bool {
        let order = Order {
            id: Key::of_bytes("canary-", entry.0.as_bytes()),
            actor: Actor::Timer,
            entry: Some(entry),
            expected_version: None,
            happened_at: None,
            command: Command::Alarms(alarms::Command::Close { outcome: alarms::Outcome::Test }),
        };
        self.engine.order(order).await.is_ok()
    }
}
