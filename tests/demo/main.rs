//! The demo's night: the script by itself, and played against a pure world under a clock that only the test moves.

mod around;
mod script;
mod world;

use std::collections::BTreeSet;

use chrono::{DateTime, Duration, Utc};
use tokio_util::sync::CancellationToken;
use vagttavle::domain::identity::Board;
use vagttavle::domain::visit_rules::Standing;
use vagttavle::protocol::DueKind;
use vagttavle::protocol::attention::{Next, Why};
use vagttavle::protocol::entry::{Details, Entry, VisitDetails};
use vagttavle::sources::demo::{COLLEAGUE, Driver, Night, Tally, USER};
use world::{Sample, User, World};

fn night_of_november() -> DateTime<Utc> {
    "2026-11-22T01:40:00Z".parse().unwrap()
}

/// Plays a night for so long; the world as it was at the start of it, and as it is after.
async fn play(seed: u64, start: DateTime<Utc>, lasts: Duration, user: User) -> (World, World, Tally) {
    let night = Night::new(seed, start, &world::citizens(seed)).unwrap();
    let stop = CancellationToken::new();
    let (hands, clock) = world::new(start, lasts, user, stop.clone());
    let mut driver = Driver::new(night, hands.clone(), clock);
    driver.prepare(&stop).await;
    let before = hands.world();
    driver.run(&stop).await;
    (before, hands.world(), driver.tally())
}

fn sorted<T: Ord + Clone>(some: &[T]) -> Vec<T> {
    let mut some = some.to_vec();
    some.sort();
    some
}

const TEN_MINUTES: Duration = Duration::minutes(10);

fn alarm_of(entry: &Entry) -> &vagttavle::protocol::entry::AlarmDetails {
    match &entry.details {
        Details::Alarms(alarm) => alarm,
        other => panic!("not an alarm: {other:?}"),
    }
}

#[tokio::test]
async fn the_past_is_on_the_board_before_the_night_begins() {
    for seed in 0..4 {
        let start = night_of_november();
        let (before, _, _) = play(seed, start, Duration::zero(), User::Watches).await;
        assert_eq!(before.ledger("jammerbugt"), (1, 2, false), "seed {seed}");
        assert_eq!(before.within_60_s("jammerbugt", Board::Alarms), (37, 38), "one was redirected");
        assert_eq!(before.within_60_s("norddjurs", Board::Alarms), (24, 24));
        assert_eq!(before.within_60_s("jammerbugt", Board::Phone), (41, 42), "one was missed this evening");
        assert_eq!(before.within_60_s("norddjurs", Board::Phone), (33, 34));

        let open = before.open();
        let states: Vec<_> = open.iter().map(|it| (it.board().name(), it.state.as_str())).collect();
        let wanted = [
            ("discharges", "admitted"),
            ("discharges", "admitted"),
            ("alarms", "redirected"),
            ("visits", "planned"),
            ("visits", "planned"),
            ("visits", "planned"),
            ("visits", "planned"),
            ("visits", "planned"),
            ("visits", "planned"),
            ("phone", "missed"),
            ("phone", "missed"),
        ];
        assert_eq!(sorted(&states), sorted(&wanted), "nothing else is left open");
        let old = open.iter().find(|it| it.board() == Board::Alarms).unwrap();
        let old = alarm_of(old).justification.as_ref().unwrap();
        assert_eq!(old.due_at, start + Duration::hours(26));
        assert_eq!(old.clause.as_deref(), Some("3.1.13"));
        assert_eq!(before.on_duty(), [COLLEAGUE]);
    }
}

