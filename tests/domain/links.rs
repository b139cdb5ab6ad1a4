//! Entries of the same citizen know each other, and of different citizens never.

use vagttavle::domain::observation::{Help, Matched, Observation};

use crate::homecare::*;

/// A Tuesday, 07:00 in Copenhagen.
const TUESDAY: &str = "2026-11-24T06:00:00Z";

fn world() -> World {
    World::at(TUESDAY, "norddjurs")
}

/// A missed call that turns out to be this citizen's.
fn call_of(world: &mut World, call: &str, whose: &str) {
    world
        .given(TUESDAY, Observation::CallWaiting { call: id(call), queue: id("doegnvagt"), colleague: false })
        .given(TUESDAY, Observation::CitizenMatched { of: Matched::Call(id(call)), citizen: citizen(whose) });
}

#[test]
fn an_admission_and_todays_visits() {
    let mut world = world();
    world
        .given(TUESDAY, visit("today", Help::Personal, "2026-11-24T08:00:00Z"))
        .given(TUESDAY, visit("tomorrow", Help::Personal, "2026-11-25T08:00:00Z"))
        .given(TUESDAY, admitted("s"));
    assert!(world.are_linked(world.id_of("s"), world.id_of("today")));
    assert!(!world.are_linked(world.id_of("s"), world.id_of("tomorrow")));
    // Also the one planned after it.
    world.given(TUESDAY, visit("later", Help::Food, "2026-11-24T11:00:00Z"));
    assert!(world.are_linked(world.id_of("s"), world.id_of("later")));
    world.replays();
}

#[test]
fn a_death_and_everything_open() {
    let mut world = world();
    call_of(&mut world, "k", "c-1");
    world
        .given(TUESDAY, alarm_raised("a", "c-1"))
        .given(TUESDAY, visit("tomorrow", Help::Personal, "2026-11-25T08:00:00Z"))
        .given(TUESDAY, alarm_raised("other", "c-2"))
        .given(TUESDAY, died("s"));
    for name in ["k", "a", "tomorrow"] {
        assert!(world.are_linked(world.id_of("s"), world.id_of(name)), "{name}");
    }
    assert!(!world.are_linked(world.id_of("s"), world.id_of("other")));
}

#[test]
fn a_late_visit_and_the_citizens_call() {
    let mut world = world();
    world.given(TUESDAY, visit("v", Help::Personal, "2026-11-24T08:00:00Z"));
    call_of(&mut world, "k", "c-1");
    assert!(
        !world.are_linked(world.id_of("v"), world.id_of("k")),
        "as planned, there is nothing to ring about"
    );
    world.until("2026-11-24T08:30:00Z");
    assert_eq!(world.state_of("v"), "late");
    assert!(world.are_linked(world.id_of("v"), world.id_of("k")));
    // And the other way round: the call comes when it is late already.
    call_of(&mut world, "k2", "c-1");
    assert!(world.are_linked(world.id_of("v"), world.id_of("k2")));
}

#[test]
fn a_call_and_an_alarm_and_a_stay() {
    let mut world = world();
    world.given(TUESDAY, alarm_raised("a", "c-1"));
    call_of(&mut world, "k", "c-1");
    world.given(TUESDAY, admitted("s"));
    for (one, other) in [("a", "k"), ("a", "s"), ("k", "s")] {
        assert!(world.are_linked(world.id_of(one), world.id_of(other)), "{one} {other}");
    }
}

#[test]
fn a_stay_whose_citizen_becomes_known_later() {
    let mut world = world();
    world.given(TUESDAY, visit("v", Help::Personal, "2026-11-24T08:00:00Z"));
    world.given(
        TUESDAY,
        Observation::StayAdmitted {
            stay: id("s"),
            citizen: None,
            setting: vagttavle::domain::observation::Setting::Inpatient,
            planned: false,
            department: None,
        },
    );
    assert!(!world.are_linked(world.id_of("s"), world.id_of("v")));
    assert_eq!(world.visit("v").halted, None);
    world.given(TUESDAY, Observation::CitizenMatched { of: Matched::Stay(id("s")), citizen: citizen("c-1") });
    assert!(world.are_linked(world.id_of("s"), world.id_of("v")));
    assert!(world.visit("v").halted.is_some(), "and the visits stand still");
}

#[test]
fn what_is_over_is_not_joined_any_more() {
    let mut world = world();
    world.given(TUESDAY, visit("v", Help::Personal, "2026-11-24T05:30:00Z")).given(TUESDAY, visit_done("v"));
    world.given(TUESDAY, admitted("s"));
    assert!(!world.are_linked(world.id_of("s"), world.id_of("v")));
}

#[test]
fn an_alarm_whose_citizen_comes_with_a_later_fact() {
    let mut world = world();
    world.given(TUESDAY, admitted("s"));
    world.given(TUESDAY, Observation::AlarmAnswered { alarm: id("a"), agent: None });
    assert!(!world.are_linked(world.id_of("s"), world.id_of("a")));
    world.given(TUESDAY, alarm_raised("a", "c-1"));
    assert!(world.are_linked(world.id_of("s"), world.id_of("a")));
}
