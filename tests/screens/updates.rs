//! Given a desk, when keys are pressed or the server speaks, then these effects.

use chrono::Duration;
use rstest::rstest;
use serde_json::json;
use vagttavle::protocol::Board;
use vagttavle::protocol::board::Me;
use vagttavle::protocol::commands::Command;
use vagttavle::protocol::stream::{Beat, StreamItem};
use vagttavle::protocol::{CommandReply, Problem};
use vagttavle::tui::action::{Action, Place};
use vagttavle::tui::effect::{Effect, Purpose};
use vagttavle::tui::input::Input;
use vagttavle::tui::keymap::{Chord, Context};
use vagttavle::tui::model::{Link, Notice, Overlay};
use vagttavle::tui::msg::Msg;

use crate::desk::Desk;
use crate::night;

/// Of the first board that has the verb.
fn command(verb: &str, fields: serde_json::Value) -> Command {
    let fields = fields.as_object().unwrap();
    let read = |board| Command::read("", board, verb, fields.clone());
    Board::ALL.iter().copied().find_map(read).unwrap().unwrap()
}

fn beat(through: u64, desk: &Desk) -> StreamItem {
    let now = desk.model.desk_now;
    StreamItem::Beat(Beat {
        through,
        now,
        rate: 1.0,
        sources: None,
        shift: None,
        notes_waiting: None,
        log: None,
        at_rest: None,
    })
}

fn done(desk: &mut Desk, sequence: u64) {
    let sent = desk.submitted();
    let reply: CommandReply = serde_json::from_value(json!({ "sequence": sequence })).unwrap();
    desk.send(Msg::Done { id: sent[0].id.clone(), outcome: Box::new(Ok(reply)) });
}

// ---- acting ------------------------------------------------------------------------------

#[test]
fn claiming_takes_one_key() {
    let mut desk = Desk::with(night::busy());
    desk.press("t");
    let sent = desk.submitted();
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].entry, Some(night::ringing(12).id));
    assert_eq!(sent[0].command, command("claim", json!({})));
    assert_eq!(sent[0].expected_version, None);
    desk.shows("Sender: tag Nødkald 12");
}

#[test]
fn a_second_press_is_not_a_second_command() {
    let mut desk = Desk::with(night::busy());
    desk.press("t t t");
    assert_eq!(desk.submitted().len(), 1);
}

#[test]
fn a_response_is_sent_with_its_facts() {
    let mut desk = Desk::with(night::busy());
    desk.press("u 1 Tab 2 Enter");
    let sent = desk.submitted();
    assert_eq!(sent[0].command, command("respond", json!({ "with": "own-help", "helper": "colleague" })));
}

#[test]
fn what_cannot_be_undone_carries_the_version_that_was_read() {
    let mut desk = Desk::with(night::busy());
    desk.press("a 1 Enter").shows("afslut Nødkald 12 · Ellen Prøve?");
    assert!(desk.submitted().is_empty());
    desk.press("J");
    let sent = desk.submitted();
    assert_eq!(sent[0].command, command("close", json!({ "outcome": "helped" })));
    assert_eq!(sent[0].expected_version, Some(1));
}

#[test]
fn grave_keys_never_act_alone() {
    // Every key that cannot be undone, on every entry of a busy board.
    let rows: Vec<_> = Desk::with(night::busy()).model.keymap.rows().to_vec();
    for row in rows.iter().filter(|row| row.is_destructive) {
        for place in Place::ALL {
            let count = Desk::with(night::busy()).model.rows(place).len();
            for index in 0..count.max(1) {
                let mut desk = Desk::with(night::busy());
                desk.model.place = place;
                desk.press(&"j ".repeat(index)).take();
                desk.press(&row.chord.to_string());
                assert_eq!(desk.submitted(), [], "{} on {place:?} row {index}", row.chord);
            }
        }
    }
}

