//! Who could not sign in: counted each time, said at once and then once a minute.
//!
//! Owns how often it is said. Must never say what was sent: a token with a slip of the finger is nearly a token.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::metrics::Metrics;
use crate::clock;

/// Said at most this often.
const TOLD_EVERY: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    NoToken,
    WrongToken,
    WrongSignature,
}

impl Why {
    const ALL: [Self; 3] = [Self::NoToken, Self::WrongToken, Self::WrongSignature];

    fn name(self) -> &'static str {
        match self {
            Self::NoToken => "no-token",
            Self::WrongToken => "wrong-token",
            Self::WrongSignature => "wrong-signature",
        }
    }
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Refused(Arc<Inner>);

struct Inner {
    metrics: Arc<Metrics>,
    told: Mutex<Tally>,
}

#[derive(Default)]
struct Tally {
    at: Option<Instant>,
    untold: [u64; Why::ALL.len()],
}

impl Refused {
    /// Tells until the server stops.
    pub fn start(metrics: Arc<Metrics>, stop: CancellationToken) -> Self {
        let refused = Self(Arc::new(Inner { metrics, told: Mutex::default() }));
        let telling = refused.clone();
        tokio::spawn(async move {
            let mut look = tokio::time::interval(TOLD_EVERY);
            loop {
                tokio::select! {
                    () = stop.cancelled() => return,
                    _ = look.tick() => telling.tell(clock::steady()),
                }
            }
        });
        refused
    }

    pub fn count(&self, why: Why) {
        self.0.metrics.refused_sign_in(why.name());
        {
            let mut told = self.0.told.lock().unwrap_or_else(PoisonError::into_inner);
            told.untold[why as usize] += 1;
        }
        self.tell(clock::steady());
    }

    fn tell(&self, now: Instant) {
        let counts = self.0.told.lock().unwrap_or_else(PoisonError::into_inner).take(now);
        if let Some([no_token, wrong_token, wrong_signature]) = counts {
            tracing::warn!(no_token, wrong_token, wrong_signature, "could not sign in");
        }
    }
}

impl Tally {
    /// What is to be said now, if anything.
    fn take(&mut self, now: Instant) -> Option<[u64; Why::ALL.len()]> {
        let is_fresh = self.at.is_some_and(|at| now - at < TOLD_EVERY);
        if is_fresh || self.untold.iter().all(|count| *count == 0) {
            return None;
        }
        self.at = Some(now);
        Some(std::mem::take(&mut self.untold))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_said_at_once_and_the_rest_once_a_minute_with_their_number() {
        let (mut told, start) = (Tally::default(), clock::steady());
        let mut said = Vec::new();
        for second in 0..130_u64 {
            told.untold[Why::WrongToken as usize] += 3;
            said.extend(told.take(start + Duration::from_secs(second)));
        }
        assert_eq!(said, [[0, 3, 0], [0, 180, 0], [0, 180, 0]]);
    }
}
