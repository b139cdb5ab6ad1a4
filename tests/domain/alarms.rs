//! Emergency calls: from the signal to the outcome or the written justification.

use chrono::Duration;
use vagttavle::domain::Refusal;
use vagttavle::domain::alarms::Response;
use vagttavle::domain::duties::DutyKind;
use vagttavle::domain::entry::{Body, DueKind, Entry};
use vagttavle::domain::identity::{Board, EntryId, SourceName};
use vagttavle::domain::vocabulary::Word;
use vagttavle::protocol::project;

use vagttavle::domain::observation::Observation;

use crate::support::*;

fn raised() -> (World, EntryId) {
    let mut world = World::new();
    world.given(alarm_raised("a-1"));
    let alarm = world.of("a-1");
    (world, alarm)
}

fn rung_out() -> (World, EntryId) {
    let (mut world, alarm) = raised();
    world.pass_seconds(180);
    (world, alarm)
}

/// A redirected alarm of its own device.
fn redirected(world: &mut World, name: &str) -> EntryId {
    world.given(alarm_of(name, Some(name), false, false));
    let alarm = world.of(name);
    world.does("anna", alarm, redirect());
    alarm
}

#[test]
fn a_raised_alarm_counts_down_to_its_ring_out() {
    let (world, alarm) = raised();
    assert_eq!(world.state_of(alarm), "raised");
    assert_eq!(world.due(alarm, DueKind::RingOut), Some(world.now + Duration::seconds(180)));
    assert_eq!(world.due(alarm, DueKind::Answer), Some(world.now + Duration::seconds(60)));
}

#[test]
fn an_alarm_told_late_still_gets_its_time_to_ring() {
    let mut world = World::new();
    world.tells_of("central", world.now - Duration::hours(1), alarm_raised("a-1")).unwrap();
    assert_eq!(world.due(world.of("a-1"), DueKind::RingOut), Some(world.now + Duration::seconds(180)));
}

#[test]
fn claim_help_arrival_and_outcome_is_the_main_road() {
    let (mut world, alarm) = raised();
    world.pass_seconds(20).does("anna", alarm, claim());
    assert_eq!(world.state_of(alarm), "claimed");
    assert_eq!(world.due(alarm, DueKind::RingOut), None);
    world.pass_seconds(40).does("anna", alarm, own_help());
    assert_eq!(world.state_of(alarm), "help-sent");
    assert_eq!(world.due(alarm, DueKind::Arrive), Some(world.now + Duration::minutes(30)));
    assert_eq!(world.due(alarm, DueKind::Claim), None);
    world.pass_minutes(12).does("anna", alarm, arrive());
    assert_eq!(world.state_of(alarm), "arrived");
    world.pass_minutes(5).does("anna", alarm, close("helped"));
    assert_eq!(world.state_of(alarm), "closed");
    assert!(!world.entry(alarm).is_open());
    assert!(world.entry(alarm).dues.is_empty());
    assert_eq!(world.answering("jammerbugt", Board::Alarms, 60), (1, 1));
}

#[test]
fn each_response_has_its_state_and_only_own_help_has_a_time_on_site() {
    for (with, state) in [
        (Response::Nurse, "nurse-called"),
        (Response::Doctor, "doctor-called"),
        (Response::Emergency112, "called-112"),
    ] {
        let (mut world, alarm) = raised();
        world.does("anna", alarm, respond(with));
        assert_eq!(world.state_of(alarm), state);
        assert_eq!(world.due(alarm, DueKind::Arrive), None);
    }
}

#[test]
fn a_response_from_one_who_has_not_claimed_claims_it_too() {
    let (mut world, alarm) = raised();
    world.does("bo", alarm, own_help());
    assert_eq!(world.last_kinds(2), ["entry.claimed", "alarms.responded"]);
    assert_eq!(world.entry(alarm).holder.as_ref().unwrap().name, person("bo"));
}

#[test]
fn a_response_to_an_alarm_somebody_else_has_is_refused_with_the_holder() {
    let (mut world, alarm) = raised();
    world.does("anna", alarm, claim());
    for command in [own_help(), arrive(), close("helped"), redirect()] {
        let refusal = world.tries("bo", alarm, command).unwrap_err();
        assert!(matches!(refusal, Refusal::HeldByOther { holder, .. } if holder == person("anna")));
    }
}

#[test]
fn arriving_twice_is_done_already() {
    let (mut world, alarm) = raised();
    world.does("anna", alarm, own_help()).does("anna", alarm, arrive());
    assert_eq!(world.tries("anna", alarm, arrive()), Err(Refusal::AlreadyDone));
    assert_eq!(world.tells("central", help_arrived("a-1")), Err(Refusal::Unchanged));
}

#[test]
fn what_is_over_takes_no_more_commands_but_corrections() {
    let (mut world, alarm) = raised();
    world.does("anna", alarm, close("false-alarm"));
    for command in
        [own_help(), arrive(), close("helped"), redirect(), contest("not-ours"), justify_begin(), claim()]
    {
        assert_eq!(world.tries("anna", alarm, command), Err(Refusal::WrongState { state: "closed".into() }));
    }
}

