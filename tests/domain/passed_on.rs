//! A colleague waits in a queue of kind alarm on a citizen's behalf and passes the citizen on: one story, the citizen's.

use chrono::Duration;
use vagttavle::domain::Refusal;
use vagttavle::domain::entry::{Body, DueKind};
use vagttavle::domain::identity::EntryId;
use vagttavle::domain::observation::Observation;

use crate::support::*;

/// The colleague's call has waited for so many seconds; then the citizen's waits in its place. Not yet told: for whom.
fn consulted(seconds: i64) -> (World, EntryId, EntryId) {
    let mut world = World::new();
    world.given(waits("colleague"));
    world.pass_seconds(seconds);
    world.given(waits("citizen"));
    let (from, to) = (world.of("colleague"), world.of("citizen"));
    (world, from, to)
}

fn waits(call: &str) -> Observation {
    Observation::AlarmWaiting { alarm: id(call), queue: id("noedkald") }
}

fn passed_on() -> Observation {
    Observation::CallPassedOn { call: id("colleague"), to: id("citizen") }
}

fn owes(world: &World, alarm: EntryId) -> bool {
    world.due(alarm, DueKind::Justification).is_some()
}

/// How many alarms ring, or have rung out without anybody.
fn waiting(world: &World) -> usize {
    let waits = |body: &Body| matches!(body, Body::Alarms(alarm) if alarm.waits_for_somebody());
    world.state.open_entries().filter(|it| waits(&it.body)).count()
}

#[test]
fn the_citizen_waits_since_the_colleague_does_and_rings_out_when_that_would_have() {
    let (mut world, from, to) = consulted(100);
    assert_eq!(waiting(&world), 2, "both, until it is told that they are one");
    let began_at = world.now - Duration::seconds(100);
    world.given(passed_on());
    assert_eq!((world.state_of(from), world.state_of(to)), ("closed", "raised"));
    assert!(!world.state.entry(from).unwrap().is_open());
    assert_eq!(world.state.entry(to).unwrap().opened_at, began_at);
    assert_eq!(world.due(to, DueKind::RingOut), Some(began_at + Duration::seconds(180)));
    let links = |one: EntryId| world.state.entry(one).unwrap().links.clone();
    assert_eq!((links(from)[0].to, links(to)[0].to), (to, from));
    // Told again, and what would have been the end of the colleague's wait: nothing new.
    assert_eq!(world.tells("central", passed_on()), Err(Refusal::Unchanged));
    world.pass_seconds(3);
    let lost = Observation::AlarmUnanswered { alarm: id("colleague") };
    assert_eq!(world.tells("central", lost), Err(Refusal::Unchanged));
    assert_eq!(waiting(&world), 1);
    world.pass_seconds(77);
    assert_eq!(world.state_of(to), "unanswered");
    assert_eq!((owes(&world, from), owes(&world, to)), (false, true));
    assert_eq!(world.replayed(), world.state);
}

#[test]
fn what_the_colleagues_wait_came_to_owe_is_the_citizens() {
    let (mut world, from, to) = consulted(200);
    assert_eq!((owes(&world, from), owes(&world, to)), (true, false));
    let due = world.due(from, DueKind::Justification);
    world.given(passed_on());
    assert_eq!((owes(&world, from), owes(&world, to)), (false, true));
    assert_eq!(
        world.due(to, DueKind::Justification),
        due,
        "since the citizen, through the colleague, waited"
    );
    assert_eq!((world.state_of(to), waiting(&world)), ("unanswered", 1));
    assert!(!world.state.entry(from).unwrap().is_open());
    // The log is read, and tells that the first wait was in vain before it was passed on.
    let (then, lost) =
        (world.now - Duration::seconds(20), Observation::AlarmUnanswered { alarm: id("colleague") });
    assert_eq!(world.tells_of("central", then, lost), Err(Refusal::Unchanged));
    assert!(!owes(&world, from));
    assert_eq!(world.replayed(), world.state);
}

#[test]
fn a_citizen_who_was_answered_before_it_is_told_stays_answered() {
    let (mut world, from, to) = consulted(100);
    world.given(alarm_answered("citizen", None)).given(passed_on());
    assert_eq!((world.state_of(from), world.state_of(to)), ("closed", "answered"));
    assert_eq!(world.due(to, DueKind::RingOut), None);
    world.pass_minutes(10);
    assert_eq!((world.state_of(to), owes(&world, from) || owes(&world, to)), ("answered", false));
}

#[test]
fn one_that_somebody_has_is_left_to_them() {
    let (mut world, from, to) = consulted(100);
    world.does("anna", from, claim()).given(passed_on());
    assert_eq!((world.state_of(from), world.state_of(to)), ("claimed", "raised"));
    assert_eq!(world.state.entry(from).unwrap().links[0].to, to);
}

#[test]
fn where_it_is_not_known_who_waits_in_its_place_nothing_ends() {
    let mut world = World::new();
    world.given(waits("colleague"));
    assert_eq!(world.tells("central", passed_on()), Err(Refusal::Unchanged));
    assert_eq!(waiting(&world), 1);
    // Nor where that is another municipality's.
    let mut world = world.within(&["norddjurs"]);
    world.given(waits("citizen"));
    assert_eq!(world.tells("central", passed_on()), Err(Refusal::Unchanged));
    assert_eq!(waiting(&world), 2);
    assert!(world.state.open_entries().all(|it| it.links.is_empty()));
}

#[test]
fn in_a_phone_queue_whoever_passes_a_call_on_is_not_rung_back() {
    let mut world = World::new();
    world.given(call_waiting("colleague")).pass_seconds(5).given(call_waiting("citizen")).given(passed_on());
    world.given(call_missed("colleague", vagttavle::domain::observation::MissedReason::HungUp));
    let (from, to) = (world.of("colleague"), world.of("citizen"));
    assert_eq!((world.state_of(from), world.state_of(to)), ("colleague", "waiting"));
    assert!(!world.state.entry(from).unwrap().is_open());
    assert_eq!(world.state.entry(to).unwrap().links[0].to, from);
}
