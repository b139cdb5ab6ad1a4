//! Screens as text. Names say board, state, size and language; styled ones say theme and depth.

use chrono::Duration;
use rstest::rstest;
use termprofile::TermProfile;
use vagttavle::i18n::Lang;
use vagttavle::protocol::board::BoardSnapshot;
use vagttavle::protocol::history::{CitizenHistory, PastEntry};
use vagttavle::protocol::{Problem, StreamItem};
use vagttavle::tui::effect::{Effect, Purpose};
use vagttavle::tui::msg::Msg;

use crate::desk::Desk;
use crate::night;

const PLACES: [(&str, &str); 9] = [
    ("overview", "1"),
    ("alarms", "2"),
    ("phone", "3"),
    ("discharges", "4"),
    ("visits", "5"),
    ("duties", "6"),
    ("shift", "7"),
    ("sources", "8"),
    ("agreements", "9"),
];

pub fn snapshot(name: &str, screen: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, screen));
}

fn one(place: &str) -> BoardSnapshot {
    night::board(match place {
        "alarms" | "overview" => vec![night::ringing(12)],
        "phone" => vec![night::waiting(33)],
        "discharges" => vec![night::comes_home(60)],
        "visits" => vec![night::late_visit(61)],
        "duties" => vec![night::duty(40, "documentation", Some(night::ahead(1_900)))],
        "sources" => vec![night::silent(44)],
        _ => Vec::new(),
    })
}

#[rstest]
fn every_place_in_every_state_at_80x24_in_danish(
    #[values("empty", "one", "busy", "overflowing", "stale", "pending")] state: &str,
) {
    for (place, key) in PLACES {
        let board = match state {
            "empty" => night::board(Vec::new()),
            "one" => one(place),
            "overflowing" => night::overflowing(),
            _ => night::busy(),
        };
        let has_entries = !matches!(place, "shift" | "agreements");
        let is_worth_it = match state {
            "busy" | "empty" => true,
            "stale" => has_entries || place == "shift",
            _ => has_entries,
        };
        if !is_worth_it {
            continue;
        }
        let mut desk = Desk::with(board);
        desk.press(key);
        match state {
            "stale" => {
                desk.pass(Duration::seconds(7));
            }
            "pending" => {
                // Whatever the chosen entry takes without a form.
                for key in ["t", "a J", "o J"] {
                    if desk.model.pending.is_empty() {
                        desk.press("Esc").press(key_of(place)).press(key);
                    }
                }
            }
            _ => {}
        }
        snapshot(&format!("{place}__{state}__80x24__da"), &desk.screen());
    }
}

fn key_of(place: &str) -> &str {
    PLACES.iter().find(|(name, _)| *name == place).map_or("1", |(_, key)| key)
}

#[rstest]
fn a_busy_board_in_every_size_and_language(
    #[values((60, 20), (80, 24), (120, 40))] size: (u16, u16),
    #[values(Lang::Danish, Lang::English)] lang: Lang,
) {
    for (place, key) in [PLACES[0], PLACES[1], PLACES[2], PLACES[6]] {
        let (width, height) = size;
        let mut desk = Desk::new(width, height).lang(lang).showing(night::busy());
        desk.press(key);
        snapshot(&format!("{place}__busy__{width}x{height}__{}", lang.name()), &desk.screen());
    }
}

#[rstest]
#[case("nat", TermProfile::TrueColor, "truecolor")]
#[case("dag", TermProfile::TrueColor, "truecolor")]
#[case("kontrast", TermProfile::TrueColor, "truecolor")]
#[case("nat", TermProfile::Ansi16, "16-colours")]
#[case("nat", TermProfile::NoColor, "no-colour")]
fn a_busy_overview_in_every_theme(#[case] theme: &str, #[case] depth: TermProfile, #[case] name: &str) {
    let desk = Desk::with(night::busy()).theme(theme, depth);
    snapshot(&format!("overview__styled__{theme}__{name}"), &desk.styled());
}

