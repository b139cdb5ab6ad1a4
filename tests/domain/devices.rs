//! Devices that live, fall silent and come back.

use vagttavle::domain::Refusal;
use vagttavle::domain::devices::is_silence_of;
use vagttavle::domain::entry::Body;
use vagttavle::domain::identity::SourceName;
use vagttavle::domain::observation::{Ends, Observation};

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
    assert!(is_joined(None, 0) && is_joined(None, 300));
    assert!(!is_joined(None, 301), "nobody told it to call");
    // It asks again within 20 seconds, hears that somebody has its alarm, and calls within 60.
    assert!(is_joined(Some(320), 400) && !is_joined(Some(320), 401));
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

/// A technical alarm of a device, by what it is about.
fn trouble(device: &str, what: &str) -> Observation {
    Observation::AlarmRaised {
        alarm: id(&format!("{device}/{what}")),
        device: Some(id(device)),
        citizen: None,
        trigger: Some(code(what)),
        technical: true,
        test: false,
    }
}

fn well(device: &str, ends: Ends) -> Observation {
    Observation::DeviceWell { device: id(device), ends }
}

/// The open alarms, by what they are about.
fn open(world: &World) -> Vec<String> {
    let mut open: Vec<String> = world
        .state
        .open_entries()
        .filter_map(|entry| entry.origin.as_ref().map(|origin| origin.id.to_string()))
        .collect();
    open.sort_unstable();
    open
}

#[test]
fn a_device_that_is_well_ends_its_own_technical_trouble_and_nothing_else() {
    let mut world = World::new();
    // One after the other at once: they are two troubles and not one with two signals.
    for what in ["mains-lost", "battery", "link-lost"] {
        world.tells("scaip", trouble("700", what)).unwrap();
    }
    world.tells("scaip", trouble("800", "mains-lost")).unwrap();
    world.tells("scaip", alarm_of("700/press", Some("700"), false, false)).unwrap();
    world.tells("scaip", alarm_of("700/try", Some("700"), false, true)).unwrap();
    world.tells("scaip", silent("700")).unwrap();

    world.tells("scaip", well("700", Ends::Mains)).unwrap();
    let of_700 = |world: &World| open(world).into_iter().filter(|it| it.contains("700/")).collect::<Vec<_>>();
    assert_eq!(of_700(&world), ["700/battery", "700/link-lost", "700/press", "700/try"]);
    world.tells("scaip", well("700", Ends::Link)).unwrap();
    assert_eq!(of_700(&world), ["700/battery", "700/press", "700/try"]);
    assert!(
        !open(&world).iter().any(|it| it.starts_with("device-silent")),
        "its link is back: it is not silent"
    );
    world.tells("scaip", well("700", Ends::All)).unwrap();
    assert_eq!(of_700(&world), ["700/press", "700/try"]);
    assert!(open(&world).contains(&"800/mains-lost".to_owned()));
    let press = world.entry(world.of_source("scaip", "700/press"));
    assert_eq!((press.state(), press.version), ("raised", 1), "nothing was done to a person's alarm");
    for ends in [Ends::Mains, Ends::Link, Ends::All] {
        assert_eq!(world.tells("scaip", well("700", ends)), Err(Refusal::Unchanged), "no row of its own");
    }
    assert!(world.replayed() == world.state);
}

#[test]
fn a_device_that_was_well_before_it_fell_ill_is_ill() {
    let mut world = World::new();
    world.tells("scaip", trouble("700", "mains-lost")).unwrap();
    let told = world.tells_of("scaip", at("2026-11-21T00:00:00Z"), well("700", Ends::All));
    assert_eq!(told, Err(Refusal::Unchanged));
}

#[test]
fn presence_is_a_mark_on_what_rings_and_opens_nothing() {
    let mut world = World::new();
    let here = || Observation::DevicePresence { device: id("700") };
    assert_eq!(world.tells("scaip", here()), Err(Refusal::Unchanged));
    world.tells("scaip", trouble("700", "battery")).unwrap();
    assert_eq!(world.tells("scaip", here()), Err(Refusal::Unchanged));
    world.tells("scaip", alarm_of("700/press", Some("700"), false, false)).unwrap();
    world.tells("scaip", here()).unwrap();
    assert_eq!(world.tells("scaip", here()), Err(Refusal::Unchanged), "once an alarm");
    let press = world.entry(world.of_source("scaip", "700/press"));
    let Body::Alarms(alarm) = &press.body else { panic!("an alarm") };
    assert_eq!((press.state(), alarm.presence_at), ("raised", Some(world.now)));
    assert!(world.replayed() == world.state);
}
