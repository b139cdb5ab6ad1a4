//! Small screens: what a row has no room for stands at the foot, and what a screen has no room for is scrolled to.

use rstest::rstest;
use serde_json::{Value, json};
use vagttavle::i18n::Lang;
use vagttavle::protocol::board::BoardSnapshot;
use vagttavle::tui::input::Input;
use vagttavle::tui::msg::Msg;

use crate::desk::Desk;
use crate::night;
use crate::screens::snapshot;

fn foot(desk: &Desk) -> String {
    let screen = desk.screen();
    let lines: Vec<&str> = screen.lines().collect();
    lines[lines.len() - 2].trim().to_owned()
}

#[test]
fn whom_a_stay_is_told_by_and_where_a_visit_is_are_said_of_the_chosen_row() {
    let mut desk = Desk::new(80, 24).showing(night::homecare());
    desk.press("4 j");
    assert!(foot(&desk).contains("Fra sor-afd-12"), "{}", desk.screen());
    desk.press("5");
    assert!(foot(&desk).contains("Kommune Jammerbugt") && foot(&desk).contains("Hos –"), "{}", desk.screen());
    desk.press("j");
    assert!(foot(&desk).contains("Kommune Norddjurs"), "{}", desk.screen());
}

#[rstest]
fn nothing_of_the_chosen_row_is_lost_on_the_smallest_screen(
    #[values("4", "5")] board: &str,
    #[values(Lang::Danish, Lang::English)] lang: Lang,
) {
    let mut wide = Desk::new(109, 24).lang(lang).showing(night::homecare());
    let mut small = Desk::new(60, 20).lang(lang).showing(night::homecare());
    wide.press(board);
    small.press(board);
    for _ in 0..7 {
        let row = |desk: &Desk| desk.screen().lines().find(|line| line.starts_with('>')).unwrap().to_owned();
        let all = format!("{} {}", row(&small), foot(&small));
        for word in row(&wide).split_whitespace() {
            assert!(all.contains(word.trim_end_matches('…')), "{word} is lost of {:?}:\n{all}", row(&wide));
        }
        wide.press("j");
        small.press("j");
    }
}

#[test]
fn what_just_happened_stands_before_the_foot_and_an_opened_entry_needs_none() {
    let mut desk = Desk::new(80, 24).showing(night::homecare());
    desk.press("5").send(Msg::Input(Input::Paste("x".into())));
    assert!(foot(&desk).starts_with("Indsat tekst"), "{}", desk.screen());
    desk.press("Enter");
    assert_eq!(foot(&desk), "");
    let mut wide = Desk::new(160, 40).showing(night::homecare());
    wide.press("5");
    assert_eq!(foot(&wide), "", "the pane beside says it");
}

/// Two dozen sources, half of them with something that could not be read.
fn many_sources() -> BoardSnapshot {
    let sources: Vec<Value> = (0..24)
        .map(|nth| {
            let unreadable = match nth % 2 {
                0 => json!([{ "what": "unknown-help", "count": nth + 1, "last_at": night::ago(600) }]),
                _ => json!([]),
            };
            json!({ "name": format!("kilde-{nth:02}"), "kind": "visits", "state": "ok", "heard_at": night::ago(40),
                    "expected_within_s": 3600, "unreadable": unreadable })
        })
        .collect();
    let mut board = night::board((44..64).map(night::silent).collect());
    board.sources = serde_json::from_value(Value::Array(sources)).unwrap();
    board
}

#[rstest]
fn source_health_goes_on_below_the_last_row_with_the_same_keys(
    #[values((80, 24), (60, 20), (160, 40))] size: (u16, u16),
) {
    let mut desk = Desk::new(size.0, size.1).showing(many_sources());
    desk.press("8").drawn();
    desk.shows("kilde-00").shows(" til");
    desk.hides("kilde-23");
    // To the last row, then line by line to the end.
    for _ in 0..20 {
        desk.press("j").drawn();
    }
    for _ in 0..120 {
        desk.press("j").drawn();
    }
    desk.shows("kilde-23").shows(">**");
    desk.press("g").drawn();
    desk.shows("kilde-00");
    desk.press("G").drawn();
    desk.shows("kilde-23");
    desk.press("PgUp PgUp PgUp PgUp PgUp PgUp PgUp PgUp PgUp").drawn();
    desk.shows("kilde-00");
    for _ in 0..12 {
        desk.press("PgDn").drawn();
    }
    desk.shows("kilde-23");
}

