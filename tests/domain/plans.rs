//! Plans of many visits: what is looked up is what looking through everything would find, and the work does not grow
//! with what is not concerned.

use std::collections::BTreeSet;

use chrono::Duration;
use proptest::prelude::*;
use vagttavle::domain::entry::{self, Body, Entry};
use vagttavle::domain::identity::{AgreementId, Board};
use vagttavle::domain::index::Nearness;
use vagttavle::domain::observation::{CancelledBy, Grant, Help, Matched, Observation};
use vagttavle::domain::{Command, Record};
use vagttavle::protocol::board::Found;
use vagttavle::protocol::stream::{Beat, Recorded};
use vagttavle::protocol::sync::{Applied, Replica};
use vagttavle::protocol::{BoardSnapshot, StreamItem, project};

use crate::homecare::*;

/// A Tuesday, 07:00 in Copenhagen.
const TUESDAY: &str = "2026-11-24T06:00:00Z";
/// Some of them on a public holiday, some in the past.
const TIMES: [&str; 6] = [
    "2026-11-24T04:30:00Z",
    "2026-11-24T06:00:00Z",
    "2026-11-24T08:00:00Z",
    "2026-11-24T20:00:00Z",
    "2026-11-25T08:00:00Z",
    "2026-12-25T09:00:00Z",
];

#[derive(Debug, Clone)]
enum Step {
    Tells(Observation),
    /// Asked of the nth open entry.
    Asks(usize, Command),
    Passes(i64),
    /// From now on what is told may belong to this agreement, or to none.
    Under(Option<&'static str>),
}

fn plan() -> impl Strategy<Value = Observation> {
    let help = prop::sample::select(vec![Help::Personal, Help::Practical]);
    (1..9u8, 1..4u8, help, prop::sample::select(TIMES.to_vec())).prop_map(
        |(visit, whose, help, agreed_at)| {
            visit_of(&format!("v-{visit}"), &format!("c-{whose}"), Grant::Service, help, agreed_at, None)
        },
    )
}

fn facts() -> impl Strategy<Value = Observation> {
    let visit = || (1..9u8).prop_map(|nth| format!("v-{nth}"));
    let whose = || (1..4u8).prop_map(|nth| format!("c-{nth}"));
    let call = || (1..4u8).prop_map(|nth| format!("k-{nth}"));
    let time = prop::sample::select(TIMES.to_vec());
    prop_oneof![
        4 => plan(),
        1 => (visit(), time).prop_map(|(it, time)| visit_expected(&it, time)),
        1 => visit().prop_map(|it| visit_started(&it)),
        1 => visit().prop_map(|it| visit_done(&it)),
        1 => visit().prop_map(|it| door_unanswered(&it)),
        1 => visit().prop_map(|it| visit_cancelled(&it, CancelledBy::Citizen, TUESDAY)),
        1 => Just(admitted("s-1")),
        1 => Just(discharged("s-1")),
        1 => Just(died("s-1")),
        1 => (call(), whose()).prop_map(|(it, whose)| alarm_raised(&it, &whose)),
        1 => call().prop_map(|it| Observation::CallWaiting { call: id(&it), queue: id("doegnvagt"), colleague: false }),
        1 => call().prop_map(|it| Observation::CallEnded { call: id(&it) }),
        1 => (call(), whose()).prop_map(|(it, whose)| Observation::CitizenMatched {
            of: Matched::Call(id(&it)),
            citizen: citizen(&whose)
        }),
    ]
}

fn commands() -> impl Strategy<Value = Command> {
    prop::sample::select(vec![
        Command::Entry(entry::Command::Claim {}),
        Command::Entry(entry::Command::Release {}),
        Command::OfServer(entry::OfServer::NoteWritten { receipt: id("r-1") }),
        contact(true),
        contact(false),
        move_anyway("2026-11-24T12:00:00Z", CancelledBy::Citizen),
        cancel_anyway(CancelledBy::Provider),
        visit_receipted(),
        correct("cancellation"),
        correct("move"),
        duty_done(),
        resume(),
        stop("moved"),
    ])
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => facts().prop_map(Step::Tells),
        3 => (0..12usize, commands()).prop_map(|(which, what)| Step::Asks(which, what)),
        1 => prop_oneof![Just(1i64), Just(40), Just(300), Just(3_000)].prop_map(Step::Passes),
        1 => prop::sample::select(vec![Some("norddjurs"), Some("jammerbugt"), None]).prop_map(Step::Under),
    ];
    prop::collection::vec(step, 1..50)
}

fn take(world: &mut World, step: Step) {
    match step {
        Step::Tells(fact) => {
            let now = world.now.to_rfc3339();
            let _ = world.tells(&now, fact);
        }
        Step::Asks(which, what) => {
            let entry = world.state.open_entries().nth(which).map(|entry| entry.id);
            let _ = world.tries("anna", entry, what);
        }
        Step::Passes(minutes) => {
            let then = (world.now + Duration::minutes(minutes)).to_rfc3339();
            world.until(&then);
        }
        Step::Under(agreement) => world.agreement = agreement.map(agreement_id),
    }
}