#[test]
fn nobody_takes_it_and_it_rings_out_and_starts_the_justification() {
    let (world, alarm) = rung_out();
    assert_eq!(world.state_of(alarm), "unanswered");
    assert_eq!(world.last_kinds(1), ["alarms.unanswered"]);
    assert_eq!(world.due(alarm, DueKind::RingOut), None);
    let due = world.entry(alarm).due(DueKind::Justification).unwrap();
    assert_eq!(due.at, at("2026-11-29T02:03:00Z"));
    assert_eq!(due.clause.as_deref(), Some("3.1.13"));
    assert_eq!(due.agreement_version.as_deref(), Some("2026-11-01"));
    assert_eq!(world.redirects_used("jammerbugt"), 0, "the ledger counts redirects");
    assert_eq!(world.answering("jammerbugt", Board::Alarms, 180), (0, 1));
}

#[test]
fn an_early_timer_and_one_for_a_duty_that_is_gone_do_nothing() {
    use vagttavle::domain::{Actor, Request};
    let (mut world, alarm) = raised();
    let due_at = world.due(alarm, DueKind::RingOut).unwrap();
    let fire = Request::Due { entry: alarm, what: DueKind::RingOut, at: due_at };
    let ctx = world.ctx(Actor::Timer);
    assert_eq!(world.ask(&ctx, &fire), Err(Refusal::NotDue), "early");
    world.does("anna", alarm, claim()).pass_seconds(181);
    let ctx = world.ctx(Actor::Timer);
    assert_eq!(world.ask(&ctx, &fire), Err(Refusal::NotDue), "claimed");
}

#[test]
fn an_agreement_without_justification_owes_none_when_it_rings_out() {
    let mut world = World::new().within(&["norddjurs"]);
    world.given(alarm_raised("a-1")).pass_seconds(180);
    let alarm = world.of("a-1");
    assert_eq!(world.state_of(alarm), "unanswered");
    assert_eq!(world.due(alarm, DueKind::Justification), None);
    assert_eq!(world.tries("anna", alarm, justify_begin()), Err(Refusal::JustificationNotOwed));
    assert_eq!(world.tries("anna", alarm, justify_sent()), Err(Refusal::JustificationNotOwed));
    world.does("anna", alarm, redirect());
    assert!(!world.entry(alarm).is_open(), "redirected, and nothing is owed");
}

#[test]
fn a_claim_that_runs_out_brings_the_alarm_back_and_the_ring_out_starts_anew() {
    let (mut world, alarm) = raised();
    world.pass_seconds(30).does("anna", alarm, claim());
    world.pass_minutes(15);
    assert_eq!(world.last_kinds(1), ["entry.claim-expired"]);
    assert_eq!(world.state_of(alarm), "raised");
    assert_eq!(world.due(alarm, DueKind::RingOut), Some(world.now + Duration::seconds(180)));
    world.pass_seconds(180);
    assert_eq!(world.state_of(alarm), "unanswered");
    assert_eq!(
        world.answering("jammerbugt", Board::Alarms, 60),
        (0, 1),
        "claimed and let go is not answered"
    );
}

#[test]
fn a_claim_given_back_starts_the_ring_out_anew() {
    let (mut world, alarm) = raised();
    world.does("anna", alarm, claim()).pass_seconds(100).does("anna", alarm, release());
    assert_eq!(world.due(alarm, DueKind::RingOut), Some(world.now + Duration::seconds(180)));
}

#[test]
fn an_alarm_with_help_on_the_way_does_not_ring_out_when_it_is_given_back() {
    let (mut world, alarm) = raised();
    world.does("anna", alarm, own_help()).does("anna", alarm, release()).pass_minutes(60);
    assert_eq!(world.state_of(alarm), "help-sent");
    assert_eq!(world.due(alarm, DueKind::RingOut), None);
}

#[test]
fn what_is_left_of_a_redirected_alarm_never_rings_out() {
    let (mut world, alarm) = raised();
    world.does("anna", alarm, redirect()).does("bo", alarm, claim()).pass_minutes(60);
    assert_eq!(world.entry(alarm).holder, None, "the claim on the paper ran out");
    assert_eq!(world.state_of(alarm), "redirected");
    assert_eq!(world.alarm(alarm).unanswered_at, None);
    assert_eq!(world.answering("jammerbugt", Board::Alarms, 180), (0, 1), "taking the paper is no answer");
}

#[test]
fn whoever_writes_the_justification_keeps_holding_it() {
    let (mut world, alarm) = raised();
    world.does("anna", alarm, redirect()).does("bo", alarm, claim()).does("bo", alarm, justify_begin());
    assert_eq!(world.entry(alarm).holder.as_ref().unwrap().name, person("bo"));
}

#[test]
fn an_exchange_that_says_unanswered_rings_it_out_at_its_own_time() {
    let (mut world, alarm) = raised();
    let rang_out_at = world.now + Duration::seconds(45);
    world.pass_seconds(50);
    world.tells_of("central", rang_out_at, alarm_unanswered("a-1")).unwrap();
    assert_eq!(world.alarm(alarm).unanswered_at, Some(rang_out_at));
    assert_eq!(world.alarm(alarm).justification.as_ref().unwrap().started_at, rang_out_at);
    assert_eq!(world.tells("central", alarm_unanswered("a-1")), Err(Refusal::Unchanged));
}

#[test]
fn unanswered_after_somebody_took_it_changes_nothing() {
    let (mut world, alarm) = raised();
    world.does("anna", alarm, claim()).pass_seconds(60);
    assert_eq!(world.tells("central", alarm_unanswered("a-1")), Err(Refusal::Unchanged));
    assert_eq!(world.state_of(alarm), "claimed");
}

#[test]
fn unanswered_after_a_claim_that_led_to_nothing_is_a_ring_out() {
    let (mut world, alarm) = raised();
    world.does("anna", alarm, claim()).does("anna", alarm, release()).pass_seconds(60);
    world.given(alarm_unanswered("a-1"));
    assert_eq!(world.state_of(alarm), "unanswered");
}

