//! What the terminal sends, told apart: what a hand did, and what the terminal says of itself. Pure: bytes and time in,
//! events out.
//!
//! Owns every state that bytes can leave the reading in, and how each of them ends: a sequence at its last byte, else
//! after a length or a time, so that nothing that was cut off, garbled or never ended makes the desk deaf or is typed as
//! keys. Knows no key's meaning. Must never read a clock.
//!
//! - A lone ESC is the key Escape after [`ESCAPE_AFTER`]; what then begins like a sequence within [`SILENCE`] is its
//!   remainder (a slow line) and is swallowed.
//! - Strings (OSC, DCS, APC, PM, SOS) and control sequences reach to their end. After [`SILENCE`] they are dropped and
//!   that is said; longer than [`STRING_BYTES_MAX`] or [`WHOLE`] they are over as soon as nothing comes for [`PAUSE`].
//! - A paste ends at its mark. After [`PASTE_SILENCE`] without it, or longer than [`PASTE_BYTES_MAX`], it is dropped and
//!   that is said: half a text is none.
//! - Alt with a key is nobody's. Keyboard protocols that were not asked for (`CSI … u`, modifyOtherKeys) are swallowed.

mod sequence;

use std::time::Duration;

use super::keymap::Chord;

/// An ESC with nothing behind it is a key after this long.
pub const ESCAPE_AFTER: Duration = Duration::from_millis(50);
/// A sequence that was begun and goes on no more is over after this long.
pub const SILENCE: Duration = Duration::from_secs(2);
/// A paste that goes on no more is over after this long.
pub const PASTE_SILENCE: Duration = Duration::from_secs(1);
/// A sequence that lasts longer than this is over at the next [`PAUSE`]: else keys would keep it alive.
pub const WHOLE: Duration = Duration::from_secs(10);
/// The same of a paste, which may be long on a slow line.
pub const PASTE_WHOLE: Duration = Duration::from_secs(30);
pub const PAUSE: Duration = Duration::from_millis(100);
/// Longest string (bytes). What is beyond is still swallowed.
pub const STRING_BYTES_MAX: usize = 64 * 1024;
pub const PASTE_BYTES_MAX: usize = 1024 * 1024;
/// Longest control sequence that is a key (bytes); answers may be longer, and are dropped anyway.
const CSI_BYTES_MAX: usize = 64;
/// As much of a string is kept as an answer has that anybody wants.
const ANSWER_BYTES_MAX: usize = 64;
/// Characters that come closer together than a hand types are one burst, unless the screen showed what the first did.
const BURST_GAP: Duration = Duration::from_millis(2);
/// So many in a burst, not all alike, are no hand's. One that is held down repeats itself.
const BURST_LENGTH: usize = 3;

const ESC: u8 = 0x1b;
const PASTE_ENDS: &[u8] = b"\x1b[201~";
const PASTE_ENDS_C1: &[u8] = b"\x9b201~";

/// What came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    Press(Chord),
    Paste(String),
    /// The window is looked at, or no more.
    Focus(bool),
    /// The terminal's answer to what its background is: red, green, blue.
    Background([u8; 3]),
    /// Something was begun and never ended, and is dropped.
    Unfinished(Unfinished),
    /// Bytes that no keyboard sends: an answer that nobody asked for, or what is left of one. What stands beside them
    /// may be no key either.
    Garbled,
    /// More characters at once than a hand types. Comes before them.
    Burst,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfinished {
    /// A sequence of the terminal's own.
    Answer,
    Paste,
}

/// What has been begun.
#[derive(Debug)]
enum State {
    Ground,
    Escape,
    /// The ESC was told as a key already.
    LateEscape,
    Csi(Vec<u8>),
    /// The three bytes of an old mouse report, or the one of a Linux console's function key.
    After {
        left: u8,
        linux: bool,
    },
    Ss3,
    /// A character of several bytes; `is_alt` when an ESC stands before it.
    Utf8 {
        bytes: Vec<u8>,
        is_alt: bool,
    },
    Text(Text),
    Paste(Vec<u8>),
}

/// A string of the terminal's own.
#[derive(Debug, Default)]
struct Text {
    is_osc: bool,
    /// Its beginning.
    kept: Vec<u8>,
    length: usize,
    /// An ESC was its last byte.
    has_esc: bool,
    /// Bytes of a character that are still to come, and its first one.
    utf8_left: u8,
    utf8_lead: u8,
}

