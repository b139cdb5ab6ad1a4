//! What a terminal says of itself, in a real terminal and under tmux: nothing is done of it, and the desk stays awake.

use std::process::Command;

use crate::server::{Server, alarm};
use crate::terminal::{BOUND, Terminal};

/// Answers and reports: as they come, and cut where it hurts.
const ANSWERS: [&[u8]; 10] = [
    b"\x1bP>|tmux 3.3a\x1b\\",
    b"\x1b[?64;1;2;6;22c",
    b"\x1b]11;rgb:1e1e/1e1e/2e2e\x1b\\",
    b"\x1b]ltat1J\x07",
    b"\x1b[<0;12;7M\x1b[<0;12;7m",
    b"\x1b[Mtat",
    b"\x1b_Gi=31;tat\x1b\\",
    b"\x1b[8;24;80t",
    b"\x90>|tatJ\x9c",
    b"\x1bXtatJ\x1b\\",
];

fn state(server: &Server, reader: &str) -> String {
    server.board(reader)["entries"][0]["state"].as_str().unwrap().to_owned()
}

/// The next key is heard.
fn assert_awake(desk: &Terminal) {
    desk.until("hears the key for help", |seen| {
        if !seen.has("Esc luk") {
            desk.send("?");
        }
        seen.has("Esc luk")
    });
    desk.send("\x1b");
    desk.until("is back", |seen| !seen.has("Esc luk"));
}

/// The rest as a packet of its own, after the desk has drawn: so late that an ESC alone was a key. On a busy machine it
/// may come later than any rest is waited for, and be keys that are asked about: then it is tried again. A rest that is
/// always taken for keys asks every time.
fn in_two(desk: &Terminal, answer: &[u8], at: usize) {
    for _ in 0..20 {
        desk.send(&answer[..at]);
        desk.redrawn();
        desk.send(&answer[at..]);
        desk.until_read();
        // Read is not taken in: a frame may have been under way, so the second one shows what the rest did.
        desk.redrawn();
        desk.redrawn();
        if desk.look(|seen| !seen.has("Esc") && seen.has("Tag kaldet")) {
            return;
        }
        desk.until("asks nothing", |seen| {
            if seen.has("Esc") {
                desk.send("\x1b");
            }
            !seen.has("Esc") && seen.has("Tag kaldet")
        });
    }
    panic!("{answer:?} cut at {at} is taken for keys");
}

#[test]
fn an_answer_of_the_terminal_does_nothing_whole_or_in_packets() {
    // A night of its own for some of them: an alarm that nobody takes rings out in three minutes.
    for answers in ANSWERS.chunks(4) {
        let server = Server::start();
        let source = server.add("central", "source", "jammerbugt");
        let reader = server.add("laeser", "viewer", "jammerbugt");
        server.observe(&source, &[alarm("a1")]);
        let desk = server.desk("mette", &[]).open();
        desk.until_text("Tag kaldet");
        for answer in answers {
            desk.send(answer);
            desk.redrawn();
            for at in [1, 2, 3, answer.len() - 1] {
                in_two(&desk, answer, at);
            }
            assert_awake(&desk);
        }
        desk.look(|seen| assert!(seen.has("Tag kaldet"), "{}", seen.text()));
        assert_eq!(state(&server, &reader), "raised");
    }
}

#[test]
fn half_of_anything_does_not_make_it_deaf_and_is_said() {
    let server = Server::start();
    let desk = server.desk("mette", &[]).open();
    desk.until_text("Kilder");
    for (half, says) in [
        (&b"\x1b[<0;1"[..], "blev færdigt"),
        (b"\x1b]11;rgb:", "blev færdigt"),
        (b"\x1bP>|tmux", "blev færdigt"),
        (b"\x1b[200~tat1J", "kom ikke hel igennem"),
    ] {
        desk.send(half);
        desk.until_text(says);
        assert_awake(&desk);
    }
    // Ctrl+C in the middle of half a mouse report, with nothing at stake.
    desk.send("\x1b[<0;1");
    desk.send("\x03");
    desk.until("asks, for what came was no hand's", |seen| seen.has("Afslut alligevel?"));
}

/// A tmux of our own: its program is the desk.
struct Tmux {
    folder: tempfile::TempDir,
}

impl Tmux {
    fn run(&self, arguments: &[&str]) -> String {
        let mut command = Command::new("tmux");
        command.arg("-S").arg(self.folder.path().join("socket")).args(["-f", "/dev/null"]).args(arguments);
        let out = command.env("LANG", "C.UTF-8").output().expect("tmux is needed for this test");
        assert!(out.status.success(), "tmux {arguments:?}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).unwrap()
    }

    fn screen(&self) -> String {
        self.run(&["capture-pane", "-p", "-t", "0"])
    }

    fn until_text(&self, text: &str) {
        let give_up_at = std::time::Instant::now() + BOUND;
        while !self.screen().contains(text) {
            assert!(std::time::Instant::now() < give_up_at, "never shows {text:?}:\n{}", self.screen());
            std::thread::yield_now();
        }
    }

    /// Bytes as a slow line hands them through, one by one.
    fn send(&self, bytes: &[u8]) {
        for byte in bytes {
            self.run(&["send-keys", "-t", "0", "-H", &format!("{byte:02x}")]);
        }
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        let socket = self.folder.path().join("socket");
        let _gone = Command::new("tmux").arg("-S").arg(socket).arg("kill-server").status();
    }
}

#[test]
fn under_tmux_an_answer_does_nothing_and_keys_are_keys() {
    let server = Server::start();
    let source = server.add("central", "source", "jammerbugt");
    let reader = server.add("laeser", "viewer", "jammerbugt");
    server.observe(&source, &[alarm("a1")]);
    let tmux = Tmux { folder: tempfile::tempdir().unwrap() };
    let desk = server.desk("mette", &[]).words();
    let words: Vec<&str> = desk.iter().map(String::as_str).collect();
    let mut all = vec!["new-session", "-d", "-x", "80", "-y", "24", "--"];
    all.extend(words);
    tmux.run(&all);
    tmux.until_text("Tag kaldet");
    for answer in [ANSWERS[0], ANSWERS[2], ANSWERS[4]] {
        tmux.send(answer);
    }
    tmux.until_text("Tag kaldet");
    assert_eq!(state(&server, &reader), "raised");
    // A key whole, by its name and by its bytes.
    tmux.run(&["send-keys", "-t", "0", "F1"]);
    tmux.until_text("Esc luk");
    tmux.run(&["send-keys", "-t", "0", "Escape"]);
    tmux.until_text("Tag kaldet");
    tmux.run(&["send-keys", "-t", "0", "t"]);
    // So soon after an answer that nobody asked for it asks first, and hears the answer when that is some seconds ago.
    let give_up_at = std::time::Instant::now() + BOUND;
    while !tmux.screen().contains("Svar på kald") {
        assert!(std::time::Instant::now() < give_up_at, "never takes it:\n{}", tmux.screen());
        if tmux.screen().contains("tag Nødkald 1") {
            tmux.run(&["send-keys", "-t", "0", "J"]);
        }
    }
}
