//! Sources that sign what they post: whose secret, and what has been posted already.
//!
//! Owns the secrets and the memory of signatures. A restart forgets the latter: what is posted again within the window
//! is then taken once more, and the keys of its observations make that harmless. Must never log a secret or a body.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::HeaderMap;
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};

use super::asked::one;
use crate::domain::identity::SourceName;
use crate::protocol::Problem;
use crate::protocol::signature::{
    BadSignature, Claim, SIGNATURE_HEADER, SOURCE_HEADER, TIMESTAMP_HEADER, WINDOW_SECONDS,
};

/// Signatures of one source remembered at once. They fit twice the window at thirty a second; beyond that the source
/// is told to slow down, as forgetting one would let it be played again.
const SEEN_MAX: usize = 20_000;

type Mac = [u8; 32];

/// Cheap to clone.
#[derive(Clone, Default)]
pub struct Signers(Arc<Inner>);

#[derive(Default)]
struct Inner {
    secrets: BTreeMap<SourceName, SecretString>,
    seen: Mutex<BTreeMap<SourceName, Seen>>,
}

/// What one source has posted, until it would be out of time anyway.
#[derive(Default)]
struct Seen {
    macs: HashSet<Mac>,
    until: BTreeSet<(DateTime<Utc>, Mac)>,
}

impl Signers {
    pub fn new(secrets: BTreeMap<SourceName, SecretString>) -> Self {
        Self(Arc::new(Inner { secrets, seen: Mutex::default() }))
    }

    pub fn must_sign(&self, source: &SourceName) -> bool {
        self.0.secrets.contains_key(source)
    }

    /// Checks a whole body and remembers that it came. The stamp was in time when the headers were read.
    pub fn check(
        &self,
        source: &SourceName,
        claim: &Claim,
        body: &[u8],
        now: DateTime<Utc>,
    ) -> Result<(), Problem> {
        let secret = self.0.secrets.get(source).ok_or_else(Problem::unauthorized)?;
        claim.check(secret.expose_secret().as_bytes(), body).map_err(problem)?;
        let mut all = self.0.seen.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry(source.clone()).or_default().remember(claim, now)
    }
}

impl Seen {
    fn remember(&mut self, claim: &Claim, now: DateTime<Utc>) -> Result<(), Problem> {
        while let Some((until, mac)) = self.until.first().copied().filter(|(until, _)| *until < now) {
            self.until.remove(&(until, mac));
            self.macs.remove(&mac);
        }
        if self.macs.contains(&claim.mac()) {
            return Err(Problem::new(409, "signature-replayed"));
        }
        if self.macs.len() >= SEEN_MAX {
            return Err(Problem::new(429, "too-many-signatures"));
        }
        self.macs.insert(claim.mac());
        self.until.insert((claim.until(), claim.mac()));
        Ok(())
    }
}

/// What the headers claim; none of them: nothing is claimed.
pub fn claimed(headers: &HeaderMap) -> Option<Result<(SourceName, Claim), Problem>> {
    let names = [SOURCE_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER];
    if names.iter().all(|name| !headers.contains_key(*name)) {
        return None;
    }
    // Given twice, or no text: nobody knows which one was signed.
    let [name, stamp, signature] = names.map(|name| one(headers, name).ok().flatten().unwrap_or_default());
    let Ok(name) = SourceName::new(name.trim()) else { return Some(Err(problem(BadSignature::Malformed))) };
    Some(Claim::parse(stamp.trim(), signature.trim()).map(|claim| (name, claim)).map_err(problem))
}

pub fn problem(bad: BadSignature) -> Problem {
    match bad {
        BadSignature::Malformed => Problem::new(401, "signature-malformed"),
        BadSignature::Wrong => Problem::new(401, "signature-wrong"),
        BadSignature::OutOfTime(ahead) => {
            let problem = Problem::new(401, "signature-out-of-time");
            problem.with("ahead_s", ahead).with("window_s", WINDOW_SECONDS)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::signature::sign;

    #[test]
    fn a_signature_is_forgotten_when_it_would_be_out_of_time_and_not_before() {
        let at = |seconds: i64| DateTime::from_timestamp(1_795_000_000 + seconds, 0).expect("a time");
        let source = SourceName::new("vestby").expect("a name");
        let secret = "en hemmelighed paa mindst 32 tegn";
        let signers = Signers::new([(source.clone(), SecretString::from(secret))].into());
        let claim = |signed_at: i64, body: &[u8]| {
            let (stamp, signature) = sign(secret.as_bytes(), at(signed_at), body);
            Claim::parse(&stamp, &signature).expect("our own headers")
        };
        // Stamped ahead of our clock: it would be in time for twice as long, and so it is remembered.
        let ahead = claim(300, b"[]");
        assert_eq!(signers.check(&source, &ahead, b"[]", at(0)), Ok(()));
        for now in [0, 300, 599, 600] {
            let again = signers.check(&source, &ahead, b"[]", at(now)).expect_err("it came before");
            assert_eq!((again.status, again.code.as_str()), (409, "signature-replayed"), "after {now} s");
        }
        for nth in 0..50_i64 {
            let body = nth.to_string();
            assert_eq!(
                signers.check(&source, &claim(601, body.as_bytes()), body.as_bytes(), at(601)),
                Ok(())
            );
        }
        let seen = signers.0.seen.lock().expect("nobody panicked");
        assert_eq!(seen[&source].macs.len(), 50, "what is out of time takes no room");
    }
}
