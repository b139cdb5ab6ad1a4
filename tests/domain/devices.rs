//! Devices that live, fall silent and come back.

use vagttavle::domain::Refusal;
use vagttavle::domain::devices::is_silence_of;
use vagttavle::domain::identity::SourceName;
use vagttavle::domain::observation::Observation;

use vagttavle::domain::identity::EntryId;

use crate::support::*;

fn heard(device: &str) -> Observation {
    Observation::DeviceHeard { device: id(device) }
}

fn silent(device: &str) -> Observation {
    Observation::DeviceSilent { device: id(device) }
}

fn known(world: &World, source: &str, since: &str) -> Vec<String> {
    let source = SourceName::new(source).unwrap();
    world.state.devices_of(&source, at(since)).map(ToString::to_string).collect()
}

#[test]
fn a_device_that_lives_is_noted_once_a_local_day_and_each_source_has_its_own() {
    let mut world = World::new();
    world.tells("scaip", heard("700")).unwrap();
    assert_eq!(world.tells("scaip", heard("700")), Err(Refusal::Unchanged));
    world.tells("other", heard("800")).unwrap();
    assert_eq!(known(&world, "scaip", NIGHT), ["700"]);
    assert_eq!(known(&world, "scaip", "2026-11-22T02:00:01Z"), [""; 0]);
    // 03:00 in Copenhagen: the next local day begins at 23:00 UTC.
    world.now = at("2026-11-22T22:59:00Z");
    assert_eq!(world.tells("scaip", heard("700")), Err(Refusal::Unchanged));
    world.now = at("2026-11-22T23:00:00Z");
    world.tells("scaip", heard("700")).unwrap();
    assert!(world.replayed() == world.state);
}

#[test]
fn a_silence_is_a_technical_alarm_and_being_heard_is_a_remark_on_it() {
    let mut world = World::new();
    world.tells("scaip", heard("700")).unwrap();
    world.tells("scaip", silent("700")).unwrap();
    let is_silent = |world: &World| world.state.open_entries().any(|it| is_silence_of(it, &id("700")));
    assert!(is_silent(&world));
    world.tells("scaip", heard("700")).unwrap();
    assert!(!is_silent(&world), "noted today, but not silent any more");
    assert_eq!(world.state.open_entries().count(), 1, "a person closes it");
    assert!(world.replayed() == world.state);
}

/// An alarm of a device, and after so many seconds a call with its number; whether they know each other.
fn is_joined(claim_after: Option<i64>, call_after: i64) -> bool {
    let mut world = World::new();
    let start = world.now;
    world.tells("scaip", alarm_of("700/r1", Some("700"), false, false)).unwrap();
    let alarm: EntryId = world.of_source("scaip", "700/r1");
    if let Some(seconds) = claim_after {
        world.now = start + chrono::TimeDelta::seconds(seconds);
        world.does("anna", alarm, claim());
    }
    world.now = start + chrono::TimeDelta::seconds(call_after);
    world.same_number = vec![alarm];
    world.tells("central", call_waiting("1.4")).unwrap();
    let call = world.of_source("central", "1.4");
    let knows = |one, other| world.state.entry(one).unwrap().links.iter().any(|link| link.to == other);
    assert_eq!(knows(alarm, call), knows(call, alarm));
    assert!(world.replayed() == world.state);
    knows(alarm, call)
}

#[test]
fn a_voice_call_is_joined_while_the_device_would_call() {
    assert!(is_joined(None, 0) && is_joined(None, 60));
    assert!(!is_joined(None, 61), "nobody told it to call");
    // It asks again within 20 seconds, hears that somebody has its alarm, and calls within 60.
    assert!(is_joined(Some(120), 200) && !is_joined(Some(120), 201));
}

#[test]
fn the_same_number_at_the_same_source_is_no_voice_call_nor_is_one_of_a_technical_alarm() {
    let mut world = World::new();
    world.tells("central", alarm_of("1.4", None, false, false)).unwrap();
    world.tells("scaip", alarm_of("700/b", Some("700"), true, false)).unwrap();
    world.same_number = vec![world.of_source("central", "1.4"), world.of_source("scaip", "700/b")];
    world.tells("central", call_waiting("1.5")).unwrap();
    assert!(world.state.entry(world.of_source("central", "1.5")).unwrap().links.is_empty());
}