#[test]
fn answered_at_the_exchange_by_a_known_agent_is_held_by_them() {
    let (mut world, alarm) = raised();
    world.pass_seconds(12).given(alarm_answered("a-1", Some("bo")));
    assert_eq!(world.entry(alarm).holder.as_ref().unwrap().name, person("bo"));
    assert_eq!(world.due(alarm, DueKind::RingOut), None);
    assert_eq!(world.answering("jammerbugt", Board::Alarms, 12), (1, 1));
}

#[test]
fn an_alarm_whose_citizen_was_talked_to_never_rings_out() {
    for agent in [Some("bo"), Some("PJSIP/9"), None] {
        let (mut world, alarm) = raised();
        world.given(alarm_answered("a-1", agent)).pass_minutes(60);
        assert_eq!(world.state_of(alarm), "answered", "back on the board: at the exchange, not by us");
        assert_eq!(world.alarm(alarm).unanswered_at, None);
        assert_eq!(world.tells("central", alarm_unanswered("a-1")), Err(Refusal::Unchanged));
    }
}

#[test]
fn an_alarm_answered_at_the_exchange_by_somebody_unknown_waits_to_be_taken() {
    let (mut world, alarm) = raised();
    world.pass_seconds(12).given(alarm_answered("a-1", Some("PJSIP/9")));
    let shown = |world: &World| {
        let shown = project::entry(&world.state, world.entry(alarm), world.now);
        (shown.state, shown.attention.why.to_string(), shown.attention.next.to_string())
    };
    let says = |state: &str, why: &str, next: &str| (state.to_owned(), why.to_owned(), next.to_owned());
    assert_eq!(shown(&world), says("answered", "answered-at-exchange", "claim"));
    assert_eq!(world.entry(alarm).dues, [], "nothing counts down");
    world.does("anna", alarm, claim());
    assert_eq!(shown(&world), says("claimed", "claimed", "respond"));
    world.does("anna", alarm, release());
    assert_eq!(shown(&world), says("answered", "answered-at-exchange", "claim"));
    world.does("anna", alarm, own_help());
    assert_eq!(world.state_of(alarm), "help-sent");
}

#[test]
fn an_answer_does_not_take_the_alarm_from_who_has_it() {
    let (mut world, alarm) = raised();
    world.does("anna", alarm, claim()).pass_seconds(5).given(alarm_answered("a-1", Some("bo")));
    assert_eq!(world.entry(alarm).holder.as_ref().unwrap().name, person("anna"));
}

#[test]
fn an_answer_before_the_ring_out_told_after_it_takes_the_ring_out_back() {
    let (mut world, alarm) = raised();
    let answered_at = world.now + Duration::seconds(40);
    world.pass_seconds(200);
    assert_eq!(world.state_of(alarm), "unanswered");
    world.tells_of("central", answered_at, alarm_answered("a-1", Some("bo"))).unwrap();
    assert_eq!(world.state_of(alarm), "claimed");
    assert_eq!(world.due(alarm, DueKind::Justification), None);
    assert_eq!(world.answering("jammerbugt", Board::Alarms, 60), (1, 1));
}

#[test]
fn an_answer_after_the_ring_out_leaves_it_rung_out() {
    let (mut world, alarm) = rung_out();
    world.pass_seconds(10).given(alarm_answered("a-1", Some("bo")));
    assert!(world.due(alarm, DueKind::Justification).is_some());
    assert_eq!(world.answering("jammerbugt", Board::Alarms, 999), (0, 1));
}

#[test]
fn a_fact_about_an_alarm_we_have_not_heard_of_raises_it_first() {
    let mut world = World::new();
    world.given(alarm_unanswered("a-9"));
    assert_eq!(world.last_kinds(2), ["alarms.raised", "alarms.unanswered"]);
    assert_eq!(world.state_of(world.of("a-9")), "unanswered");
}

#[test]
fn a_raising_that_comes_after_a_later_fact_fills_in_what_was_unknown() {
    let mut world = World::new();
    let raised_at = world.now;
    world.pass_seconds(30).given(alarm_answered("a-1", None));
    let alarm = world.of("a-1");
    world.tells_of("central", raised_at, alarm_raised("a-1")).unwrap();
    assert_eq!(world.last_kinds(1), ["alarms.arrival-known"]);
    assert_eq!(world.alarm(alarm).device, Some(id("dev-1")));
    assert_eq!(world.entry(alarm).opened_at, raised_at);
    assert_eq!(world.answering("jammerbugt", Board::Alarms, 29), (0, 1));
    assert_eq!(world.answering("jammerbugt", Board::Alarms, 30), (1, 1));
    assert_eq!(world.tells_of("central", raised_at, alarm_raised("a-1")), Err(Refusal::Unchanged));
}

#[test]
fn an_alarm_that_turns_out_to_be_a_test_owes_nothing_and_counts_nowhere() {
    let mut world = World::new();
    world.given(alarm_unanswered("a-1"));
    let alarm = world.of("a-1");
    world.given(alarm_of("a-1", Some("dev-1"), false, true));
    assert_eq!(world.due(alarm, DueKind::Justification), None);
    assert_eq!(world.due(alarm, DueKind::RingOut), None);
    assert_eq!(world.answering("jammerbugt", Board::Alarms, 999), (0, 0));
}

