//! A request that arrived, and our answer to it.
//!
//! Owns what of a request is asked by whoever works on it. Must never know what a body says.

use super::flow::{Flow, NotSent};
use super::head::{Body, Contact, Head};
use super::served::Ticket;
use crate::clock::steady;

/// What came in.
pub enum Heard {
    Request(Box<Arrived>),
    /// Something that is no SIP; the code says which rule it broke.
    Unreadable(&'static str),
}

/// What is told as unreadable while there is no room.
pub(super) const FULL: &str = "scaip-full";

/// What a request wants, as far as we answer it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    Message,
    Register,
    Options,
    Other,
}

/// Our SIP answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    Ok,
    BadRequest,
    Unauthorized,
    MethodNotAllowed,
    UnsupportedMediaType,
    ServiceUnavailable,
}

impl Reply {
    pub(super) fn status(self) -> (u16, &'static str) {
        match self {
            Self::Ok => (200, "OK"),
            Self::BadRequest => (400, "Bad Request"),
            Self::Unauthorized => (401, "Unauthorized"),
            Self::MethodNotAllowed => (405, "Method Not Allowed"),
            Self::UnsupportedMediaType => (415, "Unsupported Media Type"),
            Self::ServiceUnavailable => (503, "Service Unavailable"),
        }
    }
}

/// A request that waits for its answer. Personal: no `Debug`.
pub struct Arrived {
    pub wanted: Wanted,
    pub flow: Flow,
    pub body: Vec<u8>,
    /// What came with it behind the length that it says of its body.
    pub beyond: Vec<u8>,
    /// What is wrong with its form, by its code of source health.
    pub odd: Option<&'static str>,
    pub(super) head: Head,
    pub(super) method: String,
    pub(super) ticket: Ticket,
    /// Ours, for an answer.
    pub(super) tag: String,
}

impl Arrived {
    /// A header's value; names are those of the long form, whatever their case.
    pub fn header(&self, name: &str) -> Option<String> {
        self.head.get(&name.to_ascii_lowercase()).map(str::to_owned)
    }

    pub fn method(&self) -> &str {
        &self.method
    }

    /// The user part of who sent it.
    pub fn from_user(&self) -> Option<String> {
        self.head.from_user().map(str::to_owned)
    }

    /// The first contact of a registration, if it is on the machine that sent it.
    pub(super) fn contact(&self) -> Option<Contact> {
        self.head.contact().filter(|contact| contact.address.ip() == self.flow.peer.ip())
    }

    /// Answers. Repetitions of the request get the same answer from now on.
    ///
    /// # Errors
    /// [`NotSent`]: the sender is gone; it will send again.
    pub async fn answer(
        self,
        reply: Reply,
        headers: &[(&str, String)],
        body: Option<&Body>,
    ) -> Result<(), NotSent> {
        let bytes = self.head.answer(reply.status(), self.flow.peer, &self.tag, headers, body);
        self.ticket.answered(&bytes, steady());
        self.flow.answer(&self.head, &bytes).await
    }
}
