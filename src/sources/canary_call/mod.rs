//! The canary call: one telephone call of our own to the exchange by SIP, hung up as soon as it was seen in its queue.
//!
//! A small state machine of its own (`dialog`) on one UDP socket (`link`), and not the SIP library's transactions: those
//! live behind the alarm receiver's sockets (`scaip::sip`, the only file that knows the library), and this needs five
//! kinds of message to one peer. No sound is sent; what comes is left unread. Must never know who sees the call in its
//! queue, nor keep anything of what the exchange says.

pub mod dialog;
pub mod link;

use std::net::{IpAddr, Ipv6Addr};

use secrecy::SecretString;
use serde::Deserialize;

/// Who calls, unless it has an account of another name.
pub const CALLER: &str = "vagttavle-kanarie";

/// As whom it calls.
#[derive(Debug, Clone)]
pub struct Account {
    pub user: String,
    /// None: the exchange takes calls from us as they are.
    pub secret: Option<SecretString>,
}

/// Letters, digits and these: what needs no quoting anywhere.
fn is_plain(text: &str, more: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
}

/// Whether this can be a user's name or number.
pub fn is_user(text: &str) -> bool {
    is_plain(text, "+-_.*")
}

/// Who is called: `sip:2500@127.0.0.1:5060`, `sip:2500@[::1]`; the port may be left out.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Callee {
    user: String,
    host: Host,
    port: u16,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Host {
    /// A name, or an address of four numbers.
    Name(String),
    Six(Ipv6Addr),
}

impl Callee {
    /// As it stands in a request.
    fn uri(&self) -> String {
        match &self.host {
            Host::Name(name) => format!("sip:{}@{name}:{}", self.user, self.port),
            Host::Six(address) => format!("sip:{}@[{address}]:{}", self.user, self.port),
        }
    }

    /// As it is looked up.
    fn host(&self) -> (String, u16) {
        match &self.host {
            Host::Name(name) => (name.clone(), self.port),
            Host::Six(address) => (IpAddr::V6(*address).to_string(), self.port),
        }
    }
}

impl TryFrom<String> for Callee {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let bad = || format!("{text}: must be sip:NUMBER@HOST:PORT");
        let (user, at) = text.strip_prefix("sip:").and_then(|it| it.split_once('@')).ok_or_else(bad)?;
        let (host, port) = match at.strip_prefix('[').and_then(|it| it.split_once(']')) {
            Some((address, port)) => (Host::Six(address.parse().map_err(|_| bad())?), port),
            None => {
                let (name, port) = at.split_at(at.find(':').unwrap_or(at.len()));
                (Host::Name(is_plain(name, "-.").then(|| name.to_owned()).ok_or_else(bad)?), port)
            }
        };
        let port = if port.is_empty() { Some("5060") } else { port.strip_prefix(':') };
        let port = port.and_then(|port| port.parse().ok()).filter(|port| *port > 0).ok_or_else(bad)?;
        if !is_user(user) {
            return Err(bad());
        }
        Ok(Self { user: user.to_owned(), host, port })
    }
}

/// Why it did not come through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missed {
    /// No socket, or the host has no address.
    NotSent,
    /// The exchange said nothing at all.
    Unanswered,
    /// The exchange refused it.
    Refused,
    /// The exchange asks who we are, and there is no secret to say it with.
    SecretNeeded,
    /// The exchange does not take our secret.
    SecretWrong,
    /// The exchange took it, and nobody saw it in its queue.
    NotSeen,
    /// It came through and could not be ended.
    NotEnded,
}

impl Missed {
    /// The word in source health.
    pub fn code(self) -> &'static str {
        match self {
            Self::NotSent => "canary-call-not-sent",
            Self::Unanswered => "canary-call-unanswered",
            Self::Refused => "canary-call-refused",
            Self::SecretNeeded => "canary-call-secret-needed",
            Self::SecretWrong => "canary-call-secret-wrong",
            Self::NotSeen => "canary-call-not-seen",
            Self::NotEnded => "canary-call-not-ended",
        }
    }
}