#[test]
fn help_told_by_the_device_is_an_arrival() {
    let (mut world, alarm) = raised();
    world.does("anna", alarm, own_help()).pass_minutes(9).given(help_arrived("a-1"));
    assert_eq!(world.state_of(alarm), "arrived");
    assert_eq!(world.due(alarm, DueKind::Arrive), None);
}

#[test]
fn cleared_at_the_device_is_a_remark_and_never_an_end() {
    let (mut world, alarm) = raised();
    let version = world.entry(alarm).version;
    world.given(alarm_cleared("a-1"));
    assert_eq!(world.state_of(alarm), "raised");
    assert!(world.alarm(alarm).cleared_at.is_some());
    assert_eq!(world.entry(alarm).version, version);
    assert_eq!(world.tells("central", alarm_cleared("a-1")), Err(Refusal::Unchanged));
}

#[test]
fn a_remark_on_what_is_over_does_not_move_its_end() {
    let (mut world, alarm) = raised();
    world.does("anna", alarm, close("helped"));
    let closed_at = world.entry(alarm).closed_at;
    world.pass_minutes(5).given(alarm_cleared("a-1"));
    assert_eq!(world.entry(alarm).closed_at, closed_at);
}

#[test]
fn repeated_signals_of_a_device_fold_into_the_alarm_that_still_rings() {
    let (mut world, alarm) = raised();
    world.pass_minutes(2).given(alarm_raised("a-2"));
    assert_eq!(world.of("a-2"), alarm);
    assert_eq!(world.alarm(alarm).signals, 2);
    assert_eq!(world.tells("central", alarm_raised("a-2")), Err(Refusal::Unchanged), "told twice");
    world.given(alarm_cleared("a-2"));
    assert!(world.alarm(alarm).cleared_at.is_some(), "a fact about the second id is about the same alarm");
}

#[test]
fn smoke_after_a_fall_is_an_alarm_of_its_own() {
    let (mut world, alarm) = raised();
    let mut smoke = alarm_raised("a-2");
    if let Observation::AlarmRaised { trigger, .. } = &mut smoke {
        *trigger = Some(code("smoke"));
    }
    world.given(smoke);
    assert_ne!(world.of("a-2"), alarm);
    let mut unsaid = alarm_raised("a-3");
    if let Observation::AlarmRaised { trigger, .. } = &mut unsaid {
        *trigger = None;
    }
    world.given(unsaid);
    assert!(world.of("a-3") == alarm || world.of("a-3") == world.of("a-2"));
}

#[test]
fn the_ids_of_signals_that_were_folded_in_are_forgotten_with_the_alarm() {
    let (mut world, alarm) = raised();
    for n in 2..6 {
        world.pass_seconds(20).given(alarm_raised(&format!("a-{n}")));
    }
    assert_eq!(world.entry(alarm).also.len(), 4);
    world.does("anna", alarm, close("helped")).pass_days(60);
    world.given(alarm_of("b-1", Some("dev-2"), false, false));
    assert!(world.state.entry(alarm).is_none(), "let go of");
    let source = SourceName::new("central").unwrap();
    for n in 1..6 {
        assert!(!world.state.knows(&source, &id(&format!("a-{n}"))), "a-{n} is still in memory");
    }
    assert!(world.state.knows(&source, &id("b-1")));
}

#[test]
fn a_signal_after_the_response_from_another_device_or_much_later_is_a_new_alarm() {
    let (mut world, alarm) = raised();
    world.given(alarm_of("b-1", Some("dev-2"), false, false));
    assert_ne!(world.of("b-1"), alarm);
    world.given(alarm_of("c-1", None, false, false)).given(alarm_of("c-2", None, false, false));
    assert_ne!(world.of("c-1"), world.of("c-2"), "unknown devices are not the same device");
    world.does("anna", alarm, own_help()).given(alarm_raised("a-2"));
    assert_ne!(world.of("a-2"), alarm);
    world.does("anna", world.of("a-2"), claim()).pass_minutes(10).given(alarm_raised("a-3"));
    assert_ne!(world.of("a-3"), world.of("a-2"), "ten minutes later");
}

#[test]
fn the_same_id_told_again_is_the_same_alarm_and_pressed_after_the_end_a_new_one() {
    let (mut world, alarm) = raised();
    let raised_at = world.now;
    world.does("anna", alarm, close("helped")).pass_minutes(60);
    assert_eq!(world.tells_of("central", raised_at, alarm_raised("a-1")), Err(Refusal::Unchanged));
    world.given(alarm_raised("a-1"));
    let again = world.of("a-1");
    assert_ne!(again, alarm, "pressed again after it was over: it rings");
    assert_eq!((world.state_of(again), world.state_of(alarm)), ("raised", "closed"));
    assert!(world.entry(again).links.iter().any(|link| link.to == alarm && link.why.name() == "again"));
}

#[test]
fn an_alarm_of_a_unit_is_not_that_of_nobody_knows_which_unit() {
    let mut world = World::new();
    world.given(alarm_of("a-1", None, false, false)).pass_seconds(20);
    world.given(alarm_of("a-2", Some("dev-1"), false, false));
    assert_ne!(world.of("a-2"), world.of("a-1"), "both ring");
    world.pass_seconds(20).given(alarm_of("a-3", None, false, false));
    assert_ne!(world.of("a-3"), world.of("a-1"));
    assert_ne!(world.of("a-3"), world.of("a-2"));
}

