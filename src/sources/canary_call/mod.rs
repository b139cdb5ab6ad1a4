//! The canary call: one telephone call of our own to the exchange by SIP, hung up as soon as it was seen in its queue.
//!
//! A small state machine of its own (`dialog`) on one UDP socket (`link`), and not the SIP library's transactions: those
//! live behind the alarm receiver's sockets (`scaip::sip`, the only file that knows the library), and this needs five
//! kinds of message to one peer. No sound is sent; what comes is left unread. Must never know who sees the call in its
//! queue, nor keep anything of what the exchange says.

pub mod dialog;
pub mod link;

use serde::Deserialize;

/// Who calls: by this number the exchange's events are known to be about us.
pub const CALLER: &str = "vagttavle-kanarie";

/// Who is called: `sip:2500@127.0.0.1:5060`; the port may be left out.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Callee {
    user: String,
    host: String,
    port: u16,
}

impl TryFrom<String> for Callee {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let bad = || format!("{text}: must be sip:NUMBER@HOST:PORT");
        let (user, at) = text.strip_prefix("sip:").and_then(|it| it.split_once('@')).ok_or_else(bad)?;
        let (host, port) = at.rsplit_once(':').unwrap_or((at, "5060"));
        let port = port.parse().ok().filter(|port| *port > 0).ok_or_else(bad)?;
        let is_plain = |it: &str, more: &str| {
            !it.is_empty() && it.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
        };
        if !is_plain(user, "+-_.*") || !is_plain(host, "-.") {
            return Err(bad());
        }
        Ok(Self { user: user.to_owned(), host: host.to_owned(), port })
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
            Self::NotSeen => "canary-call-not-seen",
            Self::NotEnded => "canary-call-not-ended",
        }
    }
}
