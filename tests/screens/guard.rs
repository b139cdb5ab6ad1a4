//! What comes from the terminal is not what a hand did: bytes and virtual time through the guard, and on to the desk.

use std::time::Duration;

use chrono::TimeDelta;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rstest::rstest;
use vagttavle::tui::effect::Effect;
use vagttavle::tui::guard::{self, Event, Guard, Unfinished};
use vagttavle::tui::input;
use vagttavle::tui::keymap::Chord;
use vagttavle::tui::model::Notice;
use vagttavle::tui::msg::Msg;

use crate::desk::Desk;
use crate::night;

const MS: Duration = Duration::from_millis(1);

/// Everything that came of pieces of bytes, each so many milliseconds after the one before, and of three seconds more.
fn read(pieces: &[(u32, &[u8])]) -> Vec<Event> {
    let (mut guard, mut now) = (Guard::default(), Duration::ZERO);
    let mut events = Vec::new();
    for (gap, bytes) in pieces {
        now += MS * *gap;
        events.extend(guard.read(bytes, now));
    }
    events.extend(guard.expire(now + MS * 3000));
    assert_eq!(guard.due(), None, "nothing stays open");
    events
}

fn press(chord: Chord) -> Event {
    Event::Press(chord)
}

fn typed(text: &str) -> Vec<Event> {
    text.chars().map(|c| press(Chord::Char(c))).collect()
}

#[rstest]
#[case(b"a", Chord::Char('a'))]
#[case("å".as_bytes(), Chord::Char('å'))]
#[case("€".as_bytes(), Chord::Char('€'))]
#[case(b"\r", Chord::Enter)]
#[case(b"\t", Chord::Tab)]
#[case(b"\x7f", Chord::Backspace)]
#[case(b"\x08", Chord::Backspace)]
#[case(b"\x03", Chord::Ctrl('c'))]
#[case(b"\x1a", Chord::Ctrl('z'))]
#[case(b"\x1c", Chord::Ctrl('\\'))]
#[case(b"\x1b", Chord::Esc)]
#[case(b"\x1b[A", Chord::Up)]
#[case(b"\x1bOA", Chord::Up)]
#[case(b"\x1b[1;2B", Chord::Down)]
#[case(b"\x9bB", Chord::Down)]
#[case("\u{9b}B".as_bytes(), Chord::Down)]
#[case(b"\x1b[Z", Chord::BackTab)]
#[case(b"\x1b[H", Chord::Home)]
#[case(b"\x1b[4~", Chord::End)]
#[case(b"\x1b[3~", Chord::Delete)]
#[case(b"\x1b[5~", Chord::PageUp)]
#[case(b"\x1bOP", Chord::F(1))]
#[case(b"\x1bOS", Chord::F(4))]
#[case(b"\x1b[[D", Chord::F(4))]
#[case(b"\x1b[14~", Chord::F(4))]
#[case(b"\x1b[21~", Chord::F(10))]
#[case(b"\x1b[24;5~", Chord::F(12))]
fn a_key_is_a_key_whole_and_in_single_bytes(#[case] bytes: &[u8], #[case] chord: Chord) {
    assert_eq!(read(&[(0, bytes)]), [press(chord)]);
    let bytewise: Vec<(u32, &[u8])> = bytes.chunks(1).map(|byte| (40, byte)).collect();
    assert_eq!(read(&bytewise), [press(chord)], "in packets of a byte");
}

