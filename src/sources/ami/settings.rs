//! Settings of one exchange: the `[[ami]]` block of the settings file.
//!
//! Owns their names, defaults and checks. Must never read a file: the secret is read by
//! the caller and handed in beside this.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::domain::identity::{AgreementId, Code, PersonName, SourceName};
use crate::sources::QueueKind;
use crate::sources::settings::{Block, Source, label, resolve};

/// Days of `queue_log` read again at start, unless set.
pub const LOOK_BACK_DAYS: u32 = 7;
/// Most days that may be set: a missed call stays listed for 30, and what is long closed would be
/// opened anew.
pub const LOOK_BACK_DAYS_MAX: u32 = 30;

/// Channels of no endpoint of their own.
const SHARED: &str = "Local/";

/// One exchange.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub name: SourceName,
    /// `host:port`; a real exchange listens on 5038.
    pub address: String,
    /// A manager user with the read classes agent, call and system. Write rights are never used.
    pub user: String,
    /// Relative to the settings file.
    pub secret_file: PathBuf,
    /// The exchange's own log of its queues: the truth after a gap.
    #[serde(default)]
    pub queue_log: Option<PathBuf>,
    /// How far back `queue_log` is read at start, in days; 0: what is older than the start is left alone.
    #[serde(default = "look_back_days")]
    pub look_back_days: u32,
    /// By the exchange's queue name. Other queues are none of our business.
    pub queues: BTreeMap<String, Queue>,
    /// Who sits at an interface (`PJSIP/2421`) or has a member name; `queue_log` often has only the name. What calls
    /// from such an interface is a colleague: see [`Settings::is_colleague`].
    #[serde(default)]
    pub agents: BTreeMap<String, PersonName>,
}

/// One queue.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Queue {
    pub kind: QueueKind,
    /// The agreements a call here may belong to.
    pub agreements: Vec<AgreementId>,
    /// Where the exchange sends a call that this queue lets go of, if not into another of ours: of an alarm that is
    /// the redirect.
    #[serde(default)]
    pub then: Option<Then>,
}

/// Whom a call goes to when nobody has answered it; the words of a redirect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Then {
    MunicipalUnit,
    BackUp,
    Other,
}

impl Then {
    /// As the redirect says it.
    pub fn code(self) -> Code {
        Code::constant(match self {
            Self::MunicipalUnit => "municipal-unit",
            Self::BackUp => "back-up",
            Self::Other => "other",
        })
    }
}

fn look_back_days() -> u32 {
    LOOK_BACK_DAYS
}

/// What is wrong with an exchange's settings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadSettings {
    #[error("address must be host:port")]
    Address,
    #[error("user is empty or holds a control character")]
    User,
    #[error("no queue is named: nothing would be read")]
    NoQueue,
    #[error("a queue names no agreement: nobody could see its calls")]
    NoAgreement,
    #[error("look_back_days must be 0 to {LOOK_BACK_DAYS_MAX}")]
    LookBack,
}

impl Settings {
    /// Whether a channel (`PJSIP/2421-0000002a`) is of an endpoint that one of our own sits at. The whole name counts:
    /// `PJSIP/2421` says nothing of `PJSIP/24210`. A `Local/` channel is whoever was sent through it, citizens too.
    pub fn is_colleague(&self, channel: &str) -> bool {
        let endpoint = channel
            .rsplit_once('-')
            .filter(|(_, nth)| !nth.is_empty() && nth.bytes().all(|it| it.is_ascii_hexdigit()))
            .map(|(endpoint, _)| endpoint)
            .filter(|endpoint| endpoint.contains('/') && !endpoint.starts_with(SHARED));
        endpoint.is_some_and(|endpoint| self.agents.contains_key(endpoint))
    }

    /// What the types alone cannot say. Errors: see [`BadSettings`].
    pub fn check(&self) -> Result<(), BadSettings> {
        let port = self.address.rsplit_once(':').filter(|(host, _)| !host.is_empty());
        if port.and_then(|(_, port)| port.parse::<u16>().ok()).is_none() {
            return Err(BadSettings::Address);
        }
        if self.user.is_empty() || self.user.chars().any(char::is_control) {
            return Err(BadSettings::User);
        }
        if self.queues.is_empty() {
            return Err(BadSettings::NoQueue);
        }
        if self.queues.values().any(|queue| queue.agreements.is_empty()) {
            return Err(BadSettings::NoAgreement);
        }
        if self.look_back_days > LOOK_BACK_DAYS_MAX {
            return Err(BadSettings::LookBack);
        }
        Ok(())
    }
}

impl Block for Settings {
    fn heading(&self) -> &'static str {
        "[[ami]]"
    }

    fn source(&self) -> Option<Source> {
        Some(Source { name: self.name.clone(), may_have_token: false })
    }

    fn resolve(&mut self, folder: &Path) {
        self.secret_file = folder.join(&self.secret_file);
        resolve(&mut self.queue_log, folder);
    }

    fn checked(&self) -> Result<(), String> {
        self.check().map_err(|bad| format!("{}: {bad}", label(self)))
    }

    fn agreements(&self) -> Vec<(String, &AgreementId)> {
        let queues = self.queues.iter();
        let named = queues.flat_map(|(queue, rule)| rule.agreements.iter().map(move |id| (queue, id)));
        let setting = |queue| format!("{}, queues.{queue}.agreements", label(self));
        named.map(|(queue, id)| (setting(queue), id)).collect()
    }
}
