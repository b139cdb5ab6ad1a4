//! What surrounds the night: who takes the calls, what falls silent and comes back, what cannot be read.

use std::sync::{Arc, Mutex};

use chrono::{DateTime, Duration, Utc};
use tokio_util::sync::CancellationToken;
use vagttavle::domain::identity::SourceName;
use vagttavle::domain::observation::Observation;
use vagttavle::sources::demo::around::{Around, EXCHANGE, RECEIVER, ROUTES};
use vagttavle::sources::demo::{Clock, Night};
use vagttavle::sources::{BadRows, Contact, FileRows, QueueStaff, RowsAre, Staffing};

use super::world;

#[derive(Debug, Clone, PartialEq)]
enum Told {
    Heard(String),
    Staff(Vec<QueueStaff>),
    Rows(Vec<BadRows>),
}

/// What was told, and how many seconds after the start.
type Log = Arc<Mutex<Vec<(i64, Told)>>>;

#[derive(Clone)]
struct Listener {
    second: Arc<Mutex<i64>>,
    log: Log,
}

impl Listener {
    fn note(&self, told: Told) {
        self.log.lock().unwrap().push((*self.second.lock().unwrap(), told));
    }
}

impl Contact for Listener {
    fn heard(&self, source: &SourceName) {
        self.note(Told::Heard(source.to_string()));
    }
}

impl FileRows for Listener {
    async fn rows(&self, _: &SourceName, are: RowsAre, rows: Vec<BadRows>) {
        assert_eq!(are, RowsAre::Refused);
        self.note(Told::Rows(rows));
    }
}

impl Staffing for Listener {
    fn staff(&self, _: &SourceName, queues: Vec<QueueStaff>) {
        self.note(Told::Staff(queues));
    }
}

/// Shows what it was last waited for, and ends the play after so long.
struct TestClock {
    start: DateTime<Utc>,
    second: Arc<Mutex<i64>>,
    ends_at: i64,
    stop: CancellationToken,
}

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        self.start + Duration::seconds(*self.second.lock().unwrap())
    }

    async fn sleep_until(&self, at: DateTime<Utc>) {
        let second = (at - self.start).num_seconds();
        if second > self.ends_at {
            self.stop.cancel();
            std::future::pending::<()>().await;
        }
        *self.second.lock().unwrap() = second;
    }
}

async fn play(seconds: i64) -> Vec<(i64, Told)> {
    let start = "2026-11-22T01:40:00Z".parse().unwrap();
    let (second, stop) = (Arc::new(Mutex::new(0)), CancellationToken::new());
    let listener = Listener { second: second.clone(), log: Log::default() };
    let around = Around { exchange: listener.clone(), receiver: listener.clone(), routes: listener.clone() };
    let clock = TestClock { start, second, ends_at: seconds, stop: stop.clone() };
    around.run(start, clock, stop).await;
    let log = listener.log.lock().unwrap();
    log.clone()
}

/// The longest time between two words of a source.
fn longest_silence(log: &[(i64, Told)], of: &str) -> i64 {
    let heard: Vec<i64> = log
        .iter()
        .filter(|(_, told)| *told == Told::Heard(of.to_owned()))
        .map(|(second, _)| *second)
        .collect();
    heard.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap()
}

#[tokio::test]
async fn ten_minutes_show_a_silence_that_ends_and_an_exchange_that_is_always_heard() {
    let log = play(600).await;
    assert!(longest_silence(&log, EXCHANGE.0) < EXCHANGE.2.num_seconds());
    assert!(longest_silence(&log, RECEIVER.0) > 2 * RECEIVER.2.num_seconds(), "silent, not only late");
    let last = log.iter().rev().find(|(_, told)| *told == Told::Heard(RECEIVER.0.to_owned())).unwrap().0;
    assert!(last > 500, "it comes back");
    assert!(log.contains(&(0, Told::Heard(ROUTES.0.to_owned()))));
}

#[tokio::test]
async fn ten_minutes_show_who_takes_the_calls_a_pause_and_a_queue_that_nobody_takes() {
    let log = play(600).await;
    let staff: Vec<_> = log
        .iter()
        .filter_map(|(_, told)| match told {
            Told::Staff(queues) => Some(queues.clone()),
            _ => None,
        })
        .collect();
    let has = |is_so: &dyn Fn(&QueueStaff) -> bool| staff.iter().flatten().any(is_so);
    assert!(has(&|queue| queue.paused > 0 && queue.on_duty > 0));
    assert!(has(&|queue| queue.busy > 0));
    assert!(has(&|queue| queue.on_duty == 0 && queue.paused > 0));
    assert!(staff.first().unwrap().iter().all(|queue| queue.on_duty > 0), "at the start somebody does");
    assert!(staff.last().unwrap().iter().all(|queue| queue.on_duty > 0), "and in the end");
    // Nobody is called because of the demo: where nobody takes the calls, nobody waits.
    assert!(staff.iter().flatten().all(|queue| queue.on_duty > 0 || queue.waiting == 0));
}

#[tokio::test]
async fn ten_minutes_show_rows_that_cannot_be_read_and_the_night_goes_on() {
    let log = play(3_600).await;
    let rows: Vec<_> =
        log.iter().filter(|(_, told)| matches!(told, Told::Rows(_))).map(|(second, _)| *second).collect();
    assert_eq!(rows.len(), 2);
    assert!(rows.iter().all(|second| *second < 600));
    assert_eq!(log.last().unwrap().0, 3_600);
}

#[test]
fn the_list_tells_of_somebody_who_has_no_other_stay_nor_visit_in_the_night() {
    for seed in 0..6 {
        let start = "2026-11-22T01:40:00Z".parse().unwrap();
        let night = Night::new(seed, start, &world::citizens(seed)).unwrap();
        let listed = night.listed();
        let Observation::StayDischargeExpected { citizen: Some(citizen), expected_at, .. } =
            listed.observation
        else {
            panic!("{listed:?}")
        };
        assert!(listed.at > start && expected_at > listed.at);
        let is_stay_or_visit = |said: &str| said.contains("Stay") || said.contains("Visit");
        for step in night.history.iter().chain(&night.opening) {
            let said = format!("{step:?}");
            assert!(!is_stay_or_visit(&said) || !said.contains(citizen.as_str()), "seed {seed}: {said}");
        }
    }
}