#[rstest]
#[case::version(b"\x1bP>|tmux 3.3a\x1b\\")]
#[case::attributes(b"\x1b[?64;1;2;6;22c")]
#[case::more_attributes(b"\x1b[>41;354;0c")]
#[case::place(b"\x1b[12;40R")]
#[case::place_that_looks_like_shift_and_f3(b"\x1b[1;2R")]
#[case::well(b"\x1b[0n")]
#[case::size(b"\x1b[8;24;80t")]
#[case::mode(b"\x1b[?2026;2$y")]
#[case::keyboard(b"\x1b[?13u")]
#[case::enter_in_a_protocol_nobody_asked_for(b"\x1b[13u")]
#[case::other_keys(b"\x1b[27;5;116~")]
#[case::title(b"\x1b]ltja1J\x1b\\")]
#[case::settings(b"\x1bP1$r0m\x1b\\")]
#[case::graphics(b"\x1b_Gi=31;OK\x1b\\")]
#[case::privacy(b"\x1b^ttt\x1b\\")]
#[case::start_of_string(b"\x1bXtat1\x1b\\")]
#[case::eight_bit(b"\x90>|tmux\x9c")]
#[case::letter_with_the_byte_of_an_end(b"\x1b]l\xc3\x9ctat1\x1b\\")]
#[case::mouse(b"\x1b[<0;12;7M")]
#[case::mouse_let_go(b"\x1b[<0;12;7m")]
#[case::old_mouse(b"\x1b[Mtat")]
#[case::clipboard(b"\x1b]52;c;dGF0MUo=\x07")]
fn an_answer_is_no_key_however_it_is_cut_in_time(#[case] bytes: &[u8]) {
    let is_key = |event: &Event| matches!(event, Event::Press(_) | Event::Paste(_));
    assert!(!read(&[(0, bytes)]).iter().any(is_key), "{:?}", read(&[(0, bytes)]));
    for at in 1..bytes.len() {
        let (first, rest) = bytes.split_at(at);
        for gap in [1, 49, 51, 500, 1999] {
            let mut events = read(&[(0, first), (gap, rest)]);
            // An ESC alone for so long is the key; what is left of it is none.
            events.retain(|event| *event != press(Chord::Esc));
            assert!(!events.iter().any(is_key), "cut at {at} for {gap} ms: {events:?}");
        }
    }
}

#[test]
fn what_the_background_is_and_who_looks_is_told_as_that() {
    assert_eq!(read(&[(0, b"\x1b]11;rgb:ffff/8080/0000\x1b\\")]), [Event::Background([255, 128, 0])]);
    assert_eq!(read(&[(0, b"\x1b]11;rgb:f/"), (900, b"0/8\x07")]), [Event::Background([255, 0, 136])]);
    assert_eq!(read(&[(0, b"\x1b]11;rgb:ffff/80\x1b\\")]), [Event::Garbled]);
    assert_eq!(read(&[(0, b"\x1b[I\x1b[O")]), [Event::Focus(true), Event::Focus(false)]);
}

#[test]
fn an_arrow_in_two_packets_is_escape_and_no_letter_and_alt_is_nobodys() {
    assert_eq!(read(&[(0, b"\x1b"), (51, b"[B")]), [press(Chord::Esc)]);
    assert_eq!(
        read(&[(0, b"\x1b"), (1999, b"[B"), (10, b"t")]),
        [press(Chord::Esc), press(Chord::Char('t'))]
    );
    // Later than that it is a hand's.
    assert_eq!(read(&[(0, b"\x1b"), (2100, b"[")]), [press(Chord::Esc), press(Chord::Char('['))]);
    assert_eq!(read(&[(0, b"\x1bt")]), [Event::Garbled]);
    assert_eq!(read(&[(0, "\u{1b}å".as_bytes())]), [Event::Garbled]);
    assert_eq!(read(&[(0, b"\x1b"), (60, b"t")]), [press(Chord::Esc), press(Chord::Char('t'))]);
}

#[test]
fn a_paste_is_text_to_its_end_and_half_a_paste_is_none() {
    let whole = "\x1b[200~tt1\rJ\x1b[A\x03å\x1b[201~";
    assert_eq!(read(&[(0, whole.as_bytes())]), [Event::Paste("tt1\rJ\x1b[A\x03å".into())]);
    for at in 6..whole.len() {
        let (first, rest) = whole.as_bytes().split_at(at);
        assert_eq!(read(&[(0, first), (990, rest)]).len(), 1, "cut at {at}");
    }
    assert_eq!(
        read(&[(0, b"\x1b"), (100, b"[200~t\x1b[201~")]),
        [press(Chord::Esc), Event::Paste("t".into())]
    );
    let cut = [Event::Unfinished(Unfinished::Paste), press(Chord::Ctrl('c'))];
    assert_eq!(read(&[(0, b"\x1b[200~tt1\rJ"), (1001, b"\x03")]), cut);
    let mut long = b"\x1b[200~".to_vec();
    long.resize(guard::PASTE_BYTES_MAX + 100, b't');
    long.extend(b"\x1b[201~q");
    assert_eq!(read(&[(0, &long)]), [Event::Unfinished(Unfinished::Paste), press(Chord::Char('q'))]);
}