/// The night's board with the queues of its exchange: two with somebody, one that nobody takes.
fn with_queues(waiting: u32) -> BoardSnapshot {
    let mut board = night::busy();
    board.sources[0].queues = serde_json::from_value(serde_json::json!([
        { "queue": "doegnvagt", "on_duty": 2, "busy": 1, "paused": 1, "waiting": 0 },
        { "queue": "noedkald", "on_duty": 0, "busy": 0, "paused": 1, "waiting": waiting },
    ]))
    .unwrap();
    board
}

#[rstest]
fn who_takes_the_calls(#[values(Lang::Danish, Lang::English)] lang: Lang) {
    let mut desk = Desk::new(120, 40).lang(lang).showing(with_queues(1));
    desk.press("7");
    snapshot(&format!("shift__queues__120x40__{}", lang.name()), &desk.screen());
    let desk = Desk::new(80, 24).lang(lang).showing(with_queues(0));
    snapshot(&format!("overview__queues__80x24__{}", lang.name()), &desk.screen());
}

#[test]
fn the_detail_pane() {
    for (name, entry) in [
        ("ringing", night::ringing(12)),
        ("held-by-another", night::claimed(9)),
        ("help-late", night::help_late(7)),
        ("redirected", night::redirected(5)),
        ("waiting-call", night::waiting(33)),
        ("missed-call", night::missed(28, 2_400, true)),
        ("duty", night::duty(40, "documentation", Some(night::ahead(1_900)))),
        ("source", night::silent(44)),
        ("discharge", night::comes_home(60)),
        ("visit", night::late_visit(61)),
    ] {
        let id = entry.id;
        let mut desk = Desk::with(night::board(vec![entry.clone()]));
        desk.press("Enter");
        snapshot(&format!("detail__{name}__loading__80x24__da"), &desk.screen());
        desk.send(Msg::Fetched { entry: id, outcome: Ok(Box::new(night::opened(entry))) }).press("G");
        snapshot(&format!("detail__{name}__end__80x24__da"), &desk.screen());
    }
}

#[test]
fn a_wide_desk_with_an_opened_entry() {
    let mut desk = Desk::new(120, 40).showing(night::busy());
    desk.press("j Enter");
    let entry = night::claimed(9);
    desk.send(Msg::Fetched { entry: entry.id, outcome: Ok(Box::new(night::opened(entry))) });
    snapshot("overview__opened__120x40__da", &desk.screen());
}

#[test]
fn an_opened_entry_that_is_over() {
    let mut over = night::ringing(12);
    let mut desk = Desk::with(night::board(vec![over.clone()]));
    desk.press("Enter");
    desk.send(Msg::Fetched { entry: over.id, outcome: Ok(Box::new(night::opened(over.clone()))) });
    over.closed_at = Some(night::now());
    desk.item(night::recorded(101, over));
    desk.shows("Posten er lukket.");
}

/// Every overlay over the busy overview.
#[rstest]
#[case("menu", "Space")]
#[case("menu-refused", "j Space j")]
#[case("help", "?")]
#[case("numbers", "w")]
#[case("search", "/ «jammer»")]
#[case("respond", "u 1")]
#[case("close", "a")]
#[case("close-confirm", "a 2 Enter")]
#[case("redirect-confirm", "v 1 Enter")]
#[case("justify", "G k B 1 Tab «j2026-» Tab «Vi var hos en anden borger.» Enter «Ingen hørte kaldet.»")]
#[case("note", "n «Ringet til datter.»")]
#[case("missing-field", "a F10")]
#[case("take-over", "j o")]
#[case("call-back", "3 j r 2 Tab «4.30»")]
#[case("call-back-bad-time", "3 j r 2 Tab «snart» Enter")]
#[case("assign", "3 m")]
#[case("give-up", "3 p 1 Enter")]
#[case("correct", "c")]
#[case("postpone", "6 e")]
#[case("duty-done", "6 a Enter")]
#[case("visit-move", "5 e «4.30» Tab 2")]
#[case("discharge-step", "4 d 3")]
#[case("sign-off", "7 -")]
#[case("discard", "n «x» Esc")]
fn overlays(#[case] name: &str, #[case] keys: &str) {
    let mut desk = Desk::with(night::busy());
    desk.press(keys);
    snapshot(&format!("overlay__{name}__80x24__da"), &desk.screen());
}