/// Characters that came close together.
#[derive(Debug, Default)]
struct Burst {
    length: usize,
    last: Option<char>,
    /// They are not all alike.
    is_mixed: bool,
    /// A letter came right behind a digit, as at the end of an answer that lost its beginning.
    is_answers_end: bool,
}

impl Burst {
    fn add(&mut self, c: char) {
        self.length += 1;
        if let Some(last) = self.last.replace(c) {
            self.is_mixed |= last != c;
            self.is_answers_end |= last.is_ascii_digit() && c.is_ascii_alphabetic();
        }
    }

    fn is_no_hands(&self) -> bool {
        self.is_answers_end || self.is_mixed && self.length >= BURST_LENGTH
    }
}

/// Reads what a terminal sends. Times are those of any steady clock.
#[derive(Debug)]
pub struct Guard {
    state: State,
    /// When what is being read began, and when its last byte came.
    began_at: Duration,
    last_at: Duration,
    /// Longer than it may be.
    is_over: bool,
    /// Begun behind an ESC that was told as a key: no key.
    is_remainder: bool,
    burst: Burst,
    burst_at: Duration,
    shown_at: Option<Duration>,
    out: Vec<Event>,
}

impl Default for Guard {
    fn default() -> Self {
        let zero = Duration::ZERO;
        Self {
            state: State::Ground,
            began_at: zero,
            last_at: zero,
            is_over: false,
            is_remainder: false,
            burst: Burst::default(),
            burst_at: zero,
            shown_at: None,
            out: Vec::new(),
        }
    }
}

impl Guard {
    /// When [`Self::expire`] must be called, unless bytes come before.
    pub fn due(&self) -> Option<Duration> {
        let lasted = self.last_at.saturating_sub(self.began_at);
        let silence = match &self.state {
            State::Ground => return None,
            State::Escape => ESCAPE_AFTER,
            State::Paste(_) if lasted > PASTE_WHOLE => PAUSE,
            State::Paste(_) => PASTE_SILENCE,
            State::LateEscape => SILENCE,
            _ if self.is_over || lasted > WHOLE => PAUSE,
            _ => SILENCE,
        };
        Some(self.last_at + silence)
    }

    /// Time has come to `now`: ends what has waited for too long.
    pub fn expire(&mut self, now: Duration) -> Vec<Event> {
        while let Some(due) = self.due().filter(|due| *due <= now) {
            match std::mem::replace(&mut self.state, State::Ground) {
                State::Escape => {
                    self.press(Chord::Esc);
                    // From the byte on, so that the key's own wait counts.
                    self.state = State::LateEscape;
                }
                State::Ground | State::LateEscape => {}
                State::Paste(_) => self.out.push(Event::Unfinished(Unfinished::Paste)),
                _ => self.out.push(Event::Unfinished(Unfinished::Answer)),
            }
            debug_assert!(self.due().is_none_or(|next| next > due), "each expiry ends something");
        }
        std::mem::take(&mut self.out)
    }

    /// What was taken in is on the screen from `at` on: what comes later may be somebody's answer to it, however fast
    /// (a script that looks at the screen is), and is no burst with what came before.
    pub fn shown(&mut self, at: Duration) {
        self.shown_at = Some(at);
    }

    /// Takes in what was read at `now`.
    pub fn read(&mut self, bytes: &[u8], now: Duration) -> Vec<Event> {
        let mut before = self.expire(now);
        let was_seen = self.shown_at.is_some_and(|at| at > self.burst_at && at <= now);
        if was_seen || now.saturating_sub(self.burst_at) > BURST_GAP {
            self.burst = Burst::default();
        }
        for byte in bytes {
            self.byte(*byte, now);
            self.last_at = now;
        }
        self.burst_at = now;
        let out = std::mem::take(&mut self.out);
        // What tells that the others may be no keys comes before them.
        before.extend(self.burst.is_no_hands().then_some(Event::Burst));
        before.extend(out.contains(&Event::Garbled).then_some(Event::Garbled));
        before.extend(out.into_iter().filter(|event| *event != Event::Garbled));
        before
    }

    fn byte(&mut self, byte: u8, now: Duration) {
        match std::mem::replace(&mut self.state, State::Ground) {
            State::Ground => self.ground(byte, now),
            State::Escape => self.escape(byte, now),
            State::LateEscape => match byte {
                b'[' | b'O' | b']' | b'P' | b'_' | b'^' | b'X' => {
                    self.escape(byte, now);
                    self.is_remainder = true;
                }
                _ => self.ground(byte, now),
            },
            State::Csi(read) => self.csi(read, byte, now),
            State::After { left, linux } => self.after(left, linux, byte, now),
            State::Ss3 => self.ss3(byte, now),
            State::Utf8 { bytes, is_alt } => self.utf8(bytes, is_alt, byte, now),
            State::Text(text) => self.text(text, byte, now),
            State::Paste(read) => self.paste(read, byte),
        }
    }