#[tokio::test]
async fn ten_minutes_show_every_kind() {
    for seed in 0..6 {
        let (_, after, tally) = play(seed, night_of_november(), TEN_MINUTES, User::Watches).await;
        let wanted = [
            "phone.waiting",
            "phone.answered",
            "phone.ended",
            "phone.missed",
            "phone.called-back",
            "phone.call-back-tried",
            "entry.claimed",
            "entry.linked",
            "alarms.raised",
            "alarms.answered",
            "alarms.signalled-again",
            "alarms.responded",
            "alarms.arrived",
            "alarms.closed",
            "alarms.unanswered",
            "alarms.redirected",
            "duties.opened",
            "discharges.discharged",
            "discharges.opened",
            "discharges.discharge-expected",
            "discharges.leave-started",
            "discharges.step-ticked",
            "visits.expected",
            "visits.contacted",
            "visits.door-unanswered",
            "visits.moved",
        ];
        for kind in wanted {
            assert!(after.kinds.contains(kind), "seed {seed}: no {kind} in {:?}", after.kinds);
        }
        let shown = after.shown();
        let wanted = [
            "waits-too-long",
            "called-again-answered",
            "technical",
            "test",
            "ringing",
            "claimed",
            "help-sent",
            "arrived",
            "nurse-called",
            "justification-owed",
            "missed",
            "tried",
            "duty-action-plan",
            "duty-documentation",
            "duty-immediate-notice",
            "discharged",
            "comes-home",
            "on-leave",
            "admitted",
            "visit-late",
            "visit-early",
            "contacted",
            "door-unanswered",
            "moved-untold",
            "replacement-owed",
        ];
        for why in wanted {
            assert!(shown.contains(why), "seed {seed}: nothing that is {why} in {shown:?}");
        }
        assert_eq!((tally.refused, tally.failed, tally.declined), (0, 0, 0), "seed {seed}: {tally:?}");
    }
}

#[tokio::test]
async fn the_ledger_fills_and_an_action_plan_opens() {
    for seed in 0..6 {
        let (before, after, _) = play(seed, night_of_november(), TEN_MINUTES, User::Watches).await;
        assert_eq!(before.ledger("jammerbugt"), (1, 2, false), "seed {seed}");
        assert_eq!(after.ledger("jammerbugt"), (2, 2, true), "seed {seed}");
        let plans = after.open().into_iter().filter(|entry| entry.attention.why == Why::DutyActionPlan);
        assert_eq!(plans.count(), 1, "seed {seed}");
    }
}

#[tokio::test]
async fn tests_and_batteries_are_in_no_figure() {
    for seed in 0..6 {
        let (before, after, _) = play(seed, night_of_november(), TEN_MINUTES, User::Watches).await;
        let signals = |board: &World| {
            let of = |it: &Entry| matches!(&it.details, Details::Alarms(it) if it.test || it.technical);
            board.open().iter().filter(|entry| of(entry)).count()
        };
        assert_eq!((signals(&before), signals(&after)), (0, 2), "a test and a battery stand on the board");
        // One taken at once, one redirected; the battery is not among them.
        assert_eq!(after.within_60_s("jammerbugt", Board::Alarms), (38, 40), "seed {seed}");
        // Two that the colleague took late; the installer's test is not among them.
        assert_eq!(after.within_60_s("norddjurs", Board::Alarms), (24, 26), "seed {seed}");
    }
}

fn visits(world: &World) -> Vec<(Entry, VisitDetails)> {
    let visit = |entry: Entry| match entry.details.clone() {
        Details::Visits(visit) => Some((entry, visit)),
        _ => None,
    };
    world.open().into_iter().filter_map(visit).collect()
}

#[tokio::test]
async fn ten_minutes_show_who_comes_home() {
    for seed in 0..6 {
        let (_, after, _) = play(seed, night_of_november(), TEN_MINUTES, User::Watches).await;
        let open = after.open();
        let stays: Vec<_> = open
            .iter()
            .filter_map(|entry| match &entry.details {
                Details::Discharges(stay) => Some((entry.state.as_str(), stay)),
                _ => None,
            })
            .collect();
        let of = |state: &str| stays.iter().find(|(it, _)| *it == state).map(|(_, stay)| *stay).unwrap();
        assert_eq!(stays.len(), 4, "seed {seed}");
        let home = of("discharged");
        assert!(home.stay.is_some() && home.department.is_some(), "as a hospital's message");
        assert_eq!(home.steps.iter().filter(|step| step.done_at.is_some()).count(), 1, "of {:?}", home.steps);
        assert_eq!(home.first_day_wasted, Some(true), "the assessors did not tell us (N 3.5.3)");
        let by_telephone = of("discharge-expected");
        assert!(by_telephone.stay.is_none() && by_telephone.department.is_none());
        assert_eq!(by_telephone.expected_told_by.as_ref().map(|it| it.as_str()), Some("nurse"));
        assert!(of("on-leave").leave_since.is_some());
        let notice = open.iter().find(|entry| entry.attention.why == Why::DutyImmediateNotice).unwrap();
        assert_eq!(
            notice.due(DueKind::Duty).unwrap().clause.as_deref(),
            Some("3.2"),
            "of tonight's admission"
        );
        assert_eq!(of("admitted").admitted_at, Some(notice.opened_at));
    }
}

