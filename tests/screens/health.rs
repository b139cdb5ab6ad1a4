//! How the sources are: their board, and the strip in the head of every screen.

use chrono::Duration;
use rstest::rstest;
use serde_json::{Value, json};
use vagttavle::i18n::Lang;
use vagttavle::protocol::board::BoardSnapshot;

use crate::desk::Desk;
use crate::night::{self, ago};
use crate::screens::snapshot;

fn sources(sources: Value) -> BoardSnapshot {
    let mut board = night::board(vec![night::missed(31, 540, false)]);
    board.sources = serde_json::from_value(sources).unwrap();
    board
}

/// One of each kind of trouble, and what was never set up.
fn every_condition() -> BoardSnapshot {
    let mut board = sources(json!([
        { "name": "central", "kind": "ami", "state": "late", "heard_at": ago(14), "expected_within_s": 12 },
        { "name": "reserve", "kind": "ami", "state": "silent", "heard_at": ago(760), "expected_within_s": 12,
          "why": "login-refused", "clock_ahead_s": -190,
          "unreadable": [{ "what": "line-too-long", "count": 3, "last_at": ago(600) },
                         { "what": "not-a-header", "count": 1, "last_at": ago(900) }] },
        { "name": "tryghed", "kind": "scaip", "state": "ok", "heard_at": ago(40), "expected_within_s": 3600 },
        { "name": "vestby", "kind": "web-hook", "state": "ok", "heard_at": ago(700) },
        { "name": "nordlys", "kind": "web-hook", "state": "off" },
        { "name": "sygehus", "kind": "medcom", "state": "silent", "since": ago(9_000), "expected_within_s": 3600 },
        { "name": "vagt-jammerbugt", "kind": "desks", "state": "ok", "heard_at": ago(1), "expected_within_s": 30 },
        { "name": "vagt-norddjurs", "kind": "desks", "state": "silent", "heard_at": ago(45), "expected_within_s": 30 },
        { "name": "ruter", "kind": "web-hook", "state": "off", "set_up": false, "why": "no-token" },
        { "name": "escalation", "kind": "escalation", "state": "off", "set_up": false },
    ]));
    board.entries.push(night::silent(44));
    board
}

#[rstest]
fn every_condition_of_a_source(
    #[values((60, 20), (80, 24))] size: (u16, u16),
    #[values(Lang::Danish, Lang::English)] lang: Lang,
) {
    let (width, height) = size;
    let mut desk = Desk::new(width, height).lang(lang).showing(every_condition());
    desk.press("8");
    snapshot(&format!("health__every__{width}x{height}__{}", lang.name()), &desk.screen());
}

/// The third line of the head.
fn strip(board: BoardSnapshot, width: u16) -> String {
    let desk = Desk::new(width, 24).showing(board);
    desk.screen().lines().nth(2).unwrap().trim_end().to_owned()
}

#[test]
fn the_strip_says_last_heard_expected_within_and_what_is_missing_on_every_screen() {
    let one = json!([{ "name": "central", "kind": "ami", "state": "late", "heard_at": ago(14), "expected_within_s": 12 }]);
    let said = strip(sources(one), 80);
    assert!(said.starts_with("central: intet i 14 s, ventet inden 12 s"), "{said}");

    let never = json!([{ "name": "sygehus", "kind": "medcom", "state": "silent", "since": ago(9_000), "expected_within_s": 3600 }]);
    let said = strip(sources(never), 80);
    assert!(said.starts_with("sygehus: intet hørt siden 00:42, ventet inden 1 t"), "{said}");

    let many: Vec<Value> = (0..6)
        .map(|nth| json!({ "name": format!("kilde-{nth}"), "kind": "ami", "state": "silent", "heard_at": ago(99), "expected_within_s": 12 }))
        .collect();
    let said = strip(sources(Value::Array(many)), 80);
    assert!(said.starts_with("6 kilder mangler: kilde-0, kilde-1, kilde-2"), "{said}");
}

#[test]
fn when_all_are_heard_the_strip_names_the_one_that_is_nearest_to_being_late() {
    let board = sources(json!([
        { "name": "central", "kind": "ami", "state": "ok", "heard_at": ago(3), "expected_within_s": 12 },
        { "name": "tryghed", "kind": "scaip", "state": "ok", "heard_at": ago(600), "expected_within_s": 3600 },
        { "name": "scaip", "kind": "scaip", "state": "off", "set_up": false },
    ]));
    let said = strip(board, 100);
    assert!(said.ends_with("Kilder: alle hørt (central 3 s af 12 s)"), "{said}");
}

#[test]
fn nothing_that_is_not_set_up_is_called_heard() {
    let board = sources(json!([{ "name": "scaip", "kind": "scaip", "state": "off", "set_up": false }]));
    assert!(!strip(board, 120).contains("alle hørt"));
}

#[test]
fn the_age_grows_while_nothing_comes() {
    let one = json!([{ "name": "central", "kind": "ami", "state": "late", "heard_at": ago(14), "expected_within_s": 12 }]);
    let mut desk = Desk::new(80, 24).showing(sources(one));
    desk.pass(Duration::seconds(3));
    assert!(desk.screen().contains("central: intet i 17 s"), "{}", desk.screen());
}

#[rstest]
fn an_alarm_whose_second_person_could_not_be_called(#[values(Lang::Danish, Lang::English)] lang: Lang) {
    let mut alarm = night::ringing(12);
    let called = |outcome: &str, times: u32| {
        serde_json::from_value(json!({ "why": "unclaimed", "begun_at": ago(50), "outcome": outcome,
                                       "ended_at": ago(20), "times": times }))
        .unwrap()
    };
    alarm.escalation = Some(called("failed", 5));
    let mut other = night::ringing(13);
    other.escalation = Some(called("sent", 1));
    let mut board = sources(json!([
        { "name": "bagvagt-kommando", "kind": "escalation", "state": "silent", "why": "command-failed", "since": ago(900) },
        { "name": "bagvagt-web-hook", "kind": "escalation", "state": "off" },
    ]));
    board.entries = vec![alarm, other];
    let mut desk = Desk::new(80, 24).lang(lang).showing(board);
    desk.press("2");
    let name = lang.name();
    snapshot(&format!("health__escalation__80x24__{name}"), &desk.screen());
    desk.press("8");
    snapshot(&format!("health__escalation-ways__80x24__{name}"), &desk.screen());
    desk.press("2 Enter");
    snapshot(&format!("health__escalation-detail__80x24__{name}"), &desk.screen());
}
