//! Requests that came, until nobody says them again: one that comes again is answered as it was, and done once.
//!
//! Owns how a request is known again: by all that its sender gave it, and by its body, since not every unit gives each
//! of its requests a name of its own. Must never hold more than so many answers, nor one for longer than a sender may
//! repeat itself.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::frames::Message;

/// A sender repeats itself for so long (RFC 3261, timer J).
const REPEATED_FOR: Duration = Duration::from_secs(32);
/// Answers remembered at most; of more the oldest go.
const REMEMBERED_MAX: usize = 20_000;

type Key = [u8; 16];

/// Cheap to clone.
#[derive(Clone, Default)]
pub struct Served(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    /// None: it is in work.
    requests: HashMap<Key, Option<Arc<[u8]>>>,
    /// The answered ones, oldest first.
    answered: VecDeque<(Instant, Key)>,
}

/// What becomes of a request.
pub enum Begun {
    New(Ticket),
    /// It came before and was answered so.
    Answered(Arc<[u8]>),
    /// It came before, and its answer is on its way.
    InWork,
}

/// A request in work. Let go of without an answer, it may come again.
pub struct Ticket {
    served: Served,
    key: Key,
    is_answered: bool,
}

impl Served {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn begin(&self, message: &Message, peer: SocketAddr, now: Instant) -> Begun {
        let key = key(message, peer);
        let mut known = self.known();
        known.forget(now);
        match known.requests.get(&key) {
            Some(Some(answer)) => Begun::Answered(answer.clone()),
            Some(None) => Begun::InWork,
            None => {
                known.requests.insert(key, None);
                Begun::New(Ticket { served: self.clone(), key, is_answered: false })
            }
        }
    }
}

impl Known {
    fn forget(&mut self, now: Instant) {
        let is_over = |(at, _): &(Instant, Key)| now.duration_since(*at) > REPEATED_FOR;
        while self.answered.len() > REMEMBERED_MAX || self.answered.front().is_some_and(is_over) {
            let Some((_, key)) = self.answered.pop_front() else { return };
            self.requests.remove(&key);
        }
    }
}

impl Ticket {
    /// From now on a repetition is answered like this.
    pub fn answered(mut self, answer: &[u8], now: Instant) {
        self.is_answered = true;
        let mut known = self.served.known();
        known.requests.insert(self.key, Some(answer.into()));
        known.answered.push_back((now, self.key));
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if !self.is_answered {
            self.served.known().requests.remove(&self.key);
        }
    }
}

fn key(message: &Message, peer: SocketAddr) -> Key {
    let mut hash = Sha256::new();
    let mut add = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_be_bytes());
        hash.update(bytes);
    };
    add(peer.to_string().as_bytes());
    for name in ["via", "call-id", "cseq", "from", "authorization"] {
        add(message.head.get(name).unwrap_or_default().as_bytes());
    }
    add(format!("{:?}", message.head.start).as_bytes());
    add(&message.body);
    add(&message.beyond);
    let mut key = [0; 16];
    key.copy_from_slice(&hash.finalize()[..16]);
    key
}

#[cfg(test)]
mod tests {
    use super::super::frames::datagram;
    use super::*;

    fn message(body: &str) -> Message {
        let text =
            format!("MESSAGE sip:a SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=1\r\nCSeq: 1 MESSAGE\r\n\r\n{body}");
        datagram(text.as_bytes()).unwrap_or_else(|_| panic!("a message"))
    }

    fn what(begun: &Begun) -> String {
        match begun {
            Begun::New(_) => "new".into(),
            Begun::Answered(answer) => String::from_utf8_lossy(answer).into_owned(),
            Begun::InWork => "in work".into(),
        }
    }

    #[test]
    fn the_same_is_done_once_and_another_body_under_the_same_name_is_another_request() {
        let (served, now) = (Served::default(), crate::clock::steady());
        let peer: SocketAddr = ([127, 0, 0, 1], 9).into();
        let begin = |body: &str, now| served.begin(&message(body), peer, now);
        let Begun::New(first) = begin("a", now) else { panic!("new") };
        assert_eq!(what(&begin("a", now)), "in work");
        let Begun::New(second) = begin("b", now) else { panic!("another") };
        first.answered(b"yes", now);
        assert_eq!(what(&begin("a", now)), "yes");
        drop(second);
        assert_eq!(what(&begin("b", now)), "new", "it was not answered");
        assert_eq!(what(&begin("a", now + REPEATED_FOR)), "yes");
        assert_eq!(what(&begin("a", now + REPEATED_FOR * 2)), "new");
    }
}
