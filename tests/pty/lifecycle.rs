//! From start to end: the terminal is given back and nothing is left running, however it ends.

use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;

use rustix::process::Signal;
use serde_json::json;

use crate::sequences;
use crate::server::{Server, alarm, now};
use crate::terminal::{Start, Terminal, listening_ports};

/// Set in the child that panics on purpose.
const PANIC: &str = "VAGTTAVLE_TEST_PANIC";

fn demo() -> Terminal {
    let desk = Start::new(&["demo"]).open();
    desk.until_text("Ring tilbage");
    desk
}

fn assert_ports_closed(ports: &[u16]) {
    for port in ports {
        assert!(TcpStream::connect(("127.0.0.1", *port)).is_err(), "port {port} is still open");
    }
}

#[test]
fn a_demo_is_started_acted_on_and_left() {
    let mut desk = demo();
    desk.press("\r", "ingen har taget den");
    desk.send("q");
    desk.until("is back at the list", |seen| !seen.has("ingen har taget den"));
    desk.send("t");
    desk.until("has taken the chosen one", |seen| seen.line(">").is_some_and(|line| line.contains(" dig ")));
    let ports = listening_ports(desk.pid());
    assert!(!ports.is_empty());
    // One who has something does not just go.
    desk.press("q", "Afslut alligevel?");
    desk.look(|seen| assert!(seen.has("Du har: "), "{}", seen.text()));
    desk.send("J");
    assert!(desk.ended().success());
    desk.assert_given_back();
    assert_ports_closed(&ports);
    desk.look(|seen| assert_eq!(sequences::forbidden(&seen.bytes), Vec::<String>::new()));
}

#[test]
fn a_note_that_waits_is_counted_and_leaving_asks() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("care.token");
    std::fs::write(&secret, "token").unwrap();
    std::fs::set_permissions(&secret, PermissionsExt::from_mode(0o600)).unwrap();
    // Nobody answers there.
    let settings = "[care]\nadapter = \"demo\"\nurl = \"http://127.0.0.1:1\"\ntoken_file = \"care.token\"\n";
    let file = folder.path().join("server.toml");
    std::fs::write(&file, settings).unwrap();
    let server = Server::start_with(folder, &["--config", &file.display().to_string()]);
    let source = server.add("central", "source", "jammerbugt");
    let raised = json!({"type": "alarm-raised", "alarm": "a1", "citizen": "c-1"});
    server.observe(&source, &[now("k-1", raised)]);
    let mut desk = server.desk("mette", &[]).open();
    desk.until_text("Tag kaldet");
    desk.send("n");
    desk.until_text("Teksten skrives i omsorgssystemet");
    desk.paste("Venter paa laegen.");
    desk.send("\x1b[21~");
    desk.until_text("1 notat venter");
    desk.send("q");
    desk.until_text("1 notat venter på omsorgssystemet. Det er kun i serverens");
    desk.send("J");
    assert!(desk.ended().success());
    desk.assert_given_back();
    let log = std::fs::read_to_string(server.folder.path().join("server.log")).unwrap();
    assert!(!log.contains("laegen"), "{log}");
}

#[test]
fn an_alarm_is_taken_answered_and_closed_by_keys_alone() {
    let server = Server::start();
    let source = server.add("central", "source", "jammerbugt");
    server.observe(&source, &[alarm("a1")]);
    let desk = server.desk("mette", &[]).open();
    desk.until_text("Tag kaldet");
    desk.press("t", "Svar på kald");
    desk.press("u", "egen hjælp");
    desk.send("1\r");
    desk.until_text("Meld fremme");
    desk.send("f");
    desk.until_text("Afslut");
    desk.press("a", "fejlalarm");
    desk.send("1\r");
    // Closing asks, naming the alarm; only the capital letter answers.
    desk.until("asks about alarm 1", |seen| seen.has("J ") && seen.has("Nødkald 1"));
    desk.send("j\r");
    desk.send("J");
    desk.until("has none left", |seen| seen.has("Nødkald 0"));
    let board = server.board(&source_reader(&server));
    assert_eq!(board["entries"], serde_json::json!([]), "{board:#}");
}

