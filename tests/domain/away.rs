//! What our own people say of where a citizen is: dead, taken to hospital, at home after all; and taking it back.

use vagttavle::domain::agreement::Matter;
use vagttavle::domain::duties::DutyKind;
use vagttavle::domain::entry::{Body, DueKind, Entry};
use vagttavle::domain::identity::EntryId;
use vagttavle::domain::observation::{Help, Matched, Observation};
use vagttavle::domain::{Command, alarms, discharges};
use vagttavle::protocol::project;

use crate::homecare::*;

/// A Saturday night in Copenhagen (UTC+1): 23:10.
const NIGHT: &str = "2026-11-21T22:10:00Z";
const MORNING: &str = "2026-11-22T06:30:00Z";
const SEVEN: &str = "2026-11-22T06:00:00Z";

/// Two visits planned for tomorrow, and the citizen's alarm rings.
fn world(agreement: &str) -> World {
    let mut world = World::at("2026-11-21T22:00:00Z", agreement);
    world.given("2026-11-21T12:00:00Z", visit("v1", Help::Personal, MORNING));
    world.given("2026-11-21T12:00:00Z", visit("v2", Help::Food, "2026-11-22T11:00:00Z"));
    world.given("2026-11-21T22:00:00Z", alarm_raised("a", CITIZEN));
    world.until(NIGHT);
    world
}

const CITIZEN: &str = "c-1";

fn matched(alarm: &str, whose: &str) -> Observation {
    Observation::CitizenMatched { of: Matched::Alarm(id(alarm)), citizen: citizen(whose) }
}

fn alarm_of_nobody(alarm: &str) -> Observation {
    Observation::AlarmRaised {
        alarm: id(alarm),
        device: Some(id("device-of-nobody")),
        citizen: None,
        trigger: None,
        technical: false,
        test: false,
    }
}

fn still_there() -> Command {
    Command::Discharges(discharges::Command::StillThere {})
}

fn close(outcome: alarms::Outcome) -> Command {
    Command::Alarms(alarms::Command::Close { outcome })
}

fn ends(world: &mut World, alarm: &str, outcome: alarms::Outcome) {
    world.does(world.id_of(alarm), close(outcome));
}

fn takes_back(world: &mut World, alarm: &str) {
    world.does(world.id_of(alarm), correct("outcome"));
}

fn stays(world: &World) -> Vec<(&Entry, &discharges::Stay)> {
    let all = world.state.open_entries();
    all.filter_map(|entry| match &entry.body {
        Body::Discharges(stay) => Some((entry, stay)),
        _ => None,
    })
    .collect()
}

fn the_stay(world: &World) -> EntryId {
    let stays = stays(world);
    assert_eq!(stays.len(), 1, "one stay: {stays:?}");
    stays[0].0.id
}

fn why(world: &World, stay: EntryId) -> String {
    let entry = world.state.entry(stay).unwrap();
    project::entry(&world.state, entry, world.now).attention.why.to_string()
}

fn halted(world: &World, visit: &str) -> Option<&'static str> {
    world.visit(visit).halted.map(|halt| halt.name())
}

fn notices(world: &World, kind: DutyKind) -> Vec<(Option<Matter>, Option<EntryId>)> {
    let of = |entry: &&Entry| match &entry.body {
        Body::Duties(duty) => Some((duty.matter, duty.about)),
        _ => None,
    };
    world.duties(kind).iter().filter_map(of).collect()
}

#[test]
fn an_alarm_that_ends_in_hospital_halts_the_visits_and_is_told_of() {
    let mut world = world("jammerbugt");
    ends(&mut world, "a", alarms::Outcome::TakenToHospital);
    let stay = the_stay(&world);
    assert_eq!(world.state.entry(stay).unwrap().state(), "admitted");
    assert_eq!([halted(&world, "v1"), halted(&world, "v2")], [Some("in-hospital"); 2]);
    assert_eq!(notices(&world, DutyKind::ImmediateNotice), [(Some(Matter::Admission), Some(stay))]);
    assert!(world.are_linked(world.id_of("a"), stay));
    world.until("2026-11-22T08:00:00Z");
    assert_eq!(halted(&world, "v1"), Some("in-hospital"), "nobody is late");
    world.replays();
}

#[test]
fn an_alarm_that_ends_in_death_halts_the_visits_until_somebody_confirms() {
    let mut world = world("jammerbugt");
    ends(&mut world, "a", alarms::Outcome::Deceased);
    let stay = the_stay(&world);
    assert_eq!(world.state.entry(stay).unwrap().state(), "dead");
    assert_eq!([halted(&world, "v1"), halted(&world, "v2")], [Some("dead"); 2]);
    assert_eq!(notices(&world, DutyKind::ImmediateNotice), [(Some(Matter::Death), Some(stay))]);
    world.does(stay, stop("dead"));
    assert!(stays(&world).is_empty(), "final once it is confirmed");
    world.replays();
}

