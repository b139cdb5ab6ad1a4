//! Complaints at the desk: taken by keys, among the deadlines, settled.

use serde_json::json;

use crate::desk::Desk;
use crate::night;

fn deadlines() -> Desk {
    let mut desk = Desk::with(night::board(vec![night::duty(3, "documentation", None), night::complaint(8)]));
    desk.press("6");
    desk
}

#[test]
fn one_stands_among_the_deadlines_and_says_what_is_next() {
    let desk = deadlines();
    desk.shows("klage: vi kom ikke").shows("Send den til kommunen");
    insta::assert_snapshot!("complaints__deadlines__80x24__da", desk.screen());
    let mut desk = deadlines();
    desk.press("Enter");
    desk.shows("Klage").shows("mundtligt").shows("alle klager sendes videre").shows("3.7.3");
    insta::assert_snapshot!("complaints__opened__80x24__da", desk.screen());
}

#[test]
fn one_is_taken_in_three_keys_and_a_send() {
    let mut desk = Desk::with(night::board(Vec::new()));
    desk.press("6 K").shows("tag imod klage").shows("mundtligt");
    insta::assert_snapshot!("complaints__taken__80x24__da", desk.screen());
    // Oral, that nobody came, for the first municipality; no citizen.
    desk.press("1 Tab").shows("vi kom ikke");
    desk.press("1 Enter");
    let sent = desk.submitted();
    let command = serde_json::to_value(&sent[0].command).unwrap();
    assert_eq!((command["form"].clone(), command["what"].clone()), (json!("oral"), json!("not-visited")));
    assert_eq!(command["type"], "complaints.receive");
    assert_eq!(sent[0].entry, None);
}

#[test]
fn it_is_settled_with_its_question() {
    let mut desk = deadlines();
    desk.press("a").shows("sendt videre til kommunen").shows("løst med den, der klagede");
    desk.press("1 F10").shows("Er du sikker?").hides("Gør det alligevel");
    assert_eq!(desk.submitted(), []);
    desk.press("J");
    let sent = desk.submitted();
    let command = serde_json::to_value(&sent[0].command).unwrap();
    assert_eq!((&command["type"], &command["outcome"]), (&json!("complaints.settle"), &json!("forwarded")));
}