#[test]
fn two_sources_may_use_the_same_id_for_different_alarms() {
    let (mut world, alarm) = raised();
    world.tells("scaip", alarm_of("a-1", Some("dev-7"), false, false)).unwrap();
    assert_ne!(world.of_source("scaip", "a-1"), alarm);
}

#[test]
fn a_technical_alarm_is_kept_apart_and_ends_with_technical_done() {
    let mut world = World::new();
    world.given(alarm_of("t-1", Some("dev-1"), true, false));
    let alarm = world.of("t-1");
    assert!(world.entry(alarm).dues.is_empty());
    assert_eq!(world.tries("anna", alarm, own_help()), Err(Refusal::TechnicalAlarm));
    assert_eq!(world.tries("anna", alarm, arrive()), Err(Refusal::TechnicalAlarm));
    assert_eq!(world.tries("anna", alarm, redirect()), Err(Refusal::TechnicalAlarm));
    assert_eq!(world.tells("central", alarm_unanswered("t-1")), Err(Refusal::Unchanged));
    assert_eq!(world.tells("central", alarm_redirected("t-1")), Err(Refusal::Unchanged));
    world.does("anna", alarm, technical_done());
    assert!(!world.entry(alarm).is_open());
    assert_eq!(world.answering("jammerbugt", Board::Alarms, 999), (0, 0));
}

#[test]
fn technical_done_is_refused_for_a_persons_alarm() {
    let (mut world, alarm) = raised();
    assert_eq!(world.tries("anna", alarm, technical_done()), Err(Refusal::NotTechnical));
}

#[test]
fn a_technical_signal_does_not_fold_into_a_persons_alarm() {
    let (mut world, alarm) = raised();
    world.given(alarm_of("t-1", Some("dev-1"), true, false));
    assert_ne!(world.of("t-1"), alarm);
}

#[test]
fn a_test_alarm_never_rings_out_and_counts_nowhere() {
    let mut world = World::new();
    world.given(alarm_of("p-1", Some("dev-1"), false, true)).pass_minutes(10);
    let alarm = world.of("p-1");
    assert_eq!(world.state_of(alarm), "raised");
    assert_eq!(world.tries("anna", alarm, redirect()), Err(Refusal::TestAlarm));
    world.does("anna", alarm, close("test"));
    assert_eq!(world.answering("jammerbugt", Board::Alarms, 999), (0, 0));
}

#[test]
fn an_alarm_closed_as_a_test_leaves_the_figures() {
    let (mut world, alarm) = raised();
    world.does("anna", alarm, claim());
    assert_eq!(world.answering("jammerbugt", Board::Alarms, 999), (1, 1));
    world.does("anna", alarm, close("test"));
    assert_eq!(world.answering("jammerbugt", Board::Alarms, 999), (0, 0));
    world.does("anna", alarm, correct("outcome"));
    assert_eq!(world.answering("jammerbugt", Board::Alarms, 999), (1, 1));
}

// ---- redirect, justification, action plan ------------------------------------------------------

#[test]
fn a_redirected_alarm_is_over_when_the_justification_has_been_sent() {
    let (mut world, alarm) = raised();
    world.does("anna", alarm, redirect());
    assert_eq!(world.state_of(alarm), "redirected");
    assert!(world.entry(alarm).is_open());
    assert_eq!(world.redirects_used("jammerbugt"), 1);
    world.does("anna", alarm, justify_begin());
    assert_eq!(world.tries("bo", alarm, justify_begin()), Err(Refusal::AlreadyDone));
    world.pass_days(2).does("lea", alarm, justify_sent());
    assert_eq!(world.state_of(alarm), "justified");
    assert!(!world.entry(alarm).is_open());
    assert!(!world.alarm(alarm).justification.as_ref().unwrap().sent.as_ref().unwrap().late);
}

#[test]
fn redirecting_twice_is_done_already() {
    let (mut world, alarm) = raised();
    world.does("anna", alarm, redirect());
    assert_eq!(world.tries("anna", alarm, redirect()), Err(Refusal::AlreadyDone));
    assert_eq!(world.tells("central", alarm_redirected("a-1")), Err(Refusal::Unchanged));
    assert_eq!(world.redirects_used("jammerbugt"), 1);
}

#[test]
fn an_unanswered_alarm_owes_the_justification_even_when_it_is_helped_late() {
    let (mut world, alarm) = rung_out();
    world.does("anna", alarm, own_help()).does("anna", alarm, close("helped"));
    assert!(world.entry(alarm).is_open(), "the paper is left");
    assert_eq!(world.state_of(alarm), "closed");
    assert!(world.entry(alarm).holder.is_none());
    world.does("lea", alarm, justify_sent());
    assert!(!world.entry(alarm).is_open());
}

#[test]
fn the_justification_counts_from_the_ring_out_and_not_from_the_redirect() {
    let (mut world, alarm) = rung_out();
    let due = world.due(alarm, DueKind::Justification);
    world.pass_minutes(30).does("anna", alarm, redirect());
    assert_eq!(world.due(alarm, DueKind::Justification), due);
    assert_eq!(world.redirects_used("jammerbugt"), 1);
}

#[test]
fn the_justification_counts_from_the_ring_out_also_when_the_redirect_was_told_first() {
    let (mut world, alarm) = raised();
    let rang_out_at = world.now + Duration::seconds(100);
    world.pass_seconds(120).given(alarm_redirected("a-1"));
    world.tells_of("central", rang_out_at, alarm_unanswered("a-1")).unwrap();
    assert_eq!(world.alarm(alarm).justification.as_ref().unwrap().started_at, rang_out_at);
}

