//! What is here is not hidden: what rings is a row and one key away, what counts goes on counting, and what is grave is
//! asked for by its name.

use chrono::Duration;
use vagttavle::protocol::commands::Command;
use vagttavle::tui::action::Place;

use crate::desk::Desk;
use crate::night;

#[test]
fn a_search_kept_anywhere_hides_nothing_that_rings() {
    let mut desk = Desk::with(night::board(vec![night::waiting(2)]));
    desk.press("/ «zz» Enter").hides("doegnvagt");
    desk.item(night::recorded(101, night::ringing(7)));
    desk.shows("*** 7 ").shows("ringer");
    // Kept on another board, it hides nothing here either.
    desk.press("5 1").shows("*** 7 ");
    desk.press("2").shows("*** 7 ");
    // And the key of the worst ends the search.
    desk.press("0").shows("*** 7 ").shows("Telefon venter");
}

#[test]
fn from_a_form_one_key_shows_the_worst_and_brings_the_text_back() {
    let mut desk = Desk::with(night::board(vec![night::claimed(3), night::waiting(2)]));
    desk.press("n «Datteren kommer kl. 7, 04»");
    desk.item(night::recorded(101, night::ringing(7)));
    desk.shows("F4").shows("Datteren kommer");
    desk.press("F4").hides("Datteren kommer").shows("*** 7 ").shows("lagt til side");
    assert_eq!(desk.model.chosen().map(|entry| entry.number), Some(7));
    // What waits is at stake.
    assert_eq!(desk.model.stakes().texts, 1);
    assert_eq!(desk.submitted(), []);
    desk.press("t");
    assert_eq!(desk.submitted().len(), 1, "the keys are the board's");
    desk.shows("F4 tilbage til det skrevne");
    desk.press("F4").shows("Datteren kommer kl. 7, 04");
    desk.press("«!» F10");
    let sent = desk.submitted();
    let Command::Note { text } = &sent[0].command else { panic!("{sent:?}") };
    assert_eq!(text.as_str(), "Datteren kommer kl. 7, 04!");
}

#[test]
fn from_a_question_an_opened_entry_and_another_board_one_key_shows_the_worst() {
    for way in ["a 1 F10", "Enter", "5", "?", "/ «zz»", "w", "m"] {
        let mut desk = Desk::with(night::board(vec![night::claimed(3), night::waiting(2)]));
        desk.press(way);
        desk.item(night::recorded(101, night::ringing(7)));
        desk.press("F4");
        assert_eq!(desk.model.place, Place::Overview, "{way}");
        assert_eq!(desk.model.chosen().map(|entry| entry.number), Some(7), "{way}");
        assert!(desk.model.overlays.is_empty() && desk.model.detail.is_none(), "{way}");
        assert_eq!(desk.submitted(), [], "{way}");
    }
}

#[test]
fn lateness_counts_on_until_the_visit_begins() {
    let mut desk = Desk::with(night::board(vec![night::late(4)]));
    desk.press("5").shows("34 min forsinket");
    desk.pass(Duration::minutes(30)).shows("42 min forsinket").hides("34 min");
    desk.pass(Duration::minutes(38)).shows("80 min forsinket");
}

#[test]
fn a_callers_display_name_is_no_citizens() {
    let mut desk = Desk::with(night::board(vec![night::waiting(2)]));
    desk.shows("00 00 00 42").hides("Testesen");
    // Where it says who rings, and opened under its own name, it stands.
    desk.press("3").shows("Test Testes");
    desk.press("1 Enter").shows("Test Testesen");
}

#[test]
fn that_somebody_is_dead_has_a_question_of_its_own() {
    let mut desk = Desk::with(night::board(vec![night::ringing(7)]));
    desk.press("a 7 F10").shows("Udfald: ").shows("J = ja");
    // One press that repeats itself answers one question.
    desk.press("J J J").shows("ER BORGEREN DØD?");
    assert_eq!(desk.submitted(), []);
    desk.pass(Duration::seconds(1)).press("J");
    assert_eq!(desk.submitted().len(), 1);

    let mut desk = Desk::with(night::board(vec![night::ringing(7)]));
    desk.press("a 1 F10 J");
    assert_eq!(desk.submitted().len(), 1, "no other outcome has one");
}
