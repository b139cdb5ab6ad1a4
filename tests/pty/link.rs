//! The line between desk and server: lost, half dead, back again; and two desks on one server.

use rustix::process::Signal;
use serde_json::Value;

use crate::server::{Server, alarm, call};

/// Numbers and states of a board, by number.
fn entries(board: &Value) -> Vec<(u64, String)> {
    let mut found: Vec<(u64, String)> = board["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| (entry["number"].as_u64().unwrap(), entry["state"].as_str().unwrap().to_owned()))
        .collect();
    found.sort();
    found
}

#[test]
fn a_killed_server_makes_the_data_stale_and_comes_back_with_nothing_lost_or_doubled() {
    let mut server = Server::start();
    let source = server.add("central", "source", "jammerbugt");
    let reader = server.add("laeser", "viewer", "jammerbugt");
    server.observe(&source, &[alarm("a1"), call("c1", "20304050", "Agnete")]);
    let desk = server.desk("mette", &[]).open();
    desk.until_text("Tag kaldet");
    desk.press("t", "Svar på kald");
    let before = entries(&server.board(&reader));
    server.kill();
    desk.until("says so on the data", |seen| {
        let stale = seen.line("FORÆLDET siden").unwrap_or_default();
        let clock = stale.split("siden ").nth(1).unwrap_or_default();
        clock.chars().take(8).filter(|c| *c == ':').count() == 2
    });
    // What is known stays on the screen.
    desk.look(|seen| assert!(seen.has("Svar på kald") && seen.has("venter"), "{}", seen.text()));
    // What is done now waits for the server and is done once.
    desk.send("s");
    server.start_again();
    desk.until("is live again", |seen| !seen.has("FORÆLDET"));
    desk.until("has done what waited", |seen| seen.has("Tag kaldet"));
    server.observe(&source, &[alarm("a2")]);
    desk.until_text("Nødkald 2");
    let mut expected = before;
    expected.iter_mut().filter(|it| it.1 == "claimed").for_each(|it| it.1 = "raised".into());
    expected.push((3, "raised".into()));
    assert_eq!(entries(&server.board(&reader)), expected);
    desk.look(|seen| {
        let rows =
            seen.text().lines().filter(|line| line.contains("Jammerbugt") && line.contains(" * ")).count();
        assert!(rows <= 3, "{}", seen.text());
    });
}

#[test]
fn a_server_that_hangs_is_noticed_too() {
    let server = Server::start();
    let desk = server.desk("mette", &[]).open();
    desk.until("has the board", |seen| seen.has("Kilder") && !seen.has("Venter på serveren"));
    server.signal(Signal::STOP);
    desk.until_text("FORÆLDET siden");
    server.signal(Signal::CONT);
    desk.until("is live again", |seen| !seen.has("FORÆLDET"));
}

#[test]
fn two_desks_see_each_others_claims() {
    let server = Server::start();
    let source = server.add("central", "source", "jammerbugt");
    server.observe(&source, &[alarm("a1")]);
    let (mette, bo) = (server.desk("mette", &[]).open(), server.desk("bo", &[]).open());
    mette.until_text("Tag kaldet");
    bo.until_text("Tag kaldet");
    mette.send("t");
    bo.until("sees who has it", |seen| seen.line("Nødkald taget").is_some_and(|line| line.contains("mette")));
    // Taking over names the holder and asks.
    bo.press("o", "mette");
    bo.send("J");
    mette.until("sees who took it", |seen| {
        seen.line("Nødkald taget").is_some_and(|line| line.contains(" bo "))
    });
}
