//! Digest authentication of units (RFC 3261 22.4, RFC 8760). Pure but for its memory of used numbers.
//!
//! Owns the challenge and its check. A nonce is of our making and short-lived, and a count of it is taken once: what
//! was overheard cannot be said again. Must never be asked for a password in clear (HTTP Basic is refused).

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::SecretString;
use sha2::{Digest, Sha256};

use crate::sources::digest::{Algorithm, Claim, parameters};

/// How long a nonce is good for.
const NONCE_FOR: TimeDelta = TimeDelta::minutes(5);
/// Nonces remembered at most; beyond that all are forgotten, and everybody is challenged anew.
const NONCES_MAX: usize = 50_000;

pub const REALM: &str = "vagttavle";

/// What a request's credentials are worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Good,
    /// None, or of a nonce that is over: it is to try again.
    Again {
        stale: bool,
    },
    /// Wrong user or secret.
    Wrong,
}

/// The accounts of one receiver.
pub struct Doorkeeper {
    accounts: BTreeMap<String, SecretString>,
    /// Signs our nonces; drawn at start.
    key: [u8; 32],
    /// Nonce to the highest count that was used.
    used: HashMap<String, u32>,
    /// Nonces made: no two are alike, however fast they are asked for.
    made: u64,
}

impl Doorkeeper {
    pub fn new(accounts: BTreeMap<String, SecretString>, key: [u8; 32]) -> Self {
        Self { accounts, key, used: HashMap::new(), made: 0 }
    }

    /// Whether anybody is asked at all.
    pub fn asks(&self) -> bool {
        !self.accounts.is_empty()
    }

    /// The `WWW-Authenticate` headers of a refusal. The algorithm every unit knows comes first.
    pub fn challenge(&mut self, stale: bool, now: DateTime<Utc>) -> [String; 2] {
        let nonce = self.nonce(now);
        Algorithm::ALL.map(|algorithm| {
            let (stale, algorithm) = (if stale { ", stale=true" } else { "" }, algorithm.name());
            format!("Digest realm=\"{REALM}\", nonce=\"{nonce}\", qop=\"auth\", algorithm={algorithm}{stale}")
        })
    }

    /// Judges an `Authorization` header.
    pub fn judge(&mut self, method: &str, header: Option<&str>, now: DateTime<Utc>) -> Verdict {
        let Some(given) = header.and_then(parameters) else {
            return Verdict::Again { stale: false };
        };
        let get = |name: &str| given.get(name).map(String::as_str);
        let (Some(user), Some(nonce), Some(uri), Some(response)) =
            (get("username"), get("nonce"), get("uri"), get("response"))
        else {
            return Verdict::Again { stale: false };
        };
        if get("realm") != Some(REALM) || !self.is_ours(nonce) {
            return Verdict::Again { stale: true };
        }
        let Some(secret) = self.accounts.get(user) else { return Verdict::Wrong };
        let counted = match get("qop") {
            None => None,
            Some("auth") => match (get("nc"), get("cnonce")) {
                (Some(nc), Some(cnonce)) => Some((nc, cnonce)),
                _ => return Verdict::Again { stale: false },
            },
            Some(_) => return Verdict::Again { stale: false },
        };
        let Some(algorithm) = Algorithm::named(get("algorithm")) else {
            return Verdict::Again { stale: false };
        };
        let claim = Claim { user, realm: REALM, method, uri, nonce, counted };
        let expected = claim.proof(algorithm, secret);
        if !is_same(expected.as_bytes(), response.to_ascii_lowercase().as_bytes()) {
            return Verdict::Wrong;
        }
        // Only now: a stranger must not use up anybody's numbers.
        let count = counted.map_or(Some(u32::MAX), |(nc, _)| u32::from_str_radix(nc, 16).ok());
        let is_fresh = made_at(nonce).is_some_and(|at| (TimeDelta::zero()..=NONCE_FOR).contains(&(now - at)));
        if is_fresh && self.is_first_use(nonce, count.unwrap_or(0)) {
            Verdict::Good
        } else {
            Verdict::Again { stale: true }
        }
    }

    fn is_first_use(&mut self, nonce: &str, count: u32) -> bool {
        if self.used.len() >= NONCES_MAX {
            // Whoever holds one of these is challenged anew; none of them is good a second time.
            self.key = Sha256::digest(self.key).into();
            self.used.clear();
        }
        let highest = self.used.entry(nonce.to_owned()).or_insert(0);
        if count <= *highest {
            return false;
        }
        *highest = count;
        true
    }

    fn nonce(&mut self, now: DateTime<Utc>) -> String {
        self.made += 1;
        let at = format!("{:x}.{:x}", now.timestamp_micros(), self.made);
        let proof = self.sign(&at);
        format!("{at}-{proof}")
    }

    fn sign(&self, text: &str) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("a key of any length will do");
        mac.update(text.as_bytes());
        hex::encode(&mac.finalize().into_bytes()[..16])
    }

    fn is_ours(&self, nonce: &str) -> bool {
        nonce.split_once('-').is_some_and(|(at, proof)| is_same(self.sign(at).as_bytes(), proof.as_bytes()))
    }
}

fn made_at(nonce: &str) -> Option<DateTime<Utc>> {
    let (at, _) = nonce.split_once('.')?;
    DateTime::from_timestamp_micros(i64::from_str_radix(at, 16).ok()?)
}

/// Takes as long whether the first byte differs or the last.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}
