//! Sizes, colours, languages and terminals of every kind; and names that mean harm.

use serde_json::Value;

use crate::sequences;
use crate::server::{Server, alarm, call};
use crate::terminal::{Start, Terminal};

#[test]
fn a_storm_of_sizes_does_no_harm_and_a_small_screen_keeps_the_alarms() {
    let server = Server::start();
    let source = server.add("central", "source", "jammerbugt");
    server.observe(&source, &[alarm("a1")]);
    let desk = server.desk("mette", &[]).open();
    desk.until_text("Tag kaldet");
    for round in 0..40u16 {
        for (width, height) in [(1, 1), (2, 1), (60, 20), (500, 200), (1, 200), (500, 1), (79, 23)] {
            desk.resize(width, height + round % 2);
        }
        // No escape: with the key behind it, it may be read as one key with Alt.
        desk.send(["?", "q", "\r", "q"][usize::from(round % 4)]);
    }
    for (width, height) in [(1, 1), (2, 1)] {
        desk.resize(width, height);
        let drawn = desk.look(|seen| seen.bytes.len());
        desk.until("draws on", |seen| seen.bytes.len() > drawn);
    }
    desk.resize(59, 19);
    desk.until("says both sizes", |seen| seen.has("59x19") && seen.has("60x20"));
    desk.until("keeps the alarm", |seen| seen.has("Nødkald 1, 1 RINGER"));
    // The foot of the screen is where the terminal ends; the alarms are at its head.
    for (width, height) in [(60, 20), (500, 200), (80, 24)] {
        desk.resize(width, height);
        desk.until(&format!("fills {width}x{height}"), |seen| {
            let rows: Vec<String> = seen.screen().rows(0, width).collect();
            rows.last().is_some_and(|row| row.contains("hjælp")) && seen.has("Nødkald 1, 1 RINGER")
        });
    }
    desk.look(|seen| assert_eq!(sequences::forbidden(&seen.bytes), Vec::<String>::new()));
}

fn starts_and_ends(start: Start) -> Terminal {
    let mut desk = start.open();
    desk.until("shows the board", |seen| seen.has("Ring tilbage"));
    desk.send("q");
    assert!(desk.ended().success());
    desk.assert_given_back();
    desk.look(|seen| assert_eq!(sequences::forbidden(&seen.bytes), Vec::<String>::new()));
    desk
}

#[test]
fn without_colour_no_colour_is_sent() {
    let desk = starts_and_ends(Start::new(&["demo"]).env("NO_COLOR", "1"));
    desk.look(|seen| assert_eq!(sequences::colours(&seen.bytes), Vec::<String>::new()));
}

#[test]
fn with_colour_it_is() {
    let desk = starts_and_ends(Start::new(&["demo"]));
    desk.look(|seen| assert_ne!(sequences::colours(&seen.bytes), Vec::<String>::new()));
}

#[test]
fn a_dumb_an_unknown_and_a_nameless_terminal_will_do() {
    for term in ["dumb", "ingen-kender-mig"] {
        starts_and_ends(Start::new(&["demo"]).env("TERM", term).without("COLORTERM"));
    }
    starts_and_ends(Start::new(&["demo"]).without("TERM").without("COLORTERM"));
}

#[test]
fn a_plain_locale_will_do() {
    starts_and_ends(Start::new(&["demo"]).env("LANG", "C"));
}

#[test]
fn it_speaks_english_when_asked() {
    let desk = Start::new(&["--lang", "en", "demo"]).open();
    desk.until("shows the board in English", |seen| seen.has("Call back") && seen.has("Alarms"));
    desk.look(|seen| assert!(!seen.has("Nødkald"), "{}", seen.text()));
}

