//! Attention: what is worst, what is next, when it breaches; and the order of the board.

use chrono::Duration;
use vagttavle::domain::alarms::Response;
use vagttavle::domain::identity::EntryId;
use vagttavle::domain::observation::MissedReason;
use vagttavle::domain::sources::{Report, TroubleKind};
use vagttavle::protocol::urgency::{attention, changes_at, order};
use vagttavle::protocol::{Attention, Entry, Level, project};

use crate::support::*;

fn shown(world: &World, entry: EntryId) -> Entry {
    project::entry(&world.state, world.entry(entry), world.now)
}

fn of(world: &World, entry: EntryId) -> Attention {
    shown(world, entry).attention
}

fn says(world: &World, entry: EntryId) -> (Level, String, String, bool) {
    let it = of(world, entry);
    (it.level, it.why.to_string(), it.next.to_string(), it.overdue)
}

fn said(level: Level, why: &str, next: &str, overdue: bool) -> (Level, String, String, bool) {
    (level, why.into(), next.into(), overdue)
}

fn raised() -> (World, EntryId) {
    let mut world = World::new();
    world.given(alarm_raised("a-1"));
    let alarm = world.of("a-1");
    (world, alarm)
}

#[test]
fn an_alarm_says_at_each_step_what_is_next() {
    use Level::{Alarm, Duty, Info, None};
    let (mut world, alarm) = raised();
    assert_eq!(says(&world, alarm), said(Alarm, "ringing", "claim", false));
    assert_eq!(of(&world, alarm).breach_at, Some(world.now + Duration::seconds(180)));
    world.does("anna", alarm, claim());
    assert_eq!(says(&world, alarm), said(Alarm, "claimed", "respond", false));
    assert_eq!(of(&world, alarm).breach_at, Some(world.now + Duration::minutes(15)));
    world.does("anna", alarm, own_help());
    assert_eq!(says(&world, alarm), said(Duty, "help-sent", "arrive", false));
    world.pass_minutes(30);
    assert_eq!(says(&world, alarm), said(Duty, "help-late", "arrive", true));
    world.does("anna", alarm, arrive());
    assert_eq!(says(&world, alarm), said(Duty, "arrived", "close", false));
    world.does("anna", alarm, close("helped"));
    assert_eq!(says(&world, alarm), said(None, "over", "nothing", false));
    for (with, why) in [
        (Response::Nurse, "nurse-called"),
        (Response::Doctor, "doctor-called"),
        (Response::Emergency112, "called-112"),
    ] {
        let (mut world, alarm) = raised();
        world.does("anna", alarm, respond(with));
        assert_eq!(says(&world, alarm), said(Duty, why, "close", false));
    }
    world.given(alarm_of("t", Some("dev-t"), true, false)).given(alarm_of("p", Some("dev-p"), false, true));
    assert_eq!(says(&world, world.of("t")), said(Info, "technical", "technical-done", false));
    assert_eq!(says(&world, world.of("p")), said(Info, "test", "close", false));
}

#[test]
fn a_rung_out_alarm_is_still_an_alarm_and_breaches_with_its_justification() {
    let (mut world, alarm) = raised();
    world.pass_seconds(180);
    assert_eq!(says(&world, alarm), said(Level::Alarm, "rang-out", "redirect-or-claim", false));
    assert_eq!(of(&world, alarm).breach_at, Some(world.now + Duration::days(7)));
}

#[test]
fn a_justification_is_information_a_duty_and_late_in_its_time() {
    let (mut world, alarm) = raised();
    world.does("anna", alarm, redirect());
    assert_eq!(says(&world, alarm), said(Level::Info, "justification-owed", "justify-begin", false));
    let turns = changes_at(&shown(&world, alarm), world.now).unwrap();
    assert_eq!(turns, world.now + Duration::days(4));
    world.pass_days(4);
    assert_eq!(says(&world, alarm), said(Level::Duty, "justification-owed", "justify-begin", false));
    world.does("lea", alarm, justify_begin());
    assert_eq!(says(&world, alarm), said(Level::Duty, "justification-begun", "justify-send", false));
    world.pass_days(3);
    assert_eq!(says(&world, alarm), said(Level::Duty, "justification-late", "justify-send", true));
}

