//! The rules of the key table.

use std::collections::{BTreeMap, BTreeSet};

use vagttavle::i18n::key;
use vagttavle::tui::action::{Action, Place};
use vagttavle::tui::keymap::{Chord, Context, KeyProblem, Keymap, Row, problems};

#[test]
fn the_table_keeps_its_rules() {
    assert_eq!(problems(Keymap::default().rows()), []);
}

#[test]
fn every_action_has_a_key() {
    let keymap = Keymap::default();
    let bound: BTreeSet<String> = keymap.rows().iter().map(|row| row.action.name()).collect();
    let mut wanted: Vec<Action> = Place::ALL.map(Action::GoTo).to_vec();
    wanted.extend([
        Action::Help,
        Action::Filter,
        Action::Numbers,
        Action::Worst,
        Action::HidePeople,
        Action::NextPlace,
        Action::PreviousPlace,
        Action::Redraw,
        Action::Back,
        Action::Quit,
        Action::Up,
        Action::Down,
        Action::Top,
        Action::Bottom,
        Action::PageUp,
        Action::PageDown,
        Action::Open,
        Action::Menu,
        Action::Copy,
        Action::Choose,
        Action::NextField,
        Action::PreviousField,
        Action::NextChoice,
        Action::PreviousChoice,
        Action::Submit,
        Action::Confirm,
        Action::Close,
    ]);
    for action in wanted {
        assert!(bound.contains(&action.name()), "{action:?} has no key");
    }
}

#[test]
fn confirming_takes_a_key_that_does_nothing_else() {
    let keymap = Keymap::default();
    let confirming: Vec<Chord> =
        keymap.rows().iter().filter(|row| row.action == Action::Confirm).map(|row| row.chord).collect();
    assert!(!confirming.is_empty());
    for row in keymap.rows().iter().filter(|row| row.action != Action::Confirm) {
        assert!(!confirming.contains(&row.chord), "{row:?}");
    }
}

#[test]
fn a_letter_ends_or_rings_on_every_board_alike() {
    // The overview mixes boards: `a` must never mean "end" on one row and something else on the next.
    let keymap = Keymap::default();
    let mut meaning: BTreeMap<Chord, BTreeSet<bool>> = BTreeMap::new();
    for row in keymap.rows().iter().filter(|row| matches!(row.context, Context::On(_))) {
        meaning.entry(row.chord).or_default().insert(row.is_destructive);
    }
    for (chord, kinds) in meaning {
        assert_eq!(kinds.len(), 1, "{chord} is grave on one board and not on another");
    }
}

#[test]
fn the_usual_keys_are_there() {
    let keymap = Keymap::default();
    let list = [Context::On("alarms"), Context::Entry, Context::List, Context::Global];
    for (text, action) in [
        ("?", Action::Help),
        ("F1", Action::Help),
        ("/", Action::Filter),
        ("F3", Action::Filter),
        ("1", Action::GoTo(Place::Overview)),
        ("7", Action::GoTo(Place::Shift)),
        ("Up", Action::Up),
        ("k", Action::Up),
        ("Down", Action::Down),
        ("j", Action::Down),
        ("g", Action::Top),
        ("G", Action::Bottom),
        ("PgUp", Action::PageUp),
        ("PgDn", Action::PageDown),
        ("Enter", Action::Open),
        ("Esc", Action::Back),
        ("q", Action::Leave),
        ("t", Action::Do("claim")),
        ("u", Action::Do("respond")),
    ] {
        assert_eq!(keymap.resolve(&list, Chord::parse(text).unwrap()), Some(action), "{text}");
    }
}

#[test]
fn chords_are_read_as_they_are_written() {
    for row in Keymap::default().rows() {
        assert_eq!(Chord::parse(&row.chord.to_string()), Some(row.chord));
    }
    assert_eq!(Chord::parse("ctrl+alt+x"), None);
    assert_eq!(Chord::parse("F13"), None);
}

#[test]
fn broken_tables_are_found() {
    let row = |context, chord| Row {
        context,
        chord,
        action: Action::Help,
        text: key::KEYS_HELP,
        rank: 0,
        is_destructive: false,
    };
    let shadow = [row(Context::Global, Chord::Char('t')), row(Context::On("alarms"), Chord::Char('t'))];
    assert!(matches!(problems(&shadow)[..], [KeyProblem::Twice { .. }]));
    assert_eq!(
        problems(&[row(Context::Global, Chord::Char('@'))]),
        [KeyProblem::NotTypable(Chord::Char('@'))]
    );
    assert_eq!(problems(&[row(Context::Form, Chord::Ctrl('s'))]), [KeyProblem::Taken(Chord::Ctrl('s'))]);
    let apart = [row(Context::On("phone"), Chord::Char('t')), row(Context::On("alarms"), Chord::Char('t'))];
    assert_eq!(problems(&apart), []);
}

#[test]
fn keys_can_be_changed_by_action_name() {
    let list = [Context::On("alarms"), Context::Entry, Context::List, Context::Global];
    let mut keymap = Keymap::default();
    let wanted = |action: &str, chord: &str| BTreeMap::from([(action.to_owned(), vec![chord.to_owned()])]);
    keymap.rebind(&wanted("do-claim", "T")).unwrap();
    assert_eq!(keymap.resolve(&list, Chord::Char('T')), Some(Action::Do("claim")));
    assert_eq!(keymap.resolve(&list, Chord::Char('t')), None);
    assert_eq!(
        keymap.rebind(&wanted("do-clam", "T")),
        Err(KeyProblem::UnknownAction { name: "do-clam".into(), near: Some("do-claim".into()) })
    );
    assert!(matches!(keymap.rebind(&wanted("do-note", "q")), Err(KeyProblem::Twice { .. })));
    assert_eq!(keymap.rebind(&wanted("do-note", "nn")), Err(KeyProblem::UnknownChord("nn".into())));
}