#[tokio::test]
async fn ten_minutes_show_visits_that_slip() {
    for seed in 0..6 {
        let (_, after, _) = play(seed, night_of_november(), TEN_MINUTES, User::Watches).await;
        let visits = visits(&after);
        let of = |state: &str| {
            let found = visits.iter().find(|(entry, _)| entry.state == state);
            found.unwrap_or_else(|| panic!("seed {seed}: nothing is {state} in {visits:?}"))
        };
        let (entry, late) = of("late");
        assert_eq!((late.side.map(|it| it.name()), late.minutes), (Some("late"), Some(34)), "seed {seed}");
        assert_eq!(entry.due(DueKind::Contact).unwrap().clause.as_deref(), Some("3.5.5"));
        assert!(!entry.links.is_empty(), "seed {seed}: the call of the one who rang");
        let (entry, early) = of("contacted");
        assert_eq!((early.side.map(|it| it.name()), early.minutes), (Some("early"), Some(40)), "seed {seed}");
        assert_eq!(entry.holder.as_ref().map(|it| it.name.as_str()), Some(COLLEAGUE));
        let (_, door) = of("door-unanswered");
        assert_eq!(door.door.as_ref().unwrap().steps.len(), 6, "J 3.1.8");
        let (entry, moved) = of("moved");
        assert_eq!(moved.against_contract.as_deref(), Some("3.5.4"), "seed {seed}");
        assert_eq!(entry.attention.next, Next::Contact);
        let (entry, owed) = of("cancelled");
        assert_eq!(
            (owed.replacement.map(|it| it.name()), owed.cancelled_by.map(|it| it.name())),
            (Some("owed"), Some("hospital"))
        );
        assert!(!entry.links.is_empty(), "the stay because of which it fell away");
    }
}

#[tokio::test]
async fn what_nobody_does_about_the_day_ends_by_itself() {
    for seed in 0..4 {
        let start = night_of_november();
        let (_, after, _) = play(seed, start, Duration::hours(6), User::Watches).await;
        let wanted = ["discharges.resumed", "visits.door-closed", "visits.started", "visits.done"];
        for kind in wanted {
            assert!(after.kinds.contains(kind), "seed {seed}: no {kind} in {:?}", after.kinds);
        }
        assert!(!after.kinds.contains("visits.receipt-missing"), "seed {seed}");
        for (entry, visit) in visits(&after) {
            let is_old = after.now() - entry.opened_at > Duration::hours(2);
            let is_ahead = visit.agreed_at.is_some_and(|at| at > after.now());
            let is_owed = visit.replacement == Some(Standing::Owed);
            let is_in_hospital = visit.halted.is_some();
            assert!(!is_old || is_ahead || is_owed || is_in_hospital, "seed {seed}: {entry:?}");
        }
    }
}

#[tokio::test]
async fn what_the_user_takes_stays_the_users() {
    let (_, after, tally) = play(3, night_of_november(), Duration::minutes(40), User::TakesEveryAlarm).await;
    assert!(!after.kinds.contains("entry.taken-over"));
    assert!(!after.kinds.contains("alarms.unanswered"), "the alarm that nobody takes was taken");
    assert_eq!(after.ledger("jammerbugt"), (1, 2, false));
    let by_colleague =
        after.deeds.iter().filter(|(who, kind)| who == COLLEAGUE && kind.starts_with("alarms."));
    let meddled: BTreeSet<_> = by_colleague.map(|(_, kind)| kind.as_str()).collect();
    // The installer's test and old batteries are nobody's.
    assert_eq!(meddled, BTreeSet::from(["alarms.closed", "alarms.technical-done"]));
    let closed = after.deeds.iter().filter(|(who, kind)| who == COLLEAGUE && kind == "alarms.closed").count();
    let tests = after.deeds.iter().filter(|(_, kind)| kind == "alarms.closed").count();
    assert_eq!(closed, tests, "the user closes nothing in this night");
    assert!(!after.deeds.iter().any(|(who, kind)| who == COLLEAGUE && kind == "alarms.responded"));
    assert!(after.deeds.iter().any(|(who, kind)| who == USER && kind == "entry.claimed"));
    assert!(tally.left > 0, "{tally:?}");
    assert_eq!((tally.refused, tally.failed), (0, 0), "{tally:?}");
}