#[test]
fn seven_days_over_the_spring_change_end_at_the_same_clock_time() {
    let mut world = World::new();
    // Copenhagen, Sunday 28 March 2027: 02:00 becomes 03:00.
    world.now = at("2027-03-23T12:00:00Z");
    world.given(alarm_raised("a-1")).pass_seconds(180);
    assert_eq!(world.due(world.of("a-1"), DueKind::Justification), Some(at("2027-03-30T11:03:00Z")));
}

#[test]
fn a_clock_time_that_the_spring_change_removes_is_the_last_instant_before_the_gap() {
    let mut world = World::new();
    // Rings out at 02:30 local on 21 March; 02:30 does not exist on the 28th.
    world.now = at("2027-03-21T01:27:00Z");
    world.given(alarm_raised("a-1")).pass_seconds(180);
    assert_eq!(world.due(world.of("a-1"), DueKind::Justification), Some(at("2027-03-28T00:59:59.999Z")));
}

#[test]
fn a_clock_time_that_the_autumn_change_doubles_is_the_first_of_the_two() {
    let mut world = World::new();
    // Rings out at 02:30 local on 18 October 2026; the 25th has 02:30 twice.
    world.now = at("2026-10-18T00:27:00Z");
    world.given(alarm_raised("a-1")).pass_seconds(180);
    assert_eq!(world.due(world.of("a-1"), DueKind::Justification), Some(at("2026-10-25T00:30:00Z")));
}

#[test]
fn a_justification_sent_after_its_time_is_late_for_ever() {
    let (mut world, alarm) = raised();
    world.does("anna", alarm, redirect()).pass_days(7).pass_seconds(1);
    world.does("lea", alarm, justify_sent());
    assert!(world.alarm(alarm).justification.as_ref().unwrap().sent.as_ref().unwrap().late);
    world.does("lea", alarm, correct("justification"));
    assert_eq!(world.state_of(alarm), "redirected");
    assert!(world.entry(alarm).is_open());
    world.does("lea", alarm, justify_sent());
    assert!(world.alarm(alarm).justification.as_ref().unwrap().sent.as_ref().unwrap().late);
}

#[test]
fn a_justification_counts_as_sent_when_it_happened_and_not_when_it_was_written_down() {
    let (mut world, alarm) = raised();
    world.does("anna", alarm, redirect());
    let sent_at = world.now + Duration::days(6);
    world.pass_days(9);
    world.tries_of("lea", sent_at, alarm, justify_sent()).unwrap();
    assert!(!world.alarm(alarm).justification.as_ref().unwrap().sent.as_ref().unwrap().late);
}

#[test]
fn the_second_redirect_within_thirty_days_opens_the_action_plan() {
    let mut world = World::new();
    redirected(&mut world, "a-1");
    assert!(world.open_duties(DutyKind::ActionPlan).is_empty());
    world.pass_days(30);
    let second = redirected(&mut world, "a-2");
    let plans = world.open_duties(DutyKind::ActionPlan);
    assert_eq!(plans.len(), 1);
    assert_eq!(world.redirects_used("jammerbugt"), 2);
    assert!(matches!(&world.entry(plans[0]).body,
        vagttavle::domain::entry::Body::Duties(duty) if duty.about == Some(second)));
    redirected(&mut world, "a-3");
    assert_eq!(world.open_duties(DutyKind::ActionPlan).len(), 1, "one plan at a time");
}

#[test]
fn the_first_redirect_falls_out_on_the_thirty_first_day() {
    let mut world = World::new();
    redirected(&mut world, "a-1");
    world.pass_days(31);
    redirected(&mut world, "a-2");
    assert!(world.open_duties(DutyKind::ActionPlan).is_empty());
    assert_eq!(world.redirects_used("jammerbugt"), 1);
}

#[test]
fn the_window_is_of_local_dates_and_not_of_hours() {
    let mut world = World::new();
    // 23:30 local on 1 December; 30 dates later, 00:10 on 1 January, is 29 days and 40 minutes.
    world.now = at("2026-12-01T22:30:00Z");
    redirected(&mut world, "a-1");
    world.now = at("2026-12-31T22:50:00Z");
    assert_eq!(world.redirects_used("jammerbugt"), 1, "31 December, 23:50 local: the thirtieth date");
    world.now = at("2026-12-31T23:10:00Z");
    assert_eq!(world.redirects_used("jammerbugt"), 0, "1 January, 00:10 local: the thirty-first");
}

#[test]
fn a_redirect_told_late_completes_a_window_that_ends_after_it() {
    let mut world = World::new();
    world.given(alarm_of("old", Some("old"), false, false));
    let old = world.of("old");
    let then = world.now;
    world.pass_days(10);
    redirected(&mut world, "a-1");
    world.tries_of("anna", then, old, redirect()).unwrap();
    assert_eq!(world.open_duties(DutyKind::ActionPlan).len(), 1);
}

#[test]
fn redirects_of_another_municipality_do_not_count() {
    let mut world = World::new();
    redirected(&mut world, "a-1");
    let mut world = world.within(&["norddjurs"]);
    redirected(&mut world, "a-2");
    assert_eq!(world.redirects_used("jammerbugt"), 1);
    assert!(world.open_duties(DutyKind::ActionPlan).is_empty());
}

