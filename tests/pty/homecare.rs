//! Discharges and visits by keys alone: told by telephone, late, moved against the contract, nobody opens.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use vagttavle::clock::Clock;
use vagttavle::domain::calendar::local_date;

use crate::sequences;
use crate::server::{Server, now};
use crate::terminal::{Start, Terminal};

const F10: &str = "\x1b[21~";
const NOBODY_AWAY: &str = "Ringer nogen om en udskrivning";
const NO_VISITS: &str = "Ingen besøg er planlagt";

fn clock() -> DateTime<Utc> {
    Clock::system().now()
}

/// A visit of practical help under the old act.
fn planned(visit: &str, agreed_at: DateTime<Utc>) -> Value {
    let agreed_at = agreed_at.to_rfc3339();
    let plan = json!({ "type": "visit-planned", "visit": visit, "citizen": format!("c-{visit}"), "grant": "service",
                       "help": "practical", "agreed_at": agreed_at });
    now(&format!("planned-{visit}"), plan)
}

/// The plan, and that it will be 34 minutes late.
fn late(visit: &str) -> [Value; 2] {
    let agreed_at = clock() + TimeDelta::minutes(5);
    let expected_at = (agreed_at + TimeDelta::minutes(34)).to_rfc3339();
    let expected = json!({ "type": "visit-expected", "visit": visit, "expected_at": expected_at });
    [planned(visit, agreed_at), now(&format!("expected-{visit}"), expected)]
}

fn closed_door(visit: &str) -> [Value; 2] {
    let closed = json!({ "type": "door-unanswered", "visit": visit });
    [planned(visit, clock() - TimeDelta::minutes(2)), now(&format!("door-{visit}"), closed)]
}

fn at_board(desk: &Terminal, key: &str, shows: &str) {
    desk.until_text("Kilder");
    desk.press(key, shows);
}

#[test]
fn a_discharge_told_by_telephone_is_opened_prepared_and_resumed_by_keys() {
    let server = Server::start();
    let (mette, bo) = (server.desk("mette", &[]).open(), server.desk("bo", &[]).open());
    at_board(&mette, "4", NOBODY_AWAY);
    at_board(&bo, "4", NOBODY_AWAY);
    mette.press("+", "Ventes hjem");
    // No citizen is known on the telephone; tomorrow at ten, the municipal nurse says.
    let tomorrow = local_date(clock() + TimeDelta::days(1)).format("%d.%m 10.00").to_string();
    mette.send(format!("\t{tomorrow}\t2"));
    mette.until_text(&tomorrow);
    mette.send(F10);
    for desk in [&mette, &bo] {
        desk.until("shows who comes home", |seen| {
            seen.line("hjem ventes").is_some_and(|it| it.contains("0 af 6"))
        });
    }
    // Each ticks a step of the one list.
    mette.press("d", "dagligvarer");
    mette.send("2\r");
    bo.until("sees the step", |seen| seen.has("1 af 6"));
    bo.press("d", "nøgle");
    bo.send("5\r");
    mette.until("sees the other step", |seen| seen.has("2 af 6"));
    // Four steps are not done: it asks, and says which.
    mette.press("i", "Mangler: ");
    mette.send("J");
    for desk in [&mette, &bo] {
        desk.until("is empty again: help runs", |seen| seen.has(NOBODY_AWAY));
    }
}

