//! Settings of the canaries: the `[canary]` block.
//!
//! Owns their names, defaults and checks. Must never read a file: the secret is read by the caller.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::domain::identity::{AgreementId, SourceName};
use crate::sources::canary_call::{CALLER, Callee, is_user};
use crate::sources::settings::{Block, Source, label, resolve};

/// `[canary]`: an alarm of our own, sent to our own receiver, and a call of our own to the exchange.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The receiver's address as units use it; by UDP.
    #[serde(default)]
    pub alarm: Option<SocketAddr>,
    /// Its account (`cid`): one of the receiver's `test_accounts`.
    #[serde(default = "account")]
    pub account: String,
    /// How often it is sent (seconds).
    #[serde(default = "every_s")]
    pub every_s: u32,
    /// How soon it must be back on the board (seconds).
    #[serde(default = "within_s")]
    pub within_s: u32,
    /// A telephone call that must be seen in a queue without members.
    #[serde(default)]
    pub call: Option<Call>,
}

/// `[canary] call`: a call of our own to an exchange.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// The `[[ami]]` that must see it.
    pub exchange: SourceName,
    /// The exchange's queue for it alone: none of those that are read.
    pub queue: String,
    /// The number that leads to that queue; by UDP.
    pub to: Callee,
    /// The exchange's user that calls.
    #[serde(default = "caller")]
    pub user: String,
    /// That user's secret, for an exchange that asks who calls.
    #[serde(default)]
    pub secret_file: Option<PathBuf>,
    /// The number as which the exchange shows that user's calls; the user's name otherwise.
    #[serde(default)]
    pub caller: Option<String>,
    #[serde(default = "call_every_minutes")]
    pub every_minutes: u32,
    /// How soon it must be seen in the queue (seconds).
    #[serde(default = "within_s")]
    pub within_s: u32,
}

/// Longest wait for a canary call (seconds): one must be over before the next begins.
const CALL_WITHIN_MAX_S: u32 = 45;

fn call_every_minutes() -> u32 {
    15
}

fn caller() -> String {
    CALLER.into()
}

fn account() -> String {
    "kanariefugl".into()
}

fn every_s() -> u32 {
    300
}

fn within_s() -> u32 {
    10
}

impl Settings {
    fn wrong(&self) -> Result<(), String> {
        let is_plain = |it: char| it.is_ascii_alphanumeric() || it == '-';
        if self.account.is_empty() || self.account.len() > 40 || !self.account.chars().all(is_plain) {
            return Err("account must be letters, digits and hyphens".into());
        }
        if self.every_s < 30 || self.within_s == 0 || self.within_s >= self.every_s {
            return Err("every_s must be 30 or more, and within_s shorter than that".into());
        }
        if self.alarm.is_none() && self.call.is_none() {
            return Err("names neither an alarm nor a call".into());
        }
        if let Some(call) = &self.call
            && (call.every_minutes == 0 || !(1..=CALL_WITHIN_MAX_S).contains(&call.within_s))
        {
            return Err(format!("call: every_minutes must be 1 or more, within_s 1 to {CALL_WITHIN_MAX_S}"));
        }
        if let Some(call) = &self.call
            && !(is_user(&call.user) && call.caller.as_deref().is_none_or(is_user))
        {
            return Err("call: user and caller must be a name or number, without spaces".into());
        }
        Ok(())
    }
}

impl Block for Settings {
    fn heading(&self) -> &'static str {
        "[canary]"
    }

    /// Canaries have names of their own, set up or not.
    fn source(&self) -> Option<Source> {
        None
    }

    fn resolve(&mut self, folder: &Path) {
        if let Some(call) = &mut self.call {
            resolve(&mut call.secret_file, folder);
        }
    }

    fn checked(&self) -> Result<(), String> {
        self.wrong().map_err(|wrong| format!("{}: {wrong}", label(self)))
    }

    fn agreements(&self) -> Vec<(String, &AgreementId)> {
        Vec::new()
    }
}