#[rstest]
fn what_could_not_be_read_says_line_reason_and_what_to_do(#[values(Lang::Danish, Lang::English)] lang: Lang) {
    let mut board = many_sources();
    let row = |number: u32, what: &str, line: u32| {
        let mut entry = night::silent(number);
        entry.state = "unreadable".into();
        let details = json!({ "source": "ruter", "trouble": "unreadable", "what": what, "line": line,
                              "count": 3, "last_at": night::ago(60) });
        entry.details = serde_json::from_value(json!({ "board": "sources", "details": details })).unwrap();
        entry
    };
    board.entries = vec![row(44, "unknown-help", 12), row(45, "bad-time", 31)];
    for (width, height) in [(80, 24), (60, 20)] {
        let mut desk = Desk::new(width, height).lang(lang).showing(board.clone());
        desk.press("8");
        snapshot(&format!("sources__rows__{width}x{height}__{}", lang.name()), &desk.screen());
    }
}

#[test]
fn a_place_that_is_read_has_nothing_to_search_in_and_says_so() {
    let mut desk = Desk::with(night::busy());
    desk.press("7 /").shows("Her er ingen poster at søge i").hides("/ søg");
    assert!(desk.model.overlays.is_empty());
    // With an entry opened over the list, the list is what is searched.
    desk.press("1 Enter / «bo» Enter").shows("Søg: bo");
    assert!(desk.model.detail.is_none());
}

#[test]
fn the_next_step_is_the_first_key_hinted_and_the_first_act_of_the_menu() {
    for (entry, place, hint) in [
        (night::closed_door(24), "5", "d låst dør: trin"),
        (night::late(21), "5", "r borger kontaktet"),
        (night::owed(26), "5", "i erstatningsbesøg"),
        (night::told_by_telephone(15), "4", "d trin"),
        (night::taken_back(17), "4", "p hjælp stoppet"),
    ] {
        let mut desk = Desk::new(60, 20).showing(night::board(vec![entry]));
        desk.press(place);
        let hints = desk.screen().lines().last().unwrap().to_owned();
        assert!(hints.starts_with(hint), "{hint}: {hints}");
        desk.press("Space").shows(&format!("> {hint}"));
    }
}

#[test]
fn a_step_that_is_done_says_so_where_it_is_ticked() {
    let mut desk = Desk::new(80, 24).showing(night::board(vec![night::closed_door(24)]));
    desk.press("5 d").shows("1 vinduer · gjort 03:10").hides("3 gardiner · gjort");
}

#[test]
fn the_field_with_the_keys_is_in_sight_on_the_smallest_screen() {
    let mut desk = Desk::new(60, 20).showing(night::board(vec![night::closed_door(24)]));
    desk.press("5 d Tab Tab").shows("> Udfald").shows("7 givet til kommunen");
    desk.press("Tab").shows("[ Send ]");
}