#[test]
fn a_contested_redirect_counts_until_it_is_corrected() {
    let (mut world, alarm) = raised();
    assert_eq!(
        world.tries("anna", alarm, contest("was-answered")),
        Err(Refusal::WrongState { state: "raised".into() })
    );
    world.does("anna", alarm, redirect()).does("lea", alarm, contest("was-answered"));
    assert_eq!(world.tries("lea", alarm, contest("not-ours")), Err(Refusal::AlreadyDone));
    assert_eq!(world.redirects_used("jammerbugt"), 1);
    assert_eq!(world.alarm(alarm).redirect.as_ref().unwrap().contested, Some(word("was-answered")));
}

#[test]
fn no_word_silences_a_person_and_none_is_folded_into_what_does_not_ring() {
    let raised_as = |technical: bool, test: bool| Observation::AlarmRaised {
        alarm: id("a-1"),
        device: Some(id("dev-1")),
        citizen: None,
        trigger: Some(code(if technical { "low-battery" } else { "pendant" })),
        technical,
        test,
    };
    for (technical, test) in [(true, false), (false, true)] {
        for later in [0, 30] {
            for person_first in [true, false] {
                let mut world = World::new();
                let (first, second) = match person_first {
                    true => (raised_as(false, false), raised_as(technical, test)),
                    false => (raised_as(technical, test), raised_as(false, false)),
                };
                world.given(first.clone());
                world.pass_seconds(later);
                world.given(second.clone());
                let open = || world.state.open_on(Board::Alarms).collect::<Vec<_>>();
                assert_eq!(open().len(), 2, "{technical} {test} {later} {person_first}");
                let rings = |entry: &&&Entry| {
                    matches!(&entry.body, Body::Alarms(alarm) if alarm.is_person_alarm())
                        && entry.state() == "raised"
                };
                assert_eq!(open().iter().filter(rings).count(), 1);
                assert!(world.state.open_on(Board::Sources).next().is_some(), "source health says so");
                // Told again it is no third.
                let _ = world.tells("central", second);
                assert_eq!(world.state.open_on(Board::Alarms).count(), 2);
            }
        }
    }
}

#[test]
fn a_button_that_is_stuck_is_one_alarm_and_a_press_after_a_pause_another() {
    let (mut world, alarm) = raised();
    let press = |nth: u32| alarm_of(&format!("p-{nth}"), Some("dev-1"), false, false);
    for nth in 0..40 {
        world.pass_seconds(10);
        world.given(press(nth));
    }
    assert_eq!(world.state_of(alarm), "unanswered", "it rang out, and is pressed on");
    assert_eq!(world.state.open_on(Board::Alarms).count(), 1);
    assert_eq!(world.alarm(alarm).signals, 41);
    world.pass_seconds(60);
    world.given(press(40));
    let states: Vec<_> = world.state.open_on(Board::Alarms).map(Entry::state).collect();
    assert_eq!(states, ["unanswered", "raised"], "somebody presses anew");
}

#[test]
fn an_id_told_in_turn_as_a_persons_and_as_the_batterys_is_two_rows_and_no_more() {
    let mut world = World::new();
    for nth in 0..6 {
        let technical = nth % 2 == 1;
        world.given(alarm_of("a-1", Some("dev-1"), technical, false)).pass_seconds(10);
    }
    assert_eq!(world.state.open_on(Board::Alarms).count(), 2);
}

#[test]
fn a_press_after_a_talk_rings_anew_however_soon() {
    let (mut world, alarm) = raised();
    world.pass_seconds(170);
    world.given(alarm_of("p-1", Some("dev-1"), false, false)).pass_seconds(12);
    assert_eq!(world.state_of(alarm), "unanswered");
    world.given(alarm_answered("a-1", None)).pass_seconds(1);
    world.given(alarm_of("p-2", Some("dev-1"), false, false));
    let rings = |entry: &&Entry| entry.state() == "raised";
    assert_eq!(world.state.open_on(Board::Alarms).filter(rings).count(), 1);
}

// ---- the way back ------------------------------------------------------------------------------

#[test]
fn there_is_nothing_to_correct_on_a_fresh_alarm() {
    let (mut world, alarm) = raised();
    for what in vagttavle::domain::alarms::Correctable::ALL {
        assert_eq!(
            world.tries("anna", alarm, correct(what.name())),
            Err(Refusal::NothingToCorrect),
            "{what}"
        );
    }
}

#[test]
fn a_wrong_redirect_is_corrected_and_leaves_ledger_and_plan() {
    let mut world = World::new();
    redirected(&mut world, "a-1");
    let second = redirected(&mut world, "a-2");
    let plan = world.open_duties(DutyKind::ActionPlan)[0];
    world.does("lea", second, correct("redirect"));
    assert_eq!(world.redirects_used("jammerbugt"), 1);
    assert_eq!(world.last_kinds(2), ["alarms.corrected", "duties.withdrawn"]);
    assert!(!world.entry(plan).is_open(), "nothing demands the plan any more");
    assert_eq!(world.state_of(second), "raised");
    assert_eq!(world.due(second, DueKind::Justification), None, "only the redirect had started it");
    assert!(world.due(second, DueKind::RingOut).is_some(), "back on the board with a clock");
}

#[test]
fn correcting_a_redirect_leaves_the_clock_that_the_ring_out_started() {
    let (mut world, alarm) = rung_out();
    let due = world.due(alarm, DueKind::Justification);
    world.does("anna", alarm, redirect()).does("anna", alarm, correct("redirect"));
    assert_eq!(world.state_of(alarm), "unanswered");
    assert_eq!(world.due(alarm, DueKind::Justification), due);
    assert_eq!(world.due(alarm, DueKind::RingOut), None);
}