#[rstest]
#[case("respond", "u 1")]
#[case("close-confirm", "a 2 Enter")]
#[case("menu", "Space")]
fn overlays_fit_the_smallest_screen(#[case] name: &str, #[case] keys: &str) {
    let mut desk = Desk::new(60, 20).showing(night::busy());
    desk.press(keys);
    snapshot(&format!("overlay__{name}__60x20__da"), &desk.screen());
}

/// A citizen with a long night behind them.
fn past() -> CitizenHistory {
    let mut entries = vec![night::ringing(12), night::late_visit(61), night::comes_home(60)];
    entries.extend([night::claimed(9), night::redirected(5), night::missed(28, 2_400, true)]);
    let past = entries.into_iter().enumerate().map(|(place, mut entry)| {
        let days = i64::try_from(place).unwrap();
        (entry.live, entry.actions) = (None, Vec::new());
        entry.opened_at -= Duration::days(days * days);
        if place > 1 {
            entry.closed_at = Some(entry.opened_at + Duration::minutes(42));
        }
        let who = if place == 0 { vec![] } else { vec!["bo".to_owned(), "anna".to_owned()] };
        PastEntry { entry, who }
    });
    CitizenHistory { citizen: "c-12".parse().unwrap(), entries: past.collect(), more: false }
}

#[rstest]
#[case(80, 24, Lang::Danish)]
#[case(60, 20, Lang::Danish)]
#[case(80, 24, Lang::English)]
fn a_citizens_history(#[case] width: u16, #[case] height: u16, #[case] lang: Lang) {
    let about = |name: &str| format!("history__{name}__{width}x{height}__{}", lang.name());
    let mut alarm = night::ringing(12);
    alarm.citizen = Some("c-12".parse().unwrap());
    let mut desk = Desk::new(width, height).lang(lang).showing(night::board(vec![alarm]));
    desk.press("H");
    snapshot(&about("purpose"), &desk.screen());
    desk.press("j Enter");
    let asked = desk.effects.iter().any(|it| {
        matches!(it, Effect::FetchHistory { citizen, purpose: Purpose::Handover, .. } if citizen.as_str() == "c-12")
    });
    assert!(asked, "{:?}", desk.effects);
    let citizen = past().citizen;
    let answer = |outcome| Msg::History { citizen: citizen.clone(), outcome: Box::new(outcome) };
    desk.send(answer(Err(Problem::new(503, "offline"))));
    snapshot(&about("failed"), &desk.screen());
    desk.send(answer(Ok(CitizenHistory { entries: Vec::new(), ..past() })));
    snapshot(&about("empty"), &desk.screen());
    desk.send(answer(Ok(past())));
    snapshot(&about("begin"), &desk.screen());
    desk.press("PgDn PgDn");
    snapshot(&about("end"), &desk.screen());
    // A late answer about somebody else is not shown.
    let other = CitizenHistory { citizen: "c-99".parse().unwrap(), entries: Vec::new(), more: false };
    let before = desk.screen();
    desk.send(Msg::History { citizen: other.citizen.clone(), outcome: Box::new(Ok(other)) });
    assert_eq!(desk.screen(), before);
    desk.press("Esc");
    assert!(!desk.screen().contains("c-12"), "{}", desk.screen());
}

#[test]
fn an_entry_without_a_citizen_has_no_history() {
    let mut desk = Desk::with(night::board(vec![night::waiting(33)]));
    desk.press("H").shows("Det vides ikke, hvilken borger");
}

#[test]
fn a_refused_form_keeps_its_text() {
    let mut desk = Desk::with(night::busy());
    desk.press("n «Ringet til datter.» F10");
    let sent = desk.submitted();
    let problem = Problem::new(503, "care-away");
    desk.send(Msg::Done { id: sent[0].id.clone(), outcome: Box::new(Err(problem)) });
    snapshot("overlay__note-refused__80x24__da", &desk.screen());
}