/// However it was left, after its time the next key is heard, and that something was dropped is said.
#[rstest]
#[case(b"\x1b[<0;1")]
#[case(b"\x1b[")]
#[case(b"\x1bO")]
#[case(b"\x1b[M")]
#[case(b"\x1b]11;rgb:")]
#[case(b"\x1bP>|tmux\x1b")]
#[case(b"\xe2\x82")]
#[case(b"\x1b[200~abc")]
#[case(b"\x1b[200~abc\x1b[201")]
fn nothing_unfinished_makes_the_desk_deaf(#[case] bytes: &[u8]) {
    let events = read(&[(0, bytes), (2001, b"\x03")]);
    assert!(
        matches!(events.as_slice(), [Event::Unfinished(_), Event::Press(Chord::Ctrl('c'))]),
        "{events:?}"
    );
}

#[test]
fn keys_do_not_keep_something_unfinished_alive() {
    for begun in [&b"\x1bP>|"[..], b"\x1b]0;", b"\x1b[200~"] {
        let mut pieces = vec![(0, begun)];
        pieces.extend([(200, &b"j"[..]); 200]);
        let events = read(&pieces);
        assert!(events.iter().filter(|it| **it == press(Chord::Char('j'))).count() > 40, "{begun:?}");
    }
    // Half a mouse report hears Ctrl+C at once.
    assert_eq!(read(&[(0, b"\x1b[<0;1"), (5, b"\x03")]), [Event::Garbled, press(Chord::Ctrl('c'))]);
    // A string that is far too long is swallowed to its end all the same.
    let mut long = b"\x1b]0;".to_vec();
    long.resize(guard::STRING_BYTES_MAX * 3, b't');
    long.extend(b"\x07q");
    assert_eq!(read(&[(0, &long)]), [Event::Garbled, press(Chord::Char('q'))]);
}

#[test]
fn more_at_once_than_a_hand_types_is_told_before_it() {
    let mut all = vec![Event::Burst];
    all.extend(typed("[8;80t"));
    assert_eq!(read(&[(0, b"[8;80t")]), all);
    assert_eq!(read(&[(0, b"tat")])[0], Event::Burst);
    // Two are as many as a slow line brings at once; but a number and a letter are an answer's end.
    assert_eq!(read(&[(0, b"jt")]), typed("jt"));
    assert_eq!(read(&[(0, b"6t")])[0], Event::Burst);
    assert_eq!(read(&[(0, b"t\x07")]), [Event::Garbled, press(Chord::Char('t'))]);
    assert_eq!(read(&[(0, b"\x1b[6;257Mt")]), [Event::Garbled, press(Chord::Char('t'))]);
    // A hand that types as fast as it can, and a key that repeats itself.
    assert_eq!(read(&[(0, b"a"), (30, b"b"), (30, b"c"), (30, b"d")]), typed("abcd"));
    assert_eq!(read(&[(0, b"jjjjjjjjjj")]), typed("jjjjjjjjjj"));
}

/// A script that looks at the screen is faster than any hand, and a fast machine shows a key's work within a millisecond.
#[test]
fn what_answers_to_the_screen_is_no_burst_with_what_was_before() {
    let at = Duration::from_micros;
    let mut guard = Guard::default();
    assert_eq!(guard.read(b"1\r", at(0)), [press(Chord::Char('1')), press(Chord::Enter)]);
    guard.shown(at(700));
    assert_eq!(guard.read(b"J", at(750)), typed("J"));
    // What was on its way already when the screen changed is none.
    assert_eq!(guard.read(b"1\r", at(9000)), [press(Chord::Char('1')), press(Chord::Enter)]);
    guard.shown(at(9800));
    assert_eq!(guard.read(b"J", at(9700))[0], Event::Burst);
    // Nor is what comes when nothing was shown since.
    assert_eq!(guard.read(b"1\rJ", at(20_000))[0], Event::Burst);
}

// ---- generated: answers, cuts, mixtures, losses --------------------------------------------