#[test]
fn every_bound_verb_does_something() {
    let desk = Desk::with(night::busy());
    for row in desk.model.keymap.rows().to_vec() {
        let (Action::Do(verb), Context::On(board)) = (row.action, row.context) else { continue };
        // Asked only of a stay that may have moved, or of one that may be either municipality's (see `homecare`): the busy
        // night has none; nor has it a complaint (see `complaints`).
        if verb == "still-there"
            || board == "complaints"
            || (verb == "assign" && matches!(board, "discharges" | "visits"))
        {
            continue;
        }
        let entries = night::busy().entries.into_iter().filter(|entry| entry.board().name() == board);
        let offered = entries.flat_map(|entry| entry.actions).any(|it| it.verb == format!("{board}.{verb}"));
        assert!(offered, "{board}.{verb} is bound to {} but never offered", row.chord);
    }
}

#[test]
fn a_refused_action_says_why_without_asking_the_server() {
    let mut desk = Desk::with(night::busy());
    desk.press("j t");
    assert!(desk.submitted().is_empty());
    desk.shows("bo tog den 03:10. Tryk o for at overtage.");
}

#[test]
fn what_binds_others_does_not_bind_the_holder() {
    let mut entry = night::claimed(9);
    let holder = json!({ "status": 409, "code": "held-by-other", "holder": "anna", "since": night::ago(30) });
    entry.actions[0].refused = serde_json::from_value(holder).unwrap();
    let mut desk = Desk::with(night::board(vec![entry]));
    desk.press("u 2 Enter");
    assert_eq!(desk.submitted().len(), 1);
}

#[test]
fn a_typed_time_is_a_copenhagen_time() {
    let mut desk = Desk::with(night::busy());
    desk.press("3 j r 2 Tab «4.30» Enter");
    let fields = json!({ "reached": false, "promise_at": "2026-11-22T03:30:00Z" });
    assert_eq!(desk.submitted()[0].command, command("call-back", fields));
}

#[test]
fn what_speaks_against_the_contract_is_warned_about_and_done_all_the_same_when_asked_again() {
    let mut desk = Desk::with(night::busy());
    desk.press("5 e «4.30» Tab 2").hides("Gør det alligevel");
    desk.press("Enter");
    let sent = desk.submitted();
    let mut fields = json!({ "to": "2026-11-22T03:30:00Z", "asked_by": "provider" });
    assert_eq!(sent[0].command, command("move", fields.clone()));
    let problem = Problem::new(422, "against-contract").with("clause", "3.5.4").with("says", "Flyttes ikke.");
    desk.send(Msg::Done { id: sent[0].id.clone(), outcome: Box::new(Err(problem)) });
    desk.shows("Imod aftalen (3.5.4)").shows("Gør det alligevel");
    desk.press("1 Enter");
    fields["confirmed"] = json!(true);
    assert_eq!(desk.submitted()[0].command, command("move", fields));
}

#[test]
fn the_opened_entry_brings_the_citizen_where_the_board_does_not() {
    let entry = night::comes_home(60);
    let mut desk = Desk::with(night::board(vec![entry.clone()]));
    desk.press("Enter");
    let mut opened = night::opened(entry);
    opened.entry.live = night::ringing(12).live;
    desk.send(Msg::Fetched { entry: opened.entry.id, outcome: Ok(Box::new(opened)) });
    desk.shows("Ellen Prøve");
    desk.press("p 2 Enter").shows("hjælp stoppet Udskr. 60 · Ellen Prøve?");
}

#[test]
fn entries_are_linked_by_their_spoken_number() {
    let mut desk = Desk::with(night::busy());
    desk.press("Space G");
    let Some(Overlay::Menu { .. }) = desk.model.overlays.last() else { panic!("no menu") };
    desk.press(&"j ".repeat(20)).press("Enter «9» Enter");
    let fields = json!({ "to": night::claimed(9).id });
    assert_eq!(desk.submitted()[0].command, command("link", fields));
}

#[test]
fn a_discharge_told_on_the_telephone_is_opened_by_hand() {
    let mut desk = Desk::with(night::busy());
    desk.press("4 + «cura-77» Tab «14.30» Tab 2 Enter");
    let sent = desk.submitted();
    let fields = json!({ "citizen": "cura-77", "expected_at": "2026-11-22T13:30:00Z", "told_by": "nurse" });
    assert_eq!((sent[0].entry, &sent[0].command), (None, &command("open", fields)));
    desk.shows("ny udskrivning");
}