#[tokio::test]
async fn what_the_user_finishes_first_is_left_alone() {
    let (_, after, tally) = play(4, night_of_november(), Duration::hours(1), User::DoesEverything).await;
    assert_eq!((tally.refused, tally.failed), (0, 0), "{tally:?}");
    assert!(!after.kinds.contains("entry.taken-over"));
    let stuck: Vec<_> = after.open().into_iter().filter(|it| it.state == "answered").collect();
    assert!(stuck.len() <= 1, "talks that never end: {stuck:?}");
}

#[tokio::test]
async fn a_long_night_does_not_fill_the_board_nor_empty_it() {
    for seed in 0..3 {
        let (_, after, tally) = play(seed, night_of_november(), Duration::hours(6), User::Watches).await;
        let most = after.samples.iter().map(|it| it.open).max().unwrap();
        assert!(most <= 30, "seed {seed}: {most} open at once");
        let of = |wanted: Board| after.open().into_iter().filter(|it| it.board() == wanted).count();
        assert!(of(Board::Discharges) <= 1, "seed {seed}: everybody is home but nobody is helped");
        assert!(of(Board::Visits) <= 4, "seed {seed}: {:?}", after.open());
        assert!(after.most_pressing() <= 14, "seed {seed}: {} press at once", after.most_pressing());
        let late = night_of_november() + Duration::minutes(45);
        let emptiest = after.samples.iter().filter(|it| it.at > late).min_by_key(|it| it.open);
        let Sample { at, open, .. } = emptiest.unwrap();
        assert!(*open >= 4, "seed {seed}: only {open} open at {at}");
        assert_eq!(after.ledger("jammerbugt"), (2, 2, true), "seed {seed}: no more alarms ring out");
        assert_eq!((tally.refused, tally.failed, tally.declined), (0, 0, 0), "seed {seed}: {tally:?}");
        assert!(after.samples.last().unwrap().at - night_of_november() > Duration::minutes(355));
    }
}

#[tokio::test]
async fn any_instant_will_do_to_begin() {
    let starts = [
        ("2026-10-31T23:01:00Z", "the first minutes of a month"),
        ("2026-11-01T03:00:00Z", "the first night of a month"),
        ("2026-10-25T00:30:00Z", "before the doubled hour"),
        ("2027-03-28T00:50:00Z", "before the hour that is not there"),
        ("2026-12-31T22:58:00Z", "across the year"),
        ("2028-02-29T12:00:00Z", "a leap day at noon"),
    ];
    for (start, when) in starts {
        let start: DateTime<Utc> = start.parse().unwrap();
        let (before, after, tally) = play(11, start, TEN_MINUTES, User::Watches).await;
        assert_eq!(before.ledger("jammerbugt"), (1, 2, false), "{when}");
        assert_eq!(after.ledger("jammerbugt"), (2, 2, true), "{when}");
        assert_eq!((tally.refused, tally.failed, tally.declined), (0, 0, 0), "{when}: {tally:?}");
    }
}

#[tokio::test]
async fn a_server_that_is_away_is_counted_and_stops_nothing() {
    let start = night_of_november();
    let night = Night::new(5, start, &world::citizens(5)).unwrap();
    let stop = CancellationToken::new();
    let (hands, clock) = world::new(start, TEN_MINUTES, User::Watches, stop.clone());
    hands.go_away();
    let mut driver = Driver::new(night, hands.clone(), clock);
    driver.prepare(&stop).await;
    driver.run(&stop).await;
    let tally = driver.tally();
    assert!(tally.failed > 10 && tally.recorded == 0, "{tally:?}");
    assert!(hands.world().open().is_empty());
}

#[tokio::test]
async fn it_ends_when_it_is_told_to() {
    let start = night_of_november();
    let night = Night::new(5, start, &world::citizens(5)).unwrap();
    let stop = CancellationToken::new();
    let (hands, clock) = world::new(start, TEN_MINUTES, User::Watches, CancellationToken::new());
    let mut driver = Driver::new(night, hands.clone(), clock);
    stop.cancel();
    // In a task of its own, as the program plays it.
    let played = tokio::spawn(async move {
        driver.prepare(&stop).await;
        driver.run(&stop).await;
        driver.tally()
    });
    assert_eq!(played.await.unwrap(), Tally::default());
}