/// How many are tried; `GUARD_ROUNDS=10000000` for a long run.
fn rounds(usual: u64) -> u64 {
    #[expect(clippy::disallowed_methods, reason = "a longer run, by hand")]
    let asked = std::env::var("GUARD_ROUNDS").ok().and_then(|it| it.parse().ok());
    asked.unwrap_or(usual)
}

/// Anything that is printed, keys that act before all.
fn words(rng: &mut StdRng, out: &mut Vec<u8>) {
    const KEYS: &[u8] = b"tuaJB1qoxvfnYisdremp0+-! ;|>=/";
    for _ in 0..rng.random_range(0..24) {
        match rng.random_range(0..10) {
            0 => out.extend("åÜ€".as_bytes()),
            1 => out.push(rng.random_range(0x20..0x7f)),
            _ => out.push(KEYS[rng.random_range(0..KEYS.len())]),
        }
    }
}

fn numbers(rng: &mut StdRng, out: &mut Vec<u8>) {
    for nth in 0..rng.random_range(1..5) {
        if nth > 0 {
            out.push(b';');
        }
        out.extend(rng.random_range(0..300_u32).to_string().as_bytes());
    }
}

/// How many bytes say that something of the terminal's own begins.
fn introducer(answer: &[u8]) -> usize {
    if answer[0] == 0x1b { 2 } else { 1 }
}

/// One answer, report or paste, whole.
fn answer(rng: &mut StdRng) -> Vec<u8> {
    let mut out = Vec::new();
    match rng.random_range(0..8) {
        // Strings, with both ends and in eight bits.
        0..=2 => {
            let begins: [&[u8]; 6] = [b"\x1b]", b"\x1bP", b"\x1b_", b"\x1b^", b"\x1bX", b"\x90"];
            let begin = begins[rng.random_range(0..begins.len())];
            out.extend(begin);
            words(rng, &mut out);
            let is_osc = begin == b"\x1b]" && rng.random_bool(0.4);
            out.extend(if is_osc { &b"\x07"[..] } else { b"\x1b\\" });
        }
        3 | 4 => {
            out.extend(b"\x1b[");
            let marks = [&b"?"[..], b">", b"=", b""];
            let mark = marks[rng.random_range(0..marks.len())];
            out.extend(mark);
            numbers(rng, &mut out);
            let ends = [&b"c"[..], b"n", b"t", b"$y", b"u", b"R"];
            out.extend(ends[rng.random_range(0..ends.len())]);
        }
        5 => {
            out.extend(b"\x1b[<");
            numbers(rng, &mut out);
            out.push(if rng.random_bool(0.5) { b'M' } else { b'm' });
        }
        6 => {
            let focus = [&b"\x1b[I"[..], b"\x1b[O", b"\x1b[Mtat"];
            out.extend(focus[rng.random_range(0..focus.len())]);
        }
        _ => {
            out.extend(b"\x1b[200~");
            words(rng, &mut out);
            out.extend(b"\r\x1b[201~");
        }
    }
    out
}

/// Cut in up to `cuts` places, with gaps of up to `longest` milliseconds.
fn cut(rng: &mut StdRng, bytes: &[u8], cuts: usize, longest: u32) -> Vec<(u32, Vec<u8>)> {
    let mut at: Vec<usize> =
        (0..rng.random_range(0..=cuts)).map(|_| rng.random_range(0..=bytes.len())).collect();
    at.extend([0, bytes.len()]);
    at.sort_unstable();
    at.dedup();
    at.windows(2).map(|ends| (rng.random_range(0..=longest), bytes[ends[0]..ends[1]].to_vec())).collect()
}

#[test]
fn no_answer_cut_or_mixed_as_one_likes_is_ever_a_key() {
    let mut rng = StdRng::seed_from_u64(9);
    let (mut guard, mut now) = (Guard::default(), Duration::ZERO);
    let mut asked = 0;
    while asked < rounds(30_000) {
        let count = rng.random_range(1..4_u64);
        let bytes: Vec<u8> = (0..count).flat_map(|_| answer(&mut rng)).collect();
        asked += count;
        let mut events = Vec::new();
        // A paste is over after a second, so no gap is longer.
        for (gap, piece) in cut(&mut rng, &bytes, 4, 999) {
            now += MS * gap;
            events.extend(guard.read(&piece, now));
        }
        for event in &events {
            let is_key = matches!(event, Event::Press(chord) if *chord != Chord::Esc);
            assert!(!is_key && !matches!(event, Event::Unfinished(_)), "{event:?} of {bytes:?}");
        }
        // And the desk is not deaf behind it.
        now += MS * 2100;
        assert_eq!(guard.read(b"j", now), typed("j"), "after {bytes:?}");
    }
}

