//! What surrounds the night: an exchange with its queues, a receiver of alarms, a folder of route lists, as the health
//! of sources sees them.
//!
//! Owns when each is heard, who takes the calls, when one falls silent and comes back, and which rows cannot be read.
//! The facts of the night come from elsewhere: here nothing is observed. Always the same, whatever the seed.

use chrono::{DateTime, Duration, Utc};
use tokio_util::sync::CancellationToken;

use super::script::id;
use super::{AGREEMENTS, Citizen, Clock};
use crate::domain::identity::{AgreementId, Code, SourceName};
use crate::domain::observation::Observation;
use crate::sources::{BadRows, Contact, FileRows, QueueStaff, RowsAre, Staffing};

/// The exchange, heard within half a minute.
pub const EXCHANGE: (&str, &str, Duration) = ("central", "ami", Duration::seconds(30));
/// The receiver of alarms.
pub const RECEIVER: (&str, &str, Duration) = ("tryghed", "scaip", Duration::seconds(60));
/// The folder of route lists.
pub const ROUTES: (&str, &str, Duration) = ("ruter", "visits", Duration::hours(24));

/// The exchange and the receiver are heard so often (seconds).
const BEAT_S: i64 = 10;
/// The receiver is not heard from the first until the second (seconds after the start).
const SILENT_S: (i64, i64) = (200, 480);
/// Who takes the calls: on duty, talking, paused, callers waiting.
type Staff = (u32, u32, u32, u32);
/// From when on (seconds after the start) who takes the calls of the main number, and of the alarms.
const STAFF: [(i64, Staff, Staff); 6] = [
    (0, (2, 0, 0, 0), (2, 0, 0, 0)),
    (10, (2, 0, 0, 1), (2, 0, 0, 0)),
    (110, (2, 1, 0, 0), (2, 0, 0, 0)),
    (240, (1, 1, 1, 0), (1, 0, 1, 0)),
    (300, (2, 0, 0, 0), (0, 0, 2, 0)),
    (360, (2, 0, 0, 0), (2, 0, 0, 0)),
];
/// When (seconds after the start) a list comes with rows that cannot be read: why, the first of them, how many.
const BAD_ROWS: [(i64, &str, u32, u32); 2] = [(150, "unknown-help", 12, 3), (420, "bad-time", 31, 1)];
/// When the care system's list says of somebody that they come home, and how long after that they do.
const LISTED: (Duration, Duration) = (Duration::seconds(250), Duration::hours(6));

/// Where each of them is told.
pub struct Around<I> {
    pub exchange: I,
    pub receiver: I,
    pub routes: I,
}

/// What one row of the care system's list says, and from when on it stands there.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    pub at: DateTime<Utc>,
    pub agreement: AgreementId,
    pub observation: Observation,
}

impl<I: Contact + Staffing + FileRows> Around<I> {
    /// Plays from `start` on until it is told to stop.
    pub async fn run(self, start: DateTime<Utc>, clock: impl Clock, stop: CancellationToken) {
        tokio::select! {
            biased;
            () = stop.cancelled() => {}
            () = self.play(start, clock) => {}
        }
    }

    async fn play(&self, start: DateTime<Utc>, clock: impl Clock) {
        self.routes.heard(&name(ROUTES.0));
        let mut second = 0;
        loop {
            clock.sleep_until(start + Duration::seconds(second)).await;
            self.beat(second).await;
            // After a pause of the whole machine one beat is enough, but nothing in between is left out.
            let next = second + BEAT_S;
            let now = (clock.now() - start).num_seconds();
            second = if now > next && next > last_of_script() { now - now % BEAT_S + BEAT_S } else { next };
        }
    }

    async fn beat(&self, second: i64) {
        self.exchange.heard(&name(EXCHANGE.0));
        if !(SILENT_S.0..SILENT_S.1).contains(&second) {
            self.receiver.heard(&name(RECEIVER.0));
        }
        if let Some((_, main, alarms)) = STAFF.iter().find(|(at, ..)| *at == second) {
            self.exchange
                .staff(&name(EXCHANGE.0), vec![queue("doegnvagt", *main), queue("noedkald", *alarms)]);
        }
        for (_, what, first_line, rows) in BAD_ROWS.iter().filter(|(at, ..)| *at == second) {
            let rows = BadRows { what: Code::constant(what), line: *first_line, row: None, rows: *rows };
            self.routes.heard(&name(ROUTES.0));
            self.routes.rows(&name(ROUTES.0), RowsAre::Refused, vec![rows]).await;
        }
    }
}

/// The last second of the script (after the start).
fn last_of_script() -> i64 {
    SILENT_S.1.max(STAFF[STAFF.len() - 1].0).max(BAD_ROWS[BAD_ROWS.len() - 1].0)
}

/// The row of the night's list, about this citizen.
pub(super) fn listed(start: DateTime<Utc>, who: &Citizen) -> Listed {
    let at = start + LISTED.0;
    let observation = Observation::StayDischargeExpected {
        stay: id("demo-list-0001"),
        citizen: Some(who.citizen.clone()),
        expected_at: at + LISTED.1,
        told_by: Code::constant("care-system"),
    };
    Listed { at, agreement: who.agreement.clone(), observation }
}

fn queue(queue: &str, (on_duty, busy, paused, waiting): Staff) -> QueueStaff {
    let agreements = AGREEMENTS.iter().filter_map(|id| AgreementId::new(*id).ok()).collect();
    QueueStaff { queue: queue.to_owned(), agreements, on_duty, busy, paused, waiting }
}

fn name(of: &str) -> SourceName {
    SourceName::new(of).expect("a constant name")
}
