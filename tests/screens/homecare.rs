//! The boards of discharges and visits: how they look, and what is done on them.

use rstest::rstest;
use serde_json::json;
use vagttavle::domain::visits::Halt;
use vagttavle::i18n::Lang;
use vagttavle::protocol::entry::Details;
use vagttavle::protocol::{Entry, Level, Problem};
use vagttavle::tui::effect::Effect;
use vagttavle::tui::msg::Msg;

use crate::desk::Desk;
use crate::night;
use crate::screens::{has_hole, snapshot};

#[rstest]
fn both_boards_on_a_busy_night(#[values(Lang::Danish, Lang::English)] lang: Lang) {
    for (place, key) in [("discharges", "4"), ("visits", "5")] {
        for (width, height) in [(80, 24), (120, 40), (60, 20)] {
            let mut desk = Desk::new(width, height).lang(lang).showing(night::homecare());
            desk.press(key);
            snapshot(&format!("{place}__night__{width}x{height}__{}", lang.name()), &desk.screen());
        }
    }
}

#[test]
fn stays_and_visits_opened() {
    for (name, entry) in [
        ("discharged", night::discharged(14)),
        ("told-by-telephone", night::told_by_telephone(15)),
        ("taken-back", night::taken_back(17)),
        ("late-visit", night::late(21)),
        ("not-reached", night::not_reached(23)),
        ("closed-door", night::closed_door(24)),
        ("moved-visit", night::moved(25)),
        ("owed-visit", night::owed(26)),
    ] {
        let id = entry.id;
        let mut desk = Desk::new(80, 40).showing(night::board(vec![entry.clone()]));
        desk.press("Enter");
        let mut view = night::opened(entry);
        view.entry.live =
            serde_json::from_value(json!({ "name": "Ellen Prøve", "phone": "00 00 00 01" })).ok();
        desk.send(Msg::Fetched { entry: id, outcome: Ok(Box::new(view)) });
        desk.shows("Ellen Prøve");
        desk.press("y");
        assert!(desk.take().contains(&Effect::Copy("00 00 00 01".into())), "the number to ring");
        snapshot(&format!("detail__{name}__80x40__da"), &desk.screen());
    }
}

#[rstest]
fn stays_and_visits_opened_on_a_small_screen(#[values(Lang::Danish, Lang::English)] lang: Lang) {
    for (name, entry) in [
        ("discharged", night::discharged(14)),
        ("told-by-telephone", night::told_by_telephone(15)),
        ("on-leave", night::on_leave(16)),
        ("taken-back", night::taken_back(17)),
        ("late-visit", night::late(21)),
        ("early-visit", night::early(22)),
        ("closed-door", night::closed_door(24)),
        ("moved-visit", night::moved(25)),
        ("owed-visit", night::owed(26)),
        ("told-at-once", night::told_at_once(27)),
        ("told-what-was-not-so", night::told_what_was_not_so(28)),
        ("never-admitted", night::never_admitted(29)),
    ] {
        let mut desk = Desk::new(80, 24).lang(lang).showing(night::board(vec![entry]));
        desk.press("Enter");
        snapshot(&format!("detail__{name}__80x24__{}", lang.name()), &desk.screen());
    }
}

#[rstest]
fn forms_of_both_boards(#[values(Lang::Danish, Lang::English)] lang: Lang) {
    for (name, entry, keys) in [
        ("stay-open", night::discharged(14), "4 +"),
        ("stay-expect", night::told_by_telephone(15), "4 e"),
        ("stay-step", night::discharged(14), "4 d"),
        ("stay-assessors", night::discharged(14), "4 u"),
        ("stay-stop", night::taken_back(17), "4 p"),
        ("stay-menu", night::discharged(14), "4 Space"),
        ("visit-contact", night::late(21), "5 r"),
        ("visit-move", night::late(21), "5 e"),
        ("visit-replace", night::owed(26), "5 i"),
        ("visit-cancel", night::late(21), "5 p"),
        ("visit-door", night::closed_door(24), "5 d"),
        ("visit-menu", night::late(21), "5 Space"),
        ("told-at-once", night::told_at_once(27), "6 a"),
        ("stay-join", night::comes_home(14), "4 ="),
        ("notice-of-nothing", night::told_at_once(27), "6 +"),
        ("notice-of-a-stay", night::never_admitted(29), "4 !"),
    ] {
        let mut desk = Desk::new(80, 24).lang(lang).showing(night::board(vec![entry]));
        desk.press(keys);
        snapshot(&format!("form__{name}__80x24__{}", lang.name()), &desk.screen());
    }
}

