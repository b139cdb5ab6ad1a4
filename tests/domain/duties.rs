//! Duties and source trouble: what must be done by somebody, apart from a call or an alarm.

use chrono::Duration;
use vagttavle::domain::duties::{self, Command as C, DutyKind};
use vagttavle::domain::entry::{Body, DueKind};
use vagttavle::domain::identity::EntryId;
use vagttavle::domain::sources::{self, Report, TroubleKind};
use vagttavle::domain::{Command, Refusal};

use crate::support::*;

fn reminder() -> (World, EntryId) {
    let mut world = World::new();
    world.given(call_waiting("c-1")).given(call_answered("c-1", Some("bo"))).given(call_ended("c-1"));
    let duty = world.open_duties(DutyKind::Documentation)[0];
    (world, duty)
}

fn duty(world: &World, entry: EntryId) -> duties::Duty {
    match &world.entry(entry).body {
        Body::Duties(duty) => duty.clone(),
        other => panic!("not a duty: {other:?}"),
    }
}

fn postpone(world: &World, minutes: i64, reason: &str) -> Command {
    Command::Duties(C::Postpone { until: world.now + Duration::minutes(minutes), reason: word(reason) })
}

#[test]
fn a_reminder_falls_to_whoever_had_the_talk() {
    let (world, entry) = reminder();
    assert_eq!(duty(&world, entry).owner, Some(person("bo")));
    assert_eq!(world.state_of(entry), "open");
}

#[test]
fn a_duty_done_in_time_is_not_late_and_one_done_after_its_time_is() {
    let (mut world, entry) = reminder();
    world.pass_minutes(60 - 1).does("anna", entry, duty_done());
    assert!(!duty(&world, entry).late);
    let (mut world, entry) = reminder();
    world.pass_minutes(61).does("anna", entry, duty_done());
    assert!(duty(&world, entry).late);
    assert_eq!(world.state_of(entry), "done");
    assert_eq!(world.tries("anna", entry, duty_done()), Err(Refusal::AlreadyDone));
}

#[test]
fn a_duty_falls_late_once_with_an_event() {
    let (mut world, entry) = reminder();
    world.pass_minutes(60);
    assert_eq!(world.last_kinds(1), ["duties.fell-late"]);
    assert_eq!(world.state_of(entry), "late");
    let records = world.log.len();
    world.pass_days(2);
    assert_eq!(world.log.len(), records);
}

#[test]
fn a_duty_is_postponed_to_a_time_ahead_with_a_reason_from_the_list() {
    let (mut world, entry) = reminder();
    world.pass_minutes(70);
    let past = postpone(&world, 0, "busy-night");
    assert_eq!(world.tries("anna", entry, past), Err(Refusal::InPast { field: "until".into() }));
    let ahead = postpone(&world, 30, "busy-night");
    world.does("anna", entry, ahead);
    assert_eq!(world.state_of(entry), "open");
    assert_eq!(world.due(entry, DueKind::Duty), Some(world.now + Duration::minutes(30)));
    world.pass_minutes(30);
    assert_eq!(world.state_of(entry), "late");
    assert_eq!(duty(&world, entry).postponed, 1);
}

#[test]
fn a_duty_somebody_else_has_is_theirs() {
    let (mut world, entry) = reminder();
    world.does("anna", entry, claim());
    assert!(matches!(world.tries("bo", entry, duty_done()), Err(Refusal::HeldByOther { .. })));
}

#[test]
fn an_action_plan_has_no_date_of_its_own() {
    let mut world = World::new();
    for name in ["a-1", "a-2"] {
        world.given(alarm_of(name, Some(name), false, false));
        world.does("anna", world.of(name), redirect());
    }
    let plan = world.open_duties(DutyKind::ActionPlan)[0];
    assert!(world.entry(plan).dues.is_empty());
    assert_eq!(world.entry(plan).agreement, Some(agreement("jammerbugt")));
    let done = Command::Duties(C::Done { reference: reference("HP-2026/3"), to: None, told_at: None });
    world.does("lea", plan, done);
    assert!(!world.entry(plan).is_open());
}

#[test]
fn a_silent_source_is_one_entry_until_it_is_heard_again() {
    let mut world = World::new();
    let silent = Report::Trouble { trouble: TroubleKind::Silent, what: None, times: 1 };
    world.report("central", silent.clone()).unwrap();
    assert_eq!(world.report("central", silent.clone()), Err(Refusal::Unchanged));
    world.report("scaip", silent).unwrap();
    assert_eq!(world.state.open_entries().count(), 2);
    world.report("central", Report::Recovered { from: TroubleKind::Silent }).unwrap();
    assert_eq!(world.last_kinds(1), ["sources.recovered"]);
    assert_eq!(
        world.report("central", Report::Recovered { from: TroubleKind::Silent }),
        Err(Refusal::Unchanged)
    );
    assert_eq!(world.state.open_entries().count(), 1);
}

#[test]
fn what_a_source_could_not_read_is_counted_on_one_entry_and_ticked_off() {
    let mut world = World::new();
    let trouble =
        Report::Trouble { trouble: TroubleKind::Unreadable, what: Some(code("line-too-long")), times: 1 };
    for _ in 0..3 {
        world.report("central", trouble.clone()).unwrap();
    }
    let entry = world.state.open_entries().next().unwrap().id;
    assert!(matches!(&world.entry(entry).body, Body::Sources(it) if it.count == 3));
    assert_eq!(world.state_of(entry), "unreadable");
    world.does("anna", entry, Command::Sources(sources::Command::Done {}));
    assert_eq!(
        world.tries("anna", entry, Command::Sources(sources::Command::Done {})),
        Err(Refusal::AlreadyDone)
    );
    world.report("central", trouble).unwrap();
    assert_eq!(world.state.open_entries().count(), 1, "a new one");
}
