//! The replica rule: gap, old, stale, unstored, closing.

use chrono::Duration;
use vagttavle::domain::identity::EntryId;
use vagttavle::protocol::stream::{Beat, Recorded};
use vagttavle::protocol::sync::{Applied, Replica};
use vagttavle::protocol::{BoardSnapshot, Entry, StreamItem, project};

use crate::support::*;

fn shown(world: &World, entry: EntryId) -> Entry {
    project::entry(&world.state, world.entry(entry), world.now)
}

fn snapshot(world: &World) -> BoardSnapshot {
    BoardSnapshot {
        sequence: world.state.head.0,
        now: world.now,
        rate: 1.0,
        entries: world.state.open_entries().map(|it| project::entry(&world.state, it, world.now)).collect(),
        sources: Vec::new(),
        ledgers: Vec::new(),
        answering: Vec::new(),
        shift: Default::default(),
        contacts: Vec::new(),
        synthetic: false,
        notes_waiting: 0,
        log: None,
        at_rest: 0,
    }
}

fn recorded(world: &World, after: u64, entry: EntryId) -> StreamItem {
    StreamItem::Recorded(Box::new(Recorded {
        sequence: world.state.head.0,
        after,
        happened_at: world.now,
        recorded_at: world.now,
        actor: "timer".into(),
        kind: "x".into(),
        entry: Some(shown(world, entry)),
        ledgers: None,
        answering: None,
    }))
}

fn beat(world: &World, through: u64) -> StreamItem {
    StreamItem::Beat(Beat {
        through,
        now: world.now,
        rate: 1.0,
        sources: None,
        shift: None,
        notes_waiting: None,
        log: None,
        at_rest: None,
    })
}

fn begun() -> (World, Replica, EntryId) {
    let mut world = World::new();
    world.given(alarm_raised("a-1"));
    let replica = Replica::new(snapshot(&world), world.now);
    let alarm = world.of("a-1");
    (world, replica, alarm)
}

#[test]
fn an_item_that_follows_is_taken_and_one_known_before_is_not() {
    let (mut world, mut replica, alarm) = begun();
    let after = replica.through;
    world.does("anna", alarm, claim());
    let item = recorded(&world, after, alarm);
    assert_eq!(replica.apply(item.clone(), world.now), Applied::Fresh { entry: Some(alarm), is_new: false });
    assert_eq!(replica.get(alarm).unwrap().state, "claimed");
    assert_eq!(replica.apply(item, world.now), Applied::Old);
}

#[test]
fn an_item_that_does_not_follow_is_a_gap_and_changes_nothing() {
    let (mut world, mut replica, alarm) = begun();
    let before = replica.clone();
    world.does("anna", alarm, claim()).does("anna", alarm, own_help());
    let after = world.state.head.0 - 1;
    assert_eq!(replica.apply(recorded(&world, after, alarm), world.now), Applied::Gap);
    assert_eq!(replica, before);
}

#[test]
fn a_beat_that_knows_of_more_is_a_gap_and_another_is_none() {
    let (world, mut replica, _) = begun();
    assert_eq!(replica.apply(beat(&world, replica.through), world.now), Applied::Old);
    assert_eq!(replica.apply(beat(&world, replica.through + 1), world.now), Applied::Gap);
}

#[test]
fn five_seconds_of_silence_are_stale_and_a_beat_ends_it() {
    let (world, mut replica, _) = begun();
    let heard = world.now;
    assert!(!replica.is_stale(heard + Duration::milliseconds(4_999)));
    assert!(replica.is_stale(heard + Duration::seconds(5)));
    let later = heard + Duration::seconds(60);
    replica.apply(beat(&world, replica.through), later);
    assert!(!replica.is_stale(later));
    assert_eq!(replica.heard_at(), later);
}

#[test]
fn the_servers_clock_runs_on_at_its_rate_between_two_words() {
    let (world, mut replica, _) = begun();
    let desk = world.now + Duration::hours(3);
    let item = StreamItem::Beat(Beat {
        through: replica.through,
        now: world.now,
        rate: 10.0,
        sources: None,
        shift: None,
        notes_waiting: Some(2),
        log: None,
        at_rest: None,
    });
    replica.apply(item, desk);
    assert_eq!(replica.now(desk + Duration::seconds(2)), world.now + Duration::seconds(20));
    assert_eq!(replica.notes_waiting, 2);
}

#[test]
fn what_closes_leaves_and_what_comes_back_is_new() {
    let (mut world, mut replica, alarm) = begun();
    let after = replica.through;
    world.does("anna", alarm, close("helped"));
    replica.apply(recorded(&world, after, alarm), world.now);
    assert!(replica.is_empty());
    let after = replica.through;
    world.does("anna", alarm, correct("outcome"));
    assert_eq!(
        replica.apply(recorded(&world, after, alarm), world.now),
        Applied::Fresh { entry: Some(alarm), is_new: true }
    );
    assert_eq!(replica.len(), 1);
}

#[test]
fn an_alarm_that_could_not_be_stored_rings_until_it_is_stored_under_whatever_id() {
    let (mut world, mut replica, _) = begun();
    let mut failed = world.clone();
    failed.given(alarm_of("b-1", Some("dev-2"), false, false));
    let unstored = failed.of("b-1");
    let item = StreamItem::Unstored { entry: Box::new(shown(&failed, unstored)) };
    assert_eq!(replica.apply(item, world.now), Applied::Fresh { entry: Some(unstored), is_new: true });
    assert!(replica.is_unstored(unstored));
    assert_eq!(replica.len(), 2);
    assert_eq!(replica.worst_first().next().unwrap().attention.why, word("ringing"));
    // The source hands it in again: another request, another id.
    world.given(call_waiting("c-0"));
    let after = world.state.head.0;
    world.given(alarm_of("b-1", Some("dev-2"), false, false));
    let stored = world.of("b-1");
    assert_ne!(stored, unstored);
    replica.through = after;
    replica.apply(recorded(&world, after, stored), world.now);
    assert!(!replica.is_unstored(unstored) && replica.get(unstored).is_none());
    assert_eq!(replica.len(), 2);
}

#[test]
fn personal_data_comes_and_goes_by_itself() {
    use vagttavle::protocol::entry::Live;
    let (world, mut replica, alarm) = begun();
    let live = Live {
        name: Some(vagttavle::protocol::text::Text::new("Prøve Prøvesen").unwrap()),
        ..Live::default()
    };
    replica.apply(StreamItem::Live { entry: alarm, live: Some(live.clone()) }, world.now);
    assert_eq!(replica.get(alarm).unwrap().live, Some(live));
    assert!(!format!("{replica:?}").contains("Prøve"), "and never shows in a debug print");
    replica.apply(StreamItem::Live { entry: alarm, live: None }, world.now);
    assert_eq!(replica.get(alarm).unwrap().live, None);
}

#[test]
fn attention_and_order_move_by_themselves_at_the_next_threshold() {
    let (mut world, _, alarm) = begun();
    world.does("anna", alarm, own_help());
    let mut replica = Replica::new(snapshot(&world), world.now);
    assert!(!replica.tick(world.now + Duration::minutes(29)));
    assert_eq!(replica.get(alarm).unwrap().attention.why, word("help-sent"));
    assert!(replica.tick(world.now + Duration::minutes(30)));
    assert_eq!(replica.get(alarm).unwrap().attention.why, word("help-late"));
    assert!(!replica.tick(world.now + Duration::minutes(31)));
}