#[rstest]
fn a_warning_names_the_clause(#[values(Lang::Danish, Lang::English)] lang: Lang) {
    for (name, entry, keys, clause) in [
        ("move", night::late(21), "5 e «11.30» Tab 2 F10", "3.5.4"),
        ("replace", night::owed(26), "5 i «22.30» F10", "3.4"),
        ("cancel", night::late(21), "5 p 2 F10 J", "3.2"),
    ] {
        let mut desk = Desk::new(80, 24).lang(lang).showing(night::board(vec![entry]));
        desk.press(keys);
        let sent = desk.submitted();
        let problem: Problem = serde_json::from_value(json!({
            "status": 422, "code": "against-contract", "clause": clause,
            "says": "Et planlagt besøg, borgeren er visiteret til, må vi ikke aflyse.",
        }))
        .unwrap();
        desk.send(Msg::Done { id: sent[0].id.clone(), outcome: Box::new(Err(problem)) });
        desk.shows(clause);
        snapshot(&format!("warning__{name}__80x24__{}", lang.name()), &desk.screen());
    }
}

#[test]
fn the_municipality_is_told_of_an_entry_in_three_keys_and_of_nothing_from_the_deadlines() {
    let entry = night::never_admitted(29);
    let (id, mut desk) = (entry.id, alone(entry));
    desk.press("4 ! 3 Enter");
    let sent = desk.submitted();
    assert_eq!((sent.len(), sent[0].entry), (1, Some(id)));
    let command = serde_json::to_value(&sent[0].command).unwrap();
    assert_eq!((&command["type"], &command["what"]), (&json!("notify"), &json!("accident")));

    for keys in ["6 + 4 Enter", "6 ! 4 Enter"] {
        let mut desk = alone(night::told_at_once(27));
        desk.press(keys);
        let sent = desk.submitted();
        assert_eq!((sent.len(), sent[0].entry), (1, None), "{keys}: about nothing on the board");
        let command = serde_json::to_value(&sent[0].command).unwrap();
        assert_eq!(command["what"], json!("unserved-citizen"));
    }
}

#[test]
fn what_may_be_one_stay_is_joined_with_one_key_and_enter() {
    let other = night::told_by_telephone(15);
    let (id, mut desk) = (other.id, Desk::with(night::board(vec![night::comes_home(14), other])));
    desk.press("4 j = Enter");
    let sent = desk.submitted();
    let command = serde_json::to_value(&sent[0].command).unwrap();
    assert_eq!((&command["type"], &command["same_as"]), (&json!("discharges.join"), &json!(id)));
}

#[test]
fn a_list_that_has_slid_says_how_many_are_worse() {
    let mut desk = Desk::new(80, 24).showing(night::overflowing());
    desk.press("G").shows("værre");
    desk.press("g");
    assert!(!desk.screen().contains("værre"), "{}", desk.screen());
}

#[test]
fn a_visit_whose_citizen_is_away_says_so_and_has_no_number_to_speak() {
    let mut halted = night::late(1_004);
    halted.state = "planned".into();
    halted.attention.level = Level::None;
    if let vagttavle::protocol::Details::Visits(visit) = &mut halted.details {
        visit.halted = Some(Halt::InHospital);
    }
    let mut desk = alone(halted);
    desk.press("5").shows("holdt: indlagt");
    assert!(!desk.screen().contains("10…"), "{}", desk.screen());
}

fn alone(entry: Entry) -> Desk {
    Desk::with(night::board(vec![entry]))
}

#[test]
fn a_move_against_the_contract_is_warned_about_and_can_be_repeated() {
    let mut desk = alone(night::late(21));
    desk.press("5 e «11.30» Tab 2 F10");
    let sent = desk.submitted();
    let command = serde_json::to_value(&sent[0].command).unwrap();
    assert_eq!((&command["type"], &command["confirmed"]), (&json!("visits.move"), &json!(false)));
    let problem: Problem = serde_json::from_value(json!({
        "status": 422, "code": "against-contract", "clause": "3.5.4",
        "says": "Besøg med personlig pleje flytter vi som klar hovedregel ikke.",
    }))
    .unwrap();
    desk.send(Msg::Done { id: sent[0].id.clone(), outcome: Box::new(Err(problem)) });
    desk.shows("Imod aftalen (3.5.4)").shows("11.30");
    snapshot("overlay__against-contract__80x24__da", &desk.screen());
    // The focus is on the field that overrules it.
    desk.press("1 F10");
    let again = serde_json::to_value(&desk.submitted()[0].command).unwrap();
    assert_eq!((&again["confirmed"], &again["to"]), (&json!(true), &command["to"]));
}

#[test]
fn a_cancellation_was_told_before_now() {
    let mut desk = alone(night::late(21));
    desk.press("5 p 1 Tab «23.30» F10 J");
    let sent = desk.submitted();
    let command = serde_json::to_value(&sent[0].command).unwrap();
    assert_eq!(command["told_at"], json!("2026-11-21T22:30:00Z"), "last evening, not the next");
}