#[test]
fn taken_back_it_is_all_taken_back() {
    for outcome in [alarms::Outcome::TakenToHospital, alarms::Outcome::Deceased] {
        let mut world = world("jammerbugt");
        ends(&mut world, "a", outcome);
        takes_back(&mut world, "a");
        assert!(stays(&world).is_empty(), "{outcome:?}: there is no stay");
        assert_eq!([halted(&world, "v1"), halted(&world, "v2")], [None, None], "{outcome:?}");
        assert_eq!(notices(&world, DutyKind::ImmediateNotice), [], "{outcome:?}: nothing to tell");
        assert_eq!(notices(&world, DutyKind::NoticeTakenBack), [], "{outcome:?}: nobody was told");
        // It may be said anew, and otherwise.
        world.until("2026-11-21T22:20:00Z");
        ends(&mut world, "a", alarms::Outcome::Deceased);
        assert_eq!(halted(&world, "v1"), Some("dead"));
        world.replays();
    }
}

#[test]
fn what_the_municipality_was_told_by_then_is_taken_back_as_well() {
    let mut world = world("jammerbugt");
    ends(&mut world, "a", alarms::Outcome::Deceased);
    let notice = world.duties(DutyKind::ImmediateNotice)[0].id;
    world.does(notice, told("assessors"));
    takes_back(&mut world, "a");
    let back = notices(&world, DutyKind::NoticeTakenBack);
    assert_eq!(back.iter().map(|(matter, _)| *matter).collect::<Vec<_>>(), [Some(Matter::Death)]);
    world.replays();
}

#[test]
fn what_a_hospital_says_as_well_is_not_taken_back_with_it() {
    for (outcome, fact) in
        [(alarms::Outcome::TakenToHospital, admitted("s")), (alarms::Outcome::Deceased, died("s"))]
    {
        for told_at in ["2026-11-21T22:05:00Z", "2026-11-21T22:40:00Z"] {
            let mut world = world("jammerbugt");
            ends(&mut world, "a", outcome);
            world.until("2026-11-21T23:00:00Z");
            world.given(told_at, fact.clone());
            let stay = the_stay(&world);
            assert_eq!(stay, world.id_of("s"), "the hospital speaks of the same stay");
            takes_back(&mut world, "a");
            assert_eq!(the_stay(&world), stay, "{outcome:?} {told_at}");
            assert!(halted(&world, "v1").is_some(), "{outcome:?} {told_at}");
        }
    }
}

#[test]
fn a_word_of_ours_goes_on_in_the_stay_that_is_there() {
    let mut world = world("norddjurs");
    world.given("2026-11-20T10:00:00Z", admitted("s"));
    world.given("2026-11-21T09:00:00Z", discharged("s"));
    ends(&mut world, "a", alarms::Outcome::TakenToHospital);
    assert_eq!(the_stay(&world), world.id_of("s"));
    assert_eq!(world.state_of("s"), "admitted");
    takes_back(&mut world, "a");
    assert_eq!(world.state_of("s"), "discharged", "as the hospital said");
}

#[test]
fn without_a_hospitals_word_it_is_asked_each_morning() {
    let mut world = world("jammerbugt");
    ends(&mut world, "a", alarms::Outcome::TakenToHospital);
    let stay = the_stay(&world);
    let asked = |world: &World| world.state.entry(stay).unwrap().due(DueKind::StillThere).map(|due| due.at);
    assert_eq!(asked(&world), Some(at(SEVEN)));
    world.until("2026-11-22T06:10:00Z");
    assert_eq!(why(&world, stay), "still-away");
    world.does(stay, still_there());
    assert_eq!(asked(&world), Some(at("2026-11-23T06:00:00Z")), "and daily");
    // A hospital that speaks is believed for longer.
    world.given("2026-11-22T05:00:00Z", admitted("s"));
    assert_eq!(asked(&world), Some(at("2026-11-24T06:10:00Z")));
}

#[test]
fn home_at_five_from_the_emergency_room_is_one_key() {
    let mut world = world("jammerbugt");
    ends(&mut world, "a", alarms::Outcome::TakenToHospital);
    let stay = the_stay(&world);
    world.until("2026-11-22T06:05:00Z");
    world.does(stay, resume());
    assert!(stays(&world).is_empty());
    assert_eq!([halted(&world, "v1"), halted(&world, "v2")], [None, None]);
    world.replays();
}