fn board(world: &World, entries: Vec<vagttavle::protocol::Entry>, at_rest: u32) -> BoardSnapshot {
    BoardSnapshot {
        sequence: world.state.head.0,
        now: world.now,
        rate: 1.0,
        entries,
        sources: Vec::new(),
        ledgers: Vec::new(),
        answering: Vec::new(),
        shift: Default::default(),
        contacts: Vec::new(),
        synthetic: false,
        notes_waiting: 0,
        log: None,
        at_rest,
    }
}

fn shown(world: &World) -> Vec<vagttavle::protocol::Entry> {
    world.state.open_entries().map(|it| project::entry(&world.state, it, world.now)).collect()
}

/// Tells a replica of the records since, as the stream does.
fn tell(replica: &mut Replica, world: &World, records: &[Record]) {
    for record in records {
        let entry = world.state.entry(record.entry);
        let item = StreamItem::Recorded(Box::new(Recorded {
            sequence: record.sequence.0,
            after: replica.through,
            happened_at: record.happened_at,
            recorded_at: record.recorded_at,
            actor: "timer".into(),
            kind: "x".into(),
            entry: entry.map(|it| project::entry(&world.state, it, world.now)),
            ledgers: None,
            answering: None,
        }));
        assert!(matches!(replica.apply(item, world.now), Applied::Fresh { .. }));
    }
}

