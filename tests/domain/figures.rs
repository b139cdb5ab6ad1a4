//! Figures: the redirect ledger by dates, and answering by month, counted again from scratch.

use vagttavle::domain::identity::Board;
use vagttavle::domain::observation::MissedReason;
use vagttavle::protocol::project;

use crate::support::*;

#[test]
fn the_ledger_shows_the_day_on_which_the_oldest_falls_out() {
    let mut world = World::new();
    world.given(alarm_raised("a-1"));
    world.does("anna", world.of("a-1"), redirect());
    let ledger = &project::ledgers(&world.state, &[agreement("jammerbugt")], world.now)[0];
    assert_eq!((ledger.used, ledger.limit, ledger.window_days), (1, 2, 30));
    assert_eq!(ledger.clears_on, "2026-12-23".parse().ok());
    assert!(!ledger.action_plan);
    world.now = at("2026-12-22T22:59:59Z");
    let ledger = &project::ledgers(&world.state, &[agreement("jammerbugt")], world.now)[0];
    assert_eq!(ledger.used, 1, "a second before that day begins in Copenhagen");
    world.now = at("2026-12-22T23:00:00Z");
    let ledger = &project::ledgers(&world.state, &[agreement("jammerbugt")], world.now)[0];
    assert_eq!((ledger.used, ledger.clears_on), (0, None));
}

#[test]
fn an_agreement_without_a_limit_has_no_ledger() {
    let world = World::new();
    assert!(project::ledgers(&world.state, &[agreement("norddjurs")], world.now).is_empty());
}

#[test]
fn a_call_counts_in_the_copenhagen_month_in_which_it_began() {
    let mut world = World::new();
    world.now = at("2026-11-30T22:59:58Z");
    world.given(call_waiting("c-1"));
    world.pass_seconds(10).given(call_answered("c-1", None)).given(call_waiting("c-2"));
    world.given(call_answered("c-2", None));
    assert_eq!(world.answering("jammerbugt", Board::Phone, 60), (1, 1), "December");
    world.now = at("2026-11-30T22:59:58Z");
    assert_eq!(world.answering("jammerbugt", Board::Phone, 60), (1, 1), "November");
}

#[test]
fn below_forty_calls_one_miss_breaks_the_goal() {
    let mut world = World::new();
    for call in 0..39 {
        let name = format!("c-{call}");
        world.given(call_waiting(&name)).given(call_answered(&name, None));
    }
    let figures = |world: &World| {
        project::answering(&world.state, &[agreement("jammerbugt")], world.now)
            .into_iter()
            .find(|it| it.board == Board::Phone)
            .unwrap()
    };
    assert_eq!(figures(&world).within[0].misses_left, 0);
    world.given(call_waiting("late")).pass_seconds(61).given(call_answered("late", None));
    let within = &figures(&world).within;
    assert_eq!((within[0].s, within[0].count, within[0].of, within[0].misses_left), (60, 39, 40, 0));
    assert_eq!((within[1].s, within[1].count), (180, 40));
}

#[test]
fn a_caller_who_hangs_up_at_once_is_left_out_and_one_who_waited_counts() {
    let mut world = World::new();
    world.given(call_waiting("c-1")).pass_seconds(4).given(call_missed("c-1", MissedReason::HungUp));
    assert_eq!(world.answering("jammerbugt", Board::Phone, 999), (0, 0));
    world.given(call_waiting("c-2")).pass_seconds(5).given(call_missed("c-2", MissedReason::HungUp));
    world.given(call_waiting("c-3")).pass_seconds(4).given(call_missed("c-3", MissedReason::NoAgent));
    assert_eq!(world.answering("jammerbugt", Board::Phone, 999), (0, 2));
}

#[test]
fn a_redirect_counts_as_long_as_the_window_is_wide() {
    use vagttavle::domain::agreement::{Value, built_in};
    use vagttavle::domain::{Actor, Command, Request};
    let mut world = World::new();
    let mut wide = built_in().remove(1);
    wide.alarms.redirect_window_days = Some(Value::Own { value: 90 });
    let ctx = world.ctx(Actor::Server);
    let adopt = Command::Adopt(Box::new(wide));
    world.ask(&ctx, &Request::Command { entry: None, expected_version: None, command: adopt }).unwrap();
    world.given(alarm_raised("a-1"));
    let alarm = world.of("a-1");
    world.does("anna", alarm, redirect()).does("lea", alarm, justify_sent());
    world.pass_days(80).given(call_waiting("c-1"));
    assert_eq!(world.redirects_used("jammerbugt"), 1);
    world.does("lea", alarm, correct("redirect"));
    assert_eq!(world.redirects_used("jammerbugt"), 0);
}