#[test]
fn a_late_visit_is_told_and_one_is_moved_against_the_contract_by_keys() {
    let server = Server::start();
    let source = server.add("plan", "source", "jammerbugt");
    server.observe(&source, &late("v1"));
    let desk = server.desk("mette", &[]).open();
    at_board(&desk, "5", "min forsinket");
    desk.until_text(" nej ");
    desk.press("r", "Truffet");
    desk.send("2\r");
    // It gets later meanwhile.
    desk.until("counts the try", |seen| seen.has("1 forsøg"));
    desk.press("r", "Truffet");
    desk.send("1\r");
    desk.until("knows that the citizen knows", |seen| {
        seen.line(" min ").is_some_and(|it| it.contains("ja, "))
    });
    // Cleaning at three in the morning: the contract says eight to seventeen on working days.
    desk.press("e", "Bedt om af");
    let tomorrow = local_date(clock() + TimeDelta::days(1)).format("%d.%m 03.00").to_string();
    desk.send(format!("{tomorrow}\t2{F10}"));
    desk.until("is warned with the clause", |seen| seen.has("Imod aftalen (3.1.11)") && seen.has(&tomorrow));
    desk.send(format!("1{F10}"));
    desk.until("is recorded and marked", |seen| seen.has("mod 3.1.11"));
}

#[test]
fn two_desks_on_a_door_that_nobody_opens() {
    let server = Server::start();
    let source = server.add("plan", "source", "jammerbugt");
    server.observe(&source, &closed_door("v1"));
    let (mette, bo) = (server.desk("mette", &[]).open(), server.desk("bo", &[]).open());
    at_board(&mette, "5", "ingen åbner 0 af 6");
    at_board(&bo, "5", "ingen åbner 0 af 6");
    mette.press("d", "gardiner");
    mette.send("3\r");
    bo.until_text("ingen åbner 1 af 6");
    bo.send("t");
    bo.press("\r", "Hos");
    bo.until("has it", |seen| seen.line("Hos ").is_some_and(|it| it.contains("dig")));
    // What another has, nobody does behind their back.
    mette.press("\r", "Hos");
    mette.until("sees who has it", |seen| seen.line("Hos ").is_some_and(|it| it.contains("bo")));
    mette.send("d");
    mette.until("is refused, with the way", |seen| seen.has("Overtag først med o"));
    bo.press("d", "Udfald");
    bo.send(format!("\t\t\t2{F10}"));
    for desk in [&bo, &mette] {
        desk.until_text("Posten er lukket");
        desk.press("q", NO_VISITS);
    }
}

#[test]
fn an_admission_is_told_the_municipality_at_once_and_ticked_off() {
    let server = Server::start();
    let source = server.add("advis", "source", "jammerbugt");
    let admitted = json!({ "type": "stay-admitted", "stay": "s1", "citizen": "c-1", "setting": "inpatient" });
    server.observe(&source, &[now("admitted", admitted)]);
    let desk = server.desk("mette", &[]).open();
    desk.until_text("Meld det");
    desk.press("6", "meld indlæggelse");
    desk.press("\r", "pkt. 3.2");
    desk.send("q");
    desk.until_text("Meld det");
    desk.press("a", "visitationen");
    desk.send("1\r");
    desk.until("asks first", |seen| seen.has("J ") && seen.has("Esc"));
    desk.send("J");
    desk.until("is done", |seen| !seen.has("meld indlæggelse"));
}