#[test]
fn a_form_on_its_way_says_so() {
    let mut desk = Desk::with(night::busy());
    desk.press("u 1 Enter");
    snapshot("overlay__respond-sent__80x24__da", &desk.screen());
}

#[test]
fn before_the_first_word_of_the_server() {
    let mut desk = Desk::new(80, 24);
    desk.send(Msg::LinkLost { code: "offline".into() });
    snapshot("connecting__80x24__da", &desk.screen());
}

#[test]
fn too_small_a_screen_keeps_the_alarms() {
    snapshot("too-small__busy__40x8__da", &Desk::new(40, 8).showing(night::busy()).screen());
}

#[test]
fn an_alarm_that_is_not_stored_says_so() {
    let mut desk = Desk::with(night::board(vec![night::waiting(33)]));
    desk.item(StreamItem::Unstored { entry: Box::new(night::ringing(13)) });
    desk.shows("IKKE GEMT").shows("NYT NØDKALD");
    snapshot("overview__unstored__80x24__da", &desk.screen());
}

#[test]
fn what_was_not_checked_is_never_drawn() {
    let mut alarm = night::ringing(12);
    let live = alarm.live.as_mut().unwrap();
    live.name = serde_json::from_str("\"Ann\\u202e\\u001b[2J\\u200b\"").ok();
    let mut desk = Desk::with(night::board(vec![alarm]));
    desk.press("2").shows("Ann<U+202E>");
    desk.press("Enter").shows("Ann<U+202E>^[[2J<U+200B>");
    assert!(!desk.screen().chars().any(|c| c.is_control() && c != '\n'));
}

#[test]
fn no_size_makes_it_fall_over() {
    for width in [1, 2, 10, 59, 60, 61, 79, 109, 110, 111, 200, 400] {
        for height in [1, 2, 5, 19, 20, 21, 23, 24, 60, 100] {
            let mut desk = Desk::new(width, height).showing(night::overflowing());
            for keys in ["G", "Enter G", "Esc Space", "Esc a 1 Enter", "Esc Esc n «x»", "?"] {
                desk.press(keys);
                assert!(!desk.screen().is_empty());
            }
        }
    }
}

#[test]
fn every_text_the_desk_draws_has_a_sentence() {
    // A code in brackets is a hole in the texts.
    for lang in Lang::ALL {
        for (_, key) in PLACES {
            let mut desk = Desk::new(200, 100).lang(lang).showing(night::busy());
            desk.press(key);
            let count = desk.model.rows(desk.model.place).len();
            for _ in 0..count.max(1) {
                for keys in ["Enter", "Esc", "Space", "Esc", "j"] {
                    desk.press(keys);
                    let screen = desk.screen();
                    let hole = screen.lines().find(|line| has_hole(line));
                    assert_eq!(hole, None, "{key} {keys}\n{screen}");
                }
                desk.press(key).press("j");
            }
        }
    }
}

#[test]
fn every_rule_of_the_built_in_agreements_has_words() {
    let built_in = vagttavle::domain::agreement::built_in();
    let agreements: Vec<_> = built_in.iter().map(|it| serde_json::to_value(it).unwrap()).collect();
    for lang in Lang::ALL {
        let mut desk = Desk::new(120, 400).lang(lang).showing(night::busy());
        desk.send(Msg::Agreements(Ok(agreements.clone()))).press("9");
        let screen = desk.screen();
        assert_eq!(screen.lines().find(|line| has_hole(line)), None, "{screen}");
        if lang == Lang::Danish {
            snapshot("agreements__built-in__120x400__da", &screen);
        }
    }
}

/// `[some-code]`, which is neither a place in brackets nor a button.
pub fn has_hole(line: &str) -> bool {
    line.split('[').skip(1).filter_map(|rest| rest.split_once(']')).any(|(inside, _)| {
        !inside.is_empty() && inside.chars().all(|c| c.is_ascii_lowercase() || c == '-' || c.is_ascii_digit())
    })
}