#[rstest]
#[case(night::comes_home(14), "4 m 2 Enter", "discharges.assign")]
#[case(night::late(21), "5 m 2 Enter", "visits.assign")]
fn what_may_be_either_municipalitys_is_given_to_one_by_a_key(
    #[case] mut entry: vagttavle::protocol::Entry,
    #[case] keys: &str,
    #[case] verb: &str,
) {
    entry.agreement = None;
    entry.candidates = serde_json::from_value(json!(["jammerbugt", "norddjurs"])).unwrap();
    let choice = json!([{ "name": "agreement", "kind": "agreement", "required": true,
        "codes": ["jammerbugt", "norddjurs"] }]);
    entry.actions.push(serde_json::from_value(night::action(verb, choice, false)).unwrap());
    let mut desk = alone(entry);
    desk.press(keys);
    let command = serde_json::to_value(&desk.submitted()[0].command).unwrap();
    assert_eq!((&command["type"], &command["agreement"]), (&json!(verb), &json!("norddjurs")));
}

#[rstest]
#[case("14", "4 d 2 Enter", "discharges.step", "step", "groceries")]
#[case("24", "5 d 3 Enter", "visits.door", "step", "curtains")]
fn a_step_is_ticked_off_by_a_key(
    #[case] number: &str,
    #[case] keys: &str,
    #[case] verb: &str,
    #[case] field: &str,
    #[case] code: &str,
) {
    let entry = if number == "14" { night::discharged(14) } else { night::closed_door(24) };
    let mut desk = alone(entry);
    desk.press(keys);
    let sent = desk.submitted();
    let command = serde_json::to_value(&sent[0].command).unwrap();
    assert_eq!(
        (&command["type"], &command[field], &command["done"]),
        (&json!(verb), &json!(code), &json!(true))
    );
}

#[test]
fn help_is_not_resumed_by_one_key_while_something_is_missing_at_home() {
    let mut desk = alone(night::discharged(17));
    desk.press("4 i").shows("Mangler:");
    assert!(desk.submitted().is_empty());
    desk.press("J");
    assert_eq!(desk.submitted().len(), 1);
    let mut ready = night::discharged(17);
    let Details::Discharges(stay) = &mut ready.details else { panic!() };
    stay.steps.clear();
    let mut desk = alone(ready);
    desk.press("4 i");
    assert_eq!(desk.submitted().len(), 1, "all is done: one key");
}

#[test]
fn a_visit_as_planned_is_on_its_own_board_only() {
    let mut planned = night::early(22);
    planned.attention.level = Level::None;
    let mut desk = alone(planned);
    desk.press("5").shows("40 min for tidligt");
    desk.press("1").shows("Intet åbent her.");
}

#[test]
fn a_move_against_the_contract_stays_marked_when_the_citizen_knows() {
    let mut told = night::moved(25);
    told.state = "contacted".into();
    let mut desk = alone(told);
    desk.press("5").shows("flyttet mod 3.5.4");
}

#[test]
fn what_was_sent_shows_on_the_row_at_80_cells() {
    let mut desk = alone(night::late(21));
    desk.press("5 r 1 Enter").shows("sender");
}

#[test]
fn every_text_of_both_boards_has_a_sentence() {
    for lang in Lang::ALL {
        let entries: Vec<Entry> = night::homecare().entries;
        for entry in entries.into_iter().filter(|it| matches!(it.board().name(), "discharges" | "visits")) {
            let mut desk = Desk::new(200, 60).lang(lang).showing(night::board(vec![entry]));
            for keys in ["4", "5", "Enter", "Esc", "1 Space"] {
                desk.press(keys);
                let screen = desk.screen();
                assert_eq!(screen.lines().find(|line| has_hole(line)), None, "{keys}\n{screen}");
            }
        }
    }
}

#[test]
fn overblik_says_which_source_is_silent() {
    let desk = Desk::new(80, 24).showing(night::board(vec![night::silent(9)]));
    desk.shows("tryghed    Se");
}

#[test]
fn nobody_asks_what_the_dead_need_at_home() {
    let mut stay = night::discharged(9);
    let mut desk = Desk::new(80, 40).showing(night::board(vec![stay.clone()]));
    desk.press("4 Enter");
    desk.shows("dagligvarer");
    stay.state = serde_json::from_value(json!("dead")).unwrap();
    let Details::Discharges(details) = &mut stay.details else { panic!("a stay: {stay:?}") };
    details.died_at = Some(night::ago(300));
    let mut desk = Desk::new(80, 40).showing(night::board(vec![stay]));
    desk.press("4");
    let board = desk.screen();
    assert!(!board.contains("3 af 6"), "{board}");
    desk.press("Enter");
    let opened = desk.screen();
    assert!(opened.contains("Død") && !opened.contains("dagligvarer"), "{opened}");
}