#[test]
fn signing_on_and_off() {
    let mut desk = Desk::with(night::busy());
    desk.press("7 +");
    assert_eq!(desk.submitted()[0].command, command("sign-on", json!({})));
    desk.press("-");
    assert!(desk.submitted().is_empty());
    desk.press("J");
    let sent = desk.submitted();
    assert_eq!((sent[0].command.clone(), sent[0].entry), (command("sign-off", json!({})), None));
}

#[test]
fn a_reading_desk_changes_nothing() {
    let mut desk = Desk::with(night::busy());
    desk.model.read_only = true;
    for key in ["t", "u", "a", "n", "Space Enter", "7 +"] {
        desk.press("Esc Esc 1").press(key);
        assert_eq!(desk.submitted(), [], "{key}");
    }
    let mut viewer = Desk::with(night::busy());
    viewer.send(Msg::SignedIn(Me { name: "eva".into(), role: "viewer".into(), agreements: Vec::new() }));
    viewer.press("t").shows("Kun læsning");
    assert_eq!(viewer.submitted(), []);
}

// ---- what was sent -------------------------------------------------------------------------

#[test]
fn a_result_is_pending_until_the_stream_says_it() {
    let mut desk = Desk::with(night::busy());
    desk.press("t");
    done(&mut desk, 101);
    assert!(desk.model.is_pending(night::ringing(12).id));
    let mut held = night::ringing(12);
    held.state = "claimed".into();
    desk.item(night::recorded(101, held));
    assert!(!desk.model.is_pending(night::ringing(12).id));
}

#[test]
fn a_lost_race_is_said_in_words() {
    let mut desk = Desk::with(night::busy());
    desk.press("t");
    let id = desk.submitted()[0].id.clone();
    let problem: Problem = serde_json::from_value(
        json!({ "status": 409, "code": "already-claimed", "holder": "bo", "since": night::ago(2) }),
    )
    .unwrap();
    desk.send(Msg::Done { id, outcome: Box::new(Err(problem)) });
    desk.shows("Nr 12 tag: bo tog den 03:12. Tryk o for at overtage.");
    assert!(desk.model.pending.is_empty());
}

#[test]
fn a_refused_form_stays_open_with_its_text() {
    let mut desk = Desk::with(night::busy());
    desk.press("n «Ringet til datter.» F10");
    let id = desk.submitted()[0].id.clone();
    desk.send(Msg::Done { id, outcome: Box::new(Err(Problem::new(503, "care-away"))) });
    desk.shows("Ringet til datter.").shows("Omsorgssystemet svarer ikke");
    desk.press("F10");
    let sent = desk.submitted();
    assert_eq!(sent[0].command, command("note", json!({ "text": "Ringet til datter." })));
}

#[test]
fn a_note_that_waits_for_the_care_system_says_so() {
    let mut desk = Desk::with(night::busy());
    desk.press("n «Ringet til datter.» F10");
    let sent = desk.submitted();
    let reply = serde_json::from_value(json!({ "sequence": 100, "waiting": true })).unwrap();
    desk.send(Msg::Done { id: sent[0].id.clone(), outcome: Box::new(Ok(reply)) });
    desk.shows("Notatet venter i serverens hukommelse");
}

#[test]
fn a_form_goes_when_it_is_taken() {
    let mut desk = Desk::with(night::busy());
    desk.press("u 1 Enter");
    done(&mut desk, 101);
    assert_eq!(desk.model.overlays, []);
    desk.shows("Nr 12 svar på kaldet: gjort.");
}

// ---- the board moves -----------------------------------------------------------------------

#[test]
fn the_chosen_entry_stays_chosen_when_worse_ones_come() {
    let mut desk = Desk::with(night::busy());
    desk.press("j");
    let chosen = desk.model.cursor().chosen;
    desk.item(night::recorded(101, night::ringing(99)));
    assert_eq!(desk.model.cursor().chosen, chosen);
    assert!(desk.take().contains(&Effect::Bell));
}