/// With bytes lost on the way nobody can tell an answer from keys; but nothing is done of it without its question.
#[test]
fn of_answers_with_bytes_lost_nothing_is_done_without_its_question() {
    let mut rng = StdRng::seed_from_u64(10);
    let start = Desk::with(night::busy());
    let (mut desk, mut questions) = (Desk::with(night::busy()), 0);
    for round in 0..rounds(1_500) {
        desk.model = start.model.clone();
        let (mut guard, mut now) = (Guard::default(), Duration::ZERO);
        let answers: Vec<Vec<u8>> = (0..rng.random_range(1..3)).map(|_| answer(&mut rng)).collect();
        let mut bytes = answers.concat();
        let lost = rng.random_range(1..4).min(bytes.len());
        // The first byte is the one that hurts.
        let first = if rng.random_bool(0.5) { 0 } else { rng.random_range(0..=bytes.len() - lost) };
        bytes.drain(first..first + lost);
        // Without its beginning and in packets a second apart, `61t` is what a hand types: that nobody can tell, unless
        // there was an answer before it. That somebody looks at the window is none, nor is a paste.
        let ends = |at: usize, answer: &[u8]| first + lost >= at + introducer(answer);
        let is_told =
            |answer: &[u8]| !matches!(answer, b"\x1b[I" | b"\x1b[O") && !answer.starts_with(b"\x1b[200~");
        let (is_lost, at) = match answers.as_slice() {
            [one, ..] if first <= 1 && ends(0, one) => (true, 0),
            [one, two] if !is_told(one) && first <= one.len() + 1 && ends(one.len(), two) => {
                (true, one.len())
            }
            _ => (false, 0),
        };
        // An ESC that is left of it is a key. What comes behind it is one, too, if it is alone or before the next.
        let rest = at + usize::from(is_lost && bytes.get(at) == Some(&0x1b));
        if is_lost && bytes[rest..].iter().take_while(|byte| **byte != 0x1b).count() == 1 {
            continue;
        }
        let pieces = match is_lost {
            true => vec![
                (rng.random_range(0..=999), bytes[..rest].to_vec()),
                (rng.random_range(0..=999), bytes[rest..].to_vec()),
            ],
            false => cut(&mut rng, &bytes, 2, 999),
        };
        let mut told = Vec::new();
        for (gap, piece) in pieces {
            now += MS * gap;
            told.push((now, guard.read(&piece, now)));
        }
        now += MS * 2100;
        told.push((now, guard.expire(now)));
        for (at, events) in told {
            desk.send(Msg::Tick(night::now() + TimeDelta::from_std(at).unwrap()));
            for input in events.into_iter().filter_map(input::of) {
                desk.send(Msg::Input(input));
            }
        }
        let effects = desk.take();
        let is_act = |it: &Effect| matches!(it, Effect::Submit(_) | Effect::Quit | Effect::Suspend);
        assert!(!effects.iter().any(is_act), "round {round}: {effects:?} of {bytes:?}");
        questions += usize::from(!desk.model.overlays.is_empty());
        assert_eq!(guard.read(b"j", now + MS * 2100), typed("j"), "after {bytes:?}");
    }
    assert!(questions > 0, "the generator makes something that could act");
}

#[test]
fn what_was_dropped_is_said_and_an_act_beside_it_asks_first() {
    let mut desk = Desk::with(night::busy());
    desk.send(Msg::Input(input::Input::Unfinished(Unfinished::Paste)));
    assert_eq!(desk.model.notice, Some(Notice::Unfinished(Unfinished::Paste)));
    desk.shows("smidt væk");
    desk.press("t").shows("tag Nødkald 12");
    assert!(desk.submitted().is_empty());
    // Bytes of the same making are no answer either.
    desk.press("J").shows("ingen har tastet");
    assert!(desk.submitted().is_empty());
    desk.pass(TimeDelta::seconds(3)).press("J");
    assert_eq!(desk.submitted().len(), 1);
}
