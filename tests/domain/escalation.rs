//! A second person is called: when, once, and only by the server itself.

use chrono::Duration;
use vagttavle::domain::entry;
use vagttavle::domain::escalation::{Why, due_at, is_needed};
use vagttavle::domain::identity::EntryId;
use vagttavle::domain::sources::{Report, TroubleKind};
use vagttavle::domain::{Actor, Command, Refusal, Request};

use crate::support::*;

fn begin() -> Command {
    Command::OfServer(entry::OfServer::EscalationBegin)
}

fn end(outcome: &str) -> Command {
    Command::OfServer(entry::OfServer::EscalationEnd { outcome: word(outcome), times: 2 })
}

fn server_does(world: &mut World, entry: EntryId, command: Command) -> Result<(), Refusal> {
    let ctx = world.ctx(Actor::Timer);
    world.ask(&ctx, &Request::Command { entry: Some(entry), expected_version: None, command })
}

fn due(world: &World, entry: EntryId) -> Option<Why> {
    due_at(&world.state, world.entry(entry)).filter(|(at, _)| *at <= world.now).map(|(_, why)| why)
}

fn ringing() -> (World, EntryId) {
    let mut world = World::new();
    world.given(alarm_raised("a-1"));
    let alarm = world.of("a-1");
    (world, alarm)
}

#[test]
fn an_alarm_nobody_takes_is_due_after_the_agreements_own_rule_and_once() {
    let (mut world, alarm) = ringing();
    world.pass_seconds(89);
    assert_eq!(due(&world, alarm), None);
    assert_eq!(server_does(&mut world, alarm, begin()), Err(Refusal::NotDue));
    world.pass_seconds(1);
    assert_eq!(due(&world, alarm), Some(Why::Unclaimed));
    server_does(&mut world, alarm, begin()).unwrap();
    assert_eq!((due(&world, alarm), is_needed(&world.state, world.entry(alarm))), (None, true));
    assert_eq!(server_does(&mut world, alarm, begin()), Err(Refusal::NotDue));
    server_does(&mut world, alarm, end("sent")).unwrap();
    assert_eq!(server_does(&mut world, alarm, end("failed")), Err(Refusal::NotDue));
    assert_eq!(world.last_kinds(2), ["entry.escalation-begun", "entry.escalation-ended"]);
    assert_eq!(world.replayed(), world.state);
}

#[test]
fn whoever_takes_it_is_enough_and_one_that_comes_back_waits_for_no_other_round() {
    let (mut world, alarm) = ringing();
    world.pass_seconds(30).does("anna", alarm, claim()).pass_seconds(300);
    assert_eq!(due(&world, alarm), None);
    world.does("anna", alarm, release());
    assert_eq!(due(&world, alarm), Some(Why::Unclaimed));
    world.does("bo", alarm, claim()).does("bo", alarm, own_help());
    world.does("bo", alarm, release());
    assert_eq!(due(&world, alarm), None, "help is on its way");
}

#[test]
fn one_that_rang_out_still_wants_somebody_until_it_went_elsewhere() {
    let (mut world, alarm) = ringing();
    world.pass_seconds(200);
    assert_eq!((world.state_of(alarm), due(&world, alarm)), ("unanswered", Some(Why::Unclaimed)));
    world.does("anna", alarm, redirect());
    assert_eq!(due(&world, alarm), None);
}

#[test]
fn tests_and_technical_alarms_call_nobody() {
    for (technical, test) in [(true, false), (false, true)] {
        let mut world = World::new();
        world.given(alarm_of("a-1", Some("dev-1"), technical, test)).pass_seconds(3_600);
        assert_eq!(due(&world, world.of("a-1")), None);
    }
}

#[test]
fn an_alarm_that_came_late_has_its_time_from_when_we_were_told() {
    let mut world = World::new();
    let before = world.now - Duration::hours(2);
    world.tells_of("central", before, alarm_raised("a-1")).unwrap();
    assert_eq!(due(&world, world.of("a-1")), None);
}

#[test]
fn that_nobody_listens_is_due_at_once_and_other_trouble_never() {
    let mut world = World::new();
    for trouble in
        [TroubleKind::Silent, TroubleKind::Unreadable, TroubleKind::Failed, TroubleKind::NobodyListening]
    {
        world.report("central", Report::Trouble { trouble, what: None, times: 1 }).unwrap();
        let opened = world.log.last().unwrap().entry;
        let expected = (trouble == TroubleKind::NobodyListening).then_some(Why::NobodyListening);
        assert_eq!(due(&world, opened), expected, "{trouble:?}");
    }
}

#[test]
fn no_person_and_no_source_can_say_that_somebody_was_called() {
    let (mut world, alarm) = ringing();
    world.pass_seconds(100);
    for command in [begin(), end("sent")] {
        let refused = world.tries("anna", alarm, command.clone()).unwrap_err();
        assert!(matches!(refused, Refusal::NotAllowed { .. }), "{refused:?}");
    }
    assert_eq!(server_does(&mut world, alarm, end("sent")), Err(Refusal::NotDue), "nobody was called yet");
}
