//! The clock: the only file that asks the time or waits for it.
//!
//! A clock may run faster than the world (`demo --speed`) or be set by hand (tests).

#![expect(clippy::disallowed_methods, reason = "this is the clock")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::watch;

/// Longest single wait on the real clock; a clock that was set meanwhile is noticed after so long.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// The machine's steady time: for pauses that nobody who sets a clock may stretch.
pub fn steady() -> tokio::time::Instant {
    tokio::time::Instant::now()
}

/// Cheap to clone; all clones tell the same time.
#[derive(Debug, Clone)]
pub struct Clock(Arc<Kind>);

#[derive(Debug)]
enum Kind {
    System,
    Fast { started: Instant, started_at: DateTime<Utc>, rate: f64 },
    Manual(watch::Sender<DateTime<Utc>>),
}

impl Clock {
    /// The machine's own clock.
    pub fn system() -> Self {
        Self(Arc::new(Kind::System))
    }

    /// Starts now and runs `rate` times as fast as the world.
    pub fn fast(rate: f64) -> Self {
        if rate == 1.0 {
            return Self::system();
        }
        Self(Arc::new(Kind::Fast { started: Instant::now(), started_at: Utc::now(), rate }))
    }

    /// Stands still until it is set.
    pub fn manual(at: DateTime<Utc>) -> Self {
        Self(Arc::new(Kind::Manual(watch::Sender::new(at))))
    }

    /// Now, in whole microseconds: what the log can hold.
    pub fn now(&self) -> DateTime<Utc> {
        let now = match &*self.0 {
            Kind::System => Utc::now(),
            Kind::Fast { started, started_at, rate } => {
                *started_at + TimeDelta::microseconds((started.elapsed().as_micros() as f64 * rate) as i64)
            }
            Kind::Manual(at) => *at.borrow(),
        };
        DateTime::from_timestamp_micros(now.timestamp_micros()).unwrap_or(now)
    }

    /// How many times as fast as the world.
    pub fn rate(&self) -> f64 {
        match &*self.0 {
            Kind::Fast { rate, .. } => *rate,
            _ => 1.0,
        }
    }

    /// Sets a manual clock; others are left alone.
    pub fn set(&self, at: DateTime<Utc>) {
        if let Kind::Manual(now) = &*self.0 {
            now.send_replace(at);
        }
    }

    /// Waits until this clock says `at` or later.
    pub async fn sleep_until(&self, at: DateTime<Utc>) {
        if let Kind::Manual(now) = &*self.0 {
            let mut now = now.subscribe();
            // The sender lives in `self`: it cannot be gone.
            let _ = now.wait_for(|now| *now >= at).await;
            return;
        }
        loop {
            let left = at - self.now();
            let Ok(left) = left.to_std() else { return };
            let real = left.div_f64(self.rate().max(f64::MIN_POSITIVE));
            tokio::time::sleep(real.min(WAIT_MAX).max(Duration::from_millis(1))).await;
        }
    }
}