    fn begin(&mut self, state: State, now: Duration) {
        self.state = state;
        self.began_at = now;
        self.is_over = false;
        self.is_remainder = false;
    }

    fn press(&mut self, chord: Chord) {
        if let Chord::Char(c) = chord {
            self.burst.add(c);
        }
        self.out.push(Event::Press(chord));
    }

    fn garbled(&mut self) {
        self.out.push(Event::Garbled);
    }

    fn ground(&mut self, byte: u8, now: Duration) {
        match byte {
            ESC => self.begin(State::Escape, now),
            0x00 => {}
            // The end of a string whose beginning was lost.
            0x07 => self.garbled(),
            b'\r' => self.press(Chord::Enter),
            b'\t' => self.press(Chord::Tab),
            0x08 | 0x7f => self.press(Chord::Backspace),
            0x01..=0x1a => self.press(Chord::Ctrl(char::from(byte - 1 + b'a'))),
            0x1c..=0x1f => self.press(Chord::Ctrl(char::from(byte - 0x1c + b'\\'))),
            0x20..=0x7e => self.press(Chord::Char(char::from(byte))),
            0x80..=0x9f => self.c1(byte, now),
            0xc2..=0xf4 => self.begin(State::Utf8 { bytes: vec![byte], is_alt: false }, now),
            _ => self.garbled(),
        }
    }

    /// Right behind an ESC.
    fn escape(&mut self, byte: u8, now: Duration) {
        match byte {
            b'[' => self.begin(State::Csi(Vec::new()), now),
            b'O' => self.begin(State::Ss3, now),
            b']' => self.begin_text(true, now),
            b'P' | b'_' | b'^' | b'X' => self.begin_text(false, now),
            ESC => {
                self.press(Chord::Esc);
                self.begin(State::Escape, now);
            }
            0x03 => self.ground(byte, now),
            0xc2..=0xf4 => self.begin(State::Utf8 { bytes: vec![byte], is_alt: true }, now),
            // Alt with a key, the end of a string that never began, or what is left of a sequence.
            _ => self.garbled(),
        }
    }

    /// One byte that stands for an ESC and a letter.
    fn c1(&mut self, byte: u8, now: Duration) {
        match byte {
            0x8f => self.begin(State::Ss3, now),
            0x90 | 0x98 | 0x9e | 0x9f => self.begin_text(false, now),
            0x9b => self.begin(State::Csi(Vec::new()), now),
            0x9d => self.begin_text(true, now),
            _ => self.garbled(),
        }
    }

    fn begin_text(&mut self, is_osc: bool, now: Duration) {
        self.begin(State::Text(Text { is_osc, ..Text::default() }), now);
    }

    fn utf8(&mut self, mut bytes: Vec<u8>, is_alt: bool, byte: u8, now: Duration) {
        if !(0x80..=0xbf).contains(&byte) {
            self.garbled();
            return self.ground(byte, now);
        }
        bytes.push(byte);
        match std::str::from_utf8(&bytes) {
            Ok(text) => match text.chars().next() {
                Some(c @ '\u{80}'..='\u{9f}') => self.c1(u8::try_from(u32::from(c)).unwrap_or_default(), now),
                Some(_) if is_alt => self.garbled(),
                Some(c) => self.press(Chord::Char(c)),
                None => {}
            },
            // More is to come.
            Err(error) if error.error_len().is_none() => self.state = State::Utf8 { bytes, is_alt },
            Err(_) => self.garbled(),
        }
    }

    /// A sequence that was left before its end.
    fn left(&mut self, byte: u8, now: Duration) {
        self.garbled();
        match byte {
            ESC | 0x03 => self.ground(byte, now),
            0x80..=0x9f => self.c1(byte, now),
            _ => {}
        }
    }

    fn csi(&mut self, mut read: Vec<u8>, byte: u8, now: Duration) {
        match byte {
            b'[' if read.is_empty() => self.state = State::After { left: 1, linux: true },
            b'M' if read.is_empty() => self.state = State::After { left: 3, linux: false },
            0x20..=0x3f => {
                if read.len() < CSI_BYTES_MAX {
                    read.push(byte);
                } else {
                    self.is_over = true;
                }
                self.state = State::Csi(read);
            }
            0x40..=0x7e => self.csi_ends(&read, byte, now),
            0x7f => self.state = State::Csi(read),
            _ => self.left(byte, now),
        }
    }