#[test]
fn a_question_about_an_entry_that_is_gone_closes_and_says_so() {
    let mut desk = Desk::with(night::busy());
    desk.press("a 1 Enter");
    let mut over = night::ringing(12);
    over.closed_at = Some(night::now());
    desk.item(night::recorded(101, over));
    desk.shows("Nr 12 er lukket eller ude af syne. Intet er sendt.").hides("Er du sikker?");
    desk.press("J");
    assert_eq!(desk.submitted(), []);
}

#[test]
fn a_question_about_an_entry_that_changed_closes_and_says_so() {
    let mut desk = Desk::with(night::busy());
    desk.press("j o");
    let mut changed = night::claimed(9);
    changed.version = 2;
    desk.item(night::recorded(101, changed));
    desk.shows("Nr 9 blev ændret imens").hides("Er du sikker?");
    desk.press("J");
    assert_eq!(desk.submitted(), []);
}

#[test]
fn a_note_does_not_close_a_question() {
    let mut desk = Desk::with(night::busy());
    desk.press("j o");
    let mut same = night::claimed(9);
    same.notes = 1;
    desk.item(night::recorded(101, same));
    desk.shows("Er du sikker?");
}

#[test]
fn a_key_meant_for_the_vanished_entry_is_held_back() {
    let mut desk = Desk::with(night::busy());
    let mut over = night::ringing(12);
    over.closed_at = Some(night::now());
    desk.item(night::recorded(101, over));
    desk.press("u");
    assert!(matches!(desk.model.notice, Some(Notice::Held { number: 9 })));
    assert_eq!(desk.model.overlays, []);
    // Pressed again, or after a while, it is meant.
    desk.press("u");
    assert!(matches!(desk.model.overlays.last(), Some(Overlay::Form(_))));
}

#[test]
fn an_open_form_says_that_the_entry_changed() {
    let mut desk = Desk::with(night::busy());
    desk.press("u 1");
    let mut held = night::ringing(12);
    held.version = 2;
    held.state = "claimed".into();
    held.holder = night::claimed(9).holder;
    desk.item(night::recorded(101, held));
    desk.shows("Posten er ændret imens: nu taget, hos bo.").shows("(x) 1 egen hjælp");
}

#[test]
fn a_long_text_scrolls_no_further_than_its_end() {
    let mut desk = Desk::with(night::busy());
    desk.press("Enter").drawn().press("G");
    let end = desk.screen();
    desk.press("j j j PgDn");
    assert_eq!(desk.screen(), end);
    desk.press("k");
    assert_ne!(desk.screen(), end);
}

#[test]
fn what_is_typed_survives_the_entry() {
    let mut desk = Desk::with(night::busy());
    desk.press("n «Ringet til datter.»");
    let mut over = night::ringing(12);
    over.closed_at = Some(night::now());
    desk.item(night::recorded(101, over));
    desk.shows("Ringet til datter.").shows("Posten er lukket imens.");
}

// ---- the bell and the title ------------------------------------------------------------------

#[test]
fn a_new_alarm_rings_and_rings_again_until_it_is_taken() {
    let mut desk = Desk::with(night::board(vec![night::waiting(33)]));
    desk.item(night::recorded(101, night::ringing(12)));
    let effects = desk.take();
    assert_eq!(effects.iter().filter(|it| **it == Effect::Bell).count(), 1);
    assert!(effects.contains(&Effect::Notify { ringing: 1 }));
    assert!(effects.contains(&Effect::SetTitle { alarms: 1, ringing: 1 }));
    desk.pass(Duration::seconds(29));
    assert!(!desk.take().contains(&Effect::Bell));
    desk.pass(Duration::seconds(1));
    assert!(desk.take().contains(&Effect::Bell));
    let mut held = night::claimed(12);
    held.id = night::ringing(12).id;
    desk.item(night::recorded(102, held));
    desk.take();
    desk.pass(Duration::seconds(60));
    assert!(!desk.take().contains(&Effect::Bell));
}