fn source_reader(server: &Server) -> String {
    server.add("laeser", "viewer", "jammerbugt")
}

#[test]
fn a_signal_ends_it_and_the_terminal_is_given_back() {
    for signal in
        [Signal::TERM, Signal::HUP, Signal::INT, Signal::QUIT, Signal::ABORT, Signal::USR1, Signal::ALARM]
    {
        let mut desk = demo();
        let ports = listening_ports(desk.pid());
        desk.signal(signal);
        assert_eq!(desk.ended().signal(), None, "{signal:?}");
        desk.assert_given_back();
        assert_ports_closed(&ports);
        // A terminal without a second screen keeps nothing either.
        desk.look(|seen| {
            let text = String::from_utf8_lossy(&seen.bytes).into_owned();
            let (shown, _) = text.rsplit_once("\x1b[?1049l").expect("the alternate screen was left");
            assert!(shown.ends_with("\x1b[2J"), "{signal:?}: {:?}", &shown[shown.len().saturating_sub(40)..]);
        });
    }
}

#[test]
fn a_closed_terminal_ends_it() {
    let mut desk = demo();
    let ports = listening_ports(desk.pid());
    desk.hang_up();
    desk.ended();
    assert_ports_closed(&ports);
}

/// A terminal that takes nothing more (Ctrl+S, a stopped multiplexer) cannot keep the desk alive.
#[test]
fn a_frozen_terminal_does_not_keep_it_alive() {
    let desk = demo();
    desk.freeze();
    desk.until_stuck();
    desk.signal(Signal::TERM);
    desk.ended();
}

#[test]
fn a_panic_gives_the_terminal_back_and_can_be_read() {
    let me = std::env::current_exe().unwrap().display().to_string();
    let arguments = ["--exact", "lifecycle::the_child_that_panics", "--nocapture"];
    let mut desk = Start::program(&me, &arguments).env(PANIC, "1").open();
    desk.assert_given_back();
    desk.look(|seen| {
        let text = String::from_utf8_lossy(&seen.bytes).into_owned();
        let (_, after) = text.rsplit_once("\x1b[?1049l").expect("the alternate screen was left");
        assert!(after.contains("on purpose"), "{after:?}");
    });
}

/// The child of the test above: the desk's own screen, and a panic while it is shown.
#[test]
fn the_child_that_panics() {
    #[expect(clippy::disallowed_methods, reason = "set by the test above alone")]
    let is_child = std::env::var_os(PANIC).is_some();
    if is_child {
        let mut screen = vagttavle::tui::terminal::Screen::open().unwrap();
        screen.draw(|_| -> () { panic!("on purpose") }).unwrap();
    }
}

#[test]
fn a_paste_outside_a_field_runs_no_command_and_says_so() {
    let server = Server::start();
    let source = server.add("central", "source", "jammerbugt");
    server.observe(&source, &[alarm("a1")]);
    let desk = server.desk("mette", &[]).open();
    desk.until_text("Tag kaldet");
    // Every key that would do something, 10 kB of them; with ends of lines, as pasted text has.
    desk.paste(&"tt1\rua1\rJfvbxq\n".repeat(10 * 1024 / 15));
    desk.until_text("Indsat tekst er ikke brugt");
    desk.until("is untouched", |seen| seen.has("Nødkald ringer") && seen.has("Tag kaldet"));
    let board = server.board(&source_reader(&server));
    assert_eq!(board["entries"][0]["state"], "raised", "{board:#}");
    // Into a field it is text, and still no command.
    desk.press("t", "Svar på kald");
    desk.press("n", "notat");
    desk.paste(&"J\rq".repeat(3000));
    desk.until_text("J");
    desk.send("\x1b");
    desk.until("asks whether to discard", |seen| seen.has("J "));
    desk.send("J");
    desk.until("is back", |seen| seen.has("Svar på kald") && !seen.has("┌"));
}
