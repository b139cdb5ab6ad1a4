//! Settings of one SCAIP receiver: a `[[scaip]]` block of the settings file.
//!
//! Owns their names, defaults and checks. Must never read a file: certificate, key and secrets are read by the caller.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use chrono::TimeDelta;
use serde::Deserialize;

use crate::domain::alarms::RedirectTo;
use crate::domain::identity::{AgreementId, Code, SourceName};
use crate::domain::vocabulary::Word;
use crate::sources::settings::{Block, Source, label, resolve};

/// A unit that is told to hold asks again within so many seconds (SCAIP).
pub const REPEATS_WITHIN_SECONDS: u32 = 20;
/// It goes on for at least so many seconds, unless set.
pub const HOLDS_SECONDS_MIN: u32 = 180;
/// And at most for so many.
pub const HOLDS_SECONDS_MAX: u32 = 1800;
/// Longest heartbeat interval that exists (minutes).
pub const HEARTBEAT_MINUTES_MAX: u16 = 1440;

/// One receiver.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// How it is called on the screen; two receivers need two names.
    #[serde(default = "name")]
    pub name: SourceName,
    /// `udp://`, `tcp://` or `tls://`, then address and port.
    pub listen: Vec<Listen>,
    /// Whose citizens these units are.
    pub agreement: AgreementId,
    /// The answer stands in the body of the 200 OK too, for units that look there.
    #[serde(default)]
    pub answer_in_ok: bool,
    /// What the answer is called: as in the request, unless set.
    #[serde(default)]
    pub dialect: Dialect,
    /// For `tls://`: certificate chain and private key, PEM. Relative to the settings file.
    #[serde(default)]
    pub certificate_file: Option<PathBuf>,
    #[serde(default)]
    pub key_file: Option<PathBuf>,
    /// Certificates of units, or of who signs theirs, PEM: whom we believe when we call a unit by TLS.
    #[serde(default)]
    pub unit_certificates_file: Option<PathBuf>,
    /// Digest accounts: user to the file with the secret. With one or more, nobody is heard without.
    #[serde(default)]
    pub accounts: BTreeMap<String, PathBuf>,
    /// Addresses or networks (`10.0.0.0/8`) that may send. Empty: the machine's own, or any with an account.
    #[serde(default)]
    pub senders: Vec<Network>,
    /// How often units say that they live; those that can be told are told so (minutes, 1 to 1440).
    #[serde(default = "heartbeat_minutes")]
    pub heartbeat_minutes: u16,
    /// Silent for so many intervals, a unit is an entry.
    #[serde(default = "heartbeat_factor")]
    pub heartbeat_factor: f64,
    /// How long the units hold before they give us up (180 to 1800). Unset: not known to us.
    #[serde(default)]
    pub holds_seconds: Option<u32>,
    /// Where a unit goes that was answered *not treated*.
    #[serde(default = "redirects_to")]
    pub redirects_to: Code,
    /// Accounts (`cid`) of installers' test units.
    #[serde(default)]
    pub test_accounts: Vec<String>,
    /// Information codes (`ico`) that mark a test.
    #[serde(default)]
    pub test_info_codes: Vec<u16>,
}

/// How the answer is dressed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dialect {
    /// As the request was.
    #[default]
    AsAsked,
    /// Root `mrs`, `application/scaip+xml`.
    Standard,
    /// Root `scaip`, `application/xml`.
    Scaip,
}

fn name() -> SourceName {
    SourceName::new("scaip").expect("a constant name")
}

fn heartbeat_minutes() -> u16 {
    60
}

fn heartbeat_factor() -> f64 {
    2.5
}

fn redirects_to() -> Code {
    Code::constant("municipal-unit")
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transport {
    Udp,
    Tcp,
    Tls,
}

impl Transport {
    pub fn name(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
        }
    }
}

/// `udp://127.0.0.1:5060`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Listen {
    pub transport: Transport,
    pub address: SocketAddr,
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.transport.name(), self.address)
    }
}

impl TryFrom<String> for Listen {
    type Error = BadSettings;

    fn try_from(text: String) -> Result<Self, BadSettings> {
        let (scheme, address) = text.split_once("://").ok_or(BadSettings::Listen)?;
        let transport = [Transport::Udp, Transport::Tcp, Transport::Tls]
            .into_iter()
            .find(|it| it.name() == scheme)
            .ok_or(BadSettings::Listen)?;
        let address = address.parse().map_err(|_| BadSettings::Listen)?;
        Ok(Self { transport, address })
    }
}

/// An address, or all that begin like it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

impl Network {
    pub fn holds(&self, address: IpAddr) -> bool {
        let same = |one: u128, other: u128, width: u32| {
            let shift = width - u32::from(self.bits);
            shift >= width || one >> shift == other >> shift
        };
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(one), IpAddr::V4(other)) => same(u32::from(one).into(), u32::from(other).into(), 32),
            (IpAddr::V6(one), IpAddr::V6(other)) => same(one.into(), other.into(), 128),
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = BadSettings;

    fn from_str(text: &str) -> Result<Self, BadSettings> {
        let (address, bits) = text.split_once('/').map_or((text, None), |(it, bits)| (it, Some(bits)));
        let address: IpAddr = address.parse().map_err(|_| BadSettings::Sender)?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(width), str::parse).map_err(|_| BadSettings::Sender)?;
        if bits > width { Err(BadSettings::Sender) } else { Ok(Self { address, bits }) }
    }
}