#[test]
fn one_key_goes_to_the_new_alarm_wherever_one_is() {
    let mut desk = Desk::with(night::busy());
    desk.press("3 j Enter");
    desk.item(night::recorded(101, night::ringing(8)));
    desk.shows("NYT NØDKALD Nr 8: tryk F4");
    desk.press("F4").take();
    let first = desk.model.rows(Place::Overview)[0].id;
    assert_eq!((desk.model.place, desk.model.cursor().chosen), (Place::Overview, Some(first)));
    desk.press("t");
    assert_eq!(desk.submitted()[0].entry, Some(first));
}

#[test]
fn what_is_done_is_said_even_when_the_entry_is_gone_by_then() {
    let mut desk = Desk::with(night::busy());
    desk.press("a 1 Enter J");
    let mut over = night::ringing(12);
    over.closed_at = Some(night::now());
    desk.item(night::recorded(101, over));
    done(&mut desk, 101);
    desk.shows("Nr 12 afslut: gjort.");
}

#[test]
fn a_new_alarm_outranks_what_is_done() {
    let mut desk = Desk::with(night::busy());
    desk.press("t");
    desk.item(night::recorded(101, night::ringing(8)));
    done(&mut desk, 102);
    desk.shows("NYT NØDKALD Nr 8");
}

#[test]
fn a_new_alarm_is_no_longer_announced_when_somebody_has_it() {
    let mut desk = Desk::with(night::board(vec![night::waiting(33)]));
    desk.item(night::recorded(101, night::ringing(12))).shows("NYT NØDKALD");
    let mut held = night::claimed(12);
    held.id = night::ringing(12).id;
    desk.item(night::recorded(102, held)).hides("NYT NØDKALD");
}

#[test]
fn tests_and_technical_alarms_do_not_ring() {
    let mut desk = Desk::with(night::board(Vec::new()));
    desk.item(night::recorded(101, night::technical(3)));
    desk.item(night::recorded(102, night::missed(31, 10, false)));
    assert!(!desk.take().contains(&Effect::Bell));
}

#[test]
fn an_alarm_that_is_not_stored_rings_all_the_same() {
    let mut desk = Desk::with(night::board(Vec::new()));
    desk.item(StreamItem::Unstored { entry: Box::new(night::ringing(12)) });
    assert!(desk.take().contains(&Effect::Bell));
}

#[test]
fn nothing_about_a_citizen_leaves_the_screen_unasked() {
    let mut desk = Desk::with(night::board(Vec::new()));
    desk.item(night::recorded(101, night::ringing(12)));
    desk.press("Enter");
    let said = format!("{:?}", desk.take());
    assert!(!said.contains("Ellen") && !said.contains("00 00 00 01"), "{said}");
    let model = format!("{:?}", desk.model);
    assert!(!model.contains("Ellen") && !model.contains("Testvej"), "the model's Debug names a citizen");
}

// ---- the link --------------------------------------------------------------------------------

#[test]
fn silence_makes_the_data_stale_within_five_seconds_and_a_word_heals_it() {
    let mut desk = Desk::with(night::busy());
    desk.pass(Duration::seconds(4)).hides("FORÆLDET");
    desk.pass(Duration::seconds(1)).shows("FORÆLDET siden 03:12:40");
    assert!(matches!(desk.model.link, Link::Stale { .. }));
    desk.shows("Nødkald ringer");
    let item = beat(100, &desk);
    desk.item(item).hides("FORÆLDET");
    assert_eq!(desk.model.link, Link::Live);
}

#[test]
fn a_gap_asks_for_the_board_anew() {
    let mut desk = Desk::with(night::busy());
    desk.item(night::recorded(105, night::ringing(12)));
    assert_eq!(desk.take(), [Effect::Resync]);
    let item = beat(110, &desk);
    desk.item(item);
    assert_eq!(desk.take(), [Effect::Resync]);
}