/// Whatever is pasted into a form of the two boards is text there: nothing is sent, and no control character is drawn.
#[test]
fn garbage_pasted_into_every_form_is_text() {
    let mut garbage: Vec<String> = [
        "\x1b[2J\x1b[?1049l\x1b]52;c;SGVq\x07",
        "\x1b[201~J\r\n",
        "\u{9b}31m\u{202e}neknA\u{2066}\u{200b}",
        "a\r\nb\nc\0\x7f\x08",
        "12:00\n12:30",
    ]
    .map(str::to_owned)
    .to_vec();
    garbage.push("æ".repeat(100_000));
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/corpora/escape");
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    garbage.extend(
        files
            .filter_map(|file| std::fs::read(file.path()).ok())
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
    );
    let is_foul = |c: char| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    for (entry, keys, fields) in [
        (night::discharged(14), "4 +", 3),
        (night::told_by_telephone(15), "4 e", 2),
        (night::discharged(14), "4 d", 2),
        (night::discharged(14), "4 n", 1),
        (night::late(21), "5 e", 2),
        (night::owed(26), "5 i", 1),
        (night::late(21), "5 p", 2),
        (night::closed_door(24), "5 d", 3),
    ] {
        for text in &garbage {
            let mut desk = Desk::new(60, 20).showing(night::board(vec![entry.clone()]));
            desk.press(keys);
            for _ in 0..fields {
                desk.send(Msg::Input(Input::Paste(text.clone())));
                let screen = desk.screen();
                assert!(!screen.contains(is_foul), "{keys} {text:?}: {screen:?}");
                desk.press("Tab");
            }
            assert_eq!(desk.submitted(), [], "{keys} {text:?}");
            assert_eq!(desk.model.overlays.len(), 1, "{keys} {text:?}: the form is still there");
        }
    }
}

#[test]
fn a_link_in_the_history_names_the_other_entry_and_never_an_id() {
    let (visit, alarm) = (night::late(21), night::ringing(12));
    let line = |to: &str| {
        serde_json::from_value(json!({ "sequence": 5, "kind": "entry.linked", "actor": "source:plan",
            "happened_at": night::ago(60), "recorded_at": night::ago(60), "payload": { "to": to } }))
        .unwrap()
    };
    let gone = "01a203ee-43d3-742d-aba0-af5a5f9bc31a";
    let mut view = night::opened(visit.clone());
    view.history = vec![line(&alarm.id.to_string()), line(gone)];
    let mut desk = Desk::new(80, 40).showing(night::board(vec![visit.clone(), alarm]));
    desk.press("5 Enter").send(Msg::Fetched { entry: visit.id, outcome: Ok(Box::new(view)) });
    desk.shows("knyttet sammen Nødkald 12").hides(gone);
}

#[test]
fn a_number_that_is_not_manned_now_says_so_on_the_smallest_screen() {
    let mut board = night::busy();
    for contact in &mut board.contacts {
        contact.now = false;
        contact.days = "working".into();
        (contact.from, contact.to) = (Some("16:00".into()), Some("08:00".into()));
    }
    let count = board.contacts.len();
    assert!(count > 0);
    let mut desk = Desk::new(60, 20).showing(board);
    desk.press("w");
    let screen = desk.screen();
    assert_eq!(screen.matches("ikke").count(), count, "{screen}");
    assert!(!screen.lines().any(|line| line.contains('│') && line.ends_with("…│")), "{screen}");
}

#[test]
fn a_deadline_that_has_passed_is_not_called_the_next() {
    let board = night::board(vec![
        night::duty(40, "documentation", Some(night::ago(3_600))),
        night::duty(41, "documentation", Some(night::ahead(1_900))),
    ]);
    Desk::with(board).shows("Frister 2, 1 OVERSKREDET");
}

#[rstest]
fn the_shift_and_the_agreements_are_read_to_their_end(
    #[values("7", "9")] place: &str,
    #[values((80, 24), (60, 20))] size: (u16, u16),
) {
    let mut board = night::busy();
    board.sources = many_sources().sources;
    let mut desk = Desk::new(size.0, size.1).showing(board);
    desk.press(place).drawn();
    if desk.model.scroll_max == 0 {
        return;
    }
    let begin = desk.screen();
    desk.press("j").drawn();
    assert_ne!(desk.screen(), begin, "{begin}");
    desk.press("G").drawn().hides(" til\n");
    let end = desk.screen();
    desk.press("j").drawn();
    assert_eq!(desk.screen(), end);
    desk.press("g").drawn();
    assert_eq!(desk.screen(), begin);
    for _ in 0..30 {
        desk.press("PgDn").drawn();
    }
    assert_eq!(desk.screen(), end);
}
