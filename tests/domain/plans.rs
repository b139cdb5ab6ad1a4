//! Plans of many visits: what is looked up is what looking through everything would find, and the work does not grow
//! with what is not concerned.

use std::collections::BTreeSet;

use chrono::Duration;
use proptest::prelude::*;
use vagttavle::domain::Command;
use vagttavle::domain::entry::{self, Body, Entry};
use vagttavle::domain::identity::{AgreementId, Board};
use vagttavle::domain::index::Nearness;
use vagttavle::domain::observation::{CancelledBy, Grant, Help, Matched, Observation};

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
        1 => call().prop_map(|it| Observation::CallWaiting { call: id(&it), queue: id("doegnvagt") }),
        1 => call().prop_map(|it| Observation::CallEnded { call: id(&it) }),
        1 => (call(), whose()).prop_map(|(it, whose)| Observation::CitizenMatched {
            of: Matched::Call(id(&it)),
            citizen: citizen(&whose)
        }),
    ]
}

fn commands() -> impl Strategy<Value = Command> {
    prop::sample::select(vec![
        Command::Entry(entry::Command::Claim),
        Command::Entry(entry::Command::Release),
        Command::Entry(entry::Command::NoteWritten { receipt: id("r-1") }),
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

/// Every question that an index answers, answered by looking through all that is open.
fn check(world: &World) {
    let state = &world.state;
    assert!(state.is_indexed());
    let all: Vec<&Entry> = state.open_entries().collect();
    let ids = |found: Vec<&Entry>| found.iter().map(|entry| entry.id).collect::<Vec<_>>();
    let among =
        |is_it: &dyn Fn(&Entry) -> bool| all.iter().copied().filter(|entry| is_it(entry)).collect::<Vec<_>>();
    for whose in ["c-1", "c-2", "c-3", "c-4"].map(citizen) {
        let mut of_citizen = ids(state.of_citizen(&whose).collect());
        of_citizen.sort_unstable();
        assert_eq!(of_citizen, ids(among(&|it| it.citizen.as_ref() == Some(&whose))));
        for board in [Board::Phone, Board::Alarms, Board::Discharges, Board::Visits, Board::Duties] {
            let found = ids(state.of_citizen_on(&whose, board).collect());
            assert_eq!(found, ids(among(&|it| it.board() == board && it.citizen.as_ref() == Some(&whose))));
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
            ids(among(&|it| matches!(&it.body, Body::Duty(duty) if duty.about == Some(entry.id))))
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
    world.does(held, Command::Entry(entry::Command::Claim));
    assert!(!rests(&world, "held"));
    world.does(held, Command::Entry(entry::Command::Release));
    assert!(rests(&world, "held"));
    let noted = world.id_of("noted");
    world.does(noted, Command::Entry(entry::Command::NoteWritten { receipt: id("r-1") }));
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