#[test]
fn whatever_shows_the_citizen_at_home_brings_the_visits_back() {
    let later = "2026-11-22T06:40:00Z";
    type Happens = fn(&mut World);
    let shows: [(&str, Happens); 3] = [
        ("a visit is begun", |world| {
            world.given("2026-11-22T06:35:00Z", visit_started("v1"));
        }),
        ("a door is opened", |world| {
            world.given("2026-11-22T06:35:00Z", door_unanswered("v1"));
            world.does(world.id_of("v1"), door_outcome("let-in"));
        }),
        ("an alarm of the morning is helped", |world| {
            world.given("2026-11-22T06:35:00Z", alarm_raised("b", CITIZEN));
            ends(world, "b", alarms::Outcome::Helped);
        }),
    ];
    for (what, happens) in shows {
        let mut world = world("jammerbugt");
        ends(&mut world, "a", alarms::Outcome::TakenToHospital);
        world.until(later);
        happens(&mut world);
        assert!(stays(&world).is_empty(), "{what}");
        assert_eq!(halted(&world, "v2"), None, "{what}");
        world.replays();
    }
}

#[test]
fn what_was_before_the_ambulance_shows_nothing() {
    let mut world = world("jammerbugt");
    world.given("2026-11-21T22:04:00Z", alarm_raised("b", CITIZEN));
    ends(&mut world, "a", alarms::Outcome::TakenToHospital);
    ends(&mut world, "b", alarms::Outcome::Helped);
    assert_eq!(halted(&world, "v1"), Some("in-hospital"), "two presses of one fall");
}

#[test]
fn a_hospitals_word_beats_what_we_see() {
    let mut world = world("jammerbugt");
    world.given("2026-11-21T10:00:00Z", admitted("s"));
    world.until(MORNING);
    world.given("2026-11-22T06:30:00Z", visit_started("v1"));
    assert_eq!(world.state_of("s"), "admitted");
    assert_eq!(halted(&world, "v2"), Some("in-hospital"));
}

#[test]
fn a_door_says_it_too_and_a_notice() {
    for (outcome, halt) in [("in-hospital", "in-hospital"), ("deceased", "dead")] {
        let mut world = world("norddjurs");
        world.until("2026-11-22T06:40:00Z");
        world.given("2026-11-22T06:35:00Z", door_unanswered("v1"));
        world.does(world.id_of("v1"), door_outcome(outcome));
        the_stay(&world);
        assert_eq!(halted(&world, "v2"), Some(halt));
        world.does(world.id_of("v1"), correct("door"));
        assert_eq!(halted(&world, "v2"), None);
        assert!(stays(&world).is_empty());
    }
    for (what, halt) in [("admission", "in-hospital"), ("death", "dead")] {
        let mut world = world("jammerbugt");
        world.does(world.id_of("a"), notify(what));
        let stay = the_stay(&world);
        assert_eq!(halted(&world, "v2"), Some(halt));
        let told = notices(&world, DutyKind::ImmediateNotice);
        assert_eq!(told.len(), 1, "told of once: {told:?}");
        assert_eq!(told[0].1, Some(stay));
        let notice = world.duties(DutyKind::ImmediateNotice)[0].id;
        world.does(notice, correct("notice"));
        assert_eq!(halted(&world, "v2"), None);
        assert!(stays(&world).is_empty());
        world.replays();
    }
}

#[test]
fn of_somebody_whom_nobody_knows_the_municipality_is_told() {
    let mut world = World::at("2026-11-21T22:00:00Z", "jammerbugt");
    world.given("2026-11-21T22:00:00Z", alarm_of_nobody("a"));
    world.until(NIGHT);
    ends(&mut world, "a", alarms::Outcome::Deceased);
    let alarm = world.id_of("a");
    assert_eq!(notices(&world, DutyKind::ImmediateNotice), [(Some(Matter::Death), Some(alarm))]);
    assert!(stays(&world).is_empty());
    takes_back(&mut world, "a");
    assert_eq!(notices(&world, DutyKind::ImmediateNotice), []);
}

#[test]
fn who_it_was_may_be_known_only_later() {
    let mut world = world("jammerbugt");
    world.given("2026-11-21T22:06:00Z", alarm_of_nobody("b"));
    ends(&mut world, "b", alarms::Outcome::TakenToHospital);
    let alarm = world.id_of("b");
    assert_eq!(notices(&world, DutyKind::ImmediateNotice), [(Some(Matter::Admission), Some(alarm))]);
    world.given(NIGHT, matched("b", CITIZEN));
    let stay = the_stay(&world);
    assert_eq!(halted(&world, "v1"), Some("in-hospital"));
    assert_eq!(notices(&world, DutyKind::ImmediateNotice), [(Some(Matter::Admission), Some(stay))]);
}