/// Every question that an index answers, answered by looking through all that is open.
fn check(world: &World) {
    let state = &world.state;
    assert!(state.is_indexed());
    let all: Vec<&Entry> = state.open_entries().collect();
    let ids = |found: Vec<&Entry>| found.iter().map(|entry| entry.id).collect::<Vec<_>>();
    let among =
        |is_it: &dyn Fn(&Entry) -> bool| all.iter().copied().filter(|entry| is_it(entry)).collect::<Vec<_>>();
    let agreements = ["jammerbugt", "norddjurs"].map(agreement_id);
    for (id, agreement) in ["c-1", "c-2", "c-3", "c-4"]
        .map(citizen)
        .iter()
        .flat_map(|id| agreements.iter().map(move |it| (id, it)))
    {
        let whose =
            state.citizen_in(std::slice::from_ref(agreement), id).expect("one agreement is one realm");
        let is_theirs = |it: &Entry| {
            it.citizen.as_ref() == Some(id) && it.agreements() == std::slice::from_ref(agreement)
        };
        let mut of_citizen = ids(state.of_citizen(&whose).collect());
        of_citizen.sort_unstable();
        assert_eq!(of_citizen, ids(among(&is_theirs)));
        for board in [Board::Phone, Board::Alarms, Board::Discharges, Board::Visits, Board::Duties] {
            let found = ids(state.of_citizen_on(&whose, board).collect());
            assert_eq!(found, ids(among(&|it| it.board() == board && is_theirs(it))));
        }
    }
    let at_rest = |it: &Entry| it.rests_until().is_some();
    assert_eq!(
        state.not_at_rest().map(|it| it.id).collect::<BTreeSet<_>>(),
        among(&|it| !at_rest(it)).iter().map(|it| it.id).collect()
    );
    for entry in &all {
        let found: Vec<_> = state.duties_about(entry.id).map(|(duty, _)| duty.id).collect();
        assert_eq!(
            found,
            ids(among(&|it| matches!(&it.body, Body::Duties(duty) if duty.about == Some(entry.id))))
        );
    }
    let scopes: [&[&str]; 3] = [&["norddjurs"], &["jammerbugt", "norddjurs"], &["albertslund"]];
    for scope in scopes {
        let scope: Vec<AgreementId> = scope.iter().map(|id| agreement_id(id)).collect();
        let is_theirs =
            |it: &Entry| it.agreements().is_empty() || it.agreements().iter().any(|id| scope.contains(id));
        let resting = among(&|it| at_rest(it) && is_theirs(it));
        assert_eq!(state.resting_count(&scope), resting.len());
        let mut nearest: Vec<_> = resting
            .iter()
            .map(|it| (Nearness::of(it.rests_until().unwrap(), it.id, world.now), it.id))
            .collect();
        nearest.sort_unstable();
        let walked: Vec<_> = state.resting_near(&scope, world.now).map(|(near, it)| (near, it.id)).collect();
        assert_eq!(walked, nearest);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_looked_up_is_what_looking_through_everything_finds(steps in steps()) {
        let mut world = World::at(TUESDAY, "norddjurs");
        for step in steps {
            take(&mut world, step);
            check(&world);
        }
        world.replays();
    }

    #[test]
    fn a_desk_that_hears_of_each_change_has_the_order_of_one_that_fetches_the_board(steps in steps()) {
        let mut world = World::at(TUESDAY, "norddjurs");
        let mut replica = Replica::new(board(&world, Vec::new(), 0), world.now);
        for step in steps {
            let before = world.log.len();
            take(&mut world, step);
            replica.tick(world.now);
            tell(&mut replica, &world, &world.log[before..]);
            let fresh = Replica::new(board(&world, shown(&world), 0), world.now);
            let row = |it: &vagttavle::protocol::Entry| (it.id, it.attention.clone());
            prop_assert_eq!(
                replica.worst_first().map(row).collect::<Vec<_>>(),
                fresh.worst_first().map(row).collect::<Vec<_>>()
            );
        }
    }
}

/// A plan of so many visits a minute apart.
fn planned(count: usize) -> World {
    let mut world = World::at(TUESDAY, "norddjurs");
    for n in 0..count {
        let agreed_at = (world.now + Duration::minutes(60 + i64::try_from(n).unwrap())).to_rfc3339();
        let name = format!("v-{n}");
        world.given(TUESDAY, visit_of(&name, &name, Grant::Service, Help::Personal, &agreed_at, None));
    }
    world
}

#[test]
fn a_desk_may_hold_a_part_of_what_is_at_rest_and_asks_for_the_board_when_that_is_over() {
    let mut world = planned(10);
    let mut first = shown(&world);
    let rest = first.split_off(4);
    let mut replica = Replica::new(board(&world, first, 10), world.now);
    assert_eq!((replica.len(), replica.more()), (4, 6));
    let through = |at_rest| {
        StreamItem::Beat(Beat {
            through: world.state.head.0,
            now: world.now,
            rate: 1.0,
            sources: None,
            shift: None,
            notes_waiting: None,
            log: None,
            at_rest,
        })
    };
    assert_eq!(replica.apply(through(Some(10)), world.now), Applied::Old);
    let (beat, full) = (through(None), through(Some(9)));

    // One is asked for and found; one held already stays as the stream told it last.
    let found = |sequence, entries| Found { sequence, entries, more: false, next: None };
    let sequence = world.state.head.0;
    assert!(replica.found(found(sequence, vec![rest[5].clone()]), world.now));
    assert_eq!((replica.len(), replica.more()), (5, 5));
    let before = world.log.len();
    world.given(TUESDAY, visit_expected("v-9", "2026-11-24T12:00:00Z"));
    tell(&mut replica, &world, &world.log[before..]);
    assert_eq!(replica.get(rest[5].id).unwrap().state, world.state_of("v-9"));
    assert!(
        !replica.found(found(sequence, vec![rest[4].clone()]), world.now),
        "older than what was told since"
    );
    assert!(replica.get(rest[4].id).is_none());

    // The nearest are over: others are by now.
    replica.apply(full, world.now);
    for name in ["v-0", "v-1"] {
        let before = world.log.len();
        world.given(TUESDAY, visit_done(name));
        tell(&mut replica, &world, &world.log[before..]);
    }
    replica.through = world.state.head.0;
    assert_eq!(replica.apply(beat.clone(), world.now), Applied::Old, "half of them are left");
    let before = world.log.len();
    world.given(TUESDAY, visit_done("v-2"));
    tell(&mut replica, &world, &world.log[before..]);
    assert_eq!(replica.apply(beat, world.now), Applied::Gap);
}

#[test]
fn a_visit_is_at_rest_until_there_is_something_about_it() {
    let mut world = World::at(TUESDAY, "norddjurs");
    let rests = |world: &World, name: &str| world.of(name).rests_until().is_some();
    for name in ["late", "held", "noted", "linked", "done"] {
        world.given(
            TUESDAY,
            visit_of(name, name, Grant::Service, Help::Personal, "2026-11-24T08:00:00Z", None),
        );
        assert!(rests(&world, name), "{name}");
    }
    let christmas = "2026-12-25T09:00:00Z";
    world.given(TUESDAY, visit_of("cleaning", "c", Grant::Service, Help::Practical, christmas, None));
    world.given(TUESDAY, visit_of("food", "c", Grant::Service, Help::Food, christmas, None));
    assert!(!rests(&world, "cleaning") && rests(&world, "food"), "another day is to be offered");

    let held = world.id_of("held");
    world.does(held, Command::Entry(entry::Command::Claim {}));
    assert!(!rests(&world, "held"));
    world.does(held, Command::Entry(entry::Command::Release {}));
    assert!(rests(&world, "held"));
    let noted = world.id_of("noted");
    world.does(noted, Command::OfServer(entry::OfServer::NoteWritten { receipt: id("r-1") }));
    assert!(!rests(&world, "noted"));
    world.given(
        TUESDAY,
        Observation::StayAdmitted {
            stay: id("s"),
            citizen: Some(citizen("linked")),
            setting: vagttavle::domain::observation::Setting::Inpatient,
            planned: false,
            department: None,
        },
    );
    assert!(!rests(&world, "linked"), "the admission struck it");
    world.until("2026-11-24T07:50:00Z").given("2026-11-24T07:50:00Z", visit_started("done"));
    assert!(rests(&world, "done"), "begun in time");
    world.given("2026-11-24T07:50:00Z", visit_done("done"));
    assert!(!rests(&world, "done"));
    world.until("2026-11-24T08:30:00Z");
    assert!(!rests(&world, "late"));
    check(&world);
}