#[test]
fn a_redirect_that_closed_the_alarm_can_be_corrected_too() {
    let mut world = World::new().within(&["norddjurs"]);
    world.given(alarm_raised("a-1"));
    let alarm = world.of("a-1");
    world.does("anna", alarm, redirect());
    assert!(!world.entry(alarm).is_open());
    world.does("anna", alarm, correct("redirect"));
    assert!(world.entry(alarm).is_open());
    assert_eq!(world.state_of(alarm), "raised");
    assert!(world.due(alarm, DueKind::RingOut).is_some());
}

#[test]
fn a_wrong_ring_out_is_corrected_with_its_justification() {
    let (mut world, alarm) = rung_out();
    world.does("anna", alarm, claim()).does("anna", alarm, correct("unanswered"));
    assert_eq!(world.due(alarm, DueKind::Justification), None);
    assert_eq!(world.state_of(alarm), "claimed");
    assert!(world.due(alarm, DueKind::Claim).is_some());
    assert_eq!(world.answering("jammerbugt", Board::Alarms, 180), (1, 1));
}

#[test]
fn a_wrong_outcome_brings_the_alarm_back_with_a_clock() {
    let (mut world, alarm) = raised();
    world.does("anna", alarm, close("nothing-wrong"));
    assert_eq!(world.answering("jammerbugt", Board::Alarms, 60), (1, 1), "whoever closes it has answered it");
    world.does("bo", alarm, correct("outcome"));
    assert_eq!(world.state_of(alarm), "raised");
    assert_eq!(world.answering("jammerbugt", Board::Alarms, 60), (0, 0), "it still rings");
    world.pass_seconds(180);
    assert_eq!(world.state_of(alarm), "unanswered");
}

#[test]
fn a_wrong_outcome_after_help_was_sent_brings_the_time_on_site_back() {
    let (mut world, alarm) = raised();
    let sent_at = world.now;
    world.does("anna", alarm, own_help()).does("anna", alarm, close("helped")).pass_minutes(3);
    world.does("anna", alarm, correct("outcome"));
    assert_eq!(world.state_of(alarm), "help-sent");
    assert_eq!(world.due(alarm, DueKind::Arrive), Some(sent_at + Duration::minutes(30)));
}

#[test]
fn a_wrong_response_gives_the_claim_its_limit_back() {
    let (mut world, alarm) = raised();
    world.does("anna", alarm, own_help()).pass_minutes(2).does("anna", alarm, correct("response"));
    assert_eq!(world.state_of(alarm), "claimed");
    assert_eq!(world.due(alarm, DueKind::Arrive), None);
    assert_eq!(world.due(alarm, DueKind::Claim), Some(world.now + Duration::minutes(15)));
    world.pass_minutes(15);
    assert_eq!(world.state_of(alarm), "raised");
}

#[test]
fn a_wrong_arrival_brings_the_time_on_site_back() {
    let (mut world, alarm) = raised();
    world.does("anna", alarm, own_help());
    let due = world.due(alarm, DueKind::Arrive);
    world.does("anna", alarm, arrive()).does("anna", alarm, correct("arrival"));
    assert_eq!(world.state_of(alarm), "help-sent");
    assert_eq!(world.due(alarm, DueKind::Arrive), due);
}

#[test]
fn a_begun_justification_can_be_taken_back() {
    let (mut world, alarm) = raised();
    world.does("anna", alarm, redirect()).does("anna", alarm, justify_begin());
    world.does("anna", alarm, correct("justification"));
    assert_eq!(world.alarm(alarm).justification.as_ref().unwrap().begun_at, None);
    world.does("anna", alarm, justify_begin());
}

// ---- whose it is -------------------------------------------------------------------------------

#[test]
fn while_the_municipality_is_unknown_the_strictest_candidate_rules() {
    let mut world = World::new().within(&["jammerbugt", "norddjurs"]);
    world.given(alarm_raised("a-1")).pass_seconds(180);
    let alarm = world.of("a-1");
    assert_eq!(world.due(alarm, DueKind::Justification), Some(at("2026-11-29T02:03:00Z")));
    world.does("anna", alarm, redirect());
    assert_eq!(world.redirects_used("jammerbugt"), 0, "nobody has said whose it is");
}

#[test]
fn assigning_a_redirected_alarm_puts_it_into_that_ledger() {
    let mut world = World::new();
    redirected(&mut world, "a-1");
    let mut world = world.within(&["jammerbugt", "norddjurs"]);
    let second = redirected(&mut world, "a-2");
    assert!(world.open_duties(DutyKind::ActionPlan).is_empty());
    world.does("anna", second, assign_alarm("jammerbugt"));
    assert_eq!(world.redirects_used("jammerbugt"), 2);
    assert_eq!(world.open_duties(DutyKind::ActionPlan).len(), 1);
    assert!(world.due(second, DueKind::Justification).is_some());
    assert_eq!(world.tries("anna", second, assign_alarm("jammerbugt")), Err(Refusal::AlreadyDone));
    world.does("anna", second, assign_alarm("norddjurs"));
    assert_eq!(world.redirects_used("jammerbugt"), 1);
    assert!(world.open_duties(DutyKind::ActionPlan).is_empty());
    assert!(!world.entry(second).is_open(), "Norddjurs asks for no justification");
    assert_eq!(
        world.tries("mette", second, assign_alarm("jammerbugt")).unwrap_err().code(),
        "unknown-agreement"
    );
    world.does("anna", second, assign_alarm("jammerbugt"));
    assert!(world.entry(second).is_open());
}
