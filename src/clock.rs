//! The clock: the only file that asks the time or waits for it.
//!
//! A clock may run faster than the world (`demo --speed`) or be set by hand (tests).

#![expect(clippy::disallowed_methods, reason = "this is the clock")]

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::watch;

/// Longest single wait on the real clock; a clock that was set meanwhile is noticed after so long.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// The machine's steady time: for pauses that nobody who sets a clock may stretch.
pub fn steady() -> tokio::time::Instant {
    tokio::time::Instant::now()
}

/// How much longer the machine has been up than it has been awake since this program first asked: the difference grows
/// by the time it sleeps. None where the system does not say.
pub fn awake_and_asleep() -> Option<TimeDelta> {
    static FIRST: OnceLock<Instant> = OnceLock::new();
    let said = std::fs::read_to_string("/proc/uptime").ok()?;
    let seconds: f64 = said.split(' ').next()?.parse().ok()?;
    let up = TimeDelta::milliseconds((seconds * 1000.0) as i64);
    Some(up - TimeDelta::from_std(FIRST.get_or_init(Instant::now).elapsed()).ok()?)
}

/// Cheap to clone; all clones tell the same time.
///
/// It tells two times. [`Clock::now`] is the wall's: what is shown, stored and compared with a calendar. It can be set,
/// forward and back. [`Clock::even`] is the time as it would be had nobody set the wall's since the start: it never goes
/// back and never leaps, and durations are measured by it.
#[derive(Debug, Clone)]
pub struct Clock(Arc<Kind>);

#[derive(Debug)]
enum Kind {
    /// `slept_ms`: how long the machine was suspended since the start; the steady clock stands still then.
    System {
        started: Instant,
        started_at: DateTime<Utc>,
        slept_ms: AtomicI64,
    },
    Fast {
        started: Instant,
        started_at: DateTime<Utc>,
        rate: f64,
    },
    Manual(watch::Sender<Hands>),
}

/// What a manual clock shows.
#[derive(Debug, Clone, Copy)]
struct Hands {
    wall: DateTime<Utc>,
    even: DateTime<Utc>,
}

impl Clock {
    /// The machine's own clock.
    pub fn system() -> Self {
        let (started, started_at) = (Instant::now(), in_micros(Utc::now()));
        Self(Arc::new(Kind::System { started, started_at, slept_ms: AtomicI64::new(0) }))
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
        Self(Arc::new(Kind::Manual(watch::Sender::new(Hands { wall: at, even: at }))))
    }

    /// Now, in whole microseconds: what the log can hold.
    pub fn now(&self) -> DateTime<Utc> {
        in_micros(match &*self.0 {
            Kind::System { .. } => Utc::now(),
            Kind::Fast { .. } => self.even(),
            Kind::Manual(hands) => hands.borrow().wall,
        })
    }

    /// The time as it would be had nobody set the clock since the start.
    pub fn even(&self) -> DateTime<Utc> {
        in_micros(match &*self.0 {
            Kind::System { started, started_at, slept_ms } => {
                let slept = TimeDelta::milliseconds(slept_ms.load(Ordering::Relaxed));
                *started_at + slept + TimeDelta::from_std(started.elapsed()).unwrap_or_default()
            }
            Kind::Fast { started, started_at, rate } => {
                *started_at + TimeDelta::microseconds((started.elapsed().as_micros() as f64 * rate) as i64)
            }
            Kind::Manual(hands) => hands.borrow().even,
        })
    }

    /// How far the wall's clock has been set forward since the start; negative: back.
    pub fn set_by(&self) -> TimeDelta {
        self.now() - self.even()
    }

    /// The machine slept for so long, as somebody noticed: that time has passed.
    pub fn slept(&self, for_ms: i64) {
        if let Kind::System { slept_ms, .. } = &*self.0 {
            slept_ms.fetch_add(for_ms, Ordering::Relaxed);
        }
    }

    /// How many times as fast as the world.
    pub fn rate(&self) -> f64 {
        match &*self.0 {
            Kind::Fast { rate, .. } => *rate,
            _ => 1.0,
        }
    }

    /// On a manual clock time passes until `at`; others are left alone.
    pub fn set(&self, at: DateTime<Utc>) {
        if let Kind::Manual(hands) = &*self.0 {
            hands.send_modify(|hands| {
                hands.even += (at - hands.wall).max(TimeDelta::zero());
                hands.wall = at;
            });
        }
    }

    /// Somebody sets a manual clock, and no time passes; others are left alone.
    pub fn jump(&self, at: DateTime<Utc>) {
        if let Kind::Manual(hands) = &*self.0 {
            hands.send_modify(|hands| hands.wall = at);
        }
    }

    /// Waits until the wall's clock says `at` or later: for what a calendar says. Who waits for a while uses
    /// [`Clock::sleep`].
    pub async fn sleep_until(&self, at: DateTime<Utc>) {
        if let Kind::Manual(hands) = &*self.0 {
            let mut hands = hands.subscribe();
            // The sender lives in `self`: it cannot be gone.
            let _ = hands.wait_for(|hands| hands.wall >= at).await;
            return;
        }
        while self.now() < at {
            self.wait(at - self.now()).await;
        }
    }

    /// Waits until the even clock says `at` or later.
    pub async fn sleep_until_even(&self, at: DateTime<Utc>) {
        if let Kind::Manual(hands) = &*self.0 {
            let mut hands = hands.subscribe();
            let _ = hands.wait_for(|hands| hands.even >= at).await;
            return;
        }
        while self.even() < at {
            self.wait(at - self.even()).await;
        }
    }

    /// Waits for so long, whatever becomes of the wall's clock meanwhile.
    pub async fn sleep(&self, length: TimeDelta) {
        self.sleep_until_even(self.even() + length).await;
    }

    async fn wait(&self, left: TimeDelta) {
        let real = left.to_std().unwrap_or_default().div_f64(self.rate().max(f64::MIN_POSITIVE));
        tokio::time::sleep(real.min(WAIT_MAX).max(Duration::from_millis(1))).await;
    }
}

fn in_micros(at: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(at.timestamp_micros()).unwrap_or(at)
}