#[test]
fn a_call_says_at_each_step_what_is_next() {
    use Level::{Duty, Info};
    let mut world = World::new();
    world.given(call_waiting("c-1"));
    let call = world.of("c-1");
    assert_eq!(says(&world, call), said(Duty, "waits", "answer", false));
    world.pass_seconds(60);
    assert_eq!(says(&world, call), said(Duty, "waits-too-long", "answer", true));
    world.given(call_missed("c-1", MissedReason::Timeout));
    assert_eq!(says(&world, call), said(Duty, "missed", "call-back", false));
    world.pass_minutes(15);
    assert_eq!(says(&world, call), said(Duty, "missed", "call-back", true));
    world.does("anna", call, call_back(false));
    assert_eq!(says(&world, call), said(Duty, "tried", "call-back", false));
    let promise_at = world.now + Duration::minutes(20);
    world.does(
        "anna",
        call,
        vagttavle::domain::Command::Phone(vagttavle::domain::phone::Command::CallBack {
            reached: false,
            promise_at: Some(promise_at),
        }),
    );
    assert_eq!(says(&world, call), said(Duty, "promised", "call-back", false));
    assert_eq!(of(&world, call).breach_at, Some(promise_at));
    world.given(call_waiting("c-2")).given(call_answered("c-2", None));
    assert_eq!(says(&world, world.of("c-2")), said(Info, "talking", "nothing", false));
}

#[test]
fn duties_and_source_trouble_say_what_they_are() {
    use Level::{Duty, Info};
    let mut world = World::new();
    world.given(call_waiting("c-1")).given(call_answered("c-1", None)).given(call_ended("c-1"));
    let duty = world.open_duties(vagttavle::domain::duties::DutyKind::Documentation)[0];
    assert_eq!(says(&world, duty), said(Info, "duty-documentation", "do-documentation", false));
    world.pass_minutes(60);
    assert_eq!(says(&world, duty), said(Duty, "duty-documentation", "do-documentation", true));
    for (trouble, level, why) in [
        (TroubleKind::Silent, Duty, "source-silent"),
        (TroubleKind::NobodyListening, Duty, "source-nobody-listening"),
        (TroubleKind::Unreadable, Info, "source-unreadable"),
        (TroubleKind::KeyReused, Info, "source-key-reused"),
    ] {
        let mut world = World::new();
        world.report("central", Report::Trouble { trouble, what: None, times: 1 }).unwrap();
        let entry = world.state.open_entries().next().unwrap().id;
        assert_eq!(says(&world, entry), said(level, why, "look-at-source", false));
    }
}

/// The spoken names of the open entries, worst first.
fn board(world: &World, names: &[&str]) -> Vec<String> {
    let mut all: Vec<(Entry, String)> =
        names.iter().map(|name| (shown(world, world.of(name)), (*name).to_owned())).collect();
    all.sort_by(|a, b| order(&a.0, &b.0));
    all.into_iter().map(|(_, name)| name).collect()
}

#[test]
fn the_worst_comes_first_and_what_nobody_has_before_what_is_held() {
    let mut world = World::new();
    world.given(alarm_of("justification", Some("d0"), false, false));
    world.does("anna", world.of("justification"), redirect());
    world.given(alarm_of("held", Some("d1"), false, false)).given(call_waiting("waits"));
    world.does("anna", world.of("held"), claim()).pass_seconds(5);
    world.given(alarm_of("rings", Some("d2"), false, false)).given(alarm_of(
        "battery",
        Some("d3"),
        true,
        false,
    ));
    assert_eq!(
        board(&world, &["justification", "battery", "waits", "held", "rings"]),
        ["rings", "held", "waits", "justification", "battery"]
    );
}

#[test]
fn somebody_who_waits_on_the_line_comes_before_yesterdays_missed_call() {
    let mut world = World::new();
    world.given(call_waiting("missed")).given(call_missed("missed", MissedReason::Timeout)).pass_days(1);
    world.given(call_waiting("waits"));
    assert_eq!(board(&world, &["missed", "waits"]), ["waits", "missed"]);
}

#[test]
fn among_equals_the_nearest_limit_then_the_oldest_comes_first() {
    let mut world = World::new();
    world.given(call_waiting("older")).pass_seconds(1).given(call_waiting("newer"));
    assert_eq!(board(&world, &["newer", "older"]), ["older", "newer"]);
}

#[test]
fn the_attention_of_an_entry_changes_at_no_other_time_than_told() {
    let (mut world, alarm) = raised();
    world.does("anna", alarm, own_help());
    let entry = shown(&world, alarm);
    let turns = changes_at(&entry, world.now).unwrap();
    assert_eq!(attention(&entry, turns - Duration::milliseconds(1)), attention(&entry, world.now));
    assert_ne!(attention(&entry, turns), attention(&entry, world.now));
    assert_eq!(changes_at(&entry, turns), None);
}
