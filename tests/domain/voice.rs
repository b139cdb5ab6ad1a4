//! A unit's alarm and the citizen's voice call: the talk stops that press's ring-out, and nothing else.

use vagttavle::domain::entry::{DueKind, Entry};
use vagttavle::domain::identity::SourceName;
use vagttavle::domain::observation::{Matched, Observation};
use vagttavle::domain::{Command, alarms, entry};

use crate::homecare::*;

const PRESSED: &str = "2026-11-24T02:00:00Z";

/// The unit's alarm, and a minute later the citizen's call in a queue of kind alarm.
fn world() -> World {
    let mut world = World::at(PRESSED, "jammerbugt");
    world.given(PRESSED, alarm_raised("a", "c-1"));
    world.until("2026-11-24T02:01:00Z");
    calls(&mut world, "2026-11-24T02:01:00Z");
    world
}

/// What the exchange tells.
fn hear(world: &mut World, at: &str, observation: Observation) {
    world.told_by("central", at, observation).unwrap();
}

/// The call's entry.
fn call(world: &World) -> &Entry {
    world.state.by_origin(&SourceName::new("central").unwrap(), &id("k")).unwrap()
}

/// The citizen's call joins the queue of kind alarm.
fn calls(world: &mut World, at: &str) {
    hear(world, at, Observation::AlarmWaiting { alarm: id("k"), queue: id("noedkald") });
    hear(world, at, Observation::CitizenMatched { of: Matched::Alarm(id("k")), citizen: citizen("c-1") });
}

fn answered() -> Observation {
    Observation::AlarmAnswered { alarm: id("k"), agent: None }
}

fn hung_up() -> Observation {
    Observation::CallEnded { call: id("k") }
}

#[test]
fn an_answered_voice_call_stops_the_ring_out_and_says_that_somebody_talks() {
    let mut world = world();
    world.until("2026-11-24T02:02:00Z");
    hear(&mut world, "2026-11-24T02:02:00Z", answered());
    assert_eq!(world.why("a"), "talking-now");
    assert!(world.of("a").due(DueKind::RingOut).is_none());
    world.until("2026-11-24T02:30:00Z");
    assert_eq!(world.state_of("a"), "answered", "a long talk is no ring-out");
    world.replays();
}

#[test]
fn a_talk_that_ends_without_an_act_lets_the_alarm_ring_anew_and_then_ring_out() {
    let mut world = world();
    hear(&mut world, "2026-11-24T02:01:30Z", answered());
    hear(&mut world, "2026-11-24T02:02:30Z", hung_up());
    assert_eq!(world.why("a"), "talk-over");
    world.until("2026-11-24T02:03:29Z");
    assert_eq!(world.state_of("a"), "answered");
    world.until("2026-11-24T02:03:31Z");
    assert_eq!(world.state_of("a"), "raised");
    world.until("2026-11-24T02:10:00Z");
    assert_eq!(world.state_of("a"), "unanswered", "nobody ever held it");
    world.replays();
}

#[test]
fn an_act_within_the_minute_is_an_act_and_giving_it_back_lets_it_ring() {
    let mut world = world();
    hear(&mut world, "2026-11-24T02:01:30Z", answered());
    hear(&mut world, "2026-11-24T02:02:30Z", hung_up());
    world.does(world.id_of("a"), Command::Entry(entry::Command::Claim {}));
    world.until("2026-11-24T02:04:00Z");
    assert_eq!(world.state_of("a"), "claimed");
    world.does(world.id_of("a"), Command::Entry(entry::Command::Release {}));
    assert_eq!(world.state_of("a"), "raised");
    assert!(world.of("a").due(DueKind::RingOut).is_some());
}

#[test]
fn a_press_after_the_talk_is_a_new_signal() {
    let mut world = world();
    hear(&mut world, "2026-11-24T02:01:30Z", answered());
    world.until("2026-11-24T02:02:00Z");
    world.given("2026-11-24T02:02:00Z", alarm_raised("a-again", "c-1"));
    assert_eq!(world.state_of("a"), "raised");
    assert!(world.of("a").due(DueKind::RingOut).is_some());
}

#[test]
fn a_claim_of_the_alarm_ends_no_call() {
    let mut world = world();
    world.does(world.id_of("a"), Command::Entry(entry::Command::Claim {}));
    assert_eq!(call(&world).state(), "raised", "it still waits");
    assert!(call(&world).is_open());
    world.does(world.id_of("a"), Command::Alarms(alarms::Command::Close { outcome: word("helped") }));
    assert_eq!(call(&world).state(), "raised");
}

#[test]
fn a_call_six_minutes_later_is_another_matter() {
    let mut world = World::at(PRESSED, "jammerbugt");
    world.given(PRESSED, alarm_raised("a", "c-1"));
    world.does(world.id_of("a"), Command::Entry(entry::Command::Claim {}));
    world.until("2026-11-24T02:06:00Z");
    calls(&mut world, "2026-11-24T02:06:00Z");
    hear(&mut world, "2026-11-24T02:06:10Z", answered());
    assert!(world.of("a").links.iter().all(|link| link.why.name() != "voice-call"));
}