#[test]
fn what_began_to_ring_while_the_line_was_down_is_said_and_rings() {
    let mut desk = Desk::with(night::board(vec![night::ringing(11)]));
    desk.take();
    desk.send(Msg::Board(Box::new(night::board(vec![night::ringing(11)])))).hides("NYT NØDKALD");
    assert!(!desk.take().contains(&Effect::Bell), "known, and not due to ring again");
    desk.send(Msg::Board(Box::new(night::board(vec![night::ringing(11), night::ringing(12)]))));
    desk.shows("NYT NØDKALD Nr 12");
    assert!(desk.take().contains(&Effect::Bell));
}

#[test]
fn a_new_snapshot_keeps_the_place_and_the_chosen_entry() {
    let mut desk = Desk::with(night::busy());
    desk.press("3 j");
    let chosen = desk.model.cursor().chosen;
    desk.send(Msg::Board(Box::new(night::overflowing())));
    assert_eq!((desk.model.place, desk.model.cursor().chosen), (Place::Phone, chosen));
}

#[test]
fn opening_an_entry_fetches_it_for_duty_and_again_when_it_changes() {
    let mut desk = Desk::with(night::busy());
    let entry = night::ringing(12).id;
    let fetch = Effect::FetchEntry { entry, purpose: Purpose::Duty };
    desk.press("Enter");
    assert_eq!(desk.take(), std::slice::from_ref(&fetch));
    let mut pressed_again = night::ringing(12);
    pressed_again.version = 2;
    desk.item(night::recorded(101, pressed_again));
    assert!(desk.take().contains(&fetch));
}

// ---- keys ------------------------------------------------------------------------------------

#[test]
fn back_goes_back_first_and_leaves_only_from_the_top() {
    let mut desk = Desk::with(night::busy());
    desk.press("2 / «ellen» Enter Enter").take();
    desk.press("q");
    assert!(desk.model.detail.is_none());
    desk.press("q");
    assert!(desk.model.filter.is_empty());
    desk.press("q");
    assert_eq!(desk.model.place, Place::Overview);
    assert_eq!(desk.take(), []);
    desk.press("q J");
    assert_eq!(desk.take(), [Effect::Quit]);
}

#[test]
fn leaving_asks_while_something_is_not_sent() {
    let mut desk = Desk::with(night::busy());
    desk.press("t").take();
    desk.press("q").shows("1 ting er ikke sendt endnu");
    assert_eq!(desk.take(), []);
    desk.press("J");
    assert_eq!(desk.take(), [Effect::Quit]);
    let mut waiting = night::busy();
    waiting.notes_waiting = 2;
    let mut desk = Desk::with(waiting);
    desk.shows("Nødkald 3, 1 RINGER  2 notater venter  Opkald 1 venter, 2 ubesvarede  Frister 3");
    desk.press("q").shows("2 notater venter på omsorgssystemet. De er kun i");
    assert_eq!(desk.take(), []);
}

#[test]
fn a_paste_outside_a_field_does_nothing() {
    let mut desk = Desk::with(night::busy());
    desk.send(Msg::Input(Input::Paste("ttttaJ\nq".into())));
    assert_eq!(desk.take(), []);
    desk.shows("Indsat tekst er ikke brugt");
}

#[test]
fn a_paste_into_a_field_is_text() {
    let mut desk = Desk::with(night::busy());
    desk.press("n").send(Msg::Input(Input::Paste("q J\na\u{1b}[2J".into())));
    desk.press("F10");
    let sent = desk.submitted();
    assert_eq!(sent[0].command, command("note", json!({ "text": "q J\na^[[2J" })));
}

#[test]
fn names_can_be_hidden_from_eyes_over_the_shoulder() {
    let mut desk = Desk::with(night::busy());
    desk.press("2 z").shows("E.P.").shows("navne skjult").hides("Ellen");
    desk.press("Enter").hides("Ellen").hides("Testvej").hides("00 00 00 01");
    desk.press("y a 1 Enter").shows("afslut Nødkald 12 · E.P.?");
    assert!(!desk.take().iter().any(|effect| matches!(effect, Effect::Copy(_))));
    desk.press("Esc Esc z").shows("Ellen");
}