    fn csi_ends(&mut self, read: &[u8], last: u8, now: Duration) {
        if self.is_over {
            return;
        }
        if sequence::may_be_of_a_paste(read, last) {
            self.garbled();
        }
        match sequence::csi(read, last) {
            Some(sequence::Csi::Paste) => self.begin(State::Paste(Vec::new()), now),
            Some(sequence::Csi::Focus(has_it)) => self.out.push(Event::Focus(has_it)),
            Some(sequence::Csi::Key(chord)) if !self.is_remainder => self.press(chord),
            Some(sequence::Csi::Key(_)) => {}
            // An answer, and nobody asked: the next may have lost its beginning, and this one its end.
            None => self.garbled(),
        }
    }

    fn after(&mut self, left: u8, linux: bool, byte: u8, now: Duration) {
        match byte {
            ESC | 0x03 => self.left(byte, now),
            b'A'..=b'E' if linux && self.is_remainder => {}
            b'A'..=b'E' if linux => self.press(Chord::F(byte - b'A' + 1)),
            _ if left > 1 => self.state = State::After { left: left - 1, linux },
            _ => self.garbled(),
        }
    }

    fn ss3(&mut self, byte: u8, now: Duration) {
        match byte {
            0x20..=0x7e => {
                if let Some(chord) = sequence::ss3(byte).filter(|_| !self.is_remainder) {
                    self.press(chord);
                }
            }
            _ => self.left(byte, now),
        }
    }

    fn text(&mut self, mut text: Text, byte: u8, now: Duration) {
        if std::mem::take(&mut text.has_esc) {
            match byte {
                b'\\' => self.text_ends(&text),
                // It was left for another sequence.
                _ => {
                    self.garbled();
                    self.escape(byte, now);
                }
            }
            return;
        }
        let is_in_character = text.utf8_left > 0 && (0x80..=0xbf).contains(&byte);
        let ends = match byte {
            0x07 => text.is_osc,
            0x9c => !is_in_character || text.utf8_lead == 0xc2,
            _ => false,
        };
        if ends {
            return self.text_ends(&text);
        }
        match byte {
            ESC => {
                text.has_esc = true;
                self.state = State::Text(text);
                return;
            }
            // Cancel and substitute end any sequence.
            0x18 | 0x1a => return self.garbled(),
            0xc2..=0xf4 => {
                text.utf8_left = if byte < 0xe0 { 1 } else { 2 + u8::from(byte >= 0xf0) };
                text.utf8_lead = byte;
            }
            _ => text.utf8_left = if is_in_character { text.utf8_left - 1 } else { 0 },
        }
        text.length += 1;
        if text.kept.len() < ANSWER_BYTES_MAX {
            text.kept.push(byte);
        }
        self.is_over |= text.length > STRING_BYTES_MAX;
        self.state = State::Text(text);
    }

    fn text_ends(&mut self, text: &Text) {
        let is_whole = text.length <= ANSWER_BYTES_MAX;
        match sequence::background(&text.kept).filter(|_| text.is_osc && is_whole) {
            Some(colour) => self.out.push(Event::Background(colour)),
            None => self.garbled(),
        }
    }

    fn paste(&mut self, mut read: Vec<u8>, byte: u8) {
        read.push(byte);
        if read.len() > PASTE_BYTES_MAX {
            // Only its end is still looked for.
            self.is_over = true;
            read.drain(..PASTE_BYTES_MAX / 2);
        }
        let Some(length) = pasted(&read) else {
            self.state = State::Paste(read);
            return;
        };
        if self.is_over {
            self.out.push(Event::Unfinished(Unfinished::Paste));
            return;
        }
        read.truncate(length);
        self.out.push(Event::Paste(String::from_utf8_lossy(&read).into_owned()));
    }
}

/// Length of a paste when its end has been read.
fn pasted(read: &[u8]) -> Option<usize> {
    if read.ends_with(PASTE_ENDS) {
        return Some(read.len() - PASTE_ENDS.len());
    }
    let length = read.len().checked_sub(PASTE_ENDS_C1.len()).filter(|_| read.ends_with(PASTE_ENDS_C1))?;
    // The second byte of a letter is no control character.
    match length.checked_sub(1).map(|at| read[at]) {
        Some(0xc2) => Some(length - 1),
        Some(0xc3..=0xf4) => None,
        _ => Some(length),
    }
}