/// Names as an exchange or an intruder might hand them in.
fn hostile_names() -> Vec<String> {
    let mut names: Vec<String> = [
        "\x1b[2J\x1b[1;1Hvæk",
        "\x1b]52;c;aGVq\x07",
        "\x1b]8;;http://x.invalid\x1b\\tryk\x1b]8;;\x1b\\",
        "\x1b]0;titel\x07",
        "\x1bP$q\"p\x1b\\",
        "\x1b[6n\x1b[c\x1b[>q",
        "\u{9b}31m\u{9d}0;x\u{9c}",
        "\u{202e}neknA\u{2066}",
        "A\u{200b}n\u{200d}n\u{2060}e\u{feff}",
        "\r\n\t\x08\x7f\x00",
        "é\u{301}\u{301}\u{301}\u{301}\u{301}",
        "👩‍👩‍👧‍👦🏳️‍🌈",
        "\u{e0041}\u{e007f}",
        "漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字",
    ]
    .map(str::to_owned)
    .to_vec();
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/corpora/blns.json");
    match std::fs::read_to_string(corpus) {
        Ok(text) => names.extend(serde_json::from_str::<Vec<String>>(&text).unwrap()),
        Err(_) => eprintln!("NOT TESTED with the big list of naughty strings: {corpus} is missing"),
    }
    names
}

#[test]
fn hostile_names_never_reach_the_terminal_as_they_are() {
    let server = Server::start();
    let source = server.add("central", "source", "jammerbugt");
    let names = hostile_names();
    let calls: Vec<Value> =
        names.iter().enumerate().map(|(index, name)| call(&format!("c{index}"), "20304050", name)).collect();
    let mut taken = 0;
    for batch in calls.chunks(400) {
        let receipts = server.hand_in(&source, batch);
        taken += receipts.iter().filter(|it| it["outcome"] == "recorded").count();
    }
    assert!(taken > 10, "{taken} of {}", names.len());
    // The phone board shows the name of each; a pane beside it everything about the chosen one.
    let desk = server.desk("mette", &[]).size(160, 200).open();
    desk.send("3");
    desk.until("shows them made harmless", |seen| seen.has("^[[2J") && seen.has("<U+202E>"));
    for page in 0..taken.div_ceil(150) {
        desk.send("\x1b[6~");
        let drawn = desk.look(|seen| seen.bytes.len());
        desk.until(&format!("draws page {page}"), |seen| seen.bytes.len() > drawn);
    }
    for _ in 0..60 {
        desk.send("k");
        desk.until("draws the pane", |seen| seen.has("Vist navn") || seen.has("Ringer fra"));
    }
    desk.look(|seen| assert_eq!(sequences::forbidden(&seen.bytes), Vec::<String>::new()));
}

#[test]
fn the_bell_rings_at_a_new_alarm_and_again_until_it_is_taken() {
    // An agreement that asks for a bell every second: jammerbugt's own, with that one value changed.
    let rules = concat!(env!("CARGO_MANIFEST_DIR"), "/src/domain/agreements/jammerbugt.toml");
    let rules = std::fs::read_to_string(rules).unwrap();
    let line = rules.lines().find(|line| line.starts_with("bell_repeat_seconds")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let agreements = folder.path().join("agreements");
    std::fs::create_dir(&agreements).unwrap();
    let changed = rules.replace(line, "bell_repeat_seconds = { own = 1 }");
    std::fs::write(agreements.join("jammerbugt.toml"), changed).unwrap();
    let config = folder.path().join("server.toml");
    std::fs::write(&config, "agreements = \"agreements\"\n").unwrap();
    let config = config.display().to_string();
    let server = Server::start_with(folder, &["--config", &config]);
    let source = server.add("central", "source", "jammerbugt");
    let desk = server.desk("mette", &[]).open();
    desk.until_text("Kilder");
    desk.look(|seen| assert_eq!(seen.bells(), 0));
    server.observe(&source, &[alarm("a1")]);
    desk.until("rings, and again, and again", |seen| seen.bells() >= 3);
    desk.press("t", "Svar på kald");
    let rung = desk.look(|seen| seen.bells());
    // Four clock ticks later it has not rung again.
    for _ in 0..4 {
        let clock = desk.look(|seen| seen.line("INGEN"));
        desk.until("moves its clock", |seen| seen.line("INGEN") != clock);
    }
    desk.look(|seen| assert_eq!(seen.bells(), rung));
}