#[test]
fn letters_typed_into_a_field_are_no_commands() {
    let mut desk = Desk::with(night::busy());
    desk.press("/ «taq1?»");
    assert_eq!(desk.take(), []);
    assert_eq!(desk.model.filter.text(), "taq1?");
    desk.press("Esc");
    assert!(desk.model.filter.is_empty());
}

#[test]
fn throwing_a_text_away_asks() {
    let mut desk = Desk::with(night::busy());
    desk.press("n «x» Esc").shows("Smid teksten væk?");
    desk.press("Esc").shows("notat");
    desk.press("Esc J");
    assert_eq!(desk.model.overlays, []);
}

#[test]
fn one_esc_too_many_does_not_end_the_watch() {
    let mut desk = Desk::with(night::busy());
    desk.press("2 Enter Esc Esc Esc Esc");
    assert!(!desk.take().contains(&Effect::Quit));
    desk.press("q J");
    assert_eq!(desk.take(), [Effect::Quit]);
}

#[rstest]
#[case("q J", Effect::Quit)]
#[case("Ctrl+c J", Effect::Quit)]
#[case("Ctrl+l", Effect::Redraw)]
#[case("y", Effect::Copy("00 00 00 01".into()))]
fn keys_with_one_effect(#[case] keys: &str, #[case] effect: Effect) {
    let mut desk = Desk::with(night::busy());
    desk.press(keys);
    assert_eq!(desk.take(), [effect]);
}

/// Every naughty string as a search: typed key by key and pasted.
#[test]
fn whatever_is_searched_for_is_drawn_visibly() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/corpora/blns.json");
    let Ok(listed) = std::fs::read_to_string(path) else {
        #[expect(
            clippy::disallowed_methods,
            reason = "whether it must be there is not the program's business"
        )]
        let must_be_there = std::env::var_os("CI").is_some();
        assert!(!must_be_there, "the collection is missing: {path}");
        eprintln!("NOT TESTED: there is no collection {path}");
        return;
    };
    for text in serde_json::from_str::<Vec<String>>(&listed).unwrap() {
        let mut desk = Desk::with(night::busy());
        desk.press("/");
        for c in text.chars() {
            desk.send(Msg::Input(Input::Press(Chord::Char(c))));
        }
        let typed = desk.screen();
        desk.send(Msg::Input(Input::Paste(text.clone()))).press("Enter");
        for screen in [typed, desk.screen()] {
            let is_foul = |c: char| {
                (c.is_control() && c != '\n')
                    || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}'..='\u{200f}' | '\u{feff}')
            };
            assert!(!screen.contains(is_foul), "{text:?}: {screen:?}");
        }
    }
}

#[test]
fn the_end_is_the_end() {
    let mut desk = Desk::with(night::busy());
    desk.press("n «x»").send(Msg::Terminate);
    assert!(desk.take().contains(&Effect::Quit));
}

#[test]
fn the_list_scrolls_with_the_chosen_row() {
    let mut desk = Desk::with(night::overflowing());
    desk.press("G");
    let last = desk.model.rows(Place::Overview).last().unwrap().number.to_string();
    assert!(
        desk.screen().lines().any(|line| line.starts_with('>') && line.contains(&last)),
        "{}",
        desk.screen()
    );
    desk.press("g PgDn PgDn PgUp");
    assert!(desk.screen().lines().any(|line| line.starts_with('>')));
    desk.send(Msg::Input(Input::Resize { width: 60, height: 20 }));
    assert!(desk.screen().lines().any(|line| line.starts_with('>')), "{}", desk.screen());
}

#[test]
fn an_alarm_stays_in_sight_however_far_down_somebody_reads() {
    let mut desk = Desk::with(night::overflowing());
    let first = |desk: &Desk| desk.screen().lines().find(|line| line.contains("***")).map(str::to_owned);
    let alarm = first(&desk).expect("an alarm at the top");
    desk.press("G");
    let number = alarm.split_whitespace().find(|word| word.parse::<u32>().is_ok()).expect("its number");
    let still = first(&desk).expect("the alarm is out of sight");
    assert!(still.contains(number), "{}", desk.screen());
}