impl TryFrom<String> for Network {
    type Error = BadSettings;

    fn try_from(text: String) -> Result<Self, BadSettings> {
        text.parse()
    }
}

/// Who may speak to us, by address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowed {
    networks: Vec<Network>,
    anybody: bool,
}

impl Allowed {
    /// Nobody but this one.
    pub fn only(address: IpAddr) -> Self {
        let bits = if address.is_ipv4() { 32 } else { 128 };
        Self { networks: vec![Network { address, bits }], anybody: false }
    }

    pub fn is_allowed(&self, address: IpAddr) -> bool {
        self.anybody
            || address.to_canonical().is_loopback() && self.networks.is_empty()
            || self.networks.iter().any(|network| network.holds(address))
    }
}

/// What is wrong with a receiver's settings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadSettings {
    #[error("listen must be udp://, tcp:// or tls:// with an address and a port, e.g. udp://127.0.0.1:5060")]
    Listen,
    #[error("senders must be addresses or networks, e.g. 10.20.0.0/16")]
    Sender,
    #[error("listen names nothing")]
    NoListen,
    #[error("tls:// needs certificate_file and key_file")]
    NoCertificate,
    #[error("it listens beyond this machine: name the senders, or give them accounts")]
    Open,
    #[error("heartbeat_minutes must be 1 to {HEARTBEAT_MINUTES_MAX}")]
    Heartbeat,
    #[error("heartbeat_factor must be 1.5 to 10")]
    Factor,
    #[error("holds_seconds must be {HOLDS_SECONDS_MIN} to {HOLDS_SECONDS_MAX}")]
    Holds,
    #[error("redirects_to must be municipal-unit, back-up or other")]
    RedirectsTo,
}

impl Settings {
    /// What the types alone cannot say. Errors: see [`BadSettings`].
    pub fn check(&self) -> Result<(), BadSettings> {
        let has_files = self.certificate_file.is_some() && self.key_file.is_some();
        let is_open = self.senders.is_empty() && self.accounts.is_empty();
        if self.listen.is_empty() {
            return Err(BadSettings::NoListen);
        }
        if self.listen.iter().any(|it| it.transport == Transport::Tls) && !has_files {
            return Err(BadSettings::NoCertificate);
        }
        if is_open && self.listen.iter().any(|it| !it.address.ip().is_loopback()) {
            return Err(BadSettings::Open);
        }
        if !(1..=HEARTBEAT_MINUTES_MAX).contains(&self.heartbeat_minutes) {
            return Err(BadSettings::Heartbeat);
        }
        if !(1.5..=10.0).contains(&self.heartbeat_factor) {
            return Err(BadSettings::Factor);
        }
        if self.holds_seconds.is_some_and(|it| !(HOLDS_SECONDS_MIN..=HOLDS_SECONDS_MAX).contains(&it)) {
            return Err(BadSettings::Holds);
        }
        if RedirectTo::of(self.redirects_to.as_str()).is_none() {
            return Err(BadSettings::RedirectsTo);
        }
        Ok(())
    }

    /// A unit that was not heard for so long is silent.
    pub fn silent_after(&self) -> TimeDelta {
        let seconds = f64::from(self.heartbeat_minutes) * 60.0 * self.heartbeat_factor;
        TimeDelta::milliseconds((seconds * 1000.0) as i64)
    }

    pub fn allowed(&self) -> Allowed {
        Allowed {
            networks: self.senders.clone(),
            anybody: self.senders.is_empty() && !self.accounts.is_empty(),
        }
    }
}

impl Block for Settings {
    fn heading(&self) -> &'static str {
        "[[scaip]]"
    }

    fn source(&self) -> Option<Source> {
        Some(Source { name: self.name.clone(), may_have_token: false })
    }

    fn resolve(&mut self, folder: &Path) {
        resolve(&mut self.certificate_file, folder);
        resolve(&mut self.key_file, folder);
        resolve(&mut self.unit_certificates_file, folder);
        self.accounts.values_mut().for_each(|file| *file = folder.join(&*file));
    }

    fn checked(&self) -> Result<(), String> {
        self.check().map_err(|bad| format!("{}: {bad}", label(self)))
    }

    fn agreements(&self) -> Vec<(String, &AgreementId)> {
        vec![(format!("{}, agreement", label(self)), &self.agreement)]
    }
}

/// Whether alarms of these units can ring out before the unit gives us up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    Fits,
    /// It fits units that hold longer than so many seconds; whether ours do is not known.
    Needs(u32),
    /// A unit gives up before it could be told: it holds for so many seconds at most.
    TooLate(u32),
}

/// `ring_out_seconds` as the agreement has it; none: nothing rings out, so there is nothing to be told in time.
pub fn fit(ring_out_seconds: Option<u32>, holds_seconds: Option<u32>) -> Fit {
    let Some(ring_out) = ring_out_seconds else { return Fit::Fits };
    let needed = ring_out.saturating_add(REPEATS_WITHIN_SECONDS);
    match holds_seconds {
        Some(holds) if needed > holds => Fit::TooLate(holds),
        Some(_) => Fit::Fits,
        None if needed > HOLDS_SECONDS_MAX => Fit::TooLate(HOLDS_SECONDS_MAX),
        None if needed > HOLDS_SECONDS_MIN => Fit::Needs(needed),
        None => Fit::Fits,
    }
}
