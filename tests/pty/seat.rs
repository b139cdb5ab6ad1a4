//! Who is somebody that listens: the real desk while its terminal takes what it draws, and nobody else.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use rustix::process::Signal;

use crate::server::{Server, http};
use crate::terminal::BOUND;

/// A server whose agreement misses its desks soon, and later than they are looked for: never by chance.
fn server() -> Server {
    let folder = tempfile::tempdir().unwrap();
    let rules = include_str!("../../src/domain/agreements/jammerbugt.toml")
        .replace("nobody_listening_seconds = { own = 30 }", "nobody_listening_seconds = { own = 5 }");
    let agreements = folder.path().join("agreements");
    std::fs::create_dir(&agreements).unwrap();
    std::fs::write(agreements.join("jammerbugt.toml"), rules).unwrap();
    let settings = folder.path().join("vagttavle.toml");
    std::fs::write(&settings, format!("agreements = {:?}\n", agreements.display().to_string())).unwrap();
    let settings = settings.display().to_string();
    Server::start_with(folder, &["--config", &settings])
}

/// How the desks of Jammerbugt are: ok or silent.
fn desks(server: &Server, token: &str) -> String {
    let board = server.board(token);
    let found = board["sources"].as_array().unwrap().iter().find(|it| it["name"] == "vagt-jammerbugt");
    found.map(|it| it["state"].as_str().unwrap().to_owned()).unwrap_or_default()
}

fn until(server: &Server, token: &str, state: &str) {
    let give_up_at = Instant::now() + BOUND;
    while desks(server, token) != state {
        assert!(Instant::now() < give_up_at, "the desks were never {state}: {}", desks(server, token));
        std::thread::park_timeout(std::time::Duration::from_millis(50));
    }
}

#[test]
fn a_stopped_desk_is_nobody_until_it_goes_on_and_another_one_still_counts() {
    let server = server();
    let wall = server.add("skaerm", "viewer", "jammerbugt");
    let first = server.desk("mette", &[]).open();
    until(&server, &wall, "ok");
    first.signal(Signal::STOP);
    until(&server, &wall, "silent");
    let second = server.desk("bo", &[]).open();
    until(&server, &wall, "ok");
    second.signal(Signal::STOP);
    until(&server, &wall, "silent");
    first.signal(Signal::CONT);
    until(&server, &wall, "ok");
    second.signal(Signal::CONT);
}

#[test]
fn a_desk_whose_terminal_takes_nothing_more_is_nobody() {
    let server = server();
    let wall = server.add("skaerm", "viewer", "jammerbugt");
    let desk = server.desk("mette", &[]).open();
    until(&server, &wall, "ok");
    desk.freeze();
    until(&server, &wall, "silent");
}

#[test]
fn a_desk_that_leaves_is_nobody_at_once() {
    let server = server();
    let wall = server.add("skaerm", "viewer", "jammerbugt");
    let desk = server.desk("mette", &[]).open();
    desk.until("has the board", |seen| seen.has("Kilder") && !seen.has("Venter på serveren"));
    until(&server, &wall, "ok");
    desk.signal(Signal::TERM);
    desk.ended();
    until(&server, &wall, "silent");
}

#[test]
fn a_desk_that_only_looks_on_and_a_bare_stream_are_nobody() {
    let server = server();
    let token = server.add("lise", "leader", "jammerbugt");
    let wall = server.desk("mette", &["--read-only"]).open();
    wall.until("has the board", |seen| seen.has("Kilder") && !seen.has("Venter på serveren"));
    let mut stream = TcpStream::connect(server.address).unwrap();
    let ask = format!("GET /v1/stream HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\n\r\n");
    stream.write_all(ask.as_bytes()).unwrap();
    let mut first = [0; 12];
    stream.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    until(&server, &token, "silent");
    // And it is said on the desk that looks on.
    wall.until("says that nobody listens", |seen| seen.text().contains("ingen lytter"));
    let (status, _) = http(server.address, "POST", "/v1/seat", &token, r#"{"desk":"by-hand"}"#);
    assert_eq!(status, 200);
    until(&server, &token, "ok");
}