#[test]
fn garbage_pasted_into_the_forms_of_both_boards_is_text_there_and_sends_nothing() {
    let server = Server::start();
    let source = server.add("plan", "source", "jammerbugt");
    let [plan, expected] = late("v1");
    server.observe(&source, &[plan, expected]);
    let desk = server.desk("mette", &[]).open();
    let garbage = ["\x1b[2J\x1b[?1049l\x1b]52;c;SGVq\x07", "\u{9b}31m\u{202e}J\r\nJ\r\n", "t\r\nJ\r\n"];
    // Whom a discharge is about and when they come home; when a visit is moved to.
    for (board, shows, opens, form) in
        [("4", NOBODY_AWAY, "+", "Ventes hjem"), ("5", "min forsinket", "e", "Bedt om af")]
    {
        at_board(&desk, board, shows);
        desk.press(opens, form);
        for text in garbage {
            desk.paste(text);
        }
        desk.until("shows it made harmless", |seen| seen.has("<U+202E>") || seen.has("^["));
        desk.send("\t");
        desk.paste(garbage[0]);
        desk.send("\x1b");
        desk.until("is back at the board", |seen| !seen.has(form));
    }
    desk.look(|seen| assert_eq!(sequences::forbidden(&seen.bytes), Vec::<String>::new()));
    let board = server.board(&server.add("bo2", "coordinator", "jammerbugt"));
    let entries = board["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 1, "{entries:?}");
    assert_eq!(entries[0]["state"], "late");
}

/// Only what stays is waited for: how fast the night goes by is the machine's business.
#[test]
fn the_demos_night_has_an_exchange_a_row_that_cannot_be_read_and_a_row_of_the_care_systems_list() {
    let desk = Start::new(&["demo", "--speed", "40"]).size(100, 40).open();
    desk.until_text("opdigtede borgere");
    desk.press("8", "central (telefoncentral)");
    desk.until_text("tryghed (nødkald over IP)");
    desk.until_text("omsorgssystem (omsorgssystem)");
    desk.until("shows who takes the calls", |seen| seen.has("doegnvagt: ") && seen.has("noedkald: "));
    desk.until_text("linje 12 og 2 til");
    desk.press("4", "[4 Udskr");
    // One was told by telephone, one stands on the list.
    let coming = |line: &&str| line.contains("hjem ventes") && line.contains("af 6");
    desk.until("shows both who come home", |seen| seen.text().lines().filter(coming).count() == 2);
    assert!(desk.leave().success());
}

/// Neglect that somebody saw, about a citizen whom nobody here serves: no message tells of it.
#[test]
fn concern_for_another_citizen_is_opened_by_keys_and_ticked_as_told_to_the_nurse() {
    let server = Server::start();
    let (mette, bo) = (server.desk("mette", &[]).open(), server.desk("bo", &[]).open());
    at_board(&mette, "6", "Frister");
    at_board(&bo, "6", "Frister");
    mette.press("+", "en anden borger");
    mette.send("4\r");
    for desk in [&mette, &bo] {
        desk.until_text("meld en anden borger");
    }
    bo.press("a", "sygeplejersken i vagt");
    bo.send("2\r");
    bo.until("asks first", |seen| seen.has("J ") && seen.has("Esc"));
    bo.send("J");
    for desk in [&mette, &bo] {
        desk.until("is done", |seen| seen.has("? hjælp") && !seen.has("meld en anden borger"));
    }
}

/// The hospital takes an admission back that the municipality was told of.
#[test]
fn what_was_told_and_is_taken_back_is_told_again() {
    let server = Server::start();
    let source = server.add("advis", "source", "jammerbugt");
    let admitted = json!({ "type": "stay-admitted", "stay": "s1", "citizen": "c-1", "setting": "inpatient" });
    server.observe(&source, &[now("admitted", admitted)]);
    let desk = server.desk("mette", &[]).open();
    desk.until_text("Meld det");
    desk.press("6", "meld indlæggelse");
    desk.press("a", "visitationen");
    desk.send("1\r");
    desk.until("asks first", |seen| seen.has("J ") && seen.has("Esc"));
    desk.send("J");
    desk.until("is done", |seen| seen.has("? hjælp") && !seen.has("meld indlæggelse"));
    let cancelled = json!({ "type": "stay-cancelled", "stay": "s1", "of": "admitted" });
    server.observe(&source, &[now("cancelled", cancelled)]);
    desk.until_text("taget tilbage");
    desk.press("4", "aflyst");
    desk.press("\r", "IKKE SANDT");
    desk.send("q");
    desk.until("is back at the list", |seen| !seen.has("IKKE SANDT"));
    desk.press("6", "[6 Frist]");
    desk.press("a", "[ Send ]");
    desk.send("1\r");
    desk.until_text("Er du sikker?");
    desk.send("J");
    desk.until("is done", |seen| seen.has("? hjælp") && !seen.has("taget tilbage:"));
}
